#include "registry_private.h"

#include "text.h"

#include <stdio.h>

/*
 * What a digest was found to be for a CPU. Content that is addressed by its digest never changes,
 * so this is kept for as long as the process runs.
 */
struct known {
    char *key; /* "sha256:... arm64" */
    enum image_verdict verdict;
    char *detail;
    UT_hash_handle hh;
};

enum { KEY_SIZE = 160, SHA256_SIZE = sizeof("sha256:") + 64 };

/* ---- keeping ---- */

/* uthash's macros count as this code. NOLINTBEGIN(readability-function-size) */

static void known_destroy(struct registry *registry, struct known *known)
{
    HASH_DEL(registry->knowns, known);
    xfree(known->key);
    xfree(known->detail);
    xfree(known);
}

void knowns_destroy(struct registry *registry)
{
    struct known *known, *next;
    HASH_ITER(hh, registry->knowns, known, next) {
        known_destroy(registry, known);
    }
}

static void make_key(const struct inquiry *inquiry, char ret_key[KEY_SIZE])
{
    (void)snprintf(ret_key, KEY_SIZE, "%s %s", inquiry->digest, image_cpu_name(inquiry->cpu));
}

static const struct known *known_find(const struct inquiry *inquiry)
{
    char key[KEY_SIZE];
    struct known *known = NULL;
    make_key(inquiry, key);
    HASH_FIND_STR(inquiry->registry->knowns, key, known);
    return known;
}

static void known_add(const struct inquiry *inquiry, enum image_verdict verdict, const char *detail)
{
    struct registry *registry = inquiry->registry;
    char key[KEY_SIZE];
    make_key(inquiry, key);
    if (known_find(inquiry) != NULL) return;
    if (HASH_COUNT(registry->knowns) >= REGISTRY_IMAGES_MAX) {
        known_destroy(registry, registry->knowns); /* the oldest */
    }
    struct known *known = xcalloc(1, sizeof(*known));
    known->key = xstrdup(key);
    known->verdict = verdict;
    known->detail = xstrdup(detail);
    HASH_ADD_KEYPTR(hh, registry->knowns, known->key, strlen(known->key), known);
}

/* NOLINTEND(readability-function-size) */

/* ---- verdicts on what is there ---- */

/* `detail` is what was found: platforms, or why it cannot be run. */
static void end_found(struct inquiry *inquiry, enum image_verdict verdict, const char *detail)
{
    const char *cpu = image_cpu_name(inquiry->cpu);
    switch ((int)verdict) {
    case IMAGE_FOUND:
        inquiry_end(inquiry, verdict, "%s exists, for %s%s", inquiry->name, detail,
                    inquiry_notes(inquiry));
        break;
    case IMAGE_OTHER_PLATFORM:
        inquiry_end(inquiry, verdict,
                    "%s was built for %s only; the node type needs linux/%s: build it for that, or "
                    "choose another node_type_id",
                    inquiry->name, detail, cpu);
        break;
    default:
        inquiry_end(inquiry, verdict, "%s is there, and %s; name an image in docker_image.url",
                    inquiry->name, detail);
        break;
    }
}

static void conclude(struct inquiry *inquiry, enum image_verdict verdict, const char *detail)
{
    known_add(inquiry, verdict, detail);
    end_found(inquiry, verdict, detail);
}

/* The digest is as good as the document; false: nothing is known of it. */
static bool conclude_from_memory(struct inquiry *inquiry)
{
    const struct known *known = known_find(inquiry);
    if (known == NULL) return false;
    end_found(inquiry, known->verdict, arena_strdup(&inquiry->arena, known->detail));
    return true;
}

static void end_mismatch(struct inquiry *inquiry, const char *what)
{
    inquiry_end(inquiry, IMAGE_UNREACHABLE,
                "%s: %s is not what its digest says; the registry or something on the way to it is "
                "broken: look at it before anything is pulled",
                inquiry->name, what);
}

/* ---- HEAD ---- */

static void ask_manifest(struct inquiry *inquiry, const char *method)
{
    exchange_ask(inquiry, method,
                 arena_printf(&inquiry->arena, "manifests/%s", inquiry->reference));
}

void manifest_head(struct inquiry *inquiry)
{
    ask_manifest(inquiry, "HEAD");
}

/* A digest that can be compared with one by the same algorithm. */
static bool differs(const char *a, const char *b)
{
    size_t len = strcspn(a, ":");
    return strncmp(a, b, len + 1) == 0 && strcmp(a, b) != 0;
}

void manifest_head_answer(struct inquiry *inquiry)
{
    const char *digest = inquiry_header(inquiry, "docker-content-digest");
    const char *wanted = inquiry->ref.digest;
    if (!oci_is_digest(digest)) digest = wanted; /* container-registry.md 5: not all send it */
    if (wanted != NULL && differs(wanted, digest)) {
        end_mismatch(inquiry, "the manifest that the registry has");
        return;
    }
    inquiry->is_there = true;
    inquiry->digest = digest;
    if (digest != NULL && conclude_from_memory(inquiry)) return;
    exchange_begin_task(inquiry, TASK_GET);
}

/* ---- GET ---- */

/* A GET counts as a pull where pulls are counted, and there are none left. */
static bool is_out_of_pulls(struct inquiry *inquiry)
{
    struct registry *registry = inquiry->registry;
    int64_t wait_ms = inquiry->host->pulls_until_ms - registry_now_ms(registry);
    char text[TEXT_DURATION_SIZE];
    if (wait_ms <= 0) return false;
    /* HEAD is free and tells when there are pulls again: there is no need to wait for all of it. */
    if (wait_ms > registry->config.fresh_ms) wait_ms = registry->config.fresh_ms;
    inquiry->again_ms = wait_ms;
    inquiry_end(inquiry, IMAGE_THROTTLED,
                "%s exists; whether it fits the node type cannot be looked at now: %s allows no "
                "more pulls at present; it is asked again in %s",
                inquiry->name, inquiry->ref.host, text_from_duration_ms(wait_ms, text));
    return true;
}

void manifest_get(struct inquiry *inquiry)
{
    /* Where HEAD found nothing, GET is to say why: that is no pull. */
    if (!inquiry->is_there || !is_out_of_pulls(inquiry)) ask_manifest(inquiry, "GET");
}

static void hash_reply(const struct inquiry *inquiry, char ret_digest[SHA256_SIZE])
{
    const struct buf *reply = &inquiry->http.reply;
    struct digest digest = digest_of(buf_text(reply), reply->len);
    memcpy(ret_digest, "sha256:", sizeof("sha256:") - 1);
    digest_hex(&digest, ret_digest + sizeof("sha256:") - 1);
}

static const struct oci_descriptor *first_nested(const struct oci_document *index)
{
    enum oci_kind kind;
    for (size_t i = 0; i < index->entries_len; i++) {
        const struct oci_descriptor *entry = &index->entries[i];
        if (oci_kind_of(entry->media_type, &kind) && kind == OCI_INDEX) return entry;
    }
    return NULL;
}

static void take_index(struct inquiry *inquiry, const struct oci_document *index)
{
    const char *platforms = oci_platforms(&inquiry->arena, index);
    const struct oci_descriptor *chosen = oci_choose(index, inquiry->cpu);
    const struct oci_descriptor *nested = first_nested(index);
    enum oci_kind kind = OCI_MANIFEST;
    bool is_nested = chosen != NULL && oci_kind_of(chosen->media_type, &kind) && kind == OCI_INDEX;
    if (chosen != NULL && !is_nested) {
        conclude(inquiry, IMAGE_FOUND, platforms);
    } else if (nested != NULL && inquiry->depth < REGISTRY_NESTED_MAX) {
        inquiry->depth++;
        inquiry->reference = nested->digest;
        exchange_begin_task(inquiry, TASK_GET);
    } else if (index->entries_len == 0) {
        conclude(inquiry, IMAGE_NOT_RUNNABLE, "it is an index without any image");
    } else {
        conclude(inquiry, IMAGE_OTHER_PLATFORM, platforms);
    }
}

static void take_document(struct inquiry *inquiry, const struct oci_document *document)
{
    switch (document->kind) {
    case OCI_INDEX:
        take_index(inquiry, document);
        break;
    case OCI_MANIFEST:
        inquiry->config = document->config;
        exchange_begin_task(inquiry, TASK_CONFIG);
        break;
    case OCI_SCHEMA1:
        conclude(inquiry, IMAGE_NOT_RUNNABLE,
                 "its manifest is of the old schema 1, which is not supported any more");
        break;
    case OCI_ARTIFACT:
        conclude(inquiry, IMAGE_NOT_RUNNABLE,
                 "it is no image that can be run, but a chart, a signature or the like");
        break;
    }
}

void manifest_get_answer(struct inquiry *inquiry)
{
    const struct buf *reply = &inquiry->http.reply;
    const char *type = inquiry_header(inquiry, "content-type");
    char digest[SHA256_SIZE];
    struct oci_document document;
    struct err err;
    hash_reply(inquiry, digest);
    if (oci_is_digest(inquiry->reference) && differs(inquiry->reference, digest)) {
        end_mismatch(inquiry, "the manifest that the registry sent");
        return;
    }
    if (!oci_read(&inquiry->arena, buf_text(reply), reply->len, type, &document, &err)) {
        inquiry_end(inquiry, IMAGE_UNREACHABLE,
                    "%s cannot be looked at: %s answered something else than a manifest (%s); is "
                    "it a container registry?",
                    inquiry->name, inquiry->ref.host, err.text);
        return;
    }
    if (inquiry->depth == 0 && inquiry->ref.digest == NULL) {
        /* Ours, and not what the header said: registries get that wrong. */
        inquiry->digest = arena_strdup(&inquiry->arena, digest);
    }
    if (inquiry->digest == NULL) inquiry->digest = inquiry->ref.digest;
    if (inquiry->depth > 0 || !conclude_from_memory(inquiry)) take_document(inquiry, &document);
}

/* ---- configuration ---- */

void manifest_config(struct inquiry *inquiry)
{
    exchange_ask(inquiry, "GET", arena_printf(&inquiry->arena, "blobs/%s", inquiry->config.digest));
}

void manifest_config_answer(struct inquiry *inquiry)
{
    const struct buf *reply = &inquiry->http.reply;
    char digest[SHA256_SIZE];
    struct oci_config config;
    struct err err;
    hash_reply(inquiry, digest);
    bool is_of_size = inquiry->config.size < 0 || (size_t)inquiry->config.size == reply->len;
    if (!is_of_size || differs(inquiry->config.digest, digest)) {
        end_mismatch(inquiry, "the configuration that the registry sent");
        return;
    }
    if (!oci_read_config(&inquiry->arena, buf_text(reply), reply->len, &config, &err)) {
        conclude(inquiry, IMAGE_NOT_RUNNABLE, "its configuration cannot be read");
        return;
    }
    bool is_linux = config.os == NULL || strcmp(config.os, "linux") == 0;
    bool fits =
        config.architecture == NULL || oci_architecture_is(config.architecture, inquiry->cpu);
    const char *variant = text_equal(config.variant, "v8") ? NULL : config.variant;
    const char *platform =
        config.architecture == NULL
            ? "a platform that it does not name"
            : oci_platform_name(&inquiry->arena, config.os, config.architecture, variant);
    conclude(inquiry, is_linux && fits ? IMAGE_FOUND : IMAGE_OTHER_PLATFORM, platform);
}

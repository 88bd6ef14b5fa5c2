#include "oci.h"

#include "json.h"
#include "text.h"

/* container-registry.md 4: what each media type is. */
static const struct {
    const char *media_type;
    enum oci_kind kind;
} document_types[] = {
    { "application/vnd.oci.image.index.v1+json", OCI_INDEX },
    { "application/vnd.docker.distribution.manifest.list.v2+json", OCI_INDEX },
    { "application/vnd.oci.image.manifest.v1+json", OCI_MANIFEST },
    { "application/vnd.docker.distribution.manifest.v2+json", OCI_MANIFEST },
    { "application/vnd.docker.distribution.manifest.v1+prettyjws", OCI_SCHEMA1 },
    { "application/vnd.docker.distribution.manifest.v1+json", OCI_SCHEMA1 },
};

/* Of a configuration that says how a container is run; with any other it is an artifact. */
static const char *const config_types[] = {
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
};

bool oci_kind_of(const char *media_type, enum oci_kind *ret_kind)
{
    if (media_type == NULL) return false;
    size_t len = strcspn(media_type, "; \t"); /* parameters say nothing */
    for (size_t i = 0; i < COUNT_OF(document_types); i++) {
        const char *known = document_types[i].media_type;
        if (strlen(known) != len || memcmp(known, media_type, len) != 0) continue;
        *ret_kind = document_types[i].kind;
        return true;
    }
    return false;
}

static bool is_config_type(const char *media_type)
{
    for (size_t i = 0; i < COUNT_OF(config_types); i++) {
        if (text_equal(media_type, config_types[i])) return true;
    }
    return false;
}

bool oci_is_digest(const char *text)
{
    static const struct {
        const char *prefix;
        size_t hex_len;
    } algorithms[] = { { "sha256:", 64 }, { "sha512:", 128 }, { "blake3:", 64 } };
    for (size_t i = 0; text != NULL && i < COUNT_OF(algorithms); i++) {
        if (!text_starts(text, algorithms[i].prefix)) continue;
        const char *hex = text + strlen(algorithms[i].prefix);
        size_t len = strspn(hex, "0123456789abcdef");
        return len == algorithms[i].hex_len && hex[len] == '\0';
    }
    return false;
}

/* ---- descriptors ---- */

/* "v1" of amd64 and "v8" of arm64 are what everybody has. */
static const char *variant_of(const char *architecture, const char *variant)
{
    bool is_usual = (text_equal(variant, "v1") && oci_architecture_is(architecture, IMAGE_AMD64)) ||
                    (text_equal(variant, "v8") && oci_architecture_is(architecture, IMAGE_ARM64));
    return is_usual || text_equal(variant, "") ? NULL : variant;
}

static const char *copy(struct arena *arena, const struct value *map, const char *key)
{
    return arena_strdup(arena, value_get_text(map, key));
}

static bool read_descriptor(struct arena *arena, const struct value *value,
                            struct oci_descriptor *ret_descriptor)
{
    struct oci_descriptor descriptor = { .size = -1 };
    if (value == NULL || value->kind != VALUE_MAP) return false;
    descriptor.media_type = copy(arena, value, "mediaType");
    descriptor.digest = copy(arena, value, "digest");
    (void)value_get_int(value, "size", &descriptor.size);
    const struct value *platform = value_get(value, "platform");
    if (platform != NULL && platform->kind == VALUE_MAP) {
        descriptor.os = copy(arena, platform, "os");
        descriptor.architecture = copy(arena, platform, "architecture");
        descriptor.variant = variant_of(descriptor.architecture, copy(arena, platform, "variant"));
    }
    *ret_descriptor = descriptor;
    return oci_is_digest(descriptor.digest);
}

/* BuildKit keeps its attestations beside the images (container-registry.md 6). */
static bool is_attestation(const struct value *entry, const struct oci_descriptor *descriptor)
{
    const struct value *annotations = value_get(entry, "annotations");
    bool is_marked = annotations != NULL && annotations->kind == VALUE_MAP &&
                     value_get_text(annotations, "vnd.docker.reference.type") != NULL;
    return is_marked || (text_equal(descriptor->os, "unknown") &&
                         text_equal(descriptor->architecture, "unknown"));
}

/* An entry that is neither an image nor an index is passed over. */
static bool is_image_entry(const struct oci_descriptor *descriptor)
{
    enum oci_kind kind;
    return descriptor->media_type == NULL || oci_kind_of(descriptor->media_type, &kind);
}

static bool is_list(const struct value *value)
{
    return value != NULL && value->kind == VALUE_LIST;
}

static bool check_len(const struct value *list, const char *what, struct err *err)
{
    if (list->len <= OCI_ENTRIES_MAX) return true;
    return err_set(err, ERR_LIMIT, "the document has %zu %s; %d at most are read", list->len, what,
                   OCI_ENTRIES_MAX);
}

static bool read_entries(struct arena *arena, const struct value *list,
                         struct oci_document *document, struct err *err)
{
    if (!check_len(list, "entries", err)) return false;
    struct oci_descriptor *entries = arena_alloc(arena, (list->len + 1) * sizeof(*entries));
    size_t len = 0;
    for (size_t i = 0; i < list->len; i++) {
        struct oci_descriptor entry;
        if (!read_descriptor(arena, list->u.items[i], &entry)) continue;
        bool is_wanted = is_image_entry(&entry) && !is_attestation(list->u.items[i], &entry);
        if (is_wanted) entries[len++] = entry;
    }
    document->entries = entries;
    document->entries_len = len;
    return true;
}

static bool read_layers(struct arena *arena, const struct value *list,
                        struct oci_document *document, struct err *err)
{
    if (!is_list(list)) return true;
    if (!check_len(list, "layers", err)) return false;
    struct oci_descriptor *layers = arena_alloc(arena, (list->len + 1) * sizeof(*layers));
    for (size_t i = 0; i < list->len; i++) {
        if (!read_descriptor(arena, list->u.items[i], &layers[i])) {
            return err_set(err, ERR_REJECTED, "layer %zu of the manifest is no descriptor", i + 1);
        }
    }
    document->layers = layers;
    document->layers_len = list->len;
    return true;
}

/* ---- documents ---- */

/* The kind by what is in it, where neither the answer nor the document names one. */
static bool guess_kind(const struct value *json, enum oci_kind *ret_kind)
{
    int64_t version = 0;
    if (value_get(json, "manifests") != NULL) {
        *ret_kind = OCI_INDEX;
    } else if (value_get(json, "config") != NULL) {
        *ret_kind = OCI_MANIFEST;
    } else if (value_get_int(json, "schemaVersion", &version) && version == 1) {
        *ret_kind = OCI_SCHEMA1;
    } else {
        return false;
    }
    return true;
}

static bool find_kind(const struct value *json, const char *content_type, enum oci_kind *ret_kind,
                      struct err *err)
{
    enum oci_kind said = OCI_ARTIFACT, inside = OCI_ARTIFACT;
    bool is_said = oci_kind_of(content_type, &said);
    bool is_inside = oci_kind_of(value_get_text(json, "mediaType"), &inside);
    if (is_said && is_inside && said != inside) {
        return err_set(err, ERR_REJECTED,
                       "the manifest says that it is of another type than the answer says");
    }
    if (is_said || is_inside) {
        *ret_kind = is_said ? said : inside;
        return true;
    }
    if (value_get_text(json, "mediaType") != NULL) {
        *ret_kind = OCI_ARTIFACT; /* something, and no image */
        return true;
    }
    if (guess_kind(json, ret_kind)) return true;
    return err_set(err, ERR_PROTOCOL, "the answer is neither an image nor an index of images");
}

static bool read_manifest(struct arena *arena, const struct value *json,
                          struct oci_document *document, struct err *err)
{
    if (!read_descriptor(arena, value_get(json, "config"), &document->config)) {
        return err_set(err, ERR_REJECTED, "the manifest names no configuration");
    }
    if (!is_config_type(document->config.media_type)) document->kind = OCI_ARTIFACT;
    return read_layers(arena, value_get(json, "layers"), document, err);
}

bool oci_read(struct arena *arena, const char *text, size_t len, const char *content_type,
              struct oci_document *ret_document, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *json = NULL;
    struct oci_document document = { .kind = OCI_ARTIFACT };
    if (len > OCI_MANIFEST_MAX) return err_set(err, ERR_LIMIT, "the manifest is too long");
    if (!json_read(&scratch, text, len, &json, err)) return false;
    if (json->kind != VALUE_MAP) return err_set(err, ERR_PROTOCOL, "the answer is no JSON object");
    if (!find_kind(json, content_type, &document.kind, err)) return false;
    const struct value *manifests = value_get(json, "manifests");
    if (document.kind == OCI_INDEX && !is_list(manifests)) {
        return err_set(err, ERR_REJECTED, "the index has no list of manifests");
    }
    if (document.kind == OCI_INDEX && !read_entries(arena, manifests, &document, err)) return false;
    if (document.kind == OCI_MANIFEST && !read_manifest(arena, json, &document, err)) return false;
    *ret_document = document;
    return true;
}

/* ---- platforms ---- */

bool oci_architecture_is(const char *architecture, enum image_cpu cpu)
{
    static const char *const names[][4] = {
        [IMAGE_AMD64] = { "amd64", "x86_64", "x86-64", NULL },
        [IMAGE_ARM64] = { "arm64", "aarch64", NULL, NULL },
    };
    for (size_t i = 0; names[cpu][i] != NULL; i++) {
        if (text_equal(architecture, names[cpu][i])) return true;
    }
    return false;
}

static bool entry_fits(const struct oci_descriptor *entry, enum image_cpu cpu)
{
    if (entry->os == NULL && entry->architecture == NULL) return cpu == IMAGE_AMD64;
    bool is_linux = entry->os == NULL || strcmp(entry->os, "linux") == 0;
    return is_linux && oci_architecture_is(entry->architecture, cpu);
}

const struct oci_descriptor *oci_choose(const struct oci_document *index, enum image_cpu cpu)
{
    for (size_t i = 0; i < index->entries_len; i++) {
        if (entry_fits(&index->entries[i], cpu)) return &index->entries[i];
    }
    return NULL;
}

static bool is_plain_word(const char *text)
{
    enum { WORD_MAX = 32 };
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
    return len > 0 && len <= WORD_MAX && text[len] == '\0';
}

const char *oci_platform_name(struct arena *arena, const char *os, const char *architecture,
                              const char *variant)
{
    const char *words[] = { os == NULL ? "linux" : os, architecture == NULL ? "?" : architecture,
                            variant };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (words[i] != NULL && !is_plain_word(words[i])) words[i] = "?";
    }
    if (words[2] == NULL) return arena_printf(arena, "%s/%s", words[0], words[1]);
    return arena_printf(arena, "%s/%s/%s", words[0], words[1], words[2]);
}

/* At most so many are named, so that a text stays readable. */
const char *oci_platforms(struct arena *arena, const struct oci_document *index)
{
    enum { NAMED_MAX = 8 };
    const char *all = "";
    for (size_t i = 0; i < index->entries_len; i++) {
        const struct oci_descriptor *entry = &index->entries[i];
        bool is_silent = entry->os == NULL && entry->architecture == NULL;
        const char *name =
            is_silent ? "linux/amd64"
                      : oci_platform_name(arena, entry->os, entry->architecture, entry->variant);
        if (i == NAMED_MAX) return arena_printf(arena, "%s, ...", all);
        all = i == 0 ? name : arena_printf(arena, "%s, %s", all, name);
    }
    return all;
}

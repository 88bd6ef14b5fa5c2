/*
 * Manifests: a directory of up to three files, as the program reads it.
 *
 * The bytes are split at FILE_END into files that lie below one another, so that Defaults of one
 * hold for the next. Whatever they hold: findings have places, no secret is shown, a second look
 * and one from the saved index come to the same, and what is accepted keeps its digest when its
 * canonical form is read back.
 */
#include "fuzz.h"

#include "catalogue.h"
#include "fake_files.h"
#include "findings.h"
#include "json.h"
#include "text.h"

/* No YAML holds it: it cannot stand in one of the files. */
enum { FILE_END = 0x1C, FILES = 3, JSON_MAX = 16 << 20 };

#define ROOT "/m"
/* What a seed, or a mutant of it, has for a password that is written out. */
#define LITERAL "l1teral-s3cret"

static const struct pos nowhere;

static const char *const paths[FILES] = { "a.yaml", "etl/b.yaml", "etl/load/c.yaml" };

/* What stands outside of the manifests; their texts are shown nowhere. */
static const char *const variables[][2] = {
    { "REGISTRY_USER", "env-robot-account" },
    { "REGISTRY_PASSWORD", "env-correct-horse" },
};
static const char *const hidden[] = { "env-robot-account", "env-correct-horse",
                                      "file-battery-staple" };

struct tree {
    struct fake_files *fake;
    struct secrets *secrets;
    struct source sources[FILES];
    size_t len;
};

static const char *environment(void *ctx, const char *name)
{
    (void)ctx;
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        if (text_equal(variables[i][0], name)) return variables[i][1];
    }
    return NULL;
}

static void tree_open(struct tree *tree, const uint8_t *data, size_t size)
{
    static const uint8_t key[DIGEST_KEY_BYTES] = { 7 };
    struct choices rest = { data, size };
    *tree = (struct tree){ .fake = fake_files_create() };
    do {
        struct choices bytes = choose_until(&rest, FILE_END);
        AUTO_BUF struct buf path = BUF_INIT(256);
        buf_addf(&path, ROOT "/%s", paths[tree->len]);
        const char *text = bytes.len == 0 ? "" : (const char *)bytes.at;
        tree->sources[tree->len] = (struct source){ paths[tree->len], text, bytes.len };
        fake_files_put_bytes(tree->fake, buf_text(&path), text, bytes.len);
        tree->len++;
    } while (rest.len > 0 && tree->len < FILES);
    fake_files_put(tree->fake, ROOT "/setup.sh", "#!/bin/sh\n");
    fake_files_put(tree->fake, ROOT "/etl/setup.sh", "#!/bin/sh\nset -e\n");
    fake_files_put(tree->fake, ROOT "/password", "file-battery-staple\n");
    tree->secrets = secrets_create(key, fake_files_port(tree->fake), environment, NULL);
}

static void tree_close(struct tree *tree)
{
    secrets_destroy(tree->secrets);
    fake_files_destroy(tree->fake);
}

static struct catalogue *open_catalogue(const struct tree *tree)
{
    return catalogue_create(ROOT, fake_files_port(tree->fake), tree->secrets, NULL);
}

static void scan(struct catalogue *catalogue, struct diag *diag)
{
    struct err err;
    if (!catalogue_scan(catalogue, diag, &err)) fuzz_fail("no scan: %s", err.text);
}

/* ---- what is said ---- */

static void expect_findings(const struct tree *tree, struct diag *diag)
{
    const char *words[COUNT_OF(hidden) + 1];
    size_t len = 0;
    bool is_hidden = true;
    findings_expect_places(diag, tree->sources, tree->len);
    for (size_t i = 0; i < COUNT_OF(hidden); i++) {
        size_t written = 0;
        for (size_t k = 0; k < tree->len; k++) {
            written += fuzz_count(tree->sources[k].text, tree->sources[k].len, hidden[i]);
        }
        if (written == 0) words[len++] = hidden[i]; /* else it is no secret any more */
    }
    for (size_t k = 0; k < tree->len; k++) {
        is_hidden = is_hidden && source_hides(&tree->sources[k], LITERAL);
    }
    if (is_hidden) words[len++] = LITERAL;
    findings_expect_silence(diag, words, len);
}

/* ---- what is accepted ---- */

static void write_json(const struct value *value, struct buf *out)
{
    buf_clear(out);
    json_write(value, out);
    FUZZ_EXPECT(!out->overflowed, "more than %d bytes of JSON", JSON_MAX);
}

/* Through its canonical form; NULL stays NULL. */
static const struct value *read_back(struct arena *arena, const struct value *value)
{
    AUTO_BUF struct buf json = BUF_INIT(JSON_MAX);
    AUTO_BUF struct buf again = BUF_INIT(JSON_MAX);
    const struct value *back = NULL;
    struct err err;
    if (value == NULL) return NULL;
    write_json(value, &json);
    if (!json_read(arena, buf_text(&json), json.len, &back, &err)) {
        fuzz_fail("the canonical form is no JSON: %s: %s", err.text, buf_text(&json));
    }
    write_json(back, &again);
    FUZZ_EXPECT(strcmp(buf_text(&json), buf_text(&again)) == 0,
                "the canonical form changes:\n%s\n%s", buf_text(&json), buf_text(&again));
    struct digest digest = json_digest(value), digest_back = json_digest(back);
    FUZZ_EXPECT(digest_equal(&digest, &digest_back), "the digest changes: %s", buf_text(&json));
    return back;
}

static void put(struct value_builder *map, const char *key, const struct value *value)
{
    if (value != NULL) value_put(map, key, nowhere, value);
}

static void put_text(struct value_builder *map, const char *key, const char *text)
{
    put(map, key, value_text(map->arena, nowhere, text));
}

static void expect_equal(const char *what, const struct value *a, const struct value *b)
{
    AUTO_BUF struct buf one = BUF_INIT(JSON_MAX);
    AUTO_BUF struct buf other = BUF_INIT(JSON_MAX);
    if (a != NULL) write_json(a, &one);
    if (b != NULL) write_json(b, &other);
    FUZZ_EXPECT(strcmp(buf_text(&one), buf_text(&other)) == 0,
                "%s is another when it is read again:\n%s\n%s", what, buf_text(&one),
                buf_text(&other));
}

/* As a manifest of its own, what was accepted is accepted again, and is the same. */
static void expect_fixed(struct arena *arena, const struct manifest *manifest)
{
    AUTO(diag_destroy) struct diag *diag = diag_create();
    struct value_builder document = value_build_map(arena, nowhere);
    struct value_builder metadata = value_build_map(arena, nowhere);
    struct manifest_parts parts;
    struct manifest again = { 0 };
    put_text(&metadata, "name", manifest->name);
    put_text(&document, "apiVersion", MANIFEST_API_VERSION);
    put_text(&document, "kind", "Cluster");
    put(&document, "metadata", metadata.value);
    put(&document, "spec", read_back(arena, manifest->spec));
    put(&document, "libraries", read_back(arena, manifest->libraries));
    put(&document, "permissions", read_back(arena, manifest->permissions));
    bool is_read = manifest_read(arena, document.value, diag, &parts);
    if (is_read) manifest_finish(arena, &parts, diag, &again);
    if (!is_read || diag_errors(diag) != 0) {
        size_t len = 0;
        fuzz_fail("what was accepted is refused: %s", diag_findings(diag, &len)->text);
    }
    expect_equal("the spec", manifest->spec, again.spec);
    expect_equal("libraries", manifest->libraries, again.libraries);
    expect_equal("permissions", manifest->permissions, again.permissions);
}

static void expect_manifest(struct catalogue *catalogue, const struct entry *entry)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct manifest manifest;
    struct err err;
    if (!catalogue_load(catalogue, entry, &arena, &manifest, &err)) {
        fuzz_fail("'%s' is listed and cannot be loaded: %s", entry->name, err.text);
    }
    FUZZ_EXPECT(text_equal(manifest.name, entry->name), "'%s' is called '%s'", entry->name,
                manifest.name);
    FUZZ_EXPECT(digest_equal(&manifest.digest, &entry->digest), "'%s' has two digests",
                entry->name);
    size_t len = strlen(manifest.name);
    FUZZ_EXPECT(len > 0 && len <= MANIFEST_NAME_MAX, "a name of %zu bytes", len);
    FUZZ_EXPECT(value_get_text(manifest.spec, "cluster_name") != NULL, "no cluster_name");
    expect_fixed(&arena, &manifest);
}

/* ---- looking again ---- */

static void expect_same_entries(struct catalogue *a, struct catalogue *b, const char *when)
{
    size_t len = 0, other_len = 0;
    const struct entry *one = catalogue_entries(a, &len);
    const struct entry *other = catalogue_entries(b, &other_len);
    FUZZ_EXPECT(len == other_len, "%zu clusters, and %zu %s", len, other_len, when);
    FUZZ_EXPECT(catalogue_is_complete(a) == catalogue_is_complete(b), "complete, or not, %s", when);
    for (size_t i = 0; i < len; i++) {
        FUZZ_EXPECT(text_equal(one[i].name, other[i].name) &&
                        digest_equal(&one[i].whole, &other[i].whole),
                    "'%s' is another %s", one[i].name, when);
    }
}

static void expect_same_findings(struct diag *a, struct diag *b, const char *when)
{
    AUTO_BUF struct buf one = BUF_INIT(JSON_MAX);
    AUTO_BUF struct buf other = BUF_INIT(JSON_MAX);
    diag_print(a, false, &one);
    diag_print(b, false, &other);
    FUZZ_EXPECT(strcmp(buf_text(&one), buf_text(&other)) == 0, "other findings %s:\n%s\n%s", when,
                buf_text(&one), buf_text(&other));
}

static void expect_same_again(const struct tree *tree, struct catalogue *catalogue,
                              struct diag *diag)
{
    AUTO(diag_destroy) struct diag *again = diag_create();
    AUTO(diag_destroy) struct diag *later = diag_create();
    AUTO(catalogue_destroy) struct catalogue *next = open_catalogue(tree);
    AUTO_BUF struct buf saved = BUF_INIT(JSON_MAX);
    size_t len = 0;
    scan(catalogue, again);
    expect_same_findings(diag, again, "at a second look");
    const struct entry *entries = catalogue_entries(catalogue, &len);
    for (size_t i = 0; i < len; i++) {
        FUZZ_EXPECT(!entries[i].changed, "'%s' changes by being looked at", entries[i].name);
    }
    catalogue_save(catalogue, &saved);
    FUZZ_EXPECT(catalogue_restore(next, buf_text(&saved), saved.len), "the index is not restored");
    scan(next, later);
    expect_same_entries(catalogue, next, "after a restart");
    expect_same_findings(diag, later, "after a restart");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tree tree;
    tree_open(&tree, data, size);
    AUTO(diag_destroy) struct diag *diag = diag_create();
    struct catalogue *catalogue = open_catalogue(&tree);
    scan(catalogue, diag);
    expect_findings(&tree, diag);
    size_t len = 0;
    const struct entry *entries = catalogue_entries(catalogue, &len);
    FUZZ_EXPECT(catalogue_is_complete(catalogue) == (diag_errors(diag) == 0),
                "complete with %zu errors", diag_errors(diag));
    for (size_t i = 0; i < len; i++) {
        expect_manifest(catalogue, &entries[i]);
    }
    expect_same_again(&tree, catalogue, diag);
    catalogue_destroy(catalogue);
    tree_close(&tree);
    return 0;
}

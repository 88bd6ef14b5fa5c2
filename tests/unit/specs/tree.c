#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t key[DIGEST_KEY_BYTES] = { 7 };

static const char *tree_env(void *ctx, const char *name)
{
    const struct tree *tree = ctx;
    for (size_t i = 0; i < TREE_VARIABLES_MAX; i++) {
        const char *known = tree->variables[i][0];
        if (known != NULL && strcmp(known, name) == 0) return tree->variables[i][1];
    }
    return NULL;
}

int tree_set_up(void **state)
{
    struct tree *tree = xcalloc(1, sizeof(*tree));
    tree->fake = fake_files_create();
    tree->diag = diag_create();
    tree->secrets = secrets_create(key, fake_files_port(tree->fake), tree_env, tree);
    tree->catalogue = catalogue_create("/m", fake_files_port(tree->fake), tree->secrets, NULL);
    tree_put(tree, "README.md", "not a manifest");
    *state = tree;
    return 0;
}

int tree_tear_down(void **state)
{
    struct tree *tree = *state;
    catalogue_destroy(tree->catalogue);
    secrets_destroy(tree->secrets);
    diag_destroy(tree->diag);
    fake_files_destroy(tree->fake);
    xfree(tree);
    return 0;
}

void tree_put(struct tree *tree, const char *path, const char *text)
{
    AUTO_BUF struct buf full = BUF_INIT(4096);
    (void)buf_addf(&full, "/m/%s", path);
    fake_files_put(tree->fake, buf_text(&full), text);
}

void tree_put_cluster(struct tree *tree, const char *path, const char *name, const char *more)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    (void)buf_addf(&text,
                   "apiVersion: clusterkeeper/v1\n"
                   "kind: Cluster\n"
                   "metadata: {name: %s}\n"
                   "spec:\n"
                   "  spark_version: 15.4.x-scala2.12\n"
                   "  node_type_id: i3.xlarge\n"
                   "  num_workers: 2\n"
                   "%s",
                   name, more);
    tree_put(tree, path, buf_text(&text));
}

void tree_remove(struct tree *tree, const char *path)
{
    AUTO_BUF struct buf full = BUF_INIT(4096);
    (void)buf_addf(&full, "/m/%s", path);
    fake_files_remove(tree->fake, buf_text(&full));
}

void tree_set_variable(struct tree *tree, const char *name, const char *text)
{
    for (size_t i = 0; i < TREE_VARIABLES_MAX; i++) {
        const char *known = tree->variables[i][0];
        if (known != NULL && strcmp(known, name) != 0) continue;
        tree->variables[i][0] = name;
        tree->variables[i][1] = text;
        return;
    }
    fail_msg("too many variables");
}

void tree_scan(struct tree *tree)
{
    struct err err;
    diag_destroy(tree->diag);
    tree->diag = diag_create();
    (void)fake_files_counts(tree->fake);
    if (!catalogue_scan(tree->catalogue, tree->diag, &err)) fail_msg("scan: %s", err.text);
    tree->counts = fake_files_counts(tree->fake);
}

void tree_scan_clean(struct tree *tree)
{
    tree_scan(tree);
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    diag_print(tree->diag, false, &text);
    assert_string_equal(buf_text(&text), "");
    assert_true(catalogue_is_complete(tree->catalogue));
}

void tree_expect(struct tree *tree, const char *names)
{
    size_t len = 0;
    const struct entry *entries = catalogue_entries(tree->catalogue, &len);
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    for (size_t i = 0; i < len; i++) {
        (void)buf_addf(&text, "%s%s%s", i == 0 ? "" : " ", entries[i].name,
                       entries[i].changed ? "*" : "");
    }
    if (strcmp(buf_text(&text), names) == 0) return;
    (void)buf_addc(&text, '\n');
    diag_print(tree->diag, false, &text);
    fail_msg("not '%s' but: %s", names, buf_text(&text));
}

void tree_expect_finding(struct tree *tree, const char *file, unsigned line, const char *text)
{
    size_t len = 0;
    const struct finding *findings = diag_findings(tree->diag, &len);
    size_t matching = 0;
    for (size_t i = 0; i < len; i++) {
        const char *in = findings[i].pos.file == NULL ? "" : findings[i].pos.file;
        if (strcmp(in, file) != 0 || findings[i].pos.line != line) continue;
        if (strstr(findings[i].text, text) != NULL) matching++;
    }
    if (matching == 1) return;
    AUTO_BUF struct buf all = BUF_INIT(1 << 20);
    diag_print(tree->diag, false, &all);
    fail_msg("%zu findings at %s:%u with '%s' in:\n%s", matching, file, line, text, buf_text(&all));
}

void tree_expect_findings(struct tree *tree, size_t count)
{
    assert_int_equal(diag_errors(tree->diag) + diag_warnings(tree->diag), count);
}

struct entry tree_entry(struct tree *tree, const char *name)
{
    const struct entry *entry = catalogue_find(tree->catalogue, name);
    if (entry == NULL) fail_msg("there is no entry '%s'", name);
    return *entry;
}

int64_t tree_number(struct tree *tree, const char *name, const char *field)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct manifest manifest;
    struct err err;
    int64_t number = -1;
    const struct entry *entry = catalogue_find(tree->catalogue, name);
    if (entry == NULL) fail_msg("there is no entry '%s'", name);
    if (!catalogue_load(tree->catalogue, entry, &arena, &manifest, &err)) fail_msg("%s", err.text);
    if (!value_get_int(manifest.spec, field, &number)) fail_msg("'%s' has no %s", name, field);
    return number;
}

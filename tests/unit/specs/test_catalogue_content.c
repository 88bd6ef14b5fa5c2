#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tree.h"

#define DEFAULTS "apiVersion: clusterkeeper/v1\nkind: Defaults\n"
/* A Cluster that is silent about what Defaults say. */
#define SHORT(name, spec) \
    "apiVersion: clusterkeeper/v1\nkind: Cluster\nmetadata: {name: " name "}\nspec: " spec "\n"

/* --- Defaults --- */

static void test_the_nearest_defaults_count(void **state)
{
    struct tree *tree = *state;
    tree_put(tree, "Defaults.yaml",
             DEFAULTS "spec: {spark_version: 15.4.x-scala2.12, node_type_id: i3.xlarge, "
                      "num_workers: 1, autotermination_minutes: 30}\n");
    tree_put(tree, "etl/defaults.yaml", DEFAULTS "spec: {num_workers: 5}\n");
    tree_put(tree, "a.yaml", SHORT("a", "{}"));
    tree_put(tree, "etl/b.yaml", SHORT("b", "{}"));
    tree_put(tree, "etl/deep/c.yaml", SHORT("c", "{num_workers: 9}"));
    tree_scan_clean(tree);
    tree_expect(tree, "a* b* c*");
    assert_int_equal(tree_number(tree, "a", "num_workers"), 1);
    assert_int_equal(tree_number(tree, "b", "num_workers"), 5);
    assert_int_equal(tree_number(tree, "c", "num_workers"), 9);
    assert_int_equal(tree_number(tree, "c", "autotermination_minutes"), 30);

    /* Those of a sub-directory: only what is below is read again. */
    tree_put(tree, "etl/defaults.yaml", DEFAULTS "spec: {num_workers: 6}\n");
    tree_scan_clean(tree);
    tree_expect(tree, "a b* c");
    assert_int_equal(tree_number(tree, "b", "num_workers"), 6);

    tree_remove(tree, "etl/defaults.yaml");
    tree_scan_clean(tree);
    tree_expect(tree, "a b* c");
    assert_int_equal(tree_number(tree, "b", "num_workers"), 1);

    tree_put(tree, "Defaults.yaml",
             DEFAULTS "spec: {spark_version: 15.4.x-scala2.12, node_type_id: i3.2xlarge, "
                      "num_workers: 1, autotermination_minutes: 30}\n");
    tree_scan_clean(tree);
    tree_expect(tree, "a* b* c*");
    fake_files_touch(tree->fake, "/m/Defaults.yaml");
    tree_scan_clean(tree);
    tree_expect(tree, "a b c");
    tree_scan_clean(tree);
    assert_int_equal(tree->counts.reads, 0);
}

static void test_defaults_in_a_file_of_any_name(void **state)
{
    struct tree *tree = *state;
    tree_put(tree, "a.yaml", SHORT("a", "{}"));
    tree_put(tree, "m.yaml",
             SHORT("m", "{}") "---\n" DEFAULTS
                              "spec: {spark_version: 15.4.x-scala2.12, node_type_id: x, "
                              "num_workers: 3}\n---\n" SHORT("n", "{num_workers: 4}"));
    tree_put(tree, "z/z.yaml", SHORT("z", "{}"));
    tree_scan_clean(tree);
    tree_expect(tree, "a* m* n* z*");
    assert_int_equal(tree_number(tree, "a", "num_workers"), 3);
    assert_int_equal(tree_number(tree, "n", "num_workers"), 4);
    assert_int_equal(tree_number(tree, "z", "num_workers"), 3);
    tree_scan_clean(tree);
    assert_int_equal(tree->counts.reads, 0);

    /* One more manifest below: the Defaults are read for it, and nothing else is. */
    tree_put(tree, "z/y.yaml", SHORT("y", "{}"));
    tree_scan_clean(tree);
    tree_expect(tree, "a m n y* z");
    assert_int_equal(tree->counts.reads, 2);
    assert_int_equal(tree_number(tree, "y", "num_workers"), 3);
}

static void promise_3_unreadable_defaults_that_did_not_change(void **state)
{
    struct tree *tree = *state;
    tree_put(tree, "defaults.yaml", DEFAULTS "spec: {num_workers: 3}\n");
    tree_put_cluster(tree, "a.yaml", "a", "");
    tree_scan_clean(tree);
    tree_put_cluster(tree, "b.yaml", "b", "");
    fake_files_fail(tree->fake, "/m/defaults.yaml", ERR_IO);
    tree_scan(tree);
    tree_expect(tree, "a");
    assert_true(diag_file_has_errors(tree->diag, "b.yaml"));
    assert_false(catalogue_is_complete(tree->catalogue));
    fake_files_fail(tree->fake, "/m/defaults.yaml", ERR_NONE);
    tree_scan_clean(tree);
    tree_expect(tree, "a b*");
}

static void test_two_defaults_in_one_directory(void **state)
{
    struct tree *tree = *state;
    tree_put(tree, "a.yaml", DEFAULTS "spec: {num_workers: 3}\n");
    tree_put(tree, "b.yaml", "# the second\n" DEFAULTS "spec: {num_workers: 4}\n");
    tree_put_cluster(tree, "c.yaml", "c", "");
    tree_put_cluster(tree, "d/d.yaml", "d", "");
    for (int i = 0; i < 2; i++) {
        tree_scan(tree);
        tree_expect(tree, "");
        tree_expect_finding(tree, "b.yaml", 2, "the first is in a.yaml:1");
        tree_expect_findings(tree, 1);
        assert_false(catalogue_is_complete(tree->catalogue));
    }
    tree_remove(tree, "a.yaml");
    tree_scan_clean(tree);
    tree_expect(tree, "c* d*");

    /* The first, not read for long, is named with its line all the same. */
    tree_put(tree, "x.yaml", DEFAULTS "spec: {num_workers: 5}\n");
    tree_scan(tree);
    tree_expect_finding(tree, "x.yaml", 1, "the first is in b.yaml:2");
    tree_expect(tree, "");
}

static void promise_3_broken_defaults_hold_what_is_below(void **state)
{
    struct tree *tree = *state;
    tree_put_cluster(tree, "a.yaml", "a", "");
    tree_put(tree, "etl/defaults.yaml", DEFAULTS "spec: {num_workers: 3}\n");
    tree_put_cluster(tree, "etl/b.yaml", "b", "");
    tree_put_cluster(tree, "etl/deep/c.yaml", "c", "");
    tree_scan_clean(tree);
    static const char *const broken[] = {
        DEFAULTS "spec: {num_workers: [\n",   /* no YAML */
        DEFAULTS "spec: {num_workers: no}\n", /* a wrong value */
        "kind: Defaults\nkind: Defaults\n",
    };
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        tree_put(tree, "etl/defaults.yaml", broken[i]);
        for (int twice = 0; twice < 2; twice++) {
            tree_scan(tree);
            tree_expect(tree, "a");
            assert_true(diag_file_has_errors(tree->diag, "etl/defaults.yaml"));
            assert_false(diag_file_has_errors(tree->diag, "etl/b.yaml"));
            assert_false(catalogue_is_complete(tree->catalogue));
        }
    }
    fake_files_fail(tree->fake, "/m/etl/defaults.yaml", ERR_IO);
    tree_scan(tree);
    tree_expect(tree, "a");
    fake_files_fail(tree->fake, "/m/etl/defaults.yaml", ERR_NONE);
    tree_put(tree, "etl/defaults.yaml", DEFAULTS "spec: {num_workers: 3}\n");
    tree_scan_clean(tree);
    tree_expect(tree, "a b* c*");
}

/* The first scan of a process has nothing to remember Defaults by. */
static void test_a_file_that_may_hold_defaults(void **state)
{
    static const struct {
        const char *text;
        bool holds;
    } rows[] = {
        { "kind: Defaults\nspec: {a: [\n", true },
        { "{\"kind\" : \"Defaults\", \"spec\": [", true },
        { "kind: 'Defaults'\nspec: [\n", true },
        { "# kinds of Defaults\nkind: Cluster\nspec: [\n", false },
        { "kind: Cluster\nspec: [\n", false },
    };
    struct tree *tree = *state;
    tree_put_cluster(tree, "b.yaml", "b", "");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        tree_put(tree, "x.yaml", rows[i].text);
        tree_scan(tree);
        assert_true(diag_file_has_errors(tree->diag, "x.yaml"));
        if ((catalogue_find(tree->catalogue, "b") == NULL) != rows[i].holds) fail_msg("%zu", i);
        tree_remove(tree, "x.yaml");
        tree_scan_clean(tree);
    }
}

/* --- secrets --- */

#define IMAGE(user, password)                                                      \
    "  docker_image:\n    url: registry.acme.example/etl:1.4.2\n    basic_auth:\n" \
    "      username: {fromEnv: " user "}\n      password: {fromFile: " password "}\n"

static void test_a_changed_secret_is_a_changed_manifest(void **state)
{
    struct tree *tree = *state;
    tree_set_variable(tree, "REGISTRY_USER", "robot");
    fake_files_put(tree->fake, "/run/password", "one\n");
    tree_put_cluster(tree, "a.yaml", "a", IMAGE("REGISTRY_USER", "/run/password"));
    tree_put_cluster(tree, "b.yaml", "b", IMAGE("REGISTRY_USER", "/run/password"));
    tree_put_cluster(tree, "c.yaml", "c", "");
    tree_scan_clean(tree);
    tree_scan_clean(tree);
    assert_int_equal(tree->counts.reads, 0); /* the file of the secret neither */
    tree_expect(tree, "a b c");

    fake_files_put(tree->fake, "/run/password", "two\n");
    tree_scan_clean(tree);
    tree_expect(tree, "a* b* c");
    tree_set_variable(tree, "REGISTRY_USER", "other");
    tree_scan_clean(tree);
    tree_expect(tree, "a* b* c");
    fake_files_put(tree->fake, "/run/password", "two"); /* no newline: the same secret */
    tree_scan_clean(tree);
    tree_expect(tree, "a b c");
    tree_scan_clean(tree);
    assert_int_equal(tree->counts.reads, 0);
}

static void test_a_missing_secret_is_an_error_at_its_place(void **state)
{
    struct tree *tree = *state;
    tree_put_cluster(tree, "etl/a.yaml", "a", IMAGE("REGISTRY_USER", "password"));
    tree_put_cluster(tree, "b.yaml", "b", "");
    for (int i = 0; i < 2; i++) {
        tree_scan(tree);
        tree_expect(tree, i == 0 ? "b*" : "b");
        tree_expect_finding(tree, "etl/a.yaml", 11, "REGISTRY_USER is not set");
        tree_expect_finding(tree, "etl/a.yaml", 12, "/m/etl/password");
        tree_expect_findings(tree, 2);
    }
    tree_set_variable(tree, "REGISTRY_USER", "robot");
    tree_put(tree, "etl/password", "word"); /* beside the manifest */
    tree_scan_clean(tree);
    tree_expect(tree, "a* b");
    tree_set_variable(tree, "REGISTRY_USER", NULL);
    tree_scan(tree);
    tree_expect(tree, "b");
    assert_false(catalogue_is_complete(tree->catalogue));
}

static void test_a_secret_of_defaults_is_beside_the_defaults(void **state)
{
    struct tree *tree = *state;
    tree_put(tree, "defaults.yaml", DEFAULTS "spec:\n" IMAGE("REGISTRY_USER", "password"));
    tree_put_cluster(tree, "etl/a.yaml", "a", "");
    tree_put(tree, "password", "word");
    tree_set_variable(tree, "REGISTRY_USER", "robot");
    tree_scan_clean(tree);
    tree_put(tree, "password", "other");
    tree_scan_clean(tree);
    tree_expect(tree, "a*");
}

static void test_validate_needs_no_secrets(void **state)
{
    struct tree *tree = *state;
    catalogue_destroy(tree->catalogue);
    tree->catalogue = catalogue_create("/m", fake_files_port(tree->fake), NULL, NULL);
    tree_put_cluster(tree, "a.yaml", "a", IMAGE("NOT_SET", "/not/there"));
    tree_scan_clean(tree);
    tree_expect(tree, "a*");
    tree_put_cluster(tree, "b.yaml", "b", "  init_scripts: [{local: {source: gone.sh}}]\n");
    tree_scan(tree);
    tree_expect_finding(tree, "b.yaml", 8, "init script: cannot look at '/m/gone.sh'");
}

/* --- init scripts --- */

#define SCRIPT(source)                                                    \
    "  docker_image: {url: \"acme/etl:1.4.2\"}\n"                         \
    "  init_scripts:\n    - workspace: {destination: /Shared/agent.sh}\n" \
    "    - local: {source: " source "}\n"

static struct manifest load(struct tree *tree, const char *name, struct arena *arena)
{
    struct manifest manifest = { 0 };
    struct err err;
    struct entry entry = tree_entry(tree, name);
    if (!catalogue_load(tree->catalogue, &entry, arena, &manifest, &err)) fail_msg("%s", err.text);
    return manifest;
}

static void test_a_local_script_becomes_a_workspace_script(void **state)
{
    struct tree *tree = *state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    tree_put(tree, "init/setup.sh", "#!/bin/sh\n");
    tree_put_cluster(tree, "etl/a.yaml", "a", SCRIPT("../init/./setup.sh"));
    tree_scan_clean(tree);
    struct manifest manifest = load(tree, "a", &arena);
    struct digest digest = digest_of("#!/bin/sh\n", 10);
    char hex[DIGEST_HEX_SIZE];
    digest_hex(&digest, hex);
    const char *want = arena_printf(&arena, "/Shared/clusterkeeper/%.16s-setup.sh", hex);

    assert_int_equal(manifest.scripts_len, 1);
    assert_string_equal(manifest.scripts[0].source, "init/setup.sh");
    assert_string_equal(manifest.scripts[0].destination, want);
    assert_memory_equal(&manifest.scripts[0].digest, &digest, sizeof(digest));
    assert_string_equal(manifest.scripts[0].pos.file, "etl/a.yaml");
    assert_int_equal(manifest.scripts[0].pos.line, 11);
    const struct value *scripts = value_get(manifest.spec, "init_scripts");
    assert_int_equal(scripts->len, 2);
    assert_string_equal(value_get_text(value_get(scripts->u.items[0], "workspace"), "destination"),
                        "/Shared/agent.sh");
    assert_string_equal(value_get_text(value_get(scripts->u.items[1], "workspace"), "destination"),
                        want);
    assert_null(value_get(scripts->u.items[1], "local"));

    tree_scan_clean(tree);
    assert_int_equal(tree->counts.reads, 0);
    tree_put(tree, "init/setup.sh", "#!/bin/bash\n");
    tree_scan_clean(tree);
    tree_expect(tree, "a*");
    manifest = load(tree, "a", &arena);
    assert_string_not_equal(manifest.scripts[0].destination, want);
}

static void test_scripts_that_are_refused(void **state)
{
    static const struct {
        const char *source, *want;
    } rows[] = {
        { "../../setup.sh", "is outside" },
        { "/etc/passwd", "is outside" },
        { "..", "is outside" },
        { "gone.sh", "cannot look at '/m/etl/gone.sh'" },
        { "big.sh", "65536 bytes" },
        { "../../m/x.sh", "is outside" },
    };
    struct tree *tree = *state;
    char *big = xcalloc(1, CATALOGUE_SCRIPT_BYTES_MAX + 2);
    memset(big, '#', CATALOGUE_SCRIPT_BYTES_MAX + 1);
    tree_put(tree, "etl/big.sh", big);
    tree_put(tree, "x.sh", "#");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf more = BUF_INIT(4096);
        (void)buf_addf(&more, "  init_scripts: [{local: {source: \"%s\"}}]\n", rows[i].source);
        tree_put_cluster(tree, "etl/a.yaml", "a", buf_text(&more));
        tree_scan(tree);
        tree_expect(tree, "");
        tree_expect_finding(tree, "etl/a.yaml", 8, rows[i].want);
    }
    big[CATALOGUE_SCRIPT_BYTES_MAX] = '\0';
    tree_put(tree, "etl/big.sh", big);
    tree_put_cluster(tree, "etl/a.yaml", "a", SCRIPT("big.sh"));
    tree_scan_clean(tree);
    xfree(big);
}

/* --- digests and loading --- */

static void test_keep_and_labels_are_not_in_the_digest(void **state)
{
    struct tree *tree = *state;
    tree_put_cluster(tree, "a.yaml", "a", "");
    tree_scan_clean(tree);
    struct entry before = tree_entry(tree, "a");
    tree_put_cluster(tree, "a.yaml", "a", "keep: {prune: orphan}\n");
    tree_scan_clean(tree);
    tree_expect(tree, "a*");
    struct entry after = tree_entry(tree, "a");
    assert_memory_equal(&before.digest, &after.digest, sizeof(before.digest));
    assert_memory_not_equal(&before.whole, &after.whole, sizeof(before.whole));

    tree_put_cluster(tree, "a.yaml", "a", "libraries: [{pypi: {package: six}}]\n");
    tree_scan_clean(tree);
    struct entry libraries = tree_entry(tree, "a");
    assert_memory_not_equal(&before.digest, &libraries.digest, sizeof(before.digest));
    /* Stated and empty is not the same as not stated. */
    tree_put_cluster(tree, "a.yaml", "a", "libraries: []\n");
    tree_scan_clean(tree);
    struct entry empty = tree_entry(tree, "a");
    assert_memory_not_equal(&before.digest, &empty.digest, sizeof(before.digest));
}

static void test_a_loaded_manifest_needs_no_catalogue(void **state)
{
    struct tree *tree = *state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    tree_put(tree, "defaults.yaml", DEFAULTS "spec:\n  spark_conf: {a.b: c}\n");
    tree_put_cluster(tree, "etl/a.yaml", "a", "keep: {prune: delete, suspend: true}\n");
    tree_scan_clean(tree);
    struct manifest manifest = load(tree, "a", &arena);
    struct entry entry = tree_entry(tree, "a");
    assert_memory_equal(&manifest.digest, &entry.digest, sizeof(entry.digest));
    catalogue_destroy(tree->catalogue);
    tree->catalogue = NULL;

    assert_string_equal(manifest.name, "a");
    assert_string_equal(manifest.pos.file, "etl/a.yaml");
    assert_int_equal(manifest.keep.prune, PRUNE_DELETE);
    assert_true(manifest.keep.suspend);
    const struct value *conf = value_get(manifest.spec, "spark_conf");
    assert_string_equal(conf->u.members[0].key, "a.b");
    assert_string_equal(conf->u.members[0].pos.file, "defaults.yaml");
    assert_int_equal(conf->u.members[0].pos.line, 4);
    assert_string_equal(value_get(manifest.spec, "num_workers")->pos.file, "etl/a.yaml");
    assert_string_equal(value_get_text(manifest.spec, "cluster_name"), "a");
}

static void test_loading_what_changed_meanwhile(void **state)
{
    struct tree *tree = *state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct manifest manifest = { 0 };
    struct err err;
    tree_put(tree, "defaults.yaml", DEFAULTS "spec:\n  spark_conf: {a.b: c}\n");
    tree_put_cluster(tree, "a.yaml", "a", "");
    tree_scan_clean(tree);
    struct entry entry = tree_entry(tree, "a");
    static const char *const others[] = { "", "]", "kind: Defaults\n", SHORT("b", "{}") };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        tree_put(tree, "a.yaml", others[i]);
        assert_false(catalogue_load(tree->catalogue, &entry, &arena, &manifest, &err));
        assert_int_equal(err.code, ERR_MANIFEST);
        assert_non_null(strstr(err.text, "looking again"));
        assert_string_equal(err.pos.file, "a.yaml");
    }
    tree_put_cluster(tree, "a.yaml", "a", "  spark_conf: {a.b: d}\n");
    assert_false(catalogue_load(tree->catalogue, &entry, &arena, &manifest, &err));
    tree_remove(tree, "a.yaml");
    assert_false(catalogue_load(tree->catalogue, &entry, &arena, &manifest, &err));
    assert_non_null(strstr(err.text, "looking again"));
    assert_null(manifest.name); /* outputs change only on success */
    tree_put_cluster(tree, "a.yaml", "a", "");
    assert_true(catalogue_load(tree->catalogue, &entry, &arena, &manifest, &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tree_set_up, tree_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_nearest_defaults_count),
        TEST(test_defaults_in_a_file_of_any_name),
        TEST(promise_3_unreadable_defaults_that_did_not_change),
        TEST(test_two_defaults_in_one_directory),
        TEST(promise_3_broken_defaults_hold_what_is_below),
        TEST(test_a_file_that_may_hold_defaults),
        TEST(test_a_changed_secret_is_a_changed_manifest),
        TEST(test_a_missing_secret_is_an_error_at_its_place),
        TEST(test_a_secret_of_defaults_is_beside_the_defaults),
        TEST(test_validate_needs_no_secrets),
        TEST(test_a_local_script_becomes_a_workspace_script),
        TEST(test_scripts_that_are_refused),
        TEST(test_keep_and_labels_are_not_in_the_digest),
        TEST(test_a_loaded_manifest_needs_no_catalogue),
        TEST(test_loading_what_changed_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

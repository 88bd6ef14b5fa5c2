#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tree.h"

enum { INDEX_BYTES_MAX = 1 << 20 };

static void fill(struct tree *tree)
{
    tree_set_variable(tree, "REGISTRY_USER", "robot");
    tree_put(tree, "init.sh", "#!/bin/sh\n");
    tree_put(tree, "etl/defaults.yaml",
             "apiVersion: clusterkeeper/v1\nkind: Defaults\nspec: {num_workers: 3}\n");
    tree_put_cluster(tree, "a.yaml", "a",
                     "  init_scripts: [{local: {source: init.sh}}]\n"
                     "  docker_image: {url: \"acme/etl:1.4.2\"}\n");
    tree_put_cluster(tree, "etl/b.yaml", "b",
                     "  docker_image:\n    url: registry.acme.example/etl:1.4.2\n"
                     "    basic_auth: {username: {fromEnv: REGISTRY_USER}, "
                     "password: {fromEnv: REGISTRY_USER}}\n");
    tree_put_cluster(tree, "etl/deep/c.yaml", "c", "");
    tree_scan_clean(tree);
}

/* Another process: a new catalogue, which knows what the bytes say. */
static bool restart(struct tree *tree, const struct buf *bytes, const char *root,
                    struct secrets *secrets, const char *script_dir)
{
    catalogue_destroy(tree->catalogue);
    tree->catalogue = catalogue_create(root, fake_files_port(tree->fake), secrets, script_dir);
    return catalogue_restore(tree->catalogue, bytes->data, bytes->len);
}

static void test_a_restored_index_saves_the_reading(void **state)
{
    struct tree *tree = *state;
    AUTO_BUF struct buf bytes = BUF_INIT(INDEX_BYTES_MAX);
    AUTO_BUF struct buf again = BUF_INIT(INDEX_BYTES_MAX);
    fill(tree);
    struct entry before = tree_entry(tree, "b");
    catalogue_save(tree->catalogue, &bytes);
    assert_true(restart(tree, &bytes, "/m", tree->secrets, NULL));
    assert_false(catalogue_is_complete(tree->catalogue)); /* nothing was looked at yet */
    catalogue_save(tree->catalogue, &again);
    assert_int_equal(bytes.len, again.len);
    assert_memory_equal(bytes.data, again.data, bytes.len);

    tree_scan_clean(tree);
    assert_int_equal(tree->counts.reads, 0);
    tree_expect(tree, "a b c");
    struct entry after = tree_entry(tree, "b");
    assert_memory_equal(&before.whole, &after.whole, sizeof(before.whole));
    assert_string_equal(after.pos.file, "etl/b.yaml");
    assert_int_equal(tree_number(tree, "c", "num_workers"), 2);
}

static void test_changes_while_nobody_looked(void **state)
{
    struct tree *tree = *state;
    AUTO_BUF struct buf bytes = BUF_INIT(INDEX_BYTES_MAX);
    fill(tree);
    catalogue_save(tree->catalogue, &bytes);

    tree_put(tree, "init.sh", "#!/bin/bash\n");
    assert_true(restart(tree, &bytes, "/m", tree->secrets, NULL));
    tree_scan_clean(tree);
    tree_expect(tree, "a* b c");

    tree_set_variable(tree, "REGISTRY_USER", "other");
    assert_true(restart(tree, &bytes, "/m", tree->secrets, NULL));
    tree_scan_clean(tree);
    tree_expect(tree, "a* b* c");

    tree_put(tree, "etl/defaults.yaml",
             "apiVersion: clusterkeeper/v1\nkind: Defaults\nspec: {driver_node_type_id: x}\n");
    tree_remove(tree, "a.yaml");
    assert_true(restart(tree, &bytes, "/m", tree->secrets, NULL));
    tree_scan_clean(tree);
    tree_expect(tree, "b* c*");
}

static void test_the_index_of_somebody_else(void **state)
{
    static const uint8_t other_key[DIGEST_KEY_BYTES] = { 99 };
    struct tree *tree = *state;
    AUTO_BUF struct buf bytes = BUF_INIT(INDEX_BYTES_MAX);
    fill(tree);
    catalogue_save(tree->catalogue, &bytes);
    AUTO(secrets_destroy)
    struct secrets *other = secrets_create(other_key, fake_files_port(tree->fake), NULL, NULL);
    size_t len = 1;
    assert_false(restart(tree, &bytes, "/elsewhere", tree->secrets, NULL));
    assert_false(restart(tree, &bytes, "/m", other, NULL));
    assert_false(restart(tree, &bytes, "/m", NULL, NULL));
    assert_false(restart(tree, &bytes, "/m", tree->secrets, "/Shared/other"));
    (void)catalogue_entries(tree->catalogue, &len);
    assert_int_equal(len, 0);
    assert_true(restart(tree, &bytes, "/m", tree->secrets, NULL));
}

static void test_damaged_bytes(void **state)
{
    struct tree *tree = *state;
    AUTO_BUF struct buf bytes = BUF_INIT(INDEX_BYTES_MAX);
    fill(tree);
    catalogue_save(tree->catalogue, &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        char *cut = xmalloc(len + 1);
        memcpy(cut, bytes.data, len);
        char *exact = xrealloc(cut, len == 0 ? 1 : len); /* so that a look beyond is seen */
        assert_false(catalogue_restore(tree->catalogue, exact, len));
        xfree(exact);
    }
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.data[i] = (char)(bytes.data[i] ^ 0x41);
        assert_false(catalogue_restore(tree->catalogue, bytes.data, bytes.len));
        bytes.data[i] = (char)(bytes.data[i] ^ 0x41);
    }
    tree_scan_clean(tree);
    tree_expect(tree, "a* b* c*");
}

static void test_a_small_buffer_gives_nothing_that_is_believed(void **state)
{
    struct tree *tree = *state;
    AUTO_BUF struct buf bytes = BUF_INIT(300);
    fill(tree);
    catalogue_save(tree->catalogue, &bytes);
    struct err err;
    assert_false(buf_ok(&bytes, "the index", &err));
    assert_false(restart(tree, &bytes, "/m", tree->secrets, NULL));
}

static void test_an_empty_index(void **state)
{
    struct tree *tree = *state;
    AUTO_BUF struct buf bytes = BUF_INIT(INDEX_BYTES_MAX);
    catalogue_save(tree->catalogue, &bytes);
    assert_true(restart(tree, &bytes, "/m", tree->secrets, NULL));
    tree_scan_clean(tree);
    tree_expect(tree, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tree_set_up, tree_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_restored_index_saves_the_reading),
        TEST(test_changes_while_nobody_looked),
        TEST(test_the_index_of_somebody_else),
        TEST(test_damaged_bytes),
        TEST(test_a_small_buffer_gives_nothing_that_is_believed),
        TEST(test_an_empty_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

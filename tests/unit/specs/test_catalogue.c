#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tree.h"

/* --- what is read, and when --- */

static void test_entries_are_sorted_and_know_their_place(void **state)
{
    struct tree *tree = *state;
    tree_put_cluster(tree, "z.yaml", "adhoc", "");
    tree_put_cluster(tree, "etl/nightly.yml", "etl-nightly", "");
    tree_put_cluster(tree, "a.yaml", "streaming", "");
    tree_scan_clean(tree);
    tree_expect(tree, "adhoc* etl-nightly* streaming*");
    struct entry entry = tree_entry(tree, "etl-nightly");
    assert_string_equal(entry.pos.file, "etl/nightly.yml");
    assert_int_equal(entry.pos.line, 3);
    assert_int_equal(entry.pos.column, 18);
    assert_int_equal(catalogue_files(tree->catalogue), 3);
    assert_null(catalogue_find(tree->catalogue, "nobody"));
}

static void test_an_unchanged_tree_is_not_read(void **state)
{
    struct tree *tree = *state;
    tree_put_cluster(tree, "a.yaml", "a", "");
    tree_put_cluster(tree, "b/b.yaml", "b", "");
    tree_put(tree, "b/defaults.yaml",
             "apiVersion: clusterkeeper/v1\nkind: Defaults\nspec: {num_workers: 3}\n");
    tree_scan_clean(tree);
    assert_true(tree->counts.reads >= 3);
    for (int i = 0; i < 2; i++) {
        tree_scan_clean(tree);
        assert_int_equal(tree->counts.reads, 0);
        assert_int_equal(tree->counts.lists, 2);
        tree_expect(tree, "a b");
    }
}

static void test_only_what_changed_is_read(void **state)
{
    struct tree *tree = *state;
    tree_put_cluster(tree, "a.yaml", "a", "");
    tree_put_cluster(tree, "b.yaml", "b", "");
    tree_put_cluster(tree, "c/c.yaml", "c", "");
    tree_scan_clean(tree);

    tree_put_cluster(tree, "b.yaml", "b", "  spark_conf: {a.b: c}\n");
    tree_scan_clean(tree);
    assert_int_equal(tree->counts.reads, 1);
    tree_expect(tree, "a b* c");

    fake_files_touch(tree->fake, "/m/b.yaml");
    tree_scan_clean(tree);
    assert_int_equal(tree->counts.reads, 1);
    tree_expect(tree, "a b c");
    tree_scan_clean(tree);
    assert_int_equal(tree->counts.reads, 0);

    tree_put_cluster(tree, "c/0.yaml", "d", "");
    tree_remove(tree, "a.yaml");
    tree_scan_clean(tree);
    assert_int_equal(tree->counts.reads, 1);
    tree_expect(tree, "b c d*");

    tree_remove(tree, "c/0.yaml");
    tree_remove(tree, "c/c.yaml");
    tree_scan_clean(tree);
    assert_int_equal(tree->counts.reads, 0);
    tree_expect(tree, "b");
}

static void test_names_that_are_passed_over(void **state)
{
    static const struct {
        const char *name;
        bool passed;
    } rows[] = {
        { ".git", true },      { ".a.yaml.swp", true }, { ".#a.yaml", true },
        { "#a.yaml#", true },  { "a.yaml~", true },     { "a.yaml.tmp", true },
        { "4913", true },      { "a.swp", true },       { "a.yaml___jb_tmp___", true },
        { "a.yaml", false },   { "#1.yaml", false },    { "49130", false },
        { "setup.sh", false }, { "tmp", false },        { "a~b.yaml", false },
    };
    struct tree *tree = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (catalogue_passes_over(rows[i].name) != rows[i].passed) fail_msg("%s", rows[i].name);
    }
    tree_put_cluster(tree, "a.yaml", "a", "");
    tree_put(tree, ".hidden/b.yaml", "]");
    tree_put(tree, ".b.yaml", "]");
    tree_put(tree, "#b.yaml#", "]");
    tree_put(tree, "b.json", "]");
    tree_scan_clean(tree);
    tree_expect(tree, "a*");
}

static void test_order_of_files_and_directories(void **state)
{
    /* "a-b" sorts before "a/" as bytes, and after it as a directory: neither must confuse. */
    static const char *const paths[] = { "a/x.yaml",   "a-b/x.yaml", "a.b/x.yaml", "a.yaml",
                                         "ab/x.yaml",  "a/b/x.yaml", "a/c.yaml",   "a0/x.yaml",
                                         "a/b-c.yaml", "zz.yaml" };
    struct tree *tree = *state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        char name[] = { 'n', (char)('a' + i), '\0' };
        tree_put_cluster(tree, paths[i], name, "");
    }
    tree_scan_clean(tree);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        AUTO_BUF struct buf full = BUF_INIT(100);
        (void)buf_addf(&full, "/m/%s", paths[i]);
        fake_files_touch(tree->fake, buf_text(&full));
        tree_scan_clean(tree);
        assert_int_equal(tree->counts.reads, 1);
    }
    tree_scan_clean(tree);
    assert_int_equal(tree->counts.reads, 0);
    tree_expect(tree, "na nb nc nd ne nf ng nh ni nj");
}

/* --- mistakes --- */

static void promise_3_a_mistake_costs_its_own_file_only(void **state)
{
    struct tree *tree = *state;
    tree_put_cluster(tree, "good.yaml", "good", "");
    tree_put_cluster(tree, "bad.yaml", "bad", "  num_worker: 4\n---\n");
    tree_put_cluster(tree, "two.yaml", "two-a",
                     "---\n"
                     "apiVersion: clusterkeeper/v1\n"
                     "kind: Cluster\n"
                     "metadata: {name: two-b}\n"
                     "spec: {nonsense: 1}\n");
    for (int i = 0; i < 2; i++) { /* said again, though nothing changed */
        tree_scan(tree);
        assert_false(catalogue_is_complete(tree->catalogue));
        tree_expect(tree, i == 0 ? "good*" : "good");
        tree_expect_finding(tree, "bad.yaml", 8, "num_worker");
        tree_expect_finding(tree, "two.yaml", 12, "nonsense");
    }
    assert_int_equal(tree->counts.reads, 2);

    tree_put_cluster(tree, "bad.yaml", "bad", "");
    tree_remove(tree, "two.yaml");
    tree_scan_clean(tree);
    tree_expect(tree, "bad* good");
}

static void test_two_manifests_of_one_name(void **state)
{
    struct tree *tree = *state;
    tree_put_cluster(tree, "a.yaml", "etl", "");
    tree_put_cluster(tree, "b.yaml", "etl", "");
    tree_put_cluster(tree, "c.yaml", "other", "");
    for (int i = 0; i < 2; i++) {
        tree_scan(tree);
        assert_false(catalogue_is_complete(tree->catalogue));
        tree_expect(tree, i == 0 ? "other*" : "other");
        tree_expect_finding(tree, "a.yaml", 3, "b.yaml:3 has it too");
        tree_expect_finding(tree, "b.yaml", 3, "a.yaml:3 has it too");
        tree_expect_findings(tree, 2);
    }
    tree_remove(tree, "a.yaml");
    tree_scan_clean(tree);
    tree_expect(tree, "etl* other");
}

static void test_two_documents_of_one_name(void **state)
{
    struct tree *tree = *state;
    tree_put_cluster(tree, "a.yaml", "etl",
                     "---\n"
                     "apiVersion: clusterkeeper/v1\n"
                     "kind: Cluster\n"
                     "metadata: {name: etl}\n"
                     "spec: {spark_version: 15.4.x-scala2.12, node_type_id: a, num_workers: 1}\n");
    tree_scan(tree);
    tree_expect(tree, "");
    tree_expect_finding(tree, "a.yaml", 3, "a.yaml:11 has it too");
    tree_expect_finding(tree, "a.yaml", 11, "a.yaml:3 has it too");
}

static void promise_3_what_cannot_be_read_is_not_taken_for_gone(void **state)
{
    struct tree *tree = *state;
    tree_put_cluster(tree, "a.yaml", "a", "");
    tree_put_cluster(tree, "b.yaml", "b", "");
    tree_put_cluster(tree, "c/c.yaml", "c", "");
    tree_scan_clean(tree);

    fake_files_touch(tree->fake, "/m/a.yaml");
    fake_files_fail(tree->fake, "/m/a.yaml", ERR_IO);
    fake_files_fail(tree->fake, "/m/c", ERR_IO);
    for (int i = 0; i < 2; i++) {
        tree_scan(tree);
        tree_expect(tree, "b");
        assert_false(catalogue_is_complete(tree->catalogue));
        tree_expect_findings(tree, 2);
        assert_true(diag_file_has_errors(tree->diag, "a.yaml"));
        assert_true(diag_file_has_errors(tree->diag, "c"));
    }
    fake_files_fail(tree->fake, "/m/a.yaml", ERR_NONE);
    fake_files_fail(tree->fake, "/m/c", ERR_NONE);
    tree_scan_clean(tree);
    tree_expect(tree, "a* b c*");

    /* Listed, and gone when it is opened: no finding, but nothing may be concluded from it. */
    fake_files_touch(tree->fake, "/m/a.yaml");
    fake_files_fail(tree->fake, "/m/a.yaml", ERR_NOT_FOUND);
    tree_scan(tree);
    tree_expect(tree, "b c");
    tree_expect_findings(tree, 0);
    assert_false(catalogue_is_complete(tree->catalogue));
    tree_remove(tree, "a.yaml");
    tree_scan_clean(tree);
}

static void promise_3_the_root_is_gone(void **state)
{
    struct tree *tree = *state;
    struct err err;
    AUTO(diag_destroy) struct diag *diag = diag_create();
    tree_put_cluster(tree, "a.yaml", "a", "");
    tree_scan_clean(tree);
    tree_remove(tree, "a.yaml");
    tree_remove(tree, "README.md");
    assert_false(catalogue_scan(tree->catalogue, diag, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/m"));
    assert_false(catalogue_is_complete(tree->catalogue));
    tree_expect(tree, "a*");
    tree_put_cluster(tree, "a.yaml", "a", "");
    tree_scan_clean(tree);
    tree_expect(tree, "a");
}

static void test_links(void **state)
{
    struct tree *tree = *state;
    tree_put_cluster(tree, "a/a.yaml", "a", "");
    fake_files_put(tree->fake, "/elsewhere/b.yaml",
                   "apiVersion: clusterkeeper/v1\nkind: Cluster\nmetadata: {name: b}\n"
                   "spec: {spark_version: 15.4.x-scala2.12, node_type_id: x, num_workers: 1}\n");
    fake_files_link(tree->fake, "/m/linked", "/elsewhere");
    tree_scan_clean(tree);
    tree_expect(tree, "a* b*");
    assert_string_equal(tree_entry(tree, "b").pos.file, "linked/b.yaml");

    fake_files_link(tree->fake, "/m/a/round", "/m");
    fake_files_link(tree->fake, "/m/lost", NULL);
    tree_scan(tree);
    tree_expect(tree, "a b");
    assert_false(catalogue_is_complete(tree->catalogue));
    tree_expect_finding(tree, "a/round", 0, "leads back to '/m'");
    tree_expect_finding(tree, "lost", 0, "leads nowhere");
}

static void promise_10_deep_directories(void **state)
{
    struct tree *tree = *state;
    AUTO_BUF struct buf path = BUF_INIT(4096);
    for (int i = 0; i < CATALOGUE_DEPTH_MAX; i++) {
        (void)buf_adds(&path, "d/");
    }
    (void)buf_adds(&path, "a.yaml");
    tree_put_cluster(tree, buf_text(&path), "a", "");
    tree_scan_clean(tree);
    tree_expect(tree, "a*");
    path.len -= strlen("a.yaml");
    (void)buf_adds(&path, "d/b.yaml");
    tree_put_cluster(tree, buf_text(&path), "b", "");
    tree_scan(tree);
    tree_expect(tree, "a");
    tree_expect_findings(tree, 1);
    assert_false(catalogue_is_complete(tree->catalogue));
}

static void promise_10_a_file_at_the_limit(void **state)
{
    struct tree *tree = *state;
    AUTO_BUF struct buf text = BUF_INIT(2 << 20);
    tree_put_cluster(tree, "a.yaml", "a", "");
    (void)buf_adds(&text, "#");
    while (text.len < (1 << 20)) {
        (void)buf_addc(&text, 'x');
    }
    tree_put(tree, "big.yaml", buf_text(&text));
    tree_scan_clean(tree);
    (void)buf_addc(&text, 'x');
    tree_put(tree, "big.yaml", buf_text(&text));
    tree_scan(tree);
    tree_expect_finding(tree, "big.yaml", 0, "larger than 1048576 bytes");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tree_set_up, tree_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_entries_are_sorted_and_know_their_place),
        TEST(test_an_unchanged_tree_is_not_read),
        TEST(test_only_what_changed_is_read),
        TEST(test_names_that_are_passed_over),
        TEST(test_order_of_files_and_directories),
        TEST(promise_3_a_mistake_costs_its_own_file_only),
        TEST(test_two_manifests_of_one_name),
        TEST(test_two_documents_of_one_name),
        TEST(promise_3_what_cannot_be_read_is_not_taken_for_gone),
        TEST(promise_3_the_root_is_gone),
        TEST(test_links),
        TEST(promise_10_deep_directories),
        TEST(promise_10_a_file_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* mkdtemp and nftw are part of XSI. */
#define _XOPEN_SOURCE 700 /* NOLINT(bugprone-reserved-identifier) */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "catalogue.h"
#include "files.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A real directory, removed at the end. */
struct place {
    char root[64];
};

static const char *in(const struct place *place, const char *name)
{
    static char paths[4][256]; /* a test uses few at a time */
    static unsigned next;
    char *path = paths[next++ % 4];
    assert_true(snprintf(path, sizeof(paths[0]), "%s/%s", place->root, name) > 0);
    return path;
}

static void put(const struct place *place, const char *name, const char *bytes, size_t len)
{
    FILE *file = fopen(in(place, name), "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void put_text(const struct place *place, const char *name, const char *text)
{
    put(place, name, text, strlen(text));
}

static int set_up(void **state)
{
    struct place *place = xcalloc(1, sizeof(*place));
    const char *tmp = "/tmp/clusterkeeper-files-XXXXXX";
    memcpy(place->root, tmp, strlen(tmp) + 1);
    *state = place;
    return mkdtemp(place->root) == NULL;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static int tear_down(void **state)
{
    struct place *place = *state;
    /* One thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    int failed = nftw(place->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    xfree(place);
    return failed;
}

/* The clock of the file system is coarse: wait for it by looking, so that stamps are final. */
static void await_settled(const char *path)
{
    const struct files *files = files_posix();
    struct file_stamp stamp;
    struct err err;
    do {
        if (!files->look(files->ctx, path, &stamp, &err)) fail_msg("%s", err.text);
    } while (stamp.mtime_ns == FILE_STAMP_UNSETTLED);
}

/* --- list --- */

struct seen {
    struct buf text;
    struct file_stamp stamp; /* of the last */
};

static void on_name(void *ctx, const char *name, enum file_kind kind,
                    const struct file_stamp *stamp)
{
    static const char letters[] = {
        [FILE_REGULAR] = 'f', [FILE_DIRECTORY] = 'd', [FILE_OTHER] = 'o'
    };
    struct seen *seen = ctx;
    (void)buf_addf(&seen->text, "%s:%c%s ", name, letters[kind], stamp->inode == 0 ? "0" : "");
    seen->stamp = *stamp;
}

static void test_list_tells_kinds(void **state)
{
    struct place *place = *state;
    const struct files *files = files_posix();
    struct err err;
    put_text(place, "a.yaml", "a");
    assert_int_equal(mkdir(in(place, "sub"), 0700), 0);
    assert_int_equal(mkfifo(in(place, "pipe"), 0600), 0);
    assert_int_equal(symlink("a.yaml", in(place, "to-file")), 0);
    assert_int_equal(symlink("sub", in(place, "to-sub")), 0);
    assert_int_equal(symlink("nowhere", in(place, "to-nowhere")), 0);
    assert_int_equal(symlink("to-itself", in(place, "to-itself")), 0);
    struct seen seen = { .text = BUF_INIT(4096) };
    assert_true(files->list(files->ctx, place->root, on_name, &seen, &err));
    static const char *const want[] = { "a.yaml:f ", "sub:d ",         "pipe:o ",      "to-file:f ",
                                        "to-sub:d ", "to-nowhere:o0 ", "to-itself:o0 " };
    size_t len = 0;
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        if (strstr(buf_text(&seen.text), want[i]) == NULL) fail_msg("%s", buf_text(&seen.text));
        len += strlen(want[i]);
    }
    assert_int_equal(seen.text.len, len); /* and nothing else, not even "." */
    buf_release(&seen.text);
}

static void test_list_and_read_agree_on_the_stamp(void **state)
{
    struct place *place = *state;
    const struct files *files = files_posix();
    struct err err;
    struct file_stamp stamp;
    struct seen seen = { .text = BUF_INIT(4096) };
    AUTO_BUF struct buf text = BUF_INIT(4096);
    put_text(place, "a.yaml", "hello");
    await_settled(in(place, "a.yaml"));
    assert_true(files->list(files->ctx, place->root, on_name, &seen, &err));
    assert_true(files->read(files->ctx, in(place, "a.yaml"), &text, &stamp, &err));
    assert_true(file_stamp_equal(&stamp, &seen.stamp));
    assert_int_equal(stamp.size, 5);
    assert_string_equal(buf_text(&text), "hello");
    buf_release(&seen.text);

    put_text(place, "a.yaml", "olleh");
    assert_true(files->look(files->ctx, in(place, "a.yaml"), &stamp, &err));
    assert_false(file_stamp_equal(&stamp, &seen.stamp));
}

/* What was written a moment ago may be written again with the same times. */
static void test_a_young_stamp_equals_none(void **state)
{
    struct place *place = *state;
    const struct files *files = files_posix();
    struct err err;
    struct file_stamp stamp;
    put_text(place, "a.yaml", "hello");
    assert_true(files->look(files->ctx, in(place, "a.yaml"), &stamp, &err));
    assert_false(file_stamp_equal(&stamp, &stamp));
    await_settled(in(place, "a.yaml"));
    assert_true(files->look(files->ctx, in(place, "a.yaml"), &stamp, &err));
    assert_true(file_stamp_equal(&stamp, &stamp));
}

/* --- read --- */

static void test_read_limits_and_sizes(void **state)
{
    /* Around the chunk in which files are read. */
    static const size_t sizes[] = { 0, 1, 16383, 16384, 16385, 32768, 40000 };
    struct place *place = *state;
    const struct files *files = files_posix();
    char *bytes = xmalloc(40000);
    for (size_t i = 0; i < 40000; i++) {
        bytes[i] = (char)(i * 31 % 251);
    }
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct err err = { 0 };
        AUTO_BUF struct buf exact = BUF_INIT(sizes[i]);
        put(place, "big", bytes, sizes[i]);
        assert_true(files->read(files->ctx, in(place, "big"), &exact, NULL, &err));
        assert_int_equal(exact.len, sizes[i]);
        if (sizes[i] == 0) continue;
        assert_memory_equal(exact.data, bytes, sizes[i]);
        AUTO_BUF struct buf small = BUF_INIT(sizes[i] - 1);
        assert_false(files->read(files->ctx, in(place, "big"), &small, NULL, &err));
        assert_int_equal(err.code, ERR_LIMIT);
    }
    xfree(bytes);
}

static void test_failures(void **state)
{
    struct place *place = *state;
    const struct files *files = files_posix();
    put_text(place, "file", "x");
    assert_int_equal(mkfifo(in(place, "pipe"), 0600), 0);
    assert_int_equal(mkdir(in(place, "sub"), 0700), 0);
    assert_int_equal(symlink("round", in(place, "round")), 0);
    static const struct {
        const char *name;
        enum err_code read, look, list;
    } rows[] = {
        { "gone", ERR_NOT_FOUND, ERR_NOT_FOUND, ERR_NOT_FOUND },
        { "file/below", ERR_NOT_FOUND, ERR_NOT_FOUND, ERR_NOT_FOUND },
        { "file", ERR_NONE, ERR_NONE, ERR_NOT_FOUND },
        { "sub", ERR_IO, ERR_NONE, ERR_NONE },
        { "pipe", ERR_IO, ERR_NONE, ERR_NOT_FOUND }, /* and it does not hang */
        { "round", ERR_IO, ERR_IO, ERR_IO },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct file_stamp stamp;
        struct err read = { 0 };
        struct err look = { 0 };
        struct err list = { 0 };
        struct seen seen = { .text = BUF_INIT(4096) };
        AUTO_BUF struct buf text = BUF_INIT(4096);
        const char *path = in(place, rows[i].name);
        (void)files->read(files->ctx, path, &text, NULL, &read);
        (void)files->look(files->ctx, path, &stamp, &look);
        (void)files->list(files->ctx, path, on_name, &seen, &list);
        if (read.code != rows[i].read || look.code != rows[i].look || list.code != rows[i].list) {
            fail_msg("%s: read '%s', look '%s', list '%s'", rows[i].name, read.text, look.text,
                     list.text);
        }
        if (read.code != ERR_NONE) assert_non_null(strstr(read.text, path));
        buf_release(&seen.text);
    }
}

static void test_permissions(void **state)
{
    struct place *place = *state;
    const struct files *files = files_posix();
    AUTO_BUF struct buf text = BUF_INIT(4096);
    struct err err;
    if (geteuid() == 0) skip(); /* root is denied nothing */
    put_text(place, "a.yaml", "x");
    assert_int_equal(chmod(in(place, "a.yaml"), 0), 0);
    assert_false(files->read(files->ctx, in(place, "a.yaml"), &text, NULL, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.text, "ermission"));
}

/* --- with a catalogue --- */

#define CLUSTER(name, more)                                                     \
    "apiVersion: clusterkeeper/v1\nkind: Cluster\nmetadata: {name: " name "}\n" \
    "spec:\n  spark_version: 15.4.x-scala2.12\n  node_type_id: i3.xlarge\n  num_workers: 2\n" more

static void test_a_real_tree(void **state)
{
    struct place *place = *state;
    size_t len = 0;
    struct err err;
    AUTO(diag_destroy) struct diag *diag = diag_create();
    AUTO(catalogue_destroy)
    struct catalogue *catalogue = catalogue_create(place->root, files_posix(), NULL, NULL);
    assert_int_equal(mkdir(in(place, "etl"), 0700), 0);
    put_text(place, "etl/a.yaml", CLUSTER("a", ""));
    put_text(place, "b.yaml", CLUSTER("b", ""));
    assert_true(catalogue_scan(catalogue, diag, &err));
    assert_int_equal(diag_errors(diag), 0);
    const struct entry *entries = catalogue_entries(catalogue, &len);
    assert_int_equal(len, 2);
    assert_string_equal(entries[0].pos.file, "etl/a.yaml");

    /* At once, in place, of the same length: the times alone would not tell. */
    put_text(place, "b.yaml", CLUSTER("c", ""));
    assert_true(catalogue_scan(catalogue, diag, &err));
    assert_non_null(catalogue_find(catalogue, "c"));
    assert_null(catalogue_find(catalogue, "b"));

    assert_int_equal(symlink("..", in(place, "etl/round")), 0);
    assert_true(catalogue_scan(catalogue, diag, &err));
    assert_true(diag_file_has_errors(diag, "etl/round"));
    assert_false(catalogue_is_complete(catalogue));
}

/* Who can write into the tree must not get at other files of the host by a link. */
static void test_a_script_behind_a_link_that_leads_out(void **state)
{
    struct place *place = *state;
    struct err err;
    AUTO(diag_destroy) struct diag *diag = diag_create();
    assert_int_equal(mkdir(in(place, "m"), 0700), 0);
    AUTO(catalogue_destroy)
    struct catalogue *catalogue = catalogue_create(in(place, "m"), files_posix(), NULL, NULL);
    put_text(place, "outside.sh", "#");
    put_text(place, "m/inside.sh", "#");
    put_text(place, "m/a.yaml",
             CLUSTER("a", "  docker_image: {url: \"acme/etl:1.4.2\"}\n"
                          "  init_scripts: [{local: {source: setup.sh}}]\n"));
    assert_int_equal(symlink("inside.sh", in(place, "m/setup.sh")), 0);
    assert_true(catalogue_scan(catalogue, diag, &err));
    assert_int_equal(diag_errors(diag), 0);
    assert_non_null(catalogue_find(catalogue, "a"));

    assert_int_equal(unlink(in(place, "m/setup.sh")), 0);
    assert_int_equal(symlink("../outside.sh", in(place, "m/setup.sh")), 0);
    assert_true(catalogue_scan(catalogue, diag, &err));
    assert_null(catalogue_find(catalogue, "a"));
    size_t len = 0;
    const struct finding *findings = diag_findings(diag, &len);
    assert_int_equal(len, 1);
    assert_non_null(strstr(findings[0].text, "outside of the directory"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_list_tells_kinds),
        TEST(test_list_and_read_agree_on_the_stamp),
        TEST(test_a_young_stamp_equals_none),
        TEST(test_read_limits_and_sizes),
        TEST(test_failures),
        TEST(test_permissions),
        TEST(test_a_real_tree),
        TEST(test_a_script_behind_a_link_that_leads_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

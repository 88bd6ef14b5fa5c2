/*
 * The store on a disk that lies or is full: nothing crashes, and only the turn is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static void test_file_that_is_not_sqlite(void **state)
{
    struct scratch *scratch = *state;
    char noise[20000];
    for (size_t i = 0; i < sizeof(noise); i++) {
        noise[i] = (char)(i * 7919 >> 3);
    }
    static const size_t sizes[] = { 2, 100, 511, 512, 4096, sizeof(noise) };
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        scratch_write(scratch->file, noise, sizes[i]);
        scratch_refuse(scratch->file, STORE_WRITE, ERR_CORRUPT, scratch->file, "move it away");
        scratch_refuse(scratch->file, STORE_READ, ERR_CORRUPT, scratch->file, "move it away");
    }
}

/* A store with a few pages, closed, as bytes. */
static char *make_large(const char *path, size_t *ret_len)
{
    AUTO(store_close) struct store *store = scratch_open(path, STORE_WRITE);
    char spec[2000];
    memset(spec, 'x', sizeof(spec) - 1);
    spec[sizeof(spec) - 1] = '\0';
    for (int i = 0; i < 20; i++) {
        struct err err;
        char name[16];
        (void)snprintf(name, sizeof(name), "c-%02d", i);
        must(store_begin(store, &err));
        must(store_record_put(store, &(struct record){ .name = name, .applied_spec = spec }, &err));
        must(store_commit(store, &err));
    }
    store_close(store);
    store = NULL;
    return scratch_read(path, ret_len);
}

static void test_truncated_file(void **state)
{
    struct scratch *scratch = *state;
    size_t len = 0;
    AUTO(xfree) char *bytes = make_large(scratch->file, &len);
    for (size_t kept = 50; kept < len; kept += 4096 * 3 + 700) {
        scratch_write(scratch->file, bytes, kept);
        scratch_refuse(scratch->file, STORE_WRITE, ERR_CORRUPT, scratch->file, "move it away");
        scratch_refuse(scratch->file, STORE_READ, ERR_CORRUPT, scratch->file, "move it away");
    }
    scratch_write(scratch->file, bytes, len); /* whole again: it was the cut that failed */
    store_close(scratch_open(scratch->file, STORE_WRITE));
}

/* Each page overwritten in turn: never a crash, and what is refused is refused with a way out. */
static void test_overwritten_pages(void **state)
{
    struct scratch *scratch = *state;
    size_t len = 0;
    size_t refused = 0;
    AUTO(xfree) char *bytes = make_large(scratch->file, &len);
    for (size_t page = 0; page < len; page += 4096) {
        AUTO(xfree) char *damaged = xmalloc(len);
        memcpy(damaged, bytes, len);
        for (size_t i = 0; i < 512; i++) {
            damaged[page + i] = (char)(i * 31 + 7);
        }
        scratch_write(scratch->file, damaged, len);
        struct store *store = NULL;
        struct err err = { .code = ERR_NONE };
        if (store_open(scratch->file, STORE_WRITE, WORKSPACE, "run", &store, &err)) {
            store_close(store); /* only text was hit */
            continue;
        }
        assert_int_equal(err.code, ERR_CORRUPT);
        assert_non_null(strstr(err.text, "move it away"));
        refused++;
    }
    assert_true(refused >= 5);
}

static void test_tables_of_another_shape(void **state)
{
    struct scratch *scratch = *state;
    scratch_make(scratch->file, "etl");
    scratch_sql(scratch->file, "DROP TABLE record_spec; CREATE TABLE record_spec (a)");
    scratch_refuse(scratch->file, STORE_WRITE, ERR_CORRUPT, scratch->file, "move it away");
}

static bool on_record(void *ctx, const struct record *record)
{
    (void)ctx;
    assert_non_null(record->name);
    return true;
}

static bool on_intent(void *ctx, const struct intent *intent)
{
    (void)ctx;
    assert_non_null(intent->name);
    return true;
}

static bool read_all(struct store *store, struct err *err)
{
    return store_record_each(store, on_record, NULL, err) &&
           store_unfinished(store, on_intent, NULL, err);
}

/* What no version of ours would write, past the rules of the tables: a writer finds it at once. */
static void test_rows_that_break_the_rules(void **state)
{
    static const struct {
        const char *text, *word;
        enum err_code code;
    } rows[] = {
        { "UPDATE record SET phase = 'odd'", "the unknown phase 'odd'", ERR_CORRUPT },
        { "INSERT INTO intent (name, step, at_ms) VALUES ('etl', 'odd', 1)",
          "the unknown step 'odd'", ERR_CORRUPT },
        { "UPDATE meta SET secret_key = x'0102'", "a damaged key", ERR_CORRUPT },
        { "DELETE FROM meta", "holds nothing yet", ERR_NOT_FOUND },
    };
    struct scratch *scratch = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[256];
        (void)unlink(scratch->file);
        scratch_make(scratch->file, "etl");
        (void)snprintf(text, sizeof(text), "PRAGMA ignore_check_constraints = ON; %s",
                       rows[i].text);
        scratch_sql(scratch->file, text);
        struct err err = { .code = ERR_NONE };
        struct store *store = NULL;
        bool ok = store_open(scratch->file, STORE_READ, WORKSPACE, "plan", &store, &err) &&
                  read_all(store, &err);
        store_close(store);
        assert_false(ok);
        assert_int_equal(err.code, rows[i].code);
        if (strstr(err.text, rows[i].word) == NULL) fail_msg("%s", err.text);
    }
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A turn on a disk that is full, played by a limit on the size of files. */
static void fail_turn(struct store *store, const char *path, size_t spec_len, bool at_once)
{
    struct err err = { .code = ERR_NONE };
    struct err next = { .code = ERR_NONE };
    AUTO(xfree) char *spec = xmalloc(spec_len + 1);
    struct record large = { .name = "large", .applied_spec = spec };
    memset(spec, 'x', spec_len);
    spec[spec_len] = '\0';

    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    limit_file_size(1 << 20);
    must(store_begin(store, &err));
    assert_int_equal(store_record_put(store, &large, &err), !at_once);
    if (at_once) {
        assert_int_equal(err.code, ERR_FULL);
        /* SQLite has rolled back by itself: the rest of the turn must not slip in alone. */
        assert_false(store_record_put(store, &(struct record){ .name = "tail" }, &next));
        assert_int_equal(next.code, ERR_FULL);
    }
    assert_false(store_commit(store, &err));
    if (err.code != ERR_FULL) fail_msg("%s", err.text);
    assert_non_null(strstr(err.text, path));
    limit_file_size(RLIM_INFINITY);
    (void)signal(SIGXFSZ, handler);
}

static void test_full_disk_loses_only_the_turn(void **state)
{
    struct scratch *scratch = *state;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    scratch_put(store, &(struct record){ .name = "etl", .applied_spec = "{}" });
    fail_turn(store, scratch->file, 3 << 19, false); /* in memory until the commit */
    assert_true(scratch_has(store, "etl"));
    scratch_put(store,
                &(struct record){ .name = "later",
                                  .applied_spec = "{}" }); /* there is space again: it goes on */
    fail_turn(store, scratch->file, 30 << 20, true);       /* too much for that */
    scratch_put(store, &(struct record){ .name = "last", .applied_spec = "{}" });
    for (int i = 0; i < 2; i++) {
        assert_true(scratch_has(store, "etl"));
        assert_true(scratch_has(store, "later"));
        assert_true(scratch_has(store, "last"));
        assert_false(scratch_has(store, "large"));
        assert_false(scratch_has(store, "tail"));
        store_close(store);
        store = scratch_open(scratch->file, STORE_WRITE);
    }
}

static void test_value_past_the_limit(void **state)
{
    enum { SPEC_LEN = 33 << 20 };
    struct scratch *scratch = *state;
    struct err err = { .code = ERR_NONE };
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    AUTO(xfree) char *spec = xmalloc(SPEC_LEN + 1);
    memset(spec, 'x', SPEC_LEN);
    spec[SPEC_LEN] = '\0';
    must(store_begin(store, &err));
    assert_false(
        store_record_put(store, &(struct record){ .name = "a", .applied_spec = spec }, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    store_rollback(store);
    scratch_put(store, &(struct record){ .name = "etl", .applied_spec = "{}" });
}

#define story(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(test_file_that_is_not_sqlite),   story(test_truncated_file),
        story(test_overwritten_pages),         story(test_tables_of_another_shape),
        story(test_rows_that_break_the_rules), story(test_full_disk_loses_only_the_turn),
        story(test_value_past_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

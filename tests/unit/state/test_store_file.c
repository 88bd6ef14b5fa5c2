/*
 * The store and its file: where it may be, and whose it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mem.h"
#include "scratch.h"
#include "store_private.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_directories_and_files_are_private(void **state)
{
    static const char *const made[] = { "a", "a/b", "a/b/state.db" };
    static const char *const beside[] = { "-wal", "-shm", ".lock" };
    char path[SCRATCH_PATH_SIZE];
    struct scratch inner = { 0 };
    mode_t umask_before = umask(0);
    (void)scratch_path(*state, "a/b/state.db", inner.file);
    AUTO(store_close) struct store *store = scratch_open(inner.file, STORE_WRITE);
    scratch_put(store, &(struct record){ .name = "etl", .applied_spec = "{}" });
    (void)umask(umask_before);
    for (size_t i = 0; i < COUNT_OF(made); i++) {
        assert_int_equal(scratch_mode(scratch_path(*state, made[i], path)), i < 2 ? 0700 : 0600);
    }
    for (size_t i = 0; i < COUNT_OF(beside); i++) {
        assert_int_equal(scratch_mode(scratch_beside(&inner, beside[i], path)), 0600);
    }
}

static void test_open_file_is_made_private(void **state)
{
    struct scratch *scratch = *state;
    scratch_make(scratch->file, "etl");
    assert_int_equal(chmod(scratch->file, 0644), 0);
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    scratch_put(store, &(struct record){ .name = "ml", .applied_spec = "{}" });
    char path[SCRATCH_PATH_SIZE];
    assert_int_equal(scratch_mode(scratch->file), 0600);
    assert_int_equal(scratch_mode(scratch_beside(scratch, "-wal", path)), 0600);
}

static void test_names_that_sqlite_would_read_as_something_else(void **state)
{
    static const char *const names[] = {
        "file:x?mode=memory", ":memory:", "a%41b", "a b#c", "caf\xc3\xa9 'q' \"d\".db",
    };
    struct scratch *scratch = *state;
    assert_int_equal(chdir(scratch->dir), 0);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        scratch_make(names[i], "etl"); /* relative, as --state may be */
        assert_int_equal(scratch_mode(names[i]), 0600);
        AUTO(store_close) struct store *store = scratch_open(names[i], STORE_READ);
        assert_true(scratch_has(store, "etl"));
    }
}

static void test_reader_finds_nothing(void **state)
{
    struct scratch *scratch = *state;
    scratch_refuse(scratch->file, STORE_READ, ERR_NOT_FOUND, scratch->file, "'run' makes it");
    assert_int_equal(scratch_mode(scratch->file), -1); /* and makes nothing */
    scratch_write(scratch->file, "", 0);
    scratch_refuse(scratch->file, STORE_READ, ERR_NOT_FOUND, scratch->file, "holds nothing yet");
    scratch_make(scratch->file, "etl"); /* killed right after making it: goes on from there */
}

static void test_reader_changes_nothing(void **state)
{
    struct scratch *scratch = *state;
    size_t before_len = 0;
    size_t after_len = 0;
    struct err err;
    scratch_make(scratch->file, "etl");
    AUTO(xfree) char *before = scratch_read(scratch->file, &before_len);
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_READ);
    assert_true(scratch_has(store, "etl"));
    assert_false(store_begin(store, &err));
    assert_int_equal(err.code, ERR_READONLY);
    store_close(store);
    store = NULL;
    AUTO(xfree) char *after = scratch_read(scratch->file, &after_len);
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before, after, before_len);
}

static void test_reader_is_not_blocked_by_a_turn(void **state)
{
    struct scratch *scratch = *state;
    struct err err;
    AUTO(store_close) struct store *writer = scratch_open(scratch->file, STORE_WRITE);
    scratch_put(writer, &(struct record){ .name = "etl", .applied_spec = "{}" });
    must(store_begin(writer, &err));
    must(store_record_put(writer, &(struct record){ .name = "ml" }, &err));
    AUTO(store_close) struct store *reader = scratch_open(scratch->file, STORE_READ);
    assert_true(scratch_has(reader, "etl"));
    assert_false(scratch_has(reader, "ml"));
    must(store_commit(writer, &err));
    assert_true(scratch_has(reader, "ml"));
}

static void test_file_belongs_to_one_workspace(void **state)
{
    struct scratch *scratch = *state;
    struct store *store = NULL;
    struct err err;
    must(store_open(scratch->file, STORE_WRITE, NULL, "run", &store, &err)); /* nobody's yet */
    store_close(store);
    scratch_make(scratch->file, "etl"); /* now WORKSPACE's */
    for (int mode = STORE_READ; mode <= STORE_WRITE; mode++) {
        assert_false(
            store_open(scratch->file, (enum store_mode)mode, "adb-2.example", "run", &store, &err));
        assert_int_equal(err.code, ERR_USAGE);
        assert_non_null(strstr(err.text, "belongs to workspace " WORKSPACE ", not to adb-2"));
        must(store_open(scratch->file, (enum store_mode)mode, NULL, "run", &store, &err));
        store_close(store);
    }
}

static void test_newer_file_is_refused(void **state)
{
    struct scratch *scratch = *state;
    scratch_make(scratch->file, "etl");
    scratch_sql(scratch->file, "PRAGMA user_version = 7");
    scratch_refuse(scratch->file, STORE_READ, ERR_NEWER, "version 7", "up to 2");
    scratch_refuse(scratch->file, STORE_WRITE, ERR_NEWER, scratch->file, "up to 2");
}

/* What version 1 wrote: no word of what ran before. */
static void make_old(const char *file)
{
    static const char *const later[] = {
        "record DROP COLUMN failed_id",        "record DROP COLUMN failed_why",
        "record DROP COLUMN good_digest",      "record DROP COLUMN good_libraries",
        "record DROP COLUMN good_permissions", "record DROP COLUMN image_digest",
        "record DROP COLUMN pending_image",    "record DROP COLUMN good_image",
        "record DROP COLUMN failed_image",     "record DROP COLUMN ran",
        "record DROP COLUMN rollback",         "record_spec DROP COLUMN good_spec",
    };
    scratch_make(file, "etl");
    for (size_t i = 0; i < COUNT_OF(later); i++) {
        char statement[128];
        (void)snprintf(statement, sizeof(statement), "ALTER TABLE %s", later[i]);
        scratch_sql(file, statement);
    }
    scratch_sql(file, "PRAGMA user_version = 1");
}

static int64_t version_of(const struct store *store)
{
    struct sql sql = store->sql;
    struct err err;
    int64_t version = -1;
    must(sql_ask_i64(&sql, "PRAGMA user_version", &version, &err));
    return version;
}

/* A reader reads an earlier version without touching it, a writer brings it up to date. */
static void test_older_file(void **state)
{
    struct scratch *scratch = *state;
    make_old(scratch->file);
    for (int i = 0; i < 2; i++) {
        AUTO(store_close) struct store *reader = scratch_open(scratch->file, STORE_READ);
        assert_true(scratch_has(reader, "etl"));
        struct sql file = { .what = "state file", .path = scratch->file };
        struct err err;
        int64_t version = 0;
        must(sql_open(&file, SQL_READ, 1 << 20, &err));
        must(sql_ask_i64(&file, "PRAGMA user_version", &version, &err));
        sql_close(&file);
        assert_int_equal(version, 1);
    }
    AUTO(store_close) struct store *writer = scratch_open(scratch->file, STORE_WRITE);
    assert_true(scratch_has(writer, "etl"));
    assert_int_equal(version_of(writer), 2);
    scratch_put(writer, &(struct record){ .name = "etl", .good_spec = "{}", .ran = 1 });
}

static void test_file_that_is_not_ours_is_left_alone(void **state)
{
    static const char *const programs[] = {
        "CREATE TABLE t (a); INSERT INTO t VALUES (1)",
        "PRAGMA application_id = 77; PRAGMA user_version = 1; CREATE TABLE t (a)",
        "PRAGMA application_id = 77",
    };
    struct scratch *scratch = *state;
    for (size_t i = 0; i < COUNT_OF(programs); i++) {
        size_t before_len = 0;
        size_t after_len = 0;
        (void)unlink(scratch->file);
        scratch_sql(scratch->file, programs[i]);
        assert_int_equal(chmod(scratch->file, 0644), 0);
        AUTO(xfree) char *before = scratch_read(scratch->file, &before_len);
        scratch_refuse(scratch->file, STORE_WRITE, ERR_CORRUPT, "another program",
                       "use another --state");
        scratch_refuse(scratch->file, STORE_READ, ERR_CORRUPT, "another program", scratch->file);
        AUTO(xfree) char *after = scratch_read(scratch->file, &after_len);
        assert_int_equal(before_len, after_len);
        assert_memory_equal(before, after, before_len);
        assert_int_equal(scratch_mode(scratch->file), 0644);
    }
}

/* What no test of behaviour shows without cutting the power, or a file made to do harm. */
static void test_settings_are_in_force(void **state)
{
    static const struct {
        const char *question;
        int64_t answer;
    } rows[] = {
        { "PRAGMA synchronous", 2 },
        { "PRAGMA foreign_keys", 1 },
        { "PRAGMA trusted_schema", 0 },
        { "PRAGMA user_version", 2 },
        { "PRAGMA application_id", 0x636c6b70 },
        { "PRAGMA busy_timeout", 5000 },
    };
    struct scratch *scratch = *state;
    struct err err;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t answer = -1;
        must(sql_ask_i64(&store->sql, rows[i].question, &answer, &err));
        assert_int_equal(answer, rows[i].answer);
    }
    /* Double quotes make no text, and the schema cannot be written. */
    assert_false(sql_exec(&store->sql, "SELECT \"no such column\"", &err));
    assert_false(
        sql_exec(&store->sql, "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema", &err));
}

static void test_dropped_record_leaves_no_spec(void **state)
{
    struct scratch *scratch = *state;
    struct err err;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    scratch_put(store, &(struct record){ .name = "etl", .applied_spec = "{}" });
    must(store_begin(store, &err));
    must(store_record_drop(store, "etl", &err));
    must(store_commit(store, &err));
    store_close(store);
    store = NULL;
    /* A row that is left makes the insertion fail. */
    scratch_sql(scratch->file, "CREATE TEMP TABLE none (a CHECK (a = 0));"
                               "INSERT INTO none SELECT count(*) FROM record_spec");
}

static void test_places_that_cannot_be(void **state)
{
    struct scratch *scratch = *state;
    char path[SCRATCH_PATH_SIZE];
    scratch_make(scratch->file, "etl");
    scratch_refuse("", STORE_WRITE, ERR_USAGE, "empty", "path");
    scratch_refuse(scratch_beside(scratch, "/below.db", path), STORE_WRITE, ERR_IO, scratch->file,
                   "another --state");
    scratch_refuse(path, STORE_READ, ERR_NOT_FOUND, path, "no state file");
    assert_int_equal(mkdir(scratch_path(scratch, "dir.db", path), 0700), 0);
    scratch_refuse(path, STORE_WRITE, ERR_IO, path, "directory");
    scratch_refuse(path, STORE_READ, ERR_IO, path, "regular file");
    assert_int_equal(symlink(scratch->file, scratch_path(scratch, "link.db", path)), 0);
    scratch_refuse(path, STORE_WRITE, ERR_IO, path, "symbolic link");
    assert_int_equal(mkfifo(scratch_path(scratch, "pipe.db", path), 0600), 0);
    scratch_refuse(path, STORE_WRITE, ERR_IO, path, "regular file");
    scratch_refuse(path, STORE_READ, ERR_IO, path, "regular file");
}

/* As root this runs as another user: root is denied nothing. */
static void test_place_that_takes_no_writes(void **state)
{
    struct scratch *scratch = *state;
    char path[SCRATCH_PATH_SIZE];
    scratch_make(scratch->file, "etl");
    (void)unlink(scratch_beside(scratch, ".lock", path));
    assert_int_equal(chmod(scratch->file, 0444), 0);
    assert_int_equal(chmod(scratch->dir, 0555), 0);
    if (!scratch_sink(scratch)) skip();
    scratch_refuse(scratch->file, STORE_WRITE, ERR_READONLY, scratch->file, "own");
    scratch_refuse(scratch_path(scratch, "new/state.db", path), STORE_WRITE, ERR_READONLY, "new",
                   "own");
    struct store *store = scratch_open(scratch->file, STORE_READ);
    assert_true(scratch_has(store, "etl"));
    store_close(store);
    scratch_rise();

    /* The directory takes writes, the file does not. */
    assert_int_equal(chmod(scratch->dir, 0777), 0);
    if (!scratch_sink(scratch)) skip();
    scratch_refuse(scratch->file, STORE_WRITE, ERR_READONLY, scratch->file, "own");
    scratch_rise();
    assert_int_equal(chmod(scratch->file, 0), 0);
    if (!scratch_sink(scratch)) skip();
    scratch_refuse(scratch->file, STORE_READ, ERR_IO, scratch->file, "own");
}

/* A process that was killed has left a log; what is in it must not be missing from what is read. */
static void test_log_of_a_killed_writer_in_a_place_without_writes(void **state)
{
    struct scratch *scratch = *state;
    char path[SCRATCH_PATH_SIZE];
    pid_t child = fork();
    if (child == 0) {
        scratch_put(scratch_open(scratch->file, STORE_WRITE),
                    &(struct record){ .name = "etl", .applied_spec = "{}" });
        (void)raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(scratch_mode(scratch_beside(scratch, "-wal", path)) > 0);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(unlink(scratch_beside(scratch, "-shm", path)), 0);
    assert_int_equal(chmod(scratch->file, 0444), 0);
    assert_int_equal(chmod(scratch->dir, 0555), 0);
    if (!scratch_sink(scratch)) skip();
    scratch_refuse(scratch->file, STORE_READ, ERR_READONLY, "write-ahead log", scratch->file);
    scratch_rise();

    assert_int_equal(chmod(scratch->dir, 0700), 0); /* with a right to write it is read */
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_READ);
    assert_true(scratch_has(store, "etl"));
}

#define story(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(test_directories_and_files_are_private),
        story(test_open_file_is_made_private),
        story(test_names_that_sqlite_would_read_as_something_else),
        story(test_reader_finds_nothing),
        story(test_reader_changes_nothing),
        story(test_reader_is_not_blocked_by_a_turn),
        story(test_file_belongs_to_one_workspace),
        story(test_newer_file_is_refused),
        story(test_older_file),
        story(test_file_that_is_not_ours_is_left_alone),
        story(test_settings_are_in_force),
        story(test_dropped_record_leaves_no_spec),
        story(test_places_that_cannot_be),
        story(test_place_that_takes_no_writes),
        story(test_log_of_a_killed_writer_in_a_place_without_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

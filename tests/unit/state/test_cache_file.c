/* What the cache makes of its file, and of a place that does not take one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache_case.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_without_a_path_it_is_in_memory(void **state)
{
    (void)state;
    AUTO(cache_close) struct cache *cache = open_at(NULL);
    list_two(cache, true, 9);
    expect_all(cache, "a={\"a\":1} b={\"b\":1} ");
    put_blob(cache, "index", "one", 3);
    expect_blob(cache, "index", "one", 3);
}

static void test_what_is_in_the_file_never_matters(void **state)
{
    enum { NOISE_LEN = 30000 };
    const struct scratch *scratch = *state;
    char path[SCRATCH_PATH_SIZE];
    char noise[NOISE_LEN];
    for (size_t i = 0; i < NOISE_LEN; i++) {
        noise[i] = (char)(i * 7919 >> 3);
    }
    (void)scratch_beside(scratch, ".cache", path);
    static const size_t sizes[] = { 0, 1, 100, 512, 4096, NOISE_LEN };
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        scratch_write(path, noise, sizes[i]);
        struct cache *cache = open_at(scratch->file);
        expect_all(cache, "");
        list_two(cache, true, 1);
        cache_close(cache);
        cache = open_at(scratch->file); /* made anew, it is a file again */
        expect_all(cache, "a={\"a\":1} b={\"b\":1} ");
        cache_close(cache);
    }
    assert_int_equal(truncate(path, 9000), 0);
    struct cache *cache = open_at(scratch->file);
    list_two(cache, true, 1);
    expect_all(cache, "a={\"a\":1} b={\"b\":1} ");
    cache_close(cache);
}

static void test_other_version_is_made_anew(void **state)
{
    const struct scratch *scratch = *state;
    char path[SCRATCH_PATH_SIZE];
    struct cache *cache = open_at(scratch->file);
    put(cache, "a", "1");
    cache_close(cache);
    scratch_sql(scratch_beside(scratch, ".cache", path),
                "PRAGMA user_version = 99; DROP TABLE sighting; CREATE TABLE sighting (other)");
    cache = open_at(scratch->file);
    expect(cache, "a", NULL);
    put(cache, "a", "2");
    cache_close(cache);
    cache = open_at(scratch->file);
    expect(cache, "a", "2");
    cache_close(cache);
}

/* Tables that lie about their version, as no version of ours would write them. */
static void test_tables_of_another_shape(void **state)
{
    const struct scratch *scratch = *state;
    char path[SCRATCH_PATH_SIZE];
    cache_close(open_at(scratch->file));
    scratch_sql(scratch_beside(scratch, ".cache", path),
                "DROP TABLE sighting; CREATE TABLE sighting (other)");
    AUTO(cache_close) struct cache *cache = open_at(scratch->file);
    list_two(cache, true, 1);
    expect_all(cache, "a={\"a\":1} b={\"b\":1} ");
}

static void test_row_with_a_bad_digest_is_none(void **state)
{
    const struct scratch *scratch = *state;
    char path[SCRATCH_PATH_SIZE];
    cache_close(open_at(scratch->file));
    scratch_sql(scratch_beside(scratch, ".cache", path),
                "DROP TABLE sighting;"
                "CREATE TABLE sighting (cluster_id TEXT PRIMARY KEY, digest BLOB, json TEXT);"
                "INSERT INTO sighting VALUES ('bad', x'0102', '{}')");
    AUTO(cache_close) struct cache *cache = open_at(scratch->file);
    expect(cache, "bad", NULL);
    expect_all(cache, "");
}

static void test_file_of_another_program_is_left_alone(void **state)
{
    const struct scratch *scratch = *state;
    char path[SCRATCH_PATH_SIZE];
    scratch_sql(scratch_beside(scratch, ".cache", path), "CREATE TABLE precious (a)");
    struct cache *cache = open_at(scratch->file);
    list_two(cache, true, 1);
    expect_all(cache, "a={\"a\":1} b={\"b\":1} ");
    cache_close(cache);
    scratch_sql(path, "INSERT INTO precious VALUES (1)"); /* it is still there */
}

static void test_places_without_a_file(void **state)
{
    const struct scratch *scratch = *state;
    char path[SCRATCH_PATH_SIZE];
    scratch_write(scratch_path(scratch, "file", path), "", 0);
    const char *const names[] = { "no/such/dir/state.db", "file/state.db", "dir" };
    assert_int_equal(mkdir(scratch_path(scratch, "dir.cache", path), 0700), 0);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        AUTO(cache_close) struct cache *cache = open_at(scratch_path(scratch, names[i], path));
        list_two(cache, true, 1);
        expect_all(cache, "a={\"a\":1} b={\"b\":1} ");
    }
    assert_int_equal(scratch_mode(scratch_path(scratch, "no", path)), -1); /* none is made */
}

/* As root this runs as another user: root is denied nothing. */
static void test_place_without_writes_is_read_and_goes_on_in_memory(void **state)
{
    const struct scratch *scratch = *state;
    char path[SCRATCH_PATH_SIZE];
    struct cache *cache = open_at(scratch->file);
    list_two(cache, true, 77);
    cache_close(cache);
    assert_int_equal(chmod(scratch_beside(scratch, ".cache", path), 0444), 0);
    assert_int_equal(chmod(scratch->dir, 0555), 0);
    if (!scratch_sink(scratch)) skip();
    cache = open_at(scratch->file);
    assert_int_equal(cache_listed_at_ms(cache), 77);
    expect_all(cache, "a={\"a\":1} b={\"b\":1} ");
    put(cache, "c", "3");
    expect(cache, "c", "3");
    cache_close(cache);
    cache = open_at(scratch->file);
    expect(cache, "c", NULL);
    cache_close(cache);
}

/* A disk that is full, played by a limit on the size of files, in the middle of a listing. */
static void test_full_disk_is_no_failure(void **state)
{
    enum { LARGE = 600000 };
    const struct scratch *scratch = *state;
    struct err err;
    struct rlimit limit;
    AUTO(xfree) char *large = xmalloc(LARGE + 1);
    memset(large, 'x', LARGE);
    large[LARGE] = '\0';
    AUTO(cache_close) struct cache *cache = open_at(scratch->file);
    list_two(cache, true, 1);
    put(cache, "gone", "1");

    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = 1 << 18;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    must(cache_listing_begin(cache, &err));
    put(cache, "a", "{\"a\":1}");
    put(cache, "large", large);
    must(cache_listing_end(cache, true, 2, &err));
    put_blob(cache, "index", large, LARGE);
    limit.rlim_cur = RLIM_INFINITY;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    (void)signal(SIGXFSZ, handler);

    expect(cache, "a", "{\"a\":1}");
    expect(cache, "large", large);
    expect(cache, "gone", NULL); /* the listing went along as a whole */
    expect(cache, "b", NULL);
    expect_blob(cache, "index", large, LARGE);
    assert_int_equal(cache_listed_at_ms(cache), 2);
}

static void test_two_processes_write_it(void **state)
{
    const struct scratch *scratch = *state;
    struct err err;
    AUTO(cache_close) struct cache *one = open_at(scratch->file);
    AUTO(cache_close) struct cache *two = open_at(scratch->file);
    must(cache_listing_begin(one, &err));
    put(one, "a", "one");
    list_two(two, true, 5); /* not held up by a listing that is under way elsewhere */
    expect(one, "b", "{\"b\":1}");
    must(cache_listing_end(one, true, 6, &err));
    expect_all(two, "a={\"a\":1} "); /* of a row the last write wins, of a listing the last end */
    assert_int_equal(cache_listed_at_ms(two), 6);
}

static void test_killed_process_leaves_what_it_has_written(void **state)
{
    const struct scratch *scratch = *state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct err err;
        struct cache *cache = open_at(scratch->file);
        list_two(cache, true, 5);
        if (!cache_listing_begin(cache, &err)) _exit(1);
        put(cache, "a", "half");
        (void)raise(SIGKILL);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    AUTO(cache_close) struct cache *cache = open_at(scratch->file);
    expect_all(cache, "a=half b={\"b\":1} ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(test_without_a_path_it_is_in_memory),
        story(test_what_is_in_the_file_never_matters),
        story(test_other_version_is_made_anew),
        story(test_tables_of_another_shape),
        story(test_row_with_a_bad_digest_is_none),
        story(test_file_of_another_program_is_left_alone),
        story(test_places_without_a_file),
        story(test_place_without_writes_is_read_and_goes_on_in_memory),
        story(test_full_disk_is_no_failure),
        story(test_two_processes_write_it),
        story(test_killed_process_leaves_what_it_has_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

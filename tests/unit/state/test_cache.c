/*
 * The cache: what it keeps, and that nothing about its file is ever a failure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache.h"
#include "scratch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct cache *open_at(const char *path)
{
    struct cache *cache = NULL;
    struct err err = { .code = ERR_NONE };
    must(cache_open(path, &cache, &err));
    return cache;
}

static void put(struct cache *cache, const char *cluster_id, const char *json)
{
    struct err err;
    struct sighting sighting = { .cluster_id = cluster_id,
                                 .json = json,
                                 .digest = digest_of(json, strlen(json)) };
    must(cache_put(cache, &sighting, &err));
}

static void put_blob(struct cache *cache, const char *name, const char *bytes, size_t len)
{
    struct err err;
    must(cache_blob_put(cache, name, bytes, len, &err));
}

/* `json` NULL: it must not be there. */
static void expect(struct cache *cache, const char *cluster_id, const char *json)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err;
    struct sighting sighting;
    bool found = false;
    must(cache_get(cache, cluster_id, &arena, &sighting, &found, &err));
    assert_int_equal(found, json != NULL);
    if (json == NULL) return;
    struct digest digest = digest_of(json, strlen(json));
    assert_string_equal(sighting.cluster_id, cluster_id);
    assert_string_equal(sighting.json, json);
    assert_true(digest_equal(&sighting.digest, &digest));
}

/* One whole listing of `a` and `b`. */
static void list_two(struct cache *cache, bool complete, int64_t at_ms)
{
    struct err err;
    must(cache_listing_begin(cache, &err));
    put(cache, "a", "{\"a\":1}");
    put(cache, "b", "{\"b\":1}");
    must(cache_listing_end(cache, complete, at_ms, &err));
}

static bool join(void *ctx, const struct sighting *sighting)
{
    char *ids = ctx;
    (void)snprintf(ids + strlen(ids), 64 - strlen(ids), "%s=%s ", sighting->cluster_id,
                   sighting->json);
    return sighting->cluster_id[0] != 'z';
}

static void expect_all(struct cache *cache, const char *all)
{
    struct err err;
    char ids[64] = "";
    must(cache_each(cache, join, ids, &err));
    assert_string_equal(ids, all);
}

static void test_rows_stay(void **state)
{
    const struct scratch *scratch = *state;
    struct cache *cache = open_at(scratch->file);
    assert_int_equal(cache_listed_at_ms(cache), 0);
    list_two(cache, true, 1234);
    put(cache, "c", "3"); /* outside of a listing too */
    cache_close(cache);
    cache = open_at(scratch->file);
    expect(cache, "a", "{\"a\":1}");
    expect(cache, "c", "3");
    expect(cache, "d", NULL);
    assert_int_equal(cache_listed_at_ms(cache), 1234);
    cache_close(cache);
    char path[SCRATCH_PATH_SIZE];
    assert_int_equal(scratch_mode(scratch_beside(scratch, ".cache", path)), 0600);
    assert_int_equal(scratch_mode(scratch->file), -1); /* the state file is no business of it */
}

static void test_complete_listing_forgets(void **state)
{
    const struct scratch *scratch = *state;
    AUTO(cache_close) struct cache *cache = open_at(scratch->file);
    put(cache, "old", "0");
    put(cache, "b", "old");
    list_two(cache, false, 5);
    expect_all(cache, "a={\"a\":1} b={\"b\":1} old=0 ");
    assert_int_equal(cache_listed_at_ms(cache), 0);
    list_two(cache, true, 6);
    expect_all(cache, "a={\"a\":1} b={\"b\":1} ");
    assert_int_equal(cache_listed_at_ms(cache), 6);
    list_two(cache, true, 7); /* nothing changed but the time */
    expect_all(cache, "a={\"a\":1} b={\"b\":1} ");
    assert_int_equal(cache_listed_at_ms(cache), 7);
}

static void test_listing_under_way_is_seen_at_once(void **state)
{
    const struct scratch *scratch = *state;
    struct err err;
    AUTO(cache_close) struct cache *cache = open_at(scratch->file);
    list_two(cache, true, 1);
    must(cache_listing_begin(cache, &err));
    put(cache, "a", "new");
    put(cache, "c", "new");
    expect(cache, "a", "new");
    expect(cache, "b", "{\"b\":1}");
    must(cache_drop(cache, "c", &err));
    must(cache_drop(cache, "b", &err));
    expect(cache, "c", NULL);
    expect_all(cache, "a=new ");
    put(cache, "z", "last");
    expect_all(cache, "a=new z=last ");
    must(cache_listing_end(cache, true, 2, &err));
    expect_all(cache, "a=new z=last ");

    must(cache_listing_begin(cache, &err)); /* what the last one saw does not count for this */
    put(cache, "z", "last");
    must(cache_listing_end(cache, true, 3, &err));
    expect_all(cache, "z=last ");
}

static void test_digest_or_text_alone_is_a_change(void **state)
{
    const struct scratch *scratch = *state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO(cache_close) struct cache *cache = open_at(scratch->file);
    struct err err;
    struct sighting sighting = { .cluster_id = "a", .json = "one", .digest = digest_of("1", 1) };
    bool found = false;
    must(cache_put(cache, &sighting, &err));
    sighting.json = "two";
    must(cache_put(cache, &sighting, &err));
    sighting.digest = digest_of("2", 1);
    must(cache_put(cache, &sighting, &err));
    struct sighting kept;
    must(cache_get(cache, "a", &arena, &kept, &found, &err));
    assert_true(found);
    assert_string_equal(kept.json, "two");
    assert_true(digest_equal(&kept.digest, &sighting.digest));
}

static void put_named(struct cache *cache, const char *cluster_id, const char *name,
                      const char *json)
{
    struct err err;
    struct sighting sighting = { .cluster_id = cluster_id,
                                 .json = json,
                                 .name = name,
                                 .digest = digest_of(json, strlen(json)) };
    must(cache_put(cache, &sighting, &err));
}

static void expect_all_of(struct cache *cache, const char *name, const char *all)
{
    struct err err;
    char ids[64] = "";
    must(cache_each_of(cache, name, join, ids, &err));
    assert_string_equal(ids, all);
}

static void test_sightings_of_one_name(void **state)
{
    const struct scratch *scratch = *state;
    struct err err;
    AUTO(cache_close) struct cache *cache = open_at(scratch->file);
    put_named(cache, "c", "etl", "1");
    put_named(cache, "a", "etl", "2");
    put_named(cache, "b", "ml", "3");
    put_named(cache, "d", NULL, "4");
    expect_all_of(cache, "etl", "a=2 c=1 ");
    expect_all_of(cache, "nobody", "");

    must(cache_listing_begin(cache, &err)); /* it knows better, before it ends */
    put_named(cache, "c", "ml", "5");
    put_named(cache, "d", "etl", "4"); /* only its name is another */
    expect_all_of(cache, "etl", "a=2 d=4 ");
    expect_all_of(cache, "ml", "b=3 c=5 ");
    expect_all(cache, "a=2 b=3 c=5 d=4 ");
    must(cache_listing_end(cache, true, 1, &err));
    expect_all_of(cache, "etl", "d=4 ");
    expect_all_of(cache, "ml", "c=5 ");
}

static void test_generation_tells_of_each_change(void **state)
{
    const struct scratch *scratch = *state;
    struct err err;
    AUTO(cache_close) struct cache *cache = open_at(scratch->file);
    AUTO(cache_close) struct cache *other = open_at(scratch->file);
    int64_t number = cache_generation(cache);
    put_named(cache, "a", "etl", "1");
    assert_true(cache_generation(cache) > number);
    number = cache_generation(cache);
    assert_int_equal(cache_generation(other), number);

    put_named(cache, "a", "etl", "1"); /* nothing new */
    put_blob(cache, "index", "one", 3);
    list_two(cache, true, 1);
    assert_true(cache_generation(cache) > number);
    number = cache_generation(cache);
    list_two(cache, true, 2);
    assert_int_equal(cache_generation(cache), number);

    put_named(other, "a", "etl", "2");
    assert_true(cache_generation(cache) > number);
    number = cache_generation(cache);
    must(cache_drop(cache, "a", &err));
    assert_true(cache_generation(other) > number);
    number = cache_generation(cache);
    must(cache_drop(cache, "a", &err));
    assert_int_equal(cache_generation(cache), number);
    cache_close(cache);
    cache = open_at(scratch->file);
    assert_int_equal(cache_generation(cache), number);
}

static void expect_blob(struct cache *cache, const char *name, const char *bytes, size_t len)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err;
    const char *kept = "unset";
    size_t kept_len = 77;
    must(cache_blob_get(cache, name, &arena, &kept, &kept_len, &err));
    if (bytes == NULL) {
        assert_null(kept);
        return;
    }
    assert_non_null(kept);
    assert_int_equal(kept_len, len);
    assert_memory_equal(kept, bytes, len);
}

static void test_blobs(void **state)
{
    const struct scratch *scratch = *state;
    AUTO(cache_close) struct cache *cache = open_at(scratch->file);
    expect_blob(cache, "index", NULL, 0);
    put_blob(cache, "index", "one", 3);
    put_blob(cache, "index", "a\0b", 3);
    put_blob(cache, "empty", NULL, 0);
    expect_blob(cache, "index", "a\0b", 3);
    expect_blob(cache, "empty", "", 0);
}

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

static void test_what_is_kept_is_not_forgotten(void **state)
{
    const struct scratch *scratch = *state;
    struct err err;
    AUTO(cache_close) struct cache *cache = open_at(scratch->file);
    list_two(cache, true, 5);
    int64_t generation = cache_generation(cache);
    must(cache_listing_begin(cache, &err));
    must(cache_keep(cache, "a", &err)); /* shown, and as it is known already */
    must(cache_keep(cache, "x", &err)); /* shown, and never put: no row comes of it */
    must(cache_listing_end(cache, true, 6, &err));
    expect_all(cache, "a={\"a\":1} ");
    assert_int_equal(cache_generation(cache), generation + 1); /* b went, a did not change */
}

#define story(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(test_rows_stay),
        story(test_complete_listing_forgets),
        story(test_listing_under_way_is_seen_at_once),
        story(test_digest_or_text_alone_is_a_change),
        story(test_sightings_of_one_name),
        story(test_generation_tells_of_each_change),
        story(test_blobs),
        story(test_without_a_path_it_is_in_memory),
        story(test_what_is_in_the_file_never_matters),
        story(test_other_version_is_made_anew),
        story(test_tables_of_another_shape),
        story(test_row_with_a_bad_digest_is_none),
        story(test_file_of_another_program_is_left_alone),
        story(test_places_without_a_file),
        story(test_place_without_writes_is_read_and_goes_on_in_memory),
        story(test_full_disk_is_no_failure),
        story(test_what_is_kept_is_not_forgotten),
        story(test_two_processes_write_it),
        story(test_killed_process_leaves_what_it_has_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The cache: what it keeps, and that nothing about its file is ever a failure.
 */
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
    must(cache_each_of(cache, name, cache_join, ids, &err));
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
        story(test_what_is_kept_is_not_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

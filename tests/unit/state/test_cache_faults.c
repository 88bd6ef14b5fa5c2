/*
 * The cache in which each call of SQLite to the file system fails in turn, then allocations.
 * The file is never worth a failure: whatever it does not allow, every call succeeds, and the cache
 * holds what was put into it or knows of no listing. Of memory that fails, the caller is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache_case.h"
#include "fault.h"

#include <stdio.h>
#include <unistd.h>

static const char blob[] = "what is quiet";

static bool keep_json(void *ctx, const struct sighting *sighting)
{
    char *ids = ctx;
    (void)cache_join(ids, sighting);
    return true;
}

static bool put_one(struct cache *cache, const char *cluster_id, const char *name, struct err *err)
{
    struct sighting sighting = {
        .cluster_id = cluster_id, .json = "{}", .name = name, .digest = digest_of("{}", 2)
    };
    return cache_put(cache, &sighting, err);
}

/* A listing that brings `a`, `b` and `c`, drops `c`, and forgets `old`. */
static bool list(struct cache *cache, struct err *err)
{
    return put_one(cache, "old", NULL, err) && cache_listing_begin(cache, err) &&
           put_one(cache, "a", "etl", err) && put_one(cache, "b", NULL, err) &&
           put_one(cache, "c", NULL, err) && cache_drop(cache, "c", err) &&
           cache_listing_end(cache, true, 7, err) &&
           cache_blob_put(cache, "memo", blob, sizeof(blob), err);
}

/* Reads everything; false where a call failed. A walk that fails cannot go on in memory, since what
 * it has shown is borrowed from the file. */
static bool look(struct cache *cache, char ret_ids[64], struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct sighting sighting;
    bool found = false;
    const char *bytes = NULL;
    size_t len = 0;
    ret_ids[0] = '\0';
    return cache_get(cache, "a", &arena, &sighting, &found, err) &&
           cache_blob_get(cache, "memo", &arena, &bytes, &len, err) &&
           (bytes == NULL || (len == sizeof(blob) && memcmp(bytes, blob, len) == 0)) &&
           cache_each_of(cache, "etl", keep_json, ret_ids, err) &&
           cache_each(cache, keep_json, ret_ids, err);
}

/*
 * Nothing fails any more. What was put is there; or it is gone, since the file could not be read
 * when it was needed, and then there was no listing, so that the next one is soon. A listing with
 * less in it than it has shown would be clusters that are taken for gone.
 */
static void judge(struct cache *cache, uint64_t nth)
{
    struct err err = { .code = ERR_NONE };
    char ids[64];
    must(look(cache, ids, &err));
    int64_t listed_at_ms = cache_listed_at_ms(cache);
    bool is_whole = listed_at_ms == 7 && strcmp(ids, "a={} a={} b={} ") == 0;
    if (!is_whole && listed_at_ms != 0) {
        fail_msg("call %llu: listed at %lld, and it holds '%s'", (unsigned long long)nth,
                 (long long)listed_at_ms, ids);
    }
}

/* The file stays, empty: a new one is synced, which is slow. */
static void empty_files(const struct scratch *scratch)
{
    static const char *const suffixes[] = { ".cache-wal", ".cache-shm", ".cache-journal" };
    char path[SCRATCH_PATH_SIZE];
    scratch_write(scratch_beside(scratch, ".cache", path), "", 0);
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        (void)unlink(scratch_beside(scratch, suffixes[i], path));
    }
}

/* Begins with a file that holds a listing, whose blob is the older one. */
static void make_file(const struct scratch *scratch)
{
    empty_files(scratch);
    AUTO(cache_close) struct cache *cache = open_at(scratch->file);
    list_two(cache, true, 1);
    put_blob(cache, "memo", "older", 5);
}

/* Opens it, works with it, looks at it; the calls that this took. */
static uint64_t work(const struct scratch *scratch, enum fault_kind kind, uint64_t nth,
                     bool lasting)
{
    struct cache *cache = NULL;
    struct err err = { .code = ERR_NONE };
    char ids[64] = "";
    make_file(scratch);
    fault_arm(kind, nth, lasting);
    bool ok = cache_open(scratch->file, &cache, &err) && list(cache, &err);
    if (kind == FAULT_FILE && !ok) {
        fail_msg("file call %llu: %s", (unsigned long long)nth, err.text);
    }
    if (!ok) assert_true(err.code != ERR_NONE);
    if (ok) (void)!look(cache, ids, &err);
    uint64_t calls = fault_disarm();
    if (ok) judge(cache, nth);
    cache_close(cache);

    cache = open_at(scratch->file); /* and what is in the file holds nobody up */
    must(list(cache, &err));
    expect_all(cache, "a={} b={} ");
    cache_close(cache);
    return calls;
}

/* Each call on a file; of the allocations, which are thousands, every 41st. */
static const unsigned steps[FAULT_KINDS] = { [FAULT_FILE] = 1, [FAULT_MEMORY] = 41 };

static void fail_each(const struct scratch *scratch, enum fault_kind kind, bool lasting)
{
    uint64_t calls = work(scratch, kind, 0, false);
    assert_true(calls > 50);
    for (uint64_t nth = 1; nth <= calls; nth += steps[kind]) {
        (void)work(scratch, kind, nth, lasting);
    }
}

static void test_each_call_fails_once(void **state)
{
    fail_each(*state, FAULT_FILE, false);
}

static void test_each_call_fails_and_all_behind_it(void **state)
{
    fail_each(*state, FAULT_FILE, true);
}

static void test_allocations_fail_once(void **state)
{
    fail_each(*state, FAULT_MEMORY, false);
}

static void test_allocations_fail_and_all_behind_them(void **state)
{
    fail_each(*state, FAULT_MEMORY, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(test_each_call_fails_once),
        story(test_each_call_fails_and_all_behind_it),
        story(test_allocations_fail_once),
        story(test_allocations_fail_and_all_behind_them),
    };
    fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

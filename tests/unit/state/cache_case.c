#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache_case.h"

#include <stdio.h>
#include <string.h>

struct cache *open_at(const char *path)
{
    struct cache *cache = NULL;
    struct err err = { .code = ERR_NONE };
    must(cache_open(path, &cache, &err));
    return cache;
}

void put(struct cache *cache, const char *cluster_id, const char *json)
{
    struct err err;
    struct sighting sighting = { .cluster_id = cluster_id,
                                 .json = json,
                                 .digest = digest_of(json, strlen(json)) };
    must(cache_put(cache, &sighting, &err));
}

void put_blob(struct cache *cache, const char *name, const char *bytes, size_t len)
{
    struct err err;
    must(cache_blob_put(cache, name, bytes, len, &err));
}

/* `json` NULL: it must not be there. */
void expect(struct cache *cache, const char *cluster_id, const char *json)
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
void list_two(struct cache *cache, bool complete, int64_t at_ms)
{
    struct err err;
    must(cache_listing_begin(cache, &err));
    put(cache, "a", "{\"a\":1}");
    put(cache, "b", "{\"b\":1}");
    must(cache_listing_end(cache, complete, at_ms, &err));
}

bool cache_join(void *ctx, const struct sighting *sighting)
{
    char *ids = ctx;
    (void)snprintf(ids + strlen(ids), 64 - strlen(ids), "%s=%s ", sighting->cluster_id,
                   sighting->json);
    return sighting->cluster_id[0] != 'z';
}

void expect_all(struct cache *cache, const char *all)
{
    struct err err;
    char ids[64] = "";
    must(cache_each(cache, cache_join, ids, &err));
    assert_string_equal(ids, all);
}

void expect_blob(struct cache *cache, const char *name, const char *bytes, size_t len)
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

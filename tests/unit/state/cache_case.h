/*
 * cache_case: opens a cache, puts rows in, and looks at what it holds.
 */
#ifndef CLUSTERKEEPER_CACHE_CASE_H
#define CLUSTERKEEPER_CACHE_CASE_H

#include "cache.h"
#include "scratch.h"

struct cache *open_at(const char *path);
void put(struct cache *cache, const char *cluster_id, const char *json);
void put_blob(struct cache *cache, const char *name, const char *bytes, size_t len);
/* `json` NULL: it must not be there. */
void expect(struct cache *cache, const char *cluster_id, const char *json);
/* One whole listing of `a` and `b`. */
void list_two(struct cache *cache, bool complete, int64_t at_ms);
/* A cache_sighting_fn: appends "ID=JSON " to the 64 bytes at `ctx`. */
bool cache_join(void *ctx, const struct sighting *sighting);
void expect_all(struct cache *cache, const char *all);
void expect_blob(struct cache *cache, const char *name, const char *bytes, size_t len);

/* A test with a scratch directory of its own. */
#define story(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

#endif

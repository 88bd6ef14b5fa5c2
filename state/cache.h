/*
 * cache: what can be had again, kept to be quick. A file beside the state file (FILE.cache).
 *
 * It holds what the workspace returned last and the index of the manifests. Deleting it costs a
 * listing and a parse. It is written with synchronous=OFF, by `plan` too; a damaged one is thrown
 * away and made anew. Several processes may write it: the last one wins. Where its place takes no
 * writes, is full or is held up, the cache goes on in memory with what it could read.
 */
#ifndef CLUSTERKEEPER_CACHE_H
#define CLUSTERKEEPER_CACHE_H

#include "arena.h"
#include "digest.h"
#include "err.h"

struct cache; /* opaque */

/* One cluster of the workspace as last seen. Strings are borrowed. */
struct sighting {
    const char *cluster_id;
    const char *json;     /* canonical, only what observed.h keeps; no secrets */
    const char *name;     /* the name that its tags bear; NULL: none */
    struct digest digest; /* of the definition in it: equal digests, nothing changed */
};

/* `path` of the state file. Never fails for what is in the file: it is made anew. NULL `path`: in
 * memory. */
MUST_CHECK bool cache_open(const char *path, struct cache **ret_cache, struct err *err);
void cache_close(struct cache *cache); /* NULL is fine */
DEFINE_AUTO(struct cache, cache_close)

/*
 * A listing: begin, put or keep each sighting, end. With `complete`, what was neither put nor kept
 * since begin is forgotten, and the time of the listing is noted; unless rows were lost meanwhile,
 * with a disk that can no longer be read.
 */
MUST_CHECK bool cache_listing_begin(struct cache *cache, struct err *err);
MUST_CHECK bool cache_put(struct cache *cache, const struct sighting *sighting, struct err *err);
/* It was shown as it is known already. */
MUST_CHECK bool cache_keep(struct cache *cache, const char *cluster_id, struct err *err);
MUST_CHECK bool cache_listing_end(struct cache *cache, bool complete, int64_t at_ms,
                                  struct err *err);
MUST_CHECK bool cache_drop(struct cache *cache, const char *cluster_id, struct err *err);

/* Into `arena`; `ret_found` false when it is not there. */
MUST_CHECK bool cache_get(struct cache *cache, const char *cluster_id, struct arena *arena,
                          struct sighting *ret_sighting, bool *ret_found, struct err *err);
typedef bool (*cache_sighting_fn)(void *ctx, const struct sighting *sighting);
/* Each sighting, by cluster ID. Borrowed for the call, which may read other rows and writes none.
 */
MUST_CHECK bool cache_each(struct cache *cache, cache_sighting_fn visit, void *ctx,
                           struct err *err);
/* Each sighting whose tags bear `name`. */
MUST_CHECK bool cache_each_of(struct cache *cache, const char *name, cache_sighting_fn visit,
                              void *ctx, struct err *err);
/* Goes up with every change of a sighting: equal numbers, equal sightings. What a listing brings
 * counts when it ends. */
int64_t cache_generation(struct cache *cache);
/* When the last complete listing ended; 0: never. */
int64_t cache_listed_at_ms(struct cache *cache);

/* Named bytes: the index of the catalogue, the memo of quiet clusters. */
MUST_CHECK bool cache_blob_put(struct cache *cache, const char *name, const void *bytes, size_t len,
                               struct err *err);
/* Into `arena`; `ret_bytes` NULL when there is none. */
MUST_CHECK bool cache_blob_get(struct cache *cache, const char *name, struct arena *arena,
                               const char **ret_bytes, size_t *ret_len, struct err *err);

#endif

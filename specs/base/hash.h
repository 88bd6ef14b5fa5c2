/*
 * hash: uthash's tables, with our allocator, and with a hash function that every compiler takes
 * without a warning (uthash's own falls through its labels).
 *
 * A file whose keys are their own best hash may define HASH_FUNCTION before it includes this.
 */
#ifndef CLUSTERKEEPER_HASH_H
#define CLUSTERKEEPER_HASH_H

#include "mem.h"

#include <stdint.h>

/* FNV-1a, by Fowler, Noll and Vo. */
static inline uint32_t hash_bytes(const void *bytes, size_t len)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 16777619U;
    }
    return hash;
}

#ifndef HASH_FUNCTION
#define HASH_FUNCTION(key, len, hash) ((hash) = hash_bytes((key), (size_t)(len)))
#endif
#define uthash_malloc(size)    xmalloc(size)
#define uthash_free(ptr, size) xfree(ptr)
#include <uthash.h>

#endif

/*
 * arena: many small objects with one end.
 *
 * A parsed manifest, a decoded answer, a plan live in an arena and go with it. Blocks start small
 * and double, so that an arena for one cluster costs one small allocation. In builds with
 * AddressSanitizer each object is an allocation of its own, so that overruns are seen.
 */
#ifndef CLUSTERKEEPER_ARENA_H
#define CLUSTERKEEPER_ARENA_H

#include "mem.h"

#include <stdarg.h>

struct arena {
    struct arena_block *head; /* the block in use; the older ones behind it */
};

#define ARENA_INIT ((struct arena){ NULL })

void arena_release(struct arena *arena); /* everything gone; ready for use again */
/* Everything gone but the newest block is kept for reuse: for a loop over many clusters. */
void arena_reset(struct arena *arena);

/* Zeroed, aligned for any object. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_strdup(struct arena *arena, const char *text); /* NULL gives NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF(2, 3);

/*
 * Room for one more element in an array that lives in the arena; as arr_grow. The old storage
 * stays until the arena goes.
 */
void *arena_grow(struct arena *arena, void *ptr, size_t len, size_t *cap, size_t element_size);

#define ARENA_PUSH(arena, arr, len, cap, item)                               \
    do {                                                                     \
        (arr) = arena_grow((arena), (arr), (len), &(cap), sizeof((arr)[0])); \
        (arr)[(len)++] = (item);                                             \
    } while (0)

static inline void arena_release_at(struct arena *arena)
{
    arena_release(arena);
}
/* AUTO_ARENA struct arena arena = ARENA_INIT; */
#define AUTO_ARENA __attribute__((cleanup(arena_release_at)))

#endif

#include "arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_FIRST = 2048, BLOCK_LAST = 256 * 1024 };

struct arena_block {
    struct arena_block *older;
    size_t cap;
    size_t used;
    alignas(max_align_t) unsigned char data[];
};

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define ONE_BLOCK_PER_OBJECT 1
#else
#define ONE_BLOCK_PER_OBJECT 0
#endif

void arena_release(struct arena *arena)
{
    while (arena->head != NULL) {
        struct arena_block *older = arena->head->older;
        xfree(arena->head);
        arena->head = older;
    }
}

void arena_reset(struct arena *arena)
{
    if (ONE_BLOCK_PER_OBJECT || arena->head == NULL) {
        arena_release(arena);
        return;
    }
    struct arena older = { arena->head->older };
    arena_release(&older);
    arena->head->older = NULL;
    memset(arena->head->data, 0, arena->head->used);
    arena->head->used = 0;
}

static struct arena_block *block_add(struct arena *arena, size_t size)
{
    size_t cap = size;
    if (!ONE_BLOCK_PER_OBJECT) {
        size_t next = arena->head == NULL ? BLOCK_FIRST : arena->head->cap * 2;
        if (next > BLOCK_LAST) next = BLOCK_LAST;
        if (cap < next) cap = next;
    }
    if (cap > SIZE_MAX - sizeof(struct arena_block)) abort();
    struct arena_block *block = xcalloc(1, sizeof(*block) + cap);
    block->cap = cap;
    block->older = arena->head;
    arena->head = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t align = alignof(max_align_t);
    if (size > SIZE_MAX - align) abort();
    size_t rounded = ONE_BLOCK_PER_OBJECT ? size : (size + align - 1) / align * align;
    bool fits = !ONE_BLOCK_PER_OBJECT && arena->head != NULL &&
                rounded <= arena->head->cap - arena->head->used;
    struct arena_block *block = fits ? arena->head : block_add(arena, rounded);
    void *at = block->data + block->used;
    block->used += rounded;
    return at;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);
    if (len != 0) memcpy(copy, text, len);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return text == NULL ? NULL : arena_strndup(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = arena_alloc(arena, len < 0 ? 1 : (size_t)len + 1);
    if (len > 0) (void)vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}

void *arena_grow(struct arena *arena, void *ptr, size_t len, size_t *cap, size_t element_size)
{
    if (len < *cap) return ptr;
    size_t wanted = *cap == 0 ? 4 : *cap * 2;
    if (wanted > SIZE_MAX / element_size) abort();
    void *moved = arena_alloc(arena, wanted * element_size);
    if (len != 0) memcpy(moved, ptr, len * element_size);
    *cap = wanted;
    return moved;
}

#include "text_map.h"

#include <assert.h>
#include <stdint.h>

enum { CAP_FIRST = 16 }; /* a power of two, as all that follow */

struct text_slot {
    const char *text; /* NULL: free */
    void *object;
    uint64_t hash;
};

/* FNV-1a, its high bits folded in, since a slot is chosen by the low ones. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    }
    return hash ^ (hash >> 32);
}

void text_map_release(struct text_map *map)
{
    xfree(map->slots);
    *map = (struct text_map){ 0 };
}

/* Where `text` is, or the free slot where it belongs. */
static struct text_slot *slot_find(const struct text_map *map, const char *text, uint64_t hash)
{
    for (size_t at = hash & (map->cap - 1);; at = (at + 1) & (map->cap - 1)) {
        struct text_slot *slot = &map->slots[at];
        if (slot->text == NULL) return slot;
        if (slot->hash == hash && strcmp(slot->text, text) == 0) return slot;
    }
}

void *text_map_get(const struct text_map *map, const char *text)
{
    return map->len == 0 ? NULL : slot_find(map, text, hash_of(text))->object;
}

static void grow(struct text_map *map)
{
    struct text_map bigger = { .len = map->len, .cap = map->cap == 0 ? CAP_FIRST : map->cap * 2 };
    bigger.slots = xcalloc(bigger.cap, sizeof(bigger.slots[0]));
    for (size_t i = 0; i < map->cap; i++) {
        const struct text_slot *slot = &map->slots[i];
        if (slot->text != NULL) *slot_find(&bigger, slot->text, slot->hash) = *slot;
    }
    xfree(map->slots);
    *map = bigger;
}

void text_map_put(struct text_map *map, const char *text, void *object)
{
    /* At least half of the slots stay free, so that a search ends soon. */
    if (map->len >= map->cap / 2) grow(map);
    uint64_t hash = hash_of(text);
    struct text_slot *slot = slot_find(map, text, hash);
    assert(slot->text == NULL && object != NULL);
    *slot = (struct text_slot){ text, object, hash };
    map->len++;
}

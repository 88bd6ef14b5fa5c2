/*
 * text_map: finds an object by a text.
 *
 * For tables of a few to some thousand names. Texts and objects are borrowed and outlive the map;
 * a text is put in once and stays. All zeros is an empty map.
 */
#ifndef CLUSTERKEEPER_TEXT_MAP_H
#define CLUSTERKEEPER_TEXT_MAP_H

#include "mem.h"

struct text_slot; /* private */

struct text_map {
    struct text_slot *slots;
    size_t len, cap;
};

void text_map_release(struct text_map *map); /* contents gone; ready for use again */
/* NULL when it is not there. */
void *text_map_get(const struct text_map *map, const char *text);
/* `text` is not there yet; `object` is not NULL. */
void text_map_put(struct text_map *map, const char *text, void *object);

#endif

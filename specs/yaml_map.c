#include "yaml_map.h"

#include <stdlib.h>

/* Up to so many members each is compared with each, which is faster than sorting. */
enum { KEY_QUOTE_MAX = 60, SMALL_MAP = 16 };

void yaml_map_scratch_release(struct yaml_map_scratch *scratch)
{
    xfree(scratch->order);
    *scratch = (struct yaml_map_scratch){ 0 };
}

static bool merge_one(struct value_builder *map, const struct value *from, struct pos pos,
                      struct diag *diag)
{
    if (from->kind != VALUE_MAP) {
        diag_error(diag, pos, "'<<' takes a map or a list of maps, such as an alias of one");
        return false;
    }
    for (size_t i = 0; i < from->len; i++) {
        const struct member *member = &from->u.members[i];
        value_put_new(map, member->key, member->pos, member->value);
    }
    return true;
}

bool yaml_map_merge(struct value_builder *map, const struct value *from, struct pos pos,
                    struct diag *diag)
{
    if (from->kind != VALUE_LIST) return merge_one(map, from, pos, diag);
    for (size_t i = 0; i < from->len; i++) {
        if (!merge_one(map, from->u.items[i], pos, diag)) return false;
    }
    return true;
}

/* By key, and members of one key in the order in which they came. */
static int by_key(const void *a, const void *b)
{
    const struct member *x = *(const struct member *const *)a;
    const struct member *y = *(const struct member *const *)b;
    int order = strcmp(x->key, y->key);
    if (order != 0) return order;
    return x < y ? -1 : 1;
}

static void sort_by_key(struct yaml_map_scratch *scratch, const struct value_builder *map)
{
    size_t len = map->value->len;
    if (len > scratch->cap) {
        scratch->cap = len * 2;
        scratch->order = xrealloc(scratch->order, scratch->cap * sizeof(void *));
    }
    for (size_t i = 0; i < len; i++) {
        scratch->order[i] = &map->members[i];
    }
    qsort(scratch->order, len, sizeof(void *), by_key);
}

/* Takes out the members without a value. */
static void close_gaps(struct value_builder *map)
{
    size_t kept = 0;
    for (size_t i = 0; i < map->value->len; i++) {
        if (map->members[i].value != NULL) map->members[kept++] = map->members[i];
    }
    map->value->len = kept;
}

/* Nearly all maps are small, and their keys begin differently. */
static bool is_small_and_unique(const struct value_builder *map)
{
    size_t len = map->value->len;
    if (len > SMALL_MAP) return false;
    for (size_t i = 1; i < len; i++) {
        const char *key = map->members[i].key;
        for (size_t k = 0; k < i; k++) {
            const char *other = map->members[k].key;
            if (key[0] == other[0] && strcmp(key, other) == 0) return false;
        }
    }
    return true;
}

bool yaml_map_settle(struct yaml_map_scratch *scratch, struct value_builder *map, size_t own,
                     struct diag *diag)
{
    size_t len = map->value->len;
    if (is_small_and_unique(map)) return true;
    sort_by_key(scratch, map); /* a map of a million bytes takes no longer than it should */
    const struct member *first = scratch->order[0];
    bool is_sound = true;
    bool has_gaps = false;
    for (size_t i = 1; i < len; i++) {
        const struct member *member = scratch->order[i];
        if (strcmp(first->key, member->key) != 0) {
            first = member;
            continue;
        }
        size_t at = (size_t)(member - map->members);
        if (at < own) {
            diag_error(diag, member->pos,
                       "duplicate key '%.*s'; it came first at line %u, column %u", KEY_QUOTE_MAX,
                       member->key, first->pos.line, first->pos.column);
            is_sound = false;
        }
        map->members[at].value = NULL;
        has_gaps = true;
    }
    if (has_gaps) close_gaps(map);
    return is_sound;
}

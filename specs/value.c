#include "value.h"

#include <stdlib.h>

/* 2^53. */
static const double EXACT_MAX = 9007199254740992.0;

/* Up to so many members a map is looked through; a larger one is sorted to find many keys in. */
enum { SMALL_MAP = 16 };

static struct value *make(struct arena *arena, enum value_kind kind, struct pos pos)
{
    struct value *value = arena_alloc(arena, sizeof(*value));
    value->kind = kind;
    value->pos = pos;
    return value;
}

struct value *value_null(struct arena *arena, struct pos pos)
{
    return make(arena, VALUE_NULL, pos);
}

struct value *value_bool(struct arena *arena, struct pos pos, bool boolean)
{
    struct value *value = make(arena, VALUE_BOOL, pos);
    value->u.boolean = boolean;
    return value;
}

struct value *value_int(struct arena *arena, struct pos pos, int64_t integer)
{
    struct value *value = make(arena, VALUE_INT, pos);
    value->u.integer = integer;
    return value;
}

struct value *value_real(struct arena *arena, struct pos pos, double real)
{
    struct value *value = make(arena, VALUE_REAL, pos);
    value->u.real = real;
    return value;
}

struct value *value_text(struct arena *arena, struct pos pos, const char *text)
{
    struct value *value = make(arena, VALUE_TEXT, pos);
    value->text = text;
    value->len = strlen(text);
    return value;
}

struct value *value_secret(struct arena *arena, struct pos pos, enum secret_source source,
                           const char *text)
{
    struct value *value = make(arena, VALUE_SECRET, pos);
    value->source = source;
    value->text = text;
    value->len = strlen(text);
    return value;
}

/* ---- building ---- */

struct value_builder value_build_map(struct arena *arena, struct pos pos)
{
    return (struct value_builder){ .arena = arena, .value = make(arena, VALUE_MAP, pos) };
}

struct value_builder value_build_list(struct arena *arena, struct pos pos)
{
    return (struct value_builder){ .arena = arena, .value = make(arena, VALUE_LIST, pos) };
}

void value_put_new(struct value_builder *map, const char *key, struct pos key_pos,
                   const struct value *value)
{
    struct member member = { key, key_pos, value };
    ARENA_PUSH(map->arena, map->members, map->value->len, map->cap, member);
    map->value->u.members = map->members;
}

void value_put(struct value_builder *map, const char *key, struct pos key_pos,
               const struct value *value)
{
    for (size_t i = 0; i < map->value->len; i++) {
        if (strcmp(map->members[i].key, key) != 0) continue;
        map->members[i] = (struct member){ key, key_pos, value };
        return;
    }
    value_put_new(map, key, key_pos, value);
}

void value_push(struct value_builder *list, const struct value *item)
{
    /* An array of pointers. NOLINTNEXTLINE(bugprone-sizeof-expression) */
    ARENA_PUSH(list->arena, list->items, list->value->len, list->cap, item);
    list->value->u.items = list->items;
}

/* ---- reading ---- */

const struct value *value_get(const struct value *map, const char *key)
{
    if (map == NULL || map->kind != VALUE_MAP) return NULL;
    for (size_t i = 0; i < map->len; i++) {
        const struct member *member = &map->u.members[i];
        /* The first letter decides most of the time. */
        if (member->key[0] == key[0] && strcmp(member->key, key) == 0) return member->value;
    }
    return NULL;
}

const struct value *value_at(const struct value *map, const char *path)
{
    while (map != NULL && map->kind == VALUE_MAP) {
        size_t len = strcspn(path, ".");
        const struct value *found = NULL;
        for (size_t i = 0; i < map->len && found == NULL; i++) {
            const char *key = map->u.members[i].key;
            if (strncmp(key, path, len) == 0 && key[len] == '\0') found = map->u.members[i].value;
        }
        if (path[len] == '\0') return found;
        path += len + 1;
        map = found;
    }
    return NULL;
}

const char *value_get_text(const struct value *map, const char *key)
{
    const struct value *value = value_get(map, key);
    return value != NULL && value->kind == VALUE_TEXT ? value->text : NULL;
}

bool value_get_int(const struct value *map, const char *key, int64_t *ret_integer)
{
    const struct value *value = value_get(map, key);
    if (value == NULL || value->kind != VALUE_INT) return false;
    *ret_integer = value->u.integer;
    return true;
}

bool value_is_empty(const struct value *value)
{
    if (value == NULL) return true;
    switch (value->kind) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return !value->u.boolean;
    case VALUE_INT:
        return value->u.integer == 0;
    case VALUE_REAL:
        return value->u.real >= 0 && value->u.real <= 0;
    case VALUE_TEXT:
    case VALUE_PLAIN:
        return value->len == 0;
    case VALUE_SECRET:
        return false;
    case VALUE_LIST:
        return value->len == 0;
    case VALUE_MAP:
        for (size_t i = 0; i < value->len; i++) {
            if (!value_is_empty(value->u.members[i].value)) return false;
        }
        return true;
    }
    return false;
}

/* ---- many keys of one map ---- */

/* Finds keys in a map, of which there may be 100,000, in time that grows no faster than it. */
struct finder {
    const struct value *map;
    const struct member **sorted; /* NULL: not needed so far */
};

static void finder_release(struct finder *finder)
{
    xfree(finder->sorted);
}
#define AUTO_FINDER __attribute__((cleanup(finder_release)))

static int by_key(const void *a, const void *b)
{
    return strcmp((*(const struct member *const *)a)->key, (*(const struct member *const *)b)->key);
}

static int key_to_member(const void *key, const void *member)
{
    return strcmp(key, (*(const struct member *const *)member)->key);
}

static const struct value *finder_get(struct finder *finder, const char *key)
{
    const struct value *map = finder->map;
    if (map->len <= SMALL_MAP) return value_get(map, key);
    if (finder->sorted == NULL) {
        finder->sorted = xmalloc(map->len * sizeof(void *));
        for (size_t i = 0; i < map->len; i++) {
            finder->sorted[i] = &map->u.members[i];
        }
        qsort(finder->sorted, map->len, sizeof(void *), by_key);
    }
    const struct member **found =
        bsearch(key, finder->sorted, map->len, sizeof(void *), key_to_member);
    return found == NULL ? NULL : (*found)->value;
}

/* ---- comparing ---- */

bool value_real_to_int(double real, int64_t *ret_integer)
{
    if (!(real >= -EXACT_MAX && real <= EXACT_MAX)) return false;
    int64_t integer = (int64_t)real;
    if ((double)integer < real || (double)integer > real) return false;
    *ret_integer = integer;
    return true;
}

/* One number in both kinds; json.c writes these alike. */
static bool integer_is_real(int64_t integer, double real)
{
    int64_t same = 0;
    return value_real_to_int(real, &same) && same == integer;
}

static bool numbers_equal(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind) {
        return a->kind == VALUE_INT ? integer_is_real(a->u.integer, b->u.real)
                                    : integer_is_real(b->u.integer, a->u.real);
    }
    if (a->kind == VALUE_INT) return a->u.integer == b->u.integer;
    return a->u.real <= b->u.real && a->u.real >= b->u.real;
}

static bool secrets_equal(const struct value *a, const struct value *b)
{
    if (a->hash != NULL && b->hash != NULL) return strcmp(a->hash, b->hash) == 0;
    return a->hash == NULL && b->hash == NULL && a->source == b->source &&
           strcmp(a->text, b->text) == 0;
}

static bool lists_equal(const struct value *a, const struct value *b)
{
    if (a->len != b->len) return false;
    for (size_t i = 0; i < a->len; i++) {
        if (!value_equal(a->u.items[i], b->u.items[i])) return false;
    }
    return true;
}

static bool maps_equal(const struct value *a, const struct value *b)
{
    if (a->len != b->len) return false;
    AUTO_FINDER struct finder others = { .map = b };
    for (size_t i = 0; i < a->len; i++) {
        const struct member *mine = &a->u.members[i];
        /* Two maps of one origin have one order: look there first. */
        const struct member *same = &b->u.members[i];
        const struct value *theirs =
            strcmp(mine->key, same->key) == 0 ? same->value : finder_get(&others, mine->key);
        if (theirs == NULL || !value_equal(mine->value, theirs)) return false;
    }
    return true;
}

static bool is_number(const struct value *value)
{
    return value->kind == VALUE_INT || value->kind == VALUE_REAL;
}

bool value_equal(const struct value *a, const struct value *b)
{
    if (a == b) return true;
    if (a == NULL || b == NULL) return false;
    if (is_number(a) && is_number(b)) return numbers_equal(a, b);
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return a->u.boolean == b->u.boolean;
    case VALUE_TEXT:
    case VALUE_PLAIN:
        return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
    case VALUE_SECRET:
        return secrets_equal(a, b);
    case VALUE_LIST:
        return lists_equal(a, b);
    case VALUE_MAP:
        return maps_equal(a, b);
    case VALUE_INT:
    case VALUE_REAL:
        break; /* numbers were compared above */
    }
    return false;
}

/* ---- merging and copying ---- */

static bool has_nulls(const struct value *value)
{
    if (value->kind == VALUE_NULL) return true;
    if (value->kind != VALUE_MAP) return false;
    for (size_t i = 0; i < value->len; i++) {
        if (has_nulls(value->u.members[i].value)) return true;
    }
    return false;
}

const struct value *value_without_nulls(struct arena *arena, const struct value *value)
{
    if (value == NULL || value->kind != VALUE_MAP || !has_nulls(value)) return value;
    struct value_builder map = value_build_map(arena, value->pos);
    for (size_t i = 0; i < value->len; i++) {
        const struct member *member = &value->u.members[i];
        if (member->value->kind == VALUE_NULL) continue;
        value_put_new(&map, member->key, member->pos, value_without_nulls(arena, member->value));
    }
    return map.value;
}

const struct value *value_merge(struct arena *arena, const struct value *base,
                                const struct value *patch)
{
    if (patch == NULL) return base;
    if (patch->kind != VALUE_MAP) return patch;
    if (base == NULL || base->kind != VALUE_MAP) return value_without_nulls(arena, patch);
    AUTO_FINDER struct finder patches = { .map = patch };
    AUTO_FINDER struct finder bases = { .map = base };
    struct value_builder map = value_build_map(arena, patch->pos);
    for (size_t i = 0; i < base->len; i++) {
        const struct member *member = &base->u.members[i];
        const struct value *over = finder_get(&patches, member->key);
        if (over != NULL && over->kind == VALUE_NULL) continue;
        value_put_new(&map, member->key, member->pos, value_merge(arena, member->value, over));
    }
    for (size_t i = 0; i < patch->len; i++) {
        const struct member *member = &patch->u.members[i];
        if (member->value->kind == VALUE_NULL) continue;
        if (finder_get(&bases, member->key) != NULL) continue;
        value_put_new(&map, member->key, member->pos, value_without_nulls(arena, member->value));
    }
    return map.value;
}

/* A copy under way. Neighbours are of one file: its name is copied once. */
struct copier {
    struct arena *arena;
    const char *file;
    const char *file_copy;
};

static struct pos copy_pos(struct copier *copier, struct pos pos)
{
    if (pos.file == NULL) return pos;
    if (pos.file != copier->file) {
        copier->file = pos.file;
        copier->file_copy = arena_strdup(copier->arena, pos.file);
    }
    pos.file = copier->file_copy;
    return pos;
}

static const struct value *copy(struct copier *copier, const struct value *value)
{
    struct arena *arena = copier->arena;
    struct value *twin = make(arena, value->kind, copy_pos(copier, value->pos));
    twin->source = value->source;
    twin->len = value->len;
    twin->u = value->u;
    if (value->text != NULL) twin->text = arena_strndup(arena, value->text, value->len);
    twin->hash = arena_strdup(arena, value->hash);
    if (value->kind == VALUE_LIST) {
        const struct value **items = arena_alloc(arena, value->len * sizeof(void *));
        for (size_t i = 0; i < value->len; i++) {
            items[i] = copy(copier, value->u.items[i]);
        }
        twin->u.items = items;
    }
    if (value->kind == VALUE_MAP) {
        struct member *members = arena_alloc(arena, value->len * sizeof(*members));
        for (size_t i = 0; i < value->len; i++) {
            const struct member *from = &value->u.members[i];
            members[i] = (struct member){ arena_strdup(arena, from->key),
                                          copy_pos(copier, from->pos), copy(copier, from->value) };
        }
        twin->u.members = members;
    }
    return twin;
}

const struct value *value_copy(struct arena *arena, const struct value *value)
{
    struct copier copier = { .arena = arena };
    return value == NULL ? NULL : copy(&copier, value);
}

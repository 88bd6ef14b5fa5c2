#include "catalogue_private.h"

#include <assert.h>
#include <stdlib.h>

void index_release(struct index *index)
{
    for (size_t i = 0; i < REF_KIND_COUNT; i++) {
        text_map_release(&index->ref_maps[i]);
    }
    xfree(index->rows);
    xfree(index->entries);
    xfree(index->scopes);
    xfree(index->refs);
    xfree(index->ref_ids);
    arena_release(&index->arena);
    *index = (struct index){ 0 };
}

struct index_mark index_mark(const struct index *index)
{
    return (struct index_mark){ index->rows_len, index->entries_len, index->scopes_len,
                                index->ref_ids_len };
}

void index_rewind(struct index *index, struct index_mark mark)
{
    index->rows_len = mark.rows_len;
    index->entries_len = mark.entries_len;
    index->scopes_len = mark.scopes_len;
    index->ref_ids_len = mark.ref_ids_len;
}

struct row *index_add_row(struct index *index, const char *path)
{
    struct row row = { .path = path, .scope = INDEX_NONE, .refs_at = (uint32_t)index->ref_ids_len };
    ARR_PUSH(index->rows, index->rows_len, index->rows_cap, row);
    index->serial++;
    return &index->rows[index->rows_len - 1];
}

/* --- references --- */

struct ref *index_ref(struct index *index, enum ref_kind kind, const char *text)
{
    struct ref *ref = text_map_get(&index->ref_maps[kind], text);
    if (ref != NULL) return ref;
    ref = arena_alloc(&index->arena, sizeof(*ref));
    ref->text = arena_strdup(&index->arena, text);
    ref->kind = kind;
    ref->id = (uint32_t)index->refs_len;
    text_map_put(&index->ref_maps[kind], ref->text, ref);
    /* An array of pointers. NOLINTNEXTLINE(bugprone-sizeof-expression) */
    ARR_PUSH(index->refs, index->refs_len, index->refs_cap, ref);
    return ref;
}

void index_list_ref(struct index *index, struct ref *ref)
{
    assert(index->rows_len != 0);
    ref->is_used = true;
    if (ref->serial == index->serial) return;
    ref->serial = index->serial;
    ARR_PUSH(index->ref_ids, index->ref_ids_len, index->ref_ids_cap, ref->id);
    index->rows[index->rows_len - 1].refs_len++;
}

/* --- order --- */

/* The end of a name is less than any character of one, whether it ends in NUL or in a slash. */
static unsigned rank(char c)
{
    return c == '/' ? 0 : (unsigned char)c;
}

int path_order(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    bool a_is_below = strchr(a, '/') != NULL;
    bool b_is_below = strchr(b, '/') != NULL;
    if (a_is_below != b_is_below) return a_is_below ? 1 : -1;
    return (rank(*a) > rank(*b)) - (rank(*a) < rank(*b));
}

static int entry_order(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    int order = strcmp(a->name, b->name);
    if (order != 0) return order;
    if (a->file != b->file) return a->file < b->file ? -1 : 1;
    return (a->document > b->document) - (a->document < b->document);
}

static int name_order(const void *name, const void *entry)
{
    return strcmp(name, ((const struct entry *)entry)->name);
}

struct entry *index_find(const struct index *index, const char *name)
{
    if (index->entries_len == 0) return NULL;
    return bsearch(name, index->entries, index->entries_len, sizeof(index->entries[0]), name_order);
}

/* --- settling --- */

/* The index stays for long: give back what the arrays were grown ahead. */
static void *trim(void *array, size_t len, size_t *cap, size_t element_size)
{
    if (len == 0 || len == *cap) return array;
    *cap = len;
    return xrealloc(array, len * element_size);
}

void index_settle(struct index *index, const struct index *last, const uint32_t *moved)
{
    for (size_t i = 0; i < index->entries_len; i++) {
        struct entry *entry = &index->entries[i];
        const struct entry *before = index_find(last, entry->name);
        entry->changed = before == NULL || !digest_equal(&before->whole, &entry->whole);
    }
    for (size_t i = 0; i < last->entries_len; i++) {
        struct entry entry = last->entries[i];
        uint32_t row = moved[entry.file];
        if (row == INDEX_NONE) continue;
        entry.name = arena_strdup(&index->arena, entry.name);
        entry.file = row;
        entry.pos.file = index->rows[row].path;
        entry.changed = false;
        ARR_PUSH(index->entries, index->entries_len, index->entries_cap, entry);
    }
    index->rows = trim(index->rows, index->rows_len, &index->rows_cap, sizeof(index->rows[0]));
    index->entries =
        trim(index->entries, index->entries_len, &index->entries_cap, sizeof(index->entries[0]));
    index->ref_ids =
        trim(index->ref_ids, index->ref_ids_len, &index->ref_ids_cap, sizeof(index->ref_ids[0]));
    if (index->entries_len == 0) return;
    qsort(index->entries, index->entries_len, sizeof(index->entries[0]), entry_order);
}

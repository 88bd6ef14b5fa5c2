#include "field.h"

#include "manifest.h"
#include "text.h"

#include <assert.h>

/* ---- The table, made of fields.def ---------------------------------------------------------- */

/*
 * Numbers of the rows. BEGIN and END take a number without using it up: FIRST_x is the number of
 * the first child of x, END_x one past its last.
 */
enum row {
#define LEAF(group, name, type, change, flags, min, max, help)        ROW_##group##__##name,
#define CHOICE(group, name, change, flags, choices, help)             ROW_##group##__##name,
#define BRANCH(id, group, name, type, change, flags, max_count, help) ROW_##id,
#define ELEMENT(id, group, type, change, help)                        ROW_##id,
#define BEGIN(id)                                                     FIRST_##id, BACK_##id = FIRST_##id - 1,
#define END(id)                                                       END_##id, BACK_END_##id = END_##id - 1,
#include "fields.def"
    ROW_COUNT,
    ROW_document = ROW_COUNT,
};

static const struct field rows[ROW_COUNT];

/*
 * Above the rows of a spec, and of the document, a user of the table sees nothing. The `%` keeps
 * the branch that is not taken inside the array.
 */
#define PARENT(group) \
    (ROW_##group == ROW_top || ROW_##group == ROW_document ? NULL : &rows[ROW_##group % ROW_COUNT])
#define CHILDREN(id) .children = &rows[FIRST_##id], .children_len = END_##id - FIRST_##id

static const struct field rows[ROW_COUNT] = {
#define LEAF(group, name_, type_, change_, flags_, min_, max_, help_) \
    { .path = PATH_##group #name_,                                    \
      .name = #name_,                                                 \
      .type = FIELD_##type_,                                          \
      .change = CHANGE_##change_,                                     \
      .flags = (flags_),                                              \
      .min = (min_),                                                  \
      .max = (max_),                                                  \
      .help = help_,                                                  \
      .parent = PARENT(group) },
#define CHOICE(group, name_, change_, flags_, choices_, help_) \
    { .path = PATH_##group #name_,                             \
      .name = #name_,                                          \
      .type = FIELD_ENUM,                                      \
      .change = CHANGE_##change_,                              \
      .flags = (flags_),                                       \
      .choices = choices_,                                     \
      .help = help_,                                           \
      .parent = PARENT(group) },
#define BRANCH(id, group, name_, type_, change_, flags_, max_, help_) \
    { .path = PATH_##group #name_,                                    \
      .name = #name_,                                                 \
      .type = FIELD_##type_,                                          \
      .change = CHANGE_##change_,                                     \
      .flags = (flags_),                                              \
      .max = (max_),                                                  \
      .help = help_,                                                  \
      .parent = PARENT(group),                                        \
      CHILDREN(id) },
#define ELEMENT(id, group, type_, change_, help_) \
    { .path = PATH_##group "[]",                  \
      .name = "[]",                               \
      .type = FIELD_##type_,                      \
      .change = CHANGE_##change_,                 \
      .help = help_,                              \
      .parent = PARENT(group),                    \
      CHILDREN(id) },
#define BEGIN(id)
#define END(id)
#include "fields.def"
};

static const struct field document = {
    .path = "",
    .name = "manifest",
    .type = FIELD_OBJECT,
    .flags = FIELD_MANIFEST_ONLY,
    .help = "one document of a manifest file",
    CHILDREN(document),
};

const struct field *field_document(void)
{
    return &document;
}

const struct field *field_top(size_t *ret_len)
{
    *ret_len = rows[ROW_top].children_len;
    return rows[ROW_top].children;
}

const char *change_class_name(enum change_class change)
{
    static const char *const names[CHANGE_CLASS_COUNT] = {
        [CHANGE_NONE] = "none",
        [CHANGE_RESIZE] = "resize",
        [CHANGE_EDIT] = "edit",
        [CHANGE_REPLACE] = "replace",
    };
    assert(change < CHANGE_CLASS_COUNT);
    return names[change];
}

/* ---- Looking up ----------------------------------------------------------------------------- */

/* `name` need not end at `len`. The first letter is compared first: it decides most of the time. */
static const struct field *find_child(const struct field *parent, const char *name, size_t len)
{
    if (parent == NULL) parent = &rows[ROW_top];
    if (len == 0) return NULL;
    for (size_t i = 0; i < parent->children_len; i++) {
        const struct field *child = &parent->children[i];
        if (child->name[0] != name[0]) continue;
        if (strncmp(child->name, name, len) == 0 && child->name[len] == '\0') return child;
    }
    return NULL;
}

const struct field *field_child(const struct field *parent, const char *name)
{
    return find_child(parent, name, strlen(name));
}

/* "a.b[].c": a dot and the end of a name both end a part, and "[]" is a part of its own. */
const struct field *field_find(const char *path)
{
    const struct field *field = NULL;
    for (;;) {
        size_t len = strcspn(path, ".[");
        field = find_child(field, path, len);
        if (field == NULL) return NULL;
        path += len;
        while (field != NULL && text_starts(path, "[]")) {
            field = find_child(field, "[]", 2);
            path += 2;
        }
        if (field == NULL || *path == '\0') return field;
        if (*path++ != '.') return NULL;
    }
}

/* One name of a choice: "A=B" is A, whose other name is B. */
static bool choice_has(const char *names, size_t len, const char *text, size_t text_len)
{
    const char *end = names + len;
    while (names < end) {
        const char *equals = memchr(names, '=', (size_t)(end - names));
        size_t one = equals == NULL ? (size_t)(end - names) : (size_t)(equals - names);
        if (one == text_len && memcmp(names, text, one) == 0) return true;
        names += one + 1;
    }
    return false;
}

/* The choice that `text` is a name of, up to its first '=' or '|'; NULL when there is none. */
static const char *find_choice(const struct field *field, const char *text)
{
    size_t text_len = strlen(text);
    for (const char *at = field->choices;; at++) {
        size_t len = strcspn(at, "|");
        if (choice_has(at, len, text, text_len)) return at;
        at += len;
        if (*at == '\0') return NULL;
    }
}

const char *field_choice(struct arena *arena, const struct field *field, const char *text)
{
    const char *found = find_choice(field, text);
    if (found == NULL) return NULL;
    size_t len = strcspn(found, "=|");
    bool is_first = strlen(text) == len && memcmp(found, text, len) == 0;
    return is_first ? text : arena_strndup(arena, found, len);
}

/* ---- Comparing ------------------------------------------------------------------------------ */

/* true, True and TRUE are one value of a FIELD_CONF. */
static bool conf_text_equal(const char *a, const char *b)
{
    if (strcmp(a, b) == 0) return true;
    bool is_bool = text_equal_nocase(a, "true") || text_equal_nocase(a, "false");
    return is_bool && text_equal_nocase(a, b);
}

/* databricks-api.md 1.7: "/Workspace/X" and "/X" are one object. */
static const char *without_workspace(const char *path)
{
    static const char prefix[] = "/Workspace/";
    return text_starts(path, prefix) ? path + sizeof(prefix) - 2 : path;
}

static bool choices_equal(const struct field *field, const char *a, const char *b)
{
    if (strcmp(a, b) == 0) return true;
    const char *found = find_choice(field, a);
    return found != NULL && found == find_choice(field, b);
}

static bool texts_equal(const struct field *field, const char *a, const char *b)
{
    if (field->type == FIELD_CONF) return conf_text_equal(a, b);
    if (field->type == FIELD_ENUM) return choices_equal(field, a, b);
    if ((field->flags & FIELD_WORKSPACE) != 0) {
        return strcmp(without_workspace(a), without_workspace(b)) == 0;
    }
    return strcmp(a, b) == 0;
}

/* Each key of `a` is in `b` with an equal value. Bounded by FIELD_ENTRIES_MAX squared. */
static bool entries_in(const struct field *field, const struct value *a, const struct value *b)
{
    for (size_t i = 0; i < a->len; i++) {
        const struct member *member = &a->u.members[i];
        const struct value *other = value_get(b, member->key);
        if (other == NULL || !field_equal(field, member->value, other)) return false;
    }
    return true;
}

static bool children_equal(const struct field *field, const struct value *a, const struct value *b)
{
    for (size_t i = 0; i < field->children_len; i++) {
        const struct field *child = &field->children[i];
        if (!field_equal(child, value_get(a, child->name), value_get(b, child->name))) return false;
    }
    return true;
}

static bool items_equal(const struct field *element, const struct value *a, const struct value *b)
{
    if (a->len != b->len) return false;
    for (size_t i = 0; i < a->len; i++) {
        if (!field_equal(element, a->u.items[i], b->u.items[i])) return false;
    }
    return true;
}

/* 0 and false say nothing, save where the table says that they do (databricks-api.md 9.1). */
static bool says_nothing(const struct field *field, const struct value *value)
{
    if (value == NULL || value->kind == VALUE_NULL) return true;
    bool is_scalar = value->kind == VALUE_BOOL || value->kind == VALUE_INT;
    if (is_scalar && (field->flags & FIELD_ZERO) != 0) return false;
    return value_is_empty(value);
}

bool field_equal(const struct field *field, const struct value *a, const struct value *b)
{
    bool has_children = field->type == FIELD_OBJECT || field->type == FIELD_ONE_OF;
    if (has_children && (a == NULL || a->kind == VALUE_MAP) &&
        (b == NULL || b->kind == VALUE_MAP)) {
        return children_equal(field, a, b); /* decides what is empty child by child */
    }
    bool a_silent = says_nothing(field, a);
    bool b_silent = says_nothing(field, b);
    if (a_silent || b_silent) return a_silent && b_silent;
    if (a->kind == VALUE_TEXT && b->kind == VALUE_TEXT) return texts_equal(field, a->text, b->text);
    if (a->kind == VALUE_MAP && b->kind == VALUE_MAP) {
        return a->len == b->len && entries_in(field, a, b);
    }
    if (field->type == FIELD_LIST && a->kind == VALUE_LIST && b->kind == VALUE_LIST) {
        return items_equal(field->children, a, b);
    }
    return value_equal(a, b);
}

#include "diff.h"

#include "text.h"

struct comparison {
    struct arena *arena;
    struct diff *diff;
    struct difference *differences;
    size_t cap;
    bool knows_applied;
    bool knows_submitted;
};

/* The four sides of one field; NULL: not there. */
struct sides {
    const struct value *desired, *applied, *effective, *submitted;
};

static bool is_stated(const struct value *value)
{
    return value != NULL && value->kind != VALUE_NULL;
}

/* Absent and empty are one, save where the table says that 0 and false are something. */
static bool is_silent(const struct field *field, const struct value *value)
{
    return field_equal(field, value, NULL);
}

static struct sides member_of(const struct sides *sides, const char *name)
{
    return (struct sides){
        .desired = value_get(sides->desired, name),
        .applied = value_get(sides->applied, name),
        .effective = value_get(sides->effective, name),
        .submitted = value_get(sides->submitted, name),
    };
}

static void add(struct comparison *c, const struct difference *difference)
{
    struct diff *diff = c->diff;
    ARENA_PUSH(c->arena, c->differences, diff->len, c->cap, *difference);
    diff->differences = c->differences;
    if (difference->change > diff->change) diff->change = difference->change;
    if (difference->cause == CAUSE_MANIFEST) diff->has_manifest = true;
    if (difference->cause == CAUSE_DRIFT) diff->has_drift = true;
    if (difference->needs_look) diff->needs_look = true;
}

static struct difference describe(const struct comparison *c, const struct field *field,
                                  const char *path, const struct sides *sides)
{
    bool as_applied = c->knows_applied && field_equal(field, sides->desired, sides->applied);
    return (struct difference){
        .path = path,
        .field = field,
        .before = sides->effective,
        .after = is_stated(sides->desired) ? sides->desired : NULL,
        .cause = as_applied ? CAUSE_DRIFT : CAUSE_MANIFEST,
        .change = field->change,
        .pos = is_stated(sides->desired) ? sides->desired->pos : (struct pos){ 0 },
    };
}

/* A secret is never compared with what came back: it may be masked, or absent. */
static void compare_secret(struct comparison *c, const struct field *field, const char *path,
                           const struct sides *sides)
{
    if (!c->knows_applied) return;
    if (field_equal(field, sides->desired, sides->applied)) return;
    struct difference difference = describe(c, field, path, sides);
    difference.before = sides->applied;
    add(c, &difference);
}

/* What the manifest said and no longer does; the backend may have put its own value there since. */
static void compare_removed(struct comparison *c, const struct field *field, const char *path,
                            const struct sides *sides)
{
    if (is_silent(field, sides->effective)) return;
    if (!field_equal(field, sides->applied, sides->effective)) return;
    bool is_filled = (field->flags & FIELD_FILLED) != 0;
    if (is_filled && c->knows_submitted && is_silent(field, sides->submitted)) return;
    struct difference difference = describe(c, field, path, sides);
    difference.needs_look = is_filled && !c->knows_submitted;
    add(c, &difference);
}

static void compare_stated(struct comparison *c, const struct field *field, const char *path,
                           const struct sides *sides)
{
    if (field_equal(field, sides->desired, sides->effective)) return;
    struct difference difference = describe(c, field, path, sides);
    if ((field->flags & FIELD_RESOLVED) != 0) {
        if (c->knows_submitted && field_equal(field, sides->desired, sides->submitted)) return;
        /* A manifest that says something new differs, whatever the backend made of the old. */
        bool is_news = c->knows_applied && difference.cause == CAUSE_MANIFEST;
        difference.needs_look = !c->knows_submitted && !is_news;
    }
    if ((field->flags & FIELD_SPEC_ONLY) != 0) {
        difference.needs_look = !c->knows_submitted && !c->knows_applied;
    }
    add(c, &difference);
}

/* One value as a whole: a scalar, a list, one of several objects, an entry of a map. */
static void compare_whole(struct comparison *c, const struct field *field, const char *path,
                          struct sides sides)
{
    if ((field->flags & FIELD_SECRET) != 0) {
        compare_secret(c, field, path, &sides);
        return;
    }
    if ((field->flags & FIELD_SPEC_ONLY) != 0) {
        sides.effective = c->knows_submitted ? sides.submitted : sides.applied;
    }
    if (is_stated(sides.desired)) {
        compare_stated(c, field, path, &sides);
    } else {
        compare_removed(c, field, path, &sides);
    }
}

/* ---- maps ---- */

/* Our own tags are written with each edit, and are no difference. */
static bool is_ours(const struct field *field, const char *key)
{
    if (strcmp(field->path, "custom_tags") != 0) return false;
    return text_starts(key, TAG_PREFIX) || text_starts(key, "x_" TAG_PREFIX);
}

/* A tag whose key clashes with another one comes back as x_<key> (databricks-api.md 2.4). */
static const struct value *observed_entry(struct arena *arena, const struct field *field,
                                          const struct value *map, const char *key)
{
    const struct value *found = value_get(map, key);
    if (found != NULL || strcmp(field->path, "custom_tags") != 0) return found;
    return value_get(map, arena_printf(arena, "x_%s", key));
}

static void compare_entry(struct comparison *c, const struct field *field, const struct sides *maps,
                          const char *key)
{
    if (is_ours(field, key)) return;
    struct sides entry = member_of(maps, key);
    entry.effective = observed_entry(c->arena, field, maps->effective, key);
    compare_whole(c, field, arena_printf(c->arena, "%s[%s]", field->path, key), entry);
}

static void compare_map(struct comparison *c, const struct field *field, const struct sides *maps)
{
    const struct value *desired = maps->desired;
    const struct value *applied = maps->applied;
    for (size_t i = 0; desired != NULL && desired->kind == VALUE_MAP && i < desired->len; i++) {
        compare_entry(c, field, maps, desired->u.members[i].key);
    }
    for (size_t i = 0; applied != NULL && applied->kind == VALUE_MAP && i < applied->len; i++) {
        const char *key = applied->u.members[i].key;
        if (value_get(desired, key) == NULL) compare_entry(c, field, maps, key);
    }
}

/* ---- objects ---- */

/*
 * num_workers and autoscale are one thing, the size. In answers the unused one of the two is
 * absent (databricks-api.md 2.1): one that is there although the manifest states the other is what
 * a resize takes away.
 */
static bool is_other_size(const struct field *field, const struct sides *spec)
{
    static const char *const pairs[][2] = {
        { "num_workers", "autoscale" },
        { "autoscale", "num_workers" },
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        if (strcmp(field->path, pairs[i][0]) != 0) continue;
        return !is_stated(value_get(spec->desired, pairs[i][0])) &&
               is_stated(value_get(spec->desired, pairs[i][1])) &&
               is_stated(value_get(spec->effective, pairs[i][0])) &&
               !is_stated(value_get(spec->effective, pairs[i][1]));
    }
    return false;
}

static void compare_fields(struct comparison *c, const struct field *fields, size_t len,
                           const struct sides *objects)
{
    for (size_t i = 0; i < len; i++) {
        const struct field *field = &fields[i];
        if ((field->flags & (FIELD_CREATE_ONLY | FIELD_MANIFEST_ONLY)) != 0) continue;
        struct sides sides = member_of(objects, field->name);
        if (is_other_size(field, objects)) {
            struct difference difference = describe(c, field, field->path, &sides);
            add(c, &difference);
            continue;
        }
        if (!is_stated(sides.desired) && !is_stated(sides.applied)) continue;
        if (field->type == FIELD_OBJECT) {
            compare_fields(c, field->children, field->children_len, &sides);
        } else if (field->type == FIELD_MAP || field->type == FIELD_CONF) {
            compare_map(c, field, &sides);
        } else {
            compare_whole(c, field, field->path, sides);
        }
    }
}

void diff_compute(struct arena *arena, const struct value *desired, const struct value *applied,
                  const struct observed *observed, struct diff *ret_diff)
{
    *ret_diff = (struct diff){ 0 };
    struct comparison c = {
        .arena = arena,
        .diff = ret_diff,
        .knows_applied = applied != NULL,
        .knows_submitted = observed->submitted != NULL,
    };
    struct sides sides = { desired, applied, observed->effective, observed->submitted };
    size_t len = 0;
    const struct field *fields = field_top(&len);
    compare_fields(&c, fields, len, &sides);
}

#include "plan.h"

#include "text.h"

#include <stdlib.h>

static bool is_secret(const struct field *field)
{
    return (field->flags & FIELD_SECRET) != 0;
}

/* ---- copies without secrets ---- */

/*
 * A plan is printed, piped and pasted into pull requests: not even the hash of a secret gets into
 * it, and no writer of it has to think of that.
 */
static const struct value *copy_shown(struct arena *arena, const struct value *value)
{
    if (value == NULL) return NULL;
    const struct pos nowhere = { 0 };
    if (value->kind == VALUE_SECRET) return value_text(arena, nowhere, PLAN_SECRET);
    if (value->kind == VALUE_MAP) {
        struct value_builder map = value_build_map(arena, nowhere);
        for (size_t i = 0; i < value->len; i++) {
            const struct member *member = &value->u.members[i];
            value_put_new(&map, arena_strdup(arena, member->key), nowhere,
                          copy_shown(arena, member->value));
        }
        return map.value;
    }
    if (value->kind == VALUE_LIST) {
        struct value_builder list = value_build_list(arena, nowhere);
        for (size_t i = 0; i < value->len; i++) {
            value_push(&list, copy_shown(arena, value->u.items[i]));
        }
        return list.value;
    }
    return value_copy(arena, value);
}

/* A secret may be there as plain text too: half of a pair, or what the workspace returned. */
static const struct value *copy_side(struct arena *arena, const struct field *field,
                                     const struct value *value)
{
    if (value == NULL || !is_secret(field)) return copy_shown(arena, value);
    return value_text(arena, (struct pos){ 0 }, PLAN_SECRET);
}

static const struct difference *copy_differences(struct arena *arena, const struct diff *diff)
{
    if (diff->len == 0) return NULL;
    struct difference *copies = arena_alloc(arena, diff->len * sizeof(*copies));
    for (size_t i = 0; i < diff->len; i++) {
        const struct difference *from = &diff->differences[i];
        copies[i] = *from;
        copies[i].path = arena_strdup(arena, from->path);
        copies[i].before = copy_side(arena, from->field, from->before);
        copies[i].after = copy_side(arena, from->field, from->after);
        copies[i].pos.file = arena_strdup(arena, from->pos.file);
    }
    return copies;
}

/* A spec with the fields that the table calls secret hidden, whatever kind their values are of. */
static const struct value *copy_spec(struct arena *arena, const struct field *fields, size_t len,
                                     const struct value *spec)
{
    struct value_builder map = value_build_map(arena, (struct pos){ 0 });
    for (size_t i = 0; i < len; i++) {
        const struct field *field = &fields[i];
        const struct value *value = value_get(spec, field->name);
        if (value == NULL) continue;
        bool has_children = field->type == FIELD_OBJECT && value->kind == VALUE_MAP;
        value = has_children ? copy_spec(arena, field->children, field->children_len, value)
                             : copy_side(arena, field, value);
        value_put_new(&map, field->name, (struct pos){ 0 }, value);
    }
    return map.value;
}

/* ---- items ---- */

/* The cluster that the item is about: what goes, when something goes; else what is kept. */
static const char *cluster_of(const struct decision *decision)
{
    bool goes = decision->action == ACTION_PRUNE || decision->action == ACTION_DEDUPE;
    if (goes && decision->target_id != NULL) return decision->target_id;
    if (decision->current != NULL) return decision->current->id;
    return decision->record.cluster_id;
}

void plan_add(struct plan *plan, const char *name, const struct manifest *desired,
              const struct decision *decision)
{
    if (decision->action == ACTION_NONE && decision->hold == HOLD_NONE) {
        plan->unchanged++;
        return;
    }
    struct arena *arena = plan->arena;
    struct plan_item item = {
        .name = arena_strdup(arena, name),
        .cluster_id = arena_strdup(arena, cluster_of(decision)),
        .action = decision->action,
        .cost = decision->cost,
        .hold = decision->hold,
        .why = arena_strdup(arena, decision->why),
        .caution = arena_strdup(arena, decision->caution),
        .differences = copy_differences(arena, &decision->diff),
        .differences_len = decision->diff.len,
        .wake_at_ms = decision->wake_at_ms,
    };
    if (desired != NULL) {
        item.source = arena_strdup(arena, desired->pos.file);
        item.line = desired->pos.line;
        bool is_new = item.action == ACTION_CREATE || item.action == ACTION_REPLACE;
        size_t len = 0;
        const struct field *fields = field_top(&len);
        if (is_new && item.differences_len == 0) {
            item.spec = copy_spec(arena, fields, len, desired->spec);
        }
    }
    ARENA_PUSH(arena, plan->items, plan->len, plan->cap, item);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct plan_item *)a)->name, ((const struct plan_item *)b)->name);
}

void plan_sort(struct plan *plan)
{
    if (plan->len > 1) qsort(plan->items, plan->len, sizeof(plan->items[0]), by_name);
}

bool plan_item_is_held(const struct plan_item *item)
{
    if (item->hold == HOLD_DRIFT) return item->action == ACTION_NONE;
    return item->hold != HOLD_NONE;
}

bool plan_item_is_waiting(const struct plan_item *item)
{
    return item->hold == HOLD_WAIT || item->hold == HOLD_BACKOFF;
}

bool plan_has_changes(const struct plan *plan)
{
    for (size_t i = 0; i < plan->len; i++) {
        const struct plan_item *item = &plan->items[i];
        if (!plan_item_is_held(item)) return true;
        bool has_failed = item->hold == HOLD_FAILED || item->hold == HOLD_ROLLED_BACK;
        bool is_blocked = item->hold == HOLD_BLOCKED;
        if (plan_item_is_waiting(item) || has_failed || is_blocked) return true;
    }
    return false;
}

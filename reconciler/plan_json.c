/*
 * A plan as JSON. The format is a promise to other programs: plan-format.md says what may change.
 */
#include "plan.h"

#include "json.h"
#include "text.h"

/* A map under construction. */
struct object {
    struct arena *arena;
    struct value_builder map;
};

static const struct pos nowhere = { 0 };

static struct object object_begin(struct arena *arena)
{
    return (struct object){ arena, value_build_map(arena, nowhere) };
}

static void put(struct object *object, const char *key, const struct value *value)
{
    if (value == NULL) value = value_null(object->arena, nowhere);
    value_put_new(&object->map, key, nowhere, value);
}

static void put_text(struct object *object, const char *key, const char *text)
{
    put(object, key, text == NULL ? NULL : value_text(object->arena, nowhere, text));
}

static void put_count(struct object *object, const char *key, size_t count)
{
    put(object, key, value_int(object->arena, nowhere, (int64_t)count));
}

static void put_bool(struct object *object, const char *key, bool boolean)
{
    put(object, key, value_bool(object->arena, nowhere, boolean));
}

static void put_time(struct object *object, const char *key, int64_t wall_ms)
{
    char time[TEXT_TIME_SIZE];
    const char *text = text_from_wall_ms(wall_ms, time);
    put_text(object, key, wall_ms == 0 ? NULL : arena_strdup(object->arena, text));
}

static const struct value *difference_value(struct arena *arena, const struct difference *from)
{
    struct object object = object_begin(arena);
    put_text(&object, "path", from->path);
    put(&object, "before", from->before);
    put(&object, "after", from->after);
    static const char *const causes[] = {
        [CAUSE_MANIFEST] = "manifest", [CAUSE_DRIFT] = "drift", [CAUSE_IMAGE] = "image"
    };
    put_text(&object, "cause", causes[from->cause]);
    put_text(&object, "change", change_class_name(from->change));
    put_bool(&object, "secret", (from->field->flags & FIELD_SECRET) != 0);
    return object.map.value;
}

static const struct value *item_value(struct arena *arena, const struct plan_item *item)
{
    struct object object = object_begin(arena);
    struct value_builder differences = value_build_list(arena, nowhere);
    for (size_t i = 0; i < item->differences_len; i++) {
        value_push(&differences, difference_value(arena, &item->differences[i]));
    }
    put_text(&object, "name", item->name);
    put_text(&object, "cluster_id", item->cluster_id);
    put_text(&object, "source", item->source);
    put(&object, "line",
        item->source == NULL ? NULL : value_int(arena, nowhere, (int64_t)item->line));
    put_text(&object, "action", action_name(item->action));
    put_text(&object, "cost", cost_name(item->cost));
    put_text(&object, "hold", item->hold == HOLD_NONE ? NULL : hold_name(item->hold));
    put_text(&object, "why", item->why);
    put_text(&object, "caution", item->caution);
    put_time(&object, "wake_at", item->wake_at_ms);
    put(&object, "differences", differences.value);
    put(&object, "spec", item->spec);
    return object.map.value;
}

/* Every count is there, 0 too, so that a reader need not ask whether it is. */
static const struct value *summary_value(struct arena *arena, const struct plan *plan)
{
    size_t actions[ACTION_COUNT] = { 0 };
    size_t waiting = 0;
    size_t blocked = 0;
    for (size_t i = 0; i < plan->len; i++) {
        const struct plan_item *item = &plan->items[i];
        if (!plan_item_is_held(item)) {
            actions[item->action]++;
        } else if (plan_item_is_waiting(item)) {
            waiting++;
        } else {
            blocked++;
        }
    }
    struct object object = object_begin(arena);
    for (size_t i = ACTION_NONE + 1; i < ACTION_COUNT; i++) {
        put_count(&object, action_name((enum action)i), actions[i]);
    }
    put_count(&object, "waiting", waiting);
    put_count(&object, "blocked", blocked);
    put_count(&object, "unchanged", plan->unchanged);
    put_bool(&object, "has_changes", plan_has_changes(plan));
    return object.map.value;
}

void plan_write_json(const struct plan *plan, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct object object = object_begin(&arena);
    struct value_builder clusters = value_build_list(&arena, nowhere);
    for (size_t i = 0; i < plan->len; i++) {
        value_push(&clusters, item_value(&arena, &plan->items[i]));
    }
    put_count(&object, "format_version", PLAN_FORMAT_VERSION);
    put_time(&object, "observed_at", plan->observed_at_ms);
    put(&object, "summary", summary_value(&arena, plan));
    put(&object, "clusters", clusters.value);
    json_write_pretty(object.map.value, 0, out);
    buf_addc(out, '\n');
}

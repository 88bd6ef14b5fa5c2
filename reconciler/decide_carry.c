#include "deciding.h"

#include "text.h"

/* Those of `a` that are not in `b`; NULL when there are none. */
static const struct value *list_minus(struct arena *arena, const struct value *a,
                                      const struct value *b)
{
    struct value_builder rest = value_build_list(arena, (struct pos){ 0 });
    for (size_t i = 0; a != NULL && i < a->len; i++) {
        bool found = false;
        for (size_t j = 0; b != NULL && j < b->len && !found; j++) {
            found = value_equal(a->u.items[i], b->u.items[j]);
        }
        if (!found) value_push(&rest, a->u.items[i]);
    }
    return rest.value->len == 0 ? NULL : rest.value;
}

/* The libraries that were carried last. */
static const struct value *recorded_libraries(const struct deciding *d)
{
    const struct value *value = deciding_read(d, d->out->record.libraries);
    return value != NULL && value->kind == VALUE_LIST ? value : NULL;
}

static bool carry(struct deciding *d, enum step step, const struct value *payload,
                  const struct value *result, const char *why)
{
    d->out->payload = payload;
    d->out->carried = deciding_json(d, result);
    return deciding_step(d, ACTION_SETTLE, step, d->current, why);
}

static bool has_permissions(const struct deciding *d)
{
    const struct value *wanted = d->desired->permissions;
    return wanted == NULL || text_equal(deciding_json(d, wanted), d->out->record.permissions);
}

bool carry_is_complete(const struct deciding *d)
{
    const struct value *had = recorded_libraries(d);
    return has_permissions(d) && list_minus(d->arena, d->desired->libraries, had) == NULL;
}

static bool carry_permissions(struct deciding *d)
{
    const struct value *wanted = d->desired->permissions;
    if (has_permissions(d)) return false;
    return carry(d, STEP_PERMIT, wanted, wanted, "permissions changed");
}

static bool carry_libraries(struct deciding *d)
{
    const struct value *wanted = d->desired->libraries;
    const struct value *had = recorded_libraries(d);
    /* Only what was installed from the manifest is taken away: the rest is somebody else's. */
    const struct value *surplus = list_minus(d->arena, had, wanted);
    if (surplus != NULL) {
        const struct value *kept = list_minus(d->arena, had, surplus);
        if (kept == NULL) kept = value_build_list(d->arena, (struct pos){ 0 }).value;
        return carry(d, STEP_UNINSTALL, surplus, kept, "libraries no longer stated");
    }
    const struct value *missing = list_minus(d->arena, wanted, had);
    if (missing == NULL) return false;
    return carry(d, STEP_INSTALL, missing, wanted, "libraries stated");
}

static bool carry_pin(struct deciding *d)
{
    /* Not every workspace shows who is pinned (databricks-api.md 2.6): what was done counts too. */
    bool is_pinned = d->current->pinned || d->out->record.pinned == 1;
    enum pinned pinned = d->desired->keep.pinned;
    bool carried = d->predecessor != NULL && d->predecessor->pinned;
    bool wanted = pinned == PINNED_AS_FOUND ? is_pinned || carried : pinned == PINNED_TRUE;
    if (wanted == is_pinned) return false;
    return deciding_step(d, ACTION_SETTLE, wanted ? STEP_PIN : STEP_UNPIN, d->current,
                         wanted ? "to be pinned" : "not to be pinned");
}

bool rule_carry(struct deciding *d)
{
    if (deciding_is_spent(d) || deciding_is_early(d)) return false;
    return carry_permissions(d) || carry_libraries(d) || carry_pin(d);
}

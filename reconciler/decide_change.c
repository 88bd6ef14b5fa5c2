#include "deciding.h"

#include "text.h"

/*
 * All was asked that can be: the cluster itself just now, or the one that it replaced, which is
 * asked for last of all (rule_predecessor) and only once there was nothing to ask here.
 */
static bool was_asked(const struct deciding *d)
{
    return d->current->is_fresh || (d->predecessor != NULL && d->predecessor->is_fresh);
}

static void compare(struct deciding *d, struct diff *ret_diff)
{
    struct observed current = *d->current;
    /* A workspace that was asked and does not tell what was submitted: where it may have resolved
     * a value, there is no telling, and no ground to act on. */
    if (was_asked(d) && current.submitted == NULL) current.submitted = d->desired->spec;
    diff_compute(d->arena, d->desired->spec, d->applied, &current, ret_diff);
    image_compare(d, ret_diff);
}

bool change_replaces(struct deciding *d)
{
    struct diff diff;
    compare(d, &diff);
    return !d->is_untouched && diff.change == CHANGE_REPLACE &&
           d->desired->keep.strategy != STRATEGY_IN_PLACE;
}

/* "docker_image.url and 2 more changed". */
static const char *describe(const struct deciding *d, const struct diff *diff)
{
    const struct difference *first = &diff->differences[0];
    for (size_t i = 1; i < diff->len; i++) {
        if (diff->differences[i].change > first->change) first = &diff->differences[i];
    }
    const char *verb = diff->has_manifest ? "changed" : "drifted";
    if (first->cause == CAUSE_IMAGE) return "the tag of docker_image.url points to another image";
    if (diff->len == 1) return arena_printf(d->arena, "%s %s", first->path, verb);
    return arena_printf(d->arena, "%s and %zu more %s", first->path, diff->len - 1, verb);
}

/* The spec is as wanted: the record follows the manifest without a call. */
static bool nothing_differs(struct deciding *d)
{
    struct record *record = &d->out->record;
    if (!text_equal(record->applied_digest, d->desired_digest)) deciding_take_desired(d);
    record->pending_spec = NULL; /* of a resize without an answer, which bears no mark */
    bool is_live = cluster_is_live(d->current->state);
    if (record->phase == PHASE_REPLACING && is_live) deciding_enter(d, PHASE_READY);
    return false;
}

/* The size alone, as clusters/resize takes it. */
static const struct value *size_of(struct arena *arena, const struct value *spec)
{
    static const char *const names[] = { "num_workers", "autoscale" };
    const struct pos nowhere = { 0 };
    struct value_builder size = value_build_map(arena, nowhere);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct value *value = value_get(spec, names[i]);
        if (value != NULL) value_put_new(&size, names[i], nowhere, value);
    }
    return size.value;
}

static bool change_by_resize(struct deciding *d, const char *why)
{
    MARK(resized);
    d->out->cost = COST_RESIZE;
    d->out->spec = size_of(d->arena, d->desired->spec);
    deciding_carry_pending(d);
    d->out->record.pending_image = d->out->record.image_digest; /* what runs goes on running */
    return deciding_step(d, ACTION_RESIZE, STEP_RESIZE, d->current, why);
}

/* What was replaced before goes; the cluster that runs now is the last one that worked. */
static bool forget_replaced(struct deciding *d, enum action action)
{
    struct record *record = &d->out->record;
    if (record->predecessor_id == NULL) return false;
    if (d->predecessor != NULL) {
        MARK(made_room_of_one_replaced_before);
        return deciding_remove(d, action, d->predecessor, "replaced before");
    }
    if (!deciding_is_gone(d, record->predecessor_id)) {
        return deciding_look(d, record->predecessor_id, "asking for the cluster that was replaced");
    }
    record->predecessor_id = NULL;
    return false;
}

static bool change_by_edit(struct deciding *d, const char *why)
{
    const struct manifest *desired = d->desired;
    bool restarts = d->current->state == CLUSTER_RUNNING;
    d->out->action = ACTION_EDIT;
    d->out->cost = restarts ? COST_RESTART : COST_NEXT_START;
    /* After a restart that fails it must not pass for one that never ran: see make_room. */
    bool is_replace = d->out->diff.change == CHANGE_REPLACE;
    if (is_replace && image_check(d, ACTION_EDIT, why)) return true;
    bool has_worked = restarts && d->out->record.phase == PHASE_READY;
    if (has_worked && forget_replaced(d, ACTION_EDIT)) return true;
    if (deciding_upload(d, ACTION_EDIT, why)) return true;
    if (!d->current->is_fresh) {
        /* An edit replaces everything: its body is made from what was submitted last. */
        d->out->step = STEP_LOOK;
        d->out->target_id = d->current->id;
        d->out->why = why;
        return true;
    }
    const struct value *submitted =
        d->current->submitted != NULL ? d->current->submitted : d->current->effective;
    const struct value *spec = diff_edit_spec(d->arena, desired->spec, d->applied, submitted);
    d->out->spec = tags_add(d->arena, spec, d->in->policy->owner, desired, d->in->operation);
    deciding_carry_pending(d);
    return deciding_step(d, ACTION_EDIT, STEP_EDIT, d->current, why);
}

/*
 * One cluster is kept as the predecessor: the last one that worked. Before the next one is made,
 * the one that never ran goes, or the older of two that did.
 */
static bool make_room(struct deciding *d)
{
    struct record *record = &d->out->record;
    if (deciding_forget_failed(d, ACTION_REPLACE)) return true;
    bool is_new = record->phase == PHASE_FAILED || record->phase == PHASE_LAUNCHING;
    if (record->predecessor_id != NULL && is_new) {
        MARK(made_room_of_one_that_never_ran);
        return deciding_remove(d, ACTION_REPLACE, d->current, "it never ran");
    }
    return forget_replaced(d, ACTION_REPLACE);
}

/* Blue-green: what works goes on working until its successor does. */
static bool overlaps(const struct deciding *d)
{
    return d->desired->keep.strategy == STRATEGY_BLUE_GREEN &&
           d->out->record.phase == PHASE_READY && d->current->state == CLUSTER_RUNNING;
}

bool change_by_replace(struct deciding *d, const char *why)
{
    struct record *record = &d->out->record;
    d->out->cost = COST_NEW;
    d->out->action = ACTION_REPLACE;
    if (image_check(d, ACTION_REPLACE, why) || make_room(d)) return true;
    if (deciding_upload(d, ACTION_REPLACE, why)) return true;
    if (cluster_is_live(d->current->state)) {
        if (deciding_confirm(d, ACTION_REPLACE, d->current, why)) return true;
    }
    if (cluster_is_live(d->current->state) && !overlaps(d)) {
        deciding_enter(d, PHASE_REPLACING);
        return deciding_step(d, ACTION_REPLACE, STEP_TERMINATE, d->current, why);
    }
    if (deciding_dedupe(d)) return true;
    record->predecessor_id = record->cluster_id;
    return deciding_create(d, ACTION_REPLACE, why);
}

/*
 * What was submitted last is as the manifest asks, and the workspace has made something else of it
 * (a policy that rewrites, a form that we do not know): submitting it again would restart the
 * cluster for nothing, and again after that.
 */
static bool is_beyond_edit(struct deciding *d)
{
    struct observed asked = *d->current;
    if (asked.submitted == NULL) return false;
    struct diff diff;
    asked.effective = asked.submitted;
    diff_compute(d->arena, d->desired->spec, d->applied, &asked, &diff);
    return diff.len == 0;
}

bool rule_changed(struct deciding *d)
{
    const struct manifest *desired = d->desired;
    struct diff *diff = &d->out->diff;
    if (d->is_untouched) return false;
    compare(d, diff);
    if (diff->len == 0) return nothing_differs(d);
    if (diff->needs_look) {
        return deciding_look(d, d->current->id, "asking what was submitted");
    }
    if (!diff->has_manifest && diff->change > CHANGE_RESIZE) {
        if (!was_asked(d) && d->current->submitted == NULL) {
            return deciding_look(d, d->current->id, "asking what was submitted");
        }
        if (is_beyond_edit(d)) {
            *diff = (struct diff){ 0 };
            return nothing_differs(d);
        }
    }
    const char *why = describe(d, diff);
    if (!diff->has_manifest && desired->keep.drift == DRIFT_REPORT) {
        MARK(drift_reported);
        d->out->hold = HOLD_DRIFT;
        d->out->why = why;
        return false;
    }
    enum cluster_state state = d->current->state;
    if (state == CLUSTER_ERROR) return change_by_replace(d, why); /* takes no edit */
    bool states_size = size_of(d->arena, desired->spec)->len > 0;
    if (state == CLUSTER_RUNNING && diff->change == CHANGE_RESIZE && states_size) {
        return change_by_resize(d, why);
    }
    bool replaces = diff->change == CHANGE_REPLACE && desired->keep.strategy != STRATEGY_IN_PLACE;
    /* A terminated cluster has no container to replace, unless it failed for the one it had, or
     * was stopped for this. What ran before was seen to work in it. */
    enum phase phase = d->out->record.phase;
    bool has_failed = phase == PHASE_FAILED && !d->is_back;
    bool has_container = cluster_is_live(state) || has_failed || phase == PHASE_REPLACING;
    if (replaces && has_container) return change_by_replace(d, why);
    return change_by_edit(d, why);
}

#include "deciding.h"

#include "json.h"
#include "text.h"

#include <assert.h>

bool deciding_step(struct deciding *d, enum action action, enum step step,
                   const struct observed *target, const char *why)
{
    d->out->action = action;
    d->out->step = step;
    d->out->target_id = target == NULL ? NULL : target->id;
    d->out->why = why;
    struct record *record = &d->out->record;
    if (d->desired_digest == NULL) return true;
    /* What was tried last: a failure holds this manifest back, and not its next version. */
    if (!deciding_is_early(d)) record->retry_at_ms = 0;
    record->pending_digest = d->desired_digest;
    return true;
}

bool deciding_look(struct deciding *d, const char *cluster_id, const char *why)
{
    d->out->step = STEP_LOOK;
    d->out->target_id = cluster_id;
    return deciding_hold(d, HOLD_WAIT, 0, why);
}

bool deciding_confirm(struct deciding *d, enum action action, const struct observed *target,
                      const char *why)
{
    if (target->is_fresh) return false;
    d->out->action = action;
    d->out->step = STEP_LOOK;
    d->out->target_id = target->id;
    d->out->why = why;
    return true;
}

bool deciding_hold(struct deciding *d, enum hold hold, int64_t wake_at_ms, const char *why)
{
    d->out->hold = hold;
    d->out->wake_at_ms = wake_at_ms;
    d->out->why = why;
    return true;
}

void deciding_enter(struct deciding *d, enum phase phase)
{
    record_enter(&d->out->record, phase, d->in->now_ms);
}

bool deciding_is_gone(const struct deciding *d, const char *cluster_id)
{
    for (size_t i = 0; i < d->in->seen->gone_len; i++) {
        if (text_equal(d->in->seen->gone_ids[i], cluster_id)) return true;
    }
    return false;
}

const struct observed *deciding_find(const struct deciding *d, const char *cluster_id)
{
    if (cluster_id == NULL || deciding_is_gone(d, cluster_id)) return NULL;
    for (size_t i = 0; i < d->in->seen->len; i++) {
        const struct observed *observed = &d->in->seen->clusters[i];
        if (strcmp(observed->id, cluster_id) == 0) return observed;
    }
    return NULL;
}

/* How good a cluster is as the one to keep; the higher the better. */
static int health(const struct observed *observed)
{
    static const int ranks[CLUSTER_STATE_COUNT] = {
        [CLUSTER_RUNNING] = 5,     [CLUSTER_RESIZING] = 5, [CLUSTER_RESTARTING] = 4,
        [CLUSTER_PENDING] = 3,     [CLUSTER_UNKNOWN] = 2,  [CLUSTER_TERMINATED] = 1,
        [CLUSTER_TERMINATING] = 0,
    };
    return ranks[observed->state];
}

/* Healthier, else newer, else by ID, so that the choice never depends on the order of a listing. */
static bool is_better(const struct observed *a, const struct observed *b)
{
    if (b == NULL) return true;
    if (health(a) != health(b)) return health(a) > health(b);
    if (a->started_ms != b->started_ms) return a->started_ms > b->started_ms;
    return strcmp(a->id, b->id) > 0;
}

/* Without an ID on record: the cluster of the operation in flight, else the best that bears our
 * tags. */
static const struct observed *pick_by_tags(const struct deciding *d)
{
    const struct record *record = &d->out->record;
    const struct observed *best = NULL;
    for (size_t i = 0; i < d->in->seen->len; i++) {
        const struct observed *candidate = &d->in->seen->clusters[i];
        if (!tags_match(candidate, d->in->policy->owner, d->in->name)) continue;
        if (text_equal(candidate->id, record->predecessor_id)) continue;
        if (text_equal(candidate->id, record->failed_id)) continue;
        if (deciding_is_gone(d, candidate->id)) continue;
        if (record->operation != NULL && text_equal(candidate->operation, record->operation)) {
            return candidate;
        }
        if (is_better(candidate, best)) best = candidate;
    }
    /* While a replacement is made the old cluster is known by its ID; others that are terminated
     * are what is left of earlier ones. */
    bool is_left_over = best != NULL && !cluster_is_live(best->state);
    if (is_left_over && record->predecessor_id != NULL) return NULL;
    return best;
}

/* One that by now bears another owner's mark is that owner's, whatever was recorded. */
static bool is_others(const struct deciding *d, const struct observed *cluster)
{
    return cluster != NULL && cluster->owner != NULL &&
           !text_equal(cluster->owner, d->in->policy->owner);
}

void deciding_pick(struct deciding *d)
{
    struct record *record = &d->out->record;
    if (is_others(d, deciding_find(d, record->failed_id))) record->failed_id = NULL;
    if (is_others(d, deciding_find(d, record->predecessor_id))) {
        MARK(predecessor_given_away);
        record->predecessor_id = NULL;
    }
    d->predecessor = deciding_find(d, record->predecessor_id);
    d->current =
        record->cluster_id != NULL ? deciding_find(d, record->cluster_id) : pick_by_tags(d);
    d->out->current = d->current;
}

bool deciding_is_spent(const struct deciding *d)
{
    assert(d->desired_digest != NULL);
    const struct record *record = &d->out->record;
    const char *image = image_now(d);
    bool is_other_image = image != NULL && record->failed_image != NULL && !d->is_back &&
                          !text_equal(image, record->failed_image);
    return !is_other_image && text_equal(record->failed_digest, d->desired_digest);
}

bool deciding_is_early(const struct deciding *d)
{
    const struct record *record = &d->out->record;
    if (record->retry_at_ms <= d->in->now_ms) return false;
    assert(d->desired_digest != NULL);
    const char *tried =
        record->pending_digest != NULL ? record->pending_digest : record->applied_digest;
    return tried == NULL || strcmp(tried, d->desired_digest) == 0;
}

void deciding_take_cluster(struct deciding *d, const struct observed *cluster)
{
    record_take_cluster(&d->out->record, cluster->id);
    d->current = d->out->current = cluster;
    d->applied = NULL;
}

void deciding_take_pending(struct deciding *d)
{
    struct record *record = &d->out->record;
    assert(record->pending_spec != NULL);
    record_take_pending(d->arena, record);
    d->applied = deciding_read(d, record->applied_spec);
}

void deciding_take_desired(struct deciding *d)
{
    const struct value *spec = d->desired->spec;
    record_take_spec(d->arena, &d->out->record, deciding_json(d, spec), d->desired_digest);
    d->applied = spec;
}

const char *deciding_json(const struct deciding *d, const struct value *value)
{
    AUTO_BUF struct buf json = BUF_INIT(DECIDING_JSON_MAX);
    json_write(value, &json);
    return arena_strdup(d->arena, buf_text(&json));
}

const struct value *deciding_read(const struct deciding *d, const char *json)
{
    const struct value *value = NULL;
    struct err err;
    if (json == NULL || !json_read(d->arena, json, strlen(json), &value, &err)) return NULL;
    return value;
}

void deciding_carry_pending(struct deciding *d)
{
    struct record *record = &d->out->record;
    record->operation = d->in->operation;
    record->pending_spec = deciding_json(d, d->desired->spec);
    record->pending_digest = d->desired_digest;
    record->pending_image = image_now(d);
}

bool deciding_upload(struct deciding *d, enum action action, const char *why)
{
    for (size_t i = 0; i < d->desired->scripts_len; i++) {
        if (d->in->scripts_known[i]) continue;
        d->out->script = i;
        return deciding_step(d, action, STEP_UPLOAD, d->current, why);
    }
    return false;
}

/*
 * A live cluster of this name that is neither kept nor about to be removed. What was replaced is
 * one too when somebody woke it: its removal may have to wait for a step that is refused again and
 * again.
 */
static bool is_twin(const struct deciding *d, const struct observed *other)
{
    bool stands = d->out->record.phase == PHASE_READY && d->current != NULL &&
                  d->current->state == CLUSTER_RUNNING;
    /* With blue-green it serves until its successor can. */
    if (stands && other == d->predecessor && d->desired->keep.strategy == STRATEGY_BLUE_GREEN) {
        stands = carry_is_complete(d) || deciding_is_spent(d);
    }
    if (other == d->current || (other == d->predecessor && !stands)) return false;
    /* One that was adopted bears our tags from its first edit on. */
    bool is_ours = other == d->predecessor || tags_match(other, d->in->policy->owner, d->in->name);
    return is_ours && cluster_is_live(other->state) && !deciding_is_gone(d, other->id);
}

size_t deciding_live(const struct deciding *d)
{
    size_t count = 0;
    for (size_t i = 0; i < d->in->seen->len; i++) {
        const struct observed *other = &d->in->seen->clusters[i];
        bool is_known = other == d->current || other == d->predecessor;
        bool is_ours = is_known || tags_match(other, d->in->policy->owner, d->in->name);
        bool lives = cluster_is_live(other->state) && !deciding_is_gone(d, other->id);
        count += is_ours && lives ? 1 : 0;
    }
    return count;
}

/* The least good one goes first. */
bool deciding_dedupe(struct deciding *d)
{
    const struct observed *twin = NULL;
    for (size_t i = 0; i < d->in->seen->len; i++) {
        const struct observed *other = &d->in->seen->clusters[i];
        if (is_twin(d, other) && (twin == NULL || is_better(twin, other))) twin = other;
    }
    if (twin == NULL) return false;
    d->out->cost = COST_STOP;
    bool is_replaced = twin == d->predecessor && !twin->pinned; /* else the pin is still to carry */
    MARK(duplicate_stopped);
    if (is_replaced) MARK(replaced_one_woken);
    if (is_replaced) return deciding_remove(d, ACTION_SETTLE, twin, "replaced by its successor");
    bool is_kept_live = d->current != NULL && cluster_is_live(d->current->state);
    const char *why = is_kept_live
                          ? arena_printf(d->arena, "a second cluster; %s stays", d->current->id)
                          : "a live cluster beside the one that is kept";
    return deciding_terminate(d, ACTION_DEDUPE, twin, why);
}

bool deciding_create(struct deciding *d, enum action action, const char *why)
{
    const struct manifest *desired = d->desired;
    struct record *record = &d->out->record;
    if (deciding_dedupe(d)) return true;
    if (deciding_upload(d, action, why)) return true;
    deciding_carry_pending(d);
    record->cluster_id = NULL;
    record->clean_listings = 0;
    deciding_enter(d, PHASE_CREATING);
    d->out->spec =
        tags_add(d->arena, desired->spec, d->in->policy->owner, desired, d->in->operation);
    return deciding_step(d, action, STEP_CREATE, NULL, why);
}

bool deciding_terminate(struct deciding *d, enum action action, const struct observed *target,
                        const char *why)
{
    if (deciding_confirm(d, action, target, why)) return true;
    return deciding_step(d, action, STEP_TERMINATE, target, why);
}

bool deciding_remove(struct deciding *d, enum action action, const struct observed *target,
                     const char *why)
{
    if (deciding_confirm(d, action, target, why)) return true;
    /* One that was removed while it ran is there until it has stopped (databricks-api.md 3.3). */
    if (target->state == CLUSTER_TERMINATING) {
        MARK(removal_waits_for_the_end);
        return deciding_hold(d, HOLD_WAIT, d->in->now_ms + d->in->policy->poll_ms,
                             "the cluster that is to be removed is TERMINATING");
    }
    return deciding_step(d, action, target->pinned ? STEP_UNPIN : STEP_DELETE, target, why);
}

bool deciding_forget_failed(struct deciding *d, enum action action)
{
    struct record *record = &d->out->record;
    if (record->failed_id == NULL) return false;
    const struct observed *failed = deciding_find(d, record->failed_id);
    if (failed != NULL) {
        MARK(made_room_of_one_that_did_not_start);
        return deciding_remove(d, action, failed, "it did not start");
    }
    if (!deciding_is_gone(d, record->failed_id)) {
        return deciding_look(d, record->failed_id, "asking for the cluster that did not start");
    }
    record->failed_id = NULL;
    return false;
}

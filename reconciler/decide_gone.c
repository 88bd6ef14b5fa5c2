#include "deciding.h"

#include "text.h"

#include <assert.h>

/* Neither a manifest nor a record: only a flag makes it ours to stop. */
static bool gone_unclaimed(struct deciding *d)
{
    static const char why[] = "bears our tag, and has neither a manifest nor a record";
    const struct policy *policy = d->in->policy;
    if (d->in->record != NULL) return false;
    if (d->current == NULL || !cluster_is_live(d->current->state)) return true;
    if (tags_is_orphan(d->current)) return true;                /* left alone for good */
    assert(tags_match(d->current, policy->owner, d->in->name)); /* else it would not be known */
    if (policy->prune_unclaimed && policy->prune_allowed) {
        d->out->cost = COST_STOP;
        if (deciding_confirm(d, ACTION_PRUNE, d->current, why)) return true;
        deciding_enter(d, PHASE_REMOVING);
        return deciding_step(d, ACTION_PRUNE, STEP_TERMINATE, d->current, why);
    }
    MARK(unclaimed_left_alone);
    return deciding_hold(d, HOLD_UNCLAIMED, 0,
                         "bears our tag, and has neither a manifest nor a record: left alone "
                         "without --prune-unclaimed");
}

static bool gone_orphaned(struct deciding *d)
{
    return d->out->record.phase == PHASE_ORPHANED;
}

static bool gone_unreadable(struct deciding *d)
{
    if (d->in->policy->prune_allowed) return false;
    MARK(nothing_pruned_while_unreadable);
    return deciding_hold(d, HOLD_UNREADABLE, 0,
                         "no manifest was found for it, but the directory is empty or a manifest "
                         "in it cannot be read: nothing is removed");
}

/* A removal that failed; what failed before it was wanted counts no more. */
static bool gone_early(struct deciding *d)
{
    const struct record *record = &d->out->record;
    if (record->phase != PHASE_REMOVING || record->failures == 0 ||
        record->retry_at_ms <= d->in->now_ms) {
        return false;
    }
    return deciding_hold(d, HOLD_BACKOFF, record->retry_at_ms,
                         record->error == NULL ? "the last try failed" : record->error);
}

static bool gone_orphan(struct deciding *d)
{
    struct record *record = &d->out->record;
    if (record->prune != PRUNE_ORPHAN) return false;
    d->out->action = ACTION_PRUNE;
    d->out->why = "its manifest is gone; keep.prune is orphan: left as it is";
    MARK(orphaned);
    d->out->note = "orphaned";
    if (record->cluster_id == NULL) {
        d->out->record_dropped = true;
    } else {
        deciding_enter(d, PHASE_ORPHANED);
    }
    return true;
}

/* A cluster that is still to be dealt with: any live one of this name, then the recorded ones. */
static const struct observed *next_target(const struct deciding *d)
{
    const struct record *record = &d->out->record;
    for (size_t i = 0; i < d->in->seen->len; i++) {
        const struct observed *other = &d->in->seen->clusters[i];
        bool is_recorded = text_equal(other->id, record->cluster_id) ||
                           text_equal(other->id, record->predecessor_id);
        bool ours = is_recorded || tags_match(other, d->in->policy->owner, d->in->name);
        if (ours && cluster_is_live(other->state) && !deciding_is_gone(d, other->id)) return other;
    }
    return d->predecessor;
}

static bool gone_drop(struct deciding *d, const char *why)
{
    d->out->action = ACTION_PRUNE;
    d->out->why = why;
    d->out->note = "removed";
    d->out->record_dropped = true;
    return true;
}

static void enter_removing(struct deciding *d)
{
    if (d->out->record.phase == PHASE_REMOVING) return;
    record_forgive(&d->out->record);
    deciding_enter(d, PHASE_REMOVING);
}

static bool gone_remove(struct deciding *d)
{
    static const char why[] = "its manifest is gone";
    struct record *record = &d->out->record;
    const char *predecessor_id = record->predecessor_id;
    if (predecessor_id != NULL && d->predecessor == NULL) {
        if (!deciding_is_gone(d, predecessor_id)) {
            return deciding_look(d, predecessor_id, "asking for the cluster that was replaced");
        }
        record->predecessor_id = NULL; /* remembered, or the next question would forget it */
    }
    bool deletes = record->prune == PRUNE_DELETE;
    const struct observed *target = next_target(d);
    if (target == NULL && deciding_forget_failed(d, ACTION_PRUNE)) return true;
    if (target == NULL && deletes) target = d->current;
    if (target == NULL) return gone_drop(d, why);
    d->out->cost = cluster_is_live(target->state) ? COST_STOP : COST_NONE;
    if (deciding_confirm(d, ACTION_PRUNE, target, why)) return true;
    enter_removing(d);
    /* What was replaced long ago goes for good, whatever the policy says of the cluster itself. */
    if (deletes || target == d->predecessor) return deciding_remove(d, ACTION_PRUNE, target, why);
    return deciding_step(d, ACTION_PRUNE, STEP_TERMINATE, target, why);
}

static const decide_rule rules[] = {
    gone_unclaimed, gone_orphaned, gone_unreadable, gone_early,  rule_unanswered,
    gone_orphan,    rule_missing,  rule_foreign,    gone_remove,
};

void decide_gone(struct deciding *d)
{
    bool decided = false;
    for (size_t i = 0; i < COUNT_OF(rules) && !decided; i++) {
        decided = rules[i](d);
    }
    assert(decided); /* the last one always does */
}

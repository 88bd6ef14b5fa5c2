#include "deciding.h"

#include "backoff.h"
#include "termination.h"
#include "text.h"

enum { LAUNCH_BACKOFF_BASE_MS = 30000, LAUNCH_BACKOFF_MAX_MS = 1800000 };

/* The launch failed, for now: the next try waits longer each time. */
static void launch_backs_off(struct deciding *d, const char *error, const char *note)
{
    struct record *record = &d->out->record;
    record->error = error;
    record->failures++;
    record->retry_at_ms = d->in->now_ms + backoff_ms(record->failures, LAUNCH_BACKOFF_BASE_MS,
                                                     LAUNCH_BACKOFF_MAX_MS, 0, d->in->jitter);
    d->out->note = note;
    deciding_enter(d, PHASE_FAILED);
}

static bool is_launching(const struct deciding *d)
{
    enum cluster_state state = d->current->state;
    return state == CLUSTER_PENDING || state == CLUSTER_RESTARTING;
}

/* After a failure it is on its way all the same: somebody started it, or our stop was not heard. */
static void watch_again(struct deciding *d)
{
    struct record *record = &d->out->record;
    if (record->phase != PHASE_FAILED || !is_launching(d) || deciding_is_early(d)) return;
    MARK(launching_again_by_others);
    if (!d->is_back) record->rollback = ROLLBACK_NONE;
    record_allow_again(record);
    d->out->note = "launching again";
    deciding_enter(d, PHASE_LAUNCHING);
}

static bool is_overdue(const struct deciding *d)
{
    const struct record *record = &d->out->record;
    return record->phase == PHASE_LAUNCHING && is_launching(d) &&
           d->in->now_ms - record->phase_since_ms > d->in->policy->launch_timeout_ms;
}

static bool stop_launch(struct deciding *d)
{
    char limit[TEXT_DURATION_SIZE];
    text_from_duration_ms(d->in->policy->launch_timeout_ms, limit);
    const char *why = arena_printf(d->arena, "it did not run within %s and was stopped", limit);
    d->out->cost = COST_STOP;
    if (deciding_confirm(d, ACTION_STOP, d->current, why)) return true;
    MARK(launch_timed_out);
    (void)deciding_step(d, ACTION_STOP, STEP_TERMINATE, d->current, why);
    launch_backs_off(d, why, "launch-timeout");
    return true;
}

/* It is being launched, or stopped, for a manifest that is not the present one. */
static bool is_overtaken(struct deciding *d)
{
    const struct record *record = &d->out->record;
    if (record->phase != PHASE_LAUNCHING && record->phase != PHASE_REPLACING) return false;
    if (d->current->state != CLUSTER_PENDING) return false;
    if (text_equal(record->applied_digest, d->desired_digest)) return false;
    return !deciding_is_spent(d) && !deciding_is_early(d) && change_replaces(d);
}

/*
 * Permissions and libraries of a cluster on its way need not wait until it runs. One that is about
 * to be replaced gets none: a pin would only have to be taken away again, and so on without end.
 */
bool rule_carry_early(struct deciding *d)
{
    bool on_its_way =
        d->out->record.phase == PHASE_LAUNCHING && d->current->state == CLUSTER_PENDING;
    return on_its_way && !is_overtaken(d) && rule_carry(d);
}

/* Ends a launch that takes too long, and one whose manifest has been overtaken. */
bool rule_moving(struct deciding *d)
{
    enum cluster_state state = d->current->state;
    if (!cluster_is_moving(state) && state != CLUSTER_UNKNOWN) return false;
    watch_again(d);
    if (is_overdue(d)) return stop_launch(d);
    if (is_overtaken(d)) MARK(launch_overtaken);
    if (is_overtaken(d) && rule_changed(d)) return true;
    return deciding_hold(d, HOLD_WAIT, d->in->now_ms + d->in->policy->poll_ms,
                         arena_printf(d->arena, "the cluster is %s", cluster_state_name(state)));
}

static void launch_failed(struct deciding *d)
{
    struct record *record = &d->out->record;
    const struct observed *current = d->current;
    AUTO_BUF struct buf why = BUF_INIT(4096);
    termination_explain(current, &why);
    launch_backs_off(d, arena_strdup(d->arena, buf_text(&why)), "launch-failed");
    enum termination_class klass =
        termination_classify(current->reason_code, current->reason_type, current->state_message);
    if (!termination_is_final(klass)) return;
    MARK(launch_failed_for_good);
    record->retry_at_ms = 0;
    if (d->is_back) {
        MARK(rollback_failed);
        record->rollback = ROLLBACK_FAILED;
        record->error =
            arena_printf(d->arena, "rolled back to %s, which did not start either: %s",
                         record->image == NULL ? "what ran before" : record->image, record->error);
        return;
    }
    /* What was launched is not launched again; when that is not known, the manifest gets a try. */
    record->failed_digest = record->applied_digest;
    record->failed_image = record->image_digest;
    /* A workspace that is closed starts nothing else either. */
    if (klass == TERMINATION_HALT) record->rollback = ROLLBACK_FAILED;
}

/* It runs: what failed before no longer counts, but for a call that was refused meanwhile. */
static void launch_worked(struct deciding *d)
{
    struct record *record = &d->out->record;
    bool is_refused = record->phase == PHASE_LAUNCHING && deciding_is_spent(d);
    if (!is_refused) record_forgive(record);
    record_take_run(record);
    if (d->out->note == NULL) d->out->note = "launched";
    deciding_enter(d, PHASE_READY);
}

/* A launch has ended: well, badly, or by somebody's hand. Never decides, only records. */
bool rule_launched(struct deciding *d)
{
    const struct observed *current = d->current;
    enum phase phase = d->out->record.phase;
    if (current == NULL) return false;
    /* Recorded by an older version, found by its tags, adopted, or started by a job. */
    bool runs =
        (phase == PHASE_READY || phase == PHASE_REPLACING) && current->state == CLUSTER_RUNNING;
    if (runs && !d->out->record.ran) record_take_run(&d->out->record);
    /* Whoever starts it pulls what the tag points to then. */
    bool is_stopped = phase == PHASE_READY && current->state == CLUSTER_TERMINATED;
    if (is_stopped && d->in->desired != NULL && d->desired->keep.follow_tag) {
        d->out->record.image_digest = NULL;
    }
    /* Where nobody saw which image it started with, what the tag points to now is taken for it. */
    bool is_dark = current->state == CLUSTER_RUNNING && d->out->record.image_digest == NULL;
    if (is_dark && d->in->desired != NULL) d->out->record.image_digest = image_now(d);
    if (phase != PHASE_LAUNCHING && phase != PHASE_FAILED) return false;
    if (cluster_is_moving(current->state) || current->state == CLUSTER_UNKNOWN) return false;
    if (current->state == CLUSTER_RUNNING) {
        launch_worked(d);
        return false;
    }
    if (phase == PHASE_FAILED) return false;
    bool is_normal = termination_classify(current->reason_code, current->reason_type,
                                          current->state_message) == TERMINATION_NORMAL;
    if (current->state == CLUSTER_TERMINATED && (current->reason_code == NULL || is_normal)) {
        MARK(stopped_while_launching);
        if (d->out->note == NULL) d->out->note = "stopped while it was launching";
        deciding_enter(d, PHASE_READY);
        return false;
    }
    launch_failed(d);
    return false;
}

/* A failure holds until the manifest changes, or until its next try is due. */
bool rule_failed(struct deciding *d)
{
    const struct record *record = &d->out->record;
    const char *why = record->error == NULL ? "the last try failed" : record->error;
    bool is_stuck = record->rollback == ROLLBACK_FAILED;
    if (is_stuck || deciding_is_spent(d)) return deciding_hold(d, HOLD_FAILED, 0, why);
    if (record->failures > 0 && deciding_is_early(d)) {
        return deciding_hold(d, HOLD_BACKOFF, record->retry_at_ms, why);
    }
    return false;
}

bool rule_start(struct deciding *d)
{
    enum phase phase = d->out->record.phase;
    bool again = phase == PHASE_FAILED;
    bool stopped = phase == PHASE_REPLACING; /* by us, for a manifest that is no longer wanted */
    if (!again && !stopped && d->desired->keep.running != RUNNING_TRUE) return false;
    const char *why = d->is_back ? "what ran before is started again"
                      : again    ? "trying again after a launch that failed"
                      : stopped  ? "the manifest went back while it was being replaced"
                                 : "keep.running is true";
    /* It may have become known only now that what failed is what is wanted. */
    if (again && deciding_is_early(d)) {
        return deciding_hold(d, HOLD_BACKOFF, d->out->record.retry_at_ms, why);
    }
    if (d->current->state == CLUSTER_ERROR) return change_by_replace(d, why); /* takes no start */
    if (d->current->state != CLUSTER_TERMINATED) return false;
    if (deciding_dedupe(d)) return true;
    d->out->record.image_digest = image_now(d); /* it is pulled anew */
    return deciding_step(d, ACTION_START, STEP_START, d->current, why);
}

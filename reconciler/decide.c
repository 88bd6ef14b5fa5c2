#include "deciding.h"

#include "text.h"

#include <assert.h>

enum { CLEAN_LISTINGS_NEEDED = 2 };

static bool rule_suspended(struct deciding *d)
{
    if (!d->desired->keep.suspend) return false;
    return deciding_hold(d, HOLD_SUSPENDED, 0, "keep.suspend is true");
}

/* A manifest that came back while its cluster was being let go. */
static bool rule_returned(struct deciding *d)
{
    struct record *record = &d->out->record;
    if (record->phase != PHASE_REMOVING && record->phase != PHASE_ORPHANED) return false;
    MARK(manifest_returned);
    /* What failed was its removal, if anything did. */
    record->failures = 0;
    record->retry_at_ms = 0;
    record->error = NULL;
    bool launches = d->current != NULL && (d->current->state == CLUSTER_PENDING ||
                                           d->current->state == CLUSTER_RESTARTING);
    enum phase kept = launches ? PHASE_LAUNCHING : PHASE_READY;
    deciding_enter(d, record->cluster_id == NULL ? PHASE_NONE : kept);
    return false;
}

/* What was issued without an answer is there. */
static void take_unanswered(struct deciding *d, bool is_create)
{
    struct record *record = &d->out->record;
    if (is_create) deciding_take_cluster(d, d->current);
    deciding_take_pending(d);
    record->error = NULL;
    record->retry_at_ms = 0;
    record_allow_again(record);
    d->out->action = ACTION_RECORD;
    if (is_create) MARK(found_after_lost_create);
    if (!is_create) MARK(found_after_lost_edit);
    d->out->note = is_create ? "found after a lost answer" : "edit found after a lost answer";
    d->out->why = d->out->note;
    /* An edit launches what ran, and wakes nothing. */
    if (is_create || cluster_is_live(d->current->state)) deciding_enter(d, PHASE_LAUNCHING);
}

bool rule_unanswered(struct deciding *d)
{
    struct record *record = &d->out->record;
    bool is_create = record->phase == PHASE_CREATING || record->phase == PHASE_UNKNOWN;
    if (d->current != NULL && record->pending_spec != NULL &&
        text_equal(d->current->operation, record->operation)) {
        take_unanswered(d, is_create);
        return false;
    }
    if (!is_create) return false;
    deciding_enter(d, PHASE_UNKNOWN);
    int64_t due_ms = record->phase_since_ms + d->in->policy->create_grace_ms;
    /* The last one has to come after the grace: until then a listing may lag. */
    bool may_be_last =
        record->clean_listings + 1 < CLEAN_LISTINGS_NEEDED || d->in->now_ms >= due_ms;
    if (d->in->listing_new && may_be_last) record->clean_listings++;
    if (record->clean_listings >= CLEAN_LISTINGS_NEEDED && d->in->now_ms >= due_ms) {
        MARK(no_trace_of_create);
        record->operation = NULL;
        record->pending_spec = NULL;
        record->pending_digest = NULL;
        d->out->note = "no trace of the unanswered create";
        deciding_enter(d, PHASE_NONE);
        return false;
    }
    return deciding_hold(d, HOLD_WAIT, d->in->now_ms + d->in->policy->poll_ms,
                         "the answer to its create was lost: looking for the cluster by its tags");
}

/* Absence from a listing proves nothing: a get has to say that the cluster does not exist. */
bool rule_missing(struct deciding *d)
{
    struct record *record = &d->out->record;
    if (record->cluster_id == NULL || d->current != NULL) return false;
    if (!deciding_is_gone(d, record->cluster_id)) {
        return deciding_look(d, record->cluster_id, "not in the listing: asking for it by its ID");
    }
    /* Also when a listing has shown it already: an answer may lag behind that. */
    enum phase phase = record->phase;
    bool may_be_hidden = phase == PHASE_LAUNCHING || phase == PHASE_READY ||
                         (phase == PHASE_REMOVING && !record->ran);
    bool is_new =
        may_be_hidden && d->in->now_ms - record->phase_since_ms < d->in->policy->create_grace_ms;
    if (is_new) {
        MARK(created_and_not_shown_yet);
        return deciding_hold(d, HOLD_WAIT, d->in->now_ms + d->in->policy->poll_ms,
                             "just created: the workspace does not show it yet");
    }
    MARK(removed_outside);
    record->cluster_id = NULL;
    d->out->note = "removed outside of clusterkeeper";
    deciding_enter(d, PHASE_NONE);
    deciding_pick(d);
    return false;
}

/* It was recorded as ours, and somebody has marked it as another owner's since. */
bool rule_foreign(struct deciding *d)
{
    if (d->current == NULL || d->current->owner == NULL) return false;
    if (text_equal(d->current->owner, d->in->policy->owner)) return false;
    return deciding_hold(d, HOLD_FOREIGN, 0,
                         arena_printf(d->arena, "cluster %s is marked as owner '%s' has it",
                                      d->current->id, d->current->owner));
}

/* Why a cluster that is there cannot be taken over; NULL: it can. */
static const char *adoption_obstacle(const struct deciding *d, const struct observed *found)
{
    if (found->owner != NULL && !tags_match(found, d->in->policy->owner, d->in->name)) {
        return arena_printf(d->arena, "keep.adopt: cluster %s is kept by owner '%s' as '%s'",
                            found->id, found->owner, found->name == NULL ? "" : found->name);
    }
    if (!text_equal(found->source, "API") && !text_equal(found->source, "UI")) {
        return arena_printf(d->arena,
                            "keep.adopt: cluster %s comes from %s; only clusters made "
                            "through the API or the UI can be kept",
                            found->id, found->source);
    }
    return NULL;
}

static bool rule_adopt(struct deciding *d)
{
    struct record *record = &d->out->record;
    const char *id = d->desired->keep.adopt;
    if (id == NULL || record->cluster_id != NULL || d->current != NULL) return false;
    if (text_equal(id, record->predecessor_id)) return false;
    if (deciding_is_gone(d, id)) {
        /* Once it was taken over it may go as any other: it is made anew. */
        if (record->adopted || record->applied_digest != NULL) return false;
        return deciding_hold(d, HOLD_FOREIGN, 0,
                             arena_printf(d->arena, "keep.adopt: cluster %s does not exist", id));
    }
    const struct observed *found = deciding_find(d, id);
    if (found == NULL) return deciding_look(d, id, "asking for the cluster to adopt");
    const char *obstacle = adoption_obstacle(d, found);
    if (obstacle != NULL) return deciding_hold(d, HOLD_FOREIGN, 0, obstacle);
    MARK(adopted_by_id);
    deciding_take_cluster(d, found);
    record->adopted = 1;
    d->out->action = ACTION_ADOPT;
    d->out->note = "adopted";
    d->out->why = "taken over by ID; bears our tags from its next edit on";
    deciding_enter(d, PHASE_READY);
    return false;
}

/* No ID on record, but a cluster bears our tags: the state file was lost, or the record was. */
static bool rule_recover(struct deciding *d)
{
    struct record *record = &d->out->record;
    const struct observed *current = d->current;
    if (record->cluster_id != NULL || current == NULL) return false;
    /* With a record, it may be the one that was just removed. */
    if (d->in->record != NULL && !current->is_fresh) {
        return deciding_look(d, current->id, "bears our tags: asking for it by its ID");
    }
    MARK(recovered_by_tags);
    const struct manifest *desired = d->desired;
    deciding_take_cluster(d, current);
    if (text_equal(current->spec_tag, tags_spec_digest(d->arena, desired->spec))) {
        deciding_take_desired(d);
    }
    d->out->action = ACTION_RECORD;
    d->out->note = "found by its tags";
    d->out->why = "bears our tags";
    bool runs = current->state == CLUSTER_RUNNING || current->state == CLUSTER_RESIZING;
    /* A launch that failed while nobody looked is judged by rule_launched, as any other. */
    deciding_enter(d, runs ? PHASE_READY : PHASE_LAUNCHING);
    return false;
}

static bool rule_duplicate(struct deciding *d)
{
    /* One live copy of a cluster that is at rest does no harm; of two, one is too many. */
    if (d->current == NULL || deciding_live(d) < 2) return false;
    if (d->out->record.retry_at_ms > d->in->now_ms) return false; /* it may have been refused */
    return deciding_dedupe(d);
}

static bool rule_absent(struct deciding *d)
{
    if (d->current != NULL) return false;
    const struct record *record = &d->out->record;
    bool is_successor = record->predecessor_id != NULL;
    d->out->action = is_successor ? ACTION_REPLACE : ACTION_CREATE;
    d->out->cost = COST_NEW;
    const char *failure = record->error == NULL ? "the last create failed" : record->error;
    if (deciding_is_spent(d)) return deciding_hold(d, HOLD_FAILED, 0, failure);
    if (d->is_untouched) return deciding_hold(d, HOLD_FAILED, 0, "what ran before is not known");
    if (deciding_is_early(d)) return deciding_hold(d, HOLD_BACKOFF, record->retry_at_ms, failure);
    bool overlaps = is_successor && d->desired->keep.strategy == STRATEGY_BLUE_GREEN;
    const char *why = overlaps                         ? "beside the old cluster"
                      : is_successor                   ? "the old cluster has stopped"
                      : record->applied_digest == NULL ? "new manifest"
                                                       : "the cluster is gone";
    return image_check(d, d->out->action, why) || deciding_create(d, d->out->action, why);
}

/* The successor runs: what it replaced goes for good. */
static bool rule_predecessor(struct deciding *d)
{
    struct record *record = &d->out->record;
    bool stands = record->phase == PHASE_READY && d->current->state == CLUSTER_RUNNING;
    if (record->predecessor_id == NULL || !stands) return false;
    if (d->predecessor != NULL) {
        if (cluster_is_live(d->predecessor->state)) d->out->cost = COST_STOP;
        return deciding_remove(d, ACTION_SETTLE, d->predecessor, "replaced by its successor");
    }
    if (deciding_is_gone(d, record->predecessor_id)) {
        record->predecessor_id = NULL;
        return false;
    }
    return deciding_look(d, record->predecessor_id, "asking for the cluster that was replaced");
}

/* In this order: the first that decides ends the list. */
static const decide_rule rules[] = {
    rule_suspended, rule_returned, rule_unanswered,  rule_missing,     rule_foreign,
    rule_adopt,     rule_recover,  rule_launched,    rule_rollback,    rule_revert,
    rule_duplicate, rule_absent,   rule_carry_early, rule_moving,      rule_failed,
    rule_changed,   rule_carry,    rule_start,       rule_predecessor,
};

/* ---- the decision ---- */

/* Of one cluster: the name is the same. */
static bool same_record(const struct record *a, const struct record *b)
{
    const char *const texts[][2] = {
        { a->source, b->source },
        { a->cluster_id, b->cluster_id },
        { a->predecessor_id, b->predecessor_id },
        { a->operation, b->operation },
        { a->pending_spec, b->pending_spec },
        { a->pending_digest, b->pending_digest },
        { a->applied_spec, b->applied_spec },
        { a->applied_digest, b->applied_digest },
        { a->libraries, b->libraries },
        { a->permissions, b->permissions },
        { a->image, b->image },
        { a->failed_digest, b->failed_digest },
        { a->failed_why, b->failed_why },
        { a->failed_id, b->failed_id },
        { a->good_spec, b->good_spec },
        { a->good_digest, b->good_digest },
        { a->good_libraries, b->good_libraries },
        { a->good_permissions, b->good_permissions },
        { a->image_digest, b->image_digest },
        { a->pending_image, b->pending_image },
        { a->good_image, b->good_image },
        { a->failed_image, b->failed_image },
        { a->error, b->error },
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (!text_equal(texts[i][0], texts[i][1])) return false;
    }
    return a->phase == b->phase && a->phase_since_ms == b->phase_since_ms &&
           a->pinned == b->pinned && a->prune == b->prune && a->adopted == b->adopted &&
           a->clean_listings == b->clean_listings && a->failures == b->failures &&
           a->ran == b->ran && a->rollback == b->rollback && a->retry_at_ms == b->retry_at_ms;
}

static void begin(struct deciding *d)
{
    struct decision *out = d->out;
    *out = (struct decision){ .why = "as desired" };
    d->desired = d->in->desired;
    if (d->in->record != NULL) {
        out->record = *d->in->record;
    } else {
        out->record = (struct record){ .name = d->in->name, .pinned = -1 };
    }
    if (d->desired != NULL) {
        char hex[DIGEST_HEX_SIZE];
        digest_hex(&d->desired->digest, hex);
        d->desired_digest = arena_strdup(d->arena, hex);
        out->record.prune = (int)d->desired->keep.prune;
        out->record.source = d->desired->pos.file;
        image_begin(d);
        rollback_begin(d);
    }
    deciding_pick(d);
}

/* A cluster that is as desired and at rest has no failure to remember. */
static void settle(struct deciding *d)
{
    assert(d->out->step == STEP_NONE); /* who takes a step has decided */
    if (d->out->hold != HOLD_NONE) return;
    record_forgive(&d->out->record);
    if (d->is_back) rollback_end(d);
}

void decide(struct arena *arena, const struct inputs *in, struct decision *ret_decision)
{
    struct deciding d = { .arena = arena, .in = in, .out = ret_decision, .applied = in->applied };
    begin(&d);
    if (in->desired == NULL) {
        decide_gone(&d);
    } else {
        bool decided = false;
        for (size_t i = 0; i < COUNT_OF(rules) && !decided; i++) {
            decided = rules[i](&d);
        }
        if (!decided) settle(&d);
    }
    if (d.is_back) ret_decision->action = rollback_action(ret_decision->action);
    /* A record is made when there is something to remember. */
    ret_decision->record_changed = in->record == NULL
                                       ? ret_decision->record.phase != PHASE_NONE
                                       : !same_record(in->record, &ret_decision->record);
    assert(ret_decision->why != NULL);
}

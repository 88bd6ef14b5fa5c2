/*
 * Back to what ran before.
 *
 * When what a manifest asks for did not start, for a reason that another try cannot mend, the
 * cluster that was replaced is kept again, and started if it was stopped; or what ran is laid over
 * the one cluster that there is. From then on the rules work towards that instead of towards the
 * manifest, which is set aside until it changes.
 */
#include "deciding.h"

#include "text.h"

/* Libraries or permissions that a cluster beside its predecessor is refused. */
enum { CARRY_TRIES_MAX = 6 };

/*
 * A record knows secrets by their hashes alone. The text of one that has not changed since is
 * where the manifest says; one that has is not to be had any more, and the step that needs it says
 * so.
 */
static const struct value *revive(struct arena *arena, const struct value *spec,
                                  const struct value *manifest)
{
    if (spec->kind == VALUE_SECRET) {
        bool is_same = manifest != NULL && manifest->kind == VALUE_SECRET &&
                       text_equal(manifest->hash, spec->hash);
        return is_same ? manifest : spec;
    }
    if (spec->kind != VALUE_MAP) return spec;
    struct value_builder map = value_build_map(arena, spec->pos);
    for (size_t i = 0; i < spec->len; i++) {
        const struct member *member = &spec->u.members[i];
        bool is_map = manifest != NULL && manifest->kind == VALUE_MAP;
        const struct value *beside = is_map ? value_get(manifest, member->key) : NULL;
        value_put_new(&map, member->key, member->pos, revive(arena, member->value, beside));
    }
    return map.value;
}

/* From here on the rules work towards what ran before. */
static void take_back(struct deciding *d)
{
    const struct record *record = &d->out->record;
    bool is_kept_aside = record->good_spec != NULL; /* else it is in force already */
    const char *digest = is_kept_aside ? record->good_digest : record->applied_digest;
    const char *image = is_kept_aside ? record->good_image : record->image_digest;
    const struct value *spec =
        deciding_read(d, is_kept_aside ? record->good_spec : record->applied_spec);
    /* The tag points to what failed: what ran has to be asked for by its digest. */
    if (spec != NULL && image != NULL && text_equal(digest, record->failed_digest)) {
        spec = image_pin(d->arena, spec, image);
        digest = arena_printf(d->arena, "%s@%s", digest, image);
    }
    d->is_back = true;
    d->is_untouched = spec == NULL;
    d->back = *d->in->desired;
    d->back.scripts_len = 0; /* its scripts were put into the workspace when it was made */
    if (spec != NULL) d->back.spec = revive(d->arena, spec, d->in->desired->spec);
    /* A cluster that has run keeps what is on it; one that is made anew gets what is wanted now. */
    if (record->ran || record->libraries != NULL) {
        d->back.libraries = deciding_read(d, record->libraries);
    }
    if (record->ran || record->permissions != NULL) {
        d->back.permissions = deciding_read(d, record->permissions);
    }
    d->desired = &d->back;
    d->desired_digest = digest == NULL ? "" : digest;
}

void rollback_begin(struct deciding *d)
{
    struct record *record = &d->out->record;
    if (record->rollback == ROLLBACK_NONE) return;
    if (!deciding_is_spent(d)) {
        MARK(tried_anew_after_rollback);
        record->rollback = ROLLBACK_NONE;
        record->failed_why = NULL;
        record_forgive(record);
        return;
    }
    if (record->rollback == ROLLBACK_BACK) take_back(d);
}

/* The replaced cluster is the one that is kept; its successor is the failed one. */
static void keep_predecessor(struct deciding *d)
{
    struct record *record = &d->out->record;
    bool serves = cluster_is_live(d->predecessor->state);
    record_swap_back(d->arena, record);
    d->current = d->out->current = d->predecessor;
    d->predecessor = NULL;
    d->applied = deciding_read(d, record->applied_spec);
    record_enter(record, serves ? PHASE_READY : PHASE_FAILED, d->in->now_ms);
}

/* The one that is to be replaced serves still. */
static bool overlaps(const struct deciding *d)
{
    return d->desired->keep.strategy == STRATEGY_BLUE_GREEN && d->predecessor != NULL &&
           cluster_is_live(d->predecessor->state);
}

/* It runs, and what belongs to it is refused again and again: two of them are not kept for ever. */
static bool is_refused(const struct deciding *d)
{
    const struct record *record = &d->out->record;
    return overlaps(d) && record->phase == PHASE_READY && record->failures >= CARRY_TRIES_MAX &&
           !carry_is_complete(d);
}

/* It failed with a cluster that is worse than the one before, or with none at all. */
static bool is_worse(const struct deciding *d)
{
    if (d->current != NULL && cluster_is_moving(d->current->state)) return false;
    return d->out->record.phase == PHASE_FAILED || overlaps(d);
}

bool rule_rollback(struct deciding *d)
{
    struct record *record = &d->out->record;
    if (record->rollback != ROLLBACK_NONE) return false;
    if (is_refused(d)) record->failed_digest = d->desired_digest;
    if (d->desired->keep.no_rollback) return false;
    if (!deciding_is_spent(d) || !is_worse(d)) return false;
    if (record->predecessor_id != NULL && d->predecessor == NULL) {
        if (!deciding_is_gone(d, record->predecessor_id)) {
            return deciding_look(d, record->predecessor_id, "asking for the cluster to go back to");
        }
        record->predecessor_id = NULL;
    }
    if (record->good_digest == NULL && !record->ran) return false; /* nothing ever ran */
    if (d->predecessor == NULL && record->good_spec == NULL) return false;
    /* The same manifest, and not known to be another image: nothing better. */
    bool is_same = text_equal(record->good_digest, record->failed_digest);
    bool other_image = record->good_image != NULL && record->failed_image != NULL &&
                       !text_equal(record->good_image, record->failed_image);
    if (is_same && !other_image) return false;
    record->rollback = ROLLBACK_BACK;
    record->failed_why = record->error;
    record->error = NULL;
    record->failures = 0;
    record->retry_at_ms = 0;
    record->pending_spec = NULL;
    if (d->predecessor != NULL) MARK(rolled_back_to_predecessor);
    if (d->predecessor == NULL) MARK(rolled_back_in_place);
    if (d->predecessor != NULL) keep_predecessor(d);
    d->out->note = "launch-failed: rolling back";
    d->out->note_detail = record->failed_why;
    take_back(d);
    return false;
}

bool rule_revert(struct deciding *d)
{
    const struct record *record = &d->out->record;
    bool serves = d->predecessor != NULL && d->predecessor->state == CLUSTER_RUNNING;
    bool is_wanted = record->good_digest != NULL &&
                     text_equal(record->good_digest, d->desired_digest) &&
                     !text_equal(record->applied_digest, d->desired_digest);
    if (!serves || !is_wanted || record->cluster_id == NULL) return false;
    MARK(manifest_went_back_in_time);
    keep_predecessor(d);
    d->out->note = "the manifest went back to what still runs";
    return false;
}

enum action rollback_action(enum action action)
{
    bool goes_back = action == ACTION_CREATE || action == ACTION_REPLACE || action == ACTION_EDIT ||
                     action == ACTION_START;
    return goes_back ? ACTION_ROLLBACK : action;
}

void rollback_end(struct deciding *d)
{
    const struct record *record = &d->out->record;
    const char *why = record->failed_why == NULL ? "it did not start" : record->failed_why;
    const char *image = record->image == NULL ? "what ran before" : record->image;
    (void)deciding_hold(
        d, HOLD_ROLLED_BACK, 0,
        arena_printf(d->arena, "rolled back to %s until the manifest changes: %s", image, why));
}

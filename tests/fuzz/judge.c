#include "judge.h"

#include "fuzz.h"
#include "json.h"
#include "tags.h"
#include "text.h"

enum { SETTLES_MAX = 4 };

static bool writes(const struct decision *d)
{
    return d->step != STEP_NONE && d->step != STEP_LOOK;
}

static bool is_gone(const struct inputs *in, const char *id)
{
    for (size_t i = 0; i < in->seen->gone_len; i++) {
        if (text_equal(in->seen->gone_ids[i], id)) return true;
    }
    return false;
}

static const struct observed *find(const struct inputs *in, const char *id)
{
    for (size_t i = 0; i < in->seen->len; i++) {
        if (text_equal(in->seen->clusters[i].id, id)) return &in->seen->clusters[i];
    }
    return NULL;
}

/* A live cluster of this name other than `id` and the one that is being replaced. */
static const struct observed *find_twin(const struct inputs *in, const char *id)
{
    for (size_t i = 0; i < in->seen->len; i++) {
        const struct observed *at = &in->seen->clusters[i];
        bool is_replaced = in->record != NULL && text_equal(in->record->predecessor_id, at->id);
        bool is_ours = tags_match(at, in->policy->owner, in->name);
        if (is_ours && cluster_is_live(at->state) && !is_gone(in, at->id) && !is_replaced &&
            !text_equal(at->id, id)) {
            return at;
        }
    }
    return NULL;
}

/* ---- calls for a cluster that there is ---- */

static void judge_owner(const struct inputs *in, const struct observed *target, const char *step)
{
    const struct record *record = in->record;
    bool is_recorded = record != NULL && (text_equal(record->cluster_id, target->id) ||
                                          text_equal(record->predecessor_id, target->id));
    bool is_adopted = in->desired != NULL && text_equal(in->desired->keep.adopt, target->id);
    bool is_foreign = target->owner != NULL && !text_equal(target->owner, in->policy->owner);
    FUZZ_EXPECT(!is_foreign, "%s of %s, which owner '%s' keeps", step, target->id, target->owner);
    FUZZ_EXPECT(is_recorded || is_adopted || tags_match(target, in->policy->owner, in->name),
                "%s of %s, which is nobody's", step, target->id);
}

/* databricks-api.md 3.2: what is refused in which state. */
static void judge_state(const struct inputs *in, const struct decision *d,
                        const struct observed *target)
{
    bool runs = target->state == CLUSTER_RUNNING;
    bool stopped = target->state == CLUSTER_TERMINATED;
    const char *state = cluster_state_name(target->state);
    bool removes = d->step == STEP_TERMINATE || d->step == STEP_DELETE;
    bool is_asked = target->is_fresh || (!removes && d->step != STEP_EDIT);
    FUZZ_EXPECT(is_asked, "%s of %s, which was not asked for first", step_name(d->step),
                target->id);
    FUZZ_EXPECT(d->step != STEP_EDIT || runs || stopped, "an edit while %s", state);
    FUZZ_EXPECT(d->step != STEP_RESIZE || runs, "a resize while %s", state);
    FUZZ_EXPECT(d->step != STEP_START || stopped, "a start while %s", state);
    FUZZ_EXPECT(d->step != STEP_START || find_twin(in, target->id) == NULL,
                "a start of %s beside a live one", target->id);
}

static void judge_target(const struct inputs *in, const struct decision *d)
{
    const char *step = step_name(d->step);
    const struct observed *target = find(in, d->target_id);
    FUZZ_EXPECT(target != NULL, "%s of a cluster that was not seen", step);
    FUZZ_EXPECT(!is_gone(in, target->id), "%s of a cluster that is gone", step);
    judge_owner(in, target, step);
    judge_state(in, d, target);
}

/* ---- creates ---- */

static bool is_found(const struct inputs *in)
{
    for (size_t i = 0; i < in->seen->len; i++) {
        const struct observed *at = &in->seen->clusters[i];
        bool is_ours = tags_match(at, in->policy->owner, in->name);
        if (is_ours && text_equal(at->operation, in->record->operation)) return true;
    }
    return false;
}

static void judge_create(const struct inputs *in, const struct decision *d)
{
    const struct record *record = in->record;
    FUZZ_EXPECT(find_twin(in, NULL) == NULL, "a create while %s lives", find_twin(in, NULL)->id);
    FUZZ_EXPECT(in->desired != NULL, "a create that nobody asked for");
    FUZZ_EXPECT(d->spec != NULL && d->target_id == NULL, "a create without a spec");
    FUZZ_EXPECT(d->record.phase == PHASE_CREATING && d->record.operation != NULL,
                "a create that is not recorded as one");
    if (record == NULL) return;
    const struct observed *own = find(in, record->cluster_id);
    bool lives = own != NULL && !is_gone(in, own->id) && cluster_is_live(own->state);
    FUZZ_EXPECT(!lives, "a create while the recorded one lives");
    FUZZ_EXPECT(record->cluster_id == NULL || own != NULL || is_gone(in, record->cluster_id),
                "a create because a listing lacks %s", record->cluster_id);
    bool is_unknown = record->phase == PHASE_CREATING || record->phase == PHASE_UNKNOWN;
    int listings = record->clean_listings + (in->listing_new ? 1 : 0);
    bool is_due =
        listings >= 2 && in->now_ms - record->phase_since_ms >= in->policy->create_grace_ms;
    FUZZ_EXPECT(!is_unknown || is_due || is_found(in),
                "a create before the last one was looked for");
}

/* ---- any decision ---- */

void judge_decision(const struct inputs *in, const struct decision *d)
{
    const struct observed *asked = d->step == STEP_LOOK ? find(in, d->target_id) : NULL;
    FUZZ_EXPECT(d->action < ACTION_COUNT && d->cost < COST_COUNT && d->hold < HOLD_COUNT &&
                    d->step < STEP_COUNT,
                "a decision without a name");
    FUZZ_EXPECT(d->why != NULL && d->why[0] != '\0', "no reason given");
    FUZZ_EXPECT(!writes(d) || d->action != ACTION_NONE, "a call without an action");
    FUZZ_EXPECT(d->step != STEP_LOOK || d->target_id != NULL, "a question about nothing");
    FUZZ_EXPECT(d->step != STEP_LOOK || !is_gone(in, d->target_id), "asked again: %s",
                d->target_id);
    FUZZ_EXPECT(asked == NULL || !asked->is_fresh, "asked again: %s", d->target_id);
    bool waits = d->hold == HOLD_WAIT || d->hold == HOLD_BACKOFF;
    FUZZ_EXPECT(!waits || d->step != STEP_NONE || d->wake_at_ms > in->now_ms, "a wait without end");
    FUZZ_EXPECT(d->hold != HOLD_BACKOFF || !writes(d), "a call while it backs off");
    FUZZ_EXPECT(!writes(d) || in->desired != NULL || in->policy->prune_allowed,
                "a removal although a manifest may be unreadable");
    FUZZ_EXPECT(!writes(d) || in->desired == NULL || !in->desired->keep.suspend,
                "a call while suspended");
    size_t scripts = in->desired == NULL ? 0 : in->desired->scripts_len;
    FUZZ_EXPECT(d->step != STEP_UPLOAD || d->script < scripts, "an upload of no script");
    if (d->step == STEP_CREATE) {
        judge_create(in, d);
    } else if (writes(d) && d->step != STEP_UPLOAD) {
        judge_target(in, d);
    }
}

static const struct value *parse(struct arena *arena, const char *what, const char *json)
{
    const struct value *value = NULL;
    struct err err;
    if (json == NULL) return NULL;
    if (!json_read(arena, json, strlen(json), &value, &err)) {
        fuzz_fail("%s is no JSON: %s: %s", what, err.text, json);
    }
    return value;
}

void judge_again(struct arena *arena, const struct inputs *in, const struct decision *d)
{
    struct decision before = *d;
    struct inputs next = *in;
    next.listing_new = false; /* it was counted */
    for (int times = 0; times < SETTLES_MAX; times++) {
        if (!before.record_changed || before.record_dropped || writes(&before)) return;
        struct decision again;
        next.record = &before.record;
        next.applied = parse(arena, "the applied spec", before.record.applied_spec);
        decide(arena, &next, &again);
        judge_decision(&next, &again);
        before = again;
    }
    fuzz_fail("a record that changes each time: %s, then %s", d->why, before.why);
}

void judge_record(struct arena *arena, const struct record *record)
{
    FUZZ_EXPECT(record->phase < PHASE_COUNT, "a phase without a name");
    FUZZ_EXPECT(record->failures >= 0 && record->retry_at_ms >= 0, "%d failures", record->failures);
    FUZZ_EXPECT(record->pending_spec == NULL || record->operation != NULL,
                "a pending spec of no operation");
    (void)parse(arena, "the applied spec", record->applied_spec);
    (void)parse(arena, "the pending spec", record->pending_spec);
    (void)parse(arena, "libraries", record->libraries);
    (void)parse(arena, "permissions", record->permissions);
}

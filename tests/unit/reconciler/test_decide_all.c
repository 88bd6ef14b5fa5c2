/*
 * What holds for every decision, shown on all small worlds: each phase with each state, owner,
 * manifest, predecessor, duplicate, failure and answer at hand.
 */
#include "decide_case.h"
#include "decide_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json.h"
#include "text.h"

/* The choices of one world, drawn from its number. */
enum manifest_choice { SAME, OTHER_IMAGE, OTHER_SIZE, OTHER_CONF, NO_MANIFEST, MANIFESTS };
enum owner_choice { OURS, OTHERS, NOBODYS, OWNERS };
enum near_choice { NONE_NEAR, STOPPED, LIVE, NEARS }; /* a predecessor, a duplicate */
enum failure_choice { WELL, SPENT, EARLY, FAILURES }; /* of the manifest at hand */
enum fresh_choice { STALE, FRESH_A, FRESH_P, FRESH_B, FRESHES };
enum record_choice { UNRECORDED = PHASE_COUNT, NOWHERE, RECORDS }; /* else the phase */

struct world {
    int record, state, owner, manifest, predecessor, duplicate, failure, fresh, keep, flags;
};

enum { ABSENT = CLUSTER_STATE_COUNT, GONE, STATES };

/* What is the same in all worlds, made once. */
struct stage {
    struct decide_case c;
    struct manifest manifests[NO_MANIFEST];
    struct observed a[CLUSTER_STATE_COUNT][OWNERS], p[NEARS], b[NEARS], stranger;
    struct record record; /* of `a`, as SAME asks */
    const struct value *applied;
};

static struct observed sight(struct stage *s, const char *id, enum cluster_state state,
                             const char *owner)
{
    struct actor *actor = case_cluster(&s->c, id, state, owner, HAS(V1, "2"));
    struct observed seen = actor->sighting;
    seen.submitted = actor->spec;
    s->c.actors_len = 0;
    return seen;
}

static void stage_open(struct stage *s)
{
    static const char *const bodies[] = { WANTS(V1, "2", ""), WANTS(V2, "2", ""),
                                          WANTS(V1, "3", ""),
                                          "spec: {spark_version: 15.4.x-scala2.12, node_type_id: "
                                          "i3.xlarge, num_workers: 2, docker_image: {url: \"" V1
                                          "\"}, spark_conf: {spark.a: \"2\"}}\n" };
    static const char *const owners[] = { "main", "other", NULL };
    case_open(&s->c);
    for (int i = 0; i < NO_MANIFEST; i++) {
        case_desire(&s->c, bodies[i]);
        s->manifests[i] = s->c.manifest;
        if (i == SAME) case_record(&s->c, "a", PHASE_READY);
        if (i == SAME) s->applied = s->c.manifest.spec;
    }
    s->record = s->c.record;
    for (int state = 0; state < CLUSTER_STATE_COUNT; state++) {
        for (int owner = 0; owner < OWNERS; owner++) {
            s->a[state][owner] = sight(s, "a", (enum cluster_state)state, owners[owner]);
        }
    }
    s->p[STOPPED] = sight(s, "p", CLUSTER_TERMINATED, "main");
    s->p[LIVE] = sight(s, "p", CLUSTER_RUNNING, "main");
    s->b[STOPPED] = sight(s, "b", CLUSTER_TERMINATED, "main");
    s->b[LIVE] = sight(s, "b", CLUSTER_RUNNING, "main");
    s->stranger = sight(s, "x", CLUSTER_RUNNING, "other");
}

static int draw(size_t *number, int choices)
{
    int choice = (int)(*number % (size_t)choices);
    *number /= (size_t)choices;
    return choice;
}

/* False when there are no more worlds. `keep` and `flags` follow from the number, not all of each.
 */
static bool world_make(size_t number, struct world *ret_world)
{
    size_t rest = number;
    struct world w;
    w.record = draw(&rest, RECORDS);
    w.state = draw(&rest, STATES);
    w.owner = draw(&rest, OWNERS);
    w.manifest = draw(&rest, MANIFESTS);
    w.predecessor = draw(&rest, NEARS);
    w.duplicate = draw(&rest, NEARS);
    w.failure = draw(&rest, FAILURES);
    w.fresh = draw(&rest, FRESHES);
    w.keep = (int)(number * 2654435761u >> 7 & 31);
    w.flags = (int)(number * 2654435761u >> 12 & 7);
    *ret_world = w;
    return rest == 0;
}

/* One world as the inputs of a decision. */
struct scene {
    struct world world;
    struct manifest manifest;
    struct record record;
    struct observed clusters[4];
    struct seen seen;
    struct policy policy;
    struct inputs in;
};

static void add(struct scene *scene, const struct observed *cluster, bool is_fresh)
{
    struct observed *to = &scene->clusters[scene->seen.len++];
    *to = *cluster;
    to->is_fresh = is_fresh;
    if (!is_fresh) to->submitted = NULL; /* a listing does not tell it */
}

static void set_record(const struct stage *s, struct scene *scene, const char *digest)
{
    const struct world *w = &scene->world;
    struct record *record = &scene->record;
    *record = s->record;
    record->phase = w->record == NOWHERE ? PHASE_READY : (enum phase)w->record;
    record->phase_since_ms = s->c.now_ms - (w->flags & 1 ? 100000 : 100000000);
    if (w->record == NOWHERE || record->phase == PHASE_NONE) record->cluster_id = NULL;
    if (record->phase == PHASE_CREATING || record->phase == PHASE_UNKNOWN) {
        record->cluster_id = NULL;
        record->operation = w->flags & 2 ? "before" : "another";
        record->pending_spec = record->applied_spec;
        record->pending_digest = record->applied_digest;
        record->clean_listings = w->flags & 4 ? 5 : 0;
    }
    if (w->predecessor != NONE_NEAR) record->predecessor_id = "p";
    if (w->failure == SPENT) record->failed_digest = digest;
    if (w->failure == EARLY) record->retry_at_ms = s->c.now_ms + 5000;
    if (w->failure != WELL) record->failures = 2;
    record->prune = w->keep % 3;
    record->ran = w->flags & 1;
    if (w->failure == SPENT && w->keep & 4 && (w->manifest != SAME || w->keep & 8)) {
        record->rollback = 1 + (w->keep & 1);
        record->failed_why = "it did not start";
        if (w->keep & 8) record->good_spec = record->applied_spec;
        if (w->keep & 8) record->ran = 0;
        if (w->keep & 8) record->good_digest = "before";
        if (w->keep & 8 && record->pending_digest != NULL) record->pending_digest = "before";
        if (w->flags & 4) record->failed_id = "b";
    }
}

static void set_seen(struct stage *s, struct scene *scene)
{
    const struct world *w = &scene->world;
    scene->seen = (struct seen){ .clusters = scene->clusters };
    if (w->state == GONE) scene->seen.gone_ids[scene->seen.gone_len++] = "a";
    bool is_shown = w->state == GONE && (w->flags & 4) != 0; /* by a listing that is older */
    if (is_shown) add(scene, &s->a[CLUSTER_RUNNING][w->owner], false);
    if (w->state < ABSENT) add(scene, &s->a[w->state][w->owner], w->fresh == FRESH_A);
    if (w->predecessor != NONE_NEAR) add(scene, &s->p[w->predecessor], w->fresh == FRESH_P);
    if (w->duplicate != NONE_NEAR) add(scene, &s->b[w->duplicate], w->fresh == FRESH_B);
    add(scene, &s->stranger, true);
}

static void scene_make(struct stage *s, const struct world *w, struct scene *scene)
{
    char *digest = arena_alloc(&s->c.arena, DIGEST_HEX_SIZE);
    *scene = (struct scene){ .world = *w, .policy = s->c.policy };
    if (w->manifest != NO_MANIFEST) {
        scene->manifest = s->manifests[w->manifest];
        digest_hex(&scene->manifest.digest, digest);
        struct keep *keep = &scene->manifest.keep;
        keep->strategy = (enum strategy)(w->keep % 3);
        keep->no_rollback = (w->flags & 6) == 6;
        keep->running = w->keep & 2 ? RUNNING_TRUE : RUNNING_AS_FOUND;
        keep->drift = w->keep & 4 ? DRIFT_REPORT : DRIFT_CORRECT;
        keep->adopt = w->keep & 8 ? "a" : NULL;
        keep->suspend = (w->keep & 31) == 16;
    }
    set_record(s, scene, digest);
    set_seen(s, scene);
    scene->policy.prune_allowed = w->flags & 1;
    scene->policy.prune_unclaimed = w->flags & 2;
    scene->in = (struct inputs){
        .name = "etl",
        .desired = w->manifest == NO_MANIFEST ? NULL : &scene->manifest,
        .record = w->record == UNRECORDED ? NULL : &scene->record,
        .applied = w->record == UNRECORDED ? NULL : s->applied,
        .seen = &scene->seen,
        .policy = &scene->policy,
        .scripts_known = s->c.scripts_known,
        .now_ms = s->c.now_ms,
        .operation = "fresh",
        .jitter = 99,
    };
}

/* ---- what holds ---- */

static const struct observed *find(const struct scene *scene, const char *id)
{
    for (size_t i = 0; i < scene->seen.len; i++) {
        if (text_equal(scene->clusters[i].id, id)) return &scene->clusters[i];
    }
    return NULL;
}

static bool is_gone(const struct scene *scene, const char *id)
{
    return scene->seen.gone_len > 0 && text_equal(scene->seen.gone_ids[0], id);
}

/* A live cluster of ours other than `id` and the one that is being replaced. */
static bool has_twin(const struct scene *scene, const char *id)
{
    const struct record *record = scene->in.record;
    for (size_t i = 0; i < scene->seen.len; i++) {
        const struct observed *at = &scene->clusters[i];
        if (!cluster_is_live(at->state) || !tags_match(at, "main", "etl")) continue;
        if (is_gone(scene, at->id) || text_equal(at->id, id)) continue;
        if (record == NULL || !text_equal(record->predecessor_id, at->id)) return true;
    }
    return false;
}

static const char *broken_target(const struct scene *scene, const struct decision *d)
{
    const struct record *record = scene->in.record;
    const struct observed *target = find(scene, d->target_id);
    if (target == NULL) return "a call for a cluster that was not seen";
    if (is_gone(scene, target->id)) return "a call for a cluster that is gone";
    bool is_recorded = record != NULL && (text_equal(record->cluster_id, target->id) ||
                                          text_equal(record->predecessor_id, target->id) ||
                                          text_equal(record->failed_id, target->id));
    bool is_adopted =
        scene->in.desired != NULL && text_equal(scene->in.desired->keep.adopt, target->id);
    if (text_equal(target->owner, "other")) {
        return "promise 2 (only its own): a call for a cluster of another owner";
    }
    if (!is_recorded && !is_adopted && !tags_match(target, "main", "etl")) {
        return "promise 2 (only its own): a call for a cluster that is not ours";
    }
    bool removes = d->step == STEP_TERMINATE || d->step == STEP_DELETE;
    if (removes && !target->is_fresh) return "a removal of what was not asked for first";
    bool runs = target->state == CLUSTER_RUNNING;
    bool stopped = target->state == CLUSTER_TERMINATED;
    if (d->step == STEP_EDIT && !runs && !stopped) return "an edit in a state that refuses it";
    if (d->step == STEP_EDIT && !target->is_fresh) return "an edit made from a listing";
    if (d->step == STEP_START && has_twin(scene, target->id)) return "a start beside a live one";
    if (d->step == STEP_START && !stopped) return "a start of what is not terminated";
    if (d->step == STEP_RESIZE && !runs) return "a resize of what does not run";
    return NULL;
}

/* What the create without an answer has made. */
static const struct observed *own_of_operation(const struct scene *scene)
{
    for (size_t i = 0; i < scene->seen.len; i++) {
        const struct observed *at = &scene->clusters[i];
        bool is_ours = tags_match(at, "main", "etl");
        if (is_ours && text_equal(at->operation, scene->record.operation)) return at;
    }
    return NULL;
}

static const char *broken_create(const struct scene *scene, const struct decision *d)
{
    const struct record *record = scene->in.record;
    /* Blue-green: the one that runs goes on running. */
    bool overlaps = scene->in.desired->keep.strategy == STRATEGY_BLUE_GREEN;
    const struct observed *old = overlaps ? find(scene, d->record.predecessor_id) : NULL;
    overlaps = old != NULL && old->state == CLUSTER_RUNNING && !is_gone(scene, old->id);
    if (has_twin(scene, overlaps ? old->id : NULL)) return "a create while a live one is seen";
    if (record == NULL) return NULL;
    const struct observed *own = find(scene, record->cluster_id);
    bool is_there = own != NULL && !is_gone(scene, own->id);
    if (is_there && cluster_is_live(own->state) && !overlaps) {
        return "a create while the recorded one lives";
    }
    if (record->cluster_id != NULL && own == NULL && scene->seen.gone_len == 0) {
        return "a create because a listing lacks the recorded one";
    }
    bool is_unknown = record->phase == PHASE_CREATING || record->phase == PHASE_UNKNOWN;
    bool is_due = record->clean_listings >= 2 &&
                  scene->in.now_ms - record->phase_since_ms >= scene->policy.create_grace_ms;
    bool is_found = own_of_operation(scene) != NULL;
    if (is_unknown && !is_due && !is_found) return "a create before the last one was looked for";
    if (d->record.phase != PHASE_CREATING) return "a create that is not recorded as one";
    return NULL;
}

static const char *broken(const struct scene *scene, const struct decision *d)
{
    bool writes = d->step != STEP_NONE && d->step != STEP_LOOK;
    if (d->why == NULL || d->why[0] == '\0') return "no reason given";
    if (writes && d->action == ACTION_NONE) return "a call without an action";
    if (d->step == STEP_LOOK && d->target_id == NULL) return "a question about nothing";
    if (d->step == STEP_LOOK && is_gone(scene, d->target_id)) return "a question answered before";
    bool waits = d->hold == HOLD_WAIT || d->hold == HOLD_BACKOFF;
    if (waits && d->step == STEP_NONE && d->wake_at_ms <= scene->in.now_ms) return "no wake";
    if (d->hold == HOLD_BACKOFF && writes) return "a call while it backs off";
    if (scene->in.desired == NULL && !scene->policy.prune_allowed && writes) {
        return "promise 3 (unreadable is not deleted): a removal although a manifest may be "
               "unreadable";
    }
    if (scene->in.desired != NULL && scene->in.desired->keep.suspend && writes) {
        return "a call while suspended";
    }
    if (d->step == STEP_CREATE) return broken_create(scene, d);
    return writes && d->step != STEP_UPLOAD ? broken_target(scene, d) : NULL;
}

/* Once more with the record that came out: the same again, and nothing new to record. */
static const char *broken_again(struct stage *s, struct scene *scene, const struct decision *d)
{
    if (d->step != STEP_NONE && d->step != STEP_LOOK) return NULL;
    if (d->record_dropped || (scene->in.record == NULL && !d->record_changed)) return NULL;
    struct scene next = *scene;
    const struct value *applied = NULL;
    struct err err;
    const char *json = d->record.applied_spec;
    if (json != NULL && !json_read(&s->c.arena, json, strlen(json), &applied, &err)) {
        return "an applied spec that is no JSON";
    }
    next.in.record = &d->record;
    next.in.applied = applied;
    struct decision again;
    decide(&s->c.arena, &next.in, &again);
    if (again.record_changed) return "a record that changes again";
    if (again.step != d->step || again.hold != d->hold) {
        print_error("then: %s, %s (%s)\n", step_name(again.step), hold_name(again.hold), again.why);
        return "another decision on the same";
    }
    return NULL;
}

static const char *broken_quiet(const struct scene *scene, const struct decision *d)
{
    const struct world *w = &scene->world;
    bool is_equal = w->record == PHASE_READY && w->owner == OURS && w->manifest == SAME &&
                    w->state == CLUSTER_RUNNING && w->predecessor == NONE_NEAR &&
                    w->duplicate != LIVE && w->failure == WELL && !scene->manifest.keep.suspend;
    if (!is_equal) return NULL;
    bool is_quiet = d->step == STEP_NONE && d->hold == HOLD_NONE && d->action == ACTION_NONE &&
                    d->diff.len == 0 && d->note == NULL;
    return is_quiet ? NULL : "not quiet although nothing differs";
}

static void test_all(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s);
    s.record.prune = 0;
    size_t counts[STEP_COUNT] = { 0 };
    struct world world;
    size_t number = 0;
    for (; world_make(number, &world); number++) {
        struct arena outer = s.c.arena;
        struct arena inner = ARENA_INIT;
        s.c.arena = inner; /* what one world needs goes with it */
        struct scene scene;
        struct decision d;
        scene_make(&s, &world, &scene);
        decide(&s.c.arena, &scene.in, &d);
        counts[d.step]++;
        const char *fault = broken(&scene, &d);
        if (fault == NULL) fault = broken_quiet(&scene, &d);
        if (fault == NULL) fault = broken_again(&s, &scene, &d);
        if (fault != NULL) {
            fail_msg("%s\nrecord %d state %d owner %d manifest %d predecessor %d duplicate %d "
                     "failure %d fresh %d keep %d flags %d: %s %s, %s (%s)",
                     fault, world.record, world.state, world.owner, world.manifest,
                     world.predecessor, world.duplicate, world.failure, world.fresh, world.keep,
                     world.flags, step_name(d.step), d.target_id == NULL ? "" : d.target_id,
                     hold_name(d.hold), d.why);
        }
        arena_release(&s.c.arena);
        s.c.arena = outer;
    }
    assert_true(number > 100000);
    /* The worlds are not all alike: each kind of step was met. */
    static const enum step met[] = { STEP_NONE,  STEP_LOOK,      STEP_CREATE, STEP_EDIT,
                                     STEP_START, STEP_TERMINATE, STEP_DELETE, STEP_RESIZE };
    for (size_t i = 0; i < COUNT_OF(met); i++) {
        assert_true(counts[met[i]] > 100);
    }
    case_close(&s.c);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_all) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

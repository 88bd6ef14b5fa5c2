#include "decide_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "databricks/codec.h"
#include "text.h"
#include "yaml_tree.h"

static const struct pos nowhere;

/* Never 0: that means "none" in a record. */
#define START_MS INT64_C(1000000000)
#define MINUTE   INT64_C(60000)

/* Steps without the clock moving: more than any honest pass has. */
enum { TURN_STEPS_MAX = 40, JSON_MAX = 1 << 20 };

void case_open(struct decide_case *c)
{
    *c = (struct decide_case){
        .arena = ARENA_INIT,
        .now_ms = START_MS,
        .policy = { .owner = "main",
                    .launch_timeout_ms = 30 * MINUTE,
                    .create_grace_ms = 2 * MINUTE,
                    .poll_ms = 10000,
                    .prune_allowed = true,
                    .clean_listing = true },
        .story = BUF_INIT(CASE_STORY_MAX),
    };
}

void case_close(struct decide_case *c)
{
    buf_release(&c->story);
    arena_release(&c->arena);
}

/* ---- the manifest and the record ---- */

static const char *to_json(struct decide_case *c, const struct value *value)
{
    AUTO_BUF struct buf out = BUF_INIT(JSON_MAX);
    json_write(value, &out);
    return arena_strdup(&c->arena, buf_text(&out));
}

static const struct value *from_json(struct decide_case *c, const char *text)
{
    const struct value *value = NULL;
    struct err err;
    if (!json_read(&c->arena, text, strlen(text), &value, &err)) fail_msg("%s: %s", text, err.text);
    return value;
}

static struct digest manifest_digest(struct decide_case *c)
{
    const struct value *parts[] = { c->manifest.spec, c->manifest.libraries,
                                    c->manifest.permissions };
    struct value_builder list = value_build_list(&c->arena, nowhere);
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        value_push(&list, parts[i] == NULL ? value_null(&c->arena, nowhere) : parts[i]);
    return json_digest(list.value);
}

void case_desire(struct decide_case *c, const char *body)
{
    c->is_desired = body != NULL;
    if (body == NULL) return;
    AUTO(diag_destroy) struct diag *diag = diag_create();
    struct yaml_documents documents;
    struct manifest_parts parts;
    const char *text = arena_printf(&c->arena,
                                    "apiVersion: clusterkeeper/v1\nkind: Cluster\n"
                                    "metadata: {name: etl}\n%s\n",
                                    body);
    bool ok = yaml_read(&c->arena, "etl.yaml", text, strlen(text), diag, &documents) &&
              documents.len == 1 &&
              manifest_read(&c->arena, documents.documents[0], diag, &parts);
    if (ok) manifest_finish(&c->arena, &parts, diag, &c->manifest);
    if (!ok || diag_errors(diag) != 0) {
        AUTO_BUF struct buf out = BUF_INIT(JSON_MAX);
        diag_print(diag, false, &out);
        fail_msg("not a good manifest:\n%s", buf_text(&out));
    }
    c->manifest.digest = manifest_digest(c);
}

const char *case_digest(struct decide_case *c)
{
    char hex[DIGEST_HEX_SIZE];
    digest_hex(&c->manifest.digest, hex);
    return arena_strdup(&c->arena, hex);
}

static const char *maybe_json(struct decide_case *c, const struct value *value)
{
    return value == NULL ? NULL : to_json(c, value);
}

void case_record(struct decide_case *c, const char *id, enum phase phase)
{
    c->is_recorded = true;
    c->record = (struct record){
        .name = "etl",
        .source = "etl.yaml",
        .cluster_id = id,
        .phase = phase,
        .phase_since_ms = c->now_ms,
        .pinned = -1,
        .prune = (int)c->manifest.keep.prune,
        .libraries = maybe_json(c, c->manifest.libraries),
        .permissions = maybe_json(c, c->manifest.permissions),
    };
    record_take_spec(&c->arena, &c->record, to_json(c, c->manifest.spec), case_digest(c));
}

/* ---- the workspace ---- */

struct actor *case_actor(struct decide_case *c, const char *id)
{
    for (size_t i = 0; i < c->actors_len; i++) {
        if (text_equal(c->actors[i].id, id)) return &c->actors[i];
    }
    return NULL;
}

void case_gone(struct decide_case *c, const char *id)
{
    struct actor *actor = case_actor(c, id);
    assert_non_null(actor);
    *actor = c->actors[--c->actors_len];
}

size_t case_live(const struct decide_case *c)
{
    size_t live = 0;
    for (size_t i = 0; i < c->actors_len; i++) {
        if (cluster_is_live(c->actors[i].state)) live++;
    }
    return live;
}

static struct actor *add_actor(struct decide_case *c, const char *id, enum cluster_state state,
                               const struct value *spec)
{
    assert_true(c->actors_len < CASE_CLUSTERS_MAX);
    struct actor *actor = &c->actors[c->actors_len++];
    *actor = (struct actor){
        .id = id, .state = state, .spec = spec, .source = "API", .started_ms = c->now_ms
    };
    return actor;
}

/* The cluster as the workspace answers, read back as the program reads it. */
static void render(struct decide_case *c, struct actor *actor, bool with_spec)
{
    struct value_builder map = value_build_map(&c->arena, nowhere);
    const char *const texts[][2] = {
        { "cluster_id", actor->id },
        { "cluster_source", actor->source },
        { "state", actor->state == CLUSTER_UNKNOWN ? "SHINY" : cluster_state_name(actor->state) },
        { "pinned_by_user_name", actor->pinned ? "7" : NULL },
    };
    for (size_t i = 0; i < actor->spec->len; i++) {
        const struct member *member = &actor->spec->u.members[i];
        value_put_new(&map, member->key, nowhere, member->value);
    }
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (texts[i][1] == NULL) continue;
        value_put(&map, texts[i][0], nowhere, value_text(&c->arena, nowhere, texts[i][1]));
    }
    value_put(&map, "start_time", nowhere, value_int(&c->arena, nowhere, actor->started_ms));
    if (actor->reason != NULL && !cluster_is_live(actor->state)) {
        value_put(&map, "termination_reason", nowhere,
                  from_json(c, arena_printf(&c->arena, "{\"code\":\"%s\"}", actor->reason)));
    }
    if (with_spec) value_put(&map, "spec", nowhere, actor->spec);
    struct err err;
    const char *json = to_json(c, map.value);
    if (!codec_cluster(&c->arena, json, strlen(json), &actor->sighting, &err)) {
        fail_msg("%s: %s", json, err.text);
    }
    actor->sighting.is_fresh = with_spec;
}

struct actor *case_cluster(struct decide_case *c, const char *id, enum cluster_state state,
                           const char *owner, const char *spec)
{
    const struct value *submitted = from_json(c, spec);
    if (owner != NULL) {
        struct manifest named = { .name = "etl", .spec = submitted };
        submitted = tags_add(&c->arena, submitted, owner, &named, "before");
    }
    struct actor *actor = add_actor(c, id, state, submitted);
    render(c, actor, false);
    return actor;
}

void case_list(struct decide_case *c)
{
    for (size_t i = 0; i < c->actors_len; i++) {
        struct actor *actor = &c->actors[i];
        bool is_new = actor->sighting.id == NULL;
        if (!is_new || !c->hidden) render(c, actor, false);
    }
    c->listing_new = true;
    c->gone_id = NULL;
}

static void arrive(struct decide_case *c, struct actor *actor)
{
    static const enum cluster_state next[CLUSTER_STATE_COUNT] = {
        [CLUSTER_PENDING] = CLUSTER_RUNNING,     [CLUSTER_RUNNING] = CLUSTER_RUNNING,
        [CLUSTER_RESTARTING] = CLUSTER_RUNNING,  [CLUSTER_RESIZING] = CLUSTER_RUNNING,
        [CLUSTER_TERMINATING] = CLUSTER_TERMINATED, [CLUSTER_TERMINATED] = CLUSTER_TERMINATED,
        [CLUSTER_UNKNOWN] = CLUSTER_UNKNOWN,     [CLUSTER_ERROR] = CLUSTER_ERROR,
    };
    bool launches = actor->state == CLUSTER_PENDING || actor->state == CLUSTER_RESTARTING;
    const char *image = value_get_text(value_get(actor->spec, "docker_image"), "url");
    if (launches && c->stuck) return;
    if (launches && c->bad_image != NULL && text_equal(image, c->bad_image)) {
        actor->state = CLUSTER_TERMINATED;
        actor->reason = c->bad_reason;
        return;
    }
    actor->state = next[actor->state];
}

void case_pass(struct decide_case *c, int64_t ms)
{
    c->now_ms += ms;
    for (size_t i = 0; i < c->actors_len; i++)
        arrive(c, &c->actors[i]);
    case_list(c);
}

/* ---- calls ---- */

static void need_state(const struct actor *actor, enum step step, enum cluster_state one,
                       enum cluster_state other)
{
    if (actor->state == one || actor->state == other) return;
    fail_msg("%s of %s, which is %s: the workspace refuses it", step_name(step), actor->id,
             cluster_state_name(actor->state));
}

static void put_size(struct decide_case *c, struct actor *actor, const struct value *size)
{
    struct value_builder spec = value_build_map(&c->arena, nowhere);
    for (size_t i = 0; i < actor->spec->len; i++) {
        const struct member *member = &actor->spec->u.members[i];
        bool is_size = text_equal(member->key, "num_workers") || text_equal(member->key, "autoscale");
        if (!is_size) value_put_new(&spec, member->key, nowhere, member->value);
    }
    actor->spec = value_merge(&c->arena, spec.value, size);
}

/* databricks-api.md 3.2: what a call does, and where it is legal. */
static const char *carry_out(struct decide_case *c, const struct decision *d)
{
    if (d->step == STEP_CREATE) {
        const char *id = arena_printf(&c->arena, "c%u", ++c->created);
        (void)add_actor(c, id, CLUSTER_PENDING, d->spec);
        return id;
    }
    if (d->step == STEP_UPLOAD) {
        c->scripts_known[d->script] = true;
        return NULL;
    }
    struct actor *actor = case_actor(c, d->target_id);
    if (actor == NULL) return NULL;
    bool runs = actor->state == CLUSTER_RUNNING;
    switch ((int)d->step) {
    case STEP_EDIT:
        need_state(actor, d->step, CLUSTER_RUNNING, CLUSTER_TERMINATED);
        actor->spec = d->spec;
        if (runs) actor->state = CLUSTER_RESTARTING;
        break;
    case STEP_RESIZE:
        need_state(actor, d->step, CLUSTER_RUNNING, CLUSTER_RUNNING);
        put_size(c, actor, d->spec);
        actor->state = CLUSTER_RESIZING;
        break;
    case STEP_START:
        need_state(actor, d->step, CLUSTER_TERMINATED, CLUSTER_TERMINATED);
        actor->state = CLUSTER_PENDING;
        break;
    case STEP_TERMINATE:
        if (cluster_is_live(actor->state)) {
            actor->state = CLUSTER_TERMINATING;
            actor->reason = "USER_REQUEST";
        }
        break;
    case STEP_DELETE:
        assert_false(actor->pinned);
        case_gone(c, actor->id);
        break;
    case STEP_PIN:
    case STEP_UNPIN:
        actor->pinned = d->step == STEP_PIN;
        break;
    case STEP_PERMIT:
        c->permissions = to_json(c, d->payload);
        break;
    default:
        c->libraries = d->carried;
        break;
    }
    return NULL;
}

static void tell(struct decide_case *c, const struct decision *d, const struct outcome *outcome)
{
    const char *id = outcome->cluster_id != NULL ? outcome->cluster_id : d->target_id;
    buf_addf(&c->story, "%s%s%s", step_name(d->step), id == NULL ? "" : " ", id == NULL ? "" : id);
    if (!outcome->ok) buf_addf(&c->story, " (%s)", err_code_name(outcome->err.code));
    buf_addc(&c->story, '\n');
}

/* The call, its fate, and what is concluded from it; as the driver does it. */
static void call(struct decide_case *c, const struct decision *d)
{
    bool crashes = ++c->calls == c->crash_at;
    bool fails = c->fault.times > 0 && c->fault.step == d->step;
    bool happens = crashes ? c->crash_late : !fails || c->fault.has_effect;
    bool exists = d->target_id == NULL || case_actor(c, d->target_id) != NULL;
    struct outcome outcome = { .step = d->step,
                               .ok = true,
                               .target_id = d->target_id,
                               .carried = d->carried,
                               .was_live = d->current != NULL &&
                                           cluster_is_live(d->current->state) };
    const char *created = happens ? carry_out(c, d) : NULL;
    if (fails) c->fault.times--;
    if (crashes) {
        outcome.ok = err_set(&outcome.err, ERR_CANCELLED, "ended before its answer came");
    } else if (fails) {
        outcome.ok = err_set(&outcome.err, c->fault.code, "refused by the test");
    } else if (!exists) {
        outcome.ok = err_set(&outcome.err, ERR_NOT_FOUND, "does not exist");
    } else {
        outcome.cluster_id = created;
    }
    struct record before = d->record;
    conclude(&c->arena, &before, &outcome, c->now_ms, 1, &c->record);
    if (crashes) {
        /* Being killed is no failure of the cluster's. */
        c->record.failures = before.failures;
        c->record.error = before.error;
        c->record.retry_at_ms = before.retry_at_ms;
        case_list(c);
    }
    c->is_recorded = true;
    tell(c, d, &outcome);
}

/* ---- decisions ---- */

/* A question is answered for the next decision alone. */
static void ask(struct decide_case *c, const char *id)
{
    struct actor *actor = case_actor(c, id);
    c->fresh_id = id;
    c->gone_id = actor == NULL ? id : NULL;
    if (actor != NULL) render(c, actor, true);
}

const struct decision *case_decide(struct decide_case *c)
{
    struct observed clusters[CASE_CLUSTERS_MAX];
    struct seen seen = { .len = 0 };
    for (size_t i = 0; i < c->actors_len; i++) {
        struct actor *actor = &c->actors[i];
        if (actor->sighting.id == NULL) continue;
        clusters[seen.len] = actor->sighting;
        clusters[seen.len++].is_fresh = text_equal(actor->id, c->fresh_id);
    }
    seen.clusters = arena_alloc(&c->arena, sizeof(clusters));
    memcpy((void *)(uintptr_t)seen.clusters, clusters, sizeof(clusters[0]) * seen.len);
    if (c->gone_id != NULL) seen.gone_ids[seen.gone_len++] = c->gone_id;
    struct inputs in = {
        .name = "etl",
        .desired = c->is_desired ? &c->manifest : NULL,
        .record = c->is_recorded ? &c->record : NULL,
        .applied = c->is_recorded && c->record.applied_spec != NULL
                       ? from_json(c, c->record.applied_spec)
                       : NULL,
        .seen = &seen,
        .policy = &c->policy,
        .scripts_known = c->scripts_known,
        .listing_new = c->listing_new,
        .now_ms = c->now_ms,
        .operation = arena_printf(&c->arena, "op%d", c->calls + 1),
        .jitter = 12345,
    };
    c->decision = (struct decision){ 0 };
    decide(&c->arena, &in, &c->decision);
    return &c->decision;
}

static void keep_record(struct decide_case *c)
{
    const struct decision *d = &c->decision;
    if (d->record_dropped) {
        c->is_recorded = false;
    } else if (d->record_changed) {
        c->record = d->record;
        c->is_recorded = true;
    }
    c->listing_new = false;
}

const struct decision *case_turn(struct decide_case *c)
{
    for (int steps = 0; steps < TURN_STEPS_MAX; steps++) {
        const struct decision *d = case_decide(c);
        keep_record(c);
        c->fresh_id = c->gone_id = NULL;
        if (d->step == STEP_NONE) return d;
        if (d->step == STEP_LOOK) {
            ask(c, d->target_id);
            continue;
        }
        call(c, d);
        if (c->record.cluster_id != NULL) ask(c, c->record.cluster_id);
    }
    fail_msg("it goes round in circles:\n%s", buf_text(&c->story));
    return NULL;
}

const struct decision *case_run(struct decide_case *c)
{
    for (int turns = 0; turns < CASE_TURNS_MAX; turns++) {
        const struct decision *d = case_turn(c);
        assert_true(case_live(c) <= 1);
        if (d->hold != HOLD_WAIT && d->hold != HOLD_BACKOFF) return d;
        assert_true(d->wake_at_ms > c->now_ms);
        case_pass(c, d->wake_at_ms - c->now_ms);
    }
    fail_msg("it does not come to rest:\n%s", buf_text(&c->story));
    return NULL;
}

const char *case_story(struct decide_case *c)
{
    const char *story = arena_strdup(&c->arena, buf_text(&c->story));
    buf_clear(&c->story);
    return story;
}

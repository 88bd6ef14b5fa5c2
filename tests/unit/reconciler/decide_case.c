#include "decide_case.h"
#include "decide_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json.h"
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
        .jitter = 12345,
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

const char *case_json(struct decide_case *c, const struct value *value)
{
    AUTO_BUF struct buf out = BUF_INIT(JSON_MAX);
    json_write(value, &out);
    return arena_strdup(&c->arena, buf_text(&out));
}

const struct value *case_value(struct decide_case *c, const char *text)
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
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        value_push(&list, parts[i] == NULL ? value_null(&c->arena, nowhere) : parts[i]);
    }
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
              documents.len == 1 && manifest_read(&c->arena, documents.documents[0], diag, &parts);
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
    return value == NULL ? NULL : case_json(c, value);
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
    record_take_spec(&c->arena, &c->record, case_json(c, c->manifest.spec), case_digest(c));
}

/* ---- calls ---- */

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
                               .was_live =
                                   d->current != NULL && cluster_is_live(d->current->state) };
    const char *created = happens ? case_carry_out(c, d) : NULL;
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
    /* No larger than it has to be, so that a look beyond it shows. */
    seen.clusters = arena_alloc(&c->arena, sizeof(clusters[0]) * seen.len);
    memcpy((void *)(uintptr_t)seen.clusters, clusters, sizeof(clusters[0]) * seen.len);
    if (c->gone_id != NULL) seen.gone_ids[seen.gone_len++] = c->gone_id;
    for (size_t i = 0; i < COUNT_OF(c->also_gone) && c->also_gone[i] != NULL; i++) {
        seen.gone_ids[seen.gone_len++] = c->also_gone[i];
    }
    struct inputs in = {
        .name = "etl",
        .desired = c->is_desired ? &c->manifest : NULL,
        .record = c->is_recorded ? &c->record : NULL,
        .applied = c->is_recorded && c->record.applied_spec != NULL
                       ? case_value(c, c->record.applied_spec)
                       : NULL,
        .seen = &seen,
        .policy = &c->policy,
        .image = c->registry.verdict == IMAGE_UNASKED ? NULL : &c->image,
        .scripts_known = c->scripts_known,
        .listing_new = c->listing_new,
        .now_ms = c->now_ms,
        .operation = arena_printf(&c->arena, "op%d", c->calls + 1),
        .jitter = c->jitter,
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
            case_ask(c, d->target_id);
            continue;
        }
        if (d->step == STEP_CHECK) {
            c->image = c->registry;
            c->checks++;
            continue;
        }
        call(c, d);
        if (c->record.cluster_id != NULL) case_ask(c, c->record.cluster_id);
    }
    fail_msg("it goes round in circles:\n%s", buf_text(&c->story));
    return NULL;
}

const struct decision *case_run(struct decide_case *c)
{
    for (int turns = 0; turns < CASE_TURNS_MAX; turns++) {
        const struct decision *d = case_turn(c);
        bool overlaps = c->manifest.keep.strategy == STRATEGY_BLUE_GREEN;
        assert_true(case_live(c) <= (overlaps ? 2 : 1));
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

/* ---- stories ---- */

void case_open_with(struct decide_case *c, enum cluster_state state, const char *more)
{
    case_open(c);
    case_desire(c, arena_printf(&c->arena, "%s%s", WANTS(V1, "2", ""), more));
    (void)case_cluster(c, "a", state, "main", HAS(V1, "2"));
    case_record(c, "a", PHASE_READY);
    assert_int_equal(case_run(c)->hold, HOLD_NONE);
    assert_string_equal(case_story(c), "");
}

void case_assert_settled(struct decide_case *c, const char *id, const char *image)
{
    c->fresh_id = id;
    const struct decision *d = case_decide(c);
    assert_int_equal(d->step, STEP_NONE);
    assert_int_equal(d->hold, HOLD_NONE);
    assert_false(d->record_changed);
    assert_int_equal(c->record.phase, PHASE_READY);
    assert_string_equal(c->record.cluster_id, id);
    assert_string_equal(c->record.image, image);
    assert_string_equal(c->record.applied_digest, case_digest(c));
    assert_null(c->record.predecessor_id);
    assert_null(c->record.error);
    assert_null(c->record.pending_spec);
    assert_int_equal(c->record.failures, 0);
}

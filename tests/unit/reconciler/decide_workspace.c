#include "decide_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "databricks/codec.h"
#include "text.h"

static const struct pos nowhere;

struct actor *case_actor(struct decide_case *c, const char *id)
{
    for (size_t i = 0; i < c->actors_len; i++) {
        struct actor *actor = &c->actors[i];
        if (!actor->is_gone && text_equal(actor->id, id)) return actor;
    }
    return NULL;
}

void case_gone(struct decide_case *c, const char *id)
{
    struct actor *actor = case_actor(c, id);
    assert_non_null(actor);
    actor->is_gone = true;
}

size_t case_live(const struct decide_case *c)
{
    size_t live = 0;
    for (size_t i = 0; i < c->actors_len; i++) {
        if (!c->actors[i].is_gone && cluster_is_live(c->actors[i].state)) live++;
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
    const struct value *effective = actor->spec;
    if (c->rewrites != NULL) {
        effective = value_merge(&c->arena, effective, case_value(c, c->rewrites));
    }
    for (size_t i = 0; i < effective->len; i++) {
        const struct member *member = &effective->u.members[i];
        value_put_new(&map, member->key, nowhere, member->value);
    }
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (texts[i][1] == NULL) continue;
        value_put(&map, texts[i][0], nowhere, value_text(&c->arena, nowhere, texts[i][1]));
    }
    value_put(&map, "start_time", nowhere, value_int(&c->arena, nowhere, actor->started_ms));
    if (actor->reason != NULL && !cluster_is_live(actor->state)) {
        value_put(&map, "termination_reason", nowhere,
                  case_value(c, arena_printf(&c->arena, "{\"code\":\"%s\"}", actor->reason)));
    }
    if (with_spec && !c->terse) value_put(&map, "spec", nowhere, actor->spec);
    struct err err;
    const char *json = case_json(c, map.value);
    if (!codec_cluster(&c->arena, json, strlen(json), &actor->sighting, &err)) {
        fail_msg("%s: %s", json, err.text);
    }
    actor->sighting.is_fresh = with_spec;
}

struct actor *case_cluster(struct decide_case *c, const char *id, enum cluster_state state,
                           const char *owner, const char *spec)
{
    const struct value *submitted = case_value(c, spec);
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
        if (actor->is_gone) {
            actor->sighting.id = NULL;
        } else if (!is_new || !c->hidden) {
            render(c, actor, false);
        }
    }
    c->listing_new = true;
    c->gone_id = NULL;
}

static void arrive(struct decide_case *c, struct actor *actor)
{
    static const enum cluster_state next[CLUSTER_STATE_COUNT] = {
        [CLUSTER_PENDING] = CLUSTER_RUNNING,        [CLUSTER_RUNNING] = CLUSTER_RUNNING,
        [CLUSTER_RESTARTING] = CLUSTER_RUNNING,     [CLUSTER_RESIZING] = CLUSTER_RUNNING,
        [CLUSTER_TERMINATING] = CLUSTER_TERMINATED, [CLUSTER_TERMINATED] = CLUSTER_TERMINATED,
        [CLUSTER_UNKNOWN] = CLUSTER_UNKNOWN,        [CLUSTER_ERROR] = CLUSTER_ERROR,
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
    for (size_t i = 0; i < c->actors_len; i++) {
        arrive(c, &c->actors[i]);
    }
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
        bool is_size =
            text_equal(member->key, "num_workers") || text_equal(member->key, "autoscale");
        if (!is_size) value_put_new(&spec, member->key, nowhere, member->value);
    }
    actor->spec = value_merge(&c->arena, spec.value, size);
}

/* databricks-api.md 3.2: what a call does, and where it is legal. */
const char *case_carry_out(struct decide_case *c, const struct decision *d)
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
        c->permissions = case_json(c, d->payload);
        break;
    default:
        c->libraries = d->carried;
        break;
    }
    return NULL;
}

/* A question is answered for the next decision alone. */
void case_ask(struct decide_case *c, const char *id)
{
    struct actor *actor = case_actor(c, id);
    c->fresh_id = id;
    c->gone_id = actor == NULL ? id : NULL;
    if (actor != NULL) {
        render(c, actor, true);
        return;
    }
    for (size_t i = 0; i < c->actors_len; i++) {
        if (text_equal(c->actors[i].id, id)) c->actors[i].sighting.id = NULL;
    }
}

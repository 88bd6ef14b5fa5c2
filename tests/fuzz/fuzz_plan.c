/*
 * Plans: the bytes draw a fleet (world.h). Each cluster is decided upon, its questions answered
 * and its steps concluded; the first decisions make a plan, which is written as text and as JSON.
 *
 * What judge.h says holds at each decision. A plan is JSON that can be read, shows no secret and
 * nothing that a terminal would obey, and is the same when it is made again.
 */
#include "fuzz.h"

#include "json.h"
#include "judge.h"
#include "plan.h"
#include "world.h"

enum { PLAN_MAX = 8 << 20, QUESTIONS_MAX = 32, STEPS_MAX = 4 };

static const char *const operations[STEPS_MAX] = {
    "00000000000000000000",
    "11111111111111111111",
    "22222222222222222222",
    "33333333333333333333",
};

/* ---- one cluster ---- */

/* Decides, and asks what has to be asked first. */
static void decide_asking(struct world *world, struct inputs *in, struct seen *seen,
                          struct decision *ret_decision)
{
    for (int questions = 0; questions < QUESTIONS_MAX; questions++) {
        decide(world->arena, in, ret_decision);
        judge_decision(in, ret_decision);
        judge_again(world->arena, in, ret_decision);
        if (ret_decision->step != STEP_LOOK) return;
        if (!world_answer(world, ret_decision->target_id, seen)) return;
    }
    fuzz_fail("asked %d times", QUESTIONS_MAX);
}

/* How the step ended: well, or in one of the ways in which calls fail. */
static struct outcome draw_outcome(struct world *world, const struct decision *d)
{
    static const enum err_code failures[] = { ERR_REFUSED, ERR_TIMEOUT, ERR_THROTTLED,
                                              ERR_QUOTA,   ERR_SERVER,  ERR_REJECTED,
                                              ERR_STATE,   ERR_DENIED,  ERR_NOT_FOUND };
    struct outcome outcome = {
        .step = d->step,
        .ok = choose(&world->choices, 2) == 0,
        .target_id = d->target_id,
        .carried = d->carried,
        .was_live = d->current != NULL && cluster_is_live(d->current->state),
    };
    if (outcome.ok && d->step == STEP_CREATE) outcome.cluster_id = "1125-new";
    if (!outcome.ok) {
        enum err_code code = failures[choose(&world->choices, COUNT_OF(failures))];
        (void)err_set(&outcome.err, code, "clusters/edit: no");
    }
    return outcome;
}

/* The first decision is what a plan shows; the rest is how a run goes on. */
static void run_one(struct world *world, struct kept *kept, struct plan *plan)
{
    struct record record = kept->record;
    struct seen seen;
    struct inputs in = {
        .name = kept->name,
        .desired = kept->is_desired ? &kept->manifest : NULL,
        .record = kept->is_recorded ? &record : NULL,
        .applied = kept->applied,
        .seen = &seen,
        .policy = &world->policy,
        .scripts_known = kept->scripts_known,
        .listing_new = kept->listing_new,
        .now_ms = world->now_ms,
    };
    for (int step = 0; step < STEPS_MAX; step++) {
        struct decision d;
        in.operation = operations[step];
        in.jitter = choose(&world->choices, 256);
        world_see(world, kept, &seen);
        decide_asking(world, &in, &seen, &d);
        if (step == 0) plan_add(plan, kept->name, in.desired, &d);
        if (d.step == STEP_NONE || d.step == STEP_LOOK) return;
        struct outcome outcome = draw_outcome(world, &d);
        conclude(world->arena, &d.record, &outcome, world->now_ms, in.jitter, &record);
        judge_record(world->arena, &record);
        in.record = &record;
        in.applied = NULL;
        in.listing_new = false;
        struct err err;
        const char *json = record.applied_spec;
        if (json != NULL && !json_read(world->arena, json, strlen(json), &in.applied, &err)) {
            fuzz_fail("no JSON: %s", json);
        }
        if (outcome.ok && d.step == STEP_CREATE) return; /* the world does not have it */
    }
}

/* ---- the plan ---- */

static void make_plan(const uint8_t *data, size_t size, struct buf *text, struct buf *json)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct world world;
    struct plan_style style = { .offline = size > 0 && data[0] > 127 };
    world_make(&world, &arena, (struct choices){ data, size });
    struct plan plan = { .arena = &arena, .observed_at_ms = world.now_ms };
    for (size_t i = 0; i < world.kept_len; i++) {
        run_one(&world, &world.kept[i], &plan);
    }
    plan_sort(&plan);
    plan_write_text(&plan, &style, text);
    plan_write_json(&plan, json);
    FUZZ_EXPECT(plan.len + plan.unchanged == world.kept_len, "%zu of %zu clusters in the plan",
                plan.len + plan.unchanged, world.kept_len);
}

static void expect_json(const struct buf *json, const char *text)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *plan = NULL;
    struct err err;
    FUZZ_EXPECT(!json->overflowed, "more than %d bytes", PLAN_MAX);
    if (!json_read(&arena, buf_text(json), json->len, &plan, &err)) {
        fuzz_fail("plan.json: %s:\n%s\n%s", err.text, buf_text(json), text);
    }
    const struct value *clusters = value_get(plan, "clusters");
    FUZZ_EXPECT(clusters != NULL && clusters->kind == VALUE_LIST, "no clusters in the plan");
    FUZZ_EXPECT(value_get(plan, "summary") != NULL, "no summary in the plan");
}

static void expect_harmless(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        FUZZ_EXPECT(c == '\n' || (c >= 0x20 && c != 0x7F), "the byte %02x in the plan:\n%s", c,
                    text);
    }
    FUZZ_EXPECT(strstr(text, "\u202E") == NULL, "the plan turns the writing:\n%s", text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf text = BUF_INIT(PLAN_MAX);
    AUTO_BUF struct buf json = BUF_INIT(PLAN_MAX);
    AUTO_BUF struct buf text_again = BUF_INIT(PLAN_MAX);
    AUTO_BUF struct buf json_again = BUF_INIT(PLAN_MAX);
    make_plan(data, size, &text, &json);
    make_plan(data, size, &text_again, &json_again);
    FUZZ_EXPECT(strcmp(buf_text(&text), buf_text(&text_again)) == 0, "two plans:\n%s\n%s",
                buf_text(&text), buf_text(&text_again));
    FUZZ_EXPECT(strcmp(buf_text(&json), buf_text(&json_again)) == 0, "two plans:\n%s\n%s",
                buf_text(&json), buf_text(&json_again));
    expect_json(&json, buf_text(&text));
    expect_harmless(buf_text(&text));
    for (size_t i = 0; i < world_secrets_len; i++) {
        FUZZ_EXPECT(strstr(buf_text(&text), world_secrets[i]) == NULL, "a secret in the plan:\n%s",
                    buf_text(&text));
        FUZZ_EXPECT(strstr(buf_text(&json), world_secrets[i]) == NULL, "a secret in the plan:\n%s",
                    buf_text(&json));
    }
    return 0;
}

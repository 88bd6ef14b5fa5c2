/* A plan for people, detail by detail: signs, words, colours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan_fixture.h"
#include "text.h"

#define RED     "\033[31m"
#define GREEN   "\033[32m"
#define YELLOW  "\033[33m"
#define MAGENTA "\033[35m"
#define CYAN    "\033[36m"
#define BOLD    "\033[1m"
#define DIM     "\033[2m"
#define PLAIN   "\033[0m"

static void test_actions(void **state)
{
    (void)state;
    static const struct {
        enum action action;
        const char *sign, *word, *counted; /* the sign with its colour */
    } rows[] = {
        { ACTION_CREATE, "  " GREEN "+", "create", "to create" },
        { ACTION_REPLACE, MAGENTA "-/+", "replace", "to replace" },
        { ACTION_EDIT, "  " YELLOW "~", "edit", "to edit" },
        { ACTION_RESIZE, "  " YELLOW "~", "resize", "to resize" },
        { ACTION_START, "  " GREEN ">", "start", "to start" },
        { ACTION_STOP, "  " RED "-", "stop", "to stop" },
        { ACTION_ADOPT, "  " CYAN "=", "adopt", "to adopt" },
        { ACTION_RECORD, "  " CYAN "=", "record", "to record" },
        { ACTION_SETTLE, "  " YELLOW "~", "settle", "to settle" },
        { ACTION_PRUNE, "  " RED "-", "prune", "to prune" },
        { ACTION_DEDUPE, "  " RED "-", "dedupe", "to deduplicate" },
        { ACTION_ROLLBACK, "  " MAGENTA "<", "rollback", "to roll back" },
    };
    assert_int_equal(COUNT_OF(rows), ACTION_COUNT - 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture;
        fixture_open(&fixture);
        struct arena *arena = &fixture.scene.arena;
        struct decision decision = { .action = rows[i].action, .cost = COST_STOP, .why = "w" };
        fixture_add(&fixture, "a", decision, NULL, NULL, NULL);
        decision.hold = HOLD_UNREADABLE;
        fixture_add(&fixture, "b", decision, NULL, NULL, NULL);
        assert_string_equal(
            fixture_text(&fixture, true, false),
            arena_printf(arena,
                         "%s" PLAIN " %-10s " BOLD "a" PLAIN ": w (stops now)\n"
                         "  " YELLOW "!" PLAIN " unreadable " BOLD "b" PLAIN ": %s: w\n\n" BOLD
                         "Plan:" PLAIN " 1 %s; 0 unchanged, 1 blocked.\n",
                         rows[i].sign, rows[i].word, rows[i].counted, rows[i].counted));
        fixture_close(&fixture);
    }
}

static void test_costs(void **state)
{
    (void)state;
    static const struct {
        enum action action;
        enum cost cost;
        const char *text;
    } rows[] = {
        { ACTION_SETTLE, COST_NONE, "  ~ settle a: w (no effect on what runs)\n" },
        { ACTION_START, COST_NONE, "  > start a: w\n" }, /* it is its effect */
        { ACTION_START, COST_STOP, "  > start a: w (stops now)\n" },
        { ACTION_EDIT, COST_RESIZE, "  ~ edit a: w (resized without restart)\n" },
        { ACTION_EDIT, COST_NEXT_START, "  ~ edit a: w (applies at its next start)\n" },
        { ACTION_EDIT, COST_RESTART, "  ~ edit a: w (restarts now)\n" },
        { ACTION_EDIT, COST_NEW, "  ~ edit a: w (new cluster, new ID)\n" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture;
        fixture_open(&fixture);
        fixture_add(&fixture, "a",
                    (struct decision){ .action = rows[i].action, .cost = rows[i].cost, .why = "w" },
                    NULL, NULL, NULL);
        assert_true(text_starts(fixture_text(&fixture, false, false), rows[i].text));
        fixture_close(&fixture);
    }
}

static void test_outlooks(void **state)
{
    (void)state;
    static const struct {
        enum hold hold;
        int64_t wake_at_ms;
        const char *text;
    } rows[] = {
        { HOLD_WAIT, 1800000000000,
          "  ! wait a: w\n\nPlan: nothing to do now; 0 unchanged, 1 "
          "waiting.\n" },
        { HOLD_BACKOFF, 1800000000000,
          "  ! backoff a: w; tried again at 2027-01-15T08:00:00Z\n\nPlan: nothing to do now; 0 "
          "unchanged, 1 waiting.\n" },
        { HOLD_BACKOFF, 0,
          "  ! backoff a: w\n\nPlan: nothing to do now; 0 unchanged, 1 "
          "waiting.\n" },
        { HOLD_FAILED, 5,
          "  ! failed a: w; not tried again until the manifest changes\n\nPlan: "
          "nothing to do now; 0 unchanged, 1 blocked.\n" },
        { HOLD_ROLLED_BACK, 0,
          "  ! rolled-back a: w\n\nPlan: nothing to do now; 0 unchanged, 1 "
          "blocked.\n" },
        { HOLD_BLOCKED, 0,
          "  ! blocked a: w\n\nPlan: nothing to do now; 0 unchanged, 1 "
          "blocked.\n" },
        { HOLD_SUSPENDED, 0,
          "  ! suspended a: w\n\nPlan: nothing to do now; 0 unchanged, 1 "
          "blocked.\n" },
        { HOLD_DRIFT, 0,
          "  ! drift a: w; left as it is: keep.drift is report\n\nPlan: nothing "
          "to do now; 0 unchanged, 1 blocked.\n" },
        { HOLD_UNREADABLE, 0,
          "  ! unreadable a: w\n\nPlan: nothing to do now; 0 unchanged, 1 "
          "blocked.\n" },
        { HOLD_FOREIGN, 0,
          "  ! foreign a: w\n\nPlan: nothing to do now; 0 unchanged, 1 "
          "blocked.\n" },
        { HOLD_UNCLAIMED, 0,
          "  ! unclaimed a: w\n\nPlan: nothing to do now; 0 unchanged, 1 "
          "blocked.\n" },
    };
    assert_int_equal(COUNT_OF(rows), HOLD_COUNT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture;
        fixture_open(&fixture);
        fixture_add(
            &fixture, "a",
            (struct decision){ .hold = rows[i].hold, .wake_at_ms = rows[i].wake_at_ms, .why = "w" },
            NULL, NULL, NULL);
        assert_string_equal(fixture_text(&fixture, false, false), rows[i].text);
        fixture_close(&fixture);
    }
}

/* Drift that is only reported does not hold what else there is; nor does it hide it. */
static void test_drift_beside_an_action(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    fixture_add(&fixture, "a",
                (struct decision){ .action = ACTION_START, .hold = HOLD_DRIFT, .why = "w" },
                "num_workers: 8", "{\"num_workers\":8}", "{\"num_workers\":7}");
    assert_string_equal(fixture_text(&fixture, true, false),
                        "  " GREEN ">" PLAIN " start " BOLD "a" PLAIN
                        ": w; left as it is: keep.drift is report\n"
                        "        num_workers: 7 -> 8 " YELLOW "(drift)" PLAIN "\n\n" BOLD
                        "Plan:" PLAIN " 1 to start; 0 unchanged.\n");
    fixture_close(&fixture);
}

/* What is held shows what differs, and not what a new cluster would be. */
static void test_held(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    fixture_add(&fixture, "a",
                (struct decision){ .action = ACTION_CREATE, .hold = HOLD_FAILED, .why = "w" },
                "num_workers: 8", NULL, NULL);
    fixture_add(&fixture, "bcd",
                (struct decision){ .action = ACTION_RESIZE, .hold = HOLD_WAIT, .why = "w" },
                "num_workers: 8", "{\"num_workers\":7}", "{\"num_workers\":7}");
    assert_string_equal(fixture_text(&fixture, false, false),
                        "  ! failed a: to create: w; not tried again until the manifest changes\n"
                        "  ! wait   bcd: to resize: w\n"
                        "        num_workers: 7 -> 8\n\n"
                        "Plan: nothing to do now; 0 unchanged, 1 blocked, 1 waiting.\n");
    fixture_close(&fixture);
}

/* What a new cluster is asked to be is shown, whether it comes in the place of another or not. */
static void test_new(void **state)
{
    (void)state;
    static const struct {
        enum action action;
        bool is_shown;
    } rows[] = { { ACTION_CREATE, true }, { ACTION_REPLACE, true }, { ACTION_EDIT, false } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture;
        fixture_open(&fixture);
        fixture_add(&fixture, "a", (struct decision){ .action = rows[i].action, .why = "w" },
                    "num_workers: 8", NULL, NULL);
        const char *text = fixture_text(&fixture, false, false);
        assert_int_equal(strstr(text, "        num_workers: 8\n") != NULL, rows[i].is_shown);
        fixture_close(&fixture);
    }
}

/* Of one cloud, and not of the others, whose attributes have the same names. */
static void test_new_in_a_cloud(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    fixture_add(&fixture, "a", (struct decision){ .action = ACTION_CREATE, .why = "w" },
                "aws_attributes: {availability: SPOT, zone_id: auto}", NULL, NULL);
    assert_string_equal(fixture_text(&fixture, false, false),
                        "  + create a: w (no effect on what runs)\n"
                        "        aws_attributes.availability: \"SPOT\"\n"
                        "        aws_attributes.zone_id: \"auto\"\n\n"
                        "Plan: 1 to create; 0 unchanged.\n");
    const char *spec = scene_json(&fixture.scene, fixture.plan.items[0].spec);
    assert_string_equal(spec,
                        "{\"aws_attributes\":{\"availability\":\"SPOT\",\"zone_id\":\"auto\"}}");
    fixture_close(&fixture);
}

/* Differences by themselves: what is added, and what only a question would tell. */
static void test_differences(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    fixture_add(&fixture, "a", (struct decision){ .action = ACTION_SETTLE, .why = "w" },
                "{policy_id: q, aws_attributes: {zone_id: auto}}", NULL,
                "{\"aws_attributes\":{\"zone_id\":\"us-1a\"}}");
    assert_string_equal(fixture_text(&fixture, false, false),
                        "  ~ settle a: w (no effect on what runs)\n"
                        "        policy_id: (not set) -> \"q\"\n"
                        "        aws_attributes.zone_id: \"us-1a\" -> \"auto\" (or what the "
                        "workspace made of it)\n\n"
                        "Plan: 1 to settle; 0 unchanged.\n");
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_actions),        cmocka_unit_test(test_costs),
        cmocka_unit_test(test_outlooks),       cmocka_unit_test(test_drift_beside_an_action),
        cmocka_unit_test(test_held),           cmocka_unit_test(test_new),
        cmocka_unit_test(test_new_in_a_cloud), cmocka_unit_test(test_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

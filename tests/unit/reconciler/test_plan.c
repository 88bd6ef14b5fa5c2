#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan_fixture.h"

#define AUTH(user, password)                                           \
    "{\"docker_image\":{\"url\":\"i:1\",\"basic_auth\":{\"username\":" \
    "{\"$secret\":\"" user "\"},\"password\":{\"$secret\":\"" password "\"}}}}"

static void promise_7_no_secret_is_in_a_plan(void **state)
{
    (void)state;
    static const char shown[] = "{\"docker_image\":{\"url\":\"i:1\",\"basic_auth\":{"
                                "\"username\":\"hunter\",\"password\":\"hunter\"}}}";
    struct fixture fixture;
    fixture_open(&fixture);
    struct decision decision = { .action = ACTION_EDIT, .cost = COST_RESTART, .why = "w" };
    fixture_add(&fixture, "a", decision, AUTH("hunter1", "hunter2"), AUTH("hunter1", "hunter3"),
                shown);
    fixture_add(&fixture, "b", decision, AUTH("hunter1", "hunter2"), "{}", shown);
    fixture_add(&fixture, "c", decision, "docker_image: {url: \"i:1\"}", AUTH("hunter1", "hunter3"),
                shown);
    decision.action = ACTION_CREATE;
    fixture_add(&fixture, "d", decision, AUTH("hunter1", "hunter2"), NULL, NULL);
    /* The user name of a pair may be written out, and is a secret all the same. */
    fixture_add(
        &fixture, "e", decision,
        "docker_image: {url: \"i:1\", basic_auth: {username: hunter, password: {fromEnv: P}}}",
        NULL, NULL);
    /* Clear text where a secret belongs, and a secret where none does. */
    fixture_add(&fixture, "f", (struct decision){ .action = ACTION_EDIT, .why = "w" },
                AUTH("hunter1", "hunter2"), shown, shown);
    fixture_add(&fixture, "g", (struct decision){ .action = ACTION_EDIT, .why = "w" },
                "{\"init_scripts\":[{\"file\":{\"destination\":{\"$secret\":\"hunter\"}}}]}", NULL,
                "{}");
    /* Clear text in a spec that is shown as a whole. */
    fixture_add(&fixture, "h", decision,
                "{\"docker_image\":{\"url\":\"i:1\",\"basic_auth\":{\"username\":\"hunter\","
                "\"password\":{\"$secret\":\"hunter1\"}}}}",
                NULL, NULL);
    const char *text = fixture_text(&fixture, false, false);
    const char *json = fixture_json(&fixture);
    assert_null(strstr(text, "hunter"));
    assert_null(strstr(json, "hunter"));
    assert_null(strstr(json, "$secret"));
    assert_non_null(strstr(text, "docker_image.basic_auth.password: (secret) changed\n"));
    assert_non_null(strstr(text, "docker_image.basic_auth.username: (secret) added\n"));
    assert_non_null(strstr(text, "docker_image.basic_auth.username: (secret) removed\n"));
    assert_non_null(strstr(text, "docker_image.basic_auth.username: (secret)\n"));
    fixture_close(&fixture);
}

static const char json_of_two[] = "{\n"
                                  "  \"clusters\": [\n"
                                  "    {\n"
                                  "      \"action\": \"edit\",\n"
                                  "      \"caution\": null,\n"
                                  "      \"cluster_id\": \"0930-084612-uurhdujo\",\n"
                                  "      \"cost\": \"next-start\",\n"
                                  "      \"differences\": [\n"
                                  "        {\n"
                                  "          \"after\": 2,\n"
                                  "          \"before\": 1,\n"
                                  "          \"cause\": \"drift\",\n"
                                  "          \"change\": \"resize\",\n"
                                  "          \"path\": \"num_workers\",\n"
                                  "          \"secret\": false\n"
                                  "        },\n"
                                  "        {\n"
                                  "          \"after\": \"q\",\n"
                                  "          \"before\": \"p\",\n"
                                  "          \"cause\": \"manifest\",\n"
                                  "          \"change\": \"edit\",\n"
                                  "          \"path\": \"policy_id\",\n"
                                  "          \"secret\": false\n"
                                  "        }\n"
                                  "      ],\n"
                                  "      \"hold\": null,\n"
                                  "      \"line\": 4,\n"
                                  "      \"name\": \"a\",\n"
                                  "      \"source\": \"etl.yaml\",\n"
                                  "      \"spec\": null,\n"
                                  "      \"wake_at\": null,\n"
                                  "      \"why\": \"policy_id changed\"\n"
                                  "    },\n"
                                  "    {\n"
                                  "      \"action\": \"none\",\n"
                                  "      \"caution\": null,\n"
                                  "      \"cluster_id\": null,\n"
                                  "      \"cost\": \"none\",\n"
                                  "      \"differences\": [],\n"
                                  "      \"hold\": \"backoff\",\n"
                                  "      \"line\": null,\n"
                                  "      \"name\": \"b\",\n"
                                  "      \"source\": null,\n"
                                  "      \"spec\": null,\n"
                                  "      \"wake_at\": \"2027-01-15T08:01:00Z\",\n"
                                  "      \"why\": \"full\"\n"
                                  "    }\n"
                                  "  ],\n"
                                  "  \"format_version\": 1,\n"
                                  "  \"observed_at\": \"2027-01-15T08:00:00Z\",\n"
                                  "  \"summary\": {\n"
                                  "    \"adopt\": 0,\n"
                                  "    \"blocked\": 0,\n"
                                  "    \"create\": 0,\n"
                                  "    \"dedupe\": 0,\n"
                                  "    \"edit\": 1,\n"
                                  "    \"has_changes\": true,\n"
                                  "    \"prune\": 0,\n"
                                  "    \"record\": 0,\n"
                                  "    \"replace\": 0,\n"
                                  "    \"resize\": 0,\n"
                                  "    \"rollback\": 0,\n"
                                  "    \"settle\": 0,\n"
                                  "    \"start\": 0,\n"
                                  "    \"stop\": 0,\n"
                                  "    \"unchanged\": 3,\n"
                                  "    \"waiting\": 1\n"
                                  "  }\n"
                                  "}\n";

static void test_a_plan_for_programs(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    fixture.plan.unchanged = 3;
    fixture.plan.observed_at_ms = 1800000000000;
    fixture_add(
        &fixture, "b",
        (struct decision){ .hold = HOLD_BACKOFF, .wake_at_ms = 1800000060000, .why = "full" }, NULL,
        NULL, NULL);
    fixture_add(&fixture, "a",
                (struct decision){
                    .action = ACTION_EDIT, .cost = COST_NEXT_START, .why = "policy_id changed" },
                "{policy_id: q, num_workers: 2}", "{\"policy_id\":\"p\",\"num_workers\":2}",
                "{\"policy_id\":\"p\",\"num_workers\":1}");
    assert_string_equal(fixture_json(&fixture), json_of_two);
    fixture_close(&fixture);
}

/* The cluster that goes is named, not the one that stays. */
static void test_which_cluster_it_is_about(void **state)
{
    (void)state;
    static const struct {
        const char *target, *recorded;
        const char *want;
        enum action action;
        bool has_current;
    } rows[] = {
        { "twin", "id", "twin", ACTION_DEDUPE, true },
        { "old", NULL, "old", ACTION_PRUNE, false },
        { NULL, "id", "id", ACTION_PRUNE, false },
        { "predecessor", "id", "0930-084612-uurhdujo", ACTION_SETTLE, true },
        { NULL, NULL, NULL, ACTION_CREATE, false },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture;
        fixture_open(&fixture);
        struct decision decision = { .action = rows[i].action,
                                     .target_id = rows[i].target,
                                     .record.cluster_id = rows[i].recorded,
                                     .why = "w" };
        fixture_add(&fixture, "a", decision, NULL, NULL, rows[i].has_current ? "{}" : NULL);
        const char *id = fixture.plan.items[0].cluster_id;
        if (rows[i].want == NULL) {
            assert_null(id);
        } else {
            assert_string_equal(id, rows[i].want);
        }
        fixture_close(&fixture);
    }
}

/* What is kept of a difference outlives the manifest that it came from. */
static void test_a_difference_keeps_its_place(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    fixture_add(&fixture, "a", (struct decision){ .action = ACTION_EDIT, .why = "w" },
                "policy_id: q", NULL, "{}");
    const struct plan_item *item = &fixture.plan.items[0];
    assert_int_equal(item->differences_len, 1);
    assert_string_equal(item->differences[0].pos.file, "m");
    assert_int_equal(item->differences[0].pos.line, 1);
    fixture_close(&fixture);
}

static void test_what_counts_as_a_change(void **state)
{
    (void)state;
    static const struct {
        enum action action;
        enum hold hold;
        bool has_changes;
    } rows[] = {
        { ACTION_NONE, HOLD_NONE, false },       { ACTION_EDIT, HOLD_NONE, true },
        { ACTION_NONE, HOLD_WAIT, true },        { ACTION_NONE, HOLD_BACKOFF, true },
        { ACTION_NONE, HOLD_FAILED, true },      { ACTION_CREATE, HOLD_FAILED, true },
        { ACTION_NONE, HOLD_ROLLED_BACK, true }, { ACTION_REPLACE, HOLD_BLOCKED, true },
        { ACTION_NONE, HOLD_SUSPENDED, false },  { ACTION_NONE, HOLD_DRIFT, false },
        { ACTION_SETTLE, HOLD_DRIFT, true },     { ACTION_NONE, HOLD_UNREADABLE, false },
        { ACTION_NONE, HOLD_FOREIGN, false },    { ACTION_NONE, HOLD_UNCLAIMED, false },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture;
        fixture_open(&fixture);
        struct decision decision = { .action = rows[i].action, .hold = rows[i].hold, .why = "w" };
        fixture_add(&fixture, "a", decision, "num_workers: 1", NULL, "{\"num_workers\":1}");
        assert_int_equal(plan_has_changes(&fixture.plan), rows[i].has_changes);
        fixture_close(&fixture);
    }
}

/* Each action is counted under its name, and each hold as waiting or blocked. */
static void test_what_is_counted(void **state)
{
    (void)state;
    for (size_t i = ACTION_NONE + 1; i < ACTION_COUNT; i++) {
        struct fixture fixture;
        fixture_open(&fixture);
        for (size_t hold = 0; hold < HOLD_COUNT; hold++) {
            struct decision decision = { .action = (enum action)i,
                                         .hold = (enum hold)hold,
                                         .why = "w" };
            fixture_add(&fixture, "a", decision, NULL, NULL, NULL);
        }
        struct arena *arena = &fixture.scene.arena;
        /* unheld, and beside drift that is only reported */
        const char *counted = arena_printf(arena, "    \"%s\": 2,\n", action_name((enum action)i));
        const char *json = fixture_json(&fixture);
        assert_non_null(strstr(json, counted));
        assert_non_null(strstr(json, "    \"waiting\": 2\n"));
        assert_non_null(strstr(json, "    \"blocked\": 7,\n"));
        fixture_close(&fixture);
    }
}

static void test_every_word_is_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        assert_true(strlen(action_name((enum action)i)) > 0);
    }
    for (size_t i = 0; i < HOLD_COUNT; i++) {
        assert_true(strlen(hold_name((enum hold)i)) > 0);
    }
    for (size_t i = 0; i < COST_COUNT; i++) {
        assert_true(strlen(cost_name((enum cost)i)) > 0);
        assert_true(strlen(cost_text((enum cost)i)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promise_7_no_secret_is_in_a_plan),
        cmocka_unit_test(test_a_plan_for_programs),
        cmocka_unit_test(test_which_cluster_it_is_about),
        cmocka_unit_test(test_a_difference_keeps_its_place),
        cmocka_unit_test(test_what_counts_as_a_change),
        cmocka_unit_test(test_what_is_counted),
        cmocka_unit_test(test_every_word_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

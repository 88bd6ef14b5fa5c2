#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan.h"
#include "scene.h"

enum { PLAN_TEXT_MAX = 1 << 20 };

struct fixture {
    struct scene scene;
    struct plan plan;
};

static void fixture_open(struct fixture *fixture)
{
    scene_open(&fixture->scene);
    fixture->plan = (struct plan){ .arena = &fixture->scene.arena };
}

static void fixture_close(struct fixture *fixture)
{
    scene_close(&fixture->scene);
}

/*
 * Adds a decision whose parts are gone and overwritten when the plan is written, as they are in
 * the driver. `desired` is YAML, `applied` and `effective` are JSON; without `effective` there is
 * no cluster.
 */
static void add(struct fixture *fixture, const char *name, struct decision decision,
                const char *desired, const char *applied, const char *effective)
{
    struct scene scene;
    scene_open(&scene);
    char file[] = "etl.yaml";
    char id[] = "0930-084612-uurhdujo";
    char why[256];
    assert_true(strlen(decision.why) < sizeof(why));
    memcpy(why, decision.why, strlen(decision.why) + 1);
    decision.why = why;
    struct manifest manifest = { .name = name, .pos = { file, 4, 9 } };
    struct observed observed = { .id = id };
    if (effective != NULL) {
        observed.effective = scene_observed(&scene, effective);
        decision.current = &observed;
    }
    if (desired != NULL) manifest.spec = scene_desired(&scene, desired);
    if (desired != NULL && effective != NULL) {
        diff_compute(&scene.arena, manifest.spec, scene_applied(&scene, applied), &observed,
                     &decision.diff);
    }
    plan_add(&fixture->plan, name, desired == NULL ? NULL : &manifest, &decision);
    memset(file, '#', sizeof(file) - 1);
    memset(id, '#', sizeof(id) - 1);
    memset(why, '#', sizeof(why) - 1);
    scene_close(&scene);
}

static const char *write_text(struct fixture *fixture, bool colour, bool offline)
{
    AUTO_BUF struct buf out = BUF_INIT(PLAN_TEXT_MAX);
    struct plan_style style = { .colour = colour, .offline = offline };
    plan_sort(&fixture->plan);
    plan_write_text(&fixture->plan, &style, &out);
    return scene_text(&fixture->scene, &out);
}

static const char *write_json(struct fixture *fixture)
{
    AUTO_BUF struct buf out = BUF_INIT(PLAN_TEXT_MAX);
    plan_sort(&fixture->plan);
    plan_write_json(&fixture->plan, &out);
    return scene_text(&fixture->scene, &out);
}

static const char text_of_a_fleet[] =
    "  ~ resize  bigger: num_workers changed (resized without restart)\n"
    "        num_workers: 4 -> 8\n"
    "  ! failed  broken: no such image; not tried again until the manifest changes\n"
    "  ! drift   drifted: num_workers drifted; left as it is: keep.drift is report\n"
    "        num_workers: 7 -> 8 (drift)\n"
    "  ! backoff failing: to create: out of machines; tried again at 2027-01-15T08:00:00Z\n"
    "-/+ replace image: init_scripts changed (new cluster, new ID)\n"
    "        init_scripts:\n"
    "            workspace: \"/Shared/a.sh\"\n"
    "          - workspace: \"/Shared/b.sh\"\n"
    "          + workspace: \"/Shared/c.sh\"\n"
    "            file: \"file:/z\"\n"
    "  + create  new: new manifest (new cluster, new ID)\n"
    "        spark_version: \"a\"\n"
    "        num_workers: 0\n"
    "        docker_image.url: \"acme/etl:1.4.2\"\n"
    "        docker_image.basic_auth.username: (secret)\n"
    "        docker_image.basic_auth.password: (secret)\n"
    "        init_scripts:\n"
    "          + workspace: \"/Shared/a.sh\"\n"
    "          + s3: {\"destination\":\"s3://b/a.sh\",\"region\":\"r\"}\n"
    "        spark_conf[spark.master]: \"local[*]\"\n"
    "        cluster_log_conf: {\"dbfs\":{\"destination\":\"dbfs:/l\"}}\n"
    "  - prune   old: its manifest is gone (stops now)\n"
    "  ~ edit    small: spark_version and 3 more changed (restarts now)\n"
    "        spark_version: \"a\" -> \"b\"\n"
    "        spark_conf[a]: \"1\" -> \"2\"\n"
    "        spark_conf[c]: \"4\" -> \"3\" (drift)\n"
    "        policy_id: \"p\" -> (not set)\n"
    "  ! wait    waiting: the cluster is PENDING\n"
    "\n"
    "Plan: 1 to create, 1 to replace, 1 to edit, 1 to resize, 1 to prune; 996 unchanged, 2 "
    "blocked, 2 waiting.\n";

static void test_a_plan_for_people(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    fixture.plan.unchanged = 996;
    add(&fixture, "small",
        (struct decision){ .action = ACTION_EDIT,
                           .cost = COST_RESTART,
                           .why = "spark_version and 3 more changed" },
        "{spark_version: b, spark_conf: {a: \"2\", c: \"3\"}, docker_image: {url: \"i:1\"}}",
        "{\"spark_version\":\"a\",\"spark_conf\":{\"a\":\"1\",\"c\":\"3\"},\"policy_id\":\"p\","
        "\"docker_image\":{\"url\":\"i:1\"}}",
        "{\"spark_version\":\"a\",\"spark_conf\":{\"a\":\"1\",\"c\":\"4\"},\"policy_id\":\"p\","
        "\"docker_image\":{\"url\":\"i:1\"}}");
    add(&fixture, "new",
        (struct decision){ .action = ACTION_CREATE, .cost = COST_NEW, .why = "new manifest" },
        "{spark_version: a, num_workers: 0, docker_image: {url: \"acme/etl:1.4.2\", "
        "basic_auth: {username: me, password: {fromEnv: PASSWORD}}}, "
        "init_scripts: [{workspace: {destination: /Shared/a.sh}}, "
        "{s3: {destination: \"s3://b/a.sh\", region: r}}], "
        "spark_conf: {spark.master: \"local[*]\"}, "
        "cluster_log_conf: {dbfs: {destination: \"dbfs:/l\"}}}",
        NULL, NULL);
    add(&fixture, "image",
        (struct decision){
            .action = ACTION_REPLACE, .cost = COST_NEW, .why = "init_scripts changed" },
        "init_scripts: [{workspace: {destination: /Shared/a.sh}}, "
        "{workspace: {destination: /Shared/c.sh}}, {file: {destination: \"file:/z\"}}]",
        "{}",
        "{\"init_scripts\":[{\"workspace\":{\"destination\":\"/Shared/a.sh\"}},"
        "{\"workspace\":{\"destination\":\"/Shared/b.sh\"}},{\"file\":{\"destination\":\"file:/"
        "z\"}}]"
        "}");
    add(&fixture, "bigger",
        (struct decision){
            .action = ACTION_RESIZE, .cost = COST_RESIZE, .why = "num_workers changed" },
        "num_workers: 8", "{\"num_workers\":4}", "{\"num_workers\":4}");
    add(&fixture, "waiting",
        (struct decision){ .hold = HOLD_WAIT, .wake_at_ms = 5, .why = "the cluster is PENDING" },
        "num_workers: 8", NULL, "{\"num_workers\":8}");
    add(&fixture, "failing",
        (struct decision){ .action = ACTION_CREATE,
                           .hold = HOLD_BACKOFF,
                           .wake_at_ms = 1800000000000,
                           .why = "out of\nmachines" },
        "num_workers: 8", NULL, NULL);
    add(&fixture, "broken", (struct decision){ .hold = HOLD_FAILED, .why = "no such image" },
        "num_workers: 8", NULL, "{\"num_workers\":8}");
    add(&fixture, "drifted", (struct decision){ .hold = HOLD_DRIFT, .why = "num_workers drifted" },
        "num_workers: 8", "{\"num_workers\":8}", "{\"num_workers\":7}");
    add(&fixture, "old",
        (struct decision){
            .action = ACTION_PRUNE, .cost = COST_STOP, .why = "its manifest is gone" },
        NULL, NULL, "{}");
    assert_string_equal(write_text(&fixture, false, false), text_of_a_fleet);
    fixture_close(&fixture);
}

static void test_summaries(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    assert_string_equal(write_text(&fixture, false, false),
                        "No changes. 0 clusters are as desired.\n");
    add(&fixture, "same", (struct decision){ .why = "as desired" }, "num_workers: 1", NULL,
        "{\"num_workers\":1}");
    assert_int_equal(fixture.plan.len, 0);
    assert_string_equal(write_text(&fixture, false, false),
                        "No changes. 1 cluster is as desired.\n");
    fixture.plan.unchanged = 42;
    assert_string_equal(write_text(&fixture, false, true),
                        "The workspace was not asked: compared with what it was last seen to "
                        "hold.\n\nNo changes. 42 clusters are as desired.\n");
    fixture.plan.observed_at_ms = 1800000000000;
    add(&fixture, "a", (struct decision){ .hold = HOLD_SUSPENDED, .why = "keep.suspend is true" },
        "num_workers: 1", NULL, "{\"num_workers\":1}");
    assert_string_equal(write_text(&fixture, false, true),
                        "The workspace was not asked: compared with what it was last seen to "
                        "hold, at 2027-01-15T08:00:00Z.\n\n"
                        "  ! suspended a: keep.suspend is true\n\n"
                        "Plan: nothing to do now; 42 unchanged, 1 blocked.\n");
    fixture_close(&fixture);
}

static void test_colours(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    add(&fixture, "a", (struct decision){ .action = ACTION_START, .why = "keep.running is true" },
        "num_workers: 1", NULL, "{\"num_workers\":1}");
    assert_string_equal(write_text(&fixture, true, false),
                        "  \033[32m>\033[0m start \033[1ma\033[0m: keep.running is true\n\n"
                        "\033[1mPlan:\033[0m 1 to start; 0 unchanged.\n");
    fixture_close(&fixture);
}

/* What other people wrote does nothing to the terminal, and does not fill it. */
static void test_values_are_harmless_and_short(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    struct scene *scene = &fixture.scene;
    char *same = arena_alloc(&scene->arena, 501);
    memset(same, 's', 500);
    add(&fixture, "a",
        (struct decision){
            .action = ACTION_EDIT, .cost = COST_NEXT_START, .why = "spark_conf\033[2J changed" },
        arena_printf(&scene->arena,
                     "{spark_version: \"b\\e[2J\\nc\", policy_id: short, "
                     "spark_conf: {long: %s-new}}",
                     same),
        NULL,
        arena_printf(&scene->arena,
                     "{\"spark_version\":\"\\u009b31m\",\"policy_id\":\"%s\","
                     "\"spark_conf\":{\"long\":\"%s-old\"}}",
                     same, same));
    same[116] = '\0';
    char tail[41];
    memset(tail, 's', 39);
    tail[39] = '-';
    tail[40] = '\0';
    assert_string_equal(
        write_text(&fixture, false, false),
        arena_printf(&scene->arena,
                     "  ~ edit a: spark_conf\\u001b[2J changed (applies at its next start)\n"
                     "        spark_version: \"\\u009b31m\" -> \"b\\u001b[2J\\nc\"\n"
                     "        spark_conf[long]: ...%sold\" -> ...%snew\"\n"
                     "        policy_id: \"%s... -> \"short\"\n"
                     "\nPlan: 1 to edit; 0 unchanged.\n",
                     tail, tail, same));
    fixture_close(&fixture);
}

#define LIST "{\"worker_node_type_flexibility\":{\"alternate_node_type_ids\":"

static void test_long_lists_are_cut(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    AUTO_BUF struct buf types = BUF_INIT(PLAN_TEXT_MAX);
    buf_adds(&types, LIST "[\"0\"");
    for (int i = 1; i < 200; i++) {
        buf_addf(&types, ",\"%d\"", i);
    }
    buf_adds(&types, "]}}");
    add(&fixture, "a", (struct decision){ .action = ACTION_EDIT, .why = "w" },
        "worker_node_type_flexibility: {alternate_node_type_ids: [x]}", NULL, buf_text(&types));
    const char *text = write_text(&fixture, false, false);
    assert_non_null(strstr(text, "          - \"49\"\n          - ... and 150 more\n"
                                 "          + \"x\"\n"));
    assert_null(strstr(text, "\"50\""));
    fixture_close(&fixture);
}

#define AUTH(user, password)                                           \
    "{\"docker_image\":{\"url\":\"i:1\",\"basic_auth\":{\"username\":" \
    "{\"$secret\":\"" user "\"},\"password\":{\"$secret\":\"" password "\"}}}}"

static void test_no_secret_is_in_a_plan(void **state)
{
    (void)state;
    static const char shown[] = "{\"docker_image\":{\"url\":\"i:1\",\"basic_auth\":{"
                                "\"username\":\"hunter\",\"password\":\"hunter\"}}}";
    struct fixture fixture;
    fixture_open(&fixture);
    struct decision decision = { .action = ACTION_EDIT, .cost = COST_RESTART, .why = "w" };
    add(&fixture, "a", decision, AUTH("hunter1", "hunter2"), AUTH("hunter1", "hunter3"), shown);
    add(&fixture, "b", decision, AUTH("hunter1", "hunter2"), "{}", shown);
    add(&fixture, "c", decision, "docker_image: {url: \"i:1\"}", AUTH("hunter1", "hunter3"), shown);
    decision.action = ACTION_CREATE;
    add(&fixture, "d", decision, AUTH("hunter1", "hunter2"), NULL, NULL);
    /* The user name of a pair may be written out, and is a secret all the same. */
    add(&fixture, "e", decision,
        "docker_image: {url: \"i:1\", basic_auth: {username: hunter, password: {fromEnv: P}}}",
        NULL, NULL);
    const char *text = write_text(&fixture, false, false);
    const char *json = write_json(&fixture);
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
    add(&fixture, "b",
        (struct decision){ .hold = HOLD_BACKOFF, .wake_at_ms = 1800000060000, .why = "full" }, NULL,
        NULL, NULL);
    add(&fixture, "a",
        (struct decision){
            .action = ACTION_EDIT, .cost = COST_NEXT_START, .why = "policy_id changed" },
        "{policy_id: q, num_workers: 2}", "{\"policy_id\":\"p\",\"num_workers\":2}",
        "{\"policy_id\":\"p\",\"num_workers\":1}");
    assert_string_equal(write_json(&fixture), json_of_two);
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
        add(&fixture, "a", decision, NULL, NULL, rows[i].has_current ? "{}" : NULL);
        const char *id = fixture.plan.items[0].cluster_id;
        if (rows[i].want == NULL) {
            assert_null(id);
        } else {
            assert_string_equal(id, rows[i].want);
        }
        fixture_close(&fixture);
    }
}

static void test_what_counts_as_a_change(void **state)
{
    (void)state;
    static const struct {
        enum action action;
        enum hold hold;
        bool has_changes;
    } rows[] = {
        { ACTION_NONE, HOLD_NONE, false },      { ACTION_EDIT, HOLD_NONE, true },
        { ACTION_NONE, HOLD_WAIT, true },       { ACTION_NONE, HOLD_BACKOFF, true },
        { ACTION_NONE, HOLD_FAILED, true },     { ACTION_CREATE, HOLD_FAILED, true },
        { ACTION_NONE, HOLD_SUSPENDED, false }, { ACTION_NONE, HOLD_DRIFT, false },
        { ACTION_SETTLE, HOLD_DRIFT, true },    { ACTION_NONE, HOLD_UNREADABLE, false },
        { ACTION_NONE, HOLD_FOREIGN, false },   { ACTION_NONE, HOLD_UNCLAIMED, false },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture;
        fixture_open(&fixture);
        struct decision decision = { .action = rows[i].action, .hold = rows[i].hold, .why = "w" };
        add(&fixture, "a", decision, "num_workers: 1", NULL, "{\"num_workers\":1}");
        assert_int_equal(plan_has_changes(&fixture.plan), rows[i].has_changes);
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
        cmocka_unit_test(test_a_plan_for_people),
        cmocka_unit_test(test_summaries),
        cmocka_unit_test(test_colours),
        cmocka_unit_test(test_values_are_harmless_and_short),
        cmocka_unit_test(test_long_lists_are_cut),
        cmocka_unit_test(test_no_secret_is_in_a_plan),
        cmocka_unit_test(test_a_plan_for_programs),
        cmocka_unit_test(test_which_cluster_it_is_about),
        cmocka_unit_test(test_what_counts_as_a_change),
        cmocka_unit_test(test_every_word_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

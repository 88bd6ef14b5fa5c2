#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan_fixture.h"
#include "text.h"

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
    fixture_add(
        &fixture, "small",
        (struct decision){ .action = ACTION_EDIT,
                           .cost = COST_RESTART,
                           .why = "spark_version and 3 more changed" },
        "{spark_version: b, spark_conf: {a: \"2\", c: \"3\"}, docker_image: {url: \"i:1\"}}",
        "{\"spark_version\":\"a\",\"spark_conf\":{\"a\":\"1\",\"c\":\"3\"},\"policy_id\":\"p\","
        "\"docker_image\":{\"url\":\"i:1\"}}",
        "{\"spark_version\":\"a\",\"spark_conf\":{\"a\":\"1\",\"c\":\"4\"},\"policy_id\":\"p\","
        "\"docker_image\":{\"url\":\"i:1\"}}");
    fixture_add(
        &fixture, "new",
        (struct decision){ .action = ACTION_CREATE, .cost = COST_NEW, .why = "new manifest" },
        "{spark_version: a, num_workers: 0, docker_image: {url: \"acme/etl:1.4.2\", "
        "basic_auth: {username: me, password: {fromEnv: PASSWORD}}}, "
        "init_scripts: [{workspace: {destination: /Shared/a.sh}}, "
        "{s3: {destination: \"s3://b/a.sh\", region: r}}], "
        "spark_conf: {spark.master: \"local[*]\"}, "
        "cluster_log_conf: {dbfs: {destination: \"dbfs:/l\"}}}",
        NULL, NULL);
    fixture_add(
        &fixture, "image",
        (struct decision){
            .action = ACTION_REPLACE, .cost = COST_NEW, .why = "init_scripts changed" },
        "init_scripts: [{workspace: {destination: /Shared/a.sh}}, "
        "{workspace: {destination: /Shared/c.sh}}, {file: {destination: \"file:/z\"}}]",
        "{}",
        "{\"init_scripts\":[{\"workspace\":{\"destination\":\"/Shared/a.sh\"}},"
        "{\"workspace\":{\"destination\":\"/Shared/b.sh\"}},{\"file\":{\"destination\":\"file:/"
        "z\"}}]"
        "}");
    fixture_add(&fixture, "bigger",
                (struct decision){
                    .action = ACTION_RESIZE, .cost = COST_RESIZE, .why = "num_workers changed" },
                "num_workers: 8", "{\"num_workers\":4}", "{\"num_workers\":4}");
    fixture_add(
        &fixture, "waiting",
        (struct decision){ .hold = HOLD_WAIT, .wake_at_ms = 5, .why = "the cluster is PENDING" },
        "num_workers: 8", NULL, "{\"num_workers\":8}");
    fixture_add(&fixture, "failing",
                (struct decision){ .action = ACTION_CREATE,
                                   .hold = HOLD_BACKOFF,
                                   .wake_at_ms = 1800000000000,
                                   .why = "out of\nmachines" },
                "num_workers: 8", NULL, NULL);
    fixture_add(&fixture, "broken",
                (struct decision){ .hold = HOLD_FAILED, .why = "no such image" }, "num_workers: 8",
                NULL, "{\"num_workers\":8}");
    fixture_add(&fixture, "drifted",
                (struct decision){ .hold = HOLD_DRIFT, .why = "num_workers drifted" },
                "num_workers: 8", "{\"num_workers\":8}", "{\"num_workers\":7}");
    fixture_add(&fixture, "old",
                (struct decision){
                    .action = ACTION_PRUNE, .cost = COST_STOP, .why = "its manifest is gone" },
                NULL, NULL, "{}");
    assert_string_equal(fixture_text(&fixture, false, false), text_of_a_fleet);
    fixture_close(&fixture);
}

static void test_summaries(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    assert_string_equal(fixture_text(&fixture, false, false),
                        "No changes. 0 clusters are as desired.\n");
    fixture_add(&fixture, "same", (struct decision){ .why = "as desired" }, "num_workers: 1", NULL,
                "{\"num_workers\":1}");
    assert_int_equal(fixture.plan.len, 0);
    assert_string_equal(fixture_text(&fixture, false, false),
                        "No changes. 1 cluster is as desired.\n");
    fixture.plan.unchanged = 42;
    assert_string_equal(fixture_text(&fixture, false, true),
                        "The workspace was not asked: compared with what it was last seen to "
                        "hold.\n\nNo changes. 42 clusters are as desired.\n");
    fixture.plan.observed_at_ms = 1800000000000;
    fixture_add(&fixture, "a",
                (struct decision){ .hold = HOLD_SUSPENDED, .why = "keep.suspend is true" },
                "num_workers: 1", NULL, "{\"num_workers\":1}");
    assert_string_equal(fixture_text(&fixture, false, true),
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
    fixture_add(&fixture, "a",
                (struct decision){ .action = ACTION_START, .why = "keep.running is true" },
                "num_workers: 1", NULL, "{\"num_workers\":1}");
    assert_string_equal(fixture_text(&fixture, true, false),
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
    fixture_add(&fixture, "a",
                (struct decision){ .action = ACTION_EDIT,
                                   .cost = COST_NEXT_START,
                                   .why = "spark_conf\033[2J changed" },
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
        fixture_text(&fixture, false, false),
        arena_printf(&scene->arena,
                     "  ~ edit a: spark_conf\\u001b[2J changed (applies at its next start)\n"
                     "        spark_version: \"\\u009b31m\" -> \"b\\u001b[2J\\nc\"\n"
                     "        spark_conf[long]: ...%sold\" -> ...%snew\"\n"
                     "        policy_id: \"%s... -> \"short\"\n"
                     "\nPlan: 1 to edit; 0 unchanged.\n",
                     tail, tail, same));
    fixture_close(&fixture);
}

/* Two long values are shown from a little before they part, and never from within a character. */
static void test_long_values_are_shown_where_they_part(void **state)
{
    (void)state;
    for (int tail = 0; tail < 3; tail++) {
        struct fixture fixture;
        fixture_open(&fixture);
        AUTO_BUF struct buf same = BUF_INIT(PLAN_TEXT_MAX);
        for (int i = 0; i < 100; i++) {
            buf_adds(&same, "\xe2\x82\xac");
        }
        buf_addf(&same, "%.*s", tail, "xx");
        struct arena *arena = &fixture.scene.arena;
        fixture_add(&fixture, "a", (struct decision){ .action = ACTION_EDIT, .why = "w" },
                    arena_printf(arena, "spark_version: %s-new", buf_text(&same)), NULL,
                    arena_printf(arena, "{\"spark_version\":\"%s-old\"}", buf_text(&same)));
        const char *text = fixture_text(&fixture, false, false);
        assert_true(text_is_utf8(text, strlen(text)));
        assert_null(strstr(text, "\xef\xbf\xbd"));
        assert_non_null(strstr(text, "-old\" -> ...\xe2\x82\xac"));
        assert_non_null(strstr(text, "-new\"\n"));
        fixture_close(&fixture);
    }
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
    fixture_add(&fixture, "a", (struct decision){ .action = ACTION_EDIT, .why = "w" },
                "worker_node_type_flexibility: {alternate_node_type_ids: [x]}", NULL,
                buf_text(&types));
    const char *text = fixture_text(&fixture, false, false);
    assert_non_null(strstr(text, "          - \"49\"\n          - ... and 150 more\n"
                                 "          + \"x\"\n"));
    assert_null(strstr(text, "\"50\""));
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plan_for_people),
        cmocka_unit_test(test_summaries),
        cmocka_unit_test(test_colours),
        cmocka_unit_test(test_values_are_harmless_and_short),
        cmocka_unit_test(test_long_values_are_shown_where_they_part),
        cmocka_unit_test(test_long_lists_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

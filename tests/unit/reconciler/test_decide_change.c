/* A manifest that changes while its cluster is there: whole stories, step by step. */
#include "decide_case.h"
#include "decide_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "text.h"

#define IMAGE_FAILURE "DOCKER_IMAGE_PULL_FAILURE"

static void test_image_running(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, EXTRAS);
    case_actor(&c, "a")->pinned = true;
    case_list(&c);
    c.libraries = c.permissions = NULL;
    case_desire(&c, WANTS(V2, "2", EXTRAS));
    const struct decision *d = case_decide(&c);
    assert_int_equal(d->action, ACTION_REPLACE);
    assert_int_equal(d->cost, COST_NEW);
    assert_string_equal(d->why, "docker_image.url changed");
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "terminate a\n"
                                        "create c1\n"
                                        "permit c1\n"
                                        "install c1\n"
                                        "pin c1\n"
                                        "unpin a\n"
                                        "delete a\n");
    case_assert_settled(&c, "c1", V2);
    assert_int_equal(case_live(&c), 1);
    assert_true(case_actor(&c, "c1")->pinned);
    assert_string_equal(c.libraries, "[{\"pypi\":{\"package\":\"polars\"}}]");
    assert_non_null(strstr(c.permissions, "CAN_RESTART"));
    case_close(&c);
}

/* Ended before or after each call: the next start comes to the same end. */
static void test_image_running_crashes(void **state)
{
    (void)state;
    int calls = 0;
    for (int crash_at = 0; crash_at <= 2 * calls; crash_at++) {
        struct decide_case c;
        case_open_with(&c, CLUSTER_RUNNING, EXTRAS);
        case_actor(&c, "a")->pinned = true;
        case_list(&c);
        c.libraries = c.permissions = NULL;
        case_desire(&c, WANTS(V2, "2", EXTRAS));
        c.crash_at = (crash_at + 1) / 2;
        c.crash_late = crash_at % 2 == 0;
        (void)case_run(&c);
        case_assert_settled(&c, c.record.cluster_id, V2);
        assert_int_equal(case_live(&c), 1);
        assert_null(case_actor(&c, "a"));
        assert_true(case_actor(&c, c.record.cluster_id)->pinned);
        assert_string_equal(c.libraries, "[{\"pypi\":{\"package\":\"polars\"}}]");
        assert_non_null(c.permissions);
        if (crash_at == 0) calls = c.calls;
        case_close(&c);
    }
    assert_int_equal(calls, 7);
}

static void test_image_terminated(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_TERMINATED, "");
    case_desire(&c, WANTS(V2, "3", ""));
    assert_int_equal(case_decide(&c)->cost, COST_NEXT_START);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "edit a\n");
    case_assert_settled(&c, "a", V2);
    assert_int_equal(case_live(&c), 0);
    case_close(&c);
}

static void test_resize(void **state)
{
    (void)state;
    static const struct {
        const char *has, *wants;
        enum cluster_state state;
        enum cost cost;
        const char *story;
    } rows[] = {
        { HAS(V1, "2"), WANTS(V1, "5", ""), CLUSTER_RUNNING, COST_RESIZE, "resize a\n" },
        { HAS(V1, "2"), WANTS(V1, "5", ""), CLUSTER_TERMINATED, COST_NEXT_START, "edit a\n" },
        { HAS_CONF(V1, "2", "0"), WANTS(V1, "5", ""), CLUSTER_RUNNING, COST_RESTART, "edit a\n" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct decide_case c;
        case_open(&c);
        case_desire(&c, WANTS(V1, "2", ""));
        case_record(&c, "a", PHASE_READY);
        (void)case_cluster(&c, "a", rows[i].state, "main", rows[i].has);
        case_desire(&c, rows[i].wants);
        assert_int_equal(case_decide(&c)->cost, rows[i].cost);
        (void)case_run(&c);
        assert_string_equal(case_story(&c), rows[i].story);
        case_assert_settled(&c, "a", V1);
        case_close(&c);
    }
}

/* From a fixed size to autoscale and back: a resize, since both are the size. */
static void test_resize_kind(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    case_desire(&c, "spec: {spark_version: 15.4.x-scala2.12, node_type_id: i3.xlarge, "
                    "autoscale: {min_workers: 1, max_workers: 4}, docker_image: "
                    "{url: \"" V1 "\"}, spark_conf: {spark.a: \"1\"}}\n");
    (void)case_turn(&c);
    assert_string_equal(case_story(&c), "resize a\n");
    assert_null(value_get(case_actor(&c, "a")->spec, "num_workers"));
    (void)case_run(&c);
    case_assert_settled(&c, "a", V1);
    case_desire(&c, WANTS(V1, "2", ""));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "resize a\n");
    case_assert_settled(&c, "a", V1);
    case_close(&c);
}

static void test_in_place(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "keep: {strategy: in-place}\n");
    case_desire(&c, WANTS(V2, "2", "keep: {strategy: in-place}\n"));
    assert_int_equal(case_decide(&c)->cost, COST_RESTART);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "edit a\n");
    case_assert_settled(&c, "a", V2);
    assert_int_equal(case_live(&c), 1);
    c.bad_image = V3;
    c.bad_reason = IMAGE_FAILURE;
    case_desire(&c, WANTS(V3, "2", "keep: {strategy: in-place}\n"));
    assert_int_equal(case_run(&c)->hold, HOLD_ROLLED_BACK);
    assert_string_equal(case_story(&c), "edit a\nedit a\nstart a\n");
    case_desire(&c, WANTS(V2, "2", "keep: {strategy: in-place}\n"));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), ""); /* it runs already */
    case_assert_settled(&c, "a", V2);
    case_close(&c);
}

static void test_drift(void **state)
{
    (void)state;
    static const struct {
        const char *keep, *has;
        enum hold hold;
        const char *story;
    } rows[] = {
        { "", HAS_CONF(V1, "2", "0"), HOLD_NONE, "edit a\n" },
        { "keep: {drift: report}\n", HAS_CONF(V1, "2", "0"), HOLD_DRIFT, "" },
        { "", HAS(V1, "7"), HOLD_NONE, "resize a\n" },
        { "", HAS(V2, "2"), HOLD_NONE, "terminate a\ncreate c1\ndelete a\n" },
        { "keep: {drift: report}\n", HAS(V2, "2"), HOLD_DRIFT, "" },
        { "keep: {suspend: true}\n", HAS(V2, "2"), HOLD_SUSPENDED, "" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct decide_case c;
        case_open(&c);
        case_desire(&c, arena_printf(&c.arena, "%s%s", WANTS(V1, "2", ""), rows[i].keep));
        case_record(&c, "a", PHASE_READY);
        (void)case_cluster(&c, "a", CLUSTER_RUNNING, "main", rows[i].has);
        assert_int_equal(case_run(&c)->hold, rows[i].hold);
        assert_string_equal(case_story(&c), rows[i].story);
        case_close(&c);
    }
}

/* Submitted as asked, and something else in effect: an edit would change nothing, for ever. */
static void promise_5_rewritten_by_policy(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    c.rewrites = "{\"spark_conf\":{\"spark.a\":\"9\"}}";
    case_list(&c);
    assert_int_equal(case_run(&c)->hold, HOLD_NONE);
    assert_string_equal(case_story(&c), "");
    case_assert_settled(&c, "a", V1);
    case_desire(&c, WANTS(V1, "3", "")); /* a change of the manifest's own goes through */
    (void)case_run(&c);
    case_desire(&c, WANTS(V2, "3", ""));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "edit a\nterminate a\ncreate c1\ndelete a\n");
    case_close(&c);
}

/* Its size is no form of its own: somebody resized it, and the submitted spec may not tell. */
static void test_resized_by_hand(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    c.rewrites = "{\"num_workers\":7}";
    case_ask(&c, "a");
    (void)case_turn(&c);
    assert_string_equal(case_story(&c), "resize a\n");
    case_close(&c);
}

static const char *terse_body(struct decide_case *c, const char *image)
{
    return arena_printf(&c->arena,
                        "spec: {spark_version: 15.4.x-scala2.12, node_type_id: i3.xlarge, "
                        "num_workers: 2, docker_image: {url: \"%s\"}, "
                        "aws_attributes: {zone_id: auto}}\nkeep: {pinned: true}\n",
                        image);
}

/* A workspace that does not tell what was submitted: a value that it resolved is let be. */
static void test_terse_workspace(void **state)
{
    (void)state;
    struct decide_case c;
    case_open(&c);
    c.terse = true;
    c.rewrites = "{\"aws_attributes\":{\"zone_id\":\"us-east-1c\"}}";
    case_desire(&c, terse_body(&c, V1));
    (void)case_run(&c);
    case_desire(&c, terse_body(&c, V2));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "create c1\npin c1\n"
                                        "terminate c1\ncreate c2\npin c2\n"
                                        "unpin c1\ndelete c1\n");
    case_assert_settled(&c, "c2", V2);
    case_close(&c);
}

static void test_terse_drift(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    c.terse = true;
    case_actor(&c, "a")->spec = case_value(&c, HAS_CONF(V1, "2", "0"));
    case_list(&c);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "edit a\n");
    case_assert_settled(&c, "a", V1);
    case_close(&c);
}

/* The manifest changes again while the cluster for the last change is still PENDING. */
static void promise_6_overtaken(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    case_desire(&c, WANTS(V2, "2", ""));
    (void)case_turn(&c);
    case_pass(&c, 60000);
    (void)case_turn(&c);
    assert_string_equal(case_story(&c), "terminate a\ncreate c1\n");
    case_desire(&c, WANTS(V3, "2", ""));
    (void)case_turn(&c); /* at once, although the last listing shows c1 still */
    assert_string_equal(case_story(&c), "delete c1\ncreate c2\n");
    (void)case_run(&c); /* c1 never ran; a did, and stays until c2 runs */
    assert_string_equal(case_story(&c), "delete a\n");
    case_assert_settled(&c, "c2", V3);
    case_close(&c);
}

/* What the new cluster replaced stays until that runs, whoever stops or starts one of them. */
static void promise_6_predecessor_stays(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    case_desire(&c, WANTS(V2, "2", ""));
    (void)case_turn(&c);
    case_pass(&c, 60000);
    (void)case_turn(&c);
    case_actor(&c, "a")->state = CLUSTER_RUNNING; /* by a job that names it */
    case_list(&c);
    assert_int_equal(case_turn(&c)->hold, HOLD_WAIT);
    case_actor(&c, "c1")->state = CLUSTER_TERMINATED;
    case_actor(&c, "c1")->reason = "USER_REQUEST";
    case_list(&c);
    assert_int_equal(case_turn(&c)->hold, HOLD_NONE);
    assert_string_equal(case_story(&c), "terminate a\ncreate c1\n");
    assert_string_equal(c.record.predecessor_id, "a");
    case_actor(&c, "c1")->state = CLUSTER_RUNNING;
    case_list(&c);
    (void)case_turn(&c);
    assert_string_equal(case_story(&c), "delete a\n");
    case_assert_settled(&c, "c1", V2);
    case_close(&c);
}

/* It goes back before the old cluster has gone: the old one is started again. */
static void test_went_back(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    case_desire(&c, WANTS(V2, "2", ""));
    (void)case_turn(&c);
    case_desire(&c, WANTS(V1, "2", ""));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "terminate a\nstart a\n");
    case_assert_settled(&c, "a", V1);
    case_close(&c);
}

static void test_went_back_start_fails(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    case_desire(&c, WANTS(V2, "2", ""));
    (void)case_turn(&c);
    c.fault = (struct fault){ .step = STEP_START, .code = ERR_QUOTA, .times = 2 };
    case_desire(&c, WANTS(V1, "3", ""));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "terminate a\nedit a\nstart a (quota)\n"
                                        "start a (quota)\nstart a\n");
    case_assert_settled(&c, "a", V1);
    case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_running),
        cmocka_unit_test(test_image_running_crashes),
        cmocka_unit_test(test_image_terminated),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_resize_kind),
        cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_drift),
        cmocka_unit_test(promise_5_rewritten_by_policy),
        cmocka_unit_test(test_resized_by_hand),
        cmocka_unit_test(test_terse_workspace),
        cmocka_unit_test(test_terse_drift),
        cmocka_unit_test(promise_6_overtaken),
        cmocka_unit_test(promise_6_predecessor_stays),
        cmocka_unit_test(test_went_back),
        cmocka_unit_test(test_went_back_start_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Launches that fail, or never end. */
#include "decide_case.h"
#include "decide_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "text.h"

#define IMAGE_FAILURE "DOCKER_IMAGE_PULL_FAILURE"
#define NO_MACHINES   "AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE"

/* An image that cannot be started: once, and not again; the next one is. */
static void promise_6_image_bad(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    c.bad_image = V2;
    c.bad_reason = IMAGE_FAILURE;
    case_desire(&c, WANTS(V2, "2", ""));
    const struct decision *d = case_run(&c);
    assert_string_equal(case_story(&c), "terminate a\ncreate c1\nstart a\n");
    assert_int_equal(d->hold, HOLD_ROLLED_BACK);
    assert_int_equal(d->wake_at_ms, 0);
    assert_non_null(strstr(d->why, IMAGE_FAILURE));
    assert_non_null(strstr(d->why, V1)); /* what is in force */
    assert_int_equal(c.record.phase, PHASE_READY);
    assert_string_equal(c.record.failed_digest, case_digest(&c));
    assert_string_equal(c.record.cluster_id, "a");
    assert_string_equal(c.record.failed_id, "c1"); /* its events can be read */
    case_pass(&c, 100000000);
    assert_int_equal(case_run(&c)->hold, HOLD_ROLLED_BACK);
    assert_string_equal(case_story(&c), "");

    c.bad_image = V3;
    case_desire(&c, WANTS(V3, "2", ""));
    assert_int_equal(case_run(&c)->hold, HOLD_ROLLED_BACK);
    assert_string_equal(case_story(&c), "delete c1\nterminate a\ncreate c2\nstart a\n");

    case_desire(&c, WANTS("acme/etl:4", "2", ""));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "delete c2\nterminate a\ncreate c3\ndelete a\n");
    case_assert_settled(&c, "c3", "acme/etl:4");
    case_close(&c);
}

/* The first cluster ever fails: another image replaces it, though it is terminated. */
static void promise_6_first_image_bad(void **state)
{
    (void)state;
    struct decide_case c;
    case_open(&c);
    c.bad_image = V1;
    c.bad_reason = IMAGE_FAILURE;
    case_desire(&c, WANTS(V1, "2", ""));
    assert_int_equal(case_run(&c)->hold, HOLD_FAILED);
    assert_string_equal(case_story(&c), "create c1\n");
    case_desire(&c, WANTS(V2, "2", ""));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "create c2\ndelete c1\n");
    case_assert_settled(&c, "c2", V2);
    case_close(&c);
}

/* Mended by something that needs no new cluster: edited, and started again. */
static void test_bad_conf(void **state)
{
    (void)state;
    struct decide_case c;
    case_open(&c);
    c.bad_image = V1;
    c.bad_reason = "SPARK_STARTUP_FAILURE";
    case_desire(&c, WANTS(V1, "2", ""));
    assert_int_equal(case_run(&c)->hold, HOLD_FAILED);
    c.bad_image = NULL;
    case_desire(&c, WANTS(V1, "3", ""));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "create c1\nedit c1\nstart c1\n");
    case_assert_settled(&c, "c1", V1);
    case_close(&c);
}

static void test_capacity(void **state)
{
    (void)state;
    struct decide_case c;
    case_open(&c);
    c.bad_image = V1;
    c.bad_reason = NO_MACHINES;
    case_desire(&c, WANTS(V1, "2", ""));
    const struct decision *d = NULL;
    while ((d = case_turn(&c))->hold == HOLD_WAIT) {
        case_pass(&c, d->wake_at_ms - c.now_ms);
    }
    assert_int_equal(d->hold, HOLD_BACKOFF);
    assert_int_equal(c.record.phase, PHASE_FAILED);
    assert_int_equal(c.record.failures, 1);
    assert_null(c.record.failed_digest);
    assert_string_equal(case_story(&c), "create c1\n");
    case_pass(&c, d->wake_at_ms - c.now_ms);
    (void)case_turn(&c);
    assert_string_equal(case_story(&c), "start c1\n");
    c.bad_image = NULL;
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "");
    case_assert_settled(&c, "c1", V1);
    case_close(&c);
}

static void test_launch_timeout(void **state)
{
    (void)state;
    struct decide_case c;
    case_open(&c);
    c.stuck = true;
    case_desire(&c, WANTS(V1, "2", ""));
    while (c.record.phase != PHASE_FAILED) {
        const struct decision *d = case_turn(&c);
        case_pass(&c, d->wake_at_ms - c.now_ms);
    }
    assert_string_equal(case_story(&c), "create c1\nterminate c1\n");
    assert_non_null(strstr(c.record.error, "did not run within 30m"));
    c.stuck = false;
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "start c1\n");
    case_assert_settled(&c, "c1", V1);
    case_close(&c);
}

/* A stop that was not heard: the launch gets its time once more, and ends. */
static void test_launch_timeout_unheard(void **state)
{
    (void)state;
    struct decide_case c;
    case_open(&c);
    c.stuck = true;
    c.fault = (struct fault){ .step = STEP_TERMINATE, .code = ERR_BUSY, .times = 1 };
    case_desire(&c, WANTS(V1, "2", ""));
    for (int stops = 0; stops < 2;) {
        const struct decision *d = case_turn(&c);
        if (c.record.phase == PHASE_FAILED) c.now_ms = c.record.retry_at_ms;
        stops = c.calls - 1;
        if (stops < 2) case_pass(&c, d->wake_at_ms > c.now_ms ? d->wake_at_ms - c.now_ms : 1);
    }
    assert_string_equal(case_story(&c), "create c1\nterminate c1 (busy)\nterminate c1\n");
    case_close(&c);
}

/* A backoff is of the manifest that failed: another one waits for nothing. */
static void test_other_manifest_is_not_early(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_TERMINATED, "");
    static const struct script script = { .destination = "/Shared/one" };
    c.record.phase = PHASE_FAILED;
    c.record.failures = 4;
    c.record.retry_at_ms = c.now_ms + 900000;
    c.record.error = "no machines";
    assert_int_equal(case_turn(&c)->hold, HOLD_BACKOFF);
    case_desire(&c, WANTS(V2, "2", ""));
    c.manifest.scripts = &script;
    c.manifest.scripts_len = 1;
    (void)case_turn(&c);
    assert_string_equal(case_story(&c), "upload a\ncreate c1\n");
    case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promise_6_image_bad),
        cmocka_unit_test(promise_6_first_image_bad),
        cmocka_unit_test(test_bad_conf),
        cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_launch_timeout),
        cmocka_unit_test(test_launch_timeout_unheard),
        cmocka_unit_test(test_other_manifest_is_not_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

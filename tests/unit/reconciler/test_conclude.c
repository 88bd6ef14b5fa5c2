/* How a step ends: what is recorded, and what is decided next. */
#include "decide_case.h"
#include "decide_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "text.h"

static const struct record before = {
    .name = "etl",
    .cluster_id = "a",
    .predecessor_id = "p",
    .phase = PHASE_READY,
    .phase_since_ms = 5,
    .pending_spec = "{\"docker_image\":{\"url\":\"acme/etl:2\"}}",
    .pending_digest = "new",
    .applied_spec = "{}",
    .applied_digest = "old",
    .libraries = "[1]",
    .permissions = "[2]",
    .pinned = 1,
    .failures = 1,
};

static struct record ended(struct arena *arena, enum step step, enum err_code code,
                           const struct outcome *more)
{
    struct outcome outcome = *more;
    outcome.step = step;
    outcome.ok = code == ERR_NONE;
    if (!outcome.ok) err_set(&outcome.err, code, "no luck");
    struct record after;
    conclude(arena, &before, &outcome, 1000, 7, &after);
    assert_true(after.updated_ms == 1000);
    return after;
}

static void test_worked(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct record r = ended(&arena, STEP_CREATE, ERR_NONE, &(struct outcome){ .cluster_id = "n" });
    assert_string_equal(r.cluster_id, "n");
    assert_string_equal(r.predecessor_id, "p");
    assert_int_equal(r.phase, PHASE_LAUNCHING);
    assert_true(r.phase_since_ms == 1000);
    assert_string_equal(r.applied_digest, "new");
    assert_string_equal(r.image, "acme/etl:2");
    assert_null(r.pending_spec);
    assert_null(r.libraries); /* nothing of the old one is on the new one */
    assert_null(r.permissions);
    assert_int_equal(r.pinned, -1);

    const struct outcome idle = { .target_id = "a" };
    const struct outcome live = { .target_id = "a", .was_live = true };
    r = ended(&arena, STEP_EDIT, ERR_NONE, &idle);
    assert_int_equal(r.phase, PHASE_READY); /* nothing is woken */
    assert_string_equal(r.applied_digest, "new");
    assert_string_equal(r.libraries, "[1]");
    assert_int_equal(ended(&arena, STEP_EDIT, ERR_NONE, &live).phase, PHASE_LAUNCHING);
    assert_int_equal(ended(&arena, STEP_RESIZE, ERR_NONE, &live).phase, PHASE_READY);
    assert_int_equal(ended(&arena, STEP_START, ERR_NONE, &idle).phase, PHASE_LAUNCHING);
    assert_int_equal(ended(&arena, STEP_UNPIN, ERR_NONE, &idle).pinned, 0);
    const struct outcome other = { .target_id = "p" };
    assert_int_equal(ended(&arena, STEP_UNPIN, ERR_NONE, &other).pinned, 1);
    const struct outcome carried = { .target_id = "a", .carried = "[3]" };
    assert_string_equal(ended(&arena, STEP_PERMIT, ERR_NONE, &carried).permissions, "[3]");
    assert_string_equal(ended(&arena, STEP_INSTALL, ERR_NONE, &carried).libraries, "[3]");
    assert_string_equal(ended(&arena, STEP_UNINSTALL, ERR_NONE, &carried).libraries, "[3]");
}

static void test_removed(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    static const enum err_code codes[] = { ERR_NONE, ERR_NOT_FOUND }; /* both mean: it is gone */
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        const struct outcome old = { .target_id = "p" };
        struct record r = ended(&arena, STEP_DELETE, codes[i], &old);
        assert_null(r.predecessor_id);
        assert_string_equal(r.cluster_id, "a");
        assert_int_equal(r.failures, 1);
        const struct outcome own = { .target_id = "a" };
        r = ended(&arena, STEP_DELETE, codes[i], &own);
        assert_null(r.cluster_id);
        assert_int_equal(r.phase, PHASE_NONE);
        assert_int_equal(r.failures, 0); /* its failures went with it */
    }
}

static void test_failed(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    static const struct {
        enum step step;
        enum err_code code;
        enum phase phase;
        bool is_final, is_pending, has_retry;
    } rows[] = {
        { STEP_CREATE, ERR_REJECTED, PHASE_FAILED, true, false, false },
        { STEP_CREATE, ERR_NOT_FOUND, PHASE_FAILED, true, false, false },
        { STEP_CREATE, ERR_DENIED, PHASE_FAILED, false, false, true },
        { STEP_CREATE, ERR_QUOTA, PHASE_FAILED, false, false, true },
        { STEP_CREATE, ERR_REFUSED, PHASE_FAILED, false, false, true },
        { STEP_CREATE, ERR_TIMEOUT, PHASE_UNKNOWN, false, true, false },
        { STEP_CREATE, ERR_CANCELLED, PHASE_UNKNOWN, false, true, false },
        { STEP_EDIT, ERR_REJECTED, PHASE_READY, true, false, false },
        { STEP_EDIT, ERR_TIMEOUT, PHASE_READY, false, true, true },
        { STEP_EDIT, ERR_STATE, PHASE_READY, false, false, true },
        { STEP_EDIT, ERR_NOT_FOUND, PHASE_READY, false, false, true },
        { STEP_PERMIT, ERR_REJECTED, PHASE_READY, true, false, false },
        { STEP_UPLOAD, ERR_LIMIT, PHASE_READY, true, false, false },
        { STEP_TERMINATE, ERR_REJECTED, PHASE_READY, false, false, true },
        { STEP_DELETE, ERR_REJECTED, PHASE_READY, false, false, true },
        { STEP_UNPIN, ERR_DENIED, PHASE_READY, false, false, true },
        { STEP_PIN, ERR_REJECTED, PHASE_READY, false, false, true },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct outcome more = { .target_id = "a" };
        struct record r = ended(&arena, rows[i].step, rows[i].code, &more);
        assert_int_equal(r.phase, rows[i].phase);
        assert_int_equal(r.failures, 2);
        assert_string_equal(r.error, "no luck");
        assert_string_equal(r.cluster_id, "a");
        assert_int_equal(text_equal(r.failed_digest, "new"), rows[i].is_final);
        assert_int_equal(r.pending_spec != NULL, rows[i].is_pending);
        assert_int_equal(r.retry_at_ms > 1000, rows[i].has_retry);
    }
}

/* The server's own word on when to come back is kept. */
static void test_retry_after(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct outcome outcome = { .step = STEP_CREATE,
                                     .err = { .code = ERR_THROTTLED, .retry_after_ms = 77000 } };
    struct record after;
    conclude(&arena, &before, &outcome, 1000, 0, &after);
    assert_true(after.retry_at_ms == 78000);
}

/* ---- what follows ---- */

/* Each call, refused for good or for now, at its place in a cluster's life. */
static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        enum step step;
        enum err_code code;
        const char *wants;
        enum hold hold; /* in the end */
        const char *story;
        size_t live;
    } rows[] = {
        /* Refused for good: once, and the rest goes on running. */
        { STEP_CREATE, ERR_REJECTED, WANTS(V2, "2", ""), HOLD_ROLLED_BACK,
          "terminate a\ncreate (rejected)\nstart a\n", 1 },
        { STEP_CREATE, ERR_REJECTED, WANTS(V2, "2", "keep: {rollback: false}\n"), HOLD_FAILED,
          "terminate a\ncreate (rejected)\n", 0 },
        { STEP_CREATE, ERR_REJECTED, WANTS(V2, "2", "keep: {strategy: blue-green}\n"),
          HOLD_ROLLED_BACK, "create (rejected)\n", 1 },
        { STEP_PERMIT, ERR_REJECTED, WANTS(V2, "2", EXTRAS "keep: {strategy: blue-green}\n"),
          HOLD_ROLLED_BACK, "create c1\npermit c1 (rejected)\nterminate c1\n", 1 },
        { STEP_EDIT, ERR_REJECTED, WANTS(V1, "2", "keep: {strategy: in-place}\n"), HOLD_NONE, "",
          1 },
        { STEP_EDIT, ERR_REJECTED, WANTS(V2, "2", "keep: {strategy: in-place}\n"), HOLD_FAILED,
          "edit a (rejected)\n", 1 },
        { STEP_RESIZE, ERR_REJECTED, WANTS(V1, "9", ""), HOLD_FAILED, "resize a (rejected)\n", 1 },
        { STEP_PERMIT, ERR_REJECTED, WANTS(V1, "2", EXTRAS), HOLD_FAILED, "permit a (rejected)\n",
          1 },
        { STEP_PERMIT, ERR_REJECTED, WANTS(V2, "2", EXTRAS), HOLD_FAILED,
          "terminate a\ncreate c1\npermit c1 (rejected)\n", 1 },
        /* For now: again, until it works. */
        { STEP_CREATE, ERR_DENIED, WANTS(V2, "2", ""), HOLD_NONE,
          "terminate a\ncreate (denied)\ncreate c1\ndelete a\n", 1 },
        { STEP_CREATE, ERR_QUOTA, WANTS(V2, "2", ""), HOLD_NONE,
          "terminate a\ncreate (quota)\ncreate c1\ndelete a\n", 1 },
        { STEP_TERMINATE, ERR_BUSY, WANTS(V2, "2", ""), HOLD_NONE,
          "terminate a (busy)\nterminate a\ncreate c1\ndelete a\n", 1 },
        { STEP_DELETE, ERR_REJECTED, WANTS(V2, "2", ""), HOLD_NONE,
          "terminate a\ncreate c1\ndelete a (rejected)\ndelete a\n", 1 },
        { STEP_RESIZE, ERR_STATE, WANTS(V1, "9", ""), HOLD_NONE,
          "resize a (invalid-state)\nresize a\n", 1 },
        { STEP_EDIT, ERR_SERVER, WANTS(V2, "2", "keep: {strategy: in-place}\n"), HOLD_NONE,
          "edit a (server)\nedit a\n", 1 },
        { STEP_INSTALL, ERR_THROTTLED, WANTS(V1, "2", EXTRAS), HOLD_NONE,
          "permit a\ninstall a (throttled)\ninstall a\n", 1 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct decide_case c;
        case_open(&c);
        case_desire(&c, WANTS(V1, "2", ""));
        (void)case_cluster(&c, "a", CLUSTER_RUNNING, "main", HAS(V1, "2"));
        case_record(&c, "a", PHASE_READY);
        c.fault = (struct fault){ rows[i].step, rows[i].code, false, 1 };
        case_desire(&c, rows[i].wants);
        const struct decision *d = case_run(&c);
        assert_string_equal(case_story(&c), rows[i].story);
        assert_int_equal(d->hold, rows[i].hold);
        assert_int_equal(case_live(&c), rows[i].live);
        if (rows[i].hold != HOLD_NONE) {
            assert_non_null(strstr(d->why, "refused by the test"));
            case_pass(&c, 100000000);
            assert_int_equal(case_run(&c)->hold, rows[i].hold); /* and not again */
            assert_string_equal(case_story(&c), "");
        }
        case_close(&c);
    }
}

/* Answers that are lost after the effect: nothing is done twice. */
static void test_lost_answers(void **state)
{
    (void)state;
    static const struct {
        enum step step;
        enum cluster_state state;
        const char *wants, *story;
    } rows[] = {
        { STEP_CREATE, CLUSTER_RUNNING, WANTS(V2, "2", EXTRAS),
          "terminate a\ncreate (timeout)\npermit c1\ninstall c1\ndelete a\n" },
        { STEP_TERMINATE, CLUSTER_RUNNING, WANTS(V2, "2", ""),
          "terminate a (timeout)\ncreate c1\ndelete a\n" },
        { STEP_DELETE, CLUSTER_RUNNING, WANTS(V2, "2", ""),
          "terminate a\ncreate c1\ndelete a (timeout)\n" },
        { STEP_EDIT, CLUSTER_RUNNING, WANTS(V2, "2", "keep: {strategy: in-place}\n"),
          "edit a (timeout)\n" },
        { STEP_EDIT, CLUSTER_TERMINATED, WANTS(V2, "2", ""), "edit a (timeout)\n" },
        { STEP_RESIZE, CLUSTER_RUNNING, WANTS(V1, "9", ""), "resize a (timeout)\n" },
        { STEP_START, CLUSTER_TERMINATED, WANTS(V1, "2", "keep: {running: true}\n"),
          "start a (timeout)\n" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct decide_case c;
        case_open(&c);
        case_desire(&c, WANTS(V1, "2", ""));
        (void)case_cluster(&c, "a", rows[i].state, "main", HAS(V1, "2"));
        case_record(&c, "a", PHASE_READY);
        c.fault = (struct fault){ rows[i].step, ERR_TIMEOUT, true, 1 };
        case_desire(&c, rows[i].wants);
        const struct decision *d = case_run(&c);
        assert_string_equal(case_story(&c), rows[i].story);
        assert_int_equal(d->hold, HOLD_NONE);
        assert_int_equal(c.record.phase, PHASE_READY);
        assert_string_equal(c.record.applied_digest, case_digest(&c));
        assert_null(c.record.pending_spec);
        assert_null(c.record.error);
        case_close(&c);
    }
}

/* An edit that mends a launch that failed, its answer lost: the failure is not pinned on it. */
static void test_lost_edit_after_failure(void **state)
{
    (void)state;
    struct decide_case c;
    case_open(&c);
    case_desire(&c, WANTS(V1, "2", "keep: {strategy: in-place}\n"));
    case_cluster(&c, "a", CLUSTER_TERMINATED, "main", HAS(V1, "2"))->reason = "INIT_SCRIPT_FAILURE";
    case_list(&c);
    case_record(&c, "a", PHASE_LAUNCHING);
    assert_int_equal(case_run(&c)->hold, HOLD_FAILED);
    c.fault = (struct fault){ STEP_EDIT, ERR_TIMEOUT, true, 1 };
    case_desire(&c, WANTS(V2, "2", "keep: {strategy: in-place}\n"));
    assert_int_equal(case_run(&c)->hold, HOLD_NONE);
    assert_string_equal(case_story(&c), "edit a (timeout)\nstart a\n");
    assert_int_equal(c.record.phase, PHASE_READY);
    case_close(&c);
}

static void test_edit_of_what_is_gone(void **state)
{
    (void)state;
    struct decide_case c;
    case_open(&c);
    case_desire(&c, WANTS(V1, "2", ""));
    (void)case_cluster(&c, "a", CLUSTER_TERMINATED, "main", HAS(V1, "2"));
    case_record(&c, "a", PHASE_READY);
    c.fault = (struct fault){ STEP_EDIT, ERR_NOT_FOUND, false, 1 };
    case_desire(&c, WANTS(V2, "2", ""));
    c.fresh_id = "a";
    const struct decision *d = case_decide(&c);
    assert_int_equal(d->step, STEP_EDIT);
    case_gone(&c, "a");
    (void)case_run(&c);
    assert_true(text_ends(case_story(&c), "create c1\n"));
    assert_string_equal(c.record.cluster_id, "c1");
    case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worked),
        cmocka_unit_test(test_removed),
        cmocka_unit_test(test_failed),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_lost_answers),
        cmocka_unit_test(test_lost_edit_after_failure),
        cmocka_unit_test(test_edit_of_what_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

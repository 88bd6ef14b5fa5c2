/* There is no manifest (any more). */
#include "decide_case.h"
#include "decide_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "text.h"

/* Recorded as `a`, as its manifest asked until now. */
static void open_gone(struct decide_case *c, enum cluster_state state, const char *keep)
{
    case_open(c);
    case_desire(c, arena_printf(&c->arena, "%s%s", WANTS(V1, "2", ""), keep));
    case_record(c, "a", PHASE_READY);
    (void)case_cluster(c, "a", state, "main", HAS(V1, "2"));
    case_desire(c, NULL);
}

static void test_policies(void **state)
{
    (void)state;
    static const struct {
        const char *keep, *story;
        enum cluster_state state;
        enum cost cost;
        bool pinned;
        bool is_recorded; /* in the end */
    } rows[] = {
        { "", "terminate a\n", CLUSTER_RUNNING, COST_STOP, false, false },
        { "", "terminate a\n", CLUSTER_RUNNING, COST_STOP, true, false },
        { "", "terminate a\n", CLUSTER_PENDING, COST_STOP, false, false },
        { "", "", CLUSTER_TERMINATED, COST_NONE, false, false },
        { "keep: {prune: delete}\n", "delete a\n", CLUSTER_RUNNING, COST_STOP, false, false },
        { "keep: {prune: delete}\n", "unpin a\ndelete a\n", CLUSTER_TERMINATED, COST_NONE, true,
          false },
        { "keep: {prune: orphan}\n", "", CLUSTER_RUNNING, COST_NONE, false, true },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int is_allowed = 0; is_allowed < 2; is_allowed++) {
            struct decide_case c;
            open_gone(&c, rows[i].state, rows[i].keep);
            case_actor(&c, "a")->pinned = rows[i].pinned;
            c.policy.prune_allowed = is_allowed;
            const struct decision *d = case_decide(&c);
            if (is_allowed) {
                assert_int_equal(d->action, ACTION_PRUNE);
                assert_int_equal(d->cost, rows[i].cost);
            }
            d = case_run(&c);
            assert_int_equal(d->hold, is_allowed ? HOLD_NONE : HOLD_UNREADABLE);
            assert_string_equal(case_story(&c), is_allowed ? rows[i].story : "");
            assert_int_equal(c.is_recorded, is_allowed ? rows[i].is_recorded : true);
            case_close(&c);
        }
    }
}

/* Orphaned is for good, and keeps it from being unclaimed; a manifest that returns takes it. */
static void test_orphan(void **state)
{
    (void)state;
    struct decide_case c;
    open_gone(&c, CLUSTER_RUNNING, "keep: {prune: orphan}\n");
    (void)case_run(&c);
    assert_int_equal(c.record.phase, PHASE_ORPHANED);
    c.policy.prune_unclaimed = true;
    assert_false(case_run(&c)->record_changed);
    case_desire(&c, WANTS(V1, "2", ""));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "");
    assert_int_equal(c.record.phase, PHASE_READY);
    case_close(&c);
}

static void promise_2_unclaimed(void **state)
{
    (void)state;
    static const struct {
        bool allowed, flag, orphan;
        enum cluster_state state;
        enum hold hold;
        const char *story;
    } rows[] = {
        { true, false, false, CLUSTER_RUNNING, HOLD_UNCLAIMED, "" },
        { true, true, false, CLUSTER_RUNNING, HOLD_NONE, "terminate a\n" },
        { false, true, false, CLUSTER_RUNNING, HOLD_UNCLAIMED, "" },
        { true, true, true, CLUSTER_RUNNING, HOLD_NONE, "" },
        { true, true, false, CLUSTER_TERMINATED, HOLD_NONE, "" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct decide_case c;
        case_open(&c);
        c.policy.prune_allowed = rows[i].allowed;
        c.policy.prune_unclaimed = rows[i].flag;
        case_desire(&c, WANTS(V1, "2", "keep: {prune: orphan}\n"));
        struct actor *actor = case_cluster(&c, "a", rows[i].state, NULL, HAS(V1, "2"));
        struct manifest made = c.manifest;
        if (!rows[i].orphan) made.keep.prune = PRUNE_TERMINATE;
        actor->spec = tags_add(&c.arena, actor->spec, "main", &made, "before");
        case_desire(&c, NULL);
        case_list(&c);
        assert_int_equal(case_run(&c)->hold, rows[i].hold);
        assert_string_equal(case_story(&c), rows[i].story);
        assert_false(c.is_recorded);
        case_close(&c);
    }
}

/* A removal that fails is tried again, later each time; what failed before does not delay it. */
static void test_removal_fails(void **state)
{
    (void)state;
    static const enum err_code codes[] = { ERR_REJECTED, ERR_DENIED, ERR_BUSY, ERR_TIMEOUT };
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct decide_case c;
        open_gone(&c, CLUSTER_RUNNING, "");
        c.record.failures = 3;
        c.record.retry_at_ms = c.now_ms + 1000000;
        c.fault = (struct fault){ STEP_TERMINATE, codes[i], false, 1 };
        const struct decision *d = case_turn(&c);
        assert_int_equal(d->hold, HOLD_BACKOFF);
        assert_true(d->wake_at_ms > c.now_ms);
        assert_int_equal(c.record.failures, 1);
        (void)case_run(&c);
        const char *story = case_story(&c);
        assert_true(text_ends(story, ")\nterminate a\n"));
        assert_false(c.is_recorded);
        case_close(&c);
    }
}

static void test_returns_while_removing(void **state)
{
    (void)state;
    struct decide_case c;
    open_gone(&c, CLUSTER_RUNNING, "");
    c.fault = (struct fault){ STEP_TERMINATE, ERR_DENIED, false, 1 };
    (void)case_turn(&c);
    assert_int_equal(c.record.phase, PHASE_REMOVING);
    case_desire(&c, WANTS(V1, "2", ""));
    const struct decision *d = case_run(&c);
    assert_int_equal(d->hold, HOLD_NONE);
    assert_string_equal(case_story(&c), "terminate a (denied)\n");
    assert_int_equal(c.record.phase, PHASE_READY);
    assert_null(c.record.error);
    case_close(&c);
}

/* It was on its way: its launch is watched again. */
static void test_returns_while_launching(void **state)
{
    (void)state;
    struct decide_case c;
    open_gone(&c, CLUSTER_PENDING, "");
    c.record.phase = PHASE_LAUNCHING;
    c.fault = (struct fault){ STEP_TERMINATE, ERR_DENIED, false, 1 };
    (void)case_turn(&c);
    c.bad_image = V1;
    c.bad_reason = "DOCKER_INVALID_OS_EXCEPTION";
    case_desire(&c, WANTS(V1, "2", ""));
    assert_int_equal(case_run(&c)->hold, HOLD_FAILED);
    assert_string_equal(case_story(&c), "terminate a (denied)\n");
    case_close(&c);
}

/* What was replaced and is not listed is asked for before it is forgotten. */
static void test_unlisted_predecessor(void **state)
{
    (void)state;
    struct decide_case c;
    open_gone(&c, CLUSTER_TERMINATED, "");
    c.record.predecessor_id = "p";
    struct actor *p = case_cluster(&c, "p", CLUSTER_TERMINATED, "main", HAS(V1, "2"));
    p->sighting.id = NULL;
    (void)case_turn(&c);
    assert_string_equal(case_story(&c), "delete p\n");
    assert_false(c.is_recorded);
    case_close(&c);
}

/* A replacement under way: both go, and a create without an answer is waited for. */
static void test_gone_while_replacing(void **state)
{
    (void)state;
    for (int lost = 0; lost < 3; lost++) {
        struct decide_case c;
        open_gone(&c, CLUSTER_RUNNING, "");
        case_desire(&c, WANTS(V2, "2", ""));
        (void)case_turn(&c);
        case_pass(&c, 60000);
        if (lost > 0) c.fault = (struct fault){ STEP_CREATE, ERR_TIMEOUT, lost == 1, 1 };
        (void)case_turn(&c);
        case_desire(&c, NULL);
        (void)case_run(&c);
        static const char *const stories[] = {
            "terminate a\ncreate c1\nterminate c1\ndelete a\n",
            "terminate a\ncreate (timeout)\nterminate c1\ndelete a\n",
            "terminate a\ncreate (timeout)\ndelete a\n",
        };
        assert_string_equal(case_story(&c), stories[lost]);
        assert_int_equal(case_live(&c), 0);
        assert_false(c.is_recorded);
        case_close(&c);
    }
}

/* Ended before or after each call of a removal. */
static void test_crashes(void **state)
{
    (void)state;
    for (int at = 1; at <= 4; at++) {
        struct decide_case c;
        open_gone(&c, CLUSTER_RUNNING, "keep: {prune: delete}\n");
        case_actor(&c, "a")->pinned = true;
        c.crash_at = (at + 1) / 2;
        c.crash_late = at % 2 == 0;
        (void)case_run(&c);
        assert_null(case_actor(&c, "a"));
        assert_false(c.is_recorded);
        case_close(&c);
    }
}

/* Taken over by ID and never edited: it bears no tag, and goes all the same. */
static void test_adopted_goes(void **state)
{
    (void)state;
    struct decide_case c;
    case_open(&c);
    case_desire(&c, WANTS(V1, "2", "keep: {adopt: a}\n"));
    (void)case_cluster(&c, "a", CLUSTER_RUNNING, NULL, HAS(V1, "2"));
    (void)case_run(&c);
    case_desire(&c, NULL);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "terminate a\n");
    assert_false(c.is_recorded);
    case_close(&c);
}

/* Every live cluster of the name goes, and no stranger's. */
static void test_duplicates_go(void **state)
{
    (void)state;
    struct decide_case c;
    open_gone(&c, CLUSTER_RUNNING, "");
    (void)case_cluster(&c, "b", CLUSTER_RUNNING, "main", HAS(V1, "2"));
    (void)case_cluster(&c, "x", CLUSTER_RUNNING, "other", HAS(V1, "2"));
    (void)case_turn(&c);
    assert_string_equal(case_story(&c), "terminate a\nterminate b\n");
    assert_int_equal(case_live(&c), 1);
    case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_orphan),
        cmocka_unit_test(promise_2_unclaimed),
        cmocka_unit_test(test_removal_fails),
        cmocka_unit_test(test_returns_while_removing),
        cmocka_unit_test(test_returns_while_launching),
        cmocka_unit_test(test_unlisted_predecessor),
        cmocka_unit_test(test_gone_while_replacing),
        cmocka_unit_test(test_crashes),
        cmocka_unit_test(test_adopted_goes),
        cmocka_unit_test(test_duplicates_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

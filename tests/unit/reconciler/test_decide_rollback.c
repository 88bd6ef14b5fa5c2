/* Blue-green replacement, and the way back to what ran before. */
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
#define BLUE_GREEN    "keep: {strategy: blue-green}\n"
#define IN_PLACE      "keep: {strategy: in-place}\n"

static void fail_launches_of(struct decide_case *c, const char *image, const char *reason)
{
    c->bad_image = image;
    c->bad_reason = reason;
}

/* The new one runs, with all that belongs to it, before the old one goes. */
static void promise_6_blue_green(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, BLUE_GREEN);
    case_actor(&c, "a")->pinned = true;
    case_list(&c);
    (void)case_run(&c);
    case_desire(&c, WANTS(V2, "2", EXTRAS BLUE_GREEN));
    assert_int_equal(case_decide(&c)->cost, COST_NEW);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "create c1\npermit c1\ninstall c1\npin c1\nterminate a\n"
                                        "unpin a\ndelete a\n");
    case_assert_settled(&c, "c1", V2);
    case_close(&c);
}

/* While the new one is on its way, the old one serves. */
static void promise_6_blue_green_overlaps(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, BLUE_GREEN);
    case_desire(&c, WANTS(V2, "2", BLUE_GREEN));
    (void)case_turn(&c);
    assert_int_equal(case_live(&c), 2);
    assert_string_equal(c.record.predecessor_id, "a");
    assert_int_equal(case_actor(&c, "a")->state, CLUSTER_RUNNING);
    case_close(&c);
}

static void promise_6_blue_green_fails(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, BLUE_GREEN);
    fail_launches_of(&c, V2, IMAGE_FAILURE);
    case_desire(&c, WANTS(V2, "2", BLUE_GREEN));
    const struct decision *d = case_run(&c);
    assert_string_equal(case_story(&c), "create c1\n");
    assert_int_equal(d->hold, HOLD_ROLLED_BACK);
    assert_non_null(strstr(d->why, IMAGE_FAILURE));
    assert_string_equal(c.record.cluster_id, "a");
    assert_int_equal(case_actor(&c, "a")->state, CLUSTER_RUNNING); /* never stopped */
    assert_non_null(case_actor(&c, "c1"));                         /* its events can be read */
    case_pass(&c, 100000000);
    assert_int_equal(case_run(&c)->hold, HOLD_ROLLED_BACK);
    assert_string_equal(case_story(&c), "");

    case_desire(&c, WANTS(V3, "2", BLUE_GREEN)); /* a new try */
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "delete c1\ncreate c2\ndelete a\n");
    case_assert_settled(&c, "c2", V3);
    case_close(&c);
}

/* No machines for the new one: it is tried again, and the old one serves meanwhile. */
static void test_blue_green_waits(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, BLUE_GREEN);
    fail_launches_of(&c, V2, NO_MACHINES);
    case_desire(&c, WANTS(V2, "2", BLUE_GREEN));
    for (int i = 0; i < 3; i++) {
        (void)case_turn(&c);
        case_pass(&c, 600000);
        assert_int_equal(case_actor(&c, "a")->state, CLUSTER_RUNNING);
    }
    c.bad_image = NULL;
    (void)case_run(&c);
    case_assert_settled(&c, "c1", V2);
    assert_null(case_actor(&c, "a"));
    case_close(&c);
}

/* The manifest goes back while the new one is on its way: the old one was never gone. */
static void test_blue_green_reverted(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, BLUE_GREEN);
    c.stuck = true;
    case_desire(&c, WANTS(V2, "2", BLUE_GREEN));
    (void)case_turn(&c);
    case_desire(&c, WANTS(V1, "2", BLUE_GREEN));
    c.stuck = false;
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "create c1\nterminate c1\n");
    assert_string_equal(c.record.cluster_id, "a");
    assert_int_equal(case_live(&c), 1);
    case_close(&c);
}

/* Overtaken by a third one: the one in between goes, the old one serves. */
static void test_blue_green_overtaken(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, BLUE_GREEN);
    c.stuck = true;
    case_desire(&c, WANTS(V2, "2", BLUE_GREEN));
    (void)case_turn(&c);
    case_desire(&c, WANTS(V3, "2", BLUE_GREEN));
    c.stuck = false;
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "create c1\ndelete c1\ncreate c2\ndelete a\n");
    case_assert_settled(&c, "c2", V3);
    case_close(&c);
}

/* In place: the spec that ran is laid over, and the cluster is started with it; once. */
static void promise_6_back_in_place(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, IN_PLACE);
    fail_launches_of(&c, V2, IMAGE_FAILURE);
    case_desire(&c, WANTS(V2, "3", IN_PLACE));
    const struct decision *d = case_run(&c);
    assert_string_equal(case_story(&c), "edit a\nedit a\nstart a\n");
    assert_int_equal(d->hold, HOLD_ROLLED_BACK);
    assert_non_null(strstr(d->why, V1));
    const struct value *spec = case_actor(&c, "a")->spec;
    assert_string_equal(value_get_text(value_get(spec, "docker_image"), "url"), V1);
    case_pass(&c, 100000000);
    assert_int_equal(case_run(&c)->hold, HOLD_ROLLED_BACK);
    assert_string_equal(case_story(&c), "");
    case_close(&c);
}

/* Nothing ever ran: there is nothing to go back to. */
static void test_first_of_all(void **state)
{
    (void)state;
    struct decide_case c;
    case_open(&c);
    fail_launches_of(&c, V1, IMAGE_FAILURE);
    case_desire(&c, WANTS(V1, "2", ""));
    assert_int_equal(case_run(&c)->hold, HOLD_FAILED);
    assert_string_equal(case_story(&c), "create c1\n");
    case_close(&c);
}

static void test_not_wanted(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    fail_launches_of(&c, V2, IMAGE_FAILURE);
    case_desire(&c, WANTS(V2, "2", "keep: {rollback: false}\n"));
    assert_int_equal(case_run(&c)->hold, HOLD_FAILED);
    assert_string_equal(case_story(&c), "terminate a\ncreate c1\n");
    case_close(&c);
}

/* What ran before does not start either: that is the end, and it is said. */
static void test_back_fails(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    fail_launches_of(&c, V2, IMAGE_FAILURE);
    case_desire(&c, WANTS(V2, "2", ""));
    while (c.record.rollback == ROLLBACK_NONE) {
        (void)case_turn(&c);
        case_pass(&c, 60000);
    }
    fail_launches_of(&c, V1, "INIT_SCRIPT_FAILURE");
    case_actor(&c, "a")->state = CLUSTER_TERMINATED;
    c.record.phase = PHASE_FAILED;
    case_list(&c);
    (void)case_story(&c);
    const struct decision *d = case_run(&c);
    assert_string_equal(case_story(&c), "start a\n");
    assert_int_equal(d->hold, HOLD_FAILED);
    assert_non_null(strstr(d->why, "which did not start either"));
    case_pass(&c, 100000000);
    assert_int_equal(case_run(&c)->hold, HOLD_FAILED);
    assert_string_equal(case_story(&c), "");

    case_desire(&c, WANTS(V3, "2", "")); /* a person acted */
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "delete c1\ncreate c2\ndelete a\n");
    case_assert_settled(&c, "c2", V3);
    case_close(&c);
}

/* No machines on the way back: again, until there are. */
static void test_back_waits(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, IN_PLACE);
    fail_launches_of(&c, V2, IMAGE_FAILURE);
    case_desire(&c, WANTS(V2, "2", IN_PLACE));
    while (c.record.rollback == ROLLBACK_NONE) {
        (void)case_turn(&c);
        case_pass(&c, 60000);
    }
    fail_launches_of(&c, V1, NO_MACHINES);
    (void)case_turn(&c);
    case_pass(&c, 60000);
    (void)case_turn(&c);
    assert_int_equal(c.record.rollback, ROLLBACK_BACK);
    c.bad_image = NULL;
    assert_int_equal(case_run(&c)->hold, HOLD_ROLLED_BACK);
    assert_int_equal(case_actor(&c, "a")->state, CLUSTER_RUNNING);
    case_close(&c);
}

/* A closed workspace starts nothing else either. */
static void test_halt(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    fail_launches_of(&c, V2, "TRIAL_EXPIRED");
    case_desire(&c, WANTS(V2, "2", ""));
    assert_int_equal(case_run(&c)->hold, HOLD_FAILED);
    assert_string_equal(case_story(&c), "terminate a\ncreate c1\n");
    case_close(&c);
}

/* Both are removed by hand: what ran is made anew. */
static void test_back_when_all_is_gone(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    fail_launches_of(&c, V2, IMAGE_FAILURE);
    case_desire(&c, WANTS(V2, "2", ""));
    assert_int_equal(case_run(&c)->hold, HOLD_ROLLED_BACK);
    (void)case_story(&c);
    case_gone(&c, "a");
    case_gone(&c, "c1");
    case_pass(&c, c.policy.create_grace_ms);
    assert_int_equal(case_run(&c)->hold, HOLD_ROLLED_BACK);
    assert_string_equal(case_story(&c), "create c2\n");
    const struct value *spec = case_actor(&c, "c2")->spec;
    assert_string_equal(value_get_text(value_get(spec, "docker_image"), "url"), V1);
    case_close(&c);
}

/* The manifest goes while it is set aside: everything that was made for it goes. */
static void test_gone_while_back(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    fail_launches_of(&c, V2, IMAGE_FAILURE);
    case_desire(&c, WANTS(V2, "2", ""));
    assert_int_equal(case_run(&c)->hold, HOLD_ROLLED_BACK);
    (void)case_story(&c);
    case_desire(&c, NULL);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "terminate a\ndelete c1\n");
    assert_false(c.is_recorded);
    case_close(&c);
}

/* What was replaced, or failed, has another owner by now: it is that owner's. */
static void test_given_away(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    (void)case_cluster(&c, "p", CLUSTER_TERMINATED, "other", HAS(V2, "2"));
    (void)case_cluster(&c, "f", CLUSTER_TERMINATED, "other", HAS(V2, "2"));
    c.record.predecessor_id = "p";
    c.record.failed_id = "f";
    (void)case_run(&c);
    case_desire(&c, WANTS(V3, "2", ""));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "terminate a\ncreate c1\ndelete a\n");
    case_desire(&c, NULL);
    (void)case_run(&c);
    assert_non_null(case_actor(&c, "p"));
    assert_non_null(case_actor(&c, "f"));
    case_close(&c);
}

/* Killed before or after each call: it comes to the same end. */
static void promise_6_killed_anywhere(void **state)
{
    (void)state;
    static const char *const keeps[] = { "", BLUE_GREEN, IN_PLACE };
    for (size_t k = 0; k < COUNT_OF(keeps); k++) {
        for (int at = 1; at <= 8; at++) {
            for (int late = 0; late <= 1; late++) {
                struct decide_case c;
                case_open_with(&c, CLUSTER_RUNNING, keeps[k]);
                fail_launches_of(&c, V2, IMAGE_FAILURE);
                case_desire(&c, arena_printf(&c.arena, "%s%s", WANTS(V2, "2", EXTRAS), keeps[k]));
                c.crash_at = at;
                c.crash_late = late != 0;
                assert_int_equal(case_run(&c)->hold, HOLD_ROLLED_BACK);
                assert_int_equal(case_live(&c), 1);
                const struct actor *kept = case_actor(&c, c.record.cluster_id);
                const char *image = value_get_text(value_get(kept->spec, "docker_image"), "url");
                assert_string_equal(image, V1);
                assert_int_equal(kept->state, CLUSTER_RUNNING);
                case_close(&c);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promise_6_blue_green),
        cmocka_unit_test(promise_6_blue_green_overlaps),
        cmocka_unit_test(promise_6_blue_green_fails),
        cmocka_unit_test(test_blue_green_waits),
        cmocka_unit_test(test_blue_green_reverted),
        cmocka_unit_test(test_blue_green_overtaken),
        cmocka_unit_test(promise_6_back_in_place),
        cmocka_unit_test(test_first_of_all),
        cmocka_unit_test(test_not_wanted),
        cmocka_unit_test(test_back_fails),
        cmocka_unit_test(test_back_waits),
        cmocka_unit_test(test_halt),
        cmocka_unit_test(test_back_when_all_is_gone),
        cmocka_unit_test(test_gone_while_back),
        cmocka_unit_test(test_given_away),
        cmocka_unit_test(promise_6_killed_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

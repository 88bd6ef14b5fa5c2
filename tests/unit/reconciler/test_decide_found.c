/*
 * What the simulation found (tests/sim/seeds.txt), each as the shortest story that shows it.
 */
#include "decide_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decide_words.h"

enum { MINUTE_MS = 60000, HALF_HOUR_MS = 30 * MINUTE_MS };

static size_t count_of(const char *story, const char *line)
{
    size_t count = 0;
    for (const char *at = story; (at = strstr(at, line)) != NULL; at++) {
        count++;
    }
    return count;
}

/* Seed 193: what is about to be replaced is not pinned, only to be unpinned again. */
static void test_overtaken_is_not_furnished(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    c.stuck = true;
    case_desire(&c, WANTS(V2, "2", ""));
    (void)case_turn(&c);
    case_pass(&c, MINUTE_MS);
    (void)case_turn(&c);
    assert_string_equal(case_story(&c), "terminate a\ncreate c1\n");
    case_desire(&c, WANTS(V3, "2", "keep: {pinned: true}\n"));
    (void)case_turn(&c);
    const char *story = case_story(&c);
    assert_int_equal(count_of(story, "pin c1"), 0);
    assert_int_equal(count_of(story, "delete c1"), 1);
    case_close(&c);
}

/* Seed 734: what is removed for good while it runs is there until it has stopped. */
static void test_removal_waits(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "keep: {prune: delete}\n");
    case_actor(&c, "a")->state = CLUSTER_TERMINATING;
    case_list(&c);
    case_desire(&c, NULL);
    assert_int_equal(case_turn(&c)->hold, HOLD_WAIT);
    assert_string_equal(case_story(&c), "");
    case_pass(&c, MINUTE_MS);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "delete a\n");
    case_close(&c);
}

/* Seed 2476: one live copy beside a cluster at rest does no harm; of two, one goes. */
static void test_two_copies(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_TERMINATED, "");
    (void)case_cluster(&c, "x", CLUSTER_RUNNING, "main", HAS(V1, "2"));
    (void)case_turn(&c);
    assert_string_equal(case_story(&c), "");
    (void)case_cluster(&c, "y", CLUSTER_RUNNING, "main", HAS(V1, "2"));
    (void)case_turn(&c);
    assert_string_equal(case_story(&c), "terminate x\n");
    case_close(&c);
}

/* Seed 2795: a replaced cluster that somebody woke is stopped, though a pin is refused for ever. */
static void test_woken_while_pin_is_refused(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    c.fault = (struct fault){ .step = STEP_PIN, .code = ERR_DENIED, .times = 1000 };
    case_desire(&c, WANTS(V2, "2", "keep: {pinned: true}\n"));
    (void)case_turn(&c);
    case_pass(&c, MINUTE_MS);
    (void)case_turn(&c);
    case_pass(&c, MINUTE_MS);
    case_actor(&c, "a")->state = CLUSTER_RUNNING; /* by a job that names it */
    case_list(&c);
    for (int i = 0; i < 5; i++) {
        (void)case_turn(&c);
        case_pass(&c, HALF_HOUR_MS);
    }
    assert_int_equal(case_live(&c), 1);
    assert_string_equal(c.record.cluster_id, "c1");
    case_close(&c);
}

/* Seed 304091: also one that was adopted, and never bore our tags. */
static void test_woken_without_tags(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    c.record.predecessor_id = "x";
    (void)case_cluster(&c, "x", CLUSTER_RUNNING, NULL, HAS(V2, "2"));
    c.fault = (struct fault){ .step = STEP_PIN, .code = ERR_DENIED, .times = 1000 };
    case_desire(&c, WANTS(V1, "2", "keep: {pinned: true}\n"));
    (void)case_turn(&c);
    assert_null(case_actor(&c, "x"));
    case_close(&c);
}

/* Seed 14215: a create is given up only when a listing after the grace has looked for it. */
static void test_grace_ends_with_a_listing(void **state)
{
    (void)state;
    struct decide_case c;
    case_open(&c);
    case_desire(&c, WANTS(V1, "2", ""));
    c.fault = (struct fault){ STEP_CREATE, ERR_SERVER, .has_effect = true, .times = 1 };
    c.hidden = true;
    (void)case_turn(&c);
    for (int i = 0; i < 4; i++) {
        case_pass(&c, c.policy.create_grace_ms / 5); /* clean listings, all of them too early */
        (void)case_turn(&c);
    }
    c.now_ms += c.policy.create_grace_ms; /* time alone passes */
    c.listing_new = false;
    assert_int_equal(case_turn(&c)->hold, HOLD_WAIT);
    c.hidden = false;
    case_list(&c);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "create (server)\n");
    case_assert_settled(&c, "c1", V1);
    case_close(&c);
}

/* Seed 203529: the answer to one question is not forgotten over the next. */
static void test_gone_predecessor_is_remembered(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    c.record.predecessor_id = "gone";
    case_desire(&c, NULL);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "terminate a\n");
    assert_false(c.is_recorded);
    case_close(&c);
}

/* Seed 113104: a listing shows it, a question by its ID does not yet. */
static void test_answer_lags_behind_listing(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    c.record.phase_since_ms = c.now_ms;
    case_actor(&c, "a")->sighting.id = NULL;
    c.gone_id = "a";
    const struct decision *d = case_decide(&c);
    assert_int_equal(d->hold, HOLD_WAIT);
    assert_string_equal(d->record.cluster_id, "a");
    c.now_ms += c.policy.create_grace_ms;
    c.gone_id = "a";
    d = case_decide(&c);
    assert_null(d->record.cluster_id);
    case_close(&c);
}

/* Seed 265: a cluster that ran and fails after a restart is no cluster that never ran. */
static void test_restart_that_fails(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    c.record.predecessor_id = "p";
    (void)case_cluster(&c, "p", CLUSTER_TERMINATED, "main", HAS(V2, "2"));
    case_desire(&c, "spec: {spark_version: 15.4.x-scala2.12, node_type_id: i3.2xlarge, "
                    "num_workers: 2, docker_image: {url: \"" V1 "\"}, spark_conf: "
                    "{spark.a: \"1\"}}\n");
    (void)case_turn(&c);
    assert_string_equal(case_story(&c), "delete p\nedit a\n");
    assert_null(c.record.predecessor_id);
    case_close(&c);
}

/* Seed 113361: an unpin without an answer may have had its effect. */
static void test_lost_unpin(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct record before = { .name = "etl", .cluster_id = "a", .pinned = 1 };
    struct outcome outcome = { .step = STEP_UNPIN, .target_id = "a" };
    struct record after;
    (void)err_set(&outcome.err, ERR_TIMEOUT, "no answer");
    conclude(&arena, &before, &outcome, 1000, 1, &after);
    assert_int_equal(after.pinned, -1);
    outcome.target_id = "another";
    conclude(&arena, &before, &outcome, 1000, 1, &after);
    assert_int_equal(after.pinned, 1);
}

/*
 * Seed 3001578: the manifest goes while a cluster that was just made is not shown yet. What it
 * replaced is removed first, and that must not make the new one old enough to be given up.
 */
static void test_gone_before_it_was_shown(void **state)
{
    (void)state;
    struct decide_case c;
    case_open(&c);
    case_desire(&c, WANTS(V1, "2", ""));
    case_record(&c, "n", PHASE_REMOVING);
    case_desire(&c, NULL);
    c.gone_id = "n"; /* so says an answer that lags */
    assert_int_equal(case_decide(&c)->hold, HOLD_WAIT);
    assert_false(c.decision.record_dropped);
    c.gone_id = "n";
    c.now_ms += c.policy.create_grace_ms;
    (void)case_decide(&c);
    assert_true(c.decision.record_dropped);
    case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gone_before_it_was_shown),
        cmocka_unit_test(test_overtaken_is_not_furnished),
        cmocka_unit_test(test_removal_waits),
        cmocka_unit_test(test_two_copies),
        cmocka_unit_test(test_woken_while_pin_is_refused),
        cmocka_unit_test(test_woken_without_tags),
        cmocka_unit_test(test_grace_ends_with_a_listing),
        cmocka_unit_test(test_gone_predecessor_is_remembered),
        cmocka_unit_test(test_answer_lags_behind_listing),
        cmocka_unit_test(test_restart_that_fails),
        cmocka_unit_test(test_lost_unpin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

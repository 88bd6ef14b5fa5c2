/* What the registry says: before anything is touched, and when a tag moves. */
#include "decide_case.h"
#include "decide_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "text.h"

#define IMAGE_FAILURE "DOCKER_IMAGE_PULL_FAILURE"
#define OLD           "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define NEW           "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define NEWER         "sha256:3333333333333333333333333333333333333333333333333333333333333333"
#define FOLLOW        "keep: {follow_tag: true}\n"
#define PIN           "keep: {pin_digest: true}\n"

/* From now on the registry says this, and what it said before has grown old. */
static void registry_says(struct decide_case *c, enum image_verdict verdict, const char *digest)
{
    c->registry = (struct image_facts){ .verdict = verdict, .digest = digest, .text = "so it is" };
    c->image = (struct image_facts){ .verdict = IMAGE_UNASKED };
}

/* It was looked at beside the decisions, as the driver does where a tag is followed. */
static void registry_seen(struct decide_case *c, enum image_verdict verdict, const char *digest)
{
    registry_says(c, verdict, digest);
    c->image = c->registry;
}

static const char *image_of(struct decide_case *c)
{
    const struct actor *kept = case_actor(c, c->record.cluster_id);
    return value_get_text(value_get(kept->spec, "docker_image"), "url");
}

/* ---- before touching ---- */

/* Each verdict, under each setting, for a cluster that runs. */
static void promise_6_verdicts(void **state)
{
    (void)state;
    static const struct {
        enum image_verdict verdict;
        const char *keep;
        enum hold hold;
        bool is_told; /* with what is done */
    } rows[] = {
        { IMAGE_FOUND, "require", HOLD_NONE, false },
        { IMAGE_ABSENT, "require", HOLD_BLOCKED, false },
        { IMAGE_NO_ACCESS, "require", HOLD_BLOCKED, false },
        { IMAGE_LOGIN_REFUSED, "require", HOLD_BLOCKED, false },
        { IMAGE_OTHER_PLATFORM, "require", HOLD_BLOCKED, false },
        { IMAGE_NOT_RUNNABLE, "require", HOLD_BLOCKED, false },
        { IMAGE_UNCHECKED, "require", HOLD_NONE, true },
        { IMAGE_THROTTLED, "require", HOLD_BACKOFF, false },
        { IMAGE_UNREACHABLE, "require", HOLD_BACKOFF, false },
        { IMAGE_ABSENT, "warn", HOLD_NONE, true },
        { IMAGE_UNREACHABLE, "warn", HOLD_NONE, true },
        { IMAGE_ABSENT, "off", HOLD_NONE, false },
    };
    static const char *const strategies[] = { "recreate", "blue-green", "in-place" };
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(strategies); i++) {
        struct decide_case c;
        case_open_with(&c, CLUSTER_RUNNING, "");
        registry_says(&c, rows[i / 3].verdict, NEW);
        const char *keep = arena_printf(&c.arena, "keep: {preflight: %s, strategy: %s}\n",
                                        rows[i / 3].keep, strategies[i % 3]);
        case_desire(&c, arena_printf(&c.arena, "%s%s", WANTS(V2, "2", ""), keep));
        while (case_decide(&c)->step == STEP_CHECK) {
            c.image = c.registry;
        }
        assert_int_equal(c.decision.hold, rows[i / 3].hold);
        assert_int_equal(c.decision.caution != NULL, rows[i / 3].is_told);
        bool holds = rows[i / 3].hold != HOLD_NONE;
        if (holds) assert_string_equal(c.decision.why, "so it is");
        if (holds) assert_true(c.decision.wake_at_ms > c.now_ms);
        bool is_edit = strcmp(strategies[i % 3], "in-place") == 0;
        assert_int_equal(c.decision.action, is_edit ? ACTION_EDIT : ACTION_REPLACE);
        (void)case_turn(&c);
        if (holds) assert_string_equal(case_story(&c), "");
        assert_int_equal(case_actor(&c, "a")->state == CLUSTER_RUNNING,
                         holds || strcmp(strategies[i % 3], "blue-green") == 0);
        case_close(&c);
    }
}

/* Blocked, until the image is there. */
static void test_it_appears(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    registry_says(&c, IMAGE_ABSENT, NULL);
    case_desire(&c, WANTS(V2, "2", ""));
    assert_int_equal(case_turn(&c)->hold, HOLD_BLOCKED);
    assert_int_equal(c.checks, 1);
    registry_says(&c, IMAGE_FOUND, NEW);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "terminate a\ncreate c1\ndelete a\n");
    case_assert_settled(&c, "c1", V2);
    assert_string_equal(c.record.image_digest, NEW);
    case_close(&c);
}

/* Once the old one was stopped, a registry that goes away delays nothing. */
static void test_not_asked_in_the_midst(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    registry_says(&c, IMAGE_FOUND, NEW);
    case_desire(&c, WANTS(V2, "2", ""));
    while (c.record.phase != PHASE_REPLACING) {
        (void)case_turn(&c);
    }
    registry_says(&c, IMAGE_UNREACHABLE, NULL);
    (void)case_run(&c);
    case_assert_settled(&c, "c1", V2);
    case_close(&c);
}

/* A first create is asked about, a resize or an edit of something else is not. */
static void test_when_it_is_asked(void **state)
{
    (void)state;
    struct decide_case c;
    case_open(&c);
    registry_says(&c, IMAGE_ABSENT, NULL);
    case_desire(&c, WANTS(V1, "2", ""));
    assert_int_equal(case_turn(&c)->hold, HOLD_BLOCKED);
    assert_int_equal(c.decision.action, ACTION_CREATE);
    case_close(&c);

    case_open_with(&c, CLUSTER_RUNNING, "");
    registry_says(&c, IMAGE_ABSENT, NULL);
    case_desire(&c, WANTS(V1, "5", ""));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "resize a\n");
    assert_int_equal(c.checks, 0);
    case_close(&c);
}

/* What ran before is gone back to without a question. */
static void test_rollback_asks_nobody(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, "");
    registry_says(&c, IMAGE_FOUND, NEW);
    c.bad_image = V2;
    c.bad_reason = IMAGE_FAILURE;
    case_desire(&c, WANTS(V2, "2", ""));
    while (c.record.rollback == ROLLBACK_NONE) {
        (void)case_turn(&c);
        case_pass(&c, 60000);
    }
    registry_says(&c, IMAGE_UNREACHABLE, NULL);
    assert_int_equal(case_run(&c)->hold, HOLD_ROLLED_BACK);
    assert_string_equal(c.record.cluster_id, "a");
    case_close(&c);
}

/* ---- a tag that moves ---- */

static void open_following(struct decide_case *c, const char *keep)
{
    case_open_with(c, CLUSTER_RUNNING, keep);
    c->record.image_digest = OLD;
    c->record.ran = 1;
}

static void test_tag_moves(void **state)
{
    (void)state;
    struct decide_case c;
    open_following(&c, FOLLOW);
    registry_seen(&c, IMAGE_FOUND, OLD);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "");
    registry_seen(&c, IMAGE_FOUND, NEW);
    const struct decision *d = case_decide(&c);
    assert_int_equal(d->diff.len, 1);
    assert_int_equal(d->diff.differences[0].cause, CAUSE_IMAGE);
    assert_string_equal(d->diff.differences[0].before->text, V1 " (" OLD ")");
    assert_string_equal(d->diff.differences[0].after->text, V1 " (" NEW ")");
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "terminate a\ncreate c1\ndelete a\n");
    assert_string_equal(c.record.image_digest, NEW);
    assert_string_equal(case_story(&c), "");
    case_close(&c);
}

/* An error, or a tag that is gone, is never a change; nor is a tag that nobody follows. */
static void test_no_change(void **state)
{
    (void)state;
    static const struct {
        enum image_verdict verdict;
        const char *digest, *keep;
    } rows[] = {
        { IMAGE_UNREACHABLE, NULL, FOLLOW },
        { IMAGE_ABSENT, NULL, FOLLOW },
        { IMAGE_NO_ACCESS, NULL, FOLLOW },
        { IMAGE_THROTTLED, NEW, FOLLOW },
        { IMAGE_FOUND, NEW, "" },
        { IMAGE_FOUND, NULL, FOLLOW },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct decide_case c;
        open_following(&c, rows[i].keep);
        registry_seen(&c, rows[i].verdict, rows[i].digest);
        assert_int_equal(case_run(&c)->action, ACTION_NONE);
        assert_string_equal(case_story(&c), "");
        assert_string_equal(c.record.image_digest, OLD);
        case_close(&c);
    }
}

/* Nobody saw with which image it was started: what the tag points to now is the base line. */
static void test_base_line(void **state)
{
    (void)state;
    struct decide_case c;
    case_open_with(&c, CLUSTER_RUNNING, FOLLOW);
    registry_seen(&c, IMAGE_FOUND, OLD);
    (void)case_run(&c);
    assert_string_equal(c.record.image_digest, OLD);
    assert_string_equal(case_story(&c), "");
    case_close(&c);
}

/* A terminated one takes what the tag points to when it starts. */
static void test_terminated(void **state)
{
    (void)state;
    struct decide_case c;
    open_following(&c, FOLLOW);
    case_actor(&c, "a")->state = CLUSTER_TERMINATED;
    case_list(&c);
    registry_seen(&c, IMAGE_FOUND, NEW);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "");
    case_close(&c);
}

/* The moved image does not start: back to the one that ran, which only its digest names. */
static void promise_6_moved_image_is_bad(void **state)
{
    (void)state;
    struct decide_case c;
    open_following(&c, FOLLOW);
    c.bad_image = V1; /* what the tag points to now */
    c.bad_reason = IMAGE_FAILURE;
    registry_seen(&c, IMAGE_FOUND, NEW);
    const struct decision *d = case_run(&c);
    assert_int_equal(d->hold, HOLD_ROLLED_BACK);
    assert_string_equal(case_story(&c), "terminate a\ncreate c1\nedit a\nstart a\n");
    assert_string_equal(image_of(&c), V1 "@" OLD);
    assert_int_equal(case_actor(&c, "a")->state, CLUSTER_RUNNING);
    case_pass(&c, 100000000);
    assert_int_equal(case_run(&c)->hold, HOLD_ROLLED_BACK);
    assert_string_equal(case_story(&c), "");

    c.bad_image = NULL; /* pushed anew: a new try, by the tag */
    registry_seen(&c, IMAGE_FOUND, NEWER);
    (void)case_run(&c);
    assert_string_equal(image_of(&c), V1);
    assert_string_equal(c.record.image_digest, NEWER);
    assert_int_equal(case_live(&c), 1);
    case_close(&c);
}

/* ---- by digest ---- */

static void test_pinned(void **state)
{
    (void)state;
    struct decide_case c;
    case_open(&c);
    registry_says(&c, IMAGE_FOUND, OLD);
    case_desire(&c, WANTS(V1, "2", PIN));
    (void)case_run(&c);
    assert_string_equal(image_of(&c), V1 "@" OLD);
    (void)case_story(&c);
    registry_seen(&c, IMAGE_UNREACHABLE, NULL); /* never on an error */
    assert_int_equal(case_run(&c)->action, ACTION_NONE);
    registry_seen(&c, IMAGE_FOUND, NEW);
    (void)case_run(&c);
    assert_string_equal(image_of(&c), V1 "@" NEW);
    assert_string_equal(case_story(&c), "terminate c1\ncreate c2\ndelete c1\n");
    case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promise_6_verdicts),
        cmocka_unit_test(test_it_appears),
        cmocka_unit_test(test_not_asked_in_the_midst),
        cmocka_unit_test(test_when_it_is_asked),
        cmocka_unit_test(test_rollback_asks_nobody),
        cmocka_unit_test(test_tag_moves),
        cmocka_unit_test(test_no_change),
        cmocka_unit_test(test_base_line),
        cmocka_unit_test(test_terminated),
        cmocka_unit_test(promise_6_moved_image_is_bad),
        cmocka_unit_test(test_pinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

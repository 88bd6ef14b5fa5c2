/* A cluster comes to be, is found, taken over, or is there twice. */
#include "decide_case.h"
#include "decide_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "text.h"

static void open_wanting(struct decide_case *c, const char *body)
{
    case_open(c);
    case_desire(c, body);
}

static void test_create(void **state)
{
    (void)state;
    struct decide_case c;
    open_wanting(&c, WANTS(V1, "2", EXTRAS "keep: {pinned: true}\n"));
    const struct decision *d = case_decide(&c);
    assert_int_equal(d->action, ACTION_CREATE);
    assert_int_equal(d->cost, COST_NEW);
    assert_int_equal(d->step, STEP_CREATE);
    assert_null(d->target_id);
    assert_string_equal(d->why, "new manifest");
    assert_true(d->record_changed);
    assert_int_equal(d->record.phase, PHASE_CREATING);
    assert_string_equal(d->record.operation, "op1");
    assert_string_equal(d->record.pending_digest, case_digest(&c));
    const struct value *tags = value_get(d->spec, "custom_tags");
    assert_string_equal(value_get_text(tags, TAG_OWNER), "main");
    assert_string_equal(value_get_text(tags, TAG_NAME), "etl");
    assert_string_equal(value_get_text(tags, TAG_OPERATION), "op1");
    assert_string_equal(value_get_text(tags, TAG_SPEC),
                        tags_spec_digest(&c.arena, c.manifest.spec));
    d = case_run(&c);
    assert_string_equal(case_story(&c), "create c1\npermit c1\ninstall c1\npin c1\n");
    assert_int_equal(d->hold, HOLD_NONE);
    assert_int_equal(c.record.phase, PHASE_READY);
    assert_string_equal(c.record.cluster_id, "c1");
    assert_string_equal(c.record.image, V1);
    assert_int_equal(c.record.pinned, 1);
    case_close(&c);
}

/* Local scripts are put into the workspace first, one after the other. */
static void test_scripts_first(void **state)
{
    (void)state;
    struct decide_case c;
    open_wanting(&c, WANTS(V1, "2", ""));
    static const struct script scripts[] = { { .destination = "/Shared/one" },
                                             { .destination = "/Shared/two" } };
    c.manifest.scripts = scripts;
    c.manifest.scripts_len = COUNT_OF(scripts);
    c.scripts_known[0] = true;
    const struct decision *d = case_decide(&c);
    assert_int_equal(d->step, STEP_UPLOAD);
    assert_int_equal(d->script, 1);
    assert_int_equal(d->action, ACTION_CREATE);
    assert_int_equal(d->record.phase, PHASE_NONE);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "upload\ncreate c1\n");
    case_close(&c);
}

/* The answer is lost; what there is is found by its operation, running or not. */
static void promise_1_create_answer_lost(void **state)
{
    (void)state;
    static const enum err_code codes[] = { ERR_TIMEOUT, ERR_NETWORK, ERR_SERVER, ERR_PROTOCOL,
                                           ERR_CANCELLED };
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct decide_case c;
        open_wanting(&c, WANTS(V1, "2", EXTRAS));
        c.fault = (struct fault){ STEP_CREATE, codes[i], true, 1 };
        const struct decision *d = case_turn(&c);
        assert_int_equal(d->hold, HOLD_WAIT);
        assert_int_equal(c.record.phase, PHASE_UNKNOWN);
        case_pass(&c, 10000);
        assert_string_equal(case_decide(&c)->note, "found after a lost answer");
        (void)case_run(&c);
        assert_non_null(strstr(case_story(&c), ")\npermit c1\ninstall c1\n"));
        assert_string_equal(c.record.cluster_id, "c1");
        assert_string_equal(c.record.applied_digest, case_digest(&c));
        assert_string_equal(c.record.image, V1);
        assert_int_equal(c.record.phase, PHASE_READY);
        assert_int_equal(case_live(&c), 1);
        case_close(&c);
    }
}

/* Nothing is there: issued again after the grace and two clean listings, and never before. */
static void test_create_had_no_effect(void **state)
{
    (void)state;
    struct decide_case c;
    open_wanting(&c, WANTS(V1, "2", ""));
    c.fault = (struct fault){ STEP_CREATE, ERR_TIMEOUT, false, 1 };
    (void)case_turn(&c);
    assert_string_equal(case_story(&c), "create (timeout)\n");
    c.now_ms += c.policy.create_grace_ms;
    for (int listings = 1; listings < 2; listings++) { /* the grace alone is not enough */
        c.listing_new = true;
        assert_int_equal(case_turn(&c)->hold, HOLD_WAIT);
        assert_int_equal(c.record.clean_listings, listings);
    }
    assert_int_equal(case_turn(&c)->hold, HOLD_WAIT); /* nor the same listing twice */
    assert_string_equal(case_story(&c), "");
    c.listing_new = true;
    (void)case_turn(&c);
    assert_string_equal(case_story(&c), "create c1\n");
    case_close(&c);

    open_wanting(&c, WANTS(V1, "2", ""));
    c.fault = (struct fault){ STEP_CREATE, ERR_TIMEOUT, false, 1 };
    (void)case_turn(&c);
    for (int listings = 0; listings < 5; listings++) { /* nor are listings alone */
        c.now_ms += 1000;
        c.listing_new = true;
        const struct decision *d = case_turn(&c);
        assert_int_equal(d->hold, HOLD_WAIT);
        assert_true(d->wake_at_ms > c.now_ms);
    }
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "create (timeout)\ncreate c1\n");
    case_close(&c);
}

/* Listings that lag hide it; when it shows up late, one of the two goes. */
static void test_late_twin(void **state)
{
    (void)state;
    struct decide_case c;
    open_wanting(&c, WANTS(V1, "2", ""));
    c.fault = (struct fault){ STEP_CREATE, ERR_TIMEOUT, true, 1 };
    c.hidden = true;
    (void)case_turn(&c);
    while (c.created < 2) {
        case_pass(&c, 60000);
        (void)case_turn(&c);
    }
    c.hidden = false;
    case_pass(&c, 1000);
    const struct decision *d = case_turn(&c);
    assert_string_equal(case_story(&c), "create (timeout)\ncreate c2\nterminate c1\n");
    assert_int_equal(d->step, STEP_NONE);
    assert_string_equal(c.record.cluster_id, "c2"); /* the recorded one stays */
    assert_int_equal(case_live(&c), 1);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "");
    case_close(&c);
}

/* Right after its create, a get may not find it (databricks-api.md 1.3). */
static void test_not_shown_yet(void **state)
{
    (void)state;
    struct decide_case c;
    open_wanting(&c, WANTS(V1, "2", ""));
    case_record(&c, "c9", PHASE_LAUNCHING);
    const struct decision *d = case_turn(&c);
    assert_int_equal(d->hold, HOLD_WAIT);
    assert_string_equal(c.record.cluster_id, "c9");
    c.now_ms += c.policy.create_grace_ms;
    (void)case_turn(&c);
    assert_string_equal(case_story(&c), "create c1\n");
    case_close(&c);
}

/* Absence is believed only when a get says so. */
static void test_removed_by_hand(void **state)
{
    (void)state;
    struct decide_case c;
    open_wanting(&c, WANTS(V1, "2", ""));
    case_record(&c, "a", PHASE_READY);
    const struct decision *d = case_decide(&c);
    assert_int_equal(d->step, STEP_LOOK);
    assert_string_equal(d->target_id, "a");
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "create c1\n");
    case_close(&c);
}

static void test_state_lost(void **state)
{
    (void)state;
    static const struct {
        enum cluster_state state;
        enum hold hold;
        const char *reason, *has, *story;
    } rows[] = {
        { CLUSTER_RUNNING, HOLD_NONE, NULL, HAS(V1, "2"), "" },
        { CLUSTER_PENDING, HOLD_NONE, NULL, HAS(V1, "2"), "" },
        { CLUSTER_TERMINATED, HOLD_NONE, "INACTIVITY", HAS(V1, "2"), "" },
        { CLUSTER_TERMINATED, HOLD_NONE, "INACTIVITY", HAS(V2, "2"), "edit a\n" },
        { CLUSTER_RUNNING, HOLD_NONE, NULL, HAS(V2, "2"), "terminate a\ncreate c1\ndelete a\n" },
        /* What is asked for is what failed: not again. */
        { CLUSTER_TERMINATED, HOLD_FAILED, "INIT_SCRIPT_FAILURE", HAS(V1, "2"), "" },
        /* Something else failed: this one gets its try. */
        { CLUSTER_TERMINATED, HOLD_NONE, "INIT_SCRIPT_FAILURE", HAS(V2, "2"),
          "create c1\ndelete a\n" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct decide_case c;
        open_wanting(&c, WANTS(V1, "2", ""));
        case_cluster(&c, "a", rows[i].state, "main", rows[i].has)->reason = rows[i].reason;
        case_list(&c);
        assert_int_equal(case_run(&c)->hold, rows[i].hold);
        assert_string_equal(case_story(&c), rows[i].story);
        case_close(&c);
    }
}

/* What was put on a lost cluster is not on the one that is found in its place. */
static void test_found_another(void **state)
{
    (void)state;
    struct decide_case c;
    open_wanting(&c, WANTS(V1, "2", EXTRAS));
    case_record(&c, "gone", PHASE_READY);
    (void)case_cluster(&c, "a", CLUSTER_RUNNING, "main", HAS(V1, "2"));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "permit a\ninstall a\n");
    assert_string_equal(c.record.cluster_id, "a");
    case_close(&c);
}

/* Nor is what it was made with: all that differs is the manifest's, whatever drift is to do. */
static void test_found_another_spec(void **state)
{
    (void)state;
    struct decide_case c;
    open_wanting(&c, WANTS(V1, "2", "keep: {drift: report}\n"));
    case_record(&c, "gone", PHASE_READY);
    c.record.phase_since_ms -= 600000; /* else it may only not be shown yet */
    (void)case_cluster(&c, "a", CLUSTER_RUNNING, "main", HAS_CONF(V1, "2", "0"));
    c.gone_id = "gone";
    c.fresh_id = "a";
    const struct decision *d = case_decide(&c);
    assert_string_equal(d->record.cluster_id, "a");
    assert_null(d->record.applied_spec);
    assert_null(d->record.applied_digest);
    assert_int_equal(case_run(&c)->hold, HOLD_NONE);
    assert_string_equal(case_story(&c), "edit a\n");
    case_close(&c);
}

/* While a replacement is made, what is terminated is not taken for it. */
static void test_leftover(void **state)
{
    (void)state;
    struct decide_case c;
    open_wanting(&c, WANTS(V1, "2", ""));
    case_record(&c, "gone", PHASE_READY);
    c.record.predecessor_id = "p";
    (void)case_cluster(&c, "p", CLUSTER_TERMINATED, "main", HAS(V2, "2"));
    (void)case_cluster(&c, "old", CLUSTER_TERMINATED, "main", HAS(V1, "2"));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "create c1\ndelete p\n");
    case_close(&c);
}

static void test_adopt(void **state)
{
    (void)state;
    static const struct {
        const char *source, *owner; /* source NULL: it does not exist */
        enum hold hold;
        const char *words, *story;
    } rows[] = {
        { "UI", NULL, HOLD_NONE, NULL, "" },
        { "API", NULL, HOLD_NONE, NULL, "" },
        { "JOB", NULL, HOLD_FOREIGN, "comes from JOB", "" },
        { "UI", "other", HOLD_FOREIGN, "owner 'other'", "" },
        { NULL, NULL, HOLD_FOREIGN, "does not exist", "" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct decide_case c;
        open_wanting(&c, WANTS(V1, "2", "keep: {adopt: a}\n"));
        if (rows[i].source != NULL) {
            case_cluster(&c, "a", CLUSTER_RUNNING, rows[i].owner, HAS(V1, "2"))->source =
                rows[i].source;
            case_list(&c);
        }
        const struct decision *d = case_decide(&c);
        if (rows[i].hold == HOLD_NONE) {
            assert_int_equal(d->action, ACTION_ADOPT);
            assert_string_equal(d->note, "adopted");
            assert_int_equal(d->record.adopted, 1);
        }
        d = case_run(&c);
        assert_int_equal(d->hold, rows[i].hold);
        if (rows[i].words != NULL) assert_non_null(strstr(d->why, rows[i].words));
        assert_string_equal(case_story(&c), rows[i].story);
        case_close(&c);
    }
}

/* An adopted cluster lives as any other: it is replaced, and made anew when it is removed. */
static void test_adopted_lives_on(void **state)
{
    (void)state;
    struct decide_case c;
    open_wanting(&c, WANTS(V2, "2", "keep: {adopt: a}\n"));
    (void)case_cluster(&c, "a", CLUSTER_RUNNING, NULL, HAS(V1, "2"));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "terminate a\ncreate c1\ndelete a\n");
    case_gone(&c, "c1");
    case_list(&c);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "create c2\n");
    case_close(&c);
}

/* Its successor goes before it runs: the adopted one is not taken over once more. */
static void test_adopted_is_replaced(void **state)
{
    (void)state;
    struct decide_case c;
    open_wanting(&c, WANTS(V2, "2", "keep: {adopt: a}\n"));
    (void)case_cluster(&c, "a", CLUSTER_RUNNING, NULL, HAS(V1, "2"));
    (void)case_turn(&c);
    case_pass(&c, 60000);
    (void)case_turn(&c);
    case_gone(&c, "c1");
    case_pass(&c, 2 * c.policy.create_grace_ms);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "terminate a\ncreate c1\ncreate c2\ndelete a\n");
    case_close(&c);
}

/* An edit puts our tags on. */
static void test_adopted_is_tagged(void **state)
{
    (void)state;
    struct decide_case c;
    open_wanting(&c, WANTS(V1, "2", "keep: {adopt: a}\n"));
    (void)case_cluster(&c, "a", CLUSTER_TERMINATED, NULL, HAS(V2, "2"));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "edit a\n");
    const struct value *tags = value_get(case_actor(&c, "a")->spec, "custom_tags");
    assert_string_equal(value_get_text(tags, TAG_OWNER), "main");
    case_close(&c);
}

/* The recorded one stays; without a record the healthiest; a stranger's is never touched. */
static void promise_1_duplicates(void **state)
{
    (void)state;
    struct decide_case c;
    open_wanting(&c, WANTS(V1, "2", ""));
    (void)case_cluster(&c, "a", CLUSTER_PENDING, "main", HAS(V1, "2"));
    (void)case_cluster(&c, "b", CLUSTER_RUNNING, "main", HAS(V1, "2"));
    (void)case_cluster(&c, "x", CLUSTER_RUNNING, "other", HAS(V1, "2"));
    (void)case_turn(&c);
    assert_string_equal(case_story(&c), "terminate a\n");
    assert_string_equal(c.record.cluster_id, "b");
    case_close(&c);

    open_wanting(&c, WANTS(V1, "2", ""));
    (void)case_cluster(&c, "a", CLUSTER_PENDING, "main", HAS(V1, "2"));
    (void)case_cluster(&c, "b", CLUSTER_RUNNING, "main", HAS(V1, "2"));
    case_record(&c, "a", PHASE_LAUNCHING);
    c.fault = (struct fault){ STEP_TERMINATE, ERR_DENIED, false, 1 };
    const struct decision *d = case_turn(&c);
    assert_string_equal(case_story(&c), "terminate b (denied)\n"); /* and not at once again */
    assert_int_equal(d->hold, HOLD_WAIT);
    case_pass(&c, c.record.retry_at_ms - c.now_ms);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "terminate b\n");
    assert_string_equal(c.record.cluster_id, "a");
    case_close(&c);
}

/* One that is not recorded lives while ours rests: there are never two, not for a moment. */
static void test_twin_of_a_terminated(void **state)
{
    (void)state;
    struct decide_case c;
    open_wanting(&c, WANTS(V1, "2", ""));
    case_record(&c, "a", PHASE_READY);
    (void)case_cluster(&c, "a", CLUSTER_TERMINATED, "main", HAS(V1, "2"));
    (void)case_cluster(&c, "b", CLUSTER_RUNNING, "main", HAS(V1, "2"));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "");
    case_desire(&c, WANTS(V1, "2", "keep: {running: true}\n"));
    c.fault = (struct fault){ STEP_TERMINATE, ERR_DENIED, false, 1 };
    assert_int_equal(case_turn(&c)->hold, HOLD_BACKOFF);
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "terminate b (denied)\nterminate b\nstart a\n");
    case_close(&c);
}

static void promise_2_marked_by_another_owner(void **state)
{
    (void)state;
    for (int is_desired = 0; is_desired < 2; is_desired++) {
        struct decide_case c;
        open_wanting(&c, WANTS(V1, "2", ""));
        case_record(&c, "a", PHASE_READY);
        (void)case_cluster(&c, "a", CLUSTER_RUNNING, "other", HAS(V2, "2"));
        if (!is_desired) case_desire(&c, NULL);
        const struct decision *d = case_run(&c);
        assert_int_equal(d->hold, HOLD_FOREIGN);
        assert_string_equal(case_story(&c), "");
        case_close(&c);
    }
}

static void test_running_true(void **state)
{
    (void)state;
    struct decide_case c;
    open_wanting(&c, WANTS(V1, "2", "keep: {running: true}\n"));
    case_record(&c, "a", PHASE_READY);
    (void)case_cluster(&c, "a", CLUSTER_TERMINATED, "main", HAS(V1, "2"));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "start a\n");
    c.bad_image = V2;
    c.bad_reason = "IMAGE_PULL_PERMISSION_DENIED";
    case_actor(&c, "a")->state = CLUSTER_TERMINATED;
    case_desire(&c, WANTS(V2, "2", "keep: {running: true}\n"));
    case_list(&c);
    assert_int_equal(case_run(&c)->hold, HOLD_ROLLED_BACK);
    assert_string_equal(case_story(&c), "edit a\nstart a\nedit a\nstart a\n"); /* and back, once */
    case_close(&c);
}

/* A word for a state that is not known: nothing is done to it, and it is looked at again. */
static void test_unknown_state(void **state)
{
    (void)state;
    static const char *const wanted[] = { WANTS(V1, "2", ""), WANTS(V2, "2", ""),
                                          WANTS(V1, "3", "") };
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        struct decide_case c;
        open_wanting(&c, WANTS(V1, "2", ""));
        case_record(&c, "a", PHASE_LAUNCHING);
        (void)case_cluster(&c, "a", CLUSTER_UNKNOWN, "main", HAS(V1, "2"));
        case_desire(&c, wanted[i]);
        c.now_ms += 10 * c.policy.launch_timeout_ms;
        const struct decision *d = case_turn(&c);
        assert_int_equal(d->hold, HOLD_WAIT);
        assert_true(d->wake_at_ms > c.now_ms);
        assert_string_equal(case_story(&c), "");
        case_close(&c);
    }
}

/* ERROR takes neither a start nor an edit: a new one is made, and the old one removed. */
static void test_error_state(void **state)
{
    (void)state;
    struct decide_case c;
    open_wanting(&c, WANTS(V1, "2", "keep: {strategy: in-place}\n"));
    case_record(&c, "a", PHASE_LAUNCHING);
    (void)case_cluster(&c, "a", CLUSTER_ERROR, "main", HAS(V1, "2"));
    (void)case_run(&c);
    assert_string_equal(case_story(&c), "create c1\ndelete a\n");
    case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_scripts_first),
        cmocka_unit_test(promise_1_create_answer_lost),
        cmocka_unit_test(test_create_had_no_effect),
        cmocka_unit_test(test_late_twin),
        cmocka_unit_test(test_not_shown_yet),
        cmocka_unit_test(test_removed_by_hand),
        cmocka_unit_test(test_state_lost),
        cmocka_unit_test(test_found_another),
        cmocka_unit_test(test_found_another_spec),
        cmocka_unit_test(test_leftover),
        cmocka_unit_test(test_adopt),
        cmocka_unit_test(test_adopted_lives_on),
        cmocka_unit_test(test_adopted_is_replaced),
        cmocka_unit_test(test_adopted_is_tagged),
        cmocka_unit_test(promise_1_duplicates),
        cmocka_unit_test(test_twin_of_a_terminated),
        cmocka_unit_test(promise_2_marked_by_another_owner),
        cmocka_unit_test(test_running_true),
        cmocka_unit_test(test_unknown_state),
        cmocka_unit_test(test_error_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

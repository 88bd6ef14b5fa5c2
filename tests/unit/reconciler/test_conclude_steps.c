/* What the end of each step does to a record: all of it, member by member. */
#include "decide.h"
#include "record_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "text.h"

#define SPEC "{\"docker_image\":{\"url\":\"acme/etl:2\"}}"

enum { NOW_MS = 1000 };

/* Everything is remembered that can be: whatever is lost, or put in by mistake, shows. */
static const struct record full = {
    .name = "etl",
    .source = "etl.yaml",
    .cluster_id = "a",
    .predecessor_id = "p",
    .phase = PHASE_READY,
    .phase_since_ms = 5,
    .operation = "op",
    .pending_spec = SPEC,
    .pending_digest = "new",
    .applied_spec = "{}",
    .applied_digest = "old",
    .libraries = "[1]",
    .permissions = "[2]",
    .image = "acme/etl:1",
    .pinned = 2, /* neither of the two that a pin or an unpin makes of it */
    .prune = 1,
    .adopted = 1,
    .clean_listings = 3,
    .failures = 1,
    .retry_at_ms = 77,
    .failed_digest = "bad",
    .error = "no luck before",
};

#define TAKEN                                                                              \
    "pending_spec=- pending_digest=- applied_spec=" SPEC " applied_digest=new image=acme/" \
    "etl:2"
#define STOPPED "updated_ms=1000"

struct row {
    struct outcome outcome;
    enum phase phase; /* before; PHASE_NONE: ready */
    const char *changes;
};

static void check(const struct row *row, const struct record *record, uint64_t jitter)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct record before = *record;
    if (row->phase != PHASE_NONE) before.phase = row->phase;
    struct record after;
    conclude(&arena, &before, &row->outcome, NOW_MS, jitter, &after);
    const char *changes = record_changes(&arena, &before, &after);
    if (!text_equal(changes, row->changes)) {
        fail_msg("%s of %s: %s, and not %s", step_name(row->outcome.step),
                 row->outcome.target_id == NULL ? "-" : row->outcome.target_id, changes,
                 row->changes);
    }
}

static void test_worked(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { { .step = STEP_CREATE, .cluster_id = "n" },
          PHASE_CREATING,
          "phase=launching cluster_id=n pending_spec=- pending_digest=- applied_spec=" SPEC
          " applied_digest=new libraries=- permissions=- image=acme/etl:2 phase_since_ms=1000 "
          "pinned=-1 adopted=0 clean_listings=0 updated_ms=1000" },
        { { .step = STEP_EDIT, .target_id = "a", .was_live = true },
          PHASE_NONE,
          "phase=launching " TAKEN
          " failed_digest=- phase_since_ms=1000 retry_at_ms=0 updated_ms=1000" },
        /* A launch of its own, although one is under way. */
        { { .step = STEP_EDIT, .target_id = "a", .was_live = true },
          PHASE_LAUNCHING,
          TAKEN " failed_digest=- phase_since_ms=1000 retry_at_ms=0 updated_ms=1000" },
        { { .step = STEP_EDIT, .target_id = "a" },
          PHASE_NONE,
          TAKEN " failed_digest=- retry_at_ms=0 updated_ms=1000" },
        { { .step = STEP_RESIZE, .target_id = "a", .was_live = true },
          PHASE_NONE,
          TAKEN " updated_ms=1000" },
        { { .step = STEP_START, .target_id = "a" },
          PHASE_NONE,
          "phase=launching phase_since_ms=1000 updated_ms=1000" },
        { { .step = STEP_START, .target_id = "a" },
          PHASE_LAUNCHING,
          "phase_since_ms=1000 updated_ms=1000" },
        { { .step = STEP_DELETE, .target_id = "p" }, PHASE_NONE, "predecessor_id=- " STOPPED },
        { { .step = STEP_DELETE, .target_id = "x" }, PHASE_NONE, STOPPED },
        { { .step = STEP_DELETE, .target_id = "a" },
          PHASE_NONE,
          "phase=none cluster_id=- failed_digest=- error=- phase_since_ms=1000 failures=0 "
          "retry_at_ms=0 updated_ms=1000" },
        { { .step = STEP_PIN, .target_id = "a" }, PHASE_NONE, "pinned=1 " STOPPED },
        { { .step = STEP_PIN, .target_id = "p" }, PHASE_NONE, STOPPED },
        { { .step = STEP_UNPIN, .target_id = "a" }, PHASE_NONE, "pinned=0 " STOPPED },
        { { .step = STEP_UNPIN, .target_id = "p" }, PHASE_NONE, STOPPED },
        { { .step = STEP_PERMIT, .target_id = "a", .carried = "[3]" },
          PHASE_NONE,
          "permissions=[3] " STOPPED },
        { { .step = STEP_INSTALL, .target_id = "a", .carried = "[3]" },
          PHASE_NONE,
          "libraries=[3] " STOPPED },
        { { .step = STEP_UNINSTALL, .target_id = "a", .carried = "[3]" },
          PHASE_NONE,
          "libraries=[3] " STOPPED },
        { { .step = STEP_UPLOAD, .target_id = "a" }, PHASE_NONE, STOPPED },
        { { .step = STEP_TERMINATE, .target_id = "a" }, PHASE_NONE, STOPPED },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct row row = rows[i];
        row.outcome.ok = true;
        check(&row, &full, 7);
    }
}

/* Nothing is in flight: there is nothing to take over. */
static void test_nothing_pending(void **state)
{
    (void)state;
    struct record record = full;
    record.pending_spec = NULL;
    static const struct row rows[] = {
        { { .step = STEP_RESIZE, .ok = true, .target_id = "a" }, PHASE_NONE, STOPPED },
        { { .step = STEP_EDIT, .ok = true, .target_id = "a" },
          PHASE_NONE,
          "failed_digest=- retry_at_ms=0 " STOPPED },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check(&rows[i], &record, 7);
    }
}

/* What was applied need not be JSON: then its image is not known. */
static void test_unreadable_spec(void **state)
{
    (void)state;
    struct record record = full;
    record.pending_spec = "{";
    const struct row row = { { .step = STEP_RESIZE, .ok = true, .target_id = "a" },
                             PHASE_NONE,
                             "pending_spec=- pending_digest=- applied_spec={ applied_digest=new "
                             "image=- " STOPPED };
    check(&row, &record, 7);
}

/* A record with all that can be gone back to. */
static struct record with_good(void)
{
    struct record record = full;
    record.ran = 1;
    record.image_digest = "sha256:aa";
    record.pending_image = "sha256:bb";
    record.good_spec = "g";
    record.good_digest = "gd";
    record.good_image = "gi";
    record.good_libraries = "gl";
    record.good_permissions = "gp";
    record.failed_id = "f";
    record.failed_image = "sha256:ff";
    return record;
}

/* What ran is kept as what to go back to, until what comes after it has been seen running. */
static void test_what_ran(void **state)
{
    (void)state;
    struct record record = with_good();
    static const struct row rows[] = {
        { { .step = STEP_CREATE, .cluster_id = "n" },
          PHASE_CREATING,
          "phase=launching cluster_id=n pending_spec=- pending_digest=- "
          "applied_spec={\"docker_image\":{\"url\":\"acme/etl:2\"}} applied_digest=new "
          "libraries=- permissions=- image=acme/etl:2 phase_since_ms=1000 "
          "image_digest=sha256:bb pending_image=- good_spec={} good_digest=old "
          "good_image=sha256:aa good_libraries=[1] good_permissions=[2] ran=0 pinned=-1 "
          "adopted=0 clean_listings=0 updated_ms=1000" },
        { { .step = STEP_EDIT, .target_id = "a" },
          PHASE_NONE,
          "pending_spec=- pending_digest=- "
          "applied_spec={\"docker_image\":{\"url\":\"acme/etl:2\"}} applied_digest=new "
          "image=acme/etl:2 failed_digest=- image_digest=sha256:bb pending_image=- "
          "good_spec={} good_digest=old good_image=sha256:aa good_libraries=[1] "
          "good_permissions=[2] ran=0 retry_at_ms=0 updated_ms=1000" },
        { { .step = STEP_RESIZE, .target_id = "a" },
          PHASE_NONE,
          "pending_spec=- pending_digest=- "
          "applied_spec={\"docker_image\":{\"url\":\"acme/etl:2\"}} applied_digest=new "
          "image=acme/etl:2 image_digest=sha256:bb pending_image=- good_spec=- good_digest=- "
          "good_image=- good_libraries=- good_permissions=- updated_ms=1000" },
        { { .step = STEP_START, .target_id = "a" },
          PHASE_NONE,
          "phase=launching phase_since_ms=1000 updated_ms=1000" },
        { { .step = STEP_DELETE, .target_id = "a" },
          PHASE_NONE,
          "phase=none cluster_id=- failed_digest=- error=- phase_since_ms=1000 failures=0 "
          "retry_at_ms=0 updated_ms=1000" },
        { { .step = STEP_DELETE, .target_id = "f" }, PHASE_NONE, "failed_id=- updated_ms=1000" },
        { { .step = STEP_CHECK }, PHASE_NONE, "updated_ms=1000" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct row row = rows[i];
        row.outcome.ok = true;
        check(&row, &record, 7);
    }
}

/* Where nothing new has run, what was gone back to before stays. */
static void test_nothing_better(void **state)
{
    (void)state;
    struct record record = with_good();
    record.ran = 0;
    static const struct row not_run[] = {
        { { .step = STEP_EDIT, .ok = true, .target_id = "a" },
          PHASE_NONE,
          "pending_spec=- pending_digest=- "
          "applied_spec={\"docker_image\":{\"url\":\"acme/etl:2\"}} applied_digest=new "
          "image=acme/etl:2 failed_digest=- image_digest=sha256:bb pending_image=- "
          "retry_at_ms=0 updated_ms=1000" },
        { { .step = STEP_RESIZE, .ok = true, .target_id = "a" },
          PHASE_NONE,
          "pending_spec=- pending_digest=- "
          "applied_spec={\"docker_image\":{\"url\":\"acme/etl:2\"}} applied_digest=new "
          "image=acme/etl:2 image_digest=sha256:bb pending_image=- updated_ms=1000" },
    };
    for (size_t i = 0; i < COUNT_OF(not_run); i++) {
        check(&not_run[i], &record, 7);
    }
    /* Nothing is known of what ran. */
    record.ran = 1;
    record.applied_spec = NULL;
    static const struct row unknown[] = {
        { { .step = STEP_EDIT, .ok = true, .target_id = "a" },
          PHASE_NONE,
          "pending_spec=- pending_digest=- "
          "applied_spec={\"docker_image\":{\"url\":\"acme/etl:2\"}} applied_digest=new "
          "image=acme/etl:2 failed_digest=- image_digest=sha256:bb pending_image=- ran=0 "
          "retry_at_ms=0 updated_ms=1000" },
    };
    check(&unknown[0], &record, 7);
}

/* On the way back a manifest is set aside already: a refusal ends the way. */
static void test_refused_on_the_way_back(void **state)
{
    (void)state;
    static const struct {
        int rollback;
        struct row row;
    } rows[] = {
        { ROLLBACK_NONE,
          { { .step = STEP_EDIT },
            PHASE_NONE,
            "pending_spec=- failed_digest=new error=no luck failed_image=- failures=2 "
            "retry_at_ms=0 updated_ms=1000" } },
        { ROLLBACK_BACK,
          { { .step = STEP_EDIT },
            PHASE_NONE,
            "pending_spec=- error=it did not start; and going back to what ran before failed: no "
            "luck rollback=2 failures=2 retry_at_ms=0 updated_ms=1000" } },
        { ROLLBACK_BACK,
          { { .step = STEP_EDIT, .ok = true, .target_id = "a" },
            PHASE_NONE,
            "pending_spec=- pending_digest=- "
            "applied_spec={\"docker_image\":{\"url\":\"acme/etl:2\"}} applied_digest=new "
            "image=acme/etl:2 retry_at_ms=0 updated_ms=1000" } },
        { ROLLBACK_FAILED,
          { { .step = STEP_EDIT },
            PHASE_NONE,
            "pending_spec=- failed_digest=new error=no luck failed_image=- failures=2 "
            "retry_at_ms=0 updated_ms=1000" } },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct record record = full;
        record.rollback = rows[i].rollback;
        record.failed_image = "sha256:ff";
        struct row row = rows[i].row;
        if (!row.outcome.ok) (void)err_set(&row.outcome.err, ERR_REJECTED, "no luck");
        check(&row, &record, 7);
    }
}

#define AGAIN    "error=no luck failures=2 retry_at_ms=11000 updated_ms=1000"
#define FINAL    "failed_digest=new error=no luck failures=2 retry_at_ms=0 updated_ms=1000"
#define DROPPED  "pending_spec=- "
#define CREATE   .step = STEP_CREATE
#define UNPIN(x) .step = STEP_UNPIN, .target_id = x

static void test_failed(void **state)
{
    (void)state;
    static const struct {
        enum err_code code;
        struct row row;
    } rows[] = {
        /* A create that nobody knows the end of is looked for. */
        { ERR_TIMEOUT,
          { { CREATE },
            PHASE_CREATING,
            "phase=unknown error=no luck phase_since_ms=1000 clean_listings=0 failures=2 "
            "retry_at_ms=0 updated_ms=1000" } },
        { ERR_NETWORK,
          { { CREATE },
            PHASE_UNKNOWN,
            "error=no luck clean_listings=0 failures=2 retry_at_ms=0 updated_ms=1000" } },
        { ERR_BUSY,
          { { CREATE },
            PHASE_CREATING,
            "phase=failed " DROPPED "error=no luck phase_since_ms=1000 failures=2 "
            "retry_at_ms=11000 updated_ms=1000" } },
        { ERR_NOT_FOUND,
          { { CREATE },
            PHASE_CREATING,
            "phase=failed " DROPPED "failed_digest=new error=no luck phase_since_ms=1000 "
            "failures=2 retry_at_ms=0 updated_ms=1000" } },
        /* The manifest is wrong: not again as it is. */
        { ERR_REJECTED, { { .step = STEP_UPLOAD }, PHASE_NONE, DROPPED FINAL } },
        { ERR_REJECTED, { { .step = STEP_EDIT }, PHASE_NONE, DROPPED FINAL } },
        { ERR_REJECTED, { { .step = STEP_RESIZE }, PHASE_NONE, DROPPED FINAL } },
        { ERR_REJECTED, { { .step = STEP_START }, PHASE_NONE, DROPPED FINAL } },
        { ERR_REJECTED, { { .step = STEP_INSTALL }, PHASE_NONE, DROPPED FINAL } },
        { ERR_REJECTED, { { .step = STEP_UNINSTALL }, PHASE_NONE, DROPPED FINAL } },
        { ERR_REJECTED, { { .step = STEP_PERMIT }, PHASE_NONE, DROPPED FINAL } },
        { ERR_MANIFEST, { { .step = STEP_UPLOAD }, PHASE_NONE, DROPPED FINAL } },
        { ERR_LIMIT, { { .step = STEP_EDIT }, PHASE_NONE, DROPPED FINAL } },
        /* It is not. */
        { ERR_NOT_FOUND, { { .step = STEP_EDIT }, PHASE_NONE, DROPPED AGAIN } },
        { ERR_REJECTED, { { .step = STEP_PIN }, PHASE_NONE, DROPPED AGAIN } },
        { ERR_REJECTED, { { .step = STEP_UNPIN }, PHASE_NONE, DROPPED AGAIN } },
        { ERR_REJECTED, { { .step = STEP_DELETE }, PHASE_NONE, DROPPED AGAIN } },
        { ERR_REJECTED, { { .step = STEP_TERMINATE }, PHASE_NONE, DROPPED AGAIN } },
        { ERR_REJECTED, { { .step = STEP_LOOK }, PHASE_NONE, DROPPED AGAIN } },
        /* It may have had its effect, and what it carried with it. */
        { ERR_TIMEOUT, { { .step = STEP_EDIT }, PHASE_NONE, AGAIN } },
        { ERR_STATE, { { .step = STEP_EDIT }, PHASE_NONE, DROPPED AGAIN } },
        { ERR_TIMEOUT, { { .step = STEP_PIN, .target_id = "a" }, PHASE_NONE, AGAIN } },
        { ERR_TIMEOUT,
          { { UNPIN("a") },
            PHASE_NONE,
            "error=no luck pinned=-1 failures=2 retry_at_ms=11000 updated_ms=1000" } },
        { ERR_TIMEOUT, { { UNPIN("p") }, PHASE_NONE, AGAIN } },
        { ERR_BUSY, { { UNPIN("a") }, PHASE_NONE, DROPPED AGAIN } },
        /* "Does not exist" is what a removal wants to hear. */
        { ERR_NOT_FOUND, { { UNPIN("a") }, PHASE_NONE, "pinned=0 " STOPPED } },
        { ERR_NOT_FOUND, { { .step = STEP_TERMINATE }, PHASE_NONE, STOPPED } },
        { ERR_NOT_FOUND,
          { { .step = STEP_DELETE, .target_id = "p" }, PHASE_NONE, "predecessor_id=- " STOPPED } },
        { ERR_NOT_FOUND, { { .step = STEP_PIN }, PHASE_NONE, DROPPED AGAIN } },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct row row = rows[i].row;
        (void)err_set(&row.outcome.err, rows[i].code, "no luck");
        check(&row, &full, 10000);
    }
}

/* Each failure in a row doubles the longest wait, from 5 seconds to 15 minutes. */
static void test_waits(void **state)
{
    (void)state;
    static const struct {
        int failures;
        int64_t longest_ms;
    } rows[] = { { 0, 5000 }, { 1, 10000 }, { 2, 20000 }, { 7, 640000 }, { 8, 900000 } };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct record before = full;
        before.failures = rows[i].failures;
        struct outcome outcome = { .step = STEP_PIN };
        (void)err_set(&outcome.err, ERR_BUSY, "no luck");
        uint64_t jitter = (uint64_t)rows[i].longest_ms;
        struct record after;
        conclude(&arena, &before, &outcome, NOW_MS, jitter, &after);
        assert_true(after.retry_at_ms == NOW_MS + rows[i].longest_ms);
        conclude(&arena, &before, &outcome, NOW_MS, jitter + 1, &after);
        assert_true(after.retry_at_ms == NOW_MS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_ran),        cmocka_unit_test(test_refused_on_the_way_back),
        cmocka_unit_test(test_worked),          cmocka_unit_test(test_nothing_pending),
        cmocka_unit_test(test_unreadable_spec), cmocka_unit_test(test_failed),
        cmocka_unit_test(test_waits),           cmocka_unit_test(test_nothing_better),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

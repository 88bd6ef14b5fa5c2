/* Which cluster is kept, and what becomes of the others: a decision each. */
#include "decide_told.h"
#include "decide_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SAME WANTS(V1, "2", "")
#define NEW  WANTS(V2, "2", "")

#define ALONE   "cluster_id=- phase=none "
#define NOTHING "no-record"

static void test_duplicate(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, "", "a RUNNING, b RUNNING",
          "dedupe, stops now, look b, keeps a, since a second cluster; a stays" },
        { SAME, "", "a RUNNING, b RUNNING fresh",
          "dedupe, stops now, terminate b, keeps a, since a second cluster; a stays; record "
          "pending_digest=@" },
        { SAME, "", "a RUNNING, b PENDING fresh",
          "dedupe, stops now, terminate b, keeps a, since a second cluster; a stays; record "
          "pending_digest=@" },
        { SAME, "", "a RUNNING, b TERMINATED", "keeps a, since as desired" },
        { SAME, "", "a RUNNING, b ERROR", "keeps a, since as desired" },
        { SAME, "", "a RUNNING, b RUNNING owner=-", "keeps a, since as desired" },
        { SAME, "", "a RUNNING, b gone, b RUNNING", "keeps a, since as desired" },
        { SAME, "", "a TERMINATED, b RUNNING fresh", "keeps a, since as desired" },
        { SAME, "", "a TERMINATED, b RUNNING fresh, c RUNNING",
          "dedupe, stops now, terminate b, keeps a, since a live cluster beside the one that "
          "is kept; record pending_digest=@" },
        { SAME, "retry_at_ms=5000001", "a RUNNING, b RUNNING fresh",
          "keeps a, since as desired; record retry_at_ms=0" },
        { SAME, "retry_at_ms=5000000", "a RUNNING, b RUNNING fresh",
          "dedupe, stops now, terminate b, keeps a, since a second cluster; a stays; record "
          "pending_digest=@ retry_at_ms=0" },
        /* What was replaced is a twin once its successor stands. */
        { SAME, "predecessor_id=p", "a RUNNING, p RUNNING fresh",
          "settle, stops now, delete p, keeps a, since replaced by its successor; record "
          "pending_digest=@" },
        { SAME, "predecessor_id=p", "a RUNNING, p RUNNING fresh pinned",
          "dedupe, stops now, terminate p, keeps a, since a second cluster; a stays; record "
          "pending_digest=@" },
        { SAME, "predecessor_id=p", "a RUNNING, p RUNNING fresh owner=-",
          "settle, stops now, delete p, keeps a, since replaced by its successor; record "
          "pending_digest=@" },
        { SAME, "predecessor_id=p phase=launching", "a PENDING, p RUNNING fresh",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
        /* The least good one goes: by its state, its age, its ID. */
        { SAME, "", "a RUNNING, b RUNNING, c PENDING",
          "dedupe, stops now, look c, keeps a, since a second cluster; a stays" },
        { SAME, "", "a RUNNING, b PENDING, c RUNNING",
          "dedupe, stops now, look b, keeps a, since a second cluster; a stays" },
        { SAME, "", "a RUNNING, b RESIZING started=5, c RUNNING started=6",
          "dedupe, stops now, look b, keeps a, since a second cluster; a stays" },
        { SAME, "", "a RUNNING, b RESIZING started=6, c RUNNING started=5",
          "dedupe, stops now, look c, keeps a, since a second cluster; a stays" },
        { SAME, "", "a RUNNING, c RUNNING, b RUNNING",
          "dedupe, stops now, look b, keeps a, since a second cluster; a stays" },
        { SAME, "", "a RUNNING, b RUNNING, c RUNNING",
          "dedupe, stops now, look b, keeps a, since a second cluster; a stays" },
        { SAME, "", "a RUNNING, b RESTARTING, c PENDING",
          "dedupe, stops now, look c, keeps a, since a second cluster; a stays" },
        { SAME, "", "a RUNNING, b UNKNOWN, c PENDING",
          "dedupe, stops now, look b, keeps a, since a second cluster; a stays" },
        { SAME, "", "a RUNNING owner=-, b RUNNING fresh",
          "dedupe, stops now, terminate b, keeps a, since a second cluster; a stays; record "
          "pending_digest=@" },
        { SAME, "", "a TERMINATED, b RUNNING fresh, c RUNNING owner=-",
          "keeps a, since as desired" },
        { SAME, "", "a TERMINATED, b RUNNING, c gone, c RUNNING", "keeps a, since as desired" },
        { SAME, "predecessor_id=p", "a PENDING, p RUNNING fresh",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
        { SAME, "predecessor_id=p", "a TERMINATED, p RUNNING fresh", "keeps a, since as desired" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* Without an ID on record the best that bears our tags is taken. */
static void test_pick(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, NOTHING, "b RUNNING, c TERMINATED",
          "record, keeps b, since bears our tags; noted: found by its tags; record phase=ready "
          "source=etl.yaml cluster_id=b applied_spec=@spec applied_digest=@ image=acme/etl:1 "
          "phase_since_ms=5000000 ran=1" },
        { SAME, NOTHING, "b TERMINATED, c UNKNOWN",
          "record, held wait, again in 10000, keeps c, since the cluster is UNKNOWN; noted: "
          "found by its tags; record phase=launching source=etl.yaml cluster_id=c "
          "applied_spec=@spec applied_digest=@ image=acme/etl:1 phase_since_ms=5000000" },
        { SAME, NOTHING, "b TERMINATED, c TERMINATING",
          "record, keeps b, since bears our tags; noted: found by its tags; record phase=ready "
          "source=etl.yaml cluster_id=b applied_spec=@spec applied_digest=@ image=acme/etl:1 "
          "phase_since_ms=5000000" },
        { SAME, NOTHING, "b ERROR, c TERMINATED",
          "record, keeps c, since bears our tags; noted: found by its tags; record phase=ready "
          "source=etl.yaml cluster_id=c applied_spec=@spec applied_digest=@ image=acme/etl:1 "
          "phase_since_ms=5000000" },
        { SAME, NOTHING, "b RUNNING owner=other, c TERMINATED",
          "record, keeps c, since bears our tags; noted: found by its tags; record phase=ready "
          "source=etl.yaml cluster_id=c applied_spec=@spec applied_digest=@ image=acme/etl:1 "
          "phase_since_ms=5000000" },
        { SAME, NOTHING, "b RUNNING started=6, c RUNNING started=5",
          "dedupe, stops now, look c, keeps b, since a second cluster; b stays; noted: found "
          "by its tags; record phase=ready source=etl.yaml cluster_id=b applied_spec=@spec "
          "applied_digest=@ image=acme/etl:1 phase_since_ms=5000000 ran=1" },
        { SAME, NOTHING, "b RUNNING, c gone, c RUNNING",
          "record, keeps b, since bears our tags; noted: found by its tags; record phase=ready "
          "source=etl.yaml cluster_id=b applied_spec=@spec applied_digest=@ image=acme/etl:1 "
          "phase_since_ms=5000000 ran=1" },
        { SAME, ALONE "operation=op", "b RUNNING fresh, c TERMINATED operation=op",
          "look c, held wait, keeps c, since bears our tags: asking for it by its ID" },
        { SAME, ALONE "predecessor_id=p", "p RUNNING, b TERMINATED",
          "replace, new cluster, new ID, create -, since the old cluster has stopped; caution: "
          "the image was not looked at; record phase=creating operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { SAME, ALONE "predecessor_id=p", "p TERMINATED, b RUNNING",
          "look b, held wait, keeps b, since bears our tags: asking for it by its ID" },
        { SAME, ALONE, "b TERMINATED",
          "look b, held wait, keeps b, since bears our tags: asking for it by its ID" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* Of two, the better one: by its state. */
static void test_better(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, NOTHING, "b RUNNING, c RESTARTING",
          "dedupe, stops now, look c, keeps b, since a second cluster; b stays; noted: found "
          "by its tags; record phase=ready source=etl.yaml cluster_id=b applied_spec=@spec "
          "applied_digest=@ image=acme/etl:1 phase_since_ms=5000000 ran=1" },
        { SAME, NOTHING, "b RESIZING, c RESTARTING",
          "dedupe, stops now, look c, keeps b, since a second cluster; b stays; noted: found "
          "by its tags; record phase=ready source=etl.yaml cluster_id=b applied_spec=@spec "
          "applied_digest=@ image=acme/etl:1 phase_since_ms=5000000" },
        { SAME, NOTHING, "b RESTARTING, c PENDING",
          "dedupe, stops now, look c, keeps b, since a second cluster; b stays; noted: found "
          "by its tags; record phase=launching source=etl.yaml cluster_id=b applied_spec=@spec "
          "applied_digest=@ image=acme/etl:1 phase_since_ms=5000000" },
        { SAME, NOTHING, "b PENDING, c UNKNOWN",
          "dedupe, stops now, look c, keeps b, since a second cluster; b stays; noted: found "
          "by its tags; record phase=launching source=etl.yaml cluster_id=b applied_spec=@spec "
          "applied_digest=@ image=acme/etl:1 phase_since_ms=5000000" },
        { SAME, NOTHING, "b UNKNOWN, c TERMINATED",
          "record, held wait, again in 10000, keeps b, since the cluster is UNKNOWN; noted: "
          "found by its tags; record phase=launching source=etl.yaml cluster_id=b "
          "applied_spec=@spec applied_digest=@ image=acme/etl:1 phase_since_ms=5000000" },
        { SAME, NOTHING, "b TERMINATED, c ERROR",
          "record, keeps b, since bears our tags; noted: found by its tags; record phase=ready "
          "source=etl.yaml cluster_id=b applied_spec=@spec applied_digest=@ image=acme/etl:1 "
          "phase_since_ms=5000000" },
        { SAME, NOTHING, "b TERMINATED operation=-, c RUNNING",
          "record, keeps c, since bears our tags; noted: found by its tags; record phase=ready "
          "source=etl.yaml cluster_id=c applied_spec=@spec applied_digest=@ image=acme/etl:1 "
          "phase_since_ms=5000000 ran=1" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_absent(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, NOTHING, "",
          "create, new cluster, new ID, create -, since new manifest; caution: the image was "
          "not looked at; record phase=creating source=etl.yaml operation=op1 "
          "pending_spec=@spec pending_digest=@ phase_since_ms=5000000" },
        { SAME, ALONE, "",
          "create, new cluster, new ID, create -, since the cluster is gone; caution: the "
          "image was not looked at; record phase=creating operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { SAME, ALONE "applied_digest=-", "",
          "create, new cluster, new ID, create -, since new manifest; caution: the image was "
          "not looked at; record phase=creating operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { SAME, ALONE "predecessor_id=p", "p TERMINATED",
          "replace, new cluster, new ID, create -, since the old cluster has stopped; caution: "
          "the image was not looked at; record phase=creating operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { SAME, ALONE "predecessor_id=p", "p RUNNING fresh",
          "replace, new cluster, new ID, create -, since the old cluster has stopped; caution: "
          "the image was not looked at; record phase=creating operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { SAME, ALONE "failed_digest=@", "",
          "create, new cluster, new ID, held failed, since the last create failed" },
        { SAME, ALONE "failed_digest=@ error=boom", "",
          "create, new cluster, new ID, held failed, since boom" },
        { SAME, ALONE "failed_digest=x error=boom", "",
          "create, new cluster, new ID, create -, since the cluster is gone; caution: the "
          "image was not looked at; record phase=creating operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { SAME, ALONE "pending_digest=@ retry_at_ms=5000001", "",
          "create, new cluster, new ID, held backoff, again in 1, since the last create "
          "failed" },
        { SAME, ALONE "pending_digest=@ retry_at_ms=5000001 error=boom", "",
          "create, new cluster, new ID, held backoff, again in 1, since boom" },
        { SAME, ALONE "pending_digest=@ retry_at_ms=5000000", "",
          "create, new cluster, new ID, create -, since the cluster is gone; caution: the "
          "image was not looked at; record phase=creating operation=op1 pending_spec=@spec "
          "retry_at_ms=0" },
        { SAME, ALONE "pending_digest=x retry_at_ms=5000001", "",
          "create, new cluster, new ID, create -, since the cluster is gone; caution: the "
          "image was not looked at; record phase=creating operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { SAME, ALONE "retry_at_ms=5000001", "",
          "create, new cluster, new ID, held backoff, again in 1, since the last create "
          "failed" }, /* of the one that was applied last */
        { NEW, ALONE "retry_at_ms=5000001", "",
          "create, new cluster, new ID, create -, since the cluster is gone; caution: the "
          "image was not looked at; record phase=creating operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { SAME, ALONE "applied_digest=- retry_at_ms=5000001", "",
          "create, new cluster, new ID, held backoff, again in 1, since the last create "
          "failed" },
        { SAME, ALONE "predecessor_id=p failed_digest=@", "p TERMINATED",
          "replace, new cluster, new ID, held failed, since the last create failed" },
        { SAME, "clean_listings=2 " ALONE, "",
          "create, new cluster, new ID, create -, since the cluster is gone; caution: the "
          "image was not looked at; record phase=creating operation=op1 pending_spec=@spec "
          "pending_digest=@ clean_listings=0" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_predecessor(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, "predecessor_id=p", "a RUNNING",
          "look p, held wait, keeps a, since asking for the cluster that was replaced" },
        { SAME, "predecessor_id=p", "a RUNNING, p gone",
          "keeps a, since as desired; record predecessor_id=-" },
        { SAME, "predecessor_id=p", "a RUNNING, p TERMINATED",
          "settle, look p, keeps a, since replaced by its successor" },
        { SAME, "predecessor_id=p", "a RUNNING, p TERMINATED fresh",
          "settle, delete p, keeps a, since replaced by its successor; record pending_digest=@" },
        { SAME, "predecessor_id=p", "a RUNNING pinned, p TERMINATED fresh pinned",
          "settle, unpin p, keeps a, since replaced by its successor; record pending_digest=@" },
        { SAME, "predecessor_id=p", "a RUNNING, p TERMINATED fresh pinned",
          "settle, pin a, keeps a, since to be pinned; record pending_digest=@" },
        { SAME, "predecessor_id=p", "a RUNNING, p TERMINATING fresh",
          "held wait, again in 10000, keeps a, since the cluster that is to be removed is "
          "TERMINATING" },
        { SAME, "predecessor_id=p", "a TERMINATED, p TERMINATED", "keeps a, since as desired" },
        { SAME, "predecessor_id=p retry_at_ms=5000001", "a RUNNING, p RUNNING fresh",
          "settle, stops now, delete p, keeps a, since replaced by its successor; record "
          "pending_digest=@" },
        { SAME, "predecessor_id=p retry_at_ms=5000001", "a RUNNING, p RUNNING",
          "settle, stops now, look p, keeps a, since replaced by its successor" },
        { SAME, "predecessor_id=p failures=1 error=boom", "a RUNNING, p TERMINATED fresh",
          "settle, delete p, keeps a, since replaced by its successor; record pending_digest=@" },
        { WANTS(V1, "2", "keep: {drift: report}\n"), "phase=replacing predecessor_id=p",
          "a RUNNING workers=5, p TERMINATED", "held drift, keeps a, since num_workers drifted" },
    };
    told_check(rows, COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duplicate),   cmocka_unit_test(test_pick),
        cmocka_unit_test(test_better),      cmocka_unit_test(test_absent),
        cmocka_unit_test(test_predecessor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

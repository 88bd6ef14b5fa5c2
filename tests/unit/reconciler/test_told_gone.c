/* The manifest is gone: a decision each. */
#include "decide_told.h"
#include "decide_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define OURS     "no-record prune-unclaimed"
#define DELETE   "prune=1 "
#define ORPHAN   "prune=2 "
#define REMOVING "phase=removing "

/* Neither a manifest nor a record: only a flag makes it ours to stop. */
static void test_unclaimed(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { NULL, "no-record", "n RUNNING",
          "held unclaimed, keeps n, since bears our tag, and has neither a manifest nor a "
          "record: left alone without --prune-unclaimed" },
        { NULL, OURS, "n RUNNING",
          "prune, stops now, look n, keeps n, since bears our tag, and has neither a manifest "
          "nor a record" },
        { NULL, OURS, "n RUNNING fresh",
          "prune, stops now, terminate n, keeps n, since bears our tag, and has neither a "
          "manifest nor a record; record phase=removing phase_since_ms=5000000" },
        { NULL, OURS " no-prune", "n RUNNING fresh",
          "held unclaimed, keeps n, since bears our tag, and has neither a manifest nor a "
          "record: left alone without --prune-unclaimed" },
        { NULL, OURS, "n TERMINATED fresh", "keeps n, since as desired" },
        { NULL, OURS, "", "since as desired" },
        { NULL, OURS, "n RUNNING owner=other fresh", "since as desired" },
        { NULL, OURS, "n PENDING fresh",
          "prune, stops now, terminate n, keeps n, since bears our tag, and has neither a "
          "manifest nor a record; record phase=removing phase_since_ms=5000000" },
        { NULL, OURS, "n RUNNING fresh orphan", "keeps n, since as desired" },
        { NULL, "no-record", "n RUNNING fresh orphan", "keeps n, since as desired" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_held(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { NULL, "no-prune", "a RUNNING fresh",
          "held unreadable, keeps a, since no manifest was found for it, but the directory is "
          "empty or a manifest in it cannot be read: nothing is removed" },
        { NULL, REMOVING "no-prune", "a RUNNING fresh",
          "held unreadable, keeps a, since no manifest was found for it, but the directory is "
          "empty or a manifest in it cannot be read: nothing is removed" },
        { NULL, "phase=orphaned", "a RUNNING fresh", "keeps a, since as desired" },
        { NULL, "phase=orphaned no-prune", "a RUNNING fresh", "keeps a, since as desired" },
        { NULL, REMOVING "failures=1 retry_at_ms=5000001 error=boom", "a RUNNING fresh",
          "held backoff, again in 1, keeps a, since boom" },
        { NULL, REMOVING "failures=1 retry_at_ms=5000001", "a RUNNING fresh",
          "held backoff, again in 1, keeps a, since the last try failed" },
        { NULL, REMOVING "failures=1 retry_at_ms=5000000 error=boom", "a RUNNING fresh",
          "prune, stops now, terminate a, keeps a, since its manifest is gone" },
        { NULL, REMOVING "retry_at_ms=5000001", "a RUNNING fresh",
          "prune, stops now, terminate a, keeps a, since its manifest is gone" },
        { NULL, "failures=1 retry_at_ms=5000001 error=boom failed_digest=x", "a RUNNING fresh",
          "prune, stops now, terminate a, keeps a, since its manifest is gone; record "
          "phase=removing failed_digest=- error=- failures=0 retry_at_ms=0" },
        { NULL, "", "a RUNNING fresh owner=other",
          "held foreign, keeps a, since cluster a is marked as owner 'other' has it" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_orphan(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { NULL, ORPHAN, "a RUNNING",
          "prune, keeps a, since its manifest is gone; keep.prune is orphan: left as it is; "
          "noted: orphaned; record phase=orphaned" },
        { NULL, ORPHAN, "",
          "prune, since its manifest is gone; keep.prune is orphan: left as it is; noted: "
          "orphaned; record phase=orphaned" },
        { NULL, ORPHAN "cluster_id=- phase=none", "",
          "prune, since its manifest is gone; keep.prune is orphan: left as it is; noted: "
          "orphaned; record dropped" },
        { NULL, ORPHAN "no-prune", "a RUNNING",
          "held unreadable, keeps a, since no manifest was found for it, but the directory is "
          "empty or a manifest in it cannot be read: nothing is removed" },
        { NULL,
          ORPHAN
          "phase=unknown cluster_id=- operation=op pending_spec=@old-spec pending_digest=@old",
          "n PENDING operation=op",
          "prune, keeps n, since its manifest is gone; keep.prune is orphan: left as it is; "
          "noted: orphaned; record phase=orphaned cluster_id=n pending_spec=- pending_digest=- "
          "good_spec=@spec good_digest=@ ran=0" },
        { NULL,
          ORPHAN
          "phase=unknown cluster_id=- operation=op pending_spec=@old-spec pending_digest=@old",
          "",
          "held wait, again in 10000, since the answer to its create was lost: looking for the "
          "cluster by its tags" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_terminate(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { NULL, "phase_since_ms=7", "a RUNNING",
          "prune, stops now, look a, keeps a, since its manifest is gone" },
        { NULL, "phase_since_ms=7", "a RUNNING fresh",
          "prune, stops now, terminate a, keeps a, since its manifest is gone; record "
          "phase=removing phase_since_ms=5000000" },
        { NULL, "phase_since_ms=7", "a PENDING fresh",
          "prune, stops now, terminate a, keeps a, since its manifest is gone; record "
          "phase=removing phase_since_ms=5000000" },
        { NULL, "phase_since_ms=7", "a TERMINATING fresh",
          "prune, keeps a, since its manifest is gone; noted: removed; record dropped" },
        { NULL, "phase_since_ms=7", "a TERMINATED",
          "prune, keeps a, since its manifest is gone; noted: removed; record dropped" },
        { NULL, "phase_since_ms=7", "",
          "look a, held wait, since not in the listing: asking for it by its ID" },
        { NULL, "phase_since_ms=7", "a gone",
          "prune, since its manifest is gone; noted: removed; record dropped; record "
          "phase=none cluster_id=- phase_since_ms=5000000" },
        { NULL, REMOVING "phase_since_ms=7 failures=1 error=boom retry_at_ms=4", "a RUNNING fresh",
          "prune, stops now, terminate a, keeps a, since its manifest is gone" },
        { NULL, "", "a gone",
          "held wait, again in 10000, since just created: the workspace does not show it yet" },
        { NULL, "phase_since_ms=7", "a TERMINATED, b RUNNING fresh",
          "prune, stops now, terminate b, keeps a, since its manifest is gone; record "
          "phase=removing phase_since_ms=5000000" },
        { NULL, "phase_since_ms=7", "a TERMINATED, b RUNNING fresh owner=-",
          "prune, keeps a, since its manifest is gone; noted: removed; record dropped" },
        { NULL, "phase_since_ms=7", "a TERMINATED, b TERMINATED",
          "prune, keeps a, since its manifest is gone; noted: removed; record dropped" },
        { NULL, "phase_since_ms=7", "a RUNNING fresh owner=-",
          "prune, stops now, terminate a, keeps a, since its manifest is gone; record "
          "phase=removing phase_since_ms=5000000" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_delete(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { NULL, DELETE, "a RUNNING",
          "prune, stops now, look a, keeps a, since its manifest is gone" },
        { NULL, DELETE, "a RUNNING fresh",
          "prune, stops now, delete a, keeps a, since its manifest is gone; record "
          "phase=removing" },
        { NULL, DELETE, "a TERMINATED", "prune, look a, keeps a, since its manifest is gone" },
        { NULL, DELETE, "a TERMINATED fresh",
          "prune, delete a, keeps a, since its manifest is gone; record phase=removing" },
        { NULL, DELETE, "a TERMINATED fresh pinned",
          "prune, unpin a, keeps a, since its manifest is gone; record phase=removing" },
        { NULL, DELETE, "a TERMINATING fresh",
          "held wait, again in 10000, keeps a, since the cluster that is to be removed is "
          "TERMINATING; record phase=removing" },
        { NULL, DELETE "cluster_id=- phase=none", "",
          "prune, since its manifest is gone; noted: removed; record dropped" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* What was replaced goes for good, whatever the policy says of the cluster itself. */
static void test_predecessor(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { NULL, "predecessor_id=p", "a TERMINATED",
          "look p, held wait, keeps a, since asking for the cluster that was replaced" },
        { NULL, "predecessor_id=p", "a TERMINATED, p gone",
          "prune, keeps a, since its manifest is gone; noted: removed; record dropped; record "
          "predecessor_id=-" },
        { NULL, "predecessor_id=p", "a RUNNING fresh, p gone",
          "prune, stops now, terminate a, keeps a, since its manifest is gone; record "
          "phase=removing predecessor_id=-" },
        { NULL, "predecessor_id=p", "a TERMINATED, p TERMINATED",
          "prune, look p, keeps a, since its manifest is gone" },
        { NULL, "predecessor_id=p", "a TERMINATED, p TERMINATED fresh",
          "prune, delete p, keeps a, since its manifest is gone; record phase=removing" },
        { NULL, "predecessor_id=p", "a TERMINATED, p RUNNING fresh owner=-",
          "prune, stops now, delete p, keeps a, since its manifest is gone; record "
          "phase=removing" },
        { NULL, "predecessor_id=p", "a RUNNING fresh, p TERMINATED",
          "prune, stops now, terminate a, keeps a, since its manifest is gone; record "
          "phase=removing" },
        { NULL, DELETE "predecessor_id=p", "a TERMINATED, p TERMINATED fresh",
          "prune, delete p, keeps a, since its manifest is gone; record phase=removing" },
        { NULL, "predecessor_id=p", "p RUNNING fresh owner=-, a RUNNING",
          "prune, stops now, delete p, keeps a, since its manifest is gone; record "
          "phase=removing" },
    };
    told_check(rows, COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unclaimed), cmocka_unit_test(test_held),
        cmocka_unit_test(test_orphan),    cmocka_unit_test(test_terminate),
        cmocka_unit_test(test_delete),    cmocka_unit_test(test_predecessor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

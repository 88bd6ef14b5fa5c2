/* The rules of decide.c, a decision each: what is seen, decided and recorded. */
#include "decide_told.h"
#include "decide_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define REPORTS WANTS(V1, "2", "keep: {drift: report}\n")
#define SAME    WANTS(V1, "2", "")
#define NEW     WANTS(V2, "2", "")

#define ADOPTS  WANTS(V1, "2", "keep: {adopt: b}\n")
#define BOOM    "failures=2 retry_at_ms=4 error=boom failed_digest=x "
#define FLIGHT  "operation=op pending_spec=@spec pending_digest=@ "
#define LOST    "phase=unknown cluster_id=- " FLIGHT
#define ALONE   "cluster_id=- phase=none "
#define NOTHING "no-record"

static void test_suspended(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { WANTS(V2, "2", "keep: {suspend: true}\n"), "", "a RUNNING",
          "held suspended, keeps a, since keep.suspend is true" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_returned(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, "phase=removing " BOOM, "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING; record "
          "phase=launching error=- failures=0 retry_at_ms=0" },
        { SAME, "phase=removing " BOOM, "a RESTARTING",
          "held wait, again in 10000, keeps a, since the cluster is RESTARTING; record "
          "phase=launching error=- failures=0 retry_at_ms=0" },
        { SAME, "phase=removing " BOOM, "a RESIZING",
          "held wait, again in 10000, keeps a, since the cluster is RESIZING; record "
          "phase=ready error=- failures=0 retry_at_ms=0" },
        { SAME, "phase=removing " BOOM, "a RUNNING",
          "keeps a, since as desired; record phase=ready failed_digest=- error=- failures=0 "
          "retry_at_ms=0" },
        { SAME, "phase=orphaned " BOOM, "a TERMINATED",
          "keeps a, since as desired; record phase=ready failed_digest=- error=- failures=0 "
          "retry_at_ms=0" },
        { SAME, "phase=orphaned phase_since_ms=5 " BOOM, "",
          "look a, held wait, since not in the listing: asking for it by its ID; record "
          "phase=ready error=- phase_since_ms=5000000 failures=0 retry_at_ms=0" },
        { SAME, "phase=removing cluster_id=- " BOOM, "",
          "create, new cluster, new ID, create -, since the cluster is gone; caution: the "
          "image was not looked at; record phase=creating operation=op1 pending_spec=@spec "
          "pending_digest=@ error=- failures=0 retry_at_ms=0" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_answer_found(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, "phase=creating cluster_id=- " FLIGHT BOOM, "n PENDING operation=op",
          "record, held wait, again in 10000, keeps n, since the cluster is PENDING; noted: "
          "found after a lost answer; record phase=launching cluster_id=n pending_spec=- "
          "pending_digest=- failed_digest=- error=- good_spec=@spec good_digest=@ ran=0 "
          "retry_at_ms=0" },
        { SAME, LOST BOOM, "n RUNNING operation=op",
          "record, keeps n, since found after a lost answer; noted: found after a lost answer; "
          "record phase=ready cluster_id=n pending_spec=- pending_digest=- failed_digest=- "
          "error=- failures=0 retry_at_ms=0" },
        { SAME, LOST BOOM, "n TERMINATED operation=op",
          "record, keeps n, since found after a lost answer; noted: found after a lost answer; "
          "record phase=ready cluster_id=n pending_spec=- pending_digest=- failed_digest=- "
          "error=- good_spec=@spec good_digest=@ ran=0 failures=0 retry_at_ms=0" },
        /* What was said of the last one is not true of it. */
        { NEW, LOST "libraries=[1] permissions=[2] pinned=1 adopted=1 clean_listings=1",
          "n PENDING operation=op image=acme/etl:2",
          "record, held wait, again in 10000, keeps n, since the cluster is PENDING; noted: "
          "found after a lost answer; record phase=launching cluster_id=n pending_spec=- "
          "pending_digest=- applied_spec=@spec applied_digest=@ libraries=- permissions=- "
          "image=acme/etl:2 good_spec=@old-spec good_digest=@old good_libraries=[1] "
          "good_permissions=[2] ran=0 pinned=-1 adopted=0 clean_listings=0" },
        { SAME, LOST BOOM, "n RUNNING operation=other",
          "held wait, again in 10000, keeps n, since the answer to its create was lost: "
          "looking for the cluster by its tags" },
        /* Of an edit: what ran is launched, and nothing is woken. */
        { NEW, FLIGHT BOOM, "a RESTARTING operation=op image=acme/etl:2",
          "record, held wait, again in 10000, keeps a, since the cluster is RESTARTING; noted: "
          "edit found after a lost answer; record phase=launching pending_spec=- "
          "pending_digest=- applied_spec=@spec applied_digest=@ image=acme/etl:2 "
          "failed_digest=- error=- good_spec=@old-spec good_digest=@old ran=0 retry_at_ms=0" },
        { NEW, FLIGHT BOOM, "a RUNNING operation=op image=acme/etl:2",
          "record, keeps a, since edit found after a lost answer; noted: edit found after a "
          "lost answer; record pending_spec=- pending_digest=- applied_spec=@spec "
          "applied_digest=@ image=acme/etl:2 failed_digest=- error=- failures=0 retry_at_ms=0" },
        { NEW, FLIGHT BOOM, "a TERMINATED operation=op image=acme/etl:2",
          "record, keeps a, since edit found after a lost answer; noted: edit found after a "
          "lost answer; record pending_spec=- pending_digest=- applied_spec=@spec "
          "applied_digest=@ image=acme/etl:2 failed_digest=- error=- good_spec=@old-spec "
          "good_digest=@old ran=0 failures=0 retry_at_ms=0" },
        { NEW, FLIGHT BOOM, "a TERMINATED operation=other fresh",
          "edit, applies at its next start, edit a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record operation=op1 retry_at_ms=0" },
        /* What it carried cannot be read: the manifest alone is compared. */
        { SAME, "operation=op pending_spec={ pending_digest=@", "a RUNNING operation=op",
          "record, keeps a, since edit found after a lost answer; noted: edit found after a "
          "lost answer; record pending_spec=- pending_digest=- applied_spec={ image=-" },
        /* Nothing is in flight. */
        { SAME, "operation=op", "a RUNNING operation=op", "keeps a, since as desired" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_answer_lost(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, "phase=creating cluster_id=- phase_since_ms=7 " FLIGHT, "",
          "held wait, again in 10000, since the answer to its create was lost: looking for the "
          "cluster by its tags; record phase=unknown phase_since_ms=5000000" },
        { SAME, LOST "listing", "",
          "held wait, again in 10000, since the answer to its create was lost: looking for the "
          "cluster by its tags; record clean_listings=1" },
        { SAME, LOST "clean_listings=1 listing", "",
          "held wait, again in 10000, since the answer to its create was lost: looking for the "
          "cluster by its tags" }, /* before the grace: not the last */
        { SAME, LOST "clean_listings=1 phase_since_ms=4880001 listing", "",
          "held wait, again in 10000, since the answer to its create was lost: looking for the "
          "cluster by its tags" },
        { SAME, LOST "clean_listings=1 phase_since_ms=4880000 listing", "",
          "create, new cluster, new ID, create -, since the cluster is gone; caution: the "
          "image was not looked at; noted: no trace of the unanswered create; record "
          "phase=creating operation=op1 phase_since_ms=5000000 clean_listings=0" },
        { SAME, LOST "clean_listings=1 phase_since_ms=4880000", "",
          "held wait, again in 10000, since the answer to its create was lost: looking for the "
          "cluster by its tags" },
        { SAME, LOST "clean_listings=0 phase_since_ms=4880000 listing", "",
          "held wait, again in 10000, since the answer to its create was lost: looking for the "
          "cluster by its tags; record clean_listings=1" },
        { SAME, LOST "clean_listings=2 phase_since_ms=4880000", "",
          "create, new cluster, new ID, create -, since the cluster is gone; caution: the "
          "image was not looked at; noted: no trace of the unanswered create; record "
          "phase=creating operation=op1 phase_since_ms=5000000 clean_listings=0" },
        { SAME, LOST "clean_listings=2 phase_since_ms=4880001", "",
          "held wait, again in 10000, since the answer to its create was lost: looking for the "
          "cluster by its tags" },
        /* Given up: nothing of it is remembered. */
        { ADOPTS, LOST "clean_listings=2 phase_since_ms=4880000", "",
          "look b, held wait, since asking for the cluster to adopt; noted: no trace of the "
          "unanswered create; record phase=none operation=- pending_spec=- pending_digest=- "
          "phase_since_ms=5000000" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_missing(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, "", "", "look a, held wait, since not in the listing: asking for it by its ID" },
        { SAME, "phase_since_ms=4880000", "a gone",
          "create, new cluster, new ID, create -, since the cluster is gone; caution: the "
          "image was not looked at; noted: removed outside of clusterkeeper; record "
          "phase=creating cluster_id=- operation=op1 pending_spec=@spec pending_digest=@ "
          "phase_since_ms=5000000" },
        { SAME, "phase_since_ms=4880001", "a gone",
          "held wait, again in 10000, since just created: the workspace does not show it yet" },
        { SAME, "phase=launching phase_since_ms=4880001", "a gone",
          "held wait, again in 10000, since just created: the workspace does not show it yet" },
        { SAME, "phase=failed", "a gone",
          "create, new cluster, new ID, create -, since the cluster is gone; caution: the "
          "image was not looked at; noted: removed outside of clusterkeeper; record "
          "phase=creating cluster_id=- operation=op1 pending_spec=@spec pending_digest=@" },
        { SAME, "phase_since_ms=7", "a gone, b RUNNING",
          "look b, held wait, keeps b, since bears our tags: asking for it by its ID; noted: "
          "removed outside of clusterkeeper; record phase=none cluster_id=- "
          "phase_since_ms=5000000" },
        { SAME, "phase_since_ms=7 predecessor_id=p", "a gone, p TERMINATED",
          "replace, new cluster, new ID, create -, since the old cluster has stopped; caution: "
          "the image was not looked at; noted: removed outside of clusterkeeper; record "
          "phase=creating cluster_id=- operation=op1 pending_spec=@spec pending_digest=@ "
          "phase_since_ms=5000000" },
        { SAME, "phase_since_ms=7 predecessor_id=p", "a gone, p TERMINATED, b TERMINATED",
          "replace, new cluster, new ID, create -, since the old cluster has stopped; caution: "
          "the image was not looked at; noted: removed outside of clusterkeeper; record "
          "phase=creating cluster_id=- operation=op1 pending_spec=@spec pending_digest=@ "
          "phase_since_ms=5000000" },
        { SAME, "phase_since_ms=7", "w gone, x gone, y gone, z gone",
          "look a, held wait, since not in the listing: asking for it by its ID" },
        { SAME, "phase_since_ms=7", "w gone, x gone, y gone, a gone",
          "create, new cluster, new ID, create -, since the cluster is gone; caution: the "
          "image was not looked at; noted: removed outside of clusterkeeper; record "
          "phase=creating cluster_id=- operation=op1 pending_spec=@spec pending_digest=@ "
          "phase_since_ms=5000000" },
        { SAME, "phase_since_ms=7", "a gone, x gone, y gone, z gone",
          "create, new cluster, new ID, create -, since the cluster is gone; caution: the "
          "image was not looked at; noted: removed outside of clusterkeeper; record "
          "phase=creating cluster_id=- operation=op1 pending_spec=@spec pending_digest=@ "
          "phase_since_ms=5000000" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_foreign(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { NEW, "", "a RUNNING owner=other",
          "held foreign, keeps a, since cluster a is marked as owner 'other' has it" },
        { SAME, "", "a RUNNING owner=-", "keeps a, since as desired" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_adopt(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { ADOPTS, NOTHING, "",
          "look b, held wait, since asking for the cluster to adopt; record source=etl.yaml; "
          "not kept" },
        { ADOPTS, NOTHING, "b gone",
          "held foreign, since keep.adopt: cluster b does not exist; record source=etl.yaml; "
          "not kept" },
        { ADOPTS, ALONE "adopted=1 applied_digest=-", "b gone",
          "create, new cluster, new ID, create -, since new manifest; caution: the image was "
          "not looked at; record phase=creating operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { ADOPTS, ALONE, "b gone",
          "create, new cluster, new ID, create -, since the cluster is gone; caution: the "
          "image was not looked at; record phase=creating operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { ADOPTS, ALONE "applied_digest=-", "b gone",
          "held foreign, since keep.adopt: cluster b does not exist" },
        { ADOPTS, NOTHING, "b RUNNING owner=- source=API",
          "adopt, keeps b, since taken over by ID; bears our tags from its next edit on; "
          "noted: adopted; record phase=ready source=etl.yaml cluster_id=b applied_spec=@spec "
          "applied_digest=@ image=acme/etl:1 phase_since_ms=5000000 ran=1 adopted=1" },
        { ADOPTS, NOTHING, "b TERMINATED owner=- source=UI",
          "adopt, keeps b, since taken over by ID; bears our tags from its next edit on; "
          "noted: adopted; record phase=ready source=etl.yaml cluster_id=b applied_spec=@spec "
          "applied_digest=@ image=acme/etl:1 phase_since_ms=5000000 adopted=1" },
        { ADOPTS, NOTHING, "b RUNNING owner=- source=JOB",
          "held foreign, since keep.adopt: cluster b comes from JOB; only clusters made "
          "through the API or the UI can be kept; record source=etl.yaml; not kept" },
        { ADOPTS, NOTHING, "b RUNNING owner=other",
          "held foreign, since keep.adopt: cluster b is kept by owner 'other' as 'etl'; record "
          "source=etl.yaml; not kept" },
        { ADOPTS, ALONE "predecessor_id=b", "b RUNNING owner=-",
          "replace, new cluster, new ID, create -, since the old cluster has stopped; caution: "
          "the image was not looked at; record phase=creating operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { ADOPTS, "", "a RUNNING, b RUNNING owner=-", "keeps a, since as desired" },
        { ADOPTS, NOTHING, "b RUNNING owner=-, c RUNNING",
          "record, keeps c, since bears our tags; noted: found by its tags; record phase=ready "
          "source=etl.yaml cluster_id=c applied_spec=@spec applied_digest=@ image=acme/etl:1 "
          "phase_since_ms=5000000 ran=1" },
        { ADOPTS, ALONE "predecessor_id=p", "p TERMINATED, b TERMINATED",
          "adopt, keeps b, since taken over by ID; bears our tags from its next edit on; "
          "noted: adopted; record phase=ready cluster_id=b good_spec=@spec good_digest=@ ran=0 "
          "adopted=1" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_recover(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, NOTHING, "n RUNNING",
          "record, keeps n, since bears our tags; noted: found by its tags; record phase=ready "
          "source=etl.yaml cluster_id=n applied_spec=@spec applied_digest=@ image=acme/etl:1 "
          "phase_since_ms=5000000 ran=1" },
        { SAME, NOTHING, "n RESIZING",
          "record, held wait, again in 10000, keeps n, since the cluster is RESIZING; noted: "
          "found by its tags; record phase=ready source=etl.yaml cluster_id=n "
          "applied_spec=@spec applied_digest=@ image=acme/etl:1 phase_since_ms=5000000" },
        { SAME, NOTHING, "n PENDING",
          "record, held wait, again in 10000, keeps n, since the cluster is PENDING; noted: "
          "found by its tags; record phase=launching source=etl.yaml cluster_id=n "
          "applied_spec=@spec applied_digest=@ image=acme/etl:1 phase_since_ms=5000000" },
        { SAME, NOTHING, "n TERMINATED reason=DOCKER_IMAGE_PULL_FAILURE",
          "record, held failed, keeps n, since the container image could not be pulled "
          "(DOCKER_IMAGE_PULL_FAILURE); noted: launch-failed; record phase=failed "
          "source=etl.yaml cluster_id=n applied_spec=@spec applied_digest=@ image=acme/etl:1 "
          "failed_digest=@ error=the container image could not be pulled "
          "(DOCKER_IMAGE_PULL_FAILURE) phase_since_ms=5000000 failures=1" },
        { SAME, NOTHING, "n TERMINATED image=acme/etl:2",
          "edit, applies at its next start, look n, keeps n, since docker_image.url changed; "
          "caution: the image was not looked at; noted: found by its tags; record phase=ready "
          "source=etl.yaml cluster_id=n phase_since_ms=5000000" },
        { SAME, ALONE, "n RUNNING",
          "look n, held wait, keeps n, since bears our tags: asking for it by its ID" },
        { SAME, ALONE, "n RUNNING fresh",
          "record, keeps n, since bears our tags; noted: found by its tags; record phase=ready "
          "cluster_id=n" },
        { SAME, NOTHING, "n RUNNING owner=-",
          "create, new cluster, new ID, create -, since new manifest; caution: the image was "
          "not looked at; record phase=creating source=etl.yaml operation=op1 "
          "pending_spec=@spec pending_digest=@ phase_since_ms=5000000" },
        /* Nothing that was done to the last one is true of it. */
        { SAME, ALONE "libraries=[1] permissions=[2] pinned=1 adopted=1 clean_listings=1",
          "n RUNNING fresh image=acme/etl:2",
          "replace, new cluster, new ID, terminate n, keeps n, since docker_image.url changed; "
          "caution: the image was not looked at; noted: found by its tags; record "
          "phase=replacing cluster_id=n pending_digest=@ applied_spec=- applied_digest=- "
          "libraries=- permissions=- image=- pinned=-1 adopted=0 clean_listings=0" },
        { SAME, ALONE, "n RUNNING image=acme/etl:2",
          "look n, held wait, keeps n, since bears our tags: asking for it by its ID" },
        { SAME, ALONE BOOM, "n RUNNING fresh started=9, m RUNNING",
          "dedupe, stops now, look m, keeps n, since a second cluster; n stays; noted: found "
          "by its tags; record phase=ready cluster_id=n" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* What is at rest has no failure to remember; what is not has. */
static void test_settled(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, "", "a RUNNING", "keeps a, since as desired" },
        { SAME, "failures=1", "a RUNNING", "keeps a, since as desired; record failures=0" },
        { SAME, "source=old.yaml", "a RUNNING",
          "keeps a, since as desired; record source=etl.yaml" },
        { SAME, "prune=1", "a RUNNING", "keeps a, since as desired; record prune=0" },
        { SAME, BOOM, "a RUNNING",
          "keeps a, since as desired; record failed_digest=- error=- failures=0 retry_at_ms=0" },
        { SAME, BOOM, "a RESIZING",
          "held wait, again in 10000, keeps a, since the cluster is RESIZING" },
        { SAME, BOOM "predecessor_id=p", "a RUNNING",
          "look p, held wait, keeps a, since asking for the cluster that was replaced" },
        { SAME, "source=old.yaml prune=1", "a RUNNING",
          "keeps a, since as desired; record source=etl.yaml prune=0" },
        { WANTS(V1, "2", "keep: {prune: orphan}\n"), "", "a TERMINATED",
          "keeps a, since as desired; record prune=2" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* What is known of what was applied tells a change from drift. */
static void test_applied(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { REPORTS, "operation=op pending_digest=@ pending_spec={",
          "a RUNNING operation=op workers=5",
          "resize, resized without restart, resize a, to {\"num_workers\":2}, keeps a, since "
          "num_workers changed; noted: edit found after a lost answer; record operation=op1 "
          "pending_spec=@spec applied_spec={ image=-" },
        { REPORTS, "operation=op pending_digest=@ pending_spec=@spec",
          "a RUNNING operation=op workers=5",
          "record, held drift, keeps a, since num_workers drifted; noted: edit found after a "
          "lost answer; record pending_spec=- pending_digest=-" },
        { REPORTS, "no-record rewrites={\"num_workers\":5}", "n RUNNING",
          "record, held drift, keeps n, since num_workers drifted; noted: found by its tags; "
          "record phase=ready source=etl.yaml cluster_id=n applied_spec=@spec applied_digest=@ "
          "image=acme/etl:1 phase_since_ms=5000000 ran=1" },
        { REPORTS, "no-record", "n RUNNING workers=5",
          "resize, resized without restart, resize n, to {\"num_workers\":2}, keeps n, since "
          "num_workers changed; noted: found by its tags; record phase=ready source=etl.yaml "
          "cluster_id=n operation=op1 pending_spec=@spec pending_digest=@ "
          "phase_since_ms=5000000 ran=1" },
    };
    told_check(rows, COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suspended),    cmocka_unit_test(test_returned),
        cmocka_unit_test(test_answer_found), cmocka_unit_test(test_answer_lost),
        cmocka_unit_test(test_missing),      cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_adopt),        cmocka_unit_test(test_recover),
        cmocka_unit_test(test_settled),      cmocka_unit_test(test_applied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Back to what ran before: a decision each. */
#include "decide_told.h"
#include "decide_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NEW      WANTS(V2, "2", "")
#define IN_PLACE WANTS(V2, "2", "keep: {strategy: in-place}\n")
#define GREEN    WANTS(V2, "2", "keep: {strategy: blue-green}\n")
#define STAYS    WANTS(V2, "2", "keep: {rollback: false}\n")
/* The new one failed for good, and this is what ran before it. */
#define FAILED                                                                     \
    "phase=failed ran=0 failures=1 error=boom failed_digest=@ applied_spec=@spec " \
    "applied_digest=@ image=acme/etl:2 "
#define GOOD "good_spec=@old-spec good_digest=@old "
#define BACK "rollback=1 failed_why=boom failed_digest=@ "

static void test_in_place(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { IN_PLACE, FAILED GOOD, "a TERMINATED image=acme/etl:2",
          "rollback, applies at its next start, look a, keeps a, since docker_image.url "
          "changed; noted: launch-failed: rolling back (boom); record error=- failed_why=boom "
          "rollback=1 failures=0" },
        { IN_PLACE, FAILED GOOD, "a TERMINATED fresh image=acme/etl:2",
          "rollback, applies at its next start, edit a, keeps a, since docker_image.url "
          "changed; noted: launch-failed: rolling back (boom); record operation=op1 "
          "pending_spec=@old-spec pending_digest=@old error=- failed_why=boom rollback=1 "
          "failures=0" },
        { IN_PLACE, FAILED, "a TERMINATED image=acme/etl:2", "held failed, keeps a, since boom" },
        { IN_PLACE, FAILED GOOD "failed_digest=x", "a TERMINATED fresh image=acme/etl:2",
          "start, start a, keeps a, since trying again after a launch that failed; record "
          "pending_digest=@" },
        { IN_PLACE, FAILED GOOD "good_libraries=[1] good_permissions=[2]",
          "a TERMINATED fresh image=acme/etl:2",
          "rollback, applies at its next start, edit a, keeps a, since docker_image.url "
          "changed; noted: launch-failed: rolling back (boom); record operation=op1 "
          "pending_spec=@old-spec pending_digest=@old error=- failed_why=boom rollback=1 "
          "failures=0" },
        { IN_PLACE, FAILED GOOD, "a TERMINATING image=acme/etl:2",
          "held wait, again in 10000, keeps a, since the cluster is TERMINATING" },
        { IN_PLACE, FAILED GOOD, "a ERROR image=acme/etl:2",
          "rollback, new cluster, new ID, create -, keeps a, since docker_image.url changed; "
          "noted: launch-failed: rolling back (boom); record phase=creating cluster_id=- "
          "predecessor_id=a operation=op1 pending_spec=@old-spec pending_digest=@old error=- "
          "failed_why=boom rollback=1 failures=0" },
        { IN_PLACE, FAILED "good_spec=@old-spec good_digest=@", "a TERMINATED image=acme/etl:2",
          "held failed, keeps a, since boom" },
        { IN_PLACE,
          FAILED "good_spec=@old-spec good_digest=@ good_image=sha256:aa failed_image=sha256:aa",
          "a TERMINATED fresh image=acme/etl:2", "held failed, keeps a, since boom" },
        { IN_PLACE,
          FAILED "good_spec=@old-spec good_digest=@ good_image=sha256:aa failed_image=sha256:bb",
          "a TERMINATED fresh image=acme/etl:2",
          "rollback, applies at its next start, edit a, keeps a, since docker_image.url "
          "changed; noted: launch-failed: rolling back (boom); record operation=op1 "
          "pending_spec={\"cluster_name\":\"etl\",\"docker_image\":{\"url\":\"acme/"
          "etl:1@sha256:aa\"},\"node_type_id\":\"i3.xlarge\",\"num_workers\":2,\"spark_conf\":{"
          "\"spark.a\":\"1\"},\"spark_version\":\"15.4.x-scala2.12\"} "
          "pending_digest=b940d0cbfcc3f15b5af6c3980202f004e35bfe6d85a5e8c36bb28e00fe40cd5b@sha256:"
          "aa "
          "error=- failed_why=boom rollback=1 failures=0" },
        { IN_PLACE, FAILED "good_spec=@old-spec good_digest=@ good_image=sha256:aa",
          "a TERMINATED fresh image=acme/etl:2", "held failed, keeps a, since boom" },
        { STAYS, FAILED GOOD, "a TERMINATED fresh image=acme/etl:2",
          "held failed, keeps a, since boom" },
        { IN_PLACE, FAILED GOOD "rollback=2", "a TERMINATED fresh image=acme/etl:2",
          "held failed, keeps a, since boom" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_to_the_predecessor(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { NEW, FAILED "predecessor_id=p", "a TERMINATED image=acme/etl:2",
          "look p, held wait, keeps a, since asking for the cluster to go back to" },
        { NEW, FAILED "predecessor_id=p", "a TERMINATED image=acme/etl:2, p gone",
          "held failed, keeps a, since boom; record predecessor_id=-" },
        { NEW, FAILED GOOD "predecessor_id=p", "a TERMINATED image=acme/etl:2, p gone",
          "rollback, applies at its next start, look a, keeps a, since docker_image.url "
          "changed; noted: launch-failed: rolling back (boom); record predecessor_id=- error=- "
          "failed_why=boom rollback=1 failures=0" },
        { NEW, FAILED "predecessor_id=p", "a TERMINATED image=acme/etl:2, p TERMINATED",
          "held failed, keeps a, since boom" }, /* it never ran */
        { NEW,
          FAILED GOOD
          "predecessor_id=p good_libraries=[1] good_permissions=[2] good_image=sha256:aa",
          "a TERMINATED image=acme/etl:2, p TERMINATED",
          "rollback, start p, keeps p, since what ran before is started again; noted: "
          "launch-failed: rolling back (boom); record cluster_id=p predecessor_id=- "
          "pending_digest=@old applied_spec=@old-spec applied_digest=@old libraries=[1] "
          "permissions=[2] image=acme/etl:1 error=- failed_id=a failed_why=boom good_spec=- "
          "good_digest=- good_image=- good_libraries=- good_permissions=- ran=1 rollback=1 "
          "failures=0" },
        { NEW, FAILED GOOD "predecessor_id=p", "a TERMINATED image=acme/etl:2, p RUNNING",
          "held rolled-back, keeps p, since rolled back to acme/etl:1 until the manifest "
          "changes: boom; noted: launch-failed: rolling back (boom); record phase=ready "
          "cluster_id=p predecessor_id=- applied_spec=@old-spec applied_digest=@old "
          "image=acme/etl:1 error=- failed_id=a failed_why=boom good_spec=- good_digest=- "
          "ran=1 rollback=1 failures=0" },
        { NEW, FAILED GOOD "predecessor_id=p",
          "a TERMINATED image=acme/etl:2, p RUNNING owner=other",
          "rollback, applies at its next start, look a, keeps a, since docker_image.url "
          "changed; noted: launch-failed: rolling back (boom); record predecessor_id=- error=- "
          "failed_why=boom rollback=1 failures=0" },
        { NEW, FAILED GOOD "predecessor_id=p cluster_id=-", "p TERMINATED",
          "rollback, start p, keeps p, since what ran before is started again; noted: "
          "launch-failed: rolling back (boom); record cluster_id=p predecessor_id=- "
          "pending_digest=@old applied_spec=@old-spec applied_digest=@old image=acme/etl:1 "
          "error=- failed_why=boom good_spec=- good_digest=- ran=1 rollback=1 failures=0" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* Blue-green: the one that serves goes on. */
static void test_overlap(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { GREEN, "registry=found digest=sha256:bb", "a RUNNING",
          "replace, new cluster, new ID, look a, keeps a, since docker_image.url changed; "
          "record image_digest=sha256:bb" },
        { GREEN, "", "a TERMINATED fresh",
          "edit, applies at its next start, edit a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { GREEN, "phase=failed", "a TERMINATED",
          "replace, new cluster, new ID, create -, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record phase=creating cluster_id=- "
          "predecessor_id=a operation=op1 pending_spec=@spec pending_digest=@" },
        { GREEN, FAILED GOOD "predecessor_id=p", "a TERMINATED image=acme/etl:2, p RUNNING",
          "held rolled-back, keeps p, since rolled back to acme/etl:1 until the manifest "
          "changes: boom; noted: launch-failed: rolling back (boom); record phase=ready "
          "cluster_id=p predecessor_id=- applied_spec=@old-spec applied_digest=@old "
          "image=acme/etl:1 error=- failed_id=a failed_why=boom good_spec=- good_digest=- "
          "ran=1 rollback=1 failures=0" },
        { GREEN, FAILED GOOD "predecessor_id=p phase=launching failed_digest=-",
          "a PENDING image=acme/etl:2, p RUNNING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
        { GREEN, FAILED GOOD "predecessor_id=p phase=launching",
          "a TERMINATED image=acme/etl:2, p RUNNING",
          "held rolled-back, keeps p, since rolled back to acme/etl:1 until the manifest "
          "changes: boom; noted: launch-failed: rolling back (boom); record phase=ready "
          "cluster_id=p predecessor_id=- applied_spec=@old-spec applied_digest=@old "
          "image=acme/etl:1 error=- failed_id=a failed_why=boom good_spec=- good_digest=- "
          "ran=1 rollback=1 failures=0" },
        { GREEN, FAILED GOOD "predecessor_id=p phase=launching failed_digest=- applied_digest=@",
          "a RUNNING image=acme/etl:2, p RUNNING fresh",
          "settle, stops now, delete p, keeps a, since replaced by its successor; noted: "
          "launched; record phase=ready pending_digest=@ error=- good_spec=- good_digest=- "
          "ran=1 failures=0" },
        /* It runs, and what belongs to it is refused again and again. */
        { WANTS(V2, "2", EXTRAS "keep: {strategy: blue-green}\n"),
          GOOD "predecessor_id=p failures=6 applied_spec=@spec applied_digest=@ error=boom",
          "a RUNNING image=acme/etl:2, p RUNNING",
          "dedupe, stops now, look a, keeps p, since a second cluster; p stays; noted: "
          "launch-failed: rolling back (boom); record cluster_id=p predecessor_id=- "
          "applied_spec=@old-spec applied_digest=@old failed_digest=@ error=- failed_id=a "
          "failed_why=boom good_spec=- good_digest=- rollback=1 failures=0" },
        { WANTS(V2, "2", EXTRAS "keep: {strategy: blue-green}\n"),
          GOOD "predecessor_id=p failures=5 applied_spec=@spec applied_digest=@ error=boom",
          "a RUNNING image=acme/etl:2, p RUNNING",
          "settle, permit a, with "
          "[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}], carried "
          "[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}], keeps a, "
          "since permissions changed; record pending_digest=@" },
        { WANTS(V2, "2", EXTRAS "keep: {strategy: blue-green}\n"),
          GOOD "predecessor_id=p failures=6 applied_spec=@spec applied_digest=@ error=boom",
          "a RUNNING image=acme/etl:2, p TERMINATED",
          "settle, permit a, with "
          "[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}], carried "
          "[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}], keeps a, "
          "since permissions changed; record pending_digest=@" },
        { WANTS(V2, "2", EXTRAS),
          GOOD "predecessor_id=p failures=6 applied_spec=@spec applied_digest=@ error=boom",
          "a RUNNING image=acme/etl:2, p RUNNING",
          "settle, stops now, look p, keeps a, since replaced by its successor" },
        { GREEN, GOOD "predecessor_id=p failures=6 applied_spec=@spec applied_digest=@ error=boom",
          "a RUNNING image=acme/etl:2, p RUNNING",
          "settle, stops now, look p, keeps a, since replaced by its successor" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* What ran before is in force, or on its way to be. */
static void test_being_back(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { NEW, BACK, "a RUNNING",
          "held rolled-back, keeps a, since rolled back to acme/etl:1 until the manifest "
          "changes: boom" },
        { NEW, BACK, "a TERMINATED",
          "held rolled-back, keeps a, since rolled back to acme/etl:1 until the manifest "
          "changes: boom" },
        { NEW, BACK "phase=failed", "a TERMINATED",
          "rollback, start a, keeps a, since what ran before is started again; record "
          "pending_digest=@old" },
        { NEW, BACK "phase=launching", "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
        { NEW, BACK "phase=launching", "a RUNNING",
          "held rolled-back, keeps a, since rolled back to acme/etl:1 until the manifest "
          "changes: boom; noted: launched; record phase=ready" },
        { NEW, BACK "phase=launching", "a TERMINATED reason=DOCKER_IMAGE_PULL_FAILURE",
          "held failed, keeps a, since rolled back to acme/etl:1, which did not start either: "
          "the container image could not be pulled (DOCKER_IMAGE_PULL_FAILURE); noted: "
          "launch-failed; record phase=failed error=rolled back to acme/etl:1, which did not "
          "start either: the container image could not be pulled (DOCKER_IMAGE_PULL_FAILURE) "
          "rollback=2 failures=1" },
        { NEW, BACK "phase=launching", "a TERMINATED reason=CLOUD_PROVIDER_RESOURCE_STOCKOUT",
          "held backoff, again in 12345, keeps a, since the cloud has no machines of this type "
          "now (CLOUD_PROVIDER_RESOURCE_STOCKOUT); noted: launch-failed; record phase=failed "
          "error=the cloud has no machines of this type now (CLOUD_PROVIDER_RESOURCE_STOCKOUT) "
          "failures=1 retry_at_ms=5012345" },
        { NEW, BACK "cluster_id=- phase=none applied_spec=- applied_digest=-", "",
          "rollback, new cluster, new ID, held failed, since what ran before is not known" },
        { NEW, BACK "applied_spec=- applied_digest=-", "a RUNNING",
          "held rolled-back, keeps a, since rolled back to acme/etl:1 until the manifest "
          "changes: boom" },
        { NEW, BACK "applied_spec=[] applied_digest=x", "a RUNNING workers=5",
          "held rolled-back, keeps a, since rolled back to acme/etl:1 until the manifest "
          "changes: boom" },
        { NEW, BACK "cluster_id=- phase=none", "",
          "rollback, new cluster, new ID, create -, since the cluster is gone; record "
          "phase=creating operation=op1 pending_spec=@old-spec pending_digest=@old" },
        { NEW, BACK "failed_why=- image=-", "a RUNNING",
          "held rolled-back, keeps a, since rolled back to what ran before until the manifest "
          "changes: it did not start" },
        { NEW, BACK "failed_digest=x", "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record phase=replacing pending_digest=@ "
          "failed_digest=- failed_why=- rollback=0" },
        { NEW, BACK "failed_digest=x phase=failed failures=2 error=e retry_at_ms=9000000",
          "a TERMINATED",
          "replace, new cluster, new ID, create -, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record phase=creating cluster_id=- "
          "predecessor_id=a operation=op1 pending_spec=@spec pending_digest=@ failed_digest=- "
          "error=- failed_why=- rollback=0 failures=0 retry_at_ms=0" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* What is done beside, and what ends it. */
static void test_while_back(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { WANTS(V2, "2", EXTRAS), BACK, "a RUNNING",
          "held rolled-back, keeps a, since rolled back to acme/etl:1 until the manifest "
          "changes: boom" },
        { WANTS(V2, "2", EXTRAS), BACK "ran=0", "a RUNNING",
          "settle, permit a, with "
          "[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}], carried "
          "[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}], keeps a, "
          "since permissions changed; record pending_digest=@old ran=1" },
        { WANTS(V2, "2", EXTRAS), BACK "ran=0 libraries=[] permissions=[]", "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
        { NEW, BACK "failed_id=f", "a RUNNING, f TERMINATED",
          "held rolled-back, keeps a, since rolled back to acme/etl:1 until the manifest "
          "changes: boom" },
        { NEW, BACK "failed_id=f", "a RUNNING, f RUNNING",
          "dedupe, stops now, look f, keeps a, since a second cluster; a stays" },
        { NEW, "rollback=2 failed_why=boom failed_digest=@ error=boom", "a RUNNING",
          "held failed, keeps a, since boom" },
        { NEW, "rollback=2 failed_why=boom failed_digest=x error=boom", "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record phase=replacing pending_digest=@ "
          "failed_digest=- error=- failed_why=- rollback=0" },
        { NEW, BACK "applied_digest=@ image_digest=sha256:aa", "a RUNNING fresh",
          "rollback, new cluster, new ID, terminate a, keeps a, since docker_image.url "
          "changed; record phase=replacing "
          "pending_digest=b940d0cbfcc3f15b5af6c3980202f004e35bfe6d85a5e8c36bb28e00fe40cd5b@sha256:"
          "aa" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* The one that did not start goes once it is in the way. */
static void test_failed_one(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { NEW, "failed_id=f", "a RUNNING fresh",
          "replace, new cluster, new ID, look f, held wait, keeps a, since asking for the "
          "cluster that did not start; caution: the image was not looked at" },
        { NEW, "failed_id=f", "a RUNNING fresh, f TERMINATED",
          "replace, new cluster, new ID, look f, keeps a, since it did not start; caution: the "
          "image was not looked at" },
        { NEW, "failed_id=f", "a RUNNING, f TERMINATED fresh",
          "replace, new cluster, new ID, delete f, keeps a, since it did not start; caution: "
          "the image was not looked at; record pending_digest=@" },
        { NEW, "failed_id=f", "a RUNNING fresh, f gone",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record phase=replacing pending_digest=@ "
          "failed_id=-" },
        { NEW, "failed_id=f", "a RUNNING fresh, f TERMINATED owner=other",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record phase=replacing pending_digest=@ "
          "failed_id=-" },
        { IN_PLACE, "failed_id=f", "a RUNNING fresh",
          "edit, restarts now, edit a, keeps a, since docker_image.url changed; caution: the "
          "image was not looked at; record operation=op1 pending_spec=@spec pending_digest=@" },
        { NULL, "failed_id=f", "a TERMINATED, f TERMINATED",
          "prune, look f, keeps a, since it did not start" },
        { NEW, "failed_id=f no-record", "f RUNNING",
          "replace, new cluster, new ID, look f, keeps f, since docker_image.url changed; "
          "caution: the image was not looked at; noted: found by its tags; record phase=ready "
          "source=etl.yaml cluster_id=f phase_since_ms=5000000 ran=1" },
        { NEW, "failed_id=f cluster_id=- phase=none", "f TERMINATED",
          "create, new cluster, new ID, create -, since the cluster is gone; caution: the "
          "image was not looked at; record phase=creating operation=op1 pending_spec=@spec "
          "pending_digest=@" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* The manifest went back to what still runs. */
static void test_revert(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { WANTS(V1, "2", "keep: {strategy: blue-green}\n"),
          "predecessor_id=p applied_spec={\"spark_version\":\"x\"} applied_digest=x " GOOD,
          "a RUNNING image=acme/etl:2, p RUNNING",
          "dedupe, stops now, look a, keeps p, since a second cluster; p stays; noted: the "
          "manifest went back to what still runs; record cluster_id=p predecessor_id=- "
          "applied_spec=@spec applied_digest=@ failed_id=a good_spec=- good_digest=-" },
        { WANTS(V1, "2", "keep: {strategy: blue-green}\n"),
          "predecessor_id=p phase=launching applied_spec={\"spark_version\":\"x\"} "
          "applied_digest=x " GOOD,
          "a PENDING image=acme/etl:2, p RUNNING",
          "dedupe, stops now, look a, keeps p, since a second cluster; p stays; noted: the "
          "manifest went back to what still runs; record phase=ready cluster_id=p "
          "predecessor_id=- applied_spec=@spec applied_digest=@ failed_id=a good_spec=- "
          "good_digest=-" },
        { WANTS(V1, "2", "keep: {strategy: blue-green}\n"),
          "predecessor_id=p phase=launching applied_spec={\"spark_version\":\"x\"} "
          "applied_digest=x " GOOD,
          "a PENDING image=acme/etl:2, p PENDING",
          "replace, new cluster, new ID, look a, keeps a, since it never ran; caution: the "
          "image was not looked at" },
        { WANTS(V1, "2", "keep: {strategy: blue-green}\n"),
          "predecessor_id=p phase=launching applied_spec={\"spark_version\":\"x\"} "
          "applied_digest=x good_spec=@old-spec "
          "good_digest=y",
          "a PENDING image=acme/etl:2, p RUNNING",
          "replace, new cluster, new ID, look a, keeps a, since it never ran; caution: the "
          "image was not looked at" },
        { WANTS(V1, "2", "keep: {strategy: blue-green}\n"),
          "predecessor_id=p phase=launching " GOOD, "a PENDING, p RUNNING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
    };
    told_check(rows, COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_place),   cmocka_unit_test(test_to_the_predecessor),
        cmocka_unit_test(test_overlap),    cmocka_unit_test(test_being_back),
        cmocka_unit_test(test_while_back), cmocka_unit_test(test_failed_one),
        cmocka_unit_test(test_revert),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

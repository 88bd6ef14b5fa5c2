/* A cluster that is on its way, or was: a decision each. */
#include "decide_told.h"
#include "decide_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SAME      WANTS(V1, "2", "")
#define NEW       WANTS(V2, "2", "")
#define LAUNCHING "phase=launching "
#define FAILED    "phase=failed failures=1 error=boom "
#define STOCKOUT  "a TERMINATED reason=CLOUD_PROVIDER_RESOURCE_STOCKOUT"

static void test_on_its_way(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, LAUNCHING, "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
        { SAME, LAUNCHING, "a RESTARTING",
          "held wait, again in 10000, keeps a, since the cluster is RESTARTING" },
        { SAME, LAUNCHING, "a RESIZING",
          "held wait, again in 10000, keeps a, since the cluster is RESIZING" },
        { SAME, LAUNCHING, "a TERMINATING",
          "held wait, again in 10000, keeps a, since the cluster is TERMINATING" },
        { SAME, LAUNCHING, "a UNKNOWN",
          "held wait, again in 10000, keeps a, since the cluster is UNKNOWN" },
        { SAME, "", "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
        { SAME, "", "a TERMINATING",
          "held wait, again in 10000, keeps a, since the cluster is TERMINATING" },
        { SAME, "", "a UNKNOWN",
          "held wait, again in 10000, keeps a, since the cluster is UNKNOWN" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* Longer than half an hour is too long: asked for first, then stopped. */
static void test_overdue(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, LAUNCHING "phase_since_ms=3200000", "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
        { SAME, LAUNCHING "phase_since_ms=3199999", "a PENDING",
          "stop, stops now, look a, keeps a, since it did not run within 30m and was stopped" },
        { SAME, LAUNCHING "phase_since_ms=3199999", "a PENDING fresh",
          "stop, stops now, terminate a, keeps a, since it did not run within 30m and was "
          "stopped; noted: launch-timeout; record phase=failed pending_digest=@ error=it did "
          "not run within 30m and was stopped phase_since_ms=5000000 failures=1 "
          "retry_at_ms=5012345" },
        { SAME, LAUNCHING "phase_since_ms=3199999 failures=3", "a RESTARTING fresh",
          "stop, stops now, terminate a, keeps a, since it did not run within 30m and was "
          "stopped; noted: launch-timeout; record phase=failed pending_digest=@ error=it did "
          "not run within 30m and was stopped phase_since_ms=5000000 failures=4 "
          "retry_at_ms=5012345" },
        { SAME, LAUNCHING "phase_since_ms=3199999", "a RESIZING",
          "held wait, again in 10000, keeps a, since the cluster is RESIZING" },
        { SAME, LAUNCHING "phase_since_ms=3199999", "a TERMINATING",
          "held wait, again in 10000, keeps a, since the cluster is TERMINATING" },
        { SAME, "phase=replacing phase_since_ms=3199999", "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* Somebody started it after it failed, or our stop was not heard. */
static void test_again_by_others(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, FAILED "failed_digest=@ phase_since_ms=7", "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING; noted: launching "
          "again; record phase=launching failed_digest=- phase_since_ms=5000000" },
        { SAME, FAILED "failed_digest=@ phase_since_ms=7", "a RESTARTING",
          "held wait, again in 10000, keeps a, since the cluster is RESTARTING; noted: "
          "launching again; record phase=launching failed_digest=- phase_since_ms=5000000" },
        { SAME, FAILED "retry_at_ms=5000001", "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
        { SAME, FAILED "retry_at_ms=5000000", "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING; noted: launching "
          "again; record phase=launching" },
        { SAME, FAILED, "a RESIZING",
          "held wait, again in 10000, keeps a, since the cluster is RESIZING" },
        { SAME, FAILED, "a TERMINATING",
          "held wait, again in 10000, keeps a, since the cluster is TERMINATING" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_it_runs(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, LAUNCHING "phase_since_ms=7 failures=3 error=boom retry_at_ms=4 failed_digest=x",
          "a RUNNING",
          "keeps a, since as desired; noted: launched; record phase=ready failed_digest=- "
          "error=- phase_since_ms=5000000 failures=0 retry_at_ms=0" },
        /* What was refused meanwhile is not forgiven. */
        { SAME, LAUNCHING "failures=3 error=boom failed_digest=@", "a RUNNING",
          "held failed, keeps a, since boom; noted: launched; record phase=ready" },
        { SAME, FAILED "failed_digest=@ phase_since_ms=7", "a RUNNING",
          "keeps a, since as desired; noted: launched; record phase=ready failed_digest=- "
          "error=- phase_since_ms=5000000 failures=0" },
        { SAME, "phase=replacing failures=1 error=boom", "a RUNNING",
          "keeps a, since as desired; record phase=ready error=- failures=0" },
        { SAME, LAUNCHING "operation=op pending_spec=@spec pending_digest=@",
          "a RUNNING operation=op",
          "record, keeps a, since edit found after a lost answer; noted: edit found after a "
          "lost answer; record phase=ready pending_spec=- pending_digest=-" },
        { SAME, LAUNCHING "predecessor_id=p failures=3 error=boom failed_digest=x",
          "a RUNNING, p TERMINATED fresh",
          "settle, delete p, keeps a, since replaced by its successor; noted: launched; record "
          "phase=ready pending_digest=@ failed_digest=- error=- failures=0" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_it_ended(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, LAUNCHING, "a TERMINATED",
          "keeps a, since as desired; noted: stopped while it was launching; record phase=ready" },
        { SAME, LAUNCHING, "a TERMINATED reason=USER_REQUEST",
          "keeps a, since as desired; noted: stopped while it was launching; record phase=ready" },
        { SAME, LAUNCHING "operation=op pending_spec=@spec pending_digest=@",
          "a TERMINATED operation=op",
          "record, keeps a, since edit found after a lost answer; noted: edit found after a "
          "lost answer; record phase=ready pending_spec=- pending_digest=- good_spec=@spec "
          "good_digest=@ ran=0" },
        { SAME, LAUNCHING, "a TERMINATED reason=DOCKER_IMAGE_PULL_FAILURE",
          "held failed, keeps a, since the container image could not be pulled "
          "(DOCKER_IMAGE_PULL_FAILURE); noted: launch-failed; record phase=failed "
          "failed_digest=@ error=the container image could not be pulled "
          "(DOCKER_IMAGE_PULL_FAILURE) failures=1" },
        { SAME, LAUNCHING "applied_digest=-", "a TERMINATED reason=DOCKER_IMAGE_PULL_FAILURE",
          "start, start a, keeps a, since trying again after a launch that failed; noted: "
          "launch-failed; record phase=failed pending_digest=@ applied_digest=@ error=the "
          "container image could not be pulled (DOCKER_IMAGE_PULL_FAILURE) failures=1" },
        { SAME, LAUNCHING "applied_digest=x failures=2",
          "a TERMINATED reason=DOCKER_IMAGE_PULL_FAILURE",
          "start, start a, keeps a, since trying again after a launch that failed; noted: "
          "launch-failed; record phase=failed pending_digest=@ applied_digest=@ "
          "failed_digest=x error=the container image could not be pulled "
          "(DOCKER_IMAGE_PULL_FAILURE) failures=3" },
        { SAME, LAUNCHING, "a TERMINATED reason=CLOUD_PROVIDER_RESOURCE_STOCKOUT",
          "held backoff, again in 12345, keeps a, since the cloud has no machines of this type "
          "now (CLOUD_PROVIDER_RESOURCE_STOCKOUT); noted: launch-failed; record phase=failed "
          "error=the cloud has no machines of this type now (CLOUD_PROVIDER_RESOURCE_STOCKOUT) "
          "failures=1 retry_at_ms=5012345" },
        { SAME, LAUNCHING "failures=9", "a TERMINATED reason=CLOUD_PROVIDER_RESOURCE_STOCKOUT",
          "held backoff, again in 12345, keeps a, since the cloud has no machines of this type "
          "now (CLOUD_PROVIDER_RESOURCE_STOCKOUT); noted: launch-failed; record phase=failed "
          "error=the cloud has no machines of this type now (CLOUD_PROVIDER_RESOURCE_STOCKOUT) "
          "failures=10 retry_at_ms=5012345" },
        { SAME, LAUNCHING, "a ERROR",
          "held backoff, again in 12345, keeps a, since it ended for a reason that is not "
          "known (no code); noted: launch-failed; record phase=failed error=it ended for a "
          "reason that is not known (no code) failures=1 retry_at_ms=5012345" },
        { SAME, LAUNCHING, "a ERROR reason=USER_REQUEST",
          "held backoff, again in 12345, keeps a, since somebody terminated it (USER_REQUEST); "
          "noted: launch-failed; record phase=failed error=somebody terminated it "
          "(USER_REQUEST) failures=1 retry_at_ms=5012345" },
        { SAME, "", "a TERMINATED reason=DOCKER_IMAGE_PULL_FAILURE", "keeps a, since as desired" },
        { SAME, FAILED "retry_at_ms=5000001", "a TERMINATED reason=DOCKER_IMAGE_PULL_FAILURE",
          "held backoff, again in 1, keeps a, since boom" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* The longest wait doubles from half a minute to half an hour. */
static void test_waits(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, LAUNCHING "jitter=30000", STOCKOUT,
          "held backoff, again in 30000, keeps a, since the cloud has no machines of this type "
          "now (CLOUD_PROVIDER_RESOURCE_STOCKOUT); noted: launch-failed; record phase=failed "
          "error=the cloud has no machines of this type now (CLOUD_PROVIDER_RESOURCE_STOCKOUT) "
          "failures=1 retry_at_ms=5030000" },
        { SAME, LAUNCHING "jitter=30001", STOCKOUT,
          "start, start a, keeps a, since trying again after a launch that failed; noted: "
          "launch-failed; record phase=failed pending_digest=@ error=the cloud has no machines "
          "of this type now (CLOUD_PROVIDER_RESOURCE_STOCKOUT) failures=1" },
        { SAME, LAUNCHING "failures=1 jitter=60000", STOCKOUT,
          "held backoff, again in 60000, keeps a, since the cloud has no machines of this type "
          "now (CLOUD_PROVIDER_RESOURCE_STOCKOUT); noted: launch-failed; record phase=failed "
          "error=the cloud has no machines of this type now (CLOUD_PROVIDER_RESOURCE_STOCKOUT) "
          "failures=2 retry_at_ms=5060000" },
        { SAME, LAUNCHING "failures=5 jitter=960000", STOCKOUT,
          "held backoff, again in 960000, keeps a, since the cloud has no machines of this "
          "type now (CLOUD_PROVIDER_RESOURCE_STOCKOUT); noted: launch-failed; record "
          "phase=failed error=the cloud has no machines of this type now "
          "(CLOUD_PROVIDER_RESOURCE_STOCKOUT) failures=6 retry_at_ms=5960000" },
        { SAME, LAUNCHING "failures=6 jitter=1800000", STOCKOUT,
          "held backoff, again in 1800000, keeps a, since the cloud has no machines of this "
          "type now (CLOUD_PROVIDER_RESOURCE_STOCKOUT); noted: launch-failed; record "
          "phase=failed error=the cloud has no machines of this type now "
          "(CLOUD_PROVIDER_RESOURCE_STOCKOUT) failures=7 retry_at_ms=6800000" },
        { SAME, LAUNCHING "failures=6 jitter=1800001", STOCKOUT,
          "start, start a, keeps a, since trying again after a launch that failed; noted: "
          "launch-failed; record phase=failed pending_digest=@ error=the cloud has no machines "
          "of this type now (CLOUD_PROVIDER_RESOURCE_STOCKOUT) failures=7" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* A failure holds until the manifest changes, or until its next try is due. */
static void test_failed(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, FAILED "failed_digest=@ error=-", "a TERMINATED",
          "held failed, keeps a, since the last try failed" },
        { SAME, FAILED "failed_digest=@", "a TERMINATED", "held failed, keeps a, since boom" },
        { SAME, FAILED "retry_at_ms=5000001", "a TERMINATED",
          "held backoff, again in 1, keeps a, since boom" },
        { SAME, FAILED "retry_at_ms=5000001 error=-", "a TERMINATED",
          "held backoff, again in 1, keeps a, since the last try failed" },
        { SAME, "retry_at_ms=5000001", "a TERMINATED",
          "keeps a, since as desired; record retry_at_ms=0" },
        { SAME, FAILED "retry_at_ms=5000000", "a TERMINATED",
          "start, start a, keeps a, since trying again after a launch that failed; record "
          "pending_digest=@ retry_at_ms=0" },
        { SAME, FAILED "retry_at_ms=5000000", "a TERMINATED, b RUNNING",
          "dedupe, stops now, look b, keeps a, since a live cluster beside the one that is kept" },
        { NEW, FAILED "failed_digest=@old", "a TERMINATED fresh",
          "replace, new cluster, new ID, create -, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record phase=creating cluster_id=- "
          "predecessor_id=a operation=op1 pending_spec=@spec pending_digest=@" },
        { NEW, FAILED "failed_digest=@old applied_spec=- predecessor_id=p",
          "a TERMINATED fresh, p TERMINATED",
          "replace, new cluster, new ID, delete a, keeps a, since it never ran; caution: the "
          "image was not looked at; record pending_digest=@" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_start(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { WANTS(V1, "2", "keep: {running: true}\n"), "", "a TERMINATED",
          "start, start a, keeps a, since keep.running is true; record pending_digest=@" },
        { WANTS(V1, "2", "keep: {running: true}\n"), "", "a RUNNING", "keeps a, since as desired" },
        { WANTS(V1, "2", "keep: {running: true}\n"), "", "a ERROR",
          "replace, new cluster, new ID, create -, keeps a, since keep.running is true; "
          "caution: the image was not looked at; record phase=creating cluster_id=- "
          "predecessor_id=a operation=op1 pending_spec=@spec pending_digest=@" },
        { WANTS(V1, "2", "keep: {running: true}\n"), "retry_at_ms=4",
          "a TERMINATED, b RUNNING fresh",
          "dedupe, stops now, terminate b, keeps a, since a live cluster beside the one that "
          "is kept; record pending_digest=@ retry_at_ms=0" },
        { SAME, "phase=replacing", "a TERMINATED",
          "start, start a, keeps a, since the manifest went back while it was being replaced; "
          "record pending_digest=@" },
        { SAME, FAILED, "a ERROR",
          "replace, new cluster, new ID, create -, keeps a, since trying again after a launch "
          "that failed; caution: the image was not looked at; record phase=creating "
          "cluster_id=- predecessor_id=a operation=op1 pending_spec=@spec pending_digest=@" },
        { SAME, "", "a ERROR", "keeps a, since as desired" },
        { SAME, "", "a TERMINATED", "keeps a, since as desired" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* It is launched for a manifest that is not the present one: stopped at once. */
static void test_overtaken(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { NEW, LAUNCHING, "a PENDING",
          "replace, new cluster, new ID, look a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at" },
        { NEW, LAUNCHING, "a PENDING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record phase=replacing pending_digest=@" },
        { NEW, LAUNCHING, "a RESTARTING",
          "held wait, again in 10000, keeps a, since the cluster is RESTARTING" },
        { NEW, "phase=replacing", "a PENDING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record pending_digest=@" },
        { NEW, "", "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
        { NEW, LAUNCHING "failed_digest=@", "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
        { NEW, LAUNCHING "retry_at_ms=5000001 pending_digest=@", "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
        { WANTS(V1, "3", ""), LAUNCHING, "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
        { WANTS(V2, "2", "keep: {strategy: in-place}\n"), LAUNCHING, "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
        { NEW, LAUNCHING "applied_digest=@", "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* What restarts nothing need not wait until it runs. */
static void test_carry_early(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { WANTS(V1, "2", EXTRAS), LAUNCHING, "a PENDING",
          "settle, permit a, with "
          "[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}], carried "
          "[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}], keeps a, "
          "since permissions changed; record pending_digest=@" },
        { WANTS(V1, "2", EXTRAS), LAUNCHING, "a RESTARTING",
          "held wait, again in 10000, keeps a, since the cluster is RESTARTING" },
        { WANTS(V1, "2", EXTRAS), "", "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
        { WANTS(V2, "2", EXTRAS), LAUNCHING, "a PENDING",
          "replace, new cluster, new ID, look a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at" },
    };
    told_check(rows, COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_on_its_way),      cmocka_unit_test(test_overdue),
        cmocka_unit_test(test_again_by_others), cmocka_unit_test(test_it_runs),
        cmocka_unit_test(test_it_ended),        cmocka_unit_test(test_failed),
        cmocka_unit_test(test_waits),           cmocka_unit_test(test_start),
        cmocka_unit_test(test_overtaken),       cmocka_unit_test(test_carry_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What the registry says of the image: a decision each. */
#include "decide_told.h"
#include "decide_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SAME            WANTS(V1, "2", "")
#define NEW             WANTS(V2, "2", "")
#define BIGGER          WANTS(V1, "3", "")
#define IN_PLACE        WANTS(V2, "2", "keep: {strategy: in-place}\n")
#define WARNS           WANTS(V2, "2", "keep: {preflight: warn}\n")
#define BLIND           WANTS(V2, "2", "keep: {preflight: off}\n")
#define FOLLOWS         WANTS(V1, "2", "keep: {follow_tag: true}\n")
#define PINS            WANTS(V1, "2", "keep: {pin_digest: true}\n")
#define DIGEST          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BY_DIGEST(more) WANTS("acme/etl:1@sha256:" DIGEST, "2", more)
#define ALONE           "cluster_id=- phase=none "
#define MOVED           "image_digest=sha256:aa registry=found digest=sha256:bb "

/* Asked first; a definite no and a registry that does not answer hold it. */
static void test_before_touching(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { NEW, "", "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record phase=replacing pending_digest=@" },
        { NEW, "registry=unasked", "a RUNNING fresh",
          "replace, new cluster, new ID, check -, keeps a, since docker_image.url changed" },
        { NEW, "registry=found digest=sha256:bb", "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "record phase=replacing pending_digest=@ image_digest=sha256:bb" },
        { NEW, "registry=absent", "a RUNNING fresh",
          "replace, new cluster, new ID, held blocked, again in 10000, keeps a, since so it is" },
        { NEW, "registry=absent ask_again_ms=5000500", "a RUNNING fresh",
          "replace, new cluster, new ID, held blocked, again in 500, keeps a, since so it is" },
        { NEW, "registry=absent ask_again_ms=5000000", "a RUNNING fresh",
          "replace, new cluster, new ID, held blocked, again in 10000, keeps a, since so it is" },
        { NEW, "registry=throttled", "a RUNNING fresh",
          "replace, new cluster, new ID, held backoff, again in 10000, keeps a, since so it is" },
        { NEW, "registry=unchecked", "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "caution: so it is; record phase=replacing pending_digest=@" },
        { NEW, "registry=absent", "a TERMINATED",
          "edit, applies at its next start, held blocked, again in 10000, keeps a, since so it "
          "is" },
        { NEW, "registry=absent", "a TERMINATED fresh",
          "edit, applies at its next start, held blocked, again in 10000, keeps a, since so it "
          "is" },
        { NEW, ALONE "registry=absent", "",
          "create, new cluster, new ID, held blocked, again in 10000, since so it is" },
        { NEW, ALONE "registry=unasked", "",
          "create, new cluster, new ID, check -, since the cluster is gone" },
        { NEW, ALONE "registry=found digest=sha256:bb", "",
          "create, new cluster, new ID, create -, since the cluster is gone; record "
          "phase=creating operation=op1 pending_spec=@spec pending_digest=@ "
          "pending_image=sha256:bb" },
        { BIGGER, "registry=absent", "a RUNNING",
          "resize, resized without restart, resize a, to {\"num_workers\":3}, keeps a, since "
          "num_workers changed; record operation=op1 pending_spec=@spec pending_digest=@" },
        { SAME, "registry=absent", "a RUNNING", "keeps a, since as desired" },
        /* What was stopped for this was asked about before that. */
        { NEW, "phase=replacing pending_digest=@ registry=absent", "a TERMINATED",
          "replace, new cluster, new ID, create -, keeps a, since docker_image.url changed; "
          "record phase=creating cluster_id=- predecessor_id=a operation=op1 pending_spec=@spec" },
        { NEW, "phase=replacing pending_digest=x registry=absent", "a TERMINATED",
          "replace, new cluster, new ID, held blocked, again in 10000, keeps a, since so it is" },
        { NEW, "pending_digest=@ registry=absent", "a RUNNING fresh",
          "replace, new cluster, new ID, held blocked, again in 10000, keeps a, since so it is" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_settings(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { WARNS, "registry=unasked", "a RUNNING fresh",
          "replace, new cluster, new ID, check -, keeps a, since docker_image.url changed" },
        { WARNS, "registry=absent", "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "caution: so it is; record phase=replacing pending_digest=@" },
        { WARNS, "registry=throttled", "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "caution: so it is; record phase=replacing pending_digest=@" },
        { WARNS, "registry=unchecked", "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "caution: so it is; record phase=replacing pending_digest=@" },
        { BLIND, "registry=unasked", "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "record phase=replacing pending_digest=@" },
        { BLIND, "registry=absent", "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "record phase=replacing pending_digest=@" },
        { BLIND, "", "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "record phase=replacing pending_digest=@" },
        { IN_PLACE, "registry=unasked", "a RUNNING fresh",
          "edit, restarts now, check -, keeps a, since docker_image.url changed" },
        { IN_PLACE, "registry=absent", "a RUNNING fresh",
          "edit, restarts now, held blocked, again in 10000, keeps a, since so it is" },
        { IN_PLACE, "registry=found digest=sha256:bb", "a RUNNING fresh",
          "edit, restarts now, edit a, keeps a, since docker_image.url changed; record "
          "operation=op1 pending_spec=@spec pending_digest=@ image_digest=sha256:bb "
          "pending_image=sha256:bb" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* A tag that moved is a change of the image; for one that runs. */
static void test_follow(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { FOLLOWS, MOVED, "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since the tag of "
          "docker_image.url points to another image; record phase=replacing pending_digest=@" },
        { FOLLOWS, MOVED, "a TERMINATED fresh",
          "keeps a, since as desired; record image_digest=-" },
        { SAME, MOVED, "a TERMINATED fresh", "keeps a, since as desired" },
        { FOLLOWS, MOVED "phase=replacing", "a TERMINATED",
          "replace, new cluster, new ID, create -, keeps a, since the tag of docker_image.url "
          "points to another image; record phase=creating cluster_id=- predecessor_id=a "
          "operation=op1 pending_spec=@spec pending_digest=@ pending_image=sha256:bb" },
        { FOLLOWS, MOVED, "a PENDING",
          "held wait, again in 10000, keeps a, since the cluster is PENDING" },
        { FOLLOWS, "image_digest=sha256:aa registry=found digest=sha256:aa", "a RUNNING",
          "keeps a, since as desired" },
        { FOLLOWS, "image_digest=sha256:aa registry=found", "a RUNNING",
          "keeps a, since as desired" },
        { FOLLOWS, "image_digest=sha256:aa registry=absent digest=sha256:bb", "a RUNNING",
          "keeps a, since as desired" },
        { FOLLOWS, "registry=found digest=sha256:bb", "a RUNNING",
          "keeps a, since as desired; record image_digest=sha256:bb" },
        { SAME, MOVED, "a RUNNING", "keeps a, since as desired" },
        { WANTS(V2, "2", "keep: {follow_tag: true}\n"), MOVED, "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "record phase=replacing pending_digest=@" },
        { WANTS(V1, "3", "keep: {follow_tag: true}\n"), MOVED, "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since the tag of "
          "docker_image.url points to another image; record phase=replacing pending_digest=@" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* Nobody saw which image it started with: what the tag points to now is taken for it. */
static void test_dark(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, "registry=found digest=sha256:bb", "a RUNNING",
          "keeps a, since as desired; record image_digest=sha256:bb" },
        { SAME, "registry=found digest=sha256:bb", "a TERMINATED", "keeps a, since as desired" },
        { SAME, "registry=absent digest=sha256:bb", "a RUNNING", "keeps a, since as desired" },
        { SAME, "ran=0", "a RUNNING", "keeps a, since as desired; record ran=1" },
        { SAME,
          "ran=0 good_spec=@old-spec good_digest=x good_image=i good_libraries=[1] "
          "good_permissions=[2]",
          "a RUNNING",
          "keeps a, since as desired; record good_spec=- good_digest=- good_image=- "
          "good_libraries=- good_permissions=- ran=1" },
        { SAME, "ran=0", "a TERMINATED", "keeps a, since as desired" },
        { SAME, "ran=0 phase=replacing", "a RUNNING",
          "keeps a, since as desired; record phase=ready ran=1" },
        { WANTS(V1, "2", "keep: {running: true}\n"), MOVED, "a TERMINATED",
          "start, start a, keeps a, since keep.running is true; record pending_digest=@ "
          "image_digest=sha256:bb" },
        { NULL, "registry=found digest=sha256:bb", "a RUNNING",
          "prune, stops now, look a, keeps a, since its manifest is gone" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* The reference is asked for by its digest; what was asked for last holds while nobody tells. */
static void test_pin(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { PINS, "registry=found digest=sha256:bb", "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "record phase=replacing pending_digest=@ image_digest=sha256:bb" },
        { PINS, "registry=found digest=sha256:bb", "a RUNNING fresh image=acme/etl:1@sha256:bb",
          "keeps a, since as desired; record image_digest=sha256:bb" },
        { PINS, "registry=unreachable", "a RUNNING fresh", "keeps a, since as desired" },
        { PINS, "registry=unreachable image=acme/etl:1@sha256:aa",
          "a RUNNING fresh image=acme/etl:1@sha256:aa", "keeps a, since as desired" },
        { PINS, "registry=unreachable image=acme/etl:12@sha256:aa", "a RUNNING fresh",
          "keeps a, since as desired" },
        { PINS, "registry=unreachable image=acme/etl:1", "a RUNNING fresh",
          "keeps a, since as desired" },
        { BY_DIGEST("keep: {pin_digest: true}\n"), "registry=found digest=sha256:bb",
          "a RUNNING fresh image=acme/etl:1@sha256:" DIGEST,
          "keeps a, since as desired; record applied_spec=@spec applied_digest=@ "
          "image=acme/"
          "etl:1@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
          "image_digest=sha256:bb" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* What failed under this tag was another image: a new try. */
static void test_another_image(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME,
          "phase=failed failed_digest=@ failed_image=sha256:aa error=boom failures=1 "
          "registry=found digest=sha256:bb",
          "a TERMINATED",
          "start, start a, keeps a, since trying again after a launch that failed; record "
          "pending_digest=@ image_digest=sha256:bb" },
        { SAME,
          "phase=failed failed_digest=@ failed_image=sha256:aa error=boom failures=1 "
          "registry=found digest=sha256:aa",
          "a TERMINATED", "held failed, keeps a, since boom" },
        { SAME,
          "phase=failed failed_digest=@ error=boom failures=1 registry=found digest=sha256:aa",
          "a TERMINATED", "held failed, keeps a, since boom" },
        { SAME,
          "phase=failed failed_digest=@ failed_image=sha256:aa error=boom failures=1 "
          "registry=absent digest=sha256:bb",
          "a TERMINATED", "held failed, keeps a, since boom" },
        { SAME,
          "phase=failed failed_digest=@ failed_image=sha256:aa error=boom failures=1 "
          "retry_at_ms=5000001 registry=found digest=sha256:bb",
          "a TERMINATED", "held backoff, again in 1, keeps a, since boom" },
    };
    told_check(rows, COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_touching),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_follow),
        cmocka_unit_test(test_dark),
        cmocka_unit_test(test_pin),
        cmocka_unit_test(test_another_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

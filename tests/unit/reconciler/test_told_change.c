/* The definition differs from what is applied or observed: a decision each. */
#include "decide_told.h"
#include "decide_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ZONE(zone) "{\"aws_attributes\":{\"zone_id\":\"" zone "\"}}"
#define ZONED                                                                           \
    "spec: {spark_version: 15.4.x-scala2.12, node_type_id: i3.xlarge, num_workers: 2, " \
    "docker_image: {url: \"acme/etl:1\"}, spark_conf: {spark.a: \"1\"}, "               \
    "aws_attributes: {zone_id: auto}}\n"
#define ZONED_BEFORE "applied_spec=@spec applied_digest=@ rewrites=" ZONE("us-1a") " "
#define SIZELESS                                                                              \
    "spec: {spark_version: 15.4.x-scala2.12, node_type_id: i3.xlarge, is_single_node: true, " \
    "kind: CLASSIC_PREVIEW, docker_image: {url: \"acme/etl:1\"}, spark_conf: {spark.a: \"1\"}}\n"
#define SINGLE "{\"is_single_node\":true,\"kind\":\"CLASSIC_PREVIEW\"}"
#define SIZED                                                                                      \
    "applied_spec={\"cluster_name\":\"etl\",\"docker_image\":{\"url\":\"acme/etl:1\"},"            \
    "\"is_single_node\":true,\"kind\":\"CLASSIC_PREVIEW\",\"node_type_id\":\"i3.xlarge\","         \
    "\"num_workers\":2,\"spark_conf\":{\"spark.a\":\"1\"},\"spark_version\":\"15.4.x-scala2.12\"}" \
    " "
#define EIGHT                                                                                \
    "spec: {spark_version: 15.4.x-scala2.12, node_type_id: i3.xlarge, num_workers: 2, "      \
    "docker_image: {url: \"acme/etl:2\"}, spark_conf: {spark.a: \"1\", b: \"1\", c: \"1\", " \
    "d: \"1\", e: \"1\", f: \"1\", g: \"1\", h: \"1\"}}\n"
#define REWRITTEN "rewrites={\"docker_image\":{\"url\":\"acme/etl:9\"}} "
#define SAME      WANTS(V1, "2", "")
#define NEW       WANTS(V2, "2", "")
#define BIGGER    WANTS(V1, "3", "")
#define BOTH      WANTS(V2, "3", "")
#define IN_PLACE  WANTS(V2, "2", "keep: {strategy: in-place}\n")
#define REPORTS   WANTS(V1, "2", "keep: {drift: report}\n")
#define FAILED    "phase=failed failures=1 error=boom failed_digest=@old "

static void test_replace(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { NEW, "", "a RUNNING",
          "replace, new cluster, new ID, look a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at" },
        { NEW, "phase_since_ms=7", "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record phase=replacing pending_digest=@ "
          "phase_since_ms=5000000" },
        { NEW, "", "a TERMINATED",
          "edit, applies at its next start, look a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at" },
        { NEW, "", "a TERMINATED fresh",
          "edit, applies at its next start, edit a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { NEW, "phase=replacing", "a TERMINATED",
          "replace, new cluster, new ID, create -, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record phase=creating cluster_id=- "
          "predecessor_id=a operation=op1 pending_spec=@spec pending_digest=@" },
        { NEW, FAILED, "a TERMINATED",
          "replace, new cluster, new ID, create -, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record phase=creating cluster_id=- "
          "predecessor_id=a operation=op1 pending_spec=@spec pending_digest=@" },
        { NEW, "", "a ERROR",
          "replace, new cluster, new ID, create -, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record phase=creating cluster_id=- "
          "predecessor_id=a operation=op1 pending_spec=@spec pending_digest=@" },
        { BOTH, "", "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url and 1 "
          "more changed; caution: the image was not looked at; record phase=replacing "
          "pending_digest=@" },
        { NEW, "phase=replacing", "a TERMINATED, b RUNNING fresh",
          "dedupe, stops now, terminate b, keeps a, since a live cluster beside the one that "
          "is kept; caution: the image was not looked at; record pending_digest=@" },
        { NEW, "phase=replacing", "a TERMINATING",
          "held wait, again in 10000, keeps a, since the cluster is TERMINATING" },
        { NEW, "scripts", "a RUNNING fresh",
          "replace, new cluster, new ID, upload a, script 1, keeps a, since docker_image.url "
          "changed; caution: the image was not looked at; record pending_digest=@" },
        { NEW, "phase=replacing predecessor_id=p", "a RUNNING fresh, p RUNNING",
          "replace, new cluster, new ID, look p, keeps a, since replaced before; caution: the "
          "image was not looked at" },
        { EIGHT, "", "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url and 7 "
          "more changed; caution: the image was not looked at; record phase=replacing "
          "pending_digest=@" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* One cluster is kept beside the new one: the last that worked. */
static void test_room(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { NEW, "predecessor_id=p", "a RUNNING fresh",
          "replace, new cluster, new ID, look p, held wait, keeps a, since asking for the "
          "cluster that was replaced; caution: the image was not looked at" },
        { NEW, "predecessor_id=p", "a RUNNING fresh, p TERMINATED",
          "replace, new cluster, new ID, look p, keeps a, since replaced before; caution: the "
          "image was not looked at" },
        { NEW, "predecessor_id=p", "a RUNNING, p TERMINATED fresh",
          "replace, new cluster, new ID, delete p, keeps a, since replaced before; caution: "
          "the image was not looked at; record pending_digest=@" },
        { NEW, "predecessor_id=p", "a RUNNING fresh, p gone",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record phase=replacing predecessor_id=- "
          "pending_digest=@" },
        { NEW, FAILED "predecessor_id=p", "a TERMINATED, p TERMINATED",
          "replace, new cluster, new ID, look a, keeps a, since it never ran; caution: the "
          "image was not looked at" },
        { NEW, FAILED "predecessor_id=p", "a TERMINATED fresh, p TERMINATED",
          "replace, new cluster, new ID, delete a, keeps a, since it never ran; caution: the "
          "image was not looked at; record pending_digest=@" },
        { NEW, FAILED "predecessor_id=p", "a TERMINATED fresh pinned, p TERMINATED",
          "replace, new cluster, new ID, unpin a, keeps a, since it never ran; caution: the "
          "image was not looked at; record pending_digest=@" },
        { NEW, "phase=launching predecessor_id=p", "a PENDING fresh, p TERMINATED",
          "replace, new cluster, new ID, delete a, keeps a, since it never ran; caution: the "
          "image was not looked at; record pending_digest=@" },
        { NEW, FAILED, "a TERMINATED fresh",
          "replace, new cluster, new ID, create -, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record phase=creating cluster_id=- "
          "predecessor_id=a operation=op1 pending_spec=@spec pending_digest=@" },
        { NEW, "predecessor_id=p", "a RUNNING, p TERMINATING fresh",
          "replace, new cluster, new ID, held wait, again in 10000, keeps a, since the cluster "
          "that is to be removed is TERMINATING; caution: the image was not looked at" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_edit(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { IN_PLACE, "", "a RUNNING",
          "edit, restarts now, look a, keeps a, since docker_image.url changed; caution: the "
          "image was not looked at" },
        { IN_PLACE, "", "a RUNNING fresh",
          "edit, restarts now, edit a, keeps a, since docker_image.url changed; caution: the "
          "image was not looked at; record operation=op1 pending_spec=@spec pending_digest=@" },
        { IN_PLACE, "", "a TERMINATED fresh",
          "edit, applies at its next start, edit a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { IN_PLACE, "predecessor_id=p", "a RUNNING fresh, p TERMINATED",
          "edit, restarts now, look p, keeps a, since replaced before; caution: the image was "
          "not looked at" },
        { IN_PLACE, "predecessor_id=p", "a RUNNING fresh",
          "edit, restarts now, look p, held wait, keeps a, since asking for the cluster that "
          "was replaced; caution: the image was not looked at" },
        { IN_PLACE, "predecessor_id=p", "a RUNNING fresh, p gone",
          "edit, restarts now, edit a, keeps a, since docker_image.url changed; caution: the "
          "image was not looked at; record predecessor_id=- operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { IN_PLACE, "predecessor_id=p phase=failed", "a RUNNING fresh, p TERMINATED",
          "edit, restarts now, look p, keeps a, since replaced before; caution: the image was "
          "not looked at; noted: launched; record phase=ready" },
        { IN_PLACE, "predecessor_id=p", "a TERMINATED fresh, p TERMINATED",
          "edit, applies at its next start, edit a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { IN_PLACE, FAILED, "a TERMINATED fresh",
          "edit, applies at its next start, edit a, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { IN_PLACE, "phase=replacing predecessor_id=p", "a RUNNING fresh, p TERMINATED",
          "edit, restarts now, edit a, keeps a, since docker_image.url changed; caution: the "
          "image was not looked at; record operation=op1 pending_spec=@spec pending_digest=@" },
        { IN_PLACE, "scripts", "a RUNNING",
          "edit, restarts now, upload a, script 1, keeps a, since docker_image.url changed; "
          "caution: the image was not looked at; record pending_digest=@" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_resize(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { BIGGER, "", "a RUNNING",
          "resize, resized without restart, resize a, to {\"num_workers\":3}, keeps a, since "
          "num_workers changed; record operation=op1 pending_spec=@spec pending_digest=@" },
        { BIGGER, "pending_spec=@old-spec", "a TERMINATED fresh",
          "edit, applies at its next start, edit a, keeps a, since num_workers changed; record "
          "operation=op1 pending_spec=@spec pending_digest=@" },
        { BIGGER, "", "a RESIZING",
          "held wait, again in 10000, keeps a, since the cluster is RESIZING" },
        { BIGGER, FAILED, "a RUNNING",
          "resize, resized without restart, resize a, to {\"num_workers\":3}, keeps a, since "
          "num_workers changed; noted: launched; record phase=ready operation=op1 "
          "pending_spec=@spec pending_digest=@ failed_digest=- error=- failures=0" },
        /* A size that is no longer stated cannot be resized to. */
        { SIZELESS, SIZED, "a RUNNING fresh with=" SINGLE,
          "edit, restarts now, edit a, keeps a, since num_workers changed; record "
          "operation=op1 pending_spec=@spec pending_digest=@" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_nothing_differs(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { NEW, "pending_spec=@spec pending_digest=@", "a RUNNING image=acme/etl:2",
          "keeps a, since as desired; record pending_spec=- applied_spec=@spec "
          "applied_digest=@ image=acme/etl:2" },
        { SAME, "phase=replacing", "a RUNNING", "keeps a, since as desired; record phase=ready" },
        { SAME, "phase=replacing phase_since_ms=7", "a RUNNING",
          "keeps a, since as desired; record phase=ready phase_since_ms=5000000" },
        { SAME, "applied_spec=- applied_digest=-", "a RUNNING",
          "keeps a, since as desired; record applied_spec=@spec applied_digest=@" },
        { WANTS(V1, "2", EXTRAS), "", "a RUNNING",
          "settle, permit a, with "
          "[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}], carried "
          "[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}], keeps a, "
          "since permissions changed; record pending_digest=@ applied_digest=@" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* Nobody changed the manifest: somebody changed the cluster. */
static void test_drift(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, "", "a RUNNING workers=5",
          "resize, resized without restart, resize a, to {\"num_workers\":2}, keeps a, since "
          "num_workers drifted; record operation=op1 pending_spec=@spec pending_digest=@" },
        { SAME, "", "a RUNNING image=acme/etl:2",
          "look a, held wait, keeps a, since asking what was submitted" },
        { SAME, "", "a RUNNING image=acme/etl:2 fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url drifted; "
          "caution: the image was not looked at; record phase=replacing pending_digest=@" },
        { SAME, "", "a TERMINATED image=acme/etl:2 fresh",
          "edit, applies at its next start, edit a, keeps a, since docker_image.url drifted; "
          "caution: the image was not looked at; record operation=op1 pending_spec=@spec "
          "pending_digest=@" },
        { REPORTS, "failures=2 error=boom failed_digest=x", "a RUNNING workers=5",
          "held drift, keeps a, since num_workers drifted" },
        { REPORTS, "", "a RUNNING workers=5", "held drift, keeps a, since num_workers drifted" },
        { REPORTS, "", "a RUNNING image=acme/etl:2 fresh",
          "held drift, keeps a, since docker_image.url drifted" },
        { REPORTS, "applied_spec=- applied_digest=-", "a RUNNING workers=5",
          "resize, resized without restart, resize a, to {\"num_workers\":2}, keeps a, since "
          "num_workers changed; record operation=op1 pending_spec=@spec pending_digest=@" },
        { WANTS(V1, "2", "keep: {drift: report, running: true}\n"), "", "a TERMINATED workers=5",
          "start, start a, held drift, keeps a, since keep.running is true; record "
          "pending_digest=@" },
        { SAME, "predecessor_id=p", "a RUNNING image=acme/etl:2, p TERMINATED fresh",
          "replace, new cluster, new ID, delete p, keeps a, since replaced before; caution: "
          "the image was not looked at; record pending_digest=@" },
        { SAME, "", "a RUNNING image=acme/etl:2 asked",
          "replace, new cluster, new ID, look a, keeps a, since docker_image.url drifted; "
          "caution: the image was not looked at" },
        { SAME, "predecessor_id=p", "a RUNNING image=acme/etl:2, p TERMINATED",
          "look a, held wait, keeps a, since asking what was submitted" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* The workspace makes a value of "auto": only what was submitted can tell. */
static void test_resolved(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { ZONED, ZONED_BEFORE, "a RUNNING with=" ZONE("auto"),
          "look a, held wait, keeps a, since asking what was submitted" },
        { ZONED, ZONED_BEFORE "applied_spec=- applied_digest=-", "a RUNNING with=" ZONE("auto"),
          "look a, held wait, keeps a, since asking what was submitted" },
        { ZONED, ZONED_BEFORE, "a RUNNING fresh with=" ZONE("auto"), "keeps a, since as desired" },
        { ZONED, ZONED_BEFORE "terse", "a RUNNING fresh with=" ZONE("auto"),
          "keeps a, since as desired" },
        { ZONED, ZONED_BEFORE "predecessor_id=p", "a RUNNING with=" ZONE("auto") ", p TERMINATED",
          "look a, held wait, keeps a, since asking what was submitted" },
        { ZONED, ZONED_BEFORE "predecessor_id=p",
          "a RUNNING with=" ZONE("auto") ", p TERMINATED fresh",
          "settle, delete p, keeps a, since replaced by its successor; record pending_digest=@" },
        /* Somebody submitted another one. */
        { ZONED, ZONED_BEFORE, "a RUNNING fresh with=" ZONE("us-1b"),
          "edit, restarts now, edit a, keeps a, since aws_attributes.zone_id drifted; record "
          "operation=op1 pending_spec=@spec pending_digest=@" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* What was submitted is as desired, and the workspace has made something else of it. */
static void test_rewritten(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { SAME, REWRITTEN, "a RUNNING",
          "look a, held wait, keeps a, since asking what was submitted" },
        { SAME, REWRITTEN, "a RUNNING fresh", "keeps a, since as desired" },
        { SAME, REWRITTEN "terse", "a RUNNING fresh",
          "replace, new cluster, new ID, terminate a, keeps a, since docker_image.url drifted; "
          "caution: the image was not looked at; record phase=replacing pending_digest=@" },
        { SAME, REWRITTEN "phase=launching applied_digest=x", "a PENDING fresh",
          "held wait, again in 10000, keeps a, since the cluster is PENDING; record "
          "applied_digest=@" },
    };
    told_check(rows, COUNT_OF(rows));
}

/*
 * What is not the manifest's goes back as it was submitted, or, where the workspace does not tell
 * that, as it is in effect.
 */
static void test_body(void **state)
{
    (void)state;
    static const struct {
        bool is_terse;
        const char *zone;
    } rows[] = { { false, "auto" }, { true, "us-1a" } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct decide_case c;
        case_open_with(&c, CLUSTER_TERMINATED, "");
        struct actor *a = case_actor(&c, "a");
        a->spec = value_merge(&c.arena, a->spec, case_value(&c, ZONE("auto")));
        c.rewrites = ZONE("us-1a");
        c.terse = rows[i].is_terse;
        case_desire(&c, NEW);
        case_list(&c);
        case_ask(&c, "a");
        const struct decision *d = case_decide(&c);
        assert_int_equal(d->step, STEP_EDIT);
        const struct value *aws = value_get(d->spec, "aws_attributes");
        assert_string_equal(value_get_text(aws, "zone_id"), rows[i].zone);
        case_close(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_edit),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_nothing_differs),
        cmocka_unit_test(test_drift),
        cmocka_unit_test(test_resolved),
        cmocka_unit_test(test_rewritten),
        cmocka_unit_test(test_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scene.h"
#include "termination.h"

#include "text.h"

enum { EXPLAIN_MAX = 4096 }; /* what decide gives it */

static const struct {
    const char *code, *type, *message;
    const char *klass;
} cases[] = {
    { "USER_REQUEST", "SUCCESS", "Termination requested by x", "normal" },
    { "INACTIVITY", "SUCCESS", NULL, "normal" },
    { "DOCKER_IMAGE_PULL_FAILURE", "CLIENT_ERROR", NULL, "image" },
    { "IMAGE_PULL_PERMISSION_DENIED", "CLIENT_ERROR", NULL, "image" },
    { "DOCKER_INVALID_OS_EXCEPTION", NULL, NULL, "image" },
    { "SLOW_IMAGE_DOWNLOAD", "SERVICE_FAULT", NULL, "platform" },
    { "INIT_SCRIPT_FAILURE", "CLIENT_ERROR", NULL, "script" },
    { "SECRET_RESOLUTION_ERROR", "CLIENT_ERROR", NULL, "spec" },
    { "SPARK_ERROR", "CLIENT_ERROR", NULL, "spec" },
    { "AWS_INSUFFICIENT_INSTANCE_CAPACITY_FAILURE", "CLOUD_FAILURE", NULL, "capacity" },
    { "REQUEST_THROTTLED", "SERVICE_FAULT", NULL, "throttle" },
    { "AZURE_RESOURCE_MANAGER_THROTTLING", "CLOUD_FAILURE", NULL, "throttle" },
    { "INTERNAL_ERROR", "SERVICE_FAULT", NULL, "platform" },
    { "TRIAL_EXPIRED", "CLIENT_ERROR", NULL, "halt" },

    /* Codes that say little: the text decides. */
    { "CONTAINER_LAUNCH_FAILURE", "CLIENT_ERROR", NULL, "image" },
    { "CONTAINER_LAUNCH_FAILURE", "CLIENT_ERROR",
      "Container setup failed because of an invalid request: Image doesn't exist or invalid "
      "credential to pull image from acme/etl:1. Error: manifest unknown",
      "image" },
    { "CONTAINER_LAUNCH_FAILURE", "SERVICE_FAULT",
      "Failed to launch spark container on instance i-0ab. Exception: Container setup has timed "
      "out",
      "platform" },
    { "CONTAINER_LAUNCH_FAILURE", "CLIENT_ERROR",
      "Image doesn't exist or invalid credential to pull image from acme/etl:1. Error: "
      "toomanyrequests: You have reached your pull rate limit",
      "throttle" },
    { "DOCKER_IMAGE_PULL_FAILURE", "CLIENT_ERROR", "429 Too Many Requests", "throttle" },
    { "NEW_CODE", "CLIENT_ERROR",
      "Cluster scoped init script /ETL/script.sh failed: Script exit status is non-zero",
      "script" },
    { NULL, NULL, "Image doesn't exist or invalid credential", "image" },
    /* A code that is sure is not talked out of it. */
    { "INTERNAL_ERROR", "SERVICE_FAULT", "Image doesn't exist or invalid credential", "platform" },

    /* Unknown codes: by name, then by type. */
    { "NEW_STORE_DUE_TO_MISCONFIG", "SERVICE_FAULT", NULL, "spec" },
    { "NETWORK_CHECK_DNS_FAILURE", "CLIENT_ERROR", NULL, "platform" },
    { "NETWORK_CHECK_NIC_FAILURE_DUE_TO_MISCONFIG", "CLIENT_ERROR", NULL, "spec" },
    { "AWS_INACCESSIBLE_KMS_KEY_FAILURE", "CLOUD_FAILURE", NULL, "spec" },
    { "NEVER_SEEN", "SUCCESS", NULL, "normal" },
    { "NEVER_SEEN", "CLIENT_ERROR", NULL, "spec" },
    { "NEVER_SEEN", "CLOUD_FAILURE", NULL, "capacity" },
    { "NEVER_SEEN", "SERVICE_FAULT", NULL, "platform" },
    { "NEVER_SEEN", "NEW_TYPE", NULL, "platform" },
    { NULL, NULL, NULL, "platform" },
};

static void promise_6_codes_are_classified(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *klass = termination_class_name(
            termination_classify(cases[i].code, cases[i].type, cases[i].message));
        if (strcmp(klass, cases[i].klass) != 0) {
            fail_msg("%s, %s: %s, want %s", cases[i].code, cases[i].message, klass, cases[i].klass);
        }
    }
}

static void promise_6_what_a_person_has_to_mend_is_final(void **state)
{
    (void)state;
    static const struct {
        enum termination_class klass;
        bool is_final;
    } rows[] = {
        { TERMINATION_NORMAL, false },   { TERMINATION_IMAGE, true },
        { TERMINATION_SCRIPT, true },    { TERMINATION_SPEC, true },
        { TERMINATION_CAPACITY, false }, { TERMINATION_THROTTLE, false },
        { TERMINATION_PLATFORM, false }, { TERMINATION_HALT, true },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(termination_is_final(rows[i].klass), rows[i].is_final);
    }
}

static void check_explained(const struct observed *observed, const char *want)
{
    AUTO_BUF struct buf out = BUF_INIT(EXPLAIN_MAX);
    termination_explain(observed, &out);
    assert_false(out.overflowed);
    assert_string_equal(buf_text(&out), want);
}

static void test_explanations(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    struct observed observed = {
        .reason_code = "INIT_SCRIPT_FAILURE",
        .reason_type = "CLIENT_ERROR",
        .state_message = "Init scripts failed. instance_id: i-0ab",
        .reason_parameters = scene_applied(
            &scene, "{\"instance_id\":\"i-0ab\",\"zone\":\"b\",\"aws_error_message\":\"no\\nway\","
                    "\"count\":3,\"empty\":\"\"}"),
    };
    /* Sorted; not what the message says already; one line. */
    check_explained(&observed, "an init script is missing, unreadable, or ended with an error "
                               "(INIT_SCRIPT_FAILURE, CLIENT_ERROR; aws_error_message=no way, "
                               "zone=b): Init scripts failed. instance_id: i-0ab");
    observed = (struct observed){ .reason_code = "NEW_ONE\x1b[2J", .state_message = "" };
    check_explained(&observed, "it ended for a reason that is not known (NEW_ONE\\u001b[2J)");
    observed = (struct observed){ .reason_code = NULL };
    check_explained(&observed, "it ended for a reason that is not known (no code)");
    observed = (struct observed){ .reason_code = "CONTAINER_LAUNCH_FAILURE",
                                  .state_message = "Container setup has timed out" };
    check_explained(&observed,
                    "the container was not set up in time: a large image, or a slow registry "
                    "(CONTAINER_LAUNCH_FAILURE): Container setup has timed out");
    scene_close(&scene);
}

static char *long_text(struct arena *arena, size_t len)
{
    char *text = arena_alloc(arena, len + 1);
    memset(text, '\x1b', len);
    return text;
}

/* Whatever the workspace sends, there is an explanation, and it fits where decide puts it. */
static void test_hostile_reasons_stay_short(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    struct value_builder parameters = value_build_map(&scene.arena, (struct pos){ 0 });
    for (int i = 0; i < 500; i++) {
        const char *value = arena_printf(&scene.arena, "%d%s", i, long_text(&scene.arena, 500));
        value_put_new(&parameters, long_text(&scene.arena, 500), (struct pos){ 0 },
                      value_text(&scene.arena, (struct pos){ 0 }, value));
    }
    struct observed observed = {
        .reason_code = long_text(&scene.arena, 5000),
        .reason_type = long_text(&scene.arena, 5000),
        .state_message = long_text(&scene.arena, OBSERVED_MESSAGE_MAX),
        .reason_parameters = parameters.value,
    };
    AUTO_BUF struct buf out = BUF_INIT(EXPLAIN_MAX);
    termination_explain(&observed, &out);
    assert_false(out.overflowed);
    assert_null(strchr(buf_text(&out), '\x1b'));
    assert_non_null(strstr(buf_text(&out), ", and 492 more): \\u001b"));
    scene_close(&scene);
}

static const char *letters(struct arena *arena, char letter, size_t len)
{
    char *text = long_text(arena, len);
    memset(text, letter, len);
    text[len] = '\0';
    return text;
}

/* Each part is shown whole up to its limit, and cut to it beyond. */
static void test_limits(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct scene scene;
        scene_open(&scene);
        struct arena *arena = &scene.arena;
        struct value_builder parameters = value_build_map(arena, (struct pos){ 0 });
        value_put_new(&parameters, letters(arena, 'k', 80 + over), (struct pos){ 0 },
                      value_text(arena, (struct pos){ 0 }, letters(arena, 'v', 160 + over)));
        struct observed observed = { .reason_code = letters(arena, 'c', 80 + over),
                                     .reason_type = letters(arena, 't', 80 + over),
                                     .state_message = letters(arena, 'm', 1000 + over),
                                     .reason_parameters = parameters.value };
        const char *end = over == 0 ? "" : "...";
        size_t cut = strlen(end);
        check_explained(
            &observed,
            arena_printf(arena,
                         "it ended for a reason that is not known (%s%s, %s%s; %s%s=%s%s): %s%s",
                         letters(arena, 'c', 80 - cut), end, letters(arena, 't', 80 - cut), end,
                         letters(arena, 'k', 80 - cut), end, letters(arena, 'v', 160 - cut), end,
                         letters(arena, 'm', 1000 - cut), end));
        scene_close(&scene);
    }
}

static void test_number_of_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *parameters, *want;
    } rows[] = {
        { "{}", "" },
        { "{\"a\":\"1\"}", "; a=1" },
        { "{\"h\":\"8\",\"g\":\"7\",\"f\":\"6\",\"e\":\"5\",\"d\":\"4\",\"c\":\"3\",\"b\":\"2\","
          "\"a\":\"1\"}",
          "; a=1, b=2, c=3, d=4, e=5, f=6, g=7, h=8" },
        { "{\"i\":\"9\",\"h\":\"8\",\"g\":\"7\",\"f\":\"6\",\"e\":\"5\",\"d\":\"4\",\"c\":\"3\","
          "\"b\":\"2\",\"a\":\"1\"}",
          "; a=1, b=2, c=3, d=4, e=5, f=6, g=7, h=8, and 1 more" },
        /* what the message says is not said twice, unless it says it by chance */
        { "{\"a\":\"full\",\"b\":\"ful\",\"c\":\"disk\"}", "; b=ful" },
        { "{\"a\":{\"b\":\"c\"},\"d\":\"\"}", "" },
        { "\"text\"", "" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct scene scene;
        scene_open(&scene);
        struct observed observed = { .reason_code = "NEW",
                                     .state_message = "disk is full",
                                     .reason_parameters =
                                         scene_applied(&scene, rows[i].parameters) };
        check_explained(&observed, arena_printf(&scene.arena,
                                                "it ended for a reason that is not known (NEW%s): "
                                                "disk is full",
                                                rows[i].want));
        scene_close(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promise_6_codes_are_classified),
        cmocka_unit_test(promise_6_what_a_person_has_to_mend_is_final),
        cmocka_unit_test(test_explanations),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_number_of_parameters),
        cmocka_unit_test(test_hostile_reasons_stay_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

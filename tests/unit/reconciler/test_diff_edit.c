#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diff.h"
#include "scene.h"

struct row {
    const char *desired;   /* YAML */
    const char *applied;   /* JSON; NULL: not known */
    const char *submitted; /* JSON */
    const char *want;      /* JSON */
};

static void check(const struct row *rows, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        struct scene scene;
        scene_open(&scene);
        const struct value *spec = diff_edit_spec(
            &scene.arena, scene_desired(&scene, rows[i].desired),
            scene_applied(&scene, rows[i].applied), scene_observed(&scene, rows[i].submitted));
        const char *got = scene_json(&scene, spec);
        if (strcmp(got, rows[i].want) != 0) {
            fail_msg("row %zu, %s:\n  got  %s\n  want %s", i, rows[i].desired, got, rows[i].want);
        }
        scene_close(&scene);
    }
}

#define CHECK(rows) check(rows, COUNT_OF(rows))

/* An edit replaces the whole spec: what is not the manifest's goes back as it was. */
static void test_the_rest_is_sent_back(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "{spark_version: b, num_workers: 2}", "{\"num_workers\":1,\"spark_version\":\"a\"}",
          "{\"spark_version\":\"a\",\"num_workers\":1,\"single_user_name\":\"me\","
          "\"aws_attributes\":{\"zone_id\":\"auto\"},\"enable_elastic_disk\":false,"
          "\"apply_policy_default_values\":true,\"policy_id\":\"p\"}",
          "{\"apply_policy_default_values\":true,\"aws_attributes\":{\"zone_id\":\"auto\"},"
          "\"enable_elastic_disk\":false,\"num_workers\":2,\"policy_id\":\"p\","
          "\"single_user_name\":\"me\",\"spark_version\":\"b\"}" },
        { "aws_attributes: {availability: SPOT}", NULL,
          "{\"aws_attributes\":{\"availability\":\"ON_DEMAND\",\"zone_id\":\"auto\"}}",
          "{\"aws_attributes\":{\"availability\":\"SPOT\",\"zone_id\":\"auto\"}}" },
        { "spark_conf: {a: 2}", "{\"spark_conf\":{\"a\":\"1\"}}",
          "{\"spark_conf\":{\"a\":\"1\",\"theirs\":\"9\"}}",
          "{\"spark_conf\":{\"a\":\"2\",\"theirs\":\"9\"}}" },
        /* nothing was there before */
        { "{spark_conf: {a: 1}, docker_image: {url: \"i:1\"}}", NULL, "{}",
          "{\"docker_image\":{\"url\":\"i:1\"},\"spark_conf\":{\"a\":\"1\"}}" },
        /* only for a create */
        { "{spark_version: a, clone_from: {source_cluster_id: c}}", NULL, "{}",
          "{\"spark_version\":\"a\"}" },
        /* what is read-only or unknown never gets in */
        { "spark_version: a", NULL,
          "{\"cluster_id\":\"c\",\"state\":\"RUNNING\",\"spark_context_id\":1,\"new_field\":1}",
          "{\"spark_version\":\"a\"}" },
    };
    CHECK(rows);
}

static void test_what_is_no_longer_stated_is_left_out(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "{spark_version: a, spark_conf: {b: 2}}",
          "{\"spark_version\":\"a\",\"policy_id\":\"p\",\"spark_conf\":{\"a\":\"1\",\"b\":\"2\"},"
          "\"aws_attributes\":{\"zone_id\":\"auto\"},\"init_scripts\":[{\"file\":{}}],"
          "\"docker_image\":{\"url\":\"i\",\"basic_auth\":{\"username\":{\"$secret\":\"a\"},"
          "\"password\":{\"$secret\":\"b\"}}}}",
          "{\"spark_version\":\"a\",\"policy_id\":\"p\",\"spark_conf\":{\"a\":\"1\",\"b\":\"2\","
          "\"c\":\"3\"},\"aws_attributes\":{\"zone_id\":\"auto\"},"
          "\"init_scripts\":[{\"file\":{\"destination\":\"file:/a\"}}],\"docker_image\":{\"url\":"
          "\"i\",\"basic_auth\":{\"username\":\"u\",\"password\":\"p\"}}}",
          "{\"spark_conf\":{\"b\":\"2\",\"c\":\"3\"},\"spark_version\":\"a\"}" },
        /* the last key of a map */
        { "spark_version: a", "{\"spark_env_vars\":{\"A\":\"1\"}}",
          "{\"spark_env_vars\":{\"A\":\"1\"}}", "{\"spark_version\":\"a\"}" },
    };
    CHECK(rows);
}

static void test_tags_of_ours_are_not_carried(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "custom_tags: {Team: data}", "{\"custom_tags\":{\"Team\":\"old\",\"Gone\":\"1\"}}",
          "{\"custom_tags\":{\"Team\":\"old\",\"Gone\":\"1\",\"Cost\":\"7\","
          "\"clusterkeeper-owner\":\"me\",\"clusterkeeper-operation\":\"1\","
          "\"x_clusterkeeper-spec\":\"2\"}}",
          "{\"custom_tags\":{\"Cost\":\"7\",\"Team\":\"data\"}}" },
        /* from what is in effect: the clash shows, and is not sent as a tag of its own */
        { "custom_tags: {Team: data}", "{\"custom_tags\":{\"Team\":\"data\",\"Gone\":\"1\"}}",
          "{\"custom_tags\":{\"x_Team\":\"data\",\"x_Gone\":\"1\",\"x_Cost\":\"7\"}}",
          "{\"custom_tags\":{\"Team\":\"data\",\"x_Cost\":\"7\"}}" },
        /* the names mean nothing in another map */
        { "spark_version: a", NULL,
          "{\"spark_env_vars\":{\"clusterkeeper-owner\":\"1\",\"x_A\":\"2\"}}",
          "{\"spark_env_vars\":{\"clusterkeeper-owner\":\"1\",\"x_A\":\"2\"},"
          "\"spark_version\":\"a\"}" },
    };
    CHECK(rows);
}

static void test_one_size(void **state)
{
    (void)state;
#define AUTOSCALE "\"autoscale\":{\"max_workers\":5,\"min_workers\":1}"
    static const struct row rows[] = {
        { "num_workers: 0", NULL, "{" AUTOSCALE "}", "{\"num_workers\":0}" },
        { "autoscale: {min_workers: 1, max_workers: 5}", "{\"num_workers\":4}",
          "{\"num_workers\":4}", "{" AUTOSCALE "}" },
        { "autoscale: {min_workers: 1, max_workers: 5}", NULL, "{\"num_workers\":4}",
          "{" AUTOSCALE "}" },
        { "spark_version: a", NULL, "{" AUTOSCALE ",\"num_workers\":4}",
          "{" AUTOSCALE ",\"spark_version\":\"a\"}" },
        { "spark_version: a", NULL, "{\"num_workers\":4}",
          "{\"num_workers\":4,\"spark_version\":\"a\"}" },
    };
    CHECK(rows);
#undef AUTOSCALE
}

static void test_a_pool_brings_its_machines(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "instance_pool_id: p", "{\"node_type_id\":\"n\"}",
          "{\"node_type_id\":\"n\",\"driver_node_type_id\":\"d\",\"enable_elastic_disk\":true,"
          "\"aws_attributes\":{\"zone_id\":\"auto\",\"instance_profile_arn\":\"arn\"},"
          "\"gcp_attributes\":{\"zone_id\":\"HA\"}}",
          "{\"aws_attributes\":{\"instance_profile_arn\":\"arn\"},\"instance_pool_id\":\"p\"}" },
        { "{instance_pool_id: p, aws_attributes: {zone_id: auto}}", NULL,
          "{\"aws_attributes\":{\"zone_id\":\"b\",\"availability\":\"SPOT\"}}",
          "{\"aws_attributes\":{\"zone_id\":\"auto\"},\"instance_pool_id\":\"p\"}" },
        /* what the manifest states stays: the API says what it thinks of it */
        { "{instance_pool_id: p, enable_elastic_disk: true}", NULL, "{}",
          "{\"enable_elastic_disk\":true,\"instance_pool_id\":\"p\"}" },
        /* a driver's pool is nothing without a pool */
        { "spark_version: a", "{\"instance_pool_id\":\"p\"}",
          "{\"instance_pool_id\":\"p\",\"driver_instance_pool_id\":\"q\"}",
          "{\"spark_version\":\"a\"}" },
        /* back to machines of its own */
        { "node_type_id: n", "{\"instance_pool_id\":\"p\"}",
          "{\"instance_pool_id\":\"p\",\"driver_instance_pool_id\":\"p\"}",
          "{\"node_type_id\":\"n\"}" },
        { "node_type_id: n", NULL,
          "{\"instance_pool_id\":\"p\",\"driver_instance_pool_id\":\"q\","
          "\"aws_attributes\":{\"zone_id\":\"b\"},\"enable_elastic_disk\":true}",
          "{\"aws_attributes\":{\"zone_id\":\"b\"},\"enable_elastic_disk\":true,"
          "\"node_type_id\":\"n\"}" },
        /* a pool that somebody else chose */
        { "spark_version: a", NULL,
          "{\"instance_pool_id\":\"p\",\"driver_instance_pool_id\":\"q\",\"node_type_id\":\"n\"}",
          "{\"driver_instance_pool_id\":\"q\",\"instance_pool_id\":\"p\","
          "\"spark_version\":\"a\"}" },
    };
    CHECK(rows);
}

/* What an edit submits differs in nothing from what was wanted: it is not done twice. */
static void test_an_edit_settles_it(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "{spark_version: b, autoscale: {min_workers: 1, max_workers: 2}, spark_conf: {a: 2}}",
          "{\"spark_version\":\"a\",\"num_workers\":1,\"spark_conf\":{\"b\":\"1\"}}",
          "{\"spark_version\":\"a\",\"num_workers\":1,\"spark_conf\":{\"b\":\"1\",\"c\":\"1\"}}",
          NULL },
        { "{docker_image: {url: \"i:2\"}, num_workers: 0, custom_tags: {A: b}}",
          "{\"docker_image\":{\"url\":\"i:1\"},\"policy_id\":\"p\"}",
          "{\"docker_image\":{\"url\":\"i:1\"},\"policy_id\":\"p\",\"cluster_log_conf\":{\"dbfs\":"
          "{\"destination\":\"dbfs:/l\"}}}",
          NULL },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct scene scene;
        scene_open(&scene);
        const struct value *desired = scene_desired(&scene, rows[i].desired);
        const struct value *applied = scene_applied(&scene, rows[i].applied);
        struct observed observed = { .effective = scene_observed(&scene, rows[i].submitted) };
        observed.submitted = observed.effective;
        struct diff diff;
        diff_compute(&scene.arena, desired, applied, &observed, &diff);
        assert_true(diff.len > 0);
        observed.submitted = diff_edit_spec(&scene.arena, desired, applied, observed.submitted);
        observed.effective = observed.submitted;
        diff_compute(&scene.arena, desired, applied, &observed, &diff);
        assert_int_equal(diff.len, 0);
        diff_compute(&scene.arena, desired, desired, &observed, &diff);
        assert_int_equal(diff.len, 0);
        scene_close(&scene);
    }
}

/* Keys that look alike, and values that say nothing. */
static void test_edges(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "{spark_version: a, policy_id: null}", "{}", "{\"policy_id\":\"p\"}",
          "{\"policy_id\":\"p\",\"spark_version\":\"a\"}" },
        /* x_ belongs to tags alone */
        { "spark_conf: {a: \"2\"}", NULL, "{\"spark_conf\":{\"x_a\":\"1\"}}",
          "{\"spark_conf\":{\"a\":\"2\",\"x_a\":\"1\"}}" },
        { "custom_tags: {x_team: b}", NULL, "{\"custom_tags\":{\"x_team\":\"a\"}}",
          "{\"custom_tags\":{\"x_team\":\"b\"}}" },
        { "custom_tags: {team: b}", NULL, "{\"custom_tags\":{\"team\":\"a\"}}",
          "{\"custom_tags\":{\"team\":\"b\"}}" },
        { "aws_attributes: {}", NULL, "{}", "{\"aws_attributes\":{}}" },
        { NULL, NULL, "{}", "{}" },
    };
    CHECK(rows);
}

/* What is the cloud's and not the machines' stays, and so does all that is neither. */
static void test_beside_a_pool(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "spark_version: a", NULL,
          "{\"instance_pool_id\":\"p\",\"driver_node_type_id\":\"n\",\"node_type_id\":\"n\"}",
          "{\"instance_pool_id\":\"p\",\"spark_version\":\"a\"}" },
        { "spark_version: a", NULL,
          "{\"instance_pool_id\":\"p\",\"enable_elastic_disk\":true,\"spark_conf\":{\"a\":\"1\"},"
          "\"docker_image\":{\"url\":\"i\"}}",
          "{\"docker_image\":{\"url\":\"i\"},\"instance_pool_id\":\"p\",\"spark_conf\":{\"a\":"
          "\"1\"},"
          "\"spark_version\":\"a\"}" },
        { "instance_pool_id: p", NULL,
          "{\"aws_attributes\":{\"availability\":\"SPOT\",\"instance_profile_arn\":\"arn\"},"
          "\"azure_attributes\":{\"log_analytics_info\":{\"log_analytics_workspace_id\":\"w\"},"
          "\"first_on_demand\":1},"
          "\"gcp_attributes\":{\"google_service_account\":\"g\",\"local_ssd_count\":1}}",
          "{\"aws_attributes\":{\"instance_profile_arn\":\"arn\"},"
          "\"azure_attributes\":{\"log_analytics_info\":{\"log_analytics_workspace_id\":\"w\"}},"
          "\"gcp_attributes\":{\"google_service_account\":\"g\"},\"instance_pool_id\":\"p\"}" },
        { "{instance_pool_id: p, gcp_attributes: {zone_id: a}}", NULL, "{}",
          "{\"gcp_attributes\":{\"zone_id\":\"a\"},\"instance_pool_id\":\"p\"}" },
        { "{instance_pool_id: p, aws_attributes: {}}", NULL,
          "{\"aws_attributes\":{\"zone_id\":\"a\"}}",
          "{\"aws_attributes\":{},\"instance_pool_id\":\"p\"}" },
    };
    CHECK(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rest_is_sent_back),
        cmocka_unit_test(test_what_is_no_longer_stated_is_left_out),
        cmocka_unit_test(test_tags_of_ours_are_not_carried),
        cmocka_unit_test(test_one_size),
        cmocka_unit_test(test_a_pool_brings_its_machines),
        cmocka_unit_test(test_an_edit_settles_it),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_beside_a_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

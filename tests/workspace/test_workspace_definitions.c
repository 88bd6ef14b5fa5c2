/*
 * Definitions: what create and edit take, what they refuse and in which words, and what the
 * workspace makes of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"

static void test_create_answers_an_id_of_the_real_form(void **state)
{
    struct fixture *fixture = *state;
    create(fixture, SPEC);
    assert_int_equal(strlen(fixture->id), 20);
    assert_memory_equal(fixture->id, "1125-140000-", 12);
    expect_state(fixture, "PENDING");
    assert_string_equal(text_at(fixture->answer, "state_message"),
                        "Finding instances for new nodes, acquiring more instances if necessary");
}

static const struct refusal {
    const char *body, *code, *words;
} refusals[] = {
    { "{", "MALFORMED_REQUEST", "Could not parse" },
    { "[]", "MALFORMED_REQUEST", "Expected an object" },
    { "", "MALFORMED_REQUEST", "Could not parse" },
    { "{}", "INVALID_PARAMETER_VALUE", "spark_version" },
    { "{" SMALL ",\"is_single_node\":true}", "INVALID_PARAMETER_VALUE", "Exactly 1" },
    { "{" SMALL "}", "INVALID_PARAMETER_VALUE",
      "Exactly 1 of virtual_cluster_size, num_workers or autoscale must be specified." },
    { WITH("\"autoscale\":{\"min_workers\":1,\"max_workers\":2}"), "INVALID_PARAMETER_VALUE",
      "Exactly 1" },
    { "{" SMALL ",\"autoscale\":{\"min_workers\":2,\"max_workers\":2}}", "INVALID_PARAMETER_VALUE",
      "strictly greater" },
    { "{" SMALL ",\"num_workers\":0}", "INVALID_PARAMETER_VALUE",
      "NumWorkers could be 0 only for SingleNode clusters" },
    { "{" SMALL ",\"num_workers\":-1}", "INVALID_PARAMETER_VALUE", "num_workers" },
    { "{" SMALL ",\"num_workers\":\"2\"}", "MALFORMED_REQUEST", "num_workers" },
    { "{" SMALL ",\"num_workers\":2.5}", "MALFORMED_REQUEST", "num_workers" },
    { "{\"spark_version\":\"15.4.x-scala2.12\",\"num_workers\":1}", "INVALID_PARAMETER_VALUE",
      "Missing required field 'node_type_id'" },
    { "{\"spark_version\":\"1.0\",\"node_type_id\":\"i3.xlarge\",\"num_workers\":1}",
      "INVALID_PARAMETER_VALUE", "Invalid spark version 1.0" },
    { "{\"spark_version\":\"15.4.x-scala2.12\",\"node_type_id\":\"z9\",\"num_workers\":1}",
      "INVALID_PARAMETER_VALUE", "z9" },
    { "{\"spark_version\":\"15.4.x-scala2.12\",\"node_type_id\":\"m5.large\","
      "\"num_workers\":1}",
      "INVALID_PARAMETER_VALUE", "At least one EBS volume must be attached" },
    { WITH("\"instance_pool_id\":\"p1\""), "INVALID_PARAMETER_VALUE",
      "The field 'node_type_id' cannot be supplied when an instance pool ID is provided." },
    { WITH("\"azure_attributes\":{\"first_on_demand\":1}"), "INVALID_PARAMETER_VALUE",
      "azure_attributes" },
    { WITH("\"aws_attributes\":{\"availability\":\"CHEAP\"}"), "INVALID_PARAMETER_VALUE", "CHEAP" },
    { WITH("\"spark_conf\":{\"a\":true}"), "MALFORMED_REQUEST", "spark_conf" },
    { WITH("\"autotermination_minutes\":5"), "INVALID_PARAMETER_VALUE", "autotermination_minutes" },
    { WITH("\"data_security_mode\":\"NO_ISOLATION\""), "INVALID_PARAMETER_VALUE", "NO_ISOLATION" },
    { WITH("\"custom_tags\":{\"a\":\"b;c\"}"), "INVALID_PARAMETER_VALUE", "b;c" },
    { WITH("\"docker_image\":{\"basic_auth\":{}}"), "INVALID_PARAMETER_VALUE", "docker_image.url" },
    { WITH("\"docker_image\":{\"url\":\"https://r/x\"}"), "INVALID_PARAMETER_VALUE",
      "https://r/x" },
    { WITH("\"docker_image\":{\"url\":\"r/x\",\"basic_auth\":{\"username\":\"u\"}}"),
      "INVALID_PARAMETER_VALUE", "both" },
    { WITH("\"docker_image\":{\"url\":\"r/x\"},\"data_security_mode\":\"USER_ISOLATION\""),
      "INVALID_PARAMETER_VALUE", "shared access mode" },
    { "{\"spark_version\":\"15.4.x-cpu-ml-scala2.12\",\"node_type_id\":\"i3.xlarge\","
      "\"num_workers\":1,\"docker_image\":{\"url\":\"r/x\"}}",
      "INVALID_PARAMETER_VALUE", "Runtime ML" },
    { "{\"spark_version\":\"15.4.x-scala2.12\",\"node_type_id\":\"m6gd.large\","
      "\"num_workers\":1,\"docker_image\":{\"url\":\"r/x\"}}",
      "INVALID_PARAMETER_VALUE", "Graviton" },
    { WITH("\"init_scripts\":[{\"workspace\":{\"destination\":\"/a\"},"
           "\"dbfs\":{\"destination\":\"dbfs:/b\"}}]"),
      "INVALID_PARAMETER_VALUE", "init_scripts[0]" },
    { WITH("\"init_scripts\":[{\"file\":{\"destination\":\"file:/a\"}}]"),
      "INVALID_PARAMETER_VALUE", "custom container" },
    { WITH("\"policy_id\":\"none\""), "INVALID_PARAMETER_VALUE", "Policy none" },
    { WITH("\"clone_from\":{\"source_cluster_id\":\"0101-000000-zzzzzzzz\"}"),
      "INVALID_PARAMETER_VALUE", "does not exist" },
};

static void test_refusals(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        assert_int_equal(post(fixture, "clusters/create", refusals[i].body), 400);
        expect_error(fixture, 400, refusals[i].code, refusals[i].words);
    }
    assert_int_equal(model_cluster_count(fixture->model), 0);
    assert_int_equal(model_writes_count(fixture->model), COUNT_OF(refusals));
}

static void test_too_many(void **state)
{
    struct fixture *fixture = *state;
    AUTO_BUF struct buf tags = BUF_INIT(65536);
    AUTO_BUF struct buf scripts = BUF_INIT(65536);
    for (int i = 0; i < 46; i++) {
        buf_addf(&tags, "%s\"k%d\":\"v\"", i == 0 ? "" : ",", i);
    }
    for (int i = 0; i < 11; i++) {
        buf_addf(&scripts, "%s{\"workspace\":{\"destination\":\"/Shared/%d\"}}", i == 0 ? "" : ",",
                 i);
    }
    const char *body = arena_printf(&fixture->arena, WITH("\"custom_tags\":{%s}"), buf_text(&tags));
    assert_int_equal(post(fixture, "clusters/create", body), 400);
    expect_error(fixture, 400, "INVALID_PARAMETER_VALUE", "46 custom tags; at most 45");
    body = arena_printf(&fixture->arena, WITH("\"init_scripts\":[%s]"), buf_text(&scripts));
    assert_int_equal(post(fixture, "clusters/create", body), 400);
    expect_error(fixture, 400, "INVALID_PARAMETER_VALUE", "11 init scripts; at most 10");
}

static void test_decorations_of_aws(void **state)
{
    struct fixture *fixture = *state;
    create(fixture, WITH("\"data_security_mode\":\"DATA_SECURITY_MODE_DEDICATED\","
                         "\"spark_conf\":{},\"surprise\":1,"
                         "\"aws_attributes\":{\"zone_id\":\"auto\"}"));
    static const struct {
        const char *path, *text;
    } texts[] = {
        { "cluster_name", "etl" },
        { "driver_node_type_id", "i3.xlarge" },
        { "data_security_mode", "SINGLE_USER" },
        { "spec.data_security_mode", "DATA_SECURITY_MODE_DEDICATED" },
        { "single_user_name", "controller@example.com" },
        { "runtime_engine", "STANDARD" },
        { "aws_attributes.zone_id", "us-east-1c" },
        { "spec.aws_attributes.zone_id", "auto" },
        { "aws_attributes.availability", "SPOT_WITH_FALLBACK" },
        { "effective_spark_version", "15.4.x-scala2.12" },
        { "instance_source.node_type_id", "i3.xlarge" },
        { "default_tags.Vendor", "Databricks" },
        { "default_tags.ClusterName", "etl" },
        { "cluster_source", "API" },
        { "creator_user_name", "controller@example.com" },
    };
    const struct value *cluster = get(fixture);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_string_equal(text_at(cluster, texts[i].path), texts[i].text);
    }
    assert_string_equal(text_at(cluster, "default_tags.ClusterId"), fixture->id);
    assert_int_equal(int_at(cluster, "disk_spec.disk_count"), 0);
    assert_int_equal(int_at(cluster, "aws_attributes.spot_bid_price_percent"), 100);
    assert_false(value_get(cluster, "enable_elastic_disk")->u.boolean);
    static const char *const absent[] = { "spec.single_user_name",
                                          "spec.enable_elastic_disk",
                                          "surprise",
                                          "spec.surprise",
                                          "spark_conf",
                                          "autoscale",
                                          "termination_reason" };
    for (size_t i = 0; i < COUNT_OF(absent); i++) {
        assert_null(value_at(cluster, absent[i]));
    }
    /* Beyond 2^53, and printed whole: whoever keeps it as a double writes another number. */
    const char *at = strstr(buf_text(&fixture->response.body), "\"spark_context_id\":");
    assert_non_null(at);
    assert_true(strspn(at + 19, "0123456789") == 19);
}

static void test_decorations_of_other_clouds(void **state)
{
    struct fixture *fixture = *state;
    struct model_config config;
    model_config_defaults(&config);
    config.cloud = MODEL_AZURE;
    model_destroy(fixture->model);
    fixture->model = model_create(&config);
    create(fixture, "{\"spark_version\":\"15.4.x-photon-scala2.12\",\"num_workers\":1,"
                    "\"node_type_id\":\"Standard_DS3_v2\","
                    "\"azure_attributes\":{\"spot_bid_max_price\":-1}}");
    get(fixture);
    assert_true(body_has(fixture, "\"spot_bid_max_price\":-1.0"));
    assert_true(body_has(fixture, "\"spec\":{\"spark_version\":\"15.4.x-photon-scala2.12\""));
    assert_true(body_has(fixture, "\"spot_bid_max_price\":-1}"));
    assert_string_equal(text_at(fixture->answer, "azure_attributes.availability"),
                        "ON_DEMAND_AZURE");
    assert_string_equal(text_at(fixture->answer, "runtime_engine"), "PHOTON");
    assert_string_equal(text_at(fixture->answer, "cluster_name"), "");
    config.cloud = MODEL_GCP;
    model_destroy(fixture->model);
    fixture->model = model_create(&config);
    create(fixture, "{\"spark_version\":\"15.4.x-scala2.12\",\"num_workers\":1,"
                    "\"node_type_id\":\"n2-standard-4\",\"gcp_attributes\":{\"zone_id\":\"HA\"}}");
    assert_string_equal(text_at(get(fixture), "gcp_attributes.zone_id"), "HA");
    assert_int_equal(int_at(fixture->answer, "gcp_attributes.first_on_demand"), 1);
}

static void test_tags_are_renamed(void **state)
{
    struct fixture *fixture = *state;
    static const struct model_tag tags[] = { { "owner", "platform" } };
    struct model_config config;
    model_config_defaults(&config);
    config.workspace_tags = tags;
    config.workspace_tags_len = COUNT_OF(tags);
    model_destroy(fixture->model);
    fixture->model = model_create(&config);
    create(fixture, WITH("\"custom_tags\":{\"owner\":\"me\",\"Vendor\":\"x\",\"team\":\"data\"}"));
    const struct value *cluster = get(fixture);
    assert_string_equal(text_at(cluster, "custom_tags.x_owner"), "me");
    assert_string_equal(text_at(cluster, "custom_tags.x_Vendor"), "x");
    assert_string_equal(text_at(cluster, "custom_tags.team"), "data");
    assert_string_equal(text_at(cluster, "default_tags.owner"), "platform");
    assert_string_equal(text_at(cluster, "spec.custom_tags.owner"), "me");
    assert_null(value_at(cluster, "custom_tags.owner"));
    assert_int_equal(model_count_live(fixture->model, "owner", "me"), 1);
    assert_int_equal(model_count_live(fixture->model, "owner", "you"), 0);
    assert_int_equal(model_count_live(fixture->model, "team", NULL), 1);
}

static void test_single_node_by_kind(void **state)
{
    struct fixture *fixture = *state;
    create(fixture, "{" SMALL ",\"kind\":\"CLASSIC_PREVIEW\",\"is_single_node\":true}");
    const struct value *cluster = get(fixture);
    assert_string_equal(text_at(cluster, "custom_tags.ResourceClass"), "SingleNode");
    const struct value *conf = value_get(cluster, "spark_conf");
    assert_string_equal(value_get_text(conf, "spark.master"), "local[*, 4]");
    assert_int_equal(int_at(cluster, "num_workers"), 0);
    assert_null(value_at(cluster, "spec.spark_conf"));
    create(fixture, "{" SMALL ",\"num_workers\":0,\"custom_tags\":{\"ResourceClass\":"
                    "\"SingleNode\"},\"spark_conf\":{\"spark.master\":\"local[*]\","
                    "\"spark.databricks.cluster.profile\":\"singleNode\"}}");
    assert_int_equal(int_at(get(fixture), "num_workers"), 0);
}

#define IMAGE                                                                \
    "\"docker_image\":{\"url\":\"acme/etl:1\",\"basic_auth\":{\"username\":" \
    "\"u\",\"password\":\"hunter2\"}}"

static void test_credentials_in_answers(void **state)
{
    struct fixture *fixture = *state;
    static const char *const shown[] = { "docker_image\":{\"url\":\"acme/etl:1\"}",
                                         "\"password\":\"********\"", "\"password\":\"hunter2\"" };
    create(fixture, WITH(IMAGE));
    for (int i = 0; i < 3; i++) {
        model_switches(fixture->model)->credentials = i;
        get(fixture);
        assert_true(body_has(fixture, shown[i]));
        assert_int_equal(body_has(fixture, "hunter2"), i == 2);
    }
}

static void test_policy(void **state)
{
    struct fixture *fixture = *state;
    struct pos nowhere = { 0 };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    model_set_policy(fixture->model, "p1", "aws_attributes.ebs_volume_count",
                     value_int(&arena, nowhere, 3));
    create(fixture, WITH("\"policy_id\":\"p1\""));
    assert_int_equal(int_at(get(fixture), "aws_attributes.ebs_volume_count"), 3);
    assert_null(value_at(fixture->answer, "spec.aws_attributes"));
    post(fixture, "clusters/create",
         WITH("\"policy_id\":\"p1\",\"aws_attributes\":{\"ebs_volume_count\":1}"));
    expect_error(fixture, 400, "INVALID_PARAMETER_VALUE",
                 "Validation failed for aws_attributes.ebs_volume_count, the value must be 3 "
                 "(is 1)");
}

static void test_edit_replaces(void **state)
{
    struct fixture *fixture = *state;
    create(fixture, WITH("\"spark_conf\":{\"a\":\"1\"},\"data_security_mode\":\"NONE\""));
    pass(fixture, 10 * MINUTES);
    assert_int_equal(post_id(fixture, "clusters/edit", "," SMALL ",\"num_workers\":5"), 200);
    const struct value *cluster = get(fixture);
    assert_string_equal(text_at(cluster, "state"), "RESTARTING");
    assert_int_equal(int_at(cluster, "num_workers"), 5);
    assert_null(value_at(cluster, "spark_conf"));
    assert_string_equal(text_at(cluster, "data_security_mode"), "SINGLE_USER"); /* reset */
    assert_null(value_at(cluster, "spec.cluster_id"));
    post_id(fixture, "clusters/edit", ",\"num_workers\":5");
    expect_error(fixture, 400, "INVALID_STATE", "is in unexpected state Restarting.");
}

static void test_update_masks(void **state)
{
    struct fixture *fixture = *state;
    create(fixture, "{" SMALL ",\"autoscale\":{\"min_workers\":1,\"max_workers\":4},"
                    "\"spark_conf\":{\"a\":\"1\"},\"custom_tags\":{\"t\":\"1\"}}");
    static const struct {
        const char *more, *words; /* words: of the refusal; NULL: it is taken */
    } rows[] = {
        { ",\"update_mask\":\"autoscale.max_workers,custom_tags\","
          "\"cluster\":{\"autoscale\":{\"max_workers\":9}}",
          NULL },
        { ",\"update_mask\":\"spark_conf.a\",\"cluster\":{}", "spark_conf.a" },
        { ",\"update_mask\":\"spec\",\"cluster\":{}", "spec" },
        { ",\"update_mask\":\"cluster_id\",\"cluster\":{}", "cluster_id" },
        { ",\"cluster\":{}", "update_mask" },
        { ",\"update_mask\":\"autoscale\",\"cluster\":{}", "Exactly 1" },
    };
    pass(fixture, 10 * MINUTES);
    post_id(fixture, "clusters/delete", "");
    pass(fixture, 10 * MINUTES);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int status = post_id(fixture, "clusters/update", rows[i].more);
        assert_int_equal(status, rows[i].words == NULL ? 200 : 400);
        if (rows[i].words != NULL) {
            expect_error(fixture, 400, "INVALID_PARAMETER_VALUE", rows[i].words);
        }
    }
    const struct value *cluster = get(fixture);
    assert_string_equal(text_at(cluster, "state"), "TERMINATED");
    assert_int_equal(int_at(cluster, "autoscale.min_workers"), 1);
    assert_int_equal(int_at(cluster, "autoscale.max_workers"), 9);
    assert_null(value_at(cluster, "custom_tags")); /* in the mask, not in the body */
    assert_string_equal(text_at(cluster, "spark_conf.a"), "1");
}

static void test_unknown_fields(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(post(fixture, "clusters/create", WITH("\"surprise\":{\"a\":1}")), 200);
    model_switches(fixture->model)->unknown_refused = 1;
    post(fixture, "clusters/create", WITH("\"surprise\":{\"a\":1}"));
    expect_error(fixture, 400, "INVALID_PARAMETER_VALUE", "Unknown field 'surprise'");
    post(fixture, "clusters/create", WITH("\"aws_attributes\":{\"zone\":\"a\"}"));
    expect_error(fixture, 400, "INVALID_PARAMETER_VALUE", "aws_attributes.zone");
}

static void test_idempotency_token(void **state)
{
    struct fixture *fixture = *state;
    static const size_t made[] = { 2, 1, 0 }; /* ignored, honoured, refused */
    for (int i = 0; i < 3; i++) {
        setup(state);
        struct fixture *fresh = *state;
        model_switches(fresh->model)->idempotency = i;
        post(fresh, "clusters/create", WITH("\"idempotency_token\":\"t\""));
        post(fresh, "clusters/create", WITH("\"idempotency_token\":\"t\""));
        assert_int_equal(model_cluster_count(fresh->model), made[i]);
        teardown(state);
    }
    *state = fixture;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_create_answers_an_id_of_the_real_form),
        TEST(test_refusals),
        TEST(test_too_many),
        TEST(test_decorations_of_aws),
        TEST(test_decorations_of_other_clouds),
        TEST(test_tags_are_renamed),
        TEST(test_single_node_by_kind),
        TEST(test_credentials_in_answers),
        TEST(test_policy),
        TEST(test_edit_replaces),
        TEST(test_update_masks),
        TEST(test_unknown_fields),
        TEST(test_idempotency_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

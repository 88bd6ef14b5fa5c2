#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diff.h"
#include "scene.h"

enum { RENDERED_MAX = 1 << 16 };

/* "num_workers: 4 -> 8 manifest resize; ..." */
static const char *render(struct scene *scene, const struct diff *diff)
{
    AUTO_BUF struct buf out = BUF_INIT(RENDERED_MAX);
    for (size_t i = 0; i < diff->len; i++) {
        const struct difference *difference = &diff->differences[i];
        buf_addf(&out, "%s%s: %s -> %s %s %s%s", i == 0 ? "" : "; ", difference->path,
                 scene_json(scene, difference->before), scene_json(scene, difference->after),
                 difference->cause == CAUSE_DRIFT ? "drift" : "manifest",
                 change_class_name(difference->change), difference->needs_look ? " look" : "");
    }
    return scene_text(scene, &out);
}

/* What is said of the whole follows from the differences. */
static void check_sums(const struct diff *diff)
{
    struct diff sums = { 0 };
    for (size_t i = 0; i < diff->len; i++) {
        const struct difference *difference = &diff->differences[i];
        if (difference->change > sums.change) sums.change = difference->change;
        if (difference->cause == CAUSE_MANIFEST) sums.has_manifest = true;
        if (difference->cause == CAUSE_DRIFT) sums.has_drift = true;
        if (difference->needs_look) sums.needs_look = true;
    }
    assert_int_equal(diff->change, sums.change);
    assert_int_equal(diff->has_manifest, sums.has_manifest);
    assert_int_equal(diff->has_drift, sums.has_drift);
    assert_int_equal(diff->needs_look, sums.needs_look);
}

struct row {
    const char *desired;   /* YAML */
    const char *applied;   /* JSON; NULL: not known */
    const char *effective; /* JSON */
    const char *submitted; /* JSON; NULL: from a listing */
    const char *want;
};

static void check(const struct row *rows, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        struct scene scene;
        scene_open(&scene);
        struct observed observed = {
            .effective = scene_observed(&scene, rows[i].effective),
            .submitted = scene_observed(&scene, rows[i].submitted),
        };
        struct diff diff;
        diff_compute(&scene.arena, scene_desired(&scene, rows[i].desired),
                     scene_applied(&scene, rows[i].applied), &observed, &diff);
        check_sums(&diff);
        const char *got = render(&scene, &diff);
        if (strcmp(got, rows[i].want) != 0) {
            fail_msg("row %zu, %s:\n  got  %s\n  want %s", i, rows[i].desired, got, rows[i].want);
        }
        scene_close(&scene);
    }
}

#define CHECK(rows) check(rows, COUNT_OF(rows))

static void test_three_ways(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* as desired */
        { "num_workers: 4", "{\"num_workers\":4}", "{\"num_workers\":4}", NULL, "" },
        /* the manifest changed */
        { "num_workers: 8", "{\"num_workers\":4}", "{\"num_workers\":4}", NULL,
          "num_workers: 4 -> 8 manifest resize" },
        /* the workspace changed */
        { "num_workers: 4", "{\"num_workers\":4}", "{\"num_workers\":2}", NULL,
          "num_workers: 2 -> 4 drift resize" },
        /* both, and they agree */
        { "num_workers: 8", "{\"num_workers\":4}", "{\"num_workers\":8}", NULL, "" },
        /* nothing is known of what was applied: the manifest's */
        { "num_workers: 4", NULL, "{\"num_workers\":2}", NULL,
          "num_workers: 2 -> 4 manifest resize" },
        { "num_workers: 4", NULL, "{\"num_workers\":4}", NULL, "" },
        /* newly stated, and the backend has it anyway */
        { "node_type_id: a", "{}", "{\"node_type_id\":\"a\"}", NULL, "" },
        { "node_type_id: b", "{}", "{\"node_type_id\":\"a\"}", NULL,
          "node_type_id: \"a\" -> \"b\" manifest edit" },
        /* in the order of the table, the highest class counts */
        { "{docker_image: {url: \"i:2\"}, num_workers: 2, spark_version: b}",
          "{\"spark_version\":\"a\",\"num_workers\":1,\"docker_image\":{\"url\":\"i:1\"}}",
          "{\"docker_image\":{\"url\":\"i:1\"},\"spark_version\":\"a\",\"num_workers\":1}", NULL,
          "spark_version: \"a\" -> \"b\" manifest edit; num_workers: 1 -> 2 manifest resize; "
          "docker_image.url: \"i:1\" -> \"i:2\" manifest replace" },
    };
    CHECK(rows);
}

/* databricks-api.md 9.1: what the backend says where the manifest is silent is its own affair. */
static void promise_5_the_backend_decorates(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "{spark_version: a, num_workers: 1, node_type_id: n, docker_image: {url: \"i:1\"}}",
          "{\"spark_version\":\"a\",\"num_workers\":1,\"node_type_id\":\"n\","
          "\"docker_image\":{\"url\":\"i:1\"}}",
          "{\"spark_version\":\"a\",\"num_workers\":1,\"node_type_id\":\"n\","
          "\"docker_image\":{\"url\":\"i:1\"},\"driver_node_type_id\":\"n\","
          "\"enable_elastic_disk\":true,\"enable_local_disk_encryption\":false,"
          "\"single_user_name\":\"me\",\"data_security_mode\":\"SINGLE_USER\","
          "\"runtime_engine\":\"STANDARD\",\"cluster_name\":\"\",\"state\":\"RUNNING\","
          "\"spark_context_id\":7430983140709072285,\"default_tags\":{\"Vendor\":\"Databricks\"},"
          "\"aws_attributes\":{\"zone_id\":\"us-east-1c\",\"availability\":\"SPOT\"},"
          "\"workload_type\":{\"clients\":{\"notebooks\":true,\"jobs\":true}},"
          "\"custom_tags\":{\"ResourceClass\":\"SingleNode\",\"Team\":\"x\"},"
          "\"spark_conf\":{\"spark.databricks.delta.preview.enabled\":\"true\"},"
          "\"spark_env_vars\":{\"PYSPARK_PYTHON\":\"/databricks/python3/bin/python3\"},"
          "\"cluster_log_conf\":{\"dbfs\":{\"destination\":\"dbfs:/logs\"}}}",
          NULL, "" },
        /* one field of an object is stated, the others are filled in */
        { "aws_attributes: {availability: SPOT}",
          "{\"aws_attributes\":{\"availability\":\"SPOT\"}}",
          "{\"aws_attributes\":{\"availability\":\"SPOT\",\"first_on_demand\":1}}", NULL, "" },
        /* -1 and -1.0 */
        { "azure_attributes: {spot_bid_max_price: -1}", NULL,
          "{\"azure_attributes\":{\"spot_bid_max_price\":-1.0}}", NULL, "" },
        /* aliases of one access mode */
        { "data_security_mode: DATA_SECURITY_MODE_DEDICATED", NULL,
          "{\"data_security_mode\":\"SINGLE_USER\"}", NULL, "" },
        /* a pool shows its node type */
        { "instance_pool_id: p", "{\"instance_pool_id\":\"p\"}",
          "{\"instance_pool_id\":\"p\",\"driver_instance_pool_id\":\"p\",\"node_type_id\":\"n\"}",
          NULL, "" },
        /* an unknown mode and unknown fields */
        { "{}", "{}", "{\"data_security_mode\":\"NEWEST\",\"new_field\":[{}]}", NULL, "" },
    };
    CHECK(rows);
}

static void test_nothing_is_said_in_many_ways(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "{spark_conf: {}, init_scripts: [], ssh_public_keys: [], enable_elastic_disk: false, "
          "autotermination_minutes: 0, policy_id: \"\", spark_env_vars: {A: \"\"}}",
          NULL, "{}", NULL, "" },
        { "{}", "{}", "{\"spark_conf\":{},\"init_scripts\":[],\"policy_id\":null}", NULL, "" },
        { "autotermination_minutes: 0", NULL, "{\"autotermination_minutes\":60}", NULL,
          "autotermination_minutes: 60 -> 0 manifest edit" },
        /* where 0 and false say something, absence is something else */
        { "num_workers: 0", NULL, "{}", NULL, "num_workers: (none) -> 0 manifest resize" },
        { "workload_type: {clients: {jobs: false}}", NULL,
          "{\"workload_type\":{\"clients\":{\"jobs\":true,\"notebooks\":true}}}", NULL,
          "workload_type.clients.jobs: true -> false manifest edit" },
        { "gcp_attributes: {local_ssd_count: 0}", NULL, "{\"gcp_attributes\":{}}", NULL,
          "gcp_attributes.local_ssd_count: (none) -> 0 manifest edit" },
    };
    CHECK(rows);
}

static void test_maps_are_compared_key_by_key(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "spark_conf: {a: 1, b: true}", "{\"spark_conf\":{\"a\":\"1\",\"b\":\"true\"}}",
          "{\"spark_conf\":{\"b\":\"True\",\"a\":\"1\",\"theirs\":\"9\"}}", NULL, "" },
        { "spark_conf: {a: 2, c: 3}", "{\"spark_conf\":{\"a\":\"1\",\"c\":\"3\"}}",
          "{\"spark_conf\":{\"a\":\"1\",\"c\":\"4\"}}", NULL,
          "spark_conf[a]: \"1\" -> \"2\" manifest edit; spark_conf[c]: \"4\" -> \"3\" drift edit" },
        { "spark_conf: {spark.sql.shuffle.partitions: 8}", "{}", "{}", NULL,
          "spark_conf[spark.sql.shuffle.partitions]: (none) -> \"8\" manifest edit" },
        /* no longer stated: of interest while it is there as it was applied */
        { "{}", "{\"spark_env_vars\":{\"A\":\"1\",\"B\":\"2\",\"C\":\"3\"}}",
          "{\"spark_env_vars\":{\"A\":\"1\",\"B\":\"9\",\"D\":\"4\"}}", NULL,
          "spark_env_vars[A]: \"1\" -> (none) manifest edit" },
    };
    CHECK(rows);
}

static void test_tags(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "custom_tags: {Team: data}", "{\"custom_tags\":{\"Team\":\"data\"}}",
          "{\"custom_tags\":{\"Team\":\"data\",\"clusterkeeper-owner\":\"me\"}}", NULL, "" },
        /* a key that clashes with another tag comes back with x_ */
        { "custom_tags: {Team: data}", "{\"custom_tags\":{\"Team\":\"data\"}}",
          "{\"custom_tags\":{\"x_Team\":\"data\"}}", NULL, "" },
        { "custom_tags: {Team: data}", "{\"custom_tags\":{\"Team\":\"data\"}}",
          "{\"custom_tags\":{\"x_Team\":\"other\"}}", NULL,
          "custom_tags[Team]: \"other\" -> \"data\" drift edit" },
        { "{}", "{\"custom_tags\":{\"Team\":\"data\"}}", "{\"custom_tags\":{\"x_Team\":\"data\"}}",
          NULL, "custom_tags[Team]: \"data\" -> (none) manifest edit" },
        /* ours are not compared, whoever wrote them there */
        { "{}", "{\"custom_tags\":{\"clusterkeeper-spec\":\"1\"}}",
          "{\"custom_tags\":{\"clusterkeeper-spec\":\"1\"}}", NULL, "" },
        /* x_ is of tags alone */
        { "spark_env_vars: {A: b}", NULL, "{\"spark_env_vars\":{\"x_A\":\"b\"}}", NULL,
          "spark_env_vars[A]: (none) -> \"b\" manifest edit" },
    };
    CHECK(rows);
}

static void test_lists_count_as_a_whole(void **state)
{
    (void)state;
#define A "{\"workspace\":{\"destination\":\"/Shared/a.sh\"}}"
#define B "{\"workspace\":{\"destination\":\"/Shared/b.sh\"}}"
    static const struct row rows[] = {
        { "init_scripts: [{workspace: {destination: /Shared/a.sh}}]", NULL,
          "{\"init_scripts\":[{\"workspace\":{\"destination\":\"/Workspace/Shared/a.sh\"}}]}", NULL,
          "" },
        { "init_scripts: [{workspace: {destination: /Shared/b.sh}}, "
          "{workspace: {destination: /Shared/a.sh}}]",
          "{\"init_scripts\":[" A "," B "]}", "{\"init_scripts\":[" A "," B "]}", NULL,
          "init_scripts: [" A "," B "] -> [" B "," A "] manifest replace" },
        { "{}", "{\"init_scripts\":[" A "]}", "{\"init_scripts\":[" A "]}", NULL,
          "init_scripts: [" A "] -> (none) manifest replace" },
        { "init_scripts: [{workspace: {destination: /Shared/a.sh}}]", NULL, "{}", NULL,
          "init_scripts: (none) -> [" A "] manifest replace" },
        { "ssh_public_keys: [a, b]", "{\"ssh_public_keys\":[\"a\",\"b\"]}",
          "{\"ssh_public_keys\":[\"a\"]}", NULL,
          "ssh_public_keys: [\"a\"] -> [\"a\",\"b\"] drift edit" },
        { "cluster_log_conf: {dbfs: {destination: \"dbfs:/new\"}}", NULL,
          "{\"cluster_log_conf\":{\"s3\":{\"destination\":\"s3://b/l\",\"region\":\"r\"}}}", NULL,
          "cluster_log_conf: {\"s3\":{\"destination\":\"s3://b/l\",\"region\":\"r\"}} -> "
          "{\"dbfs\":{\"destination\":\"dbfs:/new\"}} manifest edit" },
    };
    CHECK(rows);
#undef A
#undef B
}

static void test_the_size_is_one_thing(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "autoscale: {min_workers: 1, max_workers: 5}", "{\"num_workers\":4}",
          "{\"num_workers\":4}", NULL,
          "num_workers: 4 -> (none) manifest resize; "
          "autoscale.min_workers: (none) -> 1 manifest resize; "
          "autoscale.max_workers: (none) -> 5 manifest resize" },
        { "num_workers: 4", "{\"autoscale\":{\"max_workers\":5,\"min_workers\":1}}",
          "{\"autoscale\":{\"max_workers\":5,\"min_workers\":1,\"target_workers\":3}}", NULL,
          "num_workers: (none) -> 4 manifest resize; "
          "autoscale: {\"max_workers\":5,\"min_workers\":1} -> (none) manifest resize" },
        /* somebody switched it by hand */
        { "num_workers: 4", "{\"num_workers\":4}",
          "{\"autoscale\":{\"max_workers\":5,\"min_workers\":1}}", NULL,
          "num_workers: (none) -> 4 drift resize; "
          "autoscale: {\"max_workers\":5,\"min_workers\":1} -> (none) drift resize" },
        /* a backend that tells the present number beside autoscale */
        { "autoscale: {min_workers: 1, max_workers: 5}", NULL,
          "{\"num_workers\":3,\"autoscale\":{\"max_workers\":5,\"min_workers\":1}}", NULL, "" },
        { "autoscale: {min_workers: 0, max_workers: 5}", NULL,
          "{\"autoscale\":{\"max_workers\":5,\"min_workers\":1}}", NULL,
          "autoscale.min_workers: 1 -> 0 manifest resize" },
        /* a single node says neither */
        { "{kind: CLASSIC_PREVIEW, is_single_node: true}", NULL,
          "{\"kind\":\"CLASSIC_PREVIEW\",\"is_single_node\":true,\"num_workers\":0,"
          "\"spark_conf\":{\"spark.master\":\"local[*, 4]\"},"
          "\"custom_tags\":{\"ResourceClass\":\"SingleNode\"}}",
          NULL, "" },
    };
    CHECK(rows);
}

static void test_what_is_no_longer_stated(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "{}", "{\"policy_id\":\"p\"}", "{\"policy_id\":\"p\"}", NULL,
          "policy_id: \"p\" -> (none) manifest edit" },
        /* the backend has something of its own there, or nothing */
        { "{}", "{\"policy_id\":\"p\"}", "{\"policy_id\":\"q\"}", NULL, "" },
        { "{}", "{\"policy_id\":\"p\"}", "{}", NULL, "" },
        { "{}", "{\"autotermination_minutes\":0,\"policy_id\":\"\"}", "{}", NULL, "" },
        /* what the backend fills in looks like what was applied: only what was submitted tells */
        { "{}", "{\"driver_node_type_id\":\"n\"}", "{\"driver_node_type_id\":\"n\"}", NULL,
          "driver_node_type_id: \"n\" -> (none) manifest edit look" },
        { "{}", "{\"driver_node_type_id\":\"n\"}", "{\"driver_node_type_id\":\"n\"}",
          "{\"driver_node_type_id\":\"n\"}", "driver_node_type_id: \"n\" -> (none) manifest edit" },
        { "{}", "{\"driver_node_type_id\":\"n\"}", "{\"driver_node_type_id\":\"n\"}", "{}", "" },
        /* false can be taken away too, where it says something */
        { "{}", "{\"workload_type\":{\"clients\":{\"jobs\":false}}}",
          "{\"workload_type\":{\"clients\":{\"jobs\":false}}}",
          "{\"workload_type\":{\"clients\":{\"jobs\":false}}}",
          "workload_type.clients.jobs: false -> (none) manifest edit" },
        { "{}", "{\"docker_image\":{\"url\":\"i:1\"}}", "{\"docker_image\":{\"url\":\"i:1\"}}",
          NULL, "docker_image.url: \"i:1\" -> (none) manifest replace" },
    };
    CHECK(rows);
}

static void promise_5_what_the_backend_resolves(void **state)
{
    (void)state;
#define ZONE(zone) "{\"aws_attributes\":{\"zone_id\":\"" zone "\"}}"
    static const struct row rows[] = {
        /* from a listing it cannot be told */
        { "aws_attributes: {zone_id: auto}", ZONE("auto"), ZONE("us-east-1c"), NULL,
          "aws_attributes.zone_id: \"us-east-1c\" -> \"auto\" drift edit look" },
        { "aws_attributes: {zone_id: auto}", ZONE("auto"), ZONE("us-east-1c"), ZONE("auto"), "" },
        { "aws_attributes: {zone_id: auto}", ZONE("auto"), ZONE("us-east-1c"), ZONE("us-east-1c"),
          "aws_attributes.zone_id: \"us-east-1c\" -> \"auto\" drift edit" },
        /* in effect is what is wanted: nobody need ask */
        { "aws_attributes: {zone_id: us-east-1c}", ZONE("auto"), ZONE("us-east-1c"), NULL, "" },
        { "data_security_mode: DATA_SECURITY_MODE_AUTO", NULL,
          "{\"data_security_mode\":\"SINGLE_USER\"}", NULL,
          "data_security_mode: \"SINGLE_USER\" -> \"DATA_SECURITY_MODE_AUTO\" manifest edit look" },
        { "data_security_mode: DATA_SECURITY_MODE_AUTO", NULL,
          "{\"data_security_mode\":\"SINGLE_USER\"}",
          "{\"data_security_mode\":\"DATA_SECURITY_MODE_AUTO\"}", "" },
        /* the manifest says something new: no need to ask what became of the old */
        { "aws_attributes: {zone_id: us-east-1b}", ZONE("auto"), ZONE("us-east-1c"), NULL,
          "aws_attributes.zone_id: \"us-east-1c\" -> \"us-east-1b\" manifest edit" },
    };
    CHECK(rows);
#undef ZONE
}

static void test_what_is_not_read_back(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "clone_from: {source_cluster_id: c}", "{}", "{}", "{}", "" },
        { "apply_policy_default_values: true", "{\"apply_policy_default_values\":true}", "{}", NULL,
          "" },
        { "apply_policy_default_values: true", "{}", "{}", NULL,
          "apply_policy_default_values: (none) -> true manifest edit" },
        { "apply_policy_default_values: true", "{\"apply_policy_default_values\":true}", "{}", "{}",
          "apply_policy_default_values: (none) -> true drift edit" },
        { "apply_policy_default_values: true", NULL, "{}", "{\"apply_policy_default_values\":true}",
          "" },
        { "apply_policy_default_values: true", NULL, "{}", NULL,
          "apply_policy_default_values: (none) -> true manifest edit look" },
        { "{}", "{\"apply_policy_default_values\":true}", "{}", NULL,
          "apply_policy_default_values: true -> (none) manifest edit" },
    };
    CHECK(rows);
}

static void test_secrets_are_compared_by_hash(void **state)
{
    (void)state;
#define AUTH(user, password)                                           \
    "{\"docker_image\":{\"url\":\"i:1\",\"basic_auth\":{\"username\":" \
    "{\"$secret\":\"" user "\"},\"password\":{\"$secret\":\"" password "\"}}}}"
#define SHOWN                                                                                      \
    "{\"docker_image\":{\"url\":\"i:1\",\"basic_auth\":{\"username\":\"u\",\"password\":\"***\"}}" \
    "}"
    static const struct row rows[] = {
        { AUTH("aa", "bb"), AUTH("aa", "bb"), SHOWN, SHOWN, "" },
        { AUTH("aa", "bb"), AUTH("aa", "bb"), "{\"docker_image\":{\"url\":\"i:1\"}}", NULL, "" },
        { AUTH("aa", "cc"), AUTH("aa", "bb"), SHOWN, NULL,
          "docker_image.basic_auth.password: {\"$secret\":\"bb\"} -> {\"$secret\":\"cc\"} "
          "manifest edit" },
        /* nothing to compare with */
        { AUTH("aa", "bb"), NULL, SHOWN, NULL, "" },
        { AUTH("aa", "bb"), "{\"docker_image\":{\"url\":\"i:1\"}}", SHOWN, NULL,
          "docker_image.basic_auth.username: (none) -> {\"$secret\":\"aa\"} manifest edit; "
          "docker_image.basic_auth.password: (none) -> {\"$secret\":\"bb\"} manifest edit" },
        { "docker_image: {url: \"i:1\"}", AUTH("aa", "bb"), SHOWN, NULL,
          "docker_image.basic_auth.username: {\"$secret\":\"aa\"} -> (none) manifest edit; "
          "docker_image.basic_auth.password: {\"$secret\":\"bb\"} -> (none) manifest edit" },
    };
    CHECK(rows);
#undef AUTH
#undef SHOWN
}

static void test_a_difference_knows_its_place(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    struct observed observed = { .effective = scene_observed(&scene, "{\"policy_id\":\"p\"}") };
    struct diff diff;
    diff_compute(&scene.arena, scene_desired(&scene, "spark_version: a\nspark_conf:\n  b: c\n"),
                 scene_applied(&scene, "{\"policy_id\":\"p\"}"), &observed, &diff);
    assert_int_equal(diff.len, 3);
    assert_string_equal(diff.differences[0].pos.file, "m");
    assert_int_equal(diff.differences[0].pos.line, 1);
    assert_int_equal(diff.differences[1].pos.line, 3);
    assert_string_equal(diff.differences[1].field->path, "spark_conf");
    assert_string_equal(diff.differences[2].path, "policy_id");
    assert_null(diff.differences[2].pos.file);
    scene_close(&scene);
}

/* The workspace answers with nonsense: no crash, and what is stated differs. */
static void test_hostile_answers(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "{num_workers: 1, spark_conf: {a: b}, docker_image: {url: i}}", NULL,
          "{\"num_workers\":\"many\",\"spark_conf\":[1],\"docker_image\":\"i\"}", "{}",
          "num_workers: (none) -> 1 manifest resize; "
          "docker_image.url: (none) -> \"i\" manifest replace; "
          "spark_conf[a]: (none) -> \"b\" manifest edit" },
        /* what is no script among them is passed over */
        { "init_scripts: [{file: {destination: \"file:/a\"}}]", NULL,
          "{\"init_scripts\":[null,{\"file\":{\"destination\":\"file:/a\"}},7]}", "{}", "" },
    };
    CHECK(rows);
}

/* Where one side says null, "" or nothing of what the other one says. */
static void test_edges_of_silence(void **state)
{
    (void)state;
    static const struct row rows[] = {
        { "{num_workers: 4, policy_id: null}", "{\"num_workers\":4,\"policy_id\":\"p\"}",
          "{\"num_workers\":4,\"policy_id\":\"p\"}", NULL,
          "policy_id: \"p\" -> (none) manifest edit" },
        { "{num_workers: 4, spark_conf: {a: null}}", "{\"num_workers\":4}",
          "{\"num_workers\":4,\"spark_conf\":{\"a\":\"1\"}}", NULL, "" },
        /* submitted without it, and there all the same: only what the backend fills in is its own
         */
        { "num_workers: 4", "{\"num_workers\":4,\"policy_id\":\"p\"}",
          "{\"num_workers\":4,\"policy_id\":\"p\"}", "{\"num_workers\":4}",
          "policy_id: \"p\" -> (none) manifest edit" },
        /* "" may have been resolved to something, as any other value */
        { "aws_attributes: {zone_id: \"\"}", NULL, "{\"aws_attributes\":{\"zone_id\":\"a\"}}", NULL,
          "aws_attributes.zone_id: \"a\" -> \"\" manifest edit look" },
        /* what was submitted tells all of a field that is not read back */
        { "apply_policy_default_values: true", NULL, "{}", "{}",
          "apply_policy_default_values: (none) -> true manifest edit" },
        /* two sizes are a mistake of the manifest's, and each counts for itself */
        { "{num_workers: 4, autoscale: {min_workers: 1, max_workers: 2}}", NULL,
          "{\"num_workers\":4}", NULL,
          "autoscale.min_workers: (none) -> 1 manifest resize; "
          "autoscale.max_workers: (none) -> 2 manifest resize" },
        /* a state file that holds something else than a map */
        { "num_workers: 4", "{\"num_workers\":4,\"spark_conf\":\"text\"}", "{\"num_workers\":4}",
          NULL, "" },
        /* ours are the tags alone, under either name */
        { "custom_tags: {x_clusterkeeper-name: a}", "{}", "{}", NULL, "" },
        { "spark_conf: {clusterkeeper-name: a}", "{}", "{}", NULL,
          "spark_conf[clusterkeeper-name]: (none) -> \"a\" manifest edit" },
    };
    CHECK(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_ways),
        cmocka_unit_test(promise_5_the_backend_decorates),
        cmocka_unit_test(test_nothing_is_said_in_many_ways),
        cmocka_unit_test(test_maps_are_compared_key_by_key),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_lists_count_as_a_whole),
        cmocka_unit_test(test_the_size_is_one_thing),
        cmocka_unit_test(test_what_is_no_longer_stated),
        cmocka_unit_test(promise_5_what_the_backend_resolves),
        cmocka_unit_test(test_what_is_not_read_back),
        cmocka_unit_test(test_secrets_are_compared_by_hash),
        cmocka_unit_test(test_a_difference_knows_its_place),
        cmocka_unit_test(test_hostile_answers),
        cmocka_unit_test(test_edges_of_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The rules over a whole spec: which finding, and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "reading.h"
#include "text.h"

/* What is missing is reported at the name: 3:18. */
#define HEAD "apiVersion: clusterkeeper/v1\nkind: Cluster\nmetadata: {name: c}\nspec:\n"
#define BASE "  spark_version: 15.4.x-scala2.12\n"
#define NODE "  node_type_id: i3.xlarge\n"
#define SIZE "  num_workers: 2\n"
/* Three lines of a good spec: what is added to them begins on line 8. */
#define GOOD BASE NODE SIZE

struct rule_case {
    const char *spec;
    const char *findings;
};

static void check_cases(const struct rule_case *cases, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        AUTO_BUF struct buf yaml = BUF_INIT(1 << 20);
        struct reading reading;
        struct manifest_parts parts;
        struct manifest manifest;
        buf_addf(&yaml, "%s%s", HEAD, cases[i].spec);
        reading_open(&reading, "m", buf_text(&yaml));
        assert_true(
            manifest_read(&reading.arena, reading.documents.documents[0], reading.diag, &parts));
        manifest_finish(&reading.arena, &parts, reading.diag, &manifest);
        const char *findings = reading_findings(&reading);
        if (strcmp(findings, cases[i].findings) != 0) {
            fail_msg("%s\nfound: %s\nwant: %s", buf_text(&yaml), findings, cases[i].findings);
        }
        reading_close(&reading);
    }
}

static void test_size(void **state)
{
    static const struct rule_case cases[] = {
        { GOOD, "" },
        { BASE NODE, "3:18: error: the size is missing: write num_workers, or autoscale with "
                     "min_workers and max_workers\n" },
        { BASE NODE "  policy_id: p\n", "" },
        { BASE NODE "  autoscale: {min_workers: 1, max_workers: 2}\n", "" },
        { GOOD "  autoscale: {min_workers: 1, max_workers: 2}\n",
          "8:3: error: autoscale: not together with num_workers: a cluster has one size\n" },
        { BASE NODE "  autoscale: {min_workers: 3, max_workers: 2}\n",
          "7:44: error: max_workers: 2 is less than min_workers, 3\n" },
        { BASE NODE "  autoscale: {min_workers: 2, max_workers: 2}\n",
          "7:44: warning: max_workers: the same as min_workers; 'num_workers: 2' says the same, or "
          "give autoscale some room\n" },
        { BASE NODE "  autoscale: {min_workers: 2}\n",
          "7:3: error: autoscale: 'max_workers' is missing\n" },
        { NODE SIZE, "3:18: error: spec: 'spark_version' is missing\n" },
    };
    (void)state;
    check_cases(cases, COUNT_OF(cases));
}

/* databricks-api.md 8.6 */
static void test_single_node(void **state)
{
    static const struct rule_case cases[] = {
        { BASE NODE "  num_workers: 0\n"
                    "  spark_conf: {spark.databricks.cluster.profile: singleNode, "
                    "spark.master: 'local[*, 4]'}\n"
                    "  custom_tags: {ResourceClass: SingleNode}\n",
          "" },
        { BASE NODE "  num_workers: 0\n"
                    "  spark_conf: {spark.databricks.cluster.profile: singleNode}\n",
          "7:16: error: num_workers: 0 is for single-node clusters; add spark_conf 'spark.master: "
          "local[*]' custom_tags 'ResourceClass: SingleNode', or write 'kind: CLASSIC_PREVIEW' and "
          "'is_single_node: true' instead\n" },
        { BASE NODE "  num_workers: 0\n  policy_id: p\n", "" },
        { BASE NODE "  kind: CLASSIC_PREVIEW\n  is_single_node: true\n", "" },
        { BASE NODE "  kind: CLASSIC_PREVIEW\n  is_single_node: true\n  num_workers: 0\n", "" },
        { GOOD "  kind: CLASSIC_PREVIEW\n  is_single_node: true\n",
          "7:3: error: num_workers: not together with is_single_node: a single node has no "
          "workers\n" },
        { BASE NODE "  is_single_node: true\n",
          "7:3: error: is_single_node: works only with 'kind: CLASSIC_PREVIEW'\n" },
        { GOOD "  use_ml_runtime: true\n",
          "8:3: error: use_ml_runtime: works only with 'kind: CLASSIC_PREVIEW'\n" },
    };
    (void)state;
    check_cases(cases, COUNT_OF(cases));
}

static void test_machines(void **state)
{
    static const struct rule_case cases[] = {
        { BASE SIZE, "3:18: error: node_type_id is missing: write it, or an instance_pool_id, or a "
                     "policy_id that supplies it\n" },
        { BASE SIZE "  policy_id: p\n", "" },
        { BASE SIZE "  instance_pool_id: p\n  driver_instance_pool_id: q\n", "" },
        { GOOD "  instance_pool_id: p\n",
          "6:3: error: node_type_id: not together with instance_pool_id: the pool decides\n" },
        { BASE SIZE "  instance_pool_id: p\n  driver_node_type_id: i3.xlarge\n"
                    "  enable_elastic_disk: true\n",
          "8:3: error: driver_node_type_id: not together with instance_pool_id: the pool decides\n"
          "9:3: error: enable_elastic_disk: not together with instance_pool_id: the pool "
          "decides\n" },
        { GOOD "  driver_instance_pool_id: q\n",
          "8:3: error: driver_instance_pool_id: works only together with instance_pool_id\n" },
        { GOOD "  aws_attributes: {zone_id: auto}\n  gcp_attributes: {zone_id: HA}\n",
          "9:3: error: gcp_attributes: not together with aws_attributes: a workspace is on one "
          "cloud\n" },
        { BASE SIZE "  instance_pool_id: p\n"
                    "  aws_attributes: {zone_id: auto, instance_profile_arn: a}\n",
          "8:20: warning: zone_id: has no effect with instance_pool_id; the pool decides\n" },
        { GOOD "  aws_attributes: {ebs_volume_size: 99}\n",
          "8:37: error: ebs_volume_size: 99 GiB; 100 at least for this type of volume\n" },
        { GOOD "  aws_attributes: {ebs_volume_size: 499, ebs_volume_type: "
               "THROUGHPUT_OPTIMIZED_HDD}\n",
          "8:37: error: ebs_volume_size: 499 GiB; 500 at least for this type of volume\n" },
        { GOOD "  aws_attributes: {ebs_volume_size: 100, ebs_volume_type: GENERAL_PURPOSE_SSD}\n",
          "" },
    };
    (void)state;
    check_cases(cases, COUNT_OF(cases));
}

static void test_runtime_and_rest(void **state)
{
    static const struct rule_case cases[] = {
        { "  spark_version: 15.4\n" NODE SIZE,
          "5:18: warning: spark_version: '15.4' does not look like a key of a runtime, such as "
          "15.4.x-scala2.12\n" },
        { "  spark_version: custom:our-image\n" NODE SIZE, "" },
        { "  spark_version: 13.3.x-photon-scala2.12\n" NODE SIZE "  runtime_engine: PHOTON\n",
          "8:3: error: runtime_engine: not together with '-photon-' in spark_version; keep one\n" },
        { GOOD "  autotermination_minutes: 9\n",
          "8:28: error: autotermination_minutes: want 0 for never, or 10 to 10000, got 9\n" },
        { GOOD "  autotermination_minutes: 10\n", "" },
        { GOOD "  autotermination_minutes: 0\n", "" },
        { GOOD "  apply_policy_default_values: true\n",
          "8:3: warning: apply_policy_default_values: has no effect without policy_id\n" },
        { GOOD "  apply_policy_default_values: true\n  policy_id: p\n", "" },
    };
    (void)state;
    check_cases(cases, COUNT_OF(cases));
}

/* databricks-api.md 2.4 */
static void test_tags(void **state)
{
    static const struct rule_case cases[] = {
        { GOOD "  custom_tags: {team: data, cost centre: '42'}\n", "" },
        { GOOD "  custom_tags: {Name: x}\n",
          "8:17: error: custom_tags: 'Name' is the platform's own; it finds its machines by it, "
          "and could leave some running and billed\n" },
        { GOOD "  custom_tags: {clusterkeeper-owner: x}\n",
          "8:17: error: custom_tags: 'clusterkeeper-owner': tags named clusterkeeper-... are set "
          "by clusterkeeper\n" },
        { GOOD "  gcp_attributes: {}\n  custom_tags: {'a b': x, c: 'sha256:1', d: ok}\n",
          "9:17: warning: custom_tags: Google Cloud does not take the key 'a b': 63 characters at "
          "most, of a limited set\n"
          "9:30: warning: custom_tags: Google Cloud does not take the value of 'c': 63 characters "
          "at most, of a limited set\n" },
        { GOOD "  aws_attributes: {}\n  custom_tags: {'a b': 'x:y', c: 'a;b'}\n",
          "9:34: warning: custom_tags: AWS does not take the value of 'c': 255 characters at most, "
          "of a limited set\n" },
        { GOOD "  azure_attributes: {}\n  custom_tags: {'a/b': 'a;b'}\n",
          "9:17: warning: custom_tags: Azure does not take the key 'a/b': 512 characters at most, "
          "of a limited set\n" },
    };
    (void)state;
    check_cases(cases, COUNT_OF(cases));
}

static void test_tags_max(void **state)
{
    (void)state;
    for (size_t extra = 0; extra <= 1; extra++) {
        AUTO_BUF struct buf spec = BUF_INIT(1 << 16);
        buf_adds(&spec, GOOD "  custom_tags:\n");
        for (size_t i = 0; i < 40 + extra; i++) {
            buf_addf(&spec, "    k%zu: v\n", i);
        }
        const struct rule_case one = {
            buf_text(&spec),
            extra == 0 ? ""
                       : "8:3: error: custom_tags: 41 tags; 40 at most, since clusterkeeper adds 5 "
                         "to the 45 that the workspace takes\n",
        };
        check_cases(&one, 1);
    }
}

/* databricks-api.md 8.1, 8.2 */
static void test_image(void **state)
{
    static const struct rule_case cases[] = {
        { GOOD "  docker_image: {url: acme/etl:1.4}\n", "" },
        { GOOD "  docker_image: {}\n", "8:3: error: docker_image: 'url' is missing\n" },
        { GOOD "  docker_image: {url: 'https://acme/etl'}\n",
          "8:23: error: url: not an image reference: there is no scheme in an image reference; "
          "write registry/repository:tag without 'https://'\n" },
        { GOOD "  docker_image: {url: acme/etl}\n",
          "8:23: warning: url: without a tag 'latest' is taken; each node pulls the image when it "
          "starts, so nodes of one cluster may come to run different images; name a version or a "
          "digest\n" },
        { GOOD "  docker_image: {url: 'acme/etl:latest'}\n",
          "8:23: warning: url: the tag 'latest' moves; each node pulls the image when it starts, "
          "so nodes of one cluster may come to run different images; name a version or a "
          "digest\n" },
        { GOOD "  docker_image: {url: 'acme/etl@sha256:"
               "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}\n",
          "" },
        /* credentials */
        { GOOD "  docker_image: {url: 'a.io/b:1', basic_auth: {username: u}}\n",
          "8:35: error: basic_auth: 'password' is missing\n" },
        { GOOD "  docker_image: {url: 'public.ecr.aws/a/b:1', basic_auth: {username: u, password: "
               "{fromEnv: P}}}\n",
          "8:47: error: basic_auth: Amazon ECR Public takes no credentials; leave it out\n" },
        { GOOD "  docker_image: {url: '1234.dkr.ecr.eu-west-1.amazonaws.com/a:1'}\n",
          "8:23: error: url: images in Amazon ECR need aws_attributes.instance_profile_arn, a "
          "profile that may read the repository\n" },
        { GOOD "  docker_image: {url: '1234.dkr.ecr.eu-west-1.amazonaws.com/a:1'}\n"
               "  aws_attributes: {instance_profile_arn: 'arn:aws:iam::1:instance-profile/p'}\n",
          "" },
        { GOOD "  docker_image: {url: '1234.dkr.ecr.eu-west-1.amazonaws.com/a:1', basic_auth: "
               "{username: AWS, password: {fromEnv: P}}}\n",
          "8:67: warning: basic_auth: passwords of Amazon ECR expire after 12 hours; leave it out "
          "and name an aws_attributes.instance_profile_arn that may read the repository\n"
          "8:90: warning: username: 'AWS' goes with a password that expires within hours; a later "
          "start of the cluster could not pull its image\n" },
        { GOOD "  docker_image: {url: 'acme.azurecr.io/a:1'}\n",
          "8:23: warning: url: Azure Container Registry needs basic_auth, the ID and password of a "
          "service principal, unless the registry lets everybody pull\n" },
        { GOOD "  docker_image: {url: 'acme.azurecr.io/a:1', basic_auth: {username: u, password: "
               "'{{secrets/a/b}}'}}\n",
          "" },
    };
    (void)state;
    check_cases(cases, COUNT_OF(cases));
}

#define IMAGE "  docker_image: {url: 'acme/etl:1.4'}\n"

static void test_container(void **state)
{
    static const struct rule_case cases[] = {
        { "  spark_version: 15.4.x-cpu-ml-scala2.12\n" NODE SIZE, "" },
        { "  spark_version: 15.4.x-cpu-ml-scala2.12\n" NODE SIZE IMAGE,
          "5:18: error: spark_version: '-ml-' is Databricks Runtime ML, which does not run custom "
          "containers; take the standard runtime of that version\n" },
        { "  spark_version: 7.3.x-hls-scala2.12\n" NODE SIZE IMAGE,
          "5:18: error: spark_version: '-hls-' is Databricks Runtime for Genomics, which does not "
          "run custom containers; take the standard runtime of that version\n" },
        { "  spark_version: 6.0.x-scala2.11\n" NODE SIZE IMAGE,
          "5:18: error: spark_version: custom containers need runtime 6.1 or later\n" },
        { "  spark_version: 6.1.x-scala2.11\n" NODE SIZE IMAGE, "" },
        { "  spark_version: 6.x-scala2.11\n" NODE SIZE IMAGE, "" },
        { "  spark_version: custom:x\n" NODE SIZE IMAGE, "" },
        { GOOD IMAGE "  kind: CLASSIC_PREVIEW\n  use_ml_runtime: true\n",
          "10:3: error: use_ml_runtime: Databricks Runtime ML does not run custom containers; put "
          "the libraries into the image\n" },
        /* access modes */
        { GOOD IMAGE "  data_security_mode: SINGLE_USER\n", "" },
        { GOOD IMAGE "  data_security_mode: DATA_SECURITY_MODE_DEDICATED\n", "" },
        { GOOD IMAGE "  data_security_mode: NONE\n", "" },
        { GOOD "  data_security_mode: USER_ISOLATION\n", "" },
        { GOOD IMAGE "  data_security_mode: DATA_SECURITY_MODE_STANDARD\n",
          "9:23: error: data_security_mode: custom containers do not run in USER_ISOLATION; "
          "SINGLE_USER (dedicated) and NONE work\n" },
        { GOOD IMAGE "  data_security_mode: DATA_SECURITY_MODE_AUTO\n",
          "9:23: warning: data_security_mode: the workspace may pick a mode that does not run "
          "custom containers; SINGLE_USER and NONE do\n" },
        /* machines */
        { BASE "  node_type_id: m6gd.large\n" SIZE IMAGE,
          "6:17: warning: node_type_id: 'm6gd.large' looks like an ARM (Graviton) machine, which "
          "does not run custom containers\n" },
        { BASE "  node_type_id: m6gd.large\n" SIZE, "" },
        { BASE "  node_type_id: g4dn.xlarge\n" SIZE IMAGE, "" },
        { BASE "  node_type_id: m6i.xlarge\n" SIZE IMAGE, "" },
        { BASE "  node_type_id: Standard_D8s_v3\n" SIZE IMAGE, "" },
        { BASE "  node_type_id: im4gn.xlarge\n" SIZE IMAGE,
          "6:17: warning: node_type_id: 'im4gn.xlarge' looks like an ARM (Graviton) machine, which "
          "does not run custom containers\n" },
    };
    (void)state;
    check_cases(cases, COUNT_OF(cases));
}

/* databricks-api.md 2.3, 8.5 */
static void test_scripts_and_logs(void **state)
{
    static const struct rule_case cases[] = {
        { GOOD IMAGE "  init_scripts:\n"
                     "    - workspace: {destination: /Shared/a.sh}\n"
                     "    - volumes: {destination: /Volumes/a/b/c/d.sh}\n"
                     "    - s3: {destination: 's3://b/a.sh', region: eu-west-1}\n"
                     "    - abfss: {destination: 'abfss://c@a.dfs.core.windows.net/a.sh'}\n"
                     "    - gcs: {destination: 'gs://b/a.sh'}\n"
                     "    - file: {destination: 'file:/opt/a.sh'}\n"
                     "    - local: {source: a.sh}\n",
          "" },
        { GOOD "  init_scripts: [{file: {destination: 'file:/opt/a.sh'}}]\n",
          "8:19: error: file: names a file inside the image, and there is no docker_image\n" },
        { GOOD "  init_scripts: [{dbfs: {destination: 'dbfs:/a.sh'}}]\n",
          "8:19: warning: dbfs: at its end of life for init scripts, and refused by new "
          "workspaces; move the script to workspace or volumes\n" },
        { GOOD "  init_scripts: [{workspace: {destination: Shared/a.sh}}]\n",
          "8:44: error: destination: want a path that begins with '/', got 'Shared/a.sh'\n" },
        { GOOD "  init_scripts: [{s3: {destination: 'http://b/a.sh'}}]\n",
          "8:19: warning: s3: write the region of the bucket, or an endpoint\n"
          "8:37: error: destination: want a path that begins with 's3://', got 'http://b/a.sh'\n" },
        { GOOD "  init_scripts: [{}]\n",
          "8:18: error: init_scripts: want exactly one of workspace, volumes, s3, abfss, gcs, "
          "dbfs, file, local; got none\n" },
        { GOOD "  init_scripts: [{gcs: {destination: 'gs://b'}, workspace: {destination: /a}}]\n",
          "8:18: error: init_scripts: want exactly one of workspace, volumes, s3, abfss, gcs, "
          "dbfs, file, local; got workspace and gcs\n" },
        { GOOD "  init_scripts: [{gcs: {}}]\n", "8:19: error: gcs: 'destination' is missing\n" },
        { GOOD "  init_scripts: [{local: {source: ''}}]\n",
          "8:35: error: source: want the path of a file\n" },
        { GOOD "  cluster_log_conf: {s3: {destination: 's3://b/logs', region: r}}\n",
          "8:22: error: s3: delivery of logs to S3 needs aws_attributes.instance_profile_arn\n" },
        { GOOD "  cluster_log_conf: {volumes: {destination: /Volumes/a/b/c}}\n", "" },
        { GOOD "  cluster_log_conf: {volumes: {destination: /logs}}\n",
          "8:45: error: destination: want a path that begins with '/Volumes/', got '/logs'\n" },
    };
    (void)state;
    check_cases(cases, COUNT_OF(cases));
}

static void test_scripts_max(void **state)
{
    (void)state;
    for (size_t extra = 0; extra <= 1; extra++) {
        AUTO_BUF struct buf spec = BUF_INIT(1 << 16);
        buf_adds(&spec, GOOD "  init_scripts:\n");
        for (size_t i = 0; i < 10 + extra; i++) {
            buf_addf(&spec, "  - workspace: {destination: /%zu}\n", i);
        }
        const struct rule_case one = {
            buf_text(&spec),
            extra == 0 ? ""
                       : "8:3: warning: init_scripts: 11 scripts; more than 10 may be refused\n",
        };
        check_cases(&one, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_single_node),
        cmocka_unit_test(test_machines),
        cmocka_unit_test(test_runtime_and_rest),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_tags_max),
        cmocka_unit_test(test_image),
        cmocka_unit_test(test_container),
        cmocka_unit_test(test_scripts_and_logs),
        cmocka_unit_test(test_scripts_max),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Documents: around the spec, merged with Defaults, finished; and the examples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "reading.h"
#include "text.h"

#define V1       "apiVersion: clusterkeeper/v1\n"
#define CLUSTER  V1 "kind: Cluster\nmetadata: {name: etl}\n"
#define EXAMPLES "../../../specs/examples/"
#define SPEC     "spec: {spark_version: 15.4.x-scala2.12, node_type_id: i3.xlarge, num_workers: 2}\n"

/* ---- Reading -------------------------------------------------------------------------------- */

static const struct {
    const char *yaml;
    bool is_usable;
    const char *findings;
} documents[] = {
    { CLUSTER SPEC, true, "" },
    { CLUSTER, true, "" }, /* Defaults may say the rest */
    { V1 "kind: Defaults\n" SPEC "keep: {prune: orphan}\n", true, "" },
    /* no manifest */
    { "[a]", false, "1:1: error: a manifest is a map with apiVersion, kind, metadata and spec\n" },
    { "text", false, "1:1: error: a manifest is a map with apiVersion, kind, metadata and spec\n" },
    { "kind: Cluster", false, "1:1: error: apiVersion: want clusterkeeper/v1, got none\n" },
    { "apiVersion: apps/v1\nkind: Deployment\nx: 1\n", false,
      "1:13: error: apiVersion: want clusterkeeper/v1, got 'apps/v1'\n" },
    { V1 "metadata: {name: a}\n", false, "1:1: error: kind: want Cluster or Defaults, got none\n" },
    { V1 "kind: [Cluster]\n", false, "2:7: error: kind: want Cluster or Defaults, got none\n" },
    { V1 "kind: cluster\n", false,
      "2:7: error: kind: 'cluster' is not one of Cluster, Defaults; did you mean 'Cluster'?\n" },
    /* names */
    { V1 "kind: Cluster\n", false,
      "1:1: error: metadata.name is missing; it is what the cluster is known by\n" },
    { V1 "kind: Cluster\nmetadata: {labels: {a: b}}\n", false,
      "3:11: error: metadata.name is missing; it is what the cluster is known by\n" },
    { V1 "kind: Cluster\nmetadata: {name: Etl_1}\n", true,
      "3:18: error: name: 'Etl_1' is not a name; want a-z, 0-9 and inner dashes, 63 characters at "
      "most\n" },
    { V1 "kind: Cluster\nmetadata: {name: '-a'}\n", true,
      "3:18: error: name: '-a' is not a name; want a-z, 0-9 and inner dashes, 63 characters at "
      "most\n" },
    { V1 "kind: Cluster\nmetadata: {name: a-}\n", true,
      "3:18: error: name: 'a-' is not a name; want a-z, 0-9 and inner dashes, 63 characters at "
      "most\n" },
    { V1 "kind: Cluster\nmetadata: {name: '1'}\n", true, "" },
    { V1 "kind: Defaults\nmetadata: {labels: {a: b}}\n", true,
      "3:1: error: Defaults have no metadata: they hold for their directory and below\n" },
    /* unknown keys at every level */
    { CLUSTER "Spec: {}\n", true, "4:1: error: unknown field 'Spec'; did you mean 'spec'?\n" },
    { V1 "kind: Cluster\nmetadata: {name: a, label: {}}\n", true,
      "3:21: error: unknown field 'label'; did you mean 'labels'?\n" },
    { CLUSTER "keep: {prun: delete}\n", true,
      "4:8: error: unknown field 'prun'; did you mean 'prune'?\n" },
    { CLUSTER "spec: {num_worker: 1}\n", true,
      "4:8: error: unknown field 'num_worker'; did you mean 'num_workers'?\n" },
    { CLUSTER "num_workers: 1\n", true,
      "4:1: error: unknown field 'num_workers' in manifest; it belongs directly under spec\n" },
    { CLUSTER "libraries: [{pypi: {pakage: a}}]\n", true,
      "4:21: error: unknown field 'pakage'; did you mean 'package'?\n" },
    { CLUSTER "permissions: [{username: a}]\n", true,
      "4:16: error: unknown field 'username'; did you mean 'user_name'?\n" },
    /* keep */
    { CLUSTER "keep: {strategy: blue-green, rollback: false}\n", true, "" },
    { CLUSTER "keep: {rollback: 7}\n", true,
      "4:18: error: rollback: want true or false, got text \"7\"\n" },
    { CLUSTER "keep: {running: true, pinned: false, adopt: ~, suspend: true, drift: report}\n",
      true, "" },
    { CLUSTER "keep: {prune: remove}\n", true,
      "4:15: error: prune: 'remove' is not one of terminate, delete, orphan\n" },
    { CLUSTER "keep: {adopt: 0318-151752-abed99}\n", true, "" },
    { CLUSTER "keep: {adopt: 'a b'}\n", true,
      "4:15: error: adopt: 'a b' is not a cluster ID such as 0318-151752-abed9912\n" },
    { V1 "kind: Defaults\nkeep: {adopt: 0318-151752-abed99}\n", true,
      "3:15: error: adopt: one ID is one cluster's; write it in its manifest\n" },
    { CLUSTER "keep: []\n", true, "4:7: error: keep: want a map, got a list\n" },
    /* several at once */
    { CLUSTER "spec: {num_workers: four}\nkeep: {suspend: yes}\nowner: me\n", true,
      "4:21: error: num_workers: want a whole number, got text \"four\"\n"
      "5:17: error: suspend: want true or false, got text \"yes\"\n"
      "6:1: error: unknown field 'owner' in manifest\n" },
};

static void test_documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        struct reading reading;
        struct manifest_parts parts;
        reading_open(&reading, "m", documents[i].yaml);
        bool is_usable =
            manifest_read(&reading.arena, reading.documents.documents[0], reading.diag, &parts);
        const char *findings = reading_findings(&reading);
        if (strcmp(findings, documents[i].findings) != 0 || is_usable != documents[i].is_usable) {
            fail_msg("%s\nusable: %d, found: %s", documents[i].yaml, is_usable, findings);
        }
        reading_close(&reading);
    }
}

/* 63 characters are a name, 64 are not. */
static void test_name_limit(void **state)
{
    (void)state;
    for (size_t extra = 0; extra <= 1; extra++) {
        char name[MANIFEST_NAME_MAX + 2] = "";
        char yaml[256];
        struct reading reading;
        struct manifest_parts parts;
        memset(name, 'a', MANIFEST_NAME_MAX + extra);
        (void)snprintf(yaml, sizeof(yaml), V1 "kind: Cluster\nmetadata: {name: %s}\n", name);
        reading_open(&reading, "m", yaml);
        assert_true(
            manifest_read(&reading.arena, reading.documents.documents[0], reading.diag, &parts));
        assert_int_equal(diag_errors(reading.diag), extra);
        assert_string_equal(parts.name, name);
        reading_close(&reading);
    }
}

/* ---- Finishing ------------------------------------------------------------------------------ */

/* The last document of each file laid over the one before, and finished. */
static struct manifest finish(struct reading *reading, const char *defaults, const char *cluster)
{
    struct manifest_parts base = { 0 };
    struct manifest_parts parts;
    struct manifest manifest;
    reading_open(reading, "defaults", defaults);
    if (reading->documents.len > 0) {
        assert_true(
            manifest_read(&reading->arena, reading->documents.documents[0], reading->diag, &base));
    }
    reading_add(reading, "m", cluster);
    assert_true(
        manifest_read(&reading->arena, reading->documents.documents[0], reading->diag, &parts));
    parts = manifest_merge(&reading->arena, &base, &parts);
    manifest_finish(&reading->arena, &parts, reading->diag, &manifest);
    return manifest;
}

static void test_finish_fills_in(void **state)
{
    (void)state;
    struct reading reading;
    struct manifest manifest = finish(&reading, "", CLUSTER SPEC);
    assert_string_equal(reading_findings(&reading), "");
    assert_string_equal(manifest.name, "etl");
    assert_int_equal(manifest.pos.line, 3);
    assert_int_equal(manifest.pos.column, 18);
    assert_string_equal(value_get_text(manifest.spec, "cluster_name"), "etl");
    assert_null(manifest.labels);
    assert_null(manifest.libraries);
    assert_null(manifest.permissions);
    assert_null(manifest.keep.adopt);
    assert_int_equal(manifest.keep.strategy, STRATEGY_RECREATE);
    assert_int_equal(manifest.keep.prune, PRUNE_TERMINATE);
    assert_int_equal(manifest.keep.running, RUNNING_AS_FOUND);
    assert_int_equal(manifest.keep.pinned, PINNED_AS_FOUND);
    assert_false(manifest.keep.suspend);
    assert_true(digest_is_zero(&manifest.digest));
    assert_int_equal(manifest.scripts_len, 0);
    reading_close(&reading);
}

static void test_finish_keep(void **state)
{
    (void)state;
    struct reading reading;
    struct manifest manifest =
        finish(&reading, V1 "kind: Defaults\nkeep: {prune: orphan, running: true, drift: report}\n",
               CLUSTER SPEC "keep:\n  strategy: in-place\n  pinned: false\n  running: null\n"
                            "  adopt: 0318-151752-abed99\n  suspend: true\n");
    assert_string_equal(reading_findings(&reading), "");
    assert_int_equal(manifest.keep.strategy, STRATEGY_IN_PLACE);
    assert_int_equal(manifest.keep.prune, PRUNE_ORPHAN);
    assert_int_equal(manifest.keep.drift, DRIFT_REPORT);
    assert_int_equal(manifest.keep.running, RUNNING_AS_FOUND);
    assert_int_equal(manifest.keep.pinned, PINNED_FALSE);
    assert_true(manifest.keep.suspend);
    assert_string_equal(manifest.keep.adopt, "0318-151752-abed99");
    assert_int_equal(manifest.keep.adopt_pos.line, 9);
    reading_close(&reading);
}

static void test_merge(void **state)
{
    (void)state;
    struct reading reading;
    struct manifest manifest =
        finish(&reading,
               V1 "kind: Defaults\n"
                  "spec:\n"
                  "  spark_version: 15.4.x-scala2.12\n"
                  "  node_type_id: i3.xlarge\n"
                  "  num_workers: 2\n"
                  "  spark_conf: {a: 1, b: 2}\n"
                  "  init_scripts: [{workspace: {destination: /a}}]\n"
                  "libraries: [{jar: x}]\n"
                  "permissions: [{user_name: u, permission_level: CAN_MANAGE}]\n",
               CLUSTER "spec:\n"
                       "  num_workers: null\n"
                       "  autoscale: {min_workers: 1, max_workers: 3}\n"
                       "  spark_conf: {b: null, c: 3}\n"
                       "  init_scripts: [{workspace: {destination: /b}}]\n"
                       "  cluster_name: ETL\n"
                       "libraries: null\n");
    assert_string_equal(reading_findings(&reading), "");
    assert_string_equal(
        reading_json(&reading, manifest.spec),
        "{\"autoscale\":{\"max_workers\":3,\"min_workers\":1},\"cluster_name\":\"ETL\","
        "\"init_scripts\":[{\"workspace\":{\"destination\":\"/b\"}}],"
        "\"node_type_id\":\"i3.xlarge\",\"spark_conf\":{\"a\":\"1\",\"c\":\"3\"},"
        "\"spark_version\":\"15.4.x-scala2.12\"}");
    assert_null(manifest.libraries);
    assert_string_equal(reading_json(&reading, manifest.permissions),
                        "[{\"permission_level\":\"CAN_MANAGE\",\"user_name\":\"u\"}]");
    reading_close(&reading);
}

/* What clashes with Defaults is reported in the cluster's own file, and says what to write. */
static void test_clash_with_defaults(void **state)
{
    (void)state;
    struct reading reading;
    (void)finish(&reading, V1 "kind: Defaults\n" SPEC,
                 CLUSTER "spec:\n  autoscale: {min_workers: 1, max_workers: 3}\n"
                         "  instance_pool_id: p\n");
    assert_string_equal(
        reading_findings(&reading),
        "5:3: error: autoscale: not together with num_workers, which is stated in defaults; to do "
        "without, write 'num_workers: null'\n"
        "6:3: error: instance_pool_id: not together with node_type_id, which is stated in "
        "defaults; to do without, write 'node_type_id: null'\n");
    reading_close(&reading);
}

static void test_spec_is_missing(void **state)
{
    (void)state;
    struct reading reading;
    struct manifest manifest = finish(&reading, "", CLUSTER);
    assert_string_equal(reading_findings(&reading),
                        "3:18: error: spec is missing: neither the manifest nor Defaults above it "
                        "say what the cluster is\n");
    assert_non_null(manifest.spec);
    reading_close(&reading);
}

/* ---- Lists ---------------------------------------------------------------------------------- */

static void test_lists_are_sorted(void **state)
{
    static const char *const orders[] = {
        "libraries: [{whl: b}, {jar: a}, {pypi: {repo: r, package: p}}, {whl: a}]\n"
        "permissions: [{user_name: b, permission_level: CAN_RESTART},"
        " {permission_level: CAN_MANAGE, group_name: g}]\n",
        "libraries: [{whl: a}, {pypi: {package: p, repo: r}}, {whl: b}, {jar: a}]\n"
        "permissions: [{group_name: g, permission_level: CAN_MANAGE},"
        " {user_name: b, permission_level: CAN_RESTART}]\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        char yaml[1024];
        struct reading reading;
        (void)snprintf(yaml, sizeof(yaml), CLUSTER SPEC "%s", orders[i]);
        struct manifest manifest = finish(&reading, "", yaml);
        assert_string_equal(reading_findings(&reading), "");
        assert_string_equal(reading_json(&reading, manifest.libraries),
                            "[{\"jar\":\"a\"},{\"whl\":\"a\"},{\"whl\":\"b\"},"
                            "{\"pypi\":{\"package\":\"p\",\"repo\":\"r\"}}]");
        assert_string_equal(reading_json(&reading, manifest.permissions),
                            "[{\"permission_level\":\"CAN_RESTART\",\"user_name\":\"b\"},"
                            "{\"group_name\":\"g\",\"permission_level\":\"CAN_MANAGE\"}]");
        reading_close(&reading);
    }
}

static const struct {
    const char *yaml, *findings;
} lists[] = {
    { "libraries: []\npermissions: []\n", "" },
    { "libraries: [{jar: a, whl: b}]\n",
      "5:13: error: libraries: want exactly one of jar, whl, requirements, egg, pypi, maven, cran; "
      "got jar and whl\n" },
    { "libraries: [{}]\n", "5:13: error: libraries: want exactly one of jar, whl, requirements, "
                           "egg, pypi, maven, cran; got none\n" },
    { "libraries: [{maven: {repo: r}}]\n", "5:14: error: maven: 'coordinates' is missing\n" },
    { "libraries: [{jar: a}, {jar: a}]\n", "5:23: error: libraries: the same library twice\n" },
    { "permissions: [{user_name: u}]\n",
      "5:15: error: permissions: 'permission_level' is missing\n" },
    { "permissions: [{permission_level: CAN_MANAGE}]\n",
      "5:15: error: permissions: want exactly one of user_name, group_name, service_principal_name "
      "in each entry\n" },
    { "permissions: [{user_name: u, group_name: g, permission_level: CAN_MANAGE}]\n",
      "5:15: error: permissions: want exactly one of user_name, group_name, service_principal_name "
      "in each entry\n" },
    { "permissions: [{user_name: u, permission_level: CAN_VIEW}]\n",
      "5:15: error: permissions: 'permission_level' is missing\n"
      "5:48: error: permission_level: 'CAN_VIEW' is not one of CAN_ATTACH_TO, CAN_RESTART, "
      "CAN_MANAGE\n" },
    { "permissions: [{user_name: u, permission_level: CAN_MANAGE},"
      " {user_name: u, permission_level: CAN_RESTART}]\n",
      "5:61: error: permissions: two entries for one principal\n" },
};

static void test_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        char yaml[1024];
        struct reading reading;
        (void)snprintf(yaml, sizeof(yaml), CLUSTER SPEC "%s", lists[i].yaml);
        (void)finish(&reading, "", yaml);
        assert_string_equal(reading_findings(&reading), lists[i].findings);
        reading_close(&reading);
    }
}

/* ---- Words ---------------------------------------------------------------------------------- */

static void test_words(void **state)
{
    (void)state;
    enum prune prune = PRUNE_TERMINATE;
    assert_string_equal(strategy_name(STRATEGY_RECREATE), "recreate");
    assert_string_equal(strategy_name(STRATEGY_IN_PLACE), "in-place");
    assert_true(prune_from_name("orphan", &prune));
    assert_int_equal(prune, PRUNE_ORPHAN);
    assert_false(prune_from_name("Orphan", &prune));
    assert_int_equal(prune, PRUNE_ORPHAN);
    for (unsigned i = PRUNE_TERMINATE; i <= PRUNE_ORPHAN; i++) {
        assert_true(prune_from_name(prune_name((enum prune)i), &prune));
        assert_int_equal(prune, i);
    }
}

/* ---- Files ---------------------------------------------------------------------------------- */

static char *read_file(struct arena *arena, const char *name)
{
    enum { FILE_BYTES_MAX = 1 << 16 };
    char *text = arena_alloc(arena, FILE_BYTES_MAX);
    const char *path = arena_printf(arena, "%s/%s", TEST_DIR, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, FILE_BYTES_MAX - 1, file);
    assert_true(len > 0 && len < FILE_BYTES_MAX - 1);
    assert_int_equal(fclose(file), 0);
    return text;
}

/* A manifest with a mistake of each kind, and what a person is shown for it. */
static void promise_9_mistakes_are_refused(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf out = BUF_INIT(1 << 16);
    struct reading reading = { .arena = ARENA_INIT, .diag = diag_create() };
    struct manifest_parts parts;
    struct manifest manifest;
    const char *text = read_file(&arena, "mistakes.yaml");
    diag_set_source(reading.diag, "mistakes.yaml", text, strlen(text));
    reading_add(&reading, "mistakes.yaml", text);
    assert_true(
        manifest_read(&reading.arena, reading.documents.documents[0], reading.diag, &parts));
    manifest_finish(&reading.arena, &parts, reading.diag, &manifest);
    diag_print(reading.diag, false, &out);
    assert_string_equal(buf_text(&out), read_file(&arena, "mistakes.txt"));
    reading_close(&reading);
}

static void check_password(const char *yaml)
{
    AUTO_BUF struct buf out = BUF_INIT(1 << 16);
    struct reading reading = { .arena = ARENA_INIT, .diag = diag_create() };
    struct manifest_parts parts;
    struct manifest manifest;
    diag_set_source(reading.diag, "m", yaml, strlen(yaml));
    reading_add(&reading, "m", yaml);
    assert_true(
        manifest_read(&reading.arena, reading.documents.documents[0], reading.diag, &parts));
    manifest_finish(&reading.arena, &parts, reading.diag, &manifest);
    diag_print(reading.diag, false, &out);
    assert_int_equal(diag_errors(reading.diag), 3); /* num_worker, realm, no spark_version */
    assert_int_equal(diag_warnings(reading.diag), 1);
    assert_null(strstr(buf_text(&out), "hunter2"));
    reading_close(&reading);
}

/* A finding shows no line of a file in which a password is written out, wherever it stands. */
static void promise_7_password_is_not_shown(void **state)
{
    (void)state;
    check_password(CLUSTER
                   "spec: {num_worker: 1, docker_image: {url: 'a:1', basic_auth: {username: u, "
                   "password: hunter2, realm: x}}}\n");
    check_password(CLUSTER "spec: {num_worker: 1, docker_image: {url: 'a:1', basic_auth: {\n"
                           "username: u, realm: x, password:\n"
                           "  hunter2}}}\n");
}

static void test_examples(void **state)
{
    static const struct {
        const char *file, *name;
    } clusters[] = {
        { EXAMPLES "adhoc.yaml", "adhoc" },
        { EXAMPLES "streaming.yaml", "streaming" },
        { EXAMPLES "etl/etl-nightly.yaml", "etl-nightly" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(clusters); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct reading reading;
        struct manifest manifest = finish(&reading, read_file(&arena, EXAMPLES "defaults.yaml"),
                                          read_file(&arena, clusters[i].file));
        assert_string_equal(reading_findings(&reading), "");
        assert_string_equal(manifest.name, clusters[i].name);
        assert_non_null(value_at(manifest.spec, "docker_image.url"));
        assert_non_null(value_at(manifest.spec, "custom_tags"));
        reading_close(&reading);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_name_limit),
        cmocka_unit_test(test_finish_fills_in),
        cmocka_unit_test(test_finish_keep),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_clash_with_defaults),
        cmocka_unit_test(test_spec_is_missing),
        cmocka_unit_test(test_lists_are_sorted),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_words),
        cmocka_unit_test(promise_9_mistakes_are_refused),
        cmocka_unit_test(promise_7_password_is_not_shown),
        cmocka_unit_test(test_examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

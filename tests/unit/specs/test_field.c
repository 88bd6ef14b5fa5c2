/* The table of fields, and what is compared by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "field.h"
#include "json.h"

/* ---- The table ------------------------------------------------------------------------------ */

static const char *parent_prefix(const struct field *parent)
{
    static const char *const none = "";
    return parent == field_document() || parent == field_child(field_document(), "spec")
               ? none
               : parent->path;
}

static void check_row(const struct field *parent, const struct field *row)
{
    char path[128];
    const char *prefix = parent_prefix(parent);
    bool is_element = strcmp(row->name, "[]") == 0;
    (void)snprintf(path, sizeof(path), "%s%s%s", prefix, is_element || prefix[0] == '\0' ? "" : ".",
                   row->name);
    assert_string_equal(row->path, path);
    assert_ptr_equal(row->parent, prefix[0] == '\0' ? NULL : parent);
    assert_true(strlen(row->help) > 2);
    assert_null(strchr(row->help, '\n'));
    assert_int_equal(row->type == FIELD_ENUM, row->choices != NULL);
    assert_true(row->min <= row->max);
    if ((row->flags & FIELD_SECRET) != 0) assert_int_equal(row->type, FIELD_TEXT);

    bool has_children =
        row->type == FIELD_OBJECT || row->type == FIELD_ONE_OF || row->type == FIELD_LIST;
    assert_int_equal(has_children, row->children != NULL);
    assert_int_equal(has_children, row->children_len > 0);
    assert_true(row->children_len <= FIELD_CHILDREN_MAX);
    if (row->type == FIELD_LIST) assert_int_equal(row->children_len, 1);
    if (row->type == FIELD_LIST) assert_string_equal(row->children->name, "[]");
    for (size_t i = 0; i < row->children_len; i++) {
        const struct field *child = &row->children[i];
        assert_ptr_equal(field_child(row, child->name), child); /* so no name stands there twice */
        check_row(row, child);
    }
}

static void test_rows_are_consistent(void **state)
{
    (void)state;
    const struct field *document = field_document();
    for (size_t i = 0; i < document->children_len; i++) {
        const struct field *row = &document->children[i];
        assert_ptr_equal(field_child(document, row->name), row);
        check_row(document, row);
    }
}

static void check_findable(const struct field *row)
{
    assert_ptr_equal(field_find(row->path), row);
    for (size_t i = 0; i < row->children_len; i++) {
        check_findable(&row->children[i]);
    }
}

/* databricks-api.md 2.1: the fields of create, and one that an official tool adds. */
static void test_top_is_the_api(void **state)
{
    static const char *const names[] = {
        "apply_policy_default_values",
        "autoscale",
        "autotermination_minutes",
        "aws_attributes",
        "azure_attributes",
        "clone_from",
        "cluster_log_conf",
        "cluster_name",
        "custom_tags",
        "data_security_mode",
        "dependency_mode",
        "docker_image",
        "driver_instance_pool_id",
        "driver_node_type_flexibility",
        "driver_node_type_id",
        "enable_elastic_disk",
        "enable_local_disk_encryption",
        "gcp_attributes",
        "init_scripts",
        "instance_pool_id",
        "is_single_node",
        "kind",
        "node_type_id",
        "num_workers",
        "policy_id",
        "remote_disk_throughput",
        "runtime_engine",
        "single_user_name",
        "spark_conf",
        "spark_env_vars",
        "spark_version",
        "ssh_public_keys",
        "total_initial_remote_disk_size",
        "use_ml_runtime",
        "worker_node_type_flexibility",
        "workload_type",
        "cluster_mount_infos",
    };
    (void)state;
    size_t len = 0;
    const struct field *top = field_top(&len);
    assert_int_equal(len, COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_non_null(field_child(NULL, names[i]));
        check_findable(&top[i]);
    }
}

static void test_find_refuses(void **state)
{
    static const char *const paths[] = {
        "",
        "num_worker",
        "num_workerss",
        "num_workers.",
        "num_workers.x",
        "num_workers[]",
        "aws_attributes.zone",
        "aws_attributes..zone_id",
        "init_scripts.s3",
        "init_scripts[]s3",
        "init_scripts[0].s3",
        "[]",
        "spec",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        if (field_find(paths[i]) != NULL) fail_msg("'%s' was found", paths[i]);
    }
}

/* design.md 7 */
static void test_changes(void **state)
{
    static const struct {
        const char *path, *change;
    } cases[] = {
        { "num_workers", "resize" },
        { "autoscale", "resize" },
        { "autoscale.max_workers", "resize" },
        { "docker_image.url", "replace" },
        { "docker_image.basic_auth", "edit" },
        { "docker_image.basic_auth.password", "edit" },
        { "init_scripts", "replace" },
        { "init_scripts[].workspace.destination", "replace" },
        { "init_scripts[].local.source", "replace" },
        { "spark_conf", "edit" },
        { "spark_version", "edit" },
        { "node_type_id", "edit" },
        { "clone_from", "none" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct field *field = field_find(cases[i].path);
        assert_non_null(field);
        assert_string_equal(change_class_name(field->change), cases[i].change);
    }
}

static void test_flags(void **state)
{
    static const struct {
        const char *path;
        unsigned flags;
    } cases[] = {
        { "docker_image.basic_auth.username", FIELD_SECRET | FIELD_LITERAL | FIELD_REQUIRED },
        { "docker_image.basic_auth.password", FIELD_SECRET | FIELD_REQUIRED },
        { "azure_attributes.log_analytics_info.log_analytics_primary_key", FIELD_SECRET },
        { "data_security_mode", FIELD_FILLED | FIELD_RESOLVED },
        { "aws_attributes.zone_id", FIELD_FILLED | FIELD_RESOLVED },
        { "clone_from", FIELD_CREATE_ONLY },
        { "apply_policy_default_values", FIELD_SPEC_ONLY },
        { "init_scripts[].local", FIELD_MANIFEST_ONLY },
        { "init_scripts[].workspace", 0 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct field *field = field_find(cases[i].path);
        assert_non_null(field);
        assert_int_equal(field->flags, cases[i].flags);
    }
}

/* ---- Comparing ------------------------------------------------------------------------------ */

static const struct value *from_json(struct arena *arena, const char *text)
{
    struct err err = { 0 };
    const struct value *value = NULL;
    if (!json_read(arena, text, strlen(text), &value, &err)) fail_msg("%s: %s", text, err.text);
    return value;
}

static const struct {
    const char *path, *a, *b; /* NULL: absent */
    bool is_equal;
} equals[] = {
    { "cluster_name", "\"a\"", "\"a\"", true },
    { "cluster_name", "\"a\"", "\"b\"", false },
    { "cluster_name", "\"\"", NULL, true },
    { "cluster_name", "\"true\"", "\"True\"", false },
    { "azure_attributes.spot_bid_max_price", "-1", "-1.0", true },
    { "azure_attributes.spot_bid_max_price", "-1", "1", false },
    { "autotermination_minutes", "0", NULL, true },
    { "autotermination_minutes", "0", "60", false },
    { "enable_elastic_disk", "false", NULL, true },
    { "num_workers", "0", NULL, false }, /* an autoscaling cluster has none */
    { "num_workers", "0", "0", true },
    { "num_workers", "null", NULL, true },
    { "workload_type.clients.jobs", "false", NULL, false },
    { "workload_type", "{\"clients\":{\"jobs\":false}}", "{}", false },
    { "workload_type", "{\"clients\":{}}", NULL, true },
    { "gcp_attributes.local_ssd_count", "0", NULL, false },
    { "data_security_mode", "\"SINGLE_USER\"", "\"DATA_SECURITY_MODE_DEDICATED\"", true },
    { "data_security_mode", "\"DATA_SECURITY_MODE_STANDARD\"", "\"USER_ISOLATION\"", true },
    { "data_security_mode", "\"SINGLE_USER\"", "\"USER_ISOLATION\"", false },
    { "data_security_mode", "\"NEW\"", "\"NEWER\"", false },
    { "spark_conf", "\"true\"", "\"True\"", true },
    { "spark_conf", "\"true\"", "\"false\"", false },
    { "spark_conf", "\"x\"", "\"X\"", false },
    { "spark_conf", "{\"a\":\"TRUE\",\"b\":\"1\"}", "{\"b\":\"1\",\"a\":\"true\"}", true },
    { "spark_conf", "{\"a\":\"1\"}", "{\"a\":\"1.0\"}", false },
    { "spark_conf", "{\"a\":\"1\"}", "{\"b\":\"1\"}", false },
    { "spark_conf", "{}", NULL, true },
    { "spark_env_vars", "\"true\"", "\"True\"", false },
    { "custom_tags", "{\"a\":\"1\"}", "{\"a\":\"1\",\"b\":\"2\"}", false },
    { "init_scripts", "[{\"workspace\":{\"destination\":\"/Workspace/Shared/a\"}}]",
      "[{\"workspace\":{\"destination\":\"/Shared/a\"}}]", true },
    { "init_scripts", "[{\"workspace\":{\"destination\":\"/Workspaces/a\"}}]",
      "[{\"workspace\":{\"destination\":\"/a\"}}]", false },
    { "init_scripts", "[{\"volumes\":{\"destination\":\"/Workspace/a\"}}]",
      "[{\"volumes\":{\"destination\":\"/a\"}}]", false },
    { "init_scripts",
      "[{\"workspace\":{\"destination\":\"/a\"}},{\"workspace\":{\"destination\":\"/b\"}}]",
      "[{\"workspace\":{\"destination\":\"/b\"}},{\"workspace\":{\"destination\":\"/a\"}}]",
      false },
    { "init_scripts", "[{\"s3\":{\"destination\":\"/a\"}}]",
      "[{\"s3\":{\"destination\":\"/a\",\"enable_encryption\":false}}]", true },
    { "init_scripts", "[{\"s3\":{\"destination\":\"/a\"}}]", "[{\"gcs\":{\"destination\":\"/a\"}}]",
      false },
    { "init_scripts", "[]", NULL, true },
    { "ssh_public_keys", "[\"a\",\"b\"]", "[\"a\",\"b\"]", true },
    { "ssh_public_keys", "[\"a\",\"b\"]", "[\"b\",\"a\"]", false },
    { "autoscale", "{\"min_workers\":1,\"max_workers\":2}", "{\"max_workers\":2,\"min_workers\":1}",
      true },
    { "autoscale", "{\"min_workers\":1,\"max_workers\":2}", NULL, false },
    { "docker_image.basic_auth.password", "{\"$secret\":\"aa\"}", "{\"$secret\":\"aa\"}", true },
    { "docker_image.basic_auth.password", "{\"$secret\":\"aa\"}", "{\"$secret\":\"ab\"}", false },
    { "docker_image.basic_auth.password", "{\"$secret\":\"aa\"}", "\"{{secrets/a/b}}\"", false },
    { "docker_image.basic_auth.password", "{\"$secret\":\"aa\"}", NULL, false },
};

static void promise_5_equal(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(equals); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        const struct field *field = field_find(equals[i].path);
        const struct value *a = equals[i].a ? from_json(&arena, equals[i].a) : NULL;
        const struct value *b = equals[i].b ? from_json(&arena, equals[i].b) : NULL;
        assert_non_null(field);
        bool is_good = field_equal(field, a, b) == equals[i].is_equal &&
                       field_equal(field, b, a) == equals[i].is_equal;
        if (!is_good) fail_msg("%s: %s, %s", equals[i].path, equals[i].a, equals[i].b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_consistent),
        cmocka_unit_test(test_top_is_the_api),
        cmocka_unit_test(test_find_refuses),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(promise_5_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What is wrong with a definition beyond its shape (databricks-api.md 2.1, 2.3, 2.4, 8). The texts
 * are the ones that were seen, where one was.
 */
#include "inside.h"

#include "text.h"

#include <inttypes.h>

enum { TAGS_MAX = 45, SCRIPTS_MAX = 10, KEYS_MAX = 10, IDLE_MIN = 10, IDLE_MAX = 10000 };

#define BAD 400, "INVALID_PARAMETER_VALUE"

static bool is_text(const struct value *map, const char *key, const char *text)
{
    const char *found = value_get_text(map, key);
    return found != NULL && strcmp(found, text) == 0;
}

static bool is_true(const struct value *map, const char *key)
{
    const struct value *flag = value_get(map, key);
    return flag != NULL && flag->kind == VALUE_BOOL && flag->u.boolean;
}

/* databricks-api.md 8.6: either by its three marks, or by `kind`. */
/* The simple form's switch (8.6), which brings the size with it. */
static bool is_switched_single(const struct value *spec)
{
    return value_get_text(spec, "kind") != NULL && is_true(spec, "is_single_node");
}

static bool is_single_node(const struct value *spec)
{
    if (is_switched_single(spec)) return true;
    const struct value *conf = value_get(spec, "spark_conf");
    const char *master = value_get_text(conf, "spark.master");
    return is_text(conf, "spark.databricks.cluster.profile", "singleNode") && master != NULL &&
           text_starts(master, "local") &&
           is_text(value_get(spec, "custom_tags"), "ResourceClass", "SingleNode");
}

static bool is_there(const struct value *map, const char *key)
{
    const struct value *value = value_get(map, key);
    return value != NULL && value->kind != VALUE_NULL;
}

bool ws_check_size(struct ws_call *call, const struct value *size)
{
    bool has_workers = is_there(size, "num_workers");
    bool has_autoscale = is_there(size, "autoscale");
    if (!has_workers && !has_autoscale && is_switched_single(size)) return true;
    if (has_workers == has_autoscale) {
        return ws_refuse(call, BAD,
                         "Exactly 1 of virtual_cluster_size, num_workers or autoscale must be "
                         "specified.");
    }
    int64_t workers = 0;
    if (value_get_int(size, "num_workers", &workers) && (workers < 0 || workers > 100000)) {
        return ws_refuse(call, BAD, "num_workers must be from 0 to 100000; it is %" PRId64 ".",
                         workers);
    }
    if (!has_autoscale) return true;
    int64_t low = 0;
    int64_t high = 0;
    const struct value *autoscale = value_get(size, "autoscale");
    if (!value_get_int(autoscale, "min_workers", &low) ||
        !value_get_int(autoscale, "max_workers", &high)) {
        return ws_refuse(call, BAD, "autoscale needs min_workers and max_workers.");
    }
    if (low < 0 || high <= low || high > 100000) {
        return ws_refuse(call, BAD, "max_workers must be strictly greater than min_workers.");
    }
    return true;
}

static bool check_runtime(struct ws_call *call, const struct value *spec)
{
    const char *version = value_get_text(spec, "spark_version");
    if (version == NULL || version[0] == '\0') {
        return ws_refuse(call, BAD, "Missing required field: spark_version");
    }
    bool is_special = text_starts(version, "custom:") || text_starts(version, "apache-spark-");
    if (!is_special && !ws_spark_version_exists(version)) {
        return ws_refuse(call, BAD, "Invalid spark version %s.", version);
    }
    if (is_text(spec, "runtime_engine", "STANDARD") && strstr(version, "-photon-") != NULL) {
        return ws_refuse(call, BAD, "runtime_engine STANDARD does not go with %s.", version);
    }
    return true;
}

static bool check_node_type(struct ws_call *call, const struct value *spec, const char *key)
{
    const char *id = value_get_text(spec, key);
    if (id == NULL) return true;
    const struct ws_node_type *type = ws_node_type(call->model->cloud, id);
    if (type == NULL) {
        return ws_refuse(call, BAD, "Node type %s is not supported.", id);
    }
    int64_t volumes = 0;
    (void)value_get_int(value_get(spec, "aws_attributes"), "ebs_volume_count", &volumes);
    bool needs_volume = call->model->cloud == MODEL_AWS && type->local_disks == 0 &&
                        call->model->switches.ebs_checked;
    if (needs_volume && volumes == 0 && !is_true(spec, "enable_elastic_disk")) {
        return ws_refuse(call, BAD,
                         "At least one EBS volume must be attached for clusters created with node "
                         "type %s.",
                         id);
    }
    return true;
}

static bool check_machines(struct ws_call *call, const struct value *spec)
{
    static const char *const not_with_pool[] = { "node_type_id", "driver_node_type_id",
                                                 "enable_elastic_disk" };
    if (is_there(spec, "instance_pool_id")) {
        for (size_t i = 0; i < COUNT_OF(not_with_pool); i++) {
            if (!is_there(spec, not_with_pool[i])) continue;
            return ws_refuse(
                call, BAD,
                "The field '%s' cannot be supplied when an instance pool ID is provided.",
                not_with_pool[i]);
        }
        return true;
    }
    if (is_there(spec, "driver_instance_pool_id")) {
        return ws_refuse(call, BAD, "driver_instance_pool_id needs instance_pool_id.");
    }
    if (!is_there(spec, "node_type_id")) {
        return ws_refuse(call, BAD, "Missing required field 'node_type_id'");
    }
    return check_node_type(call, spec, "node_type_id") &&
           check_node_type(call, spec, "driver_node_type_id");
}

/* Only the attributes of the workspace's own cloud. */
static bool check_cloud(struct ws_call *call, const struct value *spec)
{
    static const char *const keys[] = { [MODEL_AWS] = "aws_attributes",
                                        [MODEL_AZURE] = "azure_attributes",
                                        [MODEL_GCP] = "gcp_attributes" };
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (i == (size_t)call->model->cloud || !is_there(spec, keys[i])) continue;
        return ws_refuse(call, BAD, "%s cannot be specified in this workspace.", keys[i]);
    }
    return true;
}

static const struct tag_rule {
    size_t key_max, value_max;
    const char *key_chars, *value_chars; /* NULL: see `not_in_key` */
    const char *not_in_key;
} tag_rules[] = {
#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    [MODEL_AWS] = { 127, 255, ALNUM "_ +-=.:/@", ALNUM "_ +-=.:/@", NULL },
    [MODEL_AZURE] = { 512, 256, NULL, NULL, "<>*&%;\\/+?" },
    [MODEL_GCP] = { 63, 63, ALNUM "-_.", ALNUM "-_.", NULL },
};

static bool is_within(const char *text, size_t max, const char *chars)
{
    size_t len = strlen(text);
    return len <= max && (chars == NULL || strspn(text, chars) == len);
}

static bool check_tags(struct ws_call *call, const struct value *tags)
{
    if (tags == NULL || tags->kind != VALUE_MAP) return true;
    if (tags->len > TAGS_MAX) {
        return ws_refuse(call, BAD, "%zu custom tags; at most %d are allowed.", tags->len,
                         TAGS_MAX);
    }
    const struct tag_rule *rule = &tag_rules[call->model->cloud];
    for (size_t i = 0; i < tags->len; i++) {
        const char *key = tags->u.members[i].key;
        const char *value = tags->u.members[i].value->text;
        bool key_ok = key[0] != '\0' && is_within(key, rule->key_max, rule->key_chars) &&
                      (rule->not_in_key == NULL || strpbrk(key, rule->not_in_key) == NULL);
        if (!key_ok) return ws_refuse(call, BAD, "The provided tag key (%s) is not allowed.", key);
        if (!is_within(value, rule->value_max, rule->value_chars)) {
            return ws_refuse(call, BAD, "The provided tag value (%s) contains invalid character.",
                             value);
        }
    }
    return true;
}

static bool check_scripts(struct ws_call *call, const struct value *spec)
{
    const struct value *scripts = value_get(spec, "init_scripts");
    if (scripts == NULL || scripts->kind != VALUE_LIST) return true;
    if (scripts->len > SCRIPTS_MAX) {
        return ws_refuse(call, BAD, "%zu init scripts; at most %d are allowed.", scripts->len,
                         SCRIPTS_MAX);
    }
    for (size_t i = 0; i < scripts->len; i++) {
        const struct value *script = scripts->u.items[i];
        const char *destination =
            script->len == 1 ? value_get_text(script->u.members[0].value, "destination") : NULL;
        if (destination == NULL || destination[0] == '\0') {
            return ws_refuse(call, BAD, "init_scripts[%zu] must have exactly one destination.", i);
        }
        if (is_there(script, "file") && !is_there(spec, "docker_image")) {
            return ws_refuse(call, BAD,
                             "init_scripts[%zu]: file destinations need a custom container.", i);
        }
    }
    return true;
}

/* databricks-api.md 8.1 */
const char *ws_dcs_objection(const struct workspace_model *model, const struct value *spec)
{
    if (!is_there(spec, "docker_image")) return NULL;
    const char *version = value_get_text(spec, "spark_version");
    const char *node = value_get_text(spec, "node_type_id");
    const struct ws_node_type *type = node == NULL ? NULL : ws_node_type(model->cloud, node);
    if (!model->switches.dcs_enabled) {
        return "Custom containers is not enabled for this workspace.";
    }
    if (is_true(spec, "use_ml_runtime") || (version != NULL && strstr(version, "-ml-") != NULL)) {
        return "Custom containers are not supported with Databricks Runtime ML.";
    }
    if (is_text(spec, "data_security_mode", "USER_ISOLATION") ||
        is_text(spec, "data_security_mode", "DATA_SECURITY_MODE_STANDARD")) {
        return "Custom containers are not supported with the shared access mode.";
    }
    if (type != NULL && type->graviton) {
        return "Custom containers are not supported on Graviton node types.";
    }
    return NULL;
}

static bool check_image(struct ws_call *call, const struct value *spec)
{
    const struct value *image = value_get(spec, "docker_image");
    if (image == NULL || image->kind != VALUE_MAP) return true;
    const char *url = value_get_text(image, "url");
    if (url == NULL || url[0] == '\0') {
        return ws_refuse(call, BAD, "Missing required field: docker_image.url");
    }
    if (strstr(url, "://") != NULL || strpbrk(url, " \t\r\n") != NULL) {
        return ws_refuse(call, BAD, "Invalid docker image URL: %s", url);
    }
    const struct value *login = value_get(image, "basic_auth");
    if (is_there(image, "basic_auth") &&
        (!is_there(login, "username") || !is_there(login, "password"))) {
        return ws_refuse(call, BAD, "docker_image.basic_auth needs both username and password.");
    }
    const char *objection = ws_dcs_objection(call->model, spec);
    if (objection == NULL || call->model->switches.dcs_at_launch) return true;
    return ws_refuse(call, BAD, "%s", objection);
}

static bool check_numbers(struct ws_call *call, const struct value *spec)
{
    int64_t idle = 0;
    if (value_get_int(spec, "autotermination_minutes", &idle) && idle != 0 &&
        (idle < IDLE_MIN || idle > IDLE_MAX)) {
        return ws_refuse(call, BAD, "autotermination_minutes must be 0 or from %d to %d.", IDLE_MIN,
                         IDLE_MAX);
    }
    int64_t workers = 1;
    if (value_get_int(spec, "num_workers", &workers) && workers == 0 && !is_single_node(spec)) {
        return ws_refuse(call, BAD, "NumWorkers could be 0 only for SingleNode clusters");
    }
    const struct value *keys = value_get(spec, "ssh_public_keys");
    if (keys != NULL && keys->len > KEYS_MAX) {
        return ws_refuse(call, BAD, "At most %d ssh_public_keys are allowed.", KEYS_MAX);
    }
    return true;
}

/* databricks-api.md 1.6: a policy refuses another value than its own. */
static bool check_policy(struct ws_call *call, const struct value *spec)
{
    const char *policy = value_get_text(spec, "policy_id");
    if (policy == NULL) return true;
    bool is_known = false;
    for (size_t i = 0; i < call->model->policies_len; i++) {
        const struct ws_fixed *fixed = &call->model->policies[i];
        if (strcmp(fixed->policy_id, policy) != 0) continue;
        is_known = true;
        const struct value *stated = value_at(spec, fixed->path);
        if (stated == NULL || value_equal(stated, fixed->value)) continue;
        AUTO_BUF struct buf text = BUF_INIT(4096);
        emit_value(&text, NULL, fixed->value);
        emit_end(&text);
        buf_adds(&text, " (is ");
        emit_value(&text, NULL, stated);
        emit_end(&text);
        return ws_refuse(call, BAD, "Validation failed for %s, the value must be %s)", fixed->path,
                         buf_text(&text));
    }
    if (is_known) return true;
    return ws_refuse(call, BAD, "Policy %s does not exist", policy);
}

bool ws_check_spec(struct ws_call *call, const struct value *spec)
{
    return ws_check_shape(call, spec) && check_runtime(call, spec) && ws_check_size(call, spec) &&
           check_machines(call, spec) && check_cloud(call, spec) &&
           check_tags(call, value_get(spec, "custom_tags")) && check_scripts(call, spec) &&
           check_image(call, spec) && check_numbers(call, spec) && check_policy(call, spec);
}

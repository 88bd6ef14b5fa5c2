/*
 * The shape of a cluster's definition: which fields a request may hold, and of which type
 * (databricks-api.md 2.1, 2.2, 2.3). A table of its own, not the controller's, on purpose: a field
 * that the controller spells or types wrongly is found here.
 */
#include "inside.h"

enum shape { FLAG, WHOLE, NUMBER, WORDS, TEXT_MAP, TEXT_LIST, OBJECT, OBJECT_LIST };

#define AWS_AVAILABILITY   "ON_DEMAND|SPOT|SPOT_WITH_FALLBACK"
#define AZURE_AVAILABILITY "ON_DEMAND_AZURE|SPOT_AZURE|SPOT_WITH_FALLBACK_AZURE"
#define GCP_AVAILABILITY   "ON_DEMAND_GCP|PREEMPTIBLE_GCP|PREEMPTIBLE_WITH_FALLBACK_GCP"
#define SECURITY_MODES                                                                        \
    "NONE|SINGLE_USER|USER_ISOLATION|LEGACY_TABLE_ACL|LEGACY_PASSTHROUGH|LEGACY_SINGLE_USER|" \
    "LEGACY_SINGLE_USER_STANDARD|DATA_SECURITY_MODE_AUTO|DATA_SECURITY_MODE_STANDARD|"        \
    "DATA_SECURITY_MODE_DEDICATED"
#define DEPENDENCY_MODES                                      \
    "DEPENDENCY_MODE_AUTO|DEPENDENCY_MODE_CLUSTER_LIBRARIES|" \
    "DEPENDENCY_MODE_ENVIRONMENTS"

static const struct shape_row {
    const char *path;
    enum shape shape;
    const char *words; /* what a text may be; NULL: anything */
} rows[] = {
    { "apply_policy_default_values", FLAG, NULL },
    { "autoscale", OBJECT, NULL },
    { "autoscale.max_workers", WHOLE, NULL },
    { "autoscale.min_workers", WHOLE, NULL },
    { "autotermination_minutes", WHOLE, NULL },
    { "aws_attributes", OBJECT, NULL },
    { "aws_attributes.availability", WORDS, AWS_AVAILABILITY },
    { "aws_attributes.ebs_volume_count", WHOLE, NULL },
    { "aws_attributes.ebs_volume_iops", WHOLE, NULL },
    { "aws_attributes.ebs_volume_size", WHOLE, NULL },
    { "aws_attributes.ebs_volume_throughput", WHOLE, NULL },
    { "aws_attributes.ebs_volume_type", WORDS, "GENERAL_PURPOSE_SSD|THROUGHPUT_OPTIMIZED_HDD" },
    { "aws_attributes.first_on_demand", WHOLE, NULL },
    { "aws_attributes.instance_profile_arn", WORDS, NULL },
    { "aws_attributes.spot_bid_price_percent", WHOLE, NULL },
    { "aws_attributes.zone_id", WORDS, NULL },
    { "azure_attributes", OBJECT, NULL },
    { "azure_attributes.availability", WORDS, AZURE_AVAILABILITY },
    { "azure_attributes.capacity_reservation_group", WORDS, NULL },
    { "azure_attributes.first_on_demand", WHOLE, NULL },
    { "azure_attributes.log_analytics_info", OBJECT, NULL },
    { "azure_attributes.log_analytics_info.log_analytics_primary_key", WORDS, NULL },
    { "azure_attributes.log_analytics_info.log_analytics_workspace_id", WORDS, NULL },
    { "azure_attributes.spot_bid_max_price", NUMBER, NULL },
    { "clone_from", OBJECT, NULL },
    { "clone_from.source_cluster_id", WORDS, NULL },
    { "cluster_id", WORDS, NULL },
    { "cluster_log_conf", OBJECT, NULL },
    { "cluster_log_conf.dbfs", OBJECT, NULL },
    { "cluster_log_conf.dbfs.destination", WORDS, NULL },
    { "cluster_log_conf.s3", OBJECT, NULL },
    { "cluster_log_conf.s3.canned_acl", WORDS, NULL },
    { "cluster_log_conf.s3.destination", WORDS, NULL },
    { "cluster_log_conf.s3.enable_encryption", FLAG, NULL },
    { "cluster_log_conf.s3.encryption_type", WORDS, NULL },
    { "cluster_log_conf.s3.endpoint", WORDS, NULL },
    { "cluster_log_conf.s3.kms_key", WORDS, NULL },
    { "cluster_log_conf.s3.region", WORDS, NULL },
    { "cluster_log_conf.volumes", OBJECT, NULL },
    { "cluster_log_conf.volumes.destination", WORDS, NULL },
    { "cluster_mount_infos", OBJECT_LIST, NULL },
    { "cluster_mount_infos.local_mount_dir_path", WORDS, NULL },
    { "cluster_mount_infos.network_filesystem_info", OBJECT, NULL },
    { "cluster_mount_infos.network_filesystem_info.mount_options", WORDS, NULL },
    { "cluster_mount_infos.network_filesystem_info.server_address", WORDS, NULL },
    { "cluster_mount_infos.remote_mount_dir_path", WORDS, NULL },
    { "cluster_name", WORDS, NULL },
    { "custom_tags", TEXT_MAP, NULL },
    { "data_security_mode", WORDS, SECURITY_MODES },
    { "dependency_mode", WORDS, DEPENDENCY_MODES },
    { "docker_image", OBJECT, NULL },
    { "docker_image.basic_auth", OBJECT, NULL },
    { "docker_image.basic_auth.password", WORDS, NULL },
    { "docker_image.basic_auth.username", WORDS, NULL },
    { "docker_image.url", WORDS, NULL },
    { "driver_instance_pool_id", WORDS, NULL },
    { "driver_node_type_flexibility", OBJECT, NULL },
    { "driver_node_type_flexibility.alternate_node_type_ids", TEXT_LIST, NULL },
    { "driver_node_type_id", WORDS, NULL },
    { "enable_elastic_disk", FLAG, NULL },
    { "enable_local_disk_encryption", FLAG, NULL },
    { "gcp_attributes", OBJECT, NULL },
    { "gcp_attributes.availability", WORDS, GCP_AVAILABILITY },
    { "gcp_attributes.boot_disk_size", WHOLE, NULL },
    { "gcp_attributes.confidential_compute_type", WORDS, "CONFIDENTIAL_COMPUTE_TYPE_NONE|SEV_SNP" },
    { "gcp_attributes.first_on_demand", WHOLE, NULL },
    { "gcp_attributes.google_service_account", WORDS, NULL },
    { "gcp_attributes.local_ssd_count", WHOLE, NULL },
    { "gcp_attributes.use_preemptible_executors", FLAG, NULL },
    { "gcp_attributes.zone_id", WORDS, NULL },
    { "idempotency_token", WORDS, NULL },
    { "init_scripts", OBJECT_LIST, NULL },
    { "init_scripts.abfss", OBJECT, NULL },
    { "init_scripts.abfss.destination", WORDS, NULL },
    { "init_scripts.dbfs", OBJECT, NULL },
    { "init_scripts.dbfs.destination", WORDS, NULL },
    { "init_scripts.file", OBJECT, NULL },
    { "init_scripts.file.destination", WORDS, NULL },
    { "init_scripts.gcs", OBJECT, NULL },
    { "init_scripts.gcs.destination", WORDS, NULL },
    { "init_scripts.s3", OBJECT, NULL },
    { "init_scripts.s3.canned_acl", WORDS, NULL },
    { "init_scripts.s3.destination", WORDS, NULL },
    { "init_scripts.s3.enable_encryption", FLAG, NULL },
    { "init_scripts.s3.encryption_type", WORDS, NULL },
    { "init_scripts.s3.endpoint", WORDS, NULL },
    { "init_scripts.s3.kms_key", WORDS, NULL },
    { "init_scripts.s3.region", WORDS, NULL },
    { "init_scripts.volumes", OBJECT, NULL },
    { "init_scripts.volumes.destination", WORDS, NULL },
    { "init_scripts.workspace", OBJECT, NULL },
    { "init_scripts.workspace.destination", WORDS, NULL },
    { "instance_pool_id", WORDS, NULL },
    { "is_single_node", FLAG, NULL },
    { "kind", WORDS, "CLASSIC_PREVIEW" },
    { "node_type_id", WORDS, NULL },
    { "num_workers", WHOLE, NULL },
    { "policy_id", WORDS, NULL },
    { "remote_disk_throughput", WHOLE, NULL },
    { "runtime_engine", WORDS, "NULL|STANDARD|PHOTON" },
    { "single_user_name", WORDS, NULL },
    { "spark_conf", TEXT_MAP, NULL },
    { "spark_env_vars", TEXT_MAP, NULL },
    { "spark_version", WORDS, NULL },
    { "ssh_public_keys", TEXT_LIST, NULL },
    { "total_initial_remote_disk_size", WHOLE, NULL },
    { "use_ml_runtime", FLAG, NULL },
    { "worker_node_type_flexibility", OBJECT, NULL },
    { "worker_node_type_flexibility.alternate_node_type_ids", TEXT_LIST, NULL },
    { "workload_type", OBJECT, NULL },
    { "workload_type.clients", OBJECT, NULL },
    { "workload_type.clients.jobs", FLAG, NULL },
    { "workload_type.clients.notebooks", FLAG, NULL },
};

static const char *const shape_names[] = {
    [FLAG] = "a boolean",
    [WHOLE] = "an integer",
    [NUMBER] = "a number",
    [WORDS] = "a string",
    [TEXT_MAP] = "a map of strings",
    [TEXT_LIST] = "a list of strings",
    [OBJECT] = "an object",
    [OBJECT_LIST] = "a list of objects",
};

static const struct shape_row *find_row(const char *path)
{
    size_t low = 0;
    size_t high = COUNT_OF(rows);
    while (low < high) { /* sorted by path, dots before letters: as strcmp has it */
        size_t middle = (low + high) / 2;
        int order = strcmp(path, rows[middle].path);
        if (order == 0) return &rows[middle];
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

static bool all_are(const struct value *value, enum value_kind outer, enum value_kind inner)
{
    if (value->kind != outer) return false;
    for (size_t i = 0; i < value->len; i++) {
        const struct value *item =
            outer == VALUE_MAP ? value->u.members[i].value : value->u.items[i];
        if (item->kind != inner) return false;
    }
    return true;
}

static bool has_shape(const struct value *value, enum shape shape)
{
    switch (shape) {
    case FLAG:
        return value->kind == VALUE_BOOL;
    case WHOLE:
        return value->kind == VALUE_INT;
    case NUMBER:
        return value->kind == VALUE_INT || value->kind == VALUE_REAL;
    case WORDS:
        return value->kind == VALUE_TEXT;
    case TEXT_MAP:
        return all_are(value, VALUE_MAP, VALUE_TEXT);
    case TEXT_LIST:
        return all_are(value, VALUE_LIST, VALUE_TEXT);
    case OBJECT:
        return value->kind == VALUE_MAP;
    case OBJECT_LIST:
        return all_are(value, VALUE_LIST, VALUE_MAP);
    }
    return false;
}

static bool is_one_of(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = words; *at != '\0';) {
        size_t next = strcspn(at, "|");
        if (next == len && memcmp(at, word, len) == 0) return true;
        at += at[next] == '|' ? next + 1 : next;
    }
    return false;
}

/* The parts of one that has parts: maps, and the maps of a list. */
static bool check_members(struct ws_call *call, const char *path, const struct value *map);

static bool check_value(struct ws_call *call, const char *path, const struct value *value)
{
    if (value->kind == VALUE_NULL) return true;
    const struct shape_row *row = find_row(path);
    if (row == NULL) {
        if (!call->model->switches.unknown_refused) return true;
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE", "Unknown field '%s'.", path);
    }
    if (!has_shape(value, row->shape)) {
        return ws_refuse(call, 400, "MALFORMED_REQUEST",
                         "Could not parse request object: Expected %s for field '%s'.",
                         shape_names[row->shape], path);
    }
    if (row->words != NULL && !is_one_of(row->words, value->text)) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE", "Invalid value '%s' for field '%s'.",
                         value->text, path);
    }
    if (row->shape == OBJECT) return check_members(call, path, value);
    if (row->shape != OBJECT_LIST) return true;
    for (size_t i = 0; i < value->len; i++) {
        if (!check_members(call, path, value->u.items[i])) return false;
    }
    return true;
}

/* The table is four levels deep, and so is this recursion: an unknown field is not entered. */
static bool check_members(struct ws_call *call, const char *path, const struct value *map)
{
    for (size_t i = 0; i < map->len; i++) {
        const struct member *member = &map->u.members[i];
        const char *inner =
            path[0] == '\0' ? member->key : arena_printf(call->arena, "%s.%s", path, member->key);
        if (!check_value(call, inner, member->value)) return false;
    }
    return true;
}

bool ws_check_shape(struct ws_call *call, const struct value *spec)
{
    return check_members(call, "", spec);
}

bool ws_is_known_field(const char *key)
{
    return find_row(key) != NULL;
}

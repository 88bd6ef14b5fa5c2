/*
 * What the backend makes of a definition before it shows it again (databricks-api.md 2.4, 2.5,
 * 2.6, 8.6, 9.1): `spec` stays as it was submitted, the top level of an answer is this.
 */
#include "inside.h"

static const struct pos nowhere = { 0 };

static void put(struct value_builder *map, const char *key, const struct value *value)
{
    value_put(map, key, nowhere, value);
}

static void put_text(struct value_builder *map, const char *key, const char *text)
{
    put(map, key, value_text(map->arena, nowhere, text));
}

static void put_default_bool(struct value_builder *map, const char *key, bool flag)
{
    if (value_get(map->value, key) == NULL) put(map, key, value_bool(map->arena, nowhere, flag));
}

static const char *text_of(const struct value_builder *map, const char *key)
{
    return value_get_text(map->value, key);
}

static bool is_default_tag(const struct workspace_model *model, const char *key)
{
    static const char *const own[] = { "Vendor", "Creator", "ClusterName", "ClusterId" };
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        if (strcmp(own[i], key) == 0) return true;
    }
    for (size_t i = 0; i < model->workspace_tags_len; i++) {
        if (strcmp(model->workspace_tags[i].key, key) == 0) return true;
    }
    return false;
}

/* 2.4: a key that is a default or workspace tag too comes back as x_ and the key. */
static const struct value *rename_tags(const struct workspace_model *model, struct arena *arena,
                                       const struct value *tags)
{
    struct value_builder out = value_build_map(arena, nowhere);
    for (size_t i = 0; i < tags->len; i++) {
        const char *key = tags->u.members[i].key;
        if (is_default_tag(model, key)) key = arena_printf(arena, "x_%s", key);
        put(&out, key, tags->u.members[i].value);
    }
    return out.value;
}

/* `pairs`: key, value, key, value, NULL; put over `base`, which may be NULL. */
static const struct value *with_texts(struct arena *arena, const struct value *base,
                                      const char *const *pairs)
{
    struct value_builder out = value_build_map(arena, nowhere);
    for (; *pairs != NULL; pairs += 2) {
        put_text(&out, pairs[0], pairs[1]);
    }
    return value_merge(arena, base, out.value);
}

/* 8.6: `kind` and `is_single_node` bring two keys, a tag and a size that nobody sent. */
static void decorate_single_node(struct value_builder *map)
{
    static const char *const conf[] = { "spark.databricks.cluster.profile", "singleNode",
                                        "spark.master", "local[*, 4]", NULL };
    static const char *const tags[] = { "ResourceClass", "SingleNode", NULL };
    const struct value *flag = value_get(map->value, "is_single_node");
    if (flag == NULL || !flag->u.boolean || text_of(map, "kind") == NULL) return;
    put(map, "spark_conf", with_texts(map->arena, value_get(map->value, "spark_conf"), conf));
    put(map, "custom_tags", with_texts(map->arena, value_get(map->value, "custom_tags"), tags));
    put(map, "num_workers", value_int(map->arena, nowhere, 0));
}

static void decorate_machines(const struct workspace_model *model, struct value_builder *map)
{
    static const char *const of_pool[] = {
        [MODEL_AWS] = "i3.xlarge", [MODEL_AZURE] = "Standard_DS3_v2", [MODEL_GCP] = "n2-highmem-4"
    };
    const char *pool = text_of(map, "instance_pool_id");
    if (pool != NULL) {
        put_text(map, "node_type_id", of_pool[model->cloud]);
        if (text_of(map, "driver_instance_pool_id") == NULL) {
            put_text(map, "driver_instance_pool_id", pool);
        }
    }
    const char *node = text_of(map, "node_type_id");
    if (text_of(map, "driver_node_type_id") == NULL && node != NULL) {
        put_text(map, "driver_node_type_id", node);
    }
    const struct ws_node_type *type = node == NULL ? NULL : ws_node_type(model->cloud, node);
    bool elastic = model->cloud != MODEL_AWS || (type != NULL && type->local_disks == 0);
    put_default_bool(map, "enable_elastic_disk", elastic);
    put_default_bool(map, "enable_local_disk_encryption", false);
}

/* 2.3, 9.1: aliases are resolved to the old names, and a dedicated cluster gets its user. */
static void decorate_access(const struct workspace_model *model, struct value_builder *map,
                            const char *creator)
{
    static const char *const aliases[][2] = {
        { "DATA_SECURITY_MODE_STANDARD", "USER_ISOLATION" },
        { "DATA_SECURITY_MODE_DEDICATED", "SINGLE_USER" },
        { "DATA_SECURITY_MODE_AUTO", "SINGLE_USER" },
    };
    const char *mode = text_of(map, "data_security_mode");
    if (mode == NULL) mode = "SINGLE_USER";
    for (size_t i = 0; i < COUNT_OF(aliases); i++) {
        if (strcmp(mode, aliases[i][0]) == 0) mode = aliases[i][1];
    }
    put_text(map, "data_security_mode", mode);
    bool is_dedicated = strcmp(mode, "SINGLE_USER") == 0;
    if (is_dedicated && text_of(map, "single_user_name") == NULL) {
        put_text(map, "single_user_name", creator == NULL ? model->user_name : creator);
    }
    const char *engine = text_of(map, "runtime_engine");
    const char *version = text_of(map, "spark_version");
    if (engine == NULL || strcmp(engine, "NULL") == 0) {
        bool is_photon = version != NULL && strstr(version, "-photon-") != NULL;
        put_text(map, "runtime_engine", is_photon ? "PHOTON" : "STANDARD");
    }
}

static const struct value *aws_defaults(struct arena *arena)
{
    struct value_builder out = value_build_map(arena, nowhere);
    put(&out, "first_on_demand", value_int(arena, nowhere, 0));
    put_text(&out, "availability", "SPOT_WITH_FALLBACK");
    put_text(&out, "zone_id", "us-east-1c");
    put(&out, "spot_bid_price_percent", value_int(arena, nowhere, 100));
    put(&out, "ebs_volume_count", value_int(arena, nowhere, 0));
    return out.value;
}

static const struct value *azure_defaults(struct arena *arena)
{
    struct value_builder out = value_build_map(arena, nowhere);
    put(&out, "first_on_demand", value_int(arena, nowhere, 1));
    put_text(&out, "availability", "ON_DEMAND_AZURE");
    put(&out, "spot_bid_max_price", value_real(arena, nowhere, -1.0));
    return out.value;
}

static const struct value *gcp_defaults(struct arena *arena)
{
    struct value_builder out = value_build_map(arena, nowhere);
    put(&out, "first_on_demand", value_int(arena, nowhere, 1));
    put(&out, "use_preemptible_executors", value_bool(arena, nowhere, false));
    put_text(&out, "availability", "ON_DEMAND_GCP");
    put_text(&out, "zone_id", "us-central1-a");
    return out.value;
}

static void decorate_cloud(const struct workspace_model *model, struct value_builder *map)
{
    static const struct cloud_row {
        const char *key;
        const struct value *(*defaults)(struct arena *arena);
        const char *no_zone; /* asked for so, a concrete zone comes back */
    } clouds[] = {
        [MODEL_AWS] = { "aws_attributes", aws_defaults, "auto" },
        [MODEL_AZURE] = { "azure_attributes", azure_defaults, NULL },
        [MODEL_GCP] = { "gcp_attributes", gcp_defaults, "AUTO" },
    };
    const struct cloud_row *cloud = &clouds[model->cloud];
    const struct value *given = value_get(map->value, cloud->key);
    const struct value *defaults = cloud->defaults(map->arena);
    const struct value *merged =
        given == NULL ? defaults : value_merge(map->arena, defaults, given);
    const char *zone = value_get_text(merged, "zone_id");
    if (zone != NULL && cloud->no_zone != NULL && strcmp(zone, cloud->no_zone) == 0) {
        const char *const concrete[] = { "zone_id", value_get_text(defaults, "zone_id"), NULL };
        merged = with_texts(map->arena, merged, concrete);
    }
    /* A real -1 and an integer -1 both occur (2.2): what is stated as -1 comes back as -1.0. */
    int64_t price = 0;
    if (value_get_int(merged, "spot_bid_max_price", &price)) {
        struct value_builder patch = value_build_map(map->arena, nowhere);
        put(&patch, "spot_bid_max_price", value_real(map->arena, nowhere, (double)price));
        merged = value_merge(map->arena, merged, patch.value);
    }
    put(map, cloud->key, merged);
}

/* A map with `value` at the dotted `path`, for value_merge. */
static const struct value *nest(struct arena *arena, const char *path, const struct value *value)
{
    size_t len = strcspn(path, ".");
    struct value_builder out = value_build_map(arena, nowhere);
    put(&out, arena_strndup(arena, path, len),
        path[len] == '.' ? nest(arena, path + len + 1, value) : value);
    return out.value;
}

/* 1.6: what a policy fixes is there whether it was sent or not. */
static const struct value *with_policy(const struct workspace_model *model, struct arena *arena,
                                       const struct value *spec)
{
    const char *policy = value_get_text(spec, "policy_id");
    for (size_t i = 0; policy != NULL && i < model->policies_len; i++) {
        const struct ws_fixed *fixed = &model->policies[i];
        if (strcmp(fixed->policy_id, policy) != 0) continue;
        spec = value_merge(arena, spec, nest(arena, fixed->path, fixed->value));
    }
    return spec;
}

static bool is_dropped(const struct member *member)
{
    const struct value *value = member->value;
    if (strcmp(member->key, "apply_policy_default_values") == 0) return true;
    bool has_parts = value->kind == VALUE_MAP || value->kind == VALUE_LIST;
    return value->kind == VALUE_NULL || (has_parts && value->len == 0);
}

const struct value *ws_decorate(struct workspace_model *model, struct arena *arena,
                                const struct value *spec, const char *creator)
{
    struct value_builder map = value_build_map(arena, nowhere);
    spec = with_policy(model, arena, spec);
    for (size_t i = 0; i < spec->len; i++) {
        const struct member *member = &spec->u.members[i];
        if (!is_dropped(member)) value_put_new(&map, member->key, nowhere, member->value);
    }
    if (text_of(&map, "cluster_name") == NULL) put_text(&map, "cluster_name", "");
    if (value_get(map.value, "autotermination_minutes") == NULL) {
        put(&map, "autotermination_minutes", value_int(arena, nowhere, 0));
    }
    decorate_single_node(&map);
    decorate_machines(model, &map);
    decorate_access(model, &map, creator);
    decorate_cloud(model, &map);
    const struct value *tags = value_get(map.value, "custom_tags");
    if (tags != NULL) put(&map, "custom_tags", rename_tags(model, arena, tags));
    return map.value;
}

int64_t ws_nodes(const struct value *spec)
{
    int64_t workers = 0;
    if (!value_get_int(spec, "num_workers", &workers)) {
        (void)value_get_int(value_get(spec, "autoscale"), "min_workers", &workers);
    }
    return workers + 1;
}

#include "rules.h"

#include "rule.h"
#include "text.h"

#include <stdio.h>

/* ---- What the rules share ------------------------------------------------------------------- */

static const struct member *find_member(const struct value *map, const char *key)
{
    for (size_t i = 0; map != NULL && map->kind == VALUE_MAP && i < map->len; i++) {
        if (strcmp(map->u.members[i].key, key) == 0) return &map->u.members[i];
    }
    return NULL;
}

struct pos key_pos(const struct value *map, const char *key)
{
    const struct member *member = find_member(map, key);
    return member != NULL ? member->pos : map->pos;
}

struct pos member_pos(const struct value *map, const char *key)
{
    const struct member *member = find_member(map, key);
    return member != NULL ? member->value->pos : map->pos;
}

bool is_true(const struct value *map, const char *key)
{
    const struct value *value = value_get(map, key);
    return value != NULL && value->kind == VALUE_BOOL && value->u.boolean;
}

bool runtime_version(const char *spark_version, int64_t *ret_major, int64_t *ret_minor)
{
    enum { DIGITS_MAX = 4 };
    static const char digits[] = "0123456789";
    char major[DIGITS_MAX + 1] = "";
    char minor[DIGITS_MAX + 1] = "";
    size_t major_len = strspn(spark_version, digits);
    if (major_len == 0 || major_len > DIGITS_MAX || spark_version[major_len] != '.') return false;
    const char *rest = spark_version + major_len + 1;
    size_t minor_len = strspn(rest, digits);
    if (minor_len > DIGITS_MAX) return false;
    memcpy(major, spark_version, major_len);
    memcpy(minor, rest, minor_len);
    if (!text_to_i64(major, 0, INT64_MAX, ret_major)) return false;
    bool is_newest = minor_len == 0 && *rest == 'x'; /* "6.x" is the last of the sixes */
    if (is_newest) *ret_minor = INT64_MAX;
    return is_newest || text_to_i64(minor, 0, INT64_MAX, ret_minor);
}

/*
 * Two members of which one has to go. The second may have come from Defaults, where the author of
 * this manifest does not see it.
 */
static void refuse_pair(const struct subject *s, const char *key, const char *other,
                        const char *why)
{
    struct pos pos = key_pos(s->spec, key);
    struct pos other_pos = key_pos(s->spec, other);
    if (text_equal(pos.file, other_pos.file)) {
        diag_error(s->diag, pos, "%s: not together with %s: %s", key, other, why);
        return;
    }
    bool is_ours = text_equal(pos.file, s->manifest->pos.file);
    diag_error(s->diag, is_ours ? pos : other_pos,
               "%s: not together with %s, which is stated in %s; to do without, write '%s: null'",
               is_ours ? key : other, is_ours ? other : key, is_ours ? other_pos.file : pos.file,
               is_ours ? other : key);
}

/* ---- Size ----------------------------------------------------------------------------------- */

/* 2.1, "Size rule": exactly one of the two. A single node's size is known. */
static void rule_size(const struct subject *s)
{
    bool is_fixed = value_get(s->spec, "num_workers") != NULL;
    bool is_scaled = value_get(s->spec, "autoscale") != NULL;
    if (is_fixed && is_scaled) {
        refuse_pair(s, "autoscale", "num_workers", "a cluster has one size");
    }
    bool is_known = is_fixed || is_scaled || is_true(s->spec, "is_single_node");
    if (is_known || s->has_policy || s->has_errors) return;
    diag_error(s->diag, s->manifest->pos,
               "the size is missing: write num_workers, or autoscale "
               "with min_workers and max_workers");
}

/* 2.1: max strictly greater than min, by the documentation; equal ones are known to work. */
static void rule_autoscale(const struct subject *s)
{
    int64_t min = 0;
    int64_t max = 0;
    const struct value *autoscale = value_get(s->spec, "autoscale");
    if (!value_get_int(autoscale, "min_workers", &min)) return;
    if (!value_get_int(autoscale, "max_workers", &max)) return;
    struct pos pos = member_pos(autoscale, "max_workers");
    if (max < min) {
        diag_error(s->diag, pos, "max_workers: %lld is less than min_workers, %lld", (long long)max,
                   (long long)min);
    } else if (max == min) {
        diag_warning(s->diag, pos,
                     "max_workers: the same as min_workers; 'num_workers: %lld' says "
                     "the same, or give autoscale some room",
                     (long long)max);
    }
}

/* 8.6: no workers without the marks of a single node, or its switch. */
static void rule_single_node(const struct subject *s)
{
    int64_t workers = 0;
    bool is_switched = is_true(s->spec, "is_single_node");
    bool is_zero = value_get_int(s->spec, "num_workers", &workers) && workers == 0;
    if (is_switched && (workers > 0 || value_get(s->spec, "autoscale") != NULL)) {
        const char *key = workers > 0 ? "num_workers" : "autoscale";
        refuse_pair(s, key, "is_single_node", "a single node has no workers");
    }
    if (!is_zero || is_switched || s->has_policy) return;

    const struct value *conf = value_get(s->spec, "spark_conf");
    const char *profile = value_get_text(conf, "spark.databricks.cluster.profile");
    const char *master = value_get_text(conf, "spark.master");
    const char *class = value_get_text(value_get(s->spec, "custom_tags"), "ResourceClass");
    bool has_profile = text_equal(profile, "singleNode");
    bool has_master = master != NULL && text_starts(master, "local");
    bool has_class = text_equal(class, "SingleNode");
    if (has_profile && has_master && has_class) return;
    diag_error(s->diag, member_pos(s->spec, "num_workers"),
               "num_workers: 0 is for single-node clusters; add%s%s%s, or write 'kind: "
               "CLASSIC_PREVIEW' and 'is_single_node: true' instead",
               has_profile ? "" : " spark_conf 'spark.databricks.cluster.profile: singleNode'",
               has_master ? "" : " spark_conf 'spark.master: local[*]'",
               has_class ? "" : " custom_tags 'ResourceClass: SingleNode'");
}

/* 2.1: the two switches of the simple form work with it only. */
static void rule_kind(const struct subject *s)
{
    static const char *const switches[] = { "is_single_node", "use_ml_runtime" };
    if (value_get(s->spec, "kind") != NULL) return;
    for (size_t i = 0; i < COUNT_OF(switches); i++) {
        if (value_get(s->spec, switches[i]) == NULL) continue;
        diag_error(s->diag, key_pos(s->spec, switches[i]),
                   "%s: works only with 'kind: "
                   "CLASSIC_PREVIEW'",
                   switches[i]);
    }
}

/* ---- Machines ------------------------------------------------------------------------------- */

/* 2.1: node types without a pool, none with one. */
static void rule_node_type(const struct subject *s)
{
    static const char *const of_pool[] = { "node_type_id", "driver_node_type_id",
                                           "enable_elastic_disk" };
    for (size_t i = 0; s->has_pool && i < COUNT_OF(of_pool); i++) {
        if (value_get(s->spec, of_pool[i]) == NULL) continue;
        refuse_pair(s, of_pool[i], "instance_pool_id", "the pool decides");
    }
    if (s->has_pool) return;
    if (value_get(s->spec, "driver_instance_pool_id") != NULL && !s->has_policy) {
        diag_error(s->diag, key_pos(s->spec, "driver_instance_pool_id"),
                   "driver_instance_pool_id: works only together with instance_pool_id");
    }
    bool is_known = value_get(s->spec, "node_type_id") != NULL;
    if (is_known || s->has_policy || s->has_errors) return;
    diag_error(s->diag, s->manifest->pos,
               "node_type_id is missing: write it, or an "
               "instance_pool_id, or a policy_id that supplies it");
}

static const char *const clouds[] = { "aws_attributes", "azure_attributes", "gcp_attributes" };

/* 2.1: a workspace is on one cloud. 2.2: with a pool, most of the attributes are the pool's. */
static void rule_cloud(const struct subject *s)
{
    const char *first = NULL;
    for (size_t i = 0; i < COUNT_OF(clouds); i++) {
        const struct value *attributes = value_get(s->spec, clouds[i]);
        if (attributes == NULL) continue;
        if (first != NULL) refuse_pair(s, clouds[i], first, "a workspace is on one cloud");
        if (first == NULL) first = clouds[i];
        for (size_t m = 0; s->has_pool && m < attributes->len; m++) {
            const struct member *member = &attributes->u.members[m];
            if (strcmp(member->key, "instance_profile_arn") == 0) continue;
            if (strcmp(member->key, "google_service_account") == 0) continue;
            diag_warning(s->diag, member->pos,
                         "%s: has no effect with instance_pool_id; the pool "
                         "decides",
                         member->key);
        }
    }
}

/* 2.2: an HDD volume is no smaller than 500 GiB, an SSD one no smaller than 100. */
static void rule_ebs(const struct subject *s)
{
    enum { SSD_MIN = 100, HDD_MIN = 500 };
    int64_t size = 0;
    const struct value *aws = value_get(s->spec, "aws_attributes");
    if (!value_get_int(aws, "ebs_volume_size", &size) || size == 0) return;
    bool is_hdd = text_equal(value_get_text(aws, "ebs_volume_type"), "THROUGHPUT_OPTIMIZED_HDD");
    int min = is_hdd ? HDD_MIN : SSD_MIN;
    if (size >= min) return;
    diag_error(s->diag, member_pos(aws, "ebs_volume_size"),
               "ebs_volume_size: %lld GiB; %d at least for this type of volume", (long long)size,
               min);
}

/* ---- Runtime and the rest ------------------------------------------------------------------- */

/* 2.1: Photon is asked for in one place. A bare version is no key of spark-versions. */
static void rule_runtime(const struct subject *s)
{
    int64_t major = 0;
    int64_t minor = 0;
    const char *version = value_get_text(s->spec, "spark_version");
    if (version == NULL) return;
    struct pos pos = member_pos(s->spec, "spark_version");
    if (strstr(version, "-photon-") != NULL && value_get(s->spec, "runtime_engine") != NULL) {
        diag_error(s->diag, key_pos(s->spec, "runtime_engine"),
                   "runtime_engine: not together with '-photon-' in spark_version; keep one");
    }
    if (runtime_version(version, &major, &minor) && strchr(version, '-') == NULL) {
        char quote[FIELD_QUOTE_SIZE];
        diag_warning(s->diag, pos,
                     "spark_version: '%s' does not look like a key of a runtime, such "
                     "as 15.4.x-scala2.12",
                     field_quote(version, quote));
    }
}

/* 2.1: 0, or 10 to 10000; the table knows the outer limits. */
static void rule_autotermination(const struct subject *s)
{
    enum { MINUTES_MIN = 10 };
    int64_t minutes = 0;
    if (!value_get_int(s->spec, "autotermination_minutes", &minutes)) return;
    if (minutes <= 0 || minutes >= MINUTES_MIN) return;
    diag_error(s->diag, member_pos(s->spec, "autotermination_minutes"),
               "autotermination_minutes: want 0 for never, or %d to 10000, got %lld", MINUTES_MIN,
               (long long)minutes);
}

/* 2.1: meaningful with policy_id. */
static void rule_policy(const struct subject *s)
{
    if (!is_true(s->spec, "apply_policy_default_values") || s->has_policy) return;
    diag_warning(s->diag, key_pos(s->spec, "apply_policy_default_values"),
                 "apply_policy_default_values: has no effect without policy_id");
}

/* ---- Tags: 2.4 ------------------------------------------------------------------------------ */

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* What a cloud takes in keys and values; a NULL set: anything. */
struct tag_limits {
    const char *attributes; /* by which the cloud is known */
    const char *cloud;
    size_t key_max, value_max;
    const char *good;    /* characters of keys and values */
    const char *bad_key; /* characters that a key must not have */
};

static const struct tag_limits tag_limits[] = {
    { "aws_attributes", "AWS", 127, 255, ALNUM "_ +-=.:/@", NULL },
    { "azure_attributes", "Azure", 512, 256, NULL, "<>*&%;\\/+?" },
    { "gcp_attributes", "Google Cloud", 63, 63, ALNUM "-_.", NULL },
};

static void check_tag_limits(const struct subject *s, const struct tag_limits *limits,
                             const struct member *tag)
{
    const char *value = tag->value->kind == VALUE_TEXT ? tag->value->text : "";
    bool is_bad_key =
        limits->bad_key != NULL && tag->key[strcspn(tag->key, limits->bad_key)] != '\0';
    is_bad_key |= limits->good != NULL && tag->key[strspn(tag->key, limits->good)] != '\0';
    bool is_bad_value = limits->good != NULL && value[strspn(value, limits->good)] != '\0';
    char quote[FIELD_QUOTE_SIZE];
    (void)field_quote(tag->key, quote);
    if (strlen(tag->key) > limits->key_max || is_bad_key) {
        diag_warning(s->diag, tag->pos,
                     "custom_tags: %s does not take the key '%s': %zu characters "
                     "at most, of a limited set",
                     limits->cloud, quote, limits->key_max);
    }
    if (strlen(value) > limits->value_max || is_bad_value) {
        diag_warning(
            s->diag, tag->value->pos,
            "custom_tags: %s does not take the value of '%s': %zu characters at most, of a "
            "limited set",
            limits->cloud, quote, limits->value_max);
    }
}

static void check_tag_key(const struct subject *s, const struct member *tag)
{
    if (strcmp(tag->key, "Name") == 0) {
        diag_error(s->diag, tag->pos,
                   "custom_tags: 'Name' is the platform's own; it finds its "
                   "machines by it, and could leave some running and billed");
    }
    if (text_starts(tag->key, "clusterkeeper-") || text_starts(tag->key, "x_clusterkeeper-")) {
        char quote[FIELD_QUOTE_SIZE];
        diag_error(s->diag, tag->pos,
                   "custom_tags: '%s': tags named clusterkeeper-... are set by "
                   "clusterkeeper",
                   field_quote(tag->key, quote));
    }
}

static void rule_tags(const struct subject *s)
{
    enum { TAGS_MAX = 45, TAGS_OURS = 5 };
    const struct value *tags = value_get(s->spec, "custom_tags");
    if (tags == NULL || tags->kind != VALUE_MAP) return;
    if (tags->len > TAGS_MAX - TAGS_OURS) {
        diag_error(s->diag, key_pos(s->spec, "custom_tags"),
                   "custom_tags: %zu tags; %d at most, since clusterkeeper adds %d to the %d that "
                   "the workspace takes",
                   tags->len, TAGS_MAX - TAGS_OURS, TAGS_OURS, TAGS_MAX);
    }
    for (size_t i = 0; i < tags->len; i++) {
        check_tag_key(s, &tags->u.members[i]);
    }
    for (size_t c = 0; c < COUNT_OF(tag_limits); c++) {
        if (value_get(s->spec, tag_limits[c].attributes) == NULL) continue;
        for (size_t i = 0; i < tags->len; i++) {
            check_tag_limits(s, &tag_limits[c], &tags->u.members[i]);
        }
    }
}

/* ---- The table ------------------------------------------------------------------------------ */

void rules_check(const struct manifest *manifest, struct diag *diag)
{
    static const rule_fn rules[] = {
        rule_size,
        rule_autoscale,
        rule_single_node,
        rule_kind,
        rule_node_type,
        rule_cloud,
        rule_ebs,
        rule_runtime,
        rule_autotermination,
        rule_policy,
        rule_tags,
        rule_image,
        rule_credentials,
        rule_container_runtime,
        rule_container_access,
        rule_container_machines,
        rule_init_scripts,
        rule_log_delivery,
    };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct image_ref image;
    struct err err = { 0 };
    const struct value *spec = manifest->spec;
    const char *url = value_get_text(value_get(spec, "docker_image"), "url");
    bool is_image = url != NULL && image_ref_parse(&arena, url, &image, &err);
    const struct subject subject = {
        .manifest = manifest,
        .spec = spec,
        .diag = diag,
        .image = is_image ? &image : NULL,
        .image_error = url != NULL && !is_image ? err.text : NULL,
        .has_errors = manifest->pos.file != NULL && diag_file_has_errors(diag, manifest->pos.file),
        .has_policy = value_get(spec, "policy_id") != NULL,
        .has_pool = value_get(spec, "instance_pool_id") != NULL,
        .has_container = value_get(spec, "docker_image") != NULL,
    };
    field_check(spec, NULL, manifest->pos, diag);
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        rules[i](&subject);
    }
}

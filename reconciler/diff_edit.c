#include "diff.h"

#include "text.h"

static const struct pos nowhere = { 0 };

static bool is_stated(const struct value *value)
{
    return value != NULL && value->kind != VALUE_NULL;
}

/*
 * A key of the submitted map that is not the manifest's. Our own tags are put on anew with the
 * operation that the edit is; a tag that clashes is submitted as <key> and may be shown as x_<key>
 * (databricks-api.md 2.4).
 */
static bool is_foreign(const struct field *field, const char *key, const struct value *desired,
                       const struct value *applied)
{
    bool is_tag = strcmp(field->path, "custom_tags") == 0;
    const char *plain = is_tag && text_starts(key, "x_") ? key + 2 : key;
    if (is_tag && text_starts(plain, TAG_PREFIX)) return false;
    const char *const names[] = { key, plain };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (value_get(desired, names[i]) != NULL || value_get(applied, names[i]) != NULL) {
            return false;
        }
    }
    return true;
}

/* Foreign keys stay, what the manifest stated and no longer does goes, what it states counts. */
static const struct value *edit_map(struct arena *arena, const struct field *field,
                                    const struct value *desired, const struct value *applied,
                                    const struct value *submitted)
{
    struct value_builder map = value_build_map(arena, nowhere);
    bool is_map = submitted != NULL && submitted->kind == VALUE_MAP;
    for (size_t i = 0; is_map && i < submitted->len; i++) {
        const struct member *member = &submitted->u.members[i];
        if (!is_foreign(field, member->key, desired, applied)) continue;
        value_put_new(&map, member->key, member->pos, member->value);
    }
    for (size_t i = 0; desired != NULL && i < desired->len; i++) {
        const struct member *member = &desired->u.members[i];
        value_put_new(&map, member->key, member->pos, member->value);
    }
    return map.value->len == 0 ? NULL : map.value;
}

static const struct value *edit_object(struct arena *arena, const struct field *fields, size_t len,
                                       const struct value *desired, const struct value *applied,
                                       const struct value *submitted);

static const struct value *edit_field(struct arena *arena, const struct field *field,
                                      const struct value *desired, const struct value *applied,
                                      const struct value *submitted)
{
    if (field->type == FIELD_MAP || field->type == FIELD_CONF) {
        return edit_map(arena, field, is_stated(desired) ? desired : NULL, applied, submitted);
    }
    if (field->type == FIELD_OBJECT) {
        return edit_object(arena, field->children, field->children_len, desired, applied,
                           submitted);
    }
    if (is_stated(desired)) return desired;
    return is_stated(applied) ? NULL : submitted;
}

static const struct value *edit_object(struct arena *arena, const struct field *fields, size_t len,
                                       const struct value *desired, const struct value *applied,
                                       const struct value *submitted)
{
    struct value_builder map = value_build_map(arena, nowhere);
    for (size_t i = 0; i < len; i++) {
        const struct field *field = &fields[i];
        if ((field->flags & (FIELD_CREATE_ONLY | FIELD_MANIFEST_ONLY)) != 0) continue;
        const struct value *value =
            edit_field(arena, field, value_get(desired, field->name),
                       value_get(applied, field->name), value_get(submitted, field->name));
        if (is_stated(value)) value_put_new(&map, field->name, nowhere, value);
    }
    bool is_silent = map.value->len == 0 && !is_stated(desired);
    return is_silent ? NULL : map.value;
}

/* A field that another one of the same body rules out (databricks-api.md 2.1). */
static const struct exclusion {
    const char *name;
    const char *by;
    enum { BY_ANY, BY_DESIRED, BY_ABSENCE } when; /* `by` is stated; is the manifest's; is not */
} exclusions[] = {
    { "num_workers", "autoscale", BY_ANY },
    { "autoscale", "num_workers", BY_DESIRED },
    { "instance_pool_id", "node_type_id", BY_DESIRED },
    { "driver_instance_pool_id", "node_type_id", BY_DESIRED },
    { "driver_instance_pool_id", "instance_pool_id", BY_ABSENCE },
    { "node_type_id", "instance_pool_id", BY_ANY },
    { "driver_node_type_id", "instance_pool_id", BY_ANY },
    { "enable_elastic_disk", "instance_pool_id", BY_ANY },
};

/* What the manifest states stays: that two of its fields do not go together is for rules.h. */
static bool is_excluded(const struct value *spec, const struct value *desired, const char *name)
{
    if (is_stated(value_get(desired, name))) return false;
    for (size_t i = 0; i < COUNT_OF(exclusions); i++) {
        const struct exclusion *row = &exclusions[i];
        if (strcmp(row->name, name) != 0) continue;
        if (row->when == BY_DESIRED) {
            if (is_stated(value_get(desired, row->by))) return true;
            continue;
        }
        /* One step deep: what rules out a `by` of these rows is of BY_DESIRED. */
        bool is_there = is_stated(value_get(spec, row->by)) && !is_excluded(spec, desired, row->by);
        if (is_there == (row->when == BY_ANY)) return true;
    }
    return false;
}

/*
 * The machines of a pool are the pool's: of the cloud attributes, only the identity of the cluster
 * has a meaning beside it (databricks-api.md 2.2), and what the manifest states.
 */
static const struct value *without_machines(struct arena *arena, const struct member *attributes,
                                            const struct value *desired)
{
    static const char *const kept[][2] = {
        { "aws_attributes", "instance_profile_arn" },
        { "azure_attributes", "log_analytics_info" },
        { "gcp_attributes", "google_service_account" },
    };
    const char *identity = NULL;
    for (size_t i = 0; i < COUNT_OF(kept); i++) {
        if (strcmp(kept[i][0], attributes->key) == 0) identity = kept[i][1];
    }
    if (identity == NULL) return attributes->value;
    const struct value *own = value_get(desired, attributes->key);
    struct value_builder map = value_build_map(arena, nowhere);
    for (size_t i = 0; i < attributes->value->len; i++) {
        const struct member *member = &attributes->value->u.members[i];
        bool stays = strcmp(member->key, identity) == 0 || is_stated(value_get(own, member->key));
        if (stays) value_put_new(&map, member->key, member->pos, member->value);
    }
    return map.value->len == 0 && own == NULL ? NULL : map.value;
}

/*
 * When the workspace does not tell what was submitted, the caller passes what is in effect. What
 * the backend filled in then becomes part of the definition and stays as it is: better than
 * resetting what the user of another tool set, which looks the same from here.
 */
const struct value *diff_edit_spec(struct arena *arena, const struct value *desired,
                                   const struct value *applied, const struct value *submitted)
{
    size_t len = 0;
    const struct field *fields = field_top(&len);
    const struct value *all = edit_object(arena, fields, len, desired, applied, submitted);
    bool has_pool = is_stated(value_get(all, "instance_pool_id")) &&
                    !is_excluded(all, desired, "instance_pool_id");
    struct value_builder spec = value_build_map(arena, nowhere);
    for (size_t i = 0; all != NULL && i < all->len; i++) {
        const struct member *member = &all->u.members[i];
        if (is_excluded(all, desired, member->key)) continue;
        const struct value *value =
            has_pool ? without_machines(arena, member, desired) : member->value;
        if (value != NULL) value_put_new(&spec, member->key, member->pos, value);
    }
    return spec.value;
}

#include "field_reader.h"

#include "text.h"

#include <assert.h>

static const struct value *read_value(const struct reader *reader, const struct field *field,
                                      const struct value *raw);

/* ---- Lists and maps ------------------------------------------------------------------------- */

/* Whether the number of entries is allowed: later steps look at each pair of them. */
static bool check_entries(const struct reader *reader, const struct field *field,
                          const struct value *raw)
{
    bool has_own = field->type != FIELD_OBJECT && field->max != 0;
    int64_t max = has_own ? field->max : FIELD_ENTRIES_MAX;
    if (raw->len <= (size_t)max) return true;
    if (reader->diag == NULL) return false;
    diag_error(reader->diag, raw->pos, "%s: %zu entries; %lld at most", field_label(field),
               raw->len, (long long)max);
    return false;
}

/* FIELD_TEXTS and FIELD_LIST: `element` says what an item is. */
static const struct value *read_items(const struct reader *reader, const struct field *field,
                                      const struct value *raw)
{
    if (raw->kind != VALUE_LIST) return read_refuse(reader, field, raw, "a list", "");
    if (!check_entries(reader, field, raw)) return NULL;
    struct value_builder list = value_build_list(reader->arena, raw->pos);
    for (size_t i = 0; i < raw->len; i++) {
        const struct value *item = raw->u.items[i];
        const struct value *typed = field->type == FIELD_TEXTS
                                        ? read_text(reader, field, item)
                                        : read_value(reader, field->children, item);
        if (typed != NULL && typed->kind == VALUE_NULL) {
            typed = read_refuse(reader, field->children, item, "an entry", "; take it out");
        }
        if (typed != NULL) value_push(&list, typed);
    }
    return list.value;
}

/* The text of one entry of a map, as written; NULL when it is no scalar. */
static const char *entry_text(const struct reader *reader, const struct value *raw)
{
    switch (raw->kind) {
    case VALUE_TEXT:
    case VALUE_PLAIN:
        return raw->text;
    case VALUE_BOOL:
        return raw->u.boolean ? "true" : "false";
    case VALUE_INT:
        return arena_printf(reader->arena, "%lld", (long long)raw->u.integer);
    case VALUE_REAL:
        return arena_printf(reader->arena, "%.17g", raw->u.real);
    case VALUE_NULL:
    case VALUE_SECRET:
    case VALUE_LIST:
    case VALUE_MAP:
        break;
    }
    return NULL;
}

static const struct value *read_entry(const struct reader *reader, const struct field *field,
                                      const struct member *member)
{
    const struct value *raw = member->value;
    if (raw->kind == VALUE_NULL) return reader->diag != NULL ? raw : NULL;
    const char *text = entry_text(reader, raw);
    if (text == NULL) {
        char quote[FIELD_QUOTE_SIZE], got[DESCRIBE_SIZE];
        if (reader->diag == NULL) return NULL;
        diag_error(reader->diag, raw->pos, "%s['%s']: want text, got %s", field->name,
                   field_quote(member->key, quote), value_describe(raw, got));
        return NULL;
    }
    if (field->type == FIELD_CONF && is_bool_word(text)) {
        text = text_equal_nocase(text, "true") ? "true" : "false";
    }
    bool is_same = raw->kind == VALUE_TEXT && strcmp(text, raw->text) == 0;
    return is_same ? raw : value_text(reader->arena, raw->pos, text);
}

/* FIELD_MAP and FIELD_CONF */
static const struct value *read_entries(const struct reader *reader, const struct field *field,
                                        const struct value *raw)
{
    if (raw->kind != VALUE_MAP) return read_refuse(reader, field, raw, "a map of texts", "");
    if (!check_entries(reader, field, raw)) return NULL;
    struct value_builder map = value_build_map(reader->arena, raw->pos);
    for (size_t i = 0; i < raw->len; i++) {
        const struct member *member = &raw->u.members[i];
        const struct value *entry = read_entry(reader, field, member);
        if (entry != NULL) value_put_new(&map, member->key, member->pos, entry);
    }
    return map.value;
}

/* ---- Objects -------------------------------------------------------------------------------- */

/* Names that people paste into a spec, and why they do not belong there. */
static const char *misplaced(const char *name)
{
    static const char read_only[] = "the workspace fills it in; take it out";
    static const struct {
        const char *name, *why;
    } names[] = {
        { "cluster_id", "the workspace gives it out; to take over a cluster, write keep.adopt" },
        { "idempotency_token", "clusterkeeper itself sees to it that a cluster is made once" },
        { "virtual_cluster_size", "write num_workers or autoscale" },
        { "libraries", "it stands beside spec, not in it" },
        { "permissions", "it stands beside spec, not in it" },
        { "keep", "it stands beside spec, not in it" },
        /* databricks-api.md 2.5, 2.6: what comes with a definition that was copied from an answer
         */
        { "state", read_only },
        { "state_message", read_only },
        { "creator_user_name", read_only },
        { "cluster_source", read_only },
        { "default_tags", read_only },
        { "driver", read_only },
        { "executors", read_only },
        { "spark_context_id", read_only },
        { "jdbc_port", read_only },
        { "start_time", read_only },
        { "terminated_time", read_only },
        { "last_state_loss_time", read_only },
        { "last_restarted_time", read_only },
        { "last_activity_time", read_only },
        { "cluster_cores", read_only },
        { "cluster_memory_mb", read_only },
        { "cluster_log_status", read_only },
        { "termination_reason", read_only },
        { "pinned_by_user_name", read_only },
        { "effective_spark_version", read_only },
        { "instance_source", read_only },
        { "driver_instance_source", read_only },
        { "disk_spec", read_only },
        { "init_scripts_safe_mode", read_only },
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(names[i].name, name) == 0) return names[i].why;
    }
    return NULL;
}

static const struct field *spec_row(void)
{
    return field_child(field_document(), "spec");
}

static void refuse_unknown(const struct reader *reader, const struct field *parent,
                           const struct member *member)
{
    const char *names[FIELD_CHILDREN_MAX];
    char quote[FIELD_QUOTE_SIZE];
    if (reader->diag == NULL) return;
    (void)field_quote(member->key, quote);
    const char *why = parent == spec_row() ? misplaced(member->key) : NULL;
    if (why != NULL) {
        diag_error(reader->diag, member->pos, "'%s' is not part of a spec: %s", quote, why);
        return;
    }
    for (size_t i = 0; i < parent->children_len; i++) {
        names[i] = parent->children[i].name;
    }
    const char *nearest = text_nearest(member->key, names, parent->children_len);
    if (nearest != NULL) {
        diag_error(reader->diag, member->pos, "unknown field '%s'; did you mean '%s'?", quote,
                   nearest);
        return;
    }
    bool is_top = field_child(NULL, member->key) != NULL;
    diag_error(reader->diag, member->pos, "unknown field '%s' in %s%s", quote, field_label(parent),
               is_top ? "; it belongs directly under spec" : "");
}

/* FIELD_OBJECT and FIELD_ONE_OF: members come out in the order of the table. */
static const struct value *read_members(const struct reader *reader, const struct field *field,
                                        const struct value *raw)
{
    const struct member *found[FIELD_CHILDREN_MAX] = { NULL };
    assert(field->children_len <= FIELD_CHILDREN_MAX);
    if (raw->kind != VALUE_MAP) return read_refuse(reader, field, raw, "a map", "");
    if (!check_entries(reader, field, raw)) return NULL;
    for (size_t i = 0; i < raw->len; i++) {
        const struct member *member = &raw->u.members[i];
        const struct field *child = field_child(field, member->key);
        if (child != NULL) {
            found[child - field->children] = member;
        } else {
            refuse_unknown(reader, field, member);
        }
    }
    struct value_builder map = value_build_map(reader->arena, raw->pos);
    for (size_t i = 0; i < field->children_len; i++) {
        if (found[i] == NULL) continue;
        const struct field *child = &field->children[i];
        const struct value *typed = read_value(reader, child, found[i]->value);
        if (typed != NULL) value_put_new(&map, child->name, found[i]->pos, typed);
    }
    return map.value;
}

typedef const struct value *(*read_fn)(const struct reader *reader, const struct field *field,
                                       const struct value *raw);

static const struct value *read_value(const struct reader *reader, const struct field *field,
                                      const struct value *raw)
{
    static const read_fn readers[] = {
        [FIELD_TEXT] = read_text,      [FIELD_BOOL] = read_bool,    [FIELD_INT] = read_int,
        [FIELD_REAL] = read_real,      [FIELD_ENUM] = read_enum,    [FIELD_TEXTS] = read_items,
        [FIELD_MAP] = read_entries,    [FIELD_CONF] = read_entries, [FIELD_OBJECT] = read_members,
        [FIELD_ONE_OF] = read_members, [FIELD_LIST] = read_items,
    };
    bool is_observed = reader->diag == NULL;
    if (is_observed && (field->flags & FIELD_MANIFEST_ONLY) != 0) return NULL;
    if (raw->kind == VALUE_NULL) return is_observed ? NULL : raw;
    if ((field->flags & FIELD_SECRET) != 0) return read_secret(reader, field, raw);
    return readers[field->type](reader, field, raw);
}

static const struct value *read_root(const struct reader *reader, const struct field *parent,
                                     const struct value *raw)
{
    const struct value *typed = read_members(reader, parent != NULL ? parent : spec_row(), raw);
    return typed != NULL ? typed : value_build_map(reader->arena, raw->pos).value;
}

static bool holds_bare_secret(const struct field *field, const struct value *raw)
{
    if (field->type != FIELD_OBJECT || raw->kind != VALUE_MAP) return is_bare_secret(field, raw);
    for (size_t i = 0; i < raw->len; i++) {
        const struct member *member = &raw->u.members[i];
        const struct field *child = field_child(field, member->key);
        if (child != NULL && holds_bare_secret(child, member->value)) return true;
    }
    return false;
}

const struct value *field_read(struct arena *arena, const struct value *raw,
                               const struct field *parent, struct diag *diag)
{
    const struct reader reader = { arena, diag };
    assert(diag != NULL);
    /* A finding shows its line of the file, and the line may hold the password. */
    bool is_bare = holds_bare_secret(parent != NULL ? parent : spec_row(), raw);
    if (is_bare) diag_forget_source(diag);
    return read_root(&reader, parent, raw);
}

const struct value *field_read_observed(struct arena *arena, const struct value *raw)
{
    const struct reader reader = { arena, NULL };
    return read_root(&reader, NULL, raw);
}

/* ---- Completeness --------------------------------------------------------------------------- */

static bool is_stated(const struct value *value)
{
    return value != NULL && value->kind != VALUE_NULL;
}

static void refuse_members(const struct value *map, const struct field *field, struct pos pos,
                           struct diag *diag)
{
    enum { NAMES_MAX = 256 };
    AUTO_BUF struct buf all = BUF_INIT(NAMES_MAX);
    AUTO_BUF struct buf got = BUF_INIT(NAMES_MAX);
    for (size_t i = 0; i < field->children_len; i++) {
        const char *name = field->children[i].name;
        buf_addf(&all, "%s%s", i > 0 ? ", " : "", name);
        if (!is_stated(value_get(map, name))) continue;
        buf_addf(&got, "%s%s", got.len > 0 ? " and " : "", name);
    }
    diag_error(diag, pos, "%s: want exactly one of %s; got %s", field_label(field), buf_text(&all),
               got.len > 0 ? buf_text(&got) : "none");
}

static void check_one_of(const struct value *map, const struct field *field, struct pos pos,
                         struct diag *diag)
{
    size_t stated = 0;
    for (size_t i = 0; i < map->len; i++) {
        stated += is_stated(map->u.members[i].value);
    }
    if (stated != 1) refuse_members(map, field, pos, diag);
}

static void check_list(const struct value *list, const struct field *field, struct diag *diag)
{
    for (size_t i = 0; i < list->len; i++) {
        const struct value *item = list->u.items[i];
        if (item->kind == VALUE_MAP) field_check(item, field->children, item->pos, diag);
    }
}

void field_check(const struct value *map, const struct field *parent, struct pos pos,
                 struct diag *diag)
{
    if (parent == NULL) parent = spec_row();
    if (parent->type == FIELD_ONE_OF) check_one_of(map, parent, pos, diag);
    for (size_t i = 0; i < parent->children_len; i++) {
        const struct field *child = &parent->children[i];
        if ((child->flags & FIELD_REQUIRED) == 0 || is_stated(value_get(map, child->name))) {
            continue;
        }
        diag_error(diag, pos, "%s: '%s' is missing", field_label(parent), child->name);
    }
    for (size_t i = 0; i < map->len; i++) {
        const struct member *member = &map->u.members[i];
        const struct field *child = field_child(parent, member->key);
        if (child == NULL || child->children == NULL) continue;
        if (member->value->kind == VALUE_LIST) check_list(member->value, child, diag);
        if (member->value->kind == VALUE_MAP) field_check(member->value, child, member->pos, diag);
    }
}

/*
 * Making, changing and getting clusters (databricks-api.md 1.2, 1.3).
 */
#include "inside.h"

#include "text.h"

enum { CLUSTERS_MAX = 50000, TOKEN_MAX = 64, MASK_PATHS_MAX = 100 };

static const struct pos nowhere = { 0 };

struct ws_cluster *ws_need_cluster_id(struct ws_call *call, const char *id)
{
    if (id == NULL || id[0] == '\0') {
        ws_refuse(call, 400, "INVALID_PARAMETER_VALUE", "Missing required field: cluster_id");
        return NULL;
    }
    struct ws_cluster *cluster = ws_find(call->model, id);
    if (cluster == NULL) {
        ws_refuse(call, 400, "INVALID_PARAMETER_VALUE", "Cluster %.200s does not exist", id);
        return NULL;
    }
    memcpy(call->id, cluster->id, sizeof(call->id));
    if (cluster->state == MODEL_EXPIRED) {
        ws_refuse(call, 400, "INVALID_STATE",
                  "Cannot access cluster %s that was terminated or unpinned more than 30 days ago.",
                  cluster->id);
        return NULL;
    }
    return cluster;
}

struct ws_cluster *ws_need_cluster(struct ws_call *call)
{
    return ws_need_cluster_id(call, value_get_text(call->body, "cluster_id"));
}

bool ws_refuse_state(struct ws_call *call, const struct ws_cluster *cluster)
{
    return ws_refuse(call, 400, "INVALID_STATE", "Cluster %s is in unexpected state %s.",
                     cluster->id, ws_state_title(cluster->state));
}

bool ws_take_nodes(struct ws_call *call, int64_t nodes)
{
    struct workspace_model *model = call->model;
    const struct model_switches *switches = &model->switches;
    if (switches->nodes_burst == 0) return true;
    double burst = (double)switches->nodes_burst;
    double passed_min = (double)(model->now_ms - model->nodes_level_ms) / 60000.0;
    model->nodes_level += passed_min * (double)switches->nodes_per_min;
    model->nodes_level_ms = model->now_ms;
    if (model->nodes_level > burst) model->nodes_level = burst;
    if ((double)nodes > model->nodes_level) {
        return ws_refuse(call, 429, "REQUEST_LIMIT_EXCEEDED",
                         "Your request was rejected because your organization launched nodes too "
                         "quickly (ClusterSizeConf.upsizeRefillRatePerMinPerOrg: %d).",
                         (int)switches->nodes_per_min);
    }
    model->nodes_level -= (double)nodes;
    return true;
}

/* The settings of a request as `spec` shows them: what is no part of a definition is left out. */
static const struct value *definition_of(struct arena *arena, const struct value *body)
{
    static const char *const others[] = { "cluster_id", "clone_from", "idempotency_token" };
    struct value_builder out = value_build_map(arena, nowhere);
    for (size_t i = 0; i < body->len; i++) {
        const struct member *member = &body->u.members[i];
        bool is_other = member->value->kind == VALUE_NULL || !ws_is_known_field(member->key);
        for (size_t j = 0; j < COUNT_OF(others); j++) {
            is_other = is_other || strcmp(member->key, others[j]) == 0;
        }
        if (is_other) continue;
        value_put_new(&out, member->key, nowhere, value_without_nulls(arena, member->value));
    }
    return out.value;
}

static void answer_id(struct ws_call *call, const struct ws_cluster *cluster)
{
    memcpy(call->id, cluster->id, sizeof(call->id));
    struct buf *out = ws_answer(call);
    emit_open(out, '{');
    emit_text(out, "cluster_id", cluster->id);
    emit_close(out, '}');
    emit_end(out);
}

/* The active cluster with that token (databricks-api.md 6). */
static struct ws_cluster *find_token(const struct workspace_model *model, const char *token)
{
    for (size_t i = 0; i < model->clusters_len; i++) {
        struct ws_cluster *cluster = model->clusters[i];
        if (cluster->token == NULL || !model_is_live(cluster->state)) continue;
        if (strcmp(cluster->token, token) == 0) return cluster;
    }
    return NULL;
}

/* True with `ret_known` set when the token names a cluster that is there already. */
static bool check_token(struct ws_call *call, const char *token, struct ws_cluster **ret_known)
{
    if (token == NULL || call->model->switches.idempotency == 0) return true;
    if (call->model->switches.idempotency == 2) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE",
                         "Unknown field 'idempotency_token'.");
    }
    if (strlen(token) > TOKEN_MAX) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE",
                         "idempotency_token has more than %d characters.", TOKEN_MAX);
    }
    *ret_known = find_token(call->model, token);
    return true;
}

static void copy_libraries(struct workspace_model *model, const struct ws_cluster *source,
                           struct ws_cluster *cluster)
{
    for (size_t i = 0; i < source->libraries_len; i++) {
        ws_library_add(model, cluster, source->libraries[i].json);
    }
}

bool ws_create(struct ws_call *call)
{
    struct workspace_model *model = call->model;
    struct ws_cluster *known = NULL;
    struct ws_cluster *source = NULL;
    const char *token = value_get_text(call->body, "idempotency_token");
    const struct value *clone = value_get(call->body, "clone_from");
    if (!ws_check_spec(call, call->body) || !check_token(call, token, &known)) return false;
    if (known != NULL) {
        answer_id(call, known);
        return true;
    }
    if (clone != NULL && clone->kind == VALUE_MAP) {
        source = ws_need_cluster_id(call, value_get_text(clone, "source_cluster_id"));
        if (source == NULL) return false;
    }
    if (model->clusters_len >= CLUSTERS_MAX) {
        return ws_refuse(call, 400, "QUOTA_EXCEEDED", "The workspace has %d clusters; no more fit.",
                         CLUSTERS_MAX);
    }
    const struct value *spec = definition_of(call->arena, call->body);
    const struct value *effective = ws_decorate(model, call->arena, spec, call->user);
    if (!ws_take_nodes(call, ws_nodes(effective))) return false;
    struct ws_cluster *cluster = ws_cluster_add(model, call->source, call->user);
    if (token != NULL) cluster->token = xstrdup(token);
    ws_define(model, cluster, spec, effective);
    if (source != NULL) copy_libraries(model, source, cluster);
    ws_launch(model, cluster, false);
    answer_id(call, cluster);
    return true;
}

/* With `tag_edit_restarts` off, tags and idle time alone restart nothing (11, item 3). */
static bool is_restart_needed(const struct workspace_model *model, const struct value *before,
                              const struct value *after)
{
    static const char *const light[] = { "custom_tags", "autotermination_minutes" };
    if (model->switches.tag_edit_restarts) return true;
    const struct value *sides[] = { before, after };
    for (size_t side = 0; side < COUNT_OF(sides); side++) {
        const struct value *mine = sides[side];
        const struct value *other = sides[1 - side];
        for (size_t i = 0; i < mine->len; i++) {
            const struct member *member = &mine->u.members[i];
            if (strcmp(member->key, light[0]) == 0 || strcmp(member->key, light[1]) == 0) continue;
            const struct value *theirs = value_get(other, member->key);
            if (theirs == NULL || !value_equal(member->value, theirs)) return true;
        }
    }
    return false;
}

/* The size of a definition, or all else of it: an event tells them apart (4.4). */
static void emit_part(struct ws_call *call, const char *key, const struct value *spec, bool of_size,
                      struct buf *out)
{
    struct value_builder part = value_build_map(call->arena, nowhere);
    for (size_t i = 0; i < spec->len; i++) {
        const struct member *member = &spec->u.members[i];
        bool is_size =
            strcmp(member->key, "num_workers") == 0 || strcmp(member->key, "autoscale") == 0;
        if (is_size == of_size) value_put_new(&part, member->key, nowhere, member->value);
    }
    emit_key(out, key);
    emit_open(out, '{');
    ws_render_definition(call->model, part.value, out);
    emit_close(out, '}');
}

static void note_edit(struct ws_call *call, struct ws_cluster *cluster, const struct value *spec)
{
    AUTO_BUF struct buf out = BUF_INIT(WS_ROW_BYTES_MAX);
    emit_open(&out, '{');
    emit_text(&out, "user", call->user);
    emit_part(call, "previous_attributes", cluster->spec, false, &out);
    emit_part(call, "previous_cluster_size", cluster->spec, true, &out);
    emit_part(call, "attributes", spec, false, &out);
    emit_part(call, "cluster_size", spec, true, &out);
    emit_close(&out, '}');
    emit_end(&out);
    ws_event_add(call->model, cluster, "EDITED", buf_text(&out));
}

static bool apply_definition(struct ws_call *call, struct ws_cluster *cluster,
                             const struct value *spec)
{
    struct workspace_model *model = call->model;
    if (!ws_check_spec(call, spec)) return false;
    const struct value *effective = ws_decorate(model, call->arena, spec, cluster->creator);
    bool was_running = cluster->state == MODEL_RUNNING;
    bool restart = was_running && is_restart_needed(model, cluster->spec, spec);
    int64_t more = ws_nodes(effective) - ws_nodes(cluster->effective);
    note_edit(call, cluster, spec);
    ws_define(model, cluster, spec, effective);
    if (was_running && more > 0) cluster->nodes_launched += (uint64_t)more;
    if (cluster->state == MODEL_TERMINATED && model->switches.edit_clears_reason) {
        cluster->reason_code = NULL;
    }
    if (restart) ws_launch(model, cluster, true);
    ws_answer_empty(call);
    return true;
}

/* May its definition be changed now (3.2)? */
static bool check_editable(struct ws_call *call, const struct ws_cluster *cluster)
{
    if (strcmp(cluster->source, "API") != 0 && strcmp(cluster->source, "UI") != 0) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE",
                         "Cannot edit cluster %s created by JobLauncher", cluster->id);
    }
    if (cluster->state == MODEL_RUNNING || cluster->state == MODEL_TERMINATED) return true;
    return ws_refuse_state(call, cluster);
}

bool ws_edit(struct ws_call *call)
{
    struct ws_cluster *cluster = ws_need_cluster(call);
    if (cluster == NULL || !check_editable(call, cluster)) return false;
    /* The body as it was sent is looked at too: unknown fields are in it. */
    if (!ws_check_shape(call, call->body)) return false;
    return apply_definition(call, cluster, definition_of(call->arena, call->body));
}

/* `map` with `value` at the dotted path, or without it when `value` is NULL. */
static const struct value *with_path(struct arena *arena, const struct value *map, const char *path,
                                     const struct value *value)
{
    size_t len = strcspn(path, ".");
    const char *key = arena_strndup(arena, path, len);
    const struct value *old = value_get(map, key);
    struct value_builder out = value_build_map(arena, nowhere);
    for (size_t i = 0; map != NULL && i < map->len; i++) {
        const struct member *member = &map->u.members[i];
        if (strcmp(member->key, key) != 0) {
            value_put_new(&out, member->key, nowhere, member->value);
        }
    }
    if (path[len] == '.') {
        bool is_map = old != NULL && old->kind == VALUE_MAP;
        value = with_path(arena, is_map ? old : NULL, path + len + 1, value);
    }
    if (value != NULL && value->kind != VALUE_NULL) value_put_new(&out, key, nowhere, value);
    return out.value;
}

/* One path of the mask laid over the spec. */
static bool apply_path(struct ws_call *call, const char *path, const struct value *changes,
                       const struct value **at_spec)
{
    static const char *const not_here[] = { "cluster_id", "clone_from", "idempotency_token",
                                            "apply_policy_default_values" };
    bool is_known = ws_is_known_field(path);
    for (size_t i = 0; i < COUNT_OF(not_here); i++) {
        is_known = is_known && strcmp(path, not_here[i]) != 0;
    }
    /* Elements of maps and lists cannot be addressed: no row of the table has such a path. */
    if (!is_known || text_starts(path, "init_scripts.")) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE", "Invalid path '%s' in update_mask.",
                         path);
    }
    *at_spec = with_path(call->arena, *at_spec, path, value_at(changes, path));
    return true;
}

bool ws_update(struct ws_call *call)
{
    struct ws_cluster *cluster = ws_need_cluster(call);
    if (cluster == NULL || !check_editable(call, cluster)) return false;
    const char *mask = value_get_text(call->body, "update_mask");
    const struct value *changes = value_get(call->body, "cluster");
    if (mask == NULL || mask[0] == '\0') {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE",
                         "Missing required field: update_mask");
    }
    if (changes != NULL && changes->kind != VALUE_MAP) {
        return ws_refuse(call, 400, "MALFORMED_REQUEST", "cluster must be an object.");
    }
    if (changes != NULL && !ws_check_shape(call, changes)) return false;
    if (strcmp(mask, "*") == 0 && changes != NULL) {
        return apply_definition(call, cluster, definition_of(call->arena, changes));
    }
    const struct value *spec = cluster->spec;
    unsigned paths = 0;
    for (const char *at = mask; *at != '\0'; paths++) {
        size_t len = strcspn(at, ",");
        const char *path = arena_strndup(call->arena, at, len);
        if (paths == MASK_PATHS_MAX) {
            return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE",
                             "More than %d paths in update_mask.", MASK_PATHS_MAX);
        }
        if (!apply_path(call, path, changes, &spec)) return false;
        at += at[len] == ',' ? len + 1 : len;
    }
    return apply_definition(call, cluster, spec);
}

bool ws_get(struct ws_call *call)
{
    struct workspace_model *model = call->model;
    struct ws_cluster *cluster = ws_need_cluster_id(call, ws_param(call, "cluster_id"));
    if (cluster == NULL) return false;
    if (model->now_ms < cluster->created_ms + model->delays.get_lag_ms) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE", "Cluster %s does not exist",
                         cluster->id);
    }
    ws_render_full(model, cluster, ws_answer(call));
    emit_end(ws_answer(call));
    return true;
}

bool model_write_cluster(struct workspace_model *model, const char *id, struct buf *out)
{
    struct ws_cluster *cluster = ws_find(model, id);
    if (cluster == NULL) return false;
    ws_render_full(model, cluster, out);
    emit_end(out);
    return true;
}

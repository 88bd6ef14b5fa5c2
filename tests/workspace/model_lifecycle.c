/*
 * Calls that move a cluster through its states (databricks-api.md 1.2, 3.2).
 */
#include "inside.h"

static const struct pos nowhere = { 0 };

static bool is_of_job(const struct ws_cluster *cluster)
{
    return strcmp(cluster->source, "API") != 0 && strcmp(cluster->source, "UI") != 0;
}

bool ws_start(struct ws_call *call)
{
    struct ws_cluster *cluster = ws_need_cluster(call);
    if (cluster == NULL) return false;
    if (is_of_job(cluster)) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE",
                         "Cannot start cluster %s created by JobLauncher", cluster->id);
    }
    if (cluster->state != MODEL_TERMINATED) {
        if (!call->model->switches.start_live_ok) return ws_refuse_state(call, cluster);
        ws_answer_empty(call);
        return true;
    }
    if (!ws_take_nodes(call, ws_nodes(cluster->effective))) return false;
    ws_launch(call->model, cluster, false);
    ws_answer_empty(call);
    return true;
}

bool ws_restart(struct ws_call *call)
{
    struct ws_cluster *cluster = ws_need_cluster(call);
    if (cluster == NULL) return false;
    if (cluster->state == MODEL_RUNNING) {
        ws_launch(call->model, cluster, true);
    } else if (!call->model->switches.restart_ended_ok) {
        return ws_refuse_state(call, cluster);
    }
    ws_answer_empty(call);
    return true;
}

/* `map` with the size of `body` in place of its own. */
static const struct value *with_size(struct arena *arena, const struct value *map,
                                     const struct value *body)
{
    static const char *const keys[] = { "num_workers", "autoscale" };
    struct value_builder out = value_build_map(arena, nowhere);
    for (size_t i = 0; i < map->len; i++) {
        const struct member *member = &map->u.members[i];
        if (strcmp(member->key, keys[0]) == 0 || strcmp(member->key, keys[1]) == 0) continue;
        value_put_new(&out, member->key, nowhere, member->value);
    }
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const struct value *size = value_get(body, keys[i]);
        if (size == NULL || size->kind == VALUE_NULL) continue;
        value_put_new(&out, keys[i], nowhere, size);
    }
    return out.value;
}

bool ws_resize(struct ws_call *call)
{
    struct workspace_model *model = call->model;
    struct ws_cluster *cluster = ws_need_cluster(call);
    if (cluster == NULL) return false;
    if (!ws_check_shape(call, call->body) || !ws_check_size(call, call->body)) return false;
    if (cluster->state != MODEL_RUNNING) return ws_refuse_state(call, cluster);
    const struct value *spec = with_size(call->arena, cluster->spec, call->body);
    if (!ws_check_spec(call, spec)) return false; /* 0 workers are for single nodes only */
    const struct value *effective = with_size(call->arena, cluster->effective, call->body);
    int64_t more = ws_nodes(effective) - ws_nodes(cluster->effective);
    if (more > 0) {
        if (!ws_take_nodes(call, more)) return false;
        cluster->nodes_launched += (uint64_t)more;
    }
    /* Whether `spec` follows is unverified (11, item 9). */
    ws_define(model, cluster, model->switches.resize_refreshes ? spec : cluster->spec, effective);
    cluster->state = MODEL_RESIZING;
    ws_event_add(model, cluster, "RESIZING", "{\"cause\":\"USER_REQUEST\"}");
    ws_schedule(model, cluster, TURN_RESIZED, model->delays.resize_ms);
    ws_answer_empty(call);
    return true;
}

static void terminate_by_user(struct ws_call *call, struct ws_cluster *cluster)
{
    AUTO_BUF struct buf parameters = BUF_INIT(4096);
    emit_open(&parameters, '{');
    emit_text(&parameters, "username", call->user);
    emit_close(&parameters, '}');
    emit_end(&parameters);
    const char *message = arena_printf(call->arena, "Termination requested by %s", call->user);
    ws_terminate(call->model, cluster,
                 &(struct ws_ending){ "USER_REQUEST", "SUCCESS", buf_text(&parameters), message });
}

bool ws_delete(struct ws_call *call)
{
    struct ws_cluster *cluster = ws_need_cluster(call);
    if (cluster == NULL) return false;
    if (model_is_live(cluster->state)) terminate_by_user(call, cluster);
    ws_answer_empty(call);
    return true;
}

bool ws_permanent_delete(struct ws_call *call)
{
    struct workspace_model *model = call->model;
    const char *id = value_get_text(call->body, "cluster_id");
    bool is_unknown = id != NULL && ws_find(model, id) == NULL;
    if (is_unknown && model->switches.delete_unknown_ok) {
        ws_answer_empty(call);
        return true;
    }
    struct ws_cluster *cluster = ws_need_cluster(call);
    if (cluster == NULL) return false;
    if (cluster->pinned) {
        return ws_refuse(call, 400, "INVALID_STATE",
                         "Cluster %s is pinned and cannot be permanently deleted; unpin the "
                         "cluster first.",
                         cluster->id);
    }
    ws_answer_empty(call);
    if (model_is_live(cluster->state)) terminate_by_user(call, cluster);
    if (cluster->state == MODEL_TERMINATING) {
        cluster->doomed = true;
    } else {
        ws_cluster_remove(model, cluster);
    }
    return true;
}

static bool need_admin(struct ws_call *call)
{
    if (call->model->switches.admin) return true;
    return ws_refuse(call, 403, "PERMISSION_DENIED", "%s is not an administrator.", call->user);
}

static bool set_pin(struct ws_call *call, bool pinned)
{
    struct workspace_model *model = call->model;
    struct ws_cluster *cluster = ws_need_cluster(call);
    if (cluster == NULL || !need_admin(call)) return false;
    if (pinned && !cluster->pinned && model->pins >= (size_t)model->switches.pins_max) {
        return ws_refuse(call, 400, "QUOTA_EXCEEDED", "At most %d clusters can be pinned.",
                         (int)model->switches.pins_max);
    }
    ws_answer_empty(call);
    if (cluster->pinned == pinned) return true;
    cluster->pinned = pinned;
    if (pinned) {
        model->pins++;
    } else {
        model->pins--;
    }
    ws_event_add(model, cluster, pinned ? "PINNED" : "UNPINNED", NULL);
    ws_touch(model, cluster, true);
    ws_schedule_expiry(model, cluster);
    return true;
}

bool ws_pin(struct ws_call *call)
{
    return set_pin(call, true);
}

bool ws_unpin(struct ws_call *call)
{
    return set_pin(call, false);
}

bool ws_change_owner(struct ws_call *call)
{
    struct ws_cluster *cluster = ws_need_cluster(call);
    if (cluster == NULL || !need_admin(call)) return false;
    const char *owner = value_get_text(call->body, "owner_username");
    if (owner == NULL || owner[0] == '\0') {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE",
                         "Missing required field: owner_username");
    }
    if (cluster->state != MODEL_TERMINATED) return ws_refuse_state(call, cluster);
    cluster->creator = arena_strdup(&call->model->arena, owner);
    ws_touch(call->model, cluster, false);
    ws_answer_empty(call);
    return true;
}

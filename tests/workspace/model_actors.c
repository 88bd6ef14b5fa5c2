/*
 * Other people (databricks-api.md 3.3, 10.2 item 6), and looking in from outside.
 *
 * An actor's deed is a call of the API under another name, past faults and the log of calls: what
 * the API refuses, it refuses to everybody.
 */
#include "inside.h"

#include <stdio.h>

static const struct pos nowhere = { 0 };

static const struct actor_row {
    const char *name;
    ws_handler_fn act; /* the call that it makes */
    const char *user, *source;
    bool needs_id;
} actors[MODEL_ACTOR_COUNT] = {
#define PERSON "someone@example.com", "UI"
    [MODEL_ACTOR_EDIT] = { "edit", ws_edit, PERSON, true },
    [MODEL_ACTOR_START] = { "start", ws_start, PERSON, true },
    [MODEL_ACTOR_RESTART] = { "restart", ws_restart, PERSON, true },
    [MODEL_ACTOR_RESIZE] = { "resize", ws_resize, PERSON, true },
    [MODEL_ACTOR_TERMINATE] = { "terminate", ws_delete, PERSON, true },
    [MODEL_ACTOR_DELETE] = { "delete", ws_permanent_delete, PERSON, true },
    [MODEL_ACTOR_PIN] = { "pin", ws_pin, PERSON, true },
    [MODEL_ACTOR_UNPIN] = { "unpin", ws_unpin, PERSON, true },
    [MODEL_ACTOR_COPY] = { "copy", ws_create, PERSON, true },
    [MODEL_ACTOR_CREATE] = { "create", ws_create, PERSON, false },
    [MODEL_ACTOR_JOB] = { "job", ws_create, "jobs@example.com", "JOB", false },
    [MODEL_ACTOR_LOSE] = { "lose", NULL, PERSON, true },
};

const char *model_actor_name(enum model_actor actor)
{
    return actors[actor].name;
}

/* A machine that every cloud's workspace has. */
static const struct value *small_spec(const struct workspace_model *model, struct arena *arena,
                                      const char *name)
{
    static const char *const nodes[] = {
        [MODEL_AWS] = "i3.xlarge", [MODEL_AZURE] = "Standard_DS3_v2", [MODEL_GCP] = "n2-highmem-4"
    };
    struct value_builder map = value_build_map(arena, nowhere);
    value_put_new(&map, "cluster_name", nowhere, value_text(arena, nowhere, name));
    value_put_new(&map, "spark_version", nowhere, value_text(arena, nowhere, "15.4.x-scala2.12"));
    value_put_new(&map, "node_type_id", nowhere, value_text(arena, nowhere, nodes[model->cloud]));
    value_put_new(&map, "num_workers", nowhere, value_int(arena, nowhere, 2));
    return map.value;
}

/* The body that the deed comes to. */
static const struct value *body_of(struct ws_call *call, enum model_actor actor,
                                   const struct ws_cluster *cluster, const struct value *given)
{
    struct arena *arena = call->arena;
    if (cluster == NULL) { /* CREATE and JOB */
        return given != NULL ? given : small_spec(call->model, arena, "job-814-run-1");
    }
    if (actor == MODEL_ACTOR_COPY) return value_merge(arena, cluster->spec, given);
    struct value_builder body = value_build_map(arena, nowhere);
    value_put_new(&body, "cluster_id", nowhere, value_text(arena, nowhere, cluster->id));
    const struct value *base = body.value;
    if (actor == MODEL_ACTOR_EDIT) base = value_merge(arena, cluster->spec, base);
    return value_merge(arena, base, given);
}

static void lose(struct workspace_model *model, struct ws_cluster *cluster)
{
    if (!model_is_live(cluster->state)) return;
    ws_terminate(model, cluster,
                 &(struct ws_ending){ "COMMUNICATION_LOST", "CLOUD_FAILURE", NULL,
                                      "Lost communication with the driver" });
}

bool model_act(struct workspace_model *model, enum model_actor actor, const char *id,
               const struct value *body, char ret_id[MODEL_ID_SIZE], struct err *err)
{
    const struct actor_row *row = &actors[actor];
    struct ws_cluster *cluster = id == NULL || !row->needs_id ? NULL : ws_find(model, id);
    if (row->needs_id && cluster == NULL) {
        return err_set(err, ERR_NOT_FOUND, "%s: there is no cluster %s", row->name,
                       id == NULL ? "without an ID" : id);
    }
    if (actor == MODEL_ACTOR_CREATE && body == NULL) {
        return err_set(err, ERR_REJECTED, "create: a body is needed");
    }
    if (actor == MODEL_ACTOR_LOSE && cluster != NULL) {
        lose(model, cluster);
        return true;
    }
    struct model_request request = { .method = "POST", .path = "" };
    struct model_response response = { .body = BUF_INIT(WS_ANSWER_BYTES_MAX) };
    struct ws_call call = {
        .model = model,
        .arena = &model->scratch,
        .request = &request,
        .path = "",
        .user = row->user,
        .source = row->source,
        .response = &response,
    };
    call.body = body_of(&call, actor, cluster, body);
    bool done = row->act(&call);
    if (!done) err_set(err, ERR_REJECTED, "%s: %s", row->name, buf_text(&response.body));
    if (done && ret_id != NULL) memcpy(ret_id, call.id, MODEL_ID_SIZE);
    model_response_release(&response);
    arena_reset(&model->scratch);
    return done;
}

void model_add_job_clusters(struct workspace_model *model, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "job-%u-run-%zu",
                       (unsigned)prng_below(&model->prng, 900), i);
        struct ws_cluster *cluster = ws_cluster_add(model, "JOB", "jobs@example.com");
        const struct value *spec = small_spec(model, &model->scratch, name);
        ws_define(model, cluster, spec,
                  ws_decorate(model, &model->scratch, spec, cluster->creator));
        cluster->launches = 1;
        cluster->state = i % 50 == 0 ? MODEL_RUNNING : MODEL_TERMINATED;
        cluster->reason_code = "JOB_FINISHED";
        cluster->reason_type = "SUCCESS";
        int64_t ago = (int64_t)prng_below(&model->prng, (uint64_t)WS_RETENTION_MS);
        cluster->created_ms = model->now_ms - ago;
        cluster->restarted_ms = cluster->created_ms;
        if (cluster->state == MODEL_TERMINATED) {
            cluster->terminated_ms = cluster->created_ms;
            ws_schedule(model, cluster, TURN_EXPIRED, WS_RETENTION_MS - ago);
        }
        arena_reset(&model->scratch);
    }
}

void model_set_policy(struct workspace_model *model, const char *policy_id, const char *path,
                      const struct value *value)
{
    struct ws_fixed fixed = {
        .policy_id = arena_strdup(&model->arena, policy_id),
        .path = arena_strdup(&model->arena, path),
        .value = value_copy(&model->arena, value),
    };
    ARR_PUSH(model->policies, model->policies_len, model->policies_cap, fixed);
}

static void fill_view(const struct ws_cluster *cluster, struct model_view *ret_view)
{
    bool has_ended = cluster->state >= MODEL_TERMINATING;
    *ret_view = (struct model_view){
        .id = cluster->id,
        .name = cluster->name,
        .source = cluster->source,
        .state = cluster->state,
        .state_message = cluster->state_message == NULL ? "" : cluster->state_message,
        .reason_code = has_ended ? cluster->reason_code : NULL,
        .spec = cluster->spec,
        .effective = cluster->effective,
        .pinned = cluster->pinned,
        .created_ms = cluster->created_ms,
        .launches = cluster->launches,
        .libraries = cluster->libraries_len,
        .nodes_launched = cluster->nodes_launched,
        .image_digest = cluster->image_digest[0] == '\0' ? NULL : cluster->image_digest,
    };
}

size_t model_cluster_count(const struct workspace_model *model)
{
    return model->clusters_len;
}

bool model_view_at(const struct workspace_model *model, size_t index, struct model_view *ret_view)
{
    if (index >= model->clusters_len) return false;
    fill_view(model->clusters[index], ret_view);
    return true;
}

bool model_view_find(const struct workspace_model *model, const char *id,
                     struct model_view *ret_view)
{
    const struct ws_cluster *cluster = ws_find(model, id);
    if (cluster == NULL) return false;
    fill_view(cluster, ret_view);
    return true;
}

bool model_view_named(const struct workspace_model *model, const char *name,
                      struct model_view *ret_view)
{
    const struct ws_cluster *found = NULL;
    for (size_t i = 0; i < model->clusters_len; i++) {
        const struct ws_cluster *cluster = model->clusters[i];
        if (strcmp(cluster->name, name) != 0) continue;
        if (found == NULL || (model_is_live(cluster->state) && !model_is_live(found->state))) {
            found = cluster;
        }
    }
    if (found == NULL) return false;
    fill_view(found, ret_view);
    return true;
}

/* The tag's value under its own key or the renamed one (databricks-api.md 2.4). */
static const char *tag_of(const struct ws_cluster *cluster, const char *key, const char *renamed)
{
    const struct value *tags = value_get(cluster->effective, "custom_tags");
    const char *value = value_get_text(tags, key);
    return value != NULL ? value : value_get_text(tags, renamed);
}

size_t model_count_live(const struct workspace_model *model, const char *key, const char *value)
{
    AUTO_BUF struct buf renamed = BUF_INIT(2048);
    buf_addf(&renamed, "x_%s", key);
    size_t count = 0;
    for (size_t i = 0; i < model->clusters_len; i++) {
        if (!model_is_live(model->clusters[i]->state)) continue;
        const char *found = tag_of(model->clusters[i], key, buf_text(&renamed));
        if (found != NULL && (value == NULL || strcmp(found, value) == 0)) count++;
    }
    return count;
}

size_t model_count_all_live(const struct workspace_model *model)
{
    size_t count = 0;
    for (size_t i = 0; i < model->clusters_len; i++) {
        count += model_is_live(model->clusters[i]->state);
    }
    return count;
}

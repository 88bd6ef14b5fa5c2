/*
 * A cluster as clusters/get and clusters/list show it (databricks-api.md 2.5, 2.6).
 *
 * The row is kept until something about the cluster changes: a listing of thousands is then a
 * matter of copying text.
 */
#include "inside.h"

enum { EXECUTORS_SHOWN_MAX = 4 };

/* Credentials are shown, masked or left out, as the switch says (8.2: unverified). */
static void render_image(const struct workspace_model *model, const struct value *image,
                         struct buf *out)
{
    emit_key(out, "docker_image");
    emit_open(out, '{');
    for (size_t i = 0; i < image->len; i++) {
        const struct member *member = &image->u.members[i];
        bool is_login = strcmp(member->key, "basic_auth") == 0;
        if (!is_login || model->switches.credentials == 2) {
            emit_value(out, member->key, member->value);
        } else if (model->switches.credentials == 1) {
            const char *user = value_get_text(member->value, "username");
            emit_key(out, "basic_auth");
            emit_open(out, '{');
            emit_text(out, "username", user == NULL ? "" : user);
            emit_text(out, "password", "********");
            emit_close(out, '}');
        }
    }
    emit_close(out, '}');
}

void ws_render_definition(const struct workspace_model *model, const struct value *spec,
                          struct buf *out)
{
    for (size_t i = 0; i < spec->len; i++) {
        const struct member *member = &spec->u.members[i];
        if (strcmp(member->key, "docker_image") == 0 && member->value->kind == VALUE_MAP) {
            render_image(model, member->value, out);
        } else {
            emit_value(out, member->key, member->value);
        }
    }
}

static void render_source(const char *key, const char *pool, const char *node, struct buf *out)
{
    emit_key(out, key);
    emit_open(out, '{');
    if (pool != NULL) {
        emit_text(out, "instance_pool_id", pool);
    } else if (node != NULL) {
        emit_text(out, "node_type_id", node);
    }
    emit_close(out, '}');
}

/* What nobody documented and everybody sees (2.6). */
static void render_undocumented(const struct ws_cluster *cluster, struct buf *out)
{
    const struct value *spec = cluster->effective;
    const char *version = value_get_text(spec, "spark_version");
    if (version != NULL) emit_text(out, "effective_spark_version", version);
    emit_json(out, "disk_spec", "{\"disk_count\":0}");
    render_source("instance_source", value_get_text(spec, "instance_pool_id"),
                  value_get_text(spec, "node_type_id"), out);
    render_source("driver_instance_source", value_get_text(spec, "driver_instance_pool_id"),
                  value_get_text(spec, "driver_node_type_id"), out);
    emit_bool(out, "init_scripts_safe_mode", false);
    emit_int(out, "last_activity_time", cluster->activity_ms);
    if (cluster->pinned) emit_text(out, "pinned_by_user_name", "8312474716237915");
}

static void render_tags(const struct workspace_model *model, const struct ws_cluster *cluster,
                        struct buf *out)
{
    emit_key(out, "default_tags");
    emit_open(out, '{');
    emit_text(out, "Vendor", "Databricks");
    emit_text(out, "Creator", cluster->creator);
    emit_text(out, "ClusterName", cluster->name);
    emit_text(out, "ClusterId", cluster->id);
    if (strcmp(cluster->source, "JOB") == 0) {
        emit_text(out, "RunName", cluster->name);
        emit_text(out, "JobId", "814");
    }
    for (size_t i = 0; i < model->workspace_tags_len; i++) {
        emit_text(out, model->workspace_tags[i].key, model->workspace_tags[i].value);
    }
    emit_close(out, '}');
}

static void render_node(const struct ws_cluster *cluster, const char *key, int64_t index,
                        struct buf *out)
{
    emit_key(out, key);
    emit_open(out, '{');
    emit_key(out, "node_id");
    buf_addf(out, "\"%.12s-%u-%d\",", cluster->id + 12, cluster->launches, (int)index);
    emit_key(out, "private_ip");
    buf_addf(out, "\"10.%u.%u.%d\",", (unsigned)(cluster->number / 256 % 256),
             (unsigned)(cluster->number % 256), (int)index + 4);
    emit_int(out, "start_timestamp", cluster->restarted_ms);
    emit_close(out, '}');
}

static void render_nodes(const struct workspace_model *model, const struct ws_cluster *cluster,
                         struct buf *out)
{
    if (cluster->state != MODEL_RUNNING && cluster->state != MODEL_RESIZING) return;
    int64_t nodes = ws_nodes(cluster->effective);
    render_node(cluster, "driver", 0, out);
    if (nodes > 1) {
        emit_key(out, "executors");
        emit_open(out, '[');
        for (int64_t i = 1; i < nodes && i <= EXECUTORS_SHOWN_MAX; i++) {
            render_node(cluster, NULL, i, out);
        }
        emit_close(out, ']');
    }
    const char *node = value_get_text(cluster->effective, "node_type_id");
    const struct ws_node_type *type = node == NULL ? NULL : ws_node_type(model->cloud, node);
    emit_int(out, "jdbc_port", 10000);
    if (type == NULL) return;
    emit_key(out, "cluster_cores");
    buf_addf(out, "%d.0,", (int)(nodes * type->cores));
    emit_int(out, "cluster_memory_mb", nodes * type->memory_mb);
}

static void render_state(const struct ws_cluster *cluster, struct buf *out)
{
    emit_text(out, "state", model_state_name(cluster->state));
    emit_text(out, "state_message", cluster->state_message == NULL ? "" : cluster->state_message);
    emit_int(out, "start_time", cluster->created_ms);
    emit_int(out, "terminated_time", cluster->terminated_ms);
    emit_int(out, "last_state_loss_time", 0);
    emit_int(out, "last_restarted_time", cluster->restarted_ms);
    bool has_ended = cluster->state == MODEL_TERMINATING || cluster->state == MODEL_TERMINATED;
    if (!has_ended || cluster->reason_code == NULL) return;
    emit_key(out, "termination_reason");
    emit_open(out, '{');
    emit_text(out, "code", cluster->reason_code);
    emit_text(out, "type", cluster->reason_type);
    emit_json(out, "parameters", cluster->reason_parameters);
    emit_close(out, '}');
}

static void render_fresh(struct workspace_model *model, struct ws_cluster *cluster)
{
    struct buf *out = &cluster->row;
    buf_clear(out);
    emit_open(out, '{');
    emit_text(out, "cluster_id", cluster->id);
    emit_text(out, "creator_user_name", cluster->creator);
    emit_int(out, "spark_context_id", (int64_t)cluster->spark_context_id);
    ws_render_definition(model, cluster->effective, out);
    emit_text(out, "cluster_source", cluster->source);
    render_state(cluster, out);
    render_nodes(model, cluster, out);
    render_tags(model, cluster, out);
    render_undocumented(cluster, out);
    cluster->row_fresh = true;
}

void ws_render_row(struct workspace_model *model, struct ws_cluster *cluster, struct buf *out)
{
    if (!cluster->row_fresh) render_fresh(model, cluster);
    buf_add(out, buf_text(&cluster->row), cluster->row.len);
    emit_close(out, '}');
}

void ws_render_full(struct workspace_model *model, struct ws_cluster *cluster, struct buf *out)
{
    if (!cluster->row_fresh) render_fresh(model, cluster);
    buf_add(out, buf_text(&cluster->row), cluster->row.len);
    emit_key(out, "spec");
    emit_open(out, '{');
    ws_render_definition(model, cluster->spec, out);
    emit_close(out, '}');
    emit_close(out, '}');
}

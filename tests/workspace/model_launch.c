/*
 * What clusters do by themselves (databricks-api.md 3, 8.3).
 *
 *   create, start ──▶ PENDING ────┐ acquired, pulled, scripts ran, Spark is up
 *   restart, edit ──▶ RESTARTING ─┴──────────────────────────────▶ RUNNING ◀──▶ RESIZING
 *                         │ one of these fails                       │ idle, or asked to
 *                         └────────────▶ TERMINATING ◀───────────────┘
 *                                             └──▶ TERMINATED ──30 days──▶ expired
 */
#include "inside.h"

#include <inttypes.h>
#include <stdio.h>

/* The parts of a launch, in percent of the whole. */
enum { ACQUIRE_PCT = 50, PULL_PCT = 25, SCRIPTS_PCT = 10, SPARK_PCT = 15 };

static void set_message(struct ws_cluster *cluster, const char *message)
{
    xfree(cluster->state_message);
    cluster->state_message = xstrdup(message);
}

static void set_state(struct workspace_model *model, struct ws_cluster *cluster,
                      enum model_state state, const char *message)
{
    cluster->state = state;
    set_message(cluster, message);
    ws_touch(model, cluster, true);
}

static int64_t with_jitter(struct workspace_model *model, int64_t ms)
{
    int64_t most = ms / 100 * model->delays.jitter_pct;
    return most <= 0 ? ms : ms + (int64_t)prng_below(&model->prng, (uint64_t)most + 1);
}

static int64_t part_of(const struct ws_cluster *cluster, int64_t percent)
{
    return cluster->launch_ms * percent / 100;
}

void ws_launch(struct workspace_model *model, struct ws_cluster *cluster, bool restart)
{
    const char *event = restart ? "RESTARTING" : cluster->launches == 0 ? "CREATING" : "STARTING";
    cluster->launch_ms =
        with_jitter(model, restart ? model->delays.restart_ms : model->delays.pending_ms);
    cluster->launches++;
    cluster->image_digest[0] = '\0';
    if (!restart) cluster->nodes_launched += (uint64_t)ws_nodes(cluster->effective);
    set_state(model, cluster, restart ? MODEL_RESTARTING : MODEL_PENDING,
              "Finding instances for new nodes, acquiring more instances if necessary");
    ws_event_add(model, cluster, event, NULL);
    ws_libraries_end(cluster);
    ws_schedule(model, cluster, TURN_ACQUIRED, part_of(cluster, ACQUIRE_PCT));
}

void ws_terminate(struct workspace_model *model, struct ws_cluster *cluster,
                  const struct ws_ending *ending)
{
    cluster->reason_code = ending->code;
    cluster->reason_type = ending->type;
    xfree(cluster->reason_parameters);
    cluster->reason_parameters = ending->parameters == NULL ? NULL : xstrdup(ending->parameters);
    set_state(model, cluster, MODEL_TERMINATING, ending->message);
    AUTO_BUF struct buf details = BUF_INIT(WS_ROW_BYTES_MAX);
    emit_open(&details, '{');
    emit_key(&details, "reason");
    emit_open(&details, '{');
    emit_text(&details, "code", ending->code);
    emit_text(&details, "type", ending->type);
    emit_json(&details, "parameters", ending->parameters);
    emit_close(&details, '}');
    emit_close(&details, '}');
    emit_end(&details);
    ws_event_add(model, cluster, "TERMINATING", buf_text(&details));
    ws_libraries_end(cluster);
    ws_schedule(model, cluster, TURN_TERMINATED, model->delays.terminate_ms);
}

void ws_schedule_expiry(struct workspace_model *model, struct ws_cluster *cluster)
{
    if (cluster->state != MODEL_TERMINATED) return;
    if (cluster->pinned) {
        ws_unschedule(model, cluster);
    } else {
        ws_schedule(model, cluster, TURN_EXPIRED, WS_RETENTION_MS);
    }
}

static void on_acquired(struct workspace_model *model, struct ws_cluster *cluster)
{
    struct ws_ending ending;
    if (!ws_check_machines(model, cluster, &ending)) {
        ws_event_add(model, cluster, "ADD_NODES_FAILED", NULL);
        ws_terminate(model, cluster, &ending);
        return;
    }
    int64_t extra = ws_image_is_slow(model, cluster) ? model->delays.slow_image_ms : 0;
    ws_schedule(model, cluster, TURN_PULLED, part_of(cluster, PULL_PCT) + extra);
}

static void on_pulled(struct workspace_model *model, struct ws_cluster *cluster)
{
    struct ws_ending ending;
    if (!ws_check_image(model, cluster, &ending)) {
        ws_terminate(model, cluster, &ending);
        return;
    }
    const struct value *scripts = value_get(cluster->effective, "init_scripts");
    if (scripts != NULL) ws_event_add(model, cluster, "INIT_SCRIPTS_STARTED", NULL);
    ws_schedule(model, cluster, TURN_SCRIPTED, part_of(cluster, SCRIPTS_PCT));
}

static void on_scripted(struct workspace_model *model, struct ws_cluster *cluster)
{
    struct ws_ending ending;
    if (!ws_check_scripts(model, cluster, &ending)) {
        ws_terminate(model, cluster, &ending);
        return;
    }
    ws_schedule(model, cluster, TURN_RUNNING, part_of(cluster, SPARK_PCT));
}

static void schedule_idle(struct workspace_model *model, struct ws_cluster *cluster)
{
    int64_t minutes = 0;
    if (!model->switches.autoterminate) return;
    if (!value_get_int(cluster->effective, "autotermination_minutes", &minutes)) return;
    if (minutes > 0) ws_schedule(model, cluster, TURN_IDLE, minutes * 60000);
}

static void note_size(struct workspace_model *model, struct ws_cluster *cluster, const char *type)
{
    int64_t workers = ws_nodes(cluster->effective) - 1;
    char details[160];
    (void)snprintf(details, sizeof(details),
                   "{\"current_num_workers\":%" PRId64 ",\"target_num_workers\":%" PRId64 "}",
                   workers, workers);
    ws_event_add(model, cluster, type, details);
}

static void on_running(struct workspace_model *model, struct ws_cluster *cluster)
{
    struct ws_ending ending;
    if (!ws_check_container(model, cluster, &ending)) {
        ws_event_add(model, cluster, "DRIVER_UNAVAILABLE", NULL);
        ws_terminate(model, cluster, &ending);
        return;
    }
    cluster->restarted_ms = model->now_ms;
    cluster->activity_ms = model->now_ms;
    ws_unschedule(model, cluster);
    set_state(model, cluster, MODEL_RUNNING, "");
    note_size(model, cluster, "RUNNING");
    ws_event_add(model, cluster, "DRIVER_HEALTHY", NULL);
    ws_libraries_launch(model, cluster);
    schedule_idle(model, cluster);
}

static void on_resized(struct workspace_model *model, struct ws_cluster *cluster)
{
    ws_unschedule(model, cluster);
    set_state(model, cluster, MODEL_RUNNING, "");
    note_size(model, cluster, "UPSIZE_COMPLETED");
    schedule_idle(model, cluster);
}

static void on_terminated(struct workspace_model *model, struct ws_cluster *cluster)
{
    if (cluster->doomed) {
        ws_cluster_remove(model, cluster);
        return;
    }
    ws_unschedule(model, cluster);
    cluster->state = MODEL_TERMINATED;
    cluster->terminated_ms = model->now_ms;
    ws_touch(model, cluster, true);
    ws_schedule_expiry(model, cluster);
}

static void on_idle(struct workspace_model *model, struct ws_cluster *cluster)
{
    int64_t minutes = 0;
    (void)value_get_int(cluster->effective, "autotermination_minutes", &minutes);
    char parameters[64];
    char message[96];
    (void)snprintf(parameters, sizeof(parameters), "{\"inactivity_duration_min\":\"%" PRId64 "\"}",
                   minutes);
    (void)snprintf(message, sizeof(message),
                   "Inactive cluster terminated (inactive for %" PRId64 " minutes).", minutes);
    ws_terminate(model, cluster,
                 &(struct ws_ending){ "INACTIVITY", "SUCCESS", parameters, message });
}

static void on_expired(struct workspace_model *model, struct ws_cluster *cluster)
{
    ws_unschedule(model, cluster);
    cluster->state = MODEL_EXPIRED;
    ws_touch(model, cluster, true);
}

void ws_take_turn(struct workspace_model *model, struct ws_cluster *cluster)
{
    static void (*const turns[])(struct workspace_model * model, struct ws_cluster * cluster) = {
        [TURN_NONE] = NULL,
        [TURN_ACQUIRED] = on_acquired,
        [TURN_PULLED] = on_pulled,
        [TURN_SCRIPTED] = on_scripted,
        [TURN_RUNNING] = on_running,
        [TURN_RESIZED] = on_resized,
        [TURN_TERMINATED] = on_terminated,
        [TURN_IDLE] = on_idle,
        [TURN_EXPIRED] = on_expired,
    };
    turns[cluster->turn](model, cluster);
}

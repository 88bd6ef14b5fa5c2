/*
 * The model's ground: making and ending it, finding clusters, and the queue of what is due.
 */
#include "inside.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

enum { BUCKETS_FIRST = 64 };

void model_config_defaults(struct model_config *config)
{
    *config = (struct model_config){
        .seed = 1,
        .start_ms = 1795615200000, /* 2026-11-25T14:00:00Z */
        .cloud = MODEL_AWS,
        .user_name = "controller@example.com",
        .delays = {
            .pending_ms = 240000,
            .restart_ms = 120000,
            .resize_ms = 60000,
            .terminate_ms = 30000,
            .slow_image_ms = 900000,
            .library_ms = 20000,
        },
        .switches = {
            .tag_edit_restarts = 1,
            .resize_refreshes = 1,
            .dcs_enabled = 1,
            .ebs_checked = 1,
            .admin = 1,
            .registry_auth = 2,
            .pins_max = 100,
            .nodes_per_min = 100,
        },
    };
}

struct workspace_model *model_create(const struct model_config *config)
{
    struct workspace_model *model = xcalloc(1, sizeof(*model));
    model->delays = config->delays;
    model->switches = config->switches;
    model->cloud = config->cloud;
    model->now_ms = config->start_ms;
    model->nodes_level_ms = config->start_ms;
    model->nodes_level = (double)config->switches.nodes_burst;
    model->user_name = arena_strdup(&model->arena, config->user_name);
    model->token = arena_strdup(&model->arena, config->token);
    size_t tags = config->workspace_tags_len;
    if (tags != 0) {
        model->workspace_tags = arena_alloc(&model->arena, tags * sizeof(struct model_tag));
    }
    for (size_t i = 0; i < tags; i++) {
        model->workspace_tags[i].key = arena_strdup(&model->arena, config->workspace_tags[i].key);
        model->workspace_tags[i].value =
            arena_strdup(&model->arena, config->workspace_tags[i].value);
    }
    model->workspace_tags_len = tags;
    prng_init(&model->prng, config->seed);
    prng_init(&model->fault_prng, config->seed ^ 0x6661756c74U);
    model->buckets_len = BUCKETS_FIRST;
    model->buckets = xcalloc(model->buckets_len, sizeof(struct ws_cluster *));
    model->counts = xcalloc(ws_routes_count() + 1, sizeof(uint64_t));
    model->object_ids = 4100000000000000;
    return model;
}

static void free_settings(struct workspace_model *model)
{
    for (size_t i = 0; i < model->scripts_len; i++) {
        xfree(model->scripts[i].destination);
    }
    for (size_t i = 0; i < model->files_len; i++) {
        xfree(model->files[i].path);
        xfree(model->files[i].content);
    }
    model_faults_clear(model);
    ws_images_free(model);
    xfree(model->scripts);
    xfree(model->policies);
    xfree(model->faults);
    xfree(model->files);
}

void model_destroy(struct workspace_model *model)
{
    if (model == NULL) return;
    for (size_t i = 0; i < model->clusters_len; i++) {
        ws_cluster_free(model->clusters[i]);
    }
    free_settings(model);
    xfree(model->clusters);
    xfree(model->buckets);
    xfree(model->queue);
    xfree(model->sorted);
    xfree(model->calls);
    xfree(model->counts);
    arena_release(&model->scratch);
    arena_release(&model->arena);
    xfree(model);
}

struct model_delays *model_delays(struct workspace_model *model)
{
    return &model->delays;
}

struct model_switches *model_switches(struct workspace_model *model)
{
    /* An answer may look different from now on. */
    for (size_t i = 0; i < model->clusters_len; i++) {
        model->clusters[i]->row_fresh = false;
    }
    return &model->switches;
}

/* The queue of transitions: a binary heap. */

static bool is_before(const struct ws_cluster *a, const struct ws_cluster *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->number < b->number;
}

static void place(struct workspace_model *model, size_t at, struct ws_cluster *cluster)
{
    model->queue[at] = cluster;
    cluster->heap_at = at;
}

static void sift_up(struct workspace_model *model, size_t at)
{
    struct ws_cluster *cluster = model->queue[at];
    while (at > 0 && is_before(cluster, model->queue[(at - 1) / 2])) {
        place(model, at, model->queue[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(model, at, cluster);
}

static void sift_down(struct workspace_model *model, size_t at)
{
    struct ws_cluster *cluster = model->queue[at];
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= model->queue_len) break;
        if (child + 1 < model->queue_len &&
            is_before(model->queue[child + 1], model->queue[child])) {
            child++;
        }
        if (!is_before(model->queue[child], cluster)) break;
        place(model, at, model->queue[child]);
        at = child;
    }
    place(model, at, cluster);
}

void ws_unschedule(struct workspace_model *model, struct ws_cluster *cluster)
{
    if (cluster->turn == TURN_NONE) return;
    cluster->turn = TURN_NONE;
    size_t at = cluster->heap_at;
    assert(at < model->queue_len && model->queue[at] == cluster);
    struct ws_cluster *last = model->queue[--model->queue_len];
    if (last == cluster) return;
    place(model, at, last);
    sift_up(model, at);
    sift_down(model, last->heap_at);
}

void ws_schedule(struct workspace_model *model, struct ws_cluster *cluster, enum ws_turn turn,
                 int64_t in_ms)
{
    ws_unschedule(model, cluster);
    cluster->turn = turn;
    cluster->due_ms = model->now_ms + (in_ms < 0 ? 0 : in_ms);
    cluster->heap_at = model->queue_len;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers is meant */
    ARR_PUSH(model->queue, model->queue_len, model->queue_cap, cluster);
    sift_up(model, cluster->heap_at);
}

int64_t model_now_ms(const struct workspace_model *model)
{
    return model->now_ms;
}

int64_t model_next_event_ms(const struct workspace_model *model)
{
    return model->queue_len == 0 ? INT64_MAX : model->queue[0]->due_ms;
}

void model_set_time(struct workspace_model *model, int64_t now_ms)
{
    while (model->queue_len != 0 && model->queue[0]->due_ms <= now_ms) {
        struct ws_cluster *cluster = model->queue[0];
        /* Each happens at its own time, not at the end of a jump. */
        if (cluster->due_ms > model->now_ms) model->now_ms = cluster->due_ms;
        ws_take_turn(model, cluster);
        arena_reset(&model->scratch);
    }
    if (now_ms > model->now_ms) model->now_ms = now_ms;
}

/* Clusters by ID. */

static size_t hash_of(const char *id)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (const char *at = id; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3U;
    }
    return (size_t)(hash ^ (hash >> 32));
}

struct ws_cluster *ws_find(const struct workspace_model *model, const char *id)
{
    struct ws_cluster *at = model->buckets[hash_of(id) % model->buckets_len];
    while (at != NULL && strcmp(at->id, id) != 0) {
        at = at->chain;
    }
    return at;
}

static void bucket_add(struct workspace_model *model, struct ws_cluster *cluster)
{
    struct ws_cluster **bucket = &model->buckets[hash_of(cluster->id) % model->buckets_len];
    cluster->chain = *bucket;
    *bucket = cluster;
}

static void bucket_remove(struct workspace_model *model, struct ws_cluster *cluster)
{
    struct ws_cluster **at = &model->buckets[hash_of(cluster->id) % model->buckets_len];
    while (*at != cluster) {
        at = &(*at)->chain;
    }
    *at = cluster->chain;
}

static void buckets_grow(struct workspace_model *model)
{
    if (model->clusters_len < model->buckets_len) return;
    xfree(model->buckets);
    model->buckets_len *= 4;
    model->buckets = xcalloc(model->buckets_len, sizeof(struct ws_cluster *));
    for (size_t i = 0; i < model->clusters_len; i++) {
        bucket_add(model, model->clusters[i]);
    }
}

/* MMDD-HHMMSS-xxxxxxxx (databricks-api.md 1.1). */
static void draw_id(struct workspace_model *model, char ret_id[MODEL_ID_SIZE])
{
    time_t seconds = (time_t)(model->now_ms / 1000);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) == NULL) abort();
    do {
        size_t len = strftime(ret_id, MODEL_ID_SIZE, "%m%d-%H%M%S-", &utc);
        prng_text(&model->prng, ret_id + len, 8);
    } while (ws_find(model, ret_id) != NULL);
}

struct ws_cluster *ws_cluster_add(struct workspace_model *model, const char *source,
                                  const char *creator)
{
    struct ws_cluster *cluster = xcalloc(1, sizeof(*cluster));
    draw_id(model, cluster->id);
    cluster->source = source;
    cluster->creator = creator;
    cluster->number = ++model->clusters_made;
    /* Beyond 2^53 on purpose: a client that keeps numbers as double corrupts it (1.1). */
    cluster->spark_context_id = (UINT64_C(1) << 62) | prng_next(&model->prng) >> 2;
    cluster->created_ms = model->now_ms;
    cluster->row = BUF_INIT(WS_ROW_BYTES_MAX);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers is meant */
    ARR_PUSH(model->clusters, model->clusters_len, model->clusters_cap, cluster);
    bucket_add(model, cluster);
    buckets_grow(model);
    model->sorted_fresh = false;
    return cluster;
}

void ws_cluster_free(struct ws_cluster *cluster)
{
    for (size_t i = 0; i < cluster->events_len; i++) {
        xfree(cluster->events[i].details);
    }
    for (size_t i = 0; i < cluster->libraries_len; i++) {
        xfree(cluster->libraries[i].json);
    }
    for (size_t i = 0; i < cluster->grants_len; i++) {
        xfree(cluster->grants[i].principal);
    }
    xfree(cluster->events);
    xfree(cluster->libraries);
    xfree(cluster->grants);
    xfree(cluster->token);
    xfree(cluster->state_message);
    xfree(cluster->reason_parameters);
    buf_release(&cluster->row);
    arena_release(&cluster->arena);
    xfree(cluster);
}

void ws_cluster_remove(struct workspace_model *model, struct ws_cluster *cluster)
{
    ws_unschedule(model, cluster);
    bucket_remove(model, cluster);
    if (cluster->pinned) model->pins--;
    size_t at = 0;
    while (model->clusters[at] != cluster) {
        at++;
    }
    memmove(&model->clusters[at], &model->clusters[at + 1],
            (model->clusters_len - at - 1) * sizeof(struct ws_cluster *));
    model->clusters_len--;
    model->sorted_fresh = false;
    ws_cluster_free(cluster);
}

void ws_touch(struct workspace_model *model, struct ws_cluster *cluster, bool order)
{
    cluster->row_fresh = false;
    if (order) model->sorted_fresh = false;
}

void ws_define(struct workspace_model *model, struct ws_cluster *cluster, const struct value *spec,
               const struct value *effective)
{
    struct arena arena = ARENA_INIT;
    cluster->spec = value_copy(&arena, spec);
    cluster->effective = value_copy(&arena, effective);
    const char *name = value_get_text(cluster->effective, "cluster_name");
    cluster->name = name == NULL ? "" : name;
    arena_release(&cluster->arena); /* only now: what was copied may have lived in it */
    cluster->arena = arena;
    ws_touch(model, cluster, true);
}

static const struct state_row {
    const char *name, *title;
    bool is_live;
} states[] = {
    [MODEL_PENDING] = { "PENDING", "Pending", true },
    [MODEL_RUNNING] = { "RUNNING", "Running", true },
    [MODEL_RESTARTING] = { "RESTARTING", "Restarting", true },
    [MODEL_RESIZING] = { "RESIZING", "Resizing", true },
    [MODEL_TERMINATING] = { "TERMINATING", "Terminating", false },
    [MODEL_TERMINATED] = { "TERMINATED", "Terminated", false },
    [MODEL_EXPIRED] = { "EXPIRED", "Terminated", false },
};

const char *model_state_name(enum model_state state)
{
    return states[state].name;
}

const char *ws_state_title(enum model_state state)
{
    return states[state].title;
}

bool model_is_live(enum model_state state)
{
    return states[state].is_live;
}

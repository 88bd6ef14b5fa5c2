/*
 * Libraries of clusters (databricks-api.md 1.5). What installs is a matter of time alone: its
 * status is worked out when somebody asks.
 */
#include "inside.h"

static void library_free(struct ws_library *library)
{
    xfree(library->json);
}

static size_t find_library(const struct ws_cluster *cluster, const char *json)
{
    size_t at = 0;
    while (at < cluster->libraries_len && strcmp(cluster->libraries[at].json, json) != 0) {
        at++;
    }
    return at;
}

void ws_library_add(struct workspace_model *model, struct ws_cluster *cluster, const char *json)
{
    size_t at = find_library(cluster, json);
    if (at == cluster->libraries_len) {
        struct ws_library library = { .json = xstrdup(json) };
        ARR_PUSH(cluster->libraries, cluster->libraries_len, cluster->libraries_cap, library);
        cluster->libraries[at].ready_ms = model->now_ms + model->delays.library_ms;
    }
    cluster->libraries[at].leaving = false;
}

void ws_libraries_launch(struct workspace_model *model, struct ws_cluster *cluster)
{
    for (size_t i = 0; i < cluster->libraries_len; i++) {
        cluster->libraries[i].ready_ms = model->now_ms + model->delays.library_ms;
    }
}

void ws_libraries_end(struct ws_cluster *cluster)
{
    size_t kept = 0;
    for (size_t i = 0; i < cluster->libraries_len; i++) {
        if (cluster->libraries[i].leaving) {
            library_free(&cluster->libraries[i]);
        } else {
            cluster->libraries[kept++] = cluster->libraries[i];
        }
    }
    cluster->libraries_len = kept;
}

/* One of the shapes of 1.5, in one canonical text; NULL: not a library. */
static const char *read_library(struct arena *arena, const struct value *library)
{
    static const struct kind_row {
        const char *key, *needs; /* NULL: the value is a text */
    } kinds[] = {
        { "jar", NULL },       { "whl", NULL },       { "requirements", NULL },
        { "egg", NULL },       { "pypi", "package" }, { "maven", "coordinates" },
        { "cran", "package" },
    };
    if (library->kind != VALUE_MAP || library->len != 1) return NULL;
    const struct member *member = &library->u.members[0];
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(member->key, kinds[i].key) != 0) continue;
        bool is_good = kinds[i].needs == NULL
                           ? member->value->kind == VALUE_TEXT
                           : value_get_text(member->value, kinds[i].needs) != NULL;
        if (!is_good) return NULL;
        AUTO_BUF struct buf out = BUF_INIT(WS_ROW_BYTES_MAX);
        emit_value(&out, NULL, library);
        emit_end(&out);
        return arena_strdup(arena, buf_text(&out));
    }
    return NULL;
}

/* The body's list, all of it good; NULL: refused. */
static const struct value *read_libraries(struct ws_call *call)
{
    const struct value *list = value_get(call->body, "libraries");
    if (list == NULL || list->kind != VALUE_LIST || list->len == 0) {
        ws_refuse(call, 400, "INVALID_PARAMETER_VALUE", "Missing required field: libraries");
        return NULL;
    }
    for (size_t i = 0; i < list->len; i++) {
        if (read_library(call->arena, list->u.items[i]) != NULL) continue;
        ws_refuse(call, 400, "INVALID_PARAMETER_VALUE",
                  "libraries[%zu] is not one of jar, whl, requirements, egg, pypi, maven, "
                  "cran.",
                  i);
        return NULL;
    }
    return list;
}

bool ws_install(struct ws_call *call)
{
    struct ws_cluster *cluster = ws_need_cluster(call);
    const struct value *list = cluster == NULL ? NULL : read_libraries(call);
    if (list == NULL) return false;
    if (cluster->libraries_len + list->len > WS_LIBRARIES_MAX) {
        return ws_refuse(call, 400, "QUOTA_EXCEEDED", "A cluster can have %d libraries.",
                         WS_LIBRARIES_MAX);
    }
    for (size_t i = 0; i < list->len; i++) {
        ws_library_add(call->model, cluster, read_library(call->arena, list->u.items[i]));
    }
    ws_answer_empty(call);
    return true;
}

bool ws_uninstall(struct ws_call *call)
{
    struct ws_cluster *cluster = ws_need_cluster(call);
    const struct value *list = cluster == NULL ? NULL : read_libraries(call);
    if (list == NULL) return false;
    for (size_t i = 0; i < list->len; i++) {
        size_t at = find_library(cluster, read_library(call->arena, list->u.items[i]));
        if (at < cluster->libraries_len) cluster->libraries[at].leaving = true;
    }
    /* Without machines there is nothing that a restart would have to clear. */
    if (cluster->state == MODEL_TERMINATED) ws_libraries_end(cluster);
    ws_answer_empty(call);
    return true;
}

static const char *status_of(const struct workspace_model *model, const struct ws_cluster *cluster,
                             const struct ws_library *library)
{
    if (library->leaving) return "UNINSTALL_ON_RESTART";
    if (cluster->state != MODEL_RUNNING && cluster->state != MODEL_RESIZING) return "PENDING";
    return model->now_ms >= library->ready_ms ? "INSTALLED" : "INSTALLING";
}

static void emit_statuses(const struct workspace_model *model, const struct ws_cluster *cluster,
                          struct buf *out)
{
    emit_open(out, '{');
    emit_text(out, "cluster_id", cluster->id);
    if (cluster->libraries_len != 0) { /* missing when there are none */
        emit_key(out, "library_statuses");
        emit_open(out, '[');
        for (size_t i = 0; i < cluster->libraries_len; i++) {
            const struct ws_library *library = &cluster->libraries[i];
            emit_open(out, '{');
            emit_json(out, "library", library->json);
            emit_text(out, "status", status_of(model, cluster, library));
            emit_bool(out, "is_library_for_all_clusters", false);
            emit_close(out, '}');
        }
        emit_close(out, ']');
    }
    emit_close(out, '}');
}

bool ws_cluster_status(struct ws_call *call)
{
    struct ws_cluster *cluster = ws_need_cluster_id(call, ws_param(call, "cluster_id"));
    if (cluster == NULL) return false;
    emit_statuses(call->model, cluster, ws_answer(call));
    emit_end(ws_answer(call));
    return true;
}

bool ws_all_statuses(struct ws_call *call)
{
    struct buf *out = ws_answer(call);
    emit_open(out, '{');
    emit_key(out, "statuses");
    emit_open(out, '[');
    for (size_t i = 0; i < call->model->clusters_len; i++) {
        const struct ws_cluster *cluster = call->model->clusters[i];
        if (cluster->libraries_len != 0) emit_statuses(call->model, cluster, out);
    }
    emit_close(out, ']');
    emit_close(out, '}');
    emit_end(out);
    return true;
}

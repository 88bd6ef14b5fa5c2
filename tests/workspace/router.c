/*
 * The way of one request: which call it is, what is wrong with it before any cluster is looked at,
 * faults before and after, the log of calls.
 */
#include "inside.h"

#include "json.h"
#include "text.h"

#include <stdio.h>

enum body_kind {
    BODY_NONE,
    BODY_JSON,
    BODY_RAW,
};
enum { V20 = 1, V21 = 2, UNVERSIONED = 4, REGISTRY = 8 };

/* Cluster calls answer under both versions, all else under 2.0 alone (databricks-api.md 1.1).
   What has no version is asked before there are credentials: no token is wanted. A registry has
   logins of its own. */
static const struct ws_route {
    const char *method, *name;
    unsigned versions;
    enum body_kind body;
    bool write;
    ws_handler_fn handler;
} routes[] = {
    { "POST", "clusters/create", V20 | V21, BODY_JSON, true, ws_create },
    { "POST", "clusters/edit", V20 | V21, BODY_JSON, true, ws_edit },
    { "POST", "clusters/update", V21, BODY_JSON, true, ws_update },
    { "POST", "clusters/start", V20 | V21, BODY_JSON, true, ws_start },
    { "POST", "clusters/restart", V20 | V21, BODY_JSON, true, ws_restart },
    { "POST", "clusters/resize", V20 | V21, BODY_JSON, true, ws_resize },
    { "POST", "clusters/delete", V20 | V21, BODY_JSON, true, ws_delete },
    { "POST", "clusters/permanent-delete", V20 | V21, BODY_JSON, true, ws_permanent_delete },
    { "POST", "clusters/pin", V20 | V21, BODY_JSON, true, ws_pin },
    { "POST", "clusters/unpin", V20 | V21, BODY_JSON, true, ws_unpin },
    { "POST", "clusters/change-owner", V20 | V21, BODY_JSON, true, ws_change_owner },
    { "GET", "clusters/get", V20 | V21, BODY_NONE, false, ws_get },
    { "GET", "clusters/list", V20 | V21, BODY_NONE, false, ws_list },
    { "POST", "clusters/events", V20 | V21, BODY_JSON, false, ws_events },
    { "GET", "clusters/spark-versions", V20 | V21, BODY_NONE, false, ws_spark_versions },
    { "GET", "clusters/list-node-types", V20 | V21, BODY_NONE, false, ws_node_types },
    { "GET", "clusters/list-zones", V20 | V21, BODY_NONE, false, ws_zones },
    { "POST", "libraries/install", V20, BODY_JSON, true, ws_install },
    { "POST", "libraries/uninstall", V20, BODY_JSON, true, ws_uninstall },
    { "GET", "libraries/cluster-status", V20, BODY_NONE, false, ws_cluster_status },
    { "GET", "libraries/all-cluster-statuses", V20, BODY_NONE, false, ws_all_statuses },
    { "GET", "permissions/clusters/*", V20, BODY_NONE, false, ws_permissions_get },
    { "PUT", "permissions/clusters/*", V20, BODY_JSON, true, ws_permissions_put },
    { "PATCH", "permissions/clusters/*", V20, BODY_JSON, true, ws_permissions_patch },
    { "POST", "workspace/mkdirs", V20, BODY_JSON, true, ws_mkdirs },
    { "POST", "workspace/import", V20, BODY_JSON, true, ws_import },
    { "POST", "workspace-files/import-file/*", V20, BODY_RAW, true, ws_import_file },
    { "GET", "workspace/get-status", V20, BODY_NONE, false, ws_get_status },
    { "GET", "workspace/export", V20, BODY_NONE, false, ws_export },
    { "GET", "workspace/list", V20, BODY_NONE, false, ws_list_path },
    { "POST", "workspace/delete", V20, BODY_JSON, true, ws_delete_path },
    { "GET", "preview/scim/v2/Me", V20, BODY_NONE, false, ws_me },
    { "GET", "workspace-conf", V20, BODY_NONE, false, ws_conf_get },
    { "PATCH", "workspace-conf", V20, BODY_JSON, true, ws_conf_patch },
    { "GET", ".well-known/databricks-config", UNVERSIONED, BODY_NONE, false, ws_host_config },
    { "GET", "registry/ping", REGISTRY, BODY_NONE, false, ws_registry_ping },
    { "HEAD", "registry/ping", REGISTRY, BODY_NONE, false, ws_registry_ping },
    { "GET", "registry/manifest", REGISTRY, BODY_NONE, false, ws_registry_manifest },
    { "HEAD", "registry/manifest", REGISTRY, BODY_NONE, false, ws_registry_manifest },
    { "GET", "registry/blob", REGISTRY, BODY_NONE, false, ws_registry_blob },
    { "HEAD", "registry/blob", REGISTRY, BODY_NONE, false, ws_registry_blob },
    { "GET", "registry/tags", REGISTRY, BODY_NONE, false, ws_registry_tags },
    { "GET", "registry/token", REGISTRY, BODY_NONE, false, ws_registry_token },
};

size_t ws_routes_count(void)
{
    return COUNT_OF(routes);
}

const char *model_route_name(size_t index)
{
    return index < COUNT_OF(routes) ? routes[index].name : NULL;
}

void model_response_release(struct model_response *response)
{
    buf_release(&response->body);
    buf_release(&response->headers);
}

void ws_header(struct model_response *response, const char *name, const char *value)
{
    buf_addf(&response->headers, "%s: %s\n", name, value);
}

struct buf *ws_answer(struct ws_call *call)
{
    return &call->response->body;
}

void ws_answer_empty(struct ws_call *call)
{
    buf_adds(&call->response->body, "{}");
}

void ws_fail_response(struct model_response *response, int status, const char *code,
                      const char *message)
{
    response->status = status;
    response->content_type = "application/json";
    buf_clear(&response->body);
    buf_clear(&response->headers);
    emit_open(&response->body, '{');
    emit_text(&response->body, "error_code", code);
    emit_text(&response->body, "message", message);
    /* Some errors of the caller bear details (5.1); a client has to pass over them. */
    if (status == 400 && strcmp(code, "INVALID_PARAMETER_VALUE") == 0) {
        emit_json(&response->body, "details",
                  "[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\","
                  "\"reason\":\"CM_API_ERROR_SOURCE_CALLER_ERROR\",\"domain\":\"\"}]");
    }
    emit_close(&response->body, '}');
    emit_end(&response->body);
}

bool ws_refuse(struct ws_call *call, int status, const char *code, const char *fmt, ...)
{
    AUTO_BUF struct buf message = BUF_INIT(16384);
    va_list args;
    va_start(args, fmt);
    buf_vaddf(&message, fmt, args);
    va_end(args);
    ws_fail_response(call->response, status, code, buf_text(&message));
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Percent-decoded; NULL for a broken escape, a NUL or bad UTF-8. */
static const char *decode(struct arena *arena, const char *text, size_t len, bool plus_is_blank)
{
    char *out = arena_alloc(arena, len + 1);
    size_t out_len = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '+' && plus_is_blank) c = ' ';
        if (c == '%') {
            int high = len - i > 2 ? hex_digit(text[i + 1]) : -1;
            int low = len - i > 2 ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0) return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0') return NULL;
        out[out_len++] = c;
    }
    return text_is_utf8(out, out_len) ? out : NULL;
}

static bool read_params(struct ws_call *call, const char *query)
{
    for (const char *at = query; *at != '\0';) {
        size_t len = strcspn(at, "&");
        size_t key_len = strcspn(at, "=&");
        if (len != 0) {
            if (call->params_len == WS_PARAMS_MAX) {
                return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE",
                                 "More than %d query parameters.", WS_PARAMS_MAX);
            }
            struct ws_param *param = &call->params[call->params_len++];
            size_t skip = key_len < len ? key_len + 1 : len;
            param->key = decode(call->arena, at, key_len, true);
            param->value = decode(call->arena, at + skip, len - skip, true);
            if (param->key == NULL || param->value == NULL) {
                return ws_refuse(call, 400, "MALFORMED_REQUEST", "The query cannot be decoded.");
            }
        }
        at += at[len] == '&' ? len + 1 : len;
    }
    return true;
}

const char *ws_param(const struct ws_call *call, const char *key)
{
    for (size_t i = 0; i < call->params_len; i++) {
        if (strcmp(call->params[i].key, key) == 0) return call->params[i].value;
    }
    return NULL;
}

/* What names the route in a path, and which version it is: what follows that, but for a registry,
   whose paths begin with the repository. */
static const char *read_version(const char *path, unsigned *ret_version)
{
    static const struct {
        const char *text;
        unsigned version;
    } prefixes[] = { { "/api/2.0/", V20 }, { "/api/2.1/", V21 }, { "/", UNVERSIONED } };
    if (ws_registry_is_for(path)) {
        *ret_version = REGISTRY;
        return ws_registry_name(path);
    }
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        if (!text_starts(path, prefixes[i].text)) continue;
        *ret_version = prefixes[i].version;
        return path + strlen(prefixes[i].text);
    }
    *ret_version = 0;
    return path;
}

/* The row for a path without its query; sets call->tail where the row ends in a star, and for the
   registry, whose handlers read the path themselves. */
static const struct ws_route *find_route(struct ws_call *call)
{
    unsigned version = 0;
    const char *path = read_version(call->path, &version);
    if (version == REGISTRY) call->tail = call->path + strlen("/v2/");
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        const struct ws_route *route = &routes[i];
        if ((route->versions & version) == 0 || strcmp(route->method, call->request->method) != 0) {
            continue;
        }
        size_t len = strlen(route->name);
        if (route->name[len - 1] != '*') {
            if (strcmp(route->name, path) == 0) return route;
        } else if (strncmp(route->name, path, len - 1) == 0) {
            call->tail = path + len - 1;
            return route;
        }
    }
    return NULL;
}

/* databricks-api.md 5.2: wrong credentials have a plain answer. */
static bool check_token(struct ws_call *call)
{
    const char *token = call->model->token;
    if (token == NULL) return true;
    const char *given = call->request->authorization;
    if (given == NULL) {
        return ws_refuse(call, 401, "UNAUTHENTICATED",
                         "Credential was not sent or was of an unsupported type for this API.");
    }
    if (text_starts(given, "Bearer ") && strcmp(given + 7, token) == 0) return true;
    call->response->status = 403;
    call->response->content_type = "text/plain";
    buf_clear(&call->response->body);
    buf_adds(&call->response->body, "Invalid access token.");
    return false;
}

static bool read_body(struct ws_call *call, enum body_kind kind)
{
    const struct model_request *request = call->request;
    if (request->body_len > WS_REQUEST_BYTES_MAX) {
        return ws_refuse(call, 413, "MALFORMED_REQUEST", "The request has %zu bytes; at most %d.",
                         request->body_len, WS_REQUEST_BYTES_MAX);
    }
    if (kind != BODY_JSON) return true;
    struct err err;
    const char *text = request->body == NULL ? "" : request->body;
    if (!json_read(call->arena, text, request->body_len, &call->body, &err)) {
        return ws_refuse(call, 400, "MALFORMED_REQUEST", "Could not parse request object: %s",
                         err.text);
    }
    if (call->body->kind != VALUE_MAP) {
        return ws_refuse(call, 400, "MALFORMED_REQUEST",
                         "Could not parse request object: Expected an object.");
    }
    return true;
}

static bool serve(struct ws_call *call, const struct ws_route *route, const char *query)
{
    if (route == NULL && ws_registry_is_for(call->path)) return ws_registry_lost(call);
    bool is_open = route != NULL && (route->versions & (UNVERSIONED | REGISTRY)) != 0;
    if (!is_open && !check_token(call)) return false;
    if (route == NULL) {
        return ws_refuse(call, 404, "ENDPOINT_NOT_FOUND", "No API found for '%s %s'",
                         call->request->method, call->path);
    }
    if (call->tail != NULL) {
        call->tail = decode(call->arena, call->tail, strlen(call->tail), false);
        if (call->tail == NULL) {
            return ws_refuse(call, 400, "MALFORMED_REQUEST", "The path cannot be decoded.");
        }
    }
    if (!read_params(call, query) || !read_body(call, route->body)) return false;
    return route->handler(call);
}

static void log_call(struct ws_call *call, const struct ws_route *route)
{
    struct workspace_model *model = call->model;
    const struct model_response *response = call->response;
    bool is_read = strcmp(call->request->method, "GET") == 0 || ws_registry_is_for(call->path);
    bool is_write = route == NULL ? !is_read : route->write;
    model->counts[route == NULL ? COUNT_OF(routes) : (size_t)(route - routes)]++;
    if (is_write) model->writes++;
    struct model_call entry = {
        .at_ms = model->now_ms,
        .method = route == NULL ? "" : route->method,
        .name = route == NULL ? "" : route->name,
        .status = response->transport == MODEL_ANSWER ? response->status : 0,
        .write = is_write,
    };
    memcpy(entry.id, call->id, sizeof(entry.id));
    if (model->calls_len < MODEL_CALLS_MAX) {
        ARR_PUSH(model->calls, model->calls_len, model->calls_cap, entry);
    } else {
        model->calls[model->calls_first] = entry;
        model->calls_first = (model->calls_first + 1) % MODEL_CALLS_MAX;
    }
}

void model_handle(struct workspace_model *model, const struct model_request *request,
                  struct model_response *ret_response)
{
    *ret_response = (struct model_response){
        .status = 200,
        .retry_after_s = -1,
        .content_type = "application/json",
        .body = BUF_INIT(WS_ANSWER_BYTES_MAX),
        .headers = BUF_INIT(WS_HEADERS_BYTES_MAX),
    };
    size_t path_len = strcspn(request->path, "?");
    const char *query = request->path + path_len;
    struct ws_call call = {
        .model = model,
        .arena = &model->scratch,
        .request = request,
        .path = arena_strndup(&model->scratch, request->path, path_len),
        .user = model->user_name,
        .source = "API",
        .response = ret_response,
    };
    const struct ws_route *route = find_route(&call);
    const struct ws_fault *after = NULL;
    if (!ws_faults_before(&call, route == NULL ? "" : route->name, &after)) {
        (void)serve(&call, route, *query == '?' ? query + 1 : query);
        if (after != NULL) ws_fault_after(&call, after);
    }
    ret_response->content_length = ret_response->body.len;
    if (strcmp(request->method, "HEAD") == 0) buf_clear(&ret_response->body);
    log_call(&call, route);
    arena_reset(&model->scratch);
}

size_t model_calls_kept(const struct workspace_model *model)
{
    return model->calls_len;
}

const struct model_call *model_call_at(const struct workspace_model *model, size_t index)
{
    if (index >= model->calls_len) return NULL;
    return &model->calls[(model->calls_first + index) % model->calls_len];
}

uint64_t model_calls_count(const struct workspace_model *model, const char *name)
{
    uint64_t count = name == NULL ? model->counts[COUNT_OF(routes)] : 0;
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (name == NULL || strcmp(routes[i].name, name) == 0) count += model->counts[i];
    }
    return count;
}

uint64_t model_writes_count(const struct workspace_model *model)
{
    return model->writes;
}

void model_calls_reset(struct workspace_model *model)
{
    model->calls_len = 0;
    model->calls_first = 0;
    model->writes = 0;
    memset(model->counts, 0, (COUNT_OF(routes) + 1) * sizeof(uint64_t));
}

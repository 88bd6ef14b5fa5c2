/*
 * Faults: what the network and the platform do to a call, before it acts or after
 * (databricks-api.md 10.2 item 5).
 */
#include "inside.h"

static const struct kind_row {
    const char *name;
    bool always_acts; /* whatever the rule says */
} kinds[MODEL_FAULT_COUNT] = {
    [MODEL_FAULT_STATUS] = { "status", false },  [MODEL_FAULT_DELAY] = { "delay", true },
    [MODEL_FAULT_LOST] = { "lost", true },       [MODEL_FAULT_RESET] = { "reset", false },
    [MODEL_FAULT_GARBAGE] = { "garbage", true }, [MODEL_FAULT_CUT] = { "cut", true },
    [MODEL_FAULT_HTML] = { "html", false },      [MODEL_FAULT_EMPTY] = { "empty", false },
    [MODEL_FAULT_RATE] = { "rate", false },
};

/* The code that goes with a status (5.2), and the registry's own (container-registry.md 7). */
static const struct status_row {
    int status;
    const char *code, *of_registry, *message;
} statuses[] = {
    { 400, "INVALID_PARAMETER_VALUE", "UNSUPPORTED", "The request is not valid." },
    { 401, "UNAUTHENTICATED", "UNAUTHORIZED", "Invalid access token." },
    { 403, "PERMISSION_DENIED", "DENIED", "The caller does not have permission." },
    { 404, "RESOURCE_DOES_NOT_EXIST", "MANIFEST_UNKNOWN", "It does not exist." },
    { 429, "RESOURCE_EXHAUSTED", "TOOMANYREQUESTS",
      "Too many requests. Please wait a moment and try again." },
    { 500, "INTERNAL_ERROR", "UNKNOWN", "An internal error occurred." },
    { 502, "BAD_GATEWAY", "UNKNOWN", "Bad gateway." },
    { 503, "TEMPORARILY_UNAVAILABLE", "UNAVAILABLE", "The service is temporarily unavailable." },
    { 504, "DEADLINE_EXCEEDED", "UNKNOWN", "The deadline was exceeded." },
};

const char *model_fault_kind_name(enum model_fault_kind kind)
{
    return kinds[kind].name;
}

bool model_fault_add(struct workspace_model *model, const struct model_fault *fault)
{
    if (model->faults_len == MODEL_FAULTS_MAX) return false;
    struct ws_fault entry = { .rule = *fault, .level = fault->burst, .level_ms = model->now_ms };
    const char **fields[] = { &entry.rule.method, &entry.rule.path, &entry.rule.code,
                              &entry.rule.message };
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (*fields[i] != NULL) *fields[i] = entry.texts[i] = xstrdup(*fields[i]);
    }
    if (entry.rule.status == 0) entry.rule.status = fault->kind == MODEL_FAULT_RATE ? 429 : 503;
    ARR_PUSH(model->faults, model->faults_len, model->faults_cap, entry);
    return true;
}

void model_faults_clear(struct workspace_model *model)
{
    for (size_t i = 0; i < model->faults_len; i++) {
        for (size_t j = 0; j < COUNT_OF(model->faults[i].texts); j++) {
            xfree(model->faults[i].texts[j]);
        }
    }
    model->faults_len = 0;
}

size_t model_faults_count(const struct workspace_model *model)
{
    return model->faults_len;
}

const struct model_fault *model_fault_at(const struct workspace_model *model, size_t index,
                                         uint64_t *ret_struck)
{
    if (index >= model->faults_len) return NULL;
    if (ret_struck != NULL) *ret_struck = model->faults[index].struck;
    return &model->faults[index].rule;
}

static bool path_matches(const char *pattern, const char *path)
{
    size_t len = strlen(pattern);
    if (len != 0 && pattern[len - 1] == '*') return strncmp(pattern, path, len - 1) == 0;
    return strcmp(pattern, path) == 0;
}

static bool matches(const struct model_fault *rule, const struct ws_call *call, const char *name)
{
    if (rule->method != NULL && strcmp(rule->method, call->request->method) != 0) return false;
    if (rule->path == NULL) return true;
    return path_matches(rule->path, rule->path[0] == '/' ? call->path : name);
}

/* A token is there and is taken. */
static bool bucket_has(struct ws_fault *fault, int64_t now_ms)
{
    fault->level += (double)(now_ms - fault->level_ms) * fault->rule.per_min / 60000.0;
    fault->level_ms = now_ms;
    if (fault->level > fault->rule.burst) fault->level = fault->rule.burst;
    if (fault->level < 1.0) return false;
    fault->level -= 1.0;
    return true;
}

static bool strikes(struct workspace_model *model, struct ws_fault *fault)
{
    const struct model_fault *rule = &fault->rule;
    fault->seen++;
    if (fault->seen <= rule->skip) return false;
    if (rule->times != 0 && fault->struck >= rule->times) return false;
    if (rule->permille != 0 && prng_below(&model->fault_prng, 1000) >= rule->permille) return false;
    if (rule->kind == MODEL_FAULT_RATE && bucket_has(fault, model->now_ms)) return false;
    fault->struck++;
    return true;
}

/* The answer that the rule gives in place of the true one. */
static void replace_answer(struct ws_call *call, const struct model_fault *rule)
{
    const struct status_row *row = &statuses[COUNT_OF(statuses) - 2];
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        if (statuses[i].status == rule->status) row = &statuses[i];
    }
    bool is_registry = ws_registry_is_for(call->path);
    const char *code = is_registry ? row->of_registry : row->code;
    const char *message = rule->message != NULL ? rule->message : row->message;
    if (rule->code != NULL) code = rule->code;
    if (is_registry) {
        (void)ws_registry_refuse(call, rule->status, code, message);
    } else {
        ws_fail_response(call->response, rule->status, code, message);
    }
    if (rule->retry_after_s != 0) call->response->retry_after_s = rule->retry_after_s;
}

/* Somebody else's page: none of our headers comes with it. */
static void replace_page(struct model_response *response, int status, const char *type,
                         const char *body)
{
    response->status = status;
    response->content_type = type;
    buf_clear(&response->headers);
    buf_clear(&response->body);
    buf_adds(&response->body, body);
}

void ws_fault_after(struct ws_call *call, const struct ws_fault *fault)
{
    const struct model_fault *rule = &fault->rule;
    struct model_response *response = call->response;
    switch (rule->kind) {
    case MODEL_FAULT_STATUS:
    case MODEL_FAULT_RATE:
        replace_answer(call, rule);
        break;
    case MODEL_FAULT_LOST:
        response->transport = MODEL_LOST;
        break;
    case MODEL_FAULT_RESET:
        response->transport = MODEL_RESET;
        break;
    case MODEL_FAULT_CUT:
        response->transport = MODEL_CUT;
        break;
    case MODEL_FAULT_GARBAGE:
        replace_page(response, response->status, "application/json",
                     "\x1f\x8b{\"clusters\":[{\"cluster_id\":\"11");
        break;
    case MODEL_FAULT_HTML:
        replace_page(response, rule->status, "text/html",
                     "<html><head><title>Bad Gateway</title></head>"
                     "<body><pre>upstream connect error</pre></body></html>\n");
        break;
    case MODEL_FAULT_EMPTY:
        replace_page(response, rule->status, "text/plain", "");
        break;
    case MODEL_FAULT_DELAY:
    case MODEL_FAULT_COUNT:
        break;
    }
}

bool ws_faults_before(struct ws_call *call, const char *name, const struct ws_fault **ret_after)
{
    struct workspace_model *model = call->model;
    for (size_t i = 0; i < model->faults_len; i++) {
        struct ws_fault *fault = &model->faults[i];
        if (!matches(&fault->rule, call, name) || !strikes(model, fault)) continue;
        call->response->delay_ms += fault->rule.delay_ms;
        if (fault->rule.kind == MODEL_FAULT_DELAY) continue; /* others may strike as well */
        if (kinds[fault->rule.kind].always_acts || fault->rule.acts) {
            *ret_after = fault;
            return false;
        }
        ws_fault_after(call, fault);
        return true;
    }
    return false;
}

#include "control.h"

#include "emit.h"
#include "json.h"
#include "text.h"

enum { LOG_SHOWN = 1000, JOBS_MAX = 40000, SPEED_MAX = 100000 };

struct control {
    struct workspace_model *model;
    struct control_clock *clock;
    int64_t real_ms;
    struct arena *arena;
    const struct value *body; /* a map, or NULL */
    struct buf *out;
};

/* Fills `err` when it refuses. */
typedef bool (*control_fn)(struct control *control, struct err *err);

int64_t control_clock_now(const struct control_clock *clock, int64_t real_ms)
{
    return clock->virtual_ms + (real_ms - clock->real_ms) * clock->speed;
}

static void clock_rebase(struct control *control)
{
    control->clock->virtual_ms = control_clock_now(control->clock, control->real_ms);
    control->clock->real_ms = control->real_ms;
}

static bool get_time(struct control *control, struct err *err)
{
    (void)err;
    int64_t next = model_next_event_ms(control->model);
    emit_open(control->out, '{');
    emit_int(control->out, "now_ms", model_now_ms(control->model));
    emit_int(control->out, "speed", control->clock->speed);
    if (next != INT64_MAX) emit_int(control->out, "next_event_ms", next);
    emit_close(control->out, '}');
    return true;
}

static bool set_time(struct control *control, struct err *err)
{
    int64_t speed = 0;
    if (!value_get_int(control->body, "speed", &speed) || speed < 0 || speed > SPEED_MAX) {
        return err_set(err, ERR_USAGE, "time needs speed, from 0 to %d", SPEED_MAX);
    }
    clock_rebase(control);
    control->clock->speed = speed;
    return get_time(control, err);
}

/* {"ms":N}, or {"events":N}: to the N-th transition from now. */
static bool advance(struct control *control, struct err *err)
{
    int64_t ms = 0;
    int64_t events = 0;
    bool has_ms = value_get_int(control->body, "ms", &ms);
    bool has_events = value_get_int(control->body, "events", &events);
    if (has_ms == has_events || ms < 0 || events < 0 || events > 1000000 ||
        ms > (int64_t)400 * 24 * 3600 * 1000) {
        return err_set(err, ERR_USAGE, "advance needs ms (at most 400 days), or events");
    }
    clock_rebase(control);
    int64_t before = model_now_ms(control->model);
    model_set_time(control->model, before + ms);
    for (; events > 0 && model_next_event_ms(control->model) != INT64_MAX; events--) {
        model_set_time(control->model, model_next_event_ms(control->model));
    }
    control->clock->virtual_ms = model_now_ms(control->model);
    return get_time(control, err);
}

/* The row of a behaviour, kind or action by its word. */
static bool find_word(const char *word, const char *const *words, size_t len, size_t *ret_at,
                      struct err *err)
{
    for (size_t i = 0; word != NULL && i < len; i++) {
        if (strcmp(words[i], word) != 0) continue;
        *ret_at = i;
        return true;
    }
    AUTO_BUF struct buf all = BUF_INIT(512);
    for (size_t i = 0; i < len; i++) {
        buf_addf(&all, "%s%s", i == 0 ? "" : ", ", words[i]);
    }
    return err_set(err, ERR_USAGE, "'%.100s' is none of: %s", word == NULL ? "" : word,
                   buf_text(&all));
}

static unsigned get_unsigned(const struct value *body, const char *key)
{
    int64_t number = 0;
    if (!value_get_int(body, key, &number) || number < 0) return 0;
    return number > 1000000000 ? 1000000000U : (unsigned)number;
}

static bool is_true(const struct value *body, const char *key)
{
    const struct value *flag = value_get(body, key);
    return flag != NULL && flag->kind == VALUE_BOOL && flag->u.boolean;
}

static bool add_fault(struct control *control, struct err *err)
{
    const struct value *body = control->body;
    const char *words[MODEL_FAULT_COUNT];
    size_t kind = 0;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        words[i] = model_fault_kind_name((enum model_fault_kind)i);
    }
    if (!find_word(value_get_text(body, "kind"), words, COUNT_OF(words), &kind, err)) {
        return err_wrap(err, "kind");
    }
    struct model_fault fault = {
        .method = value_get_text(body, "method"),
        .path = value_get_text(body, "path"),
        .kind = (enum model_fault_kind)kind,
        .skip = get_unsigned(body, "skip"),
        .times = get_unsigned(body, "times"),
        .permille = get_unsigned(body, "permille"),
        .acts = is_true(body, "acts"),
        .status = (int)get_unsigned(body, "status"),
        .code = value_get_text(body, "code"),
        .message = value_get_text(body, "message"),
        .retry_after_s = (int)get_unsigned(body, "retry_after"),
        .delay_ms = get_unsigned(body, "delay_ms"),
        .burst = get_unsigned(body, "burst"),
        .per_min = get_unsigned(body, "per_min"),
    };
    if (fault.status != 0 && (fault.status < 200 || fault.status > 599)) {
        return err_set(err, ERR_USAGE, "status must be from 200 to 599");
    }
    if (!model_fault_add(control->model, &fault)) {
        return err_set(err, ERR_LIMIT, "there are %d faults already", MODEL_FAULTS_MAX);
    }
    return true;
}

static bool list_faults(struct control *control, struct err *err)
{
    (void)err;
    struct buf *out = control->out;
    emit_open(out, '{');
    emit_key(out, "faults");
    emit_open(out, '[');
    for (size_t i = 0; i < model_faults_count(control->model); i++) {
        uint64_t struck = 0;
        const struct model_fault *fault = model_fault_at(control->model, i, &struck);
        emit_open(out, '{');
        emit_text(out, "kind", model_fault_kind_name(fault->kind));
        if (fault->method != NULL) emit_text(out, "method", fault->method);
        if (fault->path != NULL) emit_text(out, "path", fault->path);
        emit_int(out, "times", fault->times);
        emit_int(out, "struck", (int64_t)struck);
        emit_close(out, '}');
    }
    emit_close(out, ']');
    emit_close(out, '}');
    return true;
}

static bool clear_faults(struct control *control, struct err *err)
{
    (void)err;
    model_faults_clear(control->model);
    return true;
}

static bool set_image(struct control *control, struct err *err)
{
    const char *words[MODEL_IMAGE_COUNT];
    size_t at = 0;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        words[i] = model_image_name((enum model_image)i);
    }
    const char *url = value_get_text(control->body, "url");
    if (url == NULL) return err_set(err, ERR_USAGE, "image needs url and behaviour");
    if (!find_word(value_get_text(control->body, "behaviour"), words, COUNT_OF(words), &at, err)) {
        return err_wrap(err, "behaviour");
    }
    if (model_set_image(control->model, url, (enum model_image)at,
                        value_get_text(control->body, "password"))) {
        return true;
    }
    return err_set(err, ERR_USAGE, "nothing was pushed under that digest");
}

static bool push_image(struct control *control, struct err *err)
{
    const char *url = value_get_text(control->body, "url");
    char digest[MODEL_DIGEST_SIZE];
    if (url == NULL) return err_set(err, ERR_USAGE, "push needs url");
    if (!model_push_image(control->model, url)) {
        return err_set(err, ERR_USAGE, "a digest cannot be pushed to; give the tag");
    }
    if (!model_image_digest(control->model, url, digest)) return false;
    emit_open(control->out, '{');
    emit_text(control->out, "digest", digest);
    emit_close(control->out, '}');
    return true;
}

static bool set_script(struct control *control, struct err *err)
{
    const char *words[MODEL_SCRIPT_COUNT];
    size_t at = 0;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        words[i] = model_script_name((enum model_script)i);
    }
    const char *destination = value_get_text(control->body, "destination");
    if (destination == NULL) return err_set(err, ERR_USAGE, "script needs destination, behaviour");
    if (!find_word(value_get_text(control->body, "behaviour"), words, COUNT_OF(words), &at, err)) {
        return err_wrap(err, "behaviour");
    }
    model_set_script(control->model, destination, (enum model_script)at);
    return true;
}

static bool set_stockout(struct control *control, struct err *err)
{
    (void)err;
    model_set_stockout(control->model, get_unsigned(control->body, "launches"));
    return true;
}

static bool set_policy(struct control *control, struct err *err)
{
    const char *policy_id = value_get_text(control->body, "policy_id");
    const char *path = value_get_text(control->body, "path");
    const struct value *value = value_get(control->body, "value");
    if (policy_id == NULL || path == NULL || value == NULL || strlen(path) > 200) {
        return err_set(err, ERR_USAGE, "policy needs policy_id, path (a field) and value");
    }
    model_set_policy(control->model, policy_id, path, value);
    return true;
}

static bool act(struct control *control, struct err *err)
{
    const char *words[MODEL_ACTOR_COUNT];
    size_t at = 0;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        words[i] = model_actor_name((enum model_actor)i);
    }
    if (!find_word(value_get_text(control->body, "action"), words, COUNT_OF(words), &at, err)) {
        return err_wrap(err, "action");
    }
    const char *id = value_get_text(control->body, "cluster_id");
    const char *name = value_get_text(control->body, "name");
    struct model_view view;
    if (id == NULL && name != NULL && model_view_named(control->model, name, &view)) {
        id = arena_strdup(control->arena, view.id); /* the deed may end the cluster */
    }
    const struct value *body = value_get(control->body, "body");
    if (body != NULL && body->kind != VALUE_MAP) return err_set(err, ERR_USAGE, "body: an object");
    char made[MODEL_ID_SIZE] = "";
    if (!model_act(control->model, (enum model_actor)at, id, body, made, err)) return false;
    emit_open(control->out, '{');
    emit_text(control->out, "cluster_id", made[0] != '\0' || id == NULL ? made : id);
    emit_close(control->out, '}');
    return true;
}

static bool add_jobs(struct control *control, struct err *err)
{
    unsigned count = get_unsigned(control->body, "count");
    if (count > JOBS_MAX) return err_set(err, ERR_USAGE, "count: at most %d", JOBS_MAX);
    model_add_job_clusters(control->model, count);
    return true;
}

void control_write_clusters(struct workspace_model *model, struct buf *out)
{
    struct model_view view;
    emit_open(out, '{');
    emit_int(out, "count", (int64_t)model_cluster_count(model));
    emit_int(out, "live", (int64_t)model_count_all_live(model));
    emit_key(out, "clusters");
    emit_open(out, '[');
    for (size_t i = 0; model_view_at(model, i, &view); i++) {
        emit_open(out, '{');
        emit_text(out, "cluster_id", view.id);
        emit_text(out, "cluster_name", view.name);
        emit_text(out, "state", model_state_name(view.state));
        emit_text(out, "state_message", view.state_message);
        if (view.reason_code != NULL) emit_text(out, "reason_code", view.reason_code);
        emit_text(out, "source", view.source);
        emit_bool(out, "live", model_is_live(view.state));
        emit_bool(out, "pinned", view.pinned);
        emit_int(out, "launches", view.launches);
        emit_int(out, "nodes_launched", (int64_t)view.nodes_launched);
        emit_int(out, "libraries", (int64_t)view.libraries);
        if (view.image_digest != NULL) emit_text(out, "image_digest", view.image_digest);
        emit_key(out, "cluster");
        (void)model_write_cluster(model, view.id, out);
        emit_close(out, '}');
    }
    emit_close(out, ']');
    emit_close(out, '}');
    emit_end(out);
}

static bool dump_clusters(struct control *control, struct err *err)
{
    (void)err;
    control_write_clusters(control->model, control->out);
    return true;
}

static bool list_requests(struct control *control, struct err *err)
{
    (void)err;
    const struct workspace_model *model = control->model;
    struct buf *out = control->out;
    size_t kept = model_calls_kept(model);
    emit_open(out, '{');
    emit_int(out, "total", (int64_t)model_calls_count(model, NULL));
    emit_int(out, "writes", (int64_t)model_writes_count(model));
    emit_key(out, "counts");
    emit_open(out, '{');
    const char *name = NULL;
    for (size_t i = 0; (name = model_route_name(i)) != NULL; i++) {
        uint64_t count = model_calls_count(model, name);
        bool is_first = i == 0 || strcmp(name, model_route_name(i - 1)) != 0;
        if (count != 0 && is_first) emit_int(out, name, (int64_t)count);
    }
    emit_close(out, '}');
    emit_key(out, "log");
    emit_open(out, '[');
    for (size_t i = kept > LOG_SHOWN ? kept - LOG_SHOWN : 0; i < kept; i++) {
        const struct model_call *call = model_call_at(model, i);
        emit_open(out, '{');
        emit_int(out, "at_ms", call->at_ms);
        emit_text(out, "method", call->method);
        emit_text(out, "name", call->name);
        if (call->id[0] != '\0') emit_text(out, "cluster_id", call->id);
        emit_int(out, "status", call->status);
        emit_close(out, '}');
    }
    emit_close(out, ']');
    emit_close(out, '}');
    return true;
}

static bool reset_requests(struct control *control, struct err *err)
{
    (void)err;
    model_calls_reset(control->model);
    return true;
}

static bool get_config(struct control *control, struct err *err)
{
    (void)err;
    emit_open(control->out, '{');
    const char *name = NULL;
    for (size_t i = 0; (name = control_setting_name(i)) != NULL; i++) {
        emit_int(control->out, name, *control_setting(control->model, name));
    }
    emit_close(control->out, '}');
    return true;
}

static bool set_config(struct control *control, struct err *err)
{
    const struct value *body = control->body;
    for (size_t i = 0; body != NULL && i < body->len; i++) {
        const struct member *member = &body->u.members[i];
        int64_t *setting = control_setting(control->model, member->key);
        if (setting == NULL) {
            return err_set(err, ERR_USAGE, "there is no setting '%.100s'", member->key);
        }
        int64_t number = member->value->kind == VALUE_BOOL ? member->value->u.boolean : -1;
        if (member->value->kind == VALUE_INT) number = member->value->u.integer;
        if (number < 0) return err_set(err, ERR_USAGE, "%s must not be negative", member->key);
        *setting = number;
    }
    return get_config(control, err);
}

static const struct control_row {
    const char *method, *path;
    control_fn act;
} rows[] = {
    { "GET", "/control/time", get_time },
    { "POST", "/control/time", set_time },
    { "POST", "/control/advance", advance },
    { "POST", "/control/fault", add_fault },
    { "GET", "/control/faults", list_faults },
    { "DELETE", "/control/faults", clear_faults },
    { "POST", "/control/image", set_image },
    { "POST", "/control/push", push_image },
    { "POST", "/control/script", set_script },
    { "POST", "/control/stockout", set_stockout },
    { "POST", "/control/policy", set_policy },
    { "POST", "/control/actor", act },
    { "POST", "/control/jobs", add_jobs },
    { "GET", "/control/clusters", dump_clusters },
    { "GET", "/control/requests", list_requests },
    { "DELETE", "/control/requests", reset_requests },
    { "GET", "/control/config", get_config },
    { "POST", "/control/config", set_config },
};

bool control_is_for(const char *path)
{
    return text_starts(path, "/control/");
}

static bool serve(struct control *control, const struct model_request *request, struct err *err)
{
    if (request->body_len != 0) {
        if (!json_read(control->arena, request->body, request->body_len, &control->body, err)) {
            return false;
        }
        if (control->body->kind != VALUE_MAP) {
            return err_set(err, ERR_USAGE, "the body must be an object");
        }
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strcmp(rows[i].method, request->method) != 0) continue;
        if (strcmp(rows[i].path, request->path) == 0) return rows[i].act(control, err);
    }
    return err_set(err, ERR_NOT_FOUND, "there is no %s %.200s", request->method, request->path);
}

void control_handle(struct workspace_model *model, struct control_clock *clock, int64_t real_ms,
                    const struct model_request *request, struct model_response *ret_response)
{
    *ret_response = (struct model_response){
        .status = 200,
        .retry_after_s = -1,
        .content_type = "application/json",
        .body = BUF_INIT(CONTROL_DUMP_BYTES_MAX),
    };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct buf *out = &ret_response->body;
    struct control control = { model, clock, real_ms, &arena, NULL, out };
    struct err err;
    if (!serve(&control, request, &err)) {
        ret_response->status = err.code == ERR_NOT_FOUND ? 404 : 400;
        buf_clear(out);
        emit_open(out, '{');
        emit_text(out, "error", err.text);
        emit_close(out, '}');
    } else if (out->len == 0) {
        buf_adds(out, "{}");
    }
    emit_end(out);
    buf_addc(out, '\n');
}

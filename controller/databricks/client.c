#include "client.h"

#include "backoff.h"
#include "mark.h"
#include "secrets.h"

#include <assert.h>

enum {
    URL_MAX = 64 * 1024,
    AUTHORIZATION_MAX = 64 * 1024,
    TOKEN_COST = 1000,           /* the bucket counts thousandths of a call */
    HOLD_DEFAULT_MS = 1000,      /* a 429 without Retry-After, as the SDK (databricks-api.md 5.3) */
    RETRY_AFTER_MAX_MS = 300000, /* a server that asks for more is asked again sooner */
    CALL_BUDGET_MS = 15 * 60 * 1000, /* from the first attempt to the beginning of the last */
};

#define NEVER INT64_MAX

/* A list of calls, linked by `next`, in order. */
struct calls {
    struct client_call *head, *tail;
    size_t len;
};

/*
 * A call is in exactly one of the three lists. `ready` is the queue, first come, first served.
 * `waiting` has those that are to be repeated, by time; when it has come they go to the front of
 * the queue, since they are older than all in it.
 */
struct client {
    const struct port *port;
    struct client_config config;
    struct buf authorization;
    struct calls ready, waiting, flying;
    int64_t tokens; /* in the bucket, in units of 1 / TOKEN_COST */
    int64_t filled_at_ms;
    int64_t held_until_ms; /* nothing is sent before */
    uint64_t requests;
};

void client_config_defaults(struct client_config *config)
{
    *config = (struct client_config){
        .in_flight_max = 8,
        .rate = 15,
        .burst = 30,
        .attempts_max = 5,
        .retry_base_ms = 500,
        .retry_max_ms = 30000,
        .connect_timeout_ms = 10000,
        .stall_timeout_ms = 30000,
        .timeout_ms = 120000,
        .reply_max = (size_t)32 * 1024 * 1024,
    };
}

/* ---- lists ---- */

static void calls_append(struct calls *list, struct client_call *call)
{
    call->next = NULL;
    if (list->tail == NULL) list->head = call;
    if (list->tail != NULL) list->tail->next = call;
    list->tail = call;
    list->len++;
}

static void calls_prepend(struct calls *list, struct client_call *call)
{
    call->next = list->head;
    list->head = call;
    if (list->tail == NULL) list->tail = call;
    list->len++;
}

/* Behind those that are due no later. */
static void calls_insert(struct calls *list, struct client_call *call)
{
    struct client_call **at = &list->head;
    while (*at != NULL && (*at)->not_before_ms <= call->not_before_ms) {
        at = &(*at)->next;
    }
    call->next = *at;
    *at = call;
    if (call->next == NULL) list->tail = call;
    list->len++;
}

static struct client_call *calls_shift(struct calls *list)
{
    struct client_call *call = list->head;
    assert(call != NULL);
    list->head = call->next;
    if (list->head == NULL) list->tail = NULL;
    list->len--;
    return call;
}

static void calls_remove(struct calls *list, const struct client_call *call)
{
    struct client_call *before = NULL;
    struct client_call **at = &list->head;
    while (*at != call) {
        assert(*at != NULL);
        before = *at;
        at = &(*at)->next;
    }
    *at = call->next;
    if (list->tail == call) list->tail = before;
    list->len--;
}

/* ---- life ---- */

struct client *client_create(const struct port *port, const struct client_config *config)
{
    assert(config->in_flight_max > 0 && config->attempts_max > 0);
    assert(config->rate > 0 && config->burst > 0);
    struct client *client = xcalloc(1, sizeof(*client));
    client->port = port;
    client->config = *config;
    client->authorization = BUF_INIT(AUTHORIZATION_MAX);
    if (config->token != NULL) buf_addf(&client->authorization, "Bearer %s", config->token);
    client->tokens = (int64_t)config->burst * TOKEN_COST;
    client->filled_at_ms = port->now_ms(port->ctx);
    client->held_until_ms = client->filled_at_ms;
    return client;
}

size_t client_pending(const struct client *client)
{
    return client->ready.len + client->waiting.len + client->flying.len;
}

uint64_t client_requests(const struct client *client)
{
    return client->requests;
}

void client_destroy(struct client *client)
{
    if (client == NULL) return;
    assert(client_pending(client) == 0);
    buf_wipe(&client->authorization);
    xfree(client);
}

/* ---- pace ---- */

static void bucket_fill(struct client *client, int64_t now_ms)
{
    int64_t full = (int64_t)client->config.burst * TOKEN_COST;
    int64_t rate = client->config.rate; /* calls a second are thousandths a millisecond */
    int64_t elapsed_ms = now_ms - client->filled_at_ms;
    if (elapsed_ms <= 0) return;
    client->filled_at_ms = now_ms;
    bool is_full = elapsed_ms > full / rate; /* asked first, since the product may be too large */
    client->tokens = is_full ? full : client->tokens + elapsed_ms * rate;
    if (client->tokens > full) client->tokens = full;
}

/* When the bucket has enough for one call. */
static int64_t bucket_ready_ms(const struct client *client)
{
    int64_t missing = TOKEN_COST - client->tokens;
    int64_t rate = client->config.rate;
    return missing <= 0 ? client->filled_at_ms : client->filled_at_ms + (missing + rate - 1) / rate;
}

/*
 * The workspace is asked too often: nothing is sent for so long, and then at the steady rate, since
 * a burst would only be refused again.
 */
static void hold(struct client *client, int64_t now_ms, int64_t wait_ms)
{
    bucket_fill(client, now_ms);
    int64_t until_ms = now_ms + wait_ms;
    if (until_ms <= client->held_until_ms) return;
    client->held_until_ms = until_ms;
    client->filled_at_ms = until_ms;
    client->tokens = TOKEN_COST;
}

/* ---- the end of an attempt ---- */

/* The call goes back to its owner, who may free it at once. */
static void finish(struct client_call *call)
{
    struct buf reply = call->http.reply;
    call->http.reply = BUF_INIT(reply.max);
    buf_wipe(&call->body);
    xfree(call->url);
    call->url = NULL;
    call->reply = call->ok ? buf_text(&reply) : NULL;
    call->reply_len = call->ok ? reply.len : 0;
    call->done(call);
    buf_release(&reply);
}

/* Whether the same can be sent again after such an end (databricks-api.md 5.3, last item). */
static bool may_repeat(enum api api, enum err_code code)
{
    switch ((int)code) {
    case ERR_REFUSED:
    case ERR_THROTTLED:
    case ERR_BUSY:
        return true; /* nothing was done */
    case ERR_NETWORK:
    case ERR_TIMEOUT:
    case ERR_SERVER:
    case ERR_PROTOCOL:
        return api_repeat(api) == REPEAT_SAFE;
    default:
        return false;
    }
}

static int64_t least_wait_ms(const struct err *err)
{
    int64_t asked_ms = err->retry_after_ms;
    if (asked_ms == 0 && err->code == ERR_THROTTLED) return HOLD_DEFAULT_MS;
    return asked_ms < RETRY_AFTER_MAX_MS ? asked_ms : RETRY_AFTER_MAX_MS;
}

/* A failed attempt: the call waits for its next one, or ends. */
static void repeat_or_finish(struct client_call *call)
{
    struct client *client = call->client;
    const struct port *port = client->port;
    const struct client_config *config = &client->config;
    int64_t now_ms = port->now_ms(port->ctx);
    int64_t least_ms = least_wait_ms(&call->err);
    int64_t wait_ms = backoff_ms((int)call->attempts, config->retry_base_ms, config->retry_max_ms,
                                 least_ms, port->random(port->ctx));
    bool is_throttled = call->err.code == ERR_THROTTLED;
    bool is_repeated = !call->is_cancelled && may_repeat(call->api, call->err.code) &&
                       call->attempts < config->attempts_max &&
                       now_ms + wait_ms - call->began_ms <= CALL_BUDGET_MS;
    if (is_throttled) MARK(held_by_429);
    if (is_repeated) MARK(call_repeated);
    if (is_throttled) hold(client, now_ms, least_ms);
    if (config->noticed != NULL && (is_repeated || is_throttled)) {
        config->noticed(config->ctx, call->api, &call->err, is_repeated ? wait_ms : least_ms);
    }
    if (!is_repeated) {
        finish(call);
        return;
    }
    buf_release(&call->http.reply);
    call->not_before_ms = now_ms + wait_ms;
    calls_insert(&client->waiting, call);
}

static void on_exchange_ended(struct http_call *http)
{
    struct client_call *call = CONTAINER_OF(http, struct client_call, http);
    calls_remove(&call->client->flying, call);
    call->ok = codec_check(call->api, http, &call->err);
    if (call->ok) {
        finish(call);
    } else {
        repeat_or_finish(call);
    }
}

/* ---- sending ---- */

/* False, with the error in the call, when the ID or path is too long to be one. */
static bool make_url(const struct client *client, struct client_call *call)
{
    if (call->url != NULL) return true;
    AUTO_BUF struct buf url = BUF_INIT(URL_MAX);
    buf_adds(&url, client->config.host);
    api_path(call->api, call->id, call->token, &url);
    if (!buf_ok(&url, "the URL of a request", &call->err)) {
        return err_wrap(&call->err, "%s", api_name(call->api));
    }
    call->url = buf_take(&url);
    return true;
}

static void send_call(struct client *client, struct client_call *call, int64_t now_ms)
{
    const struct client_config *config = &client->config;
    if (call->attempts == 0) call->began_ms = now_ms;
    call->attempts++;
    client->requests++;
    client->tokens -= TOKEN_COST;
    call->http = (struct http_call){
        .method = api_method(call->api),
        .url = call->url,
        .authorization = client->authorization.len == 0 ? NULL : client->authorization.data,
        .content_type = call->api == API_IMPORT_FILE ? "application/octet-stream" : NULL,
        .body = call->body.len == 0 ? NULL : call->body.data,
        .body_len = call->body.len,
        .reply_max = config->reply_max,
        .connect_timeout_ms = config->connect_timeout_ms,
        .stall_timeout_ms = config->stall_timeout_ms,
        .timeout_ms = config->timeout_ms,
        .done = on_exchange_ended,
        .retry_after_ms = -1,
        .reply = BUF_INIT(config->reply_max),
    };
    calls_append(&client->flying, call);
    client->port->http_send(client->port->ctx, &call->http);
}

void client_submit(struct client *client, struct client_call *call)
{
    assert(call->done != NULL);
    call->client = client;
    call->ok = false;
    call->is_cancelled = false;
    call->attempts = 0;
    call->url = NULL;
    call->http = (struct http_call){ 0 };
    calls_append(&client->ready, call);
}

/* What was to be repeated and is due, to the front of the queue in its order. */
static void wake_waiting(struct client *client, int64_t now_ms)
{
    struct calls due = { 0 };
    while (client->waiting.len > 0 && client->waiting.head->not_before_ms <= now_ms) {
        calls_prepend(&due, calls_shift(&client->waiting));
    }
    while (due.len > 0) {
        calls_prepend(&client->ready, calls_shift(&due));
    }
}

static bool may_send(const struct client *client, int64_t now_ms)
{
    return client->ready.len > 0 && client->flying.len < client->config.in_flight_max &&
           now_ms >= client->held_until_ms && client->tokens >= TOKEN_COST;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* When something can be sent that could not be now. The end of a call brings a turn by itself. */
static int64_t next_turn_ms(const struct client *client)
{
    if (client->flying.len >= client->config.in_flight_max) return NEVER;
    int64_t queue_ms = client->ready.len > 0 ? 0 : NEVER;
    if (client->waiting.len > 0 && client->ready.len == 0) {
        queue_ms = client->waiting.head->not_before_ms;
    }
    if (queue_ms == NEVER) return NEVER;
    return later(queue_ms, later(client->held_until_ms, bucket_ready_ms(client)));
}

int64_t client_turn(struct client *client)
{
    int64_t now_ms = client->port->now_ms(client->port->ctx);
    bucket_fill(client, now_ms);
    wake_waiting(client, now_ms);
    while (may_send(client, now_ms)) {
        struct client_call *call = calls_shift(&client->ready);
        if (make_url(client, call)) {
            send_call(client, call, now_ms);
        } else {
            finish(call);
        }
    }
    return next_turn_ms(client);
}

/* Those that were queued when this began: `done` may queue more. */
static void cancel_queued(struct calls list)
{
    while (list.len > 0) {
        struct client_call *call = calls_shift(&list);
        (void)err_set(&call->err, ERR_CANCELLED, "%s: given up before it was sent",
                      api_name(call->api));
        call->ok = false;
        finish(call);
    }
}

void client_cancel_all(struct client *client)
{
    struct calls waiting = client->waiting, ready = client->ready;
    client->waiting = client->ready = (struct calls){ 0 };
    for (struct client_call *call = client->flying.head; call != NULL; call = call->next) {
        call->is_cancelled = true;
        client->port->http_cancel(client->port->ctx, &call->http);
    }
    cancel_queued(waiting);
    cancel_queued(ready);
}

#include "registry_private.h"

#include "backoff.h"
#include "secrets.h"
#include "text.h"
#include "url.h"

enum { REPEAT_BASE_MS = 500, REPEAT_MAX_MS = 5000 };

/* What is asked and how much of an answer is read. */
static const struct {
    const char *accept;
    size_t reply_max;
} task_rows[TASK_COUNT] = {
    [TASK_HEAD] = { OCI_ACCEPT, OCI_MANIFEST_MAX },
    [TASK_GET] = { OCI_ACCEPT, OCI_MANIFEST_MAX },
    [TASK_CONFIG] = { "*/*", OCI_MANIFEST_MAX },
    [TASK_TOKEN] = { NULL, OCI_TOKEN_MAX },
};

void exchange_begin_task(struct inquiry *inquiry, enum task task)
{
    inquiry->task = task;
    inquiry->hop = NULL;
    inquiry->redirects = 0;
}

/* ---- sending ---- */

static void on_ended(struct http_call *http);

void exchange_send(struct inquiry *inquiry, const char *method, const char *url)
{
    const struct registry *registry = inquiry->registry;
    const struct registry_config *config = &registry->config;
    if (inquiry->requests == REGISTRY_REQUESTS_MAX) {
        inquiry_end(inquiry, IMAGE_UNREACHABLE,
                    "%s cannot be looked at: %s leads in circles; %d requests brought no answer",
                    inquiry->name, inquiry->ref.host, REGISTRY_REQUESTS_MAX);
        return;
    }
    inquiry->requests++;
    inquiry->http = (struct http_call){
        .method = method,
        .url = arena_strdup(&inquiry->arena, url),
        .authorization = inquiry->authorization.len > 0 ? inquiry->authorization.data : NULL,
        .accept = task_rows[inquiry->task].accept,
        .ca_file = config->ca_file,
        .wants_headers = true,
        .wants_bytes = true,
        .reply_max = task_rows[inquiry->task].reply_max,
        .connect_timeout_ms = config->connect_timeout_ms,
        .stall_timeout_ms = config->timeout_ms,
        .timeout_ms = config->timeout_ms,
        .done = on_ended,
        .retry_after_ms = -1,
    };
    if (inquiry->body.len > 0) {
        inquiry->http.content_type = "application/x-www-form-urlencoded";
        inquiry->http.body = inquiry->body.data;
        inquiry->http.body_len = inquiry->body.len;
    }
    inquiry->is_flying = true;
    registry->port->http_send(registry->port->ctx, &inquiry->http);
}

/* False: a token has to be had first. */
static bool authorize(struct inquiry *inquiry)
{
    const struct login *login = &inquiry->login;
    struct buf *out = &inquiry->authorization;
    buf_wipe(out);
    inquiry->sent = SENT_NOTHING;
    if (login->kind == LOGIN_VALUE) {
        buf_adds(out, buf_text(&login->secret));
        inquiry->sent = SENT_VALUE;
    } else if (inquiry->challenge.scheme == CHALLENGE_BEARER) {
        const struct token *token = token_find(inquiry);
        if (token == NULL) return false;
        buf_adds(out, buf_text(&token->value));
        inquiry->sent = SENT_TOKEN;
    } else if (inquiry->challenge.scheme == CHALLENGE_BASIC && login->kind == LOGIN_PASSWORD) {
        login_basic(buf_text(&login->username), buf_text(&login->secret), out);
        inquiry->sent = SENT_LOGIN;
    }
    return true;
}

void exchange_ask(struct inquiry *inquiry, const char *method, const char *path)
{
    if (!authorize(inquiry)) {
        inquiry->after_token = inquiry->task;
        inquiry->uses_post = inquiry->login.kind == LOGIN_IDENTITY;
        exchange_begin_task(inquiry, TASK_TOKEN);
        return;
    }
    exchange_send(inquiry, method,
                  arena_printf(&inquiry->arena, "%s/v2/%s/%s", inquiry->host->url,
                               inquiry->ref.repository, path));
}

/* ---- redirects (container-registry.md 11) ---- */

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/*
 * Sent at once and not in the turn: the request is the same one. The login goes only to where it
 * would have gone anyway.
 */
static void follow(struct inquiry *inquiry)
{
    struct err err;
    const char *method = inquiry->http.method;
    const char *from = inquiry->http.url;
    const char *location = inquiry_header(inquiry, "location");
    const char *to = location == NULL ? NULL : url_resolve(&inquiry->arena, from, location);
    if (to == NULL || inquiry->redirects == REGISTRY_REDIRECTS_MAX) {
        inquiry_end(inquiry, IMAGE_UNREACHABLE, "%s cannot be looked at: %s redirects %s",
                    inquiry->name, inquiry->ref.host,
                    to == NULL ? "to nowhere" : "again and again");
        return;
    }
    if (!url_check_target(to, inquiry->host->url, &err)) {
        inquiry_end(inquiry, IMAGE_UNREACHABLE,
                    "%s cannot be looked at: a redirect of %s is not followed: %s", inquiry->name,
                    inquiry->ref.host, err.text);
        return;
    }
    inquiry->redirects++;
    if (!url_same_origin(from, to)) buf_wipe(&inquiry->authorization);
    inquiry->hop = to;
    exchange_send(inquiry, method, to);
}

/* ---- answers ---- */

static bool is_passing(int status)
{
    return status == 408 || status == 500 || status == 502 || status == 503 || status == 504;
}

/* The same task again, a little later; false: it was tried often enough. */
static bool repeat(struct inquiry *inquiry)
{
    const struct port *port = inquiry->registry->port;
    if (inquiry->repeats == REGISTRY_REPEATS_MAX) return false;
    inquiry->repeats++;
    int64_t least_ms = inquiry->http.answered ? inquiry->http.retry_after_ms : 0;
    if (least_ms > REPEAT_MAX_MS) return false; /* the caller asks again anyway */
    int64_t wait_ms = backoff_ms((int)inquiry->repeats, REPEAT_BASE_MS, REPEAT_MAX_MS,
                                 least_ms < 0 ? 0 : least_ms, port->random(port->ctx));
    inquiry->not_before_ms = registry_now_ms(inquiry->registry) + wait_ms;
    if (inquiry->task == TASK_TOKEN) token_give_up(inquiry);
    exchange_begin_task(inquiry, inquiry->task);
    return true;
}

static void take_failure(struct inquiry *inquiry)
{
    const struct err *err = &inquiry->http.err;
    if (inquiry->task == TASK_HEAD && err->code == ERR_NETWORK && host_try_https(inquiry->host)) {
        exchange_begin_task(inquiry, inquiry->task);
        return;
    }
    bool is_worth_it = err->code == ERR_NETWORK || err->code == ERR_TIMEOUT;
    if (is_worth_it && repeat(inquiry)) return;
    inquiry_end(inquiry, IMAGE_UNREACHABLE, "%s cannot be looked at: %s", inquiry->name, err->text);
}

/* 429: the registry is left alone until it said (container-registry.md 9.1). */
static void take_throttle(struct inquiry *inquiry)
{
    char text[TEXT_DURATION_SIZE];
    int64_t wait_ms = host_pause(inquiry->registry, inquiry->host, inquiry->http.retry_after_ms);
    inquiry->again_ms = wait_ms;
    inquiry_end(inquiry, IMAGE_THROTTLED,
                "%s cannot be looked at now: %s is asked too often%s; "
                "it is asked again in %s",
                inquiry->name, inquiry->ref.host, inquiry_said(inquiry),
                text_from_duration_ms(wait_ms, text));
}

static void take_good(struct inquiry *inquiry)
{
    static void (*const takers[TASK_COUNT])(struct inquiry * inquiry) = {
        [TASK_HEAD] = manifest_head_answer,
        [TASK_GET] = manifest_get_answer,
        [TASK_CONFIG] = manifest_config_answer,
    };
    takers[inquiry->task](inquiry);
}

bool exchange_is_elsewhere(const struct inquiry *inquiry)
{
    return inquiry->hop != NULL && !url_same_origin(inquiry->hop, inquiry->host->url);
}

static void take_answer(struct inquiry *inquiry)
{
    int status = inquiry->http.status;
    bool is_first = !inquiry->host->is_settled && inquiry->task == TASK_HEAD;
    host_note_limits(inquiry->registry, inquiry->host, &inquiry->http);
    if (is_first && status == 400 && host_try_https(inquiry->host)) {
        exchange_begin_task(inquiry, TASK_HEAD);
        return;
    }
    inquiry->host->is_settled = true;
    if (status == 429) {
        take_throttle(inquiry);
    } else if (is_redirect(status) && strcmp(inquiry->http.method, "POST") != 0) {
        follow(inquiry);
    } else if (is_passing(status) && repeat(inquiry)) {
        return;
    } else if (inquiry->task == TASK_TOKEN) {
        token_answer(inquiry);
    } else if (status == 200) {
        take_good(inquiry);
    } else if (status == 401 && !exchange_is_elsewhere(inquiry)) {
        refusal_challenge(inquiry);
    } else {
        refusal_answer(inquiry);
    }
}

static void on_ended(struct http_call *http)
{
    struct inquiry *inquiry = CONTAINER_OF(http, struct inquiry, http);
    struct buf reply = http->reply, headers = http->headers;
    inquiry->is_flying = false;
    buf_wipe(&inquiry->body);
    if (inquiry->is_cancelled) {
        inquiry_end(inquiry, IMAGE_UNREACHABLE, "%s was not looked at: given up", inquiry->name);
    } else if (!http->answered) {
        take_failure(inquiry);
    } else {
        take_answer(inquiry);
    }
    /* A redirect that was followed has begun a call of its own, with its own buffers. */
    buf_wipe(&reply); /* it may be a token */
    buf_release(&headers);
    if (!inquiry->is_flying) http->reply = http->headers = BUF_INIT(0);
}

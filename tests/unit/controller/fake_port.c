#include "fake_port.h"

#include "text.h"

#include <assert.h>
#include <stdio.h>

enum { WALL_OFFSET_MS = 1000000, START_MS = 5000, LATENCY_MS = 10, KEY_MAX = 8192 };

struct fake_script {
    const char *part;
    struct fake_reply reply;
    bool is_used;
};

struct fake_flight {
    struct http_call *call;
    struct fake_reply reply;
    int64_t due_ms;
    struct fake_flight *next;
};

static int64_t now_ms(void *ctx)
{
    return ((struct fake_port *)ctx)->now_ms;
}

static int64_t wall_ms(void *ctx)
{
    const struct fake_port *fake = ctx;
    return fake->now_ms + fake->wall_offset_ms;
}

static uint64_t random_number(void *ctx)
{
    return prng_next(&((struct fake_port *)ctx)->prng);
}

static void wake_at(void *ctx, int64_t at_ms)
{
    ((struct fake_port *)ctx)->wake_at_ms = at_ms;
}

static bool is_meant(const char *method, const char *url, const char *part)
{
    char key[KEY_MAX];
    (void)snprintf(key, sizeof(key), "%s %s", method, url);
    return strstr(key, part) != NULL;
}

static struct fake_reply pick(struct fake_port *fake, const struct http_call *call)
{
    for (size_t i = 0; i < fake->scripts_len; i++) {
        struct fake_script *script = &fake->scripts[i];
        if (script->is_used || !is_meant(call->method, call->url, script->part)) continue;
        script->is_used = true;
        return script->reply;
    }
    return fake->otherwise;
}

static char *copy_of(const char *text)
{
    return xstrdup(text == NULL ? "" : text);
}

static void http_send(void *ctx, struct http_call *call)
{
    struct fake_port *fake = ctx;
    struct fake_request request = {
        .method = copy_of(call->method),
        .url = copy_of(call->url),
        .body = copy_of(call->body),
        .authorization = copy_of(call->authorization),
        .content_type = copy_of(call->content_type),
        .at_ms = fake->now_ms,
    };
    ARR_PUSH(fake->requests, fake->requests_len, fake->requests_cap, request);
    struct fake_flight *flight = xcalloc(1, sizeof(*flight));
    flight->call = call;
    flight->reply = pick(fake, call);
    flight->due_ms = fake->now_ms + fake->latency_ms + flight->reply.delay_ms;
    struct fake_flight **at = &fake->flights;
    while (*at != NULL && (*at)->due_ms <= flight->due_ms) {
        at = &(*at)->next;
    }
    flight->next = *at;
    *at = flight;
    fake->in_flight++;
    if (fake->in_flight > fake->in_flight_peak) fake->in_flight_peak = fake->in_flight;
}

static void http_cancel(void *ctx, struct http_call *call)
{
    struct fake_port *fake = ctx;
    if (fake->is_cancel_late) return;
    struct fake_flight **at = &fake->flights;
    while ((*at)->call != call) {
        at = &(*at)->next;
    }
    struct fake_flight *flight = *at;
    *at = flight->next;
    flight->reply = (struct fake_reply){ .err = ERR_CANCELLED };
    flight->due_ms = fake->now_ms;
    flight->next = fake->flights;
    fake->flights = flight;
}

void fake_port_init(struct fake_port *fake)
{
    *fake = (struct fake_port){
        .port = { fake, now_ms, wall_ms, random_number, wake_at, http_send, http_cancel },
        .now_ms = START_MS,
        .wall_offset_ms = WALL_OFFSET_MS,
        .wake_at_ms = INT64_MAX,
        .latency_ms = LATENCY_MS,
        .otherwise = { .status = 200 },
    };
    prng_init(&fake->prng, 7);
}

void fake_port_release(struct fake_port *fake)
{
    assert(fake->flights == NULL);
    for (size_t i = 0; i < fake->requests_len; i++) {
        const struct fake_request *request = &fake->requests[i];
        xfree(request->method);
        xfree(request->url);
        xfree(request->body);
        xfree(request->authorization);
        xfree(request->content_type);
    }
    xfree(fake->requests);
    xfree(fake->scripts);
}

void fake_port_script(struct fake_port *fake, const char *part, struct fake_reply reply)
{
    struct fake_script script = { .part = part, .reply = reply };
    ARR_PUSH(fake->scripts, fake->scripts_len, fake->scripts_cap, script);
}

size_t fake_port_scripts_left(const struct fake_port *fake)
{
    size_t left = 0;
    for (size_t i = 0; i < fake->scripts_len; i++) {
        left += fake->scripts[i].is_used ? 0 : 1;
    }
    return left;
}

size_t fake_port_count(const struct fake_port *fake, const char *part)
{
    size_t count = 0;
    for (size_t i = 0; i < fake->requests_len; i++) {
        count += is_meant(fake->requests[i].method, fake->requests[i].url, part) ? 1 : 0;
    }
    return count;
}

/* The results of an exchange, and its end. The call may be gone afterwards. */
static void deliver(struct fake_port *fake, struct fake_flight *flight)
{
    struct http_call *call = flight->call;
    struct fake_reply reply = flight->reply;
    xfree(flight);
    fake->in_flight--;
    call->answered = reply.status != 0;
    call->status = reply.status;
    call->retry_after_ms = reply.retry_after_s == 0 ? -1 : reply.retry_after_s * 1000;
    call->reply = BUF_INIT(call->reply_max);
    if (call->answered) {
        buf_adds(&call->reply, reply.body == NULL ? "{}" : reply.body);
    } else {
        (void)err_set(&call->err, reply.err, "scripted: %s", err_code_name(reply.err));
    }
    if (call->answered && !buf_ok(&call->reply, "an answer", &call->err)) call->answered = false;
    call->done(call);
}

void fake_port_run(struct fake_port *fake, fake_turn_fn turn, void *ctx, int64_t until_ms)
{
    for (;;) {
        int64_t next_ms = turn(ctx);
        if (fake->wake_at_ms < next_ms) next_ms = fake->wake_at_ms;
        if (fake->flights != NULL && fake->flights->due_ms < next_ms) {
            next_ms = fake->flights->due_ms;
        }
        if (next_ms == INT64_MAX || next_ms > until_ms) return;
        if (next_ms > fake->now_ms) fake->now_ms = next_ms;
        if (fake->wake_at_ms <= fake->now_ms) fake->wake_at_ms = INT64_MAX;
        while (fake->flights != NULL && fake->flights->due_ms <= fake->now_ms) {
            struct fake_flight *flight = fake->flights;
            fake->flights = flight->next;
            deliver(fake, flight);
        }
    }
}

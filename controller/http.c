/*
 * A call's way:
 *
 *   http_send ──▶ running ──▶ ended ──▶ (drain timer) torn down, `done`
 *       └── cannot begin ───────▲
 *                               └── curl says DONE, http_cancel, http_close
 *
 * libcurl is driven from two places, on_poll and on_timeout, and never from its own callbacks: it
 * refuses to be entered again. What ended only moves to a list there. The drain timer, which runs
 * outside of libcurl, takes the list, tears down and calls `done`; from there everything of this
 * header may be called.
 */
#include "http_transfer.h"

#include <assert.h>
#include <unistd.h>

struct http {
    uv_loop_t *loop;
    struct http_config config;
    CURLM *multi;          /* NULL: cleaned up */
    uv_timer_t timeout;    /* when libcurl wants to be called */
    uv_timer_t drain;      /* armed with 0 ms when a call ended */
    unsigned handles_open; /* the two timers and the polls */
    struct ring sockets;   /* struct socket: that libcurl has us watch */
    struct ring running;   /* struct transfer */
    struct ring ended;     /* struct transfer */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

struct socket {
    struct ring ring; /* http.sockets */
    uv_poll_t poll;
    struct http *http;
    curl_socket_t fd;
};

/* Rings */

static void ring_init(struct ring *head)
{
    head->prev = head;
    head->next = head;
}

static bool ring_is_empty(const struct ring *head)
{
    return head->next == head;
}

static void ring_append(struct ring *head, struct ring *member)
{
    member->prev = head->prev;
    member->next = head;
    head->prev->next = member;
    head->prev = member;
}

static void ring_remove(struct ring *member)
{
    member->prev->next = member->next;
    member->next->prev = member->prev;
}

/* All members of `from` are now those of `ret_head`. */
static void ring_take(struct ring *from, struct ring *ret_head)
{
    ring_init(ret_head);
    if (ring_is_empty(from)) return;
    *ret_head = *from;
    ret_head->prev->next = ret_head;
    ret_head->next->prev = ret_head;
    ring_init(from);
}

/* Ending: first a list, then, outside of libcurl, the end itself. */

static void on_drain(uv_timer_t *timer);

static void arm_drain(struct http *http)
{
    if (http->multi != NULL) (void)uv_timer_start(&http->drain, on_drain, 0, 0);
}

static void transfer_end(struct transfer *transfer)
{
    struct http *http = transfer->http;
    assert(!transfer->ended);
    ring_remove(&transfer->ring);
    transfer->ended = true;
    ring_append(&http->ended, &transfer->ring);
    arm_drain(http);
}

static void transfer_cancel(struct transfer *transfer)
{
    (void)err_set(&transfer->call->err, ERR_CANCELLED, "given up before an answer came");
    transfer_end(transfer);
}

static void transfer_finish(struct transfer *transfer)
{
    struct http_call *call = transfer->call;
    if (transfer->easy != NULL) {
        (void)curl_multi_remove_handle(transfer->http->multi, transfer->easy);
    }
    transfer_destroy(transfer);
    if (!call->answered) {
        buf_release(&call->reply);
        buf_release(&call->headers);
    }
    call->impl = NULL;
    call->done(call);
}

/* What `done` adds comes in the next round, so that it cannot keep this one going. */
static bool finish_ended(struct http *http)
{
    struct ring batch;
    ring_take(&http->ended, &batch);
    bool ended_some = !ring_is_empty(&batch);
    while (!ring_is_empty(&batch)) {
        struct transfer *transfer = CONTAINER_OF(batch.next, struct transfer, ring);
        ring_remove(&transfer->ring);
        transfer_finish(transfer);
    }
    return ended_some;
}

static void on_handle_closed(struct http *http)
{
    assert(http->handles_open > 0);
    http->handles_open--;
    if (http->handles_open > 0) return;
    assert(http->closing);
    while (finish_ended(http)) {
        /* Sent since the multi went; cancelled, as all are now. */
    }
    void (*closed)(void *ctx) = http->closed;
    void *ctx = http->closed_ctx;
    curl_global_cleanup();
    xfree(http);
    closed(ctx);
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_handle_closed(handle->data);
}

static void on_socket_closed(uv_handle_t *handle)
{
    struct socket *socket = handle->data;
    struct http *http = socket->http;
    xfree(socket);
    on_handle_closed(http);
}

/* The same descriptor may be back before the close has gone through: stop it at once. */
static void socket_drop(struct socket *socket)
{
    ring_remove(&socket->ring);
    (void)uv_poll_stop(&socket->poll);
    uv_close((uv_handle_t *)&socket->poll, on_socket_closed);
}

static void tear_down(struct http *http)
{
    CURLMcode result = curl_multi_cleanup(http->multi); /* closes idle connections */
    assert(result == CURLM_OK);
    http->multi = NULL;
    while (!ring_is_empty(&http->sockets)) {
        socket_drop(CONTAINER_OF(http->sockets.next, struct socket, ring));
    }
    uv_close((uv_handle_t *)&http->timeout, on_timer_closed);
    uv_close((uv_handle_t *)&http->drain, on_timer_closed);
}

/*
 * While closing, a round in which something ended is followed by another, so that the loop has a
 * turn between the last `done` and the end.
 */
static void on_drain(uv_timer_t *timer)
{
    struct http *http = timer->data;
    bool ended_some = finish_ended(http);
    if (!http->closing) return;
    if (ended_some || !ring_is_empty(&http->ended)) {
        arm_drain(http);
    } else {
        tear_down(http);
    }
}

/* Driving libcurl */

static void collect_ended(struct http *http)
{
    int left = 0;
    for (CURLMsg *msg = NULL; (msg = curl_multi_info_read(http->multi, &left)) != NULL;) {
        if (msg->msg != CURLMSG_DONE) continue;
        CURLcode result = msg->data.result;
        void *private = NULL;
        (void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
        struct transfer *transfer = private;
        if (transfer->ended) continue; /* cancelled meanwhile */
        transfer_record(transfer, result);
        transfer_end(transfer);
    }
}

static void drive(struct http *http, curl_socket_t fd, int events)
{
    int running = 0;
    (void)curl_multi_socket_action(http->multi, fd, events, &running);
    collect_ended(http); /* whatever `running` says */
}

/* With the error alone libcurl would not look what it is; so it finds the reset, and says so. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct socket *socket = poll->data;
    int flags = 0;
    if (status < 0) flags |= CURL_CSELECT_ERR | CURL_CSELECT_IN | CURL_CSELECT_OUT;
    if ((events & UV_READABLE) != 0) flags |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0) flags |= CURL_CSELECT_OUT;
    drive(socket->http, socket->fd, flags);
}

static void on_timeout(uv_timer_t *timer)
{
    drive(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct http *http = ctx;
    (void)multi;
    if (timeout_ms < 0) {
        (void)uv_timer_stop(&http->timeout);
    } else {
        (void)uv_timer_start(&http->timeout, on_timeout, (uint64_t)timeout_ms, 0);
    }
    return 0;
}

/* NULL when the loop cannot watch it; then the call ends with its time-out. */
static struct socket *socket_watch(struct http *http, curl_socket_t fd)
{
    struct socket *socket = xcalloc(1, sizeof(*socket));
    if (uv_poll_init_socket(http->loop, &socket->poll, fd) != 0) {
        xfree(socket);
        return NULL;
    }
    socket->poll.data = socket;
    socket->http = http;
    socket->fd = fd;
    http->handles_open++;
    ring_append(&http->sockets, &socket->ring);
    (void)curl_multi_assign(http->multi, fd, socket);
    return socket;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct socket *socket = socket_ctx;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (socket != NULL) socket_drop(socket);
        return 0;
    }
    if (socket == NULL) socket = socket_watch(ctx, fd);
    if (socket == NULL) return 0;
    int events = 0;
    if ((what & CURL_POLL_IN) != 0) events |= UV_READABLE;
    if ((what & CURL_POLL_OUT) != 0) events |= UV_WRITABLE;
    (void)uv_poll_start(&socket->poll, events, on_poll);
    return 0;
}

bool http_create(uv_loop_t *loop, const struct http_config *config, struct http **ret_http,
                 struct err *err)
{
    if (config->ca_file != NULL && access(config->ca_file, R_OK) != 0) {
        return err_set(err, ERR_USAGE, "%s: cannot be read; check --ca-file", config->ca_file);
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return err_set(err, ERR_IO, "libcurl cannot be started; check the TLS library's settings");
    }
    struct http *http = xcalloc(1, sizeof(*http));
    http->loop = loop;
    http->config = *config;
    http->multi = curl_multi_init();
    assert(http->multi != NULL);
    (void)curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    (void)curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    (void)curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    (void)curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    (void)curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, config->connections_max);
    (void)curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, config->connections_max);
    (void)uv_timer_init(loop, &http->timeout);
    (void)uv_timer_init(loop, &http->drain);
    http->timeout.data = http;
    http->drain.data = http;
    http->handles_open = 2;
    ring_init(&http->sockets);
    ring_init(&http->running);
    ring_init(&http->ended);
    *ret_http = http;
    return true;
}

void http_close(struct http *http, void (*closed)(void *ctx), void *ctx)
{
    assert(!http->closing);
    http->closing = true;
    http->closed = closed;
    http->closed_ctx = ctx;
    while (!ring_is_empty(&http->running)) {
        struct transfer *transfer = CONTAINER_OF(http->running.next, struct transfer, ring);
        /* A name server that is silent must not hold up the end of the process. */
        (void)curl_easy_setopt(transfer->easy, CURLOPT_QUICK_EXIT, 1L);
        transfer_cancel(transfer);
    }
    arm_drain(http);
}

void http_send(struct http *http, struct http_call *call)
{
    struct transfer *transfer = transfer_create(http, call);
    ring_append(&http->running, &transfer->ring);
    if (http->closing) {
        transfer_cancel(transfer);
    } else if (!transfer_prepare(transfer, &http->config)) {
        transfer_end(transfer);
    } else {
        CURLMcode result = curl_multi_add_handle(http->multi, transfer->easy);
        assert(result == CURLM_OK);
    }
}

void http_cancel(struct http *http, struct http_call *call)
{
    struct transfer *transfer = call->impl;
    (void)http;
    if (transfer != NULL && !transfer->ended) transfer_cancel(transfer);
}

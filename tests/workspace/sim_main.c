/*
 * workspace-sim: the model over HTTP, on 127.0.0.1 alone.
 *
 * One thread. libmicrohttpd runs inside our own loop, so that the model needs no lock; an answer
 * that is to come late is a suspended connection, resumed by the loop when its time has come.
 */
#include "control.h"
#include "sim_options.h"

#include "arena.h"
#include "text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>

enum { BODY_MAX = 11 * 1024 * 1024, HEADER_MAX = 16384, IDLE_TIMEOUT_S = 300, EXIT_USAGE = 64 };

struct exchange {
    struct sim *sim;
    struct MHD_Connection *connection;
    char *uri;
    char *authorization;
    struct buf body;
    struct model_response response;
    bool started, acted, suspended;
    int64_t due_ms;                   /* when suspended: real time */
    struct exchange *next, *previous; /* of the suspended ones */
};

struct sim {
    struct workspace_model *model;
    struct control_clock clock;
    struct exchange *suspended;
    struct MHD_Daemon *daemon;
};

/* The one thing that a signal handler can reach. */
static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

static int64_t real_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) abort();
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Before anything else of a request: the only place where the URI is as it was sent. */
static void *on_uri(void *ctx, const char *uri, struct MHD_Connection *connection)
{
    struct exchange *exchange = xcalloc(1, sizeof(*exchange));
    exchange->sim = ctx;
    exchange->connection = connection;
    exchange->uri = xstrdup(uri);
    exchange->body = BUF_INIT(BODY_MAX);
    return exchange;
}

static void unlink_suspended(struct exchange *exchange)
{
    if (!exchange->suspended) return;
    exchange->suspended = false;
    if (exchange->previous != NULL) {
        exchange->previous->next = exchange->next;
    } else {
        exchange->sim->suspended = exchange->next;
    }
    if (exchange->next != NULL) exchange->next->previous = exchange->previous;
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **at_exchange,
                         enum MHD_RequestTerminationCode code)
{
    (void)ctx;
    (void)connection;
    (void)code;
    struct exchange *exchange = *at_exchange;
    if (exchange == NULL) return;
    *at_exchange = NULL;
    unlink_suspended(exchange);
    model_response_release(&exchange->response);
    buf_release(&exchange->body);
    xfree(exchange->authorization);
    xfree(exchange->uri);
    xfree(exchange);
}

/* The lines of a header, of which there may be several, as one. */
static enum MHD_Result on_accept(void *ctx, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    (void)kind;
    struct buf *out = ctx;
    if (!text_equal_nocase(name, MHD_HTTP_HEADER_ACCEPT) || value == NULL) return MHD_YES;
    if (out->len != 0) buf_adds(out, ", ");
    buf_adds(out, value);
    return MHD_YES;
}

static const char *header_of(struct exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

static void act(struct exchange *exchange, const char *method)
{
    struct sim *sim = exchange->sim;
    AUTO_BUF struct buf accept = BUF_INIT(HEADER_MAX);
    AUTO_BUF struct buf origin = BUF_INIT(HEADER_MAX);
    const char *host = header_of(exchange, MHD_HTTP_HEADER_HOST);
    (void)MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, on_accept, &accept);
    if (host != NULL) buf_addf(&origin, "http://%s", host);
    struct model_request request = {
        .method = method,
        .path = exchange->uri,
        .authorization = header_of(exchange, MHD_HTTP_HEADER_AUTHORIZATION),
        .accept = accept.data,
        .origin = origin.data,
        .body = exchange->body.data,
        .body_len = exchange->body.len,
    };
    model_set_time(sim->model, control_clock_now(&sim->clock, real_ms()));
    if (control_is_for(exchange->uri)) {
        control_handle(sim->model, &sim->clock, real_ms(), &request, &exchange->response);
    } else {
        model_handle(sim->model, &request, &exchange->response);
    }
    exchange->acted = true;
}

static void suspend(struct exchange *exchange)
{
    struct sim *sim = exchange->sim;
    exchange->due_ms = real_ms() + exchange->response.delay_ms;
    exchange->response.delay_ms = 0;
    exchange->suspended = true;
    exchange->previous = NULL;
    exchange->next = sim->suspended;
    if (exchange->next != NULL) exchange->next->previous = exchange;
    sim->suspended = exchange;
    MHD_suspend_connection(exchange->connection);
}

/* The first half of the body, then the end, against what Content-Length promised. */
static ssize_t read_half(void *ctx, uint64_t position, char *out, size_t room)
{
    const struct exchange *exchange = ctx;
    size_t half = exchange->response.body.len / 2;
    if (position >= half) return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t len = half - (size_t)position;
    if (len > room) len = room;
    memcpy(out, exchange->response.body.data + position, len);
    return (ssize_t)len;
}

static struct MHD_Response *make_response(struct exchange *exchange)
{
    struct buf *body = &exchange->response.body;
    size_t promised = exchange->response.content_length;
    bool is_cut = exchange->response.transport == MODEL_CUT && body->len > 1;
    bool is_head = body->len == 0 && promised != 0; /* then the body is not asked for */
    if (is_cut || is_head) {
        return MHD_create_response_from_callback(promised, 4096, read_half, exchange, NULL);
    }
    return MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_COPY);
}

/* Lines of "name: value". */
static void add_headers(struct MHD_Response *out, const struct buf *headers)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (const char *at = buf_text(headers); *at != '\0';) {
        size_t name_len = strcspn(at, ":");
        size_t len = strcspn(at, "\n");
        const char *value = at + name_len + 2;
        (void)MHD_add_response_header(out, arena_strndup(&arena, at, name_len),
                                      arena_strndup(&arena, value, (size_t)(at + len - value)));
        at += len + 1;
    }
}

static enum MHD_Result answer(struct exchange *exchange)
{
    const struct model_response *response = &exchange->response;
    struct MHD_Response *out = make_response(exchange);
    if (out == NULL) return MHD_NO;
    (void)MHD_add_response_header(out, "Content-Type", response->content_type);
    (void)MHD_add_response_header(out, "X-Databricks-Org-Id", MODEL_ORG_ID);
    add_headers(out, &response->headers);
    if (response->retry_after_s >= 0) {
        char seconds[16];
        (void)snprintf(seconds, sizeof(seconds), "%d", response->retry_after_s);
        (void)MHD_add_response_header(out, "Retry-After", seconds);
    }
    enum MHD_Result queued =
        MHD_queue_response(exchange->connection, (unsigned)response->status, out);
    MHD_destroy_response(out);
    return queued;
}

/* MHD_NO makes libmicrohttpd close; without lingering that is a reset. */
static enum MHD_Result hang_up(struct exchange *exchange)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
    if (info != NULL && exchange->response.transport == MODEL_RESET) {
        (void)setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
    return MHD_NO;
}

/* NOLINTNEXTLINE(readability-function-size): the signature is libmicrohttpd's */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **at_exchange)
{
    (void)ctx;
    (void)url;
    (void)version;
    struct exchange *exchange = *at_exchange;
    if (!exchange->started) { /* headers only */
        exchange->started = true;
        exchange->connection = connection;
        return MHD_YES;
    }
    if (*upload_len != 0) {
        buf_add(&exchange->body, upload, *upload_len); /* too much is seen below */
        *upload_len = 0;
        return MHD_YES;
    }
    if (exchange->body.overflowed) return MHD_NO;
    if (!exchange->acted) act(exchange, method);
    if (exchange->response.delay_ms > 0) {
        suspend(exchange);
        return MHD_YES;
    }
    bool is_answered =
        exchange->response.transport == MODEL_ANSWER || exchange->response.transport == MODEL_CUT;
    return is_answered ? answer(exchange) : hang_up(exchange);
}

/* Those whose time has come; returns how long the next one has, -1: there is none. 0 when one was
   resumed: the daemon is to be run again. */
static int64_t resume_due(struct sim *sim)
{
    int64_t now = real_ms();
    int64_t wait = -1;
    struct exchange *next = NULL;
    for (struct exchange *at = sim->suspended; at != NULL; at = next) {
        next = at->next;
        if (at->due_ms <= now) {
            unlink_suspended(at);
            MHD_resume_connection(at->connection);
            wait = 0;
        } else if (wait < 0 || at->due_ms - now < wait) {
            wait = at->due_ms - now;
        }
    }
    return wait;
}

/* One turn; sleeps until a socket, a late answer or a signal wants something. */
static bool turn(struct sim *sim, int epoll_fd, const sigset_t *unblocked)
{
    (void)MHD_run(sim->daemon);
    int64_t wait = resume_due(sim);
    MHD_UNSIGNED_LONG_LONG of_daemon = 0;
    if (MHD_get_timeout(sim->daemon, &of_daemon) == MHD_YES &&
        (wait < 0 || of_daemon < (uint64_t)wait)) {
        wait = of_daemon > INT32_MAX ? INT32_MAX : (int64_t)of_daemon;
    }
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(epoll_fd, &readable);
    struct timespec timeout = { (time_t)(wait / 1000), (long)(wait % 1000) * 1000000 };
    int ready = pselect(epoll_fd + 1, &readable, NULL, NULL, wait < 0 ? NULL : &timeout, unblocked);
    return ready >= 0 || errno == EINTR;
}

static bool start_daemon(struct sim *sim, const struct sim_options *options, int *ret_epoll_fd,
                         unsigned *ret_port, struct err *err)
{
    struct sockaddr_in loopback = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)options->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    sim->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, sim,
        MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&loopback, MHD_OPTION_URI_LOG_CALLBACK, on_uri,
        sim, MHD_OPTION_NOTIFY_COMPLETED, on_completed, sim, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_END);
    if (sim->daemon == NULL) {
        int cause = errno;
        return err_set(err, ERR_IO, "cannot listen on 127.0.0.1:%d: %s (errno %d)",
                       (int)options->port,
                       cause == EADDRINUSE ? "the port is in use" : "the system refused", cause);
    }
    const union MHD_DaemonInfo *port = MHD_get_daemon_info(sim->daemon, MHD_DAEMON_INFO_BIND_PORT);
    const union MHD_DaemonInfo *epoll = MHD_get_daemon_info(sim->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (port == NULL || epoll == NULL || epoll->epoll_fd >= FD_SETSIZE) {
        return err_set(err, ERR_IO, "this libmicrohttpd was built without epoll");
    }
    *ret_port = port->port;
    *ret_epoll_fd = epoll->epoll_fd;
    return true;
}

/* To a file of its own first: who waits for the name finds the whole number. */
static bool write_port_file(const char *path, unsigned port, struct err *err)
{
    AUTO_BUF struct buf part = BUF_INIT(8192);
    buf_addf(&part, "%s.part", path);
    FILE *file = fopen(buf_text(&part), "w");
    bool written = file != NULL && fprintf(file, "%u\n", port) > 0;
    bool closed = file != NULL && fclose(file) == 0;
    if (written && closed && rename(buf_text(&part), path) == 0) return true;
    return err_set(err, ERR_IO, "cannot write the port to %.500s", path);
}

static bool read_cloud(const char *name, enum model_cloud *ret_cloud, struct err *err)
{
    static const char *const names[] = {
        [MODEL_AWS] = "aws", [MODEL_AZURE] = "azure", [MODEL_GCP] = "gcp"
    };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(names[i], name) != 0) continue;
        *ret_cloud = (enum model_cloud)i;
        return true;
    }
    return err_set(err, ERR_USAGE, "--cloud: '%.100s' is none of aws, azure, gcp", name);
}

static void block_signals(sigset_t *ret_unblocked)
{
    struct sigaction action = { .sa_handler = on_signal };
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigset_t blocked;
    sigemptyset(&action.sa_mask);
    sigemptyset(&ignore.sa_mask);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)pthread_sigmask(SIG_BLOCK, &blocked, ret_unblocked);
}

static bool serve(struct sim *sim, const struct sim_options *options, struct err *err)
{
    sigset_t unblocked;
    int epoll_fd = -1;
    unsigned port = 0;
    block_signals(&unblocked);
    if (!start_daemon(sim, options, &epoll_fd, &port, err)) return false;
    if (options->port_file != NULL && !write_port_file(options->port_file, port, err)) return false;
    (void)printf("workspace-sim: http://127.0.0.1:%u token=%s\n", port,
                 options->token == NULL ? "" : options->token);
    (void)fflush(stdout);
    while (!stop_asked) {
        if (!turn(sim, epoll_fd, &unblocked)) return err_set(err, ERR_IO, "waiting failed");
    }
    if (options->state_print) {
        AUTO_BUF struct buf out = BUF_INIT(CONTROL_DUMP_BYTES_MAX);
        control_write_clusters(sim->model, &out);
        (void)puts(buf_text(&out));
    }
    return true;
}

static void sim_stop(struct sim *sim)
{
    for (struct exchange *at = sim->suspended; at != NULL; at = sim->suspended) {
        unlink_suspended(at);
        MHD_resume_connection(at->connection);
    }
    if (sim->daemon != NULL) MHD_stop_daemon(sim->daemon);
    model_destroy(sim->model);
}

int main(int argc, char **argv)
{
    struct err err;
    struct sim_options options;
    struct model_config config;
    model_config_defaults(&config);
    if (!sim_options_read(argc, argv, &options, &err) ||
        !read_cloud(options.cloud, &config.cloud, &err)) {
        (void)fprintf(stderr, "workspace-sim: %s\n", err.text);
        return EXIT_USAGE;
    }
    if (options.help) {
        AUTO_BUF struct buf out = BUF_INIT(8192);
        sim_options_help(&out);
        (void)fputs(buf_text(&out), stdout);
        return EXIT_SUCCESS;
    }
    config.seed = (uint64_t)options.seed;
    config.token = options.token;
    if (options.user != NULL) config.user_name = options.user;
    config.start_ms = (int64_t)time(NULL) * 1000;
    struct sim sim = { .model = model_create(&config) };
    sim.clock = (struct control_clock){ config.start_ms, real_ms(), options.speed };
    model_add_job_clusters(sim.model, (size_t)options.clusters);
    bool done = serve(&sim, &options, &err);
    sim_stop(&sim);
    if (done) return EXIT_SUCCESS;
    (void)fprintf(stderr, "workspace-sim: %s\n", err.text);
    return EXIT_FAILURE;
}

#include "sim.h"

#include "measure.h"
#include "text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    SIM_LIMIT_S = 1800,
    READY_LIMIT_MS = 20000,
    ANSWER_LIMIT_S = 20,
    ANSWER_BYTES_MAX = 4 * 1024 * 1024,
    CLOCK_TRIES = 100,
};

/* ---- the process ---- */

/* "workspace-sim: http://127.0.0.1:PORT token=bench" is its first line, when it is ready. */
static bool read_greeting(struct sim *sim, struct err *err)
{
    char line[160] = "";
    struct pollfd readable = { .fd = sim->out_fd, .events = POLLIN };
    ssize_t len =
        poll(&readable, 1, READY_LIMIT_MS) == 1 ? read(sim->out_fd, line, sizeof(line) - 1) : -1;
    const char *prefix = "workspace-sim: http://127.0.0.1:";
    if (len <= 0 || !text_starts(line, prefix)) {
        return err_set(err, ERR_IO, "workspace-sim is not ready after %d ms", READY_LIMIT_MS);
    }
    sim->port = (uint16_t)strtoul(line + strlen(prefix), NULL, 10);
    (void)snprintf(sim->host, sizeof(sim->host), "http://127.0.0.1:%u", (unsigned)sim->port);
    return true;
}

bool sim_start(const char *log, struct sim *ret_sim, struct err *err)
{
    int ends[2];
    char speed[16];
    (void)snprintf(speed, sizeof(speed), "%d", SIM_FAST);
    const char *const argv[] = { BENCH_SIM, "--token", SIM_TOKEN, "--speed", speed, NULL };
    const char *const env[] = { NULL };
    if (pipe(ends) != 0) return err_set(err, ERR_IO, "cannot make a pipe for workspace-sim");
    struct job job = {
        .argv = argv, .env = env, .log = log, .out_fd = ends[1], .limit_s = SIM_LIMIT_S
    };
    struct sim sim = { .out_fd = ends[0] };
    bool started = job_start(&job, &sim.pid, err);
    (void)close(ends[1]);
    if (!started) {
        (void)close(ends[0]);
        return false;
    }
    if (!read_greeting(&sim, err)) {
        struct err ignored;
        (void)!sim_stop(&sim, &ignored);
        return false;
    }
    *ret_sim = sim;
    return true;
}

bool sim_stop(struct sim *sim, struct err *err)
{
    if (sim->pid == 0) return true;
    bool ok = job_stop(sim->pid, "workspace-sim", err);
    (void)close(sim->out_fd);
    *sim = (struct sim){ 0 };
    return ok;
}

/* ---- the control path ---- */

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* A request and its whole answer, head included; the server closes. */
static bool exchange(const struct sim *sim, const struct buf *request, struct buf *out)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(sim->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    struct timeval limit = { .tv_sec = ANSWER_LIMIT_S };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    bool ok = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
              connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
              send_all(fd, request->data, request->len);
    char chunk[4096];
    ssize_t len = 0;
    while (ok && (len = recv(fd, chunk, sizeof(chunk), 0)) > 0) {
        ok = buf_add(out, chunk, (size_t)len);
    }
    (void)close(fd);
    return ok && len == 0;
}

static bool control(const struct sim *sim, const char *method, const char *path, const char *body,
                    struct buf *out, struct err *err)
{
    AUTO_BUF struct buf request = BUF_INIT(4096);
    buf_addf(&request,
             "%s /control/%s HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             method, path, strlen(body), body);
    if (!buf_ok(&request, "a request", err)) return false;
    if (exchange(sim, &request, out) && text_starts(buf_text(out), "HTTP/1.1 200 ")) return true;
    return err_set(err, ERR_PROTOCOL, "workspace-sim does not answer %s /control/%s", method, path);
}

/* The number of `"key":` from `text` on; `otherwise` when there is no such key. */
static int64_t number_of(const char *text, const char *key, int64_t otherwise)
{
    char quoted[64];
    (void)snprintf(quoted, sizeof(quoted), "\"%s\":", key);
    const char *at = strstr(text, quoted);
    return at == NULL ? otherwise : strtoll(at + strlen(quoted), NULL, 10);
}

bool sim_set_speed(const struct sim *sim, int speed, struct err *err)
{
    char body[32];
    AUTO_BUF struct buf answer = BUF_INIT(ANSWER_BYTES_MAX);
    (void)snprintf(body, sizeof(body), "{\"speed\":%d}", speed);
    return control(sim, "POST", "time", body, &answer, err);
}

bool sim_forget(const struct sim *sim, struct err *err)
{
    AUTO_BUF struct buf answer = BUF_INIT(ANSWER_BYTES_MAX);
    return control(sim, "DELETE", "requests", "", &answer, err);
}

/* The log's entries begin with their time and their method. */
static int64_t first_write_at(const char *log)
{
    for (const char *at = log; (at = strstr(at, "{\"at_ms\":")) != NULL; at++) {
        const char *method = strstr(at, "\"method\":\"");
        if (method == NULL) break;
        if (!text_starts(method, "\"method\":\"GET\"")) return number_of(at, "at_ms", -1);
    }
    return -1;
}

bool sim_count(const struct sim *sim, struct sim_requests *ret_requests, struct err *err)
{
    AUTO_BUF struct buf answer = BUF_INIT(ANSWER_BYTES_MAX);
    if (!control(sim, "GET", "requests", "", &answer, err)) return false;
    const char *text = buf_text(&answer);
    *ret_requests = (struct sim_requests){
        .total = number_of(text, "total", 0),
        .writes = number_of(text, "writes", 0),
        .pages = number_of(text, "clusters/list", 0),
        .first_write_at_ms = first_write_at(text),
    };
    return true;
}

/*
 * Both clocks are CLOCK_MONOTONIC; the simulated one tells whole milliseconds. An answer bounds the
 * offset from both sides; it is exact once the bounds meet.
 */
bool sim_clock_offset(const struct sim *sim, int64_t *ret_offset_ms, struct err *err)
{
    int64_t least = INT64_MIN;
    int64_t most = INT64_MAX;
    for (int i = 0; i < CLOCK_TRIES && least < most; i++) {
        AUTO_BUF struct buf answer = BUF_INIT(ANSWER_BYTES_MAX);
        int64_t before = (int64_t)clock_now_ms();
        if (!control(sim, "GET", "time", "", &answer, err)) return false;
        int64_t after = (int64_t)clock_now_ms();
        int64_t now = number_of(buf_text(&answer), "now_ms", -1);
        if (now < 0) return err_set(err, ERR_PROTOCOL, "workspace-sim does not tell the time");
        if (now - after > least) least = now - after;
        if (now - before < most) most = now - before;
    }
    if (least != most) {
        return err_set(err, ERR_TIMEOUT, "this machine is too busy to compare two clocks");
    }
    *ret_offset_ms = most;
    return true;
}

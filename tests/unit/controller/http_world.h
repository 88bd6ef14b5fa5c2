/*
 * http_world: a loop with a scripted server, the client under test, and calls that notice their
 * end.
 */
#ifndef CLUSTERKEEPER_HTTP_WORLD_H
#define CLUSTERKEEPER_HTTP_WORLD_H

#include "http.h"
#include "loopback.h"

enum { GUARD_MS = 30000, REPLY_MAX = 1000, URL_MAX = 128 };

#define OK_REPLY                         \
    "HTTP/1.1 200 OK\r\n"                \
    "Content-Type: application/json\r\n" \
    "Content-Length: 2\r\n\r\n{}"

/* A loop with a server, the client under test and a timer that ends a test that hangs. */
struct world {
    uv_loop_t loop;
    uv_timer_t guard;
    struct loopback *server;
    struct http *http;
    char url[URL_MAX];
    bool closed;
};

struct probe {
    struct http_call call;
    struct world *world;
    unsigned done;
    void (*then)(struct probe *probe); /* in `done`; NULL: nothing */
    struct probe *other;
};

/* `script` is borrowed. */
void world_open(struct world *world, const struct loopback_reply *script, size_t len);
/* Whatever happened before, no handle is left. */
void world_close(struct world *world);
/* A call that has time limits no test reaches; change it, then send it. */
struct probe probe_of(struct world *world, const char *method);
void probe_send(struct probe *probe);
void await_done(struct probe *probe);
/* Sends, and awaits the end. */
void probe_run(struct probe *probe);
void assert_failed(const struct probe *probe, enum err_code code);

#endif

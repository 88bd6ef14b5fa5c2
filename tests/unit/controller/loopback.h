/*
 * loopback: an HTTP server in the test's own loop that answers by a script.
 *
 * The n-th request, on whichever connection, gets the n-th reply; past the last, the last again.
 */
#ifndef CLUSTERKEEPER_TESTS_LOOPBACK_H
#define CLUSTERKEEPER_TESTS_LOOPBACK_H

#include <stddef.h>
#include <uv.h>

enum loopback_then {
    THEN_KEEP,  /* wait for the next request */
    THEN_CLOSE, /* an orderly end */
    THEN_RESET, /* RST, what was not read yet is lost */
};

struct loopback_reply {
    const char *bytes; /* NULL: none */
    size_t len;        /* 0: up to the NUL */
    enum loopback_then then;
};

struct loopback; /* opaque */

struct loopback *loopback_open(uv_loop_t *loop, const struct loopback_reply *script, size_t len);
void loopback_close(struct loopback *server); /* gone once the loop has run */

int loopback_port(const struct loopback *server);
unsigned loopback_connections(const struct loopback *server); /* so far */
unsigned loopback_requests(const struct loopback *server);
const char *loopback_request(const struct loopback *server); /* the last one, head and body */

#endif

/*
 * http: libcurl's multi interface on the libuv loop. Only http.c and http_transfer.c know libcurl.
 *
 * TLS is verified; plain HTTP is refused but to a loopback address and to those of the clouds'
 * metadata, which do not leave the machine; redirects are not followed; an answer is capped.
 * Tear-down and completions run from a timer of its own, never inside a callback of libcurl.
 */
#ifndef CLUSTERKEEPER_HTTP_H
#define CLUSTERKEEPER_HTTP_H

#include "port.h"

#include <uv.h>

struct http; /* opaque */

struct http_config {
    const char *user_agent; /* kept */
    const char *ca_file;    /* kept; NULL: the system's */
    const char *proxy;      /* kept; NULL: as the environment says (https_proxy, no_proxy) */
    long connections_max;   /* open at once, to all hosts */
};

MUST_CHECK bool http_create(uv_loop_t *loop, const struct http_config *config,
                            struct http **ret_http, struct err *err);
/* Ends every call with ERR_CANCELLED, then all handles; `closed` is called last, from the loop. */
void http_close(struct http *http, void (*closed)(void *ctx), void *ctx);

/* As the functions of the port. */
void http_send(struct http *http, struct http_call *call);
void http_cancel(struct http *http, struct http_call *call);

#endif

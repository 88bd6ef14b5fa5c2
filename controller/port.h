/*
 * port: the door to the world for everything in the controller that runs in time.
 *
 * Two implementations: loop.h with libuv and libcurl, and the deterministic simulation in tests/.
 * Behind it the same driver, client, store and decisions run. Nothing calls back from inside a
 * port function: completions come later, from the loop.
 */
#ifndef CLUSTERKEEPER_PORT_H
#define CLUSTERKEEPER_PORT_H

#include "buf.h"
#include "err.h"

#include <stdint.h>

/* AWS Signature Version 4, made by libcurl. Borrowed until `done`; never logged. */
struct http_signer {
    const char *scope; /* "aws:amz:eu-west-1:ecr" */
    const char *key_id, *secret;
    const char *session_token; /* NULL: none */
    const char *target;        /* X-Amz-Target; NULL: none */
};
enum { HTTP_HEADERS_MAX = 64 * 1024 };

/* One HTTP exchange. Owned by the caller until `done` was called. */
struct http_call {
    const char *method;        /* "GET"; borrowed until `done`, as are the next five */
    const char *url;           /* https://..., or http:// to a loopback or metadata address */
    const char *authorization; /* value of the Authorization header; never logged; NULL: none */
    const char *content_type;  /* of the body; NULL: application/json */
    const char *body;          /* NULL: none */
    size_t body_len;
    const char *accept;               /* NULL: application/json */
    const char *ca_file;              /* NULL: as the port was set up */
    const char *header;               /* one more, "name: value"; never logged; NULL: none */
    const struct http_signer *signer; /* NULL: not signed; `authorization` is NULL then */
    bool wants_headers;               /* `headers` is filled */
    bool wants_bytes;                 /* as they are stored: no compression on the way */
    size_t reply_max;                 /* a longer answer ends the call with ERR_LIMIT */
    int64_t connect_timeout_ms;
    int64_t stall_timeout_ms;             /* less than a byte a second for so long ends the call */
    int64_t timeout_ms;                   /* of the whole exchange */
    void (*done)(struct http_call *call); /* exactly once, never inside http_send */
    void *ctx;
    /* Results, from `done` on; `reply` is released by the caller. */
    bool answered; /* an HTTP status came; else `err` says what happened on the way */
    int status;
    int64_t retry_after_ms; /* -1: the header was not there */
    char content_type_reply[64];
    struct buf reply;
    struct buf headers; /* of the last answer, "name: value" a line, names in lower case; cut at
                           HTTP_HEADERS_MAX; released by the caller */
    struct err err;     /* ERR_REFUSED, ERR_NETWORK, ERR_TIMEOUT, ERR_LIMIT, ERR_CANCELLED */
    void *impl;         /* of the port */
};

/* A program that is run without a shell: a credential helper. Owned by the caller until `done`. */
struct program_call {
    const char *const *argv; /* found on PATH; borrowed until `done`, as is `input`; ends in NULL */
    const char *input;       /* written to its standard input, which is then closed */
    size_t output_max;
    int64_t timeout_ms;                      /* then it is killed */
    void (*done)(struct program_call *call); /* exactly once, never inside `run` */
    void *ctx;
    /* Results, from `done` on; `output` is wiped and released by the caller. */
    bool ended; /* by itself, with `status`; else `err` says why not */
    int status;
    struct buf output; /* standard output; standard error is not read */
    struct err err;    /* ERR_NOT_FOUND: no such program; ERR_TIMEOUT, ERR_LIMIT, ERR_IO */
    void *impl;        /* of the port */
};

struct port {
    void *ctx;
    int64_t (*now_ms)(void *ctx);  /* monotonic: every deadline */
    int64_t (*wall_ms)(void *ctx); /* for records and people */
    uint64_t (*random)(void *ctx);
    void (*wake_at)(void *ctx, int64_t at_ms); /* monotonic; one timer; INT64_MAX: none */
    void (*http_send)(void *ctx, struct http_call *call);
    void (*http_cancel)(void *ctx, struct http_call *call); /* `done` still comes */
    void (*run)(void *ctx, struct program_call *call);      /* NULL: this port runs no programs */
};

#endif

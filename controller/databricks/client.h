/*
 * client: calls to one workspace, paced, limited and repeated where that is safe.
 *
 * Calls wait in a queue for a place in flight and a token of the bucket; reads overtake nothing.
 * A 429 holds the whole queue for as long as Retry-After says. Repeats back off with full jitter,
 * up to a number of attempts and a budget of time. Time comes from the port: the client acts only
 * in client_submit, client_turn and when a call ends.
 */
#ifndef CLUSTERKEEPER_CLIENT_H
#define CLUSTERKEEPER_CLIENT_H

#include "codec.h"

struct client; /* opaque */

struct client_config {
    const char *host;           /* "https://adb-1.azuredatabricks.net"; kept */
    const char *token;          /* kept; never shown */
    unsigned in_flight_max;     /* default 8 */
    unsigned rate;              /* calls a second in the long run; default 15 */
    unsigned burst;             /* default 30 */
    unsigned attempts_max;      /* default 5 */
    int64_t retry_base_ms;      /* default 500 */
    int64_t retry_max_ms;       /* default 30000 */
    int64_t connect_timeout_ms; /* default 10000 */
    int64_t stall_timeout_ms;   /* default 30000 */
    int64_t timeout_ms;         /* default 120000 */
    size_t reply_max;           /* default 32 MiB */
    /* A repeat or a pause, for the log; NULL: nobody wants to know. */
    void (*noticed)(void *ctx, enum api api, const struct err *err, int64_t wait_ms);
    void *ctx;
};
void client_config_defaults(struct client_config *config);

/* One call. Owned by the caller until `done`. */
struct client_call {
    enum api api;
    const char *id; /* borrowed until `done`, as is `token` */
    const char *token;
    struct buf body;                        /* wiped and released by the client before `done` */
    void (*done)(struct client_call *call); /* exactly once, never inside client_submit */
    void *ctx;
    /* Results, valid inside `done`. */
    bool ok;
    struct err err;    /* begins with what was called: "clusters/create: ..." */
    const char *reply; /* JSON text of a good answer */
    size_t reply_len;
    unsigned attempts;
    struct client_call *next; /* of the client */
    struct http_call http;    /* of the client */
    struct client *client;    /* of the client */
    int64_t began_ms;         /* of the client: when it was first sent */
    int64_t not_before_ms;    /* of the client */
    bool is_cancelled;        /* of the client */
    char *url;                /* of the client */
};

struct client *client_create(const struct port *port, const struct client_config *config);
/* Nothing may be in flight or queued. NULL is fine. */
void client_destroy(struct client *client);

/* Puts the call into the queue; client_turn sends it. */
void client_submit(struct client *client, struct client_call *call);
/* Sends what may be sent now; returns when it wants the next turn (monotonic; INT64_MAX: never). */
int64_t client_turn(struct client *client);
/* Ends every queued call with ERR_CANCELLED and cancels those in flight. */
void client_cancel_all(struct client *client);
size_t client_pending(const struct client *client); /* queued and in flight */
/* Requests sent so far, repeats included: for tests, benchmarks and the log. */
uint64_t client_requests(const struct client *client);

/*
 * "adb-1.azuredatabricks.net/" to "https://adb-1.azuredatabricks.net": scheme added, trailing
 * slash and :443 dropped. ERR_USAGE for anything else than https, and http to a loopback address.
 */
MUST_CHECK bool client_host_normalise(const char *text, struct buf *out, struct err *err);

#endif

/*
 * registry: asks container registries about images, through the port.
 *
 * One question for one image and login, however many clusters wait for it: an answer is shared
 * while it is fresh. HEAD first; a GET where HEAD tells too little. At most
 * REGISTRY_HOST_IN_FLIGHT requests to one host, a host that throttles is left alone until it said.
 * Redirects are followed by hand: https only, never with the login to another host. Nothing is
 * written; nothing of a login, a token or a redirect's query reaches a text.
 * Facts: container-registry.md.
 *
 *   HEAD manifest ─401─▶ token (GET realm; POST for identity tokens) ─▶ HEAD again
 *        │                                                              │
 *        └─200─▶ digest, type ─▶ GET manifest where the CPU is in question ─▶ GET config
 */
#ifndef CLUSTERKEEPER_REGISTRY_H
#define CLUSTERKEEPER_REGISTRY_H

#include "docker_config.h"
#include "image.h"
#include "port.h"

struct registry; /* opaque */

enum {
    REGISTRY_HOST_IN_FLIGHT = 3,
    REGISTRY_REDIRECTS_MAX = 5,
    REGISTRY_IMAGES_MAX = 10000, /* remembered; the longest unasked is forgotten */
    REGISTRY_REQUESTS_MAX = 12,  /* for one question, so that no answer makes a loop */
};

struct registry_config {
    const char *ca_file;        /* kept; NULL: the system's */
    int64_t fresh_ms;           /* default 5 minutes: a good answer is not asked for again */
    int64_t negative_ms;        /* default 1 minute: nor is a bad one */
    int64_t timeout_ms;         /* of one request; default 30 s */
    int64_t connect_timeout_ms; /* default 5 s */
    const struct files *files;
    struct docker_config_places places;
    docker_env_fn env; /* for AWS_* */
    void *env_ctx;
    const char *docker_hub;   /* kept; a mirror that is asked in its place; NULL: Docker Hub */
    const char *aws_endpoint; /* NULL: AWS's own; a loopback address in tests */
};
void registry_config_defaults(struct registry_config *config);

/* One question. Owned by the caller until `done`. */
struct registry_query {
    struct image_ref ref;
    const char *written; /* as the manifest has it, for people */
    enum image_cpu cpu;
    /* The manifest's own login; both NULL: Docker's config. Wiped by the registry before `done`. */
    struct buf username, password;
    void (*done)(struct registry_query *query); /* exactly once, never inside registry_ask */
    void *ctx;
    struct image_facts facts;    /* valid inside `done` and until the next turn; strings borrowed */
    struct registry_query *next; /* of the registry */
};

struct registry *registry_create(const struct port *port, const struct registry_config *config);
void registry_destroy(struct registry *registry); /* nothing may be in flight; NULL is fine */
void registry_ask(struct registry *registry, struct registry_query *query);
/* Sends what may be sent; returns when it wants the next turn (monotonic; INT64_MAX: never). */
int64_t registry_turn(struct registry *registry);
void registry_cancel_all(struct registry *registry);
size_t registry_pending(const struct registry *registry);
/* Forget what was answered: somebody wants to know how it is now. */
void registry_forget(struct registry *registry);

#endif

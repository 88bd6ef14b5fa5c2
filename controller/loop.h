/*
 * loop: the process's libuv loop, and the port that stands on it.
 *
 * The only owner of uv_loop_t. Callbacks only note what happened; once each turn, before the loop
 * sleeps, `turn` is called and everything that came in is dealt with in one place. Idle, the
 * process sleeps: no timer but the one that was asked for.
 */
#ifndef CLUSTERKEEPER_LOOP_H
#define CLUSTERKEEPER_LOOP_H

#include "http.h"

enum loop_signal {
    LOOP_STOP = 1u << 0,      /* SIGTERM, SIGINT */
    LOOP_REREAD = 1u << 1,    /* SIGHUP */
    LOOP_RECONCILE = 1u << 2, /* SIGUSR1 */
};

struct loop; /* opaque */

/* `turn` is called with the signals that came since the last one. */
MUST_CHECK bool loop_create(const struct http_config *http_config,
                            void (*turn)(void *ctx, unsigned signals), void *ctx,
                            struct loop **ret_loop, struct err *err);
const struct port *loop_port(struct loop *loop);
uv_loop_t *loop_uv(struct loop *loop); /* for source/watch */
/* Ask for a turn soon. */
void loop_wake(struct loop *loop);
/* Runs until loop_stop. */
void loop_run(struct loop *loop);
/*
 * loop_run returns after the calls in flight were cancelled and every handle is closed. Turns go
 * on until then, one at least after the last call has ended; a call that is sent in them is
 * cancelled too. What stands on loop_uv is for its owner to close, before or at the same time.
 */
void loop_stop(struct loop *loop);
/* After loop_run; NULL is fine. Names and counts handles that did not close; asserts that there are
 * none. */
void loop_destroy(struct loop *loop);

#endif

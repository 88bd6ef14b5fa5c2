/*
 * session: all that plan, apply and run work with, built from the options, driven by the loop, and
 * taken down in order.
 */
#ifndef CLUSTERKEEPER_SESSION_H
#define CLUSTERKEEPER_SESSION_H

#include "driver.h"
#include "options.h"
#include "source/watch.h"

enum { SESSION_STEPS_MAX = 32, SESSION_STOP_GRACE_MS = 3000 };

struct session {
    const struct options *options;
    enum driver_mode mode;
    const char *command; /* "apply": shown to others that want the state file */
    void *ctx;
    /* As in driver_config; may be NULL, like the driver's own. */
    void (*noticed)(void *ctx, const struct notice *notice);
    void (*scanned)(void *ctx, struct diag *diag);
    void (*decided)(void *ctx, const char *name, const struct manifest *desired,
                    const struct decision *decision);
    void (*began)(void *ctx); /* the driver has started */

    /* Results. */
    bool was_stopped; /* by a signal */
    bool has_summary;
    struct driver_summary summary;
    int64_t observed_at_ms; /* wall clock; 0: the workspace was not asked */
    size_t passed_over;     /* plan: known to be as desired without a look */
    uint64_t requests;      /* sent to the workspace */
};

/* Runs to the end: of the plan, of apply, or until a signal. False when it could not be done. */
MUST_CHECK bool session_run(struct session *session, struct err *err);

#endif

/*
 * sim: a workspace-sim of our own, and its control path (tests/workspace/README.md).
 */
#ifndef CLUSTERKEEPER_BENCH_SIM_H
#define CLUSTERKEEPER_BENCH_SIM_H

#include "buf.h"

#include <stdint.h>
#include <sys/types.h>

#define SIM_TOKEN "bench"

struct sim {
    pid_t pid;
    int out_fd; /* its standard output; kept open until it ends */
    uint16_t port;
    char host[64]; /* DATABRICKS_HOST */
};

/* Ready when it returns. `log` takes its standard error. */
MUST_CHECK bool sim_start(const char *log, struct sim *ret_sim, struct err *err);
MUST_CHECK bool sim_stop(struct sim *sim, struct err *err); /* also one that was never started */

/* Virtual for real time: SIM_FAST makes a launch take a few milliseconds. */
enum { SIM_FAST = 100000 };
MUST_CHECK bool sim_set_speed(const struct sim *sim, int speed, struct err *err);

/* What was asked of the API since the last sim_forget. */
struct sim_requests {
    int64_t total;
    int64_t pages;             /* of clusters/list */
    int64_t writes;            /* what is not a GET */
    int64_t first_write_at_ms; /* virtual time; -1: there was none */
};
MUST_CHECK bool sim_forget(const struct sim *sim, struct err *err);
MUST_CHECK bool sim_count(const struct sim *sim, struct sim_requests *ret_requests,
                          struct err *err);
/* At speed 1: what to take from a virtual time to have it as clock_now_ms, rounded down. */
MUST_CHECK bool sim_clock_offset(const struct sim *sim, int64_t *ret_offset_ms, struct err *err);

#endif

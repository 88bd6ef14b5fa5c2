/*
 * cases: everything that is measured at one size of fleet.
 */
#ifndef CLUSTERKEEPER_BENCH_CASES_H
#define CLUSTERKEEPER_BENCH_CASES_H

#include "table.h"

enum { RUNS_MAX = 50 };

struct case_config {
    const char *bench; /* our own program, for the baselines */
    const char *root;  /* a directory that is there; things are left in it */
    size_t manifests;
    unsigned runs;
    unsigned idle_ms; /* how long an idle run is watched */
};

/* Leaves no process behind. `ret_results` holds what was measured, also after an error. */
MUST_CHECK bool cases_run(const struct case_config *config, struct results *ret_results,
                          struct err *err);

#endif

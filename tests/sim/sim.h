/*
 * sim: everything of one run, together. The files beside this one each hold a part of it.
 */
#ifndef CLUSTERKEEPER_SIM_H
#define CLUSTERKEEPER_SIM_H

#include "authors.h"
#include "disk.h"
#include "fault_plan.h"
#include "judge.h"
#include "people.h"
#include "plan.h"
#include "process.h"
#include "scenario.h"
#include "sim_files.h"
#include "sim_port.h"
#include "world.h"

#define SIM_OWNER "sim-owner"

struct sim {
    struct world world;
    struct scenario scenario;
    struct workspace_model *model;
    struct disk disk;
    struct sim_files files;
    struct authors authors;
    struct net net;
    struct process process;
    struct judge judge;
    struct plan_book plan;
    const char *state_path; /* real directory, lock file; the rest is on the disk above */
    bool is_calm;
    struct fault_plan *faults; /* NULL: what the seed draws goes wrong, and nothing else */
};

/* A set piece, in place of what a seed draws. */
struct sim_job {
    void (*set_scene)(struct scenario *scenario); /* what kind of world it is */
    void (*begin)(struct sim *sim);               /* what is going to happen in it */
    void (*judge)(struct sim *sim);               /* what has to be, once it has converged */
};

/* How a run is asked for, and what came of it. */
struct sim_order {
    uint64_t seed;
    enum sim_size size;
    struct limits limits;
    bool is_traced;
    const char *state_path;
    const struct sim_job *job; /* NULL: of the seed alone */
    struct fault_plan *faults;
    const struct disk *empty; /* a disk with a new state file on it; NULL: it is made */
};
struct sim_result {
    bool has_failed;
    char failure[FAILURE_SIZE];
    unsigned happenings; /* drawn in the run */
    uint64_t fingerprint;
    uint64_t events;
    unsigned starts, kills;
    uint64_t requests, writes;
    int64_t virtual_ms;
    char *trace; /* free with xfree; NULL: not asked for */
};
void sim_run(const struct sim_order *order, struct sim_result *ret_result);

#endif

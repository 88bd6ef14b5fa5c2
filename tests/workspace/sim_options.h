/*
 * sim_options: the command line of workspace-sim.
 */
#ifndef CLUSTERKEEPER_WORKSPACE_SIM_OPTIONS_H
#define CLUSTERKEEPER_WORKSPACE_SIM_OPTIONS_H

#include "model.h"

struct sim_options {
    int64_t port;  /* 0: any that is free */
    int64_t speed; /* virtual for real time */
    int64_t seed;
    int64_t clusters;  /* job clusters of others to begin with */
    const char *token; /* NULL: none is asked for */
    const char *user;
    const char *cloud;
    const char *port_file; /* the port is written there when the server is ready */
    bool state_print;      /* the clusters as JSON on standard output at the end */
    bool help;
};

/* Borrows from `argv`. */
MUST_CHECK bool sim_options_read(int argc, char **argv, struct sim_options *ret_options,
                                 struct err *err);
void sim_options_help(struct buf *out);

#endif

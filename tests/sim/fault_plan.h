/*
 * fault_plan: one failure, or one death, at a chosen point of a run.
 *
 * A run without faults is counted first: how often each kind of point is passed. Then it is run
 * once for each point and each way to fail there. The doors ask the plan as they pass a point.
 */
#ifndef CLUSTERKEEPER_SIM_FAULT_PLAN_H
#define CLUSTERKEEPER_SIM_FAULT_PLAN_H

#include "disk.h"

enum fault_point {
    POINT_DISK,   /* something is done to a file of the state or the cache */
    POINT_CALL,   /* a request leaves */
    POINT_ANSWER, /* its answer, or that there is none, is heard */
    POINT_FILE,   /* a directory or file of the manifests is looked at or read */
    POINT_EVENT,  /* a change of the directory is seen */
    POINT_COUNT,
};

enum fault_way {
    WAY_KILL,    /* the process ends there */
    WAY_FAIL,    /* what was to be done is not done, and that is told */
    WAY_FULL,    /* there is no room for it on the disk */
    WAY_TROUBLE, /* of a call: one of scenario.h */
};

struct fault_kind {
    const char *name;
    enum fault_point point;
    enum fault_way way;
    int trouble;
};
extern const struct fault_kind fault_kinds[];
extern const size_t fault_kinds_len;

struct fault_plan {
    const struct fault_kind *kind; /* NULL: only counts */
    uint64_t number;               /* of the point, from 0 */
    uint64_t passed[POINT_COUNT];
    bool has_struck;
    unsigned clusters_made; /* by requests that arrived, whether answered or not */
    bool is_over;           /* nothing goes wrong any more, and nothing is counted */
    struct disk *disk;
    struct disk_watch watch;
};

/* Watches `disk` too. */
void fault_plan_begin(struct fault_plan *plan, struct disk *disk);
/* A point is passed: what goes wrong there; NULL: nothing. It kills by itself. NULL is fine. */
const struct fault_kind *fault_plan_at(struct fault_plan *plan, enum fault_point point);

#endif

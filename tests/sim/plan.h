/*
 * plan: what `clusterkeeper plan` would say at this instant, and whether the run then does it.
 *
 * The same driver in DRIVER_PLAN beside the state file of a process that has just ended, against
 * the workspace as it is, in no time. It may read and nothing else.
 */
#ifndef CLUSTERKEEPER_SIM_PLAN_H
#define CLUSTERKEEPER_SIM_PLAN_H

#include "driver.h"
#include "world.h"

struct planned {
    char name[64];
    enum action action;
    enum hold hold;
};

struct plan_book {
    struct planned *items;
    size_t len, cap;
    int64_t until_ms; /* so long the run may not do otherwise; 0: there is no plan */
};

void plan_release(struct plan_book *book);
/* Plans, and holds the run to it for a short while. Nothing may run or be on its way. */
void plan_make(struct sim *sim);
/* The run begins a step: the first one for each name has to be the one that was planned. */
void plan_compare(struct sim *sim, const struct notice *notice);

#endif

/*
 * shrink: of a run that fails, the fewest happenings with which it still does.
 *
 * The seed stays; what happens is limited to the first so many, and then one after the other is
 * left out. Any failure counts: two faults may hide behind one seed.
 */
#ifndef CLUSTERKEEPER_SIM_SHRINK_H
#define CLUSTERKEEPER_SIM_SHRINK_H

#include "sim.h"

/* `order` failed with so many happenings. The numbers in `ret_limits` are the caller's: xfree. */
void shrink(const struct sim_order *order, unsigned happenings, struct limits *ret_limits);

#endif

/*
 * job: the main job, as a set piece of the simulation: three clusters are created, one with a local
 * init script; the image of one changes, the size of another, the script of the first; the manifest
 * of the third goes. Nothing goes wrong in it but what a fault plan says.
 */
#ifndef CLUSTERKEEPER_JOB_H
#define CLUSTERKEEPER_JOB_H

#include "sim/sim.h"

extern const struct sim_job main_job;
/* It takes a create for lost while its request may still arrive: a second cluster, to be found. */
extern const struct sim_job hasty_job;

#endif

/*
 * people: those who have the workspace's web page, jobs that wake clusters, and the cloud that
 * takes machines away. They act in the model at once, by the rules of the API.
 */
#ifndef CLUSTERKEEPER_SIM_PEOPLE_H
#define CLUSTERKEEPER_SIM_PEOPLE_H

#include "scenario.h"

void people_act(struct sim *sim, enum deed deed);
/* Clusters that are there before the controller is: of others, of jobs. */
void people_begin(struct sim *sim);

#endif

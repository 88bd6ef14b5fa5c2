/*
 * progress: what apply does, line by line on standard error; on a terminal with a line at the
 * bottom that tells how far it is.
 */
#ifndef CLUSTERKEEPER_PROGRESS_H
#define CLUSTERKEEPER_PROGRESS_H

#include "driver.h"

struct progress; /* opaque */

struct progress *progress_create(bool colour);
void progress_destroy(struct progress *progress); /* takes the bottom line away */
void progress_notice(struct progress *progress, const struct notice *notice);

#endif

/*
 * fleet: a directory of manifests, made for the occasion.
 *
 * A manifest has about 1 KiB; a hundred of them share a directory. They are dated back, as those
 * of a checkout that has been lying there for a while.
 */
#ifndef CLUSTERKEEPER_BENCH_FLEET_H
#define CLUSTERKEEPER_BENCH_FLEET_H

#include "err.h"

enum { FLEET_MAX = 100000, FLEET_PATH_MAX = 1024 };

MUST_CHECK bool fleet_create(const char *root, size_t manifests, struct err *err);
/*
 * Writes manifest `index` anew, with another number of workers for another `revision` (0: as it
 * was made), and renames it into place. `ret_at_ms`, unless NULL, is when that was.
 */
MUST_CHECK bool fleet_change(const char *root, size_t index, unsigned revision, double *ret_at_ms,
                             struct err *err);
/* A file, or a directory with everything in it. What is not there is no error. */
void tree_remove(const char *path);

#endif

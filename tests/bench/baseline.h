/*
 * baseline: the least that can be done about a directory of manifests, to compare with.
 */
#ifndef CLUSTERKEEPER_BENCH_BASELINE_H
#define CLUSTERKEEPER_BENCH_BASELINE_H

#include "err.h"

/*
 * What `bench --baseline KIND DIR` does: "start" nothing at all, "walk" a stat of every file,
 * "parse" every file read, hashed with SHA-256, and its YAML events taken from libyaml.
 */
MUST_CHECK bool baseline_run(const char *kind, const char *root, struct err *err);

#endif

/*
 * workdir: a real directory for the little of a state file that is real in these tests: the lock,
 * and the empty file that state/ makes before SQLite opens it.
 */
#ifndef CLUSTERKEEPER_WORKDIR_H
#define CLUSTERKEEPER_WORKDIR_H

#include <stdbool.h>

enum { WORKDIR_PATH_SIZE = 256 };

struct workdir {
    char directory[WORKDIR_PATH_SIZE - 32];
    char state_path[WORKDIR_PATH_SIZE];
};

/* In memory where the system has a place for that. False: there is none, and it is told. */
bool workdir_make(struct workdir *workdir);
void workdir_remove(const struct workdir *workdir);

#endif

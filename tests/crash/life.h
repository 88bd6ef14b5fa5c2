/*
 * life: one state file on one disk, from its making through many turns, while the power goes and
 * comes back, and the process is killed in between.
 *
 * After each cut: the file opens, its structure is whole, its schema is the newest, and it holds
 * what was acknowledged, nothing more, but for a turn whose commit was under way: of that all or
 * nothing. The cache beside it opens; asked for, it takes what is put into it, and gives back what
 * was put into it once, or nothing.
 */
#ifndef CLUSTERKEEPER_LIFE_H
#define CLUSTERKEEPER_LIFE_H

#include <stdbool.h>
#include <stdint.h>

/* What the store was doing when the power went. */
enum moment {
    MOMENT_MAKE,       /* the file is made, its schema is migrated */
    MOMENT_OPEN,       /* opened again; of a log that a death has left it is recovered */
    MOMENT_TURN,       /* rows are written, the commit has not begun */
    MOMENT_COMMIT,     /* the log is written and synced */
    MOMENT_CHECKPOINT, /* the log is carried over into the file, or begins anew */
    MOMENT_CLOSE,
    MOMENT_CACHE, /* the cache is written */
    MOMENT_IDLE,  /* nothing */
    MOMENT_COUNT,
};
const char *moment_name(enum moment moment);

/* In what way the proof is made weaker than the program: each has to be found out. */
enum weakness {
    WEAK_NOWHERE,
    WEAK_NORMAL, /* synchronous=NORMAL: a commit does not sync the log */
    WEAK_NOSYNC, /* the disk acknowledges a sync and does nothing */
    WEAK_SPLIT,  /* a turn is committed in two halves */
    WEAK_COUNT,
};

struct life_order {
    uint64_t seed;
    unsigned cuts_max;
    enum weakness weakness;
    bool is_traced;
    bool checks_cache; /* holds the cache to its word too, not the store alone */
    const char *path; /* of the state file: a real directory, for the lock; all else is in memory */
};

struct life_result {
    bool has_failed;
    char failure[1024];
    unsigned cuts[MOMENT_COUNT];
    unsigned kills, turns;
};

void life_run(const struct life_order *order, struct life_result *ret_result);

#endif

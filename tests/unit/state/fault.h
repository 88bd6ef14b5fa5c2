/*
 * fault: the real file system and the real memory under SQLite, which fail where a test wants it.
 *
 * Run what is to be tested once and count; run it again as often, and let each call fail in turn.
 * That needs no luck, and no place that fails by itself. SQLite alone is struck: what the state
 * does past it (its lock file, its directories) is not.
 */
#ifndef CLUSTERKEEPER_FAULT_H
#define CLUSTERKEEPER_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
    FAULT_FILE,   /* a call on a file: open, read, write, sync, lock, ... */
    FAULT_MEMORY, /* an allocation */
    FAULT_KINDS,
};

/* Before anything opens a database in this process. */
void fault_install(void);

/* From here on calls of this kind are counted; the `nth` (from 1) fails, and with `lasting` each
 * one behind it. 0: none does. */
void fault_arm(enum fault_kind kind, uint64_t nth, bool lasting);
/* Nothing fails any more; how many calls there were since fault_arm. */
uint64_t fault_disarm(void);

#endif

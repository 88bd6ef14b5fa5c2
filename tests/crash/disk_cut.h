/*
 * disk_cut: the power of the machine, and what a disk holds when it comes back.
 *
 * Watches a disk (sim/disk.h) and keeps, for each file, what was synced last and every write and
 * truncation since. When the power goes, nothing of the process has an effect any more. What was
 * not synced is then kept, dropped or garbled, each sector of each write by itself; a truncation is
 * kept or dropped; a file whose name, or whose deletion, was not synced is there or not.
 *
 * As a file system has it: to sync a directory syncs all names in it. SQLite does so with the first
 * sync of a journal or write-ahead log that it has made, and with a deletion when it says so. Other
 * files are made by state/, which syncs the directory itself. A garbled sector is garbled only
 * where it was written to (SQLITE_IOCAP_POWERSAFE_OVERWRITE, which SQLite expects of each disk).
 */
#ifndef CLUSTERKEEPER_DISK_CUT_H
#define CLUSTERKEEPER_DISK_CUT_H

#include "sim/disk.h"

#include "prng.h"

enum { CUT_SECTOR = 512 };

struct cut_file; /* one file, or what is left of one that was deleted */

/* When the power goes: at the deed after so many more that count. */
struct cut_aim {
    int64_t deeds;      /* -1: it stays */
    const char *only;   /* those of this file count; NULL: of any */
    const char *except; /* but not of files with this in their path; NULL: of any */
};

struct disk_cut {
    struct disk *disk;
    struct disk_watch watch;
    struct prng prng;
    struct cut_file *files;
    bool ignores_sync; /* a disk that lies */
    struct cut_aim aim;
    uint64_t deeds; /* so far */
    /* Where it went: the deed that did not come to be; by no deed (`path` ""): between two. */
    enum disk_deed deed;
    char path[256];
};

/* From now on `disk`, which is empty, is watched. */
void disk_cut_init(struct disk_cut *cut, struct disk *disk, uint64_t seed);
void disk_cut_release(struct disk_cut *cut);

void disk_cut_arm(struct disk_cut *cut, struct cut_aim aim);
bool disk_cut_is_armed(const struct disk_cut *cut);
/* The power goes now. */
void disk_cut_strike(struct disk_cut *cut);
/* It did not: the process alone ended, and the system has all that it was given. */
void disk_cut_spare(struct disk_cut *cut);
bool disk_cut_has_struck(const struct disk_cut *cut);
/* It comes back: the disk is as it is found then. Nothing may be open. */
void disk_cut_mend(struct disk_cut *cut);

#endif

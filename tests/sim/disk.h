/*
 * disk: the files of the state, in memory, behind SQLite's own door to the system (a VFS).
 *
 * It makes runs quick, lets a disk fill and fail at a chosen write, ends a process without its
 * leave (nothing of it reaches the files any more), and knows what a machine would lose that
 * loses its power: what was written and not synced. Registered as SQLite's default; one disk is in
 * use at a time. The lock file and the empty file that state/ makes are real ones.
 */
#ifndef CLUSTERKEEPER_SIM_DISK_H
#define CLUSTERKEEPER_SIM_DISK_H

#include "mem.h"

#include <stdbool.h>
#include <stdint.h>

enum { DISK_SHM_MAX = 8, DISK_LOCKS = 8 };

/* One file; stays where it is until it is removed and nobody has it open. */
struct disk_file {
    char *path; /* NULL: a nameless one, gone when it is closed */
    unsigned char *bytes;
    size_t len, cap;
    bool is_unsynced; /* written since the last sync */
    unsigned opened, shared;
    bool is_exclusive;
    void *shm[DISK_SHM_MAX]; /* shared memory of a write-ahead log */
    unsigned shm_shared[DISK_LOCKS];
    bool shm_exclusive[DISK_LOCKS];
    struct disk_file *next;
};

/* What is done to a file that has a name. */
enum disk_deed { DISK_MAKE, DISK_WRITE, DISK_TRUNCATE, DISK_SYNC, DISK_DELETE, DISK_DEED_COUNT };

struct disk_event {
    enum disk_deed deed;
    const char *path;
    const void *bytes; /* of a write */
    size_t at, len;    /* of a write; `len` of a truncation */
    /* A deletion that is on the disk when it returns; a file whose first sync syncs its name too.
     */
    bool is_synced;
};

/* Sees each deed before it has its effect, and may make it fail. */
enum disk_verdict { DISK_GOES_ON, DISK_FAILS, DISK_HAS_NO_ROOM };
struct disk_watch {
    enum disk_verdict (*before)(void *ctx, const struct disk_event *event);
    void *ctx;
};

struct disk {
    struct disk_file *files;
    bool is_full;        /* nothing more can be written */
    bool is_dead;        /* the process ended: nothing it does has an effect */
    int64_t writes_left; /* then `is_dead`; -1: does not matter */
    uint64_t writes;
    const struct disk_watch *watch; /* NULL: nobody does */
};

/* Makes `disk` the one that SQLite sees from now on. */
void disk_use(struct disk *disk);
void disk_release(struct disk *disk);
/* A deep copy, to start from. Nothing may be open. */
void disk_copy(const struct disk *from, struct disk *to);

struct disk_file *disk_find(const struct disk *disk, const char *path);
void disk_remove(struct disk *disk, const char *path);
/* A file with this content, in place of one that was there. */
void disk_put(struct disk *disk, const char *path, const void *bytes, size_t len);
/* Where `text` is in a file whose path begins with `prefix`: its path; NULL: nowhere. */
const char *disk_search(const struct disk *disk, const char *prefix, const char *text);

#endif

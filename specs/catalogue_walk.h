/*
 * catalogue_walk: the state of one scan. Not for others.
 *
 *   catalogue_scan.c  the walk through the directories
 *   catalogue_read.c  the files of one directory: which to read, and what is in them
 */
#ifndef CLUSTERKEEPER_CATALOGUE_WALK_H
#define CLUSTERKEEPER_CATALOGUE_WALK_H

#include "catalogue_private.h"

/* One scan. `last` is the catalogue's index, `next` the one in the making. */
struct walk {
    struct catalogue *catalogue;
    struct index *last;
    struct index next;
    uint32_t *moved;       /* for each row of last: where it is in next, or INDEX_NONE */
    size_t cursor;         /* the first row of last that the walk has not come to */
    struct diag *diag;     /* the caller's */
    struct diag *findings; /* of the directory at hand */
    struct diag *scratch;  /* of the file at hand */
    struct arena arena;    /* likewise */
    struct kept kept;      /* manifests of the files so far */
    struct buf path, text; /* likewise */
    size_t directories;
    bool differs;     /* next is not what last was */
    bool is_complete; /* nothing was missed */
};

/* A directory on the way from the root to the one at hand. */
struct place {
    const struct place *above;
    const char *prefix; /* "etl/"; "" for the root */
    uint64_t device, inode;
    unsigned depth;
    uint32_t scope; /* the Defaults in force, in next */
    bool is_dirty;  /* they are not what they were */
    bool is_broken; /* they have an error: nothing below can be made */
};

/* A file of manifests as it was listed. */
struct item {
    const char *path; /* in the arena of next */
    struct file_stamp stamp;
    uint32_t row;   /* its row in last, or INDEX_NONE */
    bool is_fresh;  /* has to be read */
    bool is_likely; /* is looked at first, since it holds Defaults, or sounds so */
};

/* A Defaults document of the directory. */
struct found {
    const char *path;
    uint32_t document;
    struct pos pos;
    struct digest digest;
};

struct listing {
    struct walk *walk;
    const char *prefix;
    size_t prefix_len;
    struct item *files; /* sorted by path, as are the directories */
    size_t files_len, files_cap;
    struct item *directories;
    size_t directories_len, directories_cap;
    struct found *found;
    size_t found_len, found_cap;
    bool had_defaults; /* at the last scan, and which */
    struct digest had;
    bool is_suspect; /* a file that cannot be made out may hold Defaults */
    bool is_late;    /* Defaults were found after Clusters that they apply to had been read */
};

/* Take the files of a directory into the next index, and set what applies in it. */
void files_take(struct walk *walk, struct place *place, struct listing *listing);

/* `len` has come to `max`: a finding. */
bool walk_is_full(struct walk *walk, struct diag *diag, const char *what, size_t len, size_t max);

/* A finding about `path` as a whole; the catalogue is not complete then. */
void walk_fault(struct walk *walk, struct diag *diag, const char *path, const struct err *err);

#endif

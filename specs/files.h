/*
 * files: the port through which a directory of manifests is read.
 *
 * The program reads a real directory (files_posix), the simulation one that it keeps in memory.
 */
#ifndef CLUSTERKEEPER_FILES_H
#define CLUSTERKEEPER_FILES_H

#include "buf.h"

#include <stdint.h>

/*
 * What tells one version of a file from another without reading it. A file that was written a
 * moment ago may be written again without a change in its stamp, since clocks of file systems
 * tick slowly: then mtime_ns is FILE_STAMP_UNSETTLED, and the stamp is equal to none.
 */
struct file_stamp {
    uint64_t device, inode, size;
    int64_t mtime_ns, ctime_ns;
};
#define FILE_STAMP_UNSETTLED INT64_MIN

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);

enum file_kind { FILE_REGULAR, FILE_DIRECTORY, FILE_OTHER };

/*
 * Called for each entry of a directory, in no order. `name` is borrowed for the call. Symbolic
 * links are followed; one that leads nowhere is FILE_OTHER with a zero stamp.
 */
typedef void (*files_visit_fn)(void *ctx, const char *name, enum file_kind kind,
                               const struct file_stamp *stamp);

struct files {
    void *ctx;
    /* Visit the entries of `path`. ERR_NOT_FOUND when there is no such directory, else ERR_IO. */
    bool (*list)(void *ctx, const char *path, files_visit_fn visit, void *visit_ctx,
                 struct err *err);
    /*
     * Append the whole file to `out`, which caps it (ERR_LIMIT). ERR_NOT_FOUND when it is gone.
     * `ret_stamp` may be NULL; it is of the very file that was read, from before it was read.
     */
    bool (*read)(void *ctx, const char *path, struct buf *out, struct file_stamp *ret_stamp,
                 struct err *err);
    /* The stamp of what `path` leads to. ERR_NOT_FOUND when there is nothing, else ERR_IO. */
    bool (*look)(void *ctx, const char *path, struct file_stamp *ret_stamp, struct err *err);
    /*
     * Append the absolute path without symbolic links to `out`; fails as `look` does. NULL where
     * there are no links.
     */
    bool (*resolve)(void *ctx, const char *path, struct buf *out, struct err *err);
};

/* The real file system. Static. */
const struct files *files_posix(void);

#endif

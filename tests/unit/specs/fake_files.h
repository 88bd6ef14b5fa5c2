/*
 * fake_files: a tree of files in memory, behind the port of files.h, that counts what is asked.
 *
 * Directories are there because files are below them. Each write gives a file a new stamp.
 */
#ifndef CLUSTERKEEPER_FAKE_FILES_H
#define CLUSTERKEEPER_FAKE_FILES_H

#include "files.h"

struct fake_files; /* opaque */

struct fake_files *fake_files_create(void);
void fake_files_destroy(struct fake_files *fake);
const struct files *fake_files_port(struct fake_files *fake);

void fake_files_put(struct fake_files *fake, const char *path, const char *text);
void fake_files_put_bytes(struct fake_files *fake, const char *path, const char *bytes, size_t len);
/* A new stamp, the same content. */
void fake_files_touch(struct fake_files *fake, const char *path);
void fake_files_remove(struct fake_files *fake, const char *path);
/* `path` is a symbolic link to the directory `target`; NULL: to nowhere. */
void fake_files_link(struct fake_files *fake, const char *path, const char *target);
/* Reading the file, or listing the directory, fails from now on; ERR_NONE: works again. */
void fake_files_fail(struct fake_files *fake, const char *path, enum err_code code);

struct fake_counts {
    size_t reads, lists, looks;
};
/* Since the last call. */
struct fake_counts fake_files_counts(struct fake_files *fake);

#endif

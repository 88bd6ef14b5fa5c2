/*
 * place: where the files of the state lie on disk, and what the system says when that fails.
 *
 * For state/ only. Everything it makes is for its owner alone, whatever the umask: 0700 for a
 * directory, 0600 for a file, since the state file holds the key of the hashed secrets.
 */
#ifndef CLUSTERKEEPER_PLACE_H
#define CLUSTERKEEPER_PLACE_H

#include "err.h"

/* The directories on the way to `path` exist. */
MUST_CHECK bool place_make_parents(const char *path, struct err *err);
/*
 * `path` is a regular file, not a link; it is made, empty, if there is none. An existing file is
 * never opened here: closing it would drop the locks that SQLite holds on it in this process.
 */
MUST_CHECK bool place_make_file(const char *path, struct err *err);
/* Only the owner can open the file any more, and what SQLite keeps beside it. */
MUST_CHECK bool place_make_private(const char *path, struct err *err);
/* `path` is a regular file that can be read: ERR_NOT_FOUND or ERR_IO. */
MUST_CHECK bool place_check_file(const char *path, struct err *err);
/* A regular file of at least one byte. */
bool place_has_content(const char *path);
/* Files can be made in the directory that `path` is in. */
bool place_takes_files(const char *path);

/* `path` with `suffix` behind it; free with xfree. */
char *place_beside(const char *path, const char *suffix);

/* What an errno means for the state; ERR_IO for most. */
enum err_code place_code(int number);
/* "cannot make the directory /x: Permission denied"; always false. */
bool place_fail(struct err *err, int number, const char *doing, const char *path);

enum { PLACE_REASON_SIZE = 128 };
/* The system's words for an errno. */
const char *place_reason(int number, char ret_reason[PLACE_REASON_SIZE]);

#endif

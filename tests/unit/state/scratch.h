/*
 * scratch: a directory for one test, and what the tests of the state do with files in it.
 */
#ifndef CLUSTERKEEPER_SCRATCH_H
#define CLUSTERKEEPER_SCRATCH_H

#include "store.h"

enum { SCRATCH_PATH_SIZE = 256 };

struct scratch {
    char cwd[SCRATCH_PATH_SIZE - 64]; /* to come back to after the test */
    char dir[SCRATCH_PATH_SIZE];
    char file[SCRATCH_PATH_SIZE]; /* where a state file may be; there is none yet */
};

/* cmocka's setup and teardown; `*state` is the struct scratch. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

/* The path of `name` in the directory. */
const char *scratch_path(const struct scratch *scratch, const char *name,
                         char ret_path[SCRATCH_PATH_SIZE]);
/* `file` with something behind it: "-wal", ".lock". */
const char *scratch_beside(const struct scratch *scratch, const char *suffix,
                           char ret_path[SCRATCH_PATH_SIZE]);
void scratch_write(const char *path, const void *bytes, size_t len);
/* The permission bits; -1: no file. */
int scratch_mode(const char *path);

/*
 * Nobody can deny root anything: as root, become another user until scratch_rise. False where that
 * user cannot even reach the directory; then the test has to be skipped.
 */
bool scratch_sink(const struct scratch *scratch);
void scratch_rise(void);

/* `must(call)` with an `err` in scope: the text says why not. */
#define must(call)                             \
    do {                                       \
        if (!(call)) fail_msg("%s", err.text); \
    } while (0)

#define WORKSPACE "adb-1.example"

/* A store of WORKSPACE; the test fails if it cannot be opened. */
struct store *scratch_open(const char *path, enum store_mode mode);
/* One turn with one record. */
void scratch_put(struct store *store, const struct record *record);
bool scratch_has(struct store *store, const char *name);
/* A closed store at `path` with a record of that name. */
void scratch_make(const char *path, const char *name);
/* Opening fails with this code, and the text holds each of these words. */
void scratch_refuse(const char *path, enum store_mode mode, enum err_code code, const char *word,
                    const char *other_word);
/* SQL on a file, past the store. */
void scratch_sql(const char *path, const char *text);
/* The bytes of a file; free with xfree. */
char *scratch_read(const char *path, size_t *ret_len);

#endif

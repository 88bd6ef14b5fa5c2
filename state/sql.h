/*
 * sql: one SQLite connection, its prepared statements, and what its result codes mean.
 *
 * For state/ only; nothing outside may know SQLite. All statements of a connection are prepared
 * when it is opened, from a table of SQL texts; a statement in use is a struct query on the stack
 * that resets and clears it when it leaves scope, so that closing never finds one still busy.
 */
#ifndef CLUSTERKEEPER_SQL_H
#define CLUSTERKEEPER_SQL_H

#include "err.h"

#include <sqlite3.h>
#include <stdint.h>

enum sql_access {
    SQL_READ,      /* the file is not changed; -wal and -shm may be made */
    SQL_IMMUTABLE, /* the file and its directory are not changed, and nobody writes to it now */
    SQL_WRITE,     /* an existing file */
    SQL_MEMORY,    /* no file */
};

struct sql {
    sqlite3 *db;      /* NULL: closed */
    const char *what; /* "state file", for messages; static */
    const char *path; /* for messages; borrowed from whoever opened */
    sqlite3_stmt **statements;
    size_t statements_len;
};

/*
 * Open with everything switched off that a hostile file could use. `value_max` is the size of the
 * largest row. Reads nothing from the file yet. Close it in any case.
 */
MUST_CHECK bool sql_open(struct sql *sql, enum sql_access access, int value_max, struct err *err);
MUST_CHECK bool sql_prepare(struct sql *sql, const char *const *texts, size_t len, struct err *err);
/* An open transaction is rolled back. Ready to be opened again. */
void sql_close(struct sql *sql);

/*
 * Set `err` from the result code of a call; always false. The one place that maps them. `errno` is
 * looked at too: it was 0 before the call.
 */
bool sql_fail(const struct sql *sql, int rc, struct err *err);
/* Statements without parameters or rows, for opening only. */
MUST_CHECK bool sql_exec(struct sql *sql, const char *text, struct err *err);
/* The number, or the text into `ret_text`, that a PRAGMA answers with. */
MUST_CHECK bool sql_ask_i64(struct sql *sql, const char *text, int64_t *ret_number,
                            struct err *err);
enum { SQL_ANSWER_SIZE = 128 };
MUST_CHECK bool sql_ask_text(struct sql *sql, const char *text, char ret_text[SQL_ANSWER_SIZE],
                             struct err *err);
/* Write-ahead log: readers are never blocked. ERR_IO where the file system has no shared memory. */
MUST_CHECK bool sql_use_wal(struct sql *sql, struct err *err);
/* ERR_CORRUPT unless the structure of the file is sound. */
MUST_CHECK bool sql_check(struct sql *sql, struct err *err);

/* Empty the file, whatever is in it, damaged or not; other connections see it as a transaction. */
MUST_CHECK bool sql_reset(struct sql *sql, struct err *err);
/* Everything of `from` into `to`, of the database "main" or "temp". */
MUST_CHECK bool sql_copy(struct sql *to, struct sql *from, const char *database, struct err *err);

/* A statement in use. Parameters are bound in their order; their memory is borrowed. */
struct query {
    struct sql *sql;
    sqlite3_stmt *statement;
    int bound; /* parameters so far */
    int rc;    /* of the first bind that failed */
};

struct query query_begin(struct sql *sql, size_t statement);
void query_end(struct query *query);
#define AUTO_QUERY __attribute__((cleanup(query_end)))

void query_bind_text(struct query *query, const char *text); /* NULL binds NULL */
/* At most `len_max` bytes of it, never half a character. */
void query_bind_text_cut(struct query *query, const char *text, size_t len_max);
void query_bind_i64(struct query *query, int64_t number);
void query_bind_blob(struct query *query, const void *bytes, size_t len);

/* To the next row; `ret_row` false: there is none. */
MUST_CHECK bool query_next(struct query *query, bool *ret_row, struct err *err);
/* To the end, for a statement without rows; `ret_changed` rows were changed, may be NULL. */
MUST_CHECK bool query_run(struct query *query, int64_t *ret_changed, struct err *err);

/* Of the row at hand; borrowed until the next step. */
const char *query_text(const struct query *query, int column); /* NULL for NULL */
int64_t query_i64(const struct query *query, int column);
const void *query_blob(const struct query *query, int column, size_t *ret_len);

#endif

/*
 * store_private: what the files of the store share. store.c opens, closes and turns,
 * store_schema.c holds all SQL, store_lock.c the lock file, store_records.c and store_journal.c
 * what is kept.
 */
#ifndef CLUSTERKEEPER_STORE_PRIVATE_H
#define CLUSTERKEEPER_STORE_PRIVATE_H

#include "sql.h"
#include "store.h"

/*
 * The columns of a record, in their order in every statement; each is a member of struct record of
 * the same name. `name` and `phase` come before them. The SQL, the binding and the loading are all
 * made from these lists.
 */
#define RECORD_TEXTS(F) \
    F(source)           \
    F(cluster_id)       \
    F(predecessor_id)   \
    F(failed_id)        \
    F(operation)        \
    F(pending_digest)   \
    F(applied_digest)   \
    F(good_digest)      \
    F(good_libraries)   \
    F(good_permissions) \
    F(image_digest)     \
    F(pending_image)    \
    F(good_image)       \
    F(failed_image)     \
    F(libraries)        \
    F(permissions)      \
    F(image)            \
    F(failed_digest)    \
    F(failed_why)
#define RECORD_NUMBERS(F)      \
    F(int64_t, phase_since_ms) \
    F(int, pinned)             \
    F(int, prune)              \
    F(int, adopted)            \
    F(int, ran)                \
    F(int, rollback)           \
    F(int, clean_listings)     \
    F(int, failures)           \
    F(int64_t, retry_at_ms)    \
    F(int64_t, updated_ms)

enum store_sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_META_GET,
    SQL_META_MAKE,
    SQL_META_CLAIM,
    SQL_GENERATION_BUMP,
    SQL_RECORD_GET,
    SQL_RECORD_PUT,
    SQL_RECORD_SPEC_PUT,
    SQL_RECORD_DROP,
    SQL_RECORD_EACH,
    SQL_INTEND,
    SQL_CONCLUDE_NOTE,
    SQL_CONCLUDE_DROP,
    SQL_UNFINISHED,
    SQL_NOTE,
    SQL_HISTORY,
    SQL_HISTORY_OF,
    SQL_HISTORY_TRIM,
    SQL_SCRIPT_KNOWN,
    SQL_SCRIPT_PUT,
    SQL_SCRIPTS_TRIM,
    SQL_COUNT,
};
extern const char *const store_sql[SQL_COUNT];

/* What a turn has changed so far, for what has to be done before its commit. */
enum { TOUCHED_RECORDS = 1 << 0, TOUCHED_HISTORY = 1 << 1, TOUCHED_SCRIPTS = 1 << 2 };

struct store {
    struct sql sql;
    char *path;
    struct store_lock *lock; /* NULL: a reader */
    enum store_mode mode;
    uint8_t secret_key[DIGEST_KEY_BYTES];
    bool in_turn;
    unsigned touched;  /* by the turn: TOUCHED_... */
    struct err failed; /* the first write of the turn that failed; ERR_NONE: none did */
};

/* store.c */
/*
 * Runs a statement that changes rows; only inside a turn. After a failure SQLite may have rolled
 * back by itself, and what is written next would stand alone: so the turn is doomed, each later
 * write fails with the same error, and so does the commit.
 */
MUST_CHECK bool store_change(struct store *store, struct query *query, unsigned touches,
                             int64_t *ret_changed, struct err *err);

/* store_schema.c */
/* Whose file is it? ERR_CORRUPT when another program's, ERR_NEWER; `ret_empty`: nobody's yet. */
MUST_CHECK bool store_schema_check(struct sql *sql, bool *ret_empty, struct err *err);
MUST_CHECK bool store_schema_migrate(struct sql *sql, struct err *err);
/* The file is of an earlier version: it has migrations to come. */
MUST_CHECK bool store_schema_is_old(struct sql *sql, bool *ret_is_old, struct err *err);

/* store_lock.c */
/* Take FILE.lock for the file `path`. ERR_LOCKED says who holds it. */
MUST_CHECK bool store_lock_take(const char *path, const char *command, struct store_lock **ret_lock,
                                struct err *err);
void store_lock_release(struct store_lock *lock); /* NULL is fine */

#endif

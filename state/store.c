#include "store_private.h"

#include "place.h"
#include "text.h"

#include <assert.h>
#include <sys/random.h>

/* The largest row: two specs of a cluster with all that may be in them. */
enum { VALUE_BYTES_MAX = 32 << 20 };

/*
 * FULL: a commit that was answered is on the disk. The log is cut back after a large turn. 16 MiB
 * of pages hold the records of a large fleet, without which a turn over all of it reads each page
 * again and again.
 */
static bool use_settings(struct sql *sql, struct err *err)
{
    return sql_exec(sql,
                    "PRAGMA synchronous = FULL;"
                    "PRAGMA journal_size_limit = 16777216;"
                    "PRAGMA cache_size = -2048",
                    err);
}

static bool open_writer(struct store *store, const char *command, struct err *err)
{
    struct sql *sql = &store->sql;
    bool is_empty = false;
    if (!place_make_parents(store->path, err)) return false;
    if (!store_lock_take(store->path, command, &store->lock, err)) return false;
    if (!place_make_file(store->path, err)) return false;
    if (!sql_open(sql, SQL_WRITE, VALUE_BYTES_MAX, err)) return false;
    /* Nothing is written before the file is known to be ours and sound. */
    return store_schema_check(sql, &is_empty, err) && sql_check(sql, err) &&
           place_make_private(store->path, err) && sql_use_wal(sql, err) &&
           use_settings(sql, err) && store_schema_migrate(sql, err);
}

static bool open_and_look(struct store *store, enum sql_access access, struct err *err)
{
    bool is_empty = false;
    if (!sql_open(&store->sql, access, VALUE_BYTES_MAX, err)) return false;
    if (!store_schema_check(&store->sql, &is_empty, err)) return false;
    /* A writer goes through the whole file before it adds to it; a reader finds out as it reads. */
    if (!is_empty) return true;
    return err_set(err, ERR_NOT_FOUND,
                   "state file '%s' holds nothing yet; 'clusterkeeper apply' or 'run' fills it",
                   store->path);
}

/* A reader changes no file: one of an earlier version is brought up to date in memory. */
static bool bring_up_to_date(struct store *store, struct err *err)
{
    bool is_old = false;
    if (!store_schema_is_old(&store->sql, &is_old, err)) return false;
    if (!is_old) return true;
    struct sql memory = { .what = store->sql.what, .path = store->sql.path };
    bool ok = sql_open(&memory, SQL_MEMORY, VALUE_BYTES_MAX, err) &&
              sql_copy(&memory, &store->sql, "main", err) && store_schema_migrate(&memory, err);
    if (!ok) {
        sql_close(&memory);
        return false;
    }
    sql_close(&store->sql);
    store->sql = memory;
    return true;
}

/*
 * A reader of a write-ahead log needs files beside the state file, which it cannot make in a
 * directory that takes no writes. Where no log is, no writer is at work there, and the file can be
 * read as one that does not change. Where one is, reading the file without it would show the past.
 */
static bool open_reader(struct store *store, struct err *err)
{
    if (!place_check_file(store->path, err)) {
        if (err->code != ERR_NOT_FOUND) return err_wrap(err, "state file");
        return err_set(err, ERR_NOT_FOUND,
                       "there is no state file '%s' yet; 'clusterkeeper apply' or 'run' makes it",
                       store->path);
    }
    if (open_and_look(store, SQL_READ, err)) return true;
    bool is_refused = err->code == ERR_IO || err->code == ERR_READONLY;
    if (!is_refused || place_takes_files(store->path)) return false;
    AUTO(xfree) char *log_path = place_beside(store->path, "-wal");
    if (place_has_content(log_path)) {
        return err_set(err, ERR_READONLY,
                       "state file '%s' has a write-ahead log beside it, which cannot be read in a "
                       "directory that takes no writes; run as the user that owns it",
                       store->path);
    }
    sql_close(&store->sql);
    return open_and_look(store, SQL_IMMUTABLE, err);
}

static bool make_meta(struct store *store, struct err *err)
{
    uint8_t key[DIGEST_KEY_BYTES];
    if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key)) {
        return err_set(err, ERR_IO, "the system gives no random bytes for a new state file '%s'",
                       store->path);
    }
    AUTO_QUERY struct query query = query_begin(&store->sql, SQL_META_MAKE);
    query_bind_blob(&query, key, sizeof(key));
    return query_run(&query, NULL, err);
}

static bool claim(struct store *store, const char *workspace, struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&store->sql, SQL_META_CLAIM);
    query_bind_text(&query, workspace);
    return query_run(&query, NULL, err);
}

static bool load_meta(struct store *store, const char *workspace, bool *ret_claimed,
                      struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&store->sql, SQL_META_GET);
    bool has_row = false;
    if (!query_next(&query, &has_row, err)) return false;
    if (!has_row) {
        return err_set(err, ERR_NOT_FOUND,
                       "state file '%s' holds nothing yet; 'clusterkeeper apply' or 'run' fills it",
                       store->path);
    }
    size_t key_len = 0;
    const char *owner = query_text(&query, 0);
    const void *key = query_blob(&query, 1, &key_len);
    if (key_len != sizeof(store->secret_key)) {
        return err_set(err, ERR_CORRUPT, "state file '%s' has a damaged key", store->path);
    }
    memcpy(store->secret_key, key, key_len);
    if (owner != NULL && workspace != NULL && !text_equal_nocase(owner, workspace)) {
        return err_set(err, ERR_USAGE,
                       "state file '%s' belongs to workspace %s, not to %s; use another --state",
                       store->path, owner, workspace);
    }
    *ret_claimed = owner != NULL;
    return true;
}

static bool open_meta(struct store *store, const char *workspace, struct err *err)
{
    bool is_claimed = false;
    bool is_writer = store->mode == STORE_WRITE;
    if (is_writer && !make_meta(store, err)) return false;
    if (!load_meta(store, workspace, &is_claimed, err)) return false;
    return is_claimed || workspace == NULL || !is_writer || claim(store, workspace, err);
}

bool store_open(const char *path, enum store_mode mode, const char *workspace, const char *command,
                struct store **ret_store, struct err *err)
{
    AUTO(store_close) struct store *store = xcalloc(1, sizeof(*store));
    store->mode = mode;
    store->path = xstrdup(path);
    store->sql.what = "state file";
    store->sql.path = store->path;
    bool ok = mode == STORE_WRITE ? open_writer(store, command, err)
                                  : open_reader(store, err) && bring_up_to_date(store, err);
    if (!ok) return false;
    if (!sql_prepare(&store->sql, store_sql, SQL_COUNT, err)) return false;
    if (!open_meta(store, workspace, err)) return false;
    *ret_store = store;
    store = NULL;
    return true;
}

void store_close(struct store *store)
{
    if (store == NULL) return;
    store_rollback(store);
    sql_close(&store->sql);
    store_lock_release(store->lock);
    xfree(store->path);
    xfree(store);
}

void store_secret_key(const struct store *store, uint8_t ret_key[DIGEST_KEY_BYTES])
{
    memcpy(ret_key, store->secret_key, DIGEST_KEY_BYTES);
}

bool store_generation(struct store *store, int64_t *ret_generation, struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&store->sql, SQL_META_GET);
    bool has_row = false;
    if (!query_next(&query, &has_row, err)) return false;
    *ret_generation = has_row ? query_i64(&query, 2) : 0;
    return true;
}

static bool run_plain(struct store *store, enum store_sql statement, struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&store->sql, statement);
    return query_run(&query, NULL, err);
}

bool store_begin(struct store *store, struct err *err)
{
    assert(!store->in_turn);
    if (store->mode == STORE_READ) {
        return err_set(err, ERR_READONLY, "state file '%s' was opened for reading only",
                       store->path);
    }
    if (!run_plain(store, SQL_BEGIN, err)) return false;
    store->in_turn = true;
    store->touched = 0;
    store->failed.code = ERR_NONE;
    return true;
}

bool store_change(struct store *store, struct query *query, unsigned touches, int64_t *ret_changed,
                  struct err *err)
{
    assert(store->in_turn);
    int64_t changed = 0;
    if (store->failed.code != ERR_NONE) {
        *err = store->failed;
        return false;
    }
    if (!query_run(query, &changed, err)) {
        store->failed = *err;
        return false;
    }
    if (changed != 0) store->touched |= touches;
    if (ret_changed != NULL) *ret_changed = changed;
    return true;
}

/* The number goes up, and what is too old goes, in the same transaction. */
static bool finish_turn(struct store *store, struct err *err)
{
    static const struct ending {
        unsigned touched;
        enum store_sql statement;
        int rows_max; /* 0: takes no parameter */
    } endings[] = {
        { TOUCHED_RECORDS, SQL_GENERATION_BUMP, 0 },
        { TOUCHED_HISTORY, SQL_HISTORY_TRIM, STORE_HISTORY_ROWS_MAX },
        { TOUCHED_SCRIPTS, SQL_SCRIPTS_TRIM, STORE_SCRIPTS_MAX },
    };
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        if ((store->touched & endings[i].touched) == 0) continue;
        AUTO_QUERY struct query query = query_begin(&store->sql, endings[i].statement);
        if (endings[i].rows_max != 0) query_bind_i64(&query, endings[i].rows_max);
        if (!store_change(store, &query, 0, NULL, err)) return false;
    }
    return true;
}

/*
 * When the last sync fails, the disk may still come to hold the whole turn. Then the next start
 * finds an intent whose call was never made, which is looked up and made again; never a call
 * without an intent.
 */
bool store_commit(struct store *store, struct err *err)
{
    assert(store->in_turn);
    bool ok = store->failed.code == ERR_NONE;
    if (!ok) *err = store->failed;
    ok = ok && finish_turn(store, err) && run_plain(store, SQL_COMMIT, err);
    if (ok) {
        store->in_turn = false;
    } else {
        store_rollback(store);
    }
    return ok;
}

void store_rollback(struct store *store)
{
    if (!store->in_turn) return;
    store->in_turn = false;
    if (sqlite3_get_autocommit(store->sql.db) != 0) return; /* SQLite did it by itself */
    struct err ignored;
    (void)!run_plain(store, SQL_ROLLBACK, &ignored);
}

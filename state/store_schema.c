/*
 * All SQL of the store: its schema, as a list of migrations, and its statements.
 */
#include "store_private.h"

#include <stdio.h>

/* "clkp": who asks what kind of SQLite file this is (file(1) does) finds it in the header. */
enum { APPLICATION_ID = 0x636c6b70 };

/*
 * The schema of version N is the first N of these, in order. One that was released is never
 * changed: write another.
 */
static const char *const migrations[] = {
    /* Texts of a cluster are its own; a spec is in a table beside, so that a walk over the fleet
     * does not read through them. */
    "PRAGMA application_id = 0x636c6b70;"
    "CREATE TABLE meta ("
    "  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),"
    "  workspace TEXT,"
    "  secret_key BLOB NOT NULL CHECK (length(secret_key) = 32),"
    "  generation INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"
    "CREATE TABLE record ("
    "  name TEXT NOT NULL PRIMARY KEY CHECK (name <> ''),"
    "  phase TEXT NOT NULL CHECK (phase IN ('none', 'creating', 'unknown', 'launching', 'ready',"
    "    'replacing', 'failed', 'removing', 'orphaned')),"
    "  phase_since_ms INTEGER NOT NULL,"
    "  source TEXT,"
    "  cluster_id TEXT,"
    "  predecessor_id TEXT,"
    "  operation TEXT,"
    "  pending_digest TEXT,"
    "  applied_digest TEXT,"
    "  libraries TEXT,"
    "  permissions TEXT,"
    "  image TEXT,"
    "  pinned INTEGER NOT NULL CHECK (pinned IN (-1, 0, 1)),"
    "  prune INTEGER NOT NULL CHECK (prune BETWEEN 0 AND 100),"
    "  adopted INTEGER NOT NULL CHECK (adopted IN (0, 1)),"
    "  clean_listings INTEGER NOT NULL CHECK (clean_listings BETWEEN 0 AND 2147483647),"
    "  failures INTEGER NOT NULL CHECK (failures BETWEEN 0 AND 2147483647),"
    "  retry_at_ms INTEGER NOT NULL,"
    "  failed_digest TEXT,"
    "  error TEXT,"
    "  updated_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE record_spec ("
    "  name TEXT NOT NULL PRIMARY KEY REFERENCES record (name) ON DELETE CASCADE,"
    "  applied_spec TEXT,"
    "  pending_spec TEXT"
    ") STRICT;"
    /* AUTOINCREMENT: the ID of a concluded intent is never given to another. */
    "CREATE TABLE intent ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  name TEXT NOT NULL,"
    "  step TEXT NOT NULL CHECK (step IN ('upload', 'create', 'edit', 'resize', 'start',"
    "    'terminate', 'delete', 'pin', 'unpin', 'permit', 'install', 'uninstall')),"
    "  cluster_id TEXT,"
    "  operation TEXT,"
    "  why TEXT,"
    "  at_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE TABLE event ("
    "  id INTEGER PRIMARY KEY,"
    "  at_ms INTEGER NOT NULL,"
    "  name TEXT,"
    "  cluster_id TEXT,"
    "  what TEXT NOT NULL,"
    "  detail TEXT,"
    "  error TEXT"
    ") STRICT;"
    "CREATE INDEX event_by_name ON event (name);"
    "CREATE TABLE script ("
    "  id INTEGER PRIMARY KEY,"
    "  destination TEXT NOT NULL UNIQUE,"
    "  at_ms INTEGER NOT NULL"
    ") STRICT;",

    /* Back to what ran before. What was applied by an older version counts as not yet seen
     * running. */
    "ALTER TABLE record ADD COLUMN failed_id TEXT;"
    "ALTER TABLE record ADD COLUMN failed_why TEXT;"
    "ALTER TABLE record ADD COLUMN good_digest TEXT;"
    "ALTER TABLE record ADD COLUMN good_libraries TEXT;"
    "ALTER TABLE record ADD COLUMN good_permissions TEXT;"
    "ALTER TABLE record ADD COLUMN image_digest TEXT;"
    "ALTER TABLE record ADD COLUMN pending_image TEXT;"
    "ALTER TABLE record ADD COLUMN good_image TEXT;"
    "ALTER TABLE record ADD COLUMN failed_image TEXT;"
    "ALTER TABLE record ADD COLUMN ran INTEGER NOT NULL DEFAULT 0 CHECK (ran IN (0, 1));"
    "ALTER TABLE record ADD COLUMN rollback INTEGER NOT NULL DEFAULT 0"
    "  CHECK (rollback IN (0, 1, 2));"
    "ALTER TABLE record_spec ADD COLUMN good_spec TEXT;",
};

enum { SCHEMA_VERSION = COUNT_OF(migrations) };

#define NAME_TEXT(column)         ", " #column
#define NAME_NUMBER(type, column) ", " #column
#define HOLE_TEXT(column)         ", ?"
#define HOLE_NUMBER(type, column) ", ?"
#define SET_TEXT(column)          ", " #column " = excluded." #column
#define SET_NUMBER(type, column)  ", " #column " = excluded." #column
/* The name and the phase come first, the error last: they are not as the others are. */
#define RECORD_COLUMNS "name, phase" RECORD_TEXTS(NAME_TEXT) RECORD_NUMBERS(NAME_NUMBER) ", error"
#define RECORD_HOLES   "?, ?" RECORD_TEXTS(HOLE_TEXT) RECORD_NUMBERS(HOLE_NUMBER) ", ?"
#define RECORD_SETS                                 \
    "phase = excluded.phase" RECORD_TEXTS(SET_TEXT) \
        RECORD_NUMBERS(SET_NUMBER) ", error = excluded.error"

#define EVENT_COLUMNS    "id, at_ms, name, cluster_id, what, detail, error"
#define TEXT_OF(number)  TEXT_OF_(number)
#define TEXT_OF_(number) #number

const char *const store_sql[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",

    [SQL_META_GET] = "SELECT workspace, secret_key, generation FROM meta",
    [SQL_META_MAKE] = "INSERT OR IGNORE INTO meta (only_row, secret_key) VALUES (1, ?)",
    [SQL_META_CLAIM] = "UPDATE meta SET workspace = ? WHERE workspace IS NULL",
    [SQL_GENERATION_BUMP] = "UPDATE meta SET generation = generation + 1",

    [SQL_RECORD_GET] = "SELECT " RECORD_COLUMNS ", applied_spec, pending_spec, good_spec"
                       " FROM record LEFT JOIN record_spec USING (name) WHERE name = ?",
    [SQL_RECORD_PUT] = "INSERT INTO record (" RECORD_COLUMNS ") VALUES (" RECORD_HOLES ")"
                       " ON CONFLICT (name) DO UPDATE SET " RECORD_SETS,
    /* A record changes often, its specs seldom, and they are the larger part. */
    [SQL_RECORD_SPEC_PUT] = "INSERT INTO record_spec (name, applied_spec, pending_spec, good_spec)"
                            " VALUES (?, ?, ?, ?)"
                            " ON CONFLICT (name) DO UPDATE SET"
                            " applied_spec = excluded.applied_spec,"
                            " pending_spec = excluded.pending_spec,"
                            " good_spec = excluded.good_spec"
                            " WHERE applied_spec IS NOT excluded.applied_spec"
                            " OR pending_spec IS NOT excluded.pending_spec"
                            " OR good_spec IS NOT excluded.good_spec",
    [SQL_RECORD_DROP] = "DELETE FROM record WHERE name = ?",
    [SQL_RECORD_EACH] = "SELECT " RECORD_COLUMNS " FROM record ORDER BY name",

    [SQL_INTEND] = "INSERT INTO intent (name, step, cluster_id, operation, why, at_ms)"
                   " VALUES (?, ?, ?, ?, ?, ?)",
    [SQL_CONCLUDE_NOTE] = "INSERT INTO event (at_ms, name, cluster_id, what, detail, error)"
                          " SELECT ?, name, coalesce(?, cluster_id), step, why, ?"
                          " FROM intent WHERE id = ?",
    [SQL_CONCLUDE_DROP] = "DELETE FROM intent WHERE id = ?",
    [SQL_UNFINISHED] = "SELECT id, name, step, cluster_id, operation, why, at_ms"
                       " FROM intent ORDER BY id",

    [SQL_NOTE] = "INSERT INTO event (at_ms, name, cluster_id, what, detail, error)"
                 " VALUES (?, ?, ?, ?, ?, ?)",
    [SQL_HISTORY] = "SELECT " EVENT_COLUMNS " FROM event ORDER BY id DESC LIMIT ?",
    [SQL_HISTORY_OF] =
        "SELECT " EVENT_COLUMNS " FROM event WHERE name = ? ORDER BY id DESC LIMIT ?",
    /* Only the oldest rows ever go, so that the IDs tell how many there are. */
    [SQL_HISTORY_TRIM] = "DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ?",

    [SQL_SCRIPT_KNOWN] = "SELECT at_ms FROM script WHERE destination = ?",
    /* REPLACE, not an update: what is used again gets a new ID and is young again. */
    [SQL_SCRIPT_PUT] = "REPLACE INTO script (destination, at_ms) VALUES (?, ?)",
    [SQL_SCRIPTS_TRIM] = "DELETE FROM script WHERE id <= (SELECT max(id) FROM script) - ?",
};

bool store_schema_check(struct sql *sql, bool *ret_empty, struct err *err)
{
    int64_t application = 0;
    int64_t version = 0;
    int64_t objects = 0;
    if (!sql_ask_i64(sql, "PRAGMA application_id", &application, err)) return false;
    if (!sql_ask_i64(sql, "PRAGMA user_version", &version, err)) return false;
    if (!sql_ask_i64(sql, "SELECT count(*) FROM sqlite_schema", &objects, err)) return false;

    bool is_empty = application == 0 && version == 0 && objects == 0;
    if (!is_empty && application != APPLICATION_ID) {
        return err_set(err, ERR_CORRUPT,
                       "'%s' is an SQLite file of another program (application_id 0x%08llx), not "
                       "a state file; use another --state",
                       sql->path, (unsigned long long)application & 0xffffffffu);
    }
    if (version > SCHEMA_VERSION) {
        return err_set(err, ERR_NEWER,
                       "state file '%s' was written by a newer clusterkeeper (schema version "
                       "%lld; this one, " CLUSTERKEEPER_VERSION ", knows up to %d); use that one",
                       sql->path, (long long)version, (int)SCHEMA_VERSION);
    }
    if (!is_empty && version < 1) {
        return err_set(err, ERR_CORRUPT,
                       "state file '%s' has no valid schema version (%lld); move "
                       "it away: clusterkeeper rebuilds its records from the tags of the clusters",
                       sql->path, (long long)version);
    }
    *ret_empty = is_empty;
    return true;
}

bool store_schema_is_old(struct sql *sql, bool *ret_is_old, struct err *err)
{
    int64_t version = 0;
    if (!sql_ask_i64(sql, "PRAGMA user_version", &version, err)) return false;
    *ret_is_old = version < SCHEMA_VERSION;
    return true;
}

/* A migration and the version that says so are one transaction. */
static bool migrate_one(struct sql *sql, int64_t version, struct err *err)
{
    char bump[64];
    (void)snprintf(bump, sizeof(bump), "PRAGMA user_version = %d", (int)version + 1);
    if (!sql_exec(sql, "BEGIN IMMEDIATE", err)) return false;
    if (sql_exec(sql, migrations[version], err) && sql_exec(sql, bump, err) &&
        sql_exec(sql, "COMMIT", err)) {
        return true;
    }
    struct err ignored;
    (void)!sql_exec(sql, "ROLLBACK", &ignored); /* it may have rolled back by itself */
    return err_wrap(err, "migration to schema version %d", (int)version + 1);
}

bool store_schema_migrate(struct sql *sql, struct err *err)
{
    int64_t version = 0;
    if (!sql_ask_i64(sql, "PRAGMA user_version", &version, err)) return false;
    for (; version < SCHEMA_VERSION; version++) {
        if (!migrate_one(sql, version, err)) return false;
    }
    return true;
}

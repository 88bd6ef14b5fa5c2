/*
 * The cache is never worth a failure. Whatever its file does not allow (no directory, no right to
 * write, no space, damage, a lock that is not let go), the cache goes on in memory with what could
 * be read from it: it "goes private". Only when memory fails too, an error is returned.
 *
 * A listing can take many seconds, and other processes want to write meanwhile: each row that it
 * brings is a short transaction of its own, and rows that have not changed are not written. What
 * was shown is collected as IDs in a temporary table; the end of a listing forgets the others.
 */
#include "cache.h"

#include "place.h"
#include "sql.h"

#include <assert.h>
#include <stdio.h>

/* "clkc"; the version goes up with any change of the tables, or of what the blobs hold. */
enum { APPLICATION_ID = 0x636c6b63, CACHE_VERSION = 2 };
enum { VALUE_BYTES_MAX = 256 << 20 };

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "PRAGMA application_id = 0x636c6b63;"
    "PRAGMA user_version = 2;"
    "CREATE TABLE IF NOT EXISTS sighting ("
    "  cluster_id TEXT NOT NULL PRIMARY KEY,"
    "  name TEXT,"
    "  digest BLOB NOT NULL CHECK (length(digest) = 32),"
    "  json TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX IF NOT EXISTS sighting_by_name ON sighting (name) WHERE name IS NOT NULL;"
    "CREATE TABLE IF NOT EXISTS blob (name TEXT NOT NULL PRIMARY KEY, bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS listing ("
    "  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),"
    "  listed_at_ms INTEGER NOT NULL,"
    "  generation INTEGER NOT NULL"
    ") STRICT;"
    "INSERT OR IGNORE INTO listing VALUES (1, 0, 0);"
    "COMMIT";

/*
 * Of the connection: the IDs that the listing under way has shown, in memory; and the triggers that
 * count the changes. Triggers of a file do not run (sql.c), those of a connection do.
 */
static const char temporary_schema[] =
    "PRAGMA temp_store = MEMORY;"
    "CREATE TEMP TABLE listed (cluster_id TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TEMP TRIGGER sighting_new AFTER INSERT ON main.sighting"
    " BEGIN UPDATE listing SET generation = generation + 1; END;"
    "CREATE TEMP TRIGGER sighting_changed AFTER UPDATE ON main.sighting"
    " BEGIN UPDATE listing SET generation = generation + 1; END;"
    "CREATE TEMP TRIGGER sighting_gone AFTER DELETE ON main.sighting"
    " BEGIN UPDATE listing SET generation = generation + 1; END";

enum cache_sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_PUT,
    SQL_LISTED_PUT,
    SQL_LISTED_CLEAR,
    SQL_FORGET,
    SQL_LISTED_AT,
    SQL_LISTED_AT_GET,
    SQL_DROP,
    SQL_LISTED_DROP,
    SQL_GET,
    SQL_EACH,
    SQL_EACH_OF,
    SQL_GENERATION,
    SQL_BLOB_PUT,
    SQL_BLOB_GET,
    SQL_COUNT,
};

#define ON_CHANGE                                                               \
    " ON CONFLICT (cluster_id) DO UPDATE"                                       \
    " SET name = excluded.name, digest = excluded.digest, json = excluded.json" \
    " WHERE digest IS NOT excluded.digest OR json IS NOT excluded.json"         \
    " OR name IS NOT excluded.name"

#define SIGHTINGS "SELECT cluster_id, digest, json, name FROM sighting"

static const char *const cache_sql[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_PUT] =
        "INSERT INTO sighting (cluster_id, name, digest, json) VALUES (?, ?, ?, ?)" ON_CHANGE,
    [SQL_LISTED_PUT] = "INSERT OR IGNORE INTO temp.listed VALUES (?)",
    [SQL_LISTED_CLEAR] = "DELETE FROM temp.listed",
    [SQL_FORGET] = "DELETE FROM sighting"
                   " WHERE cluster_id NOT IN (SELECT cluster_id FROM temp.listed)",
    [SQL_LISTED_AT] = "UPDATE listing SET listed_at_ms = ?",
    [SQL_LISTED_AT_GET] = "SELECT listed_at_ms FROM listing",
    [SQL_DROP] = "DELETE FROM sighting WHERE cluster_id = ?",
    [SQL_LISTED_DROP] = "DELETE FROM temp.listed WHERE cluster_id = ?",
    [SQL_GET] = SIGHTINGS " WHERE cluster_id = ?",
    [SQL_EACH] = SIGHTINGS " ORDER BY cluster_id",
    [SQL_EACH_OF] = SIGHTINGS " WHERE name = ? ORDER BY cluster_id",
    [SQL_GENERATION] = "SELECT generation FROM listing",
    [SQL_BLOB_PUT] = "INSERT INTO blob (name, bytes) VALUES (?, ?)"
                     " ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes",
    [SQL_BLOB_GET] = "SELECT bytes FROM blob WHERE name = ?",
};

struct cache {
    struct sql sql;
    char *path;      /* of the file; NULL: there is none */
    bool is_private; /* in memory, for good */
    bool is_listing;
    bool is_walked; /* cache_each holds a row: the connection must stay */
    bool has_lost;  /* rows, since the listing began: it cannot end as a whole one */
};

/* What a file is, before anything is done to it. */
enum condition { CONDITION_OURS, CONDITION_TO_MAKE, CONDITION_FOREIGN };

static enum condition look_at(struct sql *sql)
{
    struct err err = { .code = ERR_NONE };
    int64_t application = 0;
    int64_t version = 0;
    int64_t objects = 0;
    if (!sql_ask_i64(sql, "PRAGMA application_id", &application, &err) ||
        !sql_ask_i64(sql, "PRAGMA user_version", &version, &err) ||
        !sql_ask_i64(sql, "SELECT count(*) FROM sqlite_schema", &objects, &err)) {
        return err.code == ERR_CORRUPT ? CONDITION_TO_MAKE : CONDITION_FOREIGN;
    }
    if (application != APPLICATION_ID && objects != 0) return CONDITION_FOREIGN;
    if (application != APPLICATION_ID || version != CACHE_VERSION) return CONDITION_TO_MAKE;
    /* Damage further down shows when it is read: see go_private. To look for it now would mean to
     * read the whole file for a plan that needs a page of it. */
    return CONDITION_OURS;
}

static bool open_file(struct cache *cache, struct err *err)
{
    struct sql *sql = &cache->sql;
    if (!place_make_file(cache->path, err)) return false;
    if (!sql_open(sql, SQL_WRITE, VALUE_BYTES_MAX, err)) return false;
    enum condition condition = look_at(sql);
    if (condition == CONDITION_FOREIGN) {
        return err_set(err, ERR_CORRUPT, "'%s' is not a cache of clusterkeeper", cache->path);
    }
    if (condition == CONDITION_TO_MAKE && !sql_reset(sql, err)) return false;
    /* A process may die at any instant, or the machine lose its power: in WAL, NORMAL keeps the
     * file whole, and what was written last may be lost. */
    return place_make_private(cache->path, err) && sql_use_wal(sql, err) &&
           sql_exec(sql, "PRAGMA synchronous = NORMAL", err) &&
           sql_exec(sql, "PRAGMA journal_size_limit = 16777216", err) &&
           (condition == CONDITION_OURS || sql_exec(sql, schema, err));
}

/* To be copied into memory: of a place that takes no writes, `plan` still wants what is there. */
static bool open_for_copy(struct cache *cache, enum sql_access access)
{
    struct err ignored;
    if (!place_check_file(cache->path, &ignored)) return false;
    if (sql_open(&cache->sql, access, VALUE_BYTES_MAX, &ignored) &&
        look_at(&cache->sql) == CONDITION_OURS) {
        return true;
    }
    sql_close(&cache->sql);
    return false;
}

static bool open_any_for_copy(struct cache *cache)
{
    if (open_for_copy(cache, SQL_READ)) return true;
    if (place_takes_files(cache->path)) return false;
    AUTO(xfree) char *log_path = place_beside(cache->path, "-wal");
    return !place_has_content(log_path) && open_for_copy(cache, SQL_IMMUTABLE);
}

/*
 * A database in memory, with what the file holds if `with_content`. A listing that is under way
 * goes along, or else its end would forget what it has seen.
 */
static bool fill_memory(struct sql *memory, struct cache *cache, bool with_content, struct err *err)
{
    return sql_open(memory, SQL_MEMORY, VALUE_BYTES_MAX, err) &&
           (!with_content || sql_copy(memory, &cache->sql, "main", err)) &&
           sql_exec(memory, schema, err) && sql_exec(memory, temporary_schema, err) &&
           (!cache->is_listing || sql_copy(memory, &cache->sql, "temp", err)) &&
           sql_prepare(memory, cache_sql, SQL_COUNT, err);
}

static bool go_private(struct cache *cache, struct err *err)
{
    if (cache->is_private || cache->is_walked) return false; /* `err` is set by whoever failed */
    struct sql memory = { .what = cache->sql.what, .path = cache->sql.path };
    bool is_damaged = err->code == ERR_CORRUPT;
    bool ok = !is_damaged && cache->sql.db != NULL && fill_memory(&memory, cache, true, err);
    if (!ok) {
        sql_close(&memory);
        ok = fill_memory(&memory, cache, false, err);
        cache->has_lost = true;
    }
    struct err ignored;
    if (ok && is_damaged) (void)!sql_reset(&cache->sql, &ignored); /* for the next process */
    sql_close(ok ? &cache->sql : &memory);
    if (!ok) return false;
    cache->sql = memory;
    cache->is_private = true;
    return true;
}

bool cache_open(const char *path, struct cache **ret_cache, struct err *err)
{
    AUTO(cache_close) struct cache *cache = xcalloc(1, sizeof(*cache));
    if (path != NULL) cache->path = place_beside(path, ".cache");
    cache->sql.what = "cache";
    cache->sql.path = cache->path != NULL ? cache->path : "in memory";
    struct err ignored;
    bool is_usable = cache->path != NULL && open_file(cache, &ignored) &&
                     sql_exec(&cache->sql, temporary_schema, &ignored) &&
                     sql_prepare(&cache->sql, cache_sql, SQL_COUNT, &ignored);
    if (!is_usable) {
        sql_close(&cache->sql);
        if (cache->path != NULL) (void)open_any_for_copy(cache);
        err->code = ERR_NONE;
        if (!go_private(cache, err)) return false;
    }
    *ret_cache = cache;
    cache = NULL;
    return true;
}

void cache_close(struct cache *cache)
{
    if (cache == NULL) return;
    sql_close(&cache->sql);
    xfree(cache->path);
    xfree(cache);
}

static bool run_plain(struct cache *cache, enum cache_sql statement, struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&cache->sql, statement);
    return query_run(&query, NULL, err);
}

static bool run_with_id(struct cache *cache, enum cache_sql statement, const char *cluster_id,
                        struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&cache->sql, statement);
    query_bind_text(&query, cluster_id);
    return query_run(&query, NULL, err);
}

bool cache_listing_begin(struct cache *cache, struct err *err)
{
    if (!run_plain(cache, SQL_LISTED_CLEAR, err)) return false;
    cache->is_listing = true;
    cache->has_lost = false;
    return true;
}

static bool put_once(struct cache *cache, const struct sighting *sighting, struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&cache->sql, SQL_PUT);
    query_bind_text(&query, sighting->cluster_id);
    query_bind_text(&query, sighting->name);
    query_bind_blob(&query, sighting->digest.bytes, sizeof(sighting->digest.bytes));
    query_bind_text(&query, sighting->json);
    return query_run(&query, NULL, err);
}

bool cache_keep(struct cache *cache, const char *cluster_id, struct err *err)
{
    return !cache->is_listing || run_with_id(cache, SQL_LISTED_PUT, cluster_id, err);
}

bool cache_put(struct cache *cache, const struct sighting *sighting, struct err *err)
{
    assert(sighting->cluster_id != NULL);
    assert(sighting->json != NULL);
    if (!cache_keep(cache, sighting->cluster_id, err)) return false;
    return put_once(cache, sighting, err) ||
           (go_private(cache, err) && put_once(cache, sighting, err));
}

static bool set_listed_at(struct cache *cache, int64_t at_ms, struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&cache->sql, SQL_LISTED_AT);
    query_bind_i64(&query, at_ms);
    return query_run(&query, NULL, err);
}

static bool forget_once(struct cache *cache, int64_t at_ms, struct err *err)
{
    if (!run_plain(cache, SQL_BEGIN, err)) return false;
    bool ok = run_plain(cache, SQL_FORGET, err) && set_listed_at(cache, at_ms, err);
    if (ok && run_plain(cache, SQL_COMMIT, err)) return true;
    struct err ignored;
    (void)!run_plain(cache, SQL_ROLLBACK, &ignored); /* it may have rolled back by itself */
    return false;
}

/* Where rows were lost on the way nothing is noted, so that the next listing is soon. */
static bool end_whole(struct cache *cache, int64_t at_ms, struct err *err)
{
    if (cache->has_lost || forget_once(cache, at_ms, err)) return true;
    if (!go_private(cache, err)) return false;
    return cache->has_lost || forget_once(cache, at_ms, err);
}

bool cache_listing_end(struct cache *cache, bool complete, int64_t at_ms, struct err *err)
{
    assert(cache->is_listing);
    if (complete && !end_whole(cache, at_ms, err)) return false;
    cache->is_listing = false;
    return run_plain(cache, SQL_LISTED_CLEAR, err);
}

bool cache_drop(struct cache *cache, const char *cluster_id, struct err *err)
{
    if (!run_with_id(cache, SQL_LISTED_DROP, cluster_id, err)) return false;
    return run_with_id(cache, SQL_DROP, cluster_id, err) ||
           (go_private(cache, err) && run_with_id(cache, SQL_DROP, cluster_id, err));
}

static bool load_digest(const struct query *query, int column, struct digest *ret_digest)
{
    size_t len = 0;
    const void *bytes = query_blob(query, column, &len);
    if (len == sizeof(ret_digest->bytes)) memcpy(ret_digest->bytes, bytes, len);
    return len == sizeof(ret_digest->bytes);
}

/* A row that is not as we write rows is as good as none. */
static bool get_once(struct cache *cache, const char *cluster_id, struct arena *arena,
                     struct sighting *ret_sighting, bool *ret_found, struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&cache->sql, SQL_GET);
    bool has_row = false;
    struct digest digest;
    query_bind_text(&query, cluster_id);
    if (!query_next(&query, &has_row, err)) return false;
    *ret_found = has_row && load_digest(&query, 1, &digest);
    if (!*ret_found) return true;
    *ret_sighting = (struct sighting){ .cluster_id = arena_strdup(arena, cluster_id),
                                       .json = arena_strdup(arena, query_text(&query, 2)),
                                       .name = arena_strdup(arena, query_text(&query, 3)),
                                       .digest = digest };
    return true;
}

bool cache_get(struct cache *cache, const char *cluster_id, struct arena *arena,
               struct sighting *ret_sighting, bool *ret_found, struct err *err)
{
    return get_once(cache, cluster_id, arena, ret_sighting, ret_found, err) ||
           (go_private(cache, err) &&
            get_once(cache, cluster_id, arena, ret_sighting, ret_found, err));
}

static bool walk(struct query *query, cache_sighting_fn visit, void *ctx, struct err *err)
{
    for (;;) {
        bool has_row = false;
        if (!query_next(query, &has_row, err)) return false;
        if (!has_row) return true;
        struct sighting sighting = { .cluster_id = query_text(query, 0),
                                     .json = query_text(query, 2),
                                     .name = query_text(query, 3) };
        if (!load_digest(query, 1, &sighting.digest)) continue;
        if (!visit(ctx, &sighting)) return true;
    }
}

/* `name` NULL: all of them. */
static bool walk_named(struct cache *cache, const char *name, cache_sighting_fn visit, void *ctx,
                       struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&cache->sql, name == NULL ? SQL_EACH : SQL_EACH_OF);
    if (name != NULL) query_bind_text(&query, name);
    return walk(&query, visit, ctx, err);
}

static bool each(struct cache *cache, const char *name, cache_sighting_fn visit, void *ctx,
                 struct err *err)
{
    assert(!cache->is_walked);
    cache->is_walked = true;
    bool ok = walk_named(cache, name, visit, ctx, err);
    cache->is_walked = false;
    return ok;
}

bool cache_each(struct cache *cache, cache_sighting_fn visit, void *ctx, struct err *err)
{
    return each(cache, NULL, visit, ctx, err);
}

bool cache_each_of(struct cache *cache, const char *name, cache_sighting_fn visit, void *ctx,
                   struct err *err)
{
    assert(name != NULL);
    return each(cache, name, visit, ctx, err);
}

static int64_t ask_number(struct cache *cache, enum cache_sql statement)
{
    struct err ignored;
    bool has_row = false;
    AUTO_QUERY struct query query = query_begin(&cache->sql, statement);
    if (!query_next(&query, &has_row, &ignored) || !has_row) return 0;
    return query_i64(&query, 0);
}

int64_t cache_listed_at_ms(struct cache *cache)
{
    return ask_number(cache, SQL_LISTED_AT_GET);
}

int64_t cache_generation(struct cache *cache)
{
    return ask_number(cache, SQL_GENERATION);
}

static bool blob_put_once(struct cache *cache, const char *name, const void *bytes, size_t len,
                          struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&cache->sql, SQL_BLOB_PUT);
    query_bind_text(&query, name);
    query_bind_blob(&query, bytes, len);
    return query_run(&query, NULL, err);
}

bool cache_blob_put(struct cache *cache, const char *name, const void *bytes, size_t len,
                    struct err *err)
{
    return blob_put_once(cache, name, bytes, len, err) ||
           (go_private(cache, err) && blob_put_once(cache, name, bytes, len, err));
}

static bool blob_get_once(struct cache *cache, const char *name, struct arena *arena,
                          const char **ret_bytes, size_t *ret_len, struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&cache->sql, SQL_BLOB_GET);
    bool has_row = false;
    size_t len = 0;
    char *copy = NULL;
    query_bind_text(&query, name);
    if (!query_next(&query, &has_row, err)) return false;
    if (has_row) {
        const void *bytes = query_blob(&query, 0, &len);
        copy = arena_alloc(arena, len + 1);
        if (len != 0) memcpy(copy, bytes, len);
    }
    *ret_bytes = copy;
    *ret_len = len;
    return true;
}

bool cache_blob_get(struct cache *cache, const char *name, struct arena *arena,
                    const char **ret_bytes, size_t *ret_len, struct err *err)
{
    return blob_get_once(cache, name, arena, ret_bytes, ret_len, err) ||
           (go_private(cache, err) && blob_get_once(cache, name, arena, ret_bytes, ret_len, err));
}

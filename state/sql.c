#include "sql.h"

#include "buf.h"
#include "place.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

/* A writer holds the file for a commit or a recovery, no longer. */
enum { BUSY_TIMEOUT_MS = 5000, URI_LEN_MAX = 64 * 1024 };

static const struct trouble {
    int rc;
    enum err_code code;
    const char *advice;
} troubles[] = {
    { SQLITE_FULL, ERR_FULL, "free some space" },
    { SQLITE_READONLY, ERR_READONLY, "run as the user that owns it, or use a place for writes" },
    { SQLITE_PERM, ERR_READONLY, "run as the user that owns it" },
    { SQLITE_CORRUPT, ERR_CORRUPT,
      "move it away: clusterkeeper rebuilds its records from the tags of the clusters" },
    { SQLITE_NOTADB, ERR_CORRUPT,
      "move it away: clusterkeeper rebuilds its records from the tags of the clusters" },
    /* Our SQL is right: it is the tables that are not as they should be. */
    { SQLITE_ERROR, ERR_CORRUPT,
      "move it away: clusterkeeper rebuilds its records from the tags of the clusters" },
    { SQLITE_CONSTRAINT, ERR_CORRUPT, "this is a defect of clusterkeeper: please report it" },
    { SQLITE_BUSY, ERR_LOCKED, "end the program that holds it" },
    { SQLITE_LOCKED, ERR_LOCKED, "end the program that holds it" },
    { SQLITE_TOOBIG, ERR_LIMIT, "a value is larger than what is kept" },
    { SQLITE_NOMEM, ERR_IO, "give it more memory" },
    { SQLITE_CANTOPEN, ERR_IO, "check the path and who may use it" },
};

static const struct trouble *trouble_find(int rc)
{
    static const struct trouble other = { 0, ERR_IO, "check the disk and the file system" };
    for (size_t i = 0; i < COUNT_OF(troubles); i++) {
        if (troubles[i].rc == (rc & 0xff)) return &troubles[i];
    }
    return &other;
}

bool sql_fail(const struct sql *sql, int rc, struct err *err)
{
    int last_errno = errno;
    const struct trouble *trouble = trouble_find(rc);
    const char *says = sqlite3_errstr(rc);
    /* The handle knows more than the code, if it was the handle's last call that failed. */
    if (sql->db != NULL && sqlite3_extended_errcode(sql->db) == rc) says = sqlite3_errmsg(sql->db);

    /* Of a commit that failed SQLite does not keep the errno; errno itself still has it. */
    bool is_system = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;
    int number = is_system ? last_errno : 0;
    if (is_system && number == 0 && sql->db != NULL) number = sqlite3_system_errno(sql->db);
    if (number == 0) {
        return err_set(err, trouble->code, "%s '%s': %s; %s", sql->what, sql->path, says,
                       trouble->advice);
    }
    char reason[PLACE_REASON_SIZE];
    return err_set(err, place_code(number), "%s '%s': %s (%s); %s", sql->what, sql->path, says,
                   place_reason(number, reason), trouble->advice);
}

/*
 * The path as a URI: SQLite may take a name that begins with "file:" for one, and ":memory:" for no
 * file at all; written like this, each name is the name of a file.
 */
static bool uri_make(const struct sql *sql, enum sql_access access, struct buf *uri,
                     struct err *err)
{
    static const char plain[] =
        "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if (access == SQL_MEMORY) return buf_adds(uri, "file::memory:") && buf_ok(uri, "path", err);
    buf_adds(uri, sql->path[0] == '/' ? "file://" : "file:./");
    for (const char *at = sql->path; *at != '\0'; at++) {
        if (strchr(plain, *at) != NULL) {
            buf_addc(uri, *at);
        } else {
            buf_addf(uri, "%%%02X", (unsigned)(unsigned char)*at);
        }
    }
    if (access == SQL_IMMUTABLE) buf_adds(uri, "?immutable=1");
    return buf_ok(uri, "the path of the state file", err);
}

/* A file may come from anywhere: no code in a schema runs, no value is larger than ours. */
static void harden(sqlite3 *db, int value_max)
{
    static const struct switch_row {
        int option;
        int on;
    } switches[] = {
        { SQLITE_DBCONFIG_ENABLE_FKEY, 1 },    { SQLITE_DBCONFIG_DEFENSIVE, 1 },
        { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 }, { SQLITE_DBCONFIG_DQS_DML, 0 },
        { SQLITE_DBCONFIG_DQS_DDL, 0 },        { SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
        { SQLITE_DBCONFIG_ENABLE_VIEW, 0 },    { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(switches); i++) {
        int is_on = !switches[i].on;
        (void)sqlite3_db_config(db, switches[i].option, switches[i].on, &is_on);
        assert(is_on == switches[i].on);
    }
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, value_max);
}

bool sql_open(struct sql *sql, enum sql_access access, int value_max, struct err *err)
{
    static const int flags[] = {
        [SQL_READ] = SQLITE_OPEN_READONLY,
        [SQL_IMMUTABLE] = SQLITE_OPEN_READONLY,
        [SQL_WRITE] = SQLITE_OPEN_READWRITE,
        [SQL_MEMORY] = SQLITE_OPEN_READWRITE,
    };
    assert(sql->db == NULL);
    AUTO_BUF struct buf uri = BUF_INIT(URI_LEN_MAX);
    if (!uri_make(sql, access, &uri, err)) return false;
    errno = 0; /* for sql_fail */
    int rc = sqlite3_open_v2(
        buf_text(&uri), &sql->db,
        flags[access] | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc != SQLITE_OK) return sql_fail(sql, rc, err);

    harden(sql->db, value_max);
    (void)sqlite3_busy_timeout(sql->db, BUSY_TIMEOUT_MS);
    if (access != SQL_WRITE || sqlite3_db_readonly(sql->db, "main") == 0) return true;
    /* SQLite falls back to reading where it may not write. */
    return sql_fail(sql, SQLITE_READONLY, err);
}

bool sql_prepare(struct sql *sql, const char *const *texts, size_t len, struct err *err)
{
    assert(sql->statements == NULL);
    errno = 0; /* for sql_fail */
    sql->statements = xcalloc(len, sizeof(sqlite3_stmt *));
    sql->statements_len = len;
    for (size_t i = 0; i < len; i++) {
        int rc = sqlite3_prepare_v3(sql->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &sql->statements[i], NULL);
        if (rc != SQLITE_OK) return sql_fail(sql, rc, err);
    }
    return true;
}

void sql_close(struct sql *sql)
{
    for (size_t i = 0; i < sql->statements_len; i++) {
        (void)sqlite3_finalize(sql->statements[i]);
    }
    xfree(sql->statements);
    sql->statements = NULL;
    sql->statements_len = 0;
    int rc = sqlite3_close(sql->db);
    assert(rc == SQLITE_OK); /* BUSY: a statement was leaked */
    sql->db = NULL;
}

bool sql_exec(struct sql *sql, const char *text, struct err *err)
{
    errno = 0; /* for sql_fail */
    int rc = sqlite3_exec(sql->db, text, NULL, NULL, NULL);
    return rc == SQLITE_OK || sql_fail(sql, rc, err);
}

static void finalize_at(sqlite3_stmt **statement)
{
    (void)sqlite3_finalize(*statement);
}
#define AUTO_STATEMENT __attribute__((cleanup(finalize_at)))

/* To the one row that the text answers with. */
static bool ask(struct sql *sql, const char *text, sqlite3_stmt **statement, struct err *err)
{
    errno = 0; /* for sql_fail */
    int rc = sqlite3_prepare_v2(sql->db, text, -1, statement, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(*statement);
    return rc == SQLITE_ROW || sql_fail(sql, rc == SQLITE_DONE ? SQLITE_ERROR : rc, err);
}

/* A change of the file that a PRAGMA makes is committed only here. */
static bool end(struct sql *sql, sqlite3_stmt *statement, struct err *err)
{
    int rc = sqlite3_reset(statement);
    return rc == SQLITE_OK || sql_fail(sql, rc, err);
}

bool sql_ask_text(struct sql *sql, const char *text, char ret_text[SQL_ANSWER_SIZE],
                  struct err *err)
{
    AUTO_STATEMENT sqlite3_stmt *statement = NULL;
    if (!ask(sql, text, &statement, err)) return false;
    const char *answer = (const char *)sqlite3_column_text(statement, 0);
    (void)snprintf(ret_text, SQL_ANSWER_SIZE, "%s", answer != NULL ? answer : "");
    return end(sql, statement, err);
}

bool sql_ask_i64(struct sql *sql, const char *text, int64_t *ret_number, struct err *err)
{
    AUTO_STATEMENT sqlite3_stmt *statement = NULL;
    if (!ask(sql, text, &statement, err)) return false;
    *ret_number = sqlite3_column_int64(statement, 0);
    return true;
}

bool sql_use_wal(struct sql *sql, struct err *err)
{
    char mode[SQL_ANSWER_SIZE] = "";
    if (!sql_ask_text(sql, "PRAGMA journal_mode = WAL", mode, err)) return false;
    if (strcmp(mode, "wal") == 0) return true;
    return err_set(err, ERR_IO,
                   "%s '%s': its file system has no shared memory for a write-ahead log; use a "
                   "local disk",
                   sql->what, sql->path);
}

bool sql_check(struct sql *sql, struct err *err)
{
    char verdict[SQL_ANSWER_SIZE] = "";
    if (!sql_exec(sql, "PRAGMA cell_size_check = ON", err)) return false;
    if (!sql_ask_text(sql, "PRAGMA quick_check(1)", verdict, err)) return false;
    if (strcmp(verdict, "ok") == 0) return true;
    for (char *at = verdict; *at != '\0'; at++) {
        if (*at == '\n') *at = ' ';
    }
    return err_set(err, ERR_CORRUPT, "%s '%s' is damaged (%s); %s", sql->what, sql->path, verdict,
                   trouble_find(SQLITE_CORRUPT)->advice);
}

bool sql_reset(struct sql *sql, struct err *err)
{
    (void)sqlite3_db_config(sql->db, SQLITE_DBCONFIG_RESET_DATABASE, 1, NULL);
    bool ok = sql_exec(sql, "VACUUM", err);
    (void)sqlite3_db_config(sql->db, SQLITE_DBCONFIG_RESET_DATABASE, 0, NULL);
    return ok;
}

bool sql_copy(struct sql *to, struct sql *from, const char *database, struct err *err)
{
    sqlite3_backup *backup = sqlite3_backup_init(to->db, database, from->db, database);
    if (backup == NULL) return sql_fail(to, sqlite3_extended_errcode(to->db), err);
    (void)sqlite3_backup_step(backup, -1);
    int rc = sqlite3_backup_finish(backup); /* the error of the step, if there was one */
    return rc == SQLITE_OK || sql_fail(from, rc, err);
}

struct query query_begin(struct sql *sql, size_t statement)
{
    assert(statement < sql->statements_len);
    assert(sqlite3_stmt_busy(sql->statements[statement]) == 0);
    return (struct query){ .sql = sql, .statement = sql->statements[statement] };
}

void query_end(struct query *query)
{
    (void)sqlite3_reset(query->statement);
    (void)sqlite3_clear_bindings(query->statement);
}

static void note_bind(struct query *query, int rc)
{
    if (query->rc == SQLITE_OK) query->rc = rc;
}

void query_bind_text(struct query *query, const char *text)
{
    note_bind(query, sqlite3_bind_text(query->statement, ++query->bound, text, -1, SQLITE_STATIC));
}

void query_bind_text_cut(struct query *query, const char *text, size_t len_max)
{
    size_t len = text != NULL ? strnlen(text, len_max + 1) : 0;
    if (len > len_max) {
        /* Not in the middle of a UTF-8 sequence: its later bytes are 10xxxxxx. */
        len = len_max;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    note_bind(query,
              sqlite3_bind_text(query->statement, ++query->bound, text, (int)len, SQLITE_STATIC));
}

void query_bind_i64(struct query *query, int64_t number)
{
    note_bind(query, sqlite3_bind_int64(query->statement, ++query->bound, number));
}

void query_bind_blob(struct query *query, const void *bytes, size_t len)
{
    /* A NULL pointer would bind NULL; no bytes are not nothing. */
    note_bind(query, sqlite3_bind_blob64(query->statement, ++query->bound,
                                         bytes != NULL ? bytes : "", len, SQLITE_STATIC));
}

bool query_next(struct query *query, bool *ret_row, struct err *err)
{
    if (query->rc != SQLITE_OK) return sql_fail(query->sql, query->rc, err);
    errno = 0; /* for sql_fail */
    int rc = sqlite3_step(query->statement);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) return sql_fail(query->sql, rc, err);
    *ret_row = rc == SQLITE_ROW;
    return true;
}

bool query_run(struct query *query, int64_t *ret_changed, struct err *err)
{
    bool has_row = false;
    assert(query->bound == sqlite3_bind_parameter_count(query->statement));
    if (!query_next(query, &has_row, err)) return false;
    assert(!has_row);
    if (ret_changed != NULL) *ret_changed = sqlite3_changes64(query->sql->db);
    return true;
}

const char *query_text(const struct query *query, int column)
{
    const char *text = (const char *)sqlite3_column_text(query->statement, column);
    assert(text != NULL || sqlite3_column_type(query->statement, column) == SQLITE_NULL);
    return text;
}

int64_t query_i64(const struct query *query, int column)
{
    return sqlite3_column_int64(query->statement, column);
}

const void *query_blob(const struct query *query, int column, size_t *ret_len)
{
    const void *bytes = sqlite3_column_blob(query->statement, column);
    *ret_len = (size_t)sqlite3_column_bytes(query->statement, column);
    return bytes;
}

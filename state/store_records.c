#include "store_private.h"

#include <assert.h>

enum { ERROR_LEN_MAX = 4096 };

/* Into `arena`, or as it is in the row where there is none. */
static const char *load_text(const struct query *query, int column, struct arena *arena)
{
    const char *text = query_text(query, column);
    return arena != NULL ? arena_strdup(arena, text) : text;
}

/* The columns of SQL_RECORD_GET and SQL_RECORD_EACH; `ret_column`: the first one behind them. */
static bool load_record(const struct query *query, struct arena *arena, struct record *ret_record,
                        int *ret_column, struct err *err)
{
    int column = 0;
    struct record record = { 0 };
    record.name = load_text(query, column++, arena);
    const char *phase = query_text(query, column++);
    if (record.name == NULL || phase == NULL || !phase_from_name(phase, &record.phase)) {
        return err_set(
            err, ERR_CORRUPT,
            "state file '%s': the record of '%s' has the unknown phase '%s'; move the "
            "file away: clusterkeeper rebuilds its records from the tags of the clusters",
            query->sql->path, record.name != NULL ? record.name : "", phase != NULL ? phase : "");
    }
#define LOAD_TEXT(member)         record.member = load_text(query, column++, arena);
#define LOAD_NUMBER(type, member) record.member = (type)query_i64(query, column++);
    RECORD_TEXTS(LOAD_TEXT)
    RECORD_NUMBERS(LOAD_NUMBER)
#undef LOAD_TEXT
#undef LOAD_NUMBER
    record.error = load_text(query, column++, arena);
    *ret_record = record;
    *ret_column = column;
    return true;
}

bool store_record_get(struct store *store, const char *name, struct arena *arena,
                      struct record *ret_record, bool *ret_found, struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&store->sql, SQL_RECORD_GET);
    struct record record;
    bool has_row = false;
    int column = 0;
    query_bind_text(&query, name);
    if (!query_next(&query, &has_row, err)) return false;
    if (has_row) {
        if (!load_record(&query, arena, &record, &column, err)) return false;
        record.applied_spec = load_text(&query, column++, arena);
        record.pending_spec = load_text(&query, column++, arena);
        record.good_spec = load_text(&query, column++, arena);
        *ret_record = record;
    }
    *ret_found = has_row;
    return true;
}

static bool put_spec(struct store *store, const struct record *record, struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&store->sql, SQL_RECORD_SPEC_PUT);
    query_bind_text(&query, record->name);
    query_bind_text(&query, record->applied_spec);
    query_bind_text(&query, record->pending_spec);
    query_bind_text(&query, record->good_spec);
    return store_change(store, &query, TOUCHED_RECORDS, NULL, err);
}

bool store_record_put(struct store *store, const struct record *record, struct err *err)
{
    assert(record->name != NULL);
    AUTO_QUERY struct query query = query_begin(&store->sql, SQL_RECORD_PUT);
    query_bind_text(&query, record->name);
    query_bind_text(&query, phase_name(record->phase));
#define BIND_TEXT(member)         query_bind_text(&query, record->member);
#define BIND_NUMBER(type, member) query_bind_i64(&query, record->member);
    RECORD_TEXTS(BIND_TEXT)
    RECORD_NUMBERS(BIND_NUMBER)
#undef BIND_TEXT
#undef BIND_NUMBER
    query_bind_text_cut(&query, record->error, ERROR_LEN_MAX);
    return store_change(store, &query, TOUCHED_RECORDS, NULL, err) && put_spec(store, record, err);
}

bool store_record_drop(struct store *store, const char *name, struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&store->sql, SQL_RECORD_DROP);
    query_bind_text(&query, name);
    return store_change(store, &query, TOUCHED_RECORDS, NULL, err);
}

bool store_record_each(struct store *store, store_record_fn visit, void *ctx, struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&store->sql, SQL_RECORD_EACH);
    for (;;) {
        struct record record;
        bool has_row = false;
        int column = 0;
        if (!query_next(&query, &has_row, err)) return false;
        if (!has_row) return true;
        if (!load_record(&query, NULL, &record, &column, err)) return false;
        if (!visit(ctx, &record)) return true;
    }
}

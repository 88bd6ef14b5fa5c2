#include "store_private.h"

#include <assert.h>

/* Messages of the workspace can be long, and many; the beginning tells. */
enum { WORDS_LEN_MAX = 4096 };

bool store_intend(struct store *store, struct intent *intent, struct err *err)
{
    assert(intent->name != NULL);
    assert(intent->step != STEP_NONE);
    assert(intent->step != STEP_LOOK);
    AUTO_QUERY struct query query = query_begin(&store->sql, SQL_INTEND);
    query_bind_text(&query, intent->name);
    query_bind_text(&query, step_name(intent->step));
    query_bind_text(&query, intent->cluster_id);
    query_bind_text(&query, intent->operation);
    query_bind_text_cut(&query, intent->why, WORDS_LEN_MAX);
    query_bind_i64(&query, intent->at_ms);
    if (!store_change(store, &query, 0, NULL, err)) return false;
    intent->id = sqlite3_last_insert_rowid(store->sql.db);
    return true;
}

static bool drop_intent(struct store *store, int64_t intent_id, struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&store->sql, SQL_CONCLUDE_DROP);
    query_bind_i64(&query, intent_id);
    return store_change(store, &query, 0, NULL, err);
}

bool store_conclude(struct store *store, int64_t intent_id, int64_t at_ms, const char *cluster_id,
                    const char *error, struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&store->sql, SQL_CONCLUDE_NOTE);
    int64_t moved = 0;
    query_bind_i64(&query, at_ms);
    query_bind_text(&query, cluster_id);
    query_bind_text_cut(&query, error, WORDS_LEN_MAX);
    query_bind_i64(&query, intent_id);
    if (!store_change(store, &query, TOUCHED_HISTORY, &moved, err)) return false;
    if (moved == 1) return drop_intent(store, intent_id, err);
    (void)err_set(err, ERR_NOT_FOUND, "state file '%s': no unfinished step has the number %lld",
                  store->path, (long long)intent_id);
    store->failed = *err;
    return false;
}

static bool load_intent(const struct query *query, struct arena *arena, struct intent *ret_intent,
                        struct err *err)
{
    struct intent intent = {
        .id = query_i64(query, 0),
        .name = arena_strdup(arena, query_text(query, 1)),
        .cluster_id = arena_strdup(arena, query_text(query, 3)),
        .operation = arena_strdup(arena, query_text(query, 4)),
        .why = arena_strdup(arena, query_text(query, 5)),
        .at_ms = query_i64(query, 6),
    };
    const char *step = query_text(query, 2);
    if (intent.name == NULL || step == NULL || !step_from_name(step, &intent.step)) {
        return err_set(err, ERR_CORRUPT,
                       "state file '%s': the journal has the unknown step '%s'; move the file "
                       "away: clusterkeeper rebuilds its records from the tags of the clusters",
                       query->sql->path, step != NULL ? step : "");
    }
    *ret_intent = intent;
    return true;
}

/* All are read before the first is shown, so that a visit may conclude, commit or roll back. */
bool store_unfinished(struct store *store, store_intent_fn visit, void *ctx, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct intent *intents = NULL;
    size_t len = 0;
    size_t cap = 0;
    {
        AUTO_QUERY struct query query = query_begin(&store->sql, SQL_UNFINISHED);
        for (;;) {
            struct intent intent;
            bool has_row = false;
            if (!query_next(&query, &has_row, err)) return false;
            if (!has_row) break;
            if (!load_intent(&query, &arena, &intent, err)) return false;
            ARENA_PUSH(&arena, intents, len, cap, intent);
        }
    }
    for (size_t i = 0; i < len; i++) {
        if (!visit(ctx, &intents[i])) break;
    }
    return true;
}

bool store_note(struct store *store, const struct event *event, struct err *err)
{
    assert(event->what != NULL);
    AUTO_QUERY struct query query = query_begin(&store->sql, SQL_NOTE);
    query_bind_i64(&query, event->at_ms);
    query_bind_text(&query, event->name);
    query_bind_text(&query, event->cluster_id);
    query_bind_text(&query, event->what);
    query_bind_text_cut(&query, event->detail, WORDS_LEN_MAX);
    query_bind_text_cut(&query, event->error, WORDS_LEN_MAX);
    return store_change(store, &query, TOUCHED_HISTORY, NULL, err);
}

bool store_history(struct store *store, const char *name, int limit, store_event_fn visit,
                   void *ctx, struct err *err)
{
    assert(limit >= 0);
    AUTO_QUERY struct query query =
        query_begin(&store->sql, name != NULL ? SQL_HISTORY_OF : SQL_HISTORY);
    if (name != NULL) query_bind_text(&query, name);
    query_bind_i64(&query, limit);
    for (;;) {
        bool has_row = false;
        if (!query_next(&query, &has_row, err)) return false;
        if (!has_row) return true;
        struct event event = {
            .id = query_i64(&query, 0),
            .at_ms = query_i64(&query, 1),
            .name = query_text(&query, 2),
            .cluster_id = query_text(&query, 3),
            .what = query_text(&query, 4),
            .detail = query_text(&query, 5),
            .error = query_text(&query, 6),
        };
        if (!visit(ctx, &event)) return true;
    }
}

bool store_script_known(struct store *store, const char *destination, bool *ret_known,
                        struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&store->sql, SQL_SCRIPT_KNOWN);
    query_bind_text(&query, destination);
    return query_next(&query, ret_known, err);
}

bool store_script_put(struct store *store, const char *destination, int64_t at_ms, struct err *err)
{
    AUTO_QUERY struct query query = query_begin(&store->sql, SQL_SCRIPT_PUT);
    query_bind_text(&query, destination);
    query_bind_i64(&query, at_ms);
    return store_change(store, &query, TOUCHED_SCRIPTS, NULL, err);
}

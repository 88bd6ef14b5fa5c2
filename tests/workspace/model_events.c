/*
 * The events of a cluster, and clusters/events (databricks-api.md 1.3, 4.4).
 */
#include "inside.h"

#include "text.h"

#include <inttypes.h>

enum { EVENTS_PAGE = 50, EVENTS_PAGE_MAX = 500, TYPES_MAX = 64 };

static void forget_older_half(struct ws_cluster *cluster)
{
    size_t gone = cluster->events_len / 2;
    for (size_t i = 0; i < gone; i++) {
        xfree(cluster->events[i].details);
    }
    cluster->events_len -= gone;
    memmove(cluster->events, cluster->events + gone, cluster->events_len * sizeof(struct ws_event));
}

void ws_event_add(struct workspace_model *model, struct ws_cluster *cluster, const char *type,
                  const char *details)
{
    if (cluster->events_len == WS_EVENTS_MAX) forget_older_half(cluster);
    struct ws_event event = {
        .at_ms = model->now_ms,
        .type = type,
        .details = details == NULL ? NULL : xstrdup(details),
    };
    ARR_PUSH(cluster->events, cluster->events_len, cluster->events_cap, event);
}

struct query {
    const struct value *types; /* list of text; NULL: all */
    int64_t start_ms, end_ms;
    bool ascending;
    int64_t offset, limit;
};

static bool read_query(struct ws_call *call, struct query *ret_query)
{
    const struct value *body = call->body;
    struct query query = { .end_ms = INT64_MAX, .limit = EVENTS_PAGE };
    (void)value_get_int(body, "start_time", &query.start_ms);
    (void)value_get_int(body, "end_time", &query.end_ms);
    (void)value_get_int(body, "offset", &query.offset);
    (void)value_get_int(body, "limit", &query.limit);
    (void)value_get_int(body, "page_size", &query.limit);
    const char *token = value_get_text(body, "page_token");
    if (token != NULL && token[0] != '\0' && !text_to_i64(token, 0, INT64_MAX, &query.offset)) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE", "Invalid page_token.");
    }
    if (query.limit == 0) query.limit = EVENTS_PAGE;
    if (query.limit < 0 || query.limit > EVENTS_PAGE_MAX || query.offset < 0) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE", "page_size must be from 0 to %d.",
                         EVENTS_PAGE_MAX);
    }
    const char *order = value_get_text(body, "order");
    query.ascending = order != NULL && strcmp(order, "ASC") == 0;
    query.types = value_get(body, "event_types");
    if (query.types != NULL && (query.types->kind != VALUE_LIST || query.types->len > TYPES_MAX)) {
        return ws_refuse(call, 400, "MALFORMED_REQUEST",
                         "event_types must be a list of at most %d.", TYPES_MAX);
    }
    *ret_query = query;
    return true;
}

static bool is_wanted(const struct query *query, const struct ws_event *event)
{
    if (event->at_ms < query->start_ms || event->at_ms > query->end_ms) return false;
    if (query->types == NULL || query->types->len == 0) return true;
    for (size_t i = 0; i < query->types->len; i++) {
        const struct value *type = query->types->u.items[i];
        if (type->kind == VALUE_TEXT && strcmp(type->text, event->type) == 0) return true;
    }
    return false;
}

static void emit_event(struct buf *out, const struct ws_cluster *cluster,
                       const struct ws_event *event)
{
    emit_open(out, '{');
    emit_text(out, "cluster_id", cluster->id);
    emit_int(out, "timestamp", event->at_ms);
    emit_text(out, "type", event->type);
    emit_json(out, "details", event->details == NULL ? "{}" : event->details);
    emit_close(out, '}');
}

/* The whole request that brings the next page: what the SDKs post back. */
static void emit_next(struct ws_call *call, int64_t offset, struct buf *out)
{
    struct pos nowhere = { 0 };
    struct value_builder patch = value_build_map(call->arena, nowhere);
    const char *token = arena_printf(call->arena, "%" PRId64, offset);
    value_put_new(&patch, "page_token", nowhere, value_text(call->arena, nowhere, token));
    const struct value *next = value_merge(call->arena, call->body, patch.value);
    emit_value(out, "next_page", next);
    emit_text(out, "next_page_token", token);
}

bool ws_events(struct ws_call *call)
{
    struct query query = { 0 };
    struct ws_cluster *cluster = ws_need_cluster(call);
    if (cluster == NULL || !read_query(call, &query)) return false;
    struct buf *out = ws_answer(call);
    emit_open(out, '{');
    emit_key(out, "events");
    emit_open(out, '[');
    int64_t total = 0;
    for (size_t i = 0; i < cluster->events_len; i++) {
        size_t at = query.ascending ? i : cluster->events_len - 1 - i;
        if (!is_wanted(&query, &cluster->events[at])) continue;
        if (total >= query.offset && total - query.offset < query.limit) {
            emit_event(out, cluster, &cluster->events[at]);
        }
        total++;
    }
    emit_close(out, ']');
    bool is_first = value_get(call->body, "page_token") == NULL;
    if (total - query.offset > query.limit) emit_next(call, query.offset + query.limit, out);
    emit_int(out, "total_count", is_first ? total : 0);
    emit_close(out, '}');
    emit_end(out);
    return true;
}

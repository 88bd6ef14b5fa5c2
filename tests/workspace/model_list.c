/*
 * clusters/list: order, filters, pages (databricks-api.md 1.3).
 *
 * The order is by state, then pins, then name. It is sorted anew only after something changed; a
 * page is then a walk to its offset. Pages are no snapshot: a cluster that changes its state
 * between two of them can be missed or seen twice, as at the real one.
 */
#include "inside.h"

#include "text.h"

#include <stdlib.h>

enum { TOKEN_SIZE = 48, FILTERS_MAX = 16 };

struct filter {
    const char *states[FILTERS_MAX];
    const char *sources[FILTERS_MAX];
    size_t states_len, sources_len;
    const char *policy_id; /* NULL: any */
    int pinned;            /* -1: any */
    bool by_name, descending;
};

/* Running ones first; then the state's place, pinned before others, the first bytes of the name. */
static uint64_t key_of(const struct ws_cluster *cluster)
{
    static const unsigned ranks[] = {
        [MODEL_RUNNING] = 0, [MODEL_RESIZING] = 1,    [MODEL_RESTARTING] = 2,
        [MODEL_PENDING] = 3, [MODEL_TERMINATING] = 4, [MODEL_TERMINATED] = 5,
        [MODEL_EXPIRED] = 6,
    };
    uint64_t key = ranks[cluster->state] * 2U + (cluster->pinned ? 0U : 1U);
    const char *name = cluster->name;
    for (int i = 0; i < 7; i++) {
        key = key << 8 | (unsigned char)*name;
        if (*name != '\0') name++;
    }
    return key;
}

static int compare(const void *left, const void *right)
{
    const struct ws_sorted *a = left;
    const struct ws_sorted *b = right;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    int by_name = strcmp(a->cluster->name, b->cluster->name);
    if (by_name != 0) return by_name;
    return a->cluster->number < b->cluster->number ? -1 : 1;
}

static int compare_names(const void *left, const void *right)
{
    const struct ws_sorted *a = left;
    const struct ws_sorted *b = right;
    int by_name = strcmp(a->cluster->name, b->cluster->name);
    if (by_name != 0) return by_name;
    return a->cluster->number < b->cluster->number ? -1 : 1;
}

static void sort_fresh(struct workspace_model *model)
{
    if (model->sorted_fresh) return;
    model->sorted_len = 0;
    for (size_t i = 0; i < model->clusters_len; i++) {
        struct ws_sorted entry = { key_of(model->clusters[i]), model->clusters[i] };
        ARR_PUSH(model->sorted, model->sorted_len, model->sorted_cap, entry);
    }
    if (model->sorted_len != 0) {
        qsort(model->sorted, model->sorted_len, sizeof(struct ws_sorted), compare);
    }
    model->sorted_fresh = true;
}

/* "true", and the "True" of a Python SDK (1.1). */
static bool read_bool(const char *text, int *ret_flag)
{
    if (text_equal_nocase(text, "true")) {
        *ret_flag = 1;
    } else if (text_equal_nocase(text, "false")) {
        *ret_flag = 0;
    } else {
        return false;
    }
    return true;
}

static bool add_word(struct ws_call *call, const char **words, size_t *len, const char *word)
{
    if (*len == FILTERS_MAX) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE", "More than %d filters of one kind.",
                         FILTERS_MAX);
    }
    words[(*len)++] = word;
    return true;
}

static bool read_filter(struct ws_call *call, struct filter *ret_filter)
{
    struct filter filter = { .pinned = -1 };
    for (size_t i = 0; i < call->params_len; i++) {
        const char *key = call->params[i].key;
        const char *value = call->params[i].value;
        bool ok = true;
        if (strcmp(key, "filter_by.cluster_states") == 0) {
            ok = add_word(call, filter.states, &filter.states_len, value);
        } else if (strcmp(key, "filter_by.cluster_sources") == 0) {
            ok = add_word(call, filter.sources, &filter.sources_len, value);
        } else if (strcmp(key, "filter_by.policy_id") == 0) {
            filter.policy_id = value;
        } else if (strcmp(key, "filter_by.is_pinned") == 0 && !read_bool(value, &filter.pinned)) {
            ok =
                ws_refuse(call, 400, "INVALID_PARAMETER_VALUE", "filter_by.is_pinned: '%s'", value);
        } else if (strcmp(key, "sort_by.field") == 0) {
            filter.by_name = strcmp(value, "CLUSTER_NAME") == 0;
        } else if (strcmp(key, "sort_by.direction") == 0) {
            filter.descending = strcmp(value, "DESC") == 0;
        }
        if (!ok) return false;
    }
    *ret_filter = filter;
    return true;
}

static bool has_word(const char *const *words, size_t len, const char *word)
{
    for (size_t i = 0; i < len; i++) {
        if (strcmp(words[i], word) == 0) return true;
    }
    return len == 0;
}

static bool is_listed(const struct workspace_model *model, const struct filter *filter,
                      const struct ws_cluster *cluster)
{
    if (cluster->state == MODEL_EXPIRED) return false;
    if (model->now_ms < cluster->created_ms + model->delays.list_lag_ms) return false;
    if (filter->pinned >= 0 && cluster->pinned != (filter->pinned == 1)) return false;
    if (!has_word(filter->sources, filter->sources_len, cluster->source)) return false;
    if (!has_word(filter->states, filter->states_len, model_state_name(cluster->state))) {
        return false;
    }
    if (filter->policy_id == NULL) return true;
    const char *policy = value_get_text(cluster->effective, "policy_id");
    return policy != NULL && strcmp(policy, filter->policy_id) == 0;
}

/* The rows in the wanted order: the kept one, or a copy sorted by name. */
static const struct ws_sorted *rows_of(struct workspace_model *model, struct arena *arena,
                                       const struct filter *filter)
{
    sort_fresh(model);
    if (!filter->by_name || model->sorted_len == 0) return model->sorted;
    size_t size = model->sorted_len * sizeof(struct ws_sorted);
    struct ws_sorted *rows = arena_alloc(arena, size);
    memcpy(rows, model->sorted, size);
    qsort(rows, model->sorted_len, sizeof(struct ws_sorted), compare_names);
    return rows;
}

/* Opaque to a client: an offset, and a mark that tells a token from a guess. */
static void emit_token(struct buf *out, const char *key, size_t offset)
{
    emit_key(out, key);
    buf_addf(out, "\"EAAY%016zxzQ\",", offset);
}

static bool read_token(struct ws_call *call, size_t *ret_offset)
{
    const char *token = ws_param(call, "page_token");
    *ret_offset = 0;
    if (token == NULL || token[0] == '\0') return true;
    char *end = NULL;
    bool is_one = strlen(token) == 22 && text_starts(token, "EAAY") && text_ends(token, "zQ");
    size_t offset = is_one ? strtoull(token + 4, &end, 16) : 0;
    if (!is_one || end != token + 20) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE", "Invalid page_token.");
    }
    *ret_offset = offset;
    return true;
}

static bool read_page_size(struct ws_call *call, size_t *ret_size)
{
    const char *text = ws_param(call, "page_size");
    int64_t size = 20;
    if (text != NULL && !text_to_i64(text, 0, WS_PAGE_MAX, &size)) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE",
                         "page_size must be from 1 to %d; it is '%.40s'.", WS_PAGE_MAX, text);
    }
    *ret_size = size == 0 ? 20 : (size_t)size;
    return true;
}

bool ws_list(struct ws_call *call)
{
    struct workspace_model *model = call->model;
    struct filter filter;
    size_t offset = 0;
    size_t page_size = 0;
    if (!read_filter(call, &filter) || !read_token(call, &offset)) return false;
    if (!read_page_size(call, &page_size)) return false;
    const struct ws_sorted *rows = rows_of(model, call->arena, &filter);
    struct buf *out = ws_answer(call);
    size_t seen = 0;
    bool is_more = false;
    emit_open(out, '{');
    for (size_t i = 0; i < model->sorted_len && !is_more; i++) {
        size_t at = filter.descending ? model->sorted_len - 1 - i : i;
        if (!is_listed(model, &filter, rows[at].cluster)) continue;
        is_more = seen >= offset && seen - offset >= page_size;
        if (seen >= offset && !is_more) {
            if (seen == offset) buf_adds(out, "\"clusters\":[");
            ws_render_row(model, rows[at].cluster, out);
        }
        seen++;
    }
    if (seen > offset) emit_close(out, ']'); /* `clusters` is missing when there are none */
    if (is_more) emit_token(out, "next_page_token", offset + page_size);
    if (offset > 0) emit_token(out, "prev_page_token", offset < page_size ? 0 : offset - page_size);
    emit_close(out, '}');
    emit_end(out);
    return true;
}

#include "replan.h"

#include "memo.h"

#include <stdlib.h>

enum { MEMO_BYTES_MAX = 128 << 20 };

#define MEMO_BLOB "memo"

struct replan {
    struct replan_parts parts;
    struct digest fingerprint;
    struct arena arena; /* of the memo's bytes, and of the names below */
    struct memo *memo;
    bool is_valid;
    bool has_changed; /* the memo has to be written anew */
    size_t passed_over;
    const char **restless; /* names that needed something this time */
    size_t restless_len, restless_cap;
};

struct replan *replan_create(const struct replan_parts *parts)
{
    struct replan *replan = xcalloc(1, sizeof(*replan));
    replan->parts = *parts;
    replan->memo = memo_create();
    return replan;
}

void replan_destroy(struct replan *replan)
{
    if (replan == NULL) return;
    memo_destroy(replan->memo);
    arena_release(&replan->arena);
    xfree(replan->restless);
    xfree(replan);
}

/* What every decision depends on, and no manifest tells. */
static struct digest fingerprint(const struct replan *replan)
{
    const struct replan_parts *parts = &replan->parts;
    size_t manifests = 0;
    (void)catalogue_entries(parts->catalogue, &manifests);
    int64_t numbers[] = { -1, cache_generation(parts->cache), cache_listed_at_ms(parts->cache),
                          catalogue_is_complete(parts->catalogue) && manifests > 0 };
    struct err ignored;
    if (parts->store != NULL && !store_generation(parts->store, &numbers[0], &ignored)) {
        numbers[0] = -2;
    }
    AUTO(hasher_destroy) struct hasher *hasher = hasher_create();
    hasher_add(hasher, CLUSTERKEEPER_VERSION, sizeof(CLUSTERKEEPER_VERSION));
    hasher_add(hasher, parts->policy, strlen(parts->policy) + 1);
    hasher_add(hasher, numbers, sizeof(numbers));
    return hasher_take(hasher);
}

bool replan_selects(void *ctx)
{
    struct replan *replan = ctx;
    const char *bytes = NULL;
    size_t len = 0;
    struct err ignored;
    replan->fingerprint = fingerprint(replan);
    replan->is_valid =
        cache_blob_get(replan->parts.cache, MEMO_BLOB, &replan->arena, &bytes, &len, &ignored) &&
        bytes != NULL && memo_restore(replan->memo, &replan->fingerprint, bytes, len);
    replan->has_changed = !replan->is_valid;
    return replan->is_valid;
}

bool replan_is_wanted(void *ctx, const char *name, const struct digest *manifest)
{
    struct replan *replan = ctx;
    if (!memo_is_quiet(replan->memo, name, manifest)) {
        replan->has_changed = true;
        return true;
    }
    replan->passed_over++;
    return false;
}

const char *replan_wanted_more(void *ctx, size_t index)
{
    const struct replan *replan = ctx;
    return memo_restless(replan->memo, index);
}

void replan_decided(struct replan *replan, const char *name, const struct decision *decision)
{
    if (decision->action == ACTION_NONE && decision->hold == HOLD_NONE) return;
    const char *copy = arena_strdup(&replan->arena, name);
    ARR_PUSH(replan->restless, replan->restless_len, replan->restless_cap, copy);
}

size_t replan_passed_over(const struct replan *replan)
{
    return replan->passed_over;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void replan_save(struct replan *replan)
{
    if (!replan->has_changed) return;
    size_t len = replan->restless_len;
    if (len > 1) qsort(replan->restless, len, sizeof(replan->restless[0]), by_name);
    struct memo_writer writer;
    memo_begin(&writer);
    size_t entries_len = 0;
    const struct entry *entries = catalogue_entries(replan->parts.catalogue, &entries_len);
    for (size_t i = 0; i < entries_len; i++) {
        const char *name = entries[i].name;
        bool is_restless = len > 0 && bsearch(&name, replan->restless, len,
                                              sizeof(replan->restless[0]), by_name) != NULL;
        if (!is_restless) memo_add_quiet(&writer, name, &entries[i].whole);
    }
    for (size_t i = 0; i < len; i++) {
        memo_add_restless(&writer, replan->restless[i]);
    }
    AUTO_BUF struct buf bytes = BUF_INIT(MEMO_BYTES_MAX);
    memo_finish(&writer, &replan->fingerprint, &bytes);
    struct err ignored;
    if (!buf_ok(&bytes, "the memo", &ignored)) return;
    (void)!cache_blob_put(replan->parts.cache, MEMO_BLOB, buf_text(&bytes), bytes.len, &ignored);
}

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
    bool has_fingerprint; /* else nothing is remembered */
    bool has_changed;     /* the memo has to be written anew */
    size_t passed_over;
    size_t restless_at, vanished_at; /* where replan_wanted_more goes on */
    const char **restless;           /* names that have to be looked at the next time too */
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

/* What every decision depends on, and no manifest tells. False where that cannot be known. */
static bool take_fingerprint(const struct replan *replan, struct digest *ret_fingerprint)
{
    const struct replan_parts *parts = &replan->parts;
    size_t manifests = 0;
    (void)catalogue_entries(parts->catalogue, &manifests);
    int64_t numbers[] = { -1, cache_generation(parts->cache), cache_listed_at_ms(parts->cache),
                          catalogue_is_complete(parts->catalogue) && manifests > 0 };
    struct err ignored;
    if (parts->store != NULL && !store_generation(parts->store, &numbers[0], &ignored)) {
        return false;
    }
    AUTO(hasher_destroy) struct hasher *hasher = hasher_create();
    hasher_add(hasher, CLUSTERKEEPER_VERSION, sizeof(CLUSTERKEEPER_VERSION));
    hasher_add(hasher, parts->policy, strlen(parts->policy) + 1);
    hasher_add(hasher, numbers, sizeof(numbers));
    *ret_fingerprint = hasher_take(hasher);
    return true;
}

bool replan_selects(void *ctx)
{
    struct replan *replan = ctx;
    const char *bytes = NULL;
    size_t len = 0;
    struct err ignored;
    replan->has_fingerprint = take_fingerprint(replan, &replan->fingerprint);
    bool is_valid =
        replan->has_fingerprint &&
        cache_blob_get(replan->parts.cache, MEMO_BLOB, &replan->arena, &bytes, &len, &ignored) &&
        bytes != NULL && memo_restore(replan->memo, &replan->fingerprint, bytes, len);
    replan->has_changed = !is_valid;
    return is_valid;
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

static bool note_sighting(void *ctx, const struct sighting *sighting)
{
    (void)sighting;
    *(bool *)ctx = true;
    return false;
}

/* A plan that looks at everything never comes across a name of which nothing is left. */
static bool is_known(struct replan *replan, const char *name)
{
    const struct replan_parts *parts = &replan->parts;
    if (catalogue_find(parts->catalogue, name) != NULL) return true;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct record record;
    struct err ignored;
    bool found = false;
    if (parts->store != NULL &&
        (!store_record_get(parts->store, name, &arena, &record, &found, &ignored) || found)) {
        return true; /* or the driver says why it cannot be read */
    }
    return !cache_each_of(parts->cache, name, note_sighting, &found, &ignored) || found;
}

const char *replan_wanted_more(void *ctx, size_t index)
{
    struct replan *replan = ctx;
    const char *name = NULL;
    if (index == 0) replan->restless_at = replan->vanished_at = 0;
    while ((name = memo_restless(replan->memo, replan->restless_at)) != NULL) {
        replan->restless_at++;
        if (is_known(replan, name)) return name;
        replan->has_changed = true;
    }
    while ((name = memo_vanished(replan->memo, &replan->vanished_at)) != NULL) {
        replan->has_changed = true;
        if (is_known(replan, name)) return name;
    }
    return NULL;
}

void replan_decided(struct replan *replan, const char *name, const struct decision *decision)
{
    bool needs_nothing = decision->action == ACTION_NONE && decision->hold == HOLD_NONE;
    /* Without a manifest no one asks whether it is wanted: it has to be among those that are. */
    if (needs_nothing && catalogue_find(replan->parts.catalogue, name) != NULL) return;
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
    if (!replan->has_changed || !replan->has_fingerprint) return;
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

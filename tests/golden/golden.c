/*
 * golden: the plan for each case of this folder, compared with the one that is written there.
 *
 *   golden FOLDER CASE...            compare; what differs is shown
 *   golden --update FOLDER CASE...   write plan.txt and plan.json anew
 *
 * The catalogue, the decision and the plan are the program's own; README.md tells what is in a
 * case. The clock, the owner and the environment are fixed, so that a plan is the same anywhere.
 */
#include "catalogue.h"
#include "databricks/codec.h"
#include "plan.h"
#include "recording.h"
#include "tags.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

/* 2026-11-25T12:00:00Z */
#define NOW_MS INT64_C(1795608000000)

enum { OUT_MAX = 1 << 20, PATH_MAX_BYTES = 4096, LOOKS_MAX = 4 };

struct golden {
    struct arena arena;
    const char *folder;
    struct secrets *secrets;
    struct catalogue *manifests, *applied;
    const struct value *records; /* recorded.json */
    struct observed *clusters;
    size_t clusters_len;
    struct policy policy;
    struct plan plan;
};

static const struct pos nowhere;

/* ---- what a case holds ---- */

/* Texts that must not be seen in any plan. */
static const char *const secret_texts[][2] = {
    { "REGISTRY_USER", "robot-account" },
    { "REGISTRY_PASSWORD", "correct-horse" },
    { "OLD_PASSWORD", "battery-staple" },
};

static const char *environment(void *ctx, const char *name)
{
    (void)ctx;
    for (size_t i = 0; i < COUNT_OF(secret_texts); i++) {
        if (strcmp(secret_texts[i][0], name) == 0) return secret_texts[i][1];
    }
    return NULL;
}

static const char *path_in(struct golden *g, const char *name)
{
    return arena_printf(&g->arena, "%s/%s", g->folder, name);
}

/* NULL when the case has no such file. */
static bool read_json(struct golden *g, const char *name, const struct value **ret_value,
                      struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT(OUT_MAX);
    const struct files *files = files_posix();
    *ret_value = NULL;
    if (!files->read(files->ctx, path_in(g, name), &text, NULL, err)) {
        return err->code == ERR_NOT_FOUND;
    }
    const char *copy = arena_strdup(&g->arena, buf_text(&text));
    if (json_read(&g->arena, copy, text.len, ret_value, err)) return true;
    return err_wrap(err, "%s", name);
}

static bool take_cluster(struct golden *g, const struct value *answer, struct err *err)
{
    AUTO_BUF struct buf json = BUF_INIT(OUT_MAX);
    json_write(answer, &json);
    const char *text = arena_strdup(&g->arena, buf_text(&json));
    struct observed *observed = &g->clusters[g->clusters_len];
    if (!codec_cluster(&g->arena, text, json.len, observed, err)) return false;
    g->clusters_len++;
    return true;
}

/* A page of clusters/list, or a list of answers of clusters/get. */
static bool read_observed(struct golden *g, struct err *err)
{
    const struct value *value = NULL;
    if (!read_json(g, "observed.json", &value, err)) return false;
    if (value != NULL && value->kind == VALUE_MAP) value = value_get(value, "clusters");
    size_t len = value == NULL ? 0 : value->len;
    g->clusters = arena_alloc(&g->arena, (len + 1) * sizeof(*g->clusters));
    for (size_t i = 0; i < len; i++) {
        if (!take_cluster(g, value->u.items[i], err)) return err_wrap(err, "observed.json");
    }
    return true;
}

static bool open_catalogue(struct golden *g, const char *name, struct diag *diag,
                           struct catalogue **ret_catalogue, struct err *err)
{
    struct catalogue *catalogue =
        catalogue_create(path_in(g, name), files_posix(), g->secrets, NULL);
    if (catalogue_scan(catalogue, diag, err)) {
        *ret_catalogue = catalogue;
        return true;
    }
    catalogue_destroy(catalogue);
    return err->code == ERR_NOT_FOUND; /* a case without applied/ is as it was applied */
}

/* ---- one decision ---- */

static const char *to_json(struct golden *g, const struct value *value)
{
    AUTO_BUF struct buf out = BUF_INIT(OUT_MAX);
    if (value == NULL) return NULL;
    json_write(value, &out);
    return arena_strdup(&g->arena, buf_text(&out));
}

static const char *digest_text(struct golden *g, const struct manifest *manifest)
{
    char hex[DIGEST_HEX_SIZE];
    digest_hex(&manifest->digest, hex);
    return arena_strdup(&g->arena, hex);
}

static bool load(struct golden *g, struct catalogue *catalogue, const char *name,
                 struct manifest *ret_manifest, bool *ret_found, struct err *err)
{
    const struct entry *entry = catalogue == NULL ? NULL : catalogue_find(catalogue, name);
    *ret_found = entry != NULL;
    return entry == NULL || catalogue_load(catalogue, entry, &g->arena, ret_manifest, err);
}

static const struct value *find_record(const struct golden *g, const char *name)
{
    for (size_t i = 0; g->records != NULL && i < g->records->len; i++) {
        const struct value *row = g->records->u.items[i];
        if (text_equal(value_get_text(row, "name"), name)) return row;
    }
    return NULL;
}

static bool read_record(struct golden *g, const struct value *row, struct record *ret_record,
                        const struct value **ret_applied, struct err *err)
{
    const char *name = value_get_text(row, "name");
    const char *phase = value_get_text(row, "phase");
    struct record record = { .name = name, .phase = PHASE_READY, .pinned = -1 };
    if (phase != NULL && !phase_from_name(phase, &record.phase)) {
        return err_set(err, ERR_MANIFEST, "recorded.json: unknown phase '%s'", phase);
    }
    int64_t failures = 0;
    record.cluster_id = value_get_text(row, "cluster_id");
    record.predecessor_id = value_get_text(row, "predecessor_id");
    record.error = value_get_text(row, "error");
    record.phase_since_ms = NOW_MS - 3600000;
    if (value_get_int(row, "failures", &failures)) record.failures = (int)failures;
    (void)value_get_int(row, "retry_at_ms", &record.retry_at_ms);
    const char *prune = value_get_text(row, "prune");
    enum prune word = PRUNE_TERMINATE;
    if (prune != NULL && prune_from_name(prune, &word)) record.prune = (int)word;

    struct manifest applied;
    bool found = false;
    if (!load(g, g->applied == NULL ? g->manifests : g->applied, name, &applied, &found, err)) {
        return false;
    }
    *ret_applied = found ? applied.spec : NULL;
    if (found) {
        const char *digest = digest_text(g, &applied);
        record_take_spec(&g->arena, &record, to_json(g, applied.spec), digest);
        record.libraries = to_json(g, applied.libraries);
        record.permissions = to_json(g, applied.permissions);
        if (record.phase == PHASE_FAILED && record.retry_at_ms == 0) record.failed_digest = digest;
    }
    *ret_record = record;
    return true;
}

/* The clusters that concern a name, as the driver picks them. */
static void pick_seen(struct golden *g, const char *name, const struct inputs *in,
                      struct seen *ret_seen)
{
    struct observed *clusters = arena_alloc(&g->arena, (g->clusters_len + 1) * sizeof(*clusters));
    const char *adopt = in->desired == NULL ? NULL : in->desired->keep.adopt;
    *ret_seen = (struct seen){ .clusters = clusters };
    for (size_t i = 0; i < g->clusters_len; i++) {
        const struct observed *at = &g->clusters[i];
        bool is_known = text_equal(at->id, adopt) ||
                        (in->record != NULL && (text_equal(at->id, in->record->cluster_id) ||
                                                text_equal(at->id, in->record->predecessor_id)));
        if (is_known || tags_match(at, g->policy.owner, name)) clusters[ret_seen->len++] = *at;
    }
}

/* A question that a plan has to ask is answered from the same file. */
static bool answer(const struct decision *decision, struct seen *seen)
{
    if (decision->step != STEP_LOOK || decision->action != ACTION_NONE) return false;
    struct observed *clusters = (struct observed *)(uintptr_t)seen->clusters;
    for (size_t i = 0; i < seen->len; i++) {
        if (!text_equal(clusters[i].id, decision->target_id)) continue;
        clusters[i].is_fresh = true;
        return true;
    }
    if (seen->gone_len == COUNT_OF(seen->gone_ids)) return false;
    seen->gone_ids[seen->gone_len++] = decision->target_id;
    return true;
}

static bool plan_one(struct golden *g, const char *name, struct err *err)
{
    struct manifest desired;
    struct record record;
    const struct value *applied = NULL;
    bool is_desired = false;
    const struct value *row = find_record(g, name);
    if (!load(g, g->manifests, name, &desired, &is_desired, err)) return false;
    if (row != NULL && !read_record(g, row, &record, &applied, err)) return false;
    struct seen seen;
    struct inputs in = {
        .name = name,
        .desired = is_desired ? &desired : NULL,
        .record = row == NULL ? NULL : &record,
        .applied = applied,
        .seen = &seen,
        .policy = &g->policy,
        .scripts_known = arena_alloc(&g->arena, 16 * sizeof(bool)),
        .listing_new = true,
        .now_ms = NOW_MS,
        .operation = "0123456789abcdefghij",
        .jitter = 1,
    };
    pick_seen(g, name, &in, &seen);
    struct decision decision;
    int looks = 0;
    do {
        decide(&g->arena, &in, &decision);
    } while (looks++ < LOOKS_MAX && answer(&decision, &seen));
    plan_add(&g->plan, name, in.desired, &decision);
    return true;
}

/* ---- a case ---- */

/* Every name that is desired, recorded or seen, once. */
static bool plan_all(struct golden *g, struct err *err)
{
    struct value_builder names = value_build_map(&g->arena, nowhere);
    const struct value *yes = value_bool(&g->arena, nowhere, true);
    size_t len = 0;
    const struct entry *entries = catalogue_entries(g->manifests, &len);
    for (size_t i = 0; i < len; i++) {
        value_put(&names, entries[i].name, nowhere, yes);
    }
    for (size_t i = 0; g->records != NULL && i < g->records->len; i++) {
        value_put(&names, value_get_text(g->records->u.items[i], "name"), nowhere, yes);
    }
    for (size_t i = 0; i < g->clusters_len; i++) {
        const struct observed *at = &g->clusters[i];
        if (at->name != NULL && text_equal(at->owner, g->policy.owner)) {
            value_put(&names, at->name, nowhere, yes);
        }
    }
    for (size_t i = 0; i < names.value->len; i++) {
        if (!plan_one(g, names.value->u.members[i].key, err)) return false;
    }
    return true;
}

static bool make_plan(struct golden *g, struct buf *text, struct buf *json, struct err *err)
{
    AUTO(diag_destroy) struct diag *diag = diag_create();
    AUTO(diag_destroy) struct diag *old = diag_create();
    if (!open_catalogue(g, "manifests", diag, &g->manifests, err) ||
        !open_catalogue(g, "applied", old, &g->applied, err) ||
        !read_json(g, "recorded.json", &g->records, err) || !read_observed(g, err)) {
        return false;
    }
    if (g->manifests == NULL) return err_set(err, ERR_NOT_FOUND, "no manifests/");
    size_t len = 0;
    (void)catalogue_entries(g->manifests, &len);
    g->policy = (struct policy){
        .owner = "main",
        .launch_timeout_ms = 1800000,
        .create_grace_ms = 120000,
        .poll_ms = 10000,
        .prune_allowed = catalogue_is_complete(g->manifests) && len > 0,
        .clean_listing = true,
    };
    g->plan = (struct plan){ .arena = &g->arena, .observed_at_ms = NOW_MS };
    if (!plan_all(g, err)) return false;
    plan_sort(&g->plan);
    diag_print(diag, false, text);
    const struct plan_style style = { .colour = false };
    plan_write_text(&g->plan, &style, text);
    plan_write_json(&g->plan, json);
    return buf_ok(text, "plan.txt", err) && buf_ok(json, "plan.json", err);
}

static bool write_file(const char *path, const struct buf *out, struct err *err)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) return err_set(err, ERR_IO, "%s cannot be written", path);
    bool ok = fwrite(buf_text(out), 1, out->len, file) == out->len;
    ok = fclose(file) == 0 && ok;
    return ok || err_set(err, ERR_IO, "%s cannot be written", path);
}

static bool settle(struct golden *g, bool updates, const char *name, const struct buf *made,
                   struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(secret_texts); i++) {
        if (strstr(buf_text(made), secret_texts[i][1]) == NULL) continue;
        return err_set(err, ERR_IO, "%s: a secret is in it: %s", name, secret_texts[i][0]);
    }
    const char *path = path_in(g, name);
    if (updates) return write_file(path, made, err);
    AUTO_BUF struct buf kept = BUF_INIT(OUT_MAX);
    const struct files *files = files_posix();
    if (!files->read(files->ctx, path, &kept, NULL, err)) return false;
    if (strcmp(buf_text(&kept), buf_text(made)) == 0) return true;
    (void)fprintf(stderr, "--- %s as kept\n%s+++ as made\n%s", path, buf_text(&kept),
                  buf_text(made));
    return err_set(err, ERR_IO, "%s differs; if that is right: golden --update", name);
}

static bool run_case(const char *folder, bool updates, struct err *err)
{
    static const uint8_t key[DIGEST_KEY_BYTES] = { 0 };
    struct golden g = { .arena = ARENA_INIT, .folder = folder };
    AUTO_BUF struct buf text = BUF_INIT(OUT_MAX);
    AUTO_BUF struct buf json = BUF_INIT(OUT_MAX);
    g.secrets = secrets_create(key, files_posix(), environment, NULL);
    bool ok = make_plan(&g, &text, &json, err) && settle(&g, updates, "plan.txt", &text, err) &&
              settle(&g, updates, "plan.json", &json, err);
    catalogue_destroy(g.manifests);
    catalogue_destroy(g.applied);
    secrets_destroy(g.secrets);
    arena_release(&g.arena);
    return ok;
}

int main(int argc, char **argv)
{
    bool updates = argc > 1 && strcmp(argv[1], "--update") == 0;
    int first = updates ? 2 : 1;
    if (argc < first + 2) {
        (void)fprintf(stderr, "usage: golden [--update] FOLDER CASE...\n");
        return 64;
    }
    int status = 0;
    for (int i = first + 1; i < argc; i++) {
        AUTO_BUF struct buf folder = BUF_INIT(PATH_MAX_BYTES);
        struct err err;
        buf_addf(&folder, "%s/%s", argv[first], argv[i]);
        if (run_case(buf_text(&folder), updates, &err)) continue;
        (void)fprintf(stderr, "%s: %s\n", argv[i], err.text);
        status = 1;
    }
    return status;
}

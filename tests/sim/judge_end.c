/*
 * The calm: what the workspace has to look like once nothing goes wrong any more, judged from what
 * the authors meant alone.
 */
#include "sim.h"
#include "text.h"

#include <stdio.h>

/* What can be asked of a manifest's cluster. */
enum hope {
    HOPE_NONE,     /* suspended: nothing */
    HOPE_BOUNDED,  /* it cannot launch, or what differs is only reported: no loop, no twin */
    HOPE_AS_ASKED, /* one cluster, as the manifest asks */
    HOPE_GONE,     /* the manifest is gone, and nothing of it may live */
    HOPE_LEFT,     /* the manifest is gone, and its cluster is left alone */
};

static enum hope hope_of(const struct sim *sim, const struct plot *plot)
{
    enum { TERMINATES, DELETES, ORPHANS };
    const struct wish *wish = &plot->wish;
    if (!plot->exists) {
        const struct docket *docket = &sim->judge.dockets[plot - sim->authors.plots];
        bool is_left = plot->prune == ORPHANS || sim->judge.has_forgotten ||
                       (plot->adopt != NULL && !docket->is_adopted);
        return is_left ? HOPE_LEFT : HOPE_GONE;
    }
    if (wish->is_suspended) return HOPE_NONE;
    /* What was to be adopted and is gone for good is told, and nothing is made in its place. */
    struct model_view view;
    if (plot->adopt != NULL && !model_view_find(sim->model, plot->adopt, &view)) {
        return HOPE_BOUNDED;
    }
    bool is_denied = wish->is_pinned && !sim->scenario.model.switches.admin;
    if (is_denied || wish->reports_drift || !authors_can_launch(&sim->authors, plot)) {
        return HOPE_BOUNDED;
    }
    return HOPE_AS_ASKED;
}

static bool bears(const struct sim *sim, const struct plot *plot, const struct model_view *view)
{
    /* After the state was lost the tags of its successor are what is known. */
    if (text_equal(plot->adopt, view->id) && !sim->judge.has_forgotten) return true;
    return text_equal(judge_tag(view, "clusterkeeper-owner"), SIM_OWNER) &&
           text_equal(judge_tag(view, "clusterkeeper-name"), plot->name);
}

static bool says_no(struct buf *why, const char *name, const char *id, const char *what)
{
    buf_clear(why);
    buf_addf(why, "%s: %s: cluster %s %s", promise_name(PROMISE_ONE_CLUSTER), name, id, what);
    return false;
}

/* What is known of a cluster; NULL: nothing happened to it. */
static const struct known *known_of(const struct sim *sim, const char *id)
{
    for (size_t i = 0; i < sim->judge.known_len; i++) {
        if (strcmp(sim->judge.known[i].id, id) == 0) return &sim->judge.known[i];
    }
    return NULL;
}

static bool has_number(const struct value *spec, const char *path, int64_t wanted)
{
    const struct value *value = value_at(spec, path);
    return value != NULL && value->kind == VALUE_INT && value->u.integer == wanted;
}

static bool has_text(const struct value *map, const char *key, const char *wanted)
{
    return text_equal(value_get_text(map, key), wanted);
}

static const struct value *first_of(const struct value *list)
{
    return list == NULL || list->kind != VALUE_LIST || list->len == 0 ? NULL : list->u.items[0];
}

static bool has_size(const struct wish *wish, const struct value *spec)
{
    if (!wish->autoscales) return has_number(spec, "num_workers", wish->workers + 1);
    return has_number(spec, "autoscale.min_workers", 1) &&
           has_number(spec, "autoscale.max_workers", wish->workers + 2);
}

/*
 * What was stated once and is not any more is taken away where the record tells that it was stated:
 * not after that was lost, and not when somebody, or an edit that was long on its way, put it back.
 */
static bool is_unstated_known(const struct sim *sim, const struct plot *plot,
                              const struct model_view *view)
{
    const struct docket *docket = &sim->judge.dockets[plot - sim->authors.plots];
    const struct known *known = known_of(sim, view->id);
    bool is_touched = known != NULL && (known->is_copy || known->touched_ms != 0);
    return docket->absent_ms == 0 && !docket->is_found && !sim->judge.has_forgotten &&
           !is_touched && sim->scenario.trouble_permille[TROUBLE_HANG] == 0;
}

static bool has_script(const struct sim *sim, const struct plot *plot,
                       const struct model_view *view)
{
    const struct wish *wish = &plot->wish;
    const struct value *spec = view->effective;
    const struct value *first = first_of(value_get(spec, "init_scripts"));
    const char *destination =
        first == NULL ? NULL : value_get_text(value_get(first, "workspace"), "destination");
    if (wish->script == SCRIPT_NONE) return first == NULL || !is_unstated_known(sim, plot, view);
    if (wish->script == SCRIPT_WORKSPACE) return text_equal(destination, AUTHORS_SCRIPT);
    size_t len = 0;
    const char *content = destination == NULL ? NULL : model_file(sim->model, destination, &len);
    const char *wanted = sim_files_text(&sim->files, AUTHORS_ROOT "/init/setup.sh");
    return content != NULL && strlen(wanted) == len && memcmp(content, wanted, len) == 0;
}

/* NULL: it is as asked; else what is not. */
static const char *difference(const struct sim *sim, const struct plot *plot,
                              const struct model_view *view)
{
    const struct wish *wish = &plot->wish;
    const struct value *spec = view->effective;
    char url[32];
    char text[32];
    if (!has_text(spec, "node_type_id", authors_node(sim, wish->node))) return "has another node";
    if (!has_size(wish, spec)) return "has another size";
    if (!has_number(spec, "autotermination_minutes", wish->minutes)) return "has other minutes";
    int image = authors_image_of(&sim->authors, plot);
    if (!has_text(value_get(spec, "docker_image"), "url", authors_image_url(image, url))) {
        return "has another image";
    }
    (void)snprintf(text, sizeof(text), "%d", wish->conf);
    const struct value *conf = value_get(spec, "spark_conf");
    if (wish->conf > 0 && !has_text(conf, "spark.sim.value", text)) return "has another conf";
    (void)snprintf(text, sizeof(text), "p%d", wish->tag);
    if (!has_text(value_get(spec, "custom_tags"), "purpose", text)) return "has another tag";
    (void)snprintf(text, sizeof(text), "t%d", sim->authors.default_tag);
    if (!has_text(value_get(spec, "custom_tags"), "team", text)) return "has another default tag";
    if (!has_script(sim, plot, view)) return "has another script";
    return NULL;
}

/* Stopped for being idle, and started again where it is to run. */
static bool comes_and_goes(const struct sim *sim, const struct plot *plot,
                           const struct model_view *view)
{
    bool can_be_idle = sim->scenario.model.switches.autoterminate != 0;
    bool can_start = plot->wish.is_running_wanted &&
                     (view->state == MODEL_PENDING || view->state == MODEL_TERMINATED);
    return can_be_idle && (can_start || view->state == MODEL_TERMINATING);
}

/* The one that is kept: a live one, else the newest that is as asked. */
static bool judge_kept(const struct sim *sim, const struct plot *plot, struct buf *why)
{
    const char *wrong = "is not there";
    char id[MODEL_ID_SIZE] = "";
    for (size_t i = model_cluster_count(sim->model); i > 0; i--) {
        struct model_view view;
        if (!model_view_at(sim->model, i - 1, &view) || !bears(sim, plot, &view)) continue;
        const char *differs = difference(sim, plot, &view);
        bool runs = view.state == MODEL_RUNNING;
        bool ended = view.state == MODEL_TERMINATED;
        if (differs == NULL && !runs && !ended && !comes_and_goes(sim, plot, &view)) {
            differs = "is on its way";
        }
        if (differs == NULL && plot->wish.is_running_wanted && !runs &&
            !comes_and_goes(sim, plot, &view)) {
            differs = "does not run";
        }
        if (differs == NULL && view.libraries < (size_t)plot->wish.libraries) {
            differs = "lacks a library";
        }
        /* Not every workspace shows who is pinned: what a person took away stays so. */
        const struct known *known = known_of(sim, view.id);
        bool is_wanted_pinned = plot->wish.is_pinned && (known == NULL || known->touched_ms == 0);
        if (differs == NULL && is_wanted_pinned && !view.pinned) differs = "is not pinned";
        if (differs == NULL) return true;
        bool is_live = model_is_live(view.state);
        /* A live copy may stand beside one of ours that is at rest. */
        bool is_copy = known != NULL && known->is_copy;
        if (id[0] == '\0' || (is_live && !is_copy)) {
            wrong = differs;
            (void)snprintf(id, sizeof(id), "%s", view.id);
        }
        if (is_live && !is_copy) break;
    }
    return says_no(why, plot->name, id, wrong);
}

/*
 * Nobody has laid a hand on it since its manifest was read last, or shortly before: what people
 * wake or copy after the last listing while there was a record is theirs, and only reported.
 */
static bool is_left_by_people(const struct sim *sim, const struct plot *plot, const char *id)
{
    const struct known *known = known_of(sim, id);
    const struct docket *docket = &sim->judge.dockets[plot - sim->authors.plots];
    return known == NULL || known->touched_ms == 0 ||
           known->touched_ms + 2 * sim->scenario.interval_ms < docket->read_ms;
}

static bool judge_gone(const struct sim *sim, const struct plot *plot, struct buf *why)
{
    for (size_t i = 0; i < model_cluster_count(sim->model); i++) {
        struct model_view view;
        if (!model_view_at(sim->model, i, &view) || !bears(sim, plot, &view)) continue;
        bool is_live = view.state < MODEL_TERMINATED; /* TERMINATING is not there yet */
        if (is_live && is_left_by_people(sim, plot, view.id)) {
            return says_no(why, plot->name, view.id, "lives, and its manifest is gone");
        }
    }
    return true;
}

static bool judge_twins(const struct sim *sim, const struct plot *plot, struct buf *why)
{
    size_t live = 0;
    /* Blue-green: the one that works stays while the next one is tried, again and again. */
    bool overlaps =
        plot->wish.strategy == STRATEGY_BLUE_GREEN && !authors_can_launch(&sim->authors, plot);
    size_t live_max = overlaps ? 2 : 1;
    for (size_t i = 0; i < model_cluster_count(sim->model); i++) {
        struct model_view view;
        if (!model_view_at(sim->model, i, &view) || !bears(sim, plot, &view)) continue;
        if (!model_is_live(view.state)) continue;
        /* While the next one cannot start, the one before stays, also when somebody wakes it. */
        const struct known *known = known_of(sim, view.id);
        bool is_woken = known != NULL && known->touched_ms != 0;
        if (is_woken && !authors_can_launch(&sim->authors, plot)) continue;
        if (++live > live_max) return says_no(why, plot->name, view.id, "is a second live one");
    }
    return true;
}

static bool is_as_meant(struct sim *sim, bool comes, struct buf *why)
{
    for (size_t i = 0; i < sim->authors.len; i++) {
        const struct plot *plot = &sim->authors.plots[i];
        enum hope hope = hope_of(sim, plot);
        if (hope == HOPE_GONE && !judge_gone(sim, plot, why)) return false;
        if (hope == HOPE_AS_ASKED && !judge_kept(sim, plot, why)) return false;
        enum hold hold = sim->judge.dockets[i].hold;
        bool waits = hope == HOPE_AS_ASKED && (hold == HOLD_BACKOFF || hold == HOLD_WAIT);
        /* Stopped for being idle it is on its way again, or waits to be. */
        if (comes && sim->scenario.model.switches.autoterminate != 0) waits = false;
        if (waits) return says_no(why, plot->name, "", "waits");
        bool is_kept = hope == HOPE_AS_ASKED || hope == HOPE_BOUNDED;
        if (is_kept && !judge_twins(sim, plot, why)) return false;
    }
    return true;
}

bool judge_is_converged(struct sim *sim, struct buf *why)
{
    return is_as_meant(sim, false, why);
}

bool judge_stays_so(struct sim *sim, struct buf *why)
{
    return is_as_meant(sim, true, why);
}

bool judge_is_silent(const struct sim *sim, int64_t since_ms, struct buf *why)
{
    for (size_t i = 0; i < sim->authors.len; i++) {
        const struct docket *docket = &sim->judge.dockets[i];
        enum hope hope = hope_of(sim, &sim->authors.plots[i]);
        if (hope == HOPE_BOUNDED || docket->write_ms < since_ms) continue;
        bool can_be_idle = sim->scenario.model.switches.autoterminate != 0;
        if (can_be_idle && sim->authors.plots[i].wish.is_running_wanted) continue;
        buf_clear(why);
        buf_addf(why, "%s: %s: it was written to", promise_name(PROMISE_QUIET),
                 sim->authors.plots[i].name);
        return false;
    }
    return true;
}

/* ---- what came of the calm ---- */

static bool is_pullable(const struct authors *authors, const struct plot *plot)
{
    enum model_image image = authors->images[authors_image_of(authors, plot)];
    return image != MODEL_IMAGE_MISSING && image != MODEL_IMAGE_DENIED &&
           image != MODEL_IMAGE_TOO_LARGE && image != MODEL_IMAGE_WRONG_OS;
}

bool judge_is_harmless(const struct sim *sim, struct buf *why)
{
    enum { LAUNCHES_MAX = 3 }; /* for the manifest, and where something was under way before */
    for (size_t i = 0; i < sim->authors.len; i++) {
        const struct plot *plot = &sim->authors.plots[i];
        unsigned launches = sim->judge.dockets[i].launches;
        if (launches <= LAUNCHES_MAX || is_pullable(&sim->authors, plot)) continue;
        buf_clear(why);
        buf_addf(why, "%s: %s: an image that cannot be had was launched %u times",
                 promise_name(PROMISE_IMAGE), plot->name, launches);
        return false;
    }
    return true;
}

static bool tell_left(void *ctx, const struct intent *intent)
{
    struct buf *why = ctx;
    buf_clear(why);
    buf_addf(why, "%s: %s: the journal does not know how %s has ended",
             promise_name(PROMISE_KILLED), intent->name, step_name(intent->step));
    return false;
}

bool judge_journal_is_done(struct sim *sim, struct buf *why)
{
    struct err err;
    struct process *process = &sim->process;
    if (!process->is_running || !driver_is_idle(process->driver)) return true;
    buf_clear(why);
    if (!store_unfinished(process->store, tell_left, why, &err)) {
        buf_addf(why, "%s: %s", promise_name(PROMISE_KILLED), err.text);
    }
    return why->len == 0;
}

/*
 * One cluster: its inputs are loaded, decide is asked, and what it says is recorded or begun.
 */
#include "driver_private.h"

#include "json.h"
#include "text.h"

#include <stdio.h>

/* Everything that a decision is made from; lives in the driver's scratch arena. */
struct material {
    struct manifest manifest;
    bool is_desired;
    struct record record;
    bool is_recorded;
    const struct value *applied;
    struct seen seen;
    struct image_facts image;
    bool has_image; /* and somebody to ask about it */
    bool *scripts_known;
    char operation[OPERATION_ID_LEN + 1];
};

static bool load_manifest(struct driver *driver, struct cluster *cluster, struct arena *arena,
                          struct material *m)
{
    m->is_desired = false;
    if (!cluster->is_desired) return true;
    const struct entry *entry = catalogue_find(driver->parts.catalogue, cluster->name);
    if (entry == NULL) return true;
    struct err err;
    if (catalogue_load(driver->parts.catalogue, entry, arena, &m->manifest, &err)) {
        m->is_desired = true;
        return true;
    }
    MARK(manifest_changed_while_read);
    if (cluster->held != HOLD_UNREADABLE) driver_trouble(driver, cluster->name, &err);
    cluster->held = HOLD_UNREADABLE;
    /* The scan comes first. It may find the file as it was, and then makes nothing due. */
    cluster->due_ms = driver->scan_due_ms = driver->now_ms + driver->config.poll_ms;
    return false;
}

static bool load_record(struct driver *driver, const struct cluster *cluster, struct arena *arena,
                        struct material *m)
{
    if (!driver_record(driver, cluster->name, arena, &m->record, &m->is_recorded)) return false;
    m->applied = NULL;
    if (!m->is_recorded || m->record.applied_spec == NULL) return true;
    struct err err;
    const char *json = m->record.applied_spec;
    /* A spec that cannot be read is one that is not known: compared with the manifest alone. */
    if (!json_read(arena, json, strlen(json), &m->applied, &err)) m->applied = NULL;
    return true;
}

static bool load_scripts(struct driver *driver, struct arena *arena, struct material *m)
{
    size_t len = m->is_desired ? m->manifest.scripts_len : 0;
    m->scripts_known = arena_alloc(arena, (len + 1) * sizeof(bool));
    if (driver->parts.store == NULL) return true;
    for (size_t i = 0; i < len; i++) {
        struct err err;
        if (!store_script_known(driver->parts.store, m->manifest.scripts[i].destination,
                                &m->scripts_known[i], &err)) {
            driver_store_failed(driver, &err);
            return false;
        }
    }
    return true;
}

static bool load(struct driver *driver, struct cluster *cluster, const struct flight *look,
                 struct material *m)
{
    struct arena *arena = &driver->scratch;
    if (!load_manifest(driver, cluster, arena, m) || !load_record(driver, cluster, arena, m) ||
        !load_scripts(driver, arena, m)) {
        return false;
    }
    driver_seen(driver, cluster, look, arena, &m->seen);
    m->has_image = driver_image(driver, m->is_desired ? &m->manifest : NULL, &m->image);
    prng_text(&driver->prng, m->operation, OPERATION_ID_LEN);
    return true;
}

static void ask(struct driver *driver, struct cluster *cluster, struct material *m,
                struct decision *ret_decision)
{
    bool after_phase = !m->is_recorded || driver->listed_wall_ms >= m->record.phase_since_ms;
    struct inputs in = {
        .name = cluster->name,
        .desired = m->is_desired ? &m->manifest : NULL,
        .record = m->is_recorded ? &m->record : NULL,
        .applied = m->applied,
        .seen = &m->seen,
        .policy = &driver->policy,
        .image = m->has_image ? &m->image : NULL,
        .scripts_known = m->scripts_known,
        .listing_new = cluster->listing_new && after_phase,
        .now_ms = driver->wall_ms,
        .operation = m->operation,
        .jitter = prng_next(&driver->prng),
    };
    decide(&driver->scratch, &in, ret_decision);
    cluster->listing_new = false;
}

/* ---- what a decision brings about ---- */

static bool save(struct driver *driver, struct cluster *cluster, const struct decision *decision)
{
    if (!decision->record_changed && !decision->record_dropped && decision->note == NULL) {
        return true;
    }
    if (!driver_write(driver)) return false;
    struct store *store = driver->parts.store;
    struct record record = decision->record;
    record.updated_ms = driver->wall_ms;
    struct event event = {
        .at_ms = driver->wall_ms,
        .name = cluster->name,
        .cluster_id = record.cluster_id,
        .what = decision->note,
        .detail = decision->note_detail != NULL ? decision->note_detail : record.error,
    };
    struct err err;
    bool ok = decision->record_dropped   ? store_record_drop(store, cluster->name, &err)
              : decision->record_changed ? store_record_put(store, &record, &err)
                                         : true;
    if (ok && decision->note != NULL) ok = store_note(store, &event, &err);
    if (!ok) {
        driver_store_failed(driver, &err);
        return false;
    }
    fleet_take_record(driver->fleet, cluster, decision->record_dropped ? NULL : &record);
    if (decision->note != NULL) {
        driver_notice(driver, &(struct notice){ .kind = NOTICE_FACT,
                                                .name = cluster->name,
                                                .cluster_id = record.cluster_id,
                                                .action = decision->action,
                                                .text = decision->note });
    }
    return true;
}

static struct digest inputs_digest(const struct driver *driver, const struct cluster *cluster)
{
    return fleet_inputs_digest(cluster, &driver->policy.prune_allowed,
                               sizeof(driver->policy.prune_allowed));
}

/* From wall clock to the port's. A wake that lies in the past is now. */
static int64_t monotonic(const struct driver *driver, int64_t wall_ms)
{
    int64_t in_ms = wall_ms - driver->wall_ms;
    return driver->now_ms + (in_ms < 0 ? 0 : in_ms);
}

static void rest(struct driver *driver, struct cluster *cluster, const struct decision *decision)
{
    bool was_settled = cluster->is_settled;
    bool held_anew = cluster->held != (int)decision->hold && decision->hold != HOLD_NONE;
    cluster->held = (int)decision->hold;
    fleet_settle(driver->fleet, cluster, decision->hold == HOLD_NONE);
    cluster->due_ms = INT64_MAX;
    if (decision->wake_at_ms != 0) {
        cluster->due_ms = monotonic(driver, decision->wake_at_ms);
        if (decision->hold == HOLD_WAIT && cluster->cluster_id != NULL) {
            fleet_mark_stale(cluster, NULL);
        }
        if (cluster->phase == PHASE_UNKNOWN && cluster->due_ms < driver->list_due_ms) {
            driver->list_due_ms = cluster->due_ms; /* only a listing can show it */
        }
    } else {
        cluster->is_quiet = true;
        cluster->quiet = inputs_digest(driver, cluster);
    }
    bool looks_again = cluster->follows_image && driver->config.mode == DRIVER_RUN;
    if (looks_again) driver_due(cluster, cluster->image_due_ms);
    if (held_anew) {
        driver_notice(driver, &(struct notice){ .kind = NOTICE_HELD,
                                                .name = cluster->name,
                                                .cluster_id = cluster->cluster_id,
                                                .action = decision->action,
                                                .hold = decision->hold,
                                                .text = decision->why,
                                                .wake_at_ms = decision->wake_at_ms });
    }
    if (cluster->is_settled && !was_settled) {
        driver_notice(driver, &(struct notice){ .kind = NOTICE_SETTLED,
                                                .name = cluster->name,
                                                .cluster_id = cluster->cluster_id,
                                                .action = decision->action,
                                                .is_news = cluster->touched_ms != 0 ||
                                                           decision->note != NULL });
    }
}

/* A plan asks where it must to know what would be done, and reports instead of doing it. */
static void report(struct driver *driver, struct cluster *cluster, const struct material *m,
                   const struct decision *decision)
{
    if (decision->step == STEP_CHECK) {
        driver_check(driver, cluster, &m->manifest);
        return;
    }
    bool undecided = decision->step == STEP_LOOK && decision->action == ACTION_NONE;
    if (undecided && !driver->config.offline) {
        driver_look(driver, cluster, decision->target_id);
        return;
    }
    cluster->due_ms = INT64_MAX;
    cluster->held = (int)decision->hold;
    fleet_settle(driver->fleet, cluster,
                 decision->hold == HOLD_NONE && decision->action == ACTION_NONE);
    driver->config.decided(driver->config.ctx, cluster->name, m->is_desired ? &m->manifest : NULL,
                           decision);
}

static void act(struct driver *driver, struct cluster *cluster, const struct material *m,
                const struct decision *decision)
{
    if (decision->step == STEP_LOOK || decision->step == STEP_CHECK) {
        if (!save(driver, cluster, decision)) return;
        bool is_look = decision->step == STEP_LOOK;
        if (is_look) driver_look(driver, cluster, decision->target_id);
        if (!is_look) driver_check(driver, cluster, &m->manifest);
        return;
    }
    if (decision->step == STEP_NONE) {
        if (save(driver, cluster, decision)) rest(driver, cluster, decision);
        return;
    }
    if (driver->steps >= driver->config.steps_max) {
        cluster->due_ms = driver->now_ms; /* its turn comes when another one is done */
        return;
    }
    if (decision->note != NULL && !save(driver, cluster, decision)) return;
    driver_begin_step(driver, cluster, m->is_desired ? &m->manifest : NULL, decision);
}

/* Nothing that a decision depends on has changed since the last one found nothing to do. */
static bool is_quiet(const struct driver *driver, const struct cluster *cluster)
{
    if (!cluster->is_quiet || cluster->is_stale) return false;
    if (cluster->follows_image && cluster->image_due_ms <= driver->now_ms) return false;
    struct digest inputs = inputs_digest(driver, cluster);
    return digest_equal(&inputs, &cluster->quiet);
}

void driver_consider(struct driver *driver, struct cluster *cluster, const struct flight *look)
{
    if (look == NULL && is_quiet(driver, cluster)) {
        cluster->due_ms = cluster->follows_image ? cluster->image_due_ms : INT64_MAX;
        return;
    }
    if (look == NULL && cluster->is_stale && !driver->config.offline) {
        if (driver->listing.is_running && driver->listing.began_ms > cluster->touched_ms) {
            cluster->due_ms = INT64_MAX; /* the listing that is under way will show it */
            return;
        }
        const char *asked = fleet_stale_id(cluster);
        if (asked != NULL) {
            driver_look(driver, cluster, asked);
            return;
        }
    }
    arena_reset(&driver->scratch);
    struct material m;
    struct decision decision;
    if (!load(driver, cluster, look, &m)) return;
    cluster->is_quiet = false;
    cluster->follows_image = false;
    if (m.is_desired &&
        driver_follow(driver, cluster, &m.manifest, m.is_recorded ? &m.record : NULL)) {
        return;
    }
    ask(driver, cluster, &m, &decision);
    if (driver->config.mode == DRIVER_PLAN) {
        report(driver, cluster, &m, &decision);
    } else {
        act(driver, cluster, &m, &decision);
    }
    if (cluster->flight == NULL) (void)fleet_forget(driver->fleet, cluster);
}

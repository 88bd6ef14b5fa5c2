#include "driver_private.h"

#include "text.h"

#include <assert.h>

enum {
    CONSIDER_PER_TURN_MAX = 256, /* then the loop gets to breathe */
    LOOKS_BEFORE_LISTING = 16,   /* more single questions than this, and a listing is cheaper */
    RESCAN_AFTER_FAILURE_MS = 10000,
    STORE_RETRY_MS = 10000,
};

#define NEVER INT64_MAX

/* ---- the transaction of the turn ---- */

/* Nothing of this turn is remembered, so nothing of it is done; the journal is gone through later.
 */
static void abandon(struct driver *driver)
{
    MARK(turn_abandoned);
    if (driver->in_transaction) store_rollback(driver->parts.store);
    driver->in_transaction = false;
    driver->store_failed = false;
    driver->recover_due = true;
    driver->paused_until_ms = driver->now_ms + STORE_RETRY_MS;
    driver_unsend(driver);
}

static void commit(struct driver *driver)
{
    struct err err;
    if (driver->in_transaction && !driver->store_failed &&
        !store_commit(driver->parts.store, &err)) {
        driver_store_failed(driver, &err);
    }
    if (driver->store_failed) {
        abandon(driver);
        return;
    }
    driver->in_transaction = false;
    driver_send(driver);
}

/* ---- passes ---- */

static bool take_record(void *ctx, const struct record *record)
{
    struct driver *driver = ctx;
    struct cluster *cluster = fleet_get(driver->fleet, record->name);
    fleet_take_record(driver->fleet, cluster, record);
    cluster->due_ms = driver->now_ms;
    return true;
}

/* All that is recorded and, offline, all that was seen last. */
static bool take_known(struct driver *driver, struct err *err)
{
    if (driver->parts.store != NULL &&
        !store_record_each(driver->parts.store, take_record, driver, err)) {
        return false;
    }
    return !driver->config.offline || driver_load_sightings(driver, err);
}

static bool take_one(struct driver *driver, const char *name, struct err *err)
{
    struct cluster *cluster = fleet_get(driver->fleet, name);
    const struct entry *entry = catalogue_find(driver->parts.catalogue, name);
    cluster->due_ms = driver->now_ms;
    if (entry != NULL) fleet_take_entry(driver->fleet, cluster, entry, driver->now_ms);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct record record;
    bool found = false;
    if (!driver_record(driver, name, &arena, &record, &found)) return true; /* reported */
    if (found) fleet_take_record(driver->fleet, cluster, &record);
    return driver_load_sightings_of(driver, cluster, err);
}

static bool take_wanted(struct driver *driver, struct err *err)
{
    void *ctx = driver->config.ctx;
    size_t len = 0;
    const struct entry *entries = catalogue_entries(driver->parts.catalogue, &len);
    for (size_t i = 0; i < len; i++) {
        bool wanted = driver->config.is_wanted(ctx, entries[i].name, &entries[i].whole);
        if (wanted && !take_one(driver, entries[i].name, err)) return false;
    }
    const char *name = NULL;
    for (size_t i = 0; (name = driver->config.wanted_more(ctx, i)) != NULL; i++) {
        if (!take_one(driver, name, err)) return false;
    }
    return true;
}

/* A plan takes the fleet in here, when it is known how much of it has to be looked at. */
static bool take_fleet(struct driver *driver, struct err *err)
{
    bool first = !driver->has_scanned;
    driver->has_scanned = true;
    if (driver->config.selects != NULL && driver->config.selects(driver->config.ctx)) {
        return take_wanted(driver, err);
    }
    if (first && driver->config.mode == DRIVER_PLAN && !take_known(driver, err)) return false;
    fleet_take_catalogue(driver->fleet, driver->parts.catalogue, driver->now_ms);
    for (struct cluster *c = fleet_first(driver->fleet); c != NULL; c = fleet_next(c)) {
        if (!c->is_desired) driver_due(c, driver->now_ms);
    }
    return true;
}

static void scan_failed(struct driver *driver, const struct err *err)
{
    driver_trouble(driver, NULL, err);
    driver->policy.prune_allowed = driver->config.allow_empty;
    driver->scan_due_ms = driver->now_ms + RESCAN_AFTER_FAILURE_MS;
    driver_finish(driver, err);
}

static void scan(struct driver *driver)
{
    driver->scan_due_ms = NEVER;
    AUTO(diag_destroy) struct diag *diag = diag_create();
    struct err err;
    if (!catalogue_scan(driver->parts.catalogue, diag, &err)) {
        scan_failed(driver, &err);
        return;
    }
    size_t len = 0;
    (void)catalogue_entries(driver->parts.catalogue, &len);
    bool readable = catalogue_is_complete(driver->parts.catalogue) && len > 0;
    driver->policy.prune_allowed = readable || driver->config.allow_empty;
    if (driver->config.scanned != NULL) driver->config.scanned(driver->config.ctx, diag);
    if (!take_fleet(driver, &err)) {
        scan_failed(driver, &err);
        return;
    }
    driver_notice(driver, &(struct notice){ .kind = NOTICE_SCANNED, .number = (int64_t)len });
}

static bool may_consider(const struct driver *driver)
{
    bool has_seen = driver->config.offline || driver->listed_wall_ms != 0;
    bool is_paused = driver->paused_until_ms > driver->now_ms;
    return driver->has_scanned && has_seen && !is_paused && !driver->store_failed &&
           !driver->is_stopping;
}

/* Many clusters on their way are looked at by a listing, which serves also those whose time has not
 * come yet; a few are asked for one by one. */
static bool prefer_listing(const struct driver *driver)
{
    size_t waiting = 0;
    bool is_due = false;
    for (struct cluster *c = fleet_first(driver->fleet); c != NULL; c = fleet_next(c)) {
        if (!c->is_stale) continue;
        waiting++;
        if (c->flight == NULL && c->due_ms <= driver->now_ms) is_due = true;
    }
    /* Listings that fail have a pace of their own. */
    return is_due && waiting > LOOKS_BEFORE_LISTING && driver->listing.failures == 0;
}

static void consider_due(struct driver *driver)
{
    if (!may_consider(driver)) return;
    if (prefer_listing(driver)) driver_list(driver);
    unsigned considered = 0;
    struct cluster *next = NULL;
    for (struct cluster *c = fleet_first(driver->fleet); c != NULL; c = next) {
        next = fleet_next(c);
        if (!may_consider(driver) || driver->steps >= driver->config.steps_max) return;
        if (c->flight != NULL || c->due_ms > driver->now_ms) continue;
        if (considered++ == CONSIDER_PER_TURN_MAX) return;
        driver_consider(driver, c, NULL);
    }
}

static void conclude_flights(struct driver *driver)
{
    struct flight **at = &driver->flights;
    struct flight *done = NULL;
    while (*at != NULL) {
        struct flight *flight = *at;
        if (!flight->is_done) {
            at = &flight->next;
            continue;
        }
        *at = flight->next;
        flight->next = done;
        done = flight;
    }
    while (done != NULL) {
        struct flight *flight = done;
        done = flight->next;
        flight->cluster->flight = NULL;
        if (flight->kind == FLIGHT_STEP) driver_step_ended(driver, flight);
        if (flight->kind == FLIGHT_LOOK && driver_look_ended(driver, flight)) {
            driver_consider(driver, flight->cluster, flight);
        }
        if (flight->kind == FLIGHT_CHECK) driver_due(flight->cluster, driver->now_ms);
        driver_flight_destroy(driver, flight);
    }
}

/* ---- the end ---- */

/* PLAN and APPLY: there is nothing left to do, or nothing but to wait. */
static bool is_complete(struct driver *driver)
{
    bool is_busy = driver->listing.is_running || driver_nodes_pending(driver);
    if (!may_consider(driver) || is_busy || driver->flights != NULL) return false;
    for (struct cluster *c = fleet_first(driver->fleet); c != NULL; c = fleet_next(c)) {
        /* What a registry says no to is not waited for: somebody has to push, or to mend. */
        bool waits = (!driver->config.wait && c->held == HOLD_WAIT) || c->held == HOLD_BLOCKED;
        bool only_waits = waits && c->due_ms > driver->now_ms;
        if (c->due_ms != NEVER && !only_waits) return false;
    }
    return true;
}

static void check_end(struct driver *driver)
{
    if (driver->config.mode == DRIVER_RUN || driver->is_finished) return;
    int64_t timeout_ms = driver->config.timeout_ms;
    bool is_late = timeout_ms > 0 && driver->now_ms - driver->started_ms >= timeout_ms;
    if (is_complete(driver) || is_late) driver_finish(driver, NULL);
}

static int64_t next_wake(struct driver *driver)
{
    int64_t wake_ms = NEVER;
    if (driver->is_stopping) return wake_ms;
    if (driver->paused_until_ms > driver->now_ms) wake_ms = driver->paused_until_ms;
    if (driver->scan_due_ms < wake_ms) wake_ms = driver->scan_due_ms;
    if (!driver->listing.is_running && driver->list_due_ms < wake_ms) wake_ms = driver->list_due_ms;
    if (driver->config.mode == DRIVER_APPLY && driver->config.timeout_ms > 0) {
        int64_t late_ms = driver->started_ms + driver->config.timeout_ms;
        if (late_ms < wake_ms) wake_ms = late_ms;
    }
    if (!may_consider(driver) || driver->steps >= driver->config.steps_max) return wake_ms;
    for (struct cluster *c = fleet_first(driver->fleet); c != NULL; c = fleet_next(c)) {
        if (c->flight == NULL && c->due_ms < wake_ms) wake_ms = c->due_ms;
    }
    return wake_ms;
}

/* ---- the face ---- */

struct driver *driver_create(const struct driver_parts *parts, const struct driver_config *config)
{
    struct driver *driver = xcalloc(1, sizeof(*driver));
    driver->parts = *parts;
    driver->config = *config;
    driver->policy = (struct policy){
        .owner = config->owner,
        .launch_timeout_ms = config->launch_timeout_ms,
        .create_grace_ms = config->create_grace_ms,
        .poll_ms = config->poll_ms,
        .prune_unclaimed = config->prune_unclaimed,
    };
    prng_init(&driver->prng, parts->port->random(parts->port->ctx));
    driver->fleet = fleet_create();
    driver->images = images_create();
    driver->scan_due_ms = driver->list_due_ms = NEVER;
    return driver;
}

/* Answers that no turn has taken in: dropped, as a kill drops them. */
static void drop_flights(struct driver *driver)
{
    while (driver->flights != NULL) {
        struct flight *flight = driver->flights;
        assert(flight->is_done || (flight->kind == FLIGHT_STEP && !flight->is_sent));
        driver->flights = flight->next;
        driver_flight_destroy(driver, flight);
    }
}

void driver_destroy(struct driver *driver)
{
    if (driver == NULL) return;
    assert(!driver->listing.is_running || driver->listing.is_done);
    drop_flights(driver);
    fleet_destroy(driver->fleet);
    images_destroy(driver->images);
    driver_nodes_release(driver);
    arena_release(&driver->scratch);
    buf_release(&driver->listing.reply);
    xfree(driver->listing.token);
    xfree(driver->me);
    xfree(driver);
}

bool driver_start(struct driver *driver, struct err *err)
{
    const struct port *port = driver->parts.port;
    driver->now_ms = driver->started_ms = port->now_ms(port->ctx);
    driver->wall_ms = port->wall_ms(port->ctx);
    if (driver->config.mode != DRIVER_PLAN &&
        (!driver_recover(driver, err) || !take_known(driver, err))) {
        return false;
    }
    driver->scan_due_ms = driver->now_ms;
    driver->list_due_ms = driver->config.offline ? NEVER : driver->now_ms;
    return true;
}

/* After a commit that failed: what was asked for meanwhile may have had its effect. */
static void recover(struct driver *driver)
{
    bool is_paused = driver->paused_until_ms > driver->now_ms;
    if (!driver->recover_due || is_paused || driver->config.mode == DRIVER_PLAN) return;
    struct err err;
    driver->recover_due = false;
    if (!driver_recover(driver, &err)) driver_store_failed(driver, &err);
}

/* Answers of registries come in here, some at once: what they were for goes on in the next turn. */
static int64_t turn_registry(struct driver *driver)
{
    if (driver->parts.registry == NULL) return NEVER;
    int64_t wake_ms = registry_turn(driver->parts.registry);
    for (struct flight *flight = driver->flights; flight != NULL; flight = flight->next) {
        if (flight->kind == FLIGHT_CHECK && flight->is_done) return driver->now_ms;
    }
    return wake_ms;
}

void driver_turn(struct driver *driver)
{
    const struct port *port = driver->parts.port;
    driver->now_ms = port->now_ms(port->ctx);
    driver->wall_ms = port->wall_ms(port->ctx);
    recover(driver);
    conclude_flights(driver);
    driver_listing_turn(driver);
    driver_nodes_turn(driver);
    if (!driver->is_stopping && driver->list_due_ms <= driver->now_ms) {
        driver_list(driver);
        driver->scan_due_ms = driver->now_ms; /* a secret may have changed outside of the tree */
    }
    if (!driver->is_stopping && driver->scan_due_ms <= driver->now_ms) scan(driver);
    consider_due(driver);
    commit(driver);
    int64_t wake_ms = driver->parts.client == NULL ? NEVER : client_turn(driver->parts.client);
    int64_t registry_ms = turn_registry(driver);
    if (registry_ms < wake_ms) wake_ms = registry_ms;
    check_end(driver);
    int64_t own_ms = next_wake(driver);
    port->wake_at(port->ctx, own_ms < wake_ms ? own_ms : wake_ms);
}

void driver_rescan(struct driver *driver)
{
    driver->scan_due_ms = driver->parts.port->now_ms(driver->parts.port->ctx);
}

void driver_reconcile(struct driver *driver)
{
    driver_rescan(driver);
    driver_forget_images(driver);
    driver->list_due_ms = driver->scan_due_ms;
}

void driver_stop(struct driver *driver)
{
    driver->is_stopping = true;
}

bool driver_is_idle(const struct driver *driver)
{
    return driver->flights == NULL && !driver->listing.is_running && !driver_nodes_pending(driver);
}

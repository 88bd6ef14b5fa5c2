/*
 * How the driver sees the workspace: a listing page by page, single questions, and what the cache
 * holds of both. A row of a listing that began before a step of its cluster ended is older than
 * what is known, and is passed over.
 */
#include "driver_private.h"

#include "backoff.h"
#include "json.h"
#include "text.h"

enum {
    OBSERVED_JSON_MAX = 4 * 1024 * 1024,
    REPLY_MAX = 64 * 1024 * 1024,
    RETRY_BASE_MS = 2000,
    RETRY_MAX_MS = 300000,
    JITTER_PERCENT = 10,
};

static void cache_failed(struct driver *driver, const struct err *err)
{
    /* The cache only makes things quick; without it a row is asked for again. */
    driver_trouble(driver, NULL, err);
}

/* ---- the cache ---- */

static bool cached_row(struct driver *driver, const char *cluster_id, struct arena *arena,
                       struct sighting *ret_sighting)
{
    bool found = false;
    struct err err;
    if (cache_get(driver->parts.cache, cluster_id, arena, ret_sighting, &found, &err)) return found;
    cache_failed(driver, &err);
    return false;
}

static bool read_row(const struct sighting *sighting, struct arena *arena,
                     struct observed *ret_observed)
{
    struct err ignored;
    return codec_cluster(arena, sighting->json, strlen(sighting->json), ret_observed, &ignored);
}

static bool cached(struct driver *driver, const char *cluster_id, struct arena *arena,
                   struct observed *ret_observed)
{
    struct sighting sighting;
    return cached_row(driver, cluster_id, arena, &sighting) &&
           read_row(&sighting, arena, ret_observed);
}

/* What was submitted is not in a listing; it is still true while the definition is the same. */
static void keep_submitted(struct observed *observed, const struct sighting *sighting,
                           struct arena *arena)
{
    struct observed before;
    if (!read_row(sighting, arena, &before) || before.submitted == NULL) return;
    struct digest then = codec_observed_digest(&before);
    struct digest now = codec_observed_digest(observed);
    if (digest_equal(&then, &now)) observed->submitted = before.submitted;
}

/* Digest of the row as a listing shows it. */
static struct digest row_digest(const struct observed *observed)
{
    struct observed listed = *observed;
    listed.submitted = NULL;
    AUTO_BUF struct buf json = BUF_INIT(OBSERVED_JSON_MAX);
    codec_observed_write(&listed, &json);
    return digest_of(buf_text(&json), json.len);
}

/* The row is in the cache as it is. */
static void keep(struct driver *driver, const char *cluster_id)
{
    struct err err;
    if (!cache_keep(driver->parts.cache, cluster_id, &err)) cache_failed(driver, &err);
}

static void remember(struct driver *driver, struct observed *observed, struct arena *arena,
                     const struct digest *digest)
{
    struct sighting before;
    bool is_listed = observed->submitted == NULL;
    if (is_listed && cached_row(driver, observed->id, arena, &before)) {
        if (digest_equal(&before.digest, digest)) {
            keep(driver, observed->id);
            return;
        }
        keep_submitted(observed, &before, arena);
    }
    AUTO_BUF struct buf json = BUF_INIT(OBSERVED_JSON_MAX);
    codec_observed_write(observed, &json);
    struct err err;
    bool is_ours = text_equal(observed->owner, driver->config.owner);
    struct sighting sighting = { .cluster_id = observed->id,
                                 .json = buf_text(&json),
                                 .name = is_ours ? observed->name : NULL,
                                 .digest = *digest };
    if (!cache_put(driver->parts.cache, &sighting, &err)) cache_failed(driver, &err);
}

/* ---- the listing ---- */

static void on_page(struct client_call *call)
{
    struct listing *listing = call->ctx;
    listing->is_done = true;
    listing->ok = call->ok;
    if (!call->ok) listing->err = call->err;
    if (call->ok) (void)buf_add(&listing->reply, call->reply, call->reply_len);
}

static void ask_page(struct driver *driver)
{
    struct listing *listing = &driver->listing;
    listing->is_done = false;
    buf_clear(&listing->reply);
    bool ask_me = driver->me == NULL && driver->config.mode != DRIVER_PLAN;
    listing->call = (struct client_call){
        .api = ask_me ? API_ME : API_LIST,
        .token = listing->token,
        .body = BUF_INIT(0),
        .done = on_page,
        .ctx = listing,
    };
    client_submit(driver->parts.client, &listing->call);
}

void driver_list(struct driver *driver)
{
    struct listing *listing = &driver->listing;
    if (listing->is_running || driver->config.offline) return;
    struct err err;
    if (!cache_listing_begin(driver->parts.cache, &err)) cache_failed(driver, &err);
    listing->driver = driver;
    listing->is_running = true;
    listing->number++;
    listing->began_ms = driver->now_ms;
    listing->began_wall_ms = driver->wall_ms;
    listing->seen = 0;
    listing->reply.max = REPLY_MAX;
    driver->list_due_ms = INT64_MAX;
    ask_page(driver);
}

/* Whose it is: by its ID, or by our tags; NULL: it is none of ours. */
static struct cluster *claimant(struct driver *driver, const struct observed *observed)
{
    struct cluster *cluster = fleet_find_id(driver->fleet, observed->id);
    if (cluster != NULL) return cluster;
    if (!text_equal(observed->owner, driver->config.owner) || observed->name == NULL) return NULL;
    return fleet_get(driver->fleet, observed->name);
}

static void take_row(struct driver *driver, struct observed *observed, struct arena *arena)
{
    struct cluster *cluster = claimant(driver, observed);
    if (cluster == NULL) return;
    bool is_old = cluster->touched_ms != 0 && cluster->touched_ms >= driver->listing.began_ms;
    if (is_old || cluster->flight != NULL) {
        MARK(old_row_passed_over);
        /* Seen all the same: it is not missing. */
        keep(driver, observed->id);
        for (size_t i = 0; i < cluster->sighted_len; i++) {
            if (strcmp(cluster->sighted[i].cluster_id, observed->id) == 0) {
                cluster->sighted[i].listing = driver->listing.number;
            }
        }
        return;
    }
    struct digest digest = row_digest(observed);
    bool changed =
        fleet_take_sighting(driver->fleet, cluster, observed->id, &digest, driver->listing.number);
    const char *asked = fleet_stale_id(cluster);
    bool is_answer = cluster->is_stale && (asked == NULL || strcmp(asked, observed->id) == 0);
    if (is_answer) cluster->is_stale = false;
    if (changed) {
        remember(driver, observed, arena, &digest);
    } else {
        keep(driver, observed->id);
    }
    /* Who waited for this listing goes on, also when it shows nothing new. */
    if (changed || is_answer) driver_due(cluster, driver->now_ms);
}

/* What the listing did not show is asked for by its ID before anything is concluded from that. */
static void mark_missing(struct driver *driver)
{
    const struct listing *listing = &driver->listing;
    for (struct cluster *c = fleet_first(driver->fleet); c != NULL; c = fleet_next(c)) {
        bool is_newer = c->touched_ms != 0 && c->touched_ms >= listing->began_ms;
        for (size_t i = c->sighted_len; i > 0; i--) {
            if (c->sighted[i - 1].listing == listing->number || is_newer) continue;
            fleet_drop_sighting(driver->fleet, c->sighted[i - 1].cluster_id);
            c->is_quiet = false;
            driver_due(c, driver->now_ms);
        }
        c->listing_new = !is_newer;
        if (c->held == HOLD_FOREIGN) {
            /* What is to be adopted is not in the index: whether it can be now, only it can tell.
             */
            c->is_quiet = false;
            driver_due(c, driver->now_ms);
        }
        if (c->is_stale || c->phase == PHASE_UNKNOWN || c->phase == PHASE_CREATING) {
            driver_due(c, driver->now_ms);
        }
        if (c->cluster_id != NULL && c->sighted_len == 0 && !is_newer) {
            driver_due(c, driver->now_ms);
        }
    }
}

static int64_t jittered(struct driver *driver, int64_t ms)
{
    int64_t spread = ms * JITTER_PERCENT / 100;
    if (spread <= 0) return ms;
    return ms - spread + (int64_t)prng_below(&driver->prng, (uint64_t)(2 * spread + 1));
}

static void listing_ended(struct driver *driver, bool complete)
{
    struct listing *listing = &driver->listing;
    listing->is_running = false;
    xfree(listing->token);
    listing->token = NULL;
    buf_release(&listing->reply);
    struct err err;
    if (!cache_listing_end(driver->parts.cache, complete, listing->began_wall_ms, &err)) {
        cache_failed(driver, &err);
    }
    if (!complete) return;
    listing->failures = 0;
    driver->listed_wall_ms = listing->began_wall_ms;
    mark_missing(driver);
    if (driver->config.mode == DRIVER_RUN) {
        int64_t next_ms = driver->now_ms + jittered(driver, driver->config.interval_ms);
        if (next_ms < driver->list_due_ms) driver->list_due_ms = next_ms;
    }
    driver_notice(driver, &(struct notice){ .kind = NOTICE_LISTED,
                                            .number = (int64_t)listing->seen,
                                            .took_ms = driver->now_ms - listing->began_ms });
}

static void listing_failed(struct driver *driver, const struct err *err)
{
    struct listing *listing = &driver->listing;
    listing_ended(driver, false);
    if (driver->is_stopping) return;
    struct err told = *err;
    err_wrap(&told, "the workspace could not be listed");
    driver_trouble(driver, NULL, &told);
    listing->failures++;
    driver->list_due_ms = driver->now_ms + RETRY_BASE_MS +
                          backoff_ms(listing->failures, RETRY_BASE_MS, RETRY_MAX_MS,
                                     told.retry_after_ms, prng_next(&driver->prng));
    for (struct cluster *c = fleet_first(driver->fleet); c != NULL; c = fleet_next(c)) {
        if (c->is_stale && c->flight == NULL) driver_due(c, driver->list_due_ms);
    }
    /* Once begun, `apply` outlives a workspace that is away for a while; a plan does not wait. */
    bool is_final = err_code_retry(err->code) == RETRY_NEVER;
    if (driver->config.mode == DRIVER_PLAN || is_final || driver->listed_wall_ms == 0) {
        driver_finish(driver, &told);
    }
}

/* Who we are: a check of the credentials, and whom permissions have to leave in control. */
static void take_me(struct driver *driver)
{
    struct listing *listing = &driver->listing;
    bool is_passing = err_code_retry(listing->err.code) != RETRY_NEVER;
    if (!listing->ok && (is_passing || listing->err.code == ERR_AUTH)) {
        listing_failed(driver, &listing->err);
        return;
    }
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *me = "";
    struct err err;
    if (listing->ok &&
        !codec_me(&arena, buf_text(&listing->reply), listing->reply.len, &me, &err)) {
        me = "";
    }
    driver->me = xstrdup(me);
    ask_page(driver);
}

static void take_page(struct driver *driver)
{
    struct listing *listing = &driver->listing;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct page page;
    struct err err = { 0 };
    bool ok = listing->ok && buf_ok(&listing->reply, "an answer", &err) &&
              codec_page(&arena, buf_text(&listing->reply), listing->reply.len, &page, &err);
    if (!ok) {
        if (listing->ok) (void)err_wrap(&err, "%s", api_name(API_LIST));
        if (!listing->ok) err = listing->err;
        listing_failed(driver, &err);
        return;
    }
    for (size_t i = 0; i < page.len; i++) {
        take_row(driver, &page.clusters[i], &arena);
    }
    listing->seen += page.len;
    xfree(listing->token);
    listing->token = page.next_token == NULL ? NULL : xstrdup(page.next_token);
    if (listing->token == NULL) {
        listing_ended(driver, true);
    } else {
        ask_page(driver);
    }
}

void driver_listing_turn(struct driver *driver)
{
    struct listing *listing = &driver->listing;
    if (!listing->is_running || !listing->is_done) return;
    if (driver->is_stopping) {
        listing_ended(driver, false);
        return;
    }
    if (listing->call.api == API_ME) {
        take_me(driver);
    } else {
        take_page(driver);
    }
}

/* ---- single questions ---- */

void driver_look(struct driver *driver, struct cluster *cluster, const char *cluster_id)
{
    struct flight *flight = driver_flight(driver, cluster, FLIGHT_LOOK);
    flight->target_id = xstrdup(cluster_id);
    flight->call.api = API_GET;
    flight->call.id = flight->target_id;
    client_submit(driver->parts.client, &flight->call);
}

static void look_failed(struct driver *driver, struct flight *flight)
{
    struct cluster *cluster = flight->cluster;
    cluster->tries++;
    cluster->held = HOLD_BACKOFF;
    cluster->due_ms = driver->now_ms + RETRY_BASE_MS +
                      backoff_ms(cluster->tries, RETRY_BASE_MS, RETRY_MAX_MS,
                                 flight->err.retry_after_ms, prng_next(&driver->prng));
    if (driver->is_stopping) return;
    driver_trouble(driver, cluster->name, &flight->err);
    if (driver->config.mode == DRIVER_PLAN) driver_finish(driver, &flight->err);
}

bool driver_look_ended(struct driver *driver, struct flight *flight)
{
    struct cluster *cluster = flight->cluster;
    if (!flight->ok && flight->err.code == ERR_NOT_FOUND) {
        struct err err;
        if (!cache_drop(driver->parts.cache, flight->target_id, &err)) cache_failed(driver, &err);
        fleet_drop_sighting(driver->fleet, flight->target_id);
    } else if (!flight->ok) {
        look_failed(driver, flight);
        return false;
    } else if (!codec_cluster(&flight->arena, buf_text(&flight->reply), flight->reply.len,
                              &flight->observed, &flight->err)) {
        (void)err_wrap(&flight->err, "%s", api_name(API_GET));
        look_failed(driver, flight);
        return false;
    } else {
        struct observed observed = flight->observed;
        struct digest digest = row_digest(&observed);
        (void)fleet_take_sighting(driver->fleet, cluster, observed.id, &digest,
                                  driver->listing.number);
        remember(driver, &observed, &flight->arena, &digest);
    }
    cluster->tries = 0;
    cluster->is_stale = false;
    return !driver->is_stopping;
}

/* ---- what is known ---- */

/* Offline, and never seen: what is recorded is taken for what is. */
static void assume(struct driver *driver, const struct cluster *cluster, struct arena *arena,
                   struct observed *ret_observed, bool *ret_found)
{
    struct record record;
    const struct value *applied = NULL;
    struct err err;
    *ret_found = false;
    bool found = false;
    if (!driver_record(driver, cluster->name, arena, &record, &found) || !found) return;
    if (record.cluster_id == NULL || record.applied_spec == NULL) return;
    if (!json_read(arena, record.applied_spec, strlen(record.applied_spec), &applied, &err)) return;
    *ret_observed = (struct observed){
        .id = record.cluster_id,
        .cluster_name = cluster->name,
        .source = "API",
        .state = record.phase == PHASE_FAILED ? CLUSTER_TERMINATED : CLUSTER_RUNNING,
        .state_message = "",
        .effective = applied,
        .submitted = applied,
        .is_fresh = true,
        .owner = driver->config.owner,
        .name = cluster->name,
    };
    *ret_found = true;
}

void driver_seen(struct driver *driver, const struct cluster *cluster, const struct flight *look,
                 struct arena *arena, struct seen *ret_seen)
{
    *ret_seen = (struct seen){ 0 };
    struct observed *all = arena_alloc(arena, (cluster->sighted_len + 1) * sizeof(*all));
    for (size_t i = 0; i < cluster->sighted_len; i++) {
        struct observed *at = &all[ret_seen->len];
        const char *id = cluster->sighted[i].cluster_id;
        bool fresh = look != NULL && look->ok && strcmp(look->target_id, id) == 0;
        if (fresh) {
            *at = look->observed;
            at->is_fresh = true;
        } else if (!cached(driver, id, arena, at)) {
            continue;
        }
        if (driver->config.offline) at->is_fresh = true;
        ret_seen->len++;
    }
    if (driver->config.offline && ret_seen->len == 0) {
        bool found = false;
        assume(driver, cluster, arena, &all[0], &found);
        ret_seen->len = found ? 1 : 0;
    }
    if (look != NULL && !look->ok && look->err.code == ERR_NOT_FOUND) {
        ret_seen->gone_ids[ret_seen->gone_len++] = arena_strdup(arena, look->target_id);
    }
    ret_seen->clusters = all;
}

static bool take_cached(void *ctx, const struct sighting *sighting)
{
    struct driver *driver = ctx;
    struct cluster *cluster = fleet_find_id(driver->fleet, sighting->cluster_id);
    if (cluster == NULL && sighting->name != NULL) {
        cluster = fleet_get(driver->fleet, sighting->name);
    }
    if (cluster == NULL) return true;
    (void)fleet_take_sighting(driver->fleet, cluster, sighting->cluster_id, &sighting->digest, 0);
    return true;
}

bool driver_load_sightings(struct driver *driver, struct err *err)
{
    return cache_each(driver->parts.cache, take_cached, driver, err);
}

bool driver_load_sightings_of(struct driver *driver, const struct cluster *cluster, struct err *err)
{
    const char *const recorded[] = { cluster->cluster_id, cluster->predecessor_id };
    for (size_t i = 0; i < COUNT_OF(recorded); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct sighting sighting;
        bool found = false;
        if (recorded[i] == NULL) continue;
        if (!cache_get(driver->parts.cache, recorded[i], &arena, &sighting, &found, err)) {
            return false;
        }
        if (found) (void)take_cached(driver, &sighting);
    }
    return cache_each_of(driver->parts.cache, cluster->name, take_cached, driver, err);
}

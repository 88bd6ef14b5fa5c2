/*
 * The calls that change something: journaled, committed, sent; concluded when the answer comes.
 */
#include "driver_private.h"

#include "json.h"
#include "text.h"

#include <assert.h>

enum {
    BODY_MAX = 10 * 1000 * 1000,
    REPLY_MAX = 1024 * 1024,
    HIDDEN_MIN = 6, /* a shorter secret would make stars of ordinary words */
};

static const enum api apis[STEP_COUNT] = {
    [STEP_LOOK] = API_GET,
    [STEP_UPLOAD] = API_IMPORT_FILE,
    [STEP_CREATE] = API_CREATE,
    [STEP_EDIT] = API_EDIT,
    [STEP_RESIZE] = API_RESIZE,
    [STEP_START] = API_START,
    [STEP_TERMINATE] = API_TERMINATE,
    [STEP_DELETE] = API_DELETE,
    [STEP_PIN] = API_PIN,
    [STEP_UNPIN] = API_UNPIN,
    [STEP_PERMIT] = API_PERMISSIONS_PUT,
    [STEP_INSTALL] = API_INSTALL,
    [STEP_UNINSTALL] = API_UNINSTALL,
};

/* ---- secrets ---- */

/* As secrets_reveal. What was revealed is kept until the answer: an error may quote it. */
static bool reveal(void *ctx, const struct value *secret, struct buf *out, struct err *err)
{
    struct flight *flight = ctx;
    size_t before = out->len;
    if (!secrets_reveal(flight->driver->parts.secrets, secret, out, err)) return false;
    buf_adds(&flight->revealed, buf_text(out) + before);
    buf_addc(&flight->revealed, '\0');
    return true;
}

/* Stars for the secret wherever it is in the text, also where the text ends in the midst of it. */
static void hide(char *text, const char *secret)
{
    while (*text != '\0') {
        size_t same = 0;
        while (secret[same] != '\0' && text[same] == secret[same]) {
            same++;
        }
        if (same >= HIDDEN_MIN) memset(text, '*', same);
        text += same >= HIDDEN_MIN ? same : 1;
    }
}

static void hide_revealed(struct flight *flight)
{
    const char *at = buf_text(&flight->revealed);
    const char *end = at + flight->revealed.len;
    for (; at < end; at += strlen(at) + 1) {
        hide(flight->err.text, at);
    }
}

/* ---- flights ---- */

void driver_flight_destroy(struct driver *driver, struct flight *flight)
{
    if (flight->kind == FLIGHT_STEP) driver->steps--;
    driver_check_destroy(flight->check);
    buf_wipe(&flight->call.body);
    buf_wipe(&flight->revealed);
    buf_release(&flight->reply);
    buf_release(&flight->upload);
    arena_release(&flight->arena);
    xfree(flight->target_id);
    xfree(flight->carried);
    xfree(flight->path);
    xfree(flight);
}

static void on_answer(struct client_call *call)
{
    struct flight *flight = call->ctx;
    flight->is_done = true;
    flight->ok = call->ok;
    if (!call->ok) {
        flight->err = call->err;
        hide_revealed(flight);
    }
    if (call->ok) (void)buf_add(&flight->reply, call->reply, call->reply_len);
}

struct flight *driver_flight(struct driver *driver, struct cluster *cluster, enum flight_kind kind)
{
    assert(cluster->flight == NULL);
    struct flight *flight = xcalloc(1, sizeof(*flight));
    flight->driver = driver;
    flight->cluster = cluster;
    flight->kind = kind;
    flight->began_ms = driver->now_ms;
    flight->reply = BUF_INIT(REPLY_MAX);
    flight->upload = BUF_INIT(BODY_MAX);
    flight->call.body = BUF_INIT(BODY_MAX);
    flight->revealed = BUF_INIT(BODY_MAX);
    flight->call.done = on_answer;
    flight->call.ctx = flight;
    flight->next = driver->flights;
    driver->flights = flight;
    cluster->flight = flight;
    return flight;
}

/* ---- bodies ---- */

/* A local script as it is now; it must be the one that the manifest was read with. */
static bool read_script(struct driver *driver, const struct script *script, struct flight *flight,
                        struct err *err)
{
    const struct files *files = driver->parts.files;
    AUTO_BUF struct buf path = BUF_INIT(4096);
    buf_addf(&path, "%s/%s", driver->parts.root, script->source);
    if (!files->read(files->ctx, buf_text(&path), &flight->upload, NULL, err)) {
        return err_wrap(err, "local init script");
    }
    struct digest digest = digest_of(buf_text(&flight->upload), flight->upload.len);
    if (!digest_equal(&digest, &script->digest)) {
        MARK(script_changed_while_read);
        return err_set(err, ERR_IO, "%s changed while it was read; looking again", script->source);
    }
    flight->path = xstrdup(script->destination);
    flight->call.api = API_MKDIRS; /* the script follows once its directory is there */
    const char *slash = strrchr(flight->path, '/');
    AUTO_BUF struct buf directory = BUF_INIT(4096);
    buf_add(&directory, flight->path, (size_t)(slash - flight->path));
    codec_body_mkdirs(buf_text(&directory), &flight->call.body);
    return true;
}

static bool make_body(struct driver *driver, const struct manifest *desired,
                      const struct decision *decision, struct flight *flight, struct err *err)
{
    struct buf *body = &flight->call.body;
    const char *id = decision->target_id;
    switch ((int)decision->step) {
    case STEP_UPLOAD:
        return read_script(driver, &desired->scripts[decision->script], flight, err);
    case STEP_CREATE:
    case STEP_EDIT:
    case STEP_RESIZE:
        return codec_body_spec(id, decision->spec, reveal, flight, body, err);
    case STEP_PERMIT:
        codec_body_permissions(decision->payload, text_equal(driver->me, "") ? NULL : driver->me,
                               body);
        break;
    case STEP_INSTALL:
    case STEP_UNINSTALL:
        codec_body_libraries(id, decision->payload, body);
        break;
    default:
        codec_body_id(id, body);
        break;
    }
    return buf_ok(body, "a request", err);
}

/* ---- begin ---- */

static void unlink_flight(struct driver *driver, struct flight *flight)
{
    struct flight **at = &driver->flights;
    while (*at != flight) {
        at = &(*at)->next;
    }
    *at = flight->next;
    flight->cluster->flight = NULL;
    driver_flight_destroy(driver, flight);
}

/* A step that cannot even be asked for: a secret that is gone, a request that is too large. */
static void step_unsent(struct driver *driver, struct flight *flight, const struct record *record,
                        const struct err *err)
{
    struct outcome outcome = { .step = flight->step, .err = *err, .target_id = flight->target_id };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct record after;
    struct err store_err;
    conclude(&arena, record, &outcome, driver->wall_ms, prng_next(&driver->prng), &after);
    struct cluster *cluster = flight->cluster;
    if (!store_record_put(driver->parts.store, &after, &store_err)) {
        driver_store_failed(driver, &store_err);
    }
    fleet_take_record(driver->fleet, cluster, &after);
    driver_notice(driver, &(struct notice){ .kind = NOTICE_FAILED,
                                            .name = cluster->name,
                                            .step = flight->step,
                                            .text = err->text });
    driver_due(cluster, driver->now_ms);
    unlink_flight(driver, flight);
}

void driver_begin_step(struct driver *driver, struct cluster *cluster,
                       const struct manifest *desired, const struct decision *decision)
{
    if (!driver_write(driver)) return;
    struct flight *flight = driver_flight(driver, cluster, FLIGHT_STEP);
    driver->steps++;
    flight->step = decision->step;
    flight->action = decision->action;
    flight->target_id = decision->target_id == NULL ? NULL : xstrdup(decision->target_id);
    flight->carried = decision->carried == NULL ? NULL : xstrdup(decision->carried);
    flight->was_live = decision->current != NULL && cluster_is_live(decision->current->state);
    flight->call.api = apis[decision->step];
    struct err err;
    struct record record = decision->record;
    record.updated_ms = driver->wall_ms;
    if (!make_body(driver, desired, decision, flight, &err)) {
        step_unsent(driver, flight, &record, &err);
        return;
    }
    struct intent intent = {
        .name = cluster->name,
        .step = decision->step,
        .cluster_id = decision->target_id,
        .operation =
            decision->step == STEP_CREATE || decision->step == STEP_EDIT ? record.operation : NULL,
        .why = decision->why,
        .at_ms = driver->wall_ms,
    };
    if (!store_record_put(driver->parts.store, &record, &err) ||
        !store_intend(driver->parts.store, &intent, &err)) {
        driver_store_failed(driver, &err);
        return;
    }
    flight->intent_id = intent.id;
    fleet_take_record(driver->fleet, cluster, &record);
    cluster->touched_ms = driver->now_ms;
    cluster->due_ms = INT64_MAX;
    cluster->held = HOLD_NONE;
    fleet_settle(driver->fleet, cluster, false);
    driver_notice(driver, &(struct notice){ .kind = NOTICE_BEGUN,
                                            .name = cluster->name,
                                            .cluster_id = decision->target_id,
                                            .step = decision->step,
                                            .action = decision->action,
                                            .text = decision->why });
}

void driver_send(struct driver *driver)
{
    for (struct flight *flight = driver->flights; flight != NULL; flight = flight->next) {
        if (flight->kind != FLIGHT_STEP || flight->is_sent) continue;
        flight->is_sent = true;
        bool names_path = flight->call.api == API_IMPORT_FILE;
        flight->call.id = names_path ? flight->path : flight->target_id;
        client_submit(driver->parts.client, &flight->call);
    }
}

void driver_unsend(struct driver *driver)
{
    struct flight *next = NULL;
    for (struct flight *flight = driver->flights; flight != NULL; flight = next) {
        next = flight->next;
        if (flight->kind != FLIGHT_STEP || flight->is_sent) continue;
        flight->cluster->due_ms = driver->paused_until_ms;
        unlink_flight(driver, flight);
    }
}

/* ---- end ---- */

/* The directory is there: now the script itself. */
static bool upload_goes_on(struct driver *driver, struct flight *flight)
{
    if (flight->call.api != API_MKDIRS || !flight->ok || driver->is_stopping) return false;
    struct flight *second = driver_flight(driver, flight->cluster, FLIGHT_STEP);
    driver->steps++;
    second->step = flight->step;
    second->action = flight->action;
    second->intent_id = flight->intent_id;
    second->path = flight->path;
    flight->path = NULL;
    second->call.api = API_IMPORT_FILE;
    second->call.body = flight->upload;
    flight->upload = BUF_INIT(0);
    return true;
}

static bool read_outcome(struct flight *flight, struct arena *arena, struct outcome *ret_outcome)
{
    *ret_outcome = (struct outcome){
        .step = flight->step,
        .ok = flight->ok,
        .target_id = flight->target_id,
        .carried = flight->carried,
        .was_live = flight->was_live,
    };
    if (!flight->ok) ret_outcome->err = flight->err;
    if (flight->ok && flight->step == STEP_CREATE) {
        /* An answer without an ID: there is a cluster, and its tags will lead to it. */
        ret_outcome->ok = codec_created(arena, buf_text(&flight->reply), flight->reply.len,
                                        &ret_outcome->cluster_id, &ret_outcome->err);
    }
    bool half_uploaded = flight->ok && flight->call.api == API_MKDIRS;
    if (half_uploaded) ret_outcome->ok = err_set(&ret_outcome->err, ERR_CANCELLED, "shutting down");
    return ret_outcome->ok;
}

static bool store_outcome(struct driver *driver, struct flight *flight,
                          const struct outcome *outcome, struct arena *arena, struct err *err)
{
    struct store *store = driver->parts.store;
    struct record before;
    struct record after;
    bool found = false;
    if (!store_record_get(store, flight->cluster->name, arena, &before, &found, err)) return false;
    if (found) {
        conclude(arena, &before, outcome, driver->wall_ms, prng_next(&driver->prng), &after);
        if (!store_record_put(store, &after, err)) return false;
        fleet_take_record(driver->fleet, flight->cluster, &after);
    }
    bool uploaded = outcome->ok && outcome->step == STEP_UPLOAD;
    if (uploaded && !store_script_put(store, flight->path, driver->wall_ms, err)) return false;
    const char *id = outcome->cluster_id != NULL ? outcome->cluster_id : outcome->target_id;
    return store_conclude(store, flight->intent_id, driver->wall_ms, id,
                          outcome->ok ? NULL : outcome->err.text, err);
}

void driver_step_ended(struct driver *driver, struct flight *flight)
{
    if (upload_goes_on(driver, flight)) return;
    struct cluster *cluster = flight->cluster;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct outcome outcome;
    struct err err;
    bool ok = read_outcome(flight, &arena, &outcome);
    if (!driver_write(driver)) return;
    if (!store_outcome(driver, flight, &outcome, &arena, &err)) {
        driver_store_failed(driver, &err);
        return;
    }
    if (ok) driver->steps_done++;
    cluster->touched_ms = driver->now_ms;
    fleet_mark_stale(cluster, flight->target_id);
    cluster->is_quiet = false;
    cluster->due_ms = driver->now_ms;
    driver_notice(driver,
                  &(struct notice){ .kind = ok ? NOTICE_DONE : NOTICE_FAILED,
                                    .name = cluster->name,
                                    .cluster_id = outcome.cluster_id != NULL ? outcome.cluster_id
                                                                             : flight->target_id,
                                    .step = flight->step,
                                    .action = flight->action,
                                    .text = ok ? NULL : outcome.err.text,
                                    .took_ms = driver->now_ms - flight->began_ms });
}

/* ---- what a crash has left ---- */

struct leftovers {
    struct arena *arena;
    struct intent *intents;
    size_t len, cap;
};

static bool take_intent(void *ctx, const struct intent *intent)
{
    struct leftovers *left = ctx;
    struct intent copy = *intent;
    copy.name = arena_strdup(left->arena, intent->name);
    copy.cluster_id = arena_strdup(left->arena, intent->cluster_id);
    ARENA_PUSH(left->arena, left->intents, left->len, left->cap, copy);
    return true;
}

static bool recover_one(struct driver *driver, const struct intent *intent, struct arena *arena,
                        struct err *err)
{
    static const char text[] = "its answer was never recorded: clusterkeeper ended before it came";
    struct store *store = driver->parts.store;
    struct outcome outcome = { .step = intent->step, .target_id = intent->cluster_id };
    MARK(intent_left_by_a_crash);
    err_set(&outcome.err, ERR_CANCELLED, "%s", text);
    struct record before;
    bool found = false;
    if (!store_record_get(store, intent->name, arena, &before, &found, err)) return false;
    if (found) {
        struct record after;
        conclude(arena, &before, &outcome, driver->wall_ms, 0, &after);
        /* Being killed is no failure of the cluster's: its next look is due now. */
        after.failures = before.failures;
        after.error = before.error;
        after.retry_at_ms = before.retry_at_ms;
        if (!store_record_put(store, &after, err)) return false;
        struct cluster *cluster = fleet_find(driver->fleet, intent->name);
        if (cluster != NULL) fleet_take_record(driver->fleet, cluster, &after);
    }
    return store_conclude(store, intent->id, driver->wall_ms, intent->cluster_id, text, err);
}

/* The journal knows which of its intents a call is under way for. */
static bool is_under_way(const struct driver *driver, int64_t intent_id)
{
    for (const struct flight *flight = driver->flights; flight != NULL; flight = flight->next) {
        if (flight->kind == FLIGHT_STEP && flight->intent_id == intent_id) return true;
    }
    return false;
}

bool driver_recover(struct driver *driver, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct leftovers left = { .arena = &arena };
    struct store *store = driver->parts.store;
    if (!store_unfinished(store, take_intent, &left, err)) return false;
    if (left.len == 0) return true;
    if (!store_begin(store, err)) return false;
    for (size_t i = 0; i < left.len; i++) {
        if (is_under_way(driver, left.intents[i].id)) continue;
        if (!recover_one(driver, &left.intents[i], &arena, err)) {
            store_rollback(store);
            return false;
        }
    }
    if (store_commit(store, err)) return true;
    store_rollback(store);
    return false;
}

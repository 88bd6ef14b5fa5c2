#include "judge.h"

#include "sim.h"
#include "text.h"

#include <stdio.h>

enum {
    TURNS_HERE_MAX = 400,
    REQUESTS_SLACK = 2000,
    ABSENT_GRACE_MS = 10 * 60 * 1000,
};

void judge_begin(struct sim *sim)
{
    struct judge *judge = &sim->judge;
    struct authors *authors = &sim->authors;
    judge->dockets = xcalloc(authors->len, sizeof(struct docket));
    judge->hour_ms = judge->minute_ms = judge->span_ms = sim->world.now_ms;
    prng_text(&sim->world.prngs[CONCERN_SCENARIO], judge->token, JUDGE_TOKEN_LEN);
    authors->secrets[authors->secrets_len++] = xstrdup(judge->token);
}

void judge_release(struct judge *judge)
{
    xfree(judge->dockets);
    xfree(judge->known);
}

struct known *judge_known(struct judge *judge, const char *id)
{
    for (size_t i = 0; i < judge->known_len; i++) {
        if (strcmp(judge->known[i].id, id) == 0) return &judge->known[i];
    }
    struct known known = { .touched_ms = 0 };
    (void)snprintf(known.id, sizeof(known.id), "%s", id);
    ARR_PUSH(judge->known, judge->known_len, judge->known_cap, known);
    return &judge->known[judge->known_len - 1];
}

void judge_touched(struct sim *sim, const char *id, bool is_copy)
{
    struct known *known = judge_known(&sim->judge, id);
    known->touched_ms = sim->world.now_ms;
    known->is_copy = known->is_copy || is_copy;
}

const char *judge_tag(const struct model_view *view, const char *key)
{
    char renamed[64];
    const struct value *tags = value_get(view->effective, "custom_tags");
    const char *value = value_get_text(tags, key);
    if (value != NULL) return value;
    (void)snprintf(renamed, sizeof(renamed), "x_%s", key);
    return value_get_text(tags, renamed);
}

/* ---- no secret leaves ---- */

static const char *secret_in(const struct sim *sim, const char *text)
{
    for (size_t i = 0; text != NULL && i < sim->authors.secrets_len; i++) {
        if (strstr(text, sim->authors.secrets[i]) != NULL) return sim->authors.secrets[i];
    }
    return NULL;
}

void judge_disk(struct sim *sim)
{
    for (size_t i = 0; i < sim->authors.secrets_len; i++) {
        const char *path = disk_search(&sim->disk, sim->state_path, sim->authors.secrets[i]);
        if (path != NULL) world_break(&sim->world, PROMISE_SECRET, "a secret is in %s", path);
    }
}

/* ---- the process ---- */

void judge_started(struct sim *sim)
{
    struct judge *judge = &sim->judge;
    judge->bucket = (int64_t)2 * sim->scenario.rate * 1000 + REQUESTS_SLACK;
    judge->bucket_ms = sim->world.now_ms;
    judge->is_scan_whole = false;
}

void judge_ended(struct sim *sim)
{
    judge_disk(sim);
}

static void count(struct sim *sim, int64_t *since_ms, int64_t span_ms, unsigned *number,
                  unsigned most, const char *what)
{
    if (sim->world.now_ms - *since_ms >= span_ms) {
        *since_ms = sim->world.now_ms;
        *number = 0;
    }
    if (++*number <= most) return;
    world_break(&sim->world, PROMISE_BOUNDED, "more than %u %s in %lld s", most, what,
                (long long)(span_ms / 1000));
}

/* All of the state's log is on the disk. */
static bool is_log_synced(const struct sim *sim)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s-wal", sim->state_path);
    const struct disk_file *log = disk_find(&sim->disk, path);
    return log != NULL && !log->is_unsynced;
}

static bool take_last(void *ctx, const struct intent *intent)
{
    *(int64_t *)ctx = intent->id;
    return true;
}

/*
 * A turn that fails leaves an end of the log that is not synced and does not count. What was
 * intended before may still be sent, the second call of an upload say: so it is noted.
 */
static void take_intents(struct sim *sim)
{
    struct err err;
    if (sim->faults == NULL || !is_log_synced(sim)) return;
    (void)!store_unfinished(sim->process.store, take_last, &sim->judge.intent_on_disk, &err);
}

void judge_turn(struct sim *sim)
{
    struct judge *judge = &sim->judge;
    unsigned clusters = sim->scenario.clusters;
    if (judge->turn_ms != sim->world.now_ms) {
        judge->turn_ms = sim->world.now_ms;
        judge->turns_here = 0;
    }
    if (++judge->turns_here > TURNS_HERE_MAX) {
        world_break(&sim->world, PROMISE_BOUNDED, "a hot loop: it never rests");
    }
    count(sim, &judge->minute_ms, MINUTES, &judge->turns_minute, 600 + 60 * clusters, "turns");
    take_intents(sim);
}

static void tell(struct sim *sim, const struct notice *notice)
{
    static const char *const events[NOTICE_KIND_COUNT] = {
        [NOTICE_SCANNED] = "scanned",    [NOTICE_LISTED] = "listed",
        [NOTICE_BEGUN] = "step_begun",   [NOTICE_DONE] = "step_done",
        [NOTICE_FAILED] = "step_failed", [NOTICE_FACT] = "noticed",
        [NOTICE_HELD] = "held",          [NOTICE_SETTLED] = "settled",
        [NOTICE_TROUBLE] = "trouble",
    };
    AUTO_BUF struct buf line = BUF_INIT(4096);
    if (!sim->world.is_traced) return;
    buf_addf(&line, "event=%s", events[notice->kind]);
    if (notice->name != NULL) buf_addf(&line, " cluster=%s", notice->name);
    if (notice->step != STEP_NONE) buf_addf(&line, " step=%s", step_name(notice->step));
    if (notice->action != ACTION_NONE) buf_addf(&line, " action=%s", action_name(notice->action));
    if (notice->cluster_id != NULL) buf_addf(&line, " id=%s", notice->cluster_id);
    if (notice->kind == NOTICE_HELD) buf_addf(&line, " hold=%s", hold_name(notice->hold));
    if (notice->text != NULL) buf_addf(&line, " text=\"%s\"", notice->text);
    if (notice->wake_at_ms != 0) {
        char until[TEXT_TIME_SIZE];
        buf_addf(&line, " until=%s", text_from_wall_ms(notice->wake_at_ms, until));
    }
    bool counts = notice->kind == NOTICE_SCANNED || notice->kind == NOTICE_LISTED;
    if (counts) buf_addf(&line, " count=%lld", (long long)notice->number);
    if (notice->took_ms > 0) buf_addf(&line, " took_ms=%lld", (long long)notice->took_ms);
    world_tell(&sim->world, "%s", buf_text(&line));
}

/* The directory was just read: what the authors know of it at this instant. */
static void take_scan(struct sim *sim)
{
    struct judge *judge = &sim->judge;
    judge->is_scan_whole = authors_are_readable(sim);
    for (size_t i = 0; i < sim->authors.len; i++) {
        const struct plot *plot = &sim->authors.plots[i];
        struct docket *docket = &judge->dockets[i];
        docket->is_scanned = plot->exists;
        if (!plot->exists) docket->absent_ms = sim->world.now_ms;
        if (plot->exists && judge->is_scan_whole) docket->read_ms = sim->world.now_ms;
    }
}

/* What the operator is told of a cluster: that it is at rest, or what it waits for. */
static void take_word(struct sim *sim, const struct notice *notice)
{
    const struct plot *plot = authors_find(&sim->authors, notice->name);
    if (plot == NULL) return;
    struct docket *docket = &sim->judge.dockets[plot - sim->authors.plots];
    if (notice->kind == NOTICE_HELD) docket->hold = notice->hold;
    if (notice->kind == NOTICE_SETTLED) docket->hold = HOLD_NONE;
    bool works = notice->kind == NOTICE_FACT && text_equal(notice->text, "launched");
    if (works) (void)snprintf(docket->good_id, MODEL_ID_SIZE, "%s", notice->cluster_id);
    if (text_equal(notice->text, "adopted")) docket->is_adopted = true;
    if (text_equal(notice->text, "found by its tags")) docket->is_found = true;
}

/* Nothing is pruned because of something that cannot be read. */
static void judge_prune(struct sim *sim, const struct notice *notice)
{
    const struct plot *plot = authors_find(&sim->authors, notice->name);
    if (plot == NULL) return;
    if (sim->judge.dockets[plot - sim->authors.plots].is_scanned) {
        world_break(&sim->world, PROMISE_UNREADABLE, "%s is pruned, and its manifest is there",
                    notice->name);
    } else if (!sim->judge.is_scan_whole) {
        world_break(&sim->world, PROMISE_UNREADABLE, "%s is pruned while a manifest cannot be read",
                    notice->name);
    }
}

void judge_noticed(void *ctx, const struct notice *notice)
{
    struct sim *sim = ctx;
    if (sim->process.is_dying || sim->disk.is_dead) return; /* nobody hears it */
    tell(sim, notice);
    world_note(&sim->world, notice->name, notice->kind);
    world_note(&sim->world, notice->cluster_id, notice->step);
    if (secret_in(sim, notice->text) != NULL) {
        world_break(&sim->world, PROMISE_SECRET, "a secret is told: %s", notice->text);
    }
    if (notice->kind == NOTICE_SCANNED) take_scan(sim);
    if (notice->name != NULL) take_word(sim, notice);
    if (notice->kind == NOTICE_BEGUN && notice->action == ACTION_PRUNE) judge_prune(sim, notice);
    if (notice->kind == NOTICE_BEGUN) plan_compare(sim, notice);
    count(sim, &sim->judge.hour_ms, HOURS, &sim->judge.notices_hour,
          1200 + 400 * sim->scenario.clusters, "lines of log");
}

/* ---- what is sent ---- */

static enum step step_of(const char *path)
{
    static const struct {
        const char *part;
        enum step step;
    } rows[] = {
        { "clusters/create", STEP_CREATE },
        { "clusters/edit", STEP_EDIT },
        { "clusters/resize", STEP_RESIZE },
        { "clusters/start", STEP_START },
        { "clusters/delete", STEP_TERMINATE },
        { "clusters/permanent-delete", STEP_DELETE },
        { "clusters/pin", STEP_PIN },
        { "clusters/unpin", STEP_UNPIN },
        { "permissions/clusters/", STEP_PERMIT },
        { "libraries/install", STEP_INSTALL },
        { "libraries/uninstall", STEP_UNINSTALL },
        { "workspace/mkdirs", STEP_UPLOAD },
        { "workspace-files/import-file", STEP_UPLOAD },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strstr(path, rows[i].part) != NULL) return rows[i].step;
    }
    return STEP_NONE;
}

/* The cluster that a request is about; "" when it names none. */
static void target_of(const char *path, const char *body, char ret_id[MODEL_ID_SIZE])
{
    static const char key[] = "\"cluster_id\":\"";
    static const char place[] = "permissions/clusters/";
    const char *at = strstr(path, place);
    ret_id[0] = '\0';
    if (at != NULL) {
        at += sizeof(place) - 1;
    } else {
        at = body == NULL ? NULL : strstr(body, key);
        if (at == NULL) return;
        at += sizeof(key) - 1;
    }
    (void)snprintf(ret_id, MODEL_ID_SIZE, "%.*s", (int)strcspn(at, "\"?/"), at);
}

struct sought {
    enum step step;
    const char *id, *body;
    int64_t intent; /* 0: none was found */
};

static bool is_intended(void *ctx, const struct intent *intent)
{
    struct sought *sought = ctx;
    if (intent->step != sought->step) return true;
    bool is_same = sought->step == STEP_UPLOAD || text_equal(intent->cluster_id, sought->id);
    if (sought->step == STEP_CREATE) {
        is_same = intent->operation != NULL && strstr(sought->body, intent->operation) != NULL;
    }
    if (is_same) sought->intent = intent->id;
    return !is_same;
}

/* No call without an intent that is on the disk. */
static void judge_intent(struct sim *sim, enum step step, const char *id, const char *body)
{
    struct err err;
    struct sought sought = { .step = step, .id = id, .body = body };
    if (!store_unfinished(sim->process.store, is_intended, &sought, &err)) {
        world_break(&sim->world, PROMISE_KILLED, "the journal cannot be read: %s", err.text);
    } else if (sought.intent == 0) {
        world_break(&sim->world, PROMISE_KILLED, "%s %s is sent and was never intended",
                    step_name(step), id);
    } else if (!is_log_synced(sim) && sought.intent > sim->judge.intent_on_disk) {
        world_break(&sim->world, PROMISE_KILLED, "%s is sent before its intent is on the disk",
                    step_name(step));
    }
}

static bool is_read(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static void judge_pace(struct sim *sim)
{
    struct judge *judge = &sim->judge;
    int64_t full = (int64_t)2 * sim->scenario.rate * 1000 + REQUESTS_SLACK;
    judge->bucket += (sim->world.now_ms - judge->bucket_ms) * (int64_t)sim->scenario.rate;
    judge->bucket_ms = sim->world.now_ms;
    if (judge->bucket > full) judge->bucket = full;
    judge->bucket -= 1000;
    if (judge->bucket < 0) {
        world_break(&sim->world, PROMISE_BOUNDED, "more requests than %u a second",
                    sim->scenario.rate);
    }
    /* Registries have a limit of their own, a host each; the images of a run are of one. */
    if (sim->net.in_flight >= sim->scenario.in_flight_max + REGISTRY_HOST_IN_FLIGHT) {
        world_break(&sim->world, PROMISE_BOUNDED, "more than %u requests in flight",
                    sim->scenario.in_flight_max);
    }
}

void judge_sent(struct sim *sim, const struct http_call *call, const char *path)
{
    enum step step = step_of(path);
    bool may_hold_secrets = step == STEP_CREATE || step == STEP_EDIT;
    bool is_write = !is_read(call->method);
    sim->judge.requests++;
    world_note(&sim->world, path, 0);
    world_tell(&sim->world, "    > %s %s", call->method, path);
    if (!text_starts(path, "/v2/")) judge_pace(sim); /* a registry is not the workspace */
    count(sim, &sim->judge.span_ms, 10 * MINUTES, &sim->judge.requests_span,
          300 + 150 * sim->scenario.clusters, "requests");
    if (secret_in(sim, path) != NULL || (!may_hold_secrets && secret_in(sim, call->body) != NULL)) {
        world_break(&sim->world, PROMISE_SECRET, "a secret is in a call of %s", path);
    }
    if (!is_write) return;
    char id[MODEL_ID_SIZE];
    target_of(path, call->body, id);
    if (step == STEP_NONE) {
        world_fail(&sim->world, "an unknown write: %s", path);
        return;
    }
    judge_intent(sim, step, id, call->body);
}

/* ---- what arrives ---- */

static struct docket *docket_of(struct sim *sim, const char *name)
{
    const struct plot *plot = name == NULL ? NULL : authors_find(&sim->authors, name);
    return plot == NULL ? NULL : &sim->judge.dockets[plot - sim->authors.plots];
}

static bool is_adopted(const struct sim *sim, const char *id)
{
    for (size_t i = 0; i < sim->authors.len; i++) {
        if (text_equal(sim->authors.plots[i].adopt, id)) return true;
    }
    return false;
}

/* The last cluster that was told to run stays until another one does, while it has a manifest. */
static void judge_removal(struct sim *sim, const struct model_view *view)
{
    const char *name = judge_tag(view, "clusterkeeper-name");
    const struct docket *docket = docket_of(sim, name);
    if (docket == NULL || !docket->is_scanned) return;
    bool was_absent =
        docket->absent_ms != 0 && sim->world.now_ms - docket->absent_ms < ABSENT_GRACE_MS;
    if (was_absent || strcmp(docket->good_id, view->id) != 0) return;
    for (size_t i = 0; i < model_cluster_count(sim->model); i++) {
        struct model_view other;
        if (!model_view_at(sim->model, i, &other) || strcmp(other.id, view->id) == 0) continue;
        bool is_next = text_equal(judge_tag(&other, "clusterkeeper-name"), name);
        if (is_next && other.state == MODEL_RUNNING) return;
    }
    world_break(&sim->world, PROMISE_IMAGE, "%s: %s was the last that ran, and is removed for good",
                name, view->id);
}

void judge_arrives(struct sim *sim, const struct model_request *request)
{
    char id[MODEL_ID_SIZE];
    struct model_view view;
    if (is_read(request->method)) return;
    target_of(request->path, request->body, id);
    if (id[0] == '\0' || !model_view_find(sim->model, id, &view)) return;
    bool is_ours = text_equal(judge_tag(&view, "clusterkeeper-owner"), SIM_OWNER);
    if (!is_ours && !is_adopted(sim, id)) {
        world_break(&sim->world, PROMISE_OWN, "%s of %s, which is not its own", request->path, id);
    }
    if (step_of(request->path) == STEP_DELETE) judge_removal(sim, &view);
}

/* The name that a create is for. */
static const char *name_in(struct sim *sim, const char *body)
{
    static const char key[] = "\"clusterkeeper-name\":\"";
    const char *at = body == NULL ? NULL : strstr(body, key);
    if (at == NULL) return NULL;
    at += sizeof(key) - 1;
    size_t len = strcspn(at, "\"");
    for (size_t i = 0; i < sim->authors.len; i++) {
        const char *name = sim->authors.plots[i].name;
        if (strlen(name) == len && strncmp(name, at, len) == 0) return name;
    }
    return NULL;
}

void judge_arrived(struct sim *sim, const struct model_request *request,
                   const struct model_response *response)
{
    struct judge *judge = &sim->judge;
    char id[MODEL_ID_SIZE];
    struct model_view view;
    if (is_read(request->method)) return;
    target_of(request->path, request->body, id);
    bool is_there = id[0] != '\0' && model_view_find(sim->model, id, &view);
    const char *name =
        is_there ? judge_tag(&view, "clusterkeeper-name") : name_in(sim, request->body);
    struct docket *docket = docket_of(sim, name);
    world_tell(&sim->world, "    @ %s %s %s: %d %.200s", request->path, id,
               name == NULL ? "" : name, response->status,
               response->status == 200 ? "" : buf_text(&response->body));
    world_note(&sim->world, id, response->status);
    judge->writes++;
    judge->write_ms = sim->world.now_ms;
    if (docket == NULL) return;
    docket->write_ms = sim->world.now_ms;
    docket->writes++;
    enum step step = step_of(request->path);
    bool launches = step == STEP_CREATE || step == STEP_START;
    if (launches && response->status == 200) docket->launches++;
}

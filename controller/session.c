#include "session.h"

#include "log.h"
#include "loop.h"
#include "notify.h"
#include "replan.h"

#include <stdlib.h>

enum { HOST_MAX = 1024, PATH_BYTES_MAX = 4096, INDEX_MAX = 64 * 1024 * 1024 };

#define INDEX_BLOB "catalogue"

/* The parts, in the order in which they are built; taken down the other way round. */
struct rig {
    struct session *session;
    struct buf host, state_path, script_dir, policy, docker_hub;
    struct store *store;
    struct cache *cache;
    struct secrets *secrets;
    struct catalogue *catalogue;
    struct loop *loop;
    struct client *client;
    struct arena places; /* of Docker's configuration */
    struct registry *registry;
    struct driver *driver;
    struct watch *watch;
    struct replan *replan; /* of a plan without refresh; NULL: else */
    bool is_stopping;
    bool is_ended;
    int64_t stop_by_ms;
    struct err err;
    bool failed;
};

static const char *env_lookup(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name); /* NOLINT(concurrency-mt-unsafe): one thread, and nobody sets variables */
}

/* ---- building ---- */

static bool open_workspace(struct rig *rig, struct err *err)
{
    const struct options *options = rig->session->options;
    if (options->host == NULL) {
        if (options->no_refresh) return true;
        return err_set(err, ERR_USAGE,
                       "no workspace: set DATABRICKS_HOST to its address, such as "
                       "https://adb-1234567890123456.7.azuredatabricks.net");
    }
    if (!client_host_normalise(options->host, &rig->host, err)) return false;
    if (options->token == NULL && !options->no_refresh) {
        return err_set(err, ERR_USAGE, "no credentials: set DATABRICKS_TOKEN to an access token");
    }
    return true;
}

static bool open_state(struct rig *rig, struct err *err)
{
    const struct session *session = rig->session;
    const char *host = rig->host.len == 0 ? NULL : buf_text(&rig->host);
    if (!options_state_path(session->options, host, &rig->state_path, err)) return false;
    bool reads = session->mode == DRIVER_PLAN;
    if (!store_open(buf_text(&rig->state_path), reads ? STORE_READ : STORE_WRITE, host,
                    session->command, &rig->store, err)) {
        /* A plan needs no state file: the tags tell what is ours. */
        if (!reads || err->code != ERR_NOT_FOUND) return false;
    }
    return cache_open(buf_text(&rig->state_path), &rig->cache, err);
}

static bool open_manifests(struct rig *rig, struct err *err)
{
    const struct options *options = rig->session->options;
    uint8_t key[DIGEST_KEY_BYTES] = { 0 };
    if (rig->store != NULL) store_secret_key(rig->store, key);
    rig->secrets = secrets_create(key, files_posix(), env_lookup, NULL);
    buf_adds(&rig->script_dir,
             options->script_dir != NULL ? options->script_dir : "/Shared/clusterkeeper");
    rig->catalogue = catalogue_create(options->directory, files_posix(), rig->secrets,
                                      buf_text(&rig->script_dir));
    if (rig->session->mode == DRIVER_PLAN) catalogue_keep(rig->catalogue);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *bytes = NULL;
    size_t len = 0;
    if (!cache_blob_get(rig->cache, INDEX_BLOB, &arena, &bytes, &len, err)) return false;
    if (bytes != NULL) (void)catalogue_restore(rig->catalogue, bytes, len);
    return true;
}

static void client_noticed(void *ctx, enum api api, const struct err *err, int64_t wait_ms)
{
    (void)ctx;
    /* The text may quote what was sent: whoever made the call hides that in it, later. */
    log_event(LOG_DEBUG, "call_repeated", LOG_STR("call", api_name(api)),
              LOG_STR("error", err_code_name(err->code)), LOG_NUM("wait_ms", wait_ms));
}

static void open_client(struct rig *rig)
{
    const struct options *options = rig->session->options;
    if (options->no_refresh) return;
    struct client_config config;
    client_config_defaults(&config);
    config.host = buf_text(&rig->host);
    config.token = options->token;
    config.in_flight_max = (unsigned)options->max_in_flight;
    config.rate = (unsigned)options->rate;
    config.burst = 2 * config.rate;
    config.noticed = client_noticed;
    rig->client = client_create(loop_port(rig->loop), &config);
}

/* Who is asked about images: whoever the references name, and nobody where nothing is asked. */
static bool open_registry(struct rig *rig, struct err *err)
{
    const struct options *options = rig->session->options;
    if (options->no_refresh) return true;
    if (options->docker_hub != NULL &&
        !client_host_normalise(options->docker_hub, &rig->docker_hub, err)) {
        return err_wrap(err, "--docker-hub");
    }
    struct registry_config config;
    registry_config_defaults(&config);
    config.ca_file = options->registry_ca_file;
    config.fresh_ms = 0; /* what is good the driver remembers, for as long as it says */
    config.files = files_posix();
    config.env = env_lookup;
    docker_config_places(&rig->places, env_lookup, NULL, &config.places);
    if (options->docker_hub != NULL) config.docker_hub = buf_text(&rig->docker_hub);
    rig->registry = registry_create(loop_port(rig->loop), &config);
    return true;
}

static void on_finished(void *ctx, const struct driver_summary *summary, const struct err *err)
{
    struct rig *rig = ctx;
    rig->session->has_summary = true;
    rig->session->summary = *summary;
    rig->is_ended = true;
    if (err == NULL) return;
    rig->failed = true;
    rig->err = *err;
}

static void on_noticed(void *ctx, const struct notice *notice)
{
    struct rig *rig = ctx;
    if (notice->kind == NOTICE_LISTED) {
        mem_trim();
        rig->session->observed_at_ms = loop_port(rig->loop)->wall_ms(loop_port(rig->loop)->ctx);
    }
    if (rig->session->noticed != NULL) rig->session->noticed(rig->session->ctx, notice);
}

static void on_scanned(void *ctx, struct diag *diag)
{
    struct rig *rig = ctx;
    if (rig->session->scanned != NULL) rig->session->scanned(rig->session->ctx, diag);
}

static void on_decided(void *ctx, const char *name, const struct manifest *desired,
                       const struct decision *decision)
{
    struct rig *rig = ctx;
    if (rig->replan != NULL) replan_decided(rig->replan, name, decision);
    rig->session->decided(rig->session->ctx, name, desired, decision);
}

static bool on_selects(void *ctx)
{
    struct rig *rig = ctx;
    return replan_selects(rig->replan);
}

static bool on_is_wanted(void *ctx, const char *name, const struct digest *manifest)
{
    struct rig *rig = ctx;
    return replan_is_wanted(rig->replan, name, manifest);
}

static const char *on_wanted_more(void *ctx, size_t index)
{
    struct rig *rig = ctx;
    return replan_wanted_more(rig->replan, index);
}

/* A plan without refresh remembers what it found. */
static void open_replan(struct rig *rig, struct driver_config *config)
{
    const struct options *options = rig->session->options;
    if (rig->session->mode != DRIVER_PLAN || !options->no_refresh) return;
    buf_addf(&rig->policy, "%s %d %d", options->owner, options->allow_empty,
             options->prune_unclaimed);
    struct replan_parts parts = { rig->cache, rig->store, rig->catalogue, buf_text(&rig->policy) };
    rig->replan = replan_create(&parts);
    config->selects = on_selects;
    config->is_wanted = on_is_wanted;
    config->wanted_more = on_wanted_more;
}

static bool start_driver(struct rig *rig, struct err *err)
{
    const struct options *options = rig->session->options;
    struct driver_parts parts = {
        .port = loop_port(rig->loop),
        .client = rig->client,
        .registry = rig->registry,
        .store = rig->store,
        .cache = rig->cache,
        .catalogue = rig->catalogue,
        .secrets = rig->secrets,
        .files = files_posix(),
        .root = options->directory,
        .script_dir = buf_text(&rig->script_dir),
    };
    struct driver_config config = {
        .mode = rig->session->mode,
        .owner = options->owner,
        .launch_timeout_ms = options->launch_timeout_ms,
        .create_grace_ms = options->create_grace_ms,
        .poll_ms = options->poll_ms,
        .interval_ms = options->interval_ms,
        .timeout_ms = rig->session->mode == DRIVER_APPLY ? options->timeout_ms : 0,
        .steps_max = SESSION_STEPS_MAX,
        .offline = options->no_refresh,
        .wait = !options->no_wait,
        .allow_empty = options->allow_empty,
        .prune_unclaimed = options->prune_unclaimed,
        .ctx = rig,
        .noticed = on_noticed,
        .scanned = on_scanned,
        .decided = on_decided,
        .finished = on_finished,
    };
    open_replan(rig, &config);
    rig->driver = driver_create(&parts, &config);
    return driver_start(rig->driver, err);
}

/* ---- running ---- */

static void on_changed(void *ctx)
{
    struct rig *rig = ctx;
    driver_rescan(rig->driver);
    loop_wake(rig->loop);
}

static void on_degraded(void *ctx, const struct err *err)
{
    (void)ctx;
    log_event(LOG_WARN, "watch_degraded", LOG_STR("reason", err->text));
}

static bool start_watch(struct rig *rig, struct err *err)
{
    if (rig->session->mode != DRIVER_RUN) return true;
    struct watch_config config = {
        .root = rig->session->options->directory,
        .quiet_ms = rig->session->options->quiet_ms,
        .burst_ms = 2000,
        .rescan_ms = 10000,
        .changed = on_changed,
        .degraded = on_degraded,
        .ctx = rig,
    };
    return watch_open(loop_uv(rig->loop), &config, &rig->watch, err);
}

static void on_watch_closed(void *ctx)
{
    struct rig *rig = ctx;
    rig->watch = NULL;
}

/* Begins the end: nothing new, a short while for the answers that are on their way. */
static void begin_stop(struct rig *rig)
{
    const struct port *port = loop_port(rig->loop);
    int64_t now_ms = port->now_ms(port->ctx);
    if (rig->is_stopping) {
        rig->stop_by_ms = now_ms; /* asked twice: at once */
        return;
    }
    rig->is_stopping = true;
    rig->stop_by_ms = now_ms + SESSION_STOP_GRACE_MS;
    driver_stop(rig->driver);
    notify_stopping();
    if (rig->watch != NULL) watch_close(rig->watch, on_watch_closed, rig);
}

static void on_turn(void *ctx, unsigned signals)
{
    struct rig *rig = ctx;
    const struct port *port = loop_port(rig->loop);
    if (rig->driver == NULL) return;
    if (signals & LOOP_STOP) {
        rig->session->was_stopped = true;
        begin_stop(rig);
    }
    if (!rig->is_stopping && (signals & (LOOP_REREAD | LOOP_RECONCILE))) {
        driver_reconcile(rig->driver);
    }
    driver_turn(rig->driver);
    if (rig->is_ended && !rig->is_stopping) begin_stop(rig);
    if (!rig->is_stopping) return;
    if (driver_is_idle(rig->driver)) {
        loop_stop(rig->loop);
        return;
    }
    if (port->now_ms(port->ctx) >= rig->stop_by_ms) {
        client_cancel_all(rig->client);
        if (rig->registry != NULL) registry_cancel_all(rig->registry);
        return;
    }
    port->wake_at(port->ctx, rig->stop_by_ms);
}

static bool build(struct rig *rig, struct err *err)
{
    struct http_config http = {
        .user_agent = "clusterkeeper/" CLUSTERKEEPER_VERSION " os/linux auth/pat",
        .ca_file = rig->session->options->ca_file,
        .connections_max = (long)rig->session->options->max_in_flight,
    };
    if (!open_workspace(rig, err) || !open_state(rig, err) || !open_manifests(rig, err)) {
        return false;
    }
    if (!loop_create(&http, on_turn, rig, &rig->loop, err)) return false;
    open_client(rig);
    return open_registry(rig, err) && start_driver(rig, err) && start_watch(rig, err);
}

/* The index of the manifests, for the next process. */
static void save_index(struct rig *rig)
{
    AUTO_BUF struct buf index = BUF_INIT(INDEX_MAX);
    struct err err;
    catalogue_save(rig->catalogue, &index);
    if (!buf_ok(&index, "the index", &err) ||
        !cache_blob_put(rig->cache, INDEX_BLOB, buf_text(&index), index.len, &err)) {
        log_event(LOG_DEBUG, "index_not_saved", LOG_STR("error", err.text));
    }
}

static void take_down(struct rig *rig)
{
    if (rig->catalogue != NULL && rig->cache != NULL) save_index(rig);
    if (rig->replan != NULL) {
        if (rig->is_ended && !rig->failed) replan_save(rig->replan);
        rig->session->passed_over = replan_passed_over(rig->replan);
        replan_destroy(rig->replan);
    }
    driver_destroy(rig->driver);
    if (rig->client != NULL) rig->session->requests = client_requests(rig->client);
    client_destroy(rig->client);
    registry_destroy(rig->registry);
    arena_release(&rig->places);
    loop_destroy(rig->loop);
    catalogue_destroy(rig->catalogue);
    secrets_destroy(rig->secrets);
    cache_close(rig->cache);
    store_close(rig->store);
    buf_release(&rig->policy);
    buf_release(&rig->docker_hub);
    buf_release(&rig->script_dir);
    buf_release(&rig->state_path);
    buf_release(&rig->host);
}

bool session_run(struct session *session, struct err *err)
{
    struct rig rig = {
        .session = session,
        .host = BUF_INIT(HOST_MAX),
        .state_path = BUF_INIT(PATH_BYTES_MAX),
        .script_dir = BUF_INIT(PATH_BYTES_MAX),
        .policy = BUF_INIT(PATH_BYTES_MAX),
        .docker_hub = BUF_INIT(HOST_MAX),
    };
    bool ok = build(&rig, err);
    if (ok) {
        if (session->began != NULL) session->began(session->ctx);
        loop_run(rig.loop);
    } else if (rig.loop != NULL) {
        if (rig.driver != NULL) driver_stop(rig.driver);
        loop_stop(rig.loop);
        loop_run(rig.loop);
    }
    if (ok && rig.failed) {
        *err = rig.err;
        ok = false;
    }
    take_down(&rig);
    return ok;
}

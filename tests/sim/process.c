#include "process.h"

#include "sim.h"

#include <assert.h>
#include <stdio.h>

enum { STOP_GRACE_MS = 3000, RETRY_START_MS = 5000, INDEX_MAX = 1 << 20 };

const char *process_env(void *ctx, const char *name)
{
    const struct sim *sim = ctx;
    return strcmp(name, "REGISTRY_USER") == 0 ? sim->authors.user : NULL;
}

/* ---- start ---- */

static void restart(struct sim *sim, void *arg)
{
    (void)arg;
    sim->process.is_start_due = false;
    if (sim->process.is_running) return;
    struct err err;
    if (process_start(sim, &err)) return;
    world_tell(&sim->world, "      it does not start: %s", err.text);
    process_restart_at(sim, sim->world.now_ms + RETRY_START_MS);
}

void process_restart_at(struct sim *sim, int64_t at_ms)
{
    if (sim->process.is_start_due) return;
    sim->process.is_start_due = true;
    world_at(&sim->world, at_ms, (struct occasion){ .happen = restart });
}

static void open_client(struct sim *sim)
{
    struct client_config config;
    client_config_defaults(&config);
    config.host = SIM_HOST;
    config.token = sim->judge.token;
    config.in_flight_max = sim->scenario.in_flight_max;
    config.rate = sim->scenario.rate;
    config.burst = 2 * config.rate;
    sim->process.client = client_create(&sim->net.port, &config);
}

struct registry *process_registry(struct sim *sim, const struct port *port)
{
    struct registry_config config;
    registry_config_defaults(&config);
    config.files = &sim->files.port;
    config.env = process_env;
    config.env_ctx = sim;
    return registry_create(port, &config);
}

static void open_manifests(struct sim *sim)
{
    struct process *process = &sim->process;
    uint8_t key[DIGEST_KEY_BYTES];
    store_secret_key(process->store, key);
    process->secrets = secrets_create(key, &sim->files.port, process_env, sim);
    process->catalogue =
        catalogue_create(AUTHORS_ROOT, &sim->files.port, process->secrets, PROCESS_SCRIPT_DIR);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *bytes = NULL;
    size_t len = 0;
    struct err err;
    if (cache_blob_get(process->cache, "catalogue", &arena, &bytes, &len, &err) && bytes != NULL) {
        (void)catalogue_restore(process->catalogue, bytes, len);
    }
}

static bool start_driver(struct sim *sim, struct err *err)
{
    struct process *process = &sim->process;
    const struct scenario *scenario = &sim->scenario;
    struct driver_parts parts = {
        .port = &sim->net.port,
        .client = process->client,
        .registry = process->registry,
        .store = process->store,
        .cache = process->cache,
        .catalogue = process->catalogue,
        .secrets = process->secrets,
        .files = &sim->files.port,
        .root = AUTHORS_ROOT,
        .script_dir = PROCESS_SCRIPT_DIR,
    };
    struct driver_config config = {
        .mode = DRIVER_RUN,
        .owner = SIM_OWNER,
        .launch_timeout_ms = scenario->launch_timeout_ms,
        .create_grace_ms = scenario->create_grace_ms,
        .poll_ms = scenario->poll_ms,
        .interval_ms = scenario->interval_ms,
        .steps_max = scenario->steps_max,
        .wait = true,
        .ctx = sim,
        .noticed = judge_noticed,
    };
    process->driver = driver_create(&parts, &config);
    return driver_start(process->driver, err);
}

/* All parts gone. A process that was killed has no part in how. */
static void take_down(struct sim *sim)
{
    struct process *process = &sim->process;
    driver_destroy(process->driver);
    registry_destroy(process->registry);
    client_destroy(process->client);
    catalogue_destroy(process->catalogue);
    secrets_destroy(process->secrets);
    cache_close(process->cache);
    store_close(process->store);
    sim->disk.is_dead = false;
    sim->disk.writes_left = -1;
    unsigned starts = process->starts;
    unsigned kills = process->kills;
    bool is_start_due = process->is_start_due;
    *process = (struct process){
        .starts = starts,
        .kills = kills,
        .sends_left = -1,
        .start_writes = -1,
        .is_start_due = is_start_due,
    };
    sim->net.wake_at_ms = NEVER;
}

bool process_start(struct sim *sim, struct err *err)
{
    struct process *process = &sim->process;
    assert(!process->is_running);
    process->sends_left = -1;
    sim->disk.writes_left = process->start_writes;
    process->start_writes = -1;
    if (!store_open(sim->state_path, STORE_WRITE, SIM_HOST, "run", &process->store, err)) {
        take_down(sim);
        return false;
    }
    bool ok = !sim->disk.is_dead &&
              cache_open(sim->scenario.keeps_cache ? sim->state_path : NULL, &process->cache, err);
    if (ok) {
        open_manifests(sim);
        open_client(sim);
        process->registry = process_registry(sim, &sim->net.port);
        ok = start_driver(sim, err);
    }
    if (!ok || sim->disk.is_dead) {
        if (ok) (void)err_set(err, ERR_IO, "killed while it started");
        take_down(sim);
        return false;
    }
    process->is_running = true;
    process->needs_turn = true;
    process->starts++;
    judge_started(sim);
    world_tell(&sim->world, "      started");
    return true;
}

/* ---- the end ---- */

/* The index of the manifests, for the next process. */
static void save_index(struct sim *sim)
{
    AUTO_BUF struct buf index = BUF_INIT(INDEX_MAX);
    struct err err;
    catalogue_save(sim->process.catalogue, &index);
    (void)!cache_blob_put(sim->process.cache, "catalogue", buf_text(&index), index.len, &err);
}

/* Nothing of the process acts any more; what it held is released. */
static void die(struct sim *sim)
{
    sim->process.is_dying = true;
    sim->disk.is_dead = true;
    client_cancel_all(sim->process.client);
    struct registry *registry = sim->process.registry;
    if (registry != NULL) registry_cancel_all(registry);
    net_end_given_up(&sim->net);
    if (registry != NULL) (void)registry_turn(registry); /* whoever asked hears of the end */
    take_down(sim);
}

void process_kill(struct sim *sim)
{
    if (!sim->process.is_running) return;
    sim->process.kills++;
    die(sim);
    judge_ended(sim);
    process_restart_at(sim, sim->world.now_ms +
                                world_draw_between(&sim->world, CONCERN_PROCESS, 1, 20000));
}

void process_kill_at_send(struct sim *sim, int sends)
{
    sim->process.sends_left = sends;
}

void process_kill_at_write(struct sim *sim, int writes)
{
    sim->disk.writes_left = writes;
}

void process_kill_at_start(struct sim *sim, int writes)
{
    process_kill(sim);
    sim->process.start_writes = writes;
}

bool process_dies_here(struct sim *sim)
{
    struct process *process = &sim->process;
    if (process->sends_left >= 0 && process->sends_left-- == 0) process->is_dying = true;
    return process->is_dying || sim->disk.is_dead;
}

void process_stop(struct sim *sim)
{
    struct process *process = &sim->process;
    if (!process->is_running || process->is_stopping) return;
    process->is_stopping = true;
    process->stop_by_ms = sim->world.now_ms + STOP_GRACE_MS;
    driver_stop(process->driver);
    process->needs_turn = true;
}

void process_end(struct sim *sim)
{
    if (sim->process.is_running) die(sim);
}

/* ---- turns ---- */

static void stop_turn(struct sim *sim)
{
    struct process *process = &sim->process;
    if (driver_is_idle(process->driver)) {
        save_index(sim);
        take_down(sim);
        judge_ended(sim);
        world_tell(&sim->world, "      stopped");
        process_restart_at(sim, sim->world.now_ms + 1000);
        return;
    }
    if (sim->world.now_ms >= process->stop_by_ms) {
        client_cancel_all(process->client);
        registry_cancel_all(process->registry);
    } else {
        sim->net.wake_at_ms = process->stop_by_ms;
    }
}

void process_turn(struct sim *sim)
{
    struct process *process = &sim->process;
    if (!process->is_running) return;
    process->needs_turn = false;
    sim->net.wake_at_ms = NEVER;
    judge_turn(sim);
    driver_turn(process->driver);
    if (process->is_dying || sim->disk.is_dead) {
        world_tell(&sim->world, "      killed in the midst of a turn");
        process_kill(sim);
        return;
    }
    if (process->is_stopping) stop_turn(sim);
}

/* ---- what comes from outside ---- */

static void rescan(struct sim *sim, void *arg)
{
    (void)arg;
    if (!sim->process.is_running || sim->process.is_stopping) return;
    driver_rescan(sim->process.driver);
    sim->process.needs_turn = true;
}

void process_directory_changed(struct sim *sim)
{
    const struct fault_kind *fault = fault_plan_at(sim->faults, POINT_EVENT);
    if (fault != NULL) {
        if (fault->way == WAY_KILL) process_kill(sim);
        return;
    }
    world_at(&sim->world, sim->world.now_ms + sim->scenario.watch_ms,
             (struct occasion){ .happen = rescan });
}

void process_hang_up(struct sim *sim)
{
    if (!sim->process.is_running || sim->process.is_stopping) return;
    driver_reconcile(sim->process.driver);
    sim->process.needs_turn = true;
}

void process_rival(struct sim *sim)
{
    if (!sim->process.is_running) return;
    struct store *store = NULL;
    struct err err;
    if (store_open(sim->state_path, STORE_WRITE, SIM_HOST, "apply", &store, &err)) {
        store_close(store);
        world_break(&sim->world, PROMISE_ONE_CLUSTER,
                    "two controllers have the state file at once");
    } else if (err.code != ERR_LOCKED) {
        world_fail(&sim->world, "a second controller is told: %s", err.text);
    }
}

#include "plan.h"

#include "sim.h"

#include <stdio.h>

enum { TURNS_MAX = 2000, HELD_TO_MS = 20 * 1000 };

/* A request that waits for its answer. */
struct asked {
    struct http_call *call;
};

/* A process that plans: its own door, through which requests go and come in no time. */
struct planner {
    struct sim *sim;
    struct port port;
    struct asked *calls;
    size_t calls_len, calls_cap;
    bool is_finished, has_failed;
};

static int64_t now_ms(void *ctx)
{
    return ((const struct planner *)ctx)->sim->world.now_ms;
}

static int64_t wall_ms(void *ctx)
{
    return sim_wall_ms(((const struct planner *)ctx)->sim);
}

static uint64_t random_number(void *ctx)
{
    return ((const struct planner *)ctx)->sim->world.seed;
}

static void wake_at(void *ctx, int64_t at_ms)
{
    (void)ctx;
    (void)at_ms;
}

static void http_send(void *ctx, struct http_call *call)
{
    struct planner *planner = ctx;
    ARR_PUSH(planner->calls, planner->calls_len, planner->calls_cap, ((struct asked){ call }));
}

static void http_cancel(void *ctx, struct http_call *call)
{
    (void)ctx;
    (void)call; /* answered all the same */
}

static void answer(struct planner *planner, struct http_call *call)
{
    struct sim *sim = planner->sim;
    struct model_response response;
    AUTO(xfree) char *origin = net_origin(call->url);
    struct model_request request = {
        .method = call->method,
        .path = net_path(call->url),
        .accept = call->accept,
        .origin = origin,
        .authorization = call->authorization,
    };
    if (strcmp(call->method, "GET") != 0 && strcmp(call->method, "HEAD") != 0) {
        world_break(&sim->world, PROMISE_PLAN, "a plan calls %s %s", call->method, request.path);
    }
    model_handle(sim->model, &request, &response);
    call->answered = true;
    call->status = response.status;
    call->retry_after_ms = -1;
    net_answer(&response, call);
    model_response_release(&response);
    call->done(call);
}

static void answer_all(struct planner *planner)
{
    while (planner->calls_len > 0) {
        answer(planner, planner->calls[--planner->calls_len].call);
    }
}

/* ---- what it says ---- */

static void on_decided(void *ctx, const char *name, const struct manifest *desired,
                       const struct decision *decision)
{
    (void)desired;
    struct planner *planner = ctx;
    struct plan_book *book = &planner->sim->plan;
    struct planned planned = { .action = decision->action, .hold = decision->hold };
    (void)snprintf(planned.name, sizeof(planned.name), "%s", name);
    ARR_PUSH(book->items, book->len, book->cap, planned);
    world_tell(&planner->sim->world, "      planned: %s %s %s: %s", name,
               action_name(decision->action), hold_name(decision->hold), decision->why);
}

static void on_finished(void *ctx, const struct driver_summary *summary, const struct err *err)
{
    (void)summary;
    struct planner *planner = ctx;
    planner->is_finished = true;
    planner->has_failed = err != NULL;
}

static void work(struct planner *planner, struct driver *driver, struct client *client,
                 struct registry *registry)
{
    for (int i = 0; i < TURNS_MAX && !planner->is_finished; i++) {
        driver_turn(driver);
        answer_all(planner);
    }
    driver_stop(driver);
    client_cancel_all(client);
    registry_cancel_all(registry);
    answer_all(planner);
    (void)registry_turn(registry);
}

/* The parts of a plan, as those of a process but for the store, which is only read. */
static void plan_with(struct planner *planner, struct store *store, struct cache *cache)
{
    struct sim *sim = planner->sim;
    uint8_t key[DIGEST_KEY_BYTES];
    store_secret_key(store, key);
    AUTO(secrets_destroy)
    struct secrets *secrets = secrets_create(key, &sim->files.port, process_env, sim);
    AUTO(catalogue_destroy)
    struct catalogue *catalogue =
        catalogue_create(AUTHORS_ROOT, &sim->files.port, secrets, PROCESS_SCRIPT_DIR);
    struct client_config client_config;
    client_config_defaults(&client_config);
    client_config.host = SIM_HOST;
    client_config.token = sim->judge.token;
    client_config.burst = client_config.rate = 1000;
    struct client *client = client_create(&planner->port, &client_config);
    struct registry *registry = process_registry(sim, &planner->port);
    struct driver_parts parts = {
        .port = &planner->port,
        .client = client,
        .registry = registry,
        .store = store,
        .cache = cache,
        .catalogue = catalogue,
        .secrets = secrets,
        .files = &sim->files.port,
        .root = AUTHORS_ROOT,
        .script_dir = PROCESS_SCRIPT_DIR,
    };
    struct driver_config config = {
        .mode = DRIVER_PLAN,
        .owner = SIM_OWNER,
        .launch_timeout_ms = sim->scenario.launch_timeout_ms,
        .create_grace_ms = sim->scenario.create_grace_ms,
        .poll_ms = sim->scenario.poll_ms,
        .steps_max = sim->scenario.steps_max,
        .ctx = planner,
        .decided = on_decided,
        .finished = on_finished,
    };
    struct driver *driver = driver_create(&parts, &config);
    struct err err;
    if (driver_start(driver, &err)) work(planner, driver, client, registry);
    driver_destroy(driver);
    registry_destroy(registry);
    client_destroy(client);
}

void plan_make(struct sim *sim)
{
    struct planner planner = { .sim = sim };
    planner.port = (struct port){
        .ctx = &planner,
        .now_ms = now_ms,
        .wall_ms = wall_ms,
        .random = random_number,
        .wake_at = wake_at,
        .http_send = http_send,
        .http_cancel = http_cancel,
    };
    AUTO(store_close) struct store *store = NULL;
    AUTO(cache_close) struct cache *cache = NULL;
    struct err err;
    if (!store_open(sim->state_path, STORE_READ, SIM_HOST, "plan", &store, &err)) return;
    if (!cache_open(NULL, &cache, &err)) return;
    plan_with(&planner, store, cache);
    xfree(planner.calls);
    bool is_good = planner.is_finished && !planner.has_failed;
    if (is_good) sim->plan.until_ms = sim->world.now_ms + HELD_TO_MS;
}

void plan_release(struct plan_book *book)
{
    xfree(book->items);
}

/* A plan is held to what it says is to be done now, or never. */
static bool is_binding(const struct planned *planned)
{
    bool is_only_recorded = planned->action == ACTION_RECORD || planned->action == ACTION_ADOPT;
    bool is_for_later = planned->hold == HOLD_WAIT || planned->hold == HOLD_BACKOFF;
    return !is_only_recorded && !is_for_later;
}

void plan_compare(struct sim *sim, const struct notice *notice)
{
    struct plan_book *book = &sim->plan;
    if (sim->world.now_ms > book->until_ms) return;
    for (size_t i = 0; i < book->len; i++) {
        struct planned *planned = &book->items[i];
        if (strcmp(planned->name, notice->name) != 0) continue;
        /* A drift that is only reported does not hold what else there is. */
        bool is_held = planned->hold != HOLD_NONE && planned->hold != HOLD_DRIFT;
        enum action wanted = is_held ? ACTION_NONE : planned->action;
        bool differs = is_binding(planned) && wanted != notice->action;
        *planned = book->items[--book->len];
        if (!differs) return;
        world_break(&sim->world, PROMISE_PLAN, "%s: %s was planned, %s is done", notice->name,
                    action_name(wanted), action_name(notice->action));
        return;
    }
}

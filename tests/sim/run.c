/*
 * One run: a world from a seed, an hour of chaos, and the calm after it.
 */
#include "sim.h"

#include <assert.h>
#include <stdio.h>

enum { EVENTS_MAX = 400000, BOUNDED_WRITES_MAX = 60 };

/* ---- chaos ---- */

static void act(struct sim *sim, enum deed deed);

/* A deed, and when the next one of its kind comes. */
static void deed_due(struct sim *sim, void *arg)
{
    enum deed *deed = arg;
    if (sim->is_calm) {
        xfree(deed);
        return;
    }
    act(sim, *deed);
    int64_t mean_ms = HOURS / (int64_t)sim->scenario.deeds_hourly[*deed];
    int64_t after_ms = world_draw_between(&sim->world, CONCERN_PROCESS, 1, 2 * mean_ms);
    world_at(&sim->world, sim->world.now_ms + after_ms,
             (struct occasion){ .happen = deed_due, .drop = xfree, .arg = deed });
}

static void plan_deeds(struct sim *sim)
{
    for (size_t i = 0; i < DEED_COUNT; i++) {
        unsigned hourly = sim->scenario.deeds_hourly[i];
        if (hourly == 0) continue;
        enum deed *deed = xmalloc(sizeof(*deed));
        *deed = (enum deed)i;
        int64_t after_ms =
            world_draw_between(&sim->world, CONCERN_SCENARIO, 1, 2 * HOURS / (int64_t)hourly);
        world_at(&sim->world, sim->world.now_ms + after_ms,
                 (struct occasion){ .happen = deed_due, .drop = xfree, .arg = deed });
    }
}

static void act_kill(struct sim *sim)
{
    int how = (int)world_draw(&sim->world, CONCERN_PROCESS, 4);
    int sends = (int)world_draw(&sim->world, CONCERN_PROCESS, 4);
    int writes = (int)world_draw(&sim->world, CONCERN_PROCESS, 40);
    static const char *const words[] = { "kill now", "kill at send", "kill at write",
                                         "kill now and at the start's write" };
    if (!world_happens(&sim->world, "%s %d", words[how],
                       how == 0   ? 0
                       : how == 1 ? sends
                                  : writes)) {
        return;
    }
    if (!sim->process.is_running) return;
    if (how == 0) process_kill(sim);
    if (how == 1) process_kill_at_send(sim, sends);
    if (how == 2) process_kill_at_write(sim, writes);
    if (how == 3) process_kill_at_start(sim, writes);
}

static void act_clock(struct sim *sim)
{
    int64_t by_ms = world_draw_between(&sim->world, CONCERN_PROCESS, -2 * HOURS, 2 * HOURS);
    if (!world_happens(&sim->world, "the wall clock jumps by %lld s", (long long)by_ms / 1000)) {
        return;
    }
    sim->scenario.wall_offset_ms += by_ms;
}

static void disk_empties(struct sim *sim, void *arg)
{
    (void)arg;
    sim->disk.is_full = false;
    world_tell(&sim->world, "      the disk has room again");
}

static void act_disk(struct sim *sim)
{
    int64_t for_ms = world_draw_between(&sim->world, CONCERN_DISK, 1, 10 * MINUTES);
    if (!world_happens(&sim->world, "the disk is full")) return;
    sim->disk.is_full = true;
    world_at(&sim->world, sim->world.now_ms + for_ms, (struct occasion){ .happen = disk_empties });
}

/* Between two processes the cache, or the whole state, is lost. */
static void act_forget(struct sim *sim)
{
    static const char *const endings[] = { ".cache", ".cache-wal", "", "-wal" };
    bool is_all = world_chance(&sim->world, CONCERN_DISK, 400);
    if (!world_happens(&sim->world, "killed, and %s is lost", is_all ? "the state" : "the cache")) {
        return;
    }
    process_kill(sim);
    for (size_t i = 0; i < (is_all ? 4 : 2); i++) {
        char path[256];
        (void)snprintf(path, sizeof(path), "%s%s", sim->state_path, endings[i]);
        disk_remove(&sim->disk, path);
    }
    if (is_all) sim->judge.has_forgotten = true;
}

static void act(struct sim *sim, enum deed deed)
{
    switch (deed) {
    case DEED_EDIT:
    case DEED_BREAK:
    case DEED_REMOVE:
    case DEED_MOVE:
    case DEED_DEFAULTS:
    case DEED_SWITCH:
    case DEED_ROOT:
    case DEED_SECRET:
        authors_act(sim, deed);
        return;
    case DEED_PERSON:
    case DEED_JOB:
    case DEED_LOSS:
        people_act(sim, deed);
        return;
    case DEED_KILL:
        act_kill(sim);
        return;
    case DEED_STOP:
        if (world_happens(&sim->world, "SIGTERM")) process_stop(sim);
        return;
    case DEED_RIVAL:
        if (world_happens(&sim->world, "a second controller")) process_rival(sim);
        return;
    case DEED_CLOCK:
        act_clock(sim);
        return;
    case DEED_DISK:
        act_disk(sim);
        return;
    case DEED_FORGET:
        act_forget(sim);
        return;
    case DEED_HANGUP:
        if (world_happens(&sim->world, "SIGHUP")) process_hang_up(sim);
        return;
    case DEED_COUNT:
        assert(false);
    }
}

/* ---- time ---- */

/* To the next thing that happens, and all that happens at that instant; false: nothing does. */
static bool step(struct sim *sim, int64_t until_ms)
{
    struct world *world = &sim->world;
    int64_t next_ms = world_next_ms(world);
    bool wakes = sim->process.is_running && sim->net.wake_at_ms <= next_ms;
    if (wakes) next_ms = sim->net.wake_at_ms;
    if (sim->process.needs_turn) next_ms = world->now_ms;
    if (next_ms > until_ms) {
        world->now_ms = until_ms;
        return false;
    }
    if (next_ms > world->now_ms) world->now_ms = next_ms;
    model_set_time(sim->model, sim_workspace_ms(sim));
    if (wakes) sim->process.needs_turn = true;
    while (!world->has_failed && world_next_ms(world) <= world->now_ms) {
        struct occasion event = world_take(world);
        event.happen(sim, event.arg);
    }
    if (!world->has_failed && sim->process.needs_turn) process_turn(sim);
    return !world->has_failed;
}

static void go_on(struct sim *sim, int64_t until_ms, uint64_t *events)
{
    while (step(sim, until_ms)) {
        if (++*events > EVENTS_MAX) {
            world_break(&sim->world, PROMISE_BOUNDED, "more than %d events", EVENTS_MAX);
        }
    }
}

/* ---- calm ---- */

/* A plan and a new process at the same instant, with nothing under way: it does what was planned.
 */
static void plan_here(struct sim *sim)
{
    enum { STILL_MS = 30 * 1000 };
    process_end(sim);
    int64_t next_ms = model_next_event_ms(sim->model);
    const struct model_delays *delays = model_delays(sim->model);
    bool lags = delays->list_lag_ms > 0 || delays->get_lag_ms > 0;
    bool is_still = !lags && sim->net.under_way == 0 &&
                    sim->world.now_ms > sim->authors.changes_until_ms &&
                    next_ms - sim_workspace_ms(sim) > STILL_MS;
    if (is_still) plan_make(sim);
    process_restart_at(sim, sim->world.now_ms);
}

static void begin_calm(struct sim *sim)
{
    world_tell(&sim->world, "      from here on nothing goes wrong");
    sim->is_calm = sim->net.is_calm = true;
    if (sim->faults != NULL) sim->faults->is_over = true;
    sim->disk.is_full = false;
    sim->disk.writes_left = -1;
    sim->process.sends_left = sim->process.start_writes = -1;
    model_set_stockout(sim->model, 0);
    model_switches(sim->model)->autoterminate = 0;
    authors_mend(sim);
    if (world_chance(&sim->world, CONCERN_PROCESS, 400)) plan_here(sim);
    for (size_t i = 0; i < sim->authors.len; i++) {
        sim->judge.dockets[i].writes = sim->judge.dockets[i].launches = 0;
    }
}

static int64_t quiet_ms(const struct sim *sim)
{
    return sim->scenario.interval_ms * 12 / 10 + sim->scenario.poll_ms + MINUTES;
}

/* As the manifests want it, and nothing was written for a while. */
static bool converges(struct sim *sim, uint64_t *events)
{
    AUTO_BUF struct buf why = BUF_INIT(JUDGE_WHY_MAX);
    int64_t most_ms = 5 * HOURS + sim->scenario.launch_timeout_ms;
    int64_t began_ms = sim->world.now_ms;
    bool is_done = false;
    while (!is_done && !sim->world.has_failed) {
        if (sim->world.now_ms - began_ms > most_ms) {
            world_fail(&sim->world, "%s; no convergence in %lld minutes", buf_text(&why),
                       (long long)(most_ms / MINUTES));
            return false;
        }
        int64_t quiet_from_ms = sim->judge.write_ms > began_ms ? sim->judge.write_ms : began_ms;
        int64_t until_ms = quiet_from_ms + quiet_ms(sim);
        if (until_ms <= sim->world.now_ms) until_ms = sim->world.now_ms + 10 * MINUTES;
        go_on(sim, until_ms, events);
        is_done = judge_is_converged(sim, &why) &&
                  judge_is_silent(sim, sim->world.now_ms - quiet_ms(sim) + 1, &why);
    }
    return !sim->world.has_failed;
}

static void calm_down(struct sim *sim, uint64_t *events)
{
    AUTO_BUF struct buf why = BUF_INIT(JUDGE_WHY_MAX);
    begin_calm(sim);
    if (!converges(sim, events)) return;
    int64_t since_ms = sim->world.now_ms;
    world_tell(&sim->world, "      it has converged");
    go_on(sim, since_ms + sim->scenario.interval_ms * 13 / 10, events);
    if (sim->world.has_failed) return;
    if (!judge_stays_so(sim, &why)) {
        world_fail(&sim->world, "%s; it did not stay so", buf_text(&why));
    } else if (!judge_is_silent(sim, since_ms, &why) || !judge_is_harmless(sim, &why) ||
               !judge_journal_is_done(sim, &why)) {
        world_fail(&sim->world, "%s", buf_text(&why));
    }
    for (size_t i = 0; i < sim->authors.len; i++) {
        if (sim->judge.dockets[i].writes <= BOUNDED_WRITES_MAX) continue;
        world_break(&sim->world, PROMISE_IMAGE, "%s: %u writes in the calm",
                    sim->authors.plots[i].name, sim->judge.dockets[i].writes);
    }
}

/* ---- the whole ---- */

static void begin(struct sim *sim, const struct sim_order *order)
{
    world_init(&sim->world, order->seed, &order->limits, order->is_traced);
    sim->state_path = order->state_path;
    scenario_draw(&sim->world, order->size, &sim->scenario);
    if (order->job != NULL) order->job->set_scene(&sim->scenario);
    if (order->empty != NULL) disk_copy(order->empty, &sim->disk);
    sim->disk.writes_left = -1;
    disk_use(&sim->disk);
    sim->faults = order->faults;
    if (order->faults != NULL) fault_plan_begin(order->faults, &sim->disk);
    sim_files_init(&sim->files, AUTHORS_ROOT);
    sim->files.faults = order->faults;
    sim->scenario.model.start_ms = sim_workspace_ms(sim);
    sim->model = model_create(&sim->scenario.model);
    net_init(sim);
    authors_begin(sim);
    judge_begin(sim);
    people_begin(sim);
    plan_deeds(sim);
    if (order->job != NULL) order->job->begin(sim);
    sim->process.start_writes = -1;
    process_restart_at(sim, sim->world.now_ms);
}

static void end(struct sim *sim)
{
    process_end(sim);
    judge_disk(sim);
    world_release(&sim->world);
    net_release(&sim->net);
    judge_release(&sim->judge);
    plan_release(&sim->plan);
    authors_release(&sim->authors);
    sim_files_release(&sim->files);
    model_destroy(sim->model);
    disk_release(&sim->disk);
}

void sim_run(const struct sim_order *order, struct sim_result *ret_result)
{
    struct sim *sim = xcalloc(1, sizeof(*sim));
    uint64_t events = 0;
    begin(sim, order);
    go_on(sim, sim->world.now_ms + sim->scenario.chaos_ms, &events);
    if (!sim->world.has_failed) calm_down(sim, &events);
    if (!sim->world.has_failed && order->job != NULL) order->job->judge(sim);
    *ret_result = (struct sim_result){
        .happenings = sim->world.happenings,
        .events = events,
        .starts = sim->process.starts,
        .kills = sim->process.kills,
        .requests = sim->judge.requests,
        .writes = sim->judge.writes,
        .virtual_ms = sim->world.now_ms,
        .fingerprint = sim->world.fingerprint,
    };
    ret_result->trace = order->is_traced ? buf_take(&sim->world.trace) : NULL;
    end(sim);
    ret_result->has_failed = sim->world.has_failed;
    memcpy(ret_result->failure, sim->world.failure, sizeof(ret_result->failure));
    xfree(sim);
}

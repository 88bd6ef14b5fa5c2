#include "scenario.h"

#define DRAW(bound)          ((int64_t)world_draw(world, CONCERN_SCENARIO, (bound)))
#define BETWEEN(least, most) world_draw_between(world, CONCERN_SCENARIO, (least), (most))
#define CHANCE(permille)     world_chance(world, CONCERN_SCENARIO, (permille))

const char *trouble_name(enum trouble trouble)
{
    static const char *const names[TROUBLE_COUNT] = {
        [TROUBLE_LOST] = "lost answer",
        [TROUBLE_RESET] = "reset",
        [TROUBLE_REFUSED] = "refused",
        [TROUBLE_HANG] = "hangs",
        [TROUBLE_SLOW] = "slow",
        [TROUBLE_THROTTLE] = "429",
        [TROUBLE_BUSY] = "503",
        [TROUBLE_SERVER] = "500 before the effect",
        [TROUBLE_LATE] = "500 after the effect",
        [TROUBLE_GATEWAY] = "502 with a page",
        [TROUBLE_EMPTY] = "an empty answer",
        [TROUBLE_CUT] = "cut answer",
        [TROUBLE_GARBAGE] = "garbage",
    };
    return names[trouble];
}

const char *deed_name(enum deed deed)
{
    static const char *const names[DEED_COUNT] = {
        [DEED_EDIT] = "edit", [DEED_BREAK] = "break",       [DEED_REMOVE] = "remove",
        [DEED_MOVE] = "move", [DEED_DEFAULTS] = "defaults", [DEED_SWITCH] = "switch",
        [DEED_ROOT] = "root", [DEED_SECRET] = "secret",     [DEED_PERSON] = "person",
        [DEED_JOB] = "job",   [DEED_LOSS] = "loss",         [DEED_KILL] = "kill",
        [DEED_STOP] = "stop", [DEED_RIVAL] = "rival",       [DEED_CLOCK] = "clock",
        [DEED_DISK] = "disk", [DEED_FORGET] = "forget",     [DEED_HANGUP] = "hangup",
    };
    return names[deed];
}

/* Every setting for what the reference does not know (databricks-api.md 10.2 item 7, 11). */
static void draw_switches(struct world *world, struct model_switches *switches)
{
    switches->credentials = DRAW(3);
    switches->idempotency = DRAW(2);
    switches->tag_edit_restarts = DRAW(2);
    switches->unknown_refused = DRAW(2);
    switches->delete_unknown_ok = DRAW(2);
    switches->restart_ended_ok = DRAW(2);
    switches->start_live_ok = DRAW(2);
    switches->resize_refreshes = DRAW(2);
    switches->edit_clears_reason = DRAW(2);
    switches->image_codes_exact = DRAW(2);
    switches->dcs_at_launch = DRAW(2);
    switches->autoterminate = CHANCE(250);
    switches->admin = CHANCE(850);
}

static void draw_delays(struct world *world, struct scenario *s)
{
    struct model_delays *delays = &s->model.delays;
    delays->pending_ms = BETWEEN(20 * SECONDS, s->size == SIM_SMALL ? 3 * MINUTES : 6 * MINUTES);
    delays->restart_ms = BETWEEN(10 * SECONDS, 2 * MINUTES);
    delays->resize_ms = BETWEEN(5 * SECONDS, 2 * MINUTES);
    delays->terminate_ms = BETWEEN(5 * SECONDS, 90 * SECONDS);
    delays->slow_image_ms = BETWEEN(1 * MINUTES, 15 * MINUTES);
    delays->library_ms = BETWEEN(1 * SECONDS, 60 * SECONDS);
    delays->jitter_pct = DRAW(40);
    /* A listing lags for less than the grace, which is what the grace is for. */
    delays->list_lag_ms = CHANCE(350) ? BETWEEN(1 * SECONDS, s->create_grace_ms * 3 / 4) : 0;
    delays->get_lag_ms = CHANCE(250) ? BETWEEN(1 * SECONDS, s->create_grace_ms / 2) : 0;
    s->latency_least_ms = BETWEEN(5, 100);
    s->latency_most_ms = s->latency_least_ms + BETWEEN(10, 2000);
}

static void draw_troubles(struct world *world, struct scenario *s)
{
    bool is_calm = CHANCE(120);
    for (size_t i = 0; i < TROUBLE_COUNT; i++) {
        bool exists = CHANCE(350);
        unsigned permille = (unsigned)BETWEEN(5, 80);
        if (exists && !is_calm) s->trouble_permille[i] = permille;
    }
}

static void draw_deeds(struct world *world, struct scenario *s)
{
    static const struct {
        unsigned exists; /* in so many of a thousand worlds */
        int64_t hourly_max;
    } rows[DEED_COUNT] = {
        [DEED_EDIT] = { 850, 12 }, [DEED_BREAK] = { 350, 8 },    [DEED_REMOVE] = { 450, 6 },
        [DEED_MOVE] = { 250, 4 },  [DEED_DEFAULTS] = { 300, 4 }, [DEED_SWITCH] = { 250, 3 },
        [DEED_ROOT] = { 200, 3 },  [DEED_SECRET] = { 250, 3 },   [DEED_PERSON] = { 600, 12 },
        [DEED_JOB] = { 300, 6 },   [DEED_LOSS] = { 300, 5 },     [DEED_KILL] = { 500, 8 },
        [DEED_STOP] = { 250, 4 },  [DEED_RIVAL] = { 150, 2 },    [DEED_CLOCK] = { 200, 4 },
        [DEED_DISK] = { 200, 3 },  [DEED_FORGET] = { 120, 2 },   [DEED_HANGUP] = { 200, 4 },
    };
    for (size_t i = 0; i < DEED_COUNT; i++) {
        bool exists = CHANCE(rows[i].exists);
        unsigned hourly = (unsigned)BETWEEN(1, rows[i].hourly_max);
        if (exists) s->deeds_hourly[i] = s->size == SIM_SMALL ? 2 * hourly : hourly;
    }
}

static void draw_controller(struct world *world, struct scenario *s)
{
    s->launch_timeout_ms = BETWEEN(20 * MINUTES, 60 * MINUTES);
    s->create_grace_ms = BETWEEN(60 * SECONDS, 4 * MINUTES);
    /* A rare look is as good as a frequent one, and five times as quick to run. */
    s->poll_ms = CHANCE(200) ? 10 * SECONDS : BETWEEN(20 * SECONDS, 120 * SECONDS);
    s->interval_ms = CHANCE(200) ? 2 * MINUTES : BETWEEN(4 * MINUTES, 15 * MINUTES);
    s->steps_max = CHANCE(200) ? (unsigned)BETWEEN(1, 3) : 32;
    s->in_flight_max = CHANCE(300) ? (unsigned)BETWEEN(1, 3) : 8;
    s->rate = CHANCE(200) ? 2 : 15;
}

void scenario_draw(struct world *world, enum sim_size size, struct scenario *ret_scenario)
{
    struct scenario *s = ret_scenario;
    *s = (struct scenario){ .size = size };
    s->clusters = (unsigned)(size == SIM_SMALL ? BETWEEN(2, 4) : BETWEEN(5, 60));
    s->directories = (unsigned)BETWEEN(1, size == SIM_SMALL ? 2 : 6);
    s->chaos_ms =
        size == SIM_SMALL ? BETWEEN(6 * MINUTES, 30 * MINUTES) : BETWEEN(30 * MINUTES, 3 * HOURS);
    s->keeps_cache = CHANCE(250);
    s->watch_ms = CHANCE(700) ? 50 : BETWEEN(50, 15 * SECONDS);
    s->wall_offset_ms = CHANCE(500) ? 0 : BETWEEN(-30 * MINUTES, 30 * MINUTES);
    model_config_defaults(&s->model);
    s->model.seed = prng_next(&world->prngs[CONCERN_SCENARIO]);
    s->model.cloud = (enum model_cloud)DRAW(3);
    draw_controller(world, s);
    draw_delays(world, s);
    draw_switches(world, &s->model.switches);
    draw_troubles(world, s);
    draw_deeds(world, s);
    /* The grace is counted on the wall clock: one that jumps ends it early. */
    if (s->deeds_hourly[DEED_CLOCK] > 0) {
        s->model.delays.list_lag_ms = s->model.delays.get_lag_ms = 0;
    }
}

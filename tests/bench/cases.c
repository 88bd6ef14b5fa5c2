#include "cases.h"

#include "buf.h"
#include "fleet.h"
#include "sim.h"

#include <signal.h>

enum {
    PLAN_LIMIT_S = 120,
    APPLY_LIMIT_S = 900,
    RUN_LIMIT_S = 900,
    PAGE_CLUSTERS = 100, /* databricks-api.md 5.4 */
    CALM_WINDOW_MS = 300,
    CALM_CPU_MS = 10, /* a tick of the clock that counts it */
    CALM_LIMIT_MS = 120000,
    REACTION_LIMIT_MS = 20000,
};

/* A fleet, a workspace and the paths of one size. */
struct site {
    const struct case_config *config;
    struct results *results;
    struct sim sim;
    struct buf manifests, state, cache, log;
    char env_host[96], env_hub[96];
    pid_t run; /* 0: not running */
};

static bool site_time(const struct site *site, const char *const *argv, unsigned limit_s,
                      struct timing *ret_timing, struct err *err)
{
    const char *const env[] = { site->env_host, site->env_hub, "DATABRICKS_TOKEN=" SIM_TOKEN,
                                NULL };
    struct job job = {
        .argv = argv, .env = env, .log = buf_text(&site->log), .out_fd = -1, .limit_s = limit_s
    };
    return job_time(&job, ret_timing, err);
}

/* As site_time, into a series; NULL: only done. */
static bool site_sample(const struct site *site, const char *const *argv, struct series *series,
                        struct err *err)
{
    struct timing timing;
    if (!site_time(site, argv, PLAN_LIMIT_S, &timing, err)) return false;
    if (series != NULL) series_add(series, timing);
    return true;
}

static bool sample_baseline(const struct site *site, const char *kind, struct series *series,
                            struct err *err)
{
    const char *const argv[] = { site->config->bench, "--baseline", kind,
                                 buf_text(&site->manifests), NULL };
    return site_sample(site, argv, series, err);
}

static bool sample_version(const struct site *site, struct series *series, struct err *err)
{
    const char *const argv[] = { BENCH_PROGRAM, "--version", NULL };
    return site_sample(site, argv, series, err);
}

static bool sample_plan(const struct site *site, struct series *series, struct err *err)
{
    const char *const argv[] = { BENCH_PROGRAM,
                                 "plan",
                                 "--no-refresh",
                                 "--state",
                                 buf_text(&site->state),
                                 buf_text(&site->manifests),
                                 NULL };
    return site_sample(site, argv, series, err);
}

static void forget_cache(const struct site *site)
{
    static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        AUTO_BUF struct buf path = BUF_INIT(FLEET_PATH_MAX);
        buf_addf(&path, "%s%s", buf_text(&site->cache), endings[i]);
        tree_remove(buf_text(&path));
    }
}

/* Another manifest each time, spread over the directories. */
static size_t changed_index(const struct site *site, unsigned run)
{
    return (size_t)run * 7919 % site->config->manifests;
}

/* A manifest changed, looked at, and as before again. */
static bool sample_change(const struct site *site, unsigned run, struct series *series,
                          struct err *err)
{
    const char *root = buf_text(&site->manifests);
    size_t index = changed_index(site, run);
    return fleet_change(root, index, 1 + run, NULL, err) && sample_plan(site, series, err) &&
           fleet_change(root, index, 0, NULL, err) && sample_plan(site, NULL, err);
}

/* ---- (a), (b), (c) without records: everything is to be created ---- */

static bool measure_new(struct site *site, struct series *walk, struct err *err)
{
    struct series bare = { 0 }, start = { 0 }, parse = { 0 }, first = { 0 }, again = { 0 };
    struct series changed = { 0 };
    /* In turns, so that what else the machine does strikes all alike. */
    for (unsigned run = 0; run < site->config->runs; run++) {
        forget_cache(site);
        if (!sample_baseline(site, "start", &bare, err) || !sample_version(site, &start, err) ||
            !sample_baseline(site, "parse", &parse, err) || !sample_plan(site, &first, err) ||
            !sample_baseline(site, "walk", walk, err) || !sample_plan(site, &again, err) ||
            !sample_change(site, run, &changed, err)) {
            return false;
        }
    }
    results_put(site->results, ROW_START_BARE, &bare);
    results_put(site->results, ROW_START, &start);
    results_put(site->results, ROW_PARSE, &parse);
    results_put(site->results, ROW_FIRST, &first);
    results_put(site->results, ROW_NEW_AGAIN, &again);
    results_put(site->results, ROW_NEW_CHANGED, &changed);
    return true;
}

/* ---- (b), (c), (d) of a fleet that is as desired ---- */

static bool measure_apply(struct site *site, struct err *err)
{
    const char *const argv[] = { BENCH_PROGRAM,
                                 "apply",
                                 "--state",
                                 buf_text(&site->state),
                                 "--rate",
                                 "1000",
                                 "--max-in-flight",
                                 "64",
                                 "--poll",
                                 "50ms",
                                 buf_text(&site->manifests),
                                 NULL };
    struct series once = { 0 };
    struct timing timing;
    if (!site_time(site, argv, APPLY_LIMIT_S, &timing, err)) return false;
    series_add(&once, timing);
    results_put(site->results, ROW_APPLY, &once);
    return true;
}

/* Were anything left to be done, the figures would be of another case. */
static bool expect_converged(const struct site *site, struct err *err)
{
    const char *const argv[] = { BENCH_PROGRAM,
                                 "plan",
                                 "--no-refresh",
                                 "--detailed-exitcode",
                                 "--state",
                                 buf_text(&site->state),
                                 buf_text(&site->manifests),
                                 NULL };
    if (site_sample(site, argv, NULL, err)) return true;
    return err_wrap(err, "after apply nothing may be left to do");
}

static bool measure_converged(struct site *site, struct series *walk, struct err *err)
{
    struct series again = { 0 }, changed = { 0 };
    if (!expect_converged(site, err)) return false;
    for (unsigned run = 0; run < site->config->runs; run++) {
        if (!sample_baseline(site, "walk", walk, err) || !sample_plan(site, &again, err) ||
            !sample_change(site, run, &changed, err)) {
            return false;
        }
    }
    results_put(site->results, ROW_AGAIN, &again);
    results_put(site->results, ROW_CHANGED, &changed);
    return true;
}

/* With the options that are the default: pacing is a part of it. The worst of the runs tells what
 * was asked beside the pages. */
static bool measure_refresh(struct site *site, struct err *err)
{
    const char *const argv[] = {
        BENCH_PROGRAM, "plan", "--state", buf_text(&site->state), buf_text(&site->manifests), NULL
    };
    struct series series = { 0 };
    int64_t pages = 0, others = 0;
    if (!row_is_for(ROW_REFRESH, site->config->manifests)) return true;
    for (unsigned run = 0; run < site->config->runs; run++) {
        struct sim_requests requests;
        if (!sim_forget(&site->sim, err) || !site_sample(site, argv, &series, err) ||
            !sim_count(&site->sim, &requests, err)) {
            return false;
        }
        pages = requests.pages;
        if (requests.total - requests.pages > others) others = requests.total - requests.pages;
    }
    results_put(site->results, ROW_REFRESH, &series);
    results_put_number(site->results, ROW_REFRESH_OTHERS, (double)others,
                       "at worst, beside %d page%s", (int)pages, pages == 1 ? "" : "s");
    return true;
}

/* ---- (e), (f): the service ---- */

static bool start_run(struct site *site, struct err *err)
{
    const char *const env[] = { site->env_host, site->env_hub, "DATABRICKS_TOKEN=" SIM_TOKEN,
                                NULL };
    const char *const argv[] = { BENCH_PROGRAM,
                                 "run",
                                 "--state",
                                 buf_text(&site->state),
                                 "--rate",
                                 "1000",
                                 buf_text(&site->manifests),
                                 NULL };
    struct job job = {
        .argv = argv, .env = env, .log = buf_text(&site->log), .out_fd = -1, .limit_s = RUN_LIMIT_S
    };
    return sim_forget(&site->sim, err) && job_start(&job, &site->run, err);
}

/* The workspace was listed, and nothing is done any more. */
static bool await_calm(const struct site *site, int64_t pages, struct err *err)
{
    double until_ms = clock_now_ms() + CALM_LIMIT_MS;
    int64_t cpu_before = 0, total_before = -1;
    for (unsigned calm = 0; calm < 2;) {
        struct sim_requests requests;
        int64_t cpu = 0;
        if (stop_is_asked()) return err_set(err, ERR_CANCELLED, "stopped by a signal");
        if (clock_now_ms() > until_ms) {
            return err_set(err, ERR_TIMEOUT, "run is still at work after %d ms", CALM_LIMIT_MS);
        }
        if (!process_cpu_ms(site->run, &cpu, err) || !sim_count(&site->sim, &requests, err)) {
            return false;
        }
        bool is_calm = requests.pages >= pages && requests.total == total_before &&
                       cpu - cpu_before <= CALM_CPU_MS;
        calm = is_calm ? calm + 1 : 0;
        cpu_before = cpu;
        total_before = requests.total;
        clock_wait_ms(CALM_WINDOW_MS);
    }
    return true;
}

static bool measure_idle(struct site *site, struct err *err)
{
    size_t pages = (site->config->manifests + PAGE_CLUSTERS - 1) / PAGE_CLUSTERS;
    int64_t cpu_began = 0, cpu_ended = 0, rss = 0, peak = 0;
    struct sim_requests requests;
    if (!await_calm(site, (int64_t)pages, err) || !sim_forget(&site->sim, err) ||
        !process_cpu_ms(site->run, &cpu_began, err)) {
        return false;
    }
    double began_ms = clock_now_ms();
    clock_wait_ms((int)site->config->idle_ms);
    double idle_ms = clock_now_ms() - began_ms;
    if (stop_is_asked()) return err_set(err, ERR_CANCELLED, "stopped by a signal");
    if (!process_cpu_ms(site->run, &cpu_ended, err) ||
        !process_rss_kib(site->run, &rss, &peak, err) || !sim_count(&site->sim, &requests, err)) {
        return false;
    }
    double share = 100.0 * (double)(cpu_ended - cpu_began) / idle_ms;
    results_put_number(site->results, ROW_IDLE_MEMORY, (double)rss / 1024, "peak %.1f MiB",
                       (double)peak / 1024);
    results_put_number(site->results, ROW_IDLE_CPU, share, "in %.1f s", idle_ms / 1e3);
    results_put_number(site->results, ROW_IDLE_REQUESTS, (double)requests.total, "in %.1f s",
                       idle_ms / 1e3);
    return true;
}

static bool sample_reaction(const struct site *site, unsigned run, int64_t offset_ms,
                            struct series *series, struct err *err)
{
    double renamed_ms = 0;
    struct sim_requests requests = { .first_write_at_ms = -1 };
    if (!sim_forget(&site->sim, err) ||
        !fleet_change(buf_text(&site->manifests), changed_index(site, run), 1 + run, &renamed_ms,
                      err)) {
        return false;
    }
    while (requests.first_write_at_ms < 0) {
        if (stop_is_asked()) return err_set(err, ERR_CANCELLED, "stopped by a signal");
        if (clock_now_ms() > renamed_ms + REACTION_LIMIT_MS) {
            return err_set(err, ERR_TIMEOUT, "run made no call within %d ms", REACTION_LIMIT_MS);
        }
        clock_wait_ms(CALM_WINDOW_MS); /* the time comes from the log: no need to look often */
        if (!sim_count(&site->sim, &requests, err)) return false;
    }
    /* The log rounds down. */
    double arrived_ms = (double)(requests.first_write_at_ms - offset_ms + 1);
    series_add(series, (struct timing){ .wall_ms = arrived_ms - renamed_ms });
    return true;
}

static bool measure_reaction(struct site *site, struct err *err)
{
    struct series series = { 0 };
    int64_t offset_ms = 0;
    if (!sim_set_speed(&site->sim, 1, err) || !sim_clock_offset(&site->sim, &offset_ms, err)) {
        return false;
    }
    for (unsigned run = 0; run < site->config->runs; run++) {
        if (!sample_reaction(site, run, offset_ms, &series, err) || !await_calm(site, 0, err)) {
            return false;
        }
    }
    results_put(site->results, ROW_REACTION, &series);
    return true;
}

static bool measure_service(struct site *site, struct err *err)
{
    if (!start_run(site, err) || !measure_idle(site, err) || !measure_reaction(site, err)) {
        return false;
    }
    pid_t pid = site->run;
    site->run = 0;
    return job_stop(pid, "run", err);
}

/* ---- all ---- */

static bool site_open(struct site *site, struct err *err)
{
    const struct case_config *config = site->config;
    buf_addf(&site->manifests, "%s/manifests", config->root);
    buf_addf(&site->state, "%s/state.db", config->root);
    buf_addf(&site->cache, "%s.cache", buf_text(&site->state));
    buf_addf(&site->log, "%s/log", config->root);
    if (!buf_ok(&site->manifests, "a path", err)) return false;
    if (!sim_start(buf_text(&site->log), &site->sim, err)) return false;
    (void)snprintf(site->env_host, sizeof(site->env_host), "DATABRICKS_HOST=%s", site->sim.host);
    (void)snprintf(site->env_hub, sizeof(site->env_hub), "CLUSTERKEEPER_DOCKER_HUB=%s",
                   site->sim.host);
    return fleet_create(buf_text(&site->manifests), config->manifests, err);
}

static void site_close(struct site *site)
{
    struct err ignored;
    if (site->run != 0) (void)!job_stop(site->run, "run", &ignored);
    (void)!sim_stop(&site->sim, &ignored);
    buf_release(&site->manifests);
    buf_release(&site->state);
    buf_release(&site->cache);
    buf_release(&site->log);
}

bool cases_run(const struct case_config *config, struct results *ret_results, struct err *err)
{
    struct site site = {
        .config = config,
        .results = ret_results,
        .manifests = BUF_INIT(FLEET_PATH_MAX),
        .state = BUF_INIT(FLEET_PATH_MAX),
        .cache = BUF_INIT(FLEET_PATH_MAX),
        .log = BUF_INIT(FLEET_PATH_MAX),
    };
    struct series walk = { 0 };
    *ret_results = (struct results){ .manifests = config->manifests };
    bool ok = site_open(&site, err) && measure_new(&site, &walk, err) &&
              measure_apply(&site, err) && measure_converged(&site, &walk, err) &&
              measure_refresh(&site, err) && measure_service(&site, err) &&
              sim_stop(&site.sim, err);
    results_put(ret_results, ROW_WALK, &walk);
    site_close(&site);
    return ok;
}

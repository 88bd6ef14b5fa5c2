/*
 * power_cuts: many lives of a state file, each from a seed, until so many power cuts have been
 * survived; or one looked at closely. See README.md.
 */
#include "life.h"
#include "mem.h"
#include "sim/arguments.h"
#include "workdir.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CUTS_PER_LIFE = 6, FAILURES_SHOWN_MAX = 10 };

static const char *const weak_names[WEAK_COUNT] = {
    [WEAK_NORMAL] = "normal",
    [WEAK_NOSYNC] = "nosync",
    [WEAK_SPLIT] = "split",
};

struct request {
    uint64_t from, cuts;
    enum weakness weakness;
    bool is_traced, is_single, checks_cache;
};

struct sum {
    uint64_t lives, failures, turns, kills, cuts;
    uint64_t cuts_at[MOMENT_COUNT];
};

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void add(struct sum *sum, const struct life_result *result)
{
    sum->lives++;
    sum->failures += result->has_failed;
    sum->turns += result->turns;
    sum->kills += result->kills;
    for (size_t i = 0; i < MOMENT_COUNT; i++) {
        sum->cuts_at[i] += result->cuts[i];
        sum->cuts += result->cuts[i];
    }
}

static void show_failure(const struct request *request, uint64_t seed,
                         const struct life_result *result)
{
    (void)printf("seed %llu failed: %s\n  replay: power_cuts --seed %llu --trace",
                 (unsigned long long)seed, result->failure, (unsigned long long)seed);
    if (request->weakness != WEAK_NOWHERE) {
        (void)printf(" --weaken %s", weak_names[request->weakness]);
    }
    (void)printf("%s\n", request->checks_cache ? " --cache" : "");
}

static void show_sum(const struct sum *sum, double took)
{
    (void)printf("%llu power cuts and %llu kills in %llu lives, %llu turns; %llu lives failed; "
                 "%.1f s\n",
                 (unsigned long long)sum->cuts, (unsigned long long)sum->kills,
                 (unsigned long long)sum->lives, (unsigned long long)sum->turns,
                 (unsigned long long)sum->failures, took);
    for (size_t i = 0; i < MOMENT_COUNT; i++) {
        (void)printf("  %-17s %6llu\n", moment_name((enum moment)i),
                     (unsigned long long)sum->cuts_at[i]);
    }
}

/* Every moment was met, or the sum of cuts proves less than it seems to. */
static bool is_varied(const struct sum *sum)
{
    bool is_varied = true;
    for (size_t i = 0; i < MOMENT_COUNT; i++) {
        if (sum->cuts_at[i] > 0) continue;
        (void)printf("no power cut at: %s\n", moment_name((enum moment)i));
        is_varied = false;
    }
    return is_varied;
}

static int run(const struct request *request, const char *state_path)
{
    enum { VARIED_FROM = 1000 };
    struct sum sum = { .lives = 0 };
    double began = seconds();
    bool is_weak = request->weakness != WEAK_NOWHERE;
    uint64_t shown_max = is_weak ? 1 : FAILURES_SHOWN_MAX;
    for (uint64_t seed = request->from; sum.cuts < request->cuts; seed++) {
        struct life_order order = {
            .seed = seed,
            .cuts_max = CUTS_PER_LIFE,
            .weakness = request->weakness,
            .is_traced = request->is_traced,
            .checks_cache = request->checks_cache,
            .path = state_path,
        };
        struct life_result result;
        life_run(&order, &result);
        add(&sum, &result);
        if (result.has_failed) show_failure(request, seed, &result);
        if (request->is_single || sum.failures == shown_max) break;
    }
    show_sum(&sum, seconds() - began);
    if (is_weak) { /* then to find nothing is to have failed */
        (void)printf("%s\n", sum.failures > 0 ? "it was found out" : "it was not found out");
        return sum.failures > 0 ? 0 : 1;
    }
    bool is_enough = request->cuts < VARIED_FROM || sum.failures > 0 || is_varied(&sum);
    return sum.failures == 0 && is_enough ? 0 : 1;
}

static const char usage[] =
    "usage: power_cuts [--cuts N] [--from SEED] [--cache] [--weaken normal|nosync|split]\n"
    "       power_cuts --seed S [--trace] [--cache] [--weaken ...]\n";

static bool read_request(int argc, char **argv, struct request *request, int *ret_exit)
{
    unsigned weakness = request->weakness;
    const struct argument options[] = {
        { "cuts", ARGUMENT_NUMBER, "N", "until so many are survived",
          .ret_number = &request->cuts },
        { "from", ARGUMENT_NUMBER, "SEED", "the first life", .ret_number = &request->from },
        { "seed", ARGUMENT_NUMBER, "S", "this life alone", .ret_is_given = &request->is_single,
          .ret_number = &request->from },
        { "trace", ARGUMENT_FLAG, NULL, "tell each life", .ret_is_given = &request->is_traced },
        { "weaken", ARGUMENT_WORD, "normal|nosync|split", "succeed when this is found out",
          .ret_word = &weakness, .words = weak_names, .words_len = WEAK_COUNT },
        { "cache", ARGUMENT_FLAG, NULL, "check the cache file too",
          .ret_is_given = &request->checks_cache },
    };
    const struct arguments arguments = { usage, options, COUNT_OF(options) };
    if (!arguments_read(&arguments, argc, argv, ret_exit)) return false;
    request->weakness = (enum weakness)weakness;
    return true;
}

int main(int argc, char **argv)
{
    struct request request = { .from = 1, .cuts = 1500 };
    struct workdir workdir;
    int rc = 0;
    if (!read_request(argc, argv, &request, &rc)) return rc;
    if (!workdir_make(&workdir)) return 1;
    rc = run(&request, workdir.state_path);
    workdir_remove(&workdir);
    return rc;
}

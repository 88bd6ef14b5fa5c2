/*
 * fault_points: the main job once for each point at which something can fail, and each way in which
 * it can. See README.md.
 */
#include "job.h"
#include "sim/arguments.h"
#include "workdir.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { FAILURES_SHOWN_MAX = 10 };

struct request {
    uint64_t every; /* each so many-th point */
    const char *kind;
    uint64_t number; /* this one alone, if is_single */
    bool is_single;
    bool is_traced;
    bool is_hasty; /* the job that has to be found out */
};

struct row {
    uint64_t points, runs, failures;
};

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* One run; false: it failed. */
static bool run(const struct request *request, const char *state_path, struct fault_plan *plan)
{
    struct sim_order order = {
        .seed = 1,
        .limits = { .happenings_max = UINT32_MAX },
        .is_traced = request->is_traced,
        .state_path = state_path,
        .job = request->is_hasty ? &hasty_job : &main_job,
        .faults = plan,
    };
    struct sim_result result;
    sim_run(&order, &result);
    if (result.trace != NULL) (void)fputs(result.trace, stdout);
    xfree(result.trace);
    bool is_missed = plan->kind != NULL && !plan->has_struck;
    if (!result.has_failed && !is_missed) return true;
    (void)printf("%s, point %llu: %s\n", plan->kind == NULL ? "no fault" : plan->kind->name,
                 (unsigned long long)plan->number,
                 result.has_failed ? result.failure : "it was never passed");
    if (plan->kind != NULL) {
        (void)printf("  replay: fault_points --kind '%s' --number %llu --trace\n", plan->kind->name,
                     (unsigned long long)plan->number);
    }
    return false;
}

/* Where not all are run, each kind begins at another point. */
static void run_kind(const struct request *request, const char *state_path, size_t kind_index,
                     struct row *row)
{
    const struct fault_kind *kind = &fault_kinds[kind_index];
    uint64_t first = request->is_single ? request->number : kind_index % request->every;
    uint64_t last = request->is_single ? first + 1 : row->points;
    for (uint64_t i = first; i < last; i += request->every) {
        struct fault_plan plan = { .kind = kind, .number = i };
        row->runs++;
        if (!run(request, state_path, &plan)) row->failures++;
        if (row->failures == FAILURES_SHOWN_MAX) return;
    }
}

/* The table, row by row as it is made; 0: no run has failed. */
static int run_all(const struct request *request, const char *state_path)
{
    struct fault_plan counting = { .number = 0 };
    struct request quiet = *request;
    struct row sum = { .runs = 0 };
    double began = seconds();
    quiet.is_traced = request->is_traced && request->kind == NULL;
    if (!run(&quiet, state_path, &counting)) return 1;
    if (quiet.is_traced) return 0;
    (void)printf("%-28s %8s %8s %8s\n", "kind", "points", "runs", "failures");
    for (size_t i = 0; i < fault_kinds_len; i++) {
        const struct fault_kind *kind = &fault_kinds[i];
        struct row row = { .points = counting.passed[kind->point] };
        if (request->kind != NULL && strcmp(request->kind, kind->name) != 0) continue;
        run_kind(request, state_path, i, &row);
        sum.points += row.points;
        sum.runs += row.runs;
        sum.failures += row.failures;
        (void)printf("%-28s %8llu %8llu %8llu\n", kind->name, (unsigned long long)row.points,
                     (unsigned long long)row.runs, (unsigned long long)row.failures);
        (void)fflush(stdout);
    }
    (void)printf("%-28s %8llu %8llu %8llu   %.1f s\n", "all", (unsigned long long)sum.points,
                 (unsigned long long)sum.runs, (unsigned long long)sum.failures, seconds() - began);
    bool is_found = sum.failures > 0;
    if (request->is_hasty) (void)printf("it was %s\n", is_found ? "found out" : "not found out");
    return sum.runs > 0 && is_found == request->is_hasty ? 0 : 1;
}

static const char usage[] =
    "usage: fault_points [--every N] [--kind 'NAME'] [--number K] [--trace] [--hasty]\n";

static bool read_request(int argc, char **argv, struct request *request, int *ret_exit)
{
    const struct argument options[] = {
        { "every", ARGUMENT_NUMBER, "N", "each so many-th point", .min = 1,
          .ret_number = &request->every },
        { "kind", ARGUMENT_TEXT, "NAME", "this kind of failure alone", .ret_text = &request->kind },
        { "number", ARGUMENT_NUMBER, "K", "this point alone", .ret_is_given = &request->is_single,
          .ret_number = &request->number },
        { "trace", ARGUMENT_FLAG, NULL, "tell each run", .ret_is_given = &request->is_traced },
        { "hasty", ARGUMENT_FLAG, NULL, "succeed when the hasty job is found out",
          .ret_is_given = &request->is_hasty },
    };
    const struct arguments arguments = { usage, options, COUNT_OF(options) };
    return arguments_read(&arguments, argc, argv, ret_exit);
}

int main(int argc, char **argv)
{
    struct request request = { .every = 1 };
    struct workdir workdir;
    int rc = 0;
    if (!read_request(argc, argv, &request, &rc)) return rc;
    if (!workdir_make(&workdir)) return 1;
    rc = run_all(&request, workdir.state_path);
    workdir_remove(&workdir);
    return rc;
}

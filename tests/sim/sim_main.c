/*
 * sim: many runs from many seeds, or one run looked at closely. See README.md.
 */
#include "arguments.h"
#include "marks.h"
#include "shrink.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DIRECTORY_SIZE = 200, PATH_SIZE = 240, FAILURES_SHOWN_MAX = 10 };

enum { WITHOUT_MAX = 4096, LINE_SIZE = 256 };

/* What the command line asks for. */
struct request {
    uint64_t from, seeds;
    const char *list; /* a file of seeds; NULL: none */
    enum sim_size size;
    bool is_traced, checks_twice, goes_on, shrinks, reports_marks, wants_marks;
    unsigned happenings_max;
    unsigned without[WITHOUT_MAX];
    size_t without_len;
};

/* Where runs have their state, and what they came to so far. */
struct bench {
    char state_path[PATH_SIZE];
    struct disk empty;
    uint64_t runs, failures, events, requests, writes, kills, starts, happenings;
    int64_t virtual_ms;
};

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- the place ---- */

static bool make_place(char ret_directory[DIRECTORY_SIZE])
{
    static const char shared[] = "/dev/shm";
    const char *temporary = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): one thread */
    const char *base = access(shared, W_OK) == 0 ? shared : temporary != NULL ? temporary : "/tmp";
    int len = snprintf(ret_directory, DIRECTORY_SIZE, "%s/clusterkeeper-sim-XXXXXX", base);
    return len > 0 && len < DIRECTORY_SIZE && mkdtemp(ret_directory) != NULL;
}

static void remove_place(const char *directory)
{
    static const char *const names[] = { "state.db", "state.db.lock", "state.db.cache" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[PATH_SIZE];
        (void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(directory);
}

/* A disk with a new state file on it, so that not each run has to make one. */
static bool make_disk(const char *state_path, struct disk *ret_disk)
{
    struct store *store = NULL;
    struct err err;
    *ret_disk = (struct disk){ .writes_left = -1 };
    disk_use(ret_disk);
    if (!store_open(state_path, STORE_WRITE, SIM_HOST, "run", &store, &err)) {
        (void)fprintf(stderr, "sim: %s\n", err.text);
        return false;
    }
    store_close(store);
    return true;
}

/* ---- one run ---- */

static void add(struct bench *bench, const struct sim_result *result)
{
    bench->runs++;
    bench->failures += result->has_failed;
    bench->events += result->events;
    bench->requests += result->requests;
    bench->writes += result->writes;
    bench->kills += result->kills;
    bench->starts += result->starts;
    bench->happenings += result->happenings;
    bench->virtual_ms += result->virtual_ms - 1000 * SECONDS;
}

/* The line that shows it again. */
static void show_replay(const struct sim_order *order, const struct limits *limits)
{
    (void)printf("  replay: sim --seed %llu --size %s", (unsigned long long)order->seed,
                 order->size == SIM_SMALL ? "small" : "large");
    if (limits->happenings_max != UINT32_MAX) {
        (void)printf(" --happenings %u", limits->happenings_max);
    }
    for (size_t i = 0; i < limits->without_len; i++) {
        (void)printf("%s%u", i == 0 ? " --without " : ",", limits->without[i]);
    }
    (void)printf(" --trace\n");
}

static void show_failure(const struct request *request, const struct sim_order *order,
                         const struct sim_result *result)
{
    (void)printf("seed %llu failed: %s\n", (unsigned long long)order->seed, result->failure);
    show_replay(order, &order->limits);
    if (!request->shrinks) return;
    struct limits limits;
    shrink(order, result->happenings, &limits);
    (void)printf("  with %zu of %u happenings:\n", limits.happenings_max - limits.without_len,
                 result->happenings);
    show_replay(order, &limits);
    struct sim_order small = *order;
    struct sim_result again;
    small.limits = limits;
    small.is_traced = true;
    sim_run(&small, &again);
    (void)fputs(again.trace, stdout);
    xfree(again.trace);
    /* NOLINTNEXTLINE(clang-diagnostic-cast-qual): given to us to free */
    xfree((unsigned *)(uintptr_t)limits.without);
}

/* Equal seeds, equal runs. */
static void check_twice(const struct sim_order *order, struct sim_result *result)
{
    struct sim_result again;
    sim_run(order, &again);
    if (again.fingerprint != result->fingerprint && !result->has_failed) {
        result->has_failed = true;
        (void)snprintf(result->failure, sizeof(result->failure),
                       "two runs of this seed are not the same");
    }
    xfree(again.trace);
}

static void run_one(const struct request *request, struct bench *bench, uint64_t seed,
                    enum sim_size size)
{
    struct sim_order order = {
        .seed = seed,
        .size = size,
        .limits = { request->happenings_max, request->without, request->without_len },
        .is_traced = request->is_traced,
        .state_path = bench->state_path,
        .empty = seed % 16 == 0 ? NULL : &bench->empty, /* some make their state file themselves */
    };
    struct sim_result result;
    sim_run(&order, &result);
    if (request->checks_twice) check_twice(&order, &result);
    add(bench, &result);
    if (result.trace != NULL) (void)fputs(result.trace, stdout);
    xfree(result.trace);
    if (result.has_failed) show_failure(request, &order, &result);
}

/* ---- all of them ---- */

/* Lines of "seed size: what it once found". */
static bool run_list(const struct request *request, struct bench *bench)
{
    FILE *file = fopen(request->list, "r");
    if (file == NULL) {
        (void)fprintf(stderr, "sim: cannot open '%s'\n", request->list);
        return false;
    }
    char line[LINE_SIZE];
    while (fgets(line, sizeof(line), file) != NULL) {
        char *end = NULL;
        if (line[0] == '#' || line[0] == '\n') continue;
        uint64_t seed = strtoull(line, &end, 10);
        run_one(request, bench, seed, strncmp(end, " large", 6) == 0 ? SIM_LARGE : SIM_SMALL);
    }
    (void)fclose(file);
    return true;
}

static void run_range(const struct request *request, struct bench *bench)
{
    for (uint64_t i = 0; i < request->seeds; i++) {
        run_one(request, bench, request->from + i, request->size);
        if (bench->failures >= FAILURES_SHOWN_MAX && !request->goes_on) return;
    }
}

static void show_sum(const struct bench *bench, double took)
{
    double runs = (double)bench->runs;
    (void)printf("%llu runs, %llu failed; %.1f s, %.0f runs a second\n"
                 "  each: %.1f h of virtual time, %.0f events, %.0f requests, %.0f writes, "
                 "%.1f happenings, %.1f starts, %.1f kills\n",
                 (unsigned long long)bench->runs, (unsigned long long)bench->failures, took,
                 runs / took, (double)bench->virtual_ms / (double)HOURS / runs,
                 (double)bench->events / runs, (double)bench->requests / runs,
                 (double)bench->writes / runs, (double)bench->happenings / runs,
                 (double)bench->starts / runs, (double)bench->kills / runs);
}

static int run_all(const struct request *request, struct bench *bench)
{
    double began = seconds();
    if (request->list != NULL) {
        if (!run_list(request, bench)) return 1;
    } else {
        run_range(request, bench);
    }
    show_sum(bench, seconds() - began);
    if (request->reports_marks) (void)marks_report(stdout);
    if (request->wants_marks && marks_missing(stdout) > 0) return 1;
    return bench->failures == 0 ? 0 : 1;
}

/* ---- the command line ---- */

static const char usage[] =
    "usage: sim [--seeds N] [--from S] [--size small|large] [--list FILE] [--go-on] [--shrink]\n"
    "           [--twice] [--marks] [--all-marks]\n"
    "       sim --seed S [--size small|large] [--happenings N] [--without N,N,...] [--trace]\n";

static void read_numbers(const char *text, struct request *request)
{
    while (*text != '\0' && request->without_len < WITHOUT_MAX) {
        char *end = NULL;
        request->without[request->without_len++] = (unsigned)strtoul(text, &end, 10);
        if (end == text) return;
        text = *end == ',' ? end + 1 : end;
    }
}

static bool read_request(int argc, char **argv, struct request *request, int *ret_exit)
{
    static const char *const sizes[] = { [SIM_SMALL] = "small", [SIM_LARGE] = "large" };
    bool is_single = false;
    uint64_t happenings_max = request->happenings_max;
    const char *without = "";
    unsigned size = request->size;
    const struct argument options[] = {
        { "seeds", ARGUMENT_NUMBER, "N", "so many runs", .ret_number = &request->seeds },
        { "from", ARGUMENT_NUMBER, "S", "the first seed", .ret_number = &request->from },
        { "seed", ARGUMENT_NUMBER, "S", "this seed alone", .ret_is_given = &is_single,
          .ret_number = &request->from },
        { "size", ARGUMENT_WORD, "small|large", "of the worlds", .ret_word = &size, .words = sizes,
          .words_len = COUNT_OF(sizes) },
        { "list", ARGUMENT_TEXT, "FILE", "the seeds in this file", .ret_text = &request->list },
        { "trace", ARGUMENT_FLAG, NULL, "tell each run", .ret_is_given = &request->is_traced },
        { "twice", ARGUMENT_FLAG, NULL, "equal seeds, equal runs",
          .ret_is_given = &request->checks_twice },
        { "go-on", ARGUMENT_FLAG, NULL, "however many have failed",
          .ret_is_given = &request->goes_on },
        { "shrink", ARGUMENT_FLAG, NULL, "make a run that fails small",
          .ret_is_given = &request->shrinks },
        { "marks", ARGUMENT_FLAG, NULL, "show the rare branches",
          .ret_is_given = &request->reports_marks },
        { "all-marks", ARGUMENT_FLAG, NULL, "none may be missing",
          .ret_is_given = &request->wants_marks },
        { "happenings", ARGUMENT_NUMBER, "N", "only the first so many", .max = UINT32_MAX,
          .ret_number = &happenings_max },
        { "without", ARGUMENT_TEXT, "N,N,...", "but not these happenings", .ret_text = &without },
    };
    const struct arguments arguments = { usage, options, COUNT_OF(options) };
    if (!arguments_read(&arguments, argc, argv, ret_exit)) return false;
    if (is_single) request->seeds = 1;
    request->happenings_max = (unsigned)happenings_max;
    request->size = (enum sim_size)size;
    read_numbers(without, request);
    return true;
}

int main(int argc, char **argv)
{
    static struct request request = { .from = 1, .seeds = 100, .happenings_max = UINT32_MAX };
    struct bench bench = { .runs = 0 };
    char directory[DIRECTORY_SIZE];
    int rc = 0;
    if (!read_request(argc, argv, &request, &rc)) return rc;
    if (!make_place(directory)) {
        (void)fprintf(stderr, "sim: cannot make a directory for state files\n");
        return 1;
    }
    (void)snprintf(bench.state_path, sizeof(bench.state_path), "%s/state.db", directory);
    rc = make_disk(bench.state_path, &bench.empty) ? run_all(&request, &bench) : 1;
    disk_release(&bench.empty);
    remove_place(directory);
    return rc;
}

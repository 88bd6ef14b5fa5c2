/*
 * sim: many runs from many seeds, or one run looked at closely. See README.md.
 */
#include "marks.h"
#include "shrink.h"

#include <getopt.h>
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

static const struct option options[] = {
    { "seeds", required_argument, NULL, 'n' },   { "from", required_argument, NULL, 'f' },
    { "seed", required_argument, NULL, 's' },    { "size", required_argument, NULL, 'z' },
    { "list", required_argument, NULL, 'l' },    { "trace", no_argument, NULL, 't' },
    { "twice", no_argument, NULL, '2' },         { "go-on", no_argument, NULL, 'g' },
    { "shrink", no_argument, NULL, 'k' },        { "marks", no_argument, NULL, 'm' },
    { "all-marks", no_argument, NULL, 'M' },     { "happenings", required_argument, NULL, 'h' },
    { "without", required_argument, NULL, 'w' }, { NULL, 0, NULL, 0 },
};

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

static bool read_option(int option, const char *value, struct request *request)
{
    switch (option) {
    case 'n':
        request->seeds = strtoull(value, NULL, 10);
        return true;
    case 'f':
        request->from = strtoull(value, NULL, 10);
        return true;
    case 's':
        request->from = strtoull(value, NULL, 10);
        request->seeds = 1;
        return true;
    case 'z':
        request->size = strcmp(value, "large") == 0 ? SIM_LARGE : SIM_SMALL;
        return true;
    case 'l':
        request->list = value;
        return true;
    case 't':
        request->is_traced = true;
        return true;
    case '2':
        request->checks_twice = true;
        return true;
    case 'g':
        request->goes_on = true;
        return true;
    case 'k':
        request->shrinks = true;
        return true;
    case 'm':
        request->reports_marks = true;
        return true;
    case 'M':
        request->wants_marks = true;
        return true;
    case 'h':
        request->happenings_max = (unsigned)strtoul(value, NULL, 10);
        return true;
    case 'w':
        read_numbers(value, request);
        return true;
    default:
        return false;
    }
}

int main(int argc, char **argv)
{
    static struct request request = { .from = 1, .seeds = 100, .happenings_max = UINT32_MAX };
    struct bench bench = { .runs = 0 };
    char directory[DIRECTORY_SIZE];
    int option = 0;
    bool is_good = true;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    while (is_good && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        is_good = read_option(option, optarg, &request);
    }
    if (!is_good || optind != argc) {
        (void)fputs(usage, stderr);
        return 64;
    }
    if (!make_place(directory)) {
        (void)fprintf(stderr, "sim: cannot make a directory for state files\n");
        return 1;
    }
    (void)snprintf(bench.state_path, sizeof(bench.state_path), "%s/state.db", directory);
    int rc = make_disk(bench.state_path, &bench.empty) ? run_all(&request, &bench) : 1;
    disk_release(&bench.empty);
    remove_place(directory);
    return rc;
}

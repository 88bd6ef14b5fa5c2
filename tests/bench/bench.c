/*
 * bench: what clusterkeeper costs, beside the least that it could cost. See README.md.
 */
#include "baseline.h"
#include "cases.h"
#include "fleet.h"
#include "text.h"

#include "buf.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZES_MAX = 8, EXIT_USAGE = 64, QUICK_MANIFESTS = 20, PATH_BYTES_MAX = 768 };

#if defined(__SANITIZE_ADDRESS__)
#define BENCH_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BENCH_SANITIZED true
#endif
#endif
#ifndef BENCH_SANITIZED
#define BENCH_SANITIZED false
#endif

struct settings {
    size_t sizes[SIZES_MAX];
    size_t sizes_len;
    unsigned runs;
    unsigned idle_ms;
    bool quick, help;
};

static const char help[] =
    "Usage: bench [OPTION]...\n"
    "Prints what clusterkeeper costs, beside bare libyaml and a bare walk of the directory.\n\n"
    "  --sizes N,N,...  manifests; default 10,1000,10000\n"
    "  --runs N         of each measurement, for the median; default 5\n"
    "  --idle SECONDS   how long an idle run is watched; default 5\n"
    "  --quick          20 manifests, once: only to see that all of it works\n"
    "  --help           this text\n\n"
    "Exit status: 0 when every row was measured, whether its target was met or not; 1 otherwise.\n";

static bool read_sizes(const char *text, struct settings *settings, struct err *err)
{
    settings->sizes_len = 0;
    while (settings->sizes_len < SIZES_MAX) {
        char number[16];
        size_t len = strcspn(text, ",");
        int64_t size = 0;
        if (len >= sizeof(number)) break;
        memcpy(number, text, len);
        number[len] = '\0';
        if (!text_to_i64(number, 1, FLEET_MAX, &size)) break;
        settings->sizes[settings->sizes_len++] = (size_t)size;
        if (text[len] == '\0') return true;
        text += len + 1;
    }
    return err_set(err, ERR_USAGE, "--sizes: want up to %d numbers from 1 to %d, as in 10,1000",
                   SIZES_MAX, FLEET_MAX);
}

static bool read_count(const char *name, const char *text, int64_t max, unsigned *ret_count,
                       struct err *err)
{
    int64_t number = 0;
    if (!text_to_i64(text, 1, max, &number)) {
        return err_set(err, ERR_USAGE, "%s: want a number from 1 to %d", name, (int)max);
    }
    *ret_count = (unsigned)number;
    return true;
}

static bool read_settings(int argc, char **argv, struct settings *ret_settings, struct err *err)
{
    struct settings settings = { { 10, 1000, 10000 }, 3, 5, 5000, false, false };
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        unsigned seconds = 0;
        if (strcmp(argv[i], "--help") == 0) {
            settings.help = true;
        } else if (strcmp(argv[i], "--quick") == 0) {
            settings = (struct settings){ { QUICK_MANIFESTS }, 1, 1, 500, true, false };
        } else if (strcmp(argv[i], "--sizes") == 0) {
            if (!read_sizes(value, &settings, err)) return false;
            i++;
        } else if (strcmp(argv[i], "--runs") == 0) {
            if (!read_count("--runs", value, RUNS_MAX, &settings.runs, err)) return false;
            i++;
        } else if (strcmp(argv[i], "--idle") == 0) {
            if (!read_count("--idle", value, 600, &seconds, err)) return false;
            settings.idle_ms = seconds * 1000;
            i++;
        } else {
            return err_set(err, ERR_USAGE, "there is no option '%.100s'; see --help", argv[i]);
        }
    }
    *ret_settings = settings;
    return true;
}

/* One size in a directory of its own. What was measured is printed, also after an error. */
static bool bench_size(const struct settings *settings, const char *bench, const char *scratch,
                       size_t manifests, struct err *err)
{
    AUTO_BUF struct buf root = BUF_INIT(FLEET_PATH_MAX);
    struct results results;
    buf_addf(&root, "%s/%zu", scratch, manifests);
    if (!buf_ok(&root, "a path", err)) return false;
    if (mkdir(buf_text(&root), 0755) != 0) {
        return err_set(err, ERR_IO, "cannot make %s", buf_text(&root));
    }
    struct case_config config = {
        .bench = bench,
        .root = buf_text(&root),
        .manifests = manifests,
        .runs = settings->runs,
        .idle_ms = settings->idle_ms,
    };
    struct err missing;
    bool ok = cases_run(&config, &results, err);
    bool complete = table_print(&results, stdout, &missing);
    (void)fflush(stdout);
    tree_remove(buf_text(&root));
    if (ok && !complete) *err = missing;
    return ok && complete;
}

static bool bench_all(const struct settings *settings, struct err *err)
{
    char bench[PATH_BYTES_MAX] = "";
    char scratch[PATH_BYTES_MAX];
    const char *parent = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): one thread */
    int len = snprintf(scratch, sizeof(scratch), "%s/clusterkeeper-bench-XXXXXX",
                       parent == NULL ? "/tmp" : parent);
    if (readlink("/proc/self/exe", bench, sizeof(bench) - 1) < 0) {
        return err_set(err, ERR_IO, "cannot find out what our own program is: /proc is missing");
    }
    if (len < 0 || (size_t)len >= sizeof(scratch) || mkdtemp(scratch) == NULL) {
        return err_set(err, ERR_IO, "cannot make a directory in %s", parent);
    }
    table_print_facts(settings->runs, stdout);
    bool ok = true;
    for (size_t i = 0; ok && i < settings->sizes_len; i++) {
        ok = bench_size(settings, bench, scratch, settings->sizes[i], err);
    }
    tree_remove(scratch);
    return ok;
}

static int fail(const struct err *err)
{
    (void)fprintf(stderr, "bench: %s\n", err->text);
    return err->code == ERR_USAGE ? EXIT_USAGE : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct settings settings = { 0 };
    struct err err;
    if (argc == 4 && strcmp(argv[1], "--baseline") == 0) {
        return baseline_run(argv[2], argv[3], &err) ? EXIT_SUCCESS : fail(&err);
    }
    if (!read_settings(argc, argv, &settings, &err)) return fail(&err);
    if (settings.help) {
        (void)fputs(help, stdout);
        return EXIT_SUCCESS;
    }
    if (BENCH_SANITIZED && !settings.quick) {
        (void)err_set(&err, ERR_USAGE,
                      "a build with sanitizers has no figures to give: build the preset `release`, "
                      "or run --quick");
        return fail(&err);
    }
    if (BENCH_SANITIZED) (void)puts("A build with sanitizers: these are no figures.");
    stop_catch();
    return bench_all(&settings, &err) ? EXIT_SUCCESS : fail(&err);
}

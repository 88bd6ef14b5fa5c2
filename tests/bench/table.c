#include "table.h"

#include "buf.h"
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { REFRESH_MANIFESTS_MAX = 1000, CPU_MODEL_MAX = 128, LINE_BYTES_MAX = 512 };

/* How a target is meant. */
enum target_kind {
    TARGET_NONE,
    TARGET_TIMES,  /* at most `limit` times the row `other` */
    TARGET_WITHIN, /* at most `limit` more than the row `other` */
    TARGET_MOST,   /* at most `limit` */
};

static const struct row_rule {
    const char *mark; /* as the benchmark's description calls it */
    const char *what;
    const char *unit;
    enum target_kind kind;
    enum row other;
    double limit;
    size_t manifests_max; /* not measured beyond; 0: always */
} rules[ROW_COUNT] = {
    [ROW_START_BARE] = { "", "bare process start", "ms", TARGET_NONE, 0, 0, 0 },
    [ROW_START] = { "", "clusterkeeper --version", "ms", TARGET_NONE, 0, 0, 0 },
    [ROW_PARSE] = { "", "bare libyaml events and SHA-256", "ms", TARGET_NONE, 0, 0, 0 },
    [ROW_WALK] = { "", "bare walk with stat", "ms", TARGET_NONE, 0, 0, 0 },
    [ROW_FIRST] = { "a", "plan --no-refresh, first time", "ms", TARGET_TIMES, ROW_PARSE, 1.5, 0 },
    [ROW_NEW_AGAIN] = { "b", "  again, all still to be created", "ms", TARGET_TIMES, ROW_WALK, 3,
                        0 },
    [ROW_NEW_CHANGED] = { "c", "  one file changed", "ms", TARGET_WITHIN, ROW_NEW_AGAIN, 10, 0 },
    [ROW_APPLY] = { "", "apply, all created, until they run", "ms", TARGET_NONE, 0, 0, 0 },
    [ROW_AGAIN] = { "b", "plan --no-refresh, all as desired", "ms", TARGET_TIMES, ROW_WALK, 3, 0 },
    [ROW_CHANGED] = { "c", "  one file changed", "ms", TARGET_WITHIN, ROW_AGAIN, 10, 0 },
    [ROW_REFRESH] = { "d", "plan, workspace asked", "ms", TARGET_NONE, 0, 0,
                      REFRESH_MANIFESTS_MAX },
    [ROW_REFRESH_OTHERS] = { "d", "  requests that are not list pages", "", TARGET_MOST, 0, 0,
                             REFRESH_MANIFESTS_MAX },
    [ROW_IDLE_MEMORY] = { "e", "idle run: resident memory", "MiB", TARGET_MOST, 0, 32, 0 },
    [ROW_IDLE_CPU] = { "e", "idle run: CPU of one core", "%", TARGET_NONE, 0, 0, 0 },
    [ROW_IDLE_REQUESTS] = { "e", "idle run: requests", "", TARGET_NONE, 0, 0, 0 },
    [ROW_REACTION] = { "f", "rename to the first write call", "ms", TARGET_MOST, 0, 100, 0 },
};

bool row_is_for(enum row row, size_t manifests)
{
    return rules[row].manifests_max == 0 || manifests <= rules[row].manifests_max;
}

void results_put(struct results *results, enum row row, const struct series *series)
{
    if (series->len == 0) return;
    results->rows[row] = (struct result){
        .is_there = true,
        .value = series_median(series),
        .least = series_least(series),
        .most = series_most(series),
        .cpu_ms = series_median_cpu(series),
    };
}

void results_put_number(struct results *results, enum row row, double value, const char *fmt, ...)
{
    struct result *result = &results->rows[row];
    *result = (struct result){ .is_there = true, .value = value };
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(result->note, sizeof(result->note), fmt, args);
    va_end(args);
}

/* ---- facts ---- */

/* The value of the first line of a /proc file that begins with `key`. */
static bool find_line(const char *path, const char *key, char *out, size_t room)
{
    char line[LINE_BYTES_MAX];
    FILE *file = fopen(path, "re");
    bool found = false;
    while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
        const char *colon = strchr(line, ':');
        if (!text_starts(line, key) || colon == NULL) continue;
        colon += 1 + strspn(colon + 1, " \t");
        (void)snprintf(out, room, "%.*s", (int)strcspn(colon, "\n"), colon);
        found = true;
    }
    if (file != NULL) (void)fclose(file);
    return found;
}

void table_print_facts(unsigned runs, FILE *out)
{
    char cpu[CPU_MODEL_MAX] = "unknown CPU";
    struct utsname kernel = { 0 };
    double load[1] = { 0 };
    (void)find_line("/proc/cpuinfo", "model name", cpu, sizeof(cpu));
    (void)uname(&kernel);
    (void)!getloadavg(load, 1);
#ifdef __clang__
    const char *compiler = "";
#else
    const char *compiler = "GCC ";
#endif
    (void)fprintf(out,
                  "clusterkeeper %s, %s, %ld cores, load %.1f, %s %s\n"
                  "%s%s, build type %s; median of %u runs, files in the page cache\n",
                  CLUSTERKEEPER_VERSION, cpu, sysconf(_SC_NPROCESSORS_ONLN), load[0],
                  kernel.sysname, kernel.release, compiler, __VERSION__, BENCH_BUILD, runs);
}

/* ---- rows ---- */

/* "1.32 x parse" into `compared`, "1.5 x" into `target`; false when the target is missed. */
static bool judge(const struct results *results, enum row row, struct buf *compared,
                  struct buf *target)
{
    const struct row_rule *rule = &rules[row];
    double value = results->rows[row].value;
    double other = results->rows[rule->other].value;
    switch (rule->kind) {
    case TARGET_NONE:
        return true;
    case TARGET_TIMES:
        buf_addf(compared, "%.2f x %s", other > 0 ? value / other : NAN,
                 rule->other == ROW_PARSE ? "parse" : "walk");
        buf_addf(target, "%.1f x", rule->limit);
        return other > 0 && value <= rule->limit * other;
    case TARGET_WITHIN:
        buf_addf(compared, "%+.1f %s", value - other, rule->unit);
        buf_addf(target, "+%.0f %s", rule->limit, rule->unit);
        return value - other <= rule->limit;
    case TARGET_MOST:
        buf_addf(target, "%.0f %s", rule->limit, rule->unit);
        return value <= rule->limit;
    }
    return false;
}

static void print_row(const struct results *results, enum row row, FILE *out)
{
    const struct row_rule *rule = &rules[row];
    const struct result *result = &results->rows[row];
    AUTO_BUF struct buf compared = BUF_INIT(64);
    AUTO_BUF struct buf target = BUF_INIT(64);
    AUTO_BUF struct buf spread = BUF_INIT(64);
    AUTO_BUF struct buf cpu = BUF_INIT(64);
    bool is_met = judge(results, row, &compared, &target);
    if (result->most > 0) buf_addf(&spread, "%.1f to %.1f", result->least, result->most);
    if (result->cpu_ms > 0) buf_addf(&cpu, "%.1f", result->cpu_ms);
    (void)fprintf(out, "%-1s  %-36s %9.1f %-3s  %-18s %8s  %-15s %-7s %s%s\n", rule->mark,
                  rule->what, result->value, rule->unit, buf_text(&spread), buf_text(&cpu),
                  buf_text(&compared), buf_text(&target), is_met ? "" : "MISSED ", result->note);
}

bool table_print(const struct results *results, FILE *out, struct err *err)
{
    size_t missing = 0;
    (void)fprintf(out, "\n%zu manifests\n%-1s  %-36s %9s %-3s  %-18s %8s  %-15s %-7s\n",
                  results->manifests, "", "what", "median", "", "least to most", "CPU ms",
                  "compared", "target");
    for (enum row row = 0; row < ROW_COUNT; row++) {
        if (!row_is_for(row, results->manifests)) continue;
        if (results->rows[row].is_there) {
            print_row(results, row, out);
        } else {
            (void)fprintf(out, "%-1s  %-36s not measured\n", rules[row].mark, rules[row].what);
            missing++;
        }
    }
    if (missing == 0) return true;
    return err_set(err, ERR_IO, "%zu rows were not measured", missing);
}

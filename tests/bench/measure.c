#include "measure.h"

#include "buf.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOG_BYTES_MAX = 4096, PROC_BYTES_MAX = 8192, EXIT_NO_EXEC = 127 };

/* ---- time ---- */

/* The one thing that a signal handler can reach. */
static volatile sig_atomic_t stop_asked;

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

void stop_catch(void)
{
    struct sigaction action = { .sa_handler = on_signal }; /* no SA_RESTART: waits end */
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

bool stop_is_asked(void)
{
    return stop_asked != 0;
}

double clock_now_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) abort();
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void clock_wait_ms(int ms)
{
    (void)poll(NULL, 0, ms);
}

/* ---- series ---- */

void series_add(struct series *series, struct timing timing)
{
    assert(series->len < SERIES_MAX);
    series->at[series->len++] = timing;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double wall_of(const struct timing *timing)
{
    return timing->wall_ms;
}

static double cpu_of(const struct timing *timing)
{
    return timing->cpu_ms;
}

/* The value at `permille` of the sorted ones; of an even number the mean of the middle two. */
static double quantile(const struct series *series, double (*value_of)(const struct timing *),
                       size_t permille)
{
    double values[SERIES_MAX];
    if (series->len == 0) return 0;
    for (size_t i = 0; i < series->len; i++) {
        values[i] = value_of(&series->at[i]);
    }
    qsort(values, series->len, sizeof(values[0]), by_value);
    size_t twice = (series->len - 1) * 2 * permille / 1000;
    return (values[twice / 2] + values[(twice + 1) / 2]) / 2;
}

double series_median(const struct series *series)
{
    return quantile(series, wall_of, 500);
}

double series_median_cpu(const struct series *series)
{
    return quantile(series, cpu_of, 500);
}

double series_least(const struct series *series)
{
    return quantile(series, wall_of, 0);
}

double series_most(const struct series *series)
{
    return quantile(series, wall_of, 1000);
}

/* ---- jobs ---- */

/* In the child; does not return. */
static void become(const struct job *job)
{
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    int log = open(job->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int out = job->out_fd >= 0 ? job->out_fd : nowhere;
    if (nowhere >= 0 && log >= 0 && dup2(nowhere, STDIN_FILENO) >= 0 &&
        dup2(out, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0) {
        (void)alarm(job->limit_s);
        (void)execve(job->argv[0], (char *const *)(uintptr_t)job->argv,
                     (char *const *)(uintptr_t)job->env);
    }
    _exit(EXIT_NO_EXEC);
}

bool job_start(const struct job *job, pid_t *ret_pid, struct err *err)
{
    pid_t pid = fork();
    if (pid < 0) return err_set(err, ERR_IO, "cannot start %s: no process to be had", job->argv[0]);
    if (pid == 0) become(job);
    *ret_pid = pid;
    return true;
}

static bool read_whole(const char *path, struct buf *out, struct err *err)
{
    char chunk[1024];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_set(err, ERR_IO, "cannot open %s", path);
    ssize_t len = 0;
    while ((len = read(fd, chunk, sizeof(chunk))) > 0) {
        if (!buf_add(out, chunk, (size_t)len)) break;
    }
    (void)close(fd);
    if (len < 0) return err_set(err, ERR_IO, "cannot read %s", path);
    return true;
}

/* Waits for the end of `pid`, whatever it is; a signal to us ends it. */
static bool reap(pid_t pid, int *ret_status, struct rusage *ret_usage, struct err *err)
{
    while (wait4(pid, ret_status, 0, ret_usage) != pid) {
        if (errno != EINTR) return err_set(err, ERR_IO, "process %d is lost", (int)pid);
        if (stop_asked) (void)kill(pid, SIGKILL);
    }
    return true;
}

static bool ended_well(int status, const char *name, struct err *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    if (stop_asked) return err_set(err, ERR_CANCELLED, "stopped by a signal");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        return err_set(err, ERR_TIMEOUT, "%s took longer than its limit", name);
    }
    if (WIFSIGNALED(status)) {
        return err_set(err, ERR_IO, "%s was ended by signal %d", name, WTERMSIG(status));
    }
    return err_set(err, ERR_IO, "%s ended with status %d", name, WEXITSTATUS(status));
}

bool job_time(const struct job *job, struct timing *ret_timing, struct err *err)
{
    pid_t pid = 0;
    int status = 0;
    struct rusage usage = { 0 };
    double began_ms = clock_now_ms();
    if (!job_start(job, &pid, err) || !reap(pid, &status, &usage, err)) return false;
    double ended_ms = clock_now_ms();
    if (!ended_well(status, job->argv[1] == NULL ? job->argv[0] : job->argv[1], err)) {
        AUTO_BUF struct buf log = BUF_INIT(LOG_BYTES_MAX);
        struct err ignored;
        if (read_whole(job->log, &log, &ignored) && log.len > 0) {
            struct err ending = *err;
            return err_set(err, ending.code, "%.200s; it said: %.600s", ending.text,
                           buf_text(&log));
        }
        return false;
    }
    struct timeval cpu;
    timeradd(&usage.ru_utime, &usage.ru_stime, &cpu);
    *ret_timing = (struct timing){
        .wall_ms = ended_ms - began_ms,
        .cpu_ms = (double)cpu.tv_sec * 1e3 + (double)cpu.tv_usec / 1e3,
    };
    return true;
}

bool job_stop(pid_t pid, const char *name, struct err *err)
{
    int status = 0;
    struct rusage usage;
    (void)kill(pid, SIGTERM);
    return reap(pid, &status, &usage, err) && ended_well(status, name, err);
}

/* ---- /proc ---- */

static bool read_proc(pid_t pid, const char *name, struct buf *out, struct err *err)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    return read_whole(path, out, err) && buf_ok(out, path, err);
}

static int64_t number_after(const char *text, const char *word)
{
    const char *at = strstr(text, word);
    return at == NULL ? -1 : strtoll(at + strlen(word), NULL, 10);
}

bool process_rss_kib(pid_t pid, int64_t *ret_now, int64_t *ret_peak, struct err *err)
{
    AUTO_BUF struct buf status = BUF_INIT(PROC_BYTES_MAX);
    if (!read_proc(pid, "status", &status, err)) return false;
    int64_t now = number_after(buf_text(&status), "\nVmRSS:");
    int64_t peak = number_after(buf_text(&status), "\nVmHWM:");
    if (now < 0 || peak < 0) return err_set(err, ERR_IO, "process %d has no memory", (int)pid);
    *ret_now = now;
    *ret_peak = peak;
    return true;
}

bool process_cpu_ms(pid_t pid, int64_t *ret_ms, struct err *err)
{
    enum { FIELDS_BEFORE_UTIME = 12 }; /* counted from behind the name, which may hold blanks */
    AUTO_BUF struct buf stat = BUF_INIT(PROC_BYTES_MAX);
    if (!read_proc(pid, "stat", &stat, err)) return false;
    const char *at = strrchr(buf_text(&stat), ')');
    for (int i = 0; at != NULL && i < FIELDS_BEFORE_UTIME; i++) {
        at = strchr(at + 1, ' ');
    }
    long ticks_s = sysconf(_SC_CLK_TCK);
    if (at == NULL || ticks_s <= 0) {
        return err_set(err, ERR_IO, "/proc/%d/stat is not as expected", (int)pid);
    }
    char *end = NULL;
    int64_t user = strtoll(at, &end, 10);
    int64_t ticks = user + strtoll(end, NULL, 10);
    *ret_ms = ticks * 1000 / ticks_s;
    return true;
}

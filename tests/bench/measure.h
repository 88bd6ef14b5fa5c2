/*
 * measure: other programs as jobs: how long they take, how much they hold, and that they end.
 *
 * A job is limited by its own alarm, so that it ends in time even when the benchmark was killed.
 */
#ifndef CLUSTERKEEPER_BENCH_MEASURE_H
#define CLUSTERKEEPER_BENCH_MEASURE_H

#include "err.h"

#include <stdint.h>
#include <sys/types.h>

enum { SERIES_MAX = 200 };

struct timing {
    double wall_ms; /* fork to wait */
    double cpu_ms;  /* user and system */
};

/* The same thing, timed again and again. */
struct series {
    struct timing at[SERIES_MAX];
    size_t len;
};
void series_add(struct series *series, struct timing timing);
double series_median(const struct series *series); /* of wall_ms; 0 when empty */
double series_median_cpu(const struct series *series);
double series_least(const struct series *series);
double series_most(const struct series *series);

struct job {
    const char *const *argv; /* argv[0] is the path; NULL at the end */
    const char *const *env;  /* all of its environment; NULL at the end */
    const char *log;         /* its standard error goes there, made anew */
    int out_fd;              /* its standard output; -1: nowhere */
    unsigned limit_s;
};
/* Runs it to its end, which has to be good; else the error quotes its log. */
MUST_CHECK bool job_time(const struct job *job, struct timing *ret_timing, struct err *err);
MUST_CHECK bool job_start(const struct job *job, pid_t *ret_pid, struct err *err);
/* SIGTERM, and waits. ERR_IO when it ended otherwise than well. */
MUST_CHECK bool job_stop(pid_t pid, const char *name, struct err *err);

double clock_now_ms(void); /* CLOCK_MONOTONIC */
void clock_wait_ms(int ms);

/* Of a running process. */
MUST_CHECK bool process_rss_kib(pid_t pid, int64_t *ret_now, int64_t *ret_peak, struct err *err);
MUST_CHECK bool process_cpu_ms(pid_t pid, int64_t *ret_ms, struct err *err);

/* SIGINT and SIGTERM make what is under way fail, so that everything is put away. */
void stop_catch(void);
bool stop_is_asked(void);

#endif

/*
 * table: the rows of the benchmark, what each is compared with, and how it is printed.
 */
#ifndef CLUSTERKEEPER_BENCH_TABLE_H
#define CLUSTERKEEPER_BENCH_TABLE_H

#include "measure.h"

#include <stdio.h>

enum row {
    ROW_START_BARE,
    ROW_START,
    ROW_PARSE,
    ROW_WALK,
    ROW_FIRST,
    ROW_NEW_AGAIN,
    ROW_NEW_CHANGED,
    ROW_APPLY,
    ROW_AGAIN,
    ROW_CHANGED,
    ROW_REFRESH,
    ROW_REFRESH_OTHERS,
    ROW_IDLE_MEMORY,
    ROW_IDLE_CPU,
    ROW_IDLE_REQUESTS,
    ROW_REACTION,
    ROW_COUNT,
};

/* A value in the unit of its row. */
struct result {
    bool is_there;
    double value;
    double least, most, cpu_ms; /* of times; else 0 */
    char note[48];
};

struct results {
    size_t manifests;
    struct result rows[ROW_COUNT];
};

void results_put(struct results *results, enum row row, const struct series *series);
void results_put_number(struct results *results, enum row row, double value, const char *fmt, ...)
    PRINTF(4, 5);
/* Whether a row is measured at this size at all. */
bool row_is_for(enum row row, size_t manifests);

/* The machine, the compiler, the build. */
void table_print_facts(unsigned runs, FILE *out);
/* False when a row is missing: the benchmark has not done its work. */
MUST_CHECK bool table_print(const struct results *results, FILE *out, struct err *err);

#endif

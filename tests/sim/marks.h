/*
 * marks: how often each rare branch was reached (specs/base/mark.h).
 */
#ifndef CLUSTERKEEPER_SIM_MARKS_H
#define CLUSTERKEEPER_SIM_MARKS_H

#include <stddef.h>
#include <stdio.h>

/* A line for each mark, the rare ones first; how many were never reached. */
size_t marks_report(FILE *out);
size_t marks_missing(FILE *out); /* names those that were never reached */

#endif

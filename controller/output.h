/*
 * output: what a command answers, to standard output; what it says beside, to standard error.
 */
#ifndef CLUSTERKEEPER_OUTPUT_H
#define CLUSTERKEEPER_OUTPUT_H

#include "diag.h"
#include "options.h"

/* Writes the whole text. False when standard output is gone or full; then a message is said. */
bool output_write(const struct buf *text);
/* The findings on standard error, in colour if that is a terminal, and a count. */
void output_findings(const struct options *options, struct diag *diag);

#endif

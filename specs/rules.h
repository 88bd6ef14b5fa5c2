/*
 * rules: what the table cannot say, because it takes more than one field.
 *
 * A row of the table in rules.c is one rule: a function over a whole spec that adds findings at
 * the field to blame. Facts: databricks-api.md 2.1, 8; each rule names its section.
 */
#ifndef CLUSTERKEEPER_RULES_H
#define CLUSTERKEEPER_RULES_H

#include "manifest.h"

/* Check the merged, typed spec of a manifest. */
void rules_check(const struct manifest *manifest, struct diag *diag);

#endif

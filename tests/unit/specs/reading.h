/*
 * reading: YAML in a test to values and findings, for tests that compare messages.
 */
#ifndef CLUSTERKEEPER_TEST_READING_H
#define CLUSTERKEEPER_TEST_READING_H

#include "diag.h"
#include "manifest.h"
#include "yaml_tree.h"

struct reading {
    struct arena arena;
    struct diag *diag;
    struct yaml_documents documents;
};

/* The test fails when `text` is not good YAML. Positions are in `file`. */
void reading_open(struct reading *reading, const char *file, const char *text);
/* Another file into the same arena and findings. */
void reading_add(struct reading *reading, const char *file, const char *text);
void reading_close(struct reading *reading);

/* "3:5: error: ...\n" for each finding, without source lines; the file only if it is not "m". */
const char *reading_findings(struct reading *reading);

/* The canonical JSON of a value; "(none)" for NULL. */
const char *reading_json(struct reading *reading, const struct value *value);

#endif

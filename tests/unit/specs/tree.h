/*
 * tree: a catalogue over a fake tree at "/m", for tests that change files and scan.
 */
#ifndef CLUSTERKEEPER_TREE_H
#define CLUSTERKEEPER_TREE_H

#include "catalogue.h"
#include "fake_files.h"

enum { TREE_VARIABLES_MAX = 4 };

struct tree {
    struct fake_files *fake;
    struct secrets *secrets;
    struct catalogue *catalogue;
    struct diag *diag;         /* of the last scan */
    struct fake_counts counts; /* likewise */
    const char *variables[TREE_VARIABLES_MAX][2];
};

int tree_set_up(void **state);
int tree_tear_down(void **state);

/* A file below the root. */
void tree_put(struct tree *tree, const char *path, const char *text);
/* A file with one sound Cluster of this name. `more` is put at its end. */
void tree_put_cluster(struct tree *tree, const char *path, const char *name, const char *more);
void tree_remove(struct tree *tree, const char *path);
void tree_set_variable(struct tree *tree, const char *name, const char *text);

/* Scan. A failure of the scan itself fails the test. */
void tree_scan(struct tree *tree);
/* Scan, and the test fails unless the catalogue is complete and nothing was found. */
void tree_scan_clean(struct tree *tree);
/* The names of the entries, "*" behind those that changed: "adhoc etl*". */
void tree_expect(struct tree *tree, const char *names);
/* Exactly one finding lies at `file`:`line`, and its text has `text` in it. */
void tree_expect_finding(struct tree *tree, const char *file, unsigned line, const char *text);
void tree_expect_findings(struct tree *tree, size_t count);

struct entry tree_entry(struct tree *tree, const char *name);
/* A number of the loaded spec. */
int64_t tree_number(struct tree *tree, const char *name, const char *field);

#endif

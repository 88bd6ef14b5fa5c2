/*
 * diag: what is wrong with the manifests, all of it, with places.
 *
 * Readers do not stop at the first mistake. Each finding keeps its position and the source line;
 * they come out sorted by file, line and column, once each, up to DIAG_MAX (then a count).
 *
 *   clusters/etl.yaml:12:3: error: unknown field 'num_worker'; did you mean 'num_workers'?
 *      12 |   num_worker: 4
 *         |   ^
 */
#ifndef CLUSTERKEEPER_DIAG_H
#define CLUSTERKEEPER_DIAG_H

#include "buf.h"
#include "err.h"

enum {
    DIAG_MAX = 200,
    DIAG_COLUMN_MAX = 4096, /* the line of a finding further to the right is not shown */
};

enum diag_severity { DIAG_ERROR, DIAG_WARNING };

struct diag; /* opaque */

struct finding {
    enum diag_severity severity;
    struct pos pos;     /* owned by the diag */
    const char *text;   /* one line */
    const char *source; /* the line of the file, "" when there is none */
};

struct diag *diag_create(void);
void diag_destroy(struct diag *diag); /* NULL is fine */
DEFINE_AUTO(struct diag, diag_destroy)

/*
 * The text of `file` is at hand: findings in it that are added from now on show their line. The
 * text is borrowed until diag_forget_source or the next call.
 */
void diag_set_source(struct diag *diag, const char *file, const char *text, size_t len);
void diag_forget_source(struct diag *diag);

/* All strings are copied. The same finding at the same place is kept once. */
void diag_error(struct diag *diag, struct pos pos, const char *fmt, ...) PRINTF(3, 4);
void diag_warning(struct diag *diag, struct pos pos, const char *fmt, ...) PRINTF(3, 4);
void diag_verror(struct diag *diag, struct pos pos, const char *fmt, va_list args) PRINTF(3, 0);
/* An error value as a finding, at its position if it has one, else in `file` as a whole. */
void diag_add_err(struct diag *diag, const char *file, const struct err *err);
/* Add what `other` found to `diag`. */
void diag_append(struct diag *diag, const struct diag *other);

size_t diag_errors(const struct diag *diag); /* counted beyond DIAG_MAX too */
size_t diag_warnings(const struct diag *diag);
/* True when an error was found in `file`. */
bool diag_file_has_errors(const struct diag *diag, const char *file);

/* The kept findings, sorted; borrowed until the next change. */
const struct finding *diag_findings(struct diag *diag, size_t *ret_len);
/* For people: findings with source line and caret; ANSI colour if `colour`. */
void diag_print(struct diag *diag, bool colour, struct buf *out);

#endif

#include "marks.h"

#include "mark.h"

#include <stdlib.h>

/* The linker's names for the bounds of the section. */
extern struct mark __start_marks[]; /* NOLINT(bugprone-reserved-identifier) */
extern struct mark __stop_marks[];  /* NOLINT(bugprone-reserved-identifier) */

static int by_number(const void *a, const void *b)
{
    const struct mark *x = a;
    const struct mark *y = b;
    return x->reached < y->reached ? -1 : x->reached > y->reached;
}

size_t marks_missing(FILE *out)
{
    size_t missing = 0;
    for (const struct mark *mark = __start_marks; mark < __stop_marks; mark++) {
        if (mark->reached > 0) continue;
        missing++;
        if (out != NULL) (void)fprintf(out, "never reached: %s\n", mark->name);
    }
    return missing;
}

size_t marks_report(FILE *out)
{
    qsort(__start_marks, (size_t)(__stop_marks - __start_marks), sizeof(struct mark), by_number);
    for (const struct mark *mark = __start_marks; mark < __stop_marks; mark++) {
        (void)fprintf(out, "%10llu %s\n", (unsigned long long)mark->reached, mark->name);
    }
    return marks_missing(NULL);
}

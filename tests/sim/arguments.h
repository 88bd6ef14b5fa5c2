/*
 * arguments: the command line of a test program, read by a table. `--help` comes with every table.
 */
#ifndef CLUSTERKEEPER_ARGUMENTS_H
#define CLUSTERKEEPER_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum argument_kind {
    ARGUMENT_FLAG,   /* takes no value */
    ARGUMENT_NUMBER, /* decimal, from `min` to `max` */
    ARGUMENT_TEXT,   /* anything */
    ARGUMENT_WORD,   /* one of `words` */
};

/* One option. It is left as it was when it is not given; given twice, the last one counts. */
struct argument {
    const char *name; /* without its dashes */
    enum argument_kind kind;
    const char *value; /* how --help calls the value; NULL for a flag */
    const char *help;
    bool *ret_is_given; /* the result of a flag; welcome elsewhere, may be NULL there */
    uint64_t *ret_number;
    uint64_t min, max; /* max 0: there is none */
    const char **ret_text;
    unsigned *ret_word;       /* its place in `words` */
    const char *const *words; /* NULL among them: a place that cannot be asked for */
    size_t words_len;
};

struct arguments {
    const char *usage; /* the lines above the options, each with its end */
    const struct argument *options;
    size_t len;
};

/* False: the program ends now, with *ret_exit. Help was printed, or on stderr what is wrong. */
bool arguments_read(const struct arguments *arguments, int argc, char **argv, int *ret_exit);

#endif

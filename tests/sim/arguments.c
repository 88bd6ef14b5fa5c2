#include "arguments.h"

#include "mem.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 64 };

static void options_free(struct option *options)
{
    xfree(options);
}

DEFINE_AUTO(struct option, options_free)

static bool read_number(const struct argument *argument, const char *text)
{
    char *end = NULL;
    uint64_t max = argument->max == 0 ? UINT64_MAX : argument->max;
    if (!isdigit((unsigned char)text[0])) return false; /* strtoull takes "-1" for a number */
    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < argument->min || number > max) return false;
    *argument->ret_number = number;
    return true;
}

static bool read_word(const struct argument *argument, const char *text)
{
    for (unsigned i = 0; i < argument->words_len; i++) {
        const char *word = argument->words[i];
        if (word == NULL || strcmp(text, word) != 0) continue;
        *argument->ret_word = i;
        return true;
    }
    return false;
}

static bool read_value(const struct argument *argument, const char *text)
{
    switch (argument->kind) {
    case ARGUMENT_FLAG:
        return true;
    case ARGUMENT_NUMBER:
        return read_number(argument, text);
    case ARGUMENT_TEXT:
        *argument->ret_text = text;
        return true;
    case ARGUMENT_WORD:
        return read_word(argument, text);
    }
    return false;
}

static bool read_argument(const struct argument *argument, const char *program, const char *text)
{
    if (!read_value(argument, text)) {
        (void)fprintf(stderr, "%s: '%s' is no value of --%s\n", program, text, argument->name);
        return false;
    }
    if (argument->ret_is_given != NULL) *argument->ret_is_given = true;
    return true;
}

static void show_help(const struct arguments *arguments)
{
    (void)printf("%s\n", arguments->usage);
    for (size_t i = 0; i < arguments->len; i++) {
        const struct argument *argument = &arguments->options[i];
        (void)printf("  --%-11s %-20s %s\n", argument->name,
                     argument->value == NULL ? "" : argument->value, argument->help);
    }
    (void)printf("  --%-11s %-20s %s\n", "help", "", "print this");
}

/* The table as getopt_long wants it: --help after ours, and the end after that. */
static struct option *make_options(const struct arguments *arguments)
{
    struct option *options = xcalloc(arguments->len + 2, sizeof(options[0]));
    for (size_t i = 0; i < arguments->len; i++) {
        const struct argument *argument = &arguments->options[i];
        options[i].name = argument->name;
        options[i].has_arg = argument->kind == ARGUMENT_FLAG ? no_argument : required_argument;
    }
    options[arguments->len].name = "help";
    return options;
}

bool arguments_read(const struct arguments *arguments, int argc, char **argv, int *ret_exit)
{
    AUTO(options_free) struct option *options = make_options(arguments);
    int at = 0;
    int option = 0;
    bool is_good = true;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    while (is_good && (option = getopt_long(argc, argv, "", options, &at)) != -1) {
        if (option == 0 && (size_t)at == arguments->len) {
            show_help(arguments);
            *ret_exit = EXIT_SUCCESS;
            return false;
        }
        is_good = option == 0 && read_argument(&arguments->options[at], argv[0], optarg);
    }
    if (is_good && optind == argc) return true;
    (void)fputs(arguments->usage, stderr);
    *ret_exit = EXIT_USAGE;
    return false;
}

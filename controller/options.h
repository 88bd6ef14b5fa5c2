/*
 * options: one table of options feeds the parser, the environment and --help.
 *
 * --name VALUE, --name=VALUE; every option may also be set by the environment variable that its
 * row names; the command line wins. Errors are specific and name the nearest option.
 */
#ifndef CLUSTERKEEPER_OPTIONS_H
#define CLUSTERKEEPER_OPTIONS_H

#include "buf.h"
#include "err.h"

#include <stdint.h>
#include <stdio.h>

enum output { OUTPUT_TEXT, OUTPUT_JSON };
enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
    const char *directory; /* DIR; NULL when not given */
    const char *name;      /* status NAME; NULL when not given */
    const char *state;     /* --state FILE */
    const char *host, *token;
    const char *owner;
    const char *registry_ca_file;
    const char *docker_hub; /* URL; NULL: Docker Hub itself */
    const char *ca_file;
    const char *script_dir;
    enum output output;
    enum color color;
    const char *log_level, *log_format;
    bool detailed_exitcode;
    bool wait; /* said aloud what is the default; --no-wait wins */
    bool no_refresh;
    bool no_wait;
    bool allow_empty; /* prune although the directory is empty or a manifest is unreadable */
    bool prune_unclaimed;
    bool help;
    int64_t timeout_ms;  /* apply as a whole */
    int64_t interval_ms; /* run */
    int64_t launch_timeout_ms;
    int64_t create_grace_ms;
    int64_t poll_ms;
    int64_t quiet_ms;
    int64_t max_in_flight; /* calls at once */
    int64_t rate;          /* calls a second */
};

/* Rows of the option table that belong together. --help is everybody's. */
enum options_group {
    OPTIONS_WORKSPACE = 1u << 0, /* --host, --ca-file, --rate, --max-in-flight */
    OPTIONS_STATE = 1u << 1,     /* --state */
    OPTIONS_POLICY = 1u << 2, /* --owner, --allow-empty, --prune-unclaimed, --launch-timeout, ... */
    OPTIONS_PLAN = 1u << 3,   /* --detailed-exitcode, --no-refresh */
    OPTIONS_APPLY = 1u << 4,  /* --wait, --no-wait, --timeout */
    OPTIONS_RUN = 1u << 5,    /* --interval, --quiet-period, --log-level, --log-format */
    OPTIONS_OUTPUT = 1u << 6, /* --output, --color */
};

/* A sub-command: a row of the table in main.c. */
struct command {
    const char *name;
    const char *arguments; /* "DIR", "[NAME]" */
    const char *summary;   /* one line */
    const char *details;   /* paragraphs for --help */
    unsigned mask;         /* enum options_group: which rows of the option table it takes */
    bool needs_directory;  /* DIR has to be given */
    bool takes_name;       /* NAME may be given */
    int (*run)(const struct options *options); /* the exit code */
};

enum exit_code { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_CHANGES = 2, EXIT_USAGE = 64 };

/* The error on standard error, with a hint where there is one; returns the exit code for it. */
int options_fail(const struct command *command, const struct err *err);

/*
 * Defaults, then environment, then `argv` (which begins behind the command's name). The token is
 * taken from the environment alone: an argument list is readable by everybody.
 */
MUST_CHECK bool options_parse(const struct command *command, int argc, char **argv,
                              struct options *ret_options, struct err *err);
void options_help(const struct command *command, struct buf *out);
/* Colour on `stream`: --color, then NO_COLOR, then whether it is a terminal. */
bool options_colour(const struct options *options, FILE *stream);
/*
 * The state file: --state, else a file named after the workspace in $STATE_DIRECTORY (as systemd
 * sets it), else in $XDG_STATE_HOME/clusterkeeper, else in ~/.local/state/clusterkeeper. `host`
 * NULL: ERR_USAGE unless --state was given. The directory is made by the store. A place that is
 * no absolute path is passed over.
 */
MUST_CHECK bool options_state_path(const struct options *options, const char *host, struct buf *out,
                                   struct err *err);

#endif

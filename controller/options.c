#include "options.h"

#include "tags.h"
#include "text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum row_kind { ROW_TEXT, ROW_TAG, ROW_FLAG, ROW_COUNT, ROW_DURATION, ROW_OUTPUT, ROW_COLOR };

/* A year: no sum or multiple of it that the driver makes comes near what a number holds. */
#define DURATION_MAX_MS (INT64_C(365) * 24 * 3600 * 1000)

/* The table: parser, environment and --help come from it. */
static const struct row {
    const char *name;     /* without the dashes */
    const char *argument; /* NULL: takes none */
    unsigned groups;      /* 0: every command takes it */
    enum row_kind kind;
    size_t offset;       /* of its member in struct options */
    const char *env;     /* NULL: only on the command line */
    const char *initial; /* as it would be written; NULL: nothing */
    int64_t min, max;    /* ROW_COUNT, ROW_DURATION (ms) */
    const char *help;
} rows[] = {
#define AT(member) offsetof(struct options, member)
    { "host", "URL", OPTIONS_WORKSPACE | OPTIONS_STATE, ROW_TEXT, AT(host), "DATABRICKS_HOST", NULL,
      0, 0, "the workspace; its token is read from DATABRICKS_TOKEN alone" },
    { "state", "FILE", OPTIONS_STATE, ROW_TEXT, AT(state), "CLUSTERKEEPER_STATE", NULL, 0, 0,
      "the state file; default: one for each workspace" },
    { "owner", "NAME", OPTIONS_POLICY, ROW_TAG, AT(owner), "CLUSTERKEEPER_OWNER", "clusterkeeper",
      0, 0, "identity in the tags: only clusters of this owner are touched" },
    { "ca-file", "FILE", OPTIONS_WORKSPACE, ROW_TEXT, AT(ca_file), "CLUSTERKEEPER_CA_FILE", NULL, 0,
      0, "certificates of the authorities to trust, instead of the system's" },
    { "registry-ca-file", "FILE", OPTIONS_POLICY, ROW_TEXT, AT(registry_ca_file),
      "CLUSTERKEEPER_REGISTRY_CA_FILE", NULL, 0, 0,
      "certificates of the authorities to trust for container registries" },
    { "docker-hub", "URL", OPTIONS_POLICY, ROW_TEXT, AT(docker_hub), "CLUSTERKEEPER_DOCKER_HUB",
      NULL, 0, 0, "a mirror of Docker Hub that is asked about its images instead" },
    { "script-dir", "PATH", OPTIONS_POLICY, ROW_TEXT, AT(script_dir), "CLUSTERKEEPER_SCRIPT_DIR",
      "/Shared/clusterkeeper", 0, 0,
      "workspace directory that local init scripts are uploaded to" },
    { "detailed-exitcode", NULL, OPTIONS_PLAN, ROW_FLAG, AT(detailed_exitcode), NULL, NULL, 0, 0,
      "exit with 2 when there is something to do" },
    { "no-refresh", NULL, OPTIONS_PLAN, ROW_FLAG, AT(no_refresh), NULL, NULL, 0, 0,
      "make no call: compare with what was seen last" },
    { "wait", NULL, OPTIONS_APPLY, ROW_FLAG, AT(wait), NULL, NULL, 0, 0,
      "wait until what was begun has come to rest (the default)" },
    { "no-wait", NULL, OPTIONS_APPLY, ROW_FLAG, AT(no_wait), NULL, NULL, 0, 0,
      "end once everything has been asked for" },
    { "timeout", "DURATION", OPTIONS_APPLY, ROW_DURATION, AT(timeout_ms), "CLUSTERKEEPER_TIMEOUT",
      "1h", 1000, DURATION_MAX_MS, "stop waiting after so long" },
    { "interval", "DURATION", OPTIONS_RUN, ROW_DURATION, AT(interval_ms), "CLUSTERKEEPER_INTERVAL",
      "5m", 1000, DURATION_MAX_MS, "how often to look at the workspace, give or take a tenth" },
    { "quiet-period", "DURATION", OPTIONS_RUN, ROW_DURATION, AT(quiet_ms),
      "CLUSTERKEEPER_QUIET_PERIOD", "50ms", 1, 60000,
      "how long the directory has to be still before it is read" },
    { "launch-timeout", "DURATION", OPTIONS_POLICY, ROW_DURATION, AT(launch_timeout_ms),
      "CLUSTERKEEPER_LAUNCH_TIMEOUT", "45m", 1000, DURATION_MAX_MS,
      "a cluster that does not run after so long is stopped" },
    { "create-grace", "DURATION", OPTIONS_POLICY, ROW_DURATION, AT(create_grace_ms),
      "CLUSTERKEEPER_CREATE_GRACE", "2m", 0, DURATION_MAX_MS,
      "how long to look for a cluster whose create had no answer" },
    { "poll", "DURATION", OPTIONS_POLICY, ROW_DURATION, AT(poll_ms), "CLUSTERKEEPER_POLL", "10s",
      10, 3600000, "how often to look at a cluster on its way" },
    { "max-in-flight", "N", OPTIONS_WORKSPACE, ROW_COUNT, AT(max_in_flight),
      "CLUSTERKEEPER_MAX_IN_FLIGHT", "8", 1, 64, "calls to the workspace at once" },
    { "rate", "N", OPTIONS_WORKSPACE, ROW_COUNT, AT(rate), "CLUSTERKEEPER_RATE", "15", 1, 1000,
      "calls to the workspace a second, in the long run" },
    { "allow-empty", NULL, OPTIONS_POLICY, ROW_FLAG, AT(allow_empty), NULL, NULL, 0, 0,
      "remove clusters although the directory is empty or a manifest is unreadable" },
    { "prune-unclaimed", NULL, OPTIONS_POLICY, ROW_FLAG, AT(prune_unclaimed), NULL, NULL, 0, 0,
      "terminate clusters that bear our tag and have neither manifest nor record" },
    { "output", "text|json", OPTIONS_OUTPUT, ROW_OUTPUT, AT(output), NULL, "text", 0, 0,
      "the form of the answer on standard output" },
    { "color", "auto|always|never", OPTIONS_OUTPUT, ROW_COLOR, AT(color), NULL, "auto", 0, 0,
      "auto: on a terminal, and never when NO_COLOR is set" },
    { "log-level", "LEVEL", OPTIONS_RUN | OPTIONS_APPLY, ROW_TEXT, AT(log_level),
      "CLUSTERKEEPER_LOG_LEVEL", "info", 0, 0, "debug, info, warn or error" },
    { "log-format", "text|json", OPTIONS_RUN, ROW_TEXT, AT(log_format), "CLUSTERKEEPER_LOG_FORMAT",
      "text", 0, 0, "key=value, or a JSON object a line" },
    { "help", NULL, 0, ROW_FLAG, AT(help), NULL, NULL, 0, 0, "this text" },
#undef AT
};

static const char *get_env(const char *name)
{
    const char *value = getenv(name); /* NOLINT(concurrency-mt-unsafe): before any thread */
    return value == NULL || value[0] == '\0' ? NULL : value;
}

static bool takes(const struct command *command, const struct row *row)
{
    return row->groups == 0 || (row->groups & command->mask) != 0;
}

static const struct row *find_row(const struct command *command, const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strncmp(rows[i].name, name, len) == 0 && rows[i].name[len] == '\0' &&
            takes(command, &rows[i])) {
            return &rows[i];
        }
    }
    return NULL;
}

/* ---- values ---- */

static bool read_choice(const char *text, const char *const *choices, int len, int *ret_choice)
{
    for (int i = 0; i < len; i++) {
        if (strcmp(text, choices[i]) == 0) {
            *ret_choice = i;
            return true;
        }
    }
    return false;
}

static bool read_enum(const struct row *row, const char *text, void *at, struct err *err)
{
    static const char *const outputs[] = { "text", "json" };
    static const char *const colors[] = { "auto", "always", "never" };
    int choice = 0;
    if (row->kind == ROW_OUTPUT && read_choice(text, outputs, 2, &choice)) {
        *(enum output *)at = (enum output)choice;
        return true;
    }
    if (row->kind == ROW_COLOR && read_choice(text, colors, 3, &choice)) {
        *(enum color *)at = (enum color)choice;
        return true;
    }
    return err_set(err, ERR_USAGE, "want %s, got '%s'", row->argument, text);
}

static bool read_text(const struct row *row, const char *text, const char **at, struct err *err)
{
    static const char harmless[] = "abcdefghijklmnopqrstuvwxyz"
                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t len = strlen(text);
    if (len == 0) return err_set(err, ERR_USAGE, "want %s, got nothing", row->argument);
    if (row->kind == ROW_TAG && (len > TAG_VALUE_MAX || strspn(text, harmless) != len)) {
        return err_set(err, ERR_USAGE,
                       "want at most %d letters, digits and any of '._-', got '%s': it is the "
                       "value of a tag",
                       TAG_VALUE_MAX, text);
    }
    *at = text;
    return true;
}

static bool read_number(const struct row *row, const char *text, int64_t *at, struct err *err)
{
    int64_t number = 0;
    if (row->kind == ROW_DURATION) {
        if (!text_to_duration_ms(text, &number, err)) return false;
        if (number >= row->min && number <= row->max) {
            *at = number;
            return true;
        }
        char least[TEXT_DURATION_SIZE];
        char most[TEXT_DURATION_SIZE];
        return err_set(err, ERR_USAGE, "want from %s to %s, got '%s'",
                       text_from_duration_ms(row->min, least),
                       text_from_duration_ms(row->max, most), text);
    }
    if (!text_to_i64(text, row->min, row->max, &number)) {
        return err_set(err, ERR_USAGE, "want a number from %lld to %lld, got '%s'",
                       (long long)row->min, (long long)row->max, text);
    }
    *at = number;
    return true;
}

/* `text` NULL for a flag. */
static bool set_option(const struct row *row, const char *text, struct options *options,
                       struct err *err)
{
    void *at = (char *)options + row->offset;
    assert(row->kind == ROW_FLAG || text != NULL);
    switch (row->kind) {
    case ROW_FLAG:
        *(bool *)at = true;
        return true;
    case ROW_TEXT:
    case ROW_TAG:
        return read_text(row, text, at, err);
    case ROW_COUNT:
    case ROW_DURATION:
        return read_number(row, text, at, err);
    case ROW_OUTPUT:
    case ROW_COLOR:
        return read_enum(row, text, at, err);
    }
    return false;
}

/* ---- the command line ---- */

static bool unknown_option(const struct command *command, const char *name, size_t len,
                           struct err *err)
{
    const char *names[COUNT_OF(rows)];
    size_t count = 0;
    bool is_anothers = false;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (takes(command, &rows[i])) names[count++] = rows[i].name;
        is_anothers = is_anothers || (strlen(rows[i].name) == len && len > 0 &&
                                      strncmp(rows[i].name, name, len) == 0);
    }
    char word[64];
    size_t kept = len < sizeof(word) - 1 ? len : sizeof(word) - 1;
    memcpy(word, name, kept);
    word[kept] = '\0';
    if (strcmp(word, "token") == 0) {
        return err_set(err, ERR_USAGE,
                       "the token is taken from DATABRICKS_TOKEN: an argument list "
                       "can be read by everybody on the machine");
    }
    if (is_anothers) {
        return err_set(err, ERR_USAGE, "unknown option --%s: other commands have it, not %s", word,
                       command->name);
    }
    const char *nearest = text_nearest(word, names, count);
    if (nearest == NULL) return err_set(err, ERR_USAGE, "unknown option --%s", word);
    return err_set(err, ERR_USAGE, "unknown option --%s; did you mean --%s?", word, nearest);
}

/* One option at argv[*at]; moves *at over its value. */
static bool parse_option(const struct command *command, int argc, char **argv, int *at,
                         struct options *options, struct err *err)
{
    const char *word = argv[*at];
    if (strcmp(word, "-h") == 0) {
        options->help = true;
        return true;
    }
    if (strncmp(word, "--", 2) != 0) {
        return err_set(err, ERR_USAGE, "unknown option %s; options are written --name", word);
    }
    const char *name = word + 2;
    size_t len = strcspn(name, "=");
    const struct row *row = find_row(command, name, len);
    if (row == NULL) return unknown_option(command, name, len, err);
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    if (row->argument == NULL && value != NULL) {
        return err_set(err, ERR_USAGE, "--%s takes no value", row->name);
    }
    if (row->argument != NULL && value == NULL) {
        if (*at + 1 >= argc) {
            return err_set(err, ERR_USAGE, "--%s needs a value: %s", row->name, row->argument);
        }
        value = argv[++*at];
    }
    if (!set_option(row, value, options, err)) return err_wrap(err, "--%s", row->name);
    return true;
}

static bool take_argument(const struct command *command, const char *word, struct options *options,
                          struct err *err)
{
    const char **slot = command->needs_directory ? &options->directory
                        : command->takes_name    ? &options->name
                                                 : NULL;
    if (slot == NULL || *slot != NULL) {
        return err_set(err, ERR_USAGE, "unexpected argument '%s'", word);
    }
    *slot = word;
    return true;
}

static bool parse_environment(const struct command *command, struct options *options,
                              struct err *err)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *row = &rows[i];
        if (row->initial != NULL && !set_option(row, row->initial, options, err)) return false;
        const char *value = row->env == NULL ? NULL : get_env(row->env);
        if (value == NULL || !takes(command, row)) continue;
        if (!set_option(row, value, options, err)) return err_wrap(err, "%s", row->env);
    }
    options->token = get_env("DATABRICKS_TOKEN");
    return true;
}

bool options_parse(const struct command *command, int argc, char **argv,
                   struct options *ret_options, struct err *err)
{
    struct options options = { 0 };
    if (!parse_environment(command, &options, err)) return false;
    bool only_arguments = false;
    for (int i = 0; i < argc; i++) {
        if (!only_arguments && strcmp(argv[i], "--") == 0) {
            only_arguments = true;
            continue;
        }
        bool is_option = !only_arguments && argv[i][0] == '-' && argv[i][1] != '\0';
        if (is_option ? !parse_option(command, argc, argv, &i, &options, err)
                      : !take_argument(command, argv[i], &options, err)) {
            return false;
        }
    }
    if (!options.help && command->needs_directory && options.directory == NULL) {
        return err_set(err, ERR_USAGE, "DIR is missing: the directory of the manifests");
    }
    *ret_options = options;
    return true;
}

void options_help(const struct command *command, struct buf *out)
{
    buf_addf(out, "clusterkeeper %s%s%s [OPTION]...\n%s.\n\n%s\n\nOptions:\n", command->name,
             command->arguments[0] == '\0' ? "" : " ", command->arguments, command->summary,
             command->details);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *row = &rows[i];
        if (!takes(command, row)) continue;
        char left[64];
        (void)snprintf(left, sizeof(left), "--%s%s%s", row->name, row->argument == NULL ? "" : " ",
                       row->argument == NULL ? "" : row->argument);
        buf_addf(out, "  %-28s  %s", left, row->help);
        if (row->initial != NULL) buf_addf(out, " [%s]", row->initial);
        buf_adds(out, "\n");
        if (row->env != NULL) buf_addf(out, "  %-28s  (environment: %s)\n", "", row->env);
    }
}

/* ---- what follows from options ---- */

int options_fail(const struct command *command, const struct err *err)
{
    if (err->pos.file != NULL) {
        (void)fprintf(stderr, "%s:%u:%u: error: %s\n", err->pos.file, err->pos.line,
                      err->pos.column, err->text);
    } else {
        (void)fprintf(stderr, "clusterkeeper %s: %s\n", command->name, err->text);
    }
    if (err->code != ERR_USAGE) return EXIT_FAILED;
    (void)fprintf(stderr, "clusterkeeper %s --help tells more.\n", command->name);
    return EXIT_USAGE;
}

bool options_colour(const struct options *options, FILE *stream)
{
    if (options->color != COLOR_AUTO) return options->color == COLOR_ALWAYS;
    return get_env("NO_COLOR") == NULL && isatty(fileno(stream)) == 1;
}

/* The host as the name of a file: without its scheme, and of harmless characters only. */
static void add_file_name(const char *host, struct buf *out)
{
    const char *scheme = strstr(host, "://");
    for (const char *at = scheme == NULL ? host : scheme + 3; *at != '\0'; at++) {
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                     (*at >= '0' && *at <= '9') || *at == '.' || *at == '-';
        if (plain) buf_addc(out, *at);
        if (!plain) buf_addc(out, '_');
    }
    buf_adds(out, ".db");
}

bool options_state_path(const struct options *options, const char *host, struct buf *out,
                        struct err *err)
{
    if (options->state != NULL) {
        buf_adds(out, options->state);
        return buf_ok(out, "a path", err);
    }
    if (host == NULL) {
        return err_set(err, ERR_USAGE, "which workspace? Set DATABRICKS_HOST, or --state FILE");
    }
    static const struct {
        const char *env, *below;
    } places[] = {
        { "STATE_DIRECTORY", "/" },
        { "XDG_STATE_HOME", "/clusterkeeper/" },
        { "HOME", "/.local/state/clusterkeeper/" },
    };
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        const char *place = get_env(places[i].env);
        /* Relative to what? Records must not depend on where a command was typed. */
        if (place == NULL || place[0] != '/') continue;
        /* systemd separates several with colons: the first is ours. */
        size_t len = i == 0 ? strcspn(place, ":") : strlen(place);
        buf_add(out, place, len);
        buf_adds(out, places[i].below);
        add_file_name(host, out);
        return buf_ok(out, "a path", err);
    }
    return err_set(err, ERR_USAGE, "no place for a state file: set --state FILE, or HOME");
}

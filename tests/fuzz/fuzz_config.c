/*
 * Settings: the first byte chooses the command, each line after it is an argument, or, where it
 * begins with '$', a variable of the environment: "$DATABRICKS_HOST=https://...".
 *
 * What is refused is refused with a text that does not show the token; what is taken is within its
 * limits, and the workspace's address is one that may be given again.
 */
#include "fuzz.h"

#include "databricks/client.h"
#include "options.h"
#include "text.h"

#include <stdlib.h>

enum { ARGUMENTS_MAX = 32, OUT_MAX = 1 << 16, GROUPS = 7 };

#define TOKEN "dapi0123456789abcdef"

/* All that is looked up: unset before each run, so that runs do not depend on one another. */
static const char *const variables[] = {
    "DATABRICKS_HOST",
    "DATABRICKS_TOKEN",
    "CLUSTERKEEPER_STATE",
    "CLUSTERKEEPER_OWNER",
    "CLUSTERKEEPER_CA_FILE",
    "CLUSTERKEEPER_SCRIPT_DIR",
    "CLUSTERKEEPER_TIMEOUT",
    "CLUSTERKEEPER_INTERVAL",
    "CLUSTERKEEPER_QUIET_PERIOD",
    "CLUSTERKEEPER_LAUNCH_TIMEOUT",
    "CLUSTERKEEPER_CREATE_GRACE",
    "CLUSTERKEEPER_POLL",
    "CLUSTERKEEPER_MAX_IN_FLIGHT",
    "CLUSTERKEEPER_RATE",
    "CLUSTERKEEPER_LOG_LEVEL",
    "CLUSTERKEEPER_LOG_FORMAT",
    "STATE_DIRECTORY",
    "XDG_STATE_HOME",
    "HOME",
    "NO_COLOR",
};

static void clear_environment(void)
{
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        (void)unsetenv(variables[i]); /* NOLINT(concurrency-mt-unsafe): one thread */
    }
    (void)setenv("DATABRICKS_TOKEN", TOKEN, 1); /* NOLINT(concurrency-mt-unsafe) */
}

/* "NAME=TEXT"; names that nobody looks up are passed over. */
static void set_variable(char *line)
{
    char *equals = strchr(line, '=');
    if (equals == NULL) return;
    *equals = '\0';
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        if (!text_equal(variables[i], line)) continue;
        (void)setenv(variables[i], equals + 1, 1); /* NOLINT(concurrency-mt-unsafe) */
    }
}

static void expect_failure(const struct err *err, const char *token)
{
    FUZZ_EXPECT(err->text[0] != '\0', "a failure without a text");
    FUZZ_EXPECT(err->code == ERR_USAGE || err->code == ERR_LIMIT, "a mistake is %s: %s",
                err_code_name(err->code), err->text);
    FUZZ_EXPECT(token == NULL || strstr(err->text, token) == NULL, "the token is shown: %s",
                err->text);
}

static void expect_limits(const struct command *command, const struct options *options)
{
    static const int64_t year_ms = INT64_C(365) * 24 * 3600 * 1000;
    const int64_t times[] = { options->timeout_ms,        options->interval_ms,
                              options->launch_timeout_ms, options->create_grace_ms,
                              options->poll_ms,           options->quiet_ms };
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        FUZZ_EXPECT(times[i] >= 0 && times[i] <= year_ms, "a time of %lld ms", (long long)times[i]);
    }
    FUZZ_EXPECT(options->max_in_flight >= 1 && options->max_in_flight <= 64, "%lld in flight",
                (long long)options->max_in_flight);
    FUZZ_EXPECT(options->rate >= 1 && options->rate <= 1000, "a rate of %lld",
                (long long)options->rate);
    FUZZ_EXPECT(options->owner[0] != '\0' && strlen(options->owner) <= 63, "no owner: '%s'",
                options->owner);
    FUZZ_EXPECT(options->help || !command->needs_directory || options->directory != NULL,
                "no directory");
}

/* The normal form is one, and stands for itself. */
static void expect_host(const char *text, const char *token)
{
    AUTO_BUF struct buf host = BUF_INIT(1024);
    AUTO_BUF struct buf again = BUF_INIT(1024);
    struct err err;
    if (!client_host_normalise(text, &host, &err)) {
        expect_failure(&err, token);
        const char *at = strchr(text, '@');
        bool has_user = at != NULL && at - text >= 8; /* "user:password@": not to be shown */
        FUZZ_EXPECT(!has_user || strstr(err.text, at) == NULL, "a password is shown: %s", err.text);
        return;
    }
    const char *normal = buf_text(&host);
    FUZZ_EXPECT(text_starts(normal, "https://") || text_starts(normal, "http://127.") ||
                    text_starts(normal, "http://localhost") || text_starts(normal, "http://[::1]"),
                "taken for a host: %s", normal);
    FUZZ_EXPECT(strpbrk(strstr(normal, "://") + 3, "/@?# \\") == NULL, "more than a host: %s",
                normal);
    if (!client_host_normalise(normal, &again, &err)) fuzz_fail("%s: %s", normal, err.text);
    FUZZ_EXPECT(strcmp(normal, buf_text(&again)) == 0, "%s becomes %s", normal, buf_text(&again));
}

static void expect_state_path(const struct options *options, const char *host, const char *token)
{
    AUTO_BUF struct buf path = BUF_INIT(4096);
    struct err err;
    if (!options_state_path(options, host, &path, &err)) {
        expect_failure(&err, token);
        return;
    }
    const char *text = buf_text(&path);
    if (options->state != NULL) {
        FUZZ_EXPECT(text_equal(text, options->state), "another state file: %s", text);
    } else {
        FUZZ_EXPECT(text[0] == '/' && text_ends(text, ".db"), "no state file: %s", text);
    }
}

/* "90s" and the like, by itself: its text is read back, within what two units can say. */
static void expect_duration(const char *text)
{
    int64_t ms = 0;
    struct err err;
    char said[TEXT_DURATION_SIZE];
    if (!text_to_duration_ms(text, &ms, &err)) {
        FUZZ_EXPECT(err.text[0] != '\0', "a failure without a text");
        return;
    }
    FUZZ_EXPECT(ms >= 0, "a duration of %lld ms", (long long)ms);
    FUZZ_EXPECT(text_from_duration_ms(ms, said)[0] != '\0', "a duration without a text");
}

static void expect_help(const struct command *command)
{
    AUTO_BUF struct buf out = BUF_INIT(OUT_MAX);
    options_help(command, &out);
    FUZZ_EXPECT(!out.overflowed && strstr(buf_text(&out), "--help") != NULL, "no help");
}

/* Lines to arguments and variables, in place. */
static int split(char *text, size_t len, char **argv)
{
    int argc = 0;
    char *end = text + len;
    for (char *line = text; line <= end && argc < ARGUMENTS_MAX;) {
        line[strcspn(line, "\n")] = '\0'; /* the last line is ended by the NUL */
        char *next = line + strlen(line) + 1;
        if (line[0] == '$') {
            set_variable(line + 1);
        } else {
            argv[argc++] = line;
        }
        line = next;
    }
    return argc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices input = { data, size };
    unsigned kind = choose(&input, 256);
    const struct command command = {
        .name = "fuzz",
        .arguments = kind & 1 ? "DIR" : "",
        .summary = "summary",
        .details = "details",
        .mask = kind < 128 ? (1u << GROUPS) - 1 : kind & ((1u << GROUPS) - 1),
        .needs_directory = kind & 1,
        .takes_name = kind & 2,
    };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    char *text = arena_alloc(&arena, input.len + 1);
    if (input.len != 0) memcpy(text, input.at, input.len);
    char *argv[ARGUMENTS_MAX];
    clear_environment();
    int argc = split(text, input.len, argv);
    /* As it is now: the input may have set another. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    const char *token = text_equal(getenv("DATABRICKS_TOKEN"), TOKEN) ? TOKEN : NULL;
    if (fuzz_count(data, size, TOKEN) != 0) token = NULL; /* written where it has no business */

    struct options options;
    struct err err;
    for (int i = 0; i < argc; i++) {
        expect_host(argv[i], token);
        expect_duration(argv[i]);
    }
    if (!options_parse(&command, argc, argv, &options, &err)) {
        expect_failure(&err, token);
        return 0;
    }
    expect_limits(&command, &options);
    expect_state_path(&options, options.host, token);
    expect_help(&command);
    return 0;
}

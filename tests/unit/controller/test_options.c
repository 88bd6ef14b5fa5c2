/*
 * Every row of the option table by what can be seen of it: --help names it, the environment and
 * the command line set it, and it sets nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "options.h"

#include <stdlib.h>

enum { ARGUMENTS_MAX = 8, TEXT_MAX = 64 * 1024, ALL_GROUPS = (1 << 7) - 1, ROWS_MAX = 64 };

static const struct command all = {
    .name = "test",
    .arguments = "DIR",
    .summary = "summary",
    .details = "details",
    .mask = ALL_GROUPS,
    .needs_directory = true,
};

/* What each row takes, is without it, and becomes with it. */
static const struct row {
    const char *name; /* as --help has it, the argument with it */
    const char *env;
    const char *text; /* a value that is not the initial one; NULL: a flag */
    size_t offset;
    enum { AS_TEXT, AS_FLAG, AS_NUMBER, AS_WORD } kind;
    const char *initial; /* AS_TEXT */
    int64_t from, to;    /* the others: before and after */
} rows[] = {
#define AT(member) offsetof(struct options, member)
    { "host URL", "DATABRICKS_HOST", "x", AT(host), AS_TEXT, NULL, 0, 0 },
    { "state FILE", "CLUSTERKEEPER_STATE", "x", AT(state), AS_TEXT, NULL, 0, 0 },
    { "owner NAME", "CLUSTERKEEPER_OWNER", "x", AT(owner), AS_TEXT, "clusterkeeper", 0, 0 },
    { "ca-file FILE", "CLUSTERKEEPER_CA_FILE", "x", AT(ca_file), AS_TEXT, NULL, 0, 0 },
    { "registry-ca-file FILE", "CLUSTERKEEPER_REGISTRY_CA_FILE", "x", AT(registry_ca_file), AS_TEXT,
      NULL, 0, 0 },
    { "docker-hub URL", "CLUSTERKEEPER_DOCKER_HUB", "x", AT(docker_hub), AS_TEXT, NULL, 0, 0 },
    { "script-dir PATH", "CLUSTERKEEPER_SCRIPT_DIR", "x", AT(script_dir), AS_TEXT,
      "/Shared/clusterkeeper", 0, 0 },
    { "detailed-exitcode", NULL, NULL, AT(detailed_exitcode), AS_FLAG, NULL, 0, 1 },
    { "no-refresh", NULL, NULL, AT(no_refresh), AS_FLAG, NULL, 0, 1 },
    { "wait", NULL, NULL, AT(wait), AS_FLAG, NULL, 0, 1 },
    { "no-wait", NULL, NULL, AT(no_wait), AS_FLAG, NULL, 0, 1 },
    { "timeout DURATION", "CLUSTERKEEPER_TIMEOUT", "9s", AT(timeout_ms), AS_NUMBER, NULL, 3600000,
      9000 },
    { "interval DURATION", "CLUSTERKEEPER_INTERVAL", "9s", AT(interval_ms), AS_NUMBER, NULL, 300000,
      9000 },
    { "quiet-period DURATION", "CLUSTERKEEPER_QUIET_PERIOD", "9s", AT(quiet_ms), AS_NUMBER, NULL,
      50, 9000 },
    { "launch-timeout DURATION", "CLUSTERKEEPER_LAUNCH_TIMEOUT", "9s", AT(launch_timeout_ms),
      AS_NUMBER, NULL, 2700000, 9000 },
    { "create-grace DURATION", "CLUSTERKEEPER_CREATE_GRACE", "9s", AT(create_grace_ms), AS_NUMBER,
      NULL, 120000, 9000 },
    { "poll DURATION", "CLUSTERKEEPER_POLL", "9s", AT(poll_ms), AS_NUMBER, NULL, 10000, 9000 },
    { "max-in-flight N", "CLUSTERKEEPER_MAX_IN_FLIGHT", "9", AT(max_in_flight), AS_NUMBER, NULL, 8,
      9 },
    { "rate N", "CLUSTERKEEPER_RATE", "9", AT(rate), AS_NUMBER, NULL, 15, 9 },
    { "allow-empty", NULL, NULL, AT(allow_empty), AS_FLAG, NULL, 0, 1 },
    { "prune-unclaimed", NULL, NULL, AT(prune_unclaimed), AS_FLAG, NULL, 0, 1 },
    { "output text|json", NULL, "json", AT(output), AS_WORD, NULL, OUTPUT_TEXT, OUTPUT_JSON },
    { "color auto|always|never", NULL, "never", AT(color), AS_WORD, NULL, COLOR_AUTO, COLOR_NEVER },
    { "log-level LEVEL", "CLUSTERKEEPER_LOG_LEVEL", "x", AT(log_level), AS_TEXT, "info", 0, 0 },
    { "log-format text|json", "CLUSTERKEEPER_LOG_FORMAT", "x", AT(log_format), AS_TEXT, "text", 0,
      0 },
    { "help", NULL, NULL, AT(help), AS_FLAG, NULL, 0, 1 },
#undef AT
};

/* NOLINTBEGIN(concurrency-mt-unsafe): one thread */
static void set_env(const char *name, const char *text)
{
    assert_int_equal(text == NULL ? unsetenv(name) : setenv(name, text, 1), 0);
}

static int forget_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].env != NULL) set_env(rows[i].env, NULL);
    }
    set_env("DATABRICKS_TOKEN", NULL);
    return 0;
}
/* NOLINTEND(concurrency-mt-unsafe) */

/* `words` ends with NULL. */
static bool parse(const struct command *command, const char *const *words,
                  struct options *ret_options, struct err *err)
{
    static char storage[ARGUMENTS_MAX][256]; /* options are borrowed from it */
    char *argv[ARGUMENTS_MAX + 1];
    int argc = 0;
    for (; words[argc] != NULL; argc++) {
        assert_in_range(argc, 0, ARGUMENTS_MAX - 1);
        assert_in_range(strlen(words[argc]), 0, sizeof(storage[argc]) - 1);
        memcpy(storage[argc], words[argc], strlen(words[argc]) + 1);
        argv[argc] = storage[argc];
    }
    argv[argc] = NULL;
    return options_parse(command, argc, argv, ret_options, err);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void must_parse(const char *const *words, struct options *ret_options)
{
    struct err err;
    if (!parse(&all, words, ret_options, &err)) fail_msg("%s", err.text);
}

static void must_fail(const struct command *command, const char *const *words, const char *says)
{
    struct options options = { .rate = 4711 };
    struct err err;
    if (parse(command, words, &options, &err)) fail_msg("it was taken; want: %s", says);
    assert_int_equal(err.code, ERR_USAGE);
    assert_int_equal(options.rate, 4711);
    if (strstr(err.text, says) == NULL) fail_msg("'%s' is not in '%s'", says, err.text);
}

static int64_t number_at(const struct options *options, const struct row *row)
{
    const char *at = (const char *)options + row->offset;
    switch (row->kind) {
    case AS_FLAG:
        return *(const bool *)at;
    case AS_NUMBER:
        return *(const int64_t *)(const void *)at;
    case AS_WORD:
    case AS_TEXT:
        break;
    }
    return (int64_t)(*(const enum output *)(const void *)at);
}

static void expect_text(const struct options *options, const struct row *row, const char *want)
{
    const char *text = *(const char *const *)(const void *)((const char *)options + row->offset);
    if (text == want) return;
    if (text == NULL || want == NULL || strcmp(text, want) != 0) {
        fail_msg("%s is %s, not %s", row->name, text == NULL ? "nothing" : text,
                 want == NULL ? "nothing" : want);
    }
}

/* Nothing but the members of `set` (a bit for each row) differs from what it is initially. */
static void expect(const struct options *options, uint64_t set)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *row = &rows[i];
        bool is_set = (set >> i & 1) != 0;
        if (row->kind == AS_TEXT) {
            expect_text(options, row, is_set ? row->text : row->initial);
        } else if (number_at(options, row) != (is_set ? row->to : row->from)) {
            fail_msg("%s is %lld", row->name, (long long)number_at(options, row));
        }
    }
}

/* "--name", or "--name=text" */
static const char *word_of(const struct row *row, const char *text, struct buf *out)
{
    buf_clear(out);
    (void)buf_addf(out, "--%.*s", (int)strcspn(row->name, " "), row->name);
    if (text != NULL) (void)buf_addf(out, "=%s", text);
    return buf_text(out);
}

/* ---- the table ---- */

static void test_initial_values(void **state)
{
    struct options options;
    (void)state;
    must_parse(WORDS("d"), &options);
    expect(&options, 0);
    assert_string_equal(options.directory, "d");
    assert_null(options.name);
    assert_null(options.token);
}

static void test_each_row_sets_its_member_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf name = BUF_INIT(256);
        AUTO_BUF struct buf joined = BUF_INIT(256);
        struct options options;
        word_of(&rows[i], NULL, &name);
        word_of(&rows[i], rows[i].text, &joined);
        must_parse(WORDS(buf_text(&joined), "d"), &options);
        expect(&options, UINT64_C(1) << i);
        if (rows[i].text == NULL) continue;
        must_parse(WORDS("d", buf_text(&name), rows[i].text), &options);
        expect(&options, UINT64_C(1) << i);
    }
}

static void test_environment_and_command_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *row = &rows[i];
        AUTO_BUF struct buf word = BUF_INIT(256);
        struct options options;
        if (row->env == NULL) continue;
        set_env(row->env, "");
        must_parse(WORDS("d"), &options);
        expect(&options, 0); /* empty is not set */
        set_env(row->env, row->text);
        must_parse(WORDS("d"), &options);
        expect(&options, UINT64_C(1) << i);
        /* The command line wins. */
        bool is_duration = row->kind == AS_NUMBER && strcmp(row->text, "9s") == 0;
        set_env(row->env, is_duration ? "7s" : "7");
        must_parse(WORDS("d", word_of(row, row->text, &word)), &options);
        expect(&options, UINT64_C(1) << i);
        set_env(row->env, NULL);
    }
}

static void test_a_bad_environment_is_said_by_its_name(void **state)
{
    (void)state;
    set_env("CLUSTERKEEPER_RATE", "fast");
    must_fail(&all, WORDS("d"), "CLUSTERKEEPER_RATE: want a number from 1 to 1000, got 'fast'");
    /* A command that has no such option does not care. */
    const struct command plain = { .name = "t", .arguments = "DIR", .needs_directory = true };
    struct options options;
    struct err err;
    assert_true(parse(&plain, WORDS("d"), &options, &err));
    assert_int_equal(options.rate, 15);
}

static void test_a_command_takes_only_its_groups(void **state)
{
    struct options options;
    struct err err;
    (void)state;
    for (unsigned group = 0; group < 7; group++) {
        const struct command command = { .name = "t", .takes_name = true, .mask = 1u << group };
        size_t taken = 0;
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            AUTO_BUF struct buf word = BUF_INIT(256);
            AUTO_BUF struct buf help = BUF_INIT(TEXT_MAX);
            AUTO_BUF struct buf line = BUF_INIT(256);
            bool takes =
                parse(&command, WORDS(word_of(&rows[i], rows[i].text, &word)), &options, &err);
            if (!takes && strstr(err.text, "unknown option") == NULL) fail_msg("%s", err.text);
            const struct command shown = {
                .name = "t", .arguments = "", .summary = "", .details = "", .mask = command.mask
            };
            options_help(&shown, &help);
            (void)buf_addf(&line, "\n  --%s ", rows[i].name);
            assert_int_equal(takes, strstr(buf_text(&help), buf_text(&line)) != NULL);
            taken += takes;
        }
        assert_in_range(taken, 2, COUNT_OF(rows) - 1); /* --help, and what the group is for */
    }
}

/* ---- --help ---- */

/* One row in --help: its line, what it tells, and the line of its environment. */
static void expect_in_help(const char *help, const struct row *row)
{
    AUTO_BUF struct buf line = BUF_INIT(256);
    (void)buf_addf(&line, "\n  --%-26s  ", row->name);
    const char *at = strstr(help, buf_text(&line));
    if (at == NULL) {
        fail_msg("--%s is not in --help", row->name);
        return;
    }
    const char *tells = at + line.len;
    size_t len = strcspn(tells, "\n");
    if (len < 8 || tells[0] == ' ' || tells[0] == '[') fail_msg("--%s: no help", row->name);
    if (row->initial != NULL) {
        buf_clear(&line);
        (void)buf_addf(&line, " [%s]\n", row->initial);
        assert_memory_equal(tells + len + 1 - line.len, buf_text(&line), line.len);
    }
    buf_clear(&line);
    (void)buf_addf(&line, "\n%32s(environment: %s)\n", "", row->env == NULL ? "" : row->env);
    const char *next = strstr(tells + len, "(environment: ");
    bool has_env = next == tells + len + 1 + 32;
    assert_int_equal(has_env, row->env != NULL);
    if (has_env) assert_memory_equal(tells + len, buf_text(&line), line.len);
}

static void test_help_tells_of_every_row(void **state)
{
    AUTO_BUF struct buf help = BUF_INIT(TEXT_MAX);
    size_t lines = 0;
    (void)state;
    options_help(&all, &help);
    assert_ptr_equal(strstr(buf_text(&help), "clusterkeeper test DIR [OPTION]..."), help.data);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect_in_help(buf_text(&help), &rows[i]);
    }
    for (const char *at = buf_text(&help); (at = strstr(at, "\n  --")) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, COUNT_OF(rows)); /* a new row belongs into this test */
}

static void test_help_needs_no_directory(void **state)
{
    struct options options;
    (void)state;
    must_parse(WORDS("--help"), &options);
    assert_true(options.help);
    must_parse(WORDS("-h"), &options);
    assert_true(options.help);
}

/* ---- mistakes ---- */

static void promise_9_mistakes_are_refused(void **state)
{
    static const struct {
        const char *words[4];
        const char *says;
    } mistakes[] = {
        { { NULL }, "DIR is missing" },
        { { "a", "b" }, "unexpected argument 'b'" },
        { { "d", "--rate" }, "--rate needs a value: N" },
        { { "--state" }, "--state needs a value: FILE" },
        { { "d", "--help=yes" }, "--help takes no value" },
        { { "d", "--no-wait=" }, "--no-wait takes no value" },
        { { "d", "--intervall", "5m" }, "unknown option --intervall; did you mean --interval?" },
        { { "d", "--detailed-exitcodes" }, "did you mean --detailed-exitcode?" },
        { { "d", "--colour=never" }, "did you mean --color?" },
        { { "d", "--xyzzy" }, "unknown option --xyzzy" },
        { { "d", "-v" }, "unknown option -v; options are written --name" },
        { { "d", "--=x" }, "unknown option --" },
        { { "d", "--rat" }, "did you mean --rate?" }, /* no abbreviations */
        { { "d", "--token", "dapi123" }, "DATABRICKS_TOKEN" },
        { { "d", "--token=dapi123" }, "DATABRICKS_TOKEN" },
        { { "d", "--output=yaml" }, "--output: want text|json, got 'yaml'" },
        { { "d", "--color=red" }, "--color: want auto|always|never, got 'red'" },
        { { "d", "--state=" }, "--state: want FILE, got nothing" },
        { { "d", "--host", "" }, "--host: want URL, got nothing" },
        { { "d", "--owner", "" }, "--owner: want NAME, got nothing" },
        { { "d", "--owner", "two words" }, "letters, digits" },
        { { "d", "--owner", "caf\xc3\xa9" }, "letters, digits" },
        { { "d", "--timeout", "5" }, "a unit is missing" },
        { { "d", "--timeout", "-5s" }, "--timeout: want a duration" },
        { { "d", "--timeout", "999999999999d" }, "too long" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        must_fail(&all, mistakes[i].words, mistakes[i].says);
    }
}

static void test_an_option_of_another_command(void **state)
{
    const struct command plan = { .name = "plan", .takes_name = true, .mask = OPTIONS_PLAN };
    (void)state;
    must_fail(&plan, WORDS("--interval", "5m"), "other commands have it, not plan");
    must_fail(&plan, WORDS("--no-wait=x"), "unknown option --no-wait: other commands have it");
}

static void promise_7_a_token_is_not_repeated(void **state)
{
    static const char *const lines[][3] = { { "--token", "dapi123", NULL },
                                            { "--token=dapi123", NULL, NULL },
                                            { "--tokens=dapi123", NULL, NULL } };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct options options;
        struct err err;
        assert_false(parse(&all, lines[i], &options, &err));
        assert_null(strstr(err.text, "dapi123"));
    }
}

static void test_a_very_long_option(void **state)
{
    char word[200] = "--";
    (void)state;
    memset(word + 2, 'x', sizeof(word) - 3);
    word[sizeof(word) - 1] = '\0';
    must_fail(&all, WORDS("d", word), "unknown option --xxx");
}

/* At the limit, and one past it. */
static void test_limits(void **state)
{
    static const struct {
        const char *name;
        const char *least, *less;
        const char *most, *more;
    } limits[] = {
        { "--timeout", "1s", "999ms", "365d", "365d1ms" },
        { "--interval", "1s", "999ms", "365d", "365d1ms" },
        { "--quiet-period", "1ms", "0ms", "1m", "60001ms" },
        { "--launch-timeout", "1s", "999ms", "365d", "365d1ms" },
        { "--create-grace", "0s", NULL, "365d", "365d1ms" },
        { "--poll", "10ms", "9ms", "1h", "1h1ms" },
        { "--max-in-flight", "1", "0", "64", "65" },
        { "--rate", "1", "0", "1000", "1001" },
        { "--owner", "a", "", "0123456789-0123456789_0123456789.0123456789ABCDEFGHIJKLMNOPQRST",
          "0123456789-0123456789_0123456789.0123456789ABCDEFGHIJKLMNOPQRSTU" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        struct options options;
        must_parse(WORDS("d", limits[i].name, limits[i].least), &options);
        must_parse(WORDS("d", limits[i].name, limits[i].most), &options);
        must_fail(&all, WORDS("d", limits[i].name, limits[i].more), limits[i].name);
        if (limits[i].less == NULL) continue;
        must_fail(&all, WORDS("d", limits[i].name, limits[i].less), limits[i].name);
    }
    must_fail(&all, WORDS("d", "--quiet-period=2m"), "want from 1ms to 1m, got '2m'");
}

/* ---- arguments ---- */

static void test_arguments(void **state)
{
    const struct command status = { .name = "status", .takes_name = true };
    const struct command nothing = { .name = "nothing" };
    struct options options;
    struct err err;
    (void)state;
    must_parse(WORDS("--", "--rate"), &options);
    assert_string_equal(options.directory, "--rate");
    must_parse(WORDS("--no-wait", "--", "d"), &options);
    assert_true(options.no_wait);
    must_fail(&all, WORDS("--", "d", "--"), "unexpected argument '--'");
    must_parse(WORDS("-"), &options);
    assert_string_equal(options.directory, "-");
    must_parse(WORDS("--state", "--", "d"), &options); /* a value may look like anything */
    assert_string_equal(options.state, "--");
    assert_true(parse(&status, WORDS("etl"), &options, &err));
    assert_string_equal(options.name, "etl");
    assert_null(options.directory);
    assert_true(parse(&status, &(const char *const){ NULL }, &options, &err));
    assert_null(options.name);
    must_fail(&status, WORDS("etl", "ml"), "unexpected argument 'ml'");
    must_fail(&nothing, WORDS("d"), "unexpected argument 'd'");
}

static void test_the_last_one_wins(void **state)
{
    struct options options;
    (void)state;
    must_parse(WORDS("d", "--rate=1", "--rate", "2", "--rate=3"), &options);
    assert_int_equal(options.rate, 3);
}

static void test_the_token_comes_from_the_environment(void **state)
{
    struct options options;
    (void)state;
    set_env("DATABRICKS_TOKEN", "dapi123");
    must_parse(WORDS("d"), &options);
    assert_string_equal(options.token, "dapi123");
    set_env("DATABRICKS_TOKEN", "");
    must_parse(WORDS("d"), &options);
    assert_null(options.token);
}

int main(void)
{
#define ALONE(test) cmocka_unit_test_setup(test, forget_environment)
    const struct CMUnitTest tests[] = {
        ALONE(test_initial_values),
        ALONE(test_each_row_sets_its_member_alone),
        ALONE(test_environment_and_command_line),
        ALONE(test_a_bad_environment_is_said_by_its_name),
        ALONE(test_a_command_takes_only_its_groups),
        ALONE(test_help_tells_of_every_row),
        ALONE(test_help_needs_no_directory),
        ALONE(promise_9_mistakes_are_refused),
        ALONE(test_an_option_of_another_command),
        ALONE(promise_7_a_token_is_not_repeated),
        ALONE(test_a_very_long_option),
        ALONE(test_limits),
        ALONE(test_arguments),
        ALONE(test_the_last_one_wins),
        ALONE(test_the_token_comes_from_the_environment),
    };
#undef ALONE
    return cmocka_run_group_tests(tests, NULL, NULL);
}

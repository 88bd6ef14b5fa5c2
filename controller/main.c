#include "commands/commands.h"
#include "log.h"
#include "output.h"
#include "text.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { HELP_MAX = 64 * 1024 };

static const struct command *const commands[] = {
    &command_plan, &command_apply, &command_run, &command_status, &command_validate,
};

static void add_usage(struct buf *out)
{
    buf_adds(out, "clusterkeeper keeps Databricks clusters as a directory of manifests wants them."
                  "\n\nUsage: clusterkeeper COMMAND [ARGUMENT] [OPTION]...\n\n");
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        char left[64];
        (void)snprintf(left, sizeof(left), "%s %s", commands[i]->name, commands[i]->arguments);
        buf_addf(out, "  %-16s  %s\n", left, commands[i]->summary);
    }
    buf_adds(out, "\nclusterkeeper COMMAND --help tells more of each; clusterkeeper --version.\n");
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    }
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COUNT_OF(commands) + 2] = { "--help", "--version" };
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        names[i + 2] = commands[i]->name;
    }
    const char *nearest = text_nearest(name, names, COUNT_OF(names));
    (void)fprintf(stderr, "clusterkeeper: unknown command '%s'", name);
    if (nearest != NULL) (void)fprintf(stderr, "; did you mean '%s'?", nearest);
    (void)fputs("\nclusterkeeper --help tells more.\n", stderr);
    return EXIT_USAGE;
}

/* A core dump would hold the token and every secret that was just sent. */
static void forbid_core_dumps(void)
{
    struct rlimit none = { 0, 0 };
    (void)setrlimit(RLIMIT_CORE, &none);
}

/* A limit on the size of files is an error of the write that meets it, and not our end. */
static void outlive_file_limits(void)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigemptyset(&ignore.sa_mask);
    (void)sigaction(SIGXFSZ, &ignore, NULL);
}

static bool configure_log(const struct options *options, struct err *err)
{
    enum log_level level = LOG_INFO;
    if (!log_level_from_name(options->log_level, &level)) {
        return err_set(err, ERR_USAGE, "--log-level: want debug, info, warn or error, got '%s'",
                       options->log_level);
    }
    bool json = strcmp(options->log_format, "json") == 0;
    if (!json && strcmp(options->log_format, "text") != 0) {
        return err_set(err, ERR_USAGE, "--log-format: want text or json, got '%s'",
                       options->log_format);
    }
    log_configure(level, json ? LOG_JSON : LOG_TEXT);
    return true;
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct options options;
    struct err err;
    if (!options_parse(command, argc, argv, &options, &err) || !configure_log(&options, &err)) {
        return options_fail(command, &err);
    }
    if (!options.help) return command->run(&options);
    AUTO_BUF struct buf help = BUF_INIT(HELP_MAX);
    options_help(command, &help);
    return output_write(&help) ? EXIT_OK : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    forbid_core_dumps();
    outlive_file_limits();
    AUTO_BUF struct buf text = BUF_INIT(HELP_MAX);
    if (argc < 2) {
        add_usage(&text);
        (void)fputs(buf_text(&text), stderr);
        return EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        add_usage(&text);
    } else if (strcmp(word, "--version") == 0) {
        buf_adds(&text, "clusterkeeper " CLUSTERKEEPER_VERSION "\n");
    }
    if (text.len > 0) return output_write(&text) ? EXIT_OK : EXIT_FAILED;
    const struct command *command = find_command(word);
    if (command == NULL) return unknown_command(word);
    return run_command(command, argc - 2, argv + 2);
}

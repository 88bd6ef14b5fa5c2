#include "sim_options.h"

#include "text.h"

enum option_kind { NUMBER, WORD, FLAG };

static const struct option_row {
    const char *name;
    enum option_kind kind;
    size_t offset;
    int64_t max; /* of numbers; the least is 0 */
    const char *argument, *help;
} rows[] = {
#define AT(field) offsetof(struct sim_options, field)
    { "--port", NUMBER, AT(port), 65535, "N", "listen there; 0, the default, takes a free one" },
    { "--speed", NUMBER, AT(speed), 100000, "N", "virtual for real time; default 60" },
    { "--seed", NUMBER, AT(seed), INT64_MAX, "N", "of all that is drawn; default 1" },
    { "--token", WORD, AT(token), 0, "TEXT", "ask for this bearer token" },
    { "--user", WORD, AT(user), 0, "NAME", "who is calling" },
    { "--cloud", WORD, AT(cloud), 0, "NAME", "aws (default), azure or gcp" },
    { "--clusters", NUMBER, AT(clusters), 40000, "N", "begin with N job clusters of others" },
    { "--port-file", WORD, AT(port_file), 0, "FILE", "write the port there when ready" },
    { "--state-print", FLAG, AT(state_print), 0, NULL, "print all clusters as JSON at the end" },
    { "--help", FLAG, AT(help), 0, NULL, "print this" },
};

static bool set_option(struct sim_options *options, const struct option_row *row, const char *text,
                       struct err *err)
{
    char *field = (char *)options + row->offset;
    switch (row->kind) {
    case NUMBER:
        if (!text_to_i64(text, 0, row->max, (int64_t *)(void *)field)) {
            return err_set(err, ERR_USAGE, "%s: '%.100s' is not a number of its range", row->name,
                           text);
        }
        return true;
    case WORD:
        *(const char **)(void *)field = text;
        return true;
    case FLAG:
        *(bool *)(void *)field = true;
        return true;
    }
    return false;
}

bool sim_options_read(int argc, char **argv, struct sim_options *ret_options, struct err *err)
{
    struct sim_options options = { .speed = 60, .seed = 1, .cloud = "aws" };
    for (int i = 1; i < argc; i++) {
        size_t at = 0;
        size_t len = strcspn(argv[i], "=");
        while (at < COUNT_OF(rows) &&
               (strlen(rows[at].name) != len || strncmp(rows[at].name, argv[i], len) != 0)) {
            at++;
        }
        if (at == COUNT_OF(rows)) {
            return err_set(err, ERR_USAGE, "there is no option '%.100s'; see --help", argv[i]);
        }
        const char *text = argv[i][len] == '=' ? argv[i] + len + 1 : NULL;
        bool takes = rows[at].kind != FLAG;
        if (takes && text == NULL && i + 1 < argc) text = argv[++i];
        if (takes == (text == NULL)) {
            return err_set(err, ERR_USAGE, "%s %s", rows[at].name,
                           takes ? "needs a value" : "takes no value");
        }
        if (!set_option(&options, &rows[at], text, err)) return false;
    }
    *ret_options = options;
    return true;
}

void sim_options_help(struct buf *out)
{
    buf_adds(out,
             "Usage: workspace-sim [OPTION]...\n"
             "A simulated Databricks workspace on 127.0.0.1, until SIGTERM. The images of its\n"
             "clusters are served as a container registry under /v2/.\n\n");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *argument = rows[i].argument == NULL ? "" : rows[i].argument;
        buf_addf(out, "  %-14s %-5s %s\n", rows[i].name, argument, rows[i].help);
    }
}

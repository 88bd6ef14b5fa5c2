#include "commands.h"

#include "catalogue.h"
#include "json.h"
#include "output.h"

#include <stdio.h>

enum { ANSWER_MAX = 16 * 1024 * 1024 };

static void write_finding(const struct finding *finding, struct value_builder *list,
                          struct arena *arena)
{
    const struct pos nowhere = { 0 };
    struct value_builder map = value_build_map(arena, nowhere);
    bool is_error = finding->severity == DIAG_ERROR;
    const char *file = finding->pos.file == NULL ? "" : finding->pos.file;
    value_put_new(&map, "severity", nowhere,
                  value_text(arena, nowhere, is_error ? "error" : "warning"));
    value_put_new(&map, "file", nowhere, value_text(arena, nowhere, file));
    value_put_new(&map, "line", nowhere, value_int(arena, nowhere, finding->pos.line));
    value_put_new(&map, "column", nowhere, value_int(arena, nowhere, finding->pos.column));
    value_put_new(&map, "message", nowhere, value_text(arena, nowhere, finding->text));
    value_push(list, map.value);
}

static void write_json(struct diag *diag, size_t manifests, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct pos nowhere = { 0 };
    struct value_builder list = value_build_list(&arena, nowhere);
    size_t len = 0;
    const struct finding *findings = diag_findings(diag, &len);
    for (size_t i = 0; i < len; i++) {
        write_finding(&findings[i], &list, &arena);
    }
    struct value_builder map = value_build_map(&arena, nowhere);
    value_put_new(&map, "format_version", nowhere, value_int(&arena, nowhere, 1));
    value_put_new(&map, "manifests", nowhere, value_int(&arena, nowhere, (int64_t)manifests));
    value_put_new(&map, "errors", nowhere, value_int(&arena, nowhere, (int64_t)diag_errors(diag)));
    value_put_new(&map, "warnings", nowhere,
                  value_int(&arena, nowhere, (int64_t)diag_warnings(diag)));
    value_put_new(&map, "findings", nowhere, list.value);
    json_write_pretty(map.value, 0, out);
    buf_addc(out, '\n');
}

static int validate_run(const struct options *options)
{
    AUTO(diag_destroy) struct diag *diag = diag_create();
    AUTO(catalogue_destroy)
    struct catalogue *catalogue =
        catalogue_create(options->directory, files_posix(), NULL, options->script_dir);
    struct err err;
    if (!catalogue_scan(catalogue, diag, &err)) return options_fail(&command_validate, &err);
    size_t manifests = 0;
    (void)catalogue_entries(catalogue, &manifests);
    AUTO_BUF struct buf out = BUF_INIT(ANSWER_MAX);
    if (options->output == OUTPUT_JSON) {
        write_json(diag, manifests, &out);
    } else {
        output_findings(options, diag);
        if (diag_errors(diag) == 0) {
            buf_addf(&out, "%zu manifest%s in %zu file%s: good.\n", manifests,
                     manifests == 1 ? "" : "s", catalogue_files(catalogue),
                     catalogue_files(catalogue) == 1 ? "" : "s");
        }
    }
    if (!buf_ok(&out, "an answer", &err)) return options_fail(&command_validate, &err);
    if (!output_write(&out)) return EXIT_FAILED;
    return diag_errors(diag) == 0 ? EXIT_OK : EXIT_FAILED;
}

const struct command command_validate = {
    .name = "validate",
    .arguments = "DIR",
    .summary = "check the manifests, without a workspace",
    .details =
        "Reads every manifest below DIR and reports all mistakes of all files with file, line and\n"
        "column: syntax, unknown fields, wrong types, and what Databricks Container Services do "
        "not\n"
        "allow. Makes no call and looks up no secret.\n"
        "\n"
        "Exit status: 0 when the manifests are good, 1 when there are errors.",
    .mask = OPTIONS_OUTPUT,
    .needs_directory = true,
    .run = validate_run,
};

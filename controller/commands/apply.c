#include "commands.h"

#include "output.h"
#include "progress.h"
#include "session.h"

#include "json.h"

struct applying {
    const struct options *options;
    struct progress *progress;
};

static void on_noticed(void *ctx, const struct notice *notice)
{
    struct applying *applying = ctx;
    progress_notice(applying->progress, notice);
}

static void on_scanned(void *ctx, struct diag *diag)
{
    struct applying *applying = ctx;
    output_findings(applying->options, diag);
}

static bool is_as_desired(const struct driver_summary *summary)
{
    return !summary->manifests_bad && summary->failed == 0 && summary->waiting == 0;
}

static void write_text(const struct session *session, struct buf *out)
{
    const struct driver_summary *sum = &session->summary;
    if (is_as_desired(sum)) {
        buf_addf(out, "%zu cluster%s as desired; ", sum->clusters,
                 sum->clusters == 1 ? " is" : "s are");
    } else {
        buf_addf(out, "%zu of %zu clusters are as desired, %zu waiting, %zu failed; ", sum->settled,
                 sum->clusters, sum->waiting, sum->failed);
    }
    buf_addf(out, "%zu step%s taken.\n", sum->steps, sum->steps == 1 ? "" : "s");
}

static void write_json(const struct session *session, struct buf *out)
{
    const struct driver_summary *sum = &session->summary;
    buf_addf(out,
             "{\n  \"format_version\": 1,\n  \"clusters\": %zu,\n  \"as_desired\": %zu,\n"
             "  \"waiting\": %zu,\n  \"failed\": %zu,\n  \"steps\": %zu,\n"
             "  \"manifests_bad\": %s,\n  \"complete\": %s\n}\n",
             sum->clusters, sum->settled, sum->waiting, sum->failed, sum->steps,
             sum->manifests_bad ? "true" : "false", is_as_desired(sum) ? "true" : "false");
}

static int apply_run(const struct options *options)
{
    struct applying applying = {
        .options = options,
        .progress = progress_create(options_colour(options, stderr)),
    };
    struct session session = {
        .options = options,
        .mode = DRIVER_APPLY,
        .command = "apply",
        .ctx = &applying,
        .noticed = on_noticed,
        .scanned = on_scanned,
    };
    struct err err;
    bool ok = session_run(&session, &err);
    progress_destroy(applying.progress);
    if (!ok) return options_fail(&command_apply, &err);
    if (!session.has_summary) return EXIT_FAILED; /* stopped by a signal */
    AUTO_BUF struct buf text = BUF_INIT(4096);
    if (options->output == OUTPUT_JSON) {
        write_json(&session, &text);
    } else {
        write_text(&session, &text);
    }
    if (!output_write(&text)) return EXIT_FAILED;
    /* Without waiting, what is on its way is as well as it can be. */
    struct driver_summary summary = session.summary;
    if (options->no_wait) summary.waiting = 0;
    return is_as_desired(&summary) ? EXIT_OK : EXIT_FAILED;
}

const struct command command_apply = {
    .name = "apply",
    .arguments = "DIR",
    .summary = "make the workspace as the manifests want it, once",
    .details =
        "Does what plan shows, several clusters at once, and waits until all of them run or have\n"
        "come to rest. Killed at any instant, the next apply or run finishes what was begun.\n"
        "\n"
        "Exit status: 0 only when everything is as desired; else 1.",
    .mask = OPTIONS_WORKSPACE | OPTIONS_STATE | OPTIONS_POLICY | OPTIONS_APPLY | OPTIONS_OUTPUT,
    .needs_directory = true,
    .run = apply_run,
};

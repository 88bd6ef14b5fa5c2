#include "commands.h"

#include "output.h"
#include "plan.h"
#include "session.h"

enum { PLAN_TEXT_MAX = 512 * 1024 * 1024 };

struct planning {
    const struct options *options;
    struct arena arena;
    struct plan plan;
    bool manifests_bad;
};

static void on_decided(void *ctx, const char *name, const struct manifest *desired,
                       const struct decision *decision)
{
    struct planning *planning = ctx;
    plan_add(&planning->plan, name, desired, decision);
}

static void on_scanned(void *ctx, struct diag *diag)
{
    struct planning *planning = ctx;
    planning->manifests_bad = diag_errors(diag) > 0;
    output_findings(planning->options, diag);
}

static int show(struct planning *planning)
{
    const struct options *options = planning->options;
    AUTO_BUF struct buf text = BUF_INIT(PLAN_TEXT_MAX);
    plan_sort(&planning->plan);
    if (options->output == OUTPUT_JSON) {
        plan_write_json(&planning->plan, &text);
    } else {
        struct plan_style style = { .colour = options_colour(options, stdout),
                                    .offline = options->no_refresh };
        plan_write_text(&planning->plan, &style, &text);
    }
    struct err err;
    if (!buf_ok(&text, "a plan", &err)) return options_fail(&command_plan, &err);
    if (!output_write(&text) || planning->manifests_bad) return EXIT_FAILED;
    bool changes = options->detailed_exitcode && plan_has_changes(&planning->plan);
    return changes ? EXIT_CHANGES : EXIT_OK;
}

static int plan_run(const struct options *options)
{
    struct planning planning = { .options = options, .arena = ARENA_INIT };
    planning.plan.arena = &planning.arena;
    struct session session = {
        .options = options,
        .mode = DRIVER_PLAN,
        .command = "plan",
        .ctx = &planning,
        .decided = on_decided,
        .scanned = on_scanned,
    };
    struct err err;
    int code = EXIT_FAILED;
    if (!session_run(&session, &err)) {
        code = options_fail(&command_plan, &err);
    } else if (!session.was_stopped) {
        planning.plan.observed_at_ms = session.observed_at_ms;
        planning.plan.unchanged += session.passed_over;
        code = show(&planning);
    }
    arena_release(&planning.arena);
    return code;
}

const struct command command_plan = {
    .name = "plan",
    .arguments = "DIR",
    .summary = "show what apply would do, and do nothing",
    .details =
        "Reads the manifests below DIR, asks the workspace what runs, and prints an action for "
        "each\n"
        "cluster that is not as desired. Nothing is changed, neither in the workspace nor in the\n"
        "state file; without a state file the tags of the clusters tell which ones are ours.\n"
        "\n"
        "Exit status: 0; with --detailed-exitcode 2 when there is something to do; 1 on errors.",
    .mask = OPTIONS_WORKSPACE | OPTIONS_STATE | OPTIONS_POLICY | OPTIONS_PLAN | OPTIONS_OUTPUT,
    .needs_directory = true,
    .run = plan_run,
};

#include "commands.h"

#include "log.h"
#include "notify.h"
#include "output.h"
#include "session.h"
#include "text.h"

enum { FINDINGS_BYTES_MAX = 1024 * 1024 };

struct service {
    const struct options *options;
    struct digest findings; /* of the last scan: the same ones are not said again */
    bool is_ready;
};

static const struct {
    enum log_level level;
    const char *event;
} events[NOTICE_KIND_COUNT] = {
    [NOTICE_SCANNED] = { LOG_DEBUG, "scanned" },   [NOTICE_LISTED] = { LOG_DEBUG, "listed" },
    [NOTICE_BEGUN] = { LOG_INFO, "step_begun" },   [NOTICE_DONE] = { LOG_INFO, "step_done" },
    [NOTICE_FAILED] = { LOG_WARN, "step_failed" }, [NOTICE_FACT] = { LOG_INFO, "noticed" },
    [NOTICE_HELD] = { LOG_INFO, "held" },          [NOTICE_SETTLED] = { LOG_INFO, "settled" },
    [NOTICE_TROUBLE] = { LOG_WARN, "trouble" },
};

static void on_noticed(void *ctx, const struct notice *notice)
{
    struct service *service = ctx;
    enum log_level level = events[notice->kind].level;
    bool has_failed = notice->hold == HOLD_FAILED || notice->hold == HOLD_ROLLED_BACK;
    if (notice->kind == NOTICE_HELD && has_failed) level = LOG_ERROR;
    if (notice->kind == NOTICE_BEGUN && notice->action == ACTION_DEDUPE) level = LOG_WARN;
    if (notice->kind == NOTICE_SETTLED && !notice->is_news) level = LOG_DEBUG;
    char until[TEXT_TIME_SIZE];
    bool counts = notice->kind == NOTICE_SCANNED || notice->kind == NOTICE_LISTED;
    bool has_step = notice->step != STEP_NONE;
    struct log_field fields[] = {
        LOG_STR("cluster", notice->name),
        LOG_STR("step", has_step ? step_name(notice->step) : NULL),
        LOG_STR("action", notice->action == ACTION_NONE ? NULL : action_name(notice->action)),
        LOG_STR("id", notice->cluster_id),
        LOG_STR("hold", notice->kind == NOTICE_HELD ? hold_name(notice->hold) : NULL),
        LOG_STR("text", notice->text),
        LOG_STR("until",
                notice->wake_at_ms == 0 ? NULL : text_from_wall_ms(notice->wake_at_ms, until)),
        counts ? LOG_NUM("count", notice->number) : LOG_STR("count", NULL),
        notice->took_ms > 0 ? LOG_NUM("took_ms", notice->took_ms) : LOG_STR("took_ms", NULL),
    };
    log_write(level, events[notice->kind].event, fields, COUNT_OF(fields));
    if (notice->kind == NOTICE_LISTED && !service->is_ready) {
        service->is_ready = true;
        notify_ready();
    }
}

static void on_scanned(void *ctx, struct diag *diag)
{
    struct service *service = ctx;
    AUTO_BUF struct buf text = BUF_INIT(FINDINGS_BYTES_MAX);
    diag_print(diag, false, &text);
    struct digest digest = digest_of(buf_text(&text), text.len);
    if (digest_equal(&digest, &service->findings)) return;
    service->findings = digest;
    size_t len = 0;
    const struct finding *findings = diag_findings(diag, &len);
    for (size_t i = 0; i < len; i++) {
        bool is_error = findings[i].severity == DIAG_ERROR;
        log_event(is_error ? LOG_ERROR : LOG_WARN, is_error ? "manifest_error" : "manifest_warning",
                  LOG_STR("file", findings[i].pos.file), LOG_NUM("line", findings[i].pos.line),
                  LOG_NUM("column", findings[i].pos.column), LOG_STR("text", findings[i].text));
    }
}

static int run_run(const struct options *options)
{
    struct service service = { .options = options };
    struct session session = {
        .options = options,
        .mode = DRIVER_RUN,
        .command = "run",
        .ctx = &service,
        .noticed = on_noticed,
        .scanned = on_scanned,
    };
    struct err err;
    log_event(LOG_INFO, "started", LOG_STR("version", CLUSTERKEEPER_VERSION),
              LOG_STR("directory", options->directory), LOG_STR("host", options->host),
              LOG_STR("owner", options->owner));
    if (!session_run(&session, &err)) return options_fail(&command_run, &err);
    log_event(LOG_INFO, "stopped", LOG_NUM("requests", (int64_t)session.requests));
    return EXIT_OK;
}

const struct command command_run = {
    .name = "run",
    .arguments = "DIR",
    .summary = "keep the workspace as the manifests want it: the service",
    .details = "Watches DIR and everything below it, acts on what changes as soon as a burst of "
               "changes has\n"
               "ended, and looks at the workspace again at an interval. Logs to standard error.\n"
               "\n"
               "Signals: SIGTERM and SIGINT end it (calls in flight finish, or are found again by "
               "the next\n"
               "start), SIGHUP and SIGUSR1 look at directory, secrets and workspace now.",
    .mask = OPTIONS_WORKSPACE | OPTIONS_STATE | OPTIONS_POLICY | OPTIONS_RUN,
    .needs_directory = true,
    .run = run_run,
};

#include "commands.h"

#include "clock.h"
#include "databricks/client.h"
#include "decide.h"
#include "json.h"
#include "output.h"
#include "store.h"
#include "text.h"

enum { ANSWER_MAX = 64 * 1024 * 1024, HISTORY_LINES = 20, HOST_MAX = 1024 };

struct reporting {
    const struct options *options;
    struct arena arena;
    struct value_builder clusters; /* for JSON */
    struct buf text;
    int64_t now_ms;
    size_t shown;
};

/* What comes next, in words. */
static const char *what_next(struct reporting *r, const struct record *record)
{
    char time[TEXT_TIME_SIZE];
    if (record->failed_digest != NULL) return "waits for a change of its manifest";
    if (record->retry_at_ms > r->now_ms) {
        return arena_printf(&r->arena, "tries again at %s",
                            text_from_wall_ms(record->retry_at_ms, time));
    }
    static const char *const words[PHASE_COUNT] = {
        [PHASE_NONE] = "to be created",
        [PHASE_CREATING] = "waits for the answer to its create",
        [PHASE_UNKNOWN] = "looks for the cluster by its tags: the answer to its create was lost",
        [PHASE_LAUNCHING] = "waits for it to run",
        [PHASE_READY] = "nothing",
        [PHASE_REPLACING] = "waits for the old cluster to stop, then creates the new one",
        [PHASE_FAILED] = "tries again at the next pass",
        [PHASE_REMOVING] = "waits for it to stop",
        [PHASE_ORPHANED] = "nothing: left alone",
    };
    return words[record->phase];
}

static void put(struct reporting *r, struct value_builder *map, const char *key, const char *text)
{
    const struct pos nowhere = { 0 };
    value_put_new(map, key, nowhere,
                  text == NULL ? value_null(&r->arena, nowhere)
                               : value_text(&r->arena, nowhere, arena_strdup(&r->arena, text)));
}

static void add_json(struct reporting *r, const struct record *record)
{
    const struct pos nowhere = { 0 };
    struct value_builder map = value_build_map(&r->arena, nowhere);
    char since[TEXT_TIME_SIZE];
    put(r, &map, "name", record->name);
    put(r, &map, "phase", phase_name(record->phase));
    put(r, &map, "since", text_from_wall_ms(record->phase_since_ms, since));
    put(r, &map, "cluster_id", record->cluster_id);
    put(r, &map, "predecessor_id", record->predecessor_id);
    put(r, &map, "image", record->image);
    put(r, &map, "image_digest", record->image_digest);
    put(r, &map, "manifest", record->source);
    put(r, &map, "error", record->error);
    put(r, &map, "rolled_back_because",
        record->rollback == ROLLBACK_NONE ? NULL : record->failed_why);
    put(r, &map, "next", what_next(r, record));
    value_put_new(&map, "failures", nowhere, value_int(&r->arena, nowhere, record->failures));
    value_push(&r->clusters, map.value);
}

static void add_text(struct reporting *r, const struct record *record)
{
    char ago[TEXT_DURATION_SIZE];
    int64_t age_ms = r->now_ms - record->phase_since_ms;
    buf_addf(&r->text, "%-24s %-10s %-22s %-10s %s\n", record->name, phase_name(record->phase),
             record->cluster_id == NULL ? "-" : record->cluster_id,
             text_from_duration_ms(age_ms < 0 ? 0 : age_ms, ago),
             record->image == NULL ? "-" : record->image);
    if (record->error != NULL) buf_addf(&r->text, "    error: %s\n", record->error);
    if (record->rollback == ROLLBACK_BACK && record->failed_why != NULL) {
        buf_addf(&r->text, "    rolled back: %s\n", record->failed_why);
    }
    if (record->phase != PHASE_READY || record->failed_digest != NULL) {
        buf_addf(&r->text, "    next:  %s\n", what_next(r, record));
    }
}

static bool show(void *ctx, const struct record *record)
{
    struct reporting *r = ctx;
    if (r->options->name != NULL && strcmp(r->options->name, record->name) != 0) return true;
    if (r->shown++ == 0 && r->options->output == OUTPUT_TEXT) {
        buf_addf(&r->text, "%-24s %-10s %-22s %-10s %s\n", "NAME", "PHASE", "CLUSTER", "FOR",
                 "IMAGE");
    }
    (r->options->output == OUTPUT_JSON ? add_json : add_text)(r, record);
    return true;
}

static bool show_event(void *ctx, const struct event *event)
{
    struct reporting *r = ctx;
    char time[TEXT_TIME_SIZE];
    buf_addf(&r->text, "    %s  %-14s %s%s%s\n", text_from_wall_ms(event->at_ms, time), event->what,
             event->cluster_id == NULL ? "" : event->cluster_id,
             event->error == NULL && event->detail == NULL ? "" : "  ",
             event->error != NULL    ? event->error
             : event->detail != NULL ? event->detail
                                     : "");
    return true;
}

static bool open_state(const struct options *options, struct store **ret_store, struct err *err)
{
    AUTO_BUF struct buf host = BUF_INIT(HOST_MAX);
    AUTO_BUF struct buf path = BUF_INIT(4096);
    if (options->host != NULL && !client_host_normalise(options->host, &host, err)) return false;
    const char *name = host.len == 0 ? NULL : buf_text(&host);
    if (!options_state_path(options, name, &path, err)) return false;
    return store_open(buf_text(&path), STORE_READ, name, "status", ret_store, err);
}

static bool report(struct reporting *r, struct store *store, struct err *err)
{
    if (!store_record_each(store, show, r, err)) return false;
    const char *name = r->options->name;
    if (name != NULL && r->shown == 0) {
        return err_set(err, ERR_NOT_FOUND, "nothing is recorded of a cluster named '%s'", name);
    }
    if (r->options->output == OUTPUT_JSON) {
        const struct pos nowhere = { 0 };
        struct value_builder map = value_build_map(&r->arena, nowhere);
        value_put_new(&map, "format_version", nowhere, value_int(&r->arena, nowhere, 1));
        value_put_new(&map, "clusters", nowhere, r->clusters.value);
        json_write_pretty(map.value, 0, &r->text);
        buf_addc(&r->text, '\n');
        return true;
    }
    if (r->shown == 0) buf_adds(&r->text, "Nothing is recorded yet.\n");
    if (name == NULL) return true;
    buf_adds(&r->text, "    history, newest first:\n");
    return store_history(store, name, HISTORY_LINES, show_event, r, err);
}

static int status_run(const struct options *options)
{
    struct reporting r = {
        .options = options,
        .arena = ARENA_INIT,
        .text = BUF_INIT(ANSWER_MAX),
        .now_ms = clock_wall_ms(),
    };
    r.clusters = value_build_list(&r.arena, (struct pos){ 0 });
    AUTO(store_close) struct store *store = NULL;
    struct err err;
    int code = EXIT_OK;
    if (!open_state(options, &store, &err) || !report(&r, store, &err) ||
        !buf_ok(&r.text, "an answer", &err)) {
        code = options_fail(&command_status, &err);
    } else if (!output_write(&r.text)) {
        code = EXIT_FAILED;
    }
    buf_release(&r.text);
    arena_release(&r.arena);
    return code;
}

const struct command command_status = {
    .name = "status",
    .arguments = "[NAME]",
    .summary = "show what is recorded of each cluster",
    .details =
        "Reads the state file alone, also while a run or an apply is at work: phase, cluster ID,\n"
        "image, since when, the last error and what comes next. With NAME, its history too.\n"
        "\n"
        "Exit status: 0; 1 when there is no state file, or nothing is recorded of NAME.",
    .mask = OPTIONS_STATE | OPTIONS_OUTPUT,
    .takes_name = true,
    .run = status_run,
};

#include "progress.h"

#include "oneline.h"
#include "text.h"

#include <stdio.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 8192, TEXT_SHOWN_MAX = 2048 };

struct progress {
    bool colour;
    bool has_bottom; /* a terminal: the last line is rewritten in place */
    bool bottom_shown;
};

/* How a step is spoken of: while it is under way, and when it worked. */
static const struct {
    const char *doing, *done;
} words[STEP_COUNT] = {
    [STEP_NONE] = { "", "" },
    [STEP_LOOK] = { "asking for", "asked for" },
    [STEP_UPLOAD] = { "uploading a script for", "script uploaded" },
    [STEP_CREATE] = { "creating", "created" },
    [STEP_EDIT] = { "editing", "edited" },
    [STEP_RESIZE] = { "resizing", "resized" },
    [STEP_START] = { "starting", "start asked for" },
    [STEP_TERMINATE] = { "terminating", "termination asked for" },
    [STEP_DELETE] = { "removing", "removed" },
    [STEP_PIN] = { "pinning", "pinned" },
    [STEP_UNPIN] = { "unpinning", "unpinned" },
    [STEP_PERMIT] = { "setting permissions of", "permissions set" },
    [STEP_INSTALL] = { "installing libraries on", "libraries asked for" },
    [STEP_UNINSTALL] = { "uninstalling libraries of", "libraries to be gone at the next restart" },
};

struct progress *progress_create(bool colour)
{
    struct progress *progress = xcalloc(1, sizeof(*progress));
    progress->colour = colour;
    progress->has_bottom = isatty(STDERR_FILENO) == 1;
    return progress;
}

static void clear_bottom(struct progress *progress)
{
    if (!progress->bottom_shown) return;
    (void)fputs("\r\033[K", stderr);
    progress->bottom_shown = false;
}

void progress_destroy(struct progress *progress)
{
    if (progress == NULL) return;
    clear_bottom(progress);
    xfree(progress);
}

/* The text may quote what the workspace said. */
static void add_text(const struct notice *notice, struct buf *out)
{
    if (notice->text != NULL) oneline_add(out, notice->text, TEXT_SHOWN_MAX);
}

/* What the notice has to say, without the name; false: nothing. */
static bool describe(const struct notice *notice, struct buf *out)
{
    char time[TEXT_TIME_SIZE];
    char took[TEXT_DURATION_SIZE];
    switch (notice->kind) {
    case NOTICE_BEGUN:
        buf_addf(out, "%s (", words[notice->step].doing);
        add_text(notice, out);
        buf_addc(out, ')');
        return true;
    case NOTICE_DONE:
        buf_addf(out, "%s in %s", words[notice->step].done,
                 text_from_duration_ms(notice->took_ms, took));
        if (notice->step == STEP_CREATE) buf_addf(out, ": %s", notice->cluster_id);
        return true;
    case NOTICE_FAILED:
        buf_adds(out, "failed: ");
        add_text(notice, out);
        return true;
    case NOTICE_FACT:
    case NOTICE_TROUBLE:
        add_text(notice, out);
        return true;
    case NOTICE_HELD:
        buf_addf(out, "%s: ", notice->hold == HOLD_WAIT ? "waiting" : hold_name(notice->hold));
        add_text(notice, out);
        if (notice->wake_at_ms != 0 && notice->hold == HOLD_BACKOFF) {
            buf_addf(out, "; again at %s", text_from_wall_ms(notice->wake_at_ms, time));
        }
        return true;
    case NOTICE_SETTLED:
        if (notice->is_news) buf_adds(out, "as desired");
        return out->len > 0;
    case NOTICE_SCANNED:
    case NOTICE_LISTED:
    case NOTICE_KIND_COUNT:
        return false;
    }
    return false;
}

static const char *colour_of(const struct notice *notice)
{
    switch ((int)notice->kind) {
    case NOTICE_FAILED:
    case NOTICE_TROUBLE:
        return "\033[31m";
    case NOTICE_HELD:
        return notice->hold == HOLD_WAIT ? "" : "\033[33m";
    case NOTICE_DONE:
    case NOTICE_SETTLED:
        return "\033[32m";
    default:
        return "";
    }
}

void progress_notice(struct progress *progress, const struct notice *notice)
{
    AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);
    clear_bottom(progress);
    if (describe(notice, &line)) {
        const char *colour = progress->colour ? colour_of(notice) : "";
        (void)fprintf(stderr, "%s%s%s%s%s\n", notice->name == NULL ? "" : notice->name,
                      notice->name == NULL ? "" : ": ", colour, buf_text(&line),
                      colour[0] == '\0' ? "" : "\033[0m");
    }
    if (!progress->has_bottom) return;
    (void)fprintf(stderr, "[%zu/%zu as desired]", notice->settled, notice->total);
    (void)fflush(stderr);
    progress->bottom_shown = true;
}

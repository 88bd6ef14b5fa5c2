#include "decide.h"

#include "backoff.h"
#include "recording.h"
#include "text.h"

enum { STEP_BACKOFF_BASE_MS = 5000, STEP_BACKOFF_MAX_MS = 900000 };

/* Removed for good. With the cluster that is kept go its failures. */
static void removed(struct record *record, const char *cluster_id, int64_t now_ms)
{
    if (text_equal(record->predecessor_id, cluster_id)) record->predecessor_id = NULL;
    if (text_equal(record->failed_id, cluster_id)) record->failed_id = NULL;
    if (!text_equal(record->cluster_id, cluster_id)) return;
    record->cluster_id = NULL;
    record_forgive(record);
    record_enter(record, PHASE_NONE, now_ms);
}

/* A launch of its own, with a time limit of its own. */
static void launched_anew(struct record *record, int64_t now_ms)
{
    record->phase = PHASE_LAUNCHING;
    record->phase_since_ms = now_ms;
}

static void succeeded(struct arena *arena, const struct outcome *outcome, int64_t now_ms,
                      struct record *record)
{
    bool is_current = text_equal(outcome->target_id, record->cluster_id);
    switch (outcome->step) {
    case STEP_CREATE:
        record_take_cluster(record, arena_strdup(arena, outcome->cluster_id));
        record_take_pending(arena, record);
        record_enter(record, PHASE_LAUNCHING, now_ms);
        return;
    case STEP_EDIT:
        record_take_pending(arena, record);
        if (outcome->was_live) launched_anew(record, now_ms);
        record_allow_again(record);
        record->retry_at_ms = 0;
        return;
    case STEP_RESIZE: {
        bool ran = record->ran != 0;
        record_take_pending(arena, record);
        if (ran) record_take_run(record); /* it goes on running */
        return;
    }
    case STEP_START:
        launched_anew(record, now_ms);
        return;
    case STEP_DELETE:
        removed(record, outcome->target_id, now_ms);
        return;
    case STEP_PIN:
    case STEP_UNPIN:
        if (is_current) record->pinned = outcome->step == STEP_PIN;
        return;
    case STEP_PERMIT:
        record->permissions = outcome->carried;
        return;
    case STEP_INSTALL:
    case STEP_UNINSTALL:
        record->libraries = outcome->carried;
        return;
    case STEP_NONE:
    case STEP_LOOK:
    case STEP_CHECK:
    case STEP_UPLOAD:
    case STEP_TERMINATE:
    case STEP_COUNT:
        return;
    }
}

/* Steps whose request is made from the manifest: when it is wrong, the manifest is. */
static const bool is_of_manifest[STEP_COUNT] = {
    [STEP_UPLOAD] = true, [STEP_CREATE] = true,  [STEP_EDIT] = true,      [STEP_RESIZE] = true,
    [STEP_START] = true,  [STEP_INSTALL] = true, [STEP_UNINSTALL] = true, [STEP_PERMIT] = true,
};

/* A failure that only another manifest can mend. */
static bool is_manifests_fault(const struct outcome *outcome)
{
    if (!is_of_manifest[outcome->step]) return false;
    switch ((int)outcome->err.code) {
    case ERR_REJECTED:
    case ERR_MANIFEST:
    case ERR_LIMIT:
        return true;
    case ERR_NOT_FOUND:
        return outcome->step == STEP_CREATE; /* a pool or policy that is not there */
    default:
        return false;
    }
}

static void failed(struct arena *arena, const struct outcome *outcome, int64_t now_ms,
                   uint64_t jitter, struct record *record)
{
    bool is_create = outcome->step == STEP_CREATE;
    bool is_unknown = err_code_retry(outcome->err.code) == RETRY_LOOK;
    record->error = arena_strdup(arena, outcome->err.text);
    record->failures++;
    record->retry_at_ms =
        now_ms + backoff_ms(record->failures, STEP_BACKOFF_BASE_MS, STEP_BACKOFF_MAX_MS,
                            outcome->err.retry_after_ms, jitter);
    if (is_create && is_unknown) {
        record->clean_listings = 0;
        record->retry_at_ms = 0;
        record_enter(record, PHASE_UNKNOWN, now_ms);
        return;
    }
    bool is_kept = text_equal(outcome->target_id, record->cluster_id);
    if (outcome->step == STEP_UNPIN && is_unknown && is_kept) record->pinned = -1;
    /* An edit without an answer may have had its effect: its operation will show it. */
    if (!is_unknown || outcome->err.code == ERR_STATE) record->pending_spec = NULL;
    if (is_create) record_enter(record, PHASE_FAILED, now_ms);
    if (!is_manifests_fault(outcome)) return;
    record->retry_at_ms = 0;
    if (record->rollback == ROLLBACK_BACK) {
        record->rollback = ROLLBACK_FAILED;
        record->error = arena_printf(
            arena, "%s; and going back to what ran before failed: %s",
            record->failed_why == NULL ? "it did not start" : record->failed_why, record->error);
    } else {
        record->failed_digest = record->pending_digest;
        record->failed_image = NULL; /* the definition was refused, whatever the image */
    }
}

/* "Does not exist" is what a removal wants to hear. */
static bool is_done_already(const struct outcome *outcome)
{
    bool removes = outcome->step == STEP_DELETE || outcome->step == STEP_TERMINATE ||
                   outcome->step == STEP_UNPIN;
    return removes && outcome->err.code == ERR_NOT_FOUND;
}

void conclude(struct arena *arena, const struct record *before, const struct outcome *outcome,
              int64_t now_ms, uint64_t jitter, struct record *ret_after)
{
    *ret_after = *before;
    if (outcome->ok || is_done_already(outcome)) {
        succeeded(arena, outcome, now_ms, ret_after);
    } else {
        failed(arena, outcome, now_ms, jitter, ret_after);
    }
    ret_after->updated_ms = now_ms;
}

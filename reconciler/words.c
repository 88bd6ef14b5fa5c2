/*
 * The words for actions, costs and holds, as decide.h and plan.h announce them.
 */
#include "plan.h"

static const char *const actions[ACTION_COUNT] = {
    [ACTION_NONE] = "none",         [ACTION_CREATE] = "create", [ACTION_REPLACE] = "replace",
    [ACTION_EDIT] = "edit",         [ACTION_RESIZE] = "resize", [ACTION_START] = "start",
    [ACTION_STOP] = "stop",         [ACTION_ADOPT] = "adopt",   [ACTION_RECORD] = "record",
    [ACTION_SETTLE] = "settle",     [ACTION_PRUNE] = "prune",   [ACTION_DEDUPE] = "dedupe",
    [ACTION_ROLLBACK] = "rollback",
};

static const struct {
    const char *name, *text;
} costs[COST_COUNT] = {
    [COST_NONE] = { "none", "no effect on what runs" },
    [COST_RESIZE] = { "resize", "resized without restart" },
    [COST_NEXT_START] = { "next-start", "applies at its next start" },
    [COST_RESTART] = { "restart", "restarts now" },
    [COST_NEW] = { "new", "new cluster, new ID" },
    [COST_STOP] = { "stop", "stops now" },
};

static const char *const holds[HOLD_COUNT] = {
    [HOLD_NONE] = "none",
    [HOLD_WAIT] = "wait",
    [HOLD_BACKOFF] = "backoff",
    [HOLD_FAILED] = "failed",
    [HOLD_ROLLED_BACK] = "rolled-back",
    [HOLD_BLOCKED] = "blocked",
    [HOLD_SUSPENDED] = "suspended",
    [HOLD_DRIFT] = "drift",
    [HOLD_UNREADABLE] = "unreadable",
    [HOLD_FOREIGN] = "foreign",
    [HOLD_UNCLAIMED] = "unclaimed",
};

const char *action_name(enum action action)
{
    return actions[action];
}

const char *cost_name(enum cost cost)
{
    return costs[cost].name;
}

const char *cost_text(enum cost cost)
{
    return costs[cost].text;
}

const char *hold_name(enum hold hold)
{
    return holds[hold];
}

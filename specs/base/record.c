#include "record.h"

#include "text.h"

static const char *const phases[PHASE_COUNT] = {
    [PHASE_NONE] = "none",           [PHASE_CREATING] = "creating", [PHASE_UNKNOWN] = "unknown",
    [PHASE_LAUNCHING] = "launching", [PHASE_READY] = "ready",       [PHASE_REPLACING] = "replacing",
    [PHASE_FAILED] = "failed",       [PHASE_REMOVING] = "removing", [PHASE_ORPHANED] = "orphaned",
};

static const char *const steps[STEP_COUNT] = {
    [STEP_NONE] = "none",       [STEP_LOOK] = "look",           [STEP_UPLOAD] = "upload",
    [STEP_CREATE] = "create",   [STEP_EDIT] = "edit",           [STEP_RESIZE] = "resize",
    [STEP_START] = "start",     [STEP_TERMINATE] = "terminate", [STEP_DELETE] = "delete",
    [STEP_PIN] = "pin",         [STEP_UNPIN] = "unpin",         [STEP_PERMIT] = "permit",
    [STEP_INSTALL] = "install", [STEP_UNINSTALL] = "uninstall", [STEP_CHECK] = "check",
};

static int find(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (text_equal(names[i], name)) return i;
    }
    return -1;
}

const char *phase_name(enum phase phase)
{
    return phases[phase];
}

bool phase_from_name(const char *name, enum phase *ret_phase)
{
    int found = find(phases, PHASE_COUNT, name);
    if (found >= 0) *ret_phase = (enum phase)found;
    return found >= 0;
}

const char *step_name(enum step step)
{
    return steps[step];
}

bool step_from_name(const char *name, enum step *ret_step)
{
    int found = find(steps, STEP_COUNT, name);
    if (found >= 0) *ret_step = (enum step)found;
    return found >= 0;
}

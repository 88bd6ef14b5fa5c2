/*
 * decide: the next step for one cluster, from what is desired, recorded and observed.
 *
 * A function of its arguments: no clock, no file, no socket, no random number of its own. `plan`,
 * `apply` and `run` all act on what it says, which is why a plan is what a run does.
 */
#ifndef CLUSTERKEEPER_DECIDE_H
#define CLUSTERKEEPER_DECIDE_H

#include "diff.h"
#include "image.h"
#include "manifest.h"
#include "record.h"

/* What is being done to a cluster as a whole; a plan lists these. */
enum action {
    ACTION_NONE,    /* as desired */
    ACTION_CREATE,  /* there is none */
    ACTION_REPLACE, /* a new cluster in place of the old one */
    ACTION_EDIT,    /* edit in place; restarts it when it runs */
    ACTION_RESIZE,  /* number of workers on a running cluster */
    ACTION_START,
    ACTION_STOP,     /* a launch that takes too long */
    ACTION_ADOPT,    /* taken over by ID: recorded only */
    ACTION_RECORD,   /* found by its tags or its operation: recorded only */
    ACTION_SETTLE,   /* libraries, permissions, pin; the old one of a replacement removed */
    ACTION_PRUNE,    /* its manifest is gone */
    ACTION_DEDUPE,   /* a second live cluster of this name is removed */
    ACTION_ROLLBACK, /* back to what ran before, after a launch that failed for good */
    ACTION_COUNT,
};

/* What an action does to a running cluster, as people want to know it before they say yes. */
enum cost {
    COST_NONE,       /* no effect on what runs */
    COST_RESIZE,     /* resized without restart */
    COST_NEXT_START, /* applies at its next start */
    COST_RESTART,    /* restarts now */
    COST_NEW,        /* a new cluster, with a new ID */
    COST_STOP,       /* stops now */
    COST_COUNT,
};

/* Why nothing is done although something would have to be. */
enum hold {
    HOLD_NONE,
    HOLD_WAIT,        /* on its way: look again at wake_at_ms */
    HOLD_BACKOFF,     /* failed; tried again at wake_at_ms */
    HOLD_FAILED,      /* failed for good: until the manifest changes or somebody retries */
    HOLD_ROLLED_BACK, /* the same; what ran before is in force again */
    HOLD_BLOCKED, /* the registry says that the image cannot be run: nothing is taken down for it */
    HOLD_SUSPENDED,  /* keep.suspend */
    HOLD_DRIFT,      /* differs by drift, and keep.drift is report */
    HOLD_UNREADABLE, /* no prune while a manifest is unreadable or the directory is empty */
    HOLD_FOREIGN,    /* the cluster to adopt belongs to another owner, or cannot be kept */
    HOLD_UNCLAIMED,  /* bears our tag, and has neither a manifest nor a record: left alone */
    HOLD_COUNT,
};

struct policy {
    const char *owner;
    int64_t launch_timeout_ms;
    int64_t create_grace_ms; /* before an unanswered create is issued again */
    int64_t poll_ms;         /* how soon to look again at a cluster on its way */
    bool prune_allowed;      /* the catalogue is complete and not empty, or a flag said so */
    bool prune_unclaimed;    /* a flag said so */
    bool clean_listing; /* `seen` comes from a complete listing: what is not in it is missing */
};

/* What the workspace is known to hold for one name. */
struct seen {
    const struct observed *clusters; /* with our owner and this name, or of an ID that the record or
                                        keep.adopt names */
    size_t len;
    const char *gone_ids[4]; /* IDs that a get has just answered with "does not exist" */
    size_t gone_len;
};

struct inputs {
    const char *name;
    const struct manifest *desired; /* NULL: there is none */
    const struct record *record;    /* NULL: nothing is recorded */
    const struct value *applied;    /* record->applied_spec, parsed; NULL: not known */
    const struct seen *seen;
    const struct policy *policy;
    const struct image_facts *image; /* what is known of the desired image; NULL: nobody can be
                                        asked */
    const bool *scripts_known;       /* for each of desired->scripts: it is in the workspace */
    bool listing_new;      /* the first look after a complete listing that began later than the
                              record's phase */
    int64_t now_ms;        /* wall clock */
    const char *operation; /* a fresh ID, for a create or an edit */
    uint64_t jitter;       /* a random number, for a backoff */
};

struct decision {
    enum action action;
    enum cost cost;
    enum hold hold;
    enum step step;        /* what to do now; STEP_NONE: nothing, or nothing yet */
    const char *target_id; /* the cluster that `step` is for; NULL for a create. One that is to be
                              stopped or removed was asked for just now: STEP_LOOK comes before */
    const struct value
        *spec;     /* body of a create or edit, tags included; of a resize: the size alone */
    size_t script; /* STEP_UPLOAD: which of desired->scripts */
    const struct value
        *payload;        /* STEP_PERMIT: permissions; STEP_INSTALL, STEP_UNINSTALL: libraries */
    const char *carried; /* the JSON to record when a step with a payload worked */
    const char *why;     /* in words, for people: never NULL */
    const char *caution; /* what people should know before they say yes; NULL: nothing */
    struct diff diff;
    const struct observed *current; /* the cluster that is kept; NULL: none */
    struct record record;           /* as it is to be recorded together with the intent of `step` */
    bool record_changed;            /* `record` differs from the one that came in */
    bool record_dropped;            /* nothing is left to remember */
    const char *note;               /* a fact for the history ("launched"); NULL: none */
    const char *note_detail;        /* NULL: the record's error, if it has one */
    int64_t wake_at_ms;             /* wall clock; 0: only when something changes */
};

void decide(struct arena *arena, const struct inputs *in, struct decision *ret_decision);

/* How a step ended. */
struct outcome {
    enum step step;
    bool ok;
    struct err err;         /* when not ok */
    const char *target_id;  /* the cluster that the step was for; NULL for a create */
    const char *cluster_id; /* what a create returned */
    const char *carried;    /* of the decision */
    bool was_live;          /* the target ran when the step was decided */
};

/*
 * The record after a step ended: `before` is the one that the decision came with. Pure, strings in
 * `arena`. An outcome with RETRY_LOOK of a create makes PHASE_UNKNOWN; one that is final marks the
 * manifest as failed; the others back off. `jitter` is a random number for the backoff.
 */
void conclude(struct arena *arena, const struct record *before, const struct outcome *outcome,
              int64_t now_ms, uint64_t jitter, struct record *ret_after);

const char *action_name(enum action action); /* "replace" */
const char *cost_text(enum cost cost);       /* "restarts now" */
const char *hold_name(enum hold hold);       /* "backoff" */

#endif

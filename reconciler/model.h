/*
 * model: a cluster as the workspace returns it, in the reconciler's words.
 */
#ifndef CLUSTERKEEPER_MODEL_H
#define CLUSTERKEEPER_MODEL_H

#include "value.h"

/* databricks-api.md 3.1 */
enum cluster_state {
    CLUSTER_UNKNOWN, /* a word that we do not know */
    CLUSTER_PENDING,
    CLUSTER_RUNNING,
    CLUSTER_RESTARTING,
    CLUSTER_RESIZING,
    CLUSTER_TERMINATING,
    CLUSTER_TERMINATED,
    CLUSTER_ERROR,
    CLUSTER_STATE_COUNT,
};

/* Keys of the tags that a cluster of ours bears. */
#define TAG_OWNER     "clusterkeeper-owner"
#define TAG_NAME      "clusterkeeper-name"
#define TAG_OPERATION "clusterkeeper-operation"
#define TAG_SPEC      "clusterkeeper-spec"
#define TAG_PREFIX    "clusterkeeper-"

struct observed {
    const char *id;
    const char *cluster_name; /* "" when it has none */
    const char *source;       /* "API", "UI", "JOB", ...; "" when it was not said */
    enum cluster_state state;
    const char *state_message; /* untrusted, cut to OBSERVED_MESSAGE_MAX */
    const char *reason_code;   /* termination_reason; NULL when absent */
    const char *reason_type;
    const struct value *reason_parameters; /* map of text; NULL when absent */
    int64_t started_ms;                    /* start_time; 0: not said */
    bool pinned;                   /* from pinned_by_user_name or the listing of pinned ones */
    const struct value *effective; /* typed spec as in effect: the top level of the answer */
    const struct value *submitted; /* typed spec as submitted: `spec`; NULL from a listing */
    bool is_fresh;                 /* it was asked for just now: good enough to build an edit on */
    /* Our tags, found under their key or x_ and their key; NULL when absent. */
    const char *owner, *name, *operation, *spec_tag;
};
enum { OBSERVED_MESSAGE_MAX = 2048 };

enum cluster_state cluster_state_from_name(const char *name);
const char *cluster_state_name(enum cluster_state state); /* "RUNNING" */
/* Any state but TERMINATING and TERMINATED: it costs money, and it counts. */
bool cluster_is_live(enum cluster_state state);
/* PENDING, RESTARTING, RESIZING, TERMINATING: it will change by itself. */
bool cluster_is_moving(enum cluster_state state);

/* Reads owner, name, operation and spec_tag from effective.custom_tags. */
void observed_read_tags(struct observed *observed);

#endif

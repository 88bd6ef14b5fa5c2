/*
 * plan: the decisions for a fleet, in order, as text and as JSON.
 *
 * A plan keeps what it shows of each decision and no more; strings and values are borrowed from
 * the arena that it was given, or copied into it.
 */
#ifndef CLUSTERKEEPER_PLAN_H
#define CLUSTERKEEPER_PLAN_H

#include "decide.h"

enum { PLAN_FORMAT_VERSION = 1 };
#define PLAN_SECRET "(secret)"

struct plan_item {
    const char *name;
    const char *cluster_id; /* NULL: none yet */
    const char *source;     /* manifest file; NULL: it is gone */
    unsigned line;
    enum action action;
    enum cost cost;
    enum hold hold;
    const char *why;
    const char *caution;                  /* NULL: none */
    const struct difference *differences; /* a secret in them is the text PLAN_SECRET */
    size_t differences_len;
    const struct value *spec; /* of a new cluster whose differences are not known: what is asked
                                 for, secrets as above; else NULL */
    int64_t wake_at_ms;
};

struct plan {
    struct arena *arena;
    struct plan_item *items; /* sorted by plan_sort: by name */
    size_t len, cap;
    size_t unchanged;       /* clusters that are as desired: counted, not kept */
    int64_t observed_at_ms; /* when the workspace was looked at; 0: it was not */
};

/* Adds a decision; one of ACTION_NONE and HOLD_NONE is only counted. Copies what it keeps. */
void plan_add(struct plan *plan, const char *name, const struct manifest *desired,
              const struct decision *decision);
void plan_sort(struct plan *plan);
/*
 * Something would be done, now or later: what --detailed-exitcode tells. What stays as it is until
 * a person acts elsewhere (suspended, reported drift, nothing of ours, no prune) is no change; a
 * manifest that failed for good is one.
 */
bool plan_has_changes(const struct plan *plan);
/* Nothing is done about it now. A drift that is only reported does not hold what else there is. */
bool plan_item_is_held(const struct plan_item *item);
/* Held, but it goes on by itself: it is on its way, or tried again later. */
bool plan_item_is_waiting(const struct plan_item *item);

struct plan_style {
    bool colour;
    bool offline; /* --no-refresh: say so */
};
/* For people: a line for each cluster that changes, its fields below it, a summary. */
void plan_write_text(const struct plan *plan, const struct plan_style *style, struct buf *out);
/* The documented, versioned format: see reconciler/plan-format.md. */
void plan_write_json(const struct plan *plan, struct buf *out);

const char *cost_name(enum cost cost); /* "next-start": the word in JSON */

#endif

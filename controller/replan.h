/*
 * replan: a plan without refresh looks only at what may have changed since the last one.
 *
 * Sits between the memo in the cache and the driver: says which manifests have to be looked at,
 * counts those that need not be, and writes the memo for the next time. The plan that comes out is
 * the same, byte for byte: what is passed over is what would have been found as desired.
 */
#ifndef CLUSTERKEEPER_REPLAN_H
#define CLUSTERKEEPER_REPLAN_H

#include "cache.h"
#include "catalogue.h"
#include "decide.h"
#include "store.h"

struct replan; /* opaque */

struct replan_parts {
    struct cache *cache;
    struct store *store; /* NULL: no state file */
    const struct catalogue *catalogue;
    const char *policy; /* all settings that a decision depends on, in words */
};

struct replan *replan_create(const struct replan_parts *parts);
void replan_destroy(struct replan *replan); /* NULL is fine */

/* The hooks of driver_config; `ctx` is a struct replan. */
bool replan_selects(void *ctx);
bool replan_is_wanted(void *ctx, const char *name, const struct digest *manifest);
const char *replan_wanted_more(void *ctx, size_t index);
/* Tells of each decision. */
void replan_decided(struct replan *replan, const char *name, const struct decision *decision);

/* How many were passed over: they are as desired. */
size_t replan_passed_over(const struct replan *replan);
/* Writes the memo, when the plan came to its end. A cache that fails costs only time. */
void replan_save(struct replan *replan);

#endif

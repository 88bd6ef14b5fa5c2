/*
 * replan_world: manifests, records and sightings, and a plan of them without refresh as the real
 * driver makes it, with the memo of the plan before and without any.
 */
#ifndef CLUSTERKEEPER_REPLAN_WORLD_H
#define CLUSTERKEEPER_REPLAN_WORLD_H

#include "replan.h"
#include "scratch.h"
#include "tree.h"

#define REPLAN_OWNER "clusterkeeper"

struct replan_world {
    struct tree *tree;
    struct scratch *scratch;
    struct store *store; /* NULL: there is no state file */
    struct cache *cache;
    bool allow_empty;
    bool prune_unclaimed;
    /* Of the last plan with the memo. */
    bool had_memo;
    struct buf looked_at; /* names in order, with blanks between */
    size_t passed_over;
};

int replan_world_set_up(void **state);
int replan_world_tear_down(void **state);

/*
 * As if the manifest had been applied: it is recorded, and its cluster was seen running as it is
 * desired. The directory is scanned.
 */
void world_apply(struct replan_world *world, const char *name);
/* One change to what is recorded or was seen. */
void world_record(struct replan_world *world, const struct record *record);
void world_drop_record(struct replan_world *world, const char *name);
/* A cluster with our tags that runs `spark_version`. */
void world_see(struct replan_world *world, const char *name, const char *id,
               const char *spark_version);
void world_lose(struct replan_world *world, const char *id);
/* Another process begins: the catalogue is made anew. */
void world_restart(struct replan_world *world);

/*
 * Plans with the memo that is there and leaves one behind, then without: the test fails unless the
 * two are the same, byte for byte. `looked_at` NULL: whatever.
 */
void world_plan(struct replan_world *world, const char *looked_at);

#endif

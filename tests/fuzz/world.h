/*
 * world: a small fleet that follows from bytes: manifests, records and a workspace.
 *
 * Specs are made from the table of fields, so that a new row is in them at once. What a person, a
 * crash or another tool may have left is not tidied up: records and clusters need not fit.
 */
#ifndef CLUSTERKEEPER_FUZZ_WORLD_H
#define CLUSTERKEEPER_FUZZ_WORLD_H

#include "decide.h"
#include "fuzz.h"

enum {
    WORLD_NAMES_MAX = 3,
    WORLD_CLUSTERS_MAX = 6,
    WORLD_SPECS = 4,
    WORLD_SCRIPTS_MAX = 2,
};

/* Texts that no plan may show; they stand nowhere else. */
extern const char *const world_secrets[];
extern const size_t world_secrets_len;

/* One name: what is asked for, and what is recorded. */
struct kept {
    const char *name;
    bool is_desired, is_recorded;
    struct manifest manifest;
    struct record record;
    const struct value *applied;
    bool scripts_known[WORLD_SCRIPTS_MAX];
    bool listing_new;
};

struct world {
    struct arena *arena;
    struct choices choices; /* what is left of them */
    const struct value *specs[WORLD_SPECS];
    struct policy policy;
    struct kept kept[WORLD_NAMES_MAX];
    size_t kept_len;
    struct observed clusters[WORLD_CLUSTERS_MAX]; /* as clusters/get tells them */
    bool is_gone[WORLD_CLUSTERS_MAX];             /* a listing shows it still */
    bool is_hidden[WORLD_CLUSTERS_MAX];           /* a listing does not show it yet */
    size_t clusters_len;
    int64_t now_ms;
};

/* Everything lives in `arena`, which outlives the world. */
void world_make(struct world *world, struct arena *arena, struct choices choices);

/* What is seen of one name, as the driver picks it; nothing was asked for yet. */
void world_see(const struct world *world, const struct kept *kept, struct seen *ret_seen);
/*
 * The answer to a question about one cluster, added to what is seen. False: there is no more room
 * for answers, which the driver has neither.
 */
bool world_answer(const struct world *world, const char *cluster_id, struct seen *seen);

#endif

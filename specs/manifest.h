/*
 * manifest: one document of kind Cluster or Defaults, typed and checked.
 */
#ifndef CLUSTERKEEPER_MANIFEST_H
#define CLUSTERKEEPER_MANIFEST_H

#include "digest.h"
#include "field.h"
#include "image_ref.h"

#define MANIFEST_API_VERSION "clusterkeeper/v1"
enum { MANIFEST_NAME_MAX = 63, MANIFEST_LABELS_MAX = 64 };

enum strategy { STRATEGY_RECREATE, STRATEGY_IN_PLACE, STRATEGY_BLUE_GREEN };
enum running { RUNNING_AS_FOUND, RUNNING_TRUE };
enum drift { DRIFT_CORRECT, DRIFT_REPORT };
enum prune { PRUNE_TERMINATE, PRUNE_DELETE, PRUNE_ORPHAN };
enum pinned { PINNED_AS_FOUND, PINNED_TRUE, PINNED_FALSE };

/* What an answer of the registry that is not good does to a change of the container. */
enum preflight {
    PREFLIGHT_REQUIRE, /* it holds the change */
    PREFLIGHT_WARN,    /* it is said */
    PREFLIGHT_OFF,     /* the registry is not asked */
};

const char *strategy_name(enum strategy strategy); /* "recreate" */
const char *prune_name(enum prune prune);
bool prune_from_name(const char *name, enum prune *ret_prune);

/* How a cluster is kept. Every key has a default: all zeros. */
struct keep {
    enum strategy strategy;
    enum running running;
    enum drift drift;
    enum prune prune;
    enum pinned pinned;
    bool suspend;
    enum preflight preflight;
    bool follow_tag;  /* an image that the tag points to now and did not at the start is a change */
    bool pin_digest;  /* the image is asked for by the digest that its tag points to */
    bool no_rollback; /* keep.rollback: false */
    const char *adopt; /* a cluster ID; NULL: none */
    struct pos adopt_pos;
};

/* A local init script that has to be in the workspace before the cluster starts. */
struct script {
    const char *source;      /* path of the file, relative to the catalogue's root */
    const char *destination; /* workspace path; its name holds the content's digest */
    struct digest digest;
    struct pos pos;
};

/* A Cluster with the Defaults above it merged in: what is desired. Lives in an arena. */
struct manifest {
    const char *name;
    struct pos pos;                /* of metadata.name */
    const struct value *labels;    /* map of text; NULL when none */
    const struct value *spec;      /* typed, canonical, no nulls, no `local` scripts left */
    const struct value *libraries; /* list, sorted canonically; NULL when not stated */
    const struct value
        *permissions; /* list of access control entries, sorted; NULL when not stated */
    struct keep keep;
    const struct script *scripts;
    size_t scripts_len;
    struct digest digest; /* of spec (secrets by hash), libraries, permissions */
};

/* The parts of a document, typed but not merged: what the catalogue keeps of Defaults. */
enum manifest_kind { MANIFEST_CLUSTER, MANIFEST_DEFAULTS };
struct manifest_parts {
    enum manifest_kind kind;
    const char *name; /* NULL for Defaults */
    struct pos pos;
    const struct value *labels, *spec, *libraries, *permissions, *keep;
};

/*
 * One document of a file to its typed parts. False when the document is so wrong that nothing can
 * be done with it (no map, no kind); other findings go to `diag` and the parts are returned.
 */
MUST_CHECK bool manifest_read(struct arena *arena, const struct value *document, struct diag *diag,
                              struct manifest_parts *ret_parts);

/* `patch` laid over `base` by JSON merge patch, part by part; the name is the patch's. */
struct manifest_parts manifest_merge(struct arena *arena, const struct manifest_parts *base,
                                     const struct manifest_parts *patch);

/*
 * Merged parts to a manifest: typed `keep`, cluster_name filled in, nulls gone, lists sorted, and
 * the rules of rules.h applied. Findings go to `diag`. Scripts are left in the spec as `local`
 * and the digest is not set: see scripts_resolve and secrets_seal in the catalogue.
 */
void manifest_finish(struct arena *arena, const struct manifest_parts *parts, struct diag *diag,
                     struct manifest *ret_manifest);

/* A deep copy, so that the source's arena may go. */
void manifest_copy(struct arena *arena, const struct manifest *manifest, struct manifest *ret_copy);

#endif

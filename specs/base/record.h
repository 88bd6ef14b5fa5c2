/*
 * record: what is recorded of one cluster, and the words for what is done to it.
 *
 * The nouns that the store keeps and the reconciler decides on. They stand on the ground floor
 * because the two do not know each other.
 */
#ifndef CLUSTERKEEPER_RECORD_H
#define CLUSTERKEEPER_RECORD_H

#include "err.h"

#include <stdint.h>

/*
 *            create answered            it runs
 *   none ──▶ creating ────────▶ launching ─────▶ ready ◀──────────────┐
 *    ▲          │ no answer        │   ▲           │ image, script      │ edit, start, resize:
 *    │          ▼                  │   │           ▼                    │ through launching
 *    │       unknown ──found───────┼───┘       replacing ──old gone──▶ creating
 *    │          │ not found        ▼
 *    └──────────┘               failed ──manifest changed, or time to retry──▶ ...
 *
 *   any ──manifest gone──▶ removing ──▶ (no record), or orphaned
 */
enum phase {
    PHASE_NONE,      /* a record without a cluster */
    PHASE_CREATING,  /* the intent to create is journaled; no answer yet */
    PHASE_UNKNOWN,   /* the answer to a create was lost: there may be a cluster */
    PHASE_LAUNCHING, /* the cluster is on its way to RUNNING */
    PHASE_READY,     /* as desired when last looked at; running or terminated */
    PHASE_REPLACING, /* the old cluster is being stopped, its successor is not made yet */
    PHASE_FAILED,    /* the last launch or call failed; `error` says why */
    PHASE_REMOVING,  /* its manifest is gone: being removed */
    PHASE_ORPHANED,  /* its manifest is gone: left alone for good */
    PHASE_COUNT,
};

/* One call to the workspace, as the journal keeps it. */
enum step {
    STEP_NONE,
    STEP_LOOK,      /* clusters/get; changes nothing and is not journaled */
    STEP_CHECK,     /* ask the registry about the image; likewise */
    STEP_UPLOAD,    /* workspace-files/import-file: a local init script */
    STEP_CREATE,    /* clusters/create */
    STEP_EDIT,      /* clusters/edit */
    STEP_RESIZE,    /* clusters/resize */
    STEP_START,     /* clusters/start */
    STEP_TERMINATE, /* clusters/delete */
    STEP_DELETE,    /* clusters/permanent-delete */
    STEP_PIN,       /* clusters/pin */
    STEP_UNPIN,     /* clusters/unpin */
    STEP_PERMIT,    /* permissions PUT */
    STEP_INSTALL,   /* libraries/install */
    STEP_UNINSTALL, /* libraries/uninstall */
    STEP_COUNT,
};

enum { OPERATION_ID_LEN = 20 };

/* Back to what ran before, after a launch that failed for good. */
enum rollback {
    ROLLBACK_NONE,
    ROLLBACK_BACK,   /* what ran before is in force, or on its way to be */
    ROLLBACK_FAILED, /* it did not start either: a person has to act */
};

/*
 * Strings are borrowed from whoever made the record (an arena, mostly); NULL means "none" or "not
 * known". JSON strings are canonical (json.h), secrets in them as hashes.
 */
struct record {
    const char *name;           /* metadata.name: the key */
    const char *source;         /* the manifest's file when last applied */
    const char *cluster_id;     /* the cluster that is kept */
    const char *predecessor_id; /* the one that it replaces and that is still to be removed */
    const char *failed_id;      /* one that did not start: kept, terminated, for its events */
    enum phase phase;
    int64_t phase_since_ms;     /* wall clock */
    const char *operation;      /* ID of the create or edit that `pending_*` belong to */
    const char *pending_spec;   /* what that operation carries; becomes `applied_spec` */
    const char *pending_digest; /* digest of the whole manifest it was made for */
    const char
        *applied_spec; /* last applied spec; NULL: not known, compare with the manifest alone */
    const char *applied_digest;
    int ran;               /* 1: what was applied last has been seen running */
    const char *good_spec; /* what ran before it; NULL: nothing did, or it is in force still */
    const char *good_digest;
    const char *good_libraries, *good_permissions; /* what was on the cluster that ran it */
    const char *image_digest;  /* what the image's tag pointed to at its last launch; NULL: not
                                  known */
    const char *pending_image; /* the same of `pending_spec` */
    const char *good_image;    /* and of `good_spec` */
    const char *failed_image;  /* of what failed: another image under the same tag is a new try */
    int rollback;              /* enum rollback */
    const char *libraries;     /* as last applied, JSON; NULL: none were */
    const char *permissions;   /* likewise */
    const char *image;         /* docker_image.url of what was last applied, for people */
    int pinned;                /* as last applied: -1 never, 0, 1 */
    int prune;                 /* enum prune, as the manifest said last */
    int adopted;               /* 1: taken over by ID; bears our tags from its next edit on */
    int clean_listings;        /* complete listings since the outcome became unknown */
    int failures;              /* in a row */
    int64_t retry_at_ms;       /* wall clock; 0: nothing waits */
    const char *failed_digest; /* the manifest that is not tried again as it is */
    const char *failed_why;    /* why what ran before is in force instead of it */
    const char *error;         /* the last failure, in plain words */
    int64_t updated_ms;
};

const char *phase_name(enum phase phase); /* "launching" */
bool phase_from_name(const char *name, enum phase *ret_phase);
const char *step_name(enum step step); /* "create" */
bool step_from_name(const char *name, enum step *ret_step);

#endif

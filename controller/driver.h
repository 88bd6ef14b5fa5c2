/*
 * driver: looks, decides, writes down what it will do, commits, and only then does it.
 *
 * One turn: the answers that came in are concluded; the directory and the workspace are looked at
 * if that is due; each cluster that is due is decided upon; everything that is to be remembered is
 * committed in one transaction; the calls leave. No commit, no call. All time, randomness and
 * network come in through the port, so that the same driver runs inside the simulation.
 *
 * Three ways to run it: PLAN decides and reports and changes nothing; APPLY goes on until there is
 * nothing left to do; RUN never ends by itself.
 */
#ifndef CLUSTERKEEPER_DRIVER_H
#define CLUSTERKEEPER_DRIVER_H

#include "cache.h"
#include "catalogue.h"
#include "databricks/client.h"
#include "decide.h"
#include "registry/registry.h"
#include "store.h"

enum driver_mode { DRIVER_PLAN, DRIVER_APPLY, DRIVER_RUN };

/* Something that an operator may want to see: the log's line and the progress's line. */
enum notice_kind {
    NOTICE_SCANNED, /* number: manifests */
    NOTICE_LISTED,  /* number: clusters in the workspace */
    NOTICE_BEGUN,   /* a step was sent */
    NOTICE_DONE,    /* a step worked */
    NOTICE_FAILED,  /* a step failed: text */
    NOTICE_FACT,    /* something became known: "launched", "found by its tags" */
    NOTICE_HELD,    /* nothing is done for now: text */
    NOTICE_SETTLED, /* a cluster is as desired again */
    NOTICE_TROUBLE, /* the workspace, the directory or the state file: text */
    NOTICE_KIND_COUNT,
};
struct notice {
    enum notice_kind kind;
    const char *name;       /* of the cluster; NULL: of no cluster */
    const char *cluster_id; /* NULL: none */
    enum step step;
    enum action action;
    enum hold hold;
    const char *text; /* NULL: none */
    int64_t number;
    int64_t took_ms;
    int64_t wake_at_ms;    /* wall clock */
    bool is_news;          /* NOTICE_SETTLED: it was not so from the start */
    size_t settled, total; /* of the fleet, as it stands */
};

struct driver_summary {
    size_t clusters; /* names that are desired or recorded */
    size_t settled;  /* as desired */
    size_t waiting;  /* on their way, or backing off */
    size_t failed;   /* held for good: failed, foreign, unreadable */
    size_t steps;    /* calls that changed something */
    bool manifests_bad;
};

struct driver_config {
    enum driver_mode mode;
    const char *owner;
    int64_t launch_timeout_ms;
    int64_t create_grace_ms;
    int64_t poll_ms;
    int64_t interval_ms; /* RUN: between two listings, and between two looks at a tag */
    int64_t timeout_ms;  /* APPLY: give up waiting; 0: never */
    unsigned steps_max;  /* clusters that are worked upon at once */
    bool offline;        /* PLAN: no call at all, what was seen last is taken for what is */
    bool wait;           /* APPLY: until what was launched runs */
    bool allow_empty;    /* prune although a manifest is unreadable or the directory is empty */
    bool prune_unclaimed;
    void *ctx;
    void (*noticed)(void *ctx, const struct notice *notice);
    /* The findings of a scan; called when they changed. */
    void (*scanned)(void *ctx, struct diag *diag);
    /* PLAN: each decision, by no order. `desired` NULL: the manifest is gone. */
    void (*decided)(void *ctx, const char *name, const struct manifest *desired,
                    const struct decision *decision);
    /*
     * PLAN offline: the directory was scanned; true when not the whole fleet has to be looked at.
     * Then each manifest that `is_wanted`, and each name of `wanted_more` (from 0 until NULL).
     * NULL: everything, always.
     */
    bool (*selects)(void *ctx);
    bool (*is_wanted)(void *ctx, const char *name, const struct digest *manifest);
    const char *(*wanted_more)(void *ctx, size_t index);
    /* PLAN and APPLY: the end; `err` NULL unless it could not be carried out at all. */
    void (*finished)(void *ctx, const struct driver_summary *summary, const struct err *err);
};

/* What the driver works with; all borrowed for its life. */
struct driver_parts {
    const struct port *port;
    struct client *client;     /* NULL when offline */
    struct registry *registry; /* NULL: nobody is asked about images */
    struct store *store;       /* NULL: no state file; PLAN only */
    struct cache *cache;
    struct catalogue *catalogue;
    struct secrets *secrets;
    const struct files *files;
    const char *root;       /* of the catalogue: where local scripts are read */
    const char *script_dir; /* in the workspace */
};

struct driver; /* opaque */

struct driver *driver_create(const struct driver_parts *parts, const struct driver_config *config);
/*
 * No call may be under way: see driver_stop. An answer that no turn has taken in is dropped, as if
 * the process had been killed. NULL is fine.
 */
void driver_destroy(struct driver *driver);

/* Takes over the records, concludes what a crash has left, and makes the first pass due. */
MUST_CHECK bool driver_start(struct driver *driver, struct err *err);
/* Once a turn of the loop. */
void driver_turn(struct driver *driver);
/* The directory may have changed. */
void driver_rescan(struct driver *driver);
/* Look at everything now: directory, secrets and workspace. */
void driver_reconcile(struct driver *driver);
/* Begin nothing more. Calls in flight still end, and are recorded. */
void driver_stop(struct driver *driver);
bool driver_is_idle(const struct driver *driver); /* nothing is under way */

#endif

/*
 * driver_private: what the files of the driver share. driver.c has the turn;
 * driver_consider.c the decision about one cluster; driver_observe.c the listing and single looks;
 * driver_step.c the calls that change something; driver_shared.c what all of these stand on.
 */
#ifndef CLUSTERKEEPER_DRIVER_PRIVATE_H
#define CLUSTERKEEPER_DRIVER_PRIVATE_H

#include "driver.h"
#include "fleet.h"
#include "images.h"
#include "mark.h"
#include "prng.h"

/* What a call is for. */
enum flight_kind { FLIGHT_STEP, FLIGHT_LOOK, FLIGHT_CHECK };
struct check; /* of driver_check.c */

/* One call that is under way for one cluster. */
struct flight {
    struct client_call call;
    struct driver *driver;
    struct cluster *cluster;
    enum flight_kind kind;
    enum step step;
    enum action action;
    char *target_id; /* NULL for a create */
    char *carried;
    char *path;          /* STEP_UPLOAD: in the workspace */
    struct buf upload;   /* STEP_UPLOAD: the content, while its directory is being made */
    struct buf revealed; /* the secrets in the body, each with a NUL behind it */
    struct check *check; /* FLIGHT_CHECK */
    bool was_live;
    bool is_sent;
    int64_t intent_id;
    int64_t began_ms;
    /* The answer, kept until the turn. */
    bool is_done;
    bool ok;
    struct err err;
    struct buf reply;
    /* FLIGHT_LOOK that found its cluster: the answer, read. */
    struct arena arena;
    struct observed observed;
    struct flight *next; /* driver.flights */
};

/* The listing of the workspace, a page after the other. */
struct listing {
    struct client_call call;
    struct driver *driver;
    bool is_running;
    bool is_done; /* a page is there, or a failure */
    bool ok;
    struct err err;
    struct buf reply;
    uint64_t number;  /* of this listing; counts from 1 */
    int64_t began_ms; /* monotonic */
    int64_t began_wall_ms;
    size_t seen;
    char *token;  /* of the page that is under way; NULL: the first */
    int failures; /* in a row */
};

/* The CPUs of the node types: asked once, when the first image is. */
struct nodes {
    struct client_call call;
    bool is_asked, is_done, ok, is_known;
    struct buf reply;
    struct arena arena;
    const struct value *arm; /* a key for each type with an Arm CPU; NULL: not known */
};

struct driver {
    struct driver_parts parts;
    struct driver_config config;
    struct policy policy;
    struct prng prng;
    struct fleet *fleet;
    struct flight *flights;
    struct listing listing;
    struct nodes nodes;
    struct images *images;
    char *me;       /* the calling user, "" when it cannot be known; NULL: not asked yet */
    int64_t now_ms; /* of this turn, monotonic */
    int64_t wall_ms;
    int64_t started_ms;
    int64_t scan_due_ms;
    int64_t list_due_ms;
    int64_t listed_wall_ms; /* when the last complete listing began; 0: none yet */
    bool in_transaction;
    bool store_failed;       /* in this turn, which therefore has no effect */
    bool recover_due;        /* a commit failed: look through the journal again */
    int64_t paused_until_ms; /* the state file failed: nothing is decided before */
    bool has_scanned;
    bool is_stopping;
    bool is_finished;
    size_t steps; /* under way */
    size_t steps_done;
    struct arena scratch; /* of one decision */
};

/* driver_shared.c */
void driver_notice(struct driver *driver, const struct notice *notice);
/* Something outside failed that the driver survives. `name` NULL: of no one cluster. */
void driver_trouble(struct driver *driver, const char *name, const struct err *err);
/* Opens the turn's transaction if it is not open. False when the state file fails; reported. */
bool driver_write(struct driver *driver);
/* The state file fails: reported; the turn ends without effect. */
void driver_store_failed(struct driver *driver, const struct err *err);
/* Load the record of a name; `ret_found` false: none. False when the state file fails. */
bool driver_record(struct driver *driver, const char *name, struct arena *arena,
                   struct record *ret_record, bool *ret_found);
/* APPLY and PLAN end; RUN goes on. */
void driver_finish(struct driver *driver, const struct err *err);
/* Make a cluster due; the earlier time wins. */
void driver_due(struct cluster *cluster, int64_t at_ms);

/* driver_observe.c */
/* Begins a listing, unless one is running. */
void driver_list(struct driver *driver);
/* Takes over a page that has come, and asks for the next. */
void driver_listing_turn(struct driver *driver);
/* Ask for one cluster by its ID. */
void driver_look(struct driver *driver, struct cluster *cluster, const char *cluster_id);
/* Takes over the answer; true when the cluster can be decided upon. */
bool driver_look_ended(struct driver *driver, struct flight *flight);
/* What is known of the cluster: from the cache, and from the answer that just came (or NULL). */
void driver_seen(struct driver *driver, const struct cluster *cluster, const struct flight *look,
                 struct arena *arena, struct seen *ret_seen);
/* Offline: what the cache holds is what there is; of the whole fleet, or of one cluster. */
bool driver_load_sightings(struct driver *driver, struct err *err);
bool driver_load_sightings_of(struct driver *driver, const struct cluster *cluster,
                              struct err *err);

/* driver_check.c */
/* What is known of the image that is desired; false: nobody can be asked, or there is none. */
bool driver_image(const struct driver *driver, const struct manifest *desired,
                  struct image_facts *ret_facts);
/*
 * For a cluster whose tag is followed: true when the registry is asked first. Otherwise it is due
 * again when what is known has grown old.
 */
bool driver_follow(struct driver *driver, struct cluster *cluster, const struct manifest *desired,
                   const struct record *record);
/* Asks the registry; the cluster is due again when the answer is there. */
void driver_check(struct driver *driver, struct cluster *cluster, const struct manifest *desired);
/* Looks at every image anew. */
void driver_forget_images(struct driver *driver);
/* Takes over the list of node types. */
void driver_nodes_turn(struct driver *driver);
void driver_nodes_release(struct driver *driver);
bool driver_nodes_pending(const struct driver *driver);
void driver_check_destroy(struct check *check); /* NULL is fine */

/* driver_consider.c */
/* Decide upon a cluster, with an answer to a look at hand or without (NULL), and act on it. */
void driver_consider(struct driver *driver, struct cluster *cluster, const struct flight *look);

/* driver_step.c */
/* Journals and sends `decision->step`. */
void driver_begin_step(struct driver *driver, struct cluster *cluster,
                       const struct manifest *desired, const struct decision *decision);
void driver_step_ended(struct driver *driver, struct flight *flight);
/* Sends what this turn has decided: after the commit. */
void driver_send(struct driver *driver);
/* Takes back what this turn has decided: the commit failed. */
void driver_unsend(struct driver *driver);
/* Intents that a crash, or a failed commit, has left without a result. */
bool driver_recover(struct driver *driver, struct err *err);
struct flight *driver_flight(struct driver *driver, struct cluster *cluster, enum flight_kind kind);
void driver_flight_destroy(struct driver *driver, struct flight *flight);

#endif

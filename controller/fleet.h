/*
 * fleet: the index of all names that are desired, recorded or seen, and of what is known of each.
 *
 * It holds no spec and no JSON, about 300 bytes a cluster: those are in the manifests, the state
 * file and the cache, and are read when a cluster is looked at. Everything here can be had again,
 * so that a process may die at any instant.
 *
 * A cluster whose inputs are the same as when a decision found nothing to do is quiet: it is not
 * looked at again. That is what makes a pass over a fleet at rest cheap.
 */
#ifndef CLUSTERKEEPER_FLEET_H
#define CLUSTERKEEPER_FLEET_H

#include "catalogue.h"
#include "model.h"
#include "record.h"

/* One cluster of the workspace that concerns a name. */
struct sighted {
    char *cluster_id;
    struct digest digest; /* of the row in the cache */
    uint64_t listing;     /* the listing that showed it last */
};

struct cluster {
    char *name;
    bool is_desired;
    struct digest desired; /* entry.whole of its manifest */
    bool is_recorded;
    struct digest recorded; /* of what the record holds */
    char *cluster_id;       /* as recorded; NULL: none */
    char *predecessor_id;
    enum phase phase;
    struct sighted *sighted;
    size_t sighted_len;
    bool is_quiet;
    struct digest quiet; /* the inputs that `is_quiet` belongs to */
    bool is_settled;     /* as desired when it was decided upon last */
    bool is_stale;       /* a step ended since it was seen: ask before deciding */
    char *stale_id;      /* the one that the step was for: whom to ask; NULL: cluster_id */
    bool listing_new;    /* not decided upon since the last complete listing */
    int64_t touched_ms;  /* monotonic; when a step of it last began or ended */
    int64_t due_ms;      /* monotonic; when to look at it; INT64_MAX: only when something changes */
    int held;            /* the hold that was reported last */
    bool waits_for_nodes;  /* until the CPUs of the node types are known */
    bool follows_image;    /* what its tag points to is looked at on an interval */
    int64_t image_due_ms;  /* monotonic; when to look again; 0: at once */
    int tries;             /* failed questions in a row */
    struct flight *flight; /* the call that is under way; NULL: none */
    struct fleet_links *links;
};

struct fleet; /* opaque */

struct fleet *fleet_create(void);
void fleet_destroy(struct fleet *fleet); /* NULL is fine */

struct cluster *fleet_find(const struct fleet *fleet, const char *name);
/* The cluster that a cluster ID belongs to, by record or sighting; NULL: nobody's. */
struct cluster *fleet_find_id(const struct fleet *fleet, const char *cluster_id);
/* Found or made. */
struct cluster *fleet_get(struct fleet *fleet, const char *name);
/* Drops the cluster if it is neither desired, recorded nor seen, and nothing is under way. */
bool fleet_forget(struct fleet *fleet, struct cluster *cluster);
size_t fleet_len(const struct fleet *fleet);
/* How many are desired, and how many of these are settled. */
void fleet_count(const struct fleet *fleet, size_t *ret_desired, size_t *ret_settled);

/* In the order in which they came. Safe against fleet_forget of the one just returned. */
struct cluster *fleet_first(const struct fleet *fleet);
struct cluster *fleet_next(const struct cluster *cluster);

/* Takes over names and digests of the catalogue; clusters that changed become due at `now_ms`. */
void fleet_take_catalogue(struct fleet *fleet, struct catalogue *catalogue, int64_t now_ms);
/* As fleet_take_catalogue for one manifest alone. */
void fleet_take_entry(struct fleet *fleet, struct cluster *cluster, const struct entry *entry,
                      int64_t now_ms);
/* Takes over a record; NULL: there is none (any more). */
void fleet_take_record(struct fleet *fleet, struct cluster *cluster, const struct record *record);
/* A cluster of the workspace was seen for `cluster`; true when it is new or its row changed. */
bool fleet_take_sighting(struct fleet *fleet, struct cluster *cluster, const char *cluster_id,
                         const struct digest *digest, uint64_t listing);
/* Is it as desired? */
void fleet_settle(struct fleet *fleet, struct cluster *cluster, bool is_settled);
/* What is known of `cluster_id` (NULL: of the cluster that is kept) is older than what was done. */
void fleet_mark_stale(struct cluster *cluster, const char *cluster_id);
/* Whom to ask about a cluster that is stale; NULL: nobody is known, a listing has to show it. */
const char *fleet_stale_id(const struct cluster *cluster);
/* It does not exist (any more). */
void fleet_drop_sighting(struct fleet *fleet, const char *cluster_id);

/* What a decision about the cluster depends on, but for time: equal digests, equal decisions. */
struct digest fleet_inputs_digest(const struct cluster *cluster, const void *policy,
                                  size_t policy_len);

#endif

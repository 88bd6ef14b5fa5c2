/*
 * deciding: what the rules of decide share. Private to decide*.c.
 *
 * A decision is made by a list of rules. Each looks at the case, may bring the record up to date,
 * and says whether it has decided; the first that has ends the list.
 */
#ifndef CLUSTERKEEPER_DECIDING_H
#define CLUSTERKEEPER_DECIDING_H

#include "decide.h"
#include "mark.h"
#include "recording.h"
#include "tags.h"

/* Of one spec as JSON: a request may have 10 MB (databricks-api.md 1.1). */
enum { DECIDING_JSON_MAX = 10 * 1000 * 1000 };

struct deciding {
    struct arena *arena;
    const struct inputs *in;
    struct decision *out;
    const struct manifest *desired; /* what is worked towards: the manifest, or what ran before */
    struct manifest back;           /* the latter */
    struct manifest pinned;         /* the manifest, its image by digest */
    bool is_back;                   /* the manifest is set aside: see decide_rollback.c */
    bool is_untouched;              /* what ran before is not known: the cluster stays as it is */
    const struct observed *current; /* the cluster that is kept; NULL: none is known */
    const struct observed *predecessor; /* the one it replaces, when it is still listed */
    const struct value *applied;        /* record.applied_spec, parsed; NULL: not known */
    const char *desired_digest;         /* of `desired`, hex; NULL without a manifest */
};

typedef bool (*decide_rule)(struct deciding *d);

/* Sets step, target, action and words at once; true, for `return`. */
bool deciding_step(struct deciding *d, enum action action, enum step step,
                   const struct observed *target, const char *why);
/* Ask for one cluster by its ID before anything else is decided; true. */
bool deciding_look(struct deciding *d, const char *cluster_id, const char *why);
/* Nothing now: hold until `wake_at_ms` (0: until something changes); true. */
bool deciding_hold(struct deciding *d, enum hold hold, int64_t wake_at_ms, const char *why);

/*
 * What is to be stopped or removed is asked for first: a listing may be old, and what was done to
 * a cluster since it was listed shows in an answer only. True when there is a question to ask.
 */
bool deciding_confirm(struct deciding *d, enum action action, const struct observed *target,
                      const char *why);

/* Look at the sightings again: sets `current` and `predecessor` from the record's IDs and tags. */
void deciding_pick(struct deciding *d);
const struct observed *deciding_find(const struct deciding *d, const char *cluster_id);
bool deciding_is_gone(const struct deciding *d, const char *cluster_id);
/* Enters a phase; the time it began is kept when it is in it already. */
void deciding_enter(struct deciding *d, enum phase phase);
/* The manifest was tried as it is, with the image that its tag points to, and failed for good. */
bool deciding_is_spent(const struct deciding *d);
/* The manifest was tried as it is, and its next try is not yet due. */
bool deciding_is_early(const struct deciding *d);

/* Another cluster is kept from now on. */
void deciding_take_cluster(struct deciding *d, const struct observed *cluster);
/* The operation in flight had its effect: the record takes over what it carried. */
void deciding_take_pending(struct deciding *d);
/* The cluster has what the manifest asks for. */
void deciding_take_desired(struct deciding *d);

/* Canonical JSON in the arena; and what such JSON of a record says: NULL when there is none, or
 * when it cannot be read, which is as much as not known. */
const char *deciding_json(const struct deciding *d, const struct value *value);
const struct value *deciding_read(const struct deciding *d, const char *json);
/* The record remembers what the step that is about to be taken carries. */
void deciding_carry_pending(struct deciding *d);
/* The next local script that is not in the workspace yet; false when all are. */
bool deciding_upload(struct deciding *d, enum action action, const char *why);
/* Removes the cluster that did not start, once it is in the way; true while there is one. */
bool deciding_forget_failed(struct deciding *d, enum action action);
/* How many live clusters of this name there are. */
size_t deciding_live(const struct deciding *d);
/* Stops a second live cluster of this name: before there are two, or once there are. */
bool deciding_dedupe(struct deciding *d);
/* Prepares a create: twins and scripts first, then the call; true. */
bool deciding_create(struct deciding *d, enum action action, const char *why);
/* Stops a cluster, or removes it for good once a pin is taken away; asked for first; true. */
bool deciding_terminate(struct deciding *d, enum action action, const struct observed *target,
                        const char *why);
bool deciding_remove(struct deciding *d, enum action action, const struct observed *target,
                     const char *why);

/* decide_change.c: the definition differs from what is applied or observed. */
bool rule_changed(struct deciding *d);
/* A difference is of class replace, and the strategy makes a new cluster for it. */
bool change_replaces(struct deciding *d);
/* A new cluster in place of the one that is kept; true. */
bool change_by_replace(struct deciding *d, const char *why);

/* decide_carry.c: libraries, permissions and pin, which restart nothing. */
bool rule_carry(struct deciding *d);
/* Who uses the cluster finds on it what the manifest states. */
bool carry_is_complete(const struct deciding *d);

/* decide_launch.c: a cluster that is on its way, or was. */
bool rule_carry_early(struct deciding *d);
bool rule_moving(struct deciding *d);
bool rule_launched(struct deciding *d);
bool rule_failed(struct deciding *d);
bool rule_start(struct deciding *d);

/* decide_image.c: what the registry says. */
/* Sets the reference that is asked for, where keep.pin_digest is true. */
void image_begin(struct deciding *d);
/*
 * Before a container is taken down or made: true while the registry has to be asked first, and
 * where its answer holds the action.
 */
bool image_check(struct deciding *d, enum action action, const char *why);
/* The tag points to another image than the one that runs: a difference of its own. */
void image_compare(struct deciding *d, struct diff *diff);
/* The spec with its image by digest; as it is when it has one, or no image. */
const struct value *image_pin(struct arena *arena, const struct value *spec, const char *digest);
/* The digest that the tag points to now; NULL: not known. */
const char *image_now(const struct deciding *d);

/* decide_rollback.c: back to what ran before. */
/* Sets what is worked towards; once the record is known. */
void rollback_begin(struct deciding *d);
bool rule_rollback(struct deciding *d);
/* The manifest went back to what the replaced cluster still runs. */
bool rule_revert(struct deciding *d);
/* What is done to go back is one action for people, whatever it takes. */
enum action rollback_action(enum action action);
/* Nothing is left to do but to say so. */
void rollback_end(struct deciding *d);

/* decide.c, for decide_gone.c too: a create whose answer was lost; the recorded cluster is not
 * among what was seen; it bears another owner's tag. */
bool rule_unanswered(struct deciding *d);
bool rule_missing(struct deciding *d);
bool rule_foreign(struct deciding *d);

/* decide_gone.c: there is no manifest. */
void decide_gone(struct deciding *d);

#endif

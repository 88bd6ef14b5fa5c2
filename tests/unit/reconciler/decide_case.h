/*
 * decide_case: one cluster's manifest, record and small workspace, for tests of decide.
 *
 * The workspace acts as databricks-api.md section 3 says, on a clock that only the test moves, and
 * is seen as the driver sees it: by listings, which are as old as the clock's last move, and by
 * single questions. A step that the workspace would refuse in the state that the cluster is in, or
 * that is repeated without a reason, fails the test.
 *
 * What was done is kept as a story, a line for each call: "create c1", "terminate c1".
 */
#ifndef CLUSTERKEEPER_TEST_DECIDE_CASE_H
#define CLUSTERKEEPER_TEST_DECIDE_CASE_H

#include "decide.h"
#include "recording.h"
#include "tags.h"

enum { CASE_CLUSTERS_MAX = 16, CASE_STORY_MAX = 8192, CASE_TURNS_MAX = 400 };

/* A cluster of the workspace. */
struct actor {
    const char *id;
    enum cluster_state state;
    const struct value *spec; /* as submitted, our tags in it */
    const char *source;       /* "API" */
    const char *reason;       /* termination code; NULL: none */
    int64_t started_ms;
    bool pinned;
    bool is_gone;             /* removed for good; a listing may still show it */
    struct observed sighting; /* as it was seen last; id NULL: not seen */
};

/* What happens to a call. */
struct fault {
    enum step step; /* the next call of this kind; STEP_NONE: none */
    enum err_code code;
    bool has_effect; /* it is carried out all the same: the answer is lost */
    int times;
};

struct decide_case {
    struct arena arena;
    struct manifest manifest;
    bool is_desired;
    bool scripts_known[4];
    struct record record;
    bool is_recorded;
    struct policy policy;
    struct actor actors[CASE_CLUSTERS_MAX];
    size_t actors_len;
    unsigned created;                    /* so far, for IDs */
    const char *libraries, *permissions; /* as last put on any cluster */
    const char *bad_image, *bad_reason;  /* launches of this image fail with this code */
    const char *rewrites;        /* what the workspace lays over each submitted spec, as JSON */
    bool terse;                  /* answers do not tell what was submitted */
    bool stuck;                  /* launches never end */
    bool hidden;                 /* listings do not show what is created */
    struct image_facts registry; /* what it says when it is asked; verdict IMAGE_UNASKED: there is
                                    no registry */
    struct image_facts image;    /* what it said last */
    int checks;                  /* how often it was asked */
    struct fault fault;
    int crash_at;    /* the process ends at this call, counted from 1; 0: never */
    bool crash_late; /* after the call was carried out, and before its answer */
    int calls;
    int64_t now_ms;
    uint64_t jitter; /* the random number of each decision */
    bool listing_new;
    const char *fresh_id, *gone_id; /* what the last question was for */
    const char *also_gone[3];       /* those before it */
    struct decision decision;
    struct buf story;
};

void case_open(struct decide_case *c);
void case_close(struct decide_case *c);

/* `body` is what follows `metadata`: "spec: ...\nkeep: ...". NULL takes the manifest away. */
void case_desire(struct decide_case *c, const char *body);
/* A cluster in the workspace, its spec as JSON; `owner` NULL: without our tags. */
struct actor *case_cluster(struct decide_case *c, const char *id, enum cluster_state state,
                           const char *owner, const char *spec);
/* The record of a cluster that is as the manifest asks. */
void case_record(struct decide_case *c, const char *id, enum phase phase);
struct actor *case_actor(struct decide_case *c, const char *id); /* NULL: no such cluster */
void case_gone(struct decide_case *c, const char *id);
size_t case_live(const struct decide_case *c);

/* A question, answered for the next decision alone. */
void case_ask(struct decide_case *c, const char *id);
/* What a call does; the ID of what a create made. Where it is refused, the test fails. */
const char *case_carry_out(struct decide_case *c, const struct decision *d);
/* Everything is listed anew. */
void case_list(struct decide_case *c);
/* One decision on what is known; nothing is done. */
const struct decision *case_decide(struct decide_case *c);
/* Decide and act, questions answered, until it rests or waits. */
const struct decision *case_turn(struct decide_case *c);
/* Turns, with the clock moved to each wake, until nothing waits any more. */
const struct decision *case_run(struct decide_case *c);
/* Move the clock by itself; clusters on their way arrive. */
void case_pass(struct decide_case *c, int64_t ms);

/* The story since the last look at it. */
const char *case_story(struct decide_case *c);
/* The digest of the present manifest, in hex. */
const char *case_digest(struct decide_case *c);
const char *case_json(struct decide_case *c, const struct value *value);
const struct value *case_value(struct decide_case *c, const char *text);

/* A cluster `a` that is as its manifest asks: image V1, 2 workers, and `more`. */
void case_open_with(struct decide_case *c, enum cluster_state state, const char *more);
/* It is as desired in every respect, and nothing is remembered of the way there. */
void case_assert_settled(struct decide_case *c, const char *id, const char *image);

#endif

/*
 * scenario: what a seed makes of the world: how large it is, how its workspace behaves, how quick
 * things are, which faults exist and how often, and how the controller is set.
 *
 * Which faults exist at all is drawn first (swarm testing): a run with one kind of fault finds what
 * a run with all of them hides.
 */
#ifndef CLUSTERKEEPER_SIM_SCENARIO_H
#define CLUSTERKEEPER_SIM_SCENARIO_H

#include "world.h"

#include "workspace/model.h"

enum sim_size { SIM_SMALL, SIM_LARGE };

/* How an exchange goes wrong. */
enum trouble {
    TROUBLE_LOST,     /* acted upon, unanswered */
    TROUBLE_RESET,    /* neither */
    TROUBLE_REFUSED,  /* no connection was made */
    TROUBLE_HANG,     /* the request is under way for minutes; the caller gives up first */
    TROUBLE_SLOW,     /* answered late, but in time */
    TROUBLE_THROTTLE, /* 429, with or without Retry-After */
    TROUBLE_BUSY,     /* 503 */
    TROUBLE_SERVER,   /* 500 before the effect */
    TROUBLE_LATE,     /* 500 after the effect */
    TROUBLE_GATEWAY,  /* an HTML page with 502, after the effect */
    TROUBLE_EMPTY,    /* a status without a body */
    TROUBLE_CUT,      /* half an answer */
    TROUBLE_GARBAGE,  /* 200 with bytes that are no JSON */
    TROUBLE_COUNT,
};

/* What happens from outside, in the chaos: how often, in an hour. */
enum deed {
    DEED_EDIT,     /* a manifest is edited */
    DEED_BREAK,    /* a manifest is made unreadable, or mended */
    DEED_REMOVE,   /* a manifest is deleted, or comes back */
    DEED_MOVE,     /* its file is renamed */
    DEED_DEFAULTS, /* the Defaults change */
    DEED_SWITCH,   /* the whole tree changes to another commit, file by file */
    DEED_ROOT,     /* the directory is away, or empty, for a while */
    DEED_SECRET,   /* a secret is rotated */
    DEED_PERSON,   /* somebody edits, starts, stops, deletes, pins, copies a cluster */
    DEED_JOB,      /* a job wakes a terminated cluster */
    DEED_LOSS,     /* the cloud takes a cluster's machines, or has none for the next launch */
    DEED_KILL,     /* SIGKILL, at a chosen point of a turn */
    DEED_STOP,     /* SIGTERM */
    DEED_RIVAL,    /* a second controller is started on the same state file */
    DEED_CLOCK,    /* the wall clock jumps */
    DEED_DISK,     /* the disk is full for a while */
    DEED_FORGET,   /* the cache, or the whole state file, is lost while nothing runs */
    DEED_HANGUP,   /* SIGHUP: look at everything now */
    DEED_COUNT,
};

struct scenario {
    enum sim_size size;
    unsigned clusters;
    unsigned directories;
    struct model_config model;
    int64_t latency_least_ms, latency_most_ms;
    unsigned trouble_permille[TROUBLE_COUNT];
    unsigned deeds_hourly[DEED_COUNT];
    int64_t chaos_ms;
    bool keeps_cache; /* in a file beside the state, over the death of a process */
    int64_t wall_offset_ms;
    int64_t watch_ms; /* until a change of the directory is seen */
    /* As in driver_config and client_config. */
    int64_t launch_timeout_ms, create_grace_ms, poll_ms, interval_ms;
    unsigned steps_max, in_flight_max, rate;
};

const char *trouble_name(enum trouble trouble); /* "lost" */
const char *deed_name(enum deed deed);
void scenario_draw(struct world *world, enum sim_size size, struct scenario *ret_scenario);

#endif

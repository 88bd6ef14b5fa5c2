/*
 * process: the controller as a process on its host: the parts put together as session.c does,
 * started, given turns, stopped, killed, and started again on the same state file.
 */
#ifndef CLUSTERKEEPER_SIM_PROCESS_H
#define CLUSTERKEEPER_SIM_PROCESS_H

#include "disk.h"
#include "driver.h"
#include "world.h"

#define PROCESS_SCRIPT_DIR "/Shared/clusterkeeper"

struct process {
    bool is_running, is_stopping;
    bool is_dying;   /* killed in the midst of a turn: nothing it does reaches the world */
    bool needs_turn; /* something came in since the last one */
    bool is_start_due;
    int sends_left;   /* then it is killed; -1: not so */
    int start_writes; /* the next start is killed after so many; -1: not so */
    int64_t stop_by_ms;
    unsigned starts, kills;
    struct store *store;
    struct cache *cache;
    struct secrets *secrets;
    struct catalogue *catalogue;
    struct client *client;
    struct registry *registry;
    struct driver *driver;
};

/* Who is asked about images, through `port`. */
struct registry *process_registry(struct sim *sim, const struct port *port);

/* The parts alone, for a process in `mode`; false when they cannot be had. */
MUST_CHECK bool process_start(struct sim *sim, struct err *err);
void process_turn(struct sim *sim);
/* SIGKILL: now, at the send after so many, or at the write after so many. */
void process_kill(struct sim *sim);
void process_kill_at_send(struct sim *sim, int sends);
void process_kill_at_write(struct sim *sim, int writes);
/* Now, and again while it starts. */
void process_kill_at_start(struct sim *sim, int writes);
/* SIGTERM. */
void process_stop(struct sim *sim);
/* At the end of a run, whatever its state. */
void process_end(struct sim *sim);
/* A watcher has seen a change of the directory. */
void process_directory_changed(struct sim *sim);
/* SIGHUP */
void process_hang_up(struct sim *sim);
/* A second controller on the same state file is refused. */
void process_rival(struct sim *sim);

/* Asked at each send: the process is (by now) dead. */
bool process_dies_here(struct sim *sim);
void process_restart_at(struct sim *sim, int64_t at_ms);

const char *process_env(void *ctx, const char *name);

#endif

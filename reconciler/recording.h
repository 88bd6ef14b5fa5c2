/*
 * recording: what a fact does to a record, whether an answer told it or a look at the workspace.
 *
 * Shared by decide and conclude, so that a step whose answer was lost ends in the same record as
 * one that was answered. Strings are made in the arena.
 */
#ifndef CLUSTERKEEPER_RECORDING_H
#define CLUSTERKEEPER_RECORDING_H

#include "arena.h"
#include "record.h"

/* Enters a phase; the time it began is kept when it is in it already. */
void record_enter(struct record *record, enum phase phase, int64_t now_ms);

/* The cluster has `spec` (canonical JSON), made for the manifest of that digest. */
void record_take_spec(struct arena *arena, struct record *record, const char *spec,
                      const char *digest);
/* The operation in flight had its effect: what it carried is applied. */
void record_take_pending(struct arena *arena, struct record *record);
/* What was applied has been seen running: it is what a failure later on goes back to. */
void record_take_run(struct record *record);
/* Another cluster is kept from now on: nothing that was done to the last one is true of it. */
void record_take_cluster(struct record *record, const char *cluster_id);

/*
 * The cluster that was replaced is kept again, with the spec that it ran with; the one that was to
 * follow it is the failed one.
 */
void record_swap_back(struct arena *arena, struct record *record);

/* What failed before no longer counts; but a manifest that was gone back from stays set aside. */
void record_forgive(struct record *record);
/* The manifest may be tried again, unless it was gone back from. */
void record_allow_again(struct record *record);

#endif

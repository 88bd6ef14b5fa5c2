/*
 * judge: what has to hold for every decision, whatever the world is like.
 */
#ifndef CLUSTERKEEPER_FUZZ_JUDGE_H
#define CLUSTERKEEPER_FUZZ_JUDGE_H

#include "decide.h"

/* Aborts, by fuzz_fail, with the promise that the decision breaks. */
void judge_decision(const struct inputs *in, const struct decision *d);
/* Again and again with the record that came out, it soon changes no more; each time is judged. */
void judge_again(struct arena *arena, const struct inputs *in, const struct decision *d);
/* The record after a step. */
void judge_record(struct arena *arena, const struct record *record);

#endif

/*
 * record_words: a record told in words, and made of them: "phase=launching cluster_id=a error=-".
 *
 * The names are those of record.h; "-" is none. What is told is all that differs, so that nothing
 * else has changed.
 */
#ifndef CLUSTERKEEPER_TEST_RECORD_WORDS_H
#define CLUSTERKEEPER_TEST_RECORD_WORDS_H

#include "arena.h"
#include "record.h"

/* Each member that differs, as it is after, first its phase; "" when none does. */
const char *record_changes(struct arena *arena, const struct record *before,
                           const struct record *after);
/* Sets one member; false when there is none of that name, or no such phase. `value` is kept. */
bool record_set(struct record *record, const char *name, const char *value);

#endif

/*
 * backoff: how long to wait before the next try.
 */
#ifndef CLUSTERKEEPER_BACKOFF_H
#define CLUSTERKEEPER_BACKOFF_H

#include <stdint.h>

/*
 * Full jitter: evenly between 0 and min(base << (attempt - 1), max), from the random number
 * `random`; never under `at_least_ms` (what a server asked for). Attempts count from 1.
 */
int64_t backoff_ms(int attempt, int64_t base_ms, int64_t max_ms, int64_t at_least_ms,
                   uint64_t random);

#endif

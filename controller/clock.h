/*
 * clock: the time of day. For records and people; deadlines go by the port's monotonic clock.
 */
#ifndef CLUSTERKEEPER_CLOCK_H
#define CLUSTERKEEPER_CLOCK_H

#include <stdint.h>

/* Milliseconds since the epoch. */
int64_t clock_wall_ms(void);

#endif

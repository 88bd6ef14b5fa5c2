/*
 * prng: seeded random numbers, for jitter, operation IDs and the simulation.
 *
 * The generator is a value that is handed in; there is no global one. Not for secrets: the key of
 * a state file comes from the operating system.
 */
#ifndef CLUSTERKEEPER_PRNG_H
#define CLUSTERKEEPER_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t state[4]; /* xoshiro256**, David Blackman and Sebastiano Vigna */
};

void prng_init(struct prng *prng, uint64_t seed);
uint64_t prng_next(struct prng *prng);
/* Evenly from 0 to bound - 1; bound > 0. */
uint64_t prng_below(struct prng *prng, uint64_t bound);
/* `len` characters of [0-9a-z] and a NUL into `ret_text`, which holds len + 1 bytes. */
void prng_text(struct prng *prng, char *ret_text, unsigned len);

#endif

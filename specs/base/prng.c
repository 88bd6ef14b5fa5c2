#include "prng.h"

#include <assert.h>

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

/* splitmix64, to spread a small seed over the whole state. */
static uint64_t spread(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

void prng_init(struct prng *prng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        prng->state[i] = spread(&seed);
    }
}

uint64_t prng_next(struct prng *prng)
{
    uint64_t *s = prng->state;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *prng, uint64_t bound)
{
    assert(bound > 0);
    uint64_t unfair = -bound % bound; /* the part of the range that would favour small numbers */
    uint64_t x = prng_next(prng);
    while (x < unfair) {
        x = prng_next(prng);
    }
    return x % bound;
}

void prng_text(struct prng *prng, char *ret_text, unsigned len)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    for (unsigned i = 0; i < len; i++) {
        ret_text[i] = digits[prng_below(prng, 36)];
    }
    ret_text[len] = '\0';
}

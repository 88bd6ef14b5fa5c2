/*
 * world: time, chance, and the list of what goes wrong.
 *
 * One virtual clock; a heap of events in the order of (time, sequence), so that a run is a function
 * of its seed. Each concern draws from a generator of its own: one more draw of the network shifts
 * nothing of the directory.
 *
 * Whatever goes wrong, or changes from outside, is a happening with a number. A run may be limited
 * to the first so many of them, and single ones may be left out: that is what the shrinker does. A
 * happening that is left out is drawn all the same.
 */
#ifndef CLUSTERKEEPER_SIM_WORLD_H
#define CLUSTERKEEPER_SIM_WORLD_H

#include "buf.h"
#include "prng.h"

#define SECONDS ((int64_t)1000)
#define MINUTES (60 * SECONDS)
#define HOURS   (60 * MINUTES)
#define NEVER   INT64_MAX

struct sim;

enum concern {
    CONCERN_SCENARIO,
    CONCERN_NETWORK,
    CONCERN_DIRECTORY,
    CONCERN_PEOPLE,
    CONCERN_PROCESS,
    CONCERN_PORT, /* what the controller draws */
    CONCERN_DISK,
    CONCERN_COUNT,
};

enum promise {
#define PROMISE(id, number, words) PROMISE_##id = (number),
#include "promises/promises.def"
#undef PROMISE
};

/* Something that happens at its time. `arg` belongs to it: released when it never comes to pass. */
struct occasion {
    int64_t at_ms;
    uint64_t sequence;
    void (*happen)(struct sim *sim, void *arg);
    void (*drop)(void *arg); /* NULL: nothing to release */
    void *arg;
};

/* What of the chaos is let through. */
struct limits {
    unsigned happenings_max; /* the first so many */
    const unsigned *without; /* and of these not these */
    size_t without_len;
};

enum { FAILURE_SIZE = 1024, TRACE_BYTES_MAX = 64 * 1024 * 1024 };

struct world {
    uint64_t seed;
    struct limits limits;
    int64_t now_ms; /* monotonic, and what all delays are counted in */
    struct prng prngs[CONCERN_COUNT];
    struct occasion *heap;
    size_t heap_len, heap_cap;
    uint64_t sequence;
    unsigned happenings;
    uint64_t fingerprint; /* of all that was told: equal for equal seeds */
    bool is_traced;
    struct buf trace;
    bool has_failed;
    char failure[FAILURE_SIZE];
};

void world_init(struct world *world, uint64_t seed, const struct limits *limits, bool is_traced);
void world_release(struct world *world);

uint64_t world_draw(struct world *world, enum concern concern, uint64_t bound);
/* From `least` to `most`, both included. */
int64_t world_draw_between(struct world *world, enum concern concern, int64_t least, int64_t most);
bool world_chance(struct world *world, enum concern concern, unsigned permille);

void world_at(struct world *world, int64_t at_ms, struct occasion event);
int64_t world_next_ms(const struct world *world); /* NEVER: nothing is to come */
struct occasion world_take(struct world *world);

/* Numbers a happening; false when it is left out. The words are for the trace. */
bool world_happens(struct world *world, const char *fmt, ...) PRINTF(2, 3);
/* A line of the trace, with the time in front. */
void world_tell(struct world *world, const char *fmt, ...) PRINTF(2, 3);
/* Something that the fingerprint has to cover also when no trace is kept. */
void world_note(struct world *world, const char *text, int64_t number);
/* Something is wrong with the run itself. The first failure is kept. */
void world_fail(struct world *world, const char *fmt, ...) PRINTF(2, 3);
/* A promise was broken: a failure that begins with its name. */
void world_break(struct world *world, enum promise promise, const char *fmt, ...) PRINTF(3, 4);
/* "promise 1 (one cluster for one manifest)" */
const char *promise_name(enum promise promise);

#endif

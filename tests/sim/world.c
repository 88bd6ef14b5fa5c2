#include "world.h"

#include <assert.h>
#include <stdio.h>

void world_init(struct world *world, uint64_t seed, const struct limits *limits, bool is_traced)
{
    *world = (struct world){ .seed = seed, .limits = *limits, .is_traced = is_traced };
    world->now_ms = 1000 * SECONDS;
    world->trace = BUF_INIT(TRACE_BYTES_MAX);
    world->fingerprint = seed;
    for (size_t i = 0; i < CONCERN_COUNT; i++) {
        prng_init(&world->prngs[i], seed * CONCERN_COUNT + i);
    }
}

void world_release(struct world *world)
{
    for (size_t i = 0; i < world->heap_len; i++) {
        if (world->heap[i].drop != NULL) world->heap[i].drop(world->heap[i].arg);
    }
    xfree(world->heap);
    buf_release(&world->trace);
    world->heap = NULL;
    world->heap_len = world->heap_cap = 0;
}

/* ---- chance ---- */

uint64_t world_draw(struct world *world, enum concern concern, uint64_t bound)
{
    return prng_below(&world->prngs[concern], bound);
}

int64_t world_draw_between(struct world *world, enum concern concern, int64_t least, int64_t most)
{
    assert(least <= most);
    return least + (int64_t)world_draw(world, concern, (uint64_t)(most - least) + 1);
}

bool world_chance(struct world *world, enum concern concern, unsigned permille)
{
    return world_draw(world, concern, 1000) < permille;
}

/* ---- time ---- */

static bool is_before(const struct occasion *a, const struct occasion *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->sequence < b->sequence;
}

static void swap(struct occasion *a, struct occasion *b)
{
    struct occasion kept = *a;
    *a = *b;
    *b = kept;
}

void world_at(struct world *world, int64_t at_ms, struct occasion event)
{
    event.at_ms = at_ms < world->now_ms ? world->now_ms : at_ms;
    event.sequence = world->sequence++;
    ARR_PUSH(world->heap, world->heap_len, world->heap_cap, event);
    size_t at = world->heap_len - 1;
    while (at > 0 && is_before(&world->heap[at], &world->heap[(at - 1) / 2])) {
        swap(&world->heap[at], &world->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

int64_t world_next_ms(const struct world *world)
{
    return world->heap_len == 0 ? NEVER : world->heap[0].at_ms;
}

struct occasion world_take(struct world *world)
{
    assert(world->heap_len > 0);
    struct occasion first = world->heap[0];
    world->heap[0] = world->heap[--world->heap_len];
    size_t at = 0;
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < world->heap_len; child++) {
            if (is_before(&world->heap[child], &world->heap[least])) least = child;
        }
        if (least == at) return first;
        swap(&world->heap[at], &world->heap[least]);
        at = least;
    }
}

/* ---- the trace ---- */

static PRINTF(3, 0) void tell(struct world *world, const char *mark, const char *fmt, va_list args)
{
    int64_t ms = world->now_ms - 1000 * SECONDS;
    buf_addf(&world->trace, "[%3lld:%02lld:%02lld.%03lld] %s", (long long)(ms / HOURS),
             (long long)(ms / MINUTES % 60), (long long)(ms / SECONDS % 60), (long long)(ms % 1000),
             mark);
    buf_vaddf(&world->trace, fmt, args);
    buf_addc(&world->trace, '\n');
}

void world_tell(struct world *world, const char *fmt, ...)
{
    if (!world->is_traced) return;
    va_list args;
    va_start(args, fmt);
    tell(world, "", fmt, args);
    va_end(args);
}

bool world_happens(struct world *world, const char *fmt, ...)
{
    unsigned number = world->happenings++;
    bool happens = number < world->limits.happenings_max;
    for (size_t i = 0; i < world->limits.without_len && happens; i++) {
        happens = world->limits.without[i] != number;
    }
    if (!happens || !world->is_traced) return happens;
    char mark[32];
    (void)snprintf(mark, sizeof(mark), "!%-4u ", number);
    va_list args;
    va_start(args, fmt);
    tell(world, mark, fmt, args);
    va_end(args);
    return true;
}

void world_note(struct world *world, const char *text, int64_t number)
{
    uint64_t hash = world->fingerprint ^ (uint64_t)number ^ (uint64_t)world->now_ms << 20;
    for (; text != NULL && *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    }
    world->fingerprint = hash * UINT64_C(0x9e3779b97f4a7c15);
}

/* ---- failures ---- */

const char *promise_name(enum promise promise)
{
    static const char *const names[] = {
#define PROMISE(id, number, words) [number] = "promise " #number " (" words ")",
#include "promises/promises.def"
#undef PROMISE
    };
    return names[promise];
}

static PRINTF(3, 0) void fail(struct world *world, const char *what, const char *fmt, va_list args)
{
    if (world->has_failed) return;
    world->has_failed = true;
    AUTO_BUF struct buf failure = BUF_INIT(FAILURE_SIZE);
    if (what != NULL) buf_addf(&failure, "%s: ", what);
    buf_vaddf(&failure, fmt, args);
    (void)snprintf(world->failure, sizeof(world->failure), "%s", buf_text(&failure));
    world_tell(world, "FAILED %s", world->failure);
}

void world_fail(struct world *world, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail(world, NULL, fmt, args);
    va_end(args);
}

void world_break(struct world *world, enum promise promise, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail(world, promise_name(promise), fmt, args);
    va_end(args);
}

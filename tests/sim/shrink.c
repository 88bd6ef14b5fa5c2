#include "shrink.h"

#include <stdlib.h>

enum { RUNS_MAX = 600 };

struct shrinking {
    struct sim_order order;
    unsigned runs;
    unsigned *without;
    size_t without_len;
};

static bool fails(struct shrinking *s)
{
    struct sim_result result;
    s->order.limits.without = s->without;
    s->order.limits.without_len = s->without_len;
    s->order.is_traced = false;
    s->runs++;
    sim_run(&s->order, &result);
    return result.has_failed;
}

/* The first so many are enough. */
static void cut_tail(struct shrinking *s, unsigned happenings)
{
    unsigned least = 0;
    unsigned most = happenings;
    while (least < most) {
        unsigned middle = least + (most - least) / 2;
        s->order.limits.happenings_max = middle;
        if (fails(s)) {
            most = middle;
        } else {
            least = middle + 1;
        }
    }
    s->order.limits.happenings_max = most;
}

/* Leaves out so many at once wherever the run fails without them too. */
static void thin_out(struct shrinking *s, unsigned chunk)
{
    unsigned happenings = s->order.limits.happenings_max;
    for (unsigned at = 0; at < happenings && s->runs < RUNS_MAX; at += chunk) {
        size_t before = s->without_len;
        for (unsigned i = at; i < at + chunk && i < happenings; i++) {
            s->without[s->without_len++] = i;
        }
        if (!fails(s)) s->without_len = before;
    }
}

static int by_number(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a;
    unsigned y = *(const unsigned *)b;
    return x < y ? -1 : x > y;
}

/* Those that were left out twice count once. */
static void tidy(struct shrinking *s)
{
    size_t len = 0;
    if (s->without_len == 0) return;
    qsort(s->without, s->without_len, sizeof(*s->without), by_number);
    for (size_t i = 0; i < s->without_len; i++) {
        if (len == 0 || s->without[len - 1] != s->without[i]) s->without[len++] = s->without[i];
    }
    s->without_len = len;
}

void shrink(const struct sim_order *order, unsigned happenings, struct limits *ret_limits)
{
    enum { CHUNKS = 5 };
    static const unsigned chunks[CHUNKS] = { 16, 8, 4, 2, 1 };
    struct shrinking s = { .order = *order };
    cut_tail(&s, happenings);
    s.without = xcalloc((size_t)CHUNKS * s.order.limits.happenings_max + 1, sizeof(*s.without));
    for (size_t i = 0; i < CHUNKS; i++) {
        thin_out(&s, chunks[i]);
        tidy(&s);
    }
    *ret_limits = (struct limits){ s.order.limits.happenings_max, s.without, s.without_len };
}

/*
 * mark: names for rare branches, so that a long simulation can tell that it has been there.
 *
 * MARK(found_after_lost_create) is nothing, but in the build of the simulation
 * (CLUSTERKEEPER_MARKS), which counts how often each was reached and fails when one never was.
 */
#ifndef CLUSTERKEEPER_MARK_H
#define CLUSTERKEEPER_MARK_H

#ifdef CLUSTERKEEPER_MARKS

#include <stdint.h>

struct mark {
    const char *name;
    uint64_t reached;
};

/* All of them lie in one section, which is the list of them. */
#define MARK(word)                                                       \
    do {                                                                 \
        static struct mark mark_##word                                   \
            __attribute__((section("marks"), used)) = { .name = #word }; \
        mark_##word.reached++;                                           \
    } while (0)

#else
#define MARK(word) ((void)0)
#endif

#endif

/*
 * decide_told: one decision, told in words: what is seen, what is decided, what is recorded.
 *
 * The record is of cluster "a", which has run, made for WANTS(V1, "2", "") just now, at
 * TOLD_NOW_MS. What differs from that is given in words.
 */
#ifndef CLUSTERKEEPER_TEST_DECIDE_TOLD_H
#define CLUSTERKEEPER_TEST_DECIDE_TOLD_H

#include "decide_case.h"

enum { TOLD_NOW_MS = 5000000 };

struct told {
    const char *wants; /* what follows the manifest's metadata; NULL: it is gone */
    /*
     * Of the record, as in record_words.h: "phase=failed error=-"; "@" and "@spec" are the digest
     * and the spec of `wants`, "@old" and "@old-spec" those that the record was made for.
     * "no-record"; "listing": there is a new one; "no-prune", "prune-unclaimed";
     * "jitter=": the random number; "scripts": the manifest has two, and one is not uploaded yet;
     * "terse", "rewrites=": of the workspace, as in decide_case.h; "registry=no-access", "digest=",
     * "ask_again_ms=": what the registry said last.
     */
    const char *given;
    /*
     * "a RUNNING fresh, b TERMINATED pinned": with our tags and as HAS(V1, "2") says, but for
     * "image=", "workers=", "owner=" ("-": not tagged), "operation=" ("-": none), "reason=",
     * "started=", "source=", "with=" (JSON laid over its spec); "orphan": its tags say so. "fresh":
     * asked for just now; "asked": before; "a gone": just now, and it is not there.
     */
    const char *seen;
    const char *decided;
};

/* Decides, and fails the test where the words are others. */
void told_check(const struct told *rows, size_t len);

#endif

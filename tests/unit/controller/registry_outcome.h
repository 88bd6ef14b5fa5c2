/*
 * registry_outcome: a table of what a registry says, and what is to be made of it.
 */
#ifndef CLUSTERKEEPER_REGISTRY_OUTCOME_H
#define CLUSTERKEEPER_REGISTRY_OUTCOME_H

#include "registry_world.h"

enum { OUTCOME_ROWS_MAX = 12 };

struct outcome {
    const char *title;
    const char *image; /* "@${name}" at its end is the document's digest */
    const char *username, *password;
    enum image_cpu cpu;
    const struct fake_text *env, *files;
    struct fake_program program; /* `program` NULL: none is run */
    enum image_verdict verdict;
    const char *says;                       /* in the text */
    const char *digest;                     /* name of the document; NULL: none, or not looked at */
    struct exchange rows[OUTCOME_ROWS_MAX]; /* up to a request that is NULL */
};

/*
 * Each in a world of its own, for `image` where it names none; `env` where it has none. Nothing of
 * `secrets` (ends with NULL) may be in a text. `digests`: an outcome without one is to have none.
 */
struct outcome_defaults {
    const char *image;
    const struct fake_text *env;
    const char *const *secrets;
    bool digests;
};
void outcomes_check(const struct outcome *outcomes, size_t len,
                    const struct outcome_defaults *defaults);

#endif

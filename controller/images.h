/*
 * images: what was last known of each image that the manifests name, for all clusters together.
 *
 * An image is known by its reference, the login it is pulled with and the CPU it is for, so that a
 * thousand clusters of one image are one question. A login is kept as the hash that the manifest
 * has of it.
 */
#ifndef CLUSTERKEEPER_IMAGES_H
#define CLUSTERKEEPER_IMAGES_H

#include "digest.h"
#include "image.h"
#include "manifest.h"

enum {
    IMAGES_MAX = 10000, /* then those that were not asked for longest are forgotten */
    IMAGES_AGAIN_MIN_MS = 10000,
};

struct images; /* opaque */

struct images *images_create(void);
void images_destroy(struct images *images); /* NULL is fine */

/* What tells the image of a spec from others; false: it has none. */
bool images_key(const struct value *spec, enum image_cpu cpu, struct digest *ret_key);

/*
 * What is known, as old as `age_max_ms` at most, or until it may be asked again where it was not
 * good; verdict IMAGE_UNASKED: nothing. `ret_left_ms`: for how long yet. `now_ms` is monotonic: a
 * wall clock that is set makes nothing old, or young again. Strings are borrowed until the next
 * images_put.
 */
struct image_facts images_get(const struct images *images, const struct digest *key, int64_t now_ms,
                              int64_t age_max_ms, int64_t *ret_left_ms);
/* Nothing is known any more: somebody wants to know how it is now. */
void images_forget(struct images *images);
/* `facts` is copied. */
void images_put(struct images *images, const struct digest *key, const struct image_facts *facts,
                int64_t now_ms);

#endif

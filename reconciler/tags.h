/*
 * tags: the marks by which a cluster is known to be ours, and for what.
 *
 * Values have at most 63 characters of [A-Za-z0-9._-], which every cloud takes
 * (databricks-api.md 2.4).
 */
#ifndef CLUSTERKEEPER_TAGS_H
#define CLUSTERKEEPER_TAGS_H

#include "manifest.h"
#include "model.h"

/* "orphan": it outlives its manifest, even when the record of that is lost. */
#define TAG_PRUNE "clusterkeeper-prune"
enum { TAG_VALUE_MAX = 63, TAG_SPEC_LEN = 40 };

/* `spec` with our tags among its custom_tags. */
const struct value *tags_add(struct arena *arena, const struct value *spec, const char *owner,
                             const struct manifest *desired, const char *operation);

/*
 * The value of TAG_SPEC: a digest of the spec without its secrets, whose hashes depend on the
 * state file and would not be found again after it was lost.
 */
const char *tags_spec_digest(struct arena *arena, const struct value *spec);

/* The cluster bears the owner's tag and this name. */
bool tags_match(const struct observed *observed, const char *owner, const char *name);

/* Its manifest said keep.prune: orphan when it was made or edited last. */
bool tags_is_orphan(const struct observed *observed);

#endif

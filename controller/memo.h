/*
 * memo: what the last plan found quiet, so that the next one looks at the rest alone.
 *
 * A decision is a function of its inputs: where manifest, records, sightings and policy are the
 * same, so is the plan. The memo holds a fingerprint of all that belongs to no one cluster, the
 * digest of each manifest that needed nothing, and the names that did. It is kept in the cache,
 * under a digest of its own: a memo with a wrong byte in it is none, and costs a look at
 * everything.
 */
#ifndef CLUSTERKEEPER_MEMO_H
#define CLUSTERKEEPER_MEMO_H

#include "buf.h"
#include "digest.h"

struct memo; /* opaque */

struct memo *memo_create(void);
void memo_destroy(struct memo *memo); /* NULL is fine */
DEFINE_AUTO(struct memo, memo_destroy)

/* Bytes of memo_save; borrowed. False, and the memo is empty, when they are damaged, of another
 * version, or made under another fingerprint. */
bool memo_restore(struct memo *memo, const struct digest *fingerprint, const char *bytes,
                  size_t len);

/* The manifest of this name and digest needed nothing. Quickest when asked in order of names. */
bool memo_is_quiet(struct memo *memo, const char *name, const struct digest *manifest);
/* The names that needed something, one after the other, from 0; NULL: no more. Borrowed. */
const char *memo_restless(const struct memo *memo, size_t index);
/* The names that needed nothing, and that nobody has asked about since: their manifests are gone.
 * One after the other, from *at = 0, which it moves on; NULL: no more. Borrowed. */
const char *memo_vanished(const struct memo *memo, size_t *at);

/* A memo under construction; names in order for the quiet ones, in any for the others. */
struct memo_writer {
    struct buf quiet, restless;
    size_t quiet_len, restless_len;
};
void memo_begin(struct memo_writer *writer);
void memo_add_quiet(struct memo_writer *writer, const char *name, const struct digest *manifest);
void memo_add_restless(struct memo_writer *writer, const char *name);
/* Appends the bytes to `out` and releases the writer. */
void memo_finish(struct memo_writer *writer, const struct digest *fingerprint, struct buf *out);

#endif

/*
 * digest: SHA-256, plain for identity and keyed (HMAC) for secrets. OpenSSL does the work.
 */
#ifndef CLUSTERKEEPER_DIGEST_H
#define CLUSTERKEEPER_DIGEST_H

#include "mem.h"

#include <stdbool.h>
#include <stdint.h>

enum { DIGEST_BYTES = 32, DIGEST_HEX_SIZE = 65, DIGEST_KEY_BYTES = 32 };

struct digest {
    uint8_t bytes[DIGEST_BYTES];
};

struct digest digest_of(const void *data, size_t len);
/* HMAC-SHA-256 under `key`. */
struct digest digest_keyed(const uint8_t key[DIGEST_KEY_BYTES], const void *data, size_t len);
bool digest_equal(const struct digest *a, const struct digest *b);
bool digest_is_zero(const struct digest *digest);
/* Lower-case hex and a NUL. */
void digest_hex(const struct digest *digest, char ret_hex[DIGEST_HEX_SIZE]);
/* False when `hex` is not 64 lower-case hex digits. */
bool digest_from_hex(const char *hex, struct digest *ret_digest);

/* SHA-256 in pieces. */
struct hasher;
struct hasher *hasher_create(void);
void hasher_destroy(struct hasher *hasher); /* NULL is fine */
void hasher_add(struct hasher *hasher, const void *data, size_t len);
/* The digest of all that was added; the hasher starts anew. */
struct digest hasher_take(struct hasher *hasher);
DEFINE_AUTO(struct hasher, hasher_destroy)

#endif

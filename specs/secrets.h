/*
 * secrets: finds the text of fromEnv and fromFile, and makes hashes to compare by.
 *
 * A secret's text is held only while it is hashed or written into a request body, and is wiped
 * after. Hashes are kept for a pass, since a fleet shares a handful of secrets.
 */
#ifndef CLUSTERKEEPER_SECRETS_H
#define CLUSTERKEEPER_SECRETS_H

#include "buf.h"
#include "digest.h"
#include "files.h"
#include "value.h"

enum { SECRET_BYTES_MAX = 64 * 1024 };

struct secrets; /* opaque */

/* Where an environment variable is looked up; getenv in the program. NULL result: not set. */
typedef const char *(*secrets_env_fn)(void *ctx, const char *name);

/* `key` makes the hashes; all zeros for commands without a state file. `files` is borrowed. */
struct secrets *secrets_create(const uint8_t key[DIGEST_KEY_BYTES], const struct files *files,
                               secrets_env_fn env, void *env_ctx);
void secrets_destroy(struct secrets *secrets); /* NULL is fine */
DEFINE_AUTO(struct secrets, secrets_destroy)
/* Forget the hashes: files and variables are looked at anew. */
void secrets_forget(struct secrets *secrets);

/*
 * The keyed hash of one secret. On failure the error says what is wrong, without a position
 * ("environment variable REGISTRY_USER is not set").
 */
MUST_CHECK bool secrets_hash(struct secrets *secrets, enum secret_source source, const char *text,
                             struct digest *ret_hash, struct err *err);
/* Tells one key from another without showing it. */
struct digest secrets_fingerprint(const struct secrets *secrets);

/*
 * A copy of `value` in which each secret has its hash. One trailing newline of a file is not part
 * of the secret. On failure ERR_MANIFEST at the secret's position ("environment variable
 * REGISTRY_USER is not set"). `secrets` NULL seals nothing and returns `value`: for validate.
 */
MUST_CHECK bool secrets_seal(struct secrets *secrets, struct arena *arena,
                             const struct value *value, const struct value **ret_sealed,
                             struct err *err);

/*
 * `value` with each secret in it replaced by what `map` makes of it. What holds no secret is
 * shared and not copied. Fails when `map` does.
 */
typedef bool (*secret_map_fn)(void *ctx, const struct value *secret, const struct value **ret_value,
                              struct err *err);
MUST_CHECK bool secrets_map(struct arena *arena, const struct value *value, secret_map_fn map,
                            void *ctx, const struct value **ret_value, struct err *err);

/* A json_reveal_fn with a `struct secrets *` as ctx. */
bool secrets_reveal(void *ctx, const struct value *secret, struct buf *out, struct err *err);

/* Overwrite, in a way that the compiler cannot leave out. */
void memory_wipe(void *at, size_t len);
/* Overwrite and release, so that no copy stays in freed memory. */
void buf_wipe(struct buf *buf);

#endif

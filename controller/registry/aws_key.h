/*
 * aws_key: where AWS credentials are found, and how each place writes them. Pure but for the
 * files of a profile. Facts: container-registry.md 9.2.
 */
#ifndef CLUSTERKEEPER_AWS_KEY_H
#define CLUSTERKEEPER_AWS_KEY_H

#include "arena.h"
#include "docker_config.h"
#include "files.h"

struct aws_key {
    struct buf id, secret, session; /* empty: not known; session may be */
};
void aws_key_init(struct aws_key *key);
void aws_key_wipe(struct aws_key *key);
bool aws_key_is_known(const struct aws_key *key);

/* AWS_ACCESS_KEY_ID and its siblings. False: they are not set. */
bool aws_key_from_env(docker_env_fn env, void *ctx, struct aws_key *key);
/* The profile of the shared files. False: there is none with a key of its own. */
bool aws_key_from_profile(const struct files *files, docker_env_fn env, void *ctx,
                          struct aws_key *key);
/* One profile in the text of a shared file; `prefix` "profile " in ~/.aws/config, else "". */
bool aws_key_from_ini(const char *text, const char *prefix, const char *profile,
                      struct aws_key *key);
/* The answer of the container's or the machine's endpoint. ERR_PROTOCOL. */
MUST_CHECK bool aws_key_from_json(const char *text, size_t len, struct aws_key *key,
                                  struct err *err);

/*
 * Where a container asks; NULL: nothing says so. A full URI is taken only where it is https, or
 * http to a loopback address or to one of AWS's two.
 */
const char *aws_container_url(struct arena *arena, docker_env_fn env, void *ctx);
/* The address of the machine's endpoint; NULL: it is switched off. */
const char *aws_machine_url(docker_env_fn env, void *ctx);

#endif

/*
 * docker_config: credentials from Docker's own config.json, and the names of its credential
 * helpers. Reads the file only; running a helper is the registry client's business.
 * Facts: container-registry.md 10.
 */
#ifndef CLUSTERKEEPER_DOCKER_CONFIG_H
#define CLUSTERKEEPER_DOCKER_CONFIG_H

#include "arena.h"
#include "err.h"
#include "files.h"
#include "image_ref.h"

enum { DOCKER_CONFIG_MAX = 1024 * 1024 };

/* Where credentials come from. Strings live in an arena and are wiped with it by the caller. */
struct docker_login {
    const char *username, *password; /* NULL: none */
    const char *identity_token;      /* for the OAuth2 exchange; NULL: none */
    const char *registry_token;      /* sent as Bearer as it is; NULL: none */
    const char *helper;              /* "pass": docker-credential-pass is to be asked; NULL: none */
    const char *server;              /* what a helper is asked for */
};

/*
 * The files that are looked through, in order; NULL where its variable is not set.
 * docker_config_places fills them from the environment: $DOCKER_CONFIG/config.json or
 * ~/.docker/config.json, $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json,
 * ~/.config/containers/auth.json.
 */
struct docker_config_places {
    const char *paths[4];
    size_t len;
};
typedef const char *(*docker_env_fn)(void *ctx, const char *name);
void docker_config_places(struct arena *arena, docker_env_fn env, void *ctx,
                          struct docker_config_places *ret_places);

/*
 * The login for an image: most specific key first (host/repository, its parents, host), in each
 * file credHelpers, then credsStore, then auths; the first file that has something wins. No file,
 * no entry: everything NULL, and true. A file that is there and cannot be read or understood is an
 * error that names it, without quoting it.
 */
MUST_CHECK bool docker_config_login(struct arena *arena, const struct files *files,
                                    const struct docker_config_places *places,
                                    const struct image_ref *ref, struct docker_login *ret_login,
                                    struct err *err);

/*
 * The answer of a helper ({"Username","Secret"}); username "<token>" makes an identity token.
 * `status` is its exit status; "credentials not found in native keychain" is no login, and true.
 */
MUST_CHECK bool docker_helper_read(struct arena *arena, int status, const char *text, size_t len,
                                   struct docker_login *ret_login, struct err *err);
/* Overwrites the login's strings, which nobody else may look at any more. */
void docker_login_wipe(struct docker_login *login);
/* Letters, digits, '.', '_', '-': nothing else may become a program's name. */
bool docker_helper_is_name(const char *name);

#endif

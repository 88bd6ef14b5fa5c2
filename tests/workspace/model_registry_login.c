/*
 * Who may see an image in the registry (container-registry.md 8): the challenge, the token server
 * at /v2/token, and what a login or a token is worth.
 *
 * A token is made of what it says and of a keyed hash of that, so that none has to be kept:
 * <right>.<when it ends>.<hash>.<repository>.
 */
#include "inside.h"

#include "digest.h"
#include "text.h"

#include <inttypes.h>

#define SERVICE "workspace-sim"
#define BASIC   "Basic "
#define BEARER  "Bearer "

enum { TOKEN_LIFE_S = 300, HEX_KEPT = 32 };
enum auth { AUTH_NONE, AUTH_BASIC, AUTH_BEARER, AUTH_BEARER_ALL };

/* What a request brought with it, from nothing to enough. */
enum worth { WORTH_NOTHING, WORTH_INVALID, WORTH_WEAK, WORTH_PULL };
#define RIGHT_PULL "pull"
#define RIGHT_NONE "none"

static enum auth auth_of(const struct ws_call *call)
{
    return (enum auth)call->model->switches.registry_auth;
}

/* The password of a Basic login. NULL: there is none, or it is not one. */
static const char *read_password(const struct ws_call *call)
{
    const char *given = call->request->authorization;
    size_t len = 0;
    if (given == NULL || !text_starts(given, BASIC)) return NULL;
    const char *login = ws_from_base64(call->arena, given + strlen(BASIC), &len);
    const char *colon = login == NULL ? NULL : memchr(login, ':', len);
    if (colon == NULL) return NULL;
    return arena_strndup(call->arena, colon + 1, len - (size_t)(colon + 1 - login));
}

static bool is_password(const struct ws_image *image, const char *password)
{
    return password != NULL && (image->password == NULL || strcmp(image->password, password) == 0);
}

static const char *seal(struct ws_call *call, const char *right, int64_t ends_ms,
                        const char *repository)
{
    static const uint8_t key[DIGEST_KEY_BYTES] = SERVICE;
    char hex[DIGEST_HEX_SIZE];
    const char *text = arena_printf(call->arena, "%s %" PRId64 " %s", right, ends_ms, repository);
    struct digest digest = digest_keyed(key, text, strlen(text));
    digest_hex(&digest, hex);
    return arena_printf(call->arena, "%s.%" PRId64 ".%.*s.%s", right, ends_ms, HEX_KEPT, hex,
                        repository);
}

static enum worth weigh_token(struct ws_call *call, const char *repository)
{
    int64_t ends_ms = 0;
    const char *given = call->request->authorization;
    if (given == NULL || !text_starts(given, BEARER)) return WORTH_NOTHING;
    const char *token = given + strlen(BEARER);
    bool can_pull = text_starts(token, RIGHT_PULL ".");
    const char *end = strchr(token, '.');
    const char *hash = end == NULL ? NULL : strchr(end + 1, '.');
    if (hash == NULL || strlen(hash) < HEX_KEPT + 2) return WORTH_INVALID;
    const char *end_text = arena_strndup(call->arena, end + 1, (size_t)(hash - end - 1));
    if (!text_to_i64(end_text, 0, INT64_MAX, &ends_ms)) return WORTH_INVALID;
    const char *of = hash + 1 + HEX_KEPT + 1;
    const char *sealed = seal(call, can_pull ? RIGHT_PULL : RIGHT_NONE, ends_ms, of);
    if (strcmp(sealed, token) != 0 || ends_ms < call->model->now_ms) return WORTH_INVALID;
    if (repository != NULL && strcmp(of, repository) != 0) return WORTH_WEAK;
    return can_pull ? WORTH_PULL : WORTH_WEAK;
}

static bool refuse_login(struct ws_call *call, const char *challenge)
{
    ws_header(call->response, "www-authenticate", challenge);
    return ws_registry_refuse(call, 401, "UNAUTHORIZED", "authentication required");
}

static bool challenge_basic(struct ws_call *call)
{
    return refuse_login(call, "Basic realm=\"" SERVICE "\"");
}

/* `repository` NULL: there is none to name a scope of. */
static bool challenge_bearer(struct ws_call *call, const char *repository, enum worth worth)
{
    static const char *const errors[] = {
        [WORTH_NOTHING] = "",
        [WORTH_INVALID] = ",error=\"invalid_token\"",
        [WORTH_WEAK] = ",error=\"insufficient_scope\"",
        [WORTH_PULL] = ",error=\"insufficient_scope\"",
    };
    const char *origin = call->request->origin;
    const char *scope =
        repository == NULL ? ""
                           : arena_printf(call->arena, ",scope=\"repository:%s:pull\"", repository);
    return refuse_login(
        call, arena_printf(call->arena, "Bearer realm=\"%s/v2/token\",service=\"" SERVICE "\"%s%s",
                           origin == NULL ? MODEL_ORIGIN : origin, scope, errors[worth]));
}

static bool admits_private(struct ws_call *call, const struct ws_image *image)
{
    switch (auth_of(call)) {
    case AUTH_NONE:
        return true;
    case AUTH_BASIC:
        return is_password(image, read_password(call)) || challenge_basic(call);
    case AUTH_BEARER:
    case AUTH_BEARER_ALL:
        break;
    }
    enum worth worth = weigh_token(call, image->repository);
    return worth == WORTH_PULL || challenge_bearer(call, image->repository, worth);
}

static bool admits_public(struct ws_call *call, const struct ws_image *image)
{
    if (auth_of(call) != AUTH_BEARER_ALL) return true;
    enum worth worth = weigh_token(call, image->repository);
    return worth >= WORTH_WEAK || challenge_bearer(call, image->repository, worth);
}

bool ws_registry_admits(struct ws_call *call, const struct ws_pull *pull)
{
    const struct ws_image *image = pull->image;
    if (pull->version->kind == MODEL_IMAGE_PRIVATE) return admits_private(call, image);
    if (pull->version->kind != MODEL_IMAGE_DENIED) return admits_public(call, image);
    if (call->model->switches.registry_forbids) {
        return ws_registry_refuse(call, 403, "DENIED",
                                  "requested access to the resource is denied");
    }
    return challenge_bearer(call, image->repository, weigh_token(call, image->repository));
}

bool ws_registry_admits_ping(struct ws_call *call)
{
    enum auth auth = auth_of(call);
    if (auth == AUTH_NONE) return true;
    if (auth == AUTH_BASIC) return read_password(call) != NULL || challenge_basic(call);
    enum worth worth = weigh_token(call, NULL);
    return worth >= WORTH_WEAK || challenge_bearer(call, NULL, worth);
}

/* "acme/etl" of "repository:acme/etl:pull"; "" when the scope is no such thing. */
static const char *read_scope(struct ws_call *call)
{
    const char *scope = ws_param(call, "scope");
    if (scope == NULL || !text_starts(scope, "repository:")) return "";
    const char *from = scope + strlen("repository:");
    const char *to = strrchr(from, ':');
    return to == NULL ? "" : arena_strndup(call->arena, from, (size_t)(to - from));
}

/* What the login is worth in the repository: one of its passwords opens all its private images. */
static enum worth weigh_login(const struct ws_call *call, const char *repository)
{
    const char *password = read_password(call);
    bool is_private = false;
    for (size_t i = 0; i < call->model->images_len; i++) {
        const struct ws_image *image = &call->model->images[i];
        if (strcmp(image->repository, repository) != 0) continue;
        for (size_t j = 0; j < image->versions_len; j++) {
            if (image->versions[j].kind != MODEL_IMAGE_PRIVATE) continue;
            if (is_password(image, password)) return WORTH_PULL;
            is_private = true;
        }
    }
    if (is_private && password != NULL) return WORTH_INVALID;
    return is_private ? WORTH_WEAK : WORTH_PULL;
}

bool ws_registry_token(struct ws_call *call)
{
    const char *repository = read_scope(call);
    enum worth worth = weigh_login(call, repository);
    if (call->request->authorization != NULL && read_password(call) == NULL) worth = WORTH_INVALID;
    if (worth == WORTH_INVALID) return challenge_basic(call);
    const char *token = seal(call, worth == WORTH_PULL ? RIGHT_PULL : RIGHT_NONE,
                             call->model->now_ms + (int64_t)TOKEN_LIFE_S * 1000, repository);
    struct buf *out = ws_answer(call);
    emit_open(out, '{');
    emit_text(out, "token", token);
    emit_text(out, "access_token", token);
    emit_int(out, "expires_in", TOKEN_LIFE_S);
    emit_close(out, '}');
    emit_end(out);
    return true;
}

#include "registry_private.h"

#include "base64.h"
#include "secrets.h"
#include "text.h"

#include <assert.h>

enum {
    HELPER_FRESH_MS = 10 * 60 * 1000, /* its protocol has no expiry (container-registry.md 10) */
    HELPER_FAILED_MS = 60 * 1000,
    HELPER_TIMEOUT_MS = 30 * 1000,
    HELPER_OUTPUT_MAX = 64 * 1024,
};

/* A credential helper, asked for one server. */
struct helper {
    struct registry *registry;
    struct helper *next;
    char *program, *server;
    const char *argv[3];
    struct program_call call;
    bool is_busy;
    struct login login;
    struct err err; /* ERR_NONE: it did not fail */
    int64_t good_until_ms;
};

/* ---- logins ---- */

void login_init(struct login *login)
{
    *login = (struct login){
        .username = BUF_INIT(REGISTRY_SECRET_MAX),
        .secret = BUF_INIT(REGISTRY_SECRET_MAX),
    };
}

void login_wipe(struct login *login)
{
    buf_wipe(&login->username);
    buf_wipe(&login->secret);
    login_init(login);
}

static void login_set(struct login *login, enum login_kind kind, const char *username,
                      const char *secret)
{
    login->kind = kind;
    buf_adds(&login->username, username == NULL ? "" : username);
    buf_adds(&login->secret, secret);
}

static void login_copy(struct login *login, const struct login *from)
{
    login_set(login, from->kind, buf_text(&from->username), buf_text(&from->secret));
    login->from = from->from;
}

struct digest login_digest(const struct registry *registry, const struct login *login)
{
    AUTO_BUF struct buf text = BUF_INIT(REGISTRY_HEADER_MAX);
    buf_addf(&text, "%d %zu %s", (int)login->kind, login->username.len, buf_text(&login->username));
    buf_adds(&text, buf_text(&login->secret));
    struct digest digest = digest_keyed(registry->key, buf_text(&text), text.len);
    buf_wipe(&text);
    return digest;
}

void login_basic(const char *username, const char *password, struct buf *out)
{
    AUTO_BUF struct buf pair = BUF_INIT(REGISTRY_HEADER_MAX);
    buf_addf(&pair, "%s:%s", username, password);
    buf_adds(out, "Basic ");
    base64_encode(buf_text(&pair), pair.len, out);
    buf_wipe(&pair);
}

/* ---- helpers ---- */

static void helper_destroy(struct helper *helper)
{
    login_wipe(&helper->login);
    xfree(helper->program);
    xfree(helper->server);
    xfree(helper);
}

void helpers_forget(struct registry *registry)
{
    for (struct helper **at = &registry->helpers; *at != NULL;) {
        struct helper *helper = *at;
        if (helper->is_busy) {
            at = &helper->next;
        } else {
            *at = helper->next;
            helper_destroy(helper);
        }
    }
}

/* One of the strings of a Docker login as ours. */
static void login_from_docker(struct login *login, const struct docker_login *docker)
{
    login->from = FROM_DOCKER;
    if (docker->registry_token != NULL) {
        login->kind = LOGIN_VALUE;
        buf_addf(&login->secret, "Bearer %s", docker->registry_token);
    } else if (docker->identity_token != NULL) {
        login_set(login, LOGIN_IDENTITY, docker->username, docker->identity_token);
    } else if (docker->password != NULL) {
        login_set(login, LOGIN_PASSWORD, docker->username, docker->password);
    } else {
        login->from = FROM_NOBODY;
    }
}

static void read_helper_answer(struct helper *helper)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct program_call *call = &helper->call;
    struct docker_login docker = { 0 };
    bool ok = call->ended;
    if (!ok) {
        helper->err = call->err;
    } else {
        ok = docker_helper_read(&arena, call->status, buf_text(&call->output), call->output.len,
                                &docker, &helper->err);
        if (!ok) (void)err_wrap(&helper->err, "credential helper %s", helper->program);
    }
    if (ok) login_from_docker(&helper->login, &docker);
    docker_login_wipe(&docker);
    int64_t now_ms = registry_now_ms(helper->registry);
    helper->good_until_ms = now_ms + (ok ? HELPER_FRESH_MS : HELPER_FAILED_MS);
}

static void on_helper_ended(struct program_call *call)
{
    struct helper *helper = CONTAINER_OF(call, struct helper, call);
    helper->is_busy = false;
    helper->registry->helpers_busy--;
    read_helper_answer(helper);
    buf_wipe(&call->output);
}

static void helper_run(struct helper *helper)
{
    const struct port *port = helper->registry->port;
    login_wipe(&helper->login);
    helper->err = (struct err){ .code = ERR_NONE };
    helper->call = (struct program_call){
        .argv = helper->argv,
        .input = helper->server,
        .output_max = HELPER_OUTPUT_MAX,
        .timeout_ms = HELPER_TIMEOUT_MS,
        .done = on_helper_ended,
    };
    helper->is_busy = true;
    helper->registry->helpers_busy++;
    port->run(port->ctx, &helper->call);
}

static struct helper *helper_find(struct registry *registry, const struct docker_login *docker)
{
    struct helper *helper = registry->helpers;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *program = arena_printf(&arena, "docker-credential-%s", docker->helper);
    while (helper != NULL &&
           (strcmp(helper->program, program) != 0 || strcmp(helper->server, docker->server) != 0)) {
        helper = helper->next;
    }
    if (helper != NULL) return helper;
    helper = xcalloc(1, sizeof(*helper));
    helper->registry = registry;
    helper->program = xstrdup(program);
    helper->server = xstrdup(docker->server);
    helper->argv[0] = helper->program;
    helper->argv[1] = "get";
    login_init(&helper->login);
    helper->next = registry->helpers;
    registry->helpers = helper;
    return helper;
}

static enum login_state ask_helper(struct inquiry *inquiry, const struct docker_login *docker,
                                   struct err *err)
{
    struct registry *registry = inquiry->registry;
    if (registry->port->run == NULL) {
        (void)err_set(err, ERR_IO, "credential helper docker-credential-%s cannot be run from here",
                      docker->helper);
        return LOGIN_FAILED;
    }
    struct helper *helper = helper_find(registry, docker);
    if (!helper->is_busy && registry_now_ms(registry) >= helper->good_until_ms) helper_run(helper);
    if (helper->is_busy) return LOGIN_WAITS;
    if (helper->err.code != ERR_NONE) {
        *err = helper->err;
        return LOGIN_FAILED;
    }
    login_copy(&inquiry->login, &helper->login);
    return LOGIN_IS_KNOWN;
}

/* ---- finding ---- */

static enum login_state ask_docker(struct inquiry *inquiry, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct registry_config *config = &inquiry->registry->config;
    struct docker_login docker = { 0 };
    enum login_state state = LOGIN_IS_KNOWN;
    if (!docker_config_login(&arena, config->files, &config->places, &inquiry->ref, &docker, err)) {
        return LOGIN_FAILED;
    }
    if (docker.helper != NULL) state = ask_helper(inquiry, &docker, err);
    bool is_open = state == LOGIN_IS_KNOWN && inquiry->login.kind == LOGIN_NONE;
    if (is_open) login_from_docker(&inquiry->login, &docker);
    docker_login_wipe(&docker);
    return state;
}

static enum login_state ask_aws(struct inquiry *inquiry, struct err *err)
{
    const char *value = NULL;
    enum ecr_state state = ecr_login(inquiry->registry->ecr, inquiry->ref.host, &value, err);
    inquiry->login.from = FROM_AWS;
    if (state != ECR_READY) return state == ECR_WAIT ? LOGIN_WAITS : LOGIN_FAILED;
    login_set(&inquiry->login, LOGIN_VALUE, NULL, value);
    return LOGIN_IS_KNOWN;
}

enum login_state login_find(struct inquiry *inquiry, struct err *err)
{
    struct login *login = &inquiry->login;
    login_wipe(login);
    if (inquiry->own.kind != LOGIN_NONE) {
        login_copy(login, &inquiry->own);
        return LOGIN_IS_KNOWN;
    }
    enum login_state state = ask_docker(inquiry, err);
    bool is_open = state == LOGIN_IS_KNOWN && login->kind == LOGIN_NONE;
    return is_open && inquiry->ref.kind == REGISTRY_ECR ? ask_aws(inquiry, err) : state;
}

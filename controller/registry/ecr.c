/*
 * The way to a login, as far as it has to be gone:
 *
 *   environment, profile ────────────────────────────▶ API ──▶ value
 *   container: GET ──────────────────────────────────▲
 *   machine: PUT token ──▶ GET role ──▶ GET key ─────┘
 */
#include "ecr.h"

#include "aws_key.h"
#include "oci.h"
#include "secrets.h"
#include "text.h"

#include <assert.h>

enum {
    ANSWER_MAX = 64 * 1024,
    METADATA_CONNECT_MS = 1000, /* not on AWS is found out by silence */
    METADATA_TOTAL_MS = 2000,
    FAILED_FOR_MS = 60 * 1000,
    LIFE_MIN_MS = 75 * 1000,
    HEADER_MAX = 16 * 1024,
};

enum ecr_step { STEP_CONTAINER, STEP_MACHINE_TOKEN, STEP_MACHINE_ROLE, STEP_MACHINE_KEY, STEP_API };

/* The login of one region. */
struct ecr_login {
    struct ecr *ecr;
    struct ecr_login *next;
    char *api_url; /* the region's name, too */
    char *scope;   /* of the signature */
    enum ecr_step step;
    bool is_busy;
    struct http_call http;
    struct http_signer signer;
    struct aws_key key;
    struct arena arena; /* of the way that is being gone */
    struct buf header;  /* with the machine's session */
    struct buf value;   /* "Basic ..."; empty: none */
    int64_t renew_at_ms;
    struct err err; /* ERR_NONE: it did not fail */
    int64_t failed_until_ms;
};

struct ecr {
    const struct port *port;
    struct registry_config config;
    struct ecr_login *logins;
    size_t busy;
};

/* ---- life ---- */

struct ecr *ecr_create(const struct port *port, const struct registry_config *config)
{
    struct ecr *ecr = xcalloc(1, sizeof(*ecr));
    ecr->port = port;
    ecr->config = *config;
    return ecr;
}

void ecr_destroy(struct ecr *ecr)
{
    if (ecr == NULL) return;
    assert(ecr->busy == 0);
    while (ecr->logins != NULL) {
        struct ecr_login *login = ecr->logins;
        ecr->logins = login->next;
        buf_wipe(&login->value);
        xfree(login->api_url);
        xfree(login->scope);
        xfree(login);
    }
    xfree(ecr);
}

size_t ecr_pending(const struct ecr *ecr)
{
    return ecr->busy;
}

void ecr_cancel_all(struct ecr *ecr)
{
    for (struct ecr_login *login = ecr->logins; login != NULL; login = login->next) {
        if (login->is_busy) ecr->port->http_cancel(ecr->port->ctx, &login->http);
    }
}

/* NULL: `host` is no ECR registry. */
static struct ecr_login *find_login(struct ecr *ecr, const char *host)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct ecr_place place;
    if (!ecr_place_parse(&arena, host, &place)) return NULL;
    const char *url = ecr_api_url(&arena, &place);
    struct ecr_login *login = ecr->logins;
    while (login != NULL && strcmp(login->api_url, url) != 0) {
        login = login->next;
    }
    if (login != NULL) return login;
    login = xcalloc(1, sizeof(*login));
    login->ecr = ecr;
    login->api_url = xstrdup(url);
    login->scope = xstrdup(arena_printf(&arena, "aws:amz:%s:ecr", place.region));
    login->header = BUF_INIT(HEADER_MAX);
    login->value = BUF_INIT(HEADER_MAX);
    aws_key_init(&login->key);
    login->next = ecr->logins;
    ecr->logins = login;
    return login;
}

/* ---- the end of the way ---- */

static int64_t now_ms(const struct ecr *ecr)
{
    return ecr->port->now_ms(ecr->port->ctx);
}

static void end_way(struct ecr_login *login)
{
    aws_key_wipe(&login->key);
    buf_wipe(&login->header);
    arena_release(&login->arena);
    if (login->is_busy) login->ecr->busy--;
    login->is_busy = false;
}

static void fail(struct ecr_login *login, const struct err *err)
{
    login->err = *err;
    login->failed_until_ms = now_ms(login->ecr) + FAILED_FOR_MS;
    end_way(login);
}

static void fail_without_key(struct ecr_login *login)
{
    struct err err = { 0 };
    (void)err_set(&err, ERR_NOT_FOUND,
                  "no AWS credentials were found: not in the environment, not in the profile of "
                  "~/.aws, not from a container's or a machine's role");
    fail(login, &err);
}

/* ---- sending ---- */

static void on_ended(struct http_call *http);

static void send_step(struct ecr_login *login, enum ecr_step step, struct http_call call)
{
    struct ecr *ecr = login->ecr;
    bool is_api = step == STEP_API;
    login->step = step;
    call.reply_max = ANSWER_MAX;
    call.connect_timeout_ms = is_api ? ecr->config.connect_timeout_ms : METADATA_CONNECT_MS;
    call.timeout_ms = is_api ? ecr->config.timeout_ms : METADATA_TOTAL_MS;
    call.stall_timeout_ms = call.timeout_ms;
    call.done = on_ended;
    call.retry_after_ms = -1;
    login->http = call;
    if (!login->is_busy) ecr->busy++;
    login->is_busy = true;
    ecr->port->http_send(ecr->port->ctx, &login->http);
}

static void send_api(struct ecr_login *login)
{
    const struct registry_config *config = &login->ecr->config;
    const char *session = buf_text(&login->key.session);
    login->signer = (struct http_signer){
        .scope = login->scope,
        .key_id = buf_text(&login->key.id),
        .secret = buf_text(&login->key.secret),
        .session_token = session[0] == '\0' ? NULL : session,
        .target = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
    };
    send_step(login, STEP_API,
              (struct http_call){
                  .method = "POST",
                  .url = config->aws_endpoint != NULL ? config->aws_endpoint : login->api_url,
                  .content_type = "application/x-amz-json-1.1",
                  .body = "{}",
                  .body_len = 2,
                  .signer = &login->signer,
              });
}

/* What the container's endpoint wants to see: read anew each time, since the file rotates. */
static const char *container_authorization(struct ecr_login *login)
{
    const struct registry_config *config = &login->ecr->config;
    const char *path = config->env(config->env_ctx, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (path == NULL || path[0] == '\0') {
        return config->env(config->env_ctx, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    }
    struct err ignored;
    buf_wipe(&login->header);
    if (!config->files->read(config->files->ctx, path, &login->header, NULL, &ignored)) return NULL;
    char *text = arena_strdup(&login->arena, buf_text(&login->header));
    text[strcspn(text, "\r\n")] = '\0';
    return text;
}

static void send_machine(struct ecr_login *login, enum ecr_step step, const char *path)
{
    const struct registry_config *config = &login->ecr->config;
    const char *base = aws_machine_url(config->env, config->env_ctx);
    send_step(login, step,
              (struct http_call){
                  .method = step == STEP_MACHINE_TOKEN ? "PUT" : "GET",
                  .url = arena_printf(&login->arena, "%s%s", base, path),
                  .header = step == STEP_MACHINE_TOKEN
                                ? "X-aws-ec2-metadata-token-ttl-seconds: 21600"
                                : buf_text(&login->header),
              });
}

static void begin(struct ecr_login *login)
{
    const struct registry_config *config = &login->ecr->config;
    docker_env_fn env = config->env;
    void *ctx = config->env_ctx;
    login->err.code = ERR_NONE;
    if (aws_key_from_env(env, ctx, &login->key) ||
        aws_key_from_profile(config->files, env, ctx, &login->key)) {
        send_api(login);
        return;
    }
    const char *url = aws_container_url(&login->arena, env, ctx);
    if (url != NULL) {
        send_step(login, STEP_CONTAINER,
                  (struct http_call){
                      .method = "GET",
                      .url = arena_strdup(&login->arena, url),
                      .authorization = container_authorization(login),
                  });
    } else if (aws_machine_url(env, ctx) != NULL) {
        send_machine(login, STEP_MACHINE_TOKEN, "/latest/api/token");
    } else {
        fail_without_key(login);
    }
}

/* ---- answers ---- */

#define ROLES_PATH "/latest/meta-data/iam/security-credentials/"

/* A token or the name of a role: one line of harmless characters; NULL: it is not. */
static const char *read_line(struct ecr_login *login)
{
    char *text = arena_strdup(&login->arena, buf_text(&login->http.reply));
    text[strcspn(text, "\r\n")] = '\0';
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                              "=,.@_-");
    return len > 0 && text[len] == '\0' ? text : NULL;
}

static void take_machine_token(struct ecr_login *login)
{
    const char *token = read_line(login);
    if (token == NULL) {
        fail_without_key(login);
        return;
    }
    buf_clear(&login->header);
    buf_addf(&login->header, "X-aws-ec2-metadata-token: %s", token);
    send_machine(login, STEP_MACHINE_ROLE, ROLES_PATH);
}

static void take_machine_role(struct ecr_login *login)
{
    const char *role = read_line(login);
    if (role == NULL || strchr(role, '/') != NULL) {
        fail_without_key(login);
        return;
    }
    send_machine(login, STEP_MACHINE_KEY, arena_printf(&login->arena, ROLES_PATH "%s", role));
}

static void take_key(struct ecr_login *login)
{
    struct err err = { 0 };
    const struct buf *reply = &login->http.reply;
    if (aws_key_from_json(buf_text(reply), reply->len, &login->key, &err)) {
        send_api(login);
    } else {
        fail(login, &err);
    }
}

static void take_login(struct ecr_login *login)
{
    const struct port *port = login->ecr->port;
    struct ecr_answer answer;
    struct err err = { 0 };
    if (!ecr_read_answer(&login->arena, &login->http.reply, port->wall_ms(port->ctx), &answer,
                         &err)) {
        fail(login, &err);
        return;
    }
    buf_wipe(&login->value);
    buf_addf(&login->value, "Basic %s", answer.basic);
    /* Made by us, in our arena. */
    memory_wipe((char *)(uintptr_t)answer.basic, strlen(answer.basic));
    /* A clock that is off makes no loop. */
    int64_t life_ms = answer.life_ms < LIFE_MIN_MS ? LIFE_MIN_MS : answer.life_ms;
    login->renew_at_ms = now_ms(login->ecr) + life_ms / 10 * 8;
    end_way(login);
}

/* What AWS says is about the controller's credentials; {"__type","message"}. */
static void fail_at_api(struct ecr_login *login)
{
    const struct http_call *http = &login->http;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct oci_error said;
    struct err err = { 0 };
    oci_read_error(&arena, buf_text(&http->reply), http->reply.len, &said);
    bool is_refused = http->status >= 400 && http->status < 500 && http->status != 429;
    (void)err_set(&err, is_refused ? ERR_AUTH : ERR_SERVER,
                  "AWS refused to make a login for ECR: status %d%s%s", http->status,
                  said.message[0] == '\0' ? "" : ", ", said.message);
    fail(login, &err);
}

static void take_answer(struct ecr_login *login)
{
    static void (*const takers[])(struct ecr_login * login) = {
        [STEP_CONTAINER] = take_key,
        [STEP_MACHINE_TOKEN] = take_machine_token,
        [STEP_MACHINE_ROLE] = take_machine_role,
        [STEP_MACHINE_KEY] = take_key,
        [STEP_API] = take_login,
    };
    const struct http_call *http = &login->http;
    if (http->answered && http->status == 200) {
        takers[login->step](login);
    } else if (login->step == STEP_API && http->answered) {
        fail_at_api(login);
    } else if (login->step == STEP_API || http->err.code == ERR_CANCELLED) {
        fail(login, &http->err);
    } else {
        fail_without_key(login);
    }
}

static void on_ended(struct http_call *http)
{
    struct ecr_login *login = CONTAINER_OF(http, struct ecr_login, http);
    struct buf reply = http->reply;
    take_answer(login); /* may send the next, which has a reply of its own */
    buf_wipe(&reply);
}

/* ---- asking ---- */

enum ecr_state ecr_login(struct ecr *ecr, const char *host, const char **ret_value, struct err *err)
{
    struct ecr_login *login = find_login(ecr, host);
    int64_t now = now_ms(ecr);
    if (login == NULL) {
        (void)err_set(err, ERR_NOT_FOUND, "the region is not in the registry's name");
        return ECR_FAILED;
    }
    bool is_good = login->value.len > 0 && now < login->renew_at_ms;
    bool has_failed = login->err.code != ERR_NONE && now < login->failed_until_ms;
    if (!login->is_busy && !is_good && !has_failed) begin(login);
    if (login->is_busy) return ECR_WAIT;
    if (login->err.code != ERR_NONE) {
        *err = login->err;
        return ECR_FAILED;
    }
    *ret_value = buf_text(&login->value);
    return ECR_READY;
}

void ecr_drop(struct ecr *ecr, const char *host)
{
    struct ecr_login *login = find_login(ecr, host);
    if (login != NULL) login->renew_at_ms = 0;
}

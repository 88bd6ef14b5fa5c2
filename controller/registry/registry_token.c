#include "registry_private.h"

#include "buf.h"
#include "secrets.h"
#include "text.h"
#include "url.h"

#include <assert.h>

enum { TOKEN_LIFE_MIN_S = 5, FORM_MAX = 128 * 1024 };

/* ---- keeping ---- */

/* The usual one where the challenge names none (container-registry.md 8.1). */
static const char *scope_of(const struct inquiry *inquiry, struct arena *arena)
{
    const char *scope = inquiry->challenge.scope;
    return scope != NULL ? scope
                         : arena_printf(arena, "repository:%s:pull", inquiry->ref.repository);
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static struct digest key_of(const struct inquiry *inquiry)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    char login[DIGEST_HEX_SIZE];
    struct digest login_key = login_digest(inquiry->registry, &inquiry->login);
    digest_hex(&login_key, login);
    const char *text = arena_printf(
        &arena, "%s\n%s\n%s\n%s\n%s", inquiry->host->name, or_empty(inquiry->challenge.realm),
        or_empty(inquiry->challenge.service), scope_of(inquiry, &arena), login);
    return digest_of(text, strlen(text));
}

/* uthash's macros count as this code. NOLINTBEGIN(readability-function-size) */

static void token_destroy(struct registry *registry, struct token *token)
{
    HASH_DEL(registry->tokens, token);
    buf_wipe(&token->value);
    xfree(token);
}

void tokens_destroy(struct registry *registry)
{
    struct token *token, *next;
    HASH_ITER(hh, registry->tokens, token, next) {
        token_destroy(registry, token);
    }
}

static struct token *find(const struct inquiry *inquiry)
{
    struct digest key = key_of(inquiry);
    struct token *token = NULL;
    HASH_FIND(hh, inquiry->registry->tokens, &key, sizeof(key), token);
    return token;
}

const struct token *token_find(const struct inquiry *inquiry)
{
    const struct token *token = find(inquiry);
    bool is_good = token != NULL && token->value.len > 0 &&
                   registry_now_ms(inquiry->registry) < token->renew_at_ms;
    return is_good ? token : NULL;
}

void token_drop(const struct inquiry *inquiry)
{
    struct token *token = find(inquiry);
    if (token != NULL && token->asker == NULL) token->renew_at_ms = 0;
}

void token_give_up(const struct inquiry *inquiry)
{
    struct token *token = find(inquiry);
    if (token != NULL && token->asker == inquiry) token->asker = NULL;
}

/* The oldest that nobody asks for goes when there are too many. */
static void make_room(struct registry *registry)
{
    struct token *token, *next;
    if (HASH_COUNT(registry->tokens) < REGISTRY_TOKENS_MAX) return;
    HASH_ITER(hh, registry->tokens, token, next) {
        if (token->asker != NULL) continue;
        token_destroy(registry, token);
        return;
    }
}

static struct token *find_or_add(const struct inquiry *inquiry)
{
    struct registry *registry = inquiry->registry;
    struct token *token = find(inquiry);
    if (token != NULL) return token;
    make_room(registry);
    token = xcalloc(1, sizeof(*token));
    token->key = key_of(inquiry);
    token->value = BUF_INIT(REGISTRY_SECRET_MAX);
    HASH_ADD(hh, registry->tokens, key, sizeof(token->key), token);
    return token;
}

/* NOLINTEND(readability-function-size) */

/* ---- asking (container-registry.md 8.2, 8.3) ---- */

static void add_field(struct buf *out, const char *name, const char *value)
{
    if (value == NULL) return;
    if (out->len > 0) buf_addc(out, '&');
    buf_addf(out, "%s=", name);
    url_encode(value, out);
}

/* A server without OAuth2 may take an identity token for a password. */
static void add_login(struct inquiry *inquiry)
{
    const struct login *login = &inquiry->login;
    bool is_nameless = login->kind == LOGIN_IDENTITY && login->username.len == 0;
    buf_wipe(&inquiry->authorization);
    if (login->kind == LOGIN_NONE) return;
    login_basic(is_nameless ? "<token>" : buf_text(&login->username), buf_text(&login->secret),
                &inquiry->authorization);
}

/* The realm may have a query of its own. */
static void send_get(struct inquiry *inquiry)
{
    AUTO_BUF struct buf query = BUF_INIT(URL_TEXT_MAX);
    const char *realm = inquiry->challenge.realm;
    const char *joint = strchr(realm, '?') == NULL ? "?" : "&";
    add_field(&query, "service", inquiry->challenge.service);
    add_field(&query, "scope", scope_of(inquiry, &inquiry->arena));
    add_login(inquiry);
    exchange_send(inquiry, "GET",
                  arena_printf(&inquiry->arena, "%s%s%s", realm, joint, buf_text(&query)));
}

static void send_post(struct inquiry *inquiry)
{
    inquiry->body = BUF_INIT(FORM_MAX);
    add_field(&inquiry->body, "grant_type", "refresh_token");
    add_field(&inquiry->body, "service", or_empty(inquiry->challenge.service));
    add_field(&inquiry->body, "client_id", "clusterkeeper");
    add_field(&inquiry->body, "scope", scope_of(inquiry, &inquiry->arena));
    add_field(&inquiry->body, "refresh_token", buf_text(&inquiry->login.secret));
    buf_wipe(&inquiry->authorization);
    exchange_send(inquiry, "POST", inquiry->challenge.realm);
}

void token_step(struct inquiry *inquiry)
{
    struct err err;
    if (token_find(inquiry) != NULL) {
        exchange_begin_task(inquiry, inquiry->after_token);
        return;
    }
    struct token *token = find_or_add(inquiry);
    if (token->asker != NULL && token->asker != inquiry) return; /* another one is at it */
    if (!challenge_check_realm(inquiry->challenge.realm, inquiry->host->url, &err)) {
        host_remember_challenge(inquiry->host, NULL);
        inquiry_end(inquiry, IMAGE_UNREACHABLE,
                    "%s cannot be looked at: %s; tell the registry's owner", inquiry->name,
                    err.text);
        return;
    }
    token->asker = inquiry;
    if (inquiry->uses_post) {
        send_post(inquiry);
    } else {
        send_get(inquiry);
    }
}

/* ---- answers ---- */

static void take_token(struct inquiry *inquiry)
{
    struct oci_token read;
    struct err err;
    const struct buf *reply = &inquiry->http.reply;
    if (!oci_read_token(&inquiry->arena, buf_text(reply), reply->len, &read, &err)) {
        inquiry_end(inquiry, IMAGE_UNREACHABLE,
                    "%s cannot be looked at: %s; look at the registry's token server",
                    inquiry->name, err.text);
        return;
    }
    if (read.expires_in_s < TOKEN_LIFE_MIN_S) read.expires_in_s = TOKEN_LIFE_MIN_S;
    struct token *token = find_or_add(inquiry);
    buf_wipe(&token->value);
    buf_addf(&token->value, "Bearer %s", read.token);
    memory_wipe((char *)(uintptr_t)read.token, strlen(read.token)); /* ours, in our arena */
    token->renew_at_ms = registry_now_ms(inquiry->registry) + read.expires_in_s * 1000 / 10 * 8;
    inquiry->token_is_new = true;
    exchange_begin_task(inquiry, inquiry->after_token);
}

void token_answer(struct inquiry *inquiry)
{
    int status = inquiry->http.status;
    token_give_up(inquiry);
    bool has_no_post = status == 404 || status == 405 || status == 401;
    if (status == 200) {
        take_token(inquiry);
    } else if (inquiry->uses_post && has_no_post) {
        inquiry->uses_post = false;
        exchange_begin_task(inquiry, TASK_TOKEN);
    } else {
        refusal_token(inquiry);
    }
}

/*
 * What the files of the registry client share.
 *
 *   registry.c          questions, what is remembered of images, the turn
 *   registry_host.c     one registry: its queue, its pauses, how it wants to be addressed
 *   registry_login.c    where the login of a question comes from, credential helpers
 *   registry_token.c    tokens: asking for them, keeping them
 *   registry_exchange.c one request of a question: authorization, redirects, repeats
 *   registry_manifest.c what manifests, indexes and configurations say
 *   registry_refusal.c  what answers that are no good mean
 *   registry_text.c     the end of a question, in words
 *
 * A question that is not answered from memory is an `inquiry`. Its next task is taken up in the
 * turn, and only there; a callback looks at what came and says what the next task is.
 */
#ifndef CLUSTERKEEPER_REGISTRY_PRIVATE_H
#define CLUSTERKEEPER_REGISTRY_PRIVATE_H

#include "challenge.h"
#include "digest.h"
#include "ecr.h"
#include "hash.h"
#include "oci.h"
#include "registry.h"

enum {
    REGISTRY_TEXT_MAX = 4096,
    REGISTRY_SECRET_MAX = 64 * 1024,               /* of a password or a token */
    REGISTRY_HEADER_MAX = 3 * REGISTRY_SECRET_MAX, /* of what is made of them */
    REGISTRY_REPEATS_MAX = 2,
    REGISTRY_NESTED_MAX = 3, /* indexes in indexes */
    REGISTRY_TOKENS_MAX = 1000,
};

/* ---- logins ---- */

enum login_kind {
    LOGIN_NONE,
    LOGIN_PASSWORD, /* username and password */
    LOGIN_IDENTITY, /* a token that the token server exchanges */
    LOGIN_VALUE,    /* `secret` is the Authorization header as it is */
};
enum login_from { FROM_NOBODY, FROM_MANIFEST, FROM_DOCKER, FROM_AWS };

struct login {
    enum login_kind kind;
    enum login_from from;
    struct buf username, secret;
};

/* ---- registries ---- */

struct inquiry;

struct registry_host {
    char *name; /* as in references */
    char *url;  /* "https://registry-1.docker.io" */
    bool is_loopback;
    bool is_settled; /* it has answered, so that the URL's scheme is right */
    int64_t paused_until_ms;
    int64_t pulls_until_ms; /* no GET of a manifest before: it would count as a pull */
    /* How it wants to be addressed, once it has said so. */
    enum challenge_scheme scheme;
    char *realm, *service;
    char *scope; /* NULL: the usual one */
    struct inquiry *active[REGISTRY_HOST_IN_FLIGHT];
    struct inquiry *queue_head, *queue_tail;
    UT_hash_handle hh;
};

/* ---- tokens ---- */

struct token {
    struct digest key;
    struct buf value;            /* "Bearer ..."; empty: it is being asked for */
    const struct inquiry *asker; /* NULL: nobody asks */
    int64_t renew_at_ms;
    UT_hash_handle hh;
};

/* ---- questions ---- */

enum task { TASK_LOGIN, TASK_HEAD, TASK_GET, TASK_CONFIG, TASK_TOKEN, TASK_COUNT };
enum sent { SENT_NOTHING, SENT_LOGIN, SENT_TOKEN, SENT_VALUE };

struct image; /* registry.c */

struct inquiry {
    struct registry *registry;
    struct registry_host *host;
    struct image *image;
    struct inquiry *next;           /* in the host's queue */
    struct registry_query *waiting; /* who asks, linked by `next` */
    struct arena arena;
    struct image_ref ref;
    const char *name;    /* "ghcr.io/acme/etl:9.9" */
    const char *written; /* as the manifest has it */
    enum image_cpu cpu;
    struct login own; /* the manifest's; kind NONE: it has none */
    struct login login;

    enum task task, after_token;
    int64_t not_before_ms;
    struct challenge challenge; /* what authorization answers to */
    bool is_recalled;           /* it was that of an earlier image, and may not fit */
    const char *reference;      /* tag or digest; of a nested index's entry */
    unsigned depth;
    bool is_there;      /* HEAD found it */
    const char *digest; /* of what `ref` points to; NULL: not known yet */
    struct oci_descriptor config;

    struct http_call http;
    bool is_flying;
    const char *hop; /* where a redirect leads; NULL: nowhere */
    bool uses_post;  /* for the token */
    bool token_is_new;
    enum sent sent;
    struct buf authorization, body;
    unsigned requests, repeats, redirects, renewals;

    bool is_over, is_cancelled;
    enum image_verdict verdict;
    const char *text;
    int64_t again_ms; /* from now; 0: the usual time */
};

struct known;  /* registry_manifest.c */
struct helper; /* registry_login.c */

struct registry {
    const struct port *port;
    struct registry_config config;
    uint8_t key[DIGEST_KEY_BYTES]; /* of the digests that tell logins apart */
    struct ecr *ecr;
    struct registry_host *hosts;
    struct image *images;
    struct known *knowns;
    struct token *tokens;
    struct helper *helpers;
    size_t helpers_busy;
    struct registry_query *incoming_head, *incoming_tail;
    size_t pending; /* questions without an answer */
};

int64_t registry_now_ms(const struct registry *registry);

/* registry_host.c */
struct registry_host *host_find(struct registry *registry, const struct image_ref *ref);
void hosts_destroy(struct registry *registry);
void host_enqueue(struct registry_host *host, struct inquiry *inquiry);
struct inquiry *host_shift(struct registry_host *host); /* NULL: none waits */
/* Nothing more is sent for so long; -1: it did not say how long. Returns how long that is. */
int64_t host_pause(struct registry *registry, struct registry_host *host, int64_t for_ms);
/* What an answer's headers say of how much may be asked (container-registry.md 9.1). */
void host_note_limits(struct registry *registry, struct registry_host *host,
                      const struct http_call *http);
void host_remember_challenge(struct registry_host *host, const struct challenge *challenge);
void host_recall_challenge(struct arena *arena, const struct registry_host *host,
                           struct challenge *ret_challenge);
/* A registry of this machine that does not speak plain HTTP is tried with https, once. */
bool host_try_https(struct registry_host *host);

/* registry_login.c */
enum login_state { LOGIN_WAITS, LOGIN_IS_KNOWN, LOGIN_FAILED };
enum login_state login_find(struct inquiry *inquiry, struct err *err);
void login_init(struct login *login);
void login_wipe(struct login *login);
struct digest login_digest(const struct registry *registry, const struct login *login);
/* "Basic ..." */
void login_basic(const char *username, const char *password, struct buf *out);
void helpers_forget(struct registry *registry); /* those that do not run */

/* registry_token.c */
/* The token for the inquiry's challenge; NULL: there is none that is good. */
const struct token *token_find(const struct inquiry *inquiry);
void token_drop(const struct inquiry *inquiry);
void token_step(struct inquiry *inquiry);
void token_answer(struct inquiry *inquiry);
void token_give_up(const struct inquiry *inquiry); /* others may ask for it */
void tokens_destroy(struct registry *registry);

/* registry_exchange.c */
/* Sends, or ends the inquiry. `url` is kept until the answer. */
void exchange_send(struct inquiry *inquiry, const char *method, const char *url);
/* To the registry: with authorization, or the next task is to get a token. */
void exchange_ask(struct inquiry *inquiry, const char *method, const char *path);
void exchange_begin_task(struct inquiry *inquiry, enum task task);
/* The answer is not the registry's own, but of where a redirect led. */
bool exchange_is_elsewhere(const struct inquiry *inquiry);

/* registry_manifest.c */
void manifest_head(struct inquiry *inquiry);
void manifest_get(struct inquiry *inquiry);
void manifest_config(struct inquiry *inquiry);
/* Good answers to them. */
void manifest_head_answer(struct inquiry *inquiry);
void manifest_get_answer(struct inquiry *inquiry);
void manifest_config_answer(struct inquiry *inquiry);
void knowns_destroy(struct registry *registry);

/* registry_refusal.c */
/* An answer of the registry that is not 200, and no redirect. */
void refusal_answer(struct inquiry *inquiry);
/* 401, from the registry. */
void refusal_challenge(struct inquiry *inquiry);
/* The token server's. */
void refusal_token(struct inquiry *inquiry);
/* No login could be had. */
void refusal_login(struct inquiry *inquiry, const struct err *err);

/* registry_text.c */
/* The inquiry is over. The text begins with the image's name and says what to do; it is cut. */
void inquiry_end(struct inquiry *inquiry, enum image_verdict verdict, const char *fmt, ...)
    PRINTF(3, 4);
/* " (it says: ...)", or "": what the answer's body says, without anything of a login. */
const char *inquiry_said(struct inquiry *inquiry);
/* The code in the answer's body; "" when there is none. */
const char *inquiry_code(struct inquiry *inquiry);
const char *inquiry_header(struct inquiry *inquiry, const char *name); /* NULL: not there */
/* "the login of docker_image.basic_auth" */
const char *inquiry_login_name(const struct inquiry *inquiry);
/* What is to be known beside a good answer: "; ..." or "". */
const char *inquiry_notes(struct inquiry *inquiry);

#endif

#include "registry_private.h"

#include "http_headers.h"
#include "text.h"
#include "url.h"

enum {
    PAUSE_DEFAULT_MS = 60 * 1000,   /* a 429 that does not say how long */
    PAUSE_MIN_MS = 1000,            /* "Retry-After: 0" means soon, not at once */
    PAUSE_MAX_MS = 6 * 3600 * 1000, /* the longest window that is in use */
};

/* container-registry.md 2: where Docker Hub is asked. */
static void find_docker_hub(const struct registry_config *config, struct registry_host *host)
{
    const char *mirror = config->docker_hub;
    host->url = xstrdup(mirror != NULL ? mirror : "https://registry-1.docker.io");
    host->is_loopback = mirror != NULL && text_starts(mirror, "http://"); /* nobody else may */
    host->is_settled = true;
}

static void find_other(const char *name, struct registry_host *host)
{
    host->is_loopback = url_is_loopback(name);
    struct buf url = BUF_INIT(REGISTRY_TEXT_MAX);
    buf_addf(&url, "%s%s", host->is_loopback ? "http://" : "https://", name);
    host->url = buf_take(&url);
}

/* uthash's macros count as this code. NOLINTBEGIN(readability-function-size) */

struct registry_host *host_find(struct registry *registry, const struct image_ref *ref)
{
    struct registry_host *host = NULL;
    HASH_FIND_STR(registry->hosts, ref->host, host);
    if (host != NULL) return host;
    host = xcalloc(1, sizeof(*host));
    host->name = xstrdup(ref->host);
    bool is_hub = strcmp(ref->host, "docker.io") == 0;
    if (is_hub) find_docker_hub(&registry->config, host);
    if (!is_hub) find_other(ref->host, host);
    HASH_ADD_KEYPTR(hh, registry->hosts, host->name, strlen(host->name), host);
    return host;
}

static void forget_challenge(struct registry_host *host)
{
    xfree(host->realm);
    xfree(host->service);
    xfree(host->scope);
    host->realm = host->service = host->scope = NULL;
    host->scheme = CHALLENGE_NONE;
}

void hosts_destroy(struct registry *registry)
{
    struct registry_host *host, *next;
    HASH_ITER(hh, registry->hosts, host, next) {
        HASH_DEL(registry->hosts, host);
        forget_challenge(host);
        xfree(host->name);
        xfree(host->url);
        xfree(host);
    }
}

/* NOLINTEND(readability-function-size) */

/* ---- the queue ---- */

void host_enqueue(struct registry_host *host, struct inquiry *inquiry)
{
    inquiry->next = NULL;
    if (host->queue_tail == NULL) host->queue_head = inquiry;
    if (host->queue_tail != NULL) host->queue_tail->next = inquiry;
    host->queue_tail = inquiry;
}

struct inquiry *host_shift(struct registry_host *host)
{
    struct inquiry *inquiry = host->queue_head;
    if (inquiry == NULL) return NULL;
    host->queue_head = inquiry->next;
    if (host->queue_head == NULL) host->queue_tail = NULL;
    inquiry->next = NULL;
    return inquiry;
}

/* ---- pace ---- */

int64_t host_pause(struct registry *registry, struct registry_host *host, int64_t for_ms)
{
    if (for_ms < 0) for_ms = PAUSE_DEFAULT_MS;
    if (for_ms < PAUSE_MIN_MS) for_ms = PAUSE_MIN_MS;
    if (for_ms > PAUSE_MAX_MS) for_ms = PAUSE_MAX_MS;
    int64_t until_ms = registry_now_ms(registry) + for_ms;
    if (until_ms > host->paused_until_ms) host->paused_until_ms = until_ms;
    return for_ms;
}

/* "76;w=21600": how many are left, and the window in seconds; 0: it is not said. */
static bool read_limit(const char *value, int64_t *ret_left, int64_t *ret_window_s)
{
    char number[16];
    size_t len = strspn(value, "0123456789");
    if (len == 0 || len >= sizeof(number)) return false;
    memcpy(number, value, len);
    number[len] = '\0';
    *ret_window_s = 0;
    if (!text_to_i64(number, 0, INT64_MAX, ret_left)) return false;
    const char *window = strstr(value + len, "w=");
    size_t digits = window == NULL ? 0 : strspn(window + 2, "0123456789");
    if (digits == 0 || digits >= sizeof(number)) return true;
    memcpy(number, window + 2, digits);
    number[digits] = '\0';
    return text_to_i64(number, 0, INT64_MAX, ret_window_s);
}

void host_note_limits(struct registry *registry, struct registry_host *host,
                      const struct http_call *http)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *value = http_header(&arena, &http->headers, "ratelimit-remaining");
    int64_t left = 0, window_s = 0;
    if (value == NULL || !read_limit(value, &left, &window_s)) return;
    int64_t wait_ms = window_s == 0 ? PAUSE_DEFAULT_MS : PAUSE_MAX_MS;
    if (window_s > 0 && window_s < PAUSE_MAX_MS / 1000) wait_ms = window_s * 1000;
    host->pulls_until_ms = left > 0 ? 0 : registry_now_ms(registry) + wait_ms;
}

/* ---- how it wants to be addressed ---- */

void host_remember_challenge(struct registry_host *host, const struct challenge *challenge)
{
    forget_challenge(host);
    if (challenge == NULL) return;
    host->scheme = challenge->scheme;
    if (challenge->scheme != CHALLENGE_BEARER) return;
    host->realm = xstrdup(challenge->realm);
    host->service = challenge->service == NULL ? NULL : xstrdup(challenge->service);
    /* A scope of a repository is another one for the next image; others are for all. */
    bool is_for_all = challenge->scope != NULL && !text_starts(challenge->scope, "repository:");
    host->scope = is_for_all ? xstrdup(challenge->scope) : NULL;
}

void host_recall_challenge(struct arena *arena, const struct registry_host *host,
                           struct challenge *ret_challenge)
{
    *ret_challenge = (struct challenge){
        .scheme = host->scheme,
        .realm = arena_strdup(arena, host->realm),
        .service = arena_strdup(arena, host->service),
        .scope = arena_strdup(arena, host->scope),
    };
}

bool host_try_https(struct registry_host *host)
{
    if (!host->is_loopback || host->is_settled || !text_starts(host->url, "http://")) return false;
    struct buf url = BUF_INIT(REGISTRY_TEXT_MAX);
    buf_addf(&url, "https://%s", host->name);
    xfree(host->url);
    host->url = buf_take(&url);
    return true;
}

#include "registry_private.h"

#include "secrets.h"
#include "text.h"

#include <assert.h>

/* What is remembered of one image and login. */
struct image {
    struct digest key;
    struct image_facts facts;
    char *text, *digest; /* what `facts` points to */
    int64_t fresh_until_ms;
    struct inquiry *inquiry; /* NULL: none is under way */
    UT_hash_handle hh;       /* the longest unasked first */
};

void registry_config_defaults(struct registry_config *config)
{
    *config = (struct registry_config){
        .fresh_ms = 300000,
        .negative_ms = 60000,
        .timeout_ms = 30000,
        .connect_timeout_ms = 5000,
    };
}

int64_t registry_now_ms(const struct registry *registry)
{
    return registry->port->now_ms(registry->port->ctx);
}

/* ---- life ---- */

struct registry *registry_create(const struct port *port, const struct registry_config *config)
{
    assert(config->files != NULL && config->env != NULL);
    struct registry *registry = xcalloc(1, sizeof(*registry));
    registry->port = port;
    registry->config = *config;
    for (size_t i = 0; i < DIGEST_KEY_BYTES; i++) {
        registry->key[i] = (uint8_t)(port->random(port->ctx) >> 32);
    }
    registry->ecr = ecr_create(port, config);
    return registry;
}

/* NOLINTNEXTLINE(readability-function-size): the macro is large */
static void image_destroy(struct registry *registry, struct image *image)
{
    HASH_DEL(registry->images, image);
    xfree(image->text);
    xfree(image->digest);
    xfree(image);
}

void registry_destroy(struct registry *registry)
{
    struct image *image, *next;
    if (registry == NULL) return;
    assert(registry_pending(registry) == 0);
    HASH_ITER(hh, registry->images, image, next) {
        image_destroy(registry, image);
    }
    ecr_destroy(registry->ecr);
    knowns_destroy(registry);
    tokens_destroy(registry);
    helpers_forget(registry);
    hosts_destroy(registry);
    memory_wipe(registry->key, sizeof(registry->key));
    xfree(registry);
}

size_t registry_pending(const struct registry *registry)
{
    return registry->pending + registry->helpers_busy + ecr_pending(registry->ecr);
}

void registry_forget(struct registry *registry)
{
    struct image *image, *next;
    HASH_ITER(hh, registry->images, image, next) {
        image->fresh_until_ms = 0;
    }
    helpers_forget(registry);
}

/* ---- questions ---- */

void registry_ask(struct registry *registry, struct registry_query *query)
{
    assert(query->done != NULL);
    query->next = NULL;
    if (registry->incoming_tail == NULL) registry->incoming_head = query;
    if (registry->incoming_tail != NULL) registry->incoming_tail->next = query;
    registry->incoming_tail = query;
    registry->pending++;
}

/* The query's login is ours now; nothing of it stays in the query. */
static void take_login(struct registry_query *query, struct login *ret_login)
{
    login_init(ret_login);
    if (query->username.len > 0 || query->password.len > 0) {
        ret_login->kind = LOGIN_PASSWORD;
        ret_login->from = FROM_MANIFEST;
        buf_adds(&ret_login->username, buf_text(&query->username));
        buf_adds(&ret_login->secret, buf_text(&query->password));
    }
    buf_wipe(&query->username);
    buf_wipe(&query->password);
}

static const char *name_of(struct arena *arena, const struct image_ref *ref)
{
    bool is_digest = ref->digest != NULL;
    return arena_printf(arena, "%s/%s%c%s", ref->host, ref->repository, is_digest ? '@' : ':',
                        is_digest ? ref->digest : ref->tag);
}

/* The same image with the same login for the same CPU is the same question. */
static struct digest key_of(const struct registry *registry, const struct registry_query *query,
                            const struct login *login)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    char login_key[DIGEST_HEX_SIZE];
    struct digest digest = login_digest(registry, login);
    digest_hex(&digest, login_key);
    const char *text = arena_printf(&arena, "%s\n%s\n%s", name_of(&arena, &query->ref),
                                    image_cpu_name(query->cpu), login_key);
    return digest_of(text, strlen(text));
}

/* Found or made, and the last in the order of being asked for. */
/* NOLINTNEXTLINE(readability-function-size): the macros are large */
static struct image *image_find(struct registry *registry, const struct digest *key)
{
    struct image *image = NULL;
    HASH_FIND(hh, registry->images, key, sizeof(*key), image);
    if (image != NULL) {
        HASH_DEL(registry->images, image);
    } else {
        image = xcalloc(1, sizeof(*image));
        image->key = *key;
    }
    HASH_ADD(hh, registry->images, key, sizeof(image->key), image);
    return image;
}

static void forget_oldest(struct registry *registry)
{
    struct image *image, *next;
    HASH_ITER(hh, registry->images, image, next) {
        if (HASH_COUNT(registry->images) <= REGISTRY_IMAGES_MAX) return;
        if (image->inquiry == NULL) image_destroy(registry, image);
    }
}

static void answer(struct registry *registry, struct registry_query *query,
                   const struct image_facts *facts)
{
    query->facts = *facts;
    query->next = NULL;
    registry->pending--;
    query->done(query);
}

/* ---- inquiries ---- */

static struct inquiry *inquiry_create(struct registry *registry, struct image *image,
                                      const struct registry_query *query, struct login *own)
{
    struct inquiry *inquiry = xcalloc(1, sizeof(*inquiry));
    struct arena *arena = &inquiry->arena;
    inquiry->registry = registry;
    inquiry->image = image;
    inquiry->host = host_find(registry, &query->ref);
    inquiry->ref = (struct image_ref){
        .kind = query->ref.kind,
        .host = arena_strdup(arena, query->ref.host),
        .repository = arena_strdup(arena, query->ref.repository),
        .tag = arena_strdup(arena, query->ref.tag),
        .digest = arena_strdup(arena, query->ref.digest),
        .tag_written = query->ref.tag_written,
    };
    inquiry->name = name_of(arena, &inquiry->ref);
    inquiry->written = query->written == NULL ? "" : arena_strdup(arena, query->written);
    inquiry->cpu = query->cpu;
    inquiry->own = *own;
    login_init(own); /* moved */
    login_init(&inquiry->login);
    inquiry->task = TASK_LOGIN;
    inquiry->reference = inquiry->ref.digest != NULL ? inquiry->ref.digest : inquiry->ref.tag;
    inquiry->authorization = BUF_INIT(REGISTRY_HEADER_MAX);
    host_recall_challenge(arena, inquiry->host, &inquiry->challenge);
    inquiry->is_recalled = inquiry->challenge.scheme != CHALLENGE_NONE;
    image->inquiry = inquiry;
    return inquiry;
}

static void inquiry_destroy(struct inquiry *inquiry)
{
    login_wipe(&inquiry->own);
    login_wipe(&inquiry->login);
    buf_wipe(&inquiry->authorization);
    arena_release(&inquiry->arena);
    xfree(inquiry);
}

static void keep_answer(const struct inquiry *inquiry)
{
    const struct registry *registry = inquiry->registry;
    struct image *image = inquiry->image;
    bool is_good = inquiry->verdict == IMAGE_FOUND;
    int64_t stands_ms = is_good ? registry->config.fresh_ms : registry->config.negative_ms;
    if (inquiry->again_ms > 0) stands_ms = inquiry->again_ms;
    int64_t wall_ms = registry->port->wall_ms(registry->port->ctx);
    xfree(image->text);
    xfree(image->digest);
    image->text = xstrdup(inquiry->text);
    image->digest = inquiry->digest == NULL ? NULL : xstrdup(inquiry->digest);
    image->facts = (struct image_facts){
        .verdict = inquiry->verdict,
        .text = image->text,
        .digest = image->digest,
        .asked_ms = wall_ms,
        .ask_again_ms = wall_ms + stands_ms,
    };
    image->fresh_until_ms = inquiry->is_cancelled ? 0 : registry_now_ms(registry) + stands_ms;
    image->inquiry = NULL;
}

static void inquiry_finish(struct inquiry *inquiry)
{
    struct registry *registry = inquiry->registry;
    struct registry_query *query = inquiry->waiting;
    keep_answer(inquiry);
    struct image_facts facts = inquiry->image->facts;
    inquiry_destroy(inquiry);
    while (query != NULL) {
        struct registry_query *next = query->next;
        answer(registry, query, &facts);
        query = next;
    }
}

static void take_query(struct registry *registry, struct registry_query *query)
{
    struct login own;
    take_login(query, &own);
    struct digest key = key_of(registry, query, &own);
    struct image *image = image_find(registry, &key);
    if (image->inquiry == NULL && registry_now_ms(registry) < image->fresh_until_ms) {
        answer(registry, query, &image->facts);
    } else {
        if (image->inquiry == NULL) {
            struct inquiry *inquiry = inquiry_create(registry, image, query, &own);
            host_enqueue(inquiry->host, inquiry);
        }
        query->next = image->inquiry->waiting;
        image->inquiry->waiting = query;
    }
    login_wipe(&own);
}

/* Those that came until now: `done` may bring more. */
static void take_incoming(struct registry *registry)
{
    struct registry_query *query = registry->incoming_head;
    registry->incoming_head = registry->incoming_tail = NULL;
    while (query != NULL) {
        struct registry_query *next = query->next;
        take_query(registry, query);
        query = next;
    }
}

/* ---- the turn ---- */

static void login_step(struct inquiry *inquiry)
{
    struct err err = { 0 };
    switch (login_find(inquiry, &err)) {
    case LOGIN_WAITS:
        break;
    case LOGIN_IS_KNOWN:
        exchange_begin_task(inquiry, TASK_HEAD);
        break;
    case LOGIN_FAILED:
        refusal_login(inquiry, &err);
        break;
    }
}

static bool is_paused(struct inquiry *inquiry)
{
    char text[TEXT_DURATION_SIZE];
    int64_t wait_ms = inquiry->host->paused_until_ms - registry_now_ms(inquiry->registry);
    if (wait_ms <= 0) return false;
    inquiry->again_ms = wait_ms;
    inquiry_end(inquiry, IMAGE_THROTTLED,
                "%s cannot be looked at now: %s has been asked too often; it is asked again in %s",
                inquiry->name, inquiry->ref.host, text_from_duration_ms(wait_ms, text));
    return true;
}

/* As far as it goes without waiting. */
static void inquiry_step(struct inquiry *inquiry)
{
    static void (*const steps[TASK_COUNT])(struct inquiry * inquiry) = {
        [TASK_LOGIN] = login_step,       [TASK_HEAD] = manifest_head, [TASK_GET] = manifest_get,
        [TASK_CONFIG] = manifest_config, [TASK_TOKEN] = token_step,
    };
    if (registry_now_ms(inquiry->registry) < inquiry->not_before_ms) return;
    enum task task = TASK_COUNT;
    while (!inquiry->is_flying && !inquiry->is_over && inquiry->task != task) {
        task = inquiry->task;
        if (!is_paused(inquiry)) steps[task](inquiry);
    }
}

static void host_turn(struct registry_host *host)
{
    for (size_t i = 0; i < REGISTRY_HOST_IN_FLIGHT;) {
        if (host->active[i] == NULL) host->active[i] = host_shift(host);
        struct inquiry *inquiry = host->active[i];
        if (inquiry != NULL && !inquiry->is_over) inquiry_step(inquiry);
        if (inquiry == NULL || !inquiry->is_over) {
            i++;
            continue;
        }
        host->active[i] = NULL;
        inquiry_finish(inquiry);
    }
}

/* When a repeat is due. Everything else waits for an answer, which brings a turn by itself. */
static int64_t next_turn_ms(const struct registry *registry)
{
    int64_t next_ms = INT64_MAX;
    if (registry->incoming_head != NULL) return registry_now_ms(registry);
    for (const struct registry_host *host = registry->hosts; host != NULL; host = host->hh.next) {
        for (size_t i = 0; i < REGISTRY_HOST_IN_FLIGHT; i++) {
            const struct inquiry *inquiry = host->active[i];
            if (inquiry == NULL || inquiry->is_flying) continue;
            bool is_sooner = inquiry->not_before_ms < next_ms;
            if (inquiry->not_before_ms > registry_now_ms(registry) && is_sooner) {
                next_ms = inquiry->not_before_ms;
            }
        }
    }
    return next_ms;
}

int64_t registry_turn(struct registry *registry)
{
    struct registry_host *host, *next;
    forget_oldest(registry);
    take_incoming(registry);
    HASH_ITER(hh, registry->hosts, host, next) {
        host_turn(host);
    }
    return next_turn_ms(registry);
}

/* ---- giving up ---- */

static void inquiry_cancel(struct inquiry *inquiry)
{
    const struct port *port = inquiry->registry->port;
    inquiry->is_cancelled = true;
    if (inquiry->is_flying) {
        port->http_cancel(port->ctx, &inquiry->http);
    } else if (!inquiry->is_over) {
        inquiry_end(inquiry, IMAGE_UNREACHABLE, "%s was not looked at: given up", inquiry->name);
    }
}

void registry_cancel_all(struct registry *registry)
{
    struct registry_host *host, *next;
    take_incoming(registry);
    HASH_ITER(hh, registry->hosts, host, next) {
        for (struct inquiry *queued = host->queue_head; queued != NULL; queued = queued->next) {
            inquiry_cancel(queued);
        }
        for (size_t i = 0; i < REGISTRY_HOST_IN_FLIGHT; i++) {
            if (host->active[i] != NULL) inquiry_cancel(host->active[i]);
        }
        host_turn(host);
    }
    ecr_cancel_all(registry->ecr);
}

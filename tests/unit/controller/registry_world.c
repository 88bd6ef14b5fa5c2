#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry_world.h"

#include "digest.h"
#include "text.h"

#include <stdio.h>

enum { TEXT_MAX = 16 * 1024, DIGEST_SIZE = sizeof("sha256:") + 64 };

/* ---- documents ---- */

#define CONFIG_TYPE "application/vnd.oci.image.config.v1+json"
#define MANIFEST    "application/vnd.oci.image.manifest.v1+json"
#define INDEX       "application/vnd.oci.image.index.v1+json"
#define IMAGE(config)                                                                              \
    "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST "\",\"config\":{\"mediaType\":\"" CONFIG_TYPE \
    "\",\"digest\":\"${" config "}\",\"size\":#{" config "}},\"layers\":[]}"
#define ENTRY(name, os, cpu)                                                           \
    "{\"mediaType\":\"" MANIFEST "\",\"digest\":\"${" name "}\",\"size\":#{" name "}," \
    "\"platform\":{\"os\":\"" os "\",\"architecture\":\"" cpu "\"}}"
#define INDEX_OF(entries) \
    "{\"schemaVersion\":2,\"mediaType\":\"" INDEX "\",\"manifests\":[" entries "]}"
#define NESTED(name) "{\"mediaType\":\"" INDEX "\",\"digest\":\"${" name "}\",\"size\":#{" name "}}"

/* A document names only those before it. */
static struct document {
    const char *name, *template;
    char text[TEXT_MAX];
    char digest[DIGEST_SIZE];
} documents[] = {
    { .name = "config", .template = "{\"architecture\":\"amd64\",\"os\":\"linux\"}" },
    { .name = "config-arm",
      .template = "{\"architecture\":\"arm64\",\"os\":\"linux\","
                  "\"variant\":\"v8\"}" },
    { .name = "config-windows", .template = "{\"architecture\":\"amd64\",\"os\":\"windows\"}" },
    { .name = "config-silent", .template = "{\"config\":null}" },
    { .name = "config-broken", .template = "[]" },
    { .name = "image", .template = IMAGE("config") },
    { .name = "image-arm", .template = IMAGE("config-arm") },
    { .name = "image-windows", .template = IMAGE("config-windows") },
    { .name = "image-silent", .template = IMAGE("config-silent") },
    { .name = "image-broken", .template = IMAGE("config-broken") },
    { .name = "index",
      .template =
          INDEX_OF(ENTRY("image", "linux", "amd64") "," ENTRY("image-arm", "linux", "arm64")) },
    { .name = "index-arm",
      .template = INDEX_OF(
          ENTRY("image-arm", "linux", "arm64") "," ENTRY("config", "unknown", "unknown")) },
    { .name = "index-empty", .template = INDEX_OF("") },
    { .name = "nested-1", .template = INDEX_OF(NESTED("index")) },
    { .name = "nested-2", .template = INDEX_OF(NESTED("nested-1")) },
    { .name = "nested-3", .template = INDEX_OF(NESTED("nested-2")) },
    { .name = "nested-4", .template = INDEX_OF(NESTED("nested-3")) },
    { .name = "chart",
      .template = "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST "\",\"config\":{"
                  "\"mediaType\":\"application/vnd.cncf.helm.config.v1+json\","
                  "\"digest\":\"${config}\",\"size\":2},\"layers\":[]}" },
    { .name = "schema1", .template = "{\"schemaVersion\":1,\"name\":\"acme/etl\"}" },
};

static struct document *document_find(const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        const char *known = documents[i].name;
        if (strlen(known) == len && memcmp(known, name, len) == 0) return &documents[i];
    }
    fail_msg("no document '%.*s'", (int)len, name);
    return NULL;
}

static void expand(const char *template, struct buf *out)
{
    for (const char *at = template; *at != '\0';) {
        bool is_name = (*at == '$' || *at == '#') && at[1] == '{';
        if (!is_name) {
            buf_addc(out, *at++);
            continue;
        }
        size_t len = strcspn(at + 2, "}");
        const struct document *document = document_find(at + 2, len);
        if (*at == '$') buf_adds(out, document->digest);
        if (*at == '#') buf_addf(out, "%zu", strlen(document->text));
        at += len + 3;
    }
}

static void make_documents(void)
{
    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        struct document *document = &documents[i];
        AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX - 1);
        if (document->text[0] != '\0') return;
        expand(document->template, &text);
        memcpy(document->text, buf_text(&text), text.len + 1);
        struct digest digest = digest_of(document->text, text.len);
        char hex[DIGEST_HEX_SIZE];
        digest_hex(&digest, hex);
        (void)snprintf(document->digest, sizeof(document->digest), "sha256:%s", hex);
    }
}

const char *document_text(const char *name)
{
    make_documents();
    return document_find(name, strlen(name))->text;
}

const char *document_digest(const char *name)
{
    make_documents();
    return document_find(name, strlen(name))->digest;
}

/* ---- exchanges ---- */

static const struct exchange *find_exchange(struct world *world, const struct http_call *call)
{
    AUTO_BUF struct buf wanted = BUF_INIT(TEXT_MAX), got = BUF_INIT(TEXT_MAX);
    buf_addf(&got, "%s %s", call->method, call->url);
    for (size_t i = 0; i < world->script_len; i++) {
        buf_clear(&wanted);
        expand(world->script[i].request, &wanted);
        if (world->used[i] || strcmp(buf_text(&wanted), buf_text(&got)) != 0) continue;
        world->used[i] = true;
        return &world->script[i];
    }
    fail_msg("not expected: %s (authorization %s)", buf_text(&got),
             call->authorization == NULL ? "none" : call->authorization);
    return NULL;
}

static void check_sent(const struct exchange *row, const struct http_call *call)
{
    if (!text_equal(row->authorization, call->authorization)) {
        fail_msg("%s: authorization is %s", row->request,
                 call->authorization == NULL ? "none" : call->authorization);
    }
    if (row->sent == NULL) return;
    const char *body = call->body == NULL ? "" : call->body;
    const char *header = call->header == NULL ? "" : call->header;
    if (strstr(body, row->sent) == NULL && strstr(header, row->sent) == NULL) {
        fail_msg("%s: sent '%s', '%s'", row->request, body, header);
    }
}

static void http_send(void *ctx, struct http_call *call)
{
    struct world *world = ctx;
    assert_true(world->flying_len < WORLD_CALLS_MAX);
    assert_true(text_starts(call->url, "https://") || strstr(call->url, "://127.0.0.1") != NULL ||
                strstr(call->url, "://169.254.") != NULL);
    world->flying[world->flying_len++] = call;
    world->requests++;
    if (world->flying_len > world->flying_peak) world->flying_peak = world->flying_len;
}

static void http_cancel(void *ctx, struct http_call *call)
{
    (void)ctx;
    call->impl = call; /* seen when its turn comes */
}

static void fill_answer(const struct exchange *row, struct http_call *call)
{
    call->reply = BUF_INIT(call->reply_max);
    call->headers = BUF_INIT(HTTP_HEADERS_MAX);
    call->retry_after_ms = row->retry_after_s == 0 ? -1 : row->retry_after_s * 1000;
    call->answered = row->status != 0;
    call->status = row->status;
    if (!call->answered) {
        (void)err_set(&call->err, row->failure, "reg: simulated %s", err_code_name(row->failure));
        return;
    }
    const char *body = row->body == NULL ? "" : row->body;
    if (strcmp(call->method, "HEAD") == 0) body = "";
    if (body[0] == '@') buf_adds(&call->reply, document_text(body + 1));
    if (body[0] != '@') expand(body, &call->reply);
    if (row->headers != NULL && call->wants_headers) expand(row->headers, &call->headers);
}

/* The first that was sent gets its answer. */
static void deliver(struct world *world)
{
    struct http_call *call = world->flying[0];
    world->flying_len--;
    /* An array of pointers. NOLINTNEXTLINE(bugprone-sizeof-expression) */
    memmove(world->flying, world->flying + 1, world->flying_len * sizeof(world->flying[0]));
    if (call->impl == call) {
        call->answered = false;
        (void)err_set(&call->err, ERR_CANCELLED, "given up");
    } else {
        const struct exchange *row = find_exchange(world, call);
        check_sent(row, call);
        fill_answer(row, call);
    }
    call->done(call);
}

/* ---- programs, files, environment ---- */

static void run(void *ctx, struct program_call *call)
{
    struct world *world = ctx;
    assert_non_null(world->program);
    assert_string_equal(call->argv[0], world->program->program);
    assert_string_equal(call->argv[1], "get");
    assert_null(call->argv[2]);
    assert_string_equal(call->input, world->program->input);
    assert_null(world->running);
    world->running = call;
    world->programs_run++;
}

static void end_program(struct world *world)
{
    struct program_call *call = world->running;
    world->running = NULL;
    call->output = BUF_INIT(call->output_max);
    call->ended = world->program->status >= 0;
    call->status = world->program->status;
    if (call->ended) buf_adds(&call->output, world->program->output);
    if (!call->ended) {
        (void)err_set(&call->err, ERR_NOT_FOUND, "%s cannot be started", call->argv[0]);
    }
    call->done(call);
}

static const char *find_text(const struct fake_text *texts, const char *name)
{
    for (; texts != NULL && texts->name != NULL; texts++) {
        if (strcmp(texts->name, name) == 0) return texts->text;
    }
    return NULL;
}

static const char *env(void *ctx, const char *name)
{
    return find_text(((const struct world *)ctx)->env, name);
}

static bool read_file(void *ctx, const char *path, struct buf *out, struct file_stamp *ret_stamp,
                      struct err *err)
{
    const struct world *world = ctx;
    const char *text = find_text(world->files, path);
    (void)ret_stamp;
    if (text == NULL) return err_set(err, ERR_NOT_FOUND, "there is no %s", path);
    return buf_adds(out, text);
}

/* ---- the world ---- */

static int64_t now_ms(void *ctx)
{
    return ((const struct world *)ctx)->now_ms;
}

static int64_t wall_ms(void *ctx)
{
    return INT64_C(1795608000000) + ((const struct world *)ctx)->now_ms;
}

static uint64_t random_number(void *ctx)
{
    struct world *world = ctx;
    world->random = world->random * 6364136223846793005U + 1442695040888963407U;
    return world->random;
}

static void wake_at(void *ctx, int64_t at_ms)
{
    (void)ctx, (void)at_ms;
}

void world_init(struct world *world)
{
    make_documents();
    *world = (struct world){ .random = 1, .now_ms = 1000 };
    world->port = (struct port){
        .ctx = world,
        .now_ms = now_ms,
        .wall_ms = wall_ms,
        .random = random_number,
        .wake_at = wake_at,
        .http_send = http_send,
        .http_cancel = http_cancel,
        .run = run,
    };
    world->file_port = (struct files){ .ctx = world, .read = read_file };
    registry_config_defaults(&world->config);
    world->config.files = &world->file_port;
    world->config.env = env;
    world->config.env_ctx = world;
}

void world_open(struct world *world)
{
    world->registry = registry_create(&world->port, &world->config);
}

static void check_script_done(struct world *world)
{
    for (size_t i = 0; i < world->script_len; i++) {
        if (!world->used[i]) fail_msg("did not come: %s", world->script[i].request);
    }
    xfree(world->used);
    world->used = NULL;
    world->script_len = 0;
}

void world_script(struct world *world, const struct exchange *script, size_t len)
{
    check_script_done(world);
    world->script = script;
    world->script_len = len;
    world->used = xcalloc(len + 1, sizeof(*world->used));
}

void world_close(struct world *world)
{
    check_script_done(world);
    registry_destroy(world->registry);
}

void world_run(struct world *world, int64_t until_ms)
{
    for (;;) {
        int64_t next_ms = registry_turn(world->registry);
        if (world->running != NULL && !world->holds_answers) {
            end_program(world);
        } else if (world->flying_len > 0 && !world->holds_answers) {
            deliver(world);
        } else if (next_ms <= until_ms) {
            if (next_ms > world->now_ms) world->now_ms = next_ms;
        } else {
            break;
        }
    }
    if (until_ms != INT64_MAX - 1 && until_ms > world->now_ms) world->now_ms = until_ms;
}

/* ---- questions ---- */

static void on_done(struct registry_query *query)
{
    struct question *question = CONTAINER_OF(query, struct question, query);
    const struct image_facts *facts = &query->facts;
    assert_int_equal(query->username.len + query->password.len, 0);
    assert_null(query->password.data);
    assert_non_null(facts->text);
    question->done++;
    question->verdict = facts->verdict;
    question->ask_again_ms = facts->ask_again_ms;
    question->text = arena_strdup(&question->arena, facts->text);
    question->digest = arena_strdup(&question->arena, facts->digest);
    if (question->then != NULL) question->then(question);
}

void question_ask(struct world *world, struct question *question, const char *image,
                  const char *username, const char *password)
{
    struct err err;
    enum image_cpu cpu = question->query.cpu;
    question->query = (struct registry_query){ .written = image, .cpu = cpu, .done = on_done };
    question->query.username = question->query.password = BUF_INIT(1000);
    if (!image_ref_parse(&question->arena, image, &question->query.ref, &err)) {
        fail_msg("%s: %s", image, err.text);
    }
    if (username != NULL) buf_adds(&question->query.username, username);
    if (password != NULL) buf_adds(&question->query.password, password);
    unsigned before = question->done;
    registry_ask(world->registry, &question->query);
    assert_int_equal(question->done, before);
}

void question_release(struct question *question)
{
    arena_release(&question->arena);
}

/* Every way that a call can end, against a server in the same loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http.h"
#include "loopback.h"

#include <stdio.h>

enum { GUARD_MS = 30000, REPLY_MAX = 1000, URL_MAX = 128 };

#define OK_REPLY                         \
    "HTTP/1.1 200 OK\r\n"                \
    "Content-Type: application/json\r\n" \
    "Content-Length: 2\r\n\r\n{}"

/* A loop with a server, the client under test and a timer that ends a test that hangs. */
struct world {
    uv_loop_t loop;
    uv_timer_t guard;
    struct loopback *server;
    struct http *http;
    char url[URL_MAX];
    bool closed;
};

struct probe {
    struct http_call call;
    struct world *world;
    unsigned done;
    void (*then)(struct probe *probe); /* in `done`; NULL: nothing */
    struct probe *other;
};

static void on_guard(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("the test hangs");
}

static void on_http_closed(void *ctx)
{
    struct world *world = ctx;
    world->closed = true;
}

static void world_open(struct world *world, const struct loopback_reply *script, size_t len)
{
    const struct http_config config = { .user_agent = "clusterkeeper/test", .connections_max = 4 };
    struct err err;
    *world = (struct world){ 0 };
    assert_int_equal(uv_loop_init(&world->loop), 0);
    (void)uv_timer_init(&world->loop, &world->guard);
    (void)uv_timer_start(&world->guard, on_guard, GUARD_MS, 0);
    world->server = loopback_open(&world->loop, script, len);
    (void)snprintf(world->url, sizeof(world->url), "http://127.0.0.1:%d/api",
                   loopback_port(world->server));
    assert_true(http_create(&world->loop, &config, &world->http, &err));
}

/* Whatever happened before, no handle is left. */
static void world_close(struct world *world)
{
    if (!world->closed) http_close(world->http, on_http_closed, world);
    if (world->server != NULL) loopback_close(world->server);
    uv_close((uv_handle_t *)&world->guard, NULL);
    while (uv_run(&world->loop, UV_RUN_DEFAULT) != 0) {
        /* calls that end stop it */
    }
    assert_true(world->closed);
    assert_int_equal(uv_loop_close(&world->loop), 0);
}

static void on_done(struct http_call *call)
{
    struct probe *probe = call->ctx;
    probe->done++;
    uv_stop(&probe->world->loop); /* uv_run may be about to sleep */
    if (probe->then != NULL) probe->then(probe);
}

static struct probe probe_of(struct world *world, const char *method)
{
    return (struct probe){
        .world = world,
        .call = { .method = method,
                  .url = world->url,
                  .reply_max = REPLY_MAX,
                  .connect_timeout_ms = 5000,
                  .stall_timeout_ms = 10000,
                  .timeout_ms = 20000,
                  .done = on_done },
    };
}

static void probe_send(struct probe *probe)
{
    probe->call.ctx = probe;
    http_send(probe->world->http, &probe->call);
    assert_int_equal(probe->done, 0); /* never from inside */
}

static void await_done(struct probe *probe)
{
    while (probe->done == 0) {
        (void)uv_run(&probe->world->loop, UV_RUN_ONCE);
    }
    assert_int_equal(probe->done, 1);
    assert_null(probe->call.impl);
}

static void probe_run(struct probe *probe)
{
    probe_send(probe);
    await_done(probe);
}

static void assert_failed(const struct probe *probe, enum err_code code)
{
    assert_false(probe->call.answered);
    assert_string_equal(err_code_name(probe->call.err.code), err_code_name(code));
    assert_null(probe->call.reply.data);
}

/* One request, one reply, one outcome */

static const char gzip_of_4096_bytes[] =
    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 40\r\n\r\n"
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xed\xc1\x01\x0d\x00\x00\x00\xc2\xa0\xac\xef\x5f"
    "\xc2\x1e\x0e\x28\x00\x00\x00\xe0\xdd\x00\x73\xdc\x99\x9c\x00\x10\x00\x00";

#define WITH_HEADER(line) "HTTP/1.1 429 Too Many\r\n" line "\r\nContent-Length: 0\r\n\r\n"

static const struct exchange {
    const char *title;
    struct loopback_reply reply;
    size_t reply_max;   /* 0: REPLY_MAX */
    enum err_code code; /* ERR_NONE: answered */
    int status;
    int64_t retry_after_ms;
    const char *body;
    const char *says; /* in the error's text */
} exchanges[] = {
    { "ok", { .bytes = OK_REPLY }, .status = 200, .retry_after_ms = -1, .body = "{}" },
    { "an answer at the limit", { .bytes = OK_REPLY }, 2, ERR_NONE, 200, -1, "{}", NULL },
    { "an answer one byte past it",
      { .bytes = OK_REPLY },
      1,
      ERR_LIMIT,
      .says = "longer than 1 b" },
    { "small on the wire, large when unpacked",
      { gzip_of_4096_bytes, sizeof(gzip_of_4096_bytes) - 1, THEN_KEEP },
      .code = ERR_LIMIT,
      .says = "longer than 1000 bytes" },
    { "a body that ends with the connection",
      { "HTTP/1.1 200 OK\r\n\r\nbody", 0, THEN_CLOSE },
      .status = 200,
      .retry_after_ms = -1,
      .body = "body" },
    { "an error's body is an answer",
      { .bytes = "HTTP/1.1 400 Bad\r\nContent-Length: 3\r\n\r\nbad" },
      .status = 400,
      .retry_after_ms = -1,
      .body = "bad" },
    { "a redirect is not followed",
      { .bytes = "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n" },
      .status = 302,
      .retry_after_ms = -1,
      .body = "" },
    { "retry-after in seconds",
      { .bytes = WITH_HEADER("Retry-After: 7") },
      .status = 429,
      .retry_after_ms = 7000,
      .body = "" },
    { "retry-after at once",
      { .bytes = WITH_HEADER("retry-after: 0") },
      .status = 429,
      .retry_after_ms = 0,
      .body = "" },
    { "retry-after as a date that is past",
      { .bytes = WITH_HEADER("Retry-After: Wed, 21 Oct 2015 07:28:00 GMT") },
      .status = 429,
      .retry_after_ms = 0,
      .body = "" },
    { "retry-after as a date that is far off is a day",
      { .bytes = WITH_HEADER("Retry-After: Fri, 21 Oct 2095 07:28:00 GMT") },
      .status = 429,
      .retry_after_ms = 86400000,
      .body = "" },
    { "retry-after that overflows",
      { .bytes = WITH_HEADER("Retry-After: 9223372036854775807") },
      .status = 429,
      .retry_after_ms = 86400000,
      .body = "" },
    { "retry-after in no form",
      { .bytes = WITH_HEADER("Retry-After: soon") },
      .status = 429,
      .retry_after_ms = -1,
      .body = "" },
    { "closed without an answer",
      { .then = THEN_CLOSE },
      .code = ERR_NETWORK,
      .says = "not known" },
    { "reset without an answer",
      { .then = THEN_RESET },
      .code = ERR_NETWORK,
      .says = "reset by peer" },
    { "a cut body",
      { "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", 0, THEN_CLOSE },
      .code = ERR_NETWORK,
      .says = "not known" },
    { "a cut head", { "HTTP/1.1 200 OK\r\nContent-Le", 0, THEN_RESET }, .code = ERR_NETWORK },
    { "not HTTP", { "SSH-2.0-OpenSSH\r\n", 0, THEN_CLOSE }, .code = ERR_NETWORK },
    { "broken gzip",
      { .bytes = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd" },
      .code = ERR_NETWORK },
};

static void check_exchange(const struct exchange *row, const char *method)
{
    struct world world;
    world_open(&world, &row->reply, 1);
    struct probe probe = probe_of(&world, method);
    probe.call.body = strcmp(method, "POST") == 0 ? "{\"a\":1}" : NULL;
    probe.call.body_len = probe.call.body != NULL ? 7 : 0;
    if (row->reply_max != 0) probe.call.reply_max = row->reply_max;
    probe_run(&probe);
    if (row->code != ERR_NONE) {
        assert_failed(&probe, row->code);
        if (strstr(probe.call.err.text, "127.0.0.1:") == NULL) fail_msg("%s", row->title);
        if (row->says != NULL && strstr(probe.call.err.text, row->says) == NULL) {
            fail_msg("%s: %s", row->title, probe.call.err.text);
        }
    } else {
        if (!probe.call.answered) fail_msg("%s: %s", row->title, probe.call.err.text);
        assert_int_equal(probe.call.status, row->status);
        assert_int_equal(probe.call.retry_after_ms, row->retry_after_ms);
        assert_string_equal(buf_text(&probe.call.reply), row->body);
    }
    assert_int_equal(loopback_requests(world.server), 1);
    buf_release(&probe.call.reply);
    world_close(&world);
}

static void test_each_reply_has_its_outcome(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(exchanges); i++) {
        check_exchange(&exchanges[i], "GET");
        check_exchange(&exchanges[i], "POST");
    }
}

/* What is sent */

static void test_a_request_says_what_it_should(void **state)
{
    const struct loopback_reply script = { .bytes = OK_REPLY };
    struct world world;
    (void)state;
    world_open(&world, &script, 1);
    struct probe probe = probe_of(&world, "POST");
    probe.call.authorization = "Bearer dapi-1";
    probe.call.body = "{\"cluster_id\":\"1\"}";
    probe.call.body_len = strlen(probe.call.body);
    probe_run(&probe);
    const char *request = loopback_request(world.server);
    assert_ptr_equal(strstr(request, "POST /api HTTP/1.1\r\n"), request);
    assert_non_null(strstr(request, "\r\nAuthorization: Bearer dapi-1\r\n"));
    assert_non_null(strstr(request, "\r\nAccept: application/json\r\n"));
    assert_non_null(strstr(request, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(request, "\r\nUser-Agent: clusterkeeper/test\r\n"));
    assert_non_null(strstr(request, "\r\n\r\n{\"cluster_id\":\"1\"}"));
    assert_null(strstr(request, "Expect"));
    assert_string_equal(probe.call.content_type_reply, "application/json");
    buf_release(&probe.call.reply);
    world_close(&world);
}

static void test_methods_keep_their_names(void **state)
{
    static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
    const struct loopback_reply script = { .bytes = OK_REPLY };
    struct world world;
    (void)state;
    world_open(&world, &script, 1);
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        struct probe probe = probe_of(&world, methods[i]);
        probe_run(&probe);
        assert_true(probe.call.answered);
        size_t len = strlen(methods[i]);
        assert_memory_equal(loopback_request(world.server), methods[i], len);
        assert_int_equal(loopback_request(world.server)[len], ' ');
        buf_release(&probe.call.reply);
    }
    world_close(&world);
}

static void test_what_may_not_be_sent_is_not(void **state)
{
    static const struct {
        const char *url;
        const char *authorization;
        const char *says;
    } rows[] = {
        { "http://example.com/api", "Bearer x", "example.com:80: plain http" },
        { "http://127.0.0.1.example.com/", NULL, "plain http" },
        { "http://128.0.0.1/", NULL, "plain http" },
        { "http://[::2]/", NULL, "plain http" },
        { "http://localhost.example.com/", NULL, "plain http" },
        { "ftp://127.0.0.1/", NULL, "only https" },
        { "file:///etc/passwd", NULL, "https" },
        { "https://user:secret@example.com/", NULL, "https://host/path" },
        { "https://", NULL, "https://host/path" },
        { "https://127.0.0.1/", "Bearer x\r\nX-Evil: 1", "control character" },
    };
    const struct loopback_reply script = { .bytes = OK_REPLY };
    struct world world;
    (void)state;
    world_open(&world, &script, 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct probe probe = probe_of(&world, "GET");
        probe.call.url = rows[i].url;
        probe.call.authorization = rows[i].authorization;
        probe_run(&probe);
        assert_failed(&probe, ERR_USAGE);
        if (strstr(probe.call.err.text, rows[i].says) == NULL) fail_msg("%s", probe.call.err.text);
        assert_null(strstr(probe.call.err.text, "secret"));
    }
    assert_int_equal(loopback_connections(world.server), 0);
    world_close(&world);
}

/* Connections */

static void test_reads_share_a_connection_and_writes_have_their_own(void **state)
{
    static const struct {
        const char *method;
        unsigned connections; /* after it */
    } rows[] = { { "GET", 1 }, { "GET", 1 }, { "POST", 2 }, { "GET", 2 }, { "POST", 3 } };
    const struct loopback_reply script = { .bytes = OK_REPLY };
    struct world world;
    (void)state;
    world_open(&world, &script, 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct probe probe = probe_of(&world, rows[i].method);
        probe_run(&probe);
        assert_true(probe.call.answered);
        assert_int_equal(loopback_connections(world.server), rows[i].connections);
        buf_release(&probe.call.reply);
    }
    world_close(&world);
}

/* The kept connection dies under the second request: a read may go again, a write may not. */
static void test_only_a_read_is_sent_again(void **state)
{
    static const struct loopback_reply script[] = { { .bytes = OK_REPLY },
                                                    { .then = THEN_RESET },
                                                    { .bytes = OK_REPLY } };
    static const char *const methods[] = { "GET", "POST", "DELETE" };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        struct world world;
        bool is_read = i == 0;
        world_open(&world, script, COUNT_OF(script));
        struct probe first = probe_of(&world, "GET");
        struct probe second = probe_of(&world, methods[i]);
        probe_run(&first);
        probe_run(&second);
        assert_int_equal(second.call.answered, is_read);
        assert_int_equal(loopback_requests(world.server), is_read ? 3 : 2);
        if (!is_read) assert_failed(&second, ERR_NETWORK);
        buf_release(&first.call.reply);
        buf_release(&second.call.reply);
        world_close(&world);
    }
}

static void test_a_refused_port_is_nothing_done(void **state)
{
    const struct loopback_reply script = { .bytes = OK_REPLY };
    struct world world;
    (void)state;
    world_open(&world, &script, 1);
    loopback_close(world.server);
    world.server = NULL;
    struct probe probe = probe_of(&world, "POST");
    (void)uv_run(&world.loop, UV_RUN_NOWAIT);
    probe_run(&probe);
    assert_failed(&probe, ERR_REFUSED);
    assert_non_null(strstr(probe.call.err.text, "check the address"));
    world_close(&world);
}

/* It accepts and says nothing: TLS does not come up, and nothing was asked yet. */
static void test_a_connection_that_does_not_come_up_is_nothing_done(void **state)
{
    const struct loopback_reply script = { .bytes = OK_REPLY };
    struct world world;
    char url[URL_MAX];
    (void)state;
    world_open(&world, &script, 1);
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/", loopback_port(world.server));
    struct probe probe = probe_of(&world, "POST");
    probe.call.url = url;
    probe.call.connect_timeout_ms = 100;
    probe_run(&probe);
    assert_failed(&probe, ERR_REFUSED);
    assert_int_equal(loopback_requests(world.server), 0);
    world_close(&world);
}

static void test_no_answer_is_a_timeout(void **state)
{
    static const struct {
        const char *bytes;
        int64_t stall_ms, timeout_ms;
    } rows[] = {
        { NULL, 10000, 100 },
        { NULL, 1000, 20000 },
        { "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", 10000, 100 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct loopback_reply script = { .bytes = rows[i].bytes };
        struct world world;
        world_open(&world, &script, 1);
        struct probe probe = probe_of(&world, "POST");
        probe.call.stall_timeout_ms = rows[i].stall_ms;
        probe.call.timeout_ms = rows[i].timeout_ms;
        probe_run(&probe);
        assert_failed(&probe, ERR_TIMEOUT);
        assert_int_equal(loopback_requests(world.server), 1);
        world_close(&world);
    }
}

/* Given up */

static void run_until_asked(struct world *world, unsigned requests)
{
    while (loopback_requests(world->server) < requests) {
        (void)uv_run(&world->loop, UV_RUN_ONCE);
    }
}

static void test_a_call_in_flight_is_cancelled(void **state)
{
    const struct loopback_reply script = { .bytes = NULL };
    struct world world;
    (void)state;
    world_open(&world, &script, 1);
    struct probe probe = probe_of(&world, "GET");
    struct probe early = probe_of(&world, "GET");
    probe_send(&probe);
    run_until_asked(&world, 1);
    http_cancel(world.http, &probe.call);
    http_cancel(world.http, &probe.call);
    assert_int_equal(probe.done, 0); /* never from inside */
    probe_send(&early);
    http_cancel(world.http, &early.call); /* before it could begin */
    await_done(&probe);
    await_done(&early);
    assert_failed(&probe, ERR_CANCELLED);
    assert_failed(&early, ERR_CANCELLED);
    http_cancel(world.http, &probe.call); /* over: nothing happens */
    world_close(&world);
    assert_int_equal(probe.done, 1);
}

static void cancel_other(struct probe *probe)
{
    http_cancel(probe->world->http, &probe->other->call);
}

static void test_an_answer_can_cancel_another_call(void **state)
{
    static const struct loopback_reply script[] = { { .bytes = NULL }, { .bytes = OK_REPLY } };
    struct world world;
    (void)state;
    world_open(&world, script, COUNT_OF(script));
    struct probe silent = probe_of(&world, "GET");
    struct probe quick = probe_of(&world, "GET");
    quick.then = cancel_other;
    quick.other = &silent;
    probe_send(&silent);
    run_until_asked(&world, 1);
    probe_run(&quick);
    await_done(&silent);
    assert_true(quick.call.answered);
    assert_failed(&silent, ERR_CANCELLED);
    buf_release(&quick.call.reply);
    world_close(&world);
}

static void send_other(struct probe *probe)
{
    probe_send(probe->other);
}

static void test_an_answer_can_send_another_call(void **state)
{
    const struct loopback_reply script = { .bytes = OK_REPLY };
    struct world world;
    (void)state;
    world_open(&world, &script, 1);
    struct probe first = probe_of(&world, "GET");
    struct probe second = probe_of(&world, "GET");
    struct probe bad = probe_of(&world, "GET");
    bad.call.url = "http://example.com/";
    first.then = send_other;
    first.other = &bad;
    bad.then = send_other;
    bad.other = &second;
    probe_send(&first);
    await_done(&second);
    assert_true(second.call.answered);
    assert_failed(&bad, ERR_USAGE);
    buf_release(&first.call.reply);
    buf_release(&second.call.reply);
    world_close(&world);
}

static void test_closing_ends_every_call(void **state)
{
    const struct loopback_reply script = { .bytes = NULL };
    struct world world;
    (void)state;
    world_open(&world, &script, 1);
    struct probe probes[8]; /* more than connections_max: some wait for a place */
    struct probe late = probe_of(&world, "GET");
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        probes[i] = probe_of(&world, i % 2 == 0 ? "GET" : "POST");
        probe_send(&probes[i]);
    }
    probes[3].then = send_other; /* from `done`, while all is closing */
    probes[3].other = &late;
    run_until_asked(&world, 4);
    world_close(&world);
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        assert_int_equal(probes[i].done, 1);
        assert_failed(&probes[i], ERR_CANCELLED);
    }
    assert_int_equal(late.done, 1);
    assert_failed(&late, ERR_CANCELLED);
}

/* The server closes first, so that idle connections are dead when the end comes. */
static void test_closing_with_idle_connections(void **state)
{
    const struct loopback_reply script = { .bytes = OK_REPLY };
    struct world world;
    (void)state;
    world_open(&world, &script, 1);
    struct probe probe = probe_of(&world, "GET");
    probe_run(&probe);
    buf_release(&probe.call.reply);
    loopback_close(world.server);
    world.server = NULL;
    (void)uv_run(&world.loop, UV_RUN_NOWAIT);
    world_close(&world);
}

static void test_more_calls_than_connections_all_end(void **state)
{
    const struct loopback_reply script = { .bytes = OK_REPLY };
    struct probe probes[40];
    struct world world;
    (void)state;
    world_open(&world, &script, 1);
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        probes[i] = probe_of(&world, i % 3 == 0 ? "POST" : "GET");
        probe_send(&probes[i]);
    }
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        await_done(&probes[i]);
        assert_true(probes[i].call.answered);
        buf_release(&probes[i].call.reply);
    }
    assert_int_equal(loopback_requests(world.server), COUNT_OF(probes));
    world_close(&world);
}

static void test_a_missing_ca_file_is_said_at_once(void **state)
{
    const struct http_config config = { .user_agent = "t", .ca_file = "/nonexistent/ca.pem" };
    struct http *http = NULL;
    struct err err;
    uv_loop_t loop;
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_false(http_create(&loop, &config, &http, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.text, "/nonexistent/ca.pem"));
    assert_null(http);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_reply_has_its_outcome),
        cmocka_unit_test(test_a_request_says_what_it_should),
        cmocka_unit_test(test_methods_keep_their_names),
        cmocka_unit_test(test_what_may_not_be_sent_is_not),
        cmocka_unit_test(test_reads_share_a_connection_and_writes_have_their_own),
        cmocka_unit_test(test_only_a_read_is_sent_again),
        cmocka_unit_test(test_a_refused_port_is_nothing_done),
        cmocka_unit_test(test_a_connection_that_does_not_come_up_is_nothing_done),
        cmocka_unit_test(test_no_answer_is_a_timeout),
        cmocka_unit_test(test_a_call_in_flight_is_cancelled),
        cmocka_unit_test(test_an_answer_can_cancel_another_call),
        cmocka_unit_test(test_an_answer_can_send_another_call),
        cmocka_unit_test(test_closing_ends_every_call),
        cmocka_unit_test(test_closing_with_idle_connections),
        cmocka_unit_test(test_more_calls_than_connections_all_end),
        cmocka_unit_test(test_a_missing_ca_file_is_said_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Every way that a call can end by itself, against a server in the same loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_world.h"

#include <stdio.h>

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What the registry door needs of the http door: further headers, other types, a signature. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_headers.h"
#include "http_world.h"

#include "text.h"

#include <stdio.h>

#define HEADERS "HTTP/1.1 200 OK\r\n"

static const char *sent(const struct world *world, const char *line)
{
    const char *request = loopback_request(world->server);
    if (strstr(request, line) == NULL) fail_msg("no '%s' in: %s", line, request);
    return request;
}

static void test_nothing_asked_is_as_before(void **state)
{
    (void)state;
    static const struct loopback_reply script[] = { { .bytes = OK_REPLY } };
    struct world world;
    world_open(&world, script, 1);
    struct probe probe = probe_of(&world, "GET");
    probe_run(&probe);
    assert_true(probe.call.answered);
    assert_int_equal(probe.call.headers.len, 0);
    assert_null(probe.call.headers.data);
    (void)sent(&world, "Accept: application/json\r\n");
    (void)sent(&world, "Accept-Encoding: ");
    buf_release(&probe.call.reply);
    world_close(&world);
}

static void test_what_is_asked_is_sent(void **state)
{
    (void)state;
    static const struct loopback_reply script[] = { { .bytes = OK_REPLY } };
    struct world world;
    world_open(&world, script, 1);
    struct probe probe = probe_of(&world, "GET");
    probe.call.accept = "application/vnd.oci.image.index.v1+json, x/y";
    probe.call.header = "X-aws-ec2-metadata-token: t";
    probe.call.wants_bytes = true;
    probe_run(&probe);
    assert_true(probe.call.answered);
    const char *request = sent(&world, "Accept: application/vnd.oci.image.index.v1+json, x/y\r\n");
    (void)sent(&world, "X-aws-ec2-metadata-token: t\r\n");
    assert_null(strstr(request, "Accept-Encoding"));
    assert_null(strstr(request, "application/json\r\n"));
    buf_release(&probe.call.reply);
    world_close(&world);
}

static void test_a_header_is_one_line(void **state)
{
    (void)state;
    static const struct loopback_reply script[] = { { .bytes = OK_REPLY } };
    struct world world;
    world_open(&world, script, 1);
    struct probe probe = probe_of(&world, "GET");
    probe.call.header = "A: b\r\nC: d";
    probe_run(&probe);
    assert_failed(&probe, ERR_USAGE);
    assert_null(strstr(probe.call.err.text, "C: d"));
    assert_int_equal(loopback_requests(world.server), 0);
    world_close(&world);
}

/* ---- headers ---- */

static void test_headers_are_those_of_the_last_answer(void **state)
{
    (void)state;
    static const struct loopback_reply script[] = {
        { .bytes = "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n" HEADERS
                   "Docker-Content-Digest: sha256:x\r\nWWW-Authenticate: Basic realm=\"a\"\r\n"
                   "www-authenticate: Bearer realm=\"b\"\r\nX-Odd: a\x01\xff"
                   "b\r\nX-Empty:\r\n"
                   "Content-Length: 2\r\n\r\n{}" },
    };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct world world;
    world_open(&world, script, 1);
    struct probe probe = probe_of(&world, "GET");
    probe.call.wants_headers = true;
    probe_run(&probe);
    const struct buf *headers = &probe.call.headers;
    assert_true(probe.call.answered);
    assert_string_equal(http_header(&arena, headers, "docker-content-digest"), "sha256:x");
    assert_string_equal(http_header(&arena, headers, "www-authenticate"),
                        "Basic realm=\"a\"\nBearer realm=\"b\"");
    assert_string_equal(http_header(&arena, headers, "x-odd"), "a??b");
    assert_string_equal(http_header(&arena, headers, "x-empty"), "");
    assert_null(http_header(&arena, headers, "x-early"));
    assert_null(http_header(&arena, headers, "docker"));
    assert_null(http_header(&arena, headers, ""));
    buf_release(&probe.call.reply);
    buf_release(&probe.call.headers);
    world_close(&world);
}

static void test_headers_of_nothing(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct buf none = BUF_INIT(10);
    assert_null(http_header(&arena, &none, "a"));
}

/* HEAD has the headers, and waits for no body. */
static void test_head(void **state)
{
    (void)state;
    static const struct loopback_reply script[] = {
        { .bytes = HEADERS "Content-Length: 999\r\nEtag: \"x\"\r\n\r\n" },
        { .bytes = HEADERS "Content-Length: 0\r\n\r\n" },
    };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct world world;
    world_open(&world, script, 2);
    struct probe probe = probe_of(&world, "HEAD");
    probe.call.wants_headers = true;
    probe_run(&probe);
    assert_true(probe.call.answered);
    assert_int_equal(probe.call.reply.len, 0);
    assert_string_equal(http_header(&arena, &probe.call.headers, "content-length"), "999");
    assert_true(text_starts(loopback_request(world.server), "HEAD "));
    buf_release(&probe.call.reply);
    buf_release(&probe.call.headers);
    world_close(&world);
}

/* ---- addresses ---- */

/*
 * The clouds' metadata is on this machine's link; nobody else is spoken to without TLS. What may be
 * sent is given up before anything leaves.
 */
static void test_plain_http_goes_nowhere_else(void **state)
{
    (void)state;
    static const struct loopback_reply script[] = { { .bytes = OK_REPLY } };
    static const struct {
        const char *url;
        bool is_allowed;
    } rows[] = {
        { "http://169.254.169.253/", false }, { "http://169.254.169.254.example/", false },
        { "http://169.254.170.3/", false },   { "http://10.0.0.1/", false },
        { "http://169.254.169.254/", true },  { "http://169.254.170.2/x", true },
        { "http://169.254.170.23/x", true },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world world;
        world_open(&world, script, 1);
        struct probe probe = probe_of(&world, "GET");
        probe.call.url = rows[i].url;
        probe_send(&probe);
        http_cancel(world.http, &probe.call);
        await_done(&probe);
        assert_failed(&probe, rows[i].is_allowed ? ERR_CANCELLED : ERR_USAGE);
        world_close(&world);
    }
}

/* A file of authorities of the call's own, that is not there. */
static void test_an_authority_of_its_own(void **state)
{
    (void)state;
    static const struct loopback_reply script[] = { { .bytes = OK_REPLY } };
    char url[URL_MAX];
    struct world world;
    world_open(&world, script, 1);
    struct probe probe = probe_of(&world, "GET");
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/", loopback_port(world.server));
    probe.call.url = url;
    probe.call.ca_file = "/nonexistent/ca.pem";
    probe_run(&probe);
    assert_failed(&probe, ERR_REFUSED);
    assert_non_null(strstr(probe.call.err.text, "PEM certificates"));
    world_close(&world);
}

/* ---- the signature ---- */

/* That it is a right one is seen in tests/registry, where it is made again independently. */
static void test_a_call_is_signed(void **state)
{
    (void)state;
    static const struct loopback_reply script[] = { { .bytes = OK_REPLY } };
    static const struct http_signer signer = { .scope = "aws:amz:eu-west-1:ecr",
                                               .key_id = "AKID",
                                               .secret = "s3cret-key",
                                               .session_token = "session",
                                               .target = "Service.Operation" };
    struct world world;
    world_open(&world, script, 1);
    struct probe probe = probe_of(&world, "POST");
    probe.call.signer = &signer;
    probe.call.content_type = "application/x-amz-json-1.1";
    probe.call.body = "{}";
    probe.call.body_len = 2;
    probe_run(&probe);
    assert_true(probe.call.answered);
    const char *request = sent(&world, "Authorization: AWS4-HMAC-SHA256 Credential=AKID/");
    (void)sent(&world, "/eu-west-1/ecr/aws4_request");
    (void)sent(&world, "X-Amz-Target: Service.Operation\r\n");
    (void)sent(&world, "X-Amz-Security-Token: session\r\n");
    (void)sent(&world, "x-amz-security-token");
    assert_null(strstr(request, "s3cret-key"));
    assert_null(strstr(request, "xpect")); /* neither sent nor signed */
    buf_release(&probe.call.reply);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_asked_is_as_before),
        cmocka_unit_test(test_what_is_asked_is_sent),
        cmocka_unit_test(test_a_header_is_one_line),
        cmocka_unit_test(test_headers_are_those_of_the_last_answer),
        cmocka_unit_test(test_headers_of_nothing),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_plain_http_goes_nowhere_else),
        cmocka_unit_test(test_an_authority_of_its_own),
        cmocka_unit_test(test_a_call_is_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

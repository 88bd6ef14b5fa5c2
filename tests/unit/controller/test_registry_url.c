/* Addresses and challenges that a registry hands out: hostile until shown otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/base64.h"
#include "registry/challenge.h"
#include "registry/url.h"

#include "text.h"

#include <stdio.h>

static void test_what_parses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host; /* host NULL: refused */
        unsigned port;
        const char *path;
    } rows[] = {
        { "https://a.example", "a.example", 443, "/" },
        { "https://A.Example:8443/x?y#z", "a.example", 8443, "/x?y" },
        { "HTTP://a.example:/", "a.example", 80, "/" },
        { "https://a.example?q", "a.example", 443, "/?q" },
        { "https://a.example./x", "a.example", 443, "/x" },
        { "https://[2001:DB8::1]:5/x", "[2001:db8::1]", 5, "/x" },
        { "https://[::1]", "[::1]", 443, "/" },
        { "https://user@a.example/", NULL, 0, NULL },
        { "https://user:pw@a.example/", NULL, 0, NULL },
        { "https://a.example:0/", NULL, 0, NULL },
        { "https://a.example:65536/", NULL, 0, NULL },
        { "https://a.example:8x/", NULL, 0, NULL },
        { "https:///x", NULL, 0, NULL },
        { "https://", NULL, 0, NULL },
        { "https://[::1", NULL, 0, NULL },
        { "https://[]", NULL, 0, NULL },
        { "https://[::1]x", NULL, 0, NULL },
        { "https://[fe80::1%25eth0]/", NULL, 0, NULL },
        { "https://a.example\\@b.example/", NULL, 0, NULL },
        { "https://a.exa mple/", NULL, 0, NULL },
        { "https://a.example/\r\nHost: b", NULL, 0, NULL },
        { "https://\xC3\xA4.example/", NULL, 0, NULL },
        { "ftp://a.example/", NULL, 0, NULL },
        { "file:///etc/passwd", NULL, 0, NULL },
        { "a.example/x", NULL, 0, NULL },
        { "", NULL, 0, NULL },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct url url;
        struct err err;
        bool ok = url_parse(&arena, rows[i].text, &url, &err);
        if (ok != (rows[i].host != NULL)) fail_msg("%s", rows[i].text);
        if (!ok) {
            assert_int_equal(err.code, ERR_REJECTED);
            assert_null(strstr(err.text, "pw"));
            continue;
        }
        assert_string_equal(url.host, rows[i].host);
        assert_int_equal(url.port, rows[i].port);
        assert_string_equal(url.path, rows[i].path);
    }
}

static void test_length_is_limited(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct url url;
    struct err err;
    char *text = arena_alloc(&arena, URL_TEXT_MAX + 2);
    memset(text, 'a', URL_TEXT_MAX);
    (void)snprintf(text, 11, "https://a/");
    text[10] = 'a';
    assert_true(url_parse(&arena, text, &url, &err));
    text[URL_TEXT_MAX] = 'a';
    assert_false(url_parse(&arena, text, &url, &err));
}

static void test_locations(void **state)
{
    (void)state;
    static const struct {
        const char *base, *location, *url; /* NULL: means nothing */
    } rows[] = {
        { "https://r.example/v2/a/b", "https://s.example/x", "https://s.example/x" },
        { "https://r.example/v2/a/b", "//s.example/x", "https://s.example/x" },
        { "https://r.example:5000/v2/a/b?c=/d", "/x?y", "https://r.example:5000/x?y" },
        { "https://r.example/v2/a/b?c=/d", "x", "https://r.example/v2/a/x" },
        { "https://r.example/v2/a/b?c", "?d", "https://r.example/v2/a/b?d" },
        { "https://r.example/v2/a/b", "", NULL },
        { "https://r.example/v2/a/b", "javascript:alert(1)", NULL },
        { "https://r.example/v2/a/b", "ftp://s.example/", NULL },
        { "https://r.example/v2/a/b", "https://u:p@s.example/", NULL },
        { "https://r.example/v2/a/b", "/x\ty", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        const char *url = url_resolve(&arena, rows[i].base, rows[i].location);
        if (!text_equal(url, rows[i].url)) {
            fail_msg("%s: %s", rows[i].location, url == NULL ? "nothing" : url);
        }
    }
}

static void test_origins(void **state)
{
    (void)state;
    assert_true(url_same_origin("https://a.example/x", "https://A.example:443/y"));
    assert_false(url_same_origin("https://a.example/", "http://a.example:443/"));
    assert_false(url_same_origin("https://a.example/", "https://a.example:444/"));
    assert_false(url_same_origin("https://a.example/", "https://b.example/"));
    assert_false(url_same_origin("https://a.example/", "nothing"));
}

static void test_loopback(void **state)
{
    (void)state;
    static const char *const yes[] = { "localhost",   "localhost:5000", "127.0.0.1",
                                       "127.9.9.9:1", "[::1]",          "[::1]:5000" };
    static const char *const no[] = {
        "127.0.0.1.example", "128.0.0.1", "localhost.example", "[::2]", "[::1", "", "127.1"
    };
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        assert_true(url_is_loopback(yes[i]));
    }
    for (size_t i = 0; i < COUNT_OF(no); i++) {
        assert_false(url_is_loopback(no[i]));
    }
}

/* What a registry may name, and what only somebody would name who means harm. */
static void test_targets(void **state)
{
    (void)state;
#define REG "https://reg.example"
#define LAN "https://10.1.2.3:5000"
#define OWN "http://127.0.0.1:5000"
    static const struct {
        const char *target, *registry;
        bool allowed;
    } rows[] = {
        { "https://auth.example/token", REG, true },
        { "https://93.184.216.34/token", REG, true },
        { "https://[2606:2800:220:1::1]/token", REG, true },
        { "http://auth.example/token", REG, false },
        { "https://user:pw@auth.example/token", REG, false },
        { "https://10.1.2.3/token", REG, false },
        { "https://172.16.0.1/", REG, false },
        { "https://172.15.0.1/", REG, true },
        { "https://192.168.1.1/", REG, false },
        { "https://100.64.0.1/", REG, false },
        { "https://169.254.169.254/", REG, false },
        { "https://127.0.0.1/", REG, false },
        { "https://127.1/", REG, false },
        { "https://2130706433/", REG, false },
        { "https://0x7f.1/", REG, false },
        { "https://0177.0.0.1/", REG, false },
        { "https://0/", REG, false },
        { "https://localhost/", REG, false },
        { "https://localhost./", REG, false },
        { "https://x.localhost/", REG, false },
        { "https://metadata.google.internal/", REG, false },
        { "https://[::1]/", REG, false },
        { "https://[::]/", REG, false },
        { "https://[::ffff:10.0.0.1]/", REG, false },
        { "https://[::ffff:8.8.8.8]/", REG, true },
        { "https://[64:ff9b::a9fe:a9fe]/", REG, false },
        { "https://[fe80::1]/", REG, false },
        { "https://[fd00::1]/", REG, false },
        { "https://[ff02::1]/", REG, false },
        { "https://224.0.0.1/", REG, false },
        { "https://255.255.255.255/", REG, false },
        { "https://10.1.2.3:5000/token", LAN, true },
        { "https://10.1.2.3:5001/token", LAN, false },
        { "http://10.1.2.3:5000/token", LAN, false },
        { "http://127.0.0.1:5000/token", OWN, true },
        { "http://127.0.0.1:6000/token", OWN, true },
        { "http://localhost:6000/token", OWN, true },
        { "http://10.1.2.3/token", OWN, false },
        { "http://auth.example/token", OWN, false },
        { "https://auth.example/token", OWN, true },
        { "", REG, false },
        { "token", REG, false },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err = { .code = ERR_NONE };
        bool ok = challenge_check_realm(rows[i].target, rows[i].registry, &err);
        if (ok != rows[i].allowed) fail_msg("%s at %s", rows[i].target, rows[i].registry);
        if (!ok) assert_int_equal(err.code, ERR_DENIED);
        if (!ok) assert_null(strstr(err.text, "pw"));
    }
}

static void test_encoding(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT(100);
    url_encode("a-Z_0.~ &=%/:\xFF\n", &out);
    assert_string_equal(buf_text(&out), "a-Z_0.~%20%26%3D%25%2F%3A%FF%0A");
}

/* ---- challenges ---- */

static void test_challenges(void **state)
{
    (void)state;
    static const struct {
        const char *values;
        enum challenge_scheme scheme;
        const char *realm, *service, *scope, *error;
    } rows[] = {
        { "Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:x:pull,push\"",
          CHALLENGE_BEARER, "https://a/t", "s", "repository:x:pull,push", NULL },
        { "bearer  REALM = \"https://a/t\" ,\terror = \"invalid_token\"", CHALLENGE_BEARER,
          "https://a/t", NULL, NULL, "invalid_token" },
        { "Bearer realm=https://a/t,service=s", CHALLENGE_BEARER, "https://a/t", "s", NULL, NULL },
        { "Basic realm=\"with \\\"quotes\\\" and \\\\\"", CHALLENGE_BASIC, "with \"quotes\" and \\",
          NULL, NULL, NULL },
        { "Basic", CHALLENGE_BASIC, NULL, NULL, NULL, NULL },
        { "Basic realm=\"r\", Bearer realm=\"https://a/t\"", CHALLENGE_BEARER, "https://a/t", NULL,
          NULL, NULL },
        { "Basic realm=\"r\"\nBearer realm=\"https://a/t\"", CHALLENGE_BEARER, "https://a/t", NULL,
          NULL, NULL },
        { "Bearer realm=\"https://a/1\"\nBearer realm=\"https://a/2\"", CHALLENGE_BEARER,
          "https://a/1", NULL, NULL, NULL },
        { "Negotiate", CHALLENGE_NONE, NULL, NULL, NULL, NULL },
        { "Negotiate YII=, Basic realm=\"r\"", CHALLENGE_BASIC, "r", NULL, NULL, NULL },
        { "Negotiate YII==\nDigest realm=\"d\", nonce=\"n\"", CHALLENGE_NONE, NULL, NULL, NULL,
          NULL },
        { "Bearer", CHALLENGE_NONE, NULL, NULL, NULL, NULL },
        { "Bearer, Basic realm=\"r\"", CHALLENGE_BASIC, "r", NULL, NULL, NULL },
        { "Bearer realm=\"not closed", CHALLENGE_NONE, NULL, NULL, NULL, NULL },
        { "Bearer realm=\"https://a/t\",service=\"not closed", CHALLENGE_BEARER, "https://a/t",
          NULL, NULL, NULL },
        { "Bearer realm=\"ends in \\", CHALLENGE_NONE, NULL, NULL, NULL, NULL },
        { "Bearer realm=\"https://a/1\",realm=\"https://a/2\"", CHALLENGE_BEARER, "https://a/1",
          NULL, NULL, NULL },
        { ",,, ,Bearer realm=\"https://a/t\",,", CHALLENGE_BEARER, "https://a/t", NULL, NULL,
          NULL },
        { "realm=\"https://a/t\"", CHALLENGE_NONE, NULL, NULL, NULL, NULL },
        { "\"Bearer\" realm=\"https://a/t\"", CHALLENGE_NONE, NULL, NULL, NULL, NULL },
        { "=====", CHALLENGE_NONE, NULL, NULL, NULL, NULL },
        { "Bearer =", CHALLENGE_NONE, NULL, NULL, NULL, NULL },
        { "\n\n", CHALLENGE_NONE, NULL, NULL, NULL, NULL },
        { "", CHALLENGE_NONE, NULL, NULL, NULL, NULL },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct challenge challenge;
        challenge_parse(&arena, rows[i].values, &challenge);
        bool ok = challenge.scheme == rows[i].scheme &&
                  text_equal(challenge.realm, rows[i].realm) &&
                  text_equal(challenge.service, rows[i].service) &&
                  text_equal(challenge.scope, rows[i].scope) &&
                  text_equal(challenge.error, rows[i].error);
        if (!ok) fail_msg("%s", rows[i].values);
    }
}

/* Every header of up to five bytes of those that mean something ends, and reads in its bounds. */
static void test_small_challenges_end(void **state)
{
    (void)state;
    static const char bytes[] = "B=\", \\";
    enum { LEN = 6 };
    char text[LEN + 1] = "";
    size_t total = 1;
    for (int i = 0; i < LEN; i++) {
        total *= sizeof(bytes);
    }
    for (size_t n = 0; n < total; n++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct challenge challenge;
        size_t rest = n;
        for (int i = 0; i < LEN; i++) {
            text[i] = bytes[rest % sizeof(bytes)];
            rest /= sizeof(bytes);
        }
        challenge_parse(&arena, text, &challenge);
        assert_int_equal(challenge.scheme, CHALLENGE_NONE);
    }
}

/* ---- base64 ---- */

static void test_base64(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        { "", "" },        { "f", "Zg==" },        { "fo", "Zm8=" },
        { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "\xFF\xFE\xFD", "//79" }
    };
    static const char *const bad[] = { "A", "AAAAA", "Zm9v!", "Z m8", "Zm8===", "=", "-_-_" };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        AUTO_BUF struct buf out = BUF_INIT(100), back = BUF_INIT(100), bare = BUF_INIT(100);
        base64_encode(pairs[i][0], strlen(pairs[i][0]), &out);
        assert_string_equal(buf_text(&out), pairs[i][1]);
        assert_true(base64_decode(pairs[i][1], strlen(pairs[i][1]), &back));
        assert_string_equal(buf_text(&back), pairs[i][0]);
        assert_true(base64_decode(pairs[i][1], strcspn(pairs[i][1], "="), &bare));
        assert_string_equal(buf_text(&bare), pairs[i][0]);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        AUTO_BUF struct buf out = BUF_INIT(100);
        if (base64_decode(bad[i], strlen(bad[i]), &out)) fail_msg("%s", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_parses),
        cmocka_unit_test(test_length_is_limited),
        cmocka_unit_test(test_locations),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_challenges),
        cmocka_unit_test(test_small_challenges_end),
        cmocka_unit_test(test_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "databricks/answer_text.h"
#include "databricks/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

enum { REPLY_MAX = 3 * 1024 * 1024 };

#define TOKEN "dapi0123456789abcdef"

/* `body` with `len` bytes came with `status`; the result is checked in shape by all tests. */
static bool check_bytes(enum api api, int status, const char *body, size_t len, struct err *err)
{
    struct http_call call = { .answered = true,
                              .status = status,
                              .retry_after_ms = -1,
                              .authorization = "Bearer " TOKEN,
                              .reply = BUF_INIT(REPLY_MAX) };
    buf_add(&call.reply, body, len);
    bool is_good = codec_check(api, &call, err);
    buf_release(&call.reply);
    if (is_good) return true;
    assert_ptr_equal(strstr(err->text, api_name(api)), err->text);
    for (const char *at = err->text; *at != '\0'; at++) {
        assert_true((unsigned char)*at >= ' ');
    }
    return false;
}

static bool check(enum api api, int status, const char *body, struct err *err)
{
    return check_bytes(api, status, body, strlen(body), err);
}

#define CODE(code, message) "{\"error_code\":\"" code "\",\"message\":\"" message "\"}"
#define GONE                "INVALID_PARAMETER_VALUE\",\"message\":\"Cluster 0930-1 does not exist"
#define EXPIRED \
    "Cannot access cluster 0930-1 that was terminated or unpinned more than 30 days ago."

static const struct answer_case {
    enum api api;
    int status;
    const char *body;
    enum err_code code; /* ERR_NONE: good */
    const char *text;   /* in the error's text */
} cases[] = {
    /* good */
    { API_EDIT, 200, "{}", ERR_NONE, NULL },
    { API_EDIT, 200, " \r\n{\"a\":[{}]}\n", ERR_NONE, NULL },
    { API_IMPORT_FILE, 200, "", ERR_NONE, NULL },
    { API_IMPORT_FILE, 204, "", ERR_NONE, NULL },
    /* 2xx that is none */
    { API_EDIT, 200, "", ERR_PROTOCOL, "found nothing" },
    { API_LIST, 200, "<!DOCTYPE html><html><title>Login</title></html>", ERR_PROTOCOL,
      "an HTML page: Login" },
    { API_LIST, 200, "[]", ERR_PROTOCOL, "expected a JSON object" },
    { API_LIST, 200, "{\"clusters\":[{\"cluster_id\":\"a\"}", ERR_PROTOCOL, NULL },
    { API_LIST, 200, "{}{}", ERR_PROTOCOL, NULL },
    { API_IMPORT_FILE, 200, "<html><title>Login</title>", ERR_PROTOCOL, NULL },
    /* the standard shape */
    { API_EDIT, 400, CODE("INVALID_PARAMETER_VALUE", "bad"), ERR_REJECTED,
      "clusters/edit: INVALID_PARAMETER_VALUE: bad (HTTP 400)" },
    { API_EDIT, 400,
      "{\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"R\"},"
      "{\"@type\":\"type.googleapis.com/google.rpc.RequestInfo\",\"request_id\":\"5ca1-ab1e\"}],"
      "\"error_code\":\"INVALID_PARAMETER_VALUE\",\"message\":\"bad\"}",
      ERR_REJECTED, "(HTTP 400, request 5ca1-ab1e)" },
    { API_EDIT, 400, "{\"error_code\":1000,\"message\":\"bad\"}", ERR_REJECTED, "1000: bad" },
    { API_EDIT, 500, "{\"error_code\":500,\"message\":\"bad\"}", ERR_SERVER, "bad" },
    { API_EDIT, 400, "{\"error_code\":{\"a\":1},\"message\":[1],\"details\":{\"b\":2}}",
      ERR_REJECTED, "Bad Request" },
    /* does not exist */
    { API_GET, 400, "{\"error_code\":\"" GONE "\"}", ERR_NOT_FOUND, "0930-1 does not exist" },
    { API_EDIT, 400, "{\"error_code\":\"" GONE "\"}", ERR_NOT_FOUND, NULL },
    { API_DELETE, 400, "{\"error_code\":\"" GONE "\"}", ERR_NOT_FOUND, NULL },
    { API_INSTALL, 400, "{\"error_code\":\"" GONE "\"}", ERR_NOT_FOUND, NULL },
    { API_CREATE, 400, "{\"error_code\":\"" GONE "\"}", ERR_REJECTED, NULL },
    { API_EDIT, 400, CODE("INVALID_PARAMETER_VALUE", "Cluster policy 7 does not exist"),
      ERR_REJECTED, NULL },
    { API_EDIT, 404, CODE("RESOURCE_DOES_NOT_EXIST", "Policy 7 is not there"), ERR_REJECTED, NULL },
    { API_IMPORT_FILE, 404,
      CODE("RESOURCE_DOES_NOT_EXIST", "The parent folder (/x) does not exist."), ERR_NOT_FOUND,
      NULL },
    { API_PERMISSIONS_PUT, 404, CODE("RESOURCE_DOES_NOT_EXIST", "m"), ERR_NOT_FOUND, NULL },
    { API_GET, 400, CODE("INVALID_STATE", EXPIRED), ERR_NOT_FOUND, NULL },
    { API_PERMISSIONS_PUT, 400, CODE("INVALID_STATE", EXPIRED), ERR_NOT_FOUND, NULL },
    { API_GET, 400, CODE("INVALID_STATE", "any"), ERR_NOT_FOUND, NULL },
    /* 404 by itself never means that a cluster is gone */
    { API_GET, 404, CODE("ENDPOINT_NOT_FOUND", "No API found for 'GET /x'"), ERR_REJECTED,
      "check that the host" },
    { API_GET, 404, CODE("FEATURE_DISABLED", "m"), ERR_REJECTED, NULL },
    { API_GET, 404, "", ERR_PROTOCOL, "Not Found" },
    { API_GET, 404, "not here", ERR_PROTOCOL, "not here" },
    { API_GET, 404, "<html><body><pre>404 page</pre></body></html>", ERR_PROTOCOL, "404 page" },
    { API_GET, 404, "{\"message\":\"no Route\"}", ERR_REJECTED, "no Route" },
    /* states */
    { API_START, 400, CODE("INVALID_STATE", "Cluster 0930-1 is in unexpected state Running."),
      ERR_STATE, "INVALID_STATE: Cluster 0930-1 is in unexpected state Running." },
    { API_EDIT, 409, CODE("ABORTED", "m"), ERR_STATE, NULL },
    { API_DELETE, 400, CODE("INVALID_PARAMETER_VALUE", "please unpin the cluster first"), ERR_STATE,
      "unpin the cluster first" },
    /* limits */
    { API_CREATE, 429, CODE("RESOURCE_EXHAUSTED", "m"), ERR_THROTTLED, NULL },
    { API_CREATE, 429, "", ERR_THROTTLED, "Too Many Requests" },
    { API_CREATE, 429, CODE("REQUEST_LIMIT_EXCEEDED", "m"), ERR_QUOTA, NULL },
    { API_LIST, 429, CODE("REQUEST_LIMIT_EXCEEDED", "m"), ERR_THROTTLED, NULL },
    { API_CREATE, 400, CODE("QUOTA_EXCEEDED", "m"), ERR_QUOTA, NULL },
    { API_CREATE, 400, CODE("RESOURCE_LIMIT_EXCEEDED", "m"), ERR_QUOTA, NULL },
    { API_CREATE, 503, CODE("TEMPORARILY_UNAVAILABLE", "m"), ERR_BUSY, NULL },
    { API_CREATE, 503, "", ERR_BUSY, "Service Unavailable (HTTP 503)" },
    { API_CREATE, 500, CODE("INTERNAL_ERROR", "m"), ERR_SERVER, NULL },
    { API_CREATE, 502, "<html><title>502 Bad Gateway</title>", ERR_SERVER, "502 Bad Gateway" },
    { API_CREATE, 504, "", ERR_SERVER, NULL },
    { API_CREATE, 501, "", ERR_SERVER, NULL },
    { API_CREATE, 599, "", ERR_SERVER, NULL },
    { API_CREATE, 408, "", ERR_TIMEOUT, NULL },
    /* who may */
    { API_ME, 401, "", ERR_AUTH, "Unauthorized" },
    { API_ME, 401, CODE("UNAUTHENTICATED", "m"), ERR_AUTH, NULL },
    { API_ME, 403, "", ERR_DENIED, "Forbidden" },
    { API_ME, 403, "Invalid access token.", ERR_AUTH, "Invalid access token." },
    { API_PIN, 403, CODE("PERMISSION_DENIED", "only admins"), ERR_DENIED, "only admins" },
    { API_PIN, 403, "<html></html>", ERR_DENIED, NULL },
    { API_ME, 302, "", ERR_DENIED, "private link" },
    { API_ME, 303, "{}", ERR_DENIED, "private link" },
    /* other shapes */
    { API_ME, 400, "{\"error\":\"an old way\",\"message\":\"hidden\"}", ERR_REJECTED,
      "an old way" },
    { API_ME, 400, "{\"error\":\"invalid_client\",\"error_description\":\"who\"}", ERR_REJECTED,
      "invalid_client: who" },
    { API_ME, 404, "{\"detail\":\"no user\",\"status\":\"404\",\"scimType\":\"x\"}", ERR_REJECTED,
      "SCIM_404: no user" },
    { API_ME, 500, "{\"detail\":\"null\",\"status\":\"500\"}", ERR_SERVER,
      "SCIM API internal error" },
    { API_EDIT, 400, "INVALID_STATE: in the open", ERR_STATE, "INVALID_STATE: in the open" },
    { API_EDIT, 400, "plain words", ERR_REJECTED, "plain words" },
    { API_EDIT, 400, "<html><body>x</body></html>", ERR_PROTOCOL, "Bad Request" },
    { API_EDIT, 400, "\xff\xfe\x01", ERR_PROTOCOL, NULL },
    { API_EDIT, 418, CODE("TEAPOT", "short"), ERR_REJECTED, "TEAPOT: short (HTTP 418)" },
    { API_EDIT, 0, "", ERR_PROTOCOL, NULL },
    { API_EDIT, 101, "", ERR_PROTOCOL, NULL },
    { API_EDIT, 700, "", ERR_PROTOCOL, NULL },
    /* a gateway that happens to have the words */
    { API_GET, 400, "<html><title>Cluster 0930-1 does not exist</title></html>", ERR_PROTOCOL,
      NULL },
    { API_GET, 404, "Cluster 0930-1 does not exist", ERR_PROTOCOL, NULL },
    { API_GET, 502, CODE("X", "Cluster 0930-1 does not exist"), ERR_SERVER, NULL },
    /* a cut body may hold an echoed password: it is not shown */
    { API_GET, 200, "{\"docker_image\":{\"password\":\"hunter2\"}", ERR_PROTOCOL,
      "found JSON that is cut or broken (HTTP 200)" },
    { API_GET, 500, "{\"docker_image\":{\"password\":\"hunter2\"}", ERR_SERVER,
      "clusters/get: Internal Server Error (HTTP 500)" },
    /* hostile */
    { API_EDIT, 400, CODE("X", "a\\u001b[31mred\\u0001\\nnext\\u202eback\\u0085"), ERR_REJECTED,
      NULL },
    { API_EDIT, 400, CODE("X", "your token is " TOKEN "!"), ERR_REJECTED, "token is ******" },
    { API_EDIT, 200, "you sent " TOKEN, ERR_PROTOCOL, "you sent ******" },
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct answer_case *c = &cases[i];
        struct err err = { .code = ERR_NONE };
        bool is_good = check(c->api, c->status, c->body, &err);
        if (is_good != (c->code == ERR_NONE) || err.code != c->code) {
            fail_msg("HTTP %d %s: %s: %s", c->status, c->body, err_code_name(err.code), err.text);
        }
        if (c->text != NULL && strstr(err.text, c->text) == NULL) {
            fail_msg("'%s' is not in '%s'", c->text, err.text);
        }
        assert_null(strstr(err.text, TOKEN));
    }
}

static void test_control_characters(void **state)
{
    (void)state;
    struct err err;
    assert_false(check(API_EDIT, 400,
                       "{\"message\":\"a\\u001b[31mb\\nc\\td\\u202ee\\u0085f\\u2028g\\u2066h"
                       "\\u007fi\\u200fj \xc3\xa9\"}",
                       &err));
    assert_string_equal(err.text, "clusters/edit: a [31mb c d?e?f?g?h?i?j \xc3\xa9 (HTTP 400)");
}

/* What is longer than fits is cut between characters, and the end of the text is still there. */
static void test_long_messages(void **state)
{
    (void)state;
    for (size_t len = 600; len < 700; len++) {
        AUTO_BUF struct buf body = BUF_INIT(10000);
        buf_adds(&body, "{\"error_code\":\"X\",\"message\":\"");
        for (size_t i = 0; i < len; i++) {
            buf_adds(&body, i % 2 == 0 ? "\xe2\x82\xac" : "x");
        }
        buf_adds(&body, "\"}");
        struct err err;
        assert_false(check(API_EDIT, 400, buf_text(&body), &err));
        assert_non_null(strstr(err.text, "... (HTTP 400)"));
        for (const char *at = err.text; *at != '\0'; at++) {
            assert_int_not_equal(*at, '?');
        }
    }
}

static void test_huge_body(void **state)
{
    (void)state;
    size_t len = REPLY_MAX - 1;
    char *body = xmalloc(len);
    static const char fillings[] = { '<', '{', '[', '"', 'A', ' ', '\0', '\xe2' };
    for (size_t i = 0; i < sizeof(fillings); i++) {
        struct err err;
        memset(body, fillings[i], len);
        assert_false(check_bytes(API_LIST, 200, body, len, &err));
        assert_false(check_bytes(API_LIST, 500, body, len, &err));
        assert_int_equal(err.code, ERR_SERVER);
    }
    xfree(body);
}

static void test_no_answer(void **state)
{
    (void)state;
    struct http_call call = { .answered = false, .retry_after_ms = -1 };
    struct err err;
    (void)err_set(&call.err, ERR_REFUSED, "connection refused by 127.0.0.1 port 9");
    assert_false(codec_check(API_CREATE, &call, &err));
    assert_int_equal(err.code, ERR_REFUSED);
    assert_string_equal(err.text, "clusters/create: connection refused by 127.0.0.1 port 9");
}

static void test_retry_after(void **state)
{
    (void)state;
    static const struct {
        int64_t header_ms;
        unsigned wanted_ms;
    } rows[] = { { -1, 0 }, { 0, 0 }, { 2000, 2000 }, { INT64_MAX, UINT32_MAX } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_call call = { .answered = true,
                                  .status = 429,
                                  .retry_after_ms = rows[i].header_ms };
        struct err err;
        assert_false(codec_check(API_LIST, &call, &err));
        assert_int_equal(err.retry_after_ms, rows[i].wanted_ms);
    }
}

/* An answer that was cut anywhere is no answer. */
static void test_every_cut(void **state)
{
    (void)state;
    static const char whole[] = "{\"a\":[{\"b\\\\\\\"}]\":\"{[\"},1.5,null],\"c\":{\"d\":[]}}";
    assert_true(answer_is_whole_object(whole, sizeof(whole) - 1));
    for (size_t len = 0; len < sizeof(whole) - 1; len++) {
        char *part = xmalloc(len + 1); /* so that a read behind the end is seen */
        memcpy(part, whole, len);
        part[len] = '\0';
        assert_false(answer_is_whole_object(part, len));
        struct err err;
        assert_false(check(API_LIST, 200, part, &err));
        assert_int_equal(err.code, ERR_PROTOCOL);
        assert_false(check(API_LIST, 400, part, &err));
        xfree(part);
    }
}

/* Any single byte may be wrong: no crash, and never an answer that is both good and an error. */
static void test_every_byte_wrong(void **state)
{
    (void)state;
    static const char body[] = "{\"error_code\":\"INVALID_STATE\",\"message\":\"m\",\"details\":"
                               "[{\"request_id\":\"r\"}]}";
    static const unsigned char others[] = { 0, '"', '\\', '{', '}', '[', '<', 0x1b, 0x80, 0xff };
    for (size_t at = 0; at < sizeof(body) - 1; at++) {
        for (size_t i = 0; i < sizeof(others); i++) {
            char wrong[sizeof(body)];
            struct err err;
            memcpy(wrong, body, sizeof(body));
            wrong[at] = (char)others[i];
            assert_false(check_bytes(API_EDIT, 400, wrong, sizeof(body) - 1, &err));
            assert_true(err.code == ERR_STATE || err.code == ERR_REJECTED ||
                        err.code == ERR_PROTOCOL);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),       cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_long_messages), cmocka_unit_test(test_huge_body),
        cmocka_unit_test(test_no_answer),     cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_every_cut),     cmocka_unit_test(test_every_byte_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* JSON: the canonical form, and what is refused in the name of JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "json.h"

/* ---- reading and writing ---- */

static const struct {
    const char *text;
    const char *canonical;
} round_cases[] = {
    { " { \"b\" : 1 , \"a\" : [ true , false , null ] } \n", "{\"a\":[true,false,null],\"b\":1}" },
    { "{\"a\":1,\"B\":2,\"b\":3,\"\":4}", "{\"\":4,\"B\":2,\"a\":1,\"b\":3}" },
    { "{\"a\":1,\"a\":2,\"b\":3,\"a\":4}", "{\"a\":4,\"b\":3}" },
    { "{\"a\":1,\"A\":2}", "{\"A\":2,\"a\":1}" },
    { "\"x\"", "\"x\"" },
    { "0", "0" },
    { "-0.0", "0" },
    { "1.0", "1" },
    { "1e3", "1000" },
    { "0.1", "0.1" },
    { "-12.25", "-12.25" },
    { "0.30000000000000004", "0.30000000000000004" },
    { "9007199254740992", "9007199254740992" },
    { "-9007199254740992", "-9007199254740992" },
    { "1e22", "1e+22" },
    { "1e999", "1.7976931348623157e+308" },
    { "-1e999", "-1.7976931348623157e+308" },
    { "\"\\u00e9\\u20ac\\ud83d\\ude00\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
    { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u007f\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f\"" },
    { "\"\\\\u0000\"", "\"\\\\u0000\"" },
    { "{\"$secret\":\"ab\"}", "{\"$secret\":\"ab\"}" },
    { "{\"$secret\":1}", "{\"$secret\":1}" },
    { "{\"$secret\":\"ab\",\"x\":1}", "{\"$secret\":\"ab\",\"x\":1}" },
    { "[]", "[]" },
    { "{}", "{}" },
};

static void test_json_is_written_in_one_form(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < COUNT_OF(round_cases); i++) {
        AUTO_BUF struct buf out = BUF_INIT(1000);
        const struct value *value = NULL;
        struct err err;
        const char *text = round_cases[i].text;
        if (!json_read(&arena, text, strlen(text), &value, &err)) {
            fail_msg("%s: %s", text, err.text);
        }
        json_write(value, &out);
        assert_string_equal(buf_text(&out), round_cases[i].canonical);
        const struct value *again = NULL;
        assert_true(json_read(&arena, buf_text(&out), out.len, &again, &err));
        assert_true(value_equal(value, again));
    }
}

static void test_numbers_are_of_two_kinds(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *value = NULL;
    struct err err;
    assert_true(json_read(&arena, "[7,7.0,7.5,1e300]", 17, &value, &err));
    assert_int_equal(value->u.items[0]->kind, VALUE_INT);
    assert_int_equal(value->u.items[1]->kind, VALUE_INT);
    assert_int_equal(value->u.items[2]->kind, VALUE_REAL);
    assert_int_equal(value->u.items[3]->kind, VALUE_REAL);
    assert_int_equal(value->u.items[0]->u.integer, 7);
}

/* ---- what is refused ---- */

#define TEXT(text) text, sizeof(text) - 1

static const struct {
    const char *text;
    size_t len;
    const char *want; /* a part of the error */
} refused_cases[] = {
    { TEXT(""), "nothing" },
    { TEXT(" \r\n\t"), "nothing" },
    { TEXT("<html><head><TITLE>\n 502  Bad\x1b[31m\nGateway </title>"), "'502 Bad [31m Gateway'" },
    { TEXT("  <!doctype html><p>"), "an HTML page, where" },
    { TEXT("<title>"), "an HTML page, where" },
    { TEXT("{\"a\":[1,2"), "cut after 9 bytes" },
    { TEXT("{\"a\":\"b"), "cut after 7 bytes" },
    { TEXT("{\"a\":\"b\\"), "cut after" },
    { TEXT("{\"a\":"), "cut after 5 bytes" },
    { TEXT("nul"), "no JSON at byte 1" },
    { TEXT("{\"a\":1}}"), "1 bytes behind its end" },
    { TEXT("{\"a\":1} x"), "1 bytes behind its end" },
    { TEXT("1 2"), "1 bytes behind its end" },
    { TEXT("{\"a\":1}\0"), "not UTF-8" },
    { TEXT("{\"a\":\"\\u0000\"}"), "NUL character at byte 7" },
    { TEXT("{\"a\":\"\\ud800\"}"), "no JSON at byte" },
    { TEXT("{\"a\" 1}"), "no JSON at byte" },
    { TEXT("[1,]    "), "no JSON at byte" },
    { TEXT("upstream connect error"), "no JSON at byte 1" },
    { TEXT("{\"a\":\"\xff\"}"), "not UTF-8" },
    { TEXT("\"\xed\xa0\x80\""), "not UTF-8" },
};

static void test_what_is_no_json_is_named(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < COUNT_OF(refused_cases); i++) {
        struct err err = { 0 };
        const struct value *value = NULL;
        /* A copy of the exact size, so that a read behind the end is seen. */
        size_t len = refused_cases[i].len;
        AUTO(xfree) char *text = xmalloc(len == 0 ? 1 : len);
        memcpy(text, refused_cases[i].text, len);
        if (json_read(&arena, text, len, &value, &err)) fail_msg("read: %s", refused_cases[i].text);
        assert_null(value);
        assert_int_equal(err.code, ERR_PROTOCOL);
        if (strstr(err.text, refused_cases[i].want) == NULL) {
            fail_msg("%s: %s", refused_cases[i].text, err.text);
        }
    }
}

static bool read_nested(unsigned depth, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    const struct value *value = NULL;
    for (unsigned i = 0; i < depth; i++) {
        buf_adds(&text, i % 2 == 0 ? "[" : "{\"[\":");
    }
    buf_addc(&text, '1');
    for (unsigned i = depth; i > 0; i--) {
        buf_adds(&text, i % 2 == 1 ? "]" : "}");
    }
    return json_read(&arena, buf_text(&text), text.len, &value, err);
}

static void promise_10_nesting_ends_at_its_limit(void **state)
{
    (void)state;
    struct err err;
    assert_true(read_nested(JSON_DEPTH_MAX, &err));
    assert_false(read_nested(JSON_DEPTH_MAX + 1, &err));
    assert_string_equal(err.text, "JSON nested deeper than 64");
    assert_false(read_nested(100000, &err));
}

/* A megabyte of one key: comparing each with each would take minutes. */
static void test_repeated_keys_are_no_trap(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT(4 << 20);
    const struct value *value = NULL;
    struct err err;
    buf_adds(&text, "{\"last\":0");
    for (int i = 0; i < 100000; i++) {
        buf_addf(&text, ",\"key%d\":%d", i % 50000, i);
    }
    buf_addc(&text, '}');
    assert_true(json_read(&arena, buf_text(&text), text.len, &value, &err));
    assert_int_equal(value->len, 50001);
    assert_int_equal(value_get(value, "key0")->u.integer, 50000);
}

/* ---- secrets ---- */

static void promise_7_a_secret_is_never_written(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf out = BUF_INIT(1000);
    const struct pos nowhere = { 0 };
    struct value_builder list = value_build_list(&arena, nowhere);
    struct value *sealed = value_secret(&arena, nowhere, SECRET_LITERAL, "hunter2");
    sealed->hash = "abc";
    value_push(&list, sealed);
    value_push(&list, value_secret(&arena, nowhere, SECRET_LITERAL, "hunter2"));
    value_push(&list, value_secret(&arena, nowhere, SECRET_ENV, "PASS"));
    value_push(&list, value_secret(&arena, nowhere, SECRET_FILE, "/run/p"));
    json_write(list.value, &out);
    assert_string_equal(buf_text(&out), "[{\"$secret\":\"abc\"},{\"$secret\":\"unsealed\"},"
                                        "{\"$secret\":{\"env\":\"PASS\"}},"
                                        "{\"$secret\":{\"file\":\"/run/p\"}}]");
    buf_clear(&out);
    json_write_pretty(list.value, 0, &out);
    assert_null(strstr(buf_text(&out), "hunter2"));
}

static bool reveal(void *ctx, const struct value *secret, struct buf *out, struct err *err)
{
    unsigned *asked = ctx;
    ++*asked;
    if (secret->source == SECRET_ENV) {
        return err_set(err, ERR_MANIFEST, "%s is not set", secret->text);
    }
    return buf_adds(out, secret->text);
}

static void test_a_secret_is_revealed_on_purpose(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf out = BUF_INIT(1000);
    const struct pos nowhere = { 0 };
    struct err err;
    unsigned asked = 0;
    struct value_builder map = value_build_map(&arena, nowhere);
    value_put(&map, "p", nowhere, value_secret(&arena, nowhere, SECRET_LITERAL, "a\"b"));
    value_put(&map, "n", nowhere, value_int(&arena, nowhere, 1));
    assert_true(json_write_revealed(map.value, reveal, &asked, &out, &err));
    assert_string_equal(buf_text(&out), "{\"n\":1,\"p\":\"a\\\"b\"}");
    value_put(&map, "a", nowhere, value_secret(&arena, nowhere, SECRET_ENV, "PASS"));
    buf_clear(&out);
    assert_false(json_write_revealed(map.value, reveal, &asked, &out, &err));
    assert_string_equal(err.text, "PASS is not set");
    assert_int_equal(asked, 2); /* the first failure ends it */
}

static void test_a_body_that_is_too_large_is_an_error(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf out = BUF_INIT(4);
    struct err err;
    unsigned asked = 0;
    const struct value *text = value_text(&arena, (struct pos){ 0 }, "abcd");
    assert_false(json_write_revealed(text, reveal, &asked, &out, &err));
    assert_int_equal(err.code, ERR_LIMIT);
}

/* ---- forms ---- */

static void test_the_pretty_form_is_for_people(void **state)
{
    (void)state;
    static const char text[] = "{\"b\":[1,{\"c\":null}],\"a\":{},\"d\":[]}";
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf out = BUF_INIT(1000);
    const struct value *value = NULL;
    struct err err;
    assert_true(json_read(&arena, text, strlen(text), &value, &err));
    json_write_pretty(value, 1, &out);
    assert_string_equal(buf_text(&out), "{\n"
                                        "    \"a\": {},\n"
                                        "    \"b\": [\n"
                                        "      1,\n"
                                        "      {\n"
                                        "        \"c\": null\n"
                                        "      }\n"
                                        "    ],\n"
                                        "    \"d\": []\n"
                                        "  }");
}

static void test_what_cannot_be_written_is_made_harmless(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf out = BUF_INIT(1000);
    json_write_text("a\xff\xc3(\xe2\x82", &out);
    assert_string_equal(buf_text(&out), "\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\"");
    buf_clear(&out);
    json_write(value_real(&arena, (struct pos){ 0 }, INFINITY), &out);
    assert_string_equal(buf_text(&out), "null");
}

static void test_every_double_reads_back_the_same(void **state)
{
    (void)state;
    static const double reals[] = {
        0.1, 1.0 / 3, 1e-300, 5e-324, 123456789.123456789, 1.7e308, -2.5
    };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < COUNT_OF(reals); i++) {
        AUTO_BUF struct buf out = BUF_INIT(100);
        const struct value *real = value_real(&arena, (struct pos){ 0 }, reals[i]);
        const struct value *again = NULL;
        struct err err;
        json_write(real, &out);
        assert_true(json_read(&arena, buf_text(&out), out.len, &again, &err));
        assert_true(value_equal(real, again));
    }
}

static void test_the_digest_is_of_the_canonical_form(void **state)
{
    (void)state;
    static const char text[] = "{\"b\":1,\"a\":2}";
    static const char canonical[] = "{\"a\":2,\"b\":1}";
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *value = NULL;
    struct err err;
    assert_true(json_read(&arena, text, strlen(text), &value, &err));
    struct digest got = json_digest(value);
    struct digest want = digest_of(canonical, strlen(canonical));
    assert_true(digest_equal(&got, &want));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_is_written_in_one_form),
        cmocka_unit_test(test_numbers_are_of_two_kinds),
        cmocka_unit_test(test_what_is_no_json_is_named),
        cmocka_unit_test(promise_10_nesting_ends_at_its_limit),
        cmocka_unit_test(test_repeated_keys_are_no_trap),
        cmocka_unit_test(promise_7_a_secret_is_never_written),
        cmocka_unit_test(test_a_secret_is_revealed_on_purpose),
        cmocka_unit_test(test_a_body_that_is_too_large_is_an_error),
        cmocka_unit_test(test_the_pretty_form_is_for_people),
        cmocka_unit_test(test_what_cannot_be_written_is_made_harmless),
        cmocka_unit_test(test_every_double_reads_back_the_same),
        cmocka_unit_test(test_the_digest_is_of_the_canonical_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

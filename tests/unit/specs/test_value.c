/* Values: reading, comparing, merging, copying. Trees are written as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json.h"
#include "value.h"

static const struct value *read(struct arena *arena, const char *text)
{
    struct err err;
    const struct value *value = NULL;
    if (!json_read(arena, text, strlen(text), &value, &err)) fail_msg("%s: %s", text, err.text);
    return value;
}

static void assert_json(const struct value *value, const char *want)
{
    AUTO_BUF struct buf out = BUF_INIT(100000);
    json_write(value, &out);
    assert_string_equal(buf_text(&out), want);
}

/* ---- reading ---- */

static void test_members_are_found_by_key_and_path(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *map = read(
        &arena, "{\"aws\":{\"zone\":{\"id\":\"z\"}},\"n\":4,\"t\":\"x\",\"ab\":1,\"a\":{\"b\":2}}");
    int64_t n = 77;
    assert_string_equal(value_at(map, "aws.zone.id")->text, "z");
    assert_ptr_equal(value_at(map, "aws"), value_get(map, "aws"));
    assert_int_equal(value_at(map, "a.b")->u.integer, 2);
    assert_null(value_at(map, "aws.zone.id.more"));
    assert_null(value_at(map, "aws.zon"));
    assert_null(value_at(map, "aws.zone.idx"));
    assert_null(value_at(map, ""));
    assert_null(value_at(NULL, "aws"));
    assert_null(value_get(NULL, "aws"));
    assert_null(value_get(value_get(map, "n"), "aws"));
    assert_string_equal(value_get_text(map, "t"), "x");
    assert_null(value_get_text(map, "n"));
    assert_null(value_get_text(map, "absent"));
    assert_false(value_get_int(map, "t", &n));
    assert_false(value_get_int(map, "absent", &n));
    assert_int_equal(n, 77);
    assert_true(value_get_int(map, "n", &n));
    assert_int_equal(n, 4);
}

static void test_put_replaces_in_place(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct pos nowhere = { 0 };
    struct value_builder map = value_build_map(&arena, nowhere);
    value_put(&map, "b", nowhere, value_int(&arena, nowhere, 1));
    value_put(&map, "a", nowhere, value_int(&arena, nowhere, 2));
    value_put(&map, "b", nowhere, value_bool(&arena, nowhere, true));
    assert_int_equal(map.value->len, 2);
    assert_string_equal(map.value->u.members[0].key, "b");
    assert_json(map.value, "{\"a\":2,\"b\":true}");
}

static void test_what_says_nothing_is_empty(void **state)
{
    (void)state;
    static const char *const empty[] = {
        "null", "\"\"", "0", "0.0", "false", "[]", "{}", "{\"a\":{\"b\":null,\"c\":[]},\"d\":0}"
    };
    static const char *const full[] = {
        "\"a\"", "1", "0.5", "true", "[null]", "{\"a\":{\"b\":1}}", "{\"$secret\":\"h\"}"
    };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    assert_true(value_is_empty(NULL));
    for (size_t i = 0; i < COUNT_OF(empty); i++) {
        if (!value_is_empty(read(&arena, empty[i]))) fail_msg("%s", empty[i]);
    }
    for (size_t i = 0; i < COUNT_OF(full); i++) {
        if (value_is_empty(read(&arena, full[i]))) fail_msg("%s", full[i]);
    }
}

/* ---- comparing ---- */

static const struct {
    const char *a, *b;
    bool is_equal;
} equal_cases[] = {
    { "{\"a\":1,\"b\":[1,2]}", "{\"b\":[1,2],\"a\":1}", true },
    { "{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", false },
    { "{\"a\":1}", "{\"a\":1,\"b\":2}", false },
    { "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":2}}", false },
    { "[1,2]", "[2,1]", false },
    { "[1]", "[1,1]", false },
    { "1", "1.0", true },
    { "1", "1.5", false },
    { "1.5", "1.5", true },
    { "\"1\"", "1", false },
    { "\"a\"", "\"b\"", false },
    { "\"a\"", "\"ab\"", false },
    { "null", "null", true },
    { "null", "false", false },
    { "true", "false", false },
    { "{}", "[]", false },
    { "{\"$secret\":\"x\"}", "{\"$secret\":\"x\"}", true },
    { "{\"$secret\":\"x\"}", "{\"$secret\":\"y\"}", false },
    { "{\"$secret\":\"x\"}", "\"x\"", false },
};

static void test_equal_is_the_same_data(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < COUNT_OF(equal_cases); i++) {
        const struct value *a = read(&arena, equal_cases[i].a);
        const struct value *b = read(&arena, equal_cases[i].b);
        bool is_right = value_equal(a, b) == equal_cases[i].is_equal &&
                        value_equal(b, a) == equal_cases[i].is_equal;
        if (!is_right) fail_msg("%s and %s", equal_cases[i].a, equal_cases[i].b);
        struct digest x = json_digest(a);
        struct digest y = json_digest(b);
        if (digest_equal(&x, &y) != equal_cases[i].is_equal) {
            fail_msg("digests of %s and %s", equal_cases[i].a, equal_cases[i].b);
        }
    }
    assert_true(value_equal(NULL, NULL));
    assert_false(value_equal(NULL, read(&arena, "null")));
}

static void test_kinds_of_numbers_are_equal_where_they_are_exact(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct pos nowhere = { 0 };
    const struct value *one = value_int(&arena, nowhere, 1);
    const struct value *real = value_real(&arena, nowhere, 1.0);
    assert_true(value_equal(one, real));
    assert_true(value_equal(real, one));
    const struct value *big = value_int(&arena, nowhere, 9007199254740993); /* 2^53 + 1 */
    const struct value *rounded = value_real(&arena, nowhere, 9007199254740992.0);
    assert_false(value_equal(big, rounded));
    assert_true(value_equal(value_int(&arena, nowhere, 9007199254740992), rounded));
}

static void test_secrets_without_a_hash_compare_by_source(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct pos nowhere = { 0 };
    const struct value *env = value_secret(&arena, nowhere, SECRET_ENV, "X");
    const struct value *file = value_secret(&arena, nowhere, SECRET_FILE, "X");
    struct value *sealed = value_secret(&arena, nowhere, SECRET_ENV, "X");
    assert_true(value_equal(env, value_secret(&arena, nowhere, SECRET_ENV, "X")));
    assert_false(value_equal(env, value_secret(&arena, nowhere, SECRET_ENV, "Y")));
    assert_false(value_equal(env, file));
    sealed->hash = "abc";
    assert_false(value_equal(env, sealed));
    assert_true(value_equal(sealed, read(&arena, "{\"$secret\":\"abc\"}")));
}

/* ---- merging ---- */

/* The table of RFC 7386, appendix A, and ours. */
static const struct {
    const char *base, *patch, *want;
} merge_cases[] = {
    { "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
    { "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
    { "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
    { "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
    { "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
    { "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
    { "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}" },
    { "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
    { "[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]" },
    { "{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]" },
    { "{\"a\":\"foo\"}", "null", "null" },
    { "{\"a\":\"foo\"}", "\"bar\"", "\"bar\"" },
    { "{\"e\":null}", "{\"a\":1}", "{\"a\":1,\"e\":null}" },
    { "[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}" },
    { "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
    { "{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"y\":3},\"b\":[null]}",
      "{\"a\":{\"x\":1,\"y\":3},\"b\":[null]}" },
};

static void test_merge_is_rfc_7386(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < COUNT_OF(merge_cases); i++) {
        const struct value *base = read(&arena, merge_cases[i].base);
        const struct value *patch = read(&arena, merge_cases[i].patch);
        assert_json(value_merge(&arena, base, patch), merge_cases[i].want);
        assert_json(base, merge_cases[i].base); /* values do not change */
    }
}

static void test_merge_takes_absent_sides(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *map = read(&arena, "{\"a\":1,\"b\":{\"c\":null}}");
    assert_ptr_equal(value_merge(&arena, map, NULL), map);
    assert_json(value_merge(&arena, NULL, map), "{\"a\":1,\"b\":{}}");
    assert_null(value_merge(&arena, NULL, NULL));
    assert_null(value_without_nulls(&arena, NULL));
}

static void test_merge_keeps_positions_and_shares_parts(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct value_builder base = value_build_map(&arena, (struct pos){ "base", 1, 1 });
    struct value_builder patch = value_build_map(&arena, (struct pos){ "patch", 2, 2 });
    const struct value *kept = value_int(&arena, (struct pos){ "base", 3, 5 }, 1);
    const struct value *over = value_int(&arena, (struct pos){ "patch", 4, 5 }, 2);
    value_put(&base, "kept", (struct pos){ "base", 3, 1 }, kept);
    value_put(&base, "over", (struct pos){ "base", 4, 1 }, kept);
    value_put(&patch, "over", (struct pos){ "patch", 4, 1 }, over);
    const struct value *merged = value_merge(&arena, base.value, patch.value);
    assert_ptr_equal(value_get(merged, "kept"), kept);
    assert_ptr_equal(value_get(merged, "over"), over);
    assert_string_equal(merged->u.members[0].pos.file, "base");
    assert_string_equal(merged->u.members[0].key, "kept");
    assert_string_equal(merged->u.members[1].key, "over");
}

static void test_null_free_values_are_not_copied(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *map = read(&arena, "{\"a\":[null],\"b\":{\"c\":1}}");
    assert_ptr_equal(value_without_nulls(&arena, map), map);
    assert_json(
        value_without_nulls(&arena, read(&arena, "{\"a\":null,\"b\":{\"c\":null,\"d\":1}}")),
        "{\"b\":{\"d\":1}}");
}

/* ---- size ---- */

static const struct value *many(struct arena *arena, int from, int step, int count)
{
    const struct pos nowhere = { 0 };
    struct value_builder map = value_build_map(arena, nowhere);
    for (int i = 0; i < count; i++) {
        const char *key = arena_printf(arena, "some.long.common.prefix.%06d", from + step * i);
        value_put_new(&map, key, nowhere, value_int(arena, nowhere, from + step * i));
    }
    return map.value;
}

/* 40,000 keys: looking each up one by one would be 1.6 * 10^9 comparisons. */
static void test_large_maps_merge_and_compare_in_time(void **state)
{
    (void)state;
    enum { KEYS = 40000 };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *up = many(&arena, 0, 1, KEYS);
    const struct value *down = many(&arena, KEYS - 1, -1, KEYS);
    const struct value *upper = many(&arena, KEYS, 1, KEYS);
    assert_true(value_equal(up, down));
    assert_int_equal(value_merge(&arena, up, down)->len, KEYS);
    const struct value *both = value_merge(&arena, up, upper);
    assert_int_equal(both->len, 2 * KEYS);
    assert_false(value_equal(both, up));
}

/* ---- copying ---- */

static void test_a_copy_outlives_its_source(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[1,2.5,\"x\",null,true,{}],\"b\":{\"c\":{\"$secret\":\"h\"}},\"e\":[]}";
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_ARENA struct arena source = ARENA_INIT;
    const char *file = arena_strdup(&source, "a.yaml");
    struct value_builder list = value_build_list(&source, (struct pos){ file, 1, 1 });
    value_push(&list, value_text(&source, (struct pos){ file, 2, 3 }, "t"));
    value_push(&list, read(&source, text));
    const struct value *copy = value_copy(&arena, list.value);
    arena_release(&source);
    assert_string_equal(copy->pos.file, "a.yaml");
    assert_string_equal(copy->u.items[0]->pos.file, "a.yaml");
    assert_int_equal(copy->u.items[0]->pos.column, 3);
    assert_string_equal(copy->u.items[0]->text, "t");
    assert_json(copy->u.items[1], text);
    assert_null(value_copy(&arena, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_are_found_by_key_and_path),
        cmocka_unit_test(test_put_replaces_in_place),
        cmocka_unit_test(test_what_says_nothing_is_empty),
        cmocka_unit_test(test_equal_is_the_same_data),
        cmocka_unit_test(test_kinds_of_numbers_are_equal_where_they_are_exact),
        cmocka_unit_test(test_secrets_without_a_hash_compare_by_source),
        cmocka_unit_test(test_merge_is_rfc_7386),
        cmocka_unit_test(test_merge_takes_absent_sides),
        cmocka_unit_test(test_merge_keeps_positions_and_shares_parts),
        cmocka_unit_test(test_null_free_values_are_not_copied),
        cmocka_unit_test(test_large_maps_merge_and_compare_in_time),
        cmocka_unit_test(test_a_copy_outlives_its_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

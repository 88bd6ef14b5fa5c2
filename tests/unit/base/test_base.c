/* The ground floor: errors, buffers, arenas, digests, random numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdalign.h>

#include "arena.h"
#include "buf.h"
#include "digest.h"
#include "err.h"
#include "prng.h"

/* ---- err ---- */

static void test_an_error_is_set_and_wrapped(void **state)
{
    (void)state;
    struct err err;
    memset(&err, 0xff, sizeof(err));
    assert_false(err_set(&err, ERR_LIMIT, "%d clusters", 7));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(err.text, "7 clusters");
    assert_null(err.pos.file);
    assert_int_equal(err.retry_after_ms, 0);
    assert_false(err_wrap(&err, "list %s", "them"));
    assert_string_equal(err.text, "list them: 7 clusters");
    assert_int_equal(err.code, ERR_LIMIT);
}

static void test_an_error_knows_its_place(void **state)
{
    (void)state;
    struct err err;
    assert_false(err_at(&err, (struct pos){ "a.yaml", 3, 4 }, "bad"));
    assert_int_equal(err.code, ERR_MANIFEST);
    assert_string_equal(err.pos.file, "a.yaml");
    assert_int_equal(err.pos.line, 3);
    assert_int_equal(err.pos.column, 4);
}

static void test_a_long_error_is_cut_and_keeps_its_cause(void **state)
{
    (void)state;
    char text[3 * ERR_TEXT_MAX];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    struct err err;
    assert_false(err_set(&err, ERR_IO, "%s", text));
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
    assert_false(err_set(&err, ERR_IO, "disk gone"));
    assert_false(err_wrap(&err, "%s", text));
    assert_non_null(strstr(err.text, "xx: disk gone"));
    assert_false(err_set(&err, ERR_IO, "%s", text));
    assert_false(err_wrap(&err, "read"));
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
    assert_memory_equal(err.text, "read: xxx", 9);
}

static void test_every_code_has_a_name(void **state)
{
    (void)state;
    for (int a = ERR_NONE; a <= ERR_CANCELLED; a++) {
        assert_non_null(err_code_name((enum err_code)a));
        for (int b = ERR_NONE; b < a; b++) {
            assert_string_not_equal(err_code_name((enum err_code)a),
                                    err_code_name((enum err_code)b));
        }
    }
    assert_int_equal(err_code_retry(ERR_TIMEOUT), RETRY_LOOK);
    assert_int_equal(err_code_retry(ERR_THROTTLED), RETRY_LATER);
    assert_int_equal(err_code_retry(ERR_REJECTED), RETRY_NEVER);
}

/* ---- buf ---- */

static void test_a_buffer_grows_to_its_maximum(void **state)
{
    (void)state;
    AUTO_BUF struct buf buf = BUF_INIT(10);
    struct err err;
    assert_string_equal(buf_text(&buf), "");
    assert_true(buf_adds(&buf, "12345"));
    assert_true(buf_addf(&buf, "%d", 6789));
    assert_true(buf_addc(&buf, '0'));
    assert_string_equal(buf_text(&buf), "1234567890");
    assert_true(buf_ok(&buf, "a text", &err));
    assert_false(buf_addc(&buf, 'x'));
    assert_string_equal(buf_text(&buf), "1234567890");
    assert_false(buf_add(&buf, "", 0)); /* once over, it stays so until somebody looks */
    assert_false(buf_ok(&buf, "a text", &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_string_equal(err.text, "a text is limited to 10 bytes");
    buf_clear(&buf);
    assert_true(buf_ok(&buf, "a text", &err));
    assert_string_equal(buf_text(&buf), "");
    assert_false(buf_addf(&buf, "%s", "12345678901"));
    assert_int_equal(buf.len, 0);
}

static void test_a_buffer_gives_its_text_away(void **state)
{
    (void)state;
    AUTO_BUF struct buf buf = BUF_INIT(1000);
    for (int i = 0; i < 100; i++) {
        assert_true(buf_adds(&buf, "abcdefghij"));
    }
    assert_int_equal(buf.len, 1000);
    AUTO(xfree) char *text = buf_take(&buf);
    assert_int_equal(strlen(text), 1000);
    assert_int_equal(buf.len, 0);
    AUTO(xfree) char *nothing = buf_take(&buf);
    assert_string_equal(nothing, "");
}

/* ---- arena ---- */

static void test_an_arena_gives_zeroed_aligned_storage(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t size = 0; size < 5000; size += 7) {
        unsigned char *at = arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)at % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(at[i], 0);
        }
        if (size > 0) memset(at, 0xff, size);
    }
    arena_reset(&arena);
    unsigned char *again = arena_alloc(&arena, 2000);
    for (size_t i = 0; i < 2000; i++) {
        assert_int_equal(again[i], 0);
    }
}

static void test_an_arena_copies_and_grows(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    assert_null(arena_strdup(&arena, NULL));
    assert_string_equal(arena_strdup(&arena, "text"), "text");
    assert_string_equal(arena_strndup(&arena, "texture", 4), "text");
    assert_string_equal(arena_printf(&arena, "%s-%d", "text", 4), "text-4");
    size_t *numbers = NULL;
    size_t len = 0;
    size_t cap = 0;
    for (size_t i = 0; i < 1000; i++) {
        ARENA_PUSH(&arena, numbers, len, cap, i);
    }
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(numbers[i], i);
    }
    arena_release(&arena);
    assert_string_equal(arena_strdup(&arena, "again"), "again");
}

/* ---- digest ---- */

static void assert_digest(struct digest digest, const char *want)
{
    char hex[DIGEST_HEX_SIZE];
    digest_hex(&digest, hex);
    assert_string_equal(hex, want);
}

/* FIPS 180-4 and RFC 4231 (a key is filled up with zeroes, so that 20 bytes make a case for 32). */
static void test_digests_are_those_of_the_standards(void **state)
{
    (void)state;
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_digest(digest_of("abc", 3), abc);
    assert_digest(digest_of("", 0),
                  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    uint8_t key[DIGEST_KEY_BYTES] = { 0 };
    memset(key, 0x0b, 20);
    assert_digest(digest_keyed(key, "Hi There", 8),
                  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    AUTO(hasher_destroy) struct hasher *hasher = hasher_create();
    for (int round = 0; round < 2; round++) {
        hasher_add(hasher, "a", 1);
        hasher_add(hasher, "bc", 2);
        assert_digest(hasher_take(hasher), abc);
    }
}

static void test_a_digest_is_read_back(void **state)
{
    (void)state;
    struct digest abc = digest_of("abc", 3);
    struct digest read = { 0 };
    char hex[DIGEST_HEX_SIZE + 1];
    assert_true(digest_is_zero(&read));
    digest_hex(&abc, hex);
    assert_true(digest_from_hex(hex, &read));
    assert_true(digest_equal(&read, &abc));
    assert_false(digest_is_zero(&read));
    hex[3] = 'F';
    assert_false(digest_from_hex(hex, &read));
    assert_false(digest_from_hex("", &read));
    memset(hex, '0', sizeof(hex));
    hex[DIGEST_HEX_SIZE] = '\0';
    assert_false(digest_from_hex(hex, &read)); /* 65 digits */
    assert_true(digest_equal(&read, &abc));
}

/* ---- prng ---- */

static void test_random_numbers_are_those_of_xoshiro(void **state)
{
    (void)state;
    struct prng prng = { { 1, 2, 3, 4 } };
    assert_true(prng_next(&prng) == 11520);
    assert_true(prng_next(&prng) == 0);
    assert_true(prng_next(&prng) == 1509978240);
    assert_true(prng_next(&prng) == 1215971899390074240);
    prng_init(&prng, 0); /* splitmix64 of 0 */
    assert_true(prng.state[0] == 0xe220a8397b1dcdafU);
    assert_true(prng.state[1] == 0x6e789e6aa1b965f4U);
}

static void test_random_numbers_stay_below_and_reach_all(void **state)
{
    (void)state;
    struct prng prng;
    unsigned seen[6] = { 0 };
    prng_init(&prng, 42);
    for (int i = 0; i < 6000; i++) {
        uint64_t x = prng_below(&prng, COUNT_OF(seen));
        assert_true(x < COUNT_OF(seen));
        seen[x]++;
    }
    for (size_t i = 0; i < COUNT_OF(seen); i++) {
        assert_in_range(seen[i], 800, 1200);
    }
    assert_true(prng_below(&prng, 1) == 0);
}

static void test_random_text_replays(void **state)
{
    (void)state;
    struct prng a;
    struct prng b;
    char x[21];
    char y[21];
    prng_init(&a, 7);
    prng_init(&b, 7);
    prng_text(&a, x, 20);
    prng_text(&b, y, 20);
    assert_string_equal(x, y);
    assert_int_equal(strspn(x, "0123456789abcdefghijklmnopqrstuvwxyz"), 20);
    prng_text(&a, x, 20);
    assert_string_not_equal(x, y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_error_is_set_and_wrapped),
        cmocka_unit_test(test_an_error_knows_its_place),
        cmocka_unit_test(test_a_long_error_is_cut_and_keeps_its_cause),
        cmocka_unit_test(test_every_code_has_a_name),
        cmocka_unit_test(test_a_buffer_grows_to_its_maximum),
        cmocka_unit_test(test_a_buffer_gives_its_text_away),
        cmocka_unit_test(test_an_arena_gives_zeroed_aligned_storage),
        cmocka_unit_test(test_an_arena_copies_and_grows),
        cmocka_unit_test(test_digests_are_those_of_the_standards),
        cmocka_unit_test(test_a_digest_is_read_back),
        cmocka_unit_test(test_random_numbers_are_those_of_xoshiro),
        cmocka_unit_test(test_random_numbers_stay_below_and_reach_all),
        cmocka_unit_test(test_random_text_replays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

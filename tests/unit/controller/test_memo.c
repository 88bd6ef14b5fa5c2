/* The memo of a plan: what it tells, and that its bytes can be anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memo.h"

#include <stdio.h>

enum { NAMES = 50, BYTES_MAX = 1 << 20, HEAD_LEN = 8 + 2 * DIGEST_BYTES };

static const struct digest mine = { { 1 } };
static const struct digest others = { { 2 } };

static struct digest digest_number(int number)
{
    return digest_of(&number, sizeof(number));
}

static const char *name_number(int number, char ret_name[16])
{
    (void)snprintf(ret_name, 16, "c%03d", number);
    return ret_name;
}

/* Quiet: the even ones of NAMES, by name. Restless: two more. */
static void write_memo(struct buf *out)
{
    struct memo_writer writer;
    char name[16];
    memo_begin(&writer);
    for (int i = 0; i < NAMES; i += 2) {
        struct digest digest = digest_number(i);
        memo_add_quiet(&writer, name_number(i, name), &digest);
    }
    memo_add_restless(&writer, "zebra");
    memo_add_restless(&writer, "ant");
    memo_finish(&writer, &mine, out);
}

static void test_it_tells_what_was_quiet(void **state)
{
    (void)state;
    AUTO(memo_destroy) struct memo *memo = memo_create();
    AUTO_BUF struct buf bytes = BUF_INIT(BYTES_MAX);
    char name[16];
    write_memo(&bytes);
    assert_true(memo_restore(memo, &mine, buf_text(&bytes), bytes.len));
    /* In order, as a plan asks, and in no order. */
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < NAMES; i++) {
            int number = round == 0 ? i : i * 7 % NAMES;
            struct digest digest = digest_number(number);
            struct digest changed = digest_number(number + 1000);
            name_number(number, name);
            assert_int_equal(memo_is_quiet(memo, name, &digest), number % 2 == 0);
            assert_false(memo_is_quiet(memo, name, &changed));
        }
    }
    assert_false(memo_is_quiet(memo, "", &mine));
    assert_false(memo_is_quiet(memo, "zzz", &mine));
    assert_string_equal(memo_restless(memo, 0), "zebra");
    assert_string_equal(memo_restless(memo, 1), "ant");
    assert_null(memo_restless(memo, 2));
}

static void test_another_fingerprint_makes_it_empty(void **state)
{
    (void)state;
    AUTO(memo_destroy) struct memo *memo = memo_create();
    AUTO_BUF struct buf bytes = BUF_INIT(BYTES_MAX);
    struct digest digest = digest_number(0);
    write_memo(&bytes);
    assert_true(memo_restore(memo, &mine, buf_text(&bytes), bytes.len));
    assert_false(memo_restore(memo, &others, buf_text(&bytes), bytes.len));
    assert_false(memo_is_quiet(memo, "c000", &digest));
    assert_null(memo_restless(memo, 0));
}

static void test_an_empty_memo(void **state)
{
    (void)state;
    AUTO(memo_destroy) struct memo *memo = memo_create();
    AUTO_BUF struct buf bytes = BUF_INIT(BYTES_MAX);
    struct memo_writer writer;
    memo_begin(&writer);
    memo_finish(&writer, &mine, &bytes);
    assert_true(memo_restore(memo, &mine, buf_text(&bytes), bytes.len));
    assert_false(memo_is_quiet(memo, "c000", &mine));
    assert_null(memo_restless(memo, 0));
}

/* Every beginning of the bytes, in memory of just that size, so that a read past it is seen. */
static void test_cut_bytes_are_refused(void **state)
{
    (void)state;
    AUTO(memo_destroy) struct memo *memo = memo_create();
    AUTO_BUF struct buf bytes = BUF_INIT(BYTES_MAX);
    write_memo(&bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        AUTO(xfree) char *cut = xmalloc(len + 1);
        memcpy(cut, buf_text(&bytes), len);
        assert_false(memo_restore(memo, &mine, cut, len));
        assert_null(memo_restless(memo, 0));
    }
}

/* A damaged byte may cost a look; it may not cost the process. */
static void test_damaged_bytes_are_survived(void **state)
{
    (void)state;
    AUTO(memo_destroy) struct memo *memo = memo_create();
    AUTO_BUF struct buf bytes = BUF_INIT(BYTES_MAX);
    struct digest digest = digest_number(4);
    write_memo(&bytes);
    size_t refused = 0;
    for (size_t at = 0; at < bytes.len; at++) {
        AUTO(xfree) char *copy = xmalloc(bytes.len);
        memcpy(copy, buf_text(&bytes), bytes.len);
        copy[at] = (char)~copy[at];
        if (!memo_restore(memo, &mine, copy, bytes.len)) refused++;
        (void)memo_is_quiet(memo, "c004", &digest);
        for (size_t i = 0; memo_restless(memo, i) != NULL; i++) {
            assert_true(strlen(memo_restless(memo, i)) < bytes.len);
        }
    }
    /* A name without a manifest is known to the memo alone: not one wrong byte may pass. */
    assert_int_equal(refused, bytes.len);
}

/* The check is right and the counts lie, as a program with a fault in it would write them. */
static void put_counts(struct buf *bytes, uint32_t quiet, uint32_t restless)
{
    const uint32_t counts[2] = { quiet, restless };
    memcpy(bytes->data + HEAD_LEN, counts, sizeof(counts));
    struct digest check = digest_of(bytes->data + HEAD_LEN, bytes->len - HEAD_LEN);
    memcpy(bytes->data + HEAD_LEN - DIGEST_BYTES, check.bytes, DIGEST_BYTES);
}

static void test_counts_that_lie_are_refused(void **state)
{
    enum { QUIET = NAMES / 2 };
    static const uint32_t lies[][2] = {
        { QUIET - 1, 2 },
        { QUIET + 1, 2 },
        { QUIET, 1 },
        { QUIET, 3 },
        { 0, 2 },
        { QUIET, 0 },
        { 0, 0 },
        { QUIET - 2, 2 },
        { UINT32_MAX, 2 },
        { QUIET, UINT32_MAX },
        { 1u << 31, 2 },
        { QUIET, 1u << 31 },
        { QUIET + 2, 0 },
        { 0, QUIET + 2 },
        { UINT32_MAX, UINT32_MAX },
    };
    (void)state;
    AUTO(memo_destroy) struct memo *memo = memo_create();
    AUTO_BUF struct buf bytes = BUF_INIT(BYTES_MAX);
    write_memo(&bytes);
    for (size_t i = 0; i < COUNT_OF(lies); i++) {
        put_counts(&bytes, lies[i][0], lies[i][1]);
        if (memo_restore(memo, &mine, buf_text(&bytes), bytes.len)) fail_msg("row %zu", i);
        assert_null(memo_restless(memo, 0));
    }
    put_counts(&bytes, QUIET, 2);
    assert_true(memo_restore(memo, &mine, buf_text(&bytes), bytes.len));
}

/* Whom nobody asks about has no manifest any more. One that changed was asked about. */
static void test_names_that_vanished(void **state)
{
    (void)state;
    AUTO(memo_destroy) struct memo *memo = memo_create();
    AUTO_BUF struct buf bytes = BUF_INIT(BYTES_MAX);
    char name[16];
    size_t at = 0;
    write_memo(&bytes);
    assert_true(memo_restore(memo, &mine, buf_text(&bytes), bytes.len));
    for (int i = 2; i < NAMES - 2; i++) {
        struct digest digest = digest_number(i % 4 == 0 ? i : i + 1000);
        (void)memo_is_quiet(memo, name_number(i, name), &digest);
    }
    assert_string_equal(memo_vanished(memo, &at), "c000");
    assert_string_equal(memo_vanished(memo, &at), "c048");
    assert_null(memo_vanished(memo, &at));
    assert_null(memo_vanished(memo, &at));
    /* Restored once more, nobody has asked yet. */
    assert_true(memo_restore(memo, &mine, buf_text(&bytes), bytes.len));
    at = 0;
    size_t vanished = 0;
    while (memo_vanished(memo, &at) != NULL) {
        vanished++;
    }
    assert_int_equal(vanished, NAMES / 2);
    assert_false(memo_restore(memo, &others, buf_text(&bytes), bytes.len));
    at = 0;
    assert_null(memo_vanished(memo, &at));
}

static void test_names_in_no_order_cost_only_a_look(void **state)
{
    static const char *const disorder[] = { "c", "a", "d", "a", "b" };
    (void)state;
    AUTO(memo_destroy) struct memo *memo = memo_create();
    AUTO_BUF struct buf bytes = BUF_INIT(BYTES_MAX);
    struct memo_writer writer;
    memo_begin(&writer);
    for (size_t i = 0; i < COUNT_OF(disorder); i++) {
        memo_add_quiet(&writer, disorder[i], &mine);
    }
    memo_finish(&writer, &mine, &bytes);
    assert_true(memo_restore(memo, &mine, buf_text(&bytes), bytes.len));
    for (size_t i = 0; i < COUNT_OF(disorder); i++) {
        (void)memo_is_quiet(memo, disorder[i], &mine);
        assert_false(memo_is_quiet(memo, disorder[i], &others));
        assert_false(memo_is_quiet(memo, "absent", &mine));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_tells_what_was_quiet),
        cmocka_unit_test(test_another_fingerprint_makes_it_empty),
        cmocka_unit_test(test_an_empty_memo),
        cmocka_unit_test(test_cut_bytes_are_refused),
        cmocka_unit_test(test_damaged_bytes_are_survived),
        cmocka_unit_test(test_counts_that_lie_are_refused),
        cmocka_unit_test(test_names_that_vanished),
        cmocka_unit_test(test_names_in_no_order_cost_only_a_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

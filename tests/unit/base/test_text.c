/* Questions about strings, times and durations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "text.h"

static void test_strings_are_compared(void **state)
{
    (void)state;
    assert_true(text_equal(NULL, NULL));
    assert_true(text_equal("a", "a"));
    assert_false(text_equal("a", NULL));
    assert_false(text_equal(NULL, "a"));
    assert_false(text_equal("a", "A"));
    assert_true(text_starts("abc", "ab"));
    assert_true(text_starts("abc", ""));
    assert_false(text_starts("ab", "abc"));
    assert_true(text_ends("abc", "bc"));
    assert_true(text_ends("abc", ""));
    assert_false(text_ends("bc", "abc"));
    assert_true(text_equal_nocase("RuNnInG", "running"));
    assert_false(text_equal_nocase("running", "runnin"));
    assert_false(text_equal_nocase("runnin", "running"));
    assert_false(text_equal_nocase("[", "{")); /* 32 apart, as letters of two cases are */
}

/* ---- the nearest name ---- */

static const char *const names[] = {
    "num_workers", "autoscale", "node_type_id", "tags", "url", "spark_conf", "pin",
};

static const struct {
    const char *word;
    const char *nearest; /* NULL: none is near */
} nearest_cases[] = {
    { "num_worker", "num_workers" },
    { "num_wrokers", "num_workers" },
    { "NUM_WORKERS", "num_workers" },
    { "nodetypeid", "node_type_id" },
    { "spark_config", "spark_conf" },
    { "autoscal", "autoscale" },
    { "tag", "tags" },
    { "tagsxy", "tags" },
    { "tagsxyz", NULL },
    { "urls", "url" },
    { "ulr", "url" },
    { "uxx", NULL },
    { "x", NULL },
    { "", NULL },
    { "pn", "pin" },
    { "completely_different", NULL },
    { "spark_version", NULL },
    { "p", NULL },
};

static void test_the_nearest_name_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(nearest_cases); i++) {
        const char *found = text_nearest(nearest_cases[i].word, names, COUNT_OF(names));
        if (text_equal(found, nearest_cases[i].nearest)) continue;
        fail_msg("'%s': got %s", nearest_cases[i].word, found == NULL ? "nothing" : found);
    }
}

static void test_a_word_of_any_length_is_safe(void **state)
{
    (void)state;
    char word[5000];
    memset(word, 'n', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    const char *const long_names[] = { word, "num_workers" };
    assert_null(text_nearest(word, names, COUNT_OF(names)));
    assert_string_equal(text_nearest("num_worker", long_names, 2), "num_workers");
    word[64] = '\0';
    const char *const longest[] = { word };
    assert_ptr_equal(text_nearest(word, longest, 1), word);
}

/* ---- UTF-8 ---- */

static const struct {
    const char *text;
    size_t len;
    bool is_good;
} utf8_cases[] = {
    { "", 0, true },
    { "plain", 5, true },
    { "\xc3\xa9", 2, true },                 /* e with acute */
    { "\xe2\x82\xac", 3, true },             /* euro */
    { "\xf0\x9f\x98\x80", 4, true },         /* beyond the basic plane */
    { "\xf4\x8f\xbf\xbf", 4, true },         /* the last one */
    { "\xed\x9f\xbf\xee\x80\x80", 6, true }, /* on both sides of the surrogates */
    { "a\0b", 3, false },
    { "\xc3", 1, false },
    { "\xe2\x82", 2, false },
    { "\xf0\x9f\x98", 3, false },
    { "\x80", 1, false },
    { "\xc0\xaf", 2, false },         /* overlong */
    { "\xe0\x80\xaf", 3, false },     /* overlong */
    { "\xf0\x80\x80\xaf", 4, false }, /* overlong */
    { "\xed\xa0\x80", 3, false },     /* a surrogate */
    { "\xf4\x90\x80\x80", 4, false }, /* beyond U+10FFFF */
    { "\xff", 1, false },
    { "\xc3(", 2, false },
    { "ab\xe2\x82(", 5, false },
};

static void test_utf8_is_told_from_other_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(utf8_cases); i++) {
        if (text_is_utf8(utf8_cases[i].text, utf8_cases[i].len) != utf8_cases[i].is_good) {
            fail_msg("case %zu", i);
        }
    }
    assert_int_equal(text_utf8_step("\xe2\x82\xac!", 4), 3);
    assert_int_equal(text_utf8_step("!", 1), 1);
    assert_int_equal(text_utf8_step("\xe2\x82\xac", 2), 0);
    assert_int_equal(text_utf8_step("", 0), 0);
    assert_int_equal(text_utf8_step("\0", 1), 0);
}

/* ---- numbers ---- */

static const struct {
    const char *text;
    int64_t min, max;
    bool is_good;
    int64_t number;
} number_cases[] = {
    { "0", 0, 10, true, 0 },
    { "10", 0, 10, true, 10 },
    { "11", 0, 10, false, 0 },
    { "-1", -1, 10, true, -1 },
    { "-2", -1, 10, false, 0 },
    { "9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX },
    { "-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN },
    { "9223372036854775808", INT64_MIN, INT64_MAX, false, 0 },
    { "99999999999999999999999999", INT64_MIN, INT64_MAX, false, 0 },
    { "", 0, 10, false, 0 },
    { "-", -10, 10, false, 0 },
    { "+1", 0, 10, false, 0 },
    { " 1", 0, 10, false, 0 },
    { "1 ", 0, 10, false, 0 },
    { "1.0", 0, 10, false, 0 },
    { "0x1", 0, 10, false, 0 },
    { "--1", -10, 10, false, 0 },
};

static void test_numbers_are_read_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(number_cases); i++) {
        int64_t number = 77;
        bool is_read =
            text_to_i64(number_cases[i].text, number_cases[i].min, number_cases[i].max, &number);
        int64_t want = number_cases[i].is_good ? number_cases[i].number : 77;
        if (is_read != number_cases[i].is_good || number != want) {
            fail_msg("'%s'", number_cases[i].text);
        }
    }
}

/* ---- durations and times ---- */

static const struct {
    const char *text;
    int64_t ms; /* -1: refused */
} duration_cases[] = {
    { "90s", 90000 },
    { "5m", 300000 },
    { "1h30m", 5400000 },
    { "250ms", 250 },
    { "2d", 172800000 },
    { "1m5ms", 60005 },
    { "0s", 0 },
    { "90", -1 },
    { "", -1 },
    { "s", -1 },
    { "-5s", -1 },
    { "1.5h", -1 },
    { "5 m", -1 },
    { "5m ", -1 },
    { "5x", -1 },
    { "1h30", -1 },
    { "9999999999999s", -1 },
    { "999999999999d999999999999d", -1 },
};

static void test_durations_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(duration_cases); i++) {
        struct err err = { 0 };
        int64_t ms = 77;
        bool is_read = text_to_duration_ms(duration_cases[i].text, &ms, &err);
        bool is_good = duration_cases[i].ms >= 0;
        if (is_read != is_good || ms != (is_good ? duration_cases[i].ms : 77)) {
            fail_msg("'%s': %s", duration_cases[i].text, err.text);
        }
        if (!is_good) assert_int_equal(err.code, ERR_USAGE);
    }
}

static void test_a_bare_number_is_told_to_lack_its_unit(void **state)
{
    (void)state;
    struct err err;
    int64_t ms = 0;
    assert_false(text_to_duration_ms("90", &ms, &err));
    assert_non_null(strstr(err.text, "'90'"));
    assert_non_null(strstr(err.text, "a unit is missing"));
}

static void test_durations_are_written_in_two_units(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        { 0, "0ms" },
        { 850, "850ms" },
        { 1000, "1s" },
        { 1850, "1s" },
        { 59999, "59s" },
        { 200000, "3m 20s" },
        { 300000, "5m" },
        { 3900000, "1h 5m" },
        { 3605000, "1h" },
        { 90000000, "1d 1h" },
        { 86400000, "1d" },
        { -5, "0ms" },
        { INT64_MAX, "106751991167d 7h" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[TEXT_DURATION_SIZE];
        assert_string_equal(text_from_duration_ms(cases[i].ms, text), cases[i].text);
    }
}

static void test_times_are_written_in_utc(void **state)
{
    (void)state;
    char text[TEXT_TIME_SIZE];
    assert_string_equal(text_from_wall_ms(0, text), "never");
    assert_string_equal(text_from_wall_ms(1000, text), "1970-01-01T00:00:01Z");
    assert_string_equal(text_from_wall_ms(1795611616789, text), "2026-11-25T13:00:16Z");
    assert_string_equal(text_from_wall_ms(951782400000, text), "2000-02-29T00:00:00Z");
    (void)text_from_wall_ms(INT64_MAX, text); /* no overrun, whatever it says */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings_are_compared),
        cmocka_unit_test(test_the_nearest_name_is_found),
        cmocka_unit_test(test_a_word_of_any_length_is_safe),
        cmocka_unit_test(test_utf8_is_told_from_other_bytes),
        cmocka_unit_test(test_numbers_are_read_whole),
        cmocka_unit_test(test_durations_are_read),
        cmocka_unit_test(test_a_bare_number_is_told_to_lack_its_unit),
        cmocka_unit_test(test_durations_are_written_in_two_units),
        cmocka_unit_test(test_times_are_written_in_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

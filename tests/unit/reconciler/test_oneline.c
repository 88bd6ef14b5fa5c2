#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oneline.h"

static void check(const char *text, size_t max, const char *want)
{
    AUTO_BUF struct buf out = BUF_INIT(1000);
    oneline_add(&out, text, max);
    assert_string_equal(buf_text(&out), want);
    assert_true(out.len <= max);
}

static void test_plain_text_stays_as_it_is(void **state)
{
    (void)state;
    check("", 8, "");
    check("Termination requested by zo\xc3\xab@example.com", 80,
          "Termination requested by zo\xc3\xab@example.com");
    check("two  blanks", 80, "two  blanks");
}

static void test_what_moves_the_cursor_is_shown(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        { "a\nb\r\nc\td", "a b  c d" },
        { "\x1b[31mred", "\\u001b[31mred" },
        { "bell\a, back\b, delete\x7f", "bell\\u0007, back\\u0008, delete\\u007f" },
        { "c1 \xc2\x9b"
          "31m",
          "c1 \\u009b31m" },
        { "rtl \xe2\x80\xaeyxq", "rtl \\u202eyxq" },
        { "zero\xe2\x80\x8bwidth", "zero\\u200bwidth" },
        { "line\xe2\x80\xa8separator", "line\\u2028separator" },
        { "bom \xef\xbb\xbf", "bom \\ufeff" },
        { "bad \xff\xc3(", "bad \xef\xbf\xbd\xef\xbf\xbd(" },
        { "cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd" },
        { "emoji \xf0\x9f\x90\xb3", "emoji \xf0\x9f\x90\xb3" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check(rows[i].text, 100, rows[i].want);
    }
}

static void test_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    check("12345678", 8, "12345678");
    check("123456789", 8, "12345...");
    check("1234\xe2\x82\xac\xe2\x82\xac", 10, "1234\xe2\x82\xac\xe2\x82\xac");
    check("1234\xe2\x82\xac\xe2\x82\xac.", 10, "1234\xe2\x82\xac...");
    check("\x1b\x1b\x1b", 12, "\\u001b...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_text_stays_as_it_is),
        cmocka_unit_test(test_what_moves_the_cursor_is_shown),
        cmocka_unit_test(test_long_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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
    check("\x1b\x1b", 8, "..."); /* not even one fits beside the dots */
    check("1234567\xe2\x82\xac"
          "8",
          8, "12345..."); /* what follows and would fit is not put there */
    check("~\n~", 8, "~ ~");
}

/* The UTF-8 of a character, up to three bytes long. */
static void encode(unsigned code, struct buf *out)
{
    buf_clear(out);
    if (code < 0x80) {
        buf_addc(out, (char)code);
        return;
    }
    if (code >= 0x800) buf_addc(out, (char)(0xe0 | code >> 12));
    buf_addc(out, (char)(code >= 0x800 ? 0x80 | (code >> 6 & 0x3f) : 0xc0 | code >> 6));
    buf_addc(out, (char)(0x80 | (code & 0x3f)));
}

/* Each run of invisible characters, and its neighbours, which show themselves. */
static void test_the_invisible(void **state)
{
    (void)state;
    static const struct {
        unsigned first, last;
    } runs[] = {
        { 0x0e, 0x1f },     { 0x7f, 0x9f },     { 0xad, 0xad },     { 0x61c, 0x61c },
        { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfeff, 0xfeff },
    };
    for (size_t i = 0; i < COUNT_OF(runs); i++) {
        for (unsigned code = runs[i].first - 1; code <= runs[i].last + 1; code++) {
            AUTO_BUF struct buf text = BUF_INIT(8);
            AUTO_BUF struct buf want = BUF_INIT(8);
            encode(code, &text);
            encode(code, &want);
            bool is_within = code >= runs[i].first && code <= runs[i].last;
            if (is_within || code == '\r') buf_clear(&want);
            if (is_within) buf_addf(&want, "\\u%04x", code);
            if (code == '\r') buf_addc(&want, ' ');
            check(buf_text(&text), 100, buf_text(&want));
        }
    }
    /* Their like with another first byte: U+00ED, U+116D, U+4000B. */
    static const char *const visible[] = { "\xc3\xad", "\xe1\x85\xad", "\xf1\x80\x80\x8b" };
    for (size_t i = 0; i < COUNT_OF(visible); i++) {
        check(visible[i], 100, visible[i]);
    }
    check("\x01\x08", 100, "\\u0001\\u0008");
    check("\t\n\v\f\r", 100, "     ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_text_stays_as_it_is),
        cmocka_unit_test(test_what_moves_the_cursor_is_shown),
        cmocka_unit_test(test_the_invisible),
        cmocka_unit_test(test_long_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

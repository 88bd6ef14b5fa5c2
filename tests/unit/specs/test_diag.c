/* Findings: kept, sorted, shown with their line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "diag.h"
#include "text.h"

static struct pos at(const char *file, unsigned line, unsigned column)
{
    return (struct pos){ file, line, column };
}

static void assert_printed(struct diag *diag, const char *want)
{
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    diag_print(diag, false, &out);
    assert_string_equal(buf_text(&out), want);
}

static void test_findings_come_sorted_and_once(void **state)
{
    (void)state;
    AUTO(diag_destroy) struct diag *diag = diag_create();
    diag_error(diag, at("b.yaml", 1, 1), "late");
    diag_error(diag, at("a.yaml", 10, 1), "line ten");
    diag_warning(diag, at("a.yaml", 9, 2), "line %s", "nine");
    diag_error(diag, at("a.yaml", 9, 1), "before it");
    diag_error(diag, at("a.yaml", 10, 1), "line ten");
    diag_error(diag, at("a.yaml", 0, 0), "as a whole");
    diag_error(diag, at(NULL, 0, 0), "from nowhere");
    assert_int_equal(diag_errors(diag), 5);
    assert_int_equal(diag_warnings(diag), 1);
    assert_printed(diag, "error: from nowhere\n"
                         "a.yaml: error: as a whole\n"
                         "a.yaml:9:1: error: before it\n"
                         "a.yaml:9:2: warning: line nine\n"
                         "a.yaml:10:1: error: line ten\n"
                         "b.yaml:1:1: error: late\n");
    assert_true(diag_file_has_errors(diag, "a.yaml"));
    assert_true(diag_file_has_errors(diag, "b.yaml"));
    assert_false(diag_file_has_errors(diag, "c.yaml"));
}

static void test_a_warning_is_no_error(void **state)
{
    (void)state;
    AUTO(diag_destroy) struct diag *diag = diag_create();
    diag_warning(diag, at("a.yaml", 1, 1), "same");
    assert_int_equal(diag_errors(diag), 0);
    assert_false(diag_file_has_errors(diag, "a.yaml"));
    diag_error(diag, at("a.yaml", 1, 1), "same"); /* another severity, another finding */
    assert_int_equal(diag_errors(diag), 1);
    assert_true(diag_file_has_errors(diag, "a.yaml"));
}

/* ---- source lines ---- */

struct source_case {
    const char *text;
    unsigned line, column;
    const char *want; /* what comes behind the first line */
};

static const struct source_case source_cases[] = {
    { "one\n  two: 2\n", 2, 3, "    2 |   two: 2\n      |   ^\n" },
    { "one\r\n  two: 2\r\nthree", 2, 8, "    2 |   two: 2\n      |        ^\n" },
    { "one\rtwo\r\rfour", 4, 1, "    4 | four\n      | ^\n" },
    { "one", 1, 4, "    1 | one\n      |    ^\n" },
    { "a\tb: c", 1, 3, "    1 | a\tb: c\n      |  \t^\n" },
    { "\xc3\xa9\xe2\x82\xac: x", 1, 5, "    1 | \xc3\xa9\xe2\x82\xac: x\n      |     ^\n" },
    { "\xef\xbb\xbfkey: x", 1, 1, "    1 | key: x\n      | ^\n" },
    { "a\x1b[31m\xff\xc2\x9b: x", 1, 9, "    1 | a?[31m??: x\n      |         ^\n" },
    { "one\n", 2, 1, "" }, /* an empty line has nothing to show */
    { "one\n", 7, 1, "" }, /* no such line */
    { "", 1, 1, "" },
    { "one", 0, 0, "" },
    /* what may be a secret is not shown */
    { "passwrd: hunter2", 1, 1, "    1 | passwrd: (hidden)\n      | ^\n" },
    { "  \"API_TOKEN\" : x", 1, 3, "    1 |   \"API_TOKEN\" : (hidden)\n      |   ^\n" },
    { "a: {url: u, passWord: hunter2}", 1, 1,
      "    1 | a: {url: u, passWord: (hidden)\n      | ^\n" },
    { "x: {{secrets/scope/key}}", 1, 1, "    1 | x: {{secrets/scope/key}}\n      | ^\n" },
};

static void test_a_finding_shows_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(source_cases); i++) {
        const struct source_case *row = &source_cases[i];
        AUTO(diag_destroy) struct diag *diag = diag_create();
        AUTO_BUF struct buf out = BUF_INIT(10000);
        size_t len = strlen(row->text);
        AUTO(xfree) char *text = xmalloc(len + 1); /* no NUL behind its end */
        memcpy(text, row->text, len);
        text[len] = 'X';
        diag_set_source(diag, "f", text, len);
        diag_error(diag, at("f", row->line, row->column), "e");
        diag_forget_source(diag);
        diag_print(diag, false, &out);
        const char *rest = strchr(buf_text(&out), '\n');
        assert_non_null(rest);
        assert_string_equal(rest + 1, row->want);
    }
}

static void test_only_the_file_at_hand_shows_lines(void **state)
{
    (void)state;
    AUTO(diag_destroy) struct diag *diag = diag_create();
    char text[] = "line";
    diag_set_source(diag, "a", text, strlen(text));
    diag_error(diag, at("a", 1, 1), "shown");
    diag_error(diag, at("b", 1, 1), "another file");
    diag_error(diag, at(NULL, 1, 1), "no file");
    memset(text, 'x', strlen(text)); /* the line was copied when the finding came */
    diag_forget_source(diag);
    diag_error(diag, at("a", 1, 2), "too late");
    assert_printed(diag, "error: no file\n"
                         "a:1:1: error: shown\n    1 | line\n      | ^\n"
                         "a:1:2: error: too late\n"
                         "b:1:1: error: another file\n");
}

static void test_a_long_line_is_cut_around_the_column(void **state)
{
    (void)state;
    AUTO(diag_destroy) struct diag *diag = diag_create();
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    for (int i = 0; i < 1000; i++) {
        buf_addf(&text, "%s", i == 499 ? "X" : "\xc3\xa9");
    }
    diag_set_source(diag, "f", buf_text(&text), text.len);
    diag_error(diag, at("f", 1, 500), "middle");
    diag_error(diag, at("f", 1, 1), "begin");
    diag_error(diag, at("f", 1, 1000), "end");
    diag_error(diag, at("f", 1, 4000000), "far behind");
    size_t len = 0;
    const struct finding *findings = diag_findings(diag, &len);
    assert_int_equal(len, 4);
    for (size_t i = 0; i < len; i++) {
        assert_true(strlen(findings[i].source) <= 160 * 2 + 6);
    }
    const char *middle = findings[1].source;
    assert_memory_equal(middle, "...\xc3\xa9", 5);
    assert_int_equal(strchr(middle, 'X') - middle, 3 + 2 * 80);
    assert_string_equal(middle + strlen(middle) - 3, "...");
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    diag_print(diag, false, &out);
    char caret[200];
    (void)snprintf(caret, sizeof(caret), "\n      | %83s^\n", "");
    assert_non_null(strstr(buf_text(&out), caret)); /* three dots, and 80 characters */
}

/* ---- what others put in ---- */

static void test_a_message_is_one_harmless_line(void **state)
{
    (void)state;
    AUTO(diag_destroy) struct diag *diag = diag_create();
    diag_error(diag, at("a\x1b]0;x\nb", 0, 0), "one\ntwo\x1b[2J\ttab \xff end");
    assert_printed(diag, "a?]0;x b: error: one two?[2J tab ? end\n");
}

static void test_a_long_message_is_cut(void **state)
{
    (void)state;
    AUTO(diag_destroy) struct diag *diag = diag_create();
    AUTO_BUF struct buf text = BUF_INIT(10000);
    for (int i = 0; i < 3000; i++) {
        buf_adds(&text, "\xe2\x82\xac");
    }
    diag_error(diag, at("a", 1, 1), "%s", buf_text(&text));
    size_t len = 0;
    const struct finding *findings = diag_findings(diag, &len);
    assert_int_equal(len, 1);
    assert_in_range(strlen(findings[0].text), ERR_TEXT_MAX - 4, ERR_TEXT_MAX - 1);
}

static void test_errors_become_findings(void **state)
{
    (void)state;
    AUTO(diag_destroy) struct diag *diag = diag_create();
    struct err err;
    (void)err_set(&err, ERR_IO, "no permission");
    diag_add_err(diag, "a.yaml", &err);
    diag_add_err(diag, NULL, &err);
    (void)err_at(&err, at("b.yaml", 2, 3), "bad");
    diag_add_err(diag, "a.yaml", &err);
    assert_printed(diag, "error: no permission\n"
                         "a.yaml: error: no permission\n"
                         "b.yaml:2:3: error: bad\n");
}

/* ---- limits ---- */

static void promise_10_the_first_are_kept_and_all_are_counted(void **state)
{
    (void)state;
    AUTO(diag_destroy) struct diag *diag = diag_create();
    for (unsigned i = 0; i < DIAG_MAX; i++) {
        diag_error(diag, at("b", 1000 - i, 1), "kept");
    }
    AUTO_BUF struct buf full = BUF_INIT(1 << 20);
    diag_print(diag, false, &full);
    assert_null(strstr(buf_text(&full), "more"));
    diag_error(diag, at("a", 1, 1), "dropped");
    diag_warning(diag, at("c", 1, 1), "dropped");
    diag_error(diag, at("b", 1000, 1), "kept"); /* known */
    assert_int_equal(diag_errors(diag), DIAG_MAX + 1);
    assert_int_equal(diag_warnings(diag), 1);
    assert_true(diag_file_has_errors(diag, "a"));
    assert_false(diag_file_has_errors(diag, "c"));
    size_t len = 0;
    (void)diag_findings(diag, &len);
    assert_int_equal(len, DIAG_MAX);
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    diag_print(diag, false, &out);
    assert_null(strstr(buf_text(&out), "dropped"));
    assert_string_equal(buf_text(&out) + out.len - 11, "and 2 more\n");
}

static void test_findings_are_appended(void **state)
{
    (void)state;
    AUTO(diag_destroy) struct diag *all = diag_create();
    struct diag *part = diag_create();
    diag_error(all, at("b", 1, 1), "same");
    diag_set_source(part, "a", "line", 4);
    diag_error(part, at("a", 1, 2), "shown");
    diag_error(part, at("b", 1, 1), "same");
    diag_warning(part, at("a", 1, 1), "warned");
    diag_append(all, part);
    diag_destroy(part);
    assert_int_equal(diag_errors(all), 2);
    assert_int_equal(diag_warnings(all), 1);
    assert_printed(all, "a:1:1: warning: warned\n    1 | line\n      | ^\n"
                        "a:1:2: error: shown\n    1 | line\n      |  ^\n"
                        "b:1:1: error: same\n");
}

static void test_what_was_dropped_is_appended_as_a_count(void **state)
{
    (void)state;
    AUTO(diag_destroy) struct diag *all = diag_create();
    AUTO(diag_destroy) struct diag *part = diag_create();
    for (unsigned i = 0; i < DIAG_MAX; i++) {
        diag_error(part, at("a", i + 1, 1), "kept");
    }
    diag_error(part, at("b", 1, 1), "dropped");
    diag_append(all, part);
    assert_int_equal(diag_errors(all), DIAG_MAX + 1);
    assert_true(diag_file_has_errors(all, "b"));
}

static void test_colours_are_there_when_asked_for(void **state)
{
    (void)state;
    AUTO(diag_destroy) struct diag *diag = diag_create();
    AUTO_BUF struct buf out = BUF_INIT(1000);
    diag_set_source(diag, "a", "x", 1);
    diag_error(diag, at("a", 1, 1), "e");
    diag_warning(diag, at("b", 1, 1), "w");
    diag_print(diag, true, &out);
    assert_string_equal(buf_text(&out), "\033[1ma:1:1:\033[0m \033[1;31merror:\033[0m e\n"
                                        "    1 | x\n      | \033[1;31m^\033[0m\n"
                                        "\033[1mb:1:1:\033[0m \033[1;33mwarning:\033[0m w\n");
}

/*
 * Words that a secret's key may have, and no key, on a line as long as a file may be. Found by
 * fuzzing: a look from each of them to the end is not over before the test's time is.
 */
static void promise_10_a_long_line_is_soon_shown(void **state)
{
    enum { LINE_LEN = 1 << 20 };
    static const char word[] = "_key";
    (void)state;
    AUTO(diag_destroy) struct diag *diag = diag_create();
    AUTO(xfree) char *line = xmalloc(LINE_LEN);
    for (size_t i = 0; i < LINE_LEN; i++) {
        line[i] = word[i % strlen(word)];
    }
    diag_set_source(diag, "a", line, LINE_LEN);
    diag_error(diag, at("a", 1, DIAG_COLUMN_MAX), "at the limit");
    diag_error(diag, at("a", 1, DIAG_COLUMN_MAX + 1), "one past it");
    size_t len = 0;
    const struct finding *findings = diag_findings(diag, &len);
    assert_int_equal(len, 2);
    assert_true(text_ends(findings[0].source, "_key_ke..."));
    assert_string_equal(findings[1].source, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_findings_come_sorted_and_once),
        cmocka_unit_test(test_a_warning_is_no_error),
        cmocka_unit_test(test_a_finding_shows_its_line),
        cmocka_unit_test(test_only_the_file_at_hand_shows_lines),
        cmocka_unit_test(test_a_long_line_is_cut_around_the_column),
        cmocka_unit_test(test_a_message_is_one_harmless_line),
        cmocka_unit_test(test_a_long_message_is_cut),
        cmocka_unit_test(test_errors_become_findings),
        cmocka_unit_test(promise_10_the_first_are_kept_and_all_are_counted),
        cmocka_unit_test(test_findings_are_appended),
        cmocka_unit_test(test_what_was_dropped_is_appended_as_a_count),
        cmocka_unit_test(test_colours_are_there_when_asked_for),
        cmocka_unit_test(promise_10_a_long_line_is_soon_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a line of the log looks like, whatever is put into it. Standard error goes to a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log.h"

#include "buf.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1 << 20, TIME_LEN = 20 };

/* ---- standard error, while a test writes to it ---- */

struct capture {
    FILE *file;
    int saved;
};

static void capture_begin(struct capture *capture)
{
    capture->file = tmpfile();
    assert_non_null(capture->file);
    (void)fflush(stderr);
    capture->saved = dup(STDERR_FILENO);
    assert_true(capture->saved >= 0);
    assert_true(dup2(fileno(capture->file), STDERR_FILENO) >= 0);
}

/* What was written goes into `out`. */
static void capture_end(struct capture *capture, struct buf *out)
{
    char block[4096];
    (void)fflush(stderr);
    assert_true(dup2(capture->saved, STDERR_FILENO) >= 0);
    (void)close(capture->saved);
    rewind(capture->file);
    for (size_t len = 0; (len = fread(block, 1, sizeof(block), capture->file)) > 0;) {
        (void)buf_add(out, block, len);
    }
    (void)fclose(capture->file);
    assert_false(out->overflowed);
}

static void write_fields(enum log_format format, const struct log_field *fields, size_t len,
                         struct buf *out)
{
    struct capture capture;
    capture_begin(&capture);
    log_configure(LOG_DEBUG, format);
    log_write(LOG_INFO, "tried", fields, len);
    capture_end(&capture, out);
}

/* A line with one value, in the format that people read; without its time. */
static void write_value(const char *text, struct buf *out)
{
    AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);
    const struct log_field field = LOG_STR("key", text);
    write_fields(LOG_TEXT, &field, 1, &line);
    assert_true(line.len > TIME_LEN);
    (void)buf_adds(out, buf_text(&line) + TIME_LEN);
}

/* ---- text ---- */

static void test_values_are_quoted_when_they_need_to_be(void **state)
{
    static const struct {
        const char *value, *shown;
    } rows[] = {
        { "etl", "etl" },
        { "1125-130016-ab12cd34", "1125-130016-ab12cd34" },
        { "/a/b.yaml", "/a/b.yaml" },
        { "caf\xc3\xa9", "caf\xc3\xa9" },
        { "", "\"\"" },
        { "two words", "\"two words\"" },
        { "a=b", "\"a=b\"" },
        { "say \"hi\"", "\"say \\\"hi\\\"\"" },
        { "back\\slash", "\"back\\\\slash\"" },
        { "x\nevent=forged", "\"x event=forged\"" },
        { "tab\there", "\"tab here\"" },
        { "\033[31mred", "\"\\\\u001b[31mred\"" },
        { "del\x7f", "\"del\\\\u007f\"" },
        { "csi\xc2\x9b"
          "31m",
          "\"csi\\\\u009b31m\"" },
        { "turn\xe2\x80\xae", "\"turn\\\\u202e\"" },
        { "bad\xff", "bad\xef\xbf\xbd" },
        { "\xf0\x9f", "\xef\xbf\xbd\xef\xbf\xbd" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);
        AUTO_BUF struct buf want = BUF_INIT(LINE_MAX_BYTES);
        (void)buf_addf(&want, " info  event=tried key=%s\n", rows[i].shown);
        write_value(rows[i].value, &line);
        assert_string_equal(buf_text(&line), buf_text(&want));
    }
}

static void test_every_byte_stays_in_its_line(void **state)
{
    (void)state;
    for (unsigned byte = 1; byte < 256; byte++) {
        AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);
        const char text[] = { 'a', (char)byte, 'b', '\0' };
        write_value(text, &line);
        for (size_t i = 0; i + 1 < line.len; i++) {
            unsigned char c = (unsigned char)line.data[i];
            if (c < ' ' || c == 0x7f) fail_msg("byte %u is written as %u", byte, c);
        }
        assert_int_equal(line.data[line.len - 1], '\n');
    }
}

static void test_fields_in_order_and_those_left_out(void **state)
{
    const struct log_field fields[] = {
        LOG_STR("cluster", "etl"), LOG_STR("absent", NULL),          LOG_NUM("took_ms", 812),
        LOG_NUM("zero", 0),        LOG_NUM("negative", INT64_MIN),   LOG_STR("empty", ""),
        LOG_STR("number", "7"),    LOG_NUM("everything", INT64_MAX),
    };
    AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);
    (void)state;
    write_fields(LOG_TEXT, fields, COUNT_OF(fields), &line);
    assert_string_equal(buf_text(&line) + TIME_LEN,
                        " info  event=tried cluster=etl took_ms=812 zero=0"
                        " negative=-9223372036854775808 empty=\"\" number=7"
                        " everything=9223372036854775807\n");
    assert_int_equal(line.data[TIME_LEN - 1], 'Z');
    assert_int_equal(line.data[10], 'T');
}

/* ---- JSON ---- */

static const char *read_back(struct arena *arena, const struct buf *line, const char *key)
{
    const struct value *value = NULL;
    struct err err;
    assert_int_equal(line->data[line->len - 1], '\n');
    if (!json_read(arena, line->data, line->len - 1, &value, &err)) {
        fail_msg("%s: %s", err.text, line->data);
    }
    return value_get_text(value, key);
}

static void test_json_is_json(void **state)
{
    static const char *const values[] = { "etl",         "",    "say \"hi\"", "back\\",
                                          "caf\xc3\xa9", "a=b", "two words",  "}{][,:" };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        const struct log_field fields[] = { LOG_STR("text", values[i]), LOG_STR("absent", NULL),
                                            LOG_NUM("took_ms", -3) };
        AUTO_ARENA struct arena arena = ARENA_INIT;
        AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);
        write_fields(LOG_JSON, fields, COUNT_OF(fields), &line);
        assert_string_equal(read_back(&arena, &line, "text"), values[i]);
        assert_string_equal(read_back(&arena, &line, "event"), "tried");
        assert_string_equal(read_back(&arena, &line, "level"), "info");
        assert_int_equal(strlen(read_back(&arena, &line, "time")), TIME_LEN);
        assert_null(read_back(&arena, &line, "absent"));
        assert_non_null(strstr(buf_text(&line), ",\"took_ms\":-3}\n"));
    }
}

static void test_json_of_every_byte(void **state)
{
    (void)state;
    for (unsigned byte = 1; byte < 256; byte++) {
        const char text[] = { 'a', (char)byte, 'b', '\0' };
        const struct log_field field = LOG_STR("text", text);
        AUTO_ARENA struct arena arena = ARENA_INIT;
        AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);
        write_fields(LOG_JSON, &field, 1, &line);
        const char *back = read_back(&arena, &line, "text");
        if (byte >= ' ' && byte < 0x7f) assert_string_equal(back, text);
    }
}

/* ---- length ---- */

/* The most that a line can hold, each byte of it escaped: still whole, in both formats. */
static void promise_10_very_long_values_are_cut_and_the_line_is_whole(void **state)
{
    enum { LONG = 100000 };
    struct log_field fields[LOG_FIELDS_MAX];
    AUTO(xfree) char *text = xmalloc(LONG + 1);
    (void)state;
    memset(text, '"', LONG);
    text[LONG] = '\0';
    for (size_t i = 0; i + 1 < LOG_FIELDS_MAX; i++) {
        fields[i] = LOG_STR("a_key_of_some_length", text);
    }
    fields[LOG_FIELDS_MAX - 1] = LOG_STR("last", "end");
    AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);
    write_fields(LOG_TEXT, fields, LOG_FIELDS_MAX, &line);
    assert_non_null(strstr(buf_text(&line), "...\" last=end\n"));
    assert_in_range(line.len, LOG_VALUE_MAX, LOG_FIELDS_MAX * (64 + 2 * LOG_VALUE_MAX));
    buf_clear(&line);
    fields[0] = LOG_STR("first", text);
    write_fields(LOG_JSON, fields, 1, &line);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *back = read_back(&arena, &line, "first");
    assert_in_range(strlen(back), LOG_VALUE_MAX - 8, LOG_VALUE_MAX);
    assert_string_equal(back + strlen(back) - 4, "\"...");
}

static void test_a_value_at_the_limit_is_not_cut(void **state)
{
    char text[LOG_VALUE_MAX + 2];
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        memset(text, 'x', sizeof(text));
        text[LOG_VALUE_MAX + more] = '\0';
        AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);
        write_value(text, &line);
        assert_int_equal(strstr(buf_text(&line), text) != NULL, more == 0);
        assert_int_equal(strstr(buf_text(&line), "x...\n") != NULL, more == 1);
    }
}

/* ---- levels, and where the line goes ---- */

static void test_levels(void **state)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    (void)state;
    for (size_t least = 0; least < COUNT_OF(names); least++) {
        enum log_level level = LOG_DEBUG;
        assert_true(log_level_from_name(names[least], &level));
        assert_int_equal(level, least);
        struct capture capture;
        AUTO_BUF struct buf out = BUF_INIT(LINE_MAX_BYTES);
        capture_begin(&capture);
        log_configure(level, LOG_TEXT);
        for (size_t i = 0; i < COUNT_OF(names); i++) {
            log_event((enum log_level)i, names[i], LOG_NUM("n", (int64_t)i));
        }
        capture_end(&capture, &out);
        for (size_t i = 0; i < COUNT_OF(names); i++) {
            char word[64];
            (void)snprintf(word, sizeof(word), " %-5s event=%s n=%zu\n", names[i], names[i], i);
            assert_int_equal(strstr(buf_text(&out), word) != NULL, i >= least);
        }
    }
}

static void test_names_of_no_level(void **state)
{
    static const char *const names[] = { "", "INFO", "warning", "inf", "info " };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        enum log_level level = LOG_ERROR;
        assert_false(log_level_from_name(names[i], &level));
        assert_int_equal(level, LOG_ERROR);
    }
}

/* NOLINTBEGIN(concurrency-mt-unsafe): one thread */
static void write_to_journal(bool is_it, enum log_format format, struct buf *out)
{
    struct capture capture;
    struct stat info;
    char stream[64];
    capture_begin(&capture);
    assert_int_equal(fstat(STDERR_FILENO, &info), 0);
    (void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)info.st_dev,
                   (unsigned long long)info.st_ino + (is_it ? 0 : 1));
    assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
    log_configure(LOG_DEBUG, format);
    log_event(LOG_DEBUG, "a", LOG_NUM("n", 1));
    log_event(LOG_INFO, "b", LOG_NUM("n", 1));
    log_event(LOG_WARN, "c", LOG_NUM("n", 1));
    log_event(LOG_ERROR, "d", LOG_NUM("n", 1));
    assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
    capture_end(&capture, out);
}
/* NOLINTEND(concurrency-mt-unsafe) */

static void test_journald_is_told_the_priority(void **state)
{
    AUTO_BUF struct buf out = BUF_INIT(LINE_MAX_BYTES);
    (void)state;
    write_to_journal(true, LOG_TEXT, &out);
    assert_string_equal(buf_text(&out),
                        "<7>event=a n=1\n<6>event=b n=1\n<4>event=c n=1\n<3>event=d n=1\n");
    buf_clear(&out);
    write_to_journal(true, LOG_JSON, &out);
    assert_ptr_equal(strstr(buf_text(&out), "<7>{\"time\":\""), out.data);
}

/* The variable is inherited by what a shell starts; the file that stderr went to is no journal. */
static void test_another_stream_is_no_journal(void **state)
{
    AUTO_BUF struct buf out = BUF_INIT(LINE_MAX_BYTES);
    (void)state;
    write_to_journal(false, LOG_TEXT, &out);
    assert_null(strstr(buf_text(&out), "<7>"));
    assert_non_null(strstr(buf_text(&out), " debug event=a n=1\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_quoted_when_they_need_to_be),
        cmocka_unit_test(test_every_byte_stays_in_its_line),
        cmocka_unit_test(test_fields_in_order_and_those_left_out),
        cmocka_unit_test(test_json_is_json),
        cmocka_unit_test(test_json_of_every_byte),
        cmocka_unit_test(promise_10_very_long_values_are_cut_and_the_line_is_whole),
        cmocka_unit_test(test_a_value_at_the_limit_is_not_cut),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_names_of_no_level),
        cmocka_unit_test(test_journald_is_told_the_priority),
        cmocka_unit_test(test_another_stream_is_no_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "log.h"

#include "buf.h"
#include "clock.h"
#include "json.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOG_LINE_MAX = 8192 };

static const struct {
    const char *name;
    const char *priority; /* as journald reads it */
} levels[] = {
    [LOG_DEBUG] = { "debug", "<7>" },
    [LOG_INFO] = { "info", "<6>" },
    [LOG_WARN] = { "warn", "<4>" },
    [LOG_ERROR] = { "error", "<3>" },
};

/* The log is the one thing of the process that everybody may speak to. */
static struct {
    enum log_level level;
    enum log_format format;
    bool under_journald;
} config = { .level = LOG_INFO };

void log_configure(enum log_level level, enum log_format format)
{
    config.level = level;
    config.format = format;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): once, at the start */
    config.under_journald = getenv("JOURNAL_STREAM") != NULL && isatty(STDERR_FILENO) != 1;
}

bool log_level_from_name(const char *name, enum log_level *ret_level)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        if (!text_equal(levels[i].name, name)) continue;
        *ret_level = (enum log_level)i;
        return true;
    }
    return false;
}

static bool is_plain(const char *text)
{
    if (text[0] == '\0') return false;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) return false;
    }
    return true;
}

static void add_text(struct buf *line, const struct log_field *field)
{
    buf_addf(line, " %s=", field->key);
    if (field->is_number) {
        buf_addf(line, "%lld", (long long)field->number);
    } else if (is_plain(field->text)) {
        buf_adds(line, field->text);
    } else {
        json_write_text(field->text, line);
    }
}

static void add_json(struct buf *line, const struct log_field *field)
{
    buf_addc(line, ',');
    json_write_text(field->key, line);
    buf_addc(line, ':');
    if (field->is_number) {
        buf_addf(line, "%lld", (long long)field->number);
    } else {
        json_write_text(field->text, line);
    }
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t len)
{
    if (level < config.level) return;
    char time[TEXT_TIME_SIZE];
    text_from_wall_ms(clock_wall_ms(), time);
    AUTO_BUF struct buf line = BUF_INIT(LOG_LINE_MAX);
    bool json = config.format == LOG_JSON;
    if (config.under_journald) buf_adds(&line, levels[level].priority);
    if (json) {
        buf_addf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", time,
                 levels[level].name, event);
    } else if (config.under_journald) {
        buf_addf(&line, "event=%s", event); /* journald has time and level of its own */
    } else {
        buf_addf(&line, "%s %-5s event=%s", time, levels[level].name, event);
    }
    for (size_t i = 0; i < len; i++) {
        if (!fields[i].is_number && fields[i].text == NULL) continue;
        (json ? add_json : add_text)(&line, &fields[i]);
    }
    if (json) buf_addc(&line, '}');
    (void)fprintf(stderr, "%s\n", buf_text(&line));
}

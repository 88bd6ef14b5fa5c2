#include "log.h"

#include "buf.h"
#include "clock.h"
#include "json.h"
#include "oneline.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Room for every field at its limit, each of its bytes escaped: a line is never cut in two. */
enum { FIELD_MAX = 64 + 2 * LOG_VALUE_MAX, LOG_LINE_MAX = (LOG_FIELDS_MAX + 1) * FIELD_MAX };

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

/* JOURNAL_STREAM is inherited; only where it names what standard error is, journald reads it. */
static bool is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM"); /* NOLINT(concurrency-mt-unsafe): at the start */
    struct stat is;
    if (stream == NULL || fstat(fd, &is) != 0) return false;
    char name[64];
    (void)snprintf(name, sizeof(name), "%llu:%llu", (unsigned long long)is.st_dev,
                   (unsigned long long)is.st_ino);
    return text_equal(stream, name);
}

void log_configure(enum log_level level, enum log_format format)
{
    config.level = level;
    config.format = format;
    config.under_journald = is_journal(STDERR_FILENO);
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

static void add_field(struct buf *line, const struct log_field *field, bool json)
{
    buf_addf(line, json ? ",\"%s\":" : " %s=", field->key);
    if (field->is_number) {
        buf_addf(line, "%lld", (long long)field->number);
        return;
    }
    AUTO_BUF struct buf value = BUF_INIT(LOG_VALUE_MAX);
    oneline_add(&value, field->text, LOG_VALUE_MAX);
    if (!json && is_plain(buf_text(&value))) {
        buf_adds(line, buf_text(&value));
    } else {
        json_write_text(buf_text(&value), line);
    }
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t len)
{
    assert(len <= LOG_FIELDS_MAX);
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
        add_field(&line, &fields[i], json);
    }
    if (json) buf_addc(&line, '}');
    (void)fprintf(stderr, "%s\n", buf_text(&line));
}

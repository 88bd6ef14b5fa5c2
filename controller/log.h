/*
 * log: one line a fact, key=value, to standard error. Only the controller logs; below it errors
 * return. Under systemd lines begin with the priority that journald reads (<6>).
 *
 *   event=step_done cluster=etl-nightly step=create took_ms=812 id=1125-130016-ab12cd34
 */
#ifndef CLUSTERKEEPER_LOG_H
#define CLUSTERKEEPER_LOG_H

#include "err.h"

#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

void log_configure(enum log_level level, enum log_format format);
bool log_level_from_name(const char *name, enum log_level *ret_level);

enum { LOG_FIELDS_MAX = 12, LOG_VALUE_MAX = 2048 };

/*
 * A field of a line. NULL leaves it out. The value may come from strangers: it is made one line
 * without control characters (oneline.h), cut to LOG_VALUE_MAX bytes, and quoted when it needs to
 * be.
 */
struct log_field {
    const char *key;
    const char *text;
    int64_t number;
    bool is_number;
};
#define LOG_STR(k, v) ((struct log_field){ .key = (k), .text = (v) })
#define LOG_NUM(k, v) ((struct log_field){ .key = (k), .number = (v), .is_number = true })

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t len);
/* log_event(LOG_INFO, "listed", LOG_NUM("clusters", n)); 1 to LOG_FIELDS_MAX fields. */
#define log_event(level, event, ...)                                       \
    log_write((level), (event), (const struct log_field[]){ __VA_ARGS__ }, \
              sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field))

#endif

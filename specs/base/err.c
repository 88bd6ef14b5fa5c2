#include "err.h"

#include <stdarg.h>
#include <stdio.h>

static const struct err_row {
    const char *name;
    enum err_retry retry;
} rows[] = {
    [ERR_NONE] = { "none", RETRY_NEVER },
    [ERR_USAGE] = { "usage", RETRY_NEVER },
    [ERR_MANIFEST] = { "manifest", RETRY_NEVER },
    [ERR_LIMIT] = { "limit", RETRY_NEVER },
    [ERR_IO] = { "io", RETRY_LATER },
    [ERR_FULL] = { "disk-full", RETRY_LATER },
    [ERR_READONLY] = { "read-only", RETRY_NEVER },
    [ERR_LOCKED] = { "locked", RETRY_NEVER },
    [ERR_CORRUPT] = { "corrupt", RETRY_NEVER },
    [ERR_NEWER] = { "newer", RETRY_NEVER },
    [ERR_REFUSED] = { "refused", RETRY_LATER },
    [ERR_NETWORK] = { "network", RETRY_LOOK },
    [ERR_TIMEOUT] = { "timeout", RETRY_LOOK },
    [ERR_THROTTLED] = { "throttled", RETRY_LATER },
    [ERR_QUOTA] = { "quota", RETRY_LATER },
    [ERR_BUSY] = { "busy", RETRY_LATER },
    [ERR_SERVER] = { "server", RETRY_LOOK },
    [ERR_PROTOCOL] = { "protocol", RETRY_LOOK },
    [ERR_AUTH] = { "unauthenticated", RETRY_NEVER },
    [ERR_DENIED] = { "denied", RETRY_NEVER },
    [ERR_REJECTED] = { "rejected", RETRY_NEVER },
    [ERR_STATE] = { "invalid-state", RETRY_LOOK },
    [ERR_NOT_FOUND] = { "not-found", RETRY_NEVER },
    [ERR_CANCELLED] = { "cancelled", RETRY_LOOK },
};

PRINTF(3, 0)
static void fill(struct err *err, enum err_code code, const char *fmt, va_list args)
{
    err->code = code;
    err->pos = (struct pos){ 0 };
    err->retry_after_ms = 0;
    if (vsnprintf(err->text, sizeof(err->text), fmt, args) < 0) err->text[0] = '\0';
}

bool err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, code, fmt, args);
    va_end(args);
    return false;
}

bool err_at(struct err *err, struct pos pos, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fill(err, ERR_MANIFEST, fmt, args);
    va_end(args);
    err->pos = pos;
    return false;
}

bool err_wrap(struct err *err, const char *fmt, ...)
{
    char context[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(context, sizeof(context), fmt, args);
    va_end(args);
    if (len < 0) return false;
    /* The context takes at most half, so that some of the cause is always left to read. */
    size_t used = (size_t)len < ERR_TEXT_MAX / 2 ? (size_t)len : ERR_TEXT_MAX / 2;
    size_t kept = strnlen(err->text, ERR_TEXT_MAX - 1);
    if (kept > ERR_TEXT_MAX - 3 - used) kept = ERR_TEXT_MAX - 3 - used;
    memmove(err->text + used + 2, err->text, kept);
    memcpy(err->text, context, used);
    memcpy(err->text + used, ": ", 2);
    err->text[used + 2 + kept] = '\0';
    return false;
}

const char *err_code_name(enum err_code code)
{
    return rows[code].name;
}

enum err_retry err_code_retry(enum err_code code)
{
    return rows[code].retry;
}

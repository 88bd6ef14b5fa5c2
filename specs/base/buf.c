#include "buf.h"

#include <assert.h>
#include <stdio.h>

void buf_release(struct buf *buf)
{
    xfree(buf->data);
    *buf = BUF_INIT(buf->max);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->overflowed = false;
    if (buf->data != NULL) buf->data[0] = '\0';
}

/* Room for `len` more bytes and a NUL. */
static bool reserve(struct buf *buf, size_t len)
{
    assert(buf->len <= buf->max);
    if (buf->overflowed || len > buf->max - buf->len) {
        buf->overflowed = true;
        return false;
    }
    size_t needed = buf->len + len + 1;
    if (needed <= buf->cap) return true;
    size_t cap = buf->cap == 0 ? 256 : buf->cap * 2;
    if (cap < needed) cap = needed;
    buf->data = xrealloc(buf->data, cap);
    buf->cap = cap;
    return true;
}

bool buf_add(struct buf *buf, const char *data, size_t len)
{
    if (!reserve(buf, len)) return false;
    if (len != 0) memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return true;
}

bool buf_adds(struct buf *buf, const char *text)
{
    return buf_add(buf, text, strlen(text));
}

bool buf_addc(struct buf *buf, char c)
{
    if (!reserve(buf, 1)) return false;
    buf->data[buf->len++] = c;
    buf->data[buf->len] = '\0';
    return true;
}

bool buf_vaddf(struct buf *buf, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    bool done = len >= 0 && reserve(buf, (size_t)len);
    if (done) {
        (void)vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, again);
        buf->len += (size_t)len;
    }
    va_end(again);
    return done;
}

bool buf_addf(struct buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    bool done = buf_vaddf(buf, fmt, args);
    va_end(args);
    return done;
}

bool buf_ok(const struct buf *buf, const char *what, struct err *err)
{
    if (!buf->overflowed) return true;
    return err_set(err, ERR_LIMIT, "%s is limited to %zu bytes", what, buf->max);
}

const char *buf_text(const struct buf *buf)
{
    return buf->data == NULL ? "" : buf->data;
}

char *buf_take(struct buf *buf)
{
    char *data = buf->data == NULL ? xstrdup("") : buf->data;
    *buf = BUF_INIT(buf->max);
    return data;
}

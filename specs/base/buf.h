/*
 * buf: bytes that grow up to a stated maximum.
 *
 * A buffer cannot be made without its maximum, so that no answer, file or message can eat the
 * machine. Past the maximum the buffer keeps what it has, remembers that it overflowed, and every
 * later append fails; check once at the end with buf_ok. The text is always NUL-terminated.
 */
#ifndef CLUSTERKEEPER_BUF_H
#define CLUSTERKEEPER_BUF_H

#include "err.h"

#include <stdarg.h>

struct buf {
    char *data; /* NUL-terminated once anything was added; NULL before */
    size_t len; /* without the NUL */
    size_t cap;
    size_t max;
    bool overflowed;
};

#define BUF_INIT(limit) ((struct buf){ .max = (limit) })

void buf_release(struct buf *buf); /* contents gone; the maximum stays */
void buf_clear(struct buf *buf);   /* length 0; keeps the memory */

/* Append; false once the maximum was exceeded. The results may be ignored until buf_ok. */
bool buf_add(struct buf *buf, const char *data, size_t len);
bool buf_adds(struct buf *buf, const char *text);
bool buf_addc(struct buf *buf, char c);
bool buf_addf(struct buf *buf, const char *fmt, ...) PRINTF(2, 3);
bool buf_vaddf(struct buf *buf, const char *fmt, va_list args) PRINTF(2, 0);

/* ERR_LIMIT naming `what` when the buffer overflowed. */
MUST_CHECK bool buf_ok(const struct buf *buf, const char *what, struct err *err);

/* The text, "" when empty. Borrowed until the next append. */
const char *buf_text(const struct buf *buf);
/* The text is yours now (free with xfree); the buffer is empty. Never NULL. */
char *buf_take(struct buf *buf);

static inline void buf_release_at(struct buf *buf)
{
    buf_release(buf);
}
/* AUTO_BUF struct buf out = BUF_INIT(MAX); */
#define AUTO_BUF __attribute__((cleanup(buf_release_at)))

#endif

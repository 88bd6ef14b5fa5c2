/*
 * base64: RFC 4648, 4. Pure.
 */
#ifndef CLUSTERKEEPER_BASE64_H
#define CLUSTERKEEPER_BASE64_H

#include "buf.h"

/* Appends, with padding. */
void base64_encode(const void *data, size_t len, struct buf *out);
/* Appends what `text` stands for; padding may be left out. False: it is not base64. */
MUST_CHECK bool base64_decode(const char *text, size_t len, struct buf *out);

#endif

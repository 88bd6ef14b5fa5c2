/*
 * http_headers: reads what http_call.headers holds. Pure.
 */
#ifndef CLUSTERKEEPER_HTTP_HEADERS_H
#define CLUSTERKEEPER_HTTP_HEADERS_H

#include "arena.h"
#include "buf.h"

/*
 * The value of `name` (in lower case); of several headers of that name, all their values, one a
 * line. NULL: there is none.
 */
const char *http_header(struct arena *arena, const struct buf *headers, const char *name);

#endif

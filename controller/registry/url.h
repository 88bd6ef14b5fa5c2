/*
 * url: the addresses that a registry hands out: token realms and redirects. Pure; hostile input.
 * Facts: container-registry.md 1.9, 8.4, 11.
 */
#ifndef CLUSTERKEEPER_URL_H
#define CLUSTERKEEPER_URL_H

#include "arena.h"
#include "buf.h"
#include "err.h"

enum { URL_TEXT_MAX = 8192 };

struct url {
    bool is_https;
    const char *host; /* in lower case; an IPv6 address in its brackets */
    unsigned port;
    const char *path; /* "/..." with its query, without a fragment */
};

/* http or https, without a user, without blanks or control characters. ERR_REJECTED; not quoted. */
MUST_CHECK bool url_parse(struct arena *arena, const char *text, struct url *ret_url,
                          struct err *err);
/* What `location` means in an answer to a request of `base`; NULL when it means nothing. */
const char *url_resolve(struct arena *arena, const char *base, const char *location);
/* Both parse, and scheme, host and port are the same. */
bool url_same_origin(const char *a, const char *b);
/* "localhost", 127.0.0.0/8, [::1]; `host` may have a port behind it. */
bool url_is_loopback(const char *host);

/*
 * Whether a registry at `registry_url` may send us to `target`: https, or http where the registry
 * itself is reached by http; never to an address of this machine or of its network (loopback,
 * private, link-local, unspecified, the clouds' metadata) but to the registry's own host and port,
 * or where the registry itself is on a loopback address. ERR_DENIED with the reason.
 */
MUST_CHECK bool url_check_target(const char *target, const char *registry_url, struct err *err);

/* Appends `text` percent-encoded, as one value of a query. */
void url_encode(const char *text, struct buf *out);

#endif

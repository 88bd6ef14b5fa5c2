/*
 * challenge: the WWW-Authenticate header of a registry. Pure; the text is hostile.
 * Facts: container-registry.md 8.1; RFC 9110, 11.6.1; RFC 6750, 3.
 */
#ifndef CLUSTERKEEPER_CHALLENGE_H
#define CLUSTERKEEPER_CHALLENGE_H

#include "arena.h"
#include "err.h"

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

/* Strings live in the arena; NULL where the header does not say. */
struct challenge {
    enum challenge_scheme scheme;
    const char *realm;
    const char *service;
    const char *scope;
    const char *error; /* "insufficient_scope", "invalid_token" */
};

/*
 * The first Basic or Bearer challenge in the values of all WWW-Authenticate headers (`values`, one
 * a line), Bearer before Basic where both are offered, since repository-scoped tokens work through
 * Bearer only. Others (Negotiate, Digest) are passed over; CHALLENGE_NONE when there is none.
 * Schemes and names without regard to case; quoted values with backslash escapes, or bare tokens.
 */
void challenge_parse(struct arena *arena, const char *values, struct challenge *ret_challenge);

/*
 * Whether credentials may be sent to `realm` for a registry at `registry_url`
 * ("https://reg.example:5000"): https, or http where the registry itself is reached by http; no
 * user in it; no loopback, private, link-local or unspecified address literal unless it is the
 * registry's own host and port, or both are on this machine. ERR_DENIED with the reason. Facts:
 * container-registry.md 8.4.
 */
MUST_CHECK bool challenge_check_realm(const char *realm, const char *registry_url, struct err *err);

#endif

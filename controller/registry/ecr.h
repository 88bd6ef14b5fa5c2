/*
 * ecr: the login of an Amazon ECR registry, made from AWS credentials by one signed call.
 *
 * One call for a region, however many images wait; its answer serves for 80 % of its life. AWS
 * credentials are looked for anew each time (aws_key.h: environment, profile, container, machine)
 * and are wiped once the call has ended. Facts: container-registry.md 9.2.
 */
#ifndef CLUSTERKEEPER_ECR_H
#define CLUSTERKEEPER_ECR_H

#include "registry.h"

/* What the name of a private registry says. */
struct ecr_place {
    const char *account, *region;
    const char *domain; /* "amazonaws.com", "amazonaws.com.cn" */
    bool is_fips;
};
bool ecr_place_parse(struct arena *arena, const char *host, struct ecr_place *ret_place);
/* Where its API is. */
const char *ecr_api_url(struct arena *arena, const struct ecr_place *place);

/* The answer of GetAuthorizationToken. */
struct ecr_answer {
    const char *basic; /* what stands behind "Basic" */
    int64_t life_ms;   /* how long from `wall_ms` on it is good */
};
MUST_CHECK bool ecr_read_answer(struct arena *arena, const struct buf *text, int64_t wall_ms,
                                struct ecr_answer *ret_answer, struct err *err);

struct ecr; /* opaque */

struct ecr *ecr_create(const struct port *port, const struct registry_config *config);
void ecr_destroy(struct ecr *ecr); /* nothing may be in flight; NULL is fine */
size_t ecr_pending(const struct ecr *ecr);
void ecr_cancel_all(struct ecr *ecr);

enum ecr_state { ECR_WAIT, ECR_READY, ECR_FAILED };
/*
 * The login for `host`; begins to make it where there is none. `ret_value` ("Basic ...") is
 * borrowed until the next turn. When it failed: ERR_NOT_FOUND, no AWS credentials here;
 * ERR_AUTH, AWS does not take them; else AWS was not reached. A failure stands for a minute.
 */
enum ecr_state ecr_login(struct ecr *ecr, const char *host, const char **ret_value,
                         struct err *err);
/* The registry did not take it: make another. */
void ecr_drop(struct ecr *ecr, const char *host);

#endif

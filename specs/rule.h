/*
 * rule: what the rules have in common. rules.c holds the table and the rules about size, machines,
 * clouds and tags; rules_container.c those about the image, its registry and the scripts.
 */
#ifndef CLUSTERKEEPER_RULE_H
#define CLUSTERKEEPER_RULE_H

#include "rules.h"

/* What a rule looks at. */
struct subject {
    const struct manifest *manifest;
    const struct value *spec;
    struct diag *diag;
    const struct image_ref *image; /* NULL: no docker_image.url, or not a reference */
    const char *image_error;       /* why it is none; NULL: it is one, or there is no url */
    bool has_errors;               /* already: what seems to be missing may be what was refused */
    bool has_policy;               /* a policy may supply what is missing (databricks-api.md 1.6) */
    bool has_pool;
    bool has_container;
};

typedef void (*rule_fn)(const struct subject *subject);

/* Where `map` has `key`; the map's own place when it has not. */
struct pos key_pos(const struct value *map, const char *key);
/* Where the value of `key` is. */
struct pos member_pos(const struct value *map, const char *key);
/* True for a member that is `true`. */
bool is_true(const struct value *map, const char *key);
/* "15.4.x-scala2.12" is 15, 4; false for forms that we do not know, such as custom ones. */
bool runtime_version(const char *spark_version, int64_t *ret_major, int64_t *ret_minor);

void rule_image(const struct subject *subject);
void rule_credentials(const struct subject *subject);
void rule_container_runtime(const struct subject *subject);
void rule_container_access(const struct subject *subject);
void rule_container_machines(const struct subject *subject);
void rule_init_scripts(const struct subject *subject);
void rule_log_delivery(const struct subject *subject);

#endif

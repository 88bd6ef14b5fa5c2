#include "rule.h"

#include "text.h"

/* ---- The image: 8.2 ------------------------------------------------------------------------- */

static const struct value *docker_image(const struct subject *s)
{
    return value_get(s->spec, "docker_image");
}

/* 8.3: the image is pulled at each launch of a node, so that a tag that moves splits a cluster. */
void rule_image(const struct subject *s)
{
    if (s->image == NULL && s->image_error == NULL) return;
    struct pos pos = member_pos(docker_image(s), "url");
    if (s->image == NULL) {
        diag_error(s->diag, pos, "url: not an image reference: %s", s->image_error);
        return;
    }
    if (s->image->digest != NULL || !text_equal(s->image->tag, "latest")) return;
    diag_warning(s->diag, pos,
                 "url: %s; each node pulls the image when it starts, so nodes of one "
                 "cluster may come to run different images; name a version or a digest",
                 s->image->tag_written ? "the tag 'latest' moves"
                                       : "without a tag 'latest' is taken");
}

/* What 8.2 says about basic_auth for a kind of registry. */
enum auth_need { AUTH_FREE, AUTH_NONE, AUTH_PROFILE, AUTH_NEEDED };

static enum auth_need auth_need(enum registry_kind kind)
{
    switch (kind) {
    case REGISTRY_ECR_PUBLIC:
        return AUTH_NONE;
    case REGISTRY_ECR:
        return AUTH_PROFILE;
    case REGISTRY_ACR:
        return AUTH_NEEDED;
    case REGISTRY_DOCKER_HUB:
    case REGISTRY_GHCR:
    case REGISTRY_GOOGLE:
    case REGISTRY_QUAY:
    case REGISTRY_OTHER:
        break;
    }
    return AUTH_FREE;
}

/* container-registry.md 1.11: these names go with passwords that end within hours. */
static void check_username(const struct subject *s, const struct value *auth)
{
    static const char *const short_lived[] = { "AWS", "oauth2accesstoken", "_token",
                                               "00000000-0000-0000-0000-000000000000" };
    const struct value *username = value_get(auth, "username");
    if (username == NULL || username->kind != VALUE_SECRET) return;
    if (username->source != SECRET_LITERAL) return;
    for (size_t i = 0; i < COUNT_OF(short_lived); i++) {
        if (strcmp(username->text, short_lived[i]) != 0) continue;
        diag_warning(s->diag, username->pos,
                     "username: '%s' goes with a password that expires within hours; a later start "
                     "of the cluster could not pull its image",
                     short_lived[i]);
    }
}

void rule_credentials(const struct subject *s)
{
    const struct value *auth = value_get(docker_image(s), "basic_auth");
    check_username(s, auth);
    if (s->image == NULL) return;

    const char *registry = registry_kind_name(s->image->kind);
    const struct value *aws = value_get(s->spec, "aws_attributes");
    bool has_profile = value_get(aws, "instance_profile_arn") != NULL;
    enum auth_need need = auth_need(s->image->kind);
    if (need == AUTH_NONE && auth != NULL) {
        diag_error(s->diag, key_pos(docker_image(s), "basic_auth"),
                   "basic_auth: %s takes no credentials; leave it out", registry);
    }
    if (need == AUTH_PROFILE && auth != NULL) {
        diag_warning(s->diag, key_pos(docker_image(s), "basic_auth"),
                     "basic_auth: passwords of %s expire after 12 hours; leave it out and name an "
                     "aws_attributes.instance_profile_arn that may read the repository",
                     registry);
    }
    if (need == AUTH_PROFILE && auth == NULL && !has_profile && !s->has_policy) {
        diag_error(s->diag, member_pos(docker_image(s), "url"),
                   "url: images in %s need aws_attributes.instance_profile_arn, a profile that may "
                   "read the repository",
                   registry);
    }
    if (need == AUTH_NEEDED && auth == NULL) {
        diag_warning(s->diag, member_pos(docker_image(s), "url"),
                     "url: %s needs basic_auth, the ID and password of a service principal, unless "
                     "the registry lets everybody pull",
                     registry);
    }
}

/* ---- What a container runs on: 8.1 ---------------------------------------------------------- */

void rule_container_runtime(const struct subject *s)
{
    enum { MAJOR_MIN = 6, MINOR_MIN = 1 };
    static const struct {
        const char *mark, *what;
    } variants[] = {
        { "-ml-", "Databricks Runtime ML" },
        { "-hls-", "Databricks Runtime for Genomics" },
        { "-aarch64-", "a runtime for ARM machines" },
    };
    int64_t major = 0;
    int64_t minor = 0;
    const char *version = value_get_text(s->spec, "spark_version");
    if (!s->has_container) return;
    if (is_true(s->spec, "use_ml_runtime")) {
        diag_error(s->diag, key_pos(s->spec, "use_ml_runtime"),
                   "use_ml_runtime: Databricks Runtime ML does not run custom containers; put the "
                   "libraries into the image");
    }
    if (version == NULL) return;
    struct pos pos = member_pos(s->spec, "spark_version");
    for (size_t i = 0; i < COUNT_OF(variants); i++) {
        if (strstr(version, variants[i].mark) == NULL) continue;
        diag_error(s->diag, pos,
                   "spark_version: '%s' is %s, which does not run custom containers; "
                   "take the standard runtime of that version",
                   variants[i].mark, variants[i].what);
    }
    if (!runtime_version(version, &major, &minor)) return;
    if (major > MAJOR_MIN || (major == MAJOR_MIN && minor >= MINOR_MIN)) return;
    diag_error(s->diag, pos, "spark_version: custom containers need runtime %d.%d or later",
               MAJOR_MIN, MINOR_MIN);
}

/* Dedicated or no isolation; a beta for standard mode exists, which we cannot tell from here. */
void rule_container_access(const struct subject *s)
{
    static const char *const good[] = { "SINGLE_USER", "NONE", "LEGACY_SINGLE_USER",
                                        "LEGACY_SINGLE_USER_STANDARD" };
    const char *mode = value_get_text(s->spec, "data_security_mode");
    if (!s->has_container || mode == NULL) return;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        if (strcmp(good[i], mode) == 0) return;
    }
    struct pos pos = member_pos(s->spec, "data_security_mode");
    if (strcmp(mode, "DATA_SECURITY_MODE_AUTO") == 0) {
        diag_warning(s->diag, pos,
                     "data_security_mode: the workspace may pick a mode that does not run custom "
                     "containers; SINGLE_USER and NONE do");
        return;
    }
    char quote[FIELD_QUOTE_SIZE];
    diag_error(s->diag, pos,
               "data_security_mode: custom containers do not run in %s; SINGLE_USER "
               "(dedicated) and NONE work",
               field_quote(mode, quote));
}

/* m6g.large, c7gn.4xlarge, im4gn.xlarge, g5g.xlarge: a 'g' right behind the generation. */
static bool is_graviton(const char *node_type)
{
    size_t family = strspn(node_type, "abcdefghijklmnopqrstuvwxyz");
    size_t generation = strspn(node_type + family, "0123456789");
    const char *attributes = node_type + family + generation;
    bool is_aws = family > 0 && generation > 0 && strchr(attributes, '.') != NULL;
    return is_aws && attributes[0] == 'g';
}

void rule_container_machines(const struct subject *s)
{
    static const char *const keys[] = { "node_type_id", "driver_node_type_id" };
    for (size_t i = 0; s->has_container && i < COUNT_OF(keys); i++) {
        const char *node_type = value_get_text(s->spec, keys[i]);
        if (node_type == NULL || !is_graviton(node_type)) continue;
        char quote[FIELD_QUOTE_SIZE];
        diag_warning(s->diag, member_pos(s->spec, keys[i]),
                     "%s: '%s' looks like an ARM (Graviton) machine, which does not run custom "
                     "containers",
                     keys[i], field_quote(node_type, quote));
    }
}

/* ---- Files outside: 2.3, 8.5 ---------------------------------------------------------------- */

/* How a destination of each kind begins. */
static const struct {
    const char *kind, *prefix;
} destinations[] = {
    { "workspace", "/" }, { "volumes", "/Volumes/" }, { "s3", "s3://" },    { "abfss", "abfss://" },
    { "gcs", "gs://" },   { "dbfs", "dbfs:/" },       { "file", "file:/" },
};

static void check_destination(const struct subject *s, const struct member *place)
{
    const char *destination = value_get_text(place->value, "destination");
    for (size_t i = 0; destination != NULL && i < COUNT_OF(destinations); i++) {
        if (strcmp(destinations[i].kind, place->key) != 0) continue;
        if (text_starts(destination, destinations[i].prefix)) continue;
        char quote[FIELD_QUOTE_SIZE];
        diag_error(s->diag, member_pos(place->value, "destination"),
                   "destination: want a path that begins with '%s', got '%s'",
                   destinations[i].prefix, field_quote(destination, quote));
    }
    if (strcmp(place->key, "s3") != 0) return;
    if (value_get(place->value, "region") != NULL) return;
    if (value_get(place->value, "endpoint") != NULL) return;
    diag_warning(s->diag, place->pos, "s3: write the region of the bucket, or an endpoint");
}

static void check_script(const struct subject *s, const struct member *script)
{
    check_destination(s, script);
    if (strcmp(script->key, "file") == 0 && !s->has_container) {
        diag_error(s->diag, script->pos,
                   "file: names a file inside the image, and there is no docker_image");
    }
    if (strcmp(script->key, "dbfs") == 0) {
        diag_warning(s->diag, script->pos,
                     "dbfs: at its end of life for init scripts, and refused "
                     "by new workspaces; move the script to workspace or volumes");
    }
    if (strcmp(script->key, "local") == 0 &&
        text_equal(value_get_text(script->value, "source"), "")) {
        diag_error(s->diag, member_pos(script->value, "source"), "source: want the path of a file");
    }
}

void rule_init_scripts(const struct subject *s)
{
    enum { SCRIPTS_MAX = 10 };
    const struct value *scripts = value_get(s->spec, "init_scripts");
    if (scripts == NULL || scripts->kind != VALUE_LIST) return;
    if (scripts->len > SCRIPTS_MAX) {
        diag_warning(s->diag, key_pos(s->spec, "init_scripts"),
                     "init_scripts: %zu scripts; more than %d may be refused", scripts->len,
                     SCRIPTS_MAX);
    }
    for (size_t i = 0; i < scripts->len; i++) {
        const struct value *script = scripts->u.items[i];
        if (script->len == 1) check_script(s, &script->u.members[0]);
    }
}

/* 2.3: delivery to S3 without an instance profile is refused by the backend. */
void rule_log_delivery(const struct subject *s)
{
    const struct value *conf = value_get(s->spec, "cluster_log_conf");
    if (conf == NULL || conf->kind != VALUE_MAP || conf->len != 1) return;
    const struct member *place = &conf->u.members[0];
    check_destination(s, place);
    const struct value *aws = value_get(s->spec, "aws_attributes");
    bool has_profile = value_get(aws, "instance_profile_arn") != NULL;
    if (strcmp(place->key, "s3") != 0 || has_profile || s->has_policy) return;
    diag_error(s->diag, place->pos,
               "s3: delivery of logs to S3 needs aws_attributes.instance_profile_arn");
}

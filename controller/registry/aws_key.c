#include "aws_key.h"

#include "json.h"
#include "secrets.h"
#include "text.h"
#include "url.h"

enum { KEY_PART_MAX = 8192, SHARED_FILE_MAX = 1024 * 1024 };

void aws_key_init(struct aws_key *key)
{
    key->id = key->secret = key->session = BUF_INIT(KEY_PART_MAX);
}

void aws_key_wipe(struct aws_key *key)
{
    buf_wipe(&key->id);
    buf_wipe(&key->secret);
    buf_wipe(&key->session);
}

bool aws_key_is_known(const struct aws_key *key)
{
    return key->id.len > 0 && key->secret.len > 0 && !key->id.overflowed &&
           !key->secret.overflowed && !key->session.overflowed;
}

static const char *said(docker_env_fn env, void *ctx, const char *name)
{
    const char *value = env(ctx, name);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

/* ---- environment ---- */

bool aws_key_from_env(docker_env_fn env, void *ctx, struct aws_key *key)
{
    const char *id = said(env, ctx, "AWS_ACCESS_KEY_ID");
    const char *secret = said(env, ctx, "AWS_SECRET_ACCESS_KEY");
    const char *session = said(env, ctx, "AWS_SESSION_TOKEN");
    if (id == NULL || secret == NULL) return false;
    buf_adds(&key->id, id);
    buf_adds(&key->secret, secret);
    if (session != NULL) buf_adds(&key->session, session);
    return aws_key_is_known(key);
}

/* ---- shared files ---- */

/* A stretch of text, not ended by a NUL. */
struct slice {
    const char *at;
    size_t len;
};

static struct slice trim(struct slice slice)
{
    static const char blanks[] = " \t\r";
    while (slice.len > 0 && strchr(blanks, slice.at[0]) != NULL) {
        slice.at++;
        slice.len--;
    }
    while (slice.len > 0 && strchr(blanks, slice.at[slice.len - 1]) != NULL) {
        slice.len--;
    }
    return slice;
}

static bool slice_is(struct slice slice, const char *text)
{
    return slice.len == strlen(text) && memcmp(slice.at, text, slice.len) == 0;
}

/* "[name]" or "[profile name]"; the default profile has no prefix anywhere. */
static bool is_section_of(struct slice line, const char *prefix, const char *profile)
{
    struct slice name = trim((struct slice){ line.at + 1, line.len - 1 });
    if (name.len == 0 || name.at[name.len - 1] != ']') return false;
    name.len--;
    name = trim(name);
    if (strcmp(profile, "default") == 0 && slice_is(name, "default")) return true;
    size_t prefix_len = strlen(prefix);
    if (name.len < prefix_len || memcmp(name.at, prefix, prefix_len) != 0) return false;
    return slice_is(trim((struct slice){ name.at + prefix_len, name.len - prefix_len }), profile);
}

static void read_setting(struct slice line, struct aws_key *key)
{
    const char *equals = memchr(line.at, '=', line.len);
    if (equals == NULL) return;
    struct slice name = trim((struct slice){ line.at, (size_t)(equals - line.at) });
    struct slice value =
        trim((struct slice){ equals + 1, line.len - (size_t)(equals + 1 - line.at) });
    const struct {
        const char *name;
        struct buf *at;
    } places[] = { { "aws_access_key_id", &key->id },
                   { "aws_secret_access_key", &key->secret },
                   { "aws_session_token", &key->session } };
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        if (!slice_is(name, places[i].name)) continue;
        buf_clear(places[i].at);
        buf_add(places[i].at, value.at, value.len);
    }
}

bool aws_key_from_ini(const char *text, const char *prefix, const char *profile,
                      struct aws_key *key)
{
    bool is_inside = false;
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        struct slice line = trim((struct slice){ text, len });
        text += len;
        if (*text == '\n') text++;
        if (line.len == 0 || line.at[0] == '#' || line.at[0] == ';') continue;
        if (line.at[0] == '[') {
            is_inside = is_section_of(line, prefix, profile);
        } else if (is_inside) {
            read_setting(line, key);
        }
    }
    if (aws_key_is_known(key)) return true;
    aws_key_wipe(key);
    return false;
}

static const char *home_file(struct arena *arena, docker_env_fn env, void *ctx, const char *name)
{
    const char *home = said(env, ctx, "HOME");
    return home == NULL ? NULL : arena_printf(arena, "%s/.aws/%s", home, name);
}

static bool read_shared(const struct files *files, const char *path, const char *prefix,
                        const char *profile, struct aws_key *key)
{
    AUTO_BUF struct buf text = BUF_INIT(SHARED_FILE_MAX);
    struct err ignored;
    bool found = path != NULL && files->read(files->ctx, path, &text, NULL, &ignored) &&
                 aws_key_from_ini(buf_text(&text), prefix, profile, key);
    buf_wipe(&text);
    return found;
}

bool aws_key_from_profile(const struct files *files, docker_env_fn env, void *ctx,
                          struct aws_key *key)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *profile = said(env, ctx, "AWS_PROFILE");
    if (profile == NULL) profile = "default";
    const char *credentials = said(env, ctx, "AWS_SHARED_CREDENTIALS_FILE");
    if (credentials == NULL) credentials = home_file(&arena, env, ctx, "credentials");
    const char *config = said(env, ctx, "AWS_CONFIG_FILE");
    if (config == NULL) config = home_file(&arena, env, ctx, "config");
    return read_shared(files, credentials, "", profile, key) ||
           read_shared(files, config, "profile ", profile, key);
}

/* ---- endpoints ---- */

bool aws_key_from_json(const char *text, size_t len, struct aws_key *key, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *json = NULL;
    if (!json_read(&arena, text, len, &json, err) || json->kind != VALUE_MAP) {
        return err_set(err, ERR_PROTOCOL, "AWS's endpoint for credentials gave no JSON object");
    }
    const struct {
        const char *name;
        struct buf *at;
    } places[] = { { "AccessKeyId", &key->id },
                   { "SecretAccessKey", &key->secret },
                   { "Token", &key->session } };
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        const char *value = value_get_text(json, places[i].name);
        if (value == NULL) continue;
        buf_adds(places[i].at, value);
        memory_wipe((char *)(uintptr_t)value, strlen(value)); /* made by us, in our arena */
    }
    return aws_key_is_known(key) ||
           err_set(err, ERR_PROTOCOL, "AWS's endpoint for credentials gave no credentials");
}

const char *aws_container_url(struct arena *arena, docker_env_fn env, void *ctx)
{
    const char *relative = said(env, ctx, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    if (relative != NULL && relative[0] == '/') {
        return arena_printf(arena, "http://169.254.170.2%s", relative);
    }
    const char *full = said(env, ctx, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    struct url url;
    struct err ignored;
    if (full == NULL || !url_parse(arena, full, &url, &ignored)) return NULL;
    bool is_aws = strcmp(url.host, "169.254.170.2") == 0 || strcmp(url.host, "169.254.170.23") == 0;
    return url.is_https || is_aws || url_is_loopback(url.host) ? full : NULL;
}

const char *aws_machine_url(docker_env_fn env, void *ctx)
{
    const char *disabled = said(env, ctx, "AWS_EC2_METADATA_DISABLED");
    const char *endpoint = said(env, ctx, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (disabled != NULL && text_equal_nocase(disabled, "true")) return NULL;
    return endpoint != NULL ? endpoint : "http://169.254.169.254";
}

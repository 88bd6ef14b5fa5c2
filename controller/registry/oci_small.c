/*
 * The small documents: configuration, token, error, list of tags.
 */
#include "oci.h"

#include "databricks/answer_text.h"
#include "json.h"
#include "text.h"

enum { TOKEN_LIFE_DEFAULT_S = 60, TOKEN_LIFE_MAX_S = 24 * 3600 };

static bool read_object(struct arena *arena, const char *text, size_t len,
                        const struct value **ret_json, struct err *err)
{
    const struct value *json = NULL;
    if (!json_read(arena, text, len, &json, err)) return false;
    if (json->kind != VALUE_MAP) return err_set(err, ERR_PROTOCOL, "the answer is no JSON object");
    *ret_json = json;
    return true;
}

/* ---- configuration ---- */

static bool has_words(const struct value *config, const char *key)
{
    const struct value *list = value_get(config, key);
    return list != NULL && (list->kind == VALUE_LIST || list->kind == VALUE_TEXT) && list->len > 0;
}

static const char *find_path(struct arena *arena, const struct value *config)
{
    const struct value *env = value_get(config, "Env");
    for (size_t i = 0; env != NULL && env->kind == VALUE_LIST && i < env->len; i++) {
        const struct value *item = env->u.items[i];
        if (item->kind == VALUE_TEXT && text_starts(item->text, "PATH=")) {
            return arena_strdup(arena, item->text + strlen("PATH="));
        }
    }
    return NULL;
}

static const char *copy_said(struct arena *arena, const struct value *map, const char *key)
{
    const char *text = value_get_text(map, key);
    return text == NULL || text[0] == '\0' ? NULL : arena_strdup(arena, text);
}

bool oci_read_config(struct arena *arena, const char *text, size_t len,
                     struct oci_config *ret_config, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *json = NULL;
    if (len > OCI_MANIFEST_MAX) return err_set(err, ERR_LIMIT, "the configuration is too long");
    if (!read_object(&scratch, text, len, &json, err)) return false;
    struct oci_config config = {
        .os = copy_said(arena, json, "os"),
        .architecture = copy_said(arena, json, "architecture"),
        .variant = copy_said(arena, json, "variant"),
    };
    const struct value *inside = value_get(json, "config");
    if (inside != NULL && inside->kind == VALUE_MAP) {
        config.has_cmd = has_words(inside, "Cmd");
        config.has_entrypoint = has_words(inside, "Entrypoint");
        config.user = copy_said(arena, inside, "User");
        config.path = find_path(arena, inside);
    }
    *ret_config = config;
    return true;
}

/* ---- token ---- */

/* RFC 6750, 2.1: what may stand behind "Bearer". */
static bool is_bearer(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"
                              "=:");
    return len > 0 && text[len] == '\0';
}

bool oci_read_token(struct arena *arena, const char *text, size_t len, struct oci_token *ret_token,
                    struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *json = NULL;
    struct oci_token token = { .expires_in_s = TOKEN_LIFE_DEFAULT_S };
    if (len > OCI_TOKEN_MAX) return err_set(err, ERR_LIMIT, "the token is too long");
    if (!read_object(&scratch, text, len, &json, err)) return false;
    token.token = value_get_text(json, "token");
    if (token.token == NULL || token.token[0] == '\0') {
        token.token = value_get_text(json, "access_token");
    }
    if (token.token == NULL || !is_bearer(token.token)) {
        return err_set(err, ERR_PROTOCOL, "the token server's answer holds no token");
    }
    token.token = arena_strdup(arena, token.token);
    int64_t life_s = 0;
    if (value_get_int(json, "expires_in", &life_s) && life_s > 0) token.expires_in_s = life_s;
    if (token.expires_in_s > TOKEN_LIFE_MAX_S) token.expires_in_s = TOKEN_LIFE_MAX_S;
    *ret_token = token;
    return true;
}

/* ---- error ---- */

/* Upper-case letters and '_': what may be shown as a code. */
static const char *clean_code(struct arena *arena, const char *code)
{
    enum { CODE_MAX = 48 };
    if (code == NULL) return NULL;
    size_t len = strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    return len > 0 && len <= CODE_MAX && code[len] == '\0' ? arena_strdup(arena, code) : NULL;
}

/* The first of the errors that is one: {"errors":[{"code","message"}]}. */
static const struct value *first_error(const struct value *json)
{
    const struct value *errors = value_get(json, "errors");
    if (errors == NULL || errors->kind != VALUE_LIST || errors->len == 0) return NULL;
    return errors->u.items[0]->kind == VALUE_MAP ? errors->u.items[0] : NULL;
}

/* Blanks for controls, '?' for what is not text; cut. The reader of the other door knows how. */
static const char *harmless(struct arena *arena, const char *text, size_t len)
{
    enum { MESSAGE_MAX = 300 };
    struct answer answer;
    answer_read(text, len, &answer);
    size_t shown = strlen(answer.message);
    if (shown <= MESSAGE_MAX) return arena_strdup(arena, answer.message);
    for (shown = MESSAGE_MAX; shown > 0 && ((unsigned char)answer.message[shown] & 0xC0) == 0x80;) {
        shown--;
    }
    return arena_printf(arena, "%.*s...", (int)shown, answer.message);
}

void oci_read_error(struct arena *arena, const char *text, size_t len, struct oci_error *ret_error)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *json = NULL;
    struct err ignored;
    struct oci_error error = { NULL, "" };
    bool is_json =
        len > 0 && len <= OCI_TOKEN_MAX && read_object(&scratch, text, len, &json, &ignored);
    const struct value *first = is_json ? first_error(json) : NULL;
    if (first != NULL) {
        error.code = clean_code(arena, value_get_text(first, "code"));
        const char *message = value_get_text(first, "message");
        if (message != NULL) error.message = harmless(arena, message, strlen(message));
    } else {
        error.message = harmless(arena, text, len);
    }
    *ret_error = error;
}

/* ---- tags ---- */

bool oci_read_tags(struct arena *arena, const char *text, size_t len, const char *const **ret_tags,
                   size_t *ret_len, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *json = NULL;
    if (!read_object(&scratch, text, len, &json, err)) return false;
    const struct value *list = value_get(json, "tags");
    size_t count = list != NULL && list->kind == VALUE_LIST ? list->len : 0;
    if (count > OCI_TAGS_MAX) {
        return err_set(err, ERR_LIMIT, "the list has %zu tags; %d at most are read", count,
                       OCI_TAGS_MAX);
    }
    const char **tags = arena_alloc(arena, (count + 1) * sizeof(*tags));
    for (size_t i = 0; i < count; i++) {
        if (list->u.items[i]->kind != VALUE_TEXT) {
            return err_set(err, ERR_PROTOCOL, "the list of tags holds something else than text");
        }
        tags[i] = arena_strdup(arena, list->u.items[i]->text);
    }
    *ret_tags = tags;
    *ret_len = count;
    return true;
}

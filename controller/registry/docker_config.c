#include "docker_config.h"

#include "base64.h"
#include "json.h"
#include "secrets.h"
#include "text.h"

#define HUB_KEY "https://index.docker.io/v1/"

enum { KEYS_MAX = 40, AUTH_MAX = 64 * 1024 };

/* What a login may be filed under, the most specific first. */
struct keys {
    const char *texts[KEYS_MAX];
    size_t len;
};

/* ---- places ---- */

static void add_place(struct arena *arena, struct docker_config_places *places, const char *folder,
                      const char *name)
{
    if (folder == NULL || folder[0] == '\0') return;
    places->paths[places->len++] =
        name == NULL ? arena_strdup(arena, folder) : arena_printf(arena, "%s/%s", folder, name);
}

void docker_config_places(struct arena *arena, docker_env_fn env, void *ctx,
                          struct docker_config_places *ret_places)
{
    struct docker_config_places places = { .len = 0 };
    const char *own = env(ctx, "DOCKER_CONFIG");
    bool is_own = own != NULL && own[0] != '\0';
    add_place(arena, &places, is_own ? own : env(ctx, "HOME"),
              is_own ? "config.json" : ".docker/config.json");
    add_place(arena, &places, env(ctx, "REGISTRY_AUTH_FILE"), NULL);
    add_place(arena, &places, env(ctx, "XDG_RUNTIME_DIR"), "containers/auth.json");
    add_place(arena, &places, env(ctx, "HOME"), ".config/containers/auth.json");
    *ret_places = places;
}

/* ---- secrets ---- */

static void wipe_text(const char *text)
{
    /* It was made by us, in our arena. */
    if (text != NULL) memory_wipe((char *)(uintptr_t)text, strlen(text));
}

void docker_login_wipe(struct docker_login *login)
{
    wipe_text(login->password);
    wipe_text(login->identity_token);
    wipe_text(login->registry_token);
    *login = (struct docker_login){ 0 };
}

/* Every text of the file, since any of them may be a password. */
static void wipe_value(const struct value *value)
{
    if (value->kind == VALUE_TEXT) wipe_text(value->text);
    for (size_t i = 0; value->kind == VALUE_LIST && i < value->len; i++) {
        wipe_value(value->u.items[i]);
    }
    for (size_t i = 0; value->kind == VALUE_MAP && i < value->len; i++) {
        wipe_value(value->u.members[i].value);
    }
}

/* ---- keys ---- */

static void add_key(struct keys *keys, const char *text)
{
    if (keys->len < KEYS_MAX) keys->texts[keys->len++] = text;
}

/* "host/a/b", "host/a", "host"; Docker Hub goes by several names. */
static void make_keys(struct arena *arena, const struct image_ref *ref, struct keys *ret_keys)
{
    struct keys keys = { .len = 0 };
    char *path = arena_printf(arena, "%s/%s", ref->host, ref->repository);
    for (char *slash = path; slash != NULL; slash = strrchr(path, '/')) {
        if (slash != path) *slash = '\0';
        add_key(&keys, arena_strdup(arena, path));
    }
    if (ref->kind == REGISTRY_DOCKER_HUB) {
        add_key(&keys, HUB_KEY);
        add_key(&keys, "docker.io");
        add_key(&keys, "index.docker.io");
        add_key(&keys, "registry-1.docker.io");
    }
    *ret_keys = keys;
}

/* A key of the file, as it is, or, of old files, without "https://" and "/v1/". */
static bool is_key(const char *written, const char *wanted)
{
    if (strcmp(written, wanted) == 0) return true;
    const char *scheme = strstr(written, "://");
    const char *bare = scheme == NULL ? written : scheme + strlen("://");
    size_t len = strlen(wanted);
    if (strncmp(bare, wanted, len) != 0) return false;
    const char *rest = bare + len;
    if (rest[0] == '\0' || strcmp(rest, "/") == 0) return true;
    bool is_version = text_starts(rest, "/v1") || text_starts(rest, "/v2");
    return is_version && (rest[3] == '\0' || strcmp(rest + 3, "/") == 0);
}

static const struct value *find_entry(const struct value *map, const struct keys *keys)
{
    if (map == NULL || map->kind != VALUE_MAP) return NULL;
    for (size_t k = 0; k < keys->len; k++) {
        for (size_t i = 0; i < map->len; i++) {
            if (is_key(map->u.members[i].key, keys->texts[k])) return map->u.members[i].value;
        }
    }
    return NULL;
}

/* ---- entries ---- */

/* What is said and not empty. */
static const char *said(const struct value *map, const char *key)
{
    const char *text = value_get_text(map, key);
    return text == NULL || text[0] == '\0' ? NULL : text;
}

/* "user:password" in base64, parted at the first colon. */
static bool read_auth(struct arena *arena, const char *auth, struct docker_login *login,
                      struct err *err)
{
    AUTO_BUF struct buf pair = BUF_INIT(AUTH_MAX);
    bool ok = base64_decode(auth, strlen(auth), &pair) && !pair.overflowed;
    size_t len = pair.len;
    while (ok && len > 0 && pair.data[len - 1] == '\0') {
        len--; /* as old versions of Docker wrote it */
    }
    const char *colon = ok && len > 0 ? memchr(pair.data, ':', len) : NULL;
    ok = colon != NULL && memchr(pair.data, '\0', len) == NULL;
    if (ok) {
        size_t name_len = (size_t)(colon - pair.data);
        login->username = arena_strndup(arena, pair.data, name_len);
        login->password = arena_strndup(arena, colon + 1, len - name_len - 1);
    }
    buf_wipe(&pair);
    return ok || err_set(err, ERR_CORRUPT, "an 'auth' is not user:password in base64");
}

static bool read_entry(struct arena *arena, const struct value *entry, struct docker_login *login,
                       struct err *err)
{
    if (entry == NULL) return true;
    if (entry->kind != VALUE_MAP) return err_set(err, ERR_CORRUPT, "an entry is no JSON object");
    login->identity_token = arena_strdup(arena, said(entry, "identitytoken"));
    login->registry_token = arena_strdup(arena, said(entry, "registrytoken"));
    const char *auth = said(entry, "auth");
    if (auth != NULL) return read_auth(arena, auth, login, err);
    const char *username = said(entry, "username"), *password = said(entry, "password");
    if (username == NULL || password == NULL) return true;
    login->username = arena_strdup(arena, username);
    login->password = arena_strdup(arena, password);
    return true;
}

bool docker_helper_is_name(const char *name)
{
    enum { NAME_MAX_LEN = 64 };
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return len > 0 && len <= NAME_MAX_LEN && name[len] == '\0';
}

static bool read_helper(struct arena *arena, const struct value *json, const struct keys *keys,
                        struct docker_login *login, struct err *err)
{
    const struct value *own = find_entry(value_get(json, "credHelpers"), keys);
    const char *name = own != NULL && own->kind == VALUE_TEXT && own->len > 0 ? own->text : NULL;
    if (name == NULL) name = said(json, "credsStore");
    if (name == NULL) return true;
    if (!docker_helper_is_name(name)) {
        return err_set(err, ERR_CORRUPT,
                       "the name of a credential helper has a character that is "
                       "neither letter, digit, '.', '_' nor '-'");
    }
    login->helper = arena_strdup(arena, name);
    return true;
}

static bool read_json(struct arena *arena, const struct value *json, const struct keys *keys,
                      struct docker_login *login, struct err *err)
{
    if (json->kind != VALUE_MAP) return err_set(err, ERR_CORRUPT, "it is no JSON object");
    return read_helper(arena, json, keys, login, err) &&
           read_entry(arena, find_entry(value_get(json, "auths"), keys), login, err);
}

static bool login_is_empty(const struct docker_login *login)
{
    return login->password == NULL && login->identity_token == NULL &&
           login->registry_token == NULL && login->helper == NULL;
}

/* ---- files ---- */

/* No file is no login. */
static bool read_file(struct arena *arena, const struct files *files, const char *path,
                      const struct keys *keys, struct docker_login *ret_login, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT(DOCKER_CONFIG_MAX);
    struct docker_login login = { 0 };
    const struct value *json = NULL;
    if (!files->read(files->ctx, path, &text, NULL, err)) {
        buf_wipe(&text);
        return err->code == ERR_NOT_FOUND;
    }
    bool ok = json_read(&scratch, buf_text(&text), text.len, &json, err);
    if (!ok) (void)err_set(err, ERR_CORRUPT, "it is not valid JSON");
    ok = ok && read_json(arena, json, keys, &login, err);
    if (json != NULL) wipe_value(json);
    buf_wipe(&text);
    if (!ok) {
        docker_login_wipe(&login);
        return err_wrap(err, "the registry logins in %s cannot be used", path);
    }
    *ret_login = login;
    return true;
}

bool docker_config_login(struct arena *arena, const struct files *files,
                         const struct docker_config_places *places, const struct image_ref *ref,
                         struct docker_login *ret_login, struct err *err)
{
    struct keys keys;
    struct docker_login login = { 0 };
    make_keys(arena, ref, &keys);
    for (size_t i = 0; i < places->len && login_is_empty(&login); i++) {
        if (!read_file(arena, files, places->paths[i], &keys, &login, err)) return false;
    }
    login.server = ref->kind == REGISTRY_DOCKER_HUB ? HUB_KEY : arena_strdup(arena, ref->host);
    *ret_login = login;
    return true;
}

/* ---- helpers ---- */

static bool helper_has_none(const char *text, size_t len)
{
    static const char none[] = "credentials not found";
    for (size_t at = 0; at + sizeof(none) - 1 <= len; at++) {
        if (memcmp(text + at, none, sizeof(none) - 1) == 0) return true;
    }
    return false;
}

static bool read_helper_answer(struct arena *arena, const struct value *json,
                               struct docker_login *login, struct err *err)
{
    if (json->kind != VALUE_MAP) return err_set(err, ERR_PROTOCOL, "its answer is no JSON object");
    const char *username = said(json, "Username"), *secret = said(json, "Secret");
    if (secret == NULL) return true;
    if (text_equal(username, "<token>")) {
        login->identity_token = arena_strdup(arena, secret);
    } else {
        login->username = arena_strdup(arena, username == NULL ? "" : username);
        login->password = arena_strdup(arena, secret);
    }
    return true;
}

bool docker_helper_read(struct arena *arena, int status, const char *text, size_t len,
                        struct docker_login *ret_login, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct docker_login login = { 0 };
    const struct value *json = NULL;
    if (status != 0) {
        bool is_none = helper_has_none(text, len);
        if (is_none) *ret_login = login;
        return is_none || err_set(err, ERR_IO, "it ended with status %d", status);
    }
    if (!json_read(&scratch, text, len, &json, err)) {
        return err_set(err, ERR_PROTOCOL, "its answer is not JSON");
    }
    bool ok = read_helper_answer(arena, json, &login, err);
    wipe_value(json);
    if (ok) *ret_login = login;
    return ok;
}

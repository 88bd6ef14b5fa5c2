#include "secrets.h"

#include "text.h"
#include "text_map.h"

/* What one fromEnv or fromFile came to: a hash, or why there is none. Never the text. */
struct memo {
    struct memo *older;
    struct digest hash;
    struct err *failure; /* NULL: the hash is good */
    char text[];         /* the name or the path */
};

enum { MEMO_ENV, MEMO_FILE, MEMO_COUNT };

struct secrets {
    uint8_t key[DIGEST_KEY_BYTES];
    const struct files *files;
    secrets_env_fn env;
    void *env_ctx;
    struct memo *memos; /* the newest */
    struct text_map maps[MEMO_COUNT];
};

void memory_wipe(void *at, size_t len)
{
    /* The compiler cannot know that a volatile pointer still leads to memset. */
    static void *(*const volatile fill)(void *, int, size_t) = memset;
    if (len != 0) (void)fill(at, 0, len);
}

void buf_wipe(struct buf *buf)
{
    memory_wipe(buf->data, buf->data == NULL ? 0 : buf->cap);
    buf_release(buf);
}

static void buf_wipe_at(struct buf *buf)
{
    buf_wipe(buf);
}

/* At its full size from the start: a buffer that grows would leave copies behind. */
static struct buf secret_buf(void)
{
    struct buf buf = BUF_INIT(SECRET_BYTES_MAX);
    buf.cap = SECRET_BYTES_MAX + 1;
    buf.data = xmalloc(buf.cap);
    buf.data[0] = '\0';
    return buf;
}

struct secrets *secrets_create(const uint8_t key[DIGEST_KEY_BYTES], const struct files *files,
                               secrets_env_fn env, void *env_ctx)
{
    struct secrets *secrets = xcalloc(1, sizeof(*secrets));
    memcpy(secrets->key, key, DIGEST_KEY_BYTES);
    secrets->files = files;
    secrets->env = env;
    secrets->env_ctx = env_ctx;
    return secrets;
}

void secrets_destroy(struct secrets *secrets)
{
    if (secrets == NULL) return;
    secrets_forget(secrets);
    memory_wipe(secrets->key, sizeof(secrets->key));
    xfree(secrets);
}

void secrets_forget(struct secrets *secrets)
{
    for (size_t i = 0; i < MEMO_COUNT; i++) {
        text_map_release(&secrets->maps[i]);
    }
    while (secrets->memos != NULL) {
        struct memo *older = secrets->memos->older;
        xfree(secrets->memos->failure);
        xfree(secrets->memos);
        secrets->memos = older;
    }
}

struct digest secrets_fingerprint(const struct secrets *secrets)
{
    static const char text[] = "clusterkeeper: which key is this?";
    return digest_keyed(secrets->key, text, sizeof(text));
}

/* --- finding the text --- */

static bool env_read(const struct secrets *secrets, const char *name, struct buf *out,
                     struct err *err)
{
    const char *text = secrets->env(secrets->env_ctx, name);
    if (text == NULL) {
        return err_set(err, ERR_MANIFEST, "environment variable %s is not set", name);
    }
    if (*text == '\0') {
        return err_set(err, ERR_MANIFEST, "environment variable %s is empty", name);
    }
    if (!buf_adds(out, text)) {
        return err_set(err, ERR_MANIFEST, "environment variable %s holds more than %d bytes", name,
                       SECRET_BYTES_MAX);
    }
    return text_is_utf8(text, out->len) ||
           err_set(err, ERR_MANIFEST, "environment variable %s is not UTF-8 text", name);
}

/* Editors and `echo` end a file with a newline that is not meant. */
static void newline_drop(struct buf *text)
{
    if (text->len == 0 || text->data[text->len - 1] != '\n') return;
    text->len--;
    if (text->len != 0 && text->data[text->len - 1] == '\r') text->len--;
    text->data[text->len] = '\0';
}

static bool file_read(const struct secrets *secrets, const char *path, struct buf *out,
                      struct err *err)
{
    const struct files *files = secrets->files;
    if (!files->read(files->ctx, path, out, NULL, err)) {
        err->code = ERR_MANIFEST;
        return err_wrap(err, "secret file");
    }
    newline_drop(out);
    if (out->len == 0) return err_set(err, ERR_MANIFEST, "secret file '%s' is empty", path);
    if (memchr(out->data, '\0', out->len) != NULL) {
        return err_set(err, ERR_MANIFEST, "secret file '%s' holds a NUL byte", path);
    }
    return text_is_utf8(out->data, out->len) ||
           err_set(err, ERR_MANIFEST, "secret file '%s' is not UTF-8 text", path);
}

/* `out` is a secret_buf. */
static bool text_read(const struct secrets *secrets, enum secret_source source, const char *text,
                      struct buf *out, struct err *err)
{
    switch (source) {
    case SECRET_ENV:
        return env_read(secrets, text, out, err);
    case SECRET_FILE:
        return file_read(secrets, text, out, err);
    case SECRET_LITERAL:
        return buf_adds(out, text) || buf_ok(out, "a secret", err);
    case SECRET_HASHED:
        break;
    }
    return err_set(err, ERR_MANIFEST,
                   "of this secret only the hash is known; name its source in the manifest "
                   "(fromEnv or fromFile)");
}

/* --- hashing --- */

static bool hash_make(const struct secrets *secrets, enum secret_source source, const char *text,
                      struct digest *ret_hash, struct err *err)
{
    __attribute__((cleanup(buf_wipe_at))) struct buf found = secret_buf();
    if (!text_read(secrets, source, text, &found, err)) return false;
    *ret_hash = digest_keyed(secrets->key, found.data, found.len);
    return true;
}

static struct memo *memo_make(struct secrets *secrets, enum secret_source source, const char *text)
{
    size_t size = strlen(text) + 1;
    struct memo *memo = xcalloc(1, sizeof(*memo) + size);
    memcpy(memo->text, text, size);
    struct err failure;
    if (!hash_make(secrets, source, text, &memo->hash, &failure)) {
        memo->failure = xmalloc(sizeof(failure));
        *memo->failure = failure;
    }
    memo->older = secrets->memos;
    secrets->memos = memo;
    return memo;
}

bool secrets_hash(struct secrets *secrets, enum secret_source source, const char *text,
                  struct digest *ret_hash, struct err *err)
{
    /* The text of a literal would be the key of its memo, and stay. */
    if (source != SECRET_ENV && source != SECRET_FILE) {
        return hash_make(secrets, source, text, ret_hash, err);
    }
    struct text_map *map = &secrets->maps[source == SECRET_ENV ? MEMO_ENV : MEMO_FILE];
    struct memo *memo = text_map_get(map, text);
    if (memo == NULL) {
        memo = memo_make(secrets, source, text);
        text_map_put(map, memo->text, memo);
    }
    if (memo->failure != NULL) {
        *err = *memo->failure;
        return false;
    }
    *ret_hash = memo->hash;
    return true;
}

/* --- trees --- */

/* The members or items before `len`, as the start of a tree that differs after them. */
static struct value_builder copy_begin(struct arena *arena, const struct value *value, size_t len)
{
    bool is_map = value->kind == VALUE_MAP;
    struct value_builder copy =
        is_map ? value_build_map(arena, value->pos) : value_build_list(arena, value->pos);
    for (size_t i = 0; i < len; i++) {
        if (is_map) {
            const struct member *member = &value->u.members[i];
            value_put_new(&copy, member->key, member->pos, member->value);
        } else {
            value_push(&copy, value->u.items[i]);
        }
    }
    return copy;
}

bool secrets_map(struct arena *arena, const struct value *value, secret_map_fn map, void *ctx,
                 const struct value **ret_value, struct err *err)
{
    if (value != NULL && value->kind == VALUE_SECRET) return map(ctx, value, ret_value, err);
    bool is_map = value != NULL && value->kind == VALUE_MAP;
    bool is_list = value != NULL && value->kind == VALUE_LIST;
    bool is_copy = false;
    struct value_builder copy = { 0 };
    for (size_t i = 0; (is_map || is_list) && i < value->len; i++) {
        const struct value *child = is_map ? value->u.members[i].value : value->u.items[i];
        const struct value *mapped = NULL;
        if (!secrets_map(arena, child, map, ctx, &mapped, err)) return false;
        if (mapped != child && !is_copy) {
            copy = copy_begin(arena, value, i);
            is_copy = true;
        }
        if (is_copy && is_map) {
            value_put_new(&copy, value->u.members[i].key, value->u.members[i].pos, mapped);
        } else if (is_copy) {
            value_push(&copy, mapped);
        }
    }
    *ret_value = is_copy ? copy.value : value;
    return true;
}

struct sealing {
    struct secrets *secrets;
    struct arena *arena;
};

static bool seal_one(void *ctx, const struct value *secret, const struct value **ret_value,
                     struct err *err)
{
    const struct sealing *sealing = ctx;
    struct digest hash;
    struct err failure;
    if (secret->hash != NULL) {
        *ret_value = secret;
        return true;
    }
    if (!secrets_hash(sealing->secrets, secret->source, secret->text, &hash, &failure)) {
        return err_at(err, secret->pos, "%s", failure.text);
    }
    char hex[DIGEST_HEX_SIZE];
    digest_hex(&hash, hex);
    struct value *sealed = value_secret(sealing->arena, secret->pos, secret->source, secret->text);
    sealed->hash = arena_strdup(sealing->arena, hex);
    *ret_value = sealed;
    return true;
}

bool secrets_seal(struct secrets *secrets, struct arena *arena, const struct value *value,
                  const struct value **ret_sealed, struct err *err)
{
    if (secrets == NULL) {
        *ret_sealed = value;
        return true;
    }
    struct sealing sealing = { secrets, arena };
    return secrets_map(arena, value, seal_one, &sealing, ret_sealed, err);
}

bool secrets_reveal(void *ctx, const struct value *secret, struct buf *out, struct err *err)
{
    __attribute__((cleanup(buf_wipe_at))) struct buf found = secret_buf();
    struct err failure;
    if (!text_read(ctx, secret->source, secret->text, &found, &failure)) {
        return err_at(err, secret->pos, "%s", failure.text);
    }
    (void)buf_add(out, found.data, found.len);
    return buf_ok(out, "the text with its secrets", err);
}

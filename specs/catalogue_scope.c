#include "catalogue_private.h"

#include "yaml_tree.h"

#include <assert.h>

/* One Defaults in each directory from the root down. */
enum { SCOPES_DEEP_MAX = CATALOGUE_DEPTH_MAX + 1 };

/* The scopes from the outermost to `id`. */
struct chain {
    uint32_t ids[SCOPES_DEEP_MAX];
    size_t len;
};

static struct chain chain_of(const struct index *index, uint32_t id)
{
    struct chain chain = { .len = 0 };
    size_t len = 0;
    for (uint32_t at = id; at != INDEX_NONE; at = index->scopes[at].above) {
        len++;
    }
    assert(len <= SCOPES_DEEP_MAX);
    chain.len = len;
    for (uint32_t at = id; at != INDEX_NONE; at = index->scopes[at].above) {
        chain.ids[--len] = at;
    }
    return chain;
}

static bool scope_read(const struct catalogue *catalogue, const struct scope *scope,
                       struct arena *arena, struct manifest_parts *ret_parts, struct err *err)
{
    const struct files *files = catalogue->files;
    AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
    AUTO_BUF struct buf text = BUF_INIT(YAML_FILE_BYTES_MAX);
    AUTO(diag_destroy) struct diag *diag = diag_create();
    const char *full = catalogue_path(catalogue, scope->path, &path);
    if (!files->read(files->ctx, full, &text, NULL, err)) return false;

    struct digest digest = digest_of(buf_text(&text), text.len);
    struct yaml_documents yaml;
    if (digest_equal(&digest, &scope->digest) &&
        yaml_read(arena, scope->path, text.data, text.len, diag, &yaml) &&
        scope->document < yaml.len &&
        manifest_read(arena, yaml.documents[scope->document], diag, ret_parts)) {
        return true;
    }
    return err_set(err, ERR_MANIFEST, "the Defaults in '%s' changed while they were read",
                   scope->path);
}

static bool scope_own(const struct catalogue *catalogue, struct index *index, uint32_t id,
                      struct err *err)
{
    struct scope *scope = &index->scopes[id];
    if (scope->own != NULL) return true;
    struct manifest_parts *own = arena_alloc(&index->arena, sizeof(*own));
    if (!scope_read(catalogue, scope, &index->arena, own, err)) return false;
    scope->own = own;
    return true;
}

bool scope_merged(const struct catalogue *catalogue, struct index *index, uint32_t id,
                  const struct manifest_parts **ret_parts, struct err *err)
{
    struct chain chain = chain_of(index, id);
    const struct manifest_parts *above = NULL;
    for (size_t i = 0; i < chain.len; i++) {
        struct scope *scope = &index->scopes[chain.ids[i]];
        if (!scope_own(catalogue, index, chain.ids[i], err)) return false;
        if (scope->merged == NULL && above == NULL) scope->merged = scope->own;
        if (scope->merged == NULL) {
            struct manifest_parts *merged = arena_alloc(&index->arena, sizeof(*merged));
            *merged = manifest_merge(&index->arena, above, scope->own);
            scope->merged = merged;
        }
        above = scope->merged;
    }
    *ret_parts = above;
    return true;
}

/* --- copies --- */

/* A deep copy, its positions in `file`, which lives as long as the copy. */
static const struct value *copy_value(struct arena *arena, const struct value *value,
                                      const char *file)
{
    if (value == NULL) return NULL;
    struct value *copy = arena_alloc(arena, sizeof(*copy));
    *copy = *value;
    copy->pos.file = file;
    copy->text = arena_strdup(arena, value->text);
    copy->hash = arena_strdup(arena, value->hash);
    if (value->kind == VALUE_MAP) {
        struct member *members = arena_alloc(arena, value->len * sizeof(*members));
        for (size_t i = 0; i < value->len; i++) {
            const struct member *member = &value->u.members[i];
            members[i].key = arena_strdup(arena, member->key);
            members[i].pos = member->pos;
            members[i].pos.file = file;
            members[i].value = copy_value(arena, member->value, file);
        }
        copy->u.members = members;
    } else if (value->kind == VALUE_LIST) {
        /* An array of pointers. NOLINTNEXTLINE(bugprone-sizeof-expression) */
        const struct value **items = arena_alloc(arena, value->len * sizeof(*items));
        for (size_t i = 0; i < value->len; i++) {
            items[i] = copy_value(arena, value->u.items[i], file);
        }
        copy->u.items = items;
    }
    return copy;
}

static struct manifest_parts copy_parts(struct arena *arena, const struct manifest_parts *parts,
                                        const char *file)
{
    struct manifest_parts copy = *parts;
    copy.pos.file = file;
    copy.name = arena_strdup(arena, parts->name);
    copy.labels = copy_value(arena, parts->labels, file);
    copy.spec = copy_value(arena, parts->spec, file);
    copy.libraries = copy_value(arena, parts->libraries, file);
    copy.permissions = copy_value(arena, parts->permissions, file);
    copy.keep = copy_value(arena, parts->keep, file);
    return copy;
}

bool scope_copy(struct catalogue *catalogue, uint32_t id, struct arena *arena,
                struct manifest_parts *ret_parts, struct err *err)
{
    struct index *index = &catalogue->index;
    struct chain chain = chain_of(index, id);
    struct manifest_parts merged = { .kind = MANIFEST_DEFAULTS };
    for (size_t i = 0; i < chain.len; i++) {
        if (!scope_own(catalogue, index, chain.ids[i], err)) return false;
        const struct scope *scope = &index->scopes[chain.ids[i]];
        const char *file = arena_strdup(arena, scope->path);
        struct manifest_parts own = copy_parts(arena, scope->own, file);
        merged = manifest_merge(arena, &merged, &own);
    }
    *ret_parts = merged;
    return true;
}

#include "catalogue_private.h"

#include "json.h"
#include "text.h"
#include "yaml_tree.h"

#include <assert.h>

/* --- paths --- */

const char *catalogue_path(const struct catalogue *catalogue, const char *relative, struct buf *out)
{
    buf_clear(out);
    (void)buf_adds(out, catalogue->root);
    if (*relative != '\0') {
        (void)buf_addc(out, '/');
        (void)buf_adds(out, relative);
    }
    return buf_text(out);
}

/* Of "etl/a.yaml" the 4 of "etl/"; 0 in the root. */
static size_t directory_len(const char *file)
{
    const char *slash = file == NULL ? NULL : strrchr(file, '/');
    return slash == NULL ? 0 : (size_t)(slash - file) + 1;
}

/*
 * `source` seen from the directory of `file`, without "." and "..", below the root. NULL when it
 * leads out of the root or to nothing. Links are another matter: see script_is_inside.
 */
static const char *path_below(struct arena *arena, const char *file, const char *source)
{
    size_t len = directory_len(file);
    char *path = arena_alloc(arena, len + strlen(source) + 2);
    if (len != 0) memcpy(path, file, len);
    if (*source == '/') return NULL;
    while (*source != '\0') {
        size_t part = strcspn(source, "/");
        bool is_here = part == 0 || (part == 1 && source[0] == '.');
        bool is_up = part == 2 && source[0] == '.' && source[1] == '.';
        if (is_up && len == 0) return NULL;
        if (is_up) {
            do {
                len--;
            } while (len != 0 && path[len - 1] != '/');
        } else if (!is_here) {
            memcpy(path + len, source, part);
            len += part;
            path[len++] = '/';
        }
        source += part;
        if (*source == '/') source++;
    }
    if (len == 0) return NULL;
    path[len - 1] = '\0';
    return path;
}

/* --- what is outside of the manifests --- */

/*
 * A link may lead anywhere; what is uploaded must be of this tree. Between this look and the
 * reading a link can change, which only somebody who can write into the tree can bring about.
 */
static bool script_is_inside(const struct catalogue *catalogue, const char *path, struct err *err)
{
    const struct files *files = catalogue->files;
    AUTO_BUF struct buf root = BUF_INIT(PATH_BYTES_MAX);
    AUTO_BUF struct buf real = BUF_INIT(PATH_BYTES_MAX);
    if (files->resolve == NULL) return true;
    if (!files->resolve(files->ctx, catalogue->root, &root, err) ||
        !files->resolve(files->ctx, path, &real, err)) {
        return false;
    }
    if (root.data[root.len - 1] != '/') (void)buf_addc(&root, '/');
    if (text_starts(buf_text(&real), buf_text(&root))) return true;
    return err_set(err, ERR_MANIFEST, "a symbolic link leads to '%s', outside of the directory",
                   buf_text(&real));
}

static bool script_look(const struct catalogue *catalogue, struct ref *ref, struct err *err)
{
    const struct files *files = catalogue->files;
    AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
    AUTO_BUF struct buf text = BUF_INIT(CATALOGUE_SCRIPT_BYTES_MAX);
    struct file_stamp stamp;
    const char *full = catalogue_path(catalogue, ref->text, &path);
    if (!buf_ok(&path, "a path", err) || !files->look(files->ctx, full, &stamp, err)) return false;
    if (ref->is_known && file_stamp_equal(&stamp, &ref->stamp)) return true;
    if (!script_is_inside(catalogue, full, err)) return false;
    if (!files->read(files->ctx, full, &text, &stamp, err)) {
        if (err->code != ERR_LIMIT) return false;
        return err_set(err, ERR_LIMIT, "larger than %d bytes, the most that a cluster runs",
                       CATALOGUE_SCRIPT_BYTES_MAX);
    }
    ref->stamp = stamp;
    ref->hash = digest_of(buf_text(&text), text.len);
    return true;
}

static bool secret_look(const struct catalogue *catalogue, struct ref *ref, struct err *err)
{
    const struct files *files = catalogue->files;
    if (ref->kind == REF_ENV) {
        return secrets_hash(catalogue->secrets, SECRET_ENV, ref->text, &ref->hash, err);
    }
    struct file_stamp stamp = { 0 };
    bool is_there = files->look(files->ctx, ref->text, &stamp, err);
    if (is_there && ref->is_known && file_stamp_equal(&stamp, &ref->stamp)) return true;
    if (!secrets_hash(catalogue->secrets, SECRET_FILE, ref->text, &ref->hash, err)) return false;
    ref->stamp = stamp;
    return true;
}

bool ref_look(const struct catalogue *catalogue, struct index *index, struct ref *ref)
{
    struct digest before = ref->hash;
    bool was_known = ref->is_known;
    struct err err;
    ref->is_known = ref->kind == REF_SCRIPT ? script_look(catalogue, ref, &err)
                                            : secret_look(catalogue, ref, &err);
    if (!ref->is_known) ref->failure = arena_strdup(&index->arena, err.text);
    return !was_known || !ref->is_known || !digest_equal(&before, &ref->hash);
}

/* The reference as this scan knows it; a failure is a finding at `pos`. NULL then. */
static const struct ref *ref_get(const struct maker *maker, enum ref_kind kind, const char *text,
                                 struct pos pos)
{
    struct ref *ref = index_ref(maker->index, kind, text);
    if (maker->lists_refs) index_list_ref(maker->index, ref);
    if (!ref->is_known && ref->failure == NULL) (void)ref_look(maker->catalogue, maker->index, ref);
    if (ref->is_known) return ref;
    const char *what = kind == REF_SCRIPT ? "init script: " : "";
    diag_error(maker->diag, pos, "%s%s", what, ref->failure);
    return NULL;
}

/* --- secrets --- */

/* A secret_map_fn: lists where the secret is, and makes a relative path one from here on. */
static bool secret_place(void *ctx, const struct value *secret, const struct value **ret_value,
                         struct err *err)
{
    (void)err; /* a failure is a finding; the other secrets are looked at all the same */
    const struct maker *maker = ctx;
    const struct value *placed = secret;
    if (secret->source == SECRET_FILE && secret->text[0] != '/') {
        const char *file = secret->pos.file;
        const char *path =
            arena_printf(maker->arena, "%s/%.*s%s", maker->catalogue->root,
                         (int)directory_len(file), file == NULL ? "" : file, secret->text);
        placed = value_secret(maker->arena, secret->pos, SECRET_FILE, path);
    }
    bool is_outside = secret->source == SECRET_ENV || secret->source == SECRET_FILE;
    if (is_outside && maker->catalogue->secrets != NULL) {
        enum ref_kind kind = secret->source == SECRET_ENV ? REF_ENV : REF_FILE;
        (void)ref_get(maker, kind, placed->text, secret->pos);
    }
    *ret_value = placed;
    return true;
}

/* --- init scripts --- */

/* Uploaded under a name that holds its content's digest: a changed content is a changed path. */
static const char *script_destination(const struct maker *maker, const struct ref *ref)
{
    char hex[DIGEST_HEX_SIZE];
    digest_hex(&ref->hash, hex);
    char *path = arena_printf(maker->arena, "%s/%.16s-%s", maker->catalogue->script_dir, hex,
                              ref->text + directory_len(ref->text));
    return path;
}

static const struct value *script_place(const struct maker *maker, const struct value *source,
                                        struct script *ret_script)
{
    const char *path = path_below(maker->arena, source->pos.file, source->text);
    if (path == NULL) {
        diag_error(maker->diag, source->pos,
                   "init script '%s' is outside of the directory of manifests; give a path that "
                   "is relative to this file and stays inside",
                   source->text);
        return NULL;
    }
    const struct ref *ref = ref_get(maker, REF_SCRIPT, path, source->pos);
    if (ref == NULL) return NULL;
    const char *destination = script_destination(maker, ref);
    *ret_script = (struct script){ path, destination, ref->hash, source->pos };

    struct value_builder workspace = value_build_map(maker->arena, source->pos);
    value_put_new(&workspace, "destination", source->pos,
                  value_text(maker->arena, source->pos, destination));
    struct value_builder item = value_build_map(maker->arena, source->pos);
    value_put_new(&item, "workspace", source->pos, workspace.value);
    return item.value;
}

/* Each `local` script of the spec becomes a `workspace` one, and an item of manifest->scripts. */
static void scripts_place(const struct maker *maker, struct manifest *manifest)
{
    const struct value *scripts = value_get(manifest->spec, "init_scripts");
    if (scripts == NULL || scripts->kind != VALUE_LIST) return;
    struct script *found = arena_alloc(maker->arena, scripts->len * sizeof(*found));
    size_t found_len = 0;
    struct value_builder list = value_build_list(maker->arena, scripts->pos);
    for (size_t i = 0; i < scripts->len; i++) {
        const struct value *item = scripts->u.items[i];
        const struct value *source = value_at(item, "local.source");
        if (source != NULL && source->kind == VALUE_TEXT) {
            item = script_place(maker, source, &found[found_len]);
            if (item == NULL) continue;
            found_len++;
        }
        value_push(&list, item);
    }
    if (found_len == 0) return;
    struct value_builder spec = value_build_map(maker->arena, manifest->spec->pos);
    for (size_t i = 0; i < manifest->spec->len; i++) {
        const struct member *member = &manifest->spec->u.members[i];
        bool is_scripts = member->value == scripts;
        value_put_new(&spec, member->key, member->pos, is_scripts ? list.value : member->value);
    }
    manifest->spec = spec.value;
    manifest->scripts = found;
    manifest->scripts_len = found_len;
}

/* --- digests --- */

static void add_part(struct buf *json, const char *name, const struct value *value)
{
    (void)buf_addc(json, '\n'); /* not in JSON as json.h writes it: parts cannot run together */
    (void)buf_adds(json, name);
    if (value != NULL) json_write(value, json);
}

static bool digests_make(const struct maker *maker, struct manifest *manifest,
                         struct digest *ret_whole)
{
    struct buf *json = &maker->catalogue->json;
    struct hasher *hasher = maker->catalogue->hasher;
    buf_clear(json);
    add_part(json, "spec", manifest->spec);
    add_part(json, "libraries", manifest->libraries);
    add_part(json, "permissions", manifest->permissions);
    hasher_add(hasher, json->data, json->len);
    manifest->digest = hasher_take(hasher);
    bool is_whole = !json->overflowed;

    const struct keep *keep = &manifest->keep;
    const char choices[] = { (char)keep->strategy,  (char)keep->running,     (char)keep->drift,
                             (char)keep->prune,     (char)keep->pinned,      (char)keep->suspend,
                             (char)keep->preflight, (char)keep->no_rollback, (char)keep->follow_tag,
                             (char)keep->pin_digest };
    buf_clear(json);
    (void)buf_add(json, (const char *)manifest->digest.bytes, DIGEST_BYTES);
    (void)buf_add(json, choices, sizeof(choices));
    (void)buf_adds(json, keep->adopt == NULL ? "" : keep->adopt);
    add_part(json, "labels", manifest->labels);
    hasher_add(hasher, json->data, json->len);
    *ret_whole = hasher_take(hasher);
    if (is_whole && !json->overflowed) return true;
    diag_error(maker->diag, manifest->pos,
               "this manifest is larger than %d bytes as JSON; a request takes no more",
               CATALOGUE_MANIFEST_BYTES_MAX);
    return false;
}

bool cluster_make(const struct maker *maker, const struct manifest_parts *merged,
                  struct manifest *ret_manifest, struct digest *ret_whole)
{
    struct manifest manifest = { 0 };
    struct maker placing = *maker;
    struct err err;
    manifest_finish(maker->arena, merged, maker->diag, &manifest);
    scripts_place(maker, &manifest);
    if (!secrets_map(maker->arena, manifest.spec, secret_place, &placing, &manifest.spec, &err) ||
        diag_errors(maker->diag) != 0) {
        return false;
    }
    if (!secrets_seal(maker->catalogue->secrets, maker->arena, manifest.spec, &manifest.spec,
                      &err)) {
        diag_add_err(maker->diag, manifest.pos.file, &err);
        return false;
    }
    if (!digests_make(maker, &manifest, ret_whole)) return false;
    *ret_manifest = manifest;
    return true;
}

#include "catalogue_private.h"

#include "yaml_tree.h"

#include <assert.h>

struct catalogue *catalogue_create(const char *root, const struct files *files,
                                   struct secrets *secrets, const char *script_dir)
{
    struct catalogue *catalogue = xcalloc(1, sizeof(*catalogue));
    catalogue->root = xstrdup(root);
    catalogue->script_dir = xstrdup(script_dir == NULL ? CATALOGUE_SCRIPT_DIR : script_dir);
    catalogue->files = files;
    catalogue->secrets = secrets;
    catalogue->hasher = hasher_create();
    catalogue->json = BUF_INIT(CATALOGUE_MANIFEST_BYTES_MAX);
    return catalogue;
}

void catalogue_keep(struct catalogue *catalogue)
{
    catalogue->keeps = true;
}

void kept_release(struct kept *kept)
{
    text_map_release(&kept->manifests);
    arena_release(&kept->arena);
}

void catalogue_destroy(struct catalogue *catalogue)
{
    if (catalogue == NULL) return;
    kept_release(&catalogue->kept);
    index_release(&catalogue->index);
    hasher_destroy(catalogue->hasher);
    buf_release(&catalogue->json);
    xfree(catalogue->script_dir);
    xfree(catalogue->root);
    xfree(catalogue);
}

bool catalogue_is_complete(const struct catalogue *catalogue)
{
    return catalogue->is_complete;
}

size_t catalogue_files(const struct catalogue *catalogue)
{
    return catalogue->index.rows_len;
}

const struct entry *catalogue_entries(const struct catalogue *catalogue, size_t *ret_len)
{
    *ret_len = catalogue->index.entries_len;
    return catalogue->index.entries;
}

const struct entry *catalogue_find(const struct catalogue *catalogue, const char *name)
{
    return index_find(&catalogue->index, name);
}

/* --- load --- */

static bool fail_changed(const struct entry *entry, const char *file, struct err *err)
{
    struct pos pos = { file, entry->pos.line, entry->pos.column };
    return err_at(err, pos, "the manifest of '%s' changed while it was read; looking again",
                  entry->name);
}

/* The parts of the entry's document. `ret_found` false when the file does not hold it any more. */
static bool parts_read(const struct catalogue *catalogue, const struct entry *entry,
                       const char *file, struct arena *arena, struct manifest_parts *ret_parts,
                       struct err *err)
{
    const struct files *files = catalogue->files;
    AUTO_BUF struct buf path = BUF_INIT(PATH_BYTES_MAX);
    AUTO_BUF struct buf text = BUF_INIT(YAML_FILE_BYTES_MAX);
    AUTO(diag_destroy) struct diag *diag = diag_create();
    const char *full = catalogue_path(catalogue, file, &path);
    if (!files->read(files->ctx, full, &text, NULL, err)) {
        return err->code == ERR_NOT_FOUND ? fail_changed(entry, file, err) : false;
    }
    struct yaml_documents yaml;
    struct manifest_parts parts = { 0 };
    if (yaml_read(arena, file, buf_text(&text), text.len, diag, &yaml) &&
        entry->document < yaml.len &&
        manifest_read(arena, yaml.documents[entry->document], diag, &parts) &&
        parts.kind == MANIFEST_CLUSTER && parts.name != NULL && diag_errors(diag) == 0 &&
        strcmp(parts.name, entry->name) == 0) {
        *ret_parts = parts;
        return true;
    }
    return fail_changed(entry, file, err);
}

bool catalogue_load(struct catalogue *catalogue, const struct entry *entry, struct arena *arena,
                    struct manifest *ret_manifest, struct err *err)
{
    assert(entry->file < catalogue->index.rows_len);
    const struct manifest *kept = text_map_get(&catalogue->kept.manifests, entry->name);
    if (kept != NULL) {
        *ret_manifest = *kept;
        return true;
    }
    const struct row *row = &catalogue->index.rows[entry->file];
    const char *file = arena_strdup(arena, row->path);
    struct manifest_parts parts;
    struct manifest_parts above;
    if (!parts_read(catalogue, entry, file, arena, &parts, err)) return false;
    if (row->scope != INDEX_NONE) {
        if (!scope_copy(catalogue, row->scope, arena, &above, err)) return false;
        parts = manifest_merge(arena, &above, &parts);
    }
    AUTO(diag_destroy) struct diag *diag = diag_create();
    struct maker maker = { catalogue, &catalogue->index, false, arena, diag };
    struct manifest manifest;
    struct digest whole;
    if (!cluster_make(&maker, &parts, &manifest, &whole) || !digest_equal(&whole, &entry->whole)) {
        return fail_changed(entry, file, err);
    }
    *ret_manifest = manifest;
    return true;
}

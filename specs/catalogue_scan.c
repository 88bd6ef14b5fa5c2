#include "catalogue_walk.h"

#include "text.h"
#include "yaml_tree.h"

#include <stdlib.h>

void walk_fault(struct walk *walk, struct diag *diag, const char *path, const struct err *err)
{
    walk->is_complete = false;
    diag_add_err(diag, path, err);
}

bool walk_is_full(struct walk *walk, struct diag *diag, const char *what, size_t len, size_t max)
{
    if (len < max) return false;
    struct err err;
    (void)err_set(&err, ERR_LIMIT, "more than %zu %s; those beyond are not looked at", max, what);
    walk_fault(walk, diag, walk->catalogue->root, &err);
    return true;
}

/* --- names --- */

static bool name_is_temporary(const char *name)
{
    static const char *const endings[] = { "~",    ".swp",         ".swx",
                                           ".tmp", "___jb_tmp___", "___jb_old___" };
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        if (text_ends(name, endings[i])) return true;
    }
    bool is_emacs = name[0] == '#' && text_ends(name, "#");
    bool is_vim = strcmp(name, "4913") == 0; /* made to see whether the directory takes files */
    return is_emacs || is_vim;
}

bool catalogue_passes_over(const char *name)
{
    return name[0] == '.' || name_is_temporary(name);
}

static bool name_is_manifest(const char *name)
{
    return text_ends(name, ".yaml") || text_ends(name, ".yml");
}

/* --- listing --- */

static void listing_release(struct listing *listing)
{
    xfree(listing->files);
    xfree(listing->directories);
    xfree(listing->found);
}

static void on_other(struct listing *listing, const char *name, const struct file_stamp *stamp)
{
    static const struct file_stamp nowhere;
    bool is_nowhere = memcmp(stamp, &nowhere, sizeof(nowhere)) == 0;
    if (!is_nowhere && !name_is_manifest(name)) return;
    const char *path = arena_printf(&listing->walk->arena, "%s%s", listing->prefix, name);
    struct err err;
    /* It may have led to a manifest, or to a directory of them. */
    (void)err_set(&err, ERR_IO,
                  is_nowhere ? "this symbolic link leads nowhere, or cannot be followed"
                             : "not a regular file");
    walk_fault(listing->walk, listing->walk->diag, path, &err);
}

static bool listing_has_room(const struct listing *listing, bool is_directory)
{
    struct walk *walk = listing->walk;
    if (is_directory) {
        size_t directories = walk->directories + listing->directories_len;
        return !walk_is_full(walk, walk->diag, "directories", directories,
                             CATALOGUE_DIRECTORIES_MAX);
    }
    size_t files = walk->next.rows_len + listing->files_len;
    return !walk_is_full(walk, walk->diag, "files of manifests", files, CATALOGUE_FILES_MAX);
}

static void on_name(void *ctx, const char *name, enum file_kind kind,
                    const struct file_stamp *stamp)
{
    struct listing *listing = ctx;
    struct walk *walk = listing->walk;
    if (catalogue_passes_over(name)) return;
    if (kind == FILE_OTHER) {
        on_other(listing, name, stamp);
        return;
    }
    bool is_directory = kind == FILE_DIRECTORY;
    if (!is_directory && !name_is_manifest(name)) return;
    if (!listing_has_room(listing, is_directory)) return;
    size_t size = strlen(name) + 1;
    char *path = arena_alloc(&walk->next.arena, listing->prefix_len + size);
    memcpy(path, listing->prefix, listing->prefix_len);
    memcpy(path + listing->prefix_len, name, size);
    struct item item = { .path = path, .stamp = *stamp, .row = INDEX_NONE };
    if (is_directory) {
        ARR_PUSH(listing->directories, listing->directories_len, listing->directories_cap, item);
    } else {
        ARR_PUSH(listing->files, listing->files_len, listing->files_cap, item);
    }
}

static int item_order(const void *a, const void *b)
{
    return strcmp(((const struct item *)a)->path, ((const struct item *)b)->path);
}

static bool directory_list(struct walk *walk, struct listing *listing, const char *path,
                           struct err *err)
{
    const struct files *files = walk->catalogue->files;
    const char *full = catalogue_path(walk->catalogue, path, &walk->path);
    if (!buf_ok(&walk->path, "a path", err)) return false;
    if (!files->list(files->ctx, full, on_name, listing, err)) return false;
    if (listing->files_len > 1) {
        qsort(listing->files, listing->files_len, sizeof(struct item), item_order);
    }
    if (listing->directories_len > 1) {
        qsort(listing->directories, listing->directories_len, sizeof(struct item), item_order);
    }
    return true;
}

/* --- directories --- */

static bool directory_walk(struct walk *walk, struct place *place, const char *path,
                           struct err *err);

/* The directory that `item` leads back to, or NULL. */
static const struct place *place_again(const struct place *place, const struct item *item)
{
    while (place != NULL &&
           (place->device != item->stamp.device || place->inode != item->stamp.inode)) {
        place = place->above;
    }
    return place;
}

static bool directory_enter(struct walk *walk, const struct place *above, const struct item *item,
                            struct err *err)
{
    const struct place *again = place_again(above, item);
    if (again != NULL) {
        return err_set(err, ERR_IO, "this symbolic link leads back to '%s', which it is in",
                       again->above == NULL ? walk->catalogue->root : again->prefix);
    }
    if (above->depth == CATALOGUE_DEPTH_MAX) {
        return err_set(err, ERR_LIMIT, "more than %d directories deep; it is not looked into",
                       CATALOGUE_DEPTH_MAX);
    }
    struct place place = *above;
    place.above = above;
    place.prefix = arena_printf(&walk->next.arena, "%s/", item->path);
    place.device = item->stamp.device;
    place.inode = item->stamp.inode;
    place.depth++;
    return directory_walk(walk, &place, item->path, err);
}

static bool directory_walk(struct walk *walk, struct place *place, const char *path,
                           struct err *err)
{
    __attribute__((cleanup(listing_release))) struct listing listing = {
        .walk = walk, .prefix = place->prefix, .prefix_len = strlen(place->prefix)
    };
    walk->directories++;
    if (!directory_list(walk, &listing, path, err)) return false;
    files_take(walk, place, &listing);
    for (size_t i = 0; i < listing.directories_len; i++) {
        const struct item *item = &listing.directories[i];
        struct err failure;
        if (!directory_enter(walk, place, item, &failure)) {
            walk_fault(walk, walk->diag, item->path, &failure);
        }
    }
    return true;
}

/* --- one name, one manifest --- */

static void twin_report(struct walk *walk, struct entry *entry, const struct entry *other)
{
    const struct files *files = walk->catalogue->files;
    struct row *row = &walk->next.rows[entry->file];
    struct err ignored;
    row->flags |= ROW_ALWAYS;
    walk->is_complete = false;
    buf_clear(&walk->text);
    if (diag_errors(walk->diag) < DIAG_MAX &&
        files->read(files->ctx, catalogue_path(walk->catalogue, row->path, &walk->path),
                    &walk->text, NULL, &ignored)) {
        diag_set_source(walk->diag, row->path, walk->text.data, walk->text.len);
    }
    diag_error(walk->diag, entry->pos,
               "the name '%s' is taken: %s:%u has it too; give one of the two another name",
               entry->name, other->pos.file, other->pos.line);
    diag_forget_source(walk->diag);
}

/* Of manifests with one name none is taken: which of them is meant cannot be known. */
static void twins_drop(struct walk *walk)
{
    struct index *index = &walk->next;
    size_t kept = 0;
    size_t end = 0;
    for (size_t begin = 0; begin < index->entries_len; begin = end) {
        struct entry *first = &index->entries[begin];
        for (end = begin + 1; end < index->entries_len; end++) {
            if (strcmp(index->entries[end].name, first->name) != 0) break;
        }
        for (size_t i = begin; end - begin > 1 && i < end; i++) {
            twin_report(walk, &index->entries[i], i == begin ? first + 1 : first);
        }
        if (end - begin == 1) index->entries[kept++] = *first;
    }
    index->entries_len = kept;
}

static void manifests_limit(struct walk *walk)
{
    size_t len = walk->next.entries_len;
    if (len <= CATALOGUE_MANIFESTS_MAX) return;
    (void)walk_is_full(walk, walk->diag, "manifests", len, CATALOGUE_MANIFESTS_MAX);
    walk->next.entries_len = CATALOGUE_MANIFESTS_MAX;
}

/* --- the scan --- */

/* The references in use, each looked at once, so that the files that have a stale one are read. */
static void refs_carry(struct walk *walk)
{
    for (size_t i = 0; i < walk->last->refs_len; i++) {
        struct ref *ref = walk->last->refs[i];
        if (!ref->is_used) continue;
        struct ref *carried = index_ref(&walk->next, ref->kind, ref->text);
        carried->stamp = ref->stamp;
        carried->hash = ref->hash;
        carried->is_known = ref->is_known;
        ref->is_stale = ref_look(walk->catalogue, &walk->next, carried);
        ref->moved = carried->id;
        if (memcmp(&carried->stamp, &ref->stamp, sizeof(ref->stamp)) != 0) walk->differs = true;
    }
}

static struct walk walk_begin(struct catalogue *catalogue, struct diag *diag)
{
    struct walk walk = {
        .catalogue = catalogue,
        .last = &catalogue->index,
        .diag = diag,
        .scratch = diag_create(),
        .path = BUF_INIT(PATH_BYTES_MAX),
        .text = BUF_INIT(YAML_FILE_BYTES_MAX),
        .is_complete = true,
    };
    size_t rows = catalogue->index.rows_len;
    walk.moved = xmalloc((rows + 1) * sizeof(walk.moved[0]));
    for (size_t i = 0; i < rows; i++) {
        walk.moved[i] = INDEX_NONE;
    }
    return walk;
}

static void walk_release(struct walk *walk)
{
    index_release(&walk->next);
    xfree(walk->moved);
    diag_destroy(walk->scratch);
    kept_release(&walk->kept);
    arena_release(&walk->arena);
    buf_wipe(&walk->text);
    buf_release(&walk->path);
}

static bool root_walk(struct walk *walk, struct err *err)
{
    struct catalogue *catalogue = walk->catalogue;
    struct file_stamp stamp;
    struct place root = { .prefix = "", .scope = INDEX_NONE };
    if (!catalogue->files->look(catalogue->files->ctx, catalogue->root, &stamp, err)) return false;
    root.device = stamp.device;
    root.inode = stamp.inode;
    return directory_walk(walk, &root, "", err);
}

static void changes_forget(struct catalogue *catalogue)
{
    for (size_t i = 0; catalogue->has_changes && i < catalogue->index.entries_len; i++) {
        catalogue->index.entries[i].changed = false;
    }
    catalogue->has_changes = false;
}

bool catalogue_scan(struct catalogue *catalogue, struct diag *diag, struct err *err)
{
    __attribute__((cleanup(walk_release))) struct walk walk = walk_begin(catalogue, diag);
    if (catalogue->secrets != NULL) secrets_forget(catalogue->secrets);
    catalogue->is_complete = false;
    kept_release(&catalogue->kept);
    refs_carry(&walk);
    if (!root_walk(&walk, err)) {
        return err_wrap(err, "the directory of manifests cannot be read");
    }
    if (!walk.differs && walk.cursor == walk.last->rows_len) {
        changes_forget(catalogue);
    } else {
        index_settle(&walk.next, walk.last, walk.moved);
        twins_drop(&walk);
        manifests_limit(&walk);
        struct index last = catalogue->index;
        catalogue->index = walk.next;
        walk.next = last;
        catalogue->has_changes = true;
        catalogue->kept = walk.kept;
        walk.kept = (struct kept){ .arena = ARENA_INIT };
    }
    catalogue->is_complete = walk.is_complete;
    return true;
}

#include "catalogue_walk.h"

#include "text.h"
#include "yaml_tree.h"

/* --- what is to be read --- */

/* Of the row's references, is one not what it was? */
static bool row_is_stale(const struct index *index, const struct row *row)
{
    for (size_t i = 0; i < row->refs_len; i++) {
        if (index->refs[index->ref_ids[row->refs_at + i]]->is_stale) return true;
    }
    return false;
}

/* Is it a file of this very directory, not of one below? */
static bool is_in_place(const char *path, const char *prefix, size_t prefix_len)
{
    return strncmp(path, prefix, prefix_len) == 0 && strchr(path + prefix_len, '/') == NULL;
}

static void row_remember(struct listing *listing, const struct index *last, const struct row *row)
{
    if ((row->flags & ROW_DEFAULTS) == 0) return;
    listing->had_defaults = true;
    if (row->scope != INDEX_NONE) listing->had = last->scopes[row->scope].digest;
}

static bool name_is_likely(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    return text_starts(name, "defaults.") || text_starts(name, "Defaults.");
}

/* Both sides are sorted by name, so that one pass finds for each file its row of the last scan. */
static void rows_match(struct walk *walk, struct listing *listing)
{
    const struct index *last = walk->last;
    size_t at = walk->cursor;
    while (at < last->rows_len && path_order(last->rows[at].path, listing->prefix) < 0) {
        at++;
    }
    if (at != walk->cursor) walk->differs = true; /* files of directories that are gone */
    size_t next = 0;
    while (at < last->rows_len &&
           is_in_place(last->rows[at].path, listing->prefix, listing->prefix_len)) {
        const struct row *row = &last->rows[at];
        int order = -1; /* none left: the row's file is gone */
        while (next < listing->files_len &&
               (order = strcmp(row->path, listing->files[next].path)) > 0) {
            next++;
        }
        row_remember(listing, last, row);
        if (next == listing->files_len || order != 0) {
            walk->differs = true;
        } else {
            listing->files[next].row = (uint32_t)at;
        }
        at++;
    }
    walk->cursor = at;
    for (size_t i = 0; i < listing->files_len; i++) {
        struct item *item = &listing->files[i];
        const struct row *row = item->row == INDEX_NONE ? NULL : &last->rows[item->row];
        item->is_fresh = row == NULL || (row->flags & ROW_ALWAYS) != 0 ||
                         !file_stamp_equal(&row->stamp, &item->stamp) || row_is_stale(last, row);
        bool had = row != NULL && (row->flags & ROW_DEFAULTS) != 0;
        item->is_likely = had || (item->is_fresh && name_is_likely(item->path));
    }
}

/* --- reading a file --- */

static bool keeps_more(const struct walk *walk)
{
    return walk->catalogue->keeps && walk->kept.manifests.len < CATALOGUE_KEPT_MAX;
}

/*
 * The documents of a file. False with a finding, or without one when the file is gone: it is as
 * if it had not been listed, but then nobody can say that it was taken out on purpose.
 */
static bool documents_read(struct walk *walk, const struct item *item, struct file_stamp *ret_stamp,
                           struct yaml_documents *ret_documents)
{
    const struct files *files = walk->catalogue->files;
    struct err err;
    arena_reset(&walk->arena);
    buf_clear(&walk->text);
    const char *path = catalogue_path(walk->catalogue, item->path, &walk->path);
    if (!buf_ok(&walk->path, "a path", &err) ||
        !files->read(files->ctx, path, &walk->text, ret_stamp, &err)) {
        walk->is_complete = false;
        if (err.code == ERR_LIMIT) {
            (void)err_set(&err, ERR_LIMIT, "larger than %d bytes; split it into several files",
                          YAML_FILE_BYTES_MAX);
        }
        if (err.code != ERR_NOT_FOUND) diag_add_err(walk->scratch, item->path, &err);
        return false;
    }
    diag_set_source(walk->scratch, item->path, buf_text(&walk->text), walk->text.len);
    return yaml_read(&walk->arena, item->path, buf_text(&walk->text), walk->text.len, walk->scratch,
                     ret_documents);
}

/* Is there something like `kind: Defaults` in a text that cannot be parsed? */
static bool text_says_defaults(const char *text)
{
    static const char between[] = " \t\"'";
    for (const char *at = text; (at = strstr(at, "Defaults")) != NULL; at++) {
        const char *back = at;
        while (back > text && strchr(between, back[-1]) != NULL) {
            back--;
        }
        if (back == text || back[-1] != ':') continue;
        back--;
        while (back > text && strchr(between, back[-1]) != NULL) {
            back--;
        }
        if (back - text >= 4 && strncmp(back - 4, "kind", 4) == 0) return true;
    }
    return false;
}

/* Hand on what was found in the file. True when an error was. */
static bool scratch_flush(struct walk *walk, struct row *row)
{
    size_t errors = diag_errors(walk->scratch);
    diag_forget_source(walk->scratch);
    if (errors == 0 && diag_warnings(walk->scratch) == 0) return false;
    if (row != NULL) row->flags |= ROW_ALWAYS;
    if (errors != 0) walk->is_complete = false;
    diag_append(walk->findings, walk->scratch);
    diag_destroy(walk->scratch);
    walk->scratch = diag_create();
    return errors != 0;
}

/* --- Defaults --- */

/*
 * A file that cannot be made out must not be taken for one without Defaults: what they said would
 * be taken back from all Clusters below.
 */
static void defaults_read(struct walk *walk, struct listing *listing, struct item *item)
{
    struct yaml_documents yaml = { 0 };
    struct file_stamp ignored;
    size_t found_before = listing->found_len;
    bool is_clear = documents_read(walk, item, &ignored, &yaml);
    struct digest digest = digest_of(buf_text(&walk->text), walk->text.len);
    for (size_t i = 0; i < yaml.len; i++) {
        struct manifest_parts parts = { 0 };
        if (!manifest_read(&walk->arena, yaml.documents[i], walk->scratch, &parts)) {
            is_clear = false;
        } else if (parts.kind == MANIFEST_DEFAULTS) {
            struct found found = { item->path, (uint32_t)i, yaml.documents[i]->pos, digest };
            ARR_PUSH(listing->found, listing->found_len, listing->found_cap, found);
        }
    }
    bool has_errors = scratch_flush(walk, NULL);
    if (!is_clear || (has_errors && listing->found_len > found_before)) listing->is_suspect = true;
}

/* Find the Defaults of the directory before its Clusters are read. */
static void defaults_gather(struct walk *walk, struct listing *listing)
{
    listing->found_len = 0;
    listing->is_suspect = false;
    for (size_t i = 0; i < listing->files_len; i++) {
        struct item *item = &listing->files[i];
        if (item->is_likely && item->is_fresh) defaults_read(walk, listing, item);
        if (!item->is_likely || item->is_fresh) continue;
        const struct row *row = &walk->last->rows[item->row];
        const struct scope *scope = &walk->last->scopes[row->scope];
        struct found found = { .path = item->path,
                               .document = scope->document,
                               .pos = { item->path, 1, 1 },
                               .digest = scope->digest };
        ARR_PUSH(listing->found, listing->found_len, listing->found_cap, found);
    }
}

/* Of several Defaults the places are wanted; those of unchanged files are not known yet. */
static void defaults_locate(struct walk *walk, struct listing *listing)
{
    for (size_t i = 0; i < listing->files_len; i++) {
        if (listing->files[i].is_likely) listing->files[i].is_fresh = true;
    }
    defaults_gather(walk, listing);
}

static void defaults_refuse_second(struct walk *walk, struct listing *listing)
{
    for (size_t i = 1; i < listing->found_len; i++) {
        diag_error(walk->findings, listing->found[i].pos,
                   "a second Defaults for this directory; the first is in %s:%u; make one of the "
                   "two, or move this one down",
                   listing->found[0].path, listing->found[0].pos.line);
    }
}

/* What applies in the directory, and whether that is what applied before. */
static void place_settle(struct walk *walk, struct place *place, struct listing *listing)
{
    static const struct found none;
    const struct place *above = place->above;
    const struct found *first = listing->found_len == 0 ? &none : &listing->found[0];
    bool has_defaults = listing->found_len != 0;
    place->scope = above == NULL ? INDEX_NONE : above->scope;
    place->is_dirty = (above != NULL && above->is_dirty) || has_defaults != listing->had_defaults ||
                      !digest_equal(&first->digest, &listing->had);
    place->is_broken =
        (above != NULL && above->is_broken) || listing->is_suspect || listing->found_len > 1;
    for (size_t i = 0; (place->is_dirty || place->is_broken) && i < listing->files_len; i++) {
        listing->files[i].is_fresh = true;
    }
    defaults_refuse_second(walk, listing);
    if (place->is_broken) {
        walk->is_complete = false; /* whatever is below: it cannot be made */
        place->is_dirty = true;
        place->scope = INDEX_NONE;
    } else if (has_defaults) {
        struct index *next = &walk->next;
        struct scope scope = { .path = first->path,
                               .document = first->document,
                               .above = place->scope,
                               .digest = first->digest };
        place->scope = (uint32_t)next->scopes_len;
        ARR_PUSH(next->scopes, next->scopes_len, next->scopes_cap, scope);
    }
}

/* --- the files of a directory --- */

static void row_carry(struct walk *walk, const struct place *place, const struct item *item)
{
    const struct row *before = &walk->last->rows[item->row];
    struct row *row = index_add_row(&walk->next, item->path);
    row->stamp = before->stamp;
    row->flags = before->flags;
    row->scope = place->scope;
    walk->moved[item->row] = (uint32_t)walk->next.rows_len - 1;
    for (size_t i = 0; i < before->refs_len; i++) {
        const struct ref *ref = walk->last->refs[walk->last->ref_ids[before->refs_at + i]];
        index_list_ref(&walk->next, walk->next.refs[ref->moved]);
    }
}

/* A directory that is taken twice brings its manifests twice: the later ones count. */
static void manifest_keep(struct walk *walk, const char *name, const struct manifest *manifest)
{
    struct manifest *kept = text_map_get(&walk->kept.manifests, name);
    if (kept == NULL && !keeps_more(walk)) return;
    if (kept == NULL) {
        kept = arena_alloc(&walk->kept.arena, sizeof(*kept));
        text_map_put(&walk->kept.manifests, name, kept);
    }
    manifest_copy(&walk->kept.arena, manifest, kept);
}

static void cluster_take(struct walk *walk, struct row *row, uint32_t document,
                         const struct manifest_parts *parts)
{
    struct index *next = &walk->next;
    struct manifest_parts merged = *parts;
    if (row->scope != INDEX_NONE) {
        const struct manifest_parts *above = NULL;
        struct err err;
        if (!scope_merged(walk->catalogue, next, row->scope, &above, &err)) {
            diag_add_err(walk->scratch, row->path, &err);
            return;
        }
        merged = manifest_merge(&walk->arena, above, parts);
    }
    struct maker maker = { walk->catalogue, next, true, &walk->arena, walk->scratch };
    struct manifest manifest = { 0 };
    struct entry entry = { .file = (uint32_t)next->rows_len - 1, .document = document };
    if (!cluster_make(&maker, &merged, &manifest, &entry.whole)) return;
    entry.name = arena_strdup(&next->arena, manifest.name);
    entry.pos = manifest.pos;
    entry.pos.file = row->path;
    entry.digest = manifest.digest;
    if (walk_is_full(walk, walk->findings, "manifests", next->entries_len,
                     CATALOGUE_MANIFESTS_MAX)) {
        return;
    }
    ARR_PUSH(next->entries, next->entries_len, next->entries_cap, entry);
    manifest_keep(walk, entry.name, &manifest);
}

/* The documents of a file, its Clusters taken. False when one cannot be made out. */
static bool documents_take(struct walk *walk, const struct place *place, struct row *row,
                           const struct yaml_documents *yaml)
{
    bool is_clear = true;
    for (size_t i = 0; i < yaml->len; i++) {
        struct manifest_parts parts = { 0 };
        if (!manifest_read(&walk->arena, yaml->documents[i], walk->scratch, &parts)) {
            is_clear = false;
        } else if (parts.kind == MANIFEST_DEFAULTS) {
            row->flags |= ROW_DEFAULTS;
        } else if (!place->is_broken && diag_errors(walk->scratch) == 0) {
            cluster_take(walk, row, (uint32_t)i, &parts);
        }
    }
    return is_clear;
}

/*
 * Are the Defaults that were gathered from this file, if any, what it holds now that it was read
 * for its Clusters? If not, it was changed in between: nothing may be built on it.
 */
static bool defaults_are_as_gathered(const struct walk *walk, const struct place *place,
                                     const struct row *row)
{
    bool holds = (row->flags & ROW_DEFAULTS) != 0;
    const struct scope *scope =
        place->scope == INDEX_NONE ? NULL : &walk->next.scopes[place->scope];
    if (scope == NULL || scope->path != row->path) return !holds;
    struct digest digest = digest_of(buf_text(&walk->text), walk->text.len);
    return holds && digest_equal(&digest, &scope->digest);
}

static void file_take(struct walk *walk, const struct place *place, struct listing *listing,
                      struct item *item)
{
    struct index_mark mark = index_mark(&walk->next);
    struct row *row = index_add_row(&walk->next, item->path);
    struct yaml_documents yaml = { 0 };
    row->stamp = item->stamp;
    row->scope = place->scope;
    if (place->is_broken) row->flags |= ROW_ALWAYS;
    if (item->row != INDEX_NONE) walk->moved[item->row] = INDEX_NONE;
    walk->differs = true;

    bool is_read = documents_read(walk, item, &row->stamp, &yaml);
    bool is_gone = !is_read && diag_errors(walk->scratch) == 0;
    bool is_clear = is_read && documents_take(walk, place, row, &yaml);
    if (!is_clear && (item->is_likely || text_says_defaults(buf_text(&walk->text)))) {
        row->flags |= ROW_DEFAULTS;
    }
    if ((row->flags & ROW_DEFAULTS) != 0 && !item->is_likely) {
        item->is_likely = true;
        listing->is_late = true;
    }
    if (!defaults_are_as_gathered(walk, place, row)) {
        row->flags |= ROW_ALWAYS;
        walk->is_complete = false;
    }
    if (scratch_flush(walk, row)) walk->next.entries_len = mark.entries_len;
    if (is_gone) index_rewind(&walk->next, mark);
}

static void files_pass(struct walk *walk, struct place *place, struct listing *listing)
{
    listing->is_late = false;
    defaults_gather(walk, listing);
    if (listing->found_len > 1) defaults_locate(walk, listing);
    place_settle(walk, place, listing);
    for (size_t i = 0; i < listing->files_len; i++) {
        struct item *item = &listing->files[i];
        if (item->is_fresh) {
            file_take(walk, place, listing, item);
        } else {
            row_carry(walk, place, item);
        }
    }
}

/*
 * Any file may hold Defaults, and they apply to the files before it too. A file that is known to
 * hold them, or is named so, is looked at first. When they turn up elsewhere the directory is
 * taken a second time, which is cheaper than to look into every file twice every time.
 */
void files_take(struct walk *walk, struct place *place, struct listing *listing)
{
    struct index_mark mark = index_mark(&walk->next);
    bool was_complete = walk->is_complete;
    rows_match(walk, listing);
    for (int passes = 2; passes > 0; passes--) {
        AUTO(diag_destroy) struct diag *findings = diag_create();
        walk->findings = findings;
        files_pass(walk, place, listing);
        if (!listing->is_late || passes == 1) {
            diag_append(walk->diag, findings);
            break;
        }
        index_rewind(&walk->next, mark);
        walk->is_complete = was_complete;
    }
    walk->findings = NULL;
}

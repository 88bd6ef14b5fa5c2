/*
 * catalogue_private: what the files of the catalogue share. Not for others.
 *
 *   catalogue.c          the public face: look up, load
 *   catalogue_scan.c     the walk through the directories
 *   catalogue_read.c     the files of a directory: which to read again, what is in them
 *   catalogue_cluster.c  one Cluster: references, scripts, secrets, digests
 *   catalogue_scope.c    the Defaults that apply to a file
 *   catalogue_index.c    the tables that a scan leaves behind
 *   catalogue_save.c     the tables as bytes
 *
 * The index is a value: a scan builds the next one from the last, and either takes its place or,
 * when nothing differs, is thrown away. All its strings are in its arena.
 */
#ifndef CLUSTERKEEPER_CATALOGUE_PRIVATE_H
#define CLUSTERKEEPER_CATALOGUE_PRIVATE_H

#include "catalogue.h"
#include "text_map.h"

#define INDEX_NONE UINT32_MAX
enum { PATH_BYTES_MAX = 4096 };

enum row_flags {
    ROW_ALWAYS = 1u << 0,   /* something was found in it: read at each scan, so that it is said */
    ROW_DEFAULTS = 1u << 1, /* holds Defaults, or may: it cannot be read */
    ROW_FLAGS = ROW_ALWAYS | ROW_DEFAULTS,
};

/* A file. Rows are in the order of path_order. */
struct row {
    const char *path; /* relative to the root */
    struct file_stamp stamp;
    uint32_t scope;   /* the innermost Defaults that apply to it, or INDEX_NONE */
    uint32_t refs_at; /* its references: ref_ids[refs_at] and on */
    uint32_t refs_len;
    uint32_t flags;
};

/* A Defaults document and what it is laid over. */
struct scope {
    const char *path;
    uint32_t document;
    uint32_t above;                            /* an earlier scope, or INDEX_NONE */
    struct digest digest;                      /* of the file */
    const struct manifest_parts *own, *merged; /* NULL until somebody asks */
};

enum ref_kind { REF_ENV, REF_FILE, REF_SCRIPT, REF_KIND_COUNT };

/* Something outside the manifests that a digest depends on. Each is looked at once in a scan. */
struct ref {
    enum ref_kind kind;
    uint32_t id;
    const char *text; /* a variable; a path from the root on; a path below the root */
    struct file_stamp stamp;
    struct digest hash;
    bool is_known;       /* it was there: stamp and hash are good */
    bool is_used;        /* a row has it */
    bool is_stale;       /* during a scan, in the last index: not what it was */
    uint32_t moved;      /* likewise: its ID in the next index */
    uint32_t serial;     /* of the file that it was last listed for */
    const char *failure; /* what is wrong when it is not known */
};

struct index {
    struct arena arena;
    struct row *rows;
    size_t rows_len, rows_cap;
    struct entry *entries; /* sorted by name once the index is settled */
    size_t entries_len, entries_cap;
    struct scope *scopes;
    size_t scopes_len, scopes_cap;
    struct ref **refs;
    size_t refs_len, refs_cap;
    uint32_t *ref_ids;
    size_t ref_ids_len, ref_ids_cap;
    struct text_map ref_maps[REF_KIND_COUNT]; /* by text */
    uint32_t serial;                          /* of the file at hand */
};

/* Manifests that a scan has parsed, by name, and the arena that all of them are in. */
struct kept {
    struct arena arena;
    struct text_map manifests; /* of struct manifest */
};

struct catalogue {
    char *root;
    char *script_dir;
    const struct files *files;
    struct secrets *secrets;
    struct hasher *hasher;
    struct buf json; /* what is hashed */
    struct index index;
    bool is_complete;
    bool has_changes; /* an entry is marked as changed */
    bool keeps;       /* see catalogue_keep */
    struct kept kept;
};

/* --- catalogue_index.c --- */

void index_release(struct index *index);

/* Lengths to come back to. */
struct index_mark {
    size_t rows_len, entries_len, scopes_len, ref_ids_len;
};
struct index_mark index_mark(const struct index *index);
void index_rewind(struct index *index, struct index_mark mark);

/* A row at the end; what is listed from now on belongs to it. `path` is kept. */
struct row *index_add_row(struct index *index, const char *path);
/* The reference, new (and not known) if need be. */
struct ref *index_ref(struct index *index, enum ref_kind kind, const char *text);
/* List a reference for the last row, once. */
void index_list_ref(struct index *index, struct ref *ref);

/*
 * The order in which a scan comes by the files: those of a directory by name, then those of its
 * sub-directories.
 */
int path_order(const char *a, const char *b);

/*
 * Take over from `last` the entries of the rows that moved[row] says have moved here, mark which
 * of the others are changed, and sort.
 */
void index_settle(struct index *index, const struct index *last, const uint32_t *moved);
struct entry *index_find(const struct index *index, const char *name);

/* --- catalogue.c --- */

void kept_release(struct kept *kept);

/* --- catalogue_cluster.c --- */

/* `relative` below the root, in `out`; "" is the root itself. Borrowed from `out`. */
const char *catalogue_path(const struct catalogue *catalogue, const char *relative,
                           struct buf *out);

/* See what a reference leads to now. True when that is not what was known of it. */
bool ref_look(const struct catalogue *catalogue, struct index *index, struct ref *ref);

/* What it takes to make a manifest of the parts of a document. */
struct maker {
    struct catalogue *catalogue;
    struct index *index; /* knows references */
    bool lists_refs;     /* list them for the last row of the index */
    struct arena *arena; /* for the manifest */
    struct diag *diag;
};

/* Findings go to the maker's diag; false when one is an error. */
MUST_CHECK bool cluster_make(const struct maker *maker, const struct manifest_parts *merged,
                             struct manifest *ret_manifest, struct digest *ret_whole);

/* --- catalogue_scope.c --- */

/*
 * The Defaults of a scope laid over those above it. In the index's arena, read when first asked
 * for. Fails when a file is not the one that the index knows.
 */
MUST_CHECK bool scope_merged(const struct catalogue *catalogue, struct index *index, uint32_t id,
                             const struct manifest_parts **ret_parts, struct err *err);
/* As scope_merged, copied into `arena`. The ID may be INDEX_NONE: then nothing is stated. */
MUST_CHECK bool scope_copy(struct catalogue *catalogue, uint32_t id, struct arena *arena,
                           struct manifest_parts *ret_parts, struct err *err);

#endif

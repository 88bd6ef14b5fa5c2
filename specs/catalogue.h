/*
 * catalogue: all manifests below a directory, indexed.
 *
 * The index is small (about 200 bytes a manifest) and holds no spec: names, positions, digests and
 * the stamps of the files. A spec is parsed again when somebody asks for it. A scan looks at the
 * stamp of each file and reads only those that changed, and those below a Defaults that changed,
 * so that a scan of an unchanged tree costs a walk.
 *
 * *.yaml and *.yml files are read, in the directory and below; names that start with '.', end in
 * '~', or look like an editor's temporary file are passed over. Symbolic links are followed; a
 * directory that contains itself is an error.
 *
 * A file with a mistake in it contributes none of its manifests, and the catalogue is then not
 * complete: what is missing from an incomplete catalogue must not be taken for deleted.
 */
#ifndef CLUSTERKEEPER_CATALOGUE_H
#define CLUSTERKEEPER_CATALOGUE_H

#include "diag.h"
#include "files.h"
#include "manifest.h"
#include "secrets.h"

enum {
    CATALOGUE_FILES_MAX = 100000,
    CATALOGUE_DIRECTORIES_MAX = 100000, /* links can make a small tree look very large */
    CATALOGUE_MANIFESTS_MAX = 100000,
    CATALOGUE_KEPT_MAX = 20000,
    CATALOGUE_DEPTH_MAX = 32,
    CATALOGUE_SCRIPT_BYTES_MAX = 64 * 1024,         /* databricks-api.md 5.4 */
    CATALOGUE_MANIFEST_BYTES_MAX = 8 * 1024 * 1024, /* as JSON; a request body has 10 MB, ibid. */
};
#define CATALOGUE_SCRIPT_DIR "/Shared/clusterkeeper"

struct catalogue; /* opaque */

/* One Cluster, as the index knows it. Borrowed from the catalogue until the next scan. */
struct entry {
    const char *name;
    struct pos pos;       /* of the name; file is the path relative to the root */
    struct digest digest; /* spec, libraries, permissions; secrets and scripts by content */
    struct digest whole;  /* all that catalogue_load returns: `keep` and labels too */
    uint32_t file;        /* for the catalogue: which file, and which document of it */
    uint32_t document;
    bool changed; /* new, or another `whole`, since the scan before */
};

/*
 * `root` as the user wrote it. `secrets` may be NULL: then secrets are not resolved (validate).
 * `files` and `secrets` are borrowed for the catalogue's life. `script_dir` is where local init
 * scripts are put in the workspace; NULL means CATALOGUE_SCRIPT_DIR.
 */
struct catalogue *catalogue_create(const char *root, const struct files *files,
                                   struct secrets *secrets, const char *script_dir);
void catalogue_destroy(struct catalogue *catalogue); /* NULL is fine */
DEFINE_AUTO(struct catalogue, catalogue_destroy)

/* A name that is no manifest and no directory of manifests: hidden, or an editor's own. */
bool catalogue_passes_over(const char *name);

/*
 * Look at the tree anew. Findings of all files, those that were not read again included, go to
 * `diag`. False when the directory itself cannot be read; the index then stays as it was and is
 * not complete.
 */
MUST_CHECK bool catalogue_scan(struct catalogue *catalogue, struct diag *diag, struct err *err);

/*
 * From now on a scan keeps the manifests that it parsed, up to CATALOGUE_KEPT_MAX, until the next
 * one: for a plan, which asks for all of them right after and then ends.
 */
void catalogue_keep(struct catalogue *catalogue);

/* No file, name or reference had an error at the last scan: what is not here was taken out. */
bool catalogue_is_complete(const struct catalogue *catalogue);
size_t catalogue_files(const struct catalogue *catalogue);

/* The entries, sorted by name. */
const struct entry *catalogue_entries(const struct catalogue *catalogue, size_t *ret_len);
/* NULL when there is none of that name. */
const struct entry *catalogue_find(const struct catalogue *catalogue, const char *name);

/*
 * The desired manifest of an entry, parsed from its file into `arena`; nothing in it is borrowed
 * from the catalogue. ERR_MANIFEST or ERR_IO when the file changed meanwhile: scan again.
 */
MUST_CHECK bool catalogue_load(struct catalogue *catalogue, const struct entry *entry,
                               struct arena *arena, struct manifest *ret_manifest, struct err *err);

/*
 * The index as bytes, and back, so that the next process starts where this one ended. Bytes of
 * another version, root or secrets key, or damaged ones, are no error: false, and the catalogue
 * is empty.
 */
void catalogue_save(const struct catalogue *catalogue, struct buf *out);
bool catalogue_restore(struct catalogue *catalogue, const char *bytes, size_t len);

#endif

/*
 * yaml_tree: libyaml events to values, with positions and limits.
 *
 * Anchors, aliases and the merge key `<<` work; each alias shares the subtree of its anchor, and
 * what the expanded tree would hold is counted, so that a "billion laughs" file ends at once.
 * Duplicate keys, keys that are not scalars, tags other than the core ones, several top-level
 * mistakes and anything that is not UTF-8 are errors with a position. A plain scalar stays
 * VALUE_PLAIN: `no` and `4` are what the field table says they are. `~`, `null` and nothing are
 * VALUE_NULL; a scalar in quotes or a block scalar is VALUE_TEXT.
 */
#ifndef CLUSTERKEEPER_YAML_TREE_H
#define CLUSTERKEEPER_YAML_TREE_H

#include "diag.h"
#include "value.h"

enum {
    YAML_FILE_BYTES_MAX = 1 << 20,
    YAML_DOCUMENTS_MAX = 1000,
    YAML_DEPTH_MAX = 32,
    YAML_NODES_MAX = 200000, /* of one file, aliases expanded */
};

struct yaml_documents {
    const struct value **documents; /* in the arena; empty documents are left out */
    size_t len;
};

/*
 * Read all documents of `text`. `file` is borrowed into every position: let it live as long as the
 * arena. False when something was wrong, and `diag` says what; documents before the mistake are
 * not returned, because half a file is not what its author meant.
 */
MUST_CHECK bool yaml_read(struct arena *arena, const char *file, const char *text, size_t len,
                          struct diag *diag, struct yaml_documents *ret_documents);

#endif

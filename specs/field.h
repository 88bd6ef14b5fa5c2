/*
 * field: the one table of what a manifest may hold, and its readers.
 *
 * fields.def has a row for each field of the body of clusters/create. The reader of manifests, the
 * comparison, validation, the JSON Schema and the documentation follow from it: to support a new
 * field is to add a row. Facts: databricks-api.md, section 2.
 */
#ifndef CLUSTERKEEPER_FIELD_H
#define CLUSTERKEEPER_FIELD_H

#include "diag.h"
#include "value.h"

enum field_type {
    FIELD_TEXT,
    FIELD_BOOL,
    FIELD_INT,
    FIELD_REAL,
    FIELD_ENUM,   /* one of `choices`; aliases of one value are read as the first of them */
    FIELD_TEXTS,  /* list of text */
    FIELD_MAP,    /* text to text; scalars of YAML become text as they are written */
    FIELD_CONF,   /* as FIELD_MAP, and true, True and "true" are one value */
    FIELD_OBJECT, /* has child rows */
    FIELD_ONE_OF, /* an object of exactly one of its children */
    FIELD_LIST,   /* list of objects; its only child row is the element, path ending in [] */
};

/* What a difference in this field needs, cheapest first: the highest of all fields decides. */
enum change_class { CHANGE_NONE, CHANGE_RESIZE, CHANGE_EDIT, CHANGE_REPLACE, CHANGE_CLASS_COUNT };

enum field_flags {
    FIELD_SECRET =
        1u << 0, /* never shown, recorded or compared in clear; takes fromEnv, fromFile */
    FIELD_FILLED = 1u << 1,   /* the backend puts a value where the manifest is silent */
    FIELD_RESOLVED = 1u << 2, /* the backend may return another value than was submitted (AUTO) */
    FIELD_CREATE_ONLY = 1u << 3,   /* not part of an edit, not returned (clone_from) */
    FIELD_SPEC_ONLY = 1u << 4,     /* read back only inside `spec` (apply_policy_default_values) */
    FIELD_MANIFEST_ONLY = 1u << 5, /* not a field of the API: `local` scripts, keep, metadata */
    FIELD_REQUIRED = 1u << 6,      /* where its parent is, it has to be */
    FIELD_ZERO = 1u << 7,          /* 0 or false says something else than silence */
    FIELD_LITERAL = 1u << 8,       /* a secret that may be written out: half of a pair */
    FIELD_WORKSPACE = 1u << 9,     /* a workspace path: /Workspace/X and /X are one */
};

enum {
    FIELD_CHILDREN_MAX = 64,  /* of one row */
    FIELD_ENTRIES_MAX = 2000, /* of one list or map, where its row states no other limit */
    FIELD_QUOTE_SIZE = 80,
};

struct field {
    const char *path; /* "aws_attributes.zone_id", "init_scripts[].s3.region" */
    const char *name; /* the last part; "[]" for an element */
    enum field_type type;
    enum change_class change;
    unsigned flags;
    const char *choices; /* FIELD_ENUM: "A|B=ALIAS|C"; else NULL */
    int64_t min, max;    /* FIELD_INT; number of entries for lists and maps; both 0: no limit */
    const char *help;    /* one line */
    const struct field *parent;   /* NULL at the top */
    const struct field *children; /* the first row below this one; NULL for a leaf */
    size_t children_len; /* direct children lie behind one another, in the order of the file */
};

/* The top-level rows. */
const struct field *field_top(size_t *ret_len);
/* A direct child by name; `parent` NULL for the top. NULL when there is none. */
const struct field *field_child(const struct field *parent, const char *name);
/* By full path; NULL when there is none. */
const struct field *field_find(const char *path);
/* What stands around a spec: apiVersion, kind, metadata, spec, libraries, permissions, keep. */
const struct field *field_document(void);
/* The first name of the choice that `text` is a name of; NULL when it is none. In `arena`. */
const char *field_choice(struct arena *arena, const struct field *field, const char *text);
const char *change_class_name(enum change_class change);

/*
 * A raw map of YAML or JSON to a typed one: each member checked against the table, scalars
 * turned into the type of their field, enum aliases and FIELD_CONF scalars into one form, members
 * of maps in table order. Nulls are kept, since a merge needs them. Unknown fields with the
 * nearest known name, wrong types, values outside the limits go to `diag`; what is good is
 * returned all the same, so that more mistakes can be found. `parent` NULL reads a whole spec.
 */
const struct value *field_read(struct arena *arena, const struct value *raw,
                               const struct field *parent, struct diag *diag);

/*
 * A typed, merged map: required fields there, exactly one member where one is wanted. `pos` is
 * where the map is introduced. Apart from field_read, because a document may leave the rest to
 * the Defaults above it.
 */
void field_check(const struct value *map, const struct field *parent, struct pos pos,
                 struct diag *diag);

/*
 * As field_read for what the workspace returned: unknown members are dropped without a word,
 * values of a wrong type too (the answer is untrusted), and secrets become VALUE_SECRET.
 */
const struct value *field_read_observed(struct arena *arena, const struct value *raw);

/*
 * Compared as the workspace would: aliases of an enum value, FIELD_CONF scalars, "/Workspace"
 * paths, nothing said in different ways. For a FIELD_MAP or FIELD_CONF, `a` and `b` may be whole
 * maps or the values of one key.
 */
bool field_equal(const struct field *field, const struct value *a, const struct value *b);

/* `text` fit to stand between quotes in a message: cut, and no control characters. */
const char *field_quote(const char *text, char ret_quote[FIELD_QUOTE_SIZE]);

#endif

/*
 * value: the one tree that a cluster's definition is held in, wherever it came from.
 *
 * YAML manifests, JSON answers of the workspace and JSON rows of the state file all become values,
 * so that a comparison is a walk over two trees of one shape. A value is never changed once it was
 * built: trees share parts freely, and live in the arena that they were built in.
 *
 * A secret is a kind of its own. It carries where its text is to be found, and a keyed hash to
 * compare by, so that no writer can put a password into a plan, a log line or the state file by
 * forgetting to ask.
 */
#ifndef CLUSTERKEEPER_VALUE_H
#define CLUSTERKEEPER_VALUE_H

#include "arena.h"
#include "err.h"

#include <stdint.h>

enum value_kind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_REAL,
    VALUE_TEXT,
    VALUE_PLAIN, /* YAML only: a scalar without quotes; the field table decides what it is */
    VALUE_SECRET,
    VALUE_LIST,
    VALUE_MAP,
};

enum secret_source {
    SECRET_HASHED,  /* only its hash is known: read back from the state file */
    SECRET_LITERAL, /* `text` is the secret itself: written in a manifest, or echoed by the API */
    SECRET_ENV,     /* `text` names an environment variable */
    SECRET_FILE,    /* `text` is the path of a file, resolved against the manifest's directory */
};

struct member {
    const char *key;
    struct pos pos; /* of the key */
    const struct value *value;
};

struct value {
    enum value_kind kind;
    enum secret_source source; /* VALUE_SECRET */
    struct pos pos;            /* of the value; file NULL when it came from no file */
    size_t len;                /* of items or members; bytes of text */
    union {
        bool boolean;
        int64_t integer;
        double real;
        const struct member *members;     /* VALUE_MAP, in the order written */
        const struct value *const *items; /* VALUE_LIST */
    } u;
    const char *text; /* TEXT, PLAIN and SECRET; never NULL there. NUL-terminated, no NUL inside */
    const char *hash; /* VALUE_SECRET once sealed: keyed hash in hex; else NULL */
};

/* Building. Strings are borrowed: put them into the same arena first. */
struct value *value_null(struct arena *arena, struct pos pos);
struct value *value_bool(struct arena *arena, struct pos pos, bool boolean);
struct value *value_int(struct arena *arena, struct pos pos, int64_t integer);
struct value *value_real(struct arena *arena, struct pos pos, double real);
struct value *value_text(struct arena *arena, struct pos pos, const char *text);
struct value *value_secret(struct arena *arena, struct pos pos, enum secret_source source,
                           const char *text);

/* A list or map under construction; the finished value keeps the storage. */
struct value_builder {
    struct arena *arena;
    struct value *value;
    size_t cap;
    struct member *members;
    const struct value **items;
};
struct value_builder value_build_map(struct arena *arena, struct pos pos);
struct value_builder value_build_list(struct arena *arena, struct pos pos);
/* Puts a member in; one that is there under the same key is replaced, in its place. */
void value_put(struct value_builder *map, const char *key, struct pos key_pos,
               const struct value *value);
/* As value_put without looking for the key: for callers that know it is new. */
void value_put_new(struct value_builder *map, const char *key, struct pos key_pos,
                   const struct value *value);
void value_push(struct value_builder *list, const struct value *item);

/* Reading. A NULL value is taken for an absent one. */
const struct value *value_get(const struct value *map, const char *key); /* NULL: not there */
/* As value_get through maps by a dotted path: "aws_attributes.zone_id". */
const struct value *value_at(const struct value *map, const char *path);
/* The text of a TEXT member; NULL when it is absent or of another kind. */
const char *value_get_text(const struct value *map, const char *key);
/* False when absent or not an integer. */
bool value_get_int(const struct value *map, const char *key, int64_t *ret_integer);

/*
 * Nothing is said: absent, null, "", 0, false, an empty list or map, and a map of such. The
 * workspace drops and adds these freely (databricks-api.md 2.5, 9.1).
 */
bool value_is_empty(const struct value *value);

/* The integer that `real` is, if it is one within 2^53, where doubles are exact. */
bool value_real_to_int(double real, int64_t *ret_integer);

/* The same data, positions aside; maps without regard to order. INT 1 and REAL 1.0 are equal. */
bool value_equal(const struct value *a, const struct value *b);

/*
 * JSON merge patch (RFC 7386): maps merge key by key, null removes, anything else replaces.
 * Positions stay with the parts that they belong to. Either may be NULL.
 */
const struct value *value_merge(struct arena *arena, const struct value *base,
                                const struct value *patch);
/* The same without members that are null, at any depth of maps. */
const struct value *value_without_nulls(struct arena *arena, const struct value *value);

/* A deep copy, so that the source's arena may go. */
const struct value *value_copy(struct arena *arena, const struct value *value);

#endif

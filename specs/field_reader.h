/*
 * field_reader: what the two halves of the reader share. field_scalar.c reads one scalar,
 * field_read.c lists, maps and objects of them.
 */
#ifndef CLUSTERKEEPER_FIELD_READER_H
#define CLUSTERKEEPER_FIELD_READER_H

#include "field.h"

/* One reading. Strict with a diag: findings go there. Lenient without: what is wrong is dropped. */
struct reader {
    struct arena *arena;
    struct diag *diag; /* NULL: lenient */
};

/* The value in the type of its field; NULL when it cannot be. `raw` is not null. */
typedef const struct value *(*read_fn)(const struct reader *reader, const struct field *field,
                                       const struct value *raw);
const struct value *read_text(const struct reader *reader, const struct field *field,
                              const struct value *raw);
const struct value *read_bool(const struct reader *reader, const struct field *field,
                              const struct value *raw);
const struct value *read_int(const struct reader *reader, const struct field *field,
                             const struct value *raw);
const struct value *read_real(const struct reader *reader, const struct field *field,
                              const struct value *raw);
const struct value *read_enum(const struct reader *reader, const struct field *field,
                              const struct value *raw);
const struct value *read_secret(const struct reader *reader, const struct field *field,
                                const struct value *raw);

/* A secret that is written out where it should not be. */
bool is_bare_secret(const struct field *field, const struct value *raw);

/* "num_workers: want a whole number, got text "four"", then `hint`; always NULL. */
const struct value *read_refuse(const struct reader *reader, const struct field *field,
                                const struct value *raw, const char *want, const char *hint);

/* The name that a person knows the field by: an element is called as its list. */
const char *field_label(const struct field *field);
/* true and false in any case: YAML's booleans of old. */
bool is_bool_word(const char *text);

/* "a list", "text "four"": what a value is, for a message. */
enum { DESCRIBE_SIZE = FIELD_QUOTE_SIZE + 16 };
const char *value_describe(const struct value *value, char ret_text[DESCRIBE_SIZE]);

#endif

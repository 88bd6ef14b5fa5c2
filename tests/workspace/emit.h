/*
 * emit: answers as the workspace spells them.
 *
 * Not json_write: that one sorts keys and prints -1.0 as -1, and an answer of the real API does
 * neither. Each member is written with a comma behind it; the closing bracket takes the last one
 * away.
 */
#ifndef CLUSTERKEEPER_WORKSPACE_EMIT_H
#define CLUSTERKEEPER_WORKSPACE_EMIT_H

#include "buf.h"
#include "value.h"

void emit_open(struct buf *out, char bracket);  /* '{' or '[' */
void emit_close(struct buf *out, char bracket); /* '}' or ']', and a comma behind it */
/* The end of the whole text: the comma behind the last bracket goes. */
void emit_end(struct buf *out);
void emit_key(struct buf *out, const char *key);
void emit_text(struct buf *out, const char *key, const char *text); /* key NULL: in a list */
void emit_int(struct buf *out, const char *key, int64_t integer);
void emit_bool(struct buf *out, const char *key, bool boolean);
/* JSON that is there already; NULL writes nothing. */
void emit_json(struct buf *out, const char *key, const char *json);
/* In the order written; a whole REAL keeps its ".0". */
void emit_value(struct buf *out, const char *key, const struct value *value);

#endif

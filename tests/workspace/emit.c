#include "emit.h"

#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void emit_open(struct buf *out, char bracket)
{
    buf_addc(out, bracket);
}

static void drop_comma(struct buf *out)
{
    if (out->len != 0 && out->data[out->len - 1] == ',') out->data[--out->len] = '\0';
}

void emit_close(struct buf *out, char bracket)
{
    drop_comma(out);
    buf_addc(out, bracket);
    buf_addc(out, ',');
}

void emit_end(struct buf *out)
{
    drop_comma(out);
}

void emit_key(struct buf *out, const char *key)
{
    if (key == NULL) return;
    json_write_text(key, out);
    buf_addc(out, ':');
}

void emit_text(struct buf *out, const char *key, const char *text)
{
    emit_key(out, key);
    json_write_text(text, out);
    buf_addc(out, ',');
}

void emit_int(struct buf *out, const char *key, int64_t integer)
{
    emit_key(out, key);
    buf_addf(out, "%" PRId64 ",", integer);
}

void emit_bool(struct buf *out, const char *key, bool boolean)
{
    emit_key(out, key);
    buf_adds(out, boolean ? "true," : "false,");
}

void emit_json(struct buf *out, const char *key, const char *json)
{
    if (json == NULL) return;
    emit_key(out, key);
    buf_adds(out, json);
    buf_addc(out, ',');
}

/* The shortest of the usual precisions that reads back the same; -1 becomes -1.0. */
static void add_real(struct buf *out, double real)
{
    if (!isfinite(real)) {
        buf_adds(out, "null");
        return;
    }
    char text[40];
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(text, sizeof(text), "%.*g", precision, real);
        if (strtod(text, NULL) == real) break;
    }
    buf_adds(out, text);
    if (strpbrk(text, ".e") == NULL) buf_adds(out, ".0");
}

static void add_list(struct buf *out, const struct value *list)
{
    emit_open(out, '[');
    for (size_t i = 0; i < list->len; i++) {
        emit_value(out, NULL, list->u.items[i]);
    }
    drop_comma(out);
    buf_addc(out, ']');
}

static void add_map(struct buf *out, const struct value *map)
{
    emit_open(out, '{');
    for (size_t i = 0; i < map->len; i++) {
        emit_value(out, map->u.members[i].key, map->u.members[i].value);
    }
    drop_comma(out);
    buf_addc(out, '}');
}

void emit_value(struct buf *out, const char *key, const struct value *value)
{
    emit_key(out, key);
    switch (value->kind) {
    case VALUE_NULL:
        buf_adds(out, "null");
        break;
    case VALUE_BOOL:
        buf_adds(out, value->u.boolean ? "true" : "false");
        break;
    case VALUE_INT:
        buf_addf(out, "%" PRId64, value->u.integer);
        break;
    case VALUE_REAL:
        add_real(out, value->u.real);
        break;
    case VALUE_TEXT:
    case VALUE_PLAIN:
    case VALUE_SECRET:
        json_write_text(value->text, out);
        break;
    case VALUE_LIST:
        add_list(out, value);
        break;
    case VALUE_MAP:
        add_map(out, value);
        break;
    }
    buf_addc(out, ',');
}

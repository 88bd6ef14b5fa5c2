#include "json.h"

#include "text.h"

#include <cJSON.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SECRET_KEY "$secret"

enum { TITLE_MAX = 100, SMALL_MAP = 16 };

/* ---- reading ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The bytes of `text` from `tag` on, whatever its case; behind its end when there is none. */
static size_t find_tag(const char *text, size_t len, const char *tag)
{
    size_t tag_len = strlen(tag);
    for (size_t at = 0; at + tag_len <= len; at++) {
        size_t same = 0;
        while (same < tag_len && text_lower(text[at + same]) == tag[same]) {
            same++;
        }
        if (same == tag_len) return at + tag_len;
    }
    return len;
}

/* What an HTML page calls itself, in harmless characters; "" when it has no title. */
static void html_title(const char *text, size_t len, char ret_title[TITLE_MAX + 1])
{
    size_t out = 0;
    for (size_t at = find_tag(text, len, "<title>"); at < len && text[at] != '<'; at++) {
        char c = (char)(text[at] > ' ' && text[at] <= '~' ? text[at] : ' ');
        bool is_double = c == ' ' && (out == 0 || ret_title[out - 1] == ' ');
        if (!is_double && out < TITLE_MAX) ret_title[out++] = c;
    }
    while (out > 0 && ret_title[out - 1] == ' ') {
        out--;
    }
    ret_title[out] = '\0';
}

static bool complain_html(const char *text, size_t len, struct err *err)
{
    char title[TITLE_MAX + 1];
    html_title(text, len, title);
    if (title[0] == '\0') {
        return err_set(err, ERR_PROTOCOL, "an HTML page, where JSON was expected");
    }
    return err_set(err, ERR_PROTOCOL, "an HTML page, '%s', where JSON was expected", title);
}

/* Walks the brackets, so that cJSON recurses no deeper than we like, and misses no end. */
static bool check_nesting(const char *text, size_t len, struct err *err)
{
    size_t depth = 0;
    bool is_quoted = false;
    for (size_t at = 0; at < len; at++) {
        char c = text[at];
        if (is_quoted && c != '"' && c != '\\') continue; /* most bytes are of this kind */
        if (c == '"') is_quoted = !is_quoted;
        if (is_quoted && c == '\\') {
            /* cJSON would end the text there. */
            if (len - at >= 6 && memcmp(text + at, "\\u0000", 6) == 0) {
                return err_set(err, ERR_PROTOCOL, "JSON with a NUL character at byte %zu", at + 1);
            }
            at++;
        }
        if (is_quoted) continue;
        if (c == '{' || c == '[') depth++;
        if ((c == '}' || c == ']') && depth > 0) depth--;
        if (depth > JSON_DEPTH_MAX) {
            return err_set(err, ERR_PROTOCOL, "JSON nested deeper than %d", JSON_DEPTH_MAX);
        }
    }
    if (depth == 0 && !is_quoted) return true;
    return err_set(err, ERR_PROTOCOL, "JSON that is cut after %zu bytes", len);
}

/* Looks at the text before cJSON does: what is no JSON at all has a name of its own. */
static bool check_text(const char *text, size_t len, struct err *err)
{
    size_t at = 0;
    while (at < len && is_blank(text[at])) {
        at++;
    }
    if (at == len) return err_set(err, ERR_PROTOCOL, "nothing, where JSON was expected");
    if (text[at] == '<') return complain_html(text, len, err);
    if (!text_is_utf8(text, len)) {
        return err_set(err, ERR_PROTOCOL, "bytes that are not UTF-8, where JSON was expected");
    }
    return check_nesting(text, len, err);
}

/* ---- what cJSON read ---- */

static const struct value *convert(struct arena *arena, const cJSON *item);

static const struct value *convert_number(struct arena *arena, double number)
{
    const struct pos nowhere = { 0 };
    int64_t integer = 0;
    if (value_real_to_int(number, &integer)) return value_int(arena, nowhere, integer);
    /* 1e999 is JSON, and infinity is not: it could never be written again. */
    if (!isfinite(number)) number = number > 0 ? DBL_MAX : -DBL_MAX;
    return value_real(arena, nowhere, number);
}

/* A secret that was written with its hash. */
static const struct value *convert_secret(struct arena *arena, const cJSON *item)
{
    const cJSON *only = item->child;
    if (only == NULL || only->next != NULL || strcmp(only->string, SECRET_KEY) != 0) return NULL;
    if (!cJSON_IsString(only)) return NULL;
    struct value *secret = value_secret(arena, (struct pos){ 0 }, SECRET_HASHED, "");
    secret->hash = arena_strdup(arena, only->valuestring);
    return secret;
}

struct place {
    const cJSON *child;
    size_t index;
};

static int by_key(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    int order = strcmp(x->child->string, y->child->string);
    if (order != 0) return order;
    return x->index < y->index ? -1 : 1;
}

/* In the order of the canonical form, in which no key comes twice: so is all that we wrote. */
static bool is_sorted(const cJSON *map)
{
    for (const cJSON *child = map->child; child->next != NULL; child = child->next) {
        if (strcmp(child->string, child->next->string) >= 0) return false;
    }
    return true;
}

/*
 * Of members with one key the last counts. Which ones those are is found by sorting, in time that
 * hostile input cannot stretch.
 */
static bool *find_superseded(struct arena *arena, const cJSON *item, size_t len)
{
    bool *superseded = arena_alloc(arena, len * sizeof(*superseded));
    if (is_sorted(item)) return superseded;
    struct place *places = arena_alloc(arena, len * sizeof(*places));
    size_t at = 0;
    for (const cJSON *child = item->child; child != NULL; child = child->next, at++) {
        places[at] = (struct place){ child, at };
    }
    qsort(places, len, sizeof(*places), by_key);
    for (size_t i = 1; i < len; i++) {
        bool same = strcmp(places[i - 1].child->string, places[i].child->string) == 0;
        superseded[places[i - 1].index] = same;
    }
    return superseded;
}

static const struct value *convert_map(struct arena *arena, const cJSON *item)
{
    const struct value *secret = convert_secret(arena, item);
    if (secret != NULL) return secret;
    const struct pos nowhere = { 0 };
    struct value_builder map = value_build_map(arena, nowhere);
    size_t len = 0;
    for (const cJSON *child = item->child; child != NULL; child = child->next) {
        len++;
    }
    if (len == 0) return map.value;
    const bool *superseded = find_superseded(arena, item, len);
    size_t at = 0;
    for (const cJSON *child = item->child; child != NULL; child = child->next, at++) {
        if (superseded[at]) continue;
        value_put_new(&map, arena_strdup(arena, child->string), nowhere, convert(arena, child));
    }
    return map.value;
}

static const struct value *convert(struct arena *arena, const cJSON *item)
{
    const struct pos nowhere = { 0 };
    if (cJSON_IsObject(item)) return convert_map(arena, item);
    if (cJSON_IsString(item)) {
        return value_text(arena, nowhere, arena_strdup(arena, item->valuestring));
    }
    if (cJSON_IsNumber(item)) return convert_number(arena, item->valuedouble);
    if (cJSON_IsBool(item)) return value_bool(arena, nowhere, cJSON_IsTrue(item) != 0);
    if (cJSON_IsArray(item)) {
        struct value_builder list = value_build_list(arena, nowhere);
        for (const cJSON *child = item->child; child != NULL; child = child->next) {
            value_push(&list, convert(arena, child));
        }
        return list.value;
    }
    return value_null(arena, nowhere);
}

bool json_read(struct arena *arena, const char *text, size_t len, const struct value **ret_value,
               struct err *err)
{
    if (!check_text(text, len, err)) return false;
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text, len, &end, 0);
    size_t used = end == NULL ? 0 : (size_t)(end - text);
    if (root == NULL) {
        if (used + 1 >= len) {
            return err_set(err, ERR_PROTOCOL, "JSON that is cut after %zu bytes", len);
        }
        return err_set(err, ERR_PROTOCOL, "no JSON at byte %zu", used + 1);
    }
    while (used < len && is_blank(text[used])) {
        used++;
    }
    if (used == len) *ret_value = convert(arena, root);
    cJSON_Delete(root);
    if (used == len) return true;
    return err_set(err, ERR_PROTOCOL, "JSON with %zu bytes behind its end", len - used);
}

/* ---- writing ---- */

struct writer {
    struct buf *out;
    json_reveal_fn reveal; /* NULL: secrets stay secret */
    void *ctx;
    struct err *err;
    bool pretty;
};

/* A byte that JSON does not take as it is. */
static void write_escape(char byte, struct buf *out)
{
    static const char named[] = "\b\t\n\f\r\"\\";
    static const char letters[] = "btnfr\"\\";
    const char *name = strchr(named, byte);
    unsigned char c = (unsigned char)byte;
    if (c >= 0x80) {
        buf_adds(out, "\xef\xbf\xbd"); /* no UTF-8: U+FFFD, the replacement character */
    } else if (name != NULL) {
        buf_addc(out, '\\');
        buf_addc(out, letters[name - named]);
    } else {
        buf_addf(out, "\\u%04x", c);
    }
}

void json_write_text(const char *text, struct buf *out)
{
    size_t len = strlen(text);
    size_t from = 0;
    size_t at = 0;
    buf_addc(out, '"');
    while (at < len) {
        unsigned char c = (unsigned char)text[at];
        size_t step = c < 0x80 ? 1 : text_utf8_step(text + at, len - at);
        if (step > 0 && c >= 0x20 && c != '"' && c != '\\') {
            at += step;
            continue;
        }
        buf_add(out, text + from, at - from);
        write_escape(text[at], out);
        from = ++at;
    }
    buf_add(out, text + from, len - from);
    buf_addc(out, '"');
}

static void write_real(double real, struct buf *out)
{
    int64_t integer = 0;
    if (value_real_to_int(real, &integer)) {
        buf_addf(out, "%lld", (long long)integer);
        return;
    }
    if (!isfinite(real)) {
        buf_adds(out, "null"); /* no reader makes one; JSON has no word for it */
        return;
    }
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, real);
        double back = strtod(text, NULL);
        if (back >= real && back <= real) break;
    }
    buf_adds(out, text);
}

static bool write_secret(struct writer *writer, const struct value *secret)
{
    struct buf *out = writer->out;
    if (writer->reveal != NULL) {
        struct buf text = BUF_INIT(out->max);
        bool found = writer->reveal(writer->ctx, secret, &text, writer->err);
        if (found) json_write_text(buf_text(&text), out);
        volatile char *bytes = text.data;
        for (size_t i = 0; i < text.cap; i++) {
            bytes[i] = 0;
        }
        buf_release(&text);
        return found;
    }
    buf_adds(out, "{\"" SECRET_KEY "\":");
    if (secret->hash != NULL) {
        json_write_text(secret->hash, out);
    } else if (secret->source == SECRET_ENV || secret->source == SECRET_FILE) {
        buf_adds(out, secret->source == SECRET_ENV ? "{\"env\":" : "{\"file\":");
        json_write_text(secret->text, out);
        buf_addc(out, '}');
    } else {
        buf_adds(out, "\"unsealed\"");
    }
    buf_addc(out, '}');
    return true;
}

static void new_line(struct writer *writer, unsigned depth)
{
    if (!writer->pretty) return;
    buf_addc(writer->out, '\n');
    for (unsigned i = 0; i < depth; i++) {
        buf_adds(writer->out, "  ");
    }
}

static bool write_value(struct writer *writer, const struct value *value, unsigned depth);

static bool write_member(struct writer *writer, const struct member *member, bool first,
                         unsigned depth)
{
    if (!first) buf_addc(writer->out, ',');
    new_line(writer, depth + 1);
    json_write_text(member->key, writer->out);
    buf_adds(writer->out, writer->pretty ? ": " : ":");
    return write_value(writer, member->value, depth + 1);
}

static int by_member_key(const void *a, const void *b)
{
    const char *x = (*(const struct member *const *)a)->key;
    const char *y = (*(const struct member *const *)b)->key;
    if (x[0] != y[0]) return (unsigned char)x[0] < (unsigned char)y[0] ? -1 : 1;
    return strcmp(x, y);
}

/* Nearly all maps are small, and many are sorted: insertion is best for these. */
static void sort_members(const struct value *map, const struct member **order)
{
    for (size_t i = 0; i < map->len; i++) {
        const struct member *member = &map->u.members[i];
        size_t at = i;
        while (map->len <= SMALL_MAP && at > 0 && by_member_key(&order[at - 1], &member) > 0) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = member;
    }
    if (map->len > SMALL_MAP) qsort(order, map->len, sizeof(void *), by_member_key);
}

static bool write_map(struct writer *writer, const struct value *map, unsigned depth)
{
    const struct member *few[SMALL_MAP];
    const struct member **many = map->len > SMALL_MAP ? xmalloc(map->len * sizeof(void *)) : NULL;
    const struct member **order = many != NULL ? many : few;
    bool ok = true;
    sort_members(map, order);
    buf_addc(writer->out, '{');
    for (size_t i = 0; i < map->len && ok; i++) {
        ok = write_member(writer, order[i], i == 0, depth);
    }
    if (map->len > 0) new_line(writer, depth);
    buf_addc(writer->out, '}');
    xfree(many);
    return ok;
}

static bool write_list(struct writer *writer, const struct value *list, unsigned depth)
{
    bool ok = true;
    buf_addc(writer->out, '[');
    for (size_t i = 0; i < list->len && ok; i++) {
        if (i > 0) buf_addc(writer->out, ',');
        new_line(writer, depth + 1);
        ok = write_value(writer, list->u.items[i], depth + 1);
    }
    if (list->len > 0) new_line(writer, depth);
    buf_addc(writer->out, ']');
    return ok;
}

static bool write_value(struct writer *writer, const struct value *value, unsigned depth)
{
    struct buf *out = writer->out;
    switch (value->kind) {
    case VALUE_NULL:
        buf_adds(out, "null");
        return true;
    case VALUE_BOOL:
        buf_adds(out, value->u.boolean ? "true" : "false");
        return true;
    case VALUE_INT:
        buf_addf(out, "%lld", (long long)value->u.integer);
        return true;
    case VALUE_REAL:
        write_real(value->u.real, out);
        return true;
    case VALUE_TEXT:
    case VALUE_PLAIN:
        json_write_text(value->text, out);
        return true;
    case VALUE_SECRET:
        return write_secret(writer, value);
    case VALUE_LIST:
        return write_list(writer, value, depth);
    case VALUE_MAP:
        return write_map(writer, value, depth);
    }
    return false;
}

void json_write(const struct value *value, struct buf *out)
{
    struct writer writer = { .out = out };
    (void)write_value(&writer, value, 0);
}

void json_write_pretty(const struct value *value, unsigned indent, struct buf *out)
{
    struct writer writer = { .out = out, .pretty = true };
    (void)write_value(&writer, value, indent);
}

bool json_write_revealed(const struct value *value, json_reveal_fn reveal, void *ctx,
                         struct buf *out, struct err *err)
{
    struct writer writer = { .out = out, .reveal = reveal, .ctx = ctx, .err = err };
    return write_value(&writer, value, 0) && buf_ok(out, "a request", err);
}

struct digest json_digest(const struct value *value)
{
    AUTO_BUF struct buf text = BUF_INIT(SIZE_MAX / 4);
    json_write(value, &text);
    return digest_of(buf_text(&text), text.len);
}

#include "field_reader.h"

#include "text.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Words for messages --------------------------------------------------------------------- */

const char *field_quote(const char *text, char ret_quote[FIELD_QUOTE_SIZE])
{
    static const char cut[] = "...";
    size_t room = FIELD_QUOTE_SIZE - sizeof(cut);
    size_t len = strnlen(text, FIELD_QUOTE_SIZE - 1);
    bool is_cut = text[len] != '\0';
    if (is_cut) len = room;
    while (is_cut && len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80) {
        len--; /* not in the middle of a character */
    }
    memcpy(ret_quote, text, len);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7F) ret_quote[i] = '?';
    }
    memcpy(ret_quote + len, is_cut ? cut : "", is_cut ? sizeof(cut) : 1);
    return ret_quote;
}

const char *field_label(const struct field *field)
{
    return strcmp(field->name, "[]") == 0 ? field->parent->name : field->name;
}

bool is_bool_word(const char *text)
{
    return text_equal_nocase(text, "true") || text_equal_nocase(text, "false");
}

const char *value_describe(const struct value *value, char ret_text[DESCRIBE_SIZE])
{
    static const char *const kinds[] = {
        [VALUE_NULL] = "null",       [VALUE_BOOL] = "a boolean", [VALUE_INT] = "a whole number",
        [VALUE_REAL] = "a number",   [VALUE_TEXT] = "text",      [VALUE_PLAIN] = "text",
        [VALUE_SECRET] = "a secret", [VALUE_LIST] = "a list",    [VALUE_MAP] = "a map",
    };
    bool is_text = value->kind == VALUE_TEXT || value->kind == VALUE_PLAIN;
    if (!is_text) return kinds[value->kind];
    if (value->kind == VALUE_PLAIN && is_bool_word(value->text)) return kinds[VALUE_BOOL];
    char quote[FIELD_QUOTE_SIZE];
    (void)snprintf(ret_text, DESCRIBE_SIZE, "text \"%s\"", field_quote(value->text, quote));
    return ret_text;
}

const struct value *read_refuse(const struct reader *reader, const struct field *field,
                                const struct value *raw, const char *want, const char *hint)
{
    char got[DESCRIBE_SIZE];
    if (reader->diag == NULL) return NULL;
    diag_error(reader->diag, raw->pos, "%s: want %s, got %s%s", field_label(field), want,
               value_describe(raw, got), hint);
    return NULL;
}

/* ---- Scalars -------------------------------------------------------------------------------- */

const struct value *read_text(const struct reader *reader, const struct field *field,
                              const struct value *raw)
{
    if (raw->kind == VALUE_TEXT) return raw;
    if (raw->kind != VALUE_PLAIN) return read_refuse(reader, field, raw, "text", "");
    if (is_bool_word(raw->text)) {
        return read_refuse(reader, field, raw, "text", "; put it in quotes");
    }
    return value_text(reader->arena, raw->pos, raw->text);
}

const struct value *read_bool(const struct reader *reader, const struct field *field,
                              const struct value *raw)
{
    if (raw->kind == VALUE_BOOL) return raw;
    bool is_text = raw->kind == VALUE_TEXT || raw->kind == VALUE_PLAIN;
    if (!is_text) return read_refuse(reader, field, raw, "true or false", "");
    bool is_true = strcmp(raw->text, "true") == 0;
    bool is_word = is_true || strcmp(raw->text, "false") == 0;
    if (raw->kind == VALUE_PLAIN && is_word) return value_bool(reader->arena, raw->pos, is_true);
    return read_refuse(reader, field, raw, "true or false",
                       is_word                   ? "; take off the quotes"
                       : is_bool_word(raw->text) ? "; write it in lower case"
                                                 : "");
}

/* Decimal, and no zeros in front, which YAML readers take for octal. */
static bool text_to_integer(const char *text, int64_t *ret_integer)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (digits[0] == '0' && digits[1] != '\0') return false;
    return text_to_i64(text, INT64_MIN, INT64_MAX, ret_integer);
}

/* 0x10, 1_000, 1e3, 4.0, 010, +4: a number to somebody, and worth another hint. */
static bool looks_numeric(const char *text)
{
    text += *text == '-' || *text == '+';
    return *text >= '0' && *text <= '9' &&
           text[strspn(text, "0123456789abcdefABCDEFxXoO_.+-")] == '\0';
}

static const struct value *check_range(const struct reader *reader, const struct field *field,
                                       const struct value *integer)
{
    bool is_limited = field->min != 0 || field->max != 0;
    bool is_inside = integer->u.integer >= field->min && integer->u.integer <= field->max;
    if (!is_limited || is_inside || reader->diag == NULL) return integer;
    diag_error(reader->diag, integer->pos, "%s: want %lld to %lld, got %lld", field->name,
               (long long)field->min, (long long)field->max, (long long)integer->u.integer);
    return NULL;
}

const struct value *read_int(const struct reader *reader, const struct field *field,
                             const struct value *raw)
{
    static const char want[] = "a whole number";
    int64_t integer = 0;
    if (raw->kind == VALUE_INT) return check_range(reader, field, raw);
    if (raw->kind == VALUE_REAL && reader->diag == NULL) {
        /* The workspace writes 4.0 for 4 here and there. 2^53: beyond, a double is no integer. */
        bool is_whole =
            fabs(raw->u.real) <= 9007199254740992.0 && floor(raw->u.real) == raw->u.real;
        return is_whole ? value_int(reader->arena, raw->pos, (int64_t)raw->u.real) : NULL;
    }
    bool is_text = raw->kind == VALUE_TEXT || raw->kind == VALUE_PLAIN;
    if (!is_text) return read_refuse(reader, field, raw, want, "");
    bool is_integer = text_to_integer(raw->text, &integer);
    if (is_integer && raw->kind == VALUE_PLAIN) {
        return check_range(reader, field, value_int(reader->arena, raw->pos, integer));
    }
    return read_refuse(reader, field, raw, want,
                       is_integer                 ? "; take off the quotes"
                       : looks_numeric(raw->text) ? "; write it in plain decimal digits"
                                                  : "");
}

const struct value *read_real(const struct reader *reader, const struct field *field,
                              const struct value *raw)
{
    if (raw->kind == VALUE_REAL) return raw;
    if (raw->kind == VALUE_INT) {
        return value_real(reader->arena, raw->pos, (double)raw->u.integer);
    }
    bool is_text = raw->kind == VALUE_TEXT || raw->kind == VALUE_PLAIN;
    /* Only what JSON knows as a number: no hexadecimal, no infinity. */
    bool is_number = is_text && raw->text[0] != '\0' && raw->text[0] != '+' &&
                     raw->text[strspn(raw->text, "0123456789+-.eE")] == '\0';
    char *end = NULL;
    double real = is_number ? strtod(raw->text, &end) : 0;
    is_number = is_number && *end == '\0' && isfinite(real);
    if (is_number && raw->kind == VALUE_PLAIN) return value_real(reader->arena, raw->pos, real);
    return read_refuse(reader, field, raw, "a number", is_number ? "; take off the quotes" : "");
}

/* ---- Choices -------------------------------------------------------------------------------- */

enum { CHOICES_MAX = 32, CHOICES_TEXT_MAX = 512 };

static void refuse_choice(const struct reader *reader, const struct field *field,
                          const struct value *raw)
{
    const char *names[CHOICES_MAX];
    size_t len = 0;
    AUTO_BUF struct buf list = BUF_INIT(CHOICES_TEXT_MAX);
    for (const char *at = field->choices; *at != '\0'; at += strspn(at, "|=")) {
        size_t one = strcspn(at, "|=");
        assert(len < CHOICES_MAX);
        names[len++] = arena_strndup(reader->arena, at, one);
        buf_addf(&list, "%s%s", len > 1 ? ", " : "", names[len - 1]);
        at += one;
    }
    char quote[FIELD_QUOTE_SIZE];
    const char *nearest = text_nearest(raw->text, names, len);
    diag_error(reader->diag, raw->pos, "%s: '%s' is not one of %s%s%s%s", field->name,
               field_quote(raw->text, quote), buf_text(&list), nearest ? "; did you mean '" : "",
               nearest ? nearest : "", nearest ? "'?" : "");
}

const struct value *read_enum(const struct reader *reader, const struct field *field,
                              const struct value *raw)
{
    bool is_text = raw->kind == VALUE_TEXT || raw->kind == VALUE_PLAIN;
    if (!is_text) return read_refuse(reader, field, raw, "one word", "");
    const char *choice = field_choice(reader->arena, field, raw->text);
    if (choice == NULL && reader->diag != NULL) {
        refuse_choice(reader, field, raw);
        return NULL;
    }
    /* A value that the workspace knows and we do not is kept: an edit has to send it back. */
    if (choice == NULL) choice = raw->text;
    if (raw->kind == VALUE_TEXT && choice == raw->text) return raw;
    return value_text(reader->arena, raw->pos, choice);
}

/* ---- Secrets -------------------------------------------------------------------------------- */

#define SECRET_WANT "{fromEnv: NAME}, {fromFile: PATH} or \"{{secrets/scope/key}}\""

/* A whole {{secrets/scope/key}}: the workspace looks it up (databricks-api.md 8.2). */
static bool is_reference(const char *text)
{
    static const char open[] = "{{secrets/";
    if (!text_starts(text, open) || !text_ends(text, "}}")) return false;
    const char *scope = text + sizeof(open) - 1;
    size_t scope_len = strcspn(scope, "/{}");
    const char *key = scope + scope_len;
    if (scope_len == 0 || *key++ != '/') return false;
    size_t key_len = strcspn(key, "/{}");
    return key_len > 0 && strcmp(key + key_len, "}}") == 0;
}

static bool is_variable_name(const char *text)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    static const char rest[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    return strspn(text, first) > 0 && text[strspn(text, rest)] == '\0';
}

/* Never through describe(): what stands there may be the secret itself. */
static const struct value *refuse_secret(const struct reader *reader, const struct field *field,
                                         const struct value *raw, const char *why)
{
    if (reader->diag == NULL) return NULL;
    diag_error(reader->diag, raw->pos, "%s: %s; want " SECRET_WANT, field->name, why);
    return NULL;
}

static const struct value *read_secret_map(const struct reader *reader, const struct field *field,
                                           const struct value *raw)
{
    static const char wrong[] = "not a way to name a secret";
    if (raw->len != 1) return refuse_secret(reader, field, raw, wrong);
    const char *key = raw->u.members[0].key;
    const struct value *value = raw->u.members[0].value;
    bool is_env = strcmp(key, "fromEnv") == 0;
    bool is_text = value->kind == VALUE_TEXT || value->kind == VALUE_PLAIN;
    if (!is_env && strcmp(key, "fromFile") != 0) return refuse_secret(reader, field, raw, wrong);
    if (!is_text || value->text[0] == '\0') return refuse_secret(reader, field, raw, wrong);
    if (is_env && !is_variable_name(value->text)) {
        return refuse_secret(reader, field, value, "fromEnv does not name an environment variable");
    }
    return value_secret(reader->arena, raw->pos, is_env ? SECRET_ENV : SECRET_FILE, value->text);
}

bool is_bare_secret(const struct field *field, const struct value *raw)
{
    bool is_secret = (field->flags & FIELD_SECRET) != 0 && (field->flags & FIELD_LITERAL) == 0;
    bool is_text = raw->kind == VALUE_TEXT || raw->kind == VALUE_PLAIN;
    return is_secret && is_text && !is_reference(raw->text);
}

const struct value *read_secret(const struct reader *reader, const struct field *field,
                                const struct value *raw)
{
    if (raw->kind == VALUE_SECRET) return raw;
    if (raw->kind == VALUE_MAP && reader->diag != NULL) return read_secret_map(reader, field, raw);
    bool is_text = raw->kind == VALUE_TEXT || raw->kind == VALUE_PLAIN;
    if (!is_text) return refuse_secret(reader, field, raw, "not text");
    if (raw->text[0] == '\0') return refuse_secret(reader, field, raw, "empty");
    if (is_reference(raw->text)) return value_text(reader->arena, raw->pos, raw->text);
    if (reader->diag != NULL && strstr(raw->text, "{{") != NULL) {
        return refuse_secret(reader, field, raw, "a reference has to be the whole value");
    }
    if (reader->diag != NULL && is_bare_secret(field, raw)) {
        diag_warning(reader->diag, raw->pos, "%s: a literal secret in a manifest; use " SECRET_WANT,
                     field->name);
    }
    return value_secret(reader->arena, raw->pos, SECRET_LITERAL, raw->text);
}

#include "answer_text.h"

#include "json.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>

/* ---- harmless text ---- */

/* Length of the character at `text`, of 1 to 4 bytes; 0 when it is not UTF-8. */
static size_t character_len(const char *text, size_t len)
{
    for (size_t n = 1; n <= 4 && n <= len; n++) {
        if (text_is_utf8(text, n)) return n;
    }
    return 0;
}

/* C1 controls, and the marks that turn the direction of writing or break a line. */
static bool is_harmful(const unsigned char *at, size_t len)
{
    if (len == 1) return at[0] == 0x7F;
    if (len == 2) return at[0] == 0xC2 && at[1] < 0xA0;
    if (len != 3 || at[0] != 0xE2) return false;
    return (at[1] == 0x80 &&
            (at[2] == 0x8E || at[2] == 0x8F || (at[2] >= 0xA8 && at[2] <= 0xAE))) ||
           (at[1] == 0x81 && at[2] >= 0xA6 && at[2] <= 0xA9);
}

/*
 * As much of `text` as fits: runs of blanks and controls become one blank, what is harmful or not
 * UTF-8 becomes '?'. "..." at the end tells that it was cut.
 */
static void copy_harmless(const char *text, size_t len, char *ret_text, size_t size)
{
    static const char more[] = "...";
    size_t used = 0, room = size - sizeof(more), at = 0;
    while (at < len && used + 4 <= room) {
        unsigned char byte = (unsigned char)text[at];
        if (byte <= ' ') {
            if (used > 0 && ret_text[used - 1] != ' ') ret_text[used++] = ' ';
            at++;
            continue;
        }
        size_t n = character_len(text + at, len - at);
        bool is_good = n != 0 && !is_harmful((const unsigned char *)text + at, n);
        if (is_good) memcpy(ret_text + used, text + at, n);
        if (!is_good) ret_text[used] = '?';
        used += is_good ? n : 1;
        at += n == 0 ? 1 : n;
    }
    if (used > 0 && ret_text[used - 1] == ' ') used--;
    ret_text[used] = '\0';
    if (at < len) memcpy(ret_text + used, more, sizeof(more));
}

static void copy_text(const char *text, char *ret_text, size_t size)
{
    if (text != NULL) copy_harmless(text, strlen(text), ret_text, size);
}

/* ---- shapes ---- */

/* The ID that support asks for, in details of type RequestInfo. */
static const char *find_request_id(const struct value *answer)
{
    const struct value *details = value_get(answer, "details");
    if (details == NULL || details->kind != VALUE_LIST) return NULL;
    for (size_t i = 0; i < details->len; i++) {
        const struct value *detail = details->u.items[i];
        const char *id = detail->kind == VALUE_MAP ? value_get_text(detail, "request_id") : NULL;
        if (id != NULL && id[0] != '\0') return id;
    }
    return NULL;
}

/* SCIM: {"detail":"...","status":"404","scimType":"..."}; "null" is an internal error. */
static void read_scim(const struct value *json, const char *detail, struct answer *answer)
{
    const char *status = value_get_text(json, "status");
    int64_t number = 0;
    bool is_number = status != NULL && text_to_i64(status, 100, 999, &number);
    if (is_number) (void)snprintf(answer->code, sizeof(answer->code), "SCIM_%d", (int)number);
    bool is_null = text_equal(detail, "null");
    copy_text(is_null ? "SCIM API internal error" : detail, answer->message,
              sizeof(answer->message));
}

/* `error_code` is text or, in places, an integer. */
static void read_code(const struct value *json, struct answer *answer)
{
    int64_t number = 0;
    const char *code = value_get_text(json, "error_code");
    if (code == NULL) code = value_get_text(json, "errorCode");
    if (code != NULL) {
        copy_text(code, answer->code, sizeof(answer->code));
    } else if (value_get_int(json, "error_code", &number)) {
        (void)snprintf(answer->code, sizeof(answer->code), "%lld", (long long)number);
    }
}

static void read_object(const struct value *json, struct answer *answer)
{
    const char *error = value_get_text(json, "error");
    const char *description = value_get_text(json, "error_description");
    const char *message = value_get_text(json, "message");
    const char *detail = value_get_text(json, "detail");
    read_code(json, answer);
    copy_text(find_request_id(json), answer->request_id, sizeof(answer->request_id));
    if (error != NULL && description != NULL) { /* OAuth */
        copy_text(error, answer->code, sizeof(answer->code));
        message = description;
    } else if (error != NULL) { /* API 1.2: wins over `message` */
        message = error;
    } else if (message == NULL && detail != NULL) {
        read_scim(json, detail, answer);
        return;
    }
    if (message == NULL) message = value_get_text(json, "errorSummary");
    copy_text(message, answer->message, sizeof(answer->message));
}

static bool read_json(const char *text, size_t len, struct answer *answer)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *json = NULL;
    struct err ignored;
    if (!answer_is_whole_object(text, len) || !json_read(&arena, text, len, &json, &ignored)) {
        return false;
    }
    read_object(json, answer);
    return true;
}

/* Where `tag` begins, in whatever case; NULL: nowhere. */
static const char *find_tag(const char *text, size_t len, const char *tag)
{
    size_t tag_len = strlen(tag);
    for (size_t at = 0; at + tag_len <= len; at++) {
        size_t same = 0;
        while (same < tag_len && (text[at + same] | 0x20) == (tag[same] | 0x20)) {
            same++;
        }
        if (same == tag_len) return text + at;
    }
    return NULL;
}

/* The words between <tag> and the next '<'. */
static bool read_tag(const char *text, size_t len, const char *tag, struct answer *answer)
{
    const char *start = find_tag(text, len, tag);
    if (start == NULL) return false;
    start += strlen(tag);
    size_t left = len - (size_t)(start - text), inside = 0;
    while (inside < left && start[inside] != '<') {
        inside++;
    }
    copy_harmless(start, inside, answer->message, sizeof(answer->message));
    return true;
}

static bool read_html(const char *text, size_t len, struct answer *answer)
{
    bool is_html = find_tag(text, len, "<html") != NULL || find_tag(text, len, "<!doctype") != NULL;
    return read_tag(text, len, "<pre>", answer) || read_tag(text, len, "<title>", answer) ||
           is_html;
}

/* "CODE: message", or only words. */
static void read_words(const char *text, size_t len, struct answer *answer)
{
    size_t code_len = 0;
    while (code_len < len &&
           (text[code_len] == '_' || (text[code_len] >= 'A' && text[code_len] <= 'Z'))) {
        code_len++;
    }
    bool has_code = code_len > 0 && code_len + 2 <= len && memcmp(text + code_len, ": ", 2) == 0;
    if (has_code) {
        copy_harmless(text, code_len, answer->code, sizeof(answer->code));
        text += code_len + 2;
        len -= code_len + 2;
    }
    copy_harmless(text, len, answer->message, sizeof(answer->message));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void answer_read(const char *text, size_t len, struct answer *ret_answer)
{
    struct answer answer = { .shape = ANSWER_EMPTY };
    bool is_cut = len > ANSWER_READ_MAX;
    if (is_cut) len = ANSWER_READ_MAX;
    while (len > 0 && is_blank(text[0])) {
        text++;
        len--;
    }
    size_t shown = len < ANSWER_MESSAGE_SIZE ? len : ANSWER_MESSAGE_SIZE;
    if (len == 0) {
        answer.shape = ANSWER_EMPTY;
    } else if (read_json(text, len, &answer)) {
        answer.shape = ANSWER_JSON;
    } else if (text[0] == '{' || text[0] == '[') {
        answer.shape = ANSWER_BROKEN;
    } else if (read_html(text, len, &answer)) {
        answer.shape = ANSWER_HTML;
    } else if (memchr(text, '\0', shown) != NULL || (!is_cut && !text_is_utf8(text, len))) {
        answer.shape = ANSWER_BYTES;
    } else {
        answer.shape = ANSWER_TEXT;
        read_words(text, len, &answer);
    }
    *ret_answer = answer;
}

const char *answer_shape_name(enum answer_shape shape)
{
    static const char *const names[] = {
        [ANSWER_EMPTY] = "nothing",
        [ANSWER_JSON] = "an object",
        [ANSWER_HTML] = "an HTML page",
        [ANSWER_TEXT] = "text",
        [ANSWER_BROKEN] = "JSON that is cut or broken",
        [ANSWER_BYTES] = "bytes that are not text",
    };
    return names[shape];
}

bool answer_is_whole_object(const char *text, size_t len)
{
    size_t at = 0, depth = 0;
    bool in_text = false;
    while (at < len && is_blank(text[at])) {
        at++;
    }
    if (at == len || text[at] != '{') return false;
    for (; at < len; at++) {
        char c = text[at];
        if (in_text) {
            if (c == '\\') at++;
            if (c == '"') in_text = false;
            continue;
        }
        if (c == '"') in_text = true;
        if (c == '{' || c == '[') depth++;
        if ((c == '}' || c == ']') && --depth == 0) break;
    }
    if (at >= len) return false;
    for (at++; at < len; at++) {
        if (!is_blank(text[at])) return false;
    }
    return true;
}

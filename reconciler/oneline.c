#include "oneline.h"

#include "text.h"

#include <assert.h>

enum { PIECE_MAX = 8, DOTS = 3 };

/* Characters that do something to the reader instead of showing themselves. */
static const struct {
    uint32_t first, last;
} invisible[] = {
    { 0x00, 0x1f },     { 0x7f, 0x9f },     { 0xad, 0xad },     { 0x61c, 0x61c },
    { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfeff, 0xfeff },
};

static uint32_t code_point(const char *text, size_t step)
{
    static const unsigned char leads[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    uint32_t code = (unsigned char)text[0] & leads[step];
    for (size_t i = 1; i < step; i++) {
        code = code << 6 | ((unsigned char)text[i] & 0x3f);
    }
    return code;
}

static bool is_invisible(uint32_t code)
{
    for (size_t i = 0; i < COUNT_OF(invisible); i++) {
        if (code >= invisible[i].first && code <= invisible[i].last) return true;
    }
    return false;
}

/* The next character as it is shown, PIECE_MAX bytes at most; returns how many of `text` it is. */
static size_t next_piece(const char *text, size_t len, struct buf *piece)
{
    buf_clear(piece);
    size_t step = text_utf8_step(text, len);
    if (step == 0) {
        buf_adds(piece, "\xef\xbf\xbd");
        return 1;
    }
    uint32_t code = code_point(text, step);
    if (code >= '\t' && code <= '\r') {
        buf_addc(piece, ' ');
    } else if (is_invisible(code)) {
        buf_addf(piece, "\\u%04x", (unsigned)code);
    } else {
        buf_add(piece, text, step);
    }
    return step;
}

/* Printable ASCII shows itself: nearly all that a plan holds. */
static bool is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] < ' ' || text[i] > '~') return false;
    }
    return true;
}

void oneline_add(struct buf *out, const char *text, size_t max)
{
    assert(max >= PIECE_MAX);
    size_t all = strnlen(text, max + 1);
    if (all <= max && is_plain(text, all)) {
        buf_add(out, text, all);
        return;
    }
    AUTO_BUF struct buf piece = BUF_INIT(PIECE_MAX);
    AUTO_BUF struct buf line = BUF_INIT(max);
    size_t len = strlen(text);
    size_t fits = 0; /* the longest beginning that leaves room for the dots */
    bool whole = true;
    for (size_t at = 0; at < len && whole;) {
        at += next_piece(text + at, len - at, &piece);
        whole = buf_add(&line, buf_text(&piece), piece.len);
        if (whole && line.len + DOTS <= max) fits = line.len;
    }
    buf_add(out, buf_text(&line), whole ? line.len : fits);
    if (!whole) buf_adds(out, "...");
}

#include "fuzz.h"

#include "buf.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FAILURE_MAX = 1 << 20 };

void fuzz_fail(const char *fmt, ...)
{
    AUTO_BUF struct buf text = BUF_INIT(FAILURE_MAX);
    va_list args;
    va_start(args, fmt);
    (void)buf_vaddf(&text, fmt, args);
    va_end(args);
    (void)fprintf(stderr, "fuzz: %s\n", buf_text(&text));
    abort();
}

/* C0, DEL and C1. */
static bool is_control(const unsigned char *at)
{
    return at[0] < 0x20 || at[0] == 0x7F || (at[0] == 0xC2 && at[1] < 0xA0);
}

void fuzz_expect_message(const char *what, const char *text)
{
    size_t len = strlen(text);
    FUZZ_EXPECT(len > 0, "%s is empty", what);
    FUZZ_EXPECT(text_is_utf8(text, len), "%s is not UTF-8: %s", what, text);
    for (size_t i = 0; i < len; i++) {
        FUZZ_EXPECT(!is_control((const unsigned char *)text + i),
                    "%s has a control character at byte %zu: %s", what, i, text);
    }
}

unsigned choose(struct choices *choices, unsigned bound)
{
    if (choices->len == 0) return 0;
    choices->len--;
    return *choices->at++ % bound;
}

bool choose_rarely(struct choices *choices, unsigned often)
{
    return choose(choices, often) == often - 1;
}

struct choices choose_until(struct choices *choices, uint8_t end)
{
    struct choices part = *choices;
    const uint8_t *found = choices->len == 0 ? NULL : memchr(choices->at, end, choices->len);
    if (found != NULL) part.len = (size_t)(found - choices->at);
    size_t used = part.len + (found != NULL ? 1 : 0);
    choices->len -= used;
    if (used != 0) choices->at += used;
    return part;
}

size_t fuzz_count(const void *bytes, size_t len, const char *word)
{
    const char *at = bytes;
    size_t word_len = strlen(word);
    size_t count = 0;
    while (len >= word_len) {
        const char *found = memchr(at, word[0], len - word_len + 1);
        if (found == NULL) break;
        if (memcmp(found, word, word_len) == 0) count++;
        len -= (size_t)(found + 1 - at);
        at = found + 1;
    }
    return count;
}

#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NEAREST_LEN_MAX = 64, NEAREST_DISTANCE_MAX = 3, NEAREST_CUT_MAX = 2 };

bool text_equal(const char *a, const char *b)
{
    if (a == NULL || b == NULL) return a == b;
    return strcmp(a, b) == 0;
}

bool text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *text, const char *suffix)
{
    size_t len = strlen(text);
    size_t tail = strlen(suffix);
    return len >= tail && memcmp(text + len - tail, suffix, tail) == 0;
}

char text_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool text_equal_nocase(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        if (text_lower(*a) != text_lower(*b)) return false;
    }
    return *a == *b;
}

/* ---- the nearest name ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edit distance with swaps of neighbours (optimal string alignment); case is for free. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][NEAREST_LEN_MAX + 1];
    for (size_t j = 0; j <= b_len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i - 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            bool same = text_lower(a[i - 1]) == text_lower(b[j - 1]);
            now[j] = least(least(before[j] + 1, now[j - 1] + 1), before[j - 1] + (same ? 0 : 1));
            bool swapped = i > 1 && j > 1 && text_lower(a[i - 1]) == text_lower(b[j - 2]) &&
                           text_lower(a[i - 2]) == text_lower(b[j - 1]);
            if (swapped) now[j] = least(now[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

/* One is the other without its last letters: `tags` for `tag`. */
static bool is_cut(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t common = least(a_len, b_len);
    for (size_t i = 0; i < common; i++) {
        if (text_lower(a[i]) != text_lower(b[i])) return false;
    }
    return a_len - common <= NEAREST_CUT_MAX && b_len - common <= NEAREST_CUT_MAX;
}

const char *text_nearest(const char *word, const char *const *names, size_t len)
{
    size_t word_len = strlen(word);
    if (word_len == 0 || word_len > NEAREST_LEN_MAX) return NULL;
    size_t limit = word_len < 6 ? 1 : least(NEAREST_DISTANCE_MAX, word_len / 3);
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; i < len; i++) {
        size_t name_len = strlen(names[i]);
        size_t longer = name_len > word_len ? name_len - word_len : word_len - name_len;
        /* The distance is no less than the difference in length. */
        if (name_len > NEAREST_LEN_MAX || (longer > limit && longer > NEAREST_CUT_MAX)) continue;
        size_t found = distance(word, word_len, names[i], name_len);
        bool is_near = found <= limit || is_cut(word, word_len, names[i], name_len);
        /* Something has to be the same: `a` is not near `b`. */
        if (is_near && found < best_distance && found < word_len && found < name_len) {
            best = names[i];
            best_distance = found;
        }
    }
    return best;
}

/* ---- UTF-8 ---- */

size_t text_utf8_step(const char *text, size_t len)
{
    /* Table 3-7 of the Unicode standard: only the second byte has limits of its own. */
    static const struct {
        unsigned char first, last, second_min, second_max;
        size_t len;
    } forms[] = {
        { 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    const unsigned char *at = (const unsigned char *)text;
    if (len == 0) return 0;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (at[0] < forms[i].first || at[0] > forms[i].last) continue;
        if (forms[i].len > len) return 0;
        if (forms[i].len > 1 && (at[1] < forms[i].second_min || at[1] > forms[i].second_max)) {
            return 0;
        }
        for (size_t k = 2; k < forms[i].len; k++) {
            if (at[k] < 0x80 || at[k] > 0xbf) return 0;
        }
        return forms[i].len;
    }
    return 0;
}

/* How many bytes at the start of `text` are ASCII other than NUL, looked at eight at a time. */
static size_t plain_ascii(const char *text, size_t len)
{
    static const uint64_t ones = UINT64_C(0x0101010101010101);
    size_t at = 0;
    uint64_t eight;
    for (; len - at >= sizeof(eight); at += sizeof(eight)) {
        memcpy(&eight, text + at, sizeof(eight));
        if (((eight | (eight - ones)) & (ones << 7)) != 0) break; /* 0x80 and above, or 0 */
    }
    while (at < len && (signed char)text[at] > 0) {
        at++;
    }
    return at;
}

bool text_is_utf8(const char *text, size_t len)
{
    while (len > 0) {
        size_t plain = plain_ascii(text, len);
        text += plain;
        len -= plain;
        if (len == 0) return true;
        size_t step = text_utf8_step(text, len);
        if (step == 0) return false;
        text += step;
        len -= step;
    }
    return true;
}

/* ---- numbers, durations, times ---- */

bool text_to_i64(const char *text, int64_t min, int64_t max, int64_t *ret_number)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (digits[0] == '\0' || strspn(digits, "0123456789") != strlen(digits)) return false;
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    if (errno != 0 || number < min || number > max) return false;
    *ret_number = number;
    return true;
}

static const struct {
    const char *name;
    int64_t ms;
} units[] = {
    { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};

/* The unit that the text begins with; the longest one wins ("ms", not "m"). */
static int64_t unit_at(const char *text, size_t *ret_len)
{
    int64_t ms = 0;
    *ret_len = 0;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        size_t len = strlen(units[i].name);
        if (len > *ret_len && strncmp(text, units[i].name, len) == 0) {
            ms = units[i].ms;
            *ret_len = len;
        }
    }
    return ms;
}

bool text_to_duration_ms(const char *text, int64_t *ret_ms, struct err *err)
{
    static const char want[] = "want a duration such as 90s, 5m or 1h30m, got";
    int64_t total = 0;
    const char *at = text;
    do {
        size_t digits = strspn(at, "0123456789");
        if (digits == 0 || digits > 12) return err_set(err, ERR_USAGE, "%s '%s'", want, text);
        int64_t count = strtoll(at, NULL, 10);
        at += digits;
        size_t unit_len = 0;
        int64_t unit = unit_at(at, &unit_len);
        if (unit == 0) {
            return err_set(err, ERR_USAGE, "%s '%s'%s", want, text,
                           *at == '\0' ? " (a unit is missing)" : "");
        }
        if (count > (INT64_MAX - total) / unit) {
            return err_set(err, ERR_USAGE, "'%s' is too long a time", text);
        }
        total += count * unit;
        at += unit_len;
    } while (*at != '\0');
    *ret_ms = total;
    return true;
}

const char *text_from_duration_ms(int64_t ms, char ret_text[TEXT_DURATION_SIZE])
{
    if (ms < 1000) {
        (void)snprintf(ret_text, TEXT_DURATION_SIZE, "%lldms", (long long)(ms < 0 ? 0 : ms));
        return ret_text;
    }
    size_t i = 0;
    while (ms < units[i].ms) {
        i++;
    }
    long long first = ms / units[i].ms;
    long long second = i + 1 < COUNT_OF(units) ? ms % units[i].ms / units[i + 1].ms : 0;
    bool is_seconds = units[i].ms == 1000;
    if (second == 0 || is_seconds) {
        (void)snprintf(ret_text, TEXT_DURATION_SIZE, "%lld%s", first, units[i].name);
    } else {
        (void)snprintf(ret_text, TEXT_DURATION_SIZE, "%lld%s %lld%s", first, units[i].name, second,
                       units[i + 1].name);
    }
    return ret_text;
}

const char *text_from_wall_ms(int64_t wall_ms, char ret_text[TEXT_TIME_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    bool known = wall_ms != 0 && gmtime_r(&seconds, &parts) != NULL;
    if (!known || strftime(ret_text, TEXT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        (void)snprintf(ret_text, TEXT_TIME_SIZE, "never");
    }
    return ret_text;
}

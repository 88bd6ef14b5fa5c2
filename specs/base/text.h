/*
 * text: small questions about strings, times and durations, asked in more than one folder.
 */
#ifndef CLUSTERKEEPER_TEXT_H
#define CLUSTERKEEPER_TEXT_H

#include "err.h"

#include <stdint.h>

/* Both NULL, or both there and the same. */
bool text_equal(const char *a, const char *b);
bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);
/* Letters of ASCII only, whatever the locale. */
bool text_equal_nocase(const char *a, const char *b);
char text_lower(char c);

/*
 * Of `names`, the one that `word` was probably meant to be: the smallest edit distance (insert,
 * delete, change, swap of neighbours, case for free), if it is small for the length. Else NULL.
 */
const char *text_nearest(const char *word, const char *const *names, size_t len);

/* Well-formed UTF-8 without NUL, as one scalar of a manifest or an answer must be. */
bool text_is_utf8(const char *text, size_t len);
/* Bytes of the well-formed character that `text` begins with, NUL excepted; 0: there is none. */
size_t text_utf8_step(const char *text, size_t len);

/* Decimal, the whole text, within the limits; no blanks, no plus. */
bool text_to_i64(const char *text, int64_t min, int64_t max, int64_t *ret_number);

/* "90s", "5m", "1h30m", "250ms", "2d"; a bare number is refused, since its unit is a guess. */
MUST_CHECK bool text_to_duration_ms(const char *text, int64_t *ret_ms, struct err *err);
enum { TEXT_DURATION_SIZE = 48, TEXT_TIME_SIZE = 32 };
/* The largest two units: "1h 5m", "3m 20s", "850ms". */
const char *text_from_duration_ms(int64_t ms, char ret_text[TEXT_DURATION_SIZE]);
/* UTC as 2026-11-25T13:00:16Z; "never" for 0. */
const char *text_from_wall_ms(int64_t wall_ms, char ret_text[TEXT_TIME_SIZE]);

#endif

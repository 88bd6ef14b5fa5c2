#include "diag.h"

#include "arena.h"
#include "text.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "hash.h"

/* Of a long line, this many characters are shown on each side of the column. */
enum { SOURCE_BEFORE = 80, SOURCE_AFTER = 80, UTF8_BYTES_MAX = 4 };

/* A file that something was found in. Counted beyond DIAG_MAX too. */
struct place {
    UT_hash_handle hh;
    char *name;
    bool has_errors;
};

struct entry {
    struct finding finding;
    unsigned caret; /* characters of `source` before the column */
};

struct diag {
    struct arena arena; /* all strings */
    struct place *places;
    struct entry *entries;  /* DIAG_MAX; NULL as long as nothing was found, which is the rule */
    struct finding *sorted; /* what diag_findings lends */
    size_t len;
    size_t errors;
    size_t warnings;
    const char *file; /* whose text is at hand; borrowed */
    const char *text;
    size_t text_len;
};

struct diag *diag_create(void)
{
    return xcalloc(1, sizeof(struct diag));
}

void diag_destroy(struct diag *diag)
{
    if (diag == NULL) return;
    HASH_CLEAR(hh, diag->places);
    arena_release(&diag->arena);
    xfree(diag->entries);
    xfree(diag->sorted);
    xfree(diag);
}

void diag_set_source(struct diag *diag, const char *file, const char *text, size_t len)
{
    diag->file = file;
    diag->text = text;
    diag->text_len = text == NULL ? 0 : len;
}

void diag_forget_source(struct diag *diag)
{
    diag_set_source(diag, NULL, NULL, 0);
}

/* NOLINTNEXTLINE(readability-function-size): the macro is large */
static struct place *place_find(const struct diag *diag, const char *file)
{
    struct place *place = NULL;
    HASH_FIND_STR(diag->places, file, place);
    return place;
}

/* NOLINTNEXTLINE(readability-function-size): the macro is large */
static struct place *place_of(struct diag *diag, const char *file)
{
    struct place *place = place_find(diag, file);
    if (place != NULL) return place;
    place = arena_alloc(&diag->arena, sizeof(*place));
    place->name = arena_strdup(&diag->arena, file);
    HASH_ADD_KEYPTR(hh, diag->places, place->name, strlen(place->name), place);
    return place;
}

/* ---- text that is fit for a terminal ---- */

/*
 * One character of `text` to `out`: as it is, or '?' for a broken byte and for what a terminal
 * would obey instead of show (C0, DEL and C1). Returns the bytes that were read.
 */
static size_t add_character(const char *text, size_t len, struct buf *out)
{
    size_t step = text_utf8_step(text, len);
    unsigned char first = (unsigned char)text[0];
    bool is_c1 = step == 2 && first == 0xc2 && (unsigned char)text[1] < 0xa0;
    if (first == '\t') {
        buf_addc(out, '\t');
    } else if (step == 0 || first < 0x20 || first == 0x7f || is_c1) {
        buf_addc(out, '?');
    } else {
        buf_add(out, text, step);
    }
    return step == 0 ? 1 : step;
}

/* One line, whatever was quoted in it, and whatever a file is called. */
static void add_line(const char *text, struct buf *out)
{
    size_t len = strlen(text);
    for (size_t at = 0; at < len;) {
        bool is_blank = text[at] == '\n' || text[at] == '\r' || text[at] == '\t';
        if (is_blank) buf_addc(out, ' ');
        at += is_blank ? 1 : add_character(text + at, len - at, out);
    }
}

/* ---- the source line ---- */

static size_t line_length(const char *text, size_t len)
{
    const char *end = memchr(text, '\n', len);
    size_t line = end == NULL ? len : (size_t)(end - text);
    const char *cr = memchr(text, '\r', line);
    return cr == NULL ? line : (size_t)(cr - text);
}

/* Where line `line` begins; false when the text has fewer. LF, CR and CR LF end a line. */
static bool find_line(const struct diag *diag, unsigned line, const char **ret_text,
                      size_t *ret_len)
{
    static const char bom[] = "\xef\xbb\xbf";
    const char *at = diag->text;
    const char *end = diag->text + diag->text_len;
    if (diag->text_len >= 3 && memcmp(at, bom, 3) == 0) at += 3;
    for (unsigned i = 1; i < line; i++) {
        at += line_length(at, (size_t)(end - at));
        if (at == end) return false;
        at += end - at > 1 && at[0] == '\r' && at[1] == '\n' ? 2 : 1;
    }
    *ret_text = at;
    *ret_len = line_length(at, (size_t)(end - at));
    return true;
}

static bool begins_nocase(const char *text, size_t len, const char *word)
{
    size_t i = 0;
    while (i < len && word[i] != '\0') {
        char c = text[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        if (c != word[i]) return false;
        i++;
    }
    return word[i] == '\0';
}

static bool begins_like_a_secret(const char *text, size_t len)
{
    static const char *const words[] = { "passw", "pwd", "secret", "token", "_key", "credential" };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (begins_nocase(text, len, words[i])) return true;
    }
    return false;
}

/*
 * How much of a line may be shown: findings are printed in CI logs, and behind a key that is called
 * like a secret, or misspelled like one, stands a secret.
 */
static size_t public_length(const char *line, size_t len)
{
    for (size_t at = 0; at < len;) {
        if (!begins_like_a_secret(line + at, len - at)) {
            at++;
            continue;
        }
        /* To the end of the word at once: looked at from each part of it, it could take hours. */
        while (at < len && strchr(" \t,{}[]:", line[at]) == NULL) {
            at++;
        }
        size_t end = at;
        while (end < len && line[end] == ' ') {
            end++;
        }
        if (end + 1 < len && line[end] == ':') return end + 1;
    }
    return len;
}

/* The line of `pos`, cut to the characters around its column. */
static void take_source(struct diag *diag, struct pos pos, struct entry *entry)
{
    const char *line = NULL;
    size_t len = 0;
    entry->finding.source = "";
    bool is_at_hand =
        diag->text != NULL && pos.line > 0 && pos.file != NULL && text_equal(diag->file, pos.file);
    if (!is_at_hand || !find_line(diag, pos.line, &line, &len)) return;
    if (pos.column > DIAG_COLUMN_MAX) return;
    unsigned column = pos.column == 0 ? 0 : pos.column - 1;
    /* What is behind the part that is shown is hidden anyway. */
    size_t window = ((size_t)column + SOURCE_AFTER) * UTF8_BYTES_MAX;
    size_t looked_at = len < window ? len : window;
    size_t shown = public_length(line, looked_at);
    bool has_hidden = shown < looked_at;
    if (has_hidden) len = shown;

    unsigned from = column > SOURCE_BEFORE ? column - SOURCE_BEFORE : 0;
    AUTO_BUF struct buf out = BUF_INIT((size_t)(SOURCE_BEFORE + SOURCE_AFTER + 8) * 4);
    if (from > 0) buf_adds(&out, "...");
    entry->caret = column - from + (from > 0 ? 3 : 0);
    size_t at = 0;
    for (unsigned i = 0; at < len && i < column + SOURCE_AFTER; i++) {
        size_t step = text_utf8_step(line + at, len - at);
        if (i >= from) (void)add_character(line + at, len - at, &out);
        at += step == 0 ? 1 : step;
    }
    if (at < len) buf_adds(&out, "...");
    if (at == len && has_hidden) buf_adds(&out, " (hidden)");
    entry->finding.source = arena_strdup(&diag->arena, buf_text(&out));
}

/* ---- adding ---- */

static bool is_known(const struct diag *diag, enum diag_severity severity, struct pos pos,
                     const char *text)
{
    for (size_t i = 0; i < diag->len; i++) {
        const struct finding *kept = &diag->entries[i].finding;
        if (kept->pos.line == pos.line && kept->pos.column == pos.column &&
            kept->severity == severity && text_equal(kept->pos.file, pos.file) &&
            strcmp(kept->text, text) == 0) {
            return true;
        }
    }
    return false;
}

/* Counts a finding; its entry to fill in, or NULL when it is known or there is no room. */
static struct entry *admit(struct diag *diag, enum diag_severity severity, struct pos pos,
                           const char *text)
{
    if (is_known(diag, severity, pos, text)) return NULL;
    struct place *place = pos.file == NULL ? NULL : place_of(diag, pos.file);
    if (place != NULL && severity == DIAG_ERROR) place->has_errors = true;
    if (severity == DIAG_ERROR) diag->errors++;
    if (severity == DIAG_WARNING) diag->warnings++;
    if (diag->len == DIAG_MAX) return NULL;
    if (diag->entries == NULL) {
        diag->entries = xcalloc(DIAG_MAX, sizeof(diag->entries[0]));
        diag->sorted = xcalloc(DIAG_MAX, sizeof(diag->sorted[0]));
    }
    struct entry *entry = &diag->entries[diag->len++];
    pos.file = place == NULL ? NULL : place->name;
    *entry = (struct entry){ .finding = { severity, pos, arena_strdup(&diag->arena, text), "" } };
    return entry;
}

static void add(struct diag *diag, enum diag_severity severity, struct pos pos, const char *raw)
{
    AUTO_BUF struct buf text = BUF_INIT((size_t)ERR_TEXT_MAX);
    add_line(raw, &text);
    struct entry *entry = admit(diag, severity, pos, buf_text(&text));
    if (entry != NULL) take_source(diag, entry->finding.pos, entry);
}

void diag_verror(struct diag *diag, struct pos pos, const char *fmt, va_list args)
{
    char text[ERR_TEXT_MAX];
    if (vsnprintf(text, sizeof(text), fmt, args) < 0) text[0] = '\0';
    add(diag, DIAG_ERROR, pos, text);
}

void diag_error(struct diag *diag, struct pos pos, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    diag_verror(diag, pos, fmt, args);
    va_end(args);
}

void diag_warning(struct diag *diag, struct pos pos, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (len < 0) text[0] = '\0';
    add(diag, DIAG_WARNING, pos, text);
}

void diag_add_err(struct diag *diag, const char *file, const struct err *err)
{
    struct pos pos = err->pos;
    if (pos.file == NULL) pos.file = file;
    add(diag, DIAG_ERROR, pos, err->text);
}

void diag_append(struct diag *diag, const struct diag *other)
{
    size_t errors = 0;
    size_t warnings = 0;
    for (size_t i = 0; i < other->len; i++) {
        const struct entry *from = &other->entries[i];
        const struct finding *finding = &from->finding;
        if (finding->severity == DIAG_ERROR) errors++;
        if (finding->severity == DIAG_WARNING) warnings++;
        struct entry *entry = admit(diag, finding->severity, finding->pos, finding->text);
        if (entry == NULL) continue;
        entry->finding.source = arena_strdup(&diag->arena, finding->source);
        entry->caret = from->caret;
    }
    /* What `other` had no room for is counted, and its files are known. */
    diag->errors += other->errors - errors;
    diag->warnings += other->warnings - warnings;
    for (const struct place *at = other->places; at != NULL; at = at->hh.next) {
        if (at->has_errors) place_of(diag, at->name)->has_errors = true;
    }
}

/* ---- reading ---- */

size_t diag_errors(const struct diag *diag)
{
    return diag->errors;
}

size_t diag_warnings(const struct diag *diag)
{
    return diag->warnings;
}

bool diag_file_has_errors(const struct diag *diag, const char *file)
{
    const struct place *place = place_find(diag, file);
    return place != NULL && place->has_errors;
}

static int compare(unsigned long long a, unsigned long long b)
{
    return (a > b) - (a < b);
}

/* By file, line and column; what is at one place by text, so that the order is one. */
static int by_place(const void *a, const void *b)
{
    const struct finding *x = &((const struct entry *)a)->finding;
    const struct finding *y = &((const struct entry *)b)->finding;
    int order =
        strcmp(x->pos.file == NULL ? "" : x->pos.file, y->pos.file == NULL ? "" : y->pos.file);
    if (order == 0) order = compare(x->pos.line, y->pos.line);
    if (order == 0) order = compare(x->pos.column, y->pos.column);
    if (order == 0) order = compare(x->severity, y->severity);
    return order != 0 ? order : strcmp(x->text, y->text);
}

const struct finding *diag_findings(struct diag *diag, size_t *ret_len)
{
    assert(diag->len <= DIAG_MAX);
    if (diag->len > 0) qsort(diag->entries, diag->len, sizeof(diag->entries[0]), by_place);
    for (size_t i = 0; i < diag->len; i++) {
        diag->sorted[i] = diag->entries[i].finding;
    }
    *ret_len = diag->len;
    return diag->sorted;
}

/* ---- for people ---- */

static const struct {
    const char *word;
    const char *colour;
} severities[] = {
    [DIAG_ERROR] = { "error", "\033[1;31m" },
    [DIAG_WARNING] = { "warning", "\033[1;33m" },
};

/* Under the source line: tabs stay tabs, so that the caret stands where the line has its column. */
static void print_caret(const struct entry *entry, struct buf *out)
{
    const char *source = entry->finding.source;
    size_t len = strlen(source);
    size_t at = 0;
    for (unsigned i = 0; i < entry->caret; i++) {
        buf_addc(out, at < len && source[at] == '\t' ? '\t' : ' ');
        if (at < len) at += text_utf8_step(source + at, len - at);
    }
    buf_addc(out, '^');
}

static void print_entry(const struct entry *entry, bool colour, struct buf *out)
{
    const struct finding *finding = &entry->finding;
    const struct pos *pos = &finding->pos;
    const char *paint = colour ? severities[finding->severity].colour : "";
    const char *bold = colour ? "\033[1m" : "";
    const char *plain = colour ? "\033[0m" : "";
    if (pos->file != NULL) {
        buf_adds(out, bold);
        add_line(pos->file, out);
        if (pos->line > 0) buf_addf(out, ":%u:%u", pos->line, pos->column);
        buf_addf(out, ":%s ", plain);
    }
    buf_addf(out, "%s%s:%s %s\n", paint, severities[finding->severity].word, plain, finding->text);
    if (finding->source[0] == '\0') return;
    buf_addf(out, "%5u | %s\n      | %s", pos->line, finding->source, paint);
    print_caret(entry, out);
    buf_addf(out, "%s\n", plain);
}

void diag_print(struct diag *diag, bool colour, struct buf *out)
{
    size_t len = 0;
    (void)diag_findings(diag, &len);
    for (size_t i = 0; i < len; i++) {
        print_entry(&diag->entries[i], colour, out);
    }
    size_t more = diag->errors + diag->warnings - len;
    if (more > 0) buf_addf(out, "and %zu more\n", more);
}

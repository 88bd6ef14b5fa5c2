#include "findings.h"

#include "field.h"
#include "text.h"
#include "yaml_tree.h"

enum { PRINTED_MAX = 4 << 20 };

/* ---- places ---- */

static const struct source *find_source(const struct source *sources, size_t len, const char *path)
{
    for (size_t i = 0; i < len; i++) {
        if (text_equal(sources[i].path, path)) return &sources[i];
    }
    return NULL;
}

/* Past the line that begins at `at`; LF, CR and CR LF end one. */
static size_t skip_line(const struct source *source, size_t at)
{
    while (at < source->len && source->text[at] != '\n' && source->text[at] != '\r') {
        at++;
    }
    bool is_pair = at + 1 < source->len && source->text[at] == '\r' && source->text[at + 1] == '\n';
    return at + (at == source->len ? 0 : 1) + (is_pair ? 1 : 0);
}

/* Characters of the line at `at`, bytes that are none counted one by one. */
static size_t count_characters(const struct source *source, size_t at)
{
    size_t count = 0;
    while (at < source->len && source->text[at] != '\n' && source->text[at] != '\r') {
        size_t step = text_utf8_step(source->text + at, source->len - at);
        at += step == 0 ? 1 : step;
        count++;
    }
    return count;
}

static void expect_place(const struct finding *finding, const struct source *source)
{
    static const char bom[] = "\xef\xbb\xbf";
    const struct pos *pos = &finding->pos;
    bool has_bom = source->len >= 3 && memcmp(source->text, bom, 3) == 0;
    size_t at = has_bom ? 3 : 0;
    for (unsigned line = 1; line < pos->line; line++) {
        FUZZ_EXPECT(at < source->len, "%s has no line %u: %s", pos->file, pos->line, finding->text);
        at = skip_line(source, at);
    }
    size_t columns = count_characters(source, at) + 1;
    FUZZ_EXPECT(pos->column >= 1 && pos->column <= columns, "%s:%u has no column %u: %s", pos->file,
                pos->line, pos->column, finding->text);
}

void findings_expect_places(struct diag *diag, const struct source *sources, size_t len)
{
    size_t count = 0;
    const struct finding *findings = diag_findings(diag, &count);
    FUZZ_EXPECT(count <= DIAG_MAX && count <= diag_errors(diag) + diag_warnings(diag),
                "%zu findings are kept", count);
    for (size_t i = 0; i < count; i++) {
        const struct finding *finding = &findings[i];
        fuzz_expect_message("a finding", finding->text);
        const struct source *source = find_source(sources, len, finding->pos.file);
        FUZZ_EXPECT(source != NULL, "a finding in no file of ours: %s", finding->text);
        if (finding->pos.line != 0) expect_place(finding, source);
        if (finding->source[0] != '\0') FUZZ_EXPECT(finding->pos.line != 0, "a line of no line");
    }
}

/* ---- silence ---- */

void findings_expect_silence(struct diag *diag, const char *const *words, size_t len)
{
    for (int colour = 0; colour <= 1; colour++) {
        AUTO_BUF struct buf out = BUF_INIT(PRINTED_MAX);
        diag_print(diag, colour == 1, &out);
        FUZZ_EXPECT(!out.overflowed, "the findings take more than %d bytes", PRINTED_MAX);
        for (size_t i = 0; i < len; i++) {
            FUZZ_EXPECT(strstr(buf_text(&out), words[i]) == NULL, "a finding shows the secret '%s'",
                        words[i]);
        }
    }
}

/* ---- where a word stands ---- */

/* `field` NULL: nothing that the table knows. */
struct walk {
    const char *word;
    size_t secret, other; /* occurrences */
};

static void walk_value(struct walk *walk, const struct value *value, const struct field *field,
                       bool is_secret);

static size_t count_in(const struct walk *walk, const char *text)
{
    return fuzz_count(text, strlen(text), walk->word);
}

static void walk_map(struct walk *walk, const struct value *map, const struct field *field,
                     bool is_secret)
{
    bool has_children = field != NULL && field->children != NULL;
    for (size_t i = 0; i < map->len; i++) {
        const struct member *member = &map->u.members[i];
        const struct field *child = has_children ? field_child(field, member->key) : NULL;
        /* A name of a variable or a file is no secret. */
        bool is_name = text_equal(member->key, "fromEnv") || text_equal(member->key, "fromFile");
        walk->other += count_in(walk, member->key);
        walk_value(walk, member->value, child, is_secret && !is_name);
    }
}

static void walk_value(struct walk *walk, const struct value *value, const struct field *field,
                       bool is_secret)
{
    /* Either half of a pair: FIELD_LITERAL, the user name, may be shown. */
    if (field != NULL && (field->flags & FIELD_SECRET) != 0) {
        is_secret = (field->flags & FIELD_LITERAL) == 0;
    }
    if (value->kind == VALUE_MAP) {
        walk_map(walk, value, field, is_secret);
    } else if (value->kind == VALUE_LIST) {
        bool is_list = field != NULL && field->type == FIELD_LIST;
        for (size_t i = 0; i < value->len; i++) {
            walk_value(walk, value->u.items[i], is_list ? field->children : NULL, is_secret);
        }
    } else if (value->text != NULL) {
        size_t count = count_in(walk, value->text);
        if (is_secret) walk->secret += count;
        if (!is_secret) walk->other += count;
    }
}

bool source_hides(const struct source *source, const char *word)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO(diag_destroy) struct diag *diag = diag_create();
    struct yaml_documents documents;
    if (!yaml_read(&arena, source->path, source->text, source->len, diag, &documents)) {
        return fuzz_count(source->text, source->len, word) == 0;
    }
    struct walk walk = { .word = word };
    for (size_t i = 0; i < documents.len; i++) {
        walk_value(&walk, documents.documents[i], field_document(), false);
    }
    return walk.other == 0 && walk.secret >= fuzz_count(source->text, source->len, word);
}

#include "yaml_tree.h"

#include "text.h"
#include "yaml_map.h"
#include "yaml_words.h"

#include <assert.h>
#include <stdlib.h>
#include <yaml.h>

#include "hash.h"

#define TAG_CORE "tag:yaml.org,2002:"

/* Of what a file says, so much is quoted in a message; libyaml looks directives up one by one. */
enum { QUOTE_MAX = 60, TAG_DIRECTIVES_MAX = 16 };

/* A node that has a name, in the document that is being read. */
struct anchor {
    UT_hash_handle hh;
    const struct value *value; /* NULL: its end is not reached, so that an alias would be a loop */
    size_t nodes;              /* in it, aliases expanded */
    unsigned height;
};

struct node {
    const struct value *value;
    unsigned height; /* lists and maps inside each other; 0 for a scalar */
};

struct reader {
    yaml_parser_t parser;
    struct arena *arena;
    const char *file;
    const char *text;
    size_t len;
    struct diag *diag;
    bool has_failed;
    size_t nodes; /* so far, aliases expanded */
    struct anchor *anchors;
    struct yaml_map_scratch scratch;
};

#define AUTO_EVENT __attribute__((cleanup(yaml_event_delete)))

/* libyaml counts from 0, people from 1. */
static struct pos pos_at(const struct reader *reader, yaml_mark_t mark)
{
    return (struct pos){ reader->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1 };
}

/* A mistake; always false, for those after which there is no going on. */
static bool complain(struct reader *reader, struct pos pos, const char *fmt, ...) PRINTF(3, 4);
static bool complain(struct reader *reader, struct pos pos, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    diag_verror(reader->diag, pos, fmt, args);
    va_end(args);
    reader->has_failed = true;
    return false;
}

/* ---- what libyaml does not like ---- */

/* The byte that `mark`, which counts characters, stands at. */
static char character_at(const struct reader *reader, yaml_mark_t mark)
{
    size_t at = 0;
    for (size_t i = 0; i < mark.index && at < reader->len; i++) {
        size_t step = text_utf8_step(reader->text + at, reader->len - at);
        at += step == 0 ? 1 : step;
    }
    if (at == reader->len) return '\0';
    return reader->text[at];
}

static bool complain_character(struct reader *reader)
{
    struct pos pos = pos_at(reader, reader->parser.problem_mark);
    char c = character_at(reader, reader->parser.problem_mark);
    if (c == '\t') {
        return complain(reader, pos, "a tab cannot be used for indentation; use blanks");
    }
    return complain(reader, pos, "text cannot begin with '%c' here; put it into quotes", c);
}

/* For what libyaml gives no mark for: the byte at `offset`, or the broken character before it. */
static struct pos pos_of_byte(const struct reader *reader, size_t offset)
{
    struct pos pos = { reader->file, 1, 1 };
    size_t at = 0;
    while (at < offset && at < reader->len) {
        size_t step = text_utf8_step(reader->text + at, reader->len - at);
        if (step == 0) break;
        char c = reader->text[at];
        bool is_half = c == '\r' && at + 1 < reader->len && reader->text[at + 1] == '\n';
        bool ends_line = c == '\n' || (c == '\r' && !is_half);
        pos.column = ends_line ? 1 : pos.column + 1;
        if (ends_line) pos.line++;
        at += step;
    }
    return pos;
}

/* Bytes that are no characters of YAML. */
static bool complain_bytes(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    struct pos pos = pos_of_byte(reader, parser->problem_offset);
    unsigned value = (unsigned)parser->problem_value;
    if (strcmp(parser->problem, "control characters are not allowed") == 0) {
        return complain(reader, pos, "the control character U+%04X cannot stand in YAML", value);
    }
    return complain(reader, pos, "not UTF-8: %s; save the file as UTF-8", parser->problem);
}

static bool complain_syntax(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR) abort(); /* as xmalloc does */
    if (parser->error == YAML_READER_ERROR) return complain_bytes(reader);
    const struct yaml_words *words = yaml_words_find(parser->problem);
    struct pos pos = pos_at(reader, parser->problem_mark);
    if (words == NULL) {
        const char *context = parser->context == NULL ? "in this file" : parser->context;
        return complain(reader, pos, "%s, %s", parser->problem, context);
    }
    if (words->text == NULL) return complain_character(reader);
    if (words->at_context && parser->context != NULL) pos = pos_at(reader, parser->context_mark);
    return complain(reader, pos, "%s", words->text);
}

static bool next_event(struct reader *reader, yaml_event_t *ret_event)
{
    return yaml_parser_parse(&reader->parser, ret_event) == 1 || complain_syntax(reader);
}

/* ---- nodes ---- */

static bool read_node(struct reader *reader, const yaml_event_t *event, unsigned depth,
                      struct node *ret_node);

static bool count_nodes(struct reader *reader, size_t nodes, struct pos pos)
{
    if (nodes <= YAML_NODES_MAX - reader->nodes) {
        reader->nodes += nodes;
        return true;
    }
    return complain(reader, pos, "more than %d values, aliases expanded; split the file",
                    YAML_NODES_MAX);
}

static bool complain_depth(struct reader *reader, struct pos pos)
{
    return complain(reader, pos, "nested deeper than %d lists and maps", YAML_DEPTH_MAX);
}

/* NOLINTNEXTLINE(readability-function-size): the macro is large */
static struct anchor *anchor_find(const struct reader *reader, const char *name)
{
    struct anchor *anchor = NULL;
    HASH_FIND_STR(reader->anchors, name, anchor);
    return anchor;
}

/* The name of what begins here; NULL: it has none. A name may be given again. */
/* NOLINTNEXTLINE(readability-function-size): the macro is large */
static struct anchor *anchor_open(struct reader *reader, const yaml_char_t *name)
{
    if (name == NULL) return NULL;
    const char *key = arena_strdup(reader->arena, (const char *)name);
    struct anchor *former = anchor_find(reader, key);
    if (former != NULL) HASH_DEL(reader->anchors, former);
    struct anchor *anchor = arena_alloc(reader->arena, sizeof(*anchor));
    anchor->nodes = reader->nodes;
    HASH_ADD_KEYPTR(hh, reader->anchors, key, strlen(key), anchor);
    return anchor;
}

static void anchor_close(const struct reader *reader, struct anchor *anchor, struct node node)
{
    if (anchor == NULL) return;
    anchor->value = node.value;
    anchor->nodes = reader->nodes - anchor->nodes;
    anchor->height = node.height;
}

static bool read_alias(struct reader *reader, const yaml_event_t *event, unsigned depth,
                       struct node *ret_node)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct pos pos = pos_at(reader, event->start_mark);
    const struct anchor *anchor = anchor_find(reader, name);
    if (anchor == NULL || anchor->value == NULL) {
        (void)complain(reader, pos,
                       anchor == NULL ? "'*%.*s': no anchor of this name comes before it"
                                      : "'*%.*s' stands inside of what it means",
                       QUOTE_MAX, name);
        /* Any map does: the file is refused, and a map is right behind `<<` too. */
        *ret_node = (struct node){ value_build_map(reader->arena, pos).value, 0 };
        return true;
    }
    if (depth + anchor->height > YAML_DEPTH_MAX) return complain_depth(reader, pos);
    if (!count_nodes(reader, anchor->nodes, pos)) return false;
    *ret_node = (struct node){ anchor->value, anchor->height };
    return true;
}

/* ---- tags and scalars ---- */

enum tag { TAG_NONE, TAG_TEXT, TAG_PLAIN, TAG_LIST, TAG_MAP };

static const struct {
    const char *name;
    enum tag tag;
} tags[] = {
    { TAG_CORE "str", TAG_TEXT },    { TAG_CORE "int", TAG_PLAIN },
    { TAG_CORE "float", TAG_PLAIN }, { TAG_CORE "bool", TAG_PLAIN },
    { TAG_CORE "null", TAG_PLAIN },  { TAG_CORE "map", TAG_MAP },
    { TAG_CORE "seq", TAG_LIST },    { "!", TAG_TEXT },
};

/* What a tag makes of a node; one that does not fit the node is a mistake. */
static enum tag read_tag(struct reader *reader, const yaml_char_t *name, yaml_mark_t mark,
                         enum value_kind kind)
{
    if (name == NULL) return TAG_NONE;
    enum tag tag = TAG_NONE;
    for (size_t i = 0; i < COUNT_OF(tags); i++) {
        if (strcmp((const char *)name, tags[i].name) == 0) tag = tags[i].tag;
    }
    bool fits = kind == VALUE_MAP    ? tag == TAG_MAP
                : kind == VALUE_LIST ? tag == TAG_LIST
                                     : tag == TAG_TEXT || tag == TAG_PLAIN;
    if (fits) return tag;
    (void)complain(reader, pos_at(reader, mark), "the tag '%.*s' %s", QUOTE_MAX, (const char *)name,
                   tag == TAG_NONE ? "is not taken; leave it out" : "does not fit what follows it");
    return TAG_NONE;
}

static bool is_null_word(const char *text, size_t len)
{
    static const char *const words[] = { "", "~", "null", "Null", "NULL" };
    if (len > 4) return false;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcmp(text, words[i]) == 0) return true;
    }
    return false;
}

/* The text of a scalar in the arena; NULL after a complaint. */
static const char *take_text(struct reader *reader, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    if (memchr(text, '\0', len) == NULL) return arena_strndup(reader->arena, text, len);
    (void)complain(reader, pos_at(reader, event->start_mark), "text cannot hold a NUL character");
    return NULL;
}

static bool scalar_is_plain(struct reader *reader, const yaml_event_t *event)
{
    enum tag tag = read_tag(reader, event->data.scalar.tag, event->start_mark, VALUE_PLAIN);
    if (tag != TAG_NONE) return tag == TAG_PLAIN;
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static void read_scalar(struct reader *reader, const yaml_event_t *event, struct node *ret_node)
{
    struct value *value = value_null(reader->arena, pos_at(reader, event->start_mark));
    *ret_node = (struct node){ value, 0 };
    bool is_plain = scalar_is_plain(reader, event);
    size_t len = event->data.scalar.length;
    if (is_plain && is_null_word((const char *)event->data.scalar.value, len)) return;
    const char *text = take_text(reader, event);
    if (text == NULL) return;
    value->kind = is_plain ? VALUE_PLAIN : VALUE_TEXT;
    value->text = text;
    value->len = len;
}

/* ---- lists and maps ---- */

static bool read_list(struct reader *reader, const yaml_event_t *start, unsigned depth,
                      struct node *ret_node)
{
    struct value_builder list = value_build_list(reader->arena, pos_at(reader, start->start_mark));
    unsigned height = 0;
    for (;;) {
        AUTO_EVENT yaml_event_t event = { 0 };
        struct node item;
        if (!next_event(reader, &event)) return false;
        if (event.type == YAML_SEQUENCE_END_EVENT) break;
        if (!read_node(reader, &event, depth + 1, &item)) return false;
        value_push(&list, item.value);
        if (item.height > height) height = item.height;
    }
    *ret_node = (struct node){ list.value, height + 1 };
    return true;
}

/* `ret_key` is NULL when the key was complained about; a plain `null` is a name like any other. */
static bool read_key(struct reader *reader, const yaml_event_t *event, unsigned depth,
                     const char **ret_key, bool *ret_merges)
{
    struct pos pos = pos_at(reader, event->start_mark);
    struct node node;
    *ret_key = NULL;
    *ret_merges = false;
    if (event->type != YAML_SCALAR_EVENT) {
        (void)complain(reader, pos, "a key has to be text, not a list, a map or an alias");
        return event->type == YAML_ALIAS_EVENT || read_node(reader, event, depth, &node);
    }
    /* A key with an anchor is a node that an alias may name. */
    if (event->data.scalar.anchor != NULL && !read_node(reader, event, depth, &node)) return false;
    bool is_plain = scalar_is_plain(reader, event);
    const char *key = take_text(reader, event);
    if (key == NULL) return true;
    if (key[0] == '\0') {
        (void)complain(reader, pos, "a key is missing before the ':'");
        return true;
    }
    *ret_key = key;
    *ret_merges = is_plain && strcmp(key, "<<") == 0;
    return true;
}

static bool read_map(struct reader *reader, const yaml_event_t *start, unsigned depth,
                     struct node *ret_node)
{
    struct value_builder map = value_build_map(reader->arena, pos_at(reader, start->start_mark));
    const struct value *merged = NULL;
    struct pos merged_pos = { 0 };
    unsigned height = 0;
    for (;;) {
        AUTO_EVENT yaml_event_t event = { 0 };
        AUTO_EVENT yaml_event_t value_event = { 0 };
        const char *key = NULL;
        bool merges = false;
        struct node node;
        if (!next_event(reader, &event)) return false;
        if (event.type == YAML_MAPPING_END_EVENT) break;
        if (!read_key(reader, &event, depth + 1, &key, &merges)) return false;
        if (!next_event(reader, &value_event)) return false;
        if (!read_node(reader, &value_event, depth + 1, &node)) return false;
        if (node.height > height) height = node.height;
        struct pos pos = pos_at(reader, event.start_mark);
        if (merges && merged != NULL) {
            (void)complain(reader, pos, "duplicate key '<<'; it takes a list of maps");
        } else if (merges) {
            merged = node.value;
            merged_pos = pos;
        } else if (key != NULL) {
            value_put_new(&map, key, pos, node.value);
        }
    }
    size_t own = map.value->len;
    if (merged != NULL && !yaml_map_merge(&map, merged, merged_pos, reader->diag)) {
        reader->has_failed = true;
    }
    if (!yaml_map_settle(&reader->scratch, &map, own, reader->diag)) reader->has_failed = true;
    *ret_node = (struct node){ map.value, height + 1 };
    return true;
}

static bool read_collection(struct reader *reader, const yaml_event_t *event, unsigned depth,
                            struct node *ret_node)
{
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *tag =
        is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    (void)read_tag(reader, tag, event->start_mark, is_map ? VALUE_MAP : VALUE_LIST);
    if (depth >= YAML_DEPTH_MAX) return complain_depth(reader, pos_at(reader, event->start_mark));
    return is_map ? read_map(reader, event, depth, ret_node)
                  : read_list(reader, event, depth, ret_node);
}

/* The node that `event` begins, `depth` lists and maps deep. False: the file cannot be read on. */
static bool read_node(struct reader *reader, const yaml_event_t *event, unsigned depth,
                      struct node *ret_node)
{
    if (event->type == YAML_ALIAS_EVENT) return read_alias(reader, event, depth, ret_node);
    bool is_scalar = event->type == YAML_SCALAR_EVENT;
    const yaml_char_t *name = is_scalar ? event->data.scalar.anchor
                              : event->type == YAML_MAPPING_START_EVENT
                                  ? event->data.mapping_start.anchor
                                  : event->data.sequence_start.anchor;
    struct anchor *anchor = anchor_open(reader, name);
    if (!count_nodes(reader, 1, pos_at(reader, event->start_mark))) return false;
    if (is_scalar) read_scalar(reader, event, ret_node);
    if (!is_scalar && !read_collection(reader, event, depth, ret_node)) return false;
    anchor_close(reader, anchor, *ret_node);
    return true;
}

/* ---- documents ---- */

/* libyaml compares each %TAG line with all before it, so that a file of them would take minutes. */
static bool check_directives(struct reader *reader)
{
    static const char directive[] = "%TAG";
    const char *end = reader->text + reader->len;
    const char *at = reader->text;
    unsigned found = 0;
    while ((at = memchr(at, '%', (size_t)(end - at))) != NULL) {
        size_t offset = (size_t)(at - reader->text);
        bool is_first = offset == 0 || at[-1] == '\n' || at[-1] == '\r';
        bool is_tag = (size_t)(end - at) >= strlen(directive) &&
                      memcmp(at, directive, strlen(directive)) == 0;
        if (is_first && is_tag && ++found > TAG_DIRECTIVES_MAX) {
            return complain(reader, pos_of_byte(reader, offset), "more than %d %%TAG lines",
                            TAG_DIRECTIVES_MAX);
        }
        at++;
    }
    return true;
}

static bool read_document(struct reader *reader, struct node *ret_node)
{
    AUTO_EVENT yaml_event_t event = { 0 };
    AUTO_EVENT yaml_event_t end = { 0 };
    HASH_CLEAR(hh, reader->anchors); /* names end with their document; the arena has the anchors */
    return next_event(reader, &event) && read_node(reader, &event, 0, ret_node) &&
           next_event(reader, &end);
}

static bool read_stream(struct reader *reader, struct yaml_documents *ret_documents)
{
    struct yaml_documents documents = { 0 };
    size_t cap = 0;
    for (size_t count = 0;;) {
        AUTO_EVENT yaml_event_t event = { 0 };
        struct node node = { NULL, 0 };
        if (!next_event(reader, &event)) return false;
        if (event.type == YAML_STREAM_END_EVENT) break;
        if (event.type != YAML_DOCUMENT_START_EVENT) continue; /* the start of the stream */
        if (++count > YAML_DOCUMENTS_MAX) {
            return complain(reader, pos_at(reader, event.start_mark),
                            "more than %d documents; split the file", YAML_DOCUMENTS_MAX);
        }
        if (!read_document(reader, &node)) return false;
        assert(node.value != NULL);
        if (node.value->kind == VALUE_NULL) continue;
        /* An array of pointers. NOLINTNEXTLINE(bugprone-sizeof-expression) */
        ARENA_PUSH(reader->arena, documents.documents, documents.len, cap, node.value);
    }
    *ret_documents = documents;
    return true;
}

bool yaml_read(struct arena *arena, const char *file, const char *text, size_t len,
               struct diag *diag, struct yaml_documents *ret_documents)
{
    struct reader reader = { .arena = arena, .file = file, .diag = diag };
    reader.text = text == NULL ? "" : text;
    reader.len = len;
    struct yaml_documents documents = { 0 };
    if (len > YAML_FILE_BYTES_MAX) {
        return complain(&reader, (struct pos){ .file = file }, "%zu bytes; %d at most", len,
                        YAML_FILE_BYTES_MAX);
    }
    if (len >= 3 && memcmp(reader.text, "\xef\xbb\xbf", 3) == 0) {
        reader.text += 3; /* a byte order mark */
        reader.len -= 3;
    }
    if (!check_directives(&reader)) return false;
    if (yaml_parser_initialize(&reader.parser) != 1) abort(); /* as xmalloc does */
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)reader.text, reader.len);
    bool is_read = read_stream(&reader, &documents) && !reader.has_failed;
    yaml_parser_delete(&reader.parser);
    HASH_CLEAR(hh, reader.anchors);
    yaml_map_scratch_release(&reader.scratch);
    if (is_read) *ret_documents = documents;
    return is_read;
}

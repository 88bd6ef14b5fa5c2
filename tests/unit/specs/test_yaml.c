/* The YAML reader: what it makes of a text, where things stand, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "json.h"
#include "yaml_tree.h"

struct reading {
    struct arena arena;
    struct diag *diag;
    struct yaml_documents documents;
    bool is_read;
};

static void reading_release(struct reading *reading)
{
    diag_destroy(reading->diag);
    arena_release(&reading->arena);
}
#define AUTO_READING __attribute__((cleanup(reading_release)))

/* From a copy of the exact size, so that a read behind the end is seen. */
static void read(struct reading *reading, const char *text, size_t len)
{
    AUTO(xfree) char *copy = xmalloc(len == 0 ? 1 : len);
    memcpy(copy, text, len);
    *reading = (struct reading){ .diag = diag_create() };
    diag_set_source(reading->diag, "f", copy, len);
    reading->is_read =
        yaml_read(&reading->arena, "f", copy, len, reading->diag, &reading->documents);
    diag_forget_source(reading->diag);
    assert_true(reading->is_read == (diag_errors(reading->diag) == 0));
}

static const struct value *read_one(struct reading *reading, const char *text)
{
    read(reading, text, strlen(text));
    AUTO_BUF struct buf out = BUF_INIT(100000);
    diag_print(reading->diag, false, &out);
    if (!reading->is_read) fail_msg("%s", buf_text(&out));
    assert_int_equal(reading->documents.len, 1);
    return reading->documents.documents[0];
}

/* ---- what comes out ---- */

/* As JSON, where plain text is written like any text. */
static const struct {
    const char *text;
    const char *want;
} good_cases[] = {
    { "a: 1\nb: [x, 'y', \"z\"]\nc: {d: e}\n",
      "{\"a\":\"1\",\"b\":[\"x\",\"y\",\"z\"],\"c\":{\"d\":\"e\"}}" },
    { "- 1\n- - 2\n  - 3\n", "[\"1\",[\"2\",\"3\"]]" },
    { "a:\nb: ~\nc: null\nd: Null\ne: NULL\nf: nULL\ng: ''\nh: 'null'\n",
      "{\"a\":null,\"b\":null,\"c\":null,\"d\":null,\"e\":null,\"f\":\"nULL\",\"g\":\"\",\"h\":"
      "\"null\"}" },
    { "a: |\n  one\n  two\nb: >-\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\",\"b\":\"one two\"}" },
    { "a: !!str 4\nb: !!str\nc: !!int 4\nd: !!null ''\ne: ! 5\n",
      "{\"a\":\"4\",\"b\":\"\",\"c\":\"4\",\"d\":null,\"e\":\"5\"}" },
    { "a: !!map {}\nb: !!seq []\n", "{\"a\":{},\"b\":[]}" },
    { "\xef\xbb\xbf"
      "a: 1\r\nb: 2\r\n",
      "{\"a\":\"1\",\"b\":\"2\"}" },
    { "# only\n---\na: \"\\u20ac \\x41\"\n...\n", "{\"a\":\"\xe2\x82\xac A\"}" },
    { "null: 1\n~: 2\n", "{\"null\":\"1\",\"~\":\"2\"}" },
    { "? a\n: b\n", "{\"a\":\"b\"}" },
    /* anchors */
    { "a: &x {b: 1}\nc: *x\n", "{\"a\":{\"b\":\"1\"},\"c\":{\"b\":\"1\"}}" },
    { "a: &x 1\nb: *x\nc: &x 2\nd: *x\n", "{\"a\":\"1\",\"b\":\"1\",\"c\":\"2\",\"d\":\"2\"}" },
    { "&k a: 1\nb: *k\n", "{\"a\":\"1\",\"b\":\"a\"}" },
    { "a: &x ~\nb: *x\n", "{\"a\":null,\"b\":null}" },
    { "a: &x [&x 1, *x]\nb: *x\n", "{\"a\":[\"1\",\"1\"],\"b\":\"1\"}" },
    /* merge keys: what is stated wins, then the map that comes first */
    { "a: &a {x: 1, y: 1}\nb: {<<: *a, y: 2, z: 2}\n",
      "{\"a\":{\"x\":\"1\",\"y\":\"1\"},\"b\":{\"x\":\"1\",\"y\":\"2\",\"z\":\"2\"}}" },
    { "a: {y: 2, <<: {x: 1, y: 1}}\n", "{\"a\":{\"x\":\"1\",\"y\":\"2\"}}" },
    { "- &a {x: 1}\n- &b {x: 2, y: 2}\n- <<: [*a, *b]\n",
      "[{\"x\":\"1\"},{\"x\":\"2\",\"y\":\"2\"},{\"x\":\"1\",\"y\":\"2\"}]" },
    { "- &a {x: 1}\n- &b {<<: *a, y: 2}\n- <<: *b\n",
      "[{\"x\":\"1\"},{\"x\":\"1\",\"y\":\"2\"},{\"x\":\"1\",\"y\":\"2\"}]" },
    { "a: {<<: []}\n", "{\"a\":{}}" },
    { "'<<': 1\n", "{\"<<\":\"1\"}" },
};

static void test_yaml_becomes_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good_cases); i++) {
        AUTO_READING struct reading reading;
        AUTO_BUF struct buf out = BUF_INIT(10000);
        json_write(read_one(&reading, good_cases[i].text), &out);
        assert_string_equal(buf_text(&out), good_cases[i].want);
    }
}

static void test_quotes_make_text_and_nothing_else_does(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum value_kind kind;
    } cases[] = {
        { "no", VALUE_PLAIN },        { "'no'", VALUE_TEXT },       { "\"4\"", VALUE_TEXT },
        { "4", VALUE_PLAIN },         { "|\n  4\n", VALUE_TEXT },   { ">\n  4\n", VALUE_TEXT },
        { "!!str 4", VALUE_TEXT },    { "!!int '4'", VALUE_PLAIN }, { "! 4", VALUE_TEXT },
        { "!!bool no", VALUE_PLAIN }, { "'~'", VALUE_TEXT },        { "''", VALUE_TEXT },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_READING struct reading reading;
        const struct value *value = read_one(&reading, cases[i].text);
        if (value->kind != cases[i].kind) fail_msg("%s", cases[i].text);
        assert_int_equal(value->len, strlen(value->text));
    }
}

static void test_everything_has_its_position(void **state)
{
    (void)state;
    AUTO_READING struct reading reading;
    const struct value *map =
        read_one(&reading, "# \xc3\xa9\na: 1\nb:\n  - \xc3\xa9: x\n  - &n {c: 2}\nd: *n\n");
    const struct value *list = value_get(map, "b");
    const struct member *member = &list->u.items[0]->u.members[0];
    assert_string_equal(map->pos.file, "f");
    assert_int_equal(map->u.members[1].pos.line, 3);
    assert_int_equal(map->u.members[1].pos.column, 1);
    assert_int_equal(value_get(map, "a")->pos.line, 2);
    assert_int_equal(value_get(map, "a")->pos.column, 4);
    assert_int_equal(member->pos.line, 4);
    assert_int_equal(member->pos.column, 5);
    assert_int_equal(member->value->pos.column, 8);
    assert_ptr_equal(value_get(map, "d"), list->u.items[1]); /* shared, at its anchor */
    assert_int_equal(value_get(map, "d")->pos.line, 5);
}

static void test_documents_are_separate(void **state)
{
    (void)state;
    AUTO_READING struct reading reading;
    static const char text[] = "---\n---\na: &x 1\n---\n# nothing\n---\n~\n---\n- 2\n...\n";
    read(&reading, text, strlen(text));
    assert_true(reading.is_read);
    assert_int_equal(reading.documents.len, 2);
    assert_int_equal(reading.documents.documents[0]->kind, VALUE_MAP);
    assert_int_equal(reading.documents.documents[1]->kind, VALUE_LIST);
    AUTO_READING struct reading empty;
    read(&empty, "", 0);
    assert_true(empty.is_read);
    assert_int_equal(empty.documents.len, 0);
    AUTO_READING struct reading comment;
    read(&comment, "# x\n", 4);
    assert_true(comment.is_read);
    assert_int_equal(comment.documents.len, 0);
}

/* ---- what is refused, and where ---- */

#define TEXT(text) text, sizeof(text) - 1

static const struct {
    const char *text;
    size_t len;
    unsigned line, column;
    const char *want; /* a part of the message */
} bad_cases[] = {
    { TEXT("a: 1\nb: 2\na: 3\n"), 3, 1, "duplicate key 'a'; it came first at line 1, column 1" },
    { TEXT("a: {x: 1, x: 2}\n"), 1, 11, "duplicate key 'x'; it came first at line 1, column 5" },
    { TEXT("a: 1\n'a': 2\n"), 2, 1, "duplicate key 'a'" },
    { TEXT("a: {<<: {x: 1}, <<: {y: 1}}\n"), 1, 17, "duplicate key '<<'" },
    { TEXT("a: {<<: 4}\n"), 1, 5, "'<<' takes a map" },
    { TEXT("a: {<<: [{}, 4]}\n"), 1, 5, "'<<' takes a map" },
    { TEXT("a: {<<: }\n"), 1, 5, "'<<' takes a map" },
    { TEXT("{a: 1}: b\n"), 1, 1, "a key has to be text" },
    { TEXT("? [a]\n: b\n"), 1, 3, "a key has to be text" },
    { TEXT("a: &x y\n*x : b\n"), 2, 1, "a key has to be text" },
    { TEXT("'': b\n"), 1, 1, "a key is missing" },
    { TEXT(": b\n"), 1, 1, "a key was expected" },
    { TEXT("?\n: b\n"), 1, 2, "a key is missing" },
    { TEXT("a: *x\n"), 1, 4, "'*x': no anchor" },
    { TEXT("a: {<<: *x}\n"), 1, 9, "'*x': no anchor" },
    { TEXT("a: &x 1\n---\nb: *x\n"), 3, 4, "'*x': no anchor" },
    { TEXT("a: &x [*x]\n"), 1, 8, "'*x' stands inside" },
    { TEXT("a: &x {<<: *x}\n"), 1, 12, "'*x' stands inside" },
    { TEXT("a: !foo 1\n"), 1, 4, "the tag '!foo' is not taken" },
    { TEXT("a: !!binary aa\n"), 1, 4, "the tag 'tag:yaml.org,2002:binary' is not taken" },
    { TEXT("a: !!map 1\n"), 1, 4, "does not fit" },
    { TEXT("a: !!str {}\n"), 1, 4, "does not fit" },
    { TEXT("a: !x!y 1\n"), 1, 4, "unknown tag" },
    { TEXT("!foo a: 1\n"), 1, 1, "is not taken" },
    { TEXT("a: \"x\\0y\"\n"), 1, 4, "NUL" },
    { TEXT("\"x\\0y\": 1\n"), 1, 1, "NUL" },
    /* what libyaml finds */
    { TEXT("a:\n\tb: 1\n"), 2, 1, "a tab cannot be used for indentation" },
    { TEXT("a: 1\n\tb: 1\n"), 2, 1, "a tab cannot be used for indentation" },
    { TEXT("\xc3\xa9: x\nb: @x\n"), 2, 4, "text cannot begin with '@'" },
    { TEXT("a: `x`\n"), 1, 4, "text cannot begin with '`'" },
    { TEXT("a: b: c\n"), 1, 5, "a ':' cannot stand here" },
    { TEXT("a: 1\nbcd\ne: 2\n"), 2, 1, "a ':' is missing" },
    { TEXT("a:\n  - 1\n b: 2\n"), 3, 2, "check the indentation" },
    { TEXT("a: [1, 2\nb: 3\n"), 2, 2, "',' or ']'" },
    { TEXT("a: {b: 1\n"), 2, 1, "',' or '}'" },
    { TEXT("a: 'x\nb: 1\n"), 1, 4, "this quote is never closed" },
    { TEXT("a: \"\\d\"\n"), 1, 5, "unknown escape" },
    { TEXT("a: - 1\n"), 1, 4, "a '- ' cannot stand here" },
    { TEXT("a: 1\n]\n"), 2, 1, "" },
    { TEXT("%YAML 3.0\n---\na: 1\n"), 1, 1, "only YAML 1.1 and 1.2" },
    /* bytes that are no characters of YAML */
    { TEXT("a: 1\r\nb: \xff\n"), 2, 4, "not UTF-8" },
    { TEXT("\xef\xbb\xbf"
           "a: \xc3\xa9\xe2\x82\n"),
      1, 5, "not UTF-8" },
    { TEXT("a: 1\nb\0: 2\n"), 2, 2, "the control character U+0000" },
    { TEXT("a: \x1b[31m\n"), 1, 4, "the control character U+001B" },
    { TEXT("a: \xed\xa0\x80\n"), 1, 4, "" },
    { TEXT("\xff\xfe"
           "a\0:\0"),
      1, 1, "not UTF-8" },
    { TEXT("\xfe\xff\0a\0:"), 1, 1, "not UTF-8" },
};

static void promise_9_mistakes_have_a_place_and_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_cases); i++) {
        AUTO_READING struct reading reading;
        size_t len = 0;
        read(&reading, bad_cases[i].text, bad_cases[i].len);
        const struct finding *findings = diag_findings(reading.diag, &len);
        if (len != 1) fail_msg("%s: %zu findings", bad_cases[i].text, len);
        bool is_right = findings[0].pos.line == bad_cases[i].line &&
                        findings[0].pos.column == bad_cases[i].column &&
                        strstr(findings[0].text, bad_cases[i].want) != NULL;
        if (is_right) continue;
        fail_msg("%s: %u:%u: %s", bad_cases[i].text, findings[0].pos.line, findings[0].pos.column,
                 findings[0].text);
    }
}

static void test_all_mistakes_come_in_one_run(void **state)
{
    (void)state;
    AUTO_READING struct reading reading;
    AUTO_BUF struct buf out = BUF_INIT(10000);
    static const char text[] = "a: 1\na: 2\nb: !x 3\nc: *d\n---\n'': 4\n[]: 5\ne: 'never\n";
    read(&reading, text, strlen(text));
    diag_print(reading.diag, false, &out);
    assert_string_equal(buf_text(&out),
                        "f:2:1: error: duplicate key 'a'; it came first at line 1, column 1\n"
                        "    2 | a: 2\n      | ^\n"
                        "f:3:4: error: the tag '!x' is not taken; leave it out\n"
                        "    3 | b: !x 3\n      |    ^\n"
                        "f:4:4: error: '*d': no anchor of this name comes before it\n"
                        "    4 | c: *d\n      |    ^\n"
                        "f:6:1: error: a key is missing before the ':'\n"
                        "    6 | '': 4\n      | ^\n"
                        "f:7:1: error: a key has to be text, not a list, a map or an alias\n"
                        "    7 | []: 5\n      | ^\n"
                        "f:8:4: error: this quote is never closed\n"
                        "    8 | e: 'never\n      |    ^\n");
}

/* ---- limits ---- */

static void assert_refused(const struct buf *text, const char *want)
{
    AUTO_READING struct reading reading;
    size_t len = 0;
    read(&reading, buf_text(text), text->len);
    const struct finding *findings = diag_findings(reading.diag, &len);
    if (len != 1 || strstr(findings[0].text, want) == NULL) {
        fail_msg("%zu findings, first: %s", len, len == 0 ? "" : findings[0].text);
    }
}

static void assert_read(const struct buf *text)
{
    AUTO_READING struct reading reading;
    read(&reading, buf_text(text), text->len);
    size_t len = 0;
    const struct finding *findings = diag_findings(reading.diag, &len);
    if (!reading.is_read) fail_msg("%s", findings[0].text);
}

static void promise_10_a_file_has_a_size(void **state)
{
    (void)state;
    AUTO_BUF struct buf text = BUF_INIT(2 << 20);
    buf_adds(&text, "a: 1\n#");
    while (text.len < YAML_FILE_BYTES_MAX) {
        buf_addc(&text, 'x');
    }
    assert_read(&text);
    buf_addc(&text, 'x');
    assert_refused(&text, "1048577 bytes; 1048576 at most");
}

static void promise_10_a_file_has_so_many_documents(void **state)
{
    (void)state;
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    for (int i = 0; i < YAML_DOCUMENTS_MAX; i++) {
        buf_adds(&text, "--- a\n");
    }
    assert_read(&text);
    buf_adds(&text, "--- a\n");
    assert_refused(&text, "more than 1000 documents");
}

static void nest(struct buf *text, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++) {
        buf_addc(text, '[');
    }
    for (unsigned i = 0; i < depth; i++) {
        buf_addc(text, ']');
    }
}

static void promise_10_nesting_ends_at_its_limit(void **state)
{
    (void)state;
    AUTO_BUF struct buf good = BUF_INIT(1 << 20);
    nest(&good, YAML_DEPTH_MAX);
    assert_read(&good);
    AUTO_BUF struct buf bad = BUF_INIT(1 << 20);
    nest(&bad, YAML_DEPTH_MAX + 1);
    assert_refused(&bad, "nested deeper than 32");
    AUTO_BUF struct buf absurd = BUF_INIT(1 << 20);
    nest(&absurd, 500000);
    assert_refused(&absurd, "nested deeper than 32");
}

/* An alias brings the depth of what it names. */
static void test_aliases_do_not_dig_deeper(void **state)
{
    (void)state;
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    buf_adds(&text, "- &a0 []\n");
    for (int i = 1; i < YAML_DEPTH_MAX - 1; i++) {
        buf_addf(&text, "- &a%d [*a%d]\n", i, i - 1);
    }
    assert_read(&text);
    buf_addf(&text, "- [*a%d]\n", YAML_DEPTH_MAX - 2);
    assert_refused(&text, "nested deeper than 32");
}

static void promise_10_a_file_has_so_many_values(void **state)
{
    (void)state;
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    buf_adds(&text, "- x\n");
    for (int i = 2; i < YAML_NODES_MAX; i++) {
        buf_adds(&text, "- x\n"); /* and the list itself */
    }
    assert_read(&text);
    buf_adds(&text, "- x\n");
    assert_refused(&text, "more than 200000 values");
}

static void promise_10_a_billion_laughs_end_at_the_alias(void **state)
{
    (void)state;
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    buf_adds(&text, "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for (int i = 1; i < 10; i++) {
        buf_addf(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++) {
            buf_addf(&text, "%s*a%d", k == 0 ? "" : ", ", i - 1);
        }
        buf_adds(&text, "]\n");
    }
    AUTO_READING struct reading reading;
    size_t len = 0;
    read(&reading, buf_text(&text), text.len);
    const struct finding *findings = diag_findings(reading.diag, &len);
    assert_int_equal(len, 1);
    assert_non_null(strstr(findings[0].text, "aliases expanded"));
    assert_int_equal(findings[0].pos.line, 6);
}

/* Merging again and again what was merged would double the members with each line. */
static void test_merged_maps_count_too(void **state)
{
    (void)state;
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    buf_adds(&text, "a0: &a0 {x: 1}\n");
    for (int i = 1; i < 40; i++) {
        buf_addf(&text, "a%d: &a%d {<<: [*a%d, *a%d]}\n", i, i, i - 1, i - 1);
    }
    assert_refused(&text, "aliases expanded");
}

/* ---- files that are made to be slow ---- */

static void test_a_map_of_a_megabyte_is_read_in_time(void **state)
{
    (void)state;
    AUTO_BUF struct buf text = BUF_INIT(YAML_FILE_BYTES_MAX);
    for (unsigned i = 0; i < 70000; i++) {
        buf_addf(&text, "key%06u: 1\n", (i * 7919) % 70000);
    }
    assert_read(&text);
    buf_adds(&text, "key000000: 1\n");
    assert_refused(&text, "duplicate key 'key000000'");
}

static void test_many_anchors_are_found_in_time(void **state)
{
    (void)state;
    AUTO_BUF struct buf text = BUF_INIT(YAML_FILE_BYTES_MAX);
    for (unsigned i = 0; i < 40000; i++) {
        buf_addf(&text, "- &a%u x\n", i);
    }
    for (unsigned i = 0; i < 40000; i++) {
        buf_addf(&text, "- *a%u\n", i);
    }
    assert_read(&text);
}

static void test_many_tag_directives_are_refused(void **state)
{
    (void)state;
    AUTO_BUF struct buf text = BUF_INIT(YAML_FILE_BYTES_MAX);
    for (unsigned i = 0; i < 16; i++) {
        buf_addf(&text, "%%TAG !a%u! !b\n", i);
    }
    AUTO_BUF struct buf good = BUF_INIT(YAML_FILE_BYTES_MAX);
    buf_adds(&good, buf_text(&text));
    buf_adds(&good, "---\na: 50%TAG\n");
    assert_read(&good);
    for (unsigned i = 16; i < 40000; i++) {
        buf_addf(&text, "%%TAG !a%u! !b\n", i);
    }
    buf_adds(&text, "---\na: 1\n");
    assert_refused(&text, "more than 16 %TAG lines");
}

static void test_a_storm_of_mistakes_ends(void **state)
{
    (void)state;
    AUTO_BUF struct buf text = BUF_INIT(YAML_FILE_BYTES_MAX);
    for (unsigned i = 0; i < 100000; i++) {
        buf_addf(&text, "k: *x%u\n", i);
    }
    AUTO_READING struct reading reading;
    read(&reading, buf_text(&text), text.len);
    assert_false(reading.is_read);
    assert_true(diag_errors(reading.diag) > 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yaml_becomes_values),
        cmocka_unit_test(test_quotes_make_text_and_nothing_else_does),
        cmocka_unit_test(test_everything_has_its_position),
        cmocka_unit_test(test_documents_are_separate),
        cmocka_unit_test(promise_9_mistakes_have_a_place_and_a_reason),
        cmocka_unit_test(test_all_mistakes_come_in_one_run),
        cmocka_unit_test(promise_10_a_file_has_a_size),
        cmocka_unit_test(promise_10_a_file_has_so_many_documents),
        cmocka_unit_test(promise_10_nesting_ends_at_its_limit),
        cmocka_unit_test(test_aliases_do_not_dig_deeper),
        cmocka_unit_test(promise_10_a_file_has_so_many_values),
        cmocka_unit_test(promise_10_a_billion_laughs_end_at_the_alias),
        cmocka_unit_test(test_merged_maps_count_too),
        cmocka_unit_test(test_a_map_of_a_megabyte_is_read_in_time),
        cmocka_unit_test(test_many_anchors_are_found_in_time),
        cmocka_unit_test(test_many_tag_directives_are_refused),
        cmocka_unit_test(test_a_storm_of_mistakes_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

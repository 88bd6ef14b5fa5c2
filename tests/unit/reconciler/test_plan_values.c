/* A plan for people: how lists are shown, and where long texts are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan_fixture.h"
#include "text.h"

#define RED   "\033[31m"
#define GREEN "\033[32m"
#define DIM   "\033[2m"
#define PLAIN "\033[0m"

/* ---- lists ---- */

#define SCRIPT(path)  "{\"workspace\":{\"destination\":\"" path "\"}}"
#define SCRIPTS(list) "{\"init_scripts\":[" list "]}"

static void test_lists(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *shown;
    } rows[] = {
        { SCRIPTS(SCRIPT("/a") "," SCRIPT("/b") "," SCRIPT("/c")),
          SCRIPTS(SCRIPT("/a") "," SCRIPT("/x") "," SCRIPT("/c")),
          "            workspace: \"/a\"\n          - workspace: \"/b\"\n"
          "          + workspace: \"/x\"\n            workspace: \"/c\"\n" },
        { SCRIPTS(SCRIPT("/b") "," SCRIPT("/c") "," SCRIPT("/d")),
          SCRIPTS(SCRIPT("/x") "," SCRIPT("/c") "," SCRIPT("/d")),
          "          - workspace: \"/b\"\n          + workspace: \"/x\"\n"
          "            workspace: \"/c\"\n            workspace: \"/d\"\n" },
        { SCRIPTS(SCRIPT("/a")), SCRIPTS(SCRIPT("/a") "," SCRIPT("/a")),
          "            workspace: \"/a\"\n          + workspace: \"/a\"\n" },
        { SCRIPTS(SCRIPT("/a") "," SCRIPT("/a")), SCRIPTS(SCRIPT("/a")),
          "            workspace: \"/a\"\n          - workspace: \"/a\"\n" },
        { SCRIPTS(SCRIPT("/a") "," SCRIPT("/b")), SCRIPTS(SCRIPT("/b") "," SCRIPT("/a")),
          "          - workspace: \"/a\"\n          - workspace: \"/b\"\n"
          "          + workspace: \"/b\"\n          + workspace: \"/a\"\n" },
        { "{}", SCRIPTS(SCRIPT("/a")), "          + workspace: \"/a\"\n" },
        { SCRIPTS(SCRIPT("/a")), "{}", "          - workspace: \"/a\"\n" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture;
        fixture_open(&fixture);
        struct arena *arena = &fixture.scene.arena;
        fixture_add(&fixture, "a", (struct decision){ .action = ACTION_SETTLE, .why = "w" },
                    rows[i].after, rows[i].before, rows[i].before);
        assert_string_equal(
            fixture_text(&fixture, false, false),
            arena_printf(arena,
                         "  ~ settle a: w (no effect on what runs)\n        init_scripts:\n%s\n"
                         "Plan: 1 to settle; 0 unchanged.\n",
                         rows[i].shown));
        fixture_close(&fixture);
    }
}

static void test_list_in_colour(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    fixture_add(&fixture, "a", (struct decision){ .action = ACTION_SETTLE, .why = "w" },
                SCRIPTS(SCRIPT("/a") "," SCRIPT("/x")), NULL,
                SCRIPTS(SCRIPT("/a") "," SCRIPT("/b")));
    assert_non_null(strstr(fixture_text(&fixture, true, false),
                           "          " DIM " " PLAIN " workspace: \"/a\"\n"
                           "          " RED "-" PLAIN " workspace: \"/b\"\n"
                           "          " GREEN "+" PLAIN " workspace: \"/x\"\n"));
    fixture_close(&fixture);
}

/* An element of more than one key, and one that is no map, as they are. */
static void test_elements(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    fixture_add(&fixture, "a", (struct decision){ .action = ACTION_SETTLE, .why = "w" },
                "{init_scripts: [{s3: {destination: \"s3://b/a\", region: r}}], "
                "worker_node_type_flexibility: {alternate_node_type_ids: [x, y]}}",
                NULL, "{}");
    assert_non_null(strstr(fixture_text(&fixture, false, false),
                           "        worker_node_type_flexibility.alternate_node_type_ids:\n"
                           "          + \"x\"\n          + \"y\"\n"
                           "        init_scripts:\n"
                           "          + s3: {\"destination\":\"s3://b/a\",\"region\":\"r\"}\n"));
    fixture_close(&fixture);
}

/* Elements that no script has: of no key, of two, of text. */
static void test_odd_elements(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    struct arena *arena = &fixture.scene.arena;
    struct difference difference = {
        .path = "init_scripts",
        .field = field_find("init_scripts"),
        .before = scene_applied(&fixture.scene, "[{}]"),
        .after = scene_applied(&fixture.scene, "[{\"b\":1,\"c\":2},{\"d\":\"e\"},\"f\"]"),
    };
    struct plan_item item = { .name = "a",
                              .action = ACTION_SETTLE,
                              .why = "w",
                              .differences = &difference,
                              .differences_len = 1 };
    struct plan plan = { .arena = arena, .items = &item, .len = 1 };
    struct plan_style style = { .colour = false };
    AUTO_BUF struct buf out = BUF_INIT(PLAN_TEXT_MAX);
    plan_write_text(&plan, &style, &out);
    assert_non_null(strstr(buf_text(&out), "        init_scripts:\n"
                                           "          - {}\n"
                                           "          + {\"b\":1,\"c\":2}\n"
                                           "          + d: \"e\"\n"
                                           "          + \"f\"\n"));
    fixture_close(&fixture);
}

/* Fifty of each side are shown, and how many more there are. */
static void test_long_list(void **state)
{
    (void)state;
    static const struct {
        int len;
        const char *end;
    } rows[] = {
        { 50, "          + \"49\"\n\n" },
        { 51, "          + \"49\"\n          + ... and 1 more\n\n" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture;
        fixture_open(&fixture);
        AUTO_BUF struct buf types = BUF_INIT(PLAN_TEXT_MAX);
        buf_adds(&types, "worker_node_type_flexibility: {alternate_node_type_ids: [\"0\"");
        for (int j = 1; j < rows[i].len; j++) {
            buf_addf(&types, ", \"%d\"", j);
        }
        buf_adds(&types, "]}");
        fixture_add(&fixture, "a", (struct decision){ .action = ACTION_EDIT, .why = "w" },
                    buf_text(&types), NULL, "{}");
        assert_non_null(strstr(fixture_text(&fixture, false, false), rows[i].end));
        fixture_close(&fixture);
    }
}

/* They are counted from where the sides part. */
static void test_long_list_behind_a_head(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    AUTO_BUF struct buf types = BUF_INIT(PLAN_TEXT_MAX);
    buf_adds(&types, "worker_node_type_flexibility: {alternate_node_type_ids: [x, y, z");
    for (int j = 0; j < 51; j++) {
        buf_addf(&types, ", \"%d\"", j);
    }
    buf_adds(&types, "]}");
    fixture_add(&fixture, "a", (struct decision){ .action = ACTION_EDIT, .why = "w" },
                buf_text(&types), NULL,
                "{\"worker_node_type_flexibility\":{\"alternate_node_type_ids\":"
                "[\"x\",\"y\",\"z\"]}}");
    assert_non_null(
        strstr(fixture_text(&fixture, false, false), "            \"z\"\n          + \"0\"\n"));
    assert_non_null(strstr(fixture_text(&fixture, false, false),
                           "          + \"49\"\n          + ... and 1 more\n\n"));
    fixture_close(&fixture);
}

/* ---- lengths ---- */

static const char *repeat(struct arena *arena, char letter, size_t len)
{
    char *text = arena_alloc(arena, len + 1);
    memset(text, letter, len);
    text[len] = '\0';
    return text;
}

/* A value of `len` characters that parts from its like behind `same` of them, as JSON has them. */
static const char *value(struct arena *arena, size_t same, size_t len, char letter)
{
    return arena_printf(arena, "%s%s", repeat(arena, 's', same - 1),
                        repeat(arena, letter, len - same - 1));
}

/*
 * Two values are shown whole while neither is longer than 120 characters, quotes included; else
 * from 40 characters before they part, where that leaves out more than it costs.
 */
static void test_long_values(void **state)
{
    (void)state;
    static const struct {
        size_t same, before, after;
        bool from_within;
    } rows[] = {
        { 100, 120, 120, false }, { 100, 121, 120, true }, { 100, 120, 121, true },
        { 81, 121, 121, false },  { 82, 121, 121, true },  { 82, 120, 120, false },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture fixture;
        fixture_open(&fixture);
        struct arena *arena = &fixture.scene.arena;
        const char *before = value(arena, rows[i].same, rows[i].before, 'b');
        const char *after = value(arena, rows[i].same, rows[i].after, 'a');
        fixture_add(&fixture, "a", (struct decision){ .action = ACTION_EDIT, .why = "w" },
                    arena_printf(arena, "spark_version: %s", after), NULL,
                    arena_printf(arena, "{\"spark_version\":\"%s\"}", before));
        const char *text = fixture_text(&fixture, false, false);
        const char *within = repeat(arena, 's', 40);
        const char *shown =
            arena_printf(arena, "        spark_version: ...%s%s\" -> ...%s%s\"\n", within,
                         before + rows[i].same - 1, within, after + rows[i].same - 1);
        assert_int_equal(strstr(text, shown) != NULL, rows[i].from_within);
        bool is_whole = strstr(text, "spark_version: \"ss") != NULL;
        assert_int_equal(is_whole, !rows[i].from_within);
        fixture_close(&fixture);
    }
}

/* Never from within a character: of 0xc3 0xa9 the second byte is not where to begin. */
static void test_long_values_of_other_letters(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    struct arena *arena = &fixture.scene.arena;
    AUTO_BUF struct buf same = BUF_INIT(PLAN_TEXT_MAX);
    for (int i = 0; i < 60; i++) {
        buf_adds(&same, "\xc3\xa9");
    }
    /* Forty bytes before they part is the second half of a letter. */
    fixture_add(&fixture, "a", (struct decision){ .action = ACTION_EDIT, .why = "w" },
                arena_printf(arena, "spark_version: %s-new", buf_text(&same)), NULL,
                arena_printf(arena, "{\"spark_version\":\"%s-old\"}", buf_text(&same)));
    const char *twenty = arena_strndup(arena, buf_text(&same), 40);
    assert_non_null(
        strstr(fixture_text(&fixture, false, false),
               arena_printf(arena, "spark_version: ...%s-old\" -> ...%s-new\"\n", twenty, twenty)));
    fixture_close(&fixture);
}

/* What is longer than its limit ends in dots, at the limit. */
static void test_cuts(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture);
    struct arena *arena = &fixture.scene.arena;
    /* A path of 200 characters, one of 201, and a key that is too long by itself. */
    const char *whole = repeat(arena, 'k', 187);
    fixture_add(&fixture, "a", (struct decision){ .action = ACTION_CREATE, .why = "w" },
                arena_printf(arena,
                             "{custom_tags: {%s: x, %s: x}, spark_conf: {%s: x}, policy_id: %s}",
                             whole, repeat(arena, 'l', 188), repeat(arena, 'm', 201),
                             repeat(arena, 'v', 119)),
                NULL, NULL);
    const char *const shown[] = {
        arena_printf(arena, "        custom_tags[%s]: \"x\"\n", whole),
        arena_printf(arena, "        custom_tags[%s...: \"x\"\n", repeat(arena, 'l', 185)),
        arena_printf(arena, "        spark_conf[%s...: \"x\"\n", repeat(arena, 'm', 186)),
        arena_printf(arena, "        policy_id: \"%s...\n", repeat(arena, 'v', 116)),
    };
    const char *text = fixture_text(&fixture, false, false);
    for (size_t i = 0; i < COUNT_OF(shown); i++) {
        if (strstr(text, shown[i]) == NULL) fail_msg("not shown: %s in\n%s", shown[i], text);
    }
    fixture_close(&fixture);
}

static void test_long_reason(void **state)
{
    (void)state;
    for (size_t len = 600; len < 602; len++) {
        struct plan_item item = { .name = "a", .action = ACTION_SETTLE };
        struct fixture fixture;
        fixture_open(&fixture);
        struct arena *arena = &fixture.scene.arena;
        item.why = repeat(arena, 'w', len);
        struct plan plan = { .arena = arena, .items = &item, .len = 1 };
        struct plan_style style = { .colour = false };
        AUTO_BUF struct buf out = BUF_INIT(PLAN_TEXT_MAX);
        plan_write_text(&plan, &style, &out);
        const char *shown =
            len == 600 ? item.why : arena_printf(arena, "%s...", repeat(arena, 'w', 597));
        assert_true(
            text_starts(buf_text(&out), arena_printf(arena, "  ~ settle a: %s (no effect", shown)));
        fixture_close(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),       cmocka_unit_test(test_list_in_colour),
        cmocka_unit_test(test_elements),    cmocka_unit_test(test_odd_elements),
        cmocka_unit_test(test_long_list),   cmocka_unit_test(test_long_list_behind_a_head),
        cmocka_unit_test(test_long_values), cmocka_unit_test(test_long_values_of_other_letters),
        cmocka_unit_test(test_cuts),        cmocka_unit_test(test_long_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

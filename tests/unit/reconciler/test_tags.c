/* The tags that our clusters bear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scene.h"
#include "tags.h"
#include "text.h"

#define LOGIN(secret) "\"basic_auth\":{\"password\":{\"$secret\":\"" secret "\"}}"

static void test_what_is_added(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        enum prune prune;
        const char *before, *after; /* of the digest, in JSON */
    } rows[] = {
        { "{\"num_workers\":1}", PRUNE_TERMINATE,
          "{\"custom_tags\":{\"clusterkeeper-name\":\"etl\",\"clusterkeeper-operation\":\"op\","
          "\"clusterkeeper-owner\":\"main\",\"clusterkeeper-spec\":\"",
          "\"},\"num_workers\":1}" },
        /* the manifest's own stay, and say nothing against ours */
        { "{\"custom_tags\":{\"team\":\"data\",\"clusterkeeper-name\":\"x\"}}", PRUNE_DELETE,
          "{\"custom_tags\":{\"clusterkeeper-name\":\"etl\",\"clusterkeeper-operation\":\"op\","
          "\"clusterkeeper-owner\":\"main\",\"clusterkeeper-spec\":\"",
          "\",\"team\":\"data\"}}" },
        { "{\"num_workers\":1}", PRUNE_ORPHAN,
          "{\"custom_tags\":{\"clusterkeeper-name\":\"etl\",\"clusterkeeper-operation\":\"op\","
          "\"clusterkeeper-owner\":\"main\",\"clusterkeeper-prune\":\"orphan\","
          "\"clusterkeeper-spec\":\"",
          "\"},\"num_workers\":1}" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct scene scene;
        scene_open(&scene);
        struct manifest manifest = { .name = "etl",
                                     .spec = scene_applied(&scene, "{\"spark_version\":\"a\"}"),
                                     .keep.prune = rows[i].prune };
        const char *digest = tags_spec_digest(&scene.arena, manifest.spec);
        assert_int_equal(strlen(digest), TAG_SPEC_LEN);
        const struct value *spec = scene_applied(&scene, rows[i].spec);
        const char *got = scene_json(&scene, tags_add(&scene.arena, spec, "main", &manifest, "op"));
        assert_string_equal(
            got, arena_printf(&scene.arena, "%s%s%s", rows[i].before, digest, rows[i].after));
        scene_close(&scene);
    }
}

/* Secrets do not count, wherever they are; all else does. */
static void test_digest(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_same;
    } rows[] = {
        { "{\"num_workers\":1}", "{\"num_workers\":1}", true },
        { "{\"num_workers\":1}", "{\"num_workers\":2}", false },
        { "{\"docker_image\":{\"url\":\"i\"," LOGIN("a") "}}",
          "{\"docker_image\":{\"url\":\"i\"," LOGIN("b") "}}", true },
        { "{\"docker_image\":{\"url\":\"i\"," LOGIN("a") "}}",
          "{\"docker_image\":{\"url\":\"j\"," LOGIN("a") "}}", false },
        { "{\"docker_image\":{" LOGIN("a") ",\"url\":\"i\"}}",
          "{\"docker_image\":{\"basic_auth\":{},\"url\":\"i\"}}", true },
        { "{\"init_scripts\":[{\"file\":{}}]}", "{\"init_scripts\":[]}", false },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct scene scene;
        scene_open(&scene);
        const char *a = tags_spec_digest(&scene.arena, scene_applied(&scene, rows[i].a));
        const char *b = tags_spec_digest(&scene.arena, scene_applied(&scene, rows[i].b));
        assert_int_equal(text_equal(a, b), rows[i].is_same);
        scene_close(&scene);
    }
}

static void test_match(void **state)
{
    (void)state;
    static const struct {
        const char *owner, *name;
        bool is_ours;
    } rows[] = {
        { "main", "etl", true }, { "main", "other", false }, { "other", "etl", false },
        { "main", NULL, false }, { NULL, "etl", false },     { NULL, NULL, false },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct observed observed = { .owner = rows[i].owner, .name = rows[i].name };
        assert_int_equal(tags_match(&observed, "main", "etl"), rows[i].is_ours);
    }
}

static void test_orphan(void **state)
{
    (void)state;
    static const struct {
        const char *tags;
        bool is_orphan;
    } rows[] = {
        { "{\"clusterkeeper-prune\":\"orphan\"}", true },
        { "{\"x_clusterkeeper-prune\":\"orphan\"}", true },
        { "{\"clusterkeeper-prune\":\"delete\"}", false },
        { "{\"clusterkeeper-prune\":\"delete\",\"x_clusterkeeper-prune\":\"orphan\"}", false },
        { "{\"prune\":\"orphan\"}", false },
        { "{}", false },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct scene scene;
        scene_open(&scene);
        struct observed observed = { .effective = scene_observed(
                                         &scene, arena_printf(&scene.arena, "{\"custom_tags\":%s}",
                                                              rows[i].tags)) };
        assert_int_equal(tags_is_orphan(&observed), rows[i].is_orphan);
        scene_close(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_added),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_orphan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

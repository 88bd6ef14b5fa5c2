/*
 * Tags that are moved, digests that are not, and what a launch pulls.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture_registry.h"

static const char *digest_of_url(struct fixture *fixture, const char *url)
{
    char *digest = arena_alloc(&fixture->arena, MODEL_DIGEST_SIZE);
    assert_true(model_image_digest(fixture->model, url, digest));
    return digest;
}

/* A tag is moved: the old bytes stay under their digest, as they were. */
static void test_push(void **state)
{
    struct fixture *fixture = *state;
    const char *first = digest_of_url(fixture, "acme/etl:1");
    assert_true(model_push_image(fixture->model, "r.example:5000/acme/etl:1")); /* any host */
    const char *second = digest_of_url(fixture, "acme/etl:1");
    assert_string_not_equal(first, second);
    assert_int_equal(get_manifest(fixture, EVEN, "1"), 200);
    assert_string_equal(body_digest(fixture), second);
    assert_int_equal(get_manifest(fixture, EVEN, first), 200);
    assert_string_equal(body_digest(fixture), first);

    assert_true(model_set_image(fixture->model, "acme/etl:1", MODEL_IMAGE_MISSING, NULL));
    assert_int_equal(get_manifest(fixture, EVEN, "1"), 404);
    assert_int_equal(get_manifest(fixture, EVEN, second), 404);
    assert_int_equal(get_manifest(fixture, EVEN, first), 200);
    /* By its digest, an old push can get a kind of its own. */
    const char *pinned = arena_printf(&fixture->arena, "acme/etl:1@%s", first);
    assert_true(model_set_image(fixture->model, pinned, MODEL_IMAGE_MISSING, NULL));
    assert_int_equal(get_manifest(fixture, EVEN, first), 404);

    const char *unknown = arena_printf(&fixture->arena, "acme/other@%s", first);
    assert_false(model_push_image(fixture->model, pinned));
    assert_false(model_set_image(fixture->model, unknown, MODEL_IMAGE_OK, NULL));
    assert_false(model_image_digest(fixture->model, unknown, arena_alloc(&fixture->arena, 80)));
    /* Other bytes for another CPU: another digest, and the first one stays. */
    const char *intel = digest_of_url(fixture, "acme/etl:2");
    assert_true(model_set_image(fixture->model, "acme/etl:2", MODEL_IMAGE_WRONG_OS, NULL));
    assert_string_not_equal(digest_of_url(fixture, "acme/etl:2"), intel);
    assert_int_equal(get_manifest(fixture, EVEN, intel), 200);
}

/* The names and numbers alone make the bytes: a digest means the same in every model. */
static void test_digests_last(void **state)
{
    struct fixture *fixture = *state;
    struct model_config config;
    model_config_defaults(&config);
    config.seed = 77;
    AUTO(model_destroy) struct workspace_model *other = model_create(&config);
    char digest[MODEL_DIGEST_SIZE];
    assert_true(model_image_digest(other, "acme/etl:1", digest));
    assert_string_equal(digest, digest_of_url(fixture, "acme/etl:1"));
    assert_string_not_equal(digest, digest_of_url(fixture, "acme/etl:2"));
    assert_string_not_equal(digest, digest_of_url(fixture, "acme/etc:1"));
}

static const char *spec_of(struct fixture *fixture, const char *url)
{
    return arena_printf(&fixture->arena, WITH("\"docker_image\":{\"url\":\"%s\"}"), url);
}

static struct model_view view(struct fixture *fixture)
{
    struct model_view view;
    assert_true(model_view_find(fixture->model, fixture->id, &view));
    return view;
}

static void launch(struct fixture *fixture, const char *url, const char *state)
{
    create(fixture, spec_of(fixture, url));
    assert_null(view(fixture).image_digest);
    pass(fixture, 10 * MINUTES);
    expect_state(fixture, state);
}

/* A tag that went bad can be gone back from by digest. */
static void test_launch_pulls(void **state)
{
    struct fixture *fixture = *state;
    launch(fixture, "127.0.0.1:8080/acme/etl:1.4", "RUNNING");
    const char *good = digest_of_url(fixture, "acme/etl:1.4");
    assert_string_equal(view(fixture).image_digest, good);

    assert_true(model_push_image(fixture->model, "acme/etl:1.4"));
    assert_true(model_set_image(fixture->model, "acme/etl:1.4", MODEL_IMAGE_BROKEN, NULL));
    const char *bad = digest_of_url(fixture, "acme/etl:1.4");
    assert_string_equal(view(fixture).image_digest, good); /* what runs, runs on */
    assert_int_equal(post_id(fixture, "clusters/restart", ""), 200);
    pass(fixture, 10 * MINUTES);
    expect_state(fixture, "TERMINATED");
    assert_string_equal(view(fixture).image_digest, bad);

    /* A start that pulls nothing runs nothing. */
    assert_true(model_set_image(fixture->model, "acme/etl:1.4", MODEL_IMAGE_MISSING, NULL));
    assert_int_equal(post_id(fixture, "clusters/start", ""), 200);
    pass(fixture, 10 * MINUTES);
    expect_state(fixture, "TERMINATED");
    assert_null(view(fixture).image_digest);
    assert_true(model_set_image(fixture->model, "acme/etl:1.4", MODEL_IMAGE_BROKEN, NULL));

    launch(fixture, arena_printf(&fixture->arena, "acme/etl:1.4@%s", good), "RUNNING");
    assert_string_equal(view(fixture).image_digest, good);
    launch(fixture, arena_printf(&fixture->arena, "acme/etl@%s", bad), "TERMINATED");
    launch(fixture, arena_printf(&fixture->arena, "acme/other@%s", good), "TERMINATED");
    assert_null(view(fixture).image_digest);
    assert_true(body_has(fixture, "manifest unknown"));
    create(fixture, SPEC);
    pass(fixture, 10 * MINUTES);
    assert_null(view(fixture).image_digest);
}

/* The image is the one that was pulled, not the one that the tag points to when Spark starts. */
static void test_push_during_launch(void **state)
{
    struct fixture *fixture = *state;
    create(fixture, spec_of(fixture, "acme/etl:1"));
    while (view(fixture).image_digest == NULL) {
        model_set_time(fixture->model, model_next_event_ms(fixture->model));
    }
    assert_true(model_push_image(fixture->model, "acme/etl:1"));
    assert_true(model_set_image(fixture->model, "acme/etl:1", MODEL_IMAGE_BROKEN, NULL));
    pass(fixture, 10 * MINUTES);
    expect_state(fixture, "RUNNING");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_push),
        TEST(test_digests_last),
        TEST(test_launch_pulls),
        TEST(test_push_during_launch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

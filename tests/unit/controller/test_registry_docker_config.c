/* Docker's configuration: which login is in it for an image, and what a helper answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/docker_config.h"

#include "text.h"

struct file {
    const char *path, *text; /* text NULL: cannot be read */
};

static bool read_file(void *ctx, const char *path, struct buf *out, struct file_stamp *ret_stamp,
                      struct err *err)
{
    (void)ret_stamp;
    for (const struct file *file = ctx; file->path != NULL; file++) {
        if (strcmp(file->path, path) != 0) continue;
        if (file->text == NULL) return err_set(err, ERR_IO, "cannot open '%s'", path);
        return buf_adds(out, file->text) && buf_ok(out, path, err);
    }
    return err_set(err, ERR_NOT_FOUND, "there is no %s", path);
}

#define A              "{\"auth\":\"YTpiOmM=\"}" /* a:b:c */
#define B              "{\"auth\":\"Yjpi\"}"     /* b:b, without padding */
#define IN(key, entry) "{\"auths\":{\"" key "\":" entry "}}"

static void test_logins_of_docker(void **state)
{
    (void)state;
    static const struct {
        const char *image, *text;
        const char *username, *password, *identity, *token, *helper, *server; /* NULL: none */
    } rows[] = {
        { "reg.example/a/b:1", IN("reg.example", A), "a", "b:c", NULL, NULL, NULL, "reg.example" },
        { "reg.example/a/b:1", IN("https://reg.example", A), "a", "b:c", NULL, NULL, NULL,
          "reg.example" },
        { "reg.example/a/b:1", IN("https://reg.example/v2/", A), "a", "b:c", NULL, NULL, NULL,
          "reg.example" },
        { "reg.example:5000/a:1", IN("reg.example:5000", B), "b", "b", NULL, NULL, NULL,
          "reg.example:5000" },
        { "reg.example:5000/a:1", IN("reg.example", B), NULL, NULL, NULL, NULL, NULL,
          "reg.example:5000" },
        { "reg.example/a:1", IN("reg.example.evil", A), NULL, NULL, NULL, NULL, NULL,
          "reg.example" },
        { "reg.example/a/b:1", "{\"auths\":{\"reg.example\":" A ",\"reg.example/a\":" B "}}", "b",
          "b", NULL, NULL, NULL, "reg.example" },
        { "reg.example/ab:1", "{\"auths\":{\"reg.example\":" A ",\"reg.example/a\":" B "}}", "a",
          "b:c", NULL, NULL, NULL, "reg.example" },
        { "ubuntu", IN("https://index.docker.io/v1/", A), "a", "b:c", NULL, NULL, NULL,
          "https://index.docker.io/v1/" },
        { "ubuntu", IN("docker.io", A), "a", "b:c", NULL, NULL, NULL,
          "https://index.docker.io/v1/" },
        { "reg.example/a:1", IN("reg.example", "{\"username\":\"u\",\"password\":\"p\"}"), "u", "p",
          NULL, NULL, NULL, "reg.example" },
        { "reg.example/a:1", IN("reg.example", "{\"identitytoken\":\"i\",\"auth\":\"dTo=\"}"), "u",
          "", "i", NULL, NULL, "reg.example" },
        { "reg.example/a:1", IN("reg.example", "{\"registrytoken\":\"r\"}"), NULL, NULL, NULL, "r",
          NULL, "reg.example" },
        { "reg.example/a:1", IN("reg.example", "{\"auth\":\"YTpiAAA=\"}"), "a", "b", NULL, NULL,
          NULL, "reg.example" },
        { "reg.example/a:1", "{\"credsStore\":\"pass\"}", NULL, NULL, NULL, NULL, "pass",
          "reg.example" },
        { "reg.example/a:1", "{\"credsStore\":\"pass\",\"credHelpers\":{\"reg.example\":\"own\"}}",
          NULL, NULL, NULL, NULL, "own", "reg.example" },
        { "reg.example/a:1", "{\"credsStore\":\"pass\",\"auths\":{\"reg.example\":{}}}", NULL, NULL,
          NULL, NULL, "pass", "reg.example" },
        { "reg.example/a:1", "{\"credHelpers\":{\"other.example\":\"own\"}}", NULL, NULL, NULL,
          NULL, NULL, "reg.example" },
        { "reg.example/a:1", "{\"auths\":7,\"credHelpers\":[],\"credsStore\":\"\"}", NULL, NULL,
          NULL, NULL, NULL, "reg.example" },
        { "reg.example/a:1", "{}", NULL, NULL, NULL, NULL, NULL, "reg.example" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct file file[] = { { "/c", rows[i].text }, { NULL, NULL } };
        const struct files files = { .ctx = file, .read = read_file };
        const struct docker_config_places places = { .paths = { "/missing", "/c" }, .len = 2 };
        struct image_ref ref;
        struct docker_login login;
        struct err err;
        assert_true(image_ref_parse(&arena, rows[i].image, &ref, &err));
        assert_true(docker_config_login(&arena, &files, &places, &ref, &login, &err));
        bool ok = text_equal(login.username, rows[i].username) &&
                  text_equal(login.password, rows[i].password) &&
                  text_equal(login.identity_token, rows[i].identity) &&
                  text_equal(login.registry_token, rows[i].token) &&
                  text_equal(login.helper, rows[i].helper) &&
                  text_equal(login.server, rows[i].server);
        if (!ok) fail_msg("%zu: %s", i, rows[i].text);
        docker_login_wipe(&login);
        assert_null(login.password);
    }
}

/* A file that is there and is no good is an error that names it and quotes nothing of it. */
static void test_broken_files_of_docker(void **state)
{
    (void)state;
    static const char *const texts[] = {
        NULL,
        "",
        "s3cret",
        "[]",
        "{\"auths\":{\"reg.example\":\"s3cret\"}}",
        "{\"auths\":{\"reg.example\":{\"auth\":\"s3cret!\"}}}",
        "{\"auths\":{\"reg.example\":{\"auth\":\"s3cretAA\"}}}",
        "{\"auths\":{\"reg.example\":{\"auth\":\"YQBiOmM=\"}}}", /* a NUL b:c */
        "{\"credsStore\":\"../s3cret\"}",
        "{\"credsStore\":\"a;s3cret\"}",
        "{\"credHelpers\":{\"reg.example\":\"s3cret x\"}}",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct file file[] = { { "/c", texts[i] }, { NULL, NULL } };
        const struct files files = { .ctx = file, .read = read_file };
        const struct docker_config_places places = { .paths = { "/c" }, .len = 1 };
        struct image_ref ref;
        struct docker_login login;
        struct err err;
        assert_true(image_ref_parse(&arena, "reg.example/a:1", &ref, &err));
        if (docker_config_login(&arena, &files, &places, &ref, &login, &err)) fail_msg("%zu", i);
        assert_non_null(strstr(err.text, "/c"));
        assert_null(strstr(err.text, "s3cret"));
    }
}

static void test_the_first_file_that_has_something(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct file file[] = { { "/1", "{}" },
                           { "/2", IN("reg.example", B) },
                           { "/3", IN("reg.example", A) },
                           { NULL, NULL } };
    const struct files files = { .ctx = file, .read = read_file };
    const struct docker_config_places places = { .paths = { "/1", "/2", "/3" }, .len = 3 };
    struct image_ref ref;
    struct docker_login login;
    struct err err;
    assert_true(image_ref_parse(&arena, "reg.example/a:1", &ref, &err));
    assert_true(docker_config_login(&arena, &files, &places, &ref, &login, &err));
    assert_string_equal(login.username, "b");
}

static const char *env(void *ctx, const char *name)
{
    const char *const *pairs = ctx;
    for (; *pairs != NULL; pairs += 2) {
        if (strcmp(pairs[0], name) == 0) return pairs[1];
    }
    return NULL;
}

static void test_places(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    static const char *all[] = {
        "DOCKER_CONFIG", "/d",   "REGISTRY_AUTH_FILE", "/a.json", "XDG_RUNTIME_DIR",
        "/run/me",       "HOME", "/home/me",           NULL
    };
    static const char *home[] = { "HOME", "/home/me", "DOCKER_CONFIG", "", NULL };
    static const char *none[] = { NULL };
    struct docker_config_places places;
    docker_config_places(&arena, env, all, &places);
    assert_int_equal(places.len, 4);
    assert_string_equal(places.paths[0], "/d/config.json");
    assert_string_equal(places.paths[1], "/a.json");
    assert_string_equal(places.paths[2], "/run/me/containers/auth.json");
    assert_string_equal(places.paths[3], "/home/me/.config/containers/auth.json");
    docker_config_places(&arena, env, home, &places);
    assert_int_equal(places.len, 2);
    assert_string_equal(places.paths[0], "/home/me/.docker/config.json");
    docker_config_places(&arena, env, none, &places);
    assert_int_equal(places.len, 0);
}

static void test_helpers(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *text, *username, *password, *identity;
        bool is_bad;
    } rows[] = {
        { 0, "{\"ServerURL\":\"x\",\"Username\":\"u\",\"Secret\":\"s\"}", "u", "s", NULL, false },
        { 0, "{\"Username\":\"<token>\",\"Secret\":\"s\"}", NULL, NULL, "s", false },
        { 0, "{\"Username\":\"\",\"Secret\":\"\"}", NULL, NULL, NULL, false },
        { 1, "credentials not found in native keychain", NULL, NULL, NULL, false },
        { 1, "x s3cret", NULL, NULL, NULL, true },
        { 1, "", NULL, NULL, NULL, true },
        { 0, "s3cret", NULL, NULL, NULL, true },
        { 0, "[]", NULL, NULL, NULL, true },
        { 0, "", NULL, NULL, NULL, true },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct docker_login login;
        struct err err;
        bool ok = docker_helper_read(&arena, rows[i].status, rows[i].text, strlen(rows[i].text),
                                     &login, &err);
        assert_int_equal(ok, !rows[i].is_bad);
        if (!ok) assert_null(strstr(err.text, "s3cret"));
        if (!ok) continue;
        assert_true(text_equal(login.username, rows[i].username));
        assert_true(text_equal(login.password, rows[i].password));
        assert_true(text_equal(login.identity_token, rows[i].identity));
    }
    assert_true(docker_helper_is_name("ecr-login"));
    assert_true(docker_helper_is_name("a.b_c-9"));
    assert_false(docker_helper_is_name(""));
    assert_false(docker_helper_is_name("a/b"));
    assert_false(docker_helper_is_name("a b"));
    assert_false(docker_helper_is_name("a\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logins_of_docker),
        cmocka_unit_test(test_broken_files_of_docker),
        cmocka_unit_test(test_the_first_file_that_has_something),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_helpers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

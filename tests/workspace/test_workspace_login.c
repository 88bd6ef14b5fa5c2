/*
 * Who may see what in the registry: challenges, passwords, tokens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture_registry.h"

#define BASIC_RIGHT "Basic dTpyaWdodA==" /* u:right */
#define BASIC_WRONG "Basic dTp3cm9uZw==" /* u:wrong */
#define REALM       "Bearer realm=\"" MODEL_ORIGIN "/v2/token\",service=\"workspace-sim\""
#define SCOPE       ",scope=\"repository:acme/etl:pull\""
#define PATH        "/v2/" EVEN "/manifests/1"
#define TOKEN       "/v2/token?service=workspace-sim&scope=repository%3Aacme%2Fetl%3Apull"

/* The challenge of an answer that is a 401. */
static void expect_challenge(struct fixture *fixture, const char *challenge)
{
    expect_code(fixture, 401, "UNAUTHORIZED");
    assert_string_equal(header(fixture, "www-authenticate"), challenge);
}

/* "Bearer ..." for a login; NULL: the login was refused. */
static const char *take_token(struct fixture *fixture, const char *path, const char *login)
{
    struct asked asked = { .path = path, .authorization = login };
    if (ask(fixture, &asked) != 200) {
        expect_challenge(fixture, "Basic realm=\"workspace-sim\"");
        return NULL;
    }
    assert_int_equal(int_at(fixture->answer, "expires_in"), 300);
    assert_string_equal(text_at(fixture->answer, "access_token"),
                        text_at(fixture->answer, "token"));
    return arena_printf(&fixture->arena, "Bearer %s", text_at(fixture->answer, "token"));
}

static int show(struct fixture *fixture, const char *authorization)
{
    return ask(fixture, &(struct asked){ "GET", PATH, ALL, authorization });
}

static void test_basic(void **state)
{
    struct fixture *fixture = *state;
    static const char *const refused[] = { NULL, BASIC_WRONG, "Basic !",
                                           "Basic dQ==", "Bearer right" };
    assert_true(model_set_image(fixture->model, EVEN ":1", MODEL_IMAGE_PRIVATE, "right"));
    model_switches(fixture->model)->registry_auth = 1;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        assert_int_equal(show(fixture, refused[i]), 401);
        expect_challenge(fixture, "Basic realm=\"workspace-sim\"");
    }
    assert_int_equal(show(fixture, BASIC_RIGHT), 200);
    /* Without a password in the table any will do, but one it must be. */
    assert_true(model_set_image(fixture->model, EVEN ":1", MODEL_IMAGE_PRIVATE, NULL));
    assert_int_equal(show(fixture, BASIC_WRONG), 200);
    assert_int_equal(show(fixture, NULL), 401);
    model_switches(fixture->model)->registry_auth = 0;
    assert_int_equal(show(fixture, NULL), 200);
}

static void test_bearer(void **state)
{
    struct fixture *fixture = *state;
    assert_true(model_set_image(fixture->model, EVEN ":1", MODEL_IMAGE_PRIVATE, "right"));
    assert_int_equal(show(fixture, NULL), 401);
    expect_challenge(fixture, REALM SCOPE);
    assert_int_equal(show(fixture, BASIC_RIGHT), 401);
    expect_challenge(fixture, REALM SCOPE);
    assert_int_equal(show(fixture, "Bearer abc"), 401);
    expect_challenge(fixture, REALM SCOPE ",error=\"invalid_token\"");

    assert_null(take_token(fixture, TOKEN, BASIC_WRONG));
    assert_null(take_token(fixture, TOKEN, "Basic !"));
    /* Nobody is refused a token, but it is a weak one. */
    assert_int_equal(show(fixture, take_token(fixture, TOKEN, NULL)), 401);
    expect_challenge(fixture, REALM SCOPE ",error=\"insufficient_scope\"");
    const char *other = take_token(fixture, "/v2/token?scope=repository:acme/a:pull", BASIC_RIGHT);
    assert_int_equal(show(fixture, other), 401);
    expect_challenge(fixture, REALM SCOPE ",error=\"insufficient_scope\"");

    const char *token = take_token(fixture, TOKEN, BASIC_RIGHT);
    assert_int_equal(show(fixture, token), 200);
    const char *by_digest =
        arena_printf(&fixture->arena, "/v2/" EVEN "/manifests/%s", body_digest(fixture));
    assert_int_equal(get_path(fixture, by_digest), 401);
    assert_int_equal(ask(fixture, &(struct asked){ "GET", by_digest, ALL, token }), 200);
    /* A weak token does not become a good one by saying so. */
    const char *weak = take_token(fixture, TOKEN, NULL);
    const char *forged = arena_printf(&fixture->arena, "Bearer pull%s", strchr(weak, '.'));
    assert_int_equal(show(fixture, forged), 401);
    expect_challenge(fixture, REALM SCOPE ",error=\"invalid_token\"");
    pass(fixture, 300000);
    assert_int_equal(show(fixture, token), 200);
    pass(fixture, 1);
    assert_int_equal(show(fixture, token), 401);
    expect_challenge(fixture, REALM SCOPE ",error=\"invalid_token\"");
}

/* The configuration says as much of an image as its manifest does. */
static void test_blobs_are_private(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(get_manifest(fixture, ODD, "1"), 200);
    const char *path = arena_printf(&fixture->arena, "/v2/" ODD "/blobs/%s",
                                    text_at(fixture->answer, "config.digest"));
    assert_int_equal(get_path(fixture, path), 200);
    assert_true(model_set_image(fixture->model, ODD ":1", MODEL_IMAGE_PRIVATE, "right"));
    assert_int_equal(get_path(fixture, path), 401);
}

/* As Docker Hub does it: the public images want a token too, that anybody gets. */
static void test_bearer_for_all(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(show(fixture, NULL), 200);
    model_switches(fixture->model)->registry_auth = 3;
    assert_int_equal(show(fixture, NULL), 401);
    expect_challenge(fixture, REALM SCOPE);
    assert_int_equal(show(fixture, take_token(fixture, TOKEN, NULL)), 200);
    assert_true(model_set_image(fixture->model, EVEN ":1", MODEL_IMAGE_PRIVATE, "right"));
    assert_int_equal(show(fixture, take_token(fixture, TOKEN, NULL)), 401);
    assert_int_equal(show(fixture, take_token(fixture, TOKEN, BASIC_RIGHT)), 200);
}

static void test_denied(void **state)
{
    struct fixture *fixture = *state;
    assert_true(model_set_image(fixture->model, EVEN ":1", MODEL_IMAGE_DENIED, NULL));
    for (int auth = 0; auth <= 3; auth++) {
        model_switches(fixture->model)->registry_auth = auth;
        assert_int_equal(show(fixture, NULL), 401);
        expect_challenge(fixture, REALM SCOPE);
        assert_int_equal(show(fixture, take_token(fixture, TOKEN, BASIC_RIGHT)), 401);
        expect_challenge(fixture, REALM SCOPE ",error=\"insufficient_scope\"");
    }
    model_switches(fixture->model)->registry_forbids = 1;
    assert_int_equal(show(fixture, BASIC_RIGHT), 403);
    expect_code(fixture, 403, "DENIED");
}

static void test_ping(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *authorization, *challenge; /* challenge NULL: 200 */
        int auth;
    } rows[] = {
        { NULL, NULL, 0 },        { NULL, "Basic realm=\"workspace-sim\"", 1 },
        { BASIC_WRONG, NULL, 1 }, /* whose password it is, nobody asks here */
        { NULL, REALM, 2 },       { "Bearer x", REALM ",error=\"invalid_token\"", 2 },
        { NULL, REALM, 3 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct asked asked = { "GET", "/v2/", NULL, rows[i].authorization };
        model_switches(fixture->model)->registry_auth = rows[i].auth;
        assert_int_equal(ask(fixture, &asked), rows[i].challenge == NULL ? 200 : 401);
        if (rows[i].challenge != NULL) expect_challenge(fixture, rows[i].challenge);
    }
    const char *token = take_token(fixture, "/v2/token", NULL);
    assert_int_equal(ask(fixture, &(struct asked){ "GET", "/v2/", NULL, token }), 200);
}

/* Neither the token of the API is wanted, nor is it taken for one of the registry's. */
static void test_tokens_apart(void **state)
{
    (void)state;
    struct model_config config;
    model_config_defaults(&config);
    config.token = "dapi1";
    struct fixture *fixture = fixture_make(&config);
    assert_int_equal(show(fixture, NULL), 200);
    assert_true(model_set_image(fixture->model, EVEN ":1", MODEL_IMAGE_PRIVATE, NULL));
    assert_int_equal(show(fixture, "Bearer dapi1"), 401);
    assert_int_equal(get_path(fixture, "/v2x"), 401); /* the API's own refusal */
    assert_string_equal(text_at(fixture->answer, "error_code"), "UNAUTHENTICATED");
    void *ended = fixture;
    (void)teardown(&ended);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_basic),
        TEST(test_bearer),
        TEST(test_blobs_are_private),
        TEST(test_bearer_for_all),
        TEST(test_denied),
        TEST(test_ping),
        cmocka_unit_test(test_tokens_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

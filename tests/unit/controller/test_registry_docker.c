/* The logins of Docker's own configuration, and of its credential helpers:
 * container-registry.md 10. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry_login_words.h"

#define CONFIG(text)                              \
    (const struct fake_text[])                    \
    {                                             \
        { "/home/me/.docker/config.json", text }, \
        {                                         \
            NULL, NULL                            \
        }                                         \
    }

static const struct fake_text home[] = { { "HOME", "/home/me" }, { NULL, NULL } };

static const struct outcome outcomes[] = {
    /* ---- Docker's configuration ---- */
    { "a login of Docker's configuration",
      .files = CONFIG("{\"auths\":{\"reg.example\":{\"auth\":\"YWxpY2U6czNjcmV0\"}}}"),
      .verdict = IMAGE_FOUND, .says = "seen with the login of Docker's own configuration",
      .rows = { { "HEAD " AT, NULL, .status = 401, .headers = ASKS_BASIC },
                { "HEAD " AT, ALICE, IS_THERE },
                { "GET " AT, ALICE, IS_INDEX } } },
    { "the manifest's login goes before it", .username = "alice", .password = "s3cret",
      .files = CONFIG("{\"auths\":{\"reg.example\":{\"auth\":\"Ym9iOm5v\"}}}"),
      .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { { "HEAD " AT, NULL, .status = 401, .headers = ASKS_BASIC },
                { "HEAD " AT, ALICE, IS_THERE },
                { "GET " AT, ALICE, IS_INDEX } } },
    { "a login of Docker's configuration that is refused",
      .files = CONFIG("{\"auths\":{\"reg.example\":{\"auth\":\"YWxpY2U6czNjcmV0\"}}}"),
      .verdict = IMAGE_LOGIN_REFUSED,
      .says = "does not take the login of Docker's own configuration; log in anew, or out",
      .rows = { { "HEAD " AT, NULL, .status = 401, .headers = ASKS_BASIC },
                { "HEAD " AT, ALICE, .status = 401, .headers = ASKS_BASIC } } },
    { "Docker's configuration is broken", .files = CONFIG("{\"auths\":"),
      .verdict = IMAGE_UNREACHABLE,
      .says = "/home/me/.docker/config.json cannot be used: it is not valid JSON" },
    { "a registry token goes as it is",
      .files = CONFIG("{\"auths\":{\"reg.example\":{\"registrytoken\":\"rt\"}}}"),
      .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { { "HEAD " AT, "Bearer rt", IS_THERE }, { "GET " AT, "Bearer rt", IS_INDEX } } },
    { "a registry token that is not taken",
      .files = CONFIG("{\"auths\":{\"reg.example\":{\"registrytoken\":\"rt\"}}}"),
      .verdict = IMAGE_LOGIN_REFUSED,
      .says = "does not take the login of Docker's own configuration",
      .rows = { { "HEAD " AT, "Bearer rt", .status = 401, .headers = ASKS_BEARER } } },
    { "an identity token is exchanged",
      .files = CONFIG("{\"auths\":{\"reg.example\":{\"identitytoken\":\"id+1\"}}}"),
      .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { UNAUTHORIZED,
                { "POST https://auth.example/token", NULL, GIVES("t1"),
                  .sent = "grant_type=refresh_token&service=reg&client_id=clusterkeeper&scope="
                          "repository%3Aacme%2Fetl%3Apull&refresh_token=id%2B1" },
                { "HEAD " AT, "Bearer t1", IS_THERE },
                { "GET " AT, "Bearer t1", IS_INDEX } } },
    { "an identity token where there is no OAuth2",
      .files = CONFIG("{\"auths\":{\"reg.example\":{\"identitytoken\":\"id\"}}}"),
      .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { UNAUTHORIZED,
                { "POST https://auth.example/token", NULL, .status = 404 },
                { TOKEN, "Basic PHRva2VuPjppZA==", GIVES("t1") }, /* <token>:id */
                { "HEAD " AT, "Bearer t1", IS_THERE },
                { "GET " AT, "Bearer t1", IS_INDEX } } },
    { "an identity token that is refused",
      .files = CONFIG("{\"auths\":{\"reg.example\":{\"identitytoken\":\"id\"}}}"),
      .verdict = IMAGE_LOGIN_REFUSED, .says = "does not take",
      .rows = { UNAUTHORIZED,
                { "POST https://auth.example/token", NULL, .status = 400, .headers = JSON_TYPE,
                  .body = "{\"error\":\"invalid_grant\"}" } } },
    { "a redirected POST is not followed",
      .files = CONFIG("{\"auths\":{\"reg.example\":{\"identitytoken\":\"id\"}}}"),
      .verdict = IMAGE_UNREACHABLE, .says = "status 307",
      .rows = { UNAUTHORIZED,
                { "POST https://auth.example/token", NULL, .status = 307,
                  .headers = "location: https://evil.example/\n" } } },

    /* ---- credential helpers ---- */
    { "a helper's login", .files = CONFIG("{\"credHelpers\":{\"reg.example\":\"vault\"}}"),
      .program = { "docker-credential-vault", "reg.example", 0,
                   "{\"Username\":\"alice\",\"Secret\":\"s3cret\"}" },
      .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { { "HEAD " AT, NULL, .status = 401, .headers = ASKS_BASIC },
                { "HEAD " AT, ALICE, IS_THERE },
                { "GET " AT, ALICE, IS_INDEX } } },
    { "a helper's identity token", .files = CONFIG("{\"credsStore\":\"vault\"}"),
      .program = { "docker-credential-vault", "reg.example", 0,
                   "{\"Username\":\"<token>\",\"Secret\":\"id\"}" },
      .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { UNAUTHORIZED,
                { "POST https://auth.example/token", NULL, GIVES("t1"),
                  .sent = "refresh_token=id" },
                { "HEAD " AT, "Bearer t1", IS_THERE },
                { "GET " AT, "Bearer t1", IS_INDEX } } },
    { "a helper that has nothing: the file's own entry",
      .files = CONFIG("{\"credsStore\":\"vault\",\"auths\":{\"reg.example\":{\"auth\":\""
                      "YWxpY2U6czNjcmV0\"}}}"),
      .program = { "docker-credential-vault", "reg.example", 1,
                   "credentials not found in native keychain\n" },
      .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { { "HEAD " AT, NULL, .status = 401, .headers = ASKS_BASIC },
                { "HEAD " AT, ALICE, IS_THERE },
                { "GET " AT, ALICE, IS_INDEX } } },
    { "a helper that has nothing: nobody", .files = CONFIG("{\"credsStore\":\"vault\"}"),
      .program = { "docker-credential-vault", "reg.example", 1, "credentials not found" },
      .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { { "HEAD " AT, NULL, IS_THERE }, { "GET " AT, NULL, IS_INDEX } } },
    { "a helper that fails", .files = CONFIG("{\"credsStore\":\"vault\"}"),
      .program = { "docker-credential-vault", "reg.example", 2, "s3cret" },
      .verdict = IMAGE_UNREACHABLE,
      .says = "credential helper docker-credential-vault: it ended with status 2" },
    { "a helper that is not installed", .files = CONFIG("{\"credsStore\":\"vault\"}"),
      .program = { "docker-credential-vault", "reg.example", -1, NULL },
      .verdict = IMAGE_UNREACHABLE, .says = "docker-credential-vault cannot be started" },
};

static void test_every_login_of_docker(void **state)
{
    (void)state;
    static const char *const secrets[] = { "s3cret", "YWxpY2U6czNjcmV0",
                                           "t1",     "refresh_token",
                                           "id+1",   NULL };
    const struct outcome_defaults defaults = { .image = "reg.example/acme/etl:1",
                                               .env = home,
                                               .secrets = secrets };
    outcomes_check(outcomes, COUNT_OF(outcomes), &defaults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_login_of_docker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

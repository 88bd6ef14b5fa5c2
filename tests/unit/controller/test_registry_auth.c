/* Challenges, passwords and tokens: container-registry.md 7 to 9. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry_login_words.h"

static const struct fake_text home[] = { { "HOME", "/home/me" }, { NULL, NULL } };

static const struct outcome outcomes[] = {
    /* ---- Bearer ---- */
    { "anonymous, with a token", .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { UNAUTHORIZED,
                { TOKEN, NULL, GIVES("t1") },
                { "HEAD " AT, "Bearer t1", IS_THERE },
                { "GET " AT, "Bearer t1", IS_INDEX } } },
    { "with a password, and a token for it", .username = "alice", .password = "s3cret",
      .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { UNAUTHORIZED,
                { TOKEN, ALICE, .status = 200, .body = "{\"access_token\":\"t1\"}" },
                { "HEAD " AT, "Bearer t1", IS_THERE },
                { "GET " AT, "Bearer t1", IS_INDEX } } },
    { "the token is not enough: no access, or not there", .verdict = IMAGE_NO_ACCESS,
      .says = "reg.example/acme/etl: access refused, or no such repository (the registry does not "
              "tell which); correct docker_image.url, or give a login",
      .rows = { UNAUTHORIZED,
                { TOKEN, NULL, GIVES("t1") },
                { "HEAD " AT, "Bearer t1", .status = 401,
                  .headers = ASKS_BEARER_ERROR("insufficient_scope") } } },
    { "the token is not enough, with a login", .username = "alice", .password = "s3cret",
      .verdict = IMAGE_NO_ACCESS,
      .says = "or allow the login of docker_image.basic_auth to pull it",
      .rows = { UNAUTHORIZED,
                { TOKEN, ALICE, GIVES("t1") },
                { "HEAD " AT, "Bearer t1", .status = 401,
                  .headers = ASKS_BEARER_ERROR("insufficient_scope") } } },
    { "the token server does not take the password", .username = "alice", .password = "s3cret",
      .verdict = IMAGE_LOGIN_REFUSED,
      .says = "reg.example does not take the login of docker_image.basic_auth",
      .rows = { UNAUTHORIZED,
                { TOKEN, ALICE, .status = 401, .headers = JSON_TYPE,
                  .body = ERROR_BODY("UNAUTHORIZED") } } },
    { "the token server refuses the anonymous (GHCR)", .verdict = IMAGE_NO_ACCESS,
      .says = "access refused, or no such repository",
      .rows = { UNAUTHORIZED,
                { TOKEN, NULL, .status = 403, .headers = JSON_TYPE,
                  .body = ERROR_BODY("DENIED") } } },
    { "the token server refuses a login for this image (Google)", .username = "alice",
      .password = "s3cret", .verdict = IMAGE_NO_ACCESS, .says = "(it says: told by the registry)",
      .rows = { UNAUTHORIZED,
                { TOKEN, ALICE, .status = 403, .headers = JSON_TYPE,
                  .body = ERROR_BODY("DENIED") } } },
    { "the token server is down for a moment", .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { UNAUTHORIZED,
                { TOKEN, NULL, .status = 503 },
                { TOKEN, NULL, GIVES("t1") },
                { "HEAD " AT, "Bearer t1", IS_THERE },
                { "GET " AT, "Bearer t1", IS_INDEX } } },
    { "the token server throttles", .verdict = IMAGE_THROTTLED, .says = "asked again in 30s",
      .rows = { UNAUTHORIZED, { TOKEN, NULL, .status = 429, .retry_after_s = 30 } } },
    { "the token server is a page", .verdict = IMAGE_UNREACHABLE,
      .says = "look at the registry's token server",
      .rows = { UNAUTHORIZED, { TOKEN, NULL, .status = 200, .body = "<html>sign in</html>" } } },
    { "a token that would break the header", .verdict = IMAGE_UNREACHABLE, .says = "holds no token",
      .rows = { UNAUTHORIZED,
                { TOKEN, NULL, .status = 200, .body = "{\"token\":\"a\\r\\nX-Evil: 1\"}" } } },
    { "the token server is not there", .verdict = IMAGE_UNREACHABLE,
      .says = "the token server of reg.example answered with status 404",
      .rows = { UNAUTHORIZED, { TOKEN, NULL, .status = 404 } } },
    { "a realm inside of our network is not asked", .username = "alice", .password = "s3cret",
      .verdict = IMAGE_UNREACHABLE, .says = "169.254.169.254 is an address inside of a network",
      .rows = { { "HEAD " AT, NULL, .status = 401,
                  .headers = "www-authenticate: Bearer realm=\"https://169.254.169.254/t\"\n" } } },
    { "a realm in plain http is not asked", .username = "alice", .password = "s3cret",
      .verdict = IMAGE_UNREACHABLE,
      .says = "auth.example is plain http, which would show the login",
      .rows = { { "HEAD " AT, NULL, .status = 401,
                  .headers = "www-authenticate: Bearer realm=\"http://auth.example/t\"\n" } } },
    { "a token server that redirects does not take the login along", .username = "alice",
      .password = "s3cret", .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { UNAUTHORIZED,
                { TOKEN, ALICE, .status = 302, .headers = "location: https://other.example/t\n" },
                { "GET https://other.example/t", NULL, GIVES("t1") },
                { "HEAD " AT, "Bearer t1", IS_THERE },
                { "GET " AT, "Bearer t1", IS_INDEX } } },
    { "no scope in the challenge, a query in the realm", .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { { "HEAD " AT, NULL, .status = 401,
                  .headers =
                      "www-authenticate: bearer Realm=\"https://auth.example/token?a=b\"\n" },
                { "GET https://auth.example/token?a=b&scope=repository%3Aacme%2Fetl%3Apull", NULL,
                  GIVES("t1") },
                { "HEAD " AT, "Bearer t1", IS_THERE },
                { "GET " AT, "Bearer t1", IS_INDEX } } },
    { "a new token that is called invalid is renewed once, not for ever",
      .verdict = IMAGE_NO_ACCESS, .says = "access refused",
      .rows = { UNAUTHORIZED,
                { TOKEN, NULL, GIVES("t1") },
                { "HEAD " AT, "Bearer t1", .status = 401,
                  .headers = ASKS_BEARER_ERROR("invalid_token") },
                { TOKEN, NULL, GIVES("t2") },
                { "HEAD " AT, "Bearer t2", .status = 401,
                  .headers = ASKS_BEARER_ERROR("invalid_token") } } },
    { "redirected storage gets no token", .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { UNAUTHORIZED,
                { TOKEN, NULL, GIVES("t1") },
                { "HEAD " AT, "Bearer t1", IS_THERE },
                { "GET " AT, "Bearer t1", .status = 307,
                  .headers = "location: https://s3.example/m\n" },
                { "GET https://s3.example/m", NULL, IS_INDEX } } },

    /* ---- Basic ---- */
    { "Basic", .username = "alice", .password = "s3cret", .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { { "HEAD " AT, NULL, .status = 401, .headers = ASKS_BASIC },
                { "HEAD " AT, ALICE, IS_THERE },
                { "GET " AT, ALICE, IS_INDEX } } },
    { "Basic, and the password is wrong", .username = "alice", .password = "s3cret",
      .verdict = IMAGE_LOGIN_REFUSED, .says = "correct its username or password",
      .rows = { { "HEAD " AT, NULL, .status = 401, .headers = ASKS_BASIC },
                { "HEAD " AT, ALICE, .status = 401, .headers = ASKS_BASIC } } },
    { "Basic, and there is no login", .verdict = IMAGE_NO_ACCESS,
      .says = "give a login in docker_image.basic_auth",
      .rows = { { "HEAD " AT, NULL, .status = 401, .headers = ASKS_BASIC } } },
    { "Bearer beside Basic is the better one (ACR)", .username = "alice", .password = "s3cret",
      .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { { "HEAD " AT, NULL, .status = 401, .headers = ASKS_BASIC ASKS_BEARER },
                { TOKEN, ALICE, GIVES("t1") },
                { "HEAD " AT, "Bearer t1", IS_THERE },
                { "GET " AT, "Bearer t1", IS_INDEX } } },
    { "401 without a challenge: the login is tried", .username = "alice", .password = "s3cret",
      .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { { "HEAD " AT, NULL, .status = 401 },
                { "HEAD " AT, ALICE, IS_THERE },
                { "GET " AT, ALICE, IS_INDEX } } },
    { "401 without a challenge and without a login", .verdict = IMAGE_NO_ACCESS,
      .says = "access refused", .rows = { { "HEAD " AT, NULL, .status = 401 } } },
    { "a registry that changes its mind for ever", .username = "alice", .password = "s3cret",
      .verdict = IMAGE_LOGIN_REFUSED, .says = "does not take",
      .rows = { { "HEAD " AT, NULL, .status = 401, .headers = "www-authenticate: Negotiate\n" },
                { "HEAD " AT, ALICE, .status = 401,
                  .headers = "www-authenticate: Negotiate\n" } } },
    { "a server that repeats the password in its answer", .username = "alice", .password = "s3cret",
      .verdict = IMAGE_NO_ACCESS, .says = "(it says: DENIED)",
      .rows = { { "HEAD " AT, NULL, .status = 401, .headers = ASKS_BASIC },
                { "HEAD " AT, ALICE, .status = 403 },
                { "GET " AT, ALICE, .status = 403, .headers = JSON_TYPE,
                  .body =
                      "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no s3cret here\"}]}" } } },
    { "a server that repeats the header in its answer", .username = "alice", .password = "s3cret",
      .verdict = IMAGE_NO_ACCESS, .says = "does not tell which);",
      .rows = { { "HEAD " AT, NULL, .status = 401, .headers = ASKS_BASIC },
                { "HEAD " AT, ALICE, .status = 403 },
                { "GET " AT, ALICE, .status = 403, .headers = "content-type: text/plain\n",
                  .body = "not with YWxpY2U6czNjcmV0" } } },

    /* ---- what is special about a registry ---- */
    { "Docker Hub does not tell", .image = "ubunto", .verdict = IMAGE_NO_ACCESS,
      .says = "docker.io/library/ubunto: access refused, or no such repository (Docker Hub does "
              "not tell which)",
      .rows = { { "HEAD https://registry-1.docker.io/v2/library/ubunto/manifests/latest", NULL,
                  .status = 401,
                  .headers =
                      "www-authenticate: Bearer realm=\"https://auth.docker.io/token\",service=\""
                      "registry.docker.io\",scope=\"repository:library/ubunto:pull\"\n" },
                { "GET https://auth.docker.io/token?service=registry.docker.io&scope=repository"
                  "%3Alibrary%2Fubunto%3Apull",
                  NULL, GIVES("t1") },
                { "HEAD https://registry-1.docker.io/v2/library/ubunto/manifests/latest",
                  "Bearer t1", .status = 401,
                  .headers =
                      "www-authenticate: Bearer realm=\"https://auth.docker.io/token\",error=\""
                      "insufficient_scope\"\n" } } },
    { "a host without a dot was read as Docker Hub", .image = "myreg/app:1",
      .verdict = IMAGE_NO_ACCESS,
      .says = "if 'myreg' was meant to be a registry: a host has a dot or a port",
      .rows = { { "HEAD https://registry-1.docker.io/v2/myreg/app/manifests/1", NULL,
                  .status = 401 } } },
    { "a password of hours is warned of", .username = "oauth2accesstoken", .password = "s3cret",
      .verdict = IMAGE_FOUND,
      .says = "warning: the password in docker_image.basic_auth is one that ends within hours",
      .rows = { { "HEAD " AT, NULL, IS_THERE }, { "GET " AT, NULL, IS_INDEX } } },
    { "ECR Public wants one scope for everything", .image = "public.ecr.aws/acme/etl:1",
      .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { { "HEAD https://public.ecr.aws/v2/acme/etl/manifests/1", NULL, .status = 401,
                  .headers =
                      "www-authenticate: Bearer realm=\"https://public.ecr.aws/token/\",service=\""
                      "public.ecr.aws\",scope=\"aws\"\n" },
                { "GET https://public.ecr.aws/token/?service=public.ecr.aws&scope=aws", NULL,
                  GIVES("t1") },
                { "HEAD https://public.ecr.aws/v2/acme/etl/manifests/1", "Bearer t1", IS_THERE },
                { "GET https://public.ecr.aws/v2/acme/etl/manifests/1", "Bearer t1", IS_INDEX } } },
};

static void test_every_way_to_log_in(void **state)
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
        cmocka_unit_test(test_every_way_to_log_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

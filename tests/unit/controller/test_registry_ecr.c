/* Amazon ECR: names, AWS credentials from wherever they are, the signed call, and what follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/aws_key.h"
#include "registry/ecr.h"
#include "registry_outcome.h"

#include "text.h"

#define HOST  "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
#define AT    "https://" HOST "/v2/team/app/manifests/v1"
#define API   "POST https://api.ecr.eu-west-1.amazonaws.com/"
#define IMDS  "http://169.254.169.254"
#define ROLES IMDS "/latest/meta-data/iam/security-credentials/"
#define KEYS  "{\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"s3cret-key\",\"Token\":\"sess\"}"
/* A life of 12 hours from the world's first moment; AWS:pass. */
#define LOGIN                                                                         \
    "{\"authorizationData\":[{\"authorizationToken\":\"QVdTOnBhc3M=\",\"expiresAt\":" \
    "1795651201.5,\"proxyEndpoint\":\"https://" HOST "\"}]}"
#define BASIC    "Basic QVdTOnBhc3M="
#define IS_THERE .status = 200 /* ECR sends no digest */
#define IS_INDEX .status = 200, .body = "@index"
#define TEXTS(...)             \
    (const struct fake_text[]) \
    {                          \
        __VA_ARGS__,           \
        {                      \
            NULL, NULL         \
        }                      \
    }
#define OFF                                 \
    {                                       \
        "AWS_EC2_METADATA_DISABLED", "true" \
    }

static const struct outcome outcomes[] = {
    { "from the environment",
      .env = TEXTS({ "AWS_ACCESS_KEY_ID", "AKID" }, { "AWS_SECRET_ACCESS_KEY", "s3cret-key" }),
      .verdict = IMAGE_FOUND, .says = "seen with the controller's AWS credentials",
      .rows = { { API, .status = 200, .body = LOGIN },
                { "HEAD " AT, BASIC, IS_THERE },
                { "GET " AT, BASIC, IS_INDEX } } },
    { "from the profile", .env = TEXTS({ "HOME", "/home/me" }, { "AWS_PROFILE", "prod" }, OFF),
      .files = TEXTS({ "/home/me/.aws/credentials",
                       "[default]\naws_access_key_id=no\n[prod]\naws_access_key_id = AKID\n"
                       "aws_secret_access_key = s3cret-key\n" }),
      .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { { API, .status = 200, .body = LOGIN },
                { "HEAD " AT, BASIC, IS_THERE },
                { "GET " AT, BASIC, IS_INDEX } } },
    { "from the container",
      .env = TEXTS({ "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x" },
                   { "AWS_CONTAINER_AUTHORIZATION_TOKEN", "ct" }),
      .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { { "GET http://169.254.170.2/v2/credentials/x", "ct", .status = 200, .body = KEYS },
                { API, .status = 200, .body = LOGIN },
                { "HEAD " AT, BASIC, IS_THERE },
                { "GET " AT, BASIC, IS_INDEX } } },
    { "from the container, with a token that rotates in a file",
      .env = TEXTS({ "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:51/creds" },
                   { "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/run/token" }),
      .files = TEXTS({ "/run/token", "from-file\n" }), .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { { "GET http://127.0.0.1:51/creds", "from-file", .status = 200, .body = KEYS },
                { API, .status = 200, .body = LOGIN },
                { "HEAD " AT, BASIC, IS_THERE },
                { "GET " AT, BASIC, IS_INDEX } } },
    { "from the machine", .verdict = IMAGE_FOUND, .says = "exists",
      .rows = { { "PUT " IMDS "/latest/api/token", .status = 200,
                  .body = "imds-token==", .sent = "X-aws-ec2-metadata-token-ttl-seconds: 21600" },
                { "GET " ROLES, .status = 200, .body = "my-role\n",
                  .sent = "X-aws-ec2-metadata-token: imds-token==" },
                { "GET " ROLES "my-role", .status = 200, .body = KEYS,
                  .sent = "X-aws-ec2-metadata-token: imds-token==" },
                { API, .status = 200, .body = LOGIN },
                { "HEAD " AT, BASIC, IS_THERE },
                { "GET " AT, BASIC, IS_INDEX } } },
    { "the machine is none of AWS", .verdict = IMAGE_UNCHECKED,
      .says = "cannot be checked from here: no AWS credentials were found",
      .rows = { { "PUT " IMDS "/latest/api/token", .failure = ERR_REFUSED } } },
    { "the machine has no role", .verdict = IMAGE_UNCHECKED,
      .says = "the cluster reaches Amazon ECR through its instance profile",
      .rows = { { "PUT " IMDS "/latest/api/token", .status = 200, .body = "t" },
                { "GET " ROLES, .status = 404 } } },
    { "a role that would lead elsewhere", .verdict = IMAGE_UNCHECKED,
      .says = "no AWS credentials were found",
      .rows = { { "PUT " IMDS "/latest/api/token", .status = 200, .body = "t" },
                { "GET " ROLES, .status = 200, .body = "../../x" } } },
    { "a page in the place of the token", .verdict = IMAGE_UNCHECKED,
      .says = "no AWS credentials were found",
      .rows = { { "PUT " IMDS "/latest/api/token", .status = 200, .body = "<html>" } } },
    { "keys that are none", .verdict = IMAGE_UNREACHABLE, .says = "gave no credentials",
      .rows = { { "PUT " IMDS "/latest/api/token", .status = 200, .body = "t" },
                { "GET " ROLES, .status = 200, .body = "r" },
                { "GET " ROLES "r", .status = 200, .body = "{\"Code\":\"Failed\"}" } } },
    { "AWS does not take the credentials",
      .env = TEXTS({ "AWS_ACCESS_KEY_ID", "AKID" }, { "AWS_SECRET_ACCESS_KEY", "s3cret-key" }),
      .verdict = IMAGE_UNCHECKED,
      .says = "AWS refused to make a login for ECR: status 400, The security token is invalid",
      .rows = { { API, .status = 400,
                  .body = "{\"__type\":\"UnrecognizedClientException\",\"message\":\"The security "
                          "token is invalid.\"}" } } },
    { "AWS is down",
      .env = TEXTS({ "AWS_ACCESS_KEY_ID", "AKID" }, { "AWS_SECRET_ACCESS_KEY", "s3cret-key" }),
      .verdict = IMAGE_UNREACHABLE, .says = "status 500", .rows = { { API, .status = 500 } } },
    { "AWS is not reached",
      .env = TEXTS({ "AWS_ACCESS_KEY_ID", "AKID" }, { "AWS_SECRET_ACCESS_KEY", "s3cret-key" }),
      .verdict = IMAGE_UNREACHABLE, .says = "simulated",
      .rows = { { API, .failure = ERR_TIMEOUT } } },
    { "AWS answers with something else",
      .env = TEXTS({ "AWS_ACCESS_KEY_ID", "AKID" }, { "AWS_SECRET_ACCESS_KEY", "s3cret-key" }),
      .verdict = IMAGE_UNREACHABLE, .says = "without an authorization token",
      .rows = { { API, .status = 200, .body = "{\"authorizationData\":[]}" } } },
    { "what the controller may not read, the cluster may",
      .env = TEXTS({ "AWS_ACCESS_KEY_ID", "AKID" }, { "AWS_SECRET_ACCESS_KEY", "s3cret-key" }),
      .verdict = IMAGE_UNCHECKED,
      .says = "the controller's AWS credentials may not read it (it says: told by the registry)",
      .rows = { { API, .status = 200, .body = LOGIN },
                { "HEAD " AT, BASIC, .status = 403 },
                { "GET " AT, BASIC, .status = 403, .headers = JSON_TYPE,
                  .body = ERROR_BODY("DENIED") } } },
    { "no such tag",
      .env = TEXTS({ "AWS_ACCESS_KEY_ID", "AKID" }, { "AWS_SECRET_ACCESS_KEY", "s3cret-key" }),
      .verdict = IMAGE_ABSENT, .says = "has no tag 'v1'",
      .rows = { { API, .status = 200, .body = LOGIN },
                { "HEAD " AT, BASIC, .status = 404 },
                { "GET " AT, BASIC, .status = 404, .headers = JSON_TYPE,
                  .body = ERROR_BODY("MANIFEST_UNKNOWN") } } },
    { "a login that ECR has dropped is made anew, once",
      .env = TEXTS({ "AWS_ACCESS_KEY_ID", "AKID" }, { "AWS_SECRET_ACCESS_KEY", "s3cret-key" }),
      .verdict = IMAGE_UNCHECKED, .says = "may not read it",
      .rows = { { API, .status = 200, .body = LOGIN },
                { "HEAD " AT, BASIC, .status = 401 },
                { API, .status = 200, .body = LOGIN },
                { "HEAD " AT, BASIC, .status = 401 } } },
    { "the manifest's login goes before AWS, and is one of hours", .username = "AWS",
      .password = "pass", .verdict = IMAGE_FOUND,
      .says = "warning: the password in docker_image.basic_auth is one that ends within hours",
      .rows = { { "HEAD " AT, NULL, .status = 401,
                  .headers = "www-authenticate: Basic realm=\"ecr\"\n" },
                { "HEAD " AT, BASIC, IS_THERE },
                { "GET " AT, BASIC, IS_INDEX } } },
    { "its end is told, too", .username = "AWS", .password = "pass", .verdict = IMAGE_LOGIN_REFUSED,
      .says = "one that ends within hours",
      .rows = { { "HEAD " AT, NULL, .status = 401,
                  .headers = "www-authenticate: Basic realm=\"ecr\"\n" },
                { "HEAD " AT, BASIC, .status = 401,
                  .headers = "www-authenticate: Basic realm=\"ecr\"\n" } } },
};

static void test_every_way_to_ecr(void **state)
{
    (void)state;
    static const char *const secrets[] = { "s3cret-key", "QVdTOnBhc3M", NULL };
    const struct outcome_defaults defaults = { .image = HOST "/team/app:v1", .secrets = secrets };
    outcomes_check(outcomes, COUNT_OF(outcomes), &defaults);
}

/* One call for a region serves every image for 80 % of its life. */
static void test_a_login_serves_its_region(void **state)
{
    (void)state;
    static const struct fake_text env[] = { { "AWS_ACCESS_KEY_ID", "AKID" },
                                            { "AWS_SECRET_ACCESS_KEY", "s3cret-key" },
                                            { NULL, NULL } };
    static const struct exchange rows[] = {
        { API, .status = 200, .body = LOGIN },
        { "HEAD " AT, BASIC, IS_THERE },
        { "GET " AT, BASIC, IS_INDEX },
        { "HEAD https://" HOST "/v2/team/b/manifests/v1", BASIC, IS_THERE },
        { "GET https://" HOST "/v2/team/b/manifests/v1", BASIC, IS_INDEX },
    };
    static const struct exchange kept[] = { { "HEAD " AT, BASIC, IS_THERE },
                                            { "GET " AT, BASIC, IS_INDEX } };
    static const struct exchange renewed[] = { { API, .status = 200, .body = LOGIN },
                                               { "HEAD " AT, BASIC, IS_THERE },
                                               { "GET " AT, BASIC, IS_INDEX } };
    struct world world;
    struct question one = { .done = 0 }, two = { .done = 0 };
    world_init(&world);
    world.env = env;
    world_open(&world);
    world_script(&world, rows, COUNT_OF(rows));
    question_ask(&world, &one, HOST "/team/app:v1", NULL, NULL);
    question_ask(&world, &two, HOST "/team/b:v1", NULL, NULL);
    world_run(&world, 1000);
    assert_int_equal(one.verdict, IMAGE_FOUND);
    assert_int_equal(two.verdict, IMAGE_FOUND);
    const int64_t renew_ms = 1000 + INT64_C(43200000) / 10 * 8;
    world.now_ms = renew_ms - 1;
    world_script(&world, kept, COUNT_OF(kept));
    question_ask(&world, &one, HOST "/team/app:v1", NULL, NULL);
    world_run(&world, world.now_ms);
    world.now_ms = renew_ms + world.config.fresh_ms;
    world_script(&world, renewed, COUNT_OF(renewed));
    question_ask(&world, &one, HOST "/team/app:v1", NULL, NULL);
    world_run(&world, world.now_ms);
    assert_int_equal(one.done, 3);
    world_close(&world);
    question_release(&one);
    question_release(&two);
}

/* Where there are no credentials, the metadata is not asked for every image. */
static void test_a_failure_stands_for_a_minute(void **state)
{
    (void)state;
    static const struct exchange rows[] = {
        { "PUT " IMDS "/latest/api/token", .failure = ERR_REFUSED },
    };
    struct world world;
    struct question one = { .done = 0 }, two = { .done = 0 };
    world_init(&world);
    world_open(&world);
    world_script(&world, rows, COUNT_OF(rows));
    question_ask(&world, &one, HOST "/team/app:v1", NULL, NULL);
    world_run(&world, 1000);
    question_ask(&world, &two, HOST "/team/b:v1", NULL, NULL);
    world_run(&world, 1000 + 59999);
    assert_int_equal(two.verdict, IMAGE_UNCHECKED);
    world_close(&world);
    question_release(&one);
    question_release(&two);
}

/* Given up while AWS is asked: the call ends, and nothing is left. */
static void test_giving_up_at_aws(void **state)
{
    (void)state;
    struct world world;
    struct question question = { .done = 0 };
    world_init(&world);
    world_open(&world);
    question_ask(&world, &question, HOST "/team/app:v1", NULL, NULL);
    world.holds_answers = true;
    world_run(&world, 1000);
    assert_int_equal(world.flying_len, 1);
    registry_cancel_all(world.registry);
    assert_int_equal(question.done, 1);
    assert_int_equal(registry_pending(world.registry), 1);
    world.holds_answers = false;
    world_run(&world, 1000);
    assert_int_equal(registry_pending(world.registry), 0);
    world_close(&world);
    question_release(&question);
}

/* ---- names and answers ---- */

static void test_names_of_registries(void **state)
{
    (void)state;
    static const struct {
        const char *host, *region, *api; /* NULL: none of ours */
    } rows[] = {
        { HOST, "eu-west-1", "https://api.ecr.eu-west-1.amazonaws.com/" },
        { "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1",
          "https://api.ecr.cn-north-1.amazonaws.com.cn/" },
        { "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1",
          "https://ecr-fips.us-gov-west-1.amazonaws.com/" },
        { "123456789012.dkr-ecr.us-east-2.on.aws", "us-east-2",
          "https://api.ecr.us-east-2.amazonaws.com/" },
        { "12345678901.dkr.ecr.eu-west-1.amazonaws.com", NULL, NULL },
        { "1234567890123.dkr.ecr.eu-west-1.amazonaws.com", NULL, NULL },
        { "123456789012.dkr.ecr..amazonaws.com", NULL, NULL },
        { "123456789012.dkr.ecr.evil.example/.amazonaws.com", NULL, NULL },
        { "123456789012.dkr.ecr.a.b.amazonaws.com", NULL, NULL },
        { "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example", NULL, NULL },
        { "public.ecr.aws", NULL, NULL },
        { "", NULL, NULL },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct ecr_place place;
        bool is_one = ecr_place_parse(&arena, rows[i].host, &place);
        assert_int_equal(is_one, rows[i].region != NULL);
        if (!is_one) continue;
        assert_string_equal(place.account, "123456789012");
        assert_string_equal(place.region, rows[i].region);
        assert_string_equal(ecr_api_url(&arena, &place), rows[i].api);
    }
}

static void test_answers_of_the_api(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t life_ms; /* -1: refused */
    } rows[] = {
        { "{\"authorizationData\":[{\"authorizationToken\":\"QQ==\",\"expiresAt\":110}]}", 10000 },
        { "{\"authorizationData\":[{\"authorizationToken\":\"QQ==\",\"expiresAt\":100.5}]}", 500 },
        { "{\"authorizationData\":[{\"authorizationToken\":\"QQ==\",\"expiresAt\":1}]}", 0 },
        { "{\"authorizationData\":[{\"authorizationToken\":\"QQ==\",\"expiresAt\":1e300}]}",
          43200000 },
        { "{\"authorizationData\":[{\"authorizationToken\":\"QQ==\"}]}", 43200000 },
        { "{\"authorizationData\":[{\"authorizationToken\":\"QQ\\r\\nX: 1\"}]}", -1 },
        { "{\"authorizationData\":[{\"authorizationToken\":\"\"}]}", -1 },
        { "{\"authorizationData\":[{\"authorizationToken\":7}]}", -1 },
        { "{\"authorizationData\":[[]]}", -1 },
        { "{\"authorizationData\":{}}", -1 },
        { "[]", -1 },
        { "", -1 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        AUTO_BUF struct buf text = BUF_INIT(1000);
        struct ecr_answer answer = { .life_ms = -1 };
        struct err err;
        buf_adds(&text, rows[i].text);
        bool ok = ecr_read_answer(&arena, &text, 100000, &answer, &err);
        assert_int_equal(ok, rows[i].life_ms >= 0);
        assert_int_equal(answer.life_ms, rows[i].life_ms);
        if (ok) assert_string_equal(answer.basic, "QQ==");
    }
}

static void test_profiles(void **state)
{
    (void)state;
    static const struct {
        const char *text, *prefix, *profile;
        const char *id, *session; /* NULL: no key is found; none */
    } rows[] = {
        { "[default]\naws_access_key_id=A\naws_secret_access_key=B\n", "", "default", "A", NULL },
        { "[ default ]\r\naws_access_key_id = A\r\naws_secret_access_key=B\r\n", "", "default", "A",
          NULL },
        { "# c\n; d\n\n[x]\naws_access_key_id=A\naws_secret_access_key=B\naws_session_token = C=\n",
          "", "x", "A", "C=" },
        { "[profile x]\naws_access_key_id=A\naws_secret_access_key=B", "profile ", "x", "A", NULL },
        { "[x]\naws_access_key_id=A\naws_secret_access_key=B", "profile ", "x", NULL, NULL },
        { "[default]\naws_access_key_id=A\naws_secret_access_key=B", "profile ", "default", "A",
          NULL },
        { "[x]\naws_access_key_id=A\n[y]\naws_secret_access_key=B\n", "", "x", NULL, NULL },
        { "[x]\naws_access_key_id=A\naws_secret_access_key=\n", "", "x", NULL, NULL },
        { "aws_access_key_id=A\naws_secret_access_key=B\n", "", "default", NULL, NULL },
        { "[x\naws_access_key_id=A\naws_secret_access_key=B\n", "", "x", NULL, NULL },
        { "[x]\nrole_arn = arn\nsource_profile = y\n", "", "x", NULL, NULL },
        { "[]\n=\n==\n[\n", "", "", NULL, NULL },
        { "", "", "default", NULL, NULL },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct aws_key key;
        aws_key_init(&key);
        bool found = aws_key_from_ini(rows[i].text, rows[i].prefix, rows[i].profile, &key);
        assert_int_equal(found, rows[i].id != NULL);
        if (found) {
            assert_string_equal(buf_text(&key.id), rows[i].id);
            assert_string_equal(buf_text(&key.secret), "B");
            assert_string_equal(buf_text(&key.session),
                                rows[i].session == NULL ? "" : rows[i].session);
        }
        aws_key_wipe(&key);
    }
}

static const char *env_of(void *ctx, const char *name)
{
    const struct fake_text *texts = ctx;
    for (; texts->name != NULL; texts++) {
        if (strcmp(texts->name, name) == 0) return texts->text;
    }
    return NULL;
}

static void test_endpoints(void **state)
{
    (void)state;
#define FULL(url)                                      \
    {                                                  \
        { "AWS_CONTAINER_CREDENTIALS_FULL_URI", url }, \
        {                                              \
            NULL, NULL                                 \
        }                                              \
    }
    static struct {
        struct fake_text env[3];
        const char *url;
    } rows[] = {
        { FULL("https://creds.example/x"), "https://creds.example/x" },
        { FULL("http://localhost:80/x"), "http://localhost:80/x" },
        { FULL("http://169.254.170.23/v1"), "http://169.254.170.23/v1" },
        { FULL("http://creds.example/x"), NULL },
        { FULL("http://169.254.169.254/x"), NULL },
        { FULL("http://169.254.170.2@evil.example/"), NULL },
        { FULL("file:///etc/passwd"), NULL },
        { { { "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/r" } }, "http://169.254.170.2/r" },
        { { { "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.example" } }, NULL },
        { { { NULL, NULL } }, NULL },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        const char *url = aws_container_url(&arena, env_of, rows[i].env);
        if (!text_equal(url, rows[i].url)) fail_msg("%zu: %s", i, url == NULL ? "none" : url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_way_to_ecr),
        cmocka_unit_test(test_a_login_serves_its_region),
        cmocka_unit_test(test_a_failure_stands_for_a_minute),
        cmocka_unit_test(test_giving_up_at_aws),
        cmocka_unit_test(test_names_of_registries),
        cmocka_unit_test(test_answers_of_the_api),
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

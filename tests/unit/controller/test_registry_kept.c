/* What is kept from one question to the next: tokens, challenges, helpers. */
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

static void open_with_home(struct world *world, struct arena *arena)
{
    world_init(world);
    world->env = home;
    docker_config_places(arena, world->config.env, world, &world->config.places);
    world_open(world);
}

static void ask_one(struct world *world, struct question *question, const char *image,
                    const struct exchange *rows, size_t len)
{
    world_script(world, rows, len);
    question_ask(world, question, image, "alice", "s3cret");
    world_run(world, world->now_ms + 1000);
    assert_int_equal(question->verdict, IMAGE_FOUND);
}

#define OTHER "https://reg.example/v2/acme/other/manifests/1"
#define OTHER_TOKEN \
    "GET https://auth.example/token?service=reg&scope=repository%3Aacme%2Fother%3Apull"

/* The second image of a registry needs no 401 to know where tokens are. */
static void test_a_registrys_way_is_remembered(void **state)
{
    (void)state;
    static const struct exchange first[] = { UNAUTHORIZED,
                                             { TOKEN, ALICE, GIVES("t1") },
                                             { "HEAD " AT, "Bearer t1", IS_THERE },
                                             { "GET " AT, "Bearer t1", IS_INDEX } };
    static const struct exchange second[] = { { OTHER_TOKEN, ALICE, GIVES("t2") },
                                              { "HEAD " OTHER, "Bearer t2", IS_THERE } };
    struct world world;
    struct question one = { .done = 0 }, two = { .done = 0 };
    open_with_home(&world, &one.arena);
    ask_one(&world, &one, "reg.example/acme/etl:1", first, COUNT_OF(first));
    ask_one(&world, &two, "reg.example/acme/other:1", second, COUNT_OF(second));
    world_close(&world);
    question_release(&one);
    question_release(&two);
}

/* Kept for 80 % of its life, and then no longer. */
static void test_a_token_is_kept_and_renewed(void **state)
{
    (void)state;
    static const struct exchange first[] = { UNAUTHORIZED,
                                             { TOKEN, ALICE, GIVES("t1") },
                                             { "HEAD " AT, "Bearer t1", IS_THERE },
                                             { "GET " AT, "Bearer t1", IS_INDEX } };
    static const struct exchange kept[] = { { "HEAD " AT, "Bearer t1", IS_THERE } };
    static const struct exchange renewed[] = { { TOKEN, ALICE, GIVES("t2") },
                                               { "HEAD " AT, "Bearer t2", IS_THERE } };
    struct world world;
    struct question question = { .done = 0 };
    open_with_home(&world, &question.arena);
    ask_one(&world, &question, "reg.example/acme/etl:1", first, COUNT_OF(first));
    registry_forget(world.registry);
    world.now_ms = 1000 + 239999; /* 300 s, 80 % */
    ask_one(&world, &question, "reg.example/acme/etl:1", kept, COUNT_OF(kept));
    registry_forget(world.registry);
    world.now_ms = 1000 + 240000;
    ask_one(&world, &question, "reg.example/acme/etl:1", renewed, COUNT_OF(renewed));
    world_close(&world);
    question_release(&question);
}

/* A kept token that the registry has dropped is renewed, once. */
static void test_a_stale_token_is_renewed(void **state)
{
    (void)state;
    static const struct exchange first[] = { UNAUTHORIZED,
                                             { TOKEN, ALICE, GIVES("t1") },
                                             { "HEAD " AT, "Bearer t1", IS_THERE },
                                             { "GET " AT, "Bearer t1", IS_INDEX } };
    static const struct exchange stale[] = { { "HEAD " AT, "Bearer t1", .status = 401,
                                               .headers = ASKS_BEARER },
                                             { TOKEN, ALICE, GIVES("t2") },
                                             { "HEAD " AT, "Bearer t2", IS_THERE } };
    struct world world;
    struct question question = { .done = 0 };
    open_with_home(&world, &question.arena);
    ask_one(&world, &question, "reg.example/acme/etl:1", first, COUNT_OF(first));
    registry_forget(world.registry);
    ask_one(&world, &question, "reg.example/acme/etl:1", stale, COUNT_OF(stale));
    world_close(&world);
    question_release(&question);
}

#define JFROG(key, image)                                           \
    "www-authenticate: Bearer realm=\"https://reg.example/api/" key \
    "/token\",service=\"reg\",scope=\""                             \
    "repository:" image ":pull\"\n"

/* A realm of its own for each repository (JFrog): one that was remembered does not fit the next. */
static void test_a_remembered_realm_that_does_not_fit(void **state)
{
    (void)state;
    static const struct exchange first[] = {
        { "HEAD " AT, NULL, .status = 401, .headers = JFROG("a", "acme/etl") },
        { "GET https://reg.example/api/a/token?service=reg&scope=repository%3Aacme%2Fetl%3Apull",
          ALICE, GIVES("t1") },
        { "HEAD " AT, "Bearer t1", IS_THERE },
        { "GET " AT, "Bearer t1", IS_INDEX },
    };
    static const struct exchange refused_there[] = {
        { "GET https://reg.example/api/a/token?service=reg&scope=repository%3Aacme%2Fother%3Apull",
          ALICE, .status = 403 },
        { "HEAD " OTHER, NULL, .status = 401, .headers = JFROG("b", "acme/other") },
        { "GET https://reg.example/api/b/token?service=reg&scope=repository%3Aacme%2Fother%3Apull",
          ALICE, GIVES("t2") },
        { "HEAD " OTHER, "Bearer t2", IS_THERE },
    };
    static const struct exchange not_enough[] = {
        { "GET https://reg.example/api/b/token?service=reg&scope=repository%3Aacme%2Fthird%3Apull",
          ALICE, GIVES("t3") },
        { "HEAD https://reg.example/v2/acme/third/manifests/1", "Bearer t3", .status = 401,
          .headers = JFROG("c", "acme/third") },
        { "GET https://reg.example/api/c/token?service=reg&scope=repository%3Aacme%2Fthird%3Apull",
          ALICE, GIVES("t4") },
        { "HEAD https://reg.example/v2/acme/third/manifests/1", "Bearer t4", IS_THERE },
    };
    struct world world;
    struct question question = { .done = 0 };
    open_with_home(&world, &question.arena);
    ask_one(&world, &question, "reg.example/acme/etl:1", first, COUNT_OF(first));
    ask_one(&world, &question, "reg.example/acme/other:1", refused_there, COUNT_OF(refused_there));
    ask_one(&world, &question, "reg.example/acme/third:1", not_enough, COUNT_OF(not_enough));
    world_close(&world);
    question_release(&question);
}

/* Two logins never share a token. */
static void test_tokens_belong_to_a_login(void **state)
{
    (void)state;
    static const struct exchange first[] = { UNAUTHORIZED,
                                             { TOKEN, ALICE, GIVES("t1") },
                                             { "HEAD " AT, "Bearer t1", IS_THERE },
                                             { "GET " AT, "Bearer t1", IS_INDEX } };
    static const struct exchange second[] = { { TOKEN, "Basic Ym9iOm5v", GIVES("t2") },
                                              { "HEAD " AT, "Bearer t2", IS_THERE } };
    struct world world;
    struct question question = { .done = 0 };
    open_with_home(&world, &question.arena);
    ask_one(&world, &question, "reg.example/acme/etl:1", first, COUNT_OF(first));
    world_script(&world, second, COUNT_OF(second));
    question_ask(&world, &question, "reg.example/acme/etl:1", "bob", "no");
    world_run(&world, world.now_ms + 1000);
    assert_int_equal(question.verdict, IMAGE_FOUND);
    world_close(&world);
    question_release(&question);
}

/* Two questions that need one token: it is asked for once. */
static void test_a_token_is_asked_for_once(void **state)
{
    (void)state;
    static const struct exchange rows[] = {
        { "HEAD " AT, NULL, .status = 401, .headers = ASKS_BEARER },
        { "HEAD https://reg.example/v2/acme/etl/manifests/2", NULL, .status = 401,
          .headers = ASKS_BEARER },
        { TOKEN, ALICE, GIVES("t1") },
        { "HEAD " AT, "Bearer t1", IS_THERE },
        { "HEAD https://reg.example/v2/acme/etl/manifests/2", "Bearer t1", IS_THERE },
        { "GET " AT, "Bearer t1", IS_INDEX },
        { "GET https://reg.example/v2/acme/etl/manifests/2", "Bearer t1", IS_INDEX },
    };
    struct world world;
    struct question one = { .done = 0 }, two = { .done = 0 };
    open_with_home(&world, &one.arena);
    world_script(&world, rows, COUNT_OF(rows));
    question_ask(&world, &one, "reg.example/acme/etl:1", "alice", "s3cret");
    question_ask(&world, &two, "reg.example/acme/etl:2", "alice", "s3cret");
    world_run(&world, INT64_MAX - 1);
    assert_int_equal(one.verdict, IMAGE_FOUND);
    assert_int_equal(two.verdict, IMAGE_FOUND);
    world_close(&world);
    question_release(&one);
    question_release(&two);
}

/* A helper is run once for two images, and again when somebody wants to know anew. */
static void test_a_helper_is_run_once(void **state)
{
    (void)state;
    static const struct fake_program vault = { "docker-credential-vault", "reg.example", 0,
                                               "{\"Username\":\"alice\",\"Secret\":\"s3cret\"}" };
    static const struct exchange rows[] = {
        { "HEAD " AT, NULL, IS_THERE },
        { "GET " AT, NULL, IS_INDEX },
        { "HEAD " OTHER, NULL, .status = 404 },
        { "GET " OTHER, NULL, .status = 404 },
    };
    static const struct exchange again[] = { { "HEAD " AT, NULL, IS_THERE } };
    struct world world;
    struct question one = { .done = 0 }, two = { .done = 0 };
    open_with_home(&world, &one.arena);
    world.files = CONFIG("{\"credsStore\":\"vault\"}");
    world.program = &vault;
    world_script(&world, rows, COUNT_OF(rows));
    question_ask(&world, &one, "reg.example/acme/etl:1", NULL, NULL);
    question_ask(&world, &two, "reg.example/acme/other:1", NULL, NULL);
    world_run(&world, world.now_ms + 1000);
    assert_int_equal(one.verdict, IMAGE_FOUND);
    assert_int_equal(two.verdict, IMAGE_ABSENT);
    assert_int_equal(world.programs_run, 1);
    registry_forget(world.registry);
    world_script(&world, again, COUNT_OF(again));
    question_ask(&world, &one, "reg.example/acme/etl:1", NULL, NULL);
    world_run(&world, world.now_ms + 1000);
    assert_int_equal(world.programs_run, 2);
    world_close(&world);
    question_release(&one);
    question_release(&two);
}

/* A port that runs no programs says so. */
static void test_a_helper_that_cannot_be_run(void **state)
{
    (void)state;
    struct world world;
    struct question question = { .done = 0 };
    open_with_home(&world, &question.arena);
    world.files = CONFIG("{\"credsStore\":\"vault\"}");
    world.port.run = NULL;
    question_ask(&world, &question, "reg.example/acme/etl:1", NULL, NULL);
    world_run(&world, INT64_MAX - 1);
    assert_int_equal(question.verdict, IMAGE_UNREACHABLE);
    assert_non_null(strstr(question.text, "cannot be run from here"));
    world_close(&world);
    question_release(&question);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_registrys_way_is_remembered),
        cmocka_unit_test(test_a_token_is_kept_and_renewed),
        cmocka_unit_test(test_a_stale_token_is_renewed),
        cmocka_unit_test(test_a_remembered_realm_that_does_not_fit),
        cmocka_unit_test(test_tokens_belong_to_a_login),
        cmocka_unit_test(test_a_token_is_asked_for_once),
        cmocka_unit_test(test_a_helper_is_run_once),
        cmocka_unit_test(test_a_helper_that_cannot_be_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

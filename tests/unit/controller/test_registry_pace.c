/* How often a registry is asked: one question for many, limits, pauses, memory, giving up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry_world.h"

#include "text.h"

#include <stdio.h>

#define AT(tag) "https://reg.example/v2/acme/etl/manifests/" tag
#define HEAD_INDEX(tag)                                                                           \
    {                                                                                             \
        .request = "HEAD " AT(tag), .status = 200, .headers = "docker-content-digest: ${index}\n" \
    }
#define GET_INDEX(tag)                                             \
    {                                                              \
        .request = "GET " AT(tag), .status = 200, .body = "@index" \
    }
#define IMAGE(tag) "reg.example/acme/etl:" tag

enum { MANY = 5000 };

static void ask(struct world *world, struct question *question, const char *image)
{
    question_ask(world, question, image, NULL, NULL);
}

static void run_for(struct world *world, int64_t for_ms)
{
    world_run(world, world->now_ms + for_ms);
}

/* However many clusters run one image, the registry hears of it once. */
static void test_one_question_for_one_image(void **state)
{
    (void)state;
    static const struct exchange rows[] = { HEAD_INDEX("1"), GET_INDEX("1") };
    struct question *questions = xcalloc(MANY, sizeof(*questions));
    struct world world;
    world_init(&world);
    world_open(&world);
    world_script(&world, rows, COUNT_OF(rows));
    for (size_t i = 0; i < MANY; i++) {
        ask(&world, &questions[i], IMAGE("1"));
    }
    assert_int_equal(registry_pending(world.registry), MANY);
    run_for(&world, 1000);
    assert_int_equal(registry_pending(world.registry), 0);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(questions[i].done, 1);
        assert_int_equal(questions[i].verdict, IMAGE_FOUND);
        question_release(&questions[i]);
    }
    assert_int_equal(world.requests, 2);
    world_close(&world);
    xfree(questions);
}

/* Another CPU, login or tag is another question; a digest that is known answers the CPU. */
static void test_what_makes_a_question_another(void **state)
{
    (void)state;
    static const struct exchange rows[] = {
        HEAD_INDEX("1"), HEAD_INDEX("1"), HEAD_INDEX("1"),
        HEAD_INDEX("2"), GET_INDEX("1"),  GET_INDEX("1"),
    };
    struct question questions[4] = { [1] = { .query.cpu = IMAGE_ARM64 } };
    struct world world;
    world_init(&world);
    world_open(&world);
    world_script(&world, rows, COUNT_OF(rows));
    ask(&world, &questions[0], IMAGE("1"));
    run_for(&world, 1);
    ask(&world, &questions[1], IMAGE("1"));
    run_for(&world, 1);
    question_ask(&world, &questions[2], IMAGE("1"), "alice", "x");
    ask(&world, &questions[3], IMAGE("2"));
    run_for(&world, 1);
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        assert_int_equal(questions[i].verdict, IMAGE_FOUND);
        question_release(&questions[i]);
    }
    world_close(&world);
}

/* A good answer stands for 5 minutes, a bad one for 1; then it is asked again. */
static void test_answers_stand_for_their_time(void **state)
{
    (void)state;
    static const struct exchange first[] = { HEAD_INDEX("1"),
                                             GET_INDEX("1"),
                                             { .request = "HEAD " AT("2"), .status = 404 },
                                             { .request = "GET " AT("2"), .status = 404 } };
    static const struct exchange pushed[] = { HEAD_INDEX("2") };
    static const struct exchange again[] = { HEAD_INDEX("1") };
    struct question good = { .done = 0 }, bad = { .done = 0 };
    struct world world;
    world_init(&world);
    world_open(&world);
    world_script(&world, first, COUNT_OF(first));
    ask(&world, &good, IMAGE("1"));
    ask(&world, &bad, IMAGE("2"));
    run_for(&world, 0);
    int64_t wall_ms = world.port.wall_ms(&world);
    assert_int_equal(good.ask_again_ms, wall_ms + 300000);
    assert_int_equal(bad.ask_again_ms, wall_ms + 60000);
    world.now_ms = 1000 + 59999;
    ask(&world, &bad, IMAGE("2"));
    run_for(&world, 0);
    assert_int_equal(bad.verdict, IMAGE_ABSENT);
    world.now_ms = 1000 + 60000;
    world_script(&world, pushed, COUNT_OF(pushed));
    ask(&world, &bad, IMAGE("2"));
    run_for(&world, 0);
    assert_int_equal(bad.verdict, IMAGE_FOUND);
    world.now_ms = 1000 + 299999;
    ask(&world, &good, IMAGE("1"));
    run_for(&world, 0);
    world.now_ms = 1000 + 300000;
    world_script(&world, again, COUNT_OF(again));
    ask(&world, &good, IMAGE("1"));
    run_for(&world, 0);
    assert_int_equal(good.done, 3);
    world_close(&world);
    question_release(&good);
    question_release(&bad);
}

static void test_forget_asks_anew(void **state)
{
    (void)state;
    static const struct exchange first[] = { HEAD_INDEX("1"), GET_INDEX("1") };
    static const struct exchange again[] = { HEAD_INDEX("1") };
    struct question question = { .done = 0 };
    struct world world;
    world_init(&world);
    world_open(&world);
    world_script(&world, first, COUNT_OF(first));
    ask(&world, &question, IMAGE("1"));
    run_for(&world, 0);
    registry_forget(world.registry);
    world_script(&world, again, COUNT_OF(again));
    ask(&world, &question, IMAGE("1"));
    run_for(&world, 0);
    assert_int_equal(question.done, 2);
    world_close(&world);
    question_release(&question);
}

/* At most three requests to one registry at once, whatever is asked; another is not held up. */
static void test_few_requests_at_once(void **state)
{
    (void)state;
    enum { IMAGES = 40 };
    struct question questions[IMAGES + 1];
    struct exchange rows[2 * IMAGES + 2];
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct world world;
    memset(questions, 0, sizeof(questions));
    for (size_t i = 0; i < IMAGES; i++) {
        rows[2 * i] = (struct exchange){ .request = arena_printf(&arena, "HEAD " AT("%zu"), i),
                                         .status = 404 };
        rows[2 * i + 1] = (struct exchange){ .request = arena_printf(&arena, "GET " AT("%zu"), i),
                                             .status = 404 };
    }
    rows[(size_t)2 * IMAGES] =
        (struct exchange){ .request = "HEAD https://other.example/v2/x/manifests/1",
                           .status = 404 };
    rows[2 * IMAGES + 1] =
        (struct exchange){ .request = "GET https://other.example/v2/x/manifests/1", .status = 404 };
    world_init(&world);
    world_open(&world);
    world_script(&world, rows, COUNT_OF(rows));
    for (int i = 0; i < IMAGES; i++) {
        ask(&world, &questions[i], arena_printf(&arena, IMAGE("%d"), i));
    }
    ask(&world, &questions[IMAGES], "other.example/x:1");
    world.holds_answers = true;
    run_for(&world, 0);
    assert_int_equal(world.flying_len, REGISTRY_HOST_IN_FLIGHT + 1);
    world.holds_answers = false;
    run_for(&world, 0);
    assert_int_equal(world.flying_peak, REGISTRY_HOST_IN_FLIGHT + 1);
    for (int i = 0; i <= IMAGES; i++) {
        assert_int_equal(questions[i].verdict, IMAGE_ABSENT);
        question_release(&questions[i]);
    }
    world_close(&world);
}

/* A 429 holds the whole registry for as long as it says; nothing is sent until then. */
static void test_a_throttled_registry_is_left_alone(void **state)
{
    (void)state;
    static const struct exchange first[] = {
        { .request = "HEAD " AT("1"), .status = 429, .retry_after_s = 90 },
    };
    static const struct exchange after[] = { HEAD_INDEX("2"), GET_INDEX("2") };
    struct question one = { .done = 0 }, two = { .done = 0 };
    struct world world;
    world_init(&world);
    world_open(&world);
    world_script(&world, first, COUNT_OF(first));
    ask(&world, &one, IMAGE("1"));
    run_for(&world, 0);
    assert_int_equal(one.verdict, IMAGE_THROTTLED);
    assert_non_null(strstr(one.text, "asked again in 1m 30s"));
    assert_int_equal(one.ask_again_ms, world.port.wall_ms(&world) + 90000);
    registry_forget(world.registry);
    world.now_ms = 1000 + 89999;
    ask(&world, &two, IMAGE("2"));
    run_for(&world, 0);
    assert_int_equal(two.verdict, IMAGE_THROTTLED);
    assert_int_equal(two.ask_again_ms, world.port.wall_ms(&world) + 1);
    world.now_ms = 1000 + 90000;
    world_script(&world, after, COUNT_OF(after));
    ask(&world, &two, IMAGE("2"));
    run_for(&world, 0);
    assert_int_equal(two.verdict, IMAGE_FOUND);
    world_close(&world);
    question_release(&one);
    question_release(&two);
}

/* Those that wait for their place when it comes are told, too. */
static void test_a_429_answers_the_queue(void **state)
{
    (void)state;
    enum { IMAGES = 20 };
    struct question questions[IMAGES];
    static const struct exchange rows[] = {
        { .request = "HEAD " AT("0"), .status = 429 },
        { .request = "HEAD " AT("1"), .status = 429 },
        { .request = "HEAD " AT("2"), .status = 429 },
    };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct world world;
    memset(questions, 0, sizeof(questions));
    world_init(&world);
    world_open(&world);
    world_script(&world, rows, COUNT_OF(rows));
    for (int i = 0; i < IMAGES; i++) {
        ask(&world, &questions[i], arena_printf(&arena, IMAGE("%d"), i));
    }
    run_for(&world, 0);
    for (int i = 0; i < IMAGES; i++) {
        assert_int_equal(questions[i].verdict, IMAGE_THROTTLED);
        question_release(&questions[i]);
    }
    world_close(&world);
}

#define LIMIT(left) "docker-content-digest: ${image}\nratelimit-remaining: " left ";w=21600\n"

/*
 * No pulls are left: HEAD, which is none, goes on, GET does not, until HEAD tells of new ones.
 * (container-registry.md 9.1)
 */
static void test_pulls_that_are_used_up(void **state)
{
    (void)state;
    static const struct exchange first[] = {
        { .request = "HEAD " AT("1"), .status = 200, .headers = LIMIT("0") },
    };
    static const struct exchange after[] = {
        { .request = "HEAD " AT("1"), .status = 200, .headers = LIMIT("7") },
        { .request = "GET " AT("1"), .status = 200, .headers = LIMIT("6"), .body = "@index" },
    };
    struct question question = { .done = 0 };
    struct world world;
    world_init(&world);
    world_open(&world);
    world_script(&world, first, COUNT_OF(first));
    ask(&world, &question, IMAGE("1"));
    run_for(&world, 0);
    assert_int_equal(question.verdict, IMAGE_THROTTLED);
    assert_non_null(strstr(question.text, "allows no more pulls at present"));
    assert_string_equal(question.digest, document_digest("image"));
    world.now_ms += world.config.fresh_ms;
    world_script(&world, after, COUNT_OF(after));
    ask(&world, &question, IMAGE("1"));
    run_for(&world, 0);
    assert_int_equal(question.verdict, IMAGE_FOUND);
    world_close(&world);
    question_release(&question);
}

/* A digest that is known needs no pull. */
static void test_used_up_pulls_do_not_hold_what_is_known(void **state)
{
    (void)state;
    static const struct exchange rows[] = {
        HEAD_INDEX("1"),
        GET_INDEX("1"),
        { .request = "HEAD " AT("2"),
          .status = 200,
          .headers = "docker-content-digest: ${index}\nratelimit-remaining: 0;w=60\n" },
    };
    struct question question = { .done = 0 };
    struct world world;
    world_init(&world);
    world_open(&world);
    world_script(&world, rows, COUNT_OF(rows));
    ask(&world, &question, IMAGE("1"));
    run_for(&world, 0);
    ask(&world, &question, IMAGE("2"));
    run_for(&world, 0);
    assert_int_equal(question.verdict, IMAGE_FOUND);
    world_close(&world);
    question_release(&question);
}

/* A server that always has another thing to say is not followed for ever. */
static void test_requests_of_a_question_are_counted(void **state)
{
    (void)state;
    static const struct exchange rows[] = {
        { .request = "HEAD " AT("1"), .status = 503 },
        { .request = "HEAD " AT("1"), .status = 503 },
        { .request = "HEAD " AT("1"), .status = 302, .headers = "location: /a\n" },
        { .request = "HEAD https://reg.example/a", .status = 302, .headers = "location: /b\n" },
        { .request = "HEAD https://reg.example/b", .status = 302, .headers = "location: /c\n" },
        { .request = "HEAD https://reg.example/c", .status = 302, .headers = "location: /d\n" },
        { .request = "HEAD https://reg.example/d", .status = 405 },
        { .request = "GET " AT("1"), .status = 302, .headers = "location: /a\n" },
        { .request = "GET https://reg.example/a", .status = 302, .headers = "location: /b\n" },
        { .request = "GET https://reg.example/b", .status = 302, .headers = "location: /c\n" },
        { .request = "GET https://reg.example/c", .status = 302, .headers = "location: /d\n" },
        { .request = "GET https://reg.example/d", .status = 302, .headers = "location: /e\n" },
    };
    struct question question = { .done = 0 };
    struct world world;
    world_init(&world);
    world_open(&world);
    assert_int_equal(COUNT_OF(rows), REGISTRY_REQUESTS_MAX);
    world_script(&world, rows, COUNT_OF(rows));
    ask(&world, &question, IMAGE("1"));
    world_run(&world, INT64_MAX - 1);
    assert_int_equal(question.verdict, IMAGE_UNREACHABLE);
    assert_non_null(strstr(question.text, "leads in circles"));
    world_close(&world);
    question_release(&question);
}

/* No more than so many images are remembered: the longest unasked is asked about anew. */
static void test_memory_has_an_end(void **state)
{
    (void)state;
    static const struct exchange anew[] = { { .request = "HEAD " AT("0"), .status = 406 } };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct question question = { .done = 0 };
    struct world world;
    world_init(&world);
    world_open(&world);
    for (int i = 0; i <= REGISTRY_IMAGES_MAX; i++) {
        struct exchange row = { .request = arena_printf(&arena, "HEAD " AT("%d"), i),
                                .status = 406 };
        world_script(&world, &row, 1);
        ask(&world, &question, arena_printf(&arena, IMAGE("%d"), i));
        run_for(&world, 0);
        question_release(&question);
        if (i % 100 == 0) arena_release(&arena);
        world_script(&world, NULL, 0);
    }
    ask(&world, &question, IMAGE("1")); /* still known: nothing is sent */
    run_for(&world, 0);
    world_script(&world, anew, COUNT_OF(anew));
    ask(&world, &question, IMAGE("0"));
    run_for(&world, 0);
    world_close(&world);
    question_release(&question);
}

/* Whether it is queued, in flight, waits for a helper or for a repeat: each ends once. */
static void test_giving_up(void **state)
{
    (void)state;
    enum { IMAGES = 8 };
    static const struct exchange rows[] = { { .request = "HEAD " AT("0"), .status = 503 } };
    struct question questions[IMAGES];
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct world world;
    memset(questions, 0, sizeof(questions));
    world_init(&world);
    world_open(&world);
    world_script(&world, rows, COUNT_OF(rows));
    ask(&world, &questions[0], IMAGE("0"));
    (void)registry_turn(world.registry);
    world_run(&world, world.now_ms); /* now it waits for its repeat */
    for (int i = 1; i < IMAGES; i++) {
        ask(&world, &questions[i], arena_printf(&arena, IMAGE("%d"), i));
    }
    world.holds_answers = true;
    run_for(&world, 0);
    registry_cancel_all(world.registry);
    world.holds_answers = false;
    run_for(&world, 0);
    for (int i = 0; i < IMAGES; i++) {
        assert_int_equal(questions[i].done, 1);
        assert_int_equal(questions[i].verdict, IMAGE_UNREACHABLE);
        assert_non_null(strstr(questions[i].text, "given up"));
        question_release(&questions[i]);
    }
    assert_int_equal(registry_pending(world.registry), 0);
    world_close(&world);
}

/* What was given up is not remembered. */
static void test_what_was_given_up_is_asked_again(void **state)
{
    (void)state;
    static const struct exchange rows[] = { HEAD_INDEX("1"), GET_INDEX("1") };
    struct question question = { .done = 0 };
    struct world world;
    world_init(&world);
    world_open(&world);
    ask(&world, &question, IMAGE("1"));
    registry_cancel_all(world.registry);
    run_for(&world, 0);
    assert_int_equal(question.done, 1);
    world_script(&world, rows, COUNT_OF(rows));
    ask(&world, &question, IMAGE("1"));
    run_for(&world, 0);
    assert_int_equal(question.verdict, IMAGE_FOUND);
    world_close(&world);
    question_release(&question);
}

static void ask_again(struct question *question)
{
    question->then = NULL;
    ask(question->ctx, question, IMAGE("1"));
}

/* Asking inside of `done` is answered in a later turn. */
static void test_asking_from_done(void **state)
{
    (void)state;
    static const struct exchange rows[] = { HEAD_INDEX("1"), GET_INDEX("1") };
    struct world world;
    struct question question = { .then = ask_again, .ctx = &world };
    world_init(&world);
    world_open(&world);
    world_script(&world, rows, COUNT_OF(rows));
    ask(&world, &question, IMAGE("1"));
    run_for(&world, 0);
    assert_int_equal(question.done, 2);
    world_close(&world);
    question_release(&question);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_question_for_one_image),
        cmocka_unit_test(test_what_makes_a_question_another),
        cmocka_unit_test(test_answers_stand_for_their_time),
        cmocka_unit_test(test_forget_asks_anew),
        cmocka_unit_test(test_few_requests_at_once),
        cmocka_unit_test(test_a_throttled_registry_is_left_alone),
        cmocka_unit_test(test_a_429_answers_the_queue),
        cmocka_unit_test(test_pulls_that_are_used_up),
        cmocka_unit_test(test_used_up_pulls_do_not_hold_what_is_known),
        cmocka_unit_test(test_requests_of_a_question_are_counted),
        cmocka_unit_test(test_memory_has_an_end),
        cmocka_unit_test(test_giving_up),
        cmocka_unit_test(test_what_was_given_up_is_asked_again),
        cmocka_unit_test(test_asking_from_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

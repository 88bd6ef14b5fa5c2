/* The loop: when turns come, when they do not, and that the end leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop.h"
#include "loopback.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define HI "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

enum { GUARD_MS = 20000, TURNS_MAX = 64 };

struct story {
    struct loop *loop;
    uv_timer_t guard;
    unsigned turns;
    unsigned signals; /* all that came */
    int64_t turn_ms[TURNS_MAX];
    void (*on_turn)(struct story *story); /* NULL: nothing */
    unsigned done;
    unsigned turns_when_done;
    struct http_call call;
    struct loopback *server; /* NULL: none */
};

static void turn(void *ctx, unsigned signals)
{
    struct story *story = ctx;
    const struct port *port = loop_port(story->loop);
    if (story->turns < TURNS_MAX) story->turn_ms[story->turns] = port->now_ms(port->ctx);
    story->turns++;
    story->signals |= signals;
    if (story->on_turn != NULL) story->on_turn(story);
}

static void stop(struct story *story)
{
    if (story->server != NULL) loopback_close(story->server);
    story->server = NULL;
    loop_stop(story->loop);
}

static void on_guard(uv_timer_t *timer)
{
    stop(timer->data);
}

static void story_open(struct story *story, void (*on_turn)(struct story *story))
{
    const struct http_config config = { .user_agent = "test", .connections_max = 4 };
    struct err err;
    *story = (struct story){ .on_turn = on_turn };
    assert_true(loop_create(&config, turn, story, &story->loop, &err));
}

/* Runs until a turn stops it, or for `limit_ms`; no handle may be left. */
static void story_run(struct story *story, unsigned limit_ms)
{
    (void)uv_timer_init(loop_uv(story->loop), &story->guard);
    story->guard.data = story;
    uv_update_time(loop_uv(story->loop));
    (void)uv_timer_start(&story->guard, on_guard, limit_ms, 0);
    uv_unref((uv_handle_t *)&story->guard);
    loop_run(story->loop);
    bool in_time = uv_is_active((uv_handle_t *)&story->guard) != 0;
    uv_close((uv_handle_t *)&story->guard, NULL);
    (void)uv_run(loop_uv(story->loop), UV_RUN_NOWAIT);
    loop_destroy(story->loop);
    if (limit_ms == GUARD_MS) assert_true(in_time);
}

static void test_an_idle_loop_sleeps(void **state)
{
    struct story story;
    (void)state;
    story_open(&story, NULL);
    story_run(&story, 300);
    assert_in_range(story.turns, 1, 4); /* at the start, and around the stop */
    for (unsigned i = 1; i < story.turns; i++) {
        int64_t since_ms = story.turn_ms[i] - story.turn_ms[0];
        assert_true(since_ms < 100 || since_ms >= 290); /* none in between */
    }
}

/* wake_at */

static void wake_thrice(struct story *story)
{
    const struct port *port = loop_port(story->loop);
    int64_t now_ms = port->now_ms(port->ctx);
    if (story->turns == 4) {
        loop_stop(story->loop);
    } else if (story->turns < 4) {
        port->wake_at(port->ctx, now_ms + 1000000); /* only the last word counts */
        port->wake_at(port->ctx, now_ms + 30);
    }
}

static void test_it_wakes_when_asked_and_not_before(void **state)
{
    struct story story;
    (void)state;
    story_open(&story, wake_thrice);
    story_run(&story, GUARD_MS);
    for (unsigned i = 1; i < 4; i++) {
        assert_true(story.turn_ms[i] - story.turn_ms[i - 1] >= 30);
        assert_true(story.turn_ms[i] - story.turn_ms[i - 1] < 5000);
    }
}

static void wake_in_the_past(struct story *story)
{
    const struct port *port = loop_port(story->loop);
    if (story->turns == 5) loop_stop(story->loop);
    port->wake_at(port->ctx, port->now_ms(port->ctx) - 1000);
}

static void test_a_time_that_is_past_is_now(void **state)
{
    struct story story;
    (void)state;
    story_open(&story, wake_in_the_past);
    story_run(&story, GUARD_MS);
    assert_true(story.turn_ms[4] - story.turn_ms[0] < 5000);
}

static void wake_then_not(struct story *story)
{
    const struct port *port = loop_port(story->loop);
    if (story->turns > 1) return;
    port->wake_at(port->ctx, port->now_ms(port->ctx) + 10);
    port->wake_at(port->ctx, INT64_MAX);
}

static void test_a_wake_can_be_taken_back(void **state)
{
    struct story story;
    (void)state;
    story_open(&story, wake_then_not);
    story_run(&story, 200);
    for (unsigned i = 1; i < story.turns; i++) {
        assert_true(story.turn_ms[i] - story.turn_ms[0] >= 190);
    }
}

static void wake_again(struct story *story)
{
    if (story->turns == 10) {
        loop_stop(story->loop);
    } else {
        loop_wake(story->loop);
    }
}

static void test_a_turn_can_ask_for_the_next(void **state)
{
    struct story story;
    (void)state;
    story_open(&story, wake_again);
    story_run(&story, GUARD_MS);
    assert_true(story.turns >= 10);
}

/* Signals */

static void raise_then_stop(struct story *story)
{
    if (story->turns == 1) {
        (void)raise(SIGHUP);
        (void)raise(SIGUSR1);
        (void)raise(SIGPIPE);
    } else if ((story->signals & LOOP_REREAD) != 0 && (story->signals & LOOP_RECONCILE) != 0 &&
               (story->signals & LOOP_STOP) == 0) {
        (void)raise(SIGTERM);
    } else if ((story->signals & LOOP_STOP) != 0) {
        loop_stop(story->loop);
        loop_stop(story->loop); /* twice is once */
    }
}

static void test_signals_reach_a_turn(void **state)
{
    struct story story;
    (void)state;
    story_open(&story, raise_then_stop);
    story_run(&story, GUARD_MS);
    assert_int_equal(story.signals, LOOP_STOP | LOOP_REREAD | LOOP_RECONCILE);
}

/* Calls */

static void on_done(struct http_call *call)
{
    struct story *story = call->ctx;
    story->done++;
    story->turns_when_done = story->turns;
}

static void send_call(struct story *story, char *url, size_t size)
{
    const struct port *port = loop_port(story->loop);
    (void)snprintf(url, size, "http://127.0.0.1:%d/", loopback_port(story->server));
    story->call = (struct http_call){
        .method = "GET",
        .url = url,
        .reply_max = 100,
        .connect_timeout_ms = 5000,
        .stall_timeout_ms = 10000,
        .timeout_ms = 20000,
        .done = on_done,
        .ctx = story,
    };
    port->http_send(port->ctx, &story->call);
}

static void stop_when_done(struct story *story)
{
    if (story->done > 0) stop(story);
}

static void test_an_answer_brings_a_turn(void **state)
{
    const struct loopback_reply script = { .bytes = HI };
    struct story story;
    char url[64];
    (void)state;
    story_open(&story, stop_when_done);
    story.server = loopback_open(loop_uv(story.loop), &script, 1);
    send_call(&story, url, sizeof(url));
    story_run(&story, GUARD_MS);
    assert_int_equal(story.done, 1);
    assert_true(story.call.answered);
    assert_string_equal(buf_text(&story.call.reply), "hi");
    assert_true(story.turns > story.turns_when_done);
    buf_release(&story.call.reply);
}

static void test_a_kept_connection_wakes_nobody(void **state)
{
    const struct loopback_reply script = { .bytes = HI };
    struct story story;
    char url[64];
    (void)state;
    story_open(&story, NULL);
    story.server = loopback_open(loop_uv(story.loop), &script, 1);
    send_call(&story, url, sizeof(url));
    story_run(&story, 400);
    assert_true(story.call.answered);
    assert_in_range(story.turns, 2, TURNS_MAX);
    for (unsigned i = 1; i < story.turns; i++) {
        int64_t since_ms = story.turn_ms[i] - story.turn_ms[0];
        assert_true(since_ms < 200 || since_ms >= 390); /* none in between */
    }
    buf_release(&story.call.reply);
}

static void stop_when_asked(struct story *story)
{
    if (story->server == NULL || loopback_requests(story->server) == 0) return;
    assert_int_equal(story->done, 0);
    stop(story);
    assert_int_equal(story->done, 0); /* never from inside */
}

static void test_stopping_ends_calls_and_a_turn_sees_it(void **state)
{
    const struct loopback_reply script = { .bytes = NULL };
    struct story story;
    char url[64];
    (void)state;
    story_open(&story, stop_when_asked);
    story.server = loopback_open(loop_uv(story.loop), &script, 1);
    send_call(&story, url, sizeof(url));
    story_run(&story, GUARD_MS);
    assert_int_equal(story.done, 1);
    assert_int_equal(story.call.err.code, ERR_CANCELLED);
    assert_true(story.turns > story.turns_when_done);
}

/* The rest */

static void test_random_numbers_differ_between_loops(void **state)
{
    uint64_t first[2];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        struct story story;
        story_open(&story, NULL);
        const struct port *port = loop_port(story.loop);
        first[i] = port->random(port->ctx);
        assert_true(port->random(port->ctx) != first[i]);
        assert_true(port->wall_ms(port->ctx) > INT64_C(1600000000000));
        loop_destroy(story.loop); /* it never ran */
    }
    assert_true(first[0] != first[1]);
}

/* In a process of its own, since the end of this one is the point. */
static int end_with_a_handle_left_open(void)
{
    int status = 0;
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct story story;
        uv_timer_t forgotten;
        (void)signal(SIGABRT, SIG_DFL); /* cmocka's own would carry on */
        (void)close(STDERR_FILENO);
        story_open(&story, NULL);
        (void)uv_timer_init(loop_uv(story.loop), &forgotten);
        (void)uv_timer_start(&forgotten, NULL, 1000000, 0);
        loop_stop(story.loop);
        loop_run(story.loop); /* comes back although a handle is active */
        loop_destroy(story.loop);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_a_handle_left_open_is_a_bug(void **state)
{
    (void)state;
    int status = end_with_a_handle_left_open();
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_idle_loop_sleeps),
        cmocka_unit_test(test_it_wakes_when_asked_and_not_before),
        cmocka_unit_test(test_a_time_that_is_past_is_now),
        cmocka_unit_test(test_a_wake_can_be_taken_back),
        cmocka_unit_test(test_a_turn_can_ask_for_the_next),
        cmocka_unit_test(test_signals_reach_a_turn),
        cmocka_unit_test(test_an_answer_brings_a_turn),
        cmocka_unit_test(test_a_kept_connection_wakes_nobody),
        cmocka_unit_test(test_stopping_ends_calls_and_a_turn_sees_it),
        cmocka_unit_test(test_random_numbers_differ_between_loops),
        cmocka_unit_test(test_a_handle_left_open_is_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

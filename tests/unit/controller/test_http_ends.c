/* Calls that are given up, and the client that is closed under them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_world.h"

/* Given up */

static void run_until_asked(struct world *world, unsigned requests)
{
    while (loopback_requests(world->server) < requests) {
        (void)uv_run(&world->loop, UV_RUN_ONCE);
    }
}

static void test_a_call_in_flight_is_cancelled(void **state)
{
    const struct loopback_reply script = { .bytes = NULL };
    struct world world;
    (void)state;
    world_open(&world, &script, 1);
    struct probe probe = probe_of(&world, "GET");
    struct probe early = probe_of(&world, "GET");
    probe_send(&probe);
    run_until_asked(&world, 1);
    http_cancel(world.http, &probe.call);
    http_cancel(world.http, &probe.call);
    assert_int_equal(probe.done, 0); /* never from inside */
    probe_send(&early);
    http_cancel(world.http, &early.call); /* before it could begin */
    await_done(&probe);
    await_done(&early);
    assert_failed(&probe, ERR_CANCELLED);
    assert_failed(&early, ERR_CANCELLED);
    http_cancel(world.http, &probe.call); /* over: nothing happens */
    world_close(&world);
    assert_int_equal(probe.done, 1);
}

static void cancel_other(struct probe *probe)
{
    http_cancel(probe->world->http, &probe->other->call);
}

static void test_an_answer_can_cancel_another_call(void **state)
{
    static const struct loopback_reply script[] = { { .bytes = NULL }, { .bytes = OK_REPLY } };
    struct world world;
    (void)state;
    world_open(&world, script, COUNT_OF(script));
    struct probe silent = probe_of(&world, "GET");
    struct probe quick = probe_of(&world, "GET");
    quick.then = cancel_other;
    quick.other = &silent;
    probe_send(&silent);
    run_until_asked(&world, 1);
    probe_run(&quick);
    await_done(&silent);
    assert_true(quick.call.answered);
    assert_failed(&silent, ERR_CANCELLED);
    buf_release(&quick.call.reply);
    world_close(&world);
}

static void send_other(struct probe *probe)
{
    probe_send(probe->other);
}

static void test_an_answer_can_send_another_call(void **state)
{
    const struct loopback_reply script = { .bytes = OK_REPLY };
    struct world world;
    (void)state;
    world_open(&world, &script, 1);
    struct probe first = probe_of(&world, "GET");
    struct probe second = probe_of(&world, "GET");
    struct probe bad = probe_of(&world, "GET");
    bad.call.url = "http://example.com/";
    first.then = send_other;
    first.other = &bad;
    bad.then = send_other;
    bad.other = &second;
    probe_send(&first);
    await_done(&second);
    assert_true(second.call.answered);
    assert_failed(&bad, ERR_USAGE);
    buf_release(&first.call.reply);
    buf_release(&second.call.reply);
    world_close(&world);
}

static void test_closing_ends_every_call(void **state)
{
    const struct loopback_reply script = { .bytes = NULL };
    struct world world;
    (void)state;
    world_open(&world, &script, 1);
    struct probe probes[8]; /* more than connections_max: some wait for a place */
    struct probe late = probe_of(&world, "GET");
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        probes[i] = probe_of(&world, i % 2 == 0 ? "GET" : "POST");
        probe_send(&probes[i]);
    }
    probes[3].then = send_other; /* from `done`, while all is closing */
    probes[3].other = &late;
    run_until_asked(&world, 4);
    world_close(&world);
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        assert_int_equal(probes[i].done, 1);
        assert_failed(&probes[i], ERR_CANCELLED);
    }
    assert_int_equal(late.done, 1);
    assert_failed(&late, ERR_CANCELLED);
}

/* The server closes first, so that idle connections are dead when the end comes. */
static void test_closing_with_idle_connections(void **state)
{
    const struct loopback_reply script = { .bytes = OK_REPLY };
    struct world world;
    (void)state;
    world_open(&world, &script, 1);
    struct probe probe = probe_of(&world, "GET");
    probe_run(&probe);
    buf_release(&probe.call.reply);
    loopback_close(world.server);
    world.server = NULL;
    (void)uv_run(&world.loop, UV_RUN_NOWAIT);
    world_close(&world);
}

static void test_more_calls_than_connections_all_end(void **state)
{
    const struct loopback_reply script = { .bytes = OK_REPLY };
    struct probe probes[40];
    struct world world;
    (void)state;
    world_open(&world, &script, 1);
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        probes[i] = probe_of(&world, i % 3 == 0 ? "POST" : "GET");
        probe_send(&probes[i]);
    }
    for (size_t i = 0; i < COUNT_OF(probes); i++) {
        await_done(&probes[i]);
        assert_true(probes[i].call.answered);
        buf_release(&probes[i].call.reply);
    }
    assert_int_equal(loopback_requests(world.server), COUNT_OF(probes));
    world_close(&world);
}

static void test_a_missing_ca_file_is_said_at_once(void **state)
{
    const struct http_config config = { .user_agent = "t", .ca_file = "/nonexistent/ca.pem" };
    struct http *http = NULL;
    struct err err;
    uv_loop_t loop;
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_false(http_create(&loop, &config, &http, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.text, "/nonexistent/ca.pem"));
    assert_null(http);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call_in_flight_is_cancelled),
        cmocka_unit_test(test_an_answer_can_cancel_another_call),
        cmocka_unit_test(test_an_answer_can_send_another_call),
        cmocka_unit_test(test_closing_ends_every_call),
        cmocka_unit_test(test_closing_with_idle_connections),
        cmocka_unit_test(test_more_calls_than_connections_all_end),
        cmocka_unit_test(test_a_missing_ca_file_is_said_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_world.h"

#include <stdio.h>

static void on_guard(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("the test hangs");
}

static void on_http_closed(void *ctx)
{
    struct world *world = ctx;
    world->closed = true;
}

void world_open(struct world *world, const struct loopback_reply *script, size_t len)
{
    const struct http_config config = { .user_agent = "clusterkeeper/test", .connections_max = 4 };
    struct err err;
    *world = (struct world){ 0 };
    assert_int_equal(uv_loop_init(&world->loop), 0);
    (void)uv_timer_init(&world->loop, &world->guard);
    (void)uv_timer_start(&world->guard, on_guard, GUARD_MS, 0);
    world->server = loopback_open(&world->loop, script, len);
    (void)snprintf(world->url, sizeof(world->url), "http://127.0.0.1:%d/api",
                   loopback_port(world->server));
    assert_true(http_create(&world->loop, &config, &world->http, &err));
}

void world_close(struct world *world)
{
    if (!world->closed) http_close(world->http, on_http_closed, world);
    if (world->server != NULL) loopback_close(world->server);
    uv_close((uv_handle_t *)&world->guard, NULL);
    while (uv_run(&world->loop, UV_RUN_DEFAULT) != 0) {
        /* calls that end stop it */
    }
    assert_true(world->closed);
    assert_int_equal(uv_loop_close(&world->loop), 0);
}

static void on_done(struct http_call *call)
{
    struct probe *probe = call->ctx;
    probe->done++;
    uv_stop(&probe->world->loop); /* uv_run may be about to sleep */
    if (probe->then != NULL) probe->then(probe);
}

struct probe probe_of(struct world *world, const char *method)
{
    return (struct probe){
        .world = world,
        .call = { .method = method,
                  .url = world->url,
                  .reply_max = REPLY_MAX,
                  .connect_timeout_ms = 5000,
                  .stall_timeout_ms = 10000,
                  .timeout_ms = 20000,
                  .done = on_done },
    };
}

void probe_send(struct probe *probe)
{
    probe->call.ctx = probe;
    http_send(probe->world->http, &probe->call);
    assert_int_equal(probe->done, 0); /* never from inside */
}

void await_done(struct probe *probe)
{
    while (probe->done == 0) {
        (void)uv_run(&probe->world->loop, UV_RUN_ONCE);
    }
    assert_int_equal(probe->done, 1);
    assert_null(probe->call.impl);
}

void probe_run(struct probe *probe)
{
    probe_send(probe);
    await_done(probe);
}

void assert_failed(const struct probe *probe, enum err_code code)
{
    assert_false(probe->call.answered);
    assert_string_equal(err_code_name(probe->call.err.code), err_code_name(code));
    assert_null(probe->call.reply.data);
}

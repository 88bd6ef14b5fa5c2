/*
 * One round of the loop: timers and sockets note what happened; then, in the prepare handle, just
 * before the loop would sleep, one turn. Whatever wakes the loop is therefore followed by a turn,
 * and nothing else causes one.
 *
 * The end: loop_stop ─▶ programs_close ─▶ http_close (calls end, turns go on) ─▶ own handles close
 * ─▶ loop_run returns ─▶ loop_destroy counts what others left open.
 */
#include "loop.h"

#include "clock.h"
#include "loop_program.h"
#include "mem.h"
#include "prng.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>

enum { CLOSING_ROUNDS_MAX = 16 }; /* for handles of others whose close is under way */

static const struct signal_row {
    int number;
    unsigned flag;
} signal_rows[] = {
    { SIGTERM, LOOP_STOP },
    { SIGINT, LOOP_STOP },
    { SIGHUP, LOOP_REREAD },
    { SIGUSR1, LOOP_RECONCILE },
};

enum { SIGNAL_COUNT = COUNT_OF(signal_rows) };

struct loop {
    uv_loop_t uv;
    uv_prepare_t prepare;
    uv_idle_t awake;  /* active: the loop does not sleep before the next turn */
    uv_timer_t timer; /* the port's wake_at */
    uv_signal_t signals[SIGNAL_COUNT];
    unsigned handles_open;
    struct http *http; /* NULL: closed */
    struct programs *programs;
    struct port port;
    struct prng prng;
    unsigned signals_seen;
    bool in_turn;
    bool stopping;
    void (*turn)(void *ctx, unsigned signals);
    void *ctx;
};

/* The port */

/* The loop's own time, read once a round: whatever is decided in a turn has one "now". */
static int64_t loop_now_ms(void *ctx)
{
    const struct loop *loop = ctx;
    return (int64_t)uv_now(&loop->uv);
}

static int64_t loop_wall_ms(void *ctx)
{
    (void)ctx;
    return clock_wall_ms();
}

static uint64_t loop_random(void *ctx)
{
    struct loop *loop = ctx;
    return prng_next(&loop->prng);
}

/* Nothing to do: that the loop woke is what brings the turn. */
static void on_timer(uv_timer_t *timer)
{
    (void)timer;
}

static void loop_wake_at(void *ctx, int64_t at_ms)
{
    struct loop *loop = ctx;
    if (loop->http == NULL) return; /* closing: there is no turn to come */
    if (at_ms == INT64_MAX) {
        (void)uv_timer_stop(&loop->timer);
        return;
    }
    int64_t now_ms = loop_now_ms(loop);
    uint64_t wait_ms = at_ms > now_ms ? (uint64_t)(at_ms - now_ms) : 0;
    (void)uv_timer_start(&loop->timer, on_timer, wait_ms, 0);
}

static void loop_http_send(void *ctx, struct http_call *call)
{
    struct loop *loop = ctx;
    assert(loop->http != NULL);
    http_send(loop->http, call);
}

static void loop_http_cancel(void *ctx, struct http_call *call)
{
    struct loop *loop = ctx;
    if (loop->http != NULL) http_cancel(loop->http, call);
}

static void loop_run_program(void *ctx, struct program_call *call)
{
    struct loop *loop = ctx;
    programs_run(loop->programs, call);
}

/* Turns */

static void on_awake(uv_idle_t *awake)
{
    (void)awake;
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct loop *loop = prepare->data;
    assert(!loop->in_turn); /* a turn must not run the loop */
    (void)uv_idle_stop(&loop->awake);
    unsigned signals = loop->signals_seen;
    loop->signals_seen = 0;
    uv_update_time(&loop->uv);
    loop->in_turn = true;
    loop->turn(loop->ctx, signals);
    loop->in_turn = false;
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct loop *loop = handle->data;
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        if (signal_rows[i].number == number) loop->signals_seen |= signal_rows[i].flag;
    }
}

/* Life */

static bool seed_random(struct loop *loop, struct err *err)
{
    uint64_t seed = 0;
    int result = uv_random(NULL, NULL, &seed, sizeof(seed), 0, NULL);
    if (result != 0) {
        return err_set(err, ERR_IO, "no random numbers from the kernel: %s", uv_strerror(result));
    }
    prng_init(&loop->prng, seed);
    return true;
}

/* Handles whose start cannot fail, but for signals, which were never asked for twice. */
static void start_handles(struct loop *loop)
{
    (void)uv_prepare_init(&loop->uv, &loop->prepare);
    (void)uv_idle_init(&loop->uv, &loop->awake);
    (void)uv_timer_init(&loop->uv, &loop->timer);
    loop->prepare.data = loop;
    loop->awake.data = loop;
    loop->timer.data = loop;
    loop->handles_open = 3 + SIGNAL_COUNT;
    (void)uv_prepare_start(&loop->prepare, on_prepare);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        (void)uv_signal_init(&loop->uv, &loop->signals[i]);
        loop->signals[i].data = loop;
        int result = uv_signal_start(&loop->signals[i], on_signal, signal_rows[i].number);
        assert(result == 0);
    }
    /* A peer that hangs up is an error of the write, not the end of the process. */
    const struct sigaction ignore = { .sa_handler = SIG_IGN };
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

bool loop_create(const struct http_config *http_config, void (*turn)(void *ctx, unsigned signals),
                 void *ctx, struct loop **ret_loop, struct err *err)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));
    int result = uv_loop_init(&loop->uv);
    if (result != 0) {
        xfree(loop);
        return err_set(err, ERR_IO,
                       "the event loop cannot be made: %s; check the limit of open files",
                       uv_strerror(result));
    }
    if (!seed_random(loop, err) || !http_create(&loop->uv, http_config, &loop->http, err)) {
        result = uv_loop_close(&loop->uv);
        assert(result == 0);
        xfree(loop);
        return false;
    }
    loop->turn = turn;
    loop->ctx = ctx;
    loop->port = (struct port){
        .ctx = loop,
        .now_ms = loop_now_ms,
        .wall_ms = loop_wall_ms,
        .random = loop_random,
        .wake_at = loop_wake_at,
        .http_send = loop_http_send,
        .http_cancel = loop_http_cancel,
        .run = loop_run_program,
    };
    loop->programs = programs_create(&loop->uv);
    start_handles(loop);
    *ret_loop = loop;
    return true;
}

const struct port *loop_port(struct loop *loop)
{
    return &loop->port;
}

uv_loop_t *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

void loop_wake(struct loop *loop)
{
    if (loop->http != NULL) (void)uv_idle_start(&loop->awake, on_awake);
}

/* Stopping */

static void on_closed(uv_handle_t *handle)
{
    struct loop *loop = handle->data;
    loop->handles_open--;
    /* Not for as long as there is any handle: one that somebody forgot must not hold us here. */
    if (loop->handles_open == 0) uv_stop(&loop->uv);
}

static void on_http_closed(void *ctx)
{
    struct loop *loop = ctx;
    loop->http = NULL;
    uv_close((uv_handle_t *)&loop->prepare, on_closed);
    uv_close((uv_handle_t *)&loop->awake, on_closed);
    uv_close((uv_handle_t *)&loop->timer, on_closed);
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        uv_close((uv_handle_t *)&loop->signals[i], on_closed);
    }
}

static void on_programs_closed(void *ctx)
{
    struct loop *loop = ctx;
    http_close(loop->http, on_http_closed, loop);
}

void loop_stop(struct loop *loop)
{
    if (loop->stopping) return;
    loop->stopping = true;
    programs_close(loop->programs, on_programs_closed, loop);
}

void loop_run(struct loop *loop)
{
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    assert(loop->handles_open == 0);
    for (int i = 0; i < CLOSING_ROUNDS_MAX && uv_loop_alive(&loop->uv) != 0; i++) {
        (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
    }
}

static void name_left_open(uv_handle_t *handle, void *ctx)
{
    unsigned *left = ctx;
    (*left)++;
    (void)fprintf(stderr, "clusterkeeper: a %s handle was left open%s\n",
                  uv_handle_type_name(uv_handle_get_type(handle)),
                  uv_is_active(handle) != 0 ? " and active" : "");
}

void loop_destroy(struct loop *loop)
{
    unsigned left = 0;
    if (loop == NULL) return;
    if (loop->handles_open > 0) { /* it never ran, or was not stopped */
        loop_stop(loop);
        loop_run(loop);
    }
    uv_walk(&loop->uv, name_left_open, &left);
    assert(left == 0);
    programs_destroy(loop->programs);
    int result = uv_loop_close(&loop->uv);
    assert(result == 0);
    xfree(loop);
}

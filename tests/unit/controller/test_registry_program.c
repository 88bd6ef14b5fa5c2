/* Programs of the loop: credential helpers that answer, fail, hang, say too much or are not there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop.h"
#include "secrets.h"

#include <fcntl.h>
#include <unistd.h>

enum { OUTPUT_MAX = 1000, LONG_MS = 60000, CALLS_MAX = 4 };

struct story {
    struct loop *loop;
    struct program_call calls[CALLS_MAX];
    size_t calls_len, done;
    bool is_begun, in_run, stops_at_once, runs_more;
    unsigned turns_after; /* that came after the last end */
};

static void on_done(struct program_call *call)
{
    struct story *story = call->ctx;
    assert_false(story->in_run);
    assert_null(call->impl);
    story->done++;
    story->turns_after = 0;
    if (story->done == story->calls_len) loop_wake(story->loop);
}

static void run_all(struct story *story)
{
    const struct port *port = loop_port(story->loop);
    story->in_run = true;
    for (size_t i = 0; i < story->calls_len; i++) {
        port->run(port->ctx, &story->calls[i]);
    }
    story->in_run = false;
}

static void turn(void *ctx, unsigned signals)
{
    struct story *story = ctx;
    (void)signals;
    story->turns_after++;
    if (!story->is_begun) {
        story->is_begun = true;
        run_all(story);
        if (story->stops_at_once) loop_stop(story->loop);
    }
    if (story->done == story->calls_len) loop_stop(story->loop);
}

/* Adds `argv` to what is run at once. */
static struct program_call *story_add(struct story *story, const char *const *argv,
                                      const char *input)
{
    struct program_call *call = &story->calls[story->calls_len++];
    *call = (struct program_call){ .argv = argv,
                                   .input = input,
                                   .output_max = OUTPUT_MAX,
                                   .timeout_ms = LONG_MS,
                                   .done = on_done,
                                   .ctx = story };
    return call;
}

static void story_run(struct story *story)
{
    const struct http_config config = { .user_agent = "test", .connections_max = 4 };
    struct err err;
    assert_true(loop_create(&config, turn, story, &story->loop, &err));
    loop_wake(story->loop);
    loop_run(story->loop);
    loop_destroy(story->loop);
    assert_int_equal(story->done, story->calls_len);
}

static void release(struct story *story)
{
    for (size_t i = 0; i < story->calls_len; i++) {
        buf_wipe(&story->calls[i].output);
    }
}

static void test_input_goes_in_and_output_comes_out(void **state)
{
    (void)state;
    static const char *const argv[] = { "sh", "-c", "read -r line; echo \"got $line\"; exit 3",
                                        NULL };
    struct story story = { .done = 0 };
    const struct program_call *call = story_add(&story, argv, "https://index.docker.io/v1/\n");
    story_run(&story);
    assert_true(call->ended);
    assert_int_equal(call->status, 3);
    assert_string_equal(buf_text(&call->output), "got https://index.docker.io/v1/\n");
    release(&story);
}

/* No shell stands between: what looks like one of its words is one argument. */
static void test_there_is_no_shell(void **state)
{
    (void)state;
    static const char *const argv[] = { "printf", "%s", "$HOME; `id` | x", NULL };
    struct story story = { .done = 0 };
    const struct program_call *call = story_add(&story, argv, NULL);
    story_run(&story);
    assert_true(call->ended);
    assert_string_equal(buf_text(&call->output), "$HOME; `id` | x");
    release(&story);
}

static void test_several_at_once(void **state)
{
    (void)state;
    static const char *const argv[] = { "cat", NULL };
    struct story story = { .done = 0 };
    static const char *const inputs[CALLS_MAX] = { "a", "b", "c", "" };
    for (size_t i = 0; i < CALLS_MAX; i++) {
        (void)story_add(&story, argv, inputs[i]);
    }
    story_run(&story);
    for (size_t i = 0; i < CALLS_MAX; i++) {
        assert_true(story.calls[i].ended);
        assert_string_equal(buf_text(&story.calls[i].output), inputs[i]);
    }
    release(&story);
}

/* One that does not read what it is told may still answer; standard error is not ours. */
static void test_input_that_nobody_reads(void **state)
{
    (void)state;
    static const char *const argv[] = { "sh", "-c", "exec 0<&-; echo out; echo err >&2", NULL };
    static char input[256 * 1024];
    struct story story = { .done = 0 };
    memset(input, 'x', sizeof(input) - 1);
    const struct program_call *call = story_add(&story, argv, input);
    story_run(&story);
    assert_true(call->ended);
    assert_int_equal(call->status, 0);
    assert_string_equal(buf_text(&call->output), "out\n");
    release(&story);
}

static void test_a_program_that_is_not_there(void **state)
{
    (void)state;
    static const char *const argv[] = { "docker-credential-of-nobody", "get", NULL };
    struct story story = { .done = 0 };
    const struct program_call *call = story_add(&story, argv, "x");
    story_run(&story);
    assert_false(call->ended);
    assert_int_equal(call->err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(call->err.text, "docker-credential-of-nobody"));
    release(&story);
}

static void test_a_program_that_may_not_be_run(void **state)
{
    (void)state;
    static const char *const argv[] = { "/etc/passwd", NULL };
    struct story story = { .done = 0 };
    const struct program_call *call = story_add(&story, argv, "x");
    story_run(&story);
    assert_false(call->ended);
    assert_int_equal(call->err.code, ERR_IO);
    release(&story);
}

static void test_a_program_that_ends_by_a_signal(void **state)
{
    (void)state;
    static const char *const argv[] = { "sh", "-c", "echo secret; kill -9 $$", NULL };
    struct story story = { .done = 0 };
    const struct program_call *call = story_add(&story, argv, NULL);
    story_run(&story);
    assert_false(call->ended);
    assert_int_equal(call->err.code, ERR_IO);
    assert_non_null(strstr(call->err.text, "signal 9"));
    assert_int_equal(call->output.len, 0);
    release(&story);
}

/* One byte under, and one past the limit. */
static void test_output_is_limited(void **state)
{
    (void)state;
    static const char *const at[] = { "sh", "-c", "printf %1000s x", NULL };
    static const char *const past[] = { "sh", "-c", "printf %1001s x; exec tail -f /dev/null",
                                        NULL };
    struct story story = { .done = 0 };
    const struct program_call *good = story_add(&story, at, NULL);
    const struct program_call *bad = story_add(&story, past, NULL);
    story_run(&story);
    assert_true(good->ended);
    assert_int_equal(good->output.len, OUTPUT_MAX);
    assert_false(bad->ended);
    assert_int_equal(bad->err.code, ERR_LIMIT);
    assert_int_equal(bad->output.len, 0);
    release(&story);
}

/* What hangs is killed, with what it started; the group is gone. */
static void test_time_is_limited(void **state)
{
    (void)state;
    static const char *const argv[] = {
        "sh", "-c", "trap '' TERM INT; tail -f /dev/null & exec tail -f /dev/null", NULL
    };
    struct story story = { .done = 0 };
    struct program_call *call = story_add(&story, argv, NULL);
    call->timeout_ms = 100;
    story_run(&story);
    assert_false(call->ended);
    assert_int_equal(call->err.code, ERR_TIMEOUT);
    assert_non_null(strstr(call->err.text, "100 ms"));
    release(&story);
}

/*
 * It ended, and what it left behind holds the pipe: that is not waited for longer than allowed. The
 * child reads from us, so that it ends with the test.
 */
static void test_a_child_that_holds_the_pipe(void **state)
{
    (void)state;
    enum { CHILDS_INPUT = 9 };
    static const char *const argv[] = { "sh", "-c", "cat <&9 & exit 0", NULL };
    struct story story = { .done = 0 };
    struct program_call *call = story_add(&story, argv, NULL);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETFD, FD_CLOEXEC), 0);
    assert_int_equal(dup2(ends[0], CHILDS_INPUT), CHILDS_INPUT);
    call->timeout_ms = 100;
    story_run(&story);
    assert_false(call->ended);
    assert_int_equal(call->err.code, ERR_TIMEOUT);
    (void)close(ends[0]);
    (void)close(ends[1]);
    (void)close(CHILDS_INPUT);
    release(&story);
}

/* The loop's end does not wait for programs, and a turn comes after the last of them. */
static void test_the_end_of_the_loop(void **state)
{
    (void)state;
    static const char *const hangs[] = { "tail", "-f", "/dev/null", NULL };
    static const char *const missing[] = { "docker-credential-of-nobody", NULL };
    struct story story = { .stops_at_once = true };
    const struct program_call *call = story_add(&story, hangs, NULL);
    const struct program_call *gone = story_add(&story, missing, NULL);
    story_run(&story);
    assert_false(call->ended);
    assert_int_equal(call->err.code, ERR_CANCELLED);
    assert_int_equal(gone->err.code, ERR_NOT_FOUND);
    assert_true(story.turns_after >= 1);
    release(&story);
}

/* ---- after the end was asked for ---- */

static void turn_that_runs_late(void *ctx, unsigned signals)
{
    struct story *story = ctx;
    (void)signals;
    if (story->is_begun) return;
    story->is_begun = true;
    loop_stop(story->loop);
    run_all(story);
}

static void test_a_program_that_comes_too_late(void **state)
{
    (void)state;
    static const char *const argv[] = { "cat", NULL };
    const struct http_config config = { .user_agent = "test", .connections_max = 4 };
    struct story story = { .done = 0 };
    struct err err;
    const struct program_call *call = story_add(&story, argv, NULL);
    assert_true(loop_create(&config, turn_that_runs_late, &story, &story.loop, &err));
    loop_wake(story.loop);
    loop_run(story.loop);
    loop_destroy(story.loop);
    assert_int_equal(story.done, 1);
    assert_false(call->ended);
    assert_int_equal(call->err.code, ERR_CANCELLED);
    release(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_input_goes_in_and_output_comes_out),
        cmocka_unit_test(test_there_is_no_shell),
        cmocka_unit_test(test_several_at_once),
        cmocka_unit_test(test_input_that_nobody_reads),
        cmocka_unit_test(test_a_program_that_is_not_there),
        cmocka_unit_test(test_a_program_that_may_not_be_run),
        cmocka_unit_test(test_a_program_that_ends_by_a_signal),
        cmocka_unit_test(test_output_is_limited),
        cmocka_unit_test(test_time_is_limited),
        cmocka_unit_test(test_a_child_that_holds_the_pipe),
        cmocka_unit_test(test_the_end_of_the_loop),
        cmocka_unit_test(test_a_program_that_comes_too_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

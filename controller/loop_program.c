/*
 * A program's way:
 *
 *   programs_run ──▶ running ──▶ it exits, and its output ends ──▶ handles close ──▶ `done`
 *       └── cannot begin ─────────────────────────────────────────────▲
 *                        └── time is over, too much output, the loop ends: killed
 *
 * `done` comes from the last of the close callbacks, hence never inside of programs_run.
 */
#include "loop_program.h"

#include "secrets.h"

#include <assert.h>
#include <signal.h>

enum { CHUNK_BYTES = 4096 };

struct program {
    struct programs *programs;
    struct program *prev, *next; /* programs.running */
    struct program_call *call;
    uv_process_t process;
    uv_pipe_t input, output;
    uv_timer_t timer;
    uv_write_t write;
    unsigned handles_open;
    bool tried;   /* its process has a handle */
    bool begun;   /* there is a process */
    bool exited;  /* there was one */
    bool drained; /* its output has ended */
    bool closing;
    char chunk[CHUNK_BYTES];
};

struct programs {
    uv_loop_t *loop;
    struct program *running; /* NULL: none */
    bool closing;
    void (*closed)(void *ctx); /* NULL: nobody waits */
    void *closed_ctx;
};

struct programs *programs_create(uv_loop_t *loop)
{
    struct programs *programs = xcalloc(1, sizeof(*programs));
    programs->loop = loop;
    return programs;
}

void programs_destroy(struct programs *programs)
{
    if (programs == NULL) return;
    assert(programs->running == NULL);
    xfree(programs);
}

static void program_link(struct program *program)
{
    struct programs *programs = program->programs;
    program->next = programs->running;
    if (program->next != NULL) program->next->prev = program;
    programs->running = program;
}

static void program_unlink(struct program *program)
{
    if (program->next != NULL) program->next->prev = program->prev;
    if (program->prev != NULL) program->prev->next = program->next;
    if (program->prev == NULL) program->programs->running = program->next;
}

/* ---- the end ---- */

static void tell_closed(struct programs *programs)
{
    void (*closed)(void *ctx) = programs->closed;
    if (!programs->closing || programs->running != NULL || closed == NULL) return;
    programs->closed = NULL;
    closed(programs->closed_ctx);
}

static void program_finish(struct program *program)
{
    struct programs *programs = program->programs;
    struct program_call *call = program->call;
    program_unlink(program);
    memory_wipe(program->chunk, sizeof(program->chunk));
    xfree(program);
    if (!call->ended) buf_wipe(&call->output);
    call->impl = NULL;
    call->done(call);
    tell_closed(programs);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct program *program = handle->data;
    assert(program->handles_open > 0);
    if (--program->handles_open == 0) program_finish(program);
}

static void program_close(struct program *program)
{
    uv_handle_t *handles[] = { (uv_handle_t *)&program->input, (uv_handle_t *)&program->output,
                               (uv_handle_t *)&program->timer, (uv_handle_t *)&program->process };
    /* The last one is there only when a program was to be started. */
    size_t len = program->tried ? COUNT_OF(handles) : COUNT_OF(handles) - 1;
    if (program->closing) return;
    program->closing = true;
    for (size_t i = 0; i < len; i++) {
        if (uv_is_closing(handles[i]) == 0) uv_close(handles[i], on_handle_closed);
    }
}

/* The whole group, since helpers call helpers; the process leads it. */
static void program_kill(struct program *program)
{
    if (program->begun && !program->exited) (void)kill(-program->process.pid, SIGKILL);
}

/* Ends it with the error that is set. Its exit is waited for, so that no zombie stays. */
static void program_abort(struct program *program)
{
    program->drained = true;
    program_kill(program);
    if (program->exited || !program->begun) program_close(program);
}

static void close_if_over(struct program *program)
{
    if (program->exited && program->drained) program_close(program);
}

/* ---- what happens to it ---- */

static void on_exit(uv_process_t *process, int64_t status, int signal_number)
{
    struct program *program = process->data;
    struct program_call *call = program->call;
    program->exited = true;
    if (call->err.code == ERR_NONE && signal_number != 0) {
        (void)err_set(&call->err, ERR_IO, "%s was ended by signal %d", call->argv[0],
                      signal_number);
    }
    call->ended = call->err.code == ERR_NONE;
    call->status = (int)status;
    close_if_over(program);
}

static void on_time_over(uv_timer_t *timer)
{
    struct program *program = timer->data;
    struct program_call *call = program->call;
    call->ended = false;
    (void)err_set(&call->err, ERR_TIMEOUT, "%s did not end within %lld ms and was killed",
                  call->argv[0], (long long)call->timeout_ms);
    program_abort(program);
}

static void on_input_written(uv_write_t *write, int status)
{
    struct program *program = write->data;
    (void)status; /* one that does not read its input may still answer */
    uv_handle_t *input = (uv_handle_t *)&program->input;
    if (uv_is_closing(input) == 0) uv_close(input, on_handle_closed);
}

static void on_room_wanted(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_room)
{
    struct program *program = handle->data;
    (void)suggested;
    *ret_room = uv_buf_init(program->chunk, sizeof(program->chunk));
}

/* The type is libuv's. NOLINTNEXTLINE(readability-non-const-parameter) */
static void on_output(uv_stream_t *stream, ssize_t len, const uv_buf_t *room)
{
    struct program *program = stream->data;
    struct program_call *call = program->call;
    if (len == 0) return;
    if (len < 0) {
        program->drained = true;
        close_if_over(program);
        return;
    }
    if (buf_add(&call->output, room->base, (size_t)len)) return;
    call->ended = false;
    (void)err_set(&call->err, ERR_LIMIT, "%s wrote more than %zu bytes", call->argv[0],
                  call->output_max);
    (void)uv_read_stop(stream);
    program_abort(program);
}

/* ---- the beginning ---- */

static void init_handles(struct program *program)
{
    uv_loop_t *loop = program->programs->loop;
    (void)uv_pipe_init(loop, &program->input, 0);
    (void)uv_pipe_init(loop, &program->output, 0);
    (void)uv_timer_init(loop, &program->timer);
    program->process.data = program;
    program->input.data = program;
    program->output.data = program;
    program->timer.data = program;
    program->write.data = program;
    program->handles_open = 3;
}

static int spawn(struct program *program)
{
    struct program_call *call = program->call;
    uv_stdio_container_t stdio[] = {
        { .flags = UV_CREATE_PIPE | UV_READABLE_PIPE,
          .data.stream = (uv_stream_t *)&program->input },
        { .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
          .data.stream = (uv_stream_t *)&program->output },
        { .flags = UV_IGNORE }, /* /dev/null */
    };
    const uv_process_options_t options = {
        .exit_cb = on_exit,
        .file = call->argv[0],
        /* libuv hands them to execvp, which does not write to them. */
        .args = (char **)(uintptr_t)call->argv,
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = (int)COUNT_OF(stdio),
        .stdio = stdio,
    };
    return uv_spawn(program->programs->loop, &program->process, &options);
}

static void begin(struct program *program)
{
    struct program_call *call = program->call;
    program->tried = true;
    program->handles_open++;
    int result = spawn(program); /* makes the process's handle even where it fails */
    if (result != 0) {
        bool is_gone = result == UV_ENOENT;
        (void)err_set(&call->err, is_gone ? ERR_NOT_FOUND : ERR_IO, "%s cannot be started: %s%s",
                      call->argv[0], uv_strerror(result), is_gone ? "; is it on PATH?" : "");
        program_close(program);
        return;
    }
    program->begun = true;
    const char *input = call->input != NULL ? call->input : "";
    uv_buf_t bytes = { .base = (char *)(uintptr_t)input, .len = strlen(input) };
    (void)uv_write(&program->write, (uv_stream_t *)&program->input, &bytes, 1, on_input_written);
    (void)uv_read_start((uv_stream_t *)&program->output, on_room_wanted, on_output);
    (void)uv_timer_start(&program->timer, on_time_over, (uint64_t)call->timeout_ms, 0);
}

static void cancel(struct program *program)
{
    struct program_call *call = program->call;
    if (program->closing) return;
    call->ended = false;
    (void)err_set(&call->err, ERR_CANCELLED, "%s was given up", call->argv[0]);
    program_abort(program);
}

void programs_run(struct programs *programs, struct program_call *call)
{
    struct program *program = xcalloc(1, sizeof(*program));
    program->programs = programs;
    program->call = call;
    call->impl = program;
    call->ended = false;
    call->status = 0;
    call->output = BUF_INIT(call->output_max);
    call->err = (struct err){ .code = ERR_NONE };
    program_link(program);
    init_handles(program);
    if (programs->closing) {
        cancel(program);
    } else {
        begin(program);
    }
}

void programs_close(struct programs *programs, void (*closed)(void *ctx), void *ctx)
{
    programs->closing = true;
    programs->closed = closed;
    programs->closed_ctx = ctx;
    struct program *next = NULL;
    for (struct program *program = programs->running; program != NULL; program = next) {
        next = program->next;
        cancel(program);
    }
    tell_closed(programs);
}

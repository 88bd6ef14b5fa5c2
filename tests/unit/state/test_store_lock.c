/*
 * The lock file: one writer at a time, and a word about who it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mem.h"
#include "scratch.h"
#include "store.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool open_as(const struct scratch *scratch, const char *command, struct store **ret_store,
                    struct err *err)
{
    return store_open(scratch->file, STORE_WRITE, NULL, command, ret_store, err);
}

struct holder {
    pid_t pid;
    int line; /* as long as it is open, the holder lives */
};

/* Another process that holds the file until it is killed, or this one ends. */
static struct holder hold(const struct scratch *scratch, const char *command)
{
    int ends[2];
    char byte = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct store *store = NULL;
        struct err err;
        (void)close(ends[0]);
        if (!open_as(scratch, command, &store, &err)) _exit(1);
        if (write(ends[1], "x", 1) != 1) _exit(1);
        _exit(read(ends[1], &byte, 1) == 0 ? 0 : 1);
    }
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    return (struct holder){ child, ends[0] };
}

static void end(const struct holder *holder)
{
    assert_int_equal(kill(holder->pid, SIGKILL), 0);
    assert_int_equal(waitpid(holder->pid, NULL, 0), holder->pid);
    assert_int_equal(close(holder->line), 0);
}

static void test_second_writer_is_told_who_holds_the_file(void **state)
{
    struct scratch *scratch = *state;
    char wanted[SCRATCH_PATH_SIZE * 2];
    struct store *store = NULL;
    struct err err;
    struct holder holder = hold(scratch, "run");
    assert_false(open_as(scratch, "apply", &store, &err));
    (void)snprintf(wanted, sizeof(wanted),
                   "state file '%s' is in use by clusterkeeper run (pid %ld on host ",
                   scratch->file, (long)holder.pid);
    assert_int_equal(err.code, ERR_LOCKED);
    assert_memory_equal(err.text, wanted, strlen(wanted));
    assert_non_null(strstr(err.text, ", since 20"));
    assert_non_null(strstr(err.text, "Z); end that"));
    end(&holder);

    /* Killed, it has left its line; that holds nobody up. */
    if (!open_as(scratch, "apply", &store, &err)) fail_msg("%s", err.text);
    store_close(store);
}

static void test_reader_needs_no_lock(void **state)
{
    struct scratch *scratch = *state;
    struct err err;
    struct holder holder = hold(scratch, "run");
    struct store *store = NULL;
    if (!store_open(scratch->file, STORE_READ, NULL, "plan", &store, &err)) {
        fail_msg("%s", err.text);
    }
    store_close(store);
    end(&holder);
}

static void test_two_stores_of_one_process(void **state)
{
    struct scratch *scratch = *state;
    struct store *first = NULL;
    struct store *second = NULL;
    struct err err;
    struct stat st;
    char path[SCRATCH_PATH_SIZE];
    assert_true(open_as(scratch, "run", &first, &err));
    for (int i = 0; i < 2; i++) { /* a failed try does not let go of the lock */
        assert_false(open_as(scratch, "apply", &second, &err));
        assert_int_equal(err.code, ERR_LOCKED);
    }
    store_close(first);
    /* Let go, the file stays, and is empty. */
    assert_int_equal(stat(scratch_beside(scratch, ".lock", path), &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_true(open_as(scratch, "apply", &second, &err));
    store_close(second);
}

/* What is in the file is shown only when it is a line of ours. */
static void test_strange_lines_are_not_repeated(void **state)
{
    static const char *const lines[] = {
        "",
        "\n",
        "pid=1",
        "pid=x host=h command=run since=2026-01-01T00:00:00Z",
        "pid=1 host=\x1b[31m command=run since=2026-01-01T00:00:00Z",
        "evil evil evil",
    };
    struct scratch *scratch = *state;
    struct store *first = NULL;
    struct store *second = NULL;
    struct err err;
    char path[SCRATCH_PATH_SIZE];
    assert_true(open_as(scratch, "run", &first, &err));
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        scratch_write(scratch_beside(scratch, ".lock", path), lines[i], strlen(lines[i]));
        assert_false(open_as(scratch, "apply", &second, &err));
        assert_int_equal(err.code, ERR_LOCKED);
        assert_non_null(strstr(err.text, "is in use by another clusterkeeper"));
    }
    store_close(first);
}

static void test_command_is_made_one_word(void **state)
{
    static const struct {
        const char *command, *shown;
    } rows[] = {
        { "run --owner=x", "clusterkeeper run---owner-x (pid" },
        { "a\npid=7", "clusterkeeper a-pid-7 (pid" },
        { "", "clusterkeeper - (pid" },
        { NULL, "clusterkeeper - (pid" },
    };
    struct scratch *scratch = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct store *first = NULL;
        struct store *second = NULL;
        struct err err;
        assert_true(open_as(scratch, rows[i].command, &first, &err));
        assert_false(open_as(scratch, "apply", &second, &err));
        if (strstr(err.text, rows[i].shown) == NULL) fail_msg("%s", err.text);
        store_close(first);
    }
}

static void test_lock_file_that_is_a_link_is_refused(void **state)
{
    struct scratch *scratch = *state;
    char target[SCRATCH_PATH_SIZE];
    char path[SCRATCH_PATH_SIZE];
    struct store *store = NULL;
    struct err err;
    scratch_write(scratch_path(scratch, "precious", target), "text", 4);
    assert_int_equal(symlink(target, scratch_beside(scratch, ".lock", path)), 0);
    assert_false(open_as(scratch, "run", &store, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.text, path));
    struct stat st;
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_size, 4);
}

/* Played by a limit on the size of files: no store without its holder's name, and no lock is left.
 */
static void test_disk_without_room_for_the_holder(void **state)
{
    struct scratch *scratch = *state;
    struct store *store = NULL;
    struct err err;
    struct rlimit limit;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_false(open_as(scratch, "run", &store, &err));
    limit.rlim_cur = RLIM_INFINITY;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(err.code, ERR_FULL);
    assert_non_null(strstr(err.text, "cannot write the lock file"));
    assert_non_null(strstr(err.text, scratch->file));
    assert_true(open_as(scratch, "run", &store, &err));
    store_close(store);
}

#define story(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(test_second_writer_is_told_who_holds_the_file),
        story(test_reader_needs_no_lock),
        story(test_two_stores_of_one_process),
        story(test_strange_lines_are_not_repeated),
        story(test_command_is_made_one_word),
        story(test_lock_file_that_is_a_link_is_refused),
        story(test_disk_without_room_for_the_holder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

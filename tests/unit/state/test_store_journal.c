/*
 * The journal of the store: turns, intents and their results, the history, scripts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int64_t intend(struct store *store, const char *name, enum step step)
{
    struct err err;
    struct intent intent = { .name = name, .step = step, .operation = "op1", .why = "new image" };
    must(store_intend(store, &intent, &err));
    return intent.id;
}

struct journal {
    struct store *store;
    size_t len;
    struct intent intents[8];
    char names[8][64];
    bool concludes;
};

static bool on_intent(void *ctx, const struct intent *intent)
{
    struct journal *journal = ctx;
    struct err err;
    assert_in_range(journal->len, 0, 7);
    journal->intents[journal->len] = *intent;
    (void)snprintf(journal->names[journal->len], 64, "%s", intent->name);
    journal->len++;
    if (journal->concludes) {
        must(store_conclude(journal->store, intent->id, 5, "0-1", "crashed", &err));
    }
    return true;
}

static size_t unfinished(struct store *store)
{
    struct journal journal = { 0 };
    struct err err;
    must(store_unfinished(store, on_intent, &journal, &err));
    return journal.len;
}

static void test_rolled_back_turn_leaves_nothing(void **state)
{
    struct err err;
    bool known = true;
    struct scratch *scratch = *state;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    for (int i = 0; i < 2; i++) {
        must(store_begin(store, &err));
        must(store_record_put(store, &(struct record){ .name = "etl-nightly" }, &err));
        (void)intend(store, "etl-nightly", STEP_CREATE);
        must(store_script_put(store, "/Shared/a.sh", 1, &err));
        if (i == 0) {
            store_rollback(store);
        } else {
            store_close(store); /* as good as a roll-back */
            store = scratch_open(scratch->file, STORE_WRITE);
        }
        assert_false(scratch_has(store, "etl-nightly"));
        assert_int_equal(unfinished(store), 0);
        must(store_script_known(store, "/Shared/a.sh", &known, &err));
        assert_false(known);
    }
}

struct told {
    size_t len;
    struct event events[8];
    char what[8][32];
    char detail[8][32];
    char error[8][32];
    char cluster_id[8][32];
};

static bool on_event(void *ctx, const struct event *event)
{
    struct told *told = ctx;
    assert_in_range(told->len, 0, 7);
    size_t i = told->len++;
    told->events[i] = *event;
    (void)snprintf(told->what[i], 32, "%s", event->what);
    (void)snprintf(told->detail[i], 32, "%s", event->detail != NULL ? event->detail : "-");
    (void)snprintf(told->error[i], 32, "%s", event->error != NULL ? event->error : "-");
    (void)snprintf(told->cluster_id[i], 32, "%s",
                   event->cluster_id != NULL ? event->cluster_id : "-");
    return true;
}

static void test_concluded_intent_is_history(void **state)
{
    struct err err;
    struct told told = { 0 };
    struct scratch *scratch = *state;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    must(store_begin(store, &err));
    int64_t first = intend(store, "etl", STEP_CREATE);
    int64_t second = intend(store, "etl", STEP_RESIZE);
    must(store_commit(store, &err));
    assert_int_equal(unfinished(store), 2);

    must(store_begin(store, &err));
    must(store_conclude(store, first, 70, "0-42", NULL, &err));
    must(store_conclude(store, second, 71, NULL, "429", &err));
    must(store_note(store, &(struct event){ .name = "ml", .what = "launched", .at_ms = 72 }, &err));
    must(store_commit(store, &err));
    assert_int_equal(unfinished(store), 0);

    must(store_history(store, NULL, 100, on_event, &told, &err));
    assert_int_equal(told.len, 3);
    assert_string_equal(told.what[0], "launched"); /* newest first */
    assert_string_equal(told.what[1], "resize");
    assert_string_equal(told.error[1], "429");
    assert_string_equal(told.cluster_id[1], "-");
    assert_string_equal(told.what[2], "create");
    assert_string_equal(told.detail[2], "new image");
    assert_string_equal(told.error[2], "-");
    assert_string_equal(told.cluster_id[2], "0-42");
    assert_int_equal(told.events[2].at_ms, 70);

    told.len = 0;
    must(store_history(store, "etl", 1, on_event, &told, &err));
    assert_int_equal(told.len, 1);
    assert_string_equal(told.what[0], "resize");
}

static void test_intent_is_concluded_once(void **state)
{
    struct err err;
    struct told told = { 0 };
    struct scratch *scratch = *state;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    must(store_begin(store, &err));
    int64_t first = intend(store, "etl", STEP_CREATE);
    must(store_conclude(store, first, 1, NULL, NULL, &err));
    must(store_commit(store, &err));
    must(store_begin(store, &err));
    assert_true(intend(store, "etl", STEP_CREATE) > first); /* a number is never used again */
    assert_false(store_conclude(store, first, 2, NULL, NULL, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    /* And the turn is lost. */
    assert_false(store_commit(store, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_int_equal(unfinished(store), 0);
    must(store_history(store, NULL, 8, on_event, &told, &err));
    assert_int_equal(told.len, 1);
}

static void test_each_step_is_taken(void **state)
{
    struct err err;
    struct scratch *scratch = *state;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    must(store_begin(store, &err));
    for (int step = STEP_UPLOAD; step < STEP_COUNT; step++) {
        int64_t id = intend(store, "etl", (enum step)step);
        struct journal journal = { 0 };
        must(store_unfinished(store, on_intent, &journal, &err));
        assert_int_equal(journal.len, 1);
        assert_int_equal(journal.intents[0].step, step);
        must(store_conclude(store, id, 1, NULL, NULL, &err));
    }
    must(store_commit(store, &err));
}

static void test_unfinished_may_be_concluded_in_the_visit(void **state)
{
    struct err err;
    struct scratch *scratch = *state;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    struct journal journal = { .store = store, .concludes = true };
    must(store_begin(store, &err));
    (void)intend(store, "b", STEP_CREATE);
    (void)intend(store, "a", STEP_EDIT);
    (void)intend(store, "c", STEP_TERMINATE);
    must(store_unfinished(store, on_intent, &journal, &err));
    must(store_commit(store, &err));
    assert_int_equal(journal.len, 3);
    assert_string_equal(journal.names[0], "b"); /* oldest first */
    assert_string_equal(journal.names[2], "c");
    assert_int_equal(unfinished(store), 0);
}

/* Promise 8: what was committed is there after a SIGKILL, what was not is not. */
static void test_killed_process_leaves_its_committed_intent(void **state)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct err err;
        struct scratch *scratch = *state;
        struct store *store = scratch_open(scratch->file, STORE_WRITE);
        if (!store_begin(store, &err)) _exit(1);
        (void)intend(store, "committed", STEP_CREATE);
        if (!store_commit(store, &err) || !store_begin(store, &err)) _exit(1);
        (void)intend(store, "open", STEP_CREATE);
        (void)raise(SIGKILL);
        _exit(1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

    struct err err;
    struct journal journal = { 0 };
    struct scratch *scratch = *state;
    AUTO(store_close)
    struct store *store = scratch_open(scratch->file, STORE_WRITE); /* no lock is left */
    must(store_unfinished(store, on_intent, &journal, &err));
    assert_int_equal(journal.len, 1);
    assert_string_equal(journal.names[0], "committed");
    assert_int_equal(journal.intents[0].step, STEP_CREATE);
}

static void test_history_is_capped(void **state)
{
    enum { MORE = 10 };
    struct err err;
    struct told told = { 0 };
    struct scratch *scratch = *state;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    must(store_begin(store, &err));
    for (int i = 0; i < STORE_HISTORY_ROWS_MAX + MORE; i++) {
        const char *name = i < MORE + 3 ? "old" : "young";
        must(store_note(store, &(struct event){ .name = name, .what = "w", .at_ms = i }, &err));
    }
    must(store_commit(store, &err));
    must(store_history(store, "old", 8, on_event, &told, &err));
    assert_int_equal(told.len, 3); /* the newest of them, at the limit */
    assert_int_equal(told.events[2].at_ms, MORE);
}

static void test_scripts_are_known(void **state)
{
    struct err err;
    bool known = true;
    struct scratch *scratch = *state;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    must(store_script_known(store, "/Shared/a.sh", &known, &err));
    assert_false(known);
    must(store_begin(store, &err));
    must(store_script_put(store, "/Shared/a.sh", 1, &err));
    must(store_script_put(store, "/Shared/a.sh", 2, &err));
    must(store_commit(store, &err));
    must(store_script_known(store, "/Shared/a.sh", &known, &err));
    assert_true(known);
}

#define story(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(test_rolled_back_turn_leaves_nothing),
        story(test_concluded_intent_is_history),
        story(test_intent_is_concluded_once),
        story(test_each_step_is_taken),
        story(test_unfinished_may_be_concluded_in_the_visit),
        story(test_killed_process_leaves_its_committed_intent),
        story(test_history_is_capped),
        story(test_scripts_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

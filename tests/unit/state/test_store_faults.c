/*
 * A day of the store in which each call of SQLite to the file system fails in turn, then
 * allocations. Whatever fails: nothing crashes, the error says which file, what was committed is
 * there, and a turn is there as a whole or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fault.h"
#include "scratch.h"

#include <stdio.h>
#include <unistd.h>

enum { TURNS = 4, NAME_SIZE = 16 };

/* How far a day came. */
struct day {
    struct store *store;
    int committed; /* turns whose commit was answered */
    struct err err;
};

static const char *turn_name(int turn, char ret_name[NAME_SIZE])
{
    (void)snprintf(ret_name, NAME_SIZE, "c-%d", turn);
    return ret_name;
}

static bool on_record(void *ctx, const struct record *record)
{
    size_t *len = ctx;
    *len += strlen(record->name);
    return true;
}

static bool on_intent(void *ctx, const struct intent *intent)
{
    int64_t *id = ctx;
    *id = intent->id;
    return true;
}

static bool on_event(void *ctx, const struct event *event)
{
    size_t *len = ctx;
    *len += strlen(event->what);
    return true;
}

/* A turn of everything that changes the file; each leaves a record, a script and an event. */
static bool take_turn(struct day *day, int turn)
{
    struct store *store = day->store;
    struct err *err = &day->err;
    char name[NAME_SIZE];
    char before[NAME_SIZE];
    struct record record = { .name = turn_name(turn, name), .applied_spec = "{}" };
    struct record gone = { .name = "gone" };
    struct intent intent = { .name = name, .step = STEP_CREATE, .operation = "op" };
    struct event event = { .name = name, .what = "launched" };
    if (!store_begin(store, err)) return false;
    bool ok = store_record_put(store, &record, err) && store_record_put(store, &gone, err) &&
              store_record_drop(store, gone.name, err) && store_intend(store, &intent, err) &&
              store_conclude(store, intent.id, 1, "0-1", NULL, err) &&
              store_intend(store, &intent, err) && store_note(store, &event, err) &&
              store_script_put(store, turn_name(turn, before), 1, err);
    if (!ok) store_rollback(store);
    ok = ok && store_commit(store, err);
    if (ok) day->committed++;
    return ok;
}

static bool look_around(struct day *day)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct store *store = day->store;
    struct err *err = &day->err;
    struct record record;
    bool found = false;
    bool known = false;
    int64_t generation = 0;
    int64_t id = 0;
    size_t len = 0;
    return store_record_get(store, "c-0", &arena, &record, &found, err) &&
           store_script_known(store, "c-0", &known, err) &&
           store_generation(store, &generation, err) &&
           store_record_each(store, on_record, &len, err) &&
           store_unfinished(store, on_intent, &id, err) &&
           store_history(store, "c-0", 9, on_event, &len, err) &&
           store_history(store, NULL, 9, on_event, &len, err);
}

/* Makes the file, takes turns and looks at it, then reads it as another process would. */
static bool live(const struct scratch *scratch, struct day *day)
{
    struct err *err = &day->err;
    if (!store_open(scratch->file, STORE_WRITE, WORKSPACE, "run", &day->store, err)) return false;
    for (int turn = 0; turn < TURNS; turn++) {
        if (!take_turn(day, turn) || !look_around(day)) return false;
    }
    store_close(day->store);
    day->store = NULL;
    return store_open(scratch->file, STORE_READ, WORKSPACE, "plan", &day->store, err) &&
           look_around(day);
}

static bool has_script(struct store *store, const char *destination)
{
    struct err err;
    bool known = false;
    must(store_script_known(store, destination, &known, &err));
    return known;
}

static bool has_event(struct store *store, const char *name)
{
    struct err err;
    size_t len = 0;
    must(store_history(store, name, 9, on_event, &len, &err));
    return len != 0;
}

static bool count_intent(void *ctx, const struct intent *intent)
{
    int *intents = ctx;
    (*intents)++;
    assert_non_null(intent->name);
    return true;
}

/* What the next start finds. A turn without an answer may be there, but not in parts. */
static void judge(const struct scratch *scratch, int committed, uint64_t nth)
{
    struct err err;
    int turns = 0;
    int intents = 0;
    char name[NAME_SIZE];
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    for (int turn = 0; turn < TURNS; turn++) {
        bool is_there = scratch_has(store, turn_name(turn, name));
        if (is_there) turns++;
        assert_int_equal(has_script(store, name), is_there);
        assert_int_equal(has_event(store, name), is_there);
    }
    must(store_unfinished(store, count_intent, &intents, &err));
    assert_int_equal(intents, turns);
    assert_false(scratch_has(store, "gone"));
    if (turns < committed || turns > committed + 1) {
        fail_msg("fault %llu: %d turns answered, %d found", (unsigned long long)nth, committed,
                 turns);
    }
}

/* The file stays, empty, as a start that was killed leaves it: a new one is synced, which is slow.
 */
static void begin_anew(const struct scratch *scratch)
{
    static const char *const suffixes[] = { "-wal", "-shm", "-journal" };
    char path[SCRATCH_PATH_SIZE];
    scratch_write(scratch->file, "", 0);
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        (void)unlink(scratch_beside(scratch, suffixes[i], path));
    }
}

/* The day with the `nth` call failing; how many calls it took. */
static uint64_t spend(const struct scratch *scratch, enum fault_kind kind, uint64_t nth,
                      bool lasting)
{
    struct day day = { .err = { .code = ERR_NONE } };
    begin_anew(scratch);
    fault_arm(kind, nth, lasting);
    bool ok = live(scratch, &day);
    if (!ok) {
        assert_true(day.err.code != ERR_NONE);
        if (strstr(day.err.text, scratch->file) == NULL) fail_msg("%s", day.err.text);
    }
    store_close(day.store);
    uint64_t calls = fault_disarm();
    judge(scratch, day.committed, nth);
    return calls;
}

/* Each call on a file; of the allocations, which are thousands, every 41st. */
static const unsigned steps[FAULT_KINDS] = { [FAULT_FILE] = 1, [FAULT_MEMORY] = 41 };

static void fail_each(const struct scratch *scratch, enum fault_kind kind, bool lasting)
{
    uint64_t calls = spend(scratch, kind, 0, false);
    assert_true(calls > 100);
    for (uint64_t nth = 1; nth <= calls; nth += steps[kind]) {
        (void)spend(scratch, kind, nth, lasting);
    }
}

static void test_each_call_fails_once(void **state)
{
    fail_each(*state, FAULT_FILE, false);
}

static void test_each_call_fails_and_all_behind_it(void **state)
{
    fail_each(*state, FAULT_FILE, true);
}

static void test_allocations_fail_once(void **state)
{
    fail_each(*state, FAULT_MEMORY, false);
}

static void test_allocations_fail_and_all_behind_them(void **state)
{
    fail_each(*state, FAULT_MEMORY, true);
}

#define story(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(test_each_call_fails_once),
        story(test_each_call_fails_and_all_behind_it),
        story(test_allocations_fail_once),
        story(test_allocations_fail_and_all_behind_them),
    };
    fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

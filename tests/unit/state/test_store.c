/*
 * The store: records, and the number that tells of their changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"

#include <stdio.h>

static const struct record full = {
    .name = "etl-nightly",
    .source = "team/etl.yaml",
    .cluster_id = "0123-456789-abc",
    .predecessor_id = "0123-456789-old",
    .phase = PHASE_LAUNCHING,
    .phase_since_ms = 1764000000000,
    .operation = "abcdefghij0123456789",
    .pending_spec = "{\"num_workers\":2}",
    .pending_digest = "aa",
    .applied_spec = "{\"num_workers\":1}",
    .applied_digest = "bb",
    .libraries = "[]",
    .permissions = "[{}]",
    .image = "acme/etl:1.4.2",
    .pinned = -1,
    .prune = 2,
    .adopted = 1,
    .clean_listings = 3,
    .failures = 4,
    .retry_at_ms = 1764000000001,
    .failed_digest = "cc",
    .failed_why = "the image is not there",
    .failed_id = "0123-456789-bad",
    .ran = 1,
    .good_spec = "{\"num_workers\":3}",
    .good_digest = "dd",
    .good_libraries = "[{}]",
    .good_permissions = "[]",
    .image_digest = "sha256:aa",
    .pending_image = "sha256:bb",
    .good_image = "sha256:cc",
    .failed_image = "sha256:dd",
    .rollback = ROLLBACK_FAILED,
    .error = "CONTAINER_LAUNCH_FAILURE: it is not there \xc3\xa9",
    .updated_ms = 1764000000002,
};

static void assert_text(const char *a, const char *b)
{
    if (a == NULL || b == NULL) {
        assert_null(a);
        assert_null(b);
    } else {
        assert_string_equal(a, b);
    }
}

static void assert_record(const struct record *a, const struct record *b, bool with_specs)
{
    static const size_t texts[] = {
        offsetof(struct record, name),
        offsetof(struct record, source),
        offsetof(struct record, cluster_id),
        offsetof(struct record, predecessor_id),
        offsetof(struct record, operation),
        offsetof(struct record, pending_digest),
        offsetof(struct record, applied_digest),
        offsetof(struct record, libraries),
        offsetof(struct record, permissions),
        offsetof(struct record, image),
        offsetof(struct record, failed_digest),
        offsetof(struct record, error),
        offsetof(struct record, failed_why),
        offsetof(struct record, failed_id),
        offsetof(struct record, good_digest),
        offsetof(struct record, good_libraries),
        offsetof(struct record, good_permissions),
        offsetof(struct record, image_digest),
        offsetof(struct record, pending_image),
        offsetof(struct record, good_image),
        offsetof(struct record, failed_image),
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_text(*(const char *const *)(const void *)((const char *)a + texts[i]),
                    *(const char *const *)(const void *)((const char *)b + texts[i]));
    }
    assert_text(a->pending_spec, with_specs ? b->pending_spec : NULL);
    assert_text(a->applied_spec, with_specs ? b->applied_spec : NULL);
    assert_text(a->good_spec, with_specs ? b->good_spec : NULL);
    assert_int_equal(a->phase, b->phase);
    assert_int_equal(a->phase_since_ms, b->phase_since_ms);
    assert_int_equal(a->pinned, b->pinned);
    assert_int_equal(a->prune, b->prune);
    assert_int_equal(a->adopted, b->adopted);
    assert_int_equal(a->ran, b->ran);
    assert_int_equal(a->rollback, b->rollback);
    assert_int_equal(a->clean_listings, b->clean_listings);
    assert_int_equal(a->failures, b->failures);
    assert_int_equal(a->retry_at_ms, b->retry_at_ms);
    assert_int_equal(a->updated_ms, b->updated_ms);
}

static int64_t generation(struct store *store)
{
    struct err err;
    int64_t number = -1;
    must(store_generation(store, &number, &err));
    return number;
}

static void test_record_comes_back(void **state)
{
    const struct record variants[] = {
        full,
        { .name = "bare" }, /* all the rest NULL and 0 */
        { .name = "half", .applied_spec = "{}", .phase = PHASE_ORPHANED, .pinned = 1 },
    };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err;
    struct scratch *scratch = *state;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    for (size_t i = 0; i < COUNT_OF(variants); i++) {
        scratch_put(store, &variants[i]);
    }
    store_close(store);
    store = scratch_open(scratch->file, STORE_READ);
    for (size_t i = 0; i < COUNT_OF(variants); i++) {
        struct record record;
        bool found = false;
        must(store_record_get(store, variants[i].name, &arena, &record, &found, &err));
        assert_true(found);
        assert_record(&record, &variants[i], true);
    }
    assert_false(scratch_has(store, "nobody"));
}

static void test_record_is_replaced_whole(void **state)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err;
    struct scratch *scratch = *state;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    const struct record bare = { .name = full.name, .phase = PHASE_READY };
    struct record record;
    bool found = false;
    scratch_put(store, &full);
    scratch_put(store, &bare);
    must(store_record_get(store, full.name, &arena, &record, &found, &err));
    assert_true(found);
    assert_record(&record, &bare, true);
}

static void test_each_phase_is_taken(void **state)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err;
    struct scratch *scratch = *state;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        struct record record = { .name = "etl", .phase = (enum phase)phase };
        bool found = false;
        scratch_put(store, &record);
        must(store_record_get(store, "etl", &arena, &record, &found, &err));
        assert_int_equal(record.phase, phase);
    }
}

static void test_long_error_is_cut_between_characters(void **state)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err;
    struct scratch *scratch = *state;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    char text[6001];
    struct record record = { .name = "etl", .error = text };
    bool found = false;
    /* 'x', then characters of two bytes: byte 4096 is the first half of one. */
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        text[i] = (char)(i % 2 == 1 ? 0xc3 : 0xa9);
    }
    text[0] = 'x';
    text[sizeof(text) - 1] = '\0';
    scratch_put(store, &record);
    must(store_record_get(store, "etl", &arena, &record, &found, &err));
    assert_int_equal(strlen(record.error), 4095);
    assert_memory_equal(record.error, text, 4095);
}

struct walk {
    size_t seen;
    size_t stop_at;
    char last[64];
};

static bool on_record(void *ctx, const struct record *record)
{
    struct walk *walk = ctx;
    assert_true(strcmp(walk->last, record->name) < 0);
    (void)snprintf(walk->last, sizeof(walk->last), "%s", record->name);
    if (strcmp(record->name, full.name) == 0) assert_record(record, &full, false);
    return ++walk->seen != walk->stop_at;
}

static void test_walk_is_by_name_and_can_stop(void **state)
{
    static const char *const names[] = { "zeta", "alpha", "mid" };
    struct err err;
    struct scratch *scratch = *state;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    scratch_put(store, &full);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        scratch_put(store, &(struct record){ .name = names[i] });
    }
    struct walk walk = { 0 };
    must(store_record_each(store, on_record, &walk, &err));
    assert_int_equal(walk.seen, 4);
    walk = (struct walk){ .stop_at = 2 };
    must(store_record_each(store, on_record, &walk, &err));
    assert_int_equal(walk.seen, 2);
    assert_string_equal(walk.last, "etl-nightly");
}

static void test_generation_counts_turns_that_changed_records(void **state)
{
    struct err err;
    struct scratch *scratch = *state;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    int64_t before = generation(store);
    scratch_put(store, &full);
    assert_int_equal(generation(store), before + 1);

    must(store_begin(store, &err)); /* two records, one turn */
    must(store_record_put(store, &(struct record){ .name = "a" }, &err));
    must(store_record_put(store, &(struct record){ .name = "b" }, &err));
    must(store_commit(store, &err));
    assert_int_equal(generation(store), before + 2);

    must(store_begin(store, &err)); /* nothing of a record */
    must(store_record_drop(store, "not-there", &err));
    must(store_note(store, &(struct event){ .name = "a", .what = "launched" }, &err));
    must(store_commit(store, &err));
    assert_int_equal(generation(store), before + 2);

    must(store_begin(store, &err));
    must(store_record_drop(store, "a", &err));
    store_rollback(store);
    assert_int_equal(generation(store), before + 2);
}

static void test_key_is_made_once(void **state)
{
    static const uint8_t zero[DIGEST_KEY_BYTES];
    uint8_t first[DIGEST_KEY_BYTES];
    uint8_t again[DIGEST_KEY_BYTES];
    struct scratch *scratch = *state;
    AUTO(store_close) struct store *store = scratch_open(scratch->file, STORE_WRITE);
    store_secret_key(store, first);
    assert_memory_not_equal(first, zero, sizeof(zero));
    store_close(store);
    store = scratch_open(scratch->file, STORE_READ);
    store_secret_key(store, again);
    assert_memory_equal(first, again, sizeof(first));
}

#define story(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        story(test_record_comes_back),
        story(test_record_is_replaced_whole),
        story(test_each_phase_is_taken),
        story(test_long_error_is_cut_between_characters),
        story(test_walk_is_by_name_and_can_stop),
        story(test_generation_counts_turns_that_changed_records),
        story(test_key_is_made_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

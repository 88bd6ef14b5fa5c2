/* The index of the fleet: whose an ID is, what is counted, and when a name is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fleet.h"
#include "tree.h"

#include <stdio.h>

DEFINE_AUTO(struct fleet, fleet_destroy)

static void desire(struct fleet *fleet, struct cluster *cluster, uint8_t version)
{
    struct entry entry = { .name = cluster->name, .whole = { { version } } };
    fleet_take_entry(fleet, cluster, &entry, 100);
}

static void test_an_id_leads_to_its_cluster(void **state)
{
    (void)state;
    AUTO(fleet_destroy) struct fleet *fleet = fleet_create();
    struct cluster *etl = fleet_get(fleet, "etl");
    const struct digest row = { { 7 } };
    assert_ptr_equal(fleet_get(fleet, "etl"), etl);
    assert_ptr_equal(fleet_find(fleet, "etl"), etl);
    assert_null(fleet_find(fleet, "other"));

    fleet_take_record(fleet, etl, &(struct record){ .name = "etl", .cluster_id = "old" });
    assert_ptr_equal(fleet_find_id(fleet, "old"), etl);
    /* Replaced: the old one is still ours while it is recorded as the predecessor. */
    fleet_take_record(
        fleet, etl,
        &(struct record){ .name = "etl", .cluster_id = "new", .predecessor_id = "old" });
    assert_ptr_equal(fleet_find_id(fleet, "old"), etl);
    assert_ptr_equal(fleet_find_id(fleet, "new"), etl);
    assert_true(fleet_take_sighting(fleet, etl, "old", &row, 1));
    fleet_take_record(fleet, etl, &(struct record){ .name = "etl", .cluster_id = "new" });
    assert_ptr_equal(fleet_find_id(fleet, "old"), etl); /* it is still seen */
    fleet_drop_sighting(fleet, "old");
    assert_null(fleet_find_id(fleet, "old"));
    fleet_take_record(fleet, etl, NULL);
    assert_null(fleet_find_id(fleet, "new"));
}

static void test_a_sighting_tells_whether_its_row_changed(void **state)
{
    (void)state;
    AUTO(fleet_destroy) struct fleet *fleet = fleet_create();
    struct cluster *etl = fleet_get(fleet, "etl");
    const struct digest first = { { 1 } };
    const struct digest second = { { 2 } };
    assert_true(fleet_take_sighting(fleet, etl, "a", &first, 1));
    assert_false(fleet_take_sighting(fleet, etl, "a", &first, 2));
    assert_true(fleet_take_sighting(fleet, etl, "a", &second, 3));
    assert_true(fleet_take_sighting(fleet, etl, "b", &second, 3));
    assert_int_equal(etl->sighted_len, 2);
    assert_int_equal(etl->sighted[0].listing, 3);
}

static void test_what_a_decision_depends_on_is_in_the_digest(void **state)
{
    (void)state;
    AUTO(fleet_destroy) struct fleet *fleet = fleet_create();
    struct cluster *etl = fleet_get(fleet, "etl");
    const struct digest row = { { 1 } };
    struct digest seen[6];
    seen[0] = fleet_inputs_digest(etl, "p", 1);
    seen[1] = fleet_inputs_digest(etl, "q", 1);
    desire(fleet, etl, 1);
    seen[2] = fleet_inputs_digest(etl, "p", 1);
    desire(fleet, etl, 2);
    seen[3] = fleet_inputs_digest(etl, "p", 1);
    fleet_take_record(fleet, etl, &(struct record){ .name = "etl", .cluster_id = "a" });
    seen[4] = fleet_inputs_digest(etl, "p", 1);
    (void)fleet_take_sighting(fleet, etl, "a", &row, 1);
    seen[5] = fleet_inputs_digest(etl, "p", 1);
    for (size_t i = 0; i < COUNT_OF(seen); i++) {
        for (size_t k = 0; k < i; k++) {
            assert_false(digest_equal(&seen[i], &seen[k]));
        }
    }
    struct digest again = fleet_inputs_digest(etl, "p", 1);
    assert_true(digest_equal(&again, &seen[5]));
}

static void test_the_desired_and_the_settled_are_counted(void **state)
{
    (void)state;
    AUTO(fleet_destroy) struct fleet *fleet = fleet_create();
    size_t desired = 0;
    size_t settled = 0;
    struct cluster *a = fleet_get(fleet, "a");
    struct cluster *b = fleet_get(fleet, "b");
    fleet_settle(fleet, b, true); /* nobody wants it: it does not count */
    desire(fleet, a, 1);
    fleet_count(fleet, &desired, &settled);
    assert_int_equal(desired, 1);
    assert_int_equal(settled, 0);
    fleet_settle(fleet, a, true);
    fleet_settle(fleet, a, true);
    desire(fleet, b, 1);
    fleet_count(fleet, &desired, &settled);
    assert_int_equal(desired, 2);
    assert_int_equal(settled, 2);
    fleet_settle(fleet, a, false);
    fleet_count(fleet, &desired, &settled);
    assert_int_equal(settled, 1);
}

static void test_a_changed_manifest_makes_it_due(void **state)
{
    (void)state;
    AUTO(fleet_destroy) struct fleet *fleet = fleet_create();
    struct cluster *a = fleet_get(fleet, "a");
    a->due_ms = INT64_MAX;
    desire(fleet, a, 1);
    assert_int_equal(a->due_ms, 100);
    a->due_ms = INT64_MAX;
    desire(fleet, a, 1);
    assert_int_equal(a->due_ms, INT64_MAX);
    desire(fleet, a, 2);
    assert_int_equal(a->due_ms, 100);
}

static void test_a_name_is_forgotten_when_nothing_is_left_of_it(void **state)
{
    (void)state;
    AUTO(fleet_destroy) struct fleet *fleet = fleet_create();
    struct cluster *seen = fleet_get(fleet, "seen");
    const struct digest row = { { 1 } };
    (void)fleet_take_sighting(fleet, seen, "x", &row, 1);
    struct cluster *recorded = fleet_get(fleet, "recorded");
    fleet_take_record(fleet, recorded, &(struct record){ .name = "recorded" });
    struct cluster *desired = fleet_get(fleet, "desired");
    desire(fleet, desired, 1);
    assert_false(fleet_forget(fleet, seen));
    assert_false(fleet_forget(fleet, recorded));
    assert_false(fleet_forget(fleet, desired));
    assert_int_equal(fleet_len(fleet), 3);
    fleet_drop_sighting(fleet, "x");
    assert_true(fleet_forget(fleet, seen));
    assert_null(fleet_find(fleet, "seen"));
    assert_int_equal(fleet_len(fleet), 2);
    /* The walk is in the order in which they came. */
    assert_ptr_equal(fleet_first(fleet), recorded);
    assert_ptr_equal(fleet_next(recorded), desired);
    assert_null(fleet_next(desired));
}

/* A record that comes later knows better than a tag that was seen. */
static void test_an_id_that_goes_over_to_another(void **state)
{
    (void)state;
    AUTO(fleet_destroy) struct fleet *fleet = fleet_create();
    struct cluster *tagged = fleet_get(fleet, "tagged");
    struct cluster *adopts = fleet_get(fleet, "adopts");
    const struct digest row = { { 1 } };
    (void)fleet_take_sighting(fleet, tagged, "x", &row, 1);
    fleet_take_record(fleet, adopts, &(struct record){ .name = "adopts", .cluster_id = "x" });
    assert_ptr_equal(fleet_find_id(fleet, "x"), adopts);
    fleet_take_record(fleet, adopts, NULL);
    assert_null(fleet_find_id(fleet, "x"));
    assert_int_equal(tagged->sighted_len, 1);
}

static void test_one_sighting_of_several_goes(void **state)
{
    static const char *const ids[] = { "a", "b", "c" };
    (void)state;
    AUTO(fleet_destroy) struct fleet *fleet = fleet_create();
    struct cluster *etl = fleet_get(fleet, "etl");
    const struct digest row = { { 1 } };
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        assert_true(fleet_take_sighting(fleet, etl, ids[i], &row, 1));
    }
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        fleet_drop_sighting(fleet, ids[i]);
        fleet_drop_sighting(fleet, ids[i]);
        fleet_drop_sighting(fleet, "nobody's");
        assert_int_equal(etl->sighted_len, COUNT_OF(ids) - 1 - i);
        for (size_t k = 0; k < COUNT_OF(ids); k++) {
            assert_int_equal(fleet_find_id(fleet, ids[k]) == etl, k > i);
        }
    }
    assert_true(fleet_take_sighting(fleet, etl, "b", &row, 1)); /* new again */
}

static void test_whom_to_ask(void **state)
{
    (void)state;
    AUTO(fleet_destroy) struct fleet *fleet = fleet_create();
    struct cluster *etl = fleet_get(fleet, "etl");
    fleet_mark_stale(etl, NULL);
    assert_true(etl->is_stale);
    assert_null(fleet_stale_id(etl));
    fleet_take_record(fleet, etl, &(struct record){ .name = "etl", .cluster_id = "kept" });
    assert_string_equal(fleet_stale_id(etl), "kept");
    fleet_mark_stale(etl, "other");
    assert_string_equal(fleet_stale_id(etl), "other");
    fleet_mark_stale(etl, NULL);
    assert_string_equal(fleet_stale_id(etl), "kept");
}

static void test_every_part_of_a_record_is_in_the_digest(void **state)
{
    (void)state;
    AUTO(fleet_destroy) struct fleet *fleet = fleet_create();
    struct cluster *etl = fleet_get(fleet, "etl");
    struct record record = { .name = "etl", .phase = PHASE_READY };
    const char **const texts[] = { &record.cluster_id,     &record.predecessor_id,
                                   &record.applied_digest, &record.pending_digest,
                                   &record.failed_digest,  &record.operation,
                                   &record.libraries,      &record.permissions };
    int *const numbers[] = { &record.pinned, &record.prune, &record.adopted, &record.clean_listings,
                             &record.failures };
    fleet_take_record(fleet, etl, &record);
    struct digest last = fleet_inputs_digest(etl, "", 0);
    enum { TEXTS = COUNT_OF(texts), NUMBERS = COUNT_OF(numbers) };
    for (size_t i = 0; i < TEXTS + NUMBERS + 2; i++) {
        if (i < TEXTS) *texts[i] = "x";
        if (i >= TEXTS && i < TEXTS + NUMBERS) *numbers[i - TEXTS] += 2;
        if (i == TEXTS + NUMBERS) record.phase = PHASE_FAILED;
        if (i == TEXTS + NUMBERS + 1) record.retry_at_ms = 1;
        fleet_take_record(fleet, etl, &record);
        struct digest now = fleet_inputs_digest(etl, "", 0);
        if (digest_equal(&now, &last)) fail_msg("member %zu is not in it", i);
        last = now;
    }
}

static void test_forgetting_on_a_walk(void **state)
{
    enum { COUNT = 500 };
    int anything = 0;
    char name[16];
    size_t walked = 0;
    struct cluster *next = NULL;
    (void)state;
    AUTO(fleet_destroy) struct fleet *fleet = fleet_create();
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(name, sizeof(name), "c%d", i);
        struct cluster *cluster = fleet_get(fleet, name);
        if (i % 3 == 0) cluster->flight = (struct flight *)(void *)&anything;
    }
    for (struct cluster *c = fleet_first(fleet); c != NULL; c = next) {
        next = fleet_next(c);
        walked++;
        bool is_busy = c->flight != NULL;
        assert_int_equal(fleet_forget(fleet, c), !is_busy);
    }
    assert_int_equal(walked, COUNT);
    assert_int_equal(fleet_len(fleet), (COUNT + 2) / 3);
    assert_non_null(fleet_find(fleet, "c498"));
    assert_null(fleet_find(fleet, "c499"));
}

static void test_the_whole_catalogue(void **state)
{
    void *part = NULL;
    (void)state;
    AUTO(fleet_destroy) struct fleet *fleet = fleet_create();
    assert_int_equal(tree_set_up(&part), 0);
    struct tree *tree = part;
    tree_put_cluster(tree, "etl.yaml", "etl", "");
    tree_put_cluster(tree, "ml.yaml", "ml", "");
    tree_scan_clean(tree);
    struct cluster *orphan = fleet_get(fleet, "orphan");
    orphan->due_ms = INT64_MAX;
    fleet_take_catalogue(fleet, tree->catalogue, 10);
    struct cluster *etl = fleet_find(fleet, "etl");
    struct cluster *ml = fleet_find(fleet, "ml");
    assert_true(etl->is_desired && ml->is_desired && !orphan->is_desired);
    etl->due_ms = ml->due_ms = INT64_MAX;
    tree_remove(tree, "ml.yaml");
    tree_put_cluster(tree, "new.yaml", "new", "");
    tree_scan_clean(tree);
    fleet_take_catalogue(fleet, tree->catalogue, 20);
    assert_true(etl->due_ms == INT64_MAX);
    assert_false(ml->is_desired);
    assert_int_equal(ml->due_ms, 20); /* its manifest went */
    assert_int_equal(fleet_find(fleet, "new")->due_ms, 20);
    assert_true(orphan->due_ms == INT64_MAX); /* it never had one */
    assert_int_equal(tree_tear_down(&part), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_id_leads_to_its_cluster),
        cmocka_unit_test(test_a_sighting_tells_whether_its_row_changed),
        cmocka_unit_test(test_what_a_decision_depends_on_is_in_the_digest),
        cmocka_unit_test(test_the_desired_and_the_settled_are_counted),
        cmocka_unit_test(test_a_changed_manifest_makes_it_due),
        cmocka_unit_test(test_a_name_is_forgotten_when_nothing_is_left_of_it),
        cmocka_unit_test(test_an_id_that_goes_over_to_another),
        cmocka_unit_test(test_one_sighting_of_several_goes),
        cmocka_unit_test(test_whom_to_ask),
        cmocka_unit_test(test_every_part_of_a_record_is_in_the_digest),
        cmocka_unit_test(test_forgetting_on_a_walk),
        cmocka_unit_test(test_the_whole_catalogue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * A plan without refresh that remembers the one before looks at little, and is the same plan:
 * world_plan compares it with one that remembers nothing, in every test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replan_world.h"

#include "prng.h"

#include <stdio.h>

#define SPARK "15.4.x-scala2.12"

/* Three that are as desired, one that is still to be created. */
static struct replan_world *at_rest(void **state)
{
    struct replan_world *world = *state;
    static const char *const names[] = { "adhoc", "etl", "ml" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "%s.yaml", names[i]);
        tree_put_cluster(world->tree, path, names[i], "");
        world_apply(world, names[i]);
    }
    tree_put_cluster(world->tree, "new.yaml", "new", "");
    world_plan(world, "adhoc etl ml new");
    assert_false(world->had_memo);
    world_plan(world, "new");
    assert_true(world->had_memo);
    assert_int_equal(world->passed_over, 3);
    return world;
}

static void test_nothing_known_is_everything_wanted(void **state)
{
    struct replan_world *world = *state;
    world_plan(world, "");
    world_plan(world, "");
    tree_put_cluster(world->tree, "etl.yaml", "etl", "");
    world_restart(world);
    world_plan(world, "etl");
    assert_false(world->had_memo);
    assert_int_equal(world->passed_over, 0);
}

static void test_without_a_state_file(void **state)
{
    struct replan_world *world = *state;
    store_close(world->store);
    world->store = NULL;
    tree_put_cluster(world->tree, "etl.yaml", "etl", "");
    world_plan(world, "etl");
    world_plan(world, "etl");
    assert_true(world->had_memo);
    /* The first record makes another plan of it. */
    world->store = scratch_open(world->scratch->file, STORE_WRITE);
    world_apply(world, "etl");
    world_plan(world, "etl");
    assert_false(world->had_memo);
    world_plan(world, "");
}

static void test_unchanged_is_nothing_wanted(void **state)
{
    struct replan_world *world = at_rest(state);
    world_apply(world, "new");
    world_plan(world, "adhoc etl ml new");
    world_plan(world, "");
    assert_int_equal(world->passed_over, 4);
    world_restart(world);
    world_plan(world, "");
    assert_true(world->had_memo);
}

static void test_one_file_that_changed(void **state)
{
    struct replan_world *world = at_rest(state);
    tree_put_cluster(world->tree, "ml.yaml", "ml", "  autotermination_minutes: 30\n");
    world_plan(world, "ml new");
    assert_int_equal(world->passed_over, 2);
    world_plan(world, "ml new"); /* it needs something: it is looked at each time */
    tree_put_cluster(world->tree, "ml.yaml", "ml", "");
    world_plan(world, "ml new");
    world_plan(world, "new"); /* as it was: quiet again */
    assert_int_equal(world->passed_over, 3);
}

static void test_a_touched_file_is_no_change(void **state)
{
    struct replan_world *world = at_rest(state);
    tree_put_cluster(world->tree, "ml.yaml", "ml", "");
    world_plan(world, "new");
}

static void test_defaults_that_changed_are_a_change_of_all_below(void **state)
{
    struct replan_world *world = at_rest(state);
    tree_put(world->tree, "defaults.yaml",
             "apiVersion: clusterkeeper/v1\nkind: Defaults\nspec: {autotermination_minutes: 90}\n");
    world_plan(world, "adhoc etl ml new");
    assert_true(world->had_memo);
}

static void test_a_new_manifest(void **state)
{
    struct replan_world *world = at_rest(state);
    tree_put_cluster(world->tree, "extra.yaml", "extra", "");
    world_plan(world, "extra new");
    world_plan(world, "extra new");
}

/* Nobody asks about a name whose manifest is gone: it has to come from the memo. */
static void test_a_manifest_that_went(void **state)
{
    struct replan_world *world = at_rest(state);
    tree_remove(world->tree, "etl.yaml");
    world_plan(world, "etl new");
    assert_int_equal(world->passed_over, 2);
    world_plan(world, "etl new");
    tree_put_cluster(world->tree, "etl.yaml", "etl", "");
    world_plan(world, "etl new");
    world_plan(world, "new");
}

static void test_many_manifests_that_went(void **state)
{
    struct replan_world *world = at_rest(state);
    tree_remove(world->tree, "adhoc.yaml");
    tree_remove(world->tree, "ml.yaml");
    tree_remove(world->tree, "new.yaml"); /* with nothing behind it */
    world_plan(world, "adhoc ml");
    world_plan(world, "adhoc ml");
}

/* It needs nothing, and has no manifest: counted as unchanged all the same. */
static void test_an_orphan_is_counted_each_time(void **state)
{
    struct replan_world *world = at_rest(state);
    world_record(world, &(struct record){ .name = "left",
                                          .cluster_id = "id-left",
                                          .phase = PHASE_ORPHANED,
                                          .pinned = -1 });
    world_plan(world, "adhoc etl left ml new");
    world_plan(world, "left new");
    world_plan(world, "left new");
}

static void test_an_unreadable_directory_is_another_matter(void **state)
{
    struct replan_world *world = at_rest(state);
    tree_put(world->tree, "bad.yaml", "nonsense: true\n");
    world_plan(world, "adhoc etl ml new");
    tree_remove(world->tree, "etl.yaml"); /* must not be pruned now */
    world_plan(world, "etl new");
    tree_remove(world->tree, "bad.yaml");
    world_plan(world, "adhoc etl ml new"); /* and now it is */
}

static void test_another_generation_is_everything(void **state)
{
    struct replan_world *world = at_rest(state);
    world_record(world, &(struct record){ .name = "other", .phase = PHASE_NONE, .pinned = -1 });
    world_plan(world, NULL);
    assert_false(world->had_memo);
    world_plan(world, NULL);
    assert_true(world->had_memo);
    world_see(world, "etl", "id-etl", "14.3.x-scala2.12"); /* by hand */
    world_plan(world, NULL);
    assert_false(world->had_memo);
    world_plan(world, NULL);
    assert_true(world->had_memo);
    world_lose(world, "id-ml");
    world_plan(world, NULL);
    assert_false(world->had_memo);
}

static void test_another_policy_is_everything(void **state)
{
    struct replan_world *world = at_rest(state);
    world->prune_unclaimed = true;
    world_plan(world, "adhoc etl ml new");
    world->prune_unclaimed = false;
    world_plan(world, "adhoc etl ml new");
    world_plan(world, "new");
}

static void test_a_damaged_memo_is_none(void **state)
{
    struct replan_world *world = at_rest(state);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *bytes = NULL;
    size_t len = 0;
    struct err err;
    must(cache_blob_get(world->cache, "memo", &arena, &bytes, &len, &err));
    for (size_t i = 0; i < len; i += 7) {
        char *bad = arena_alloc(&arena, len);
        memcpy(bad, bytes, len);
        bad[i] = (char)(bad[i] ^ 1);
        must(cache_blob_put(world->cache, "memo", bad, len, &err));
        world_plan(world, "adhoc etl ml new");
        assert_false(world->had_memo);
        world_plan(world, "new"); /* and it was made anew */
    }
}

/* ---- whatever happens, it is the same plan ---- */

enum { WORLD_NAMES = 6, PROPERTY_STEPS = 300 };

static void change_manifest(struct replan_world *world, struct prng *prng, const char *name)
{
    static const char *const more[] = { "", "  autotermination_minutes: 10\n",
                                        "keep: {suspend: true}\n", "keep: {drift: report}\n",
                                        "keep: {prune: orphan}\n" };
    char path[32];
    (void)snprintf(path, sizeof(path), "%s.yaml", name);
    tree_put_cluster(world->tree, path, name, more[prng_below(prng, COUNT_OF(more))]);
}

static void change_known(struct replan_world *world, struct prng *prng, const char *name)
{
    static const enum phase phases[] = { PHASE_NONE, PHASE_READY, PHASE_ORPHANED, PHASE_REMOVING };
    char id[32];
    (void)snprintf(id, sizeof(id), "id-%s", name);
    struct record record = { .name = name, .cluster_id = id, .pinned = -1 };
    record.phase = phases[prng_below(prng, COUNT_OF(phases))];
    switch (prng_below(prng, 5)) {
    case 0:
        world_record(world, &record);
        break;
    case 1:
        world_drop_record(world, name);
        break;
    case 2:
        world_see(world, name, id, SPARK);
        break;
    case 3:
        world_see(world, name, id, "14.3.x-scala2.12");
        break;
    default:
        world_lose(world, id);
        break;
    }
}

static void change_something(struct replan_world *world, struct prng *prng, bool present[])
{
    static const char *const names[WORLD_NAMES] = { "a", "b", "c", "d", "e", "f" };
    size_t i = (size_t)prng_below(prng, WORLD_NAMES);
    char path[32];
    (void)snprintf(path, sizeof(path), "%s.yaml", names[i]);
    switch (prng_below(prng, 8)) {
    case 0:
    case 1:
        change_manifest(world, prng, names[i]);
        present[i] = true;
        break;
    case 2:
        if (present[i]) tree_remove(world->tree, path);
        present[i] = false;
        break;
    case 3:
    case 4:
        if (present[i]) world_apply(world, names[i]);
        break;
    case 5:
        change_known(world, prng, names[i]);
        break;
    case 6:
        tree_put(world->tree, "bad.yaml", prng_below(prng, 4) == 0 ? "nonsense: true\n" : "");
        break;
    default:
        world->allow_empty = prng_below(prng, 4) == 0;
        world->prune_unclaimed = !world->allow_empty && prng_below(prng, 3) == 0;
        break;
    }
}

static void test_the_same_plan_whatever_happens(void **state)
{
    struct replan_world *world = *state;
    bool present[WORLD_NAMES] = { false };
    struct prng prng;
    size_t remembered = 0;
    size_t passed_over = 0;
    prng_init(&prng, 11);
    for (int i = 0; i < PROPERTY_STEPS; i++) {
        for (uint64_t n = prng_below(&prng, 4); n > 0; n--) {
            change_something(world, &prng, present);
        }
        if (prng_below(&prng, 4) == 0) world_restart(world);
        world_plan(world, NULL);
        remembered += world->had_memo;
        passed_over += world->passed_over;
    }
    /* The comparison says nothing unless memos were used. */
    assert_in_range(remembered, PROPERTY_STEPS / 10, PROPERTY_STEPS);
    assert_true(passed_over > PROPERTY_STEPS / 10);
}

int main(void)
{
#define IN_WORLD(test) \
    cmocka_unit_test_setup_teardown(test, replan_world_set_up, replan_world_tear_down)
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_nothing_known_is_everything_wanted),
        IN_WORLD(test_without_a_state_file),
        IN_WORLD(test_unchanged_is_nothing_wanted),
        IN_WORLD(test_one_file_that_changed),
        IN_WORLD(test_a_touched_file_is_no_change),
        IN_WORLD(test_defaults_that_changed_are_a_change_of_all_below),
        IN_WORLD(test_a_new_manifest),
        IN_WORLD(test_a_manifest_that_went),
        IN_WORLD(test_many_manifests_that_went),
        IN_WORLD(test_an_orphan_is_counted_each_time),
        IN_WORLD(test_an_unreadable_directory_is_another_matter),
        IN_WORLD(test_another_generation_is_everything),
        IN_WORLD(test_another_policy_is_everything),
        IN_WORLD(test_a_damaged_memo_is_none),
        IN_WORLD(test_the_same_plan_whatever_happens),
    };
#undef IN_WORLD
    return cmocka_run_group_tests(tests, NULL, NULL);
}

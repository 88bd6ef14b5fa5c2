#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scene.h"

static void test_states(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum cluster_state state;
        bool live, moving;
    } rows[] = {
        { "PENDING", CLUSTER_PENDING, true, true },
        { "RUNNING", CLUSTER_RUNNING, true, false },
        { "RESTARTING", CLUSTER_RESTARTING, true, true },
        { "RESIZING", CLUSTER_RESIZING, true, true },
        { "TERMINATING", CLUSTER_TERMINATING, false, true },
        { "TERMINATED", CLUSTER_TERMINATED, false, false },
        { "ERROR", CLUSTER_ERROR, false, false },
        { "UNKNOWN", CLUSTER_UNKNOWN, true, false },
    };
    assert_int_equal(COUNT_OF(rows), CLUSTER_STATE_COUNT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(cluster_state_from_name(rows[i].name), rows[i].state);
        assert_string_equal(cluster_state_name(rows[i].state), rows[i].name);
        assert_int_equal(cluster_is_live(rows[i].state), rows[i].live);
        assert_int_equal(cluster_is_moving(rows[i].state), rows[i].moving);
    }
    assert_int_equal(cluster_state_from_name("HIBERNATED"), CLUSTER_UNKNOWN);
    assert_int_equal(cluster_state_from_name(NULL), CLUSTER_UNKNOWN);
}

static void check_tags(const char *effective, const char *owner, const char *name)
{
    struct scene scene;
    scene_open(&scene);
    struct observed observed = { .effective = scene_observed(&scene, effective) };
    observed_read_tags(&observed);
    assert_string_equal(observed.owner == NULL ? "-" : observed.owner, owner);
    assert_string_equal(observed.name == NULL ? "-" : observed.name, name);
    scene_close(&scene);
}

static void test_tags_are_found_under_both_keys(void **state)
{
    (void)state;
    check_tags("{}", "-", "-");
    check_tags("{\"custom_tags\":{\"clusterkeeper-owner\":\"me\",\"clusterkeeper-name\":\"etl\"}}",
               "me", "etl");
    check_tags("{\"custom_tags\":{\"x_clusterkeeper-owner\":\"me\"}}", "me", "-");
    check_tags("{\"custom_tags\":{\"x_clusterkeeper-owner\":\"old\","
               "\"clusterkeeper-owner\":\"me\"}}",
               "me", "-");
    check_tags(
        "{\"custom_tags\":{\"x_x_clusterkeeper-owner\":\"me\",\"yyclusterkeeper-name\":\"a\"}}",
        "-", "-");
    check_tags("{\"custom_tags\":{\"xyclusterkeeper-owner\":\"me\"}}", "-", "-");
    check_tags("{\"custom_tags\":[\"clusterkeeper-owner\"]}", "-", "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_tags_are_found_under_both_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

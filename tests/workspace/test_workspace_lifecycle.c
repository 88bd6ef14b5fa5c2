/*
 * States, launches and endings: what each call does in each state, how launches fail, and what
 * time does to clusters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"

#define DAY ((int64_t)24 * 3600 * 1000)

/* A cluster brought into a state, by its calls and the time that passes. */
static void bring_to(struct fixture *fixture, const char *state)
{
    create(fixture, SPEC);
    if (strcmp(state, "PENDING") == 0) return;
    pass(fixture, 10 * MINUTES);
    if (strcmp(state, "RESTARTING") == 0) post_id(fixture, "clusters/restart", "");
    if (strcmp(state, "RESIZING") == 0) post_id(fixture, "clusters/resize", ",\"num_workers\":3");
    if (strncmp(state, "TERMINAT", 8) == 0) post_id(fixture, "clusters/delete", "");
    if (strcmp(state, "TERMINATED") == 0) pass(fixture, 10 * MINUTES);
    expect_state(fixture, state);
}

/* databricks-api.md 3.2, cell by cell: the state after the call; NULL: 400 INVALID_STATE. */
static void test_calls_in_states(void **state)
{
    struct fixture *fixture = *state;
    static const char *const states[] = { "PENDING",  "RUNNING",     "RESTARTING",
                                          "RESIZING", "TERMINATING", "TERMINATED" };
    static const char *const titles[] = { "Pending",  "Running",     "Restarting",
                                          "Resizing", "Terminating", "Terminated" };
    static const struct {
        const char *path, *more;
        const char *after[6];
    } rows[] = {
        { "clusters/edit",
          "," SMALL ",\"num_workers\":2",
          { NULL, "RESTARTING", NULL, NULL, NULL, "TERMINATED" } },
        { "clusters/update",
          ",\"update_mask\":\"num_workers\",\"cluster\":{\"num_workers\":4}",
          { NULL, "RESTARTING", NULL, NULL, NULL, "TERMINATED" } },
        { "clusters/start", "", { NULL, NULL, NULL, NULL, NULL, "PENDING" } },
        { "clusters/restart", "", { NULL, "RESTARTING", NULL, NULL, NULL, NULL } },
        { "clusters/resize", ",\"num_workers\":4", { NULL, "RESIZING", NULL, NULL, NULL, NULL } },
        { "clusters/delete",
          "",
          { "TERMINATING", "TERMINATING", "TERMINATING", "TERMINATING", "TERMINATING",
            "TERMINATED" } },
        { "clusters/pin",
          "",
          { "PENDING", "RUNNING", "RESTARTING", "RESIZING", "TERMINATING", "TERMINATED" } },
        { "clusters/change-owner",
          ",\"owner_username\":\"o@example.com\"",
          { NULL, NULL, NULL, NULL, NULL, "TERMINATED" } },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t j = 0; j < COUNT_OF(states); j++) {
            bring_to(fixture, states[j]);
            int status = post_id(fixture, rows[i].path, rows[i].more);
            if (rows[i].after[j] == NULL) {
                const char *words = arena_printf(&fixture->arena,
                                                 "Cluster %s is in unexpected "
                                                 "state %s.",
                                                 fixture->id, titles[j]);
                expect_error(fixture, 400, "INVALID_STATE", words);
                expect_state(fixture, states[j]);
            } else {
                assert_int_equal(status, 200);
                expect_state(fixture, rows[i].after[j]);
            }
        }
    }
}

static void test_unknown_clusters(void **state)
{
    struct fixture *fixture = *state;
    static const char *const paths[] = { "clusters/edit",     "clusters/update",
                                         "clusters/start",    "clusters/pin",
                                         "clusters/resize",   "clusters/restart",
                                         "clusters/delete",   "clusters/events",
                                         "libraries/install", "clusters/permanent-delete" };
    memcpy(fixture->id, "0101-000000-abcdefgh", 21);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        post_id(fixture, paths[i], ",\"num_workers\":1,\"libraries\":[{\"jar\":\"a\"}]");
        expect_error(fixture, 400, "INVALID_PARAMETER_VALUE",
                     "Cluster 0101-000000-abcdefgh does not exist");
    }
    send(fixture, "GET", "clusters/get?cluster_id=0101-000000-abcdefgh", NULL);
    expect_error(fixture, 400, "INVALID_PARAMETER_VALUE", "does not exist");
    model_switches(fixture->model)->delete_unknown_ok = 1;
    assert_int_equal(post_id(fixture, "clusters/permanent-delete", ""), 200);
}

static void test_permanent_delete(void **state)
{
    struct fixture *fixture = *state;
    bring_to(fixture, "RUNNING");
    post_id(fixture, "clusters/pin", "");
    post_id(fixture, "clusters/permanent-delete", "");
    expect_error(fixture, 400, "INVALID_STATE", "unpin the cluster first");
    post_id(fixture, "clusters/unpin", "");
    assert_int_equal(post_id(fixture, "clusters/permanent-delete", ""), 200);
    expect_state(fixture, "TERMINATING");
    assert_int_equal(model_count_all_live(fixture->model), 0);
    pass(fixture, MINUTES);
    post_id(fixture, "clusters/delete", "");
    expect_error(fixture, 400, "INVALID_PARAMETER_VALUE", "does not exist");
    assert_int_equal(model_cluster_count(fixture->model), 0);
    bring_to(fixture, "TERMINATED");
    assert_int_equal(post_id(fixture, "clusters/permanent-delete", ""), 200);
    assert_int_equal(model_cluster_count(fixture->model), 0);
    assert_int_equal(model_next_event_ms(fixture->model), INT64_MAX);
}

static void test_retention(void **state)
{
    struct fixture *fixture = *state;
    bring_to(fixture, "TERMINATED");
    post_id(fixture, "clusters/pin", "");
    pass(fixture, 90 * DAY);
    expect_state(fixture, "TERMINATED");
    post_id(fixture, "clusters/unpin", ""); /* the 30 days begin anew */
    pass(fixture, 29 * DAY);
    expect_state(fixture, "TERMINATED");
    pass(fixture, DAY);
    send(fixture, "GET", arena_printf(&fixture->arena, "clusters/get?cluster_id=%s", fixture->id),
         NULL);
    expect_error(fixture, 400, "INVALID_STATE",
                 "that was terminated or unpinned more than 30 days ago.");
    send(fixture, "GET", arena_printf(&fixture->arena, "permissions/clusters/%s", fixture->id),
         NULL);
    expect_error(fixture, 400, "INVALID_STATE", "Cannot access cluster");
    send(fixture, "GET", "clusters/list", NULL);
    assert_null(value_get(fixture->answer, "clusters"));
}

static void test_transitions_take_their_time(void **state)
{
    struct fixture *fixture = *state;
    create(fixture, SPEC);
    pass(fixture, 4 * MINUTES - 1);
    expect_state(fixture, "PENDING");
    pass(fixture, 1);
    expect_state(fixture, "RUNNING");
    assert_int_equal(int_at(fixture->answer, "last_restarted_time"), model_now_ms(fixture->model));
    assert_int_equal(model_next_event_ms(fixture->model), INT64_MAX);
    post_id(fixture, "clusters/resize", ",\"num_workers\":7");
    expect_state(fixture, "RESIZING");
    assert_int_equal(int_at(fixture->answer, "num_workers"), 7);
    assert_int_equal(int_at(fixture->answer, "spec.num_workers"), 7);
    int64_t due = model_next_event_ms(fixture->model);
    assert_int_equal(due, model_now_ms(fixture->model) + MINUTES);
    model_set_time(fixture->model, due);
    expect_state(fixture, "RUNNING");
    model_switches(fixture->model)->resize_refreshes = 0;
    post_id(fixture, "clusters/resize", ",\"autoscale\":{\"min_workers\":1,\"max_workers\":3}");
    get(fixture);
    assert_int_equal(int_at(fixture->answer, "autoscale.max_workers"), 3);
    assert_null(value_at(fixture->answer, "num_workers"));
    assert_int_equal(int_at(fixture->answer, "spec.num_workers"), 7);
    model_set_time(fixture->model, 0); /* never back */
    assert_true(model_now_ms(fixture->model) >= due);
}

#define WITH_IMAGE(more) WITH("\"docker_image\":{\"url\":\"acme/etl:1\"" more "}")
#define LOGIN(password)  ",\"basic_auth\":{\"username\":\"u\",\"password\":\"" password "\"}"

static void test_images(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *spec;
        enum model_image image;
        bool exact;
        const char *code, *type, *words; /* code NULL: it runs */
    } rows[] = {
        { WITH_IMAGE(""), MODEL_IMAGE_OK, false, NULL, NULL, NULL },
        { WITH_IMAGE(""), MODEL_IMAGE_MISSING, false, "CONTAINER_LAUNCH_FAILURE", "CLIENT_ERROR",
          "Image doesn't exist or invalid credential to pull image from acme/etl:1" },
        { WITH_IMAGE(""), MODEL_IMAGE_MISSING, true, "DOCKER_IMAGE_PULL_FAILURE", "CLIENT_ERROR",
          "manifest unknown" },
        { WITH_IMAGE(LOGIN("p")), MODEL_IMAGE_DENIED, true, "IMAGE_PULL_PERMISSION_DENIED",
          "CLIENT_ERROR", "unauthorized" },
        { WITH_IMAGE(""), MODEL_IMAGE_PRIVATE, false, "CONTAINER_LAUNCH_FAILURE", "CLIENT_ERROR",
          "unauthorized" },
        { WITH_IMAGE(LOGIN("wrong")), MODEL_IMAGE_PRIVATE, false, "CONTAINER_LAUNCH_FAILURE",
          "CLIENT_ERROR", "unauthorized" },
        { WITH_IMAGE(LOGIN("right")), MODEL_IMAGE_PRIVATE, false, NULL, NULL, NULL },
        { WITH_IMAGE(LOGIN("{{secrets/s/k}}")), MODEL_IMAGE_PRIVATE, false, NULL, NULL, NULL },
        { WITH_IMAGE(""), MODEL_IMAGE_TIMEOUT, false, "CONTAINER_LAUNCH_FAILURE", "SERVICE_FAULT",
          "Container setup has timed out" },
        { WITH_IMAGE(""), MODEL_IMAGE_TOO_LARGE, true,
          "DOCKER_IMAGE_TOO_LARGE_FOR_INSTANCE_EXCEPTION", "CLIENT_ERROR", "acme/etl:1" },
        { WITH_IMAGE(""), MODEL_IMAGE_WRONG_OS, true, "DOCKER_INVALID_OS_EXCEPTION", "CLIENT_ERROR",
          "linux/amd64" },
        { WITH_IMAGE(""), MODEL_IMAGE_BROKEN, false, "SPARK_ERROR", "CLIENT_ERROR", "Driver down" },
        { SPEC, MODEL_IMAGE_MISSING, false, NULL, NULL, NULL }, /* not its image */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        model_set_image(fixture->model, "acme/etl:1", rows[i].image, "right");
        model_switches(fixture->model)->image_codes_exact = rows[i].exact;
        create(fixture, rows[i].spec);
        pass(fixture, 10 * MINUTES);
        expect_state(fixture, rows[i].code == NULL ? "RUNNING" : "TERMINATED");
        if (rows[i].code == NULL) continue;
        const struct value *cluster = fixture->answer;
        assert_string_equal(text_at(cluster, "termination_reason.code"), rows[i].code);
        assert_string_equal(text_at(cluster, "termination_reason.type"), rows[i].type);
        assert_non_null(strstr(text_at(cluster, "state_message"), rows[i].words));
        assert_non_null(
            strstr(text_at(cluster, "termination_reason.parameters.databricks_error_message"),
                   rows[i].words));
    }
}

static void test_slow_image(void **state)
{
    struct fixture *fixture = *state;
    model_set_image(fixture->model, "acme/etl:1", MODEL_IMAGE_SLOW, NULL);
    create(fixture, WITH_IMAGE(""));
    pass(fixture, 18 * MINUTES);
    expect_state(fixture, "PENDING");
    pass(fixture, MINUTES);
    expect_state(fixture, "RUNNING");
}

/* An image that went bad stops a restart too, and its mending lets the next start pass. */
static void test_restart_pulls_again(void **state)
{
    struct fixture *fixture = *state;
    create(fixture, WITH_IMAGE(""));
    pass(fixture, 10 * MINUTES);
    model_set_image(fixture->model, "acme/etl:1", MODEL_IMAGE_MISSING, NULL);
    post_id(fixture, "clusters/restart", "");
    pass(fixture, 10 * MINUTES);
    expect_state(fixture, "TERMINATED");
    model_set_image(fixture->model, "acme/etl:1", MODEL_IMAGE_OK, NULL);
    post_id(fixture, "clusters/start", "");
    expect_state(fixture, "PENDING");
    assert_null(value_get(fixture->answer, "termination_reason"));
    pass(fixture, 10 * MINUTES);
    expect_state(fixture, "RUNNING");
    struct model_view view;
    assert_true(model_view_find(fixture->model, fixture->id, &view));
    assert_int_equal(view.launches, 3);
    assert_int_equal(view.nodes_launched, 6);
}

#define SCRIPT(path) "{\"workspace\":{\"destination\":\"" path "\"}}"
#define WITH_SCRIPTS \
    WITH("\"init_scripts\":[" SCRIPT("/Shared/a.sh") "," SCRIPT("/Shared/b.sh") "]")

static void test_scripts(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        enum model_script script;
        int64_t checked;
        const char *content; /* of /Shared/a.sh; NULL: not uploaded */
        const char *status;  /* FAILED_...; NULL: it runs */
    } rows[] = {
        { MODEL_SCRIPT_DEFAULT, 0, NULL, NULL },
        { MODEL_SCRIPT_DEFAULT, 1, NULL, "FAILED_FETCH" },
        { MODEL_SCRIPT_MISSING, 0, NULL, "FAILED_FETCH" },
        { MODEL_SCRIPT_FAILS, 0, NULL, "FAILED_EXECUTION" },
        { MODEL_SCRIPT_DEFAULT, 0, "#!/bin/sh\nexit 3\n", "FAILED_EXECUTION" },
        { MODEL_SCRIPT_OK, 0, "#!/bin/sh\nexit 3\n", NULL },
        { MODEL_SCRIPT_DEFAULT, 0, "#!/bin/sh\nexit 0\n", NULL },
    };
    model_set_script(fixture->model, "/Shared/b.sh", MODEL_SCRIPT_OK);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        model_set_script(fixture->model, "/Shared/a.sh", rows[i].script);
        model_switches(fixture->model)->scripts_checked = rows[i].checked;
        if (rows[i].content != NULL) {
            assert_int_equal(post(fixture,
                                  "workspace-files/import-file/%2FShared%2Fa.sh?overwrite=true",
                                  rows[i].content),
                             200);
        }
        create(fixture, WITH_SCRIPTS);
        pass(fixture, 10 * MINUTES);
        expect_state(fixture, rows[i].status == NULL ? "RUNNING" : "TERMINATED");
        if (rows[i].status == NULL) continue;
        assert_string_equal(text_at(fixture->answer, "termination_reason.code"),
                            "INIT_SCRIPT_FAILURE");
        assert_non_null(strstr(text_at(fixture->answer, "state_message"), "/Shared/a.sh failed"));
        post_id(fixture, "clusters/events", ",\"event_types\":[\"INIT_SCRIPTS_FINISHED\"]");
        assert_true(body_has(fixture, rows[i].status));
        assert_true(body_has(fixture, "NOT_EXECUTED"));
    }
}

static void test_stockout(void **state)
{
    struct fixture *fixture = *state;
    model_set_stockout(fixture->model, 1);
    create(fixture, SPEC);
    pass(fixture, 10 * MINUTES);
    assert_string_equal(text_at(get(fixture), "termination_reason.type"), "CLOUD_FAILURE");
    post_id(fixture, "clusters/start", "");
    pass(fixture, 10 * MINUTES);
    expect_state(fixture, "RUNNING");
}

static void test_idle_clusters_end(void **state)
{
    struct fixture *fixture = *state;
    model_switches(fixture->model)->autoterminate = 1;
    create(fixture, WITH("\"autotermination_minutes\":120"));
    pass(fixture, 4 * MINUTES + 120 * MINUTES - 1);
    expect_state(fixture, "RUNNING");
    pass(fixture, 10 * MINUTES);
    assert_string_equal(text_at(get(fixture), "termination_reason.code"), "INACTIVITY");
    assert_string_equal(text_at(fixture->answer, "state_message"),
                        "Inactive cluster terminated (inactive for 120 minutes).");
    create(fixture, SPEC); /* unset means never */
    pass(fixture, 40 * DAY);
    expect_state(fixture, "RUNNING");
}

static void test_switches_of_states(void **state)
{
    struct fixture *fixture = *state;
    struct model_switches *switches = model_switches(fixture->model);
    bring_to(fixture, "RUNNING");
    switches->start_live_ok = 1;
    assert_int_equal(post_id(fixture, "clusters/start", ""), 200);
    expect_state(fixture, "RUNNING");
    switches->tag_edit_restarts = 0;
    post_id(fixture, "clusters/edit", "," SMALL ",\"num_workers\":2,\"custom_tags\":{\"a\":\"b\"}");
    expect_state(fixture, "RUNNING");
    assert_string_equal(text_at(fixture->answer, "custom_tags.a"), "b");
    post_id(fixture, "clusters/edit", "," SMALL ",\"num_workers\":3");
    expect_state(fixture, "RESTARTING");
    post_id(fixture, "clusters/delete", "");
    pass(fixture, 10 * MINUTES);
    switches->restart_ended_ok = 1;
    assert_int_equal(post_id(fixture, "clusters/restart", ""), 200);
    expect_state(fixture, "TERMINATED");
    assert_string_equal(text_at(fixture->answer, "termination_reason.code"), "USER_REQUEST");
    switches->edit_clears_reason = 1;
    post_id(fixture, "clusters/edit", "," SMALL ",\"num_workers\":4");
    assert_null(value_get(get(fixture), "termination_reason"));
    switches->admin = 0;
    post_id(fixture, "clusters/pin", "");
    expect_error(fixture, 403, "PERMISSION_DENIED", "administrator");
}

static void test_pins_are_limited(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 100; i++) {
        create(fixture, SPEC);
        assert_int_equal(post_id(fixture, "clusters/pin", ""), 200);
    }
    assert_int_equal(post_id(fixture, "clusters/pin", ""), 200); /* again: nothing new */
    assert_string_equal(text_at(get(fixture), "pinned_by_user_name"), "8312474716237915");
    create(fixture, SPEC);
    post_id(fixture, "clusters/pin", "");
    expect_error(fixture, 400, "QUOTA_EXCEEDED", "100");
    send(fixture, "GET", "clusters/list?filter_by.is_pinned=true&page_size=100", NULL);
    assert_int_equal(value_get(fixture->answer, "clusters")->len, 100);
}

static void test_bucket_of_nodes(void **state)
{
    struct fixture *fixture = *state;
    model_switches(fixture->model)->nodes_burst = 7;
    model_switches(fixture->model)->nodes_per_min = 3;
    pass(fixture, 10 * MINUTES);
    create(fixture, SPEC);
    create(fixture, SPEC);
    post(fixture, "clusters/create", SPEC);
    expect_error(fixture, 429, "REQUEST_LIMIT_EXCEEDED", "too quickly");
    pass(fixture, MINUTES);
    create(fixture, SPEC);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_calls_in_states),
        TEST(test_unknown_clusters),
        TEST(test_permanent_delete),
        TEST(test_retention),
        TEST(test_transitions_take_their_time),
        TEST(test_images),
        TEST(test_slow_image),
        TEST(test_restart_pulls_again),
        TEST(test_scripts),
        TEST(test_stockout),
        TEST(test_idle_clusters_end),
        TEST(test_switches_of_states),
        TEST(test_pins_are_limited),
        TEST(test_bucket_of_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

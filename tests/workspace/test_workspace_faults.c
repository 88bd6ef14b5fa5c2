/*
 * The hostile side: faults, other people, requests that make no sense; the log of calls; the same
 * seed giving the same bytes; the control path.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control.h"
#include "fixture.h"

static const struct {
    struct model_fault fault;
    enum model_transport transport;
    int status;
    const char *body;  /* in the answer; NULL: do not look */
    size_t made;       /* clusters afterwards */
    int retry_after_s; /* -1: none */
    int64_t delay_ms;
} fault_rows[] = {
    { { .kind = MODEL_FAULT_STATUS }, MODEL_ANSWER, 503, "TEMPORARILY_UNAVAILABLE", 0, -1, 0 },
    { { .kind = MODEL_FAULT_STATUS, .status = 429, .retry_after_s = 7 },
      MODEL_ANSWER,
      429,
      "RESOURCE_EXHAUSTED",
      0,
      7,
      0 },
    { { .kind = MODEL_FAULT_STATUS, .status = 504, .acts = true, .code = "X" },
      MODEL_ANSWER,
      504,
      "\"error_code\":\"X\"",
      1,
      -1,
      0 },
    { { .kind = MODEL_FAULT_DELAY, .delay_ms = 1500 },
      MODEL_ANSWER,
      200,
      "cluster_id",
      1,
      -1,
      1500 },
    { { .kind = MODEL_FAULT_LOST, .delay_ms = 9 }, MODEL_LOST, 200, NULL, 1, -1, 9 },
    { { .kind = MODEL_FAULT_RESET }, MODEL_RESET, 200, NULL, 0, -1, 0 },
    { { .kind = MODEL_FAULT_CUT }, MODEL_CUT, 200, "cluster_id", 1, -1, 0 },
    { { .kind = MODEL_FAULT_GARBAGE }, MODEL_ANSWER, 200, "\x1f\x8b", 1, -1, 0 },
    { { .kind = MODEL_FAULT_HTML, .status = 502 }, MODEL_ANSWER, 502, "<title>", 0, -1, 0 },
    { { .kind = MODEL_FAULT_EMPTY, .status = 502 }, MODEL_ANSWER, 502, "", 0, -1, 0 },
    { { .kind = MODEL_FAULT_STATUS, .path = "clusters/create" },
      MODEL_ANSWER,
      503,
      NULL,
      0,
      -1,
      0 },
    { { .kind = MODEL_FAULT_STATUS, .path = "clusters/*", .method = "POST" },
      MODEL_ANSWER,
      503,
      NULL,
      0,
      -1,
      0 },
    { { .kind = MODEL_FAULT_STATUS, .path = "/api/2.1/clusters/create" },
      MODEL_ANSWER,
      503,
      NULL,
      0,
      -1,
      0 },
    { { .kind = MODEL_FAULT_STATUS, .path = "clusters/edit" }, MODEL_ANSWER, 200, NULL, 1, -1, 0 },
    { { .kind = MODEL_FAULT_STATUS, .method = "GET" }, MODEL_ANSWER, 200, NULL, 1, -1, 0 },
    { { .kind = MODEL_FAULT_STATUS, .skip = 1 }, MODEL_ANSWER, 200, NULL, 1, -1, 0 },
};

static void test_faults(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(fault_rows); i++) {
        size_t before = model_cluster_count(fixture->model);
        model_faults_clear(fixture->model);
        assert_true(model_fault_add(fixture->model, &fault_rows[i].fault));
        assert_int_equal(post(fixture, "clusters/create", SPEC), fault_rows[i].status);
        assert_int_equal(fixture->response.transport, fault_rows[i].transport);
        assert_int_equal(fixture->response.retry_after_s, fault_rows[i].retry_after_s);
        assert_int_equal(fixture->response.delay_ms, fault_rows[i].delay_ms);
        assert_int_equal(model_cluster_count(fixture->model) - before, fault_rows[i].made);
        if (fault_rows[i].body != NULL) assert_true(body_has(fixture, fault_rows[i].body));
    }
}

static void test_faults_are_counted(void **state)
{
    struct fixture *fixture = *state;
    static const int statuses[] = { 200, 503, 503, 200, 200 };
    struct model_fault fault = { .kind = MODEL_FAULT_STATUS, .skip = 1, .times = 2 };
    model_fault_add(fixture->model, &fault);
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        assert_int_equal(send(fixture, "GET", "clusters/list", NULL), statuses[i]);
    }
    uint64_t struck = 0;
    assert_non_null(model_fault_at(fixture->model, 0, &struck));
    assert_int_equal(struck, 2);
    model_faults_clear(fixture->model);
    fault = (struct model_fault){ .kind = MODEL_FAULT_STATUS, .permille = 300 };
    model_fault_add(fixture->model, &fault);
    unsigned failed = 0;
    for (int i = 0; i < 1000; i++) {
        failed += send(fixture, "GET", "clusters/list", NULL) == 503;
    }
    assert_in_range(failed, 230, 370);
    for (size_t i = model_faults_count(fixture->model); i < MODEL_FAULTS_MAX; i++) {
        assert_true(model_fault_add(fixture->model, &fault));
    }
    assert_false(model_fault_add(fixture->model, &fault));
}

static void test_rate_limit(void **state)
{
    struct fixture *fixture = *state;
    struct model_fault fault = {
        .kind = MODEL_FAULT_RATE, .burst = 3, .per_min = 60, .retry_after_s = 2
    };
    model_fault_add(fixture->model, &fault);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(send(fixture, "GET", "clusters/list", NULL), 200);
    }
    assert_int_equal(send(fixture, "GET", "clusters/list", NULL), 429);
    assert_int_equal(fixture->response.retry_after_s, 2);
    pass(fixture, 1000);
    assert_int_equal(send(fixture, "GET", "clusters/list", NULL), 200);
    assert_int_equal(send(fixture, "GET", "clusters/list", NULL), 429);
}

static void test_actors(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    char other[MODEL_ID_SIZE];
    const struct value *patch = NULL;
    const char *text = "{\"spark_conf\":{\"by\":\"hand\"}}";
    assert_true(json_read(&fixture->arena, text, strlen(text), &patch, &err));
    create(fixture, WITH("\"custom_tags\":{\"owner\":\"me\"}"));
    assert_false(model_act(fixture->model, MODEL_ACTOR_EDIT, fixture->id, patch, NULL, &err));
    assert_non_null(strstr(err.text, "unexpected state Pending"));
    pass(fixture, 10 * MINUTES);
    assert_true(model_act(fixture->model, MODEL_ACTOR_EDIT, fixture->id, patch, NULL, &err));
    expect_state(fixture, "RESTARTING");
    assert_string_equal(text_at(fixture->answer, "spark_conf.by"), "hand");
    assert_int_equal(int_at(fixture->answer, "num_workers"), 2);
    assert_true(model_act(fixture->model, MODEL_ACTOR_COPY, fixture->id, NULL, other, &err));
    assert_int_equal(model_count_live(fixture->model, "owner", "me"), 2);
    struct model_view view;
    assert_true(model_view_find(fixture->model, other, &view));
    assert_string_equal(view.source, "UI");
    assert_true(model_act(fixture->model, MODEL_ACTOR_LOSE, other, NULL, NULL, &err));
    assert_int_equal(model_count_live(fixture->model, "owner", "me"), 1);
    assert_true(model_act(fixture->model, MODEL_ACTOR_JOB, NULL, NULL, other, &err));
    memcpy(fixture->id, other, MODEL_ID_SIZE);
    pass(fixture, 10 * MINUTES);
    post_id(fixture, "clusters/edit", "," SMALL ",\"num_workers\":2");
    expect_error(fixture, 400, "INVALID_PARAMETER_VALUE", "created by JobLauncher");
    assert_true(model_act(fixture->model, MODEL_ACTOR_TERMINATE, other, NULL, NULL, &err));
    assert_string_equal(text_at(get(fixture), "termination_reason.parameters.username"),
                        "someone@example.com");
    assert_false(model_act(fixture->model, MODEL_ACTOR_START, "nobody", NULL, NULL, &err));
    assert_int_equal(err.code, ERR_NOT_FOUND);
    /* Nobody else's deeds are in the log of what the controller called. */
    assert_int_equal(model_calls_count(fixture->model, "clusters/create"), 1);
}

static void test_log_of_calls(void **state)
{
    struct fixture *fixture = *state;
    create(fixture, SPEC);
    get(fixture);
    send(fixture, "GET", "clusters/nonsense", NULL);
    expect_error(fixture, 404, "ENDPOINT_NOT_FOUND",
                 "No API found for 'GET /api/2.1/clusters/nonsense'");
    assert_int_equal(send_bytes(fixture, "POST", "/api/2.1/workspace/mkdirs", "{}", 2), 404);
    assert_int_equal(send_bytes(fixture, "GET", "/api/2.0/clusters/list", NULL, 0), 200);
    assert_int_equal(model_calls_count(fixture->model, NULL), 5);
    assert_int_equal(model_calls_count(fixture->model, "clusters/get"), 1);
    assert_int_equal(model_writes_count(fixture->model), 2);
    assert_int_equal(model_calls_kept(fixture->model), 5);
    const struct model_call *call = model_call_at(fixture->model, 0);
    assert_string_equal(call->name, "clusters/create");
    assert_string_equal(call->id, fixture->id);
    assert_int_equal(call->status, 200);
    assert_null(model_call_at(fixture->model, 5));
    model_calls_reset(fixture->model);
    assert_int_equal(model_calls_count(fixture->model, NULL), 0);
    for (int i = 0; i < MODEL_CALLS_MAX + 3; i++) {
        (void)send_bytes(fixture, "GET", i < 3 ? "/x" : "/api/2.0/preview/scim/v2/Me", NULL, 0);
    }
    assert_int_equal(model_calls_kept(fixture->model), MODEL_CALLS_MAX);
    assert_string_equal(model_call_at(fixture->model, 0)->name, "preview/scim/v2/Me");
}

static void test_token(void **state)
{
    struct fixture *fixture = *state;
    struct model_config config;
    model_config_defaults(&config);
    config.token = "dapi-1";
    model_destroy(fixture->model);
    fixture->model = model_create(&config);
    static const char list[] = "/api/2.1/clusters/list";
    static const struct {
        const char *path, *authorization;
        int status;
    } rows[] = {
        { list, NULL, 401 },
        { list, "Bearer dapi-2", 403 },
        { list, "dapi-1", 403 },
        { list, "Bearer dapi-1", 200 },
        { "/.well-known/databricks-config", NULL, 200 }, /* asked before there is a token */
        { "/api/2.1/.well-known/databricks-config", NULL, 401 },
        { "/clusters/list", NULL, 401 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct model_request request = { .method = "GET",
                                         .path = rows[i].path,
                                         .authorization = rows[i].authorization };
        model_response_release(&fixture->response);
        model_handle(fixture->model, &request, &fixture->response);
        assert_int_equal(fixture->response.status, rows[i].status);
    }
}

/* Bytes of all kinds to every route: an answer each time, never a crash. */
static void test_nonsense(void **state)
{
    struct fixture *fixture = *state;
    static const char *const bodies[] = {
        "",
        "{",
        "null",
        "[1]",
        "\"x\"",
        "{\"cluster_id\":7}",
        "{\"cluster_id\":{\"a\":[]}}",
        "{\"cluster_id\":\"\",\"libraries\":{}}",
        "\xff\xfe",
        "{\"path\":7}",
        "{\"path\":\"\"}",
        "{\"path\":\"//\"}",
        "{\"access_control_list\":7}",
        "{\"spark_version\":{},\"num_workers\":[]}",
        "{\"clone_from\":7,\"init_scripts\":[null]}",
        "{\"docker_image\":7,\"custom_tags\":[],\"autoscale\":\"x\"}",
    };
    create(fixture, SPEC);
    for (size_t i = 0; model_route_name(i) != NULL; i++) {
        for (size_t j = 0; j < COUNT_OF(bodies); j++) {
            static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
            for (size_t k = 0; k < COUNT_OF(methods); k++) {
                const char *path = arena_printf(
                    &fixture->arena, "%s?cluster_id=%%41&page_size=7&path=%%2f..&=&a=b=c&&",
                    model_route_name(i));
                assert_true(send(fixture, methods[k], path, bodies[j]) >= 200);
            }
        }
        arena_reset(&fixture->arena);
    }
    assert_int_equal(model_count_all_live(fixture->model), 1);
}

/* One story, told twice: the same seed gives the same bytes, another seed other IDs. */
static uint64_t tell(uint64_t seed, uint64_t *ret_last)
{
    struct model_config config;
    model_config_defaults(&config);
    config.seed = seed;
    config.delays.jitter_pct = 50;
    struct fixture *fixture = fixture_make(&config);
    struct model_fault fault = { .kind = MODEL_FAULT_STATUS, .permille = 200 };
    model_add_job_clusters(fixture->model, 30);
    model_fault_add(fixture->model, &fault);
    uint64_t hash = 1469598103934665603U;
    for (int i = 0; i < 60; i++) {
        (void)post(fixture, "clusters/create", SPEC);
        pass(fixture, 30000);
        (void)send(fixture, "GET", "clusters/list?page_size=100", NULL);
        const char *body = buf_text(&fixture->response.body);
        for (; *body != '\0'; body++) {
            hash = (hash ^ (unsigned char)*body) * 1099511628211U;
        }
    }
    *ret_last = (uint64_t)model_next_event_ms(fixture->model);
    void *state = fixture;
    teardown(&state);
    return hash;
}

static void test_same_seed_same_bytes(void **state)
{
    (void)state;
    uint64_t last[3];
    uint64_t hash[3] = { tell(7, &last[0]), tell(7, &last[1]), tell(8, &last[2]) };
    assert_true(hash[0] == hash[1] && last[0] == last[1]);
    assert_true(hash[0] != hash[2]);
}

static int control(struct fixture *fixture, struct control_clock *clock, const char *method,
                   const char *path, const char *body)
{
    struct model_request request = {
        .method = method, .path = path, .body = body, .body_len = body == NULL ? 0 : strlen(body)
    };
    model_response_release(&fixture->response);
    control_handle(fixture->model, clock, 1000, &request, &fixture->response);
    return fixture->response.status;
}

static void test_control(void **state)
{
    struct fixture *fixture = *state;
    struct control_clock clock = { model_now_ms(fixture->model), 1000, 60 };
    create(fixture, WITH("\"docker_image\":{\"url\":\"acme/etl:1\"}"));
    static const struct {
        const char *method, *path, *body;
        int status;
        const char *words;
    } rows[] = {
        { "POST", "image", "{\"url\":\"acme/etl:1\",\"behaviour\":\"missing\"}", 200, "{}" },
        { "POST", "image", "{\"url\":\"acme/etl:1\",\"behaviour\":\"odd\"}", 400,
          "'odd' is none of: ok, missing, denied, private, slow" },
        { "POST", "advance", "{\"ms\":600000}", 200, "now_ms" },
        { "GET", "clusters", NULL, 200, "\"state\":\"TERMINATED\"" },
        { "GET", "clusters", NULL, 200, "\"live\":0" },
        { "POST", "image", "{\"url\":\"acme/etl:1\",\"behaviour\":\"ok\"}", 200, "" },
        { "POST", "image", "{\"url\":\"acme/etl@" NO_DIGEST "\",\"behaviour\":\"ok\"}", 400,
          "nothing was pushed" },
        { "POST", "push", "{\"url\":\"acme/etl:1\"}", 200, "{\"digest\":\"sha256:" },
        { "POST", "push", "{\"url\":\"acme/etl@" NO_DIGEST "\"}", 400, "give the tag" },
        { "POST", "push", "{}", 400, "push needs url" },
        { "POST", "actor", "{\"action\":\"start\",\"name\":\"etl\"}", 200, "cluster_id" },
        { "POST", "actor", "{\"action\":\"start\",\"name\":\"etl\"}", 400, "unexpected state" },
        { "POST", "actor", "{\"action\":\"dance\"}", 400, "dance" },
        { "POST", "advance", "{\"events\":4}", 200, "now_ms" },
        { "GET", "clusters", NULL, 200, "\"state\":\"RUNNING\"" },
        { "GET", "clusters", NULL, 200, "\"image_digest\":\"sha256:" },
        { "POST", "advance", "{}", 400, "advance needs" },
        { "POST", "script", "{\"destination\":\"/a\",\"behaviour\":\"fails\"}", 200, "" },
        { "POST", "stockout", "{\"launches\":2}", 200, "" },
        { "POST", "policy", "{\"policy_id\":\"p\",\"path\":\"num_workers\",\"value\":3}", 200, "" },
        { "POST", "fault", "{\"kind\":\"lost\",\"path\":\"clusters/create\",\"times\":1}", 200,
          "" },
        { "POST", "fault", "{\"kind\":\"status\",\"status\":7}", 400, "599" },
        { "GET", "faults", NULL, 200, "\"kind\":\"lost\"" },
        { "DELETE", "faults", NULL, 200, "" },
        { "GET", "faults", NULL, 200, "\"faults\":[]" },
        { "POST", "jobs", "{\"count\":3}", 200, "" },
        { "GET", "clusters", NULL, 200, "\"count\":4" },
        { "GET", "requests", NULL, 200, "\"clusters/create\":1" },
        { "DELETE", "requests", NULL, 200, "" },
        { "GET", "requests", NULL, 200, "\"total\":0" },
        { "POST", "config", "{\"pending_ms\":5,\"scripts_checked\":true}", 200,
          "\"pending_ms\":5" },
        { "POST", "config", "{\"nonsense\":5}", 400, "nonsense" },
        { "GET", "config", NULL, 200, "\"scripts_checked\":1" },
        { "GET", "config", NULL, 200, "\"registry_auth\":2" },
        { "POST", "time", "{\"speed\":600}", 200, "\"speed\":600" },
        { "POST", "time", "{", 400, "error" },
        { "GET", "nowhere", NULL, 404, "nowhere" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *path = arena_printf(&fixture->arena, "/control/%s", rows[i].path);
        int status = control(fixture, &clock, rows[i].method, path, rows[i].body);
        if (status != rows[i].status || !body_has(fixture, rows[i].words)) {
            print_error("%s %s: %d %s\n", path, rows[i].body == NULL ? "" : rows[i].body, status,
                        buf_text(&fixture->response.body));
            fail();
        }
    }
    assert_int_equal(model_delays(fixture->model)->pending_ms, 5);
    assert_int_equal(control_clock_now(&clock, 2000), clock.virtual_ms + 600000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_faults),   TEST(test_faults_are_counted),   TEST(test_rate_limit),
        TEST(test_actors),   TEST(test_log_of_calls),         TEST(test_token),
        TEST(test_nonsense), TEST(test_same_seed_same_bytes), TEST(test_control),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "databricks/client.h"
#include "fake_port.h"
#include "secrets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

enum { CALLS_MAX = 400, DAY_MS = 86400000 };

#define HOST  "https://adb-1.azuredatabricks.net"
#define TOKEN "dapi-0123456789abcdef"
#define AGES  (INT64_MAX / 4)

/* A client, its fake workspace, and what came of its calls in the order of their ends. */
struct desk {
    struct fake_port fake;
    struct client_config config;
    struct client *client;
    struct client_call calls[CALLS_MAX];
    size_t ended[CALLS_MAX];
    int64_t ended_ms[CALLS_MAX];
    char replies[CALLS_MAX][64];
    size_t ended_len, noticed;
    int64_t noticed_wait_ms;
    bool submit_again; /* each end submits one more */
    size_t submitted;
};

static void on_noticed(void *ctx, enum api api, const struct err *err, int64_t wait_ms)
{
    struct desk *desk = ctx;
    assert_in_range(api, 0, API_COUNT - 1);
    assert_string_not_equal(err->text, "");
    desk->noticed++;
    desk->noticed_wait_ms = wait_ms;
}

static int setup(void **state)
{
    struct desk *desk = xcalloc(1, sizeof(*desk));
    fake_port_init(&desk->fake);
    client_config_defaults(&desk->config);
    desk->config.host = HOST;
    desk->config.token = TOKEN;
    desk->config.noticed = on_noticed;
    desk->config.ctx = desk;
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;
    client_destroy(desk->client);
    fake_port_release(&desk->fake);
    xfree(desk);
    return 0;
}

static size_t index_of(const struct desk *desk, const struct client_call *call)
{
    return (size_t)(call - desk->calls);
}

static void submit(struct desk *desk, enum api api);

static void on_done(struct client_call *call)
{
    struct desk *desk = call->ctx;
    assert_null(call->body.data);
    (void)snprintf(desk->replies[desk->ended_len], sizeof(desk->replies[0]), "%s",
                   call->ok ? call->reply : "");
    desk->ended_ms[desk->ended_len] = desk->fake.now_ms;
    desk->ended[desk->ended_len++] = index_of(desk, call);
    if (desk->submit_again && desk->submitted < CALLS_MAX) submit(desk, API_GET);
}

static void submit(struct desk *desk, enum api api)
{
    if (desk->client == NULL) desk->client = client_create(&desk->fake.port, &desk->config);
    struct client_call *call = &desk->calls[desk->submitted++];
    call->api = api;
    call->id = "0930-084612-uurhdujo";
    call->body = BUF_INIT(1000);
    if (api == API_CREATE) buf_adds(&call->body, "{\"secret\":\"pa55\"}");
    call->done = on_done;
    call->ctx = desk;
    size_t before = desk->ended_len;
    client_submit(desk->client, call);
    assert_int_equal(desk->ended_len, before);
}

static int64_t on_turn(void *ctx)
{
    struct desk *desk = ctx;
    return client_turn(desk->client);
}

static void run(struct desk *desk, int64_t for_ms)
{
    int64_t until = for_ms == AGES ? AGES : desk->fake.now_ms + for_ms;
    fake_port_run(&desk->fake, on_turn, desk, until);
}

static void test_sends_what_was_asked(void **state)
{
    struct desk *desk = *state;
    fake_port_script(&desk->fake, "create",
                     (struct fake_reply){ .status = 200, .body = "{\"cluster_id\":\"c\"}" });
    submit(desk, API_CREATE);
    submit(desk, API_GET);
    submit(desk, API_IMPORT_FILE);
    assert_int_equal(client_pending(desk->client), 3);
    assert_int_equal(desk->fake.requests_len, 0);
    run(desk, AGES);
    const struct fake_request *create = &desk->fake.requests[0];
    assert_string_equal(create->method, "POST");
    assert_string_equal(create->url, HOST "/api/2.1/clusters/create");
    assert_string_equal(create->authorization, "Bearer " TOKEN);
    assert_string_equal(create->body, "{\"secret\":\"pa55\"}");
    assert_string_equal(create->content_type, "");
    assert_string_equal(desk->fake.requests[1].method, "GET");
    assert_string_equal(desk->fake.requests[1].body, "");
    assert_string_equal(desk->fake.requests[2].content_type, "application/octet-stream");
    assert_string_equal(desk->replies[0], "{\"cluster_id\":\"c\"}");
    assert_int_equal(desk->ended_len, 3);
    assert_int_equal(client_pending(desk->client), 0);
    assert_int_equal(client_requests(desk->client), 3);
    assert_int_equal(client_turn(desk->client), INT64_MAX);
}

static void test_first_come_first_served(void **state)
{
    struct desk *desk = *state;
    desk->config.in_flight_max = 1;
    for (int i = 0; i < 50; i++) {
        submit(desk, API_GET);
    }
    run(desk, AGES);
    assert_int_equal(desk->ended_len, 50);
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(desk->ended[i], i);
    }
}

static void promise_10_in_flight_cap(void **state)
{
    struct desk *desk = *state;
    desk->config.in_flight_max = 3;
    desk->fake.latency_ms = 1000;
    for (int i = 0; i < 20; i++) {
        submit(desk, API_GET);
    }
    run(desk, AGES);
    assert_int_equal(desk->ended_len, 20);
    assert_int_equal(desk->fake.in_flight_peak, 3);
}

/* In no stretch of time more than the burst and the rate allow: every pair of requests is checked.
 */
static void assert_paced(const struct desk *desk)
{
    const struct fake_request *requests = desk->fake.requests;
    for (size_t i = 0; i < desk->fake.requests_len; i++) {
        for (size_t j = i; j < desk->fake.requests_len; j++) {
            int64_t span_ms = requests[j].at_ms - requests[i].at_ms;
            if (span_ms > DAY_MS) continue;
            int64_t allowed = desk->config.burst + span_ms * desk->config.rate / 1000;
            assert_true((int64_t)(j - i + 1) <= allowed + 1);
        }
    }
}

static void promise_10_pace(void **state)
{
    struct desk *desk = *state;
    desk->config.in_flight_max = 100;
    desk->submit_again = true;
    for (int i = 0; i < 100; i++) {
        submit(desk, API_GET);
    }
    run(desk, AGES);
    assert_int_equal(desk->fake.requests_len, CALLS_MAX);
    assert_paced(desk);
    /* And not slower either: 370 calls behind the burst of 30, at 15 a second. */
    int64_t took_ms = desk->fake.now_ms - desk->fake.requests[0].at_ms;
    assert_in_range(took_ms, 24600, 24800);
}

/* A client that slept for ages has one burst, not ages' worth of calls. */
static void test_pace_after_long_sleep(void **state)
{
    struct desk *desk = *state;
    desk->config.in_flight_max = 100;
    submit(desk, API_GET);
    run(desk, AGES);
    desk->fake.now_ms = INT64_MAX / 2;
    for (int i = 0; i < 80; i++) {
        submit(desk, API_GET);
    }
    fake_port_run(&desk->fake, on_turn, desk, INT64_MAX - 1);
    assert_int_equal(desk->ended_len, 81);
    assert_paced(desk);
}

/* What ends a call, what repeats it: one failure, then a good answer. */
static const struct repeat_case {
    enum api api;
    int status;
    enum err_code err;
    const char *body;
    bool is_repeated;
} repeats[] = {
    { API_CREATE, 503, ERR_NONE, "", true },
    { API_CREATE, 0, ERR_REFUSED, NULL, true },
    { API_CREATE, 429, ERR_NONE, "{\"error_code\":\"RESOURCE_EXHAUSTED\",\"message\":\"m\"}",
      true },
    { API_CREATE, 429, ERR_NONE, "{\"error_code\":\"REQUEST_LIMIT_EXCEEDED\",\"message\":\"m\"}",
      false },
    { API_CREATE, 500, ERR_NONE, "", false },
    { API_CREATE, 502, ERR_NONE, "<html><title>Bad Gateway</title></html>", false },
    { API_CREATE, 408, ERR_NONE, "", false },
    { API_CREATE, 0, ERR_NETWORK, NULL, false },
    { API_CREATE, 0, ERR_TIMEOUT, NULL, false },
    { API_CREATE, 200, ERR_NONE, "{\"cluster_id\":\"c", false },
    { API_CREATE, 200, ERR_NONE, "<html></html>", false },
    { API_EDIT, 500, ERR_NONE, "", false },
    { API_EDIT, 503, ERR_NONE, "", true },
    { API_START, 0, ERR_TIMEOUT, NULL, false },
    { API_GET, 500, ERR_NONE, "", true },
    { API_GET, 408, ERR_NONE, "", true },
    { API_GET, 0, ERR_NETWORK, NULL, true },
    { API_GET, 0, ERR_TIMEOUT, NULL, true },
    { API_GET, 0, ERR_LIMIT, NULL, false },
    { API_GET, 200, ERR_NONE, "{\"cluster_id\":\"c", true },
    { API_GET, 400, ERR_NONE, "{\"error_code\":\"INVALID_PARAMETER_VALUE\",\"message\":\"m\"}",
      false },
    { API_GET, 401, ERR_NONE, "", false },
    { API_GET, 403, ERR_NONE, "", false },
    { API_DELETE, 500, ERR_NONE, "", true },
    { API_TERMINATE, 0, ERR_NETWORK, NULL, true },
    { API_PERMISSIONS_PUT, 502, ERR_NONE, "", true },
    { API_IMPORT_FILE, 0, ERR_NETWORK, NULL, true },
};

static void test_what_is_repeated(void **state)
{
    struct desk *desk = *state;
    desk->config.rate = 1000;
    for (size_t i = 0; i < COUNT_OF(repeats); i++) {
        const struct repeat_case *c = &repeats[i];
        size_t before = desk->fake.requests_len;
        fake_port_script(
            &desk->fake, HOST,
            (struct fake_reply){ .status = c->status, .err = c->err, .body = c->body });
        submit(desk, c->api);
        const struct client_call *call = &desk->calls[i];
        desk->noticed = 0;
        run(desk, AGES);
        if (call->ok != c->is_repeated || call->attempts != (c->is_repeated ? 2 : 1)) {
            fail_msg("case %zu: %s with status %d and %s: attempts %u, %s", i, api_name(c->api),
                     c->status, err_code_name(c->err), call->attempts, call->err.text);
        }
        assert_int_equal(desk->fake.requests_len - before, call->attempts);
        assert_int_equal(desk->noticed, c->is_repeated ? 1 : 0);
        if (!call->ok) assert_ptr_equal(strstr(call->err.text, api_name(c->api)), call->err.text);
    }
    assert_int_equal(fake_port_scripts_left(&desk->fake), 0);
}

/* The body of a repeat is that of the first attempt. */
static void test_repeat_sends_the_same(void **state)
{
    struct desk *desk = *state;
    fake_port_script(&desk->fake, "create", (struct fake_reply){ .status = 503 });
    submit(desk, API_CREATE);
    run(desk, AGES);
    assert_int_equal(desk->fake.requests_len, 2);
    assert_string_equal(desk->fake.requests[1].body, "{\"secret\":\"pa55\"}");
    assert_string_equal(desk->fake.requests[1].url, desk->fake.requests[0].url);
}

static void promise_10_attempts_end(void **state)
{
    struct desk *desk = *state;
    desk->fake.otherwise = (struct fake_reply){ .status = 500, .body = "" };
    submit(desk, API_GET);
    run(desk, AGES);
    assert_int_equal(desk->fake.requests_len, 5);
    assert_int_equal(desk->calls[0].attempts, 5);
    assert_int_equal(desk->calls[0].err.code, ERR_SERVER);
    assert_int_equal(desk->noticed, 4);
    assert_false(desk->calls[0].ok);
    assert_null(desk->calls[0].reply);
}

/* Five attempts of ten minutes each would take all night: the budget ends them. */
static void promise_10_budget_ends(void **state)
{
    struct desk *desk = *state;
    desk->config.attempts_max = 100;
    desk->fake.otherwise = (struct fake_reply){ .err = ERR_TIMEOUT, .delay_ms = 600000 };
    submit(desk, API_GET);
    run(desk, AGES);
    assert_int_equal(desk->fake.requests_len, 2);
    assert_int_equal(desk->calls[0].err.code, ERR_TIMEOUT);
}

static void test_throttle_holds_all(void **state)
{
    static const struct {
        int64_t retry_after_s, hold_ms;
    } cases[] = { { 7, 7000 }, { 0, 1000 }, { 100000, 300000 } };
    struct desk *desk = *state;
    desk->config.in_flight_max = 2;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fake_port_script(
            &desk->fake, "get",
            (struct fake_reply){ .status = 429, .retry_after_s = cases[i].retry_after_s });
        size_t first = desk->fake.requests_len;
        desk->fake.now_ms += DAY_MS; /* the bucket is full again */
        desk->noticed = 0;
        for (int n = 0; n < 6; n++) {
            submit(desk, API_GET);
        }
        int64_t began_ms = desk->fake.now_ms;
        run(desk, AGES);
        /* Two were on their way; the others wait, all of them. */
        int64_t held_ms = desk->fake.requests[first + 2].at_ms - began_ms - desk->fake.latency_ms;
        assert_int_equal(held_ms, cases[i].hold_ms);
        assert_int_equal(desk->fake.requests_len - first, 7);
        assert_int_equal(desk->noticed, 1);
        assert_true(desk->noticed_wait_ms >= cases[i].hold_ms);
        /* After a hold there is no burst. */
        int64_t step_ms =
            desk->fake.requests[first + 3].at_ms - desk->fake.requests[first + 2].at_ms;
        assert_true(step_ms >= 1000 / desk->config.rate);
    }
    for (size_t i = 0; i < desk->submitted; i++) {
        assert_true(desk->calls[i].ok);
    }
}

/* 503 with Retry-After makes that call wait, and no other. */
static void test_busy_holds_one(void **state)
{
    struct desk *desk = *state;
    fake_port_script(&desk->fake, "get", (struct fake_reply){ .status = 503, .retry_after_s = 20 });
    for (int i = 0; i < 3; i++) {
        submit(desk, API_GET);
    }
    run(desk, AGES);
    assert_int_equal(desk->ended[0], 1);
    assert_int_equal(desk->ended[1], 2);
    assert_int_equal(desk->ended[2], 0);
    assert_true(desk->ended_ms[1] < 6000);
    assert_true(desk->ended_ms[2] >= 25000);
}

/* Each waits its own time, whichever failed first. */
static void test_waits_are_in_order(void **state)
{
    static const int64_t waits_s[] = { 20, 40, 60, 30 };
    static const size_t wanted[] = { 0, 3, 1, 2 };
    struct desk *desk = *state;
    desk->config.retry_base_ms = 1;
    for (size_t i = 0; i < COUNT_OF(waits_s); i++) {
        fake_port_script(&desk->fake, "get",
                         (struct fake_reply){ .status = 503, .retry_after_s = waits_s[i] });
        submit(desk, API_GET);
    }
    run(desk, AGES);
    for (size_t i = 0; i < COUNT_OF(waits_s); i++) {
        assert_int_equal(desk->ended[i], wanted[i]);
        int64_t took_ms = desk->ended_ms[i] - desk->fake.requests[0].at_ms;
        assert_int_equal(took_ms, waits_s[wanted[i]] * 1000 + 2 * desk->fake.latency_ms);
    }
}

/* A repeat that is due goes before what was queued later. */
static void test_repeat_goes_first(void **state)
{
    struct desk *desk = *state;
    desk->config.in_flight_max = 1;
    desk->config.retry_base_ms = 1;
    fake_port_script(&desk->fake, "get", (struct fake_reply){ .status = 500 });
    for (int i = 0; i < 5; i++) {
        submit(desk, API_GET);
    }
    run(desk, AGES);
    assert_int_equal(desk->ended_len, 5);
    assert_true(desk->ended[0] == 0 || desk->ended[1] == 0);
}

static void test_cancel(void **state)
{
    struct desk *desk = *state;
    desk->config.in_flight_max = 2;
    fake_port_script(&desk->fake, "get", (struct fake_reply){ .status = 503, .retry_after_s = 60 });
    desk->fake.otherwise.delay_ms = 1000;
    for (int i = 0; i < 6; i++) {
        submit(desk, API_GET);
    }
    run(desk, 100);
    assert_int_equal(desk->ended_len, 0);
    assert_int_equal(desk->fake.in_flight, 2); /* one waits, three are queued */
    client_cancel_all(desk->client);
    assert_int_equal(desk->ended_len, 4);
    run(desk, AGES);
    assert_int_equal(desk->ended_len, 6);
    assert_int_equal(client_pending(desk->client), 0);
    assert_int_equal(desk->fake.requests_len, 3);
    for (size_t i = 0; i < 6; i++) {
        assert_false(desk->calls[i].ok);
        assert_int_equal(desk->calls[i].err.code, ERR_CANCELLED);
    }
}

/* An answer that overtakes the cancelling is delivered; a failure is not repeated any more. */
static void test_cancel_comes_late(void **state)
{
    struct desk *desk = *state;
    desk->fake.is_cancel_late = true;
    fake_port_script(&desk->fake, "create", (struct fake_reply){ .status = 200 });
    fake_port_script(&desk->fake, "get", (struct fake_reply){ .status = 503 });
    submit(desk, API_CREATE);
    submit(desk, API_GET);
    run(desk, 0);
    client_cancel_all(desk->client);
    run(desk, AGES);
    assert_int_equal(desk->fake.requests_len, 2);
    assert_true(desk->calls[0].ok);
    assert_int_equal(desk->calls[1].err.code, ERR_BUSY);
}

/* What is submitted from inside an end by cancelling is not lost and not cancelled. */
static void test_submit_while_cancelling(void **state)
{
    struct desk *desk = *state;
    submit(desk, API_GET);
    submit(desk, API_GET);
    desk->submit_again = true;
    client_cancel_all(desk->client);
    desk->submit_again = false;
    assert_int_equal(desk->ended_len, 2);
    assert_int_equal(client_pending(desk->client), 2);
    run(desk, AGES);
    assert_true(desk->calls[2].ok);
    assert_true(desk->calls[3].ok);
}

static void test_absurd_id_is_an_error(void **state)
{
    struct desk *desk = *state;
    char *id = xmalloc(100001);
    memset(id, 'a', 100000);
    id[100000] = '\0';
    submit(desk, API_GET);
    desk->calls[0].id = id;
    submit(desk, API_GET);
    run(desk, AGES);
    assert_int_equal(desk->calls[0].err.code, ERR_LIMIT);
    assert_int_equal(desk->calls[0].attempts, 0);
    assert_true(desk->calls[1].ok);
    assert_int_equal(desk->fake.requests_len, 1);
    xfree(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sends_what_was_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_first_come_first_served, setup, teardown),
        cmocka_unit_test_setup_teardown(promise_10_in_flight_cap, setup, teardown),
        cmocka_unit_test_setup_teardown(promise_10_pace, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pace_after_long_sleep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_repeated, setup, teardown),
        cmocka_unit_test_setup_teardown(test_repeat_sends_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(promise_10_attempts_end, setup, teardown),
        cmocka_unit_test_setup_teardown(promise_10_budget_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_throttle_holds_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_busy_holds_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waits_are_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_repeat_goes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel_comes_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_submit_while_cancelling, setup, teardown),
        cmocka_unit_test_setup_teardown(test_absurd_id_is_an_error, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What surrounds a cluster: listings, events, libraries, permissions, files, the catalogue.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"

static size_t rows_in(const struct value *answer)
{
    const struct value *rows = value_get(answer, "clusters");
    return rows == NULL ? 0 : rows->len;
}

/* Follows the pages; returns how many rows there were, and counts the pages. */
static size_t list_all(struct fixture *fixture, const char *query, size_t *ret_pages)
{
    size_t rows = 0;
    const char *token = "";
    *ret_pages = 0;
    while (token != NULL) {
        const char *path =
            arena_printf(&fixture->arena, "clusters/list?%s&page_token=%s", query, token);
        assert_int_equal(send(fixture, "GET", path, NULL), 200);
        rows += rows_in(fixture->answer);
        token = value_get_text(fixture->answer, "next_page_token");
        ++*ret_pages;
    }
    return rows;
}

static void test_pages_and_filters(void **state)
{
    struct fixture *fixture = *state;
    size_t pages = 0;
    model_add_job_clusters(fixture->model, 500);
    for (int i = 0; i < 120; i++) {
        create(fixture, SPEC);
    }
    static const struct {
        const char *query;
        size_t rows, pages;
    } rows[] = {
        { "page_size=100", 620, 7 },
        { "", 620, 31 },
        { "page_size=100&filter_by.cluster_sources=API&filter_by.cluster_sources=UI", 120, 2 },
        { "page_size=60&filter_by.cluster_sources=API", 120, 2 },
        { "page_size=100&filter_by.cluster_states=TERMINATED", 490, 5 },
        { "page_size=100&filter_by.cluster_states=RUNNING&filter_by.cluster_sources=JOB", 10, 1 },
        { "page_size=100&filter_by.is_pinned=True", 0, 1 },
        { "page_size=100&filter_by.is_pinned=false&sort_by.field=CLUSTER_NAME", 620, 7 },
        { "filter_by.policy_id=p", 0, 1 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(list_all(fixture, rows[i].query, &pages), rows[i].rows);
        assert_int_equal(pages, rows[i].pages);
    }
    static const char *const refused[] = { "page_size=101",
                                           "page_size=x",
                                           "page_size=-1",
                                           "page_token=abc",
                                           "page_token=EAAYzzzzzzzzzzzzzzzzzQ",
                                           "filter_by.is_pinned=1" };
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        const char *path = arena_printf(&fixture->arena, "clusters/list?%s", refused[i]);
        assert_int_equal(send(fixture, "GET", path, NULL), 400);
    }
}

static void test_order_of_a_listing(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = { "zeta", "alphabet-2", "alphabet-1", "mid" };
    char ids[COUNT_OF(names)][MODEL_ID_SIZE];
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        create(fixture, arena_printf(&fixture->arena,
                                     "{\"cluster_name\":\"%s\",\"spark_version\":"
                                     "\"15.4.x-scala2.12\",\"node_type_id\":\"i3.xlarge\","
                                     "\"num_workers\":1}",
                                     names[i]));
        memcpy(ids[i], fixture->id, MODEL_ID_SIZE);
    }
    pass(fixture, 10 * MINUTES);
    memcpy(fixture->id, ids[3], MODEL_ID_SIZE);
    post_id(fixture, "clusters/delete", "");
    memcpy(fixture->id, ids[0], MODEL_ID_SIZE);
    post_id(fixture, "clusters/pin", "");
    /* Running before terminating; of the running ones the pinned first; then by name. */
    static const size_t by_state[] = { 0, 2, 1, 3 };
    static const size_t by_name[] = { 2, 1, 3, 0 };
    send(fixture, "GET", "clusters/list", NULL);
    for (size_t i = 0; i < COUNT_OF(by_state); i++) {
        const struct value *row = value_get(fixture->answer, "clusters")->u.items[i];
        assert_string_equal(text_at(row, "cluster_id"), ids[by_state[i]]);
        assert_null(value_get(row, "spec"));
    }
    send(fixture, "GET", "clusters/list?sort_by.field=CLUSTER_NAME", NULL);
    for (size_t i = 0; i < COUNT_OF(by_name); i++) {
        const struct value *row = value_get(fixture->answer, "clusters")->u.items[i];
        assert_string_equal(text_at(row, "cluster_id"), ids[by_name[i]]);
    }
    send(fixture, "GET", "clusters/list?sort_by.direction=DESC&page_size=1", NULL);
    const struct value *row = value_get(fixture->answer, "clusters")->u.items[0];
    assert_string_equal(text_at(row, "cluster_id"), ids[3]);
}

static void test_listing_and_getting_lag(void **state)
{
    struct fixture *fixture = *state;
    model_delays(fixture->model)->list_lag_ms = 5000;
    model_delays(fixture->model)->get_lag_ms = 1000;
    create(fixture, SPEC);
    const char *path = arena_printf(&fixture->arena, "clusters/get?cluster_id=%s", fixture->id);
    send(fixture, "GET", path, NULL);
    expect_error(fixture, 400, "INVALID_PARAMETER_VALUE", "does not exist");
    pass(fixture, 1000);
    expect_state(fixture, "PENDING");
    send(fixture, "GET", "clusters/list", NULL);
    assert_int_equal(rows_in(fixture->answer), 0);
    pass(fixture, 4000);
    send(fixture, "GET", "clusters/list", NULL);
    assert_int_equal(rows_in(fixture->answer), 1);
}

static void test_events(void **state)
{
    struct fixture *fixture = *state;
    static const char *const ascending[] = { "CREATING",       "RUNNING",    "DRIVER_HEALTHY",
                                             "EDITED",         "RESTARTING", "RUNNING",
                                             "DRIVER_HEALTHY", "TERMINATING" };
    create(fixture, SPEC);
    pass(fixture, 10 * MINUTES);
    post_id(fixture, "clusters/edit", "," SMALL ",\"num_workers\":3");
    pass(fixture, 10 * MINUTES);
    post_id(fixture, "clusters/delete", "");
    post_id(fixture, "clusters/events", ",\"order\":\"ASC\"");
    const struct value *events = value_get(fixture->answer, "events");
    assert_int_equal(events->len, COUNT_OF(ascending));
    assert_int_equal(int_at(fixture->answer, "total_count"), COUNT_OF(ascending));
    for (size_t i = 0; i < COUNT_OF(ascending); i++) {
        assert_string_equal(text_at(events->u.items[i], "type"), ascending[i]);
    }
    const struct value *edited = events->u.items[3];
    assert_string_equal(text_at(edited, "details.user"), "controller@example.com");
    assert_int_equal(int_at(edited, "details.previous_cluster_size.num_workers"), 2);
    assert_int_equal(int_at(edited, "details.cluster_size.num_workers"), 3);
    assert_string_equal(text_at(edited, "details.attributes.node_type_id"), "i3.xlarge");
    assert_null(value_at(edited, "details.attributes.num_workers")); /* the size is told apart */
    assert_string_equal(text_at(events->u.items[7], "details.reason.code"), "USER_REQUEST");
    /* As the SDKs page: the whole next_page is posted back. */
    size_t seen = 0;
    const char *body =
        arena_printf(&fixture->arena, "{\"cluster_id\":\"%s\",\"limit\":3}", fixture->id);
    while (body != NULL) {
        assert_int_equal(post(fixture, "clusters/events", body), 200);
        seen += value_get(fixture->answer, "events")->len;
        const struct value *next = value_get(fixture->answer, "next_page");
        AUTO_BUF struct buf out = BUF_INIT(4096);
        if (next != NULL) json_write(next, &out);
        body = next == NULL ? NULL : arena_strdup(&fixture->arena, buf_text(&out));
    }
    assert_int_equal(seen, COUNT_OF(ascending));
    post_id(fixture, "clusters/events", ",\"page_size\":501");
    expect_error(fixture, 400, "INVALID_PARAMETER_VALUE", "500");
}

static const char *library_status(struct fixture *fixture, size_t index)
{
    const char *path =
        arena_printf(&fixture->arena, "libraries/cluster-status?cluster_id=%s", fixture->id);
    assert_int_equal(send(fixture, "GET", path, NULL), 200);
    const struct value *rows = value_get(fixture->answer, "library_statuses");
    return rows == NULL || rows->len <= index ? NULL : text_at(rows->u.items[index], "status");
}

static void test_libraries(void **state)
{
    struct fixture *fixture = *state;
    create(fixture, SPEC);
    assert_null(library_status(fixture, 0));
    assert_int_equal(post_id(fixture, "libraries/install",
                             ",\"libraries\":[{\"pypi\":{\"package\":\"x==1\"}},"
                             "{\"jar\":\"dbfs:/a.jar\"},{\"jar\":\"dbfs:/a.jar\"}]"),
                     200);
    assert_string_equal(library_status(fixture, 1), "PENDING");
    assert_null(library_status(fixture, 2)); /* the same twice is one */
    pass(fixture, 4 * MINUTES);
    assert_string_equal(library_status(fixture, 0), "INSTALLING");
    pass(fixture, MINUTES);
    assert_string_equal(library_status(fixture, 0), "INSTALLED");
    post_id(fixture, "libraries/uninstall",
            ",\"libraries\":[{\"jar\":\"dbfs:/a.jar\"},{\"jar\":\"other\"}]");
    assert_string_equal(library_status(fixture, 1), "UNINSTALL_ON_RESTART");
    post_id(fixture, "clusters/edit", "," SMALL ",\"num_workers\":3");
    assert_null(library_status(fixture, 1));
    assert_string_equal(library_status(fixture, 0), "PENDING"); /* an edit keeps them */
    struct model_view view;
    assert_true(model_view_find(fixture->model, fixture->id, &view));
    assert_int_equal(view.libraries, 1);
    post_id(fixture, "libraries/install", ",\"libraries\":[{\"rpm\":\"x\"}]");
    expect_error(fixture, 400, "INVALID_PARAMETER_VALUE", "libraries[0]");
    const char *clone = arena_printf(
        &fixture->arena, WITH("\"clone_from\":{\"source_cluster_id\":\"%s\"}"), fixture->id);
    create(fixture, clone);
    assert_string_equal(library_status(fixture, 0), "PENDING");
}

static void test_permissions(void **state)
{
    struct fixture *fixture = *state;
    create(fixture, SPEC);
    const char *path = arena_printf(&fixture->arena, "permissions/clusters/%s", fixture->id);
    send(fixture, "GET", path, NULL);
    assert_true(body_has(fixture, "\"inherited\":true"));
    assert_true(body_has(fixture, "controller@example.com"));
    assert_int_equal(send(fixture, "PUT", path,
                          "{\"access_control_list\":[{\"group_name\":\"data\","
                          "\"permission_level\":\"CAN_RESTART\"}]}"),
                     200);
    assert_int_equal(send(fixture, "PATCH", path,
                          "{\"access_control_list\":[{\"user_name\":\"u\","
                          "\"permission_level\":\"CAN_MANAGE\"},{\"group_name\":\"data\","
                          "\"permission_level\":\"CAN_ATTACH_TO\"}]}"),
                     200);
    send(fixture, "GET", path, NULL);
    assert_int_equal(value_get(fixture->answer, "access_control_list")->len, 3);
    assert_false(body_has(fixture, "CAN_RESTART"));
    assert_false(body_has(fixture, "controller@example.com"));
    send(fixture, "PUT", path, "{\"access_control_list\":[{\"user_name\":\"u\"}]}");
    expect_error(fixture, 400, "INVALID_PARAMETER_VALUE", "CAN_ATTACH_TO");
    send(fixture, "GET", arena_printf(&fixture->arena, "%s/permissionLevels", path), NULL);
    assert_true(body_has(fixture, "CAN_RESTART"));
    send(fixture, "GET", "permissions/clusters/0101-000000-abcdefgh", NULL);
    expect_error(fixture, 400, "INVALID_PARAMETER_VALUE", "does not exist");
}

static void test_files(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *method, *path, *body;
        int status;
        const char *words;
    } rows[] = {
        { "POST", "workspace-files/import-file/Shared%2Fa%20b.sh?overwrite=false", "one", 200, "" },
        { "POST", "workspace-files/import-file/%2FShared%2Fa%20b.sh?overwrite=false", "two", 409,
          "already exists" },
        { "POST", "workspace-files/import-file/Workspace/Shared/a%20b.sh?overwrite=true", "three",
          200, "" },
        { "POST", "workspace-files/import-file/Shared/no/a.sh", "x", 404, "/Shared/no" },
        { "POST", "workspace-files/import-file/Shared/../a.sh", "x", 400, "not valid" },
        { "POST", "workspace-files/import-file/Shared/%zz", "x", 400, "decoded" },
        { "POST", "workspace-files/import-file/Shared/a%00b", "x", 400, "decoded" },
        { "POST", "workspace/mkdirs", "{\"path\":\"/Workspace/Shared/init/v1\"}", 200, "" },
        { "POST", "workspace/mkdirs", "{\"path\":\"/Shared/init/v1\"}", 200, "" },
        { "POST", "workspace/mkdirs", "{\"path\":\"/Shared/a b.sh/x\"}", 400, "is a file" },
        { "POST", "workspace/import",
          "{\"path\":\"/Shared/init/b.sh\",\"format\":\"AUTO\",\"content\":\"ZWNobyAx\"}", 200,
          "" },
        { "POST", "workspace/import", "{\"path\":\"/Shared/x\",\"content\":\"ZWNobyAx\"}", 400,
          "AUTO" },
        { "POST", "workspace/import",
          "{\"path\":\"/Shared/x\",\"format\":\"RAW\",\"content\":\"!\"}", 400, "base64" },
        { "GET", "workspace/export?path=/Shared/init/b.sh", NULL, 200, "\"ZWNobyAx\"" },
        { "GET", "workspace/export?path=/Shared/init/b.sh&direct_download=true", NULL, 200,
          "echo 1" },
        { "GET", "workspace/get-status?path=/Workspace/Shared/init/b.sh", NULL, 200, "\"size\":6" },
        { "GET", "workspace/get-status?path=/Shared/none", NULL, 404,
          "Path (/Shared/none) doesn't exist." },
        { "GET", "workspace/get-status?path=/Shared", NULL, 200, "DIRECTORY" },
        { "GET", "workspace/list?path=/Shared/init", NULL, 200, "/Shared/init/v1" },
        { "POST", "workspace/delete", "{\"path\":\"/Shared/init\"}", 400, "not empty" },
        { "POST", "workspace/delete", "{\"path\":\"/Shared/init\",\"recursive\":true}", 200, "" },
        { "POST", "workspace/delete", "{\"path\":\"/Shared/init\"}", 404, "doesn't exist" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int status = send(fixture, rows[i].method, rows[i].path, rows[i].body);
        if (status != rows[i].status || !body_has(fixture, rows[i].words)) {
            print_error("%s: %d %s\n", rows[i].path, status, buf_text(&fixture->response.body));
            fail();
        }
    }
    size_t len = 0;
    assert_string_equal(model_file(fixture->model, "/Shared/a b.sh", &len), "three");
    assert_int_equal(len, 5);
    assert_null(model_file(fixture->model, "/Shared/init/b.sh", &len));
}

static void test_catalogue(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *path, *words;
    } rows[] = {
        { "clusters/spark-versions", "\"key\":\"15.4.x-scala2.12\"" },
        { "clusters/list-node-types", "\"is_graviton\":true" },
        { "clusters/list-node-types", "\"num_cores\":4.0" },
        { "clusters/list-zones", "us-east-1c" },
        { "preview/scim/v2/Me", "\"userName\":\"controller@example.com\"" },
        { "workspace-conf?keys=enableDcs,other", "{\"enableDcs\":\"true\",\"other\":null}" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(send(fixture, "GET", rows[i].path, NULL), 200);
        assert_true(body_has(fixture, rows[i].words));
    }
    send(fixture, "PATCH", "workspace-conf", "{\"enableDcs\":\"false\"}");
    post(fixture, "clusters/create", WITH("\"docker_image\":{\"url\":\"acme/etl:1\"}"));
    expect_error(fixture, 400, "INVALID_PARAMETER_VALUE", "not enabled");
    model_switches(fixture->model)->dcs_at_launch = 1;
    create(fixture, WITH("\"docker_image\":{\"url\":\"acme/etl:1\"}"));
    pass(fixture, 10 * MINUTES);
    assert_string_equal(text_at(get(fixture), "termination_reason.code"), "INVALID_ARGUMENT");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pages_and_filters),
        TEST(test_order_of_a_listing),
        TEST(test_listing_and_getting_lag),
        TEST(test_events),
        TEST(test_libraries),
        TEST(test_permissions),
        TEST(test_files),
        TEST(test_catalogue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

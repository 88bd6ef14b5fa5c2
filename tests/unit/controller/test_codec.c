#include "databricks/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

enum { OUT_MAX = 1000000 };

#define LISTING "/api/2.1/clusters/list?filter_by.cluster_sources=API&filter_by.cluster_sources=UI"

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        enum api api;
        const char *id, *token, *method, *path;
    } rows[] = {
        { API_LIST, NULL, NULL, "GET", LISTING "&page_size=100" },
        { API_LIST, NULL, "a+/=&b", "GET", LISTING "&page_size=100&page_token=a%2B%2F%3D%26b" },
        { API_GET, "0930-084612-uurhdujo", NULL, "GET",
          "/api/2.1/clusters/get?cluster_id=0930-084612-uurhdujo" },
        { API_GET, "a/../b?c=d&e#f %", NULL, "GET",
          "/api/2.1/clusters/get?cluster_id=a%2F..%2Fb%3Fc%3Dd%26e%23f%20%25" },
        { API_CREATE, NULL, NULL, "POST", "/api/2.1/clusters/create" },
        { API_EDIT, NULL, NULL, "POST", "/api/2.1/clusters/edit" },
        { API_RESIZE, NULL, NULL, "POST", "/api/2.1/clusters/resize" },
        { API_START, NULL, NULL, "POST", "/api/2.1/clusters/start" },
        { API_TERMINATE, NULL, NULL, "POST", "/api/2.1/clusters/delete" },
        { API_DELETE, NULL, NULL, "POST", "/api/2.1/clusters/permanent-delete" },
        { API_PIN, NULL, NULL, "POST", "/api/2.1/clusters/pin" },
        { API_UNPIN, NULL, NULL, "POST", "/api/2.1/clusters/unpin" },
        { API_PERMISSIONS_PUT, "a/b", NULL, "PUT", "/api/2.0/permissions/clusters/a%2Fb" },
        { API_INSTALL, NULL, NULL, "POST", "/api/2.0/libraries/install" },
        { API_UNINSTALL, NULL, NULL, "POST", "/api/2.0/libraries/uninstall" },
        { API_MKDIRS, NULL, NULL, "POST", "/api/2.0/workspace/mkdirs" },
        { API_IMPORT_FILE, "/Shared/init \xc3\xa9/a?b.sh", NULL, "POST",
          "/api/2.0/workspace-files/import-file/Shared/init%20%C3%A9/a%3Fb.sh?overwrite=true" },
        { API_ME, NULL, NULL, "GET", "/api/2.0/preview/scim/v2/Me" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf out = BUF_INIT(OUT_MAX);
        api_path(rows[i].api, rows[i].id, rows[i].token, &out);
        assert_string_equal(buf_text(&out), rows[i].path);
        assert_string_equal(api_method(rows[i].api), rows[i].method);
    }
}

/* databricks-api.md 5.3: what makes a second cluster, or a second restart, is not repeated. */
static void test_repeat_classes(void **state)
{
    (void)state;
    static const enum api once[] = { API_CREATE, API_EDIT,    API_RESIZE,   API_START,
                                     API_PIN,    API_INSTALL, API_UNINSTALL };
    for (int api = 0; api < API_COUNT; api++) {
        enum api_repeat wanted = REPEAT_SAFE;
        for (size_t i = 0; i < COUNT_OF(once); i++) {
            if ((int)once[i] == api) wanted = REPEAT_NOT_SENT;
        }
        assert_int_equal(api_repeat((enum api)api), wanted);
    }
}

/* ---- bodies ---- */

static const struct value *parse(struct arena *arena, const char *text)
{
    const struct value *value = NULL;
    struct err err;
    if (!json_read(arena, text, strlen(text), &value, &err)) fail_msg("%s", err.text);
    return value;
}

static bool reveal(void *ctx, const struct value *secret, struct buf *out, struct err *err)
{
    if (ctx != NULL) return err_set(err, ERR_MANIFEST, "no such variable");
    return buf_addf(out, "shown:%s", secret->text);
}

static void test_body_spec(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct value_builder spec = value_build_map(&arena, (struct pos){ 0 });
    struct pos pos = { 0 };
    value_put(&spec, "num_workers", pos, value_int(&arena, pos, 0));
    value_put(&spec, "clone_from", pos, parse(&arena, "{\"source_cluster_id\":\"x\"}"));
    value_put(&spec, "a_secret", pos, value_secret(&arena, pos, SECRET_ENV, "NAME"));
    static const struct {
        const char *id, *body;
    } rows[] = {
        { NULL, "{\"a_secret\":\"shown:NAME\",\"clone_from\":{\"source_cluster_id\":\"x\"},"
                "\"num_workers\":0}" },
        { "c-1", "{\"a_secret\":\"shown:NAME\",\"cluster_id\":\"c-1\",\"num_workers\":0}" },
    };
    struct err err;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf out = BUF_INIT(OUT_MAX);
        assert_true(codec_body_spec(rows[i].id, spec.value, reveal, NULL, &out, &err));
        assert_string_equal(buf_text(&out), rows[i].body);
    }
    AUTO_BUF struct buf out = BUF_INIT(OUT_MAX);
    assert_false(codec_body_spec("c-1", spec.value, reveal, &arena, &out, &err));
    assert_int_equal(err.code, ERR_MANIFEST);
    AUTO_BUF struct buf small = BUF_INIT(10);
    assert_false(codec_body_spec("c-1", spec.value, reveal, NULL, &small, &err));
    assert_int_equal(err.code, ERR_LIMIT);
}

#define UUID "0123abcd-0000-1111-2222-ABCDEF012345"

static void test_body_permissions(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    static const struct {
        const char *permissions, *me, *body;
    } rows[] = {
        { NULL, NULL, "[]" },
        { NULL, "me@x", "[{\"permission_level\":\"CAN_MANAGE\",\"user_name\":\"me@x\"}]" },
        { "[{\"group_name\":\"g\",\"permission_level\":\"CAN_RESTART\"}]", NULL,
          "[{\"group_name\":\"g\",\"permission_level\":\"CAN_RESTART\"}]" },
        { "[{\"group_name\":\"g\",\"permission_level\":\"CAN_RESTART\"},"
          "{\"user_name\":\"ME@x\",\"permission_level\":\"CAN_RESTART\"}]",
          "me@x",
          "[{\"permission_level\":\"CAN_MANAGE\",\"user_name\":\"me@x\"},"
          "{\"group_name\":\"g\",\"permission_level\":\"CAN_RESTART\"}]" },
        { "[]", UUID,
          "[{\"permission_level\":\"CAN_MANAGE\",\"service_principal_name\":\"" UUID "\"}]" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_BUF struct buf out = BUF_INIT(OUT_MAX);
        AUTO_BUF struct buf wanted = BUF_INIT(OUT_MAX);
        buf_addf(&wanted, "{\"access_control_list\":%s}", rows[i].body);
        const char *text = rows[i].permissions;
        codec_body_permissions(text == NULL ? NULL : parse(&arena, text), rows[i].me, &out);
        assert_string_equal(buf_text(&out), buf_text(&wanted));
    }
}

static void test_small_bodies(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf out = BUF_INIT(OUT_MAX);
    codec_body_id("a\"b", &out);
    assert_string_equal(buf_text(&out), "{\"cluster_id\":\"a\\\"b\"}");
    buf_clear(&out);
    codec_body_mkdirs("/Shared/x", &out);
    assert_string_equal(buf_text(&out), "{\"path\":\"/Shared/x\"}");
    buf_clear(&out);
    codec_body_libraries("c", parse(&arena, "[{\"jar\":\"s3://b/a.jar\"}]"), &out);
    assert_string_equal(buf_text(&out),
                        "{\"cluster_id\":\"c\",\"libraries\":[{\"jar\":\"s3://b/a.jar\"}]}");
    buf_clear(&out);
    codec_body_libraries("c", NULL, &out);
    assert_string_equal(buf_text(&out), "{\"cluster_id\":\"c\",\"libraries\":[]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),        cmocka_unit_test(test_repeat_classes),
        cmocka_unit_test(test_body_spec),    cmocka_unit_test(test_body_permissions),
        cmocka_unit_test(test_small_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "databricks/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { OUT_MAX = 1000000 };

static const struct value *parse(struct arena *arena, const char *text)
{
    const struct value *value = NULL;
    struct err err;
    if (!json_read(arena, text, strlen(text), &value, &err)) fail_msg("%s", err.text);
    return value;
}

/* A terminated cluster as in databricks-api.md 2.6, with tags, a container and its submitted form.
 */
static const char terminated[] =
    "{\"cluster_id\":\"0930-084612-uurhdujo\",\"spark_context_id\":7430983140709072285,"
    "\"cluster_name\":\"etl-nightly\",\"spark_version\":\"15.4.x-scala2.12\","
    "\"effective_spark_version\":\"15.4.x-scala2.12\",\"node_type_id\":\"i3.xlarge\","
    "\"driver_node_type_id\":\"i3.xlarge\",\"autotermination_minutes\":120,"
    "\"enable_elastic_disk\":false,\"disk_spec\":{\"disk_count\":0},\"cluster_source\":\"API\","
    "\"enable_local_disk_encryption\":false,\"instance_source\":{\"node_type_id\":\"i3.xlarge\"},"
    "\"aws_attributes\":{\"first_on_demand\":0,\"availability\":\"SPOT_WITH_FALLBACK\","
    "\"zone_id\":\"us-east-1c\",\"spot_bid_price_percent\":100,\"ebs_volume_count\":0},"
    "\"data_security_mode\":\"SINGLE_USER\",\"single_user_name\":\"someone@example.com\","
    "\"custom_tags\":{\"team\":\"data\",\"clusterkeeper-owner\":\"main\","
    "\"x_clusterkeeper-name\":\"etl-nightly\",\"clusterkeeper-operation\":\"op1\","
    "\"clusterkeeper-spec\":\"abc\"},"
    "\"docker_image\":{\"url\":\"acme/etl:1\",\"basic_auth\":{\"username\":\"u53r\","
    "\"password\":\"hunter2\"}},"
    "\"state\":\"TERMINATED\",\"state_message\":\"Inactive cluster terminated.\","
    "\"start_time\":1664527572000,\"terminated_time\":1664538028000,\"last_state_loss_time\":0,"
    "\"num_workers\":2,\"default_tags\":{\"Vendor\":\"Databricks\"},"
    "\"pinned_by_user_name\":\"7430983140709072\",\"cluster_cores\":12.5,"
    "\"termination_reason\":{\"code\":\"INACTIVITY\",\"type\":\"SUCCESS\","
    "\"parameters\":{\"inactivity_duration_min\":\"120\",\"odd\":7}},\"init_scripts_safe_mode\":"
    "false,"
    "\"spec\":{\"spark_version\":\"15.4.x-scala2.12\",\"node_type_id\":\"i3.xlarge\","
    "\"num_workers\":2,\"apply_policy_default_values\":true,"
    "\"docker_image\":{\"url\":\"acme/etl:1\",\"basic_auth\":{\"username\":\"u53r\","
    "\"password\":\"hunter2\"}}}}";

static void test_cluster(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct observed seen;
    struct err err;
    assert_true(codec_cluster(&arena, terminated, strlen(terminated), &seen, &err));
    assert_string_equal(seen.id, "0930-084612-uurhdujo");
    assert_string_equal(seen.cluster_name, "etl-nightly");
    assert_string_equal(seen.source, "API");
    assert_int_equal(seen.state, CLUSTER_TERMINATED);
    assert_string_equal(seen.state_message, "Inactive cluster terminated.");
    assert_string_equal(seen.reason_code, "INACTIVITY");
    assert_string_equal(seen.reason_type, "SUCCESS");
    assert_int_equal(seen.reason_parameters->len, 1);
    assert_string_equal(value_get_text(seen.reason_parameters, "inactivity_duration_min"), "120");
    assert_true(seen.started_ms == 1664527572000);
    assert_true(seen.pinned);
    assert_string_equal(seen.owner, "main");
    assert_string_equal(seen.name, "etl-nightly");
    assert_string_equal(seen.operation, "op1");
    assert_string_equal(seen.spec_tag, "abc");
    assert_null(value_get(seen.effective, "spark_context_id"));
    assert_null(value_get(seen.effective, "state"));
    assert_string_equal(value_get_text(seen.effective, "spark_version"), "15.4.x-scala2.12");
    assert_string_equal(value_get_text(value_get(seen.effective, "aws_attributes"), "zone_id"),
                        "us-east-1c");
    const struct value *password = value_at(seen.submitted, "docker_image.basic_auth.password");
    assert_int_equal(password->kind, VALUE_SECRET);
    assert_true(value_get(seen.submitted, "apply_policy_default_values")->u.boolean);
}

/* What is cached reads back as the same, and holds no password. */
static void test_cached_form(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct observed seen, again;
    struct err err;
    AUTO_BUF struct buf first = BUF_INIT(OUT_MAX);
    AUTO_BUF struct buf second = BUF_INIT(OUT_MAX);
    assert_true(codec_cluster(&arena, terminated, strlen(terminated), &seen, &err));
    codec_observed_write(&seen, &first);
    assert_null(strstr(buf_text(&first), "hunter2"));
    assert_null(strstr(buf_text(&first), "u53r"));
    assert_null(strstr(buf_text(&first), "spark_context_id"));
    assert_non_null(strstr(buf_text(&first), "\"docker_image\":{\"url\":\"acme/etl:1\"}"));
    if (!codec_cluster(&arena, first.data, first.len, &again, &err)) fail_msg("%s", err.text);
    codec_observed_write(&again, &second);
    assert_string_equal(buf_text(&first), buf_text(&second));
    assert_true(again.pinned);
    assert_string_equal(again.name, "etl-nightly");
    assert_string_equal(again.reason_code, "INACTIVITY");
    struct digest a = codec_observed_digest(&seen), b = codec_observed_digest(&again);
    assert_true(digest_equal(&a, &b));
}

/* The digest is of the definition: not of state, times, messages or the pin. */
static void test_digest(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_same;
    } rows[] = {
        { "{\"cluster_id\":\"a\",\"num_workers\":2,\"state\":\"RUNNING\"}", true },
        { "{\"cluster_id\":\"a\",\"num_workers\":2,\"state\":\"TERMINATED\",\"start_time\":5,"
          "\"state_message\":\"m\",\"pinned_by_user_name\":\"1\",\"last_activity_time\":3}",
          true },
        { "{\"cluster_id\":\"a\",\"num_workers\":3,\"state\":\"RUNNING\"}", false },
        { "{\"cluster_id\":\"a\",\"num_workers\":2,\"custom_tags\":{\"a\":\"b\"}}", false },
    };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct digest first = { { 0 } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct observed seen;
        struct err err;
        assert_true(codec_cluster(&arena, rows[i].text, strlen(rows[i].text), &seen, &err));
        struct digest digest = codec_observed_digest(&seen);
        if (i == 0) first = digest;
        assert_int_equal(digest_equal(&digest, &first), rows[i].is_same);
    }
}

static void test_bare_cluster(void **state)
{
    (void)state;
    static const char *const bare[] = {
        "{\"cluster_id\":\"a\"}",
        "{\"cluster_id\":\"a\",\"cluster_name\":null,\"state\":null,\"spec\":null,"
        "\"termination_reason\":null,\"start_time\":null,\"pinned_by_user_name\":null}",
        "{\"cluster_id\":\"a\",\"state\":\"HIBERNATING\",\"start_time\":-5,"
        "\"pinned_by_user_name\":\"\",\"termination_reason\":{}}",
    };
    for (size_t i = 0; i < COUNT_OF(bare); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct observed seen;
        struct err err;
        assert_true(codec_cluster(&arena, bare[i], strlen(bare[i]), &seen, &err));
        assert_int_equal(seen.state, CLUSTER_UNKNOWN);
        assert_string_equal(seen.cluster_name, "");
        assert_string_equal(seen.source, "");
        assert_string_equal(seen.state_message, "");
        assert_null(seen.reason_code);
        assert_null(seen.reason_parameters);
        assert_null(seen.submitted);
        assert_null(seen.owner);
        assert_non_null(seen.effective);
        assert_false(seen.pinned);
        assert_true(seen.started_ms == 0);
    }
}

static const struct page_case {
    const char *text;
    enum err_code code; /* ERR_NONE: good */
    size_t len;
    const char *detail; /* the token when good (NULL: none), else in the error's text */
} pages[] = {
    { "{}", ERR_NONE, 0, NULL },
    { "{\"clusters\":null,\"next_page_token\":null}", ERR_NONE, 0, NULL },
    { "{\"clusters\":[],\"next_page_token\":\"\",\"prev_page_token\":\"x\"}", ERR_NONE, 0, NULL },
    { "{\"clusters\":[{\"cluster_id\":\"a\"},{\"cluster_id\":\"b\"}],\"next_page_token\":\"t\"}",
      ERR_NONE, 2, "t" },
    { "{\"clusters\":{}}", ERR_PROTOCOL, 0, "clusters as an object; expected a list" },
    { "{\"clusters\":[{\"cluster_id\":\"a\"},7]}", ERR_PROTOCOL, 0, "clusters[1] as a number" },
    { "{\"clusters\":[{\"cluster_id\":\"a\"},{}]}", ERR_PROTOCOL, 0,
      "clusters[1] has no cluster_id" },
    { "{\"clusters\":[{\"cluster_id\":\"\"}]}", ERR_PROTOCOL, 0, "clusters[0] has a cluster_id" },
    { "{\"clusters\":[{\"cluster_id\":\"a b\"}]}", ERR_PROTOCOL, 0, "visible ASCII" },
    { "{\"clusters\":[{\"cluster_id\":17}]}", ERR_PROTOCOL, 0,
      "clusters[0].cluster_id as a number" },
    { "{\"clusters\":[{\"cluster_id\":\"a\",\"state\":[]}]}", ERR_PROTOCOL, 0,
      "clusters[0].state as a list; expected text" },
    { "{\"clusters\":[{\"cluster_id\":\"a\",\"termination_reason\":{\"code\":1}}]}", ERR_PROTOCOL,
      0, "clusters[0].termination_reason.code" },
    { "{\"next_page_token\":5}", ERR_PROTOCOL, 0, "next_page_token" },
    { "[]", ERR_PROTOCOL, 0, "a list; expected an object" },
    { "", ERR_PROTOCOL, 0, NULL },
    { "<html>", ERR_PROTOCOL, 0, NULL },
    { "{\"clusters\":[{\"cluster_id\":\"a\"}", ERR_PROTOCOL, 0, NULL },
};

static void test_pages(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        const struct page_case *c = &pages[i];
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct page page = { 0 };
        struct err err = { .code = ERR_NONE };
        bool is_good = codec_page(&arena, c->text, strlen(c->text), &page, &err);
        if (err.code != c->code || is_good != (c->code == ERR_NONE)) {
            fail_msg("%s: %s", c->text, err.text);
        }
        assert_int_equal(page.len, c->len);
        if (is_good && c->detail == NULL) assert_null(page.next_token);
        if (is_good && c->detail != NULL) assert_string_equal(page.next_token, c->detail);
        if (!is_good && c->detail != NULL && strstr(err.text, c->detail) == NULL) {
            fail_msg("'%s' is not in '%s'", c->detail, err.text);
        }
    }
}

static void test_limits(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT(OUT_MAX);
    struct page page;
    struct observed seen;
    struct err err;
    buf_adds(&text, "{\"clusters\":[{\"cluster_id\":\"a\"}");
    for (int i = 0; i < 1000; i++) {
        buf_adds(&text, ",{\"cluster_id\":\"a\"}");
    }
    buf_adds(&text, "]}");
    assert_false(codec_page(&arena, text.data, text.len, &page, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    buf_clear(&text);
    buf_adds(&text, "{\"cluster_id\":\"a\",\"state_message\":\"x");
    for (int i = 0; i < 2000; i++) {
        buf_adds(&text, "\xc3\xa9");
    }
    buf_adds(&text, "\"}");
    assert_true(codec_cluster(&arena, text.data, text.len, &seen, &err));
    assert_int_equal(strlen(seen.state_message), OBSERVED_MESSAGE_MAX - 1); /* not half an e */
    buf_clear(&text);
    buf_adds(&text, "{\"cluster_id\":\"");
    for (int i = 0; i < 129; i++) {
        buf_addc(&text, 'a');
    }
    buf_adds(&text, "\"}");
    assert_false(codec_cluster(&arena, text.data, text.len, &seen, &err));
    assert_int_equal(err.code, ERR_PROTOCOL);
}

static void test_created_and_me(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
        bool is_me;
    } rows[] = {
        { "{\"cluster_id\":\"c-1\"}", "c-1", false },
        { "{}", NULL, false },
        { "{\"cluster_id\":\"\"}", NULL, false },
        { "{\"cluster_id\":\"a\\u000ab\"}", NULL, false },
        { "{\"cluster_id\":null}", NULL, false },
        { "{\"id\":\"1\",\"userName\":\"me@example.com\"}", "me@example.com", true },
        { "{\"userName\":\"\"}", NULL, true },
        { "{\"userName\":{}}", NULL, true },
        { "\"me\"", NULL, true },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        const char *text = rows[i].text, *found = NULL;
        struct err err;
        bool is_good = rows[i].is_me ? codec_me(&arena, text, strlen(text), &found, &err)
                                     : codec_created(&arena, text, strlen(text), &found, &err);
        assert_int_equal(is_good, rows[i].wanted != NULL);
        if (is_good) assert_string_equal(found, rows[i].wanted);
        if (!is_good) assert_int_equal(err.code, ERR_PROTOCOL);
        if (!is_good) assert_null(found);
    }
}

/*
 * Every value of a real answer, at any depth, becomes every other kind. Nothing crashes; what is
 * accepted can be cached and read back.
 */
static const char *const odd_values[] = {
    "null",  "true", "-1",      "1e308", "7430983140709072285", "\"\"",
    "\"x\"", "[]",   "[1,[2]]", "{}",    "{\"a\":{\"b\":null}}"
};

static void check_mutant(const char *text, size_t len)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf cached = BUF_INIT(OUT_MAX);
    struct observed seen, again;
    struct err err;
    if (!codec_cluster(&arena, text, len, &seen, &err)) {
        assert_int_equal(err.code, ERR_PROTOCOL);
        return;
    }
    codec_observed_write(&seen, &cached);
    assert_null(strstr(buf_text(&cached), "hunter2"));
    if (!codec_cluster(&arena, cached.data, cached.len, &again, &err)) fail_msg("%s", err.text);
    struct digest a = codec_observed_digest(&seen), b = codec_observed_digest(&again);
    if (!digest_equal(&a, &b)) fail_msg("%.*s", (int)len, text);
}

/* Writes `value` with its leaf or branch number `target` replaced; counts down as it goes. */
static void write_mutant(const struct value *value, int *target, const char *odd, struct buf *out)
{
    if ((*target)-- == 0) {
        buf_adds(out, odd);
        return;
    }
    if (value->kind != VALUE_MAP && value->kind != VALUE_LIST) {
        json_write(value, out);
        return;
    }
    bool is_map = value->kind == VALUE_MAP;
    buf_addc(out, is_map ? '{' : '[');
    for (size_t i = 0; i < value->len; i++) {
        if (i > 0) buf_addc(out, ',');
        if (is_map) json_write_text(value->u.members[i].key, out);
        if (is_map) buf_addc(out, ':');
        write_mutant(is_map ? value->u.members[i].value : value->u.items[i], target, odd, out);
    }
    buf_addc(out, is_map ? '}' : ']');
}

static void test_wrong_kinds_everywhere(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *whole = parse(&arena, terminated);
    for (size_t i = 0; i < COUNT_OF(odd_values); i++) {
        for (int number = 0;; number++) {
            AUTO_BUF struct buf text = BUF_INIT(OUT_MAX);
            int target = number;
            write_mutant(whole, &target, odd_values[i], &text);
            check_mutant(text.data, text.len);
            if (target >= 0) break; /* it has fewer values than that */
        }
    }
}

static void test_every_cut(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(terminated) - 1; len++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        char *part = xmalloc(len + 1);
        memcpy(part, terminated, len);
        part[len] = '\0';
        struct observed seen;
        struct page page;
        struct err err;
        assert_false(codec_cluster(&arena, part, len, &seen, &err));
        assert_int_equal(err.code, ERR_PROTOCOL);
        assert_false(codec_page(&arena, part, len, &page, &err));
        xfree(part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cluster),        cmocka_unit_test(test_cached_form),
        cmocka_unit_test(test_digest),         cmocka_unit_test(test_bare_cluster),
        cmocka_unit_test(test_pages),          cmocka_unit_test(test_limits),
        cmocka_unit_test(test_created_and_me), cmocka_unit_test(test_wrong_kinds_everywhere),
        cmocka_unit_test(test_every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

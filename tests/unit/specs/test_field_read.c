/* What is read by the table of fields: YAML strictly, answers of the workspace leniently. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "json.h"
#include "reading.h"
#include "text.h"

/* ---- Reading -------------------------------------------------------------------------------- */

struct read_case {
    const char *yaml;
    const char *json;     /* what is read */
    const char *findings; /* "" for none */
};

static const struct read_case reads[] = {
    /* text */
    { "cluster_name: etl", "{\"cluster_name\":\"etl\"}", "" },
    { "cluster_name: 5", "{\"cluster_name\":\"5\"}", "" },
    { "cluster_name: 'true'", "{\"cluster_name\":\"true\"}", "" },
    { "cluster_name: true", "{}",
      "1:15: error: cluster_name: want text, got a boolean; put it in quotes\n" },
    { "cluster_name: [a]", "{}", "1:15: error: cluster_name: want text, got a list\n" },
    { "cluster_name: ~", "{\"cluster_name\":null}", "" },
    /* whole numbers */
    { "num_workers: 0", "{\"num_workers\":0}", "" },
    { "num_workers: 4", "{\"num_workers\":4}", "" },
    { "num_workers: four", "{}",
      "1:14: error: num_workers: want a whole number, got text \"four\"\n" },
    { "num_workers: '4'", "{}",
      "1:14: error: num_workers: want a whole number, got text \"4\"; take off the quotes\n" },
    { "num_workers: 0x10", "{}",
      "1:14: error: num_workers: want a whole number, got text \"0x10\"; write it in plain decimal "
      "digits\n" },
    { "num_workers: 1_000", "{}",
      "1:14: error: num_workers: want a whole number, got text \"1_000\"; write it in plain "
      "decimal "
      "digits\n" },
    { "num_workers: 1e3", "{}",
      "1:14: error: num_workers: want a whole number, got text \"1e3\"; write it in plain decimal "
      "digits\n" },
    { "num_workers: 010", "{}",
      "1:14: error: num_workers: want a whole number, got text \"010\"; write it in plain decimal "
      "digits\n" },
    { "num_workers: true", "{}", "1:14: error: num_workers: want a whole number, got a boolean\n" },
    { "num_workers: {a: 1}", "{}", "1:14: error: num_workers: want a whole number, got a map\n" },
    { "num_workers: -1", "{}", "1:14: error: num_workers: want 0 to 2147483647, got -1\n" },
    { "num_workers: 99999999999999999999", "{}",
      "1:14: error: num_workers: want a whole number, got text \"99999999999999999999\"; write it "
      "in plain decimal digits\n" },
    { "autotermination_minutes: 10001", "{}",
      "1:26: error: autotermination_minutes: want 0 to 10000, got 10001\n" },
    { "aws_attributes: {ebs_volume_count: 11}", "{\"aws_attributes\":{}}",
      "1:36: error: ebs_volume_count: want 0 to 10, got 11\n" },
    /* booleans */
    { "is_single_node: true", "{\"is_single_node\":true}", "" },
    { "is_single_node: yes", "{}",
      "1:17: error: is_single_node: want true or false, got text \"yes\"\n" },
    { "is_single_node: on", "{}",
      "1:17: error: is_single_node: want true or false, got text \"on\"\n" },
    { "is_single_node: True", "{}",
      "1:17: error: is_single_node: want true or false, got a boolean; write it in lower case\n" },
    { "is_single_node: \"false\"", "{}",
      "1:17: error: is_single_node: want true or false, got text \"false\"; take off the "
      "quotes\n" },
    /* numbers */
    { "azure_attributes: {spot_bid_max_price: -1}",
      "{\"azure_attributes\":{\"spot_bid_max_price\":-1}}", "" },
    { "azure_attributes: {spot_bid_max_price: 0.25}",
      "{\"azure_attributes\":{\"spot_bid_max_price\":0.25}}", "" },
    { "azure_attributes: {spot_bid_max_price: .inf}", "{\"azure_attributes\":{}}",
      "1:40: error: spot_bid_max_price: want a number, got text \".inf\"\n" },
    { "azure_attributes: {spot_bid_max_price: 0x1p3}", "{\"azure_attributes\":{}}",
      "1:40: error: spot_bid_max_price: want a number, got text \"0x1p3\"\n" },
    { "azure_attributes: {spot_bid_max_price: 1e999}", "{\"azure_attributes\":{}}",
      "1:40: error: spot_bid_max_price: want a number, got text \"1e999\"\n" },
    /* choices and their aliases: 2.3, 9.1 */
    { "data_security_mode: SINGLE_USER", "{\"data_security_mode\":\"SINGLE_USER\"}", "" },
    { "data_security_mode: DATA_SECURITY_MODE_DEDICATED",
      "{\"data_security_mode\":\"SINGLE_USER\"}", "" },
    { "data_security_mode: DATA_SECURITY_MODE_STANDARD",
      "{\"data_security_mode\":\"USER_ISOLATION\"}", "" },
    { "runtime_engine: 'PHOTON'", "{\"runtime_engine\":\"PHOTON\"}", "" },
    { "aws_attributes: {availability: SPOTTY}", "{\"aws_attributes\":{}}",
      "1:32: error: availability: 'SPOTTY' is not one of ON_DEMAND, SPOT, SPOT_WITH_FALLBACK; did "
      "you mean 'SPOT'?\n" },
    { "runtime_engine: [PHOTON]", "{}",
      "1:17: error: runtime_engine: want one word, got a list\n" },
    { "kind: ''", "{}", "1:7: error: kind: '' is not one of CLASSIC_PREVIEW\n" },
    /* maps: scalars become text as they are written */
    { "spark_env_vars: {A: 1.50, B: True, C: x, D: ~}",
      "{\"spark_env_vars\":{\"A\":\"1.50\",\"B\":\"True\",\"C\":\"x\",\"D\":null}}", "" },
    { "spark_conf: {a: True, b: 'TRUE', c: false, d: 007}",
      "{\"spark_conf\":{\"a\":\"true\",\"b\":\"true\",\"c\":\"false\",\"d\":\"007\"}}", "" },
    { "custom_tags: {a: [1]}", "{\"custom_tags\":{}}",
      "1:18: error: custom_tags['a']: want text, got a list\n" },
    { "custom_tags: text", "{}",
      "1:14: error: custom_tags: want a map of texts, got text \"text\"\n" },
    /* lists */
    { "ssh_public_keys: [a, 5]", "{\"ssh_public_keys\":[\"a\",\"5\"]}", "" },
    { "ssh_public_keys: key", "{}",
      "1:18: error: ssh_public_keys: want a list, got text \"key\"\n" },
    { "ssh_public_keys: [1,2,3,4,5,6,7,8,9,10,11]", "{}",
      "1:18: error: ssh_public_keys: 11 entries; 10 at most\n" },
    { "init_scripts: [{workspace: {destination: /a}}, {local: {source: b.sh}}]",
      "{\"init_scripts\":[{\"workspace\":{\"destination\":\"/a\"}},"
      "{\"local\":{\"source\":\"b.sh\"}}]}",
      "" },
    { "init_scripts: [a]", "{\"init_scripts\":[]}",
      "1:16: error: init_scripts: want a map, got text \"a\"\n" },
    { "init_scripts: [~]", "{\"init_scripts\":[]}",
      "1:16: error: init_scripts: want an entry, got null; take it out\n" },
    { "init_scripts: {workspace: {destination: /a}}", "{}",
      "1:15: error: init_scripts: want a list, got a map\n" },
    /* nulls stay, for the merge */
    { "num_workers: null\nautoscale: ~\ndocker_image: {basic_auth: ~}",
      "{\"autoscale\":null,\"docker_image\":{\"basic_auth\":null},\"num_workers\":null}", "" },
    /* unknown fields */
    { "num_worker: 4", "{}",
      "1:1: error: unknown field 'num_worker'; did you mean 'num_workers'?\n" },
    { "autoscale: {min_worker: 1}", "{\"autoscale\":{}}",
      "1:13: error: unknown field 'min_worker'; did you mean 'min_workers'?\n" },
    { "aws_attributes: {spark_conf: {}}", "{\"aws_attributes\":{}}",
      "1:18: error: unknown field 'spark_conf' in aws_attributes; it belongs directly under "
      "spec\n" },
    { "zzzzzzzz: 1", "{}", "1:1: error: unknown field 'zzzzzzzz' in spec\n" },
    { "init_scripts: [{workspaces: {destination: /a}}]", "{\"init_scripts\":[{}]}",
      "1:17: error: unknown field 'workspaces'; did you mean 'workspace'?\n" },
    { "cluster_id: a", "{}",
      "1:1: error: 'cluster_id' is not part of a spec: the workspace gives it out; to take over a "
      "cluster, write keep.adopt\n" },
    { "creator_user_name: a", "{}",
      "1:1: error: 'creator_user_name' is not part of a spec: the workspace fills it in; take it "
      "out\n" },
    { "permissions: []", "{}",
      "1:1: error: 'permissions' is not part of a spec: it stands beside spec, not in it\n" },
    /* each mistake, and what is good beside it */
    { "num_worker: 1\nspark_version: 15.4.x-scala2.12\nautotermination_minutes: ten\n",
      "{\"spark_version\":\"15.4.x-scala2.12\"}",
      "1:1: error: unknown field 'num_worker'; did you mean 'num_workers'?\n"
      "3:26: error: autotermination_minutes: want a whole number, got text \"ten\"\n" },
    { "- a", "{}", "1:1: error: spec: want a map, got a list\n" },
};

static void promise_9_each_value_is_read_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(reads); i++) {
        struct reading reading;
        reading_open(&reading, "m", reads[i].yaml);
        const struct value *raw = reading.documents.documents[0];
        const struct value *typed = field_read(&reading.arena, raw, NULL, reading.diag);
        const char *json = reading_json(&reading, typed);
        const char *findings = reading_findings(&reading);
        if (strcmp(json, reads[i].json) != 0 || strcmp(findings, reads[i].findings) != 0) {
            fail_msg("%s\nread as %s\nfound %s", reads[i].yaml, json, findings);
        }
        reading_close(&reading);
    }
}

/* Members come out in the order of the table, whatever the order of the file. */
static void test_order(void **state)
{
    (void)state;
    struct reading reading;
    reading_open(&reading, "m", "custom_tags: {b: 1, a: 2}\nnum_workers: 1\nspark_version: x\n");
    const struct value *typed =
        field_read(&reading.arena, reading.documents.documents[0], NULL, reading.diag);
    assert_int_equal(typed->len, 3);
    assert_string_equal(typed->u.members[0].key, "spark_version");
    assert_int_equal(typed->u.members[0].pos.line, 3);
    assert_string_equal(typed->u.members[1].key, "num_workers");
    assert_string_equal(typed->u.members[2].key, "custom_tags");
    assert_string_equal(typed->u.members[2].value->u.members[0].key, "b");
    reading_close(&reading);
}

/* A message is one short line whatever the file holds. */
static void test_hostile_text(void **state)
{
    (void)state;
    char yaml[4096] = "num_workers: \"\\n\\e[31m";
    size_t len = strlen(yaml);
    memset(yaml + len, 'x', 2000);
    yaml[len + 2000] = '"';
    struct reading reading;
    reading_open(&reading, "m", yaml);
    (void)field_read(&reading.arena, reading.documents.documents[0], NULL, reading.diag);
    const char *findings = reading_findings(&reading);
    assert_true(strlen(findings) < 200);
    assert_non_null(strstr(findings, "got text \"??[31mxxx"));
    assert_ptr_equal(strchr(findings, '\n'), findings + strlen(findings) - 1);
    reading_close(&reading);
}

static void test_quote(void **state)
{
    char quote[FIELD_QUOTE_SIZE];
    char text[200];
    (void)state;
    assert_string_equal(field_quote("", quote), "");
    memset(text, 'a', sizeof(text));
    text[FIELD_QUOTE_SIZE - 1] = '\0';
    assert_string_equal(field_quote(text, quote), text); /* just fits */
    text[FIELD_QUOTE_SIZE - 1] = 'a';
    text[FIELD_QUOTE_SIZE] = '\0';
    assert_int_equal(strlen(field_quote(text, quote)), FIELD_QUOTE_SIZE - 1);
    assert_true(text_ends(quote, "aaa..."));
    for (size_t i = 0; i + 1 < sizeof(text); i += 2) {
        memcpy(text + i, "\xc3\xa9", 2);
    }
    text[198] = '\0';
    assert_true(text_is_utf8(field_quote(text, quote), strlen(quote)));
}

/* FIELD_ENTRIES_MAX entries are taken, one more is not. */
static void promise_10_entries_max(void **state)
{
    (void)state;
    for (size_t extra = 0; extra <= 1; extra++) {
        AUTO_BUF struct buf yaml = BUF_INIT(1 << 20);
        buf_adds(&yaml, "spark_conf:\n");
        for (size_t i = 0; i < FIELD_ENTRIES_MAX + extra; i++) {
            buf_addf(&yaml, "  k%zu: v\n", i);
        }
        struct reading reading;
        reading_open(&reading, "m", buf_text(&yaml));
        const struct value *typed =
            field_read(&reading.arena, reading.documents.documents[0], NULL, reading.diag);
        const struct value *conf = value_get(typed, "spark_conf");
        assert_int_equal(conf == NULL, extra == 1);
        assert_string_equal(reading_findings(&reading),
                            extra == 0 ? ""
                                       : "2:3: error: spark_conf: 2001 entries; 2000 at most\n");
        reading_close(&reading);
    }
}

/* ---- Secrets -------------------------------------------------------------------------------- */

#define WANT "want {fromEnv: NAME}, {fromFile: PATH} or \"{{secrets/scope/key}}\""

static const struct {
    const char *yaml; /* of basic_auth */
    const char *key;
    enum value_kind kind; /* VALUE_NULL: refused */
    enum secret_source source;
    const char *text;
    const char *findings;
} secrets[] = {
    { "{username: robot}", "username", VALUE_SECRET, SECRET_LITERAL, "robot", "" },
    { "{username: 12}", "username", VALUE_SECRET, SECRET_LITERAL, "12", "" },
    { "{username: {fromEnv: USER_1}}", "username", VALUE_SECRET, SECRET_ENV, "USER_1", "" },
    { "{password: {fromFile: /run/p}}", "password", VALUE_SECRET, SECRET_FILE, "/run/p", "" },
    { "{password: '{{secrets/a/b-c.d}}'}", "password", VALUE_TEXT, SECRET_HASHED,
      "{{secrets/a/b-c.d}}", "" },
    { "{password: hunter2}", "password", VALUE_SECRET, SECRET_LITERAL, "hunter2",
      "2:26: warning: password: a literal secret in a manifest; use {fromEnv: NAME}, {fromFile: "
      "PATH} or \"{{secrets/scope/key}}\"\n" },
    { "{password: '{{secrets/a}}'}", "password", VALUE_NULL, SECRET_HASHED, NULL,
      "2:26: error: password: a reference has to be the whole value; " WANT "\n" },
    { "{password: 'x{{secrets/a/b}}'}", "password", VALUE_NULL, SECRET_HASHED, NULL,
      "2:26: error: password: a reference has to be the whole value; " WANT "\n" },
    { "{password: {fromEnvironment: A}}", "password", VALUE_NULL, SECRET_HASHED, NULL,
      "2:26: error: password: not a way to name a secret; " WANT "\n" },
    { "{password: {fromEnv: A, fromFile: b}}", "password", VALUE_NULL, SECRET_HASHED, NULL,
      "2:26: error: password: not a way to name a secret; " WANT "\n" },
    { "{password: {fromFile: ''}}", "password", VALUE_NULL, SECRET_HASHED, NULL,
      "2:26: error: password: not a way to name a secret; " WANT "\n" },
    { "{password: {fromEnv: 'hunter2!'}}", "password", VALUE_NULL, SECRET_HASHED, NULL,
      "2:36: error: password: fromEnv does not name an environment variable; " WANT "\n" },
    { "{password: ''}", "password", VALUE_NULL, SECRET_HASHED, NULL,
      "2:26: error: password: empty; " WANT "\n" },
    { "{password: [hunter2]}", "password", VALUE_NULL, SECRET_HASHED, NULL,
      "2:26: error: password: not text; " WANT "\n" },
};

static void test_secrets(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(secrets); i++) {
        char yaml[256];
        struct reading reading;
        (void)snprintf(yaml, sizeof(yaml), "docker_image:\n  basic_auth: %s\n", secrets[i].yaml);
        reading_open(&reading, "m", yaml);
        const struct value *typed =
            field_read(&reading.arena, reading.documents.documents[0], NULL, reading.diag);
        const struct value *auth = value_at(typed, "docker_image.basic_auth");
        const struct value *secret = value_get(auth, secrets[i].key);
        const char *findings = reading_findings(&reading);
        assert_string_equal(findings, secrets[i].findings);
        assert_null(strstr(findings, "hunter2"));
        assert_null(strstr(reading_json(&reading, typed), "hunter2"));
        assert_int_equal(secret == NULL, secrets[i].kind == VALUE_NULL);
        if (secret != NULL) {
            assert_int_equal(secret->kind, secrets[i].kind);
            assert_string_equal(secret->text, secrets[i].text);
            if (secret->kind == VALUE_SECRET) assert_int_equal(secret->source, secrets[i].source);
        }
        reading_close(&reading);
    }
}

/* ---- What the workspace returned ------------------------------------------------------------ */

static const struct value *from_json(struct arena *arena, const char *text)
{
    struct err err = { 0 };
    const struct value *value = NULL;
    if (!json_read(arena, text, strlen(text), &value, &err)) fail_msg("%s: %s", text, err.text);
    return value;
}

static const struct read_case observed[] = {
    { "{\"num_workers\":2,\"state\":\"RUNNING\",\"spark_context_id\":7430983140709072285}",
      "{\"num_workers\":2}", "" },
    { "{\"num_workers\":\"2\",\"cluster_name\":5,\"is_single_node\":\"x\",\"spark_conf\":[]}", "{}",
      "" },
    { "{\"num_workers\":-5,\"autotermination_minutes\":99999}",
      "{\"autotermination_minutes\":99999,\"num_workers\":-5}", "" },
    { "{\"num_workers\":4.0,\"autotermination_minutes\":1.5}", "{\"num_workers\":4}", "" },
    { "{\"data_security_mode\":\"DATA_SECURITY_MODE_DEDICATED\"}",
      "{\"data_security_mode\":\"SINGLE_USER\"}", "" },
    { "{\"data_security_mode\":\"A_NEW_MODE\"}", "{\"data_security_mode\":\"A_NEW_MODE\"}", "" },
    { "{\"cluster_name\":null,\"spark_conf\":{\"a\":null,\"b\":true,\"c\":1,\"d\":{}}}",
      "{\"spark_conf\":{\"b\":\"true\",\"c\":\"1\"}}", "" },
    { "{\"init_scripts\":[{\"workspace\":{\"destination\":\"/a\",\"x\":1}},7,null]}",
      "{\"init_scripts\":[{\"workspace\":{\"destination\":\"/a\"}}]}", "" },
    { "{\"init_scripts\":[{\"local\":{\"source\":\"/etc/passwd\"}}]}", "{\"init_scripts\":[{}]}",
      "" },
    { "{\"docker_image\":{\"basic_auth\":{\"username\":\"u\",\"password\":\"hunter2\"}}}",
      "{\"docker_image\":{\"basic_auth\":{\"password\":{\"$secret\":\"unsealed\"},"
      "\"username\":{\"$secret\":\"unsealed\"}}}}",
      "" },
    { "{\"docker_image\":{\"basic_auth\":{\"password\":{\"fromFile\":\"/etc/shadow\"}}}}",
      "{\"docker_image\":{\"basic_auth\":{}}}", "" },
    { "{\"docker_image\":{\"basic_auth\":{\"password\":\"\"}}}",
      "{\"docker_image\":{\"basic_auth\":{}}}", "" },
    { "[]", "{}", "" },
};

static void test_observed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(observed); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        AUTO_BUF struct buf json = BUF_INIT(1 << 16);
        json_write(field_read_observed(&arena, from_json(&arena, observed[i].yaml)), &json);
        assert_string_equal(buf_text(&json), observed[i].json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(promise_9_each_value_is_read_or_refused),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_quote),
        cmocka_unit_test(promise_10_entries_max),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_observed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

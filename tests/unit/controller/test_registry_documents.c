/* The documents of a registry: read from bytes that anybody may have written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/oci.h"

#include "buf.h"
#include "text.h"

#include <stdio.h>

#define DIGEST   "sha256:0000000000000000000000000000000000000000000000000000000000000000"
#define OCI      "application/vnd.oci.image."
#define DOCKER   "application/vnd.docker.distribution.manifest."
#define CONFIG   "\"config\":{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"" DIGEST "\"}"
#define ENTRY    "{\"digest\":\"" DIGEST "\",\"platform\":{\"os\":\"linux\",\"architecture\":"
#define MANIFEST OCI "manifest.v1+json"
#define INDEX    OCI "index.v1+json"

static void test_kinds_of_documents(void **state)
{
    (void)state;
    static const struct {
        const char *type, *text;
        int kind; /* -1: refused */
    } rows[] = {
        { MANIFEST, "{" CONFIG "}", OCI_MANIFEST },
        { MANIFEST "; charset=utf-8", "{" CONFIG "}", OCI_MANIFEST },
        { DOCKER "v2+json", "{" CONFIG "}", OCI_MANIFEST },
        { INDEX, "{\"manifests\":[]}", OCI_INDEX },
        { DOCKER "list.v2+json", "{\"manifests\":[]}", OCI_INDEX },
        { DOCKER "v1+prettyjws", "{}", OCI_SCHEMA1 },
        { DOCKER "v1+json", "{}", OCI_SCHEMA1 },
        { NULL, "{\"mediaType\":\"" INDEX "\",\"manifests\":[]}", OCI_INDEX },
        { "application/json", "{\"manifests\":[]}", OCI_INDEX },
        { "application/octet-stream", "{" CONFIG ",\"layers\":[]}", OCI_MANIFEST },
        { NULL, "{\"schemaVersion\":1}", OCI_SCHEMA1 },
        { NULL, "{\"mediaType\":\"application/vnd.example+json\"}", OCI_ARTIFACT },
        { MANIFEST,
          "{\"config\":{\"mediaType\":\"" OCI "empty.v1+json\",\"digest\":\"" DIGEST "\"}}",
          OCI_ARTIFACT },
        { MANIFEST,
          "{\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"" DIGEST
          "\"}}",
          OCI_ARTIFACT },
        { MANIFEST, "{\"mediaType\":\"" INDEX "\",\"manifests\":[]}", -1 },
        { MANIFEST, "{}", -1 },
        { MANIFEST, "{\"config\":{\"digest\":\"sha256:abc\"}}", -1 },
        { MANIFEST, "{\"config\":{\"digest\":\"../../x\"}}", -1 },
        { MANIFEST, "{" CONFIG ",\"layers\":[7]}", -1 },
        { INDEX, "{}", -1 },
        { INDEX, "{\"manifests\":7}", -1 },
        { NULL, "{}", -1 },
        { NULL, "[]", -1 },
        { NULL, "\"manifests\"", -1 },
        { MANIFEST, "<html>", -1 },
        { MANIFEST, "", -1 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct oci_document document;
        struct err err;
        bool ok =
            oci_read(&arena, rows[i].text, strlen(rows[i].text), rows[i].type, &document, &err);
        if (ok != (rows[i].kind >= 0)) fail_msg("%s", rows[i].text);
        if (ok && (int)document.kind != rows[i].kind) fail_msg("%s", rows[i].text);
    }
}

static void test_entries_are_limited(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        AUTO_BUF struct buf text = BUF_INIT(OCI_MANIFEST_MAX);
        struct oci_document document;
        struct err err;
        buf_adds(&text, "{\"manifests\":[");
        for (size_t i = 0; i < OCI_ENTRIES_MAX + extra; i++) {
            buf_addf(&text, "%s" ENTRY "\"arm64\"}}", i == 0 ? "" : ",");
        }
        buf_adds(&text, "]}");
        bool ok = oci_read(&arena, buf_text(&text), text.len, INDEX, &document, &err);
        assert_int_equal(ok, extra == 0);
        if (!ok) assert_int_equal(err.code, ERR_LIMIT);
        if (!ok) continue;
        assert_int_equal(document.entries_len, OCI_ENTRIES_MAX);
        assert_true(text_ends(oci_platforms(&arena, &document), "linux/arm64, ..."));
    }
}

static void test_length_is_limited(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct oci_document document;
    struct err err;
    char *text = arena_alloc(&arena, OCI_MANIFEST_MAX + 2);
    memset(text, ' ', OCI_MANIFEST_MAX + 1);
    (void)snprintf(text, 17, "{\"manifests\":[]}");
    text[16] = ' ';
    assert_true(oci_read(&arena, text, OCI_MANIFEST_MAX, INDEX, &document, &err));
    assert_false(oci_read(&arena, text, OCI_MANIFEST_MAX + 1, INDEX, &document, &err));
    assert_int_equal(err.code, ERR_LIMIT);
}

static void test_platforms_of_an_index(void **state)
{
    (void)state;
    static const struct {
        const char *entries, *platforms;
        bool fits_amd64, fits_arm64;
    } rows[] = {
        { ENTRY "\"amd64\"}}", "linux/amd64", true, false },
        { ENTRY "\"x86_64\"}}," ENTRY "\"aarch64\"}}", "linux/x86_64, linux/aarch64", true, true },
        { ENTRY "\"arm64\",\"variant\":\"v8\"}}", "linux/arm64", false, true },
        { ENTRY "\"amd64\",\"variant\":\"v1\"}}", "linux/amd64", true, false },
        { ENTRY "\"amd64\",\"variant\":\"v3\"}}", "linux/amd64/v3", true, false },
        { ENTRY "\"arm\",\"variant\":\"v7\"}}", "linux/arm/v7", false, false },
        { "{\"digest\":\"" DIGEST "\"}", "linux/amd64", true, false },
        { "{\"digest\":\"" DIGEST "\",\"platform\":null}", "linux/amd64", true, false },
        { "{\"digest\":\"" DIGEST
          "\",\"platform\":{\"os\":\"windows\",\"architecture\":\"amd64\"}}",
          "windows/amd64", false, false },
        { ENTRY "\"amd64\\u001b[31m\"}}", "linux/?", false, false },
        { "{\"digest\":\"" DIGEST
          "\",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}}",
          "", false, false },
        { "{\"digest\":\"" DIGEST "\",\"annotations\":{\"vnd.docker.reference.type\":"
          "\"attestation-manifest\"}}",
          "", false, false },
        { "{\"digest\":\"" DIGEST "\",\"mediaType\":\"application/vnd.example\"}", "", false,
          false },
        { "7,null,{},{\"digest\":7}", "", false, false },
        { "", "", false, false },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct oci_document index;
        struct err err;
        const char *text = arena_printf(&arena, "{\"manifests\":[%s]}", rows[i].entries);
        assert_true(oci_read(&arena, text, strlen(text), INDEX, &index, &err));
        assert_string_equal(oci_platforms(&arena, &index), rows[i].platforms);
        assert_int_equal(oci_choose(&index, IMAGE_AMD64) != NULL, rows[i].fits_amd64);
        assert_int_equal(oci_choose(&index, IMAGE_ARM64) != NULL, rows[i].fits_arm64);
    }
}

static void test_digests(void **state)
{
    (void)state;
    assert_true(oci_is_digest(DIGEST));
    assert_false(oci_is_digest(NULL));
    assert_false(oci_is_digest(""));
    assert_false(oci_is_digest("sha256:"));
    assert_false(oci_is_digest(DIGEST "0"));
    assert_false(oci_is_digest("sha256:000000000000000000000000000000000000000000000000000000000000"
                               "000A"));
    assert_false(oci_is_digest("md5:00000000000000000000000000000000"));
}

static void test_configurations(void **state)
{
    (void)state;
    static const char text[] =
        "{\"architecture\":\"arm64\",\"os\":\"linux\",\"variant\":\"v8\",\"config\":{\"User\":"
        "\"1\","
        "\"Cmd\":[\"x\"],\"Entrypoint\":null,\"Env\":[\"A=b\",7,\"PATH=/bin\"]},\"rootfs\":{}}";
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct oci_config config;
    struct err err;
    assert_true(oci_read_config(&arena, text, sizeof(text) - 1, &config, &err));
    assert_string_equal(config.architecture, "arm64");
    assert_string_equal(config.os, "linux");
    assert_string_equal(config.variant, "v8");
    assert_string_equal(config.user, "1");
    assert_string_equal(config.path, "/bin");
    assert_true(config.has_cmd);
    assert_false(config.has_entrypoint);
    static const char *const silent[] = { "{}", "{\"config\":null}", "{\"config\":7,\"os\":\"\"}",
                                          "{\"config\":{\"Env\":7,\"Cmd\":[]}}" };
    for (size_t i = 0; i < COUNT_OF(silent); i++) {
        assert_true(oci_read_config(&arena, silent[i], strlen(silent[i]), &config, &err));
        assert_null(config.os);
        assert_null(config.path);
        assert_false(config.has_cmd);
    }
    assert_false(oci_read_config(&arena, "[]", 2, &config, &err));
    assert_false(oci_read_config(&arena, "", 0, &config, &err));
}

static void test_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *text, *token; /* NULL: refused */
        int64_t life_s;
    } rows[] = {
        { "{\"token\":\"a.b-c\",\"expires_in\":300}", "a.b-c", 300 },
        { "{\"access_token\":\"a\"}", "a", 60 },
        { "{\"token\":\"\",\"access_token\":\"a\",\"expires_in\":0}", "a", 60 },
        { "{\"token\":\"a\",\"expires_in\":-5}", "a", 60 },
        { "{\"token\":\"a\",\"expires_in\":\"300\"}", "a", 60 },
        { "{\"token\":\"a\",\"expires_in\":9007199254740991}", "a", 86400 },
        { "{\"token\":\"a b\"}", NULL, 0 },
        { "{\"token\":\"a\\nb\"}", NULL, 0 },
        { "{\"token\":7}", NULL, 0 },
        { "{}", NULL, 0 },
        { "[]", NULL, 0 },
        { "", NULL, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct oci_token token;
        struct err err;
        bool ok = oci_read_token(&arena, rows[i].text, strlen(rows[i].text), &token, &err);
        if (ok != (rows[i].token != NULL)) fail_msg("%s", rows[i].text);
        if (!ok) continue;
        assert_string_equal(token.token, rows[i].token);
        assert_int_equal(token.expires_in_s, rows[i].life_s);
    }
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *code, *message;
    } rows[] = {
        { "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\"},{\"code\":\"X\"}]}", "DENIED",
          "no" },
        { "{\"errors\":[{\"code\":\"not upper\",\"message\":\"a\\nb\\u001b[31m\"}]}", NULL,
          "a b [31m" },
        { "{\"errors\":[{}]}", NULL, "" },
        { "{\"errors\":[]}", NULL, "" },
        { "{\"errors\":[7]}", NULL, "" },
        { "{\"errors\":{}}", NULL, "" },
        { "{\"message\":\"of a proxy\"}", NULL, "of a proxy" },
        { "Too Many Requests", NULL, "Too Many Requests" },
        { "<html><title>502 Bad</title>", NULL, "502 Bad" },
        { "", NULL, "" },
        { "{\"errors\":[{\"code\":\"CUT", NULL, "" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct oci_error error;
        oci_read_error(&arena, rows[i].text, strlen(rows[i].text), &error);
        if (!text_equal(error.code, rows[i].code) || !text_equal(error.message, rows[i].message)) {
            fail_msg("%s: %s, '%s'", rows[i].text, error.code, error.message);
        }
    }
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct oci_error error;
    char *text = arena_alloc(&arena, 2001);
    for (size_t i = 0; i + 1 < 2000; i += 2) {
        text[i] = '\xC3';
        text[i + 1] = '\xA4';
    }
    oci_read_error(&arena, text, 2000, &error);
    assert_true(strlen(error.message) <= 303);
    assert_true(text_is_utf8(error.message, strlen(error.message)));
    assert_true(text_ends(error.message, "..."));
}

static void test_lists_of_tags(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int len; /* -1: refused */
    } rows[] = {
        { "{\"tags\":[\"1\",\"2\"]}", 2 },
        { "{\"tags\":null}", 0 },
        { "{}", 0 },
        { "{\"tags\":[7]}", -1 },
        { "[]", -1 },
        { "", -1 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        const char *const *tags = NULL;
        size_t len = 0;
        struct err err;
        bool ok = oci_read_tags(&arena, rows[i].text, strlen(rows[i].text), &tags, &len, &err);
        assert_int_equal(ok, rows[i].len >= 0);
        if (ok) assert_int_equal(len, rows[i].len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_of_documents),
        cmocka_unit_test(test_entries_are_limited),
        cmocka_unit_test(test_length_is_limited),
        cmocka_unit_test(test_platforms_of_an_index),
        cmocka_unit_test(test_digests),
        cmocka_unit_test(test_configurations),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_lists_of_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

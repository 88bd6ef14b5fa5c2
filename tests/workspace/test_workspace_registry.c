/*
 * The registry under /v2/: what a client of it sees.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture_registry.h"

/* Follows a descriptor of `repository`, and holds the bytes against it. */
static void follow(struct fixture *fixture, const char *repository, const char *kind,
                   const struct value *descriptor)
{
    const char *digest = text_at(descriptor, "digest");
    int64_t size = int_at(descriptor, "size");
    const char *path = arena_printf(&fixture->arena, "/v2/%s/%s/%s", repository, kind, digest);
    assert_int_equal(get_path(fixture, path), 200);
    assert_int_equal(fixture->response.body.len, size);
    assert_string_equal(body_digest(fixture), digest);
    assert_string_equal(header(fixture, "docker-content-digest"), digest);
}

/* The manifest of the last answer: its configuration is for `cpu`, its layer is there. */
static void expect_image(struct fixture *fixture, const char *repository, const char *cpu)
{
    const struct value *manifest = fixture->answer;
    assert_string_equal(text_at(manifest, "mediaType"), MANIFEST);
    follow(fixture, repository, "blobs", value_get(manifest, "config"));
    assert_string_equal(text_at(fixture->answer, "architecture"), cpu);
    assert_string_equal(text_at(fixture->answer, "os"), "linux");
    follow(fixture, repository, "blobs", value_get(manifest, "layers")->u.items[0]);
    assert_int_equal(fixture->response.body.len, 1024);
}

static void expect_index(struct fixture *fixture, const char *cpu)
{
    const struct value *entries = value_get(fixture->answer, "manifests");
    assert_int_equal(entries->len, 2);
    const struct value *image = entries->u.items[0];
    const struct value *provenance = entries->u.items[1];
    assert_string_equal(text_at(image, "platform.architecture"), cpu);
    assert_string_equal(text_at(provenance, "platform.os"), "unknown");
    const struct value *annotations = value_get(provenance, "annotations");
    assert_string_equal(value_get_text(annotations, "vnd.docker.reference.type"),
                        "attestation-manifest");
    follow(fixture, EVEN, "manifests", provenance);
    follow(fixture, EVEN, "blobs", value_get(fixture->answer, "config"));
    follow(fixture, EVEN, "manifests", image);
    expect_image(fixture, EVEN, cpu);
}

/* Both shapes, from the tag down to the bytes of the layer; for each CPU. */
static void test_content(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        enum model_image kind;
        const char *cpu;
    } rows[] = {
        { MODEL_IMAGE_OK, "amd64" },        { MODEL_IMAGE_SLOW, "amd64" },
        { MODEL_IMAGE_TIMEOUT, "amd64" },   { MODEL_IMAGE_BROKEN, "amd64" },
        { MODEL_IMAGE_TOO_LARGE, "amd64" }, { MODEL_IMAGE_WRONG_OS, "arm64" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_true(model_set_image(fixture->model, EVEN ":1", rows[i].kind, NULL));
        assert_int_equal(get_manifest(fixture, EVEN, "1"), 200);
        assert_string_equal(fixture->response.content_type, INDEX);
        assert_string_equal(header(fixture, "docker-content-digest"), body_digest(fixture));
        expect_index(fixture, rows[i].cpu);

        assert_true(model_set_image(fixture->model, ODD ":1", rows[i].kind, NULL));
        assert_int_equal(get_manifest(fixture, ODD, "1"), 200);
        assert_string_equal(fixture->response.content_type, MANIFEST);
        assert_string_equal(header(fixture, "docker-content-digest"), body_digest(fixture));
        expect_image(fixture, ODD, rows[i].cpu);
    }
}

static void test_accept(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *path, *accept;
        int status;
    } rows[] = {
        { "/v2/" EVEN "/manifests/1", ALL, 200 },
        { "/v2/" EVEN "/manifests/1", "text/html," INDEX ";q=0.1", 200 },
        { "/v2/" EVEN "/manifests/1", MANIFEST "," DOCKER, 404 },
        { "/v2/" EVEN "/manifests/1", "*/*", 404 },
        { "/v2/" EVEN "/manifests/1", NULL, 404 },
        { "/v2/" EVEN "/manifests/1", INDEX "x", 404 },
        { "/v2/" ODD "/manifests/1", MANIFEST, 200 },
        { "/v2/" ODD "/manifests/1", INDEX "," DOCKER, 404 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct asked asked = { .path = rows[i].path, .accept = rows[i].accept };
        assert_int_equal(ask(fixture, &asked), rows[i].status);
        if (rows[i].status == 200) continue;
        expect_code(fixture, 404, "MANIFEST_UNKNOWN");
        assert_true(body_has(fixture, "accept header"));
    }
}

static void test_head(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(get_manifest(fixture, EVEN, "1"), 200);
    const char *digest = header(fixture, "docker-content-digest");
    size_t len = fixture->response.content_length;
    assert_int_equal(len, fixture->response.body.len);
    struct asked head = { "HEAD", "/v2/" EVEN "/manifests/1", ALL, NULL };
    assert_int_equal(ask(fixture, &head), 200);
    assert_string_equal(header(fixture, "docker-content-digest"), digest);
    assert_int_equal(fixture->response.body.len, 0);
    assert_int_equal(fixture->response.content_length, len);
    /* The escape of the colon is one of a client's ways to write a digest. */
    const char *escaped =
        arena_printf(&fixture->arena, "/v2/" EVEN "/manifests/sha256%%3A%s", digest + 7);
    assert_int_equal(get_path(fixture, escaped), 200);
    assert_string_equal(body_digest(fixture), digest);

    model_switches(fixture->model)->registry_no_digest = 1;
    assert_int_equal(ask(fixture, &head), 200);
    assert_null(header(fixture, "docker-content-digest"));
}

static void test_what_is_not_there(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *method, *path, *code; /* code NULL: a page of plain text */
        int status;
    } rows[] = {
        { "GET", "/v2/acme/gone/manifests/1", "MANIFEST_UNKNOWN", 404 },
        { "GET", "/v2/" EVEN "/manifests/" NO_DIGEST, "MANIFEST_UNKNOWN", 404 },
        { "GET", "/v2/" EVEN "/blobs/" NO_DIGEST, "BLOB_UNKNOWN", 404 },
        { "GET", "/v2/acme/never/tags/list", "NAME_UNKNOWN", 404 },
        { "GET", "/v2/acme/gone/tags/list", "NAME_UNKNOWN", 404 },
        { "GET", "/v2/Acme/etl/manifests/1", NULL, 404 },
        { "GET", "/v2/acme/etl/manifests/-1", NULL, 404 },
        { "GET", "/v2/acme/etl/manifests/sha256:abc", NULL, 404 },
        { "GET", "/v2/acme/etl/manifests/", NULL, 404 },
        { "GET", "/v2/acme/etl/tags/lists", NULL, 404 },
        { "GET", "/v2/acme/manifests/tags/list", "NAME_UNKNOWN", 404 },
        { "GET", "/v2/acme/etl/blobs/1", NULL, 404 },
        { "GET", "/v2/manifests/1", NULL, 404 },
        { "GET", "/v2/acme%2Fetl%2Fmanifests%2F1", NULL, 404 },
        { "GET", "/v2/acme/etl", NULL, 404 },
        { "POST", "/v2/token", NULL, 404 },
        { "PUT", "/v2/acme/etl/manifests/1", "UNSUPPORTED", 405 },
        { "HEAD", "/v2/acme/etl/tags/list", NULL, 405 },
    };
    assert_true(model_set_image(fixture->model, "acme/gone:1", MODEL_IMAGE_MISSING, NULL));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct asked asked = { rows[i].method, rows[i].path, ALL, NULL };
        if (ask(fixture, &asked) != rows[i].status) {
            print_error("%s: %d\n", rows[i].path, fixture->response.status);
            fail();
        }
        if (rows[i].code != NULL) expect_code(fixture, rows[i].status, rows[i].code);
        if (rows[i].code == NULL) assert_null(fixture->answer);
    }
    assert_int_equal(model_writes_count(fixture->model), 0);
}

static void test_tags(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *path, *body, *link;
    } rows[] = {
        { "/v2/acme/etl/tags/list",
          "{\"name\":\"acme/etl\",\"tags\":[\"1.0\",\"1.1\",\"Z\",\"a\"]}", NULL },
        { "/v2/acme/etl/tags/list?n=3", "\"tags\":[\"1.0\",\"1.1\",\"Z\"]}",
          "</v2/acme/etl/tags/list?last=Z&n=3>; rel=\"next\"" },
        { "/v2/acme/etl/tags/list?last=Z&n=3", "\"tags\":[\"a\"]}", NULL },
        { "/v2/acme/etl/tags/list?last=b", "\"tags\":[]}", NULL },
    };
    static const char *const urls[] = { "acme/etl:a", "acme/etl:1.1", "r.example:5000/acme/etl:Z",
                                        "acme/etl:1.0", "acme/etl2:9" };
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        assert_true(model_set_image(fixture->model, urls[i], MODEL_IMAGE_OK, NULL));
    }
    assert_true(model_set_image(fixture->model, "acme/etl:0", MODEL_IMAGE_MISSING, NULL));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(get_path(fixture, rows[i].path), 200);
        assert_true(body_has(fixture, rows[i].body));
        const char *link = header(fixture, "link");
        assert_true(text_equal(link, rows[i].link));
    }
    assert_int_equal(get_path(fixture, "/v2/acme/etl/tags/list?n=0"), 400);
    expect_code(fixture, 400, "PAGINATION_NUMBER_INVALID");
    for (int i = 0; i < 100; i++) { /* a page has an end, whatever was asked for */
        const char *url = arena_printf(&fixture->arena, "acme/etl:2.%03d", i);
        assert_true(model_set_image(fixture->model, url, MODEL_IMAGE_OK, NULL));
    }
    assert_int_equal(get_path(fixture, "/v2/acme/etl/tags/list?n=5000"), 200);
    assert_string_equal(header(fixture, "link"),
                        "</v2/acme/etl/tags/list?last=2.097&n=100>; rel=\"next\"");
    assert_true(model_set_image(fixture->model, "acme/etl:a", MODEL_IMAGE_PRIVATE, "right"));
    assert_int_equal(get_path(fixture, "/v2/acme/etl/tags/list"), 401);
}

static void test_calls_and_faults(void **state)
{
    struct fixture *fixture = *state;
    static const struct model_fault throttle = {
        .path = "/v2/*", .kind = MODEL_FAULT_STATUS, .status = 429, .retry_after_s = 9, .times = 1
    };
    static const struct model_fault page = {
        .path = "registry/manifest", .times = 1, .kind = MODEL_FAULT_HTML, .acts = true
    };
    assert_true(model_fault_add(fixture->model, &throttle));
    assert_int_equal(post(fixture, "clusters/create", SPEC), 200);
    assert_int_equal(get_manifest(fixture, EVEN, "1"), 429);
    expect_code(fixture, 429, "TOOMANYREQUESTS");
    assert_int_equal(fixture->response.retry_after_s, 9);
    assert_true(model_fault_add(fixture->model, &page));
    assert_int_equal(get_manifest(fixture, EVEN, "1"), 503);
    assert_null(header(fixture, "docker-content-digest"));
    assert_int_equal(get_manifest(fixture, EVEN, "1"), 200);
    expect_index(fixture, "amd64");
    assert_int_equal(ask(fixture, &(struct asked){ "HEAD", "/v2/" EVEN "/manifests/1", ALL, NULL }),
                     200);
    assert_int_equal(get_path(fixture, "/v2/token"), 200);
    assert_int_equal(get_path(fixture, "/v2/acme/etl/tags/list"), 200);

    static const struct {
        const char *name;
        uint64_t count;
    } rows[] = { { "registry/manifest", 6 },
                 { "registry/blob", 3 },
                 { "registry/token", 1 },
                 { "registry/tags", 1 } };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(model_calls_count(fixture->model, rows[i].name), rows[i].count);
    }
    assert_int_equal(model_writes_count(fixture->model), 1);
    size_t kept = model_calls_kept(fixture->model);
    assert_string_equal(model_call_at(fixture->model, kept - 3)->method, "HEAD");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_content),           TEST(test_accept), TEST(test_head),
        TEST(test_what_is_not_there), TEST(test_tags),   TEST(test_calls_and_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

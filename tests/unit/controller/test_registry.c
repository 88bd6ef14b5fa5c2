/* What is there, and what is not: every outcome that container-registry.md 7 tells apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry_outcome.h"

#define AT   "https://reg.example/v2/acme/etl/manifests/"
#define BLOB "https://reg.example/v2/acme/etl/blobs/"
#define HEAD_OK(name)                                     \
    {                                                     \
        .request = "HEAD " AT "1", .status = 200,         \
        .headers = "docker-content-digest: ${" name "}\n" \
    }
#define HEAD_IS(code)                               \
    {                                               \
        .request = "HEAD " AT "1", .status = (code) \
    }
#define GET_DOC(name, type)                                                        \
    {                                                                              \
        .request = "GET " AT "1", .status = 200, .headers = type, .body = "@" name \
    }
#define CONFIG_DOC(name)                                                      \
    {                                                                         \
        .request = "GET " BLOB "${" name "}", .status = 200, .body = "@" name \
    }
#define GET_IS(code, type, text)                                                  \
    {                                                                             \
        .request = "GET " AT "1", .status = (code), .headers = type, .body = text \
    }

static const struct outcome outcomes[] = {
    /* ---- what is there ---- */
    { "an index with the platform", .verdict = IMAGE_FOUND,
      .says = "reg.example/acme/etl:1 exists, for linux/amd64, linux/arm64", .digest = "index",
      .rows = { HEAD_OK("index"), GET_DOC("index", OCI_INDEX_TYPE) } },
    { "an index without it; the attestation does not count", .verdict = IMAGE_OTHER_PLATFORM,
      .says = "was built for linux/arm64 only; the node type needs linux/amd64",
      .digest = "index-arm",
      .rows = { HEAD_OK("index-arm"), GET_DOC("index-arm", OCI_INDEX_TYPE) } },
    { "one image, whose configuration says the platform", .verdict = IMAGE_FOUND,
      .says = "exists, for linux/amd64", .digest = "image",
      .rows = { HEAD_OK("image"), GET_DOC("image", OCI_MANIFEST_TYPE), CONFIG_DOC("config") } },
    { "one image for another CPU", .cpu = IMAGE_ARM64, .verdict = IMAGE_OTHER_PLATFORM,
      .says = "was built for linux/amd64 only; the node type needs linux/arm64", .digest = "image",
      .rows = { HEAD_OK("image"), GET_DOC("image", OCI_MANIFEST_TYPE), CONFIG_DOC("config") } },
    { "one image for Arm, variant v8", .cpu = IMAGE_ARM64, .verdict = IMAGE_FOUND,
      .says = "exists, for linux/arm64", .digest = "image-arm",
      .rows = { HEAD_OK("image-arm"), GET_DOC("image-arm", OCI_MANIFEST_TYPE),
                CONFIG_DOC("config-arm") } },
    { "one image for another system", .verdict = IMAGE_OTHER_PLATFORM,
      .says = "was built for windows/amd64 only", .digest = "image-windows",
      .rows = { HEAD_OK("image-windows"), GET_DOC("image-windows", OCI_MANIFEST_TYPE),
                CONFIG_DOC("config-windows") } },
    { "a configuration that does not say", .verdict = IMAGE_FOUND,
      .says = "exists, for a platform that it does not name", .digest = "image-silent",
      .rows = { HEAD_OK("image-silent"), GET_DOC("image-silent", OCI_MANIFEST_TYPE),
                CONFIG_DOC("config-silent") } },
    { "a configuration that is none", .verdict = IMAGE_NOT_RUNNABLE,
      .says = "its configuration cannot be read", .digest = "image-broken",
      .rows = { HEAD_OK("image-broken"), GET_DOC("image-broken", OCI_MANIFEST_TYPE),
                CONFIG_DOC("config-broken") } },
    { "an index in an index in an index", .verdict = IMAGE_FOUND, .says = "exists, for linux/amd64",
      .digest = "nested-3",
      .rows = { HEAD_OK("nested-3"),
                GET_DOC("nested-3", OCI_INDEX_TYPE),
                { "GET " AT "${nested-2}", .status = 200, .body = "@nested-2" },
                { "GET " AT "${nested-1}", .status = 200, .body = "@nested-1" },
                { "GET " AT "${index}", .status = 200, .body = "@index" } } },
    { "one index more", .verdict = IMAGE_OTHER_PLATFORM, .says = "needs linux/amd64",
      .digest = "nested-4",
      .rows = { HEAD_OK("nested-4"),
                GET_DOC("nested-4", OCI_INDEX_TYPE),
                { "GET " AT "${nested-3}", .status = 200, .body = "@nested-3" },
                { "GET " AT "${nested-2}", .status = 200, .body = "@nested-2" },
                { "GET " AT "${nested-1}", .status = 200, .body = "@nested-1" } } },
    { "an index of nothing", .verdict = IMAGE_NOT_RUNNABLE, .says = "an index without any image",
      .digest = "index-empty",
      .rows = { HEAD_OK("index-empty"), GET_DOC("index-empty", OCI_INDEX_TYPE) } },
    { "a chart", .verdict = IMAGE_NOT_RUNNABLE, .says = "no image that can be run",
      .digest = "chart", .rows = { HEAD_OK("chart"), GET_DOC("chart", OCI_MANIFEST_TYPE) } },
    { "schema 1", .verdict = IMAGE_NOT_RUNNABLE, .says = "the old schema 1", .digest = "schema1",
      .rows = { HEAD_OK("schema1"),
                GET_DOC("schema1",
                        "content-type: "
                        "application/vnd.docker.distribution.manifest.v1+prettyjws\n") } },
    { "no digest in the answers: the body's hash", .verdict = IMAGE_FOUND, .says = "exists",
      .digest = "index", .rows = { HEAD_IS(200), GET_DOC("index", OCI_INDEX_TYPE) } },
    { "a digest that is none counts as none", .verdict = IMAGE_FOUND, .says = "exists",
      .digest = "index",
      .rows = { { "HEAD " AT "1", .status = 200, .headers = "docker-content-digest: sha256:abc\n" },
                GET_DOC("index", OCI_INDEX_TYPE) } },
    { "for a tag the body's hash counts, whatever the header says", .verdict = IMAGE_FOUND,
      .says = "exists", .digest = "index",
      .rows = { HEAD_OK("image"), GET_DOC("index", OCI_INDEX_TYPE) } },
    { "no media type anywhere: known by its members", .verdict = IMAGE_FOUND, .says = "exists",
      .digest = "index",
      .rows = { HEAD_OK("index"), GET_DOC("index", "content-type: application/octet-stream\n") } },
    { "a media type that contradicts", .verdict = IMAGE_UNREACHABLE, .says = "of another type",
      .digest = "index", .rows = { HEAD_OK("index"), GET_DOC("index", OCI_MANIFEST_TYPE) } },

    /* ---- by digest ---- */
    { "by digest", .image = "reg.example/acme/etl@${index}", .verdict = IMAGE_FOUND,
      .says = "exists", .digest = "index",
      .rows = { { "HEAD " AT "${index}", .status = 200,
                  .headers = "docker-content-digest: ${index}\n" },
                { "GET " AT "${index}", .status = 200, .headers = OCI_INDEX_TYPE,
                  .body = "@index" } } },
    { "by digest, and the registry has another", .image = "reg.example/acme/etl@${index}",
      .verdict = IMAGE_UNREACHABLE, .says = "is not what its digest says",
      .rows = { { "HEAD " AT "${index}", .status = 200,
                  .headers = "docker-content-digest: ${image}\n" } } },
    { "by digest, and the registry sends another", .image = "reg.example/acme/etl@${index}",
      .verdict = IMAGE_UNREACHABLE, .says = "is not what its digest says", .digest = "index",
      .rows = { { "HEAD " AT "${index}", .status = 200 },
                { "GET " AT "${index}", .status = 200, .headers = OCI_INDEX_TYPE,
                  .body = "@image" } } },
    { "by digest, absent", .image = "reg.example/acme/etl@${index}", .verdict = IMAGE_ABSENT,
      .says = "the repository has no manifest 'sha256:",
      .rows = { { "HEAD " AT "${index}", .status = 404 },
                { "GET " AT "${index}", .status = 404, .headers = JSON_TYPE,
                  .body = ERROR_BODY("MANIFEST_UNKNOWN") } } },
    { "a configuration of other bytes", .verdict = IMAGE_UNREACHABLE,
      .says = "the configuration that the registry sent is not what its digest says",
      .digest = "image",
      .rows = { HEAD_OK("image"),
                GET_DOC("image", OCI_MANIFEST_TYPE),
                { "GET " BLOB "${config}", .status = 200, .body = "@config-arm" } } },

    /* ---- what is not there ---- */
    { "no such tag", .verdict = IMAGE_ABSENT,
      .says = "reg.example/acme/etl:1 does not exist: the repository has no tag '1'; push it, or "
              "correct docker_image.url",
      .rows = { HEAD_IS(404), GET_IS(404, JSON_TYPE, ERROR_BODY("MANIFEST_UNKNOWN")) } },
    { "no such tag, in Harbor's word", .verdict = IMAGE_ABSENT, .says = "has no tag '1'",
      .rows = { HEAD_IS(404), GET_IS(404, JSON_TYPE, ERROR_BODY("NOT_FOUND")) } },
    { "no such tag, without a word", .verdict = IMAGE_ABSENT, .says = "has no tag '1'",
      .rows = { HEAD_IS(404), GET_IS(404, NULL, NULL) } },
    { "no such repository", .verdict = IMAGE_ABSENT,
      .says = "there is no repository acme/etl at reg.example",
      .rows = { HEAD_IS(404), GET_IS(404, JSON_TYPE, ERROR_BODY("NAME_UNKNOWN")) } },
    { "a web server", .verdict = IMAGE_UNREACHABLE, .says = "no container registry",
      .rows = { HEAD_IS(404), GET_IS(404, "content-type: text/html\n", "<html>nginx</html>") } },
    { "a registry that misses its route", .verdict = IMAGE_UNREACHABLE,
      .says = "no container registry",
      .rows = { HEAD_IS(404), GET_IS(404, "content-type: text/plain\n", "404 page not found") } },
    { "a page where the manifest should be", .verdict = IMAGE_UNREACHABLE,
      .says = "something else than a manifest (an HTML page", .digest = "index",
      .rows = { HEAD_OK("index"), GET_IS(200, "content-type: text/html\n", "<html>hi</html>") } },
    { "a blob that is gone", .verdict = IMAGE_NOT_RUNNABLE,
      .says = "is broken: its manifest is there, and the configuration that it names is not",
      .digest = "image",
      .rows = { HEAD_OK("image"),
                GET_DOC("image", OCI_MANIFEST_TYPE),
                { "GET " BLOB "${config}", .status = 404, .headers = JSON_TYPE,
                  .body = ERROR_BODY("BLOB_UNKNOWN") } } },

    /* ---- statuses ---- */
    { "HEAD is not known", .verdict = IMAGE_FOUND, .says = "exists", .digest = "index",
      .rows = { HEAD_IS(405), GET_DOC("index", OCI_INDEX_TYPE) } },
    { "HEAD is forbidden where GET is not", .verdict = IMAGE_FOUND, .says = "exists",
      .digest = "index", .rows = { HEAD_IS(403), GET_DOC("index", OCI_INDEX_TYPE) } },
    { "the name is refused", .verdict = IMAGE_ABSENT,
      .says = "does not take the name (it says: told by the registry)",
      .rows = { HEAD_IS(400), GET_IS(400, JSON_TYPE, ERROR_BODY("NAME_INVALID")) } },
    { "an empty 400: its back end is broken", .verdict = IMAGE_UNREACHABLE,
      .says = "answered with status 400", .rows = { HEAD_IS(400), GET_IS(400, NULL, NULL) } },
    { "a 400 of a proxy rule", .verdict = IMAGE_UNREACHABLE,
      .says = "status 400 (it says: told by the registry)",
      .rows = { HEAD_IS(400), GET_IS(400, JSON_TYPE, ERROR_BODY("UNSUPPORTED")) } },
    { "denied", .verdict = IMAGE_NO_ACCESS,
      .says = "access refused, or no such repository (the registry does not tell which) (it says: "
              "told by the registry)",
      .rows = { HEAD_IS(403), GET_IS(403, JSON_TYPE, ERROR_BODY("DENIED")) } },
    { "a 403 that is a 429", .verdict = IMAGE_THROTTLED, .says = "asked too often",
      .rows = { HEAD_IS(403), GET_IS(403, JSON_TYPE, ERROR_BODY("TOOMANYREQUESTS")) } },
    { "Accept is not liked", .verdict = IMAGE_UNREACHABLE, .says = "status 406",
      .rows = { HEAD_IS(406) } },
    { "405 for GET too", .verdict = IMAGE_UNREACHABLE, .says = "status 405",
      .rows = { HEAD_IS(405), GET_IS(405, NULL, NULL) } },
    { "a status of nowhere", .verdict = IMAGE_UNREACHABLE, .says = "status 299",
      .rows = { HEAD_IS(299) } },
    { "down for a moment", .verdict = IMAGE_FOUND, .says = "exists", .digest = "index",
      .rows = { HEAD_IS(502), HEAD_IS(503), HEAD_OK("index"), GET_DOC("index", OCI_INDEX_TYPE) } },
    { "down for longer", .verdict = IMAGE_UNREACHABLE, .says = "status 504",
      .rows = { HEAD_IS(500), HEAD_IS(408), HEAD_IS(504) } },
    { "lost for a moment", .verdict = IMAGE_FOUND, .says = "exists", .digest = "index",
      .rows = { { "HEAD " AT "1", .failure = ERR_NETWORK },
                { "HEAD " AT "1", .failure = ERR_TIMEOUT },
                HEAD_OK("index"),
                GET_DOC("index", OCI_INDEX_TYPE) } },
    { "lost for longer", .verdict = IMAGE_UNREACHABLE,
      .says = "cannot be looked at: reg: simulated",
      .rows = { { "HEAD " AT "1", .failure = ERR_NETWORK },
                { "HEAD " AT "1", .failure = ERR_NETWORK },
                { "HEAD " AT "1", .failure = ERR_NETWORK } } },
    { "refused: not tried again, the caller comes back", .verdict = IMAGE_UNREACHABLE,
      .says = "cannot be looked at", .rows = { { "HEAD " AT "1", .failure = ERR_REFUSED } } },

    /* ---- redirects ---- */
    { "a blob in storage elsewhere", .verdict = IMAGE_FOUND, .says = "exists", .digest = "image",
      .rows = { HEAD_OK("image"),
                GET_DOC("image", OCI_MANIFEST_TYPE),
                { "GET " BLOB "${config}", .status = 307,
                  .headers = "location: https://s3.example/x?sig=secret-query\n" },
                { "GET https://s3.example/x?sig=secret-query", .status = 200,
                  .body = "@config" } } },
    { "storage that says no", .verdict = IMAGE_UNREACHABLE,
      .says = "redirects to a server that answered with status 403", .digest = "image",
      .rows = { HEAD_OK("image"),
                GET_DOC("image", OCI_MANIFEST_TYPE),
                { "GET " BLOB "${config}", .status = 307,
                  .headers = "location: https://s3.example/x?sig=secret-query\n" },
                { "GET https://s3.example/x?sig=secret-query", .status = 403 } } },
    { "a redirected HEAD that is forbidden there: GET", .verdict = IMAGE_FOUND, .says = "exists",
      .digest = "index",
      .rows = { { "HEAD " AT "1", .status = 307, .headers = "location: https://s3.example/m\n" },
                { "HEAD https://s3.example/m", .status = 403 },
                { "GET " AT "1", .status = 307, .headers = "location: https://s3.example/m\n" },
                { "GET https://s3.example/m", .status = 200, .body = "@index" } } },
    { "a path on the same server", .verdict = IMAGE_FOUND, .says = "exists", .digest = "index",
      .rows = { { "HEAD " AT "1", .status = 308, .headers = "location: /mirror/1\n" },
                { "HEAD https://reg.example/mirror/1", .status = 200,
                  .headers = "docker-content-digest: ${index}\n" },
                { "GET " AT "1", .status = 301, .headers = "location: mirror/1\n" },
                { "GET " AT "mirror/1", .status = 200, .body = "@index" } } },
    { "a path on the same server where it is not", .verdict = IMAGE_ABSENT,
      .says = "has no tag '1'",
      .rows = { { "HEAD " AT "1", .status = 308, .headers = "location: /mirror/1\n" },
                { "HEAD https://reg.example/mirror/1", .status = 404 },
                { "GET " AT "1", .status = 308, .headers = "location: /mirror/1\n" },
                { "GET https://reg.example/mirror/1", .status = 404 } } },
    { "a redirect to plain http", .verdict = IMAGE_UNREACHABLE, .says = "s3.example is plain http",
      .rows = { { "HEAD " AT "1", .status = 307, .headers = "location: http://s3.example/m\n" } } },
    { "a redirect to the metadata of the cloud", .verdict = IMAGE_UNREACHABLE,
      .says = "an address inside of a network",
      .rows = { { "HEAD " AT "1", .status = 307,
                  .headers = "location: https://169.254.169.254/latest\n" } } },
    { "a redirect to nowhere", .verdict = IMAGE_UNREACHABLE, .says = "redirects to nowhere",
      .rows = { { "HEAD " AT "1", .status = 302 } } },
    { "a ring of redirects", .verdict = IMAGE_UNREACHABLE, .says = "redirects again and again",
      .rows = { { "HEAD " AT "1", .status = 302, .headers = "location: 1\n" },
                { "HEAD " AT "1", .status = 302, .headers = "location: 1\n" },
                { "HEAD " AT "1", .status = 302, .headers = "location: 1\n" },
                { "HEAD " AT "1", .status = 302, .headers = "location: 1\n" },
                { "HEAD " AT "1", .status = 302, .headers = "location: 1\n" },
                { "HEAD " AT "1", .status = 302, .headers = "location: 1\n" } } },

    /* ---- a registry of this machine ---- */
    { "plain http to a loopback address", .image = "127.0.0.1:5000/app:1", .verdict = IMAGE_FOUND,
      .says = "exists", .digest = "index",
      .rows = { { "HEAD http://127.0.0.1:5000/v2/app/manifests/1", .status = 200,
                  .headers = "docker-content-digest: ${index}\n" },
                { "GET http://127.0.0.1:5000/v2/app/manifests/1", .status = 200,
                  .body = "@index" } } },
    { "https at a loopback address, which says so", .image = "127.0.0.1:5000/app:1",
      .verdict = IMAGE_FOUND, .says = "exists", .digest = "index",
      .rows = { { "HEAD http://127.0.0.1:5000/v2/app/manifests/1", .status = 400 },
                { "HEAD https://127.0.0.1:5000/v2/app/manifests/1", .status = 200,
                  .headers = "docker-content-digest: ${index}\n" },
                { "GET https://127.0.0.1:5000/v2/app/manifests/1", .status = 200,
                  .body = "@index" } } },
    { "https at a loopback address, which hangs up", .image = "127.0.0.1:5000/app:1",
      .verdict = IMAGE_UNREACHABLE, .says = "cannot be looked at",
      .rows = { { "HEAD http://127.0.0.1:5000/v2/app/manifests/1", .failure = ERR_NETWORK },
                { "HEAD https://127.0.0.1:5000/v2/app/manifests/1", .failure = ERR_REFUSED } } },
};

static void test_every_outcome_is_told_apart(void **state)
{
    (void)state;
    static const char *const secrets[] = { "secret-query", NULL };
    const struct outcome_defaults defaults = { .image = "reg.example/acme/etl:1",
                                               .secrets = secrets,
                                               .digests = true };
    outcomes_check(outcomes, COUNT_OF(outcomes), &defaults);
}

/* A class for each verdict, and words for all of them. */
static void test_verdicts_have_classes_and_names(void **state)
{
    (void)state;
    static const enum image_class classes[IMAGE_VERDICT_COUNT] = {
        [IMAGE_UNASKED] = IMAGE_CLASS_ASK,       [IMAGE_FOUND] = IMAGE_CLASS_GOOD,
        [IMAGE_ABSENT] = IMAGE_CLASS_BAD,        [IMAGE_NO_ACCESS] = IMAGE_CLASS_BAD,
        [IMAGE_LOGIN_REFUSED] = IMAGE_CLASS_BAD, [IMAGE_OTHER_PLATFORM] = IMAGE_CLASS_BAD,
        [IMAGE_NOT_RUNNABLE] = IMAGE_CLASS_BAD,  [IMAGE_UNCHECKED] = IMAGE_CLASS_BLIND,
        [IMAGE_THROTTLED] = IMAGE_CLASS_LATER,   [IMAGE_UNREACHABLE] = IMAGE_CLASS_LATER,
    };
    for (int verdict = 0; verdict < IMAGE_VERDICT_COUNT; verdict++) {
        assert_int_equal(image_class_of((enum image_verdict)verdict), classes[verdict]);
        assert_true(strlen(image_verdict_name((enum image_verdict)verdict)) > 3);
    }
    assert_string_equal(image_verdict_name(IMAGE_NO_ACCESS), "no access");
    assert_string_equal(image_cpu_name(IMAGE_AMD64), "amd64");
    assert_string_equal(image_cpu_name(IMAGE_ARM64), "arm64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_outcome_is_told_apart),
        cmocka_unit_test(test_verdicts_have_classes_and_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The grammar of image references: container-registry.md, section 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "image_ref.h"

#define HEX64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA256 "sha256:" HEX64
#define A50    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A127   A50 A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaa"

struct good_case {
    const char *written, *host, *repository, *tag, *digest;
    bool tag_written;
    enum registry_kind kind;
};

static const struct good_case good[] = {
    /* the table of section 2 */
    { "ubuntu", "docker.io", "library/ubuntu", "latest", NULL, false, REGISTRY_DOCKER_HUB },
    { "org/app:1.2", "docker.io", "org/app", "1.2", NULL, true, REGISTRY_DOCKER_HUB },
    { "docker.io/ubuntu", "docker.io", "library/ubuntu", "latest", NULL, false,
      REGISTRY_DOCKER_HUB },
    { "localhost/app", "localhost", "app", "latest", NULL, false, REGISTRY_OTHER },
    { "reg:5000/app@" SHA256, "reg:5000", "app", NULL, SHA256, false, REGISTRY_OTHER },
    { "myreg/app", "docker.io", "myreg/app", "latest", NULL, false, REGISTRY_DOCKER_HUB },
    { "1234.dkr.ecr.eu-west-1.amazonaws.com/team/app:v1", "1234.dkr.ecr.eu-west-1.amazonaws.com",
      "team/app", "v1", NULL, true, REGISTRY_ECR },
    /* its rules */
    { "localhost:5000", "docker.io", "library/localhost", "5000", NULL, true, REGISTRY_DOCKER_HUB },
    { "index.docker.io/ubuntu:22.04", "docker.io", "library/ubuntu", "22.04", NULL, true,
      REGISTRY_DOCKER_HUB },
    { "Reg/app:v1", "Reg", "app", "v1", NULL, true, REGISTRY_OTHER },
    { "[::1]:5000/app:v1", "[::1]:5000", "app", "v1", NULL, true, REGISTRY_OTHER },
    { "[fe80::1]/app", "[fe80::1]", "app", "latest", NULL, false, REGISTRY_OTHER },
    { "127.0.0.1:80/a/b/c:x", "127.0.0.1:80", "a/b/c", "x", NULL, true, REGISTRY_OTHER },
    { "a.b/c:1@" SHA256, "a.b", "c", "1", SHA256, true, REGISTRY_OTHER },
    { "a/b_c__d.e---f:_T.1-x", "docker.io", "a/b_c__d.e---f", "_T.1-x", NULL, true,
      REGISTRY_DOCKER_HUB },
    { "a:" A127 "a", "docker.io", "library/a", A127 "a", NULL, true, REGISTRY_DOCKER_HUB },
    { "a@sha512:" HEX64 HEX64, "docker.io", "library/a", NULL, "sha512:" HEX64 HEX64, false,
      REGISTRY_DOCKER_HUB },
    /* registries */
    { "public.ecr.aws/a/b:1", "public.ecr.aws", "a/b", "1", NULL, true, REGISTRY_ECR_PUBLIC },
    { "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com/a:1",
      "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", "a", "1", NULL, true, REGISTRY_ECR },
    { "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a:1",
      "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "a", "1", NULL, true, REGISTRY_ECR },
    { "123456789012.dkr-ecr.us-east-1.on.aws/a:1", "123456789012.dkr-ecr.us-east-1.on.aws", "a",
      "1", NULL, true, REGISTRY_ECR },
    { "dkr.ecr.us-east-1.amazonaws.com/a:1", "dkr.ecr.us-east-1.amazonaws.com", "a", "1", NULL,
      true, REGISTRY_OTHER },
    { "acme.azurecr.io/a:1", "acme.azurecr.io", "a", "1", NULL, true, REGISTRY_ACR },
    { "azurecr.io.example.com/a:1", "azurecr.io.example.com", "a", "1", NULL, true,
      REGISTRY_OTHER },
    { "ghcr.io/o/a:1", "ghcr.io", "o/a", "1", NULL, true, REGISTRY_GHCR },
    { "europe-docker.pkg.dev/p/r/i:1", "europe-docker.pkg.dev", "p/r/i", "1", NULL, true,
      REGISTRY_GOOGLE },
    { "eu.gcr.io/p/i:1", "eu.gcr.io", "p/i", "1", NULL, true, REGISTRY_GOOGLE },
    { "quay.io/o/a:1", "quay.io", "o/a", "1", NULL, true, REGISTRY_QUAY },
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        const struct good_case *want = &good[i];
        struct err err = { 0 };
        struct image_ref got = { 0 };
        if (!image_ref_parse(&arena, want->written, &got, &err)) {
            fail_msg("%s: %s", want->written, err.text);
        }
        assert_string_equal(got.host, want->host);
        assert_string_equal(got.repository, want->repository);
        assert_int_equal(got.tag == NULL, want->tag == NULL);
        if (want->tag != NULL) assert_string_equal(got.tag, want->tag);
        assert_int_equal(got.digest == NULL, want->digest == NULL);
        if (want->digest != NULL) assert_string_equal(got.digest, want->digest);
        assert_int_equal(got.tag_written, want->tag_written);
        assert_string_equal(registry_kind_name(got.kind), registry_kind_name(want->kind));
    }
}

static const struct {
    const char *written, *text;
} bad[] = {
    { "", "the image reference is empty" },
    { "https://reg.example/app:1", "there is no scheme in an image reference; write "
                                   "registry/repository:tag without 'https://'" },
    { HEX64, "64 hexadecimal digits alone name no repository" },
    { "acme/App:1", "path has a 'A' at character 6" },
    { "acme/app:1+2", "tag has a '+' at character 11" },
    { "acme/app:-1", "tag has a '-' at character 10" },
    { "acme/app:", "there is no tag behind the ':'" },
    { "acme/app:1:2", "tag has a ':' at character 11" },
    { "acme/app :1", "path has a blank at character 9" },
    { "acme/app:1\n", "tag has the byte 0x0a at character 11" },
    { "acme/caf\xc3\xa9:1", "path has the byte 0xc3 at character 9" },
    { "a:" A127 "aa", "the tag has 129 characters; 128 at most" },
    { "acme//app", "the path has an empty part" },
    { "acme/", "the path has an empty part" },
    { "/app", "the path has an empty part" },
    { "reg.example/", "there is no repository" },
    { ":1", "there is no repository" },
    { "-app", "path has a '-' at character 1" },
    { "app-", "path has a '-' at character 4" },
    { "a___b", "path has a '_' at character 4" },
    { "a..b", "path has a '.' at character 3" },
    { "a._b", "path has a '_' at character 3" },
    { "-reg.example/app", "host has a '-' at character 1" },
    { "reg-.example/app", "host has a '-' at character 4" },
    { "reg..example/app", "the host has an empty part" },
    { "r_g.example/app", "host has a '_' at character 2" },
    { "reg:port/app", "port has a 'p' at character 5" },
    { "reg:/app", "the host ends in ':' without a port" },
    { "reg:123456/app", "the port is too long" },
    { "[::1/app", "the host has a '[' without ']'" },
    { "[::1]x/app", "host has a 'x' at character 6" },
    { "[fe80::1%eth0]/app", "host has a '%' at character 9" },
    { "app@sha256:abc", "the digest has 3 hexadecimal digits instead of 64" },
    { "app@sha256:ABC", "digest has a 'A' at character 12" },
    { "app@md5:" HEX64, "the digest is none of sha256:, sha512:, blake3:" },
    { "app@" SHA256 "@" SHA256, "digest has a '@' at character 76" },
    { "app@", "the digest is none of sha256:, sha512:, blake3:" },
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct err err = { 0 };
        struct image_ref got = { .host = "untouched" };
        if (image_ref_parse(&arena, bad[i].written, &got, &err)) {
            fail_msg("'%s' was taken", bad[i].written);
        }
        assert_int_equal(err.code, ERR_REJECTED);
        assert_string_equal(err.text, bad[i].text);
        assert_string_equal(got.host, "untouched");
    }
}

/* 255 characters are a path, 256 are not. */
static void test_path_limit(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = { 0 };
    struct image_ref got = { 0 };
    char text[IMAGE_PATH_MAX + 2] = "a/";
    memset(text + 2, 'b', IMAGE_PATH_MAX - 2);
    assert_true(image_ref_parse(&arena, text, &got, &err));
    text[IMAGE_PATH_MAX] = 'b';
    assert_false(image_ref_parse(&arena, text, &got, &err));
    assert_string_equal(err.text, "the path has 256 characters; 255 at most");
}

/* "library/", which Docker Hub puts in front, counts. */
static void test_path_limit_of_docker_hub(void **state)
{
    (void)state;
    enum { WRITTEN_MAX = IMAGE_PATH_MAX - 8 };
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = { 0 };
    struct image_ref got = { 0 };
    char text[WRITTEN_MAX + 2] = "";
    memset(text, 'b', WRITTEN_MAX);
    assert_true(image_ref_parse(&arena, text, &got, &err));
    assert_int_equal(strlen(got.repository), IMAGE_PATH_MAX);
    text[WRITTEN_MAX] = 'b';
    assert_false(image_ref_parse(&arena, text, &got, &err));
    assert_string_equal(err.text, "the path has 256 characters; 255 at most");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_path_limit),
        cmocka_unit_test(test_path_limit_of_docker_hub),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * fixture_registry: the words to talk to the registry of a model under test.
 *
 * Included by the test programs alone, after cmocka's headers; everything in it is static.
 */
#ifndef CLUSTERKEEPER_WORKSPACE_FIXTURE_REGISTRY_H
#define CLUSTERKEEPER_WORKSPACE_FIXTURE_REGISTRY_H

#include "fixture.h"

#include "digest.h"

#define INDEX    "application/vnd.oci.image.index.v1+json"
#define MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define DOCKER   "application/vnd.docker.distribution.manifest.v2+json"
#define ALL      INDEX ", " MANIFEST "; q=0.9," DOCKER

#define EVEN "acme/etl"  /* an index */
#define ODD  "acme/odds" /* a manifest */

/* One request to the registry. */
struct asked {
    const char *method, *path, *accept, *authorization;
};

static UNUSED int ask(struct fixture *fixture, const struct asked *asked)
{
    struct model_request request = {
        .method = asked->method == NULL ? "GET" : asked->method,
        .path = asked->path,
        .accept = asked->accept,
        .authorization = asked->authorization,
    };
    struct err err;
    model_response_release(&fixture->response);
    model_handle(fixture->model, &request, &fixture->response);
    const struct buf *out = &fixture->response.body;
    fixture->answer = NULL;
    if (!json_read(&fixture->arena, buf_text(out), out->len, &fixture->answer, &err)) {
        fixture->answer = NULL;
    }
    return fixture->response.status;
}

static UNUSED int get_path(struct fixture *fixture, const char *path)
{
    return ask(fixture, &(struct asked){ .path = path, .accept = ALL });
}

static UNUSED int get_manifest(struct fixture *fixture, const char *repository,
                               const char *reference)
{
    return get_path(fixture,
                    arena_printf(&fixture->arena, "/v2/%s/manifests/%s", repository, reference));
}

/* The value of a header of the last answer; NULL: it has none. */
static UNUSED const char *header(struct fixture *fixture, const char *name)
{
    const char *text = buf_text(&fixture->response.headers);
    size_t len = strlen(name);
    for (const char *at = text; *at != '\0'; at += strcspn(at, "\n") + 1) {
        if (strncmp(at, name, len) != 0 || strncmp(at + len, ": ", 2) != 0) continue;
        return arena_strndup(&fixture->arena, at + len + 2, strcspn(at + len + 2, "\n"));
    }
    return NULL;
}

static UNUSED void expect_code(struct fixture *fixture, int status, const char *code)
{
    assert_int_equal(fixture->response.status, status);
    const struct value *errors = value_get(fixture->answer, "errors");
    assert_non_null(errors);
    assert_int_equal(errors->len, 1);
    assert_string_equal(text_at(errors->u.items[0], "code"), code);
}

/* "sha256:..." of the last body. */
static UNUSED const char *body_digest(struct fixture *fixture)
{
    char hex[DIGEST_HEX_SIZE];
    const struct buf *body = &fixture->response.body;
    struct digest digest = digest_of(body->data, body->len);
    digest_hex(&digest, hex);
    return arena_printf(&fixture->arena, "sha256:%s", hex);
}

#endif

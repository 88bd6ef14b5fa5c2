/*
 * fixture: a model under test, and the words to talk to it.
 *
 * Included by the test programs alone, after cmocka's headers; everything in it is static.
 */
#ifndef CLUSTERKEEPER_WORKSPACE_FIXTURE_H
#define CLUSTERKEEPER_WORKSPACE_FIXTURE_H

#include "model.h"

#include "json.h"
#include "text.h"

#define UNUSED __attribute__((unused))

/* A small cluster that every default lets through; AWS. */
#define SMALL                                                          \
    "\"cluster_name\":\"etl\",\"spark_version\":\"15.4.x-scala2.12\"," \
    "\"node_type_id\":\"i3.xlarge\""
#define SPEC       "{" SMALL ",\"num_workers\":2}"
#define WITH(more) "{" SMALL ",\"num_workers\":2," more "}"
#define MINUTES    INT64_C(60000)
/* Well-formed, and of nothing. */
#define NO_DIGEST "sha256:0000000000000000000000000000000000000000000000000000000000000000"

struct fixture {
    struct workspace_model *model;
    struct arena arena; /* of all answers */
    struct model_response response;
    const struct value *answer; /* the body; NULL when it is no JSON */
    char id[MODEL_ID_SIZE];     /* of the cluster made last */
};

static UNUSED struct fixture *fixture_make(const struct model_config *config)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    fixture->model = model_create(config);
    return fixture;
}

static UNUSED int setup(void **state)
{
    struct model_config config;
    model_config_defaults(&config);
    *state = fixture_make(&config);
    return 0;
}

static UNUSED int teardown(void **state)
{
    struct fixture *fixture = *state;
    model_response_release(&fixture->response);
    arena_release(&fixture->arena);
    model_destroy(fixture->model);
    xfree(fixture);
    return 0;
}

static UNUSED int send_bytes(struct fixture *fixture, const char *method, const char *path,
                             const char *body, size_t len)
{
    struct model_request request = {
        .method = method, .path = path, .body = body, .body_len = len
    };
    struct err err;
    model_response_release(&fixture->response);
    model_handle(fixture->model, &request, &fixture->response);
    fixture->answer = NULL;
    const struct buf *out = &fixture->response.body;
    if (!json_read(&fixture->arena, buf_text(out), out->len, &fixture->answer, &err)) {
        fixture->answer = NULL;
    }
    return fixture->response.status;
}

/* The status of the answer. `path` without "/api/2.x/". */
static UNUSED int send(struct fixture *fixture, const char *method, const char *path,
                       const char *body)
{
    const char *version = text_starts(path, "clusters/") ? "2.1" : "2.0";
    const char *full = arena_printf(&fixture->arena, "/api/%s/%s", version, path);
    return send_bytes(fixture, method, full, body, body == NULL ? 0 : strlen(body));
}

static UNUSED int post(struct fixture *fixture, const char *path, const char *body)
{
    return send(fixture, "POST", path, body);
}

/* {"cluster_id": the last one made} with `more`, which begins with a comma or is "". */
static UNUSED int post_id(struct fixture *fixture, const char *path, const char *more)
{
    return post(fixture, path,
                arena_printf(&fixture->arena, "{\"cluster_id\":\"%s\"%s}", fixture->id, more));
}

/* A 400 with that code, and with those words in its message. */
static UNUSED void expect_error(const struct fixture *fixture, int status, const char *code,
                                const char *words)
{
    assert_int_equal(fixture->response.status, status);
    assert_non_null(fixture->answer);
    assert_string_equal(value_get_text(fixture->answer, "error_code"), code);
    const char *message = value_get_text(fixture->answer, "message");
    if (strstr(message, words) == NULL) {
        print_error("'%s' is not in '%s'\n", words, message);
        fail();
    }
}

static UNUSED void create(struct fixture *fixture, const char *spec)
{
    if (post(fixture, "clusters/create", spec) != 200) {
        print_error("create: %s\n", buf_text(&fixture->response.body));
        fail();
    }
    const char *id = value_get_text(fixture->answer, "cluster_id");
    assert_non_null(id);
    assert_true(strlen(id) < MODEL_ID_SIZE);
    memcpy(fixture->id, id, strlen(id) + 1);
}

static UNUSED void pass(struct fixture *fixture, int64_t ms)
{
    model_set_time(fixture->model, model_now_ms(fixture->model) + ms);
}

/* The answer of clusters/get for the last one made. */
static UNUSED const struct value *get(struct fixture *fixture)
{
    const char *path = arena_printf(&fixture->arena, "clusters/get?cluster_id=%s", fixture->id);
    assert_int_equal(send(fixture, "GET", path, NULL), 200);
    assert_non_null(fixture->answer);
    return fixture->answer;
}

static UNUSED void expect_state(struct fixture *fixture, const char *state)
{
    assert_string_equal(value_get_text(get(fixture), "state"), state);
}

static UNUSED const char *text_at(const struct value *map, const char *path)
{
    const struct value *value = value_at(map, path);
    if (value == NULL || value->kind != VALUE_TEXT) {
        print_error("no text at '%s'\n", path);
        fail();
        return "";
    }
    return value->text;
}

static UNUSED int64_t int_at(const struct value *map, const char *path)
{
    const struct value *value = value_at(map, path);
    if (value == NULL || value->kind != VALUE_INT) {
        print_error("no integer at '%s'\n", path);
        fail();
        return -1;
    }
    return value->u.integer;
}

static UNUSED bool body_has(const struct fixture *fixture, const char *words)
{
    return strstr(buf_text(&fixture->response.body), words) != NULL;
}

#endif

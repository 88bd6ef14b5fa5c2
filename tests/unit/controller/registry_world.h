/*
 * registry_world: a port on a virtual clock whose answers come from a table of exchanges, and the
 * documents of a small registry.
 *
 * In tables, ${name} stands for the digest of the document `name`, #{name} for its length, and a
 * body "@name" is the document itself. An exchange that is not expected, or not as expected, fails
 * the test; so does one that does not come.
 */
#ifndef CLUSTERKEEPER_REGISTRY_WORLD_H
#define CLUSTERKEEPER_REGISTRY_WORLD_H

#include "registry/registry.h"

enum { WORLD_CALLS_MAX = 64, WORLD_ANSWERS_MAX = 32 };

#define OCI_INDEX_TYPE    "content-type: application/vnd.oci.image.index.v1+json\n"
#define OCI_MANIFEST_TYPE "content-type: application/vnd.oci.image.manifest.v1+json\n"
#define JSON_TYPE         "content-type: application/json\n"
#define ERROR_BODY(code) \
    "{\"errors\":[{\"code\":\"" code "\",\"message\":\"told by the registry\"}]}"

struct exchange {
    const char *request;       /* "HEAD https://reg.example/v2/acme/etl/manifests/1" */
    const char *authorization; /* NULL: none may be sent */
    int status;                /* 0: no answer, and `failure` says why */
    const char *headers;       /* "name: value" a line; NULL: none */
    const char *body;          /* NULL: empty */
    const char *sent; /* in the request's body, or its further header; NULL: not looked at */
    enum err_code failure;
    int64_t retry_after_s; /* 0: no such header */
};

struct fake_program {
    const char *program, *input; /* what must be run, and with what input */
    int status;                  /* -1: it cannot be started */
    const char *output;
};

struct fake_text { /* a file or a variable */
    const char *name, *text;
};

struct question;

struct world {
    struct port port;
    int64_t now_ms;
    uint64_t random;
    const struct exchange *script;
    size_t script_len;
    bool *used;
    const struct fake_program *program; /* NULL: none is to be run */
    unsigned programs_run;
    const struct fake_text *files, *env; /* end with a name NULL */
    struct http_call *flying[WORLD_CALLS_MAX];
    size_t flying_len, flying_peak;
    struct program_call *running;
    unsigned requests;
    bool holds_answers; /* they wait for world_run without it */
    struct files file_port;
    struct registry *registry;
    struct registry_config config;
};

/* One asked image; verdict, text and digest are copies. */
struct question {
    struct registry_query query;
    struct arena arena;
    unsigned done;
    enum image_verdict verdict;
    char *text, *digest;
    int64_t ask_again_ms;
    void (*then)(struct question *question); /* in `done`; NULL: nothing */
    void *ctx;
};

/* Change `config`, `files`, `env` before world_open. */
void world_init(struct world *world);
void world_open(struct world *world);
void world_close(struct world *world); /* asserts that everything that was expected came */
void world_script(struct world *world, const struct exchange *script, size_t len);
/* Turns and answers until nothing is to come, or the clock would pass `until_ms`. */
void world_run(struct world *world, int64_t until_ms);

/* `username` NULL: the manifest has no login. */
void question_ask(struct world *world, struct question *question, const char *image,
                  const char *username, const char *password);
void question_release(struct question *question);

/* The text of a document, and "sha256:..." of it. Static. */
const char *document_text(const char *name);
const char *document_digest(const char *name);

#endif

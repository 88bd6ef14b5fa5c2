/*
 * codec: the Clusters API's JSON, both ways. Pure: bytes in, values out.
 *
 * Answers are untrusted: capped, checked in shape, unknown members passed over. What is wrong with
 * one becomes an error with a cause ("the answer is an HTML page titled 'Login'"), never a crash.
 * Facts: databricks-api.md.
 */
#ifndef CLUSTERKEEPER_CODEC_H
#define CLUSTERKEEPER_CODEC_H

#include "json.h"
#include "model.h"
#include "port.h"

/* The calls that are made. A row each in codec.c: method, path, and what may be repeated. */
enum api {
    API_LIST, /* one page; `token` */
    API_GET,  /* `id` */
    API_CREATE,
    API_EDIT,
    API_RESIZE,
    API_START,
    API_TERMINATE,
    API_DELETE,
    API_PIN,
    API_UNPIN,
    API_PERMISSIONS_PUT, /* `id` */
    API_INSTALL,
    API_UNINSTALL,
    API_MKDIRS,
    API_IMPORT_FILE, /* `id` is the workspace path; the body is the file */
    API_ME,
    API_NODE_TYPES,
    API_COUNT,
};

const char *api_name(enum api api);   /* "clusters/create" */
const char *api_method(enum api api); /* "POST" */
/* Appends path and query, percent-encoded: "/api/2.1/clusters/get?cluster_id=..." */
void api_path(enum api api, const char *id, const char *token, struct buf *out);

enum api_repeat {
    REPEAT_SAFE,     /* reads and idempotent writes: on any passing failure */
    REPEAT_NOT_SENT, /* only where nothing can have happened: 429, 503, connection refused */
};
enum api_repeat api_repeat(enum api api);

/* Bodies. `spec` of create and edit with our tags in it; secrets are written by `reveal`. */
MUST_CHECK bool codec_body_spec(const char *cluster_id, const struct value *spec,
                                json_reveal_fn reveal, void *ctx, struct buf *out, struct err *err);
void codec_body_id(const char *cluster_id, struct buf *out);
void codec_body_libraries(const char *cluster_id, const struct value *libraries, struct buf *out);
/* `me`: the calling user, who keeps CAN_MANAGE; NULL: not known. */
void codec_body_permissions(const struct value *permissions, const char *me, struct buf *out);
void codec_body_mkdirs(const char *path, struct buf *out);

/* Answers. */
struct page {
    struct observed *clusters;
    size_t len;
    const char *next_token; /* NULL: the last page */
};
MUST_CHECK bool codec_page(struct arena *arena, const char *text, size_t len, struct page *ret_page,
                           struct err *err);
MUST_CHECK bool codec_cluster(struct arena *arena, const char *text, size_t len,
                              struct observed *ret_observed, struct err *err);
MUST_CHECK bool codec_created(struct arena *arena, const char *text, size_t len,
                              const char **ret_cluster_id, struct err *err);
MUST_CHECK bool codec_me(struct arena *arena, const char *text, size_t len,
                         const char **ret_user_name, struct err *err);

/* The node types with an Arm CPU, as the keys of a map. */
MUST_CHECK bool codec_arm_nodes(struct arena *arena, const char *text, size_t len,
                                const struct value **ret_nodes, struct err *err);

/*
 * What an observed cluster is kept as in the cache: canonical JSON in the API's own shape, which
 * codec_cluster reads back; only members that a decision looks at, secrets left out. The digest
 * covers the definition in effect alone: not state, times, messages or `submitted`. Neither keeps
 * `submitted_fresh`, which is for whoever asked to set.
 */
void codec_observed_write(const struct observed *observed, struct buf *out);
struct digest codec_observed_digest(const struct observed *observed);

/*
 * An exchange that ended to an error, or true when it is a good answer (2xx with a JSON body).
 * All shapes of databricks-api.md 5.1; the text holds error_code and message of the API, made
 * harmless and cut; a quota is told from a rate limit; "does not exist" and an expired cluster are
 * ERR_NOT_FOUND; a redirect to a login page is ERR_DENIED.
 */
MUST_CHECK bool codec_check(enum api api, const struct http_call *call, struct err *err);

#endif

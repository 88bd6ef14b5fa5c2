/*
 * A container registry under /v2/, for the images of model_images.c: manifests, blobs, lists of
 * tags (container-registry.md 2-7, 12). Who may see what is asked of model_registry_login.c.
 *
 * It is as strict as the one that is in use most: a path that is no valid reference misses its
 * route, and an Accept that lacks the type of a manifest gives 404.
 */
#include "inside.h"

#include "text.h"

#include <stdlib.h>

#define ROOT "/v2/"

enum { TAGS_PAGE = 100 };
enum shape { SHAPE_MANIFEST, SHAPE_BLOB, SHAPE_TAGS };

/* <repository><middle><reference> */
static const struct shape_row {
    const char *route, *middle;
    bool is_list; /* there is no reference */
} shapes[] = {
    [SHAPE_MANIFEST] = { "registry/manifest", "/manifests/", false },
    [SHAPE_BLOB] = { "registry/blob", "/blobs/", false },
    [SHAPE_TAGS] = { "registry/tags", "/tags/list", true },
};

/* Where the middle begins: at its last place, since the repository may have a component of that
   name. NULL: `rest` is not of this shape. */
static const char *find_middle(const char *rest, const struct shape_row *shape)
{
    const char *found = NULL;
    for (const char *at = strstr(rest, shape->middle); at != NULL;
         at = strstr(at + 1, shape->middle)) {
        found = at;
    }
    if (found == NULL) return NULL;
    const char *reference = found + strlen(shape->middle);
    if (strchr(reference, '/') != NULL) return NULL;
    return shape->is_list == (*reference == '\0') ? found : NULL;
}

bool ws_registry_is_for(const char *path)
{
    return text_starts(path, ROOT);
}

const char *ws_registry_name(const char *path)
{
    const char *rest = path + strlen(ROOT);
    if (*rest == '\0') return "registry/ping";
    if (strcmp(rest, "token") == 0) return "registry/token";
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        if (find_middle(rest, &shapes[i]) != NULL) return shapes[i].route;
    }
    return "";
}

bool ws_registry_refuse(struct ws_call *call, int status, const char *code, const char *message)
{
    struct buf *out = ws_answer(call);
    call->response->status = status;
    call->response->content_type = "application/json; charset=utf-8";
    buf_clear(out);
    emit_open(out, '{');
    emit_key(out, "errors");
    emit_open(out, '[');
    emit_open(out, '{');
    emit_text(out, "code", code);
    emit_text(out, "message", message);
    emit_close(out, '}');
    emit_close(out, ']');
    emit_close(out, '}');
    emit_end(out);
    return false;
}

static bool refuse_page(struct ws_call *call)
{
    call->response->status = 404;
    call->response->content_type = "text/plain; charset=utf-8";
    buf_clear(ws_answer(call));
    buf_adds(ws_answer(call), "404 page not found\n");
    return false;
}

bool ws_registry_lost(struct ws_call *call)
{
    const char *route = ws_registry_name(call->path);
    /* A token server that knows no POST says that there is nothing (8.3). */
    if (route[0] == '\0' || strcmp(route, "registry/token") == 0) return refuse_page(call);
    ws_header(call->response, "allow", "GET, HEAD");
    return ws_registry_refuse(call, 405, "UNSUPPORTED", "The operation is unsupported.");
}

/* What the path names; of a list the tag is of no account. False: the answer says that it is none.
 */
static bool read_ref(struct ws_call *call, enum shape shape, struct image_ref *ret_ref)
{
    struct err err;
    const char *middle = find_middle(call->tail, &shapes[shape]);
    if (middle == NULL) return refuse_page(call); /* seen only when its escapes were decoded */
    const char *reference = shapes[shape].is_list ? "" : middle + strlen(shapes[shape].middle);
    const char *sign = *reference == '\0' ? "" : strchr(reference, ':') == NULL ? ":" : "@";
    const char *text = arena_printf(call->arena, "registry.example/%.*s%s%s",
                                    (int)(middle - call->tail), call->tail, sign, reference);
    if (!image_ref_parse(call->arena, text, ret_ref, &err)) return refuse_page(call);
    return true;
}

/* The document of that digest, whichever push of the repository it belongs to. */
static const struct ws_document *find_document(struct ws_call *call, const struct image_ref *ref,
                                               bool is_blob, struct ws_pull *ret_pull)
{
    for (size_t i = 0; i < call->model->images_len; i++) {
        const struct ws_image *image = &call->model->images[i];
        if (strcmp(image->repository, ref->repository) != 0) continue;
        for (size_t j = 0; j < image->versions_len; j++) {
            const struct ws_version *version = &image->versions[j];
            struct ws_content *content = arena_alloc(call->arena, sizeof(*content));
            if (version->kind == MODEL_IMAGE_MISSING) continue;
            ws_content_make(call->arena, image, version, content);
            for (size_t k = 0; k < content->len; k++) {
                const struct ws_document *document = &content->documents[k];
                if (document->is_blob != is_blob) continue;
                if (strcmp(document->digest, ref->digest) != 0) continue;
                *ret_pull = (struct ws_pull){ image, version };
                return document;
            }
        }
    }
    return NULL;
}

/* What the tag points to. */
static const struct ws_document *find_tagged(struct ws_call *call, const struct image_ref *ref,
                                             struct ws_pull *ret_pull)
{
    if (!ws_image_find(call->model, ref, ret_pull)) return NULL;
    if (ret_pull->version->kind == MODEL_IMAGE_MISSING) return NULL;
    struct ws_content *content = arena_alloc(call->arena, sizeof(*content));
    ws_content_make(call->arena, ret_pull->image, ret_pull->version, content);
    return &content->documents[content->len - 1];
}

/* One of the types in the Accept header is this; wildcards do not count, nor do parameters. */
static bool accepts(const struct model_request *request, const char *media_type)
{
    size_t len = strlen(media_type);
    for (const char *at = request->accept; at != NULL && *at != '\0';) {
        at += strspn(at, " ,");
        size_t type_len = strcspn(at, " ,;");
        if (type_len == len && strncmp(at, media_type, len) == 0) return true;
        at += strcspn(at, ",");
    }
    return false;
}

static void answer_document(struct ws_call *call, const struct ws_document *document,
                            const char *content_type)
{
    call->response->content_type = content_type;
    if (!call->model->switches.registry_no_digest) {
        ws_header(call->response, "docker-content-digest", document->digest);
    }
    buf_add(ws_answer(call), document->data, document->len);
}

bool ws_registry_ping(struct ws_call *call)
{
    if (!ws_registry_admits_ping(call)) return false;
    ws_answer_empty(call);
    return true;
}

bool ws_registry_manifest(struct ws_call *call)
{
    struct image_ref ref;
    struct ws_pull pull;
    if (!read_ref(call, SHAPE_MANIFEST, &ref)) return false;
    const struct ws_document *document = ref.digest == NULL
                                             ? find_tagged(call, &ref, &pull)
                                             : find_document(call, &ref, false, &pull);
    if (document == NULL) {
        return ws_registry_refuse(call, 404, "MANIFEST_UNKNOWN", "manifest unknown");
    }
    if (!ws_registry_admits(call, &pull)) return false;
    if (!accepts(call->request, document->media_type)) {
        return ws_registry_refuse(call, 404, "MANIFEST_UNKNOWN",
                                  "OCI manifest or index found, but accept header does not support "
                                  "it");
    }
    answer_document(call, document, document->media_type);
    return true;
}

bool ws_registry_blob(struct ws_call *call)
{
    struct image_ref ref;
    struct ws_pull pull;
    if (!read_ref(call, SHAPE_BLOB, &ref)) return false;
    if (ref.digest == NULL) return refuse_page(call);
    const struct ws_document *document = find_document(call, &ref, true, &pull);
    if (document == NULL) {
        return ws_registry_refuse(call, 404, "BLOB_UNKNOWN", "blob unknown to registry");
    }
    if (!ws_registry_admits(call, &pull)) return false;
    answer_document(call, document, "application/octet-stream");
    return true;
}

/* The tags of one repository, sorted; the strictest of them stands for the list. */
struct tags {
    const char **names;
    size_t len, cap;
    struct ws_pull strictest;
};

static int strictness(enum model_image kind)
{
    return kind == MODEL_IMAGE_DENIED ? 2 : kind == MODEL_IMAGE_PRIVATE ? 1 : 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void collect_tags(struct ws_call *call, const char *repository, struct tags *ret_tags)
{
    struct tags tags = { .len = 0 };
    for (size_t i = 0; i < call->model->images_len; i++) {
        const struct ws_image *image = &call->model->images[i];
        const struct ws_version *version = &image->versions[image->versions_len - 1];
        if (strcmp(image->repository, repository) != 0) continue;
        if (version->kind == MODEL_IMAGE_MISSING) continue;
        if (tags.len == 0 || strictness(version->kind) > strictness(tags.strictest.version->kind)) {
            tags.strictest = (struct ws_pull){ image, version };
        }
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers is meant */
        ARENA_PUSH(call->arena, tags.names, tags.len, tags.cap, image->tag);
    }
    if (tags.len != 0) qsort(tags.names, tags.len, sizeof(tags.names[0]), compare_names);
    *ret_tags = tags;
}

static void emit_tags(struct ws_call *call, const char *repository, const struct tags *tags,
                      int64_t limit)
{
    const char *last = ws_param(call, "last");
    struct buf *out = ws_answer(call);
    int64_t count = 0;
    size_t at = 0;
    while (last != NULL && at < tags->len && strcmp(tags->names[at], last) <= 0) {
        at++;
    }
    emit_open(out, '{');
    emit_text(out, "name", repository);
    emit_key(out, "tags");
    emit_open(out, '[');
    for (; at < tags->len && count < limit; at++, count++) {
        emit_text(out, NULL, tags->names[at]);
    }
    emit_close(out, ']');
    emit_close(out, '}');
    emit_end(out);
    if (at == tags->len || count == 0) return;
    ws_header(call->response, "link",
              arena_printf(call->arena, "<" ROOT "%s/tags/list?last=%s&n=%d>; rel=\"next\"",
                           repository, tags->names[at - 1], (int)limit));
}

bool ws_registry_tags(struct ws_call *call)
{
    struct image_ref ref;
    struct tags tags;
    int64_t limit = TAGS_PAGE;
    const char *n = ws_param(call, "n");
    if (!read_ref(call, SHAPE_TAGS, &ref)) return false;
    if (n != NULL && !text_to_i64(n, 1, INT32_MAX, &limit)) {
        return ws_registry_refuse(call, 400, "PAGINATION_NUMBER_INVALID",
                                  "invalid number of results requested");
    }
    collect_tags(call, ref.repository, &tags);
    if (tags.len == 0) {
        return ws_registry_refuse(call, 404, "NAME_UNKNOWN",
                                  "repository name not known to registry");
    }
    if (!ws_registry_admits(call, &tags.strictest)) return false;
    call->response->content_type = "application/json; charset=utf-8";
    emit_tags(call, ref.repository, &tags, limit < TAGS_PAGE ? limit : TAGS_PAGE);
    return true;
}

#include "codec.h"

#include "field.h"
#include "text.h"

#include <assert.h>

#define CLUSTERS  "/api/2.1/clusters/"
#define LISTING   "filter_by.cluster_sources=API&filter_by.cluster_sources=UI&page_size=100"
#define OUR_LEVEL "CAN_MANAGE"

/* Where a call's `id` and `token` go. */
enum api_takes {
    TAKES_NOTHING, /* or it is all in the body */
    TAKES_PAGE,    /* &page_token=TOKEN */
    TAKES_ID,      /* ID as one part of the path, or at the end of the query */
    TAKES_PATH,    /* a workspace path as more parts of the path */
};

/*
 * Paths: databricks-api.md 1.1 to 1.8. Sources API and UI are the only ones that a controller may
 * keep (3.3). What may be repeated: the last item of 5.3.
 */
static const struct api_row {
    const char *name, *method, *path, *query; /* query NULL: none */
    enum api_takes takes;
    enum api_repeat repeat;
} calls[] = {
    [API_LIST] = { "clusters/list", "GET", CLUSTERS "list", LISTING, TAKES_PAGE, REPEAT_SAFE },
    [API_GET] = { "clusters/get", "GET", CLUSTERS "get", "cluster_id=", TAKES_ID, REPEAT_SAFE },
    [API_CREATE] = { "clusters/create", "POST", CLUSTERS "create", NULL, TAKES_NOTHING,
                     REPEAT_NOT_SENT },
    [API_EDIT] = { "clusters/edit", "POST", CLUSTERS "edit", NULL, TAKES_NOTHING, REPEAT_NOT_SENT },
    [API_RESIZE] = { "clusters/resize", "POST", CLUSTERS "resize", NULL, TAKES_NOTHING,
                     REPEAT_NOT_SENT },
    [API_START] = { "clusters/start", "POST", CLUSTERS "start", NULL, TAKES_NOTHING,
                    REPEAT_NOT_SENT },
    [API_TERMINATE] = { "clusters/delete", "POST", CLUSTERS "delete", NULL, TAKES_NOTHING,
                        REPEAT_SAFE },
    [API_DELETE] = { "clusters/permanent-delete", "POST", CLUSTERS "permanent-delete", NULL,
                     TAKES_NOTHING, REPEAT_SAFE },
    [API_PIN] = { "clusters/pin", "POST", CLUSTERS "pin", NULL, TAKES_NOTHING, REPEAT_NOT_SENT },
    [API_UNPIN] = { "clusters/unpin", "POST", CLUSTERS "unpin", NULL, TAKES_NOTHING, REPEAT_SAFE },
    [API_PERMISSIONS_PUT] = { "permissions/clusters", "PUT", "/api/2.0/permissions/clusters/", NULL,
                              TAKES_ID, REPEAT_SAFE },
    [API_INSTALL] = { "libraries/install", "POST", "/api/2.0/libraries/install", NULL,
                      TAKES_NOTHING, REPEAT_NOT_SENT },
    [API_UNINSTALL] = { "libraries/uninstall", "POST", "/api/2.0/libraries/uninstall", NULL,
                        TAKES_NOTHING, REPEAT_NOT_SENT },
    [API_MKDIRS] = { "workspace/mkdirs", "POST", "/api/2.0/workspace/mkdirs", NULL, TAKES_NOTHING,
                     REPEAT_SAFE },
    [API_IMPORT_FILE] = { "workspace-files/import-file", "POST",
                          "/api/2.0/workspace-files/import-file/", "overwrite=true", TAKES_PATH,
                          REPEAT_SAFE },
    [API_ME] = { "scim/v2/Me", "GET", "/api/2.0/preview/scim/v2/Me", NULL, TAKES_NOTHING,
                 REPEAT_SAFE },
    [API_NODE_TYPES] = { "clusters/list-node-types", "GET", "/api/2.1/clusters/list-node-types",
                         NULL, TAKES_NOTHING, REPEAT_SAFE },
};
_Static_assert(COUNT_OF(calls) == API_COUNT, "each call has its row");

static const struct api_row *row_of(enum api api)
{
    assert(api < API_COUNT);
    return &calls[api];
}

const char *api_name(enum api api)
{
    return row_of(api)->name;
}

const char *api_method(enum api api)
{
    return row_of(api)->method;
}

enum api_repeat api_repeat(enum api api)
{
    return row_of(api)->repeat;
}

/* RFC 3986: all but the unreserved characters, and the bytes in `kept`, becomes %XX. */
static void add_encoded(const char *text, const char *kept, struct buf *out)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char hex[] = "0123456789ABCDEF";
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        if (strchr(plain, byte) != NULL || strchr(kept, byte) != NULL) {
            buf_addc(out, *at);
        } else {
            buf_add(out, (const char[]){ '%', hex[byte >> 4], hex[byte & 15] }, 3);
        }
    }
}

void api_path(enum api api, const char *id, const char *token, struct buf *out)
{
    const struct api_row *row = row_of(api);
    assert(id != NULL || (row->takes != TAKES_ID && row->takes != TAKES_PATH));
    buf_adds(out, row->path);
    if (row->takes == TAKES_PATH) add_encoded(id[0] == '/' ? id + 1 : id, "/", out);
    if (row->takes == TAKES_ID && row->query == NULL) add_encoded(id, "", out);
    if (row->query == NULL) return;
    buf_addf(out, "?%s", row->query);
    if (row->takes == TAKES_ID) add_encoded(id, "", out);
    if (row->takes == TAKES_PAGE && token != NULL) {
        buf_adds(out, "&page_token=");
        add_encoded(token, "", out);
    }
}

/* ---- bodies ---- */

static const struct pos nowhere;

static void put(struct value_builder *map, const char *key, const struct value *value)
{
    value_put(map, key, nowhere, value);
}

static void put_text(struct value_builder *map, const char *key, const char *text)
{
    value_put(map, key, nowhere, value_text(map->arena, nowhere, text));
}

/* An edit has the fields of a create but those that only a create takes (databricks-api.md 2). */
static bool is_create_only(const char *key)
{
    const struct field *field = field_child(NULL, key);
    return field != NULL && (field->flags & FIELD_CREATE_ONLY) != 0;
}

bool codec_body_spec(const char *cluster_id, const struct value *spec, json_reveal_fn reveal,
                     void *ctx, struct buf *out, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    assert(spec->kind == VALUE_MAP);
    struct value_builder body = value_build_map(&arena, nowhere);
    for (size_t i = 0; i < spec->len; i++) {
        const struct member *member = &spec->u.members[i];
        if (cluster_id != NULL && is_create_only(member->key)) continue;
        value_put_new(&body, member->key, member->pos, member->value);
    }
    if (cluster_id != NULL) put_text(&body, "cluster_id", cluster_id);
    if (!json_write_revealed(body.value, reveal, ctx, out, err)) return false;
    return buf_ok(out, "the body of a request", err);
}

void codec_body_id(const char *cluster_id, struct buf *out)
{
    buf_adds(out, "{\"cluster_id\":");
    json_write_text(cluster_id, out);
    buf_addc(out, '}');
}

static const struct value *or_empty_list(struct arena *arena, const struct value *list)
{
    return list != NULL ? list : value_build_list(arena, nowhere).value;
}

void codec_body_libraries(const char *cluster_id, const struct value *libraries, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct value_builder body = value_build_map(&arena, nowhere);
    put_text(&body, "cluster_id", cluster_id);
    put(&body, "libraries", or_empty_list(&arena, libraries));
    json_write(body.value, out);
}

/* A service principal is named by its application ID, a UUID (databricks-api.md 1.4, 1.8). */
static bool is_uuid(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (strlen(text) != sizeof(shape) - 1) return false;
    for (size_t i = 0; text[i] != '\0'; i++) {
        bool is_good =
            shape[i] == '-' ? text[i] == '-' : strchr("0123456789abcdefABCDEF", text[i]) != NULL;
        if (!is_good) return false;
    }
    return true;
}

/*
 * A PUT replaces the list, and a caller who is not on it may lose the cluster (databricks-api.md
 * 1.4): `me` is put first, in the place of whatever the manifest says of the same principal.
 */
void codec_body_permissions(const struct value *permissions, const char *me, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *principal = me != NULL && is_uuid(me) ? "service_principal_name" : "user_name";
    struct value_builder entries = value_build_list(&arena, nowhere);
    if (me != NULL) {
        struct value_builder own = value_build_map(&arena, nowhere);
        put_text(&own, principal, me);
        put_text(&own, "permission_level", OUR_LEVEL);
        value_push(&entries, own.value);
    }
    size_t len = permissions == NULL ? 0 : permissions->len;
    for (size_t i = 0; i < len; i++) {
        const struct value *entry = permissions->u.items[i];
        const char *named = value_get_text(entry, principal);
        if (me != NULL && named != NULL && text_equal_nocase(named, me)) continue;
        value_push(&entries, entry);
    }
    struct value_builder body = value_build_map(&arena, nowhere);
    put(&body, "access_control_list", entries.value);
    json_write(body.value, out);
}

void codec_body_mkdirs(const char *path, struct buf *out)
{
    buf_adds(out, "{\"path\":");
    json_write_text(path, out);
    buf_addc(out, '}');
}

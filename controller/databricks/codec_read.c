/*
 * codec_read: answers to values, and the form that an observed cluster is cached in.
 */
#include "codec.h"

#include "field.h"

#include <assert.h>

enum {
    CLUSTER_ID_MAX = 128,  /* bytes; those that exist have 20 (databricks-api.md 1.1) */
    USER_NAME_MAX = 512,   /* bytes */
    REASON_CODE_MAX = 128, /* bytes of a termination code or type */
    REASON_PARAMETERS_MAX = 32,
    PAGE_CLUSTERS_MAX = 1000, /* a page has 100 at most (databricks-api.md 5.4) */
    PAGE_TOKEN_MAX = 16 * 1024,
};

/* What is written in the place of a user whose name is not kept. */
#define PINNED_BY "somebody"

static const struct pos nowhere;

/* One object of an answer, and where it is: "clusters[3]", or "" for the whole. */
struct object {
    struct arena *arena;
    const struct value *map;
    const char *where;
};

static const char *const kind_words[] = {
    [VALUE_NULL] = "null",     [VALUE_BOOL] = "true or false", [VALUE_INT] = "a number",
    [VALUE_REAL] = "a number", [VALUE_TEXT] = "text",          [VALUE_PLAIN] = "text",
    [VALUE_SECRET] = "text",   [VALUE_LIST] = "a list",        [VALUE_MAP] = "an object",
};

static bool wrong_kind(const struct object *object, const char *key, const struct value *found,
                       const char *wanted, struct err *err)
{
    return err_set(err, ERR_PROTOCOL, "the answer has %s%s%s as %s; expected %s", object->where,
                   object->where[0] != '\0' && key[0] != '\0' ? "." : "", key,
                   kind_words[found->kind], wanted);
}

/* Absent and null are one (databricks-api.md 2.5): true, and NULL. */
static bool read_kind(const struct object *object, const char *key, enum value_kind kind,
                      const struct value **ret_value, struct err *err)
{
    /* err_set is always false, but tidy does not see it: there is no object in a failed answer.
     * NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
    const struct value *value = value_get(object->map, key);
    if (value != NULL && value->kind == VALUE_NULL) value = NULL;
    if (value != NULL && value->kind != kind) {
        return wrong_kind(object, key, value, kind_words[kind], err);
    }
    *ret_value = value;
    return true;
}

/* At most `max` bytes, ending between two characters: what is cut has to be UTF-8 still. */
static const char *cut(struct arena *arena, const char *text, size_t max)
{
    size_t len = strlen(text);
    if (len <= max) return text;
    len = max;
    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80) {
        len--;
    }
    return arena_strndup(arena, text, len);
}

/* `missing` when it is not there; cut to `max` bytes. */
static bool read_text(const struct object *object, const char *key, size_t max, const char *missing,
                      const char **ret_text, struct err *err)
{
    const struct value *value = NULL;
    if (!read_kind(object, key, VALUE_TEXT, &value, err)) return false;
    *ret_text = value == NULL ? missing : cut(object->arena, value->text, max);
    return true;
}

/* Goes into URLs, records and messages: visible ASCII, whatever it is made of. */
static bool is_cluster_id(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > CLUSTER_ID_MAX) return false;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~') return false;
    }
    return true;
}

static bool read_cluster_id(const struct object *object, const char **ret_id, struct err *err)
{
    const struct value *value = NULL;
    if (!read_kind(object, "cluster_id", VALUE_TEXT, &value, err)) return false;
    const char *what = object->where[0] == '\0' ? "the answer" : object->where;
    if (value == NULL) return err_set(err, ERR_PROTOCOL, "%s has no cluster_id", what);
    if (!is_cluster_id(value->text)) {
        return err_set(err, ERR_PROTOCOL,
                       "%s has a cluster_id that is not 1 to %d visible ASCII characters", what,
                       CLUSTER_ID_MAX);
    }
    *ret_id = value->text;
    return true;
}

/* Parameters are text to text (databricks-api.md 4.3); others are passed over. */
static const struct value *read_parameters(struct arena *arena, const struct value *raw)
{
    if (raw == NULL) return NULL;
    struct value_builder map = value_build_map(arena, nowhere);
    for (size_t i = 0; i < raw->len && map.value->len < REASON_PARAMETERS_MAX; i++) {
        const struct member *member = &raw->u.members[i];
        if (member->value->kind != VALUE_TEXT) continue;
        value_put(
            &map, cut(arena, member->key, REASON_CODE_MAX), nowhere,
            value_text(arena, nowhere, cut(arena, member->value->text, OBSERVED_MESSAGE_MAX)));
    }
    return map.value;
}

static bool read_reason(const struct object *object, struct observed *cluster, struct err *err)
{
    const struct value *raw = NULL, *parameters = NULL;
    if (!read_kind(object, "termination_reason", VALUE_MAP, &raw, err)) return false;
    if (raw == NULL) return true;
    struct object reason = { .arena = object->arena,
                             .map = raw,
                             .where = object->where[0] == '\0'
                                          ? "termination_reason"
                                          : arena_printf(object->arena, "%s.termination_reason",
                                                         object->where) };
    if (!read_text(&reason, "code", REASON_CODE_MAX, NULL, &cluster->reason_code, err) ||
        !read_text(&reason, "type", REASON_CODE_MAX, NULL, &cluster->reason_type, err) ||
        !read_kind(&reason, "parameters", VALUE_MAP, &parameters, err)) {
        return false;
    }
    cluster->reason_parameters = read_parameters(object->arena, parameters);
    return true;
}

/* databricks-api.md 2.5, 2.6 */
static bool read_cluster(const struct object *object, struct observed *ret_cluster, struct err *err)
{
    struct observed cluster = { .state = CLUSTER_UNKNOWN };
    const char *state = NULL;
    const struct value *started = NULL, *spec = NULL;
    if (!read_cluster_id(object, &cluster.id, err) ||
        !read_text(object, "cluster_name", OBSERVED_MESSAGE_MAX, "", &cluster.cluster_name, err) ||
        !read_text(object, "cluster_source", REASON_CODE_MAX, "", &cluster.source, err) ||
        !read_text(object, "state", REASON_CODE_MAX, "", &state, err) ||
        !read_text(object, "state_message", OBSERVED_MESSAGE_MAX, "", &cluster.state_message,
                   err) ||
        !read_reason(object, &cluster, err) ||
        !read_kind(object, "start_time", VALUE_INT, &started, err) ||
        !read_kind(object, "spec", VALUE_MAP, &spec, err)) {
        return false;
    }
    cluster.state = cluster_state_from_name(state);
    cluster.started_ms = started == NULL || started->u.integer < 0 ? 0 : started->u.integer;
    cluster.pinned = !value_is_empty(value_get(object->map, "pinned_by_user_name"));
    cluster.effective = field_read_observed(object->arena, object->map);
    if (spec != NULL) cluster.submitted = field_read_observed(object->arena, spec);
    observed_read_tags(&cluster);
    *ret_cluster = cluster;
    return true;
}

static bool read_answer(struct arena *arena, const char *text, size_t len,
                        struct object *ret_object, struct err *err)
{
    const struct value *value = NULL;
    if (!json_read(arena, text, len, &value, err)) return false;
    struct object object = { .arena = arena, .map = value, .where = "" };
    if (value->kind != VALUE_MAP) {
        return err_set(err, ERR_PROTOCOL, "the answer is %s; expected an object",
                       kind_words[value->kind]);
    }
    *ret_object = object;
    return true;
}

/* A missing or empty token is the end (databricks-api.md 1.3). */
static bool read_next_token(const struct object *answer, const char **ret_token, struct err *err)
{
    const struct value *token = NULL;
    if (!read_kind(answer, "next_page_token", VALUE_TEXT, &token, err)) return false;
    if (token != NULL && token->len > PAGE_TOKEN_MAX) {
        return err_set(err, ERR_LIMIT, "the answer's next_page_token is longer than %d bytes",
                       PAGE_TOKEN_MAX);
    }
    *ret_token = token == NULL || token->len == 0 ? NULL : token->text;
    return true;
}

bool codec_page(struct arena *arena, const char *text, size_t len, struct page *ret_page,
                struct err *err)
{
    struct object answer;
    struct page page = { 0 };
    const struct value *list = NULL;
    if (!read_answer(arena, text, len, &answer, err) ||
        !read_next_token(&answer, &page.next_token, err) ||
        !read_kind(&answer, "clusters", VALUE_LIST, &list, err)) {
        return false;
    }
    page.len = list == NULL ? 0 : list->len;
    if (page.len > PAGE_CLUSTERS_MAX) {
        return err_set(err, ERR_LIMIT, "the answer has %zu clusters on a page of at most %d",
                       page.len, PAGE_CLUSTERS_MAX);
    }
    page.clusters = arena_alloc(arena, (page.len + 1) * sizeof(page.clusters[0]));
    for (size_t i = 0; i < page.len; i++) {
        struct object item = { .arena = arena,
                               .map = list->u.items[i],
                               .where = arena_printf(arena, "clusters[%zu]", i) };
        if (item.map->kind != VALUE_MAP) return wrong_kind(&item, "", item.map, "an object", err);
        if (!read_cluster(&item, &page.clusters[i], err)) return false;
    }
    *ret_page = page;
    return true;
}

bool codec_cluster(struct arena *arena, const char *text, size_t len, struct observed *ret_observed,
                   struct err *err)
{
    struct object answer;
    if (!read_answer(arena, text, len, &answer, err)) return false;
    return read_cluster(&answer, ret_observed, err);
}

bool codec_created(struct arena *arena, const char *text, size_t len, const char **ret_cluster_id,
                   struct err *err)
{
    struct object answer;
    if (!read_answer(arena, text, len, &answer, err)) return false;
    return read_cluster_id(&answer, ret_cluster_id, err);
}

bool codec_me(struct arena *arena, const char *text, size_t len, const char **ret_user_name,
              struct err *err)
{
    struct object answer;
    const struct value *name = NULL;
    if (!read_answer(arena, text, len, &answer, err) ||
        !read_kind(&answer, "userName", VALUE_TEXT, &name, err)) {
        return false;
    }
    if (name == NULL || name->len == 0 || name->len > USER_NAME_MAX) {
        return err_set(err, ERR_PROTOCOL, "the answer has no userName of 1 to %d bytes",
                       USER_NAME_MAX);
    }
    *ret_user_name = name->text;
    return true;
}

bool codec_arm_nodes(struct arena *arena, const char *text, size_t len,
                     const struct value **ret_nodes, struct err *err)
{
    struct object answer;
    const struct value *types = NULL;
    if (!read_answer(arena, text, len, &answer, err) ||
        !read_kind(&answer, "node_types", VALUE_LIST, &types, err)) {
        return false;
    }
    struct value_builder arm = value_build_map(arena, (struct pos){ 0 });
    for (size_t i = 0; types != NULL && i < types->len; i++) {
        const struct value *type = types->u.items[i];
        const char *id = value_get_text(type, "node_type_id");
        const struct value *is_arm = value_get(type, "is_graviton");
        bool counts = is_arm != NULL && is_arm->kind == VALUE_BOOL && is_arm->u.boolean;
        if (id != NULL && counts) value_put(&arm, id, is_arm->pos, is_arm);
    }
    *ret_nodes = arm.value;
    return true;
}

/* ---- the cached form ---- */

static bool has_secrets(const struct value *value)
{
    if (value->kind == VALUE_SECRET) return true;
    bool is_list = value->kind == VALUE_LIST;
    for (size_t i = 0; (is_list || value->kind == VALUE_MAP) && i < value->len; i++) {
        if (has_secrets(is_list ? value->u.items[i] : value->u.members[i].value)) return true;
    }
    return false;
}

/*
 * The same without its secrets, and without what held nothing else: NULL when nothing is left. An
 * observed secret is the echo of a password, and no copy of it is kept. The depth is bounded, since
 * the value was read by the table.
 */
static const struct value *without_secrets(struct arena *arena, const struct value *value)
{
    bool is_list = value->kind == VALUE_LIST;
    if (value->kind == VALUE_SECRET) return NULL;
    if (!has_secrets(value)) return value;
    struct value_builder copy =
        is_list ? value_build_list(arena, value->pos) : value_build_map(arena, value->pos);
    for (size_t i = 0; i < value->len; i++) {
        const struct member *member = is_list ? NULL : &value->u.members[i];
        const struct value *kept =
            without_secrets(arena, is_list ? value->u.items[i] : member->value);
        if (kept == NULL) continue;
        if (is_list) value_push(&copy, kept);
        if (!is_list) value_put_new(&copy, member->key, member->pos, kept);
    }
    return copy.value->len == 0 ? NULL : copy.value;
}

/* A map of what is in effect or submitted, open for more members. */
static struct value_builder build_spec(struct arena *arena, const struct value *spec)
{
    struct value_builder map = value_build_map(arena, nowhere);
    for (size_t i = 0; spec != NULL && i < spec->len; i++) {
        const struct member *member = &spec->u.members[i];
        const struct value *kept = without_secrets(arena, member->value);
        if (kept != NULL) value_put_new(&map, member->key, nowhere, kept);
    }
    return map;
}

/* "" and NULL are left out: reading gives them back. */
static void put_text(struct value_builder *map, const char *key, const char *text)
{
    if (text == NULL || text[0] == '\0') return;
    value_put(map, key, nowhere, value_text(map->arena, nowhere, text));
}

static void put_reason(struct value_builder *map, const struct observed *observed)
{
    struct value_builder reason = value_build_map(map->arena, nowhere);
    put_text(&reason, "code", observed->reason_code);
    put_text(&reason, "type", observed->reason_type);
    if (observed->reason_parameters != NULL) {
        value_put(&reason, "parameters", nowhere, observed->reason_parameters);
    }
    if (reason.value->len != 0) value_put(map, "termination_reason", nowhere, reason.value);
}

void codec_observed_write(const struct observed *observed, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct value_builder map = build_spec(&arena, observed->effective);
    put_text(&map, "cluster_id", observed->id);
    put_text(&map, "cluster_name", observed->cluster_name);
    put_text(&map, "cluster_source", observed->source);
    put_text(&map, "state", cluster_state_name(observed->state));
    put_text(&map, "state_message", observed->state_message);
    put_text(&map, "pinned_by_user_name", observed->pinned ? PINNED_BY : NULL);
    put_reason(&map, observed);
    if (observed->started_ms != 0) {
        value_put(&map, "start_time", nowhere, value_int(&arena, nowhere, observed->started_ms));
    }
    if (observed->submitted != NULL) {
        value_put(&map, "spec", nowhere, build_spec(&arena, observed->submitted).value);
    }
    json_write(map.value, out);
}

struct digest codec_observed_digest(const struct observed *observed)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    return json_digest(build_spec(&arena, observed->effective).value);
}

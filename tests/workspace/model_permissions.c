/*
 * Who may do what with a cluster (databricks-api.md 1.4): the grants that were set, and the ones
 * that come back although nobody set them.
 */
#include "inside.h"

#include "text.h"

static const char *const kinds[] = { "user_name", "group_name", "service_principal_name" };
static const char *const levels[] = { "CAN_ATTACH_TO", "CAN_RESTART", "CAN_MANAGE" };

static const char *known(const char *const *words, size_t len, const char *word)
{
    for (size_t i = 0; word != NULL && i < len; i++) {
        if (strcmp(words[i], word) == 0) return words[i];
    }
    return NULL;
}

static void emit_grant(struct buf *out, const char *kind, const char *principal, const char *level,
                       bool inherited)
{
    emit_open(out, '{');
    emit_text(out, kind, principal);
    if (!inherited) emit_text(out, "display_name", principal);
    emit_key(out, "all_permissions");
    emit_open(out, '[');
    emit_open(out, '{');
    emit_text(out, "permission_level", level);
    emit_bool(out, "inherited", inherited);
    if (inherited) emit_json(out, "inherited_from_object", "[\"/clusters/\"]");
    emit_close(out, '}');
    emit_close(out, ']');
    emit_close(out, '}');
}

static void answer_grants(struct ws_call *call, const struct ws_cluster *cluster)
{
    struct buf *out = ws_answer(call);
    emit_open(out, '{');
    emit_key(out, "object_id");
    buf_addf(out, "\"/clusters/%s\",", cluster->id);
    emit_text(out, "object_type", "cluster");
    emit_key(out, "access_control_list");
    emit_open(out, '[');
    if (!cluster->are_grants_set) emit_grant(out, kinds[0], cluster->creator, levels[2], false);
    for (size_t i = 0; i < cluster->grants_len; i++) {
        const struct ws_grant *grant = &cluster->grants[i];
        emit_grant(out, grant->kind, grant->principal, grant->level, false);
    }
    emit_grant(out, "group_name", "admins", "CAN_MANAGE", true);
    emit_close(out, ']');
    emit_close(out, '}');
    emit_end(out);
}

bool ws_permissions_get(struct ws_call *call)
{
    static const char suffix[] = "/permissionLevels";
    const char *id = call->tail;
    bool asks_levels = text_ends(id, suffix);
    if (asks_levels) id = arena_strndup(call->arena, id, strlen(id) - (sizeof(suffix) - 1));
    struct ws_cluster *cluster = ws_need_cluster_id(call, id);
    if (cluster == NULL) return false;
    if (!asks_levels) {
        answer_grants(call, cluster);
        return true;
    }
    struct buf *out = ws_answer(call);
    emit_open(out, '{');
    emit_key(out, "permission_levels");
    emit_open(out, '[');
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        emit_open(out, '{');
        emit_text(out, "permission_level", levels[i]);
        emit_close(out, '}');
    }
    emit_close(out, ']');
    emit_close(out, '}');
    emit_end(out);
    return true;
}

/* One entry of the request; the principal is borrowed. NULL: refused. */
static const char *read_grant(struct ws_call *call, const struct value *entry,
                              struct ws_grant *grant)
{
    const char *principal = NULL;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const char *name = value_get_text(entry, kinds[i]);
        if (name == NULL || name[0] == '\0') continue;
        if (principal != NULL) {
            ws_refuse(call, 400, "INVALID_PARAMETER_VALUE",
                      "An entry must name one principal, not two.");
            return NULL;
        }
        principal = name;
        grant->kind = kinds[i];
    }
    grant->level = known(levels, COUNT_OF(levels), value_get_text(entry, "permission_level"));
    if (principal == NULL || grant->level == NULL) {
        ws_refuse(call, 400, "INVALID_PARAMETER_VALUE",
                  "An entry needs a principal and one of CAN_ATTACH_TO, CAN_RESTART, CAN_MANAGE.");
        return NULL;
    }
    return principal;
}

static void put_grant(struct ws_cluster *cluster, const struct ws_grant *grant,
                      const char *principal)
{
    for (size_t i = 0; i < cluster->grants_len; i++) {
        struct ws_grant *at = &cluster->grants[i];
        if (at->kind != grant->kind || strcmp(at->principal, principal) != 0) continue;
        at->level = grant->level;
        return;
    }
    struct ws_grant added = *grant;
    added.principal = xstrdup(principal);
    ARR_PUSH(cluster->grants, cluster->grants_len, cluster->grants_cap, added);
}

static bool set_grants(struct ws_call *call, bool replace)
{
    struct ws_cluster *cluster = ws_need_cluster_id(call, call->tail);
    if (cluster == NULL) return false;
    const struct value *list = value_get(call->body, "access_control_list");
    if (list == NULL || list->kind != VALUE_LIST || list->len > WS_GRANTS_MAX) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE",
                         "access_control_list must be a list of at most %d.", WS_GRANTS_MAX);
    }
    struct ws_grant grant = { 0 };
    for (size_t i = 0; i < list->len; i++) { /* all or nothing */
        if (read_grant(call, list->u.items[i], &grant) == NULL) return false;
    }
    if (!replace && cluster->grants_len + list->len > WS_GRANTS_MAX) {
        return ws_refuse(call, 400, "QUOTA_EXCEEDED", "A cluster can have %d grants.",
                         WS_GRANTS_MAX);
    }
    for (size_t i = 0; replace && i < cluster->grants_len; i++) {
        xfree(cluster->grants[i].principal);
    }
    if (replace) cluster->grants_len = 0;
    cluster->are_grants_set = true;
    for (size_t i = 0; i < list->len; i++) {
        const char *principal = read_grant(call, list->u.items[i], &grant);
        if (principal != NULL) put_grant(cluster, &grant, principal);
    }
    answer_grants(call, cluster);
    return true;
}

bool ws_permissions_put(struct ws_call *call)
{
    return set_grants(call, true);
}

bool ws_permissions_patch(struct ws_call *call)
{
    return set_grants(call, false);
}

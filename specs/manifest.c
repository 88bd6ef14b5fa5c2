#include "manifest.h"

#include "json.h"
#include "rules.h"
#include "text.h"

#include <assert.h>
#include <stdlib.h>

/* ---- Words ---------------------------------------------------------------------------------- */

static const char *const strategy_names[] = { "recreate", "in-place", "blue-green" };
static const char *const running_names[] = { "as-found", "true" };
static const char *const drift_names[] = { "correct", "report" };
static const char *const prune_names[] = { "terminate", "delete", "orphan" };
static const char *const pinned_names[] = { "as-found", "true", "false" };
static const char *const preflight_names[] = { "require", "warn", "off" };

const char *strategy_name(enum strategy strategy)
{
    assert(strategy < COUNT_OF(strategy_names));
    return strategy_names[strategy];
}

const char *prune_name(enum prune prune)
{
    assert(prune < COUNT_OF(prune_names));
    return prune_names[prune];
}

bool prune_from_name(const char *name, enum prune *ret_prune)
{
    for (size_t i = 0; i < COUNT_OF(prune_names); i++) {
        if (strcmp(prune_names[i], name) != 0) continue;
        *ret_prune = (enum prune)i;
        return true;
    }
    return false;
}

/* ---- Reading a document --------------------------------------------------------------------- */

static const char *scalar_text(const struct value *value)
{
    bool is_text = value != NULL && (value->kind == VALUE_TEXT || value->kind == VALUE_PLAIN);
    return is_text ? value->text : NULL;
}

static struct pos value_pos(const struct value *value, struct pos otherwise)
{
    return value != NULL ? value->pos : otherwise;
}

static bool read_version(const struct value *document, struct diag *diag)
{
    const struct value *version = value_get(document, "apiVersion");
    const char *text = scalar_text(version);
    if (text_equal(text, MANIFEST_API_VERSION)) return true;
    char quote[FIELD_QUOTE_SIZE];
    diag_error(diag, value_pos(version, document->pos), "apiVersion: want %s, got %s%s%s",
               MANIFEST_API_VERSION, text ? "'" : "none", text ? field_quote(text, quote) : "",
               text ? "'" : "");
    return false;
}

static bool read_kind(const struct value *document, struct diag *diag, enum manifest_kind *ret_kind)
{
    static const char *const names[] = {
        [MANIFEST_CLUSTER] = "Cluster", [MANIFEST_DEFAULTS] = "Defaults"
    };
    const struct value *kind = value_get(document, "kind");
    const char *text = scalar_text(kind);
    if (text == NULL) {
        diag_error(diag, value_pos(kind, document->pos),
                   "kind: want Cluster or Defaults, got none");
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(names[i], text) != 0) continue;
        *ret_kind = (enum manifest_kind)i;
        return true;
    }
    char quote[FIELD_QUOTE_SIZE];
    const char *nearest = text_nearest(text, names, COUNT_OF(names));
    diag_error(diag, kind->pos, "kind: '%s' is not one of Cluster, Defaults%s%s%s",
               field_quote(text, quote), nearest ? "; did you mean '" : "", nearest ? nearest : "",
               nearest ? "'?" : "");
    return false;
}

static bool is_name(const char *name)
{
    static const char inner[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    size_t len = strlen(name);
    if (len == 0 || len > MANIFEST_NAME_MAX || name[strspn(name, inner)] != '\0') return false;
    return name[0] != '-' && name[len - 1] != '-';
}

/* False when there is no name to go on with; one that breaks the grammar is only reported. */
static bool read_name(const struct value *metadata, struct diag *diag, struct manifest_parts *parts)
{
    const struct value *name = value_get(metadata, "name");
    if (name == NULL || name->kind != VALUE_TEXT) {
        diag_error(diag, value_pos(metadata, parts->pos),
                   "metadata.name is missing; it is what the cluster is known by");
        return false;
    }
    if (!is_name(name->text)) {
        char quote[FIELD_QUOTE_SIZE];
        diag_error(
            diag, name->pos,
            "name: '%s' is not a name; want a-z, 0-9 and inner dashes, %d characters at most",
            field_quote(name->text, quote), MANIFEST_NAME_MAX);
    }
    parts->name = name->text;
    parts->pos = name->pos;
    const struct value *labels = value_get(metadata, "labels");
    parts->labels = labels != NULL && labels->kind == VALUE_MAP ? labels : NULL;
    return true;
}

static void check_keep(const struct value *keep, enum manifest_kind kind, struct diag *diag)
{
    const struct value *adopt = value_get(keep, "adopt");
    if (scalar_text(adopt) == NULL) return;
    if (kind == MANIFEST_DEFAULTS) {
        diag_error(diag, adopt->pos, "adopt: one ID is one cluster's; write it in its manifest");
    }
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    if (adopt->len > 0 && adopt->text[strspn(adopt->text, good)] == '\0') return;
    char quote[FIELD_QUOTE_SIZE];
    diag_error(diag, adopt->pos, "adopt: '%s' is not a cluster ID such as 0318-151752-abed9912",
               field_quote(adopt->text, quote));
}

static void refuse_metadata(const struct value *document, struct diag *diag)
{
    for (size_t i = 0; i < document->len; i++) {
        const struct member *member = &document->u.members[i];
        if (strcmp(member->key, "metadata") != 0) continue;
        diag_error(diag, member->pos,
                   "Defaults have no metadata: they hold for their directory and below");
    }
}

bool manifest_read(struct arena *arena, const struct value *document, struct diag *diag,
                   struct manifest_parts *ret_parts)
{
    struct manifest_parts parts = { .pos = document->pos };
    if (document->kind != VALUE_MAP) {
        diag_error(diag, document->pos,
                   "a manifest is a map with apiVersion, kind, metadata and spec");
        return false;
    }
    /* Another version or kind is another language: its fields are not looked at. */
    if (!read_version(document, diag) || !read_kind(document, diag, &parts.kind)) return false;

    const struct value *typed = field_read(arena, document, field_document(), diag);
    if (parts.kind == MANIFEST_DEFAULTS) {
        refuse_metadata(document, diag);
    } else if (!read_name(value_get(typed, "metadata"), diag, &parts)) {
        return false;
    }
    parts.spec = value_get(typed, "spec");
    parts.libraries = value_get(typed, "libraries");
    parts.permissions = value_get(typed, "permissions");
    parts.keep = value_get(typed, "keep");
    check_keep(parts.keep, parts.kind, diag);
    *ret_parts = parts;
    return true;
}

/* ---- Merging -------------------------------------------------------------------------------- */

/* A part that is null takes away what the base states. */
static const struct value *merge_part(struct arena *arena, const struct value *base,
                                      const struct value *patch)
{
    if (patch == NULL) return base;
    if (patch->kind == VALUE_NULL) return NULL;
    return value_merge(arena, base, patch);
}

struct manifest_parts manifest_merge(struct arena *arena, const struct manifest_parts *base,
                                     const struct manifest_parts *patch)
{
    struct manifest_parts merged = *patch;
    merged.spec = merge_part(arena, base->spec, patch->spec);
    merged.libraries = merge_part(arena, base->libraries, patch->libraries);
    merged.permissions = merge_part(arena, base->permissions, patch->permissions);
    merged.keep = merge_part(arena, base->keep, patch->keep);
    return merged;
}

/* ---- Finishing: lists ----------------------------------------------------------------------- */

/* An item and what it is sorted by: the order of these lists says nothing. */
struct keyed {
    size_t rank; /* which kind of library or principal */
    const char *key;
    const struct value *item;
};

static bool is_twin(const struct keyed *a, const struct keyed *b)
{
    return a->rank == b->rank && strcmp(a->key, b->key) == 0;
}

static int keyed_compare(const void *a, const void *b)
{
    const struct keyed *left = a;
    const struct keyed *right = b;
    if (left->rank != right->rank) return left->rank < right->rank ? -1 : 1;
    int order = strcmp(left->key, right->key);
    if (order != 0) return order;
    struct pos p = left->item->pos;
    struct pos q = right->item->pos; /* of twins, the later one is to blame */
    if (p.line != q.line) return p.line < q.line ? -1 : 1;
    return p.column < q.column ? -1 : p.column > q.column;
}

typedef struct keyed (*key_fn)(struct arena *arena, const struct value *item);

/* By kind, and its text or canonical form. */
static struct keyed library_key(struct arena *arena, const struct value *library)
{
    enum { KEY_MAX = 1 << 20 };
    struct keyed keyed = { 0, "", library };
    if (library->len != 1) return keyed; /* field_check has refused it */
    const struct field *element = field_child(field_document(), "libraries")->children;
    const struct member *member = &library->u.members[0];
    keyed.rank = 1 + (size_t)(field_child(element, member->key) - element->children);
    if (member->value->kind == VALUE_TEXT) {
        keyed.key = member->value->text;
        return keyed;
    }
    AUTO_BUF struct buf json = BUF_INIT(KEY_MAX);
    json_write(member->value, &json);
    keyed.key = arena_strdup(arena, buf_text(&json));
    return keyed;
}

static const char *const principals[] = { "user_name", "group_name", "service_principal_name" };

/* By whom it is for, so that two grants to one principal meet. */
static struct keyed permission_key(struct arena *arena, const struct value *permission)
{
    (void)arena;
    for (size_t i = 0; i < COUNT_OF(principals); i++) {
        const char *name = value_get_text(permission, principals[i]);
        if (name != NULL) return (struct keyed){ 1 + i, name, permission };
    }
    return (struct keyed){ 0, "", permission };
}

static void check_principal(const struct value *permission, struct diag *diag)
{
    size_t stated = 0;
    for (size_t i = 0; i < COUNT_OF(principals); i++) {
        stated += value_get_text(permission, principals[i]) != NULL;
    }
    if (stated == 1) return;
    diag_error(diag, permission->pos,
               "permissions: want exactly one of user_name, group_name, "
               "service_principal_name in each entry");
}

static const struct list_kind {
    const char *name;
    key_fn key;
    const char *twin; /* what two items of one key are */
} libraries_kind = { "libraries", library_key, "the same library twice" },
  permissions_kind = { "permissions", permission_key, "two entries for one principal" };

/* The list, checked and in canonical order; NULL when it is not stated. */
static const struct value *finish_list(struct arena *arena, const struct value *list,
                                       const struct list_kind *kind, struct diag *diag)
{
    if (list == NULL || list->kind != VALUE_LIST) return NULL;
    const struct field *element = field_child(field_document(), kind->name)->children;
    struct keyed *keyed = arena_alloc(arena, (list->len + 1) * sizeof(*keyed));
    for (size_t i = 0; i < list->len; i++) {
        const struct value *item = value_without_nulls(arena, list->u.items[i]);
        field_check(item, element, item->pos, diag);
        keyed[i] = kind->key(arena, item);
    }
    qsort(keyed, list->len, sizeof(*keyed), keyed_compare);
    struct value_builder sorted = value_build_list(arena, list->pos);
    for (size_t i = 0; i < list->len; i++) {
        bool is_refused = keyed[i].rank == 0;
        if (i > 0 && !is_refused && is_twin(&keyed[i], &keyed[i - 1])) {
            diag_error(diag, keyed[i].item->pos, "%s: %s", kind->name, kind->twin);
        }
        value_push(&sorted, keyed[i].item);
    }
    return sorted.value;
}

static const struct value *finish_permissions(struct arena *arena, const struct value *list,
                                              struct diag *diag)
{
    const struct value *sorted = finish_list(arena, list, &permissions_kind, diag);
    for (size_t i = 0; sorted != NULL && i < sorted->len; i++) {
        check_principal(sorted->u.items[i], diag);
    }
    return sorted;
}

/* ---- Finishing: keep and spec --------------------------------------------------------------- */

/* Which of `names` the member is; the first, the default, when it is absent or was refused. */
static unsigned choose(const struct value *keep, const char *key, const char *const *names,
                       unsigned len)
{
    const char *text = value_get_text(keep, key);
    for (unsigned i = 0; text != NULL && i < len; i++) {
        if (strcmp(names[i], text) == 0) return i;
    }
    return 0;
}

#define CHOOSE(type, keep, key, names) ((enum type)choose(keep, key, names, COUNT_OF(names)))

/* What the member says; `otherwise` when it is absent or was refused. */
static bool says(const struct value *keep, const char *key, bool otherwise)
{
    const struct value *value = value_get(keep, key);
    return value != NULL && value->kind == VALUE_BOOL ? value->u.boolean : otherwise;
}

static struct keep finish_keep(const struct value *keep)
{
    const struct value *adopt = value_get(keep, "adopt");
    struct keep typed = {
        .strategy = CHOOSE(strategy, keep, "strategy", strategy_names),
        .running = CHOOSE(running, keep, "running", running_names),
        .drift = CHOOSE(drift, keep, "drift", drift_names),
        .prune = CHOOSE(prune, keep, "prune", prune_names),
        .pinned = CHOOSE(pinned, keep, "pinned", pinned_names),
        .suspend = says(keep, "suspend", false),
        .no_rollback = !says(keep, "rollback", true),
        .preflight = CHOOSE(preflight, keep, "preflight", preflight_names),
        .follow_tag = says(keep, "follow_tag", false),
        .pin_digest = says(keep, "pin_digest", false),
    };
    if (scalar_text(adopt) != NULL) {
        typed.adopt = adopt->text;
        typed.adopt_pos = adopt->pos;
    }
    return typed;
}

static const struct value *finish_spec(struct arena *arena, const struct manifest_parts *parts,
                                       struct diag *diag)
{
    const struct value *spec = parts->spec;
    if (spec == NULL || spec->kind != VALUE_MAP) {
        diag_error(diag, parts->pos,
                   "spec is missing: neither the manifest nor Defaults above it "
                   "say what the cluster is");
        spec = value_build_map(arena, parts->pos).value;
    }
    spec = value_without_nulls(arena, spec);
    if (value_get(spec, "cluster_name") != NULL) return spec;

    struct value_builder named = value_build_map(arena, spec->pos);
    value_put_new(&named, "cluster_name", parts->pos, value_text(arena, parts->pos, parts->name));
    for (size_t i = 0; i < spec->len; i++) {
        const struct member *member = &spec->u.members[i];
        value_put_new(&named, member->key, member->pos, member->value);
    }
    return named.value;
}

void manifest_finish(struct arena *arena, const struct manifest_parts *parts, struct diag *diag,
                     struct manifest *ret_manifest)
{
    assert(parts->kind == MANIFEST_CLUSTER);
    assert(parts->name != NULL);
    struct manifest manifest = {
        .name = parts->name,
        .pos = parts->pos,
        .labels = parts->labels,
        .spec = finish_spec(arena, parts, diag),
        .libraries = finish_list(arena, parts->libraries, &libraries_kind, diag),
        .permissions = finish_permissions(arena, parts->permissions, diag),
        .keep = finish_keep(parts->keep),
    };
    if (parts->spec != NULL) rules_check(&manifest, diag);
    *ret_manifest = manifest;
}

static struct pos pos_copy(struct arena *arena, struct pos pos)
{
    pos.file = arena_strdup(arena, pos.file);
    return pos;
}

void manifest_copy(struct arena *arena, const struct manifest *manifest, struct manifest *ret_copy)
{
    struct manifest copy = *manifest;
    copy.name = arena_strdup(arena, manifest->name);
    copy.pos = pos_copy(arena, manifest->pos);
    copy.labels = value_copy(arena, manifest->labels);
    copy.spec = value_copy(arena, manifest->spec);
    copy.libraries = value_copy(arena, manifest->libraries);
    copy.permissions = value_copy(arena, manifest->permissions);
    copy.keep.adopt = arena_strdup(arena, manifest->keep.adopt);
    copy.keep.adopt_pos = pos_copy(arena, manifest->keep.adopt_pos);
    struct script *scripts = arena_alloc(arena, manifest->scripts_len * sizeof(*scripts));
    for (size_t i = 0; i < manifest->scripts_len; i++) {
        scripts[i] = manifest->scripts[i];
        scripts[i].source = arena_strdup(arena, scripts[i].source);
        scripts[i].destination = arena_strdup(arena, scripts[i].destination);
        scripts[i].pos = pos_copy(arena, scripts[i].pos);
    }
    copy.scripts = scripts;
    *ret_copy = copy;
}

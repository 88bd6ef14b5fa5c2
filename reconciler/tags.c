#include "tags.h"

#include "json.h"
#include "text.h"

static const struct value *without_secrets(struct arena *arena, const struct value *value)
{
    if (value->kind != VALUE_MAP) return value;
    struct value_builder map = value_build_map(arena, value->pos);
    for (size_t i = 0; i < value->len; i++) {
        const struct member *member = &value->u.members[i];
        if (member->value->kind == VALUE_SECRET) continue;
        value_put_new(&map, member->key, member->pos, without_secrets(arena, member->value));
    }
    return map.value;
}

const char *tags_spec_digest(struct arena *arena, const struct value *spec)
{
    struct digest digest = json_digest(without_secrets(arena, spec));
    char hex[DIGEST_HEX_SIZE];
    digest_hex(&digest, hex);
    return arena_strndup(arena, hex, TAG_SPEC_LEN);
}

const struct value *tags_add(struct arena *arena, const struct value *spec, const char *owner,
                             const struct manifest *desired, const char *operation)
{
    const struct pos nowhere = { 0 };
    struct value_builder tags = value_build_map(arena, nowhere);
    const char *const pairs[][2] = {
        { TAG_OWNER, owner },
        { TAG_NAME, desired->name },
        { TAG_OPERATION, operation },
        { TAG_SPEC, tags_spec_digest(arena, desired->spec) },
        { TAG_PRUNE, desired->keep.prune == PRUNE_ORPHAN ? prune_name(PRUNE_ORPHAN) : NULL },
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        if (pairs[i][1] == NULL) continue;
        value_put_new(&tags, pairs[i][0], nowhere, value_text(arena, nowhere, pairs[i][1]));
    }
    struct value_builder patch = value_build_map(arena, nowhere);
    value_put_new(&patch, "custom_tags", nowhere, tags.value);
    return value_merge(arena, spec, patch.value);
}

bool tags_match(const struct observed *observed, const char *owner, const char *name)
{
    return text_equal(observed->owner, owner) && text_equal(observed->name, name);
}

bool tags_is_orphan(const struct observed *observed)
{
    const struct value *tags = value_get(observed->effective, "custom_tags");
    const char *prune = value_get_text(tags, TAG_PRUNE);
    if (prune == NULL) prune = value_get_text(tags, "x_" TAG_PRUNE); /* databricks-api.md 2.4 */
    return text_equal(prune, prune_name(PRUNE_ORPHAN));
}

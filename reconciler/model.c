#include "model.h"

#include "text.h"

static const struct {
    const char *name;
    bool live, moving;
} states[CLUSTER_STATE_COUNT] = {
    [CLUSTER_UNKNOWN] = { "UNKNOWN", true, false },
    [CLUSTER_PENDING] = { "PENDING", true, true },
    [CLUSTER_RUNNING] = { "RUNNING", true, false },
    [CLUSTER_RESTARTING] = { "RESTARTING", true, true },
    [CLUSTER_RESIZING] = { "RESIZING", true, true },
    [CLUSTER_TERMINATING] = { "TERMINATING", false, true },
    [CLUSTER_TERMINATED] = { "TERMINATED", false, false },
    [CLUSTER_ERROR] = { "ERROR", false, false },
};

enum cluster_state cluster_state_from_name(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        if (text_equal(states[i].name, name)) return (enum cluster_state)i;
    }
    return CLUSTER_UNKNOWN;
}

const char *cluster_state_name(enum cluster_state state)
{
    return states[state].name;
}

bool cluster_is_live(enum cluster_state state)
{
    return states[state].live;
}

bool cluster_is_moving(enum cluster_state state)
{
    return states[state].moving;
}

/* A tag comes back as x_<key> where its key clashes with another tag (databricks-api.md 2.4). */
static const char *find_tag(const struct value *tags, const char *key, const char *clashing)
{
    const char *text = value_get_text(tags, key);
    return text != NULL ? text : value_get_text(tags, clashing);
}

void observed_read_tags(struct observed *observed)
{
    const struct value *tags = value_get(observed->effective, "custom_tags");
    observed->owner = find_tag(tags, TAG_OWNER, "x_" TAG_OWNER);
    observed->name = find_tag(tags, TAG_NAME, "x_" TAG_NAME);
    observed->operation = find_tag(tags, TAG_OPERATION, "x_" TAG_OPERATION);
    observed->spec_tag = find_tag(tags, TAG_SPEC, "x_" TAG_SPEC);
}

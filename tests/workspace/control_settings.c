#include "control.h"

#include <string.h>

/* Every setting that is a number, by its name in model.h. */
static const struct setting {
    const char *name;
    bool is_delay;
    size_t offset;
} settings[] = {
#define DELAY(field)                                       \
    {                                                      \
#field, true, offsetof(struct model_delays, field) \
    }
#define SWITCH(field)                                         \
    {                                                         \
#field, false, offsetof(struct model_switches, field) \
    }
    DELAY(pending_ms),
    DELAY(restart_ms),
    DELAY(resize_ms),
    DELAY(terminate_ms),
    DELAY(list_lag_ms),
    DELAY(get_lag_ms),
    DELAY(slow_image_ms),
    DELAY(library_ms),
    DELAY(jitter_pct),
    SWITCH(credentials),
    SWITCH(idempotency),
    SWITCH(tag_edit_restarts),
    SWITCH(unknown_refused),
    SWITCH(delete_unknown_ok),
    SWITCH(restart_ended_ok),
    SWITCH(start_live_ok),
    SWITCH(resize_refreshes),
    SWITCH(edit_clears_reason),
    SWITCH(image_codes_exact),
    SWITCH(dcs_enabled),
    SWITCH(dcs_at_launch),
    SWITCH(ebs_checked),
    SWITCH(scripts_checked),
    SWITCH(autoterminate),
    SWITCH(admin),
    SWITCH(pins_max),
    SWITCH(nodes_burst),
    SWITCH(nodes_per_min),
    SWITCH(registry_auth),
    SWITCH(registry_forbids),
    SWITCH(registry_no_digest),
};

const char *control_setting_name(size_t index)
{
    return index < COUNT_OF(settings) ? settings[index].name : NULL;
}

int64_t *control_setting(struct workspace_model *model, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        const struct setting *setting = &settings[i];
        if (strcmp(setting->name, name) != 0) continue;
        char *base =
            setting->is_delay ? (char *)model_delays(model) : (char *)model_switches(model);
        return (int64_t *)(void *)(base + setting->offset);
    }
    return NULL;
}

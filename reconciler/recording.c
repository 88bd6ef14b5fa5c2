#include "recording.h"

#include "json.h"

void record_enter(struct record *record, enum phase phase, int64_t now_ms)
{
    if (record->phase == phase) return;
    record->phase = phase;
    record->phase_since_ms = now_ms;
}

static const char *image_of(struct arena *arena, const char *spec)
{
    const struct value *value = NULL;
    struct err err;
    if (!json_read(arena, spec, strlen(spec), &value, &err)) return NULL;
    return value_get_text(value_get(value, "docker_image"), "url");
}

void record_take_spec(struct arena *arena, struct record *record, const char *spec,
                      const char *digest)
{
    record->applied_spec = spec;
    record->applied_digest = digest;
    record->image = image_of(arena, spec);
}

void record_take_pending(struct arena *arena, struct record *record)
{
    if (record->pending_spec == NULL) return;
    record_take_spec(arena, record, record->pending_spec, record->pending_digest);
    record->pending_spec = NULL;
    record->pending_digest = NULL;
}

void record_take_cluster(struct record *record, const char *cluster_id)
{
    record->cluster_id = cluster_id;
    record->applied_spec = NULL;
    record->applied_digest = NULL;
    record->image = NULL;
    record->libraries = NULL;
    record->permissions = NULL;
    record->pinned = -1;
    record->adopted = 0;
    record->clean_listings = 0;
}

void record_forgive(struct record *record)
{
    record->failures = 0;
    record->retry_at_ms = 0;
    record->error = NULL;
    record->failed_digest = NULL;
}

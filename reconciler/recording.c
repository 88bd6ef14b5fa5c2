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

/* What ran is kept as what to go back to, until what comes after it has been seen running. */
static void keep_good(struct record *record)
{
    if (!record->ran || record->applied_spec == NULL) return;
    record->good_spec = record->applied_spec;
    record->good_digest = record->applied_digest;
    record->good_image = record->image_digest;
    record->good_libraries = record->libraries;
    record->good_permissions = record->permissions;
}

void record_take_run(struct record *record)
{
    record->ran = 1;
    record->good_spec = NULL;
    record->good_digest = NULL;
    record->good_image = NULL;
    record->good_libraries = NULL;
    record->good_permissions = NULL;
}

void record_take_pending(struct arena *arena, struct record *record)
{
    if (record->pending_spec == NULL) return;
    keep_good(record);
    record->ran = 0;
    record_take_spec(arena, record, record->pending_spec, record->pending_digest);
    record->image_digest = record->pending_image;
    record->pending_image = NULL;
    record->pending_spec = NULL;
    record->pending_digest = NULL;
}

void record_take_cluster(struct record *record, const char *cluster_id)
{
    keep_good(record);
    record->ran = 0;
    record->cluster_id = cluster_id;
    record->applied_spec = NULL;
    record->applied_digest = NULL;
    record->image_digest = NULL;
    record->image = NULL;
    record->libraries = NULL;
    record->permissions = NULL;
    record->pinned = -1;
    record->adopted = 0;
    record->clean_listings = 0;
}

void record_swap_back(struct arena *arena, struct record *record)
{
    const char *spec = record->good_spec;
    const char *digest = record->good_digest;
    const char *image_digest = record->good_image;
    const char *libraries = record->good_libraries;
    const char *permissions = record->good_permissions;
    record->failed_id = record->cluster_id;
    record_take_cluster(record, record->predecessor_id);
    record->predecessor_id = NULL;
    if (spec != NULL) record_take_spec(arena, record, spec, digest);
    record->image_digest = image_digest;
    record->libraries = libraries;
    record->permissions = permissions;
    record_take_run(record);
}

void record_forgive(struct record *record)
{
    record->failures = 0;
    record->retry_at_ms = 0;
    record->error = NULL;
    record_allow_again(record);
}

void record_allow_again(struct record *record)
{
    if (record->rollback == ROLLBACK_NONE) record->failed_digest = NULL;
}

/*
 * What the registry says of the image: asked before a container is taken down or made for it, and
 * followed where the manifest wants that. A verdict is evidence and no proof, and an error is never
 * a change.
 */
#include "deciding.h"

#include "text.h"

static const struct pos nowhere = { 0 };

static const char *image_url(const struct value *spec)
{
    return value_get_text(value_get(spec, "docker_image"), "url");
}

const char *image_now(const struct deciding *d)
{
    bool is_found = d->in->image != NULL && d->in->image->verdict == IMAGE_FOUND;
    return is_found ? d->in->image->digest : NULL;
}

/* ---- keep.pin_digest ---- */

/* The spec with another reference to its image. */
static const struct value *with_url(struct arena *arena, const struct value *spec, const char *url)
{
    const struct value *image = value_get(spec, "docker_image");
    struct value_builder named = value_build_map(arena, nowhere);
    value_put_new(&named, "url", nowhere, value_text(arena, nowhere, url));
    struct value_builder patch = value_build_map(arena, nowhere);
    value_put_new(&patch, "docker_image", image->pos, named.value);
    return value_merge(arena, spec, patch.value);
}

/* "acme/etl:1.4" to "acme/etl:1.4@sha256:..."; the tag stays for people. */
const struct value *image_pin(struct arena *arena, const struct value *spec, const char *digest)
{
    const char *url = image_url(spec);
    if (url == NULL || strchr(url, '@') != NULL) return spec;
    return with_url(arena, spec, arena_printf(arena, "%s@%s", url, digest));
}

void image_begin(struct deciding *d)
{
    const char *url = image_url(d->desired->spec);
    if (!d->desired->keep.pin_digest || url == NULL || strchr(url, '@') != NULL) return;
    const char *digest = image_now(d);
    /* The registry does not tell now: what was asked for last holds. */
    const char *applied = d->out->record.image;
    bool same_tag = applied != NULL && text_starts(applied, url) && applied[strlen(url)] == '@';
    if (digest == NULL && !same_tag) return;
    d->pinned = *d->desired;
    d->pinned.spec = digest != NULL ? image_pin(d->arena, d->desired->spec, digest)
                                    : with_url(d->arena, d->desired->spec, applied);
    d->desired = &d->pinned;
}

/* ---- before touching ---- */

static bool hold_for(struct deciding *d, enum action action, enum hold hold)
{
    const struct image_facts *image = d->in->image;
    int64_t wake_ms = image->ask_again_ms;
    if (wake_ms <= d->in->now_ms) wake_ms = d->in->now_ms + d->in->policy->poll_ms;
    d->out->action = action;
    return deciding_hold(d, hold, wake_ms, image->text);
}

bool image_check(struct deciding *d, enum action action, const char *why)
{
    enum preflight preflight = d->desired->keep.preflight;
    const struct image_facts *image = d->in->image;
    bool has_image = image_url(d->desired->spec) != NULL;
    /* What ran before did run; and what was stopped for this was asked about before that. */
    const struct record *record = &d->out->record;
    bool was_asked =
        record->phase == PHASE_REPLACING && text_equal(record->pending_digest, d->desired_digest);
    if (preflight == PREFLIGHT_OFF || !has_image || d->is_back || was_asked) return false;
    if (image == NULL) {
        d->out->caution = "the image was not looked at";
        return false;
    }
    enum image_class klass = image_class_of(image->verdict);
    if (klass == IMAGE_CLASS_ASK) {
        d->out->action = action;
        d->out->step = STEP_CHECK;
        d->out->why = why;
        return true;
    }
    if (klass == IMAGE_CLASS_GOOD) return false;
    bool holds = preflight == PREFLIGHT_REQUIRE;
    if (klass == IMAGE_CLASS_BAD && holds) {
        MARK(blocked_by_image);
        return hold_for(d, action, HOLD_BLOCKED);
    }
    if (klass == IMAGE_CLASS_LATER && holds) {
        MARK(delayed_by_registry);
        return hold_for(d, action, HOLD_BACKOFF);
    }
    d->out->caution = image->text;
    return false;
}

/* ---- keep.follow_tag ---- */

static bool has_moved(const struct deciding *d)
{
    const char *before = d->out->record.image_digest;
    bool follows = d->desired->keep.follow_tag && !d->is_back;
    return follows && before != NULL && image_now(d) != NULL && !text_equal(before, image_now(d));
}

/* "acme/etl:1.4 (sha256:...)", for people. */
static const struct value *tag_value(struct arena *arena, const char *url, const char *digest)
{
    return value_text(arena, nowhere, arena_printf(arena, "%s (%s)", url, digest));
}

void image_compare(struct deciding *d, struct diff *diff)
{
    const char *url = image_url(d->desired->spec);
    /* A terminated cluster takes what the tag points to when it starts, unless it was stopped for
     * this. */
    bool runs = d->current != NULL &&
                (d->current->state == CLUSTER_RUNNING || d->out->record.phase == PHASE_REPLACING);
    if (url == NULL || !runs || diff->change == CHANGE_REPLACE || !has_moved(d)) return;
    MARK(tag_moved);
    struct difference *all = arena_alloc(d->arena, (diff->len + 1) * sizeof(*all));
    if (diff->len > 0) memcpy(all, diff->differences, diff->len * sizeof(*all));
    all[diff->len++] = (struct difference){
        .path = "docker_image.url",
        .field = field_find("docker_image.url"),
        .before = tag_value(d->arena, url, d->out->record.image_digest),
        .after = tag_value(d->arena, url, d->in->image->digest),
        .cause = CAUSE_IMAGE,
        .change = CHANGE_REPLACE,
    };
    diff->differences = all;
    diff->change = CHANGE_REPLACE;
    diff->has_manifest = true;
}

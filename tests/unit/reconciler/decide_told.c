#include "decide_told.h"
#include "decide_words.h"
#include "record_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "text.h"

enum { TOLD_MAX = 16384 };

/* The next word of `*at`, up to one of `ends`; NULL when there is none. */
static const char *next(struct arena *arena, const char **at, const char *ends)
{
    *at += strspn(*at, ends);
    size_t len = strcspn(*at, ends);
    const char *word = arena_strndup(arena, *at, len);
    *at += len;
    return len == 0 ? NULL : word;
}

/* "name=value" in two; `ret_value` NULL without one. */
static const char *split(struct arena *arena, const char *word, const char **ret_value)
{
    const char *equals = strchr(word, '=');
    *ret_value = equals == NULL ? NULL : equals + 1;
    return equals == NULL ? word : arena_strndup(arena, word, (size_t)(equals - word));
}

/* ---- given ---- */

/* Two of the manifest's own, and the second is not in the workspace yet. */
static void give_scripts(struct decide_case *c)
{
    static const struct script scripts[] = { { .destination = "/Shared/one" },
                                             { .destination = "/Shared/two" } };
    c->manifest.scripts = scripts;
    c->manifest.scripts_len = COUNT_OF(scripts);
    c->scripts_known[0] = true;
}

static bool give_flag(struct decide_case *c, const char *word)
{
    const struct {
        const char *word;
        bool *to, value;
    } flags[] = {
        { "no-record", &c->is_recorded, false },
        { "listing", &c->listing_new, true },
        { "no-prune", &c->policy.prune_allowed, false },
        { "prune-unclaimed", &c->policy.prune_unclaimed, true },
        { "terse", &c->terse, true },
    };
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        if (!text_equal(flags[i].word, word)) continue;
        *flags[i].to = flags[i].value;
        return true;
    }
    if (!text_equal(word, "scripts")) return false;
    give_scripts(c);
    return true;
}

/* What the registry said last; as in image.h, with "-" for a blank. */
static bool give_verdict(struct decide_case *c, const char *name)
{
    for (size_t i = 0; i < IMAGE_VERDICT_COUNT; i++) {
        enum image_verdict verdict = (enum image_verdict)i;
        bool is_it = strlen(name) == strlen(image_verdict_name(verdict));
        for (size_t j = 0; is_it && name[j] != '\0'; j++) {
            char letter = image_verdict_name(verdict)[j];
            is_it = name[j] == (letter == ' ' ? '-' : letter);
        }
        if (!is_it) continue;
        c->registry.verdict = IMAGE_FOUND; /* it can be asked */
        c->image.verdict = verdict;
        c->image.text = "so it is";
        return true;
    }
    return false;
}

static bool give_value(struct decide_case *c, const char *name, const char *value)
{
    if (text_equal(name, "jitter")) {
        c->jitter = strtoull(value, NULL, 10);
        return true;
    }
    if (text_equal(name, "registry")) return give_verdict(c, value);
    if (text_equal(name, "digest")) {
        c->image.digest = value;
        return true;
    }
    if (text_equal(name, "ask_again_ms")) {
        c->image.ask_again_ms = strtoll(value, NULL, 10);
        return true;
    }
    if (text_equal(name, "rewrites")) {
        c->rewrites = value;
        return true;
    }
    return record_set(&c->record, name, value);
}

/* What would be long has a short name: the manifest's spec and digest, and those of the first. */
struct names {
    struct {
        const char *name, *text;
    } rows[4];
};

static struct names name_manifest(struct decide_case *c, const char *old_spec,
                                  const char *old_digest)
{
    return (struct names){ { { "@", case_digest(c) },
                             { "@spec", case_json(c, c->manifest.spec) },
                             { "@old", old_digest },
                             { "@old-spec", old_spec } } };
}

static const char *text_of(const struct names *names, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(names->rows); i++) {
        if (text_equal(names->rows[i].name, name)) return names->rows[i].text;
    }
    return name;
}

static void shorten(const struct names *names, const char **text)
{
    for (size_t i = 0; i < COUNT_OF(names->rows); i++) {
        if (!text_equal(names->rows[i].text, *text)) continue;
        *text = names->rows[i].name;
        return;
    }
}

static struct record shortened(const struct names *names, const struct record *record)
{
    struct record copy = *record;
    shorten(names, &copy.applied_spec);
    shorten(names, &copy.applied_digest);
    shorten(names, &copy.pending_spec);
    shorten(names, &copy.pending_digest);
    shorten(names, &copy.failed_digest);
    shorten(names, &copy.good_spec);
    shorten(names, &copy.good_digest);
    return copy;
}

static void give(struct decide_case *c, const struct names *names, const char *given)
{
    for (const char *word; (word = next(&c->arena, &given, " ")) != NULL;) {
        const char *value = NULL;
        const char *name = split(&c->arena, word, &value);
        bool known =
            value == NULL ? give_flag(c, name) : give_value(c, name, text_of(names, value));
        if (!known) fail_msg("not a word about a record: %s", word);
    }
}

/* ---- seen ---- */

struct sight {
    const char *id, *image, *workers, *owner, *operation, *reason, *started, *source, *with;
    enum cluster_state state;
    bool is_fresh, is_gone, is_pinned, is_orphan, was_asked;
};

static void see_word(struct arena *arena, const char *word, struct sight *sight)
{
    const struct {
        const char *name;
        const char **to;
    } texts[] = {
        { "image", &sight->image },   { "workers", &sight->workers },
        { "owner", &sight->owner },   { "operation", &sight->operation },
        { "reason", &sight->reason }, { "started", &sight->started },
        { "source", &sight->source }, { "with", &sight->with },
    };
    const struct {
        const char *name;
        bool *to;
    } flags[] = {
        { "fresh", &sight->is_fresh },   { "gone", &sight->is_gone },
        { "pinned", &sight->is_pinned }, { "orphan", &sight->is_orphan },
        { "asked", &sight->was_asked },
    };
    const char *value = NULL;
    const char *name = split(arena, word, &value);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (!text_equal(texts[i].name, name)) continue;
        *texts[i].to = value;
        return;
    }
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        if (!text_equal(flags[i].name, name)) continue;
        *flags[i].to = true;
        return;
    }
    sight->state = cluster_state_from_name(name);
    if (!text_equal(cluster_state_name(sight->state), name)) fail_msg("not seen: %s", word);
}

static void overlay(struct decide_case *c, struct actor *actor, const char *json)
{
    actor->spec = value_merge(&c->arena, actor->spec, case_value(c, json));
}

static void add_tag(struct decide_case *c, struct actor *actor, const char *key, const char *value)
{
    const char *quote = text_equal(value, "-") ? "" : "\"";
    if (text_equal(value, "-")) value = "null";
    overlay(c, actor,
            arena_printf(&c->arena, "{\"custom_tags\":{\"%s\":%s%s%s}}", key, quote, value, quote));
}

static void add_sight(struct decide_case *c, const struct sight *sight)
{
    const char *spec = arena_printf(&c->arena, HAS("%s", "%s"), sight->workers, sight->image);
    const char *owner = text_equal(sight->owner, "-") ? NULL : sight->owner;
    struct actor *actor = case_cluster(c, sight->id, sight->state, owner, spec);
    if (sight->operation != NULL) add_tag(c, actor, TAG_OPERATION, sight->operation);
    if (sight->is_orphan) add_tag(c, actor, TAG_PRUNE, "orphan");
    if (sight->with != NULL) overlay(c, actor, sight->with);
    actor->reason = sight->reason;
    actor->source = sight->source;
    actor->started_ms = strtoll(sight->started, NULL, 10);
    actor->pinned = sight->is_pinned;
}

/* Up to the next ", ": there may be a comma in JSON. */
static const char *next_cluster(struct arena *arena, const char **at)
{
    if (**at == '\0') return NULL;
    const char *end = strstr(*at, ", ");
    size_t len = end == NULL ? strlen(*at) : (size_t)(end - *at);
    const char *one = arena_strndup(arena, *at, len);
    *at += end == NULL ? len : len + 2;
    return one;
}

static void see(struct decide_case *c, const char *seen)
{
    const char *asked_id = NULL, *fresh_id = NULL, *gone_id = NULL;
    size_t also = 0;
    for (const char *one; (one = next_cluster(&c->arena, &seen)) != NULL;) {
        struct sight sight = {
            .image = V1, .workers = "2", .owner = "main", .started = "7", .source = "API"
        };
        sight.id = next(&c->arena, &one, " ");
        for (const char *word; (word = next(&c->arena, &one, " ")) != NULL;) {
            see_word(&c->arena, word, &sight);
        }
        if (sight.is_gone && gone_id != NULL) c->also_gone[also++] = gone_id;
        if (sight.is_gone) gone_id = sight.id;
        if (sight.is_fresh || sight.was_asked) asked_id = sight.id;
        if (sight.is_fresh) fresh_id = sight.id;
        if (!sight.is_gone) add_sight(c, &sight);
    }
    bool listing_new = c->listing_new;
    case_list(c);
    c->listing_new = listing_new;
    if (asked_id != NULL) case_ask(c, asked_id);
    c->fresh_id = fresh_id;
    c->gone_id = gone_id;
}

/* ---- decided ---- */

static void tell_step(struct decide_case *c, const struct decision *d, struct buf *out)
{
    if (d->step == STEP_NONE) return;
    buf_addf(out, "%s %s, ", step_name(d->step), d->target_id == NULL ? "-" : d->target_id);
    if (d->step == STEP_UPLOAD) buf_addf(out, "script %zu, ", d->script);
    if (d->step == STEP_RESIZE) buf_addf(out, "to %s, ", case_json(c, d->spec));
    if (d->payload != NULL) buf_addf(out, "with %s, ", case_json(c, d->payload));
    if (d->carried != NULL) buf_addf(out, "carried %s, ", d->carried);
}

static const char *tell(struct decide_case *c, const struct names *names,
                        const struct record *record)
{
    struct record before = shortened(names, record);
    struct record after = shortened(names, &c->decision.record);
    AUTO_BUF struct buf out = BUF_INIT(TOLD_MAX);
    const struct decision *d = &c->decision;
    if (d->action != ACTION_NONE) buf_addf(&out, "%s, ", action_name(d->action));
    if (d->cost != COST_NONE) buf_addf(&out, "%s, ", cost_text(d->cost));
    tell_step(c, d, &out);
    if (d->hold != HOLD_NONE) buf_addf(&out, "held %s, ", hold_name(d->hold));
    if (d->wake_at_ms != 0) {
        buf_addf(&out, "again in %lld, ", (long long)(d->wake_at_ms - c->now_ms));
    }
    if (d->current != NULL) buf_addf(&out, "keeps %s, ", d->current->id);
    buf_addf(&out, "since %s", d->why);
    if (d->caution != NULL) buf_addf(&out, "; caution: %s", d->caution);
    if (d->note != NULL) buf_addf(&out, "; noted: %s", d->note);
    if (d->note_detail != NULL) buf_addf(&out, " (%s)", d->note_detail);
    if (d->record_dropped) buf_adds(&out, "; record dropped");
    const char *changes = record_changes(&c->arena, &before, &after);
    if (changes[0] != '\0') buf_addf(&out, "; record %s", changes);
    if (d->record_changed != (changes[0] != '\0')) {
        buf_adds(&out, d->record_changed ? "; changed" : "; not kept");
    }
    return arena_strdup(&c->arena, buf_text(&out));
}

static void check(const struct told *row, size_t number)
{
    struct decide_case c;
    case_open(&c);
    c.now_ms = TOLD_NOW_MS;
    case_desire(&c, WANTS(V1, "2", ""));
    case_record(&c, "a", PHASE_READY);
    c.record.ran = 1;
    if (row->wants != NULL) case_desire(&c, row->wants);
    struct names names = name_manifest(&c, c.record.applied_spec, c.record.applied_digest);
    give(&c, &names, row->given);
    see(&c, row->seen);
    if (row->wants == NULL) case_desire(&c, NULL);
    struct record nothing = { .name = "etl", .pinned = -1 };
    struct record before = c.is_recorded ? c.record : nothing;
    (void)case_decide(&c);
    /* What is as desired does not differ. */
    bool is_settled = c.decision.action == ACTION_NONE && c.decision.hold == HOLD_NONE;
    assert_true(!is_settled || c.decision.diff.len == 0);
    const char *decided = tell(&c, &names, &before);
    if (!text_equal(decided, row->decided)) {
        fail_msg("row %zu: %s, and not %s", number, decided, row->decided);
    }
    case_close(&c);
}

void told_check(const struct told *rows, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        check(&rows[i], i);
    }
}

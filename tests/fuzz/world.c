#include "world.h"

#include "json.h"
#include "recording.h"
#include "tags.h"
#include "text.h"

#include <limits.h>

#define NOW_MS INT64_C(1795608000000) /* 2026-11-25T12:00:00Z */
#define MINUTE INT64_C(60000)

enum { JSON_MAX = 1 << 20, FIELDS_OF_A_SPEC = 6, ENTRIES_MAX = 3 };

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa5ec2e7a1aaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb5ec2e7b2bbbbbbbbbbbbbbbbbbbbbbbbb"
#define ECHOED "echoed-by-the-workspace"

/* A plan shows neither a secret nor its hash. */
const char *const world_secrets[] = { HASH_A, HASH_B, ECHOED };
const size_t world_secrets_len = COUNT_OF(world_secrets);

static const struct pos nowhere;

/* ---- values of the table ---- */

static const struct value *make_value(struct world *world, const struct field *field);

static const char *make_text(struct world *world)
{
    /* What people write, and what breaks a terminal, a line or a tag. */
    static const char *const texts[] = {
        "a",
        "b",
        "acme/etl:1",
        "acme/etl:2",
        "/Shared/init.sh",
        "/Workspace/Shared/init.sh",
        "true",
        "True",
        "auto",
        "1",
        "\x1b[31mred",
        "two\nlines",
        "\u202Eltr",
        "\"quote\"",
        "",
        "{{secrets/scope/key}}",
    };
    return texts[choose(&world->choices, COUNT_OF(texts))];
}

static const char *make_key(struct world *world)
{
    static const char *const keys[] = { "spark.a",       "spark.b", "team",    TAG_OWNER,
                                        ("x_" TAG_NAME), "k]",      "\x1b[0m", "a.b" };
    return keys[choose(&world->choices, COUNT_OF(keys))];
}

/* As the catalogue has sealed it, or as the workspace echoes it. */
static const struct value *make_secret(struct world *world)
{
    static const struct {
        enum secret_source source;
        const char *text, *hash;
    } secrets[] = {
        { SECRET_ENV, "REGISTRY_PASSWORD", HASH_A },
        { SECRET_FILE, "/run/password", HASH_B },
        { SECRET_HASHED, "", HASH_A },
        { SECRET_LITERAL, ECHOED, NULL },
        { SECRET_LITERAL, ECHOED, HASH_B },
    };
    size_t i = choose(&world->choices, COUNT_OF(secrets));
    struct value *secret = value_secret(world->arena, nowhere, secrets[i].source, secrets[i].text);
    secret->hash = secrets[i].hash;
    return secret;
}

/* One of "A|B=ALIAS|C". */
static const struct value *make_choice(struct world *world, const struct field *field)
{
    unsigned skipped = choose(&world->choices, 4);
    const char *at = field->choices;
    while (skipped-- > 0 && strchr(at, '|') != NULL) {
        at = strchr(at, '|') + 1;
    }
    const char *word = arena_strndup(world->arena, at, strcspn(at, "|="));
    return value_text(world->arena, nowhere, word);
}

static const struct value *make_items(struct world *world, const struct field *field)
{
    struct value_builder list = value_build_list(world->arena, nowhere);
    for (unsigned len = choose(&world->choices, ENTRIES_MAX); len > 0; len--) {
        bool is_text = field->type == FIELD_TEXTS;
        value_push(&list, is_text ? value_text(world->arena, nowhere, make_text(world))
                                  : make_value(world, field->children));
    }
    return list.value;
}

static const struct value *make_entries(struct world *world)
{
    struct value_builder map = value_build_map(world->arena, nowhere);
    for (unsigned len = choose(&world->choices, ENTRIES_MAX + 1); len > 0; len--) {
        const char *key = make_key(world);
        value_put(&map, key, nowhere, value_text(world->arena, nowhere, make_text(world)));
    }
    return map.value;
}

static const struct value *make_object(struct world *world, const struct field *field)
{
    struct value_builder map = value_build_map(world->arena, nowhere);
    unsigned only = field->type == FIELD_ONE_OF
                        ? choose(&world->choices, (unsigned)field->children_len)
                        : UINT_MAX;
    for (unsigned i = 0; i < field->children_len; i++) {
        const struct field *child = &field->children[i];
        bool is_taken = only == UINT_MAX ? (child->flags & FIELD_REQUIRED) != 0 ||
                                               choose_rarely(&world->choices, 3)
                                         : i == only;
        if (is_taken) value_put_new(&map, child->name, nowhere, make_value(world, child));
    }
    return map.value;
}

static const struct value *make_value(struct world *world, const struct field *field)
{
    static const int64_t integers[] = { 0, 1, 2, 8, INT32_MAX };
    static const double reals[] = { 0, -1, 0.5, 1e300 };
    struct arena *arena = world->arena;
    struct choices *choices = &world->choices;
    if ((field->flags & FIELD_SECRET) != 0) return make_secret(world);
    switch (field->type) {
    case FIELD_TEXT:
        break;
    case FIELD_BOOL:
        return value_bool(arena, nowhere, choose(choices, 2) == 1);
    case FIELD_INT:
        return value_int(arena, nowhere, integers[choose(choices, COUNT_OF(integers))]);
    case FIELD_REAL:
        return value_real(arena, nowhere, reals[choose(choices, COUNT_OF(reals))]);
    case FIELD_ENUM:
        return make_choice(world, field);
    case FIELD_TEXTS:
    case FIELD_LIST:
        return make_items(world, field);
    case FIELD_MAP:
    case FIELD_CONF:
        return make_entries(world);
    case FIELD_OBJECT:
    case FIELD_ONE_OF:
        return make_object(world, field);
    }
    return value_text(arena, nowhere, make_text(world));
}

/* A few fields of the table; a later one of the same name counts. */
static const struct value *make_spec(struct world *world)
{
    struct value_builder spec = value_build_map(world->arena, nowhere);
    size_t len = 0;
    const struct field *top = field_top(&len);
    for (unsigned left = choose(&world->choices, FIELDS_OF_A_SPEC + 1); left > 0; left--) {
        const struct field *field = &top[choose(&world->choices, (unsigned)len)];
        value_put(&spec, field->name, nowhere, make_value(world, field));
    }
    return spec.value;
}

/* The first is the plain one; each other is laid over one before it. */
static void make_specs(struct world *world)
{
    struct value_builder image = value_build_map(world->arena, nowhere);
    struct value_builder plain = value_build_map(world->arena, nowhere);
    value_put_new(&image, "url", nowhere, value_text(world->arena, nowhere, "acme/etl:1"));
    value_put_new(&plain, "num_workers", nowhere, value_int(world->arena, nowhere, 2));
    value_put_new(&plain, "docker_image", nowhere, image.value);
    world->specs[0] = plain.value;
    for (unsigned i = 1; i < WORLD_SPECS; i++) {
        const struct value *base = world->specs[choose(&world->choices, i)];
        world->specs[i] = value_merge(world->arena, base, make_spec(world));
    }
}

static const struct value *pick_spec(struct world *world)
{
    return world->specs[choose(&world->choices, WORLD_SPECS)];
}

/* ---- words ---- */

static const char *const names[WORLD_NAMES_MAX] = { "etl", "reports", "adhoc" };
static const char *const ids[WORLD_CLUSTERS_MAX] = { "1125-a", "1125-b", "1125-c",
                                                     "1125-d", "1125-e", "1125-f" };

/* NULL is the first choice: behind the end of the bytes there is nothing. */
static const char *pick_id(struct world *world)
{
    unsigned i = choose(&world->choices, WORLD_CLUSTERS_MAX + 1);
    return i == 0 ? NULL : ids[i - 1];
}

static const char *pick_operation(struct world *world)
{
    static const char *const operations[] = { NULL, "before", "another" };
    return operations[choose(&world->choices, COUNT_OF(operations))];
}

static const char *json_text(struct world *world, const struct value *value)
{
    AUTO_BUF struct buf out = BUF_INIT(JSON_MAX);
    json_write(value, &out);
    return arena_strdup(world->arena, buf_text(&out));
}

static const char *digest_text(struct world *world, const struct digest *digest)
{
    char hex[DIGEST_HEX_SIZE];
    digest_hex(digest, hex);
    return arena_strdup(world->arena, hex);
}

/* A list of the document: libraries or permissions; mostly none. */
static const struct value *make_list(struct world *world, const char *name)
{
    if (!choose_rarely(&world->choices, 4)) return NULL;
    return make_value(world, field_child(field_document(), name));
}

/* ---- manifests ---- */

static void make_keep(struct world *world, struct keep *keep)
{
    struct choices *choices = &world->choices;
    keep->strategy = (enum strategy)choose(choices, 2);
    keep->running = (enum running)choose(choices, 2);
    keep->drift = (enum drift)choose(choices, 2);
    keep->prune = (enum prune)choose(choices, 3);
    keep->pinned = (enum pinned)choose(choices, 3);
    keep->suspend = choose_rarely(choices, 16);
    keep->adopt = choose_rarely(choices, 4) ? pick_id(world) : NULL;
}

static struct digest manifest_digest(struct world *world, const struct manifest *manifest)
{
    const struct value *parts[] = { manifest->spec, manifest->libraries, manifest->permissions };
    struct value_builder list = value_build_list(world->arena, nowhere);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        value_push(&list, parts[i] == NULL ? value_null(world->arena, nowhere) : parts[i]);
    }
    return json_digest(list.value);
}

static void make_manifest(struct world *world, struct kept *kept)
{
    static const struct script scripts[WORLD_SCRIPTS_MAX] = {
        { .source = "init/a.sh", .destination = "/Shared/clusterkeeper/0-a.sh" },
        { .source = "init/b.sh", .destination = "/Shared/clusterkeeper/1-b.sh" },
    };
    kept->is_desired = !choose_rarely(&world->choices, 4);
    if (!kept->is_desired) return;
    struct manifest *manifest = &kept->manifest;
    *manifest = (struct manifest){
        .name = kept->name,
        .pos = { "etl.yaml", 3, 9 },
        .spec = pick_spec(world),
        .libraries = make_list(world, "libraries"),
        .permissions = make_list(world, "permissions"),
        .scripts = scripts,
        .scripts_len = choose_rarely(&world->choices, 4) ? WORLD_SCRIPTS_MAX : 0,
    };
    make_keep(world, &manifest->keep);
    manifest->digest = manifest_digest(world, manifest);
    for (size_t i = 0; i < WORLD_SCRIPTS_MAX; i++) {
        kept->scripts_known[i] = choose(&world->choices, 2) == 0;
    }
}

/* ---- records ---- */

/* Of a manifest: the one at hand, or another. */
static const char *pick_digest(struct world *world, const struct kept *kept)
{
    if (choose(&world->choices, 2) == 1) return digest_text(world, &(struct digest){ { 1 } });
    return kept->is_desired ? digest_text(world, &kept->manifest.digest) : NULL;
}

static int64_t pick_time(struct world *world)
{
    static const int64_t ages[] = { 0, 5000, MINUTE, 10 * MINUTE, MINUTE * 60 * 24 };
    return world->now_ms - ages[choose(&world->choices, COUNT_OF(ages))];
}

static void make_pending(struct world *world, const struct kept *kept, struct record *record)
{
    record->operation = pick_operation(world);
    record->clean_listings = (int)choose(&world->choices, 4);
    if (record->operation == NULL) return; /* they belong together */
    record->pending_spec = json_text(world, pick_spec(world));
    record->pending_digest = pick_digest(world, kept);
}

static void make_failure(struct world *world, const struct kept *kept, struct record *record)
{
    if (!choose_rarely(&world->choices, 3)) return;
    record->failures = 1 + (int)choose(&world->choices, 100);
    record->retry_at_ms = choose(&world->choices, 2) == 0 ? 0 : world->now_ms + MINUTE;
    record->failed_digest = pick_digest(world, kept);
    record->error = make_text(world);
    if (record->error[0] == '\0') record->error = NULL;
}

static void read_applied(struct world *world, struct kept *kept)
{
    const char *json = kept->record.applied_spec;
    struct err err;
    if (json == NULL) return;
    if (json_read(world->arena, json, strlen(json), &kept->applied, &err)) return;
    fuzz_fail("an applied spec that is no JSON: %s: %s", err.text, json);
}

static void make_record(struct world *world, struct kept *kept)
{
    kept->is_recorded = choose_rarely(&world->choices, 2);
    if (!kept->is_recorded) return;
    struct record *record = &kept->record;
    *record = (struct record){ .name = kept->name, .source = "etl.yaml" };
    record->phase = (enum phase)choose(&world->choices, PHASE_COUNT);
    record->phase_since_ms = pick_time(world);
    record->pinned = (int)choose(&world->choices, 3) - 1;
    record->prune = (int)choose(&world->choices, 3);
    record->adopted = (int)choose(&world->choices, 2);
    bool is_nowhere = record->phase == PHASE_NONE || record->phase == PHASE_CREATING ||
                      record->phase == PHASE_UNKNOWN;
    if (!is_nowhere) record->cluster_id = pick_id(world);
    record->predecessor_id = choose_rarely(&world->choices, 3) ? pick_id(world) : NULL;
    if (text_equal(record->predecessor_id, record->cluster_id)) record->predecessor_id = NULL;
    if (choose(&world->choices, 4) != 3) {
        record_take_spec(world->arena, record, json_text(world, pick_spec(world)),
                         pick_digest(world, kept));
    }
    const struct value *libraries = make_list(world, "libraries");
    const struct value *permissions = make_list(world, "permissions");
    if (libraries != NULL) record->libraries = json_text(world, libraries);
    if (permissions != NULL) record->permissions = json_text(world, permissions);
    make_pending(world, kept, record);
    make_failure(world, kept, record);
    read_applied(world, kept);
}

/* ---- the workspace ---- */

static const struct value *make_tagged(struct world *world, const struct value *spec)
{
    static const char *const owners[] = { "main", "main", "other", NULL };
    const char *owner = owners[choose(&world->choices, COUNT_OF(owners))];
    struct manifest named = { .name = names[choose(&world->choices, WORLD_NAMES_MAX)],
                              .spec = spec };
    if (choose_rarely(&world->choices, 8)) named.keep.prune = PRUNE_ORPHAN;
    const char *operation = pick_operation(world);
    return owner == NULL ? spec : tags_add(world->arena, spec, owner, &named, operation);
}

static void make_cluster(struct world *world, size_t i)
{
    static const char *const sources[] = { "API", "UI", "JOB", "" };
    static const char *const reasons[] = { NULL, "USER_REQUEST", "DOCKER_IMAGE_PULL_FAILURE",
                                           "INIT_SCRIPT_FAILURE", "SHINY_NEW_CODE" };
    struct choices *choices = &world->choices;
    const struct value *spec = pick_spec(world);
    struct observed *cluster = &world->clusters[i];
    *cluster = (struct observed){
        .id = ids[i],
        .cluster_name = make_text(world),
        .source = sources[choose(choices, COUNT_OF(sources))],
        .state = (enum cluster_state)choose(choices, CLUSTER_STATE_COUNT),
        .state_message = make_text(world),
        .reason_code = reasons[choose(choices, COUNT_OF(reasons))],
        .started_ms = pick_time(world),
        .pinned = choose_rarely(choices, 4),
    };
    cluster->submitted = make_tagged(world, spec);
    /* The backend adds and changes as it likes. */
    bool is_decorated = choose_rarely(choices, 3);
    cluster->effective = !is_decorated
                             ? cluster->submitted
                             : value_merge(world->arena, pick_spec(world), cluster->submitted);
    observed_read_tags(cluster);
    world->is_gone[i] = choose_rarely(choices, 8);
    world->is_hidden[i] = choose_rarely(choices, 8);
}

static void make_policy(struct world *world)
{
    struct choices *choices = &world->choices;
    world->policy = (struct policy){
        .owner = "main",
        .launch_timeout_ms = 30 * MINUTE,
        .create_grace_ms = 2 * MINUTE,
        .poll_ms = 10000,
        .prune_allowed = !choose_rarely(choices, 4),
        .prune_unclaimed = choose_rarely(choices, 4),
        .clean_listing = !choose_rarely(choices, 4),
    };
}

void world_make(struct world *world, struct arena *arena, struct choices choices)
{
    *world = (struct world){ .arena = arena, .choices = choices, .now_ms = NOW_MS };
    world->kept_len = 1 + choose(&world->choices, WORLD_NAMES_MAX);
    world->clusters_len = choose(&world->choices, WORLD_CLUSTERS_MAX + 1);
    make_policy(world);
    make_specs(world);
    for (size_t i = 0; i < world->clusters_len; i++) {
        make_cluster(world, i);
    }
    for (size_t i = 0; i < world->kept_len && i < WORLD_NAMES_MAX; i++) {
        struct kept *kept = &world->kept[i];
        kept->name = names[i];
        kept->listing_new = choose(&world->choices, 2) == 1;
        make_manifest(world, kept);
        make_record(world, kept);
    }
}

/* ---- seeing ---- */

static bool concerns(const struct world *world, const struct kept *kept,
                     const struct observed *cluster)
{
    const struct record *record = &kept->record;
    const char *adopt = kept->is_desired ? kept->manifest.keep.adopt : NULL;
    bool is_recorded = kept->is_recorded && (text_equal(cluster->id, record->cluster_id) ||
                                             text_equal(cluster->id, record->predecessor_id));
    return is_recorded || text_equal(cluster->id, adopt) ||
           tags_match(cluster, world->policy.owner, kept->name);
}

void world_see(const struct world *world, const struct kept *kept, struct seen *ret_seen)
{
    struct observed *clusters = arena_alloc(world->arena, WORLD_CLUSTERS_MAX * sizeof(*clusters));
    *ret_seen = (struct seen){ .clusters = clusters };
    for (size_t i = 0; i < world->clusters_len; i++) {
        const struct observed *cluster = &world->clusters[i];
        if (world->is_hidden[i] || !concerns(world, kept, cluster)) continue;
        struct observed *shown = &clusters[ret_seen->len++];
        *shown = *cluster;
        shown->submitted = NULL; /* a listing does not tell it */
    }
}

bool world_answer(const struct world *world, const char *cluster_id, struct seen *seen)
{
    struct observed *shown = (struct observed *)(uintptr_t)seen->clusters;
    const struct observed *found = NULL;
    for (size_t i = 0; i < world->clusters_len; i++) {
        bool is_it = !world->is_gone[i] && text_equal(world->clusters[i].id, cluster_id);
        if (is_it) found = &world->clusters[i];
    }
    if (found == NULL) {
        if (seen->gone_len == COUNT_OF(seen->gone_ids)) return false;
        seen->gone_ids[seen->gone_len++] = cluster_id;
        return true;
    }
    size_t at = 0;
    while (at < seen->len && !text_equal(shown[at].id, cluster_id)) {
        at++;
    }
    if (at == seen->len) seen->len++; /* there is room: each cluster is there once */
    shown[at] = *found;
    shown[at].is_fresh = true;
    return true;
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replan_world.h"

#include "driver.h"
#include "fake_port.h"
#include "plan.h"
#include "recording.h"
#include "tags.h"

#include <stdlib.h>

enum { TEXT_MAX = 1 << 20, TURNS_MAX = 100, ID_MAX = 80 };

static const struct pos nowhere;

int replan_world_set_up(void **state)
{
    struct replan_world *world = xcalloc(1, sizeof(*world));
    void *part = NULL;
    struct err err;
    assert_int_equal(tree_set_up(&part), 0);
    world->tree = part;
    assert_int_equal(scratch_setup(&part), 0);
    world->scratch = part;
    world->store = scratch_open(world->scratch->file, STORE_WRITE);
    must(cache_open(NULL, &world->cache, &err));
    world->looked_at = BUF_INIT(TEXT_MAX);
    *state = world;
    return 0;
}

int replan_world_tear_down(void **state)
{
    struct replan_world *world = *state;
    void *part = world->tree;
    buf_release(&world->looked_at);
    cache_close(world->cache);
    store_close(world->store);
    assert_int_equal(tree_tear_down(&part), 0);
    part = world->scratch;
    assert_int_equal(scratch_teardown(&part), 0);
    xfree(world);
    return 0;
}

void world_restart(struct replan_world *world)
{
    struct tree *tree = world->tree;
    catalogue_destroy(tree->catalogue);
    tree->catalogue = catalogue_create("/m", fake_files_port(tree->fake), tree->secrets, NULL);
}

/* ---- what is known ---- */

void world_record(struct replan_world *world, const struct record *record)
{
    scratch_put(world->store, record);
}

void world_drop_record(struct replan_world *world, const char *name)
{
    struct err err;
    must(store_begin(world->store, &err));
    must(store_record_drop(world->store, name, &err));
    must(store_commit(world->store, &err));
}

static void put_sighting(struct replan_world *world, struct arena *arena, const char *id,
                         const struct manifest *made_for, const struct value *spec)
{
    const struct value *tagged = tags_add(arena, spec, REPLAN_OWNER, made_for, "operation");
    struct observed observed = {
        .id = id,
        .cluster_name = made_for->name,
        .source = "API",
        .state = CLUSTER_RUNNING,
        .state_message = "",
        .effective = tagged,
    };
    AUTO_BUF struct buf json = BUF_INIT(TEXT_MAX);
    codec_observed_write(&observed, &json);
    struct sighting sighting = { .cluster_id = id,
                                 .json = buf_text(&json),
                                 .name = made_for->name,
                                 .digest = digest_of(buf_text(&json), json.len) };
    struct err err;
    must(cache_put(world->cache, &sighting, &err));
}

void world_see(struct replan_world *world, const char *name, const char *id,
               const char *spark_version)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct value_builder spec = value_build_map(&arena, nowhere);
    value_put_new(&spec, "spark_version", nowhere, value_text(&arena, nowhere, spark_version));
    value_put_new(&spec, "node_type_id", nowhere, value_text(&arena, nowhere, "i3.xlarge"));
    value_put_new(&spec, "num_workers", nowhere, value_int(&arena, nowhere, 2));
    struct manifest made_for = { .name = name, .spec = spec.value };
    put_sighting(world, &arena, id, &made_for, spec.value);
}

void world_lose(struct replan_world *world, const char *id)
{
    struct err err;
    must(cache_drop(world->cache, id, &err));
}

void world_apply(struct replan_world *world, const char *name)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct manifest manifest;
    struct err err;
    char hex[DIGEST_HEX_SIZE];
    tree_scan(world->tree);
    struct entry entry = tree_entry(world->tree, name);
    must(catalogue_load(world->tree->catalogue, &entry, &arena, &manifest, &err));
    struct record record = { .name = name,
                             .cluster_id = arena_printf(&arena, "id-%s", name),
                             .phase = PHASE_READY,
                             .pinned = -1 };
    AUTO_BUF struct buf json = BUF_INIT(TEXT_MAX);
    json_write(manifest.spec, &json);
    digest_hex(&manifest.digest, hex);
    record_take_spec(&arena, &record, buf_text(&json), hex);
    world_record(world, &record);
    put_sighting(world, &arena, record.cluster_id, &manifest, manifest.spec);
}

/* ---- a plan ---- */

struct planning {
    struct arena arena;
    struct plan plan;
    struct replan *replan; /* NULL: without a memo */
    const char **names;
    size_t names_len, names_cap;
    bool had_memo, is_finished;
    struct buf *findings;
};

static void on_decided(void *ctx, const char *name, const struct manifest *desired,
                       const struct decision *decision)
{
    struct planning *p = ctx;
    if (p->replan != NULL) replan_decided(p->replan, name, decision);
    plan_add(&p->plan, name, desired, decision);
    const char *copy = arena_strdup(&p->arena, name);
    ARR_PUSH(p->names, p->names_len, p->names_cap, copy);
}

static void on_scanned(void *ctx, struct diag *diag)
{
    struct planning *p = ctx;
    diag_print(diag, false, p->findings);
}

static void on_finished(void *ctx, const struct driver_summary *summary, const struct err *err)
{
    struct planning *p = ctx;
    (void)summary;
    if (err != NULL) fail_msg("%s", err->text);
    p->is_finished = true;
}

static bool on_selects(void *ctx)
{
    struct planning *p = ctx;
    p->had_memo = replan_selects(p->replan);
    return p->had_memo;
}

static bool on_is_wanted(void *ctx, const char *name, const struct digest *manifest)
{
    return replan_is_wanted(((struct planning *)ctx)->replan, name, manifest);
}

static const char *on_wanted_more(void *ctx, size_t index)
{
    return replan_wanted_more(((struct planning *)ctx)->replan, index);
}

static void drive(struct replan_world *world, struct planning *p)
{
    struct fake_port port;
    fake_port_init(&port);
    struct driver_parts parts = {
        .port = &port.port,
        .store = world->store,
        .cache = world->cache,
        .catalogue = world->tree->catalogue,
        .secrets = world->tree->secrets,
        .files = fake_files_port(world->tree->fake),
        .root = "/m",
        .script_dir = CATALOGUE_SCRIPT_DIR,
    };
    struct driver_config config = {
        .mode = DRIVER_PLAN,
        .owner = REPLAN_OWNER,
        .launch_timeout_ms = 60000,
        .create_grace_ms = 60000,
        .poll_ms = 1000,
        .steps_max = 32,
        .offline = true,
        .allow_empty = world->allow_empty,
        .prune_unclaimed = world->prune_unclaimed,
        .ctx = p,
        .decided = on_decided,
        .scanned = on_scanned,
        .finished = on_finished,
    };
    if (p->replan != NULL) {
        config.selects = on_selects;
        config.is_wanted = on_is_wanted;
        config.wanted_more = on_wanted_more;
    }
    struct err err;
    struct driver *driver = driver_create(&parts, &config);
    must(driver_start(driver, &err));
    for (int i = 0; i < TURNS_MAX && !p->is_finished; i++) {
        driver_turn(driver);
    }
    assert_true(p->is_finished);
    driver_destroy(driver);
    fake_port_release(&port);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void list_names(struct planning *p, struct buf *out)
{
    buf_clear(out);
    if (p->names_len > 1) qsort(p->names, p->names_len, sizeof(p->names[0]), by_name);
    for (size_t i = 0; i < p->names_len; i++) {
        buf_addf(out, "%s%s", i == 0 ? "" : " ", p->names[i]);
    }
}

static void plan_once(struct replan_world *world, bool remembers, struct buf *out)
{
    struct planning p = { .arena = ARENA_INIT, .findings = out };
    const struct replan_parts parts = {
        .cache = world->cache,
        .store = world->store,
        .catalogue = world->tree->catalogue,
        .policy = world->allow_empty       ? "allow_empty"
                  : world->prune_unclaimed ? "prune_unclaimed"
                                           : "",
    };
    p.plan.arena = &p.arena;
    if (remembers) p.replan = replan_create(&parts);
    drive(world, &p);
    if (remembers) {
        replan_save(p.replan);
        world->had_memo = p.had_memo;
        world->passed_over = replan_passed_over(p.replan);
        p.plan.unchanged += world->passed_over;
        list_names(&p, &world->looked_at);
    }
    plan_sort(&p.plan);
    const struct plan_style style = { .offline = true };
    plan_write_text(&p.plan, &style, out);
    plan_write_json(&p.plan, out);
    assert_false(out->overflowed);
    replan_destroy(p.replan);
    xfree(p.names);
    arena_release(&p.arena);
}

void world_plan(struct replan_world *world, const char *looked_at)
{
    AUTO_BUF struct buf with = BUF_INIT(TEXT_MAX);
    AUTO_BUF struct buf without = BUF_INIT(TEXT_MAX);
    plan_once(world, true, &with);
    plan_once(world, false, &without);
    if (strcmp(buf_text(&with), buf_text(&without)) != 0) {
        fail_msg("with the memo:\n%s\nwithout:\n%s", buf_text(&with), buf_text(&without));
    }
    if (looked_at != NULL && strcmp(buf_text(&world->looked_at), looked_at) != 0) {
        fail_msg("looked at '%s', not '%s':\n%s", buf_text(&world->looked_at), looked_at,
                 buf_text(&with));
    }
}

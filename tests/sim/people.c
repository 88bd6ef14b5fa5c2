#include "people.h"

#include "json.h"
#include "sim.h"

#include <stdio.h>

#define DRAW(bound)      world_draw(&sim->world, CONCERN_PEOPLE, (bound))
#define CHANCE(permille) world_chance(&sim->world, CONCERN_PEOPLE, (permille))

/* What somebody changes by hand. */
static const char *const edits[] = {
    "{\"spark_conf\":{\"by\":\"hand\"}}",
    "{\"spark_conf\":{\"spark.sim.value\":\"99\"}}",
    "{\"num_workers\":7,\"autoscale\":null}",
    "{\"custom_tags\":{\"purpose\":\"other\"}}",
    "{\"docker_image\":{\"url\":\"acme/other:9\"}}",
    "{\"autotermination_minutes\":15}",
    "{\"init_scripts\":[]}",
};

static const enum model_actor acts[] = {
    MODEL_ACTOR_EDIT,    MODEL_ACTOR_EDIT,   MODEL_ACTOR_EDIT,      MODEL_ACTOR_START,
    MODEL_ACTOR_RESTART, MODEL_ACTOR_RESIZE, MODEL_ACTOR_TERMINATE, MODEL_ACTOR_TERMINATE,
    MODEL_ACTOR_DELETE,  MODEL_ACTOR_PIN,    MODEL_ACTOR_UNPIN,     MODEL_ACTOR_COPY,
};

static const struct value *parse(struct arena *arena, const char *json)
{
    const struct value *value = NULL;
    struct err err;
    if (json == NULL || !json_read(arena, json, strlen(json), &value, &err)) return NULL;
    return value;
}

static void act(struct sim *sim, enum model_actor actor, const char *json)
{
    size_t count = model_cluster_count(sim->model);
    struct model_view view;
    bool has_one = count > 0 && model_view_at(sim->model, (size_t)DRAW(count), &view);
    if (!has_one) return;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *id = arena_strdup(&arena, view.id);
    char made[MODEL_ID_SIZE] = "";
    struct err err;
    if (!world_happens(&sim->world, "somebody: %s %s %s %s", model_actor_name(actor), id, view.name,
                       json == NULL ? "" : json)) {
        return;
    }
    if (!model_act(sim->model, actor, id, parse(&arena, json), made, &err)) {
        world_tell(&sim->world, "      refused: %.120s", err.text);
        return;
    }
    bool is_copy = actor == MODEL_ACTOR_COPY;
    judge_touched(sim, is_copy ? made : id, is_copy);
}

static void act_person(struct sim *sim)
{
    enum model_actor actor = acts[DRAW(COUNT_OF(acts))];
    size_t edit = (size_t)DRAW(COUNT_OF(edits));
    char size[32];
    (void)snprintf(size, sizeof(size), "{\"num_workers\":%d}", (int)DRAW(6) + 1);
    const char *json = actor == MODEL_ACTOR_EDIT     ? edits[edit]
                       : actor == MODEL_ACTOR_RESIZE ? size
                                                     : NULL;
    act(sim, actor, json);
}

static void act_loss(struct sim *sim)
{
    unsigned launches = 1 + (unsigned)DRAW(3);
    if (CHANCE(500)) {
        act(sim, MODEL_ACTOR_LOSE, NULL);
    } else if (world_happens(&sim->world, "no machines for %u launches", launches)) {
        model_set_stockout(sim->model, launches);
    }
}

void people_act(struct sim *sim, enum deed deed)
{
    if (deed == DEED_PERSON) act_person(sim);
    if (deed == DEED_JOB) act(sim, MODEL_ACTOR_START, NULL);
    if (deed == DEED_LOSS) act_loss(sim);
}

/* So many of others that a listing has more than one page, with rows that move between them. */
static void make_crowd(struct sim *sim, struct arena *arena)
{
    if (sim->scenario.size != SIM_LARGE || !CHANCE(250)) return;
    int64_t count = 60 + (int64_t)DRAW(150);
    for (int64_t i = 0; i < count; i++) {
        struct err err;
        const char *json = arena_printf(
            arena,
            "{\"cluster_name\":\"theirs %d\",\"spark_version\":\"15.4.x-scala2.12\","
            "\"node_type_id\":\"%s\",\"num_workers\":1,\"autotermination_minutes\":%d}",
            (int)(i * 7 % count), authors_node(sim, 0), 10 + (int)DRAW(100));
        if (!model_act(sim->model, MODEL_ACTOR_CREATE, NULL, parse(arena, json), NULL, &err)) {
            world_fail(&sim->world, "a cluster of others: %s", err.text);
            return;
        }
    }
}

/* Clusters that were made by hand and that a manifest takes over by ID. */
static void make_adopted(struct sim *sim, struct arena *arena)
{
    for (size_t i = 0; i < sim->authors.len; i++) {
        char made[MODEL_ID_SIZE] = "";
        struct err err;
        if (!CHANCE(120)) continue;
        const char *json = arena_printf(
            arena,
            "{\"cluster_name\":\"by hand\",\"spark_version\":\"15.4.x-scala2.12\","
            "\"node_type_id\":\"%s\",\"num_workers\":%d,\"spark_conf\":{\"by\":\"hand\"}}",
            authors_node(sim, (int)DRAW(2)), (int)DRAW(4) + 1);
        if (!model_act(sim->model, MODEL_ACTOR_CREATE, NULL, parse(arena, json), made, &err)) {
            world_fail(&sim->world, "a cluster to adopt: %s", err.text);
            return;
        }
        authors_adopt(sim, &sim->authors.plots[i], made);
    }
}

void people_begin(struct sim *sim)
{
    bool has_strangers = CHANCE(400);
    size_t jobs = (size_t)DRAW(sim->scenario.size == SIM_LARGE ? 300 : 6);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    make_crowd(sim, &arena);
    make_adopted(sim, &arena);
    if (!has_strangers) return;
    model_add_job_clusters(sim->model, jobs);
    for (int i = 0; i < 2; i++) {
        struct err err;
        const char *json =
            arena_printf(&arena,
                         "{\"cluster_name\":\"c%d\",\"spark_version\":\"15.4.x-scala2.12\","
                         "\"node_type_id\":\"%s\",\"num_workers\":1%s}",
                         i, authors_node(sim, 0),
                         i == 0 ? ""
                                : ",\"custom_tags\":{\"clusterkeeper-owner\":\"others\","
                                  "\"clusterkeeper-name\":\"c1\"}");
        char made[MODEL_ID_SIZE] = "";
        if (!model_act(sim->model, MODEL_ACTOR_CREATE, NULL, parse(&arena, json), made, &err)) {
            world_fail(&sim->world, "a stranger's cluster: %s", err.text);
        }
    }
}

#include "job.h"

#include "text.h"

enum { CLUSTERS = 3, GOOD_IMAGES = 2, PRUNE_TERMINATES = 0 };
enum { IMAGE_MINUTE = 4, SIZE_MINUTE = 8, SCRIPT_MINUTE = 10, GONE_MINUTE = 14, END_MINUTE = 18 };

/*
 * What a run makes at most: one is replaced twice, for its image and its script. Fewer where a
 * manifest that could not be read in time is read only after its next change.
 */
enum { CLUSTERS_MADE = CLUSTERS + 2 };

static void set_scene(struct scenario *s)
{
    *s = (struct scenario){ .size = SIM_SMALL };
    s->clusters = CLUSTERS;
    s->directories = 1;
    s->chaos_ms = END_MINUTE * MINUTES;
    s->keeps_cache = true;
    s->watch_ms = 50;
    s->latency_least_ms = 20;
    s->latency_most_ms = 200;
    s->launch_timeout_ms = 30 * MINUTES;
    s->create_grace_ms = 3 * MINUTES; /* longer than a request can be under way */
    s->poll_ms = 30 * SECONDS;
    s->interval_ms = 5 * MINUTES;
    s->steps_max = 32;
    s->in_flight_max = 8;
    s->rate = 15;
    model_config_defaults(&s->model);
    s->model.seed = 1;
    s->model.switches.admin = 1;
    s->model.switches.autoterminate = 0;
    s->model.delays.list_lag_ms = s->model.delays.get_lag_ms = 0;
    s->model.delays.pending_ms = 40 * SECONDS;
    s->model.delays.restart_ms = 20 * SECONDS;
    s->model.delays.resize_ms = 10 * SECONDS;
    s->model.delays.terminate_ms = 10 * SECONDS;
}

static void change_image(struct sim *sim, void *arg)
{
    (void)arg;
    sim->authors.plots[0].wish.image = 1;
    plot_write(sim, &sim->authors.plots[0]);
    process_directory_changed(sim);
}

static void change_size(struct sim *sim, void *arg)
{
    (void)arg;
    sim->authors.plots[1].wish.workers++;
    plot_write(sim, &sim->authors.plots[1]);
    process_directory_changed(sim);
}

static void change_script(struct sim *sim, void *arg)
{
    (void)arg;
    sim->authors.script_version++;
    script_write(sim);
    process_directory_changed(sim);
}

static void remove_manifest(struct sim *sim, void *arg)
{
    (void)arg;
    sim->authors.plots[2].exists = false;
    plot_write(sim, &sim->authors.plots[2]);
    process_directory_changed(sim);
}

static void write_manifests(struct sim *sim)
{
    struct authors *authors = &sim->authors;
    for (int i = 0; i < GOOD_IMAGES; i++) {
        char url[32];
        authors->images[i] = MODEL_IMAGE_OK;
        model_set_image(sim->model, authors_image_url(i, url), MODEL_IMAGE_OK, NULL);
    }
    for (size_t i = 0; i < authors->len; i++) {
        struct plot *plot = &authors->plots[i];
        plot->exists = true;
        plot->prune = PRUNE_TERMINATES;
        plot->wish = (struct wish){
            .script = i == 0 ? SCRIPT_LOCAL : SCRIPT_NONE,
            .libraries = i == 1,
            .grants = i == 1,
            .is_pinned = i == 1,
            .minutes = 60,
            .is_running_wanted = true,
        };
        plot_write(sim, plot);
    }
}

static void begin(struct sim *sim)
{
    static const struct {
        int64_t minute;
        void (*happen)(struct sim *sim, void *arg);
    } scenes[] = {
        { IMAGE_MINUTE, change_image },
        { SIZE_MINUTE, change_size },
        { SCRIPT_MINUTE, change_script },
        { GONE_MINUTE, remove_manifest },
    };
    write_manifests(sim);
    for (size_t i = 0; i < COUNT_OF(scenes); i++) {
        world_at(&sim->world, sim->world.now_ms + scenes[i].minute * MINUTES,
                 (struct occasion){ .happen = scenes[i].happen });
    }
}

/* Clusters of ours of that name that cost money. */
static size_t count_live(const struct sim *sim, const char *name)
{
    size_t live = 0;
    for (size_t i = 0; i < model_cluster_count(sim->model); i++) {
        struct model_view view;
        if (!model_view_at(sim->model, i, &view)) continue;
        bool is_ours = text_equal(judge_tag(&view, "clusterkeeper-owner"), SIM_OWNER);
        if (!is_ours || !text_equal(judge_tag(&view, "clusterkeeper-name"), name)) continue;
        live += model_is_live(view.state);
    }
    return live;
}

/* Beside what the judge of the simulation asks for: no cluster was made too many, ever. */
static void judge(struct sim *sim)
{
    unsigned made = sim->faults->clusters_made;
    for (size_t i = 0; i < sim->authors.len; i++) {
        const struct plot *plot = &sim->authors.plots[i];
        size_t live = count_live(sim, plot->name);
        if (live != (plot->exists ? 1 : 0)) {
            world_fail(&sim->world, "%s: %zu live clusters", plot->name, live);
        }
    }
    if (made > CLUSTERS_MADE) {
        world_fail(&sim->world, "%u clusters were made, not %d", made, CLUSTERS_MADE);
    }
}

static void set_hasty_scene(struct scenario *s)
{
    set_scene(s);
    s->create_grace_ms = 1 * MINUTES;
}

const struct sim_job main_job = { set_scene, begin, judge };
const struct sim_job hasty_job = { set_hasty_scene, begin, judge };

#include "authors.h"

#include "sim.h"

#include <stdio.h>

#define DRAW(bound)      ((int)world_draw(&sim->world, CONCERN_DIRECTORY, (bound)))
#define CHANCE(permille) world_chance(&sim->world, CONCERN_DIRECTORY, (permille))

/* ---- secrets ---- */

static void secret_make(struct sim *sim, char ret_secret[AUTHORS_SECRET_LEN + 1])
{
    struct authors *authors = &sim->authors;
    prng_text(&sim->world.prngs[CONCERN_DIRECTORY], ret_secret, AUTHORS_SECRET_LEN);
    if (authors->secrets_len == AUTHORS_SECRETS_MAX) return;
    authors->secrets[authors->secrets_len++] = xstrdup(ret_secret);
}

static void password_spread(struct sim *sim)
{
    struct authors *authors = &sim->authors;
    char url[32];
    char line[AUTHORS_SECRET_LEN + 2];
    (void)snprintf(line, sizeof(line), "%s\n", authors->password);
    sim_files_put(&sim->files, "/run/credentials/registry-password", line);
    for (int i = 0; i < AUTHORS_IMAGES; i++) {
        model_set_image(sim->model, authors_image_url(i, url), authors->images[i],
                        authors->images[i] == MODEL_IMAGE_PRIVATE ? authors->password : NULL);
    }
}

/* ---- wishes ---- */

static void wish_draw(struct sim *sim, struct wish *ret_wish)
{
    *ret_wish = (struct wish){
        .image = CHANCE(500) ? DRAW(AUTHORS_IMAGES) : -1,
        .node = CHANCE(30) ? 2 : DRAW(2),
        .workers = DRAW(4),
        .autoscales = CHANCE(200),
        .conf = DRAW(3),
        .tag = DRAW(3),
        .script = (enum wish_script)DRAW(SCRIPT_KIND_COUNT),
        .has_login = CHANCE(300),
        .libraries = CHANCE(300) ? 1 + DRAW(2) : 0,
        .grants = CHANCE(300) ? 1 + DRAW(2) : 0,
        .minutes = 30 + 30 * DRAW(3),
        .strategy = (enum strategy)DRAW(3),
        .no_rollback = CHANCE(150),
        .is_running_wanted = CHANCE(250),
        .reports_drift = CHANCE(120),
        .is_suspended = CHANCE(40),
        .is_pinned = CHANCE(150),
    };
}

/* One thing about it changes. */
static void wish_edit(struct sim *sim, struct wish *wish)
{
    struct wish other;
    wish_draw(sim, &other);
    switch (DRAW(9)) {
    case 0:
        wish->image = other.image;
        break;
    case 1:
        wish->workers = other.workers;
        break;
    case 2:
        wish->conf = other.conf;
        break;
    case 3:
        wish->tag = other.tag;
        break;
    case 4:
        wish->script = other.script;
        break;
    case 5:
        wish->has_login = other.has_login;
        break;
    case 6:
        wish->libraries = other.libraries;
        break;
    case 7:
        wish->grants = other.grants;
        break;
    default:
        *wish = other;
        break;
    }
}

void authors_begin(struct sim *sim)
{
    struct authors *authors = &sim->authors;
    authors->len = sim->scenario.clusters;
    authors->plots = xcalloc(authors->len, sizeof(struct plot));
    for (size_t i = 0; i < AUTHORS_IMAGES; i++) {
        bool is_good = i == 0 || CHANCE(500);
        authors->images[i] = is_good ? MODEL_IMAGE_OK : (enum model_image)DRAW(MODEL_IMAGE_COUNT);
    }
    secret_make(sim, authors->user);
    secret_make(sim, authors->password);
    password_spread(sim);
    defaults_write(sim);
    script_write(sim);
    for (size_t i = 0; i < authors->len; i++) {
        struct plot *plot = &authors->plots[i];
        (void)snprintf(plot->name, sizeof(plot->name), "c%zu", i);
        plot->directory = (unsigned)DRAW(sim->scenario.directories);
        plot->prune = DRAW(3);
        plot->exists = i == 0 || CHANCE(850);
        wish_draw(sim, &plot->wish);
        plot_write(sim, plot);
    }
}

void authors_adopt(struct sim *sim, struct plot *plot, const char *id)
{
    plot->adopt = xstrdup(id);
    plot_write(sim, plot);
}

void authors_release(struct authors *authors)
{
    for (size_t i = 0; i < authors->len; i++) {
        xfree(authors->plots[i].adopt);
    }
    for (size_t i = 0; i < authors->secrets_len; i++) {
        xfree(authors->secrets[i]);
    }
    xfree(authors->plots);
}

/* ---- deeds ---- */

static void plot_remove(struct sim *sim, struct plot *plot)
{
    plot->exists = false;
    plot_write(sim, plot);
}

static void act_edit(struct sim *sim, struct plot *plot)
{
    struct wish wish = plot->wish;
    wish_edit(sim, &wish);
    if (!world_happens(&sim->world, "edit %s", plot->name)) return;
    plot->wish = wish;
    plot_write(sim, plot);
}

static void act_break(struct sim *sim, struct plot *plot)
{
    enum damage damage = (enum damage)(1 + DRAW(DAMAGE_COUNT - 1));
    bool is_defaults = CHANCE(200);
    if (is_defaults) {
        if (!world_happens(&sim->world, "break or mend the Defaults")) return;
        sim->authors.are_defaults_broken = !sim->authors.are_defaults_broken;
        defaults_write(sim);
        return;
    }
    if (!world_happens(&sim->world, "break or mend %s", plot->name)) return;
    plot->damage = plot->damage == DAMAGE_NONE ? damage : DAMAGE_NONE;
    plot_write(sim, plot);
}

static void act_remove(struct sim *sim, struct plot *plot)
{
    if (!world_happens(&sim->world, "%s %s", plot->exists ? "remove" : "restore", plot->name)) {
        return;
    }
    if (plot->exists) {
        plot_remove(sim, plot);
    } else {
        plot->exists = true;
        plot_write(sim, plot);
    }
}

static void act_move(struct sim *sim, struct plot *plot)
{
    char from[PLOT_PATH_SIZE];
    char to[PLOT_PATH_SIZE];
    unsigned directory = (unsigned)DRAW(sim->scenario.directories);
    if (!world_happens(&sim->world, "move %s", plot->name) || !plot->exists) return;
    plot_path(plot, from);
    plot->directory = directory;
    plot->file++;
    plot_path(plot, to);
    sim_files_move(&sim->files, from, to);
}

static void act_defaults(struct sim *sim)
{
    struct authors *authors = &sim->authors;
    int what = DRAW(3);
    int image = DRAW(AUTHORS_IMAGES);
    int tag = DRAW(4);
    static const char *const words[] = { "image", "tag", "local script" };
    if (!world_happens(&sim->world, "change the Defaults: %s", words[what])) return;
    if (what == 0) authors->default_image = image;
    if (what == 1) authors->default_tag = tag;
    if (what == 2) authors->script_version++;
    defaults_write(sim);
    script_write(sim);
    if (what != 0) return;
    for (size_t i = 0; i < authors->len; i++) { /* those with a login name the image themselves */
        if (authors->plots[i].wish.image < 0) plot_write(sim, &authors->plots[i]);
    }
}

/* A file of the commit that is switched to. */
struct checkout {
    size_t plot;
    bool exists;
    struct wish wish;
};

static void checkout_one(struct sim *sim, void *arg)
{
    const struct checkout *checkout = arg;
    struct plot *plot = &sim->authors.plots[checkout->plot];
    plot->wish = checkout->wish;
    if (plot->exists && !checkout->exists) {
        plot_remove(sim, plot);
    } else {
        plot->exists = checkout->exists;
        plot_write(sim, plot);
    }
    process_directory_changed(sim);
    xfree(arg);
}

/* Each file is replaced at once, one after the other over some seconds. */
static void act_switch(struct sim *sim)
{
    enum { SWITCH_MS = 3000 };
    bool happens = world_happens(&sim->world, "switch to another commit");
    if (happens) sim->authors.changes_until_ms = sim->world.now_ms + SWITCH_MS;
    for (size_t i = 0; i < sim->authors.len; i++) {
        struct checkout checkout = { i, CHANCE(850), sim->authors.plots[i].wish };
        bool changes = CHANCE(500);
        int64_t after_ms = DRAW(SWITCH_MS);
        if (CHANCE(600)) wish_edit(sim, &checkout.wish);
        if (!changes || !happens) continue;
        struct checkout *copy = xmalloc(sizeof(*copy));
        *copy = checkout;
        world_at(&sim->world, sim->world.now_ms + after_ms,
                 (struct occasion){ .happen = checkout_one, .drop = xfree, .arg = copy });
    }
}

static void root_returns(struct sim *sim, void *arg)
{
    (void)arg;
    sim->files.state = ROOT_THERE;
    world_tell(&sim->world, "      the directory is back");
    process_directory_changed(sim);
}

static void act_root(struct sim *sim)
{
    static const char *const words[] = { "", "away", "empty", "failing" };
    enum sim_root state = (enum sim_root)(1 + DRAW(3));
    int64_t for_ms = 1000 + DRAW(600000);
    if (!world_happens(&sim->world, "the directory is %s", words[state])) return;
    sim->files.state = state;
    world_at(&sim->world, sim->world.now_ms + for_ms, (struct occasion){ .happen = root_returns });
}

static void act_secret(struct sim *sim)
{
    char fresh[AUTHORS_SECRET_LEN + 1];
    bool is_user = CHANCE(300);
    secret_make(sim, fresh);
    if (!world_happens(&sim->world, "rotate the %s", is_user ? "user" : "password")) return;
    memcpy(is_user ? sim->authors.user : sim->authors.password, fresh, sizeof(fresh));
    password_spread(sim);
}

void authors_act(struct sim *sim, enum deed deed)
{
    struct plot *plot = &sim->authors.plots[DRAW(sim->authors.len)];
    switch ((int)deed) {
    case DEED_EDIT:
        act_edit(sim, plot);
        break;
    case DEED_BREAK:
        act_break(sim, plot);
        break;
    case DEED_REMOVE:
        act_remove(sim, plot);
        break;
    case DEED_MOVE:
        act_move(sim, plot);
        break;
    case DEED_DEFAULTS:
        act_defaults(sim);
        break;
    case DEED_SWITCH:
        act_switch(sim);
        break;
    case DEED_ROOT:
        act_root(sim);
        break;
    default:
        act_secret(sim);
        break;
    }
    process_directory_changed(sim);
}

void authors_mend(struct sim *sim)
{
    struct authors *authors = &sim->authors;
    sim->files.state = ROOT_THERE;
    authors->are_defaults_broken = false;
    defaults_write(sim);
    bool has_any = false;
    for (size_t i = 0; i < authors->len; i++) {
        has_any = has_any || authors->plots[i].exists;
    }
    if (!has_any) authors->plots[0].exists = true; /* an empty directory prunes nothing */
    for (size_t i = 0; i < authors->len; i++) {
        authors->plots[i].damage = DAMAGE_NONE;
        plot_write(sim, &authors->plots[i]);
    }
    process_directory_changed(sim);
}

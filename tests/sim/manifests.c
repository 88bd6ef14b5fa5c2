/*
 * manifests: what the authors mean, written into files.
 */
#include "authors.h"

#include "sim.h"

#include <stdio.h>

enum { MANIFEST_MAX = 16 * 1024 };

const char *authors_image_url(int image, char ret_url[32])
{
    (void)snprintf(ret_url, 32, "acme/image:1.%d", image);
    return ret_url;
}

const char *authors_node(const struct sim *sim, int node)
{
    static const char *const nodes[3][2] = {
        [MODEL_AWS] = { "i3.xlarge", "m5d.large" },
        [MODEL_AZURE] = { "Standard_DS3_v2", "Standard_DS4_v2" },
        [MODEL_GCP] = { "n2-highmem-4", "n2-standard-4" },
    };
    return node > 1 ? "nowhere.large" : nodes[sim->scenario.model.cloud][node];
}

int authors_image_of(const struct authors *authors, const struct plot *plot)
{
    return plot->wish.image >= 0 ? plot->wish.image : authors->default_image;
}

bool authors_can_launch(const struct authors *authors, const struct plot *plot)
{
    enum model_image image = authors->images[authors_image_of(authors, plot)];
    bool can_pull = image == MODEL_IMAGE_OK || image == MODEL_IMAGE_SLOW ||
                    (image == MODEL_IMAGE_PRIVATE && plot->wish.has_login);
    bool script_works = plot->wish.script != SCRIPT_LOCAL || authors->script_version % 4 != 3;
    return can_pull && script_works && plot->wish.node < 2;
}

struct plot *authors_find(struct authors *authors, const char *name)
{
    for (size_t i = 0; i < authors->len; i++) {
        if (strcmp(authors->plots[i].name, name) == 0) return &authors->plots[i];
    }
    return NULL;
}

bool authors_are_readable(const struct sim *sim)
{
    const struct authors *authors = &sim->authors;
    if (sim->files.state != ROOT_THERE || authors->are_defaults_broken) return false;
    bool has_any = false;
    for (size_t i = 0; i < authors->len; i++) {
        if (authors->plots[i].exists && authors->plots[i].damage != DAMAGE_NONE) return false;
        has_any = has_any || authors->plots[i].exists;
    }
    return has_any;
}

/* ---- texts ---- */

void plot_path(const struct plot *plot, char ret_path[PLOT_PATH_SIZE])
{
    (void)snprintf(ret_path, PLOT_PATH_SIZE, AUTHORS_ROOT "/d%u/%s-%u.yaml", plot->directory,
                   plot->name, plot->file);
}

static void add_spec(const struct sim *sim, const struct plot *plot, struct buf *out)
{
    const struct wish *wish = &plot->wish;
    char url[32];
    buf_addf(out, "  node_type_id: %s\n", authors_node(sim, wish->node));
    if (wish->autoscales) {
        buf_addf(out, "  autoscale: {min_workers: 1, max_workers: %d}\n", wish->workers + 2);
    } else {
        buf_addf(out, "  num_workers: %d\n", wish->workers + 1);
    }
    buf_addf(out, "  autotermination_minutes: %d\n", wish->minutes);
    if (wish->image >= 0 || wish->has_login) {
        int image = authors_image_of(&sim->authors, plot);
        buf_addf(out, "  docker_image:\n    url: %s\n", authors_image_url(image, url));
    }
    if (wish->has_login) {
        buf_adds(out, "    basic_auth:\n      username: {fromEnv: REGISTRY_USER}\n"
                      "      password: {fromFile: /run/credentials/registry-password}\n");
    }
    if (wish->conf > 0) {
        buf_addf(out, "  spark_conf:\n    spark.sim.value: %d\n    spark.sim.on: true\n",
                 wish->conf);
    }
    buf_addf(out, "  custom_tags:\n    purpose: p%d\n", wish->tag);
    if (wish->script == SCRIPT_WORKSPACE) {
        buf_adds(out, "  init_scripts:\n    - workspace: {destination: " AUTHORS_SCRIPT "}\n");
    } else if (wish->script == SCRIPT_LOCAL) {
        buf_adds(out, "  init_scripts:\n    - local: {source: ../init/setup.sh}\n");
    }
}

static void add_rest(const struct plot *plot, struct buf *out)
{
    static const char *const prunes[] = { "terminate", "delete", "orphan" };
    const struct wish *wish = &plot->wish;
    if (wish->libraries > 0) buf_adds(out, "libraries:\n");
    for (int i = 0; i < wish->libraries; i++) {
        buf_addf(out, "  - pypi: {package: tool%d==1.0}\n", i);
    }
    if (wish->grants > 0) buf_adds(out, "permissions:\n");
    for (int i = 0; i < wish->grants; i++) {
        buf_addf(out, "  - group_name: team%d\n    permission_level: CAN_RESTART\n", i);
    }
    buf_addf(out, "keep:\n  strategy: %s\n  prune: %s\n", strategy_name(wish->strategy),
             prunes[plot->prune]);
    if (wish->no_rollback) buf_adds(out, "  rollback: false\n");
    if (wish->is_running_wanted) buf_adds(out, "  running: true\n");
    if (wish->reports_drift) buf_adds(out, "  drift: report\n");
    if (wish->is_suspended) buf_adds(out, "  suspend: true\n");
    if (wish->is_pinned) buf_adds(out, "  pinned: true\n");
    if (plot->adopt != NULL) buf_addf(out, "  adopt: %s\n", plot->adopt);
}

void plot_write(struct sim *sim, const struct plot *plot)
{
    char path[PLOT_PATH_SIZE];
    AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX);
    plot_path(plot, path);
    if (!plot->exists) {
        sim_files_remove(&sim->files, path);
        return;
    }
    buf_addf(&text, "apiVersion: clusterkeeper/v1\nkind: Cluster\nmetadata:\n  name: %s\nspec:\n",
             plot->name);
    add_spec(sim, plot, &text);
    if (plot->damage == DAMAGE_UNKNOWN) buf_adds(&text, "  num_wrokers: 3\n");
    add_rest(plot, &text);
    if (plot->damage == DAMAGE_SYNTAX) buf_adds(&text, "labels: [unfinished\n");
    if (plot->damage == DAMAGE_TWICE) {
        buf_addf(&text,
                 "---\napiVersion: clusterkeeper/v1\nkind: Cluster\nmetadata: {name: %s}\n"
                 "spec: {num_workers: 1}\n",
                 plot->name);
    }
    sim_files_put(&sim->files, path, buf_text(&text));
    sim_files_deny(&sim->files, path, plot->damage == DAMAGE_DENIED);
}

void defaults_write(struct sim *sim)
{
    const struct authors *authors = &sim->authors;
    AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX);
    char url[32];
    buf_addf(&text,
             "apiVersion: clusterkeeper/v1\nkind: Defaults\nspec:\n"
             "  spark_version: 15.4.x-scala2.12\n  data_security_mode: SINGLE_USER\n"
             "  docker_image:\n    url: %s\n  custom_tags:\n    team: t%d\n%s",
             authors_image_url(authors->default_image, url), authors->default_tag,
             authors->are_defaults_broken ? "  no_such_field: 1\n" : "");
    sim_files_put(&sim->files, AUTHORS_ROOT "/defaults.yaml", buf_text(&text));
}

void script_write(struct sim *sim)
{
    char text[64];
    int version = sim->authors.script_version;
    (void)snprintf(text, sizeof(text), "#!/bin/sh\necho %d\n%s", version,
                   version % 4 == 3 ? "exit 1\n" : "");
    sim_files_put(&sim->files, AUTHORS_ROOT "/init/setup.sh", text);
}

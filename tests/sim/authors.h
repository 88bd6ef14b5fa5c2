/*
 * authors: those who write the manifests. They know what each manifest asks for, as a value beside
 * the text, so that the judge need not read YAML.
 *
 * They edit, break, mend, remove, restore and move manifests, change the Defaults, switch the whole
 * tree to another commit file by file, lose the directory for a while, and rotate secrets.
 */
#ifndef CLUSTERKEEPER_SIM_AUTHORS_H
#define CLUSTERKEEPER_SIM_AUTHORS_H

#include "manifest.h"
#include "scenario.h"
#include "sim_files.h"

#define AUTHORS_ROOT   "clusters"
#define AUTHORS_SCRIPT "/Shared/init/agent.sh"

enum { AUTHORS_IMAGES = 5, AUTHORS_SECRET_LEN = 24, AUTHORS_SECRETS_MAX = 32, PLOT_NAME_SIZE = 24 };

enum damage {
    DAMAGE_NONE,
    DAMAGE_SYNTAX,  /* no YAML */
    DAMAGE_UNKNOWN, /* an unknown field */
    DAMAGE_DENIED,  /* the file cannot be read */
    DAMAGE_TWICE,   /* the name is there twice */
    DAMAGE_COUNT,
};

enum wish_script { SCRIPT_NONE, SCRIPT_WORKSPACE, SCRIPT_LOCAL, SCRIPT_KIND_COUNT };

/* What a manifest asks for. */
struct wish {
    int image; /* -1: that of the Defaults */
    int node;  /* 0 and 1 exist, 2 does not */
    int workers;
    bool autoscales;
    int conf; /* a value in spark_conf; 0: none */
    int tag;
    enum wish_script script;
    bool has_login;
    int libraries;
    int grants;
    int minutes; /* autotermination */
    enum strategy strategy;
    bool no_rollback;
    bool is_running_wanted, reports_drift, is_suspended, is_pinned;
};

/* One cluster's manifest, there or not. */
struct plot {
    char name[PLOT_NAME_SIZE];
    unsigned directory, file; /* where it is; `file` counts its moves */
    bool exists;
    enum damage damage;
    int prune; /* as in manifest.h; for good, so that nobody has to know when it was seen last */
    struct wish wish;
    char *adopt; /* a cluster's ID; NULL: none */
};

struct authors {
    struct plot *plots;
    size_t len;
    bool are_defaults_broken;
    int default_image, default_tag;
    int script_version;
    enum model_image images[AUTHORS_IMAGES];
    char user[AUTHORS_SECRET_LEN + 1], password[AUTHORS_SECRET_LEN + 1];
    char *secrets[AUTHORS_SECRETS_MAX]; /* every one that ever was, the token included */
    size_t secrets_len;
    int64_t changes_until_ms; /* a switch to another commit is under way */
};

void authors_begin(struct sim *sim);
void authors_release(struct authors *authors);

/* What `deed` is about; those of the directory alone. */
void authors_act(struct sim *sim, enum deed deed);
/* The manifest takes over a cluster by its ID. */
void authors_adopt(struct sim *sim, struct plot *plot, const char *id);
/* The chaos is over: everything is readable again. */
void authors_mend(struct sim *sim);

/* All that keeps the catalogue from being complete. */
bool authors_are_readable(const struct sim *sim);
const char *authors_image_url(int image, char ret_url[32]);
int authors_image_of(const struct authors *authors, const struct plot *plot);
const char *authors_node(const struct sim *sim, int node);
/* A cluster made for it can start. */
bool authors_can_launch(const struct authors *authors, const struct plot *plot);
struct plot *authors_find(struct authors *authors, const char *name);

/* manifests.c: what they mean, written into the directory. */
enum { PLOT_PATH_SIZE = 96 };
void plot_path(const struct plot *plot, char ret_path[PLOT_PATH_SIZE]);
void plot_write(struct sim *sim, const struct plot *plot);
void defaults_write(struct sim *sim);
void script_write(struct sim *sim);

#endif

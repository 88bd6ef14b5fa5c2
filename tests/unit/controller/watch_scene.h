/*
 * watch_scene: a scratch directory with a watch on it, and what has been noticed there.
 */
#ifndef CLUSTERKEEPER_WATCH_SCENE_H
#define CLUSTERKEEPER_WATCH_SCENE_H

#include "source/watch.h"

#include <limits.h>
#include <stdbool.h>

enum { GUARD_MS = 20000, QUIET_MS = 10, BURST_MS = 200, RESCAN_MS = 30, SILENCE_MS = 60 };

/* A scratch directory, which the paths of these tests are relative to. */
struct scene {
    char home[PATH_MAX];
    uv_loop_t loop;
    uv_timer_t timer;
    bool timer_fired;
    struct watch *watch;
    unsigned changed;
    unsigned degraded;
    struct err err;
    bool closed;
};

const char *at(const struct scene *scene, const char *path, char ret_path[PATH_MAX]);
void write_file(const struct scene *scene, const char *path, const char *text);
void make_dir(const struct scene *scene, const char *path);
void move(const struct scene *scene, const char *from, const char *to);
void link_to(const struct scene *scene, const char *target, const char *path);
void remove_path(const char *path);
void remove_all(const struct scene *scene, const char *path);
void scene_open(struct scene *scene);
void scene_watch(struct scene *scene, const char *root);
void scene_close(struct scene *scene);
void start_timer(struct scene *scene, uint64_t ms);
void await_change_of(struct scene *scene, const char *what);
void assert_silence_after(struct scene *scene, const char *what);

#endif

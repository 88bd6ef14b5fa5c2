#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "watch_scene.h"

#include "mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *at(const struct scene *scene, const char *path, char ret_path[PATH_MAX])
{
    int len = snprintf(ret_path, PATH_MAX, "%s/%s", scene->home, path);
    assert_in_range(len, 1, PATH_MAX - 1);
    return ret_path;
}

void write_file(const struct scene *scene, const char *path, const char *text)
{
    char full[PATH_MAX];
    FILE *file = fopen(at(scene, path, full), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void make_dir(const struct scene *scene, const char *path)
{
    char full[PATH_MAX];
    assert_int_equal(mkdir(at(scene, path, full), 0755), 0);
}

void move(const struct scene *scene, const char *from, const char *to)
{
    char full_from[PATH_MAX];
    char full_to[PATH_MAX];
    assert_int_equal(rename(at(scene, from, full_from), at(scene, to, full_to)), 0);
}

void link_to(const struct scene *scene, const char *target, const char *path)
{
    char full[PATH_MAX];
    assert_int_equal(symlink(target, at(scene, path, full)), 0);
}

void remove_path(const char *path)
{
    DIR *dir = opendir(path);
    struct stat info;
    assert_int_equal(lstat(path, &info), 0);
    if (S_ISDIR(info.st_mode)) {
        assert_non_null(dir);
        /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
        for (const struct dirent *entry = NULL; (entry = readdir(dir)) != NULL;) {
            char child[PATH_MAX];
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
            int len = snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
            assert_in_range(len, 1, PATH_MAX - 1);
            remove_path(child);
        }
    }
    if (dir != NULL) (void)closedir(dir);
    assert_int_equal(remove(path), 0);
}

void remove_all(const struct scene *scene, const char *path)
{
    char full[PATH_MAX];
    remove_path(at(scene, path, full));
}

/* The watch */

static void on_changed(void *ctx)
{
    struct scene *scene = ctx;
    scene->changed++;
    uv_stop(&scene->loop); /* uv_run may be about to sleep */
}

static void on_degraded(void *ctx, const struct err *err)
{
    struct scene *scene = ctx;
    scene->degraded++;
    scene->err = *err;
}

static void on_closed(void *ctx)
{
    struct scene *scene = ctx;
    scene->closed = true;
}

static void on_timer(uv_timer_t *timer)
{
    struct scene *scene = timer->data;
    scene->timer_fired = true;
}

void scene_open(struct scene *scene)
{
    const char *tmp = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe) */
    *scene = (struct scene){ 0 };
    (void)snprintf(scene->home, sizeof(scene->home), "%s/watch-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(scene->home));
    assert_int_equal(uv_loop_init(&scene->loop), 0);
    (void)uv_timer_init(&scene->loop, &scene->timer);
    scene->timer.data = scene;
}

void scene_watch(struct scene *scene, const char *root)
{
    const struct watch_config config = {
        .root = root,
        .quiet_ms = QUIET_MS,
        .burst_ms = BURST_MS,
        .rescan_ms = RESCAN_MS,
        .changed = on_changed,
        .degraded = on_degraded,
        .ctx = scene,
    };
    struct err err;
    assert_true(watch_open(&scene->loop, &config, &scene->watch, &err));
}

void scene_close(struct scene *scene)
{
    watch_close(scene->watch, on_closed, scene);
    uv_close((uv_handle_t *)&scene->timer, NULL);
    while (uv_run(&scene->loop, UV_RUN_DEFAULT) != 0) {
        /* a change stops it */
    }
    assert_true(scene->closed);
    assert_int_equal(uv_loop_close(&scene->loop), 0);
    remove_path(scene->home);
}

void start_timer(struct scene *scene, uint64_t ms)
{
    scene->timer_fired = false;
    uv_update_time(&scene->loop);
    (void)uv_timer_start(&scene->timer, on_timer, ms, 0);
}

/* Something was noticed; then the rest of it, if it comes in pieces. */
void await_change_of(struct scene *scene, const char *what)
{
    start_timer(scene, GUARD_MS);
    while (scene->changed == 0 && !scene->timer_fired) {
        (void)uv_run(&scene->loop, UV_RUN_ONCE);
    }
    if (scene->timer_fired) fail_msg("not noticed: %s", what);
    start_timer(scene, SILENCE_MS);
    while (!scene->timer_fired) {
        (void)uv_run(&scene->loop, UV_RUN_ONCE);
    }
    scene->changed = 0;
}

void assert_silence_after(struct scene *scene, const char *what)
{
    start_timer(scene, SILENCE_MS);
    while (!scene->timer_fired) {
        (void)uv_run(&scene->loop, UV_RUN_ONCE);
    }
    if (scene->changed != 0) fail_msg("noticed, although it does not matter: %s", what);
}

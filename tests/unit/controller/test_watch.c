/* What is noticed below a directory, and what is not. Real files, real inotify. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mem.h"
#include "source/watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

static const char *at(const struct scene *scene, const char *path, char ret_path[PATH_MAX])
{
    int len = snprintf(ret_path, PATH_MAX, "%s/%s", scene->home, path);
    assert_in_range(len, 1, PATH_MAX - 1);
    return ret_path;
}

static void write_file(const struct scene *scene, const char *path, const char *text)
{
    char full[PATH_MAX];
    FILE *file = fopen(at(scene, path, full), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void make_dir(const struct scene *scene, const char *path)
{
    char full[PATH_MAX];
    assert_int_equal(mkdir(at(scene, path, full), 0755), 0);
}

static void move(const struct scene *scene, const char *from, const char *to)
{
    char full_from[PATH_MAX];
    char full_to[PATH_MAX];
    assert_int_equal(rename(at(scene, from, full_from), at(scene, to, full_to)), 0);
}

static void link_to(const struct scene *scene, const char *target, const char *path)
{
    char full[PATH_MAX];
    assert_int_equal(symlink(target, at(scene, path, full)), 0);
}

static void remove_path(const char *path)
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

static void remove_all(const struct scene *scene, const char *path)
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

static void scene_open(struct scene *scene)
{
    const char *tmp = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe) */
    *scene = (struct scene){ 0 };
    (void)snprintf(scene->home, sizeof(scene->home), "%s/watch-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(scene->home));
    assert_int_equal(uv_loop_init(&scene->loop), 0);
    (void)uv_timer_init(&scene->loop, &scene->timer);
    scene->timer.data = scene;
}

static void scene_watch(struct scene *scene, const char *root)
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

static void scene_close(struct scene *scene)
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

static void start_timer(struct scene *scene, uint64_t ms)
{
    scene->timer_fired = false;
    uv_update_time(&scene->loop);
    (void)uv_timer_start(&scene->timer, on_timer, ms, 0);
}

/* Something was noticed; then the rest of it, if it comes in pieces. */
static void await_change_of(struct scene *scene, const char *what)
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

static void assert_silence_after(struct scene *scene, const char *what)
{
    start_timer(scene, SILENCE_MS);
    while (!scene->timer_fired) {
        (void)uv_run(&scene->loop, UV_RUN_ONCE);
    }
    if (scene->changed != 0) fail_msg("noticed, although it does not matter: %s", what);
}

/* Plain trees */

static void test_files_that_change_are_noticed(void **state)
{
    struct scene scene;
    char full[PATH_MAX];
    char root[PATH_MAX];
    (void)state;
    scene_open(&scene);
    make_dir(&scene, "root");
    make_dir(&scene, "root/sub");
    write_file(&scene, "outside.yaml", "a");
    scene_watch(&scene, at(&scene, "root", root));
    assert_silence_after(&scene, "opening");
    write_file(&scene, "root/a.yaml", "a");
    await_change_of(&scene, "a new file");
    write_file(&scene, "root/a.yaml", "b");
    await_change_of(&scene, "a file written anew");
    write_file(&scene, "root/sub/setup.sh", "a");
    await_change_of(&scene, "a script further down");
    move(&scene, "outside.yaml", "root/a.yaml");
    await_change_of(&scene, "a file moved over another");
    move(&scene, "root/a.yaml", "root/sub/b.yaml");
    await_change_of(&scene, "a file moved within");
    assert_int_equal(chmod(at(&scene, "root/sub/b.yaml", full), 0600), 0);
    await_change_of(&scene, "permissions");
    assert_int_equal(unlink(at(&scene, "root/sub/b.yaml", full)), 0);
    await_change_of(&scene, "a file removed");
    assert_int_equal(scene.degraded, 0);
    scene_close(&scene);
}

static void test_what_does_not_matter_is_passed_over(void **state)
{
    static const char *const names[] = { "root/.a.yaml.swp", "root/a.yaml~", "root/.git/index",
                                         "outside.yaml" };
    struct scene scene;
    char root[PATH_MAX];
    char full[PATH_MAX];
    (void)state;
    scene_open(&scene);
    make_dir(&scene, "root");
    make_dir(&scene, "root/.git");
    write_file(&scene, "root/a.yaml", "a");
    scene_watch(&scene, at(&scene, "root", root));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        write_file(&scene, names[i], "a");
        assert_silence_after(&scene, names[i]);
    }
    int fd = open(at(&scene, "root/a.yaml", full), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_silence_after(&scene, "reading");
    write_file(&scene, "root/a.yaml", "b"); /* and it still listens */
    await_change_of(&scene, "a file written anew");
    scene_close(&scene);
}

static void test_new_directories_are_watched(void **state)
{
    struct scene scene;
    char root[PATH_MAX];
    (void)state;
    scene_open(&scene);
    make_dir(&scene, "root");
    make_dir(&scene, "elsewhere");
    make_dir(&scene, "elsewhere/deep");
    scene_watch(&scene, at(&scene, "root", root));
    assert_int_equal(watch_directories(scene.watch), 2); /* root and its parent */
    make_dir(&scene, "root/a");
    make_dir(&scene, "root/a/b");
    make_dir(&scene, "root/a/b/c");
    await_change_of(&scene, "directories made at once");
    assert_int_equal(watch_directories(scene.watch), 5);
    write_file(&scene, "root/a/b/c/x.yaml", "a");
    await_change_of(&scene, "a file in the new directory");
    move(&scene, "elsewhere", "root/moved");
    await_change_of(&scene, "a directory moved in");
    write_file(&scene, "root/moved/deep/x.yaml", "a");
    await_change_of(&scene, "a file in the directory moved in");
    move(&scene, "root/moved", "out");
    await_change_of(&scene, "a directory moved out");
    write_file(&scene, "out/deep/x.yaml", "b");
    assert_silence_after(&scene, "a file in the directory moved out");
    remove_all(&scene, "root/a");
    await_change_of(&scene, "directories removed");
    assert_int_equal(watch_directories(scene.watch), 2);
    assert_int_equal(scene.degraded, 0);
    scene_close(&scene);
}

static void test_a_root_that_comes_and_goes(void **state)
{
    struct scene scene;
    char root[PATH_MAX];
    (void)state;
    scene_open(&scene);
    scene_watch(&scene, at(&scene, "not/yet", root));
    make_dir(&scene, "not");
    await_change_of(&scene, "the parent of the root");
    make_dir(&scene, "not/yet");
    await_change_of(&scene, "the root");
    write_file(&scene, "not/yet/a.yaml", "a");
    await_change_of(&scene, "a file in the root");
    remove_all(&scene, "not/yet");
    await_change_of(&scene, "the root removed");
    make_dir(&scene, "not/yet");
    await_change_of(&scene, "the root restored");
    write_file(&scene, "not/yet/a.yaml", "a");
    await_change_of(&scene, "a file in the restored root");
    move(&scene, "not/yet", "not/now");
    await_change_of(&scene, "the root moved away");
    write_file(&scene, "not/now/a.yaml", "b");
    assert_silence_after(&scene, "a file in what was the root");
    assert_int_equal(scene.degraded, 0);
    scene_close(&scene);
}

static void test_a_relative_root(void **state)
{
    struct scene scene;
    char before[PATH_MAX];
    (void)state;
    scene_open(&scene);
    make_dir(&scene, "root");
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(scene.home), 0);
    scene_watch(&scene, "./root/../root/");
    write_file(&scene, "root/a.yaml", "a");
    await_change_of(&scene, "a file");
    remove_all(&scene, "root");
    await_change_of(&scene, "the root removed");
    make_dir(&scene, "root");
    await_change_of(&scene, "the root restored");
    assert_int_equal(chdir(before), 0);
    scene_close(&scene);
}

/* Links */

static void test_a_root_link_that_is_switched(void **state)
{
    struct scene scene;
    char root[PATH_MAX];
    (void)state;
    scene_open(&scene);
    make_dir(&scene, "v1");
    make_dir(&scene, "v2");
    link_to(&scene, "v1", "current");
    scene_watch(&scene, at(&scene, "current", root));
    write_file(&scene, "v1/a.yaml", "a");
    await_change_of(&scene, "a file behind the link");
    link_to(&scene, "v2", "next");
    move(&scene, "next", "current");
    await_change_of(&scene, "the link switched");
    write_file(&scene, "v2/a.yaml", "a");
    await_change_of(&scene, "a file behind the switched link");
    write_file(&scene, "v1/a.yaml", "b");
    assert_silence_after(&scene, "a file in the old tree");
    remove_all(&scene, "v2");
    await_change_of(&scene, "the target removed");
    make_dir(&scene, "v2");
    await_change_of(&scene, "the target restored");
    scene_close(&scene);
}

/* As Kubernetes projects a ConfigMap: root/a.yaml -> ..data/a.yaml, ..data -> ..1. */
static void test_a_link_of_links_that_is_switched(void **state)
{
    struct scene scene;
    char root[PATH_MAX];
    (void)state;
    scene_open(&scene);
    make_dir(&scene, "root");
    make_dir(&scene, "root/..1");
    make_dir(&scene, "root/..2");
    write_file(&scene, "root/..1/a.yaml", "a");
    write_file(&scene, "root/..2/a.yaml", "b");
    link_to(&scene, "..1", "root/..data");
    link_to(&scene, "..data/a.yaml", "root/a.yaml");
    scene_watch(&scene, at(&scene, "root", root));
    write_file(&scene, "root/.unrelated", "a");
    assert_silence_after(&scene, "another name with a dot");
    link_to(&scene, "..2", "root/..tmp");
    move(&scene, "root/..tmp", "root/..data");
    await_change_of(&scene, "..data switched");
    write_file(&scene, "root/..2/a.yaml", "c");
    await_change_of(&scene, "the file at the end of the links");
    scene_close(&scene);
}

static void test_links_below_the_root(void **state)
{
    struct scene scene;
    char root[PATH_MAX];
    char full[PATH_MAX];
    (void)state;
    scene_open(&scene);
    make_dir(&scene, "root");
    make_dir(&scene, "shared");
    make_dir(&scene, "shared/deep");
    write_file(&scene, "shared.yaml", "a");
    link_to(&scene, "../shared", "root/shared");
    link_to(&scene, at(&scene, "shared.yaml", full), "root/one.yaml");
    link_to(&scene, "..", "root/circle");
    link_to(&scene, "self", "root/self");
    link_to(&scene, "../absent", "root/absent");
    scene_watch(&scene, at(&scene, "root", root));
    write_file(&scene, "shared/deep/a.yaml", "a");
    await_change_of(&scene, "a file behind a link");
    write_file(&scene, "shared.yaml", "b");
    await_change_of(&scene, "a linked file");
    make_dir(&scene, "absent");
    await_change_of(&scene, "a link's target that was not there");
    write_file(&scene, "absent/a.yaml", "a");
    await_change_of(&scene, "a file in it");
    assert_int_equal(scene.degraded, 0);
    scene_close(&scene);
}

/* More links out of one directory than names are kept of. */
static void test_many_links_to_one_directory(void **state)
{
    struct scene scene;
    char root[PATH_MAX];
    (void)state;
    scene_open(&scene);
    make_dir(&scene, "root");
    make_dir(&scene, "pool");
    for (int i = 0; i < 100; i++) {
        char target[32];
        char path[32];
        (void)snprintf(target, sizeof(target), "../pool/%d.yaml", i);
        (void)snprintf(path, sizeof(path), "root/%d.yaml", i);
        link_to(&scene, target, path);
    }
    scene_watch(&scene, at(&scene, "root", root));
    assert_int_equal(watch_directories(scene.watch), 3);
    write_file(&scene, "pool/0.yaml", "a");
    await_change_of(&scene, "the first");
    write_file(&scene, "pool/99.yaml", "a");
    await_change_of(&scene, "the last");
    scene_close(&scene);
}

/* Bursts and limits */

static void test_a_burst_is_one_change(void **state)
{
    struct scene scene;
    char root[PATH_MAX];
    (void)state;
    scene_open(&scene);
    make_dir(&scene, "root");
    scene_watch(&scene, at(&scene, "root", root));
    for (int i = 0; i < 500; i++) {
        char path[32];
        (void)snprintf(path, sizeof(path), "root/%d.yaml", i);
        write_file(&scene, path, "a");
    }
    start_timer(&scene, SILENCE_MS);
    while (!scene.timer_fired) {
        (void)uv_run(&scene.loop, UV_RUN_ONCE);
    }
    assert_int_equal(scene.changed, 1);
    scene_close(&scene);
}

/* A file is written every few milliseconds, from the loop, and never stops. */
static void on_write_again(uv_timer_t *timer)
{
    write_file(timer->data, "root/a.yaml", "a");
}

static void test_a_burst_without_end_is_cut_off(void **state)
{
    struct scene scene;
    char root[PATH_MAX];
    uv_timer_t writer;
    (void)state;
    scene_open(&scene);
    make_dir(&scene, "root");
    scene_watch(&scene, at(&scene, "root", root));
    (void)uv_timer_init(&scene.loop, &writer);
    writer.data = &scene;
    uint64_t from_ms = uv_now(&scene.loop);
    (void)uv_timer_start(&writer, on_write_again, 0, QUIET_MS / 4);
    start_timer(&scene, GUARD_MS);
    while (scene.changed < 2 && !scene.timer_fired) {
        (void)uv_run(&scene.loop, UV_RUN_ONCE);
    }
    assert_false(scene.timer_fired);
    assert_true(uv_now(&scene.loop) - from_ms < GUARD_MS / 2);
    uv_close((uv_handle_t *)&writer, NULL);
    scene_close(&scene);
}

static void test_too_deep_is_said_once_and_looked_at_on_an_interval(void **state)
{
    struct scene scene;
    char root[PATH_MAX];
    char path[PATH_MAX] = "root";
    (void)state;
    scene_open(&scene);
    make_dir(&scene, path);
    for (int i = 0; i < 40; i++) {
        size_t len = strlen(path);
        memcpy(path + len, "/d", sizeof("/d"));
        make_dir(&scene, path);
    }
    scene_watch(&scene, at(&scene, "root", root));
    assert_int_equal(scene.degraded, 0); /* never from inside */
    start_timer(&scene, GUARD_MS);
    while (scene.changed < 3 && !scene.timer_fired) {
        (void)uv_run(&scene.loop, UV_RUN_ONCE);
    }
    assert_false(scene.timer_fired); /* nothing happened, and yet it looked */
    assert_int_equal(scene.degraded, 1);
    assert_int_equal(scene.err.code, ERR_LIMIT);
    assert_non_null(strstr(scene.err.text, "deeper than 32"));
    remove_all(&scene, "root/d/d");
    await_change_of(&scene, "the depth removed");
    assert_silence_after(&scene, "all is watched again");
    scene_close(&scene);
}

static void test_an_unreadable_directory_is_said(void **state)
{
    struct scene scene;
    char root[PATH_MAX];
    char full[PATH_MAX];
    (void)state;
    if (geteuid() == 0) skip(); /* root reads everything */
    scene_open(&scene);
    make_dir(&scene, "root");
    make_dir(&scene, "root/closed");
    assert_int_equal(chmod(at(&scene, "root/closed", full), 0), 0);
    scene_watch(&scene, at(&scene, "root", root));
    start_timer(&scene, GUARD_MS);
    while (scene.degraded == 0 && !scene.timer_fired) {
        (void)uv_run(&scene.loop, UV_RUN_ONCE);
    }
    assert_int_equal(scene.degraded, 1);
    assert_non_null(strstr(scene.err.text, "root/closed"));
    assert_int_equal(chmod(full, 0755), 0);
    await_change_of(&scene, "the directory opened up");
    assert_silence_after(&scene, "all is watched again");
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_that_change_are_noticed),
        cmocka_unit_test(test_what_does_not_matter_is_passed_over),
        cmocka_unit_test(test_new_directories_are_watched),
        cmocka_unit_test(test_a_root_that_comes_and_goes),
        cmocka_unit_test(test_a_relative_root),
        cmocka_unit_test(test_a_root_link_that_is_switched),
        cmocka_unit_test(test_a_link_of_links_that_is_switched),
        cmocka_unit_test(test_links_below_the_root),
        cmocka_unit_test(test_many_links_to_one_directory),
        cmocka_unit_test(test_a_burst_is_one_change),
        cmocka_unit_test(test_a_burst_without_end_is_cut_off),
        cmocka_unit_test(test_too_deep_is_said_once_and_looked_at_on_an_interval),
        cmocka_unit_test(test_an_unreadable_directory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

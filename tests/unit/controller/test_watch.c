/* What is noticed below a directory, and what is not. Real files, real inotify. */
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
        cmocka_unit_test(test_a_burst_is_one_change),
        cmocka_unit_test(test_a_burst_without_end_is_cut_off),
        cmocka_unit_test(test_too_deep_is_said_once_and_looked_at_on_an_interval),
        cmocka_unit_test(test_an_unreadable_directory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

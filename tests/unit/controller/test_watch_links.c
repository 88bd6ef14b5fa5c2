/* A root that comes and goes, and links that are switched. Real files, real inotify. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_root_that_comes_and_goes),
        cmocka_unit_test(test_a_relative_root),
        cmocka_unit_test(test_a_root_link_that_is_switched),
        cmocka_unit_test(test_a_link_of_links_that_is_switched),
        cmocka_unit_test(test_links_below_the_root),
        cmocka_unit_test(test_many_links_to_one_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

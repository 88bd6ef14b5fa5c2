#include "plan_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void fixture_open(struct fixture *fixture)
{
    scene_open(&fixture->scene);
    fixture->plan = (struct plan){ .arena = &fixture->scene.arena };
}

void fixture_close(struct fixture *fixture)
{
    scene_close(&fixture->scene);
}

void fixture_add(struct fixture *fixture, const char *name, struct decision decision,
                 const char *desired, const char *applied, const char *effective)
{
    struct scene scene;
    scene_open(&scene);
    char file[] = "etl.yaml";
    char id[] = "0930-084612-uurhdujo";
    char why[256];
    assert_true(strlen(decision.why) < sizeof(why));
    memcpy(why, decision.why, strlen(decision.why) + 1);
    decision.why = why;
    struct manifest manifest = { .name = name, .pos = { file, 4, 9 } };
    struct observed observed = { .id = id };
    if (effective != NULL) {
        observed.effective = scene_observed(&scene, effective);
        decision.current = &observed;
    }
    if (desired != NULL) manifest.spec = scene_desired(&scene, desired);
    if (desired != NULL && effective != NULL) {
        diff_compute(&scene.arena, manifest.spec, scene_applied(&scene, applied), &observed,
                     &decision.diff);
    }
    plan_add(&fixture->plan, name, desired == NULL ? NULL : &manifest, &decision);
    memset(file, '#', sizeof(file) - 1);
    memset(id, '#', sizeof(id) - 1);
    memset(why, '#', sizeof(why) - 1);
    scene_close(&scene);
}

const char *fixture_text(struct fixture *fixture, bool colour, bool offline)
{
    AUTO_BUF struct buf out = BUF_INIT(PLAN_TEXT_MAX);
    struct plan_style style = { .colour = colour, .offline = offline };
    plan_sort(&fixture->plan);
    plan_write_text(&fixture->plan, &style, &out);
    return scene_text(&fixture->scene, &out);
}

const char *fixture_json(struct fixture *fixture)
{
    AUTO_BUF struct buf out = BUF_INIT(PLAN_TEXT_MAX);
    plan_sort(&fixture->plan);
    plan_write_json(&fixture->plan, &out);
    return scene_text(&fixture->scene, &out);
}

/*
 * plan_fixture: a plan in a test, made of decisions whose parts do not outlive them.
 */
#ifndef CLUSTERKEEPER_TEST_PLAN_FIXTURE_H
#define CLUSTERKEEPER_TEST_PLAN_FIXTURE_H

#include "plan.h"
#include "scene.h"

enum { PLAN_TEXT_MAX = 1 << 20 };

struct fixture {
    struct scene scene;
    struct plan plan;
};

void fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);

/*
 * Adds a decision whose parts are gone and overwritten when the plan is written, as they are in
 * the driver. `desired` is YAML, `applied` and `effective` are JSON; without `effective` there is
 * no cluster.
 */
void fixture_add(struct fixture *fixture, const char *name, struct decision decision,
                 const char *desired, const char *applied, const char *effective);

/* The plan, sorted and written. */
const char *fixture_text(struct fixture *fixture, bool colour, bool offline);
const char *fixture_json(struct fixture *fixture);

#endif

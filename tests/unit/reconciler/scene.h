/*
 * scene: specs in a test, from the text that a person or the workspace would write.
 */
#ifndef CLUSTERKEEPER_TEST_SCENE_H
#define CLUSTERKEEPER_TEST_SCENE_H

#include "json.h"
#include "model.h"

struct scene {
    struct arena arena;
};

void scene_open(struct scene *scene);
void scene_close(struct scene *scene);

/* The test fails when the text is not what it should be. NULL gives NULL in all of them. */

/* As a manifest states it: typed by the table. In JSON when it holds sealed secrets. */
const struct value *scene_desired(struct scene *scene, const char *yaml);
/* As it lies in the state file. */
const struct value *scene_applied(struct scene *scene, const char *json);
/* As the workspace answers. */
const struct value *scene_observed(struct scene *scene, const char *json);

/* Canonical JSON. */
const char *scene_json(struct scene *scene, const struct value *value);
/* What was written, in the scene's arena. */
const char *scene_text(struct scene *scene, const struct buf *text);

#endif

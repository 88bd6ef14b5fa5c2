#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "field.h"
#include "yaml_tree.h"

enum { SCENE_JSON_MAX = 1 << 20 };

void scene_open(struct scene *scene)
{
    *scene = (struct scene){ .arena = ARENA_INIT };
}

void scene_close(struct scene *scene)
{
    arena_release(&scene->arena);
}

const struct value *scene_applied(struct scene *scene, const char *json)
{
    const struct value *value = NULL;
    struct err err;
    if (json == NULL) return NULL;
    if (!json_read(&scene->arena, json, strlen(json), &value, &err)) {
        fail_msg("not JSON: %s: %s", json, err.text);
    }
    return value;
}

const struct value *scene_desired(struct scene *scene, const char *yaml)
{
    if (yaml == NULL) return NULL;
    if (strstr(yaml, "$secret") != NULL) return scene_applied(scene, yaml);
    AUTO(diag_destroy) struct diag *diag = diag_create();
    struct yaml_documents documents = { 0 };
    if (!yaml_read(&scene->arena, arena_strdup(&scene->arena, "m"), yaml, strlen(yaml), diag,
                   &documents)) {
        fail_msg("not YAML: %s", yaml);
    }
    assert_int_equal(documents.len, 1);
    const struct value *spec = field_read(&scene->arena, documents.documents[0], NULL, diag);
    size_t len = 0;
    const struct finding *findings = diag_findings(diag, &len);
    if (len > 0) fail_msg("%s: %s", yaml, findings[0].text);
    return spec;
}

const struct value *scene_observed(struct scene *scene, const char *json)
{
    return json == NULL ? NULL : field_read_observed(&scene->arena, scene_applied(scene, json));
}

const char *scene_json(struct scene *scene, const struct value *value)
{
    if (value == NULL) return "(none)";
    AUTO_BUF struct buf json = BUF_INIT(SCENE_JSON_MAX);
    json_write(value, &json);
    return scene_text(scene, &json);
}

const char *scene_text(struct scene *scene, const struct buf *text)
{
    assert_false(text->overflowed);
    return arena_strdup(&scene->arena, buf_text(text));
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry_outcome.h"

#include "text.h"

static size_t rows_len(const struct exchange *rows)
{
    size_t len = 0;
    while (len < OUTCOME_ROWS_MAX && rows[len].request != NULL) {
        len++;
    }
    return len;
}

static const char *image_of(struct arena *arena, const char *written)
{
    const char *at = strstr(written, "@${");
    if (at == NULL) return written;
    const char *name = arena_strndup(arena, at + 3, strcspn(at + 3, "}"));
    return arena_printf(arena, "%.*s@%s", (int)(at - written), written, document_digest(name));
}

static void check_texts(const struct outcome *row, const struct question *question,
                        const struct outcome_defaults *defaults)
{
    const char *digest = row->digest == NULL ? NULL : document_digest(row->digest);
    bool is_good = question->done == 1 && question->verdict == row->verdict &&
                   strstr(question->text, row->says) != NULL;
    if (digest != NULL || defaults->digests) is_good &= text_equal(question->digest, digest);
    if (!is_good) {
        fail_msg("%s: %s, digest %s: %s", row->title, image_verdict_name(question->verdict),
                 question->digest == NULL ? "none" : question->digest, question->text);
    }
    for (const char *const *secret = defaults->secrets; *secret != NULL; secret++) {
        if (strstr(question->text, *secret) == NULL) continue;
        fail_msg("%s: a secret in: %s", row->title, question->text);
    }
}

static void check(const struct outcome *row, const struct outcome_defaults *defaults)
{
    struct world world;
    struct question question = { .query.cpu = row->cpu };
    const char *image = row->image == NULL ? defaults->image : row->image;
    world_init(&world);
    world.env = row->env == NULL ? defaults->env : row->env;
    world.files = row->files;
    world.program = row->program.program == NULL ? NULL : &row->program;
    docker_config_places(&question.arena, world.config.env, &world, &world.config.places);
    world_open(&world);
    world_script(&world, row->rows, rows_len(row->rows));
    question_ask(&world, &question, image_of(&question.arena, image), row->username, row->password);
    world_run(&world, INT64_MAX - 1);
    check_texts(row, &question, defaults);
    assert_int_equal(world.programs_run, row->program.program == NULL ? 0 : 1);
    world_close(&world);
    question_release(&question);
}

void outcomes_check(const struct outcome *outcomes, size_t len,
                    const struct outcome_defaults *defaults)
{
    for (size_t i = 0; i < len; i++) {
        check(&outcomes[i], defaults);
    }
}

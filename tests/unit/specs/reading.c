#include "reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json.h"

void reading_add(struct reading *reading, const char *file, const char *text)
{
    bool is_good =
        yaml_read(&reading->arena, file, text, strlen(text), reading->diag, &reading->documents);
    if (!is_good) fail_msg("not YAML: %s%s", text, reading_findings(reading));
}

void reading_open(struct reading *reading, const char *file, const char *text)
{
    *reading = (struct reading){ .arena = ARENA_INIT, .diag = diag_create() };
    reading_add(reading, file, text);
}

void reading_close(struct reading *reading)
{
    diag_destroy(reading->diag);
    arena_release(&reading->arena);
}

const char *reading_findings(struct reading *reading)
{
    enum { FINDINGS_BYTES_MAX = 1 << 20 };
    AUTO_BUF struct buf out = BUF_INIT(FINDINGS_BYTES_MAX);
    size_t len = 0;
    const struct finding *findings = diag_findings(reading->diag, &len);
    for (size_t i = 0; i < len; i++) {
        const struct finding *finding = &findings[i];
        bool is_other = finding->pos.file != NULL && strcmp(finding->pos.file, "m") != 0;
        if (is_other) buf_addf(&out, "%s:", finding->pos.file);
        buf_addf(&out, "%u:%u: %s: %s\n", finding->pos.line, finding->pos.column,
                 finding->severity == DIAG_ERROR ? "error" : "warning", finding->text);
    }
    return arena_strdup(&reading->arena, buf_text(&out));
}

const char *reading_json(struct reading *reading, const struct value *value)
{
    enum { JSON_BYTES_MAX = 1 << 20 };
    AUTO_BUF struct buf out = BUF_INIT(JSON_BYTES_MAX);
    if (value == NULL) return "(none)";
    json_write(value, &out);
    return arena_strdup(&reading->arena, buf_text(&out));
}

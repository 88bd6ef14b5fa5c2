#include "output.h"

#include <stdio.h>

enum { FINDINGS_BYTES_MAX = 4 * 1024 * 1024 };

bool output_write(const struct buf *text)
{
    size_t written = text->len == 0 ? 0 : fwrite(buf_text(text), 1, text->len, stdout);
    if (written == text->len && fflush(stdout) == 0) return true;
    (void)fprintf(stderr, "clusterkeeper: standard output could not be written\n");
    return false;
}

void output_findings(const struct options *options, struct diag *diag)
{
    size_t errors = diag_errors(diag);
    size_t warnings = diag_warnings(diag);
    if (errors + warnings == 0) return;
    AUTO_BUF struct buf text = BUF_INIT(FINDINGS_BYTES_MAX);
    diag_print(diag, options_colour(options, stderr), &text);
    buf_addf(&text, "%zu error%s, %zu warning%s\n", errors, errors == 1 ? "" : "s", warnings,
             warnings == 1 ? "" : "s");
    (void)fwrite(buf_text(&text), 1, text.len, stderr);
}

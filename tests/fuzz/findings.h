/*
 * findings: what has to hold for all that is said about manifests, however wrong they are.
 */
#ifndef CLUSTERKEEPER_FUZZ_FINDINGS_H
#define CLUSTERKEEPER_FUZZ_FINDINGS_H

#include "diag.h"
#include "fuzz.h"

/* A file as it was given in: its path below the root, and its bytes. */
struct source {
    const char *path;
    const char *text;
    size_t len;
};

/*
 * Each finding is a message, and lies in a file that there is, on a line that it has, at a column
 * of that line or one past it; the line that is shown begins as the file has it.
 */
void findings_expect_places(struct diag *diag, const struct source *sources, size_t len);

/* As they are printed, with colour and without: none of the words is in it. */
void findings_expect_silence(struct diag *diag, const char *const *words, size_t len);

/*
 * All of `word` in the file is part of a literal secret, so that nobody has a reason to show it:
 * it stands in scalars that are, or are below, the value of a field that the table calls secret,
 * and nowhere else. False when the file is no YAML.
 */
bool source_hides(const struct source *source, const char *word);

#endif

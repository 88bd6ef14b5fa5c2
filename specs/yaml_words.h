/*
 * yaml_words: what libyaml's messages mean to the person who wrote the manifest.
 *
 * A part of yaml_tree.c, kept apart because it is a table of words.
 */
#ifndef CLUSTERKEEPER_YAML_WORDS_H
#define CLUSTERKEEPER_YAML_WORDS_H

#include <stdbool.h>

struct yaml_words {
    const char *problem; /* libyaml's words */
    const char *text;    /* ours; NULL: they depend on the character at the place */
    bool at_context;     /* the mistake is where the construct began, not where libyaml gave up */
};

/* NULL: libyaml's own words have to do. */
const struct yaml_words *yaml_words_find(const char *problem);

#endif

#include "yaml_words.h"

#include "mem.h"

static const struct yaml_words rows[] = {
    { "found character that cannot start any token", NULL, false },
    { "found a tab character that violates indentation",
      "a tab cannot be used for indentation; use blanks", false },
    { "found a tab character where an indentation space is expected",
      "a tab cannot be used for indentation; use blanks", false },
    { "mapping values are not allowed in this context",
      "a ':' cannot stand here; put text that holds ': ' in quotes, or check the indentation",
      false },
    { "could not find expected ':'", "a ':' is missing after this key, or a quote or bracket",
      true },
    { "did not find expected key",
      "a key was expected here; check the indentation and the quotes around text", false },
    { "did not find expected '-' indicator", "a '- ' was expected here; check the indentation",
      false },
    { "block sequence entries are not allowed in this context",
      "a '- ' cannot stand here; check the indentation", false },
    { "mapping keys are not allowed in this context",
      "a key cannot stand here; check the indentation", false },
    { "did not find expected ',' or ']'", "a ',' or ']' was expected here", false },
    { "did not find expected ',' or '}'", "a ',' or '}' was expected here", false },
    { "did not find expected node content", "a value was expected here", false },
    { "found unexpected end of stream", "this quote is never closed", true },
    { "found unexpected document indicator", "this quote is not closed within its document", true },
    { "found unknown escape character",
      "unknown escape after '\\'; in single quotes a '\\' is a plain character", false },
    { "did not find expected <document start>",
      "a new document has to begin with '---'; check the indentation", false },
    { "found incompatible YAML document", "only YAML 1.1 and 1.2 are read", false },
    { "found undefined tag handle",
      "unknown tag; only !!str, !!int, !!float, !!bool, !!null, !!map and !!seq are taken", false },
};

const struct yaml_words *yaml_words_find(const char *problem)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strcmp(problem, rows[i].problem) == 0) return &rows[i];
    }
    return NULL;
}

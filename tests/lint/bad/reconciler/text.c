#include <stdlib.h>

typedef struct badly_named {
    int value;
} badly_named;

// a comment for debugging
int bad(const char *text);
int bad(const char *text) { return atoi(text); /* TODO: check */ }

#include "mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* No bytes count as one: malloc may answer NULL to 0, and realloc frees. */
static size_t at_least_one(size_t size)
{
    return size != 0 ? size : 1;
}

static void *checked(void *ptr, size_t size)
{
    if (ptr == NULL) {
        (void)fprintf(stderr, "clusterkeeper: out of memory (%zu bytes)\n", size);
        abort();
    }
    return ptr;
}

void *xmalloc(size_t size)
{
    return checked(malloc(at_least_one(size)), size);
}

void *xcalloc(size_t count, size_t size)
{
    return checked(calloc(at_least_one(count), at_least_one(size)), count);
}

void *xrealloc(void *ptr, size_t size)
{
    return checked(realloc(ptr, at_least_one(size)), size);
}

char *xstrdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(xmalloc(size), text, size);
}

void xfree(void *ptr)
{
    free(ptr);
}

void mem_trim(void)
{
    (void)malloc_trim(0);
}

void *arr_grow(void *ptr, size_t len, size_t *cap, size_t element_size)
{
    if (len < *cap) return ptr;
    size_t wanted = *cap == 0 ? 8 : *cap * 2;
    if (wanted > SIZE_MAX / element_size) abort();
    *cap = wanted;
    return xrealloc(ptr, wanted * element_size);
}

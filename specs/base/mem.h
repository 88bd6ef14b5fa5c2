/*
 * mem: memory that cannot run out quietly, and scope-bound cleanup.
 *
 * Running out of memory aborts: every input is capped, and the controller survives being killed,
 * so a branch for it would be code that no test reaches.
 */
#ifndef CLUSTERKEEPER_MEM_H
#define CLUSTERKEEPER_MEM_H

#include <stddef.h>
#include <string.h>

#define MUST_CHECK       __attribute__((warn_unused_result))
#define PRINTF(fmt, arg) __attribute__((format(printf, fmt, arg)))

/* The object that holds `member` at address `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Abort instead of returning NULL. Release with xfree. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *ptr, size_t size);
char *xstrdup(const char *text);
void xfree(void *ptr); /* NULL is fine */
/* Gives memory that was freed back to the system: after a pass over a whole fleet. */
void mem_trim(void);

/*
 * Room for one more element in a growing array kept as `ptr, len, cap`; returns the array, which
 * may have moved. Use through ARR_PUSH.
 */
void *arr_grow(void *ptr, size_t len, size_t *cap, size_t element_size);

/* Append `item` to the array `arr` with its counters `len` and `cap`. */
#define ARR_PUSH(arr, len, cap, item)                             \
    do {                                                          \
        (arr) = arr_grow((arr), (len), &(cap), sizeof((arr)[0])); \
        (arr)[(len)++] = (item);                                  \
    } while (0)

/*
 * AUTO(x_destroy) struct x *x = ...; calls x_destroy(x) when `x` leaves scope; set it to NULL to
 * hand the object on. DEFINE_AUTO makes the adapter that the attribute needs.
 */
#define AUTO(fn) __attribute__((cleanup(fn##_at)))
#define DEFINE_AUTO(type, fn)             \
    static inline void fn##_at(type **at) \
    {                                     \
        fn(*at);                          \
        *at = NULL;                       \
    }

DEFINE_AUTO(char, xfree)

#endif

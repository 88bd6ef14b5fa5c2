/*
 * fuzz: what all targets share.
 *
 * A target is a file with the function that libFuzzer calls: bytes in, promises judged, nothing
 * kept. A promise that is broken ends the process by abort, as an overrun does under
 * AddressSanitizer, so that libFuzzer and replay.c see both alike.
 */
#ifndef CLUSTERKEEPER_FUZZ_H
#define CLUSTERKEEPER_FUZZ_H

#include "mem.h"

#include <stdbool.h>
#include <stdint.h>

/* The name is libFuzzer's; 0, always. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says on standard error what was broken, and aborts. */
__attribute__((noreturn)) void fuzz_fail(const char *fmt, ...) PRINTF(1, 2);

#define FUZZ_EXPECT(promise, ...)               \
    do {                                        \
        if (!(promise)) fuzz_fail(__VA_ARGS__); \
    } while (0)

/*
 * `text` is what a message has to be: not empty, one line, UTF-8, and free of what a terminal
 * would obey instead of show. `what` names it.
 */
void fuzz_expect_message(const char *what, const char *text);

/* Bytes as a source of choices. Behind their end every choice is the first one. */
struct choices {
    const uint8_t *at;
    size_t len;
};
/* From 0 to `bound` - 1; `bound` is 1 to 256. */
unsigned choose(struct choices *choices, unsigned bound);
/* True for one byte in `often`. */
bool choose_rarely(struct choices *choices, unsigned often);
/* Up to the byte `end`, or all that is left; the end itself is passed over. */
struct choices choose_until(struct choices *choices, uint8_t end);

/* How often `word`, which is not empty, stands in the bytes. */
size_t fuzz_count(const void *bytes, size_t len, const char *word);

#endif

/*
 * loop_program: programs on the libuv loop, without a shell: the port's `run`. Private to loop.c.
 *
 * A program has no terminal to ask at, reads its input, and is killed with all that it started when
 * its time is over, when it says too much or when the loop ends.
 */
#ifndef CLUSTERKEEPER_LOOP_PROGRAM_H
#define CLUSTERKEEPER_LOOP_PROGRAM_H

#include "port.h"

#include <uv.h>

struct programs; /* opaque */

struct programs *programs_create(uv_loop_t *loop);
/* As the port's `run`. */
void programs_run(struct programs *programs, struct program_call *call);
/*
 * Ends every program, with ERR_CANCELLED, and every later one at once; `closed` is called when the
 * last of those that run now is gone: before this returns where there is none.
 */
void programs_close(struct programs *programs, void (*closed)(void *ctx), void *ctx);
void programs_destroy(struct programs *programs); /* none may be left; NULL is fine */

#endif

/*
 * watch: tells when something below a directory may have changed.
 *
 * inotify through libuv's uv_poll (uv_fs_event does not watch trees). Every directory of the tree
 * is watched, new ones as they appear; so is the parent of the root and of each symbolic link on
 * the way to it, so that a link that is switched to another tree, or a root that comes and goes,
 * is noticed. Editors' temporary files are passed over as catalogue.h does. When the event queue
 * overflows, or the kernel's limit of watches is reached, the tree is taken for changed, and in
 * the second case looked at on an interval from then on. After the first event a quiet period
 * must pass before `changed` is called; a burst that does not end is cut off after a while.
 */
#ifndef CLUSTERKEEPER_WATCH_H
#define CLUSTERKEEPER_WATCH_H

#include "err.h"

#include <stdint.h>
#include <uv.h>

enum { WATCH_DIRECTORIES_MAX = 20000 };

struct watch; /* opaque */

struct watch_config {
    const char *root;  /* kept */
    int64_t quiet_ms;  /* default 50: no event for so long ends a burst */
    int64_t burst_ms;  /* default 2000: a burst is cut off after so long */
    int64_t rescan_ms; /* default 10000: where inotify cannot watch everything */
    void (*changed)(void *ctx);
    /* A limit was reached or a directory cannot be watched: said once for each cause. */
    void (*degraded)(void *ctx, const struct err *err);
    void *ctx;
};

MUST_CHECK bool watch_open(uv_loop_t *loop, const struct watch_config *config,
                           struct watch **ret_watch, struct err *err);
void watch_close(struct watch *watch, void (*closed)(void *ctx), void *ctx);
size_t watch_directories(const struct watch *watch);

#endif

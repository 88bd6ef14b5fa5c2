/*
 *   event ──▶ watch_tree_touch ──▶ quiet timer ──▶ walk, if the shape changed ──▶ changed()
 *                                      ▲
 *             rescan timer, only while a part of the tree is not watched
 *
 * The walk comes before `changed`: whoever then looks at the tree sees what is there at that time,
 * and what comes later has a watch already.
 *
 * Nobody tells us when another file system is mounted over a directory of the tree.
 */
#include "watch.h"

#include "watch_tree.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

enum {
    EVENT_BYTES = 16384, /* several hundred events a read */
    READS_MAX = 16,      /* in one callback; then others have their turn */
    QUIET_MS = 50,
    BURST_MS = 2000,
    RESCAN_MS = 10000,
};

struct watch {
    struct watch_config config;
    int fd;
    struct watch_tree *tree;
    uv_poll_t poll;
    uv_timer_t quiet;
    uv_timer_t rescan;
    unsigned handles_open;
    bool in_burst;
    uint64_t burst_since_ms;
    bool reshaped; /* walk before `changed` */
    unsigned said; /* bits: the troubles that `degraded` was told of */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void on_rescan(uv_timer_t *timer);

static void look_anew(struct watch *watch)
{
    bool troubled = false;
    watch_tree_walk(watch->tree);
    for (unsigned i = 0; i < TROUBLE_COUNT; i++) {
        const struct err *err = watch_tree_trouble(watch->tree, (enum watch_trouble)i);
        if (err == NULL) continue;
        troubled = true;
        if ((watch->said & 1u << i) != 0) continue;
        watch->said |= 1u << i;
        watch->config.degraded(watch->config.ctx, err);
        if (watch->closing) return;
    }
    if (!troubled) {
        (void)uv_timer_stop(&watch->rescan);
    } else if (uv_is_active((uv_handle_t *)&watch->rescan) == 0) {
        uint64_t rescan_ms = (uint64_t)watch->config.rescan_ms;
        (void)uv_timer_start(&watch->rescan, on_rescan, rescan_ms, rescan_ms);
    }
}

/* Last: `changed` may close the watch. */
static void tell(struct watch *watch)
{
    watch->in_burst = false;
    (void)uv_timer_stop(&watch->quiet);
    if (watch->reshaped) {
        watch->reshaped = false;
        look_anew(watch);
    }
    if (!watch->closing) watch->config.changed(watch->config.ctx);
}

static void on_quiet(uv_timer_t *timer)
{
    tell(timer->data);
}

static void on_rescan(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    watch->reshaped = true;
    tell(watch);
}

/* Each event puts the end of the burst off, but not past burst_ms after its first. */
static void note_event(struct watch *watch)
{
    uint64_t now_ms = uv_now(watch->quiet.loop);
    if (!watch->in_burst) {
        watch->in_burst = true;
        watch->burst_since_ms = now_ms;
    }
    uint64_t end_ms = watch->burst_since_ms + (uint64_t)watch->config.burst_ms;
    uint64_t left_ms = end_ms > now_ms ? end_ms - now_ms : 0;
    uint64_t quiet_ms = (uint64_t)watch->config.quiet_ms;
    (void)uv_timer_start(&watch->quiet, on_quiet, quiet_ms < left_ms ? quiet_ms : left_ms, 0);
}

/* One read's worth of events. True when one of them was ours. */
static bool take_events(struct watch *watch, const char *bytes, size_t len)
{
    bool touched = false;
    for (size_t at = 0; at < len;) {
        const struct inotify_event *event = (const void *)(bytes + at);
        enum watch_touch touch = watch_tree_touch(watch->tree, event);
        touched = touched || touch != TOUCH_NONE;
        watch->reshaped = watch->reshaped || touch == TOUCH_SHAPE;
        at += sizeof(*event) + event->len;
    }
    return touched;
}

static void on_events(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    _Alignas(struct inotify_event) char bytes[EVENT_BYTES];
    bool touched = false;
    (void)status, (void)events;
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t len = read(watch->fd, bytes, sizeof(bytes));
        if (len <= 0) break; /* no more, for now */
        if (take_events(watch, bytes, (size_t)len)) touched = true;
    }
    if (touched) note_event(watch);
}

static bool open_inotify(int *ret_fd, struct err *err)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd >= 0) {
        *ret_fd = fd;
        return true;
    }
    if (errno == EMFILE || errno == ENFILE) {
        return err_set(err, ERR_LIMIT,
                       "inotify: no more instances or files; raise fs.inotify.max_user_instances "
                       "or the limit of open files");
    }
    return err_set(err, ERR_IO, "inotify: %s", uv_strerror(uv_translate_sys_error(errno)));
}

static void set_defaults(struct watch_config *config)
{
    if (config->quiet_ms <= 0) config->quiet_ms = QUIET_MS;
    if (config->burst_ms <= 0) config->burst_ms = BURST_MS;
    if (config->rescan_ms <= 0) config->rescan_ms = RESCAN_MS;
}

bool watch_open(uv_loop_t *loop, const struct watch_config *config, struct watch **ret_watch,
                struct err *err)
{
    int fd = -1;
    if (!open_inotify(&fd, err)) return false;
    struct watch *watch = xcalloc(1, sizeof(*watch));
    int result = uv_poll_init(loop, &watch->poll, fd);
    if (result != 0) {
        (void)close(fd);
        xfree(watch);
        return err_set(err, ERR_IO, "inotify: %s", uv_strerror(result));
    }
    watch->config = *config;
    set_defaults(&watch->config);
    watch->fd = fd;
    watch->tree = watch_tree_create(fd, config->root);
    (void)uv_timer_init(loop, &watch->quiet);
    (void)uv_timer_init(loop, &watch->rescan);
    watch->handles_open = 3;
    watch->poll.data = watch;
    watch->quiet.data = watch;
    watch->rescan.data = watch;
    watch_tree_walk(watch->tree);
    for (unsigned i = 0; i < TROUBLE_COUNT; i++) {
        if (watch_tree_trouble(watch->tree, (enum watch_trouble)i) == NULL) continue;
        /* Nothing calls back from inside of an opening: look again at once, from the loop. */
        (void)uv_timer_start(&watch->rescan, on_rescan, 0, (uint64_t)watch->config.rescan_ms);
    }
    result = uv_poll_start(&watch->poll, UV_READABLE, on_events);
    assert(result == 0);
    *ret_watch = watch;
    return true;
}

static void on_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    watch->handles_open--;
    if (watch->handles_open > 0) return;
    void (*closed)(void *ctx) = watch->closed;
    void *ctx = watch->closed_ctx;
    (void)close(watch->fd);
    watch_tree_destroy(watch->tree);
    xfree(watch);
    closed(ctx);
}

void watch_close(struct watch *watch, void (*closed)(void *ctx), void *ctx)
{
    assert(!watch->closing);
    watch->closing = true;
    watch->closed = closed;
    watch->closed_ctx = ctx;
    uv_close((uv_handle_t *)&watch->poll, on_closed);
    uv_close((uv_handle_t *)&watch->quiet, on_closed);
    uv_close((uv_handle_t *)&watch->rescan, on_closed);
}

size_t watch_directories(const struct watch *watch)
{
    return watch_tree_directories(watch->tree);
}

#include "notify.h"

#include "buf.h"
#include "text.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { NOTIFY_MAX = 1024 };

static const char *variable(const char *name)
{
    return getenv(name); /* NOLINT(concurrency-mt-unsafe): nobody sets variables */
}

static void send_state(const char *state)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *path = variable("NOTIFY_SOCKET");
    size_t len = path == NULL ? 0 : strlen(path);
    if (len < 2 || len >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@')) return;
    memcpy(address.sun_path, path, len);
    if (path[0] == '@') address.sun_path[0] = '\0'; /* the abstract name space */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
    (void)close(fd);
}

void notify_ready(void)
{
    send_state("READY=1");
}

void notify_reloading(void)
{
    struct timespec now = { 0 };
    AUTO_BUF struct buf state = BUF_INIT(NOTIFY_MAX);
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    buf_addf(&state, "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    send_state(buf_text(&state));
}

void notify_stopping(void)
{
    send_state("STOPPING=1");
}

void notify_watchdog(void)
{
    send_state("WATCHDOG=1");
}

void notify_status(const char *fmt, ...)
{
    AUTO_BUF struct buf state = BUF_INIT(NOTIFY_MAX);
    va_list args;
    buf_adds(&state, "STATUS=");
    va_start(args, fmt);
    buf_vaddf(&state, fmt, args);
    va_end(args);
    /* A line break would begin another assignment. */
    for (size_t i = 0; i < state.len; i++) {
        if (state.data[i] == '\n') state.data[i] = ' ';
    }
    send_state(buf_text(&state));
}

int64_t notify_watchdog_ms(void)
{
    int64_t usec = 0;
    int64_t pid = 0;
    const char *for_pid = variable("WATCHDOG_PID");
    const char *period = variable("WATCHDOG_USEC");
    if (period == NULL || !text_to_i64(period, 1, INT64_MAX, &usec)) return 0;
    if (for_pid != NULL && (!text_to_i64(for_pid, 1, INT64_MAX, &pid) || pid != getpid())) return 0;
    return usec / 2000 > 0 ? usec / 2000 : 1;
}

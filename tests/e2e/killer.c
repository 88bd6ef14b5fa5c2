/*
 * killer: ends a process by SIGKILL at one of its syncs to disk, that is, at a boundary of its
 * journal. Preloaded; KILL_AT=N names the sync, from 1, KILL_WHEN=before or after it. The number of
 * syncs that were made is appended, a byte each, to the file that KILL_COUNT names.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*sync_fn)(int fd);

static int syncs;

/* NOLINTBEGIN(concurrency-mt-unsafe): the process under test has one thread that syncs */
static void count_one(void)
{
    const char *path = getenv("KILL_COUNT");
    if (path == NULL) return;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return;
    (void)!write(fd, ".", 1);
    (void)close(fd);
}

static int sync_or_die(const char *name, int fd)
{
    sync_fn real = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, name);
    const char *at = getenv("KILL_AT");
    const char *when = getenv("KILL_WHEN");
    syncs++;
    count_one();
    int is_last = at != NULL && strtol(at, NULL, 10) == syncs;
    int is_before = when != NULL && strcmp(when, "before") == 0;
    if (is_last && is_before) (void)raise(SIGKILL);
    int result = real(fd);
    if (is_last) (void)raise(SIGKILL);
    return result;
}
/* NOLINTEND(concurrency-mt-unsafe) */

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the system's begin with __ */
int fsync(int fd)
{
    return sync_or_die("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_or_die("fdatasync", fd);
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

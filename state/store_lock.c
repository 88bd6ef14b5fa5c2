/*
 * The lock file: one writer for a state file, and a word about who it is.
 *
 * A flock belongs to the open file description: it goes with the process, however that ends, and
 * stays when some other descriptor of the file is closed. (A POSIX record lock would be lost then,
 * and would not keep two stores of one process apart.) <sys/file.h> declares it without a feature
 * macro.
 *
 * The file is never removed: a third process could take a lock on the file that was unlinked
 * while a second holds the one that is new. It is emptied instead.
 */
#include "store_private.h"

#include "place.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_MODE = 0600, LOCK_TEXT_SIZE = 512, WORD_SIZE = 65 };

struct store_lock {
    int fd;
};

/* One word of [A-Za-z0-9._-], so that the line can be read back. */
static void make_word(const char *text, char ret_word[WORD_SIZE])
{
    static const char plain[] = "-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t len = strnlen(text, WORD_SIZE - 1);
    for (size_t i = 0; i < len; i++) {
        ret_word[i] = '-';
        if (strchr(plain, text[i]) != NULL) ret_word[i] = text[i];
    }
    if (len == 0) ret_word[len++] = '-';
    ret_word[len] = '\0';
}

static bool write_holder(int fd, const char *command)
{
    char host[WORD_SIZE] = "";
    char host_word[WORD_SIZE];
    char command_word[WORD_SIZE];
    char since[TEXT_TIME_SIZE];
    char line[LOCK_TEXT_SIZE];
    if (gethostname(host, sizeof(host) - 1) != 0) host[0] = '\0';
    make_word(host, host_word);
    make_word(command != NULL ? command : "", command_word);
    struct timespec now = { 0 };
    (void)clock_gettime(CLOCK_REALTIME, &now);
    int len =
        snprintf(line, sizeof(line), "pid=%ld host=%s command=%s since=%s\n", (long)getpid(),
                 host_word, command_word, text_from_wall_ms((int64_t)now.tv_sec * 1000, since));
    if (len < 0 || ftruncate(fd, 0) != 0) return false;
    return pwrite(fd, line, (size_t)len, 0) == (ssize_t)len;
}

/* The holder may have been killed, or may just be writing: the line is told as it is, or not. */
static bool fail_locked(int fd, const char *path, struct err *err)
{
    char line[LOCK_TEXT_SIZE] = "";
    char pid[WORD_SIZE];
    char host[WORD_SIZE];
    char command[WORD_SIZE];
    char since[WORD_SIZE];
    ssize_t len = pread(fd, line, sizeof(line) - 1, 0);
    line[len > 0 ? len : 0] = '\0';
    int words = sscanf(line,
                       "pid=%64[0-9] host=%64[A-Za-z0-9._-] command=%64[A-Za-z0-9._-] "
                       "since=%64[A-Za-z0-9:.-]",
                       pid, host, command, since);
    if (words != 4) {
        return err_set(err, ERR_LOCKED,
                       "state file '%s' is in use by another clusterkeeper; end that, or use "
                       "another --state",
                       path);
    }
    return err_set(err, ERR_LOCKED,
                   "state file '%s' is in use by clusterkeeper %s (pid %s on host %s, since %s); "
                   "end that, or use another --state",
                   path, command, pid, host, since);
}

bool store_lock_take(const char *path, const char *command, struct store_lock **ret_lock,
                     struct err *err)
{
    AUTO(xfree) char *lock_path = place_beside(path, ".lock");
    /* O_NONBLOCK: a pipe of that name must not hold us. */
    int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, LOCK_MODE);
    if (fd < 0) return place_fail(err, errno, "open the lock file", lock_path);

    struct store_lock *lock = xmalloc(sizeof(*lock));
    lock->fd = fd;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int number = errno;
        (void)(number == EWOULDBLOCK ? fail_locked(fd, path, err)
                                     : place_fail(err, number, "lock", lock_path));
        (void)close(fd);
        xfree(lock);
        return false;
    }
    if (!write_holder(fd, command)) {
        (void)place_fail(err, errno, "write the lock file", lock_path);
        store_lock_release(lock);
        return false;
    }
    *ret_lock = lock;
    return true;
}

void store_lock_release(struct store_lock *lock)
{
    if (lock == NULL) return;
    (void)!ftruncate(lock->fd, 0); /* only for the eye: a line there does not lock */
    (void)close(lock->fd);
    xfree(lock);
}

/* realpath is part of XSI, which _POSIX_C_SOURCE alone leaves out. */
#define _XOPEN_SOURCE 700 /* NOLINT(bugprone-reserved-identifier) */

#include "files.h"

#include "secrets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK_BYTES = 16 * 1024 };

/*
 * A second change within so long after the first may bear the same times: the kernel's clock for
 * files ticks every 1 to 10 ms. Where times come in whole seconds, two seconds (FAT has two).
 */
static const int64_t settle_ns = 20000000;
static const int64_t settle_coarse_ns = 2000000000;
static const int64_t second_ns = 1000000000;

static void close_at(const int *fd)
{
    if (*fd >= 0) (void)close(*fd);
}

static void stream_close(DIR *stream)
{
    if (stream != NULL) (void)closedir(stream);
}
DEFINE_AUTO(DIR, stream_close)

/* `errno` as an error; a path that leads nowhere is told from one that cannot be followed. */
static bool fail(struct err *err, const char *what, const char *path)
{
    int number = errno;
    char text[128];
    if (strerror_r(number, text, sizeof(text)) != 0) text[0] = '\0';
    bool is_gone = number == ENOENT || number == ENOTDIR;
    return err_set(err, is_gone ? ERR_NOT_FOUND : ERR_IO, "cannot %s '%s': %s", what, path, text);
}

static int64_t nanoseconds(struct timespec at)
{
    return (int64_t)at.tv_sec * second_ns + at.tv_nsec;
}

static struct file_stamp stamp_of(const struct stat *st)
{
    return (struct file_stamp){
        .device = (uint64_t)st->st_dev,
        .inode = (uint64_t)st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_ns = nanoseconds(st->st_mtim),
        .ctime_ns = nanoseconds(st->st_ctim),
    };
}

/* As stamp_of, for content that is about to be read and kept by its stamp. */
static struct file_stamp stamp_to_keep(const struct stat *st)
{
    struct file_stamp stamp = stamp_of(st);
    struct timespec now;
    bool is_coarse = stamp.ctime_ns % second_ns == 0;
    int64_t settled_ns = stamp.ctime_ns + (is_coarse ? settle_coarse_ns : settle_ns);
    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || nanoseconds(now) < settled_ns) {
        stamp.mtime_ns = FILE_STAMP_UNSETTLED;
    }
    return stamp;
}

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
    return memcmp(a, b, sizeof(*a)) == 0 && a->mtime_ns != FILE_STAMP_UNSETTLED;
}

static enum file_kind kind_of(const struct stat *st)
{
    if (S_ISREG(st->st_mode)) return FILE_REGULAR;
    return S_ISDIR(st->st_mode) ? FILE_DIRECTORY : FILE_OTHER;
}

/* A name is looked up relative to its directory, so that no path is put together or walked. */
static void visit_name(int dir, const char *name, files_visit_fn visit, void *ctx)
{
    struct stat st;
    if (fstatat(dir, name, &st, 0) == 0) {
        struct file_stamp stamp = stamp_of(&st);
        visit(ctx, name, kind_of(&st), &stamp);
        return;
    }
    /* What is gone by now was not there; a link that leads nowhere still is. */
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) return;
    static const struct file_stamp nowhere;
    visit(ctx, name, FILE_OTHER, &nowhere);
}

static bool posix_list(void *ctx, const char *path, files_visit_fn visit, void *visit_ctx,
                       struct err *err)
{
    (void)ctx;
    AUTO(stream_close) DIR *stream = opendir(path);
    if (stream == NULL) return fail(err, "open directory", path);
    int dir = dirfd(stream);
    for (;;) {
        errno = 0;
        /* One stream is read by one thread only. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        const struct dirent *found = readdir(stream);
        if (found == NULL) break;
        const char *name = found->d_name;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            visit_name(dir, name, visit, visit_ctx);
        }
    }
    return errno == 0 || fail(err, "list directory", path);
}

/* Through a chunk on the stack that is wiped, since the file may be a secret. */
static bool read_all(int fd, uint64_t size, const char *path, struct buf *out, struct err *err)
{
    char chunk[CHUNK_BYTES];
    size_t used = 0;
    bool is_done = false;
    uint64_t total = 0;
    while (!is_done) {
        ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) break;
        if ((size_t)got > used) used = (size_t)got;
        total += (uint64_t)got;
        /* The whole file and not a full chunk: there is no need to ask for the end. */
        is_done = !buf_add(out, chunk, (size_t)got) || got == 0 ||
                  (total == size && (size_t)got < sizeof(chunk));
    }
    if (!is_done) (void)fail(err, "read", path);
    memory_wipe(chunk, used);
    return is_done && buf_ok(out, path, err);
}

static bool posix_read(void *ctx, const char *path, struct buf *out, struct file_stamp *ret_stamp,
                       struct err *err)
{
    (void)ctx;
    /* O_NONBLOCK: a pipe without a writer must not hold the program. */
    __attribute__((cleanup(close_at))) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fail(err, "open", path);
    struct stat st;
    if (fstat(fd, &st) != 0) return fail(err, "look at", path);
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, ERR_IO, "cannot read '%s': it is not a regular file", path);
    }
    struct file_stamp stamp = stamp_to_keep(&st);
    if (!read_all(fd, stamp.size, path, out, err)) return false;
    if (ret_stamp != NULL) *ret_stamp = stamp;
    return true;
}

static bool posix_look(void *ctx, const char *path, struct file_stamp *ret_stamp, struct err *err)
{
    (void)ctx;
    struct stat st;
    if (stat(path, &st) != 0) return fail(err, "look at", path);
    *ret_stamp = stamp_to_keep(&st);
    return true;
}

static bool posix_resolve(void *ctx, const char *path, struct buf *out, struct err *err)
{
    (void)ctx;
    char *resolved = realpath(path, NULL);
    if (resolved == NULL) return fail(err, "follow", path);
    (void)buf_adds(out, resolved);
    free(resolved); /* realpath's own, hence not xfree */
    return buf_ok(out, path, err);
}

const struct files *files_posix(void)
{
    static const struct files files = { NULL, posix_list, posix_read, posix_look, posix_resolve };
    return &files;
}

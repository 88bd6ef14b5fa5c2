#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIRECTORY_MODE = 0700, FILE_MODE = 0600, MODE_OF_OTHERS = 077 };

static const struct cause {
    int number;
    enum err_code code;
    const char *advice;
} causes[] = {
    { ENOSPC, ERR_FULL, "free some space" },
    { EDQUOT, ERR_FULL, "free some space or raise the quota" },
    { EFBIG, ERR_FULL, "raise the limit on file sizes" },
    { EROFS, ERR_READONLY, "use a place that takes writes" },
    { EACCES, ERR_READONLY, "run as the user that owns it, or use another --state" },
    { EPERM, ERR_READONLY, "run as the user that owns it, or use another --state" },
    { ENOTDIR, ERR_IO, "a part of the path is a file; use another --state" },
    { EISDIR, ERR_IO, "name a file, not a directory" },
    { ELOOP, ERR_IO, "it must not be a symbolic link; name the file itself" },
};

static const struct cause *cause_find(int number)
{
    for (size_t i = 0; i < COUNT_OF(causes); i++) {
        if (causes[i].number == number) return &causes[i];
    }
    return NULL;
}

enum err_code place_code(int number)
{
    const struct cause *cause = cause_find(number);
    return cause != NULL ? cause->code : ERR_IO;
}

const char *place_reason(int number, char ret_reason[PLACE_REASON_SIZE])
{
    if (strerror_r(number, ret_reason, PLACE_REASON_SIZE) != 0) {
        (void)snprintf(ret_reason, PLACE_REASON_SIZE, "error %d", number);
    }
    return ret_reason;
}

bool place_fail(struct err *err, int number, const char *doing, const char *path)
{
    const struct cause *cause = cause_find(number);
    char reason[PLACE_REASON_SIZE];
    return err_set(err, place_code(number), "cannot %s '%s': %s%s%s", doing, path,
                   place_reason(number, reason), cause != NULL ? "; " : "",
                   cause != NULL ? cause->advice : "");
}

/* The directory that `path` is in; free with xfree. */
static char *parent_of(const char *path)
{
    char *parent = xstrdup(path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL) {
        xfree(parent);
        return xstrdup(".");
    }
    slash[slash == parent ? 1 : 0] = '\0';
    return parent;
}

bool place_takes_files(const char *path)
{
    AUTO(xfree) char *parent = parent_of(path);
    return faccessat(AT_FDCWD, parent, W_OK | X_OK, AT_EACCESS) == 0;
}

/*
 * The name of a new file or directory is on the disk only when its directory is. A file system
 * that cannot sync a directory does without: nothing can be done about it here.
 */
static void sync_parent(const char *path)
{
    AUTO(xfree) char *parent = parent_of(path);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd);
    (void)close(fd);
}

static bool make_directory(const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        return S_ISDIR(st.st_mode) || place_fail(err, ENOTDIR, "use as a directory", path);
    }
    /* Somebody else may make it at the same time. */
    if (mkdir(path, DIRECTORY_MODE) != 0 && errno != EEXIST) {
        return place_fail(err, errno, "make the directory", path);
    }
    sync_parent(path);
    return true;
}

bool place_make_parents(const char *path, struct err *err)
{
    AUTO(xfree) char *parent = xstrdup(path);
    if (parent[0] == '\0') return err_set(err, ERR_USAGE, "the path of the state file is empty");
    for (char *at = strchr(parent + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (!make_directory(parent, err)) return false;
        *at = '/';
    }
    return true;
}

bool place_make_file(const char *path, struct err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd >= 0) {
        (void)close(fd);
        sync_parent(path);
        return true;
    }
    if (errno != EEXIST) return place_fail(err, errno, "make the file", path);

    struct stat st;
    if (lstat(path, &st) != 0) return place_fail(err, errno, "look at", path);
    if (S_ISLNK(st.st_mode)) return place_fail(err, ELOOP, "use", path);
    if (S_ISDIR(st.st_mode)) return place_fail(err, EISDIR, "use", path);
    if (!S_ISREG(st.st_mode)) return err_set(err, ERR_IO, "'%s' is not a regular file", path);
    return true;
}

bool place_make_private(const char *path, struct err *err)
{
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        AUTO(xfree) char *file = place_beside(path, suffixes[i]);
        struct stat st;
        if (stat(file, &st) != 0 || (st.st_mode & MODE_OF_OTHERS) == 0) continue;
        if (chmod(file, FILE_MODE) != 0) {
            return place_fail(err, errno, "take the rights of others from", file);
        }
    }
    return true;
}

bool place_check_file(const char *path, struct err *err)
{
    struct stat st;
    char reason[PLACE_REASON_SIZE];
    if (stat(path, &st) != 0) {
        int number = errno;
        bool is_absent = number == ENOENT || number == ENOTDIR;
        return err_set(err, is_absent ? ERR_NOT_FOUND : ERR_IO, "cannot read '%s': %s", path,
                       place_reason(number, reason));
    }
    if (!S_ISREG(st.st_mode)) return err_set(err, ERR_IO, "'%s' is not a regular file", path);
    if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0) {
        return err_set(err, ERR_IO, "cannot read '%s': %s; run as the user that owns it", path,
                       place_reason(errno, reason));
    }
    return true;
}

bool place_has_content(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

char *place_beside(const char *path, const char *suffix)
{
    size_t size = strlen(path) + strlen(suffix) + 1;
    char *beside = xmalloc(size);
    (void)snprintf(beside, size, "%s%s", path, suffix);
    return beside;
}

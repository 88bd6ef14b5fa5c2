#include "baseline.h"

#include "digest.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

enum { DEPTH_MAX = 16, FILE_BYTES_MAX = 64 * 1024 };

/* `dir` and `name` are of the file, `stat` is what was seen of it. */
typedef bool (*visit_fn)(int dir, const char *name, const struct stat *stat, struct err *err);

static bool walk(int parent, const char *name, unsigned depth, visit_fn visit, struct err *err)
{
    if (depth == 0) return err_set(err, ERR_LIMIT, "%s lies too deep", name);
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        if (fd >= 0) (void)close(fd);
        return err_set(err, ERR_IO, "cannot read the directory %s", name);
    }
    bool ok = true;
    struct dirent *entry = NULL;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): a DIR of our own */
    while (ok && (entry = readdir(dir)) != NULL) {
        struct stat stat;
        if (entry->d_name[0] == '.') continue;
        if (fstatat(fd, entry->d_name, &stat, 0) != 0) {
            ok = err_set(err, ERR_IO, "cannot look at %s", entry->d_name);
        } else if (S_ISDIR(stat.st_mode)) {
            ok = walk(fd, entry->d_name, depth - 1, visit, err);
        } else {
            ok = visit(fd, entry->d_name, &stat, err);
        }
    }
    (void)closedir(dir);
    return ok;
}

static bool look(int dir, const char *name, const struct stat *stat, struct err *err)
{
    (void)dir;
    if (stat->st_size > 0) return true;
    return err_set(err, ERR_IO, "%s is empty", name);
}

static bool take_events(const unsigned char *text, size_t len)
{
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) return false;
    yaml_parser_set_input_string(&parser, text, len);
    bool ok = true;
    bool at_end = false;
    while (ok && !at_end) {
        yaml_event_t event;
        ok = yaml_parser_parse(&parser, &event) != 0;
        if (!ok) break;
        at_end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return ok;
}

static bool parse(int dir, const char *name, const struct stat *stat, struct err *err)
{
    unsigned char text[FILE_BYTES_MAX];
    size_t size = (size_t)stat->st_size;
    if (size > sizeof(text)) return err_set(err, ERR_LIMIT, "%s is too long", name);
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_set(err, ERR_IO, "cannot open %s", name);
    bool is_read = read(fd, text, size) == (ssize_t)size;
    (void)close(fd);
    if (!is_read) return err_set(err, ERR_IO, "cannot read %s", name);
    struct digest digest = digest_of(text, size);
    if (digest_is_zero(&digest) || !take_events(text, size)) {
        return err_set(err, ERR_MANIFEST, "%s is not YAML", name);
    }
    return true;
}

bool baseline_run(const char *kind, const char *root, struct err *err)
{
    if (strcmp(kind, "start") == 0) return true;
    if (strcmp(kind, "walk") == 0) return walk(AT_FDCWD, root, DEPTH_MAX, look, err);
    if (strcmp(kind, "parse") == 0) return walk(AT_FDCWD, root, DEPTH_MAX, parse, err);
    return err_set(err, ERR_USAGE, "--baseline: '%s' is none of start, walk, parse", kind);
}

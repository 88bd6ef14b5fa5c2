#include "sim_files.h"

#include <assert.h>

enum { DIRECTORY_INODE = 1000000 };

static struct sim_file *file_find(const struct sim_files *files, const char *path)
{
    for (size_t i = 0; i < files->len; i++) {
        if (strcmp(files->files[i].path, path) == 0) return &files->files[i];
    }
    return NULL;
}

/* What of `path` is below `directory`; NULL: it is elsewhere. */
static const char *below(const char *path, const char *directory)
{
    size_t len = strlen(directory);
    return strncmp(path, directory, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

static bool is_below_root(const struct sim_files *files, const char *path)
{
    return strcmp(path, files->root) == 0 || below(path, files->root) != NULL;
}

/* The directory is away, or its disk fails. */
static bool is_lost(const struct sim_files *files, const char *path, struct err *err)
{
    if (fault_plan_at(files->faults, POINT_FILE) != NULL) {
        (void)err_set(err, ERR_IO, "cannot read '%s': Input/output error", path);
        return true;
    }
    if (files->state == ROOT_THERE || !is_below_root(files, path)) return false;
    if (files->state == ROOT_EMPTY && strcmp(path, files->root) == 0) return false;
    bool is_there = files->state == ROOT_FAILING;
    (void)err_set(err, is_there ? ERR_IO : ERR_NOT_FOUND, "cannot open '%s': %s", path,
                  is_there ? "Input/output error" : "No such file or directory");
    return true;
}

static uint64_t directory_number(const char *path, size_t len)
{
    uint64_t number = DIRECTORY_INODE;
    for (size_t i = 0; i < len; i++) {
        number = number * 31 + (unsigned char)path[i];
    }
    return number;
}

static struct file_stamp directory_stamp(const char *path, size_t len)
{
    return (struct file_stamp){ 1, directory_number(path, len), 0, 1, 1 };
}

/* Is an entry of this directory the first that leads into the sub-directory `name`? */
static bool is_first(const struct sim_files *files, size_t at, const char *directory,
                     const char *name, size_t len)
{
    for (size_t i = 0; i < at; i++) {
        const char *rest = below(files->files[i].path, directory);
        if (rest != NULL && strncmp(rest, name, len) == 0 && rest[len] == '/') return false;
    }
    return true;
}

static bool files_list(void *ctx, const char *path, files_visit_fn visit, void *visit_ctx,
                       struct err *err)
{
    const struct sim_files *files = ctx;
    if (is_lost(files, path, err)) return false;
    if (files->state == ROOT_EMPTY) return true;
    for (size_t i = 0; i < files->len; i++) {
        const struct sim_file *file = &files->files[i];
        const char *rest = below(file->path, path);
        if (rest == NULL) continue;
        size_t len = strcspn(rest, "/");
        if (rest[len] == '\0') {
            visit(visit_ctx, rest, FILE_REGULAR, &file->stamp);
        } else if (is_first(files, i, path, rest, len)) {
            char name[64];
            assert(len < sizeof(name));
            memcpy(name, rest, len);
            name[len] = '\0';
            struct file_stamp stamp =
                directory_stamp(file->path, (size_t)(rest - file->path) + len);
            visit(visit_ctx, name, FILE_DIRECTORY, &stamp);
        }
    }
    return true;
}

static bool files_read(void *ctx, const char *path, struct buf *out, struct file_stamp *ret_stamp,
                       struct err *err)
{
    const struct sim_files *files = ctx;
    if (is_lost(files, path, err)) return false;
    const struct sim_file *file = file_find(files, path);
    if (file == NULL) return err_set(err, ERR_NOT_FOUND, "cannot open '%s': no such file", path);
    if (file->is_denied) return err_set(err, ERR_IO, "cannot read '%s': permission denied", path);
    (void)buf_adds(out, file->text);
    if (ret_stamp != NULL) *ret_stamp = file->stamp;
    return buf_ok(out, path, err);
}

static bool is_directory(const struct sim_files *files, const char *path)
{
    for (size_t i = 0; i < files->len; i++) {
        if (below(files->files[i].path, path) != NULL) return true;
    }
    return false;
}

static bool files_look(void *ctx, const char *path, struct file_stamp *ret_stamp, struct err *err)
{
    const struct sim_files *files = ctx;
    if (is_lost(files, path, err)) return false;
    const struct sim_file *file = file_find(files, path);
    if (file != NULL) {
        *ret_stamp = file->stamp;
        return true;
    }
    if (!is_directory(files, path) && strcmp(path, files->root) != 0) {
        return err_set(err, ERR_NOT_FOUND, "cannot look at '%s': no such file", path);
    }
    *ret_stamp = directory_stamp(path, strlen(path));
    return true;
}

void sim_files_init(struct sim_files *files, const char *root)
{
    *files = (struct sim_files){ .root = root };
    files->port = (struct files){ files, files_list, files_read, files_look, NULL };
}

static void file_release(struct sim_file *file)
{
    xfree(file->path);
    xfree(file->text);
}

void sim_files_release(struct sim_files *files)
{
    for (size_t i = 0; i < files->len; i++) {
        file_release(&files->files[i]);
    }
    xfree(files->files);
    files->files = NULL;
    files->len = files->cap = 0;
}

static void touch(struct sim_files *files, struct sim_file *file)
{
    int64_t now = ++files->clock;
    file->stamp = (struct file_stamp){ 1, file->stamp.inode, strlen(file->text), now, now };
}

void sim_files_put(struct sim_files *files, const char *path, const char *text)
{
    struct sim_file *file = file_find(files, path);
    if (file == NULL) {
        struct sim_file made = { .path = xstrdup(path), .stamp.inode = ++files->inode };
        ARR_PUSH(files->files, files->len, files->cap, made);
        file = &files->files[files->len - 1];
    }
    xfree(file->text);
    file->text = xstrdup(text);
    touch(files, file);
}

void sim_files_remove(struct sim_files *files, const char *path)
{
    struct sim_file *file = file_find(files, path);
    if (file == NULL) return;
    file_release(file);
    *file = files->files[--files->len];
}

void sim_files_move(struct sim_files *files, const char *from, const char *to)
{
    struct sim_file *file = file_find(files, from);
    if (file == NULL || strcmp(from, to) == 0) return;
    sim_files_remove(files, to);
    file = file_find(files, from);
    xfree(file->path);
    file->path = xstrdup(to);
    file->stamp.ctime_ns = ++files->clock;
}

void sim_files_deny(struct sim_files *files, const char *path, bool is_denied)
{
    struct sim_file *file = file_find(files, path);
    if (file == NULL) return;
    file->is_denied = is_denied;
    file->stamp.ctime_ns = ++files->clock;
}

const char *sim_files_text(const struct sim_files *files, const char *path)
{
    const struct sim_file *file = file_find(files, path);
    return file == NULL ? NULL : file->text;
}

/* For the kind of an entry that readdir tells, which POSIX has only since 2024. */
#define _DEFAULT_SOURCE /* NOLINT(bugprone-reserved-identifier) */
#include "watch_tree.h"

#include "catalogue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The keys are small numbers in sequence: they are their own best hash. */
#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned)*(const int *)(key))
#include "hash.h"

enum {
    LINKS_MAX = 40, /* on one way, as the kernel has it */
    NAMES_MAX = 64, /* of one directory; with more, every name in it counts */
};

/* IN_MODIFY is left out on purpose: a file counts when its writer has closed it. */
static const uint32_t events_wanted = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                      IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |
                                      IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK;

static const struct trouble_row {
    enum err_code code;
    const char *text;
} trouble_rows[TROUBLE_COUNT] = {
    [TROUBLE_KERNEL] = { ERR_LIMIT,
                         "the kernel has no more inotify watches; raise fs.inotify.max_user_watches"
                         " (until then the tree is looked at on an interval)" },
    [TROUBLE_DIRECTORIES] = { ERR_LIMIT,
                              "the tree has more than 20000 directories; it is looked at on an "
                              "interval: take out what holds no manifests" },
    [TROUBLE_DEPTH] = { ERR_LIMIT, "directories are nested deeper than 32: what is below is not "
                                   "watched but looked at on an interval" },
    [TROUBLE_UNREADABLE] = { ERR_IO, "may not be read, so it is looked at on an interval: check "
                                     "its permissions" },
};
_Static_assert(WATCH_DIRECTORIES_MAX == 20000, "as trouble_rows says");
_Static_assert(CATALOGUE_DEPTH_MAX == 32, "as trouble_rows says");

/* A watched directory. It needs no path: its watch stays with it wherever it is moved to. */
struct node {
    int wd;
    bool in_tree;  /* every name in it counts that the catalogue does not pass over */
    bool any_name; /* every name counts */
    char **names;  /* else these: links, their targets, the root, what is not there yet */
    size_t names_len, names_cap;
    UT_hash_handle hh;
};

struct todo {
    char *path;
    unsigned depth;
};

struct watch_tree {
    int fd;
    const char *root;
    struct node *nodes; /* by wd */
    struct todo *todo;  /* directories to visit */
    size_t todo_len, todo_cap;
    struct err troubles[TROUBLE_COUNT]; /* ERR_NONE: not met */
};

/* Nodes */

static void note_trouble(struct watch_tree *tree, enum watch_trouble trouble, const char *path)
{
    struct err *err = &tree->troubles[trouble];
    if (err->code != ERR_NONE) return;
    (void)err_set(err, trouble_rows[trouble].code, "%s: %s", path, trouble_rows[trouble].text);
}

static void node_clear(struct node *node)
{
    for (size_t i = 0; i < node->names_len; i++) {
        xfree(node->names[i]);
    }
    node->names_len = 0;
    node->in_tree = false;
    node->any_name = false;
}

/* uthash's macros count as this code. NOLINTBEGIN(readability-function-size) */
static struct node *node_find(const struct watch_tree *tree, int wd)
{
    struct node *node = NULL;
    HASH_FIND_INT(tree->nodes, &wd, node);
    return node;
}

static struct node *node_add(struct watch_tree *tree, int wd)
{
    struct node *node = xcalloc(1, sizeof(*node));
    node->wd = wd;
    HASH_ADD_INT(tree->nodes, wd, node);
    return node;
}

static void node_forget(struct watch_tree *tree, struct node *node)
{
    HASH_DEL(tree->nodes, node);
    node_clear(node);
    xfree(node->names);
    xfree(node);
}
/* NOLINTEND(readability-function-size) */

/* NULL when it cannot be watched. Gone meanwhile is no trouble: its parent has an event for us. */
static struct node *node_watch(struct watch_tree *tree, const char *path)
{
    int wd = inotify_add_watch(tree->fd, path, events_wanted);
    if (wd < 0) {
        if (errno == EACCES) {
            note_trouble(tree, TROUBLE_UNREADABLE, path);
        } else if (errno == ENOSPC || errno == ENOMEM) {
            note_trouble(tree, TROUBLE_KERNEL, path);
        }
        return NULL;
    }
    struct node *node = node_find(tree, wd);
    if (node != NULL) return node;
    if (HASH_COUNT(tree->nodes) >= WATCH_DIRECTORIES_MAX) {
        (void)inotify_rm_watch(tree->fd, wd);
        note_trouble(tree, TROUBLE_DIRECTORIES, path);
        return NULL;
    }
    return node_add(tree, wd);
}

static bool node_names(const struct node *node, const char *name)
{
    if (node->any_name) return true;
    for (size_t i = 0; i < node->names_len; i++) {
        if (strcmp(node->names[i], name) == 0) return true;
    }
    return false;
}

/* From now on events for `name` in the directory count. */
static void watch_name(struct watch_tree *tree, const char *dir, const char *name)
{
    struct node *node = node_watch(tree, dir);
    if (node == NULL || node_names(node, name)) return;
    if (node->names_len == NAMES_MAX) {
        node->any_name = true;
        return;
    }
    ARR_PUSH(node->names, node->names_len, node->names_cap, xstrdup(name));
}

/* Paths */

/* A path on the way: `done` has no link in it, `rest` is still to be gone. */
struct trail {
    char done[PATH_MAX];
    char rest[PATH_MAX];
};

/* False when there is nothing left, or the name is too long to exist. */
static bool trail_next(struct trail *trail, char ret_name[NAME_MAX + 1])
{
    const char *start = trail->rest + strspn(trail->rest, "/");
    size_t len = strcspn(start, "/");
    if (len == 0 || len > NAME_MAX) return false;
    memcpy(ret_name, start, len);
    ret_name[len] = '\0';
    memmove(trail->rest, start + len, strlen(start + len) + 1);
    return true;
}

static bool trail_is_last(const struct trail *trail)
{
    return trail->rest[strspn(trail->rest, "/")] == '\0';
}

static bool path_join(const char *dir, const char *name, char ret_path[PATH_MAX])
{
    const char *slash = strcmp(dir, "/") == 0 ? "" : "/";
    int len = snprintf(ret_path, PATH_MAX, "%s%s%s", dir, slash, name);
    return len > 0 && len < PATH_MAX;
}

static void path_to_parent(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash != NULL) slash[slash == path ? 1 : 0] = '\0';
}

/* The target of the link `link` comes before the rest of the way. */
static bool trail_enter_link(struct trail *trail, const char *link)
{
    char target[PATH_MAX];
    char rest[PATH_MAX];
    ssize_t len = readlink(link, target, sizeof(target) - 1);
    if (len <= 0) return false;
    target[len] = '\0';
    int whole = snprintf(rest, sizeof(rest), "%s/%s", target, trail->rest);
    if (whole < 0 || whole >= PATH_MAX) return false;
    if (target[0] == '/') trail->done[1] = '\0'; /* it begins with the same */
    memcpy(trail->rest, rest, (size_t)whole + 1);
    return true;
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 ? info.st_mode : 0;
}

/*
 * Go from `dir`, which has no link in it, along `name`, and watch every place where the way can be
 * turned: each link, the end, and the first thing that is not there. False when it ends at none.
 */
static bool follow(struct watch_tree *tree, const char *dir, const char *name,
                   char ret_path[PATH_MAX])
{
    struct trail trail = { .done = "", .rest = "" };
    char part[NAME_MAX + 1];
    char path[PATH_MAX];
    unsigned links = 0;
    if (strlen(dir) >= PATH_MAX || strlen(name) >= PATH_MAX) return false;
    memcpy(trail.done, dir, strlen(dir) + 1);
    memcpy(trail.rest, name, strlen(name) + 1);
    while (trail_next(&trail, part)) {
        if (strcmp(part, ".") == 0) continue;
        if (strcmp(part, "..") == 0) {
            path_to_parent(trail.done);
            continue;
        }
        if (!path_join(trail.done, part, path)) return false;
        mode_t mode = mode_of(path);
        if (trail_is_last(&trail) || mode == 0 || S_ISLNK(mode)) {
            watch_name(tree, trail.done, part);
            mode = mode_of(path); /* it may have changed before it was watched */
        }
        if (mode == 0) return false;
        if (S_ISLNK(mode)) {
            if (++links > LINKS_MAX || !trail_enter_link(&trail, path)) return false;
            continue;
        }
        memcpy(trail.done, path, strlen(path) + 1);
    }
    memcpy(ret_path, trail.done, strlen(trail.done) + 1);
    return trail_is_last(&trail);
}

/* The walk */

static void push_todo(struct watch_tree *tree, const char *path, unsigned depth)
{
    if (depth > CATALOGUE_DEPTH_MAX) {
        note_trouble(tree, TROUBLE_DEPTH, path);
        return;
    }
    struct todo todo = { .path = xstrdup(path), .depth = depth };
    ARR_PUSH(tree->todo, tree->todo_len, tree->todo_cap, todo);
}

static void visit_entry(struct watch_tree *tree, const struct todo *at, const char *name)
{
    char path[PATH_MAX];
    if (!path_join(at->path, name, path)) return;
    mode_t mode = mode_of(path);
    if (S_ISLNK(mode) && follow(tree, at->path, name, path)) mode = mode_of(path);
    if (S_ISDIR(mode)) push_todo(tree, path, at->depth + 1);
}

static void visit(struct watch_tree *tree, const struct todo *at)
{
    struct node *node = node_watch(tree, at->path);
    if (node == NULL || node->in_tree) return; /* by another link, or in a circle */
    node->in_tree = true;
    DIR *dir = opendir(at->path);
    if (dir == NULL) {
        if (errno != ENOENT && errno != ENOTDIR) note_trouble(tree, TROUBLE_UNREADABLE, at->path);
        return;
    }
    /* One stream is read by one thread only. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    for (const struct dirent *entry = NULL; (entry = readdir(dir)) != NULL;) {
        /* Most entries are files, and mostly the directory says so itself. */
        bool is_file = entry->d_type == DT_REG;
        if (!is_file && !catalogue_passes_over(entry->d_name)) {
            visit_entry(tree, at, entry->d_name);
        }
    }
    (void)closedir(dir);
}

static void drop_unused(struct watch_tree *tree)
{
    struct node *node = NULL;
    struct node *next = NULL;
    HASH_ITER(hh, tree->nodes, node, next) {
        if (node->in_tree || node->any_name || node->names_len > 0) continue;
        (void)inotify_rm_watch(tree->fd, node->wd);
        node_forget(tree, node);
    }
}

void watch_tree_walk(struct watch_tree *tree)
{
    char path[PATH_MAX] = "/";
    bool is_relative = tree->root[0] != '/';
    for (struct node *node = tree->nodes; node != NULL; node = node->hh.next) {
        node_clear(node);
    }
    for (size_t i = 0; i < TROUBLE_COUNT; i++) {
        tree->troubles[i].code = ERR_NONE;
    }
    if (is_relative && getcwd(path, sizeof(path)) == NULL) {
        note_trouble(tree, TROUBLE_UNREADABLE, tree->root);
    } else if (follow(tree, path, tree->root, path)) {
        push_todo(tree, path, 0);
    }
    while (tree->todo_len > 0) {
        struct todo at = tree->todo[--tree->todo_len];
        visit(tree, &at);
        xfree(at.path);
    }
    drop_unused(tree);
}

struct watch_tree *watch_tree_create(int fd, const char *root)
{
    struct watch_tree *tree = xcalloc(1, sizeof(*tree));
    tree->fd = fd;
    tree->root = root;
    return tree;
}

void watch_tree_destroy(struct watch_tree *tree)
{
    if (tree == NULL) return;
    while (tree->nodes != NULL) {
        node_forget(tree, tree->nodes);
    }
    xfree(tree->todo);
    xfree(tree);
}

enum watch_touch watch_tree_touch(struct watch_tree *tree, const struct inotify_event *event)
{
    if ((event->mask & IN_Q_OVERFLOW) != 0) return TOUCH_SHAPE; /* anything may have happened */
    struct node *node = node_find(tree, event->wd);
    if (node == NULL) return TOUCH_NONE; /* the last words of a watch that was given up */
    if ((event->mask & IN_IGNORED) != 0) {
        node_forget(tree, node);
        return TOUCH_SHAPE;
    }
    if ((event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0) return TOUCH_SHAPE;
    if (event->len == 0) return node->in_tree ? TOUCH_SHAPE : TOUCH_NONE; /* its permissions */
    bool is_ours =
        node_names(node, event->name) || (node->in_tree && !catalogue_passes_over(event->name));
    if (!is_ours) return TOUCH_NONE;
    return event->mask == IN_CLOSE_WRITE ? TOUCH_CONTENT : TOUCH_SHAPE;
}

const struct err *watch_tree_trouble(const struct watch_tree *tree, enum watch_trouble trouble)
{
    const struct err *err = &tree->troubles[trouble];
    return err->code != ERR_NONE ? err : NULL;
}

size_t watch_tree_directories(const struct watch_tree *tree)
{
    return HASH_COUNT(tree->nodes);
}

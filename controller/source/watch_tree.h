/*
 * watch_tree: which directories inotify has to watch for a tree, and what an event in one means.
 *
 * A walk looks at everything anew and leaves exactly the watches that the tree needs now, so that
 * there is no bookkeeping of what came, went or moved: whatever changes the shape of the tree asks
 * for another walk. A directory is watched before it is read, and a link before it is followed;
 * what changes in between is then an event. Private to watch.c.
 */
#ifndef CLUSTERKEEPER_WATCH_TREE_H
#define CLUSTERKEEPER_WATCH_TREE_H

#include "watch.h"

#include <sys/inotify.h>

struct watch_tree; /* opaque */

enum watch_touch {
    TOUCH_NONE,    /* nothing of ours */
    TOUCH_CONTENT, /* a file was written */
    TOUCH_SHAPE,   /* something came, went or became another: walk again */
};

/* Why a part of the tree is not watched. */
enum watch_trouble {
    TROUBLE_KERNEL,      /* inotify has no more watches for us */
    TROUBLE_DIRECTORIES, /* WATCH_DIRECTORIES_MAX */
    TROUBLE_DEPTH,       /* CATALOGUE_DEPTH_MAX */
    TROUBLE_UNREADABLE,
    TROUBLE_COUNT,
};

/* `fd` is an inotify descriptor, borrowed; `root` is kept. */
struct watch_tree *watch_tree_create(int fd, const char *root);
void watch_tree_destroy(struct watch_tree *tree); /* NULL is fine */

void watch_tree_walk(struct watch_tree *tree);
enum watch_touch watch_tree_touch(struct watch_tree *tree, const struct inotify_event *event);

/* Of the last walk; NULL: there was none of that kind. */
const struct err *watch_tree_trouble(const struct watch_tree *tree, enum watch_trouble trouble);
size_t watch_tree_directories(const struct watch_tree *tree);

#endif

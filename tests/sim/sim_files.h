/*
 * sim_files: the directory of manifests and the files of secrets, in memory, behind files.h.
 *
 * Each write gives a file a new stamp. A file may be unreadable, the whole directory may be away.
 */
#ifndef CLUSTERKEEPER_SIM_FILES_H
#define CLUSTERKEEPER_SIM_FILES_H

#include "fault_plan.h"
#include "files.h"

enum sim_root { ROOT_THERE, ROOT_AWAY, ROOT_EMPTY, ROOT_FAILING };

struct sim_file {
    char *path; /* absolute, or as the catalogue makes it from its root */
    char *text;
    bool is_denied; /* cannot be read */
    struct file_stamp stamp;
};

struct sim_files {
    struct files port; /* hand out &files->port */
    const char *root;
    enum sim_root state;
    struct sim_file *files;
    size_t len, cap;
    int64_t clock;
    uint64_t inode;
    struct fault_plan *faults; /* NULL: none */
};

void sim_files_init(struct sim_files *files, const char *root);
void sim_files_release(struct sim_files *files);

void sim_files_put(struct sim_files *files, const char *path, const char *text);
/* Nothing happens when it is not there. */
void sim_files_remove(struct sim_files *files, const char *path);
void sim_files_move(struct sim_files *files, const char *from, const char *to);
void sim_files_deny(struct sim_files *files, const char *path, bool is_denied);
const char *sim_files_text(const struct sim_files *files, const char *path); /* NULL: not there */

#endif

#include "workdir.h"

#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool workdir_make(struct workdir *workdir)
{
    static const char shared[] = "/dev/shm";
    const char *temporary = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): one thread */
    const char *base = access(shared, W_OK) == 0 ? shared : temporary != NULL ? temporary : "/tmp";
    int len = snprintf(workdir->directory, sizeof(workdir->directory),
                       "%s/clusterkeeper-crash-XXXXXX", base);
    bool fits = len > 0 && (size_t)len < sizeof(workdir->directory);
    if (!fits || mkdtemp(workdir->directory) == NULL) {
        (void)fprintf(stderr, "cannot make a directory in '%s'\n", base);
        return false;
    }
    (void)snprintf(workdir->state_path, sizeof(workdir->state_path), "%s/state.db",
                   workdir->directory);
    return true;
}

void workdir_remove(const struct workdir *workdir)
{
    static const char *const endings[] = { "", ".lock", ".cache" };
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        char path[WORKDIR_PATH_SIZE + 8];
        (void)snprintf(path, sizeof(path), "%s%s", workdir->state_path, endings[i]);
        (void)unlink(path);
    }
    (void)rmdir(workdir->directory);
}

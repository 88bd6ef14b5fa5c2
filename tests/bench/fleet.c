#include "fleet.h"

#include "buf.h"
#include "measure.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PER_DIRECTORY = 100, MANIFEST_MAX = 4096, DATED_BACK_S = 3600, TREE_DEPTH_MAX = 16 };

static void write_manifest(struct buf *out, size_t index, unsigned revision)
{
    buf_addf(out,
             "# One of the benchmark's fleet: as long as manifests usually are.\n"
             "apiVersion: clusterkeeper/v1\n"
             "kind: Cluster\n"
             "metadata:\n"
             "  name: bench-%05zu\n"
             "  labels: {team: team-%03zu, wave: canary}\n"
             "spec:\n"
             "  spark_version: 15.4.x-scala2.12\n"
             "  node_type_id: i3.xlarge\n"
             "  driver_node_type_id: i3.2xlarge\n"
             "  num_workers: %u\n"
             "  data_security_mode: SINGLE_USER\n"
             "  autotermination_minutes: 60\n",
             index, index / PER_DIRECTORY, 2 + revision);
    buf_addf(out,
             "  docker_image:\n"
             "    url: acme/databricks-python:1.%zu.0\n"
             "  aws_attributes:\n"
             "    availability: ON_DEMAND\n"
             "    zone_id: auto\n"
             "  init_scripts:\n"
             "    - workspace: {destination: /Shared/init/agent.sh}\n"
             "  spark_conf:\n"
             "    spark.sql.shuffle.partitions: %zu\n"
             "    spark.sql.adaptive.enabled: true\n"
             "    spark.databricks.delta.optimizeWrite.enabled: true\n"
             "    spark.databricks.io.cache.enabled: true\n"
             "  spark_env_vars:\n"
             "    PYSPARK_PYTHON: /databricks/python3/bin/python3\n"
             "    LOG_LEVEL: info\n"
             "  custom_tags:\n"
             "    team: team-%03zu\n"
             "    cost-center: \"%zu\"\n"
             "keep:\n"
             "  strategy: recreate\n"
             "  drift: correct\n"
             "  prune: terminate\n",
             index % 20, 64 + index % 64, index / PER_DIRECTORY, 1000 + index % 97);
}

static void write_path(struct buf *out, const char *root, size_t index, const char *name)
{
    buf_addf(out, "%s/team-%03zu/%s", root, index / PER_DIRECTORY, name);
}

static bool write_file(const char *path, const struct buf *text, bool dated_back, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return err_set(err, ERR_IO, "cannot make %s", path);
    bool written = write(fd, text->data, text->len) == (ssize_t)text->len;
    struct timespec times[2] = { { 0 } };
    if (written && dated_back) {
        written = clock_gettime(CLOCK_REALTIME, &times[0]) == 0;
        times[0].tv_sec -= DATED_BACK_S;
        times[1] = times[0];
        written = written && futimens(fd, times) == 0;
    }
    if (close(fd) == 0 && written) return true;
    return err_set(err, ERR_IO, "cannot write %s", path);
}

static bool make_one(const char *root, size_t index, struct err *err)
{
    AUTO_BUF struct buf path = BUF_INIT(FLEET_PATH_MAX);
    AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX);
    if (index % PER_DIRECTORY == 0) {
        write_path(&path, root, index, "");
        if (!buf_ok(&path, "a path", err)) return false;
        if (mkdir(buf_text(&path), 0755) != 0) {
            return err_set(err, ERR_IO, "cannot make %s", buf_text(&path));
        }
        buf_clear(&path);
    }
    char name[32];
    (void)snprintf(name, sizeof(name), "bench-%05zu.yaml", index);
    write_path(&path, root, index, name);
    write_manifest(&text, index, 0);
    if (!buf_ok(&path, "a path", err) || !buf_ok(&text, "a manifest", err)) return false;
    return write_file(buf_text(&path), &text, true, err);
}

bool fleet_create(const char *root, size_t manifests, struct err *err)
{
    if (mkdir(root, 0755) != 0) return err_set(err, ERR_IO, "cannot make %s", root);
    for (size_t i = 0; i < manifests; i++) {
        if (stop_is_asked()) return err_set(err, ERR_CANCELLED, "stopped by a signal");
        if (!make_one(root, i, err)) return false;
    }
    return true;
}

bool fleet_change(const char *root, size_t index, unsigned revision, double *ret_at_ms,
                  struct err *err)
{
    AUTO_BUF struct buf path = BUF_INIT(FLEET_PATH_MAX);
    AUTO_BUF struct buf part = BUF_INIT(FLEET_PATH_MAX);
    AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX);
    char name[32];
    (void)snprintf(name, sizeof(name), "bench-%05zu.yaml", index);
    write_path(&path, root, index, name);
    write_path(&part, root, index, ".part");
    write_manifest(&text, index, revision);
    if (!buf_ok(&path, "a path", err) || !buf_ok(&part, "a path", err)) return false;
    if (!write_file(buf_text(&part), &text, false, err)) return false;
    double at_ms = clock_now_ms();
    if (rename(buf_text(&part), buf_text(&path)) != 0) {
        return err_set(err, ERR_IO, "cannot replace %s", buf_text(&path));
    }
    if (ret_at_ms != NULL) *ret_at_ms = at_ms;
    return true;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void remove_at(int parent, const char *name, unsigned depth)
{
    if (unlinkat(parent, name, 0) == 0 || depth == 0) return;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        if (fd >= 0) (void)close(fd);
        return;
    }
    struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): a DIR of our own */
        if (!is_dots(entry->d_name)) remove_at(fd, entry->d_name, depth - 1);
    }
    (void)closedir(dir);
    (void)unlinkat(parent, name, AT_REMOVEDIR);
}

void tree_remove(const char *path)
{
    remove_at(AT_FDCWD, path, TREE_DEPTH_MAX);
}

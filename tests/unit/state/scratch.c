#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOBODY = 65534 };

int scratch_setup(void **state)
{
    struct scratch *scratch = xcalloc(1, sizeof(*scratch));
    assert_non_null(getcwd(scratch->cwd, sizeof(scratch->cwd)));
    (void)snprintf(scratch->dir, sizeof(scratch->dir), "%s/state-XXXXXX", scratch->cwd);
    assert_non_null(mkdtemp(scratch->dir));
    (void)scratch_path(scratch, "state.db", scratch->file);
    *state = scratch;
    return 0;
}

static void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        (void)unlink(path);
        return;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) { /* NOLINT */
        char inner[SCRATCH_PATH_SIZE * 2];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        (void)snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
        remove_tree(inner);
    }
    (void)closedir(dir);
    (void)rmdir(path);
}

int scratch_teardown(void **state)
{
    struct scratch *scratch = *state;
    scratch_rise();
    assert_int_equal(chdir(scratch->cwd), 0);
    (void)chmod(scratch->dir, 0700);
    remove_tree(scratch->dir);
    xfree(scratch);
    return 0;
}

const char *scratch_path(const struct scratch *scratch, const char *name,
                         char ret_path[SCRATCH_PATH_SIZE])
{
    int len = snprintf(ret_path, SCRATCH_PATH_SIZE, "%s/%s", scratch->dir, name);
    assert_in_range(len, 1, SCRATCH_PATH_SIZE - 1);
    return ret_path;
}

const char *scratch_beside(const struct scratch *scratch, const char *suffix,
                           char ret_path[SCRATCH_PATH_SIZE])
{
    int len = snprintf(ret_path, SCRATCH_PATH_SIZE, "%s%s", scratch->file, suffix);
    assert_in_range(len, 1, SCRATCH_PATH_SIZE - 1);
    return ret_path;
}

void scratch_write(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(close(fd), 0);
}

int scratch_mode(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

bool scratch_sink(const struct scratch *scratch)
{
    if (geteuid() != 0) return true;
    assert_int_equal(seteuid(NOBODY), 0);
    bool can_reach = faccessat(AT_FDCWD, scratch->dir, X_OK, AT_EACCESS) == 0;
    if (!can_reach) scratch_rise();
    return can_reach;
}

void scratch_rise(void)
{
    if (getuid() == 0) assert_int_equal(seteuid(0), 0);
}

struct store *scratch_open(const char *path, enum store_mode mode)
{
    struct store *store = NULL;
    struct err err = { .code = ERR_NONE };
    must(store_open(path, mode, WORKSPACE, "run", &store, &err));
    return store;
}

void scratch_put(struct store *store, const struct record *record)
{
    struct err err;
    must(store_begin(store, &err));
    must(store_record_put(store, record, &err));
    must(store_commit(store, &err));
}

bool scratch_has(struct store *store, const char *name)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err;
    struct record record;
    bool found = false;
    must(store_record_get(store, name, &arena, &record, &found, &err));
    return found;
}

void scratch_refuse(const char *path, enum store_mode mode, enum err_code code, const char *word,
                    const char *other_word)
{
    struct store *store = NULL;
    struct err err = { .code = ERR_NONE };
    assert_false(store_open(path, mode, WORKSPACE, "run", &store, &err));
    assert_null(store);
    if (err.code != code || strstr(err.text, word) == NULL ||
        strstr(err.text, other_word) == NULL) {
        fail_msg("%s: %s", err_code_name(err.code), err.text);
    }
}

void scratch_make(const char *path, const char *name)
{
    AUTO(store_close) struct store *store = scratch_open(path, STORE_WRITE);
    scratch_put(store, &(struct record){ .name = name, .applied_spec = "{}" });
}

void scratch_sql(const char *path, const char *text)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK) fail_msg("%s", sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

char *scratch_read(const char *path, size_t *ret_len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    char *bytes = xmalloc((size_t)st.st_size + 1);
    assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
    assert_int_equal(close(fd), 0);
    *ret_len = (size_t)st.st_size;
    return bytes;
}

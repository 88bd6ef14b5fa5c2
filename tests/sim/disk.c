#include "disk.h"

#include <assert.h>
#include <sqlite3.h>

enum { SHM_REGION_MAX = 64 * 1024, PATH_SIZE = 512, SECTOR = 4096 };

/* What SQLite holds of an open file. */
struct handle {
    sqlite3_file base;
    struct disk *disk;
    struct disk_file *file;
    int lock;
    bool is_deleted; /* on close */
    bool has_shm;
    unsigned shm_shared, shm_exclusive; /* masks of the locks that it holds */
};

/* ---- the store of files ---- */

struct disk_file *disk_find(const struct disk *disk, const char *path)
{
    struct disk_file *file = disk->files;
    while (file != NULL && (file->path == NULL || strcmp(file->path, path) != 0)) {
        file = file->next;
    }
    return file;
}

static struct disk_file *file_make(struct disk *disk, const char *path)
{
    struct disk_file *file = xcalloc(1, sizeof(*file));
    file->path = path == NULL ? NULL : xstrdup(path);
    file->next = disk->files;
    disk->files = file;
    return file;
}

static void shm_drop(struct disk_file *file)
{
    for (size_t i = 0; i < DISK_SHM_MAX; i++) {
        xfree(file->shm[i]);
        file->shm[i] = NULL;
    }
}

static void file_remove(struct disk *disk, struct disk_file *file)
{
    struct disk_file **at = &disk->files;
    while (*at != file) {
        at = &(*at)->next;
    }
    *at = file->next;
    shm_drop(file);
    xfree(file->path);
    xfree(file->bytes);
    xfree(file);
}

void disk_remove(struct disk *disk, const char *path)
{
    struct disk_file *file = disk_find(disk, path);
    if (file == NULL) return;
    assert(file->opened == 0);
    file_remove(disk, file);
}

void disk_put(struct disk *disk, const char *path, const void *bytes, size_t len)
{
    disk_remove(disk, path);
    struct disk_file *file = file_make(disk, path);
    file->bytes = xmalloc(len + 1);
    if (len > 0) memcpy(file->bytes, bytes, len);
    file->len = len;
    file->cap = len + 1;
}

void disk_release(struct disk *disk)
{
    while (disk->files != NULL) {
        assert(disk->files->opened == 0);
        file_remove(disk, disk->files);
    }
}

void disk_copy(const struct disk *from, struct disk *to)
{
    *to = (struct disk){ .writes_left = -1 };
    for (const struct disk_file *file = from->files; file != NULL; file = file->next) {
        assert(file->opened == 0);
        struct disk_file *copy = file_make(to, file->path);
        copy->bytes = xmalloc(file->len + 1);
        memcpy(copy->bytes, file->bytes, file->len);
        copy->len = file->len;
        copy->cap = file->len + 1;
    }
}

static bool holds(const struct disk_file *file, const char *text)
{
    size_t len = strlen(text);
    const unsigned char *at = file->bytes;
    size_t left = file->len;
    while (left >= len) {
        const unsigned char *found = memchr(at, text[0], left - len + 1);
        if (found == NULL) return false;
        if (memcmp(found, text, len) == 0) return true;
        left -= (size_t)(found - at) + 1;
        at = found + 1;
    }
    return false;
}

const char *disk_search(const struct disk *disk, const char *prefix, const char *text)
{
    for (const struct disk_file *file = disk->files; file != NULL; file = file->next) {
        bool is_meant = file->path != NULL && strncmp(file->path, prefix, strlen(prefix)) == 0;
        if (is_meant && holds(file, text)) return file->path;
    }
    return NULL;
}

/* ---- one file ---- */

/* What the watch makes of a deed: what SQLite is told; `failure`: when it is to fail. */
static int ask_watch(struct disk *disk, struct disk_event event, int failure)
{
    if (disk->watch == NULL || event.path == NULL) return SQLITE_OK;
    enum disk_verdict verdict = disk->watch->before(disk->watch->ctx, &event);
    if (verdict == DISK_GOES_ON) return SQLITE_OK;
    return verdict == DISK_FAILS ? failure : SQLITE_FULL;
}

/* Whether a write has an effect: what SQLite is told. */
static int write_begins(struct disk *disk)
{
    if (disk->is_dead) return SQLITE_IOERR_WRITE;
    if (disk->is_full) return SQLITE_FULL;
    disk->writes++;
    if (disk->writes_left < 0) return SQLITE_OK;
    if (disk->writes_left-- > 0) return SQLITE_OK;
    disk->is_dead = true;
    return SQLITE_IOERR_WRITE;
}

static int on_close(sqlite3_file *base)
{
    struct handle *handle = (struct handle *)(void *)base;
    struct disk_file *file = handle->file;
    if (--file->opened > 0) return SQLITE_OK;
    shm_drop(file);
    file->shared = 0;
    file->is_exclusive = false;
    if (file->path == NULL || (handle->is_deleted && !handle->disk->is_dead)) {
        file_remove(handle->disk, file);
    }
    return SQLITE_OK;
}

static int on_read(sqlite3_file *base, void *out, int len, sqlite3_int64 at)
{
    const struct disk_file *file = ((struct handle *)(void *)base)->file;
    size_t from = (size_t)at;
    size_t there = from >= file->len ? 0 : file->len - from;
    size_t wanted = (size_t)len;
    size_t got = there < wanted ? there : wanted;
    if (got > 0) memcpy(out, file->bytes + from, got);
    if (got == wanted) return SQLITE_OK;
    memset((char *)out + got, 0, wanted - got);
    return SQLITE_IOERR_SHORT_READ;
}

static int on_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 at)
{
    const struct handle *handle = (struct handle *)(void *)base;
    struct disk_file *file = handle->file;
    int rc = file->path == NULL ? SQLITE_OK : write_begins(handle->disk);
    if (rc != SQLITE_OK) return rc;
    struct disk_event event = { DISK_WRITE, file->path, bytes, (size_t)at, (size_t)len, false };
    rc = ask_watch(handle->disk, event, SQLITE_IOERR_WRITE);
    if (rc != SQLITE_OK) return rc;
    size_t end = (size_t)at + (size_t)len;
    if (end > file->cap) {
        file->cap = 2 * end;
        file->bytes = xrealloc(file->bytes, file->cap);
    }
    if ((size_t)at > file->len) memset(file->bytes + file->len, 0, (size_t)at - file->len);
    memcpy(file->bytes + at, bytes, (size_t)len);
    if (end > file->len) file->len = end;
    file->is_unsynced = true;
    return SQLITE_OK;
}

static int on_truncate(sqlite3_file *base, sqlite3_int64 len)
{
    const struct handle *handle = (struct handle *)(void *)base;
    if (handle->disk->is_dead) return SQLITE_IOERR_TRUNCATE;
    struct disk_event event = { .deed = DISK_TRUNCATE,
                                .path = handle->file->path,
                                .len = (size_t)len };
    int rc = ask_watch(handle->disk, event, SQLITE_IOERR_TRUNCATE);
    if (rc != SQLITE_OK) return rc;
    if ((size_t)len < handle->file->len) handle->file->len = (size_t)len;
    return SQLITE_OK;
}

static int on_sync(sqlite3_file *base, int flags)
{
    (void)flags;
    const struct handle *handle = (struct handle *)(void *)base;
    if (handle->disk->is_dead) return SQLITE_IOERR_FSYNC;
    struct disk_event event = { .deed = DISK_SYNC, .path = handle->file->path };
    int rc = ask_watch(handle->disk, event, SQLITE_IOERR_FSYNC);
    if (rc != SQLITE_OK) return rc;
    handle->file->is_unsynced = false;
    return SQLITE_OK;
}

static int on_size(sqlite3_file *base, sqlite3_int64 *ret_len)
{
    *ret_len = (sqlite3_int64)((struct handle *)(void *)base)->file->len;
    return SQLITE_OK;
}

/* ---- locks: SHARED and above of the file, eight slots of the log's shared memory ---- */

static int on_lock(sqlite3_file *base, int lock)
{
    struct handle *handle = (struct handle *)(void *)base;
    struct disk_file *file = handle->file;
    if (lock <= handle->lock) return SQLITE_OK;
    unsigned others = file->shared - (handle->lock >= SQLITE_LOCK_SHARED ? 1 : 0);
    if (file->is_exclusive && handle->lock < SQLITE_LOCK_RESERVED) return SQLITE_BUSY;
    if (lock == SQLITE_LOCK_EXCLUSIVE && others > 0) return SQLITE_BUSY;
    if (handle->lock < SQLITE_LOCK_SHARED) file->shared++;
    if (lock == SQLITE_LOCK_EXCLUSIVE) file->is_exclusive = true;
    handle->lock = lock;
    return SQLITE_OK;
}

static int on_unlock(sqlite3_file *base, int lock)
{
    struct handle *handle = (struct handle *)(void *)base;
    if (lock >= handle->lock) return SQLITE_OK;
    if (handle->lock == SQLITE_LOCK_EXCLUSIVE) handle->file->is_exclusive = false;
    if (lock < SQLITE_LOCK_SHARED) handle->file->shared--;
    handle->lock = lock;
    return SQLITE_OK;
}

static int on_check_reserved(sqlite3_file *base, int *ret_reserved)
{
    *ret_reserved = ((struct handle *)(void *)base)->file->is_exclusive;
    return SQLITE_OK;
}

static int on_control(sqlite3_file *base, int op, void *arg)
{
    (void)base;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int on_sector(sqlite3_file *base)
{
    (void)base;
    return SECTOR;
}

static int on_traits(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int on_shm_map(sqlite3_file *base, int region, int size, int extend, void volatile **ret_at)
{
    struct handle *handle = (struct handle *)(void *)base;
    assert(size <= SHM_REGION_MAX);
    if (region >= DISK_SHM_MAX) return SQLITE_IOERR_SHMSIZE;
    void **at = &handle->file->shm[region];
    if (*at == NULL && extend != 0) *at = xcalloc(1, (size_t)size);
    *ret_at = *at;
    handle->has_shm = true;
    return SQLITE_OK;
}

static int on_shm_lock(sqlite3_file *base, int offset, int count, int flags)
{
    struct handle *handle = (struct handle *)(void *)base;
    struct disk_file *file = handle->file;
    bool is_exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    for (int i = offset; i < offset + count; i++) {
        unsigned bit = 1u << i;
        bool held = (handle->shm_shared & bit) != 0;
        if ((flags & SQLITE_SHM_UNLOCK) != 0) {
            if (held && !is_exclusive) file->shm_shared[i]--;
            if (is_exclusive && (handle->shm_exclusive & bit)) file->shm_exclusive[i] = false;
            if (is_exclusive) handle->shm_exclusive &= ~bit;
            if (!is_exclusive) handle->shm_shared &= ~bit;
            continue;
        }
        if (file->shm_exclusive[i] && !(handle->shm_exclusive & bit)) return SQLITE_BUSY;
        if (is_exclusive && file->shm_shared[i] > (held ? 1u : 0u)) return SQLITE_BUSY;
    }
    if ((flags & SQLITE_SHM_UNLOCK) != 0) return SQLITE_OK;
    for (int i = offset; i < offset + count; i++) {
        unsigned bit = 1u << i;
        if (is_exclusive) {
            file->shm_exclusive[i] = true;
            handle->shm_exclusive |= bit;
        } else if (!(handle->shm_shared & bit)) {
            file->shm_shared[i]++;
            handle->shm_shared |= bit;
        }
    }
    return SQLITE_OK;
}

static void on_shm_barrier(sqlite3_file *base)
{
    (void)base;
}

static int on_shm_unmap(sqlite3_file *base, int is_deleted)
{
    struct handle *handle = (struct handle *)(void *)base;
    for (int i = 0; i < DISK_LOCKS; i++) {
        unsigned bit = 1u << i;
        if (handle->shm_shared & bit) handle->file->shm_shared[i]--;
        if (handle->shm_exclusive & bit) handle->file->shm_exclusive[i] = false;
    }
    handle->shm_shared = handle->shm_exclusive = 0;
    if (is_deleted && handle->file->opened == 1) shm_drop(handle->file);
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_unlock,
    .xCheckReservedLock = on_check_reserved,
    .xFileControl = on_control,
    .xSectorSize = on_sector,
    .xDeviceCharacteristics = on_traits,
    .xShmMap = on_shm_map,
    .xShmLock = on_shm_lock,
    .xShmBarrier = on_shm_barrier,
    .xShmUnmap = on_shm_unmap,
};

/* ---- the disk ---- */

static int on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags,
                   int *ret_flags)
{
    struct handle *handle = (struct handle *)(void *)base;
    struct disk *disk = vfs->pAppData;
    struct disk_file *file = path == NULL ? NULL : disk_find(disk, path);
    *handle = (struct handle){ .disk = disk };
    if (file == NULL) {
        bool may_make = (flags & SQLITE_OPEN_READWRITE) != 0 && !disk->is_dead;
        if (!may_make) return SQLITE_CANTOPEN;
        enum { NAMED_WITH_ITS_SYNC = SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL };
        struct disk_event event = { .deed = DISK_MAKE,
                                    .path = path,
                                    .is_synced = (flags & NAMED_WITH_ITS_SYNC) != 0 };
        int rc = ask_watch(disk, event, SQLITE_CANTOPEN);
        if (rc != SQLITE_OK) return rc;
        file = file_make(disk, path);
    }
    file->opened++;
    handle->file = file;
    handle->is_deleted = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    handle->base.pMethods = &methods;
    if (ret_flags != NULL) *ret_flags = flags;
    return SQLITE_OK;
}

static int on_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    struct disk *disk = vfs->pAppData;
    struct disk_file *file = disk_find(disk, path);
    if (disk->is_dead) return SQLITE_IOERR_DELETE;
    if (file == NULL) return SQLITE_IOERR_DELETE_NOENT;
    if (file->opened > 0) return SQLITE_IOERR_DELETE;
    struct disk_event event = { .deed = DISK_DELETE, .path = path, .is_synced = sync != 0 };
    int rc = ask_watch(disk, event, SQLITE_IOERR_DELETE);
    if (rc != SQLITE_OK) return rc;
    file_remove(disk, file);
    return SQLITE_OK;
}

static int on_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret_there)
{
    (void)flags;
    *ret_there = disk_find(vfs->pAppData, path) != NULL;
    return SQLITE_OK;
}

static int on_full_path(sqlite3_vfs *vfs, const char *path, int size, char *ret_path)
{
    (void)vfs;
    size_t len = strlen(path);
    if (len >= (size_t)size) return SQLITE_CANTOPEN;
    memcpy(ret_path, path, len + 1);
    return SQLITE_OK;
}

/* Of the salts of a log alone; what is drawn here decides nothing. */
static int on_random(sqlite3_vfs *vfs, int len, char *ret_bytes)
{
    const struct disk *disk = vfs->pAppData;
    for (int i = 0; i < len; i++) {
        ret_bytes[i] = (char)((disk->writes + 1) * (unsigned)(i + 7) * 2654435761u >> 13);
    }
    return len;
}

static int on_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

static int on_time(sqlite3_vfs *vfs, sqlite3_int64 *ret_ms)
{
    (void)vfs;
    *ret_ms = INT64_C(212000000000000);
    return SQLITE_OK;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): as SQLite has it */
static int on_last_error(sqlite3_vfs *vfs, int len, char *ret_text)
{
    (void)vfs;
    (void)len;
    (void)ret_text;
    return 0;
}

void disk_use(struct disk *disk)
{
    static sqlite3_vfs vfs = {
        .iVersion = 2,
        .szOsFile = sizeof(struct handle),
        .mxPathname = PATH_SIZE,
        .zName = "simulated",
        .xOpen = on_open,
        .xDelete = on_delete,
        .xAccess = on_access,
        .xFullPathname = on_full_path,
        .xRandomness = on_random,
        .xSleep = on_sleep,
        .xGetLastError = on_last_error,
        .xCurrentTimeInt64 = on_time,
    };
    bool is_known = vfs.pAppData != NULL;
    vfs.pAppData = disk;
    if (is_known) return;
    /* One thread, and nobody asks how much memory it holds: a lock less for each piece of it. */
    (void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    int rc = sqlite3_vfs_register(&vfs, 1);
    assert(rc == SQLITE_OK);
    (void)rc;
}

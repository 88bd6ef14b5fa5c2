#include "fault.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stddef.h>

static struct {
    enum fault_kind kind;
    uint64_t nth, calls;
    bool is_armed, is_lasting;
} fault;

static sqlite3_vfs *real_vfs;
static sqlite3_mem_methods real_memory;

void fault_arm(enum fault_kind kind, uint64_t nth, bool lasting)
{
    fault.kind = kind;
    fault.nth = nth;
    fault.calls = 0;
    fault.is_lasting = lasting;
    fault.is_armed = true;
}

uint64_t fault_disarm(void)
{
    fault.is_armed = false;
    return fault.calls;
}

static bool strikes(enum fault_kind kind)
{
    if (!fault.is_armed || kind != fault.kind) return false;
    fault.calls++;
    if (fault.nth == 0) return false;
    return fault.calls == fault.nth || (fault.is_lasting && fault.calls > fault.nth);
}

/* ---- memory ---- */

static void *on_allocate(int size)
{
    return strikes(FAULT_MEMORY) ? NULL : real_memory.xMalloc(size);
}

static void *on_reallocate(void *memory, int size)
{
    return strikes(FAULT_MEMORY) ? NULL : real_memory.xRealloc(memory, size);
}

/* ---- a file ---- */

/* The real file lies behind it. */
struct handle {
    sqlite3_file base;
    sqlite3_file *real;
};

static sqlite3_file *real_of(sqlite3_file *base)
{
    return ((struct handle *)(void *)base)->real;
}

static bool file_strikes(void)
{
    if (!strikes(FAULT_FILE)) return false;
    errno = EIO;
    return true;
}

/* A function that passes a call on to the real file, unless it has to fail with `code`. */
#define CALL(name, code, parameters, arguments)            \
    static int on_##name parameters                        \
    {                                                      \
        if (file_strikes()) return code;                   \
        return real_of(base)->pMethods->x##name arguments; \
    }

CALL(Read, SQLITE_IOERR_READ, (sqlite3_file * base, void *out, int len, sqlite3_int64 at),
     (real_of(base), out, len, at))
CALL(Write, SQLITE_FULL, (sqlite3_file * base, const void *bytes, int len, sqlite3_int64 at),
     (real_of(base), bytes, len, at))
CALL(Truncate, SQLITE_IOERR_TRUNCATE, (sqlite3_file * base, sqlite3_int64 len),
     (real_of(base), len))
CALL(FileSize, SQLITE_IOERR_FSTAT, (sqlite3_file * base, sqlite3_int64 *ret_len),
     (real_of(base), ret_len))
CALL(Lock, SQLITE_IOERR_LOCK, (sqlite3_file * base, int lock), (real_of(base), lock))
CALL(CheckReservedLock, SQLITE_IOERR_CHECKRESERVEDLOCK, (sqlite3_file * base, int *ret_is_held),
     (real_of(base), ret_is_held))
CALL(ShmMap, SQLITE_IOERR_SHMMAP,
     (sqlite3_file * base, int region, int size, int extend, void volatile **ret_at),
     (real_of(base), region, size, extend, ret_at))

/* No power is cut here: that the disk has it is not waited for. */
static int on_Sync(sqlite3_file *base, int flags)
{
    (void)base;
    (void)flags;
    return file_strikes() ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

/* What gives something back does not fail: a process that ends gives it back too. */
#define PASS(name, parameters, arguments)                  \
    static int on_##name parameters                        \
    {                                                      \
        return real_of(base)->pMethods->x##name arguments; \
    }

PASS(Close, (sqlite3_file * base), (real_of(base)))
PASS(Unlock, (sqlite3_file * base, int lock), (real_of(base), lock))
PASS(FileControl, (sqlite3_file * base, int op, void *arg), (real_of(base), op, arg))
PASS(SectorSize, (sqlite3_file * base), (real_of(base)))
PASS(DeviceCharacteristics, (sqlite3_file * base), (real_of(base)))
PASS(ShmUnmap, (sqlite3_file * base, int is_deleted), (real_of(base), is_deleted))

static void on_ShmBarrier(sqlite3_file *base)
{
    real_of(base)->pMethods->xShmBarrier(real_of(base));
}

/* An unlock gives back, a lock may fail. */
static int on_ShmLock(sqlite3_file *base, int offset, int count, int flags)
{
    bool is_lock = (flags & SQLITE_SHM_LOCK) != 0;
    if (is_lock && file_strikes()) return SQLITE_IOERR_SHMLOCK;
    return real_of(base)->pMethods->xShmLock(real_of(base), offset, count, flags);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = on_Close,
    .xRead = on_Read,
    .xWrite = on_Write,
    .xTruncate = on_Truncate,
    .xSync = on_Sync,
    .xFileSize = on_FileSize,
    .xLock = on_Lock,
    .xUnlock = on_Unlock,
    .xCheckReservedLock = on_CheckReservedLock,
    .xFileControl = on_FileControl,
    .xSectorSize = on_SectorSize,
    .xDeviceCharacteristics = on_DeviceCharacteristics,
    .xShmMap = on_ShmMap,
    .xShmLock = on_ShmLock,
    .xShmBarrier = on_ShmBarrier,
    .xShmUnmap = on_ShmUnmap,
};

/* ---- the directory ---- */

static int on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags,
                   int *ret_flags)
{
    (void)vfs;
    struct handle *handle = (struct handle *)(void *)base;
    handle->base.pMethods = NULL;
    handle->real = (sqlite3_file *)(void *)(handle + 1);
    if (file_strikes()) return SQLITE_CANTOPEN;
    int rc = real_vfs->xOpen(real_vfs, path, handle->real, flags, ret_flags);
    if (rc == SQLITE_OK) handle->base.pMethods = &methods;
    return rc;
}

static int on_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    (void)vfs;
    (void)sync;
    return file_strikes() ? SQLITE_IOERR_DELETE : real_vfs->xDelete(real_vfs, path, 0);
}

static int on_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret_is_there)
{
    (void)vfs;
    if (file_strikes()) return SQLITE_IOERR_ACCESS;
    return real_vfs->xAccess(real_vfs, path, flags, ret_is_there);
}

void fault_install(void)
{
    assert(real_vfs == NULL);
    int rc = sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
    assert(rc == SQLITE_OK);
    sqlite3_mem_methods memory = real_memory;
    memory.xMalloc = on_allocate;
    memory.xRealloc = on_reallocate;
    rc = sqlite3_config(SQLITE_CONFIG_MALLOC, &memory);
    assert(rc == SQLITE_OK);

    real_vfs = sqlite3_vfs_find(NULL);
    assert(real_vfs != NULL);
    static sqlite3_vfs vfs;
    vfs = *real_vfs; /* what is not about files is left as it is */
    vfs.szOsFile = (int)sizeof(struct handle) + real_vfs->szOsFile;
    vfs.zName = "faulty";
    vfs.pNext = NULL;
    vfs.xOpen = on_open;
    vfs.xDelete = on_delete;
    vfs.xAccess = on_access;
    rc = sqlite3_vfs_register(&vfs, 1);
    assert(rc == SQLITE_OK);
    (void)rc;
}

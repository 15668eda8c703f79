// SPDX-License-Identifier: LGPL-3.0-only
/* An SQLite VFS that fails from the k-th changing call on, to see what the store makes of it. */
#include "rig.h"

#include <sqlite3.h>

int faulty_after;
int faulty_code;
int faulty_calls;
bool faulty_syncs;

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* lies behind this struct */
};

static sqlite3_vfs *real_vfs;

static sqlite3_file *real(sqlite3_file *f)
{
    return ((struct file *)f)->real;
}

static bool fails(void)
{
    faulty_calls++;
    if (faulty_after == 0)
        return false;
    if (faulty_after == 1)
        return true;
    faulty_after--;
    return false;
}

static int f_close(sqlite3_file *f)
{
    return real(f)->pMethods->xClose(real(f));
}
static int f_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return real(f)->pMethods->xRead(real(f), p, n, at);
}
static int f_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    return fails() ? faulty_code : real(f)->pMethods->xWrite(real(f), p, n, at);
}
static int f_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    return fails() ? faulty_code : real(f)->pMethods->xTruncate(real(f), n);
}
static int f_sync(sqlite3_file *f, int flags)
{
    return fails() || faulty_syncs ? SQLITE_IOERR_FSYNC : real(f)->pMethods->xSync(real(f), flags);
}
static int f_size(sqlite3_file *f, sqlite3_int64 *n)
{
    return real(f)->pMethods->xFileSize(real(f), n);
}
static int f_lock(sqlite3_file *f, int n)
{
    return real(f)->pMethods->xLock(real(f), n);
}
static int f_unlock(sqlite3_file *f, int n)
{
    return real(f)->pMethods->xUnlock(real(f), n);
}
static int f_reserved(sqlite3_file *f, int *n)
{
    return real(f)->pMethods->xCheckReservedLock(real(f), n);
}
static int f_control(sqlite3_file *f, int op, void *arg)
{
    return real(f)->pMethods->xFileControl(real(f), op, arg);
}
static int f_sector(sqlite3_file *f)
{
    return real(f)->pMethods->xSectorSize(real(f));
}
static int f_device(sqlite3_file *f)
{
    return real(f)->pMethods->xDeviceCharacteristics(real(f));
}
static int f_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **p)
{
    return real(f)->pMethods->xShmMap(real(f), page, size, extend, p);
}
static int f_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return real(f)->pMethods->xShmLock(real(f), at, n, flags);
}
static void f_shm_barrier(sqlite3_file *f)
{
    real(f)->pMethods->xShmBarrier(real(f));
}
static int f_shm_unmap(sqlite3_file *f, int del)
{
    return real(f)->pMethods->xShmUnmap(real(f), del);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = f_size,
    .xLock = f_lock,
    .xUnlock = f_unlock,
    .xCheckReservedLock = f_reserved,
    .xFileControl = f_control,
    .xSectorSize = f_sector,
    .xDeviceCharacteristics = f_device,
    .xShmMap = f_shm_map,
    .xShmLock = f_shm_lock,
    .xShmBarrier = f_shm_barrier,
    .xShmUnmap = f_shm_unmap,
};

static int v_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    struct file *file = (struct file *)f;
    int code;

    file->real = (sqlite3_file *)(file + 1);
    code = real_vfs->xOpen(real_vfs, name, file->real, flags, out);
    f->pMethods = file->real->pMethods ? &methods : NULL;
    return code;
}

void faulty_register(void)
{
    static sqlite3_vfs vfs;

    if (vfs.zName)
        return;
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "faulty";
    vfs.szOsFile = sizeof(struct file) + real_vfs->szOsFile;
    vfs.xOpen = v_open;
    sqlite3_vfs_register(&vfs, 0);
}

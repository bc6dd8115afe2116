// The VFS: hands every call on to the system's own, but for those that are to fail.
#include "disk.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct File {
  sqlite3_file base;
  FaultyDisk *disk;
  Image *image;
  int kind;
  sqlite3_file *real;
} File;

static sqlite3_vfs vfs;
static sqlite3_vfs *system_;

static FaultKind fault(File *file, unsigned kinds) { return diskFault(file->disk, file->kind, kinds); }
static File *of(sqlite3_file *file) { return (File *)file; }
static const sqlite3_io_methods *real(File *file) { return file->real->pMethods; }

static int closeFile(sqlite3_file *file) { return real(of(file))->xClose(of(file)->real); }

static int readFile(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
  if (fault(of(file), 1 << faultRead)) return SQLITE_IOERR_READ;
  return real(of(file))->xRead(of(file)->real, bytes, count, offset);
}

static int put(File *file, const void *bytes, int count, sqlite3_int64 offset) {
  int result = real(file)->xWrite(file->real, bytes, count, offset);
  if (result == SQLITE_OK) imageWrote(file->disk, file->image, file->real, offset, count);
  return result;
}

/// The first bytes, or some of the sectors.
static void tear(File *file, const char *bytes, int count, sqlite3_int64 offset) {
  if (diskRandom(file->disk, 2) == 0) {
    int some = (int)diskRandom(file->disk, (uint64_t)count + 1);
    if (some > 0) put(file, bytes, some, offset);
    return;
  }
  for (int start = 0; start < count; start += 512) {
    int length = count - start < 512 ? count - start : 512;
    if (diskRandom(file->disk, 2) == 0) put(file, bytes + start, length, offset + start);
  }
}

static int writeFile(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
  bool wasDead = faultyDiskIsDead(of(file)->disk);
  switch (fault(of(file), 1 << faultWrite | 1 << faultFull | 1 << faultTorn | 1 << faultDeath)) {
  case faultNone: return put(of(file), bytes, count, offset);
  case faultFull: return SQLITE_FULL;
  case faultTorn:
    if (!wasDead) tear(of(file), bytes, count, offset);
    return SQLITE_IOERR_WRITE;
  default: return SQLITE_IOERR_WRITE;
  }
}

static int truncateFile(sqlite3_file *file, sqlite3_int64 size) {
  if (fault(of(file), 1 << faultTruncate | 1 << faultDeath)) return SQLITE_IOERR_TRUNCATE;
  return real(of(file))->xTruncate(of(file)->real, size);
}

static int syncFile(sqlite3_file *file, int flags) {
  FaultKind kind = fault(of(file), 1 << faultSync | 1 << faultDeath);
  if (kind == faultSync) imageSynced(of(file)->disk, of(file)->image, of(file)->real, true);
  if (kind != faultNone) return SQLITE_IOERR_FSYNC;
  // Where it is remembered what a cut of the power leaves, the real disk need not be waited for.
  if (of(file)->image == NULL) return real(of(file))->xSync(of(file)->real, flags);
  imageSynced(of(file)->disk, of(file)->image, of(file)->real, false);
  return SQLITE_OK;
}

static int fileSize(sqlite3_file *file, sqlite3_int64 *size) {
  return real(of(file))->xFileSize(of(file)->real, size);
}

static int lockFile(sqlite3_file *file, int level) {
  if (fault(of(file), 1 << faultLock)) return SQLITE_IOERR_LOCK;
  return real(of(file))->xLock(of(file)->real, level);
}

// What lets go of something must work, for the sake of the next process.
static int unlockFile(sqlite3_file *file, int level) { return real(of(file))->xUnlock(of(file)->real, level); }

static int checkReservedLock(sqlite3_file *file, int *result) {
  return real(of(file))->xCheckReservedLock(of(file)->real, result);
}

static int fileControl(sqlite3_file *file, int operation, void *argument) {
  return real(of(file))->xFileControl(of(file)->real, operation, argument);
}

static int sectorSize(sqlite3_file *file) { return real(of(file))->xSectorSize(of(file)->real); }
static int characteristics(sqlite3_file *file) { return real(of(file))->xDeviceCharacteristics(of(file)->real); }

static int mapMemory(sqlite3_file *file, int region, int size, int extend, void volatile **memory) {
  if (fault(of(file), 1 << faultMap)) return SQLITE_IOERR_SHMMAP;
  return real(of(file))->xShmMap(of(file)->real, region, size, extend, memory);
}

static int lockMemory(sqlite3_file *file, int offset, int count, int flags) {
  if (flags & SQLITE_SHM_LOCK && fault(of(file), 1 << faultLock)) return SQLITE_IOERR_SHMLOCK;
  return real(of(file))->xShmLock(of(file)->real, offset, count, flags);
}

static void memoryBarrier(sqlite3_file *file) { real(of(file))->xShmBarrier(of(file)->real); }
static int unmapMemory(sqlite3_file *file, int delete) { return real(of(file))->xShmUnmap(of(file)->real, delete); }

// No memory-mapped reading and writing: that could not be seen here.
static const sqlite3_io_methods methods = {
    2,        closeFile,        readFile,          writeFile,    truncateFile, syncFile,
    fileSize, lockFile,         unlockFile,        checkReservedLock, fileControl,
    sectorSize, characteristics, mapMemory, lockMemory, memoryBarrier, unmapMemory, NULL, NULL};

static int kindOf(int flags) {
  if (flags & SQLITE_OPEN_MAIN_DB) return faultyDatabase;
  return flags & SQLITE_OPEN_WAL ? faultyLog : faultyOther;
}

static int openFile(sqlite3_vfs *self, const char *path, sqlite3_file *opened, int flags, int *outFlags) {
  (void)self;
  FaultyDisk *disk = path == NULL ? NULL : diskOf(path);
  if (disk == NULL) return system_->xOpen(system_, path, opened, flags, outFlags);
  File *file = of(opened);
  memset(file, 0, sizeof *file);
  file->disk = disk;
  file->kind = kindOf(flags);
  if (fault(file, 1 << faultOpen)) return SQLITE_CANTOPEN;
  file->real = (sqlite3_file *)(file + 1);
  file->image = imageOf(disk, path);
  int result = system_->xOpen(system_, path, file->real, flags, outFlags);
  if (result == SQLITE_OK) file->base.pMethods = &methods;
  return result;
}

static int deleteFile(sqlite3_vfs *self, const char *path, int syncFolder) {
  (void)self;
  FaultyDisk *disk = diskOf(path);
  if (disk != NULL && diskFault(disk, faultyOther, 1 << faultDeath)) return SQLITE_IOERR_DELETE;
  int result = system_->xDelete(system_, path, syncFolder);
  if (disk != NULL && result == SQLITE_OK) imageDeleted(disk, path, syncFolder);
  return result;
}

static void makeVFS(void) {
  system_ = sqlite3_vfs_find(NULL);
  vfs = *system_;
  vfs.zName = "faulty";
  vfs.szOsFile = (int)sizeof(File) + system_->szOsFile;
  vfs.pNext = NULL;
  vfs.xOpen = openFile;
  vfs.xDelete = deleteFile;
  sqlite3_vfs_register(&vfs, 1);
}

void registerFaultyFiles(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, makeVFS);
}

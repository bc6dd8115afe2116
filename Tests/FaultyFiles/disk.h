// What the disks are to the VFS.
#ifndef FAULTY_DISK_H
#define FAULTY_DISK_H

#include "FaultyFiles.h"
#include <sqlite3.h>

/// What a file is on the disk while another version is in the system's cache.
typedef struct Image Image;

/// The disk that a path is on, or NULL.
FaultyDisk *diskOf(const char *path);
FaultyDisk *diskMake(const char *folder, uint64_t seed, FaultyPlan *plan);
/// Which fault an operation meets, of those in a set of bits (`1 << faultWrite`); faultNone if it goes well.
FaultKind diskFault(FaultyDisk *disk, int file, unsigned kinds);
/// Between 0 and `limit` - 1.
uint64_t diskRandom(FaultyDisk *disk, uint64_t limit);

/// NULL on a disk that only fails.
Image *imageOf(FaultyDisk *disk, const char *path);
void imageWrote(FaultyDisk *disk, Image *image, sqlite3_file *file, int64_t offset, int64_t length);
void imageSynced(FaultyDisk *disk, Image *image, sqlite3_file *file, bool failed);
void imageDeleted(FaultyDisk *disk, const char *path, bool isSynced);

void registerFaultyFiles(void);

#endif

// Disks: what is to fail, and what would be left if the power were cut.
#include "disk.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { page = 4096, sector = 512 };

struct Image {
  char *path;
  unsigned char *durable;
  int64_t size, capacity;
  /// Which pages of the system's cache are not on the disk.
  bool *dirty;
  int64_t pages;
  /// Whether the folder knows of the file, and whether that would be forgotten.
  bool isNamed, isDeleted;
  Image *next;
};

struct FaultyDisk {
  char *folder;
  size_t folderLength;
  FaultyPlan *plan;
  FaultyPlan ownPlan;
  bool isDead, forgets;
  uint64_t random;
  Image *images;
  pthread_mutex_t lock;
  FaultyDisk *next;
};

static pthread_mutex_t disksLock = PTHREAD_MUTEX_INITIALIZER;
static FaultyDisk *disks;

FaultyDisk *diskMake(const char *folder, uint64_t seed, FaultyPlan *plan) {
  FaultyDisk *disk = calloc(1, sizeof *disk);
  disk->folder = strdup(folder);
  disk->folderLength = strlen(folder);
  disk->plan = plan == NULL ? &disk->ownPlan : plan;
  disk->forgets = plan == NULL;
  disk->random = seed * 0x9E3779B97F4A7C15u + 1;
  pthread_mutex_init(&disk->lock, NULL);
  registerFaultyFiles();
  pthread_mutex_lock(&disksLock);
  disk->next = disks;
  disks = disk;
  pthread_mutex_unlock(&disksLock);
  return disk;
}

FaultyDisk *faultyDiskMake(const char *folder, uint64_t seed) { return diskMake(folder, seed, NULL); }

static void imageFree(Image *image) {
  free(image->path);
  free(image->durable);
  free(image->dirty);
  free(image);
}

void faultyDiskFree(FaultyDisk *disk) {
  pthread_mutex_lock(&disksLock);
  FaultyDisk **place = &disks;
  while (*place != disk) place = &(*place)->next;
  *place = disk->next;
  pthread_mutex_unlock(&disksLock);
  for (Image *image = disk->images, *next; image != NULL; image = next) {
    next = image->next;
    imageFree(image);
  }
  pthread_mutex_destroy(&disk->lock);
  free(disk->folder);
  free(disk);
}

FaultyDisk *diskOf(const char *path) {
  pthread_mutex_lock(&disksLock);
  FaultyDisk *disk = disks;
  while (disk != NULL && (strncmp(path, disk->folder, disk->folderLength) != 0 || path[disk->folderLength] != '/'))
    disk = disk->next;
  pthread_mutex_unlock(&disksLock);
  return disk;
}

// MARK: - Faults

static int64_t get(const int64_t *field) { return __atomic_load_n(field, __ATOMIC_ACQUIRE); }
static void set(int64_t *field, int64_t value) { __atomic_store_n(field, value, __ATOMIC_RELEASE); }

void faultyDiskPlan(FaultyDisk *disk, FaultKind fault, int files, int64_t first, int64_t last) {
  set(&disk->plan->fault, faultNone);
  set(&disk->plan->files, files);
  set(&disk->plan->first, first);
  set(&disk->plan->last, last);
  set(&disk->plan->counted, 0);
  set(&disk->plan->met, 0);
  set(&disk->plan->fault, fault);
}

int64_t faultyDiskMet(const FaultyDisk *disk) { return get(&disk->plan->met); }
void faultyDiskDie(FaultyDisk *disk) { __atomic_store_n(&disk->isDead, true, __ATOMIC_RELEASE); }
bool faultyDiskIsDead(const FaultyDisk *disk) { return __atomic_load_n(&disk->isDead, __ATOMIC_ACQUIRE); }

FaultKind diskFault(FaultyDisk *disk, int file, unsigned kinds) {
  if (faultyDiskIsDead(disk)) return faultDeath;
  int64_t fault = get(&disk->plan->fault);
  if ((kinds >> fault & 1) == 0 || (get(&disk->plan->files) & file) == 0) return faultNone;
  int64_t number = __atomic_add_fetch(&disk->plan->counted, 1, __ATOMIC_ACQ_REL);
  if (number < get(&disk->plan->first) || number > get(&disk->plan->last)) return faultNone;
  __atomic_add_fetch(&disk->plan->met, 1, __ATOMIC_ACQ_REL);
  if (fault == faultDeath || fault == faultTorn) faultyDiskDie(disk);
  return (FaultKind)fault;
}

uint64_t diskRandom(FaultyDisk *disk, uint64_t limit) {
  // splitmix64
  uint64_t mixed = __atomic_add_fetch(&disk->random, 0x9E3779B97F4A7C15u, __ATOMIC_RELAXED);
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
  return (mixed ^ (mixed >> 31)) % limit;
}

// MARK: - What is on the disk

static void imageGrow(Image *image, int64_t size) {
  if (size > image->capacity) {
    int64_t capacity = (size * 2 + page) / page * page;
    image->durable = realloc(image->durable, (size_t)capacity);
    memset(image->durable + image->capacity, 0, (size_t)(capacity - image->capacity));
    image->capacity = capacity;
  }
  if (size > image->size) image->size = size;
}

static void imageShrink(Image *image, int64_t size) {
  if (size >= image->size) return;
  memset(image->durable + size, 0, (size_t)(image->size - size));
  image->size = size;
}

Image *imageOf(FaultyDisk *disk, const char *path) {
  if (!disk->forgets) return NULL;
  pthread_mutex_lock(&disk->lock);
  Image *image = disk->images;
  while (image != NULL && strcmp(image->path, path) != 0) image = image->next;
  if (image == NULL) {
    image = calloc(1, sizeof *image);
    image->path = strdup(path);
    image->next = disk->images;
    disk->images = image;
    int file = open(path, O_RDONLY);
    // What was there before anything was counted is on the disk.
    if (file >= 0) {
      image->isNamed = true;
      int64_t size = lseek(file, 0, SEEK_END);
      imageGrow(image, size);
      if (pread(file, image->durable, (size_t)size, 0) != size) abort();
      close(file);
    }
  }
  if (image->isDeleted) {
    image->isDeleted = image->isNamed = false;
    imageShrink(image, 0);
  }
  pthread_mutex_unlock(&disk->lock);
  return image;
}

/// Brings bytes of a page from the system's cache to the disk.
static void imageKeep(Image *image, int64_t offset, const unsigned char *bytes, int64_t length, int64_t size) {
  if (length > size - offset) length = size - offset;
  if (length <= 0) return;
  imageGrow(image, offset + length);
  memcpy(image->durable + offset, bytes, (size_t)length);
}

static void imageKeepPage(Image *image, sqlite3_file *file, int64_t number) {
  unsigned char bytes[page];
  sqlite3_int64 size = 0;
  file->pMethods->xFileSize(file, &size);
  file->pMethods->xRead(file, bytes, page, number * page);
  imageKeep(image, number * page, bytes, page, size);
  image->dirty[number] = false;
}

void imageWrote(FaultyDisk *disk, Image *image, sqlite3_file *file, int64_t offset, int64_t length) {
  if (image == NULL || length == 0) return;
  pthread_mutex_lock(&disk->lock);
  int64_t end = (offset + length + page - 1) / page;
  if (end > image->pages) {
    image->dirty = realloc(image->dirty, (size_t)end * sizeof *image->dirty);
    memset(image->dirty + image->pages, 0, (size_t)(end - image->pages) * sizeof *image->dirty);
    image->pages = end;
  }
  for (int64_t number = offset / page; number < end; number++) {
    image->dirty[number] = true;
    // The system writes back what it likes, when it likes.
    if (diskRandom(disk, 8) == 0) imageKeepPage(image, file, number);
  }
  pthread_mutex_unlock(&disk->lock);
}

void imageSynced(FaultyDisk *disk, Image *image, sqlite3_file *file, bool failed) {
  if (image == NULL) return;
  pthread_mutex_lock(&disk->lock);
  for (int64_t number = 0; number < image->pages; number++) {
    if (image->dirty[number] && !failed) imageKeepPage(image, file, number);
    image->dirty[number] = false;
  }
  if (!failed) {
    sqlite3_int64 size = 0;
    file->pMethods->xFileSize(file, &size);
    imageShrink(image, size);
    imageGrow(image, size);
    image->isNamed = true;
  }
  pthread_mutex_unlock(&disk->lock);
}

void imageDeleted(FaultyDisk *disk, const char *path, bool isSynced) {
  Image *image = imageOf(disk, path);
  if (image == NULL) return;
  pthread_mutex_lock(&disk->lock);
  image->isDeleted = true;
  if (isSynced) image->isNamed = false;
  if (image->pages > 0) memset(image->dirty, 0, (size_t)image->pages * sizeof *image->dirty);
  pthread_mutex_unlock(&disk->lock);
}

/// Leaves of a file what is on the disk, and some of what is not.
static void imageCut(FaultyDisk *disk, Image *image) {
  int file = image->isDeleted ? -1 : open(image->path, O_RDWR);
  int64_t size = file < 0 ? 0 : lseek(file, 0, SEEK_END);
  for (int64_t number = 0; file >= 0 && number < image->pages; number++) {
    if (!image->dirty[number]) continue;
    unsigned char bytes[page] = {0};
    if (pread(file, bytes, page, number * page) < 0) abort();
    uint64_t fate = diskRandom(disk, 4);
    for (int64_t start = 0; start < page; start += sector)
      if (fate == 0 || (fate == 1 && diskRandom(disk, 2) == 0))
        imageKeep(image, number * page + start, bytes + start, sector, size);
  }
  if (file >= 0 && diskRandom(disk, 2) == 0) imageShrink(image, size);
  if (file >= 0) close(file);
  // A name that was never synced may be missing, one whose end was not may be there again.
  if (image->isNamed ? image->isDeleted && diskRandom(disk, 2) == 0 : image->isDeleted || diskRandom(disk, 2) == 0) {
    unlink(image->path);
    return;
  }
  file = open(image->path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (file < 0 || pwrite(file, image->durable, (size_t)image->size, 0) != image->size) abort();
  close(file);
}

void faultyDiskCutPower(FaultyDisk *disk) {
  for (Image *image = disk->images, *next; image != NULL; image = next) {
    next = image->next;
    imageCut(disk, image);
    imageFree(image);
  }
  disk->images = NULL;
  faultyDiskRevive(disk);
}

void faultyDiskRevive(FaultyDisk *disk) {
  __atomic_store_n(&disk->isDead, false, __ATOMIC_RELEASE);
  faultyDiskPlan(disk, faultNone, faultyAny, 0, 0);
}

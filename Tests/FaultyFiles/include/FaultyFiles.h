// Files for SQLite on disks that fail when they are told to, and that forget, when the power is cut, what was not
// synced. Other files are left to the system's own VFS.
//
// A program that has the library preloaded gets one such disk: all below FAULTY_FOLDER. It is told what to do through
// the file FAULTY_PLAN, which holds a `FaultyPlan`.
#ifndef FAULTY_FILES_H
#define FAULTY_FILES_H

#include <stdbool.h>
#include <stdint.h>

/// What goes wrong.
typedef enum FaultKind {
  faultNone,
  /// A write fails, and nothing of it reaches the file.
  faultWrite,
  /// The same, as there is no room.
  faultFull,
  /// Some of a write's sectors reach the file; then the process is dead.
  faultTorn,
  /// A sync fails. The pages that it should have brought to the disk count as clean from then on, and are lost when
  /// the power is cut, unless they are written again: so do Linux and others.
  faultSync,
  faultTruncate,
  faultRead,
  faultLock,
  faultOpen,
  /// Shared memory can't be had.
  faultMap,
  /// The process is dead before a write, sync, truncation or deletion.
  faultDeath,
} FaultKind;

/// Which files it concerns.
typedef enum FaultyFile { faultyDatabase = 1, faultyLog = 2, faultyOther = 4, faultyAny = 7 } FaultyFile;

/// Read and changed by several threads and processes, so each field only as a whole.
typedef struct FaultyPlan {
  /// A `FaultKind`.
  int64_t fault;
  /// `FaultyFile`s.
  int64_t files;
  /// The first and the last operation that fails of those that the fault can meet, counted from 1.
  int64_t first, last;
  /// How many of those there were, and how many failed.
  int64_t counted, met;
} FaultyPlan;

typedef struct FaultyDisk FaultyDisk;

/// Makes a disk of a folder that holds no other.
///
/// `seed` decides what is lost when the power is cut.
FaultyDisk *faultyDiskMake(const char *folder, uint64_t seed);
/// Needs all files to be closed.
void faultyDiskFree(FaultyDisk *disk);

/// Begins to count operations, of which some will fail.
void faultyDiskPlan(FaultyDisk *disk, FaultKind fault, int files, int64_t first, int64_t last);
/// How many operations failed.
int64_t faultyDiskMet(const FaultyDisk *disk);

/// Ends what a process has open: whatever it does fails from now on.
void faultyDiskDie(FaultyDisk *disk);
bool faultyDiskIsDead(const FaultyDisk *disk);
/// The next process finds what the dead one wrote. Needs all files to be closed.
void faultyDiskRevive(FaultyDisk *disk);
/// The next process finds what was synced, and by chance some of what was not. Needs all files to be closed.
void faultyDiskCutPower(FaultyDisk *disk);

#endif

// The one disk of a program that has the library preloaded.
#include "disk.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

__attribute__((constructor)) static void start(void) {
  const char *folder = getenv("FAULTY_FOLDER"), *path = getenv("FAULTY_PLAN");
  if (folder == NULL || path == NULL) return;
  int file = open(path, O_RDWR);
  if (file < 0) abort();
  void *plan = mmap(NULL, sizeof(FaultyPlan), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (plan == MAP_FAILED) abort();
  diskMake(folder, 0, plan);
}

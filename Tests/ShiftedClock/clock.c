// Shifts the wall clock of the program that it is loaded into by so many seconds as stand in the first eight bytes of
// the file that CLOCK_SHIFT_FILE names, where another process can change them at any time. Other clocks run on.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static _Atomic int64_t none;
static _Atomic int64_t *_Atomic shift = &none;

static int64_t seconds(void) { return atomic_load_explicit(atomic_load(&shift), memory_order_relaxed); }

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("CLOCK_SHIFT_FILE");
  if (path == NULL) return;
  int file = open(path, O_RDONLY);
  if (file < 0) return;
  void *memory = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (memory != MAP_FAILED) atomic_store(&shift, (_Atomic int64_t *)memory);
}

// Resolved at the first call, which may come before any constructor; all who race for it find the same.
#define REAL(name) \
  static _Atomic(typeof(&name)) real; \
  typeof(&name) call = atomic_load_explicit(&real, memory_order_relaxed); \
  if (call == NULL) atomic_store_explicit(&real, call = (typeof(&name))dlsym(RTLD_NEXT, #name), memory_order_relaxed)

int clock_gettime(clockid_t clock, struct timespec *result) {
  REAL(clock_gettime);
  int status = call(clock, result);
  if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) result->tv_sec += seconds();
  return status;
}

int gettimeofday(struct timeval *restrict result, void *restrict zone) {
  REAL(gettimeofday);
  int status = call(result, zone);
  if (status == 0) result->tv_sec += seconds();
  return status;
}

time_t time(time_t *result) {
  REAL(time);
  time_t now = call(NULL) + seconds();
  if (result != NULL) *result = now;
  return now;
}

#include "CSocketBatch.h"

#ifdef __linux__

#include <errno.h>
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// A batch is used by one thread at a time, and the kernel looks at it within its call only.
struct socket_batch {
  int ring;
  uint32_t added, mask, completion_mask;
  struct io_uring_sqe *calls;
  size_t calls_size, rings_size;
  char *rings;
  // In the rings: how many the thread has added, and what the kernel has answered and the thread has read.
  _Atomic uint32_t *tail, *completion_head, *completion_tail;
  const struct io_uring_cqe *completions;
};

static const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
// Of Linux 5.7, which has all that is used here.
static const uint32_t features = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_FAST_POLL;

struct socket_batch *socket_batch_open(uint32_t capacity) {
  struct io_uring_params parameters = {0};
  int ring = (int)syscall(SYS_io_uring_setup, capacity, &parameters);
  if (ring < 0) return NULL;
  struct socket_batch *batch = calloc(1, sizeof *batch);
  if ((parameters.features & features) != features || !batch) {
    free(batch);
    close(ring);
    return NULL;
  }
  size_t completions_end = parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe);
  size_t submissions_end = parameters.sq_off.array + parameters.sq_entries * sizeof(uint32_t);
  batch->ring = ring;
  batch->rings_size = completions_end > submissions_end ? completions_end : submissions_end;
  batch->calls_size = parameters.sq_entries * sizeof(struct io_uring_sqe);
  const int shared = MAP_SHARED | MAP_POPULATE, access = PROT_READ | PROT_WRITE;
  batch->rings = mmap(NULL, batch->rings_size, access, shared, ring, IORING_OFF_SQ_RING);
  batch->calls = mmap(NULL, batch->calls_size, access, shared, ring, IORING_OFF_SQES);
  if (batch->rings == MAP_FAILED || batch->calls == MAP_FAILED) {
    socket_batch_close(batch);
    return NULL;
  }
  batch->mask = parameters.sq_entries - 1;
  batch->completion_mask = parameters.cq_entries - 1;
  batch->tail = (_Atomic uint32_t *)(batch->rings + parameters.sq_off.tail);
  batch->completion_head = (_Atomic uint32_t *)(batch->rings + parameters.cq_off.head);
  batch->completion_tail = (_Atomic uint32_t *)(batch->rings + parameters.cq_off.tail);
  batch->completions = (struct io_uring_cqe *)(batch->rings + parameters.cq_off.cqes);
  uint32_t *order = (uint32_t *)(batch->rings + parameters.sq_off.array);
  for (uint32_t index = 0; index < parameters.sq_entries; index++) order[index] = index;
  return batch;
}

void socket_batch_close(struct socket_batch *batch) {
  if (batch->rings != MAP_FAILED) munmap(batch->rings, batch->rings_size);
  if (batch->calls != MAP_FAILED) munmap(batch->calls, batch->calls_size);
  close(batch->ring);
  free(batch);
}

/// The place of a call, by how many were added before it.
static struct io_uring_sqe *place(struct socket_batch *batch, uint32_t index) {
  uint32_t tail = atomic_load_explicit(batch->tail, memory_order_relaxed);
  return &batch->calls[(tail + index) & batch->mask];
}

static void add(struct socket_batch *batch, uint8_t call, int socket, const void *bytes, size_t count) {
  *place(batch, batch->added) = (struct io_uring_sqe){
    .opcode = call, .fd = socket, .addr = (uintptr_t)bytes, .len = (uint32_t)count, .msg_flags = (uint32_t)flags,
    .user_data = batch->added,
  };
  batch->added++;
}

void socket_batch_add_send(struct socket_batch *batch, int socket, const void *bytes, size_t count) {
  add(batch, IORING_OP_SEND, socket, bytes, count);
}

void socket_batch_add_receive(struct socket_batch *batch, int socket, void *bytes, size_t count) {
  add(batch, IORING_OP_RECV, socket, bytes, count);
}

/// What may pass is tried again later.
static int32_t result_of(int64_t result) {
  return result == -EINTR || result == -ENOBUFS || result == -ENOMEM ? -EAGAIN : (int32_t)result;
}

/// Runs one call by itself.
static int32_t run(const struct io_uring_sqe *call) {
  void *bytes = (void *)(uintptr_t)call->addr;
  ssize_t result = call->opcode == IORING_OP_SEND ? send(call->fd, bytes, call->len, flags)
                                                  : recv(call->fd, bytes, call->len, flags);
  return result_of(result < 0 ? -errno : result);
}

void socket_batch_run(struct socket_batch *batch, int32_t *results) {
  uint32_t start = atomic_load_explicit(batch->tail, memory_order_relaxed), given = 0, answered = 0;
  atomic_store_explicit(batch->tail, start + batch->added, memory_order_release);
  while (given < batch->added) {
    long count = syscall(SYS_io_uring_enter, batch->ring, batch->added - given, 0, 0, NULL, 0);
    if (count > 0) given += (uint32_t)count;
    if (count == 0 || (count < 0 && errno != EINTR)) break;
  }
  while (answered < given) {
    uint32_t head = atomic_load_explicit(batch->completion_head, memory_order_relaxed);
    uint32_t end = atomic_load_explicit(batch->completion_tail, memory_order_acquire);
    // None waits, so that all are answered by now; should a kernel see it otherwise, they are awaited.
    if (head == end && syscall(SYS_io_uring_enter, batch->ring, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0 && errno != EINTR) {
      // The kernel may use the memory yet: there is no way on.
      perror("io_uring_enter");
      abort();
    }
    for (; head != end; head++, answered++) {
      const struct io_uring_cqe *completion = &batch->completions[head & batch->completion_mask];
      results[completion->user_data] = result_of(completion->res);
    }
    atomic_store_explicit(batch->completion_head, head, memory_order_release);
  }
  // What the kernel has no memory for now goes one by one.
  atomic_store_explicit(batch->tail, start + given, memory_order_release);
  for (uint32_t index = given; index < batch->added; index++) {
    results[index] = run(&batch->calls[(start + index) & batch->mask]);
  }
  batch->added = 0;
}

#else

struct socket_batch *socket_batch_open(uint32_t capacity) { return NULL; }
void socket_batch_close(struct socket_batch *batch) {}
void socket_batch_add_send(struct socket_batch *batch, int socket, const void *bytes, size_t count) {}
void socket_batch_add_receive(struct socket_batch *batch, int socket, void *bytes, size_t count) {}
void socket_batch_run(struct socket_batch *batch, int32_t *results) {}

#endif

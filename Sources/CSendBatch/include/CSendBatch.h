// Bytes for many sockets, given to the kernel by one system call: io_uring(7) of Linux, used as if it were a sendmmsg(2) for
// different sockets. No send waits, so that all are done when the call returns.

#ifndef CSENDBATCH_H
#define CSENDBATCH_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

struct send_batch;

/// Makes one with room for `capacity` pieces, a power of two. Returns NULL where the system has no such call or forbids it.
struct send_batch *_Nullable send_batch_open(uint32_t capacity);

void send_batch_close(struct send_batch *batch);

/// Adds bytes for a socket, which stay where they are until they were sent. There must be room.
void send_batch_add(struct send_batch *batch, int socket, const void *bytes, size_t count);

/// Gives all that was added to the kernel, in that order. `results` tells of each how many bytes were taken, which may be
/// fewer or none where there is no room for them now, or a negative error.
void send_batch_send(struct send_batch *batch, int32_t *results);

#pragma clang assume_nonnull end

#endif

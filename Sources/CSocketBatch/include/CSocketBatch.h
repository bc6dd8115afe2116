// Sends to many sockets, and receives from many, by one system call: io_uring(7) of Linux, used as if it were a sendmmsg(2)
// for different sockets. None of them waits, so that all are done when the call returns.

#ifndef CSOCKETBATCH_H
#define CSOCKETBATCH_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

struct socket_batch;

/// Makes one with room for `capacity` calls, a power of two. Returns NULL where the system has nothing like it or forbids it.
struct socket_batch *_Nullable socket_batch_open(uint32_t capacity);

void socket_batch_close(struct socket_batch *batch);

/// Adds a send(2) or a recv(2). The bytes stay where they are until it was run. There must be room.
void socket_batch_add_send(struct socket_batch *batch, int socket, const void *bytes, size_t count);
void socket_batch_add_receive(struct socket_batch *batch, int socket, void *bytes, size_t count);

/// Runs all that was added, in that order. `results` has of each how many bytes it sent or received, or a negative error:
/// -EAGAIN where the kernel has no room or no memory for them now, none are there, or a signal came first.
void socket_batch_run(struct socket_batch *batch, int32_t *results);

#pragma clang assume_nonnull end

#endif

// Memory that a thread keeps for whoever needs some next, instead of asking the allocator each time.

#ifndef CSPAREMEMORY_H
#define CSPAREMEMORY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma clang assume_nonnull begin

/// Takes what this thread has, or else new memory. `capacity` is what is needed at least, and then what there is.
/// Returns NULL when memory is short.
uint8_t *_Nullable spare_memory_take(size_t *capacity);

/// Gives memory that was taken on any thread to this one, or back to the allocator where there is some or it is large.
void spare_memory_give(uint8_t *memory, size_t capacity);

/// Makes memory that was taken larger, and keeps what is in it; NULL when memory is short.
uint8_t *_Nullable spare_memory_grow(uint8_t *memory, size_t capacity);

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif

#endif

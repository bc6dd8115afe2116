#include "CSpareMemory.h"

#include <cstdlib>

namespace {

/// What is larger goes back to the allocator.
constexpr size_t largest = 4 * 1024;

/// One piece, freed when its thread ends.
struct Spare {
    uint8_t *memory = nullptr;
    size_t capacity = 0;

    ~Spare() { std::free(memory); }
};

thread_local Spare spare;

}  // namespace

uint8_t *spare_memory_take(size_t *capacity) {
    if (spare.capacity < *capacity) { return static_cast<uint8_t *>(std::malloc(*capacity)); }
    uint8_t *memory = spare.memory;
    *capacity = spare.capacity;
    spare.memory = nullptr;
    spare.capacity = 0;
    return memory;
}

void spare_memory_give(uint8_t *memory, size_t capacity) {
    if (capacity > largest || capacity <= spare.capacity) { return std::free(memory); }
    std::free(spare.memory);
    spare.memory = memory;
    spare.capacity = capacity;
}

uint8_t *spare_memory_grow(uint8_t *memory, size_t capacity) {
    return static_cast<uint8_t *>(std::realloc(memory, capacity));
}

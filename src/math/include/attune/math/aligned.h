// Memory for large arrays of numbers. Answers: where does an array lie so that the CPU reads it at
// full speed?
#pragma once

#include <cstddef>
#include <vector>

namespace attune::math {

inline constexpr std::size_t kAlignment = 64;  // a cache line, and the longest vector register

// Memory aligned to kAlignment; from 4 MiB on to 2 MiB, with a word to the system that large pages
// would do, since rows drawn at random otherwise cost a walk through page tables each.
// Errors: std::bad_alloc. Give it back with free_aligned and the same number of bytes.
void* allocate_aligned(std::size_t bytes);
void free_aligned(void* memory, std::size_t bytes);

// For containers: std::vector<float, AlignedAllocator<float>>.
template <class T>
class AlignedAllocator {
 public:
  using value_type = T;

  AlignedAllocator() = default;
  template <class U>
  explicit AlignedAllocator(const AlignedAllocator<U>&) {}

  T* allocate(std::size_t count) { return static_cast<T*>(allocate_aligned(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) { free_aligned(memory, count * sizeof(T)); }

  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) { return true; }
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

}  // namespace attune::math

#include "attune/math/aligned.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <new>

namespace attune::math {

void* allocate_aligned(std::size_t bytes) {
  constexpr std::size_t kLargePage = std::size_t{2} << 20;
  const bool large = bytes >= 2 * kLargePage;
  const std::size_t alignment = large ? kLargePage : kAlignment;
  if (bytes > SIZE_MAX - alignment) throw std::bad_alloc();
  void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr && bytes > 0) throw std::bad_alloc();
  // Advice: where the system does not take it, pages stay small.
  if (large) (void)madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

void free_aligned(void* memory) { std::free(memory); }

}  // namespace attune::math

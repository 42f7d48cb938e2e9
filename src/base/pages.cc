#include "attune/base/pages.h"

#include <sys/mman.h>

#include <new>

namespace attune {
namespace {

constexpr std::size_t kCacheLine = 64;
constexpr std::size_t kLargePage = std::size_t{2} << 20;

bool is_large(std::size_t bytes) { return bytes >= 2 * kLargePage; }
std::align_val_t alignment_of(std::size_t bytes) {
  return std::align_val_t{is_large(bytes) ? kLargePage : kCacheLine};
}

}  // namespace

void* allocate_pages(std::size_t bytes) {
  void* memory = ::operator new(bytes, alignment_of(bytes));
  // Advice: where the system does not take it, pages stay small.
  if (is_large(bytes)) (void)madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

void free_pages(void* memory, std::size_t bytes) { ::operator delete(memory, alignment_of(bytes)); }

}  // namespace attune

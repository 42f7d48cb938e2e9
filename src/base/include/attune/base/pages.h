// Memory of large arrays that are read at random. Answers: how does a place in a gigabyte cost one
// miss, and not a walk through page tables besides?
#pragma once

#include <cstddef>
#include <vector>

namespace attune {

// Memory aligned to a cache line; from 4 MiB on to 2 MiB, with a word to the system that large
// pages would do. Errors: std::bad_alloc. Give it back with free_pages and the same number of
// bytes.
void* allocate_pages(std::size_t bytes);
void free_pages(void* memory, std::size_t bytes);

// For containers: std::vector<float, PageAllocator<float>>.
template <class T>
class PageAllocator {
 public:
  using value_type = T;

  PageAllocator() = default;
  template <class U>
  explicit PageAllocator(const PageAllocator<U>&) {}

  T* allocate(std::size_t count) { return static_cast<T*>(allocate_pages(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) { free_pages(memory, count * sizeof(T)); }

  friend bool operator==(const PageAllocator&, const PageAllocator&) { return true; }
};

template <class T>
using PagedVector = std::vector<T, PageAllocator<T>>;

// What stands there will be written soon. A function that does nothing else is left out by GCC as
// one without effect, however often it is called: the empty statement is one.
inline void fetch_ahead(const void* place) {
  __builtin_prefetch(place, /*rw=*/1);
  asm volatile("" : : "r"(place));
}

}  // namespace attune

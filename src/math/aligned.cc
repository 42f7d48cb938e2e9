#include "attune/math/aligned.h"

#include "attune/base/pages.h"

namespace attune::math {

void* allocate_aligned(std::size_t bytes) { return allocate_pages(bytes); }
void free_aligned(void* memory, std::size_t bytes) { free_pages(memory, bytes); }

}  // namespace attune::math

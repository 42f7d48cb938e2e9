// What the kernel of QuantisedRows is handed. A file of its own because kernels are compiled once
// for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace attune::math {

// Shapes: as scan_kernel says.
struct ScanArguments {
  const std::int8_t* codes;
  const float* x;
  const float* scale;
  const float* slack;
  std::size_t n;    // columns
  float length;     // of x, or above
  float threshold;  // of a hit
  float* lower;
  float* upper;
  bool* hits;
};

}  // namespace attune::math

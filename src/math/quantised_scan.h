// What the kernel of QuantisedRows is handed. A file of its own because kernels are compiled once
// for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace attune::math {

// Shapes: as scan_kernel says.
struct ScanArguments {
  const std::int8_t* codes;
  const std::int32_t* x;  // of two columns each, 16 bits a column
  const float* scale;
  const float* slack;
  const float* length;
  std::size_t pairs;  // of columns
  float x_scale;      // of one step of x
  float x_length;     // of x, or above
  float x_lost;       // the length of what rounding took from x, or above
  float threshold;    // of a hit
  float* lower;
  float* upper;
  bool* hits;
};

}  // namespace attune::math

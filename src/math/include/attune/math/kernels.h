// The inner loops, with the instructions that this CPU has. Answers: how fast can two rows of
// numbers meet?
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace attune::math {

// Every kernel is compiled for several instruction sets, and the best is chosen when the program
// runs (Highway).
// Determinism: the same CPU gives the same bits; another instruction set may differ in the last
// bits, since sums are split over lanes. Relative to sum |a_i b_i| the difference stays below n *
// 6e-8.
// Shapes: all spans of one call have the same length n; n = 0 is allowed. No alignment is needed.
// Missing values: NaN and infinity go through by IEEE rules.

float dot(std::span<const float> a, std::span<const float> b);
// y += scale * x
void axpy(float scale, std::span<const float> x, std::span<float> y);
// sum of (a_i - b_i)^2
float squared_distance(std::span<const float> a, std::span<const float> b);

// out[r] = dot(row r of `rows`, x). Shapes: rows (out.size() * x.size()) row-major. Cost: one pass
// over `rows`.
void dot_rows(std::span<const float> rows, std::span<const float> x, std::span<float> out);

// Writes places and sums of those i with sums[i] > least * (scale * lengths[i] + shrink), rising,
// and sets every sum to 0; gives how many there are. What one pass over the sums of a sparse
// product keeps of them. Shapes: sums, lengths, places, found (n). Values: scale, shrink, least,
// lengths >= 0, finite.
std::size_t take_above(std::span<float> sums, std::span<const float> lengths, float scale,
                       float shrink, float least, std::span<std::int32_t> places,
                       std::span<float> found);

// The instruction set in use: "AVX2", for reports.
const char* instruction_set();

// Those that this CPU has and the kernels were compiled for, best first.
std::vector<std::string> instruction_sets();
// Every kernel uses this one from now on, whatever the CPU has besides: for tests that compare
// them. False where instruction_sets() does not name it. Threads: while no kernel runs.
bool use_instruction_set(std::string_view name);

}  // namespace attune::math

// Rows that may be among a vector's k best. Answers: what has a row to reach, and which are left?
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace attune::math {

// Candidates with bounds of their products, in arrays side by side.
//
// Invariant: at least k rows that were added have a lower bound of threshold() or more, and every
// one added whose upper bound is as much is among rows().
class RankedCandidates {
 public:
  // Up to `room` rows may be added between two calls of `make_room`.
  RankedCandidates(std::size_t k, std::size_t room);

  float threshold() const { return threshold_; }  // minus infinity until k are known
  std::span<const std::int32_t> rows() const { return {rows_.data(), count_}; }

  void add(std::int32_t row, float lower, float upper) {
    lower_[count_] = lower;
    upper_[count_] = upper;
    rows_[count_] = row;
    least_ = lower < least_ ? lower : least_;
    most_ = lower > most_ ? lower : most_;
    ++count_;
  }

  // Raises the threshold where that pays, to about the k-th largest lower bound, and makes room.
  void make_room();
  // Raises the threshold and drops those that cannot be among the k best.
  void tidy();

 private:
  void raise_threshold();

  std::size_t k_, room_, next_;  // next_: how many it takes to tidy again
  static constexpr float kInfinity = std::numeric_limits<float>::infinity();
  float threshold_ = -kInfinity;
  float least_ = kInfinity, most_ = -kInfinity;  // of the lower bounds that were added
  std::size_t count_ = 0;
  std::vector<float> lower_, upper_;
  std::vector<std::int32_t> rows_;
};

// Whether a row is among some, quickly where it is not: one bit for rows alike modulo 1,024.
class RowMarks {
 public:
  // Shapes: rows ascending. Lifetime: keeps a reference.
  explicit RowMarks(std::span<const std::int32_t> rows);
  bool holds(std::int32_t row) const {
    const auto bit = static_cast<std::uint32_t>(row) % kBits;
    return (bits_[bit / 64] >> (bit % 64) & 1) != 0 && found(row);
  }

 private:
  static constexpr std::uint32_t kBits = 1024;
  bool found(std::int32_t row) const;

  std::span<const std::int32_t> rows_;
  std::array<std::uint64_t, kBits / 64> bits_{};
};

}  // namespace attune::math

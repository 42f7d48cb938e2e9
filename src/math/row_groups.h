// Rows in groups for products with a block of vectors, in full or in a byte a number. Answers:
// between what does dot(row, x) lie, for which rows is it worth knowing?
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "attune/math/aligned.h"
#include "attune/math/matrix.h"

namespace attune::math {

inline constexpr std::size_t kRowGroup = 256;  // rows worked on together

inline constexpr std::size_t kPlacesBeyond = 16;  // written, and of no account

// Rows of a group that may reach a threshold; dot(row, x) lies between the bounds.
struct Reaching {
  std::size_t count = 0;
  std::array<std::int32_t, kRowGroup + kPlacesBeyond>
      place;  // in the group, rising; past the last row, too
  std::array<float, kRowGroup> lower, upper;
};

// Both kinds are used alike: made of rows in an order of their own, which all have to be finite; a
// Block of vectors, finite too, then goes through the groups. What a group's products with the
// vectors are is worked out by `multiply`, and asked for by `reaching`, one vector after the other.

// Every number of every row in single precision.
class FullGroups {
 public:
  FullGroups(const MatrixF& rows, std::span<const std::int32_t> order);

  class Block {
   public:
    Block(const FullGroups& groups, std::span<const std::span<const float>> vectors);
    // Only the vectors of these places go on. Shapes: places rising.
    void keep(std::span<const std::size_t> places);
    void multiply(std::size_t group);
    void reaching(std::size_t vector, float threshold, Reaching& found) const;

   private:
    const FullGroups& groups_;
    AlignedVector<float> vectors_;  // (count, d)
    std::vector<float> off_;        // (count), how far two ways of one sum may lie apart
    std::vector<float> scores_;     // (count, kRowGroup), with gaps
  };

 private:
  std::size_t columns_;
  float longest_ = 0;
  AlignedVector<float> panels_;  // (panels, d, kPanel): a number of kPanel rows side by side
};

// Numbers as whole steps of the largest of their group, vectors as fewer ones, so that most rows
// are ruled out by products of bytes. Bounds as quantised_rows.h has them.
class ByteGroups {
 public:
  ByteGroups(const MatrixF& rows, std::span<const std::int32_t> order);

  // Whether sums of so many columns fit.
  static bool fits(std::int64_t columns);

  class Block {
   public:
    Block(const ByteGroups& groups, std::span<const std::span<const float>> vectors);
    void keep(std::span<const std::size_t> places);
    void multiply(std::size_t group);
    void reaching(std::size_t vector, float threshold, Reaching& found) const;

   private:
    struct Rounded {
      float scale;   // of one step
      float length;  // of x and of what rounding took from it, or above
      float lost;    // of what rounding took from it, or above
    };
    std::int32_t least_sum(const Rounded& x, float threshold) const;

    const ByteGroups& groups_;
    std::size_t group_ = 0;
    std::vector<std::int8_t> steps_;   // (count, quads, 4)
    std::vector<std::int32_t> start_;  // (count)
    std::vector<Rounded> rounded_;     // (count)
    std::vector<std::int32_t> sums_;   // (count, kRowGroup), with gaps
  };

 private:
  // What holds for all rows of a group.
  struct Group {
    float scale = 0;   // of one step
    float slack = 0;   // the largest
    float length = 0;  // the largest
  };
  void add_group(const MatrixF& rows, std::span<const std::int32_t> members, std::uint8_t* bytes);

  std::size_t quads_;  // of columns; the last may lack some
  std::vector<Group> groups_;
  AlignedVector<std::uint8_t> bytes_;  // (panels, quads, 16, 4), as byte_products.h has them
  std::vector<float> slack_;           // (groups, kRowGroup), lost at most for each |x|
  std::vector<float> length_;          // (groups, kRowGroup), at least that of the row
};

}  // namespace attune::math

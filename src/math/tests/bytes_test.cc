#include "attune/math/bytes.h"

#include <cmath>

#include <gtest/gtest.h>

#include "attune/base/random.h"

namespace attune::math {
namespace {

CsrMatrix small_matrix() {
  return CsrMatrix::from_triplets(2, 3, std::vector<Triplet>{{0, 1, 2, {5}}, {1, 0, 3, {7}}})
      .value();
}

std::string example() {
  ByteWriter writer;
  writer.value(std::int32_t{7});
  writer.text("ials");
  writer.matrix(MatrixF(2, 2, {1, 2, 3, 4}));
  writer.matrix(small_matrix());
  return writer.bytes();
}

// What a model's reader does: everything, in order, to the last byte.
Status read_everything(std::string_view bytes) {
  ByteReader reader(bytes);
  ATTUNE_RETURN_IF_ERROR(reader.value<std::int32_t>());
  ATTUNE_RETURN_IF_ERROR(reader.text());
  ATTUNE_RETURN_IF_ERROR(reader.matrix_f());
  ATTUNE_RETURN_IF_ERROR(reader.csr_matrix());
  return reader.finish();
}

TEST(Bytes, GiveBackWhatWasWritten) {
  const std::string bytes = example();
  ByteReader reader(bytes);
  EXPECT_EQ(reader.value<std::int32_t>().value(), 7);
  EXPECT_EQ(reader.text().value(), "ials");
  EXPECT_EQ(reader.matrix_f().value(), MatrixF(2, 2, {1, 2, 3, 4}));
  EXPECT_EQ(reader.csr_matrix().value(), small_matrix());
  EXPECT_TRUE(reader.finish());
}

TEST(BytesFault, AreRefusedWhereverTheyAreCut) {
  const std::string bytes = example();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const Status status = read_everything(std::string_view(bytes).substr(0, length));
    ASSERT_FALSE(status) << length;
    EXPECT_EQ(status.error().code, ErrorCode::data_corruption);
  }
  EXPECT_FALSE(read_everything(bytes + "x"));
}

TEST(BytesFault, NeverDoMoreThanFailWhenFlipped) {
  const std::string bytes = example();
  Rng rng(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string flipped = bytes;
    for (int i = 0; i < 3; ++i)
      flipped[rng.below(flipped.size())] = static_cast<char>(rng.below(256));
    const Status status = read_everything(flipped);
    if (!status) {
      EXPECT_EQ(status.error().code, ErrorCode::data_corruption);
    }
  }
}

TEST(BytesFault, RefuseLengthsBeyondMemoryAndNumbersThatAreNone) {
  ByteWriter huge;
  huge.value(std::uint64_t{1} << 61);
  EXPECT_FALSE(ByteReader(huge.bytes()).array<std::int64_t>());
  ByteWriter nan;
  nan.matrix(MatrixF(1, 1, {std::nanf("")}));
  EXPECT_FALSE(ByteReader(nan.bytes()).matrix_f());
  ByteWriter shape;
  shape.value(std::int64_t{3});
  shape.value(std::int64_t{2});
  shape.array(std::span<const float>(std::vector<float>{1, 2}));
  EXPECT_FALSE(ByteReader(shape.bytes()).matrix_f());
}

}  // namespace
}  // namespace attune::math

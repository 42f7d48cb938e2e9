#include "attune/math/bytes.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include <fmt/format.h>

namespace attune::math {

static_assert(std::endian::native == std::endian::little,
              "models are written in little-endian order");

void ByteWriter::matrix(const CsrMatrix& m) {
  value(m.columns());
  array(m.offsets());
  array(m.column_indices());
  array(m.weights());
  array(m.times());
}

Result<std::string> ByteReader::text() {
  ATTUNE_ASSIGN_OR_RETURN(const std::uint64_t size, value<std::uint64_t>());
  ATTUNE_RETURN_IF_ERROR(check_left(size, 1));
  std::string result(rest_.substr(0, static_cast<std::size_t>(size)));
  rest_.remove_prefix(static_cast<std::size_t>(size));
  return result;
}

Result<MatrixF> ByteReader::matrix_f() {
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t rows, value<std::int64_t>());
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t columns, value<std::int64_t>());
  ATTUNE_ASSIGN_OR_RETURN(std::vector<float> data, array<float>());
  const auto size = static_cast<std::int64_t>(data.size());
  const bool fits = rows >= 0 && columns >= 0 &&
                    (columns == 0 ? size == 0 : size % columns == 0 && size / columns == rows);
  if (!fits) {
    return std::unexpected(
        data_corruption(fmt::format("a matrix of {} x {} holds {} numbers", rows, columns, size)));
  }
  if (!std::ranges::all_of(data, [](float v) { return std::isfinite(v); })) {
    return std::unexpected(data_corruption("a matrix holds a number that is not finite"));
  }
  if (size == 0 && rows > std::numeric_limits<std::int32_t>::max()) {
    return std::unexpected(data_corruption("a matrix has too many rows"));
  }
  return MatrixF(rows, columns, data);
}

Result<CsrMatrix> ByteReader::csr_matrix() {
  ATTUNE_ASSIGN_OR_RETURN(const std::int32_t columns, value<std::int32_t>());
  ATTUNE_ASSIGN_OR_RETURN(auto offsets, array<std::int64_t>());
  ATTUNE_ASSIGN_OR_RETURN(auto indices, array<std::int32_t>());
  ATTUNE_ASSIGN_OR_RETURN(auto weights, array<float>());
  ATTUNE_ASSIGN_OR_RETURN(auto times, array<Timestamp>());
  return CsrMatrix::from_parts(columns, std::move(offsets), std::move(indices), std::move(weights),
                               std::move(times));
}

Status ByteReader::finish() const {
  if (rest_.empty()) return {};
  return std::unexpected(data_corruption(fmt::format("{} bytes are left over", rest_.size())));
}

Status ByteReader::check_left(std::uint64_t count, std::size_t size) const {
  if (count <= rest_.size() / size) return {};
  return std::unexpected(data_corruption(fmt::format(
      "{} values of {} bytes are announced, {} bytes are left", count, size, rest_.size())));
}

Status ByteReader::check_length(std::int64_t found, std::int64_t expected) {
  if (found == expected) return {};
  return std::unexpected(
      data_corruption(fmt::format("an array has {} values instead of {}", found, expected)));
}

Status ByteReader::take(void* out, std::uint64_t count, std::size_t size) {
  ATTUNE_RETURN_IF_ERROR(check_left(count, size));
  const auto bytes = static_cast<std::size_t>(count) * size;
  if (bytes > 0) std::memcpy(out, rest_.data(), bytes);
  rest_.remove_prefix(bytes);
  return {};
}

}  // namespace attune::math

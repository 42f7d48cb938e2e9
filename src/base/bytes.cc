#include "attune/base/bytes.h"

#include <fmt/format.h>

namespace attune {

Error ByteReader::damaged(std::string_view what) {
  return data_corruption(fmt::format("the stored bytes hold {}", what));
}

Status ByteReader::check_left(std::uint64_t count, std::size_t size) const {
  if (count > rest_.size() / size)
    return std::unexpected(damaged("a length that passes their end"));
  return {};
}

Status ByteReader::take(void* out, std::uint64_t count, std::size_t size) {
  ATTUNE_RETURN_IF_ERROR(check_left(count, size));
  const auto bytes = static_cast<std::size_t>(count) * size;
  if (bytes > 0) std::memcpy(out, rest_.data(), bytes);
  rest_.remove_prefix(bytes);
  return {};
}

Result<std::string_view> ByteReader::text() {
  ATTUNE_ASSIGN_OR_RETURN(const std::uint64_t size, value<std::uint64_t>());
  ATTUNE_RETURN_IF_ERROR(check_left(size, 1));
  const std::string_view view = rest_.substr(0, static_cast<std::size_t>(size));
  rest_.remove_prefix(view.size());
  return view;
}

Status ByteReader::finish() const {
  if (!rest_.empty()) return std::unexpected(damaged("more than what was written"));
  return {};
}

}  // namespace attune

// Packed and encoded text of untrusted bytes: whatever they are, the text comes to an end, is no
// other for smaller reads, and is valid where it was converted.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <simdjson.h>

#include "attune/events/byte_source.h"

namespace {

using namespace attune::events;

constexpr std::size_t kMostText = std::size_t{1} << 22;  // packed bytes may say much more

struct Text {
  std::string text;
  bool whole = false;
  Encoding encoding = Encoding::utf8;
  bool operator==(const Text&) const = default;
};

std::optional<Text> read(std::string bytes, const ByteSourceOptions& options, std::size_t step) {
  auto source = ByteSource::from_memory("fuzz.txt", std::move(bytes), options);
  if (!source) {
    if (source.error().message.empty()) std::abort();
    return std::nullopt;
  }
  Text all;
  all.encoding = (*source)->encoding();
  std::vector<char> buffer(step);
  while (all.text.size() < kMostText) {
    const auto got = (*source)->read(buffer);
    if (!got) {
      if (got.error().message.empty()) std::abort();
      return all;
    }
    if (*got > step) std::abort();
    all.whole = *got == 0;
    if (all.whole) return all;
    all.text.append(buffer.data(), *got);
  }
  all.text.resize(kMostText);
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  ByteSourceOptions options;
  if (data[0] & 1) options.encoding = static_cast<Encoding>((data[0] >> 1) % 5);
  const std::string bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto large = read(bytes, options, std::size_t{1} << 16);
  const auto small = read(bytes, options, 1 + data[1]);
  if (large.has_value() != small.has_value()) std::abort();
  if (!large) return 0;
  if (large->whole && *large != *small) std::abort();
  const bool converted = large->encoding != Encoding::utf8;
  if (large->whole && converted && !simdjson::validate_utf8(large->text)) std::abort();
  return 0;
}

// Inside base: what stands behind the bytes of a checked file.
#pragma once

#include <cstdint>
#include <string_view>

namespace attune {

struct Trailer {
  char magic[16];
  std::uint64_t length;
  std::uint64_t hash_high;
  std::uint64_t hash_low;
  std::uint32_t version;
  std::uint32_t trailer_version;
};
static_assert(sizeof(Trailer) == 48);
inline constexpr std::uint32_t kTrailerVersion = 1;

// `magic`: at most 16 bytes.
Trailer trailer_of(std::string_view magic, std::uint32_t version, std::string_view payload);

}  // namespace attune

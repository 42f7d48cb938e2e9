// Fingerprints of bytes, the same on every machine. Answers: have we seen this before? Not for
// secrets.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace attune {

struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
};

// XXH3 of the xxHash library. Two different inputs agree with a chance of 2^-64 and 2^-128.
std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);
Hash128 hash128(std::string_view bytes, std::uint64_t seed = 0);

// Mixes two 64-bit words into one; order matters.
std::uint64_t combine(std::uint64_t a, std::uint64_t b);

std::string to_hex(const Hash128& hash);

}  // namespace attune

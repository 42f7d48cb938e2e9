// Reading and writing the bytes of stored profiles. Private to profiles.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "attune/base/hash.h"

namespace attune::profiles {

inline constexpr unsigned char kBlobVersion = 2;  // written; those before it are read, too
inline constexpr std::uint64_t kChecksumSeed = 1;
inline constexpr std::size_t kChecksumBytes = 4;

inline std::uint32_t blob_checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(hash64(bytes, kChecksumSeed));
}

// Numbers are LEB128 varints, signed ones zigzag; magic and version in front, a checksum behind.
class BlobWriter {
 public:
  explicit BlobWriter(unsigned char magic) {
    byte(magic);
    byte(kBlobVersion);
  }
  void byte(unsigned char value) { bytes_.push_back(static_cast<char>(value)); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) byte(static_cast<unsigned char>(value | 0x80));
    byte(static_cast<unsigned char>(value));
  }
  void zigzag(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void fixed(std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) byte(static_cast<unsigned char>(value >> shift));
  }
  void real(double value) { fixed(std::bit_cast<std::uint64_t>(value)); }
  void text(std::string_view value) {
    varint(value.size());
    bytes_.append(value);
  }
  std::string finish() {
    const std::uint32_t sum = blob_checksum(bytes_);
    for (int shift = 0; shift < 32; shift += 8) byte(static_cast<unsigned char>(sum >> shift));
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
};

// Reads what BlobWriter wrote; after the first failure every read gives 0 and `failure` says why.
class BlobReader {
 public:
  explicit BlobReader(std::string_view bytes) : bytes_(bytes) {}

  void open(unsigned char magic) {
    if (bytes_.size() < 2 + kChecksumBytes) return fail("cut short");
    if (static_cast<unsigned char>(bytes_[0]) != magic) return fail("not a profile");
    version_ = static_cast<unsigned char>(bytes_[1]);
    if (version_ == 0 || version_ > kBlobVersion) return fail("of an unknown version");
    const std::string_view body = bytes_.substr(0, bytes_.size() - kChecksumBytes);
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < kChecksumBytes; ++i) {
      sum |= std::uint32_t{static_cast<unsigned char>(bytes_[body.size() + i])} << (8 * i);
    }
    if (sum != blob_checksum(body)) return fail("damaged: its checksum differs");
    bytes_ = body.substr(2);
  }
  void fail(const char* why) {
    if (failure_ == nullptr) failure_ = why;
    bytes_ = {};
  }
  void require(bool holds, const char* why) {
    if (!holds) fail(why);
  }
  const char* failure() const { return failure_; }
  bool at_end() const { return bytes_.empty(); }
  unsigned char version() const { return version_; }  // after open

  unsigned char byte() {
    if (bytes_.empty()) {
      fail("cut short");
      return 0;
    }
    const auto value = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    return value;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      const unsigned char next = byte();
      if (shift == 63 && next > 1) break;
      value |= static_cast<std::uint64_t>(next & 0x7F) << shift;
      if (next < 0x80) return value;
    }
    fail("damaged: a number passes 64 bits");
    return 0;
  }
  std::int64_t zigzag() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  std::uint64_t fixed() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 8) value |= std::uint64_t{byte()} << shift;
    return value;
  }
  double real() {
    const double value = std::bit_cast<double>(fixed());
    require(std::isfinite(value), "damaged: an amount is not finite");
    return value;
  }
  std::string_view text(std::size_t limit) {
    const std::uint64_t size = varint();
    if (size > limit || size > bytes_.size()) {
      fail("damaged: a text is too long");
      return {};
    }
    const std::string_view value = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return value;
  }
  // A number of entries that take at least `entry_bytes` each: never more than the bytes can hold.
  std::size_t count(std::size_t entry_bytes, std::size_t limit = SIZE_MAX) {
    const std::uint64_t n = varint();
    if (n > bytes_.size() / entry_bytes || n > limit) {
      fail("damaged: more entries than bytes");
      return 0;
    }
    return static_cast<std::size_t>(n);
  }

 private:
  std::string_view bytes_;
  const char* failure_ = nullptr;
  unsigned char version_ = 0;
};

}  // namespace attune::profiles

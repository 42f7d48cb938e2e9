// Values as bytes and back. Answers: how does a structure reach the disk, and can a stranger's
// bytes hurt us on the way back?
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "attune/base/error.h"

namespace attune {

// Appends values in the little-endian layout of their type; texts and arrays carry their length (64
// bits) in front.
class ByteWriter {
 public:
  explicit ByteWriter(std::size_t expected_bytes = 0) { bytes_.reserve(expected_bytes); }

  template <class T>
  void value(const T& x) {
    static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);
    append(&x, sizeof x);
  }
  void text(std::string_view x) {
    value(static_cast<std::uint64_t>(x.size()));
    append(x.data(), x.size());
  }
  template <class T>
  void array(std::span<const T> values) {
    static_assert(std::is_trivially_copyable_v<T>);
    value(static_cast<std::uint64_t>(values.size()));
    append(values.data(), values.size_bytes());
  }
  template <class T>
  void array(const std::vector<T>& values) {
    array(std::span<const T>(values));
  }
  // An array that takes the room of one value where all are the same.
  template <class T>
  void folded(const std::vector<T>& values) {
    const bool same = !values.empty() && std::memcmp(values.data(), values.data() + 1,
                                                     (values.size() - 1) * sizeof(T)) == 0;
    value(static_cast<std::uint8_t>(same));
    if (same) {
      value(values.front());
    } else {
      array(values);
    }
  }

  const std::string& bytes() const { return bytes_; }

 private:
  void append(const void* data, std::size_t size) {
    if (size > 0) bytes_.append(static_cast<const char*>(data), size);
  }
  std::string bytes_;
};

// Reads what ByteWriter wrote. Every length is checked against the bytes that are left before
// memory is taken. Errors: data_corruption, on any bytes whatsoever; nothing else can happen.
// Lifetime: the reader and the views it gives need the bytes.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  Result<T> value() {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
    T x{};
    ATTUNE_RETURN_IF_ERROR(take(&x, 1, sizeof x));
    return x;
  }
  Result<std::string_view> text();
  template <class T>
  Result<std::vector<T>> array() {
    static_assert(std::is_trivially_copyable_v<T>);
    ATTUNE_ASSIGN_OR_RETURN(const std::uint64_t count, value<std::uint64_t>());
    ATTUNE_RETURN_IF_ERROR(check_left(count, sizeof(T)));
    std::vector<T> values(static_cast<std::size_t>(count));
    ATTUNE_RETURN_IF_ERROR(take(values.data(), count, sizeof(T)));
    return values;
  }
  // An array whose length is known. Errors: data_corruption if it is another.
  template <class T>
  Result<std::vector<T>> array(std::size_t expected) {
    ATTUNE_ASSIGN_OR_RETURN(std::vector<T> values, array<T>());
    if (values.size() != expected)
      return std::unexpected(damaged("an array of another length than its neighbours"));
    return values;
  }

  // What `folded` wrote of `expected` values. The caller bounds `expected`.
  template <class T>
  Result<std::vector<T>> folded(std::size_t expected) {
    ATTUNE_ASSIGN_OR_RETURN(const std::uint8_t same, value<std::uint8_t>());
    if (same == 0) return array<T>(expected);
    ATTUNE_ASSIGN_OR_RETURN(const T one, value<T>());
    return std::vector<T>(expected, one);
  }

  std::size_t left() const { return rest_.size(); }
  // Errors: data_corruption if bytes are left over.
  Status finish() const;

 private:
  static Error damaged(std::string_view what);
  Status check_left(std::uint64_t count, std::size_t size) const;
  Status take(void* out, std::uint64_t count, std::size_t size);

  std::string_view rest_;
};

}  // namespace attune

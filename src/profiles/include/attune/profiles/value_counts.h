// A multiset of whole numbers that is kept up as they come and go. Answers: which value is the
// k-th smallest?
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace attune::profiles {

class BlobReader;
class BlobWriter;

// Counts may be negative while changes are collected for another multiset; merge brings them there.
// Cost: adding is one append; the first question after it sorts what was added and merges it in,
// O(n + m log m) for m additions to n distinct values of 16 bytes.
// Threads: one thread at a time.
class ValueCounts {
 public:
  ValueCounts() = default;
  explicit ValueCounts(std::span<const std::int64_t> values);

  void add(std::int64_t value, std::int64_t times = 1);
  void merge(const ValueCounts& other);

  bool empty();
  // No value was taken out more often than it came.
  bool holds();
  bool lies_between(std::int64_t least, std::int64_t most);  // every value does
  std::int64_t total();
  // The value at a place of the ascending order, from 0. Contract: holds(), 0 <= place < total().
  std::int64_t at(std::int64_t place);
  // How many lie below a value.
  std::int64_t below(std::int64_t value);

  void write(BlobWriter& out);
  void read(BlobReader& in);

 private:
  struct Entry {
    std::int64_t value = 0;
    std::int64_t count = 0;
  };
  void settle();

  std::vector<Entry> counts_;  // ascending value, no count of 0
  std::vector<Entry> fresh_;   // in any order
};

}  // namespace attune::profiles

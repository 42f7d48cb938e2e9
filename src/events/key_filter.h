// Which keys the history has surely not seen. Answers: is there any need to look, and where?
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "attune/base/hash.h"
#include "attune/base/ids.h"

namespace attune::events {

// A blocked Bloom filter: says "no" of keys that were never inserted but for about one in 10,000,
// and never of one that was. Memory: 3 bytes for each key that it was made for; beyond those it
// says "maybe" more often.
// Source: [PutzeSandersSingler2007].
class KeyFilter {
 public:
  explicit KeyFilter(std::size_t keys)
      : room_(keys), blocks_(keys * kBitsPerKey / kBlockBits + 1) {}

  void insert(const Hash128& key) {
    Block& block = blocks_[block_of(key)];
    for_each_bit(key, [&](unsigned bit) {
      block[bit / 64] |= std::uint64_t{1} << bit % 64;
      return true;
    });
    ++inserted_;
  }
  bool may_contain(const Hash128& key) const {
    const Block& block = blocks_[block_of(key)];
    return for_each_bit(key, [&](unsigned bit) { return (block[bit / 64] >> bit % 64 & 1) != 0; });
  }
  bool full() const { return inserted_ > room_; }

 private:
  static constexpr std::size_t kBitsPerKey = 24;
  static constexpr std::size_t kBlockBits = 512;  // one cache line
  static constexpr int kBits = 7;                 // of nine bits each out of 64
  using Block = std::array<std::uint64_t, kBlockBits / 64>;

  std::size_t block_of(const Hash128& key) const {
    return static_cast<std::size_t>(static_cast<unsigned __int128>(key.high) * blocks_.size() >>
                                    64);
  }
  // Until `step` says no.
  template <class Step>
  static bool for_each_bit(const Hash128& key, const Step& step) {
    std::uint64_t bits = key.low;
    for (int i = 0; i < kBits; ++i, bits >>= 9) {
      if (!step(static_cast<unsigned>(bits % kBlockBits))) return false;
    }
    return true;
  }

  std::size_t room_;
  std::size_t inserted_ = 0;
  std::vector<Block> blocks_;
};

// Events from one number to another, both included; none where `first` is above `last`.
struct Stretch {
  Sequence first{std::numeric_limits<std::int64_t>::max()};
  Sequence last{0};

  bool empty() const { return last < first; }
  void include(const Stretch& other) {
    first = std::min(first, other.first);
    last = std::max(last, other.last);
  }
};

// Filters of a history that grows: each time the last one is full, another for a third of what is
// there. Nothing is read again, and a key that may be there is looked for among the events of its
// filter only. Memory: 3 to 4 bytes a key, and never less than 0.75 MB.
class GrowingKeyFilter {
 public:
  void insert(const Hash128& key, Sequence sequence) {
    if (parts_.empty() || parts_.back().filter.full()) {
      parts_.push_back({KeyFilter(std::max(kKeysMin, inserted_ / 3)), {}});
    }
    parts_.back().filter.insert(key);
    parts_.back().events.include({sequence, sequence});
    ++inserted_;
  }
  // Where the key may be; empty: surely nowhere.
  Stretch find(const Hash128& key) const {
    Stretch found;
    for (const Part& part : parts_) {
      if (part.filter.may_contain(key)) found.include(part.events);
    }
    return found;
  }

 private:
  struct Part {
    KeyFilter filter;
    Stretch events;
  };
  static constexpr std::size_t kKeysMin = 250'000;

  std::vector<Part> parts_;
  std::size_t inserted_ = 0;
};

}  // namespace attune::events

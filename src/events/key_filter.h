// Which keys the history has surely not seen. Answers: is there any need to look?
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "attune/base/hash.h"

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

}  // namespace attune::events

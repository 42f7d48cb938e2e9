// Sets of fingerprints that fit tens of millions into memory. Answers: did this row come before?
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "attune/base/hash.h"

namespace attune::events {

// Keys of events that the history holds. Memory: 16 bytes a key at 35 to 70 % load.
class KeySet {
 public:
  void insert(const Hash128& key) {
    if ((used_ + 1) * 10 > slots_.size() * 7) grow();
    used_ += place(key);
  }
  // The caller will ask for this key within some rows.
  void prefetch(const Hash128& key) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[key.low & mask()]);
  }
  bool contains(const Hash128& key) const {
    if (slots_.empty()) return false;
    for (std::size_t slot = key.low & mask();; slot = (slot + 1) & mask()) {
      if (slots_[slot] == key) return true;
      if (slots_[slot] == Hash128{}) return false;
    }
  }
  std::size_t size() const { return used_; }

 private:
  std::size_t mask() const { return slots_.size() - 1; }
  bool place(const Hash128& key) {
    for (std::size_t slot = key.low & mask();; slot = (slot + 1) & mask()) {
      if (slots_[slot] == key) return false;
      if (slots_[slot] == Hash128{}) {
        slots_[slot] = key;
        return true;
      }
    }
  }
  void grow() {
    std::vector<Hash128> old(std::max<std::size_t>(1 << 12, slots_.size() * 2));
    old.swap(slots_);
    for (const Hash128& key : old) {
      if (key != Hash128{}) place(key);
    }
  }
  std::vector<Hash128> slots_;  // all zero: free
  std::size_t used_ = 0;
};

// How often a 64-bit fingerprint came before. Two different rows are taken for one with a chance of
// n^2 / 2^65: 7e-5 for 50 million.
class OccurrenceCounter {
 public:
  std::uint32_t note(std::uint64_t fingerprint) {
    if (fingerprint == 0) fingerprint = 1;
    if ((used_ + 1) * 10 > slots_.size() * 7) grow();
    for (std::size_t slot = fingerprint & mask();; slot = (slot + 1) & mask()) {
      if (slots_[slot] == fingerprint) return ++repeats_[fingerprint];
      if (slots_[slot] == 0) {
        slots_[slot] = fingerprint;
        ++used_;
        return 0;
      }
    }
  }
  // The caller will note this fingerprint within some rows.
  void prefetch(std::uint64_t print) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[print & mask()], /*rw=*/1);
  }
  void clear() { *this = OccurrenceCounter(); }

 private:
  std::size_t mask() const { return slots_.size() - 1; }
  void grow() {
    std::vector<std::uint64_t> old(std::max<std::size_t>(1 << 16, slots_.size() * 2));
    old.swap(slots_);
    for (const std::uint64_t fingerprint : old) {
      if (fingerprint == 0) continue;
      std::size_t slot = fingerprint & mask();
      while (slots_[slot] != 0) slot = (slot + 1) & mask();
      slots_[slot] = fingerprint;
    }
  }
  std::vector<std::uint64_t> slots_;  // 0: free
  std::size_t used_ = 0;
  std::unordered_map<std::uint64_t, std::uint32_t> repeats_;  // of those that came again
};

}  // namespace attune::events

// Sets of fingerprints that fit tens of millions into memory. Answers: did this row come before?
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "attune/base/hash.h"
#include "attune/base/pages.h"

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
    if (!slots_.empty()) fetch_ahead(&slots_[key.low & mask()]);
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
// n^2 / 2^65: 7e-5 for 50 million. Memory: 11 to 15 bytes a fingerprint, a sixteenth of it twice
// for a moment.
class OccurrenceCounter {
 public:
  // About so many different ones will come in all, if that is known by now: room is made for them
  // in few steps. Each step clears, copies and spreads what is there.
  void expect(std::size_t count) { expected_ = count; }
  std::uint32_t note(std::uint64_t fingerprint) {
    if (fingerprint == 0) fingerprint = 1;
    const std::uint64_t spread = fingerprint * kSpread;
    Part& part = parts_[spread >> kPlaceBits];
    if ((part.used + 1) * 4 > part.slots.size() * 3) grow(part);
    for (std::size_t slot = place(spread, part.slots.size());;) {
      if (part.slots[slot] == fingerprint) return ++repeats_[fingerprint];
      if (part.slots[slot] == 0) {
        part.slots[slot] = fingerprint;
        ++part.used;
        return 0;
      }
      if (++slot == part.slots.size()) slot = 0;
    }
  }
  // The caller will note this fingerprint within some rows.
  void prefetch(std::uint64_t fingerprint) const {
    const std::uint64_t spread = fingerprint * kSpread;
    const Part& part = parts_[spread >> kPlaceBits];
    if (part.slots.empty()) return;
    fetch_ahead(&part.slots[place(spread, part.slots.size())]);
  }
  void clear() { *this = OccurrenceCounter(); }

 private:
  static constexpr std::uint64_t kSpread = 0x9E3779B97F4A7C15;  // 2^64 over the golden ratio
  static constexpr int kPartBits = 4;
  static constexpr int kPlaceBits = 64 - kPartBits;
  static constexpr std::size_t kParts = std::size_t{1} << kPartBits;
  static constexpr std::size_t kSlotsMin = 48;
  static constexpr std::size_t kSmall = 4096;
  struct Part {
    PagedVector<std::uint64_t> slots;  // 0: free
    std::size_t used = 0;
  };

  // In the order of `spread`, so that a part that grows is read and written from front to back.
  static std::size_t place(std::uint64_t spread, std::size_t slots) {
    using Wide = unsigned __int128;
    return static_cast<std::size_t>(Wide{spread << kPartBits} * slots >> 64);
  }
  std::size_t slots_after(std::size_t slots) const {
    const std::size_t wanted = expected_ / kParts + expected_ / kParts / 2;  // two of three taken
    const std::size_t least = slots < kSmall ? slots * 2 : slots + slots / 3;
    return std::max({kSlotsMin, least, std::min(wanted, slots * 4)});
  }
  void grow(Part& part) {
    PagedVector<std::uint64_t> old(slots_after(part.slots.size()));
    old.swap(part.slots);
    for (const std::uint64_t fingerprint : old) {
      if (fingerprint == 0) continue;
      std::size_t slot = place(fingerprint * kSpread, part.slots.size());
      while (part.slots[slot] != 0) {
        if (++slot == part.slots.size()) slot = 0;
      }
      part.slots[slot] = fingerprint;
    }
  }

  std::array<Part, kParts> parts_;
  std::size_t expected_ = 0;
  std::unordered_map<std::uint64_t, std::uint32_t> repeats_;  // of those that came again
};

}  // namespace attune::events

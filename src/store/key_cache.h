// Inside store: sealing keys of customers at hand. Answers: is this customer's key known already?
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <sodium.h>

#include "attune/base/ids.h"

namespace attune::store {

// 32 secret bytes that are overwritten when they go.
struct SecretKey {
  std::array<unsigned char, 32> bytes{};
  SecretKey() = default;
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey() { sodium_memzero(bytes.data(), bytes.size()); }
};

// A table of places, half of them free or more: passes over many customers ask for each key twice
// or more, and a node for each costs more than the key. Memory: 80 bytes a key, 5 MB at most.
class KeyCache {
 public:
  static constexpr std::size_t kMax = 65'536;

  // Valid until the next put or clear; null: not known.
  const SecretKey* find(CustomerNumber customer) const {
    if (numbers_.empty() || customer.value == kFree) return nullptr;
    const std::size_t at = place(customer);
    return numbers_[at] == customer.value ? &keys_[at] : nullptr;
  }
  // Lets go of all others first where there is no room.
  void put(CustomerNumber customer, const SecretKey& key) {
    if (customer.value == kFree) return;  // nobody's
    if (size_ == kMax) clear();
    if (2 * (size_ + 1) > numbers_.size()) grow();
    const std::size_t at = place(customer);
    if (numbers_[at] == kFree) ++size_;
    numbers_[at] = customer.value;
    keys_[at] = key;
  }
  std::size_t size() const { return size_; }
  void clear() { *this = KeyCache(); }

 private:
  static constexpr std::int64_t kFree = INT64_MIN;

  void grow() {
    KeyCache larger;
    larger.bits_ = bits_ == 0 ? 6 : bits_ + 1;
    larger.numbers_.assign(std::size_t{1} << larger.bits_, kFree);
    larger.keys_.resize(larger.numbers_.size());
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      if (numbers_[i] != kFree) larger.put({numbers_[i]}, keys_[i]);
    }
    *this = std::move(larger);
  }

  // Where the customer is, or would be.
  std::size_t place(CustomerNumber customer) const {
    auto at = static_cast<std::size_t>(
        (static_cast<std::uint64_t>(customer.value) * 0x9E3779B97F4A7C15u) >> (64 - bits_));
    while (numbers_[at] != kFree && numbers_[at] != customer.value)
      at = (at + 1) & (numbers_.size() - 1);
    return at;
  }

  int bits_ = 0;  // of the number of places; 0: none yet
  std::vector<std::int64_t> numbers_;
  std::vector<SecretKey> keys_;
  std::size_t size_ = 0;
};

}  // namespace attune::store

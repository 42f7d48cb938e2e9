// Numbers that name things inside one data folder. Answers: which customer, which item, which
// event, and never one for another?
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace attune {

// A 64-bit number of one kind of thing. 0 means "none"; numbers are given in journal order and
// never reused.
template <class Kind>
struct Id {
  std::int64_t value = 0;

  explicit operator bool() const { return value != 0; }
  friend auto operator<=>(const Id&, const Id&) = default;
};

using CustomerNumber = Id<struct CustomerKind>;  // 0: the event names no customer
using ItemNumber = Id<struct ItemKind>;
using Sequence = Id<struct SequenceKind>;  // place of an event in the journal
using ImportNumber = Id<struct ImportKind>;

}  // namespace attune

template <class Kind>
struct std::hash<attune::Id<Kind>> {
  std::size_t operator()(attune::Id<Kind> id) const noexcept {
    auto x = static_cast<std::uint64_t>(id.value) * 0x9E3779B97F4A7C15ull;
    return static_cast<std::size_t>(x ^ (x >> 32));
  }
};

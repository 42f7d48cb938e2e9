// Sorted vectors as small maps: look up or insert by key, and unite two. Private to profiles.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace attune::profiles {

// Addition that wraps instead of being undefined: the order of operands does not matter.
constexpr std::int64_t wrap_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

constexpr std::int64_t wrap_subtract(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

// The entry whose `key` equals that of `fresh`; where there is none, `fresh` is put in its place.
// `found` tells which.
template <class T, class Key>
T& find_or_insert(std::vector<T>& sorted, const T& fresh, Key key, bool& found) {
  auto at = sorted.end();
  if (!sorted.empty() && !(std::invoke(key, sorted.back()) < std::invoke(key, fresh))) {
    at = std::ranges::lower_bound(sorted, std::invoke(key, fresh), {}, key);
  }
  found = at != sorted.end() && std::invoke(key, *at) == std::invoke(key, fresh);
  return found ? *at : *sorted.insert(at, fresh);
}

// a = a united with b; entries of equal key become add(of a, of b).
template <class T, class Key, class Add>
void unite(std::vector<T>& a, const std::vector<T>& b, Key key, Add add) {
  std::vector<T> both;
  both.reserve(a.size() + b.size());
  std::size_t i = 0;
  for (const T& entry : b) {
    while (i < a.size() && std::invoke(key, a[i]) < std::invoke(key, entry)) both.push_back(a[i++]);
    if (i < a.size() && std::invoke(key, a[i]) == std::invoke(key, entry)) {
      add(a[i], entry);
      both.push_back(a[i++]);
    } else {
      both.push_back(entry);
    }
  }
  while (i < a.size()) both.push_back(a[i++]);
  a = std::move(both);
}

}  // namespace attune::profiles

// Small numbers for names that repeat: categories, brands, channels. Answers: what is this number
// called, and which number has this name?
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "attune/base/ids.h"

namespace attune::profiles {

using TermId = Id<struct TermKind>;  // 0: not stated

enum class TermKindOf : std::uint8_t { category, brand, channel };

// What profiles need to know of names, in both directions. The engine implements it over its
// dictionaries.
// Lifetime: a returned view lives until the vocabulary changes. Threads: const calls may run side
// by side.
class Vocabulary {
 public:
  virtual ~Vocabulary() = default;

  // Empty when the number is unknown.
  virtual std::string_view term(TermKindOf kind, TermId id) const = 0;
  // Names compare byte by byte. Absent when nothing bears the name.
  virtual std::optional<TermId> find_term(TermKindOf kind, std::string_view name) const = 0;
  // The shop's own id of an item ("85123A"); empty when unknown.
  virtual std::string_view item_label(ItemNumber item) const = 0;
  virtual std::optional<ItemNumber> find_item(std::string_view label) const = 0;
};

// A vocabulary in memory: numbers are given in the order of first mention, starting at 1.
class MemoryVocabulary final : public Vocabulary {
 public:
  TermId add_term(TermKindOf kind, std::string_view name);  // the number it has already, if known
  ItemNumber add_item(std::string_view label);

  std::string_view term(TermKindOf kind, TermId id) const override;
  std::optional<TermId> find_term(TermKindOf kind, std::string_view name) const override;
  std::string_view item_label(ItemNumber item) const override;
  std::optional<ItemNumber> find_item(std::string_view label) const override;

 private:
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  struct Names {
    std::vector<std::string> by_number;
    std::unordered_map<std::string, std::int64_t, NameHash, std::equal_to<>> numbers;
    std::int64_t add(std::string_view name);
    std::string_view name(std::int64_t number) const;
    std::optional<std::int64_t> find(std::string_view name) const;
  };
  Names terms_[3];
  Names items_;
};

}  // namespace attune::profiles

#include "attune/profiles/terms.h"

namespace attune::profiles {

std::int64_t MemoryVocabulary::Names::add(std::string_view name) {
  if (const auto known = numbers.find(name); known != numbers.end()) return known->second;
  by_number.emplace_back(name);
  const auto number = static_cast<std::int64_t>(by_number.size());
  numbers.emplace(name, number);
  return number;
}

std::string_view MemoryVocabulary::Names::name(std::int64_t number) const {
  if (number < 1 || number > static_cast<std::int64_t>(by_number.size())) return {};
  return by_number[static_cast<std::size_t>(number - 1)];
}

std::optional<std::int64_t> MemoryVocabulary::Names::find(std::string_view name) const {
  const auto known = numbers.find(name);
  if (known == numbers.end()) return std::nullopt;
  return known->second;
}

TermId MemoryVocabulary::add_term(TermKindOf kind, std::string_view name) {
  return {terms_[static_cast<std::size_t>(kind)].add(name)};
}

ItemNumber MemoryVocabulary::add_item(std::string_view label) { return {items_.add(label)}; }

std::string_view MemoryVocabulary::term(TermKindOf kind, TermId id) const {
  return terms_[static_cast<std::size_t>(kind)].name(id.value);
}

std::optional<TermId> MemoryVocabulary::find_term(TermKindOf kind, std::string_view name) const {
  const auto number = terms_[static_cast<std::size_t>(kind)].find(name);
  if (!number) return std::nullopt;
  return TermId{*number};
}

std::string_view MemoryVocabulary::item_label(ItemNumber item) const {
  return items_.name(item.value);
}

std::optional<ItemNumber> MemoryVocabulary::find_item(std::string_view label) const {
  const auto number = items_.find(label);
  if (!number) return std::nullopt;
  return ItemNumber{*number};
}

}  // namespace attune::profiles

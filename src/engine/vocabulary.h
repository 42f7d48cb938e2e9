// Numbers for categories, brands and channels, kept in state. Answers: which number has this name,
// for good?
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/catalog/catalog.h"
#include "attune/profiles/terms.h"
#include "attune/store/state.h"

namespace attune::engine {

// The vocabulary of one shop: terms from state, items from a snapshot of the catalogue.
class ShopVocabulary final : public profiles::Vocabulary {
 public:
  static Result<ShopVocabulary> open(store::State& state, const catalog::CatalogSnapshot& catalog);

  // Reads what others saved since; nothing of this one waits to be saved.
  Status follow(store::State& state);
  // The number of a name; a new one is written by save(). 0 for an empty name.
  profiles::TermId add(profiles::TermKindOf kind, std::string_view name);
  // Writes new terms. To be called before what refers to them is written.
  Status save(store::State& state);

  std::string_view term(profiles::TermKindOf kind, profiles::TermId id) const override {
    return terms_.term(kind, id);
  }
  std::optional<profiles::TermId> find_term(profiles::TermKindOf kind,
                                            std::string_view name) const override {
    return terms_.find_term(kind, name);
  }
  std::string_view item_label(ItemNumber item) const override;
  std::optional<ItemNumber> find_item(std::string_view label) const override;

 private:
  struct NewTerm {
    profiles::TermKindOf kind;
    profiles::TermId id;
    std::string name;
  };
  explicit ShopVocabulary(const catalog::CatalogSnapshot& catalog) : catalog_(&catalog) {}
  profiles::MemoryVocabulary terms_;
  const catalog::CatalogSnapshot* catalog_;
  std::vector<NewTerm> fresh_;
  std::int64_t saved_ = 0;  // terms in state
};

}  // namespace attune::engine

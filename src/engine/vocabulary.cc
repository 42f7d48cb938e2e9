#include "vocabulary.h"

namespace attune::engine {
namespace {

constexpr store::Migration kVocabularyMigrations[] = {{1, R"sql(
CREATE TABLE terms(
  kind INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY(kind, number)) WITHOUT ROWID;
)sql"}};

}  // namespace

Result<ShopVocabulary> ShopVocabulary::open(store::State& state,
                                            const catalog::CatalogSnapshot& catalog) {
  ATTUNE_RETURN_IF_ERROR(state.migrate("vocabulary", kVocabularyMigrations));
  ShopVocabulary vocabulary(catalog);
  ATTUNE_RETURN_IF_ERROR(vocabulary.follow(state));
  return vocabulary;
}

Status ShopVocabulary::follow(store::State& state) {
  ATTUNE_ASSIGN_OR_RETURN(const auto all, state.find_int64("SELECT count(*) FROM terms"));
  if (all == saved_) return {};
  terms_ = {};
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state.prepare("SELECT kind, number, name FROM terms ORDER BY kind, number"));
  for (saved_ = 0;; ++saved_) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return {};
    const auto kind = static_cast<profiles::TermKindOf>(rows.int64(0));
    if (terms_.add_term(kind, rows.text(2)).value != rows.int64(1)) {
      return std::unexpected(data_corruption(
          "the table of categories and brands has gaps; restore state.sqlite from a backup"));
    }
  }
}

profiles::TermId ShopVocabulary::add(profiles::TermKindOf kind, std::string_view name) {
  if (name.empty()) return {};
  if (const auto known = terms_.find_term(kind, name)) return *known;
  const profiles::TermId id = terms_.add_term(kind, name);
  fresh_.push_back({kind, id, std::string(name)});
  return id;
}

Status ShopVocabulary::save(store::State& state) {
  for (const NewTerm& term : fresh_) {
    ATTUNE_RETURN_IF_ERROR(state.run("INSERT INTO terms(kind, number, name) VALUES(?1, ?2, ?3)",
                                     static_cast<std::int64_t>(term.kind), term.id.value,
                                     term.name));
    ++saved_;
  }
  fresh_.clear();
  return {};
}

std::string_view ShopVocabulary::item_label(ItemNumber item) const {
  const catalog::Item* found = catalog_->find(item);
  return found == nullptr ? std::string_view() : std::string_view(found->id);
}

std::optional<ItemNumber> ShopVocabulary::find_item(std::string_view label) const {
  const catalog::Item* found = catalog_->find_id(label);
  if (found == nullptr) return std::nullopt;
  return found->number;
}

}  // namespace attune::engine

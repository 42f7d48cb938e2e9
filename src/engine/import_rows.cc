#include "import_rows.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace attune::engine {

using events::Attribute;
using events::Event;
using events::EventType;

Status ChangeRows::load_items() {
  // Facts come in order of time: the last of each field is what holds now; values of one event
  // stand together.
  std::unordered_map<std::string, std::pair<std::int64_t, std::int64_t>> last;
  return workspace_.catalog().for_each_fact(
      [&](const catalog::ItemFact& fact, std::string_view id) -> Status {
        auto& values = items_[std::string(id)].fields[std::string(fact.field)].values;
        const std::pair now{fact.valid_from.micros, fact.sequence.value};
        auto& before = last[std::string(id) + '\0' + std::string(fact.field)];
        if (before != now) values.clear();
        before = now;
        values.emplace_back(fact.value);
        return {};
      });
}

void ChangeRows::begin_file() {
  if (file_ > 0) now_.micros += 1;
  ++file_;
}

ChangeRows::Fields ChangeRows::collect() const {
  Fields fields;
  for (const Attribute& attribute : attributes_) {
    auto& values = fields[std::string(attribute.name)];
    values.emplace_back(attribute.value);
    std::ranges::sort(values);
  }
  return fields;
}

Event ChangeRows::event(EventType type, std::optional<Timestamp> stated, bool known) {
  Event event;
  event.type = type;
  event.time = stated.value_or(known ? now_ : Timestamp{0});
  event.source = source_;
  return event;
}

namespace {

bool tells_nothing_new(const auto& stated, const auto& known) {
  return std::ranges::all_of(stated, [&](const auto& field) {
    const auto found = known.find(field.first);
    return found != known.end() && found->second.values == field.second;
  });
}

}  // namespace

ChangeRows::Told ChangeRows::nothing_new(const Fields& stated, Subject& subject) const {
  bool repeats = subject.named_in == file_;
  for (const auto& [field, values] : stated) {
    std::uint32_t& told_in = subject.fields.find(field)->second.told_in;
    repeats = repeats && told_in == file_;
    told_in = file_;
  }
  subject.named_in = file_;
  return {std::nullopt, repeats ? events::Staged::exact_duplicate : events::Staged::already_known};
}

void ChangeRows::note(Fields stated, Subject& subject) const {
  for (auto& [field, values] : stated) subject.fields[field] = {std::move(values), file_};
  subject.named_in = file_;
}

Result<ChangeRows::Told> ChangeRows::item(const events::ItemRow& row) {
  if (!std::exchange(items_loaded_, true)) ATTUNE_RETURN_IF_ERROR(load_items());
  attributes_.clear();
  const auto state = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) attributes_.push_back({name, value});
  };
  state("name", row.name);
  const bool split =
      std::ranges::any_of(row.attributes, [](const Attribute& a) { return a.name == "category"; });
  if (!split) state("category", row.category);
  state("brand", row.brand);
  state("url", row.url);
  price_ = row.price_minor ? fmt::format("{}", *row.price_minor) : "";
  state("price", price_);
  currency_ = row.price_minor ? row.currency.to_string() : "";
  state("currency", currency_);
  stock_ = row.stock ? fmt::format("{}", *row.stock) : "";
  state("stock", stock_);
  for (const Attribute& attribute : row.attributes) state(attribute.name, attribute.value);
  Fields stated = collect();
  auto [place, first] = items_.try_emplace(std::string(row.id));
  Subject& known = place->second;
  if (tells_nothing_new(stated, known.fields)) {
    // A row without facts still introduces an item that nobody met.
    if (!first) return nothing_new(stated, known);
    ATTUNE_ASSIGN_OR_RETURN(const auto met, workspace_.catalog().find(row.id));
    if (met) return nothing_new(stated, known);
  }
  Event changed = event(EventType::item_changed, row.valid_from, !known.fields.empty());
  changed.item = row.id;
  changed.item_attributes = attributes_;
  note(std::move(stated), known);
  return Told{changed};
}

Result<bool> ChangeRows::are_one(std::string_view id, std::string_view other) {
  if (!joined_.emplace(id, other).second) return true;
  ATTUNE_ASSIGN_OR_RETURN(const auto one, workspace_.identity().find(id));
  ATTUNE_ASSIGN_OR_RETURN(const auto another, workspace_.identity().find(other));
  return one && one == another;
}

Result<ChangeRows::Told> ChangeRows::customer(const events::CustomerRow& row) {
  attributes_.assign(row.traits.begin(), row.traits.end());
  std::erase_if(attributes_, [](const Attribute& a) { return a.value.empty(); });
  // Known by their own id, else by the anonymous one.
  const std::string_view id = row.id.empty() ? row.anonymous : row.id;
  auto [place, first] =
      customers_.try_emplace((row.id.empty() ? "anonymous " : "customer ") + std::string(id));
  Subject& known = place->second;
  bool met = !first;
  if (first) {
    ATTUNE_ASSIGN_OR_RETURN(const auto number, workspace_.identity().find(id));
    if (number) {
      met = true;
      ATTUNE_ASSIGN_OR_RETURN(const std::vector<events::Trait> traits,
                              workspace_.identity().traits(*number));
      for (const events::Trait& trait : traits) known.fields[trait.name] = {{trait.value}};
    }
  }
  Fields stated = collect();
  // A row without traits still introduces somebody nobody met, or says who is who.
  bool links = false;
  const std::string_view other = row.previous.empty() ? row.anonymous : row.previous;
  if (!row.id.empty() && !other.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(const bool one, are_one(row.id, other));
    links = !one;
  }
  if (met && !links && tells_nothing_new(stated, known.fields)) return nothing_new(stated, known);
  const bool first_met = !met && other.empty();
  const bool alias = !row.previous.empty();
  Event changed = event(alias ? EventType::alias : EventType::customer_changed, row.time,
                        !known.fields.empty());
  changed.customer = row.id;
  changed.anonymous = alias ? row.previous : row.anonymous;
  changed.customer_attributes = attributes_;
  note(std::move(stated), known);
  return Told{.event = changed, .first_met = first_met};
}

}  // namespace attune::engine

#include "fact_collector.h"

namespace attune::events {
namespace {

std::uint32_t in(const std::vector<std::uint32_t>& codes, std::uint32_t code) {
  return code == kNoCode ? kNoCode : codes[code];
}

// A name that was not there is first mentioned where `from` mentions it.
void append_first(const std::vector<std::int64_t>& from, const std::vector<std::uint32_t>& codes,
                  std::int64_t offset, std::vector<std::int64_t>& into) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (codes[i] == into.size()) into.push_back(from[i] + offset);
  }
}

}  // namespace

void FactCollector::add(const StagedFacts& from, std::int64_t offset, const NameMap& names) {
  const std::vector<std::uint32_t> fields = facts_.fields.take_in(from.fields);
  const std::vector<std::uint32_t> values = facts_.values.take_in(from.values);
  append_first(from.first_customer, names.customers, offset, facts_.first_customer);
  append_first(from.first_anonymous, names.anonymous, offset, facts_.first_anonymous);
  append_first(from.first_item, names.items, offset, facts_.first_item);
  for (const auto& l : from.links)
    add_link({l.row + offset, names.anonymous[l.anonymous], names.customers[l.customer]});
  for (const auto& a : from.aliases)
    facts_.aliases.push_back({a.row + offset, names.anonymous[a.from], names.customers[a.to]});
  for (const auto& o : from.observed) {
    const StagedFacts::Observed here{names.items[o.item], fields[o.field], values[o.value],
                                     o.count};
    Said& said = last_said(items_said_, here.item, here.field);
    if (said.value == here.value) {
      *said.count += here.count;
    } else {
      observe(said, here);
    }
  }
  const auto stated = [&](const StagedFacts::Stated& s,
                          const std::vector<std::uint32_t>& subjects) {
    return StagedFacts::Stated{s.row + offset, subjects[s.subject], fields[s.field],
                               values[s.value], s.time};
  };
  for (const auto& f : from.item_facts) facts_.item_facts.push_back(stated(f, names.items));
  const auto add_all = [&](const std::vector<StagedFacts::Stated>& traits,
                           const std::vector<std::uint32_t>& subjects, Memory& memory,
                           std::vector<StagedFacts::Stated>& into) {
    for (const auto& t : traits) {
      const StagedFacts::Stated trait = stated(t, subjects);
      add_trait(trait, last_said(memory, trait.subject, trait.field), into);
    }
  };
  add_all(from.traits, names.customers, customers_said_, facts_.traits);
  add_all(from.anonymous_traits, names.anonymous, anonymous_said_, facts_.anonymous_traits);
  for (const auto& c : from.consents)
    facts_.consents.push_back({c.row + offset, in(names.customers, c.customer),
                               in(names.anonymous, c.anonymous), in(values, c.value), c.time,
                               c.given});
  for (const auto& o : from.objections)
    facts_.objections.push_back({o.row + offset, in(names.customers, o.customer),
                                 in(names.anonymous, o.anonymous), in(values, o.channel),
                                 in(values, o.value), o.time, o.type});
}

}  // namespace attune::events

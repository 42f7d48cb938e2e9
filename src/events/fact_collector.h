// What rows say of items and customers while they are staged. Answers: who was named with whom, and
// what was told of them?
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "attune/base/hash.h"
#include "attune/events/event.h"
#include "attune/events/event_columns.h"
#include "attune/events/staged_facts.h"

namespace attune::events {

// Gathers what rows say beside what happened: row by row, or of many rows of which others gathered
// it. Rows of one item, or one customer, tend to say the same again: what each said last of a field
// is looked at first.
class FactCollector {
 public:
  void add(const Event& event, std::int64_t row, const NameCodes& codes) {
    first(facts_.first_customer, codes.customer, row);
    first(facts_.first_anonymous, codes.anonymous, row);
    first(facts_.first_item, codes.item, row);
    if (codes.customer != kNoCode && codes.anonymous != kNoCode)
      add_pair(event, row, codes.anonymous, codes.customer);
    if (codes.item != kNoCode) add_item(event, row, codes.item);
    if (codes.customer != kNoCode) {
      add_traits(event, row, codes.customer, customers_said_, facts_.traits);
    } else if (codes.anonymous != kNoCode) {
      add_traits(event, row, codes.anonymous, anonymous_said_, facts_.anonymous_traits);
    }
    if (event.type == EventType::consent_given || event.type == EventType::consent_withdrawn)
      add_consent(event, row, codes);
    if (is_objection(event.type)) add_objection(event, row, codes);
  }

  // What bundled rows say, the first of which is row `offset` here; `names`: their names here.
  // Bundles come in the order of their rows.
  void add(const StagedFacts& from, std::int64_t offset, const NameMap& names);

  const StagedFacts& facts() const { return facts_; }  // but for what was observed of items

  StagedFacts take() {
    for (const auto& [key, count] : observed_) {
      facts_.observed.push_back({static_cast<std::uint32_t>(key.item_field >> 32),
                                 static_cast<std::uint32_t>(key.item_field), key.value, count});
    }
    std::ranges::sort(facts_.observed, {}, [](const StagedFacts::Observed& o) {
      return std::tuple(o.item, o.field, o.value);
    });
    item_fields_.fill(kNoCode);
    customer_fields_.fill(kNoCode);
    return std::move(facts_);
  }

 private:
  struct ObservedKey {
    std::uint64_t item_field;
    std::uint32_t value;
    friend bool operator==(const ObservedKey&, const ObservedKey&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const ObservedKey& k) const { return combine(k.item_field, k.value); }
  };
  struct Said {  // the value that was last told of a field
    std::uint32_t value = kNoCode;
    std::size_t stated = 0;         // of a trait: where it was stated, among the traits
    std::int64_t* count = nullptr;  // of an item's value, in observed_
  };
  using Memory = std::vector<std::vector<Said>>;  // by subject, then by field
  // The field that stood in each of the first places of the row before: rows of one file name the
  // same ones in the same order.
  using Places = std::array<std::uint32_t, 8>;
  static constexpr Places kNoPlaces{kNoCode, kNoCode, kNoCode, kNoCode,
                                    kNoCode, kNoCode, kNoCode, kNoCode};

  std::uint32_t field_of(std::string_view name, std::size_t place, Places& before) {
    if (place >= before.size()) return facts_.fields.code(name);
    std::uint32_t& code = before[place];
    if (code == kNoCode || facts_.fields.text(code) != name) code = facts_.fields.code(name);
    return code;
  }

  static void first(std::vector<std::int64_t>& rows, std::uint32_t code, std::int64_t row) {
    if (code != kNoCode && code == rows.size()) rows.push_back(row);
  }

  static Said& last_said(Memory& memory, std::uint32_t subject, std::uint32_t field) {
    if (subject >= memory.size()) memory.resize(subject + 1);
    std::vector<Said>& fields = memory[subject];
    if (field >= fields.size()) fields.resize(field + 1);
    return fields[field];
  }

  bool is_value(const Said& said, std::string_view text) const {
    return said.value != kNoCode && facts_.values.text(said.value) == text;
  }

  // A page's alias is no more than a link: it leaves alone who is another customer's.
  void add_pair(const Event& event, std::int64_t row, std::uint32_t anonymous,
                std::uint32_t customer) {
    if (event.type == EventType::alias && (event.marks & bit(Mark::said_by_page)) == 0) {
      facts_.aliases.push_back({row, anonymous, customer});
    } else {
      add_link({row, anonymous, customer});
    }
  }

  void add_link(const StagedFacts::Link& link) {
    if (pairs_.insert(std::uint64_t{link.anonymous} << 32 | link.customer).second)
      facts_.links.push_back(link);
  }

  void add_item(const Event& event, std::int64_t row, std::uint32_t item) {
    for (std::size_t i = 0; i < event.item_attributes.size(); ++i) {
      const Attribute& attribute = event.item_attributes[i];
      if (attribute.value.empty()) continue;
      const std::uint32_t field = field_of(attribute.name, i, item_fields_);
      if (event.type == EventType::item_changed) {
        const std::uint32_t value = facts_.values.code(attribute.value);
        facts_.item_facts.push_back({row, item, field, value, event.time.micros});
        continue;
      }
      Said& said = last_said(items_said_, item, field);
      if (!is_value(said, attribute.value))
        observe(said, {item, field, facts_.values.code(attribute.value), 0});
      ++*said.count;
    }
  }

  void observe(Said& said, const StagedFacts::Observed& o) {
    said.value = o.value;
    said.count = &observed_[{std::uint64_t{o.item} << 32 | o.field, o.value}];
    *said.count += o.count;
  }

  void add_traits(const Event& event, std::int64_t row, std::uint32_t subject, Memory& memory,
                  std::vector<StagedFacts::Stated>& traits) {
    for (std::size_t i = 0; i < event.customer_attributes.size(); ++i) {
      const Attribute& attribute = event.customer_attributes[i];
      if (attribute.value.empty()) continue;
      const std::uint32_t field = field_of(attribute.name, i, customer_fields_);
      Said& said = last_said(memory, subject, field);
      const std::uint32_t value =
          is_value(said, attribute.value) ? said.value : facts_.values.code(attribute.value);
      add_trait({row, subject, field, value, event.time.micros}, said, traits);
    }
  }

  // What is said again holds as of the latest time that it was said for: one fact of the two.
  static void add_trait(const StagedFacts::Stated& trait, Said& said,
                        std::vector<StagedFacts::Stated>& traits) {
    if (said.value == trait.value) {
      std::int64_t& time = traits[said.stated].time;
      time = std::max(time, trait.time);
    } else {
      said = {trait.value, traits.size(), nullptr};
      traits.push_back(trait);
    }
  }

  void add_consent(const Event& event, std::int64_t row, const NameCodes& codes) {
    if (codes.customer == kNoCode && codes.anonymous == kNoCode) return;
    facts_.consents.push_back({row, codes.customer, codes.anonymous,
                               facts_.values.code(event.properties), event.time.micros,
                               event.type == EventType::consent_given});
  }

  static bool is_objection(EventType type) {
    return type == EventType::unsubscribe || type == EventType::message_complained ||
           type == EventType::message_bounced;
  }

  void add_objection(const Event& event, std::int64_t row, const NameCodes& codes) {
    if (codes.customer == kNoCode && codes.anonymous == kNoCode) return;
    facts_.objections.push_back({row, codes.customer, codes.anonymous,
                                 facts_.values.code(event.channel),
                                 facts_.values.code(event.properties), event.time.micros,
                                 static_cast<std::uint8_t>(event.type)});
  }

  StagedFacts facts_;
  std::unordered_set<std::uint64_t> pairs_;
  std::unordered_map<ObservedKey, std::int64_t, KeyHash> observed_;
  Memory items_said_, customers_said_, anonymous_said_;
  Places item_fields_ = kNoPlaces, customer_fields_ = kNoPlaces;
};

}  // namespace attune::events

#include "attune/events/staged_facts.h"

#include <algorithm>

#include <fmt/format.h>

#include "attune/base/bytes.h"

namespace attune::events {
namespace {

Error bad_entities(std::string_view what) {
  return data_corruption(fmt::format("staged entities hold {}", what));
}

// The columns of one kind of fact, member by member.
template <class Fact, class... Members>
void write_facts(ByteWriter& out, const std::vector<Fact>& facts, Members Fact::*... members) {
  out.value(static_cast<std::uint64_t>(facts.size()));
  for (const Fact& fact : facts) (out.value(fact.*members), ...);
}

template <class Member, class Fact>
Status read_member(ByteReader& in, Fact& fact, Member Fact::* member) {
  ATTUNE_ASSIGN_OR_RETURN(fact.*member, in.value<Member>());
  return {};
}

template <class Fact, class... Members>
Status read_facts(ByteReader& in, std::vector<Fact>& facts, Members Fact::*... members) {
  ATTUNE_ASSIGN_OR_RETURN(const std::uint64_t count, in.value<std::uint64_t>());
  if (count > in.left()) return std::unexpected(bad_entities("a length that passes their end"));
  facts.resize(count);
  for (Fact& fact : facts) {
    Status read;
    ((read = read ? read_member(in, fact, members) : read), ...);
    ATTUNE_RETURN_IF_ERROR(read);
  }
  return {};
}

// Codes that name nothing are no codes.
Result<StagedFacts> check_codes(StagedFacts facts, const EventNames& names) {
  const auto good_stated = [&](const StagedFacts::Stated& s, std::uint32_t subjects) {
    return s.subject < subjects && s.field < facts.fields.size() && s.value < facts.values.size();
  };
  const auto fits = [](std::uint32_t code, std::uint32_t size) {
    return code == kNoCode || code < size;
  };
  const bool good =
      std::ranges::all_of(facts.links,
                          [&](const StagedFacts::Link& l) {
                            return l.anonymous < names.anonymous.size() &&
                                   l.customer < names.customers.size();
                          }) &&
      std::ranges::all_of(facts.aliases,
                          [&](const StagedFacts::Alias& a) {
                            return a.from < names.anonymous.size() && a.to < names.customers.size();
                          }) &&
      std::ranges::all_of(facts.observed,
                          [&](const StagedFacts::Observed& o) {
                            return o.item < names.items.size() && o.field < facts.fields.size() &&
                                   o.value < facts.values.size();
                          }) &&
      std::ranges::all_of(
          facts.item_facts,
          [&](const StagedFacts::Stated& s) { return good_stated(s, names.items.size()); }) &&
      std::ranges::all_of(
          facts.traits,
          [&](const StagedFacts::Stated& s) { return good_stated(s, names.customers.size()); }) &&
      std::ranges::all_of(
          facts.anonymous_traits,
          [&](const StagedFacts::Stated& s) { return good_stated(s, names.anonymous.size()); }) &&
      std::ranges::all_of(facts.consents,
                          [&](const StagedFacts::Consent& c) {
                            return fits(c.customer, names.customers.size()) &&
                                   fits(c.anonymous, names.anonymous.size()) &&
                                   fits(c.value, facts.values.size());
                          }) &&
      std::ranges::all_of(facts.objections, [&](const StagedFacts::Objection& o) {
        return fits(o.customer, names.customers.size()) &&
               fits(o.anonymous, names.anonymous.size()) && fits(o.channel, facts.values.size()) &&
               fits(o.value, facts.values.size()) && o.type < kEventTypeCount;
      });
  if (!good) return std::unexpected(bad_entities("a number that names nothing"));
  return facts;
}

}  // namespace

std::string StagedFacts::serialise() const {
  ByteWriter out;
  out.text(fields.serialise());
  out.text(values.serialise());
  for (const auto* rows : {&first_customer, &first_anonymous, &first_item}) out.array(*rows);
  write_facts(out, links, &Link::row, &Link::anonymous, &Link::customer);
  write_facts(out, aliases, &Alias::row, &Alias::from, &Alias::to);
  write_facts(out, observed, &Observed::item, &Observed::field, &Observed::value, &Observed::count);
  for (const auto* stated : {&item_facts, &traits}) {
    write_facts(out, *stated, &Stated::row, &Stated::subject, &Stated::field, &Stated::value,
                &Stated::time);
  }
  write_facts(out, consents, &Consent::row, &Consent::customer, &Consent::anonymous,
              &Consent::value, &Consent::time, &Consent::given);
  if (version() >= 2) {
    write_facts(out, objections, &Objection::row, &Objection::customer, &Objection::anonymous,
                &Objection::channel, &Objection::value, &Objection::time, &Objection::type);
  }
  if (version() >= 3) {
    write_facts(out, anonymous_traits, &Stated::row, &Stated::subject, &Stated::field,
                &Stated::value, &Stated::time);
  }
  return out.bytes();
}

Result<StagedFacts> StagedFacts::parse(std::string_view bytes, const EventNames& names) {
  ByteReader in(bytes);
  StagedFacts facts;
  ATTUNE_ASSIGN_OR_RETURN(const std::string_view fields, in.text());
  ATTUNE_ASSIGN_OR_RETURN(facts.fields, Dictionary::parse(fields));
  ATTUNE_ASSIGN_OR_RETURN(const std::string_view values, in.text());
  ATTUNE_ASSIGN_OR_RETURN(facts.values, Dictionary::parse(values));
  ATTUNE_ASSIGN_OR_RETURN(facts.first_customer, in.array<std::int64_t>(names.customers.size()));
  ATTUNE_ASSIGN_OR_RETURN(facts.first_anonymous, in.array<std::int64_t>(names.anonymous.size()));
  ATTUNE_ASSIGN_OR_RETURN(facts.first_item, in.array<std::int64_t>(names.items.size()));
  ATTUNE_RETURN_IF_ERROR(
      read_facts(in, facts.links, &Link::row, &Link::anonymous, &Link::customer));
  ATTUNE_RETURN_IF_ERROR(read_facts(in, facts.aliases, &Alias::row, &Alias::from, &Alias::to));
  ATTUNE_RETURN_IF_ERROR(read_facts(in, facts.observed, &Observed::item, &Observed::field,
                                    &Observed::value, &Observed::count));
  for (auto* stated : {&facts.item_facts, &facts.traits}) {
    ATTUNE_RETURN_IF_ERROR(read_facts(in, *stated, &Stated::row, &Stated::subject, &Stated::field,
                                      &Stated::value, &Stated::time));
  }
  ATTUNE_RETURN_IF_ERROR(read_facts(in, facts.consents, &Consent::row, &Consent::customer,
                                    &Consent::anonymous, &Consent::value, &Consent::time,
                                    &Consent::given));
  if (in.left() > 0) {
    ATTUNE_RETURN_IF_ERROR(read_facts(in, facts.objections, &Objection::row, &Objection::customer,
                                      &Objection::anonymous, &Objection::channel, &Objection::value,
                                      &Objection::time, &Objection::type));
  }
  if (in.left() > 0) {
    ATTUNE_RETURN_IF_ERROR(read_facts(in, facts.anonymous_traits, &Stated::row, &Stated::subject,
                                      &Stated::field, &Stated::value, &Stated::time));
  }
  ATTUNE_RETURN_IF_ERROR(in.finish());
  return check_codes(std::move(facts), names);
}

}  // namespace attune::events

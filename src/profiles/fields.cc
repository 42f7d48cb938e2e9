#include "attune/profiles/fields.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "field_table.h"

namespace attune::profiles {
namespace {

using rules::Type;
using rules::Value;
using Kind = ProfileRule::Target::Kind;

enum Function : std::size_t { kLikes, kInterest, kBought, kInSegment };

struct Prefix {
  std::string_view text;
  Kind kind;
};
constexpr std::array<Prefix, 3> kPrefixes{
    {{"category:", Kind::category}, {"brand:", Kind::brand}, {"item:", Kind::item}}};

// "category:shoes" taken apart; kind nothing if it has no such form.
struct Named {
  Kind kind = Kind::nothing;
  std::string_view name;
};

Named parse_named(std::string_view text, bool items) {
  for (const Prefix& prefix : kPrefixes) {
    if (prefix.kind == Kind::item && !items) continue;
    if (text.starts_with(prefix.text) && text.size() > prefix.text.size()) {
      return {prefix.kind, text.substr(prefix.text.size())};
    }
  }
  return {};
}

Status check_named(const char* function, std::span<const Value> arguments, bool items) {
  const char* example =
      items ? "\"item:…\", \"category:…\" or \"brand:…\"" : "\"category:…\" or \"brand:…\"";
  const auto* text = std::get_if<std::string_view>(&arguments[0]);
  if (text == nullptr) {
    return std::unexpected(
        invalid_argument(fmt::format("{} takes a text that is known: {}", function, example)));
  }
  if (parse_named(*text, items).kind != Kind::nothing) return {};
  return std::unexpected(invalid_argument(fmt::format("{} does not know what {} is: write {}",
                                                      function, attune::quoted(*text), example)));
}

Status check_segment(const std::vector<std::string>& segments, std::span<const Value> arguments) {
  const auto* name = std::get_if<std::string_view>(&arguments[0]);
  if (name == nullptr) {
    return std::unexpected(invalid_argument("in_segment takes the name of a saved segment"));
  }
  if (std::ranges::find(segments, *name) != segments.end()) return {};
  return std::unexpected(invalid_argument(fmt::format(
      "there is no segment {}{}", attune::quoted(*name), did_you_mean(*name, segments))));
}

std::vector<rules::Function> functions(std::vector<std::string> segments) {
  std::vector<rules::Function> all(4);
  all[kLikes] = {"likes",
                 {Type::text, Type::number},
                 Type::flag,
                 "at least 15 % (or the share given) of the customer's interest is in this "
                 "category or brand: likes(\"category:shoes\")",
                 1,
                 [](auto arguments) { return check_named("likes", arguments, false); }};
  all[kInterest] = {"interest",
                    {Type::text},
                    Type::number,
                    "interest in a category or brand, fading with time: "
                    "interest(\"category:shoes\") > 3",
                    0,
                    [](auto arguments) { return check_named("interest", arguments, false); }};
  all[kBought] = {
      "bought",   {Type::text},
      Type::flag, "bought this item, category or brand at least once: bought(\"item:85123A\")",
      0,          [](auto arguments) { return check_named("bought", arguments, true); }};
  all[kInSegment] = {
      "in_segment",
      {Type::text},
      Type::flag,
      "belongs to a saved segment: in_segment(\"vip\")",
      0,
      [known = std::move(segments)](auto arguments) { return check_segment(known, arguments); }};
  return all;
}

ProfileRule::Target find_target(const Named& named, const Vocabulary& names) {
  ProfileRule::Target target{named.kind, 0, {}};
  if (named.kind == Kind::item) {
    target.number = names.find_item(named.name).value_or(ItemNumber{}).value;
  } else if (named.kind != Kind::nothing) {
    const TermKindOf kind = named.kind == Kind::brand ? TermKindOf::brand : TermKindOf::category;
    target.number = names.find_term(kind, named.name).value_or(TermId{}).value;
  }
  return target;
}

ProfileRule::Target find_target(std::size_t function, const Value& argument,
                                const Vocabulary& names) {
  const auto* text = std::get_if<std::string_view>(&argument);
  if (text == nullptr) return {};
  if (function == kInSegment) return {Kind::segment, 0, std::string(*text)};
  return find_target(parse_named(*text, function == kBought), names);
}

const TermShare* find_share(const Profile& profile, const ProfileRule::Target& target) {
  if (target.number == 0) return nullptr;
  const auto& shares = target.kind == Kind::brand ? profile.brands : profile.categories;
  const auto found = std::ranges::find(shares, TermId{target.number}, &TermShare::term);
  return found == shares.end() ? nullptr : &*found;
}

bool bought(const Profile& profile, const ProfileRule::Target& target) {
  if (target.kind == Kind::item) {
    return target.number != 0 &&
           std::ranges::binary_search(profile.bought, ItemNumber{target.number}, {},
                                      &BoughtItem::item);
  }
  const TermShare* share = find_share(profile, target);
  return share != nullptr && share->bought_lines > 0;
}

}  // namespace

Result<rules::Schema> profile_schema(const TimeZone& zone, std::vector<std::string> segments) {
  std::vector<rules::Field> fields;
  for (const FieldRow& row : field_table()) {
    fields.push_back({row.name, row.type, row.help, row.values});
  }
  return rules::Schema::create(std::move(fields), functions(std::move(segments)), zone);
}

Dependence field_dependence(std::size_t index) { return field_table()[index].dependence; }

Result<ProfileRule> ProfileRule::compile(std::string_view text, const rules::Schema& schema,
                                         const Vocabulary& names) {
  ATTUNE_ASSIGN_OR_RETURN(rules::Rule parsed, rules::Rule::parse(text, schema));
  ProfileRule rule(std::move(parsed));
  if (rule.rule_.depends_on_clock()) rule.dependence_ = Dependence::clock;
  for (const std::size_t field : rule.rule_.fields_used()) {
    rule.dependence_ = std::max(rule.dependence_, field_dependence(field));
  }
  for (const rules::Rule::CallSite& call : rule.rule_.calls()) {
    Target target =
        find_target(call.function, call.arguments.empty() ? Value() : call.arguments[0], names);
    if (target.kind == Target::Kind::segment) rule.segments_used_.push_back(target.name);
    if (call.function == kInterest)
      rule.dependence_ = std::max(rule.dependence_, Dependence::clock);
    rule.targets_.push_back(std::move(target));
  }
  std::ranges::sort(rule.segments_used_);
  rule.segments_used_.erase(std::ranges::unique(rule.segments_used_).begin(),
                            rule.segments_used_.end());
  return rule;
}

bool ProfileRule::matches(const Profile& profile, const Vocabulary& names) const {
  return rule_.matches(ProfileSource(profile, names, targets_), profile.as_of);
}

std::optional<double> ProfileSource::number(std::size_t field) const {
  return field_table()[field].number(profile_);
}

std::optional<std::string_view> ProfileSource::text(std::size_t field) const {
  const std::string_view text = field_table()[field].text(profile_, names_);
  if (text.empty()) return std::nullopt;
  return text;
}

std::optional<Timestamp> ProfileSource::time(std::size_t field) const {
  return field_table()[field].time(profile_);
}

std::optional<std::size_t> ProfileSource::list_size(std::size_t field) const {
  return field_table()[field].list_size(profile_);
}

std::string_view ProfileSource::list_at(std::size_t field, std::size_t index) const {
  return field_table()[field].list_at(profile_, names_, index);
}

Value ProfileSource::call(const rules::Call& call) const {
  ProfileRule::Target unprepared;
  if (call.site >= targets_.size()) {
    unprepared = find_target(call.function, call.arguments[0], names_);
  }
  const ProfileRule::Target& target =
      call.site < targets_.size() ? targets_[call.site] : unprepared;
  switch (call.function) {
    case kLikes: {
      const TermShare* share = find_share(profile_, target);
      double least = kLikesShareMin;
      if (call.arguments.size() > 1) {
        const auto* given = std::get_if<double>(&call.arguments[1]);
        if (given == nullptr) return {};
        least = *given;
      }
      return share != nullptr && share->share >= least;
    }
    case kInterest: {
      const TermShare* share = find_share(profile_, target);
      return share != nullptr ? share->interest : 0.0;
    }
    case kBought:
      return bought(profile_, target);
    case kInSegment:
      return std::ranges::binary_search(profile_.segments, target.name);
    default:
      return {};
  }
}

}  // namespace attune::profiles

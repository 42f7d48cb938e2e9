// The words that rules may use of a customer. Answers: what can be asked about a profile, and what
// is the answer?
//
// Field names are those of Profile's JSON. Counts by type and window are fields of their own:
// purchase_count, view_count_30d.
// Functions:
//   likes("category:shoes")       also "brand:…": at least kLikesShareMin of the interest in
//                                 categories (brands)
//   likes("category:shoes", 0.3)  the same with a share of one's own
//   interest("category:shoes")    the decayed interest, a number; 0 without any
//   bought("item:85123A")         also "category:…", "brand:…": at least one purchase line ever
//   in_segment("vip")             a saved segment; see segments.h
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/profiles/profile.h"
#include "attune/rules/field_source.h"
#include "attune/rules/rule.h"
#include "attune/rules/schema.h"

namespace attune::profiles {

inline constexpr double kLikesShareMin = 0.15;

// What an answer changes with, beside the customer's own events.
enum class Dependence : std::uint8_t {
  events,  // nothing else
  clock,   // the day
  shop,    // the day, on which the other customers are compared anew
};

// The schema of all profile fields. `segments`: names that in_segment accepts; the nearest is named
// for any other. Times in rules are read in `zone`, which should be the shop's.
Result<rules::Schema> profile_schema(const TimeZone& zone, std::vector<std::string> segments = {});

// What the field at `index` of the schema's fields depends on.
Dependence field_dependence(std::size_t index);

// A rule over profiles with its calls looked up once. Threads: immutable; const use from many.
// Lifetime: the vocabulary is needed while compiling only; a name that it does not know yet matches
// nobody, so compile again after the vocabulary has grown.
class ProfileRule {
 public:
  // Errors: invalid_argument whose message points at the place and names the nearest field
  // (rules::Diagnostic).
  static Result<ProfileRule> compile(std::string_view text, const rules::Schema& schema,
                                     const Vocabulary& names);

  // Whether the rule holds, with profile.as_of as now. Texts of list fields are read through
  // `names`.
  bool matches(const Profile& profile, const Vocabulary& names) const;

  const rules::Rule& rule() const { return rule_; }
  Dependence dependence() const { return dependence_; }
  // Names that in_segment asks for, each once, ascending.
  const std::vector<std::string>& segments_used() const { return segments_used_; }

  // What one call asks for.
  struct Target {
    enum class Kind : std::uint8_t { nothing, category, brand, item, segment };
    Kind kind = Kind::nothing;
    std::int64_t number = 0;  // TermId or ItemNumber; 0: unknown name
    std::string name;         // of a segment
  };

 private:
  explicit ProfileRule(rules::Rule rule) : rule_(std::move(rule)) {}

  rules::Rule rule_;
  std::vector<Target> targets_;  // by call site
  std::vector<std::string> segments_used_;
  Dependence dependence_ = Dependence::events;
};

// Reads a profile for a rule. `targets`: ProfileRule's; lifetime of all three: as long as the
// source is used.
class ProfileSource final : public rules::FieldSource {
 public:
  ProfileSource(const Profile& profile, const Vocabulary& names,
                std::span<const ProfileRule::Target> targets = {})
      : profile_(profile), names_(names), targets_(targets) {}

  std::optional<double> number(std::size_t field) const override;
  std::optional<std::string_view> text(std::size_t field) const override;
  std::optional<Timestamp> time(std::size_t field) const override;
  std::optional<std::size_t> list_size(std::size_t field) const override;
  std::string_view list_at(std::size_t field, std::size_t index) const override;
  rules::Value call(const rules::Call& call) const override;

 private:
  const Profile& profile_;
  const Vocabulary& names_;
  std::span<const ProfileRule::Target> targets_;
};

}  // namespace attune::profiles

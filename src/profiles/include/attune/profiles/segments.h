// Named sets of customers by rule. Answers: who belongs to it, how many are they, and since when?
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/profiles/fields.h"
#include "attune/profiles/profile.h"

namespace attune::profiles {

inline constexpr std::size_t kSegmentNameBytes = 64;

struct Segment {
  std::string name;         // 1 to 64 bytes of UTF-8 without control characters, trimmed
  std::string rule;         // text of the rule language
  std::string description;  // one line for people; may be empty
  Timestamp created;
  bool ready_made = false;  // came with Attune
  friend bool operator==(const Segment&, const Segment&) = default;
};

// The segments that every shop starts with: champions, loyal, promising, at risk, lapsed, new,
// browsers, big spenders, bargain hunters, returners …; `created` is 1970.
std::span<const Segment> ready_segments();

// Compiled segments in an order in which each comes after those that its rule asks for by
// in_segment.
// Threads: immutable; evaluate from many threads, each with its own profile.
class SegmentSet {
 public:
  // Errors: invalid_argument for a bad name, two of one name, a rule that does not parse (the
  // message names the segment and points at the place), or segments that ask for each other in a
  // circle (named).
  static Result<SegmentSet> compile(std::vector<Segment> segments, const TimeZone& zone,
                                    const Vocabulary& names);

  // As given to compile, in its order.
  std::span<const Segment> segments() const { return segments_; }
  std::optional<std::size_t> find(std::string_view name) const;
  // Dependence of the rule or of any segment it asks for.
  Dependence dependence(std::size_t segment) const { return dependences_[segment]; }

  // Sets members[s] to whether the customer belongs to segments()[s], and profile.segments to the
  // names that do, ascending.
  void evaluate(Profile& profile, const Vocabulary& names, std::vector<bool>& members) const;

 private:
  std::vector<Segment> segments_;
  std::vector<ProfileRule> rules_;       // beside segments_
  std::vector<std::size_t> order_;       // of evaluation
  std::vector<std::size_t> by_name_;     // ascending names
  std::vector<Dependence> dependences_;  // beside segments_
};

// How many, and who for example: offered every profile once.
class SegmentPreview {
 public:
  // Keeps the `examples` customers with the most money, ties to the smaller number.
  SegmentPreview(ProfileRule rule, std::size_t examples)
      : rule_(std::move(rule)), examples_max_(examples) {}

  void offer(const Profile& profile, const Vocabulary& names);

  std::int64_t customers() const { return customers_; }  // offered
  std::int64_t members() const { return members_; }
  std::int64_t monetary_cents() const { return monetary_cents_; }     // of the members
  const std::vector<Profile>& examples() const { return examples_; }  // best first

 private:
  ProfileRule rule_;
  std::size_t examples_max_;
  std::int64_t customers_ = 0, members_ = 0, monetary_cents_ = 0;
  std::vector<Profile> examples_;
};

}  // namespace attune::profiles

#include "attune/profiles/segments.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/text.h"

namespace attune::profiles {
namespace {

Status check_name(std::string_view name) {
  const bool has_control =
      std::ranges::any_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (!name.empty() && name.size() <= kSegmentNameBytes && !has_control && trim(name) == name &&
      !first_invalid_utf8(name)) {
    return {};
  }
  return std::unexpected(invalid_argument(fmt::format(
      "{} cannot be the name of a segment: use 1 to {} bytes of printable UTF-8 without blanks at "
      "its ends",
      attune::quoted(name), kSegmentNameBytes)));
}

// Orders segments so that each comes after those it asks for.
class Ordering {
 public:
  Ordering(std::span<const Segment> segments, const std::vector<std::vector<std::size_t>>& asks)
      : segments_(segments), asks_(asks), state_(segments.size(), State::fresh) {}

  Result<std::vector<std::size_t>> run() {
    for (std::size_t s = 0; s < segments_.size(); ++s) ATTUNE_RETURN_IF_ERROR(visit(s));
    return std::move(order_);
  }

 private:
  enum class State : std::uint8_t { fresh, open, done };

  Status visit(std::size_t segment) {
    if (state_[segment] == State::done) return {};
    path_.push_back(segment);
    if (state_[segment] == State::open) return std::unexpected(circle(segment));
    state_[segment] = State::open;
    for (const std::size_t next : asks_[segment]) ATTUNE_RETURN_IF_ERROR(visit(next));
    state_[segment] = State::done;
    path_.pop_back();
    order_.push_back(segment);
    return {};
  }

  Error circle(std::size_t segment) const {
    std::vector<std::string> names;
    for (auto s = std::ranges::find(path_, segment); s != path_.end(); ++s) {
      names.push_back(segments_[*s].name);
    }
    return invalid_argument(fmt::format(
        "segments ask for each other in a circle: {}; take in_segment out of one of them",
        fmt::join(names, " -> ")));
  }

  std::span<const Segment> segments_;
  const std::vector<std::vector<std::size_t>>& asks_;
  std::vector<State> state_;
  std::vector<std::size_t> path_, order_;
};

std::vector<std::string> names_of(std::span<const Segment> segments) {
  std::vector<std::string> names;
  for (const Segment& segment : segments) names.push_back(segment.name);
  return names;
}

// Ascending names; errors for two of one name.
Result<std::vector<std::size_t>> index_names(std::span<const Segment> segments) {
  std::vector<std::size_t> index(segments.size());
  std::iota(index.begin(), index.end(), std::size_t{0});
  const auto name = [&](std::size_t s) -> const std::string& { return segments[s].name; };
  std::ranges::sort(index, {}, name);
  const auto twice = std::ranges::adjacent_find(index, {}, name);
  if (twice == index.end()) return index;
  return std::unexpected(
      invalid_argument(fmt::format("two segments are named {}", attune::quoted(name(*twice)))));
}

}  // namespace

Result<SegmentSet> SegmentSet::compile(std::vector<Segment> segments, const TimeZone& zone,
                                       const Vocabulary& names) {
  SegmentSet set;
  set.segments_ = std::move(segments);
  ATTUNE_ASSIGN_OR_RETURN(set.by_name_, index_names(set.segments_));
  ATTUNE_ASSIGN_OR_RETURN(const rules::Schema schema,
                          profile_schema(zone, names_of(set.segments_)));
  for (const Segment& segment : set.segments_) {
    ATTUNE_RETURN_IF_ERROR(check_name(segment.name));
    auto rule = ProfileRule::compile(segment.rule, schema, names);
    if (!rule) {
      Error error = std::move(rule).error();
      error.message = fmt::format("segment {}: {}", attune::quoted(segment.name), error.message);
      return std::unexpected(std::move(error));
    }
    set.rules_.push_back(std::move(*rule));
  }
  std::vector<std::vector<std::size_t>> asks(set.segments_.size());
  for (std::size_t s = 0; s < set.rules_.size(); ++s) {
    for (const std::string& asked : set.rules_[s].segments_used()) {
      asks[s].push_back(set.find(asked).value());
    }
  }
  ATTUNE_ASSIGN_OR_RETURN(set.order_, Ordering(set.segments_, asks).run());
  set.dependences_.resize(set.segments_.size());
  for (const std::size_t s : set.order_) {
    set.dependences_[s] = set.rules_[s].dependence();
    for (const std::size_t asked : asks[s]) {
      set.dependences_[s] = std::max(set.dependences_[s], set.dependences_[asked]);
    }
  }
  return set;
}

std::optional<std::size_t> SegmentSet::find(std::string_view name) const {
  const auto at = std::ranges::lower_bound(
      by_name_, name, {}, [&](std::size_t s) { return std::string_view(segments_[s].name); });
  if (at == by_name_.end() || segments_[*at].name != name) return std::nullopt;
  return *at;
}

void SegmentSet::evaluate(Profile& profile, const Vocabulary& names,
                          std::vector<bool>& members) const {
  members.assign(segments_.size(), false);
  profile.segments.clear();
  for (const std::size_t s : order_) {
    if (!rules_[s].matches(profile, names)) continue;
    members[s] = true;
    profile.segments.insert(std::ranges::lower_bound(profile.segments, segments_[s].name),
                            segments_[s].name);
  }
}

void SegmentPreview::offer(const Profile& profile, const Vocabulary& names) {
  ++customers_;
  if (!rule_.matches(profile, names)) return;
  ++members_;
  monetary_cents_ += profile.monetary_cents;
  const auto better = [](const Profile& a, const Profile& b) {
    return a.monetary_cents != b.monetary_cents ? a.monetary_cents > b.monetary_cents
                                                : a.customer < b.customer;
  };
  if (examples_max_ == 0) return;
  if (examples_.size() == examples_max_ && !better(profile, examples_.back())) return;
  examples_.insert(std::ranges::lower_bound(examples_, profile, better), profile);
  if (examples_.size() > examples_max_) examples_.pop_back();
}

}  // namespace attune::profiles

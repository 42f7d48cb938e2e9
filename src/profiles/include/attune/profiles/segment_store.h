// Segments by name and their members, in state. Answers: which segments are saved, and who entered
// which when?
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/erasable.h"
#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/time.h"
#include "attune/profiles/segments.h"
#include "attune/store/state.h"

namespace attune::profiles {

struct Member {
  CustomerNumber customer;
  Timestamp entered_at;
};

// One customer entered or left one segment.
struct MembershipChange {
  std::string segment;
  CustomerNumber customer;
  bool entered = false;
  Timestamp at;
};

// Tables segment_definitions and segment_members of state, with migrations of their own.
// Lifetime: the State outlives the store. Threads: as State. Every writing call is one transaction,
// or joins the caller's.
class SegmentStore final : public Erasable {
 public:
  static Result<SegmentStore> open(store::State& state);

  // Saves under segment.name. The rule is compiled first, together with all that are saved.
  // Errors: invalid_argument (see SegmentSet); already_exists unless `replace`. A replaced rule
  // makes its members stale.
  Status save(const Segment& segment, const TimeZone& zone, const Vocabulary& names,
              bool replace = false);
  // Saves those ready_segments() whose names are free.
  Status save_ready_made();
  // Errors: not_found naming the nearest; failed_precondition when another segment asks for it.
  Status remove(std::string_view name);

  Result<std::vector<Segment>> list();  // by name
  // Errors: not_found naming the nearest.
  Result<Segment> find(std::string_view name);

  // Decides membership of these customers and writes what changed; a member who stays keeps
  // entered_at. `profiles` get their `segments`. `now` becomes entered_at of who enters. `set` is
  // what list() gives, compiled.
  // Errors: failed_precondition when the set holds a segment that is not saved. Cost: a look-up for
  // each customer, writes for changes only.
  Result<std::vector<MembershipChange>> refresh(const SegmentSet& set, const Vocabulary& names,
                                                std::span<Profile> profiles, Timestamp now);

  // Whether all customers have to be refreshed, not only those with new events: a rule was saved
  // since the last full pass, or the shop's day (days since 1970) has turned and a rule of `set`
  // depends on the clock or on the other customers.
  Result<bool> full_pass_due(const SegmentSet& set, std::int64_t today);
  // To be called when a full pass, begun on that day, is done.
  Status full_pass_done(std::int64_t today);

  // Ascending customer numbers above `after`, at most `limit`. Errors: not_found naming the
  // nearest.
  Result<std::vector<Member>> members(std::string_view name, CustomerNumber after = {},
                                      std::int64_t limit = 1000);
  Result<std::int64_t> count(std::string_view name);
  Result<std::vector<std::string>> segments_of(CustomerNumber customer);  // ascending names

  // `from` became `into`: its memberships go; those of `into` are decided by the next refresh of
  // it.
  Status merge(CustomerNumber from, CustomerNumber into);

  std::string holder_name() const override { return "segments"; }
  Result<std::int64_t> forget(CustomerNumber customer) override;

 private:
  explicit SegmentStore(store::State& state) : state_(&state) {}
  store::State* state_;
};

}  // namespace attune::profiles

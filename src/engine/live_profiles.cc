#include "live_profiles.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace attune::engine {
namespace {

using std::chrono::steady_clock;

constexpr auto kMeasureAtOnce = std::chrono::milliseconds(20);
constexpr int kMeasureShare = 100;
constexpr int kLeftToOthers = 2;  // times as long as folding took
constexpr auto kLongestWait = std::chrono::milliseconds(100);

}  // namespace

void LiveProfiles::note(const AppliedEvents& applied) {
  news_.items = news_.items || applied.items_changed();
  news_.people = news_.people || applied.people_changed;
}

Result<Customers*> LiveProfiles::catch_up(Workspace& workspace) {
  const auto begun = steady_clock::now();
  Status folded = fold(workspace);
  if (folded) folded = note_caught_up(workspace);
  ended_ = steady_clock::now();
  took_ = ended_ - begun;
  if (folded) return &*customers_;
  drop();
  return std::unexpected(folded.error());
}

Status LiveProfiles::note_caught_up(Workspace& workspace) {
  ATTUNE_ASSIGN_OR_RETURN(through_, workspace.event_history().cursor());
  caught_up_ = workspace.now();
  changed_ = false;
  return {};
}

Customers* LiveProfiles::serving(Sequence applied, Timestamp now) {
  const bool old = std::abs(now.micros - caught_up_.micros) >= kMicrosPerSecond;
  return !customers_ || changed_ || old || through_ < applied ? nullptr : &*customers_;
}

steady_clock::time_point LiveProfiles::next() const {
  return ended_ + std::min<steady_clock::duration>(kLeftToOthers * took_, kLongestWait);
}

Status LiveProfiles::fold(Workspace& workspace) {
  NoProgress quiet;
  if (customers_) {
    ATTUNE_RETURN_IF_ERROR(customers_->catch_up(news_, quiet));
    ATTUNE_RETURN_IF_ERROR(measure_shop());
  } else {
    const auto begun = steady_clock::now();
    auto opened = Customers::open(workspace, {}, quiet);
    if (!opened) return std::unexpected(opened.error());
    customers_.emplace(std::move(*opened));
    measured_at_ = steady_clock::now();
    measuring_ = measured_at_ - begun;  // at most
  }
  news_ = {.items = false, .people = false};
  return {};
}

Status LiveProfiles::measure_shop() {
  const auto begun = steady_clock::now();
  if (measuring_ > kMeasureAtOnce && begun - measured_at_ < kMeasureShare * measuring_) return {};
  ATTUNE_RETURN_IF_ERROR(customers_->measure_shop());
  measured_at_ = steady_clock::now();
  measuring_ = measured_at_ - begun;
  return {};
}

}  // namespace attune::engine

#include "live_profiles.h"

#include <utility>

namespace attune::engine {
namespace {

using std::chrono::steady_clock;

constexpr auto kMeasureAtOnce = std::chrono::milliseconds(20);
constexpr int kMeasureShare = 100;

}  // namespace

void LiveProfiles::note(const AppliedEvents& applied) {
  news_.items = news_.items || applied.items_changed();
  news_.people = news_.people || applied.people_changed;
}

Result<Customers*> LiveProfiles::catch_up(Workspace& workspace) {
  const Status folded = fold(workspace);
  if (folded) return &*customers_;
  drop();
  return std::unexpected(folded.error());
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

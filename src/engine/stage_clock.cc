#include "stage_clock.h"

#include <algorithm>
#include <ctime>

namespace attune::engine {
namespace {

constexpr std::string_view kReading = "reading";

std::int64_t nanoseconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

double process_seconds() {
  return static_cast<double>(nanoseconds_of(CLOCK_PROCESS_CPUTIME_ID)) * 1e-9;
}

}  // namespace

StageClock::Part::Part(std::atomic<std::int64_t>& sum)
    : sum_(sum), begun_(nanoseconds_of(CLOCK_THREAD_CPUTIME_ID)) {}

StageClock::Part::~Part() {
  sum_.fetch_add(nanoseconds_of(CLOCK_THREAD_CPUTIME_ID) - begun_, std::memory_order_relaxed);
}

void StageClock::phase(std::string_view name, std::int64_t total, std::string_view unit) {
  end_phase();
  const std::string_view stage = name.substr(0, name.find(' '));
  const auto known = std::ranges::find(phases_, stage, &Phase::name);
  current_ = static_cast<std::size_t>(known - phases_.begin());
  if (known == phases_.end()) phases_.push_back({std::string(stage)});
  running_ = true;
  begun_ = std::chrono::steady_clock::now();
  cpu_begun_ = process_seconds();
  to_.phase(name, total, unit);
}

void StageClock::end_phase() {
  if (!running_) return;
  Phase& phase = phases_[current_];
  phase.wall_seconds +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
  phase.cpu_seconds += process_seconds() - cpu_begun_;
  running_ = false;
}

std::vector<ImportStage> StageClock::stages() {
  end_phase();
  std::vector<ImportStage> stages;
  for (const Phase& phase : phases_) {
    ImportStage stage{phase.name, phase.wall_seconds, phase.cpu_seconds, {}};
    if (phase.name == kReading) {
      constexpr std::array<std::string_view, kReadingParts> kNames{
          "cutting into cells", "values and fingerprints", "telling repeats", "numbers for names",
          "putting batches together"};
      double rest = phase.cpu_seconds;
      for (std::size_t i = 0; i < kNames.size(); ++i) {
        const double seconds = static_cast<double>(parts_[i].load()) * 1e-9;
        stage.parts.push_back({std::string(kNames[i]), seconds});
        rest -= seconds;
      }
      stage.parts.push_back({"writing staged rows", std::max(0.0, rest)});
    }
    stages.push_back(std::move(stage));
  }
  return stages;
}

}  // namespace attune::engine

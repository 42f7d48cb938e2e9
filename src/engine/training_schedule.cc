#include "training_schedule.h"

#include <fmt/format.h>

#include "attune/engine/taste.h"

namespace attune::engine {
namespace {

constexpr store::Migration kTrainingScheduleMigrations[] = {{1, R"sql(
CREATE TABLE training_schedule(
  only INTEGER PRIMARY KEY CHECK(only = 1), every_seconds INTEGER NOT NULL);
)sql"}};

constexpr TasteSize kLeastToLearn{.interactions = 100, .customers = 10};

}  // namespace

Status TrainingSchedule::begin(store::State& state, std::optional<std::chrono::seconds> stated) {
  ATTUNE_RETURN_IF_ERROR(state.migrate("training_schedule", kTrainingScheduleMigrations));
  ATTUNE_ASSIGN_OR_RETURN(const auto kept,
                          state.find_int64("SELECT every_seconds FROM training_schedule"));
  every_ = stated ? stated->count() : kept.value_or(kUsual.count());
  return {};
}

Status TrainingSchedule::set(store::State& state, std::chrono::seconds every) {
  if (every.count() < 0 || every > kLongest) {
    return std::unexpected(
        invalid_argument(fmt::format("{} s between trainings; it is 0 (only when asked) to {}",
                                     every.count(), kLongest.count())));
  }
  ATTUNE_RETURN_IF_ERROR(
      state.run("INSERT INTO training_schedule(only, every_seconds) VALUES(1, ?1) "
                "ON CONFLICT(only) DO UPDATE SET every_seconds = excluded.every_seconds",
                every.count()));
  every_ = every.count();
  return {};
}

bool TrainingSchedule::can_begin(Workspace& workspace) {
  const auto size = count_taste(workspace, {});
  return size && size->interactions >= kLeastToLearn.interactions &&
         size->customers >= kLeastToLearn.customers;
}

bool TrainingSchedule::due(Timestamp now) {
  if (every_ == 0) return false;
  if (now.micros < trained_at_) trained_at_ = now.micros;
  return now.micros - trained_at_ >= every_ * kMicrosPerSecond;
}

}  // namespace attune::engine

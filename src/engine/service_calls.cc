// Members of Service that are made of others.
#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "attune/engine/service.h"

namespace attune::engine {

Status Service::accept(std::span<const events::Event> events) {
  std::promise<Result<Sequence>> promise;
  std::future<Result<Sequence>> written = promise.get_future();
  ATTUNE_RETURN_IF_ERROR(
      accept(events, {}, [&](const Result<Sequence>& result) { promise.set_value(result); }));
  const Result<Sequence> result = written.get();
  return result ? Status{} : std::unexpected(result.error());
}

Status Service::with_campaigns(const std::function<Status(Campaigns&, Customers&)>& work) {
  return with_customers([&](Workspace& workspace, Customers& customers) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(Campaigns campaigns, Campaigns::open(workspace));
    return work(campaigns, customers);
  });
}

Status Service::take_in() {
  return with([](Workspace& workspace) -> Status { return workspace.catch_up(); });
}

Result<std::vector<ModelMeta>> Service::train_and_wait(TrainRequest request) {
  constexpr auto kLook = std::chrono::milliseconds(20);
  // Outlives this call where the job does.
  const auto made = std::make_shared<std::vector<ModelMeta>>();
  request.when_made = [made](const std::vector<ModelMeta>& models) { *made = models; };
  ATTUNE_ASSIGN_OR_RETURN(const Job begun, train(std::move(request)));
  while (true) {
    const std::vector<Job> all = jobs();
    const auto job = std::ranges::find(all, begun.number, &Job::number);
    if (job == all.end()) return std::unexpected(internal_error("a job was dropped while awaited"));
    if (job->state == JobState::done) return *made;
    if (job->state != JobState::running) return std::unexpected(Error{job->code, job->message, {}});
    std::this_thread::sleep_for(kLook);
  }
}

std::string_view name(HealthState state) {
  switch (state) {
    case HealthState::ready:
      return "ready";
    case HealthState::disk_full:
      return "disk_full";
    case HealthState::failing:
      return "failing";
    case HealthState::clock_back:
      break;
  }
  return "clock_back";
}

}  // namespace attune::engine

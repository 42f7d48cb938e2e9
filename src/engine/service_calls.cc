// Members of Service that are made of others.
#include <future>

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

// A live simulation against the engine in this process.
#include <fmt/format.h>

#include "attune/base/settable_clock.h"
#include "attune/engine/campaign_log.h"
#include "attune/engine/campaigns.h"
#include "attune/engine/new_shop.h"
#include "live_shop.h"

namespace attune::cli {
namespace {

constexpr std::int64_t kAssignmentsAtOnce = 100'000;

class LiveFolder final : public LiveShop {
 public:
  LiveFolder(std::unique_ptr<SettableClock> clock, engine::Workspace workspace)
      : clock_(std::move(clock)), workspace_(std::move(workspace)) {}

  TimeZone zone() const override { return workspace_.zone(); }

  Status move_clock(Timestamp now) override {
    if (clock_->advance_to(now)) return {};
    return std::unexpected(internal_error("the simulation's days went back"));
  }

  Status take(std::span<const events::Event> events) override {
    if (events.empty()) return {};
    const auto taken = workspace_.record(events);
    return taken ? Status{} : std::unexpected(taken.error());
  }

  Status start(const std::string& name, const std::string& campaign) override {
    return with_campaigns([&](engine::Campaigns& campaigns,
                              engine::Customers& customers) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(const auto read, campaigns.check(campaign, name, customers));
      ATTUNE_ASSIGN_OR_RETURN(const auto saved,
                              campaigns.save(read, workspace_.now(), "simulation"));
      ATTUNE_ASSIGN_OR_RETURN(const auto begun, campaigns.start(saved.campaign.name, customers,
                                                                workspace_.now(), "simulation"));
      (void)begun;
      return {};
    });
  }

  Status run(const std::string& name) override {
    return with_campaigns(
        [&](engine::Campaigns& campaigns, engine::Customers& customers) -> Status {
          const auto ran = campaigns.run(name, customers, workspace_.now(), quiet_);
          return ran ? Status{} : std::unexpected(ran.error());
        });
  }

  Result<std::vector<LiveAssignment>> assignments(const std::string& name,
                                                  std::int64_t after) override {
    std::vector<LiveAssignment> all;
    while (true) {
      ATTUNE_ASSIGN_OR_RETURN(const auto page, engine::campaign_assignments(workspace_, name, after,
                                                                            kAssignmentsAtOnce));
      for (const engine::CampaignAssignment& one : page)
        all.push_back({one.number, one.customer, one.group, one.treatment, one.time});
      if (page.empty()) return all;
      after = page.back().number;
    }
  }

  Result<std::string> status(const std::string& name) override {
    ATTUNE_ASSIGN_OR_RETURN(engine::Campaigns campaigns, engine::Campaigns::open(workspace_));
    ATTUNE_ASSIGN_OR_RETURN(const auto status, campaigns.status(name, workspace_.now()));
    return engine::to_json(status);
  }

  Result<std::string> report(const std::string& name) override {
    ATTUNE_ASSIGN_OR_RETURN(engine::Campaigns campaigns, engine::Campaigns::open(workspace_));
    ATTUNE_ASSIGN_OR_RETURN(const auto report, campaigns.report(name, workspace_.now()));
    return engine::to_json(report);
  }

 private:
  template <class Work>
  Status with_campaigns(Work work) {
    ATTUNE_ASSIGN_OR_RETURN(engine::Customers customers,
                            engine::Customers::open(workspace_, {}, quiet_));
    ATTUNE_ASSIGN_OR_RETURN(engine::Campaigns campaigns, engine::Campaigns::open(workspace_));
    return work(campaigns, customers);
  }

  std::unique_ptr<SettableClock> clock_;  // outlives the workspace
  engine::Workspace workspace_;
  NoProgress quiet_;
};

}  // namespace

Result<std::unique_ptr<LiveShop>> open_live_folder(const std::filesystem::path& folder,
                                                   const std::string& command, Timestamp now,
                                                   const TimeZone& zone,
                                                   const std::string& currency) {
  if (store::DataFolder::exists(folder)) {
    return std::unexpected(already_exists(
        fmt::format("{} holds a shop already, and a simulated one needs a folder of its own; name "
                    "a new one with --data",
                    folder.string())));
  }
  ATTUNE_RETURN_IF_ERROR(engine::make_shop(folder, {zone.name(), currency, command}));
  auto clock = std::make_unique<SettableClock>(now);
  engine::WorkspaceOptions options;
  options.command = command;
  options.clock = clock.get();
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, engine::Workspace::open(folder, options));
  return std::make_unique<LiveFolder>(std::move(clock), std::move(workspace));
}

}  // namespace attune::cli

// The engine as a live simulation sees it: inside this process, or a service over HTTP. Answers:
// who takes today's events, and who decides today's messages?
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/base/time.h"
#include "attune/events/event.h"

namespace attune::cli {

struct LiveAssignment {
  std::int64_t number = 0;  // of the log
  std::string customer;
  std::string group;
  std::string treatment;  // empty: gets nothing
  Timestamp time;
};

// Days go forward: no call tells of a time before that of the call before it.
// Errors of every member: those of the engine; of a service unavailable, or what it answered.
// Threads: one at a time.
class LiveShop {
 public:
  virtual ~LiveShop() = default;

  virtual TimeZone zone() const = 0;
  virtual Status move_clock(Timestamp now) = 0;
  // On disk when it returns.
  virtual Status take(std::span<const events::Event> events) = 0;
  // Saves a campaign (JSON, the fields of docs/campaigns.md) and lets it begin.
  virtual Status start(const std::string& name, const std::string& campaign) = 0;
  // Decides what is due, knowing every event that was taken.
  virtual Status run(const std::string& name) = 0;
  // As logged, from behind `after` on.
  virtual Result<std::vector<LiveAssignment>> assignments(const std::string& name,
                                                          std::int64_t after) = 0;
  // JSON, as the API answers.
  virtual Result<std::string> status(const std::string& name) = 0;
  virtual Result<std::string> report(const std::string& name) = 0;
};

// A new data folder. `zone` and `currency` become its settings. Errors: already_exists where there
// is one.
Result<std::unique_ptr<LiveShop>> open_live_folder(const std::filesystem::path& folder,
                                                   const std::string& command, Timestamp now,
                                                   const TimeZone& zone,
                                                   const std::string& currency);

// A service that was started with --clock and holds no customers. Errors: failed_precondition where
// it is another.
Result<std::unique_ptr<LiveShop>> open_live_service(const std::string& url, const std::string& key);

}  // namespace attune::cli

// Inside the engine: events of campaigns, and the memory that they point into. Answers: how does a
// decision, or what became of a message, look in the log?
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/decide/campaign_decision.h"
#include "attune/deliver/outbox.h"
#include "attune/deliver/report.h"
#include "attune/events/event.h"
#include "campaign_asking.h"

namespace attune::engine {

// The feed that all events of a campaign carry.
std::string campaign_source(std::string_view campaign);

// The number of that feed in the history; absent where nothing was journalled yet.
Result<std::optional<std::int16_t>> feed_of(Workspace& workspace, std::string_view campaign);

// The id that the shop knows them by; absent where they were forgotten.
Result<std::optional<CalledCustomer>> called(Workspace& workspace, CustomerNumber customer);

// Everybody with a group gets an `assignment`, who was stopped before that a `decision`; both carry
// the decision as their properties, as recommendations do.
class CampaignEvents {
 public:
  explicit CampaignEvents(std::string_view campaign) : source_(campaign_source(campaign)) {}

  void add(const decide::CampaignDecision& decision, const CalledCustomer& customer);
  // False: nothing that the log has a word for (withheld, failed before it was handed over).
  bool add(const deliver::MessageStatus& message, const CalledCustomer& customer);
  // What a mail server said later. Its id follows from the message and what became of it.
  void add(const deliver::MailReport& report, const deliver::MessageStatus& message,
           const CalledCustomer& customer, Timestamp now);
  const std::vector<events::Event>& events() const { return events_; }

 private:
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }
  events::Event& start(events::EventType type, Timestamp time, std::string_view decision,
                       const CalledCustomer& customer);

  std::string source_;
  decide::CampaignDecisionWriter writer_;
  std::string json_;  // of the decision in hand
  std::deque<std::string> texts_;
  std::vector<events::Event> events_;
};

// The decision in the properties of an event. Errors: data_corruption.
Result<decide::CampaignDecision> read_logged_decision(std::string_view personal_json);

// What was chosen in many decisions of one campaign, of which only a few are read as a whole.
class LoggedChoices {
 public:
  // The treatment's name, valid as long as this lives; absent: nothing is sent. Errors: those of
  // read_logged_decision.
  Result<std::optional<std::string_view>> treatment(std::string_view personal_json);

 private:
  // By version: its treatments.
  std::map<std::int64_t, std::vector<std::string>> treatments_;
};

}  // namespace attune::engine

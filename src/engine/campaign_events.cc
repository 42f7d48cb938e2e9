#include "campaign_events.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <boost/json.hpp>

namespace attune::engine {

namespace json = boost::json;

namespace {

// {"decision": the JSON as a text}, as a serialiser writes it.
std::string decision_properties(std::string_view decision) {
  constexpr std::string_view kBegin = R"({"decision":")", kEnd = R"("})";
  std::string out(kBegin);
  out.resize(kBegin.size() + 2 * decision.size());
  char* to = out.data() + kBegin.size();
  for (const char c : decision) {
    if (c == '"' || c == '\\') *to++ = '\\';
    *to++ = c;
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
  return out += kEnd;
}

// "5.1.1" at the beginning of what a mail server said; empty where there is none.
std::string_view finer_status(std::string_view reply) {
  const std::string_view word = reply.substr(0, reply.find(' '));
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool status = word.size() >= 5 && word.size() <= 9 && is_digit(word[0]) && word[1] == '.' &&
                      is_digit(word[2]) && is_digit(word.back()) &&
                      std::ranges::count(word, '.') == 2;
  return status ? word : std::string_view();
}

// The number behind a member of the decision, which is a text within JSON: its quotes stand behind
// one backslash, those inside of its own texts behind three. Absent: something else stands there.
std::optional<std::int64_t> number_behind(std::string_view json, std::string_view member) {
  const std::size_t at = json.find(member);
  if (at == std::string_view::npos) return std::nullopt;
  const char* begin = json.data() + at + member.size();
  std::int64_t number = 0;
  const auto end = std::from_chars(begin, json.data() + json.size(), number);
  if (end.ec != std::errc() || (*end.ptr != ',' && *end.ptr != '}')) return std::nullopt;
  return number;
}

}  // namespace

std::string campaign_source(std::string_view campaign) {
  return fmt::format("campaign:{}", campaign);
}

Result<std::optional<std::int16_t>> feed_of(Workspace& workspace, std::string_view campaign) {
  ATTUNE_ASSIGN_OR_RETURN(const auto names,
                          workspace.event_history().labels(events::LabelKind::source));
  const std::string source = campaign_source(campaign);
  for (const auto& [code, name] : names) {
    if (name == source) return std::optional(code);
  }
  return std::optional<std::int16_t>();
}

Result<std::optional<CalledCustomer>> called(Workspace& workspace, CustomerNumber customer) {
  ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber root, workspace.identity().root(customer));
  ATTUNE_ASSIGN_OR_RETURN(std::string id, workspace.identity().label(root));
  ATTUNE_ASSIGN_OR_RETURN(const auto key, workspace.identity().find_key(id));
  if (!key) return std::optional<CalledCustomer>();
  return CalledCustomer{key->kind, std::move(id)};
}

events::Event& CampaignEvents::start(events::EventType type, Timestamp time,
                                     std::string_view decision, const CalledCustomer& customer) {
  events::Event& event = events_.emplace_back();
  event.type = type;
  event.time = time;
  event.decision = keep(std::string(decision));
  (customer.kind == events::IdKind::customer ? event.customer : event.anonymous) =
      keep(customer.id);
  event.source = source_;
  return event;
}

void CampaignEvents::add(const decide::CampaignDecision& decision, const CalledCustomer& customer) {
  const auto type = decision.group ? events::EventType::assignment : events::EventType::decision;
  events::Event& event = start(type, decision.time, decision.id, customer);
  event.event_id = event.decision;
  event.channel = name(decision.channel);
  json_.clear();
  writer_.append(decision, json_);
  event.properties = keep(decision_properties(json_));
}

bool CampaignEvents::add(const deliver::MessageStatus& message, const CalledCustomer& customer) {
  using deliver::MessageState;
  const bool refused = message.state == MessageState::refused;
  if (!refused && message.state != MessageState::sent && message.state != MessageState::unknown)
    return false;
  events::Event& event =
      start(refused ? events::EventType::message_bounced : events::EventType::message_sent,
            message.changed, message.key, customer);
  event.event_id = keep(fmt::format("{}:{}", message.key, name(message.state)));
  event.channel = name(message.channel);
  json::object properties{{"treatment", message.treatment}, {"state", name(message.state)}};
  if (message.code != 0) properties["code"] = message.code;
  if (refused) {
    properties["detail"] = message.detail;
    if (const auto status = finer_status(message.detail); !status.empty())
      properties["status"] = status;
  }
  event.properties = keep(json::serialize(properties));
  return true;
}

void CampaignEvents::add(const deliver::MailReport& report, const deliver::MessageStatus& message,
                         const CalledCustomer& customer, Timestamp now) {
  using enum events::EventType;
  const auto type = report.kind == deliver::ReportKind::bounced     ? message_bounced
                    : report.kind == deliver::ReportKind::delivered ? message_delivered
                                                                    : message_complained;
  events::Event& event = start(type, now, message.key, customer);
  event.event_id = keep(fmt::format("{}:{}", message.key, deliver::name(report.kind)));
  event.channel = name(message.channel);
  json::object properties{{"treatment", message.treatment}};
  if (type == message_bounced) properties["hard"] = report.address_is_dead;
  if (!report.status.empty()) properties["status"] = report.status;
  if (!report.diagnostic.empty()) properties["detail"] = report.diagnostic;
  if (!report.feedback_type.empty()) properties["feedback_type"] = report.feedback_type;
  event.properties = keep(json::serialize(properties));
}

Result<decide::CampaignDecision> read_logged_decision(std::string_view personal_json) {
  boost::system::error_code failure;
  const json::value value = json::parse(personal_json, failure);
  const json::value* properties =
      failure || !value.is_object() ? nullptr : value.as_object().if_contains("properties");
  const json::value* text = properties == nullptr || !properties->is_object()
                                ? nullptr
                                : properties->as_object().if_contains("decision");
  if (text == nullptr || !text->is_string())
    return std::unexpected(data_corruption("a campaign's decision cannot be read"));
  return decide::parse_campaign_decision(std::string_view(text->as_string()));
}

Result<std::optional<std::string_view>> LoggedChoices::treatment(std::string_view personal_json) {
  if (personal_json.find(R"(],\"choice\":null,)") != std::string_view::npos)
    return std::optional<std::string_view>();
  const auto version = number_behind(personal_json, R"(\",\"version\":)");
  const auto index = number_behind(personal_json, R"(],\"choice\":[)");
  const auto known = version ? treatments_.find(*version) : treatments_.end();
  if (index && known != treatments_.end() && *index >= 0 && *index < std::ssize(known->second))
    return std::optional<std::string_view>(known->second[static_cast<std::size_t>(*index)]);
  ATTUNE_ASSIGN_OR_RETURN(const decide::CampaignDecision decision,
                          read_logged_decision(personal_json));
  if (!decision.choice) return std::optional<std::string_view>();
  std::vector<std::string>& names = treatments_[decision.version];
  if (names.empty()) {  // what was told of them before stays where it is
    for (const decide::ScoredTreatment& one : decision.treatments) names.push_back(one.name);
  }
  if (decision.choice->treatment >= names.size())
    return std::unexpected(
        data_corruption("a campaign's decision chose a treatment that it does not list"));
  return std::optional<std::string_view>(names[decision.choice->treatment]);
}

}  // namespace attune::engine

#include "attune/engine/message_links.h"

#include <array>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/deliver/outbox.h"
#include "campaign_events.h"
#include "mail_config.h"

namespace attune::engine {
namespace {

namespace json = boost::json;

// Whom a message went to, and what it was of; as far as both are still known.
struct Sent {
  std::optional<CalledCustomer> customer;
  std::string campaign, treatment;
};

Result<Sent> find_sent(Service& service, const deliver::Link& link) {
  Sent sent;
  if (!link.customer) return sent;  // of a test message: about nobody
  ATTUNE_RETURN_IF_ERROR(service.with([&](Workspace& workspace) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(sent.customer, called(workspace, link.customer));
    ATTUNE_ASSIGN_OR_RETURN(auto outbox,
                            deliver::Outbox::open(workspace.state(), workspace.vault()));
    ATTUNE_ASSIGN_OR_RETURN(const auto message, outbox.find(link.message));
    if (!message) return {};  // pruned
    sent.campaign = message->campaign;
    sent.treatment = message->treatment;
    return {};
  }));
  return sent;
}

events::Event event_of(events::EventType type, const deliver::Link& link, const Sent& sent,
                       Timestamp now) {
  events::Event event;
  event.type = type;
  event.time = now;
  event.decision = link.message;
  (sent.customer->kind == events::IdKind::customer ? event.customer : event.anonymous) =
      sent.customer->id;
  event.channel = "email";
  return event;
}

}  // namespace

Result<MessageLinks> MessageLinks::open(Service& service) {
  std::optional<deliver::LinkSigner> signer;
  ATTUNE_RETURN_IF_ERROR(service.with([&](Workspace& workspace) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(signer, link_signer(workspace.vault()));
    return {};
  }));
  return MessageLinks(service, std::move(*signer));
}

Result<FollowedLink> MessageLinks::read(deliver::LinkKind kind, std::string_view token) const {
  auto link = signer_.read(token);
  if (!link || link->kind != kind)
    return std::unexpected(not_found("this link is not one of ours, or not whole"));
  return FollowedLink{std::move(*link)};
}

Status MessageLinks::note_visit(const FollowedLink& followed, deliver::Visit visit) {
  const deliver::Link& link = followed.link;
  const Timestamp now = service_->now();
  ATTUNE_ASSIGN_OR_RETURN(const Sent sent, find_sent(*service_, link));
  if (!sent.customer) return {};
  visit.seconds_since_sent =
      static_cast<double>(now.micros - link.issued.micros) / kMicrosPerSecond;
  const bool click = link.kind == deliver::LinkKind::click;
  const deliver::Visitor visitor = deliver::judge_visit(visit);
  const std::string properties = json::serialize(
      json::object{{"treatment", sent.treatment}, {"visitor", deliver::name(visitor)}});
  const std::string source = campaign_source(sent.campaign);
  events::Event event =
      event_of(click ? events::EventType::message_clicked : events::EventType::message_opened, link,
               sent, now);
  const std::string id =
      fmt::format("{}:{}:{}", link.message, click ? "click" : "open", now.micros);
  event.event_id = id;
  event.source = source;
  event.url = link.url;
  event.quantity = visitor == deliver::Visitor::person ? 1 : 0;
  event.properties = properties;
  return service_->accept(std::span(&event, 1));
}

Status MessageLinks::withdraw(const FollowedLink& followed, WithdrawalWay way) {
  const deliver::Link& link = followed.link;
  ATTUNE_ASSIGN_OR_RETURN(const Sent sent, find_sent(*service_, link));
  if (!sent.customer) return {};
  const std::string properties = json::serialize(
      json::object{{"purpose", privacy::name(link.purpose)},
                   {"source", way == WithdrawalWay::one_click ? "one click" : "link in a mail"},
                   {"proof", link.message}});
  const std::string source = campaign_source(sent.campaign);
  // By the message: whoever presses twice withdrew once. A consent that is given later and
  // withdrawn by an old mail again is another withdrawal: by the day.
  const std::int64_t day = service_->now().micros / kMicrosPerDay;
  const std::array ids{fmt::format("{}:withdrawn:{}", link.message, day),
                       fmt::format("{}:unsubscribe:{}", link.message, day)};
  std::array<events::Event, 2> events{
      event_of(events::EventType::consent_withdrawn, link, sent, service_->now()),
      event_of(events::EventType::unsubscribe, link, sent, service_->now())};
  for (std::size_t i = 0; i < events.size(); ++i) {
    events[i].event_id = ids[i];
    events[i].source = source;
    events[i].properties = properties;
  }
  return service_->accept(events);
}

}  // namespace attune::engine

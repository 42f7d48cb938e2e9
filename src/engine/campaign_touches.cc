#include "campaign_touches.h"

#include <algorithm>

#include "campaign_events.h"

namespace attune::engine {
namespace {

using events::EventType;

constexpr std::int16_t kNoFeed = -1;  // nothing of the campaign's was ever logged

// Of a row: when, and whether it was this campaign's.
struct Touch {
  std::int64_t micros = 0;
  bool own = false;
};

std::int64_t number(EventType type) { return static_cast<std::int64_t>(type); }

bool can_be_clicked(decide::Channel channel) {
  return channel == decide::Channel::email || channel == decide::Channel::on_page;
}

// What touches a customer where nothing can be clicked: the hand-over, of lists the decision.
EventType sent_by(decide::Channel channel) {
  return channel == decide::Channel::file ? EventType::assignment : EventType::message_sent;
}

class TouchReader {
 public:
  TouchReader(Workspace& workspace, const engage::Campaign& campaign, const Assigned& assigned)
      : workspace_(workspace), campaign_(campaign), assigned_(assigned) {
    touches_.resize(assigned.arm.size());
  }

  Result<std::vector<std::vector<Touch>>> read() {
    ATTUNE_ASSIGN_OR_RETURN(const auto feed, feed_of(workspace_, campaign_.name));
    const std::int64_t source = feed.value_or(kNoFeed);
    const bool clicked = can_be_clicked(campaign_.channel);
    const std::int64_t window = campaign_.outcome.days * kMicrosPerDay;
    ATTUNE_ASSIGN_OR_RETURN(
        store::QueryResult rows,
        workspace_.history().query(
            "SELECT customer, epoch_us(time), coalesce(source = $1 OR decision_id IN (SELECT "
            "decision_id FROM visible_rows WHERE type = $7 AND source = $1), false)::BIGINT FROM "
            "visible_rows WHERE customer <> 0 AND epoch_us(time) >= $2 AND epoch_us(time) <= $3 "
            "AND "
            "((type = $4 AND coalesce(quantity, 1) > 0) OR type = $5 OR (type = $6 AND source = "
            "$1))"
            " ORDER BY time, sequence",
            {source, assigned_.first.micros - window,
             std::min(assigned_.last.micros + window, assigned_.until.micros),
             number(EventType::message_clicked), number(EventType::click),
             number(clicked ? EventType::message_clicked : sent_by(campaign_.channel)),
             number(EventType::assignment)}));
    ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
      const auto customers = chunk.int64(0), times = chunk.int64(1), own = chunk.int64(2);
      for (std::size_t i = 0; i < chunk.rows(); ++i) {
        const auto row = assigned_.rows.find(assigned_.merges.root(CustomerNumber{customers[i]}));
        if (row != assigned_.rows.end()) touches_[row->second].push_back({times[i], own[i] != 0});
      }
      return {};
    }));
    return std::move(touches_);
  }

 private:
  Workspace& workspace_;
  const engage::Campaign& campaign_;
  const Assigned& assigned_;
  std::vector<std::vector<Touch>> touches_;
};

void count(EventType type, bool by_person, TreatmentActivity& into) {
  switch (type) {
    case EventType::message_sent:
      ++into.sent;
      break;
    case EventType::message_bounced:
      ++into.bounced;
      break;
    case EventType::message_opened:
      into.opened += by_person;
      break;
    case EventType::message_clicked:
      into.clicked += by_person;
      break;
    case EventType::unsubscribe:
      ++into.unsubscribed;
      break;
    case EventType::impression:
      ++into.shown;
      break;
    case EventType::click:
      ++into.clicked;
      break;
    default:
      ++into.complained;
  }
}

}  // namespace

double position_share(std::size_t i, std::size_t count) {
  if (count <= 2) return 1. / static_cast<double>(count);
  const bool at_end = i == 0 || i + 1 == count;
  return at_end ? .4 : .2 / static_cast<double>(count - 2);
}

Status add_activity(Workspace& workspace, const engage::Campaign& campaign,
                    const Assigned& assigned, std::vector<TreatmentActivity>& activity) {
  ATTUNE_ASSIGN_OR_RETURN(const auto feed, feed_of(workspace, campaign.name));
  const std::int64_t source = feed.value_or(kNoFeed);
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      workspace.history().query(
          "SELECT customer, type::BIGINT, max(coalesce(quantity, 1))::DOUBLE FROM visible_rows "
          "WHERE customer <> 0 AND epoch_us(time) <= $11 AND ((source = $1 AND type IN ($2, $3, "
          "$4, $5, $6, $7)) OR "
          "(type IN ($8, $9) AND decision_id IN (SELECT decision_id FROM visible_rows WHERE "
          "source = $1 AND type = $10))) GROUP BY customer, type, decision_id",
          {source, number(EventType::message_sent), number(EventType::message_bounced),
           number(EventType::message_opened), number(EventType::message_clicked),
           number(EventType::unsubscribe), number(EventType::message_complained),
           number(EventType::impression), number(EventType::click), number(EventType::assignment),
           assigned.until.micros}));
  ATTUNE_RETURN_IF_ERROR(rows.for_each([&](const store::Chunk& chunk) -> Status {
    const auto customers = chunk.int64(0), types = chunk.int64(1);
    const auto persons = chunk.real(2);
    for (std::size_t i = 0; i < chunk.rows(); ++i) {
      const auto row = assigned.rows.find(assigned.merges.root(CustomerNumber{customers[i]}));
      if (row == assigned.rows.end()) continue;
      count(static_cast<EventType>(types[i]), persons[i] > 0,
            activity[static_cast<std::size_t>(assigned.arm[row->second])]);
    }
    return {};
  }));
  for (TreatmentActivity& one : activity) {
    const std::int64_t exposed =
        campaign.channel == decide::Channel::on_page ? one.shown : one.sent;
    const measure::Rate rate = measure::click_through_rate(std::min(one.clicked, exposed), exposed);
    if (rate.estimate) one.click_through = *rate.estimate;
  }
  return {};
}

Status add_claims(Workspace& workspace, const engage::Campaign& campaign, const Assigned& assigned,
                  std::span<const OutcomeAt> outcomes, std::vector<TreatmentActivity>& activity) {
  ATTUNE_ASSIGN_OR_RETURN(const auto touches, TouchReader(workspace, campaign, assigned).read());
  const std::int64_t window = campaign.outcome.days * kMicrosPerDay;
  for (const OutcomeAt& outcome : outcomes) {
    const std::vector<Touch>& of_row = touches[outcome.row];
    const auto before = [&](std::int64_t micros) {
      return std::ranges::upper_bound(of_row, micros, {}, &Touch::micros);
    };
    const std::span<const Touch> claiming(before(outcome.micros - window), before(outcome.micros));
    TreatmentActivity& arm = activity[static_cast<std::size_t>(assigned.arm[outcome.row])];
    if (claiming.empty()) continue;
    if (claiming.back().own) arm.claimed_by_last_touch += outcome.value;
    for (std::size_t i = 0; i < claiming.size(); ++i) {
      if (claiming[i].own)
        arm.claimed_by_position += outcome.value * position_share(i, claiming.size());
    }
  }
  return {};
}

}  // namespace attune::engine

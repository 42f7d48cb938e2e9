// Offers on pages: one visitor, the campaigns of a surface, through the same gates as any message.
#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/text.h"
#include "attune/engine/campaigns.h"
#include "campaign_asking.h"
#include "campaign_events.h"
#include "campaign_lists.h"
#include "campaign_writing.h"

namespace attune::engine {
namespace {

namespace json = boost::json;
using decide::StopReason;
using engage::StoredCampaign;

Status check_request(const OfferRequest& request) {
  if (request.customer.empty() == request.anonymous.empty()) {
    return std::unexpected(invalid_argument(
        "name who is on the page: customer, or anonymous where nobody is logged in"));
  }
  if (request.count < 1 || request.count > OfferRequest::kCountMax) {
    return std::unexpected(
        invalid_argument(fmt::format("count is 1 to {}", OfferRequest::kCountMax)));
  }
  return {};
}

// Whoever an event named before; a stranger does not become a customer by being looked at.
Result<std::optional<Person>> find_visitor(Workspace& workspace, const OfferRequest& request) {
  events::Identity& identity = workspace.identity();
  const bool known = !request.customer.empty();
  const auto kind = known ? events::IdKind::customer : events::IdKind::anonymous;
  const std::string& id = known ? request.customer : request.anonymous;
  ATTUNE_ASSIGN_OR_RETURN(const auto family,
                          identity.family({kind, identity.fingerprint(kind, id)}));
  if (family.numbers.empty()) return std::optional<Person>();
  ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber root, identity.root(family.numbers.front()));
  ATTUNE_ASSIGN_OR_RETURN(const auto name, called(workspace, root));
  if (!name) return std::optional<Person>();
  return std::optional(Person{root, name->kind});
}

// Those that may be shown there at all, in the order in which they were made.
std::vector<StoredCampaign> of_surface(std::vector<StoredCampaign> all, std::string_view surface) {
  std::erase_if(all, [&](const StoredCampaign& one) {
    return one.state != engage::CampaignState::running ||
           one.campaign.channel != decide::Channel::on_page || one.campaign.surface != surface;
  });
  std::ranges::sort(all, {}, &StoredCampaign::number);
  return all;
}

}  // namespace

Result<OfferAnswer> Campaigns::offers(const OfferRequest& request, Customers& customers,
                                      Timestamp now) {
  ATTUNE_RETURN_IF_ERROR(check_request(request));
  OfferAnswer answer;
  ATTUNE_ASSIGN_OR_RETURN(const auto visitor, find_visitor(*workspace_, request));
  if (!visitor) return answer;
  answer.known = true;
  ATTUNE_ASSIGN_OR_RETURN(const auto moved, store_.advance(now));
  (void)moved;
  ATTUNE_ASSIGN_OR_RETURN(std::vector<StoredCampaign> all, store_.list());
  all = of_surface(std::move(all), request.surface);
  if (all.empty()) return answer;
  store::State& state = workspace_->state();
  for (const StoredCampaign& one : all) ATTUNE_RETURN_IF_ERROR(sync_budget(one, now));
  ATTUNE_ASSIGN_OR_RETURN(const OnDisk on_disk, OnDisk::begin(state));
  ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, state.begin());
  for (const StoredCampaign& one : all) {
    if (static_cast<int>(answer.offers.size()) == request.count) break;
    ATTUNE_RETURN_IF_ERROR(offer(one, *visitor, customers, now, answer));
  }
  ATTUNE_RETURN_IF_ERROR(transaction.commit());
  return answer;
}

// Asks one campaign about one visitor. What the campaigns before it decided is seen.
Status Campaigns::offer(const StoredCampaign& campaign, const Person& person, Customers& customers,
                        Timestamp now, OfferAnswer& answer) {
  ATTUNE_ASSIGN_OR_RETURN(
      CampaignAsking asking,
      CampaignAsking::open(*workspace_, customers, campaign, now,
                           {.only = person, .among = {}, .will_write = true, .without = without_}));
  CampaignChunk chunk;
  ATTUNE_RETURN_IF_ERROR(asking.read(CustomerNumber{}, 1, chunk));
  if (chunk.size() == 0) {
    answer.not_offered.push_back({campaign.campaign.name, StopReason::outside_audience, {}});
    return {};
  }
  ATTUNE_ASSIGN_OR_RETURN(const ledger::BudgetBalances balances,
                          ledger_.balances(budget_name(campaign.campaign.name)));
  ATTUNE_RETURN_IF_ERROR(
      asking.decide(left_of(campaign.campaign, balances), run_seed(campaign.campaign, now), chunk));
  ATTUNE_ASSIGN_OR_RETURN(PendingEvents pending, PendingEvents::open(*workspace_));
  CampaignWriting writing(*workspace_, ledger_, outbox_, pending, asking, chunk);
  ATTUNE_RETURN_IF_ERROR(writing.prepare());
  ATTUNE_RETURN_IF_ERROR(writing.write());
  decide::CampaignDecision decision;
  decide::describe(asking.plan(), chunk.inputs, chunk.outcomes, 0, decision);
  if (!decision.choice) {
    answer.not_offered.push_back({campaign.campaign.name, decision.reason, decision.note});
    return {};
  }
  const engage::Treatment& treatment = campaign.campaign.treatments[decision.choice->treatment];
  answer.offers.push_back({decision.id, campaign.campaign.name, treatment.name, treatment.content,
                           decision.choice->probability});
  return {};
}

std::string to_json(const OfferAnswer& answer) {
  json::array offers, not_offered;
  for (const Offer& one : answer.offers) {
    offers.push_back(json::object{{"offer_id", one.id},
                                  {"campaign", one.campaign},
                                  {"treatment", one.treatment},
                                  {"content", one.content},
                                  {"probability", one.probability}});
  }
  for (const NoOffer& one : answer.not_offered) {
    not_offered.push_back(
        json::object{{"campaign", one.campaign},
                     {"reason", decide::stop_reason_names()[static_cast<std::size_t>(one.reason)]},
                     {"note", one.note}});
  }
  return json::serialize(json::object{{"known", answer.known},
                                      {"offers", std::move(offers)},
                                      {"not_offered", std::move(not_offered)}});
}

}  // namespace attune::engine

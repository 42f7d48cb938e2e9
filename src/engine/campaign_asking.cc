#include "campaign_asking.h"

#include <algorithm>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/deliver/mail.h"
#include "mail_config.h"

namespace attune::engine {
namespace {

constexpr std::string_view kEmailTrait = "email";
constexpr std::string_view kZoneTrait = "time_zone";
constexpr std::size_t kZonesMax = 1000;  // more are read as the shop's

// What the engine fills in beside traits.
bool is_given(std::string_view field) {
  return field == "customer_id" || field == "campaign" || field == "treatment" ||
         field == "unsubscribe_url";
}

}  // namespace

Result<rules::Schema> campaign_schema(const Workspace& workspace, Customers& customers) {
  ATTUNE_ASSIGN_OR_RETURN(const auto segments, customers.segments());
  std::vector<std::string> names;
  for (const profiles::Segment& segment : segments) names.push_back(segment.name);
  return profiles::profile_schema(workspace.zone(), std::move(names));
}

Result<CustomerCard> read_card(Workspace& workspace, CustomerNumber customer) {
  ATTUNE_ASSIGN_OR_RETURN(const auto traits, workspace.identity().traits(customer));
  CustomerCard card;
  for (const events::Trait& trait : traits) {
    if (trait.name == kEmailTrait) {
      if (auto address = deliver::plain_address(trim(trait.value)))
        card.email = std::move(*address);
    } else if (trait.name == kZoneTrait) {
      card.time_zone = trait.value;
    }
    if (trait.name == workspace.shop_consent().region_trait) card.region = trait.value;
    card.fields.texts.emplace(trait.name, trait.value);
  }
  return card;
}

Result<std::vector<Person>> everybody_of(Workspace& workspace) {
  ATTUNE_ASSIGN_OR_RETURN(const events::MergeMap merges, workspace.identity().merges());
  std::vector<Person> people;
  ATTUNE_RETURN_IF_ERROR(workspace.identity().for_each_fingerprint(
      [&](events::IdKind kind, const Hash128&, CustomerNumber number) {
        if (merges.root(number) == number) people.push_back({number, kind});
      }));
  // Of several ids of a number the one of the lower kind is what it is called by.
  std::ranges::sort(people, {}, [](const Person& p) { return std::pair(p.number, p.kind); });
  const auto same = std::ranges::unique(people, {}, &Person::number);
  people.erase(same.begin(), same.end());
  return people;
}

bool SuppressionQuery::holds(const std::string& id, const std::string& email) const {
  if (set->size() == 0) return false;
  if (set->contains(privacy::suppression_key(*vault, "customer", id))) return true;
  return !email.empty() && set->contains(privacy::suppression_key(*vault, "email", email));
}

Result<CampaignAsking> CampaignAsking::open(Workspace& workspace, Customers& customers,
                                            const engage::StoredCampaign& campaign, Timestamp now) {
  CampaignAsking asking(workspace, customers);
  asking.campaign_ = campaign;
  asking.now_ = now;
  const engage::Campaign& what = campaign.campaign;
  // A campaign that is not saved yet has no number; contacts name none above it.
  const std::uint32_t number = campaign.number == 0 ? UINT32_MAX : campaign.number;
  ATTUNE_ASSIGN_OR_RETURN(asking.plan_,
                          engage::plan_of(what, number, campaign.version, workspace.zone()));
  ATTUNE_ASSIGN_OR_RETURN(const rules::Schema schema, campaign_schema(workspace, customers));
  if (!what.rule.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(asking.rule_,
                            profiles::ProfileRule::compile(what.rule, schema, customers.names()));
  }
  if (what.policy.rule == decide::TreatmentRule::top) {
    ATTUNE_ASSIGN_OR_RETURN(asking.scorer_,
                            engage::TreatmentScorer::compile(what, schema, customers.names()));
  }
  ATTUNE_ASSIGN_OR_RETURN(asking.contacts_store_, engage::ContactStore::open(workspace.state()));
  ATTUNE_ASSIGN_OR_RETURN(auto suppressions, privacy::SuppressionList::open(workspace.state()));
  ATTUNE_ASSIGN_OR_RETURN(privacy::SuppressionSet set, suppressions.load());
  asking.suppressions_ = std::make_unique<privacy::SuppressionSet>(std::move(set));
  asking.mode_ = workspace.shop_consent().mode("", what.purpose);
  asking.by_region_ = workspace.shop_consent().by_region(what.purpose);
  asking.zone_list_.push_back(workspace.zone());
  ATTUNE_ASSIGN_OR_RETURN(asking.people_, everybody_of(workspace));
  ATTUNE_RETURN_IF_ERROR(asking.read_consents());
  if (what.channel == decide::Channel::email) ATTUNE_RETURN_IF_ERROR(asking.read_templates());
  return asking;
}

Status CampaignAsking::read_consents() {
  return workspace_->consent().for_each(
      campaign_.campaign.purpose,
      [this](CustomerNumber customer, privacy::Consent consent) -> Status {
        consents_.emplace_back(customer, consent);
        return {};
      });
}

Status CampaignAsking::read_templates() {
  for (const engage::Treatment& treatment : campaign_.campaign.treatments) {
    ATTUNE_ASSIGN_OR_RETURN(const deliver::MailTemplate mail,
                            read_template(workspace_->folder(), treatment.content));
    const auto note = [&](const deliver::Template& part, std::string_view name) {
      for (const deliver::FieldUse& use : part.fields()) {
        if (!use.required || !use.list.empty() || is_given(use.name)) continue;
        needed_.emplace(fmt::format("{}/{} {}", treatment.content, name, use.name),
                        LackingField{treatment.content, use, std::string(name), 0, {}});
      }
    };
    note(mail.subject, "subject");
    note(mail.text, "text");
    if (mail.html) note(*mail.html, "html");
  }
  return {};
}

bool CampaignAsking::in_audience(const profiles::Profile& profile) const {
  if (rule_) return rule_->matches(profile, customers_->names());
  return std::ranges::binary_search(profile.segments, campaign_.campaign.segment);
}

bool CampaignAsking::has_fields(const CustomerCard& card, const std::string& id) {
  bool all = true;
  for (const auto& [key, needed] : needed_) {
    const auto found = card.fields.texts.find(needed.use.name);
    if (found != card.fields.texts.end() && !found->second.empty()) continue;
    all = false;
    LackingField& lacking = lacking_.emplace(key, needed).first->second;
    if (lacking.customers++ == 0) lacking.example = id;
  }
  return all;
}

Result<std::uint16_t> CampaignAsking::zone_index(const std::string& name) {
  if (name.empty()) return std::uint16_t{0};
  if (const auto found = zone_by_name_.find(name); found != zone_by_name_.end())
    return found->second;
  std::uint16_t index = 0;
  if (zone_list_.size() < kZonesMax) {
    // A zone that does not exist is no reason to write to nobody: the shop's holds.
    if (auto zone = TimeZone::find(name)) {
      index = static_cast<std::uint16_t>(zone_list_.size());
      zone_list_.push_back(std::move(*zone));
    }
    zone_by_name_.emplace(name, index);
  }
  return index;
}

Status CampaignAsking::add(const profiles::Profile& profile, events::IdKind kind) {
  ATTUNE_ASSIGN_OR_RETURN(std::string id, workspace_->identity().label(profile.customer));
  const auto found = std::ranges::lower_bound(consents_, profile.customer, {},
                                              &decltype(consents_)::value_type::first);
  const bool said = found != consents_.end() && found->first == profile.customer;
  const privacy::Consent consent = said ? found->second : privacy::Consent::unknown;
  CustomerCard card;
  bool suppressed = false;
  decide::Eligibility eligible = decide::Eligibility::eligible;
  // Nothing is unsealed of those who did not allow it: the first gate stops them. Of those who
  // never said anything it may be the region that tells.
  privacy::ConsentMode mode = mode_;
  const bool ask_region = by_region_ && consent == privacy::Consent::unknown;
  if (ask_region || privacy::allows(consent, mode)) {
    ATTUNE_ASSIGN_OR_RETURN(card, read_card(*workspace_, profile.customer));
  }
  if (ask_region) mode = workspace_->shop_consent().mode(card.region, campaign_.campaign.purpose);
  if (privacy::allows(consent, mode)) {
    suppressed = SuppressionQuery{&workspace_->vault(), suppressions_.get()}.holds(id, card.email);
    if (campaign_.campaign.channel == decide::Channel::email && !suppressed &&
        (card.email.empty() || !has_fields(card, id))) {
      eligible = decide::Eligibility::unreachable;
    }
  }
  ATTUNE_ASSIGN_OR_RETURN(const std::uint16_t zone, zone_index(card.time_zone));
  numbers_.push_back(profile.customer);
  consent_.push_back(consent);
  modes_.push_back(mode);
  suppressed_.push_back(suppressed);
  eligibility_.push_back(eligible);
  zones_.push_back(zone);
  if (scorer_) {
    scores_.resize(numbers_.size() * scorer_->size());
    scorer_->score(profile, customers_->names(), std::span(scores_).last(scorer_->size()));
  }
  called_.push_back({kind, std::move(id)});
  cards_.push_back(std::move(card));
  return {};
}

void CampaignAsking::clear() {
  looked_at_ = 0;
  numbers_.clear();
  consent_.clear();
  modes_.clear();
  suppressed_.clear();
  eligibility_.clear();
  zones_.clear();
  scores_.clear();
  called_.clear();
  cards_.clear();
}

Result<CustomerNumber> CampaignAsking::read(CustomerNumber after, std::int64_t limit) {
  clear();
  CustomerNumber last;
  for (auto person = std::ranges::upper_bound(people_, after, {}, &Person::number);
       person != people_.end() && looked_at_ < limit; ++person) {
    ++looked_at_;
    last = person->number;
    const auto profile = customers_->read(person->number);
    if (!profile && profile.error().code == ErrorCode::not_found) continue;  // no event yet
    if (!profile) return std::unexpected(profile.error());
    if (in_audience(*profile)) ATTUNE_RETURN_IF_ERROR(add(*profile, person->kind));
  }
  return last;
}

Status CampaignAsking::decide(const decide::BudgetLeft& left, std::uint64_t seed) {
  const decide::CapWindows windows = decide::CapWindows::make(now_, workspace_->zone());
  ATTUNE_RETURN_IF_ERROR(
      contacts_store_->load(numbers_, decide::earliest_needed(plan_->caps, windows), contacts_));
  inputs_ = {.customers = numbers_,
             .consent = consent_,
             .modes = modes_,
             .suppressed = suppressed_,
             .eligibility = eligibility_,
             .contact_offsets = contacts_.offsets,
             .contacts = contacts_.contacts,
             .zones = zones_,
             .zone_list = zone_list_,
             .scores = scores_,
             .budget = left,
             .run_seed = seed,
             .now = now_};
  return decide::decide_campaign(*plan_, inputs_, outcomes_);
}

}  // namespace attune::engine

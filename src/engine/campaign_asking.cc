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

CustomerCard card_of(const std::vector<events::Trait>& traits, std::string_view region_trait) {
  CustomerCard card;
  for (const events::Trait& trait : traits) {
    if (trait.name == kEmailTrait) {
      if (auto address = deliver::plain_address(trim(trait.value)))
        card.email = std::move(*address);
    } else if (trait.name == kZoneTrait) {
      card.time_zone = trait.value;
    }
    if (trait.name == region_trait) card.region = trait.value;
    card.fields.texts.emplace(trait.name, trait.value);
  }
  return card;
}

Result<CustomerCard> read_card(Workspace& workspace, CustomerNumber customer) {
  ATTUNE_ASSIGN_OR_RETURN(const auto traits, workspace.identity().traits(customer));
  return card_of(traits, workspace.shop_consent().region_trait);
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

Result<bool> SuppressionQuery::holds(const std::string& id, const std::string& email) const {
  for (const auto& [kind, text] : {std::pair("customer", &id), std::pair("email", &email)}) {
    if (text->empty()) continue;
    const Hash128 key = privacy::suppression_key(*vault, kind, *text);
    if (set != nullptr && set->contains(key)) return true;
    if (set != nullptr) continue;
    ATTUNE_ASSIGN_OR_RETURN(const auto found, list->find(key));
    if (found) return true;
  }
  return false;
}

Result<CampaignAsking> CampaignAsking::open(Workspace& workspace, Customers& customers,
                                            const engage::StoredCampaign& campaign, Timestamp now,
                                            AskingOptions options) {
  CampaignAsking asking(workspace, customers);
  asking.options_ = options;
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
  ATTUNE_RETURN_IF_ERROR(asking.read_suppressions());
  asking.mode_ = workspace.shop_consent().mode("", what.purpose);
  asking.by_region_ = workspace.shop_consent().by_region(what.purpose);
  asking.zone_list_.push_back(workspace.zone());
  if (options.only) {
    asking.people_.push_back(*options.only);
  } else {
    ATTUNE_ASSIGN_OR_RETURN(asking.people_, everybody_of(workspace));
  }
  if (options.among) {
    std::erase_if(asking.people_, [&](const Person& person) {
      return !std::ranges::binary_search(*options.among, person.number);
    });
  }
  ATTUNE_RETURN_IF_ERROR(asking.read_consents());
  if (what.channel == decide::Channel::email) ATTUNE_RETURN_IF_ERROR(asking.read_templates());
  return asking;
}

Status CampaignAsking::read_suppressions() {
  ATTUNE_ASSIGN_OR_RETURN(auto list, privacy::SuppressionList::open(workspace_->state()));
  suppression_query_.vault = &workspace_->vault();
  if (options_.only) {
    suppressed_one_ = std::make_unique<privacy::SuppressionList>(list);
    suppression_query_.list = suppressed_one_.get();
    return {};
  }
  ATTUNE_ASSIGN_OR_RETURN(privacy::SuppressionSet set, list.load());
  suppressions_ = std::make_unique<privacy::SuppressionSet>(std::move(set));
  suppression_query_.set = suppressions_.get();
  return {};
}

Status CampaignAsking::read_consents() {
  const privacy::Purpose purpose = campaign_.campaign.purpose;
  if (options_.only) {
    ATTUNE_ASSIGN_OR_RETURN(const privacy::Consent consent,
                            workspace_->consent().find(options_.only->number, purpose));
    consents_.emplace_back(options_.only->number, consent);
    return {};
  }
  return workspace_->consent().for_each(
      purpose, [this](CustomerNumber customer, privacy::Consent consent) -> Status {
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

Result<bool> CampaignAsking::has_fields(std::size_t i) {
  bool all = true;
  for (const auto& [key, needed] : needed_) {
    const auto found = cards_[i].fields.texts.find(needed.use.name);
    if (found != cards_[i].fields.texts.end() && !found->second.empty()) continue;
    all = false;
    LackingField& lacking = lacking_.emplace(key, needed).first->second;
    if (lacking.customers++ > 0) continue;
    ATTUNE_ASSIGN_OR_RETURN(lacking.example, workspace_->identity().label(numbers_[i]));
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

void CampaignAsking::add(const profiles::Profile& profile, events::IdKind kind) {
  const auto found = std::ranges::lower_bound(consents_, profile.customer, {},
                                              &decltype(consents_)::value_type::first);
  const bool said = found != consents_.end() && found->first == profile.customer;
  numbers_.push_back(profile.customer);
  consent_.push_back(said ? found->second : privacy::Consent::unknown);
  modes_.push_back(mode_);
  called_.push_back({kind, {}});
  if (!scorer_) return;
  scores_.resize(numbers_.size() * scorer_->size());
  scorer_->score(profile, customers_->names(), std::span(scores_).last(scorer_->size()));
}

bool CampaignAsking::needs_card(std::size_t i) const {
  const engage::Campaign& what = campaign_.campaign;
  if (by_region_ && consent_[i] == privacy::Consent::unknown) return true;
  if (!allowed(i)) return false;
  return what.channel == decide::Channel::email || what.quiet_hours ||
         !suppression_query_.nobody() ||
         (options_.will_write && what.channel == decide::Channel::webhook);
}

Status CampaignAsking::read_cards() {
  cards_.resize(numbers_.size());
  std::vector<CustomerNumber> wanted;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < numbers_.size(); ++i) {
    if (!needs_card(i)) continue;
    wanted.push_back(numbers_[i]);
    places.push_back(i);
  }
  ATTUNE_ASSIGN_OR_RETURN(const auto traits, workspace_->identity().traits(wanted));
  for (std::size_t k = 0; k < places.size(); ++k)
    cards_[places[k]] = card_of(traits[k], workspace_->shop_consent().region_trait);
  return {};
}

Status CampaignAsking::read_labels() {
  std::vector<CustomerNumber> wanted;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < numbers_.size(); ++i) {
    if (!options_.will_write && (suppression_query_.nobody() || !allowed(i))) continue;
    wanted.push_back(numbers_[i]);
    places.push_back(i);
  }
  events::Identity& identity = workspace_->identity();
  // Looked up for a slice of a run; whoever goes on reads those of all, in one pass.
  if (options_.will_write && !options_.only && chunks_read_++ == 1) {
    ATTUNE_ASSIGN_OR_RETURN(labels_, identity.sealed_labels());
  }
  ATTUNE_ASSIGN_OR_RETURN(auto labels,
                          labels_ ? identity.labels(wanted, *labels_) : identity.labels(wanted));
  for (std::size_t k = 0; k < places.size(); ++k) called_[places[k]].id = std::move(labels[k].id);
  return {};
}

Status CampaignAsking::fill_one(std::size_t i) {
  if (!allowed(i)) return {};
  if (!suppression_query_.nobody()) {
    ATTUNE_ASSIGN_OR_RETURN(const bool held,
                            suppression_query_.holds(called_[i].id, cards_[i].email));
    suppressed_[i] = held ? 1 : 0;
  }
  if (campaign_.campaign.channel == decide::Channel::email && suppressed_[i] == 0) {
    ATTUNE_ASSIGN_OR_RETURN(const bool whole, has_fields(i));
    if (cards_[i].email.empty() || !whole) eligibility_[i] = decide::Eligibility::unreachable;
  }
  ATTUNE_ASSIGN_OR_RETURN(zones_[i], zone_index(cards_[i].time_zone));
  return {};
}

// Nothing is unsealed of those who did not allow it: the first gate stops them. Of those who never
// said anything it may be the region that tells.
Status CampaignAsking::fill() {
  ATTUNE_RETURN_IF_ERROR(read_cards());
  for (std::size_t i = 0; by_region_ && i < numbers_.size(); ++i) {
    if (consent_[i] == privacy::Consent::unknown)
      modes_[i] = workspace_->shop_consent().mode(cards_[i].region, campaign_.campaign.purpose);
  }
  ATTUNE_RETURN_IF_ERROR(read_labels());
  suppressed_.assign(numbers_.size(), 0);
  eligibility_.assign(numbers_.size(), decide::Eligibility::eligible);
  zones_.assign(numbers_.size(), 0);
  for (std::size_t i = 0; i < numbers_.size(); ++i) ATTUNE_RETURN_IF_ERROR(fill_one(i));
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
  auto person = std::ranges::upper_bound(people_, after, {}, &Person::number);
  const auto rest = people_.end() - person;
  const auto end = person + std::min<std::ptrdiff_t>(rest, limit);
  looked_at_ = end - person;
  if (person == end) return CustomerNumber{};
  const CustomerNumber last = std::prev(end)->number;
  const bool segments = !rule_ || !rule_->segments_used().empty() || scorer_;
  const auto visit = [&](const profiles::Profile& profile) -> Status {
    while (person != end && person->number < profile.customer) ++person;
    if (person != end && person->number == profile.customer && in_audience(profile))
      add(profile, person->kind);
    return {};
  };
  ATTUNE_RETURN_IF_ERROR(customers_->for_each_between(person->number, last, segments, visit));
  ATTUNE_RETURN_IF_ERROR(fill());
  return last;
}

// What the gate would stop is made harmless, as if nobody asked.
void CampaignAsking::take_out(decide::Gate gate) {
  switch (gate) {
    case decide::Gate::consent:
      std::ranges::fill(consent_, privacy::Consent::given);
      std::ranges::fill(suppressed_, std::uint8_t{0});
      break;
    case decide::Gate::eligibility:
      std::ranges::fill(eligibility_, decide::Eligibility::eligible);
      plan_->begin = {INT64_MIN};
      plan_->end = {INT64_MAX};
      break;
    case decide::Gate::assignment: {
      decide::AssignmentSpec spec = plan_->assignment.spec();
      spec.holdout = 0;
      if (auto nobody = decide::Assignment::create(std::move(spec)))
        plan_->assignment = std::move(*nobody);
      break;
    }
    case decide::Gate::caps:
      plan_->caps.clear();
      break;
    case decide::Gate::quiet_hours:
      plan_->quiet_hours.reset();
      break;
    case decide::Gate::budget:
      inputs_.budget = {};
  }
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
  if (options_.without) take_out(*options_.without);
  return decide::decide_campaign(*plan_, inputs_, outcomes_);
}

}  // namespace attune::engine

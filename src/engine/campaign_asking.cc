#include "campaign_asking.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/deliver/mail.h"
#include "attune/math/parallel.h"
#include "mail_config.h"

namespace attune::engine {
namespace {

constexpr std::string_view kEmailTrait = "email";
constexpr std::string_view kZoneTrait = "time_zone";
constexpr std::size_t kZonesMax = 1000;  // more are read as the shop's

// Ranges that cover 0 .. count - 1, on every thread.
void for_each_range(std::size_t count,
                    const std::function<void(std::size_t begin, std::size_t end)>& visit) {
  constexpr std::int64_t kGrain = 500;
  math::parallel_for(static_cast<std::int64_t>(count), kGrain, 0,
                     [&](std::int64_t begin, std::int64_t end, int) {
                       visit(static_cast<std::size_t>(begin), static_cast<std::size_t>(end));
                     });
}

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

Result<std::vector<Person>> everybody_of(Workspace& workspace, const events::SealedLabels& labels) {
  ATTUNE_ASSIGN_OR_RETURN(const events::MergeMap merges, workspace.identity().merges());
  std::vector<Person> people;
  for (const events::SealedLabels::One& one : labels.all()) {
    if (merges.root(one.customer) == one.customer) people.push_back({one.customer, one.kind});
  }
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
  asking.zone_list_.reserve(kZonesMax);
  asking.zone_list_.push_back(workspace.zone());
  ATTUNE_RETURN_IF_ERROR(asking.read_people());
  ATTUNE_RETURN_IF_ERROR(asking.read_consents());
  if (options.without) asking.take_out(*options.without);
  if (what.channel == decide::Channel::email) ATTUNE_RETURN_IF_ERROR(asking.read_templates());
  return asking;
}

Status CampaignAsking::read_people() {
  if (options_.only) {
    people_.push_back(*options_.only);
    return {};
  }
  if (options_.will_write && !options_.among) {
    ATTUNE_ASSIGN_OR_RETURN(labels_, workspace_->identity().sealed_labels());
    ATTUNE_ASSIGN_OR_RETURN(people_, everybody_of(*workspace_, *labels_));
    return {};
  }
  ATTUNE_ASSIGN_OR_RETURN(people_, everybody_of(*workspace_));
  if (!options_.among) return {};
  std::erase_if(people_, [&](const Person& person) {
    return !std::ranges::binary_search(*options_.among, person.number);
  });
  return {};
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

Result<bool> CampaignAsking::has_fields(const CampaignChunk& chunk, std::size_t i) {
  bool all = true;
  for (const auto& [key, needed] : needed_) {
    const auto found = chunk.cards[i].fields.texts.find(needed.use.name);
    if (found != chunk.cards[i].fields.texts.end() && !found->second.empty()) continue;
    all = false;
    LackingField& lacking = lacking_.emplace(key, needed).first->second;
    if (lacking.customers++ > 0) continue;
    ATTUNE_ASSIGN_OR_RETURN(lacking.example, workspace_->identity().label(chunk.numbers[i]));
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

void CampaignChunk::clear() {
  last = {};
  at_end = true;
  looked_at = 0;
  numbers.clear();
  consent.clear();
  modes.clear();
  suppressed.clear();
  eligibility.clear();
  zones.clear();
  scores.clear();
  called.clear();
  cards.clear();
}

void CampaignAsking::add(const Person& person, std::span<const double> scores,
                         CampaignChunk& into) const {
  const auto found = std::ranges::lower_bound(consents_, person.number, {},
                                              &decltype(consents_)::value_type::first);
  const bool said = found != consents_.end() && found->first == person.number;
  into.numbers.push_back(person.number);
  into.consent.push_back(said ? found->second : privacy::Consent::unknown);
  into.modes.push_back(mode_);
  into.called.push_back({person.kind, {}});
  into.scores.insert(into.scores.end(), scores.begin(), scores.end());
}

bool CampaignAsking::needs_card(const CampaignChunk& chunk, std::size_t i) const {
  const engage::Campaign& what = campaign_.campaign;
  if (by_region_ && chunk.consent[i] == privacy::Consent::unknown) return true;
  if (!allowed(chunk, i)) return false;
  const bool told =
      what.channel == decide::Channel::webhook || what.channel == decide::Channel::file;
  return what.channel == decide::Channel::email || what.quiet_hours ||
         !suppression_query_.nobody() || (options_.will_write && told);
}

Status CampaignAsking::read_cards(CampaignChunk& chunk) {
  chunk.cards.resize(chunk.size());
  std::vector<CustomerNumber> wanted;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    if (!needs_card(chunk, i)) continue;
    wanted.push_back(chunk.numbers[i]);
    places.push_back(i);
  }
  ATTUNE_ASSIGN_OR_RETURN(const auto traits, workspace_->identity().sealed_traits(wanted));
  for_each_range(places.size(), [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k)
      chunk.cards[places[k]] = card_of(traits.open(k), workspace_->shop_consent().region_trait);
  });
  return {};
}

Status CampaignAsking::read_labels(CampaignChunk& chunk) {
  std::vector<CustomerNumber> wanted;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    if (!options_.will_write && (suppression_query_.nobody() || !allowed(chunk, i))) continue;
    wanted.push_back(chunk.numbers[i]);
    places.push_back(i);
  }
  ATTUNE_ASSIGN_OR_RETURN(auto labels, labels_of(wanted));
  for (std::size_t k = 0; k < places.size(); ++k)
    chunk.called[places[k]].id = std::move(labels[k].id);
  return {};
}

Result<std::vector<events::Identity::Label>> CampaignAsking::labels_of(
    std::span<const CustomerNumber> customers) {
  events::Identity& identity = workspace_->identity();
  if (!labels_) return identity.labels(customers);
  std::vector<events::Identity::Label> all(customers.size());
  std::vector<Status> done(customers.size());
  for_each_range(customers.size(), [&](std::size_t begin, std::size_t end) {
    auto some = identity.labels(customers.subspan(begin, end - begin), *labels_);
    if (!some) {
      done[begin] = std::unexpected(std::move(some).error());
      return;
    }
    std::ranges::move(*some, all.begin() + static_cast<std::ptrdiff_t>(begin));
  });
  for (Status& one : done) ATTUNE_RETURN_IF_ERROR(std::move(one));
  return all;
}

Status CampaignAsking::fill_one(CampaignChunk& chunk, std::size_t i) {
  if (!allowed(chunk, i)) return {};
  const CustomerCard& card = chunk.cards[i];
  if (!suppression_query_.nobody()) {
    ATTUNE_ASSIGN_OR_RETURN(const bool held,
                            suppression_query_.holds(chunk.called[i].id, card.email));
    chunk.suppressed[i] = held ? 1 : 0;
  }
  if (campaign_.campaign.channel == decide::Channel::email && chunk.suppressed[i] == 0) {
    ATTUNE_ASSIGN_OR_RETURN(const bool whole, has_fields(chunk, i));
    if (card.email.empty() || !whole) chunk.eligibility[i] = decide::Eligibility::unreachable;
  }
  ATTUNE_ASSIGN_OR_RETURN(chunk.zones[i], zone_index(card.time_zone));
  return {};
}

// Nothing is unsealed of those who did not allow it: the first gate stops them. Of those who never
// said anything it may be the region that tells.
Status CampaignAsking::fill(CampaignChunk& chunk) {
  ATTUNE_RETURN_IF_ERROR(read_cards(chunk));
  for (std::size_t i = 0; by_region_ && i < chunk.size(); ++i) {
    if (chunk.consent[i] != privacy::Consent::unknown) continue;
    chunk.modes[i] =
        workspace_->shop_consent().mode(chunk.cards[i].region, campaign_.campaign.purpose);
  }
  ATTUNE_RETURN_IF_ERROR(read_labels(chunk));
  chunk.suppressed.assign(chunk.size(), 0);
  chunk.eligibility.assign(chunk.size(), decide::Eligibility::eligible);
  chunk.zones.assign(chunk.size(), 0);
  for (std::size_t i = 0; i < chunk.size(); ++i) ATTUNE_RETURN_IF_ERROR(fill_one(chunk, i));
  return {};
}

Status CampaignAsking::read(CustomerNumber after, std::int64_t limit, CampaignChunk& into) {
  into.clear();
  auto person = std::ranges::upper_bound(people_, after, {}, &Person::number);
  const auto rest = people_.end() - person;
  const auto end = person + std::min<std::ptrdiff_t>(rest, limit);
  if (person == end) return {};
  into.looked_at = end - person;
  into.last = std::prev(end)->number;
  into.at_end = end == people_.end();
  const bool segments = !rule_ || !rule_->segments_used().empty() || scorer_;
  const std::size_t treatments = scorer_ ? scorer_->size() : 0;
  std::vector<std::uint8_t> meant(Customers::kBlock);
  std::vector<double> scores(Customers::kBlock * treatments);
  const auto scores_of = [&](std::size_t place) {
    return std::span(scores).subspan(place * treatments, treatments);
  };
  const auto look = [&](const profiles::Profile& profile, std::size_t place) {
    meant[place] = in_audience(profile) ? 1 : 0;
    if (scorer_ && meant[place]) scorer_->score(profile, customers_->names(), scores_of(place));
  };
  const auto take = [&](std::span<const CustomerNumber> block) {
    for (std::size_t place = 0; place < block.size(); ++place) {
      while (person != end && person->number < block[place]) ++person;
      if (person != end && person->number == block[place] && meant[place])
        add(*person, scores_of(place), into);
    }
  };
  ATTUNE_RETURN_IF_ERROR(
      customers_->for_each_between(person->number, into.last, segments, look, take));
  return fill(into);
}

// What the gate would stop is made harmless, as if nobody asked.
void CampaignAsking::take_out(decide::Gate gate) {
  if (gate == decide::Gate::eligibility) {
    plan_->begin = {INT64_MIN};
    plan_->end = {INT64_MAX};
  } else if (gate == decide::Gate::assignment) {
    decide::AssignmentSpec spec = plan_->assignment.spec();
    spec.holdout = 0;
    if (auto nobody = decide::Assignment::create(std::move(spec)))
      plan_->assignment = std::move(*nobody);
  } else if (gate == decide::Gate::caps) {
    plan_->caps.clear();
  } else if (gate == decide::Gate::quiet_hours) {
    plan_->quiet_hours.reset();
  }
}

void CampaignAsking::take_out(decide::Gate gate, CampaignChunk& chunk) const {
  if (gate == decide::Gate::consent) {
    std::ranges::fill(chunk.consent, privacy::Consent::given);
    std::ranges::fill(chunk.suppressed, std::uint8_t{0});
  } else if (gate == decide::Gate::eligibility) {
    std::ranges::fill(chunk.eligibility, decide::Eligibility::eligible);
  } else if (gate == decide::Gate::budget) {
    chunk.inputs.budget = {};
  }
}

Status CampaignAsking::decide(const decide::BudgetLeft& left, std::uint64_t seed,
                              CampaignChunk& chunk) {
  const decide::CapWindows windows = decide::CapWindows::make(now_, workspace_->zone());
  ATTUNE_RETURN_IF_ERROR(contacts_store_->load(
      chunk.numbers, decide::earliest_needed(plan_->caps, windows), chunk.contacts));
  chunk.inputs = {.customers = chunk.numbers,
                  .consent = chunk.consent,
                  .modes = chunk.modes,
                  .suppressed = chunk.suppressed,
                  .eligibility = chunk.eligibility,
                  .contact_offsets = chunk.contacts.offsets,
                  .contacts = chunk.contacts.contacts,
                  .zones = chunk.zones,
                  .zone_list = zone_list_,
                  .scores = chunk.scores,
                  .budget = left,
                  .run_seed = seed,
                  .now = now_};
  if (options_.without) take_out(*options_.without, chunk);
  return decide::decide_campaign(*plan_, chunk.inputs, chunk.outcomes);
}

}  // namespace attune::engine

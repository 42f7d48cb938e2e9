#include "permissions.h"

#include <algorithm>
#include <utility>

namespace attune::engine {
namespace {

using events::kNoCode;
using events::StagedFacts;
using privacy::ConsentChange;
using privacy::Purpose;
using privacy::SuppressionReason;

std::string_view text_of(const StagedFacts& facts, std::uint32_t code) {
  return code == kNoCode ? std::string_view() : facts.values.text(code);
}

template <class Fact>
CustomerNumber who(const Fact& fact, const events::Identity::Numbers& people) {
  return fact.customer != kNoCode ? people.customers[fact.customer]
                                  : people.anonymous[fact.anonymous];
}

// The purposes that a consent event speaks of; empty: none that can be told.
std::vector<Purpose> purposes_told(bool given, std::string_view properties) {
  if (!given) return privacy::withdrawn_purposes(properties);
  return privacy::purposes_of(properties).value_or(std::vector<Purpose>());
}

void add_changes(const ConsentChange& one, std::span<const Purpose> purposes,
                 std::vector<ConsentChange>& changes) {
  for (const Purpose purpose : purposes) {
    changes.push_back(one);
    changes.back().purpose = purpose;
  }
}

privacy::ConsentEvidence evidence_told(std::string_view properties) {
  return privacy::evidence_of(properties).value_or(privacy::ConsentEvidence());
}

}  // namespace

Result<Permissions> Permissions::open(store::State& state, store::Vault& vault,
                                      events::Identity& identity, privacy::ConsentLedger& consent) {
  ATTUNE_ASSIGN_OR_RETURN(auto list, privacy::SuppressionList::open(state));
  ATTUNE_ASSIGN_OR_RETURN(auto contacts, engage::ContactStore::open(state));
  return Permissions(vault, identity, consent, list, std::move(contacts));
}

bool Permissions::ends_group(const StagedFacts& gathered, const StagedFacts& more) {
  return !gathered.objections.empty() && !(more.traits.empty() && more.anonymous_traits.empty() &&
                                           more.links.empty() && more.aliases.empty());
}

Status Permissions::apply(const StagedFacts& facts, const events::Identity::Numbers& people,
                          Sequence first, Timestamp now) {
  std::vector<ConsentChange> changes;
  std::vector<Objected> objected;
  for (const StagedFacts::Consent& c : facts.consents) {
    ConsentChange change;
    change.customer = who(c, people);
    if (!change.customer) continue;  // forgotten
    const std::string_view properties = text_of(facts, c.value);
    change.given = c.given != 0;
    change.time = std::min(Timestamp{c.time}, now);
    change.sequence = Sequence{first.value + c.row};
    change.evidence = evidence_told(properties);
    add_changes(change, purposes_told(change.given, properties), changes);
  }
  for (const StagedFacts::Objection& o : facts.objections) {
    ConsentChange change;
    change.customer = who(o, people);
    if (!change.customer) continue;
    const auto type = static_cast<events::EventType>(o.type);
    const std::string_view properties = text_of(facts, o.value);
    change.time = std::min(Timestamp{o.time}, now);
    objected.push_back({change.customer, change.time,
                        privacy::objection_of(type, text_of(facts, o.channel), properties)});
    change.sequence = Sequence{first.value + o.row};
    change.evidence = evidence_told(properties);
    if (change.evidence.source.empty()) change.evidence.source = events::name(type);
    add_changes(change, objected.back().objection.withdrawn, changes);
  }
  if (!changes.empty()) ATTUNE_RETURN_IF_ERROR(consent_->apply(changes));
  ATTUNE_RETURN_IF_ERROR(apply_merges(people, changes));
  ATTUNE_RETURN_IF_ERROR(suppress(objected));
  return take_off(changes);
}

Status Permissions::apply_merges(const events::Identity::Numbers& people,
                                 std::span<const ConsentChange> changes) {
  for (const auto& [from, into] : people.merges) {
    ATTUNE_RETURN_IF_ERROR(consent_->merge(from, into));
    ATTUNE_RETURN_IF_ERROR(contacts_.merge(from, into));
    ATTUNE_RETURN_IF_ERROR(carry_suppression(from, into));
  }
  // What is said under a number that was merged before belongs to its root at once.
  for (const ConsentChange& change : changes) {
    ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber root, identity_->root(change.customer));
    if (root != change.customer) ATTUNE_RETURN_IF_ERROR(consent_->merge(change.customer, root));
  }
  return {};
}

// Whoever asks by the id of the number that stayed has to find what was said of the one that went.
Status Permissions::carry_suppression(CustomerNumber from, CustomerNumber into) {
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t entries, list_.count());
  if (entries == 0) return {};
  ATTUNE_ASSIGN_OR_RETURN(const std::string gone, identity_->label(from));
  ATTUNE_ASSIGN_OR_RETURN(auto entry,
                          list_.find(privacy::suppression_key(*vault_, "customer", gone)));
  if (!entry) return {};
  ATTUNE_ASSIGN_OR_RETURN(const std::string stayed, identity_->label(into));
  entry->key = privacy::suppression_key(*vault_, "customer", stayed);
  return list_.add(std::span(&*entry, 1));
}

Result<std::string> Permissions::address_of(CustomerNumber customer) {
  ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber root, identity_->root(customer));
  ATTUNE_ASSIGN_OR_RETURN(const auto traits, identity_->traits(root));
  const auto found = std::ranges::find(traits, "email", &events::Trait::name);
  return found == traits.end() ? std::string() : found->value;
}

Status Permissions::suppress(std::span<const Objected> objected) {
  for (const auto& [customer, time, objection] : objected) {
    if (!objection.address) continue;
    if (*objection.address == SuppressionReason::unsubscribed) {
      ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber root, identity_->root(customer));
      ATTUNE_ASSIGN_OR_RETURN(const auto now, consent_->find(root, Purpose::email));
      if (now == privacy::Consent::given) continue;  // said later
    }
    std::string address = objection.stated;
    if (address.empty()) {
      ATTUNE_ASSIGN_OR_RETURN(address, address_of(customer));
    }
    if (address.empty()) continue;
    const privacy::Suppression entry{privacy::suppression_key(*vault_, "email", address),
                                     *objection.address, time};
    ATTUNE_RETURN_IF_ERROR(list_.add(std::span(&entry, 1)));
  }
  return {};
}

Status Permissions::take_off(std::span<const ConsentChange> changes) {
  for (const ConsentChange& change : changes) {
    if (!change.given || change.purpose != Purpose::email) continue;
    ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber root, identity_->root(change.customer));
    ATTUNE_ASSIGN_OR_RETURN(const auto now, consent_->find(root, Purpose::email));
    if (now != privacy::Consent::given) continue;
    ATTUNE_ASSIGN_OR_RETURN(const std::string address, address_of(root));
    if (address.empty()) continue;
    const Hash128 key = privacy::suppression_key(*vault_, "email", address);
    ATTUNE_ASSIGN_OR_RETURN(const auto entry, list_.find(key));
    if (entry && entry->reason == SuppressionReason::unsubscribed && entry->time <= change.time)
      ATTUNE_RETURN_IF_ERROR(list_.remove(key));
  }
  return {};
}

Status Permissions::separate(CustomerNumber customer) {
  ATTUNE_RETURN_IF_ERROR(consent_->separate(customer));
  return contacts_.separate(customer);
}

}  // namespace attune::engine

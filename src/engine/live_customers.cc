#include "live_customers.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <shared_mutex>

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include "attune/base/hash.h"
#include "attune/privacy/consent.h"

namespace attune::engine {
namespace {

using events::EventType;
using events::IdKind;
using events::kNoCode;

// Keyed hashes are as good as random.
struct FirstHalf {
  std::size_t operator()(const Hash128& hash) const { return hash.low; }
};
struct NumberHash {
  std::size_t operator()(CustomerNumber number) const {
    return combine(static_cast<std::uint64_t>(number.value), 0);
  }
};
template <class Value>
using ByNumber = boost::unordered_flat_map<CustomerNumber, Value, NumberHash>;

// Those who ask wait for so many events at most.
constexpr std::size_t kAddedTogether = 256;

bool holds_refunds(const events::EventColumns& columns) {
  return std::ranges::find(columns.type, static_cast<std::uint8_t>(EventType::refund)) !=
         columns.type.end();
}

// What refunds take back may be of any time: they are looked up.
Result<std::vector<TasteEvent>> taste_of(Workspace& workspace, const AppliedEvents& applied,
                                         const InteractionWeights& weights,
                                         const events::MergeMap& merges) {
  std::vector<TasteEvent> all;
  const events::EventColumns& c = applied.bundle.columns;
  events::RefundedItems taken_back;
  if (holds_refunds(c)) {
    ATTUNE_ASSIGN_OR_RETURN(taken_back, workspace.event_history().taken_back(
                                            Sequence{applied.first.value - 1}, merges));
  }
  for (std::size_t i = 0; i < c.rows(); ++i) {
    if (applied.repeated.contains(static_cast<std::int64_t>(i))) continue;
    TasteEvent event;
    event.sequence = Sequence{applied.first.value + static_cast<std::int64_t>(i)};
    event.time = Timestamp{c.time[i]};
    if (c.customer[i] != kNoCode) {
      event.customer = applied.numbers.customers[c.customer[i]];
    } else if (c.anonymous[i] != kNoCode) {
      event.customer = applied.numbers.anonymous[c.anonymous[i]];
    }
    if (event.customer.value == 0) continue;
    const auto type = static_cast<EventType>(c.type[i]);
    if (type == EventType::refund) {
      add_refund(weights, taken_back, event, all);
      continue;
    }
    if (c.item[i] == kNoCode) continue;
    event.item = applied.numbers.items[c.item[i]];
    event.weight = static_cast<float>(event_weight(
        weights, type, std::isnan(c.rating[i]) ? std::nullopt : std::optional(c.rating[i])));
    if (event.weight != 0) all.push_back(event);
  }
  return all;
}

}  // namespace

struct LiveCustomers::Impl {
  mutable std::shared_mutex mutex;
  const events::Identity* identity = nullptr;
  InteractionWeights weights;
  Sequence since;
  boost::unordered_flat_map<Hash128, CustomerNumber, FirstHalf> ids[2];  // by IdKind
  events::MergeMap merges;
  ByNumber<std::vector<CustomerNumber>> merged;  // into this root
  ByNumber<std::vector<TasteEvent>> recent;      // by the number that it came under
  privacy::ConsentMode mode = privacy::ConsentMode::opt_in;
  // Roots whose word is not what the mode says of everybody.
  boost::unordered_flat_set<CustomerNumber, NumberHash> otherwise;
  std::size_t recent_events = 0;

  void add(const TasteEvent& event) {
    recent[event.customer].push_back(event);
    ++recent_events;
  }

  Status read_merges(Workspace& workspace) {
    ATTUNE_ASSIGN_OR_RETURN(merges, workspace.identity().merges());
    for (const auto& [source, root] : merges.targets()) merged[root].push_back(source);
    for (auto& [root, sources] : merged) std::ranges::sort(sources);
    return {};
  }

  bool by_default() const { return privacy::allows(privacy::Consent::unknown, mode); }

  Status read_consent(Workspace& workspace) {
    mode = workspace.shop_consent().strictest(privacy::Purpose::personalisation);
    return workspace.consent().for_each(
        privacy::Purpose::personalisation,
        [&](CustomerNumber customer, privacy::Consent consent) -> Status {
          if (privacy::allows(consent, mode) != by_default())
            otherwise.insert(merges.root(customer));
          return {};
        });
  }
};

LiveCustomers::LiveCustomers() : impl_(std::make_unique<Impl>()) {}
LiveCustomers::~LiveCustomers() = default;

Status LiveCustomers::load(Workspace& workspace, const InteractionWeights& weights,
                           Sequence since) {
  Impl fresh;
  fresh.weights = weights;
  fresh.since = since;
  ATTUNE_RETURN_IF_ERROR(workspace.identity().for_each_fingerprint(
      [&](IdKind kind, const Hash128& hash, CustomerNumber number) {
        fresh.ids[static_cast<std::size_t>(kind)].emplace(hash, number);
      }));
  ATTUNE_RETURN_IF_ERROR(fresh.read_merges(workspace));
  ATTUNE_RETURN_IF_ERROR(fresh.read_consent(workspace));
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<TasteEvent> events,
                          read_taste_since(workspace, weights, since));
  for (const TasteEvent& event : events) fresh.add(event);
  const std::unique_lock lock(impl_->mutex);
  Impl& self = *impl_;
  // Set once, before anybody asks: find reads it without the lock.
  if (self.identity == nullptr) self.identity = &workspace.identity();
  self.weights = weights;
  self.since = since;
  for (std::size_t kind = 0; kind < 2; ++kind) self.ids[kind].swap(fresh.ids[kind]);
  self.merges = std::move(fresh.merges);
  self.merged.swap(fresh.merged);
  self.recent.swap(fresh.recent);
  self.mode = fresh.mode;
  self.otherwise.swap(fresh.otherwise);
  self.recent_events = fresh.recent_events;
  return {};
}

Status LiveCustomers::take_in(Workspace& workspace, const AppliedEvents& applied) {
  Impl& self = *impl_;
  const events::EventBundle& bundle = applied.bundle;
  // Hashes are worked out before anybody has to wait.
  std::vector<std::pair<Hash128, CustomerNumber>> named[2];
  for (std::uint32_t i = 0; i < bundle.names.customers.size(); ++i) {
    named[0].emplace_back(
        self.identity->fingerprint(IdKind::customer, bundle.names.customers.text(i)),
        applied.numbers.customers[i]);
  }
  for (std::uint32_t i = 0; i < bundle.names.anonymous.size(); ++i) {
    named[1].emplace_back(
        self.identity->fingerprint(IdKind::anonymous, bundle.names.anonymous.text(i)),
        applied.numbers.anonymous[i]);
  }
  const bool consents =
      applied.people_changed || !bundle.facts.consents.empty() || !bundle.facts.objections.empty();
  Impl fresh;
  if (applied.people_changed) {
    ATTUNE_RETURN_IF_ERROR(fresh.read_merges(workspace));
  } else if (consents) {
    fresh.merges = self.merges;
  }
  if (consents) ATTUNE_RETURN_IF_ERROR(fresh.read_consent(workspace));
  {
    const std::unique_lock lock(self.mutex);
    for (std::size_t kind = 0; kind < 2; ++kind) {
      for (const auto& [hash, number] : named[kind]) {
        if (number) self.ids[kind].insert_or_assign(hash, number);  // else forgotten
      }
    }
    if (applied.people_changed) {
      self.merges = std::move(fresh.merges);
      self.merged.swap(fresh.merged);
    }
    if (consents) self.otherwise.swap(fresh.otherwise);
  }
  // Only this thread writes merges: it may read them without the lock.
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<TasteEvent> events,
                          taste_of(workspace, applied, self.weights, self.merges));
  for (std::size_t begin = 0; begin < events.size(); begin += kAddedTogether) {
    const std::unique_lock lock(self.mutex);
    for (std::size_t i = begin; i < std::min(events.size(), begin + kAddedTogether); ++i)
      self.add(events[i]);
  }
  return {};
}

void LiveCustomers::drop_through(Sequence since) {
  Impl& self = *impl_;
  const std::unique_lock lock(self.mutex);
  self.since = since;
  self.recent_events = 0;
  for (auto at = self.recent.begin(); at != self.recent.end();) {
    std::erase_if(at->second, [&](const TasteEvent& e) { return e.sequence <= since; });
    self.recent_events += at->second.size();
    if (at->second.empty()) {
      self.recent.erase(at++);
    } else {
      ++at;
    }
  }
}

std::optional<LiveCustomer> LiveCustomers::find(std::string_view customer,
                                                std::string_view anonymous) const {
  const Impl& self = *impl_;
  if (self.identity == nullptr) return std::nullopt;
  // A customer id may be given where an anonymous one is meant: both kinds are tried.
  struct Key {
    IdKind kind;
    std::string_view id;
    Hash128 hash;
  };
  std::vector<Key> keys;
  const auto add = [&](IdKind kind, std::string_view id) {
    if (!id.empty()) keys.push_back({kind, id, self.identity->fingerprint(kind, id)});
  };
  add(IdKind::customer, customer);
  add(IdKind::anonymous, customer);
  add(IdKind::anonymous, anonymous);
  const std::shared_lock lock(self.mutex);
  for (const Key& key : keys) {
    const auto& ids = self.ids[static_cast<std::size_t>(key.kind)];
    const auto found = ids.find(key.hash);
    if (found == ids.end()) continue;
    LiveCustomer known;
    known.id = key.id;
    known.found_by = key.kind;
    known.number = self.merges.root(found->second);
    known.family.push_back(known.number);
    if (const auto sources = self.merged.find(known.number); sources != self.merged.end())
      known.family.insert(known.family.end(), sources->second.begin(), sources->second.end());
    for (const CustomerNumber number : known.family) {
      const auto done = self.recent.find(number);
      if (done == self.recent.end()) continue;
      known.recent.insert(known.recent.end(), done->second.begin(), done->second.end());
    }
    std::ranges::sort(known.recent, {}, &TasteEvent::sequence);
    known.personal = self.by_default() != self.otherwise.contains(known.number);
    return known;
  }
  return std::nullopt;
}

bool LiveCustomers::personal_unless_told() const {
  const std::shared_lock lock(impl_->mutex);
  return impl_->by_default();
}

std::size_t LiveCustomers::ids() const {
  const std::shared_lock lock(impl_->mutex);
  return impl_->ids[0].size() + impl_->ids[1].size();
}

std::size_t LiveCustomers::recent_events() const {
  const std::shared_lock lock(impl_->mutex);
  return impl_->recent_events;
}

}  // namespace attune::engine

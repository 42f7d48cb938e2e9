// Addresses and people that are never written to, whatever anybody consented to before. Answers: is
// this one on the list, and why?
//
// The list holds keyed hashes and nothing else: it tells whether an address is on it to whoever has
// the address and the keys, and gives no address away. So it outlives the customer whom it
// protects: forgetting a customer leaves the entry, on purpose.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/hash.h"
#include "attune/base/time.h"
#include "attune/store/state.h"
#include "attune/store/vault.h"

namespace attune::privacy {

// Stored as its number: append only, never renumber.
enum class SuppressionReason : std::uint8_t {
  unsubscribed,  // by one click, by link or by event; until its customer consents again
  complained,    // called it spam
  bounced,       // the address does not exist
  forgotten,     // asked to be erased
  manual,        // put there by a person of the shop
};
inline constexpr int kSuppressionReasonCount = 5;
std::string_view name(SuppressionReason reason);
// Errors: invalid_argument that lists the reasons and names the nearest.
Result<SuppressionReason> parse_suppression_reason(std::string_view text);

// The key of an address or id. `kind`: "email", "phone", "customer". White space around it is
// dropped, and "email" is read in lower case (ASCII), as mailboxes are the same in any.
Hash128 suppression_key(const store::Vault& vault, std::string_view kind,
                        std::string_view identifier);

struct Suppression {
  Hash128 key;
  SuppressionReason reason = SuppressionReason::unsubscribed;
  Timestamp time;
  friend bool operator==(const Suppression&, const Suppression&) = default;
};

// The list as of a moment, in memory: for asking about a million. Immutable; threads: share freely.
// Cost: 16 bytes an entry.
class SuppressionSet {
 public:
  explicit SuppressionSet(std::vector<Hash128> keys);
  std::size_t size() const { return keys_.size(); }
  bool contains(const Hash128& key) const;
  // Shapes: keys (n), found (n): set to 1 for those on the list, others stay as they are, so that
  // several keys of a customer can be asked about one after the other.
  void mark(std::span<const Hash128> keys, std::span<std::uint8_t> found) const;

 private:
  std::vector<Hash128> keys_;  // ascending
};

// Table suppressions of state, with migrations of its own.
// Invariants: (1) a key is there once, with its first reason and time; `unsubscribed`, which can be
// taken back, gives way to every other and to a later one of its own; (2) adding what is there and
// removing what is not changes nothing; (3) a call is one transaction, or joins the caller's.
// Errors of every member: those of State. Threads: as State, which outlives the list.
class SuppressionList {
 public:
  static Result<SuppressionList> open(store::State& state);

  Status add(std::span<const Suppression> entries);
  // Errors: not_found.
  Status remove(const Hash128& key);
  Result<std::optional<Suppression>> find(const Hash128& key);
  Result<std::int64_t> count();
  Result<SuppressionSet> load();
  // By key; for exports. An error of `visit` stops and is given back.
  Status for_each(const std::function<Status(const Suppression&)>& visit);

 private:
  explicit SuppressionList(store::State& state) : state_(&state) {}
  store::State* state_;
};

}  // namespace attune::privacy

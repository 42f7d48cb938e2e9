// Who is who. Answers: which customer does this id name, are these two the same person, and what
// did we call them?
//
// A customer's number is the sequence number of the first event that named them, so that it is a
// pure function of the journal. History keeps the number under which an event arrived; that two
// numbers are one person is a mapping beside it, which can be taken back.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "attune/base/erasable.h"
#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/time.h"
#include "attune/events/event_columns.h"
#include "attune/events/staged_facts.h"
#include "attune/store/state.h"
#include "attune/store/vault.h"

namespace attune::events {

enum class IdKind : std::uint8_t { customer = 0, anonymous = 1 };

inline constexpr Sequence kNeverForgotten{INT64_MAX};

// What an id is found by in state: which of the two kinds, and its keyed hash.
struct IdKey {
  IdKind kind = IdKind::customer;
  Hash128 fingerprint;
  friend auto operator<=>(const IdKey&, const IdKey&) = default;
};

// Ids that the shop has forgotten: they name nobody any more. Threads: any.
class ForgottenIds {
 public:
  virtual ~ForgottenIds() = default;
  virtual bool empty() const = 0;
  // The number in the journal under which the id was forgotten; absent: it was not.
  virtual std::optional<Sequence> forgotten_at(const IdKey& id) const = 0;
};

// Which numbers are merged into which.
class MergeMap {
 public:
  // The number that stands for `number`: itself unless merged.
  CustomerNumber root(CustomerNumber number) const;
  bool empty() const { return targets_.empty(); }
  // Every number that is merged into another.
  const std::unordered_map<CustomerNumber, CustomerNumber>& targets() const { return targets_; }

 private:
  friend class Identity;
  std::unordered_map<CustomerNumber, CustomerNumber> targets_;  // flattened: values are roots
};

// What everybody is called by, sealed, as state has it: for passes over everybody, which would look
// each up at a random place. Memory: some 80 bytes a customer.
class SealedLabels {
 public:
  struct One {
    CustomerNumber customer;
    std::uint64_t begin = 0;  // in bytes_
    std::uint32_t size = 0;
    IdKind kind = IdKind::customer;
  };
  std::span<const One> all() const { return all_; }  // ascending, each customer once
  std::string_view sealed(const One& one) const {
    return std::string_view(bytes_).substr(one.begin, one.size);
  }

 private:
  friend class Identity;
  std::vector<One> all_;
  std::string bytes_;
};

struct Trait {
  std::string name;
  std::string value;
  Timestamp time;
};

// Traits of many as they lie in state: read at once by one thread, opened by any number.
class SealedTraits {
 public:
  // Of the customer with this place in those asked for, by name. Threads: any.
  std::vector<Trait> open(std::size_t place) const;

 private:
  friend class Identity;
  struct One {
    std::uint32_t name = 0;  // in names_
    std::size_t begin = 0;   // in bytes_
    std::size_t size = 0;
    Timestamp time;
  };
  void add(std::size_t place, std::string_view name, std::string_view sealed, Timestamp time);

  store::Vault* vault_ = nullptr;
  std::vector<CustomerNumber> customers_;
  std::vector<std::size_t> ends_;  // customer i has traits ends_[i - 1] .. ends_[i]
  std::vector<One> traits_;
  Dictionary names_;
  std::string bytes_;
  std::map<std::size_t, std::vector<Trait>> opened_;  // of whom others were merged into, instead
};

// Rules: an anonymous id seen together with a customer id becomes that customer, with everything it
// did before. An anonymous id that belongs to one known customer and is then seen with another (a
// shared device) stays with the first; the event itself belongs to the customer it names. Two known
// customers become one only by an alias event. A forgotten id has number 0, whatever rows come or
// are applied again: a number's key, once destroyed, is asked for no more. Personal data: ids and
// traits are sealed under the customer's key and found by a keyed hash. Threads: one thread at a
// time (that of its State).
class Identity final : public Erasable {
 public:
  // Everything given outlives the object; null: nobody is forgotten. Errors: those of
  // State::migrate.
  static Result<Identity> open(store::State& state, store::Vault& vault,
                               const ForgottenIds* forgotten = nullptr);

  // The numbers of everybody an import names, by code; new ones are admitted. Row r stands for
  // sequence number first + r. To be called inside a transaction of `state`. Cost: two look-ups
  // and, for a new id, two inserts.
  struct Numbers {
    std::vector<CustomerNumber> customers;
    std::vector<CustomerNumber> anonymous;
    // By code, of ids that were forgotten: rows above this number that belong to one are left out.
    // Empty where the import names no forgotten id; kNeverForgotten for the others.
    std::vector<Sequence> customers_until, anonymous_until;
    std::int64_t admitted = 0;  // new customers
    // Roots that became another's: from, into; in the order in which it happened.
    std::vector<std::pair<CustomerNumber, CustomerNumber>> merges;
    std::int64_t shared = 0;  // links refused because the anonymous id belongs to somebody else
  };
  Result<Numbers> admit(const EventNames& names, const StagedFacts& facts, Sequence first);

  // The numbers of everybody an import names that was admitted before; 0 for who was forgotten
  // since.
  Result<Numbers> look_up(const EventNames& names);

  // Takes the merges of one id back: its own events are its own again. Inside a transaction.
  // Result: the number that stands alone again. Errors: not_found (unknown id); failed_precondition
  // (it is merged with nobody).
  Result<CustomerNumber> separate(std::string_view id);

  // The root number of a customer id, else of an anonymous id. Absent when nobody is called so.
  Result<std::optional<CustomerNumber>> find(std::string_view id);
  // The id by which the shop knows the customer; an anonymous id when there is no other; "#N" where
  // it cannot be opened.
  Result<std::string> label(CustomerNumber customer);
  // The same of many at once: the label of customers[i], with the kind of id that it is (customer
  // where it is "#N"). Shapes: customers (n), ascending, each once. Cost: one pass over the ids
  // between the first and the last.
  struct Label {
    IdKind kind = IdKind::customer;
    std::string id;
  };
  Result<std::vector<Label>> labels(std::span<const CustomerNumber> customers);
  // Of everybody who has an id, by the number it was admitted under.
  Result<SealedLabels> sealed_labels();
  // labels of those in `all`, which was read since anybody was admitted or forgotten. Threads: any;
  // State is not asked.
  Result<std::vector<Label>> labels(std::span<const CustomerNumber> customers,
                                    const SealedLabels& all);

  // Whom the number belongs to by now; itself where it was merged into nobody.
  Result<CustomerNumber> root(CustomerNumber number);
  // `customer` and every number that was merged into it. Cost: a look-up for each.
  Result<std::vector<CustomerNumber>> numbers_of(CustomerNumber customer);
  Result<MergeMap> merges();
  // The numbers that became another's, by the event that said so.
  Result<std::unordered_map<Sequence, CustomerNumber>> merge_events();
  // Latest value of each trait over all numbers merged into `customer`, by name.
  Result<std::vector<Trait>> traits(CustomerNumber customer);
  // The same of many at once: traits[i] is of customers[i], a root. Shapes: customers (n),
  // ascending, each once. Cost: one pass that jumps over those between them.
  Result<std::vector<std::vector<Trait>>> traits(std::span<const CustomerNumber> customers);
  Result<SealedTraits> sealed_traits(std::span<const CustomerNumber> customers);
  // Every customer id with its number as admitted (not its root) and kind, in order of number.
  using IdVisitor = std::function<Status(CustomerNumber number, IdKind kind, std::string_view id)>;
  Status for_each_id(const IdVisitor& visit);
  // What an id is found by in state: a keyed hash of 128 bits. Threads: any.
  Hash128 fingerprint(IdKind kind, std::string_view id) const;
  // Everybody that an id stands for: the numbers merged into one customer, and all their ids.
  // Nobody is called so: empty.
  struct Named {
    IdKey key;
    std::string id;  // empty where its customer's key is gone
  };
  struct Family {
    std::vector<CustomerNumber> numbers;  // ascending
    std::vector<Named> ids;
  };
  Result<Family> family(const IdKey& id);
  // The kind under which `id` is known, customer ids before anonymous ones; absent: unknown.
  Result<std::optional<IdKey>> find_key(std::string_view id);
  // The same of everybody, without opening a sealed id.
  using FingerprintVisitor = std::function<void(IdKind, const Hash128&, CustomerNumber)>;
  Status for_each_fingerprint(const FingerprintVisitor& visit);
  Result<std::int64_t> customers();  // known ones
  Result<std::int64_t> anonymous();  // anonymous ids that belong to no known customer

  std::string holder_name() const override { return "identities"; }
  // Destroys the key at once, whatever becomes of a transaction of the caller's.
  Result<std::int64_t> forget(CustomerNumber customer) override;

 private:
  Identity(store::State& state, store::Vault& vault, const ForgottenIds* forgotten)
      : state_(&state), vault_(&vault), forgotten_(forgotten) {}

  struct Mention {
    IdKind kind;
    std::uint32_t code;
    std::int64_t row;
  };
  Result<std::optional<CustomerNumber>> find_exact(IdKind kind, std::string_view id);
  Result<std::optional<CustomerNumber>> find_key_exact(const IdKey& key);
  void note_forgotten(const EventNames& names, Numbers& numbers) const;
  Result<std::optional<CustomerNumber>> find_either(std::string_view id);
  Result<bool> is_known(CustomerNumber number);
  // Before the at-th of these seals: keys are read some thousand at a time, not each from the
  // table.
  Status warm(std::span<const CustomerNumber> numbers, std::size_t at);
  Status insert_id(IdKind kind, std::string_view id, CustomerNumber number);
  Status link(CustomerNumber anonymous, CustomerNumber customer, Sequence sequence,
              Numbers& numbers);
  Status alias(const StagedFacts::Alias& alias, const EventNames& names, Sequence first,
               Numbers& numbers);
  Status merge(CustomerNumber source, CustomerNumber target, Sequence sequence,
               std::string_view cause);
  Status write_traits(const StagedFacts& facts, Sequence first, const Numbers& numbers);
  Status write_traits(const StagedFacts& facts, std::span<const StagedFacts::Stated> traits,
                      Sequence first, std::span<const CustomerNumber> numbers);

  store::State* state_;
  store::Vault* vault_;
  const ForgottenIds* forgotten_;
};

}  // namespace attune::events

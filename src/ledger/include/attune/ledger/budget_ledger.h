// What may still be given. Answers: is there money and a message left for this, and where did the
// rest go?
//
// Double entry: every budget has four accounts for money and four for messages. `funds` is where a
// budget comes from (never above 0), `available`, `reserved` and `spent` are where it is. Each
// change is a transfer from one account to another, so the four add up to zero whatever happens.
//
//   open, add       funds     -> available
//   reserve         available -> reserved
//   settle          reserved  -> spent, and what was not needed: reserved -> available
//   release, expire reserved  -> available
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/money.h"
#include "attune/base/time.h"
#include "attune/store/state.h"

namespace attune::ledger {

// Money in minor units of the budget's currency, and a number of messages. Neither below 0, at most
// kAmountMax.
struct Amount {
  std::int64_t money_minor = 0;
  std::int64_t messages = 0;
  friend bool operator==(const Amount&, const Amount&) = default;
};
inline constexpr std::int64_t kAmountMax = std::int64_t{1} << 60;
inline constexpr std::size_t kLedgerIdBytes = 128;

// What a budget holds; absent: no limit of that kind, which is counted all the same.
struct Limits {
  std::optional<std::int64_t> money_minor;
  std::optional<std::int64_t> messages;
  friend bool operator==(const Limits&, const Limits&) = default;
};

struct BudgetBalances {
  std::string name;
  Currency currency;
  Limits limits;  // all that was ever put in
  Amount reserved;
  Amount spent;
  Limits available;  // absent: no limit
  friend bool operator==(const BudgetBalances&, const BudgetBalances&) = default;
};

enum class ReservationState : std::uint8_t { open, settled, released, expired };
std::string_view name(ReservationState state);

// Something that is put aside until it is spent or given back.
struct Reservation {
  std::string id;
  std::string budget;
  Amount amount;  // put aside
  std::optional<Timestamp> expires;
  ReservationState state = ReservationState::open;
  Amount spent;  // of settled
  friend bool operator==(const Reservation&, const Reservation&) = default;
};

// One customer's part of a batch.
struct Claim {
  std::string_view id;  // of the reservation: a decision's id, say
  Amount amount;
};
struct Settlement {
  std::string_view id;  // of the reservation
  Amount spent;         // at most what was put aside
};

struct LedgerCheck {
  std::int64_t budgets = 0;
  std::int64_t reservations = 0;
  std::int64_t transfers = 0;
};

// Budgets in state.
//
// Invariants: (1) the accounts of a budget add up to zero, for money and for messages; (2)
// available is never below 0 where there is a limit, so reserved and spent together never pass it;
// (3) an id that took effect changes nothing the next time and gives the same answer; with another
// content it is refused (already_exists). A refusal leaves nothing behind: its id is free. (4)
// Every call is one transaction, or joins the caller's, which after an error can only be rolled
// back. Errors of every member: those of State; not_found that names the budget or reservation;
// invalid_argument for an amount or id out of range; out_of_range for a sum past 64 bits.
// Personal data: ids as the caller gives them; give numbers of decisions, not of people.
// Threads: as State. Lifetime: the State outlives the ledger.
class BudgetLedger {
 public:
  static Result<BudgetLedger> open(store::State& state);

  // Makes a budget. `id`: of the operation. Errors: already_exists where the name is taken by
  // another operation.
  Status open_budget(std::string_view id, std::string_view name, Currency currency,
                     const Limits& limits, Timestamp now);
  // Puts more in, of those kinds that have a limit. Errors: failed_precondition for a kind without.
  Status add(std::string_view id, std::string_view name, const Amount& amount, Timestamp now);

  // Puts `amount` aside under `id`. Errors: resource_exhausted, naming what is left, when it would
  // overspend.
  Result<Reservation> reserve(std::string_view id, std::string_view budget, const Amount& amount,
                              std::optional<Timestamp> expires, Timestamp now);
  // The same for many, in their order; one that does not fit is left out, and the ones behind it
  // are still asked. Shapes: claims (n), ids each once; result (n), 1 where it is put aside (or was
  // before, under the same id). Cost: 2 µs a claim.
  Result<std::vector<std::uint8_t>> reserve_many(std::string_view budget,
                                                 std::span<const Claim> claims,
                                                 std::optional<Timestamp> expires, Timestamp now);

  // Puts aside and spends all of it at once; else as reserve_many. One that was put aside before is
  // spent, one that was spent before stays so. Cost: 1 µs a claim.
  Result<std::vector<std::uint8_t>> spend_many(std::string_view budget,
                                               std::span<const Claim> claims, Timestamp now);

  // Spends `spent` of what is put aside, and gives the rest back. A reservation that expired is put
  // aside anew if it still fits, else resource_exhausted: what was spent late is counted too.
  // Errors: failed_precondition for one that was released; invalid_argument where `spent` is more
  // than was put aside.
  Result<Reservation> settle(std::string_view id, const Amount& spent, Timestamp now);
  // All or none. Cost: 3 µs each.
  Status settle_many(std::span<const Settlement> settlements, Timestamp now);

  // Gives all back. Of one that expired: nothing left to do. Errors: failed_precondition for one
  // that was settled.
  Result<Reservation> release(std::string_view id, Timestamp now);
  Status release_many(std::span<const std::string_view> ids, Timestamp now);

  // Gives back what is past its time, at most `limit` reservations; the number of those.
  Result<std::int64_t> expire(Timestamp now, std::int64_t limit = 100'000);

  Result<BudgetBalances> balances(std::string_view budget);
  Result<std::vector<BudgetBalances>> list();  // by name
  Result<Reservation> find(std::string_view id);

  // Adds everything up again: transfers against accounts, reservations against reserved and spent,
  // accounts against zero and limits. Errors: data_corruption that names the budget and both
  // figures. Cost: reads the whole ledger.
  Result<LedgerCheck> check();

 private:
  explicit BudgetLedger(store::State& state) : state_(&state) {}

  store::State* state_;
};

}  // namespace attune::ledger

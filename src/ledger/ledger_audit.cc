#include "ledger_audit.h"

#include <array>
#include <map>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "book.h"

namespace attune::ledger {
namespace {

// What transfers and reservations say of a budget.
struct Sums {
  std::array<Amount, kAccountCount> accounts{};
  Amount open, settled;
};

// Wrong bytes may add up past 64 bits: sums wrap, and then differ from what they should be.
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
void add(Amount& to, std::int64_t money, std::int64_t messages) {
  to = {plus(to.money_minor, money), plus(to.messages, messages)};
}

Error wrong(const store::State& state, std::string_view budget, std::string_view what,
            const Amount& expected, const Amount& found) {
  return data_corruption(fmt::format(
      "budget '{}' of {} does not balance: {} should be {} and {} messages, and is {} and {}; "
      "restore a backup",
      attune::quoted(budget), state.path().string(), what, expected.money_minor, expected.messages,
      found.money_minor, found.messages));
}

Result<std::int64_t> add_transfers(store::State& state, std::map<std::int64_t, Sums>& sums) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state.prepare("SELECT budget, debit, credit, money, messages FROM ledger_transfers"));
  for (std::int64_t count = 0;; ++count) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return count;
    const auto debit = static_cast<std::size_t>(rows.int64(1));
    const auto credit = static_cast<std::size_t>(rows.int64(2));
    if (debit >= kAccountCount || credit >= kAccountCount || debit == credit || rows.int64(3) < 0 ||
        rows.int64(4) < 0) {
      return std::unexpected(data_corruption(
          fmt::format("table ledger_transfers of {} holds a transfer from account {} to {}; "
                      "restore a backup",
                      state.path().string(), rows.int64(1), rows.int64(2))));
    }
    Sums& of = sums[rows.int64(0)];
    add(of.accounts[debit], -rows.int64(3), -rows.int64(4));
    add(of.accounts[credit], rows.int64(3), rows.int64(4));
  }
}

Result<std::int64_t> add_reservations(store::State& state, std::map<std::int64_t, Sums>& sums) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state.prepare("SELECT budget, money, messages, state, spent_money, spent_messages "
                    "FROM ledger_reservations"));
  for (std::int64_t count = 0;; ++count) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return count;
    Sums& of = sums[rows.int64(0)];
    if (rows.int64(3) == static_cast<int>(ReservationState::open)) {
      add(of.open, rows.int64(1), rows.int64(2));
    } else {
      add(of.settled, rows.int64(4), rows.int64(5));
    }
  }
}

Status check(const store::State& state, const Book& book, const Sums& sums) {
  static constexpr std::array<std::string_view, kAccountCount> kNames{"funds", "available",
                                                                      "reserved", "spent"};
  Amount zero;
  for (std::size_t account = 0; account < kAccountCount; ++account) {
    const Amount& held = book.at(static_cast<Account>(account));
    add(zero, held.money_minor, held.messages);
    if (!(held == sums.accounts[account])) {
      return std::unexpected(
          wrong(state, book.name(), kNames[account], sums.accounts[account], held));
    }
  }
  if (!(zero == Amount{}))
    return std::unexpected(wrong(state, book.name(), "the sum of all accounts", {}, zero));
  if (!(book.at(Account::reserved) == sums.open)) {
    return std::unexpected(
        wrong(state, book.name(), "reserved", sums.open, book.at(Account::reserved)));
  }
  if (!(book.at(Account::spent) == sums.settled)) {
    return std::unexpected(
        wrong(state, book.name(), "spent", sums.settled, book.at(Account::spent)));
  }
  if (!book.fits({}))
    return std::unexpected(
        wrong(state, book.name(), "available, at least,", {}, book.at(Account::available)));
  return {};
}

}  // namespace

Result<LedgerCheck> audit(store::State& state) {
  std::map<std::int64_t, Sums> sums;
  {
    ATTUNE_ASSIGN_OR_RETURN(store::Statement rows,
                            state.prepare("SELECT number FROM ledger_budgets"));
    while (true) {
      ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
      if (!more) break;
      sums[rows.int64(0)] = {};
    }
  }
  LedgerCheck result;
  ATTUNE_ASSIGN_OR_RETURN(result.transfers, add_transfers(state, sums));
  ATTUNE_ASSIGN_OR_RETURN(result.reservations, add_reservations(state, sums));
  for (const auto& [number, of] : sums) {
    ATTUNE_ASSIGN_OR_RETURN(const Book book, Book::load(state, number));
    ATTUNE_RETURN_IF_ERROR(check(state, book, of));
    ++result.budgets;
  }
  return result;
}

}  // namespace attune::ledger

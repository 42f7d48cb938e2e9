// The accounts of one budget while an operation changes them. Private to ledger.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/base/money.h"
#include "attune/base/time.h"
#include "attune/ledger/budget_ledger.h"
#include "attune/store/state.h"

namespace attune::ledger {

// Stored as its number.
enum class Account : std::uint8_t { funds, available, reserved, spent };
inline constexpr std::size_t kAccountCount = 4;

class Book {
 public:
  // Errors: not_found naming the budget.
  static Result<Book> load(store::State& state, std::string_view name);
  static Result<Book> load(store::State& state, std::int64_t number);
  static Result<Book> create(store::State& state, std::string_view name, Currency currency,
                             const Limits& limits);

  std::int64_t number() const { return number_; }
  const std::string& name() const { return name_; }
  Currency currency() const { return currency_; }
  bool limits_money() const { return limits_money_; }
  bool limits_messages() const { return limits_messages_; }
  const Amount& at(Account account) const { return accounts_[static_cast<std::size_t>(account)]; }
  BudgetBalances balances() const;

  // Whether so much is left.
  bool fits(const Amount& amount) const;
  Error too_little(const Amount& wanted) const;

  // Notes a transfer. Errors: out_of_range, and nothing is noted.
  Status move(Account from, Account to, const Amount& amount);
  // Writes the accounts, and one transfer for each pair of accounts that something moved between.
  Status save(store::State& state, Timestamp now);

 private:
  Amount& account(Account account) { return accounts_[static_cast<std::size_t>(account)]; }
  static Result<Book> load_row(store::State& state, store::Statement row, std::string_view what);

  std::int64_t number_ = 0;
  std::string name_;
  Currency currency_;
  bool limits_money_ = false, limits_messages_ = false;
  std::array<Amount, kAccountCount> accounts_{};
  std::array<std::array<Amount, kAccountCount>, kAccountCount> moved_{};
};

std::string describe(const Amount& amount, Currency currency);

}  // namespace attune::ledger

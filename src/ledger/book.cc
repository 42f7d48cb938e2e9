#include "book.h"

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::ledger {
namespace {

// a + b * sign; absent past what an account may hold.
std::optional<Amount> sum(const Amount& a, const Amount& b, int sign) {
  // Accounts stay within 2^62 and amounts within 2^60: the sum itself cannot overflow.
  const Amount result{a.money_minor + sign * b.money_minor, a.messages + sign * b.messages};
  constexpr std::int64_t kMost = std::int64_t{1} << 62;
  const auto held = [](std::int64_t value) { return value >= -kMost && value <= kMost; };
  if (!held(result.money_minor) || !held(result.messages)) return std::nullopt;
  return result;
}

Error full(std::string_view budget) {
  return out_of_range(
      fmt::format("an account of budget '{}' would pass 4.6e18, the most it can hold; settle in a "
                  "budget of its own",
                  attune::quoted(budget)));
}

}  // namespace

std::string describe(const Amount& amount, Currency currency) {
  return fmt::format("{} and {} {}", to_string(Money{amount.money_minor, currency}),
                     with_thousands(amount.messages),
                     amount.messages == 1 ? "message" : "messages");
}

Result<Book> Book::create(store::State& state, std::string_view name, Currency currency,
                          const Limits& limits) {
  ATTUNE_RETURN_IF_ERROR(
      state.run("INSERT INTO ledger_budgets(name, currency, limits_money, limits_messages) "
                "VALUES(?1, ?2, ?3, ?4)",
                name, std::string_view(currency.known() ? currency.to_string() : ""),
                limits.money_minor ? 1 : 0, limits.messages ? 1 : 0));
  const std::int64_t number = state.last_insert_row();
  for (std::size_t account = 0; account < kAccountCount; ++account) {
    ATTUNE_RETURN_IF_ERROR(
        state.run("INSERT INTO ledger_accounts VALUES(?1, ?2, 0, 0)", number, account));
  }
  return load(state, number);
}

Result<Book> Book::load(store::State& state, std::string_view name) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement row,
      state.prepare("SELECT number, name, currency, limits_money, limits_messages "
                    "FROM ledger_budgets WHERE name = ?1"));
  row.bind(1, name);
  return load_row(state, std::move(row), name);
}

Result<Book> Book::load(store::State& state, std::int64_t number) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement row,
      state.prepare("SELECT number, name, currency, limits_money, limits_messages "
                    "FROM ledger_budgets WHERE number = ?1"));
  row.bind(1, number);
  return load_row(state, std::move(row), fmt::to_string(number));
}

Result<Book> Book::load_row(store::State& state, store::Statement row, std::string_view what) {
  ATTUNE_ASSIGN_OR_RETURN(const bool found, row.step());
  if (!found) {
    return std::unexpected(not_found(fmt::format("there is no budget '{}'", attune::quoted(what))));
  }
  Book book;
  book.number_ = row.int64(0);
  book.name_ = row.text(1);
  if (!row.text(2).empty()) {
    ATTUNE_ASSIGN_OR_RETURN(book.currency_, Currency::of_stored(row.text(2)));
  }
  book.limits_money_ = row.int64(3) != 0;
  book.limits_messages_ = row.int64(4) != 0;
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement accounts,
      state.prepare("SELECT account, money, messages FROM ledger_accounts WHERE budget = ?1"));
  accounts.bind(1, book.number_);
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, accounts.step());
    if (!more) return book;
    const auto account = static_cast<std::size_t>(accounts.int64(0));
    if (account >= kAccountCount) {
      return std::unexpected(data_corruption(
          fmt::format("table ledger_accounts of {} names account {} of budget '{}'; restore a "
                      "backup",
                      state.path().string(), account, attune::quoted(book.name_))));
    }
    book.accounts_[account] = {accounts.int64(1), accounts.int64(2)};
  }
}

BudgetBalances Book::balances() const {
  BudgetBalances balances{name_, currency_, {}, at(Account::reserved), at(Account::spent), {}};
  if (limits_money_) {
    balances.limits.money_minor = -at(Account::funds).money_minor;
    balances.available.money_minor = at(Account::available).money_minor;
  }
  if (limits_messages_) {
    balances.limits.messages = -at(Account::funds).messages;
    balances.available.messages = at(Account::available).messages;
  }
  return balances;
}

bool Book::fits(const Amount& amount) const {
  const Amount& left = at(Account::available);
  return (!limits_money_ || amount.money_minor <= left.money_minor) &&
         (!limits_messages_ || amount.messages <= left.messages);
}

Error Book::too_little(const Amount& wanted) const {
  const Amount& left = at(Account::available);
  const std::string money = limits_money_ ? to_string(Money{left.money_minor, currency_})
                                          : std::string("money without a limit");
  const std::string messages =
      limits_messages_ ? with_thousands(left.messages) : std::string("any number of");
  return resource_exhausted(
      fmt::format("budget '{}' has {} and {} messages left, and {} are wanted; add to the budget, "
                  "or wait until what is reserved comes back",
                  attune::quoted(name_), money, messages, describe(wanted, currency_)));
}

Status Book::move(Account from, Account to, const Amount& amount) {
  if (amount == Amount{}) return {};
  const auto less = sum(at(from), amount, -1), more = sum(at(to), amount, 1);
  Amount& moved = moved_[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
  const auto together = sum(moved, amount, 1);
  if (!less || !more || !together) return std::unexpected(full(name_));
  account(from) = *less;
  account(to) = *more;
  moved = *together;
  return {};
}

Status Book::save(store::State& state, Timestamp now) {
  std::array<bool, kAccountCount> touched{};
  for (std::size_t from = 0; from < kAccountCount; ++from) {
    for (std::size_t to = 0; to < kAccountCount; ++to) {
      Amount& moved = moved_[from][to];
      if (moved == Amount{}) continue;
      ATTUNE_RETURN_IF_ERROR(
          state.run("INSERT INTO ledger_transfers(budget, debit, credit, money, messages, time) "
                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                    number_, from, to, moved.money_minor, moved.messages, now));
      moved = {};
      touched[from] = touched[to] = true;
    }
  }
  for (std::size_t account = 0; account < kAccountCount; ++account) {
    if (!touched[account]) continue;
    ATTUNE_RETURN_IF_ERROR(state.run(
        "UPDATE ledger_accounts SET money = ?3, messages = ?4 WHERE budget = ?1 AND account = ?2",
        number_, account, accounts_[account].money_minor, accounts_[account].messages));
  }
  return {};
}

}  // namespace attune::ledger

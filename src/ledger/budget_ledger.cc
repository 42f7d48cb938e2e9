#include "attune/ledger/budget_ledger.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "book.h"
#include "ledger_audit.h"

namespace attune::ledger {
namespace {

constexpr store::Migration kBudgetLedgerMigrations[] = {{1, R"sql(
CREATE TABLE ledger_budgets(
  number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, currency TEXT NOT NULL,
  limits_money INTEGER NOT NULL, limits_messages INTEGER NOT NULL);
CREATE TABLE ledger_accounts(
  budget INTEGER NOT NULL REFERENCES ledger_budgets, account INTEGER NOT NULL,
  money INTEGER NOT NULL, messages INTEGER NOT NULL, PRIMARY KEY(budget, account)) WITHOUT ROWID;
CREATE TABLE ledger_transfers(
  number INTEGER PRIMARY KEY AUTOINCREMENT, budget INTEGER NOT NULL REFERENCES ledger_budgets,
  debit INTEGER NOT NULL, credit INTEGER NOT NULL, money INTEGER NOT NULL,
  messages INTEGER NOT NULL, time INTEGER NOT NULL);
CREATE TABLE ledger_operations(
  id TEXT PRIMARY KEY, content TEXT NOT NULL, time INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE ledger_reservations(
  id TEXT PRIMARY KEY, budget INTEGER NOT NULL, money INTEGER NOT NULL, messages INTEGER NOT NULL,
  expires INTEGER, state INTEGER NOT NULL, spent_money INTEGER NOT NULL,
  spent_messages INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX ledger_reservations_by_expiry ON ledger_reservations(expires)
  WHERE state = 0 AND expires IS NOT NULL;
)sql"}};

constexpr std::string_view kFind =
    "SELECT budget, money, messages, expires, state, spent_money, spent_messages "
    "FROM ledger_reservations WHERE id = ?1";
constexpr std::string_view kInsert =
    "INSERT OR IGNORE INTO ledger_reservations VALUES(?1, ?2, ?3, ?4, ?5, 0, 0, 0)";
constexpr std::string_view kInsertSettled =
    "INSERT OR IGNORE INTO ledger_reservations VALUES(?1, ?2, ?3, ?4, NULL, ?5, ?3, ?4)";
constexpr std::string_view kClose =
    "UPDATE ledger_reservations SET state = ?2, spent_money = ?3, spent_messages = ?4 "
    "WHERE id = ?1";

// A transaction of the ledger's own, unless the caller has one open.
Result<std::optional<store::Transaction>> begin(store::State& state) {
  std::optional<store::Transaction> own;
  if (!state.in_transaction()) {
    ATTUNE_ASSIGN_OR_RETURN(store::Transaction started, state.begin());
    own.emplace(std::move(started));
  }
  return own;
}
Status commit(std::optional<store::Transaction>& own) { return own ? own->commit() : Status(); }

Status check_id(std::string_view id) {
  if (!id.empty() && id.size() <= kLedgerIdBytes && !first_invalid_utf8(id)) return {};
  return std::unexpected(invalid_argument(fmt::format(
      "'{}' is no id of a ledger; 1 to {} bytes of UTF-8", attune::quoted(id), kLedgerIdBytes)));
}

Status check_amount(const Amount& amount) {
  const auto ok = [](std::int64_t value) { return value >= 0 && value <= kAmountMax; };
  if (ok(amount.money_minor) && ok(amount.messages)) return {};
  return std::unexpected(
      invalid_argument(fmt::format("a ledger cannot move {} and {} messages; each is 0 to {}",
                                   amount.money_minor, amount.messages, kAmountMax)));
}

Error no_reservation(std::string_view id) {
  return not_found(fmt::format("there is no reservation '{}'", attune::quoted(id)));
}

// Reservations with the books that they are in, in one call.
class Work {
 public:
  Work(store::State& state, Timestamp now) : state_(state), now_(now) {}

  struct Row {
    std::int64_t budget = 0;
    Amount amount;
    std::optional<Timestamp> expires;
    ReservationState state = ReservationState::open;
    Amount spent;
  };

  Result<std::optional<Row>> find(std::string_view id) {
    ATTUNE_ASSIGN_OR_RETURN(store::Statement found, state_.prepare(kFind));
    found.bind(1, id);
    ATTUNE_ASSIGN_OR_RETURN(const bool there, found.step());
    if (!there) return std::optional<Row>();
    Row row;
    row.budget = found.int64(0);
    row.amount = {found.int64(1), found.int64(2)};
    if (!found.is_null(3)) row.expires = found.time(3);
    if (found.int64(4) < 0 || found.int64(4) > static_cast<int>(ReservationState::expired)) {
      return std::unexpected(
          data_corruption(fmt::format("reservation '{}' of {} is in state {}; restore a backup",
                                      attune::quoted(id), state_.path().string(), found.int64(4))));
    }
    row.state = static_cast<ReservationState>(found.int64(4));
    row.spent = {found.int64(5), found.int64(6)};
    return std::optional<Row>(row);
  }
  Result<Row> get(std::string_view id) {
    ATTUNE_ASSIGN_OR_RETURN(const auto row, find(id));
    if (!row) return std::unexpected(no_reservation(id));
    return *row;
  }

  Result<Book*> book(std::int64_t number) {
    const auto known = books_.find(number);
    if (known != books_.end()) return &known->second;
    ATTUNE_ASSIGN_OR_RETURN(Book loaded, Book::load(state_, number));
    return &books_.emplace(number, std::move(loaded)).first->second;
  }
  Book* take(Book book) {
    const std::int64_t number = book.number();
    return &books_.insert_or_assign(number, std::move(book)).first->second;
  }

  // Whether `claim` is put aside now, or was before.
  Result<bool> reserve(Book& book, const Claim& claim, std::optional<Timestamp> expires) {
    ATTUNE_RETURN_IF_ERROR(check_id(claim.id));
    ATTUNE_RETURN_IF_ERROR(check_amount(claim.amount));
    if (book.fits(claim.amount)) {
      ATTUNE_RETURN_IF_ERROR(state_.run(kInsert, claim.id, book.number(), claim.amount.money_minor,
                                        claim.amount.messages, expires));
      if (state_.changed_rows() > 0) {
        ATTUNE_RETURN_IF_ERROR(book.move(Account::available, Account::reserved, claim.amount));
        return true;
      }
    }
    ATTUNE_ASSIGN_OR_RETURN(const auto before, find(claim.id));
    if (!before) return false;
    if (before->budget == book.number() && before->amount == claim.amount) return true;
    return std::unexpected(already_exists(
        fmt::format("reservation '{}' is there already, with {}; give every reservation an id of "
                    "its own",
                    attune::quoted(claim.id), describe(before->amount, book.currency()))));
  }

  // Whether `claim` is spent now, or was before.
  Result<bool> spend(Book& book, const Claim& claim) {
    ATTUNE_RETURN_IF_ERROR(check_id(claim.id));
    ATTUNE_RETURN_IF_ERROR(check_amount(claim.amount));
    if (book.fits(claim.amount)) {
      ATTUNE_RETURN_IF_ERROR(state_.run(kInsertSettled, claim.id, book.number(),
                                        claim.amount.money_minor, claim.amount.messages,
                                        static_cast<std::int64_t>(ReservationState::settled)));
      if (state_.changed_rows() > 0) {
        ATTUNE_RETURN_IF_ERROR(book.move(Account::available, Account::spent, claim.amount));
        return true;
      }
    }
    ATTUNE_ASSIGN_OR_RETURN(const bool put_aside, reserve(book, claim, std::nullopt));
    if (put_aside) ATTUNE_RETURN_IF_ERROR(settle({claim.id, claim.amount}));
    return put_aside;
  }

  Status settle(const Settlement& wanted) {
    ATTUNE_RETURN_IF_ERROR(check_amount(wanted.spent));
    ATTUNE_ASSIGN_OR_RETURN(const Row row, get(wanted.id));
    ATTUNE_ASSIGN_OR_RETURN(Book* const in, book(row.budget));
    if (row.state == ReservationState::settled) {
      if (row.spent == wanted.spent) return {};
      return std::unexpected(already_exists(
          fmt::format("reservation '{}' was settled with {} before", attune::quoted(wanted.id),
                      describe(row.spent, in->currency()))));
    }
    if (row.state == ReservationState::released) {
      return std::unexpected(failed_precondition(fmt::format(
          "reservation '{}' was released, and cannot be settled", attune::quoted(wanted.id))));
    }
    if (wanted.spent.money_minor > row.amount.money_minor ||
        wanted.spent.messages > row.amount.messages) {
      return std::unexpected(invalid_argument(fmt::format(
          "reservation '{}' put aside {}; {} is more", attune::quoted(wanted.id),
          describe(row.amount, in->currency()), describe(wanted.spent, in->currency()))));
    }
    if (row.state == ReservationState::expired) {
      if (!in->fits(wanted.spent)) return std::unexpected(in->too_little(wanted.spent));
      ATTUNE_RETURN_IF_ERROR(in->move(Account::available, Account::spent, wanted.spent));
    } else {
      ATTUNE_RETURN_IF_ERROR(in->move(Account::reserved, Account::spent, wanted.spent));
      const Amount rest{row.amount.money_minor - wanted.spent.money_minor,
                        row.amount.messages - wanted.spent.messages};
      ATTUNE_RETURN_IF_ERROR(in->move(Account::reserved, Account::available, rest));
    }
    return close(wanted.id, ReservationState::settled, wanted.spent);
  }

  Status release(std::string_view id) {
    ATTUNE_ASSIGN_OR_RETURN(const Row row, get(id));
    if (row.state == ReservationState::released) return {};
    if (row.state == ReservationState::settled) {
      return std::unexpected(failed_precondition(
          fmt::format("reservation '{}' was settled, and cannot be released", attune::quoted(id))));
    }
    if (row.state == ReservationState::open) {
      ATTUNE_ASSIGN_OR_RETURN(Book* const in, book(row.budget));
      ATTUNE_RETURN_IF_ERROR(in->move(Account::reserved, Account::available, row.amount));
    }
    return close(id, ReservationState::released, {});
  }

  Status expire(std::string_view id, std::int64_t budget, const Amount& amount) {
    ATTUNE_ASSIGN_OR_RETURN(Book* const in, book(budget));
    ATTUNE_RETURN_IF_ERROR(in->move(Account::reserved, Account::available, amount));
    return close(id, ReservationState::expired, {});
  }

  Status save() {
    for (auto& [number, book] : books_) ATTUNE_RETURN_IF_ERROR(book.save(state_, now_));
    return {};
  }

  Result<Reservation> reservation(std::string_view id) {
    ATTUNE_ASSIGN_OR_RETURN(const Row row, get(id));
    ATTUNE_ASSIGN_OR_RETURN(Book* const in, book(row.budget));
    return Reservation{std::string(id), in->name(), row.amount, row.expires, row.state, row.spent};
  }

 private:
  Status close(std::string_view id, ReservationState state, const Amount& spent) {
    return state_.run(kClose, id, static_cast<std::int64_t>(state), spent.money_minor,
                      spent.messages);
  }

  store::State& state_;
  Timestamp now_;
  std::map<std::int64_t, Book> books_;
};

// True when the operation took effect before. Errors: already_exists where that was another one.
Result<bool> done_before(store::State& state, std::string_view id, std::string_view content) {
  ATTUNE_ASSIGN_OR_RETURN(store::Statement row,
                          state.prepare("SELECT content FROM ledger_operations WHERE id = ?1"));
  row.bind(1, id);
  ATTUNE_ASSIGN_OR_RETURN(const bool found, row.step());
  if (!found) return false;
  if (row.text(0) == content) return true;
  return std::unexpected(already_exists(
      fmt::format("operation '{}' was '{}' before, and is '{}' now; give every operation an id of "
                  "its own",
                  attune::quoted(id), attune::quoted(row.text(0)), attune::quoted(content))));
}

Status note(store::State& state, std::string_view id, std::string_view content, Timestamp now) {
  return state.run("INSERT INTO ledger_operations VALUES(?1, ?2, ?3)", id, content, now);
}

std::string print(const std::optional<std::int64_t>& limit) {
  return limit ? fmt::to_string(*limit) : "none";
}

}  // namespace

std::string_view name(ReservationState state) {
  switch (state) {
    case ReservationState::open:
      return "open";
    case ReservationState::settled:
      return "settled";
    case ReservationState::released:
      return "released";
    case ReservationState::expired:
      break;
  }
  return "expired";
}

Result<BudgetLedger> BudgetLedger::open(store::State& state) {
  ATTUNE_RETURN_IF_ERROR(state.migrate("ledger", kBudgetLedgerMigrations));
  return BudgetLedger(state);
}

Status BudgetLedger::open_budget(std::string_view id, std::string_view name, Currency currency,
                                 const Limits& limits, Timestamp now) {
  ATTUNE_RETURN_IF_ERROR(check_id(id));
  ATTUNE_RETURN_IF_ERROR(check_id(name));
  const Amount first{limits.money_minor.value_or(0), limits.messages.value_or(0)};
  ATTUNE_RETURN_IF_ERROR(check_amount(first));
  const std::string content =
      fmt::format("open {} with {} {} and {} messages", name, print(limits.money_minor),
                  currency.known() ? currency.to_string() : "", print(limits.messages));
  ATTUNE_ASSIGN_OR_RETURN(auto own, begin(*state_));
  ATTUNE_ASSIGN_OR_RETURN(const bool done, done_before(*state_, id, content));
  if (done) return commit(own);
  ATTUNE_ASSIGN_OR_RETURN(
      const auto taken,
      state_->find_int64("SELECT number FROM ledger_budgets WHERE name = ?1", name));
  if (taken) {
    return std::unexpected(already_exists(
        fmt::format("there is a budget '{}' already; add to it, or choose another name",
                    attune::quoted(name))));
  }
  ATTUNE_ASSIGN_OR_RETURN(Book book, Book::create(*state_, name, currency, limits));
  ATTUNE_RETURN_IF_ERROR(book.move(Account::funds, Account::available, first));
  ATTUNE_RETURN_IF_ERROR(book.save(*state_, now));
  ATTUNE_RETURN_IF_ERROR(note(*state_, id, content, now));
  return commit(own);
}

Status BudgetLedger::add(std::string_view id, std::string_view name, const Amount& amount,
                         Timestamp now) {
  ATTUNE_RETURN_IF_ERROR(check_id(id));
  ATTUNE_RETURN_IF_ERROR(check_amount(amount));
  const std::string content =
      fmt::format("add {} and {} messages to {}", amount.money_minor, amount.messages, name);
  ATTUNE_ASSIGN_OR_RETURN(auto own, begin(*state_));
  ATTUNE_ASSIGN_OR_RETURN(const bool done, done_before(*state_, id, content));
  if (done) return commit(own);
  ATTUNE_ASSIGN_OR_RETURN(Book book, Book::load(*state_, name));
  if ((amount.money_minor > 0 && !book.limits_money()) ||
      (amount.messages > 0 && !book.limits_messages())) {
    return std::unexpected(failed_precondition(
        fmt::format("budget '{}' has no limit of {}; there is nothing to add to",
                    attune::quoted(name), book.limits_money() ? "messages" : "money")));
  }
  ATTUNE_RETURN_IF_ERROR(book.move(Account::funds, Account::available, amount));
  ATTUNE_RETURN_IF_ERROR(book.save(*state_, now));
  ATTUNE_RETURN_IF_ERROR(note(*state_, id, content, now));
  return commit(own);
}

Result<Reservation> BudgetLedger::reserve(std::string_view id, std::string_view budget,
                                          const Amount& amount, std::optional<Timestamp> expires,
                                          Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(auto own, begin(*state_));
  Work work(*state_, now);
  ATTUNE_ASSIGN_OR_RETURN(Book loaded, Book::load(*state_, budget));
  Book* const book = work.take(std::move(loaded));
  ATTUNE_ASSIGN_OR_RETURN(const bool fits, work.reserve(*book, {id, amount}, expires));
  if (!fits) return std::unexpected(book->too_little(amount));
  ATTUNE_RETURN_IF_ERROR(work.save());
  ATTUNE_ASSIGN_OR_RETURN(Reservation made, work.reservation(id));
  ATTUNE_RETURN_IF_ERROR(commit(own));
  return made;
}

namespace {

// One transaction for claims on one budget: asks `take` for each, in their order.
Result<std::vector<std::uint8_t>> take_many(store::State& state, std::string_view budget,
                                            std::span<const Claim> claims, Timestamp now,
                                            auto take) {
  ATTUNE_ASSIGN_OR_RETURN(auto own, begin(state));
  Work work(state, now);
  ATTUNE_ASSIGN_OR_RETURN(Book loaded, Book::load(state, budget));
  Book* const book = work.take(std::move(loaded));
  std::vector<std::uint8_t> granted;
  granted.reserve(claims.size());
  for (const Claim& claim : claims) {
    ATTUNE_ASSIGN_OR_RETURN(const bool fits, take(work, *book, claim));
    granted.push_back(fits ? 1 : 0);
  }
  ATTUNE_RETURN_IF_ERROR(work.save());
  ATTUNE_RETURN_IF_ERROR(commit(own));
  return granted;
}

}  // namespace

Result<std::vector<std::uint8_t>> BudgetLedger::reserve_many(std::string_view budget,
                                                             std::span<const Claim> claims,
                                                             std::optional<Timestamp> expires,
                                                             Timestamp now) {
  return take_many(*state_, budget, claims, now, [&](Work& work, Book& book, const Claim& claim) {
    return work.reserve(book, claim, expires);
  });
}

Result<std::vector<std::uint8_t>> BudgetLedger::spend_many(std::string_view budget,
                                                           std::span<const Claim> claims,
                                                           Timestamp now) {
  return take_many(*state_, budget, claims, now, [](Work& work, Book& book, const Claim& claim) {
    return work.spend(book, claim);
  });
}

Result<Reservation> BudgetLedger::settle(std::string_view id, const Amount& spent, Timestamp now) {
  const Settlement one{id, spent};
  ATTUNE_RETURN_IF_ERROR(settle_many(std::span(&one, 1), now));
  return find(id);
}

Status BudgetLedger::settle_many(std::span<const Settlement> settlements, Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(auto own, begin(*state_));
  Work work(*state_, now);
  for (const Settlement& one : settlements) ATTUNE_RETURN_IF_ERROR(work.settle(one));
  ATTUNE_RETURN_IF_ERROR(work.save());
  return commit(own);
}

Result<Reservation> BudgetLedger::release(std::string_view id, Timestamp now) {
  ATTUNE_RETURN_IF_ERROR(release_many(std::span(&id, 1), now));
  return find(id);
}

Status BudgetLedger::release_many(std::span<const std::string_view> ids, Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(auto own, begin(*state_));
  Work work(*state_, now);
  for (const std::string_view id : ids) ATTUNE_RETURN_IF_ERROR(work.release(id));
  ATTUNE_RETURN_IF_ERROR(work.save());
  return commit(own);
}

Result<std::int64_t> BudgetLedger::expire(Timestamp now, std::int64_t limit) {
  struct Due {
    std::string id;
    std::int64_t budget;
    Amount amount;
  };
  ATTUNE_ASSIGN_OR_RETURN(auto own, begin(*state_));
  std::vector<Due> due;
  {
    ATTUNE_ASSIGN_OR_RETURN(
        store::Statement rows,
        state_->prepare("SELECT id, budget, money, messages FROM ledger_reservations "
                        "WHERE state = 0 AND expires IS NOT NULL AND expires <= ?1 "
                        "ORDER BY expires LIMIT ?2"));
    rows.bind_all(now, limit);
    while (true) {
      ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
      if (!more) break;
      due.push_back({std::string(rows.text(0)), rows.int64(1), {rows.int64(2), rows.int64(3)}});
    }
  }
  Work work(*state_, now);
  for (const Due& one : due) ATTUNE_RETURN_IF_ERROR(work.expire(one.id, one.budget, one.amount));
  ATTUNE_RETURN_IF_ERROR(work.save());
  ATTUNE_RETURN_IF_ERROR(commit(own));
  return static_cast<std::int64_t>(due.size());
}

Result<BudgetBalances> BudgetLedger::balances(std::string_view budget) {
  ATTUNE_ASSIGN_OR_RETURN(const Book book, Book::load(*state_, budget));
  return book.balances();
}

Result<std::vector<BudgetBalances>> BudgetLedger::list() {
  std::vector<std::int64_t> numbers;
  {
    ATTUNE_ASSIGN_OR_RETURN(store::Statement rows,
                            state_->prepare("SELECT number FROM ledger_budgets ORDER BY name"));
    while (true) {
      ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
      if (!more) break;
      numbers.push_back(rows.int64(0));
    }
  }
  std::vector<BudgetBalances> all;
  for (const std::int64_t number : numbers) {
    ATTUNE_ASSIGN_OR_RETURN(const Book book, Book::load(*state_, number));
    all.push_back(book.balances());
  }
  return all;
}

Result<Reservation> BudgetLedger::find(std::string_view id) {
  return Work(*state_, {}).reservation(id);
}

Result<LedgerCheck> BudgetLedger::check() { return audit(*state_); }

}  // namespace attune::ledger

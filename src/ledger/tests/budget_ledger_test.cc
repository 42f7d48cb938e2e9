#include "attune/ledger/budget_ledger.h"

#include <stdlib.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace attune::ledger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Currency kEuro = Currency::parse("EUR").value();

// A ledger in a folder of its own.
class LedgerFolder {
 public:
  LedgerFolder() {
    char pattern[] = "/tmp/attune-ledger-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    reopen();
  }
  LedgerFolder(const LedgerFolder&) = delete;
  LedgerFolder& operator=(const LedgerFolder&) = delete;
  ~LedgerFolder() {
    ledger_.reset();
    state_.reset();
    std::filesystem::remove_all(folder_);
  }
  void reopen() {
    ledger_.reset();
    state_.reset();
    state_.emplace(store::State::open(folder_ / "state.sqlite").value());
    ledger_.emplace(BudgetLedger::open(*state_).value());
  }
  BudgetLedger& ledger() { return *ledger_; }
  store::State& state() { return *state_; }

 private:
  std::filesystem::path folder_;
  std::optional<store::State> state_;
  std::optional<BudgetLedger> ledger_;
};

class BudgetLedgerTest : public ::testing::Test {
 protected:
  BudgetLedger& ledger() { return files_.ledger(); }
  void open(const Limits& limits = {10'000, 100}) {
    ASSERT_TRUE(ledger().open_budget("open", "spring", kEuro, limits, now_));
  }
  Result<Reservation> reserve(std::string_view id, std::int64_t money, std::int64_t messages = 1,
                              std::optional<Timestamp> expires = {}) {
    return ledger().reserve(id, "spring", {money, messages}, expires, now_);
  }
  BudgetBalances balances() { return ledger().balances("spring").value(); }
  ErrorCode refused(const auto& result) {
    EXPECT_FALSE(result);
    return result ? ErrorCode::internal : result.error().code;
  }
  void TearDown() override {
    const auto checked = ledger().check();
    EXPECT_TRUE(checked) << checked.error().message;
  }

  LedgerFolder files_;
  Timestamp now_{1'000};
};

TEST_F(BudgetLedgerTest, ReservesSettlesAndReleases) {
  open();
  ASSERT_TRUE(reserve("a", 300));
  ASSERT_TRUE(reserve("b", 500, 2));
  ASSERT_TRUE(reserve("c", 200));
  EXPECT_EQ(balances(),
            (BudgetBalances{"spring", kEuro, {10'000, 100}, {1'000, 4}, {0, 0}, {{9'000}, {96}}}));
  EXPECT_EQ(ledger().settle("a", {250, 1}, now_).value().state, ReservationState::settled);
  EXPECT_EQ(ledger().release("b", now_).value().state, ReservationState::released);
  EXPECT_EQ(balances(),
            (BudgetBalances{"spring", kEuro, {10'000, 100}, {200, 1}, {250, 1}, {{9'550}, {98}}}));
  const Reservation expected{"a", "spring", {300, 1}, {}, ReservationState::settled, {250, 1}};
  EXPECT_EQ(ledger().find("a").value(), expected);
}

TEST_F(BudgetLedgerTest, RefusesWhatWouldOverspendAndSaysWhatIsLeft) {
  open({1'000, 3});
  ASSERT_TRUE(reserve("a", 900));
  const auto refused_money = reserve("b", 101);
  EXPECT_EQ(refused(refused_money), ErrorCode::resource_exhausted);
  EXPECT_THAT(refused_money.error().message,
              HasSubstr("budget 'spring' has 1.00 EUR and 2 messages left, and 1.01 EUR"));
  EXPECT_EQ(refused(reserve("b", 0, 3)), ErrorCode::resource_exhausted);
  EXPECT_TRUE(reserve("b", 100, 2)) << "a refusal leaves its id free";
  EXPECT_EQ(refused(reserve("c", 0, 1)), ErrorCode::resource_exhausted);
  EXPECT_TRUE(reserve("d", 0, 0));
}

TEST_F(BudgetLedgerTest, ChangesNothingWhenAnIdComesAgain) {
  open();
  open();
  ASSERT_TRUE(ledger().add("more", "spring", {500, 5}, now_));
  const auto first = reserve("a", 300).value();
  ASSERT_TRUE(ledger().settle("a", {100, 1}, now_));
  ASSERT_TRUE(reserve("b", 300));
  ASSERT_TRUE(ledger().release("b", now_));
  const BudgetBalances before = balances();
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(ledger().add("more", "spring", {500, 5}, now_));
    EXPECT_EQ(reserve("a", 300).value().amount, first.amount);
    EXPECT_EQ(ledger().settle("a", {100, 1}, now_).value().spent, (Amount{100, 1}));
    EXPECT_EQ(ledger().release("b", now_).value().state, ReservationState::released);
    EXPECT_EQ(balances(), before);
    files_.reopen();
  }
}

TEST_F(BudgetLedgerTest, RefusesAnIdWithAnotherContent) {
  open();
  ASSERT_TRUE(reserve("a", 300));
  EXPECT_EQ(refused(reserve("a", 301)), ErrorCode::already_exists);
  ASSERT_TRUE(ledger().settle("a", {100, 1}, now_));
  EXPECT_EQ(refused(ledger().settle("a", {101, 1}, now_)), ErrorCode::already_exists);
  ASSERT_TRUE(ledger().add("more", "spring", {500, 0}, now_));
  EXPECT_EQ(refused(ledger().add("more", "spring", {501, 0}, now_)), ErrorCode::already_exists);
  EXPECT_EQ(refused(ledger().open_budget("other", "spring", kEuro, {}, now_)),
            ErrorCode::already_exists);
  EXPECT_EQ(refused(ledger().open_budget("open", "autumn", kEuro, {}, now_)),
            ErrorCode::already_exists);
}

TEST_F(BudgetLedgerTest, KeepsSettledAndReleasedApart) {
  open();
  ASSERT_TRUE(reserve("a", 300));
  ASSERT_TRUE(reserve("b", 300));
  EXPECT_EQ(refused(ledger().settle("a", {301, 1}, now_)), ErrorCode::invalid_argument);
  EXPECT_EQ(refused(ledger().settle("a", {300, 2}, now_)), ErrorCode::invalid_argument);
  ASSERT_TRUE(ledger().settle("a", {300, 1}, now_));
  ASSERT_TRUE(ledger().release("b", now_));
  EXPECT_EQ(refused(ledger().release("a", now_)), ErrorCode::failed_precondition);
  EXPECT_EQ(refused(ledger().settle("b", {1, 1}, now_)), ErrorCode::failed_precondition);
  EXPECT_EQ(refused(ledger().release("nobody", now_)), ErrorCode::not_found);
  EXPECT_EQ(refused(ledger().balances("summer")), ErrorCode::not_found);
}

TEST_F(BudgetLedgerTest, GivesBackWhatIsPastItsTimeAndCountsWhatWasSpentLate) {
  open({1'000, 10});
  ASSERT_TRUE(reserve("a", 600, 1, Timestamp{2'000}));
  ASSERT_TRUE(reserve("b", 400));
  EXPECT_EQ(ledger().expire({1'999}).value(), 0);
  EXPECT_EQ(ledger().expire({2'000}).value(), 1);
  EXPECT_EQ(ledger().expire({2'000}).value(), 0);
  EXPECT_EQ(*balances().available.money_minor, 600);
  ASSERT_TRUE(reserve("c", 300));
  EXPECT_EQ(refused(ledger().settle("a", {600, 1}, now_)), ErrorCode::resource_exhausted);
  EXPECT_EQ(ledger().settle("a", {300, 1}, now_).value().state, ReservationState::settled);
  EXPECT_EQ(*balances().available.money_minor, 0);
}

TEST_F(BudgetLedgerTest, ReservesManyInTheirOrder) {
  open({1'000, 10});
  const std::vector<Claim> claims{{"a", {400, 1}}, {"b", {700, 1}}, {"c", {600, 1}}, {"d", {1, 1}}};
  EXPECT_THAT(ledger().reserve_many("spring", claims, {}, now_).value(), ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(ledger().reserve_many("spring", claims, {}, now_).value(), ElementsAre(1, 0, 1, 0));
  EXPECT_EQ(balances().reserved, (Amount{1'000, 2}));
  const std::vector<Settlement> settlements{{"a", {400, 1}}, {"b", {1, 1}}};
  EXPECT_EQ(refused(ledger().settle_many(settlements, now_)), ErrorCode::not_found);
  EXPECT_EQ(balances().spent, (Amount{0, 0})) << "all or none";
}

TEST_F(BudgetLedgerTest, SpendsManyAtOnceInTheirOrder) {
  open({1'000, 10});
  ASSERT_TRUE(reserve("aside", 100));
  const std::vector<Claim> claims{
      {"a", {400, 1}}, {"b", {700, 1}}, {"aside", {100, 1}}, {"c", {500, 1}}, {"d", {1, 1}}};
  for (int time = 0; time < 2; ++time) {
    EXPECT_THAT(ledger().spend_many("spring", claims, now_).value(), ElementsAre(1, 0, 1, 1, 0));
    EXPECT_EQ(balances(),
              (BudgetBalances{"spring", kEuro, {1'000, 10}, {0, 0}, {1'000, 3}, {{0}, {7}}}));
  }
  const Reservation expected{"a", "spring", {400, 1}, {}, ReservationState::settled, {400, 1}};
  EXPECT_EQ(ledger().find("a").value(), expected);
  const std::vector<Claim> other{{"a", {399, 1}}};
  EXPECT_EQ(refused(ledger().spend_many("spring", other, now_)), ErrorCode::already_exists);
  ASSERT_TRUE(ledger().add("more", "spring", {50, 0}, now_));
  ASSERT_TRUE(reserve("gone", 50));
  ASSERT_TRUE(ledger().release("gone", now_));
  const std::vector<Claim> released{{"gone", {50, 1}}};
  EXPECT_EQ(refused(ledger().spend_many("spring", released, now_)), ErrorCode::failed_precondition);
}

TEST_F(BudgetLedgerTest, CountsWithoutALimit) {
  open({std::nullopt, 2});
  ASSERT_TRUE(reserve("a", kAmountMax));
  ASSERT_TRUE(ledger().settle("a", {kAmountMax, 1}, now_));
  EXPECT_EQ(balances().available.money_minor, std::nullopt);
  EXPECT_EQ(balances().spent.money_minor, kAmountMax);
  EXPECT_EQ(*balances().available.messages, 1);
  EXPECT_EQ(refused(ledger().add("more", "spring", {1, 0}, now_)), ErrorCode::failed_precondition);
}

TEST_F(BudgetLedgerTest, RefusesAmountsThatNoAccountHolds) {
  open({kAmountMax, std::nullopt});
  EXPECT_EQ(refused(reserve("a", -1)), ErrorCode::invalid_argument);
  EXPECT_EQ(refused(reserve("a", 0, -1)), ErrorCode::invalid_argument);
  EXPECT_EQ(refused(reserve("a", kAmountMax + 1)), ErrorCode::invalid_argument);
  EXPECT_EQ(refused(reserve("a", INT64_MIN)), ErrorCode::invalid_argument);
  EXPECT_EQ(refused(reserve("", 1)), ErrorCode::invalid_argument);
  EXPECT_EQ(refused(reserve(std::string(129, 'x'), 1)), ErrorCode::invalid_argument);
  Status added;
  for (int i = 0; added; ++i) {
    ASSERT_LT(i, 10);
    added = ledger().add(fmt::format("add {}", i), "spring", {kAmountMax, 0}, now_);
  }
  EXPECT_EQ(added.error().code, ErrorCode::out_of_range);
}

TEST_F(BudgetLedgerTest, JoinsTheCallersTransaction) {
  open();
  {
    store::Transaction transaction = files_.state().begin().value();
    ASSERT_TRUE(reserve("a", 300));
    EXPECT_EQ(balances().reserved, (Amount{300, 1}));
  }  // rolled back
  EXPECT_EQ(balances().reserved, (Amount{0, 0}));
  EXPECT_EQ(refused(ledger().find("a")), ErrorCode::not_found);
}

TEST_F(BudgetLedgerTest, FindsEveryKindOfDamage) {
  open();
  ASSERT_TRUE(reserve("a", 300));
  ASSERT_TRUE(reserve("b", 300));
  ASSERT_TRUE(ledger().settle("b", {200, 1}, now_));
  for (const std::string_view damage :
       {"UPDATE ledger_accounts SET money = money + 1 WHERE account = 1",
        "UPDATE ledger_accounts SET messages = messages - 1 WHERE account = 3",
        "UPDATE ledger_transfers SET money = 299 WHERE number = 2",
        "UPDATE ledger_transfers SET credit = 7 WHERE number = 2",
        "DELETE FROM ledger_transfers WHERE number = 1",
        "DELETE FROM ledger_reservations WHERE id = 'a'",
        "UPDATE ledger_reservations SET spent_money = 201 WHERE id = 'b'",
        "UPDATE ledger_reservations SET state = 2 WHERE id = 'a'",
        "DELETE FROM ledger_accounts WHERE account = 0"}) {
    store::Transaction transaction = files_.state().begin().value();
    ASSERT_TRUE(files_.state().execute(damage)) << damage;
    EXPECT_EQ(refused(ledger().check()), ErrorCode::data_corruption) << damage;
  }
}

// Reference: plain numbers, one reservation after the other.
struct Model {
  struct Kept {
    Amount amount;
    std::optional<std::int64_t> expires;
    ReservationState state = ReservationState::open;
    Amount spent;
  };
  Amount limit;
  std::map<std::string, Kept> kept;

  Amount sum(ReservationState state) const {
    Amount total;
    for (const auto& [id, one] : kept) {
      if (one.state != state) continue;
      const Amount& part = state == ReservationState::open ? one.amount : one.spent;
      total.money_minor += part.money_minor;
      total.messages += part.messages;
    }
    return total;
  }
  Amount left() const {
    const Amount open = sum(ReservationState::open), spent = sum(ReservationState::settled);
    return {limit.money_minor - open.money_minor - spent.money_minor,
            limit.messages - open.messages - spent.messages};
  }
  bool fits(const Amount& amount) const {
    return amount.money_minor <= left().money_minor && amount.messages <= left().messages;
  }
  bool reserve(const std::string& id, const Amount& amount, std::optional<std::int64_t> expires) {
    if (const auto known = kept.find(id); known != kept.end())
      return known->second.amount == amount;
    if (!fits(amount)) return false;
    kept[id] = {amount, expires, ReservationState::open, {}};
    return true;
  }
  bool settle(const std::string& id, const Amount& spent) {
    const auto known = kept.find(id);
    if (known == kept.end()) return false;
    Kept& one = known->second;
    if (one.state == ReservationState::settled) return one.spent == spent;
    if (one.state == ReservationState::released) return false;
    if (spent.money_minor > one.amount.money_minor || spent.messages > one.amount.messages)
      return false;
    if (one.state == ReservationState::expired && !fits(spent)) return false;
    one.state = ReservationState::settled;
    one.spent = spent;
    return true;
  }
  bool release(const std::string& id) {
    const auto known = kept.find(id);
    if (known == kept.end() || known->second.state == ReservationState::settled) return false;
    known->second.state = ReservationState::released;
    return true;
  }
  void expire(std::int64_t now) {
    for (auto& [id, one] : kept)
      if (one.state == ReservationState::open && one.expires && *one.expires <= now)
        one.state = ReservationState::expired;
  }
};

Amount random_amount() {
  return {*rc::gen::inRange<std::int64_t>(0, 40), *rc::gen::inRange<std::int64_t>(0, 4)};
}
std::string random_id() { return fmt::format("r{}", *rc::gen::inRange(0, 12)); }

// One random operation on both.
void step(LedgerFolder& files, Model& model, std::int64_t now) {
  BudgetLedger& ledger = files.ledger();
  const std::string id = random_id();
  const Amount amount = random_amount();
  switch (*rc::gen::inRange(0, 8)) {
    case 0:
    case 1:
    case 2: {
      std::optional<std::int64_t> expires;
      if (*rc::gen::arbitrary<bool>()) expires = *rc::gen::inRange<std::int64_t>(now, now + 20);
      const auto at = expires ? std::optional(Timestamp{*expires}) : std::nullopt;
      RC_ASSERT(ledger.reserve(id, "b", amount, at, {now}).has_value() ==
                model.reserve(id, amount, expires));
      break;
    }
    case 3:
      RC_ASSERT(ledger.settle(id, amount, {now}).has_value() == model.settle(id, amount));
      break;
    case 4:
      RC_ASSERT(ledger.release(id, {now}).has_value() == model.release(id));
      break;
    case 5:
      RC_ASSERT(ledger.expire({now}).has_value());
      model.expire(now);
      break;
    case 6: {
      const std::string other = random_id();
      const std::vector<Claim> claims{{id, amount}, {other, amount}};
      const bool clash = [&] {
        const auto differs = [&](const std::string& one) {
          const auto known = model.kept.find(one);
          return known != model.kept.end() && !(known->second.amount == amount);
        };
        return differs(id) || differs(other);
      }();
      const auto granted = ledger.reserve_many("b", claims, {}, {now});
      RC_ASSERT(granted.has_value() == !clash);
      if (clash) break;
      RC_ASSERT(((*granted)[0] == 1) == model.reserve(id, amount, {}));
      RC_ASSERT(((*granted)[1] == 1) == model.reserve(other, amount, {}));
      break;
    }
    default:
      files.reopen();
  }
}

TEST(BudgetLedgerProperty, EqualsPlainNumbersForEveryInterleaving) {
  EXPECT_TRUE(rc::check([] {
    LedgerFolder files;
    Model model;
    model.limit = {*rc::gen::inRange<std::int64_t>(0, 200), *rc::gen::inRange<std::int64_t>(0, 12)};
    RC_ASSERT(
        files.ledger()
            .open_budget("open", "b", kEuro, {model.limit.money_minor, model.limit.messages}, {0})
            .has_value());
    const int steps = *rc::gen::inRange(0, 60);
    std::int64_t now = 0;
    for (int i = 0; i < steps; ++i) {
      now += *rc::gen::inRange<std::int64_t>(-3, 6);  // the clock is set back now and then
      step(files, model, now);
      const BudgetBalances held = files.ledger().balances("b").value();
      RC_ASSERT(held.reserved == model.sum(ReservationState::open));
      RC_ASSERT(held.spent == model.sum(ReservationState::settled));
      RC_ASSERT(*held.available.money_minor == model.left().money_minor);
      RC_ASSERT(*held.available.messages == model.left().messages);
      RC_ASSERT(*held.available.money_minor >= 0 && *held.available.messages >= 0);
    }
    RC_ASSERT(files.ledger().check().has_value());
  }));
}

}  // namespace
}  // namespace attune::ledger

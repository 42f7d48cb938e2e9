#include "attune/privacy/consent.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/base/random.h"

namespace attune::privacy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ConsentChange change(std::int64_t customer, Purpose purpose, bool given, std::int64_t time,
                     std::int64_t sequence) {
  return {{customer}, purpose, given, {time}, {sequence}, {}};
}

class ConsentLedgerTest : public ::testing::Test {
 protected:
  ConsentLedgerTest() {
    char pattern[] = "/tmp/attune-privacy-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    reopen();
  }
  ~ConsentLedgerTest() override {
    ledger_.reset();
    state_.reset();
    std::filesystem::remove_all(folder_);
  }
  void reopen() {
    ledger_.reset();
    state_.reset();
    state_.emplace(store::State::open(folder_ / "state.sqlite").value());
    ledger_.emplace(ConsentLedger::open(*state_).value());
  }
  void clear() { ASSERT_TRUE(state_->execute("DELETE FROM consent; DELETE FROM consent_changes")); }
  void apply(const ConsentChange& one) { ASSERT_TRUE(ledger_->apply(std::span(&one, 1))); }
  Consent found(std::int64_t customer, Purpose purpose = Purpose::email) {
    return ledger_->find({customer}, purpose).value();
  }
  std::map<std::int64_t, Consent> everybody(Purpose purpose) {
    std::map<std::int64_t, Consent> all;
    EXPECT_TRUE(ledger_->for_each(purpose, [&](CustomerNumber customer, Consent consent) {
      EXPECT_TRUE(all.emplace(customer.value, consent).second) << "told of twice";
      return Status();
    }));
    return all;
  }

  std::filesystem::path folder_;
  std::optional<store::State> state_;
  std::optional<ConsentLedger> ledger_;
};

TEST_F(ConsentLedgerTest, KnowsNothingOfWhoNeverSaidAnything) {
  EXPECT_EQ(found(1), Consent::unknown);
  apply(change(1, Purpose::email, true, 10, 1));
  EXPECT_EQ(found(1), Consent::given);
  EXPECT_EQ(found(1, Purpose::sms), Consent::unknown);
  EXPECT_EQ(found(2), Consent::unknown);
}

TEST_F(ConsentLedgerTest, GivesTheSameStateForEveryOrderOfChanges) {
  const std::vector<ConsentChange> changes{
      change(1, Purpose::email, true, 10, 1), change(1, Purpose::email, false, 30, 2),
      change(1, Purpose::email, true, 20, 3), change(1, Purpose::ads, true, 5, 4),
      change(1, Purpose::ads, false, 5, 5),   change(2, Purpose::email, true, 10, 6),
  };
  std::vector<std::size_t> order{0, 1, 2, 3, 4, 5};
  int orders = 0;
  do {
    clear();
    for (const std::size_t i : order) apply(changes[i]);
    ASSERT_EQ(found(1), Consent::withdrawn);
    ASSERT_EQ(found(1, Purpose::ads), Consent::withdrawn);  // equal times: the later sequence
    ASSERT_EQ(found(2), Consent::given);
    ++orders;
  } while (std::ranges::next_permutation(order).found);
  EXPECT_EQ(orders, 720);
}

TEST_F(ConsentLedgerTest, IgnoresWhatArrivesAgain) {
  const std::vector<ConsentChange> changes{change(1, Purpose::email, true, 10, 1),
                                           change(1, Purpose::ads, true, 10, 1),
                                           change(1, Purpose::email, false, 20, 2)};
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(ledger_->apply(changes));
    EXPECT_EQ(found(1), Consent::withdrawn);
    EXPECT_THAT(ledger_->changes({1}).value(), ElementsAre(changes[0], changes[1], changes[2]));
  }
}

TEST_F(ConsentLedgerTest, KeepsWhatItHoldsWhenOpenedAgain) {
  apply(change(1, Purpose::email, false, 20, 2));
  apply(change(1, Purpose::email, true, 10, 1));
  reopen();
  EXPECT_EQ(found(1), Consent::withdrawn);
  EXPECT_EQ(ledger_->changes({1}).value().size(), 2u);
}

TEST_F(ConsentLedgerTest, KeepsWhereEachChangeWasSaidAndWhatShowsIt) {
  ConsentChange one = change(1, Purpose::email, true, 10, 1);
  one.evidence = {"checkout", "newsletter v3", "form 12"};
  ConsentChange other = change(1, Purpose::email, false, 20, 2);
  other.evidence.source = std::string(255, 'x') + "é";  // one byte too many
  apply(one);
  apply(other);
  ASSERT_TRUE(ledger_->merge({1}, {2}));
  reopen();
  const auto changes = ledger_->changes({2}).value();
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].evidence, one.evidence);
  EXPECT_EQ(changes[1].evidence.source, std::string(255, 'x'));
}

TEST_F(ConsentLedgerTest, OpensALedgerOfTheFirstVersion) {
  apply(change(1, Purpose::email, true, 10, 1));
  ASSERT_TRUE(
      state_->execute("ALTER TABLE consent_changes DROP COLUMN source;"
                      "ALTER TABLE consent_changes DROP COLUMN wording;"
                      "ALTER TABLE consent_changes DROP COLUMN proof;"
                      "UPDATE attune_schema SET version = 1 WHERE component = 'consent'"));
  reopen();
  EXPECT_EQ(found(1), Consent::given);
  EXPECT_THAT(ledger_->changes({1}).value(), ElementsAre(change(1, Purpose::email, true, 10, 1)));
}

TEST_F(ConsentLedgerTest, ForEachTellsWhatHoldsForEveryCustomerOnce) {
  apply(change(3, Purpose::email, true, 10, 1));
  apply(change(1, Purpose::email, true, 10, 2));
  apply(change(1, Purpose::email, false, 20, 3));
  apply(change(2, Purpose::ads, true, 10, 4));
  apply(change(9, Purpose::email, true, 30, 5));
  ASSERT_TRUE(ledger_->merge({9}, {1}));
  const std::map<std::int64_t, Consent> expected{{1, Consent::given}, {3, Consent::given}};
  EXPECT_EQ(everybody(Purpose::email), expected);
  const Status stopped = ledger_->for_each(Purpose::email, [](CustomerNumber, Consent) -> Status {
    return std::unexpected(cancelled("enough"));
  });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
  EXPECT_EQ(everybody(Purpose::email), expected);
}

TEST_F(ConsentLedgerTest, MergeTakesTheLaterAndAtEqualTimesWithdrawn) {
  apply(change(1, Purpose::email, false, 10, 1));
  apply(change(2, Purpose::email, true, 20, 2));
  apply(change(1, Purpose::ads, false, 10, 3));
  apply(change(2, Purpose::ads, true, 10, 4));  // equal time, higher sequence, yet another number
  ASSERT_TRUE(ledger_->merge({1}, {2}));
  EXPECT_EQ(found(2), Consent::given);
  EXPECT_EQ(found(2, Purpose::ads), Consent::withdrawn);
  EXPECT_EQ(found(1), Consent::unknown);
  EXPECT_EQ(ledger_->changes({2}).value().size(), 4u);
  ASSERT_TRUE(ledger_->merge({1}, {2}));
  ASSERT_TRUE(ledger_->merge({2}, {2}));
  EXPECT_EQ(found(2, Purpose::ads), Consent::withdrawn);
}

TEST_F(ConsentLedgerTest, DoesNotMindWhetherAMergeComesBeforeOrAfterAChange) {
  const std::vector<ConsentChange> changes{
      change(1, Purpose::email, false, 10, 1), change(2, Purpose::email, true, 10, 2),
      change(2, Purpose::email, false, 9, 3), change(2, Purpose::ads, true, 7, 4)};
  for (std::size_t before = 1; before <= changes.size(); ++before) {
    clear();
    for (std::size_t i = 0; i < changes.size(); ++i) {
      if (i == before) {
        ASSERT_TRUE(ledger_->merge({1}, {2}));
      }
      apply(changes[i]);
    }
    ASSERT_TRUE(ledger_->merge({1}, {2}));
    EXPECT_EQ(found(2), Consent::withdrawn) << before;
    EXPECT_EQ(found(2, Purpose::ads), Consent::given) << before;
  }
}

TEST_F(ConsentLedgerTest, ALateChangeUnderAMergedNumberJoinsWithTheNextMerge) {
  apply(change(1, Purpose::email, true, 10, 1));
  ASSERT_TRUE(ledger_->merge({1}, {2}));
  apply(change(1, Purpose::email, false, 30, 2));
  ASSERT_TRUE(ledger_->merge({1}, {2}));
  EXPECT_EQ(found(2), Consent::withdrawn);
  apply(change(1, Purpose::email, true, 20, 3));
  ASSERT_TRUE(ledger_->merge({1}, {2}));
  EXPECT_EQ(found(2), Consent::withdrawn);
}

TEST_F(ConsentLedgerTest, SeparateTakesAMergeBack) {
  apply(change(1, Purpose::email, false, 10, 1));
  apply(change(2, Purpose::email, true, 5, 2));
  apply(change(3, Purpose::email, true, 1, 3));
  ASSERT_TRUE(ledger_->merge({1}, {2}));
  ASSERT_TRUE(ledger_->merge({2}, {3}));
  EXPECT_EQ(found(3), Consent::withdrawn);
  ASSERT_TRUE(ledger_->separate({1}));
  EXPECT_EQ(found(3), Consent::given);
  EXPECT_EQ(found(1), Consent::withdrawn);
  ASSERT_TRUE(ledger_->separate({1}));
  EXPECT_EQ(found(1), Consent::withdrawn);
  EXPECT_EQ(ledger_->changes({1}).value().size(), 1u);
}

TEST_F(ConsentLedgerTest, ForgetsACustomerWithAllMergedNumbers) {
  apply(change(1, Purpose::email, true, 10, 1));
  apply(change(2, Purpose::email, true, 10, 2));
  apply(change(3, Purpose::email, true, 10, 3));
  ASSERT_TRUE(ledger_->merge({1}, {2}));
  ASSERT_TRUE(ledger_->forget({2}));
  ASSERT_TRUE(ledger_->forget({2}));
  EXPECT_EQ(found(2), Consent::unknown);
  EXPECT_TRUE(ledger_->changes({2}).value().empty());
  EXPECT_EQ(state_->find_int64("SELECT count(*) FROM consent_changes").value(), 1);
  EXPECT_EQ(found(3), Consent::given);
}

TEST_F(ConsentLedgerTest, WritesInsideTheCallersTransaction) {
  {
    store::Transaction transaction = state_->begin().value();
    apply(change(1, Purpose::email, true, 10, 1));
    ASSERT_TRUE(ledger_->merge({1}, {2}));
    EXPECT_TRUE(state_->in_transaction());
    EXPECT_EQ(found(2), Consent::given);
  }  // rolled back
  EXPECT_EQ(found(2), Consent::unknown);
}

TEST_F(ConsentLedgerTest, WritesNothingOfABatchWithAChangeOfNobody) {
  const std::vector<ConsentChange> changes{change(1, Purpose::email, true, 10, 1),
                                           change(0, Purpose::email, true, 10, 2)};
  const Status refused = ledger_->apply(changes);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(found(1), Consent::unknown);
}

// Reference: per number of arrival the maximum by (time, sequence), then over the numbers of a
// customer the latest, withdrawn first.
TEST_F(ConsentLedgerTest, EqualsANaiveFoldForRandomChangesAndMerges) {
  Rng random(20261122);
  for (int round = 0; round < 200; ++round) {
    clear();
    std::map<std::int64_t, ConsentChange> latest;  // by number of arrival
    const int count = 1 + static_cast<int>(random.below(12));
    for (int i = 1; i <= count; ++i) {
      const auto c = change(1 + static_cast<std::int64_t>(random.below(3)), Purpose::push,
                            random.chance(.5), static_cast<std::int64_t>(random.below(4)), i);
      apply(c);
      const auto [at, fresh] = latest.emplace(c.customer.value, c);
      if (!fresh && std::pair(c.time, c.sequence) > std::pair(at->second.time, at->second.sequence))
        at->second = c;
    }
    ASSERT_TRUE(ledger_->merge({2}, {1}));
    ASSERT_TRUE(ledger_->merge({3}, {1}));
    const auto best = std::ranges::max_element(latest, {}, [](const auto& entry) {
      return std::pair(entry.second.time, !entry.second.given);
    });
    ASSERT_EQ(found(1, Purpose::push), best->second.given ? Consent::given : Consent::withdrawn);
  }
}

TEST(PurposesOf, ReadsATextOrAList) {
  EXPECT_THAT(purposes_of(R"({"purpose": "email", "form": [1, {"a": 2}]})").value(),
              ElementsAre(Purpose::email));
  EXPECT_THAT(purposes_of(R"({"purpose": ["sharing", "Email", "email"]})").value(),
              ElementsAre(Purpose::email, Purpose::sharing));
}

TEST(PurposesOf, MeansPersonalisationWhereNoneIsStated) {
  for (const std::string_view text :
       {"", " ", "{}", R"({"form": "footer"})", R"({"purpose": null})"}) {
    EXPECT_THAT(purposes_of(text).value(), ElementsAre(Purpose::personalisation)) << text;
  }
}

TEST(PurposesOf, RefusesWhatItCannotRead) {
  for (const std::string_view text :
       {"[", "[]", "\"email\"", "{\"purpose\": 3}", R"({"purpose": []})", R"({"purpose": {}})",
        R"({"purpose": ["email", 1]})", R"({"purpose": "ads", "purpose": "email"})",
        R"({"purpose": null, "purpose": "email"})", "{\"purpose\": \"e"}) {
    const auto refused = purposes_of(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  }
  EXPECT_THAT(purposes_of(R"({"purpose": "emial"})").error().message,
              HasSubstr("did you mean 'email'?"));
}

TEST(WithdrawnPurposes, AreAllWhereNoneIsStatedOrWhatIsStatedCannotBeRead) {
  EXPECT_THAT(withdrawn_purposes(R"({"purpose": "email"})"), ElementsAre(Purpose::email));
  for (const char* text : {"", " ", "{}", R"({"purpose": null})", "{", "3",
                           R"({"purpose": ["email", "emial"]})", R"({"purpose": []})"}) {
    EXPECT_EQ(withdrawn_purposes(text).size(), static_cast<std::size_t>(kPurposeCount)) << text;
  }
}

TEST(EvidenceOf, ReadsSourceWordingAndProof) {
  const ConsentEvidence expected{"footer", "v2", "mail 7"};
  EXPECT_EQ(evidence_of(R"({"source":"footer","wording":"v2","proof":"mail 7","x":1})").value(),
            expected);
  EXPECT_EQ(evidence_of(R"({"source":null,"wording":3,"purpose":"email"})").value(),
            ConsentEvidence{});
  EXPECT_EQ(evidence_of("").value(), ConsentEvidence{});
  EXPECT_FALSE(evidence_of("[]"));
  EXPECT_FALSE(evidence_of("{"));
}

TEST(Purpose, HasANameThatReadsBack) {
  for (int i = 0; i < kPurposeCount; ++i) {
    const auto purpose = static_cast<Purpose>(i);
    EXPECT_EQ(parse_purpose(name(purpose)).value(), purpose);
  }
  EXPECT_EQ(purpose_names().size(), static_cast<std::size_t>(kPurposeCount));
  EXPECT_EQ(parse_purpose(" Personalisation ").value(), Purpose::personalisation);
}

}  // namespace
}  // namespace attune::privacy

#include "attune/engine/erasure.h"
#include "attune/deliver/outbox.h"
#include "attune/engage/contact_store.h"

#include <algorithm>
#include <functional>
#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "attune/base/files.h"
#include "attune/engine/admin.h"
#include "attune/engine/models.h"
#include "attune/engine/recommendations.h"
#include "forgotten_text.h"
#include "shop.h"

namespace attune::engine {
namespace {

using events::Attribute;
using events::Event;
using events::EventType;
using events::IdKey;
using events::IdKind;
using ::testing::HasSubstr;
using ::testing::Not;

class Forgetting : public Shop {
 protected:
  void TearDown() override {
    workspace_.reset();
    Shop::TearDown();
  }
  void begin() {
    workspace_.reset();
    workspace_.emplace(open());
  }

  static Event event(EventType type, std::string_view customer, std::string_view anonymous,
                     std::string_view item, std::int64_t second) {
    Event event;
    event.type = type;
    event.time = Timestamp{1'779'000'000'000'000 + second * kMicrosPerSecond};
    event.customer = customer;
    event.anonymous = anonymous;
    event.item = item;
    return event;
  }
  void record(std::vector<Event> events) { ASSERT_TRUE(workspace_->record(events)); }

  // Ann with two devices and an older number of hers, Bob who shared one of them, and Cem.
  void fill() {
    const Attribute city{"city", "Leeds"};
    std::vector<Event> all{
        event(EventType::view, "", "phone", "p1", 1),
        event(EventType::identify, "ann", "phone", "", 2),
        event(EventType::purchase, "ann", "", "p1", 3),
        event(EventType::purchase, "ann-before", "", "p2", 4),
        event(EventType::alias, "ann", "ann-before", "", 5),
        event(EventType::search, "ann", "laptop", "", 6),
        event(EventType::view, "bob", "laptop", "p3", 7),
        event(EventType::consent_withdrawn, "ann", "", "", 8),
        event(EventType::purchase, "bob", "", "p1", 9),
        event(EventType::view, "", "tablet", "p2", 10),
        event(EventType::purchase, "cem", "tablet", "p2", 11),
    };
    all[1].customer_attributes = std::span(&city, 1);
    all[2].order = "order-of-ann";
    all[2].session = "session-of-ann";
    all[5].text = "winter boots";
    record(all);
  }

  std::int64_t state(const std::string& sql) {
    const auto found = workspace_->state().find_int64(sql);
    EXPECT_TRUE(found) << found.error().message;
    return found ? found->value_or(-1) : -1;
  }
  std::int64_t history(const std::string& condition) {
    const auto found = workspace_->history().find_int64(
        fmt::format("SELECT count(*) FROM event_rows WHERE {}", condition));
    EXPECT_TRUE(found) << found.error().message;
    return found ? found->value_or(-1) : -1;
  }
  // All that history, state and profiles tell, but for keys and nonces.
  std::string told() {
    std::string text;
    auto rows = workspace_->history().query(
        "SELECT concat_ws('|', sequence, type, customer, item, coalesce(order_id, '-'), "
        "coalesce(session, '-'), personal IS NULL) FROM event_rows ORDER BY sequence");
    EXPECT_TRUE(rows && rows->for_each([&](const store::Chunk& chunk) -> Status {
      for (std::size_t i = 0; i < chunk.rows(); ++i) text += std::string(chunk.text(0, i)) + "\n";
      return {};
    }));
    EXPECT_TRUE(workspace_->identity().for_each_id(
        [&](CustomerNumber number, IdKind kind, std::string_view id) -> Status {
          text += fmt::format("{} {} {}\n", id, static_cast<int>(kind), number.value);
          return {};
        }));
    text +=
        fmt::format("{} ids, {} merges, {} traits, {} consents\n",
                    state("SELECT count(*) FROM identifiers"), state("SELECT count(*) FROM merges"),
                    state("SELECT count(*) FROM traits"), state("SELECT count(*) FROM consent"));
    return text + all_profiles(*workspace_);
  }
  ErasureReceipt forget(const std::string& id) {
    const std::vector<std::string> ids{id};
    auto receipts = workspace_->forget(ids);
    EXPECT_TRUE(receipts) << receipts.error().message;
    return receipts && receipts->size() == 1 ? receipts->front() : ErasureReceipt();
  }
  static std::int64_t touched(const ErasureReceipt& receipt, std::string_view holder) {
    for (const auto& one : receipt.holders) {
      if (one.name == holder) return one.touched;
    }
    return -1;
  }
  bool is_known(std::string_view id) { return workspace_->identity().find(id).value().has_value(); }

  std::optional<Workspace> workspace_;
};

TEST_F(Forgetting, LeavesNothingOfACustomerAndEverythingOfTheOthers) {
  begin();
  fill();
  const std::string before = all_profiles(*workspace_);
  ASSERT_THAT(before, HasSubstr("ann"));
  const ErasureReceipt receipt = forget("ann");
  for (const char* gone : {"ann", "ann-before", "phone", "laptop"})
    EXPECT_FALSE(is_known(gone)) << gone;
  for (const char* stays : {"bob", "cem", "tablet"}) EXPECT_TRUE(is_known(stays)) << stays;
  EXPECT_EQ(receipt.identifiers, 5) << "the older number is an id of both kinds";
  EXPECT_EQ(receipt.number, Sequence{12});
  EXPECT_EQ(touched(receipt, "keys"), 4);
  EXPECT_EQ(touched(receipt, "history"), 7);
  EXPECT_EQ(touched(receipt, "profiles"), 1);            // folded into one
  EXPECT_EQ(touched(receipt, "identities"), 5 + 1 + 2);  // ids, a trait, merges
  EXPECT_EQ(touched(receipt, "consent"), privacy::kPurposeCount);
  EXPECT_EQ(receipt.journal_until.micros, clock_.now().micros + 401 * kMicrosPerDay);
  EXPECT_EQ(history("customer = 0"), 7);
  EXPECT_EQ(history("customer = 0 AND personal IS NULL AND order_id IS NULL AND session IS NULL"),
            7);
  EXPECT_EQ(history("customer <> 0"), 4);
  EXPECT_EQ(state("SELECT count(*) FROM traits"), 0);
  EXPECT_EQ(state("SELECT count(*) FROM merges"), 1) << "of the tablet into Cem";
  EXPECT_EQ(state("SELECT count(*) FROM consent_changes"), 0);
  for (const int number : {1, 2, 4, 5})
    EXPECT_TRUE(*workspace_->vault().is_destroyed(CustomerNumber{number})) << number;
  EXPECT_FALSE(*workspace_->vault().is_destroyed(CustomerNumber{7}));
  std::string others = before;
  const std::size_t line =
      others.rfind('\n', others.find("ann ")) + 1;  // the first has no line before
  others.erase(line, others.find('\n', line) + 1 - line);
  EXPECT_EQ(all_profiles(*workspace_), others);
}

TEST_F(Forgetting, TakesBackWhatWaitsToBeSentAndWhomItWasSentTo) {
  begin();
  fill();
  const CustomerNumber ann = *workspace_->identity().find("ann").value();
  const CustomerNumber bob = *workspace_->identity().find("bob").value();
  auto outbox = deliver::Outbox::open(workspace_->state(), workspace_->vault()).value();
  auto contacts = engage::ContactStore::open(workspace_->state()).value();
  for (const auto& [key, customer] : {std::pair("to-ann", ann), std::pair("to-bob", bob)}) {
    deliver::Message message;
    message.key = key;
    message.provider = "mail";
    message.customer = customer;
    message.content = "hello";
    message.address = "somebody@example.com";
    ASSERT_TRUE(outbox.add(std::span(&message, 1), clock_.now()));
    const engage::CustomerContact contact{customer, {.time = clock_.now(), .campaign = 1}};
    ASSERT_TRUE(contacts.record(std::span(&contact, 1)));
  }
  const ErasureReceipt receipt = forget("ann");
  EXPECT_EQ(touched(receipt, "outbox"), 1);
  EXPECT_EQ(touched(receipt, "contacts"), 1);
  EXPECT_EQ(state("SELECT count(*) FROM contacts"), 1);
  const auto left = outbox.find("to-ann").value();
  EXPECT_TRUE(!left || left->customer.value == 0 || left->state == deliver::MessageState::withheld);
  EXPECT_EQ(outbox.find("to-bob").value()->state, deliver::MessageState::queued);
}

TEST_F(Forgetting, SaysTheSameAgainWhereItIsAskedTwiceAndNothingOfOneNobodyKnows) {
  begin();
  fill();
  const std::vector<std::string> nobody{"bob", "nobody"};
  const auto refused = workspace_->forget(nobody);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::not_found);
  EXPECT_THAT(refused.error().message, HasSubstr("nobody"));
  EXPECT_TRUE(is_known("bob")) << "all or none";
  const ErasureReceipt receipt = forget("ann");
  EXPECT_EQ(forget("ann"), receipt);
  EXPECT_EQ(forget("laptop"), receipt) << "by another id of theirs";
  begin();
  EXPECT_EQ(forget("ann-before"), receipt);
  const auto again = parse_receipt(to_json(receipt));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, receipt);
  EXPECT_THAT(to_json(receipt), Not(HasSubstr("ann")));
  for (const char* broken : {"", "{}", "[1]", R"({"number":1,"identifiers":2,"holders":3})"})
    EXPECT_EQ(parse_receipt(broken).error().code, ErrorCode::data_corruption) << broken;
  EXPECT_EQ(workspace_->journal().last_sequence(), Sequence{12}) << "nothing more was journalled";
}

TEST_F(Forgetting, ForgetsSeveralAtOnce) {
  begin();
  fill();
  const std::vector<std::string> ids{"ann", "cem"};
  const auto receipts = workspace_->forget(ids);
  ASSERT_TRUE(receipts);
  ASSERT_EQ(receipts->size(), 2u);
  EXPECT_NE((*receipts)[0].number, (*receipts)[1].number);
  EXPECT_FALSE(is_known("cem"));
  EXPECT_FALSE(is_known("tablet"));
  EXPECT_EQ(history("customer <> 0"), 2);
}

TEST_F(Forgetting, LetsNoLaterEventOfTheirsIn) {
  begin();
  fill();
  forget("ann");
  const std::string before = told();
  const Attribute trait{"city", "York"};
  std::vector<Event> later{event(EventType::purchase, "ann", "", "p9", 20),
                           event(EventType::view, "", "phone", "p1", 21),
                           event(EventType::identify, "ann", "new-device", "", 22),
                           event(EventType::consent_given, "ann", "", "", 23),
                           event(EventType::customer_changed, "ann", "", "", 24),
                           // The strings as the other kind of id.
                           event(EventType::view, "", "ann", "p1", 25),
                           event(EventType::view, "phone", "", "p1", 26)};
  later[4].customer_attributes = std::span(&trait, 1);
  record(later);
  EXPECT_EQ(history("true"), 11);
  EXPECT_FALSE(is_known("ann"));
  EXPECT_FALSE(is_known("phone"));
  EXPECT_EQ(state("SELECT count(*) FROM traits"), 0);
  EXPECT_EQ(state("SELECT count(*) FROM consent"), 0);
  // A device that she was seen with only then stands alone.
  EXPECT_TRUE(is_known("new-device"));
  // An old number of hers leads nobody to her, and a device of hers may be Bob's.
  record({event(EventType::alias, "dora", "ann-before", "", 30),
          event(EventType::view, "bob", "phone", "p2", 31)});
  EXPECT_EQ(state("SELECT count(*) FROM merges"), 1) << "the one of tablet and Cem";
  EXPECT_EQ(history("customer = 7"), 3);
  EXPECT_EQ(told().substr(0, 40), before.substr(0, 40));
}

TEST_F(Forgetting, LeavesTheirRowsOfALaterImportOut) {
  begin();
  import(*workspace_, write("week1.csv", order_lines(0, 90)));
  const std::int64_t all = history("customer <> 0");
  forget("c3");
  const std::int64_t others = history("customer <> 0");
  ASSERT_LT(others, all);
  const ImportResult again = import(*workspace_, write("week1.csv", order_lines(0, 90)));
  EXPECT_EQ(again.rows_new, 0);
  const std::string text = order_lines(90, 60) +
                           "7000,c3,p1,Thing,kind,not a date,1,2.00\n"
                           "7001,c4,p1,Thing,kind,not a date,1,2.00\n";
  const ImportResult next = import(*workspace_, write("week2.csv", text));
  EXPECT_FALSE(is_known("c3"));
  EXPECT_EQ(history("customer <> 0") + history("customer = 0"), 90 + next.rows_new);
  const auto& report = next.report;
  EXPECT_EQ(report.reasons.at("forgotten").count, 60 - next.rows_new);
  EXPECT_GT(report.reasons.at("forgotten").count, 0);
  EXPECT_THAT(report.to_json(), Not(HasSubstr("c3")));
  ASSERT_EQ(next.quarantine.size(), 1u);
  const std::string refused = *read_file(next.quarantine[0]);
  EXPECT_THAT(refused, Not(HasSubstr("c3")));
  EXPECT_THAT(refused, HasSubstr("c4"));
}

TEST_F(Forgetting, CleansWhatCouldNotBecomeEvents) {
  begin();
  const std::string rows = order_lines(0, 30) +
                           "7000,c3,p1,\"Thing\nof two lines\",kind,no,1,2\n"
                           "7001,c33,p1,Thing,kind,no,1,2\n"
                           "7002,\"c3\",p1,Thing,kind,no,1,2\n";
  const ImportResult imported = import(*workspace_, write("orders.csv", rows));
  ASSERT_EQ(imported.quarantine.size(), 1u);
  ASSERT_THAT(workspace_->imports()->front().report_json, HasSubstr("c3,"));
  const RefusedMessage messages[] = {
      {0, Timestamp{}, "track", "bad", "", "", R"({"userId":"c3","event":5})"},
      {0, Timestamp{}, "track", "bad", "", "", R"({"userId":"c4","context":{"ids":["x","c3"]}})"},
      {0, Timestamp{}, "track", "bad", "", "", R"({"userId":"c4","note":"as c3 said"})"}};
  std::vector<std::string> payloads;
  for (const auto& message : messages) {
    payloads.push_back(message.serialise());
    ASSERT_TRUE(workspace_->journal().append(
        store::JournalEntry{static_cast<std::uint16_t>(EntryKind::refused), payloads.back(), 1}));
  }
  const ErasureReceipt receipt = forget("c3");
  EXPECT_EQ(touched(receipt, "refused messages"), 2);
  EXPECT_EQ(touched(receipt, "quarantine of imports"), 2);
  EXPECT_EQ(touched(receipt, "reports of imports"), 1);
  EXPECT_EQ(workspace_->refused_count().value(), 1);
  const std::string kept = *read_file(imported.quarantine[0]);
  EXPECT_THAT(kept, Not(HasSubstr("7000")));
  EXPECT_THAT(kept, Not(HasSubstr("7002")));
  EXPECT_THAT(kept, HasSubstr("7001,c33,p1,Thing"));
  EXPECT_THAT(workspace_->imports()->front().report_json, Not(HasSubstr("c3,")));
  // One that comes later is not kept.
  ASSERT_TRUE(workspace_->journal().append(
      store::JournalEntry{static_cast<std::uint16_t>(EntryKind::refused), payloads.front(), 1}));
  ASSERT_TRUE(workspace_->catch_up(quiet_));
  EXPECT_EQ(workspace_->refused_count().value(), 1);
}

// The state, the history or both as they were at three moments: whatever the disk held when the
// lights went out, what is forgotten stays forgotten, and the rest is the same.
TEST_F(Forgetting, ComesToTheSameHoweverFarTheStoresHadComeWhenItCrashed) {
  const std::map<std::string, std::vector<const char*>> files{
      {"state.sqlite", {"", "-wal", "-shm"}}, {"history.duckdb", {"", ".wal"}}};
  const auto keep = [&](const std::string& moment) {
    workspace_.reset();
    std::filesystem::create_directories(root_ / moment);
    for (const auto& [name, endings] : files)
      std::filesystem::copy_file(folder() / name, root_ / moment / name);
  };
  begin();
  record({event(EventType::view, "", "phone", "p1", 0)});
  keep("early");
  begin();
  fill();
  told();  // folds profiles
  keep("before");
  begin();
  forget("ann");
  record({event(EventType::purchase, "ann", "", "p9", 20),
          event(EventType::purchase, "ann", "other", "p9", 20),
          event(EventType::purchase, "bob", "", "p2", 21)});
  const std::string expected = told();
  ASSERT_THAT(expected, HasSubstr("bob"));
  ASSERT_THAT(expected, Not(HasSubstr("\nann")));
  keep("after");
  for (const char* of_state : {"early", "before", "after"}) {
    for (const char* of_history : {"early", "before", "after"}) {
      workspace_.reset();
      for (const auto& [name, endings] : files) {
        for (const char* ending : endings) std::filesystem::remove(folder() / (name + ending));
        const char* moment = name == "state.sqlite" ? of_state : of_history;
        std::filesystem::copy_file(root_ / moment / name, folder() / name);
      }
      begin();
      EXPECT_EQ(told(), expected) << of_state << ", " << of_history;
      EXPECT_EQ(forget("ann").number, Sequence{13}) << of_state << ", " << of_history;
    }
  }
  // The history lost altogether.
  workspace_.reset();
  for (const char* ending : files.at("history.duckdb"))
    std::filesystem::remove(folder() / (std::string("history.duckdb") + ending));
  begin();
  EXPECT_EQ(told(), expected);
}

TEST_F(Forgetting, ForgetsAgainInABackupThatWasMadeBefore) {
  begin();
  fill();
  ASSERT_TRUE(back_up(*workspace_, root_ / "with.attune", true, quiet_));
  ASSERT_TRUE(back_up(*workspace_, root_ / "without.attune", false, quiet_));
  // A life after the backup, whose numbers will be given again.
  record(
      {event(EventType::view, "dora", "", "p1", 30), event(EventType::view, "eve", "", "p1", 31)});
  forget("ann");
  forget("dora");
  workspace_.reset();
  const std::filesystem::path list = folder() / "keys" / kSuppressedName;
  const auto check = [&] {
    EXPECT_FALSE(is_known("ann"));
    EXPECT_FALSE(is_known("laptop"));
    EXPECT_TRUE(is_known("bob"));
    EXPECT_EQ(history("customer = 0 AND personal IS NULL"), 7);
    // New customers get numbers of the life that was lost, and keys; Dora and Ann stay out.
    std::vector<Event> later;
    std::vector<std::string> names;
    for (int i = 0; i < 6; ++i) names.push_back(fmt::format("new-{}", i));
    for (const std::string& name : names)
      later.push_back(event(EventType::search, name, "", "", 40));
    for (Event& one : later) one.text = "scarf";
    later.push_back(event(EventType::view, "dora", "", "p1", 41));
    later.push_back(event(EventType::view, "ann", "", "p1", 42));
    record(later);
    EXPECT_FALSE(is_known("dora"));
    EXPECT_FALSE(is_known("ann"));
    EXPECT_TRUE(is_known("new-5"));
    EXPECT_EQ(history("type = 0 AND customer = 0 AND item <> 0 AND sequence > 12"), 0);
  };
  ASSERT_TRUE(restore_folder(root_ / "with.attune", root_ / "again", quiet_, list));
  workspace_.emplace(open(root_ / "again"));
  check();
  workspace_.reset();
  ASSERT_TRUE(restore_folder(root_ / "without.attune", root_ / "sealed", quiet_));
  std::filesystem::remove_all(root_ / "sealed" / "keys");
  std::filesystem::copy(folder() / "keys", root_ / "sealed" / "keys");
  workspace_.emplace(open(root_ / "sealed"));
  check();
}

TEST_F(Forgetting, EmptiesTheirRowInEveryVersionOfEveryModel) {
  begin();
  import(*workspace_, write("orders.csv", order_lines(0, 400, 23)));
  TrainRequest request;
  request.names = {"ials", "item_knn"};
  ASSERT_TRUE(train(*workspace_, request, quiet_));
  ASSERT_TRUE(train(*workspace_, request, quiet_));
  const ModelRegistry registry(folder() / "models");
  const CustomerNumber number = **workspace_->identity().find("c3");
  const auto entries = [&](const char* name) {
    const auto model = registry.load(name);
    EXPECT_TRUE(model);
    const auto row = model->row(number);
    return row ? model->recommender->interactions().by_customer().columns_of(*row).size() : 0;
  };
  ASSERT_GT(entries("ials"), 0u);
  const ErasureReceipt receipt = forget("c3");
  for (const char* version :
       {"model ials/1", "model ials/2", "model item_knn/1", "model item_knn/2"})
    EXPECT_EQ(touched(receipt, version), 1) << version;
  EXPECT_EQ(entries("ials"), 0u);
  ASSERT_TRUE(registry.activate("ials", 1));
  EXPECT_EQ(entries("ials"), 0u);
  EXPECT_EQ(entries("item_knn"), 0u);
  auto recommending = Recommending::open(*workspace_, {});
  ASSERT_TRUE(recommending);
  EXPECT_EQ(recommending->for_customer("c3").error().code, ErrorCode::not_found);
  EXPECT_TRUE(recommending->for_customer("c4"));
  // Nothing is written anew that is clean already.
  EXPECT_TRUE(
      registry.forget(std::vector<privacy::ForgottenNumber>{{number, receipt.number}})->empty());
}

TEST_F(Forgetting, ReachesATrainingThatReadThemBefore) {
  begin();
  import(*workspace_, write("orders.csv", order_lines(0, 400, 23)));
  const CustomerNumber number = **workspace_->identity().find("c3");
  TrainRequest request;
  request.names = {"ials"};
  request.when_read = [&] { forget("c3"); };
  const auto made = train(*workspace_, request, quiet_);
  ASSERT_TRUE(made);
  const ModelRegistry registry(folder() / "models");
  const auto entries = [&] {
    const auto model = registry.load("ials");
    return model->recommender->interactions().by_customer().columns_of(*model->row(number)).size();
  };
  ASSERT_GT(entries(), 0u);
  begin();  // as after a crash before the service could
  EXPECT_EQ(entries(), 0u);
}

class TextOfForgotten : public Forgetting {
 protected:
  void SetUp() override {
    Forgetting::SetUp();
    begin();
    const auto& identity = workspace_->identity();
    const IdKey wanted{IdKind::customer, identity.fingerprint(IdKind::customer, "c 3")};
    text_.emplace(identity, [wanted](const IdKey& id) { return id == wanted; });
  }
  std::optional<ForgottenText> text_;
};

TEST_F(TextOfForgotten, FindsAnIdAsAValueOfItsOwn) {
  for (const char* names : {"c 3", " c 3 \n", "1,c 3,2", "1;\"c 3\";2", "c 3\t1", "x|c 3",
                            R"({"a":{"b":[1,"c 3"]}})", R"(["c 3"])", R"({"a":"c\u00203"})",
                            R"({"a":"\"","b":"c 3", broken)", "\"two\nlines\",c 3"})
    EXPECT_TRUE(text_->names(names)) << names;
  for (const char* other : {"", "c 33", "cc 3,1", "say c 3", R"({"c 3":"a"})", R"({"a":"to c 3"})",
                            "\"a,c 3\"", "{", "[[[[", "\"", "\xff\xfe"})
    EXPECT_FALSE(text_->names(other)) << other;
}

TEST_F(TextOfForgotten, TakesRowsOutOfAFileAndLeavesTheOthersAsTheyAre) {
  const auto table = write("quarantine.csv", "line,id\n1,c 3\n2,\"c\nx\"\n3,c 4\n4,\"c 3\"");
  EXPECT_EQ(*text_->clean(table), 2);
  EXPECT_EQ(*read_file(table), "line,id\n2,\"c\nx\"\n3,c 4\n");
  EXPECT_EQ(*text_->clean(table), 0);
  const auto lines = write("quarantine.jsonl", "{\"id\":\"c 3\"}\n{\"id\":\"it's \\\"c 3\"}\n");
  EXPECT_EQ(*text_->clean(lines), 1);
  EXPECT_EQ(*read_file(lines), "{\"id\":\"it's \\\"c 3\"}\n");
  EXPECT_EQ(text_->clean(root_ / "none.csv").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace attune::engine

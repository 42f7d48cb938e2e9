#include "../permissions.h"

#include <gmock/gmock.h>

#include "../campaign_lists.h"
#include "../pending_events.h"
#include "../sending_gate.h"
#include "attune/engine/campaigns.h"
#include "attune/engine/consents.h"
#include "shop.h"

namespace attune::engine {
namespace {

using events::Attribute;
using events::Event;
using events::EventType;
using privacy::Consent;
using privacy::Purpose;
using privacy::SuppressionReason;
using ::testing::HasSubstr;
using ::testing::Not;

class PermissionsTest : public Shop {
 protected:
  void SetUp() override {
    Shop::SetUp();
    workspace_.emplace(open());
  }
  void TearDown() override {
    workspace_.reset();
    Shop::TearDown();
  }

  static Event event(EventType type, std::string_view customer, std::int64_t second,
                     std::string_view properties = {}, std::string_view channel = {}) {
    Event event;
    event.type = type;
    event.time = Timestamp{1'779'000'000'000'000 + second * kMicrosPerSecond};
    event.customer = customer;
    event.properties = properties;
    event.channel = channel;
    return event;
  }
  void record(std::vector<Event> events) { ASSERT_TRUE(workspace_->record(events)); }
  void say(EventType type, std::string_view customer, std::int64_t second,
           std::string_view properties = {}, std::string_view channel = {}) {
    record({event(type, customer, second, properties, channel)});
  }
  void name_address(std::string_view customer, std::string_view address, std::int64_t second) {
    const Attribute trait{"email", address};
    Event one = event(EventType::identify, customer, second);
    one.customer_attributes = std::span(&trait, 1);
    record({one});
  }
  CustomerNumber number(std::string_view id) { return *workspace_->identity().find(id).value(); }
  Consent consent(std::string_view id, Purpose purpose) {
    return workspace_->consent().find(number(id), purpose).value();
  }
  std::optional<SuppressionReason> suppressed(std::string_view address,
                                              std::string_view kind = "email") {
    auto list = privacy::SuppressionList::open(workspace_->state()).value();
    const auto found =
        list.find(privacy::suppression_key(workspace_->vault(), kind, address)).value();
    return found ? std::optional(found->reason) : std::nullopt;
  }

  std::optional<Workspace> workspace_;
};

// A word that is dated ahead of its arrival does not outlive what is said after it.
TEST_F(PermissionsTest, TakeAWithdrawalAfterAConsentOfTheFuture) {
  name_address("ann", "ann@mail.example", 1);
  say(EventType::consent_given, "ann", 400'000'000, R"({"purpose":"email"})");
  EXPECT_EQ(consent("ann", Purpose::email), Consent::given);
  Event regret = event(EventType::unsubscribe, "ann", 0, "", "email");
  regret.time = workspace_->now();
  record({regret});
  EXPECT_EQ(consent("ann", Purpose::email), Consent::withdrawn);
  EXPECT_EQ(suppressed("ann@mail.example"), SuppressionReason::unsubscribed);
}

TEST_F(PermissionsTest, RefuseAConsentThatIsStillToCome) {
  ConsentStatement told;
  told.customer = "ann";
  told.purposes = {"email"};
  told.given = true;
  const Timestamp now = workspace_->now();
  told.time = {now.micros + 2 * kMicrosPerDay};
  EXPECT_THAT(to_string(state_consent(*workspace_, told).error()), HasSubstr("still to come"));
  told.time = {now.micros + kMicrosPerHour};  // the end of today
  ASSERT_TRUE(state_consent(*workspace_, told));
  EXPECT_LE(workspace_->consent().changes(number("ann"))->back().time, workspace_->now());
}

TEST_F(PermissionsTest, TakeAnUnsubscribeForThePurposeOfItsChannelAndTheAddress) {
  name_address("ann", "Ann@mail.example", 1);
  for (const char* purpose : {R"({"purpose":"email"})", R"({"purpose":"sms"})"})
    say(EventType::consent_given, "ann", 2, purpose);
  say(EventType::unsubscribe, "ann", 3, "", "email");
  EXPECT_EQ(consent("ann", Purpose::email), Consent::withdrawn);
  EXPECT_EQ(consent("ann", Purpose::sms), Consent::given);
  EXPECT_EQ(suppressed("ann@mail.example"), SuppressionReason::unsubscribed);
  EXPECT_EQ(workspace_->consent().changes(number("ann"))->back().evidence.source, "unsubscribe");
}

TEST_F(PermissionsTest, LetACustomerComeBackFromAnUnsubscribeAloneWhateverTheOrder) {
  for (const bool late : {false, true}) {
    const std::string id = late ? "ann" : "bob";
    const std::string address = id + "@mail.example";
    name_address(id, address, 1);
    if (late) say(EventType::consent_given, id, 9, R"({"purpose":"email"})");
    say(EventType::unsubscribe, id, 5, "", "email");
    if (!late) {
      EXPECT_EQ(suppressed(address), SuppressionReason::unsubscribed);
      say(EventType::consent_given, id, 9, R"({"purpose":"email"})");
    }
    EXPECT_EQ(consent(id, Purpose::email), Consent::given);
    EXPECT_EQ(suppressed(address), std::nullopt) << id;
    say(EventType::message_complained, id, 6, "", "email");
    EXPECT_EQ(suppressed(address), SuppressionReason::complained);
    say(EventType::consent_given, id, 20, R"({"purpose":"email"})");
    EXPECT_EQ(suppressed(address), SuppressionReason::complained) << "no consent takes it back";
  }
}

TEST_F(PermissionsTest, SuppressWhatBouncesForGoodAndKeepTheConsent) {
  name_address("ann", "ann@mail.example", 1);
  say(EventType::consent_given, "ann", 2, R"({"purpose":"email"})");
  say(EventType::message_bounced, "ann", 3, R"({"status":"4.2.2"})", "email");
  EXPECT_EQ(suppressed("ann@mail.example"), std::nullopt);
  say(EventType::message_bounced, "ann", 4, R"({"status":"5.1.1","email":"old@mail.example"})");
  EXPECT_EQ(suppressed("ann@mail.example"), std::nullopt);
  EXPECT_EQ(suppressed("old@mail.example"), SuppressionReason::bounced);
  say(EventType::message_bounced, "ann", 5, R"({"code":550})", "email");
  EXPECT_EQ(suppressed("ann@mail.example"), SuppressionReason::bounced);
  EXPECT_EQ(consent("ann", Purpose::email), Consent::given);
}

TEST_F(PermissionsTest, CountAWithdrawalThatCannotBeReadForEveryPurpose) {
  for (const std::string_view purpose : privacy::purpose_names()) {
    const std::string properties = R"({"purpose":")" + std::string(purpose) + "\"}";
    say(EventType::consent_given, "ann", 1, properties);
  }
  say(EventType::consent_given, "bob", 1, R"({"purpose":"emial"})");
  say(EventType::consent_withdrawn, "ann", 2, R"({"purpose":["email","emial"]})");
  for (int i = 0; i < privacy::kPurposeCount; ++i) {
    EXPECT_EQ(consent("ann", static_cast<Purpose>(i)), Consent::withdrawn) << i;
    EXPECT_EQ(consent("bob", static_cast<Purpose>(i)), Consent::unknown) << i;
  }
}

TEST_F(PermissionsTest, KeepTheEvidenceOfAConsent) {
  say(EventType::consent_given, "ann", 1,
      R"({"purpose":"email","source":"checkout","wording":"news v3","proof":"form 7"})");
  const auto changes = workspace_->consent().changes(number("ann")).value();
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].evidence, (privacy::ConsentEvidence{"checkout", "news v3", "form 7"}));
}

TEST_F(PermissionsTest, GroupEventsWithoutAChangeOfWhatTheySay) {
  // An unsubscribe from the old address, and the new one in the same group.
  const auto tell = [&](const std::string& id, bool together) {
    const std::string old = id + "@old.example", fresh = id + "@new.example";
    name_address(id, old, 1);
    const Attribute trait{"email", fresh};
    Event moved = event(EventType::identify, id, 3);
    moved.customer_attributes = std::span(&trait, 1);
    const Event objects = event(EventType::unsubscribe, id, 2, "", "email");
    if (together) {  // two entries, applied by one catch-up
      for (const Event& one : {objects, moved}) {
        ASSERT_TRUE(workspace_->journal().append(store::JournalEntry{
            static_cast<std::uint16_t>(EntryKind::events), events::bundle_events({&one, 1}), 1}));
      }
      ASSERT_TRUE(workspace_->catch_up(quiet_));
    } else {
      record({objects});
      record({moved});
    }
    EXPECT_EQ(suppressed(old), SuppressionReason::unsubscribed) << id;
    EXPECT_EQ(suppressed(fresh), std::nullopt) << id;
  };
  tell("ann", false);
  tell("bob", true);
}

TEST_F(PermissionsTest, ReachImportedUnsubscribes) {
  name_address("c1", "c1@mail.example", 1);
  import(
      *workspace_,
      write(
          "events.jsonl",
          R"({"event":"unsubscribe","customer_id":"c1","time":"2026-05-20T10:00:00Z","channel":"email"})"
          "\n"
          R"({"event":"view","customer_id":"c2","item_id":"p","time":"2026-05-20T10:00:00Z"})"
          "\n"));
  EXPECT_EQ(consent("c1", Purpose::email), Consent::withdrawn);
  EXPECT_EQ(suppressed("c1@mail.example"), SuppressionReason::unsubscribed);
}

TEST_F(PermissionsTest, CarryContactsAndSuppressionsThroughMerges) {
  say(EventType::purchase, "ann", 1);
  say(EventType::purchase, "ann-before", 2);
  const CustomerNumber ann = number("ann"), before = number("ann-before");
  auto contacts = engage::ContactStore::open(workspace_->state()).value();
  const engage::CustomerContact contact{before, {Timestamp{100}, 1, decide::Channel::email}};
  ASSERT_TRUE(contacts.record(std::span(&contact, 1)));
  auto list = privacy::SuppressionList::open(workspace_->state()).value();
  const privacy::Suppression manual{
      privacy::suppression_key(workspace_->vault(), "customer", "ann-before"),
      SuppressionReason::manual, Timestamp{1}};
  ASSERT_TRUE(list.add(std::span(&manual, 1)));
  Event alias = event(EventType::alias, "ann", 3);
  alias.anonymous = "ann-before";
  record({alias});
  engage::ContactColumns of_ann;
  ASSERT_TRUE(contacts.load(std::span(&ann, 1), Timestamp{0}, of_ann));
  EXPECT_EQ(of_ann.contacts.size(), 1u);
  EXPECT_EQ(suppressed("ann", "customer"), SuppressionReason::manual);
  ASSERT_TRUE(workspace_->separate("ann-before"));
  ASSERT_TRUE(contacts.load(std::span(&ann, 1), Timestamp{0}, of_ann));
  EXPECT_EQ(of_ann.contacts.size(), 0u);
  ASSERT_TRUE(contacts.load(std::span(&before, 1), Timestamp{0}, of_ann));
  EXPECT_EQ(of_ann.contacts.size(), 1u);
}

TEST_F(PermissionsTest, AreForgottenInListsAndWaitingEvents) {
  say(EventType::purchase, "ann", 1);
  say(EventType::purchase, "=bob", 1);
  say(EventType::purchase, "cem", 1);
  const auto lists = workspace_->folder().root() / kListsFolder;
  std::filesystem::create_directories(lists);
  std::ofstream(lists / "spring-20260501T0900Z.csv")
      << "\xEF\xBB\xBFmessage,customer,address\r\nm1,ann,ann@mail.example\r\n"
         "m2,'=bob,b@mail.example\r\nm3,cem,cem@mail.example\r\n";
  const Event waiting = event(EventType::decision, "ann", 5);
  {
    PendingEvents pending = PendingEvents::open(*workspace_).value();
    store::Transaction transaction = workspace_->state().begin().value();
    ASSERT_TRUE(pending.add(std::span(&waiting, 1)));
    ASSERT_TRUE(transaction.commit());
  }
  const std::vector<std::string> ids{"ann", "=bob"};
  const auto receipts = workspace_->forget(ids);
  ASSERT_TRUE(receipts) << to_string(receipts.error());
  EXPECT_EQ(PendingEvents::open(*workspace_)->count().value(), 0);
  std::ifstream in(lists / "spring-20260501T0900Z.csv");
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  EXPECT_THAT(text, Not(HasSubstr("mail.example\r\nm2")));
  EXPECT_THAT(text, Not(HasSubstr("bob")));
  EXPECT_THAT(text, Not(HasSubstr("ann")));
  EXPECT_THAT(text, HasSubstr("m3,cem,cem@mail.example"));
  EXPECT_THAT(to_json(receipts->front()), HasSubstr("send lists"));
}

TEST_F(PermissionsTest, FollowTheRulesOfTheRegionThatTheSettingsState) {
  workspace_.reset();
  std::ofstream(folder() / "attune.toml")
      << "[consent]\nregion = \"land\"\nrules = [\"US:email=opt-out\", \"US-CA:email=opt-in\"]\n";
  workspace_.emplace(open());
  const ShopConsent& shop = workspace_->shop_consent();
  EXPECT_EQ(shop.region_trait, "land");
  EXPECT_TRUE(shop.by_region(Purpose::email));
  EXPECT_FALSE(shop.by_region(Purpose::sms));
  EXPECT_EQ(shop.mode("us-ny", Purpose::email), privacy::ConsentMode::opt_out);
  EXPECT_EQ(shop.mode("US-CA", Purpose::email), privacy::ConsentMode::opt_in);
  EXPECT_EQ(shop.mode("", Purpose::email), privacy::ConsentMode::opt_in);
  workspace_.reset();
  std::ofstream(folder() / "attune.toml") << "[consent]\nrules = [\"US:emial=opt-out\"]\n";
  WorkspaceOptions options;
  options.clock = &clock_;
  const auto refused = Workspace::open(folder(), options);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("attune.toml:2: consent.rules: "));
  EXPECT_THAT(refused.error().message, HasSubstr("email"));
}

}  // namespace
}  // namespace attune::engine

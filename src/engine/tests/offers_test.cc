// Offers on pages, through all gates.
#include <gmock/gmock.h>

#include "campaign_shop.h"

namespace attune::engine {
namespace {

using decide::StopReason;
using testing::HasSubstr;

class Offers : public CampaignsTest {
 protected:
  // Of the channel on_page, whose purpose is personalisation: opt-out.
  static std::string on_page(const std::string& more = {}, const std::string& surface = "home") {
    std::string text = definition(more);
    const std::string channel = "channel = \"email\"\n";
    text.replace(text.find(channel), channel.size(),
                 "channel = \"on_page\"\nsurface = \"" + surface + "\"\n");
    return text;
  }
  // Each time a millisecond later: what is asked twice in a moment is one decision.
  OfferAnswer ask(const OfferRequest& request, Timestamp now = {kNow}) {
    now.micros += 1000 * ++asked_;
    Customers everybody = customers(*workspace_);
    Campaigns all = campaigns();
    auto answer = all.offers(request, everybody, now);
    if (!answer) ADD_FAILURE() << to_string(answer.error());
    EXPECT_TRUE(all.pump());
    return answer.value_or(OfferAnswer());
  }
  OfferAnswer ask(int customer, Timestamp now = {kNow}) {
    return ask({.customer = fmt::format("c{}", customer), .anonymous = {}, .surface = "home"}, now);
  }
  Status record(EventType type, std::string_view customer, std::string_view anonymous,
                std::string_view properties, std::string_view decision = {}) {
    events::Event event;
    event.type = type;
    event.time = {kNow};
    event.customer = customer;
    event.anonymous = anonymous;
    event.properties = properties;
    event.decision = decision;
    event.item = type == EventType::view ? "p1" : "";
    const auto done = workspace_->record(std::span(&event, 1));
    return done ? Status{} : std::unexpected(done.error());
  }
  // A customer who is, or is not, left alone.
  int somebody(bool held) {
    for (int i = 0; i < kCustomers; ++i) {
      const OfferAnswer answer = ask(i);
      if (answer.offers.empty() == held) return i;
    }
    ADD_FAILURE();
    return 0;
  }

  int asked_ = 0;
};

TEST_F(Offers, AreTheSameForACustomerWheneverTheyAsk) {
  start(on_page());
  int held = 0;
  for (int i = 0; i < 40; ++i) {
    const OfferAnswer first = ask(i), second = ask(i, days_later(1));
    EXPECT_TRUE(first.known);
    ASSERT_EQ(first.offers.size(), second.offers.size()) << i;
    if (first.offers.empty()) {
      ++held;
      ASSERT_EQ(first.not_offered.size(), 1u);
      EXPECT_EQ(first.not_offered[0].reason, StopReason::held_out);
      continue;
    }
    EXPECT_EQ(first.offers[0].treatment, second.offers[0].treatment);
    EXPECT_NE(first.offers[0].id, second.offers[0].id);
    EXPECT_EQ(first.offers[0].content, "offer");
    EXPECT_EQ(first.offers[0].probability, .5);
  }
  EXPECT_GT(held, 2);
  EXPECT_LT(held, 20);
  EXPECT_EQ(logged(EventType::assignment), 80);
  EXPECT_EQ(in_state("SELECT count(*) FROM outbox"), 0);
}

TEST_F(Offers, AreNotMadeToWhoeverWithdrewOrIsUnknown) {
  start(on_page());
  const int customer = somebody(false);
  const std::string id = fmt::format("c{}", customer);
  ASSERT_TRUE(record(EventType::consent_withdrawn, id, {}, R"({"purpose":"personalisation"})"));
  const OfferAnswer answer = ask(customer);
  EXPECT_TRUE(answer.offers.empty());
  ASSERT_EQ(answer.not_offered.size(), 1u);
  EXPECT_EQ(answer.not_offered[0].reason, StopReason::consent_withdrawn);
  const OfferAnswer stranger = ask({.customer = "nobody", .anonymous = {}, .surface = "home"});
  EXPECT_FALSE(stranger.known);
  EXPECT_TRUE(stranger.offers.empty());
  EXPECT_FALSE(ask({.customer = {}, .anonymous = id, .surface = "home"}).known)
      << "the id of a customer is no session's";
  EXPECT_EQ(workspace_->identity().find("nobody").value(), std::nullopt);
}

TEST_F(Offers, ReachASessionWithoutAccountOnceAnEventNamedIt) {
  std::string text = on_page();
  text.replace(text.find("monetary_cents > 0"), 18, "monetary_cents = 0");
  start(text);
  const OfferRequest session{.customer = {}, .anonymous = "cookie-1", .surface = "home"};
  EXPECT_FALSE(ask(session).known);
  int offered = 0;
  for (int i = 0; i < 12; ++i) {
    OfferRequest visitor = session;
    visitor.anonymous = fmt::format("cookie-{}", i);
    ASSERT_TRUE(record(EventType::view, {}, visitor.anonymous, {}));
    const OfferAnswer answer = ask(visitor);
    EXPECT_TRUE(answer.known);
    EXPECT_EQ(answer.offers.size() + answer.not_offered.size(), 1u);
    offered += static_cast<int>(answer.offers.size());
  }
  EXPECT_GT(offered, 4);
}

TEST_F(Offers, AreCappedAndPaidLikeMessages) {
  start(
      on_page("[[caps]]\nscope = \"campaign\"\nperiod = \"day\"\nlimit = 2\n"
              "[budget]\nmessages = 3\n"));
  const int customer = somebody(false);  // that was the first
  EXPECT_EQ(ask(customer).offers.size(), 1u);
  const OfferAnswer third = ask(customer);
  EXPECT_TRUE(third.offers.empty());
  EXPECT_EQ(third.not_offered.at(0).reason, StopReason::cap_reached);
  EXPECT_THAT(third.not_offered[0].note, HasSubstr("day"));
  EXPECT_EQ(ask(customer, days_later(1)).offers.size(), 1u);
  EXPECT_EQ(ask(customer, days_later(2)).not_offered.at(0).reason, StopReason::budget_messages);
  const CampaignStatus status = campaigns().status("spring", {kNow}).value();
  EXPECT_EQ(status.budget->spent.messages, 3);
  EXPECT_EQ(status.budget->reserved.messages, 0);
  EXPECT_FALSE(status.next_run);
}

TEST_F(Offers, BelongToTheirSurface) {
  start(on_page({}, "basket"));
  const int customer = 5;
  const std::string id = fmt::format("c{}", customer);
  EXPECT_TRUE(ask(customer).not_offered.empty()) << "another surface asks nobody";
  EXPECT_EQ(logged(EventType::assignment), 0);
  const OfferAnswer there = ask({.customer = id, .anonymous = {}, .surface = "basket"});
  EXPECT_EQ(there.offers.size() + there.not_offered.size(), 1u);
}

TEST_F(Offers, AreCountedOnceShownAndClicked) {
  start(on_page());
  const int customer = somebody(false);
  const std::string id = fmt::format("c{}", customer);
  const std::string offer = ask(customer).offers.at(0).id;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(record(EventType::impression, id, {}, {}, offer));
    ASSERT_TRUE(record(EventType::click, id, {}, {}, offer));
  }
  ASSERT_TRUE(record(EventType::click, id, {}, {}, "another"));
  const auto report = campaigns().report("spring", days_later(1));
  ASSERT_TRUE(report) << to_string(report.error());
  std::int64_t sent = 0, shown = 0, clicked = 0;
  for (const TreatmentActivity& one : report->activity) {
    sent += one.sent;
    shown += one.shown;
    clicked += one.clicked;
  }
  EXPECT_GE(sent, 2);
  EXPECT_EQ(shown, 1);
  EXPECT_EQ(clicked, 1);
}

TEST_F(Offers, CannotBeRunNorAskedForWrongly) {
  start(on_page());
  Customers everybody = customers(*workspace_);
  Campaigns all = campaigns();
  const auto ran = all.run("spring", everybody, {kNow}, quiet_);
  ASSERT_FALSE(ran);
  EXPECT_THAT(ran.error().message, HasSubstr("/v1/offers"));
  EXPECT_TRUE(all.run_due(everybody, {kNow}, quiet_).value().empty());
  const auto code = [&](const OfferRequest& request) {
    const auto answer = all.offers(request, everybody, {kNow});
    return answer ? std::optional<ErrorCode>() : answer.error().code;
  };
  EXPECT_EQ(code({}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({.customer = "a", .anonymous = "b"}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({.customer = "c1", .anonymous = {}, .surface = {}, .count = 0}),
            ErrorCode::invalid_argument);
  EXPECT_EQ(code({.customer = "c1", .anonymous = {}, .surface = {}, .count = 11}),
            ErrorCode::invalid_argument);
  const auto wrong = all.check(on_page().replace(0, 0, "purpose = \"email\"\n"), "x", everybody);
  ASSERT_FALSE(wrong);
  const std::string mail = definition("") + "";
  const auto misplaced = all.check("surface = \"home\"\n" + mail, "spring.toml", everybody);
  ASSERT_FALSE(misplaced);
  EXPECT_THAT(misplaced.error().message, HasSubstr("surface: stands only beside"));
}

}  // namespace
}  // namespace attune::engine

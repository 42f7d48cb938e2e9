// A shop with campaigns: of every ten customers one never said anything, one withdrew, one has no
// address.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include <fmt/format.h>

#include "../campaign_lists.h"
#include "attune/engine/campaigns.h"
#include "shop.h"

namespace attune::engine {

using events::EventType;

inline constexpr int kCustomers = 200;
inline constexpr std::int64_t kNow = 1'780'000'000'000'000;  // 2026-05-28T20:26:40Z

inline Timestamp days_later(double days) {
  return {kNow + static_cast<std::int64_t>(days * static_cast<double>(kMicrosPerDay))};
}

// Stops a run as a crash would, after so many chunks.
class StopsAfter final : public Progress {
 public:
  explicit StopsAfter(int chunks) : left_(chunks) {}
  void phase(std::string_view, std::int64_t, std::string_view) override {}
  void advance(std::int64_t) override { --left_; }
  bool cancelled() const override { return left_ <= 0; }

 private:
  int left_;
};

class CampaignsTest : public Shop {
 protected:
  void SetUp() override {
    Shop::SetUp();
    workspace_.emplace(open());
    std::string orders = "order_id,customer_id,product_id,date,quantity,price\n";
    for (int i = 0; i < kCustomers; ++i)
      orders += fmt::format("o{},c{},p{},2026-05-10 10:00:00,1,20.00\n", i, i, i % 7);
    import(*workspace_, write("orders.csv", orders));
    std::vector<events::Event> facts;
    std::vector<std::string> texts;
    texts.reserve(kCustomers * 2);
    std::vector<events::Attribute> traits(kCustomers);
    for (int i = 0; i < kCustomers; ++i) {
      const std::string_view id = texts.emplace_back(fmt::format("c{}", i));
      events::Event event;
      event.time = days_later(-5);
      event.customer = id;
      if (i % 10 != 2) {
        traits[static_cast<std::size_t>(i)] = {
            "email", texts.emplace_back(fmt::format("c{}@mail.example", i))};
        event.type = EventType::identify;
        event.customer_attributes = std::span(&traits[static_cast<std::size_t>(i)], 1);
        facts.push_back(event);
        event.customer_attributes = {};
      }
      if (i % 10 == 0) continue;
      event.type = i % 10 == 1 ? EventType::consent_withdrawn : EventType::consent_given;
      event.properties = R"({"purpose":"email"})";
      facts.push_back(event);
    }
    ASSERT_TRUE(workspace_->record(facts));
    write_template("offer", "For you, {{ customer_id }}", "Hello {{ customer_id }}\n");
    settle_mail(2525);
  }
  void TearDown() override {
    workspace_.reset();
    Shop::TearDown();
  }

  static bool may_get_mail(int customer) { return customer % 10 > 2; }
  static constexpr int kReachable = kCustomers / 10 * 7;

  void write_template(const std::string& name, const std::string& subject,
                      const std::string& text) {
    const auto own = folder() / "templates" / name;
    std::filesystem::create_directories(own);
    std::ofstream(own / "subject") << subject << "\n";
    std::ofstream(own / "text") << text;
  }
  void settle_mail(int port) {
    std::ofstream(folder() / "attune.toml") << fmt::format(
        "[mail]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\n"
        "inner_network = true\nfrom = \"Shop <news@shop.example>\"\n"
        "links = \"https://mail.shop.example\"\n",
        port);
  }
  static std::string definition(const std::string& more, const std::string& channel = "email") {
    return fmt::format(
        "name = \"spring\"\nrule = \"monetary_cents > 0\"\nchannel = \"{}\"\n{}"
        "currency = \"GBP\"\nmargin = 0.5\n"
        "[schedule]\nstart = 2026-05-28T00:00:00\nend = 2026-06-20T00:00:00\n"
        "repeat = \"daily\"\nat = \"09:00\"\n"
        "[holdout]\nshare = 0.25\n"
        "[[treatments]]\nname = \"a\"\nshare = 0.5\ncost = 0.10\ncontent = \"offer\"\n"
        "[[treatments]]\nname = \"b\"\nshare = 0.5\ncost = 0.20\ncontent = \"offer\"\n"
        "[outcome]\nevent = \"purchase\"\ndays = 7\nvalue = \"revenue\"\n{}",
        channel, channel == "file" ? "purpose = \"email\"\n" : "", more);
  }
  static constexpr const char* kOnceAMonth =
      "[[caps]]\nscope = \"campaign\"\nperiod = \"month\"\nlimit = 1\n";

  Campaigns campaigns() {
    auto opened = Campaigns::open(*workspace_);
    if (!opened) ADD_FAILURE() << to_string(opened.error());
    return std::move(opened).value();
  }
  // What the customer's own clock says.
  void live_in(std::string_view customer, std::string_view zone) {
    events::Attribute trait{"time_zone", zone};
    events::Event event;
    event.type = EventType::identify;
    event.time = days_later(-1);
    event.customer = customer;
    event.customer_attributes = std::span(&trait, 1);
    ASSERT_TRUE(workspace_->record(std::span(&event, 1)));
  }
  // Saved and running.
  void start(const std::string& text, Timestamp now = {kNow}) {
    Customers everybody = customers(*workspace_);
    Campaigns all = campaigns();
    const auto campaign = all.check(text, "spring.toml", everybody);
    ASSERT_TRUE(campaign) << to_string(campaign.error());
    const auto saved = all.save(*campaign, now, "test");
    ASSERT_TRUE(saved) << to_string(saved.error());
    const auto started = all.start("spring", everybody, now, "test");
    ASSERT_TRUE(started) << to_string(started.error());
    ASSERT_EQ(started->state, engage::CampaignState::running);
  }
  std::optional<CampaignRun> run(Timestamp now = {kNow}) {
    Customers everybody = customers(*workspace_);
    auto ran = campaigns().run("spring", everybody, now, quiet_);
    if (!ran) ADD_FAILURE() << to_string(ran.error());
    EXPECT_TRUE(workspace_->catch_up(quiet_));  // what a run decides is in the journal
    return ran.value_or(std::nullopt);
  }
  SendResult send(Timestamp now = {kNow}) {
    auto sent = campaigns().send_due(now);
    if (!sent) ADD_FAILURE() << to_string(sent.error());
    return sent.value_or(SendResult());
  }
  std::int64_t in_state(std::string_view sql) {
    return workspace_->state().find_int64(sql).value().value_or(0);
  }
  std::int64_t logged(EventType type) {
    return workspace_->history()
        .find_int64("SELECT count(*) FROM visible_rows WHERE type = $1",
                    {static_cast<std::int64_t>(type)})
        .value()
        .value_or(0);
  }
  // Numbers of the shop's customers by who has a row in the outbox.
  std::set<int> mailed() {
    std::set<int> numbers;
    store::Statement rows =
        workspace_->state().prepare("SELECT customer FROM outbox ORDER BY id").value();
    while (rows.step().value()) {
      const std::string id = workspace_->identity().label(CustomerNumber{rows.int64(0)}).value();
      EXPECT_TRUE(numbers.insert(std::stoi(id.substr(1))).second) << id << " twice";
    }
    return numbers;
  }
  std::map<int, decide::CampaignDecision> decisions() {
    std::map<int, decide::CampaignDecision> all;
    const auto lost = for_each_assignment(
        *workspace_, "spring", Timestamp{0},
        [&](CustomerNumber number, const decide::CampaignDecision& decision) -> Status {
          all.emplace(std::stoi(workspace_->identity().label(number).value().substr(1)), decision);
          return {};
        });
    EXPECT_EQ(lost.value(), 0);
    return all;
  }

  std::optional<Workspace> workspace_;
};

}  // namespace attune::engine

// A service that rehearses: its clock, and a campaign of many days within a second.
#include "api_bench.h"
#include "attune/base/settable_clock.h"

namespace attune::http {
namespace {

using engine::KeyScope;

class ApiClock : public ApiBench {
 protected:
  // On a clock of its own.
  void rehearse() {
    end();
    clock_ = std::make_unique<SettableClock>(Timestamp{1'780'000'000'000'000});
    engine::ServiceOptions how;
    how.train_every = std::chrono::seconds(0);
    how.campaigns = false;  // asked to run instead, so that nothing depends on a second
    how.clock = clock_.get();
    auto started = engine::Service::start(root_ / "rehearsal", how);
    ASSERT_TRUE(started) << to_string(started.error());
    service_ = std::move(*started);
    ApiOptions options;
    options.clock = clock_.get();
    api_ = std::make_unique<Api>(*service_, options);
    handler_ = api_->handler();
  }
  void TearDown() override {
    end();
    ApiBench::TearDown();
  }
  Told move(const std::string& now) {
    return post("/v1/clock", fmt::format(R"({{"now":"{}"}})", now));
  }

  std::unique_ptr<SettableClock> clock_;
};

TEST_F(ApiClock, OfAServiceOnTheSystemsClockIsToldAndNotMoved) {
  const Told told = get("/v1/clock");
  EXPECT_EQ(told.status, 200);
  EXPECT_EQ(told.text("/settable"), "false");
  EXPECT_EQ(told.text("/time_zone"), "UTC");
  const Told moved = move("2999-01-01T00:00:00Z");
  expect_problem(moved, 409);
  EXPECT_THAT(moved.body, HasSubstr("--clock"));
}

TEST_F(ApiClock, GoesForwardAsToldAndNeverBack) {
  rehearse();
  EXPECT_EQ(get("/v1/clock").text("/now"), "2026-05-28T20:26:40Z");
  EXPECT_EQ(get("/v1/clock").text("/settable"), "true");
  EXPECT_EQ(move("2026-06-01T10:00:00+02:00").text("/now"), "2026-06-01T08:00:00Z");
  EXPECT_EQ(service_->now().micros, clock_->now().micros);
  expect_problem(move("2026-06-01T07:59:59Z"), 400, "now");
  EXPECT_EQ(move("2026-06-01T08:00:00Z").status, 200) << "the same moment is not before it";
  EXPECT_EQ(get("/v1/clock").text("/now"), "2026-06-01T08:00:00Z");
}

TEST_F(ApiClock, SaysWhatIsWrongWithAMoment) {
  rehearse();
  for (const char* wrong : {"", "tomorrow", "2026-13-01T00:00:00Z", "2026-06-01T00:00:00"})
    expect_problem(move(wrong), 400, "now");
  expect_problem(post("/v1/clock", R"({"now":5})"), 400, "now");
  expect_problem(post("/v1/clock", R"({"then":"2026-06-01T00:00:00Z"})"), 400, "then");
  EXPECT_EQ(get("/v1/clock").text("/now"), "2026-05-28T20:26:40Z");
}

TEST_F(ApiClock, IsMovedByAdminsAlone) {
  rehearse();
  const std::string body = R"({"now":"2026-06-01T08:00:00Z"})";
  EXPECT_EQ(with_key(Method::post, "/v1/clock", make_key(KeyScope::read), body).status, 403);
  EXPECT_EQ(with_key(Method::get, "/v1/clock", make_key(KeyScope::write)).status, 403);
  EXPECT_EQ(with_key(Method::get, "/v1/clock", make_key(KeyScope::read)).status, 200);
  EXPECT_EQ(with_key(Method::post, "/v1/clock", make_key(KeyScope::admin), body).status, 200);
}

// One row of the log, as the door tells it.
struct Row {
  std::int64_t number;
  std::string customer, group, treatment, reason, time;
};

std::vector<Row> rows_of(const Told& page) {
  std::vector<Row> rows;
  const json::value value = page.at("/assignments");
  for (const json::value& row : value.as_array()) {
    const auto text = [&](const char* name) {
      const json::value& found = row.at(name);
      return found.is_null() ? std::string("null") : std::string(found.as_string());
    };
    rows.push_back({row.at("number").as_int64(), text("customer"), text("group"), text("treatment"),
                    text("reason"), text("time")});
  }
  return rows;
}

constexpr int kVisitors = 40;
constexpr const char* kDaily = R"({"name":"tea","rule":"frequency >= 1","channel":"file",
  "purpose":"email","currency":"GBP","holdout":{"share":0.25},
  "schedule":{"start":"2026-06-01T00:00:00","end":"2026-06-08T00:00:00","repeat":"daily",
  "at":"09:00"},
  "treatments":[{"name":"a","content":"a"},{"name":"b","content":"b"}],
  "outcome":{"event":"purchase","days":7}})";

class CampaignRehearsal : public ApiClock {
 protected:
  void SetUp() override {
    ApiClock::SetUp();
    rehearse();
    std::string batch;
    for (int i = 0; i < kVisitors; ++i) {
      batch += fmt::format(
          R"({}{{"userId":"c{}","type":"track","event":"Order Completed",
          "timestamp":"2026-05-20T10:00:00Z","properties":{{"order_id":"o{}","currency":"GBP",
          "products":[{{"product_id":"p1","price":10}}]}}}},
          {{"userId":"c{}","type":"track","event":"consent_given",
          "properties":{{"purpose":"email"}}}})",
          i == 0 ? "" : ",", i, i, i);
    }
    ASSERT_EQ(post("/v1/batch", "{\"batch\":[" + batch + "]}").status, 200);
    settle();
    ASSERT_EQ(ask(Method::put, "/v1/campaigns/tea", kDaily).status, 200);
    ASSERT_EQ(post("/v1/campaigns/tea/start", "{}").text("/state"), "scheduled");
  }
  void live_day(int day) {
    ASSERT_EQ(move(fmt::format("2026-06-0{}T09:00:00Z", day)).status, 200);
    // A start that has come is the loop's to see, or whoever starts it.
    if (day == 1) {
      ASSERT_EQ(post("/v1/campaigns/tea/start", "{}").status, 200);
    }
    const Told ran = post("/v1/campaigns/tea/run", "{}");
    ASSERT_EQ(ran.status, 200) << ran.body;
    EXPECT_EQ(ran.text("/run/audience"), std::to_string(kVisitors)) << ran.body;
  }
};

TEST_F(CampaignRehearsal, RunsDayByDayAndTellsWhoIsInWhichGroup) {
  EXPECT_EQ(get("/v1/campaigns/tea/assignments").text("/assignments"), "[]");
  for (int day = 1; day <= 2; ++day) live_day(day);
  std::int64_t after = 0, held = 0;
  std::vector<Row> all;
  while (true) {
    const Told page = get(fmt::format("/v1/campaigns/tea/assignments?after={}&limit=30", after));
    ASSERT_EQ(page.status, 200) << page.body;
    const std::vector<Row> rows = rows_of(page);
    if (rows.empty()) break;
    EXPECT_LE(rows.size(), 30u);
    EXPECT_GT(rows.front().number, after);
    after = rows.back().number;
    all.insert(all.end(), rows.begin(), rows.end());
  }
  EXPECT_EQ(all.size(), 2u * kVisitors);
  std::map<std::string, std::string> group_of;
  for (const Row& row : all) {
    const auto [known, fresh] = group_of.try_emplace(row.customer, row.group);
    EXPECT_EQ(known->second, row.group) << "groups stay";
    const bool out = row.group == "holdout";
    EXPECT_EQ(row.treatment, out ? "null" : row.group);
    EXPECT_EQ(row.reason, out ? "held_out" : "none");
    EXPECT_EQ(row.time, fresh ? "2026-06-01T09:00:00Z" : "2026-06-02T09:00:00Z");
    held += fresh && out;
  }
  EXPECT_EQ(group_of.size(), static_cast<std::size_t>(kVisitors));
  EXPECT_GT(held, 0);
}

TEST_F(CampaignRehearsal, TellsAssignmentsToWhoMayReadOfCampaignsThatAreThere) {
  expect_problem(get("/v1/campaigns/coffee/assignments"), 404, "name");
  expect_problem(get("/v1/campaigns/tea/assignments?after=x"), 400);
  const std::string path = "/v1/campaigns/tea/assignments";
  EXPECT_EQ(with_key(Method::get, path, make_key(KeyScope::write)).status, 403);
  EXPECT_EQ(with_key(Method::get, path, make_key(KeyScope::read)).status, 200);
}

}  // namespace
}  // namespace attune::http

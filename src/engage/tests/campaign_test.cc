#include "attune/engage/campaign.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/engage/treatment_scores.h"
#include "attune/profiles/fields.h"

namespace attune::engage {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const rules::Schema& schema() {
  static const rules::Schema made = profiles::profile_schema(TimeZone::utc()).value();
  return made;
}

CampaignContext context() {
  static const std::vector<std::string> segments{"at risk", "champions"};
  return {.zone = TimeZone::find("Europe/Berlin").value(),
          .currency = Currency::parse("EUR").value(),
          .schema = &schema(),
          .segments = &segments};
}

constexpr std::string_view kShort = R"(name = "short"
segment = "at risk"
channel = "email"
schedule = { start = 2026-12-01T09:00:00, end = 2026-12-15T00:00:00Z }
treatments = [{ name = "only", content = "hello" }]
outcome = { event = "purchase", days = 14 }
)";

// kShort with `from` replaced by `to`.
std::string with(std::string_view from, std::string_view to) {
  std::string text(kShort);
  const std::size_t at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return text.replace(at, from.size(), to);
}
std::string and_line(std::string_view line) {
  return std::string(kShort) + std::string(line) + "\n";
}

std::string complaint(std::string_view toml) {
  const auto parsed = parse_campaign_toml(toml, "c.toml", context());
  EXPECT_FALSE(parsed) << toml;
  if (parsed) return "";
  EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
  return parsed.error().message;
}
std::string json_complaint(std::string_view json) {
  const auto parsed = parse_campaign_json(json, "c.json", context());
  EXPECT_FALSE(parsed) << json;
  return parsed ? "" : parsed.error().message;
}

Campaign good(std::string_view toml) {
  auto parsed = parse_campaign_toml(toml, "c.toml", context());
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed ? *std::move(parsed) : Campaign{};
}

TEST(Campaign, ReadsTheExampleFileAndItsJson) {
  std::ifstream file("examples/winback.toml");
  std::stringstream text;
  text << file.rdbuf();
  const Campaign campaign = good(text.str());
  EXPECT_EQ(campaign.name, "winback-december");
  EXPECT_EQ(format_iso(campaign.schedule.start), "2026-12-01T08:00:00Z") << "Berlin is the shop's";
  EXPECT_EQ(campaign.treatments.size(), 2u);
  EXPECT_EQ(campaign.treatments[1].cost_minor, 1);
  EXPECT_EQ(campaign.budget_money_minor, 50'000);
  EXPECT_EQ(campaign.caps.size(), 2u);
  EXPECT_EQ(campaign.quiet_hours, (decide::QuietHours{21 * 60, 8 * 60}));
  EXPECT_EQ(campaign.outcome, (Outcome{events::EventType::purchase, 14, OutcomeValue::revenue}));
  EXPECT_EQ(campaign.holdout, (Holdout{.1, "winback-december", ""}));
  EXPECT_EQ(campaign.margin, .35);
  const std::string json = to_json(campaign);
  const auto again = parse_campaign(json, "c.json", context());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, campaign);
  EXPECT_EQ(to_json(*again), json);
  EXPECT_TRUE(validate(campaign, context()));
}

TEST(Campaign, TakesDefaultsForWhatIsLeftOut) {
  const Campaign campaign = good(kShort);
  EXPECT_EQ(campaign.purpose, privacy::Purpose::email);
  EXPECT_EQ(campaign.currency.to_string(), "EUR");
  EXPECT_EQ(campaign.treatments[0].share, 1);
  EXPECT_EQ(campaign.holdout, (Holdout{0, "short", ""}));
  EXPECT_EQ(campaign.policy, decide::TreatmentPolicy{});
  EXPECT_EQ(campaign.budget_messages, std::nullopt);
  EXPECT_EQ(parse_campaign_json(to_json(campaign), "", context()).value(), campaign);
}

TEST(Campaign, ReadsMoneyExactly) {
  for (const auto& [written, minor] : {std::pair{"0.1", 10},
                                       {"0.29", 29},
                                       {"1.005e2", 10'050},
                                       {"7", 700},
                                       {"\"1,234.50\"", 123'450},
                                       {"4.350", 435}}) {
    EXPECT_EQ(good(and_line(fmt::format("budget = {{ money = {} }}", written))).budget_money_minor,
              minor)
        << written;
  }
  EXPECT_EQ(good(and_line("currency = \"JPY\"\nbudget = { money = 500 }")).budget_money_minor, 500);
}

TEST(Campaign, PointsAtThePlaceInToml) {
  EXPECT_EQ(complaint(with("channel = \"email\"", "chanel = \"email\"")),
            "c.toml:1:1: channel: is missing; write channel = \"email\"\n"
            "c.toml:3:1: there is no field 'chanel' here; did you mean 'channel'?");
  EXPECT_EQ(complaint(with("content", "contnt")),
            "c.toml:5:15: content: is missing; write content = \"winback-plain\"\n"
            "c.toml:5:32: there is no field 'contnt' here; did you mean 'content'?");
  EXPECT_THAT(complaint(and_line("[holdout]\nshare = 1.5")),
              StartsWith("c.toml:8:1: share: is 1.5; it is 0 to 1"));
  EXPECT_THAT(complaint("name = \"x\"\nname = \"y\"\n"), StartsWith("c.toml:2:"));
  EXPECT_THAT(complaint("name = \n"), StartsWith("c.toml:1:"));
  EXPECT_EQ(complaint("name = \"\xff\"\n"), "c.toml:1:9: is not UTF-8; save the file as UTF-8");
}

TEST(Campaign, PointsAtThePathInJson) {
  const std::string json = to_json(good(kShort));
  const auto replaced = [&](std::string_view from, std::string_view to) {
    std::string text = json;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, text.npos) << from << " in " << json;
    return json_complaint(text.replace(at, from.size(), to));
  };
  EXPECT_EQ(replaced("\"share\":1", "\"share\":\"half\""),
            "c.json: $.treatments[0].share: share: needs a number, and has a text");
  EXPECT_EQ(replaced("\"content\"", "\"contents\""),
            "c.json: $.treatments[0]: content: is missing; write content = \"winback-plain\"\n"
            "c.json: $.treatments[0].contents: there is no field 'contents' here; did you mean "
            "'content'?");
  EXPECT_EQ(replaced("\"days\":14", "\"days\":14.5"),
            "c.json: $.outcome.days: days: needs a whole number, and has a number");
  EXPECT_EQ(replaced("\"days\":14", "\"days\":null"),
            "c.json: $.outcome.days: is null; leave the field out instead");
  EXPECT_EQ(replaced("\"days\":14", "\"days\":14,\"days\":15"),
            "c.json: $.outcome.days: is stated twice");
  EXPECT_EQ(replaced("\"days\":14", "\"da ys\":14"),
            "c.json: $.outcome: days: is missing; write days = 14\n"
            "c.json: $.outcome[\"da ys\"]: there is no field 'da ys' here; did you mean 'days'?");
}

struct Wrong {
  std::string toml;
  std::string_view message;
};

std::vector<Wrong> wrong_heads() {
  return {
      {with("name = \"short\"", "name = \"\""), "1:1: name: '' is no name"},
      {with("name = \"short\"", "name = \"a b\""), "name: 'a b' is no name"},
      {with("name = \"short\"", "name = 3"), "name: needs a text, and has a whole number"},
      {with("name = \"short\"", "name = \"" + std::string(65, 'x') + "\""), "is no name"},
      {with("segment = \"at risk\"\n", ""), "segment: is missing; name a segment, or write a rule"},
      {with("segment = \"at risk\"", "segment = \"at rsik\""),
       "2:1: segment: there is no segment 'at rsik'; did you mean 'at risk'?"},
      {and_line("rule = \"recency_days > 3\""), "stands beside a rule"},
      {with("segment = \"at risk\"", "rule = \"recency_day > 3\""), "did you mean 'recency_days'"},
      {with("segment = \"at risk\"", "rule = \"recency_days >\""), "rule: 1:"},
      {with("segment = \"at risk\"", "rule = \" \""), "rule: is empty"},
      {with("\"email\"", "\"fax\""), "channel: 'fax' is not a channel; there are email, sms"},
      {with("\"email\"", "\"webhook\""), "purpose: is missing; webhook may carry anything"},
      {and_line("purpose = \"sms\""), "purpose: email needs consent to email"},
      {and_line("purpose = \"emial\""), "did you mean 'email'?"},
      {with("2026-12-15T00:00:00Z", "2026-11-15"), "end: does not lie after the start"},
      {with("2026-12-15T00:00:00Z", "2026-13-15"), "is not TOML"},
      {"[[[[1]]]]", "is not TOML"},
      {with("2026-12-15T00:00:00Z", "\"soon\""), "4:43: end: 'soon' is not a time"},
      {with(", end = 2026-12-15T00:00:00Z", ""), "end: is missing"},
      {with("end =", "repeat = \"hourly\", end ="), "'hourly' is not a repetition"},
      {with("end =", "at = \"09:00\", end ="), "at: stands only beside repeat = \"daily\""},
      {with("end =", "repeat = \"daily\", at = \"9h\", end ="), "'9h' is not a time of day"},
  };
}

std::vector<Wrong> wrong_treatments() {
  return {
      {with("content = \"hello\"", "content = \"\""), "content: is empty"},
      {with("content", "share = 0.5, content"), "their shares add up to 0.5; they add up to 1"},
      {with("content", "share = 0, content"), "share: is 0"},
      {with("content", "share = nan, content"), "share: is nan"},
      {with("content", "share = inf, content"), "share: is inf"},
      {with("content", "score = \"frequency\", content"), "score: stands only beside policy"},
      {with("content", "cost = 0.001, content"), "'0.001' is no amount of EUR"},
      {with("content", "cost = -1, content"), "'-1' is no amount of EUR"},
      {with("content", "cost = 1e300, content"), "cost: "},
      {with("content", "cost = nan, content"), "cost: needs an amount"},
      {with("content", "cost = true, content"), "cost: needs an amount such as 0.05, and has true"},
      {with("content", "cost = \"ten\", content"), "cost: 'ten' is not a number"},
      {with("[{ name = \"only\", content = \"hello\" }]", "[]"), "treatments: has 0"},
      {with("[{ name = \"only\", content = \"hello\" }]", "[3]"), "treatments: each is a table"},
      {with("[{ name = \"only\", content = \"hello\" }]", "{}"), "treatments: needs a list"},
      {with("}]", "}, { name = \"only\", content = \"x\" }]"), "before this one is 'only' too"},
      {with("}]", "}, { name = \"b\", share = 1, content = \"x\" }]"), "state all or none"},
  };
}

std::vector<Wrong> wrong_limits() {
  return {
      {and_line("policy = \"best\""), "policy 'best' does not exist"},
      {and_line("policy = \"top\""), "score: is missing"},
      {and_line("policy = \"shares:2\""), "number out of 0 to 1"},
      {and_line("holdout = { share = 1 }"), "nobody would be left"},
      {and_line("holdout = { key = \"k\" }"), "share: is missing"},
      {and_line("holdout = { share = 0.1, key = \"\" }"), "key: '' is no name"},
      {and_line("caps = [3]"), "caps: each is a table"},
      {and_line("caps = [{ scope = \"all\", period = \"day\" }]"), "limit: is missing"},
      {and_line("caps = [{ scope = \"al\", period = \"day\", limit = 1 }]"), "did you mean 'all'?"},
      {and_line("caps = [{ scope = \"all\", period = \"year\", limit = 1 }]"), "not a period"},
      {and_line("caps = [{ scope = \"all\", period = \"day\", limit = 0 }]"), "limit: is 0"},
      {and_line("caps = [{ scope = \"all\", period = \"day\", limit = 1 }, "
                "{ scope = \"all\", period = \"day\", limit = 2 }]"),
       "same scope and period"},
      {and_line("quiet_hours = { from = \"21:00\" }"), "to: is missing"},
      {and_line("quiet_hours = { from = \"21:00\", to = \"21:00\" }"), "no time would be left"},
      {and_line("budget = { mony = 3 }"), "did you mean 'money'?"},
      {and_line("budget = { messages = -1 }"), "messages: is -1"},
      {and_line("budget = { messages = 1.5 }"), "needs a whole number"},
      {and_line("budget = { money = 90000000000000000 }"), "is no amount"},
      {with("\"purchase\"", "\"purchse\""), "did you mean 'purchase'?"},
      {with("days = 14", "days = 0"), "days: is 0; it is 1 to 366"},
      {with("days = 14", "value = \"joy\", days = 14"), "'joy' is not a value"},
      {and_line("margin = 35"), "margin: is 35; it is 0 to 1"},
      {and_line("currency = \"euros\""), "currency: "},
      {and_line("description = \"\\u0007\""), "holds a control character"},
      {and_line("a.a.a.a.a.a.a.a.a.a = 1"), "is nested too deep"},
      {and_line("x = [[[[[[[[[[1]]]]]]]]]]"), "is nested too deep"},
      {"", "name: is missing"},
      {"}", "is not TOML"},
      {std::string(3'000, '.'), "more dots"},
      {std::string(kMaxCampaignBytes + 1, '\n'), "is too large"},
  };
}

TEST(Campaign, RefusesWhatIsWrongAndSaysWhat) {
  for (const auto& table : {wrong_heads(), wrong_treatments(), wrong_limits()}) {
    for (const Wrong& wrong : table)
      EXPECT_THAT(complaint(wrong.toml), HasSubstr(wrong.message)) << wrong.toml.substr(0, 400);
  }
}

TEST(Campaign, RefusesJsonThatIsNone) {
  EXPECT_EQ(json_complaint("[]"), "c.json: $: is no JSON object");
  EXPECT_THAT(json_complaint(""), HasSubstr("is not JSON"));
  EXPECT_THAT(json_complaint("{\"name\":"), HasSubstr("is not JSON"));
  EXPECT_THAT(json_complaint("{\"x\":18446744073709551615}"), HasSubstr("past what 64 bits hold"));
  EXPECT_THAT(json_complaint("{\"x\":[[[[[[[[[[]]]]]]]]]]}"), HasSubstr("nested too deep"));
  std::string many = "{";
  for (int i = 0; i < 300; ++i) many += fmt::format("{}\"f{}\":1", i > 0 ? "," : "", i);
  EXPECT_THAT(json_complaint(many + "}"), HasSubstr("one field too many"));
}

TEST(Campaign, ListsAtMostTwentyProblems) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += fmt::format("field{} = 1\n", i);
  const std::string message = complaint(text);
  EXPECT_EQ(std::ranges::count(message, '\n'), 19);
}

TEST(Campaign, NeedsACurrencyFromFileOrShop) {
  const auto parsed = parse_campaign_toml(kShort, "c.toml", {});
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, HasSubstr("currency: is missing, and the shop has none set"));
}

TEST(Campaign, ValidateRefusesAValueThatNoFileSays) {
  Campaign campaign = good(kShort);
  campaign.treatments[0].score = "frequency";
  EXPECT_FALSE(validate(campaign));
  campaign = good(kShort);
  campaign.treatments.clear();
  EXPECT_FALSE(validate(campaign));
}

TEST(Campaign, PlansWhatDecideWorksBy) {
  Campaign campaign = good(and_line("holdout = { share = 0.25, salt = \"s\" }"));
  const auto plan = plan_of(campaign, 7, 3, TimeZone::utc()).value();
  EXPECT_EQ(plan.number, 7u);
  EXPECT_EQ(plan.version, 3);
  const decide::AssignmentSpec expected{"short", "s", .25, {{"only", 1}}};
  EXPECT_EQ(plan.assignment.spec(), expected);
  EXPECT_EQ(plan.treatments, std::vector<std::string>{"only"});
  campaign.policy.rule = decide::TreatmentRule::top;
  EXPECT_TRUE(plan_of(campaign, 7, 3, TimeZone::utc())->assignment.spec().arms.empty());
}

TEST(TreatmentScorer, ReadsFieldsAndRules) {
  const Campaign campaign = good(
      with("[{ name = \"only\", content = \"hello\" }]",
           "[{ name = \"a\", content = \"x\", score = \"frequency\", weight = 2 },"
           " { name = \"b\", content = \"y\", score = \"frequency >= 3\" },"
           " { name = \"c\", content = \"z\", score = \"recency_days\" }]\npolicy = \"top:0.1\""));
  const profiles::MemoryVocabulary names;
  const auto scorer = TreatmentScorer::compile(campaign, schema(), names).value();
  profiles::Profile profile;
  std::vector<double> scores(3);
  profile.frequency = 3;
  scorer.score(profile, names, scores);
  EXPECT_EQ(scores[0], 6);
  EXPECT_EQ(scores[1], 1);
  EXPECT_TRUE(std::isnan(scores[2]));
  EXPECT_FALSE(TreatmentScorer::compile(good(kShort), schema(), names));
}

TEST(NextRun, IsTheStartOfACampaignThatRunsOnce) {
  const Campaign campaign = good(kShort);
  const Timestamp start = campaign.schedule.start;
  EXPECT_EQ(next_run(campaign, {0}, TimeZone::utc()), start);
  EXPECT_EQ(next_run(campaign, start, TimeZone::utc()), start);
  EXPECT_EQ(next_run(campaign, {start.micros + 1}, TimeZone::utc()), std::nullopt);
}

TEST(NextRun, ComesEveryDayInTheShopsZoneAcrossClockChanges) {
  const TimeZone berlin = context().zone;
  Campaign campaign = good(with("end = 2026", "repeat = \"daily\", at = \"02:30\", end = 2027"));
  campaign.schedule.start = utc_from_civil({2026, 3, 27, 12, 0, 0, 0});
  campaign.schedule.end = utc_from_civil({2026, 3, 31, 0, 0, 0, 0});
  std::vector<std::string> runs;
  for (auto at = next_run(campaign, {0}, berlin); at;
       at = next_run(campaign, {at->micros + 1}, berlin))
    runs.push_back(format_iso(*at));
  // On the 29th clocks go from 02:00 to 03:00.
  EXPECT_THAT(runs, ::testing::ElementsAre("2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z",
                                           "2026-03-30T00:30:00Z"));
}

TEST(Campaign, NamesTheCurrencyThatWasMeantAndStillReadsAStoredOne) {
  const std::string text = and_line("currency = \"GPB\"");
  EXPECT_THAT(complaint(text), HasSubstr("currency: unknown currency 'GPB'; did you mean 'GBP'?"));
  const auto stored = parse_campaign_toml(text, "c.toml", {});
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(stored->currency.to_string(), "GPB");
}

}  // namespace
}  // namespace attune::engage

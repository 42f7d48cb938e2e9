#include "attune/decide/decision.h"

#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "attune/base/random.h"

namespace attune::decide {
namespace {

using ::testing::HasSubstr;

Decision sample(std::string_view policy = "plackett-luce:0.5") {
  Decision decision;
  decision.time = {1'795'324'149'123'456};
  decision.id = make_id(decision.time, 1, 2);
  decision.surface = "home";
  decision.seed = 18'446'744'073'709'551'557u;
  decision.policy = policy;
  decision.model = "ials";
  decision.model_version = 3;
  decision.notes = {"3 items out of stock left out", "推荐 \"热门\"\n"};
  for (std::int64_t i = 0; i < 8; ++i)
    decision.shortlist.push_back({{50 + i}, .9 - .1 * static_cast<double>(i)});
  decision.chosen = choose(decision.shortlist, 5, parse_policy(policy).value(), decision.seed);
  return decision;
}

Decision random_decision(std::uint64_t seed) {
  Rng random(seed);
  const std::vector<std::string> policies{"ranking", "epsilon:0.3", "plackett-luce:0.7"};
  Decision decision = sample(policies[random.below(3)]);
  decision.time = {static_cast<std::int64_t>(random.next() >> 10)};
  decision.id = make_id(decision.time, random.next(), random.next());
  decision.seed = random.next();
  decision.personal = random.chance(.5);
  decision.model_version = static_cast<int>(random.below(1000));
  decision.shortlist.clear();
  const std::size_t count = random.below(kMaxShortlist + 1);
  while (decision.shortlist.size() < count) {
    const auto score = std::bit_cast<double>(random.next());
    const auto item = static_cast<std::int64_t>(random.next() >> 1);
    if (std::isfinite(score) && item > 0) decision.shortlist.push_back({{item}, score});
  }
  decision.chosen = choose(decision.shortlist, random.below(30),
                           parse_policy(decision.policy).value(), decision.seed);
  return decision;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return at == std::string::npos ? text : text.replace(at, what.size(), by);
}

TEST(Decision, IsOneCompactLineOfJson) {
  Decision decision = sample("ranking");
  decision.shortlist.resize(2);
  decision.chosen = {{0, 1}, {1, .25}};
  EXPECT_EQ(to_json(decision),
            "{\"id\":\"" + decision.id +
                "\",\"time\":\"2026-11-22T05:09:09.123456Z\",\"surface\":\"home\","
                "\"seed\":\"18446744073709551557\",\"policy\":\"ranking\",\"model\":\"ials\","
                "\"model_version\":3,\"personal\":true,"
                "\"notes\":[\"3 items out of stock left out\",\"推荐 \\\"热门\\\"\\n\"],"
                "\"shortlist\":[[50,0.9],[51,0.8]],\"chosen\":[[0,50,1],[1,51,0.25]]}");
}

TEST(DecisionProperty, ReadsBackAsItselfAndReplays) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Decision decision = random_decision(seed);
    const auto again = parse_decision(to_json(decision));
    ASSERT_TRUE(again) << to_string(again.error());
    ASSERT_EQ(*again, decision) << seed;
    const Status same = replay(*again);
    ASSERT_TRUE(same) << to_string(same.error());
  }
}

TEST(Decision, MendsTextThatIsNotUtf8) {
  Decision decision = sample();
  decision.surface = "ho\xFFme";
  EXPECT_EQ(parse_decision(to_json(decision)).value().surface, "ho\uFFFDme");
}

TEST(Decision, RefusesAScoreThatIsNotFiniteOnTheWayBack) {
  Decision decision = sample();
  decision.shortlist[2].score = std::numeric_limits<double>::quiet_NaN();
  const auto refused = parse_decision(to_json(decision));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("number 3 of its shortlist"));
}

TEST(Decision, RefusesWhatIsNotALoggedDecisionAndSaysWhy) {
  const std::string good = to_json(sample("ranking"));
  ASSERT_TRUE(parse_decision(good));
  const std::pair<std::string, std::string_view> cases[] = {
      {"", "no JSON object"},
      {good.substr(0, good.size() - 1), "no JSON object"},
      {good + "}", "no JSON object"},
      {"[" + good + "]", "no JSON object"},
      {std::string(kMaxDecisionBytes + 1, ' '), "bytes"},
      {replaced(good, "\"home\"", "7"), "'surface' of another type"},
      {replaced(good, "\"surface\"", "\"face\""), "unknown member 'face'"},
      {replaced(good, "\"surface\":\"home\",", ""), "no member 'surface'"},
      {replaced(good, "\"surface\"", "\"id\""), "'id' twice"},
      {replaced(good, "\"id\":\"0", "\"id\":\"8"), "has the id"},
      {replaced(good, "09.123456Z", "09.123456"), "has the time"},
      {replaced(good, "09.123456Z", "09.12345600Z"), "has the time"},
      {replaced(good, "18446744073709551557", "18446744073709551616"), "has the seed"},
      {replaced(good, "\"18446744073709551557\"", "5"), "'seed' of another type"},
      {replaced(good, "\"model_version\":3", "\"model_version\":-3"), "model version -3"},
      {replaced(good, "\"model_version\":3", "\"model_version\":3000000000"), "model version"},
      {replaced(good, "\"model_version\":3", "\"model_version\":3.5"),
       "'model_version' of another"},
      {replaced(good, "\"personal\":true", "\"personal\":1"), "'personal' of another type"},
      {replaced(good, "\"notes\":[", "\"notes\":[1,"), "a note that is no text"},
      {replaced(good, "[[50,0.9]", "[[0,0.9]"), "number 1 of its shortlist"},
      {replaced(good, "[[50,0.9]", "[[50,0.9,1]"), "number 1 of its shortlist"},
      {replaced(good, "[[50,0.9]", "[[50,1e999]"), "no JSON object"},
      {replaced(good, "[0,50,1]", "[0,51,1]"), "item 51 at position 1"},
      {replaced(good, "[0,50,1]", "[8,50,1]"), "candidate 8 of a shortlist of 8"},
      {replaced(good, "[0,50,1]", "[0,50,1.5]"), "at position 1"},
      {replaced(good, "[0,50,1]", "[0,50,0]"), "at position 1"},
      {replaced(good, "[0,50,1]", "[-1,50,1]"), "at position 1"},
      {replaced(good, "[1,51,1]", "[0,50,1]"), "item 50 again at position 2"},
  };
  for (const auto& [text, why] : cases) {
    const auto refused = parse_decision(text);
    ASSERT_FALSE(refused) << why;
    EXPECT_EQ(refused.error().code, ErrorCode::data_corruption);
    EXPECT_THAT(refused.error().message, HasSubstr(why));
  }
  std::string many = good;
  for (int i = 0; i < 100; ++i) many = replaced(many, "\"shortlist\":[", "\"shortlist\":[[9,9],");
  EXPECT_THAT(parse_decision(many).error().message, HasSubstr("more than 100 candidates"));
}

RC_GTEST_PROP(DecisionProperty, AnyMutationIsRefusedOrReadsBackAsItself, (std::uint64_t seed)) {
  Rng random(seed);
  std::string text = to_json(random_decision(random.below(50)));
  const std::string_view alphabet = "{}[]\",:0123456789.eE-+\\tfn \x01\xFF";
  for (std::uint64_t left = 1 + random.below(4); left > 0; --left) {
    const std::size_t at = random.below(text.size());
    switch (random.below(4)) {
      case 0:
        text[at] = alphabet[random.below(alphabet.size())];
        break;
      case 1:
        text.erase(at, 1 + random.below(20));
        break;
      case 2:
        text.insert(at, text.substr(random.below(text.size()), random.below(20)));
        break;
      default:
        text.resize(at + 1);
    }
    if (text.empty()) break;
  }
  const auto parsed = parse_decision(text);
  if (!parsed) {
    RC_ASSERT(parsed.error().code == ErrorCode::data_corruption);
    return;
  }
  RC_ASSERT(parse_decision(to_json(*parsed)).value() == *parsed);
  (void)replay(*parsed);
}

TEST(Replay, AgreesWithEveryPolicyThatChose) {
  for (const std::string_view policy : {"ranking", "epsilon:0.5", "plackett-luce:0.5"}) {
    const Status same = replay(sample(policy));
    EXPECT_TRUE(same) << to_string(same.error());
  }
}

TEST(Replay, NamesTheFirstPositionThatDiffersWithBothItems) {
  Decision decision = sample("ranking");
  std::swap(decision.chosen[2].candidate, decision.chosen[3].candidate);
  const Status refused = replay(decision);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::data_corruption);
  EXPECT_THAT(refused.error().message,
              HasSubstr("at position 3 the log has item 53, choosing again gives item 52"));
  decision.chosen[0].candidate = 700;
  EXPECT_THAT(replay(decision).error().message, HasSubstr("candidate 700 of a shortlist of 8"));
}

TEST(Replay, FindsAnyAlteredPartOfTheChoice) {
  for (const std::string_view policy : {"epsilon:0.9", "plackett-luce:0.5"}) {
    const Decision good = sample(policy);
    for (std::size_t i = 0; i < good.chosen.size(); ++i) {
      Decision altered = good;
      altered.chosen[i].probability *= 1 + 1e-9;
      EXPECT_THAT(replay(altered).error().message, HasSubstr("the probability"));
      altered = good;
      altered.chosen[i].candidate = (altered.chosen[i].candidate + 1) % 8;
      EXPECT_FALSE(replay(altered)) << policy << " " << i;
    }
    Decision altered = good;
    altered.seed ^= 1;
    EXPECT_FALSE(replay(altered)) << policy;
    altered = good;
    altered.policy = "ranking";
    EXPECT_FALSE(replay(altered)) << policy;
    altered.policy = "best";
    EXPECT_THAT(replay(altered).error().message, HasSubstr("'best' does not exist"));
    altered = good;
    altered.shortlist.resize(4);
    EXPECT_THAT(replay(altered).error().message, HasSubstr("5 are chosen of a shortlist of 4"));
  }
  Decision altered = sample("plackett-luce:0.5");
  altered.shortlist[1].score += .01;
  EXPECT_FALSE(replay(altered)) << "an altered score changes the probabilities";
}

TEST(MakeId, IsAUlid) {
  // The time part of the reference implementation's own test.
  EXPECT_EQ(make_id({1'469'918'176'385'000}, 0, 0), "01ARYZ6S410000000000000000");
  EXPECT_EQ(make_id({0}, 0, 1), "00000000000000000000000001");
  EXPECT_EQ(make_id({0}, ~0ull, ~0ull), "0000000000ZZZZZZZZZZZZZZZZ");
  EXPECT_EQ(make_id({0}, 1, 0),
            "000000000000"
            "0G"
            "000000000000");
  EXPECT_EQ(make_id({-5}, 0, 0), std::string(26, '0'));
  EXPECT_TRUE(is_id(make_id({std::numeric_limits<std::int64_t>::max()}, 5, 6)));
  EXPECT_FALSE(is_id("81ARYZ6S410000000000000000"));
  EXPECT_FALSE(is_id("01ARYZ6S41000000000000000"));
  EXPECT_FALSE(is_id("01ARYZ6S41000000000000000u"));
}

TEST(MakeId, SortsByTime) {
  Rng random(3);
  std::string last;
  for (std::int64_t ms = 1'700'000'000'000; ms < 1'700'000'100'000; ms += 97) {
    const std::string id = make_id({ms * 1000}, random.next(), random.next());
    EXPECT_LT(last, id);
    last = id;
  }
}

}  // namespace
}  // namespace attune::decide

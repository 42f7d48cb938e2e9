#include "attune/rules/rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "fixture.h"

namespace attune::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Customer regular() {
  Customer c;
  c.numbers[kMonetary] = 60'000;
  c.numbers[kRecency] = 10;
  c.numbers[kOrderCount] = 4;
  c.texts[kCountry] = "UK";
  c.texts[kStage] = "active";
  c.texts[kGuojia] = "法国";
  c.flags[kNewsletter] = true;
  c.times[kLastPurchase] = moment(2011, 6, 21);
  c.lists[kBrands] = std::vector<std::string>{"Acme", "Bolt"};
  c.liked = {"category:shoes"};
  return c;
}

bool holds(std::string_view text, const Customer& customer) {
  const auto rule = Rule::parse(text, make_schema());
  EXPECT_TRUE(rule.has_value()) << rule.error().message;
  return rule && rule->matches(customer, kNow);
}

std::string printed(std::string_view text) {
  const auto rule = Rule::parse(text, make_schema());
  return rule ? rule->print() : rule.error().message;
}

std::string refused(std::string_view text) {
  const auto rule = Rule::parse(text, make_schema());
  return rule ? "accepted" : rule.error().message;
}

TEST(Rule, HoldsForACustomerWhoFitsAndNotForOthers) {
  Customer c = regular();
  const std::string text =
      R"(monetary_cents > 50000 and recency_days < 30 and likes("category:shoes"))";
  EXPECT_TRUE(holds(text, c));
  c.liked.clear();
  EXPECT_FALSE(holds(text, c));
}

TEST(Rule, ComparesEveryType) {
  const Customer c = regular();
  for (const char* text : {"monetary_cents == 60000",
                           "monetary_cents = 6e4",
                           "recency_days <> 11",
                           "country >= 'UK'",
                           "newsletter",
                           "newsletter == true",
                           "newsletter != (recency_days > 20)",
                           "last_purchase < now",
                           "last_purchase == date('2011-06-21')",
                           "now - last_purchase == 10 days",
                           "now - last_purchase < 2 weeks",
                           "(now - last_purchase) / 1 day == recency_days",
                           "last_purchase + 240 hours == now",
                           "last_purchase > days_ago(30)",
                           "last_purchase between days_ago(10) and days_ago(9.5)",
                           "last_purchase >= days_ago(recency_days)",
                           "国家 == \"法国\"",
                           "`order count` * 2 - 1 == 7",
                           "-recency_days + 20 == recency_days",
                           "recency_days between 10 and 10",
                           "recency_days not between 11 and 12",
                           "国家 in ['法国', '英国']",
                           "country not in ['FR']",
                           "recency_days in [1, 10, -3]",
                           "now - last_purchase in [10 days, 3 hours]",
                           "country contains 'K'",
                           "country starts_with 'U'",
                           "country ends_with 'K'",
                           "not country starts_with 'F'",
                           "country not ends_with 'U'",
                           "brands contains 'Bolt'",
                           "'Bolt' in brands",
                           "'Zap' not in brands",
                           "brands not contains 'Zap'",
                           "brands contains any ['Zap', 'Acme']",
                           "brands contains all ['Bolt', 'Acme']",
                           "brands not contains all ['Bolt', 'Zap']",
                           "count(brands) == 2",
                           "affinity('category:shoes') > .4",
                           "likes('category:shoes', 0.5)",
                           "not likes('category:shoes', 0.6)",
                           "stage in ['active', 'new']",
                           "NOT false AND true"}) {
    EXPECT_TRUE(holds(text, c)) << text;
  }
}

TEST(Rule, BindsAndTighterThanOrAndNotTighterThanAnd) {
  const Customer c = regular();
  EXPECT_TRUE(holds("true or true and false", c));
  EXPECT_FALSE(holds("(true or true) and false", c));
  EXPECT_TRUE(holds("not false or true", c));
  EXPECT_TRUE(holds("2 + 3 * 4 == 14 and 20 - 5 - 5 == 10 and 16 / 4 / 2 == 2", c));
}

TEST(MissingValues, MakeEveryComparisonFalseTheNegatedFormsToo) {
  const Customer nobody;
  for (const char* text : {"country == 'UK'",
                           "country != 'UK'",
                           "country in ['UK']",
                           "country not in ['UK']",
                           "recency_days < 1",
                           "recency_days >= 1",
                           "recency_days between 1 and 2",
                           "recency_days not between 1 and 2",
                           "recency_days + 1 > 0",
                           "-recency_days < 1",
                           "last_purchase < now",
                           "now - last_purchase > 1 day",
                           "newsletter",
                           "newsletter == false",
                           "newsletter != true",
                           "brands contains 'x'",
                           "brands not contains 'x'",
                           "count(brands) == 0",
                           "affinity('x') < 1",
                           "country starts_with ''",
                           "country not starts_with 'U'",
                           "recency_days is not missing",
                           "1 == recency_days"}) {
    EXPECT_FALSE(holds(text, nobody)) << text;
  }
  for (const char* text :
       {"not (country == 'UK')", "not newsletter", "recency_days is missing",
        "recency_days + 1 is missing", "country is missing", "newsletter is missing",
        "brands is missing", "affinity('x') is missing", "likes('x') is not missing",
        "last_purchase + 1 day is missing", "now is not missing"}) {
    EXPECT_TRUE(holds(text, nobody)) << text;
  }
}

TEST(MissingValues, ComeFromDivisionByZeroOverflowAndNaN) {
  Customer c = regular();
  c.numbers[kRecency] = 0;
  EXPECT_TRUE(holds("monetary_cents / recency_days is missing", c));
  EXPECT_TRUE(holds("1e300 * 1e300 is missing", c));
  EXPECT_TRUE(holds("1 day * 1e300 is missing and now + 9000000000 * 1 day is missing", c));
  EXPECT_TRUE(holds("1 day / (1 day - 1 day) is missing and 1 day / recency_days is missing", c));
  c.numbers[kRecency] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(holds("recency_days is missing", c));
  EXPECT_FALSE(holds("recency_days != 3", c));
  c.lists[kBrands] = std::vector<std::string>{};
  EXPECT_TRUE(holds("brands is not missing and count(brands) == 0 and brands not contains 'x'", c));
}

TEST(Rule, ReadsDatesInTheShopsZoneUnlessTheyNameTheirOwn) {
  const auto shanghai = TimeZone::find("Asia/Shanghai").value();
  const Schema schema = make_schema(shanghai);
  Customer c;
  c.times[kLastPurchase] = moment(2011, 5, 31, 16);  // midnight of 1 June in Shanghai
  const auto is = [&](std::string_view text) {
    return Rule::parse(text, schema).value().matches(c, kNow);
  };
  EXPECT_TRUE(is("last_purchase == date(\"2011-06-01\")"));
  EXPECT_TRUE(is("last_purchase == date(\"2011-05-31T16:00:00Z\")"));
  EXPECT_TRUE(is("last_purchase == date(\"2011-06-01 00:00\")"));
}

TEST(Rule, PrintsInNormalForm) {
  EXPECT_EQ(printed("( (newsletter)OR(newsletter or stage='new')) "),
            "newsletter or newsletter or stage == \"new\"");
  EXPECT_EQ(printed("(newsletter or not newsletter) and 1<2"),
            "(newsletter or not newsletter) and 1 < 2");
  EXPECT_EQ(printed("recency_days-(1-2)-3*(4+5)/-6 <> .5"),
            "recency_days - (1 - 2) - 3 * (4 + 5) / -6 != 0.5");
  EXPECT_EQ(printed("last_purchase > days_ago(30)"), "last_purchase > now - 30 days");
  EXPECT_EQ(printed("now-last_purchase in [2 weeks,90 minutes,36 HOURS]"),
            "now - last_purchase in [14 days, 90 minutes, 36 hours]");
  EXPECT_EQ(printed("`recency_days` > 1 and `order count` < 2"),
            "recency_days > 1 and `order count` < 2");
  EXPECT_EQ(printed(R"(country == 'say "hi"\n')"), R"(country == "say \"hi\"\n")");
  EXPECT_EQ(printed("'Acme' in brands"), "brands contains \"Acme\"");
  EXPECT_EQ(printed("not (country in ['UK'])"), "not country in [\"UK\"]");
}

TEST(Rule, TellsWhatItReads) {
  const auto rule = Rule::parse(
      "likes('a') and recency_days < 3 and recency_days > 1 or last_purchase > days_ago(3) and "
      "affinity(country) > 1",
      make_schema());
  ASSERT_TRUE(rule.has_value()) << rule.error().message;
  EXPECT_THAT(rule->fields_used(), ElementsAre(kRecency, kCountry, kLastPurchase));
  EXPECT_TRUE(rule->depends_on_clock());
  const auto calls = rule->calls();
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].function, 0u);
  EXPECT_EQ(std::get<std::string_view>(calls[0].arguments[0]), "a");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(calls[1].arguments[0]));
  EXPECT_FALSE(Rule::parse("recency_days < 3", make_schema())->depends_on_clock());
}

TEST(Rule, IsAValueThatOutlivesItsTextAndSchema) {
  std::optional<Rule> kept;
  {
    const Schema schema = make_schema();
    std::string text = "country in ['UK', 'FR'] and likes('category:shoes')";
    kept = Rule::parse(text, schema).value();
    text.assign(text.size(), 'x');
  }
  const Rule copy = *kept;
  kept.reset();
  EXPECT_TRUE(copy.matches(regular(), kNow));
  EXPECT_EQ(copy.print(), R"(country in ["UK", "FR"] and likes("category:shoes"))");
}

TEST(RuleErrors, PointAtThePlace) {
  EXPECT_EQ(
      refused("国家 == \"法国\" and\n  monetary_cent > 5"),
      "2:3: unknown field 'monetary_cent'; did you mean 'monetary_cents'?\n"
      "    monetary_cent > 5\n"
      "    ^^^^^^^^^^^^^\n"
      "  expected one of the fields brands, country, last_purchase, monetary_cents, newsletter, "
      "order count, recency_days, stage, 国家");
  EXPECT_EQ(refused("国家 == \"法国\" and 国家 > 5"),
            "1:21: 国家 is text, 5 is a number: put it in quotes, \"5\"\n"
            "  国家 == \"法国\" and 国家 > 5\n"
            "                            ^");
}

struct Refusal {
  const char* text;
  const char* message;
};

TEST(RuleErrors, NameTheRemedy) {
  for (const auto& [text, message] : std::initializer_list<Refusal>{
           {"recency_days < \"30\"", "recency_days is a number, \"30\" is text: drop the quotes"},
           {"30 > country", "30 is a number, country is text: put it in quotes, \"30\""},
           {"stage == \"at-risk\"", "stage is never \"at-risk\"; did you mean 'at risk'?"},
           {"stage in [\"new\", \"activ\"]", "did you mean 'active'?"},
           {"'atrisk' != stage", "did you mean 'at risk'?"},
           {"country == france", "a text needs quotes: \"france\""},
           {"国家 == “法国”", "'“' is a full-width or typographic sign: write \""},
           {"（newsletter）", "write ("},
           {"国家 in [\"法国\"，\"英国\"]", "write ,"},
           {"recency_days ＞ 3", "write >"},
           {"recency_days > ３", "'３' is a full-width character: write '3'"},
           {"newsletter && newsletter", "write 'and' instead of '&&'"},
           {"!newsletter", "write 'not' instead of '!'"},
           {"monetary_cents > 50,000", "without thousands separators"},
           {"recency_days > 10%", "0.1 for 10 %"},
           {"1 < recency_days < 5", "comparisons do not chain"},
           {"last_purchase < \"2011-01-01\"", "write date(\"2011-01-01\")"},
           {"last_purchase > 30", "write date(\"2011-06-01\"), days_ago(30) or now"},
           {"last_purchase > now - 2 months", "count days or weeks"},
           {"now - last_purchase > 30", "write 30 days"},
           {"recency_days < 30 days", "write the number alone"},
           {"recency_days < 30d", "put a blank between them"},
           {"monetary_cents", "compare it, as in monetary_cents > 0"},
           {"newsletter and country", "each side of 'and' must be a condition"},
           {"not recency_days", "what follows 'not' must be a condition"},
           {"likes(3)", "argument 1 of likes must be text, and 3 is a number"},
           {"likes()", "likes takes 1 to 2 arguments, and 0 are given: likes(text, number)"},
           {"like(\"x\")", "unknown function 'like'; did you mean 'likes'?"},
           {"recency_days(3)", "is a field: write it without parentheses"},
           {"likes", "'likes' is a function: write likes(…)"},
           {"country is null", "write 'is missing'"},
           {"country like 'x'", "there are contains, starts_with and ends_with"},
           {"country in ('a')", "square brackets"},
           {"country in []", "the list is empty"},
           {"country in [5]", "this list holds text, and 5 is a number"},
           {"country in ['a', country]", "a list holds constants only"},
           {"brands == 'a'", "write contains instead"},
           {"brands contains ['a']", "'any' or 'all' before the list"},
           {"brands > brands", "write brands contains"},
           {"recency_days contains 'a'", "looks into a text or a list of text"},
           {"newsletter < true", "flags have no order"},
           {"newsletter + 1 == 2", "'+' cannot join newsletter (flag) and 1 (number)"},
           {"-country == 'x'", "only numbers and durations have a sign"},
           {"last_purchase + last_purchase > now", "cannot join"},
           {"last_purchase > date('2011-13-01')", "is no date"},
           {"last_purchase > date(country)", "date takes one text"},
           {"now() > last_purchase", "'now' is written without parentheses"},
           {"recency_days between 1 or 2", "expected 'and' and the upper end"},
           {"((newsletter)", "this parenthesis is not closed"},
           {"newsletter)", "')' cannot stand here"},
           {"newsletter and", "the rule ends too early"},
           {"", "the rule is empty"},
           {"  \n ", "the rule is empty"},
           {"country == \"abc", "is not closed: add \""},
           {"country == 'a\\x'", "unknown escape"},
           {"`order count > 3", "add `"},
           {"recency_days > 1e999", "too large or too small"},
           {"recency_days > 1e9 weeks", "at most 10,000 years"},
           {"newsletter; newsletter", "has no meaning in a rule"},
           {"country == 'a\xff'", "this byte is not UTF-8"},
           {"now - now > 1e9 weeks", "at most 10,000 years"}}) {
    EXPECT_THAT(refused(text), HasSubstr(message)) << text;
  }
}

TEST(RuleErrors, ComeWithTheSourcesOwnWordsForCheckedArguments) {
  const auto check = [](std::span<const Value> arguments) -> Status {
    const auto* name = std::get_if<std::string_view>(&arguments[0]);
    if (name == nullptr || *name == "vip") return {};
    return std::unexpected(not_found("there is no segment '" + std::string(*name) + "'"));
  };
  const auto schema = Schema::create({{"country", Type::text, ""}},
                                     {{"in_segment", {Type::text}, Type::flag, "", 0, check}})
                          .value();
  EXPECT_TRUE(Rule::parse("in_segment(\"vip\") or in_segment(country)", schema));
  const auto rule = Rule::parse("country == 'x' and in_segment(\"vips\")", schema);
  ASSERT_FALSE(rule.has_value());
  EXPECT_THAT(rule.error().message, HasSubstr("1:31: there is no segment 'vips'"));
}

TEST(RuleErrors, ShowAWindowOfALongLine) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "newsletter and ";
  text += "国家 = 3 or " + text + "newsletter";
  const std::string message = refused(text);
  EXPECT_THAT(message, HasSubstr("1:3006: 国家 is text"));
  EXPECT_LT(message.size(), 500u);
  EXPECT_THAT(message, HasSubstr("…"));
}

TEST(Rule, IsRefusedBeforeItCouldOverflowTheStack) {
  const auto repeated = [](std::string_view piece, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += piece;
    return text;
  };
  EXPECT_THAT(refused(repeated("(", 30'000)), HasSubstr("nested more than 100 levels"));
  EXPECT_THAT(refused(repeated("not ", 10'000) + "true"), HasSubstr("nested more than 100"));
  EXPECT_THAT(refused(repeated("-", 30'000) + "1 < 2"), HasSubstr("nested more than 100"));
  EXPECT_THAT(refused(repeated("likes(", 9'000)), HasSubstr("nested more than 100"));
  EXPECT_THAT(refused("1" + repeated("+1", 30'000) + " > 2"), HasSubstr("more than 400"));
  EXPECT_THAT(refused("1 > 1" + repeated("*1", 30'000)), HasSubstr("more than 400"));
  EXPECT_THAT(refused(repeated("true or ", 9'000) + "true"), HasSubstr("has 72,004 bytes"));
  EXPECT_EQ(refused(repeated("true and ", 7'000) + "true"), "accepted");
  EXPECT_EQ(refused(repeated("(", 100) + "true" + repeated(")", 100)), "accepted");
  EXPECT_EQ(refused(repeated("not ", 100) + "true"), "accepted");
}

TEST(Diagnostic, GivesAnEditorThePlaceAsData) {
  const auto problem = Rule::diagnose("国家 == \"x\" and recency_day > 1", make_schema());
  ASSERT_TRUE(problem.has_value());
  EXPECT_EQ(problem->line, 1);
  EXPECT_EQ(problem->column, 15);
  EXPECT_EQ(problem->offset, 18u);
  EXPECT_EQ(problem->length, 11u);
  EXPECT_FALSE(Rule::diagnose("recency_days > 1", make_schema()).has_value());
}

TEST(Schema, RefusesNamesAndTypesThatNoRuleCouldUse) {
  EXPECT_FALSE(Schema::create({{"", Type::number, ""}}));
  EXPECT_FALSE(Schema::create({{"a`b", Type::number, ""}}));
  EXPECT_FALSE(Schema::create({{"a", Type::number, ""}, {"a", Type::text, ""}}));
  EXPECT_FALSE(Schema::create({{"a", Type::duration, ""}}));
  EXPECT_FALSE(Schema::create({}, {{"date", {}, Type::flag, ""}}));
  EXPECT_FALSE(Schema::create({}, {{"and", {}, Type::flag, ""}}));
  EXPECT_FALSE(Schema::create({}, {{"f", {Type::text_list}, Type::flag, ""}}));
  EXPECT_FALSE(Schema::create({}, {{"f", {Type::text}, Type::flag, "", 2}}));
  const auto odd = Schema::create({{"and", Type::number, ""}, {"１", Type::number, ""}});
  ASSERT_TRUE(odd.has_value());
  EXPECT_EQ(Rule::parse("`and` > `１`", *odd)->print(), "`and` > `１`");
}

TEST(Rule, KnowsWhatFieldsAreCalledElsewhere) {
  const Schema schema =
      Schema::create(
          {{"lifecycle", Type::text, ""}, {"id", Type::text, ""}, {"price", Type::number, ""}})
          .value();
  const auto refusal = [&](std::string_view text) { return Rule::parse(text, schema).error(); };
  EXPECT_NE(refusal("stage == \"lapsed\"").message.find("did you mean 'lifecycle'?"),
            std::string::npos);
  EXPECT_NE(refusal("item_id == \"z\"").message.find("did you mean 'id'?"), std::string::npos);
  EXPECT_NE(refusal("pryce > 3").message.find("did you mean 'price'?"), std::string::npos);
}

}  // namespace
}  // namespace attune::rules

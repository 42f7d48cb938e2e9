#include "attune/profiles/fields.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

#include "attune/profiles/context.h"
#include "sample_events.h"

namespace attune::profiles {
namespace {

using ::testing::AllOf;
using testing::at;
using ::testing::HasSubstr;

// One customer: shoes by Acme bought a month ago, a hat looked at today, 16 May 2020.
class ProfileRuleTest : public ::testing::Test {
 protected:
  ProfileRuleTest() {
    shoes_ = names_.add_term(TermKindOf::category, "shoes");
    const TermId hats = names_.add_term(TermKindOf::category, "帽子");
    testing::OwnedEvent bought = testing::purchase(1, at(2020, 4, 16, 10), 60000);
    bought.categories = {shoes_};
    bought.event.brand = names_.add_term(TermKindOf::brand, "Acme");
    bought.event.item = names_.add_item("85123A");
    bought.event.channel = names_.add_term(TermKindOf::channel, "web");
    testing::OwnedEvent view = testing::simple(2, at(2020, 5, 16, 10), events::EventType::view, 2);
    view.categories = {hats};
    testing::OwnedEvent search = testing::simple(3, at(2020, 5, 16), events::EventType::search);
    search.text = "straw hat";
    context_.as_of = at(2020, 5, 16, 12);
    profile_ = describe({1}, testing::folded({bought, view, search}).state(), context_);
    profile_.segments = {"vip"};
  }

  Result<ProfileRule> compile(std::string_view text) {
    const auto schema = profile_schema(TimeZone::utc(), {"vip", "lapsed"});
    EXPECT_TRUE(schema.has_value());
    return ProfileRule::compile(text, *schema, names_);
  }
  bool holds(std::string_view text) {
    const auto rule = compile(text);
    EXPECT_TRUE(rule.has_value()) << (rule ? "" : rule.error().message);
    return rule && rule->matches(profile_, names_);
  }
  std::string refusal(std::string_view text) {
    const auto rule = compile(text);
    EXPECT_FALSE(rule.has_value()) << text;
    return rule ? "" : rule.error().message;
  }

  MemoryVocabulary names_;
  TermId shoes_;
  ShopContext context_;
  Profile profile_;
};

TEST_F(ProfileRuleTest, AnswersWhatIsAskedOfAProfile) {
  for (const char* rule :
       {"monetary_cents > 50000 and recency_days == 30 and likes(\"category:shoes\")",
        "likes(\"brand:Acme\", 0.99)", "not likes(\"category:shoes\", 0.9)",
        "bought(\"item:85123A\") and bought(\"category:shoes\") and bought(\"brand:Acme\")",
        "not bought(\"category:帽子\") and likes(\"category:帽子\")",
        "interest(\"category:shoes\") > 2.4 and interest(\"category:shoes\") < 2.6",
        "in_segment(\"vip\") and not in_segment(\"lapsed\")",
        "lifecycle == \"new\" and buyer == \"one_time\" and weekday != \"none\"",
        "preferred_categories contains \"shoes\" and preferred_brand == \"Acme\"",
        "recent_searches contains \"straw hat\" and channels contains \"web\"",
        "now - last_purchase > 29 days and last_seen >= date(\"2020-05-16\")",
        "view_count == 1 and view_count_7d == 1 and purchase_count_30d == 0",
        "active_days == 2 and active_days_7d == 1 and refund_count == 0",
        "inter_purchase_days_mean is missing and preferred_channel is not missing",
        "recent_items contains any [\"85123A\"]"}) {
    EXPECT_TRUE(holds(rule)) << rule;
  }
  for (const char* rule :
       {"likes(\"category:gloves\")", "bought(\"item:nothing\")", "interest(\"brand:none\") > 0",
        "inter_purchase_days_mean > 0", "value_tier == \"top\"", "recency_score >= 1"}) {
    EXPECT_FALSE(holds(rule)) << rule;
  }
}

TEST_F(ProfileRuleTest, PointsAtAWrongFieldAndNamesTheNearest) {
  EXPECT_THAT(refusal("frequency > 2 and\n  recensy_days < 30"),
              AllOf(HasSubstr("2:3"), HasSubstr("recency_days"), HasSubstr("^")));
}

TEST_F(ProfileRuleTest, PointsAtAWrongType) {
  EXPECT_THAT(refusal("recency_days < \"soon\""), AllOf(HasSubstr("1:"), HasSubstr("number")));
}

TEST_F(ProfileRuleTest, NamesTheNearestWordOfAClosedVocabulary) {
  EXPECT_THAT(refusal("lifecycle == \"at risk\""), HasSubstr("at_risk"));
}

TEST_F(ProfileRuleTest, RefusesTargetsWithoutAKind) {
  EXPECT_THAT(refusal("likes(\"shoes\")"), HasSubstr("category:"));
  EXPECT_THAT(refusal("bought(\"item:\")"), HasSubstr("item:"));
  EXPECT_THAT(refusal("likes(preferred_category)"), HasSubstr("likes takes"));
}

TEST_F(ProfileRuleTest, NamesTheNearestSegment) {
  EXPECT_THAT(refusal("in_segment(\"vipp\")"), HasSubstr("vip"));
}

TEST_F(ProfileRuleTest, KnowsWhatItsAnswerDependsOn) {
  EXPECT_EQ(compile("frequency > 3")->dependence(), Dependence::events);
  EXPECT_EQ(compile("likes(\"category:shoes\")")->dependence(), Dependence::events);
  EXPECT_EQ(compile("recency_days > 3")->dependence(), Dependence::clock);
  EXPECT_EQ(compile("last_purchase < days_ago(3)")->dependence(), Dependence::clock);
  EXPECT_EQ(compile("interest(\"category:shoes\") > 1")->dependence(), Dependence::clock);
  EXPECT_EQ(compile("view_count_7d > 1")->dependence(), Dependence::clock);
  EXPECT_EQ(compile("value_tier == \"top\" and recency_days > 3")->dependence(), Dependence::shop);
  EXPECT_EQ(compile("in_segment(\"vip\") or in_segment(\"lapsed\") or in_segment(\"vip\")")
                ->segments_used(),
            (std::vector<std::string>{"lapsed", "vip"}));
}

// Every field answers with its own type, and no name stands twice.
TEST_F(ProfileRuleTest, EveryFieldOfTheSchemaCanBeAsked) {
  const auto schema = profile_schema(TimeZone::utc());
  ASSERT_TRUE(schema.has_value());
  std::set<std::string> seen;
  for (const rules::Field& field : schema->fields()) {
    EXPECT_TRUE(seen.insert(field.name).second) << field.name;
    EXPECT_FALSE(field.help.empty()) << field.name;
    const auto rule = ProfileRule::compile(field.name + " is missing", *schema, names_);
    ASSERT_TRUE(rule.has_value()) << field.name;
    rule->matches(profile_, names_);
    rule->matches(Profile(), names_);
  }
  EXPECT_GT(seen.size(), 250u);
}

// A number that JSON and rules both give is the same number.
TEST_F(ProfileRuleTest, FieldsEqualTheJsonOfTheSameName) {
  const auto json = boost::json::parse(to_json(profile_, names_)).as_object();
  const auto schema = profile_schema(TimeZone::utc()).value();
  const ProfileSource source(profile_, names_);
  int compared = 0;
  for (std::size_t f = 0; f < schema.fields().size(); ++f) {
    const rules::Field& field = schema.fields()[f];
    const auto* value = json.if_contains(field.name);
    if (value == nullptr || value->is_object() || value->is_array()) continue;
    ++compared;
    if (field.type == rules::Type::number) {
      const auto number = source.number(f);
      ASSERT_EQ(number.has_value(), !value->is_null()) << field.name;
      if (number) {
        EXPECT_DOUBLE_EQ(*number, value->to_number<double>()) << field.name;
      }
    } else if (field.type == rules::Type::text) {
      EXPECT_EQ(*source.text(f), value->as_string()) << field.name;
    } else if (field.type == rules::Type::time) {
      EXPECT_EQ(format_iso(*source.time(f)), value->as_string()) << field.name;
    }
  }
  EXPECT_GT(compared, 35);
}

}  // namespace
}  // namespace attune::profiles

#include "attune/base/money.h"

#include <gtest/gtest.h>

namespace attune {
namespace {

struct Case {
  const char* text;
  std::int64_t digits;
  int scale;
};

TEST(ParseDecimal, ReadsWhatShopsWrite) {
  const Case cases[] = {{"2.55", 255, 2},        {"-3", -3, 0},      {"1,234.50", 123450, 2},
                        {"1.234,50", 123450, 2}, {"£2.55", 255, 2},  {"¥1,000", 1000, 0},
                        {"(12.00)", -1200, 2},   {"1e3", 1000, 0},   {"2.5E-2", 25, 3},
                        {"12,5", 125, 1},        {"1,234", 1234, 0}, {" 7 ", 7, 0},
                        {"-£5", -5, 0},          {"99元", 99, 0},    {"+4.0", 40, 1},
                        {"1'000.5", 10005, 1},   {"0.001", 1, 3},    {"1.234.567", 1234567, 0}};
  for (const Case& c : cases) {
    const auto read = parse_decimal(c.text);
    ASSERT_TRUE(read) << c.text << ": " << read.error().message;
    EXPECT_EQ(read->digits, c.digits) << c.text;
    EXPECT_EQ(read->scale, c.scale) << c.text;
  }
  EXPECT_EQ(parse_decimal("1.234", true)->digits, 1234);
  EXPECT_EQ(parse_decimal("1,234", true)->scale, 3);
}

TEST(ParseDecimal, RefusesWhatIsNoNumber) {
  for (const char* text : {"", "abc", "1.2.3,4,5x", "--5", "1,23,4", "e5", "1e", "£", "12 34",
                           "NaN", "inf", "1234567890123456789"}) {
    EXPECT_FALSE(parse_decimal(text)) << text;
  }
}

TEST(ToMinor, RoundsHalfAwayFromZeroExactly) {
  EXPECT_EQ(*to_minor({255, 2}, 6, 2), 1530);
  EXPECT_EQ(*to_minor({1, 3}, 5, 2), 1);  // 0.005 is half a cent
  EXPECT_EQ(*to_minor({-1, 3}, 5, 2), -1);
  EXPECT_EQ(*to_minor({1, 3}, 4, 2), 0);
  EXPECT_EQ(*to_minor({1000, 0}, 3, 0), 3000);
  EXPECT_EQ(*to_minor({199, 2}, 0.5, 2), 100);
  EXPECT_FALSE(to_minor({900'000'000'000'000'000, 0}, 1e6, 2));
}

TEST(Money, RefusesToMixCurrencies) {
  const Money pounds{100, *Currency::parse("gbp")};
  const Money yen{100, *Currency::parse("JPY")};
  EXPECT_EQ(to_string(pounds), "1.00 GBP");
  EXPECT_EQ(to_string(yen), "100 JPY");
  EXPECT_EQ(to_string(Money{-5, pounds.currency}), "-0.05 GBP");
  EXPECT_EQ(add(pounds, pounds)->minor, 200);
  const auto mixed = add(pounds, yen);
  ASSERT_FALSE(mixed);
  EXPECT_NE(mixed.error().message.find("exchange rate"), std::string::npos);
  EXPECT_FALSE(add({INT64_MAX, pounds.currency}, {1, pounds.currency}));
}

TEST(Currency, KnowsItsDigits) {
  EXPECT_EQ(Currency::parse("JPY")->exponent(), 0);
  EXPECT_EQ(Currency::parse("KWD")->exponent(), 3);
  EXPECT_EQ(Currency::parse("CNY")->exponent(), 2);
  EXPECT_FALSE(Currency::parse("US1"));
  EXPECT_FALSE(Currency::parse("POUND"));
}

}  // namespace
}  // namespace attune

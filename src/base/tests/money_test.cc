#include "attune/base/money.h"

#include <string>
#include <utility>

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

TEST(Currency, KnowsTheCodesOfTheStandardAndNamesTheOneThatWasMeant) {
  for (const char* code : {"GBP", "eur", "XCG", "ZWG", "AED", "YER", "HRK", "DEM"})
    EXPECT_TRUE(Currency::parse(code)) << code;
  const auto message = [](std::string_view text) {
    const auto read = Currency::parse(text);
    return read ? "" : read.error().message;
  };
  EXPECT_EQ(message("GPB"), "unknown currency 'GPB'; did you mean 'GBP'?");
  EXPECT_EQ(message("EURO"), "unknown currency 'EURO'; did you mean 'EUR'?");
  EXPECT_EQ(message("RMB"), "unknown currency 'RMB'; did you mean 'CNY'?");
  EXPECT_EQ(message("€"), "unknown currency '€'; did you mean 'EUR'?");
  for (const char* code : {"BTC", "XTS", "PTS", ""})
    EXPECT_NE(message(code).find("convert the amounts"), std::string::npos) << message(code);
  // What earlier programs took in can still be read.
  EXPECT_EQ(Currency::of_stored("gpb")->to_string(), "GPB");
  EXPECT_FALSE(Currency::of_stored("US1"));
}

// "digits/scale code", with "?" where the currency is a guess.
std::string amount(std::string_view text, std::string_view home = "GBP", bool comma = false) {
  const auto read = parse_amount(text, comma, home.empty() ? Currency{} : *Currency::parse(home));
  if (!read) return read.error().message;
  std::string shown =
      std::to_string(read->number.digits) + "/" + std::to_string(read->number.scale);
  if (read->currency.known()) shown += " " + read->currency.to_string();
  return shown + (read->assumed ? "?" : "");
}

TEST(ParseAmount, ReadsTheCurrencyBesideTheNumber) {
  const std::pair<const char*, const char*> cases[] = {{"12.50", "1250/2"},
                                                       {"1,234.50", "123450/2"},
                                                       {"€12.50", "1250/2 EUR"},
                                                       {"12,5 €", "125/1 EUR"},
                                                       {"12.50\u00A0€", "1250/2 EUR"},
                                                       {"£3", "3/0 GBP"},
                                                       {"-£3", "-3/0 GBP"},
                                                       {"(£3.00)", "-300/2 GBP"},
                                                       {"10元", "10/0 CNY"},
                                                       {"100円", "100/0 JPY"},
                                                       {"₹99", "99/0 INR"},
                                                       {"₩1,000", "1000/0 KRW"},
                                                       {"US$ 5", "5/0 USD"},
                                                       {"5US$", "5/0 USD"},
                                                       {"A$5", "5/0 AUD"},
                                                       {"C$5", "5/0 CAD"},
                                                       {"HK$5", "5/0 HKD"},
                                                       {"NT$5", "5/0 TWD"},
                                                       {"R$5", "5/0 BRL"},
                                                       {"12.50 zł", "1250/2 PLN"},
                                                       {"5 kr.", "5/0 SEK?"},
                                                       {"Rs.500", "500/0 INR?"},
                                                       {"12.50 EUR", "1250/2 EUR"},
                                                       {"eur 12.50", "1250/2 EUR"},
                                                       {"CHF12.50", "1250/2 CHF"},
                                                       {"1e3 USD", "1000/0 USD"},
                                                       {"$5.00 AUD", "500/2 AUD"},
                                                       {"¥10元", "10/0 CNY"},
                                                       {"$5", "5/0 USD?"},
                                                       {"￥10", "10/0 CNY?"},
                                                       {"RMB 5", "5/0 CNY"}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(amount(text), expected) << text;
  EXPECT_EQ(amount("12,50 EUR", "GBP", true), "1250/2 EUR");
  EXPECT_EQ(amount("€5", ""), "5/0 EUR");
}

TEST(ParseAmount, ReadsASignOfSeveralCurrenciesAsTheReadersOwn) {
  for (const char* home : {"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN"})
    EXPECT_EQ(amount("$5", home), std::string("5/0 ") + home);
  EXPECT_EQ(amount("¥5", "JPY"), "5/0 JPY");
  EXPECT_EQ(amount("¥5", "CNY"), "5/0 CNY");
  EXPECT_EQ(amount("5元", "TWD"), "5/0 TWD");
  EXPECT_EQ(amount("5 kr", "DKK"), "5/0 DKK");
  EXPECT_EQ(amount("£5", "EGP"), "5/0 EGP");
}

TEST(ParseAmount, RefusesWhatIsNoAmountAndSaysWhichCurrencyWasMeant) {
  EXPECT_EQ(amount("12.50 GPB"), "unknown currency 'GPB'; did you mean 'GBP'?");
  EXPECT_EQ(parse_amount("12.50 GPB", false, {}).error().code, ErrorCode::not_found);
  EXPECT_EQ(amount("£5 USD"), "'£5 USD' names two currencies, GBP and USD");
  for (const char* text : {"", "€", "EUR", "abc", "5 kg", "12 34", "NaN", "--5", "€5€5", "5EURO"})
    EXPECT_FALSE(parse_amount(text, false, {})) << text;
}

}  // namespace
}  // namespace attune

// Money as integers of a currency's smallest unit. Answers: how much, of what, without a cent of
// rounding drift?
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "attune/base/error.h"

namespace attune {

// ISO 4217 code; all zero means "not stated".
struct Currency {
  std::array<char, 3> code{};

  // What somebody states: a code of ISO 4217 in any case, a current one or one that was withdrawn
  // since 1999. Errors: invalid_argument naming the nearest of those that most money is paid in.
  static Result<Currency> parse(std::string_view text);
  // What was stored before codes were looked up: any three letters. Errors: invalid_argument.
  static Result<Currency> of_stored(std::string_view text);
  std::string to_string() const;
  bool known() const { return code[0] != 0; }

  // Digits after the decimal point: 2 for most, 0 for JPY and KRW, 3 for KWD.
  int exponent() const;
  friend auto operator<=>(const Currency&, const Currency&) = default;
};

struct Money {
  std::int64_t minor = 0;
  Currency currency;
  friend bool operator==(const Money&, const Money&) = default;
};

// A decimal number read exactly: value = digits * 10^-scale.
struct Decimal {
  std::int64_t digits = 0;
  int scale = 0;
};

// Reads "1,234.50", "1.234,50", "-3", "£2.55", "¥1,000", "(12.00)", "1e3". One separator followed
// by exactly three digits is read as a thousands separator when it is a comma and as a decimal
// point when it is a dot; `decimal_comma` turns that round. Errors: invalid_argument when the text
// is no number; out_of_range beyond 18 digits.
Result<Decimal> parse_decimal(std::string_view text, bool decimal_comma = false);

// An amount as it is written: "12.50", "€12.50", "US$5", "12.50 EUR", "$5 AUD".
struct WrittenAmount {
  Decimal number;
  Currency currency;     // that its sign or code states; not known: the number stands alone
  bool assumed = false;  // the sign is of several currencies, and which of them is a guess
};

// A number as parse_decimal reads it, with the sign or code beside it. A sign of several currencies
// ("$", "£", "¥", "元", "kr", "Rs") means `home` where that is one of them; else $ means USD, £
// GBP, ¥ and 元 CNY, kr SEK and Rs INR, and of $, ¥, kr and Rs that is a guess. Errors: those of
// parse_decimal; invalid_argument where it names two currencies; not_found, naming the nearest,
// where a number stands beside three letters that are no code. Cost: a plain number costs nothing
// more than parse_decimal; nothing is allocated but in errors.
Result<WrittenAmount> parse_amount(std::string_view text, bool decimal_comma, const Currency& home);

double to_double(const Decimal& decimal);

// value * quantity in minor units, rounded half away from zero. Errors: out_of_range when it
// passes 9.2e18.
Result<std::int64_t> to_minor(const Decimal& unit, double quantity, int exponent);

// "12.34 GBP"; without a currency "12.34".
std::string to_string(const Money& money);

// Sums that refuse to mix currencies. Errors: invalid_argument naming both; out_of_range on
// overflow.
Result<Money> add(const Money& a, const Money& b);

}  // namespace attune

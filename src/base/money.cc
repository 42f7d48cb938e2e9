#include "attune/base/money.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "currency.h"

namespace attune {
namespace {

constexpr std::array<std::int64_t, 19> kPowers = [] {
  std::array<std::int64_t, 19> powers{};
  std::int64_t power = 1;
  for (std::int64_t& entry : powers) {
    entry = power;
    if (power < 1'000'000'000'000'000'000) power *= 10;
  }
  return powers;
}();

constexpr std::array<std::string_view, 9> kMoneySigns{"£", "€", "$",  "¥", "￥",
                                                      "₩", "₹", "元", "円"};

// Takes a currency sign off either end.
std::string_view without_sign(std::string_view text) {
  for (std::string_view sign : kMoneySigns) {
    if (text.starts_with(sign)) return trim(text.substr(sign.size()));
    if (text.ends_with(sign)) return trim(text.substr(0, text.size() - sign.size()));
  }
  return text;
}

// Which character, if any, separates the fraction.
char fraction_mark(std::string_view text, bool decimal_comma) {
  const std::size_t comma = text.rfind(',');
  const std::size_t dot = text.rfind('.');
  if (comma != text.npos && dot != text.npos) return comma > dot ? ',' : '.';
  if (dot != text.npos) {
    const bool grouped = text.find('.') != dot || (decimal_comma && text.size() - dot == 4);
    return grouped ? '\0' : '.';
  }
  if (comma == text.npos || text.find(',') != comma) return '\0';
  return decimal_comma || text.size() - comma != 4 ? ',' : '\0';
}

Error not_a_number(std::string_view text) {
  return invalid_argument(fmt::format("'{}' is not a number", quoted(text)));
}

struct DigitScan {
  std::int64_t digits = 0;
  int scale = 0;
  int count = 0;
};

Result<DigitScan> scan_digits(std::string_view text, std::string_view whole, char mark) {
  DigitScan scan;
  bool fraction = false;
  int group = 0;  // digits since the last thousands separator
  bool grouped = false;
  for (char c : text) {
    if (c >= '0' && c <= '9') {
      if (scan.count == 18) {
        return std::unexpected(attune::out_of_range(
            fmt::format("'{}' has more than 18 digits; round it first", quoted(whole))));
      }
      scan.digits = scan.digits * 10 + (c - '0');
      scan.count += scan.digits != 0;
      scan.scale += fraction;
      ++group;
    } else if (c == mark && !fraction) {
      if (grouped && group != 3) return std::unexpected(not_a_number(whole));
      fraction = true;
    } else if ((c == ',' || c == '.' || c == '\'' || c == ' ') && !fraction && group > 0) {
      if (grouped && group != 3) return std::unexpected(not_a_number(whole));
      grouped = true;
      group = 0;
    } else {
      return std::unexpected(not_a_number(whole));
    }
  }
  if (grouped && !fraction && group != 3) return std::unexpected(not_a_number(whole));
  return scan;
}

// Plain "-123.45" without signs or separators: the common case, kept short.
std::optional<Decimal> parse_plain(std::string_view text) {
  std::int64_t digits = 0;
  int scale = 0;
  bool fraction = false;
  std::size_t i = !text.empty() && text[0] == '-';
  if (i == text.size() || text.size() - i > 17) return std::nullopt;
  if (text[i] < '0' || text[i] > '9') return std::nullopt;
  const bool negative = i == 1;
  for (; i < text.size(); ++i) {
    if (text[i] >= '0' && text[i] <= '9') {
      digits = digits * 10 + (text[i] - '0');
      scale += fraction;
    } else if (text[i] == '.' && !fraction && i + 1 < text.size()) {
      fraction = true;
    } else {
      return std::nullopt;
    }
  }
  return Decimal{negative ? -digits : digits, scale};
}

// `strip` takes what may stand at either end off the text: one thing at a time.
template <class Strip>
Result<Decimal> parse_between(std::string_view text, bool decimal_comma, const Strip& strip) {
  const std::string_view whole = text;
  text = trim(text);
  bool negative = false;
  if (text.size() > 2 && text.front() == '(' && text.back() == ')') {
    negative = true;
    text = trim(text.substr(1, text.size() - 2));
  }
  for (int signs = 0; signs < 2; ++signs) {
    if (!negative && !text.empty() && (text[0] == '-' || text[0] == '+')) {
      negative = text[0] == '-';
      text = trim(text.substr(1));
    }
    strip(text);
  }
  int exponent = 0;
  if (const std::size_t e = text.find_first_of("eE"); e != text.npos && e > 0) {
    const std::string_view power = text.substr(e + 1);
    const bool minus = !power.empty() && power[0] == '-';
    for (char c : power.substr(minus || (!power.empty() && power[0] == '+'))) {
      if (c < '0' || c > '9' || exponent > 99) return std::unexpected(not_a_number(whole));
      exponent = exponent * 10 + (c - '0');
    }
    if (power.empty()) return std::unexpected(not_a_number(whole));
    if (minus) exponent = -exponent;
    text = text.substr(0, e);
  }
  if (text.find_first_of("0123456789") == text.npos) return std::unexpected(not_a_number(whole));
  ATTUNE_ASSIGN_OR_RETURN(DigitScan scan,
                          scan_digits(text, whole, fraction_mark(text, decimal_comma)));
  scan.scale -= exponent;
  while (scan.scale > 18 && scan.digits != 0) {
    scan.digits /= 10;
    --scan.scale;
  }
  if (scan.digits == 0) scan.scale = 0;
  while (scan.scale < 0) {
    if (std::abs(scan.digits) > kPowers[17]) {
      return std::unexpected(attune::out_of_range(fmt::format("'{}' is too large", quoted(whole))));
    }
    scan.digits *= 10;
    ++scan.scale;
  }
  return Decimal{negative ? -scan.digits : scan.digits, scan.scale};
}

// Three letters beside a number that are no code of ISO 4217: "12.50 GPB".
std::optional<std::string_view> odd_code(std::string_view text) {
  text = trim_blanks(text);
  if (text.size() < 4) return std::nullopt;
  for (const bool front : {true, false}) {
    const std::string_view letters = text.substr(front ? 0 : text.size() - 3, 3);
    const std::string_view rest = front ? text.substr(3) : text.substr(0, text.size() - 3);
    if (Currency::of_stored(letters) && parse_decimal(rest)) return letters;
  }
  return std::nullopt;
}

}  // namespace

Result<Decimal> parse_decimal(std::string_view text, bool decimal_comma) {
  if (!decimal_comma) {
    if (auto plain = parse_plain(text)) return *plain;
  }
  return parse_between(text, decimal_comma,
                       [](std::string_view& rest) { rest = without_sign(rest); });
}

Result<WrittenAmount> parse_amount(std::string_view text, bool decimal_comma,
                                   const Currency& home) {
  if (!decimal_comma) {
    if (auto plain = parse_plain(text)) return WrittenAmount{*plain, {}, false};
  }
  std::array<std::optional<CurrencyMark>, 2> marks;
  const auto number = parse_between(trim_blanks(text), decimal_comma, [&](std::string_view& rest) {
    if (auto mark = take_currency_mark(rest)) (marks[0] ? marks[1] : marks[0]) = mark;
  });
  if (!number) {
    if (const auto odd = odd_code(text)) {
      return std::unexpected(attune::not_found(Currency::parse(*odd).error().message));
    }
    return std::unexpected(number.error());
  }
  if (!marks[0]) return WrittenAmount{*number, {}, false};
  CurrencyMark::Meaning first = marks[0]->in(home);
  if (marks[1]) {  // "$5 AUD": each as the other reads it
    const CurrencyMark::Meaning second = marks[1]->in(first.currency);
    first = marks[0]->in(second.currency);
    if (first.currency != second.currency) {
      return std::unexpected(
          invalid_argument(fmt::format("'{}' names two currencies, {} and {}", quoted(text),
                                       first.currency.to_string(), second.currency.to_string())));
    }
    first.assumed = second.assumed;
  }
  return WrittenAmount{*number, first.currency, first.assumed};
}

double to_double(const Decimal& decimal) {
  return static_cast<double>(decimal.digits) /
         static_cast<double>(kPowers[static_cast<std::size_t>(decimal.scale)]);
}

Result<std::int64_t> to_minor(const Decimal& unit, double quantity, int exponent) {
  const auto rounded = std::llround(quantity);
  __extension__ using Wide = __int128;
  // Whole quantities stay exact; a fraction of a unit goes through long double.
  if (std::abs(quantity) < 1e15 && static_cast<double>(rounded) == quantity) {
    Wide value = static_cast<Wide>(unit.digits) * rounded;
    int scale = unit.scale - exponent;
    for (; scale < 0; ++scale) value *= 10;
    Wide divisor = 1;
    for (; scale > 0; --scale) divisor *= 10;
    const Wide half = divisor / 2;
    value = (value >= 0 ? value + half : value - half) / divisor;
    if (value > std::numeric_limits<std::int64_t>::max() / 2 ||
        value < std::numeric_limits<std::int64_t>::min() / 2) {
      return std::unexpected(attune::out_of_range("an amount passes 4.6e18 minor units"));
    }
    return static_cast<std::int64_t>(value);
  }
  const long double value = static_cast<long double>(unit.digits) *
                            static_cast<long double>(quantity) *
                            std::pow(10.0L, exponent - unit.scale);
  if (!(std::abs(value) < 4.6e18L)) {
    return std::unexpected(attune::out_of_range("an amount passes 4.6e18 minor units"));
  }
  return static_cast<std::int64_t>(std::llround(value));
}

std::string to_string(const Money& money) {
  const int exponent = money.currency.exponent();
  const auto power = static_cast<std::uint64_t>(kPowers[static_cast<std::size_t>(exponent)]);
  const bool negative = money.minor < 0;
  const std::uint64_t size = negative ? 0 - static_cast<std::uint64_t>(money.minor)
                                      : static_cast<std::uint64_t>(money.minor);
  std::string text = fmt::format("{}{}", negative ? "-" : "", size / power);
  if (exponent > 0) text += fmt::format(".{:0{}}", size % power, exponent);
  if (money.currency.known()) text += " " + money.currency.to_string();
  return text;
}

Result<Money> add(const Money& a, const Money& b) {
  if (a.currency != b.currency) {
    return std::unexpected(invalid_argument(fmt::format(
        "cannot add {} and {} without a dated exchange rate", to_string(a), to_string(b))));
  }
  Money sum = a;
  if (__builtin_add_overflow(a.minor, b.minor, &sum.minor)) {
    return std::unexpected(attune::out_of_range("a sum of money passes 9.2e18 minor units"));
  }
  return sum;
}

}  // namespace attune

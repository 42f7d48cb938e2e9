#include "attune/report/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attune/base/text.h"

namespace attune::report {
namespace {

constexpr std::string_view kNothing = "–";

// Digits after the point that leave about three figures that matter.
int decimals_for(double value) {
  const double size = std::abs(value);
  if (size >= 1000 || size == 0) return 0;
  if (size >= 100) return 1;
  if (size >= 1) return 2;
  return std::min(8, 2 - static_cast<int>(std::floor(std::log10(size))));
}

std::string without_trailing_zeros(std::string digits) {
  if (digits.find('.') == std::string::npos) return digits;
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.ends_with('.')) digits.pop_back();
  return digits;
}

// "1,234.50" with fixed decimals; with decimals < 0 as few as needed. "-0" does not occur.
std::string grouped(double value, int decimals) {
  if (std::abs(value) >= 1e15) return fmt::format("{:.3g}", value);
  std::string digits =
      fmt::format("{:.{}f}", std::abs(value), decimals < 0 ? decimals_for(value) : decimals);
  if (decimals < 0) digits = without_trailing_zeros(std::move(digits));
  const std::size_t point = std::min(digits.find('.'), digits.size());
  for (std::size_t at = point; at > 3;) digits.insert(at -= 3, ",");
  const bool zero = digits.find_first_not_of("0.,") == std::string::npos;
  return value < 0 && !zero ? "-" + digits : digits;
}

std::string scaled(double value, double unit, std::string_view name, int decimals) {
  const double amount = value / unit;
  const int shown = decimals >= 0 ? decimals : std::abs(amount) < 10 ? 1 : 0;
  std::string digits = grouped(amount, shown);
  return (decimals < 0 ? without_trailing_zeros(std::move(digits)) : digits) + std::string(name);
}

std::string compact(double value, const NumberFormat& format) {
  struct Unit {
    double size;
    std::string_view name;
  };
  static constexpr Unit kEnglish[] = {{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "k"}};
  static constexpr Unit kChinese[] = {{1e12, "万亿"}, {1e8, "亿"}, {1e4, "万"}};
  const auto pick = [&](const auto& units) {
    for (const Unit& unit : units) {
      // What rounds up to the unit is shown in it: 999,960 is 1M.
      if (std::abs(value) >= unit.size * .99995) {
        return scaled(value, unit.size, unit.name, format.decimals);
      }
    }
    return grouped(value, format.decimals);
  };
  return format.language == Language::zh ? pick(kChinese) : pick(kEnglish);
}

std::string percent(double share, int decimals) {
  const double value = share * 100;
  const int shown = decimals >= 0            ? decimals
                    : std::abs(value) >= 100 ? 0
                    : std::abs(value) >= .1  ? 1
                    : value == 0             ? 0
                                             : decimals_for(value) - 1;
  std::string digits = grouped(value, shown);
  return (decimals < 0 ? without_trailing_zeros(std::move(digits)) : digits) + "%";
}

}  // namespace

std::string format_number(double value, const NumberFormat& format) {
  if (!std::isfinite(value)) return std::string(kNothing);
  std::string digits;
  switch (format.kind) {
    case NumberFormat::Kind::number:
      digits = grouped(value, format.decimals);
      break;
    case NumberFormat::Kind::percent:
      digits = percent(value, format.decimals);
      break;
    case NumberFormat::Kind::compact:
      digits = compact(value, format);
      break;
    case NumberFormat::Kind::seconds:
      digits = format_seconds(value);
      break;
    case NumberFormat::Kind::bytes:
      digits = format_bytes(value);
      break;
  }
  const bool negative = digits.starts_with('-');
  return fmt::format("{}{}{}{}", negative ? "-" : "", format.prefix,
                     negative ? std::string_view(digits).substr(1) : digits, format.suffix);
}

std::string format_count(std::int64_t value) { return with_thousands(value); }

std::string format_percent(double share, int decimals) {
  return std::isfinite(share) ? percent(share, decimals) : std::string(kNothing);
}

std::string format_seconds(double seconds) {
  if (!std::isfinite(seconds)) return std::string(kNothing);
  if (seconds < 0) return "-" + format_seconds(-seconds);
  if (seconds < .0009995) return fmt::format("{:.0f} µs", seconds * 1e6);
  if (seconds < .9995) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  if (seconds > 1e15) return fmt::format("{:.3g} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  const std::int64_t minutes = (whole + 30) / 60;
  if (minutes < 48 * 60) return fmt::format("{} h {} min", minutes / 60, minutes % 60);
  return fmt::format("{} d {} h", minutes / 1440, minutes % 1440 / 60);
}

std::string format_bytes(double bytes) {
  if (!std::isfinite(bytes)) return std::string(kNothing);
  constexpr std::string_view kUnits[] = {" B", " kB", " MB", " GB", " TB"};
  std::size_t unit = 0;
  while (unit + 1 < std::size(kUnits) && std::abs(bytes) >= 999.5) {
    bytes /= 1000;
    ++unit;
  }
  return scaled(bytes, 1, kUnits[unit], unit == 0 ? 0 : -1);
}

std::string format_interval(double mean, double low, double high, int decimals) {
  const NumberFormat format{.decimals = decimals};
  if (!std::isfinite(low) || !std::isfinite(high)) return format_number(mean, format);
  return fmt::format("{} ({}–{})", format_number(mean, format), format_number(low, format),
                     format_number(high, format));
}

}  // namespace attune::report

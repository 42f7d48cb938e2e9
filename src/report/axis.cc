#include "axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "attune/base/time.h"

namespace attune::report {
namespace {

constexpr double kGap = 14;  // pixels between neighbouring labels
// Values beyond are drawn at the edge, and smaller ones as 0: differences and ratios of all others
// stay numbers.
constexpr double kLargest = 1e300;
constexpr double kSmallest = 1e-290;

double within_limits(double value, bool log) {
  if (std::abs(value) < kSmallest) return log ? kSmallest : 0;
  return std::clamp(value, -kLargest, kLargest);
}

double round_step(double range, int count_max) {
  const double least = range / count_max;
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

// Labels of one axis have the same decimals: those of the step.
NumberFormat with_step(NumberFormat format, double step) {
  using Kind = NumberFormat::Kind;
  if (format.kind == Kind::number) {
    format.decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 8);
  } else if (format.kind == Kind::percent) {
    format.decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step * 100) - 1e-9)), 0, 6);
  }
  return format;
}

std::vector<Tick> log_ticks(Scale& scale, int count_max, const NumberFormat& format, bool widen) {
  const double low = std::log10(scale.low), high = std::log10(scale.high);
  const int from = static_cast<int>(widen ? std::floor(low + 1e-9) : std::ceil(low - 1e-9));
  const int to = static_cast<int>(widen ? std::ceil(high - 1e-9) : std::floor(high + 1e-9));
  const int step = std::max(1, (to - from + count_max) / count_max);
  std::vector<Tick> ticks;
  for (int power = from; power <= to; power += step) {
    const double value = std::pow(10.0, power);
    ticks.push_back({value, format_number(value, format)});
    for (const int factor : {2, 5}) {
      const double between = factor * value;
      if ((to - from + 1) * 3 > count_max || between > scale.high * (1 + 1e-9)) continue;
      ticks.push_back({between, format_number(between, format)});
    }
  }
  if (widen && !ticks.empty()) {
    scale.low = std::min(scale.low, std::pow(10.0, from));
    scale.high = std::max(scale.high, std::pow(10.0, to));
  }
  return ticks;
}

struct TimeStep {
  std::int64_t micros = 0;  // of steps up to days
  int months = 0;
};

constexpr std::array<TimeStep, 26> kTimeSteps{{{kMicrosPerMinute, 0},
                                               {5 * kMicrosPerMinute, 0},
                                               {15 * kMicrosPerMinute, 0},
                                               {30 * kMicrosPerMinute, 0},
                                               {kMicrosPerHour, 0},
                                               {3 * kMicrosPerHour, 0},
                                               {6 * kMicrosPerHour, 0},
                                               {12 * kMicrosPerHour, 0},
                                               {kMicrosPerDay, 0},
                                               {2 * kMicrosPerDay, 0},
                                               {7 * kMicrosPerDay, 0},
                                               {14 * kMicrosPerDay, 0},
                                               {0, 1},
                                               {0, 2},
                                               {0, 3},
                                               {0, 6},
                                               {0, 12},
                                               {0, 24},
                                               {0, 60},
                                               {0, 120},
                                               {0, 240},
                                               {0, 600},
                                               {0, 1200},
                                               {0, 2400},
                                               {0, 6000},
                                               {0, 12000}}};

std::string month_name(int month, Language language) {
  static constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return language == Language::zh ? fmt::format("{}月", month) : std::string(kMonths[month - 1]);
}

std::string time_label(Timestamp time, const TimeStep& step, const CivilTime* before,
                       Language language) {
  const CivilTime c = civil_from_utc(time);
  const bool zh = language == Language::zh;
  if (step.months >= 12) return fmt::format("{}", c.year);
  const bool new_year = before == nullptr || before->year != c.year;
  if (step.months > 0) {
    if (before != nullptr && new_year && c.month == 1) return fmt::format("{}", c.year);
    if (!new_year) return month_name(c.month, language);
    return zh ? fmt::format("{}年{}月", c.year, c.month)
              : fmt::format("{} {}", month_name(c.month, language), c.year);
  }
  const std::string day = zh ? fmt::format("{}月{}日", c.month, c.day)
                             : fmt::format("{} {}", c.day, month_name(c.month, language));
  const bool new_day =
      before == nullptr || new_year || before->month != c.month || before->day != c.day;
  if (step.micros < kMicrosPerDay && !new_day) return fmt::format("{:02}:{:02}", c.hour, c.minute);
  if (!new_year) return day;
  return zh ? fmt::format("{}年{}", c.year, day) : fmt::format("{} {}", day, c.year);
}

std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  return value - ((value % step) + step) % step;
}

// The ticks of one step inside the scale; empty when there would be more than `count_max`.
std::vector<Tick> ticks_of(const Scale& scale, const TimeStep& step, int count_max,
                           Language language) {
  std::vector<Tick> ticks;
  CivilTime before;
  const auto add = [&](std::int64_t micros) {
    if (static_cast<double>(micros) < scale.low) return;
    const Timestamp time{micros};
    ticks.push_back({static_cast<double>(micros),
                     time_label(time, step, ticks.empty() ? nullptr : &before, language)});
    before = civil_from_utc(time);
  };
  const double length =
      step.months > 0 ? step.months * 30.4 * kMicrosPerDay : static_cast<double>(step.micros);
  if ((scale.high - scale.low) / length > count_max) return {};
  const auto low = static_cast<std::int64_t>(scale.low),
             high = static_cast<std::int64_t>(scale.high);
  if (step.months == 0) {
    // Weeks begin on Mondays: 1970-01-05 was one.
    const std::int64_t origin = step.micros % (7 * kMicrosPerDay) == 0 ? 4 * kMicrosPerDay : 0;
    for (auto t = floor_to(low - origin, step.micros) + origin; t <= high; t += step.micros) add(t);
    return ticks;
  }
  const CivilTime first = civil_from_utc({low});
  for (std::int64_t month = floor_to(first.year * 12 + first.month - 1, step.months);;
       month += step.months) {
    const int year = static_cast<int>(floor_to(month, 12) / 12);
    const std::int64_t micros =
        days_from_civil(year, static_cast<int>(month - year * 12) + 1, 1) * kMicrosPerDay;
    if (micros > high) return ticks;
    add(micros);
  }
}

}  // namespace

double Scale::operator()(double value) const {
  const double share = log ? (std::log(value) - std::log(low)) / (std::log(high) - std::log(low))
                           : (value / 2 - low / 2) / (high / 2 - low / 2);
  return first + std::clamp(share, -.05, 1.05) * (last - first);
}

Scale scale_of(const std::vector<const std::vector<double>*>& values, bool from_zero, bool log,
               double room) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const std::vector<double>* part : values) {
    for (const double value : *part) {
      if (!std::isfinite(value) || (log && value <= 0)) continue;
      low = std::min(low, within_limits(value, log));
      high = std::max(high, within_limits(value, log));
    }
  }
  Scale scale;
  scale.log = log;
  if (low > high) {
    scale.low = log ? 1 : 0;
    scale.high = log ? 10 : 1;
    return scale;
  }
  if (from_zero && !log) {
    low = std::min(low, 0.0);
    high = std::max(high, 0.0);
  }
  if (high - low <= std::abs(high) * 1e-12) {  // a single value
    if (room == 0) room = log || high == 0 ? 1 : std::abs(high) / 2;
    low = log ? low / 2 : from_zero && low >= 0 ? low : low - room;
    high = log ? high * 2 : high + room;
  }
  scale.low = low;
  scale.high = high;
  return scale;
}

std::vector<Tick> number_ticks(Scale& scale, int count_max, const NumberFormat& format,
                               bool widen) {
  if (scale.log) return log_ticks(scale, count_max, format, widen);
  const double step = round_step(scale.high - scale.low, std::max(2, count_max));
  if (!std::isfinite(step) || step <= 0) return {};
  const double from =
      widen ? std::floor(scale.low / step + 1e-9) : std::ceil(scale.low / step - 1e-9);
  const double to =
      widen ? std::ceil(scale.high / step - 1e-9) : std::floor(scale.high / step + 1e-9);
  const NumberFormat shown = with_step(format, step);
  std::vector<Tick> ticks;
  for (double i = from; i <= to; ++i) {
    const double value = i == 0 ? 0 : i * step;
    ticks.push_back({value, format_number(value, shown)});
    if (i + 1 == i) break;  // past what a double can count
  }
  if (widen && !ticks.empty()) {
    scale.low = std::min(scale.low, ticks.front().value);
    scale.high = std::max(scale.high, ticks.back().value);
  }
  return ticks;
}

std::vector<Tick> time_ticks(const Scale& scale, int count_max, Language language) {
  constexpr double kBounds = 2.4e17;  // years -5600 to 9500
  if (std::abs(scale.low) > kBounds || std::abs(scale.high) > kBounds) return {};
  for (const TimeStep& step : kTimeSteps) {
    std::vector<Tick> ticks = ticks_of(scale, step, count_max, language);
    if (!ticks.empty() && labels_fit(ticks, scale)) return ticks;
  }
  return {};
}

bool labels_fit(const std::vector<Tick>& ticks, const Scale& scale) {
  for (std::size_t i = 1; i < ticks.size(); ++i) {
    const double distance = std::abs(scale(ticks[i].value) - scale(ticks[i - 1].value));
    if ((text_width(ticks[i].label) + text_width(ticks[i - 1].label)) / 2 + kGap > distance)
      return false;
  }
  return true;
}

double widest_label(const std::vector<Tick>& ticks) {
  double widest = 0;
  for (const Tick& tick : ticks) widest = std::max(widest, text_width(tick.label));
  return widest;
}

void draw_y_axis(Sheet& sheet, const Plot& plot, const Scale& scale,
                 const std::vector<Tick>& ticks) {
  for (const Tick& tick : ticks) {
    const double y = scale(tick.value);
    sheet.line(plot.left, y, plot.right, y, tick.value == 0 ? "axis" : "grid");
    sheet.text(plot.left - 8, y + 4, Sheet::Anchor::end, "tick", tick.label);
  }
}

void draw_x_axis(Sheet& sheet, const Plot& plot, const Scale& scale, const std::vector<Tick>& ticks,
                 const std::string& title) {
  sheet.line(plot.left, plot.bottom, plot.right, plot.bottom, "axis");
  std::vector<PlacedLabel> labels;
  for (const Tick& tick : ticks) {
    const double x = scale(tick.value);
    sheet.line(x, plot.bottom, x, plot.bottom + 4, "axis");
    labels.push_back({x, tick.label});
  }
  draw_labels(sheet, plot.bottom + 18, labels);
  if (!title.empty()) {
    sheet.text((plot.left + plot.right) / 2, plot.bottom + 38, Sheet::Anchor::middle, "label",
               fit_text(title, plot.right - plot.left));
  }
}

void draw_labels(Sheet& sheet, double y, const std::vector<PlacedLabel>& labels, double left) {
  double free_from = left;
  for (const PlacedLabel& label : labels) {
    const double half = text_width(label.text) / 2;
    const double x = std::clamp(label.x, left + half, std::max(left + half, sheet.width() - half));
    if (label.text.empty() || x - half < free_from - 1e-9) continue;
    sheet.text(x, y, Sheet::Anchor::middle, "tick", label.text);
    free_from = x + half + 4;
  }
}

std::vector<Tick> fitting_number_ticks(Scale& scale, const NumberFormat& format, bool widen) {
  for (int count = 9; count > 2; --count) {
    Scale tried = scale;
    std::vector<Tick> ticks = number_ticks(tried, count, format, widen);
    if (ticks.size() <= 12 && labels_fit(ticks, tried)) {
      scale = tried;
      return ticks;
    }
  }
  return number_ticks(scale, 2, format, widen);
}

}  // namespace attune::report

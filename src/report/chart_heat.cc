// Grids of values, and leaderboards with whiskers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attune/report/charts.h"
#include "axis.h"
#include "svg.h"

namespace attune::report {
namespace {

using Anchor = Sheet::Anchor;
constexpr int kHeatSteps = 10;  // classes h0 to h10

class Heat {
 public:
  Heat(const HeatMap& chart, double width) : chart_(chart), sheet_(width, 0) {}

  std::string svg() {
    if (chart_.rows.empty() || chart_.columns.empty() || !any_finite(chart_.values)) {
      return no_data(chart_.frame, sheet_.width());
    }
    scale_ = scale_of({&chart_.values}, false, chart_.log_colour);
    if (chart_.colour_high && std::isfinite(*chart_.colour_high) &&
        *chart_.colour_high > scale_.low) {
      scale_.high = std::min(scale_.high, *chart_.colour_high);
    }
    measure();
    column_labels();
    for (std::size_t r = 0; r < chart_.rows.size(); ++r) row(r);
    double bottom = top_ + height_ * static_cast<double>(chart_.rows.size());
    if (!all_values_shown_) bottom = colour_scale(bottom + 12);
    sheet_.set_height(bottom + 4);
    return sheet_.svg(chart_.frame.title);
  }

 private:
  double value(std::size_t row, std::size_t column) const {
    const std::size_t index = row * chart_.columns.size() + column;
    return index < chart_.values.size() ? chart_.values[index] : std::nan("");
  }

  void measure() {
    for (const std::string& name : chart_.rows) left_ = std::max(left_, text_width(name));
    left_ = std::max(left_, text_width(chart_.row_title));
    left_ = std::min(left_, sheet_.width() * .3) + 10;
    cell_ = (sheet_.width() - left_) / static_cast<double>(chart_.columns.size());
    cell_ = std::min(cell_, 110.0);
    height_ = chart_.rows.size() > 40 ? 16 : std::clamp(cell_ * .7, 24.0, 44.0);
    top_ = chart_.column_title.empty() ? 22 : 40;
  }

  void column_labels() {
    if (!chart_.column_title.empty()) {
      sheet_.text(left_, 12, Anchor::start, "label",
                  fit_text(chart_.column_title, sheet_.width() - left_));
    }
    if (!chart_.row_title.empty()) {
      sheet_.text(left_ - 10, top_ - 8, Anchor::end, "label",
                  fit_text(chart_.row_title, left_ - 10));
    }
    double widest = 0;
    for (const std::string& name : chart_.columns) widest = std::max(widest, text_width(name));
    const double wanted = std::min(widest, 90.0) + 6;
    const auto step = cell_ >= wanted || cell_ >= 60
                          ? std::size_t{1}
                          : static_cast<std::size_t>(std::ceil(wanted / cell_));
    std::vector<PlacedLabel> labels;
    for (std::size_t c = 0; c < chart_.columns.size(); c += step) {
      labels.push_back({left_ + (static_cast<double>(c) + .5) * cell_,
                        fit_text(chart_.columns[c], static_cast<double>(step) * cell_ - 4)});
    }
    draw_labels(sheet_, top_ - 8, labels, chart_.row_title.empty() ? 0 : left_ - 4);
  }

  int heat(double v) const {
    Scale steps = scale_;
    steps.first = 0;
    steps.last = kHeatSteps;
    return static_cast<int>(std::lround(std::clamp(steps(v), 0.0, double{kHeatSteps})));
  }

  bool has_colour(double v) const { return std::isfinite(v) && (!chart_.log_colour || v > 0); }

  void row(std::size_t r) {
    const double y = top_ + static_cast<double>(r) * height_;
    sheet_.text(left_ - 10, y + height_ / 2 + 4, Anchor::end, "tick",
                fit_text(chart_.rows[r], left_ - 10));
    for (std::size_t c = 0; c < chart_.columns.size(); ++c) {
      const double v = value(r, c), x = left_ + static_cast<double>(c) * cell_;
      if (!std::isfinite(v)) continue;
      const std::string text = format_number(v, chart_.format);
      const std::string colour = has_colour(v) ? fmt::format("h{}", heat(v)) : "h0";
      sheet_.rectangle(x + .75, y + .75, cell_ - 1.5, height_ - 1.5, colour,
                       fmt::format("{} · {}: {}", chart_.rows[r], chart_.columns[c], text), 2);
      if (chart_.show_values && text_width(text, 11) <= cell_ - 4 && height_ >= 20) {
        sheet_.text(x + cell_ / 2, y + height_ / 2 + 4, Anchor::middle,
                    has_colour(v) ? fmt::format("cell t{}", heat(v)) : "cell t0", text);
      } else {
        all_values_shown_ = false;
      }
    }
  }

  double colour_scale(double y) {
    const std::string low = format_number(scale_.low, chart_.format);
    const std::string high =
        (chart_.colour_high ? "≥ " : "") + format_number(scale_.high, chart_.format);
    double x = left_;
    sheet_.text(x, y + 11, Anchor::start, "tick", low);
    x += text_width(low) + 6;
    for (int i = 0; i <= kHeatSteps; ++i, x += 12) {
      sheet_.rectangle(x, y + 1, 12, 12, fmt::format("h{}", i));
    }
    sheet_.text(x + 6, y + 11, Anchor::start, "tick", high);
    return y + 18;
  }

  const HeatMap& chart_;
  Sheet sheet_;
  Scale scale_;
  double left_ = 0, top_ = 0, cell_ = 0, height_ = 0;
  bool all_values_shown_ = true;
};

class Ranks {
 public:
  Ranks(const Leaderboard& chart, double width) : chart_(chart), sheet_(width, 0) {}

  std::string svg() {
    if (std::ranges::none_of(chart_.entries, [](const auto& e) { return std::isfinite(e.mean); })) {
      return no_data(chart_.frame, sheet_.width());
    }
    measure();
    const double row = 30, bottom = 12 + row * static_cast<double>(chart_.entries.size());
    const Plot plot{x_.first, 6, x_.last, bottom};
    for (const Tick& tick : ticks_) {
      sheet_.line(x_(tick.value), plot.top, x_(tick.value), plot.bottom, "grid");
    }
    draw_x_axis(sheet_, plot, x_, ticks_, chart_.metric);
    if (chart_.reference && std::isfinite(*chart_.reference)) reference(plot);
    for (std::size_t i = 0; i < chart_.entries.size(); ++i) {
      entry(chart_.entries[i], 12 + row * (static_cast<double>(i) + .5));
    }
    sheet_.set_height(bottom + (chart_.metric.empty() ? 26 : 46));
    return sheet_.svg(chart_.frame.title);
  }

 private:
  std::string value_text(const Leaderboard::Entry& entry) const {
    const std::string mean = format_number(entry.mean, chart_.format);
    if (sheet_.width() < 500 || !std::isfinite(entry.low) || !std::isfinite(entry.high))
      return mean;
    return fmt::format("{} ({}–{})", mean, format_number(entry.low, chart_.format),
                       format_number(entry.high, chart_.format));
  }

  void measure() {
    std::vector<double> values;
    double values_width = 0;
    for (const auto& entry : chart_.entries) {
      values.insert(values.end(), {entry.mean, entry.low, entry.high});
      names_ = std::max(names_, text_width(entry.name));
      values_width = std::max(values_width, text_width(value_text(entry)));
    }
    if (chart_.reference) values.push_back(*chart_.reference);
    names_ = std::min(names_, sheet_.width() * .36);
    x_ = scale_of({&values}, false, false);
    // From zero unless that would hide the differences.
    if (x_.low > 0 && (x_.high - x_.low) / x_.high > .15) x_.low = 0;
    x_.first = names_ + 16;
    x_.last = std::max(x_.first + 40, sheet_.width() - values_width - 16);
    ticks_ = fitting_number_ticks(x_, chart_.format, true);
  }

  void reference(const Plot& plot) {
    const double x = x_(*chart_.reference);
    sheet_.line(x, plot.top, x, plot.bottom, "reference");
    const std::string text = fit_text(chart_.reference_name, sheet_.width() / 3);
    const bool left = x + 6 + text_width(text) > plot.right;
    sheet_.text(left ? x - 6 : x + 6, plot.bottom - 5, left ? Anchor::end : Anchor::start, "faint",
                text);
  }

  void entry(const Leaderboard::Entry& entry, double y) {
    const std::string style = entry.highlighted ? "c2" : "c1";
    sheet_.text(names_, y + 4, Anchor::end, entry.highlighted ? "label strong" : "label",
                fit_text(entry.name, names_));
    sheet_.text(sheet_.width(), y + 4, Anchor::end, "value", value_text(entry));
    if (!std::isfinite(entry.mean)) return;
    if (std::isfinite(entry.low) && std::isfinite(entry.high)) {
      const double low = x_(entry.low), high = x_(entry.high);
      sheet_.line(low, y, high, y, style + " whisker");
      sheet_.line(low, y - 6, low, y + 6, style + " whisker");
      sheet_.line(high, y - 6, high, y + 6, style + " whisker");
    }
    sheet_.circle(x_(entry.mean), y, 4.5, style,
                  fmt::format("{}: {}", entry.name, value_text(entry)));
  }

  const Leaderboard& chart_;
  Sheet sheet_;
  Scale x_;
  std::vector<Tick> ticks_;
  double names_ = 0;
};

}  // namespace

Figure draw(const HeatMap& chart) {
  return make_figure(chart.frame, [&](double width) { return Heat(chart, width).svg(); });
}

Figure draw(const Leaderboard& chart) {
  return make_figure(chart.frame, [&](double width) { return Ranks(chart, width).svg(); });
}

}  // namespace attune::report

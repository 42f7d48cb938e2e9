// Bar charts, horizontal and vertical.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "attune/report/charts.h"
#include "axis.h"
#include "svg.h"

namespace attune::report {
namespace {

using Anchor = Sheet::Anchor;

class Bars {
 public:
  Bars(const BarChart& chart, double width) : chart_(chart), sheet_(width, 0) {
    shown_ = std::min(chart.labels.size(), std::max<std::size_t>(1, chart.bars_max));
  }

  std::string svg() {
    if (!any()) return no_data(chart_.frame, sheet_.width());
    top_ = chart_.series.size() > 1 ? draw_legend(sheet_, legend(), 0) : 0;
    const double bottom = chart_.horizontal ? horizontal() : vertical();
    sheet_.set_height(left_out(bottom));
    return sheet_.svg(chart_.frame.title);
  }

 private:
  double value(std::size_t series, std::size_t label) const {
    const std::vector<double>& values = chart_.series[series].values;
    const double v = label < values.size() ? values[label] : std::nan("");
    return chart_.stacked && v < 0 ? std::nan("") : v;
  }

  double total(std::size_t label) const {
    double sum = 0;
    for (std::size_t s = 0; s < chart_.series.size(); ++s) {
      if (std::isfinite(value(s, label))) sum += value(s, label);
    }
    return sum;
  }

  bool any() const {
    for (std::size_t s = 0; s < chart_.series.size(); ++s) {
      for (std::size_t i = 0; i < shown_; ++i) {
        if (std::isfinite(value(s, i))) return true;
      }
    }
    return false;
  }

  std::vector<LegendEntry> legend() const {
    std::vector<LegendEntry> entries;
    for (std::size_t s = 0; s < chart_.series.size(); ++s) {
      entries.push_back({chart_.series[s].name, series_class(s)});
    }
    return entries;
  }

  Scale value_scale() const {
    std::vector<double> values;
    for (std::size_t i = 0; i < shown_; ++i) {
      if (chart_.stacked) values.push_back(total(i));
      for (std::size_t s = 0; s < chart_.series.size(); ++s) values.push_back(value(s, i));
    }
    return scale_of({&values}, true, false);
  }

  std::string title(std::size_t series, std::size_t label) const {
    const std::string& name = chart_.series[series].name;
    return fmt::format(
        "{}{}{}: {}", chart_.labels[label], chart_.series.size() > 1 && !name.empty() ? " · " : "",
        chart_.series.size() > 1 ? name : "", format_number(value(series, label), chart_.format));
  }

  // The width of the widest value label among negative (sign -1) or other values.
  double widest_value(int sign) const {
    double widest = 0;
    for (std::size_t i = 0; i < shown_; ++i) {
      for (std::size_t s = 0; s < chart_.series.size(); ++s) {
        const double v = chart_.stacked ? total(i) : value(s, i);
        if (!std::isfinite(v) || (v < 0) != (sign < 0)) continue;
        widest = std::max(widest, text_width(format_number(v, chart_.format)) + 8);
      }
    }
    return widest;
  }

  double horizontal() {
    double names = 0;
    for (std::size_t i = 0; i < shown_; ++i) names = std::max(names, text_width(chart_.labels[i]));
    names = std::min(names, sheet_.width() * .4);
    const std::size_t lanes = chart_.stacked ? 1 : chart_.series.size();
    const double thick = lanes > 1 ? 13 : 18, row = static_cast<double>(lanes) * (thick + 2) + 10;
    Scale scale = value_scale();
    scale.first = names + 10 + widest_value(-1);
    scale.last = std::max(scale.first + 20, sheet_.width() - widest_value(1));
    for (std::size_t i = 0; i < shown_; ++i) {
      const double y = top_ + static_cast<double>(i) * row;
      sheet_.text(names, y + (row - 10) / 2 + 4, Anchor::end, "label",
                  fit_text(chart_.labels[i], names));
      chart_.stacked ? stacked_row(i, y, thick, scale) : grouped_row(i, y, thick, scale);
    }
    const double bottom = top_ + static_cast<double>(shown_) * row;
    sheet_.line(scale(0), top_ - 2, scale(0), bottom - 6, "axis");
    return bottom;
  }

  void grouped_row(std::size_t label, double y, double thick, const Scale& scale) {
    for (std::size_t s = 0; s < chart_.series.size(); ++s, y += thick + 2) {
      const double v = value(s, label);
      if (!std::isfinite(v)) {
        sheet_.text(scale(0) + 6, y + thick / 2 + 4, Anchor::start, "faint", "–");
        continue;
      }
      const double from = scale(std::min(v, 0.0)), to = scale(std::max(v, 0.0));
      sheet_.rectangle(from, y, std::max(to - from, v == 0 ? 0 : 1.0), thick, series_class(s),
                       title(s, label), 2);
      sheet_.text(v < 0 ? from - 6 : to + 6, y + thick / 2 + 4, v < 0 ? Anchor::end : Anchor::start,
                  "value", format_number(v, chart_.format));
    }
  }

  void stacked_row(std::size_t label, double y, double thick, const Scale& scale) {
    double sum = 0;
    for (std::size_t s = 0; s < chart_.series.size(); ++s) {
      const double v = value(s, label);
      if (!std::isfinite(v) || v == 0) continue;
      sheet_.rectangle(scale(sum), y, scale(sum + v) - scale(sum), thick, series_class(s) + " part",
                       title(s, label));
      sum += v;
    }
    sheet_.text(scale(sum) + 6, y + thick / 2 + 4, Anchor::start, "value",
                format_number(sum, chart_.format));
  }

  double vertical() {
    const double plot_height = sheet_.width() > 500 ? 240 : 200;
    Scale y = value_scale();
    const std::vector<Tick> ticks = number_ticks(y, 5, chart_.format, true);
    const Plot plot{widest_label(ticks) + 10, top_ + 8, sheet_.width() - 4, top_ + 8 + plot_height};
    y.first = plot.bottom;
    y.last = plot.top;
    draw_y_axis(sheet_, plot, y, ticks);
    const double band = (plot.right - plot.left) / static_cast<double>(shown_);
    for (std::size_t i = 0; i < shown_; ++i) {
      column(i, plot.left + static_cast<double>(i) * band, band, y);
    }
    sheet_.line(plot.left, y(0), plot.right, y(0), "axis");
    column_labels(plot, band);
    return plot.bottom + 26;
  }

  void column(std::size_t label, double x, double band, const Scale& y) {
    const std::size_t lanes = chart_.stacked ? 1 : chart_.series.size();
    const double room = std::min(band * .8, 56.0 * static_cast<double>(lanes));
    const double thick = room / static_cast<double>(lanes), left = x + (band - room) / 2;
    double sum = 0;
    for (std::size_t s = 0; s < chart_.series.size(); ++s) {
      const double v = value(s, label);
      if (!std::isfinite(v)) continue;
      const double base = chart_.stacked ? sum : 0;
      const double upper = y(std::max(base + v, base)), lower = y(std::min(base + v, base));
      const double at = left + (chart_.stacked ? 0 : static_cast<double>(s) * thick);
      sheet_.rectangle(at, upper, std::max(thick - (thick > 4 ? 1 : 0), .5),
                       std::max(lower - upper, v == 0 ? 0 : 1.0), series_class(s), title(s, label),
                       thick > 8 && !chart_.stacked ? 2 : 0);
      sum += v;
    }
  }

  // Every label, cut to its band when that leaves enough of it; else every k-th.
  void column_labels(const Plot& plot, double band) {
    double widest = 0;
    for (std::size_t i = 0; i < shown_; ++i)
      widest = std::max(widest, text_width(chart_.labels[i]));
    const bool all = widest <= band - 6 || band >= 64;
    const auto step =
        all ? std::size_t{1}
            : static_cast<std::size_t>(std::ceil((std::min(widest, 90.0) + 10) / band));
    std::vector<PlacedLabel> placed;
    for (std::size_t i = 0; i < shown_; i += step) {
      const double room = all ? band - 6 : std::min(90.0, static_cast<double>(step) * band - 6);
      placed.push_back(
          {plot.left + (static_cast<double>(i) + .5) * band, fit_text(chart_.labels[i], room)});
    }
    draw_labels(sheet_, plot.bottom + 18, placed);
  }

  double left_out(double bottom) {
    if (shown_ == chart_.labels.size()) return bottom;
    const auto more = static_cast<std::int64_t>(chart_.labels.size() - shown_);
    sheet_.text(0, bottom + 10, Anchor::start, "faint",
                chart_.frame.language == Language::zh
                    ? fmt::format("另有 {} 项未显示", format_count(more))
                    : fmt::format("and {} more", format_count(more)));
    return bottom + 20;
  }

  const BarChart& chart_;
  Sheet sheet_;
  std::size_t shown_ = 0;
  double top_ = 0;
};

// ---- histogram

struct Bin {
  double from = 0;
  double to = 0;
  std::int64_t count = 0;
};

double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

// Bins of width 2 IQR n^(-1/3) [Freedman1981].
int bin_count(const std::vector<double>& sorted, std::size_t wanted) {
  if (wanted > 0) return static_cast<int>(std::min<std::size_t>(wanted, 200));
  const double spread = quantile(sorted, .75) - quantile(sorted, .25);
  const double width = 2 * spread / std::cbrt(static_cast<double>(sorted.size()));
  const double range = sorted.back() - sorted.front();
  if (!(width > 0) || !(range / width < 1000)) return 40;
  return static_cast<int>(std::clamp(std::ceil(range / width), 5.0, 60.0));
}

std::vector<Bin> bins_of(const Histogram& chart) {
  std::vector<double> values;
  for (const double v : chart.values) {
    if (std::isfinite(v) && (!chart.log_x || v > 0))
      values.push_back(chart.log_x ? std::log10(v) : v);
  }
  if (values.empty()) return {};
  std::ranges::sort(values);
  Scale scale = scale_of({&values}, false, false);
  // Edges at round numbers, so that the bars read well; given bins are kept to the number.
  double from = scale.low, step = (scale.high - scale.low) / bin_count(values, chart.bins);
  if (chart.bins == 0 && !chart.log_x) {
    Scale round = scale;
    const auto ticks = number_ticks(round, bin_count(values, 0), {}, true);
    if (ticks.size() > 1) {
      from = ticks.front().value;
      step = ticks[1].value - ticks[0].value;
    }
  }
  if (!(step > 0) || !std::isfinite(step)) return {};
  const auto count = static_cast<std::size_t>(
      std::clamp(std::ceil((scale.high - from) / step - 1e-9), 1.0, 400.0));
  std::vector<Bin> bins(count);
  for (std::size_t i = 0; i < count; ++i) {
    bins[i].from = from + static_cast<double>(i) * step;
    bins[i].to = from + static_cast<double>(i + 1) * step;
  }
  for (const double v : values) {
    const double at = std::floor((v - from) / step);
    ++bins[static_cast<std::size_t>(std::clamp(at, 0.0, static_cast<double>(count - 1)))].count;
  }
  if (chart.log_x) {
    for (Bin& bin : bins) bin = {std::pow(10, bin.from), std::pow(10, bin.to), bin.count};
  }
  return bins;
}

std::string draw_histogram(const Histogram& chart, double width) {
  const std::vector<Bin> bins = bins_of(chart);
  if (bins.empty()) return no_data(chart.frame, width);
  std::vector<double> counts, edges;
  for (const Bin& bin : bins) {
    counts.push_back(static_cast<double>(bin.count));
    edges.push_back(bin.from);
    edges.push_back(bin.to);
  }
  Sheet sheet(width, 0);
  Scale y = scale_of({&counts}, true, false);
  const auto y_ticks = number_ticks(
      y, 5, {.kind = NumberFormat::Kind::compact, .language = chart.frame.language}, true);
  const Plot plot{widest_label(y_ticks) + 10, 8, width - 8, width > 500 ? 228.0 : 188.0};
  y.first = plot.bottom;
  y.last = plot.top;
  draw_y_axis(sheet, plot, y, y_ticks);
  Scale x = scale_of({&edges}, false, chart.log_x);
  x.first = plot.left;
  x.last = plot.right;
  for (const Bin& bin : bins) {
    if (bin.count == 0) continue;
    const double left = x(bin.from), right = x(bin.to);
    const double top = std::min(y(static_cast<double>(bin.count)), plot.bottom - 1);
    sheet.rectangle(left + .5, top, std::max(right - left - 1, .5), plot.bottom - top, "c1",
                    fmt::format("{} – {}: {}", format_number(bin.from, chart.x_format),
                                format_number(bin.to, chart.x_format), format_count(bin.count)));
  }
  draw_x_axis(sheet, plot, x, fitting_number_ticks(x, chart.x_format, false), chart.x_title);
  sheet.set_height(plot.bottom + (chart.x_title.empty() ? 26 : 46));
  return sheet.svg(chart.frame.title);
}

}  // namespace

Figure draw(const BarChart& chart) {
  return make_figure(chart.frame, [&](double width) { return Bars(chart, width).svg(); });
}

Figure draw(const Histogram& chart) {
  return make_figure(chart.frame, [&](double width) { return draw_histogram(chart, width); });
}

}  // namespace attune::report

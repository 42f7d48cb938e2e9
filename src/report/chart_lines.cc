// Lines over time or a number, and points.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attune/report/charts.h"
#include "axis.h"
#include "svg.h"

namespace attune::report {
namespace {

constexpr std::size_t kPointsWithTitles = 400;  // of one line
constexpr std::size_t kPointsWithDots = 40;
constexpr std::size_t kPlacesNamed = 6;  // below a log axis, in place of round numbers
constexpr double kMostDrawn = 4000;      // points of one line that are drawn
constexpr double kRoomOfMoment = 7. * 24 * 3600 * 1e6;  // microseconds on its either side

// A place on the x axis as a person reads it; what is no date of the calendar stays a number.
std::string place_text(const LineChart& chart, double x) {
  constexpr double kCalendar = 2.4e17;  // years -5600 to 9500
  return chart.time && std::abs(x) < kCalendar
             ? format_date(Timestamp{static_cast<std::int64_t>(x)})
             : format_number(x);
}

double at(const std::vector<double>& values, std::size_t index) {
  return index < values.size() ? values[index] : std::nan("");
}

bool has_place(double value, bool log) { return std::isfinite(value) && (!log || value > 0); }

bool any_place(const std::vector<double>& values, bool log) {
  return std::ranges::any_of(values, [&](double value) { return has_place(value, log); });
}

class Lines {
 public:
  Lines(const LineChart& chart, double width)
      : chart_(chart), sheet_(width, 0), log_x_(chart.log_x && !chart.time) {}

  std::string svg() {
    std::vector<const std::vector<double>*> heights;
    bool any = false;
    for (const LineChart::Line& line : chart_.lines) {
      any = any || any_place(line.values, chart_.log_y);
      heights.insert(heights.end(), {&line.values, &line.low, &line.high});
    }
    if (!any || !any_place(chart_.x, log_x_)) return no_data(chart_.frame, sheet_.width());
    const double top = (chart_.lines.size() > 1 ? draw_legend(sheet_, legend(), 0) + 8 : 8) +
                       (chart_.y_title.empty() ? 0 : 20);
    if (!chart_.y_title.empty()) {
      sheet_.text(0, top - 16, Sheet::Anchor::start, "label",
                  fit_text(chart_.y_title, sheet_.width()));
    }
    y_ = scale_of(heights, chart_.y_from_zero && !chart_.log_y, chart_.log_y);
    const std::vector<Tick> y_ticks = number_ticks(y_, 5, chart_.format, true);
    plot_ = {widest_label(y_ticks) + 10, top, sheet_.width() - 10,
             top + (sheet_.width() > 500 ? 240 : 200)};
    y_.first = plot_.bottom;
    y_.last = plot_.top;
    x_ = scale_of({&chart_.x}, false, log_x_, chart_.time ? kRoomOfMoment : 0);
    x_.first = plot_.left;
    x_.last = plot_.right;
    draw_y_axis(sheet_, plot_, y_, y_ticks);
    const std::vector<Tick> x_ticks = ticks_below();
    draw_x_axis(sheet_, plot_, x_, x_ticks, chart_.x_title);
    for (std::size_t i = 0; i < chart_.lines.size(); ++i) draw_line(i);
    sheet_.set_height(plot_.bottom + (chart_.x_title.empty() ? 26 : 46));
    return sheet_.svg(chart_.frame.title);
  }

 private:
  std::vector<Tick> ticks_below() {
    const int most = static_cast<int>((plot_.right - plot_.left) / 45);
    if (chart_.time) return time_ticks(x_, most, chart_.frame.language);
    if (!log_x_ || chart_.x.size() > kPlacesNamed) return fitting_number_ticks(x_, {}, log_x_);
    std::vector<Tick> ticks;
    for (const double x : chart_.x) {
      if (has_place(x, log_x_)) ticks.push_back({x, place_text(chart_, x)});
    }
    return ticks;
  }

  std::vector<LegendEntry> legend() const {
    std::vector<LegendEntry> entries;
    for (std::size_t i = 0; i < chart_.lines.size(); ++i) {
      entries.push_back({chart_.lines[i].name, series_class(i)});
    }
    return entries;
  }

  // Calls take(first, last) for every run of indexes where all of `parts` are finite.
  template <class Take>
  void runs(const std::vector<const std::vector<double>*>& parts, const Take& take) const {
    const auto whole = [&](std::size_t i) {
      return has_place(chart_.x[i], log_x_) && std::ranges::all_of(parts, [&](const auto* part) {
               return has_place(at(*part, i), chart_.log_y);
             });
    };
    for (std::size_t i = 0; i < chart_.x.size(); ++i) {
      if (!whole(i)) continue;
      const std::size_t first = i;
      while (i + 1 < chart_.x.size() && whole(i + 1)) ++i;
      take(first, i);
    }
  }

  std::string trace(const std::vector<double>& values, std::size_t first, std::size_t last) const {
    const double size = static_cast<double>(last - first + 1);
    const auto step = static_cast<std::size_t>(std::max(1.0, std::ceil(size / kMostDrawn)));
    std::string commands;
    for (std::size_t i = first; i <= last; i += step) {
      commands += fmt::format("{}{} {}", i == first ? "M" : "L", coordinate(x_(chart_.x[i])),
                              coordinate(y_(values[i])));
    }
    return commands;
  }

  void draw_line(std::size_t index) {
    const LineChart::Line& line = chart_.lines[index];
    const std::string colour = series_class(index);
    runs({&line.low, &line.high}, [&](std::size_t first, std::size_t last) {
      std::string outline = trace(line.high, first, last);
      for (std::size_t i = last + 1; i-- > first;) {
        outline += fmt::format("L{} {}", coordinate(x_(chart_.x[i])), coordinate(y_(line.low[i])));
      }
      sheet_.path(outline + "Z", colour + " band");
    });
    runs({&line.values}, [&](std::size_t first, std::size_t last) {
      const std::string commands = trace(line.values, first, last);
      if (chart_.area) {
        const double base = y_(std::clamp(0.0, y_.low, y_.high));
        sheet_.path(
            fmt::format("{}L{} {}L{} {}Z", commands, coordinate(x_(chart_.x[last])),
                        coordinate(base), coordinate(x_(chart_.x[first])), coordinate(base)),
            colour + " band");
      }
      if (last > first) sheet_.path(commands, colour + " line");
      if (last == first) point(index, first, "", 3);
    });
    if (chart_.x.size() > kPointsWithTitles) return;
    const bool dots = chart_.x.size() <= kPointsWithDots;
    for (std::size_t i = 0; i < chart_.x.size(); ++i) {
      if (has_place(at(line.values, i), chart_.log_y) && has_place(chart_.x[i], log_x_)) {
        point(index, i, dots ? "" : " hit", dots ? 2.5 : 5);
      }
    }
  }

  void point(std::size_t index, std::size_t i, std::string_view more, double radius) {
    const LineChart::Line& line = chart_.lines[index];
    const std::string where = place_text(chart_, chart_.x[i]);
    std::string value = format_number(line.values[i], chart_.format);
    if (std::isfinite(at(line.low, i)) && std::isfinite(at(line.high, i))) {
      value += fmt::format(" ({} – {})", format_number(line.low[i], chart_.format),
                           format_number(line.high[i], chart_.format));
    }
    sheet_.circle(
        x_(chart_.x[i]), y_(line.values[i]), radius, series_class(index) + std::string(more),
        fmt::format("{}{}{}: {}", where, line.name.empty() ? "" : " · ", line.name, value));
  }

  const LineChart& chart_;
  Sheet sheet_;
  bool log_x_;
  Plot plot_;
  Scale x_, y_;
};

class Points {
 public:
  Points(const ScatterChart& chart, double width) : chart_(chart), sheet_(width, 0) {}

  std::string svg() {
    const std::size_t usable = count();
    if (usable == 0) return no_data(chart_.frame, sheet_.width());
    const double top = (chart_.groups.size() > 1 ? draw_legend(sheet_, legend(), 0) : 0) +
                       (chart_.y_title.empty() ? 8 : 24);
    scales(top);
    const std::size_t step =
        (usable + chart_.points_max - 1) / std::max<std::size_t>(1, chart_.points_max);
    std::size_t seen = 0;
    for (std::size_t g = 0; g < chart_.groups.size(); ++g) {
      const ScatterChart::Group& group = chart_.groups[g];
      for (std::size_t i = 0; i < group.x.size(); ++i) {
        if (usable_point(group, i) && seen++ % std::max<std::size_t>(1, step) == 0) point(g, i);
      }
    }
    double bottom = plot_.bottom + (chart_.x_title.empty() ? 26 : 46);
    if (step > 1) {
      sheet_.text(0, bottom + 10, Sheet::Anchor::start, "faint",
                  chart_.frame.language == Language::zh
                      ? fmt::format("每 {} 个点显示一个", step)
                      : fmt::format("one point in {} is shown", step));
      bottom += 18;
    }
    sheet_.set_height(bottom);
    return sheet_.svg(chart_.frame.title);
  }

 private:
  bool usable_point(const ScatterChart::Group& group, std::size_t i) const {
    const double x = at(group.x, i), y = at(group.y, i);
    return std::isfinite(x) && std::isfinite(y) && (!chart_.log_x || x > 0) &&
           (!chart_.log_y || y > 0);
  }

  std::size_t count() const {
    std::size_t usable = 0;
    for (const auto& group : chart_.groups) {
      for (std::size_t i = 0; i < group.x.size(); ++i) usable += usable_point(group, i);
    }
    return usable;
  }

  std::vector<LegendEntry> legend() const {
    std::vector<LegendEntry> entries;
    for (std::size_t i = 0; i < chart_.groups.size(); ++i) {
      entries.push_back({chart_.groups[i].name, series_class(i)});
    }
    return entries;
  }

  void scales(double top) {
    std::vector<double> xs, ys;
    for (const auto& group : chart_.groups) {
      for (std::size_t i = 0; i < group.x.size(); ++i) {
        if (!usable_point(group, i)) continue;
        xs.push_back(group.x[i]);
        ys.push_back(group.y[i]);
      }
    }
    y_ = scale_of({&ys}, false, chart_.log_y);
    const std::vector<Tick> y_ticks = number_ticks(y_, 6, chart_.y_format, true);
    plot_ = {widest_label(y_ticks) + 10, top, sheet_.width() - 10,
             top + (sheet_.width() > 500 ? 320 : 240)};
    y_.first = plot_.bottom;
    y_.last = plot_.top;
    if (!chart_.y_title.empty()) {
      sheet_.text(0, top - 12, Sheet::Anchor::start, "label",
                  fit_text(chart_.y_title, sheet_.width()));
    }
    draw_y_axis(sheet_, plot_, y_, y_ticks);
    x_ = scale_of({&xs}, false, chart_.log_x);
    x_.first = plot_.left;
    x_.last = plot_.right;
    draw_x_axis(sheet_, plot_, x_, fitting_number_ticks(x_, chart_.x_format, true), chart_.x_title);
  }

  void point(std::size_t group_index, std::size_t i) {
    const ScatterChart::Group& group = chart_.groups[group_index];
    const std::string name = i < group.labels.size() ? group.labels[i] : group.name;
    sheet_.circle(x_(group.x[i]), y_(group.y[i]), 3.5, series_class(group_index) + " point",
                  fmt::format("{}{}{}, {}", name, name.empty() ? "" : ": ",
                              format_number(group.x[i], chart_.x_format),
                              format_number(group.y[i], chart_.y_format)));
  }

  const ScatterChart& chart_;
  Sheet sheet_;
  Plot plot_;
  Scale x_, y_;
};

}  // namespace

Figure draw(const LineChart& chart) {
  return make_figure(chart.frame, [&](double width) { return Lines(chart, width).svg(); });
}

Figure draw(const ScatterChart& chart) {
  return make_figure(chart.frame, [&](double width) { return Points(chart, width).svg(); });
}

std::vector<double> as_axis(const std::vector<Timestamp>& times) {
  std::vector<double> axis;
  for (const Timestamp time : times) axis.push_back(static_cast<double>(time.micros));
  return axis;
}

}  // namespace attune::report

// Parts of a whole: treemap and share bar.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attune/report/charts.h"
#include "svg.h"

namespace attune::report {
namespace {

using Anchor = Sheet::Anchor;
using Part = Treemap::Part;

// What can be shown, largest first; equal ones in the order given.
std::vector<Part> sorted_parts(const std::vector<Part>& parts) {
  std::vector<Part> kept;
  for (const Part& part : parts) {
    if (std::isfinite(part.value) && part.value > 0) kept.push_back(part);
  }
  std::ranges::stable_sort(kept, std::greater<>{}, &Part::value);
  return kept;
}

double sum_of(const std::vector<Part>& parts) {
  double sum = 0;
  for (const Part& part : parts) sum += part.value;
  return sum;
}

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
};

// Rows along the shorter side, each as long as adding a part makes its boxes squarer [Bruls2000].
class Squarified {
 public:
  Squarified(std::vector<double> areas, Box whole) : areas_(std::move(areas)), free_(whole) {}

  std::vector<Box> boxes() {
    std::size_t first = 0;
    while (first < areas_.size()) {
      std::size_t last = first + 1;
      while (last < areas_.size() && worst(first, last + 1) <= worst(first, last)) ++last;
      lay(first, last);
      first = last;
    }
    return boxes_;
  }

 private:
  double area(std::size_t first, std::size_t last) const {
    double sum = 0;
    for (std::size_t i = first; i < last; ++i) sum += areas_[i];
    return sum;
  }

  // The largest ratio of sides in a row of [first, last); areas fall, so its ends are the extremes.
  double worst(std::size_t first, std::size_t last) const {
    const double side = std::min(free_.width, free_.height), sum = area(first, last);
    if (sum <= 0 || side <= 0) return 0;
    const double scale = side * side / (sum * sum);
    return std::max(scale * areas_[first], 1 / (scale * areas_[last - 1]));
  }

  void lay(std::size_t first, std::size_t last) {
    const bool upright = free_.width >= free_.height;  // the row stands at the left side
    const double side = upright ? free_.height : free_.width;
    const double thick = side > 0 ? area(first, last) / side : 0;
    double at = upright ? free_.y : free_.x;
    for (std::size_t i = first; i < last; ++i) {
      const double length = thick > 0 ? areas_[i] / thick : 0;
      boxes_.push_back(upright ? Box{free_.x, at, thick, length} : Box{at, free_.y, length, thick});
      at += length;
    }
    (upright ? free_.x : free_.y) += thick;
    (upright ? free_.width : free_.height) -= thick;
  }

  std::vector<double> areas_;
  Box free_;
  std::vector<Box> boxes_;
};

std::string share_text(const Part& part, double sum, const NumberFormat& format) {
  return fmt::format("{} · {}", format_number(part.value, format),
                     format_percent(part.value / sum));
}

std::string draw_treemap(const Treemap& chart, double width) {
  const std::vector<Part> parts = sorted_parts(chart.parts);
  const double sum = sum_of(parts);
  if (parts.empty() || !std::isfinite(sum)) return no_data(chart.frame, width);
  const double height = width > 500 ? 320 : 300;
  std::vector<double> areas;
  for (const Part& part : parts) areas.push_back(part.value / sum * width * height);
  const std::vector<Box> boxes = Squarified(areas, {0, 0, width, height}).boxes();
  Sheet sheet(width, height);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Box& box = boxes[i];
    // The larger the part, the stronger its colour.
    const int heat =
        2 + static_cast<int>(std::lround(6 * std::sqrt(parts[i].value / parts[0].value)));
    sheet.rectangle(box.x + 1, box.y + 1, box.width - 2, box.height - 2, fmt::format("h{}", heat),
                    fmt::format("{}: {}", parts[i].name, share_text(parts[i], sum, chart.format)),
                    3);
    const std::string name = fit_text(parts[i].name, (box.width - 18) / 1.1);  // bold
    const bool readable = !name.empty() && (name == parts[i].name || box.width > 70);
    if (!readable || box.height < 26) continue;
    sheet.text(box.x + 9, box.y + 20, Anchor::start, fmt::format("inside strong t{}", heat), name);
    const std::string share = share_text(parts[i], sum, chart.format);
    const std::string shown =
        text_width(share) <= box.width - 18 ? share : format_percent(parts[i].value / sum);
    if (box.height >= 44 && text_width(shown) <= box.width - 18) {
      sheet.text(box.x + 9, box.y + 37, Anchor::start, fmt::format("inside t{}", heat), shown);
    }
  }
  return sheet.svg(chart.frame.title);
}

std::string draw_share_bar(const ShareBar& chart, double width) {
  constexpr std::size_t kMost = 8;
  std::vector<Part> parts = sorted_parts(chart.parts);
  const double sum = sum_of(parts);
  if (parts.empty() || !std::isfinite(sum)) return no_data(chart.frame, width);
  if (parts.size() > kMost) {
    const auto count = static_cast<std::int64_t>(parts.size() - kMost + 1);
    Part other{chart.frame.language == Language::zh ? fmt::format("其他 {} 项", count)
                                                    : fmt::format("{} others", count),
               0};
    for (std::size_t i = kMost - 1; i < parts.size(); ++i) other.value += parts[i].value;
    parts.resize(kMost - 1);
    parts.push_back(std::move(other));
  }
  Sheet sheet(width, 0);
  double x = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const double length = parts[i].value / sum * width;
    sheet.rectangle(x, 0, std::max(length - 1.5, .5), 26, series_class(i),
                    fmt::format("{}: {}", parts[i].name, share_text(parts[i], sum, chart.format)),
                    2);
    x += length;
  }
  const std::size_t columns = width > 500 && parts.size() > 3 ? 2 : 1;
  const std::size_t rows = (parts.size() + columns - 1) / columns;
  const double column =
      (width - 32 * static_cast<double>(columns - 1)) / static_cast<double>(columns);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const double left = static_cast<double>(i / rows) * (column + 32);
    const double y = 52 + static_cast<double>(i % rows) * 24;
    const std::string share = share_text(parts[i], sum, chart.format);
    sheet.rectangle(left, y - 10, 11, 11, series_class(i), {}, 2);
    sheet.text(left + 18, y, Anchor::start, "label",
               fit_text(parts[i].name, column - 28 - text_width(share)));
    sheet.text(left + column, y, Anchor::end, "value", share);
  }
  sheet.set_height(40 + static_cast<double>(rows) * 24);
  return sheet.svg(chart.frame.title);
}

}  // namespace

Figure draw(const Treemap& chart) {
  return make_figure(chart.frame, [&](double width) { return draw_treemap(chart, width); });
}

Figure draw(const ShareBar& chart) {
  return make_figure(chart.frame, [&](double width) { return draw_share_bar(chart, width); });
}

}  // namespace attune::report

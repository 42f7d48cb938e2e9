// A sheet to draw on, and how wide a text will be there. All text is escaped here, once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attune/report/charts.h"

namespace attune::report {

// Coordinates are CSS pixels, y downwards. Classes are those of page_style.cc.
class Sheet {
 public:
  Sheet(double width, double height) : width_(width), height_(height) {}

  double width() const { return width_; }
  void set_height(double height) { height_ = height; }

  enum class Anchor : std::uint8_t { start, middle, end };
  void text(double x, double y, Anchor anchor, std::string_view style, std::string_view text);
  void rectangle(double x, double y, double width, double height, std::string_view style,
                 std::string_view title = {}, double radius = 0);
  void line(double x1, double y1, double x2, double y2, std::string_view style);
  void circle(double x, double y, double radius, std::string_view style,
              std::string_view title = {});
  void path(std::string_view commands, std::string_view style);

  std::string svg(std::string_view title) const;

 private:
  double width_;
  double height_;
  std::string body_;
};

// "12.3": one decimal, no superfluous zeros.
std::string coordinate(double value);

inline constexpr double kTextSize = 12;  // pixels, of all labels
// Pixels that a label takes; a little too many rather than too few.
double text_width(std::string_view text, double size = kTextSize);
// The beginning that fits, with "…" when something is left out.
std::string fit_text(const std::string& text, double width);

struct LegendEntry {
  std::string name;
  std::string style;  // class of the swatch
};
// Draws entries from the left, in as many rows as needed, and returns the y below them.
double draw_legend(Sheet& sheet, const std::vector<LegendEntry>& entries, double top);

// "c1" to "c8", again from the start after that.
std::string series_class(std::size_t index);

inline constexpr double kWide = 760, kNarrow = 350;

// Draws with `draw(width)` in both widths.
template <class Draw>
Figure make_figure(const Frame& frame, const Draw& draw_at) {
  return {frame.title, frame.caption, draw_at(kWide), draw_at(kNarrow)};
}
std::string no_data(const Frame& frame, double width);
bool any_finite(const std::vector<double>& values);
std::string in_language(Language language, std::string_view en, std::string_view zh);

}  // namespace attune::report

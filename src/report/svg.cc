#include "svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "attune/base/text.h"
#include "attune/report/html_page.h"

namespace attune::report {
namespace {

// Widths of ASCII in hundredths of the size, for common sans-serif fonts, rounded up.
int hundredths(char c) {
  constexpr std::string_view kThin = "ijl.,:;'|!`I", kSlim = "ftr()[]{}/\\ -\"", kWide = "mwMW@%&";
  if (kThin.find(c) != std::string_view::npos) return 32;
  if (kSlim.find(c) != std::string_view::npos) return 42;
  if (kWide.find(c) != std::string_view::npos) return 98;
  if (c >= 'A' && c <= 'Z') return 74;
  return 62;
}

double character_width(std::string_view character) {
  if (character.size() == 1) return hundredths(character[0]) / 100.0;
  const int columns = display_width(character);
  return columns == 2 ? 1.04 : columns * .72;
}

constexpr double kSwatch = 11;

}  // namespace

std::string coordinate(double value) {
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

double text_width(std::string_view text, double size) {
  double width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character_length(text, at);
    width += character_width(text.substr(at, length));
    at += length;
  }
  return width * size;
}

std::string fit_text(const std::string& text, double width) {
  if (text_width(text) <= width) return text;
  const double room = width - text_width("…");
  double used = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = character_length(text, at);
    used += character_width(std::string_view(text).substr(at, length)) * kTextSize;
    if (used > room) break;
    at += length;
  }
  return at == 0 ? "" : text.substr(0, at) + "…";
}

void Sheet::text(double x, double y, Anchor anchor, std::string_view style, std::string_view text) {
  static constexpr std::string_view kAnchors[] = {"", " text-anchor=\"middle\"",
                                                  " text-anchor=\"end\""};
  body_ += fmt::format("<text x=\"{}\" y=\"{}\" class=\"{}\"{}>{}</text>", coordinate(x),
                       coordinate(y), style, kAnchors[static_cast<int>(anchor)], escape_html(text));
}

void Sheet::rectangle(double x, double y, double width, double height, std::string_view style,
                      std::string_view title, double radius) {
  body_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" class=\"{}\"",
                       coordinate(x), coordinate(y), coordinate(std::max(0.0, width)),
                       coordinate(std::max(0.0, height)), style);
  if (radius > 0) body_ += fmt::format(" rx=\"{}\"", coordinate(radius));
  body_ += title.empty() ? "/>" : fmt::format("><title>{}</title></rect>", escape_html(title));
}

void Sheet::line(double x1, double y1, double x2, double y2, std::string_view style) {
  body_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"{}\"/>",
                       coordinate(x1), coordinate(y1), coordinate(x2), coordinate(y2), style);
}

void Sheet::circle(double x, double y, double radius, std::string_view style,
                   std::string_view title) {
  body_ += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" class=\"{}\"", coordinate(x),
                       coordinate(y), coordinate(radius), style);
  body_ += title.empty() ? "/>" : fmt::format("><title>{}</title></circle>", escape_html(title));
}

void Sheet::path(std::string_view commands, std::string_view style) {
  body_ += fmt::format("<path d=\"{}\" class=\"{}\"/>", commands, style);
}

std::string Sheet::svg(std::string_view title) const {
  return fmt::format(
      "<svg viewBox=\"0 0 {} {}\" width=\"{}\" height=\"{}\" "
      "role=\"img\" class=\"chart\"><title>{}</title>{}</svg>",
      coordinate(width_), coordinate(height_), coordinate(width_), coordinate(height_),
      escape_html(title), body_);
}

double draw_legend(Sheet& sheet, const std::vector<LegendEntry>& entries, double top) {
  if (entries.empty()) return top;
  double x = 0, y = top;
  for (const LegendEntry& entry : entries) {
    const std::string name = fit_text(entry.name, sheet.width() - kSwatch - 6);
    const double width = kSwatch + 6 + text_width(name) + 16;
    if (x > 0 && x + width - 16 > sheet.width()) {
      x = 0;
      y += 20;
    }
    sheet.rectangle(x, y + 2, kSwatch, kSwatch, entry.style, {}, 2);
    sheet.text(x + kSwatch + 6, y + 12, Sheet::Anchor::start, "label", name);
    x += width;
  }
  return y + 26;
}

std::string series_class(std::size_t index) { return fmt::format("c{}", index % 8 + 1); }

std::string no_data(const Frame& frame, double width) {
  Sheet sheet(width, 110);
  sheet.rectangle(.5, .5, width - 1, 109, "nothing", {}, 6);
  sheet.text(width / 2, 60, Sheet::Anchor::middle, "faint",
             in_language(frame.language, "no data", "没有数据"));
  return sheet.svg(frame.title);
}

bool any_finite(const std::vector<double>& values) {
  return std::ranges::any_of(values, [](double v) { return std::isfinite(v); });
}

std::string in_language(Language language, std::string_view en, std::string_view zh) {
  return std::string(language == Language::zh ? zh : en);
}

}  // namespace attune::report

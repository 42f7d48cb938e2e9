#include "attune/report/table.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "attune/base/error.h"
#include "attune/base/text.h"

namespace attune::report {
namespace {

constexpr int kNarrowest = 3;  // columns that a cell keeps
constexpr std::size_t kLongestCell = 2000;

std::string_view colour_of(Tone tone) {
  switch (tone) {
    case Tone::strong:
      return "\x1b[1m";
    case Tone::faint:
      return "\x1b[2m";
    case Tone::good:
      return "\x1b[32m";
    case Tone::warning:
      return "\x1b[33m";
    case Tone::bad:
      return "\x1b[31m";
    default:
      return "";
  }
}

// The beginning of `text` that fits into `width` columns, with a mark where something is left out.
std::string fitted(const std::string& text, int width, std::string_view mark) {
  if (display_width(text) <= width) return text;
  const int room = width - display_width(mark);
  std::size_t end = 0;
  int used = 0;
  while (end < text.size()) {
    const std::size_t length = character_length(text, end);
    const int more = display_width(std::string_view(text).substr(end, length));
    if (used + more > room) break;
    used += more;
    end += length;
  }
  return room < 0 ? std::string(mark.substr(0, static_cast<std::size_t>(width)))
                  : text.substr(0, end) + std::string(mark);
}

class Drawing {
 public:
  Drawing(const Table& table, const TerminalStyle& style) : table_(table), style_(style) {
    for (const Column& column : table.columns())
      header_.push_back(quoted(column.title, kLongestCell));
    for (const auto& row : table.rows()) {
      std::vector<std::string> shown;
      for (const Cell& cell : row) shown.push_back(quoted(cell.text, kLongestCell));
      rows_.push_back(std::move(shown));
    }
    measure();
    shrink();
  }

  std::string text() const {
    std::string out;
    if (!table_.title().empty()) {
      const std::string title = quoted(table_.title(), kLongestCell);
      out += painted(style_.width > 0 ? fitted(title, style_.width, mark()) : title, Tone::strong);
      out += "\n";
    }
    out += line(header_, nullptr) + rule();
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (i > 0 && table_.separator_before(i)) out += rule();
      out += line(rows_[i], &table_.rows()[i]);
    }
    return out;
  }

 private:
  std::string_view mark() const { return style_.unicode ? "…" : "..."; }

  void measure() {
    widths_.assign(header_.size(), 1);
    for (std::size_t c = 0; c < header_.size(); ++c) {
      widths_[c] = std::max(widths_[c], display_width(header_[c]));
      for (const auto& row : rows_) widths_[c] = std::max(widths_[c], display_width(row[c]));
    }
  }

  int whole_width() const {
    int width = widths_.empty() ? 0 : 2 * (static_cast<int>(widths_.size()) - 1);
    for (const int w : widths_) width += w;
    return width;
  }

  // Takes columns from those that give way first, the widest of them first, until the table fits.
  void shrink() {
    if (style_.width <= 0) return;
    int highest = 0;
    for (const Column& column : table_.columns()) highest = std::max(highest, column.shrink);
    for (int level = highest; level >= 0 && whole_width() > style_.width; --level) {
      while (whole_width() > style_.width && take_from_widest(level)) {
      }
    }
  }

  bool take_from_widest(int level) {
    std::size_t widest = widths_.size();
    for (std::size_t c = 0; c < widths_.size(); ++c) {
      if (table_.columns()[c].shrink != level || widths_[c] <= kNarrowest) continue;
      if (widest == widths_.size() || widths_[c] > widths_[widest]) widest = c;
    }
    if (widest == widths_.size()) return false;
    --widths_[widest];
    return true;
  }

  std::string painted(const std::string& text, Tone tone) const {
    const std::string_view colour = style_.colour ? colour_of(tone) : "";
    return colour.empty() ? text : fmt::format("{}{}\x1b[0m", colour, text);
  }

  std::string line(const std::vector<std::string>& cells, const std::vector<Cell>* source) const {
    std::string out;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const std::string shown = fitted(cells[c], widths_[c], mark());
      const std::string padding(
          static_cast<std::size_t>(std::max(0, widths_[c] - display_width(shown))), ' ');
      const bool right = table_.columns()[c].align == Align::right;
      const bool last = c + 1 == cells.size();
      if (c > 0) out += "  ";
      if (right) out += padding;
      out += painted(shown, source == nullptr ? Tone::strong : (*source)[c].tone);
      if (!right && !last) out += padding;
    }
    if (!style_.colour) out.erase(out.find_last_not_of(' ') + 1);
    return out + "\n";
  }

  std::string rule() const {
    std::string out;
    for (std::size_t c = 0; c < widths_.size(); ++c) {
      if (c > 0) out += "  ";
      for (int i = 0; i < widths_[c]; ++i) out += style_.unicode ? "─" : "-";
    }
    return painted(out, Tone::faint) + "\n";
  }

  const Table& table_;
  TerminalStyle style_;
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<int> widths_;
};

std::string markdown_cell(const std::string& text) {
  std::string shown;
  for (const char c : quoted(text, kLongestCell)) {
    switch (c) {
      case '<':
        shown += "&lt;";
        break;
      case '>':
        shown += "&gt;";
        break;
      case '&':
        shown += "&amp;";
        break;
      case '|':
      case '\\':
      case '`':
      case '*':
      case '_':
      case '[':
      case ']':
        shown += '\\';
        [[fallthrough]];
      default:
        shown += c;
    }
  }
  return shown;
}

}  // namespace

bool is_terminal(int file_descriptor) { return ::isatty(file_descriptor) == 1; }

TerminalStyle terminal_style(int file_descriptor) {
  TerminalStyle style;
  if (!is_terminal(file_descriptor)) return style;
  winsize size{};
  const bool known = ::ioctl(file_descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  style.width = known ? size.ws_col : 80;
  const char* term = std::getenv("TERM");
  const char* no_colour = std::getenv("NO_COLOR");
  style.colour = (no_colour == nullptr || *no_colour == '\0') &&
                 !(term != nullptr && std::string_view(term) == "dumb");
  return style;
}

Table& Table::row(std::vector<Cell> cells) {
  ATTUNE_CHECK(cells.size() <= columns_.size(), "a row has more cells than the table has columns");
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
  return *this;
}

Table& Table::separator() {
  separators_.push_back(rows_.size());
  return *this;
}

Table& Table::title(std::string text) {
  title_ = std::move(text);
  return *this;
}

bool Table::separator_before(std::size_t row) const {
  return std::ranges::find(separators_, row) != separators_.end();
}

std::string Table::to_text(const TerminalStyle& style) const {
  return columns_.empty() ? std::string() : Drawing(*this, style).text();
}

std::string Table::to_markdown() const {
  if (columns_.empty()) return {};
  std::string out;
  if (!title_.empty()) out += "**" + markdown_cell(title_) + "**\n\n";
  for (const Column& column : columns_) out += "| " + markdown_cell(column.title) + " ";
  out += "|\n";
  for (const Column& column : columns_) out += column.align == Align::right ? "|---:" : "|:---";
  out += "|\n";
  for (const auto& row : rows_) {
    for (const Cell& cell : row) {
      const std::string text = markdown_cell(cell.text);
      out += cell.tone == Tone::strong && !text.empty() ? "| **" + text + "** " : "| " + text + " ";
    }
    out += "|\n";
  }
  return out;
}

}  // namespace attune::report

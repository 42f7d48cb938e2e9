// Tables: one content, shown in a terminal, as Markdown or in an HTML page. Answers: how does a
// person see rows?
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace attune::report {

enum class Align : std::uint8_t { left, right };

// What a cell wants to say beside its text; colour where there is colour, weight where there is
// none.
enum class Tone : std::uint8_t { plain, strong, faint, good, warning, bad };

struct Cell {
  std::string text;
  Tone tone = Tone::plain;
  Cell(std::string t = {}, Tone n = Tone::plain) : text(std::move(t)), tone(n) {}
  Cell(const char* t, Tone n = Tone::plain) : text(t), tone(n) {}
};

struct Column {
  std::string title;
  Align align = Align::left;  // right for numbers
  int shrink = 1;             // who gives way when the table is too wide: 0 never, higher sooner
};

struct TerminalStyle {
  int width = 0;        // columns of the terminal; 0: no limit
  bool colour = false;  // ANSI escapes
  bool unicode = true;  // box drawing lines and "…"; else ASCII
};

// What a stream can show: its width (80 if unknown, no limit when not a terminal), and colour when
// it is a terminal, NO_COLOR is not set and TERM is not "dumb".
TerminalStyle terminal_style(int file_descriptor);
bool is_terminal(int file_descriptor);

// Invariants: every row has as many cells as there are columns (missing ones are empty, surplus
// ones a programmer error).
// Threads: one thread at a time.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  Table& row(std::vector<Cell> cells);
  Table& separator();  // a line before the next row
  Table& title(std::string text);

  const std::vector<Column>& columns() const { return columns_; }
  const std::vector<std::vector<Cell>>& rows() const { return rows_; }
  const std::string& title() const { return title_; }
  bool separator_before(std::size_t row) const;

  // Lines end with '\n'. UTF-8 aware; control characters are shown as \xNN, so that no cell can
  // drive a terminal; texts that do not fit are cut with "…". No line is wider than style.width (as
  // far as 3 columns per cell allow).
  std::string to_text(const TerminalStyle& style = {}) const;
  // A GitHub table; pipes, backslashes, line breaks and HTML are escaped.
  std::string to_markdown() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
  std::vector<std::size_t> separators_;
  std::string title_;
};

}  // namespace attune::report

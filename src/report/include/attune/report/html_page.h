// Reports as one HTML file: nothing is loaded from anywhere, no script is needed; light, dark,
// print, phone. Answers: how does a person keep, send and read a result?
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "attune/base/error.h"
#include "attune/report/charts.h"
#include "attune/report/format.h"
#include "attune/report/table.h"

namespace attune::report {

// Text made harmless for HTML content and quoted attributes; invalid UTF-8 becomes U+FFFD, control
// characters are dropped.
std::string escape_html(std::string_view text);

// A key figure.
struct Tile {
  std::string label;
  std::string value;
  std::string detail = {};  // how sure, of how many
  Tone tone = Tone::plain;
};

// One section with a heading; its parts appear in the order of the calls. Texts are plain text
// (escaped); in paragraphs and notes `code` in backquotes and **strong** are marked up, an empty
// line starts a new paragraph.
class Section {
 public:
  Section(std::string title, std::string id) : title_(std::move(title)), id_(std::move(id)) {}

  Section& paragraph(std::string text);
  Section& heading(std::string text);  // a smaller one, inside the section
  Section& bullets(std::vector<std::string> lines);
  Section& note(Tone tone, std::string text);  // a box: good, warning, bad, or plain
  Section& tiles(std::vector<Tile> tiles);
  // At most `rows_shown` rows are open, the others behind a fold.
  Section& table(Table table, std::size_t rows_shown = 50);
  Section& figure(Figure figure);
  Section& figures_side_by_side(std::vector<Figure> figures);  // two in a row where there is room
  Section& code(std::string text);
  Section& details(std::string summary, std::string text);  // folded preformatted text

  const std::string& title() const { return title_; }
  const std::string& id() const { return id_; }

 private:
  friend class Page;
  friend struct PartWriter;
  struct Paragraph {
    std::string text;
  };
  struct Heading {
    std::string text;
  };
  struct Bullets {
    std::vector<std::string> lines;
  };
  struct Note {
    Tone tone;
    std::string text;
  };
  struct Tiles {
    std::vector<Tile> tiles;
  };
  struct TablePart {
    Table table;
    std::size_t rows_shown;
  };
  struct Figures {
    std::vector<Figure> figures;
    bool side_by_side;
  };
  struct Code {
    std::string summary;
    std::string text;
  };
  using Part = std::variant<Paragraph, Heading, Bullets, Note, Tiles, TablePart, Figures, Code>;

  std::string title_;
  std::string id_;
  std::vector<Part> parts_;
};

struct PageOptions {
  std::string title;
  std::string subtitle = {};
  Language language = Language::en;
  std::string footer = {};  // "made with Attune 0.1 from …"
  bool contents = true;     // a table of contents, from two sections on
};

// Builds the page. References to sections stay valid while the page lives. Threads: one thread at a
// time.
class Page {
 public:
  explicit Page(PageOptions options) : options_(std::move(options)) {}

  Section& section(std::string title);

  // The whole file. Determinism: the same calls give the same bytes.
  std::string html() const;
  // Errors: those of writing a file (the file is replaced as a whole or not at all).
  Status write(const std::string& path) const;

 private:
  PageOptions options_;
  std::deque<Section> sections_;
};

}  // namespace attune::report

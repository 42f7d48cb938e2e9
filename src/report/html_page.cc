#include "attune/report/html_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "page_style.h"
#include "svg.h"

namespace attune::report {
namespace {

// What a paragraph marks up: `code` and **strong**. Input and output are escaped.
std::string inline_markup(std::string_view escaped) {
  std::string out;
  while (!escaped.empty()) {
    const std::size_t at = std::min(escaped.find('`'), escaped.find("**"));
    if (at == std::string_view::npos) break;
    const std::string_view mark = escaped[at] == '`' ? "`" : "**";
    const std::string_view tag = escaped[at] == '`' ? "code" : "strong";
    const std::size_t begin = at + mark.size(), end = escaped.find(mark, begin);
    if (end == std::string_view::npos || end == begin) {
      out += escaped.substr(0, begin);
      escaped.remove_prefix(begin);
      continue;
    }
    out += escaped.substr(0, at);
    out += fmt::format("<{}>{}</{}>", tag, escaped.substr(begin, end - begin), tag);
    escaped.remove_prefix(end + mark.size());
  }
  return out + std::string(escaped);
}

std::string paragraphs(const std::string& text) {
  std::string out;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find("\n\n"), rest.size());
    const std::string_view one = trim(rest.substr(0, end));
    if (!one.empty()) out += "<p>" + inline_markup(escape_html(one)) + "</p>\n";
    rest.remove_prefix(std::min(rest.size(), end + 2));
  }
  return out;
}

std::string_view tone_class(Tone tone) {
  static constexpr std::array<std::string_view, 6> kNames{"",     "strong",  "faint",
                                                          "good", "warning", "bad"};
  return kNames[static_cast<std::size_t>(tone)];
}

std::string table_rows(const Table& table, std::size_t from, std::size_t to) {
  std::string out = "<div class=\"scroll\"><table><thead><tr>";
  for (const Column& column : table.columns()) {
    out +=
        fmt::format("<th scope=\"col\"{}>{}</th>",
                    column.align == Align::right ? " class=\"n\"" : "", escape_html(column.title));
  }
  out += "</tr></thead><tbody>\n";
  for (std::size_t r = from; r < to; ++r) {
    out += r > from && table.separator_before(r) ? "<tr class=\"sep\">" : "<tr>";
    for (std::size_t c = 0; c < table.columns().size(); ++c) {
      const Cell& cell = table.rows()[r][c];
      const Column& column = table.columns()[c];
      // A column that never gives way keeps its words whole; the table scrolls where there is no
      // room.
      std::string style(column.align == Align::right ? "n" : column.shrink == 0 ? "k" : "");
      if (cell.tone != Tone::plain)
        style += (style.empty() ? "" : " ") + std::string(tone_class(cell.tone));
      out += style.empty() ? "<td>" : fmt::format("<td class=\"{}\">", style);
      out += escape_html(cell.text) + "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string drawn(const Figure& figure, bool side_by_side) {
  std::string out = "<figure>";
  if (!figure.title.empty()) out += "<figcaption>" + escape_html(figure.title) + "</figcaption>";
  if (!side_by_side) out += "<div class=\"wide\">" + figure.wide + "</div>";
  out += "<div class=\"narrow\">" + figure.narrow + "</div>";
  if (!figure.caption.empty()) {
    out += "<div class=\"caption\">" + inline_markup(escape_html(figure.caption)) + "</div>";
  }
  return out + "</figure>\n";
}

bool is_dropped_control(unsigned char c) {
  return (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const std::size_t good = first_invalid_utf8(text).value_or(text.size());
    for (const char c : text.substr(0, good)) {
      switch (c) {
        case '&':
          out += "&amp;";
          break;
        case '<':
          out += "&lt;";
          break;
        case '>':
          out += "&gt;";
          break;
        case '"':
          out += "&quot;";
          break;
        case '\'':
          out += "&#39;";
          break;
        default:
          if (!is_dropped_control(static_cast<unsigned char>(c))) out += c;
      }
    }
    if (good == text.size()) break;
    out += "\xEF\xBF\xBD";
    text.remove_prefix(good + 1);
  }
  return out;
}

// Writes the parts of sections.
struct PartWriter {
  Language language = Language::en;
  std::string out = {};

  void operator()(const Section::Paragraph& part) { out += paragraphs(part.text); }
  void operator()(const Section::Heading& part) {
    out += "<h3>" + escape_html(part.text) + "</h3>\n";
  }
  void operator()(const Section::Bullets& part) {
    out += "<ul>";
    for (const std::string& line : part.lines)
      out += "<li>" + inline_markup(escape_html(line)) + "</li>";
    out += "</ul>\n";
  }
  void operator()(const Section::Note& part) {
    out += fmt::format("<div class=\"note {}\" role=\"note\">{}</div>\n", tone_class(part.tone),
                       paragraphs(part.text));
  }
  void operator()(const Section::Tiles& part) {
    out += "<div class=\"tiles\">";
    for (const Tile& tile : part.tiles) {
      out +=
          fmt::format("<div class=\"tile {}\"><div class=\"l\">{}</div><div class=\"v\">{}</div>",
                      tone_class(tile.tone), escape_html(tile.label), escape_html(tile.value));
      if (!tile.detail.empty()) out += "<div class=\"d\">" + escape_html(tile.detail) + "</div>";
      out += "</div>";
    }
    out += "</div>\n";
  }
  void operator()(const Section::TablePart& part) {
    const Table& table = part.table;
    if (table.columns().empty()) return;
    out += "<div class=\"table\">";
    if (!table.title().empty())
      out += "<div class=\"title\">" + escape_html(table.title()) + "</div>";
    const std::size_t shown = std::min(part.rows_shown, table.rows().size());
    out += table_rows(table, 0, shown);
    if (shown < table.rows().size()) {
      const auto more = format_count(static_cast<std::int64_t>(table.rows().size() - shown));
      out += fmt::format("<details><summary>{}</summary>{}</details>",
                         language == Language::zh ? fmt::format("其余 {} 行", more)
                                                  : fmt::format("{} more rows", more),
                         table_rows(table, shown, table.rows().size()));
    }
    out += "</div>\n";
  }
  void operator()(const Section::Figures& part) {
    if (part.side_by_side) out += "<div class=\"pair\">";
    for (const Figure& figure : part.figures) out += drawn(figure, part.side_by_side);
    if (part.side_by_side) out += "</div>\n";
  }
  void operator()(const Section::Code& part) {
    const std::string block = "<pre><code>" + escape_html(part.text) + "</code></pre>";
    out += part.summary.empty() ? block
                                : fmt::format("<details><summary>{}</summary>{}</details>",
                                              escape_html(part.summary), block);
    out += "\n";
  }
};

Section& Section::paragraph(std::string text) {
  parts_.emplace_back(Paragraph{std::move(text)});
  return *this;
}
Section& Section::heading(std::string text) {
  parts_.emplace_back(Heading{std::move(text)});
  return *this;
}
Section& Section::bullets(std::vector<std::string> lines) {
  parts_.emplace_back(Bullets{std::move(lines)});
  return *this;
}
Section& Section::note(Tone tone, std::string text) {
  parts_.emplace_back(Note{tone, std::move(text)});
  return *this;
}
Section& Section::tiles(std::vector<Tile> tiles) {
  parts_.emplace_back(Tiles{std::move(tiles)});
  return *this;
}
Section& Section::table(Table table, std::size_t rows_shown) {
  parts_.emplace_back(TablePart{std::move(table), rows_shown});
  return *this;
}
Section& Section::figure(Figure figure) {
  std::vector<Figure> figures;
  figures.push_back(std::move(figure));
  parts_.emplace_back(Figures{std::move(figures), false});
  return *this;
}
Section& Section::figures_side_by_side(std::vector<Figure> figures) {
  parts_.emplace_back(Figures{std::move(figures), true});
  return *this;
}
Section& Section::code(std::string text) {
  parts_.emplace_back(Code{{}, std::move(text)});
  return *this;
}
Section& Section::details(std::string summary, std::string text) {
  parts_.emplace_back(Code{std::move(summary), std::move(text)});
  return *this;
}

Section& Page::section(std::string title) {
  return sections_.emplace_back(std::move(title), fmt::format("s{}", sections_.size() + 1));
}

std::string Page::html() const {
  const bool zh = options_.language == Language::zh;
  PartWriter writer{options_.language};
  std::string& out = writer.out;
  out = fmt::format(
      "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<div class=\"page\">\n"
      "<header><h1>{}</h1>",
      zh ? "zh-CN" : "en", escape_html(options_.title), page_style(), escape_html(options_.title));
  if (!options_.subtitle.empty()) {
    out += "<div class=\"subtitle\">" + escape_html(options_.subtitle) + "</div>";
  }
  out += "</header>\n";
  if (options_.contents && sections_.size() > 1) {
    const std::string_view heading = zh ? "目录" : "Contents";
    out += fmt::format("<nav aria-label=\"{}\"><b>{}</b><ol>", heading, heading);
    for (const Section& section : sections_) {
      out += fmt::format("<li><a href=\"#{}\">{}</a></li>", section.id(),
                         escape_html(section.title()));
    }
    out += "</ol></nav>\n";
  }
  out += "<main>\n";
  for (const Section& section : sections_) {
    out +=
        fmt::format("<section id=\"{}\"><h2>{}</h2>\n", section.id(), escape_html(section.title()));
    for (const Section::Part& part : section.parts_)
      std::visit([&](const auto& one) { writer(one); }, part);
    out += "</section>\n";
  }
  out += "</main>\n";
  if (!options_.footer.empty()) out += "<footer>" + escape_html(options_.footer) + "</footer>\n";
  return std::move(out) + "</div>\n</body>\n</html>\n";
}

Status Page::write(const std::string& path) const { return write_file_durably(path, html()); }

}  // namespace attune::report

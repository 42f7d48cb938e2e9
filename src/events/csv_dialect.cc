#include "csv_dialect.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <span>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/events/values.h"

namespace attune::events {
namespace {

constexpr std::size_t kSniffRecords = 200;
constexpr std::size_t kTitleRecords = 8;  // more above the names are no title
constexpr std::size_t kTitledCells = 3;   // narrower tables have rows that look like a title
constexpr std::array<std::string_view, 6> kDelimiters{",", "\t", ";", "|", "::", " "};

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Cuts one line, quotes meaning nothing.
std::vector<std::string> split_plain(std::string_view line, const CsvDialect& dialect) {
  std::vector<std::string> cells;
  if (dialect.delimiter == " ") {
    for (std::size_t at = 0; at < line.size();) {
      while (at < line.size() && is_blank(line[at])) ++at;
      const std::size_t begin = at;
      while (at < line.size() && !is_blank(line[at])) ++at;
      if (at > begin) cells.emplace_back(line.substr(begin, at - begin));
    }
    return cells;
  }
  while (true) {
    const std::size_t cut = line.find(dialect.delimiter);
    cells.emplace_back(line.substr(0, cut));
    if (cut == line.npos) return cells;
    line.remove_prefix(cut + dialect.delimiter.size());
  }
}

// One quoted cell at `at`; false when it does not end, or not before a delimiter or line's end.
bool take_quoted(std::string_view text, const CsvDialect& dialect, std::size_t& at,
                 std::string& cell) {
  for (++at; at < text.size(); ++at) {
    if (text[at] != dialect.quote) {
      cell += text[at];
    } else if (at + 1 < text.size() && text[at + 1] == dialect.quote) {
      cell += dialect.quote;
      ++at;
    } else {
      ++at;
      const std::string_view rest = text.substr(at);
      return rest.empty() || rest[0] == dialect.line_end || rest[0] == '\r' ||
             rest.starts_with(dialect.delimiter);
    }
  }
  return false;
}

SplitRecord split_quoted(std::string_view text, const CsvDialect& dialect) {
  SplitRecord record;
  std::size_t at = 0;
  while (true) {
    std::string cell;
    if (at < text.size() && text[at] == dialect.quote) {
      record.any_quoted = true;
      if (!take_quoted(text, dialect, at, cell)) {
        record.good_quoting = false;
        return record;
      }
    } else {
      const std::size_t begin = at;
      while (at < text.size() && text[at] != dialect.line_end &&
             !text.substr(at).starts_with(dialect.delimiter)) {
        ++at;
      }
      cell = text.substr(begin, at - begin);
      if (at < text.size() && text[at] == '\n' && cell.ends_with('\r')) cell.pop_back();
    }
    if (at < text.size() && text[at] == '\r' && dialect.line_end == '\n') ++at;
    record.cells.push_back(std::move(cell));
    if (at >= text.size() || text[at] == dialect.line_end) {
      record.bytes = std::min(at + 1, text.size());
      record.whole = at < text.size();
      return record;
    }
    at += dialect.delimiter.size();
  }
}

struct Shape {
  CsvDialect dialect;
  std::vector<std::vector<std::string>> records;
  std::vector<std::size_t> begins;  // of each record
  std::size_t title = 0;            // records above the names
  double agreement = 0;             // share of records with the commonest number of cells
  std::size_t cells = 1;
};

bool looks_numeric(std::string_view text) { return read_decimal(text, false).has_value(); }

bool looks_like_value(std::string_view text) {
  const std::string_view cell = trim(text);
  if (cell.empty()) return false;
  if (looks_numeric(cell)) return true;
  const std::array<std::string_view, 1> one{cell};
  return choose_time_format(one).readable == 1;
}

bool names_a_field(std::string_view text) {
  static constexpr std::array<std::string_view, 24> kWords{
      "id",    "name", "time",  "date",     "user",   "customer", "item",  "product",
      "price", "type", "event", "quantity", "rating", "amount",   "order", "category",
      "客户",  "用户", "商品",  "时间",     "日期",   "名称",     "金额",  "订单"};
  const std::string lower = ascii_lower(text);
  return std::ranges::any_of(kWords,
                             [&](std::string_view word) { return lower.find(word) != lower.npos; });
}

// How many records above the names hold one text at most, as reports begin with.
std::size_t title_records(const Shape& shape) {
  const auto is_title = [](const std::vector<std::string>& record) {
    return std::ranges::count_if(record,
                                 [](const std::string& cell) { return !trim(cell).empty(); }) <= 1;
  };
  const auto names = std::ranges::find_if_not(shape.records, is_title);
  const auto above = static_cast<std::size_t>(names - shape.records.begin());
  if (shape.cells < kTitledCells || above > kTitleRecords || names == shape.records.end()) return 0;
  const bool named = names->size() == shape.cells && std::ranges::any_of(*names, names_a_field) &&
                     std::ranges::none_of(*names, looks_like_value);
  return named ? above : 0;
}

Shape try_delimiter(std::string_view head, const CsvDialect& dialect, bool is_whole_text) {
  Shape shape;
  shape.dialect = dialect;
  std::map<std::size_t, std::size_t> counts;
  std::size_t bad = 0;
  std::size_t quoted = 0;
  std::string_view rest = head;
  while (!rest.empty() && shape.records.size() < kSniffRecords) {
    SplitRecord record = split_record(rest, dialect, is_whole_text);
    if (!record.whole && !is_whole_text && !shape.records.empty()) break;
    const std::size_t begin = head.size() - rest.size();
    rest.remove_prefix(std::max<std::size_t>(record.bytes, 1));
    bad += !record.good_quoting;
    quoted += record.good_quoting && record.any_quoted;
    if (record.cells.size() == 1 && trim(record.cells[0]).empty()) continue;
    ++counts[record.cells.size()];
    shape.records.push_back(std::move(record.cells));
    shape.begins.push_back(begin);
  }
  const bool loose = dialect.delimiter != "," && dialect.delimiter != ";";
  if (dialect.quote != 0 && loose && (bad > 0 || quoted == 0)) {
    CsvDialect plain = dialect;
    plain.quote = 0;
    return try_delimiter(head, plain, is_whole_text);
  }
  for (const auto& [cells, times] : counts) {
    const double share = static_cast<double>(times) / static_cast<double>(shape.records.size());
    if (share >= shape.agreement) {
      shape.agreement = share;
      shape.cells = cells;
    }
  }
  shape.title = title_records(shape);
  // A delimiter that the first line, which holds the names, does not have so often is likely to be
  // part of texts.
  if (!shape.records.empty() && shape.records[shape.title].size() != shape.cells)
    shape.agreement *= .5;
  return shape;
}

bool first_line_is_header(std::span<const std::vector<std::string>> records) {
  if (records.empty()) return true;
  const auto& first = records[0];
  std::set<std::string> distinct;
  bool named = false;
  for (const std::string& cell : first) {
    if (looks_like_value(cell)) return false;
    if (!trim(cell).empty() && !distinct.insert(cell).second && first.size() < 3) return false;
    named = named || names_a_field(cell);
  }
  if (named) return true;
  for (std::size_t i = 1; i < records.size(); ++i) {
    for (std::size_t j = 0; j < std::min(first.size(), records[i].size()); ++j) {
      if (looks_like_value(records[i][j])) return true;
    }
  }
  // Texts only: a word that comes again below is a value.
  for (std::size_t i = 1; i < records.size(); ++i) {
    for (std::size_t j = 0; j < std::min(first.size(), records[i].size()); ++j) {
      if (!first[j].empty() && records[i][j] == first[j]) return false;
    }
  }
  return true;
}

// "sep=;", which spreadsheets write and read as the first line.
struct SeparatorLine {
  std::size_t bytes = 0;  // 0: there is none
  std::string_view delimiter;
};
SeparatorLine separator_line(std::string_view head, char line_end) {
  const std::size_t end = head.find(line_end);
  if (end == head.npos) return {};
  std::string_view line = head.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.size() == 7 && line.starts_with('"') && line.ends_with('"'))
    line = line.substr(1, line.size() - 2);
  if (line.size() != 5 || ascii_lower(line.substr(0, 4)) != "sep=") return {};
  const auto known = std::ranges::find(kDelimiters, line.substr(4));
  return known == kDelimiters.end() ? SeparatorLine{} : SeparatorLine{end + 1, *known};
}

char sniff_line_end(std::string_view head) {
  return head.find('\n') == head.npos && head.find('\r') != head.npos ? '\r' : '\n';
}

}  // namespace

SplitRecord split_record(std::string_view text, const CsvDialect& dialect, bool is_whole_text) {
  if (dialect.quote != 0 && dialect.delimiter != " ") {
    SplitRecord record = split_quoted(text, dialect);
    if (record.good_quoting) return record;
  }
  SplitRecord record;
  const std::size_t end = text.find(dialect.line_end);
  std::string_view line = text.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  record.cells = split_plain(line, dialect);
  if (record.cells.empty()) record.cells.emplace_back();
  record.bytes = end == text.npos ? text.size() : end + 1;
  record.whole = end != text.npos || is_whole_text;
  record.good_quoting = dialect.quote == 0 || dialect.delimiter == " ";
  return record;
}

std::vector<std::string> usable_names(std::vector<std::string> names) {
  std::set<std::string> taken;
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::string name(trim(names[i]));
    if (name.empty()) name = fmt::format("column_{}", i + 1);
    std::string unique = name;
    for (int again = 2; !taken.insert(unique).second; ++again)
      unique = fmt::format("{}_{}", name, again);
    names[i] = std::move(unique);
  }
  return names;
}

CsvDialect sniff_csv(std::string_view head, bool is_whole_text) {
  CsvDialect dialect;
  dialect.line_end = sniff_line_end(head);
  const SeparatorLine stated = separator_line(head, dialect.line_end);
  head.remove_prefix(stated.bytes);
  Shape best;
  bool found = false;
  for (const std::string_view delimiter : kDelimiters) {
    if (stated.bytes != 0) break;
    CsvDialect candidate = dialect;
    candidate.delimiter = delimiter;
    if (delimiter == "::" || delimiter == " ") candidate.quote = 0;
    if (delimiter == " " && found && best.agreement > 0.8) continue;
    Shape shape = try_delimiter(head, candidate, is_whole_text);
    if (shape.cells < 2) continue;
    if (!found || shape.agreement > best.agreement + 1e-9) {
      best = std::move(shape);
      found = true;
    }
  }
  if (stated.bytes != 0) dialect.delimiter = stated.delimiter;
  if (!found) best = try_delimiter(head, dialect, is_whole_text);
  best.dialect.delimiter_stated = stated.bytes != 0;
  best.dialect.has_header = first_line_is_header(std::span(best.records).subspan(best.title));
  best.dialect.preamble = stated.bytes + (best.title > 0 ? best.begins[best.title] : 0);
  return best.dialect;
}

std::string_view delimiter_name(std::string_view delimiter) {
  if (delimiter == ",") return "comma";
  if (delimiter == ";") return "semicolon";
  if (delimiter == "\t") return "tab";
  if (delimiter == "|") return "pipe";
  if (delimiter == " ") return "blanks";
  if (delimiter == "::") return "double colon";
  return delimiter;
}

}  // namespace attune::events

#include "attune/deliver/send_list.h"

#include <algorithm>
#include <array>

#include "attune/base/files.h"
#include "attune/base/text.h"

namespace attune::deliver {
namespace {

bool is_plain_number(std::string_view text) {
  const bool signed_digits =
      text.size() > 1 && (text[0] == '+' || text[0] == '-') && text[1] >= '0' && text[1] <= '9';
  return signed_digits && std::ranges::all_of(text.substr(1), [](char c) {
           return (c >= '0' && c <= '9') || c == '.' || c == ',' || c == ' ';
         });
}

bool may_be_formula(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  constexpr std::string_view kBegins = "=+-@\t\r\n";
  constexpr std::array<std::string_view, 4> kWideBegins{"＝", "＋", "－", "＠"};
  const bool begins = !text.empty() && kBegins.find(text[0]) != kBegins.npos;
  return (begins && !is_plain_number(text)) ||
         std::ranges::any_of(kWideBegins, [&](auto begin) { return text.starts_with(begin); });
}

constexpr std::string_view kFirstColumns =
    "\xEF\xBB\xBFmessage,customer,address,campaign,treatment";

void append_cell(std::string& out, std::string_view text) {
  const bool formula = may_be_formula(text);
  if (!formula && text.find_first_of(",;\t\"\r\n'") == text.npos && trim(text) == text) {
    out += text;
    return;
  }
  out += formula ? "\"'" : "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

std::string csv_cell(std::string_view text) {
  std::string cell;
  append_cell(cell, text);
  return cell;
}

void SendList::add(const SendListRow& row, NamedFields fields) {
  append_cell(texts_, row.key);
  for (const auto& cell : {row.customer, row.address, row.campaign, row.treatment}) {
    texts_ += ',';
    append_cell(texts_, cell);
  }
  const std::uint64_t text_end = texts_.size();
  for (const auto& [name, text] : fields) {
    auto column = columns_.find(name);
    if (column == columns_.end())
      column = columns_.emplace(name, static_cast<std::uint32_t>(columns_.size())).first;
    append_cell(texts_, text);
    fields_.push_back({column->second, texts_.size()});
  }
  rows_.push_back({text_end, fields_.size()});
}

Status SendList::write(const std::filesystem::path& path) const {
  std::string out(kFirstColumns);
  std::vector<std::size_t> places(columns_.size());  // by order of first mention
  std::size_t place = 0;
  for (const auto& [name, column] : columns_) {
    places[column] = place++;
    out += ',' + csv_cell(name);
  }
  out += "\r\n";
  out.reserve(out.size() + texts_.size() + rows_.size() * (columns_.size() + 2));
  std::vector<std::string_view> cells(columns_.size());
  std::uint64_t begin = 0, field = 0;
  for (const Row& row : rows_) {
    out += std::string_view(texts_).substr(begin, row.text_end - begin);
    begin = row.text_end;
    std::ranges::fill(cells, std::string_view());
    for (; field < row.field_end; ++field) {
      const std::uint64_t end = fields_[field].end;
      cells[places[fields_[field].column]] = std::string_view(texts_).substr(begin, end - begin);
      begin = end;
    }
    for (const std::string_view cell : cells) {
      out += ',';
      out += cell;
    }
    out += "\r\n";
  }
  return write_file_durably(path, out, /*secret=*/true);
}

}  // namespace attune::deliver

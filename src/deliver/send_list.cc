#include "attune/deliver/send_list.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

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
  constexpr std::array kBegins{"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"};
  return !is_plain_number(text) && std::ranges::any_of(kBegins, [&](std::string_view begin) {
    return text.starts_with(begin);
  });
}

}  // namespace

std::string csv_cell(std::string_view text) {
  std::string cell = may_be_formula(text) ? "'" : "";
  cell += text;
  if (cell.find_first_of(",;\t\"\r\n'") == std::string::npos && trim(cell) == cell) return cell;
  std::string quoted_cell = "\"";
  for (const char c : cell) {
    if (c == '"') quoted_cell += '"';
    quoted_cell += c;
  }
  return quoted_cell + '"';
}

Status write_send_list(const std::filesystem::path& path, std::span<const std::string> field_names,
                       std::span<const SendListRow> rows) {
  std::string out = "\xEF\xBB\xBFmessage,customer,address,campaign,treatment";
  for (const std::string& name : field_names) out += ',' + csv_cell(name);
  out += "\r\n";
  for (const SendListRow& row : rows) {
    if (row.fields.size() != field_names.size()) {
      return std::unexpected(invalid_argument(
          fmt::format("the row of message '{}' has {} fields, there are {} names",
                      attune::quoted(row.key), row.fields.size(), field_names.size())));
    }
    out += fmt::format("{},{},{},{},{}", csv_cell(row.key), csv_cell(row.customer),
                       csv_cell(row.address), csv_cell(row.campaign), csv_cell(row.treatment));
    for (const std::string& field : row.fields) out += ',' + csv_cell(field);
    out += "\r\n";
  }
  return write_file_durably(path, out, /*secret=*/true);
}

}  // namespace attune::deliver

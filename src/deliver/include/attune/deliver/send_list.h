// A list for what a shop sends by hand. Answers: whom to write, call or hand what, as a file that a
// spreadsheet opens safely?
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/base/error.h"

namespace attune::deliver {

struct SendListRow {
  std::string_view key;       // of the message: comes back with the outcome
  std::string_view customer;  // the shop's own id
  std::string_view address;   // e-mail, telephone, postal: as the channel needs it
  std::string_view campaign;
  std::string_view treatment;
};

// A cell as [RFC4180] has it: quoted where needed. Text that a spreadsheet could read as a formula
// (it begins with = + - @, their full-width forms, a tab or a line end, after blanks too) gets an
// apostrophe in front, unless it is a plain number such as "-5", "+4.20" or "+49 170 1234".
std::string csv_cell(std::string_view text);

// Rows that come one after another, each with the fields that it has, as one file: UTF-8 with a
// byte order mark, a line of headers, lines ended by CRLF; whole or not there, and readable by its
// owner alone. Invariant: the columns are all fields named by any row, by name; a row without one
// has an empty cell. Memory: the text of the cells, and 40 bytes a row.
class SendList {
 public:
  using NamedFields = std::span<const std::pair<std::string_view, std::string_view>>;
  void add(const SendListRow& row, NamedFields fields);
  std::size_t size() const { return rows_.size(); }
  // Errors: those of write_file_durably.
  Status write(const std::filesystem::path& path) const;

 private:
  struct Field {
    std::uint32_t column = 0;  // in the order of first mention
    std::uint64_t end = 0;     // in texts_; begins where the one before ends
  };
  struct Row {
    std::uint64_t text_end = 0;   // of its first five cells, in texts_
    std::uint64_t field_end = 0;  // in fields_
  };
  std::map<std::string, std::uint32_t, std::less<>> columns_;
  std::string texts_;  // cells as the file has them
  std::vector<Field> fields_;
  std::vector<Row> rows_;
};

}  // namespace attune::deliver

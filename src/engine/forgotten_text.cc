#include "forgotten_text.h"

#include <string>

#include <boost/json.hpp>

#include "attune/base/files.h"
#include "attune/base/text.h"

namespace attune::engine {
namespace {

namespace json = boost::json;

constexpr std::string_view kDelimiters = ",;\t|";

// True where `found` is for any text or number of the document.
bool any_value(const json::value& value, const std::function<bool(std::string_view)>& found) {
  switch (value.kind()) {
    case json::kind::string:
      return found(std::string_view(value.as_string()));
    case json::kind::int64:
      return found(std::to_string(value.as_int64()));
    case json::kind::uint64:
      return found(std::to_string(value.as_uint64()));
    case json::kind::array:
      for (const json::value& one : value.as_array()) {
        if (any_value(one, found)) return true;
      }
      return false;
    case json::kind::object:
      for (const auto& member : value.as_object()) {
        if (any_value(member.value(), found)) return true;
      }
      return false;
    default:
      return false;
  }
}

// The end of the record that begins at `from`: behind its line break, which quotes may hide in a
// table's row.
std::size_t end_of_record(std::string_view text, std::size_t from, bool quotes) {
  bool quoted = false;
  for (std::size_t at = from; at < text.size(); ++at) {
    if (quotes && text[at] == '"') quoted = !quoted;
    if (text[at] == '\n' && !quoted) return at + 1;
  }
  return text.size();
}

}  // namespace

bool ForgottenText::is_one(std::string_view value) const {
  const std::string id = normalise_text(value);
  if (id.empty()) return false;
  for (const events::IdKind kind : {events::IdKind::customer, events::IdKind::anonymous}) {
    if (is_one_({kind, identity_->fingerprint(kind, id)})) return true;
  }
  return false;
}

// Lists for sending by hand have an apostrophe before what a spreadsheet would take for a formula.
bool ForgottenText::is_cell(std::string_view cell) const {
  return is_one(cell) || (cell.starts_with('\'') && is_one(cell.substr(1)));
}

bool ForgottenText::row_names(std::string_view row) const {
  std::string cell;
  bool quoted = false;
  for (const char c : row) {
    if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && kDelimiters.find(c) != kDelimiters.npos) {
      if (is_cell(cell)) return true;
      cell.clear();
    } else {
      cell += c;
    }
  }
  return is_cell(cell);
}

// Texts of a document that was cut short.
bool ForgottenText::literals_name(std::string_view text) const {
  for (std::size_t at = text.find('"'); at != text.npos; at = text.find('"', at)) {
    std::size_t end = at + 1;
    while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    if (end >= text.size()) return false;
    boost::system::error_code failure;
    const json::value value = json::parse(text.substr(at, end + 1 - at), failure);
    if (!failure && value.is_string() && is_one(std::string_view(value.as_string()))) return true;
    at = end + 1;
  }
  return false;
}

bool ForgottenText::names(std::string_view text) const {
  if (text.starts_with('{') || text.starts_with('[')) {
    boost::system::error_code failure;
    json::parse_options lenient;
    lenient.allow_invalid_utf8 = true;
    const json::value document = json::parse(text, failure, {}, lenient);
    if (!failure) return any_value(document, [&](std::string_view value) { return is_one(value); });
    if (literals_name(text)) return true;
  }
  return row_names(trim(text));
}

Result<std::int64_t> ForgottenText::clean(const std::filesystem::path& file) const {
  ATTUNE_ASSIGN_OR_RETURN(const std::string text, read_file(file));
  const bool table = file.extension() != ".jsonl";
  std::string kept;
  std::int64_t gone = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = end_of_record(text, at, table);
    const auto record = std::string_view(text).substr(at, end - at);
    if (names(record)) {
      ++gone;
    } else {
      kept += record;
    }
    at = end;
  }
  if (gone > 0) ATTUNE_RETURN_IF_ERROR(write_file_durably(file, kept, /*secret=*/true));
  return gone;
}

}  // namespace attune::engine

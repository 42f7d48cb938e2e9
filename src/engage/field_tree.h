// A file of fields, whatever it was written in: each value knows its place. Private to engage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"

namespace attune::engage {

inline constexpr int kMaxFieldDepth = 8;
inline constexpr std::size_t kMaxFieldsTogether = 256;  // of one table or list

struct FieldNode {
  enum class Kind : std::uint8_t { text, integer, real, flag, list, table };
  Kind kind = Kind::table;
  std::string place;  // "12:9" or "$.treatments[1].share"
  std::string text;   // also of dates
  std::int64_t integer = 0;
  double real = 0;
  bool flag = false;
  std::string key;                 // of a table's member
  std::vector<FieldNode> items;    // of a list
  std::vector<FieldNode> members;  // of a table, in the file's order
};

// "a text", "a whole number": for messages.
std::string_view with_article(FieldNode::Kind kind);

// What is wrong with a file, and where.
struct FieldProblem {
  std::string place;
  std::string message;
};
template <class T>
using FieldResult = std::expected<T, FieldProblem>;

// Errors: what is no TOML, a date or number out of range, deeper than kMaxFieldDepth.
FieldResult<FieldNode> read_toml_tree(std::string_view text);
// Errors: what is no JSON object, a field stated twice, null, deeper than kMaxFieldDepth.
FieldResult<FieldNode> read_json_tree(std::string_view text);

}  // namespace attune::engage

#include "json_append.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/compile.h>
#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/text.h"

namespace attune::decide {
namespace {

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text,
                             [](char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; });
}

}  // namespace

void append_text(std::string& out, std::string_view text) {
  if (is_plain(text)) {
    out += '"';
    out += text;
    out += '"';
    return;
  }
  const auto write = [&](std::string_view utf8) {
    out += boost::json::serialize(boost::json::string(utf8.data(), utf8.size()));
  };
  if (first_invalid_utf8(text)) {
    write(normalise_text(text));
  } else {
    write(text);
  }
}

void append_number(std::string& out, double number) {
  if (std::isfinite(number)) {
    fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}"), number);
  } else {
    out += "null";
  }
}

void append_member(std::string& out, std::string_view key, std::string_view text) {
  out += ",\"";
  out += key;
  out += "\":";
  append_text(out, text);
}

}  // namespace attune::decide

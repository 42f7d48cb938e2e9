// The request target taken apart. Answers: which path and which query do these bytes mean?
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/http/message.h"

namespace attune::http {

// %XX to bytes, and "+" to a blank where `form`. Absent when an escape is cut or not hexadecimal,
// or when the outcome is not UTF-8 or holds NUL.
std::optional<std::string> percent_decode(std::string_view text, bool form = false);

// Sets target, path and query from "/path?query", "http://host/path?query" or "*".
// Errors: invalid_argument.
Status read_target(std::string_view text, Request& request);

// The segments of a path as it came, each decoded: "/a%2Fb/c" is {"a/b", "c"}; "/" is {""}. Absent
// when it does not begin with a slash or cannot be decoded.
std::optional<std::vector<std::string>> split_path(std::string_view path);

}  // namespace attune::http

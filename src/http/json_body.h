// Bodies of the native doors. Answers: is this one JSON value, and does it say everything once?
#pragma once

#include <expected>
#include <string_view>

#include <boost/json/fwd.hpp>

#include "api_context.h"

namespace attune::http {

// An empty body counts as an empty object. Faults: not JSON, not UTF-8, nested deeper than 32
// levels, a name twice in one object (`field` is that name), a number that no double holds.
std::expected<boost::json::value, Fault> parse_body(std::string_view text);

}  // namespace attune::http

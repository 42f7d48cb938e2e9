#include "json_body.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>

#include "attune/base/text.h"

namespace attune::http {
namespace {

namespace json = boost::json;
using boost::system::error_code;

constexpr std::size_t kDepthMax = 32;

// Looks for a name that comes twice in one object, and for numbers that no double holds.
struct Watcher {
  // NOLINTBEGIN(readability-identifier-naming): Boost.JSON asks for these names.
  static constexpr std::size_t max_object_size = json::string::max_size();
  static constexpr std::size_t max_array_size = json::string::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();
  // NOLINTEND(readability-identifier-naming)

  std::vector<std::vector<std::string>> open;  // names of the objects around
  std::string name;                            // that is being read
  std::string last;                            // the name read last
  std::string twice, too_large;

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) {
    open.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, error_code&) {
    std::vector<std::string>& names = open.back();
    std::ranges::sort(names);
    const auto found = std::ranges::adjacent_find(names);
    if (found != names.end() && twice.empty()) twice = *found;
    open.pop_back();
    return true;
  }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(json::string_view part, std::size_t, error_code&) {
    name += part;
    return true;
  }
  bool on_key(json::string_view part, std::size_t, error_code&) {
    name += part;
    last = name;
    open.back().push_back(std::move(name));
    name.clear();
    return true;
  }
  bool on_string_part(json::string_view, std::size_t, error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, error_code&) { return true; }
  bool on_number_part(json::string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, error_code&) { return true; }
  bool on_double(double value, json::string_view, error_code&) {
    if (!std::isfinite(value) && too_large.empty()) too_large = last;
    return true;
  }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }
};

std::unexpected<Fault> refusal(std::string message, std::string_view field = {}) {
  return std::unexpected(fault(invalid_argument(std::move(message)), field));
}

}  // namespace

std::expected<json::value, Fault> parse_body(std::string_view text) {
  if (text.empty()) return json::value(json::object());
  json::parse_options options;
  options.max_depth = kDepthMax;
  error_code failure;
  json::basic_parser<Watcher> watching(options);
  watching.write_some(false, text.data(), text.size(), failure);
  const Watcher& seen = watching.handler();
  if (!failure && !seen.twice.empty()) {
    return refusal(fmt::format("'{}' comes twice in one object", attune::quoted(seen.twice)),
                   attune::quoted(seen.twice));
  }
  if (!failure && !seen.too_large.empty())
    return refusal("the number is too large", attune::quoted(seen.too_large));
  json::value value = json::parse(text, failure, {}, options);
  if (!failure) return value;
  if (const auto bad = first_invalid_utf8(text)) {
    return refusal(fmt::format("byte {} is 0x{:02X}; send UTF-8", *bad,
                               static_cast<unsigned>(static_cast<unsigned char>(text[*bad]))),
                   "body");
  }
  if (failure == json::error::too_deep)
    return refusal(fmt::format("at most {} levels lie in one another here", kDepthMax), "body");
  return refusal(fmt::format("the body is not JSON: {}; send an object", failure.message()),
                 "body");
}

}  // namespace attune::http

#include "segment_body.h"

#include <algorithm>

#include <fmt/format.h>
#include <simdjson.h>

#include "attune/base/text.h"
#include "json_check.h"
#include "json_cursor.h"

namespace attune::events::detail {
namespace {

constexpr std::size_t kPadding = 64;
static_assert(kPadding >= simdjson::SIMDJSON_PADDING);
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

struct SegmentBody::Parser {
  simdjson::dom::parser bodies;
  simdjson::dom::parser scalars;

  // The text has to be readable for kPadding bytes beyond its end.
  static simdjson::error_code run(simdjson::dom::parser& parser, std::string_view text) {
    if (parser.capacity() < text.size()) {
      // simdjson counts the level that it refuses.
      if (const auto code =
              parser.allocate(std::max<std::size_t>(text.size(), 4096), kJsonLevelsMax + 1)) {
        return code;
      }
    }
    return parser.parse(text.data(), text.size(), false).error();
  }
};

SegmentBody::SegmentBody() : parser_(std::make_unique<Parser>()) {}
SegmentBody::~SegmentBody() = default;

Result<std::string_view> SegmentBody::check(std::string_view body) {
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  has_bad_scalars_ = false;
  text_.assign(body);
  text_.append(kPadding, '\0');
  const std::string_view text(text_.data(), body.size());
  const simdjson::error_code code = Parser::run(parser_->bodies, text);
  if (code == simdjson::SUCCESS) return text;
  const bool scalar = code == simdjson::NUMBER_ERROR || code == simdjson::STRING_ERROR;
  if (!scalar || find_json_fault(text, kJsonLevelsMax)) return std::unexpected(explain(text, code));
  has_bad_scalars_ = true;
  return text;
}

Error SegmentBody::explain(std::string_view text, int code) const {
  if (trim(text).empty()) return invalid_argument("the body is empty; send one JSON object");
  if (const auto at = first_invalid_utf8(text)) {
    return invalid_argument(fmt::format("the body is not UTF-8: byte {} is 0x{:02X}; send UTF-8",
                                        *at, static_cast<unsigned char>(text[*at])));
  }
  if (const auto fault = find_json_fault(text, kJsonLevelsMax)) {
    if (fault->too_deep) {
      return invalid_argument(
          fmt::format("the body is nested deeper than {} levels, at byte {}; "
                      "send flatter objects",
                      kJsonLevelsMax, fault->at));
    }
    return invalid_argument(fmt::format("the body is not JSON, at byte {}: {}; before '{}'",
                                        fault->at, fault->what,
                                        quoted(text.substr(fault->at), 20)));
  }
  if (code == simdjson::DEPTH_ERROR) {
    return invalid_argument(fmt::format(
        "the body is nested deeper than {} levels; send flatter objects", kJsonLevelsMax));
  }
  return invalid_argument(
      fmt::format("the body is not JSON: {}; send one JSON object",
                  simdjson::error_message(static_cast<simdjson::error_code>(code))));
}

std::optional<BadScalar> SegmentBody::find_bad_scalar(std::string_view raw) {
  if (Parser::run(parser_->scalars, raw) == simdjson::SUCCESS) return std::nullopt;
  BadScalar found;
  std::string path;
  if (search(raw, path, found)) return found;
  return std::nullopt;
}

bool SegmentBody::search(std::string_view written, std::string& path, BadScalar& found) {
  const JsonKind kind = kind_of(written);
  if (kind == JsonKind::number || kind == JsonKind::string) return is_bad(written, path, found);
  if (kind != JsonKind::object && kind != JsonKind::array) return false;
  JsonCursor cursor(written.data());
  if (!cursor.open()) return false;
  const std::size_t own = path.size();
  std::size_t index = 0;
  do {
    path.resize(own);
    if (kind == JsonKind::array) {
      path += fmt::format("[{}]", index++);
    } else {
      const std::string_view key = cursor.key();
      if (own > 0) path += '.';
      append_unescaped(path, key);
      if (key.find('\\') != key.npos && is_bad(fmt::format("\"{}\"", key), path, found))
        return true;
    }
    if (search(cursor.value(), path, found)) return true;
  } while (cursor.next());
  path.resize(own);
  return false;
}

bool SegmentBody::is_bad(std::string_view scalar, std::string_view path, BadScalar& found) {
  constexpr std::size_t kSafeDigits = 15;
  const bool text = kind_of(scalar) == JsonKind::string;
  if (text && scalar.find('\\') == scalar.npos) return false;
  if (!text && scalar.size() <= kSafeDigits && scalar.find_first_of("eE") == scalar.npos)
    return false;
  probe_ = '[';
  probe_ += scalar;
  probe_ += ']';
  const std::size_t size = probe_.size();
  probe_.append(kPadding, '\0');
  if (Parser::run(parser_->scalars, {probe_.data(), size}) == simdjson::SUCCESS) return false;
  found.path = path;
  found.reason = text ? "bad_text" : "bad_number";
  found.message =
      text ? fmt::format("half a surrogate pair in {}; send whole characters", quoted(scalar))
           : fmt::format("{} is beyond what numbers hold; send it as a text", quoted(scalar));
  return true;
}

}  // namespace attune::events::detail

#include "segment_values.h"

#include <algorithm>

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::events::detail {
namespace {

std::string_view inner(std::string_view written) { return written.substr(1, written.size() - 2); }

bool says_something(std::string_view written) {
  switch (kind_of(written)) {
    case JsonKind::null:
      return false;
    case JsonKind::string: {
      const std::string_view text = trim(inner(written));
      return !text.empty() && !is_null_word(text);
    }
    default:
      return true;
  }
}

// JavaScript's undefined that became a text names nobody either.
bool is_nothing(std::string_view text) { return is_null_word(text) || text == "undefined"; }

}  // namespace

void SegmentValues::begin(const MessageParts& parts, std::size_t index, bool in_batch) {
  parts_ = &parts;
  index_ = index;
  in_batch_ = in_batch;
  line_ = 0;
  marks = 0;
}

SegmentKey SegmentValues::first_stated(const Members& members,
                                       std::initializer_list<SegmentKey> keys) {
  for (const SegmentKey key : keys) {
    if (members.has(key) && says_something(members[key])) return key;
  }
  return SegmentKey::unknown;
}

std::string_view SegmentValues::content(std::string_view written) {
  if (kind_of(written) != JsonKind::string) return written;
  const std::string_view text = inner(written);
  if (text.find('\\') == text.npos) return text;
  scratch_.clear();
  append_unescaped(scratch_, text);
  return arena_.keep(scratch_);
}

std::string_view SegmentValues::cleaned(std::string_view written) {
  bool changed = false;
  const std::string_view text = clean(content(written), arena_, changed);
  if (changed) marks |= bit(Mark::text_normalised);
  return text;
}

bool SegmentValues::identifier(Scope scope, const Members& members, SegmentKey key,
                               std::string_view& value) {
  value = {};
  if (key == SegmentKey::unknown || !members.has(key)) return true;
  const std::string_view written = members[key];
  const JsonKind kind = kind_of(written);
  if (kind != JsonKind::string && kind != JsonKind::number)
    return refuse_kind(scope, key, written, "a text or a number");
  std::string_view text = cleaned(written);
  if (kind == JsonKind::number) text = strip_float_suffix(text);
  if (is_nothing(text)) return true;
  if (text.size() > options_.max_id_bytes) {
    return refuse(scope, key, "too_long",
                  fmt::format("'{}' has {} bytes; an id holds at most {}", quoted(text),
                              text.size(), options_.max_id_bytes));
  }
  value = text;
  return true;
}

bool SegmentValues::text(Scope scope, const Members& members, SegmentKey key,
                         std::string_view& value) {
  value = {};
  if (key == SegmentKey::unknown || !members.has(key)) return true;
  const std::string_view written = members[key];
  const JsonKind kind = kind_of(written);
  if (kind == JsonKind::object || kind == JsonKind::array)
    return refuse_kind(scope, key, written, "a text");
  value = trim(content(written));
  return true;
}

bool SegmentValues::decimal(Scope scope, const Members& members, SegmentKey key,
                            std::optional<Decimal>& value) {
  if (key == SegmentKey::unknown || !members.has(key)) return true;
  const std::string_view written = members[key];
  const JsonKind kind = kind_of(written);
  if (kind != JsonKind::string && kind != JsonKind::number)
    return refuse_kind(scope, key, written, "a number");
  const std::string_view text = trim(content(written));
  if (text.empty()) return true;
  const auto read = parse_decimal(text);
  if (!read) {
    return refuse(scope, key, "bad_number",
                  read.error().message + "; write it like 1234.50, or leave it out");
  }
  value = *read;
  return true;
}

bool SegmentValues::minor(Scope scope, SegmentKey key, const Decimal& amount, double quantity,
                          int exponent, std::optional<std::int64_t>& value) {
  const auto read = to_minor(amount, quantity, exponent);
  if (!read) {
    return refuse(scope, key, "bad_number", read.error().message + "; check price and quantity");
  }
  value = *read;
  return true;
}

bool SegmentValues::amount(Scope scope, const Members& members, SegmentKey key,
                           std::optional<Decimal>& value, StatedCurrency& currency) {
  if (key == SegmentKey::unknown || !members.has(key)) return true;
  const std::string_view written = members[key];
  const JsonKind kind = kind_of(written);
  if (kind != JsonKind::string) return decimal(scope, members, key, value);
  const std::string_view text = trim(content(written));
  if (text.empty()) return true;
  const auto read = parse_amount(text, false, currency.value);
  if (!read) {
    const bool unknown = read.error().code == ErrorCode::not_found;
    return refuse(
        scope, key, unknown ? "unknown_currency" : "bad_number",
        read.error().message + (unknown ? "" : "; write it like 1234.50, or leave it out"));
  }
  value = read->number;
  if (!read->currency.known()) return true;
  if (currency.stated && read->currency != currency.value) {
    return refuse(
        scope, key, "two_currencies",
        fmt::format("'{}' is in {}, and the currency beside it is {}; correct one of them",
                    quoted(text), read->currency.to_string(), currency.value.to_string()));
  }
  if (!currency.stated && read->assumed) marks |= bit(Mark::currency_assumed);
  currency = {read->currency, true};
  return true;
}

bool SegmentValues::currency(Scope scope, const Members& members, StatedCurrency& currency) {
  std::string_view code;
  if (!text(scope, members, SegmentKey::currency, code)) return false;
  if (code.empty() || is_null_word(code)) return true;
  const auto read = Currency::parse(code);
  if (!read) return refuse(scope, SegmentKey::currency, "unknown_currency", read.error().message);
  currency = {*read, true};
  return true;
}

bool SegmentValues::time(Scope scope, const Members& members, SegmentKey key,
                         std::optional<TimeValue>& value) {
  if (!members.has(key)) return true;
  const std::string_view written = members[key];
  const JsonKind kind = kind_of(written);
  if (kind != JsonKind::string && kind != JsonKind::number)
    return refuse_kind(scope, key, written, "a time");
  const std::string_view text = content(written);
  if (trim(text).empty()) return true;
  TimeValue read;
  const TimeFault fault = times_.read(text, read);
  if (fault != TimeFault::none) {
    return refuse(scope, key, "bad_time",
                  times_.explain(text, fault) +
                      "; write 2026-11-22T05:09:00.000Z, or milliseconds since 1970");
  }
  value = read;
  return true;
}

bool SegmentValues::refuse_kind(Scope scope, SegmentKey key, std::string_view written,
                                std::string_view wanted) {
  return refuse(
      scope, key, "wrong_type",
      fmt::format("{} where {} belongs: {}", name(kind_of(written)), wanted, quoted(written)));
}

bool SegmentValues::refuse(Scope scope, SegmentKey key, std::string_view reason,
                           std::string_view message) {
  // A member of the batch itself stands in no message.
  if (scope == Scope::batch) return add(std::string(name(key)), reason, message);
  return refuse(path(scope, key), reason, message);
}

bool SegmentValues::refuse(std::string_view field, std::string_view reason,
                           std::string_view message) {
  if (!in_batch_) return add(std::string(field), reason, message);
  const std::string_view dot = field.empty() || field.starts_with('[') ? "" : ".";
  return add(fmt::format("batch[{}]{}{}", index_, dot, field), reason, message);
}

bool SegmentValues::add(std::string field, std::string_view reason, std::string_view message) {
  SegmentProblem& problem = out_->problems.emplace_back();
  problem.index = index_;
  problem.reason = reason;
  problem.message = field.empty() ? std::string(message) : fmt::format("{}: {}", field, message);
  problem.field = std::move(field);
  std::size_t size = std::min(parts_->raw.size(), options_.max_event_bytes);
  const auto inside = [&](std::size_t at) {
    return at < parts_->raw.size() && (static_cast<unsigned char>(parts_->raw[at]) & 0xC0) == 0x80;
  };
  while (size > 0 && inside(size)) --size;
  problem.raw = parts_->raw.substr(0, size);
  return false;
}

std::string SegmentValues::path(Scope scope, SegmentKey key) const {
  switch (scope) {
    case Scope::message:
    case Scope::batch:
      return std::string(name(key));
    case Scope::context:
      return fmt::format("context.{}", name(key));
    case Scope::page:
      return fmt::format("context.page.{}", name(key));
    case Scope::library:
      return fmt::format("context.library.{}", name(key));
    case Scope::properties:
      return fmt::format("properties.{}", name(key));
    case Scope::line:
      return fmt::format("properties.{}[{}].{}", name(parts_->lines_key), line_, name(key));
  }
  return {};
}

}  // namespace attune::events::detail

#include "row_maker.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "json_check.h"
#include "refusal.h"

namespace attune::events::detail {

namespace {

constexpr int kPropertiesDepthMax = 64;

bool is_json_object(std::string_view text) {
  return text.starts_with('{') && !find_json_fault(text, kPropertiesDepthMax);
}

// Cut at `mark`, where a backslash before the mark or another backslash makes it part of the value.
std::vector<std::string> split_escaped(std::string_view text, std::string_view mark) {
  std::vector<std::string> parts(1);
  while (!text.empty()) {
    const std::string_view rest = text.substr(1);
    std::size_t taken = 1;
    if (text[0] == '\\' && (rest.starts_with(mark) || rest.starts_with('\\'))) {
      const std::string_view kept = rest.starts_with(mark) ? mark : rest.substr(0, 1);
      parts.back() += kept;
      taken += kept.size();
    } else if (text.starts_with(mark)) {
      parts.emplace_back();
      taken = mark.size();
    } else {
      parts.back() += text[0];
    }
    text.remove_prefix(taken);
  }
  return parts;
}

}  // namespace

RowMaker::RowMaker(const Plan& plan, const Resolved& resolved, BatchState& state,
                   std::vector<Rejected>& refused)
    : plan_(plan),
      resolved_(resolved),
      state_(state),
      refused_(refused),
      time_reader_(plan.time_reader),
      shop_exponent_(plan.shop.currency.known() ? plan.shop.currency.exponent() : 2) {}

void RowMaker::begin(std::size_t record) {
  record_ = record;
  row_ = state_.records.row(record);
  marks = 0;
}

std::string_view RowMaker::identifier(Field field) {
  const CellSource& source = resolved_.at(field);
  if (!source.fed()) return {};
  const Cell found = cell_of(source, row_);
  if (found.text.empty()) return {};
  bool changed = false;
  std::string_view text = clean(found.text, state_.arena, changed);
  if (changed) marks |= bit(Mark::text_normalised);
  if (plan_.strip_float[static_cast<std::size_t>(field)]) text = strip_float_suffix(text);
  return text;
}

std::string_view RowMaker::plain(Field field) const {
  const CellSource& source = resolved_.at(field);
  return source.fed() ? trim(cell_of(source, row_).text) : std::string_view();
}

bool RowMaker::decimal(Field field, std::optional<Decimal>& value) {
  const CellSource& source = resolved_.at(field);
  if (!source.fed()) return true;
  const Cell found = cell_of(source, row_);
  if (found.text.empty()) return true;
  const auto read = read_decimal(found.text, plan_.decimal_comma[static_cast<std::size_t>(field)]);
  if (read) {
    value = *read;
    return true;
  }
  return refuse(found, field, "bad_number", read.error().message,
                "write it like 1234.50, or leave it empty");
}

bool RowMaker::real(Field field, std::optional<double>& value) {
  std::optional<Decimal> exact;
  if (!decimal(field, exact)) return false;
  if (exact) value = to_double(*exact);
  return true;
}

bool RowMaker::integer(Field field, std::optional<std::int64_t>& value) {
  std::optional<Decimal> exact;
  if (!decimal(field, exact)) return false;
  if (!exact) return true;
  std::int64_t rounded = 0;
  if (!minor(*exact, 1, 0, field, rounded)) return false;
  value = rounded;
  return true;
}

bool RowMaker::minor(const Decimal& decimal, double quantity, int exponent, Field field,
                     std::int64_t& value) {
  const auto amount = to_minor(decimal, quantity, exponent);
  if (amount) {
    value = *amount;
    return true;
  }
  return refuse(cell(field), field, "bad_number", amount.error().message,
                "check price and quantity");
}

bool RowMaker::currency(Currency& value, int& exponent) {
  const CellSource& source = resolved_.at(Field::currency);
  value = plan_.shop.currency;
  exponent = shop_exponent_;
  currency_from_ = CurrencyFrom::shop;
  if (!source.fed()) return true;
  const Cell found = cell_of(source, row_);
  if (found.text.empty()) return true;
  if (found.text != last_currency_text_) {
    const auto read = Currency::parse(trim(found.text));
    if (!read) {
      return refuse(found, Field::currency, "unknown_currency", read.error().message,
                    "write its ISO 4217 code, such as EUR");
    }
    last_currency_ = *read;
    last_exponent_ = last_currency_.exponent();
    last_currency_text_ = found.text;
  }
  value = last_currency_;
  exponent = last_exponent_;
  currency_from_ = found.column < 0 ? CurrencyFrom::mapping : CurrencyFrom::column;
  return true;
}

bool RowMaker::amount(Field field, std::optional<Decimal>& value, Currency& currency,
                      int& exponent) {
  const CellSource& source = resolved_.at(field);
  if (!source.fed()) return true;
  const Cell found = cell_of(source, row_);
  if (found.text.empty()) return true;
  const auto read =
      parse_amount(trim(found.text), plan_.decimal_comma[static_cast<std::size_t>(field)],
                   currency.known() ? currency : plan_.shop.reporting);
  if (!read) {
    const bool unknown = read.error().code == ErrorCode::not_found;
    return refuse(found, field, unknown ? "unknown_currency" : "bad_number", read.error().message,
                  unknown ? "write its ISO 4217 code, such as EUR"
                          : "write it like 1234.50, or leave it empty");
  }
  value = read->number;
  return !read->currency.known() || agree(found, field, *read, currency, exponent);
}

bool RowMaker::agree(const Cell& cell, Field field, const WrittenAmount& amount, Currency& currency,
                     int& exponent) {
  if (currency_from_ == CurrencyFrom::shop) {
    if (amount.currency != last_sign_) {
      last_sign_ = amount.currency;
      last_sign_exponent_ = last_sign_.exponent();
    }
    currency = last_sign_;
    exponent = last_sign_exponent_;
    currency_from_ = CurrencyFrom::amount;
    if (amount.assumed) marks |= bit(Mark::currency_assumed);
    return true;
  }
  if (currency_from_ == CurrencyFrom::mapping || amount.currency == currency) return true;
  return refuse(
      cell, field, "two_currencies",
      fmt::format(
          "'{}' is in {}, and the row's {} in {}", quoted(cell.text), amount.currency.to_string(),
          currency_from_ == CurrencyFrom::column ? "currency column says that it is" : "price is",
          currency.to_string()),
      fmt::format("correct one of them, or say --map \"currency='{}'\" for all rows",
                  currency.to_string()));
}

bool RowMaker::time(std::optional<TimeValue>& value) {
  const CellSource& source = resolved_.at(Field::time);
  if (!source.fed() || !time_reader_) return true;
  const Cell found = cell_of(source, row_);
  if (found.text.empty()) return true;
  if (last_time_text_.data() == nullptr || found.text != last_time_text_) {
    TimeValue read;
    const TimeFault fault = time_reader_->read(found.text, read);
    if (fault == TimeFault::not_a_time) {
      return refuse(found, Field::time, "unreadable_time", time_reader_->explain(found.text, fault),
                    "mend it, or name the column's format with --map time.format=…");
    }
    if (fault != TimeFault::none) {
      const bool marked = plan_.time_reader->format() == TimeFormat::month_first ||
                          plan_.time_reader->format() == TimeFormat::day_first;
      return refuse(found, Field::time, "impossible_time", time_reader_->explain(found.text, fault),
                    marked ? "correct it, or say --map time.format=day_first or month_first"
                           : "correct the date");
    }
    last_time_ = read;
    last_time_text_ = found.text;
  }
  value = last_time_;
  if (!last_time_.zoned && plan_.zone_assumed) marks |= bit(Mark::time_zone_assumed);
  if (last_time_.date_only) marks |= bit(Mark::date_only);
  return true;
}

bool RowMaker::type(int& value) {
  if (resolved_.constant_type) {
    value = *resolved_.constant_type;
    return true;
  }
  const Cell found = cell(Field::type);
  if (found.text.empty()) {
    return refuse(found, Field::type, "missing_type", "the row does not say what happened",
                  "fill it in, or map a constant: --map type=purchase");
  }
  for (const auto& [text, known] : seen_types_) {
    if (text == found.text) {
      value = known;
      return true;
    }
  }
  value = plan_.type_of(found.text);
  if (value == kUnknownType) {
    return refuse(found, Field::type, "unknown_type",
                  fmt::format("'{}' is not an event type{}", quoted(found.text),
                              did_you_mean(type_key(found.text), event_type_names())),
                  fmt::format("say what it means with --map \"type[{}]=TYPE\" (TYPE: purchase, "
                              "refund, view, …), or =ignore",
                              quoted(found.text)));
  }
  if (seen_types_.size() < 32) seen_types_.emplace_back(found.text, value);
  return true;
}

void RowMaker::split_attribute(std::string_view name, std::string_view text,
                               std::string_view mark) {
  const auto state = [&](std::string_view value) {
    if (!value.empty()) pending.push_back({name, value});
  };
  if (text.find('\\') != text.npos) {
    for (const std::string& part : split_escaped(text, mark)) state(state_.arena.keep(trim(part)));
    return;
  }
  while (!text.empty()) {
    const std::size_t cut = text.find(mark);
    state(trim(text.substr(0, cut)));
    if (cut == text.npos) return;
    text.remove_prefix(cut + mark.size());
  }
}

std::span<const Attribute> RowMaker::attributes(const std::vector<AttributeSource>& sources,
                                                bool& name_missing) {
  for (const AttributeSource& source : sources) {
    const Cell found = cell_of(source.source, row_);
    if (found.text.empty()) {
      name_missing = name_missing || source.is_name;
      continue;
    }
    if (!source.flagged.empty()) {
      if (parse_boolean(trim(found.text)).value_or(false))
        pending.push_back({source.name, source.flagged});
      continue;
    }
    bool changed = false;
    const std::string_view text = clean(found.text, state_.arena, changed);
    if (changed) marks |= bit(Mark::text_normalised);
    if (source.source.split.empty()) {
      if (!text.empty()) pending.push_back({source.name, text});
    } else {
      split_attribute(source.name, text, source.source.split);
    }
  }
  const auto kept = state_.arena.keep(pending);
  pending.clear();
  return kept;
}

std::string_view RowMaker::properties_json() {
  json_.clear();
  const auto state = [&](std::string_view name, std::string_view text) {
    json_ += json_.empty() ? '{' : ',';
    append_json_string(json_, name);
    json_ += ':';
    append_json_string(json_, text);
  };
  // A cell that holds the whole object, as an export writes it; text of another kind is a property.
  if (const std::string_view whole = plain(Field::properties); is_json_object(whole)) {
    const std::string_view members = trim(whole.substr(1, whole.size() - 2));
    if (!members.empty()) json_ = "{" + std::string(members);
  } else if (!whole.empty()) {
    state("properties", whole);
  }
  for (const AttributeSource& source : resolved_.properties) {
    const Cell found = cell_of(source.source, row_);
    if (!found.text.empty()) state(source.name, found.text);
  }
  if (json_.empty()) return {};
  json_ += '}';
  return state_.arena.keep(json_);
}

std::string RowMaker::column_name(const Cell& cell, Field field) const {
  for (const auto& [mapped, source] : plan_.mapping.fields) {
    if (mapped != name(field) || source.columns.empty()) continue;
    // Of several columns, the one this cell came from is the k-th that the file has.
    const auto& columns = resolved_.at(field).columns;
    const auto at = std::ranges::find(columns, static_cast<std::uint32_t>(cell.column));
    const auto index = static_cast<std::size_t>(at - columns.begin());
    return columns.size() == source.columns.size() && at != columns.end() ? source.columns[index]
                                                                          : source.columns[0];
  }
  return std::string(name(field));
}

bool RowMaker::refuse(const Cell& cell, Field field, std::string_view reason, std::string_view what,
                      std::string_view remedy) {
  const RecordPlace& place = state_.records.place(record_);
  Rejected refused;
  refused.line = place.line;
  const char* const begin = place.raw.data();
  const char* const at = cell.text.data();
  const bool inside = cell.column >= 0 && at >= begin && at < begin + place.raw.size();
  if (inside) {
    const std::string_view before = place.raw.substr(0, static_cast<std::size_t>(at - begin));
    const std::size_t line_start = before.rfind('\n') + 1;
    refused.line += std::ranges::count(before, '\n');
    refused.column = column_of(place.raw.substr(line_start), before.size() - line_start);
  }
  refused.reason = reason;
  refused.message = refusal_message(plan_.file, refused.line, refused.column,
                                    fmt::format("{}: {}", column_name(cell, field), what), remedy);
  refused.raw = cut_raw(place.raw);
  refused.cells.assign(row_.begin(), row_.end());
  refused_.push_back(std::move(refused));
  return false;
}

}  // namespace attune::events::detail

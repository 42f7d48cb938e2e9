// Reads the fields of one row after another. The parts that events, items and customers share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/events/event.h"
#include "attune/events/record.h"
#include "plan.h"

namespace attune::events::detail {

// Every read returns false after it has refused the row: the caller gives it up.
class RowMaker {
 public:
  RowMaker(const Plan& plan, const Resolved& resolved, BatchState& state,
           std::vector<Rejected>& refused);

  void begin(std::size_t record);
  std::size_t record() const { return record_; }

  bool fed(Field field) const { return resolved_.at(field).fed(); }
  Cell cell(Field field) const { return cell_of(resolved_.at(field), row_); }
  std::string_view identifier(
      Field field);  // cleaned, without ".0" where the column is float-typed
  std::string_view plain(Field field) const;  // only trimmed: free text
  bool decimal(Field field, std::optional<Decimal>& value);
  bool real(Field field, std::optional<double>& value);
  bool integer(Field field, std::optional<std::int64_t>& value);
  // `exponent`: digits of its minor unit, 2 where no currency is known.
  bool currency(Currency& value, int& exponent);
  // An amount, whose sign or code is the row's currency where nothing else states one. After
  // `currency`, with what that gave.
  bool amount(Field field, std::optional<Decimal>& value, Currency& currency, int& exponent);
  bool time(std::optional<TimeValue>& value);
  bool type(int& value);
  bool minor(const Decimal& decimal, double quantity, int exponent, Field field,
             std::int64_t& value);
  // Stated attributes, kept in the arena. `name_missing` is set when "item.name" is fed and this
  // row has none.
  std::span<const Attribute> attributes(const std::vector<AttributeSource>& sources,
                                        bool& name_missing);
  void split_attribute(std::string_view name, std::string_view text, std::string_view mark);
  std::string_view properties_json();

  bool refuse(const Cell& cell, Field field, std::string_view reason, std::string_view what,
              std::string_view remedy);

  std::uint32_t marks = 0;
  std::vector<Attribute> pending;  // attributes being gathered

 private:
  // Who says what the row's currency is.
  enum class CurrencyFrom : std::uint8_t { shop, mapping, column, amount };

  bool agree(const Cell& cell, Field field, const WrittenAmount& amount, Currency& currency,
             int& exponent);
  std::string column_name(const Cell& cell, Field field) const;

  const Plan& plan_;
  const Resolved& resolved_;
  BatchState& state_;
  std::vector<Rejected>& refused_;
  std::optional<TimeReader> time_reader_;
  int shop_exponent_;
  std::size_t record_ = 0;
  std::span<const std::string_view> row_;
  std::string_view last_time_text_;
  TimeValue last_time_;
  std::vector<std::pair<std::string, int>> seen_types_;
  std::string_view last_currency_text_;
  Currency last_currency_;
  int last_exponent_ = 2;
  CurrencyFrom currency_from_ = CurrencyFrom::shop;
  Currency last_sign_;  // that an amount stated
  int last_sign_exponent_ = 2;
  std::string json_;
};

}  // namespace attune::events::detail

// What a file's columns mean. Answers: which column gives the customer, the item, the time, and why
// do we think so?
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/events/event.h"
#include "attune/events/record.h"
#include "attune/events/values.h"

namespace attune::events {

enum class Kind : std::uint8_t { events, items, customers };
std::string_view name(Kind kind);
// Errors: invalid_argument naming the nearest.
Result<Kind> parse_kind(std::string_view text);

// The fields a column may feed. Events: customer, anonymous, item, time, type, order, quantity,
// price, value, currency, rating, duration_ms, channel, source, session, event_id, decision, text,
// url, properties (a cell that holds a whole JSON object). Items: id, name, category, brand, price,
// currency, stock, time (from when it holds), url. Customers: id, anonymous, previous, time.
// Besides, any name after "item.", "customer." and "properties." (events), or after "item." (items)
// and "customer." (customers): "item.name", "customer.country", "properties.*".
std::span<const std::string> field_names(Kind kind);

// Where a field comes from: the first of `columns` that the file has and the row states, else the
// constant.
struct FieldSource {
  std::vector<std::string>
      columns;  // "traits.*" feeds a field that ends in ".*"; "*" every column not used elsewhere
  std::optional<std::string> constant;
  std::string unless;  // leaves the field missing in rows that state this column
  // Attributes: cuts the cell into several values of one name. A backslash before the mark, or
  // before another backslash, makes it part of the value.
  std::string split;
  // Attributes: where each of `columns` holds 1, true or yes, the value of its place here is one of
  // the row's. Empty: cells hold the values.
  std::vector<std::string> flags;
  bool lenient = false;  // of a preset: a file without these columns is fine
  friend bool operator==(const FieldSource&, const FieldSource&) = default;
};

enum class NegativeQuantity : std::uint8_t {
  cancels,     // the line takes a purchase back: refund, positive amounts, Mark::cancelled
  correction,  // a correction of stock: refund, positive amounts, Mark::negative_quantity
  keep,        // stays as written
};

// A mapping is a value: built from `--map`, a preset or inference, merged, shown, and stored with
// the import.
struct Mapping {
  Kind kind = Kind::events;
  std::string preset;                         // its name, if one was used
  std::map<std::string, FieldSource> fields;  // by field
  std::map<std::string, std::string>
      types;  // "pv" → "view"; "ignore" leaves rows of that type out. Keys as type_key() gives
  std::optional<TimeFormat> time_format;  // else chosen over the sample
  std::string time_zone;  // of times that name none; empty: the shop's, and marked as assumed
  std::string cancelled_prefix;  // an order id that begins so is a cancellation ("C536379")
  std::optional<NegativeQuantity> negative_quantity;  // absent: cancels
  std::optional<bool>
      item_optional;    // true: rows without item are kept even where the type is about items
  ReadOptions reading;  // what the file needs to be read rightly: explode, delimiter, names …
  friend bool operator==(const Mapping&, const Mapping&) = default;

  bool has(std::string_view field) const { return fields.contains(std::string(field)); }
};

// Types are compared without case, and with blanks, '-' and '_' alike: "Order Completed" =
// "order_completed".
std::string type_key(std::string_view text);

// Reads `--map` text: comma-separated field=column. A column may be in double quotes; a|b takes the
// first that is there; 'text' in single quotes is a constant, and so is a bare word that no column
// is called for type, currency, channel and source. Besides: type[pv]=view, value[unless]=COLUMN,
// item.category[split]='|', item.category[flag action]=Action, time.format=day_first,
// time.zone=Asia/Shanghai, order.cancelled_prefix=C, quantity.negative=cancels|correction|keep,
// item.optional=true, explode=PATH. Whether the columns are there is checked later, against the
// file. Errors: invalid_argument naming the piece, its position and the nearest field.
Result<Mapping> parse_mapping(Kind kind, std::string_view text);
// Text that parse_mapping reads to the same mapping (without preset and reading options).
std::string print_mapping(const Mapping& mapping);

// What `over` states replaces what `under` states, field by field.
Mapping merge(const Mapping& under, const Mapping& over);
ReadOptions merge(const ReadOptions& under, const ReadOptions& over);

// Presets: TOML files in a folder, one a source, "online-retail.toml". A preset may hold several
// mappings; the first of the kind wanted whose `needs` columns the file has is taken.
// ATTUNE_PRESETS, else <executable>/presets, <executable>/../share/attune/presets,
// <executable>/../../presets and upwards. Errors: not_found naming the places looked at.
Result<std::filesystem::path> find_presets();
std::vector<std::string> list_presets(const std::filesystem::path& folder);

class Preset {
 public:
  // Errors: not_found listing the presets that are there; invalid_argument naming file, line and
  // key.
  static Result<Preset> load(const std::filesystem::path& folder, std::string_view name);
  static Result<Preset> parse(std::string_view toml, std::string_view name);

  const std::string& name() const { return name_; }
  const std::string& title() const { return title_; }
  // What the file needs before its columns are known. Errors: failed_precondition if the preset has
  // nothing of that kind.
  Result<ReadOptions> reading(Kind kind) const;
  // Errors: failed_precondition naming the columns that every candidate misses.
  Result<Mapping> mapping(Kind kind, std::span<const std::string> columns) const;

 private:
  struct Candidate {
    Mapping mapping;
    std::vector<std::string> needs;
  };
  std::string name_;
  std::string title_;
  std::vector<Candidate> candidates_;
};

// One guess of inference.
struct FieldGuess {
  std::string field;
  std::string column;  // empty for a constant
  std::string constant;
  double confidence = 0;  // 0 to 1
  std::string reason;
};
// A required field that no column seems to give, and what to say: "--map time=COLUMN".
struct MissingField {
  std::string field;
  std::string remedy;
};
struct Inference {
  Mapping mapping;
  std::vector<FieldGuess> guesses;
  std::vector<std::string> unused;  // columns that feed nothing
  std::vector<MissingField> missing;
  std::vector<std::string> notes;  // columns that are not what they are called, a line each
};
// Guesses from column names (English and Chinese) and from the values of a sample. `stated` is what
// the user said already and is not guessed again.
Inference infer_mapping(Kind kind, std::span<const std::string> columns, const RecordBatch& sample,
                        const Mapping& stated = {});
// A table for a terminal: field, column, an example, confidence in words, reason.
std::string print_inference(const Inference& inference, std::span<const std::string> columns,
                            const RecordBatch& sample);

// The place of a column: its name as it stands, else without regard to ASCII case.
std::optional<std::size_t> find_column(std::span<const std::string> columns, std::string_view name);

// Bare words of type, currency, channel and source that name no column become constants.
Mapping with_constants(Mapping mapping, std::span<const std::string> columns);

// Checks that every column named is one of the file's and every required field has a source.
// Errors: invalid_argument naming the field, the column, the nearest column and the `--map` to
// give.
Status check_mapping(const Mapping& mapping, std::span<const std::string> columns,
                     std::string_view file);

}  // namespace attune::events

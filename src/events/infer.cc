// Guesses what columns mean from what they are called and what they hold.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/events/mapping.h"
#include "attune/events/quarantine.h"
#include "column_profile.h"
#include "synonyms.h"

namespace attune::events {
namespace {

constexpr double kNamedWeightMin = .9;     // of a word that means its field and nothing else
constexpr double kItemNameMin = .95;       // of a word that is no page's title and no buyer's name
constexpr std::size_t kOrdersOfLines = 3;  // orders with several lines that tell of their totals

// What is taken off, added to or given back of an amount is not the amount.
bool is_part_of_amount(std::string_view key) {
  static constexpr std::array<std::string_view, 13> kParts{
      "discount", "tax",  "shipping", "fee",  "refund", "compare", "coupon",
      "优惠",     "运费", "折扣",     "税额", "积分",   "退款"};
  return std::ranges::any_of(kParts, [&](std::string_view part) { return key.contains(part); });
}

double name_support(const FieldSynonym& synonym, const std::string& key) {
  if (key == synonym.word) return synonym.weight;
  if ((synonym.field == "value" || synonym.field == "price") && is_part_of_amount(key)) return 0;
  const bool ascii = static_cast<unsigned char>(synonym.word[0]) < 0x80;
  const std::size_t least = ascii ? 5 : 6;
  if (synonym.word == "anonymous" || synonym.word.size() < least ||
      key.size() < synonym.word.size())
    return 0;
  if (key.ends_with(synonym.word)) return synonym.weight * .6;
  return !ascii && key.find(synonym.word) != key.npos ? synonym.weight * .5 : 0;
}

struct Candidate {
  double score;
  std::size_t column;
  std::string_view field;
  std::string reason;
};

class Guesser {
 public:
  Guesser(Kind kind, std::span<const std::string> columns, const RecordBatch& sample,
          const Mapping& stated)
      : kind_(kind), columns_(columns), sample_(sample), used_(columns.size()) {
    result_.mapping = stated;
    result_.mapping.kind = kind;
    for (std::size_t i = 0; i < columns.size(); ++i) profiles_.push_back(profile_column(sample, i));
    if (kind == Kind::events) constant_type();
    for (const auto& [field, source] : result_.mapping.fields) {
      for (const std::string& column : source.columns) {
        if (const auto at = find_column(columns, column)) used_[*at] = true;
      }
    }
  }

  Inference guess() {
    if (kind_ == Kind::items) lists_of_export();
    if (kind_ == Kind::events) events_of_export();
    by_names();
    if (!result_.mapping.has("time")) time_by_values();
    if (kind_ == Kind::events) {
      orders_by_values();
      order_totals();
      items_by_name();
      if (!result_.mapping.has("type")) type_by_fields();
      if (result_.mapping.cancelled_prefix.empty()) cancelled_prefix();
      unused_states();
    }
    name_missing();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const bool rest = kind_ == Kind::items && result_.mapping.has("item.*");
      if (!used_[i] && !rest && !columns_[i].starts_with("attune_"))
        result_.unused.push_back(columns_[i]);
    }
    return std::move(result_);
  }

 private:
  // "type=rating" beside a column of ratings: the word is meant, not the column.
  void constant_type() {
    const auto type = result_.mapping.fields.find("type");
    if (type == result_.mapping.fields.end() || type->second.constant || type->second.lenient ||
        type->second.columns.size() != 1 || !result_.mapping.types.empty()) {
      return;
    }
    const std::string word = type->second.columns[0];
    const auto column = find_column(columns_, word);
    if (!column || !parse_event_type(word) || profiles_[*column].cells.empty() ||
        std::ranges::any_of(profiles_[*column].cells, is_type_word)) {
      return;
    }
    type->second.constant = word;
    type->second.columns.clear();
    result_.guesses.push_back(
        {"type", "", word, 1,
         fmt::format("the word, as column '{}' holds no types", quoted(columns_[*column], 30))});
  }

  // Events that this program exported: it took each of them once, with an item or without.
  void events_of_export() {
    static constexpr std::array kColumns{"event_id",          "time",         "type",
                                         "customer_id",       "anonymous_id", "item_id",
                                         "recommendation_id", "duration_ms"};
    const bool exported = std::ranges::all_of(kColumns, [&](const char* name) {
      return std::ranges::find(columns_, std::string_view(name)) != columns_.end();
    });
    if (!exported || result_.mapping.item_optional) return;
    result_.mapping.item_optional = true;
    result_.guesses.push_back({"item.optional", "", "true", 1, "an export of events"});
  }

  // Items that this program exported: several values of a cell stand between marks, and every
  // column says something of the item.
  void lists_of_export() {
    const auto exact = [&](std::string_view name) {
      return std::ranges::find(columns_, name) != columns_.end();
    };
    if (!exact("item_id") || !exact("valid_from") || !exact("category")) return;
    const auto take_list = [&](std::string_view field, std::string_view column) {
      if (result_.mapping.has(field)) return;
      FieldSource& source = result_.mapping.fields[std::string(field)];
      source.columns = {std::string(column)};
      source.split = "|";
      result_.guesses.push_back({std::string(field), std::string(column), "", 1,
                                 "an export of items; values stand between '|'"});
    };
    take_list("category", "category");
    take_list("item.*", "*");
    used_[*find_column(columns_, "category")] = true;
  }

  void by_names() {
    std::vector<Candidate> candidates;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string key = name_key(columns_[i]);
      for (const FieldSynonym& synonym : field_synonyms(kind_)) {
        const double named = name_support(synonym, key);
        if (named <= 0) continue;
        const bool exact = key == synonym.word;
        const Support support =
            value_support(synonym.field, profiles_[i], exact && named >= kNamedWeightMin);
        const double score = named * support.factor;
        if (score < .3) continue;
        candidates.push_back(
            {score, i, synonym.field,
             fmt::format("{}; {}", exact ? "its name says so" : "its name ends so", support.why)});
      }
    }
    std::ranges::stable_sort(candidates, std::ranges::greater(), &Candidate::score);
    for (const Candidate& candidate : candidates) {
      if (used_[candidate.column] || result_.mapping.has(candidate.field)) continue;
      take(candidate.field, candidate.column, candidate.score, candidate.reason);
    }
  }

  void orders_by_values() {
    for (std::size_t i = 0; i < columns_.size() && !result_.mapping.has("order"); ++i) {
      if (!used_[i] && profiles_[i].order_numbers)
        take("order", i, .8, "its values are numbers of orders");
    }
  }

  // Where lines of orders tell items by name, or by a code that some lack, the name serves as id.
  void items_by_name() {
    const auto named = std::ranges::find(result_.guesses, "item.name", &FieldGuess::field);
    const bool sold = column_of("order") || column_of("price") || column_of("quantity");
    if (!sold || named == result_.guesses.end() || named->confidence < kItemNameMin) return;
    const auto name = column_of("item.name");
    const auto code = column_of("item");
    const auto guessed = std::ranges::find(result_.guesses, "item", &FieldGuess::field);
    if (!result_.mapping.has("item"))
      return take("item", *name, .6, "no column of ids; names tell items apart");
    if (!code || guessed == result_.guesses.end() || profiles_[*code].on_every_row) return;
    result_.mapping.fields["item"].columns.push_back(columns_[*name]);
    guessed->reason += fmt::format("; '{}' where that is empty", quoted(columns_[*name], 30));
  }

  // A state that nobody reads may say that an order was never paid.
  void unused_states() {
    if (!result_.mapping.has("order")) return;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string key = name_key(columns_[i]);
      const bool state = key.ends_with("status") || key.ends_with("状态");
      if (!state || used_[i] || profiles_[i].distinct < 2) continue;
      const std::string name = quoted(columns_[i], 30);
      result_.notes.push_back(fmt::format(
          "'{}' is not read, and rows count whatever it says; where it says that nothing was "
          "bought, {}",
          name,
          profiles_[i].on_every_row
              ? fmt::format("--map \"type={},type[{}]=purchase,type[OTHER]=ignore\"", name,
                            quoted(profiles_[i].cells[0], 30))
              : "take these rows out of the file"));
    }
  }

  // What an order came to, on each of its lines or on its first alone, is no line's value: summed,
  // it would count as often as the order has lines, or beside what the others say.
  void order_totals() {
    const auto order = column_of("order");
    const auto value = column_of("value");
    const auto guessed = std::ranges::find(result_.guesses, "value", &FieldGuess::field);
    if (!order || !value || guessed == result_.guesses.end()) return;
    std::map<std::string_view, std::size_t> first_lines;
    std::set<std::string_view> several, totals;
    std::size_t first_only = 0;  // lines without, of orders whose first has one
    for (std::size_t i = 0; i < sample_.rows(); ++i) {
      const std::string_view id = trim(sample_.row(i)[*order]);
      const std::string_view cell = trim(sample_.row(i)[*value]);
      if (id.empty()) continue;
      const auto [known, fresh] = first_lines.try_emplace(id, i);
      if (cell.empty()) {
        first_only += !fresh && !trim(sample_.row(known->second)[*value]).empty();
        continue;
      }
      totals.insert(cell);
      if (fresh || std::ranges::equal(sample_.row(known->second), sample_.row(i))) continue;
      if (trim(sample_.row(known->second)[*value]) != cell) return;  // lines have their own values
      several.insert(id);
    }
    const bool on_each = several.size() >= kOrdersOfLines && totals.size() >= kOrdersOfLines;
    const bool priced = result_.mapping.has("price");
    const bool on_first = several.empty() && first_only > 0 && priced;
    const std::string key = name_key(columns_[*value]);
    const bool by_name = priced && (key.starts_with("order") || key.starts_with("订单"));
    if (!on_each && !on_first && !by_name) return;
    result_.notes.push_back(fmt::format(
        "'{0}' is not taken as value: it {1}, so it seems to be what the order came to; --map "
        "\"value={0}\" takes it for each line all the same",
        quoted(columns_[*value], 30),
        on_each    ? fmt::format("is the same on every line of each of {} orders", several.size())
        : on_first ? "stands on the first line of orders alone"
                   : "is called an order's, beside a price"));
    result_.guesses.erase(guessed);
    result_.mapping.fields.erase("value");
    used_[*value] = false;
  }

  void time_by_values() {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (used_[i] || profiles_[i].cells.empty() || profiles_[i].times < .95) continue;
      if (!best || profiles_[i].times > profiles_[*best].times) best = i;
    }
    if (!best || kind_ != Kind::events) return;
    take("time", *best, .5,
         fmt::format("the only one whose values are times ({})",
                     name(profiles_[*best].time.format)));
  }

  void type_by_fields() {
    const auto constant = [&](std::string word, std::string reason) {
      result_.mapping.fields["type"].constant = word;
      result_.guesses.push_back({"type", "", std::move(word), .7, std::move(reason)});
    };
    for (const char* field : {"order", "price", "value", "quantity"}) {
      if (!result_.mapping.has(field)) continue;
      return constant("purchase", fmt::format("no column says; rows with {} are purchases", field));
    }
    if (result_.mapping.has("rating"))
      constant("rating", "no column says; rows with a rating are ratings");
  }

  // "C536379" with a negative quantity, beside "536365": an invoice that takes another back.
  void cancelled_prefix() {
    const auto order = column_of("order");
    const auto quantity = column_of("quantity");
    if (!order || !quantity) return;
    std::size_t prefixed = 0;
    std::size_t negative = 0;
    for (std::size_t i = 0; i < sample_.rows(); ++i) {
      const std::string_view id = trim(sample_.row(i)[*order]);
      if (id.size() < 2 || id[0] != 'C' || id[1] < '0' || id[1] > '9') continue;
      ++prefixed;
      negative += trim(sample_.row(i)[*quantity]).starts_with('-');
    }
    if (prefixed == 0 || negative != prefixed || prefixed * 2 > sample_.rows()) return;
    result_.mapping.cancelled_prefix = "C";
    if (!result_.mapping.negative_quantity) {
      result_.mapping.negative_quantity = NegativeQuantity::correction;
    }
    result_.guesses.push_back(
        {"order.cancelled_prefix", "", "C", .9,
         fmt::format("all {} orders of the sample that begin so have negative quantities",
                     prefixed)});
  }

  std::optional<std::size_t> column_of(std::string_view field) const {
    const auto found = result_.mapping.fields.find(std::string(field));
    if (found == result_.mapping.fields.end() || found->second.columns.empty()) return std::nullopt;
    return find_column(columns_, found->second.columns[0]);
  }

  void name_missing() {
    const auto need = [&](std::string_view field) {
      if (!result_.mapping.has(field))
        result_.missing.push_back({std::string(field), fmt::format("--map {}=COLUMN", field)});
    };
    if (kind_ != Kind::events) return need("id");
    need("time");
    if (!result_.mapping.has("type"))
      result_.missing.push_back({"type", "--map type=COLUMN, or type=view, type=purchase …"});
    if (!result_.mapping.has("customer") && !result_.mapping.has("anonymous") &&
        !result_.mapping.has("item")) {
      need("customer");
      need("item");
    }
  }

  void take(std::string_view field, std::size_t column, double score, std::string reason) {
    used_[column] = true;
    result_.mapping.fields[std::string(field)].columns = {columns_[column]};
    result_.guesses.push_back({std::string(field), columns_[column], "", score, std::move(reason)});
  }

  Kind kind_;
  std::span<const std::string> columns_;
  const RecordBatch& sample_;
  std::vector<bool> used_;
  std::vector<ColumnProfile> profiles_;
  Inference result_;
};

// Columns that are called as an amount is, but hold too few numbers to be taken for one.
std::string amounts_left_out(const Mapping& mapping, std::span<const std::string> columns,
                             const RecordBatch& sample) {
  std::string notes;
  for (std::size_t i = 0; i < std::min(columns.size(), sample.columns()); ++i) {
    const std::string key = name_key(columns[i]);
    for (const FieldSynonym& synonym : field_synonyms(mapping.kind)) {
      if (synonym.word != key || synonym.weight < kNamedWeightMin || !is_numeric(synonym.field) ||
          mapping.has(synonym.field)) {
        continue;
      }
      const ColumnProfile profile = profile_column(sample, i);
      if (profile.cells.empty() || profile.numeric >= kNumericMinNamed) continue;
      notes += fmt::format(
          "'{}' is not taken as {}: {} of its values are numbers; --map \"{}={}\" takes it, and "
          "sets "
          "the other rows aside\n",
          quoted(columns[i], 30), synonym.field, percent(profile.numeric), synonym.field,
          columns[i]);
    }
  }
  return notes;
}

std::string_view in_words(double confidence) {
  return confidence >= .85 ? "sure" : confidence >= .55 ? "likely" : "a guess";
}

std::string padded(std::string text, int width) {
  const int missing = width - display_width(text);
  if (missing > 0) text.append(static_cast<std::size_t>(missing), ' ');
  return text;
}

std::string_view example_of(const std::string& column, std::span<const std::string> columns,
                            const RecordBatch& sample) {
  const auto at = find_column(columns, column);
  if (!at || *at >= sample.columns()) return {};
  for (std::size_t i = 0; i < sample.rows(); ++i) {
    const std::string_view cell = trim(sample.row(i)[*at]);
    if (!cell.empty()) return cell;
  }
  return {};
}

}  // namespace

Inference infer_mapping(Kind kind, std::span<const std::string> columns, const RecordBatch& sample,
                        const Mapping& stated) {
  return Guesser(kind, columns, sample, with_constants(stated, columns)).guess();
}

std::string print_inference(const Inference& inference, std::span<const std::string> columns,
                            const RecordBatch& sample) {
  std::vector<std::array<std::string, 5>> lines{{"field", "column", "example", "how sure", "why"}};
  for (const FieldGuess& guess : inference.guesses) {
    const bool constant = guess.column.empty();
    lines.push_back({guess.field,
                     constant ? fmt::format("'{}'", guess.constant) : quoted(guess.column, 30),
                     constant ? "" : quoted(example_of(guess.column, columns, sample), 24),
                     std::string(in_words(guess.confidence)), guess.reason});
  }
  std::array<int, 5> widths{};
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], display_width(line[i]));
  }
  std::string table;
  for (const auto& line : lines) {
    for (std::size_t i = 0; i + 1 < line.size(); ++i) table += padded(line[i], widths[i] + 2);
    table += line.back() + "\n";
  }
  if (!inference.unused.empty()) {
    table += fmt::format("not used: {}\n",
                         quoted(fmt::format("{}", fmt::join(inference.unused, ", ")), 200));
  }
  table += amounts_left_out(inference.mapping, columns, sample);
  for (const std::string& note : inference.notes) table += note + "\n";
  for (const MissingField& missing : inference.missing)
    table += fmt::format("not found: say {}\n", missing.remedy);
  return table;
}

}  // namespace attune::events

// Guesses what columns mean from what they are called and what they hold.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/events/mapping.h"
#include "attune/events/quarantine.h"
#include "cells.h"
#include "synonyms.h"

namespace attune::events {
namespace {

constexpr std::size_t kProfiledRows = 2000;
constexpr double kNumericMin = .8;         // share of numbers below which a column is no amount
constexpr double kNumericMinNamed = .5;    // where its very name says that it is one
constexpr double kNamedWeightMin = .9;     // of a word that means its field and nothing else
constexpr std::size_t kOrdersOfLines = 3;  // orders with several lines that tell of their totals

// What a column holds, as far as guessing needs it.
struct ColumnProfile {
  std::vector<std::string_view> cells;  // stated ones
  double numeric = 0;                   // share that are numbers
  double times = 0;
  TimeFormatChoice time;
  double known_types = 0;
  double currencies = 0;
  std::size_t distinct = 0;
  double mean_bytes = 0;
};

bool is_type_word(std::string_view cell) {
  static const std::set<std::string, std::less<>> known = [] {
    std::set<std::string, std::less<>> words(event_type_names().begin(), event_type_names().end());
    for (const TypeSynonym& synonym : type_synonyms()) words.insert(type_key(synonym.word));
    return words;
  }();
  return known.contains(type_key(cell));
}

bool is_numeric(std::string_view field) {
  return field == "quantity" || field == "price" || field == "value" || field == "rating" ||
         field == "stock" || field == "duration_ms";
}

ColumnProfile profile_column(const RecordBatch& sample, std::size_t column) {
  ColumnProfile profile;
  const std::size_t rows = std::min(sample.rows(), kProfiledRows);
  std::set<std::string_view> distinct;
  std::size_t numbers = 0;
  std::size_t types = 0;
  std::size_t currencies = 0;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const std::string_view cell = trim(sample.row(i)[column]);
    if (cell.empty() || is_null_word(cell)) continue;
    profile.cells.push_back(cell);
    distinct.insert(cell);
    numbers += parse_amount(cell, false, {}).has_value();
    currencies += cell.size() == 3 && Currency::of_stored(cell).has_value();
    bytes += cell.size();
  }
  if (profile.cells.empty()) return profile;
  const auto count = static_cast<double>(profile.cells.size());
  if (distinct.size() <= 100) {
    types = static_cast<std::size_t>(std::ranges::count_if(distinct, is_type_word));
    profile.known_types = static_cast<double>(types) / static_cast<double>(distinct.size());
  }
  profile.time = choose_time_format(profile.cells);
  profile.times = static_cast<double>(profile.time.readable) / count;
  profile.numeric = static_cast<double>(numbers) / count;
  profile.currencies = static_cast<double>(currencies) / count;
  profile.distinct = distinct.size();
  profile.mean_bytes = static_cast<double>(bytes) / count;
  return profile;
}

// How well a column's values suit a field: 0 rules it out, 1 speaks for it.
struct Support {
  double factor = 1;
  std::string why;
};

std::string percent(double share) { return fmt::format("{:.0f} %", share * 100); }

// `named`: the column's name is a word for the field and for nothing else.
Support value_support(std::string_view field, const ColumnProfile& profile, bool named) {
  if (profile.cells.empty()) return {.5, "no values in the sample"};
  if (field == "time") {
    if (profile.times < .5) return {0, ""};
    return {profile.times,
            fmt::format("{} are times ({})", percent(profile.times), name(profile.time.format))};
  }
  if (is_numeric(field)) {
    if (profile.numeric < (named ? kNumericMinNamed : kNumericMin)) return {0, ""};
    return {profile.numeric, fmt::format("{} are numbers", percent(profile.numeric))};
  }
  if (field == "type") {
    if (profile.known_types == 0) return {0, ""};
    return {.5 + profile.known_types / 2,
            fmt::format("{} of its {} values are known types", percent(profile.known_types),
                        profile.distinct)};
  }
  if (field == "currency") {
    if (profile.currencies < .8) return {0, ""};
    return {1, "its values are currency codes"};
  }
  // A yes or no says that somebody is anonymous, not who.
  if (field == "anonymous" && std::ranges::all_of(profile.cells, [](std::string_view cell) {
        return parse_boolean(cell).has_value();
      })) {
    return {0, ""};
  }
  const bool is_id = field == "customer" || field == "item" || field == "order" || field == "id" ||
                     field == "session" || field == "anonymous" || field == "event_id";
  if (is_id) {
    if (profile.mean_bytes > 80) return {.2, "long texts"};
    if (profile.distinct == 1 && profile.cells.size() > 20) return {.6, "one value only"};
    if (field != "order" && profile.times > .9 && profile.numeric < .5) return {0, ""};
    return {1,
            fmt::format("{} different values in {} rows", profile.distinct, profile.cells.size())};
  }
  return {1, "by its name"};
}

double name_support(const FieldSynonym& synonym, const std::string& key) {
  if (key == synonym.word) return synonym.weight;
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
      order_totals();
      if (!result_.mapping.has("type")) type_by_fields();
      if (result_.mapping.cancelled_prefix.empty()) cancelled_prefix();
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

  // What an order came to, on each of its lines, is no line's value: summed, it would count as
  // often as the order has lines.
  void order_totals() {
    const auto order = column_of("order");
    const auto value = column_of("value");
    const auto guessed = std::ranges::find(result_.guesses, "value", &FieldGuess::field);
    if (!order || !value || guessed == result_.guesses.end()) return;
    std::map<std::string_view, std::size_t> first_lines;
    std::set<std::string_view> several, totals;
    for (std::size_t i = 0; i < sample_.rows(); ++i) {
      const std::string_view id = trim(sample_.row(i)[*order]);
      const std::string_view cell = trim(sample_.row(i)[*value]);
      if (id.empty() || cell.empty()) continue;
      totals.insert(cell);
      const auto [known, fresh] = first_lines.try_emplace(id, i);
      if (fresh || std::ranges::equal(sample_.row(known->second), sample_.row(i))) continue;
      if (trim(sample_.row(known->second)[*value]) != cell) return;  // lines have their own values
      several.insert(id);
    }
    if (several.size() < kOrdersOfLines || totals.size() < kOrdersOfLines) return;
    result_.notes.push_back(fmt::format(
        "'{0}' is not taken as value: it is the same on every line of each of {1} orders, so it "
        "seems to be what the order came to; --map \"value={0}\" takes it for each line all the "
        "same",
        quoted(columns_[*value], 30), several.size()));
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

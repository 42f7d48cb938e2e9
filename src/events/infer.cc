// Guesses what columns mean from what they are called and what they hold.
#include <algorithm>
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
    numbers += read_decimal(cell, false).has_value();
    currencies += cell.size() == 3 && Currency::parse(cell).has_value();
    bytes += cell.size();
  }
  if (profile.cells.empty()) return profile;
  const auto count = static_cast<double>(profile.cells.size());
  if (distinct.size() <= 100) {
    std::set<std::string, std::less<>> known(event_type_names().begin(), event_type_names().end());
    for (const TypeSynonym& synonym : type_synonyms()) known.insert(type_key(synonym.word));
    for (const std::string_view cell : distinct) types += known.contains(type_key(cell));
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

Support value_support(std::string_view field, const ColumnProfile& profile) {
  if (profile.cells.empty()) return {.5, "no values in the sample"};
  const auto percent = [](double share) { return fmt::format("{:.0f} %", share * 100); };
  if (field == "time") {
    if (profile.times < .5) return {0, ""};
    return {profile.times,
            fmt::format("{} are times ({})", percent(profile.times), name(profile.time.format))};
  }
  if (field == "quantity" || field == "price" || field == "value" || field == "rating" ||
      field == "stock" || field == "duration_ms") {
    if (profile.numeric < .8) return {0, ""};
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
  if (synonym.word.size() < least || key.size() < synonym.word.size()) return 0;
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
    for (const auto& [field, source] : stated.fields) {
      for (const std::string& column : source.columns) {
        if (const auto at = find_column(columns, column)) used_[*at] = true;
      }
    }
    for (std::size_t i = 0; i < columns.size(); ++i) profiles_.push_back(profile_column(sample, i));
  }

  Inference guess() {
    if (kind_ == Kind::items) lists_of_export();
    by_names();
    if (!result_.mapping.has("time")) time_by_values();
    if (kind_ == Kind::events) {
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
        const Support support = value_support(synonym.field, profiles_[i]);
        const double score = named * support.factor;
        if (score < .3) continue;
        const bool exact = key == synonym.word;
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
  for (const MissingField& missing : inference.missing)
    table += fmt::format("not found: say {}\n", missing.remedy);
  return table;
}

}  // namespace attune::events

#include "experiment_columns.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/events/values.h"

namespace attune::engine {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

bool is_missing(std::string_view cell) {
  if (cell.empty()) return true;
  if (cell.size() > 4) return false;
  const std::string lower = ascii_lower(cell);
  return lower == "na" || lower == "n/a" || lower == "nan" || lower == "null" || lower == "\\n";
}

// Absent: the text is no number and no truth.
std::optional<double> number_of(std::string_view cell, bool decimal_comma) {
  if (!decimal_comma) {
    double value = 0;
    const auto [end, failure] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (failure == std::errc{} && end == cell.data() + cell.size() && std::isfinite(value))
      return value;
  }
  if (const auto decimal = events::read_decimal(cell, decimal_comma)) return to_double(*decimal);
  if (const auto truth = events::parse_boolean(cell)) return *truth ? 1 : 0;
  return std::nullopt;
}

// One pass over the file, a batch at a time.
class Pass {
 public:
  Pass(const ExperimentRequest& request, events::RecordReader& reader)
      : request_(request),
        reader_(reader),
        columns_{NameColumn(request.arm, kArmsMax), {}, {}, 0, 0, {}} {
    if (!request.by.empty()) columns_.group.emplace(request.by, kGroupsMax);
  }

  // Which columns are needed, and whether the file has them, as far as its first batch tells.
  Status begin() {
    ATTUNE_ASSIGN_OR_RETURN(const events::RecordBatch* sample, reader_.sample());
    const std::vector<std::string>& there = reader_.columns();
    ATTUNE_RETURN_IF_ERROR(find(request_.arm, "--arm"));
    if (!request_.by.empty()) ATTUNE_RETURN_IF_ERROR(find(request_.by, "--by"));
    if (!request_.customer.empty()) ATTUNE_RETURN_IF_ERROR(find(request_.customer, "--customer"));
    for (const std::string& metric : request_.metrics) need(metric, "--metric");
    for (const std::string& ratio : request_.ratios) {
      ATTUNE_ASSIGN_OR_RETURN(const RatioColumns two, columns_of_ratio(ratio, there));
      need(two.above, "--ratio");
      need(two.below, "--ratio");
    }
    for (const std::string& covariate : request_.covariates) need(covariate, "--covariate");
    for (const auto& [name, option] : needed_) {
      ATTUNE_RETURN_IF_ERROR(find(name, option));
      const std::size_t column = *index_of(name);
      std::vector<std::string_view> cells;
      for (std::size_t i = 0; sample != nullptr && i < sample->rows(); ++i) {
        if (column < sample->columns() && sample->row(i)[column].data() != nullptr)
          cells.push_back(trim(sample->row(i)[column]));
      }
      decimal_comma_[name] = events::uses_decimal_comma(cells);
      columns_.numbers[name];
    }
    return {};
  }

  Status take(const events::RecordBatch& batch) {
    columns_.rejected += std::ssize(batch.rejected());
    if (columns_.first_rejection.empty() && !batch.rejected().empty())
      columns_.first_rejection = batch.rejected()[0].message;
    columns_.rows += static_cast<std::int64_t>(batch.rows());
    ATTUNE_RETURN_IF_ERROR(take_names(batch, columns_.arm));
    if (columns_.group) ATTUNE_RETURN_IF_ERROR(take_names(batch, *columns_.group));
    for (auto& [name, values] : columns_.numbers)
      ATTUNE_RETURN_IF_ERROR(take_numbers(batch, name, values));
    return request_.customer.empty() ? Status() : take_customers(batch);
  }

  ExperimentColumns finish() { return std::move(columns_); }

 private:
  void need(const std::string& column, const char* option) { needed_.emplace(column, option); }

  std::optional<std::size_t> index_of(const std::string& column) const {
    const auto& there = reader_.columns();
    const auto found = std::ranges::find(there, column);
    if (found == there.end()) return std::nullopt;
    return static_cast<std::size_t>(found - there.begin());
  }

  Status find(const std::string& column, const char* option) const {
    if (index_of(column)) return {};
    const auto& there = reader_.columns();
    std::string list;
    for (std::size_t i = 0; i < std::min<std::size_t>(there.size(), 20); ++i)
      list += (i == 0 ? "" : ", ") + attune::quoted(there[i]);
    if (there.size() > 20) list += ", …";
    return std::unexpected(not_found(fmt::format("{} {}: {} has no such column{}; it has {}",
                                                 option, attune::quoted(column), reader_.name(),
                                                 did_you_mean(column, there), list)));
  }

  std::string place(const events::RecordBatch& batch, std::size_t row) const {
    return fmt::format("{}, line {}", reader_.name(), batch.place(row).line);
  }

  std::string_view cell(const events::RecordBatch& batch, std::size_t row,
                        std::optional<std::size_t> column) const {
    if (!column || *column >= batch.columns()) return {};
    return trim(batch.row(row)[*column]);
  }

  Status take_names(const events::RecordBatch& batch, NameColumn& names) const {
    const auto column = index_of(names.column());
    for (std::size_t i = 0; i < batch.rows(); ++i) {
      if (const Status added = names.add(cell(batch, i, column)); !added)
        return std::unexpected(added.error().within(place(batch, i)));
    }
    return {};
  }

  Status take_numbers(const events::RecordBatch& batch, const std::string& name,
                      std::vector<double>& values) const {
    const auto column = index_of(name);
    const bool comma = decimal_comma_.at(name);
    for (std::size_t i = 0; i < batch.rows(); ++i) {
      const std::string_view text = cell(batch, i, column);
      if (is_missing(text)) {
        values.push_back(kMissing);
        continue;
      }
      const std::optional<double> value = number_of(text, comma);
      if (!value) {
        return std::unexpected(invalid_argument(fmt::format(
            "{}, column '{}': '{}' is neither a number nor true or false; mend the cell, or leave "
            "it blank if there is no value",
            place(batch, i), attune::quoted(name), attune::quoted(text))));
      }
      values.push_back(*value);
    }
    return {};
  }

  Status take_customers(const events::RecordBatch& batch) {
    const auto column = index_of(request_.customer);
    for (std::size_t i = 0; i < batch.rows(); ++i) {
      const std::string_view id = cell(batch, i, column);
      const auto [known, fresh] = customers_.emplace(id, batch.place(i).line);
      if (fresh || id.empty()) continue;
      return std::unexpected(invalid_argument(fmt::format(
          "{}: customer '{}' stands in line {} too; an experiment has one row a customer, so sum "
          "each customer's rows up first (intervals from several rows a customer are too narrow)",
          place(batch, i), attune::quoted(id), known->second)));
    }
    return {};
  }

  const ExperimentRequest& request_;
  events::RecordReader& reader_;
  ExperimentColumns columns_;
  std::map<std::string, const char*> needed_;  // column, and the option that asks for it
  std::map<std::string, bool> decimal_comma_;
  std::unordered_map<std::string, std::int64_t> customers_;
};

}  // namespace

Status NameColumn::add(std::string_view cell) {
  if (cell.empty()) {
    codes_.push_back(-1);
    return {};
  }
  const auto [found, fresh] =
      index_.emplace(std::string(cell), static_cast<std::int32_t>(names_.size()));
  if (fresh) {
    if (names_.size() == names_max_) {
      return std::unexpected(invalid_argument(
          fmt::format("column '{}' has more than {} values; take one with fewer, such as a group "
                      "instead of a number",
                      attune::quoted(column_), names_max_)));
    }
    names_.push_back(found->first);
  }
  codes_.push_back(found->second);
  return {};
}

void NameColumn::sort(std::string_view first) {
  std::vector<std::size_t> order(names_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {},
                    [&](std::size_t i) { return std::pair(names_[i] != first, names_[i]); });
  std::vector<std::int32_t> rank(names_.size());
  std::vector<std::string> names;
  for (std::size_t r = 0; r < order.size(); ++r) {
    rank[order[r]] = static_cast<std::int32_t>(r);
    names.push_back(names_[order[r]]);
  }
  for (std::int32_t& code : codes_) code = code < 0 ? code : rank[static_cast<std::size_t>(code)];
  names_ = std::move(names);
  index_.clear();
}

Result<RatioColumns> columns_of_ratio(const std::string& ratio,
                                      const std::vector<std::string>& columns) {
  const auto is_column = [&](const std::string& name) {
    return std::ranges::find(columns, name) != columns.end();
  };
  for (std::size_t at = ratio.find('/'); at != ratio.npos; at = ratio.find('/', at + 1)) {
    const RatioColumns two{ratio.substr(0, at), ratio.substr(at + 1)};
    if (is_column(two.above) && is_column(two.below)) return two;
  }
  const std::size_t at = ratio.find('/');
  if (at == ratio.npos || at == 0 || at + 1 == ratio.size()) {
    return std::unexpected(invalid_argument(fmt::format(
        "--ratio {}: a ratio is two columns with a slash between them, such as revenue/orders",
        attune::quoted(ratio))));
  }
  const std::string above = ratio.substr(0, at), below = ratio.substr(at + 1);
  const std::string& wrong = is_column(above) ? below : above;
  return std::unexpected(
      not_found(fmt::format("--ratio {}: there is no column '{}'{}", attune::quoted(ratio),
                            attune::quoted(wrong), did_you_mean(wrong, columns))));
}

Result<ExperimentColumns> read_experiment(const ExperimentRequest& request, Progress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(const auto reader, events::open_records(request.file, request.reading));
  Pass pass(request, *reader);
  ATTUNE_RETURN_IF_ERROR(pass.begin());
  progress.phase("reading " + request.file.filename().string(), reader->bytes_total(), "bytes");
  events::RecordBatch batch;
  for (;;) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, reader->next(batch));
    if (!more) break;
    ATTUNE_RETURN_IF_ERROR(pass.take(batch));
    progress.advance(reader->bytes_read());
    if (progress.cancelled()) return std::unexpected(cancelled("the experiment was not analysed"));
  }
  return pass.finish();
}

}  // namespace attune::engine

#include "attune/learn/scaling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::learn {
namespace {

constexpr std::array<std::string_view, 5> kScalingNames = {"none", "min_max", "z_score", "log",
                                                           "log_z_score"};

bool takes_log(ScalingKind kind) {
  return kind == ScalingKind::log || kind == ScalingKind::log_z_score;
}
double signed_log(double x) { return std::copysign(std::log1p(std::abs(x)), x); }
double signed_exp(double x) { return std::copysign(std::expm1(std::abs(x)), x); }

struct ColumnStatistics {
  std::int64_t present = 0;
  double minimum = std::numeric_limits<double>::infinity();
  double maximum = -std::numeric_limits<double>::infinity();
  double mean = 0;
  double squares = 0;  // sum of squared deviations (Welford)

  void add(double x) {
    ++present;
    minimum = std::min(minimum, x);
    maximum = std::max(maximum, x);
    const double delta = x - mean;
    mean += delta / static_cast<double>(present);
    squares += delta * (x - mean);
  }
};

void set_shift_and_scale(ColumnScaling& scaling, const ColumnStatistics& statistics) {
  scaling.constant = statistics.present == 0 || statistics.minimum == statistics.maximum;
  if (scaling.kind == ScalingKind::none || scaling.kind == ScalingKind::log ||
      statistics.present == 0)
    return;
  if (scaling.kind == ScalingKind::min_max) {
    scaling.shift = statistics.minimum;
    scaling.scale = statistics.maximum - statistics.minimum;
  } else {
    scaling.shift = scaling.constant ? statistics.minimum : statistics.mean;
    scaling.scale = std::sqrt(statistics.squares / static_cast<double>(statistics.present));
  }
  if (scaling.constant || !(scaling.scale > 0)) scaling.scale = 1;
}

Result<ColumnScaling> fit_column(const math::Matrix& rows, std::int64_t column,
                                 const std::string& name, ScalingKind kind) {
  ColumnScaling scaling{.column = name, .kind = kind};
  ColumnStatistics statistics;
  for (std::int64_t row = 0; row < rows.rows(); ++row) {
    const double x = rows(row, column);
    if (std::isnan(x)) {
      ++scaling.missing;
    } else if (std::isinf(x)) {
      return std::unexpected(invalid_argument(fmt::format(
          "column '{}' is infinite in row {}; leave the row out or mark the value missing", name,
          row)));
    } else {
      statistics.add(takes_log(kind) ? signed_log(x) : x);
    }
  }
  set_shift_and_scale(scaling, statistics);
  return scaling;
}

Status check_columns(std::int64_t found, std::size_t expected) {
  if (found == static_cast<std::int64_t>(expected)) return {};
  return std::unexpected(invalid_argument(
      fmt::format("the scaling was learnt on {} columns, this table has {}", expected, found)));
}

}  // namespace

Result<ScalingKind> parse_scaling_kind(std::string_view name) {
  const auto found = std::ranges::find(kScalingNames, name);
  if (found != kScalingNames.end()) return static_cast<ScalingKind>(found - kScalingNames.begin());
  const std::vector<std::string> known(kScalingNames.begin(), kScalingNames.end());
  return std::unexpected(invalid_argument(fmt::format(
      "there is no scaling '{}'; there are none, min_max, z_score, log and log_z_score{}",
      quoted(name), did_you_mean(name, known))));
}

std::string_view name_of(ScalingKind kind) { return kScalingNames[static_cast<std::size_t>(kind)]; }

double ColumnScaling::apply(double x) const {
  return ((takes_log(kind) ? signed_log(x) : x) - shift) / scale;
}

double ColumnScaling::invert(double t) const {
  const double x = t * scale + shift;
  return takes_log(kind) ? signed_exp(x) : x;
}

std::string describe(const ColumnScaling& s, std::int64_t rows) {
  std::string text = s.column + ": ";
  const std::int64_t present = rows - s.missing;
  switch (s.kind) {
    case ScalingKind::none:
      text += "unchanged";
      break;
    case ScalingKind::log:
      text += "log(1 + |x|) with the sign of x";
      break;
    case ScalingKind::min_max:
      text += fmt::format("minus {:.6g}, divided by {:.6g} (smallest to largest of {} rows)",
                          s.shift, s.scale, present);
      break;
    case ScalingKind::z_score:
    case ScalingKind::log_z_score:
      text += fmt::format(
          "{}minus {:.6g}, divided by {:.6g} (mean and deviation of {} rows)",
          s.kind == ScalingKind::z_score ? "" : "log(1 + |x|) with the sign of x, then ", s.shift,
          s.scale, present);
      break;
  }
  if (s.constant) text += "; the column is constant";
  if (s.missing > 0) text += fmt::format("; {} missing values stay missing", s.missing);
  return text;
}

Result<Scaler> Scaler::fit(const math::Matrix& rows, std::span<const std::string> names,
                           std::span<const ScalingKind> kinds) {
  const auto columns = static_cast<std::size_t>(rows.columns());
  if (rows.rows() == 0 || names.size() != columns ||
      (kinds.size() != 1 && kinds.size() != columns)) {
    return std::unexpected(
        invalid_argument(fmt::format("a scaling needs rows, a name for each column and one kind or "
                                     "one for each column; given were {} rows "
                                     "of {} columns, {} names and {} kinds",
                                     rows.rows(), columns, names.size(), kinds.size())));
  }
  Scaler scaler;
  scaler.rows_ = rows.rows();
  for (std::size_t c = 0; c < columns; ++c) {
    ATTUNE_ASSIGN_OR_RETURN(ColumnScaling scaling,
                            fit_column(rows, static_cast<std::int64_t>(c), names[c],
                                       kinds.size() == 1 ? kinds[0] : kinds[c]));
    scaler.columns_.push_back(std::move(scaling));
  }
  return scaler;
}

Result<math::Matrix> Scaler::transform(const math::Matrix& rows) const {
  ATTUNE_RETURN_IF_ERROR(check_columns(rows.columns(), columns_.size()));
  math::Matrix scaled = rows;
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    for (std::int64_t c = 0; c < rows.columns(); ++c)
      scaled(r, c) = columns_[static_cast<std::size_t>(c)].apply(rows(r, c));
  }
  return scaled;
}

Result<math::Matrix> Scaler::invert(const math::Matrix& scaled) const {
  ATTUNE_RETURN_IF_ERROR(check_columns(scaled.columns(), columns_.size()));
  math::Matrix rows = scaled;
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    for (std::int64_t c = 0; c < rows.columns(); ++c)
      rows(r, c) = columns_[static_cast<std::size_t>(c)].invert(scaled(r, c));
  }
  return rows;
}

std::vector<std::string> Scaler::report() const {
  std::vector<std::string> lines;
  for (const ColumnScaling& scaling : columns_) lines.push_back(describe(scaling, rows_));
  return lines;
}

}  // namespace attune::learn

// Scaling of columns. Answers: how are amounts, counts and days made comparable, and what exactly
// was done to them?
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/math/matrix.h"

namespace attune::learn {

enum class ScalingKind : std::uint8_t {
  none,
  min_max,      // to 0 .. 1
  z_score,      // mean 0, deviation 1 (divides by n)
  log,          // sign(x) * log(1 + |x|): tames amounts, keeps 0 and refunds
  log_z_score,  // log, then z_score
};
Result<ScalingKind> parse_scaling_kind(std::string_view name);
std::string_view name_of(ScalingKind kind);

// What is done to one column: t(x) = (g(x) - shift) / scale with g the identity or the signed
// logarithm.
struct ColumnScaling {
  std::string column;
  ScalingKind kind = ScalingKind::none;
  double shift = 0;
  double scale = 1;  // never 0: a column without spread keeps 1 and becomes 0 throughout
  bool constant = false;
  std::int64_t missing = 0;  // NaN cells seen at fit

  double apply(double x) const;
  double invert(double t) const;
};

// "monetary: log(1 + |x|), then minus 5.31 and divided by 1.2 (z-score of 4,372 rows)".
std::string describe(const ColumnScaling& scaling, std::int64_t rows);

// Learns from one table, applies to others.
class Scaler {
 public:
  // Shapes: rows (n, names.size()), n >= 1; kinds one for every column, or one for each.
  // Missing values: NaN is left out of the statistics and stays NaN. Errors: invalid_argument
  // (shapes, infinite values).
  static Result<Scaler> fit(const math::Matrix& rows, std::span<const std::string> names,
                            std::span<const ScalingKind> kinds);

  // Errors: invalid_argument if the number of columns differs.
  Result<math::Matrix> transform(const math::Matrix& rows) const;
  Result<math::Matrix> invert(const math::Matrix& scaled) const;

  std::span<const ColumnScaling> columns() const { return columns_; }
  // One line a column: for reports.
  std::vector<std::string> report() const;

 private:
  std::int64_t rows_ = 0;
  std::vector<ColumnScaling> columns_;
};

}  // namespace attune::learn

#include "attune/measure/sample_ratio.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "distributions.h"

namespace attune::measure {
namespace {

// Below this expectation in a cell the chi-square distribution is not to be relied on.
constexpr double kExpectedMin = 5;

template <class T>
double total(std::span<const T> values) {
  return static_cast<double>(std::accumulate(values.begin(), values.end(), T{}));
}

}  // namespace

Answer<SampleRatio> check_sample_ratio(std::span<const std::int64_t> counts,
                                       std::span<const double> shares) {
  ATTUNE_CHECK(shares.empty() || shares.size() == counts.size(), "a share for each arm");
  if (counts.size() < 2) return std::unexpected(TooLittle{"there is one arm only"});
  const double customers = total(counts);
  if (customers == 0) return std::unexpected(TooLittle{"there are no customers", 2});
  const double whole = shares.empty() ? static_cast<double>(counts.size()) : total(shares);
  SampleRatio result;
  result.degrees = static_cast<std::int64_t>(counts.size()) - 1;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = customers * (shares.empty() ? 1 : shares[i]) / whole;
    const double gap = static_cast<double>(counts[i]) - expected;
    result.expected.push_back(expected);
    result.chi_square += gap * gap / expected;
  }
  result.p_value = chi_square_tail(result.chi_square, static_cast<double>(result.degrees));
  const double least = *std::ranges::min_element(result.expected);
  if (counts.size() == 2) {
    result.exact_p_value =
        binomial_test(counts[0], counts[0] + counts[1], result.expected[0] / customers);
  } else if (least < kExpectedMin) {
    return std::unexpected(TooLittle{
        fmt::format("an arm should have {:.1f} customers, {} are needed", least, kExpectedMin),
        static_cast<std::int64_t>(kExpectedMin)});
  }
  result.alarm = result.exact_p_value.value_or(result.p_value) < kSampleRatioAlarm;
  return result;
}

Answer<Independence> check_equal_shares(std::span<const std::int64_t> with,
                                        std::span<const std::int64_t> of) {
  ATTUNE_CHECK(with.size() == of.size(), "two columns of a table");
  const double whole = total(of);
  const double share = whole > 0 ? total(with) / whole : 0;
  Independence result;
  result.degrees = static_cast<std::int64_t>(of.size()) - 1;
  for (std::size_t i = 0; i < of.size(); ++i) {
    for (const bool yes : {true, false}) {
      const auto n = static_cast<double>(of[i]);
      const double expected = n * (yes ? share : 1 - share);
      if (expected < kExpectedMin) {
        return std::unexpected(TooLittle{fmt::format(
            "a cell of the table should hold {:.1f} rows, {} are needed", expected, kExpectedMin)});
      }
      const auto seen = static_cast<double>(yes ? with[i] : of[i] - with[i]);
      result.chi_square += (seen - expected) * (seen - expected) / expected;
    }
  }
  result.p_value = chi_square_tail(result.chi_square, static_cast<double>(result.degrees));
  return result;
}

}  // namespace attune::measure

// Rates that name their denominator, and what a campaign earned. Answers: of whom, how many did;
// and was it worth its cost?
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "attune/measure/difference.h"
#include "attune/measure/estimate.h"

namespace attune::measure {

// A share of things that are each a success or not. The views are literals.
struct Rate {
  std::string_view name;         // "conversion_rate"
  std::string_view numerator;    // "converted customers"
  std::string_view denominator;  // "exposed customers"
  std::int64_t successes = 0;
  std::int64_t trials = 0;
  Answer<Estimate> estimate = std::unexpected(TooLittle{});
};

// Wilson's interval: within 0 and 1, and sound at any number of trials. Trials count as
// independent: where one customer has several exposures, ratio_of is the honest interval. Too
// little: no trials. 0 <= successes <= trials, else a programmer error. Source: [Wilson1927].
Answer<Estimate> wilson(std::int64_t successes, std::int64_t trials, double level = kLevel);

Rate click_through_rate(std::int64_t clicked_exposures, std::int64_t exposures,
                        double level = kLevel);
Rate conversion_rate(std::int64_t converted_customers, std::int64_t exposed_customers,
                     double level = kLevel);
Rate participation_rate(std::int64_t customers_who_took_part, std::int64_t customers_invited,
                        double level = kLevel);

// Return on investment = (margin - cost) / cost. Amounts in minor units of one currency.
struct ReturnOnInvestment {
  double cost = 0;
  Answer<Estimate> incremental_margin =
      std::unexpected(TooLittle{});                             // caused: against the holdout
  Answer<Estimate> incremental = std::unexpected(TooLittle{});  // of that margin
  std::optional<double> attributed_margin;  // claimed: of outcomes after a touch, caused or not
  std::optional<double> attributed;         // of that margin; no interval, since it is no estimate
};

// `margin` is the difference of margin a customer, before the campaign's cost, between treatment
// and holdout (`compare`, with covariates or without); `treated` how many customers the treatment
// arm has, sent or not; `cost` of the whole campaign, taken as known. Too little: as `margin`; a
// cost that is not above 0.
ReturnOnInvestment return_on_investment(const Answer<Difference>& margin, std::int64_t treated,
                                        double cost, std::optional<double> attributed_margin = {});

}  // namespace attune::measure

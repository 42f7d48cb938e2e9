// Customers whose response is known, drawn anew for every run. Answers: what is the truth that the
// intervals of `measure` have to cover?
#pragma once

#include <cstdint>
#include <vector>

#include "attune/base/random.h"
#include "attune/measure/experiment.h"

namespace attune::coverage {

// What a treatment does to the customers who get it, in the population.
struct Treatment {
  double conversion = 0;  // added to the chance of .1
  double orders = 0;      // 0.15: 15 % more orders
  double basket = 0;      // 0.05: each order 5 % larger
  double clicks = 0;      // 0.15: 15 % more of the exposures are clicked
};

// One run's rows, in the columns that analyse() reads. Customers differ: a lively one orders more
// before and after, sees more, and each clicks at a rate of his own.
struct Rows {
  std::vector<std::int32_t> arm;
  std::vector<double> converted, revenue, orders, clicks, exposures, spent_before;
};

// Draws `customers` into arms with these shares; treatments[0] is of arm 1. Cost: about 20 draws a
// customer.
Rows draw(Rng& random, std::int64_t customers, const std::vector<double>& shares,
          const std::vector<Treatment>& treatments);

// The population's truth of a metric by name, control and with a treatment.
double truth(const std::string& metric, const Treatment& treatment);

// The four metrics over the first `rows` customers, without covariates.
measure::ExperimentData data_of(const Rows& rows, std::size_t count, std::size_t arms);

}  // namespace attune::coverage

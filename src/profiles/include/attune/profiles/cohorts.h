// Do the customers of a month come back? Answers: of those who first bought in month m, how many
// bought again in month m + j?
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "attune/base/time.h"
#include "attune/profiles/accumulator.h"

namespace attune::profiles {

// One month of first purchases. All vectors have the same length: month 0 is the first purchase's
// own.
struct Cohort {
  int year = 1970;
  int month = 1;
  std::int64_t customers = 0;
  std::vector<std::int64_t> active;  // customers with an order in month j; active[0] == customers
  std::vector<std::int64_t> orders;  // orders in month j
  std::vector<std::int64_t> value_minor;  // value of those orders, refunds not taken off

  double retention(std::size_t j) const {
    return static_cast<double>(active[j]) / static_cast<double>(customers);
  }
};

// Collects cohorts from all customers in any order; collectors merge.
class CohortTable {
 public:
  explicit CohortTable(TimeZone zone) : zone_(std::move(zone)) {}

  void add(const ProfileState& state);
  void merge(const CohortTable& other);

  // Oldest first; months without new customers are left out; every cohort reaches to the last month
  // with an order, so that a row says 0 where nobody came back and ends where time has not come
  // yet.
  std::vector<Cohort> cohorts() const;

 private:
  struct Cell {
    std::int64_t active = 0, orders = 0, value_minor = 0;
  };
  TimeZone zone_;
  std::map<std::pair<std::int32_t, std::int32_t>, Cell>
      cells_;  // (first month, months later); months since year 0
  std::int32_t last_month_ = 0;
};

// One JSON object: {"cohorts": [{"month": "2010-12", "customers": …, "active": […], "orders": […],
// "value_cents": […]}]}.
std::string to_json(const std::vector<Cohort>& cohorts);

}  // namespace attune::profiles

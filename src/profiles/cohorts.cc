#include "attune/profiles/cohorts.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "sorted.h"

namespace attune::profiles {

void CohortTable::add(const ProfileState& state) {
  if (state.orders.empty()) return;
  std::vector<std::pair<std::int32_t, std::int64_t>> orders;  // month, value
  orders.reserve(state.orders.size());
  for (const OrderState& order : state.orders) {
    const CivilTime civil = zone_.to_civil(order.time);
    orders.emplace_back(civil.year * 12 + civil.month - 1, order.value_minor);
  }
  std::ranges::sort(orders);
  const std::int32_t first = orders.front().first;
  last_month_ = cells_.empty() ? orders.back().first : std::max(last_month_, orders.back().first);
  std::int32_t previous = first - 1;
  for (const auto& [month, value] : orders) {
    Cell& cell = cells_[{first, month - first}];
    if (month != previous) ++cell.active;
    previous = month;
    ++cell.orders;
    cell.value_minor = wrap_add(cell.value_minor, value);
  }
}

void CohortTable::merge(const CohortTable& other) {
  if (other.cells_.empty()) return;
  last_month_ = cells_.empty() ? other.last_month_ : std::max(last_month_, other.last_month_);
  for (const auto& [key, cell] : other.cells_) {
    Cell& mine = cells_[key];
    mine.active += cell.active;
    mine.orders += cell.orders;
    mine.value_minor = wrap_add(mine.value_minor, cell.value_minor);
  }
}

std::vector<Cohort> CohortTable::cohorts() const {
  std::vector<Cohort> all;
  std::int32_t open = 0;
  for (const auto& [key, cell] : cells_) {
    const auto [first, later] = key;
    if (all.empty() || first != open) {
      open = first;
      const std::int32_t month = (first % 12 + 12) % 12;
      Cohort fresh{(first - month) / 12, month + 1, cell.active, {}, {}, {}};
      const auto months = static_cast<std::size_t>(last_month_ - first + 1);
      fresh.active.resize(months);
      fresh.orders.resize(months);
      fresh.value_minor.resize(months);
      all.push_back(std::move(fresh));
    }
    const auto j = static_cast<std::size_t>(later);
    all.back().active[j] = cell.active;
    all.back().orders[j] = cell.orders;
    all.back().value_minor[j] = cell.value_minor;
  }
  return all;
}

std::string to_json(const std::vector<Cohort>& cohorts) {
  boost::json::array rows;
  for (const Cohort& cohort : cohorts) {
    boost::json::object row;
    row["month"] = fmt::format("{:04}-{:02}", cohort.year, cohort.month);
    row["customers"] = cohort.customers;
    row["active"] = boost::json::array(cohort.active.begin(), cohort.active.end());
    row["orders"] = boost::json::array(cohort.orders.begin(), cohort.orders.end());
    row["value_cents"] = boost::json::array(cohort.value_minor.begin(), cohort.value_minor.end());
    rows.push_back(std::move(row));
  }
  return boost::json::serialize(boost::json::object{{"cohorts", std::move(rows)}});
}

}  // namespace attune::profiles

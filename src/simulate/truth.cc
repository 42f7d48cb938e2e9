#include "attune/simulate/truth.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "truth_summary.h"

namespace attune::simulate {
namespace {

constexpr double kNormal975 = 1.959963984540054;

// Mean and its interval from the sums of n values and of their squares, kept inside 0 .. 1.
Score mean_score(double sum, double squares, std::int64_t count, std::int64_t unknown) {
  Score score{.count = count, .unknown = unknown};
  if (count == 0) return score;
  const auto n = static_cast<double>(count);
  score.mean = sum / n;
  const double variance = count > 1 ? std::max(0.0, (squares - sum * sum / n) / (n - 1)) : 0;
  const double half = kNormal975 * std::sqrt(variance / n);
  score.low = std::max(0.0, score.mean - half);
  score.high = std::min(1.0, score.mean + half);
  return score;
}

}  // namespace

std::int64_t FileCounts::malformed_total() const {
  std::int64_t total = 0;
  for (const auto& [kind, count] : malformed) total += count;
  return total;
}

const TrueItem* Truth::find_item(std::string_view id) const {
  const auto found = item_index_.find(id);
  return found == item_index_.end() ? nullptr : &items_[found->second];
}

const TrueCustomer* Truth::find_customer(std::string_view id) const {
  const auto found = customer_index_.find(id);
  return found == customer_index_.end() ? nullptr : &customers_[found->second];
}

bool Truth::is_bot(std::string_view anonymous_id) const {
  return bots_.contains(std::string(anonymous_id));
}

std::string_view Truth::owner_of(std::string_view anonymous_id) const {
  const auto found = device_owner_.find(std::string(anonymous_id));
  return found == device_owner_.end() ? std::string_view{} : customers_[found->second].id;
}

std::vector<double> Truth::next_item_probabilities(const TrueCustomer& customer) const {
  std::vector<double> chances(items_.size());
  std::array<double, kCategoryCount> weight{};
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const TrueItem& item = items_[i];
    chances[i] =
        item.weight * std::exp(affinity(customer.tastes, item.style, item.log_price_ratio));
    weight[static_cast<std::size_t>(item.category)] += chances[i];
  }
  std::array<double, kCategoryCount> wanted{};
  double total = 0;
  for (std::size_t c = 0; c < kCategoryCount; ++c) {
    if (weight[c] > 0) wanted[c] = static_cast<double>(customer.tastes.categories[c]) * season_[c];
    total += wanted[c];
  }
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const auto c = static_cast<std::size_t>(items_[i].category);
    if (weight[c] > 0) chances[i] *= wanted[c] / total / weight[c];
  }
  return chances;
}

double Truth::list_probability(const TrueCustomer& customer,
                               std::span<const std::string> items) const {
  std::vector<double> chances = next_item_probabilities(customer);
  double sum = 0;
  for (const std::string& id : items) {
    const auto found = item_index_.find(id);
    if (found != item_index_.end()) sum += std::exchange(chances[found->second], 0);
  }
  return sum;
}

std::vector<std::string> Truth::best_list(const TrueCustomer& customer, int k) const {
  const std::vector<double> chances = next_item_probabilities(customer);
  std::vector<std::size_t> order(chances.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [&](std::size_t i) { return chances[i]; });
  order.resize(std::min(order.size(), static_cast<std::size_t>(std::max(k, 0))));
  std::vector<std::string> best;
  best.reserve(order.size());
  for (const std::size_t i : order) best.push_back(items_[i].id);
  return best;
}

Score Truth::list_probability(std::span<const RecommendedList> lists) const {
  double sum = 0, squares = 0;
  std::int64_t count = 0, unknown = 0;
  for (const RecommendedList& list : lists) {
    const TrueCustomer* customer = find_customer(list.customer);
    if (customer == nullptr) {
      ++unknown;
      continue;
    }
    const double chance = list_probability(*customer, list.items);
    sum += chance;
    squares += chance * chance;
    ++count;
  }
  return mean_score(sum, squares, count, unknown);
}

Score Truth::top_category_found(std::span<const CustomerLabel> preferred) const {
  std::int64_t found = 0, count = 0, unknown = 0;
  for (const CustomerLabel& label : preferred) {
    const TrueCustomer* customer = find_customer(label.customer);
    if (customer == nullptr) {
      ++unknown;
      continue;
    }
    found += categories_[static_cast<std::size_t>(customer->top_category)] == label.label ? 1 : 0;
    ++count;
  }
  const auto hits = static_cast<double>(found);
  return mean_score(hits, hits, count, unknown);
}

Score Truth::alive_found(std::span<const CustomerScore> scores) const {
  std::vector<std::pair<double, bool>> known;  // score, alive
  Score result;
  for (const CustomerScore& one : scores) {
    const TrueCustomer* customer = find_customer(one.customer);
    if (customer == nullptr || customer->orders_named == 0 || std::isnan(one.score)) {
      ++result.unknown;
    } else {
      known.emplace_back(one.score, !customer->alive_until.has_value());
    }
  }
  std::ranges::sort(known);
  double pairs_won = 0, alive = 0, gone = 0;
  for (std::size_t i = 0; i < known.size();) {
    double tied_alive = 0, tied_gone = 0;
    const double score = known[i].first;
    for (; i < known.size() && known[i].first == score; ++i) {
      (known[i].second ? tied_alive : tied_gone) += 1;
    }
    pairs_won += tied_alive * (gone + tied_gone / 2);
    alive += tied_alive;
    gone += tied_gone;
  }
  if (alive == 0 || gone == 0) return result;
  const double auc = pairs_won / (alive * gone);
  const double q1 = auc / (2 - auc), q2 = 2 * auc * auc / (1 + auc);
  const double variance =
      (auc * (1 - auc) + (alive - 1) * (q1 - auc * auc) + (gone - 1) * (q2 - auc * auc)) /
      (alive * gone);
  const double half = kNormal975 * std::sqrt(std::max(0.0, variance));
  result.mean = auc;
  result.low = std::max(0.0, auc - half);
  result.high = std::min(1.0, auc + half);
  result.count = std::ssize(known);
  return result;
}

}  // namespace attune::simulate

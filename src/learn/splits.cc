#include "attune/learn/splits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>

#include <fmt/format.h>

#include "attune/base/random.h"
#include "attune/base/text.h"

namespace attune::learn {
namespace {

using math::CsrMatrix;
using math::Triplet;

constexpr std::array<std::string_view, 3> kSplitNames = {"random", "leave-one-out", "time"};

Rng customer_stream(std::uint64_t seed, std::int32_t customer) {
  return Rng(seed, "split", static_cast<std::uint64_t>(customer));
}

// Marks test_share of n places, drawn without replacement.
void draw_share(Rng& rng, double test_share, std::vector<std::uint8_t>& in_test) {
  const auto n = static_cast<std::int64_t>(in_test.size());
  if (n < 2) return;
  const auto wanted = static_cast<std::int64_t>(std::llround(test_share * static_cast<double>(n)));
  const auto count = static_cast<std::size_t>(std::clamp<std::int64_t>(wanted, 0, n - 1));
  std::vector<std::size_t> places(in_test.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(places[i], places[i + rng.below(places.size() - i)]);
    in_test[places[i]] = 1;
  }
}

void draw_last(Rng& rng, std::span<const Timestamp> times, std::vector<std::uint8_t>& in_test) {
  if (in_test.size() < 2) return;
  const Timestamp last = *std::ranges::max_element(times);
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (times[i] == last) candidates.push_back(i);
  }
  in_test[candidates[rng.below(candidates.size())]] = 1;
}

// Cells that count, of those events that `taken` says yes to.
Result<CsrMatrix> cells_of(const InteractionLog& log, std::span<const Triplet> events,
                           const std::function<bool(const Triplet&)>& taken = nullptr) {
  ATTUNE_ASSIGN_OR_RETURN(const CsrMatrix cells,
                          CsrMatrix::from_triplets(log.customers, log.items, events, taken));
  return cells.positive_part();
}

Result<Split> split_by_customer(const InteractionLog& log, const SplitOptions& options,
                                std::uint64_t seed) {
  ATTUNE_ASSIGN_OR_RETURN(const CsrMatrix summed,
                          CsrMatrix::from_triplets(log.customers, log.items, log.events));
  const CsrMatrix all = summed.positive_part();
  std::vector<Triplet> train, test;
  train.reserve(static_cast<std::size_t>(all.entries()));
  std::vector<std::uint8_t> in_test;
  for (std::int32_t customer = 0; customer < all.rows(); ++customer) {
    const auto items = all.columns_of(customer);
    const auto weights = all.weights_of(customer);
    const auto times = all.times_of(customer);
    in_test.assign(items.size(), 0);
    Rng rng = customer_stream(seed, customer);
    if (options.kind == SplitKind::random)
      draw_share(rng, options.test_share, in_test);
    else
      draw_last(rng, times, in_test);
    for (std::size_t i = 0; i < items.size(); ++i) {
      (in_test[i] ? test : train).push_back({customer, items[i], weights[i], times[i]});
    }
  }
  Split split;
  ATTUNE_ASSIGN_OR_RETURN(split.train, cells_of(log, train));
  ATTUNE_ASSIGN_OR_RETURN(split.test, cells_of(log, test));
  return split;
}

// Leaves out of test what train holds: a cell lies on one side only.
std::int64_t remove_known(Split& split) {
  std::vector<Triplet> left;
  std::int64_t removed = 0;
  for (const Triplet& cell : split.test.triplets()) {
    if (split.train.contains(cell.row, cell.column))
      ++removed;
    else
      left.push_back(cell);
  }
  auto test = CsrMatrix::from_triplets(split.test.rows(), split.test.columns(), left);
  ATTUNE_CHECK(test.has_value(), "cells of a matrix make a matrix");
  split.test = std::move(*test);
  return removed;
}

// The time of the last event that is to learn from.
Timestamp time_of_cut(const InteractionLog& log, double test_share) {
  std::vector<Timestamp> times(log.events.size());
  std::ranges::transform(log.events, times.begin(), &Triplet::time);
  const auto share = (1 - test_share) * static_cast<double>(times.size());
  const auto rank =
      std::clamp<std::int64_t>(std::llround(share), 1, static_cast<std::int64_t>(times.size())) - 1;
  std::nth_element(times.begin(), times.begin() + rank, times.end());
  return times[static_cast<std::size_t>(rank)];
}

Result<Split> split_by_time(const InteractionLog& log, const SplitOptions& options) {
  if (log.events.empty()) return Split{};
  Split split;
  split.cut = time_of_cut(log, options.test_share);
  const auto early = [cut = split.cut](const Triplet& event) { return event.time <= cut; };
  ATTUNE_ASSIGN_OR_RETURN(split.train, cells_of(log, log.events, early));
  ATTUNE_ASSIGN_OR_RETURN(split.test, cells_of(log, log.events, std::not_fn(early)));
  split.repeats_left_out = remove_known(split);
  return split;
}

}  // namespace

Result<SplitKind> parse_split_kind(std::string_view name) {
  const auto found = std::ranges::find(kSplitNames, name);
  if (found != kSplitNames.end()) return static_cast<SplitKind>(found - kSplitNames.begin());
  const std::vector<std::string> known(kSplitNames.begin(), kSplitNames.end());
  return std::unexpected(invalid_argument(
      fmt::format("there is no split '{}'; there are random, leave-one-out and time{}",
                  quoted(name), did_you_mean(name, known))));
}

std::string_view name_of(SplitKind kind) { return kSplitNames[static_cast<std::size_t>(kind)]; }

Result<Split> split_interactions(const InteractionLog& log, const SplitOptions& options,
                                 std::uint64_t seed) {
  if (options.kind != SplitKind::leave_one_out &&
      !(options.test_share > 0 && options.test_share < 1)) {
    return std::unexpected(invalid_argument(fmt::format(
        "the test share is {}; it lies between 0 and 1, both excluded", options.test_share)));
  }
  ATTUNE_ASSIGN_OR_RETURN(Split split, options.kind == SplitKind::time
                                           ? split_by_time(log, options)
                                           : split_by_customer(log, options, seed));
  if (split.train.entries() == 0 || split.test.entries() == 0) {
    return std::unexpected(failed_precondition(
        fmt::format("the split '{}' leaves {} pairs to learn from and {} to test on; it needs "
                    "customers with two or more items{}",
                    name_of(options.kind), split.train.entries(), split.test.entries(),
                    options.kind == SplitKind::time ? ", met at different times" : "")));
  }
  return split;
}

}  // namespace attune::learn

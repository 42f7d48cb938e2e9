// Times the best items for one customer at a time, on vectors that iALS learned, for the claim that
// sets it beside approximate indexes.
//   attune_recommend_nearest FILE OUT [parameter=value ...]
// FILE: interactions_file.h. Prints one line of JSON: microseconds of CPU a list of 20, with every
// item scored and with items ruled out by bounds (medians of 5 interleaved rounds, one thread), and
// how many lists differ. OUT, a folder, receives items.f32 and queries.f32 (int64 rows, int64
// columns, float32) and exact.i32 (int32 queries x 20).
#include <algorithm>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "attune/math/kernels.h"
#include "attune/math/top_k.h"
#include "ials.h"
#include "interactions_file.h"

namespace {

using namespace attune;
using namespace attune::recommend;
using bench::fail;

constexpr int kBest = 20;
constexpr std::int32_t kQueries = 1000;
constexpr int kRounds = 5;
using Lists = std::vector<std::vector<ScoredIndex>>;

double cpu_microseconds() {
  return 1e6 * static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

// Customers who have a history, spread over all.
std::vector<std::int32_t> choose_customers(const Interactions& interactions) {
  std::vector<std::int32_t> chosen;
  const std::int32_t step = std::max(1, interactions.customers() / (kQueries + kQueries / 10));
  for (std::int32_t c = 0; c < interactions.customers() && std::ssize(chosen) < kQueries; c += step)
    if (interactions.by_customer().row_size(c) > 0) chosen.push_back(c);
  return chosen;
}

// Items that nobody met have next to no length: they are on no list.
std::vector<ScoredIndex> score_every_item(const Ials& ials, std::int32_t customer,
                                          std::vector<float>& scores) {
  math::dot_rows(ials.item_vectors().data(), ials.customer_vectors().row(customer), scores);
  auto top = math::TopK::create(kBest).value();
  top.offer(scores, 0);
  return top.best();
}

std::vector<ScoredIndex> rule_items_out(const Ials& ials, std::int32_t customer) {
  auto list = ials.recommend(Query::row(customer), {.k = kBest, .include_seen = true});
  if (!list) fail(to_string(list.error()));
  return *list;
}

// Microseconds a list.
template <class Make>
double time_lists(const std::vector<std::int32_t>& customers, Lists& lists, Make make) {
  lists.clear();
  const double begun = cpu_microseconds();
  for (const std::int32_t customer : customers) lists.push_back(make(customer));
  return (cpu_microseconds() - begun) / static_cast<double>(customers.size());
}

void write_matrix(const std::string& path, const math::MatrixF& matrix,
                  std::span<const std::int32_t> rows) {
  std::ofstream out(path, std::ios::binary);
  const std::int64_t shape[] = {std::ssize(rows), matrix.columns()};
  out.write(reinterpret_cast<const char*>(shape), sizeof shape);
  for (const std::int32_t row : rows) {
    const auto values = matrix.row(row);
    out.write(reinterpret_cast<const char*>(values.data()),
              static_cast<std::streamsize>(values.size_bytes()));
  }
  if (!out.flush()) fail("cannot write " + path);
}

void write_lists(const std::string& path, const Lists& lists) {
  std::ofstream out(path, std::ios::binary);
  for (const auto& list : lists) {
    std::vector<std::int32_t> items(kBest, -1);
    std::ranges::transform(list, items.begin(), &ScoredIndex::index);
    out.write(reinterpret_cast<const char*>(items.data()),
              static_cast<std::streamsize>(items.size() * sizeof(std::int32_t)));
  }
  if (!out.flush()) fail("cannot write " + path);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) fail("usage: attune_recommend_nearest FILE OUT [parameter=value ...]");
  const std::string folder = argv[2];
  const Interactions interactions = bench::read_interactions(argv[1]);
  Ials ials;
  for (int i = 3; i < argc; ++i) {
    const std::string word = argv[i];
    const std::size_t equals = std::min(word.find('='), word.size() - 1);
    if (const Status set = ials.set_parameter(word.substr(0, equals), word.substr(equals + 1));
        !set)
      fail(to_string(set.error()));
  }
  if (const auto report = ials.fit(interactions, {.threads = 2}); !report)
    fail(to_string(report.error()));

  const auto customers = choose_customers(interactions);
  std::vector<float> scores(static_cast<std::size_t>(interactions.items()));
  std::vector<double> every, ruled_out;
  Lists expected, found;
  for (int round = 0; round < kRounds; ++round) {
    every.push_back(time_lists(customers, expected, [&](std::int32_t customer) {
      return score_every_item(ials, customer, scores);
    }));
    ruled_out.push_back(time_lists(
        customers, found, [&](std::int32_t customer) { return rule_items_out(ials, customer); }));
  }
  int different = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) different += expected[i] != found[i];

  std::vector<std::int32_t> items;
  for (std::int32_t i = 0; i < interactions.items(); ++i)
    if (interactions.by_item().row_size(i) > 0) items.push_back(i);
  write_matrix(folder + "/items.f32", ials.item_vectors(), items);
  write_matrix(folder + "/queries.f32", ials.customer_vectors(), customers);
  for (auto& list : expected) {
    for (ScoredIndex& entry : list)
      entry.index =
          static_cast<std::int32_t>(std::ranges::lower_bound(items, entry.index) - items.begin());
  }
  write_lists(folder + "/exact.i32", expected);
  fmt::print(
      "{{\"items\": {}, \"every_item\": {:.1f}, \"ruled_out\": {:.1f}, \"different\": {}}}\n",
      items.size(), median(every), median(ruled_out), different);
  return 0;
}

// Folding, storing and describing on online-retail (ATTUNE_TEST_DATA, else ../shared/data): events
// and profiles a second on one core, bytes a profile. The set has no categories or brands: the
// first two characters of the stock code and its first digit stand for them, so that their cost is
// in the figures.
#include <benchmark/benchmark.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "attune/base/hash.h"
#include "attune/base/money.h"
#include "attune/profiles/clusters.h"
#include "attune/profiles/context.h"
#include "attune/profiles/segments.h"
#include "attune/profiles/shop_statistics.h"

namespace attune::profiles {
namespace {

struct Line {
  CustomerNumber customer;
  ProfileEvent event;
  TermId category;
};

std::vector<std::string> split(const std::string& row) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char c : row) {
    if (c == '"') quoted = !quoted;
    if (c == ',' && !quoted) cells.emplace_back();
    if (c != '"' && (c != ',' || quoted)) cells.back().push_back(c);
  }
  return cells;
}

std::vector<Line> read_online_retail() {
  const char* set = std::getenv("ATTUNE_TEST_DATA");
  const std::filesystem::path folder = set != nullptr ? set : "../shared/data";
  std::vector<Line> lines;
  gzFile file = gzopen((folder / "online-retail/online_retail.csv.gz").c_str(), "rb");
  if (file == nullptr) return lines;
  char buffer[4096];
  MemoryVocabulary names;
  while (gzgets(file, buffer, sizeof buffer) != nullptr) {
    std::vector<std::string> cells = split(buffer);
    if (cells.size() < 8 || cells[6].empty() || cells[6][0] < '0' || cells[6][0] > '9') continue;
    const auto when = parse_iso(cells[4]);
    const double price = std::atof(cells[5].c_str()), quantity = std::atof(cells[3].c_str());
    if (!when) continue;
    Line line;
    line.customer = {std::atoll(cells[6].c_str())};
    line.category = names.add_term(TermKindOf::category, cells[1].substr(0, 2));
    ProfileEvent& e = line.event;
    e.sequence = static_cast<std::int64_t>(lines.size()) + 1;
    e.time = utc_from_civil(when->civil);
    e.type = quantity < 0 ? events::EventType::refund : events::EventType::purchase;
    e.item = names.add_item(cells[1]);
    e.order = hash64(cells[0]);
    e.brand = names.add_term(TermKindOf::brand, cells[1].substr(0, 1));
    e.channel = {1};
    e.quantity = std::abs(quantity);
    e.price_minor = std::llround(price * 100);
    e.value_minor = std::llround(price * e.quantity * 100);
    set_local_time(e, TimeZone::utc());
    lines.push_back(line);
  }
  gzclose(file);
  return lines;
}

const std::vector<Line>& lines() {
  static const std::vector<Line> kLines = read_online_retail();
  return kLines;
}

using Profiles = std::unordered_map<CustomerNumber, ProfileAccumulator>;

Profiles fold_all() {
  const FoldRules rules;
  Profiles profiles;
  for (const Line& line : lines()) {
    ProfileEvent event = line.event;
    event.categories = std::span(&line.category, 1);
    profiles[line.customer].fold(event, rules);
  }
  return profiles;
}

void fold(benchmark::State& state) {
  if (lines().empty()) return state.SkipWithError("needs online-retail");
  for (auto _ : state) benchmark::DoNotOptimize(fold_all());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(lines().size()));
}

void serialise(benchmark::State& state) {
  const Profiles profiles = fold_all();
  std::vector<std::size_t> sizes;
  for (auto _ : state) {
    sizes.clear();
    for (const auto& [customer, profile] : profiles) sizes.push_back(profile.serialise().size());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(profiles.size()));
  if (sizes.empty()) return;
  std::ranges::sort(sizes);
  double total = 0;
  for (const std::size_t size : sizes) total += static_cast<double>(size);
  state.counters["bytes_median"] = static_cast<double>(sizes[sizes.size() / 2]);
  state.counters["bytes_mean"] = total / static_cast<double>(sizes.size());
  state.counters["bytes_p99"] = static_cast<double>(sizes[sizes.size() * 99 / 100]);
}

void parse(benchmark::State& state) {
  std::vector<std::string> blobs;
  for (const auto& [customer, profile] : fold_all()) blobs.push_back(profile.serialise());
  for (auto _ : state) {
    for (const std::string& blob : blobs) {
      benchmark::DoNotOptimize(ProfileAccumulator::parse(blob));
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(blobs.size()));
}

ShopContext context_of(const Profiles& profiles) {
  ShopStatistics statistics;
  for (const auto& [customer, profile] : profiles) statistics.add(profile.state(), TimeZone::utc());
  return statistics.context({1'323'500'000'000'000}, TimeZone::utc(), {}, {});
}

void context(benchmark::State& state) {
  const Profiles profiles = fold_all();
  for (auto _ : state) benchmark::DoNotOptimize(context_of(profiles));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(profiles.size()));
}

void describe_all(benchmark::State& state) {
  const Profiles profiles = fold_all();
  const ShopContext shop = context_of(profiles);
  for (auto _ : state) {
    for (const auto& [customer, profile] : profiles) {
      benchmark::DoNotOptimize(describe(customer, profile.state(), shop));
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(profiles.size()));
}

// All ready-made segments.
void evaluate_segments(benchmark::State& state) {
  const Profiles accumulators = fold_all();
  const ShopContext shop = context_of(accumulators);
  const MemoryVocabulary names;
  const auto ready = ready_segments();
  const auto set = SegmentSet::compile({ready.begin(), ready.end()}, TimeZone::utc(), names);
  std::vector<Profile> profiles;
  for (const auto& [customer, profile] : accumulators) {
    profiles.push_back(describe(customer, profile.state(), shop));
  }
  std::vector<bool> members;
  for (auto _ : state) {
    for (Profile& profile : profiles) set->evaluate(profile, names, members);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(profiles.size()));
}

BENCHMARK(fold)->Unit(benchmark::kMillisecond);
BENCHMARK(serialise)->Unit(benchmark::kMillisecond);
BENCHMARK(parse)->Unit(benchmark::kMillisecond);
BENCHMARK(context)->Unit(benchmark::kMillisecond);
BENCHMARK(describe_all)->Unit(benchmark::kMillisecond);
BENCHMARK(evaluate_segments)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace attune::profiles

#include "cluster_words.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace attune::profiles {
namespace {

constexpr double kNoteworthy = 0.3;  // standard deviations
constexpr std::size_t kPhrases = 3;

enum class Style : std::uint8_t { ratio, days, percent };

// How a feature is spoken of. In a phrase {0} is the cluster's mean, {1} that of all, {2} the one
// by the other.
struct Words {
  Style style;
  const char* low_tag;
  const char* high_tag;
  const char* low;
  const char* high;
};

constexpr std::array<Words, kClusterFeatureCount> kWords{{
    {Style::days, "recent", "long gone", "bought {0} days ago on average (all customers: {1})",
     "bought last {0} days ago on average (all customers: {1})"},
    {Style::ratio, "rare buyers", "frequent", "buys {2} x as often as the average",
     "buys {2} x as often as the average"},
    {Style::ratio, "low value", "high value", "spends {2} x the average in all",
     "spends {2} x the average in all"},
    {Style::ratio, "small baskets", "big baskets", "spends little per basket ({2} x the average)",
     "spends much per basket ({2} x the average)"},
    {Style::days, "quick to return", "slow to return", "comes back after {0} days (all: {1})",
     "comes back after {0} days if at all (all: {1})"},
    {Style::ratio, "few lines", "many lines", "puts few items in a basket ({2} x the average)",
     "puts many items in a basket ({2} x the average)"},
    {Style::ratio, "narrow choice", "wide choice", "buys few different items ({2} x the average)",
     "buys many different items ({2} x the average)"},
    {Style::ratio, "cheap items", "dear items", "chooses cheap items ({2} x the average price)",
     "chooses dear items ({2} x the average price)"},
    {Style::percent, "keeps purchases", "returns much", "sends back {0} of the value (all: {1})",
     "sends back {0} of the value (all: {1})"},
    {Style::percent, "daytime", "evenings", "seldom comes in the evening ({0}, all: {1})",
     "comes in the evening ({0} of activity, all: {1})"},
    {Style::percent, "weekdays", "weekends", "seldom comes at weekends ({0}, all: {1})",
     "comes at weekends ({0} of activity, all: {1})"},
}};

std::string shown(double value, Style style) {
  if (style == Style::percent) return fmt::format("{:.0f} %", 100 * value);
  return style == Style::days ? fmt::format("{:.0f}", value)
                              : fmt::format("{:.{}f}", value, std::abs(value) < 10 ? 1 : 0);
}

std::vector<std::size_t> noteworthy(const ClusterSummary& cluster) {
  std::vector<std::size_t> features(kClusterFeatureCount);
  std::iota(features.begin(), features.end(), std::size_t{0});
  const auto size = [&](std::size_t f) { return std::abs(cluster.deviations[f]); };
  std::ranges::stable_sort(features, std::greater<>(), size);
  std::erase_if(features, [&](std::size_t f) { return size(f) < kNoteworthy; });
  if (features.size() > kPhrases) features.resize(kPhrases);
  return features;
}

void describe_one(ClusterSummary& cluster, const std::array<double, kClusterFeatureCount>& all) {
  std::vector<std::string> tags, phrases;
  for (const std::size_t f : noteworthy(cluster)) {
    const Words& words = kWords[f];
    const bool high = cluster.deviations[f] > 0;
    const double ratio = all[f] != 0 ? cluster.means[f] / all[f] : 0;
    if (tags.size() < 2) tags.emplace_back(high ? words.high_tag : words.low_tag);
    phrases.push_back(fmt::format(fmt::runtime(high ? words.high : words.low),
                                  shown(cluster.means[f], words.style), shown(all[f], words.style),
                                  shown(ratio, Style::ratio)));
  }
  cluster.name = tags.empty() ? "average" : fmt::format("{}", fmt::join(tags, ", "));
  cluster.description = phrases.empty() ? "does not differ much from the average customer"
                                        : fmt::format("{}", fmt::join(phrases, "; "));
}

}  // namespace

void describe_clusters(std::span<ClusterSummary> clusters,
                       const std::array<double, kClusterFeatureCount>& all) {
  std::set<std::string> taken;
  for (ClusterSummary& cluster : clusters) {
    describe_one(cluster, all);
    const std::string plain = cluster.name;
    for (int n = 2; !taken.insert(cluster.name).second; ++n) {
      cluster.name = fmt::format("{} ({})", plain, n);
    }
  }
}

}  // namespace attune::profiles

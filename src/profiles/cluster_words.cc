#include "attune/profiles/cluster_words.h"

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
struct Phrases {
  const char* low_tag;
  const char* high_tag;
  const char* low;
  const char* high;
};
struct Words {
  Style style;
  Phrases en, zh;
};

constexpr std::array<Words, kClusterFeatureCount> kWords{{
    {Style::days,
     {"recent", "long gone", "bought {0} days ago on average (all customers: {1})",
      "bought last {0} days ago on average (all customers: {1})"},
     {"最近购买", "久未购买", "平均 {0} 天前买过（全体：{1} 天）",
      "平均已有 {0} 天未购买（全体：{1} 天）"}},
    {Style::ratio,
     {"rare buyers", "frequent", "buys {2} x as often as the average",
      "buys {2} x as often as the average"},
     {"少购", "常购", "购买次数为平均的 {2} 倍", "购买次数为平均的 {2} 倍"}},
    {Style::ratio,
     {"low value", "high value", "spends {2} x the average in all",
      "spends {2} x the average in all"},
     {"低消费", "高消费", "总消费为平均的 {2} 倍", "总消费为平均的 {2} 倍"}},
    {Style::ratio,
     {"small baskets", "big baskets", "spends little per basket ({2} x the average)",
      "spends much per basket ({2} x the average)"},
     {"小单", "大单", "每单金额低（平均的 {2} 倍）", "每单金额高（平均的 {2} 倍）"}},
    {Style::days,
     {"quick to return", "slow to return", "comes back after {0} days (all: {1})",
      "comes back after {0} days if at all (all: {1})"},
     {"回购快", "回购慢", "平均 {0} 天后回购（全体：{1} 天）",
      "即使回购也要 {0} 天（全体：{1} 天）"}},
    {Style::ratio,
     {"few lines", "many lines", "puts few items in a basket ({2} x the average)",
      "puts many items in a basket ({2} x the average)"},
     {"每单件少", "每单件多", "每单商品少（平均的 {2} 倍）", "每单商品多（平均的 {2} 倍）"}},
    {Style::ratio,
     {"narrow choice", "wide choice", "buys few different items ({2} x the average)",
      "buys many different items ({2} x the average)"},
     {"选择集中", "选择广泛", "买过的商品种类少（平均的 {2} 倍）",
      "买过的商品种类多（平均的 {2} 倍）"}},
    {Style::ratio,
     {"cheap items", "dear items", "chooses cheap items ({2} x the average price)",
      "chooses dear items ({2} x the average price)"},
     {"偏好低价", "偏好高价", "选购便宜的商品（平均价格的 {2} 倍）",
      "选购较贵的商品（平均价格的 {2} 倍）"}},
    {Style::percent,
     {"keeps purchases", "returns much", "sends back {0} of the value (all: {1})",
      "sends back {0} of the value (all: {1})"},
     {"很少退货", "退货较多", "退回金额占 {0}（全体：{1}）", "退回金额占 {0}（全体：{1}）"}},
    {Style::percent,
     {"daytime", "evenings", "seldom comes in the evening ({0}, all: {1})",
      "comes in the evening ({0} of activity, all: {1})"},
     {"白天", "晚间", "很少在晚间光顾（{0}，全体：{1}）",
      "常在晚间光顾（占活动的 {0}，全体：{1}）"}},
    {Style::percent,
     {"weekdays", "weekends", "seldom comes at weekends ({0}, all: {1})",
      "comes at weekends ({0} of activity, all: {1})"},
     {"工作日", "周末", "很少在周末光顾（{0}，全体：{1}）",
      "常在周末光顾（占活动的 {0}，全体：{1}）"}},
}};

struct Tongue {
  Phrases Words::* words;
  const char* average;
  const char* plain;
  const char* between_tags;
  const char* between_phrases;
};
constexpr Tongue kEnglish{&Words::en, "average", "does not differ much from the average customer",
                          ", ", "; "};
constexpr Tongue kChinese{&Words::zh, "普通", "与平均顾客差别不大", "、", "；"};

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

ClusterWords describe_one(const ClusterSummary& cluster,
                          const std::array<double, kClusterFeatureCount>& all,
                          const Tongue& tongue) {
  std::vector<std::string> tags, phrases;
  for (const std::size_t f : noteworthy(cluster)) {
    const Style style = kWords[f].style;
    const Phrases& words = kWords[f].*tongue.words;
    const bool high = cluster.deviations[f] > 0;
    const double ratio = all[f] != 0 ? cluster.means[f] / all[f] : 0;
    if (tags.size() < 2) tags.emplace_back(high ? words.high_tag : words.low_tag);
    phrases.push_back(fmt::format(fmt::runtime(high ? words.high : words.low),
                                  shown(cluster.means[f], style), shown(all[f], style),
                                  shown(ratio, Style::ratio)));
  }
  return {tags.empty() ? tongue.average : fmt::format("{}", fmt::join(tags, tongue.between_tags)),
          phrases.empty() ? tongue.plain
                          : fmt::format("{}", fmt::join(phrases, tongue.between_phrases))};
}

std::string unlike(const std::string& plain, std::set<std::string>& taken) {
  std::string name = plain;
  for (int n = 2; !taken.insert(name).second; ++n) name = fmt::format("{} ({})", plain, n);
  return name;
}

}  // namespace

std::vector<ClusterWords> put_into_words(std::span<const ClusterSummary> clusters, bool chinese) {
  std::array<double, kClusterFeatureCount> all{};
  double customers = 0;
  for (const ClusterSummary& cluster : clusters) customers += static_cast<double>(cluster.size);
  for (const ClusterSummary& cluster : clusters) {
    for (std::size_t f = 0; f < kClusterFeatureCount; ++f)
      all[f] += cluster.means[f] * static_cast<double>(cluster.size) / customers;
  }
  std::vector<ClusterWords> words;
  std::set<std::string> taken;
  for (const ClusterSummary& cluster : clusters) {
    words.push_back(describe_one(cluster, all, chinese ? kChinese : kEnglish));
    words.back().name = unlike(words.back().name, taken);
  }
  return words;
}

}  // namespace attune::profiles

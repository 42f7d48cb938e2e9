#include "report_words.h"

#include <array>
#include <utility>

namespace attune::engine {

std::string_view name_zh(profiles::Lifecycle stage) {
  constexpr std::array<std::string_view, 7> kNames{"未出现",     "只逛不买", "新客",  "活跃",
                                                   "有流失风险", "已流失",   "已挽回"};
  return kNames[static_cast<std::size_t>(stage)];
}

std::string_view name_zh(profiles::ValueTier tier) {
  constexpr std::array<std::string_view, 5> kNames{"无购买", "低价值", "中等价值", "高价值",
                                                   "顶级价值"};
  return kNames[static_cast<std::size_t>(tier)];
}

std::string_view ready_segment_zh(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"champions", "核心客户"},
      {"loyal", "忠诚客户"},
      {"promising", "潜力新客"},
      {"new customers", "新客户"},
      {"at risk", "流失风险客户"},
      {"valuable at risk", "高价值流失风险客户"},
      {"lapsed", "流失客户"},
      {"won back", "挽回客户"},
      {"browsers", "浏览客户"},
      {"cart abandoners", "弃购客户"},
      {"big spenders", "高消费客户"},
      {"bargain hunters", "低价偏好客户"},
      {"returners", "退货较多客户"},
      {"one-time buyers", "一次性买家"},
      {"frequent buyers", "高频买家"},
      {"infrequent buyers", "低频买家"},
      {"creators", "内容创作者"},
      {"regulars", "常客"},
      {"active engagers", "活跃互动者"},
  };
  for (const auto& [english, chinese] : kNames) {
    if (english == name) return chinese;
  }
  return {};
}

}  // namespace attune::engine

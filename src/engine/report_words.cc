#include "report_words.h"

#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

namespace attune::engine {
namespace {

using Word = std::pair<std::string_view, std::string_view>;

// Of the table; the text itself where it holds none.
std::string_view find_word(std::span<const Word> table, std::string_view text) {
  for (const auto& [english, chinese] : table) {
    if (english == text) return chinese;
  }
  return text;
}

constexpr Word kAssumedValues[] = {
    {"comma", "逗号"},         {"semicolon", "分号"},
    {"tab", "制表符"},         {"pipe", "竖线"},
    {"blanks", "空格"},        {"double colon", "双冒号"},
    {"first line", "第一行"},  {"none", "无"},
    {"day_first", "日在月前"}, {"month_first", "月在日前"},
    {"without .0", "去掉 .0"}, {"decimal comma", "逗号为小数点"},
};

}  // namespace

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

std::string assumption_zh(const events::Assumption& assumption) {
  const std::string_view what = assumption.what, why = assumption.why;
  const auto line = [&](std::string_view name, std::string_view reason) {
    return fmt::format("**{}**：{}——{}", name, find_word(kAssumedValues, assumption.value), reason);
  };
  if (what == "encoding")
    return line("编码",
                why.starts_with("stated") ? "已注明，或由文件开头标出" : "由文件开头的内容推断");
  if (what == "delimiter") return line("分隔符", "它把前几行切分得最整齐");
  if (what == "header")
    return line("表头", assumption.value == "none" ? "第一行是数据；各列称为 column_1、column_2……"
                                                   : "第一行是列名");
  if (what == "time zone") return line("时区", "时间未注明时区，采用店铺的时区");
  if (what == "time format")
    return line("时间格式", why.starts_with("a guess")
                                ? "猜测：抽样中没有大于 12 的日，无法区分日与月的先后；可用 --map "
                                  "time.format=day_first（或 month_first）说明"
                                : "抽样中的时间大多只能这样读");
  if (what == "names left out") {
    const std::string_view value = assumption.value;  // "12 values"
    return fmt::format("**略去的名称**：{} 个——对象中不同的名称过多",
                       value.substr(0, value.find(' ')));
  }
  if (what.ends_with(" ids"))
    return line(fmt::format("{} 的编号", what.substr(0, what.size() - 4)),
                "每一个都是存成小数的整数");
  if (what.ends_with(" numbers"))
    return line(fmt::format("{} 的数字", what.substr(0, what.size() - 8)),
                "抽样中小数部分前是逗号，没有点");
  return {};
}

}  // namespace attune::engine

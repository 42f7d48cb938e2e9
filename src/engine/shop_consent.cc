#include "attune/engine/shop_consent.h"

#include <algorithm>

#include <fmt/format.h>

#include "attune/base/files.h"
#include "attune/store/consent_settings.h"

namespace attune::engine {
namespace {
constexpr std::size_t kSettingsBytes = 1 << 20;
}  // namespace

bool ShopConsent::by_region(privacy::Purpose purpose) const {
  return std::ranges::any_of(rules.rules(), [&](const privacy::ConsentRule& rule) {
    return rule.purpose == purpose && !rule.region.empty();
  });
}

privacy::ConsentMode ShopConsent::strictest(privacy::Purpose purpose) const {
  const bool somewhere = std::ranges::any_of(rules.rules(), [&](const privacy::ConsentRule& rule) {
    return rule.purpose == purpose && rule.mode == privacy::ConsentMode::opt_in;
  });
  return somewhere ? privacy::ConsentMode::opt_in : mode({}, purpose);
}

Result<ShopConsent> ShopConsent::read(const store::DataFolder& folder) {
  const std::string file = folder.settings_file().string();
  ATTUNE_ASSIGN_OR_RETURN(const std::string text, read_file(file, kSettingsBytes));
  ATTUNE_ASSIGN_OR_RETURN(const auto section, store::parse_consent_settings(text, file));
  const auto placed = [&](Error error, int line) {
    error.message = fmt::format("{}:{}: consent.rules: {}", file, line, error.message);
    return std::unexpected(std::move(error));
  };
  ShopConsent consent;
  consent.region_trait = section.region;
  std::vector<privacy::ConsentRule> rules;
  for (const store::ConsentSettings::Rule& one : section.rules) {
    auto rule = privacy::parse_consent_rule(one.text);
    if (!rule) return placed(rule.error(), one.line);
    rules.push_back(std::move(*rule));
    auto all = privacy::ConsentRules::create(rules);
    if (!all) return placed(all.error(), one.line);
    consent.rules = std::move(*all);
  }
  return consent;
}

}  // namespace attune::engine

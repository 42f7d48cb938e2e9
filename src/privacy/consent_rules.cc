#include "attune/privacy/consent_rules.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::privacy {
namespace {

constexpr std::size_t kRegionBytesMax = 16;

std::string upper(std::string_view text) {
  std::string result(trim(text));
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}

bool is_region(std::string_view text) {
  return text.size() <= kRegionBytesMax && std::ranges::all_of(text, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
         });
}

bool covers(std::string_view rule, std::string_view region) {
  return rule.empty() || rule == region || (region.starts_with(rule) && region[rule.size()] == '-');
}

Error refused(std::string_view text, std::string_view why) {
  return invalid_argument(
      fmt::format("the rule of consent '{}' {}; write PURPOSE=opt-in or PURPOSE=opt-out, with a "
                  "region in front where it holds for that one only: US:email=opt-out",
                  attune::quoted(text), why));
}

}  // namespace

std::string_view name(ConsentMode mode) {
  return mode == ConsentMode::opt_in ? "opt-in" : "opt-out";
}

Result<ConsentRule> parse_consent_rule(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos) return std::unexpected(refused(text, "has no '='"));
  ConsentRule rule;
  std::string_view purpose = text.substr(0, equals);
  if (const std::size_t colon = purpose.find(':'); colon != purpose.npos) {
    rule.region = upper(purpose.substr(0, colon));
    if (rule.region.empty() || !is_region(rule.region))
      return std::unexpected(refused(text, "has no region in front of its colon"));
    purpose.remove_prefix(colon + 1);
  }
  ATTUNE_ASSIGN_OR_RETURN(rule.purpose, parse_purpose(purpose));
  const std::string mode = ascii_lower(trim(text.substr(equals + 1)));
  if (mode == "opt-out") {
    rule.mode = ConsentMode::opt_out;
  } else if (mode != "opt-in") {
    return std::unexpected(refused(text, "says neither opt-in nor opt-out"));
  }
  return rule;
}

std::string print_rule(const ConsentRule& rule) {
  return fmt::format("{}{}{}={}", rule.region, rule.region.empty() ? "" : ":", name(rule.purpose),
                     name(rule.mode));
}

Result<ConsentRules> ConsentRules::create(std::vector<ConsentRule> rules) {
  for (ConsentRule& rule : rules) {
    rule.region = upper(rule.region);
    if (!is_region(rule.region))
      return std::unexpected(refused(print_rule(rule), "has a region that is none"));
  }
  for (std::size_t i = 0; i < rules.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (rules[i].region == rules[j].region && rules[i].purpose == rules[j].purpose)
        return std::unexpected(
            refused(print_rule(rules[i]), "is the second about its region and purpose"));
    }
  }
  std::ranges::stable_sort(rules, std::ranges::greater(),
                           [](const ConsentRule& rule) { return rule.region.size(); });
  ConsentRules made;
  made.rules_ = std::move(rules);
  return made;
}

ConsentMode ConsentRules::mode(std::string_view region, Purpose purpose) const {
  const std::string wanted = upper(region);
  for (const ConsentRule& rule : rules_)
    if (rule.purpose == purpose && covers(rule.region, wanted)) return rule.mode;
  const bool own = purpose == Purpose::analytics || purpose == Purpose::personalisation;
  return own ? ConsentMode::opt_out : ConsentMode::opt_in;
}

}  // namespace attune::privacy

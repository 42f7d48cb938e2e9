// What it means that a customer never said anything. Answers: does this region ask first (opt-in),
// or does it let people say no (opt-out)?
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/privacy/consent.h"

namespace attune::privacy {

enum class ConsentMode : std::uint8_t {
  opt_in,   // unknown means no
  opt_out,  // unknown means yes
};
std::string_view name(ConsentMode mode);

// Whether data may be used. A withdrawal always holds.
constexpr bool allows(Consent consent, ConsentMode mode) {
  return consent == Consent::given || (consent == Consent::unknown && mode == ConsentMode::opt_out);
}

struct ConsentRule {
  std::string region;  // "US" or "US-CA" (ISO 3166), upper case; empty: everywhere else
  Purpose purpose = Purpose::email;
  ConsentMode mode = ConsentMode::opt_in;
  friend bool operator==(const ConsentRule&, const ConsentRule&) = default;
};

// "email=opt-out", "US:email=opt-out", "us-ca:sharing=opt-out". Errors: invalid_argument that shows
// the form, or names the nearest purpose.
Result<ConsentRule> parse_consent_rule(std::string_view text);
std::string print_rule(const ConsentRule& rule);  // parses to the same

// The rules of a shop. Of those about a purpose the one of the longest region holds that the
// customer's is or begins with ("US-CA", else "US", else everywhere).
// Without a rule: opt-in for email, sms, push, ads and sharing, opt-out for analytics and
// personalisation of what the shop's own customers see.
// Threads: immutable after creation.
class ConsentRules {
 public:
  ConsentRules() = default;
  // Errors: invalid_argument for two rules about one region and purpose.
  static Result<ConsentRules> create(std::vector<ConsentRule> rules);

  // `region` in any case, white space around it is dropped; empty: not known.
  ConsentMode mode(std::string_view region, Purpose purpose) const;
  std::span<const ConsentRule> rules() const { return rules_; }

 private:
  std::vector<ConsentRule> rules_;  // by falling length of region
};

}  // namespace attune::privacy

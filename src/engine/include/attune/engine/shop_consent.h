// What a shop's settings say of customers who never said anything. Answers: do we ask first, there?
#pragma once

#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/privacy/consent_rules.h"
#include "attune/store/data_folder.h"

namespace attune::engine {

// The section [consent] of attune.toml. Threads: immutable.
struct ShopConsent {
  privacy::ConsentRules rules;
  std::string region_trait = "country";

  // Whether the answer for `purpose` depends on the customer's region.
  bool by_region(privacy::Purpose purpose) const;
  privacy::ConsentMode mode(std::string_view region, privacy::Purpose purpose) const {
    return rules.mode(region, purpose);
  }

  // Where nobody looks at the customer's region: opt-in where any rule for `purpose` is.
  privacy::ConsentMode strictest(privacy::Purpose purpose) const;

  // As the file says now. Errors: invalid_argument naming file, line and what is wrong.
  static Result<ShopConsent> read(const store::DataFolder& folder);
};

}  // namespace attune::engine
